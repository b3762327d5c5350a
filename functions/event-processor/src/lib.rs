//! Consumes `events.fifo`: applies what third parties tell of themselves, each delivery once.
//!
//! An event takes milliseconds, so it is claimed, applied and done in one transaction: it happened, or it did not. What
//! else it is told for, as an alert is, comes after that, and is found undone by whoever tries again.
//! To add an event: a variant of [`Task`], and a file here called after what it is about.

mod alert;
mod config;
mod github;
mod identity;
mod notice;
mod slack;

use std::sync::Arc;

use anyhow::Context as _;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
pub use config::Config;
use shared::{
    aws::{self, Patience},
    clock::{SharedClock, SystemClock, Timestamp},
    config::Env,
    connector::slack::api::SlackApi,
    db::Access,
    id::Ids,
    queue::{Consumer, Inbox, SqsInbox, TaskError, Work},
    secret::{kms::Kms, manager::SecretStore, vault::Vault},
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
    /// What opens the workspaces' bot tokens.
    pub vault: Vault,
    /// Slack's Web API.
    pub slack: SlackApi,
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
        let previous = config.previous_credentials_key_arn.as_deref();
        let keys = Arc::new(Kms::new(&aws, &config.credentials_key_arn)?.with_previous(previous)?);
        let db = Access::in_secret(SecretStore::new(&aws), config.database_secret_arn, CONNECTIONS);
        // Opens a connection while Lambda still gives the start its full speed; the first event finds out what failed.
        if let Err(error) = db.get().await {
            tracing::warn!(error = %error, "the database does not answer yet");
        }
        Ok(Self {
            db,
            vault: Vault::new(keys, &config.environment, Arc::clone(&clock)),
            slack: SlackApi::new(&config.slack_api_url).context("SLACK_API_URL")?,
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
        Task::ApplyAlertV1(news) => alert::process(app, &work, news).await,
        Task::ApplyGitHubV1(event) => github::process(app, &work.envelope, event).await,
        Task::AnswerSlackMessageV1(_) => {
            Err(TaskError::fail("wrong_queue", "this task belongs on tasks.fifo"))
        }
    }
}
