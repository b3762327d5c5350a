//! Consumes `events.fifo`: applies what third parties tell of themselves, each delivery once.
//!
//! An event takes milliseconds, so it is claimed, applied and done in one transaction: it happened, or it did not.
//! To add an event: a variant of [`Task`], and a file here called after what it is about.

mod config;
mod github;
mod identity;
mod slack;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
pub use config::Config;
use shared::{
    aws::{self, Patience},
    clock::{SharedClock, SystemClock, Timestamp},
    config::Env,
    db::Access,
    id::Ids,
    queue::{Consumer, Inbox, SqsInbox, TaskError, Work},
    secret::manager::SecretStore,
    task::Task,
    telemetry::Metrics,
};

/// The function's name in the record of who did what.
const ACTOR: &str = "event-processor";

/// Connections to the database. Groups of a batch are worked on side by side; with more than this at a time they would
/// only crowd a small database.
const CONNECTIONS: usize = 4;

/// The processor with all it needs.
pub struct App {
    /// The database.
    pub db: Access,
    /// Our time.
    pub clock: SharedClock,
    /// New ids.
    pub ids: Ids,
    /// The queue that feeds this function.
    pub inbox: Arc<dyn Inbox>,
    /// Where events are counted.
    pub metrics: Metrics,
}

impl App {
    /// The processor as the environment describes it. Asks nobody for anything that an event cannot wait for.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name.
    pub async fn from_env() -> anyhow::Result<Self> {
        let mut env = Env::from_process();
        let config = Config::read(&mut env);
        let aws = aws::config(&mut env, Patience::BEHIND_A_QUEUE)?;
        env.finish()?;

        let clock: SharedClock = Arc::new(SystemClock);
        let db = Access::in_secret(SecretStore::new(&aws), config.database_secret_arn, CONNECTIONS);
        // Opens a connection while Lambda still gives the start its full speed; the first event finds out what failed.
        if let Err(error) = db.get().await {
            tracing::warn!(error = %error, "the database does not answer yet");
        }
        Ok(Self {
            db,
            ids: Ids::random(),
            inbox: Arc::new(SqsInbox::new(
                &aws,
                config.events_queue_url,
                config.events_dead_letter_queue_url,
            )),
            metrics: Metrics::new(&config.environment, ACTOR, Arc::clone(&clock)),
            clock,
        })
    }
}

/// Works through a batch; answers which records go back. Lambda ends the invocation at `deadline`.
pub async fn handle(app: &App, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
    let consumer = Consumer {
        inbox: &*app.inbox,
        metrics: &app.metrics,
    };
    consumer
        .consume(event, deadline, async |work| process(app, work).await)
        .await
}

async fn process(app: &App, work: Work) -> Result<(), TaskError> {
    match &work.envelope.task {
        Task::ApplyIdentityV1(change) => identity::process(app, &work.envelope, change).await,
        Task::ApplySlackLifecycleV1(lifecycle) => slack::process(app, &work.envelope, lifecycle).await,
        Task::ApplyGitHubV1(event) => github::process(app, &work.envelope, event).await,
        // No door of this release puts them on a queue.
        Task::ApplyAlertV1(_) => Err(TaskError::fail(
            "unsupported",
            "this release applies nothing of this third party's",
        )),
        Task::AnswerSlackMessageV1(_) => {
            Err(TaskError::fail("wrong_queue", "this task belongs on tasks.fifo"))
        }
    }
}
