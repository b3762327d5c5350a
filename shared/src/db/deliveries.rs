//! The ledger: one effect per delivery, however often it arrives and whoever dies on the way.
//!
//! A worker claims a delivery and holds a lease, which it prolongs while it works. When the lease runs out, another
//! worker may take over; the fence grows, and what the first worker still writes is refused. Times are the caller's
//! clock.

use deadpool_postgres::Client;
use sql::{client::Params as _, queries::deliveries as statements};

use super::{Connection, DbError, Transaction};
use crate::{clock::Timestamp, task::DeliveryKey};

/// The right to work on a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Names this claim; a later one has a greater.
    pub fence: i64,
    /// How often the delivery was claimed, this time included.
    pub attempt: i32,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Claimed(Lease),
    /// It has been dealt with, well or badly.
    Finished,
    /// Another worker has it, until then at least.
    Held {
        /// When its lease runs out.
        until: Timestamp,
    },
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Well.
    Done,
    /// No retry can cure it.
    Failed {
        /// Why: a code, never content.
        reason: &'a str,
    },
}

impl<'a> Outcome<'a> {
    pub(super) const fn state(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed { .. } => "failed",
        }
    }

    pub(super) const fn reason(self) -> Option<&'a str> {
        match self {
            Self::Done => None,
            Self::Failed { reason } => Some(reason),
        }
    }
}

/// The claim, prepared. None when another worker was faster while the statement waited for it.
pub(super) async fn try_claim(
    statement: &statements::ClaimStmt,
    client: &Client,
    key: &DeliveryKey,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Claim>, tokio_postgres::Error> {
    let params = statements::ClaimParams {
        source: key.source.as_str(),
        key: key.key.as_str(),
        lease_until,
        now,
    };
    let row = statement.params(client, &params).opt().await?;
    Ok(row.map(|row| match (row.claimed, row.state.as_str()) {
        (true, _) => Claim::Claimed(Lease {
            fence: row.fence,
            attempt: row.attempts,
        }),
        (false, "in_progress") => Claim::Held {
            until: row.lease_until,
        },
        (false, _) => Claim::Finished,
    }))
}

/// Claims once more where the first claim saw nothing: the other worker has committed by then, and is seen.
pub(super) async fn claim_again(
    db: &Transaction<'_>,
    key: &DeliveryKey,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Claim, DbError> {
    try_claim(&statements::claim(), db.client, key, now, lease_until)
        .await?
        .ok_or(DbError::RowsAffected {
            expected: 1,
            actual: 0,
        })
}

/// Claims a delivery, or tells who has it.
#[tracing::instrument(name = "db.deliveries.claim", skip_all, err(level = "debug"))]
pub async fn claim(
    db: &Transaction<'_>,
    key: &DeliveryKey,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Claim, DbError> {
    match try_claim(&statements::claim(), db.client, key, now, lease_until).await? {
        Some(claim) => Ok(claim),
        None => claim_again(db, key, now, lease_until).await,
    }
}

/// Prolongs a lease; false when it was lost. With an `until` that has passed, gives it back: whoever comes next may
/// claim.
#[tracing::instrument(name = "db.deliveries.extend", skip_all, err(level = "debug"))]
pub async fn extend(
    db: &Connection,
    key: &DeliveryKey,
    lease: Lease,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::ExtendParams {
        lease_until: until,
        now,
        source: key.source.as_str(),
        key: key.key.as_str(),
        fence: lease.fence,
    };
    Ok(statements::extend()
        .params(&db.client, &params)
        .opt()
        .await?
        .is_some())
}

/// Ends a delivery for which nothing was posted.
///
/// # Errors
/// [`DbError::LeaseLost`] when another worker has taken over.
#[tracing::instrument(name = "db.deliveries.finish", skip_all, err(level = "debug"))]
pub async fn finish(
    db: &Connection,
    key: &DeliveryKey,
    lease: Lease,
    outcome: Outcome<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::FinishParams {
        state: outcome.state(),
        reason: outcome.reason(),
        now,
        source: key.source.as_str(),
        key: key.key.as_str(),
        fence: lease.fence,
    };
    match statements::finish().params(&db.client, &params).opt().await? {
        Some(_) => Ok(()),
        None => Err(DbError::LeaseLost),
    }
}

/// A delivery as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `in_progress`, `done` or `failed`.
    pub state: String,
    /// The last claim's fence.
    pub fence: i64,
    /// How often it was claimed.
    pub attempts: i32,
    /// Until when the last claim holds.
    pub lease_until: Timestamp,
    /// Why it failed.
    pub reason: Option<String>,
}

/// A delivery as it stands, if it ever came.
#[tracing::instrument(name = "db.deliveries.find", skip_all, err(level = "debug"))]
pub async fn find(db: &Connection, key: &DeliveryKey) -> Result<Option<Delivery>, DbError> {
    let params = statements::FindParams {
        source: key.source.as_str(),
        key: key.key.as_str(),
    };
    let row = statements::find().params(&db.client, &params).opt().await?;
    Ok(row.map(|row| Delivery {
        state: row.state,
        fence: row.fence,
        attempts: row.attempts,
        lease_until: row.lease_until,
        reason: row.reason,
    }))
}

/// Notes a delivery as dealt with, in the transaction of its effect. False when it was dealt with before, or somebody is
/// at it: then there must be no effect. Waits for another transaction that is about to note the same.
#[tracing::instrument(name = "db.deliveries.record", skip_all, err(level = "debug"))]
pub async fn record(db: &Transaction<'_>, key: &DeliveryKey, now: Timestamp) -> Result<bool, DbError> {
    let params = statements::RecordParams {
        source: key.source.as_str(),
        key: key.key.as_str(),
        now,
    };
    let row = statements::record().params(db.client, &params).opt().await?;
    Ok(row.is_some())
}

/// Forgets at most `count` deliveries to which nothing has happened since a time. Answers how many.
#[tracing::instrument(name = "db.deliveries.delete_expired", skip_all, err(level = "debug"))]
pub async fn delete_expired(db: &Transaction<'_>, before: Timestamp, count: i64) -> Result<usize, DbError> {
    let params = statements::DeleteExpiredParams { before, count };
    Ok(statements::delete_expired()
        .params(db.client, &params)
        .all()
        .await?
        .len())
}
