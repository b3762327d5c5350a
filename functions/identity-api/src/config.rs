//! The variables that this function reads.

use shared::{config::Env, db::callers::Rates};

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
    /// Who issues session tokens: the address of Clerk's Frontend API, exactly as it stands in them.
    pub clerk_issuer: String,
    /// Where the keys of the issuer are.
    pub clerk_jwks_url: String,
    /// The one key of the issuer, in PEM; nobody is asked for keys then.
    pub clerk_jwt_key: Option<String>,
    /// Where the web client is served: whom tokens may be made for, and who may call from a browser.
    pub web_origins: Vec<String>,
    /// How often somebody may call.
    pub rates: Rates,
}

impl Config {
    /// Reads the variables; what is missing is told by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        let clerk_issuer = env.required("CLERK_ISSUER");
        Self {
            environment: env.required("ENVIRONMENT"),
            database_secret_arn: env.required("DATABASE_SECRET_ARN"),
            credentials_key_arn: env.required("CREDENTIALS_KEY_ARN"),
            tasks_queue_url: env.required("TASKS_QUEUE_URL"),
            events_queue_url: env.required("EVENTS_QUEUE_URL"),
            clerk_jwks_url: env
                .optional("CLERK_JWKS_URL")
                .unwrap_or_else(|| format!("{clerk_issuer}/.well-known/jwks.json")),
            clerk_jwt_key: env.optional("CLERK_JWT_KEY"),
            clerk_issuer,
            web_origins: env
                .optional("WEB_ORIGINS")
                .unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|origin| !origin.is_empty())
                .map(str::to_owned)
                .collect(),
            rates: Rates {
                user: env.parsed("USER_REQUESTS_PER_MINUTE", 120),
                organization: env.parsed("ORGANIZATION_REQUESTS_PER_MINUTE", 1_200),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_where_the_issuer_publishes_them_and_origins_are_read_one_by_one() {
        let mut env = Env::from_pairs([
            ("CLERK_ISSUER", "https://clerk.example.com"),
            ("WEB_ORIGINS", "https://app.example.com, http://localhost:5173,"),
        ]);
        let config = Config::read(&mut env);
        assert_eq!(
            config.clerk_jwks_url,
            "https://clerk.example.com/.well-known/jwks.json"
        );
        assert_eq!(
            config.web_origins,
            ["https://app.example.com", "http://localhost:5173"]
        );
    }

    #[test]
    fn the_greatest_rates_that_the_template_takes_are_read() {
        let mut env = Env::from_pairs([
            ("ENVIRONMENT", "test"),
            ("DATABASE_SECRET_ARN", "arn:database"),
            ("CREDENTIALS_KEY_ARN", "arn:key"),
            ("TASKS_QUEUE_URL", "https://sqs.example.com/tasks"),
            ("EVENTS_QUEUE_URL", "https://sqs.example.com/events"),
            ("CLERK_ISSUER", "https://clerk.example.com"),
            ("USER_REQUESTS_PER_MINUTE", "1000000"),
            ("ORGANIZATION_REQUESTS_PER_MINUTE", "1000000"),
        ]);
        let rates = Config::read(&mut env).rates;
        env.finish().expect("nothing is malformed");
        assert_eq!((rates.user, rates.organization), (1_000_000, 1_000_000));
    }
}
