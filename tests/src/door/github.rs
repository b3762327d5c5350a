//! GitHub before `github-webhook`.

use axum::Router;
use github_webhook::{App, Config, router};
use serde_json::Value;
use shared::{
    clock::Timestamp,
    webhook::github::{self, GitHub},
};

use super::{Parts, Sender};

/// The id of a delivery where it does not matter.
pub const DELIVERY: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

impl Sender for GitHub {
    const PATH: &'static str = "/webhooks/github";
    const FUNCTION: &'static str = "github-webhook";
    const SECRET: &'static str = "9b1f3c5d7e9fa1b3c5d7e9f1a3b5c7d9";
    const OTHER_SECRET: &'static str = "0a2c4e6f8091a2b3c4d5e6f708192a3b";
    const SECRET_ARN: &'static str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:github";
    const SENT_AT: i64 = 1_716_883_201;
    const FIXTURES: &'static str = "github";
    const TAKEN: &'static str = "installation.created";
    const THANKS: &'static str = "{}";

    fn router(parts: Parts<Self>) -> Router {
        router(App {
            config: Config {
                environment: "test".to_owned(),
                github_secret_arn: Self::SECRET_ARN.to_owned(),
                events_queue_url: "https://queue.example.com/events.fifo".to_owned(),
            },
            clock: parts.clock,
            ids: parts.ids,
            keyring: parts.keyring,
            queue: parts.queue,
            metrics: parts.metrics,
        })
    }

    /// GitHub signs no time. What the event is called is told from the body.
    fn sign(secret: &str, _: Timestamp, body: &[u8]) -> Vec<(&'static str, String)> {
        github::sign(secret, event(body), DELIVERY, body).into()
    }
}

/// The keys by which a body is known, the more telling first, and the event that sends it.
const KNOWN_BY: [(&str, &str); 13] = [
    ("repositories_added", "installation_repositories"),
    ("comment", "issue_comment"),
    ("issue", "issues"),
    ("pull_request", "pull_request"),
    ("workflow_run", "workflow_run"),
    ("check_run", "check_run"),
    ("commits", "push"),
    ("release", "release"),
    ("starred_at", "star"),
    ("zen", "ping"),
    ("account", "installation_target"),
    ("repository", "repository"),
    ("installation", "installation"),
];

/// The event that GitHub would send a body under; a `ping` where the body does not tell.
#[must_use]
pub fn event(body: &[u8]) -> &'static str {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if body.get("deployment_status").is_some() {
        return "deployment_status";
    }
    KNOWN_BY
        .iter()
        .find(|(key, _)| body.get(key).is_some())
        .map_or("ping", |(_, event)| event)
}
