//! Beacon: a third party that does not exist, with all that a connector needs.

pub mod api;
pub mod fake;

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::api::BeaconApi;
use super::contract::{
    Account, Capability, Checked, Connection, Connector, ConnectorError, Descriptor, Field, Linked, Method, Parts,
    Presence, Returned, Secrecy, SetupError, Start, Started, Way, exposed,
};
use crate::config::Env;

/// What a client needs to know to offer it.
const DESCRIPTOR: Descriptor = Descriptor {
    name: "Beacon",
    description: "Knows which services are up.",
    method: Method::Form,
    capabilities: &[Capability::Infrastructure],
    ways: &[Way {
        name: "token",
        label: "API token",
        warning: None,
        fields: &[Field {
            name: "api_token",
            label: "API token",
            secrecy: Secrecy::Secret,
            presence: Presence::Required,
            pattern: Some("bcn_[a-z0-9]{8,64}"),
            options: &[],
            max_length: 68,
            help: "Reads the state of services; needs no right to change them.",
            find: "Settings, API tokens, New token with the role Reader.",
        }],
    }],
    code_field: None,
    documentation: "https://docs.beacon.example/api-tokens",
};

/// The connector.
#[derive(Debug)]
pub struct Beacon {
    api: BeaconApi,
}

/// What somebody filled in.
#[derive(Debug, Deserialize)]
pub struct BeaconInput {
    api_token: SecretString,
}

/// What opens a connection; sealed by the vault. Field names are a stored format: add, never rename.
#[derive(Debug, Serialize, Deserialize)]
pub struct BeaconCredentials {
    #[serde(serialize_with = "exposed")]
    api_token: SecretString,
}

#[async_trait]
impl Connector for Beacon {
    type Input = BeaconInput;
    type Credentials = BeaconCredentials;

    fn configure(env: &mut Env, _parts: &Parts) -> Result<Self, SetupError> {
        let url = env.optional("BEACON_API_URL").unwrap_or_else(|| api::API_URL.to_owned());
        Ok(Self {
            api: BeaconApi::new(&url).map_err(|source| SetupError {
                variable: "BEACON_API_URL",
                source,
            })?,
        })
    }

    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    async fn initiate(&self, _start: Start<'_>) -> Result<Started, ConnectorError> {
        Ok(Started {
            url: "https://beacon.example/settings/tokens".to_owned(),
            setup: Value::Null,
        })
    }

    async fn complete(
        &self,
        connection: Connection<'_>,
        _returned: Returned<'_>,
        input: BeaconInput,
    ) -> Result<Linked<BeaconCredentials>, ConnectorError> {
        let account = self.api.account(&input.api_token).await?;
        Ok(Linked {
            credentials: BeaconCredentials {
                api_token: input.api_token,
            },
            account: Account {
                id: account.id,
                name: account.name,
                metadata: BTreeMap::from([("plan".to_owned(), account.plan)]),
                ..Account::default()
            },
            expires_at: None,
            installed_at: connection.now,
        })
    }

    async fn validate(
        &self,
        _connection: Connection<'_>,
        credentials: &BeaconCredentials,
    ) -> Result<Checked, ConnectorError> {
        let account = self.api.account(&credentials.api_token).await?;
        Ok(Checked {
            lacking: None,
            metadata: BTreeMap::from([("plan".to_owned(), account.plan)]),
        })
    }

    async fn revoke(
        &self,
        _connection: Connection<'_>,
        credentials: &BeaconCredentials,
    ) -> Result<(), ConnectorError> {
        self.api.delete_token(&credentials.api_token).await
    }
}
