//! What nobody needs any more, of the tables whose rows say themselves until when they are kept, whoever they belong to.
//! The transaction must [name] the time.
//!
//! [name]: Transaction::name_expired

use sql::{client::Params as _, queries::expired as statements};

use super::{DbError, Transaction};
use crate::clock::Timestamp;

/// Removes at most `count` connections that were started and did not come back in time. Answers how many.
#[tracing::instrument(name = "db.expired.delete_oauth_states", skip_all, err(level = "debug"))]
pub async fn delete_oauth_states(
    db: &Transaction<'_>,
    before: Timestamp,
    count: i64,
) -> Result<usize, DbError> {
    let params = statements::DeleteOauthStatesParams { before, count };
    let rows = statements::delete_oauth_states()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows.len())
}

/// Removes at most `count` things that happened at third parties long ago. Answers how many.
#[tracing::instrument(name = "db.expired.delete_activities", skip_all, err(level = "debug"))]
pub async fn delete_activities(
    db: &Transaction<'_>,
    before: Timestamp,
    count: i64,
) -> Result<usize, DbError> {
    let params = statements::DeleteActivitiesParams { before, count };
    let rows = statements::delete_activities()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows.len())
}

/// Removes at most `count` alerts. Answers how many.
#[tracing::instrument(name = "db.expired.delete_alerts", skip_all, err(level = "debug"))]
pub async fn delete_alerts(db: &Transaction<'_>, before: Timestamp, count: i64) -> Result<usize, DbError> {
    let params = statements::DeleteAlertsParams { before, count };
    let rows = statements::delete_alerts()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows.len())
}

/// Forgets at most `count` installations that nobody has claimed and of which nothing was heard since. They belong to
/// nobody, so no time needs to be named. Answers how many.
#[tracing::instrument(
    name = "db.expired.delete_unclaimed_installations",
    skip_all,
    err(level = "debug")
)]
pub async fn delete_unclaimed_installations(
    db: &Transaction<'_>,
    before: Timestamp,
    count: i64,
) -> Result<usize, DbError> {
    let params = statements::DeleteUnclaimedInstallationsParams { before, count };
    let rows = statements::delete_unclaimed_installations()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows.len())
}
