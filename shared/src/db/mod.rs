//! What we keep: a thin typed layer over the generated statements of the `sql` crate.
//!
//! One file per aggregate, one function per statement of `shared/queries/<aggregate>.sql`. The organization on whose
//! behalf something happens is always the second argument, and the transaction must have [entered] it: row-level
//! security shows nothing otherwise. Rows leave this module with typed ids.
//!
//! To add a statement: write it in `shared/queries`, run `cargo xtask codegen`, add its function here.
//!
//! [entered]: Transaction::enter

mod access;
pub mod alert_settings;
pub mod alerts;
pub mod audit_events;
pub mod callers;
pub mod channels;
pub mod conversations;
pub mod deliveries;
mod error;
pub mod expired;
pub mod github_repositories;
pub mod github_unclaimed_installations;
pub mod integration_activities;
pub mod integration_credentials;
pub mod integration_nonces;
pub mod integration_revocations;
pub mod integrations;
pub mod messages;
pub mod oauth_states;
pub mod organization_members;
pub mod organization_metadata;
pub mod organizations;
pub mod rate_limits;
pub mod reconciliations;
pub mod revoked_sessions;
mod secret;
mod tls;
pub mod turns;
pub mod users;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::{FutureExt as _, future};
use secrecy::ExposeSecret as _;
use sql::{client::Params as _, queries::scope as statements};
use tokio_postgres::{NoTls, config::SslMode as WireSslMode};

pub use access::Access;
pub use error::{DbError, Refusal};
pub use secret::{DatabaseSecret, SslMode};

use crate::{clock::Timestamp, id::OrganizationId};

/// How long it may take to connect, TLS and login included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a caller waits for its turn with a connection.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it still lives.
const IDLE: Duration = Duration::from_mins(1);
/// How long data may go unacknowledged before the connection counts as dead.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// A pool of connections to the database, made when they are needed.
///
/// That a statement ends after five seconds is a setting of the application role (the migrator makes it): a proxy in
/// front of the database refuses such settings from clients.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    usage: Arc<Mutex<Usage>>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").finish_non_exhaustive()
    }
}

/// When the pool was last used, by two clocks: in a sandbox that sleeps, the one that measures durations may sleep too.
#[derive(Debug)]
struct Usage {
    last: SystemTime,
    /// Connections that are older than this must be checked.
    suspect_before: Instant,
}

impl Db {
    /// A pool of at most `max_connections`; connects to nothing yet.
    ///
    /// # Errors
    /// [`DbError::Secret`] when the secret does not say where the database is, or asks for an unencrypted connection
    /// to another machine.
    pub fn new(secret: &DatabaseSecret, max_connections: usize) -> Result<Self, DbError> {
        let (Some(host), Some(dbname)) = (&secret.host, &secret.dbname) else {
            return Err(DbError::Secret(
                "it names no host and database: the migrator has not completed it",
            ));
        };
        let mut config = tokio_postgres::Config::new();
        config
            .host(host)
            .port(secret.port.unwrap_or(5432))
            .dbname(dbname)
            .user(&secret.username)
            .password(secret.password.expose_secret())
            .application_name("infragpt")
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(Duration::from_secs(30));

        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match secret.sslmode {
            SslMode::VerifyFull => {
                config.ssl_mode(WireSslMode::Require);
                Manager::from_config(config, tls::connector(host, secret.ca.as_deref())?, recycling)
            }
            SslMode::Disable if secret::is_loopback(host) => {
                config.ssl_mode(WireSslMode::Disable);
                Manager::from_config(config, NoTls, recycling)
            }
            SslMode::Disable => {
                return Err(DbError::Secret(
                    "sslmode `disable` is for a database on this machine alone",
                ));
            }
        };

        let usage = Arc::new(Mutex::new(Usage {
            last: SystemTime::now(),
            suspect_before: Instant::now(),
        }));
        let pool = Pool::builder(manager)
            .max_size(max_connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .pre_recycle(check_after_idling(usage.clone()))
            .build()
            .map_err(|_| DbError::Secret("the pool cannot be built"))?;
        Ok(Self { pool, usage })
    }

    /// True for clones of one pool.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.usage, &other.usage)
    }

    /// A connection of the pool; goes back when dropped.
    ///
    /// # Errors
    /// [`DbError::Pool`] when none can be made in time.
    #[tracing::instrument(name = "db.connect", skip_all, err(level = "debug"))]
    pub async fn get(&self) -> Result<Connection, DbError> {
        {
            let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
            let now = SystemTime::now();
            if now.duration_since(usage.last).is_ok_and(|idle| idle > IDLE) {
                usage.suspect_before = Instant::now();
            }
            usage.last = now;
        }
        Ok(Connection {
            client: self.pool.get().await?,
        })
    }
}

/// Asks a connection that has idled whether it still lives; one that does not is replaced by a new one.
fn check_after_idling(usage: Arc<Mutex<Usage>>) -> Hook {
    Hook::async_fn(move |client, metrics| {
        let suspect_before = usage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .suspect_before;
        let used = metrics.recycled.unwrap_or(metrics.created);
        Box::pin(async move {
            if used >= suspect_before && metrics.last_used() <= IDLE {
                return Ok(());
            }
            client
                .simple_query("")
                .await
                .map(drop)
                .map_err(HookError::Backend)
        })
    })
}

/// One connection, for one caller at a time.
#[derive(Debug)]
pub struct Connection {
    client: deadpool_postgres::Client,
}

impl Connection {
    /// The driver's own client, for those who change the schema. Everybody else uses this module's functions.
    pub fn driver(&mut self) -> &mut tokio_postgres::Client {
        &mut self.client
    }

    /// Asks the database whether it answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.client.batch_execute("SELECT").await?;
        Ok(())
    }

    /// Begins a transaction.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, DbError> {
        let transaction = Transaction::not_begun(&self.client);
        transaction.client.batch_execute("BEGIN").await?;
        Ok(transaction)
    }

    /// Begins a transaction that works for one organization, in one round trip.
    pub async fn begin_for(&mut self, scope: OrganizationId) -> Result<Transaction<'_>, DbError> {
        let enter = statements::enter().prepare(&self.client).await?;
        let transaction = Transaction::not_begun(&self.client);
        let scope = EnterText::new(scope);
        let (begun, entered) = future::join(
            transaction.client.batch_execute("BEGIN"),
            enter.bind(transaction.client, scope.as_str()).one(),
        )
        .await;
        begun?;
        entered?;
        Ok(transaction)
    }

    /// Begins a transaction that may read and change the rows that mirror one person, one organization, and the
    /// membership of the one in the other, by Clerk's ids; blank for none. One round trip.
    pub async fn begin_naming(
        &mut self,
        clerk_user_id: &str,
        clerk_org_id: &str,
    ) -> Result<Transaction<'_>, DbError> {
        let name = statements::name_identity().prepare(&self.client).await?;
        let transaction = Transaction::not_begun(&self.client);
        let names = statements::NameIdentityParams {
            clerk_user_id,
            clerk_org_id,
        };
        let (begun, visible) = future::join(
            transaction.client.batch_execute("BEGIN"),
            name.params(transaction.client, &names).one(),
        )
        .await;
        begun?;
        visible?;
        Ok(transaction)
    }

    /// Runs one statement for one organization in a transaction of its own, all in one round trip: the four requests
    /// are sent before the first answer is awaited, in the order of the arguments of `join4`. A statement that fails
    /// turns the `COMMIT` behind it into a rollback.
    ///
    /// `statement` must be prepared, must not have been polled, and must answer rows: one that only executes is
    /// prepared by the generated code when it is polled, so its `COMMIT` would overtake it. Hence `RETURNING` in the
    /// statements that come here.
    async fn once<T>(
        &mut self,
        scope: OrganizationId,
        statement: impl AsyncFnOnce(&deadpool_postgres::Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DbError> {
        let enter = statements::enter().prepare(&self.client).await?;
        let mut transaction = Transaction::not_begun(&self.client);
        let scope = EnterText::new(scope);
        let (begun, entered, outcome, committed) = future::join4(
            transaction.client.batch_execute("BEGIN"),
            enter.bind(transaction.client, scope.as_str()).one(),
            statement(transaction.client),
            transaction.client.batch_execute("COMMIT"),
        )
        .await;
        begun?;
        entered?;
        let outcome = outcome?;
        committed?;
        transaction.open = false;
        Ok(outcome)
    }
}

/// An organization as the setting's text.
struct EnterText(String);

impl EnterText {
    fn new(scope: OrganizationId) -> Self {
        Self(scope.uuid().to_string())
    }

    fn as_str(&self) -> &String {
        &self.0
    }
}

/// A transaction; dropped without [`Transaction::commit`], it never happened.
#[derive(Debug)]
pub struct Transaction<'c> {
    client: &'c deadpool_postgres::Client,
    open: bool,
}

impl<'c> Transaction<'c> {
    /// The guard stands before `BEGIN` is sent, so that a caller that is cancelled in between leaves nothing open.
    fn not_begun(client: &'c deadpool_postgres::Client) -> Self {
        Self { client, open: true }
    }

    /// From here on the transaction works for `scope`, and for no third party's id that it looked up before.
    pub async fn enter(&self, scope: OrganizationId) -> Result<(), DbError> {
        let scope = EnterText::new(scope);
        statements::enter()
            .bind(self.client, scope.as_str())
            .one()
            .await?;
        Ok(())
    }

    /// From here on the transaction may read and change the rows that mirror one person, one organization, and the
    /// membership of the one in the other, by Clerk's ids; blank for none.
    pub async fn name_identity(&self, clerk_user_id: &str, clerk_org_id: &str) -> Result<(), DbError> {
        let names = statements::NameIdentityParams {
            clerk_user_id,
            clerk_org_id,
        };
        statements::name_identity()
            .params(self.client, &names)
            .one()
            .await?;
        Ok(())
    }

    /// From here on the transaction may read who and what a comparison with Clerk that began `before` has not come
    /// across.
    pub async fn name_unseen(&self, before: Timestamp) -> Result<(), DbError> {
        let before = before.to_rfc3339();
        statements::name_unseen().bind(self.client, &before).one().await?;
        Ok(())
    }

    /// From here on the transaction may remove what was deleted at Clerk, or expired, `before`.
    pub async fn name_expired(&self, before: Timestamp) -> Result<(), DbError> {
        let before = before.to_rfc3339();
        statements::name_expired()
            .bind(self.client, &before)
            .one()
            .await?;
        Ok(())
    }

    /// From here on the transaction may find what is to be done about connections and credentials `before`, whoever they
    /// belong to.
    pub async fn name_due(&self, before: Timestamp) -> Result<(), DbError> {
        let before = before.to_rfc3339();
        statements::name_due().bind(self.client, &before).one().await?;
        Ok(())
    }

    /// From here on the transaction may find credentials that are sealed under another KMS key than this, whoever they
    /// belong to.
    pub async fn name_credentials_key(&self, key_id: &str) -> Result<(), DbError> {
        statements::name_credentials_key()
            .bind(self.client, &key_id)
            .one()
            .await?;
        Ok(())
    }

    /// From here on the transaction may use up one state that came back through a browser, by its hash.
    pub async fn name_state(&self, state_hash: &oauth_states::Hash) -> Result<(), DbError> {
        let digits = hex::encode(state_hash);
        statements::name_state().bind(self.client, &digits).one().await?;
        Ok(())
    }

    /// From here on a statement of the transaction may take so long, in the place of the role's five seconds.
    pub async fn be_patient(&self, limit: Duration) -> Result<(), DbError> {
        // A statement that sets takes no parameters. 0 would be no limit.
        let limit = limit.as_millis().clamp(1, i32::MAX as u128);
        let statement = format!("SET LOCAL statement_timeout = {limit}");
        Ok(self.client.batch_execute(&statement).await?)
    }

    /// Makes it happen.
    pub async fn commit(mut self) -> Result<(), DbError> {
        self.client.batch_execute("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    /// Undoes it, and waits until that is done.
    pub async fn rollback(mut self) -> Result<(), DbError> {
        self.client.batch_execute("ROLLBACK").await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    /// Sends the rollback without waiting for it: whatever is sent on this connection later comes after it.
    fn drop(&mut self) {
        if self.open {
            let _ = self.client.batch_execute("ROLLBACK").now_or_never();
        }
    }
}

/// A row must have changed.
fn changed<T>(row: Option<T>) -> Result<(), DbError> {
    row.map(drop).ok_or(DbError::RowsAffected {
        expected: 1,
        actual: 0,
    })
}
