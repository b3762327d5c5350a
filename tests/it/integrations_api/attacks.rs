//! What nobody gets away with.

use std::time::Duration;

use serde_json::{Value, json};
use shared::connector::{ConnectorKind, contract::Capability};
use tests::{
    gateway::Call,
    integrations::{PUBLIC_URL, World},
    people::{Person, WEB_ORIGIN, bearer, read},
};

use super::{from_page, refusal, told};

const STATE: (u16, &str, &str) = (422, "invalid", "state");

async fn world() -> (World, Person) {
    let world = World::start().await.expect("a world");
    let ada = world.people.founder("acme");
    (world, ada)
}

fn state() -> (u16, String, String) {
    told(STATE.0, STATE.1, STATE.2)
}

async fn nothing_is_connected(world: &World) {
    assert_eq!(world.count("integrations WHERE status = 'active'").await, 0);
    assert_eq!(world.count("integration_credentials").await, 0);
}

#[tokio::test]
async fn a_state_that_was_used_is_not_used_again() {
    let (world, ada) = world().await;
    let begun = world.begin(&ada, "github", json!({})).await;
    let sent = world.back("github", &begun, 0).await;
    assert_eq!(
        world.post(&ada, "/integrations/authorize/", &sent).await.status,
        200
    );
    let mut again = world.back("github", &begun, 0).await;
    again["state"] = sent["state"].clone();
    let answer = world.post(&ada, "/integrations/authorize/", &again).await;
    assert_eq!(refusal(&answer), state());
}

#[tokio::test]
async fn whoever_reads_the_database_cannot_come_back_in_anybodys_place() {
    let (world, ada) = world().await;
    let begun = world.begin(&ada, "github", json!({})).await;
    let (_, browser) = begun.cookie.split_once('=').expect("a cookie");
    let rows = world.people.database.dump().await.expect("all rows");
    assert!(rows.contains("oauth_states: "), "{rows}");
    assert!(!rows.contains(&begun.state) && !rows.contains(browser), "{rows}");
}

#[tokio::test]
async fn the_code_of_somebody_elses_claim_proves_nothing() {
    let (world, ada) = world().await;
    let rival = world.people.founder("rival");
    let claim = json!({ "claim": true });
    let hers = world.begin(&ada, "github", claim.clone()).await;
    let theirs = world.begin(&rival, "github", claim).await;
    let mut sent = world.back("github", &hers, 0).await;
    sent["state"] = json!(theirs.state);
    let answer = world.post(&rival, "/integrations/authorize/", &sent).await;
    assert_eq!(refusal(&answer), told(422, "code_refused", ""));
    nothing_is_connected(&world).await;
}

#[tokio::test]
async fn of_two_who_bring_a_state_at_the_same_time_one_is_let_in() {
    let (world, ada) = world().await;
    let begun = world.begin(&ada, "github", json!({})).await;
    let (one, other) = (
        world.back("github", &begun, 0).await,
        world.back("github", &begun, 0).await,
    );
    let (one, other) = tokio::join!(
        world.post(&ada, "/integrations/authorize/", &one),
        world.post(&ada, "/integrations/authorize/", &other)
    );
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [200, 422]);
}

#[tokio::test]
async fn a_state_that_nobody_was_given_is_worth_nothing() {
    let (world, ada) = world().await;
    let begun = world.begin(&ada, "github", json!({})).await;
    let sent = world.back("github", &begun, 0).await;
    let user = world.people.me(&ada).await;
    let forged = format!(
        "{}:{}:1790000000",
        user["organization_id"].as_str().expect("an id"),
        user["user_id"].as_str().expect("an id")
    );
    for forged in [json!(forged), json!("x"), json!(""), Value::Null] {
        let mut sent = sent.clone();
        sent["state"] = forged;
        let answer = world.post(&ada, "/integrations/authorize/", &sent).await;
        assert_eq!(refusal(&answer), state(), "{}", sent["state"]);
    }
    nothing_is_connected(&world).await;
}

#[tokio::test]
async fn a_state_that_is_older_than_ten_minutes_is_worth_nothing() {
    let (world, ada) = world().await;
    let begun = world.begin(&ada, "github", json!({})).await;
    let sent = world.back("github", &begun, 0).await;
    world.people.advance(Duration::from_mins(10));
    let answer = world.post(&ada, "/integrations/authorize/", &sent).await;
    assert_eq!(refusal(&answer), state());
    nothing_is_connected(&world).await;
}

#[tokio::test]
async fn a_state_of_somebody_else_their_other_session_or_another_organization_is_worth_nothing() {
    let (world, ada) = world().await;
    let mut grace = world.people.joiner("grace", &ada);
    world.people.webhooks_come().await;
    "org:admin".clone_into(&mut grace.role);
    world
        .people
        .clerk
        .set_role(&grace.organization, &grace.id, "org:admin");
    world.people.webhooks_come().await;
    let mut elsewhere = ada.clone();
    elsewhere.session = world.people.clerk.start_session(&ada.id);
    let rival = world.people.founder("rival");
    for thief in [&grace, &elsewhere, &rival] {
        let begun = world.begin(&ada, "github", json!({})).await;
        let sent = world.back("github", &begun, 0).await;
        let answer = world.post(thief, "/integrations/authorize/", &sent).await;
        assert_eq!(refusal(&answer), state(), "{thief:?}");
    }
    nothing_is_connected(&world).await;
}

#[tokio::test]
async fn a_state_of_another_connector_is_worth_nothing() {
    let (world, ada) = world().await;
    let begun = world.begin(&ada, "github", json!({})).await;
    let mut sent = world.back("github", &begun, 0).await;
    sent["connector_type"] = json!("slack");
    let answer = world.post(&ada, "/integrations/authorize/", &sent).await;
    assert_eq!(refusal(&answer), state());
    nothing_is_connected(&world).await;
}

#[tokio::test]
async fn another_browser_of_the_same_session_does_not_complete_what_one_began() {
    let (world, ada) = world().await;
    let asked = json!({ "connector_type": "github", "redirect_url": WEB_ORIGIN });
    for theirs in [
        "",
        "__Host-infragpt-connect=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let answer = world
            .send(&from_page(&world, &ada, "/integrations/initiate/", &asked, ""))
            .await;
        let begun = tests::integrations::begun(&answer);
        let sent = world.back("github", &begun, 0).await;
        let call = from_page(&world, &ada, "/integrations/authorize/", &sent, theirs);
        assert_eq!(refusal(&world.send(&call).await), state(), "{theirs}");
    }
    nothing_is_connected(&world).await;
}

#[tokio::test]
async fn a_member_who_is_no_admin_looks_and_changes_nothing() {
    let (world, ada) = world().await;
    let connected = world.connect(&ada, "github", 0).await;
    let grace = world.people.joiner("grace", &ada);
    world.people.webhooks_come().await;
    let id = json!({ "integration_id": connected["id"] });
    for (path, body) in [
        ("initiate", json!({ "connector_type": "github" })),
        (
            "authorize",
            json!({ "connector_type": "github", "code": "x", "state": "y" }),
        ),
        (
            "callback",
            json!({ "connector_type": "github", "code": "x", "state": "y" }),
        ),
        (
            "validate",
            json!({ "connector_type": "github", "credentials": {} }),
        ),
        ("sync", id.clone()),
        ("revoke", id.clone()),
    ] {
        let answer = world.post(&grace, &format!("/integrations/{path}/"), &body).await;
        assert_eq!(refusal(&answer), told(403, "forbidden", ""), "{path}");
    }
    assert_eq!(world.list(&grace).await.len(), 1);
    assert_eq!(
        world.status(&grace, &connected["id"]).await["health_status"],
        "healthy"
    );
    assert_eq!(world.get(&grace, "/connectors").await.status, 200);
}

#[tokio::test]
async fn nobody_without_a_session_reaches_anything() {
    let (world, _) = world().await;
    for path in [
        "initiate",
        "authorize",
        "callback",
        "list",
        "status",
        "validate",
        "sync",
        "revoke",
    ] {
        let answer = world
            .send(&Call::post(&format!("/integrations/{path}/"), "{}"))
            .await;
        assert_eq!(refusal(&answer), told(401, "unauthenticated", ""), "{path}");
    }
    let call = Call {
        method: "GET",
        ..Call::post("/connectors", "")
    };
    assert_eq!(world.send(&call).await.status, 401);
}

#[tokio::test]
async fn a_connection_of_another_organization_is_as_if_it_were_not_there() {
    let (world, ada) = world().await;
    let connected = world.connect(&ada, "github", 0).await;
    let rival = world.people.founder("rival");
    let org = world.people.me(&ada).await["organization_id"].clone();
    for path in ["status", "sync", "revoke"] {
        for body in [
            json!({ "integration_id": connected["id"] }),
            json!({ "integration_id": connected["id"], "organization_id": org }),
            json!({ "integration_id": "no id" }),
        ] {
            let answer = world.post(&rival, &format!("/integrations/{path}/"), &body).await;
            assert_eq!(refusal(&answer), told(404, "not_found", ""), "{path} {body}");
        }
    }
    let answer = world
        .post(&rival, "/integrations/list/", &json!({ "organization_id": org }))
        .await;
    assert_eq!(answer.status, 404);
    assert_eq!(world.list(&rival).await, [Value::Null; 0]);
    assert_eq!(world.status(&ada, &connected["id"]).await["status"], "active");
}

#[tokio::test]
async fn an_installation_that_another_organization_has_is_not_taken_over() {
    let (world, ada) = world().await;
    world.connect(&ada, "github", 0).await;
    let rival = world.people.founder("rival");
    let answer = world
        .try_connect(&rival, "github", 0, json!({ "replace": true }))
        .await;
    assert_eq!(refusal(&answer), told(409, "taken", ""));
    assert_eq!(world.list(&rival).await, [Value::Null; 0]);
    assert_eq!(world.list(&ada).await[0]["status"], "active");
    assert!(
        !world.vendor("github").remains().is_empty(),
        "it is still installed"
    );
}

#[tokio::test]
async fn an_installation_id_that_is_not_the_person_s_own_connects_nothing() {
    let (world, ada) = world().await;
    let begun = world.begin(&ada, "github", json!({})).await;
    world.vendor("github").consent(&begun.started, 3).await;
    let mut sent = world.back("github", &begun, 0).await;
    // Somebody else's, which exists, and which they cannot see.
    sent["installation_id"] = json!(999);
    let answer = world.post(&ada, "/integrations/authorize/", &sent).await;
    assert_eq!(refusal(&answer), told(422, "installation_not_yours", ""));
    nothing_is_connected(&world).await;
}

#[tokio::test]
async fn nobody_is_sent_to_a_page_that_is_not_ours() {
    let (world, ada) = world().await;
    for page in [
        "https://evil.example.com/integrations/github/authorize",
        "https://app.example.com.evil.example.com/",
        "https://app.example.com@evil.example.com/",
        "//evil.example.com",
        "javascript:alert(1)",
    ] {
        let body = json!({ "connector_type": "github", "redirect_url": page });
        let answer = world.post(&ada, "/integrations/initiate/", &body).await;
        assert_eq!(refusal(&answer), told(422, "invalid", "redirect_url"), "{page}");
    }
    for page in [
        format!("{WEB_ORIGIN}/integrations/github/authorize"),
        format!("{WEB_ORIGIN}/integrations/github/setup"),
        format!("{WEB_ORIGIN}/anything/else?x=y"),
        WEB_ORIGIN.to_owned(),
        format!("{PUBLIC_URL}/integrations/github/callback"),
    ] {
        let body = json!({ "connector_type": "github", "redirect_url": page });
        let answer = world.post(&ada, "/integrations/initiate/", &body).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_credential_that_was_moved_to_another_row_opens_nothing() {
    let (world, ada) = world().await;
    let rival = world.people.founder("rival");
    let (mine, theirs) = (
        world.connect(&ada, "github", 0).await,
        world.connect(&rival, "github", 1).await,
    );
    let superuser = world.people.database.superuser().await.expect("a connection");
    superuser
        .batch_execute(&format!(
            "UPDATE integration_credentials m
                SET ciphertext = t.ciphertext, nonce = t.nonce, wrapped_key = t.wrapped_key
               FROM integration_credentials t
              WHERE m.integration_id = {mine} AND t.integration_id = {theirs}",
            mine = mine["id"].to_string().replace('"', "'"),
            theirs = theirs["id"].to_string().replace('"', "'"),
        ))
        .await
        .expect("they are swapped");
    world.people.advance(Duration::from_mins(1));
    let status = world.status(&ada, &mine["id"]).await;
    assert_eq!(
        (
            &status["health_status"],
            &status["health"]["reason"],
            &status["health"]["remedy"]
        ),
        (
            &json!("needs_reauth"),
            &json!("credentials_unreadable"),
            &json!("reconnect")
        )
    );
    assert_eq!(
        world.status(&rival, &theirs["id"]).await["health_status"],
        "healthy"
    );
}

#[tokio::test]
async fn an_outage_of_ours_is_no_refusal_and_leaves_nothing_half_done() {
    let (world, ada) = world().await;
    let connected = world.connect(&ada, "github", 0).await;
    let token = world.people.token(&ada);
    world.kms.fail(tests::kms::Fault::Down);
    let begun = world.begin(&ada, "github", json!({})).await;
    let sent = world.back("github", &begun, 0).await;
    let answer = world.post(&ada, "/integrations/authorize/", &sent).await;
    assert_eq!(refusal(&answer), told(503, "unavailable", ""));
    assert!(!answer.header("retry-after").is_empty());
    world.kms.recover();
    assert_eq!(world.status(&ada, &connected["id"]).await["status"], "active");

    world.people.database.goes_away().await.expect("it goes");
    for path in ["list", "status", "revoke", "initiate"] {
        let body = json!({ "integration_id": connected["id"], "connector_type": "github" });
        let call = bearer(&format!("/integrations/{path}/"), &token, &body);
        let answer = world.send(&call).await;
        assert_eq!(refusal(&answer), told(503, "unavailable", ""), "{path}");
    }
    world.people.database.comes_back().await.expect("it comes back");
    assert_eq!(world.list(&ada).await[0]["status"], "active");
    assert_eq!(
        read(&world.get(&ada, "/connectors").await)["connectors"][0]["type"],
        "slack"
    );
}

#[tokio::test]
async fn the_webhook_of_an_attempt_that_failed_is_not_left_at_the_third_party() {
    let (world, ada) = world().await;
    let tells_alerts = |kind: &&ConnectorKind| {
        let connector = world.integrations.connectors.get(**kind);
        connector.descriptor().capabilities.contains(&Capability::Alerts)
    };
    for kind in ConnectorKind::ALL.iter().filter(tells_alerts) {
        let connector = kind.as_str();
        world.kms.fail(tests::kms::Fault::Down);
        let answer = world.try_connect(&ada, connector, 0, json!({})).await;
        assert_eq!(refusal(&answer), told(503, "unavailable", ""), "{connector}");
        let left = world.vendor(connector).remains();
        assert_eq!(
            left.len(),
            1,
            "{connector}: it was made before the keys were asked for"
        );

        world.kms.recover();
        let connected = world.connect(&ada, connector, 0).await;
        assert_eq!(world.vendor(connector).remains().len(), 1, "{connector}");
        world.revoke(&ada, &connected["id"]).await;
        assert_eq!(
            world.vendor(connector).remains(),
            Vec::<String>::new(),
            "{connector}"
        );
    }
}
