//! A function that takes deliveries, with its sender, the clock, the secrets and the queue in our hands.

pub mod clerk;
pub mod github;
mod slack;

use std::{
    marker::PhantomData,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use serde_json::{Value, json};
use shared::{
    clock::{Clock as _, FixedClock, SharedClock, Timestamp},
    id::Ids,
    queue::TaskQueue,
    secret::manager::{MemorySecrets, SecretStore},
    telemetry::Metrics,
    webhook::{Keyring, Scheme},
};

use crate::{
    gateway::{self, Answer, Call},
    queue::{Recorded, RecordingQueue},
};

/// Who sends to a function, and what.
pub trait Sender: Scheme {
    /// Where it sends to.
    const PATH: &'static str;
    /// The function's name, as it counts its deliveries.
    const FUNCTION: &'static str;
    /// What it signs with.
    const SECRET: &'static str;
    /// Another secret of its form.
    const OTHER_SECRET: &'static str;
    /// Where the function finds that.
    const SECRET_ARN: &'static str;
    /// When the fixtures were sent, in seconds since 1970.
    const SENT_AT: i64;
    /// The folder in `tests/fixtures` with a file for each of its deliveries.
    const FIXTURES: &'static str;
    /// The fixture that becomes one task, for where it does not matter which.
    const TAKEN: &'static str;
    /// What it is answered where all is well.
    const THANKS: &'static str;

    /// The function, made of these.
    fn router(parts: Parts<Self>) -> Router
    where
        Self: Sized;

    /// The headers that sign a body.
    fn sign(secret: &str, at: Timestamp, body: &[u8]) -> Vec<(&'static str, String)>;
}

/// What a function is made of besides its configuration.
#[expect(missing_debug_implementations, reason = "queues have none")]
pub struct Parts<S: Scheme> {
    /// Our time.
    pub clock: SharedClock,
    /// Ids of tasks.
    pub ids: Ids,
    /// The sender's signing secrets.
    pub keyring: Keyring<S>,
    /// Where tasks go.
    pub queue: Arc<dyn TaskQueue>,
    /// Where deliveries are counted.
    pub metrics: Metrics,
}

/// The function that takes what `S` sends.
#[derive(Debug)]
pub struct Door<S> {
    router: Router,
    /// What the function puts on its queues.
    pub queue: Arc<RecordingQueue>,
    /// Where it reads its secrets.
    pub secrets: Arc<MemorySecrets>,
    /// Its time.
    pub clock: FixedClock,
    /// What it counts.
    pub metrics: Arc<Mutex<Vec<u8>>>,
    sender: PhantomData<S>,
}

impl<S: Sender> Default for Door<S> {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a door that cannot be set up, or a fixture that is missing, is a mistake in the tests"
)]
impl<S: Sender> Door<S> {
    /// The function before a queue that takes everything.
    #[must_use]
    pub fn new() -> Self {
        let queue = Arc::new(RecordingQueue::default());
        Self::before(Arc::clone(&queue) as Arc<dyn TaskQueue>, queue)
    }

    /// The function before `behind`; what `queue` records is what is looked at.
    ///
    /// # Panics
    /// When the fixtures' time is none.
    #[must_use]
    pub fn before(behind: Arc<dyn TaskQueue>, queue: Arc<RecordingQueue>) -> Self {
        let now = Timestamp::from_timestamp(S::SENT_AT, 0).expect("a valid time");
        let clock = FixedClock::at(now);
        let secrets = MemorySecrets::new();
        secrets.put(
            S::SECRET_ARN,
            &secret(S::SECRET),
            now - Duration::from_hours(1000),
        );
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let router = S::router(Parts {
            clock: Arc::new(clock.clone()),
            ids: Ids::seeded(7),
            keyring: Keyring::new(
                SecretStore::from_source(secrets.clone()),
                S::SECRET_ARN,
                Arc::new(clock.clone()),
            ),
            queue: behind,
            metrics: Metrics::to("test", S::FUNCTION, Arc::new(clock.clone()), metrics.clone()),
        });
        Self {
            router,
            queue,
            secrets,
            clock,
            metrics,
            sender: PhantomData,
        }
    }

    /// `body` as the sender would send it now.
    pub fn signed(&self, body: impl Into<Vec<u8>>) -> Call {
        self.signed_with(S::SECRET, body)
    }

    /// The same with another secret.
    pub fn signed_with(&self, secret: &str, body: impl Into<Vec<u8>>) -> Call {
        let body = body.into();
        S::sign(secret, self.clock.now(), &body)
            .into_iter()
            .fold(Call::post(S::PATH, body), |call, (name, value)| {
                call.with(name, &value)
            })
    }

    /// The delivery for where it does not matter which, signed.
    #[must_use]
    pub fn good(&self) -> Call {
        self.signed(Self::fixture(S::TAKEN))
    }

    /// Sends a call through API Gateway.
    ///
    /// # Panics
    /// When API Gateway could not read the answer.
    pub async fn send(&self, call: &Call) -> Answer {
        call.send(&self.router)
            .await
            .expect("API Gateway would read the answer")
    }

    /// Sends what API Gateway would make of a request.
    ///
    /// # Panics
    /// When API Gateway could not read the answer.
    pub async fn answer(&self, event: &Value) -> Answer {
        gateway::send(event, &self.router)
            .await
            .expect("API Gateway would read the answer")
    }

    /// Delivers a fixture; the sender is content and the queue held what is returned.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn deliver(&self, fixture: &str) -> Vec<Recorded> {
        let answer = self.send(&self.signed(Self::fixture(fixture))).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, S::THANKS),
            "{fixture}"
        );
        self.queue.drain()
    }

    /// Delivers a fixture that becomes one task.
    ///
    /// # Panics
    /// When it becomes none, or more.
    pub async fn one(&self, fixture: &str) -> Recorded {
        let mut recorded = self.deliver(fixture).await;
        assert_eq!(recorded.len(), 1, "{fixture}");
        recorded.remove(0)
    }

    /// The status of a call that puts nothing on a queue.
    ///
    /// # Panics
    /// When something is queued.
    pub async fn status(&self, call: Call) -> u16 {
        let answer = self.send(&call).await;
        assert!(self.queue.recorded().is_empty(), "something was queued");
        answer.status
    }

    fn folder() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(S::FIXTURES)
    }

    /// A delivery's body.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn fixture(name: &str) -> Vec<u8> {
        let path = Self::folder().join(format!("{name}.json"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names of all of the sender's fixtures, in order.
    ///
    /// # Panics
    /// When they cannot be listed.
    #[must_use]
    pub fn fixtures() -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(Self::folder())
            .expect("the fixtures are there")
            .map(|entry| entry.expect("readable").path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// A fixture with some fields changed; `null` removes one.
    #[must_use]
    pub fn changed(name: &str, changes: &[(&str, Value)]) -> Vec<u8> {
        with_changes(&Self::fixture(name), changes)
    }

    /// How often a metric was counted, with this value of its dimension.
    ///
    /// # Panics
    /// When a line is no JSON.
    #[must_use]
    pub fn counted(&self, name: &str, dimension: &str) -> usize {
        let lines = self
            .metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        String::from_utf8(lines)
            .expect("text")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("one JSON object a line"))
            .filter(|line| line.get(name).is_some() && line.to_string().contains(dimension))
            .count()
    }
}

/// What Secrets Manager holds of a signing secret.
#[must_use]
pub fn secret(value: &str) -> String {
    json!({ "signing_secret": value }).to_string()
}

/// A body with some fields changed; `null` removes one.
///
/// # Panics
/// When the body is no JSON, or has nothing where a change is to be.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a change of what is not there is a mistake in the tests"
)]
pub fn with_changes(body: &[u8], changes: &[(&str, Value)]) -> Vec<u8> {
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
