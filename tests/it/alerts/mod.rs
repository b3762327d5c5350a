//! Alerts from the third party's delivery to the message in Slack.

mod datadog;
mod door;
mod posting;
mod settings;

use std::sync::Arc;

use serde_json::json;
use shared::{
    clock::{self, Clock as _, Timestamp},
    config::Env,
    connector::contract::{Connector, Parts},
    db::alert_settings,
    id::{IntegrationId, OrganizationId},
    queue::{Queue, TaskQueue},
    secret::{
        manager::{MemorySecrets, SecretStore},
        vault::CredentialScope,
    },
    task::{Alert, AlertSeverity, AlertState, ConnectionAlert, DeliveryKey, Envelope, Source, Task},
    webhook::pagerduty::sign,
};
use tests::{
    gateway::{Answer, Call},
    queue::{Recorded, RecordingQueue},
    stack::{Handled, Organization, Stack, record},
};

/// What PagerDuty signs with for `acme`'s connection, and what opens that.
const SIGNING_SECRET: &str = "pagerduty-signing-secret-of-acme";
const API_TOKEN: &str = "u+pagerduty-token-of-acme";
/// When messages in the fake Slack begin.
const BEGINNING: i64 = 1_700_000_000;

/// An organization with a workspace and a connection to PagerDuty.
struct World {
    stack: Stack,
    acme: Organization,
    pagerduty: IntegrationId,
    queue: Arc<RecordingQueue>,
    router: axum::Router,
}

impl World {
    /// Alerts of any severity are posted in `C1`.
    async fn new() -> Self {
        let world = Self::silent().await;
        world.choose(Some("C1"), AlertSeverity::Info).await;
        world
    }

    /// Nobody has chosen a channel.
    async fn silent() -> Self {
        let now = Timestamp::from_timestamp(BEGINNING, 0).expect("a time");
        let stack = Stack::start_at(now).await.expect("a stack");
        let acme = stack.organization("acme", "T1").await.expect("an organization");
        let pagerduty = connect_pagerduty(&stack, acme.id, SIGNING_SECRET).await;
        let queue = Arc::new(RecordingQueue::default());
        let router = door(&stack, &queue);
        Self {
            stack,
            acme,
            pagerduty,
            queue,
            router,
        }
    }

    /// The connection of another organization, for which PagerDuty signs with this.
    async fn rival(&self, signing_secret: &str) -> IntegrationId {
        let rival = self.stack.organization("rival", "T2").await;
        connect_pagerduty(&self.stack, rival.expect("an organization").id, signing_secret).await
    }

    async fn choose(&self, channel: Option<&str>, minimum: AlertSeverity) {
        let mut db = self.stack.db().await.expect("a connection");
        let tx = db.begin_for(self.acme.id).await.expect("a transaction");
        alert_settings::upsert(&tx, self.acme.id, channel, minimum, self.stack.clock.now())
            .await
            .expect("settings");
        tx.commit().await.expect("a commit");
    }

    async fn settings(&self) -> alert_settings::AlertSettings {
        let mut db = self.stack.db().await.expect("a connection");
        let tx = db.begin_for(self.acme.id).await.expect("a transaction");
        let found = alert_settings::find(&tx, self.acme.id).await;
        found.expect("settings").expect("they were set")
    }

    fn path(&self) -> String {
        path(self.pagerduty)
    }

    async fn send(&self, call: &Call) -> Answer {
        call.send(&self.router)
            .await
            .expect("API Gateway would read the answer")
    }

    /// What the door put on the queue.
    fn queued(&self) -> Vec<Recorded> {
        let queued = self.queue.drain();
        assert!(queued.iter().all(|one| one.queue == Queue::Events), "{queued:?}");
        queued
    }

    /// A delivery of PagerDuty's that a person caused at minute `at`, taken by the door.
    async fn delivered(&self, event: &str, state: &str, at: i64) -> Envelope {
        let body = incident(event, state, at, "Checkout is down");
        self.taken(&self.router, &signed(&self.path(), SIGNING_SECRET, &body))
            .await
    }

    /// A delivery that a door takes.
    async fn taken(&self, router: &axum::Router, call: &Call) -> Envelope {
        let answer = call.send(router).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let queued = self.queued();
        assert_eq!(queued.len(), 1);
        queued[0].envelope().expect("an envelope")
    }

    /// News, as the door puts it on the queue.
    fn news(&self, event: &str, state: AlertState, at: i64) -> Envelope {
        self.news_of(self.acme.id, self.pagerduty, event, alert("Q1", state, at))
    }

    fn news_of(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        event: &str,
        alert: Alert,
    ) -> Envelope {
        Envelope {
            id: self.stack.ids.task(),
            delivery: DeliveryKey {
                source: Source::PagerDuty,
                key: format!("{integration}:{event}"),
            },
            event_id: event.to_owned(),
            received_at: self.stack.clock.now(),
            traceparent: None,
            task: Task::ApplyAlertV1(ConnectionAlert {
                organization,
                integration,
                alert,
            }),
            raw: None,
        }
    }

    /// A fresh process deals with one record.
    async fn process(&self, envelope: &Envelope, attempt: u32) -> Handled {
        let processor = self.stack.processor().expect("a process");
        let batch = vec![record("r", attempt, envelope)];
        self.stack.process(&processor, batch).await
    }

    /// The same for one that is done.
    async fn done(&self, envelope: &Envelope) {
        let handled = self.process(envelope, 1).await;
        assert_eq!(handled.returned, Vec::<String>::new());
    }

    /// The same for one that is to come again.
    async fn returned(&self, envelope: &Envelope) {
        assert_eq!(self.process(envelope, 1).await.returned, ["r"]);
    }

    /// The messages in a channel, as people see them.
    fn shown(&self, channel: &str) -> Vec<String> {
        let messages = self.acme.workspace.messages(channel, None);
        messages
            .iter()
            .map(|message| message.shown().to_owned())
            .collect()
    }

    /// The value of one column of the only alert.
    async fn column(&self, column: &str) -> Option<String> {
        let superuser = self.stack.database.superuser().await.expect("a connection");
        superuser
            .query_one(&format!("SELECT {column}::text FROM alerts"), &[])
            .await
            .expect("one alert")
            .get(0)
    }

    /// A statement as only a superuser may run it.
    async fn run(&self, sql: &str) {
        let superuser = self.stack.database.superuser().await.expect("a connection");
        superuser.batch_execute(sql).await.expect("it runs");
    }
}

/// An organization's connection, for which PagerDuty signs with this.
async fn connect_pagerduty(
    stack: &Stack,
    organization: OrganizationId,
    signing_secret: &str,
) -> IntegrationId {
    let scope = CredentialScope {
        organization,
        connector: pagerduty_webhook::SENDER.kind,
        integration: stack.ids.integration(),
    };
    let credentials = json!({
        "api_token": API_TOKEN, "region": "us", "subscription_id": "PSUB1", "signing_secret": signing_secret,
    });
    let connected = stack.connect_addressed(&scope, &credentials).await;
    connected.expect("a connection");
    scope.integration
}

/// A fresh process of the door.
fn door(stack: &Stack, queue: &Arc<RecordingQueue>) -> axum::Router {
    door_before(stack, queue.clone())
}

fn door_before(stack: &Stack, queue: Arc<dyn TaskQueue>) -> axum::Router {
    let connector = connector::<pagerduty_webhook::Connector>(stack, []);
    stack
        .door(pagerduty_webhook::SENDER, Arc::new(connector), queue)
        .expect("a door")
}

/// A connector as a door has it, with these variables.
fn connector<C: Connector>(stack: &Stack, variables: impl IntoIterator<Item = (&'static str, String)>) -> C {
    let parts = Parts {
        clock: Arc::new(stack.clock.clone()),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    C::configure(&mut Env::from_pairs(variables), &parts).expect("a connector")
}

fn path(integration: IntegrationId) -> String {
    format!("/webhooks/pagerduty/{}", integration.uuid())
}

fn signed(path: &str, secret: &str, body: &[u8]) -> Call {
    let (name, value) = sign(secret, body);
    Call::post(path, body).with(name, &value)
}

/// Minutes after the beginning.
fn minute(at: i64) -> Timestamp {
    let begin = Timestamp::from_timestamp(BEGINNING, 0).expect("a time");
    clock::after(begin, std::time::Duration::from_mins(at.unsigned_abs()))
}

/// News of an incident as PagerDuty tells it. Source: "Webhooks Overview" at
/// <https://developer.pagerduty.com/docs/webhooks-overview>.
fn incident(event: &str, state: &str, at: i64, title: &str) -> Vec<u8> {
    json!({"event": {
        "id": event,
        "event_type": format!("incident.{state}"),
        "resource_type": "incident",
        "occurred_at": minute(at).to_rfc3339(),
        "agent": null,
        "client": null,
        "data": {
            "id": "Q1",
            "type": "incident",
            "self": "https://api.pagerduty.com/incidents/Q1",
            "html_url": "https://acme.pagerduty.com/incidents/Q1",
            "number": 2,
            "status": state,
            "title": title,
            "urgency": "high",
            "priority": null,
            "service": {"id": "PS1", "summary": "checkout", "type": "service_reference"},
        },
    }})
    .to_string()
    .into_bytes()
}

fn alert(key: &str, state: AlertState, at: i64) -> Alert {
    Alert {
        dedupe_key: key.to_owned(),
        severity: AlertSeverity::High,
        state,
        title: "Checkout is down".to_owned(),
        service: Some("checkout".to_owned()),
        url: Some("https://acme.pagerduty.com/incidents/Q1".to_owned()),
        updated_at: minute(at),
    }
}
