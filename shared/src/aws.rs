//! Clients of AWS services, built by hand so that a cold start pays only for what is called.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{
    Credentials, SharedCredentialsProvider, SharedHttpClient, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use crate::config::Env;

/// Amazon Trust Services' five roots, in PEM; picked out by the build script. The whole list would make up a tenth of a
/// small function.
const AMAZON_ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/amazon-roots.pem"));

/// How long an AWS call may take, and how often it is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one attempt.
    pub attempt: std::time::Duration,
    /// For all attempts together.
    pub total: std::time::Duration,
    /// How many attempts.
    pub attempts: u32,
}

impl Patience {
    /// For a function whose sender waits three seconds for an answer, which a cold start is a part of.
    pub const SENDER_WAITS: Self = Self {
        attempt: std::time::Duration::from_millis(800),
        total: std::time::Duration::from_millis(1_800),
        attempts: 2,
    };
    /// For a function behind a queue.
    pub const BEHIND_A_QUEUE: Self = Self {
        attempt: std::time::Duration::from_secs(3),
        total: std::time::Duration::from_secs(10),
        attempts: 3,
    };
}

/// The configuration that all AWS clients of a process share.
///
/// Reads what Lambda sets (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), and two
/// variables that AWS's tools know: `AWS_ENDPOINT_URL` (another place than AWS, such as an emulator) and
/// `AWS_CA_BUNDLE` (a file of further roots to trust, such as a proxy's).
///
/// # Errors
/// When the CA bundle cannot be read. Missing variables are reported by [`Env::finish`].
pub fn config(env: &mut Env, patience: Patience) -> Result<SdkConfig, AwsConfigError> {
    let credentials = Credentials::new(
        env.required("AWS_ACCESS_KEY_ID"),
        env.required("AWS_SECRET_ACCESS_KEY"),
        env.optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env.required("AWS_REGION")))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(env.optional("AWS_CA_BUNDLE").as_deref())?)
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(patience.attempt)
                .operation_attempt_timeout(patience.attempt)
                .operation_timeout(patience.total)
                .build(),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(patience.attempts));
    if let Some(url) = env.optional("AWS_ENDPOINT_URL") {
        builder = builder.endpoint_url(url);
    }
    Ok(builder.build())
}

/// What is wrong with the trust settings.
#[derive(Debug, thiserror::Error)]
pub enum AwsConfigError {
    /// `AWS_CA_BUNDLE` names a file that cannot be read.
    #[error("AWS_CA_BUNDLE cannot be read")]
    CaBundle(#[source] std::io::Error),
    /// The roots do not make a TLS context.
    #[error("the TLS context cannot be built")]
    Tls(#[source] aws_sdk_sqs::error::BoxError),
}

/// An HTTPS client that trusts Amazon's roots alone: parsing the hundred and more roots of a usual bundle would take
/// longer than everything else a cold start does.
fn http_client(ca_bundle: Option<&str>) -> Result<SharedHttpClient, AwsConfigError> {
    let mut trust = TrustStore::empty();
    trust.add_pem_certificate(AMAZON_ROOTS);
    if let Some(path) = ca_bundle {
        trust.add_pem_certificate(std::fs::read(path).map_err(AwsConfigError::CaBundle)?);
    }
    let context = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| AwsConfigError::Tls(error.into()))?;
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_five_roots_are_trusted_and_nobody_elses() {
        let trusted = AMAZON_ROOTS.matches("BEGIN CERTIFICATE").count();
        assert_eq!(trusted, 5);
        assert!(http_client(None).is_ok());
    }

    #[test]
    fn every_missing_variable_is_named() {
        let mut env = Env::from_pairs([("AWS_REGION", "eu-central-1")]);
        config(&mut env, Patience::SENDER_WAITS).expect("no CA bundle is named");
        let error = env.finish().expect_err("credentials are missing").to_string();
        assert!(
            error.contains("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
            "{error}"
        );
    }
}
