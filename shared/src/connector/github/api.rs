//! The few calls of GitHub's REST API that we make, as our App, as one of its installations, or as a person.
//!
//! octocrab makes the requests. Its answers are read here and not by it: its errors quote what GitHub wrote, and its
//! tokens show themselves.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder, service::middleware::base_uri::BaseUriLayer};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::{
    clock::{self, SharedClock, Timestamp},
    connector::contract::{ConnectorError, Remedy},
    http::client::{self, Answer, CALL_TIMEOUT, HttpClient, MAX_BODY, UrlError},
};

/// How many repositories or installations are asked for at once: as many as GitHub gives.
pub(super) const PAGE: usize = 100;

/// How long before its end an installation token is not used any more.
const TOKEN_MARGIN: Duration = Duration::from_mins(1);

/// How many installation tokens are kept, at the most.
const TOKENS: usize = 256;

/// After how long a request with a fresh token is made again: GitHub's replicas learn of a token within five seconds.
const LAG: [Duration; 3] = [Duration::from_millis(500), Duration::from_millis(1500), Duration::from_secs(3)];

/// Our App, as its secret describes it.
#[derive(Clone, Deserialize)]
pub(super) struct App {
    /// GitHub's number of it, as text or as a number.
    #[serde(rename = "app_id", deserialize_with = "number_or_text")]
    pub(super) id: String,
    /// Its name in URLs.
    pub(super) slug: String,
    /// Its OAuth client.
    pub(super) client_id: String,
    /// The secret of that client.
    pub(super) client_secret: SecretString,
    /// Its private key: PKCS#1 or PKCS#8 in PEM.
    private_key: SecretString,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("app_id", &self.id)
            .finish_non_exhaustive()
    }
}

/// An id, which people and browsers write as a text and GitHub as a number.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum NumberOrText {
    Number(i64),
    Text(String),
}

fn number_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    })
}

impl App {
    /// A token that says that it is the App who asks: RS256, issued a minute ago because clocks differ, good for less
    /// than the ten minutes that GitHub allows.
    /// Source: <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>.
    fn jwt(&self, now: Timestamp) -> Result<SecretString, ConnectorError> {
        const KEY: ConnectorError = ConnectorError::NotSetUp {
            what: "the private key of the GitHub App is none",
        };
        let pem = self.private_key.expose_secret().trim();
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| KEY)?;
        let seconds = now.timestamp();
        let claims = json!({ "iat": seconds - 60, "exp": seconds + 9 * 60, "iss": self.id });
        // Its error is not looked at: it may say something of the key.
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
            .map(SecretString::from)
            .map_err(|_| KEY)
    }
}

/// An account at GitHub.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Owner {
    pub(super) id: i64,
    pub(super) login: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// An installation of our App.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Installation {
    pub(super) id: i64,
    pub(super) account: Owner,
    #[serde(default)]
    pub(super) target_type: Option<String>,
    #[serde(default)]
    pub(super) permissions: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) suspended_at: Option<String>,
    /// When it last changed, by GitHub's clock, which events are told apart from old news by.
    #[serde(default)]
    pub(super) updated_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct InstallationPage {
    installations: Vec<Installation>,
}

/// A repository, as GitHub lists it.
#[derive(Debug, Deserialize)]
pub(super) struct ListedRepository {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) html_url: String,
    pub(super) private: bool,
    pub(super) default_branch: Option<String>,
    #[serde(default)]
    pub(super) permissions: ListedPermissions,
    pub(super) description: Option<String>,
    pub(super) language: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) pushed_at: Option<Timestamp>,
}

/// What may be done in a repository.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListedPermissions {
    pub(super) admin: bool,
    pub(super) push: bool,
    pub(super) pull: bool,
}

#[derive(Deserialize)]
struct RepositoryPage {
    repositories: Vec<ListedRepository>,
}

/// One attempt of GitHub's to deliver something to the App.
#[derive(Debug, Deserialize)]
pub(super) struct Attempt {
    pub(super) id: i64,
    /// What was delivered: the same whenever it is sent again.
    pub(super) guid: String,
    pub(super) delivered_at: Timestamp,
    /// What it was answered; 0 or something of no meaning where there was no answer.
    pub(super) status_code: i64,
}

#[derive(Deserialize)]
struct Membership {
    state: String,
    role: String,
}

#[derive(Deserialize)]
struct UserToken {
    access_token: Option<SecretString>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Minted {
    token: SecretString,
    expires_at: Timestamp,
}

/// What an installation token is for. Every difference makes another token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Scope {
    /// The only repositories that it opens; all when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) repository_ids: Vec<i64>,
    /// What it may do there.
    pub(super) permissions: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TokenKey {
    app: String,
    installation: i64,
    scope: Scope,
}

/// A token and the time that it was minted at.
#[derive(Clone)]
struct Token {
    value: SecretString,
    minted_at: Timestamp,
    expires_at: Timestamp,
}

/// A place for a token; whoever holds its lock mints, the others wait for it.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// Who asks.
enum As<'a> {
    Bearer(&'a SecretString),
    Client(&'a App),
}

/// GitHub, as we ask it. Belongs to one base URL: what is kept here is never asked for at another.
pub(super) struct GitHubApi {
    base: Uri,
    web: HttpClient,
    clock: SharedClock,
    octocrab: OnceLock<Octocrab>,
    tokens: Mutex<HashMap<TokenKey, Slot>>,
}

impl fmt::Debug for GitHubApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GitHubApi")
    }
}

impl GitHubApi {
    /// The API at `api_url`, and the site where people are at `web_url`.
    ///
    /// # Errors
    /// When one of them is no URL to send credentials to.
    pub(super) fn new(api_url: &str, web_url: &str, clock: SharedClock) -> Result<Self, UrlError> {
        client::check_base_url(api_url)?;
        Ok(Self {
            base: api_url.parse().map_err(|_| UrlError::Malformed)?,
            web: HttpClient::new(web_url)?,
            clock,
            octocrab: OnceLock::new(),
            tokens: Mutex::default(),
        })
    }

    /// Made at the first request: octocrab needs a running tokio. Without its layers for redirects, retries and traces.
    fn octocrab(&self) -> Result<&Octocrab, ConnectorError> {
        if let Some(octocrab) = self.octocrab.get() {
            return Ok(octocrab);
        }
        let tls = client::connector().map_err(|_| protocol("no tls"))?;
        let http: Client<_, OctoBody> = Client::builder(TokioExecutor::new()).build(tls);
        let octocrab = OctocrabBuilder::new_empty()
            .with_service(http)
            .with_layer(&BaseUriLayer::new(self.base.clone()))
            .with_auth(AuthState::None)
            .build()
            .map_err(|_| protocol("no client"))?;
        Ok(self.octocrab.get_or_init(|| octocrab))
    }

    #[tracing::instrument(name = "github.call", skip_all, fields(http.method = %method))]
    async fn call(
        &self,
        method: Method,
        path: &str,
        caller: As<'_>,
        body: Option<&Value>,
    ) -> Result<Answer, ConnectorError> {
        let octocrab = self.octocrab()?;
        let authorization = Zeroizing::new(match caller {
            As::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            As::Client(app) => {
                let pair = format!("{}:{}", app.client_id, app.client_secret.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
        });
        let mut authorization = HeaderValue::try_from(authorization.as_str())
            .map_err(|_| protocol("a token that no header can hold"))?;
        authorization.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, authorization)
            .header(header::ACCEPT, "application/vnd.github+json")
            .header(header::USER_AGENT, "infragpt");
        let request = octocrab
            .build_request(request, body)
            .map_err(|_| protocol("a request that cannot be written"))?;
        let exchange = async {
            // Neither error is looked at: their texts may quote what was asked or answered.
            let response = octocrab.execute(request).await.map_err(|_| away())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await;
            Ok::<_, ConnectorError>(Answer {
                status: head.status,
                headers: head.headers,
                body: body.map_err(|_| protocol("too large, or cut short"))?.to_bytes(),
            })
        };
        let response = tokio::time::timeout(CALL_TIMEOUT, exchange)
            .await
            .map_err(|_| away())??;
        self.pause(&response)?;
        Ok(response)
    }

    /// What GitHub says when it is in trouble or asks for a pause.
    /// Source: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
    fn pause(&self, response: &Answer) -> Result<(), ConnectorError> {
        let number = |name: &str| -> Option<i64> { response.headers.get(name)?.to_str().ok()?.parse().ok() };
        let is_limit = response.status == StatusCode::TOO_MANY_REQUESTS
            || (response.status == StatusCode::FORBIDDEN
                && (number("retry-after").is_some() || number("x-ratelimit-remaining") == Some(0)));
        if !is_limit && !response.status.is_server_error() {
            return Ok(());
        }
        let until_reset = || Some(number("x-ratelimit-reset")? - self.clock.now().timestamp());
        let seconds = number("retry-after").or_else(until_reset);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Err(ConnectorError::Unavailable {
            retry_after: seconds.map(Duration::from_secs),
            source: if is_limit { "it asks for a pause" } else { "it is in trouble" }.into(),
        })
    }

    async fn as_app(&self, app: &App, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, ConnectorError> {
        let jwt = app.jwt(self.clock.now())?;
        let response = self.call(method, path, As::Bearer(&jwt), body).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            return Err(ConnectorError::Refused {
                reason: "app_refused",
                message: "GitHub does not know the App of this deployment by its key".to_owned(),
                remedy: Remedy::Operator,
            });
        }
        Ok(response)
    }

    /// An installation of the App.
    ///
    /// # Errors
    /// [`ConnectorError::Gone`] when there is none of this number.
    pub(super) async fn installation(&self, app: &App, id: i64) -> Result<Installation, ConnectorError> {
        let path = format!("/app/installations/{id}");
        installation(&self.as_app(app, Method::GET, &path, None).await?)
    }

    /// Uninstalls the App. That it is not installed any more is a success.
    pub(super) async fn uninstall(&self, app: &App, id: i64) -> Result<(), ConnectorError> {
        let path = format!("/app/installations/{id}");
        let response = self.as_app(app, Method::DELETE, &path, None).await?;
        match response.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(()),
            status => Err(unexpected(status)),
        }
    }

    /// A page of the attempts to deliver something to the App, the latest first, and the place where the next page begins.
    /// Source: <https://docs.github.com/en/rest/apps/webhooks>.
    pub(super) async fn attempts(
        &self,
        app: &App,
        cursor: Option<&str>,
    ) -> Result<(Vec<Attempt>, Option<String>), ConnectorError> {
        let mut path = format!("/app/hook/deliveries?per_page={PAGE}");
        if let Some(cursor) = cursor {
            path.push_str("&cursor=");
            path.extend(form_urlencoded::byte_serialize(cursor.as_bytes()));
        }
        let answer = self.as_app(app, Method::GET, &path, None).await?;
        let next = next_cursor(&answer);
        Ok((read(&answer)?, next))
    }

    /// Asks for another attempt. That GitHub does not have it any more is no fault.
    pub(super) async fn attempt_again(&self, app: &App, id: i64) -> Result<bool, ConnectorError> {
        let path = format!("/app/hook/deliveries/{id}/attempts");
        let answer = self.as_app(app, Method::POST, &path, None).await?;
        match answer.status {
            status if status.is_success() => Ok(true),
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Ok(false),
            status => Err(unexpected(status)),
        }
    }

    /// The token of the person whom GitHub gave `code` to; a code works once, for ten minutes, and where it was asked for
    /// with a challenge only with its verifier. Source:
    /// <https://github.blog/changelog/2025-07-14-pkce-support-for-oauth-and-github-app-authentication>.
    pub(super) async fn user_token(
        &self,
        app: &App,
        code: &str,
        code_verifier: &str,
    ) -> Result<SecretString, ConnectorError> {
        let mut form = vec![
            ("client_id", app.client_id.as_str()),
            ("client_secret", app.client_secret.expose_secret()),
            ("code", code),
        ];
        if !code_verifier.is_empty() {
            form.push(("code_verifier", code_verifier));
        }
        let answer = self.web.send(client::Call::post("/login/oauth/access_token").form(&form)).await?;
        self.pause(&answer)?;
        let token: UserToken = read(&answer)?;
        match (token.access_token, token.error.as_deref()) {
            (Some(token), None) => Ok(token),
            (_, Some("incorrect_client_credentials")) => Err(ConnectorError::Refused {
                reason: "app_refused",
                message: "GitHub does not know the App of this deployment by its client secret".to_owned(),
                remedy: Remedy::Operator,
            }),
            (_, Some(_)) => Err(ConnectorError::Refused {
                reason: "code_refused",
                message: "GitHub does not take the code; it works once and for ten minutes: connect again".to_owned(),
                remedy: Remedy::Reconnect,
            }),
            (None, None) => Err(protocol("a token is missing")),
        }
    }

    /// Gives a person's token back: it does not work any more.
    pub(super) async fn give_back(&self, app: &App, token: &SecretString) -> Result<(), ConnectorError> {
        let path = format!("/applications/{}/token", app.client_id);
        let body = json!({ "access_token": token.expose_secret() });
        let response = self.call(Method::DELETE, &path, As::Client(app), Some(&body)).await?;
        match response.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Ok(()),
            status => Err(unexpected(status)),
        }
    }

    /// All installations that a person can see.
    pub(super) async fn installations_of(&self, token: &SecretString) -> Result<Vec<Installation>, ConnectorError> {
        let mut all = Vec::new();
        // No person is in a thousand organizations: more is an answer that never ends.
        for page in 1..=10 {
            let path = format!("/user/installations?per_page={PAGE}&page={page}");
            let response = self.call(Method::GET, &path, As::Bearer(token), None).await?;
            let found: InstallationPage = read(&response)?;
            let is_last = found.installations.len() < PAGE;
            all.extend(found.installations);
            if is_last {
                return Ok(all);
            }
        }
        Err(protocol("too many installations"))
    }

    /// Whether a person may speak for an account: it is their own, or they own the organization. That they can see an
    /// installation does not show it: everybody who can read one of its repositories can.
    pub(super) async fn administers(&self, token: &SecretString, account: &Owner) -> Result<bool, ConnectorError> {
        if account.kind == "User" {
            let response = self.call(Method::GET, "/user", As::Bearer(token), None).await?;
            return Ok(read::<Owner>(&response)?.id == account.id);
        }
        let path = format!("/user/memberships/orgs/{}", account.login);
        let response = self.call(Method::GET, &path, As::Bearer(token), None).await?;
        if matches!(response.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return Ok(false);
        }
        let membership: Membership = read(&response)?;
        Ok(membership.state == "active" && membership.role == "admin")
    }

    /// A page of the repositories that an installation reaches, and whether there is another.
    pub(super) async fn repositories(
        &self,
        app: &App,
        installation: i64,
        page: u32,
    ) -> Result<(Vec<ListedRepository>, bool), ConnectorError> {
        let scope = Scope {
            repository_ids: Vec::new(),
            permissions: BTreeMap::from([("metadata", "read")]),
        };
        let path = format!("/installation/repositories?per_page={PAGE}&page={page}");
        let response = self.as_installation(app, installation, &scope, &path).await?;
        let found: RepositoryPage = read(&response)?;
        let is_full = found.repositories.len() >= PAGE;
        Ok((found.repositories, is_full))
    }

    /// Reads as an installation. A fresh token may not be known to all of GitHub yet; an old one may have been revoked.
    async fn as_installation(
        &self,
        app: &App,
        installation: i64,
        scope: &Scope,
        path: &str,
    ) -> Result<Answer, ConnectorError> {
        let slot = self.slot(app, installation, scope);
        let mut token = self.token(app, installation, scope, &slot).await?;
        for lag in LAG {
            let response = self.call(Method::GET, path, As::Bearer(&token.value), None).await?;
            if response.status != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            if clock::until(token.minted_at, self.clock.now()) > Duration::from_secs(5) {
                self.drop_token(&slot, &token).await;
                token = self.token(app, installation, scope, &slot).await?;
            } else {
                tokio::time::sleep(lag).await;
            }
        }
        let response = self.call(Method::GET, path, As::Bearer(&token.value), None).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            self.drop_token(&slot, &token).await;
            return Err(ConnectorError::Refused {
                reason: "token_refused",
                message: "GitHub does not take the token that it has given".to_owned(),
                remedy: Remedy::Wait,
            });
        }
        Ok(response)
    }

    fn slot(&self, app: &App, installation: i64, scope: &Scope) -> Slot {
        let key = TokenKey {
            app: app.id.clone(),
            installation,
            scope: scope.clone(),
        };
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS && !tokens.contains_key(&key) {
            // What somebody holds is in use; everything else can be minted again.
            tokens.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(tokens.entry(key).or_default())
    }

    async fn drop_token(&self, slot: &Slot, token: &Token) {
        let mut kept = slot.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.minted_at == token.minted_at) {
            *kept = None;
        }
    }

    async fn token(&self, app: &App, installation: i64, scope: &Scope, slot: &Slot) -> Result<Token, ConnectorError> {
        let mut kept = slot.lock().await;
        let now = self.clock.now();
        if let Some(token) = kept.as_ref().filter(|token| clock::after(now, TOKEN_MARGIN) < token.expires_at) {
            return Ok(token.clone());
        }
        *kept = None;
        let path = format!("/app/installations/{installation}/access_tokens");
        let body = serde_json::to_value(scope).map_err(|_| protocol("a scope that cannot be written"))?;
        let response = self.as_app(app, Method::POST, &path, Some(&body)).await?;
        match response.status {
            StatusCode::FORBIDDEN => return Err(suspended()),
            StatusCode::UNPROCESSABLE_ENTITY => {
                return Err(ConnectorError::Refused {
                    reason: "permission_missing",
                    message: "the installation does not have the permissions that are needed".to_owned(),
                    remedy: Remedy::Grant,
                });
            }
            StatusCode::NOT_FOUND => return Err(gone()),
            _ => {}
        }
        let minted: Minted = read(&response)?;
        let token = Token {
            value: minted.token,
            minted_at: now,
            expires_at: minted.expires_at,
        };
        *kept = Some(token.clone());
        Ok(token)
    }
}

/// The place where the next page begins. Of the link nothing else is used: it could lead anywhere.
fn next_cursor(answer: &Answer) -> Option<String> {
    let links = answer.headers.get(header::LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let url = next.split_once('<')?.1.split_once('>')?.0;
    let query = url.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "cursor")
        .map(|(_, cursor)| cursor.into_owned())
}

/// What an answer holds, when it is a good one.
fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, ConnectorError> {
    match answer.status {
        status if status.is_success() => Ok(answer.json()?),
        StatusCode::UNAUTHORIZED => Err(ConnectorError::Refused {
            reason: "token_refused",
            message: "GitHub does not take the token that it has given".to_owned(),
            remedy: Remedy::Reconnect,
        }),
        status => Err(unexpected(status)),
    }
}

/// The installation that was asked for.
fn installation(answer: &Answer) -> Result<Installation, ConnectorError> {
    if answer.status == StatusCode::NOT_FOUND {
        return Err(gone());
    }
    read(answer)
}

fn protocol(what: &str) -> ConnectorError {
    ConnectorError::Protocol { what: what.to_owned() }
}

fn unexpected(status: StatusCode) -> ConnectorError {
    protocol(&format!("status {}", status.as_u16()))
}

fn away() -> ConnectorError {
    ConnectorError::Unavailable {
        retry_after: None,
        source: "no answer".into(),
    }
}

fn gone() -> ConnectorError {
    ConnectorError::Gone {
        reason: "app_uninstalled",
        message: "the GitHub App is not installed there any more; connect again".to_owned(),
    }
}

/// What is said of an installation that is on hold.
pub(super) fn suspended() -> ConnectorError {
    ConnectorError::Refused {
        reason: "installation_suspended",
        message: "the GitHub App is suspended; an owner can unsuspend it in the account's settings at GitHub".to_owned(),
        remedy: Remedy::Grant,
    }
}
