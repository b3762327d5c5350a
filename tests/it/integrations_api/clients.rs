//! What the clients that exist send, and need back.

use serde_json::{Value, json};
use tests::{
    integrations::World,
    people::{Person, WEB_ORIGIN, read},
};
use url::Url;

use super::{from_page, refusal, told};

async fn world() -> (World, Person) {
    let world = World::start().await.expect("a world");
    let ada = world.people.founder("acme");
    (world, ada)
}

#[tokio::test]
async fn the_console_s_own_requests_connect_show_and_disconnect() {
    let (world, ada) = world().await;
    let me = world.people.me(&ada).await;
    let (organization, user) = (&me["organization_id"], &me["user_id"]);
    let asked = json!({
        "organization_id": organization, "user_id": user, "connector_type": "github",
        "redirect_url": format!("{WEB_ORIGIN}/integrations/github/authorize"),
    });
    let answer = world.post(&ada, "/integrations/initiate/", &asked).await;
    let begun = tests::integrations::begun(&answer);
    assert_eq!(read(&answer)["type"], "installation");
    let brought = world.back("github", &begun, 0).await;
    let sent = json!({
        "connector_type": "github", "installation_id": brought["installation_id"].to_string(),
        "code": brought["code"], "state": begun.state,
    });
    let connected = read(&world.post(&ada, "/integrations/authorize/", &sent).await);
    for field in [
        "id",
        "organization_id",
        "user_id",
        "connector_type",
        "status",
        "bot_id",
        "connector_user_id",
        "connector_organization_id",
        "created_at",
        "updated_at",
    ] {
        assert!(connected[field].is_string(), "{field}: {connected}");
    }
    assert_eq!(
        (&connected["organization_id"], &connected["user_id"]),
        (organization, user)
    );
    assert_eq!(connected["metadata"]["connector_org_name"], "account-0");
    assert!(
        connected["metadata"]
            .as_object()
            .expect("texts")
            .values()
            .all(Value::is_string)
    );

    let listed = world
        .post(
            &ada,
            "/integrations/list/",
            &json!({ "organization_id": organization }),
        )
        .await;
    assert_eq!(read(&listed)["integrations"][0]["id"], connected["id"]);
    let ended = json!({ "integration_id": connected["id"], "organization_id": organization });
    let answer = world.post(&ada, "/integrations/revoke/", &ended).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    let answer = world.post(&ada, "/integrations/revoke/", &ended).await;
    assert_eq!(answer.status, 200, "ending what has ended is nothing");
}

#[tokio::test]
async fn a_console_that_sends_no_token_connects_by_its_cookies_alone() {
    let (world, ada) = world().await;
    let asked = json!({
        "connector_type": "slack", "redirect_url": format!("{WEB_ORIGIN}/integrations/slack/callback"),
    });
    // It has no token to send, and sends the word before it.
    let send = async |path: &str, body: &Value, cookie: &str| {
        let call = from_page(&world, &ada, path, body, cookie).with("authorization", "Bearer");
        world.send(&call).await
    };
    let begun = tests::integrations::begun(&send("/integrations/initiate/", &asked, "").await);
    let page = Url::parse(&begun.started.url).expect("an address");
    let back_to = page.query_pairs().find(|(name, _)| name == "redirect_uri");
    assert_eq!(
        back_to.map(|(_, url)| url.into_owned()),
        Some(format!("{WEB_ORIGIN}/integrations/slack/authorize")),
        "the page that takes such a visit"
    );
    let brought = world.back("slack", &begun, 0).await;
    let answer = send("/integrations/authorize/", &brought, &begun.cookie).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let listed = read(&send("/integrations/list/", &json!({}), "").await);
    let ended = json!({ "integration_id": listed["integrations"][0]["id"] });
    assert_eq!(send("/integrations/revoke/", &ended, "").await.status, 200);
}

#[tokio::test]
async fn what_was_installed_at_github_before_is_claimed_by_an_owner() {
    let (world, ada) = world().await;
    let answer = world
        .try_connect(&ada, "github", 0, json!({ "claim": true }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(read(&answer)["metadata"]["connector_org_name"], "account-0");
}

#[tokio::test]
async fn a_service_account_is_tried_and_connected_as_the_console_sends_it() {
    let (world, ada) = world().await;
    let me = world.people.me(&ada).await;
    let rival = world.people.founder("rival");
    let theirs = world.people.me(&rival).await;
    let begun = world.begin(&ada, "gcp", json!({})).await;
    let filled = world.back("gcp", &begun, 0).await["credentials"].clone();
    for (key, is_valid) in [(&filled["service_account_json"], true), (&json!("{}"), false)] {
        let asked = json!({ "connector_type": "gcp", "credentials": { "service_account_json": key } });
        let answer = world.post(&ada, "/integrations/validate/", &asked).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let tried = read(&answer);
        assert_eq!(
            (&tried["valid"], tried["errors"].is_array()),
            (&json!(is_valid), !is_valid)
        );
    }

    let state = |me: &Value| {
        let id = |name: &str| me[name].as_str().unwrap_or_default().to_owned();
        format!("{}:{}", id("organization_id"), id("user_id"))
    };
    let sent = |state: String| json!({ "connector_type": "gcp", "code": filled["service_account_json"], "state": state });
    let answer = world
        .post(&ada, "/integrations/authorize/", &sent(state(&theirs)))
        .await;
    assert_eq!(refusal(&answer), told(404, "not_found", ""));
    assert!(world.list(&ada).await.is_empty());
    let answer = world
        .post(&ada, "/integrations/authorize/", &sent(state(&me)))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let connected = read(&answer);
    assert_eq!(
        (&connected["connector_type"], &connected["status"]),
        (&json!("gcp"), &json!("active"))
    );
}

#[tokio::test]
async fn authorize_begins_what_brings_nothing_to_complete() {
    let (world, ada) = world().await;
    let me = world.people.me(&ada).await;
    let asked = json!({
        "organization_id": me["organization_id"], "user_id": me["user_id"], "connector_type": "github",
    });
    let answer = world.post(&ada, "/integrations/authorize", &asked).await;
    assert_eq!(
        (answer.status, &read(&answer)["type"]),
        (200, &json!("installation"))
    );
}

#[tokio::test]
async fn ids_in_a_body_are_the_caller_s_own_or_there_is_nothing() {
    let (world, ada) = world().await;
    let rival = world.people.founder("rival");
    let theirs = world.people.me(&rival).await;
    let mine = world.people.me(&ada).await;
    for ids in [
        json!({ "organization_id": theirs["organization_id"], "user_id": mine["user_id"] }),
        json!({ "organization_id": mine["organization_id"], "user_id": theirs["user_id"] }),
    ] {
        let mut asked = ids;
        asked["connector_type"] = json!("github");
        let answer = world.post(&ada, "/integrations/initiate/", &asked).await;
        assert_eq!(refusal(&answer), told(404, "not_found", ""));
    }
}

#[tokio::test]
async fn a_connector_that_nobody_knows_is_told_with_those_that_are_known() {
    let (world, ada) = world().await;
    for (name, field) in [(json!("jira"), "connector_type"), (Value::Null, "connector_type")] {
        for path in ["initiate", "authorize", "callback", "validate"] {
            let body = json!({ "connector_type": name, "code": "x" });
            let answer = world.post(&ada, &format!("/integrations/{path}/"), &body).await;
            assert_eq!(
                refusal(&answer),
                told(422, "invalid", field),
                "{path}: {}",
                answer.body
            );
        }
    }
    let answer = world
        .post(
            &ada,
            "/integrations/initiate/",
            &json!({ "connector_type": "jira" }),
        )
        .await;
    assert!(answer.body.contains("slack, github"), "{}", answer.body);
}

#[tokio::test]
async fn two_who_connect_at_the_same_time_end_in_one_connection_with_its_credentials() {
    let (world, ada) = world().await;
    let (one, other) = (
        world.begin(&ada, "github", json!({})).await,
        world.begin(&ada, "github", json!({})).await,
    );
    let (first, second) = (
        world.back("github", &one, 0).await,
        world.back("github", &other, 0).await,
    );
    let (first, second) = tokio::join!(
        world.post(&ada, "/integrations/authorize/", &first),
        world.post(&ada, "/integrations/authorize/", &second)
    );
    for answer in [&first, &second] {
        assert!([200, 409].contains(&answer.status), "{}", answer.body);
    }
    assert!(first.status == 200 || second.status == 200);
    let listed = world.list(&ada).await;
    assert_eq!(
        (listed.len(), world.count("integration_credentials").await),
        (1, 1)
    );
    world.people.advance(std::time::Duration::from_mins(1));
    assert_eq!(
        world.status(&ada, &listed[0]["id"]).await["health_status"],
        "healthy"
    );
}

#[tokio::test]
async fn the_record_tells_who_connected_and_disconnected_what() {
    let (world, ada) = world().await;
    let connected = world.connect(&ada, "github", 0).await;
    world.revoke(&ada, &connected["id"]).await;
    let me = world.people.me(&ada).await;
    let answer = world.people.post(&ada, "/identity/audit/", &json!({})).await;
    let events = read(&answer)["events"].as_array().expect("a list").clone();
    let user: shared::id::UserId = me["user_id"].as_str().expect("an id").parse().expect("an id");
    for action in ["integration.connected", "integration.disconnected"] {
        let event = events
            .iter()
            .find(|event| event["action"] == action)
            .expect(action);
        assert_eq!(event["actor"], user.to_string());
        assert_eq!(event["details"]["connector"], "github");
        assert_eq!(event["request_id"], "JKJaXmPLvHcESHA=");
    }
}

#[tokio::test]
async fn an_admin_chooses_where_alerts_go_and_members_see_it() {
    let (world, ada) = world().await;
    let path = "/integrations/alerts/settings/";
    let nothing = json!({
        "slack_channel_id": null, "minimum_severity": "info", "undelivered_reason": null, "undelivered_at": null,
    });
    assert_eq!(read(&world.get(&ada, path).await), nothing);
    for (body, field) in [
        (json!({ "slack_channel_id": "#alerts" }), "slack_channel_id"),
        (json!({ "slack_channel_id": "C" }), "slack_channel_id"),
        (json!({ "slack_channel_id": "D0123456789" }), "slack_channel_id"),
        (
            json!({ "slack_channel_id": "C1", "minimum_severity": "worst" }),
            "minimum_severity",
        ),
    ] {
        let answer = world.post(&ada, path, &body).await;
        assert_eq!(refusal(&answer), told(422, "invalid", field), "{body}");
    }
    let wanted = json!({ "slack_channel_id": "C0123456789", "minimum_severity": "high" });
    let set = world.post(&ada, path, &wanted).await;
    assert_eq!(set.status, 200, "{}", set.body);

    let grace = world.people.joiner("grace", &ada);
    world.people.webhooks_come().await;
    let seen = read(&world.get(&grace, path).await);
    assert_eq!(
        (&seen["slack_channel_id"], &seen["minimum_severity"]),
        (&json!("C0123456789"), &json!("high"))
    );
    let refused = world.post(&grace, path, &json!({})).await;
    assert_eq!(refusal(&refused), told(403, "forbidden", ""));
    assert_eq!(read(&world.get(&ada, path).await), seen);
    world.post(&ada, path, &json!({ "slack_channel_id": "" })).await;
    assert_eq!(read(&world.get(&ada, path).await), nothing);
}

#[tokio::test]
async fn repositories_are_read_when_github_is_connected_and_again_when_somebody_asks() {
    let (world, ada) = world().await;
    let connected = world.connect(&ada, "github", 0).await;
    let reached = world.count("github_repositories").await;
    assert!(reached > 0, "what the installation reaches is known at once");
    let superuser = world.people.database.superuser().await.expect("a connection");
    superuser
        .batch_execute("DELETE FROM github_repositories")
        .await
        .expect("they are gone");
    let body = json!({ "integration_id": connected["id"], "parameters": {} });
    let answer = world.post(&ada, "/integrations/sync/", &body).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"message":"Integration synced successfully"}"#)
    );
    assert_eq!(world.count("github_repositories").await, reached);
}
