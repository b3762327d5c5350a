//! Who belongs to which organization, and may do what there.

use sql::{client::Params as _, queries::organization_members as statements};

use super::{DbError, Transaction};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, UserId},
    task::{ClerkMembership, MemberRole},
};

/// Both sides of a membership, by our ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
}

/// Mirrors a membership; the transaction must [name] both sides. False when what is there is as new.
///
/// [name]: super::Connection::begin_naming
#[tracing::instrument(name = "db.organization_members.upsert", skip_all, err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    sides: Sides,
    membership: &ClerkMembership,
    now: Timestamp,
) -> Result<bool, DbError> {
    write(db, sides, membership, None, now).await
}

/// Leaves a tombstone in the place of a membership: only what is said about a later time brings it back. False when what
/// is there is as new.
#[tracing::instrument(name = "db.organization_members.bury", skip_all, err(level = "debug"))]
pub async fn bury(
    db: &Transaction<'_>,
    sides: Sides,
    clerk_org_id: &str,
    clerk_user_id: &str,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let ended = ClerkMembership {
        organization_id: clerk_org_id.to_owned(),
        user_id: clerk_user_id.to_owned(),
        role: MemberRole::Member,
        joined_at: at,
        updated_at: at,
    };
    write(db, sides, &ended, Some(at), now).await
}

async fn write(
    db: &Transaction<'_>,
    sides: Sides,
    membership: &ClerkMembership,
    deleted_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpsertParams {
        organization_id: sides.organization.uuid(),
        user_id: sides.user.uuid(),
        clerk_org_id: membership.organization_id.as_str(),
        clerk_user_id: membership.user_id.as_str(),
        role: membership.role.as_str(),
        source_updated_at: membership.updated_at,
        deleted_at,
        joined_at: membership.joined_at,
        now,
    };
    let row = statements::upsert().params(db.client, &params).opt().await?;
    Ok(row.is_some())
}

/// Reads a role as it stands in a row.
pub(super) fn role(word: &str) -> Result<MemberRole, DbError> {
    [MemberRole::Admin, MemberRole::Member]
        .into_iter()
        .find(|role| role.as_str() == word)
        .ok_or_else(|| DbError::corrupt("organization_members", "role", "an unknown word"))
}

/// A membership as it is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// What the person may do.
    pub role: MemberRole,
    /// Since when that is so, by Clerk's clock.
    pub updated_at: Timestamp,
    /// When it ended.
    pub deleted_at: Option<Timestamp>,
    /// When the person joined.
    pub joined_at: Timestamp,
}

/// A membership, ended or not, both sides of which the transaction must name.
#[tracing::instrument(name = "db.organization_members.find", skip_all, err(level = "debug"))]
pub async fn find(
    db: &Transaction<'_>,
    clerk_org_id: &str,
    clerk_user_id: &str,
) -> Result<Option<Membership>, DbError> {
    let params = statements::FindParams {
        clerk_org_id,
        clerk_user_id,
    };
    let row = statements::find().params(db.client, &params).opt().await?;
    row.map(|row| {
        Ok(Membership {
            role: role(&row.role)?,
            updated_at: row.source_updated_at,
            deleted_at: row.deleted_at,
            joined_at: row.joined_at,
        })
    })
    .transpose()
}

/// A member of an organization, as colleagues see them.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// The primary e-mail address; blank where there is none.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Address of the picture.
    pub image_url: String,
    /// What the person may do.
    pub role: MemberRole,
    /// Since when.
    pub joined_at: Timestamp,
}

// Names and addresses are nobody's business who reads a log.
impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("user", &self.user)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// A place in the list of members: behind the one who joined then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When that one joined.
    pub joined_at: Timestamp,
    /// Who that is.
    pub user: UserId,
}

impl Place {
    /// Before all members.
    pub const START: Self = Self {
        joined_at: Timestamp::UNIX_EPOCH,
        user: UserId::NIL,
    };
}

/// Which members to list.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    /// Those with this role.
    pub role: Option<MemberRole>,
    /// Those of whom a name begins so, in any case.
    pub prefix: Option<&'a str>,
    /// Also those whose e-mail address begins so.
    pub search_email: bool,
}

/// At most `count` members of an organization, in the order in which they joined, from behind a place.
#[tracing::instrument(name = "db.organization_members.list", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn list(
    db: &Transaction<'_>,
    scope: OrganizationId,
    filter: Filter<'_>,
    after: Place,
    count: i64,
) -> Result<Vec<Member>, DbError> {
    let params = statements::ListParams {
        organization_id: scope.uuid(),
        after_joined_at: after.joined_at,
        after_user_id: after.user.uuid(),
        role: filter.role.map(MemberRole::as_str),
        prefix: filter.prefix,
        search_email: filter.search_email,
        count,
    };
    let rows = statements::list().params(db.client, &params).all().await?;
    rows.into_iter()
        .map(|row| {
            Ok(Member {
                user: row.user_id.into(),
                email: row.email,
                first_name: row.first_name,
                last_name: row.last_name,
                image_url: row.image_url,
                role: role(&row.role)?,
                joined_at: row.joined_at,
            })
        })
        .collect()
}

/// The organizations that a person belongs to, whom the transaction must name.
#[tracing::instrument(name = "db.organization_members.list_of_user", skip_all, err(level = "debug"))]
pub async fn list_of_user(db: &Transaction<'_>, clerk_user_id: &str) -> Result<Vec<OrganizationId>, DbError> {
    let ids = statements::list_of_user()
        .bind(db.client, &clerk_user_id)
        .all()
        .await?;
    Ok(ids.into_iter().map(OrganizationId::from).collect())
}

/// Notes that a comparison with Clerk came across a membership, both sides of which the transaction must name.
#[tracing::instrument(name = "db.organization_members.update_seen", skip_all, err(level = "debug"))]
pub async fn update_seen(
    db: &Transaction<'_>,
    clerk_org_id: &str,
    clerk_user_id: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpdateSeenParams {
        now,
        clerk_org_id,
        clerk_user_id,
    };
    statements::update_seen().params(db.client, &params).opt().await?;
    Ok(())
}

/// At most `count` members of an organization, by Clerk's ids, whose membership is older than a comparison which began
/// `before` and which that has not come across.
#[tracing::instrument(name = "db.organization_members.list_unseen", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn list_unseen(
    db: &Transaction<'_>,
    scope: OrganizationId,
    before: Timestamp,
    count: i64,
) -> Result<Vec<String>, DbError> {
    let params = statements::ListUnseenParams {
        organization_id: scope.uuid(),
        before,
        count,
    };
    Ok(statements::list_unseen().params(db.client, &params).all().await?)
}

/// Removes at most `count` memberships that ended before a time, which the transaction must have named. Answers how many.
#[tracing::instrument(
    name = "db.organization_members.delete_expired",
    skip_all,
    err(level = "debug")
)]
pub async fn delete_expired(db: &Transaction<'_>, before: Timestamp, count: i64) -> Result<usize, DbError> {
    let params = statements::DeleteExpiredParams { before, count };
    Ok(statements::delete_expired()
        .params(db.client, &params)
        .all()
        .await?
        .len())
}
