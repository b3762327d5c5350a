//! What there is to do by the clock.

use serde::Serialize;
use serde_json::Value;

/// A job. Its name stands in the event of its schedule, as `{"job": "expire"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Compares our mirror of Clerk with Clerk.
    ReconcileIdentity,
    /// Removes what has been kept long enough.
    Expire,
    /// Refreshes credentials before they end.
    RefreshCredentials,
    /// Tells third parties of connections that have ended.
    FinishRevocations,
    /// Has sent again what GitHub could not deliver.
    RedeliverGitHub,
    /// Asks third parties how connections are.
    CheckConnections,
    /// Reads anew which repositories connections reach.
    SyncRepositories,
}

impl Job {
    /// Every job, each of which needs a schedule.
    pub const ALL: [Self; 7] = [
        Self::ReconcileIdentity,
        Self::Expire,
        Self::RefreshCredentials,
        Self::FinishRevocations,
        Self::RedeliverGitHub,
        Self::CheckConnections,
        Self::SyncRepositories,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReconcileIdentity => "reconcile_identity",
            Self::Expire => "expire",
            Self::RefreshCredentials => "refresh_credentials",
            Self::FinishRevocations => "finish_revocations",
            Self::RedeliverGitHub => "redeliver_github",
            Self::CheckConnections => "check_connections",
            Self::SyncRepositories => "sync_repositories",
        }
    }

    /// The job that an event names.
    ///
    /// # Errors
    /// When it names none.
    pub fn of(event: &Value) -> Result<Self, UnknownJob> {
        let name = event["job"].as_str().unwrap_or_default();
        let mut jobs = Self::ALL.into_iter();
        jobs.find(|job| job.as_str() == name).ok_or(UnknownJob)
    }
}

/// How a run of a job ended that works through whatever is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// With nothing left that is due.
    Completed,
    /// With its time; the next run goes on.
    OutOfTime,
}

/// An event that names no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event's `job` is none of {}", Job::ALL.map(Job::as_str).join(", "))]
pub struct UnknownJob;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_names_its_job_or_is_told_which_there_are() {
        for job in Job::ALL {
            assert_eq!(Job::of(&json!({"job": job.as_str(), "time": "now"})), Ok(job));
        }
        for none in [
            json!({}),
            json!({"job": 1}),
            json!({"job": "Expire"}),
            json!([]),
            json!(null),
        ] {
            let error = Job::of(&none).expect_err("no job");
            assert_eq!(
                error.to_string(),
                "the event's `job` is none of reconcile_identity, expire, refresh_credentials, finish_revocations, \
                 redeliver_github, check_connections, sync_repositories"
            );
        }
    }
}
