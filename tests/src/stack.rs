//! A dispatcher with everything around it, for stories: a real database, a real gRPC agent, a Slack that keeps Slack's
//! rules, keys that can fail, and a queue that a test plays itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agent_dispatcher::App;
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use axum::Router;
use serde::Serialize;
use serde_json::json;
use shared::{
    agent::GrpcAgent,
    clock::{self, Clock as _, FixedClock, SharedClock, Timestamp},
    config::Env,
    connector::{
        ConnectorKind, Connectors,
        contract::{DynConnector, Parts},
        fake::Vendor as _,
        slack::{
            api::SlackApi,
            fake::{APP_ID, FakeSlack, Workspace},
        },
    },
    conversation::turn::{Answering, Limits, Parties},
    db::{Access, Connection, Db, integration_credentials, integrations},
    id::{Ids, IntegrationId, OrganizationId},
    integration::Integrations,
    queue::{Inbox, QueueError, TaskQueue},
    secret::{
        manager::{MemorySecrets, SecretStore},
        vault::{CredentialScope, Vault},
    },
    task::Envelope,
    telemetry::Metrics,
    webhook::connection::{self, ConnectionDoor, Sender},
};

use crate::{
    agent::AgentServer,
    database::Database,
    kms::FakeKms,
    seed::{self, Installation},
};

/// How long an invocation may take.
const INVOCATION: Duration = Duration::from_mins(5);
/// How long the agent may take in a story.
const AGENT: Duration = Duration::from_secs(4);

/// The dispatcher's world.
pub struct Stack {
    /// What the code thinks the time is.
    pub clock: FixedClock,
    /// Slack.
    pub slack: FakeSlack,
    /// The agent.
    pub agent: AgentServer,
    /// The keys.
    pub kms: FakeKms,
    /// The queue as the dispatcher sees it.
    pub inbox: Arc<MemoryInbox>,
    /// The metric lines so far.
    pub metrics: Arc<Mutex<Vec<u8>>>,
    /// The database.
    pub database: Database,
    /// What makes ids.
    pub ids: Ids,
    vault: Vault,
    db: Db,
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// Ids of the records that go back, in the order of the answer.
    pub returned: Vec<String>,
}

impl Stack {
    /// A world with nobody in it.
    ///
    /// # Errors
    /// When something of it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_at(Timestamp::from_timestamp(1_760_000_000, 0).unwrap_or_default()).await
    }

    /// The same, at another time: that of the first messages in Slack, say.
    ///
    /// # Errors
    /// When something of it does not start.
    pub async fn start_at(now: Timestamp) -> anyhow::Result<Self> {
        let clock = FixedClock::at(now);
        let shared_clock: SharedClock = Arc::new(clock.clone());
        let database = Database::new().await?;
        let kms = FakeKms::new();
        Ok(Self {
            slack: FakeSlack::start().await?,
            agent: AgentServer::start().await?,
            inbox: Arc::default(),
            metrics: Arc::default(),
            ids: Ids::seeded(1),
            vault: Vault::new(Arc::new(kms.clone()), "test", shared_clock),
            db: Db::new(&database.application(), 8)?,
            kms,
            database,
            clock,
        })
    }

    /// A fresh process of the function: nothing in its caches, connections of its own.
    ///
    /// # Errors
    /// When one of its clients cannot be made.
    pub fn dispatcher(&self) -> anyhow::Result<App> {
        let clock: SharedClock = Arc::new(self.clock.clone());
        let metrics = Metrics::to(
            "test",
            "agent-dispatcher",
            Arc::clone(&clock),
            self.metrics.clone(),
        );
        let secrets = MemorySecrets::new();
        for (arn, value) in self.slack.secrets() {
            secrets.put(&arn, &value, self.clock.now());
        }
        let parts = Parts {
            clock: Arc::clone(&clock),
            secrets: SecretStore::from_source(secrets),
            aws: SdkConfig::builder().build(),
        };
        let mut env = Env::from_pairs(self.slack.variables());
        let integrations = Integrations {
            db: Arc::new(Access::from(Db::new(&self.database.application(), 2)?)),
            vault: Arc::new(Vault::new(Arc::new(self.kms.clone()), "test", Arc::clone(&clock))),
            connectors: Connectors::only(ConnectorKind::Slack, &mut env, &parts)?,
            clock: Arc::clone(&clock),
            ids: Ids::random(),
            metrics: metrics.clone(),
            actor: "agent-dispatcher",
        };
        let parties = Parties {
            slack: SlackApi::new(&self.slack.url())?,
            agent: Arc::new(GrpcAgent::new(self.agent.url(), clock)?),
        };
        let limits = Limits {
            agent: AGENT,
            history_tokens: 8_000,
        };
        Ok(App {
            answering: Answering::of(integrations, parties, limits),
            inbox: self.inbox.clone(),
            metrics,
        })
    }

    /// A fresh process of the processor of events.
    ///
    /// # Errors
    /// When one of its clients cannot be made.
    pub fn processor(&self) -> anyhow::Result<event_processor::App> {
        let clock: SharedClock = Arc::new(self.clock.clone());
        Ok(event_processor::App {
            db: Access::from(Db::new(&self.database.application(), 4)?),
            vault: Vault::new(Arc::new(self.kms.clone()), "test", Arc::clone(&clock)),
            slack: SlackApi::new(&self.slack.url())?,
            ids: Ids::random(),
            inbox: self.inbox.clone(),
            metrics: Metrics::to(
                "test",
                "event-processor",
                Arc::clone(&clock),
                self.metrics.clone(),
            ),
            clock,
        })
    }

    /// A fresh process of a door for connections' own addresses, before `queue`.
    ///
    /// # Errors
    /// When the database's secret is not complete.
    pub fn door(
        &self,
        sender: Sender,
        connector: Arc<dyn DynConnector>,
        queue: Arc<dyn TaskQueue>,
    ) -> anyhow::Result<Router> {
        let clock: SharedClock = Arc::new(self.clock.clone());
        Ok(connection::router(ConnectionDoor {
            sender,
            connector,
            db: Access::from(Db::new(&self.database.application(), 1)?),
            vault: Vault::new(Arc::new(self.kms.clone()), "test", Arc::clone(&clock)),
            queue,
            ids: Ids::random(),
            metrics: Metrics::to("test", sender.function, Arc::clone(&clock), self.metrics.clone()),
            clock,
        }))
    }

    /// An organization has a connection with an address of its own, opened by these credentials.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn connect_addressed(
        &self,
        scope: &CredentialScope,
        credentials: &(impl Serialize + Sync),
    ) -> anyhow::Result<()> {
        let sealed = self.vault.seal(scope, credentials).await?;
        let address = scope.integration.uuid().to_string();
        let new = integrations::New {
            id: scope.integration,
            connector: scope.connector,
            connected_by: None,
            external_id: Some(&address),
            bot_id: None,
            connector_user_id: None,
            connector_organization_id: None,
            metadata: &json!({}),
            installed_at: self.clock.now(),
        };
        let (organization, now) = (scope.organization, self.clock.now());
        let mut db = self.db().await?;
        let tx = db.begin_for(organization).await?;
        let (id, _) = integrations::upsert(&tx, organization, &new, now).await?;
        integration_credentials::upsert(&tx, organization, id, &sealed, None, now).await?;
        Ok(tx.commit().await?)
    }

    /// A connection with the application's rights.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn db(&self) -> anyhow::Result<Connection> {
        Ok(self.db.get().await?)
    }

    /// An organization with a connected workspace: a channel `C1` called general, Ada (`U1`), Grace (`U2`) and a
    /// direct message channel of Ada's, `D1`.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn organization(&self, name: &str, team_id: &str) -> anyhow::Result<Organization> {
        let token = format!("xoxb-{name}-0123456789abcdef");
        let workspace = self.slack.workspace(team_id, name, &token);
        workspace.user("U1", "Ada");
        workspace.user("U2", "Grace");
        workspace.channel("C1", "general");
        workspace.direct_message("D1", "U1");
        let mut db = self.db().await?;
        let id = seed::organization(&mut db, &self.ids, name, self.clock.now()).await?;
        let mut organization = Organization {
            id,
            integration: IntegrationId::from(id.uuid()),
            token: token.clone(),
            workspace,
        };
        organization.integration = self.connect(&organization, &token).await?;
        Ok(organization)
    }

    /// The organization connects its workspace with this token.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn connect(&self, organization: &Organization, token: &str) -> anyhow::Result<IntegrationId> {
        let installation = Installation {
            external_id: organization.workspace.team_id(),
            bot_user_id: organization.workspace.bot_user_id(),
            bot_token: token,
        };
        let mut db = self.db().await?;
        seed::slack(
            &mut db,
            &self.vault,
            &self.ids,
            organization.id,
            installation,
            self.clock.now(),
        )
        .await
    }

    /// How many rows a table has, whoever they belong to.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(&self, table: &str) -> anyhow::Result<i64> {
        let superuser = self.database.superuser().await?;
        Ok(superuser
            .query_one(&format!("SELECT count(*) FROM {table}"), &[])
            .await?
            .get(0))
    }

    /// What an intruder with the database in hand may try: the sealed credentials of one connection in another's row.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn move_credentials(&self, from: IntegrationId, to: IntegrationId) -> anyhow::Result<()> {
        let superuser = self.database.superuser().await?;
        let moved = superuser
            .execute(
                "UPDATE integration_credentials t
                    SET ciphertext = f.ciphertext, nonce = f.nonce, wrapped_key = f.wrapped_key
                   FROM integration_credentials f
                  WHERE f.integration_id = $1 AND t.integration_id = $2",
                &[&from.uuid(), &to.uuid()],
            )
            .await?;
        anyhow::ensure!(moved == 1, "{moved} rows were moved");
        Ok(())
    }

    /// The envelopes that slack-events makes of a message: one for each event that Slack sends about it.
    ///
    /// # Panics
    /// When the door would not take the event.
    #[must_use]
    pub fn envelopes(&self, workspace: &Workspace, channel: &str, ts: &str) -> Vec<Envelope> {
        let verdicts = workspace.events(channel, ts).into_iter().map(|event| {
            let id = self.ids.task();
            slack_events::classify(event.to_string().as_bytes(), APP_ID, id, self.clock.now(), None)
        });
        verdicts
            .filter_map(|verdict| match verdict {
                Ok(slack_events::Verdict::Put(put)) => Some(put.envelope),
                Ok(_) => None,
                Err(error) => panic!("the door refuses the event: {error}"),
            })
            .collect()
    }

    /// Hands a batch to a process and waits for its answer.
    pub async fn handle(&self, dispatcher: &App, batch: Vec<SqsMessage>) -> Handled {
        let mut event = SqsEvent::default();
        event.records = batch;
        let deadline = clock::after(self.clock.now(), INVOCATION);
        let response = agent_dispatcher::handle(dispatcher, event, deadline).await;
        Handled {
            returned: response
                .batch_item_failures
                .into_iter()
                .map(|failure| failure.item_identifier)
                .collect(),
        }
    }

    /// Hands a batch to a process of the processor of events and waits for its answer.
    pub async fn process(&self, processor: &event_processor::App, batch: Vec<SqsMessage>) -> Handled {
        let mut event = SqsEvent::default();
        event.records = batch;
        let deadline = clock::after(self.clock.now(), Duration::from_mins(1));
        let response = event_processor::handle(processor, event, deadline).await;
        Handled {
            returned: response
                .batch_item_failures
                .into_iter()
                .map(|failure| failure.item_identifier)
                .collect(),
        }
    }

    /// The reasons and counts of a metric, as `("agent_refused", 1)`; a metric without a dimension has the reason "".
    #[must_use]
    pub fn counted(&self, metric: &str) -> HashMap<String, usize> {
        let lines = self
            .metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut counts = HashMap::new();
        for line in String::from_utf8_lossy(&lines).lines() {
            let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else {
                continue;
            };
            if line.get(metric).is_some() {
                let reason = line
                    .get("reason")
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default();
                *counts.entry(reason.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

/// An organization with its workspace.
#[derive(Debug, Clone)]
pub struct Organization {
    /// The tenant.
    pub id: OrganizationId,
    /// Its Slack connection.
    pub integration: IntegrationId,
    /// The bot token that it was first connected with.
    pub token: String,
    /// The workspace.
    pub workspace: Workspace,
}

impl Organization {
    /// A text that mentions our bot.
    #[must_use]
    pub fn mention(&self, text: &str) -> String {
        format!("<@{}> {text}", self.workspace.bot_user_id())
    }
}

/// A record as SQS hands it over: its id is `id`, its receipt `receipt-{id}`.
///
/// # Panics
/// When the envelope cannot be encoded.
#[must_use]
pub fn record(id: &str, attempt: u32, envelope: &Envelope) -> SqsMessage {
    let group = match &envelope.task {
        shared::task::Task::AnswerSlackMessageV1(message) => message.message_group(),
        shared::task::Task::ApplySlackLifecycleV1(_) => "lifecycle".to_owned(),
        shared::task::Task::ApplyIdentityV1(change) => change.message_group(),
        shared::task::Task::ApplyGitHubV1(event) => event.message_group(),
        shared::task::Task::ApplyAlertV1(alert) => alert.message_group(),
    };
    let body = envelope
        .encode()
        .unwrap_or_else(|error| panic!("an envelope that cannot be encoded: {error}"));
    raw_record(id, attempt, &group, body)
}

/// A record with any body.
#[must_use]
pub fn raw_record(id: &str, attempt: u32, group: &str, body: String) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(id.to_owned());
    record.receipt_handle = Some(format!("receipt-{id}"));
    record
        .attributes
        .insert("MessageGroupId".to_owned(), group.to_owned());
    record
        .attributes
        .insert("ApproximateReceiveCount".to_owned(), attempt.to_string());
    record.body = Some(body);
    record
}

/// The queue, as it was told things.
#[derive(Debug, Default)]
pub struct MemoryInbox {
    hidden: Mutex<HashMap<String, Duration>>,
    buried: Mutex<Vec<(String, &'static str)>>,
}

impl MemoryInbox {
    /// For how long a record was hidden last.
    #[must_use]
    pub fn hidden(&self, id: &str) -> Option<Duration> {
        self.hidden
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&format!("receipt-{id}"))
            .copied()
    }

    /// What was put on the dead-letter queue, with the reasons.
    #[must_use]
    pub fn buried(&self) -> Vec<(String, &'static str)> {
        self.buried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn hide(&self, receipts: &[String], duration: Duration) {
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.extend(receipts.iter().map(|receipt| (receipt.clone(), duration)));
    }

    async fn bury(&self, record: &SqsMessage, reason: &'static str) -> Result<(), QueueError> {
        let id = record.message_id.clone().unwrap_or_default();
        self.buried
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((id, reason));
        Ok(())
    }
}
