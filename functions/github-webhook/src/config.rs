//! The variables this function reads.

use shared::{config::Env, queue::Queue, webhook::DoorConfig};

/// What this function is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment, in metrics.
    pub environment: String,
    /// The secret with the App's webhook secret.
    pub github_secret_arn: String,
    /// `events.fifo`.
    pub events_queue_url: String,
}

impl DoorConfig for Config {
    const FUNCTION: &'static str = "github-webhook";

    fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            github_secret_arn: env.required("GITHUB_SECRET_ARN"),
            events_queue_url: env.required("EVENTS_QUEUE_URL"),
        }
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn secret_arn(&self) -> &str {
        &self.github_secret_arn
    }

    fn queues(&self) -> Vec<(Queue, String)> {
        vec![(Queue::Events, self.events_queue_url.clone())]
    }
}
