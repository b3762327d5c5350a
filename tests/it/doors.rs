//! What must hold of every function that takes deliveries, whoever sends them: when the queue or Secrets Manager is
//! away, and when the secret changes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shared::{
    aws::Patience,
    clock::Clock as _,
    queue::{Queue, SqsQueue},
    secret::manager::SecretStore,
    webhook::Keyring,
};
use tests::{
    door::{Door, Sender, secret},
    gateway::Call,
    local::sdk,
    queue::{Mood, RecordingQueue},
};

/// The most that any sender may wait in an outage: Slack gives up after three seconds.
const PATIENCE: Duration = Duration::from_millis(2_500);

pub(crate) async fn a_queue_that_is_away_makes_the_sender_come_again<S: Sender>() {
    let door = Door::<S>::new();
    for mood in [Mood::Down, Mood::Hanging] {
        door.queue.be(mood);
        let started = Instant::now();
        let answer = door.send(&door.good()).await;
        let took = started.elapsed();
        assert_eq!(answer.status, 503, "{mood:?}");
        assert_eq!(answer.header("retry-after"), "5", "{mood:?}");
        assert!(answer.body.contains(r#""code":"unavailable""#), "{}", answer.body);
        assert!(took < PATIENCE, "{mood:?}: {took:?}");
    }
    door.queue.be(Mood::Well);
    door.one(S::TAKEN).await;
}

pub(crate) async fn sqs_that_takes_the_connection_and_never_answers_is_away_too<S: Sender>() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = silent.local_addr().expect("an address");
    let aws = sdk(&format!("http://{address}"), Patience::SENDER_WAITS).expect("no CA bundle is named");
    let urls = [Queue::Tasks, Queue::Events]
        .map(|queue| (queue, format!("http://{address}/123456789012/{queue:?}.fifo")));
    let door = Door::<S>::before(
        Arc::new(SqsQueue::new(&aws, urls)),
        Arc::new(RecordingQueue::default()),
    );

    let started = Instant::now();
    let answer = door.send(&door.good()).await;
    let took = started.elapsed();
    assert_eq!(answer.status, 503);
    assert!(took < PATIENCE, "{took:?}");
}

pub(crate) async fn after_a_rotation_both_secrets_are_accepted_for_a_day<S: Sender>() {
    let door = Door::<S>::new();
    door.one(S::TAKEN).await;
    assert_eq!(door.secrets.reads(), 1);
    let now = door.clock.now();
    door.secrets.put(S::SECRET_ARN, &secret(S::OTHER_SECRET), now);

    let with = async |secret: &str| {
        let call = door.signed_with(secret, Door::<S>::fixture(S::TAKEN));
        let status = door.send(&call).await.status;
        (status, door.queue.drain().len())
    };
    assert_eq!(
        with(S::OTHER_SECRET).await,
        (200, 1),
        "an unknown signature makes us ask for newer secrets"
    );
    assert_eq!(door.secrets.reads(), 2);
    assert_eq!(with(S::SECRET).await, (200, 1));
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"current""#), 2);
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"previous""#), 1);

    door.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(with(S::SECRET).await, (200, 1), "a second before the day is over");
    door.clock.advance(Duration::from_secs(1));
    assert_eq!(with(S::SECRET).await, (401, 0), "the day is over");
    assert_eq!(with(S::OTHER_SECRET).await, (200, 1));
}

pub(crate) async fn a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute<S: Sender>() {
    let door = Door::<S>::new();
    let forged = || door.signed_with(S::OTHER_SECRET, Door::<S>::fixture(S::TAKEN));
    for _ in 0..50 {
        assert_eq!(door.status(forged()).await, 401);
    }
    assert_eq!(
        door.secrets.reads(),
        2,
        "once to begin with, once for the forgeries"
    );
    door.clock.advance(Duration::from_secs(59));
    assert_eq!(door.status(forged()).await, 401);
    assert_eq!(door.secrets.reads(), 2);
    door.clock.advance(Duration::from_secs(1));
    let forged: Vec<_> = (0..20).map(|_| forged()).collect();
    let answers = futures_util::future::join_all(forged.iter().map(|call| door.send(call))).await;
    assert!(answers.iter().all(|answer| answer.status == 401));
    assert_eq!(door.secrets.reads(), 3, "twenty at once wait for one answer");
}

pub(crate) async fn what_is_malformed_asks_nobody_for_a_secret<S: Sender>() {
    let door = Door::<S>::new();
    let unsigned = Call::post(S::PATH, Door::<S>::fixture(S::TAKEN));
    assert_eq!(door.status(unsigned).await, 401);
    assert_eq!(door.secrets.reads(), 0);
}

/// For senders that sign when they send.
pub(crate) async fn what_is_stale_asks_nobody_for_a_secret<S: Sender>() {
    let door = Door::<S>::new();
    let stale = door.good();
    door.clock.advance(Duration::from_secs(301));
    assert_eq!(door.status(stale).await, 401);
    assert_eq!(door.secrets.reads(), 0);
}

/// For senders that sign no time: what keeps an old delivery from having a second effect is the ledger.
pub(crate) async fn what_was_signed_long_ago_is_taken<S: Sender>() {
    let door = Door::<S>::new();
    let old = door.good();
    door.clock.advance(Duration::from_hours(72));
    assert_eq!(door.send(&old).await.status, 200);
    assert_eq!(door.queue.drain().len(), 1);
}

pub(crate) async fn without_secrets_manager_old_secrets_serve_and_without_any_the_sender_comes_again<
    S: Sender,
>() {
    let door = Door::<S>::new();
    door.secrets.set_down(true);
    let answer = door.send(&door.good()).await;
    assert_eq!(answer.status, 503, "an outage is no refusal");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(door.queue.recorded().is_empty());

    door.secrets.set_down(false);
    door.one(S::TAKEN).await;

    door.secrets.set_down(true);
    door.clock.advance(Duration::from_hours(2));
    // Secrets older than their age are used on.
    door.one(S::TAKEN).await;
    let forged = door.signed_with(S::OTHER_SECRET, Door::<S>::fixture(S::TAKEN));
    assert_eq!(door.status(forged).await, 401, "a forgery stays one");

    door.secrets.set_down(false);
    let before = door.clock.now() - Duration::from_hours(48);
    door.secrets.put(S::SECRET_ARN, &secret(S::OTHER_SECRET), before);
    door.clock.advance(Duration::from_mins(1));
    assert_eq!(
        door.status(door.good()).await,
        401,
        "and once it is back, a withdrawn one ends without anybody forging"
    );
}

/// `others` are contents that are no secret of this sender's.
pub(crate) async fn a_signing_secret_that_is_none_lets_nobody_in<S: Sender>(others: &[&str]) {
    let of_anybody = [
        r#"{"signing_secret":""}"#,
        r#"{"signing_secret":"  "}"#,
        "{}",
        "plain",
    ];
    for content in of_anybody.iter().chain(others) {
        let door = Door::<S>::new();
        let before = door.clock.now() - Duration::from_hours(48);
        door.secrets.put(S::SECRET_ARN, content, before);
        let call = door.signed_with("", Door::<S>::fixture(S::TAKEN));
        assert_eq!(door.status(call).await, 503, "{content}");
        let keyring = Keyring::<S>::new(
            SecretStore::from_source(door.secrets.clone()),
            S::SECRET_ARN,
            Arc::new(door.clock.clone()),
        );
        let error = keyring.keys().await.expect_err("the start fails with it");
        assert!(!error.is_outage(), "{content}: {error}");
    }
}
