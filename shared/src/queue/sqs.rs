//! Amazon SQS behind [`TaskQueue`] and [`Inbox`].

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::{
    Client,
    error::{DisplayErrorContext, SdkError},
    types::{ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue},
};

use super::{Inbox, Queue, QueueError, TaskQueue, queue_name};
use crate::task::Envelope;

/// The queues that a function puts tasks on.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    urls: HashMap<Queue, String>,
}

impl SqsQueue {
    /// The queues at these URLs; there are no others.
    #[must_use]
    pub fn new(config: &SdkConfig, urls: impl IntoIterator<Item = (Queue, String)>) -> Self {
        Self {
            client: Client::new(config),
            urls: urls.into_iter().collect(),
        }
    }

    /// Opens the connection, so that the first event does not pay for it: all queues are behind one host. Whatever
    /// comes back, the connection stays.
    pub async fn connect(&self) {
        let Some(url) = self.urls.values().next() else {
            return;
        };
        if let Err(error) = self.client.get_queue_attributes().queue_url(url).send().await {
            // The function has no right to this call and needs none.
            tracing::debug!(error = %error_kind(&error), "the connection to the queue is open");
        }
    }

    /// Asks whether a queue is there.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]: it is not, or SQS does not answer.
    pub async fn look(&self, queue: Queue) -> Result<(), QueueError> {
        self.client
            .get_queue_attributes()
            .queue_url(self.url(queue)?)
            .send()
            .await
            .map_err(|error| QueueError::Unavailable(error.into()))?;
        Ok(())
    }

    fn url(&self, queue: Queue) -> Result<&str, QueueError> {
        let url = self.urls.get(&queue).ok_or(QueueError::NotOurs(queue))?;
        Ok(url)
    }
}

fn error_kind<E>(error: &SdkError<E>) -> &'static str {
    match error {
        SdkError::ConstructionFailure(_) => "construction",
        SdkError::TimeoutError(_) => "timeout",
        SdkError::DispatchFailure(_) => "dispatch",
        SdkError::ResponseError(_) => "response",
        SdkError::ServiceError(_) => "service",
        _ => "other",
    }
}

#[async_trait]
impl TaskQueue for SqsQueue {
    async fn send(
        &self,
        queue: Queue,
        envelope: &Envelope,
        group: &str,
        deduplication: &str,
    ) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(self.url(queue)?)
            .message_group_id(queue_name(group))
            .message_deduplication_id(queue_name(deduplication))
            .message_body(envelope.encode().map_err(QueueError::Encode)?)
            .send()
            .await
            .map_err(|error| QueueError::Unavailable(error.into()))?;
        Ok(())
    }
}

/// The queue that a function is fed from, and where its unreadable records go.
#[derive(Debug, Clone)]
pub struct SqsInbox {
    client: Client,
    url: String,
    dead_letter_url: String,
}

impl SqsInbox {
    /// The queue and dead-letter queue at these URLs.
    #[must_use]
    pub fn new(config: &SdkConfig, url: String, dead_letter_url: String) -> Self {
        Self {
            client: Client::new(config),
            url,
            dead_letter_url,
        }
    }
}

#[async_trait]
impl Inbox for SqsInbox {
    async fn hide(&self, receipts: &[String], duration: Duration) {
        let seconds = i32::try_from(duration.as_secs().min(12 * 3600)).unwrap_or(i32::MAX);
        // Ten entries a call is all that SQS takes.
        for receipts in receipts.chunks(10) {
            let entries = receipts.iter().enumerate().filter_map(|(index, receipt)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(receipt)
                    .visibility_timeout(seconds)
                    .build()
                    .ok()
            });
            let result = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries.collect()))
                .send()
                .await;
            // Not fatal: the record comes back later than it should, or it was finished meanwhile.
            match result {
                Ok(answer) if answer.failed.is_empty() => {}
                Ok(answer) => tracing::warn!(count = answer.failed.len(), "records could not be hidden"),
                Err(error) => {
                    tracing::warn!(error = %DisplayErrorContext(&error), "records could not be hidden");
                }
            }
        }
    }

    async fn bury(&self, record: &SqsMessage, reason: &'static str) -> Result<(), QueueError> {
        let attribute = |value: &str| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
        };
        let message_id = record.message_id.as_deref().unwrap_or_default();
        let mut send = self
            .client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .message_group_id(queue_name(super::consumer::group(record)))
            .message_deduplication_id(queue_name(message_id))
            .message_body(
                record
                    .body
                    .as_deref()
                    .filter(|body| !body.is_empty())
                    .unwrap_or("(empty)"),
            );
        for (name, value) in [("reason", reason), ("message_id", message_id)] {
            if !value.is_empty() {
                send = send.message_attributes(
                    name,
                    attribute(value).map_err(|error| QueueError::Unavailable(error.into()))?,
                );
            }
        }
        send.send()
            .await
            .map_err(|error| QueueError::Unavailable(error.into()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{self, Patience},
        config::Env,
    };

    #[test]
    fn a_queue_that_a_function_was_not_given_is_an_error_and_never_another_one() {
        let mut env = Env::from_pairs([
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_REGION", "eu-central-1"),
        ]);
        let aws = aws::config(&mut env, Patience::SENDER_WAITS).expect("no CA bundle is named");
        let events = "https://sqs.example/events.fifo";
        let queue = SqsQueue::new(&aws, [(Queue::Events, events.to_owned())]);
        assert_eq!(queue.url(Queue::Events).ok(), Some(events));
        let error = queue.url(Queue::Tasks).expect_err("it has no such queue");
        assert!(matches!(error, QueueError::NotOurs(Queue::Tasks)));
        assert_eq!(error.to_string(), "Tasks is not a queue of this function");
    }
}
