//! What Slack sends to `POST /slack/events`, and what becomes of it.

mod arbitrary;
mod outage;
mod refused;
mod taken;

use shared::{
    queue::Queue,
    task::{SlackMessage, Task},
    webhook::slack::Slack,
};
use tests::queue::Recorded;

pub(crate) type Door = tests::door::Door<Slack>;

/// Delivers a fixture that becomes one Slack message.
async fn message(door: &Door, fixture: &str) -> SlackMessage {
    let one = door.one(fixture).await;
    assert_eq!(one.queue, Queue::Tasks, "{fixture}");
    said(&one)
}

/// The Slack message in what was queued.
fn said(one: &Recorded) -> SlackMessage {
    let Task::AnswerSlackMessageV1(message) = one.envelope().expect("an envelope").task else {
        panic!("not a message: {}", one.body)
    };
    message
}
