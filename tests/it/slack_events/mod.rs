//! What Slack sends to `POST /slack/events`, and what becomes of it.

pub(crate) mod arbitrary;
mod outage;
mod refused;
mod taken;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use serde_json::{Value, json};
use shared::{
    clock::{Clock as _, FixedClock, Timestamp},
    id::Ids,
    queue::{Queue, TaskQueue},
    secret::manager::{MemorySecrets, SecretStore},
    task::{SlackMessage, Task},
    telemetry::Metrics,
    webhook::{Keyring, slack},
};
use slack_events::{App, Config, router};
use tests::{
    gateway::{self, Answer, Call},
    queue::{Recorded, RecordingQueue},
};

pub(crate) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub(crate) const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slack";
const APP_ID: &str = "A0INFRAGPT";

/// The function, with Slack, the clock and the queue in our hands.
pub(crate) struct Door {
    router: Router,
    pub(crate) queue: Arc<RecordingQueue>,
    pub(crate) secrets: Arc<MemorySecrets>,
    pub(crate) clock: FixedClock,
    pub(crate) metrics: Arc<Mutex<Vec<u8>>>,
}

impl Door {
    pub(crate) fn new() -> Self {
        let queue = Arc::new(RecordingQueue::default());
        Self::before(Arc::clone(&queue) as Arc<dyn TaskQueue>, queue)
    }

    /// The function in front of `behind`; what `queue` records is what the tests look at.
    fn before(behind: Arc<dyn TaskQueue>, queue: Arc<RecordingQueue>) -> Self {
        let now = Timestamp::from_timestamp(1_531_420_618, 0).expect("a valid time");
        let clock = FixedClock::at(now);
        let secrets = MemorySecrets::new();
        secrets.put(SECRET_ARN, &secret(SECRET), now - Duration::from_hours(1000));
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let app = App {
            config: Config {
                environment: "test".to_owned(),
                slack_app_id: APP_ID.to_owned(),
                slack_secret_arn: SECRET_ARN.to_owned(),
                tasks_queue_url: "https://queue.example.com/tasks.fifo".to_owned(),
                events_queue_url: "https://queue.example.com/events.fifo".to_owned(),
            },
            clock: Arc::new(clock.clone()),
            ids: Ids::seeded(7),
            keyring: Keyring::new(
                SecretStore::from_source(secrets.clone()),
                SECRET_ARN,
                Arc::new(clock.clone()),
            ),
            queue: behind,
            metrics: Metrics::to("test", "slack-events", Arc::new(clock.clone()), metrics.clone()),
        };
        Self {
            router: router(app),
            queue,
            secrets,
            clock,
            metrics,
        }
    }

    /// `body` as Slack would send it now.
    pub(crate) fn signed(&self, body: impl Into<Vec<u8>>) -> Call {
        self.signed_with(SECRET, body)
    }

    pub(crate) fn signed_with(&self, secret: &str, body: impl Into<Vec<u8>>) -> Call {
        let body = body.into();
        let now = self.clock.now();
        slack::sign(secret, now, &body)
            .into_iter()
            .fold(Call::post("/slack/events", body), |call, (name, value)| {
                call.with(name, &value)
            })
    }

    pub(crate) async fn send(&self, call: &Call) -> Answer {
        call.send(&self.router)
            .await
            .expect("API Gateway would read the answer")
    }

    /// Sends what API Gateway would make of a request.
    async fn answer(&self, event: &Value) -> Answer {
        gateway::send(event, &self.router)
            .await
            .expect("API Gateway would read the answer")
    }

    /// Delivers a fixture; Slack is content and the queue holds what is returned.
    async fn deliver(&self, fixture: &str) -> Vec<Recorded> {
        let answer = self.send(&self.signed(self::fixture(fixture))).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{fixture}");
        self.queue.drain()
    }

    /// Delivers a fixture that becomes one Slack message.
    async fn message(&self, fixture: &str) -> SlackMessage {
        let recorded = self.deliver(fixture).await;
        let [one] = &recorded[..] else {
            panic!("{fixture} became {} tasks", recorded.len())
        };
        assert_eq!(one.queue, Queue::Tasks);
        said(one)
    }

    async fn status(&self, call: Call) -> u16 {
        let answer = self.send(&call).await;
        assert!(self.queue.recorded().is_empty(), "something was queued");
        answer.status
    }

    /// How often a metric was counted, with this value of its dimension.
    fn counted(&self, name: &str, dimension: &str) -> usize {
        let lines = self.metrics.lock().expect("not poisoned").clone();
        String::from_utf8(lines)
            .expect("text")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("one JSON object a line"))
            .filter(|line| line.get(name).is_some() && line.to_string().contains(dimension))
            .count()
    }
}

/// The Slack message in what was queued.
fn said(one: &Recorded) -> SlackMessage {
    let Task::AnswerSlackMessageV1(message) = one.envelope().expect("an envelope").task else {
        panic!("not a message: {}", one.body)
    };
    message
}

pub(crate) fn secret(value: &str) -> String {
    json!({ "signing_secret": value }).to_string()
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/slack/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every fixture there is.
pub(crate) fn fixtures() -> Vec<String> {
    let folder = format!("{}/fixtures/slack", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("readable").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// A fixture with some fields changed; `null` removes one.
pub(crate) fn changed(name: &str, changes: &[(&str, Value)]) -> Vec<u8> {
    with_changes(&fixture(name), changes)
}

/// A body with some fields changed; `null` removes one.
pub(crate) fn with_changes(body: &[u8], changes: &[(&str, Value)]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(body).expect("JSON");
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = body
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .expect("an object");
        if value.is_null() {
            parent.remove(key);
        } else {
            parent.insert(key.to_owned(), value.clone());
        }
    }
    body.to_string().into_bytes()
}
