//! The variables that this function reads, beside those of the connectors.

use shared::{auth::PeopleConfig, config::Env};

/// What this function is told by its environment.
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
    /// Our own address, without a path and without a slash at its end; that by which a caller reached us where it is not
    /// said.
    pub public_url: Option<String>,
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
            previous_credentials_key_arn: env.optional("PREVIOUS_CREDENTIALS_KEY_ARN"),
            public_url: env
                .optional("PUBLIC_URL")
                .map(|url| url.trim_end_matches('/').to_owned()),
            people: PeopleConfig::read(env),
        }
    }
}
