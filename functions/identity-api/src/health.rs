//! `GET /health/live` and `GET /health/ready`: whether this function runs, and whether it could do its work.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Json, extract::State};
use futures_util::future::join_all;
use serde::Serialize;
use shared::{
    auth::SessionVerifier,
    clock::{SharedClock, Timestamp, after},
    db::Access,
    http::error::{ApiError, FieldProblem, Problem},
    queue::{Queue, SqsQueue},
    secret::kms::Kms,
    telemetry::Causes,
};
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::App;

/// How long an answer is good for. Anybody may ask, and what is asked for is not free.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// How long one part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Something without which no request can be answered.
#[async_trait]
pub trait Part: Send + Sync {
    /// Asks whether it is there.
    ///
    /// # Errors
    /// Why it is not; for the log.
    async fn ask(&self) -> Result<(), BoxError>;
}

/// The database.
pub struct DatabasePart(pub Arc<Access>);

#[async_trait]
impl Part for DatabasePart {
    async fn ask(&self) -> Result<(), BoxError> {
        Ok(self.0.get().await?.ping().await?)
    }
}

/// The queues.
pub struct QueuesPart(pub SqsQueue);

#[async_trait]
impl Part for QueuesPart {
    async fn ask(&self) -> Result<(), BoxError> {
        let (tasks, events) = tokio::join!(self.0.look(Queue::Tasks), self.0.look(Queue::Events));
        Ok(tasks.and(events)?)
    }
}

/// The key that credentials are sealed with.
pub struct KeyPart(pub Kms);

#[async_trait]
impl Part for KeyPart {
    async fn ask(&self) -> Result<(), BoxError> {
        Ok(self.0.look().await?)
    }
}

/// The keys that session tokens are signed with.
pub struct SessionKeysPart(pub Arc<SessionVerifier>);

#[async_trait]
impl Part for SessionKeysPart {
    async fn ask(&self) -> Result<(), BoxError> {
        Ok(self.0.ready().await?)
    }
}

/// All parts, asked at most once in five seconds.
pub struct Readiness {
    parts: Vec<(&'static str, Box<dyn Part>)>,
    clock: SharedClock,
    // Held while asking: whoever comes meanwhile waits for the same answer.
    last: Mutex<Option<Answer>>,
}

#[derive(Clone)]
struct Answer {
    good_until: Timestamp,
    missing: Vec<&'static str>,
}

impl Readiness {
    /// Parts with the names that are shown to who asks.
    #[must_use]
    pub fn new(clock: SharedClock, parts: Vec<(&'static str, Box<dyn Part>)>) -> Self {
        Self {
            parts,
            clock,
            last: Mutex::default(),
        }
    }

    /// The names of the parts that are not there.
    async fn missing(&self) -> Vec<&'static str> {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some(answer) = last.as_ref().filter(|answer| now < answer.good_until) {
            return answer.missing.clone();
        }
        let asked = self.parts.iter().map(|(name, part)| async move {
            let answer = tokio::time::timeout(PATIENCE, part.ask()).await;
            match answer {
                Ok(Ok(())) => return None,
                Ok(Err(error)) => {
                    tracing::warn!(part = name, error = %Causes(&*error), "a part is not there");
                }
                Err(_) => tracing::warn!(part = name, "a part does not answer in time"),
            }
            Some(*name)
        });
        let missing: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
        *last = Some(Answer {
            good_until: after(now, GOOD_FOR),
            missing: missing.clone(),
        });
        missing
    }
}

/// How it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// `live` or `ready`.
    status: &'static str,
}

/// Whether this function runs. Asks nobody.
#[utoipa::path(
    get, path = "/health/live", tag = "health", security(()),
    responses((status = 200, description = "It runs.", body = Status)),
)]
pub(crate) async fn live() -> Json<Status> {
    Json(Status { status: "live" })
}

/// Whether everything that requests need is there: database, queues, the credentials' key and the keys of session
/// tokens. The answer is up to five seconds old.
#[utoipa::path(
    get, path = "/health/ready", tag = "health", security(()),
    responses(
        (status = 200, description = "All is there.", body = Status),
        (status = 503, description = "What is named in `fields` is not there.", body = Problem),
    ),
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Status>, ApiError> {
    let missing = app.readiness.missing().await;
    if missing.is_empty() {
        return Ok(Json(Status { status: "ready" }));
    }
    let fields = missing
        .into_iter()
        .map(|name| FieldProblem::new(name, "does not answer"))
        .collect();
    Err(ApiError::NotReady(fields))
}
