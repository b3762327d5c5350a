//! Secrets of Secrets Manager: what a function is given to do its own work, as against what an organization
//! entrusts to the vault.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueOutput,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};

use crate::clock::Timestamp;

/// Which version of a secret: Secrets Manager's staging labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// `AWSCURRENT`: the version in use.
    Current,
    /// `AWSPREVIOUS`: the version before it. A secret that was never changed has none.
    Previous,
}

impl Stage {
    /// The staging label as AWS writes it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// One version of a secret.
#[derive(Debug, Clone)]
pub struct SecretVersion {
    /// What it holds.
    pub value: SecretString,
    /// When the version was made.
    pub created_at: Timestamp,
}

/// Why a secret could not be read or written. Names the secret, never its content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no such secret, or it has no value yet.
    #[error("secret {arn} is not there")]
    Missing {
        /// The secret asked for.
        arn: String,
    },
    /// The content is not what it should be.
    #[error("secret {arn} does not hold what it should: {path} {problem}")]
    Malformed {
        /// The secret asked for.
        arn: String,
        /// The JSON path of the field that is wrong.
        path: String,
        /// What kind of fault it is; the words of the parser are left out, they quote what they saw.
        problem: &'static str,
    },
    /// Our role may not do this.
    #[error("secret {arn} may not be used by this function")]
    Refused {
        /// The secret asked for.
        arn: String,
    },
    /// Secrets Manager cannot be reached, or is in trouble.
    #[error("Secrets Manager does not answer")]
    Unavailable {
        /// What the call failed with.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SecretError {
    /// Whether the same call may work later without anybody doing anything.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Where secrets are kept. [`SecretStore`] is what callers use.
#[async_trait]
pub trait SecretSource: Send + Sync + fmt::Debug {
    /// One version of a secret; `None` when the secret has no version of that stage, or does not exist.
    async fn read(&self, arn: &str, stage: Stage) -> Result<Option<SecretVersion>, SecretError>;
    /// Makes `value` the current version; the one that was current becomes the previous one.
    async fn write(&self, arn: &str, value: SecretString) -> Result<(), SecretError>;
}

/// Reads and writes secrets.
#[derive(Debug, Clone)]
pub struct SecretStore(Arc<dyn SecretSource>);

impl SecretStore {
    /// Secrets of AWS Secrets Manager.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self(Arc::new(SecretsManager(Client::new(config))))
    }

    /// Secrets from somewhere else, for tests.
    #[must_use]
    pub fn from_source(source: Arc<dyn SecretSource>) -> Self {
        Self(source)
    }

    /// The version in use.
    ///
    /// # Errors
    /// [`SecretError::Missing`] when there is none.
    #[tracing::instrument(name = "secret.read", skip_all, fields(secret.arn = arn))]
    pub async fn current(&self, arn: &str) -> Result<SecretVersion, SecretError> {
        self.0
            .read(arn, Stage::Current)
            .await?
            .ok_or_else(|| SecretError::Missing { arn: arn.to_owned() })
    }

    /// The version that was in use before the current one, if there was one.
    #[tracing::instrument(name = "secret.read_previous", skip_all, fields(secret.arn = arn))]
    pub async fn previous(&self, arn: &str) -> Result<Option<SecretVersion>, SecretError> {
        self.0.read(arn, Stage::Previous).await
    }

    /// The version in use, read as JSON.
    ///
    /// # Errors
    /// [`SecretError::Malformed`] with the path of the field that is wrong or missing.
    pub async fn json<T: DeserializeOwned>(&self, arn: &str) -> Result<T, SecretError> {
        parse(arn, &self.current(arn).await?)
    }

    /// Writes a new current version as JSON. `value` is serialised as it is: fields of type [`SecretString`] need a
    /// serialiser of their own that exposes them.
    #[tracing::instrument(name = "secret.write", skip_all, fields(secret.arn = arn))]
    pub async fn put_json<T: Serialize>(&self, arn: &str, value: &T) -> Result<(), SecretError> {
        let text = serde_json::to_string(value).map_err(|_| SecretError::Malformed {
            arn: arn.to_owned(),
            path: ".".to_owned(),
            problem: "cannot be written as JSON",
        })?;
        self.0.write(arn, text.into()).await
    }
}

/// Reads a version of a secret as JSON.
///
/// # Errors
/// [`SecretError::Malformed`] with the path of the field that is wrong or missing.
pub fn parse<T: DeserializeOwned>(arn: &str, version: &SecretVersion) -> Result<T, SecretError> {
    let reader = &mut serde_json::Deserializer::from_str(version.value.expose_secret());
    serde_path_to_error::deserialize(reader).map_err(|error| SecretError::Malformed {
        arn: arn.to_owned(),
        path: error.path().to_string(),
        problem: match error.inner().classify() {
            serde_json::error::Category::Data => "is missing or of another type",
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => "is not JSON",
        },
    })
}

/// AWS Secrets Manager.
#[derive(Debug)]
struct SecretsManager(Client);

#[async_trait]
impl SecretSource for SecretsManager {
    async fn read(&self, arn: &str, stage: Stage) -> Result<Option<SecretVersion>, SecretError> {
        let answer = self
            .0
            .get_secret_value()
            .secret_id(arn)
            .version_stage(stage.label())
            .send()
            .await;
        match answer {
            Ok(output) => version(arn, output).map(Some),
            Err(error) => match failure(arn, error) {
                SecretError::Missing { .. } => Ok(None),
                other => Err(other),
            },
        }
    }

    async fn write(&self, arn: &str, value: SecretString) -> Result<(), SecretError> {
        self.0
            .put_secret_value()
            .secret_id(arn)
            .secret_string(value.expose_secret())
            .send()
            .await
            .map(drop)
            .map_err(|error| failure(arn, error))
    }
}

fn version(arn: &str, output: GetSecretValueOutput) -> Result<SecretVersion, SecretError> {
    let malformed = |problem| SecretError::Malformed {
        arn: arn.to_owned(),
        path: ".".to_owned(),
        problem,
    };
    let created_at = output
        .created_date
        .and_then(|at| Timestamp::from_timestamp(at.secs(), at.subsec_nanos()))
        .ok_or_else(|| malformed("has no creation date"))?;
    let value = output
        .secret_string
        .ok_or_else(|| malformed("is not a text"))?
        .into();
    Ok(SecretVersion { value, created_at })
}

/// Keeps the cause, but nothing of an answer that could not be read: it may hold the secret, and the parser's words
/// quote it.
fn failure<E>(arn: &str, error: SdkError<E>) -> SecretError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let arn = arn.to_owned();
    match (&error, error.code()) {
        (_, Some("ResourceNotFoundException")) => SecretError::Missing { arn },
        (_, Some("AccessDeniedException")) => SecretError::Refused { arn },
        (SdkError::TimeoutError(_) | SdkError::DispatchFailure(_), _)
        | (SdkError::ServiceError(_), Some(_)) => SecretError::Unavailable {
            source: error
                .into_source()
                .unwrap_or_else(|_| "no cause was given".into()),
        },
        _ => SecretError::Unavailable {
            source: "its answer cannot be read".into(),
        },
    }
}

/// Secrets in memory.
#[cfg(feature = "test-support")]
#[derive(Debug, Default)]
pub struct MemorySecrets {
    state: std::sync::Mutex<MemoryState>,
}

#[cfg(feature = "test-support")]
#[derive(Debug, Default)]
struct MemoryState {
    versions: std::collections::BTreeMap<(String, &'static str), SecretVersion>,
    down: bool,
    reads: usize,
}

#[cfg(feature = "test-support")]
impl MemorySecrets {
    /// No secrets yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, MemoryState> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes `value` the current version as of `created_at`; the one that was current becomes the previous one.
    pub fn put(&self, arn: &str, value: &str, created_at: Timestamp) {
        let versions = &mut self.state().versions;
        let new = SecretVersion {
            value: value.into(),
            created_at,
        };
        if let Some(old) = versions.insert((arn.to_owned(), Stage::Current.label()), new) {
            versions.insert((arn.to_owned(), Stage::Previous.label()), old);
        }
    }

    /// From now on every call fails as in an outage, or works again.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// How often a current version was asked for.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.state().reads
    }
}

#[cfg(feature = "test-support")]
#[async_trait]
impl SecretSource for MemorySecrets {
    async fn read(&self, arn: &str, stage: Stage) -> Result<Option<SecretVersion>, SecretError> {
        let mut held = self.state();
        held.reads += usize::from(stage == Stage::Current);
        if held.down {
            return Err(SecretError::Unavailable {
                source: "the test took it down".into(),
            });
        }
        Ok(held.versions.get(&(arn.to_owned(), stage.label())).cloned())
    }

    async fn write(&self, arn: &str, value: SecretString) -> Result<(), SecretError> {
        if self.state().down {
            return Err(SecretError::Unavailable {
                source: "the test took it down".into(),
            });
        }
        let created_at = self
            .state()
            .versions
            .get(&(arn.to_owned(), Stage::Current.label()))
            .map_or(Timestamp::UNIX_EPOCH, |version| version.created_at);
        self.put(arn, value.expose_secret(), created_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Wanted {
        #[expect(dead_code, reason = "only its presence matters")]
        port: u16,
    }

    fn holding(text: &str) -> SecretVersion {
        SecretVersion {
            value: text.into(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_malformed_secret_is_reported_by_path_and_never_by_content() {
        let error = parse::<Wanted>("arn:1", &holding(r#"{"port": "hunter2"}"#)).expect_err("not a number");
        assert_eq!(
            error.to_string(),
            "secret arn:1 does not hold what it should: port is missing or of another type"
        );
        assert!(!format!("{error:?}").contains("hunter2"));
        let error = parse::<Wanted>("arn:1", &holding("hunter2")).expect_err("not JSON");
        assert!(error.to_string().ends_with(". is not JSON"), "{error}");
        assert!(!format!("{error:?} {:?}", holding("hunter2")).contains("hunter2"));
    }

    #[test]
    fn failures_are_told_apart_by_their_code() {
        use aws_sdk_secretsmanager::{
            error::ErrorMetadata, operation::get_secret_value::GetSecretValueError as Error,
        };
        let of = |code: &str| {
            let error = Error::generic(ErrorMetadata::builder().code(code).build());
            let raw = aws_sdk_secretsmanager::config::http::HttpResponse::new(
                400_u16.try_into().expect("a status"),
                "".into(),
            );
            failure("arn:1", SdkError::service_error(error, raw))
        };
        assert!(matches!(
            of("ResourceNotFoundException"),
            SecretError::Missing { .. }
        ));
        assert!(matches!(of("AccessDeniedException"), SecretError::Refused { .. }));
        assert!(of("InternalServiceError").is_outage());
        assert!(failure("arn:1", SdkError::<Error>::timeout_error("late")).is_outage());
    }
}
