//! The variables that the function reads.

use shared::config::Env;

/// What the template sets.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment's name; part of the encryption context of every credential.
    pub environment: String,
    /// The secret with the application role's way into the database.
    pub database_secret_arn: String,
    /// The KMS key that credentials are moved to.
    pub credentials_key_arn: String,
    /// The KMS key that they are moved from.
    pub previous_credentials_key_arn: String,
}

impl Config {
    /// Reads the variables; what is missing is reported by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            database_secret_arn: env.required("DATABASE_SECRET_ARN"),
            credentials_key_arn: env.required("CREDENTIALS_KEY_ARN"),
            previous_credentials_key_arn: env.required("PREVIOUS_CREDENTIALS_KEY_ARN"),
        }
    }
}
