//! When the queue or Secrets Manager is away, and when the secret changes.

use shared::webhook::slack::Slack;

use crate::doors;

#[tokio::test]
async fn a_queue_that_is_away_makes_slack_come_again() {
    doors::a_queue_that_is_away_makes_the_sender_come_again::<Slack>().await;
}

#[tokio::test]
async fn sqs_that_takes_the_connection_and_never_answers_is_away_too() {
    doors::sqs_that_takes_the_connection_and_never_answers_is_away_too::<Slack>().await;
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_accepted_for_a_day() {
    doors::after_a_rotation_both_secrets_are_accepted_for_a_day::<Slack>().await;
}

#[tokio::test]
async fn a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute() {
    doors::a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute::<Slack>().await;
}

#[tokio::test]
async fn what_is_malformed_asks_nobody_for_a_secret() {
    doors::what_is_malformed_asks_nobody_for_a_secret::<Slack>().await;
}

#[tokio::test]
async fn what_is_stale_asks_nobody_for_a_secret() {
    doors::what_is_stale_asks_nobody_for_a_secret::<Slack>().await;
}

#[tokio::test]
async fn without_secrets_manager_old_secrets_serve_and_without_any_slack_comes_again() {
    doors::without_secrets_manager_old_secrets_serve_and_without_any_the_sender_comes_again::<Slack>().await;
}

#[tokio::test]
async fn a_signing_secret_that_is_none_lets_nobody_in() {
    doors::a_signing_secret_that_is_none_lets_nobody_in::<Slack>(&[]).await;
}
