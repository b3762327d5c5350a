//! Slack, in the stories that hold for all connectors.

use std::io;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    APP_ID, FakeSlack,
    oauth::{CLIENT_ID, CLIENT_SECRET},
};
use crate::connector::{
    contract::Started,
    fake::{Trouble, Vendor},
};

/// The ARN of the secret that describes the app.
const SECRET_ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:slack-app";

#[async_trait]
impl Vendor for FakeSlack {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SLACK_URL", self.web_url()),
            ("SLACK_API_URL", self.url()),
            ("SLACK_APP_SECRET_ARN", SECRET_ARN.to_owned()),
        ]
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let secret = json!({ "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "app_id": APP_ID });
        vec![(SECRET_ARN.to_owned(), secret.to_string())]
    }

    #[expect(clippy::expect_used, reason = "a connector that Slack does not understand has failed")]
    async fn consent(&self, started: &Started, account: u8) -> Value {
        let place = format!("T0ACCOUNT{account}");
        let _workspace = self.place(&place, &format!("account-{account}"));
        FakeSlack::consent(self, &started.url, &place, "U0OWNER").expect("Slack asks for consent")
    }

    fn canaries(&self) -> Vec<String> {
        let mut canaries = self.0.shared.world().oauth.given.clone();
        canaries.push(CLIENT_SECRET.to_owned());
        canaries
    }

    fn trouble(&self, trouble: Option<Trouble>) {
        self.0.shared.change(|world| world.mood = trouble);
    }

    fn calls(&self) -> usize {
        self.0.shared.world().requests
    }

    fn withdraw(&self) {
        self.0.shared.change(|world| {
            let places: Vec<_> = world.teams.keys().cloned().collect();
            for place in places {
                world.uninstall(&place);
            }
        });
    }

    fn remains(&self) -> Vec<String> {
        self.working_tokens()
    }
}

/// What the stories that hold for all connectors start: an app whose tokens end, in places where people give theirs too.
///
/// # Errors
/// When no port is free.
pub(in crate::connector) async fn vendor() -> io::Result<impl Vendor> {
    let slack = FakeSlack::start().await?;
    slack.rotate_tokens();
    slack.give_user_tokens();
    Ok(slack)
}
