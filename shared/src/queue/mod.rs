//! The queues between the functions: putting tasks on them, and taking tasks off them.

mod consumer;
mod sqs;

use async_trait::async_trait;

pub use consumer::{Consumer, HIDDEN, Inbox, RENEWAL, TaskError, Work};
pub use sqs::{SqsInbox, SqsQueue};

use crate::task::Envelope;

/// The queues there are, by how long the work takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// `tasks.fifo`: agent turns, minutes each.
    Tasks,
    /// `events.fifo`: applying what a third party tells, milliseconds each.
    Events,
}

/// Where tasks are put.
#[async_trait]
pub trait TaskQueue: Send + Sync {
    /// Puts `envelope` on `queue`. Tasks of one `group` are handed over in the order in which they were put;
    /// of two with one `deduplication` id within five minutes only the first is kept.
    ///
    /// # Errors
    /// [`QueueError`]; nothing is on the queue then, as far as we know.
    async fn send(
        &self,
        queue: Queue,
        envelope: &Envelope,
        group: &str,
        deduplication: &str,
    ) -> Result<(), QueueError>;
}

/// Why nothing could be done with a queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The envelope cannot be written as JSON.
    #[error("the envelope cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// The function was not given this queue; nothing will change that but another release.
    #[error("{0:?} is not a queue of this function")]
    NotOurs(Queue),
    /// The queue did not answer, or not in time; trying again may help.
    #[error("the queue is not available")]
    Unavailable(#[source] aws_sdk_sqs::error::BoxError),
}

/// Group and deduplication ids may have 128 letters, digits and marks. Anything else is named by its digest.
/// Source: `SendMessage` in the Amazon SQS API reference.
fn queue_name(text: &str) -> std::borrow::Cow<'_, str> {
    if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return text.into();
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    hex::encode(digest.as_ref()).into()
}
