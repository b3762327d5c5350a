//! Datadog: an organization's monitors, by a webhook that is made and removed with the connection. Monitors tell it of
//! what they see when they mention it.
//!
//! A new call goes into `api`, with what Datadog may answer mapped there; what it tells, into `event`.

mod api;
mod event;
#[cfg(feature = "test-support")]
pub mod fake;
#[cfg(all(test, feature = "test-support"))]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::api::Site;
use self::api::{Caller, DatadogApi};
use super::{
    contract::{
        Account, Capability, Checked, Connection, Connector, ConnectorError, Delivered, Descriptor, Field, Lack, Linked,
        Method, Parts, Presence, ReceiveError, Remedy, Returned, Secrecy, SetupError, Start, Started, Way, exposed,
    },
    plain,
};
use crate::{
    clock::SharedClock,
    config::Env,
    id::IntegrationId,
    json::JsonError,
    webhook::{
        WebhookError,
        datadog::{self, MAX_BODY_BYTES, TokenHash},
    },
};

const DESCRIPTOR: Descriptor = Descriptor {
    name: "Datadog",
    description: "Let the assistant know of what your monitors see.",
    method: Method::Form,
    capabilities: &[Capability::Alerts],
    ways: &[Way {
        name: "keys",
        label: "API key and application key",
        warning: None,
        fields: &[
            Field {
                name: "api_key",
                label: "API key",
                secrecy: Secrecy::Secret,
                presence: Presence::Required,
                pattern: Some("[a-f0-9]{32}"),
                options: &[],
                max_length: 40,
                help: "Names your organization at Datadog.",
                find: "Organization Settings, API Keys, New Key.",
            },
            Field {
                name: "application_key",
                label: "Application key",
                secrecy: Secrecy::Secret,
                presence: Presence::Required,
                pattern: Some(r"[a-f0-9]{40}|dd[a-z]{1,8}_[A-Za-z0-9_]{20,100}"),
                options: &[],
                max_length: 120,
                help: "Makes the webhook that monitors tell, and removes it again. Its owner needs the permission \
                       Integrations Manage; a key with scopes needs manage_integrations and integrations_read.",
                find: "Organization Settings, Application Keys, New Key; best of a service account.",
            },
            Field {
                name: "site",
                label: "Site",
                secrecy: Secrecy::Shown,
                presence: Presence::Required,
                pattern: None,
                options: api::SITES,
                max_length: 40,
                help: "Where Datadog keeps your organization.",
                find: "The address of Datadog's pages, without app. before it.",
            },
        ],
    }],
    code_field: Some("api_key"),
    documentation: "https://docs.datadoghq.com/account_management/api-app-keys/",
};

/// The connector.
#[derive(Debug)]
pub struct Datadog {
    api: DatadogApi,
    clock: SharedClock,
}

/// What somebody filled in.
#[derive(Debug, Deserialize)]
pub struct DatadogInput {
    api_key: SecretString,
    application_key: SecretString,
    site: Site,
}

/// What opens a connection; sealed by the vault. Field names are a stored format: add, never rename.
#[derive(Debug, Serialize, Deserialize)]
pub struct DatadogCredentials {
    #[serde(serialize_with = "exposed")]
    api_key: SecretString,
    #[serde(serialize_with = "exposed")]
    application_key: SecretString,
    site: Site,
    /// What was made for the connection.
    #[serde(default)]
    webhook: Option<Webhook>,
}

/// The webhook of a connection.
#[derive(Debug, Serialize, Deserialize)]
struct Webhook {
    /// Its name, which monitors mention.
    name: String,
    /// What the token in its deliveries hashes to.
    token_sha256: TokenHash,
}

impl DatadogCredentials {
    fn caller(&self) -> Caller<'_> {
        Caller {
            site: self.site,
            api_key: &self.api_key,
            application_key: &self.application_key,
        }
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::from([("site".to_owned(), self.site.as_str().to_owned())]);
        if let Some(webhook) = &self.webhook {
            metadata.insert("webhook_name".to_owned(), webhook.name.clone());
            metadata.insert("webhook_mention".to_owned(), format!("@webhook-{}", webhook.name));
        }
        metadata
    }
}

/// The name of a connection's webhook. It ends as the connection's id does, where that is random.
fn webhook_name(integration: IntegrationId) -> String {
    let id = integration.to_string().replace('-', "");
    format!("infragpt-{}", &id[id.len().saturating_sub(12)..])
}

/// What keeps a connection whose keys are good from hearing of alerts.
fn lacking(found: Option<&api::Webhook>, ours: &Webhook, wanted_url: Option<&str>) -> Option<Lack> {
    let Some(found) = found else {
        return Some(missing());
    };
    if wanted_url.is_some_and(|url| found.url != url) {
        return Some(Lack {
            reason: "webhook_moved",
            message: "the webhook at Datadog leads to another address than ours; connect again".to_owned(),
            remedy: Remedy::Reconnect,
        });
    }
    found.sends_another(&ours.token_sha256).then(|| Lack {
        reason: "webhook_changed",
        message: "the webhook at Datadog sends another token than ours, so that nothing it tells is taken; connect again"
            .to_owned(),
        remedy: Remedy::Reconnect,
    })
}

fn missing() -> Lack {
    Lack {
        reason: "webhook_missing",
        message: "the webhook is not there at Datadog, so no alert is told; connect again".to_owned(),
        remedy: Remedy::Reconnect,
    }
}

#[async_trait]
impl Connector for Datadog {
    type Input = DatadogInput;
    type Credentials = DatadogCredentials;

    fn configure(env: &mut Env, parts: &Parts) -> Result<Self, SetupError> {
        let variable = "DATADOG_API_URL";
        let url = env.optional(variable);
        let api = DatadogApi::new(url.as_deref()).map_err(|source| SetupError { variable, source })?;
        Ok(Self {
            api,
            clock: parts.clock.clone(),
        })
    }

    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    async fn initiate(&self, _start: Start<'_>) -> Result<Started, ConnectorError> {
        Ok(Started {
            // Which site it is is not known yet; the first of them is the one that most have.
            url: "https://app.datadoghq.com/organization-settings/application-keys".to_owned(),
            setup: json!({
                "permissions": ["manage_integrations", "integrations_read"],
                "afterwards": "Monitors tell of what they see when their message mentions the webhook. Its name is shown with \
                               the connection as webhook_mention, such as @webhook-infragpt-0123456789ab; add it to each \
                               monitor, or to a notification rule.",
            }),
        })
    }

    async fn complete(
        &self,
        connection: Connection<'_>,
        _returned: Returned<'_>,
        input: DatadogInput,
    ) -> Result<Linked<DatadogCredentials>, ConnectorError> {
        let credentials = DatadogCredentials {
            api_key: input.api_key.expose_secret().trim().into(),
            application_key: input.application_key.expose_secret().trim().into(),
            site: input.site,
            webhook: None,
        };
        self.api.prove(credentials.caller()).await?;
        let owner = self.api.owner(credentials.caller()).await?;
        let name = owner.organization_name.as_deref().and_then(|name| plain::line(name, 200));
        Ok(Linked {
            account: Account {
                name: name.unwrap_or_else(|| owner.organization.clone()),
                id: owner.organization,
                user_id: Some(owner.user),
                metadata: credentials.metadata(),
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
        mut linked: Linked<DatadogCredentials>,
    ) -> Result<Linked<DatadogCredentials>, ConnectorError> {
        let Some(url) = connection.webhook_url else {
            return Ok(linked);
        };
        let name = webhook_name(connection.integration);
        let (token, token_sha256) = datadog::mint().map_err(|error| ConnectorError::Unavailable {
            retry_after: None,
            source: error.into(),
        })?;
        self.api.put_webhook(linked.credentials.caller(), &name, url, &token).await?;
        linked.credentials.webhook = Some(Webhook { name, token_sha256 });
        linked.account.metadata.extend(linked.credentials.metadata());
        Ok(linked)
    }

    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &DatadogCredentials,
    ) -> Result<Checked, ConnectorError> {
        let caller = credentials.caller();
        self.api.prove(caller).await?;
        self.api.owner(caller).await?;
        let lacking = match (&credentials.webhook, connection.webhook_url) {
            (Some(ours), wanted_url) => {
                let found = self.api.webhook(caller, &ours.name).await?;
                lacking(found.as_ref(), ours, wanted_url)
            }
            (None, Some(_)) => Some(missing()),
            (None, None) => Some(Lack {
                reason: "webhook_unavailable",
                message: "this deployment has no public address that Datadog could tell alerts to".to_owned(),
                remedy: Remedy::Operator,
            }),
        };
        Ok(Checked {
            lacking,
            metadata: credentials.metadata(),
        })
    }

    async fn revoke(
        &self,
        _connection: Connection<'_>,
        credentials: &DatadogCredentials,
    ) -> Result<(), ConnectorError> {
        let Some(webhook) = &credentials.webhook else {
            return Ok(());
        };
        let caller = credentials.caller();
        // A connection that is made anew has a webhook of the same name, so that monitors need not be changed. The end of
        // the one before may be told only after that, and must not take the new one away.
        let ended = match self.api.webhook(caller, &webhook.name).await {
            Ok(None) => Ok(()),
            Ok(Some(found)) if found.sends_another(&webhook.token_sha256) => Ok(()),
            Ok(Some(_)) => self.api.delete_webhook(caller, &webhook.name).await,
            Err(error) => Err(error),
        };
        match ended {
            // Whether it is the keys that are not good, or only may not do this, tells what needs no right.
            Err(refused @ ConnectorError::Refused { .. }) => match self.api.owner(caller).await {
                Ok(_) => Err(refused),
                Err(ConnectorError::Refused { .. }) => {
                    tracing::warn!("keys that are not good any more cannot remove their webhook");
                    Ok(())
                }
                Err(error) => Err(error),
            },
            other => other,
        }
    }

    fn receive(
        &self,
        credentials: &DatadogCredentials,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Delivered, ReceiveError> {
        // Where there is no webhook there is nothing that could know its token.
        let webhook = credentials.webhook.as_ref().ok_or(WebhookError::Mismatch)?;
        webhook.token_sha256.verify(headers)?;
        if body.len() > MAX_BODY_BYTES {
            return Err(JsonError::at(".", "is too large").into());
        }
        Ok(event::read(body, self.clock.now())?)
    }
}
