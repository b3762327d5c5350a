//! Slack's side of the Events API: signs events and sends them.

use serde_json::Value;
use shared::{clock::Timestamp, webhook::slack::sign};

use crate::client::{Answer, Client};

/// Sends events to an app's address.
#[derive(Debug)]
pub struct EventSender {
    client: Client,
    url: String,
    secret: String,
}

impl EventSender {
    /// `secret` is the app's signing secret.
    #[must_use]
    pub fn new(client: Client, url: &str, secret: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Sends one event, signed as of `at`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, event: &Value, at: Timestamp) -> anyhow::Result<Answer> {
        let body = serde_json::to_vec(event)?;
        let signature = sign(&self.secret, at, &body);
        self.client.post_signed(&self.url, &signature, body).await
    }
}
