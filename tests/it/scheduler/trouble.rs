//! A comparison when Clerk, the key or the database is not as it should be.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use secrecy::ExposeSecret as _;
use serde_json::json;
use shared::{
    clock::{self, Clock as _},
    db::{Access, DatabaseSecret, Db},
    identity::{
        fake::{FakeClerk, Trouble},
        reconcile::OVERDUE,
    },
    task::{ClerkOrganization, IdentityChange},
};
use tests::lines::Lines;

use super::{DAY, SECOND, SECRET_ARN, World, outcome, start};

const RECONCILE: &str = "reconcile_identity";

#[tokio::test]
async fn a_pause_that_clerk_asks_for_is_kept_or_left_to_the_next_run() {
    let world = World::new().await;
    world.crowd(150);
    world.clerk.trouble("/v1/users", 1, &Trouble::RateLimited(SECOND));
    let began = Instant::now();
    world.clerk.trouble(
        "/v1/organizations",
        1,
        &Trouble::RateLimited(Duration::from_secs(301)),
    );
    assert_eq!(outcome(&world.compare().await), "rate_limited");
    assert!(began.elapsed() >= SECOND, "it did not wait");
    assert!(began.elapsed() < Duration::from_mins(1), "it waited for nothing");
    assert_eq!(world.offsets("/v1/users"), [0, 0, 100]);

    assert_eq!(outcome(&world.compare().await), "completed");
    assert_eq!(world.offsets("/v1/users"), [0, 0, 100]);
    world.has_converged().await;
}

#[tokio::test]
async fn while_clerk_is_away_the_next_run_goes_on_until_it_is_away_for_days() {
    let world = World::new().await;
    world.crowd(150);
    let mut page = 0;
    for trouble in [Trouble::Status(500), Trouble::Status(503), Trouble::Hang] {
        world.clerk.trouble("*", 1, &trouble);
        assert_eq!(outcome(&world.compare().await), "unavailable", "{trouble:?}");
        page += 1;
    }
    assert_eq!(world.offsets("/v1/users"), vec![0; page]);
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;

    world.clerk.trouble("*", 2, &Trouble::Status(500));
    world.clock.advance(OVERDUE);
    assert_eq!(outcome(&world.compare().await), "unavailable");
    world.clock.advance(SECOND);
    let error = world.tick(&world.app(), RECONCILE).await.expect_err("too long");
    assert_eq!(
        error.to_string(),
        "no comparison with clerk was completed for days"
    );
    assert_eq!(outcome(&world.compare().await), "completed");
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_and_the_next_run_goes_on() {
    let world = World::new().await;
    world.crowd(150);
    for trouble in [
        Trouble::Malformed,
        Trouble::Status(404),
        Trouble::Status(400),
        Trouble::Status(301),
    ] {
        world.clerk.trouble("/v1/users", 1, &trouble);
        let error = world.tick(&world.app(), RECONCILE).await.expect_err("no page");
        assert!(
            error
                .to_string()
                .starts_with("Clerk's answer is not as it should be: . "),
            "{error}"
        );
    }
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;
}

#[tokio::test]
async fn a_key_that_is_refused_is_an_error_and_one_that_was_replaced_is_read_again() {
    let world = World::new().await;
    world.crowd(3);
    let right = json!({"secret_key": world.clerk.secret_key()}).to_string();
    world
        .secrets
        .put(SECRET_ARN, r#"{"secret_key": "sk_test_wrong"}"#, start());
    let app = world.app();
    let error = world.tick(&app, RECONCILE).await.expect_err("the wrong key");
    assert_eq!(error.to_string(), "Clerk refuses the secret key with status 401");
    assert_eq!(world.clerk.calls().len(), 1, "the same key is not tried again");
    world.secrets.put(SECRET_ARN, &right, start());
    let reads = world.secrets.reads();
    assert_eq!(
        outcome(&world.tick(&app, RECONCILE).await.expect("the key")),
        "completed"
    );
    assert_eq!(world.secrets.reads(), reads + 1);

    world.clock.advance(DAY);
    world
        .secrets
        .put(SECRET_ARN, r#"{"key": "sk_test_wrong"}"#, start());
    let error = world.tick(&world.app(), RECONCILE).await.expect_err("no key");
    assert_eq!(error.to_string(), "Clerk's secret key cannot be read");
    world.secrets.set_down(true);
    assert_eq!(outcome(&world.compare().await), "unavailable");
}

#[tokio::test]
async fn the_key_of_another_instance_deletes_nobody() {
    let mut world = World::new().await;
    let people = world.crowd(5);
    let acme = world
        .clerk
        .without_webhooks(|clerk| clerk.create_organization("Acme", "acme", &people[0]));
    assert_eq!(outcome(&world.compare().await), "completed");
    let ours = world.mirrored().await;

    let other = FakeClerk::start().await.expect("another Clerk");
    // Ids are given once in the world, and from the beginning in each fake.
    for number in 0..40 {
        let id = other.sign_up(&format!("{number}@other.example"), "Other", "");
        if number < 20 {
            other.delete_user(&id);
        }
    }
    let right = std::mem::replace(&mut world.clerk, other);
    for _ in 0..3 {
        world.clock.advance(DAY);
        let error = world.tick(&world.app(), RECONCILE).await.expect_err("strangers");
        assert!(error.to_string().contains("another instance"), "{error}");
        assert!(world.mirrored().await.is_superset(&ours));
    }
    assert!(world.clerk.calls().iter().all(|call| call.path == "/v1/users"));

    world.clerk = right;
    world
        .clerk
        .without_webhooks(|clerk| clerk.delete_user(&people[4]));
    assert_eq!(outcome(&world.compare().await), "completed");
    world.clock.advance(DAY);
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;
    assert!(world.mirrored().await.iter().any(|row| row.starts_with(&acme)));
}

/// A deployment from before people were mirrored: organizations with their connections, and nobody in them.
#[tokio::test]
async fn the_key_of_another_instance_deletes_no_organization_where_nobody_is_known_yet() {
    let mut world = World::new().await;
    let people = world.crowd(2);
    let acme = world
        .clerk
        .without_webhooks(|clerk| clerk.create_organization("Acme", "acme", &people[0]));
    let organization = ClerkOrganization {
        id: acme.clone(),
        name: "Acme".to_owned(),
        slug: "acme".to_owned(),
        created_by: None,
        updated_at: start(),
    };
    world
        .apply(&IdentityChange::OrganizationUpserted(organization))
        .await;
    world.clock.advance(SECOND);

    let other = FakeClerk::start().await.expect("another Clerk");
    let right = std::mem::replace(&mut world.clerk, other);
    for stranger in [None, Some("eve@other.example")] {
        if let Some(stranger) = stranger {
            let _stranger = world.clerk.sign_up(stranger, "Eve", "");
        }
        world.clock.advance(DAY);
        let error = world.tick(&world.app(), RECONCILE).await.expect_err("strangers");
        assert!(error.to_string().contains("another instance"), "{error}");
        assert_eq!(world.count("organizations WHERE deleted_at IS NULL").await, 1);
    }

    world.clerk = right;
    assert_eq!(outcome(&world.compare().await), "completed");
    assert!(world.mirrored().await.iter().any(|row| row.starts_with(&acme)));
}

#[tokio::test]
async fn what_cannot_be_read_is_passed_over_and_neither_stops_the_pass_nor_deletes_anybody() {
    let world = World::new().await;
    let people = world.crowd(4);
    let acme = world
        .clerk
        .without_webhooks(|clerk| clerk.create_organization("Acme", "acme", &people[0]));
    assert_eq!(outcome(&world.compare().await), "completed");
    let before = world.mirrored().await;

    world.clock.advance(DAY);
    let deep = (0..300).fold(json!({}), |inner, _| json!({ "a": inner }));
    world.clerk.without_webhooks(|clerk| {
        clerk.write_metadata(&people[1], deep);
        clerk.delete_user(&people[2]);
        clerk.remove_member(&acme, &people[0]);
        clerk.add_member(&acme, &people[3], "org:member");
    });
    // Somebody on the way to Clerk says that there is nothing.
    let who = format!("/v1/users/{}", people[2]);
    world.clerk.trouble(&who, 1, &Trouble::Status(404));
    let lines = Lines::default();
    let report = {
        let _guard = lines.listen("info");
        world.compare().await
    };
    // One person on a page, the same and the other one when asked for.
    assert_eq!(
        (outcome(&report), &report["unreadable"]),
        ("completed", &json!(3))
    );
    let odd = lines.read();
    let odd = odd
        .iter()
        .find(|line| line["message"] == "an item of a list cannot be read");
    assert_eq!(odd.map(|line| &line["position"]), Some(&json!(1)));
    assert_eq!(world.count("users WHERE deleted_at IS NULL").await, 4);
    let members = "SELECT clerk_user_id FROM organization_members WHERE deleted_at IS NULL";
    assert_eq!(world.rows(members).await, [people[3].as_str()]);

    world.clock.advance(DAY);
    assert_eq!(outcome(&world.compare().await), "completed");
    let after = world.mirrored().await;
    let gone: Vec<_> = before
        .difference(&after)
        .filter(|row| row.starts_with("user_"))
        .collect();
    assert!(gone.len() == 1 && gone[0].starts_with(&people[2]), "{gone:?}");
}

#[tokio::test]
async fn an_organization_that_goes_while_its_members_are_asked_for_is_gone() {
    let world = World::new().await;
    let people = world.crowd(2);
    let acme = world
        .clerk
        .without_webhooks(|clerk| clerk.create_organization("Acme", "acme", &people[0]));
    assert_eq!(outcome(&world.compare().await), "completed");
    world.clock.advance(DAY);
    // Its page is read, then Clerk asks for a pause.
    let members = format!("/v1/organizations/{acme}/memberships");
    world
        .clerk
        .trouble(&members, 1, &Trouble::RateLimited(Duration::from_secs(301)));
    assert_eq!(outcome(&world.compare().await), "rate_limited");
    world.clerk.trouble(&members, 1, &Trouble::RateLimited(SECOND));
    let (report, ()) = tokio::join!(world.compare(), async {
        world.clerk.until_called(&members, 3).await;
        world
            .clerk
            .without_webhooks(|clerk| clerk.delete_organization(&acme));
    });
    assert_eq!(outcome(&report), "completed");
    world.has_converged().await;
    assert_eq!(world.count("organizations WHERE deleted_at IS NOT NULL").await, 1);
}

#[tokio::test]
async fn while_the_database_is_away_the_next_run_does_it() {
    let world = World::new().await;
    let nowhere: DatabaseSecret = serde_json::from_value(json!({
        "username": "app", "password": "p", "host": "127.0.0.1", "port": 1, "dbname": "d", "sslmode": "disable",
    }))
    .expect("a login");
    let mut app = world.app();
    app.db = Arc::new(Access::from(Db::new(&nowhere, 1).expect("a way in")));
    for job in scheduler::Job::ALL {
        let report = world.tick(&app, job.as_str()).await.expect("no error");
        assert_eq!(report, json!({"job": job.as_str(), "outcome": "unavailable"}));
    }
    assert!(world.clerk.calls().is_empty());
}

#[tokio::test]
async fn nothing_of_people_and_keys_is_logged_whatever_goes_wrong() {
    let world = World::new().await;
    let clerk = &world.clerk;
    let lines = Lines::default();
    let guard = lines.listen("trace");
    let ada = clerk.without_webhooks(|clerk| clerk.sign_up("heliotrope@acme.example", "Marigold", "Quill"));
    let acme = clerk.without_webhooks(|clerk| clerk.create_organization("Vermilion Ltd", "vermilion", &ada));
    let gone = clerk.without_webhooks(|clerk| clerk.sign_up("cerulean@acme.example", "Marigold", "Quill"));
    let app = world.app();
    for trouble in [
        Trouble::Malformed,
        Trouble::Status(500),
        Trouble::Status(404),
        Trouble::Status(403),
        Trouble::RateLimited(Duration::from_secs(400)),
        Trouble::Hang,
    ] {
        clerk.trouble("*", 1, &trouble);
        drop(world.tick(&app, RECONCILE).await);
    }
    assert_eq!(
        outcome(&world.tick(&app, RECONCILE).await.expect("a pass")),
        "completed"
    );
    world.clock.advance(DAY);
    clerk.without_webhooks(|clerk| {
        clerk.delete_user(&gone);
        clerk.write_metadata(&ada, json!({"a": "saffron"}));
    });
    clerk.trouble(
        &format!("/v1/organizations/{acme}/memberships"),
        1,
        &Trouble::Malformed,
    );
    drop(world.tick(&app, RECONCILE).await);
    assert_eq!(
        outcome(&world.tick(&app, RECONCILE).await.expect("a pass")),
        "completed"
    );
    drop(world.tick(&app, "expire").await.expect("clean"));
    drop(guard);

    let log = lines.whole();
    let metrics = world
        .metrics
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let metrics = String::from_utf8(metrics).expect("text");
    let password = world.database.application().password.expose_secret().to_owned();
    for secret in [
        "heliotrope",
        "cerulean",
        "Marigold",
        "Quill",
        "Vermilion",
        "vermilion",
        "saffron",
        clerk.secret_key(),
        &password,
    ] {
        assert!(!log.contains(secret), "the log shows {secret}");
        assert!(!metrics.contains(secret), "a metric shows {secret}");
    }
    let said = |words: &str| {
        lines
            .read()
            .iter()
            .filter(|line| line["message"] == words)
            .count()
    };
    let ends = said("the job has failed")
        + said("somebody is away; the next tick does the job")
        + said("the job has ended");
    assert_eq!(ends, 10, "each run says how it ended: {log}");
    let repairs = said("what no webhook brought was applied");
    assert_eq!(repairs, 6, "each repair is told: {log}");
    let api = Arc::new(app.clerk);
    assert!(!format!("{api:?}").contains(clerk.secret_key()));
    assert_eq!(clock::until(start(), world.clock.now()), DAY);
}
