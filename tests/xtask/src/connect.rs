//! The third act of `cargo xtask demo`: an organization connects its third parties, hears of what happens there, and lets
//! them go.

use ::tests::{
    clerk::WEB_ORIGIN,
    local::Progress,
    people::Person,
    vendors::{Begun, Vendors},
};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use shared::connector::{ConnectorKind, fake::Sent, slack::fake::Workspace};

use crate::{
    demo::PATIENCE,
    output::{fields, request, say, show},
    world::World,
};

/// What the demo shows of a connection.
const CONNECTION: [&str; 5] = [
    "connector_type",
    "status",
    "bot_id",
    "connector_organization_id",
    "health_status",
];
/// What the demo shows of an activity.
const ACTIVITY: [&str; 5] = ["kind", "subject", "title", "actor", "occurred_at"];

/// The account at each third party that is hers, and what Slack and GitHub call it.
const ACCOUNT: u8 = 1;
const TEAM: &str = "T0ACCOUNT1";
const INSTALLATION: i64 = 102;
const CHANNEL: &str = "C0HOPPER1";
const USER: &str = "U0HOPPER1";
pub(crate) async fn run(world: &World, grace: &Person, progress: &Progress) -> anyhow::Result<()> {
    let vendors = &world.vendors;
    let workspace = vendors.slack.place(TEAM, "Hopper Labs");
    workspace.channel(CHANNEL, "operations");
    workspace.user(USER, "Grace");
    let before = remains(vendors);
    let act = Act {
        world,
        grace,
        workspace: &workspace,
    };

    progress.step("Grace connects Slack");
    say("\nSlack asks Grace whether InfraGPT may come into her workspace, and sends her back with a code:\n");
    let slack = act.connect(ConnectorKind::Slack).await?;
    say("\nFrom then on it is there:\n");
    act.ask_something().await?;

    progress.step("Grace connects GitHub");
    say("\nShe installs the GitHub App on her repositories. GitHub says who she is, and that she may:\n");
    let github = act.connect(ConnectorKind::GitHub).await?;
    progress.step("somebody pushes");
    say(
        "\nSomebody pushes. GitHub tells of it, signed, and it is there for whoever asks what has changed:\n",
    );
    act.push().await?;

    progress.step("Grace connects PagerDuty");
    say(
        "\nShe pastes a token of PagerDuty's. It is tried, and a webhook with a secret of its own is made there:\n",
    );
    let pagerduty = act.connect(ConnectorKind::PagerDuty).await?;
    for webhook in vendor_remains(vendors, ConnectorKind::PagerDuty) {
        say(&format!("    at PagerDuty: {webhook}"));
    }
    say("\nAnd she says where alerts go:\n");
    let settings = json!({ "slack_channel_id": CHANNEL, "minimum_severity": "high" });
    let answer = world
        .ask(grace, "/integrations/alerts/settings/", &settings)
        .await?;
    request("POST /integrations/alerts/settings/", &answer);
    say(&format!("    {}", answer.body));

    progress.step("PagerDuty raises an incident");
    say("\nAn incident begins, somebody takes it, and it ends. It is one message, which changes:\n");
    act.incident().await?;

    progress.step("Grace disconnects everything");
    say("\nShe lets all three go. Each third party is told, and each key is destroyed:\n");
    for id in [slack, github, pagerduty] {
        let answer = world
            .ask(grace, "/integrations/revoke/", &json!({ "integration_id": id }))
            .await?;
        request("POST /integrations/revoke/", &answer);
    }
    let answer = world.ask(grace, "/integrations/list/", &json!({})).await?;
    request("POST /integrations/list/", &answer);
    for one in answer.json()?["integrations"].as_array().into_iter().flatten() {
        say(&format!("    {}", fields(one, &["connector_type", "status"])));
    }
    ensure!(
        remains(vendors) == before,
        "something of ours has remained: {:?}",
        remains(vendors)
    );
    say("    at Slack, GitHub and PagerDuty: nothing of Hopper Labs' is left");
    Ok(())
}

/// What of ours is at third parties.
fn remains(vendors: &Vendors) -> Vec<String> {
    vendors.all().flat_map(|(_, vendor)| vendor.remains()).collect()
}

fn vendor_remains(vendors: &Vendors, connector: ConnectorKind) -> Vec<String> {
    let mut all = vendors.all();
    all.find(|(kind, _)| *kind == connector)
        .map(|(_, vendor)| vendor.remains())
        .unwrap_or_default()
}

struct Act<'a> {
    world: &'a World,
    grace: &'a Person,
    workspace: &'a Workspace,
}

impl Act<'_> {
    /// Grace connects what she has at a third party. Answers the connection's id.
    async fn connect(&self, connector: ConnectorKind) -> anyhow::Result<Value> {
        let world = self.world;
        let asked = json!({
            "connector_type": connector.as_str(),
            "redirect_url": format!("{WEB_ORIGIN}/integrations/{connector}/authorize"),
        });
        let answer = world.ask(self.grace, "/integrations/initiate/", &asked).await?;
        request(&format!("POST /integrations/initiate/    {connector}"), &answer);
        let begun = Begun::read(&answer.json()?, answer.header("set-cookie"));
        let sent = world.vendors.back(connector, &begun, ACCOUNT).await;
        let answer = world.ask(self.grace, "/integrations/authorize/", &sent).await?;
        request(&format!("POST /integrations/authorize/   {connector}"), &answer);
        let connection = answer.json()?;
        show(&connection, &CONNECTION);
        Ok(connection["id"].clone())
    }

    /// Grace asks in her workspace, and is answered there.
    async fn ask_something(&self) -> anyhow::Result<()> {
        let text = format!("<@{}> is anything on fire?", self.workspace.bot_user_id());
        // The eyes are taken away last.
        let removed = self.world.vendors.slack.count("reactions.remove") + 1;
        let place = (self.workspace, CHANNEL, USER);
        let (ts, answer) = self.world.say_in(place, &text, None).await?;
        request("POST /slack/events", &answer);
        let answered = async {
            self.workspace.until_answers(CHANNEL, Some(&ts), 1).await;
            self.world
                .vendors
                .slack
                .until_called("reactions.remove", removed)
                .await;
        };
        self.soon("an answer", answered).await?;
        self.transcript(Some(&ts));
        Ok(())
    }

    async fn push(&self) -> anyhow::Result<()> {
        let world = self.world;
        let (url, secret) = &world.github_webhook;
        let pushed =
            world
                .vendors
                .github
                .push(INSTALLATION, "grace", "Raise the connection limit", (url, secret));
        self.deliver(
            "POST /webhooks/github       push",
            &[pushed.context("nothing is reached")?],
        )
        .await?;
        let asked = (self.grace, "/integrations/activity/", &json!({}));
        let (answer, activity) = world
            .ask_until(asked, "the push does not come through", |listed| {
                listed["activities"].get(0).cloned()
            })
            .await?;
        request("POST /integrations/activity/", &answer);
        show(&activity, &ACTIVITY);
        Ok(())
    }

    async fn incident(&self) -> anyhow::Result<()> {
        let pagerduty = &self.world.vendors.pagerduty;
        let (slack, posted) = (&self.world.vendors.slack, self.world.vendors.slack.posts());
        let updated = slack.count("chat.update");
        let (incident, told) = pagerduty.trigger_incident(ACCOUNT, "Checkout is down", Some("P1"), "high");
        self.deliver("POST /webhooks/pagerduty/…  incident.triggered", &told)
            .await?;
        self.soon("the alert", slack.until_posts(posted + 1)).await?;
        self.alert();
        self.deliver(
            "POST /webhooks/pagerduty/…  incident.acknowledged",
            &pagerduty.acknowledge(&incident),
        )
        .await?;
        self.soon("the change", slack.until_called("chat.update", updated + 1))
            .await?;
        self.alert();
        self.deliver(
            "POST /webhooks/pagerduty/…  incident.resolved",
            &pagerduty.resolve(&incident),
        )
        .await?;
        self.soon("the change", slack.until_called("chat.update", updated + 2))
            .await?;
        self.alert();
        Ok(())
    }

    /// A third party delivers to the addresses that it was given.
    async fn deliver(&self, what: &str, told: &[Sent]) -> anyhow::Result<()> {
        ensure!(!told.is_empty(), "{what}: nobody is told");
        for sent in told {
            let answer = self.world.deliver(sent).await?;
            request(what, &answer);
        }
        Ok(())
    }

    async fn soon(&self, what: &str, happens: impl Future<Output = ()>) -> anyhow::Result<()> {
        let logs = self.world.logs().display();
        tokio::time::timeout(PATIENCE, happens)
            .await
            .with_context(|| format!("{what} does not come; the logs are in {logs}"))
    }

    /// The newest message of the app in the channel.
    fn alert(&self) {
        let messages = self.workspace.messages(CHANNEL, None);
        let mut alerts = messages.iter().filter(|message| message.bot_id.is_some());
        if let Some(alert) = alerts.next_back() {
            for line in alert.shown().lines().filter(|line| !line.is_empty()) {
                say(&format!("    #operations: {line}"));
            }
        }
    }

    fn transcript(&self, thread: Option<&str>) {
        for line in self.workspace.transcript(CHANNEL, thread).trim_end().lines() {
            say(&format!("    {line}"));
        }
    }
}
