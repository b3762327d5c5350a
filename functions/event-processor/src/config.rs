//! The variables that the event processor reads.

use shared::{config::Env, connector::slack::api::SLACK_API_URL};

/// What the template sets.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment, in metrics.
    pub environment: String,
    /// The secret with the application role's way into the database.
    pub database_secret_arn: String,
    /// The KMS key that wraps the credentials' data keys.
    pub credentials_key_arn: String,
    /// The KMS key before it, while credentials are moved from that one.
    pub previous_credentials_key_arn: Option<String>,
    /// Slack's Web API.
    pub slack_api_url: String,
    /// `events.fifo`, which feeds this function.
    pub events_queue_url: String,
    /// Where a record goes that nobody can read.
    pub events_dead_letter_queue_url: String,
}

impl Config {
    /// Reads the variables; what is missing is reported by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            database_secret_arn: env.required("DATABASE_SECRET_ARN"),
            credentials_key_arn: env.required("CREDENTIALS_KEY_ARN"),
            previous_credentials_key_arn: env.optional("PREVIOUS_CREDENTIALS_KEY_ARN"),
            slack_api_url: env
                .optional("SLACK_API_URL")
                .unwrap_or_else(|| SLACK_API_URL.to_owned()),
            events_queue_url: env.required("EVENTS_QUEUE_URL"),
            events_dead_letter_queue_url: env.required("EVENTS_DEAD_LETTER_QUEUE_URL"),
        }
    }
}
