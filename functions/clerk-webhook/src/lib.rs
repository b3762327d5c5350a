//! Takes Clerk's webhooks: verify, sort, put on a queue, answer.
//!
//! Touches no database, no KMS and no third party, so that an outage of any of them loses no event: what cannot be
//! put on the queue is answered with 503, and Clerk sends it again.

mod config;
mod receive;

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
    webhook::{self, Keyring, Receives, svix::Clerk},
};

pub use config::Config;
pub use receive::{Put, Verdict, classify};

/// Svix, through which Clerk sends, gives up after fifteen seconds. What SQS and Secrets Manager do not answer in this
/// time they do not answer, and a sender that is told so at once comes again.
/// Source: <https://docs.svix.com/receiving/introduction>.
const DEADLINE: Duration = Duration::from_millis(1_900);

/// The service with all it needs.
pub struct App {
    /// What the environment says.
    pub config: Config,
    /// Our time.
    pub clock: SharedClock,
    /// Ids of tasks.
    pub ids: Ids,
    /// The webhook's signing secrets.
    pub keyring: Keyring<Clerk>,
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
            &config.clerk_secret_arn,
            Arc::clone(&clock),
        );
        let queue = SqsQueue::new(&aws, [(Queue::Events, config.events_queue_url.clone())]);
        webhook::warm(&keyring, &queue).await?;
        Ok(Self {
            metrics: Metrics::new(&config.environment, "clerk-webhook", Arc::clone(&clock)),
            config,
            clock,
            ids: Ids::random(),
            keyring,
            queue: Arc::new(queue),
        })
    }
}

impl Receives<Clerk> for App {
    fn keyring(&self) -> &Keyring<Clerk> {
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
        .route("/webhooks/clerk", post(receive::handler))
        .with_state(Arc::new(app));
    layer::around(routes, DEADLINE)
}

#[cfg(test)]
mod tests {
    use shared::webhook::START_PATIENCE;

    use super::*;

    #[test]
    fn a_cold_start_in_an_outage_leaves_time_to_tell_clerk_to_come_again() {
        assert!(START_PATIENCE + DEADLINE < Duration::from_secs(15));
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
