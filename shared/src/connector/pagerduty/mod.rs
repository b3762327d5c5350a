//! PagerDuty: an account's incidents, by a webhook subscription that is made and removed with the connection.
//!
//! A new call goes into `api`, with what PagerDuty may answer mapped there; what it tells, into `event`.

mod api;
mod event;
#[cfg(feature = "test-support")]
pub mod fake;
#[cfg(all(test, feature = "test-support"))]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::body::Bytes;
use http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::api::Region;
use self::api::{Caller, PagerDutyApi, Subscription};
use super::contract::{
    Account, Capability, Checked, Connection, Connector, ConnectorError, Delivered, Descriptor, Field, Lack, Linked,
    Method, Parts, Presence, ReceiveError, Remedy, Returned, Secrecy, SetupError, Start, Started, Way, exposed,
    exposed_option,
};
use crate::{
    clock::Timestamp,
    config::Env,
    json::JsonError,
    webhook::{Keys, Scheme as _, Unverified, WebhookError, pagerduty::PagerDuty as Signed},
};

const DESCRIPTOR: Descriptor = Descriptor {
    name: "PagerDuty",
    description: "Let the assistant know of incidents as they happen.",
    method: Method::Form,
    capabilities: &[Capability::Alerts],
    ways: &[Way {
        name: "api_token",
        label: "API token",
        warning: None,
        fields: &[
            Field {
                name: "api_token",
                label: "REST API token",
                secrecy: Secrecy::Secret,
                presence: Presence::Required,
                pattern: Some(r"[A-Za-z0-9_+=.\-]{16,128}"),
                options: &[],
                max_length: 140,
                help: "Makes the webhook that tells of incidents, and removes it again. A token that may only read does \
                       not suffice.",
                find: "Integrations, Developer Tools, API Access Keys, Create New API Key; leave Read-only API Key off.",
            },
            Field {
                name: "region",
                label: "Region",
                secrecy: Secrecy::Shown,
                presence: Presence::Required,
                pattern: None,
                options: &["us", "eu"],
                max_length: 2,
                help: "Where PagerDuty keeps your account.",
                find: "Your account is in the EU when the address of its pages ends with eu.pagerduty.com.",
            },
        ],
    }],
    code_field: Some("api_token"),
    documentation: "https://support.pagerduty.com/main/docs/api-access-keys",
};

/// The connector.
#[derive(Debug)]
pub struct PagerDuty {
    api: PagerDutyApi,
}

/// What somebody filled in.
#[derive(Debug, Deserialize)]
pub struct PagerDutyInput {
    api_token: SecretString,
    region: Region,
}

/// What opens a connection; sealed by the vault. Field names are a stored format: add, never rename.
#[derive(Debug, Serialize, Deserialize)]
pub struct PagerDutyCredentials {
    #[serde(serialize_with = "exposed")]
    api_token: SecretString,
    region: Region,
    /// PagerDuty's id of the webhook subscription that was made for the connection.
    #[serde(default)]
    subscription_id: Option<String>,
    /// What its deliveries are signed with.
    #[serde(default, serialize_with = "exposed_option")]
    signing_secret: Option<SecretString>,
}

impl PagerDutyCredentials {
    fn caller(&self) -> Caller<'_> {
        Caller {
            region: self.region,
            token: &self.api_token,
        }
    }
}

fn metadata(region: Region) -> BTreeMap<String, String> {
    BTreeMap::from([("region".to_owned(), region.as_str().to_owned())])
}

/// What keeps a connection whose token is good from hearing of incidents.
fn lacking(subscription: Option<&Subscription>, wanted_url: Option<&str>) -> Option<Lack> {
    let Some(subscription) = subscription else {
        return Some(missing());
    };
    let method = &subscription.delivery_method;
    if wanted_url.is_some() && method.url.as_deref() != wanted_url {
        return Some(Lack {
            reason: "webhook_moved",
            message: "the webhook subscription at PagerDuty leads to another address than ours; connect again".to_owned(),
            remedy: Remedy::Reconnect,
        });
    }
    if subscription.active == Some(false) || method.temporarily_disabled == Some(true) {
        return Some(Lack {
            reason: "webhook_disabled",
            message: "the webhook subscription is disabled at PagerDuty, which does that when deliveries fail; enable it \
                      there under Integrations, Generic Webhooks"
                .to_owned(),
            remedy: Remedy::Grant,
        });
    }
    None
}

fn missing() -> Lack {
    Lack {
        reason: "webhook_missing",
        message: "the webhook subscription is not there at PagerDuty, so no incident is told; connect again".to_owned(),
        remedy: Remedy::Reconnect,
    }
}

fn nowhere() -> Lack {
    Lack {
        reason: "webhook_unavailable",
        message: "this deployment has no public address that PagerDuty could tell incidents to".to_owned(),
        remedy: Remedy::Operator,
    }
}

#[async_trait]
impl Connector for PagerDuty {
    type Input = PagerDutyInput;
    type Credentials = PagerDutyCredentials;

    fn configure(env: &mut Env, _parts: &Parts) -> Result<Self, SetupError> {
        let variable = "PAGERDUTY_API_URL";
        let url = env.optional(variable);
        let api = PagerDutyApi::new(url.as_deref()).map_err(|source| SetupError { variable, source })?;
        Ok(Self { api })
    }

    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    async fn initiate(&self, _start: Start<'_>) -> Result<Started, ConnectorError> {
        Ok(Started {
            // PagerDuty sends whoever is signed in on to the pages of their account.
            url: "https://app.pagerduty.com/api_keys".to_owned(),
            setup: json!({ "access": "full", "events": api::EVENTS }),
        })
    }

    async fn complete(
        &self,
        connection: Connection<'_>,
        _returned: Returned<'_>,
        input: PagerDutyInput,
    ) -> Result<Linked<PagerDutyCredentials>, ConnectorError> {
        let credentials = PagerDutyCredentials {
            api_token: input.api_token.expose_secret().trim().into(),
            region: input.region,
            subscription_id: None,
            signing_secret: None,
        };
        self.api.prove(credentials.caller()).await?;
        let subdomain = self.api.subdomain(credentials.caller()).await?;
        Ok(Linked {
            account: Account {
                id: subdomain.clone(),
                name: subdomain,
                metadata: metadata(input.region),
                ..Account::default()
            },
            credentials,
            expires_at: None,
            installed_at: connection.now,
        })
    }

    async fn attach(
        &self,
        connection: Connection<'_>,
        mut linked: Linked<PagerDutyCredentials>,
    ) -> Result<Linked<PagerDutyCredentials>, ConnectorError> {
        let Some(url) = connection.webhook_url else {
            return Ok(linked);
        };
        let caller = linked.credentials.caller();
        // Nobody has the secret of one that an earlier attempt left behind: its deliveries could not be verified.
        for left in self.api.subscriptions_to(caller, url).await? {
            self.api.unsubscribe(caller, &left.id).await?;
        }
        let (id, secret) = self.api.subscribe(caller, url).await?;
        linked.credentials.subscription_id = Some(id);
        linked.credentials.signing_secret = Some(secret);
        Ok(linked)
    }

    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &PagerDutyCredentials,
    ) -> Result<Checked, ConnectorError> {
        let caller = credentials.caller();
        self.api.prove(caller).await?;
        let lacking = match (&credentials.subscription_id, connection.webhook_url) {
            (Some(id), url) => lacking(self.api.subscription(caller, id).await?.as_ref(), url),
            (None, Some(_)) => Some(missing()),
            (None, None) => Some(nowhere()),
        };
        Ok(Checked {
            lacking,
            metadata: metadata(credentials.region),
        })
    }

    async fn revoke(
        &self,
        _connection: Connection<'_>,
        credentials: &PagerDutyCredentials,
    ) -> Result<(), ConnectorError> {
        let Some(id) = &credentials.subscription_id else {
            return Ok(());
        };
        let caller = credentials.caller();
        match self.api.unsubscribe(caller, id).await {
            // Whether it is the token that is not good, or only may not do this, tells what needs no right.
            Err(refused @ ConnectorError::Refused { .. }) => match self.api.prove(caller).await {
                Ok(()) => Err(refused),
                Err(ConnectorError::Refused { .. }) => {
                    tracing::warn!("a token that is not good any more cannot remove its webhook subscription");
                    Ok(())
                }
                Err(error) => Err(error),
            },
            other => other,
        }
    }

    fn receive(
        &self,
        credentials: &PagerDutyCredentials,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Delivered, ReceiveError> {
        // Where there is no subscription there is nothing that could be signed with its secret.
        let secret = credentials.signing_secret.as_ref().ok_or(WebhookError::Mismatch)?;
        let keys = Keys::<Signed>::new(secret).map_err(|_| WebhookError::Mismatch)?;
        // No time is signed, and no secret ends: whatever the time is, it is the same.
        let verified = Unverified::new(headers.clone(), Bytes::copy_from_slice(body)).verify(&keys, Timestamp::UNIX_EPOCH)?;
        if body.len() > Signed::MAX_BODY_BYTES {
            return Err(JsonError::at(".", "is too large").into());
        }
        Ok(event::read(verified.body())?)
    }
}
