//! The schema: the migrations of this release, compiled in.

use std::collections::BTreeSet;

use refinery::error::Kind;
use shared::db::{Connection, DbError, Refusal};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Names the lock that a run holds, among Postgres's advisory locks of the database. Any number will do.
const LOCK: i64 = 0x1f_a6_07;

/// What a run did to the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The version of the schema now.
    pub version: i32,
    /// How many migrations were missing.
    pub count: usize,
}

/// Why the schema is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database refused something.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A migration failed, and nothing of it remains.
    #[error("{what}")]
    Migration {
        /// Which, in the migration library's words.
        what: String,
        /// What the database said about it.
        source: Refusal,
    },
    /// What has been applied is not what this release knows under the same number, or the numbers are not in order.
    #[error("{0}")]
    History(String),
}

/// The version of the schema that this release brings.
#[must_use]
pub fn latest() -> i32 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(refinery::Migration::version)
        .max()
        .unwrap_or(0)
}

/// Waits until no other run works on this database. The lock is the connection's, and ends with it.
///
/// # Errors
/// When the database refuses.
#[tracing::instrument(name = "migrator.lock", skip_all, err(level = "debug"))]
pub async fn lock(connection: &mut Connection) -> Result<(), DbError> {
    connection
        .driver()
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await?;
    Ok(())
}

/// Applies the migrations that are missing, each in a transaction of its own.
///
/// Migrations that this release does not know are left alone: they are the next release's, which was rolled back, and
/// schemas are compatible with the release before.
///
/// # Errors
/// When a migration fails, and when the history is not one of this release.
#[tracing::instrument(name = "migrator.migrate", skip_all, err(level = "debug"))]
pub async fn migrate(connection: &mut Connection) -> Result<Applied, SchemaError> {
    let runner = embedded::migrations::runner()
        .set_abort_divergent(true)
        .set_abort_missing(false);
    let report = runner.run_async(connection.driver()).await?;
    let applied: BTreeSet<i32> = runner
        .get_applied_migrations_async(connection.driver())
        .await?
        .iter()
        .map(refinery::Migration::version)
        .collect();
    let skipped: Vec<String> = runner
        .get_migrations()
        .iter()
        .filter(|migration| !applied.contains(&migration.version()))
        .map(ToString::to_string)
        .collect();
    if !skipped.is_empty() {
        return Err(SchemaError::History(format!(
            "{} was added behind a later migration that is applied already: give it a new number",
            skipped.join(", ")
        )));
    }
    Ok(Applied {
        version: applied.last().copied().unwrap_or(0),
        count: report.applied_migrations().len(),
    })
}

impl From<refinery::Error> for SchemaError {
    fn from(error: refinery::Error) -> Self {
        if let Kind::Connection(what, source) = error.kind()
            && let Some(source) = source.downcast_ref::<tokio_postgres::Error>()
        {
            return Self::Migration {
                what: what.clone(),
                source: source.into(),
            };
        }
        Self::History(error.to_string())
    }
}
