//! Datadog's monitors, from the webhook that is made there for a connection to the message in Slack.

use std::{sync::Arc, time::Duration};

use datadog_webhook::{Connector, SENDER};
use shared::{
    clock::Clock as _,
    connector::{
        contract::{Connection, DynConnector, Returned},
        datadog::fake::{Access, FakeDatadog, Monitor},
        fake::{Sent, Vendor as _},
    },
    id::{IntegrationId, OrganizationId},
    secret::vault::CredentialScope,
    webhook::datadog::{TOKEN, mint},
};
use tests::gateway::Call;

use super::{World, connector};

const API_URL: &str = "https://api.example.com";

/// A Datadog, and the door that it tells of its monitors.
struct Datadog<'w> {
    world: &'w World,
    fake: FakeDatadog,
    connector: Arc<Connector>,
    router: axum::Router,
}

impl<'w> Datadog<'w> {
    async fn of(world: &'w World) -> Self {
        let fake = FakeDatadog::start(Arc::new(world.stack.clock.clone()))
            .await
            .expect("a fake");
        let connector = Arc::new(connector::<Connector>(&world.stack, fake.variables()));
        let door = world.stack.door(SENDER, connector.clone(), world.queue.clone());
        Self {
            world,
            fake,
            connector,
            router: door.expect("a door"),
        }
    }

    /// An organization connects the account of this number: a webhook is made there.
    async fn connect(&self, organization: OrganizationId, account: u8) -> IntegrationId {
        let scope = CredentialScope {
            organization,
            connector: SENDER.kind,
            integration: self.world.stack.ids.integration(),
        };
        let url = format!("{API_URL}{}", path(scope.integration));
        let connection = Connection {
            organization,
            integration: scope.integration,
            nonce: "",
            webhook_url: Some(&url),
            account: None,
            now: self.world.stack.clock.now(),
        };
        let returned = Returned {
            redirect_uri: "",
            code_verifier: "",
        };
        let connector: &dyn DynConnector = &*self.connector;
        let input = self.fake.keys(account, Access::Full);
        let linked = connector.complete(connection, returned, input).await;
        let linked = connector
            .attach(connection, linked.expect("keys that work"))
            .await;
        let credentials = linked.expect("a webhook").credentials;
        let connected = self.world.stack.connect_addressed(&scope, &credentials).await;
        connected.expect("a connection");
        scope.integration
    }

    /// What the webhook of an account sends when its monitor changes so.
    fn raise(&self, account: u8, transition: &str) -> Call {
        let mut sent = self.fake.raise(account, &monitor(), transition);
        assert_eq!(sent.len(), 1);
        call(&sent.remove(0))
    }

    /// A delivery that is taken, and what becomes of it.
    async fn tell(&self, call: &Call) {
        let envelope = self.world.taken(&self.router, call).await;
        self.world.done(&envelope).await;
    }

    async fn status(&self, call: &Call) -> u16 {
        let answer = call.send(&self.router).await.expect("an answer");
        answer.status
    }
}

fn path(integration: IntegrationId) -> String {
    format!("/webhooks/datadog/{}", integration.uuid())
}

fn call(sent: &Sent) -> Call {
    let path = sent.url.strip_prefix(API_URL).expect("it leads to us");
    let call = Call::post(path, sent.body.clone());
    sent.headers
        .iter()
        .fold(call, |call, (name, value)| call.instead(name, value))
}

fn monitor() -> Monitor {
    Monitor {
        id: 148_275_309,
        name: "Checkout is slow".to_owned(),
        scope: "service:checkout,env:prod".to_owned(),
        priority: "P2",
        tags: "monitor,service:checkout,env:prod".to_owned(),
    }
}

#[tokio::test]
async fn a_monitor_is_one_alert_and_one_message_that_changes_when_it_recovers() {
    let world = World::new().await;
    let datadog = Datadog::of(&world).await;
    datadog.connect(world.acme.id, 0).await;
    let slack = &world.stack.slack;

    let triggered = datadog.raise(0, "Triggered");
    datadog.tell(&triggered).await;
    let shown = world.shown("C1");
    let head = "\u{1f534} **Triggered**, high: Checkout is slow\n\nService: checkout \u{b7} https://app.datadoghq.com/";
    assert!(shown.len() == 1 && shown[0].starts_with(head), "{shown:?}");

    world.stack.clock.advance(Duration::from_mins(1));
    let recovered = datadog.raise(0, "Recovered");
    datadog.tell(&recovered).await;
    let shown = world.shown("C1");
    let head = "\u{2705} **Resolved**, high: Checkout is slow";
    assert!(shown.len() == 1 && shown[0].starts_with(head), "{shown:?}");
    assert_eq!((slack.posts(), slack.count("chat.update")), (1, 1));

    // Datadog sends again what it takes for lost.
    for again in [&triggered, &recovered, &recovered] {
        datadog.tell(again).await;
    }
    assert_eq!(world.shown("C1"), shown);
    assert_eq!((slack.posts(), slack.count("chat.update")), (1, 1));
    assert_eq!(world.stack.count("alerts").await.expect("a count"), 1);
    assert_eq!(world.column("state").await.as_deref(), Some("resolved"));
}

#[tokio::test]
async fn who_does_not_know_the_token_of_a_connection_tells_it_nothing() {
    let world = World::new().await;
    let datadog = Datadog::of(&world).await;
    let acme = datadog.connect(world.acme.id, 0).await;
    let rival = world.stack.organization("rival", "T2").await;
    let theirs = datadog.connect(rival.expect("an organization").id, 1).await;

    let good = datadog.raise(0, "Triggered");
    let of_rival = datadog.raise(1, "Triggered");
    let to = |call: &Call, integration: IntegrationId| Call {
        path: path(integration),
        ..call.clone()
    };
    let (_, hash) = mint().expect("a token");
    let hash = serde_json::to_string(&hash).expect("json");
    let forged = [
        good.clone().without(TOKEN),
        good.clone().instead(TOKEN, "guessed"),
        good.clone().instead(TOKEN, hash.trim_matches('"')),
        good.clone().with(TOKEN, "guessed"),
        // What another organization's connection is told with.
        to(&of_rival, acme),
        to(&good, theirs),
    ];
    for call in &forged {
        assert_eq!(datadog.status(call).await, 401, "{call:?}");
    }
    // Of nobody's connection, and of one that another third party tells.
    for unknown in [world.stack.ids.integration(), world.pagerduty] {
        assert_eq!(datadog.status(&to(&good, unknown)).await, 404);
    }
    assert!(world.queued().is_empty());
    let refused = world.stack.counted("DeliveryRejected");
    assert_eq!(refused.values().sum::<usize>(), forged.len() + 2);

    datadog.tell(&good).await;
    assert_eq!(world.shown("C1").len(), 1);
}
