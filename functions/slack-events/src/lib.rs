//! Takes deliveries of Slack's Events API: verify, classify, put on a queue, answer.
//!
//! Touches no database, no KMS and no third party, so that an outage of any of them loses no event: what cannot be
//! put on the queue is answered with 503, and Slack sends it again.

mod config;
mod events;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::post};
use shared::{
    aws::{self, Patience},
    clock::{SharedClock, SystemClock},
    config::Env,
    http::layer,
    id::Ids,
    queue::{Queue, SqsQueue, TaskQueue},
    secret::manager::SecretStore,
    telemetry::Metrics,
    webhook::{self, Keyring, Receives, slack::Slack},
};

pub use config::Config;
pub use events::{Put, Verdict, classify};

/// Slack gives up after three seconds. With a start before it that took all of its patience, the answer is still there
/// after two and a half; the rest is for the way.
const DEADLINE: Duration = Duration::from_millis(1_900);

/// The service with all it needs.
pub struct App {
    /// What the environment says.
    pub config: Config,
    /// Our time.
    pub clock: SharedClock,
    /// Ids of tasks.
    pub ids: Ids,
    /// Slack's signing secrets.
    pub keyring: Keyring<Slack>,
    /// Where tasks go.
    pub queue: Arc<dyn TaskQueue>,
    /// Where deliveries are counted.
    pub metrics: Metrics,
}

impl App {
    /// The service as the environment describes it, with its connections open.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name; a signing secret that is empty or not as it should be. That
    /// Secrets Manager is away is no error: it may be back when the first delivery comes.
    pub async fn from_env() -> anyhow::Result<Self> {
        let mut env = Env::from_process();
        let config = Config::read(&mut env);
        let aws = aws::config(&mut env, Patience::SENDER_WAITS)?;
        env.finish()?;

        let clock: SharedClock = Arc::new(SystemClock);
        let keyring = Keyring::new(
            SecretStore::new(&aws),
            &config.slack_secret_arn,
            Arc::clone(&clock),
        );
        let queue = SqsQueue::new(
            &aws,
            [
                (Queue::Tasks, config.tasks_queue_url.clone()),
                (Queue::Events, config.events_queue_url.clone()),
            ],
        );
        webhook::warm(&keyring, &queue).await?;
        Ok(Self {
            metrics: Metrics::new(&config.environment, "slack-events", Arc::clone(&clock)),
            config,
            clock,
            ids: Ids::random(),
            keyring,
            queue: Arc::new(queue),
        })
    }
}

impl Receives<Slack> for App {
    fn keyring(&self) -> &Keyring<Slack> {
        &self.keyring
    }

    fn clock(&self) -> &SharedClock {
        &self.clock
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// The routes.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/slack/events", post(events::handler))
        .with_state(Arc::new(app));
    layer::around(routes, DEADLINE)
}

#[cfg(test)]
mod tests {
    use shared::webhook::START_PATIENCE;

    use super::*;

    #[test]
    fn a_cold_start_in_an_outage_leaves_time_to_tell_slack_to_come_again() {
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
