//! A connected Slack workspace: what becomes of it when its tokens end, and when Slack says that the app is gone.

use std::time::Duration;

use shared::{
    clock::{self, Clock as _, Timestamp},
    config::Env,
    connector::{
        ConnectorKind, Connectors,
        contract::{Connection, Linked, Parts, Returned, Start},
        fake::Vendor as _,
        slack::fake::Trouble,
    },
    db::{deliveries, integration_credentials, integrations},
    id::OrganizationId,
    secret::{
        manager::{MemorySecrets, SecretStore},
        vault::{CredentialScope, Sealed, Vault},
    },
    task::{DeliveryKey, Envelope, SlackLifecycle, SlackLifecycleChange, Source, Task},
};
use tests::{
    people::People,
    stack::{Organization, Stack, record},
};
use tokio_postgres::Client;

/// How long a token of Slack's works.
const TOKENS_LIVE: Duration = Duration::from_hours(12);
const REDIRECT: &str = "https://app.example.com/back";

/// A stack whose organization went through Slack's consent, with tokens that end.
async fn connected() -> (Stack, Organization) {
    let stack = Stack::start().await.expect("a stack");
    stack.slack.keep_time(std::sync::Arc::new(stack.clock.clone()));
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.slack.rotate_tokens();
    connect(&stack, &acme).await;
    acme.workspace.revoke_token(&acme.token, "token_revoked");
    (stack, acme)
}

async fn connect(stack: &Stack, acme: &Organization) {
    let secrets = MemorySecrets::new();
    for (arn, value) in stack.slack.secrets() {
        secrets.put(&arn, &value, stack.clock.now());
    }
    let parts = Parts {
        clock: std::sync::Arc::new(stack.clock.clone()),
        secrets: SecretStore::from_source(secrets),
        aws: aws_config::SdkConfig::builder().build(),
    };
    let mut env = Env::from_pairs(stack.slack.variables());
    let connectors = Connectors::only(ConnectorKind::Slack, &mut env, &parts).expect("a connector");
    let connector = connectors.get(ConnectorKind::Slack);
    let start = Start {
        state: "state",
        redirect_uri: REDIRECT,
        ..Start::default()
    };
    let started = connector.initiate(start).await.expect("a page");
    let back = stack.slack.consent(&started.url, "T1", "U1").expect("consent");
    let connection = Connection {
        organization: acme.id,
        integration: acme.integration,
        nonce: "",
        webhook_url: None,
        account: None,
        now: stack.clock.now(),
    };
    let returned = Returned {
        redirect_uri: REDIRECT,
        code_verifier: "",
    };
    let linked: Linked<_> = connector
        .complete(connection, returned, back)
        .await
        .expect("connected");
    let keys = std::sync::Arc::new(stack.kms.clone());
    let vault = Vault::new(keys, "test", std::sync::Arc::new(stack.clock.clone()));
    let scope = CredentialScope {
        organization: acme.id,
        connector: ConnectorKind::Slack,
        integration: acme.integration,
    };
    let sealed = vault.seal(&scope, &linked.credentials).await.expect("sealed");
    let mut db = stack.db().await.expect("a connection");
    let tx = db.begin_for(acme.id).await.expect("it begins");
    let now = stack.clock.now();
    integration_credentials::upsert(&tx, acme.id, acme.integration, &sealed, linked.expires_at, now)
        .await
        .expect("stored");
    tx.commit().await.expect("it commits");
}

/// A mention in a thread of its own.
fn mention(stack: &Stack, acme: &Organization) -> (String, Envelope) {
    let ts = acme.workspace.say("C1", "U1", &acme.mention("why?"), None);
    let envelopes = stack.envelopes(&acme.workspace, "C1", &ts);
    (ts, envelopes.into_iter().next().expect("an event"))
}

async fn health(stack: &Stack, acme: &Organization) -> integrations::Health {
    let mut db = stack.db().await.expect("a connection");
    let found = integrations::reread(&mut db, acme.id, acme.integration).await;
    found.expect("the database").expect("a connection").health
}

/// How the ledger says that a delivery ended.
async fn ended(stack: &Stack, envelope: &Envelope) -> (String, Option<String>) {
    let db = stack.db().await.expect("a connection");
    let found = deliveries::find(&db, &envelope.delivery)
        .await
        .expect("the ledger");
    let found = found.expect("it was claimed");
    (found.state, found.reason)
}

#[tokio::test]
async fn a_token_that_has_expired_is_refreshed_in_the_turn_and_nobody_has_to_connect_again() {
    let (stack, acme) = connected().await;
    stack.clock.advance(TOKENS_LIVE);
    let (ts, envelope) = mention(&stack, &acme);
    let dispatcher = stack.dispatcher().expect("a process");

    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
    assert_eq!(stack.agent.asked().len(), 1);
    assert_eq!(health(&stack, &acme).await, integrations::Health::Healthy);
    assert_eq!(
        stack.slack.count("oauth.v2.access"),
        2,
        "connecting and one refresh"
    );

    // What was refreshed was kept.
    let (ts, envelope) = mention(&stack, &acme);
    stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
    assert_eq!(stack.slack.count("oauth.v2.access"), 2);
}

#[tokio::test]
async fn turns_that_find_the_token_expired_at_the_same_time_use_its_refresh_token_once() {
    let (stack, acme) = connected().await;
    stack.clock.advance(TOKENS_LIVE);
    let asked: Vec<_> = (0..3).map(|_| mention(&stack, &acme)).collect();
    let turns = asked.iter().map(async |(_, envelope)| {
        let dispatcher = stack.dispatcher().expect("a process");
        stack.handle(&dispatcher, vec![record("r", 1, envelope)]).await
    });

    for handled in futures_util::future::join_all(turns).await {
        assert_eq!(handled.returned, Vec::<String>::new());
    }

    for (ts, _) in &asked {
        assert_eq!(acme.workspace.messages("C1", Some(ts)).len(), 2);
    }
    assert_eq!(
        stack.slack.count("oauth.v2.access"),
        2,
        "connecting and one refresh"
    );
}

#[tokio::test]
async fn a_slack_that_does_not_refresh_for_a_while_only_delays_the_answer() {
    let (stack, acme) = connected().await;
    stack.clock.advance(TOKENS_LIVE);
    let (ts, envelope) = mention(&stack, &acme);
    let dispatcher = stack.dispatcher().expect("a process");
    stack.slack.trouble("oauth.v2.access", 1, &Trouble::Status(503));

    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
    assert_eq!(handled.returned, ["r"]);
    assert_eq!(health(&stack, &acme).await, integrations::Health::Degraded);

    stack.clock.advance(Duration::from_mins(1));
    let handled = stack.handle(&dispatcher, vec![record("r", 2, &envelope)]).await;
    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
    assert_eq!(health(&stack, &acme).await, integrations::Health::Healthy);
}

#[tokio::test]
async fn a_slack_that_takes_no_fresh_token_either_is_asked_again_later_and_not_for_ever_in_one_turn() {
    let (stack, acme) = connected().await;
    let (ts, envelope) = mention(&stack, &acme);
    let dispatcher = stack.dispatcher().expect("a process");
    stack
        .slack
        .trouble("reactions.add", 50, &Trouble::Code("token_expired"));
    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
    assert_eq!(handled.returned, ["r"]);
    assert_eq!(
        stack.slack.count("oauth.v2.access"),
        3,
        "connecting and two refreshes"
    );
    assert_eq!(health(&stack, &acme).await, integrations::Health::Healthy);

    stack.slack.no_more_trouble();
    let handled = stack.handle(&dispatcher, vec![record("r", 2, &envelope)]).await;
    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
}

#[tokio::test]
async fn only_what_slack_does_not_refresh_any_more_has_to_be_connected_again() {
    let (stack, acme) = connected().await;
    acme.workspace.uninstall();
    stack.clock.advance(TOKENS_LIVE);
    stack
        .slack
        .trouble("reactions.add", 1, &Trouble::Code("token_expired"));
    let (_, envelope) = mention(&stack, &acme);
    let dispatcher = stack.dispatcher().expect("a process");
    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
    assert_eq!(handled.returned, Vec::<String>::new());
    let failed = |reason: &str| ("failed".to_owned(), Some(reason.to_owned()));
    assert_eq!(ended(&stack, &envelope).await, failed("invalid_refresh_token"));
    assert_eq!(health(&stack, &acme).await, integrations::Health::NeedsReauth);

    // A token that nothing refreshes.
    let other = stack.organization("other", "T2").await.expect("an organization");
    other.workspace.revoke_token(&other.token, "token_expired");
    let (_, envelope) = mention(&stack, &other);
    stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
    assert_eq!(ended(&stack, &envelope).await, failed("token_expired"));
    assert_eq!(health(&stack, &other).await, integrations::Health::NeedsReauth);
}

/// Organizations whose workspaces Slack tells of.
struct Told {
    people: People,
    client: Client,
    start: Timestamp,
}

/// What happens to an installation, with its time at Slack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Install,
    Uninstall,
    Revoke,
    Reinstall,
}

impl Told {
    async fn start() -> Self {
        let people = People::start().await.expect("a world");
        Self {
            client: people.database.superuser().await.expect("a connection"),
            start: people.clock.now(),
            people,
        }
    }

    fn at(&self, seconds: u64) -> Timestamp {
        clock::after(self.start, Duration::from_secs(seconds))
    }

    async fn organization(&self, name: &str) -> OrganizationId {
        let made = self.people.database.organization(name, self.start).await;
        made.expect("an organization")
    }

    async fn connect(&self, organization: OrganizationId, external_id: &str, seconds: u64) {
        let sealed = Sealed {
            ciphertext: vec![1],
            nonce: [7; 12],
            wrapped_key: seconds.to_be_bytes().to_vec(),
            key_id: "key".to_owned(),
            version: 1,
        };
        let at = self.at(seconds);
        let connected = self
            .people
            .database
            .connect_slack(organization, external_id, &sealed, at);
        connected.await.expect("connected");
    }

    /// Slack tells of something; `ids` are of the workspace and of its organization.
    async fn told(
        &self,
        event: &str,
        ids: (Option<&str>, Option<&str>),
        change: SlackLifecycleChange,
        seconds: u64,
    ) {
        let mut envelope = {
            let _user = self.people.clerk.sign_up("x@example.com", "", "");
            let told = self.people.clerk.drain().pop().expect("an event");
            self.people.envelope(&told).expect("a change")
        };
        envelope.delivery = DeliveryKey {
            source: Source::Slack,
            key: event.to_owned(),
        };
        envelope.task = Task::ApplySlackLifecycleV1(SlackLifecycle {
            change,
            team_id: ids.0.map(ToOwned::to_owned),
            enterprise_id: ids.1.map(ToOwned::to_owned),
            event_time: self.at(seconds),
        });
        let handled = self.people.process(vec![record(event, 1, &envelope)]).await;
        assert!(handled.returned.is_empty());
    }

    async fn step(&self, organization: OrganizationId, team: &str, step: Step) {
        match step {
            Step::Install => self.connect(organization, team, 0).await,
            Step::Reinstall => self.connect(organization, team, 20).await,
            Step::Uninstall => {
                let change = SlackLifecycleChange::Uninstalled;
                self.told(&format!("Ev-{team}-uninstalled"), (Some(team), None), change, 10)
                    .await;
            }
            Step::Revoke => {
                self.told(
                    &format!("Ev-{team}-revoked"),
                    (Some(team), None),
                    revoked(&[], &["U0BOT"]),
                    10,
                )
                .await;
            }
        }
    }

    /// Status, health, whether there are credentials, and the generation.
    async fn state(&self, organization: OrganizationId) -> (String, String, bool, i32) {
        let row = self
            .client
            .query_one(
                "SELECT i.status, i.health, c.integration_id IS NOT NULL, i.generation
                   FROM integrations i LEFT JOIN integration_credentials c USING (integration_id)
                  WHERE i.organization_id = $1",
                &[&organization.uuid()],
            )
            .await
            .expect("one connection");
        (row.get(0), row.get(1), row.get(2), row.get(3))
    }

    /// What the record says of it.
    async fn actions(&self, organization: OrganizationId) -> Vec<String> {
        let rows = self
            .client
            .query(
                "SELECT action FROM audit_events
                  WHERE organization_id = $1 AND actor = 'event-processor' ORDER BY audit_event_id",
                &[&organization.uuid()],
            )
            .await
            .expect("the record");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

fn revoked(users: &[&str], bots: &[&str]) -> SlackLifecycleChange {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    SlackLifecycleChange::TokensRevoked {
        users: ids(users),
        bots: ids(bots),
    }
}

/// All orders of some things.
fn orders(steps: &[Step]) -> Vec<Vec<Step>> {
    if steps.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in steps.iter().enumerate() {
        let mut rest = steps.to_vec();
        rest.remove(at);
        all.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, *first);
            order
        }));
    }
    all
}

fn state(status: &str, health: &str, has_credentials: bool, generation: i32) -> (String, String, bool, i32) {
    (status.to_owned(), health.to_owned(), has_credentials, generation)
}

#[tokio::test]
async fn a_reinstalled_workspace_stays_connected_in_whatever_order_all_that_is_told() {
    let told = Told::start().await;
    let all = orders(&[Step::Install, Step::Uninstall, Step::Revoke, Step::Reinstall]);
    assert_eq!(all.len(), 24);
    for (number, order) in all.iter().enumerate() {
        let team = format!("T{number}");
        let organization = told.organization(&team.to_lowercase()).await;
        // An end counts when it comes after the first installation and before the second.
        let mut ends = 0;
        let mut seen = Vec::new();
        for step in order {
            told.step(organization, &team, *step).await;
            let is_end = matches!(step, Step::Uninstall | Step::Revoke);
            let is_gone = *step == Step::Revoke && seen.contains(&Step::Uninstall);
            let is_gone = is_gone && position(&seen, Step::Install) < position(&seen, Step::Uninstall);
            if is_end && seen.contains(&Step::Install) && !seen.contains(&Step::Reinstall) && !is_gone {
                ends += 1;
            }
            seen.push(*step);
        }
        assert_eq!(
            told.state(organization).await,
            state("active", "healthy", true, 2 + ends),
            "{order:?}"
        );
        let recorded = told.actions(organization).await.len();
        assert_eq!(i32::try_from(recorded), Ok(ends), "{order:?}");
    }
}

fn position(steps: &[Step], step: Step) -> Option<usize> {
    steps.iter().position(|one| *one == step)
}

#[tokio::test]
async fn an_uninstalled_workspace_is_disconnected_whichever_of_the_two_events_comes_first() {
    let told = Told::start().await;
    for (team, order, generation) in [
        ("T1", [Step::Uninstall, Step::Revoke], 2),
        ("T2", [Step::Revoke, Step::Uninstall], 3),
    ] {
        let organization = told.organization(&team.to_lowercase()).await;
        told.step(organization, team, Step::Install).await;
        for step in order {
            told.step(organization, team, step).await;
        }
        let ended = state("inactive", "revoked", false, generation);
        assert_eq!(told.state(organization).await, ended, "{order:?}");
    }
}

#[tokio::test]
async fn an_uninstall_from_one_workspace_says_nothing_of_an_org_wide_installation() {
    let told = Told::start().await;
    let grid = told.organization("grid").await;
    told.connect(grid, "E1", 0).await;
    let uninstalled = || SlackLifecycleChange::Uninstalled;
    told.told("Ev1", (Some("T7"), None), uninstalled(), 5).await;
    told.told("Ev2", (Some("T7"), Some("E1")), uninstalled(), 5).await;
    assert_eq!(told.state(grid).await, state("active", "healthy", true, 1));
    told.told("Ev3", (None, Some("E1")), uninstalled(), 5).await;
    assert_eq!(told.state(grid).await, state("inactive", "revoked", false, 2));
}

#[tokio::test]
async fn a_token_that_a_person_took_back_is_noted_for_itself_and_leaves_the_bot_alone() {
    let told = Told::start().await;
    let acme = told.organization("acme").await;
    told.connect(acme, "T1", 10).await;
    let granted = told
        .client
        .execute(
            "UPDATE integrations SET connector_user_id = 'U0ADA', metadata = metadata || '{\"user_token\": \"granted\"}'
              WHERE organization_id = $1",
            &[&acme.uuid()],
        )
        .await;
    assert_eq!(granted.expect("noted"), 1);
    let team = (Some("T1"), None);
    let note = async || {
        let row = told
            .client
            .query_one(
                "SELECT metadata ->> 'user_token' FROM integrations WHERE organization_id = $1",
                &[&acme.uuid()],
            )
            .await;
        row.expect("a connection").get::<_, String>(0)
    };

    told.told("Ev1", team, revoked(&["U0ADA"], &[]), 5).await;
    told.told("Ev2", team, revoked(&["U0GRACE"], &[]), 15).await;
    assert_eq!(
        note().await,
        "granted",
        "before it was connected, and somebody else's"
    );
    // The bot that it names is one of before.
    told.told("Ev3", team, revoked(&["U0ADA"], &["U0OLD"]), 15).await;
    assert_eq!(note().await, "revoked");
    told.told("Ev4", team, revoked(&["U0ADA"], &[]), 16).await;
    assert_eq!(told.state(acme).await, state("active", "healthy", true, 1));
    assert_eq!(told.actions(acme).await, ["integration.user_token_revoked"]);
}
