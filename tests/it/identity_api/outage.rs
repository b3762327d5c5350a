//! Clerk down, its keys changed, Postgres down: an outage of ours is never told as a refusal.

use std::time::Duration;

use serde_json::json;
use shared::db::callers::Rates;
use tests::people::{People, bearer};

use super::{plain, refusal};

const ME: &str = "/identity/me/";

#[tokio::test]
async fn with_clerk_down_from_the_start_nobody_is_refused_and_all_are_told_to_come_again() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    people.issuer.set_down(true);
    let answer = people.post(&ada, ME, &json!({})).await;
    assert_eq!(refusal(&answer), plain(503, "unavailable"));
    assert_eq!(answer.header("retry-after"), "5");
    people.issuer.set_down(false);
    people.advance(Duration::from_secs(30));
    assert_eq!(people.post(&ada, ME, &json!({})).await.status, 200);
}

#[tokio::test]
async fn with_clerk_down_later_known_keys_serve_for_a_day() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    assert_eq!(people.post(&ada, ME, &json!({})).await.status, 200);
    people.issuer.set_down(true);
    people.advance(Duration::from_hours(23));
    assert_eq!(people.post(&ada, ME, &json!({})).await.status, 200);
    people.advance(Duration::from_hours(2));
    assert_eq!(
        refusal(&people.post(&ada, ME, &json!({})).await),
        plain(503, "unavailable")
    );
}

#[tokio::test]
async fn keys_that_change_while_we_run_are_taken_up_and_the_old_ones_let_go() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let old = people.token(&ada);
    assert_eq!(people.send(&bearer(ME, &old, &json!({}))).await.status, 200);
    people.advance(Duration::from_secs(30));
    people.issuer.rotate();
    assert_eq!(
        people.post(&ada, ME, &json!({})).await.status,
        200,
        "a token of the new key"
    );
    let answer = people.send(&bearer(ME, &old, &json!({}))).await;
    assert_eq!(
        refusal(&answer),
        plain(401, "unauthenticated"),
        "one of the old key"
    );
}

#[tokio::test]
async fn a_pinned_key_makes_us_ask_nobody() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    people.issuer.set_down(true);
    let keys = shared::auth::Jwks::pinned(&people.issuer.public_key_pem()).expect("a key");
    let rates = Rates {
        user: 60,
        organization: 60,
    };
    let router = people.api(keys, rates).expect("a process");
    let call = bearer(ME, &people.token(&ada), &json!({}));
    assert_eq!(people.send_to(&router, &call).await.status, 200);
    assert_eq!(people.issuer.fetches(), 0);
}

#[tokio::test]
async fn with_the_database_away_people_are_told_to_come_again_and_a_forgery_is_still_a_forgery() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    assert_eq!(people.post(&ada, ME, &json!({})).await.status, 200);
    people.database.goes_away().await.expect("it goes");
    for path in [ME, "/identity/members", "/identity/audit/"] {
        let answer = people.post(&ada, path, &json!({})).await;
        assert_eq!(refusal(&answer), plain(503, "unavailable"), "{path}");
        assert_eq!(answer.header("retry-after"), "5");
    }
    let forged = people.send(&bearer(ME, "a.b.c", &json!({}))).await;
    assert_eq!(refusal(&forged), plain(401, "unauthenticated"));

    people.database.comes_back().await.expect("it comes back");
    assert_eq!(people.post(&ada, ME, &json!({})).await.status, 200);
}
