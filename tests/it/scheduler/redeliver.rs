//! Having sent again what GitHub could not deliver.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use aws_config::SdkConfig;
use scheduler::{App, LOOK_BACK};
use serde_json::{Value, json};
use shared::{
    clock::{self, Clock as _, Timestamp},
    config::Env,
    connector::{
        Connectors,
        contract::Parts,
        fake::{Trouble, Vendor as _},
        github::fake::FakeGitHub,
    },
    secret::manager::{MemorySecrets, SecretStore},
};

use super::{SECOND, Ticking, World};

const JOB: &str = "redeliver_github";
const HOUR: Duration = Duration::from_hours(1);

/// A GitHub that has an App, whose door is open.
pub(super) async fn github(world: &World) -> FakeGitHub {
    let github = FakeGitHub::start(Some(Arc::new(world.clock.clone())))
        .await
        .expect("a GitHub");
    github.set_door(200);
    github
}

/// The function with that GitHub; `secrets` is what Secrets Manager holds of it.
fn with(mut app: App, github: &FakeGitHub, secrets: Vec<(String, String)>) -> App {
    let store = MemorySecrets::new();
    for (arn, secret) in secrets {
        store.put(&arn, &secret, Timestamp::UNIX_EPOCH);
    }
    let parts = Parts {
        clock: Arc::clone(&app.clock),
        secrets: SecretStore::from_source(store),
        aws: SdkConfig::builder().build(),
    };
    let mut env = Env::from_pairs(github.variables());
    app.refresher.integrations.connectors = Connectors::from_env(&mut env, &parts).expect("connectors");
    app
}

pub(super) fn app(world: &World, github: &FakeGitHub) -> App {
    with(world.app(), github, github.secrets())
}

/// What GitHub delivered so long ago, and was answered this.
fn delivered(world: &World, github: &FakeGitHub, guid: &str, ago: Duration, status: u16) {
    github.delivered(guid, clock::before(world.clock.now(), ago), status);
}

async fn tick(world: &World, app: &App) -> (Value, usize) {
    let report = world.tick(app, JOB).await.expect("no error");
    let asked = report["asked"].as_u64().expect("a number");
    (report["outcome"].clone(), usize::try_from(asked).expect("small"))
}

fn counted(world: &World) -> f64 {
    let lines = world
        .metrics
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    String::from_utf8(lines)
        .expect("text")
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["RedeliveriesAsked"].as_f64())
        .sum()
}

#[tokio::test]
async fn what_failed_and_has_not_arrived_since_is_sent_again_once_the_oldest_first() {
    let world = World::new().await;
    let github = github(&world).await;
    delivered(&world, &github, "too-old", LOOK_BACK + HOUR, 503);
    delivered(&world, &github, "lost", 4 * HOUR, 503);
    delivered(&world, &github, "well", 3 * HOUR, 200);
    delivered(&world, &github, "came-later", 3 * HOUR, 503);
    delivered(&world, &github, "came-later", 2 * HOUR, 200);
    delivered(&world, &github, "lost-twice", 2 * HOUR, 0);
    delivered(&world, &github, "of-no-use", HOUR, 400);
    delivered(&world, &github, "lost-twice", HOUR, 504);
    let app = app(&world, &github);
    assert_eq!(tick(&world, &app).await, (json!("completed"), 2));
    assert_eq!(github.delivered_again(), ["lost", "lost-twice"]);
    assert!((counted(&world) - 2.0).abs() < f64::EPSILON);

    world.clock.advance(HOUR);
    assert_eq!(
        tick(&world, &app).await,
        (json!("completed"), 0),
        "it has arrived"
    );
}

#[tokio::test]
async fn what_fails_again_is_sent_again_by_the_next_run_and_so_is_what_was_on_its_way() {
    let world = World::new().await;
    let github = github(&world).await;
    github.set_door(503);
    delivered(&world, &github, "lost", HOUR, 503);
    let app = app(&world, &github);
    assert_eq!(tick(&world, &app).await.1, 1);
    // Its answer came while the last run looked.
    delivered(&world, &github, "on-its-way", Duration::from_mins(1), 503);
    world.clock.advance(HOUR);
    github.set_door(200);
    assert_eq!(tick(&world, &app).await.1, 2);
    world.clock.advance(HOUR);
    assert_eq!(tick(&world, &app).await.1, 0);
}

#[tokio::test]
async fn all_pages_are_looked_at_and_only_as_far_back_as_the_last_run() {
    let world = World::new().await;
    let github = github(&world).await;
    delivered(&world, &github, "lost", 2 * HOUR, 503);
    for number in 0..250 {
        delivered(&world, &github, &format!("well-{number}"), HOUR, 200);
    }
    let app = app(&world, &github);
    let calls = github.calls();
    assert_eq!(tick(&world, &app).await.1, 1);
    assert_eq!(
        github.calls() - calls,
        4,
        "three pages, and one that is asked for"
    );
    world.clock.advance(HOUR);
    let calls = github.calls();
    assert_eq!(tick(&world, &app).await.1, 0);
    assert_eq!(
        github.calls() - calls,
        1,
        "the first page reaches back far enough"
    );
}

#[tokio::test]
async fn a_run_asks_for_no_more_than_the_door_takes_and_the_next_goes_on() {
    let world = World::new().await;
    let github = github(&world).await;
    for number in 0..250 {
        delivered(&world, &github, &format!("lost-{number}"), HOUR, 503);
    }
    let app = app(&world, &github);
    assert_eq!(tick(&world, &app).await, (json!("unfinished"), 200));
    world.clock.advance(2 * HOUR);
    assert_eq!(tick(&world, &app).await, (json!("completed"), 50));
    let mut again = github.delivered_again();
    again.sort();
    again.dedup();
    assert_eq!(again.len(), 250);
}

#[tokio::test]
async fn a_run_ends_in_time() {
    let world = World::new().await;
    let github = github(&world).await;
    for number in 0..20 {
        delivered(&world, &github, &format!("lost-{number}"), HOUR, 503);
    }
    let slow = world.process(Arc::new(Ticking(world.clock.clone(), SECOND)));
    let app = with(slow, &github, github.secrets());
    let report = world
        .tick_for(&app, JOB, Duration::from_secs(2))
        .await
        .expect("no error");
    assert_eq!(report["outcome"], "unfinished");
}

#[tokio::test]
async fn a_deployment_without_an_app_does_nothing_and_is_no_fault() {
    let world = World::new().await;
    let github = github(&world).await;
    delivered(&world, &github, "lost", HOUR, 503);
    // The random value that a stack begins with.
    let random = json!({ "client_secret": "s7Qk".repeat(16) }).to_string();
    let secrets = github.secrets().into_iter().map(|(arn, _)| (arn, random.clone()));
    let app = with(world.app(), &github, secrets.collect());
    assert_eq!(tick(&world, &app).await, (json!("not_set_up"), 0));
    assert_eq!(github.calls(), 0);
}

#[tokio::test]
async fn while_github_is_away_the_next_tick_does_it_and_nothing_is_missed() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    assert_eq!(tick(&world, &app).await.1, 0);
    world.clock.advance(HOUR);
    delivered(&world, &github, "lost", Duration::from_mins(30), 503);
    github.trouble(Some(Trouble::Fails));
    let report = world.tick(&app, JOB).await.expect("no error");
    assert_eq!(report["outcome"], "unavailable");
    github.trouble(None);
    world.clock.advance(HOUR);
    assert_eq!(tick(&world, &app).await.1, 1);
}

#[tokio::test]
async fn a_key_that_github_does_not_know_is_told_to_the_operator() {
    let world = World::new().await;
    let github = github(&world).await;
    let app = app(&world, &github);
    github.trouble(Some(Trouble::Refuses));
    world.tick(&app, JOB).await.expect_err("somebody must act");
}
