//! Applying what changed at Clerk, whatever comes twice, late or in another order.
//!
//! Each row that mirrors something keeps the greatest of all that was ever said about it: the latest by Clerk's clock,
//! and a tombstone rather than what it buries. Since "the greatest of a set" knows no order, neither does the mirror.
//! What else a change brings about follows from the row, or is of the kind that cannot be undone: a deleted person's or
//! organization's memberships are not touched, because nobody reads a membership whose sides are gone.
//!
//! | deleted at Clerk | goes at once | goes after 30 days | stays |
//! |---|---|---|---|
//! | person | name, address, picture | the row, memberships | the record of what they did, under their id |
//! | organization | name, connections, credentials | the row, and all that hangs on it | the record of what was done |
//! | membership | – | the row | the record |

use std::{fmt::Display, time::Duration};

use serde_json::{Value, json};

use crate::{
    clock::{Timestamp, after},
    db::{
        DbError, Transaction,
        audit_events::{self, AuditEvent, Outcome},
        integration_credentials, integrations,
        organization_members::{self, Sides},
        organizations, revoked_sessions, users,
    },
    id::{Ids, OrganizationId},
    task::IdentityChange,
};

/// How long an ended session is remembered: longer than any of its tokens is taken.
pub const REMEMBERED: Duration = Duration::from_hours(25);

/// Who makes a change, for the record.
#[derive(Debug, Clone, Copy)]
pub struct Cause<'a> {
    /// The function that acts, or a person's id.
    pub actor: &'a str,
    /// The request or delivery that made it act.
    pub request_id: Option<&'a str>,
    /// The network address that the request came from.
    pub address: Option<&'a str>,
    /// Who acts in the person's place, by Clerk's id.
    pub impersonator: Option<&'a str>,
}

impl<'a> Cause<'a> {
    /// A function that acts by itself, because of a delivery where there is one.
    #[must_use]
    pub const fn by_itself(function: &'a str, delivery: Option<&'a str>) -> Self {
        Self {
            actor: function,
            request_id: delivery,
            address: None,
            impersonator: None,
        }
    }

    /// An entry for the record; `details` are facts by name. Who acts in a person's place is added to them.
    #[must_use]
    pub fn entry(
        self,
        ids: &Ids,
        action: &str,
        subject: impl Display,
        mut details: Value,
        now: Timestamp,
    ) -> AuditEvent {
        if let (Some(impersonator), Some(details)) = (self.impersonator, details.as_object_mut()) {
            details.insert("impersonated_by".to_owned(), impersonator.into());
        }
        AuditEvent {
            id: ids.audit_event(),
            actor: self.actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_string(),
            outcome: Outcome::Succeeded,
            details,
            request_id: self.request_id.map(str::to_owned),
            address: self.address.map(str::to_owned),
            at: now,
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The mirror is another than before.
    Changed,
    /// The mirror was as new, or newer.
    Unchanged,
}

impl From<bool> for Applied {
    fn from(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::Unchanged }
    }
}

/// Applies a change in a transaction, and adds to the record of the organizations concerned if it made a difference.
///
/// # Errors
/// Whatever the database says; the transaction is of no use then.
#[tracing::instrument(name = "identity.apply", skip_all)]
pub async fn apply(
    tx: &Transaction<'_>,
    ids: &Ids,
    change: &IdentityChange,
    cause: Cause<'_>,
    now: Timestamp,
) -> Result<Applied, DbError> {
    match change {
        IdentityChange::UserUpserted(user) => {
            tx.name_identity(&user.id, "").await?;
            let changed = users::upsert(tx, ids.user(), user, now).await?;
            Ok(changed.is_some().into())
        }
        IdentityChange::UserDeleted { user_id, at } => {
            tx.name_identity(user_id, "").await?;
            let Some(user) = users::bury(tx, ids.user(), user_id, *at, now).await? else {
                return Ok(Applied::Unchanged);
            };
            for organization in organization_members::list_of_user(tx, user_id).await? {
                let entry = cause.entry(ids, "user.deleted", user, json!({}), now);
                record(tx, organization, &entry).await?;
            }
            Ok(Applied::Changed)
        }
        IdentityChange::OrganizationUpserted(organization) => {
            let created_by = organization.created_by.as_deref();
            tx.name_identity(created_by.unwrap_or_default(), &organization.id)
                .await?;
            // People before organizations, here as everywhere: whoever locks in one order waits for nobody in a circle.
            let created_by = match created_by {
                Some(user) => Some(users::ensure(tx, ids.user(), user, now).await?.id),
                None => None,
            };
            let id = organizations::upsert(tx, ids.organization(), organization, created_by, now).await?;
            if let Some(id) = id {
                let entry = cause.entry(ids, "organization.updated", id, json!({}), now);
                record(tx, id, &entry).await?;
            }
            Ok(id.is_some().into())
        }
        IdentityChange::OrganizationDeleted { organization_id, at } => {
            tx.name_identity("", organization_id).await?;
            let id = organizations::bury(tx, ids.organization(), organization_id, *at, now).await?;
            if let Some(id) = id {
                end(tx, ids, id, cause, now).await?;
            }
            Ok(id.is_some().into())
        }
        IdentityChange::MembershipUpserted(membership) => {
            let sides = sides(tx, ids, &membership.organization_id, &membership.user_id, now).await?;
            let changed = organization_members::upsert(tx, sides, membership, now).await?;
            if changed {
                let details = json!({ "role": membership.role.as_str() });
                let entry = cause.entry(ids, "member.updated", sides.user, details, now);
                record(tx, sides.organization, &entry).await?;
            }
            Ok(changed.into())
        }
        IdentityChange::MembershipDeleted {
            organization_id,
            user_id,
            at,
        } => {
            let sides = sides(tx, ids, organization_id, user_id, now).await?;
            let changed = organization_members::bury(tx, sides, organization_id, user_id, *at, now).await?;
            if changed {
                let entry = cause.entry(ids, "member.removed", sides.user, json!({}), now);
                record(tx, sides.organization, &entry).await?;
            }
            Ok(changed.into())
        }
        IdentityChange::SessionEnded { session_id, at, .. } => {
            revoked_sessions::upsert(tx, session_id, after(*at, REMEMBERED)).await?;
            Ok(Applied::Changed)
        }
    }
}

/// Both sides of a membership, as stubs where Clerk has not told of them yet.
async fn sides(
    tx: &Transaction<'_>,
    ids: &Ids,
    clerk_org_id: &str,
    clerk_user_id: &str,
    now: Timestamp,
) -> Result<Sides, DbError> {
    tx.name_identity(clerk_user_id, clerk_org_id).await?;
    let user = users::ensure(tx, ids.user(), clerk_user_id, now).await?.id;
    let organization = organizations::ensure(tx, ids.organization(), clerk_org_id, "", now)
        .await?
        .id;
    Ok(Sides { organization, user })
}

/// What ends at once with an organization: nothing of it is reached any more, and its credentials open for nobody.
async fn end(
    tx: &Transaction<'_>,
    ids: &Ids,
    organization: OrganizationId,
    cause: Cause<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.enter(organization).await?;
    let ended = integrations::end_all(tx, organization, now).await?;
    integration_credentials::delete_all(tx, organization).await?;
    for integration in ended {
        let entry = cause.entry(ids, "integration.ended", integration, json!({}), now);
        audit_events::insert(tx, organization, &entry).await?;
    }
    let entry = cause.entry(ids, "organization.deleted", organization, json!({}), now);
    audit_events::insert(tx, organization, &entry).await
}

async fn record(
    tx: &Transaction<'_>,
    organization: OrganizationId,
    entry: &AuditEvent,
) -> Result<(), DbError> {
    tx.enter(organization).await?;
    audit_events::insert(tx, organization, entry).await
}
