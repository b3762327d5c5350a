//! Connections whose third parties are asked by the clock how they are.

use std::{sync::Arc, time::Duration};

use scheduler::{AWAY_AFTER, App};
use serde_json::{Value, json};
use shared::{
    clock::{self, Clock as _},
    connector::ConnectorKind,
    integration::check::EVERY,
    secret::vault::CredentialScope,
};
use tests::kms::Fault;

use super::{SECOND, Ticking, World, credentials::counts, outcome};
use crate::refresh::{Mood, Vendor};

const JOB: &str = "check_connections";
/// How long what failed is left alone.
const PAUSE: Duration = Duration::from_mins(15);

impl World {
    /// So many organizations that connect, one after the other.
    async fn all_connected(&self, count: usize) -> Vec<CredentialScope> {
        let mut all = Vec::new();
        for number in 0..count {
            self.clock.advance(SECOND);
            all.push(self.connected(&format!("n{number}")).await);
        }
        all
    }

    async fn check(&self) -> Value {
        self.check_in(&self.app()).await
    }

    async fn check_in(&self, app: &App) -> Value {
        self.tick(app, JOB).await.expect("it does not fail")
    }

    /// How the connections are, as everybody sees them.
    async fn health(&self) -> Vec<String> {
        self.rows(
            "SELECT concat_ws(' ', health, health_reason, health_remedy, CASE WHEN retry_at IS NOT NULL THEN 'retry' END)
               FROM integrations ORDER BY created_at",
        )
        .await
    }
}

#[tokio::test]
async fn all_are_asked_four_times_a_day_whoever_they_belong_to_and_not_in_between() {
    let world = World::new().await;
    world.all_connected(2).await;
    assert_eq!(
        world.check().await,
        json!({"job": JOB, "outcome": "completed", "counts": {"healthy": 2}, "away": []})
    );
    assert_eq!(counts(&world.check().await), &json!({}));
    world.clock.advance(EVERY.saturating_sub(SECOND));
    assert_eq!(counts(&world.check().await), &json!({}));
    world.clock.advance(SECOND);
    assert_eq!(counts(&world.check().await), &json!({"healthy": 2}));
    assert_eq!(world.vendor.asked(), 4);
    let counted = world.metric("ConnectionsChecked", "health");
    let once = ("healthy".to_owned(), "1.0".to_owned());
    assert_eq!(counted, vec![once; 4], "each is counted once");
}

#[tokio::test]
async fn one_that_was_taken_back_is_found_and_one_that_works_again_too_though_nobody_asks() {
    for (mood, found) in [
        (Mood::Lasting, "needs_reauth token_revoked reconnect"),
        (Mood::Gone, "revoked app_uninstalled reconnect"),
    ] {
        let world = World::new().await;
        world.connected("acme").await;
        world.vendor.be(mood);
        world.check().await;
        assert_eq!(world.health().await, [found]);
        // What only a person can make work is not asked about all the time.
        world.clock.advance(EVERY.saturating_sub(SECOND));
        assert_eq!(counts(&world.check().await), &json!({}));
        world.vendor.be(Mood::Well);
        world.clock.advance(SECOND);
        assert_eq!(counts(&world.check().await), &json!({"healthy": 1}));
        assert_eq!(world.health().await, ["healthy"]);
    }
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_when_that_is_due_and_no_earlier() {
    for (mood, found, pause) in [
        (Mood::Away(None), "degraded unavailable wait retry", PAUSE),
        (Mood::Deaf, "degraded unavailable wait retry", PAUSE),
        (Mood::Garbled, "degraded protocol wait retry", PAUSE),
        (Mood::NotSetUp, "degraded not_set_up operator retry", PAUSE),
        (
            Mood::Away(Some(2 * PAUSE)),
            "degraded unavailable wait retry",
            2 * PAUSE,
        ),
        // However long a third party wants to be left alone.
        (
            Mood::Away(Some(10 * EVERY)),
            "degraded unavailable wait retry",
            EVERY,
        ),
    ] {
        let world = World::new().await;
        world.connected("acme").await;
        world.vendor.be(mood);
        assert_eq!(counts(&world.check().await), &json!({"degraded": 1}), "{mood:?}");
        assert_eq!(world.health().await, [found]);
        world.vendor.be(Mood::Well);
        world.clock.advance(pause.saturating_sub(SECOND));
        assert_eq!(counts(&world.check().await), &json!({}), "{mood:?}");
        world.clock.advance(SECOND);
        assert_eq!(counts(&world.check().await), &json!({"healthy": 1}), "{mood:?}");
    }
}

#[tokio::test]
async fn more_than_are_looked_up_at_once_are_all_asked_in_one_run() {
    let world = World::new().await;
    world.all_connected(101).await;
    assert_eq!(counts(&world.check().await), &json!({"healthy": 101}));
    assert_eq!(world.vendor.asked(), 101);
}

#[tokio::test]
async fn a_third_party_that_is_away_is_left_out_of_a_run_that_the_others_are_in() {
    let world = World::new().await;
    world.all_connected(5).await;
    world.clock.advance(SECOND);
    world.connected_to(ConnectorKind::GitHub, "last").await;
    let other = Vendor::new();
    let app = || {
        let mut app = world.app();
        let integrations = &mut app.checker.integrations;
        integrations.connectors = integrations
            .connectors
            .clone()
            .with(ConnectorKind::GitHub, Arc::new(other.clone()));
        app
    };
    world.vendor.be(Mood::Away(None));
    let report = world.check_in(&app()).await;
    assert_eq!(
        report,
        json!({"job": JOB, "outcome": "completed", "counts": {"degraded": AWAY_AFTER, "healthy": 1}, "away": ["slack"]})
    );
    assert_eq!((world.vendor.asked(), other.asked()), (AWAY_AFTER, 1));

    // Whoever was left out comes first, and a third party that is there again is asked about all.
    world.clock.advance(PAUSE);
    world.vendor.be(Mood::Well);
    assert_eq!(counts(&world.check_in(&app()).await), &json!({"healthy": 5}));
    assert_eq!(world.health().await, ["healthy"; 6]);
    assert_eq!(other.asked(), 1);
}

#[tokio::test]
async fn a_third_party_that_answers_now_and_then_is_not_taken_for_away() {
    let world = World::new().await;
    let all = world.all_connected(5).await;
    world.vendor.be(Mood::Away(None));
    // About this one it answers.
    world.vendor.burn(all[2].integration);
    let report = world.check().await;
    assert_eq!(counts(&report), &json!({"degraded": 4, "needs_reauth": 1}));
    assert_eq!(report["away"], json!([]));
}

#[tokio::test]
async fn a_run_that_is_out_of_time_is_gone_on_with_and_asks_nobody_twice() {
    let world = World::new().await;
    world.all_connected(5).await;
    let app = world.process(Arc::new(Ticking(world.clock.clone(), SECOND)));
    let report = world.tick_for(&app, JOB, 20 * SECOND).await.expect("it ends");
    let done = counts(&report)["healthy"].as_u64().expect("some");
    assert_eq!(outcome(&report), "out_of_time");
    assert!(0 < done && done < 5, "{report}");
    assert_eq!(counts(&world.check().await)["healthy"], 5 - done);
    assert_eq!(world.vendor.asked(), 5);
}

#[tokio::test]
async fn two_runs_at_once_ask_about_each_connection_once() {
    let world = World::new().await;
    world.all_connected(7).await;
    let (one, other) = (world.app(), world.app());
    let (one, other) = Box::pin(futures_util::future::join(
        world.check_in(&one),
        world.check_in(&other),
    ))
    .await;
    let healthy = |report: &Value| counts(report)["healthy"].as_u64().unwrap_or_default();
    assert_eq!(healthy(&one) + healthy(&other), 7, "{one} {other}");
    assert_eq!(world.vendor.asked(), 7);
}

#[tokio::test]
async fn what_there_is_nothing_to_ask_with_is_not_looked_at_at_every_tick() {
    for without in [
        // Whoever connected took our token back, and an event told so.
        "UPDATE integrations SET health = 'revoked', health_reason = 'tokens_revoked';
         DELETE FROM integration_credentials",
        // Nobody connected again before the end.
        "UPDATE integrations SET health = 'needs_reauth', health_reason = 'invalid_grant';
         UPDATE integration_credentials SET expires_at = '2020-01-01', refresh_at = NULL",
    ] {
        let world = World::new().await;
        world.connected("acme").await;
        world.run(without).await;
        let looked_at = counts(&world.check().await).as_object().expect("counts").len();
        assert_eq!(looked_at, 1, "{without}");
        for _ in 0..2 {
            world.clock.advance(PAUSE);
            assert_eq!(counts(&world.check().await), &json!({}), "{without}");
        }
        assert_eq!(world.vendor.asked(), 0);
    }
}

#[tokio::test]
async fn what_has_ended_is_not_asked_about_and_what_is_on_hold_is() {
    let world = World::new().await;
    for status in ["inactive", "deleted", "not_started", "suspended", "pending"] {
        let scope = world.connected(status).await;
        world
            .run(&format!(
                "UPDATE integrations SET status = '{status}' WHERE integration_id = '{}'",
                scope.integration.uuid()
            ))
            .await;
    }
    assert_eq!(counts(&world.check().await), &json!({"healthy": 2}));
    assert_eq!(world.vendor.asked(), 2);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error_and_keeps_nobody_else_waiting() {
    let world = World::new().await;
    let all = world.all_connected(3).await;
    world
        .run(&format!(
            "UPDATE integrations SET metadata = '{{\"plan\":1}}' WHERE integration_id = '{}'",
            all[0].integration.uuid()
        ))
        .await;
    let error = world
        .tick(&world.app(), JOB)
        .await
        .expect_err("somebody must look");
    assert_eq!(
        error.to_string(),
        "1 connections are in a state that they must not be in"
    );
    assert_eq!(world.vendor.asked(), 2);
}

#[tokio::test]
async fn a_connection_to_what_this_release_does_not_know_is_left_to_one_that_does() {
    let world = World::new().await;
    world.connected("acme").await;
    world
        .run("UPDATE integrations SET connector_type = 'tomorrow'")
        .await;
    assert_eq!(counts(&world.check().await), &json!({}));
    world
        .run("UPDATE integrations SET connector_type = 'slack'")
        .await;
    assert_eq!(counts(&world.check().await), &json!({"healthy": 1}));
}

#[tokio::test]
async fn kms_or_the_database_away_is_no_error_and_a_later_tick_does_it() {
    let world = World::new().await;
    world.all_connected(2).await;
    let app = world.app();
    let unavailable = json!({"job": JOB, "outcome": "unavailable"});
    world.kms.fail(Fault::Throttled);
    assert_eq!(world.check_in(&app).await, unavailable);
    world.kms.recover();
    world.database.goes_away().await.expect("it is away");
    assert_eq!(world.check_in(&app).await, unavailable);
    world.database.comes_back().await.expect("it is back");
    assert_eq!(
        world.health().await,
        ["healthy"; 2],
        "it says nothing of a connection"
    );
    assert_eq!(world.vendor.asked(), 0);

    world.clock.advance(PAUSE);
    assert_eq!(counts(&world.check().await), &json!({"healthy": 2}));
}

#[tokio::test]
async fn one_that_is_made_again_while_it_is_asked_about_is_asked_about_anew() {
    let world = World::new().await;
    let scope = world.connected("acme").await;
    let before = clock::before(world.clock.now(), SECOND);
    world
        .run(&format!("UPDATE integrations SET check_at = '{before}'"))
        .await;
    world.vendor.be(Mood::Lasting);
    let answer = world.vendor.hold();
    let connect = async {
        world.vendor.until_asked().await;
        world.clock.advance(SECOND);
        crate::refresh::connect(&world.database, &world.vault(), &scope, 2, world.clock.now()).await;
        world.vendor.be(Mood::Well);
        answer.notify_one();
    };
    let (report, ()) = futures_util::future::join(world.check(), connect).await;
    assert_eq!(outcome(&report), "completed");
    assert_eq!(
        world.health().await,
        ["healthy"],
        "what the old token is says nothing"
    );
    assert_eq!(counts(&world.check().await), &json!({"healthy": 1}));
}
