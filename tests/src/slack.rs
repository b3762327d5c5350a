//! Slack's side of the Events API: builds events as Slack does, signs them and sends them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::body::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use shared::{clock::Timestamp, webhook::slack::sign};

/// A message that a person writes in a channel in which the app is.
#[derive(Debug, Clone)]
pub struct Said<'a> {
    /// The app's id (`A…`).
    pub app: &'a str,
    /// The workspace (`T…`).
    pub team: &'a str,
    /// The channel (`C…`).
    pub channel: &'a str,
    /// Who writes (`U…`).
    pub user: &'a str,
    /// What; a mention is written `<@U…>`.
    pub text: &'a str,
    /// The message's id in its channel: seconds since 1970 with six decimals.
    pub ts: &'a str,
    /// The id of the first message of the thread, in a thread.
    pub thread_ts: Option<&'a str>,
}

impl Said<'_> {
    /// The request's body with which Slack tells an app that it was mentioned.
    #[must_use]
    pub fn mention(&self) -> Value {
        self.event("app_mention", "Ev0MENTION")
    }

    /// The request's body with which Slack tells an app of a message in a channel. Slack sends it for a mention too.
    #[must_use]
    pub fn message(&self) -> Value {
        let mut body = self.event("message", "Ev0MESSAGE");
        body["event"]["channel_type"] = "channel".into();
        body
    }

    fn event(&self, kind: &str, id: &str) -> Value {
        let digits: String = self.ts.chars().filter(char::is_ascii_digit).collect();
        let seconds: i64 = self
            .ts
            .split('.')
            .next()
            .and_then(|part| part.parse().ok())
            .unwrap_or_default();
        let mut event = json!({
            "type": kind,
            "user": self.user,
            "text": self.text,
            "ts": self.ts,
            "channel": self.channel,
            "event_ts": self.ts,
            "team": self.team,
        });
        if let Some(thread) = self.thread_ts {
            event["thread_ts"] = thread.into();
        }
        json!({
            "type": "event_callback",
            "token": "not-used-any-more",
            "team_id": self.team,
            "api_app_id": self.app,
            "event": event,
            "event_id": format!("{id}{digits}"),
            "event_time": seconds,
            "authorizations": [{
                "enterprise_id": null, "team_id": self.team, "user_id": self.user,
                "is_bot": true, "is_enterprise_install": false,
            }],
            "is_ext_shared_channel": false,
        })
    }
}

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
