//! What every function is made of that takes deliveries: how it verifies, where it puts tasks, how it counts.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{Keyring, START_PATIENCE, Scheme};
use crate::{
    aws::{self, Patience},
    clock::{SharedClock, SystemClock},
    config::{ConfigError, Env},
    connector::contract::SetupError,
    id::Ids,
    queue::{Queue, SqsQueue, TaskQueue},
    secret::{
        kms::KeyNameError,
        manager::{SecretError, SecretStore},
    },
    telemetry::Metrics,
};

/// How long a door takes for an answer. Of all senders Slack has the least patience, and gives up after three seconds.
/// With a start before it that took all of its patience, the answer is still there after two and a half; the rest is for
/// the way. What SQS and Secrets Manager do not answer in this time they do not answer, and a sender that is told so at
/// once comes again.
pub const DEADLINE: Duration = Duration::from_millis(1_900);

/// What such a function is told by its environment.
pub trait DoorConfig: Sized + Send + Sync + 'static {
    /// The function's name, in metrics.
    const FUNCTION: &'static str;

    /// Reads the variables; what is missing is told by [`Env::finish`].
    fn read(env: &mut Env) -> Self;

    /// The deployment, in metrics.
    fn environment(&self) -> &str;

    /// The secret with the sender's signing secret.
    fn secret_arn(&self) -> &str;

    /// The queues that tasks go to, with their addresses.
    fn queues(&self) -> Vec<(Queue, String)>;
}

/// A function that takes deliveries of scheme `S`, with all it needs and what its environment says.
pub struct Door<S, C> {
    /// What the environment says.
    pub config: C,
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

/// Why a door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Variables are missing or malformed.
    #[error(transparent)]
    Environment(#[from] ConfigError),
    /// The way to AWS cannot be made.
    #[error(transparent)]
    Aws(#[from] aws::AwsConfigError),
    /// The signing secret is not as it should be.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The name of a KMS key is none.
    #[error(transparent)]
    Key(#[from] KeyNameError),
    /// A variable of the connector's cannot be used.
    #[error(transparent)]
    Connector(#[from] SetupError),
}

impl<S: Scheme, C: DoorConfig> Door<S, C> {
    /// The function as the environment describes it, with its connections open.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name; a signing secret that is empty or not as it should be. That
    /// Secrets Manager is away is no error: it may be back when the first delivery comes.
    pub async fn from_env() -> Result<Self, DoorError> {
        let mut env = Env::from_process();
        let config = C::read(&mut env);
        let aws = aws::config(&mut env, Patience::SENDER_WAITS)?;
        env.finish()?;

        let clock: SharedClock = Arc::new(SystemClock);
        let keyring = Keyring::new(SecretStore::new(&aws), config.secret_arn(), Arc::clone(&clock));
        let queue = SqsQueue::new(&aws, config.queues());
        warm(&keyring, &queue).await?;
        Ok(Self {
            metrics: Metrics::new(config.environment(), C::FUNCTION, Arc::clone(&clock)),
            config,
            clock,
            ids: Ids::random(),
            keyring,
            queue: Arc::new(queue),
        })
    }
}

impl<S, C> Door<S, C> {
    /// Tells the operator of a delivery that its sender signed and that we cannot use: either our reading or our
    /// configuration is wrong.
    pub fn tell_unusable(&self, error: &(dyn Error + 'static)) {
        self.metrics.count("DeliveryUnusable", None);
        tracing::warn!(error, "a signed delivery cannot be used");
    }
}

impl<S, C: fmt::Debug> fmt::Debug for Door<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Reads the signing secrets and connects to the queue, both at once, at the start: Lambda gives that more CPU than it
/// gives a small function later. What is not there in [`START_PATIENCE`] is asked for again by the first delivery, which
/// has a deadline of its own.
///
/// # Errors
/// A signing secret that is empty or not as it should be. That Secrets Manager or the queue is away is no error: they may
/// be back when the first delivery comes.
async fn warm<S: Scheme>(keyring: &Keyring<S>, queue: &SqsQueue) -> Result<(), SecretError> {
    let both = async { tokio::join!(keyring.keys(), queue.connect()).0 };
    match tokio::time::timeout(START_PATIENCE, both).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if !error.is_outage() => Err(error),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("started without the signing secret or the queue");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cold_start_in_an_outage_leaves_time_to_tell_the_least_patient_sender_to_come_again() {
        assert!(START_PATIENCE + DEADLINE < Duration::from_millis(2_500));
        assert!(
            Patience::SENDER_WAITS.total < DEADLINE,
            "what is away is told by its own error, not by the deadline's"
        );
        assert!(
            Patience::SENDER_WAITS.attempt * 2 < Patience::SENDER_WAITS.total,
            "a second attempt has its time"
        );
    }
}
