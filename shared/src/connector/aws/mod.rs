//! AWS: accounts that the assistant can look into, by a role that trusts us or by an access key.
//!
//! A role is the better way: it holds no secret. What keeps it from opening for another organization of ours is the
//! `ExternalId`, a random word of ours for each organization's connection, which the role must demand: one that does not
//! is refused. Source: "The confused deputy problem" in the AWS IAM user guide.

mod api;
#[cfg(feature = "test-support")]
pub mod fake;
mod session;
mod setup;
#[cfg(all(test, feature = "test-support"))]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::future;
use rand::Rng as _;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

pub use self::api::Session;
use self::{
    api::{Assume, Fault, Identity, Sts},
    session::{Freshness, SessionKey, Sessions},
    setup::{Recipe, TAG},
};
use super::contract::{
    Account, Capability, Checked, Connection, Connector, ConnectorError, Descriptor, Field, Lack, Linked, Method, Parts,
    Presence, Remedy, Returned, Secrecy, SetupError, Start, Started, Way, exposed,
};
use crate::{clock::SharedClock, config::Env, http::client};

const REGION: Field = Field {
    name: "region",
    label: "Region",
    secrecy: Secrecy::Shown,
    presence: Presence::Optional,
    // Becomes part of a host's name.
    pattern: Some("[a-z]{2}(?:-gov)?-[a-z]{4,12}-[0-9]{1,2}"),
    options: &[],
    max_length: 32,
    help: "Where most of what runs in the account is, such as eu-central-1; our own region if it is left empty.",
    find: "In the AWS console, the menu of regions at the top right.",
};

/// What a client needs to know to offer it.
const DESCRIPTOR: Descriptor = Descriptor {
    name: "AWS",
    description: "Let the assistant see what runs in an AWS account.",
    method: Method::Form,
    capabilities: &[Capability::Infrastructure],
    ways: &[
        Way {
            name: "role",
            label: "Role",
            warning: None,
            fields: &[
                Field {
                    name: "role_arn",
                    label: "ARN of the role",
                    secrecy: Secrecy::Shown,
                    presence: Presence::Required,
                    pattern: Some(
                        r"arn:aws(?:-cn|-us-gov)?:iam::[0-9]{12}:role/(?:[\w+=,.@\-]+/)*[\w+=,.@\-]{1,64}",
                    ),
                    options: &[],
                    max_length: 640,
                    help: "A role that trusts InfraGPT on the condition of the external ID that is shown here.",
                    find: "The output RoleArn of the stack that you make from the template, or the role's page in IAM.",
                },
                REGION,
            ],
        },
        Way {
            name: "access_key",
            label: "Access key",
            warning: Some(
                "A key never ends by itself, works for whoever gets hold of it, and may do all that its user may. A role \
                 holds no secret, and what it opens ends within minutes.",
            ),
            fields: &[
                Field {
                    name: "access_key_id",
                    label: "Access key ID",
                    secrecy: Secrecy::Shown,
                    presence: Presence::Required,
                    pattern: Some("AKIA[A-Z0-9]{16}"),
                    options: &[],
                    max_length: 20,
                    help: "Of a user of IAM that may only read; never of the account's root user.",
                    find: "In IAM, the user's page, Security credentials, Access keys.",
                },
                Field {
                    name: "secret_access_key",
                    label: "Secret access key",
                    secrecy: Secrecy::Secret,
                    presence: Presence::Required,
                    pattern: Some("[A-Za-z0-9/+]{40}"),
                    options: &[],
                    max_length: 40,
                    help: "What belongs to the access key ID.",
                    find: "Shown once, when the access key is made.",
                },
                REGION,
            ],
        },
    ],
    code_field: None,
    documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html",
};

/// The connector.
#[derive(Debug)]
pub struct Aws {
    sts: Sts,
    clock: SharedClock,
    ourselves: OnceCell<Identity>,
    sessions: Sessions,
}

/// What somebody filled in.
#[derive(Debug, Deserialize)]
pub struct AwsInput {
    #[serde(default)]
    way: Option<String>,
    #[serde(default)]
    role_arn: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
    #[serde(default)]
    secret_access_key: Option<SecretString>,
    #[serde(default)]
    region: Option<String>,
}

/// What opens an account; sealed by the vault. Names are a stored format: add, never rename.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsCredentials {
    /// A role of theirs.
    Role(RoleCredentials),
    /// A key of a user of theirs.
    AccessKey(KeyCredentials),
}

/// A role, and what it demands of us. Neither is a secret: nobody but us can use them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoleCredentials {
    /// The role.
    pub role_arn: String,
    /// What we say when we take it on.
    pub external_id: String,
    /// The region that is looked at.
    pub region: String,
}

/// An access key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyCredentials {
    /// Its name.
    pub access_key_id: String,
    #[serde(serialize_with = "exposed")]
    secret_access_key: SecretString,
    /// The region that is looked at.
    pub region: String,
}

impl RoleCredentials {
    fn key(&self, connection: Connection<'_>) -> SessionKey {
        SessionKey {
            organization: connection.organization,
            integration: connection.integration,
            role_arn: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            region: self.region.clone(),
        }
    }
}

/// What the account that is connected sees of whom we work for.
fn session_name(connection: Connection<'_>) -> String {
    format!("infragpt-{}", connection.organization.uuid())
}

/// A word that is not ours, but begins and ends as ours does: a role that takes it compares with a pattern, or not at all.
fn foreign(external_id: &str) -> String {
    let quarter = external_id.len() / 4;
    let begin = external_id.get(..quarter).unwrap_or_default();
    let end = external_id
        .get(external_id.len() - quarter..)
        .unwrap_or_default();
    format!("{begin}{:032x}{end}", rand::rng().random::<u128>())
}

fn role_open() -> Lack {
    Lack {
        reason: "role_open",
        message: "the role lets us in without the external ID, or with another one: anybody who knows the role's ARN could \
                  have this deployment look into the account. Add the condition StringEquals sts:ExternalId to its trust \
                  policy, with the external ID that is shown here"
            .to_owned(),
        remedy: Remedy::Grant,
    }
}

fn region_off(region: &str) -> ConnectorError {
    ConnectorError::Refused {
        reason: "region_disabled",
        message: format!(
            "AWS STS is switched off in {region} for the account; activate it in IAM, Account settings, or name another \
             region"
        ),
        remedy: Remedy::Grant,
    }
}

/// Our own identity is not good: nobody who connects can help that.
const NOT_OURSELVES: ConnectorError = ConnectorError::NotSetUp {
    what: "AWS does not take its own identity",
};

fn of_key(fault: Fault, region: &str) -> ConnectorError {
    let refused = |reason, message: &str, remedy| ConnectorError::Refused {
        reason,
        message: message.to_owned(),
        remedy,
    };
    match fault.passing() {
        Ok(error) => error,
        Err(Fault::RegionOff) => region_off(region),
        Err(Fault::Ended) => refused(
            "key_expired",
            "the access key has ended; connect again with one that lasts, or with a role",
            Remedy::Reconnect,
        ),
        Err(Fault::Denied) => refused(
            "key_denied",
            "AWS does not let the access key do anything; see the policies of its user and of its organization",
            Remedy::Grant,
        ),
        Err(_) => refused(
            "key_invalid",
            "AWS does not take the access key: it was deleted or switched off, its secret is another one, or the account \
             has not switched the region on",
            Remedy::Reconnect,
        ),
    }
}

fn of_session(fault: Fault, region: &str) -> ConnectorError {
    match fault.passing() {
        Ok(error) => error,
        Err(Fault::RegionOff) => region_off(region),
        Err(_) => ConnectorError::Refused {
            reason: "session_refused",
            message: format!(
                "AWS gives the role's session and does not take it in {region}: the account has not switched the region \
                 on, or its organization's policies forbid it"
            ),
            remedy: Remedy::Grant,
        },
    }
}

impl Aws {
    /// Who we are; asked once, since it never changes.
    async fn ourselves(&self) -> Result<&Identity, ConnectorError> {
        self.ourselves
            .get_or_try_init(|| self.sts.ourselves())
            .await
            .map_err(|fault| fault.passing().unwrap_or(NOT_OURSELVES))
    }

    async fn of_role(&self, fault: Fault, role: &RoleCredentials) -> ConnectorError {
        let fault = match fault.passing() {
            Ok(error) => return error,
            Err(fault) => fault,
        };
        match fault {
            Fault::RegionOff => region_off(self.sts.region()),
            Fault::Denied => {
                let mut message = "AWS does not let us take on the role: it is not there, or its trust policy does not \
                                   name us and the external ID that is shown here. A role that was just made may take a \
                                   minute to be known; try again then"
                    .to_owned();
                let ours = self.ourselves().await.ok();
                if ours.is_some_and(|ours| ours.account == api::account(&role.role_arn)) {
                    message.push_str(". It is in the account that this deployment runs in: there it needs the tag ");
                    message.push_str(TAG);
                }
                ConnectorError::Refused {
                    reason: "role_not_assumable",
                    message,
                    remedy: Remedy::Grant,
                }
            }
            _ => NOT_OURSELVES,
        }
    }

    /// A way into the account of a connection; kept and shared until shortly before it ends, and only within the
    /// connection.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn session(
        &self,
        connection: Connection<'_>,
        credentials: &AwsCredentials,
    ) -> Result<Session, ConnectorError> {
        match credentials {
            AwsCredentials::Role(role) => self.role_session(connection, role, Freshness::Kept).await,
            AwsCredentials::AccessKey(key) => Ok(self.key_session(key)),
        }
    }

    fn key_session(&self, key: &KeyCredentials) -> Session {
        self.sts
            .key(&key.access_key_id, &key.secret_access_key, &key.region)
    }

    async fn role_session(
        &self,
        connection: Connection<'_>,
        role: &RoleCredentials,
        freshness: Freshness,
    ) -> Result<Session, ConnectorError> {
        let session_name = session_name(connection);
        let make = self.sts.assume(Assume {
            role_arn: &role.role_arn,
            session_name: &session_name,
            region: &role.region,
            external_id: Some(&role.external_id),
        });
        let now = self.clock.now();
        match self.sessions.get(role.key(connection), freshness, now, make).await {
            Ok(session) => Ok(session),
            Err(fault) => Err(self.of_role(fault, role).await),
        }
    }

    /// Whether a role lets us in that should not. Only to be asked of a role that has just let us in with its
    /// `ExternalId`: nothing else differs here, so what is denied is denied for that.
    ///
    /// Only a denial is one. Who is throttled, cut off or answered in riddles does not know.
    async fn is_open(&self, connection: Connection<'_>, role: &RoleCredentials) -> Result<bool, ConnectorError> {
        let session_name = session_name(connection);
        let foreign = foreign(&role.external_id);
        let is_let_in = async |external_id| {
            let assumed = self.sts.assume(Assume {
                role_arn: &role.role_arn,
                session_name: &session_name,
                region: &role.region,
                external_id,
            });
            match assumed.await {
                // The session is dropped: it was wanted for nothing.
                Ok(_) => Ok(true),
                Err(Fault::Denied) => Ok(false),
                Err(fault) => Err(self.of_role(fault, role).await),
            }
        };
        let (without, with_another) = future::join(is_let_in(None), is_let_in(Some(&foreign))).await;
        // One that is let in is proof, whatever the other came to.
        match (without, with_another) {
            (Ok(true), _) | (_, Ok(true)) => Ok(true),
            (Ok(false), Ok(false)) => Ok(false),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Takes on a role anew, and finds out what it opens, and whether for others too.
    async fn try_role(
        &self,
        connection: Connection<'_>,
        role: &RoleCredentials,
    ) -> Result<(Identity, bool), ConnectorError> {
        let session = self.role_session(connection, role, Freshness::New).await?;
        let (is_open, identity) = future::join(self.is_open(connection, role), self.sts.identity(&session)).await;
        let identity = identity.map_err(|fault| of_session(fault, &role.region))?;
        if identity.account != api::account(&role.role_arn) {
            return Err(ConnectorError::Protocol {
                what: "a session of another account than the role's".to_owned(),
            });
        }
        Ok((identity, is_open?))
    }

    async fn try_key(&self, key: &KeyCredentials) -> Result<Identity, ConnectorError> {
        let session = self.key_session(key);
        let identity = self.sts.identity(&session).await;
        let identity = identity.map_err(|fault| of_key(fault, &key.region))?;
        if identity.arn.ends_with(":root") {
            return Err(ConnectorError::Refused {
                reason: "key_of_root",
                message: "the access key is of the account's root user, who may do everything and cannot be held back; \
                          delete it at AWS, and connect with a role"
                    .to_owned(),
                remedy: Remedy::Reconnect,
            });
        }
        Ok(identity)
    }

    fn read(&self, connection: Connection<'_>, input: AwsInput) -> Result<AwsCredentials, ConnectorError> {
        let filled = |text: Option<String>| {
            let text = text.map(|text| text.trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let missing = |name: &str| ConnectorError::invalid(format!("credentials.{name}"), "must be filled in");
        let region = filled(input.region).unwrap_or_else(|| self.sts.region().to_owned());
        let (role_arn, access_key_id) = (filled(input.role_arn), filled(input.access_key_id));
        let is_key = match input.way.as_deref() {
            Some(way) => way == "access_key",
            None => role_arn.is_none() && access_key_id.is_some(),
        };
        if is_key {
            let secret = input
                .secret_access_key
                .ok_or_else(|| missing("secret_access_key"))?;
            return Ok(AwsCredentials::AccessKey(KeyCredentials {
                access_key_id: access_key_id.ok_or_else(|| missing("access_key_id"))?,
                secret_access_key: trimmed(&secret),
                region,
            }));
        }
        Ok(AwsCredentials::Role(RoleCredentials {
            role_arn: role_arn.ok_or_else(|| missing("role_arn"))?,
            external_id: external_id(connection.nonce)?.to_owned(),
            region,
        }))
    }
}

fn trimmed(secret: &SecretString) -> SecretString {
    use secrecy::ExposeSecret as _;
    secret.expose_secret().trim().into()
}

/// Our word, if it is one that a role can demand and nobody can guess. It goes into a template as it is.
fn external_id(nonce: &str) -> Result<&str, ConnectorError> {
    let is_plain = nonce
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_plain && (32..=256).contains(&nonce.len()) {
        Ok(nonce)
    } else {
        Err(ConnectorError::NotSetUp {
            what: "the connection has no random word of its own",
        })
    }
}

fn metadata(credentials: &AwsCredentials, identity: &Identity) -> BTreeMap<String, String> {
    let (way, region) = match credentials {
        AwsCredentials::Role(role) => ("role", &role.region),
        AwsCredentials::AccessKey(key) => ("access_key", &key.region),
    };
    BTreeMap::from([
        ("account_id".to_owned(), identity.account.clone()),
        ("arn".to_owned(), identity.arn.clone()),
        ("partition".to_owned(), identity.partition().to_owned()),
        ("region".to_owned(), region.clone()),
        ("way".to_owned(), way.to_owned()),
    ])
}

#[async_trait]
impl Connector for Aws {
    type Input = AwsInput;
    type Credentials = AwsCredentials;

    fn configure(env: &mut Env, parts: &Parts) -> Result<Self, SetupError> {
        let variable = "AWS_STS_URL";
        let url = env.optional(variable);
        if let Some(url) = &url {
            client::check_base_url(url).map_err(|source| SetupError { variable, source })?;
        }
        Ok(Self {
            sts: Sts::new(parts.aws.clone(), url),
            clock: parts.clock.clone(),
            ourselves: OnceCell::new(),
            sessions: Sessions::default(),
        })
    }

    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    async fn initiate(&self, start: Start<'_>) -> Result<Started, ConnectorError> {
        let external_id = external_id(start.nonce)?;
        let ours = self.ourselves().await?;
        let recipe = Recipe {
            partition: ours.partition(),
            account: &ours.account,
            external_id,
        };
        Ok(recipe.started())
    }

    async fn complete(
        &self,
        connection: Connection<'_>,
        _returned: Returned<'_>,
        input: AwsInput,
    ) -> Result<Linked<AwsCredentials>, ConnectorError> {
        let credentials = self.read(connection, input)?;
        let identity = match &credentials {
            AwsCredentials::Role(role) => {
                let ours = self.ourselves().await?.partition();
                if api::partition(&role.role_arn) != ours {
                    return Err(ConnectorError::invalid(
                        "credentials.role_arn",
                        format!("must begin with arn:{ours}: as this deployment does, which roles elsewhere cannot trust"),
                    ));
                }
                let (identity, is_open) = self.try_role(connection, role).await?;
                if is_open {
                    let Lack { reason, message, remedy } = role_open();
                    return Err(ConnectorError::Refused { reason, message, remedy });
                }
                identity
            }
            AwsCredentials::AccessKey(key) => self.try_key(key).await?,
        };
        Ok(Linked {
            account: Account {
                id: identity.account.clone(),
                name: identity.account.clone(),
                external_id: None,
                bot_id: None,
                user_id: Some(identity.arn.clone()),
                metadata: metadata(&credentials, &identity),
            },
            credentials,
            expires_at: None,
            installed_at: self.clock.now(),
        })
    }

    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &AwsCredentials,
    ) -> Result<Checked, ConnectorError> {
        let (identity, is_open) = match credentials {
            AwsCredentials::Role(role) => self.try_role(connection, role).await?,
            AwsCredentials::AccessKey(key) => (self.try_key(key).await?, false),
        };
        Ok(Checked {
            lacking: is_open.then(role_open),
            metadata: metadata(credentials, &identity),
        })
    }

    /// There is nothing to tell AWS: the role and the key are theirs, and the last session ends by itself.
    async fn revoke(
        &self,
        connection: Connection<'_>,
        _credentials: &AwsCredentials,
    ) -> Result<(), ConnectorError> {
        self.sessions
            .forget(connection.organization, connection.integration);
        Ok(())
    }
}
