//! How fast people and organizations call. What lets a call through is a part of [`super::callers`].

use sql::{client::Params as _, queries::rate_limits as statements};

use super::{DbError, Transaction};
use crate::clock::Timestamp;

/// Forgets at most `count` subjects that were not ahead of their rate at a time. Answers how many.
#[tracing::instrument(name = "db.rate_limits.delete_expired", skip_all, err(level = "debug"))]
pub async fn delete_expired(db: &Transaction<'_>, before: Timestamp, count: i64) -> Result<usize, DbError> {
    let params = statements::DeleteExpiredParams { before, count };
    Ok(statements::delete_expired()
        .params(db.client, &params)
        .all()
        .await?
        .len())
}
