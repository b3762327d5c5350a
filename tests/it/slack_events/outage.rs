//! When the queue or Secrets Manager is away, and when the secret changes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shared::{
    aws::Patience,
    clock::Clock as _,
    queue::{Queue, SqsQueue},
    secret::manager::SecretStore,
    webhook::{Keyring, slack::Slack},
};
use tests::{
    gateway::Call,
    local::sdk,
    queue::{Mood, RecordingQueue},
};

use super::{Door, SECRET, SECRET_ARN, fixture, secret};

#[tokio::test]
async fn a_queue_that_is_away_makes_slack_come_again() {
    let door = Door::new();
    for mood in [Mood::Down, Mood::Hanging] {
        door.queue.be(mood);
        let started = Instant::now();
        let answer = door.send(&door.signed(fixture("app_mention"))).await;
        assert_eq!(answer.status, 503, "{mood:?}");
        assert_eq!(answer.header("retry-after"), "5", "{mood:?}");
        assert!(answer.body.contains(r#""code":"unavailable""#), "{}", answer.body);
        assert!(
            started.elapsed() < Duration::from_millis(2_500),
            "{mood:?}: {:?}",
            started.elapsed()
        );
    }
    door.queue.be(Mood::Well);
    assert_eq!(door.deliver("app_mention").await.len(), 1, "and it is taken then");
}

#[tokio::test]
async fn sqs_that_takes_the_connection_and_never_answers_is_away_too() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = silent.local_addr().expect("an address");
    let aws = sdk(&format!("http://{address}"), Patience::SENDER_WAITS).expect("no CA bundle is named");
    let url = format!("http://{address}/123456789012/tasks.fifo");
    let door = Door::before(
        Arc::new(SqsQueue::new(&aws, [(Queue::Tasks, url)])),
        Arc::new(RecordingQueue::default()),
    );

    let started = Instant::now();
    let answer = door.send(&door.signed(fixture("app_mention"))).await;
    assert_eq!(answer.status, 503);
    assert!(
        started.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_accepted_for_a_day() {
    let door = Door::new();
    assert_eq!(door.deliver("app_mention").await.len(), 1);
    assert_eq!(door.secrets.reads(), 1);
    let new = "f0e1d2c3b4a5968778695a4b3c2d1e0f";
    let now = door.clock.now();
    door.secrets.put(SECRET_ARN, &secret(new), now);

    let with = async |secret: &str| {
        let call = door.signed_with(secret, fixture("app_mention"));
        let status = door.send(&call).await.status;
        (status, door.queue.drain().len())
    };
    assert_eq!(
        with(new).await,
        (200, 1),
        "an unknown signature makes us ask for newer secrets"
    );
    assert_eq!(door.secrets.reads(), 2);
    assert_eq!(with(SECRET).await, (200, 1));
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"current""#), 2);
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"previous""#), 1);

    door.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(with(SECRET).await, (200, 1), "a second before the day is over");
    door.clock.advance(Duration::from_secs(1));
    assert_eq!(with(SECRET).await, (401, 0), "the day is over");
    assert_eq!(with(new).await, (200, 1));
}

#[tokio::test]
async fn a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute() {
    let door = Door::new();
    for _ in 0..50 {
        let forged = door.signed_with("guess", fixture("app_mention"));
        assert_eq!(door.status(forged).await, 401);
    }
    assert_eq!(
        door.secrets.reads(),
        2,
        "once to begin with, once for the forgeries"
    );
    door.clock.advance(Duration::from_secs(59));
    let forged = door.signed_with("guess", fixture("app_mention"));
    assert_eq!(door.status(forged).await, 401);
    assert_eq!(door.secrets.reads(), 2);
    door.clock.advance(Duration::from_secs(1));
    let forged: Vec<_> = (0..20)
        .map(|_| door.signed_with("guess", fixture("app_mention")))
        .collect();
    let answers = futures_util::future::join_all(forged.iter().map(|call| door.send(call))).await;
    assert!(answers.iter().all(|answer| answer.status == 401));
    assert_eq!(door.secrets.reads(), 3, "twenty at once wait for one answer");

    // What is malformed or stale is refused before anybody is asked for anything.
    let fresh = Door::new();
    let unsigned = Call::post("/slack/events", fixture("app_mention"));
    assert_eq!(fresh.status(unsigned).await, 401);
    assert_eq!(fresh.secrets.reads(), 0);
}

#[tokio::test]
async fn without_secrets_manager_old_secrets_serve_and_without_any_slack_comes_again() {
    let door = Door::new();
    door.secrets.set_down(true);
    let answer = door.send(&door.signed(fixture("app_mention"))).await;
    assert_eq!(answer.status, 503, "an outage is no refusal");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(door.queue.recorded().is_empty());

    door.secrets.set_down(false);
    assert_eq!(door.deliver("app_mention").await.len(), 1);

    door.secrets.set_down(true);
    door.clock.advance(Duration::from_hours(2));
    assert_eq!(
        door.deliver("app_mention").await.len(),
        1,
        "secrets older than their age are used on"
    );
    let forged = door.signed_with("guess", fixture("app_mention"));
    assert_eq!(door.status(forged).await, 401, "a forgery stays one");

    door.secrets.set_down(false);
    let now = door.clock.now();
    door.secrets
        .put(SECRET_ARN, &secret("a-third"), now - Duration::from_hours(48));
    door.clock.advance(Duration::from_mins(1));
    let withdrawn = door.signed(fixture("app_mention"));
    assert_eq!(
        door.status(withdrawn).await,
        401,
        "and once it is back, a withdrawn one ends without anybody forging"
    );
}

#[tokio::test]
async fn an_empty_or_unreadable_signing_secret_lets_nobody_in() {
    for content in [
        r#"{"signing_secret":""}"#,
        r#"{"signing_secret":"  "}"#,
        "{}",
        "plain",
    ] {
        let door = Door::new();
        let now = door.clock.now();
        door.secrets
            .put(SECRET_ARN, content, now - Duration::from_hours(48));
        let call = door.signed_with("", fixture("app_mention"));
        assert_eq!(door.status(call).await, 503, "{content}");
        let keyring = Keyring::<Slack>::new(
            SecretStore::from_source(door.secrets.clone()),
            SECRET_ARN,
            Arc::new(door.clock.clone()),
        );
        let error = keyring.keys().await.expect_err("the start fails with it");
        assert!(!error.is_outage(), "{content}: {error}");
    }
}
