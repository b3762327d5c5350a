//! What a third party must be able to do to be connected.
//!
//! A connector implements [`Connector`] with types of its own; everybody else sees [`DynConnector`], in which they are
//! erased in one place. It knows its third party and nothing else: neither the database nor the queue, the vault or
//! another connector.

use std::{collections::BTreeMap, error::Error as StdError, fmt, time::Duration};

use async_trait::async_trait;
use aws_config::SdkConfig;
use http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use zeroize::Zeroize as _;

use crate::{
    clock::{SharedClock, Timestamp},
    config::Env,
    http::{
        client::{HttpError, UrlError},
        error::FieldProblem,
    },
    id::{IntegrationId, OrganizationId},
    json::{self, JsonError},
    secret::manager::{SecretError, SecretStore},
    task::Alert,
    webhook::WebhookError,
};

/// How somebody connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// They consent on a page of the third party, which sends their browser back with a code.
    #[serde(rename = "oauth2")]
    OAuth,
    /// They install our app at the third party, which sends their browser back.
    Installation,
    /// They fill in a form.
    #[serde(rename = "api_key")]
    Form,
}

impl Method {
    /// The word that clients act on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth2",
            Self::Installation => "installation",
            Self::Form => "api_key",
        }
    }
}

/// Whether what is filled in may be shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// It may.
    Shown,
    /// It may not: it is sealed, and no answer holds it.
    Secret,
}

/// Whether something must be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
}

/// One field of a form.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in a request.
    pub name: &'static str,
    /// What stands before it.
    pub label: &'static str,
    /// Whether it may be shown again.
    pub secrecy: Secrecy,
    /// Whether it must be filled in.
    pub presence: Presence,
    /// The regular expression that a value must match, from its beginning to its end; what HTML's `pattern` takes.
    pub pattern: Option<&'static str>,
    /// All that may be chosen, where it is a choice.
    pub options: &'static [&'static str],
    /// The most characters of a value.
    pub max_length: usize,
    /// What it is for.
    pub help: &'static str,
    /// Where at the third party the value is found.
    pub find: &'static str,
}

/// One way to fill in a form: which fields belong together.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Its name in a request, as `way`.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Why another way is better, where one is.
    pub warning: Option<&'static str>,
    /// What is filled in.
    pub fields: &'static [Field],
}

/// What an organization has of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// People talk to the assistant there.
    Conversations,
    /// It tells what happens in repositories.
    Repositories,
    /// It tells of incidents and alerts.
    Alerts,
    /// The assistant can look at what runs there.
    Infrastructure,
}

/// What a client needs to know to offer a connector.
#[derive(Debug, Clone, Copy)]
pub struct Descriptor {
    /// What it is called, spelled as the third party does.
    pub name: &'static str,
    /// What connecting it is good for.
    pub description: &'static str,
    /// How somebody connects.
    pub method: Method,
    /// What an organization has of it.
    pub capabilities: &'static [Capability],
    /// The ways to fill in its form, the best first; none where there is no form.
    pub ways: &'static [Way],
    /// The field that older clients send as `code`.
    pub code_field: Option<&'static str>,
    /// The page that explains what has to be prepared at the third party.
    pub documentation: &'static str,
}

impl Descriptor {
    /// The field of this name, in whichever way it is.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        let mut fields = self.ways.iter().flat_map(|way| way.fields);
        fields.find(|field| field.name == name)
    }

    /// Finds out which way a form was filled in, and whether it was filled in well.
    ///
    /// # Errors
    /// What is wrong with which field. Values are not repeated.
    pub fn check(&self, input: &Value) -> Result<Option<&'static Way>, Vec<FieldProblem>> {
        let (Some(first), true) = (self.ways.first(), self.method == Method::Form) else {
            return Ok(None);
        };
        let Some(input) = input.as_object() else {
            return Err(vec![FieldProblem::new("credentials", "must be an object")]);
        };
        let filled = |field: &Field| match input.get(field.name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(_) => true,
        };
        let way = match input.get("way") {
            Some(Value::String(name)) => self.ways.iter().find(|way| way.name == name).ok_or_else(|| {
                let names: Vec<_> = self.ways.iter().map(|way| way.name).collect();
                vec![FieldProblem::new(
                    "credentials.way",
                    format!("must be one of {}", names.join(", ")),
                )]
            })?,
            // Whoever names no way means the one that they filled in.
            _ => self
                .ways
                .iter()
                .find(|way| {
                    let mut required = way.fields.iter().filter(|f| f.presence == Presence::Required);
                    required.all(filled)
                })
                .unwrap_or(first),
        };
        let problems: Vec<_> = way
            .fields
            .iter()
            .filter_map(|field| {
                let problem = field.problem(input.get(field.name).filter(|_| filled(field)))?;
                Some(FieldProblem::new(format!("credentials.{}", field.name), problem))
            })
            .collect();
        if problems.is_empty() {
            Ok(Some(way))
        } else {
            Err(problems)
        }
    }
}

impl Field {
    /// What is wrong with a value.
    fn problem(&self, value: Option<&Value>) -> Option<String> {
        let Some(value) = value else {
            return (self.presence == Presence::Required).then(|| "must be filled in".to_owned());
        };
        let Some(text) = value.as_str() else {
            return Some("must be a text".to_owned());
        };
        if text.chars().count() > self.max_length {
            return Some(format!("must have at most {} characters", self.max_length));
        }
        if !self.options.is_empty() && !self.options.contains(&text) {
            return Some(format!("must be one of {}", self.options.join(", ")));
        }
        let pattern = self.pattern?;
        let whole = regex_lite::Regex::new(&format!("^(?:{pattern})$"));
        let matches = whole.is_ok_and(|whole| whole.is_match(text.trim()));
        (!matches).then(|| "is not of the form that it must have".to_owned())
    }
}

/// What is known when somebody starts to connect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start<'a> {
    /// The random word that travels through the browser and has to come back.
    pub state: &'a str,
    /// Where the browser is to be sent back to.
    pub redirect_uri: &'a str,
    /// PKCE's challenge (S256, RFC 7636), for third parties that take one.
    pub code_challenge: &'a str,
    /// The word of ours that the third party ties the connection to.
    pub nonce: &'a str,
    /// Whether they claim what was installed at the third party already, where there is such a thing.
    pub claims: bool,
}

/// What somebody who starts to connect does next.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Where their browser goes; for a form, the page of the third party where what is asked for is found or made.
    pub url: String,
    /// What they need there, to be shown: names and texts, such as the `ExternalId` and the template of a role.
    pub setup: Value,
}

/// How somebody came back from the third party.
#[derive(Debug, Clone, Copy)]
pub struct Returned<'a> {
    /// Where they were to be sent back to, exactly as the third party was told; blank for a form.
    pub redirect_uri: &'a str,
    /// PKCE's verifier; blank for a form, and where the third party was sent no challenge.
    pub code_verifier: &'a str,
}

/// The connection that something is done for.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The connection, also while it is being made.
    pub integration: IntegrationId,
    /// The word of ours that the third party ties it to.
    pub nonce: &'a str,
    /// Where the third party is to send what happens, for connectors whose webhook belongs to the connection; none where
    /// nobody knows our address.
    pub webhook_url: Option<&'a str>,
    /// What is connected; none while that is not known yet.
    pub account: Option<&'a Account>,
    /// Now.
    pub now: Timestamp,
}

/// What is connected, as far as it may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The third party's id of it: a workspace, an account, a project. Connecting another one in its place is asked about.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What the third party's events name it by, of which no two organizations may have the same; none where it sends
    /// none, or sends them to an address of the connection's own.
    pub external_id: Option<String>,
    /// Our side there: Slack's user id of our bot, GitHub's installation id.
    pub bot_id: Option<String>,
    /// The account that it was connected with.
    pub user_id: Option<String>,
    /// What else is shown about it: names, regions, sites.
    pub metadata: BTreeMap<String, String>,
}

/// A connection that the third party has agreed to.
#[derive(Debug)]
pub struct Linked<C> {
    /// What opens it.
    pub credentials: C,
    /// What is connected.
    pub account: Account,
    /// When the credentials end by themselves; none for those that do not.
    pub expires_at: Option<Timestamp>,
    /// When it was connected, by the third party's clock where it tells.
    pub installed_at: Timestamp,
}

/// A connection of the existing system, which is to be taken over.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// What was sealed there, by name.
    pub texts: &'a BTreeMap<String, SecretString>,
    /// What the row beside them names as connected, where it does.
    pub account_id: Option<&'a str>,
    /// What the row beside them names as our side there, where it does.
    pub bot_id: Option<&'a str>,
    /// Whether whoever runs this deployment vouches that it is the organization's own, where nobody proved that there.
    pub is_vouched_for: bool,
}

impl Earlier<'_> {
    /// A text that must be there.
    ///
    /// # Errors
    /// [`ConnectorError::Invalid`] when it is not, or is blank.
    pub fn text(&self, name: &str) -> Result<&SecretString, ConnectorError> {
        self.texts
            .get(name)
            .filter(|text| !text.expose_secret().trim().is_empty())
            .ok_or_else(|| ConnectorError::invalid(name, "is missing"))
    }

    /// A text that must be there and is no secret.
    ///
    /// # Errors
    /// As [`Earlier::text`].
    pub fn word(&self, name: &str) -> Result<String, ConnectorError> {
        Ok(self.text(name)?.expose_secret().trim().to_owned())
    }

    /// A number that must be there and is no secret.
    ///
    /// # Errors
    /// As [`Earlier::text`], and for what is no number.
    pub fn number(&self, name: &str) -> Result<i64, ConnectorError> {
        let number = self.word(name)?.parse();
        number.map_err(|_| ConnectorError::invalid(name, "is not a number"))
    }

    /// Compares what is connected with the row that the credentials stood beside. Nothing tied the one to the other there:
    /// whoever could write rows could give an organization the credentials of another one.
    ///
    /// # Errors
    /// [`ConnectorError::Refused`] when they are not of one connection.
    pub fn confirm(&self, account: &Account) -> Result<(), ConnectorError> {
        let agrees = |told: Option<&str>, known: Option<&str>| told.is_none() || told == known;
        if agrees(self.account_id, Some(&account.id)) && agrees(self.bot_id, account.bot_id.as_deref()) {
            return Ok(());
        }
        Err(ConnectorError::Refused {
            reason: "other_account",
            message: "the credentials are of another account than the connection that they stood beside; connect it here"
                .to_owned(),
            remedy: Remedy::Reconnect,
        })
    }
}

/// What a check came to when the credentials are good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is lacking, though it works: then the connection is degraded.
    pub lacking: Option<Lack>,
    /// What is shown about the account from now on, in addition or in the place of what was.
    pub metadata: BTreeMap<String, String>,
}

/// What a connection that works cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// A code, such as `role_missing`.
    pub reason: &'static str,
    /// What is lacking, in our words for a person.
    pub message: String,
    /// What helps.
    pub remedy: Remedy,
}

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing needs to be done: it is tried again.
    Wait,
    /// An admin connects again.
    Reconnect,
    /// An admin grants something at the third party.
    Grant,
    /// Whoever runs this deployment acts.
    Operator,
}

impl Remedy {
    /// The word as it stands in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Reconnect => "reconnect",
            Self::Grant => "grant",
            Self::Operator => "operator",
        }
    }
}

/// What refreshing came to.
#[derive(Debug)]
pub enum Refreshed<C> {
    /// The third party gives nothing that could be refreshed.
    Lasting,
    /// New credentials, in the place of those before.
    Renewed {
        /// What opens it from now on.
        credentials: C,
        /// When they end by themselves.
        expires_at: Option<Timestamp>,
    },
}

/// A repository that a connection reaches.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as the third party tells it"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The third party's number of it.
    pub id: i64,
    /// Name without the owner.
    pub name: String,
    /// Owner and name.
    pub full_name: String,
    /// Its page.
    pub url: String,
    /// True when only members see it.
    pub is_private: bool,
    /// Its default branch.
    pub default_branch: Option<String>,
    /// Whether we may administer it.
    pub may_administer: bool,
    /// Whether we may push.
    pub may_push: bool,
    /// Whether we may read.
    pub may_pull: bool,
    /// Its description.
    pub description: Option<String>,
    /// Its main language.
    pub language: Option<String>,
    /// When it was created there.
    pub created_at: Option<Timestamp>,
    /// When it was last changed there.
    pub updated_at: Option<Timestamp>,
    /// When it was last pushed to.
    pub pushed_at: Option<Timestamp>,
}

/// A page of what a connection reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repositories {
    /// What is on the page.
    pub items: Vec<Repository>,
    /// The number of the next page; none after the last.
    pub next: Option<u32>,
}

/// What came of asking a third party to send again what it could not deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redelivered {
    /// How many deliveries it was asked for.
    pub asked: usize,
    /// False when there is more than was looked at, or asked for.
    pub is_complete: bool,
}

/// What a third party told at an address of a connection's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The third party's own name of what it told, the same whenever it tells it again. At most 128 characters.
    pub event_id: String,
    /// What it told of; none for what we have no use for.
    pub alert: Option<Alert>,
}

/// Why what came to an address of a connection's own is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It is not proven to be of the third party.
    #[error(transparent)]
    Unverified(#[from] WebhookError),
    /// It is of the third party, and not what it should be.
    #[error("a delivery that cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// The connector takes nothing there.
    #[error("this connector has no address of a connection's own")]
    Unexpected,
    /// What it is verified with cannot be read.
    #[error(transparent)]
    Credentials(#[from] ConnectorError),
}

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a third party does not do what it is asked. Nothing that it wrote is in it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// What was filled in, or came back, is not as it must be.
    #[error("some fields are not as they should be")]
    Invalid(Vec<FieldProblem>),
    /// The credentials are not good, or do not suffice. Asking again does not help.
    #[error("{message}")]
    Refused {
        /// A code, such as `token_revoked`.
        reason: &'static str,
        /// What is wrong, in our words for a person.
        message: String,
        /// What helps.
        remedy: Remedy,
    },
    /// The connection is not there any more at the third party.
    #[error("{message}")]
    Gone {
        /// A code, such as `app_uninstalled`.
        reason: &'static str,
        /// What is wrong, in our words for a person.
        message: String,
    },
    /// The third party is away, or asks for a pause. Asking again later helps.
    #[error("the third party does not answer")]
    Unavailable {
        /// How long to wait, where it says so.
        retry_after: Option<Duration>,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// It answered what it should not.
    #[error("the third party's answer is not as it should be: {what}")]
    Protocol {
        /// What is wrong; a JSON path and a kind of fault.
        what: String,
    },
    /// This deployment has not been told what it needs to use the third party.
    #[error("this deployment is not set up for it: {what}")]
    NotSetUp {
        /// What is missing, for whoever runs it.
        what: &'static str,
    },
}

impl ConnectorError {
    /// One field is not as it should be.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, message)])
    }

    /// Whether the same may work in a while without anybody doing anything.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// A word for logs, metrics and the state of a connection.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Refused { reason, .. } | Self::Gone { reason, .. } => reason,
            Self::Unavailable { .. } => "unavailable",
            Self::Protocol { .. } => "protocol",
            Self::NotSetUp { .. } => "not_set_up",
        }
    }
}

impl From<HttpError> for ConnectorError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Timeout | HttpError::Unreachable(_) => Self::Unavailable {
                retry_after: None,
                source: error.into(),
            },
            HttpError::TooLarge => Self::Protocol {
                what: "too large".to_owned(),
            },
            HttpError::Protocol { what } => Self::Protocol {
                what: what.to_owned(),
            },
        }
    }
}

impl From<JsonError> for ConnectorError {
    fn from(error: JsonError) -> Self {
        Self::Protocol {
            what: error.to_string(),
        }
    }
}

impl From<SecretError> for ConnectorError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unavailable { .. } => Self::Unavailable {
                retry_after: None,
                source: error.into(),
            },
            SecretError::Missing { .. } | SecretError::Malformed { .. } | SecretError::Refused { .. } => {
                tracing::warn!(error = %error, "the secret of a third party's app is not there");
                Self::NotSetUp {
                    what: "the secret of its app is not filled in",
                }
            }
        }
    }
}

/// Writes a secret as it is. Only for credentials, which nothing but the vault writes, straight into what it seals.
pub fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// The same for a secret that may be absent.
pub fn exposed_option<S: Serializer>(
    secret: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => exposed(secret, serializer),
        None => serializer.serialize_none(),
    }
}

/// Credentials whose form only their connector knows, as JSON. What is dropped is overwritten.
pub struct Credentials(Box<RawValue>);

impl Credentials {
    /// Hides the form.
    ///
    /// # Errors
    /// When they cannot be written as JSON, which is a defect.
    pub fn of<C: Serialize>(credentials: &C) -> Result<Self, ConnectorError> {
        serde_json::value::to_raw_value(credentials)
            .map(Self)
            .map_err(|_| ConnectorError::Protocol {
                what: "credentials that cannot be written".to_owned(),
            })
    }

    /// Shows the form again.
    ///
    /// # Errors
    /// When they are of another form: a connector of another release wrote them.
    pub fn read<C: DeserializeOwned>(&self) -> Result<C, ConnectorError> {
        serde_json::from_str(self.0.get()).map_err(|_| ConnectorError::Refused {
            reason: "credentials_unreadable",
            message: "the stored credentials are of an unknown form; connect again".to_owned(),
            remedy: Remedy::Reconnect,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Serialize for Credentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        let text = std::mem::replace(&mut self.0, RawValue::NULL.to_owned());
        String::from(Box::<str>::from(text)).zeroize();
    }
}

/// What connectors are made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Our time.
    pub clock: SharedClock,
    /// Where the secrets of our apps at third parties are.
    pub secrets: SecretStore,
    /// The way to AWS.
    pub aws: SdkConfig,
}

/// A variable that a connector cannot use.
#[derive(Debug, thiserror::Error)]
#[error("{variable}")]
pub struct SetupError {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong with it.
    #[source]
    pub source: UrlError,
}

/// A third party that can be connected.
#[async_trait]
pub trait Connector: Send + Sync + Sized + 'static {
    /// What completes a connection: what was filled in, or what the browser brought back.
    type Input: DeserializeOwned + Send + Sync;
    /// What opens it; sealed by the vault. Field names are a stored format: add, never rename.
    type Credentials: Serialize + DeserializeOwned + Send + Sync;

    /// Reads what the connector needs from the environment. Variables that are only needed to connect are optional, so
    /// that a deployment can start without an app at every third party: what lacks is told when somebody connects.
    ///
    /// # Errors
    /// A variable that cannot be used.
    fn configure(env: &mut Env, parts: &Parts) -> Result<Self, SetupError>;

    /// What a client needs to know.
    fn descriptor(&self) -> &'static Descriptor;

    /// Somebody starts to connect.
    ///
    /// # Errors
    /// [`ConnectorError::NotSetUp`] and, where the third party is asked already, whatever it says.
    async fn initiate(&self, start: Start<'_>) -> Result<Started, ConnectorError>;

    /// Somebody has consented, installed or filled in. Proves that the credentials work and finds out what they open;
    /// changes nothing at the third party.
    ///
    /// # Errors
    /// [`ConnectorError::Invalid`] for what was filled in, [`ConnectorError::Refused`] for credentials that do not work.
    async fn complete(
        &self,
        connection: Connection<'_>,
        returned: Returned<'_>,
        input: Self::Input,
    ) -> Result<Linked<Self::Credentials>, ConnectorError>;

    /// Takes over a connection of the existing system. Proves that its credentials work and finds out what they open, as
    /// [`complete`](Self::complete) does; changes nothing at the third party. For connectors that the existing system had.
    ///
    /// # Errors
    /// [`ConnectorError::Invalid`] for texts that are not as they must be, [`ConnectorError::Refused`] for what does not
    /// work or cannot be taken over, otherwise as the third party says.
    async fn adopt(
        &self,
        _connection: Connection<'_>,
        _earlier: Earlier<'_>,
    ) -> Result<Linked<Self::Credentials>, ConnectorError> {
        Err(ConnectorError::Refused {
            reason: "not_taken_over",
            message: "such a connection is not taken over; connect it here".to_owned(),
            remedy: Remedy::Reconnect,
        })
    }

    /// Makes at the third party what the connection needs there, such as a webhook, now that it is certain that it will
    /// be kept. What an earlier attempt left behind is used or replaced.
    ///
    /// # Errors
    /// As the third party says.
    async fn attach(
        &self,
        _connection: Connection<'_>,
        linked: Linked<Self::Credentials>,
    ) -> Result<Linked<Self::Credentials>, ConnectorError> {
        Ok(linked)
    }

    /// Asks the third party whether the connection works. Needs no more rights than connecting did.
    ///
    /// # Errors
    /// As the third party says.
    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &Self::Credentials,
    ) -> Result<Checked, ConnectorError>;

    /// Gets new credentials where the third party's end by themselves. The caller sees to it that nobody else does the
    /// same at the same time.
    ///
    /// # Errors
    /// [`ConnectorError::Refused`] when what refreshes is not good (any more); otherwise as the third party says.
    async fn refresh(
        &self,
        _connection: Connection<'_>,
        _credentials: Self::Credentials,
    ) -> Result<Refreshed<Self::Credentials>, ConnectorError> {
        Ok(Refreshed::Lasting)
    }

    /// Tells the third party that the connection has ended, and removes what [`attach`](Self::attach) made. That it is
    /// gone already is a success.
    ///
    /// # Errors
    /// As the third party says.
    async fn revoke(
        &self,
        connection: Connection<'_>,
        credentials: &Self::Credentials,
    ) -> Result<(), ConnectorError>;

    /// Verifies what came to the address that [`Connection::webhook_url`] named, on the bytes as they came, and puts it
    /// into our words. Only for connectors whose webhook belongs to the connection; those that have one for our whole app
    /// have a door of their own. Asks nobody.
    ///
    /// # Errors
    /// [`ReceiveError`]
    fn receive(
        &self,
        _credentials: &Self::Credentials,
        _headers: &HeaderMap,
        _body: &[u8],
    ) -> Result<Delivered, ReceiveError> {
        Err(ReceiveError::Unexpected)
    }

    /// A page of the repositories that the connection reaches; the first is 1.
    ///
    /// # Errors
    /// As the third party says.
    async fn repositories(
        &self,
        _connection: Connection<'_>,
        _credentials: &Self::Credentials,
        _page: u32,
    ) -> Result<Repositories, ConnectorError> {
        Ok(Repositories::default())
    }

    /// Asks the third party to send again what it has not been able to deliver to our whole app since a time, until the time
    /// is `until`. Only for those that do not try again by themselves.
    ///
    /// # Errors
    /// As the third party says; what was asked for before is asked for.
    async fn redeliver(&self, _since: Timestamp, _until: Timestamp) -> Result<Redelivered, ConnectorError> {
        Ok(Redelivered {
            asked: 0,
            is_complete: true,
        })
    }
}

/// A connector whose types are hidden: what everybody but the connector itself sees. See [`Connector`].
#[async_trait]
#[expect(missing_docs, reason = "each is described in `Connector`")]
pub trait DynConnector: Send + Sync {
    fn descriptor(&self) -> &'static Descriptor;
    async fn initiate(&self, start: Start<'_>) -> Result<Started, ConnectorError>;
    async fn complete(
        &self,
        connection: Connection<'_>,
        returned: Returned<'_>,
        input: Value,
    ) -> Result<Linked<Credentials>, ConnectorError>;
    async fn adopt(
        &self,
        connection: Connection<'_>,
        earlier: Earlier<'_>,
    ) -> Result<Linked<Credentials>, ConnectorError>;
    async fn attach(
        &self,
        connection: Connection<'_>,
        linked: Linked<Credentials>,
    ) -> Result<Linked<Credentials>, ConnectorError>;
    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
    ) -> Result<Checked, ConnectorError>;
    async fn refresh(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
    ) -> Result<Refreshed<Credentials>, ConnectorError>;
    async fn revoke(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
    ) -> Result<(), ConnectorError>;
    fn receive(
        &self,
        credentials: &Credentials,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Delivered, ReceiveError>;
    async fn repositories(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
        page: u32,
    ) -> Result<Repositories, ConnectorError>;
    async fn redeliver(&self, since: Timestamp, until: Timestamp) -> Result<Redelivered, ConnectorError>;
}

impl<C> Linked<C> {
    fn with<D>(self, credentials: D) -> Linked<D> {
        Linked {
            credentials,
            account: self.account,
            expires_at: self.expires_at,
            installed_at: self.installed_at,
        }
    }

    fn hidden(self) -> Result<Linked<Credentials>, ConnectorError>
    where
        C: Serialize,
    {
        let credentials = Credentials::of(&self.credentials)?;
        Ok(self.with(credentials))
    }
}

#[async_trait]
impl<T: Connector> DynConnector for T {
    fn descriptor(&self) -> &'static Descriptor {
        Connector::descriptor(self)
    }

    async fn initiate(&self, start: Start<'_>) -> Result<Started, ConnectorError> {
        Connector::initiate(self, start).await
    }

    async fn complete(
        &self,
        connection: Connection<'_>,
        returned: Returned<'_>,
        input: Value,
    ) -> Result<Linked<Credentials>, ConnectorError> {
        Connector::descriptor(self)
            .check(&input)
            .map_err(ConnectorError::Invalid)?;
        let text = zeroize::Zeroizing::new(input.to_string());
        let input = json::read(text.as_bytes()).map_err(|error| match error {
            JsonError::Shape { path, problem } => ConnectorError::invalid(path, problem),
            JsonError::Syntax | JsonError::TooDeep => ConnectorError::from(error),
        })?;
        Connector::complete(self, connection, returned, input)
            .await?
            .hidden()
    }

    async fn adopt(
        &self,
        connection: Connection<'_>,
        earlier: Earlier<'_>,
    ) -> Result<Linked<Credentials>, ConnectorError> {
        Connector::adopt(self, connection, earlier).await?.hidden()
    }

    async fn attach(
        &self,
        connection: Connection<'_>,
        linked: Linked<Credentials>,
    ) -> Result<Linked<Credentials>, ConnectorError> {
        let credentials: T::Credentials = linked.credentials.read()?;
        Connector::attach(self, connection, linked.with(credentials))
            .await?
            .hidden()
    }

    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
    ) -> Result<Checked, ConnectorError> {
        Connector::validate(self, connection, &credentials.read()?).await
    }

    async fn refresh(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
    ) -> Result<Refreshed<Credentials>, ConnectorError> {
        Ok(
            match Connector::refresh(self, connection, credentials.read()?).await? {
                Refreshed::Lasting => Refreshed::Lasting,
                Refreshed::Renewed {
                    credentials,
                    expires_at,
                } => Refreshed::Renewed {
                    credentials: Credentials::of(&credentials)?,
                    expires_at,
                },
            },
        )
    }

    async fn revoke(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
    ) -> Result<(), ConnectorError> {
        Connector::revoke(self, connection, &credentials.read()?).await
    }

    fn receive(
        &self,
        credentials: &Credentials,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Delivered, ReceiveError> {
        Connector::receive(self, &credentials.read()?, headers, body)
    }

    async fn repositories(
        &self,
        connection: Connection<'_>,
        credentials: &Credentials,
        page: u32,
    ) -> Result<Repositories, ConnectorError> {
        Connector::repositories(self, connection, &credentials.read()?, page).await
    }

    async fn redeliver(&self, since: Timestamp, until: Timestamp) -> Result<Redelivered, ConnectorError> {
        Connector::redeliver(self, since, until).await
    }
}
