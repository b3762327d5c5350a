#![expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{
    Datadog,
    api::SITES,
    event::TEMPLATE,
    fake::{Access, FakeDatadog, Monitor},
};
use crate::{
    clock::{FixedClock, Timestamp},
    config::Env,
    connector::{
        contract::{
            Checked, Connection, Connector, ConnectorError, Credentials, Delivered, DynConnector, Linked, Parts,
            ReceiveError, Remedy, Returned,
        },
        fake::{Sent, Trouble, Vendor as _},
    },
    id::{IntegrationId, OrganizationId},
    secret::manager::{MemorySecrets, SecretStore},
    task::{Alert, AlertSeverity, AlertState},
    webhook::{WebhookError, datadog::TOKEN},
};

const URL: &str = "https://api.example.com/webhooks/datadog/1";
const NOW: i64 = 1_800_000_000;

struct World {
    datadog: Datadog,
    fake: FakeDatadog,
}

fn connection(integration: u128, webhook_url: Option<&str>) -> Connection<'_> {
    Connection {
        organization: OrganizationId::NIL,
        integration: IntegrationId::from(uuid::Uuid::from_u128(integration)),
        nonce: "",
        webhook_url,
        account: None,
        now: Timestamp::UNIX_EPOCH,
    }
}

async fn world() -> World {
    let clock = FixedClock::at(Timestamp::from_timestamp(NOW, 0).expect("a time"));
    let fake = FakeDatadog::start(Arc::new(clock.clone())).await.expect("a fake");
    let parts = Parts {
        clock: Arc::new(clock),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    let mut env = Env::from_pairs(fake.variables());
    let datadog = Datadog::configure(&mut env, &parts).expect("a connector");
    World { datadog, fake }
}

impl World {
    async fn complete(&self, input: Value) -> Result<Linked<Credentials>, ConnectorError> {
        let returned = Returned { redirect_uri: "", code_verifier: "" };
        DynConnector::complete(&self.datadog, connection(1, Some(URL)), returned, input).await
    }

    async fn linked(&self, organization: u8, access: Access) -> Linked<Credentials> {
        self.complete(self.fake.keys(organization, access)).await.expect("keys that work")
    }

    async fn connected(&self, organization: u8, integration: u128, url: &str) -> Linked<Credentials> {
        let linked = self.linked(organization, Access::Full).await;
        DynConnector::attach(&self.datadog, connection(integration, Some(url)), linked).await.expect("a webhook")
    }

    async fn check(&self, linked: &Linked<Credentials>, url: Option<&str>) -> Result<Checked, ConnectorError> {
        DynConnector::validate(&self.datadog, connection(1, url), &linked.credentials).await
    }

    async fn lack(&self, linked: &Linked<Credentials>, url: Option<&str>) -> Option<(&'static str, Remedy)> {
        let checked = self.check(linked, url).await.expect("keys that work");
        checked.lacking.map(|lack| (lack.reason, lack.remedy))
    }

    async fn revoke(&self, linked: &Linked<Credentials>) -> Result<(), ConnectorError> {
        DynConnector::revoke(&self.datadog, connection(1, None), &linked.credentials).await
    }

    fn receive(&self, linked: &Linked<Credentials>, sent: &Sent) -> Result<Delivered, ReceiveError> {
        self.receive_as(linked, &sent.header_map(), &sent.body)
    }

    fn receive_as(
        &self,
        linked: &Linked<Credentials>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Delivered, ReceiveError> {
        DynConnector::receive(&self.datadog, &linked.credentials, headers, body)
    }
}

fn monitor() -> Monitor {
    Monitor {
        id: 148_275_309,
        name: "CPU is \"high\"".to_owned(),
        scope: "host:a,env:b".to_owned(),
        priority: "P2",
        tags: "monitor,service:checkout,env:b".to_owned(),
    }
}

fn only(mut sent: Vec<Sent>) -> Sent {
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

fn stored(linked: &Linked<Credentials>) -> Value {
    serde_json::to_value(&linked.credentials).expect("json")
}

/// What our template makes when these variables are replaced and no others are known.
fn delivery(values: &[(&str, &str)]) -> Vec<u8> {
    let mut body: Value = serde_json::from_str(TEMPLATE).expect("json");
    for (field, value) in values {
        assert!(body[*field].is_string(), "{field}");
        body[*field] = json!(value);
    }
    body.to_string().into_bytes()
}

#[tokio::test]
async fn keys_are_sent_to_the_site_that_was_chosen_and_to_no_host_beside_the_list() {
    let world = world().await;
    for organization in 0..u8::try_from(SITES.len()).expect("few") {
        let linked = world.linked(organization, Access::Full).await;
        assert_eq!(linked.account.metadata["site"], SITES[usize::from(organization)]);
        assert_eq!(linked.account.name, format!("Acme {organization}"));
    }
    let calls = world.fake.calls();
    for site in ["evil.example", "datadoghq.com.evil.example", "DATADOGHQ.COM", "../us3.datadoghq.com", ""] {
        let mut input = world.fake.keys(0, Access::Full);
        input["site"] = json!(site);
        let Err(ConnectorError::Invalid(problems)) = world.complete(input).await else {
            panic!("{site} is taken");
        };
        assert_eq!(problems[0].field, "credentials.site");
    }
    let mut elsewhere = stored(&world.linked(0, Access::Full).await);
    let asked = world.fake.calls();
    elsewhere["site"] = json!("evil.example");
    let elsewhere: Credentials = serde_json::from_value(elsewhere).expect("json");
    let refused = DynConnector::validate(&world.datadog, connection(1, None), &elsewhere).await;
    assert_eq!(refused.expect_err("no site").reason(), "credentials_unreadable");
    assert_eq!(world.fake.calls(), asked);
    assert_eq!(asked, calls + 2, "nobody was asked about what is no site");
}

#[tokio::test]
async fn a_key_that_is_not_good_is_named() {
    let world = world().await;
    let (good, other) = (world.fake.keys(0, Access::Full), world.fake.keys(3, Access::Full));
    let mut input = good.clone();
    input["api_key"] = json!("0".repeat(32));
    assert_eq!(world.complete(input).await.expect_err("no key").reason(), "api_key_invalid");
    let mut input = good.clone();
    input["site"] = other["site"].clone();
    assert_eq!(world.complete(input).await.expect_err("another site").reason(), "api_key_invalid");
    let mut input = good.clone();
    input["application_key"] = other["application_key"].clone();
    let refused = world.complete(input).await.expect_err("another organization's key");
    assert_eq!(refused.reason(), "application_key_invalid");
    let mut padded = good;
    padded["api_key"] = json!(format!(" {}\n", padded["api_key"].as_str().expect("a key")));
    world.complete(padded).await.expect("what was pasted with a blank");
    assert_eq!(world.fake.remains(), [""; 0], "completing changes nothing there");
}

#[tokio::test]
async fn only_what_the_token_hashes_to_is_kept_and_monitors_are_told_what_to_mention() {
    let world = world().await;
    let linked = world.connected(0, 0x0123_4567_89ab, URL).await;
    assert_eq!(linked.account.metadata["webhook_name"], "infragpt-0123456789ab");
    assert_eq!(linked.account.metadata["webhook_mention"], "@webhook-infragpt-0123456789ab");
    let sent = only(world.fake.raise(0, &monitor(), "Triggered"));
    let token = sent.headers.iter().find(|(name, _)| *name == TOKEN).expect("a token").1.clone();
    assert_eq!(token.len(), 64);
    assert!(!sent.url.contains(&token) && !stored(&linked).to_string().contains(&token));
    assert!(world.fake.canaries().contains(&token), "nobody may see it");

    // Another attempt makes the webhook over, with another token: what was sent before is not good any more.
    let again = world.connected(0, 0x0123_4567_89ab, URL).await;
    assert_eq!(world.fake.remains().len(), 1);
    let old = world.receive(&again, &sent);
    assert!(
        matches!(old, Err(ReceiveError::Unverified(WebhookError::Mismatch))),
        "{old:?}"
    );
    let changed = Some(("webhook_changed", Remedy::Reconnect));
    assert_eq!(world.lack(&linked, Some(URL)).await, changed);
    assert_eq!(world.lack(&again, Some(URL)).await, None);
    // The end of the connection before is told late, and takes nothing from the one that is there now.
    world.revoke(&linked).await.expect("another's webhook is not ours");
    assert!(
        world
            .receive(&again, &only(world.fake.raise(0, &monitor(), "Triggered")))
            .is_ok()
    );
    world.revoke(&again).await.expect("it is removed");
    assert_eq!(world.fake.remains(), [""; 0]);
}

#[tokio::test]
async fn keys_that_may_not_manage_webhooks_are_told_so() {
    let world = world().await;
    let linked = world.linked(0, Access::NoIntegrations).await;
    let refused = DynConnector::attach(&world.datadog, connection(1, Some(URL)), linked).await;
    match refused {
        Err(ConnectorError::Refused { reason: "permission_missing", remedy: Remedy::Grant, .. }) => {}
        other => panic!("{other:?}"),
    }
    let linked = world.connected(0, 1, URL).await;
    world.fake.forbid();
    let refused = world.revoke(&linked).await.expect_err("it is still there");
    assert_eq!(refused.reason(), "permission_missing");
    assert_eq!(world.fake.remains().len(), 1);
}

#[tokio::test]
async fn a_check_tells_what_became_of_the_webhook() {
    let world = world().await;
    let linked = world.linked(0, Access::Full).await;
    let nowhere = DynConnector::attach(&world.datadog, connection(1, None), linked).await.expect("nothing to make");
    assert_eq!(world.fake.remains(), [""; 0]);
    assert_eq!(world.lack(&nowhere, None).await, Some(("webhook_unavailable", Remedy::Operator)));
    assert_eq!(world.lack(&nowhere, Some(URL)).await, Some(("webhook_missing", Remedy::Reconnect)));
    let forged = world.receive_as(&nowhere, &HeaderMap::new(), b"{}");
    assert!(matches!(forged, Err(ReceiveError::Unverified(_))), "{forged:?}");
    world.revoke(&nowhere).await.expect("nothing to remove");

    let linked = world.connected(0, 1, URL).await;
    assert_eq!(world.lack(&linked, Some(URL)).await, None);
    assert_eq!(world.lack(&linked, None).await, None, "nobody who does not know our address can say that it is another");
    world.fake.lead("https://elsewhere.example/");
    assert_eq!(world.lack(&linked, Some(URL)).await, Some(("webhook_moved", Remedy::Reconnect)));
    world.fake.remove_webhooks();
    assert_eq!(world.lack(&linked, Some(URL)).await, Some(("webhook_missing", Remedy::Reconnect)));
    assert_eq!(world.lack(&linked, None).await, Some(("webhook_missing", Remedy::Reconnect)));
    world.revoke(&linked).await.expect("it is gone already");
    // Nothing that is stored leads keys to another path.
    let mut changed = stored(&linked);
    changed["webhook"]["name"] = json!("../../../v2/users");
    let changed: Credentials = serde_json::from_value(changed).expect("json");
    let refused = DynConnector::revoke(&world.datadog, connection(1, None), &changed).await;
    assert!(matches!(refused, Err(ConnectorError::Protocol { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_group_of_a_monitor_is_one_alert_from_its_beginning_to_its_end() {
    let world = world().await;
    let linked = world.connected(3, 1, URL).await;
    let sent = only(world.fake.raise(3, &monitor(), "Triggered"));
    assert_eq!(sent.url, URL);
    let first = world.receive(&linked, &sent).expect("a delivery");
    let alert = first.alert.clone().expect("an alert");
    assert!(alert.dedupe_key.len() <= Alert::MAX_KEY && first.event_id.len() <= 128);
    assert_eq!((alert.severity, alert.state), (AlertSeverity::High, AlertState::Triggered));
    assert_eq!(alert.title, "CPU is \"high\"");
    assert_eq!(alert.service.as_deref(), Some("checkout"));
    assert!(alert.url.expect("a page").starts_with("https://app.datadoghq.eu/event/"));
    assert_eq!(alert.updated_at.timestamp(), NOW);

    // A delivery that is made again, or replayed by somebody who saw it, is known to be the same.
    assert_eq!(world.receive(&linked, &sent).expect("a delivery"), first);

    let mut before = first;
    for (transition, state) in [
        ("Re-Triggered", AlertState::Triggered),
        ("Warn", AlertState::Triggered),
        ("Re-Warn", AlertState::Triggered),
        ("No Data", AlertState::Triggered),
        ("Re-No Data", AlertState::Triggered),
        ("Renotify", AlertState::Triggered),
        ("Recovered", AlertState::Resolved),
        ("Triggered", AlertState::Triggered),
    ] {
        let now = world.receive(&linked, &only(world.fake.raise(3, &monitor(), transition))).expect("a delivery");
        let (old, new) = (before.alert.as_ref().expect("an alert"), now.alert.as_ref().expect("an alert"));
        assert_eq!((new.state, &new.dedupe_key, &new.title), (state, &old.dedupe_key, &old.title), "{transition}");
        assert!(new.updated_at > old.updated_at);
        assert_ne!(now.event_id, before.event_id);
        before = now;
    }
    let key = |monitor: &Monitor| {
        let delivered = world.receive(&linked, &only(world.fake.raise(3, monitor, "Triggered"))).expect("a delivery");
        delivered.alert.expect("an alert").dedupe_key
    };
    let turned = Monitor { scope: "env:b, host:a".to_owned(), ..monitor() };
    assert_eq!(key(&turned), key(&monitor()));
    for other in [Monitor { scope: "host:c,env:b".to_owned(), ..monitor() }, Monitor { id: 7, ..monitor() }] {
        assert_ne!(key(&other), key(&monitor()));
    }
}

#[tokio::test]
async fn a_delivery_without_the_token_of_its_connection_is_refused() {
    let world = world().await;
    let (ours, theirs) = (world.connected(0, 1, URL).await, world.connected(3, 2, URL).await);
    let sent = only(world.fake.raise(3, &monitor(), "Triggered"));
    assert!(world.receive(&theirs, &sent).is_ok());
    let refused = world.receive(&ours, &sent);
    assert!(matches!(refused, Err(ReceiveError::Unverified(WebhookError::Mismatch))), "{refused:?}");
    let refused = world.receive_as(&theirs, &HeaderMap::new(), &sent.body);
    assert!(matches!(refused, Err(ReceiveError::Unverified(WebhookError::Missing(TOKEN)))), "{refused:?}");
    let mut twice = sent.header_map();
    twice.append(TOKEN, HeaderValue::from_static("another"));
    let refused = world.receive_as(&theirs, &twice, &sent.body);
    assert!(matches!(refused, Err(ReceiveError::Unverified(WebhookError::Repeated(TOKEN)))), "{refused:?}");
    // What is stored, should somebody read it, opens nothing.
    let hash = stored(&theirs)["webhook"]["token_sha256"].as_str().expect("a hash").to_owned();
    let mut headers = HeaderMap::new();
    headers.insert(TOKEN, HeaderValue::from_str(&hash).expect("a header value"));
    let refused = world.receive_as(&theirs, &headers, &sent.body);
    assert!(matches!(refused, Err(ReceiveError::Unverified(WebhookError::Mismatch))), "{refused:?}");
}

#[tokio::test]
async fn variables_that_are_not_replaced_break_nothing() {
    let world = world().await;
    let linked = world.connected(0, 1, URL).await;
    let headers = only(world.fake.raise(0, &monitor(), "Triggered")).header_map();
    let read = |values: &[(&str, &str)]| world.receive_as(&linked, &headers, &delivery(values));

    // A comment that mentions the webhook is no news of a monitor.
    let untold = read(&[]).expect("a delivery");
    assert_eq!(untold.alert, None);
    assert_ne!(read(&[("title", "another")]).expect("a delivery").event_id, untold.event_id);
    for transition in ["", "Muted", "$ALERT_TRANSITION"] {
        assert_eq!(read(&[("transition", transition)]).expect("a delivery").alert, None, "{transition}");
    }
    let least = [("alert_id", "7"), ("transition", "Triggered")];
    let alert = read(&least).expect("a delivery").alert.expect("an alert");
    assert_eq!((alert.title.as_str(), alert.service, alert.url), ("Datadog monitor", None, None));
    assert_eq!((alert.severity, alert.updated_at.timestamp()), (AlertSeverity::Warning, NOW));
    let nameless = read(&[("transition", "Triggered")]);
    assert!(matches!(nameless, Err(ReceiveError::Unreadable(_))), "{nameless:?}");

    for (field, value, check) in [
        ("last_updated", "1406662672000", Box::new(|alert: &Alert| alert.updated_at.timestamp() == 1_406_662_672)
            as Box<dyn Fn(&Alert) -> bool>),
        ("last_updated", "1406662672", Box::new(|alert| alert.updated_at.timestamp() == 1_406_662_672)),
        ("last_updated", "2026-10-02T18:45:22Z", Box::new(|alert| alert.updated_at.timestamp() == 1_790_966_722)),
        ("date", "1406662672000", Box::new(|alert| alert.updated_at.timestamp() == 1_406_662_672)),
        ("date", "-1", Box::new(|alert| alert.updated_at.timestamp() == NOW)),
        ("date", "9223372036854775807", Box::new(|alert| alert.updated_at.timestamp() == NOW)),
        ("priority", "P1", Box::new(|alert| alert.severity == AlertSeverity::Critical)),
        ("priority", "P3", Box::new(|alert| alert.severity == AlertSeverity::Warning)),
        ("priority", "P4", Box::new(|alert| alert.severity == AlertSeverity::Info)),
        ("type", "error", Box::new(|alert| alert.severity == AlertSeverity::High)),
        ("type", "warning", Box::new(|alert| alert.severity == AlertSeverity::Warning)),
        ("type", "info", Box::new(|alert| alert.severity == AlertSeverity::Info)),
        ("hostname", "i-1", Box::new(|alert| alert.service.as_deref() == Some("i-1"))),
        ("tags", "a, service:x\u{0} y", Box::new(|alert| alert.service.as_deref() == Some("x y"))),
        ("link", "http://app.datadoghq.com/", Box::new(|alert| alert.url.is_none())),
        ("link", "javascript:alert(1)", Box::new(|alert| alert.url.is_none())),
        ("title", "[P1] [Re-Triggered on {host:a}] Disk [sda]", Box::new(|alert| alert.title == "Disk [sda]")),
        ("title", "[team] Disk", Box::new(|alert| alert.title == "[team] Disk")),
        ("title", "[Triggered", Box::new(|alert| alert.title == "[Triggered")),
        ("title", "$5 are spent", Box::new(|alert| alert.title == "$5 are spent")),
    ] {
        let told = [least[0], least[1], (field, value)];
        let alert = read(&told).expect("a delivery").alert.expect("an alert");
        assert!(check(&alert), "{field}: {value} is {alert:?}");
    }
    let long = read(&[least[0], least[1], ("title", &"ä".repeat(1000))]).expect("a delivery");
    assert_eq!(long.alert.expect("an alert").title.chars().count(), Alert::MAX_TITLE);
}

#[tokio::test]
async fn what_is_not_of_our_template_is_told_by_its_path_and_nothing_else() {
    let world = world().await;
    let linked = world.connected(0, 1, URL).await;
    let headers = only(world.fake.raise(0, &monitor(), "Triggered")).header_map();
    let mut typed: Value = serde_json::from_slice(&delivery(&[])).expect("json");
    typed["title"] = json!(["hunter2"]);
    let large = vec![b' '; 1024 * 1024 + 1];
    for body in [
        &b"hunter2"[..],
        b"",
        b"\xff",
        b"{}",
        br#"{"alert_id":"hunter2"}"#,
        &delivery(&[("format", "hunter2")]),
        typed.to_string().as_bytes(),
        &large,
    ] {
        let error = world.receive_as(&linked, &headers, body).expect_err("unreadable");
        assert!(matches!(error, ReceiveError::Unreadable(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn text_of_datadog_that_contains_a_key_gets_nowhere() {
    let world = world().await;
    let linked = world.connected(0, 1, URL).await;
    for trouble in [Trouble::Refuses, Trouble::Fails, Trouble::Limits(7), Trouble::Babbles, Trouble::Redirects] {
        let input = world.fake.keys(0, Access::Full);
        world.fake.trouble(Some(trouble));
        let completed = world.complete(input).await.expect_err("trouble");
        let checked = world.check(&linked, Some(URL)).await.expect_err("trouble");
        let again = Linked {
            credentials: Credentials::of(&stored(&linked)).expect("json"),
            account: linked.account.clone(),
            expires_at: None,
            installed_at: linked.installed_at,
        };
        let attached = DynConnector::attach(&world.datadog, connection(1, Some(URL)), again).await;
        let attached = attached.expect_err("trouble");
        let shown = format!("{completed} {completed:?} {checked:?} {attached:?} {linked:?} {:?}", world.datadog);
        for canary in world.fake.canaries() {
            assert!(!shown.contains(&canary), "{shown}");
        }
        if let Trouble::Limits(_) = trouble {
            let wait = Some(Duration::from_secs(7));
            assert!(matches!(checked, ConnectorError::Unavailable { retry_after, .. } if retry_after == wait));
        }
        world.fake.trouble(None);
    }
}
