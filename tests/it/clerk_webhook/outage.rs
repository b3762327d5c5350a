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
    webhook::{Keyring, svix::Clerk},
};
use tests::{
    gateway::Call,
    local::sdk,
    queue::{Mood, RecordingQueue},
};

use super::{Door, OTHER_SECRET, PATH, SECRET, SECRET_ARN, fixture};
use crate::slack_events::secret;

#[tokio::test]
async fn a_queue_that_is_away_makes_clerk_come_again() {
    let door = Door::new();
    for mood in [Mood::Down, Mood::Hanging] {
        door.queue.be(mood);
        let started = Instant::now();
        let answer = door.send(&door.signed(fixture("user.created"))).await;
        assert_eq!(answer.status, 503, "{mood:?}");
        assert_eq!(answer.header("retry-after"), "5", "{mood:?}");
        assert!(answer.body.contains(r#""code":"unavailable""#), "{}", answer.body);
        let took = started.elapsed();
        assert!(took < Duration::from_millis(2_500), "{mood:?}: {took:?}");
    }
    assert_eq!(
        door.send(&door.signed(fixture("email.created"))).await.status,
        200,
        "what becomes no task needs no queue"
    );
    door.queue.be(Mood::Well);
    door.one("user.created").await;
}

#[tokio::test]
async fn sqs_that_takes_the_connection_and_never_answers_is_away_too() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = silent.local_addr().expect("an address");
    let aws = sdk(&format!("http://{address}"), Patience::SENDER_WAITS).expect("no CA bundle is named");
    let url = format!("http://{address}/123456789012/events.fifo");
    let door = Door::before(
        Arc::new(SqsQueue::new(&aws, [(Queue::Events, url)])),
        Arc::new(RecordingQueue::default()),
    );

    let started = Instant::now();
    let answer = door.send(&door.signed(fixture("user.created"))).await;
    assert_eq!(answer.status, 503);
    let took = started.elapsed();
    assert!(took < Duration::from_millis(2_500), "{took:?}");
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_accepted_for_a_day() {
    let door = Door::new();
    door.one("user.created").await;
    let now = door.clock.now();
    door.secrets.put(SECRET_ARN, &secret(OTHER_SECRET), now);

    let with = async |secret: &str| {
        let call = door.signed_with(secret, fixture("user.created"));
        let status = door.send(&call).await.status;
        (status, door.queue.drain().len())
    };
    assert_eq!(
        with(OTHER_SECRET).await,
        (200, 1),
        "an unknown signature makes us ask for newer secrets"
    );
    assert_eq!(with(SECRET).await, (200, 1));
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"current""#), 2);
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"previous""#), 1);

    // While Svix itself replaces a secret, it signs with both.
    let [old, new] = [SECRET, OTHER_SECRET].map(|secret| signature(&door, secret));
    let both = door
        .signed(fixture("user.created"))
        .instead("svix-signature", &format!("{old} {new}"));
    assert_eq!(door.send(&both).await.status, 200);
    assert_eq!(door.queue.drain().len(), 1);
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"current""#), 3);

    door.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(with(SECRET).await, (200, 1), "a second before the day is over");
    door.clock.advance(Duration::from_secs(1));
    assert_eq!(with(SECRET).await, (401, 0), "the day is over");
    assert_eq!(with(OTHER_SECRET).await, (200, 1));
}

fn signature(door: &Door, secret: &str) -> String {
    let call = door.signed_with(secret, fixture("user.created"));
    let header = call
        .headers
        .into_iter()
        .find(|(name, _)| name == "svix-signature");
    header.expect("it is signed").1
}

#[tokio::test]
async fn what_is_malformed_or_stale_asks_nobody_for_a_secret() {
    let door = Door::new();
    let unsigned = Call::post(PATH, fixture("user.created"));
    assert_eq!(door.status(unsigned).await, 401);
    let stale = door.signed(fixture("user.created"));
    door.clock.advance(Duration::from_secs(301));
    assert_eq!(door.status(stale).await, 401);
    assert_eq!(door.secrets.reads(), 0);
}

#[tokio::test]
async fn without_secrets_manager_old_secrets_serve_and_without_any_clerk_comes_again() {
    let door = Door::new();
    door.secrets.set_down(true);
    let answer = door.send(&door.signed(fixture("user.created"))).await;
    assert_eq!(answer.status, 503, "an outage is no refusal");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(door.queue.recorded().is_empty());

    door.secrets.set_down(false);
    door.one("user.created").await;
    door.secrets.set_down(true);
    door.clock.advance(Duration::from_hours(2));
    door.one("user.created").await;
    let forged = door.signed_with(OTHER_SECRET, fixture("user.created"));
    assert_eq!(door.status(forged).await, 401, "a forgery stays one");
}

#[tokio::test]
async fn a_signing_secret_that_is_none_lets_nobody_in() {
    for content in [
        r#"{"signing_secret":""}"#,
        r#"{"signing_secret":"  "}"#,
        r#"{"signing_secret":"whsec_"}"#,
        r#"{"signing_secret":"whsec_c2hvcnQ="}"#,
        r#"{"signing_secret":"sk_test_0123456789abcdef0123456789abcdef"}"#,
        "{}",
        "plain",
    ] {
        let door = Door::new();
        let now = door.clock.now();
        door.secrets
            .put(SECRET_ARN, content, now - Duration::from_hours(48));
        let call = door.signed_with("", fixture("user.created"));
        assert_eq!(door.status(call).await, 503, "{content}");
        let keyring = Keyring::<Clerk>::new(
            SecretStore::from_source(door.secrets.clone()),
            SECRET_ARN,
            Arc::new(door.clock.clone()),
        );
        let error = keyring.keys().await.expect_err("the start fails with it");
        assert!(!error.is_outage(), "{content}: {error}");
    }
}

#[tokio::test]
async fn the_random_value_that_a_stack_begins_with_starts_the_function_and_lets_nobody_in() {
    let door = Door::new();
    let (now, random) = (door.clock.now(), "s7Qk".repeat(16));
    let before = now - Duration::from_hours(48);
    door.secrets.put(SECRET_ARN, &secret(&random), before);
    let call = door.signed(fixture("user.created"));
    assert_eq!(door.status(call).await, 401);

    // Replaced by Clerk's own, it is the previous one, and opens nothing to who does not know it.
    door.secrets.put(SECRET_ARN, &secret(SECRET), now);
    door.clock.advance(Duration::from_mins(1));
    door.one("user.created").await;
}
