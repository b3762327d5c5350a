//! Slack's side of the Events API: signs events and sends them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::body::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use shared::{clock::Timestamp, webhook::slack::sign};

/// Sends events to an app's address.
#[derive(Debug)]
pub struct EventSender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    secret: String,
}

/// How an app answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
    /// The time it took.
    pub took: Duration,
}

impl EventSender {
    /// `secret` is the app's signing secret.
    #[must_use]
    pub fn new(url: &str, secret: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url: url.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Sends one event, signed as of `at`.
    pub async fn send(&self, event: &Value, at: Timestamp) -> anyhow::Result<Acknowledged> {
        let body = serde_json::to_vec(event)?;
        let mut request = Request::post(&self.url).header("content-type", "application/json");
        for (name, value) in sign(&self.secret, at, &body) {
            request = request.header(name, value);
        }
        let begun = Instant::now();
        let response = self
            .client
            .request(request.body(Full::from(body))?)
            .await
            .with_context(|| format!("{} does not answer", self.url))?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Acknowledged {
            status,
            body,
            took: begun.elapsed(),
        })
    }
}
