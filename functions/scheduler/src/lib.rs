//! Does by the clock what no event brings about: compares our mirror of Clerk with Clerk, removes what has been kept long
//! enough, refreshes credentials before they end, asks third parties how connections are, reads anew what they reach, tells
//! third parties of connections that have ended, and has sent again what GitHub could not deliver.
//!
//! Each schedule sends `{"job": "…"}`. A job works as long as there is time, notes where it stands, and goes on at the
//! next tick; it may come twice or at the same time as another without harm. To add a job: a variant of [`Job`], a file
//! here called after what it does, and a schedule.

mod away;
mod check;
mod config;
mod expire;
mod job;
mod redeliver;
mod refresh;
mod revoke;
mod sync;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
pub use away::AWAY_AFTER;
pub use check::CheckJobError;
pub use config::Config;
pub use expire::{DELIVERIES_KEPT, ExpireError, RATE_LIMITS_KEPT, TOMBSTONES_KEPT, Table, UNCLAIMED_KEPT};
pub use job::{Job, UnknownJob};
use lambda_runtime::{Error, LambdaEvent};
pub use redeliver::{LOOK_BACK, OVERLAP, RedeliverError};
pub use refresh::RefreshJobError;
use serde_json::{Value, json};
use shared::{
    aws::{self, Patience},
    clock::{self, SharedClock, SystemClock},
    config::Env,
    connector::{Connectors, contract::Parts},
    db::{Access, DbError},
    id::Ids,
    identity::{
        api::{ClerkApi, PACE},
        apply::Cause,
        reconcile::{ReconcileError, Reconciler},
    },
    integration::{
        Integrations,
        check::{self as checks, Checker},
        refresh::{self as credentials, Refresher},
        revocation::{self, RevocationError, Teller},
    },
    secret::{kms::Kms, manager::SecretStore, vault::Vault},
    telemetry::{Causes, Metrics},
};
pub use sync::SyncJobError;

/// The function's name in the record of who did what.
const ACTOR: &str = "scheduler";

/// Connections to the database: a job does one thing at a time.
const CONNECTIONS: usize = 1;

/// What is kept of the time that Lambda gives, for what was begun to come to its end: a request to Clerk that is not
/// answered, a statement that waits for a lock, and the note of where the job stands.
pub const RESERVE: Duration = Duration::from_secs(20);

/// The scheduler with all it needs.
pub struct App {
    /// The database.
    pub db: Arc<Access>,
    /// What refreshes credentials.
    pub refresher: Refresher,
    /// What asks third parties how connections are.
    pub checker: Checker,
    /// What tells third parties of ends.
    pub teller: Teller,
    /// Clerk's Backend API.
    pub clerk: ClerkApi,
    /// Our time.
    pub clock: SharedClock,
    /// New ids.
    pub ids: Ids,
    /// Where repairs and removals are counted.
    pub metrics: Metrics,
}

impl App {
    /// The scheduler as the environment describes it.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name.
    pub fn from_env() -> anyhow::Result<Self> {
        let mut env = Env::from_process();
        let config = Config::read(&mut env);
        let aws = aws::config(&mut env, Patience::BEHIND_A_QUEUE)?;
        let clock: SharedClock = Arc::new(SystemClock);
        let secrets = SecretStore::new(&aws);
        let parts = Parts {
            clock: Arc::clone(&clock),
            secrets: secrets.clone(),
            aws: aws.clone(),
        };
        let connectors = Connectors::from_env(&mut env, &parts)?;
        env.finish()?;

        let previous = config.previous_credentials_key_arn.as_deref();
        let keys = Kms::new(&aws, &config.credentials_key_arn)?.with_previous(previous)?;
        let vault = Vault::new(Arc::new(keys), &config.environment, Arc::clone(&clock));
        let db = Access::in_secret(secrets.clone(), config.database_secret_arn, CONNECTIONS);
        let integrations = Integrations {
            db: Arc::new(db),
            vault: Arc::new(vault),
            connectors,
            metrics: Metrics::new(&config.environment, ACTOR, Arc::clone(&clock)),
            clock,
            ids: Ids::random(),
            actor: ACTOR,
        };
        let key = config.clerk_api_secret_arn;
        let clerk = ClerkApi::new(&config.clerk_api_url, secrets, key, PACE).context("CLERK_API_URL")?;
        Ok(Self::of(integrations, clerk))
    }

    /// The scheduler of these parts.
    #[must_use]
    pub fn of(integrations: Integrations, clerk: ClerkApi) -> Self {
        let refresher = Refresher {
            integrations: integrations.clone(),
            patience: credentials::PATIENCE,
        };
        Self {
            db: Arc::clone(&integrations.db),
            clerk,
            clock: Arc::clone(&integrations.clock),
            ids: integrations.ids.clone(),
            metrics: integrations.metrics.clone(),
            checker: Checker {
                integrations: integrations.clone(),
                refresher: refresher.clone(),
                patience: checks::PATIENCE,
            },
            refresher,
            teller: Teller {
                integrations,
                patience: revocation::PATIENCE,
            },
        }
    }
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    #[error(transparent)]
    Expire(#[from] ExpireError),
    #[error(transparent)]
    Refresh(#[from] RefreshJobError),
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    #[error(transparent)]
    Redeliver(#[from] RedeliverError),
    #[error(transparent)]
    Check(#[from] CheckJobError),
    #[error(transparent)]
    Sync(#[from] SyncJobError),
    #[error("the report cannot be written")]
    Report(#[from] serde_json::Error),
}

impl JobError {
    /// Whether somebody else is away for a while, and the next tick does it.
    fn is_outage(&self) -> bool {
        match self {
            Self::Reconcile(error) => error.is_outage(),
            Self::Expire(ExpireError::Db(error)) => DbError::is_outage(error),
            Self::Refresh(error) => error.is_outage(),
            Self::Revocation(error) => error.is_outage(),
            Self::Redeliver(error) => error.is_outage(),
            Self::Check(error) => error.is_outage(),
            Self::Sync(error) => error.is_outage(),
            // Who knows for how long: a statement that takes too long will do so again.
            Self::Expire(ExpireError::Left(_)) | Self::Report(_) => false,
        }
    }
}

/// Does the job that an event names; answers what it came to.
///
/// # Errors
/// When somebody must do something: the event names no job, Clerk refuses the key, a table cannot be cleaned, there is a
/// defect. That Clerk or the database is away is no error: the next tick does the job, nobody can do anything meanwhile,
/// and what is away has alarms of its own. (A comparison that is put off for days on end is one.) So the alarm for this
/// function's errors means what it says.
#[tracing::instrument(
    name = "scheduler.run",
    skip_all,
    fields(job, request_id = event.context.request_id)
)]
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let job = Job::of(&event.payload)
        .inspect_err(|error| tracing::error!(error = %error, "there is nothing to do"))?;
    tracing::Span::current().record("job", job.as_str());
    match run(app, job, &event).await {
        Ok(mut report) => {
            report["job"] = job.as_str().into();
            tracing::info!(outcome = report["outcome"].as_str(), "the job has ended");
            Ok(report)
        }
        Err(error) if error.is_outage() => {
            tracing::warn!(error = %Causes(&error), "somebody is away; the next tick does the job");
            Ok(json!({"job": job.as_str(), "outcome": "unavailable"}))
        }
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the job has failed");
            Err(error.into())
        }
    }
}

async fn run(app: &App, job: Job, event: &LambdaEvent<Value>) -> Result<Value, JobError> {
    let until = clock::before(event.context.deadline().into(), RESERVE);
    let report = match job {
        Job::ReconcileIdentity => {
            let reconciler = Reconciler {
                db: &app.db,
                clerk: &app.clerk,
                clock: &*app.clock,
                ids: &app.ids,
                metrics: &app.metrics,
                cause: Cause::by_itself(ACTOR, Some(&event.context.request_id)),
            };
            serde_json::to_value(reconciler.run(until).await?)?
        }
        Job::Expire => serde_json::to_value(expire::expire(app, until).await?)?,
        Job::RefreshCredentials => serde_json::to_value(refresh::refresh(app, until).await?)?,
        Job::RedeliverGitHub => serde_json::to_value(redeliver::redeliver(app, until).await?)?,
        Job::CheckConnections => serde_json::to_value(check::check(app, until).await?)?,
        Job::SyncRepositories => serde_json::to_value(sync::sync(app, until).await?)?,
        Job::FinishRevocations => serde_json::to_value(revoke::finish(app, until).await?)?,
    };
    Ok(report)
}
