//! The variables that the scheduler reads.

use shared::{config::Env, identity::api};

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
    /// Where Clerk's Backend API is, with its version.
    pub clerk_api_url: String,
    /// The secret with the key of that API, `{"secret_key": "sk_…"}`.
    pub clerk_api_secret_arn: String,
}

impl Config {
    /// Reads the variables; what is missing is reported by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            database_secret_arn: env.required("DATABASE_SECRET_ARN"),
            credentials_key_arn: env.required("CREDENTIALS_KEY_ARN"),
            previous_credentials_key_arn: env.optional("PREVIOUS_CREDENTIALS_KEY_ARN"),
            clerk_api_url: env
                .optional("CLERK_API_URL")
                .unwrap_or_else(|| api::API_URL.to_owned()),
            clerk_api_secret_arn: env.required("CLERK_API_SECRET_ARN"),
        }
    }
}
