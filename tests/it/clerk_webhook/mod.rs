//! What Clerk sends to `POST /webhooks/clerk`, and what becomes of it.

mod arbitrary;
mod outage;
mod refused;
mod taken;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use clerk_webhook::{App, Config, router};
use serde_json::Value;
use shared::{
    clock::{Clock as _, FixedClock, Timestamp},
    id::Ids,
    queue::{Queue, TaskQueue},
    secret::manager::{MemorySecrets, SecretStore},
    task::{IdentityChange, Task},
    telemetry::Metrics,
    webhook::{Keyring, svix},
};
use tests::{
    gateway::{Answer, Call},
    queue::{Recorded, RecordingQueue},
};

use crate::slack_events::{secret, with_changes};

pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// Another one of the same form.
pub(crate) const OTHER_SECRET: &str = "whsec_bm9ib2R5IGtub3dzIHRoaXMgc2VjcmV0";
pub(crate) const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:clerk";
const INSTANCE_ID: &str = "ins_2gAcme0Instance0000000000A";
const PATH: &str = "/webhooks/clerk";
/// The id of a delivery where it does not matter.
const DELIVERY: &str = "msg_2gDelivery0000000000000001";

/// The function, with Clerk, the clock and the queue in our hands.
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
        let now = Timestamp::from_timestamp(1_716_883_201, 0).expect("a valid time");
        let clock = FixedClock::at(now);
        let secrets = MemorySecrets::new();
        secrets.put(SECRET_ARN, &secret(SECRET), now - Duration::from_hours(1000));
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let app = App {
            config: Config {
                environment: "test".to_owned(),
                clerk_instance_id: INSTANCE_ID.to_owned(),
                clerk_secret_arn: SECRET_ARN.to_owned(),
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
            metrics: Metrics::to("test", "clerk-webhook", Arc::new(clock.clone()), metrics.clone()),
        };
        Self {
            router: router(app),
            queue,
            secrets,
            clock,
            metrics,
        }
    }

    /// `body` as Clerk would send it now.
    pub(crate) fn signed(&self, body: impl Into<Vec<u8>>) -> Call {
        self.signed_with(SECRET, body)
    }

    pub(crate) fn signed_with(&self, secret: &str, body: impl Into<Vec<u8>>) -> Call {
        self.signed_as(secret, DELIVERY, body)
    }

    fn signed_as(&self, secret: &str, delivery: &str, body: impl Into<Vec<u8>>) -> Call {
        let body = body.into();
        svix::sign(secret, delivery, self.clock.now(), &body)
            .into_iter()
            .fold(Call::post(PATH, body), |call, (name, value)| {
                call.with(name, &value)
            })
    }

    pub(crate) async fn send(&self, call: &Call) -> Answer {
        call.send(&self.router)
            .await
            .expect("API Gateway would read the answer")
    }

    /// Delivers a fixture; Clerk is content and the queue holds what is returned.
    async fn deliver(&self, fixture: &str) -> Vec<Recorded> {
        let answer = self.send(&self.signed(self::fixture(fixture))).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{fixture}");
        assert_eq!(answer.header("content-type"), "application/json");
        self.queue.drain()
    }

    /// Delivers a fixture that becomes one task.
    async fn one(&self, fixture: &str) -> Recorded {
        let mut recorded = self.deliver(fixture).await;
        assert_eq!(recorded.len(), 1, "{fixture}");
        let one = recorded.remove(0);
        assert_eq!(one.queue, Queue::Events, "{fixture}");
        one
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

/// What changed, in what was queued.
fn change(one: &Recorded) -> IdentityChange {
    let Task::ApplyIdentityV1(change) = one.envelope().expect("an envelope").task else {
        panic!("not a change: {}", one.body)
    };
    change
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/clerk/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every fixture there is; each is called after its kind.
pub(crate) fn fixtures() -> Vec<String> {
    let folder = format!("{}/fixtures/clerk", env!("CARGO_MANIFEST_DIR"));
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
