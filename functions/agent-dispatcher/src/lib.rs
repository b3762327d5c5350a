//! Consumes `tasks.fifo`: runs one agent turn per record and delivers the answer.

mod config;

use std::sync::Arc;

use anyhow::Context as _;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
pub use config::Config;
use shared::{
    agent::GrpcAgent,
    aws::{self, Patience},
    clock::{SharedClock, SystemClock, Timestamp},
    config::Env,
    connector::{ConnectorKind, Connectors, contract::Parts, slack::api::SlackApi},
    conversation::turn::{Answering, Limits, Parties},
    db::Access,
    id::Ids,
    integration::Integrations,
    queue::{Consumer, Inbox, SqsInbox, TaskError, Work},
    secret::{kms::Kms, manager::SecretStore, vault::Vault},
    task::Task,
    telemetry::Metrics,
};

/// The function's name in the record of who did what.
const ACTOR: &str = "agent-dispatcher";

/// Connections to the database: one for the turn, one that renews its lease meanwhile.
const CONNECTIONS: usize = 2;

/// The dispatcher with all it needs.
pub struct App {
    /// What answers.
    pub answering: Answering,
    /// The queue that feeds this function.
    pub inbox: Arc<dyn Inbox>,
    /// Where tasks are counted.
    pub metrics: Metrics,
}

impl App {
    /// The dispatcher as the environment describes it. Asks nobody for anything that a task cannot wait for: a failed
    /// start would leave its record hidden for half an hour, a failed task comes back in seconds.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name.
    pub async fn from_env() -> anyhow::Result<Self> {
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
        let connectors = Connectors::only(ConnectorKind::Slack, &mut env, &parts)?;
        env.finish()?;

        let metrics = Metrics::new(&config.environment, ACTOR, Arc::clone(&clock));
        let previous = config.previous_credentials_key_arn.as_deref();
        let keys = Arc::new(Kms::new(&aws, &config.credentials_key_arn)?.with_previous(previous)?);
        let db = Access::in_secret(secrets, config.database_secret_arn, CONNECTIONS);
        // Opens the connection while Lambda still gives the start its full speed; the first task finds out what failed.
        if let Err(error) = db.get().await {
            tracing::warn!(error = %error, "the database does not answer yet");
        }
        let integrations = Integrations {
            db: Arc::new(db),
            vault: Arc::new(Vault::new(keys, &config.environment, Arc::clone(&clock))),
            connectors,
            clock: Arc::clone(&clock),
            ids: Ids::random(),
            metrics: metrics.clone(),
            actor: ACTOR,
        };
        let parties = Parties {
            slack: SlackApi::new(&config.slack_api_url).context("SLACK_API_URL")?,
            agent: Arc::new(GrpcAgent::new(&config.agent_endpoint, clock)?),
        };
        let limits = Limits {
            agent: config.agent_timeout,
            history_tokens: config.history_tokens,
        };
        Ok(Self {
            answering: Answering::of(integrations, parties, limits),
            inbox: Arc::new(SqsInbox::new(
                &aws,
                config.tasks_queue_url,
                config.tasks_dead_letter_queue_url,
            )),
            metrics,
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
        .consume(event, deadline, async |work| dispatch(app, work).await)
        .await
}

async fn dispatch(app: &App, work: Work) -> Result<(), TaskError> {
    match &work.envelope.task {
        Task::AnswerSlackMessageV1(message) => app.answering.answer(&work, message).await,
        Task::ApplySlackLifecycleV1(_)
        | Task::ApplyIdentityV1(_)
        | Task::ApplyGitHubV1(_)
        | Task::ApplyAlertV1(_) => Err(TaskError::fail("wrong_queue", "this task belongs on events.fifo")),
    }
}
