//! A database for every test: a copy of one that was migrated once.
//!
//! The first test of a run starts a server and migrates a template; the others wait for it and copy. The server ends
//! with the run: with nextest, or for other runners with the process of the tests. The administrator is none of
//! Postgres's superusers, as on Amazon RDS, and migrations and roles are made by the migrator's own code.

use std::{fs, path::PathBuf, thread};

use anyhow::Context as _;
use migrator::run;
use nix::unistd::getppid;
use secrecy::ExposeSecret as _;
use shared::{
    clock::Timestamp,
    config::Env,
    db::{DatabaseSecret, Db, DbError},
    id::{Ids, IntegrationId, OrganizationId},
    secret::vault::Sealed,
};
use tokio_postgres::NoTls;

use crate::{
    postgres::{self, Binaries, Lifetime, Server},
    seed::{self, Installation},
};

const ADMINISTRATOR: &str = "administrator";
const APPLICATION: &str = "infragpt_app";
const TEMPLATE: &str = "template_migrated";

/// A database of its own, removed when dropped.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    /// A database with the schema of this release.
    ///
    /// # Errors
    /// When there is no Postgres, with a sentence that says what to do.
    pub async fn new() -> anyhow::Result<Self> {
        Self::create(&format!("TEMPLATE {TEMPLATE}")).await
    }

    /// A database with nothing in it.
    ///
    /// # Errors
    /// As [`Database::new`].
    pub async fn empty() -> anyhow::Result<Self> {
        Self::create("").await
    }

    async fn create(how: &str) -> anyhow::Result<Self> {
        let server = server().await?;
        let name = Ids::random().task().to_string();
        client(&server.superuser("postgres"))
            .await?
            .batch_execute(&format!("CREATE DATABASE {name} OWNER {ADMINISTRATOR} {how}"))
            .await?;
        Ok(Self { server, name })
    }

    /// How the functions log in.
    #[must_use]
    pub fn application(&self) -> DatabaseSecret {
        self.login(APPLICATION)
    }

    /// How the one who may change the schema logs in.
    #[must_use]
    pub fn administrator(&self) -> DatabaseSecret {
        self.login(ADMINISTRATOR)
    }

    fn login(&self, role: &str) -> DatabaseSecret {
        login(&self.server, role, &self.name)
    }

    /// The functions' way in, with `connections` at the most.
    ///
    /// # Errors
    /// Never: the secret is complete.
    pub fn pool(&self, connections: usize) -> Result<Db, DbError> {
        Db::new(&self.application(), connections)
    }

    /// A connection that may see and do everything.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn superuser(&self) -> anyhow::Result<tokio_postgres::Client> {
        client(&self.server.superuser(&self.name)).await
    }

    /// A connection as the functions' role, without their code.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn plain(&self) -> anyhow::Result<tokio_postgres::Client> {
        client(&self.application()).await
    }

    /// Every row of every table, as text.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn dump(&self) -> anyhow::Result<String> {
        let superuser = self.superuser().await?;
        let tables = superuser
            .query(
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
                &[],
            )
            .await?;
        let mut rows = String::new();
        for table in tables {
            let table: String = table.get(0);
            let found = superuser
                .query(&format!("SELECT t::text FROM \"{table}\" t"), &[])
                .await?;
            rows.extend(
                found
                    .iter()
                    .map(|row| format!("{table}: {}\n", row.get::<_, String>(0))),
            );
        }
        Ok(rows)
    }

    /// How many rows there are of what follows `FROM`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn count(&self, from: &str) -> anyhow::Result<i64> {
        let superuser = self.superuser().await?;
        let count = superuser
            .query_one(&format!("SELECT count(*) FROM {from}"), &[])
            .await?;
        Ok(count.get(0))
    }

    /// It goes away: who is connected is thrown out, and none but superusers are let in.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn goes_away(&self) -> anyhow::Result<()> {
        let server = client(&self.server.superuser("postgres")).await?;
        self.limit_connections(&server, 0).await?;
        server
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                &[&self.name],
            )
            .await?;
        Ok(())
    }

    /// It is back.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn comes_back(&self) -> anyhow::Result<()> {
        let server = client(&self.server.superuser("postgres")).await?;
        self.limit_connections(&server, -1).await
    }

    async fn limit_connections(&self, server: &tokio_postgres::Client, limit: i32) -> anyhow::Result<()> {
        let statement = format!("ALTER DATABASE {} CONNECTION LIMIT {limit}", self.name);
        Ok(server.batch_execute(&statement).await?)
    }

    /// Adds an organization.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn organization(&self, slug: &str, now: Timestamp) -> Result<OrganizationId, DbError> {
        let mut connection = self.pool(1)?.get().await?;
        seed::organization(&mut connection, &Ids::random(), slug, now).await
    }

    /// Connects a Slack workspace, with `sealed` as its credentials.
    ///
    /// # Errors
    /// When the database refuses: another organization may have the workspace.
    pub async fn connect_slack(
        &self,
        organization: OrganizationId,
        team: &str,
        sealed: &Sealed,
        now: Timestamp,
    ) -> Result<IntegrationId, DbError> {
        let mut connection = self.pool(1)?.get().await?;
        let installation = Installation {
            external_id: team,
            bot_user_id: "U0BOT",
            bot_token: "",
        };
        let id = Ids::random().integration();
        seed::sealed_slack(&mut connection, organization, id, installation, sealed, now).await
    }
}

impl Drop for Database {
    /// Removes it from a thread of its own: a test's runtime is about to end.
    fn drop(&mut self) {
        let secret = self.server.superuser("postgres");
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let removal = thread::spawn(move || -> anyhow::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async { Ok(client(&secret).await?.batch_execute(&statement).await?) })
        });
        // Where it fails, the database goes with the server.
        drop(removal.join());
    }
}

fn login(server: &Server, role: &str, database: &str) -> DatabaseSecret {
    DatabaseSecret {
        username: role.to_owned(),
        ..server.superuser(database)
    }
}

/// A client of the driver, connected.
pub(crate) async fn client(secret: &DatabaseSecret) -> anyhow::Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::Config::new()
        .host(secret.host.as_deref().unwrap_or_default())
        .port(secret.port.unwrap_or_default())
        .dbname(secret.dbname.as_deref().unwrap_or_default())
        .user(&secret.username)
        .password(secret.password.expose_secret())
        .connect(NoTls)
        .await
        .context("the tests' Postgres does not answer")?;
    #[expect(
        clippy::disallowed_methods,
        reason = "no function: the connection lives as long as its client"
    )]
    tokio::spawn(connection);
    Ok(client)
}

/// The server of this run, started and furnished by the first who asks.
async fn server() -> anyhow::Result<Server> {
    // Under nextest each test is a process, and they share a parent; elsewhere they are threads of one.
    let (run, owner) = match Env::from_process().optional("NEXTEST_RUN_ID") {
        Some(run) => (run, u32::try_from(getppid().as_raw())?),
        None => (std::process::id().to_string(), std::process::id()),
    };
    let folder: PathBuf = std::env::temp_dir().join(format!("infragpt-tests-{run}"));
    fs::create_dir_all(&folder)?;
    let _lock = postgres::lock(&folder.join("lock"))?;
    let ready = folder.join("ready");
    if let Ok(port) = fs::read_to_string(&ready) {
        return Server::attach(&folder, port.parse()?);
    }
    let server = Server::start(&Binaries::find()?, &folder, None, Lifetime::With(owner))?;
    furnish(&server).await?;
    fs::write(&ready, server.port().to_string())?;
    Ok(server)
}

/// Makes what every database is copied from.
async fn furnish(server: &Server) -> anyhow::Result<()> {
    let superuser = server.superuser("postgres");
    let client = client(&superuser).await?;
    // Letters, digits and `_` only.
    let password = superuser.password.expose_secret();
    client
        .batch_execute(&format!(
            "CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB PASSWORD '{password}'"
        ))
        .await?;
    client
        .batch_execute(&format!("CREATE DATABASE {TEMPLATE} OWNER {ADMINISTRATOR}"))
        .await?;
    run::prepare(
        &login(server, ADMINISTRATOR, TEMPLATE),
        &login(server, APPLICATION, TEMPLATE),
    )
    .await
    .context("the template cannot be migrated")?;
    Ok(())
}
