//! Making room for somebody who signed in before Clerk's webhooks came.

use serde_json::json;

use super::apply::Cause;
use crate::{
    clock::Timestamp,
    db::{
        Connection, DbError, audit_events,
        organization_members::{self, Sides},
        organizations, users,
    },
    id::Ids,
    task::{ClerkMembership, MemberRole},
};

/// A membership as a verified session token claims it.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// The person, `user_…`.
    pub user_id: &'a str,
    /// The organization, `org_…`.
    pub organization_id: &'a str,
    /// The organization's name for addresses, which is all that a token tells of its name.
    pub slug: &'a str,
    /// What the person may do.
    pub role: MemberRole,
    /// Since when the person belongs there, as far as we know.
    pub joined_at: Timestamp,
    /// As of when this is true, by Clerk's clock. Nothing is known of a time where Clerk has never told of the
    /// membership: the beginning of time then, so that whatever Clerk does tell counts as later.
    pub at: Timestamp,
}

/// What there is of a membership once room is made for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provisioned {
    /// Both sides of it.
    pub sides: Sides,
    /// What the person may do.
    pub role: MemberRole,
}

/// Makes what is missing of a person, an organization and the membership of the one in the other. What Clerk has told
/// meanwhile of a later time holds against the claim. None when the membership has ended, or when Clerk has deleted one
/// of the two: that is final.
///
/// # Errors
/// Whatever the database says; nothing is made then.
#[tracing::instrument(name = "identity.provision", skip_all)]
pub async fn provision(
    db: &mut Connection,
    ids: &Ids,
    claimed: Claimed<'_>,
    cause: Cause<'_>,
    now: Timestamp,
) -> Result<Option<Provisioned>, DbError> {
    let tx = db.begin_naming(claimed.user_id, claimed.organization_id).await?;
    let user = users::ensure(&tx, ids.user(), claimed.user_id, now).await?;
    let organization = organizations::ensure(
        &tx,
        ids.organization(),
        claimed.organization_id,
        claimed.slug,
        now,
    )
    .await?;
    if user.deleted_at.is_some() || organization.deleted_at.is_some() {
        return Ok(None);
    }
    let sides = Sides {
        organization: organization.id,
        user: user.id,
    };
    let membership = ClerkMembership {
        organization_id: claimed.organization_id.to_owned(),
        user_id: claimed.user_id.to_owned(),
        role: claimed.role,
        joined_at: claimed.joined_at,
        updated_at: claimed.at,
    };
    let role = if organization_members::upsert(&tx, sides, &membership, now).await? {
        tx.enter(organization.id).await?;
        let details = json!({ "role": claimed.role.as_str() });
        let entry = cause.entry(ids, "member.provisioned", user.id, details, now);
        audit_events::insert(&tx, organization.id, &entry).await?;
        Some(claimed.role)
    } else {
        // Somebody was faster than we, since we looked. Both sides are locked, so this is how it stays until the end.
        organization_members::find(&tx, claimed.organization_id, claimed.user_id)
            .await?
            .filter(|there| there.deleted_at.is_none())
            .map(|there| there.role)
    };
    tx.commit().await?;
    Ok(role.map(|role| Provisioned { sides, role }))
}
