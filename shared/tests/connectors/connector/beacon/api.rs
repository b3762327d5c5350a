//! The two calls of Beacon's API that we make. Nothing that Beacon writes gets into an error.

use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use super::super::contract::{ConnectorError, Remedy};
use crate::http::client::{Answer, Call, HttpClient, UrlError};

/// Where Beacon's API is.
pub(super) const API_URL: &str = "https://api.beacon.example";

/// A client of Beacon's API.
#[derive(Debug)]
pub(super) struct BeaconApi(HttpClient);

/// Whom a token belongs to.
#[derive(Debug, Deserialize)]
pub(super) struct BeaconAccount {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) plan: String,
}

impl BeaconApi {
    pub(super) fn new(base_url: &str) -> Result<Self, UrlError> {
        HttpClient::new(base_url).map(Self)
    }

    /// Whom a token belongs to; also proves that it works.
    pub(super) async fn account(&self, token: &SecretString) -> Result<BeaconAccount, ConnectorError> {
        let answer = self.0.send(Call::get("/v1/account").bearer(token)).await?;
        Ok(good(&answer)?.json()?)
    }

    /// Ends a token. One that has ended already is a success.
    pub(super) async fn delete_token(&self, token: &SecretString) -> Result<(), ConnectorError> {
        let answer = self.0.send(Call::delete("/v1/token").bearer(token)).await?;
        match good(&answer) {
            Ok(_) | Err(ConnectorError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What a status means.
fn good(answer: &Answer) -> Result<&Answer, ConnectorError> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ConnectorError::Refused {
            reason: "token_invalid",
            message: "Beacon does not accept the API token; make a new one and connect again".to_owned(),
            remedy: Remedy::Reconnect,
        }),
        status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            Err(ConnectorError::Unavailable {
                retry_after: answer.retry_after(),
                source: format!("status {}", status.as_u16()).into(),
            })
        }
        status => Err(ConnectorError::Protocol {
            what: format!("status {}", status.as_u16()),
        }),
    }
}
