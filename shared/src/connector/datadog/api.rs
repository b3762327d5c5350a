//! The few calls of Datadog's API that we make, with what its statuses mean. Nothing that Datadog writes gets into an
//! error. Source: <https://docs.datadoghq.com/api/latest/>.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderName, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::event::TEMPLATE;
use crate::{
    connector::contract::{ConnectorError, Remedy},
    http::client::{Answer, Call, HttpClient, UrlError},
    json,
    webhook::datadog::{TOKEN, TokenHash},
};

/// Where Datadog is: all of its sites, and nothing else that keys could be sent to.
/// Source: <https://docs.datadoghq.com/getting_started/site/>.
pub(super) const SITES: &[&str] = &[
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "ddog-gov.com",
    "us2.ddog-gov.com",
];

const API_KEY: HeaderName = HeaderName::from_static("dd-api-key");
const APPLICATION_KEY: HeaderName = HeaderName::from_static("dd-application-key");
/// Where the webhooks of an organization are.
const WEBHOOKS: &str = "/api/v1/integration/webhooks/configuration/webhooks";

/// One of those that Datadog has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Site(&'static str);

impl Site {
    /// Its name, such as `datadoghq.eu`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Site {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = SITES.iter().find(|site| **site == name);
        known.copied().map(Self).ok_or_else(|| de::Error::custom("no site of Datadog"))
    }
}

/// A client of Datadog's API, on all of its sites.
#[derive(Debug)]
pub(super) struct DatadogApi(BTreeMap<&'static str, HttpClient>);

/// Whose keys they are, and where.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) site: Site,
    pub(super) api_key: &'a SecretString,
    pub(super) application_key: &'a SecretString,
}

/// Whom an application key belongs to.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) user: String,
    pub(super) organization: String,
    pub(super) organization_name: Option<String>,
}

/// A webhook, as far as we look at it. Its headers hold our token.
#[derive(Debug, Deserialize)]
pub(super) struct Webhook {
    pub(super) url: String,
    #[serde(default)]
    custom_headers: Option<SecretString>,
}

impl Webhook {
    /// Whether it sends another token than the one that is known. One that is not shown is not taken for another.
    pub(super) fn sends_another(&self, known: &TokenHash) -> bool {
        let Some(shown) = &self.custom_headers else {
            return false;
        };
        let headers = json::read::<BTreeMap<String, SecretString>>(shown.expose_secret().as_bytes());
        let Ok(headers) = headers else {
            return false;
        };
        let token = headers.get(TOKEN);
        token.is_some_and(|token| !known.is_of(token.expose_secret()))
    }
}

#[derive(Deserialize)]
struct Validity {
    valid: bool,
}

#[derive(Deserialize)]
struct CurrentUser {
    data: User,
    #[serde(default)]
    included: Vec<Included>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    relationships: Relationships,
}

#[derive(Deserialize)]
struct Relationships {
    org: ToOrganization,
}

#[derive(Deserialize)]
struct ToOrganization {
    data: OrganizationId,
}

#[derive(Deserialize)]
struct OrganizationId {
    id: String,
}

#[derive(Deserialize)]
struct Included {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default)]
    attributes: Option<Attributes>,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    name: Option<String>,
}

impl DatadogApi {
    /// A client of the real Datadog, or of one at another address, where the site is the first part of each path.
    pub(super) fn new(base_url: Option<&str>) -> Result<Self, UrlError> {
        let clients = SITES.iter().map(|site| {
            let url = base_url.map_or_else(
                || format!("https://api.{site}"),
                |url| format!("{}/{site}", url.trim_end_matches('/')),
            );
            Ok((*site, HttpClient::new(&url)?))
        });
        clients.collect::<Result<_, _>>().map(Self)
    }

    async fn send(&self, site: Site, call: Call) -> Result<Answer, ConnectorError> {
        let client = self.0.get(site.as_str()).ok_or_else(|| protocol("no such site"))?;
        Ok(client.send(call).await?)
    }

    async fn ask(&self, caller: Caller<'_>, call: Call) -> Result<Answer, ConnectorError> {
        let call = call
            .secret_header(API_KEY, caller.api_key)
            .secret_header(APPLICATION_KEY, caller.application_key);
        self.send(caller.site, call).await
    }

    /// Proves that an API key works.
    pub(super) async fn prove(&self, caller: Caller<'_>) -> Result<(), ConnectorError> {
        let call = Call::get("/api/v1/validate").secret_header(API_KEY, caller.api_key);
        let answer = self.send(caller.site, call).await?;
        let refused = || ConnectorError::Refused {
            reason: "api_key_invalid",
            message: "Datadog does not accept the API key on this site; make a new one and connect again".to_owned(),
            remedy: Remedy::Reconnect,
        };
        if is_refusal(answer.status) {
            return Err(refused());
        }
        if good(&answer)?.json::<Validity>()?.valid { Ok(()) } else { Err(refused()) }
    }

    /// Whom an application key belongs to; proves that it works, after the API key was seen to.
    pub(super) async fn owner(&self, caller: Caller<'_>) -> Result<Owner, ConnectorError> {
        let answer = self.ask(caller, Call::get("/api/v2/current_user")).await?;
        if is_refusal(answer.status) {
            return Err(ConnectorError::Refused {
                reason: "application_key_invalid",
                message: "Datadog does not accept the application key; make a new one in the same organization and \
                          connect again"
                    .to_owned(),
                remedy: Remedy::Reconnect,
            });
        }
        let CurrentUser { data, included } = good(&answer)?.json()?;
        let organization = data.relationships.org.data.id;
        let found = included.into_iter().find(|one| one.kind == "orgs" && one.id == organization);
        Ok(Owner {
            user: data.id,
            organization_name: found.and_then(|found| found.attributes?.name),
            organization,
        })
    }

    /// A webhook; none where there is none of this name.
    pub(super) async fn webhook(&self, caller: Caller<'_>, name: &str) -> Result<Option<Webhook>, ConnectorError> {
        let answer = self.ask(caller, Call::get(path(name)?)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(permitted(&answer)?.json()?))
    }

    /// Makes a webhook, or makes one of this name over that an earlier attempt left behind.
    pub(super) async fn put_webhook(
        &self,
        caller: Caller<'_>,
        name: &str,
        url: &str,
        token: &SecretString,
    ) -> Result<(), ConnectorError> {
        // What is said of a name that is taken is not documented, so it is asked for first.
        let call = if self.webhook(caller, name).await?.is_some() {
            Call::new(Method::PUT, path(name)?)
        } else {
            Call::post(WEBHOOKS)
        };
        let headers = serde_json::json!({ TOKEN: token.expose_secret() }).to_string();
        let webhook = serde_json::json!({
            "name": name, "url": url, "encode_as": "json", "custom_headers": headers, "payload": TEMPLATE,
        });
        let answer = self.ask(caller, call.json(&webhook)).await?;
        permitted(&answer)?;
        Ok(())
    }

    /// Removes a webhook. That it is not there any more is a success.
    pub(super) async fn delete_webhook(&self, caller: Caller<'_>, name: &str) -> Result<(), ConnectorError> {
        let answer = self.ask(caller, Call::delete(path(name)?)).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(()),
            _ => permitted(&answer).map(drop),
        }
    }
}

/// The path of a webhook. A name that would lead elsewhere is none.
fn path(name: &str) -> Result<String, ConnectorError> {
    let is_plain = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_plain {
        Ok(format!("{WEBHOOKS}/{name}"))
    } else {
        Err(protocol("a webhook's name that is none"))
    }
}

/// Datadog says 403 for keys that it does not know, in some places 401.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// What a status means, of what takes a permission that keys which are good may lack.
fn permitted(answer: &Answer) -> Result<&Answer, ConnectorError> {
    if is_refusal(answer.status) {
        return Err(ConnectorError::Refused {
            reason: "permission_missing",
            message: "the application key may not manage webhooks: its owner needs the permission Integrations Manage, and a \
                      key with scopes the scope manage_integrations"
                .to_owned(),
            remedy: Remedy::Grant,
        });
    }
    good(answer)
}

/// What a status means.
fn good(answer: &Answer) -> Result<&Answer, ConnectorError> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        status if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() => {
            Err(ConnectorError::Unavailable {
                retry_after: wait(answer),
                source: format!("status {}", status.as_u16()).into(),
            })
        }
        status => Err(protocol(&format!("status {}", status.as_u16()))),
    }
}

/// How long Datadog asks to wait, in seconds in a header of its own.
/// Source: <https://docs.datadoghq.com/api/latest/rate-limits/>.
fn wait(answer: &Answer) -> Option<Duration> {
    let reset = answer.headers.get("x-ratelimit-reset").and_then(|value| value.to_str().ok());
    let reset = reset.and_then(|seconds| seconds.trim().parse::<u32>().ok());
    reset
        .map(|seconds| Duration::from_secs(seconds.into()))
        .or_else(|| answer.retry_after())
}

fn protocol(what: &str) -> ConnectorError {
    ConnectorError::Protocol { what: what.to_owned() }
}
