//! GitHub: our App in accounts there, and what it reaches.
//!
//! A new call goes into `api`, with what GitHub may answer mapped there.

mod api;
mod deliveries;
pub mod event;
#[cfg(feature = "test-support")]
pub mod fake;
#[cfg(all(test, feature = "test-support"))]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use self::api::{App, GitHubApi, Installation, NumberOrText};
use super::contract::{
    Account, Capability, Checked, Connection, Connector, ConnectorError, Descriptor, Earlier, Lack, Linked, Method, Parts,
    Redelivered, Remedy, Repositories, Repository, Returned, SetupError, Start, Started,
};
use crate::{
    clock::{SharedClock, Timestamp, after},
    config::Env,
    http::client::{self, UrlError},
    secret::manager::SecretStore,
};

/// What the App must be allowed in an account for all that we do with it.
pub const PERMISSIONS: &[(&str, &str)] = &[
    ("actions", "read"),
    ("checks", "read"),
    ("contents", "read"),
    ("deployments", "read"),
    ("issues", "read"),
    ("members", "read"),
    ("metadata", "read"),
    ("pull_requests", "read"),
];

/// How long the App's secret is used before it is read again.
const APP_FRESH: std::time::Duration = std::time::Duration::from_mins(5);

/// The connector.
#[derive(Debug)]
pub struct GitHub {
    api: GitHubApi,
    web: Url,
    secrets: SecretStore,
    secret_arn: Option<String>,
    clock: SharedClock,
    app: Mutex<Option<(Timestamp, Arc<App>)>>,
}

/// How somebody came back from GitHub. Console and browsers send `null` for what is not there.
#[derive(Deserialize)]
pub struct GitHubInput {
    #[serde(default)]
    code: Option<String>,
    #[serde(default, deserialize_with = "installation_id")]
    installation_id: Option<i64>,
    #[serde(default)]
    setup_action: Option<String>,
}

fn installation_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Option::<NumberOrText>::deserialize(deserializer)? {
        None => None,
        Some(NumberOrText::Number(number)) => Some(number),
        Some(NumberOrText::Text(text)) if text.trim().is_empty() => None,
        Some(NumberOrText::Text(text)) => {
            let number = text.trim().parse();
            Some(number.map_err(|_| serde::de::Error::custom("not a number"))?)
        }
    })
}

/// What the vault keeps of an installation. It holds no token: those are minted when they are needed.
///
/// Field names are a stored format: add, never rename.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GitHubCredentials {
    /// GitHub's number of the installation.
    pub installation_id: i64,
    /// GitHub's number of the account that it is on.
    pub account_id: i64,
    /// The name of that account.
    pub account_login: String,
    /// What that account is, in GitHub's words: `User` or `Organization`.
    pub account_type: String,
}

impl GitHub {
    async fn app(&self) -> Result<Arc<App>, ConnectorError> {
        let arn = self.secret_arn.as_deref().ok_or(ConnectorError::NotSetUp {
            what: "no GitHub App is named",
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

    fn page(&self, path: &[&str]) -> Result<Url, ConnectorError> {
        let mut url = self.web.clone();
        url.path_segments_mut()
            .map_err(|()| ConnectorError::NotSetUp {
                what: "the address of GitHub is none",
            })?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    fn linked(&self, app: &App, installation: &Installation) -> Linked<GitHubCredentials> {
        let account = &installation.account;
        Linked {
            credentials: GitHubCredentials {
                installation_id: installation.id,
                account_id: account.id,
                account_login: account.login.clone(),
                account_type: account.kind.clone(),
            },
            account: Account {
                id: account.id.to_string(),
                name: account.login.clone(),
                external_id: Some(installation.id.to_string()),
                bot_id: Some(installation.id.to_string()),
                user_id: Some(account.login.clone()),
                metadata: metadata(app, installation),
            },
            expires_at: None,
            installed_at: installation.updated_at.unwrap_or_else(|| self.clock.now()),
        }
    }

    /// The installation that a person may connect: one that GitHub says that they see and whose account they own.
    async fn proven(
        &self,
        token: &secrecy::SecretString,
        wanted: Option<i64>,
    ) -> Result<Installation, ConnectorError> {
        let mut seen = self.api.installations_of(token).await?;
        let found = match wanted {
            Some(id) => seen.into_iter().find(|installation| installation.id == id),
            None if seen.len() > 1 => {
                let choices: Vec<_> = seen
                    .iter()
                    .map(|one| format!("{} ({})", one.id, one.account.login))
                    .collect();
                return Err(ConnectorError::invalid(
                    "installation_id",
                    format!("must be one of {}", choices.join(", ")),
                ));
            }
            None => seen.pop(),
        };
        let installation = found.ok_or_else(not_yours)?;
        if self.api.administers(token, &installation.account).await? {
            Ok(installation)
        } else {
            Err(not_yours())
        }
    }
}

/// The same for an installation that is not there and for one that is somebody else's.
fn not_yours() -> ConnectorError {
    ConnectorError::Refused {
        reason: "installation_not_yours",
        message: "GitHub does not say that you own the account of this installation; an owner of the account has to \
                  connect it"
            .to_owned(),
        remedy: Remedy::Grant,
    }
}

fn metadata(app: &App, installation: &Installation) -> BTreeMap<String, String> {
    let account = &installation.account;
    let target = installation.target_type.as_ref().unwrap_or(&account.kind);
    let mut metadata = BTreeMap::from([
        ("github_installation_id".to_owned(), installation.id.to_string()),
        ("github_app_id".to_owned(), app.id.clone()),
        ("github_account_id".to_owned(), account.id.to_string()),
        ("github_account_login".to_owned(), account.login.clone()),
        ("github_account_type".to_owned(), account.kind.clone()),
        ("target_type".to_owned(), target.clone()),
    ]);
    for (name, level) in &installation.permissions {
        metadata.insert(format!("permission_{name}"), level.clone());
    }
    metadata
}

/// What a level of a permission includes: write includes read, admin includes both.
fn rank(level: &str) -> u8 {
    match level {
        "read" => 1,
        "write" => 2,
        "admin" => 3,
        _ => 0,
    }
}

fn lacking(installation: &Installation) -> Option<Lack> {
    let missing: Vec<_> = PERMISSIONS
        .iter()
        .filter(|(name, level)| {
            let granted = installation.permissions.get(*name);
            granted.map_or(0, |granted| rank(granted)) < rank(level)
        })
        .map(|(name, level)| format!("{name} ({level})"))
        .collect();
    (!missing.is_empty()).then(|| Lack {
        reason: "permission_missing",
        message: format!("the GitHub App has not been granted {}", missing.join(", ")),
        remedy: Remedy::Grant,
    })
}

#[async_trait]
impl Connector for GitHub {
    type Input = GitHubInput;
    type Credentials = GitHubCredentials;

    fn configure(env: &mut Env, parts: &Parts) -> Result<Self, SetupError> {
        let mut url = |variable: &'static str, default: &str| {
            let url = env.optional(variable).unwrap_or_else(|| default.to_owned());
            let checked = client::check_base_url(&url);
            checked
                .map(|url| (url, variable))
                .map_err(|source| SetupError { variable, source })
        };
        let (web, _) = url("GITHUB_URL", "https://github.com")?;
        let (api, variable) = url("GITHUB_API_URL", "https://api.github.com")?;
        let wrong = |source: UrlError| SetupError { variable, source };
        Ok(Self {
            api: GitHubApi::new(api.as_str(), web.as_str(), parts.clock.clone()).map_err(wrong)?,
            web,
            secrets: parts.secrets.clone(),
            secret_arn: env.optional("GITHUB_APP_SECRET_ARN"),
            clock: parts.clock.clone(),
            app: Mutex::default(),
        })
    }

    fn descriptor(&self) -> &'static Descriptor {
        &Descriptor {
            name: "GitHub",
            description: "Let the assistant see your repositories and what happens in them.",
            method: Method::Installation,
            capabilities: &[Capability::Repositories],
            ways: &[],
            code_field: None,
            documentation: "https://docs.github.com/en/apps/using-github-apps/installing-a-github-app-from-a-third-party",
        }
    }

    async fn initiate(&self, start: Start<'_>) -> Result<Started, ConnectorError> {
        let app = self.app().await?;
        let url = if start.claims {
            let mut url = self.page(&["login", "oauth", "authorize"])?;
            url.query_pairs_mut()
                .append_pair("client_id", &app.client_id)
                .append_pair("redirect_uri", start.redirect_uri)
                .append_pair("state", start.state)
                .append_pair("code_challenge", start.code_challenge)
                .append_pair("code_challenge_method", "S256");
            url
        } else {
            let mut url = self.page(&["apps", &app.slug, "installations", "new"])?;
            url.query_pairs_mut().append_pair("state", start.state);
            url
        };
        Ok(Started {
            url: url.into(),
            setup: Value::Null,
        })
    }

    async fn complete(
        &self,
        _connection: Connection<'_>,
        returned: Returned<'_>,
        input: GitHubInput,
    ) -> Result<Linked<GitHubCredentials>, ConnectorError> {
        if input.setup_action.as_deref() == Some("request") {
            return Err(ConnectorError::Refused {
                reason: "approval_pending",
                message: "an owner of the account has to approve the installation at GitHub first; connect again then"
                    .to_owned(),
                remedy: Remedy::Grant,
            });
        }
        let code = input.code.filter(|code| !code.trim().is_empty()).ok_or_else(|| {
            ConnectorError::invalid(
                "code",
                "is missing: turn on \"Request user authorization (OAuth) during installation\" in the settings of the \
                 GitHub App, and connect again",
            )
        })?;
        let app = self.app().await?;
        let token = self.api.user_token(&app, &code, returned.code_verifier).await?;
        let proven = self.proven(&token, input.installation_id).await;
        // It has shown what it was for. It ends by itself within hours where GitHub does not take it back now.
        if let Err(error) = self.api.give_back(&app, &token).await {
            tracing::warn!(error.reason = error.reason(), "a person's token could not be given back");
        }
        let installation = self.api.installation(&app, proven?.id).await?;
        if installation.suspended_at.is_some() {
            return Err(api::suspended());
        }
        Ok(self.linked(&app, &installation))
    }

    /// The texts of that system: `installation_id`, `account_login`, `account_id`, `account_type`, and an `access_token`
    /// that has long ended. Whoever knew an installation's id could connect it there, so without somebody who vouches for
    /// it it is to be connected here, where an owner of its account proves that.
    async fn adopt(
        &self,
        _connection: Connection<'_>,
        earlier: Earlier<'_>,
    ) -> Result<Linked<GitHubCredentials>, ConnectorError> {
        if !earlier.is_vouched_for {
            return Err(ConnectorError::Refused {
                reason: "not_proven",
                message: "nobody proved that the installation is the organization's own; connect it here".to_owned(),
                remedy: Remedy::Reconnect,
            });
        }
        let (installation_id, account_id) = (earlier.number("installation_id")?, earlier.number("account_id")?);
        let app = self.app().await?;
        let installation = self.api.installation(&app, installation_id).await?;
        if installation.suspended_at.is_some() {
            return Err(api::suspended());
        }
        if installation.account.id != account_id {
            return Err(ConnectorError::Refused {
                reason: "other_account",
                message: "the installation is of another account than it was; connect it here".to_owned(),
                remedy: Remedy::Reconnect,
            });
        }
        let linked = self.linked(&app, &installation);
        earlier.confirm(&linked.account)?;
        Ok(linked)
    }

    async fn validate(
        &self,
        _connection: Connection<'_>,
        credentials: &GitHubCredentials,
    ) -> Result<Checked, ConnectorError> {
        let app = self.app().await?;
        let installation = self.api.installation(&app, credentials.installation_id).await?;
        if installation.suspended_at.is_some() {
            return Err(api::suspended());
        }
        Ok(Checked {
            lacking: lacking(&installation),
            metadata: metadata(&app, &installation),
        })
    }

    async fn revoke(
        &self,
        _connection: Connection<'_>,
        credentials: &GitHubCredentials,
    ) -> Result<(), ConnectorError> {
        let app = self.app().await?;
        self.api.uninstall(&app, credentials.installation_id).await
    }

    async fn repositories(
        &self,
        _connection: Connection<'_>,
        credentials: &GitHubCredentials,
        page: u32,
    ) -> Result<Repositories, ConnectorError> {
        let app = self.app().await?;
        let (found, is_full) = self.api.repositories(&app, credentials.installation_id, page).await?;
        Ok(Repositories {
            items: found
                .into_iter()
                .map(|found| Repository {
                    id: found.id,
                    name: found.name,
                    full_name: found.full_name,
                    url: found.html_url,
                    is_private: found.private,
                    default_branch: found.default_branch,
                    may_administer: found.permissions.admin,
                    may_push: found.permissions.push,
                    may_pull: found.permissions.pull,
                    description: found.description,
                    language: found.language,
                    created_at: found.created_at,
                    updated_at: found.updated_at,
                    pushed_at: found.pushed_at,
                })
                .collect(),
            next: is_full.then(|| page.saturating_add(1)),
        })
    }

    async fn redeliver(&self, since: Timestamp, until: Timestamp) -> Result<Redelivered, ConnectorError> {
        let app = self.app().await?;
        deliveries::redeliver(&self.api, &app, &*self.clock, (since, until)).await
    }
}
