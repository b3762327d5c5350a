//! The database of the existing system, which is read and never written.
//!
//! Its statement stands here and not among ours: what checks those knows the schema of this release alone.

use secrecy::SecretString;
use tokio_postgres::{IsolationLevel, Row, error::SqlState};
use uuid::Uuid;

use crate::db::{Db, DbError};

/// All connections with what belongs to them, the oldest first. The columns that some of its releases do not have are
/// not asked for.
const CONNECTIONS: &str = "
    SELECT i.id, o.clerk_org_id, i.connector_type, i.status, i.bot_id, i.connector_organization_id,
           c.credential_data_encrypted, c.encryption_key_id
      FROM public.integrations i
      LEFT JOIN public.organizations o ON o.id = i.organization_id
      LEFT JOIN public.integration_credentials c ON c.integration_id = i.id
     ORDER BY i.created_at, i.id";

/// One connection, as the existing system keeps it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its id there.
    pub id: Uuid,
    /// Clerk's id of the organization; none where there is no such organization.
    pub clerk_org_id: Option<String>,
    /// Which third party.
    pub connector_type: String,
    /// Where it stands.
    pub status: String,
    /// Our side at the third party.
    pub bot_id: Option<String>,
    /// The third party's id of what is connected.
    pub account_id: Option<String>,
    /// The credentials, sealed; none where that system lost them while it connected.
    pub sealed: Option<SecretString>,
    /// What they were sealed with.
    pub key_id: Option<String>,
}

/// Why the database of the existing system cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is another database: perhaps that of this deployment.
    #[error("this is not the database of the existing system: its tables are not there")]
    OtherSchema,
    /// The database.
    #[error("the database of the existing system cannot be read")]
    Db(#[from] DbError),
}

impl From<tokio_postgres::Error> for SourceError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(&SqlState::UNDEFINED_TABLE | &SqlState::UNDEFINED_COLUMN) => Self::OtherSchema,
            _ => Self::Db(error.into()),
        }
    }
}

/// Reads all connections, as they are at one moment.
///
/// # Errors
/// [`SourceError`]
#[tracing::instrument(name = "integration.import.read", skip_all)]
pub async fn read(old: &Db) -> Result<Vec<Stored>, SourceError> {
    let mut connection = old.get().await?;
    let transaction = connection
        .driver()
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let rows = transaction.query(CONNECTIONS, &[]).await?;
    rows.iter().map(stored).collect()
}

fn stored(row: &Row) -> Result<Stored, SourceError> {
    let named = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(Stored {
        id: row.try_get("id")?,
        clerk_org_id: named(row.try_get("clerk_org_id")?),
        connector_type: row.try_get("connector_type")?,
        status: row.try_get("status")?,
        bot_id: named(row.try_get("bot_id")?),
        account_id: named(row.try_get("connector_organization_id")?),
        sealed: row
            .try_get::<_, Option<String>>("credential_data_encrypted")?
            .map(SecretString::from),
        key_id: row.try_get("encryption_key_id")?,
    })
}
