//! What is known of somebody who calls, and whether they call too often: one round trip, before anything else is done
//! for them.

use std::time::Duration;

use futures_util::future;
use sql::{
    client::Params as _,
    queries::{callers as statements, rate_limits, scope},
};

use super::{
    Connection, DbError, Transaction,
    organization_members::{Membership, role},
};
use crate::{
    clock::{self, Timestamp},
    id::{OrganizationId, UserId},
    task::MemberRole,
};

/// Who calls, by Clerk's ids, as a verified token says.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The person.
    pub user_id: &'a str,
    /// The organization.
    pub organization_id: &'a str,
    /// The session.
    pub session_id: &'a str,
}

/// How often a person and an organization may call in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// One person.
    pub user: u32,
    /// All people of one organization together.
    pub organization: u32,
}

/// What is known of who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The person, if mirrored, and when Clerk deleted them.
    pub user: Option<(UserId, Option<Timestamp>)>,
    /// The organization, if mirrored, and when Clerk deleted it.
    pub organization: Option<(OrganizationId, Option<Timestamp>)>,
    /// What is known of the membership of the one in the other.
    pub membership: Option<Membership>,
    /// Whether the session has ended.
    pub session_revoked: bool,
    /// Who calls too often, if somebody does, and when the next call is let through.
    pub limited: Option<Limited>,
}

/// A call too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Whose rate it exceeds: `user` or `organization`.
    pub scope: &'static str,
    /// How long to wait.
    pub wait: Duration,
}

/// Counts a call and tells what is known of who makes it.
#[tracing::instrument(name = "db.callers.identify", skip_all, err(level = "debug"))]
pub async fn identify(
    db: &mut Connection,
    caller: Named<'_>,
    rates: Rates,
    now: Timestamp,
) -> Result<Known, DbError> {
    let (name, identify, take) = future::try_join3(
        scope::name_identity().prepare(&db.client),
        statements::identify().prepare(&db.client),
        rate_limits::take().prepare(&db.client),
    )
    .await?;
    let names = scope::NameIdentityParams {
        clerk_user_id: caller.user_id,
        clerk_org_id: caller.organization_id,
    };
    let who = statements::IdentifyParams {
        clerk_session_id: caller.session_id,
        now,
        clerk_user_id: caller.user_id,
        clerk_org_id: caller.organization_id,
    };
    let calls = rate_limits::TakeParams {
        clerk_user_id: caller.user_id,
        now,
        user_per_minute: per_minute(rates.user),
        clerk_org_id: caller.organization_id,
        organization_per_minute: per_minute(rates.organization),
    };

    // All are sent before the first answer is awaited, in this order.
    let mut transaction = Transaction::not_begun(&db.client);
    let (begun, visible, known, taken, committed) = future::join5(
        transaction.client.batch_execute("BEGIN"),
        name.params(transaction.client, &names).one(),
        identify.params(transaction.client, &who).one(),
        take.params(transaction.client, &calls).all(),
        transaction.client.batch_execute("COMMIT"),
    )
    .await;
    begun?;
    visible?;
    let (row, taken) = (known?, taken?);
    committed?;
    transaction.open = false;

    let membership = match (row.role, row.member_updated_at, row.joined_at) {
        (Some(word), Some(updated_at), Some(joined_at)) => Some(Membership {
            role: role(&word)?,
            updated_at,
            deleted_at: row.member_deleted_at,
            joined_at,
        }),
        _ => None,
    };
    let limited = taken
        .into_iter()
        .filter(|subject| !subject.granted)
        .map(|subject| {
            let (scope, rate) = if subject.subject == caller.user_id {
                ("user", rates.user)
            } else {
                ("organization", rates.organization)
            };
            Limited {
                scope,
                wait: wait(subject.arrival_at, rate, now),
            }
        })
        .max_by_key(|limited| limited.wait);
    Ok(Known {
        user: row.user_id.map(|id| (id.into(), row.user_deleted_at)),
        organization: row
            .organization_id
            .map(|id| (id.into(), row.organization_deleted_at)),
        membership,
        session_revoked: row.session_revoked,
        limited,
    })
}

/// What somebody of the organization may do who comes back without a session; none where they belong to it no more, or the
/// session that they began in has been ended.
#[tracing::instrument(name = "db.callers.find_role", skip_all, err(level = "debug"))]
pub async fn find_role(
    db: &Transaction<'_>,
    scope: OrganizationId,
    user: UserId,
    session_id: &str,
    now: Timestamp,
) -> Result<Option<MemberRole>, DbError> {
    let params = statements::FindRoleParams {
        organization_id: scope.uuid(),
        user_id: user.uuid(),
        clerk_session_id: session_id,
        now,
    };
    let found = statements::find_role().params(db.client, &params).opt().await?;
    found.as_deref().map(role).transpose()
}

/// A rate as the database takes it: at least one, for it divides by it.
fn per_minute(rate: u32) -> i32 {
    i32::try_from(rate.max(1)).unwrap_or(i32::MAX)
}

/// How long a subject waits until its next call is not more than a minute ahead of its rate.
fn wait(arrival_at: Timestamp, per_minute: u32, now: Timestamp) -> Duration {
    let spacing = Duration::from_mins(1) / per_minute.max(1);
    let ahead = clock::until(now, clock::after(arrival_at, spacing));
    ahead.saturating_sub(Duration::from_mins(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_too_often_waits_for_one_call_s_share_of_a_minute_at_the_most() {
        let now = Timestamp::UNIX_EPOCH;
        let full = clock::after(now, Duration::from_mins(1));
        assert_eq!(wait(full, 60, now), Duration::from_secs(1));
        assert_eq!(wait(full, 1, now), Duration::from_mins(1));
        assert_eq!(
            wait(clock::after(now, Duration::from_millis(59_500)), 60, now),
            Duration::from_millis(500)
        );
        assert_eq!(wait(now, 60, now), Duration::ZERO);
    }
}
