//! `POST /slack/events`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use shared::{
    clock::Timestamp,
    connector::slack::event::{self, EventEnvelope, SlackEvent, SlackEventError},
    http::{error::ApiError, layer::Origin},
    id::TaskId,
    queue::Queue,
    task::{DeliveryKey, Envelope, Source, Task},
    webhook::{Verified, slack::Slack},
};

use crate::App;

/// `POST /slack/events`: takes one delivery of the Events API.
#[tracing::instrument(name = "slack.receive", skip_all)]
pub(crate) async fn handler(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    delivery: Verified<Slack>,
) -> Result<Response, ApiError> {
    let verdict = classify(
        delivery.body(),
        &app.config.slack_app_id,
        app.ids.task(),
        delivery.received_at(),
        origin.traceparent,
    )
    .inspect_err(|error| app.tell_unusable(error))?;

    match verdict {
        Verdict::Put(put) => {
            // On the queue before the answer: once Slack has its 200 it forgets the event, and the sandbox freezes.
            app.queue
                .send(put.queue, &put.envelope, &put.group, &put.envelope.event_id)
                .await?;
            tracing::info!(
                delivery.id = %put.envelope.delivery,
                task.id = %put.envelope.id,
                event.id = put.envelope.event_id,
                retry = header(&headers, "x-slack-retry-num"),
                retry_reason = header(&headers, "x-slack-retry-reason"),
                "a task was queued"
            );
        }
        Verdict::Answer(challenge) => return Ok(challenge.into_response()),
        Verdict::RateLimited { team_id } => {
            app.metrics.count("SlackRateLimited", None);
            tracing::warn!(team.id = team_id, "Slack holds back events of a workspace");
        }
        Verdict::Ignore { kind, reason } => tracing::debug!(kind, reason, "an event was ignored"),
    }
    Ok(StatusCode::OK.into_response())
}

/// What is to be done about a delivery.
#[derive(Debug)]
pub enum Verdict {
    /// Put a task on a queue.
    Put(Box<Put>),
    /// Answer with this text.
    Answer(String),
    /// Tell the operator.
    RateLimited {
        /// The workspace.
        team_id: Option<String>,
    },
    /// Nothing.
    Ignore {
        /// Slack's name of its kind.
        kind: String,
        /// Why.
        reason: &'static str,
    },
}

/// A task for a queue.
#[derive(Debug)]
pub struct Put {
    /// Which queue.
    pub queue: Queue,
    /// What must stay in order with it.
    pub group: String,
    /// The task.
    pub envelope: Envelope,
}

/// Decides about a verified delivery for the app `app_id`; asks nobody.
///
/// # Errors
/// [`SlackEventError`] when it is for another app or not what Slack sends.
pub fn classify(
    body: &[u8],
    app_id: &str,
    id: TaskId,
    received_at: Timestamp,
    traceparent: Option<String>,
) -> Result<Verdict, SlackEventError> {
    let put = |queue, group, delivery, task, event: EventEnvelope| {
        let envelope = Envelope {
            id,
            delivery,
            event_id: event.event_id,
            received_at,
            traceparent,
            task,
            raw: event.raw,
        };
        Verdict::Put(Box::new(Put {
            queue,
            group,
            envelope,
        }))
    };
    Ok(match event::parse(body, app_id)? {
        SlackEvent::Said { message, envelope } => {
            let (group, key) = (message.message_group(), message.delivery_key());
            put(
                Queue::Tasks,
                group,
                key,
                Task::AnswerSlackMessageV1(message),
                envelope,
            )
        }
        SlackEvent::InstallationChanged { lifecycle, envelope } => {
            let installation = lifecycle.team_id.as_ref().or(lifecycle.enterprise_id.as_ref());
            let group = format!(
                "slack-installation:{}",
                installation.map(String::as_str).unwrap_or_default()
            );
            let key = DeliveryKey {
                source: Source::Slack,
                key: envelope.event_id.clone(),
            };
            put(
                Queue::Events,
                group,
                key,
                Task::ApplySlackLifecycleV1(lifecycle),
                envelope,
            )
        }
        SlackEvent::UrlVerification { challenge } => Verdict::Answer(challenge),
        SlackEvent::RateLimited { team_id } => Verdict::RateLimited { team_id },
        SlackEvent::Ignored { kind, reason } => Verdict::Ignore { kind, reason },
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
