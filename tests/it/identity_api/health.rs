//! Whether the function runs, and whether it could do its work.

use std::time::Duration;

use serde_json::json;
use tests::{
    gateway::Call,
    people::{People, read},
};

use super::{at_field, refusal};

fn get(path: &str) -> Call {
    Call {
        method: "GET",
        ..Call::post(path, "").without("content-type")
    }
}

#[tokio::test]
async fn what_is_away_is_named_and_the_answer_is_five_seconds_old_at_the_most() {
    let people = People::start().await.expect("a world");
    for path in ["/health/live", "/health/live/"] {
        let answer = people.send(&get(path)).await;
        assert_eq!((answer.status, read(&answer)), (200, json!({"status": "live"})));
    }
    let answer = people.send(&get("/health/ready")).await;
    assert_eq!((answer.status, read(&answer)), (200, json!({"status": "ready"})));

    people.part.set_off(true);
    assert_eq!(people.send(&get("/health/ready")).await.status, 200);
    assert_eq!(
        people.part.asked(),
        1,
        "whoever asks often does not make us ask often"
    );
    people.advance(Duration::from_secs(5));
    let answer = people.send(&get("/health/ready/")).await;
    assert_eq!(refusal(&answer), at_field(503, "unavailable", "queues"));
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(people.send(&get("/health/live")).await.status, 200);

    people.part.set_off(false);
    assert_eq!(people.send(&get("/health/ready")).await.status, 503);
    people.advance(Duration::from_secs(5));
    assert_eq!(people.send(&get("/health/ready")).await.status, 200);
}

#[tokio::test]
async fn a_database_and_an_issuer_that_are_away_are_both_named() {
    let people = People::start().await.expect("a world");
    people.issuer.set_down(true);
    people.database.goes_away().await.expect("it goes");
    let answer = people.send(&get("/health/ready")).await;
    let fields = read(&answer)["fields"].clone();
    assert_eq!(
        fields,
        json!([
            {"field": "database", "message": "does not answer"},
            {"field": "session_keys", "message": "does not answer"},
        ])
    );
}
