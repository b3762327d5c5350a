//! One run, from secrets to secrets.

use std::time::Duration;

use serde_json::{Map, Value};
use shared::{
    config::Env,
    db::{Connection, DatabaseSecret, Db, DbError, SslMode},
    secret::manager::{SecretError, SecretStore},
    telemetry::Causes,
};

use crate::{
    role::{self, RoleError},
    schema::{self, SchemaError},
};

/// How often, and at what distance, the database is looked for: one that was made a moment ago may not answer yet.
const CONNECT_ATTEMPTS: u32 = 5;
const CONNECT_PAUSE: Duration = Duration::from_secs(2);

/// What the environment says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The secret of the role that the functions log in as; this function completes it.
    pub application_secret: String,
    /// The secret of the role that may change the schema.
    pub admin_secret: String,
    /// Where the database is, when that stands in no secret.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Its name.
    pub dbname: Option<String>,
}

impl Settings {
    /// Reads `DATABASE_SECRET_ARN`, `DATABASE_ADMIN_SECRET_ARN`, and `DATABASE_HOST`, `DATABASE_PORT` and
    /// `DATABASE_NAME`, which may be absent.
    pub fn read(env: &mut Env) -> Self {
        Self {
            application_secret: env.required("DATABASE_SECRET_ARN"),
            admin_secret: env.required("DATABASE_ADMIN_SECRET_ARN"),
            host: env.optional("DATABASE_HOST"),
            port: env
                .optional("DATABASE_PORT")
                .map(|_| env.parsed("DATABASE_PORT", 5432)),
            dbname: env.optional("DATABASE_NAME"),
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The version of the schema now.
    pub version: i32,
    /// How many migrations were missing.
    pub applied: usize,
    /// Whether the application's secret had to be completed.
    pub secret_changed: bool,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum MigratorError {
    /// A secret could not be read or written.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A secret does not lead anywhere.
    #[error("{0}")]
    Incomplete(&'static str),
    /// The administrator could not log in, or could not work.
    #[error("as the administrator")]
    Admin(#[source] DbError),
    /// The schema is not what it should be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// There is no proper role for the functions.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// What was prepared does not work.
    #[error("as the application")]
    Application(#[source] DbError),
    /// The code broke down.
    #[error("the migrator broke down, see its log")]
    Defect,
    /// Lambda's time is over.
    #[error("the time was not enough; what is applied stays applied, and another run goes on from there")]
    OutOfTime,
}

impl MigratorError {
    /// The whole story in one line, for CloudFormation.
    #[must_use]
    pub fn reason(&self) -> String {
        Causes(self).to_string()
    }
}

/// Brings the database and the application's secret to where this release needs them.
///
/// # Errors
/// Whatever stands in the way; what was done until then stays, and the next run goes on from there.
pub async fn run(settings: &Settings, secrets: &SecretStore) -> Result<Report, MigratorError> {
    let mut admin: DatabaseSecret = secrets.json(&settings.admin_secret).await?;
    admin.host = settings.host.clone().or(admin.host);
    admin.port = settings.port.or(admin.port);
    admin.dbname = settings.dbname.clone().or(admin.dbname);
    let before: Map<String, Value> = secrets.json(&settings.application_secret).await?;
    let after = complete(before.clone(), &admin)?;
    let application: DatabaseSecret = serde_json::from_value(Value::Object(after.clone()))
        .map_err(|_| MigratorError::Incomplete("the application's secret holds no user name and password"))?;
    if application.username == admin.username {
        return Err(MigratorError::Incomplete(
            "the application's secret names the administrator's role",
        ));
    }

    let applied = prepare(&admin, &application).await?;

    // Last, so that a secret never leads to a database that is not ready.
    let secret_changed = after != before;
    if secret_changed {
        secrets.put_json(&settings.application_secret, &after).await?;
    }
    Ok(Report {
        version: applied.version,
        applied: applied.count,
        secret_changed,
    })
}

/// Brings a database to the schema of this release and makes the application's role; ends with a login as that role.
///
/// # Errors
/// Whatever stands in the way.
pub async fn prepare(
    admin: &DatabaseSecret,
    application: &DatabaseSecret,
) -> Result<schema::Applied, MigratorError> {
    let mut connection = connect(admin).await.map_err(MigratorError::Admin)?;
    schema::lock(&mut connection)
        .await
        .map_err(MigratorError::Admin)?;
    let applied = schema::migrate(&mut connection).await?;
    role::ensure(&mut connection, application).await?;
    drop(connection);

    let mut connection = connect(application).await.map_err(MigratorError::Application)?;
    connection
        .driver()
        .simple_query("SELECT FROM conversations LIMIT 0")
        .await
        .map_err(|error| MigratorError::Application(error.into()))?;
    Ok(applied)
}

/// A connection of its own, which ends with its last use: so does a lock that it holds.
async fn connect(secret: &DatabaseSecret) -> Result<Connection, DbError> {
    let db = Db::new(secret, 1)?;
    let mut attempt = 1;
    loop {
        match db.get().await {
            Err(error) if error.is_outage() && !error.is_login_refused() && attempt < CONNECT_ATTEMPTS => {
                tracing::warn!(attempt, reason = %error, "the database does not answer yet");
                tokio::time::sleep(CONNECT_PAUSE).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

/// The application's secret with the place of the database in it, as the administrator's secret has it. Fields that
/// are not about the place stay.
fn complete(
    mut secret: Map<String, Value>,
    admin: &DatabaseSecret,
) -> Result<Map<String, Value>, MigratorError> {
    let (Some(host), Some(dbname)) = (&admin.host, &admin.dbname) else {
        return Err(MigratorError::Incomplete(
            "neither the administrator's secret nor DATABASE_HOST and DATABASE_NAME say where the database is",
        ));
    };
    secret.insert("host".to_owned(), host.as_str().into());
    secret.insert("port".to_owned(), admin.port.unwrap_or(5432).into());
    secret.insert("dbname".to_owned(), dbname.as_str().into());
    match admin.sslmode {
        SslMode::VerifyFull => secret.remove("sslmode"),
        SslMode::Disable => secret.insert("sslmode".to_owned(), admin.sslmode.as_str().into()),
    };
    match &admin.ca {
        None => secret.remove("ca"),
        Some(ca) => secret.insert("ca".to_owned(), ca.as_str().into()),
    };
    Ok(secret)
}
