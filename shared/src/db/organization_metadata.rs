//! What organizations told us about themselves when they signed up.

use sql::{client::Params as _, queries::organization_metadata as statements};

use super::{DbError, Transaction};
use crate::{clock::Timestamp, id::OrganizationId};

/// What an organization told us about itself. The words are those of the lists in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// How big the company is.
    pub company_size: String,
    /// How many people will use InfraGPT.
    pub team_size: String,
    /// What it is for.
    pub use_cases: Vec<String>,
    /// What they watch their systems with.
    pub observability_stack: Vec<String>,
    /// When it was first told.
    pub completed_at: Timestamp,
}

/// What an organization told us about itself, if it has.
#[tracing::instrument(name = "db.organization_metadata.find", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn find(db: &Transaction<'_>, scope: OrganizationId) -> Result<Option<Metadata>, DbError> {
    let row = statements::find().bind(db.client, &scope.uuid()).opt().await?;
    Ok(row.map(|row| Metadata {
        company_size: row.company_size,
        team_size: row.team_size,
        use_cases: row.use_cases,
        observability_stack: row.observability_stack,
        completed_at: row.completed_at,
    }))
}

/// Keeps what an organization tells about itself; `completed_at` counts the first time only. False when nothing is new.
#[tracing::instrument(name = "db.organization_metadata.upsert", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    metadata: &Metadata,
) -> Result<bool, DbError> {
    let params = statements::UpsertParams {
        organization_id: scope.uuid(),
        company_size: metadata.company_size.as_str(),
        team_size: metadata.team_size.as_str(),
        use_cases: metadata.use_cases.as_slice(),
        observability_stack: metadata.observability_stack.as_slice(),
        now: metadata.completed_at,
    };
    let row = statements::upsert().params(db.client, &params).opt().await?;
    Ok(row.is_some())
}
