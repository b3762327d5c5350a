//! Removing what has been kept long enough.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use shared::{
    clock::{self, Timestamp},
    db::{
        DbError, Transaction, deliveries, expired, organization_members, organizations, rate_limits,
        revoked_sessions, users,
    },
    telemetry::{Causes, Unit},
};

use crate::{App, job::Outcome};

/// How long a delivery is remembered after something last happened to it: no sender sends again after so long, and no
/// queue keeps anything (a dead letter, which may be sent back, for 14 days).
pub const DELIVERIES_KEPT: Duration = Duration::from_hours(30 * 24);

/// How long what was deleted at Clerk leaves a tombstone, and an organization what hangs on it.
pub const TOMBSTONES_KEPT: Duration = Duration::from_hours(30 * 24);

/// How long somebody's rate is remembered after it is no limit any more. A minute would do; this leaves room for clocks
/// that differ.
pub const RATE_LIMITS_KEPT: Duration = Duration::from_hours(1);

/// How long an installation that nobody has claimed is remembered after something was last heard of it.
pub const UNCLAIMED_KEPT: Duration = Duration::from_hours(90 * 24);

/// How many rows are removed in one transaction.
const BATCH: i64 = 500;

/// What rows are removed from, in this order: memberships before those they are of, so that no batch takes more along
/// than it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The ledger.
    Deliveries,
    /// Sessions that ended before their tokens.
    RevokedSessions,
    /// How fast somebody calls.
    RateLimits,
    /// Connections that were started and did not come back.
    OauthStates,
    /// What happened at third parties.
    IntegrationActivities,
    /// Incidents and alerts.
    Alerts,
    /// Installations of our GitHub App that nobody has claimed.
    UnclaimedInstallations,
    /// Memberships that ended.
    OrganizationMembers,
    /// People who are gone.
    Users,
    /// Organizations that are gone, with all that hangs on them but the record of what was done.
    Organizations,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Deliveries,
        Self::RevokedSessions,
        Self::RateLimits,
        Self::OauthStates,
        Self::IntegrationActivities,
        Self::Alerts,
        Self::UnclaimedInstallations,
        Self::OrganizationMembers,
        Self::Users,
        Self::Organizations,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::RevokedSessions => "revoked_sessions",
            Self::RateLimits => "rate_limits",
            Self::OauthStates => "oauth_states",
            Self::IntegrationActivities => "integration_activities",
            Self::Alerts => "alerts",
            Self::UnclaimedInstallations => "github_unclaimed_installations",
            Self::OrganizationMembers => "organization_members",
            Self::Users => "users",
            Self::Organizations => "organizations",
        }
    }

    /// How many rows go at once. An organization goes alone: its messages go with it, and they may be many.
    const fn batch(self) -> i64 {
        match self {
            Self::Organizations => 1,
            Self::Deliveries
            | Self::RevokedSessions
            | Self::RateLimits
            | Self::OauthStates
            | Self::IntegrationActivities
            | Self::Alerts
            | Self::UnclaimedInstallations
            | Self::OrganizationMembers
            | Self::Users => BATCH,
        }
    }

    /// Removes a batch; answers how many rows that were.
    async fn remove(
        self,
        tx: &Transaction<'_>,
        now: Timestamp,
        time_left: Duration,
    ) -> Result<usize, DbError> {
        let count = self.batch();
        let buried = clock::before(now, TOMBSTONES_KEPT);
        match self {
            Self::Deliveries => {
                deliveries::delete_expired(tx, clock::before(now, DELIVERIES_KEPT), count).await
            }
            Self::RevokedSessions => revoked_sessions::delete_expired(tx, now, count).await,
            Self::RateLimits => {
                rate_limits::delete_expired(tx, clock::before(now, RATE_LIMITS_KEPT), count).await
            }
            Self::OauthStates => {
                tx.name_expired(now).await?;
                expired::delete_oauth_states(tx, now, count).await
            }
            Self::IntegrationActivities => {
                tx.name_expired(now).await?;
                expired::delete_activities(tx, now, count).await
            }
            Self::Alerts => {
                tx.name_expired(now).await?;
                expired::delete_alerts(tx, now, count).await
            }
            Self::UnclaimedInstallations => {
                expired::delete_unclaimed_installations(tx, clock::before(now, UNCLAIMED_KEPT), count).await
            }
            Self::OrganizationMembers => {
                tx.name_expired(buried).await?;
                organization_members::delete_expired(tx, buried, count).await
            }
            Self::Users => {
                tx.name_expired(buried).await?;
                users::delete_expired(tx, buried, count).await
            }
            Self::Organizations => {
                tx.name_expired(buried).await?;
                tx.be_patient(time_left).await?;
                organizations::delete_expired(tx, buried, count).await
            }
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    outcome: Outcome,
    /// How many rows went, by table.
    removed: BTreeMap<&'static str, usize>,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum ExpireError {
    /// The database is not there at all.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Some tables were not cleaned. The others were.
    #[error("rows that should go are still in {}", .0.join(", "))]
    Left(Vec<&'static str>),
}

/// Removes from each table what has been kept long enough, until nothing of it is left or the time is `until`.
///
/// # Errors
/// [`ExpireError`].
pub(crate) async fn expire(app: &App, until: Timestamp) -> Result<Report, ExpireError> {
    // Whether the database is there at all is not the fault of a table.
    drop(app.db.get().await?);
    let mut report = Report {
        outcome: Outcome::Completed,
        removed: BTreeMap::new(),
    };
    let mut left = Vec::new();
    for table in Table::ALL {
        let mut removed = 0;
        match clean(app, table, until, &mut removed).await {
            Ok(Outcome::Completed) => {}
            Ok(outcome) => report.outcome = outcome,
            Err(error) => {
                tracing::warn!(table = table.as_str(), error = %Causes(&error), "a table cannot be cleaned");
                left.push(table.as_str());
            }
        }
        let value = f64::from(u32::try_from(removed).unwrap_or(u32::MAX));
        let dimension = Some(("table", table.as_str()));
        app.metrics.put("RowsExpired", Unit::Count, value, dimension);
        report.removed.insert(table.as_str(), removed);
    }
    if left.is_empty() {
        Ok(report)
    } else {
        Err(ExpireError::Left(left))
    }
}

/// Cleans one table; adds to `removed`, also when it fails later.
async fn clean(app: &App, table: Table, until: Timestamp, removed: &mut usize) -> Result<Outcome, DbError> {
    loop {
        let now = app.clock.now();
        let time_left = clock::until(now, until);
        if time_left.is_zero() {
            return Ok(Outcome::OutOfTime);
        }
        let mut db = app.db.get().await?;
        let tx = db.begin().await?;
        let count = table.remove(&tx, now, time_left).await?;
        tx.commit().await?;
        *removed += count;
        if i64::try_from(count).is_ok_and(|count| count < table.batch()) {
            return Ok(Outcome::Completed);
        }
    }
}
