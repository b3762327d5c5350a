//! Installations of our GitHub App that no organization has. They belong to nobody, so no organization is named.

use sql::{client::Params as _, queries::github_unclaimed_installations as statements};

use super::{DbError, Transaction};
use crate::{clock::Timestamp, task::GitHubInstallation};

/// Notes an installation that no organization has. False when newer news of it is known, or that it is gone.
#[tracing::instrument(
    name = "db.github_unclaimed_installations.upsert",
    skip_all,
    err(level = "debug")
)]
pub async fn upsert(
    db: &Transaction<'_>,
    id: i64,
    installation: &GitHubInstallation,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpsertParams {
        github_installation_id: id,
        github_account_id: installation.account_id,
        github_account_type: installation.account_type.as_str(),
        is_suspended: installation.is_suspended,
        event_time: installation.at,
        now,
    };
    Ok(statements::upsert()
        .params(db.client, &params)
        .opt()
        .await?
        .is_some())
}

/// Says whether an installation that no organization has is on hold. False when it is not known, newer news of it is, or it
/// is gone.
#[tracing::instrument(
    name = "db.github_unclaimed_installations.update_suspended",
    skip_all,
    err(level = "debug")
)]
pub async fn update_suspended(
    db: &Transaction<'_>,
    id: i64,
    is_suspended: bool,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateSuspendedParams {
        is_suspended,
        event_time: at,
        now,
        github_installation_id: id,
    };
    let row = statements::update_suspended()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Notes that an installation is gone for good, so that late news does not bring it back.
#[tracing::instrument(
    name = "db.github_unclaimed_installations.bury",
    skip_all,
    err(level = "debug")
)]
pub async fn bury(
    db: &Transaction<'_>,
    id: i64,
    installation: &GitHubInstallation,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::BuryParams {
        github_installation_id: id,
        github_account_id: installation.account_id,
        github_account_type: installation.account_type.as_str(),
        is_suspended: installation.is_suspended,
        event_time: installation.at,
        now,
    };
    super::changed(statements::bury().params(db.client, &params).opt().await?)
}

/// Forgets an installation because an organization has claimed it. False when it was not there, or is gone at GitHub.
#[tracing::instrument(
    name = "db.github_unclaimed_installations.delete",
    skip_all,
    err(level = "debug")
)]
pub async fn delete(db: &Transaction<'_>, id: i64) -> Result<bool, DbError> {
    Ok(statements::delete().bind(db.client, &id).opt().await?.is_some())
}
