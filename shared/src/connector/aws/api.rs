//! The two calls of AWS STS that we make, with the SDK: who somebody is, and taking on a role.
//!
//! The SDK's errors hold what AWS answered, which may name a key or a token. They are sorted here and go no further.

use std::{fmt, sync::OnceLock, time::Duration};

use aws_config::{Region, SdkConfig};
use aws_sdk_sts::{
    Client,
    config::{self, Credentials, SharedCredentialsProvider, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
    types::PolicyDescriptorType,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{clock::Timestamp, connector::contract::ConnectorError};

/// How long a session of a role is good: the shortest that AWS gives. What leaks ends soon, and a new one costs one call.
const SESSION: Duration = Duration::from_mins(15);

/// The region whose STS is asked where nobody names one.
const DEFAULT_REGION: &str = "us-east-1";

/// Why STS does not do what it is asked. Nothing that AWS wrote is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Whoever asked may not.
    Denied,
    /// The key is none, is switched off, or the request was not signed with its secret.
    UnknownKey,
    /// The session has ended.
    Ended,
    /// STS is switched off in this region for the account.
    RegionOff,
    /// It is away or asks for a pause. Says nothing about anybody's rights.
    Away(&'static str),
    /// It answers what it should not.
    Odd(String),
}

impl Fault {
    /// Sorts an error. Codes as in the AWS STS API reference, `AssumeRole` and Common Errors; those for a pause as the SDK
    /// itself knows them.
    fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let (code, status) = match error {
            SdkError::TimeoutError(_) => return Self::Away("no answer in time"),
            SdkError::DispatchFailure(_) => return Self::Away("it cannot be reached"),
            SdkError::ServiceError(answer) => (answer.err().code(), answer.raw().status().as_u16()),
            SdkError::ResponseError(answer) => (None, answer.raw().status().as_u16()),
            _ => return Self::Odd("a request that cannot be made".to_owned()),
        };
        match (status, code.unwrap_or_default()) {
            (429, _)
            | (
                400..500,
                "Throttling" | "ThrottlingException" | "ThrottledException" | "RequestThrottled"
                | "RequestThrottledException" | "RequestLimitExceeded" | "TooManyRequestsException"
                | "LimitExceededException" | "BandwidthLimitExceeded" | "PriorRequestNotComplete" | "SlowDown",
            ) => Self::Away("it asks for a pause"),
            (500.., _) | (400..500, "RequestTimeout" | "RequestTimeoutException" | "ServiceUnavailable") => {
                Self::Away("it is in trouble")
            }
            (400..500, "AccessDenied" | "AccessDeniedException") => Self::Denied,
            (
                400..500,
                "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch" | "InvalidAccessKeyId"
                | "MissingAuthenticationToken" | "IncompleteSignature",
            ) => Self::UnknownKey,
            (400..500, "ExpiredToken" | "ExpiredTokenException") => Self::Ended,
            (400..500, "RegionDisabledException" | "RegionDisabled") => Self::RegionOff,
            _ => Self::Odd(format!("status {status}")),
        }
    }

    /// What passes by itself or is a defect; `Err` with the fault where that depends on who asked what.
    pub(super) fn passing(self) -> Result<ConnectorError, Self> {
        match self {
            Self::Away(why) => Ok(ConnectorError::Unavailable {
                retry_after: None,
                source: why.into(),
            }),
            Self::Odd(what) => Ok(ConnectorError::Protocol { what }),
            Self::Denied | Self::UnknownKey | Self::Ended | Self::RegionOff => Err(self),
        }
    }
}

/// Who somebody is at AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The account, twelve digits.
    pub(super) account: String,
    /// The user, or the session of a role.
    pub(super) arn: String,
}

impl Identity {
    /// The part of AWS that the account is in: `aws`, `aws-cn` or `aws-us-gov`.
    pub(super) fn partition(&self) -> &str {
        partition(&self.arn)
    }
}

/// The part of AWS that an ARN is in.
pub(super) fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or_default()
}

/// The account that an ARN is of.
pub(super) fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// A way into a connected account: what clients of AWS services are built from.
#[derive(Clone)]
pub struct Session {
    config: SdkConfig,
    expires_at: Option<Timestamp>,
}

impl Session {
    /// Signs with the connection's credentials and nobody else's, in the connection's region.
    #[must_use]
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// When it ends; never for an access key.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Taking on a role, once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assume<'a> {
    pub(super) role_arn: &'a str,
    /// What the role's account sees in its `CloudTrail`.
    pub(super) session_name: &'a str,
    /// The region that the session is for.
    pub(super) region: &'a str,
    pub(super) external_id: Option<&'a str>,
}

/// STS, as we ask it.
pub(super) struct Sts {
    aws: SdkConfig,
    url: Option<String>,
    ours: OnceLock<Client>,
}

impl fmt::Debug for Sts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sts")
    }
}

impl Sts {
    /// STS, asked with the identity that `aws` has, at `url` in the place of AWS's own addresses.
    pub(super) const fn new(aws: SdkConfig, url: Option<String>) -> Self {
        Self {
            aws,
            url,
            ours: OnceLock::new(),
        }
    }

    /// The region that we run in.
    pub(super) fn region(&self) -> &str {
        self.aws.region().map_or(DEFAULT_REGION, AsRef::as_ref)
    }

    fn client(&self, config: &SdkConfig) -> Client {
        let mut builder = config::Builder::from(config);
        if let Some(url) = &self.url {
            builder = builder.endpoint_url(url);
        }
        Client::from_conf(builder.build())
    }

    /// Made at the first call: a process that connects nobody to AWS does not pay for it.
    fn ours(&self) -> &Client {
        self.ours.get_or_init(|| self.client(&self.aws))
    }

    /// A session that needs nobody to agree: of an access key.
    pub(super) fn key(&self, access_key_id: &str, secret: &SecretString, region: &str) -> Session {
        let credentials = Credentials::new(access_key_id, secret.expose_secret(), None, None, "connection");
        self.session(credentials, region, None)
    }

    /// The credentials are named, so that none of the SDK's own ways to find some is ever gone.
    fn session(&self, credentials: Credentials, region: &str, expires_at: Option<Timestamp>) -> Session {
        let builder = self.aws.to_builder();
        Session {
            config: builder
                .region(Region::new(region.to_owned()))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .build(),
            expires_at,
        }
    }

    /// Who we are.
    pub(super) async fn ourselves(&self) -> Result<Identity, Fault> {
        identity(self.ours()).await
    }

    /// Whose a session is; also proves that it works. AWS asks for no right to this.
    pub(super) async fn identity(&self, session: &Session) -> Result<Identity, Fault> {
        identity(&self.client(&session.config)).await
    }

    /// Takes on a role, narrowed to what AWS's own policy for reading allows, whatever else the role may.
    ///
    /// Asks the STS of our own region, where our own credentials are good; the session is good in all regions that its
    /// account has switched on.
    pub(super) async fn assume(&self, assume: Assume<'_>) -> Result<Session, Fault> {
        let ceiling = format!(
            "arn:{}:iam::aws:policy/ReadOnlyAccess",
            partition(assume.role_arn)
        );
        let seconds = i32::try_from(SESSION.as_secs()).unwrap_or(i32::MAX);
        let call = self
            .ours()
            .assume_role()
            .role_arn(assume.role_arn)
            .role_session_name(assume.session_name)
            .policy_arns(PolicyDescriptorType::builder().arn(ceiling).build())
            .duration_seconds(seconds)
            .set_external_id(assume.external_id.map(ToOwned::to_owned));
        // The SDK's futures are large, and several are waited for at once.
        let answer = Box::pin(call.send()).await;
        let answer = answer.map_err(|error| Fault::of(&error))?;
        let given = answer
            .credentials
            .ok_or_else(|| Fault::Odd("a session without credentials".to_owned()))?;
        let expires_at = Timestamp::from_timestamp(given.expiration.secs(), 0)
            .ok_or_else(|| Fault::Odd("a session that ends at no time".to_owned()))?;
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            None,
            "connection",
        );
        Ok(self.session(credentials, assume.region, Some(expires_at)))
    }
}

async fn identity(client: &Client) -> Result<Identity, Fault> {
    let answer = Box::pin(client.get_caller_identity().send()).await;
    let answer = answer.map_err(|error| Fault::of(&error))?;
    let odd = || Fault::Odd("nobody's identity".to_owned());
    let (account, arn) = answer.account.zip(answer.arn).ok_or_else(odd)?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if !is_account || self::account(&arn) != account {
        return Err(odd());
    }
    Ok(Identity { account, arn })
}
