//! The variables this function reads.

use shared::{config::Env, queue::Queue, webhook::DoorConfig};

/// What this function is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment, in metrics.
    pub environment: String,
    /// Our Slack app, `A…`. Events of another one are refused.
    pub slack_app_id: String,
    /// The secret with Slack's signing secret.
    pub slack_secret_arn: String,
    /// `tasks.fifo`.
    pub tasks_queue_url: String,
    /// `events.fifo`.
    pub events_queue_url: String,
}

impl DoorConfig for Config {
    const FUNCTION: &'static str = "slack-events";

    fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            slack_app_id: env.required("SLACK_APP_ID"),
            slack_secret_arn: env.required("SLACK_SECRET_ARN"),
            tasks_queue_url: env.required("TASKS_QUEUE_URL"),
            events_queue_url: env.required("EVENTS_QUEUE_URL"),
        }
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn secret_arn(&self) -> &str {
        &self.slack_secret_arn
    }

    fn queues(&self) -> Vec<(Queue, String)> {
        vec![
            (Queue::Tasks, self.tasks_queue_url.clone()),
            (Queue::Events, self.events_queue_url.clone()),
        ]
    }
}
