#![expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{
    PagerDuty,
    fake::{Access, FakePagerDuty, Meddling},
};
use crate::{
    clock::{FixedClock, Timestamp},
    config::Env,
    connector::{
        contract::{
            Account, Checked, Connection, Connector, ConnectorError, Credentials, Delivered, DynConnector, Linked, Parts,
            ReceiveError, Remedy, Returned,
        },
        fake::{Sent, Trouble, Vendor as _},
    },
    http::fake::{ANY_PORT, Server},
    id::{IntegrationId, OrganizationId},
    secret::manager::{MemorySecrets, SecretStore},
    task::{AlertSeverity, AlertState},
    webhook::{WebhookError, pagerduty},
};

const URL: &str = "https://api.example.com/webhooks/pagerduty/1";

struct World {
    pagerduty: PagerDuty,
    fake: FakePagerDuty,
}

const fn connection(webhook_url: Option<&str>) -> Connection<'_> {
    Connection {
        organization: OrganizationId::NIL,
        integration: IntegrationId::NIL,
        nonce: "",
        webhook_url,
        account: None,
        now: Timestamp::UNIX_EPOCH,
    }
}

async fn world() -> World {
    let clock = FixedClock::at(Timestamp::from_timestamp(1_800_000_000, 0).expect("a time"));
    let fake = FakePagerDuty::start(Arc::new(clock.clone())).await.expect("a fake");
    let parts = Parts {
        clock: Arc::new(clock),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    let mut env = Env::from_pairs(fake.variables());
    let pagerduty = PagerDuty::configure(&mut env, &parts).expect("a connector");
    World { pagerduty, fake }
}

impl World {
    async fn complete(&self, input: Value) -> Result<Linked<Credentials>, ConnectorError> {
        let returned = Returned { redirect_uri: "", code_verifier: "" };
        DynConnector::complete(&self.pagerduty, connection(Some(URL)), returned, input).await
    }

    async fn token(&self, account: u8, access: Access) -> Linked<Credentials> {
        let region = if account.is_multiple_of(2) { "us" } else { "eu" };
        let input = json!({ "api_token": self.fake.token(account, access), "region": region });
        self.complete(input).await.expect("a token that works")
    }

    async fn attach(&self, linked: Linked<Credentials>, url: Option<&str>) -> Result<Linked<Credentials>, ConnectorError> {
        DynConnector::attach(&self.pagerduty, connection(url), linked).await
    }

    async fn connected(&self, account: u8, url: &str) -> Linked<Credentials> {
        let linked = self.token(account, Access::Full).await;
        self.attach(linked, Some(url)).await.expect("a webhook")
    }

    async fn check(&self, linked: &Linked<Credentials>, url: Option<&str>) -> Result<Checked, ConnectorError> {
        DynConnector::validate(&self.pagerduty, connection(url), &linked.credentials).await
    }

    async fn lack(&self, linked: &Linked<Credentials>, url: Option<&str>) -> Option<(&'static str, Remedy)> {
        let checked = self.check(linked, url).await.expect("a token that works");
        checked.lacking.map(|lack| (lack.reason, lack.remedy))
    }

    async fn revoke(&self, linked: &Linked<Credentials>) -> Result<(), ConnectorError> {
        DynConnector::revoke(&self.pagerduty, connection(None), &linked.credentials).await
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
        DynConnector::receive(&self.pagerduty, &linked.credentials, headers, body)
    }
}

fn only(mut sent: Vec<Sent>) -> Sent {
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

fn stored(linked: &Linked<Credentials>) -> Value {
    serde_json::to_value(&linked.credentials).expect("json")
}

/// A delivery with these data of an incident, signed as its subscription's would be.
fn signed(linked: &Linked<Credentials>, body: &[u8]) -> HeaderMap {
    let secret = stored(linked)["signing_secret"].as_str().expect("a secret").to_owned();
    let (name, value) = pagerduty::sign(&secret, body);
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(&value).expect("a header value"));
    headers
}

fn event(event_type: &str, data: &Value) -> Value {
    json!({ "event": {
        "id": "01E", "event_type": event_type, "resource_type": "incident", "occurred_at": "2026-10-02T18:45:22.169Z",
        "agent": null, "client": null, "data": data,
    }})
}

fn incident() -> Value {
    json!({ "id": "PGR0VU2", "type": "incident", "status": "triggered", "title": "A little bump", "urgency": "high" })
}

#[tokio::test]
async fn an_account_is_known_by_its_subdomain_whoever_the_token_belongs_to() {
    let world = world().await;
    for (account, access, id) in [
        (0, Access::Full, "acme-0"),
        (2, Access::User, "acme-2"),
        (1, Access::Full, "acme-1.eu"),
        (1, Access::ReadOnly, "acme-1.eu"),
    ] {
        let linked = world.token(account, access).await;
        let Account { id: found, name, external_id, metadata, .. } = linked.account;
        assert_eq!((found.as_str(), name.as_str(), external_id), (id, id, None));
        assert_eq!(metadata["region"], if account == 1 { "eu" } else { "us" });
    }
    let elsewhere = json!({ "api_token": world.fake.token(1, Access::Full), "region": "us" });
    assert_eq!(world.complete(elsewhere).await.expect_err("another region").reason(), "token_invalid");
    let padded = json!({ "api_token": format!(" {}\n", world.fake.token(0, Access::Full)), "region": "us" });
    let padded = world.complete(padded).await.expect("what was pasted with a blank");
    assert!(!stored(&padded)["api_token"].as_str().expect("a token").contains(char::is_whitespace));
    assert_eq!(world.fake.remains(), [""; 0], "completing changes nothing there");
}

#[tokio::test]
async fn what_an_earlier_attempt_left_is_replaced_among_many_of_other_people() {
    let world = world().await;
    world.fake.crowd(0, 130);
    let first = world.connected(0, URL).await;
    world.fake.crowd(0, 130);
    let second = world.connected(0, URL).await;
    assert_eq!(world.fake.subscriptions_to(URL), 1);
    assert_eq!(world.fake.subscriptions_to("https://elsewhere.example/hook"), 260);
    assert_eq!(world.lack(&second, Some(URL)).await, None);
    assert_eq!(world.lack(&first, Some(URL)).await, Some(("webhook_missing", Remedy::Reconnect)));

    let (_, told) = world.fake.trigger_incident(0, "bump", None, "high");
    let told = told.into_iter().filter(|sent| sent.url == URL).collect();
    let sent = only(told);
    assert!(world.receive(&second, &sent).is_ok());
    let old = world.receive(&first, &sent);
    assert!(matches!(old, Err(ReceiveError::Unverified(WebhookError::Mismatch))), "{old:?}");
}

#[tokio::test]
async fn a_token_that_may_only_read_is_told_so_and_leaves_nothing() {
    let world = world().await;
    let linked = world.token(0, Access::ReadOnly).await;
    match world.attach(linked, Some(URL)).await {
        Err(ConnectorError::Refused { reason: "token_read_only", remedy: Remedy::Reconnect, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(world.fake.remains(), [""; 0]);
}

#[tokio::test]
async fn a_check_tells_what_became_of_the_webhook() {
    let world = world().await;
    let nowhere = world.token(0, Access::Full).await;
    let nowhere = world.attach(nowhere, None).await.expect("nothing to make");
    assert_eq!(world.fake.remains(), [""; 0]);
    assert_eq!(world.lack(&nowhere, None).await, Some(("webhook_unavailable", Remedy::Operator)));
    assert_eq!(world.lack(&nowhere, Some(URL)).await, Some(("webhook_missing", Remedy::Reconnect)));
    let forged = world.receive_as(&nowhere, &HeaderMap::new(), b"{}");
    assert!(matches!(forged, Err(ReceiveError::Unverified(_))), "{forged:?}");
    world.revoke(&nowhere).await.expect("nothing to remove");

    let linked = world.connected(0, URL).await;
    assert_eq!(world.lack(&linked, Some(URL)).await, None);
    assert_eq!(world.lack(&linked, None).await, None, "nobody who does not know our address can say that it is another");
    for (meddling, lack) in [
        (Meddling::SwitchOff, Some(("webhook_disabled", Remedy::Grant))),
        (Meddling::Disable, Some(("webhook_disabled", Remedy::Grant))),
        (Meddling::Restore, None),
        (Meddling::Lead, Some(("webhook_moved", Remedy::Reconnect))),
        (Meddling::Remove, Some(("webhook_missing", Remedy::Reconnect))),
    ] {
        world.fake.meddle(meddling);
        assert_eq!(world.lack(&linked, Some(URL)).await, lack, "{meddling:?}");
    }
    world.revoke(&linked).await.expect("it is gone already");
}

#[tokio::test]
async fn an_incident_is_one_alert_from_its_beginning_to_its_end() {
    let world = world().await;
    let linked = world.connected(1, URL).await;
    let (id, sent) = world.fake.trigger_incident(1, "The database\nis on fire", Some("P1"), "low");
    let sent = only(sent);
    assert_eq!(sent.url, URL);
    let first = world.receive(&linked, &sent).expect("a delivery");
    let alert = first.alert.clone().expect("an alert");
    assert_eq!(alert.dedupe_key, id);
    assert_eq!((alert.severity, alert.state), (AlertSeverity::Critical, AlertState::Triggered));
    assert_eq!(alert.title, "The database is on fire");
    assert_eq!(alert.service.as_deref(), Some("API Service"));
    assert_eq!(alert.url, Some(format!("https://acme-1.eu.pagerduty.com/incidents/{id}")));
    assert_eq!(alert.updated_at.timestamp(), 1_800_000_000);

    // A delivery that is made again, or replayed by somebody who saw it, is known to be the same.
    assert_eq!(world.receive(&linked, &sent).expect("a delivery"), first);

    let mut before = first;
    for (told, state) in [
        (world.fake.acknowledge(&id), AlertState::Acknowledged),
        (world.fake.tell(&id, "incident.escalated"), AlertState::Acknowledged),
        (world.fake.resolve(&id), AlertState::Resolved),
        (world.fake.reopen(&id), AlertState::Triggered),
    ] {
        let now = world.receive(&linked, &only(told)).expect("a delivery");
        let (old, new) = (before.alert.as_ref().expect("an alert"), now.alert.as_ref().expect("an alert"));
        assert_eq!((new.state, &new.dedupe_key), (state, &id));
        assert!(new.updated_at > old.updated_at);
        assert_ne!(now.event_id, before.event_id);
        before = now;
    }
    assert_eq!(world.receive(&linked, &only(world.fake.ping(1))).expect("a delivery").alert, None);
}

#[tokio::test]
async fn a_delivery_of_another_connection_or_body_or_version_is_refused() {
    let world = world().await;
    let (ours, theirs) = (world.connected(0, URL).await, world.connected(2, "https://api.example.com/2").await);
    let (_, sent) = world.fake.trigger_incident(2, "theirs", None, "high");
    let sent = only(sent);
    assert!(world.receive(&theirs, &sent).is_ok());
    let mismatch = |result: Result<Delivered, ReceiveError>| {
        assert!(matches!(result, Err(ReceiveError::Unverified(WebhookError::Mismatch))), "{result:?}");
    };
    mismatch(world.receive(&ours, &sent));
    mismatch(world.receive_as(&theirs, &sent.header_map(), &sent.body[1..]));
    let mut changed = sent.clone();
    changed.body = String::from_utf8(sent.body.clone()).expect("text").replace("theirs", "mine").into_bytes();
    mismatch(world.receive(&theirs, &changed));

    let mut older = sent.clone();
    older.headers[1].1 = sent.headers[1].1.replace("v1=", "v0=");
    let refused = world.receive(&theirs, &older);
    assert!(matches!(refused, Err(ReceiveError::Unverified(WebhookError::Malformed(_)))), "{refused:?}");
    let mut twice = sent.header_map();
    twice.append(pagerduty::SIGNATURE, HeaderValue::from_static("v1=00"));
    let refused = world.receive_as(&theirs, &twice, &sent.body);
    assert!(matches!(refused, Err(ReceiveError::Unverified(WebhookError::Repeated(_)))), "{refused:?}");
    let refused = world.receive_as(&theirs, &HeaderMap::new(), &sent.body);
    assert!(matches!(refused, Err(ReceiveError::Unverified(WebhookError::Missing(_)))), "{refused:?}");
}

#[tokio::test]
async fn what_is_signed_and_cannot_be_read_is_told_by_its_path_and_nothing_else() {
    let world = world().await;
    let linked = world.connected(0, URL).await;
    let read = |body: &[u8]| world.receive_as(&linked, &signed(&linked, body), body);
    let with = |path: &str, value: Value| {
        let mut body = event("incident.triggered", &incident());
        *body.pointer_mut(path).expect("a field") = value;
        body.to_string().into_bytes()
    };
    assert!(read(&with("/event/id", json!("01E"))).is_ok());
    for (path, value, told) in [
        ("/event/id", json!(7), "event.id"),
        ("/event/id", json!(""), "event.id"),
        ("/event/id", json!("hunter2 "), "event.id"),
        ("/event/id", json!("h".repeat(129)), "event.id"),
        ("/event/occurred_at", json!("hunter2"), "event.occurred_at"),
        ("/event/data", json!("hunter2"), "event.data"),
        ("/event/data/id", json!("hunter2/.."), "event.data.id"),
        ("/event/data/id", json!("h".repeat(65)), "event.data.id"),
        ("/event/data/status", json!("hunter2"), "event.data.status"),
        ("/event/data/title", json!(["hunter2"]), "event.data.title"),
    ] {
        let error = read(&with(path, value)).expect_err(path);
        assert!(matches!(error, ReceiveError::Unreadable(_)), "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(told) && !shown.contains("hunter2"), "{shown}");
    }
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let large = vec![b' '; 2 * 1024 * 1024 + 1];
    for body in [&b"not json"[..], b"", b"\xff", nested.as_bytes(), &large] {
        assert!(matches!(read(body), Err(ReceiveError::Unreadable(_))));
    }
    // What is no news of an incident is of no use, whatever is in it.
    for (event_type, data) in [
        ("incident.annotated", json!({ "type": "incident_note", "content": "hunter2" })),
        ("incident.responder.added", json!({ "type": "incident_responder" })),
        ("incident.of.another.year", json!({})),
        ("service.updated", json!({ "type": "service", "id": 7 })),
        ("pagey.ping", Value::Null),
    ] {
        let delivered = read(event(event_type, &data).to_string().as_bytes()).expect(event_type);
        assert_eq!((delivered.alert, delivered.event_id.as_str()), (None, "01E"), "{event_type}");
    }
}

#[tokio::test]
async fn how_bad_an_incident_is_says_its_priority_and_else_its_urgency() {
    let world = world().await;
    let linked = world.connected(0, URL).await;
    for (priority, urgency, severity) in [
        (json!("P1"), json!("low"), AlertSeverity::Critical),
        (json!("SEV-1"), json!("low"), AlertSeverity::Critical),
        (json!("sev2"), json!("low"), AlertSeverity::High),
        (json!("P3"), json!("high"), AlertSeverity::Warning),
        (json!("P5"), json!("high"), AlertSeverity::Info),
        (json!("P10"), json!("high"), AlertSeverity::High),
        (json!("Paging"), json!("low"), AlertSeverity::Warning),
        (Value::Null, json!("high"), AlertSeverity::High),
        (Value::Null, json!("low"), AlertSeverity::Warning),
        (Value::Null, Value::Null, AlertSeverity::High),
    ] {
        let mut data = incident();
        data["urgency"] = urgency;
        data["priority"] = if priority.is_null() { Value::Null } else { json!({ "summary": priority }) };
        data["html_url"] = json!("http://acme.pagerduty.com/incidents/PGR0VU2");
        data["title"] = json!("x".repeat(1000));
        let body = event("incident.priority_updated", &data).to_string();
        let headers = signed(&linked, body.as_bytes());
        let delivered = world.receive_as(&linked, &headers, body.as_bytes()).expect("a delivery");
        let alert = delivered.alert.expect("an alert");
        assert_eq!((alert.severity, alert.url, alert.title.len()), (severity, None, 300), "{data}");
    }
}

#[tokio::test]
async fn a_token_that_works_and_may_not_remove_the_webhook_is_not_taken_for_done() {
    let world = world().await;
    let linked = world.connected(0, URL).await;
    let mut weaker = stored(&linked);
    weaker["api_token"] = json!(world.fake.token(0, Access::ReadOnly));
    let weaker: Credentials = serde_json::from_value(weaker).expect("credentials");
    let refused = DynConnector::revoke(&world.pagerduty, connection(None), &weaker).await;
    assert_eq!(refused.expect_err("it is still there").reason(), "token_read_only");
    assert_eq!(world.fake.remains().len(), 1);
    world.revoke(&linked).await.expect("it is removed");
    assert_eq!(world.fake.remains(), [""; 0]);

    // Nothing that is stored leads a token to another path.
    let mut changed = stored(&linked);
    changed["subscription_id"] = json!("../users/PXPGF42");
    let changed: Credentials = serde_json::from_value(changed).expect("credentials");
    let calls = world.fake.calls();
    let refused = DynConnector::revoke(&world.pagerduty, connection(None), &changed).await;
    assert!(matches!(refused, Err(ConnectorError::Protocol { .. })), "{refused:?}");
    assert_eq!(world.fake.calls(), calls);
}

#[tokio::test]
async fn text_of_pagerduty_that_contains_a_token_gets_nowhere() {
    let world = world().await;
    let linked = world.connected(0, URL).await;
    for trouble in [Trouble::Refuses, Trouble::Fails, Trouble::Limits(7), Trouble::Babbles, Trouble::Redirects] {
        let input = json!({ "api_token": world.fake.token(0, Access::Full), "region": "us" });
        world.fake.trouble(Some(trouble));
        let completed = world.complete(input).await.expect_err("trouble");
        let checked = world.check(&linked, Some(URL)).await.expect_err("trouble");
        let again = Linked {
            credentials: Credentials::of(&stored(&linked)).expect("json"),
            account: linked.account.clone(),
            expires_at: None,
            installed_at: linked.installed_at,
        };
        let attached = world.attach(again, Some(URL)).await.expect_err("trouble");
        let shown = format!("{completed} {completed:?} {checked:?} {attached:?} {linked:?} {:?}", world.pagerduty);
        assert!(!shown.contains("hunter2") && !shown.contains("token="), "{shown}");
        if let Trouble::Limits(_) = trouble {
            let wait = Some(Duration::from_secs(7));
            assert!(matches!(checked, ConnectorError::Unavailable { retry_after, .. } if retry_after == wait));
        }
        world.fake.trouble(None);
    }
}

#[test]
fn only_the_two_real_hosts_or_the_named_one_are_asked() {
    let parts = Parts {
        clock: Arc::new(FixedClock::at(Timestamp::UNIX_EPOCH)),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    let configure = |pairs: Vec<(&'static str, &str)>| PagerDuty::configure(&mut Env::from_pairs(pairs), &parts);
    let shown = format!("{:?}", configure(Vec::new()).expect("a connector"));
    assert!(shown.contains("api.pagerduty.com") && shown.contains("api.eu.pagerduty.com"), "{shown}");
    for wrong in ["http://pagerduty.example", "pagerduty", "https://u:p@pagerduty.example", "https://a.example?b"] {
        let error = configure(vec![("PAGERDUTY_API_URL", wrong)]).expect_err(wrong);
        assert_eq!(error.variable, "PAGERDUTY_API_URL");
    }
}

#[tokio::test]
async fn a_delivery_that_is_sent_arrives_byte_by_byte() {
    let world = world().await;
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let hook = axum::Router::new().fallback(async move |headers: HeaderMap, body: axum::body::Bytes| {
        tell.send((headers, body)).await.expect("somebody listens");
        http::StatusCode::ACCEPTED
    });
    let server = Server::start(ANY_PORT, hook).await.expect("a server");
    let linked = world.connected(0, &format!("http://{}/hook", server.address())).await;
    let (id, sent) = world.fake.trigger_incident(0, "Über/\"quoted\"", None, "high");
    assert_eq!(only(sent).post().await, Ok(http::StatusCode::ACCEPTED));
    let (headers, body) = told.recv().await.expect("a delivery");
    let delivered = world.receive_as(&linked, &headers, &body).expect("a delivery");
    assert_eq!(delivered.alert.expect("an alert").dedupe_key, id);
}
