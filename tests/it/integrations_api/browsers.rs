//! Browsers that a third party sends straight to us.

use serde_json::json;
use shared::clock::Clock as _;
use tests::{
    gateway::{Answer, Call},
    integrations::{PUBLIC_URL, World},
    people::{Person, WEB_ORIGIN, bearer, read},
    vendors::Begun,
};
use url::{Url, form_urlencoded};

async fn world() -> (World, Person) {
    let world = World::start().await.expect("a world");
    let ada = world.people.founder("acme");
    (world, ada)
}

async fn begun(world: &World, person: &Person, connector: &str) -> Begun {
    let own = json!({ "redirect_url": format!("{PUBLIC_URL}/integrations/{connector}/callback") });
    world.begin(person, connector, own).await
}

/// The visit of a browser that comes back with what a third party gave it.
async fn visit(world: &World, connector: &str, begun: &Begun, cookie: &str) -> Answer {
    let brought = world.back(connector, begun, 0).await;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in brought.as_object().expect("an object") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        query.append_pair(name, &text);
    }
    get(world, connector, &query.finish(), cookie).await
}

async fn get(world: &World, connector: &str, query: &str, cookie: &str) -> Answer {
    let mut call = Call {
        method: "GET",
        query: query.to_owned(),
        ..Call::post(&format!("/integrations/{connector}/callback"), "")
    };
    if !cookie.is_empty() {
        call = call.with("cookie", cookie);
    }
    world.send(&call).await
}

/// Where a browser is sent on to, and with what.
fn sent_on(answer: &Answer, connector: &str) -> Vec<(String, String)> {
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let page = Url::parse(answer.header("location")).expect("an address");
    assert_eq!(page.origin().ascii_serialization(), WEB_ORIGIN);
    assert_eq!(page.path(), format!("/integrations/{connector}"));
    page.query_pairs().into_owned().collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn who_comes_back_with_their_browser_s_cookie_is_connected_and_sent_to_the_web_client() {
    let (world, ada) = world().await;
    for connector in ["slack", "github"] {
        let begun = begun(&world, &ada, connector).await;
        let answer = visit(&world, connector, &begun, &begun.cookie).await;
        assert_eq!(sent_on(&answer, connector), [pair("status", "connected")]);
    }
    assert_eq!(world.list(&ada).await.len(), 2);
}

#[tokio::test]
async fn the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts() {
    let (world, ada) = world().await;
    let body = json!({ "connector_type": "github" });
    let answer = world.post(&ada, "/integrations/initiate/", &body).await;
    let cookie = answer.header("set-cookie");
    let (named, attributes) = cookie.split_once("; ").expect("attributes");
    assert!(
        named.starts_with("__Host-infragpt-connect=") && named.len() == 24 + 43,
        "{named}"
    );
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600");
}

#[tokio::test]
async fn a_browser_that_did_not_begin_is_sent_on_and_nothing_is_connected() {
    let (world, ada) = world().await;
    let other = "__Host-infragpt-connect=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for cookie in [
        String::new(),
        other.to_owned(),
        "__Host-infragpt-connect=short".to_owned(),
    ] {
        let begun = begun(&world, &ada, "github").await;
        let answer = visit(&world, "github", &begun, &cookie).await;
        assert_eq!(
            sent_on(&answer, "github"),
            [pair("error", "invalid"), pair("request_id", "JKJaXmPLvHcESHA=")]
        );
    }
    let begun = begun(&world, &ada, "github").await;
    let both = format!("{}; {other}", begun.cookie);
    let answer = visit(&world, "github", &begun, &both).await;
    assert_eq!(
        sent_on(&answer, "github")[0],
        pair("error", "invalid"),
        "two cookies of one name"
    );
    assert_eq!(world.count("integrations").await, 0);
}

#[tokio::test]
async fn who_is_no_admin_any_more_when_their_browser_comes_back_connects_nothing() {
    let (world, ada) = world().await;
    let begun_as_admin = begun(&world, &ada, "github").await;
    world.people.webhooks_come().await;
    world
        .people
        .clerk
        .set_role(&ada.organization, &ada.id, "org:member");
    world.people.webhooks_come().await;
    let answer = visit(&world, "github", &begun_as_admin, &begun_as_admin.cookie).await;
    assert_eq!(sent_on(&answer, "github")[0], pair("error", "forbidden"));
    assert_eq!(world.count("integrations").await, 0);
}

#[tokio::test]
async fn whose_session_was_ended_while_their_browser_was_away_connects_nothing() {
    let (world, ada) = world().await;
    let begun = begun(&world, &ada, "github").await;
    world.people.webhooks_come().await;
    world.people.clerk.revoke_session(&ada.session);
    world.people.webhooks_come().await;
    let answer = visit(&world, "github", &begun, &begun.cookie).await;
    assert_eq!(sent_on(&answer, "github")[0], pair("error", "forbidden"));
    assert_eq!(world.count("integrations").await, 0);
}

#[tokio::test]
async fn who_connects_in_a_persons_place_is_told_apart_in_the_record_also_without_a_session() {
    let (world, ada) = world().await;
    let issuer = &world.people.issuer;
    let mut payload = ada.signed_in().payload(&issuer.url(), world.people.clock.now());
    payload["act"] = json!({ "sub": "user_2support", "iss": "x" });
    let token = issuer.key().sign(&issuer.key().header(), &payload);
    let asked = json!({
        "connector_type": "github", "redirect_url": format!("{PUBLIC_URL}/integrations/github/callback"),
    });
    let answer = world
        .send(&bearer("/integrations/initiate/", &token, &asked))
        .await;
    let begun = tests::integrations::begun(&answer);
    let answer = visit(&world, "github", &begun, &begun.cookie).await;
    assert_eq!(sent_on(&answer, "github"), [pair("status", "connected")]);
    let wanted = json!({ "action": "integration.connected" });
    let record = read(&world.people.post(&ada, "/identity/audit/", &wanted).await);
    assert_eq!(
        record["events"][0]["details"]["impersonated_by"], "user_2support",
        "{record}"
    );
}

#[tokio::test]
async fn what_the_third_party_or_a_stranger_wrote_is_not_passed_on() {
    let (world, ada) = world().await;
    let begun = begun(&world, &ada, "github").await;
    let query = format!(
        "state={}&error=%3Cscript%3E&error_description=token%20hunter2",
        begun.state
    );
    let answer = get(&world, "github", &query, &begun.cookie).await;
    let sent = sent_on(&answer, "github");
    assert_eq!(sent[0].0, "error");
    assert!(!answer.header("location").contains("hunter2") && !answer.header("location").contains("script"));
    assert_eq!(get(&world, "nobody", "state=x", "").await.status, 404);
}

#[tokio::test]
async fn what_was_begun_at_github_asks_to_be_claimed_and_an_update_needs_nothing() {
    let (world, _) = world().await;
    for (query, status) in [
        ("installation_id=101&setup_action=install&code=x", "claim"),
        ("setup_action=request", "claim"),
        ("installation_id=101&setup_action=update", "updated"),
    ] {
        let answer = get(&world, "github", query, "").await;
        assert_eq!(sent_on(&answer, "github"), [pair("status", status)], "{query}");
    }
    assert_eq!(world.count("integrations").await, 0);
}
