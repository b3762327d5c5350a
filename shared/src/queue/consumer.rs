//! Taking tasks off a FIFO queue.
//!
//! One invocation brings up to ten records of several groups. Groups are worked on side by side, the records of a
//! group one after another. When one fails, it and all later records of its group go back, so that order holds; the
//! other groups are not touched. A record that nobody can read goes to the dead-letter queue by our own hand, with
//! its reason, and its group moves on: on a FIFO queue it would block the group for hours.
//!
//! Nobody waits for the queue's own visibility timeout, which must be long: a record is hidden for [`HIDDEN`] and
//! that is renewed while somebody works on it, so after a crash another takes over within a minute.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{FutureExt as _, future::join_all};
use rand::Rng as _;
use tracing::Instrument as _;

use super::QueueError;
use crate::{
    clock::Timestamp,
    db::DbError,
    task::Envelope,
    telemetry::{self, Causes, Metrics},
};

/// How long a record that is being worked on stays hidden from others.
pub const HIDDEN: Duration = Duration::from_mins(1);

/// How often that is renewed.
pub const RENEWAL: Duration = Duration::from_secs(20);

/// The longest wait before a record is handed out again, whoever asks for a longer one: the queue's own visibility
/// timeout. SQS refuses to hide a record for more than twelve hours, and it would come back at once, again and again.
const LONGEST_WAIT: Duration = Duration::from_mins(30);

/// The waits before a record is handed out again, by how often it was received.
const BACKOFF: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
];

/// The queue that a function is fed from.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Hides the records with these receipt handles for `duration` from now. A failure is logged, not returned: the
    /// records then come back at another time, which is all that can happen.
    async fn hide(&self, receipts: &[String], duration: Duration);

    /// Puts a record on the dead-letter queue, with `reason` as an attribute.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]; the record is not on the dead-letter queue then.
    async fn bury(&self, record: &SqsMessage, reason: &'static str) -> Result<(), QueueError>;
}

/// One task to do, with what the worker must know about its delivery.
#[derive(Debug)]
pub struct Work {
    /// The task and its history.
    pub envelope: Envelope,
    /// How often the queue has handed it out, this time included.
    pub attempt: u32,
    /// When Lambda ends the invocation.
    pub deadline: Timestamp,
}

/// Why a task was not done, and what is to become of it.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .decision { Decision::Retry { .. } => "the task will be tried again", Decision::Fail { reason } => reason })]
pub struct TaskError {
    decision: Decision,
    source: Box<dyn std::error::Error + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// Another try may succeed. `after`: not before that, if somebody said so.
    Retry { after: Option<Duration> },
    /// No retry can cure it; an operator must look.
    Fail { reason: &'static str },
}

impl TaskError {
    /// Another try may succeed.
    pub fn retry(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            decision: Decision::Retry { after: None },
            source: source.into(),
        }
    }

    /// Another try may succeed, not before `wait` has passed.
    pub fn retry_after(wait: Duration, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            decision: Decision::Retry { after: Some(wait) },
            source: source.into(),
        }
    }

    /// No retry can cure it: the record goes to the dead-letter queue with `reason`, which is one word for metrics.
    pub fn fail(reason: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            decision: Decision::Fail { reason },
            source: source.into(),
        }
    }

    /// Whether another try may succeed.
    #[must_use]
    pub const fn is_retry(&self) -> bool {
        matches!(self.decision, Decision::Retry { .. })
    }
}

impl From<DbError> for TaskError {
    /// A row that cannot be read is a defect that an operator must see; anything else may pass.
    fn from(error: DbError) -> Self {
        match error {
            DbError::Corrupt { .. } => Self::fail("corrupt_row", error),
            error => Self::retry(error),
        }
    }
}

/// What a consumer of a queue needs.
pub struct Consumer<'a> {
    /// The queue.
    pub inbox: &'a dyn Inbox,
    /// Where buried and returned records are counted.
    pub metrics: &'a Metrics,
}

impl std::fmt::Debug for Consumer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}

/// The group of a record; records without one (there are none on a FIFO queue) are groups of their own.
pub(super) fn group(record: &SqsMessage) -> &str {
    record
        .attributes
        .get("MessageGroupId")
        .or(record.message_id.as_ref())
        .map_or("", String::as_str)
}

fn attempt(record: &SqsMessage) -> u32 {
    record
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
}

/// Positions of `batch` by group: groups in order of first appearance, records of a group in the batch's order.
fn groups(batch: &[SqsMessage]) -> Vec<Vec<usize>> {
    let mut order = Vec::<Vec<usize>>::new();
    let mut known = HashMap::new();
    for (index, record) in batch.iter().enumerate() {
        let slot = *known.entry(group(record)).or_insert_with(|| {
            order.push(Vec::new());
            order.len() - 1
        });
        order[slot].push(index);
    }
    order
}

impl Consumer<'_> {
    /// Works through a batch with `handler` and answers which records go back.
    pub async fn consume<F>(
        &self,
        event: SqsEvent,
        deadline: Timestamp,
        handler: impl Fn(Work) -> F,
    ) -> SqsBatchResponse
    where
        F: Future<Output = Result<(), TaskError>>,
    {
        let batch = &event.records;
        let unfinished = Mutex::new(
            batch
                .iter()
                .filter_map(|record| record.receipt_handle.clone())
                .collect::<Vec<String>>(),
        );
        // Before anything else: should this process die, the records come back in a minute, not in half an hour.
        self.hide(&unfinished).await;
        let work = join_all(
            groups(batch)
                .into_iter()
                .map(|group| self.work_through(batch, group, deadline, &unfinished, &handler)),
        );
        let failed = tokio::select! {
            failed = work => failed,
            () = self.keep_hidden(&unfinished) => Vec::new(),
        };
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failed
            .into_iter()
            .flatten()
            .map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            })
            .collect();
        response
    }

    /// Hides what is being worked on, again and again, without end.
    async fn keep_hidden(&self, unfinished: &Mutex<Vec<String>>) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            self.hide(unfinished).await;
        }
    }

    async fn hide(&self, unfinished: &Mutex<Vec<String>>) {
        let receipts = unfinished.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !receipts.is_empty() {
            self.inbox.hide(&receipts, HIDDEN).await;
        }
    }

    /// Works through one group; answers the ids of the records that go back.
    async fn work_through<F>(
        &self,
        batch: &[SqsMessage],
        group: Vec<usize>,
        deadline: Timestamp,
        unfinished: &Mutex<Vec<String>>,
        handler: &impl Fn(Work) -> F,
    ) -> Vec<String>
    where
        F: Future<Output = Result<(), TaskError>>,
    {
        let forget = |record: &SqsMessage| {
            unfinished
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|receipt| Some(receipt) != record.receipt_handle.as_ref());
        };
        for (position, &index) in group.iter().enumerate() {
            let record = &batch[index];
            let Err(wait) = self.work_on(record, deadline, handler).await else {
                forget(record);
                continue;
            };
            let returned: Vec<_> = group[position..].iter().map(|&index| &batch[index]).collect();
            for record in &returned {
                forget(record);
            }
            let receipts: Vec<_> = returned
                .iter()
                .filter_map(|record| record.receipt_handle.clone())
                .collect();
            self.inbox.hide(&receipts, wait).await;
            return returned
                .iter()
                .filter_map(|record| record.message_id.clone())
                .collect();
        }
        Vec::new()
    }

    /// Does one record's task. `Err` is the wait after which it, and what follows in its group, is to come back.
    async fn work_on<F>(
        &self,
        record: &SqsMessage,
        deadline: Timestamp,
        handler: &impl Fn(Work) -> F,
    ) -> Result<(), Duration>
    where
        F: Future<Output = Result<(), TaskError>>,
    {
        let attempt = attempt(record);
        let body = record.body.as_deref().unwrap_or_default();
        let envelope: Envelope = match serde_json::from_str(body) {
            Ok(envelope) => envelope,
            Err(error) => {
                // The position says enough; the text could be a message.
                tracing::error!(
                    message_id = record.message_id,
                    line = error.line(),
                    column = error.column(),
                    "a record cannot be read"
                );
                return self.bury(record, "malformed", attempt).await;
            }
        };
        let span = tracing::info_span!(
            "task.handle",
            task.id = %envelope.id,
            delivery.id = %envelope.delivery,
            event.id = envelope.event_id,
            trace_id = envelope.traceparent.as_deref().and_then(telemetry::trace_id),
            attempt,
        );
        let work = Work {
            envelope,
            attempt,
            deadline,
        };
        // A panic is one record's misfortune, not the batch's.
        let result = AssertUnwindSafe(handler(work))
            .catch_unwind()
            .instrument(span.clone())
            .await;
        let error = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_panic) => TaskError::retry("the handler panicked"),
        };
        match error.decision {
            Decision::Retry { after } => {
                let wait = after.unwrap_or_else(|| backoff(attempt)).min(LONGEST_WAIT);
                span.in_scope(|| {
                    tracing::warn!(
                        wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                        error = %Causes(&*error.source),
                        "a task will be tried again"
                    );
                });
                self.metrics.count("TasksReturned", None);
                Err(wait)
            }
            Decision::Fail { reason } => {
                span.in_scope(
                    || tracing::error!(reason, error = %Causes(&*error.source), "a task cannot be done"),
                );
                self.bury(record, reason, attempt).await
            }
        }
    }

    async fn bury(&self, record: &SqsMessage, reason: &'static str, attempt: u32) -> Result<(), Duration> {
        match self.inbox.bury(record, reason).await {
            Ok(()) => {
                self.metrics.count("TasksBuried", Some(("reason", reason)));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "a record could not be put on the dead-letter queue");
                Err(backoff(attempt))
            }
        }
    }
}

/// The wait before a record comes back that was received `attempt` times: up to a fifth is taken off by chance, so
/// that records which failed together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let step = usize::try_from(attempt.saturating_sub(1))
        .unwrap_or(usize::MAX)
        .min(BACKOFF.len() - 1);
    BACKOFF[step].mul_f64(rand::rng().random_range(0.8..=1.0))
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        clock::SystemClock,
        id::Ids,
        task::{DeliveryKey, SlackLifecycle, SlackLifecycleChange, Source, Task},
    };

    /// What a record's task does.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Outcome {
        Done,
        Retry,
        Fail,
        Panic,
        Unreadable,
    }

    impl Outcome {
        const fn goes_back(self) -> bool {
            matches!(self, Self::Retry | Self::Panic)
        }
    }

    #[derive(Default)]
    struct RecordingInbox {
        hidden: Mutex<Vec<(Vec<String>, Duration)>>,
        buried: Mutex<Vec<(String, &'static str)>>,
        /// The dead-letter queue does not answer.
        refuses_burial: bool,
    }

    #[async_trait]
    impl Inbox for RecordingInbox {
        async fn hide(&self, receipts: &[String], duration: Duration) {
            self.hidden.lock().unwrap().push((receipts.to_vec(), duration));
        }

        async fn bury(&self, record: &SqsMessage, reason: &'static str) -> Result<(), QueueError> {
            if self.refuses_burial {
                return Err(QueueError::Unavailable("the dead-letter queue is away".into()));
            }
            self.buried
                .lock()
                .unwrap()
                .push((record.message_id.clone().unwrap(), reason));
            Ok(())
        }
    }

    fn record(index: usize, group: u8, outcome: Outcome) -> SqsMessage {
        let envelope = Envelope {
            id: Ids::random().task(),
            delivery: DeliveryKey {
                source: Source::Slack,
                key: index.to_string(),
            },
            event_id: index.to_string(),
            received_at: Timestamp::UNIX_EPOCH,
            traceparent: None,
            task: Task::ApplySlackLifecycleV1(SlackLifecycle {
                change: SlackLifecycleChange::Uninstalled,
                team_id: None,
                enterprise_id: None,
                event_time: Timestamp::UNIX_EPOCH,
            }),
            raw: None,
        };
        let mut record = SqsMessage::default();
        record.message_id = Some(index.to_string());
        record.receipt_handle = Some(format!("receipt-{index}"));
        record
            .attributes
            .insert("MessageGroupId".to_owned(), group.to_string());
        record
            .attributes
            .insert("ApproximateReceiveCount".to_owned(), "2".to_owned());
        record.body = Some(match outcome {
            Outcome::Unreadable => "{\"not\": \"an envelope\"}".to_owned(),
            _ => envelope.encode().unwrap(),
        });
        record
    }

    /// Runs a batch; answers what was tried, and what goes back.
    fn run(inbox: &RecordingInbox, batch: &[(u8, Outcome)]) -> (Vec<usize>, Vec<usize>) {
        let metrics = Metrics::to(
            "test",
            "test",
            Arc::new(SystemClock),
            Arc::new(Mutex::new(Vec::new())),
        );
        let consumer = Consumer {
            inbox,
            metrics: &metrics,
        };
        let mut event = SqsEvent::default();
        event.records = batch
            .iter()
            .enumerate()
            .map(|(i, (group, outcome))| record(i, *group, *outcome))
            .collect();
        let tried = Mutex::new(Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let response = runtime.block_on(consumer.consume(event, Timestamp::UNIX_EPOCH, |work| {
            let index: usize = work.envelope.delivery.key.parse().unwrap();
            tried.lock().unwrap().push(index);
            let outcome = batch[index].1;
            async move {
                tokio::task::yield_now().await;
                match outcome {
                    Outcome::Done | Outcome::Unreadable => Ok(()),
                    Outcome::Retry => Err(TaskError::retry("not now")),
                    Outcome::Fail => Err(TaskError::fail("never", "not ever")),
                    Outcome::Panic => std::panic::resume_unwind(Box::new("a handler's bug")),
                }
            }
        }));
        let back = response
            .batch_item_failures
            .iter()
            .map(|f| f.item_identifier.parse().unwrap())
            .collect();
        (tried.into_inner().unwrap(), back)
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            4 => Just(Outcome::Done),
            1 => Just(Outcome::Retry),
            1 => Just(Outcome::Fail),
            1 => Just(Outcome::Panic),
            1 => Just(Outcome::Unreadable),
        ]
    }

    proptest! {
        /// The FIFO suffix rule: of each group, what goes back is exactly the first record that must and all after it.
        #[test]
        fn a_failure_returns_itself_and_what_follows_in_its_group_and_nothing_else(
            batch in prop::collection::vec((0..4_u8, outcome()), 0..10)
        ) {
            let inbox = RecordingInbox::default();
            let (tried, back) = run(&inbox, &batch);
            for group in 0..4 {
                let members: Vec<_> = (0..batch.len()).filter(|i| batch[*i].0 == group).collect();
                let first_failure = members.iter().position(|i| batch[*i].1.goes_back()).unwrap_or(members.len());
                let expected: HashSet<_> = members[first_failure..].iter().copied().collect();
                let actual: HashSet<_> = back.iter().copied().filter(|i| batch[*i].0 == group).collect();
                prop_assert_eq!(&actual, &expected);
                // Tried in order, and nothing after the failure.
                let in_order: Vec<_> = tried.iter().copied().filter(|i| batch[*i].0 == group).collect();
                let until = (first_failure + 1).min(members.len());
                let readable: Vec<_> =
                    members[..until].iter().copied().filter(|i| batch[*i].1 != Outcome::Unreadable).collect();
                prop_assert_eq!(in_order, readable);
                // What cannot be cured is buried, exactly once, if its turn came.
                for index in &members[..first_failure] {
                    let reason = match batch[*index].1 {
                        Outcome::Fail => Some("never"),
                        Outcome::Unreadable => Some("malformed"),
                        _ => None,
                    };
                    let buried: Vec<_> = inbox.buried.lock().unwrap().iter()
                        .filter(|(id, _)| *id == index.to_string()).map(|(_, reason)| *reason).collect();
                    prop_assert_eq!(buried, reason.into_iter().collect::<Vec<_>>());
                }
            }
            prop_assert_eq!(back.len(), back.iter().collect::<HashSet<_>>().len());
        }
    }

    #[test]
    fn a_batch_is_hidden_for_a_minute_before_its_work_begins_and_a_failure_for_its_backoff() {
        let inbox = RecordingInbox::default();
        run(
            &inbox,
            &[(1, Outcome::Retry), (1, Outcome::Done), (2, Outcome::Done)],
        );
        let hidden = inbox.hidden.into_inner().unwrap();
        assert_eq!(
            hidden[0],
            (
                vec!["receipt-0".into(), "receipt-1".into(), "receipt-2".into()],
                HIDDEN
            )
        );
        let (receipts, wait) = &hidden[1];
        assert_eq!(receipts, &["receipt-0", "receipt-1"]);
        assert!(
            (24..=30).contains(&wait.as_secs()),
            "the second attempt's backoff is 30 s less jitter: {wait:?}"
        );
    }

    #[tokio::test]
    async fn a_wait_longer_than_sqs_takes_is_shortened() {
        let inbox = RecordingInbox::default();
        let metrics = Metrics::new("test", "test", Arc::new(SystemClock));
        let mut event = SqsEvent::default();
        event.records = vec![record(0, 1, Outcome::Retry)];
        Consumer {
            inbox: &inbox,
            metrics: &metrics,
        }
        .consume(event, Timestamp::UNIX_EPOCH, async |_| {
            Err(TaskError::retry_after(
                Duration::from_hours(24),
                "slack asks to wait",
            ))
        })
        .await;
        let hidden = inbox.hidden.into_inner().unwrap();
        assert_eq!(hidden.last(), Some(&(vec!["receipt-0".to_owned()], LONGEST_WAIT)));
    }

    #[test]
    fn a_record_that_cannot_be_buried_comes_back_instead_of_being_lost() {
        let inbox = RecordingInbox {
            refuses_burial: true,
            ..RecordingInbox::default()
        };
        let (_, back) = run(&inbox, &[(1, Outcome::Unreadable), (2, Outcome::Done)]);
        assert_eq!(back, [0]);
    }
}
