//! When the queue or Secrets Manager is away, and when the secret changes.

use std::time::Duration;

use shared::{
    clock::Clock as _,
    webhook::svix::{self, Clerk},
};
use tests::{
    door::{Sender as _, secret},
    queue::Mood,
};

use super::Door;
use crate::doors;

#[tokio::test]
async fn a_queue_that_is_away_makes_clerk_come_again() {
    doors::a_queue_that_is_away_makes_the_sender_come_again::<Clerk>().await;
}

#[tokio::test]
async fn sqs_that_takes_the_connection_and_never_answers_is_away_too() {
    doors::sqs_that_takes_the_connection_and_never_answers_is_away_too::<Clerk>().await;
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_accepted_for_a_day() {
    doors::after_a_rotation_both_secrets_are_accepted_for_a_day::<Clerk>().await;
}

#[tokio::test]
async fn a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute() {
    doors::a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute::<Clerk>().await;
}

#[tokio::test]
async fn what_is_malformed_asks_nobody_for_a_secret() {
    doors::what_is_malformed_asks_nobody_for_a_secret::<Clerk>().await;
}

#[tokio::test]
async fn what_is_stale_asks_nobody_for_a_secret() {
    doors::what_is_stale_asks_nobody_for_a_secret::<Clerk>().await;
}

#[tokio::test]
async fn without_secrets_manager_old_secrets_serve_and_without_any_clerk_comes_again() {
    doors::without_secrets_manager_old_secrets_serve_and_without_any_the_sender_comes_again::<Clerk>().await;
}

#[tokio::test]
async fn a_signing_secret_that_is_none_lets_nobody_in() {
    doors::a_signing_secret_that_is_none_lets_nobody_in::<Clerk>(&[
        r#"{"signing_secret":"whsec_"}"#,
        r#"{"signing_secret":"whsec_c2hvcnQ="}"#,
        r#"{"signing_secret":"sk_test_0123456789abcdef0123456789abcdef"}"#,
    ])
    .await;
}

#[tokio::test]
async fn what_becomes_no_task_needs_no_queue() {
    let door = Door::new();
    door.queue.be(Mood::Down);
    let answer = door.send(&door.signed(Door::fixture("email.created"))).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn while_svix_replaces_a_secret_it_signs_with_both() {
    let door = Door::new();
    let [old, new] = [Clerk::SECRET, Clerk::OTHER_SECRET].map(|secret| signature(&door, secret));
    for both in [format!("{old} {new}"), format!("{new} {old}")] {
        let both = door.good().instead(svix::SIGNATURE, &both);
        assert_eq!(door.send(&both).await.status, 200);
        assert_eq!(door.queue.drain().len(), 1);
    }
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"current""#), 2);
}

fn signature(door: &Door, secret: &str) -> String {
    let call = door.signed_with(secret, Door::fixture(Clerk::TAKEN));
    let header = call.headers.into_iter().find(|(name, _)| name == svix::SIGNATURE);
    header.expect("it is signed").1
}

#[tokio::test]
async fn the_random_value_that_a_stack_begins_with_starts_the_function_and_lets_nobody_in() {
    let door = Door::new();
    let (now, random) = (door.clock.now(), "s7Qk".repeat(16));
    let before = now - Duration::from_hours(48);
    door.secrets.put(Clerk::SECRET_ARN, &secret(&random), before);
    assert_eq!(door.status(door.good()).await, 401);

    // Replaced by Clerk's own, it is the previous one, and opens nothing to who does not know it.
    door.secrets.put(Clerk::SECRET_ARN, &secret(Clerk::SECRET), now);
    door.clock.advance(Duration::from_mins(1));
    door.one(Clerk::TAKEN).await;
}
