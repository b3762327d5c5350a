//! Tenants.

use sql::{client::Params as _, queries::organizations as statements};

use super::{DbError, Transaction};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, UserId},
    task::ClerkOrganization,
};

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
    /// When we first heard of it.
    pub created_at: Timestamp,
    /// When Clerk deleted it.
    pub deleted_at: Option<Timestamp>,
}

/// The row that mirrors an organization, which may be a stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mirrored {
    /// Its id.
    pub id: OrganizationId,
    /// When Clerk deleted it.
    pub deleted_at: Option<Timestamp>,
}

/// Mirrors an organization, under `id` where there is no row yet; the transaction must [name] it. None when what is
/// there is as new. `created_by` is who created it, where that is known.
///
/// [name]: super::Connection::begin_naming
#[tracing::instrument(name = "db.organizations.upsert", skip_all, err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    id: OrganizationId,
    organization: &ClerkOrganization,
    created_by: Option<UserId>,
    now: Timestamp,
) -> Result<Option<OrganizationId>, DbError> {
    write(db, id, organization, created_by, None, now).await
}

/// Leaves a tombstone in the place of an organization, without its name: nothing that is said about it later brings it
/// back. None when it is there already.
#[tracing::instrument(name = "db.organizations.bury", skip_all, err(level = "debug"))]
pub async fn bury(
    db: &Transaction<'_>,
    id: OrganizationId,
    clerk_org_id: &str,
    at: Timestamp,
    now: Timestamp,
) -> Result<Option<OrganizationId>, DbError> {
    let nothing = ClerkOrganization {
        id: clerk_org_id.to_owned(),
        name: String::new(),
        slug: String::new(),
        created_by: None,
        updated_at: at,
    };
    write(db, id, &nothing, None, Some(at), now).await
}

async fn write(
    db: &Transaction<'_>,
    id: OrganizationId,
    organization: &ClerkOrganization,
    created_by: Option<UserId>,
    deleted_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<OrganizationId>, DbError> {
    let params = statements::UpsertParams {
        organization_id: id.uuid(),
        clerk_org_id: organization.id.as_str(),
        name: organization.name.as_str(),
        slug: organization.slug.as_str(),
        created_by_user_id: created_by.map(UserId::uuid),
        source_updated_at: organization.updated_at,
        deleted_at,
        now,
    };
    let id = statements::upsert().params(db.client, &params).opt().await?;
    Ok(id.map(OrganizationId::from))
}

/// The row that mirrors an organization, made as a stub with `id` and, until Clerk tells the name, with its slug as a
/// name where there is none. Stays locked until the transaction, which must name the organization, ends.
#[tracing::instrument(name = "db.organizations.ensure", skip_all, err(level = "debug"))]
pub async fn ensure(
    db: &Transaction<'_>,
    id: OrganizationId,
    clerk_org_id: &str,
    slug: &str,
    now: Timestamp,
) -> Result<Mirrored, DbError> {
    let params = statements::EnsureParams {
        organization_id: id.uuid(),
        clerk_org_id,
        name: slug,
        slug,
        never: Timestamp::UNIX_EPOCH,
        now,
    };
    let row = statements::ensure().params(db.client, &params).one().await?;
    Ok(Mirrored {
        id: row.organization_id.into(),
        deleted_at: row.deleted_at,
    })
}

/// The row that mirrors an organization, if there is one; the transaction must [name] it.
///
/// [name]: super::Connection::begin_naming
#[tracing::instrument(name = "db.organizations.find_mirrored", skip_all, err(level = "debug"))]
pub async fn find_mirrored(db: &Transaction<'_>, clerk_org_id: &str) -> Result<Option<Mirrored>, DbError> {
    let row = statements::find_mirrored()
        .bind(db.client, &clerk_org_id)
        .opt()
        .await?;
    Ok(row.map(|row| Mirrored {
        id: row.organization_id.into(),
        deleted_at: row.deleted_at,
    }))
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
        created_at: row.created_at,
        deleted_at: row.deleted_at,
    }))
}

/// Notes that a comparison with Clerk came across an organization, which the transaction must name.
#[tracing::instrument(name = "db.organizations.update_seen", skip_all, err(level = "debug"))]
pub async fn update_seen(db: &Transaction<'_>, clerk_org_id: &str, now: Timestamp) -> Result<(), DbError> {
    let params = statements::UpdateSeenParams { now, clerk_org_id };
    statements::update_seen().params(db.client, &params).opt().await?;
    Ok(())
}

/// At most `count` organizations, by Clerk's ids, that a comparison which began `before` has not come across. The
/// transaction must have named that time.
#[tracing::instrument(name = "db.organizations.list_unseen", skip_all, err(level = "debug"))]
pub async fn list_unseen(
    db: &Transaction<'_>,
    before: Timestamp,
    count: i64,
) -> Result<Vec<String>, DbError> {
    let params = statements::ListUnseenParams { before, count };
    Ok(statements::list_unseen().params(db.client, &params).all().await?)
}

/// Removes at most `count` organizations that were deleted at Clerk before a time, which the transaction must have named,
/// with everything that hangs on them. Answers how many.
#[tracing::instrument(name = "db.organizations.delete_expired", skip_all, err(level = "debug"))]
pub async fn delete_expired(db: &Transaction<'_>, before: Timestamp, count: i64) -> Result<usize, DbError> {
    let params = statements::DeleteExpiredParams { before, count };
    Ok(statements::delete_expired()
        .params(db.client, &params)
        .all()
        .await?
        .len())
}
