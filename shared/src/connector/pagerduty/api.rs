//! The few calls of PagerDuty's REST API that we make, with what its statuses mean. Nothing that PagerDuty writes gets
//! into an error. Source: <https://developer.pagerduty.com/api-reference/>.

use std::time::Duration;

use http::{StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use crate::{
    connector::contract::{ConnectorError, Remedy},
    http::client::{Answer, Call, HttpClient, UrlError},
};

/// What a webhook subscription of ours is called.
pub(super) const DESCRIPTION: &str = "InfraGPT";

/// What we are told of: all that changes where an incident stands, how bad it is, or who has it.
pub(super) const EVENTS: &[&str] = &[
    "incident.acknowledged",
    "incident.delegated",
    "incident.escalated",
    "incident.priority_updated",
    "incident.reassigned",
    "incident.reopened",
    "incident.resolved",
    "incident.triggered",
    "incident.unacknowledged",
];

/// How many subscriptions are asked for at once: as many as PagerDuty gives.
const PAGE: usize = 100;
/// More pages than that are an answer that never ends.
const PAGES: usize = 20;
/// What the host of every account ends with.
const HOST: &str = ".pagerduty.com";

/// Where an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// In the United States.
    Us,
    /// In the European Union.
    Eu,
}

impl Region {
    /// The word that is filled in.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
        }
    }
}

/// A client of PagerDuty's API, in both regions.
#[derive(Debug)]
pub(super) struct PagerDutyApi {
    us: HttpClient,
    eu: HttpClient,
}

/// Whose token it is, and where.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) region: Region,
    pub(super) token: &'a SecretString,
}

/// A webhook subscription.
#[derive(Debug, Deserialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    #[serde(default)]
    pub(super) active: Option<bool>,
    pub(super) delivery_method: DeliveryMethod,
}

/// How a subscription is delivered.
#[derive(Debug, Deserialize)]
pub(super) struct DeliveryMethod {
    /// Absent where it is not delivered by HTTP.
    #[serde(default)]
    pub(super) url: Option<String>,
    /// Given once, when it is created.
    #[serde(default)]
    pub(super) secret: Option<SecretString>,
    #[serde(default)]
    pub(super) temporarily_disabled: Option<bool>,
}

#[derive(Deserialize)]
struct OneSubscription {
    webhook_subscription: Subscription,
}

#[derive(Deserialize)]
struct Subscriptions {
    webhook_subscriptions: Vec<Subscription>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Abilities {
    #[serde(rename = "abilities")]
    _abilities: Vec<String>,
}

#[derive(Deserialize)]
struct Users {
    users: Vec<User>,
}

#[derive(Deserialize)]
struct Me {
    user: User,
}

#[derive(Deserialize)]
struct User {
    html_url: String,
}

impl PagerDutyApi {
    /// A client of the real PagerDuty, or of one at another address, where the region is the first part of each path.
    pub(super) fn new(base_url: Option<&str>) -> Result<Self, UrlError> {
        let (us, eu) = base_url.map_or_else(
            || ("https://api.pagerduty.com".to_owned(), "https://api.eu.pagerduty.com".to_owned()),
            |url| {
                let url = url.trim_end_matches('/');
                (format!("{url}/us"), format!("{url}/eu"))
            },
        );
        Ok(Self {
            us: HttpClient::new(&us)?,
            eu: HttpClient::new(&eu)?,
        })
    }

    async fn send(&self, caller: Caller<'_>, call: Call) -> Result<Answer, ConnectorError> {
        let client = match caller.region {
            Region::Us => &self.us,
            Region::Eu => &self.eu,
        };
        let shown = SecretString::from(format!("token={}", caller.token.expose_secret()));
        let call = call
            .authorization("Token", &shown)
            .header(header::ACCEPT, "application/vnd.pagerduty+json;version=2");
        Ok(client.send(call).await?)
    }

    async fn get(&self, caller: Caller<'_>, path: &str) -> Result<Answer, ConnectorError> {
        self.send(caller, Call::get(path)).await
    }

    /// Proves that a token works. Every token may ask that.
    pub(super) async fn prove(&self, caller: Caller<'_>) -> Result<(), ConnectorError> {
        let answer = self.get(caller, "/abilities").await?;
        good(&answer)?.json::<Abilities>()?;
        Ok(())
    }

    /// The subdomain of the account that a token belongs to; for an account in Europe followed by `.eu`. No call tells it
    /// itself, but every user has a page there. Tokens of an account have no user of their own, and tokens of a user may
    /// not see others.
    pub(super) async fn subdomain(&self, caller: Caller<'_>) -> Result<String, ConnectorError> {
        let answer = self.get(caller, "/users?limit=1").await?;
        let user = if answer.status == StatusCode::FORBIDDEN {
            let answer = self.get(caller, "/users/me").await?;
            good(&answer)?.json::<Me>()?.user
        } else {
            let users = good(&answer)?.json::<Users>()?.users;
            let first = users.into_iter().next();
            first.ok_or_else(|| protocol("an account without users"))?
        };
        let url = Url::parse(&user.html_url).ok();
        let host = url.as_ref().and_then(Url::host_str);
        host.and_then(|host| host.strip_suffix(HOST))
            .filter(|subdomain| !subdomain.is_empty())
            .map(ToOwned::to_owned)
            .ok_or_else(|| protocol("users[0].html_url: is no page of an account"))
    }

    /// All subscriptions that deliver to an address.
    pub(super) async fn subscriptions_to(
        &self,
        caller: Caller<'_>,
        url: &str,
    ) -> Result<Vec<Subscription>, ConnectorError> {
        let mut found = Vec::new();
        let mut offset = 0;
        for _ in 0..PAGES {
            let path = format!("/webhook_subscriptions?limit={PAGE}&offset={offset}");
            let answer = self.get(caller, &path).await?;
            let page: Subscriptions = good(&answer)?.json()?;
            let count = page.webhook_subscriptions.len();
            let all = page.webhook_subscriptions.into_iter();
            found.extend(all.filter(|one| one.delivery_method.url.as_deref() == Some(url)));
            if !page.more || count == 0 {
                return Ok(found);
            }
            offset += count;
        }
        Err(protocol("too many webhook subscriptions"))
    }

    /// Subscribes an address to what happens in the whole account: the id, and the secret that deliveries are signed
    /// with.
    pub(super) async fn subscribe(
        &self,
        caller: Caller<'_>,
        url: &str,
    ) -> Result<(String, SecretString), ConnectorError> {
        let subscription = json!({ "webhook_subscription": {
            "type": "webhook_subscription",
            "description": DESCRIPTION,
            "delivery_method": { "type": "http_delivery_method", "url": url },
            "events": EVENTS,
            "filter": { "type": "account_reference" },
        }});
        let call = Call::post("/webhook_subscriptions").json(&subscription);
        let answer = self.send(caller, call).await?;
        let made = written(&answer)?.json::<OneSubscription>()?.webhook_subscription;
        let secret = made.delivery_method.secret;
        let secret = secret.filter(|secret| !secret.expose_secret().trim().is_empty());
        let secret = secret.ok_or_else(|| protocol("webhook_subscription.delivery_method.secret: is missing"))?;
        Ok((made.id, secret))
    }

    /// A subscription; none where it is not there any more.
    pub(super) async fn subscription(
        &self,
        caller: Caller<'_>,
        id: &str,
    ) -> Result<Option<Subscription>, ConnectorError> {
        let answer = self.get(caller, &path(id)?).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(good(&answer)?.json::<OneSubscription>()?.webhook_subscription))
    }

    /// Ends a subscription. That it is not there any more is a success.
    pub(super) async fn unsubscribe(&self, caller: Caller<'_>, id: &str) -> Result<(), ConnectorError> {
        let answer = self.send(caller, Call::delete(path(id)?)).await?;
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Err(unexpected(status)),
            _ => written(&answer).map(drop),
        }
    }
}

/// The path of a subscription. An id that would lead elsewhere is none.
fn path(id: &str) -> Result<String, ConnectorError> {
    let is_plain = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_plain {
        Ok(format!("/webhook_subscriptions/{id}"))
    } else {
        Err(protocol("webhook_subscription.id: is no id"))
    }
}

/// What a status means. Source: "Errors" and "REST API Rate Limits" at <https://developer.pagerduty.com/docs/>.
fn good(answer: &Answer) -> Result<&Answer, ConnectorError> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::UNAUTHORIZED => Err(ConnectorError::Refused {
            reason: "token_invalid",
            message: "PagerDuty does not accept the API token in this region; make a new one and connect again".to_owned(),
            remedy: Remedy::Reconnect,
        }),
        StatusCode::PAYMENT_REQUIRED => Err(ConnectorError::Refused {
            reason: "plan_insufficient",
            message: "the PagerDuty account's plan does not include what is needed".to_owned(),
            remedy: Remedy::Grant,
        }),
        StatusCode::FORBIDDEN => Err(ConnectorError::Refused {
            reason: "permission_missing",
            message: "the API token may not do what is needed; an administrator of the PagerDuty account has to make one \
                      with full access"
                .to_owned(),
            remedy: Remedy::Grant,
        }),
        status if is_outage(status) => Err(ConnectorError::Unavailable {
            retry_after: wait(answer),
            source: format!("status {}", status.as_u16()).into(),
        }),
        status => Err(unexpected(status)),
    }
}

/// The same for what changes something, after something else could be read with the same token.
fn written(answer: &Answer) -> Result<&Answer, ConnectorError> {
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ConnectorError::Refused {
            reason: "token_read_only",
            message: "the API token may only read, and cannot make or remove the webhook; make one with full access and \
                      connect again"
                .to_owned(),
            remedy: Remedy::Reconnect,
        }),
        _ => good(answer),
    }
}

fn is_outage(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error()
}

/// How long PagerDuty asks to wait, in seconds in a header of its own.
fn wait(answer: &Answer) -> Option<Duration> {
    let reset = answer.headers.get("ratelimit-reset").and_then(|value| value.to_str().ok());
    let reset = reset.and_then(|seconds| seconds.trim().parse::<u32>().ok());
    reset
        .map(|seconds| Duration::from_secs(seconds.into()))
        .or_else(|| answer.retry_after())
}

fn protocol(what: &str) -> ConnectorError {
    ConnectorError::Protocol { what: what.to_owned() }
}

fn unexpected(status: StatusCode) -> ConnectorError {
    protocol(&format!("status {}", status.as_u16()))
}
