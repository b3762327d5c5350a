//! When the queue or Secrets Manager is away, and when the secret changes.

use std::time::Duration;

use shared::{clock::Clock as _, webhook::github::GitHub};
use tests::{
    door::{Sender as _, secret},
    queue::Mood,
};

use super::Door;
use crate::doors;

#[tokio::test]
async fn a_queue_that_is_away_is_told_as_an_outage_and_counts_as_a_failed_delivery() {
    doors::a_queue_that_is_away_makes_the_sender_come_again::<GitHub>().await;
}

#[tokio::test]
async fn sqs_that_takes_the_connection_and_never_answers_is_away_too() {
    doors::sqs_that_takes_the_connection_and_never_answers_is_away_too::<GitHub>().await;
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_accepted_for_a_day() {
    doors::after_a_rotation_both_secrets_are_accepted_for_a_day::<GitHub>().await;
}

#[tokio::test]
async fn a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute() {
    doors::a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute::<GitHub>().await;
}

#[tokio::test]
async fn what_is_malformed_asks_nobody_for_a_secret() {
    doors::what_is_malformed_asks_nobody_for_a_secret::<GitHub>().await;
}

#[tokio::test]
async fn what_was_signed_long_ago_is_taken_for_github_signs_no_time() {
    doors::what_was_signed_long_ago_is_taken::<GitHub>().await;
}

#[tokio::test]
async fn without_secrets_manager_old_secrets_serve_and_without_any_the_delivery_fails() {
    doors::without_secrets_manager_old_secrets_serve_and_without_any_the_sender_comes_again::<GitHub>().await;
}

#[tokio::test]
async fn a_signing_secret_that_is_none_lets_nobody_in() {
    doors::a_signing_secret_that_is_none_lets_nobody_in::<GitHub>(&[r#"{"webhook_secret":"9b1f3c5d7e9f"}"#])
        .await;
}

#[tokio::test]
async fn what_becomes_no_task_needs_no_queue() {
    let door = Door::new();
    door.queue.be(Mood::Down);
    let answer = door.send(&door.signed(Door::fixture("ping"))).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_random_value_that_a_stack_begins_with_starts_the_function_and_lets_nobody_in() {
    let door = Door::new();
    let (now, random) = (door.clock.now(), "s7Qk".repeat(16));
    let before = now - Duration::from_hours(48);
    door.secrets.put(GitHub::SECRET_ARN, &secret(&random), before);
    assert_eq!(door.status(door.good()).await, 401);

    // Replaced by the App's own, it is the previous one, and opens nothing to who does not know it.
    door.secrets.put(GitHub::SECRET_ARN, &secret(GitHub::SECRET), now);
    door.clock.advance(Duration::from_mins(1));
    door.one(GitHub::TAKEN).await;
}
