//! Tenants.

use sql::{client::Params as _, queries::organizations as statements};

use super::{DbError, Transaction, changed};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, UserId},
};

/// A new organization.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Clerk's id of it, `org_…`.
    pub clerk_org_id: &'a str,
    /// Its name as people see it.
    pub name: &'a str,
    /// Its name for addresses.
    pub slug: &'a str,
    /// Who created it, if that person is known here.
    pub created_by: Option<UserId>,
    /// Clerk's own time of the change.
    pub source_updated_at: Timestamp,
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Clerk's id of it.
    pub clerk_org_id: String,
    /// Its name as people see it.
    pub name: String,
    /// Its name for addresses.
    pub slug: String,
    /// When Clerk deleted it.
    pub deleted_at: Option<Timestamp>,
}

/// Adds an organization; the transaction must have entered its new id.
#[tracing::instrument(name = "db.organizations.insert", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn insert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    new: &New<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::InsertParams {
        organization_id: scope.uuid(),
        clerk_org_id: new.clerk_org_id,
        name: new.name,
        slug: new.slug,
        created_by_user_id: new.created_by.map(UserId::uuid),
        source_updated_at: new.source_updated_at,
        now,
    };
    changed(statements::insert().params(db.client, &params).opt().await?)
}

/// An organization, deleted or not.
#[tracing::instrument(name = "db.organizations.find", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn find(db: &Transaction<'_>, scope: OrganizationId) -> Result<Option<Organization>, DbError> {
    let row = statements::find().bind(db.client, &scope.uuid()).opt().await?;
    Ok(row.map(|row| Organization {
        id: row.organization_id.into(),
        clerk_org_id: row.clerk_org_id,
        name: row.name,
        slug: row.slug,
        deleted_at: row.deleted_at,
    }))
}
