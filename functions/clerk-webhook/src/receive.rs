//! `POST /webhooks/clerk`.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use serde_json::{Value, json};
use shared::{
    clock::Timestamp,
    http::{error::ApiError, layer::Origin},
    id::TaskId,
    identity::event::{self, ClerkEvent, ClerkEventError},
    queue::Queue,
    task::{DeliveryKey, Envelope, Source, Task},
    webhook::{Verified, svix::Clerk},
};

use crate::App;

/// `POST /webhooks/clerk`: takes one webhook.
#[tracing::instrument(name = "clerk.receive", skip_all)]
pub(crate) async fn handler(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    delivery: Verified<Clerk>,
) -> Result<Json<Value>, ApiError> {
    let verdict = classify(
        delivery.body(),
        delivery.label().as_str(),
        &app.config.clerk_instance_id,
        app.ids.task(),
        delivery.received_at(),
        origin.traceparent,
    )
    .inspect_err(|error| app.tell_unusable(error))?;

    match verdict {
        Verdict::Put(put) => {
            // On the queue before the answer: once Clerk has its 200 it sends nothing again, and the sandbox freezes.
            app.queue
                .send(Queue::Events, &put.envelope, &put.group, &put.envelope.event_id)
                .await?;
            tracing::info!(
                delivery.id = %put.envelope.delivery,
                task.id = %put.envelope.id,
                event.id = put.envelope.event_id,
                "a task was queued"
            );
        }
        Verdict::Ignore { kind } => tracing::debug!(kind, "an event was ignored"),
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
        /// Clerk's name of its kind.
        kind: String,
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

/// Decides about a verified delivery, whose `svix-id` is `delivery_id`, for the instance `instance_id`; asks nobody.
///
/// # Errors
/// [`ClerkEventError`] when it is of another instance or not what Clerk sends.
pub fn classify(
    body: &[u8],
    delivery_id: &str,
    instance_id: &str,
    id: TaskId,
    received_at: Timestamp,
    traceparent: Option<String>,
) -> Result<Verdict, ClerkEventError> {
    Ok(match event::parse(body, instance_id)? {
        ClerkEvent::Changed(change) => Verdict::Put(Box::new(Put {
            group: change.message_group(),
            envelope: Envelope {
                id,
                delivery: DeliveryKey {
                    source: Source::Clerk,
                    key: delivery_id.to_owned(),
                },
                event_id: delivery_id.to_owned(),
                received_at,
                traceparent,
                task: Task::ApplyIdentityV1(change),
                // A person's event holds their addresses, telephone numbers and private metadata. What we use of it is
                // in the task; the rest is nobody's business here, and does not wait on a queue for days.
                raw: None,
            },
        })),
        ClerkEvent::Ignored { kind } => Verdict::Ignore { kind },
    })
}
