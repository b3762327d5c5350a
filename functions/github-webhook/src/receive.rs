//! `POST /webhooks/github`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};
use shared::{
    clock::Timestamp,
    connector::github::event::{self, GitHubDelivery},
    http::{error::ApiError, layer::Origin},
    id::TaskId,
    json::JsonError,
    queue::Queue,
    task::{DeliveryKey, Envelope, Source, Task},
    webhook::{
        Verified,
        github::{GitHub, Headers},
    },
};

use crate::App;

/// `POST /webhooks/github`: takes one webhook.
#[tracing::instrument(name = "github.receive", skip_all)]
pub(crate) async fn handler(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    delivery: Verified<GitHub>,
) -> Result<Json<Value>, ApiError> {
    let headers = Headers::read(&headers)
        .inspect_err(|error| app.tell_unusable(error))
        .map_err(ApiError::Header)?;
    let verdict = classify(
        delivery.body(),
        &headers,
        app.ids.task(),
        delivery.received_at(),
        origin.traceparent,
    )
    .inspect_err(|error| app.tell_unusable(error))?;

    match verdict {
        Verdict::Put(put) => {
            // On the queue before the answer: once GitHub has its 200 the delivery counts as done there, and the
            // sandbox freezes.
            app.queue
                .send(Queue::Events, &put.envelope, &put.group, &put.envelope.event_id)
                .await?;
            tracing::info!(
                delivery.id = %put.envelope.delivery,
                task.id = %put.envelope.id,
                event.id = put.envelope.event_id,
                kind = headers.event,
                "a task was queued"
            );
        }
        // What Headers lets pass for the name of an event is lower-case letters and little else.
        Verdict::Ignore { reason } => tracing::debug!(kind = headers.event, reason, "an event was ignored"),
    }
    Ok(Json(json!({})))
}

/// What is to be done about a delivery.
#[derive(Debug)]
pub enum Verdict {
    /// Put a task on the queue of events.
    Put(Box<Put>),
    /// Nothing.
    Ignore {
        /// Why.
        reason: &'static str,
    },
}

/// A task for the queue of events.
#[derive(Debug)]
pub struct Put {
    /// What must stay in order with it.
    pub group: String,
    /// The task.
    pub envelope: Envelope,
}

/// Decides about a verified delivery; asks nobody.
///
/// # Errors
/// [`JsonError`] when the body is not what GitHub sends under the name in the headers, which nobody signed.
pub fn classify(
    body: &[u8],
    headers: &Headers,
    id: TaskId,
    received_at: Timestamp,
    traceparent: Option<String>,
) -> Result<Verdict, JsonError> {
    Ok(match event::parse(&headers.event, body, received_at)? {
        GitHubDelivery::Told(event) => Verdict::Put(Box::new(Put {
            group: event.message_group(),
            envelope: Envelope {
                id,
                delivery: DeliveryKey {
                    source: Source::GitHub,
                    key: headers.delivery.clone(),
                },
                event_id: headers.delivery.clone(),
                received_at,
                traceparent,
                task: Task::ApplyGitHubV1(*event),
                // What people wrote in issues, commits and pull requests does not wait on a queue for days.
                raw: None,
            },
        })),
        GitHubDelivery::Ignored { reason } => Verdict::Ignore { reason },
    })
}
