//! Queues in memory that remember what was put on them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use shared::{
    queue::{Queue, QueueError, TaskQueue},
    task::Envelope,
};

/// One message as a consumer would find it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The queue it is on.
    pub queue: Queue,
    /// Its message group.
    pub group: String,
    /// Its deduplication id.
    pub deduplication: String,
    /// The body, encoded as for SQS.
    pub body: String,
}

impl Recorded {
    /// The body decoded again.
    ///
    /// # Errors
    /// When the body is not an envelope.
    pub fn envelope(&self) -> Result<Envelope, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}

/// How the queue behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// Takes everything.
    #[default]
    Well,
    /// Refuses everything, at once.
    Down,
    /// Never answers.
    Hanging,
}

/// Remembers what was put on it, in order. Does not deduplicate: a test sees what was sent.
#[derive(Debug, Default)]
pub struct RecordingQueue {
    recorded: Mutex<Vec<Recorded>>,
    mood: Mutex<Mood>,
}

impl RecordingQueue {
    /// Everything that was put on any queue.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        locked(&self.recorded).clone()
    }

    /// Everything that was put on any queue since the last time; forgets it.
    #[must_use]
    pub fn drain(&self) -> Vec<Recorded> {
        std::mem::take(&mut *locked(&self.recorded))
    }

    /// From now on the queue behaves like this.
    pub fn be(&self, mood: Mood) {
        *locked(&self.mood) = mood;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl TaskQueue for RecordingQueue {
    async fn send(
        &self,
        queue: Queue,
        envelope: &Envelope,
        group: &str,
        deduplication: &str,
    ) -> Result<(), QueueError> {
        let mood = *locked(&self.mood);
        match mood {
            Mood::Well => {}
            Mood::Down => return Err(QueueError::Unavailable("the test took the queue down".into())),
            Mood::Hanging => std::future::pending().await,
        }
        let body = envelope.encode().map_err(QueueError::Encode)?;
        locked(&self.recorded).push(Recorded {
            queue,
            group: group.to_owned(),
            deduplication: deduplication.to_owned(),
            body,
        });
        Ok(())
    }
}
