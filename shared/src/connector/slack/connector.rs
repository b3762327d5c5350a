//! The connector: how a workspace, or a whole Enterprise Grid organization, comes to be connected and stays so.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use url::Url;

use super::api::{
    SLACK_API_URL,
    oauth::{Access, App, OAuthApi, Tested},
};
use crate::{
    clock::{SharedClock, Timestamp, after},
    config::Env,
    connector::contract::{
        Account, Capability, Checked, Connection, Connector, ConnectorError, Descriptor, Earlier, Lack, Linked, Method, Parts,
        Refreshed, Remedy, Returned, SetupError, Start, Started, exposed, exposed_option,
    },
    http::client,
    secret::manager::SecretStore,
};

/// What the bot may do: what the app's manifest lists, with the reasons.
pub const SCOPES: &[&str] = &[
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "metadata.message:read",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "reactions:write",
    "users:read",
    "users:read.email",
];

/// What is asked of whoever consents for themselves: nothing. The bot does all that is done.
const USER_SCOPES: &str = "";

/// What says, among what is shown of a connection, whether there is a token of whoever connected: `granted`, and `revoked`
/// once they have taken it back.
const USER_TOKEN: &str = "user_token";

/// How long the app's secret is used before it is read again.
const APP_FRESH: Duration = Duration::from_mins(5);

/// How long refreshing may take in all. Less than whoever refreshes waits: what the first of two calls brought must not be
/// lost to the second.
const REFRESH_TIME: Duration = Duration::from_secs(3);

/// The connector.
#[derive(Debug)]
pub struct Slack {
    api: OAuthApi,
    web: Url,
    secrets: SecretStore,
    secret_arn: Option<String>,
    clock: SharedClock,
    app: Mutex<Option<(Timestamp, Arc<App>)>>,
}

/// How somebody came back from Slack. Console and browsers send `null` for what is not there.
#[derive(Deserialize)]
pub struct SlackInput {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

/// What the vault keeps for a Slack integration.
///
/// Field names are a stored format: add, never rename.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlackCredentials {
    /// The bot token of the installation, `xoxb-…`.
    #[serde(serialize_with = "exposed")]
    pub bot_token: SecretString,
    /// What the bot token is refreshed with, once; none where the app's tokens do not rotate.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed_option")]
    pub bot_refresh_token: Option<SecretString>,
    /// When the bot token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_expires_at: Option<Timestamp>,
    /// The token of the person who consented, `xoxp-…`, where Slack gave one. Nothing is done with it but giving it back.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed_option")]
    pub user_token: Option<SecretString>,
    /// What that is refreshed with.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed_option")]
    pub user_refresh_token: Option<SecretString>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_expires_at: Option<Timestamp>,
}

impl SlackCredentials {
    /// Those of an app whose tokens do not rotate.
    #[must_use]
    pub const fn lasting(bot_token: SecretString) -> Self {
        Self {
            bot_token,
            bot_refresh_token: None,
            bot_expires_at: None,
            user_token: None,
            user_refresh_token: None,
            user_expires_at: None,
        }
    }

    /// When the first of the tokens ends.
    fn expires_at(&self) -> Option<Timestamp> {
        self.bot_expires_at.into_iter().chain(self.user_expires_at).min()
    }

    fn forget_user(&mut self) {
        (self.user_token, self.user_refresh_token, self.user_expires_at) = (None, None, None);
    }
}

impl Slack {
    async fn app(&self) -> Result<Arc<App>, ConnectorError> {
        let arn = self.secret_arn.as_deref().ok_or(ConnectorError::NotSetUp {
            what: "no Slack app is named",
        })?;
        let mut kept = self.app.lock().await;
        let now = self.clock.now();
        if let Some((read_at, app)) = kept.as_ref()
            && now < after(*read_at, APP_FRESH)
        {
            return Ok(Arc::clone(app));
        }
        let app: Arc<App> = Arc::new(self.secrets.json(arn).await?);
        *kept = Some((now, Arc::clone(&app)));
        Ok(app)
    }

    fn end(&self, expires_in: Option<u32>) -> Option<Timestamp> {
        expires_in.map(|seconds| after(self.clock.now(), Duration::from_secs(seconds.into())))
    }

    async fn refresh_bot(&self, app: &App, credentials: &mut SlackCredentials) -> Result<(), ConnectorError> {
        let Some(token) = &credentials.bot_refresh_token else {
            return Ok(());
        };
        let access = self.api.refresh(app, token).await?;
        credentials.bot_token = access.token.ok_or_else(|| protocol("a bot token is missing"))?;
        credentials.bot_refresh_token = access.refresh_token;
        credentials.bot_expires_at = self.end(access.expires_in);
        Ok(())
    }

    async fn refresh_user(&self, app: &App, credentials: &mut SlackCredentials) -> Result<(), ConnectorError> {
        let Some(token) = &credentials.user_refresh_token else {
            return Ok(());
        };
        let access = self.api.refresh(app, token).await?;
        let token = access.token.ok_or_else(|| protocol("a user token is missing"))?;
        credentials.user_token = Some(token);
        credentials.user_refresh_token = access.refresh_token;
        credentials.user_expires_at = self.end(access.expires_in);
        Ok(())
    }

    /// Uninstalls the app, with a fresh token where the kept one has expired meanwhile. False when only the tokens can be
    /// taken back.
    async fn uninstall(&self, app: &App, credentials: &mut SlackCredentials) -> Result<bool, ConnectorError> {
        match self.api.uninstall(app, &credentials.bot_token).await {
            Err(error) if is_expired(&error) && credentials.bot_refresh_token.is_some() => {
                self.refresh_bot(app, credentials).await?;
                self.api.uninstall(app, &credentials.bot_token).await
            }
            other => other,
        }
    }

    /// What is wrong with the token of the person who consented; nothing where refreshing helps, or there is none.
    async fn check_user(&self, credentials: &SlackCredentials) -> Result<Option<Lack>, ConnectorError> {
        let Some(token) = &credentials.user_token else {
            return Ok(None);
        };
        match self.api.test(token).await {
            Ok(_) => Ok(None),
            Err(error) if is_expired(&error) && credentials.user_refresh_token.is_some() => Ok(None),
            Err(ConnectorError::Refused { .. } | ConnectorError::Gone { .. }) => Ok(Some(Lack {
                reason: "user_token_refused",
                message: "Slack does not take the token of the person who connected any more; the app works without it"
                    .to_owned(),
                remedy: Remedy::Reconnect,
            })),
            Err(error) => Err(error),
        }
    }
}

fn protocol(what: &str) -> ConnectorError {
    ConnectorError::Protocol { what: what.to_owned() }
}

fn is_expired(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Refused { reason: "token_expired", .. })
}

fn declined(error: &str) -> ConnectorError {
    let (reason, message) = if error == "access_denied" {
        ("access_denied", "nobody has allowed the app at Slack; connect again, and choose \"Allow\"")
    } else {
        ("consent_failed", "Slack could not ask for consent; connect again")
    };
    ConnectorError::Refused {
        reason,
        message: message.to_owned(),
        remedy: Remedy::Reconnect,
    }
}

/// What is connected: the workspace, or for an org-wide installation the Enterprise Grid organization.
fn account(access: &Access) -> Result<Account, ConnectorError> {
    let is_org_wide = access.is_enterprise_install.unwrap_or(false);
    let (installed, what) = if is_org_wide {
        (&access.enterprise, "an org-wide installation without an organization")
    } else {
        (&access.team, "an installation without a workspace")
    };
    let installed = installed.as_ref().ok_or_else(|| protocol(what))?;
    let mut metadata = BTreeMap::from([("is_enterprise_install".to_owned(), is_org_wide.to_string())]);
    let enterprise = access.enterprise.as_ref();
    let user = access.authed_user.as_ref();
    let known = [
        ("app_id", access.app_id.clone()),
        ("scope", access.scope.clone()),
        (USER_TOKEN, user.and_then(|user| user.access_token.as_ref()).map(|_| "granted".to_owned())),
        ("enterprise_id", enterprise.map(|enterprise| enterprise.id.clone())),
        ("enterprise_name", enterprise.and_then(|enterprise| enterprise.name.clone())),
    ];
    metadata.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Ok(Account {
        id: installed.id.clone(),
        name: installed.name.clone().unwrap_or_else(|| installed.id.clone()),
        external_id: Some(installed.id.clone()),
        bot_id: access.bot_user_id.clone(),
        user_id: user.and_then(|user| user.id.clone()),
        metadata,
    })
}

/// Whether a token speaks for what is connected.
fn is_for(tested: &Tested, account: &Account) -> bool {
    let is = |id: &Option<String>| id.as_ref() == Some(&account.id);
    is(&tested.team_id) || (tested.is_enterprise_install.unwrap_or(false) && is(&tested.enterprise_id))
}

fn lacking(scopes: &[String]) -> Option<Lack> {
    let is_missing = |scope: &&&str| !scopes.iter().any(|granted| granted == **scope);
    let missing: Vec<_> = SCOPES.iter().filter(is_missing).copied().collect();
    (!missing.is_empty()).then(|| Lack {
        reason: "scope_missing",
        message: format!("the Slack app has not been granted {}; connect again", missing.join(", ")),
        remedy: Remedy::Grant,
    })
}

#[async_trait]
impl Connector for Slack {
    type Input = SlackInput;
    type Credentials = SlackCredentials;

    fn configure(env: &mut Env, parts: &Parts) -> Result<Self, SetupError> {
        let mut url = |variable: &'static str, default: &str| {
            let url = env.optional(variable).unwrap_or_else(|| default.to_owned());
            let wrong = move |source| SetupError { variable, source };
            (url, wrong)
        };
        let (web, wrong) = url("SLACK_URL", "https://slack.com");
        let web = client::check_base_url(&web).map_err(wrong)?;
        let (api, wrong) = url("SLACK_API_URL", SLACK_API_URL);
        Ok(Self {
            api: OAuthApi::new(&api).map_err(wrong)?,
            web,
            secrets: parts.secrets.clone(),
            secret_arn: env.optional("SLACK_APP_SECRET_ARN"),
            clock: parts.clock.clone(),
            app: Mutex::default(),
        })
    }

    fn descriptor(&self) -> &'static Descriptor {
        &Descriptor {
            name: "Slack",
            description: "Ask questions and get answers in Slack.",
            method: Method::OAuth,
            capabilities: &[Capability::Conversations],
            ways: &[],
            code_field: None,
            documentation: "https://docs.slack.dev/authentication/installing-with-oauth",
        }
    }

    async fn initiate(&self, start: Start<'_>) -> Result<Started, ConnectorError> {
        let app = self.app().await?;
        let mut url = self.web.clone();
        url.path_segments_mut()
            .map_err(|()| ConnectorError::NotSetUp {
                what: "the address of Slack is none",
            })?
            .pop_if_empty()
            .extend(["oauth", "v2", "authorize"]);
        url.query_pairs_mut()
            .append_pair("client_id", &app.client_id)
            .append_pair("scope", &SCOPES.join(","))
            .append_pair("user_scope", USER_SCOPES)
            .append_pair("redirect_uri", start.redirect_uri)
            .append_pair("state", start.state);
        Ok(Started {
            url: url.into(),
            setup: Value::Null,
        })
    }

    async fn complete(
        &self,
        _connection: Connection<'_>,
        returned: Returned<'_>,
        input: SlackInput,
    ) -> Result<Linked<SlackCredentials>, ConnectorError> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        if let Some(error) = given(input.error) {
            return Err(declined(&error));
        }
        let code = given(input.code).ok_or_else(|| ConnectorError::invalid("code", "is missing"))?;
        let app = self.app().await?;
        let (access, date) = self.api.exchange(&app, &code, returned.redirect_uri).await?;
        if let (Some(ours), Some(theirs)) = (&app.id, &access.app_id)
            && ours != theirs
        {
            return Err(ConnectorError::NotSetUp {
                what: "the client id is of another Slack app than the app id",
            });
        }
        let account = account(&access)?;
        let user = access.authed_user.unwrap_or_default();
        let credentials = SlackCredentials {
            bot_token: access.token.ok_or_else(|| protocol("a bot token is missing"))?,
            bot_refresh_token: access.refresh_token,
            bot_expires_at: self.end(access.expires_in),
            user_token: user.access_token,
            user_refresh_token: user.refresh_token,
            user_expires_at: self.end(user.expires_in),
        };
        Ok(Linked {
            expires_at: credentials.expires_at(),
            credentials,
            account,
            installed_at: date.unwrap_or_else(|| self.clock.now()),
        })
    }

    /// The texts of that system: `access_token` (blank, nobody was asked for more than the bot), `bot_access_token`,
    /// `bot_user_id`, `team_id`, `team_name`, `user_id` and `scope`. It knew neither tokens that rotate nor installations
    /// in a whole organization.
    async fn adopt(
        &self,
        connection: Connection<'_>,
        earlier: Earlier<'_>,
    ) -> Result<Linked<SlackCredentials>, ConnectorError> {
        let team = earlier.word("team_id")?;
        let mut account = Account {
            name: earlier.word("team_name").unwrap_or_else(|_| team.clone()),
            external_id: Some(team.clone()),
            id: team,
            bot_id: Some(earlier.word("bot_user_id")?),
            user_id: earlier.word("user_id").ok(),
            metadata: BTreeMap::from([("is_enterprise_install".to_owned(), false.to_string())]),
        };
        let credentials = SlackCredentials {
            user_token: earlier.text("access_token").ok().cloned(),
            ..SlackCredentials::lasting(earlier.text("bot_access_token")?.clone())
        };
        earlier.confirm(&account)?;
        if credentials.user_token.is_some() {
            account.metadata.insert(USER_TOKEN.to_owned(), "granted".to_owned());
        }
        let connection = Connection {
            account: Some(&account),
            ..connection
        };
        let checked = self.validate(connection, &credentials).await?;
        account.metadata.extend(checked.metadata);
        Ok(Linked {
            credentials,
            account,
            expires_at: None,
            installed_at: self.clock.now(),
        })
    }

    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &SlackCredentials,
    ) -> Result<Checked, ConnectorError> {
        let (tested, scopes) = match self.api.test(&credentials.bot_token).await {
            Err(error) if is_expired(&error) && credentials.bot_refresh_token.is_some() => {
                return Err(ConnectorError::Refused {
                    reason: "token_expired",
                    message: "the token has expired, and is refreshed".to_owned(),
                    remedy: Remedy::Wait,
                });
            }
            other => other?,
        };
        // What was connected before its account was written down has none to compare with.
        let account = connection.account.filter(|account| !account.id.is_empty());
        if account.is_some_and(|account| !is_for(&tested, account)) {
            return Err(ConnectorError::Refused {
                reason: "other_workspace",
                message: "the token is of another Slack workspace than the connected one; connect again".to_owned(),
                remedy: Remedy::Reconnect,
            });
        }
        let lacking = match scopes.as_deref().and_then(lacking) {
            Some(lack) => Some(lack),
            None => self.check_user(credentials).await?,
        };
        let granted = scopes.map(|scopes| ("scope".to_owned(), scopes.join(",")));
        Ok(Checked {
            lacking,
            metadata: granted.into_iter().collect(),
        })
    }

    async fn refresh(
        &self,
        _connection: Connection<'_>,
        mut credentials: SlackCredentials,
    ) -> Result<Refreshed<SlackCredentials>, ConnectorError> {
        if credentials.bot_refresh_token.is_none() && credentials.user_refresh_token.is_none() {
            return Ok(Refreshed::Lasting);
        }
        let app = self.app().await?;
        let until = Instant::now() + REFRESH_TIME;
        let late = |_| ConnectorError::Unavailable {
            retry_after: None,
            source: "no answer in time".into(),
        };
        timeout_at(until, self.refresh_bot(&app, &mut credentials))
            .await
            .map_err(late)??;
        // The bot's new token is here, and must be kept whatever becomes of the other.
        let user = timeout_at(until, self.refresh_user(&app, &mut credentials)).await;
        let expires_at = match user.map_err(late).and_then(|refreshed| refreshed) {
            Ok(()) => credentials.expires_at(),
            Err(error) => {
                tracing::warn!(reason = error.reason(), "the token of a person is not refreshed");
                if matches!(error, ConnectorError::Refused { .. } | ConnectorError::Gone { .. }) {
                    credentials.forget_user();
                }
                credentials.bot_expires_at.or(credentials.user_expires_at)
            }
        };
        Ok(Refreshed::Renewed { credentials, expires_at })
    }

    async fn revoke(&self, _connection: Connection<'_>, credentials: &SlackCredentials) -> Result<(), ConnectorError> {
        let mut credentials = credentials.clone();
        let is_uninstalled = match self.app().await {
            Ok(app) => self.uninstall(&app, &mut credentials).await?,
            // Tokens can be given back by whoever has them.
            Err(ConnectorError::NotSetUp { .. }) => false,
            Err(error) => return Err(error),
        };
        if is_uninstalled {
            return Ok(());
        }
        self.api.revoke(&credentials.bot_token).await?;
        match &credentials.user_token {
            Some(token) => self.api.revoke(token).await,
            None => Ok(()),
        }
    }
}

