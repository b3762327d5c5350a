//! The variables that the dispatcher reads.

use std::time::Duration;

use shared::config::Env;

/// What the template sets.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment's name; part of the encryption context of every credential.
    pub environment: String,
    /// The secret with the application role's way into the database.
    pub database_secret_arn: String,
    /// The KMS key that wraps the credentials' data keys.
    pub credentials_key_arn: String,
    /// The KMS key before it, while credentials are moved from that one.
    pub previous_credentials_key_arn: Option<String>,
    /// `tasks.fifo`, which feeds this function.
    pub tasks_queue_url: String,
    /// Where a record goes that nobody can read.
    pub tasks_dead_letter_queue_url: String,
    /// The agent, `http(s)://host:port`.
    pub agent_endpoint: String,
    /// How long the agent may take.
    pub agent_timeout: Duration,
    /// How much history the agent is given, in estimated tokens.
    pub history_tokens: usize,
    /// Slack's Web API.
    pub slack_api_url: String,
}

impl Config {
    /// Reads the variables; what is missing is reported by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            database_secret_arn: env.required("DATABASE_SECRET_ARN"),
            credentials_key_arn: env.required("CREDENTIALS_KEY_ARN"),
            previous_credentials_key_arn: env.optional("PREVIOUS_CREDENTIALS_KEY_ARN"),
            tasks_queue_url: env.required("TASKS_QUEUE_URL"),
            tasks_dead_letter_queue_url: env.required("TASKS_DEAD_LETTER_QUEUE_URL"),
            agent_endpoint: env.required("AGENT_ENDPOINT"),
            agent_timeout: Duration::from_secs(env.parsed("AGENT_TIMEOUT_SECONDS", 240)),
            history_tokens: env.parsed("HISTORY_TOKENS", 8_000),
            slack_api_url: env
                .optional("SLACK_API_URL")
                .unwrap_or_else(|| "https://slack.com/api".to_owned()),
        }
    }
}
