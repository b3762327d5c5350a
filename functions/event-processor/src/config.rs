//! The variables that the event processor reads.

use shared::config::Env;

/// What the template sets.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment, in metrics.
    pub environment: String,
    /// The secret with the application role's way into the database.
    pub database_secret_arn: String,
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
            events_queue_url: env.required("EVENTS_QUEUE_URL"),
            events_dead_letter_queue_url: env.required("EVENTS_DEAD_LETTER_QUEUE_URL"),
        }
    }
}
