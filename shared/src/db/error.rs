//! What can go wrong with the database, without anything that stood in a row or a statement's values.

use std::{error::Error, fmt, io};

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::secret::manager::SecretError;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The secret does not lead to a database.
    #[error("the database's secret is not usable: {0}")]
    Secret(&'static str),
    /// The secret could not be read.
    #[error("the database's secret cannot be read")]
    SecretUnavailable(#[source] SecretError),
    /// No connection could be had.
    #[error("no connection to the database")]
    Pool(#[source] Refusal),
    /// A statement was not carried out.
    #[error("the database did not carry out a statement")]
    Query(#[source] Refusal),
    /// A row that is unique, or that another refers to, stands in the way.
    #[error("the constraint {constraint} does not hold")]
    Conflict {
        /// The constraint's name.
        constraint: String,
    },
    /// A statement changed another number of rows than it must.
    #[error("{expected} rows were to be changed, and {actual} were")]
    RowsAffected {
        /// How many must change.
        expected: u64,
        /// How many did.
        actual: u64,
    },
    /// Another worker has taken over the delivery; nothing was changed.
    #[error("the lease was lost to another worker")]
    LeaseLost,
    /// A column holds what the code cannot read.
    #[error("{table}.{column} holds what it must not")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// Its column.
        column: &'static str,
        /// Why it cannot be read.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl DbError {
    pub(super) fn corrupt(
        table: &'static str,
        column: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Corrupt {
            table,
            column,
            source: source.into(),
        }
    }

    /// True when the database is away, is failing over or is too busy: the same thing may work later.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Pool(_) | Self::SecretUnavailable(_) => true,
            Self::Query(refusal) => refusal.outage,
            Self::Secret(_)
            | Self::Conflict { .. }
            | Self::RowsAffected { .. }
            | Self::LeaseLost
            | Self::Corrupt { .. } => false,
        }
    }

    /// True when somebody else kept what was to be changed for longer than a statement waits.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Query(Refusal { state: Some(state), .. })
            if state == SqlState::LOCK_NOT_AVAILABLE.code() || state == SqlState::QUERY_CANCELED.code())
    }

    /// True when the database did not accept user name and password: they may have been changed since the secret was
    /// read.
    #[must_use]
    pub fn is_login_refused(&self) -> bool {
        matches!(self, Self::Pool(Refusal { state: Some(state), .. })
            if state == SqlState::INVALID_PASSWORD.code()
                || state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION.code())
    }
}

/// Why the database or the way to it refused something.
///
/// Postgres's details and hints are left out: they quote the values of a row, and those are what people said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    state: Option<String>,
    reason: String,
    outage: bool,
}

impl Refusal {
    /// Postgres's five-letter SQLSTATE, where Postgres itself answered.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Some(state) => write!(f, "{} ({state})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Error for Refusal {}

impl From<&tokio_postgres::Error> for Refusal {
    fn from(error: &tokio_postgres::Error) -> Self {
        if let Some(refused) = error.as_db_error() {
            return Self {
                state: Some(refused.code().code().to_owned()),
                reason: refused.message().to_owned(),
                outage: is_outage(refused.code()),
            };
        }
        let source = error.source();
        let outage = error.is_closed() || source.is_some_and(<dyn Error>::is::<io::Error>);
        Self {
            state: None,
            reason: source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
            outage,
        }
    }
}

/// Classes and codes of SQLSTATE that say: not now. Source: appendix A of the Postgres manual.
fn is_outage(state: &SqlState) -> bool {
    let code = state.code();
    // Connection exception, insufficient resources, operator intervention, system error.
    ["08", "53", "57", "58"]
        .iter()
        .any(|class| code.starts_with(class))
        || [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            // A primary that has just become a replica.
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ]
        .contains(state)
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        let constraint = error.as_db_error().and_then(|refused| {
            [SqlState::UNIQUE_VIOLATION, SqlState::FOREIGN_KEY_VIOLATION]
                .contains(refused.code())
                .then(|| refused.constraint().unwrap_or_default().to_owned())
        });
        match constraint {
            Some(constraint) => Self::Conflict { constraint },
            None => Self::Query((&error).into()),
        }
    }
}

impl From<PoolError> for DbError {
    fn from(error: PoolError) -> Self {
        Self::Pool(match error {
            PoolError::Backend(error) => (&error).into(),
            other => Refusal {
                state: None,
                reason: other.to_string(),
                outage: true,
            },
        })
    }
}
