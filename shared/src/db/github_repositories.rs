//! Repositories that GitHub connections reach: as events tell of them, and as they were read in full.

use serde_json::{Value, json};
use sql::{client::Params as _, queries::github_repositories as statements};

use super::{DbError, Transaction};
use crate::{
    clock::Timestamp,
    connector::contract,
    id::{IntegrationId, OrganizationId},
    task::{GitHubRepository, GitHubRepositoryName},
};

/// What a connection may do in the repositories that it reaches, as far as that is the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct May {
    /// Whether it may administer them.
    pub administer: bool,
    /// Whether it may push.
    pub push: bool,
    /// Whether it may read.
    pub pull: bool,
}

/// What a connection reaches in addition, as far as a list tells: `names` with their pages. Each id must be there once. Of
/// what is known already nothing is blanked, and what is newer than `at` stays.
#[tracing::instrument(name = "db.github_repositories.upsert_listed", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn upsert_listed(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    names: impl Iterator<Item = (&GitHubRepositoryName, String)>,
    (may, at): (May, Timestamp),
    now: Timestamp,
) -> Result<usize, DbError> {
    let repositories: Value = names
        .map(|(repository, url)| {
            json!({
                "id": repository.id,
                "name": repository.full_name.split_once('/').map_or("", |(_, name)| name),
                "full_name": repository.full_name,
                "url": url,
                "is_private": repository.is_private,
            })
        })
        .collect();
    let params = statements::UpsertListedParams {
        integration_id: integration.uuid(),
        organization_id: scope.uuid(),
        may_administer: may.administer,
        may_push: may.push,
        may_pull: may.pull,
        event_time: at,
        now,
        repositories: &repositories,
    };
    let rows = statements::upsert_listed()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows.len())
}

/// Applies what an event of its own tells of a repository that the connection reaches. False when it does not reach it, or
/// newer news was applied.
#[tracing::instrument(name = "db.github_repositories.update_told", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_told(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    repository: &GitHubRepository,
    now: Timestamp,
) -> Result<bool, DbError> {
    let details = repository.details.as_ref();
    let params = statements::UpdateToldParams {
        repository_name: repository.name.as_str(),
        repository_full_name: repository.full_name.as_str(),
        repository_url: repository.url.as_str(),
        is_private: repository.is_private,
        has_details: details.is_some(),
        default_branch: details.and_then(|details| details.default_branch.as_deref()),
        repository_description: details.and_then(|details| details.description.as_deref()),
        repository_language: details.and_then(|details| details.language.as_deref()),
        github_created_at: details.and_then(|details| details.created_at),
        github_pushed_at: details.and_then(|details| details.pushed_at),
        event_time: repository.at,
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        github_repository_id: repository.id,
    };
    let row = statements::update_told().params(db.client, &params).opt().await?;
    Ok(row.is_some())
}

/// Whether a connection reaches a repository.
#[tracing::instrument(name = "db.github_repositories.reaches", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn reaches(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    repository: i64,
) -> Result<bool, DbError> {
    let params = statements::FindParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        github_repository_id: repository,
    };
    Ok(statements::find()
        .params(db.client, &params)
        .opt()
        .await?
        .is_some())
}

/// Forgets repositories that a connection reaches no longer. Answers how many it did reach.
#[tracing::instrument(name = "db.github_repositories.delete", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn delete(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    repositories: &[i64],
) -> Result<usize, DbError> {
    let params = statements::DeleteParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        github_repository_ids: repositories,
    };
    Ok(statements::delete().params(db.client, &params).all().await?.len())
}

/// Keeps a page of repositories as it was read by a reading that began at `started_at`. Each id must be there once. What an
/// event told later than that stays.
#[tracing::instrument(name = "db.github_repositories.upsert_read", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn upsert_read(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    page: impl Iterator<Item = &contract::Repository>,
    started_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    let repositories: Value = page
        .map(|repository| {
            json!({
                "id": repository.id,
                "name": repository.name,
                "full_name": repository.full_name,
                "url": repository.url,
                "is_private": repository.is_private,
                "default_branch": repository.default_branch,
                "may_administer": repository.may_administer,
                "may_push": repository.may_push,
                "may_pull": repository.may_pull,
                "description": repository.description,
                "language": repository.language,
                "github_created_at": repository.created_at,
                "github_updated_at": repository.updated_at,
                "github_pushed_at": repository.pushed_at,
            })
        })
        .collect();
    let params = statements::UpsertReadParams {
        integration_id: integration.uuid(),
        organization_id: scope.uuid(),
        started_at,
        now,
        repositories: &repositories,
    };
    statements::upsert_read().params(db.client, &params).all().await?;
    Ok(())
}

/// Forgets the repositories that a full reading which began at `started_at` has not come across. Answers how many.
#[tracing::instrument(name = "db.github_repositories.delete_unread", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn delete_unread(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    started_at: Timestamp,
) -> Result<usize, DbError> {
    let params = statements::DeleteUnreadParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        started_at,
    };
    let rows = statements::delete_unread()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows.len())
}
