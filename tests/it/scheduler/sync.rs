//! What connections reach, read by the clock.

use std::time::Duration;

use scheduler::{AWAY_AFTER, App};
use serde_json::{Value, json};
use shared::{
    clock::Clock as _,
    connector::{
        ConnectorKind,
        fake::{Trouble, Vendor as _},
        github::fake::FakeGitHub,
    },
    db::integrations,
    id::Ids,
    integration::sync::EVERY,
    secret::vault::CredentialScope,
};
use tests::kms::Fault;

use super::{
    SECOND, World,
    credentials::counts,
    outcome,
    redeliver::{app, github},
};
use crate::sync::connect;

const JOB: &str = "sync_repositories";
/// Between two ticks.
const HOUR: Duration = Duration::from_hours(1);

/// An organization that has connected an installation of this number just now, without a reading.
async fn connected(world: &World, app: &App, number: i64) -> CredentialScope {
    world.clock.advance(SECOND);
    let name = format!("n{number}");
    let organization = world
        .database
        .organization(&name, app.clock.now())
        .await
        .expect("an organization");
    let scope = CredentialScope {
        organization,
        connector: ConnectorKind::GitHub,
        integration: Ids::random().integration(),
    };
    connect(&app.refresher.integrations, &scope, number, number).await;
    scope
}

/// The same for one that GitHub has, which reaches two repositories.
async fn installed(world: &World, app: &App, github: &FakeGitHub, number: i64) -> CredentialScope {
    github.install(number, number, "octo-org", 2);
    connected(world, app, number).await
}

async fn sync(world: &World, app: &App) -> Value {
    world.tick(app, JOB).await.expect("it does not fail")
}

/// The repositories that are known, by their numbers.
async fn known(world: &World) -> Vec<String> {
    world
        .rows("SELECT github_repository_id::text FROM github_repositories ORDER BY 1")
        .await
}

/// The connections of which nothing was ever read, by the numbers of their installations.
async fn unread(world: &World) -> Vec<String> {
    world
        .rows("SELECT external_id FROM integrations WHERE synced_at IS NULL ORDER BY 1")
        .await
}

/// The connections that are to be read by now, in the same way.
async fn waiting(world: &World) -> Vec<String> {
    let now = world.clock.now();
    world
        .rows(&format!(
            "SELECT external_id FROM integrations WHERE sync_at <= '{now}' ORDER BY 1"
        ))
        .await
}

#[tokio::test]
async fn what_no_webhook_told_is_made_up_for_within_a_day() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    installed(&world, &app, &github, 5).await;
    assert_eq!(
        sync(&world, &app).await,
        json!({"job": JOB, "outcome": "completed", "counts": {"read": 1}, "away": []})
    );
    assert_eq!(known(&world).await, ["5001", "5002"]);

    github.reach(5, [5_002, 5_003]);
    let calls = github.calls();
    world.clock.advance(EVERY.saturating_sub(SECOND));
    assert_eq!(counts(&sync(&world, &app).await), &json!({}));
    assert_eq!(github.calls(), calls, "it is not read more often than it must");
    world.clock.advance(SECOND);
    assert_eq!(counts(&sync(&world, &app).await), &json!({"read": 1}));
    assert_eq!(known(&world).await, ["5002", "5003"]);
    let once = ("read".to_owned(), "1.0".to_owned());
    assert_eq!(world.metric("RepositoriesSynced", "outcome"), vec![once; 2]);
}

#[tokio::test]
async fn what_an_event_left_to_be_read_is_read_at_the_next_tick() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    let scope = installed(&world, &app, &github, 5).await;
    sync(&world, &app).await;
    github.reach(5, [5_003]);
    let (organization, integration) = (scope.organization, scope.integration);
    let mut db = app.db.get().await.expect("a connection");
    let tx = db.begin_for(organization).await.expect("it begins");
    integrations::update_unsynced(&tx, organization, integration, app.clock.now())
        .await
        .expect("noted");
    tx.commit().await.expect("it commits");
    drop(db);
    world.clock.advance(SECOND);
    assert_eq!(counts(&sync(&world, &app).await), &json!({"read": 1}));
    assert_eq!(known(&world).await, ["5003"]);
}

#[tokio::test]
async fn one_that_github_refuses_fails_neither_the_run_nor_others_and_waits_for_the_next_tick() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    installed(&world, &app, &github, 1).await;
    github.suspend(1, true);
    connected(&world, &app, 2).await;
    installed(&world, &app, &github, 3).await;
    assert_eq!(
        sync(&world, &app).await,
        json!({"job": JOB, "outcome": "completed", "counts": {"refused": 2, "read": 1}, "away": []})
    );
    assert_eq!(unread(&world).await, ["1", "2"]);
    let calls = github.calls();
    assert_eq!(counts(&sync(&world, &app).await), &json!({}));
    assert_eq!(github.calls(), calls, "it is not asked in vain all the time");

    github.suspend(1, false);
    world.clock.advance(HOUR);
    assert_eq!(
        counts(&sync(&world, &app).await),
        &json!({"refused": 1, "read": 1})
    );
    assert_eq!(unread(&world).await, ["2"]);

    // Once it is known that somebody must act, it is not tried before they have.
    let mut checking = app;
    checking.checker.integrations.connectors = checking.refresher.integrations.connectors.clone();
    world.tick(&checking, "check_connections").await.expect("asked");
    world.clock.advance(HOUR);
    assert_eq!(counts(&sync(&world, &checking).await), &json!({}));
    github.install(2, 2, "octo-org", 2);
    world.clock.advance(6 * HOUR);
    world.tick(&checking, "check_connections").await.expect("asked");
    assert_eq!(counts(&sync(&world, &checking).await), &json!({"read": 1}));
}

#[tokio::test]
async fn a_github_that_is_away_is_tried_a_few_times_in_a_run_and_with_others_the_next_time() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    for number in 1..=5 {
        installed(&world, &app, &github, number).await;
    }
    github.trouble(Some(Trouble::Fails));
    assert_eq!(
        sync(&world, &app).await,
        json!({"job": JOB, "outcome": "completed", "counts": {"unavailable": AWAY_AFTER}, "away": ["github"]})
    );
    let calls = github.calls();
    assert_eq!(waiting(&world).await, ["4", "5"]);
    world.clock.advance(HOUR);
    assert_eq!(
        counts(&sync(&world, &app).await),
        &json!({"unavailable": AWAY_AFTER})
    );
    assert_eq!(
        waiting(&world).await,
        ["2", "3"],
        "whoever was left out came first"
    );
    assert_eq!(github.calls(), 2 * calls);

    github.trouble(None);
    world.clock.advance(HOUR);
    assert_eq!(counts(&sync(&world, &app).await), &json!({"read": 5}));
}

#[tokio::test]
async fn a_reading_that_a_run_has_no_time_for_is_cut_off_and_comes_after_the_others_next_time() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    for number in 1..=2 {
        installed(&world, &app, &github, number).await;
    }
    for left in ["2", "1"] {
        let (_made, _sent) = github.hold();
        let report = world
            .tick_for(&app, JOB, Duration::from_millis(300))
            .await
            .expect("it ends");
        assert_eq!(outcome(&report), "out_of_time");
        assert_eq!(counts(&report), &json!({"cut_off": 1}));
        assert_eq!(waiting(&world).await, [left]);
        world.clock.advance(HOUR);
    }
    assert_eq!(unread(&world).await, ["1", "2"]);
    assert_eq!(counts(&sync(&world, &app).await), &json!({"read": 2}));
}

#[tokio::test]
async fn two_runs_at_once_read_what_each_connection_reaches_once() {
    let world = World::new().await;
    let github = github(&world).await;
    let (one, other) = (app(&world, &github), app(&world, &github));
    for number in 1..=4 {
        installed(&world, &one, &github, number).await;
    }
    let (first, second) = Box::pin(futures_util::future::join(
        sync(&world, &one),
        sync(&world, &other),
    ))
    .await;
    let read = |report: &Value| counts(report)["read"].as_u64().unwrap_or_default();
    assert_eq!(read(&first) + read(&second), 4, "{first} {second}");
    assert_eq!(unread(&world).await, Vec::<String>::new());
    assert_eq!(github.minted().len(), 4);
}

#[tokio::test]
async fn more_than_are_looked_up_at_once_keep_nobody_behind_them_from_being_read() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    for number in 1..=100 {
        connected(&world, &app, number).await;
    }
    world.run("DELETE FROM integration_credentials").await;
    installed(&world, &app, &github, 101).await;
    assert_eq!(
        counts(&sync(&world, &app).await),
        &json!({"ended": 100, "read": 1})
    );
}

#[tokio::test]
async fn what_is_on_hold_or_has_ended_or_reaches_no_repositories_is_left_alone() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    for (number, change) in [
        "status = 'suspended'",
        "status = 'inactive'",
        "status = 'deleted'",
        "connector_type = 'tomorrow'",
    ]
    .into_iter()
    .enumerate()
    {
        let scope = connected(&world, &app, i64::try_from(number).expect("small")).await;
        world
            .run(&format!(
                "UPDATE integrations SET {change} WHERE integration_id = '{}'",
                scope.integration.uuid()
            ))
            .await;
    }
    world.connected("slack").await;
    assert_eq!(counts(&sync(&world, &app).await), &json!({}));
    assert_eq!(github.calls() + world.vendor.asked(), 0);
}

#[tokio::test]
async fn credentials_that_do_not_open_fail_no_run_and_a_row_that_cannot_be_read_does() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    let unreadable = connected(&world, &app, 1).await;
    world
        .run("UPDATE integration_credentials SET ciphertext = 'damaged in some way'")
        .await;
    installed(&world, &app, &github, 2).await;
    assert_eq!(
        counts(&sync(&world, &app).await),
        &json!({"unreadable": 1, "read": 1})
    );

    world
        .run(&format!(
            "UPDATE integrations SET metadata = '{{\"plan\":1}}' WHERE integration_id = '{}'",
            unreadable.integration.uuid()
        ))
        .await;
    world.clock.advance(HOUR);
    installed(&world, &app, &github, 3).await;
    let error = world.tick(&app, JOB).await.expect_err("somebody must look");
    assert_eq!(
        error.to_string(),
        "1 connections are in a state that they must not be in"
    );
    assert_eq!(unread(&world).await, ["1"], "the other was read");
}

#[tokio::test]
async fn kms_or_the_database_away_is_no_error_and_the_next_tick_does_it() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    installed(&world, &app, &github, 1).await;
    let unavailable = json!({"job": JOB, "outcome": "unavailable"});
    world.kms.fail(Fault::Throttled);
    assert_eq!(sync(&world, &app).await, unavailable);
    world.kms.recover();
    world.database.goes_away().await.expect("it is away");
    assert_eq!(sync(&world, &app).await, unavailable);
    world.database.comes_back().await.expect("it is back");
    assert_eq!(github.calls(), 0);
    world.clock.advance(HOUR);
    assert_eq!(counts(&sync(&world, &app).await), &json!({"read": 1}));
}
