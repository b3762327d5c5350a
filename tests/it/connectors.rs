//! What holds for every connector, through the API: nothing here has to be told of a new one.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    connector::{ConnectorKind, contract::Method, fake::Trouble},
    integration::check::EVERY,
};
use tests::{
    integrations::World,
    people::{Person, read},
};

/// The job that asks third parties by the clock.
const CHECK: &str = "check_connections";

async fn world() -> (World, Person) {
    let world = World::start().await.expect("a world");
    let ada = world.people.founder("acme");
    (world, ada)
}

fn names() -> impl Iterator<Item = &'static str> {
    ConnectorKind::ALL.iter().map(|kind| kind.as_str())
}

#[tokio::test]
async fn whatever_can_be_connected_is_connected_works_and_goes_away_without_a_trace() {
    let (world, ada) = world().await;
    for name in names() {
        let connected = world.connect(&ada, name, 0).await;
        assert_eq!(
            (&connected["connector_type"], &connected["status"]),
            (&json!(name), &json!("active"))
        );
        assert!(
            connected["metadata"]["connector_org_name"].is_string(),
            "{connected}"
        );
        let status = world.status(&ada, &connected["id"]).await;
        assert_eq!(status["health"]["reason"], Value::Null, "{status}");
        assert_eq!(status["health_status"], "healthy", "{status}");
        assert!(status["health"]["checked_at"].is_string(), "{status}");

        world.revoke(&ada, &connected["id"]).await;
        assert_eq!(world.vendor(name).remains(), [""; 0], "{name}");
        let ended = world.status(&ada, &connected["id"]).await;
        assert_eq!(
            (
                &ended["status"],
                &ended["health_status"],
                &ended["health"]["reason"]
            ),
            (&json!("inactive"), &json!("revoked"), &json!("disconnected"))
        );
    }
    let rows = world.count("integration_credentials").await + world.count("integration_revocations").await;
    assert_eq!(rows, 0, "credentials are left behind");
}

#[tokio::test]
async fn what_has_ended_is_connected_again_under_the_same_id() {
    let (world, ada) = world().await;
    for name in names() {
        let first = world.connect(&ada, name, 0).await;
        world.revoke(&ada, &first["id"]).await;
        let again = world.connect(&ada, name, 1).await;
        assert_eq!(
            (&again["id"], &again["status"]),
            (&first["id"], &json!("active")),
            "{name}"
        );
        assert_ne!(
            again["connector_organization_id"], first["connector_organization_id"],
            "{name}"
        );
    }
    assert_eq!(world.list(&ada).await.len(), names().count());
}

#[tokio::test]
async fn another_account_takes_the_place_of_one_only_when_somebody_says_so() {
    let (world, ada) = world().await;
    for name in names() {
        let first = world.connect(&ada, name, 0).await;
        let refused = world.try_connect(&ada, name, 1, json!({})).await;
        let problem = read(&refused);
        assert_eq!(
            (refused.status, &problem["code"]),
            (409, &json!("another_account")),
            "{name}"
        );
        let message = problem["message"].as_str().expect("a text");
        let known = first["connector_organization_id"].as_str().expect("an id");
        assert!(message.contains(known), "{name}: {message}");
        let still = world.status(&ada, &first["id"]).await;
        assert_eq!(
            still["connector_organization_id"], first["connector_organization_id"],
            "{name}"
        );

        let replaced = world.try_connect(&ada, name, 1, json!({ "replace": true })).await;
        assert_eq!(replaced.status, 200, "{name}: {}", replaced.body);
        let replaced = read(&replaced);
        assert_eq!(replaced["id"], first["id"], "{name}");
        assert_ne!(
            replaced["connector_organization_id"], first["connector_organization_id"],
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_third_party_that_is_away_is_told_of_an_end_later_and_the_end_holds_at_once() {
    let (world, ada) = world().await;
    for name in names() {
        let connected = world.connect(&ada, name, 0).await;
        let vendor = world.vendor(name);
        let remained = !vendor.remains().is_empty();
        vendor.trouble(Some(Trouble::Fails));
        world.revoke(&ada, &connected["id"]).await;
        assert_eq!(world.list(&ada).await[0]["status"], "inactive", "{name}");
        let waiting = world.count("integration_revocations").await;
        assert_eq!(waiting > 0, remained, "{name}");
        assert_eq!(world.count("integration_credentials").await, 0);
        vendor.trouble(None);

        world.people.advance(Duration::from_mins(5));
        world.job("finish_revocations").await;
        assert_eq!(vendor.remains(), [""; 0], "{name}");
        assert_eq!(world.count("integration_revocations").await, 0, "{name}");
    }
}

#[tokio::test]
async fn what_was_taken_back_and_what_is_away_are_told_apart_with_who_must_act() {
    let (world, ada) = world().await;
    for name in names() {
        let connected = world.connect(&ada, name, 0).await;
        let vendor = world.vendor(name);
        world.people.advance(Duration::from_mins(1));
        vendor.trouble(Some(Trouble::Fails));
        let away = world.status(&ada, &connected["id"]).await;
        assert_eq!(
            (
                &away["health_status"],
                &away["health"]["remedy"],
                &away["health"]["actor"]
            ),
            (&json!("degraded"), &json!("wait"), &json!("nobody")),
            "{name}: {away}"
        );
        assert!(away["health"]["retry_at"].is_string(), "{name}: {away}");

        vendor.trouble(None);
        world.people.advance(Duration::from_mins(1));
        let well = world.status(&ada, &connected["id"]).await;
        assert_eq!(well["health_status"], "healthy", "{name}: {well}");

        vendor.withdraw();
        world.people.advance(Duration::from_mins(1));
        let gone = world.status(&ada, &connected["id"]).await;
        assert_eq!(gone["health"]["actor"], "admin", "{name}: {gone}");
        assert_ne!(gone["health_status"], "healthy", "{name}: {gone}");

        let again = world.connect(&ada, name, 0).await;
        assert_eq!(
            (&again["id"], &again["health_status"]),
            (&connected["id"], &json!("healthy")),
            "{name}: a broken connection is connected again"
        );
    }
}

#[tokio::test]
async fn a_status_is_not_asked_for_again_within_half_a_minute() {
    let (world, ada) = world().await;
    for name in names() {
        let connected = world.connect(&ada, name, 0).await;
        let before = world.vendor(name).calls();
        for _ in 0..3 {
            world.status(&ada, &connected["id"]).await;
        }
        assert_eq!(world.vendor(name).calls(), before, "{name}");
        world.people.advance(Duration::from_secs(31));
        world.status(&ada, &connected["id"]).await;
        assert!(world.vendor(name).calls() > before, "{name}");
    }
}

#[tokio::test]
async fn a_form_is_tried_without_anything_being_kept() {
    let (world, ada) = world().await;
    let offered = read(&world.get(&ada, "/connectors").await);
    let offered = offered["connectors"].as_array().expect("a list").clone();
    assert_eq!(offered.len(), ConnectorKind::ALL.len());
    for connector in offered {
        let name = connector["type"].as_str().expect("a name");
        let begun = world.begin(&ada, name, json!({})).await;
        let mut sent = world.back(name, &begun, 0).await;
        let tried = world.post(&ada, "/integrations/validate/", &sent).await;
        if connector["method"] != Method::Form.as_str() {
            assert_eq!(tried.status, 422, "{name}: {}", tried.body);
            continue;
        }
        assert_eq!(
            (tried.status, tried.body.as_str()),
            (200, r#"{"valid":true}"#),
            "{name}"
        );
        for field in sent["credentials"].as_object_mut().expect("a form").values_mut() {
            *field = json!("?");
        }
        let tried = world.post(&ada, "/integrations/validate/", &sent).await;
        let told = read(&tried);
        assert_eq!((tried.status, &told["valid"]), (200, &json!(false)), "{name}");
        assert!(!told["errors"].as_array().expect("a list").is_empty(), "{name}");
    }
    assert_eq!(world.list(&ada).await, [Value::Null; 0]);
}

#[tokio::test]
async fn no_secret_is_in_an_answer_a_row_or_a_metric() {
    let (world, ada) = world().await;
    let mut seen = Vec::new();
    for name in names() {
        let connected = world.connect(&ada, name, 0).await;
        seen.push(connected.to_string());
        for trouble in [Trouble::Refuses, Trouble::Fails, Trouble::Babbles] {
            world.vendor(name).trouble(Some(trouble));
            world.people.advance(Duration::from_mins(1));
            seen.push(world.status(&ada, &connected["id"]).await.to_string());
            let body = json!({ "integration_id": connected["id"] });
            seen.push(world.post(&ada, "/integrations/sync/", &body).await.body);
        }
        world.vendor(name).trouble(None);
        world.people.advance(Duration::from_mins(1));
        seen.push(world.status(&ada, &connected["id"]).await.to_string());
    }
    seen.push(world.people.database.dump().await.expect("the rows"));
    seen.push(String::from_utf8_lossy(&world.metrics.lock().expect("whole").clone()).into_owned());
    for name in names() {
        for canary in world.vendor(name).canaries() {
            assert!(canary.len() > 5, "{name}");
            assert!(
                !seen.iter().any(|text| text.contains(&canary)),
                "{name}: a secret is to be seen"
            );
        }
    }
}

#[tokio::test]
async fn an_end_that_is_told_late_does_not_end_what_was_connected_again_meanwhile() {
    let (world, ada) = world().await;
    for name in names() {
        let connected = world.connect(&ada, name, 0).await;
        let vendor = world.vendor(name);
        vendor.trouble(Some(Trouble::Fails));
        world.revoke(&ada, &connected["id"]).await;
        vendor.trouble(None);
        world.connect(&ada, name, 0).await;

        world.people.advance(Duration::from_mins(5));
        world.job("finish_revocations").await;
        assert_eq!(world.count("integration_revocations").await, 0, "{name}");
        let status = world.status(&ada, &connected["id"]).await;
        assert_eq!(status["health_status"], "healthy", "{name}: {status}");
    }
}

/// How the only connection is, as everybody of the organization sees it without asking the third party.
async fn seen(world: &World, person: &Person) -> Value {
    world.list(person).await[0].clone()
}

#[tokio::test]
async fn what_was_taken_back_at_a_third_party_is_noticed_without_anybody_asking_and_says_who_must_act() {
    for name in names() {
        let (world, ada) = world().await;
        let connected = world.connect(&ada, name, 0).await;
        world.vendor(name).withdraw();
        assert_eq!(seen(&world, &ada).await["health_status"], "healthy", "{name}");
        world.people.advance(EVERY);
        world.job(CHECK).await;

        let listed = seen(&world, &ada).await;
        assert_ne!(listed["health_status"], "healthy", "{name}: {listed}");
        let health = &listed["health"];
        assert_eq!(health["actor"], "admin", "{name}: {listed}");
        for word in ["reason", "message", "checked_at"] {
            assert!(health[word].is_string(), "{name}: {word}: {listed}");
        }
        let calls = world.vendor(name).calls();
        let status = world.status(&ada, &connected["id"]).await;
        assert_eq!(status["health"], *health, "{name}");
        assert_eq!(world.vendor(name).calls(), calls, "{name}: it was just asked");
    }
}

#[tokio::test]
async fn what_was_away_and_what_was_refused_is_healthy_again_by_itself_once_the_third_party_says_so() {
    for name in names() {
        let (world, ada) = world().await;
        let connected = world.connect(&ada, name, 0).await;
        let vendor = world.vendor(name);
        vendor.trouble(Some(Trouble::Fails));
        world.people.advance(Duration::from_mins(1));
        let away = world.status(&ada, &connected["id"]).await;
        let retry_at = away["health"]["retry_at"].as_str().expect("it is tried again");
        assert!(
            retry_at > away["health"]["checked_at"].as_str().expect("it was asked"),
            "{name}: {away}"
        );
        let calls = vendor.calls();
        world.job(CHECK).await;
        assert_eq!(vendor.calls(), calls, "{name}: it is left alone until then");

        vendor.trouble(Some(Trouble::Refuses));
        world.people.advance(Duration::from_mins(15));
        world.job(CHECK).await;
        let refused = seen(&world, &ada).await;
        // A refusal may be of our app, which is not for an admin to mend.
        let actor = refused["health"]["actor"].as_str().expect("somebody must act");
        assert!(["admin", "operator"].contains(&actor), "{name}: {refused}");

        vendor.trouble(None);
        world.people.advance(EVERY);
        world.job(CHECK).await;
        let well = seen(&world, &ada).await;
        assert_eq!(well["health_status"], "healthy", "{name}: {well}");
        assert_eq!(well["health"]["reason"], Value::Null, "{name}: {well}");
    }
}

#[tokio::test]
async fn what_was_just_connected_or_just_asked_about_is_not_asked_about_by_the_clock_as_well() {
    let (world, ada) = world().await;
    for name in names() {
        let connected = world.connect(&ada, name, 0).await;
        let calls = world.vendor(name).calls();
        world.job(CHECK).await;
        assert_eq!(world.vendor(name).calls(), calls, "{name}");
        world.people.advance(Duration::from_hours(1));
        world.status(&ada, &connected["id"]).await;
    }
    let calls = || -> Vec<usize> { names().map(|name| world.vendor(name).calls()).collect() };
    let before = calls();
    world.people.advance(Duration::from_mins(1));
    world.job(CHECK).await;
    assert_eq!(calls(), before);
}
