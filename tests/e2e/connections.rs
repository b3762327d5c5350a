//! An admin connects third parties, hears of what happens there, and lets them go.

use std::collections::BTreeMap;

use http::Request;
use serde_json::{Value, json};
use shared::{
    connector::{
        ConnectorKind,
        datadog::fake::Monitor,
        fake::{Sent, Vendor as _},
        github::fake::FakeGitHub,
        slack::fake::{Message, Workspace},
    },
    integration::connect::random_word,
};
use tests::{
    clerk::WEB_ORIGIN,
    client::Answer,
    people::Person,
    vendors::{Begun, Vendors},
};
use url::form_urlencoded;

use crate::{
    secrecy::STATE,
    world::{MARK, World},
};

/// The account at each third party, and what Slack and GitHub call it.
const ACCOUNT: u8 = 3;
const TEAM: &str = "T0ACCOUNT3";
const INSTALLATION: i64 = 104;
const CHANNEL: &str = "C0E2E0003";
const USER: &str = "U0E2E0003";

/// From the first click to the last: OAuth through the browser, an answer in the workspace that was connected, a push that
/// becomes an activity, alerts of two third parties that become one message each and change with them, and an end after
/// which nothing is left, here or there.
pub(crate) async fn from_connecting_to_revoking(world: &World) {
    let vendors = &world.vendors;
    let (ada, _) = world.founder("Larch", "larch");
    let (member, _) = world.joiner(&ada);
    world.webhooks_come().await;
    let before = remains(vendors);
    let workspace = vendors.slack.place(TEAM, "Larch");
    workspace.channel(CHANNEL, "operations");
    workspace.user(USER, "Ada");

    let act = Act {
        world,
        ada: &ada,
        workspace: &workspace,
    };
    act.connect_slack_in_the_browser().await;
    act.is_answered().await;
    for connector in [
        ConnectorKind::GitHub,
        ConnectorKind::PagerDuty,
        ConnectorKind::Datadog,
    ] {
        act.connect(connector).await;
    }
    for (connector, vendor) in vendors.all() {
        for secret in vendor.canaries() {
            world.hide(connector.as_str(), &secret);
        }
    }
    let token = world.token(&member);
    let refused = world
        .post_with(&token, "/integrations/revoke/", &json!({ "integration_id": "" }))
        .await;
    assert_eq!(refused.status.as_u16(), 403, "{}", refused.body);

    act.push_is_an_activity().await;
    act.alerts_are_one_message_each().await;
    act.is_looked_after_by_the_clock().await;
    act.let_go().await;
    assert_eq!(
        remains(vendors),
        before,
        "nothing of ours is left at third parties"
    );
}

/// What of ours is at third parties.
fn remains(vendors: &Vendors) -> Vec<String> {
    vendors.all().flat_map(|(_, vendor)| vendor.remains()).collect()
}

struct Act<'a> {
    world: &'a World,
    ada: &'a Person,
    workspace: &'a Workspace,
}

impl Act<'_> {
    async fn post(&self, path: &str, body: &Value) -> Value {
        self.world.post(self.ada, path, body).await
    }

    async fn begin(&self, connector: ConnectorKind, redirect_url: &str) -> Begun {
        let asked = json!({ "connector_type": connector.as_str(), "redirect_url": redirect_url });
        let token = self.world.token(self.ada);
        let answer = self
            .world
            .post_with(&token, "/integrations/initiate/", &asked)
            .await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
        let begun = Begun::read(&answer.json().expect("JSON"), answer.header("set-cookie"));
        if !begun.state.is_empty() {
            self.world.hide(STATE, &begun.state);
        }
        begun
    }

    /// Slack sends the browser straight to the API, which knows it by its cookie and sends it on to the web client.
    async fn connect_slack_in_the_browser(&self) {
        let (begun, address) = self.consents_to_slack().await;
        // Somebody else's browser, with the very same address. It is good for one visit, whoever's.
        for cookie in [format!("__Host-infragpt-connect={}", random_word()), begun.cookie] {
            let answer = self.visit(&address, &cookie).await;
            assert!(answer.header("location").contains("error="), "{answer:?}");
        }

        let (begun, address) = self.consents_to_slack().await;
        let answer = self.visit(&address, &begun.cookie).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (
                303,
                format!("{WEB_ORIGIN}/integrations/slack?status=connected").as_str()
            )
        );
        let again = self.visit(&address, &begun.cookie).await;
        assert!(again.header("location").contains("error="), "{again:?}");
    }

    /// Ada begins, and consents on Slack's page: how she began, and the address that Slack sends her browser to.
    async fn consents_to_slack(&self) -> (Begun, String) {
        let callback = self
            .world
            .stack
            .url("/integrations/slack/callback")
            .expect("an address");
        let begun = self.begin(ConnectorKind::Slack, &callback).await;
        let brought = self
            .world
            .vendors
            .back(ConnectorKind::Slack, &begun, ACCOUNT)
            .await;
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in ["code", "state"] {
            query.append_pair(name, brought[name].as_str().expect("a text"));
        }
        let address = format!("{callback}?{}", query.finish());
        (begun, address)
    }

    async fn visit(&self, address: &str, cookie: &str) -> Answer {
        let request = Request::get(address).header("cookie", cookie);
        let answer = self.world.client.send(request, "").await;
        answer.expect("the API answers")
    }

    async fn connect(&self, connector: ConnectorKind) {
        let begun = self
            .begin(
                connector,
                &format!("{WEB_ORIGIN}/integrations/{connector}/authorize"),
            )
            .await;
        let sent = self.world.vendors.back(connector, &begun, ACCOUNT).await;
        let connection = self.post("/integrations/authorize/", &sent).await;
        assert_eq!(
            (&connection["status"], &connection["health_status"]),
            (&json!("active"), &json!("healthy")),
            "{connection}"
        );
    }

    async fn is_answered(&self) {
        let text = format!("<@{}> {MARK}: anything on fire?", self.workspace.bot_user_id());
        let ts = self.workspace.say(CHANNEL, USER, &text, None);
        for event in self.workspace.events(CHANNEL, &ts) {
            self.world.deliver(&event).await;
        }
        self.world
            .soon("an answer", self.workspace.until_answers(CHANNEL, Some(&ts), 1))
            .await;
    }

    /// A third party delivers to the addresses that it was given; what nobody signed is refused there.
    async fn deliver(&self, told: &[Sent]) {
        assert!(!told.is_empty(), "nobody is told");
        for sent in told {
            let forged = Sent {
                headers: vec![("content-type", "application/json".to_owned())],
                ..sent.clone()
            };
            let refused = self.world.client.deliver(&forged).await.expect("the API answers");
            assert_eq!(refused.status.as_u16(), 401, "{}: {}", sent.url, refused.body);
            let answer = self.world.client.deliver(sent).await.expect("the API answers");
            assert!(
                answer.status.is_success(),
                "{}: {} {}",
                sent.url,
                answer.status,
                answer.body
            );
        }
    }

    async fn push_is_an_activity(&self) {
        let url = self.world.stack.url("/webhooks/github").expect("an address");
        let secret = &self.world.stack.github_signing_secret;
        let github: &FakeGitHub = &self.world.vendors.github;
        let pushed = github.push(
            INSTALLATION,
            "ada",
            &format!("{MARK}: raise the limit"),
            (&url, secret),
        );
        let pushed = pushed.expect("a repository");
        for _ in 0..2 {
            self.deliver(std::slice::from_ref(&pushed)).await;
        }
        let activity = self
            .world
            .until_found("the push", async || {
                let listed = self.post("/integrations/activity/", &json!({})).await;
                listed["activities"]
                    .as_array()
                    .filter(|all| !all.is_empty())
                    .cloned()
            })
            .await;
        let [activity] = &activity[..] else {
            panic!("one push is one activity: {activity:?}");
        };
        assert_eq!(
            (&activity["kind"], &activity["actor"]),
            (&json!("push"), &json!("ada"))
        );
        assert!(
            activity["title"]
                .as_str()
                .is_some_and(|title| title.contains("raise the limit"))
        );
    }

    async fn alerts_are_one_message_each(&self) {
        let settings = json!({ "slack_channel_id": CHANNEL, "minimum_severity": "info" });
        self.post("/integrations/alerts/settings/", &settings).await;
        let (slack, vendors) = (&self.world.vendors.slack, &self.world.vendors);
        let updated = slack.count("chat.update");

        let title = format!("{MARK}: checkout is down");
        let (incident, told) = vendors
            .pagerduty
            .trigger_incident(ACCOUNT, &title, Some("P1"), "high");
        self.deliver(&told).await;
        self.until_alerts(1).await;
        self.deliver(&vendors.pagerduty.resolve(&incident)).await;
        self.world
            .soon(
                "the end of the incident",
                slack.until_called("chat.update", updated + 1),
            )
            .await;

        let monitor = Monitor {
            id: 7,
            name: format!("{MARK}: the disk is full"),
            scope: "host:a".to_owned(),
            priority: "P2",
            tags: "service:checkout".to_owned(),
        };
        self.deliver(&vendors.datadog.raise(ACCOUNT, &monitor, "Triggered"))
            .await;
        self.until_alerts(2).await;
        self.deliver(&vendors.datadog.raise(ACCOUNT, &monitor, "Recovered"))
            .await;
        self.world
            .soon(
                "the end of the alert",
                slack.until_called("chat.update", updated + 2),
            )
            .await;

        let alerts = self.alerts();
        assert_eq!(alerts.len(), 2, "{alerts:?}");
        for alert in &alerts {
            assert!(alert.shown().contains("**Resolved**"), "{}", alert.shown());
        }
        let stored = self.post("/integrations/alerts/", &json!({})).await;
        let states: Vec<_> = stored["alerts"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["state"])
            .collect();
        assert_eq!(states, ["resolved", "resolved"]);
    }

    /// The messages of the app's that begin no thread.
    fn alerts(&self) -> Vec<Message> {
        let mut messages = self.workspace.messages(CHANNEL, None);
        messages.retain(|message| message.bot_id.is_some() && message.thread_ts.is_none());
        messages
    }

    async fn until_alerts(&self, count: usize) {
        self.world
            .until_found("the alert", async || (self.alerts().len() >= count).then_some(()))
            .await;
    }

    /// The clock asks how connections are, and reads what they reach, without anybody else asking. What an administrator took
    /// back at the third party is told as it is.
    async fn is_looked_after_by_the_clock(&self) {
        self.world.vendors.datadog.withdraw();
        let superuser = self.world.superuser().await;
        let due = "UPDATE integrations SET check_at = now() - interval '1 minute', sync_at = sync_at - interval '1 day'";
        superuser.execute(due, &[]).await.expect("everything is due");
        for job in ["check_connections", "sync_repositories"] {
            let report = self.world.job(job).await;
            assert_eq!(report["outcome"], "completed", "{report}");
            let healthy = if job == "check_connections" {
                "healthy"
            } else {
                "read"
            };
            assert!(report["counts"][healthy].as_u64() >= Some(1), "{report}");
        }
        let listed = self.post("/integrations/list/", &json!({})).await;
        let how: BTreeMap<_, _> = listed["integrations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                (text(&one["connector_type"]), text(&one["health_status"]))
            })
            .collect();
        let expected = [
            ("datadog", "needs_reauth"),
            ("github", "healthy"),
            ("pagerduty", "healthy"),
            ("slack", "healthy"),
        ];
        assert_eq!(
            how,
            expected
                .map(|(kind, health)| (kind.to_owned(), health.to_owned()))
                .into()
        );
    }

    async fn let_go(&self) {
        let listed = self.post("/integrations/list/", &json!({})).await;
        let connections = listed["integrations"].as_array().expect("a list").clone();
        assert_eq!(connections.len(), 4, "{listed}");
        for connection in &connections {
            assert_eq!(connection["status"], "active", "{connection}");
            let revoked = self
                .post(
                    "/integrations/revoke/",
                    &json!({ "integration_id": connection["id"] }),
                )
                .await;
            assert_eq!(revoked, json!({}));
        }
        let id = self.world.me(self.ada).await["organization_id"].clone();
        let left = self
            .world
            .superuser()
            .await
            .query_one(
                "SELECT count(*) FROM integration_credentials WHERE organization_id::text = $1",
                &[&id.as_str().expect("an id")],
            )
            .await
            .expect("the credentials");
        assert_eq!(left.get::<_, i64>(0), 0, "no credentials are left");
        let ended = self.world.record(self.ada, "integration.disconnected").await;
        assert_eq!(ended.len(), 4, "{ended:?}");
    }
}
