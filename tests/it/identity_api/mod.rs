//! What the web client asks, and what it is told.

mod attacks;
mod browsers;
mod health;
mod limits;
mod lists;
mod outage;
mod profile;

use std::sync::PoisonError;

use serde_json::Value;
use tests::{gateway::Answer, people::People};

/// The error's code, and the field that it names first, of an answer in our error shape.
fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = tests::people::read(answer);
    assert_eq!(body["request_id"], "JKJaXmPLvHcESHA=", "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert!(!text(&body["message"]).is_empty());
    (
        answer.status,
        text(&body["code"]),
        text(&body["fields"][0]["field"]),
    )
}

/// A refusal without a field.
fn plain(status: u16, code: &str) -> (u16, String, String) {
    (status, code.to_owned(), String::new())
}

/// A refusal that names a field.
fn at_field(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

/// How often a metric was counted with this text in its line.
fn counted(people: &People, metric: &str, text: &str) -> usize {
    let lines = people
        .metrics
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    String::from_utf8_lossy(&lines)
        .lines()
        .filter(|line| line.contains(&format!("\"{metric}\"")) && line.contains(text))
        .count()
}
