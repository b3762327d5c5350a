//! The calls by which our app comes to its tokens, looks after them and gives them back.
//!
//! slack-morphism does not make them: it keeps the headers of an answer to itself, which say what a token may do and what
//! time it is at Slack.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::error::{SlackError, plain_code};
use crate::{
    clock::Timestamp,
    connector::contract::{ConnectorError, Remedy},
    http::client::{Answer, Call, HttpClient, UrlError},
};

/// Our app, as its secret describes it.
#[derive(Clone, Deserialize)]
pub(in crate::connector::slack) struct App {
    pub(in crate::connector::slack) client_id: String,
    client_secret: SecretString,
    /// Which app it is, where somebody has filled that in.
    #[serde(default, rename = "app_id")]
    pub(in crate::connector::slack) id: Option<String>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl App {
    /// What proves to Slack that it is the app who asks.
    fn basic(&self) -> SecretString {
        let secret = self.client_secret.expose_secret();
        let pair = Zeroizing::new(format!("{}:{secret}", self.client_id));
        SecretString::from(STANDARD.encode(pair.as_bytes()))
    }
}

/// A workspace or an organization.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::connector::slack) struct Named {
    pub(in crate::connector::slack) id: String,
    #[serde(default)]
    pub(in crate::connector::slack) name: Option<String>,
}

/// Who consented, with a token of theirs where one was asked for.
#[derive(Debug, Default, Deserialize)]
pub(in crate::connector::slack) struct AuthedUser {
    #[serde(default)]
    pub(in crate::connector::slack) id: Option<String>,
    #[serde(default)]
    pub(in crate::connector::slack) access_token: Option<SecretString>,
    #[serde(default)]
    pub(in crate::connector::slack) refresh_token: Option<SecretString>,
    #[serde(default)]
    pub(in crate::connector::slack) expires_in: Option<u32>,
}

/// What Slack gives for a code or a refresh token.
/// Source: <https://docs.slack.dev/reference/methods/oauth.v2.access>.
#[derive(Debug, Deserialize)]
pub(in crate::connector::slack) struct Access {
    #[serde(default)]
    pub(in crate::connector::slack) app_id: Option<String>,
    #[serde(default, rename = "access_token")]
    pub(in crate::connector::slack) token: Option<SecretString>,
    #[serde(default)]
    pub(in crate::connector::slack) refresh_token: Option<SecretString>,
    #[serde(default)]
    pub(in crate::connector::slack) expires_in: Option<u32>,
    #[serde(default)]
    pub(in crate::connector::slack) scope: Option<String>,
    #[serde(default)]
    pub(in crate::connector::slack) bot_user_id: Option<String>,
    #[serde(default)]
    pub(in crate::connector::slack) team: Option<Named>,
    #[serde(default)]
    pub(in crate::connector::slack) enterprise: Option<Named>,
    #[serde(default)]
    pub(in crate::connector::slack) is_enterprise_install: Option<bool>,
    #[serde(default)]
    pub(in crate::connector::slack) authed_user: Option<AuthedUser>,
}

/// Whom a token speaks for.
#[derive(Debug, Deserialize)]
pub(in crate::connector::slack) struct Tested {
    #[serde(default)]
    pub(in crate::connector::slack) team_id: Option<String>,
    #[serde(default)]
    pub(in crate::connector::slack) enterprise_id: Option<String>,
    #[serde(default)]
    pub(in crate::connector::slack) is_enterprise_install: Option<bool>,
}

#[derive(Deserialize)]
struct Outcome {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Nothing {}

/// Slack's code for a refusal: a short word, never a text.
type Code = String;

/// Slack, as our app asks it.
#[derive(Debug, Clone)]
pub(in crate::connector::slack) struct OAuthApi(HttpClient);

impl OAuthApi {
    /// The methods of the Web API at `base_url`.
    ///
    /// # Errors
    /// When it is no URL to send credentials to.
    pub(in crate::connector::slack) fn new(base_url: &str) -> Result<Self, UrlError> {
        HttpClient::new(base_url).map(Self)
    }

    /// What somebody has consented to. A code works once, for ten minutes. Says as well what time it is at Slack.
    pub(in crate::connector::slack) async fn exchange(
        &self,
        app: &App,
        code: &str,
        redirect_uri: &str,
    ) -> Result<(Access, Option<Timestamp>), ConnectorError> {
        let call = Call::post("/oauth.v2.access")
            .authorization("Basic", &app.basic())
            .form(&[("code", code), ("redirect_uri", redirect_uri)]);
        let (answer, headers) = call_for(&self.0, call).await?;
        let access = answer.map_err(|code| match code.as_str() {
            "invalid_code" | "code_already_used" | "code_expired" | "invalid_grant" => {
                refused("invalid_code", "Slack does not take the code; it works once and for ten minutes: connect again")
            }
            code => not_known(code).unwrap_or_else(|| refusal(code)),
        })?;
        Ok((access, date(&headers)))
    }

    /// A new token for a refresh token, which works once.
    pub(in crate::connector::slack) async fn refresh(
        &self,
        app: &App,
        refresh_token: &SecretString,
    ) -> Result<Access, ConnectorError> {
        let call = Call::post("/oauth.v2.access")
            .authorization("Basic", &app.basic())
            .form(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh_token.expose_secret()),
            ]);
        let (answer, _) = call_for(&self.0, call).await?;
        answer.map_err(|code| match code.as_str() {
            "invalid_refresh_token" | "invalid_grant" | "token_expired" => refused(
                "invalid_refresh_token",
                "Slack does not refresh the token any more; connect again",
            ),
            code => not_known(code).unwrap_or_else(|| refusal(code)),
        })
    }

    /// Whom a token speaks for, and what it may do, where Slack says so.
    pub(in crate::connector::slack) async fn test(
        &self,
        token: &SecretString,
    ) -> Result<(Tested, Option<Vec<String>>), ConnectorError> {
        let call = Call::post("/auth.test").bearer(token).form(&[]);
        let (answer, headers) = call_for(&self.0, call).await?;
        let tested = answer.map_err(|code| refusal(&code))?;
        let scopes = headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        let scopes = scopes.map(|scopes| words(scopes).map(ToOwned::to_owned).collect());
        Ok((tested, scopes))
    }

    /// Takes a token back. One that is not good any more is a success, also when it has ended by itself.
    pub(in crate::connector::slack) async fn revoke(&self, token: &SecretString) -> Result<(), ConnectorError> {
        let call = Call::post("/auth.revoke").bearer(token).form(&[]);
        let (answer, _) = call_for::<Nothing>(&self.0, call).await?;
        match answer {
            Ok(Nothing {}) => Ok(()),
            Err(code) if is_gone(&code) || code == "token_expired" => Ok(()),
            Err(code) => Err(refusal(&code)),
        }
    }

    /// Removes the app from where it is installed, with all its tokens. False when Slack does not let us: an organization's
    /// own administrators have to remove it there.
    pub(in crate::connector::slack) async fn uninstall(
        &self,
        app: &App,
        token: &SecretString,
    ) -> Result<bool, ConnectorError> {
        let call = Call::post("/apps.uninstall").bearer(token).form(&[
            ("client_id", &app.client_id),
            ("client_secret", app.client_secret.expose_secret()),
        ]);
        let (answer, _) = call_for::<Nothing>(&self.0, call).await?;
        match answer {
            Ok(Nothing {}) => Ok(true),
            Err(code) if code == "token_expired" => Err(refusal(&code)),
            Err(code) => {
                tracing::info!(slack.code = code, "the app cannot be uninstalled; its tokens are revoked");
                Ok(false)
            }
        }
    }
}

/// Makes a call. The inner error is what Slack refuses it with; that Slack is away or asks for a pause is the outer one.
async fn call_for<T: DeserializeOwned>(
    http: &HttpClient,
    call: Call,
) -> Result<(Result<T, Code>, HeaderMap), ConnectorError> {
    let answer = http.send(call).await?;
    check_status(&answer)?;
    let outcome: Outcome = answer.json()?;
    if outcome.ok {
        return Ok((Ok(answer.json()?), answer.headers));
    }
    let code = plain_code(outcome.error.unwrap_or_default());
    match SlackError::from_code(code.clone()) {
        SlackError::RateLimited { retry_after } => Err(away(answer.retry_after().or(Some(retry_after)))),
        SlackError::Unavailable { .. } => Err(away(answer.retry_after())),
        _ => Ok((Err(code), answer.headers)),
    }
}

/// What Slack says by the status alone.
fn check_status(answer: &Answer) -> Result<(), ConnectorError> {
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(away(answer.retry_after())),
        status if status.is_server_error() => Err(away(answer.retry_after())),
        status if status.is_success() => Ok(()),
        status => Err(ConnectorError::Protocol {
            what: format!("status {}", status.as_u16()),
        }),
    }
}

fn away(retry_after: Option<Duration>) -> ConnectorError {
    ConnectorError::Unavailable {
        retry_after,
        source: "it is in trouble, or asks for a pause".into(),
    }
}

fn refused(reason: &'static str, message: &str) -> ConnectorError {
    ConnectorError::Refused {
        reason,
        message: message.to_owned(),
        remedy: Remedy::Reconnect,
    }
}

/// Whether a token is refused because it is not good any more, however that came about.
fn is_gone(code: &str) -> bool {
    matches!(
        code,
        "token_revoked" | "account_inactive" | "invalid_auth" | "not_authed" | "app_uninstalled" | "app_not_installed"
    )
}

/// What Slack says of an app that it does not know as it is set up here.
fn not_known(code: &str) -> Option<ConnectorError> {
    let what = match code {
        "invalid_client_id" | "invalid_client" => "Slack does not know the app's client id",
        "bad_client_secret" => "Slack does not take the app's client secret",
        "bad_redirect_uri" | "invalid_redirect_uri" | "redirect_uri_mismatch" => {
            "the address to come back to is not among the Slack app's redirect URLs"
        }
        _ => return None,
    };
    Some(ConnectorError::NotSetUp { what })
}

/// What it means that Slack does not take a token.
/// Source: the errors of <https://docs.slack.dev/reference/methods/auth.test>.
fn refusal(code: &str) -> ConnectorError {
    match code {
        "token_revoked" => refused("token_revoked", "the token was revoked at Slack; connect again"),
        "account_inactive" => refused(
            "account_inactive",
            "the app was removed from the Slack workspace, or the workspace is gone; connect again",
        ),
        "invalid_auth" | "not_authed" => refused("invalid_auth", "Slack does not take the token; connect again"),
        "token_expired" => refused("token_expired", "the token has expired; connect again"),
        "app_uninstalled" | "app_not_installed" => ConnectorError::Gone {
            reason: "app_uninstalled",
            message: "the app is not installed in the Slack workspace any more; connect again".to_owned(),
        },
        code => {
            tracing::warn!(slack.code = code, "slack refuses for a reason that is not known here");
            ConnectorError::Refused {
                reason: "refused",
                message: "Slack refuses for a reason of its own, such as a policy of the workspace".to_owned(),
                remedy: Remedy::Grant,
            }
        }
    }
}

/// The words of a list with commas between them.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    Some(date.to_utc())
}
