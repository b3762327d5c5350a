//! How often somebody may call.

use std::time::Duration;

use serde_json::json;
use shared::db::callers::Rates;
use tests::people::People;

use super::{counted, plain, refusal};

const MEMBERS: &str = "/identity/members";

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_again_and_is_let_in_then() {
    let rates = Rates {
        user: 6,
        organization: 60,
    };
    let people = People::with_rates(rates).await.expect("a world");
    let ada = people.founder("acme");
    for call in 1..=6 {
        assert_eq!(
            people.post(&ada, MEMBERS, &json!({})).await.status,
            200,
            "call {call} of a minute's"
        );
    }
    let answer = people.post(&ada, MEMBERS, &json!({})).await;
    assert_eq!(refusal(&answer), plain(429, "rate_limited"));
    let wait: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((10..=11).contains(&wait), "{wait}");
    // Trying again and again does not make it longer.
    for _ in 0..20 {
        people.advance(Duration::from_millis(100));
        assert_eq!(people.post(&ada, MEMBERS, &json!({})).await.status, 429);
    }
    people.advance(Duration::from_secs(8));
    assert_eq!(people.post(&ada, MEMBERS, &json!({})).await.status, 200);
    assert_eq!(
        people.post(&ada, MEMBERS, &json!({})).await.status,
        429,
        "one in ten seconds"
    );
    assert_eq!(counted(&people, "RequestsLimited", r#""scope":"user""#), 22);

    // A colleague has a rate of their own.
    let grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    assert_eq!(people.post(&grace, MEMBERS, &json!({})).await.status, 200);
}

#[tokio::test]
async fn an_organization_has_a_rate_too_and_anothers_is_not_touched() {
    let rates = Rates {
        user: 60,
        organization: 6,
    };
    let people = People::with_rates(rates).await.expect("a world");
    let (ada, eve) = (people.founder("acme"), people.founder("rival"));
    let grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    for call in 0..6 {
        let person = if call % 2 == 0 { &ada } else { &grace };
        assert_eq!(people.post(person, MEMBERS, &json!({})).await.status, 200);
    }
    for person in [&ada, &grace] {
        let answer = people.post(person, MEMBERS, &json!({})).await;
        assert_eq!(refusal(&answer), plain(429, "rate_limited"));
    }
    assert_eq!(
        counted(&people, "RequestsLimited", r#""scope":"organization""#),
        2
    );
    assert_eq!(people.post(&eve, MEMBERS, &json!({})).await.status, 200);
}

#[tokio::test]
async fn who_calls_too_often_does_not_use_up_what_colleagues_may_call() {
    let rates = Rates {
        user: 3,
        organization: 10,
    };
    let people = People::with_rates(rates).await.expect("a world");
    let ada = people.founder("acme");
    let grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(people.post(&ada, MEMBERS, &json!({})).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3);
    for _ in 0..3 {
        assert_eq!(people.post(&grace, MEMBERS, &json!({})).await.status, 200);
    }
    assert_eq!(counted(&people, "RequestsLimited", r#""scope":"user""#), 17);
}

#[tokio::test]
async fn calls_at_the_same_moment_are_all_counted() {
    let rates = Rates {
        user: 8,
        organization: 100,
    };
    let people = People::with_rates(rates).await.expect("a world");
    let ada = people.founder("acme");
    people.webhooks_come().await;
    // Each sandbox is a process of its own.
    let processes: Vec<_> = (0..5)
        .map(|_| {
            let keys = shared::auth::Jwks::pinned(&people.issuer.public_key_pem()).expect("a key");
            people.api(keys, rates).expect("a process")
        })
        .collect();
    let token = people.token(&ada);
    let call = tests::people::bearer(MEMBERS, &token, &json!({}));
    let answers = futures_util::future::join_all(
        (0..20).map(|n| people.send_to(&processes[n % processes.len()], &call)),
    )
    .await;
    let granted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(granted, 8);
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 429)));
}
