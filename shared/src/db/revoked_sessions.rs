//! Sessions that ended before their tokens did.

use sql::{client::Params as _, queries::revoked_sessions as statements};

use super::{DbError, Transaction};
use crate::clock::Timestamp;

/// Notes that a session ended; `expires_at` is when the last of its tokens has expired.
#[tracing::instrument(name = "db.revoked_sessions.upsert", skip_all, err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    clerk_session_id: &str,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpsertParams {
        clerk_session_id,
        expires_at,
    };
    statements::upsert().params(db.client, &params).one().await?;
    Ok(())
}

/// Forgets at most `count` sessions whose last token had expired before a time. Answers how many.
#[tracing::instrument(name = "db.revoked_sessions.delete_expired", skip_all, err(level = "debug"))]
pub async fn delete_expired(db: &Transaction<'_>, before: Timestamp, count: i64) -> Result<usize, DbError> {
    let params = statements::DeleteExpiredParams { before, count };
    Ok(statements::delete_expired()
        .params(db.client, &params)
        .all()
        .await?
        .len())
}
