//! Slack before `slack-events`.

use axum::Router;
use shared::{
    clock::Timestamp,
    connector::slack::fake::APP_ID,
    webhook::slack::{self, Slack},
};
use slack_events::{App, Config, router};

use super::{Parts, Sender};

impl Sender for Slack {
    const PATH: &'static str = "/slack/events";
    const FUNCTION: &'static str = "slack-events";
    const SECRET: &'static str = "8f742231b10e8888abcd99yyyzzz85a5";
    const OTHER_SECRET: &'static str = "f0e1d2c3b4a5968778695a4b3c2d1e0f";
    const SECRET_ARN: &'static str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slack";
    const SENT_AT: i64 = 1_531_420_618;
    const FIXTURES: &'static str = "slack";
    const TAKEN: &'static str = "app_mention";
    const THANKS: &'static str = "";

    fn router(parts: Parts<Self>) -> Router {
        router(App {
            config: Config {
                environment: "test".to_owned(),
                slack_app_id: APP_ID.to_owned(),
                slack_secret_arn: Self::SECRET_ARN.to_owned(),
                tasks_queue_url: "https://queue.example.com/tasks.fifo".to_owned(),
                events_queue_url: "https://queue.example.com/events.fifo".to_owned(),
            },
            clock: parts.clock,
            ids: parts.ids,
            keyring: parts.keyring,
            queue: parts.queue,
            metrics: parts.metrics,
        })
    }

    fn sign(secret: &str, at: Timestamp, body: &[u8]) -> Vec<(&'static str, String)> {
        slack::sign(secret, at, body).into()
    }
}
