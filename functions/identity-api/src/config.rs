//! The variables that this function reads.

use shared::{auth::PeopleConfig, config::Env};

/// What this function is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment, in metrics.
    pub environment: String,
    /// The secret with the application role's way into the database.
    pub database_secret_arn: String,
    /// The key that credentials are sealed with; only looked at, to tell whether it is there.
    pub credentials_key_arn: String,
    /// `tasks.fifo`; only looked at.
    pub tasks_queue_url: String,
    /// `events.fifo`; only looked at.
    pub events_queue_url: String,
    /// Who may call.
    pub people: PeopleConfig,
}

impl Config {
    /// Reads the variables; what is missing is told by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            database_secret_arn: env.required("DATABASE_SECRET_ARN"),
            credentials_key_arn: env.required("CREDENTIALS_KEY_ARN"),
            tasks_queue_url: env.required("TASKS_QUEUE_URL"),
            events_queue_url: env.required("EVENTS_QUEUE_URL"),
            people: PeopleConfig::read(env),
        }
    }
}
