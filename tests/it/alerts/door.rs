//! What comes to a connection's own address.

use std::sync::Arc;

use serde_json::json;
use shared::{
    aws::Patience,
    queue::{Queue, SqsQueue},
    task::Task,
};
use tests::{
    gateway::Call,
    kms::Fault,
    lines::Lines,
    local::sdk,
    queue::{Mood, RecordingQueue},
};

use super::{API_TOKEN, SIGNING_SECRET, World, door, incident, path, signed};

#[tokio::test]
async fn a_delivery_becomes_one_task_that_names_the_connection_and_nothing_of_the_raw_event() {
    let world = World::new().await;
    let envelope = world.delivered("01EVENT", "triggered", 1).await;
    let key = format!("{}:01EVENT", world.pagerduty);
    assert_eq!(envelope.delivery.to_string(), format!("pagerduty:{key}"));
    assert!(envelope.raw.is_none());
    let Task::ApplyAlertV1(news) = &envelope.task else {
        panic!("{:?}", envelope.task);
    };
    assert_eq!(
        (news.organization, news.integration),
        (world.acme.id, world.pagerduty)
    );
    assert_eq!(news.alert.title, "Checkout is down");

    let body = incident("01EVENT", "triggered", 1, "Checkout is down");
    world.send(&signed(&world.path(), SIGNING_SECRET, &body)).await;
    let again = world.queued().remove(0);
    assert_eq!((again.deduplication, again.group), (key, news.message_group()));
}

#[tokio::test]
async fn a_ping_is_thanked_for_and_goes_no_further() {
    let world = World::new().await;
    let ping = json!({"event": {"id": "01PING", "event_type": "pagey.ping", "data": {"type": "ping", "message": "Hi"}}});
    let call = signed(&world.path(), SIGNING_SECRET, ping.to_string().as_bytes());
    assert_eq!(world.send(&call).await.status, 200);
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn a_forged_delivery_stops_at_the_door() {
    let world = World::new().await;
    let theirs = world.rival("rival's secret").await;
    let body = incident("01EVENT", "triggered", 1, "Checkout is down");
    let altered = incident("01EVENT", "resolved", 1, "Checkout is down");
    let good = signed(&world.path(), SIGNING_SECRET, &body);
    let forged = [
        Call::post(&world.path(), body.clone()),
        signed(&world.path(), "guessed", &body),
        // What another organization's connection is told with.
        signed(&world.path(), "rival's secret", &body),
        signed(&path(theirs), SIGNING_SECRET, &body),
        Call {
            body: altered,
            ..good.clone()
        },
        good.clone().with("x-pagerduty-signature", "v1=00"),
    ];
    for call in &forged {
        let answer = world.send(call).await;
        assert_eq!(answer.status, 401, "{call:?}");
        assert!(
            answer.body.contains(r#""code":"unauthenticated""#),
            "{}",
            answer.body
        );
    }
    assert!(world.queued().is_empty());
    assert_eq!(
        world.stack.counted("DeliveryRejected").values().sum::<usize>(),
        forged.len()
    );
    assert_eq!(world.send(&good).await.status, 200);
}

#[tokio::test]
async fn a_signature_is_checked_over_the_raw_bytes_however_they_travel() {
    let world = World::new().await;
    let body = incident("01EVENT", "triggered", 1, "Slow \u{1f422}");
    let mut wrapped = signed(&world.path(), SIGNING_SECRET, &body);
    wrapped.base64 = true;
    wrapped.headers = wrapped
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_uppercase(), value))
        .collect();
    assert_eq!(world.send(&wrapped).await.status, 200);
    let queued = world.queued().remove(0);
    assert!(queued.body.contains("Slow \u{1f422}"), "{}", queued.body);

    let bytes = [b"\xff\xfe".as_slice(), &body].concat();
    let mut bytes = signed(&world.path(), SIGNING_SECRET, &bytes);
    bytes.base64 = true;
    let answer = world.send(&bytes).await;
    assert_eq!(answer.status, 400, "signed, but not a text: the signature held");
}

#[tokio::test]
async fn an_address_of_nobodys_is_not_found_and_costs_kms_nothing() {
    let world = World::new().await;
    let body = incident("01EVENT", "triggered", 1, "Checkout is down");
    let id = world.pagerduty.uuid();
    let slack = world.acme.integration.uuid();
    let unknown = [
        "/webhooks/pagerduty/0199c0de-0000-7000-8000-00000000abcd".to_owned(),
        // Of another connector.
        format!("/webhooks/pagerduty/{slack}"),
        format!("/webhooks/pagerduty/{}", id.simple()),
        format!("/webhooks/pagerduty/{}", world.pagerduty),
        "/webhooks/pagerduty/T1".to_owned(),
        "/webhooks/pagerduty/%00".to_owned(),
        "/webhooks/pagerduty".to_owned(),
        format!("/webhooks/datadog/{id}"),
    ];
    for path in &unknown {
        let answer = world.send(&signed(path, SIGNING_SECRET, &body)).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.body.contains(r#""code":"not_found""#),
            "{path}: {}",
            answer.body
        );
    }
    let opened = |world: &World| {
        world
            .stack
            .kms
            .calls()
            .iter()
            .filter(|call| call.operation == "Decrypt")
            .count()
    };
    assert_eq!(opened(&world), 0);

    for ended in ["inactive", "deleted"] {
        world
            .run(&format!(
                "UPDATE integrations SET status = '{ended}' WHERE integration_id = '{id}'"
            ))
            .await;
        let answer = world.send(&signed(&world.path(), SIGNING_SECRET, &body)).await;
        assert_eq!(answer.status, 404, "{ended}");
    }
    world
        .run(&format!(
            "UPDATE integrations SET status = 'active' WHERE integration_id = '{id}';
             DELETE FROM integration_credentials WHERE integration_id = '{id}'"
        ))
        .await;
    let answer = world.send(&signed(&world.path(), SIGNING_SECRET, &body)).await;
    assert_eq!(answer.status, 404, "nothing is there to verify with");
    assert_eq!(opened(&world), 0);
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn a_flood_of_forgeries_asks_kms_once_for_many() {
    let world = World::new().await;
    let forged = signed(
        &world.path(),
        "guessed",
        &incident("01EVENT", "triggered", 1, "x"),
    );
    for _ in 0..50 {
        assert_eq!(world.send(&forged).await.status, 401);
    }
    let calls = world.stack.kms.calls();
    assert_eq!(calls.iter().filter(|call| call.operation == "Decrypt").count(), 1);
}

#[tokio::test]
async fn what_is_signed_and_cannot_be_read_is_refused_and_counted() {
    let world = World::new().await;
    for body in [
        r#"{"event": 1}"#,
        "no json",
        r#"{"event": {"id": "01", "event_type": "incident.triggered"}}"#,
    ] {
        let answer = world
            .send(&signed(&world.path(), SIGNING_SECRET, body.as_bytes()))
            .await;
        assert_eq!(answer.status, 400, "{body}");
    }
    assert_eq!(world.stack.counted("DeliveryUnusable").values().sum::<usize>(), 3);
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn what_is_too_large_or_no_json_is_refused_before_anybody_is_asked() {
    let world = World::new().await;
    world.stack.database.goes_away().await.expect("it goes");
    let large = vec![b' '; pagerduty_webhook::SENDER.max_body_bytes + 1];
    assert_eq!(
        world
            .send(&signed(&world.path(), SIGNING_SECRET, &large))
            .await
            .status,
        413
    );
    let form = signed(&world.path(), SIGNING_SECRET, b"a=b").instead("content-type", "text/plain");
    assert_eq!(world.send(&form).await.status, 415);
    let unreadable = signed("/webhooks/pagerduty/T1", SIGNING_SECRET, b"{}");
    assert_eq!(
        world.send(&unreadable).await.status,
        404,
        "an id that is none needs no database"
    );
}

#[tokio::test]
async fn an_outage_of_ours_makes_the_sender_come_again_and_is_never_a_refusal() {
    let world = World::new().await;
    let good = signed(
        &world.path(),
        SIGNING_SECRET,
        &incident("01EVENT", "triggered", 1, "Checkout is down"),
    );
    let away = async |what: &str, status: u16| {
        let answer = world.send(&good).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        if status == 503 {
            assert_eq!(answer.header("retry-after"), "5", "{what}");
        }
        assert!(world.queue.recorded().is_empty(), "{what}");
    };

    world.stack.database.goes_away().await.expect("it goes");
    away("the database", 503).await;
    world.stack.database.comes_back().await.expect("it comes back");

    for fault in [Fault::Down, Fault::Throttled] {
        world.stack.kms.fail(fault);
        away("KMS", 503).await;
    }
    world.stack.kms.fail(Fault::Denied);
    away("a right to the key", 500).await;
    world.stack.kms.recover();

    for mood in [Mood::Down, Mood::Hanging] {
        world.queue.be(mood);
        away("the queue", 503).await;
    }
    world.queue.be(Mood::Well);
    assert_eq!(world.send(&good).await.status, 200);
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn sqs_that_takes_the_connection_and_never_answers_is_away_too() {
    let world = World::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = silent.local_addr().expect("an address");
    let aws = sdk(&format!("http://{address}"), Patience::SENDER_WAITS).expect("no CA bundle is named");
    let urls = [(
        Queue::Events,
        format!("http://{address}/123456789012/events.fifo"),
    )];
    let router = super::door_before(&world.stack, Arc::new(SqsQueue::new(&aws, urls)));
    let body = incident("01EVENT", "triggered", 1, "Checkout is down");
    let started = std::time::Instant::now();
    let answer = signed(&world.path(), SIGNING_SECRET, &body)
        .send(&router)
        .await
        .expect("an answer");
    assert_eq!(answer.status, 503);
    assert!(
        started.elapsed() < shared::webhook::connection::DEADLINE,
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn credentials_that_were_moved_to_another_connection_open_nothing_there() {
    let world = World::new().await;
    let theirs = world.rival("rival's secret").await;
    world
        .stack
        .move_credentials(theirs, world.pagerduty)
        .await
        .expect("moved");
    let body = incident("01EVENT", "triggered", 1, "Checkout is down");
    let answer = world.send(&signed(&world.path(), "rival's secret", &body)).await;
    assert_eq!(answer.status, 500);
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn neither_a_secret_nor_what_the_third_party_wrote_is_told_by_the_door() {
    let planted = "planted-9f2c";
    let lines = Lines::default();
    let world = World::new().await;
    let mut answers = Vec::new();
    {
        let _guard = lines.listen("trace");
        let router = door(&world.stack, &Arc::new(RecordingQueue::default()));
        let good = incident("01EVENT", "triggered", 1, planted);
        let odd = json!({"event": {"id": planted, "event_type": "incident.triggered", "data": planted}})
            .to_string();
        for call in [
            signed(&world.path(), SIGNING_SECRET, &good),
            signed(&world.path(), SIGNING_SECRET, odd.as_bytes()),
            signed(&world.path(), planted, &good),
            signed(&world.path(), SIGNING_SECRET, &good).instead("x-pagerduty-signature", planted),
            signed(&format!("/webhooks/pagerduty/{planted}"), SIGNING_SECRET, &good),
        ] {
            answers.push(call.send(&router).await.expect("an answer"));
        }
        world.stack.kms.fail(Fault::Down);
        let router = door(&world.stack, &Arc::new(RecordingQueue::default()));
        answers.push(
            signed(&world.path(), SIGNING_SECRET, &good)
                .send(&router)
                .await
                .expect("an answer"),
        );
    }
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 400, 401, 401, 404, 503]);
    let told = format!("{}{answers:?}", lines.whole());
    assert!(
        told.contains("credentials opened"),
        "that they were opened is in the log"
    );
    for secret in [SIGNING_SECRET, API_TOKEN, planted] {
        assert!(!told.contains(secret), "{secret}");
    }
}
