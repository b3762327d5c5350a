//! The variables of functions that answer people who signed in.

use super::{Jwks, PemError, SessionVerifier};
use crate::{clock::SharedClock, config::Env, db::callers::Rates, http::client::UrlError};

/// Who may call, as the environment says it.
#[derive(Debug, Clone)]
pub struct PeopleConfig {
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

/// Why session tokens cannot be verified as the environment says.
#[derive(Debug, thiserror::Error)]
pub enum PeopleConfigError {
    /// The key is none.
    #[error("CLERK_JWT_KEY")]
    Key(#[from] PemError),
    /// The address of the keys is none.
    #[error("CLERK_JWKS_URL")]
    Url(#[from] UrlError),
}

impl PeopleConfig {
    /// Reads the variables; what is missing is told by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        let clerk_issuer = env.required("CLERK_ISSUER");
        Self {
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

    /// What verifies session tokens.
    ///
    /// # Errors
    /// A key or an address that is none.
    pub fn verifier(&self, clock: &SharedClock) -> Result<SessionVerifier, PeopleConfigError> {
        let keys = match &self.clerk_jwt_key {
            Some(pem) => Jwks::pinned(pem)?,
            None => Jwks::published(&self.clerk_jwks_url, clock.clone())?,
        };
        Ok(SessionVerifier::new(
            self.clerk_issuer.clone(),
            keys,
            self.web_origins.clone(),
            clock.clone(),
        ))
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
        let config = PeopleConfig::read(&mut env);
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
        let rates = PeopleConfig::read(&mut env).rates;
        env.finish().expect("nothing is malformed");
        assert_eq!((rates.user, rates.organization), (1_000_000, 1_000_000));
    }
}
