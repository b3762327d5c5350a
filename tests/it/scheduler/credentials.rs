//! What the clock brings about for credentials: they are refreshed before they end, and third parties learn of the ends
//! of connections.

use std::{sync::Arc, time::Duration};

use scheduler::AWAY_AFTER;
use serde_json::{Value, json};
use shared::{
    clock::{self, Clock as _, Timestamp},
    connector::ConnectorKind,
    id::Ids,
    secret::vault::{CredentialScope, Vault},
};
use tests::kms::Fault;

use super::{SECOND, Ticking, World, outcome, start};
use crate::refresh::{Mood, TOKENS_LIVE, connect};

const REFRESH: &str = "refresh_credentials";
const REVOKE: &str = "finish_revocations";

impl World {
    pub(super) fn vault(&self) -> Vault {
        Vault::new(Arc::new(self.kms.clone()), "test", Arc::new(self.clock.clone()))
    }

    /// An organization that connects now.
    pub(super) async fn connected(&self, name: &str) -> CredentialScope {
        self.connected_to(ConnectorKind::Slack, name).await
    }

    /// An organization that connects a third party now.
    pub(super) async fn connected_to(&self, connector: ConnectorKind, name: &str) -> CredentialScope {
        let scope = CredentialScope {
            organization: self
                .database
                .organization(name, self.clock.now())
                .await
                .expect("an organization"),
            connector,
            integration: Ids::random().integration(),
        };
        connect(&self.database, &self.vault(), &scope, 1, self.clock.now()).await;
        scope
    }

    /// So many organizations whose credentials end in ten minutes.
    async fn ending(&self, count: usize) -> Vec<CredentialScope> {
        let mut all = Vec::new();
        for number in 0..count {
            all.push(self.connected(&format!("n{number}")).await);
        }
        self.clock.advance(Duration::from_mins(11 * 60 + 50));
        all
    }

    /// Ends a connection, without its third party.
    async fn ended(&self, scope: &CredentialScope, give_up_at: Timestamp) {
        let now = self.clock.now();
        self.run(&format!(
            "INSERT INTO integration_revocations
                 SELECT integration_id, organization_id, 'slack',
                        '{{\"id\":\"T1\",\"name\":\"Acme\",\"external_id\":null,\"bot_id\":null,\"user_id\":null,\"metadata\":{{}}}}',
                        ciphertext, nonce, wrapped_key, encryption_key_id, encryption_version, 0, '{now}', '{give_up_at}',
                        '{now}'
                   FROM integration_credentials WHERE integration_id = '{0}';
             UPDATE integrations SET status = 'inactive' WHERE integration_id = '{0}';
             DELETE FROM integration_credentials WHERE integration_id = '{0}'",
            scope.integration.uuid()
        ))
        .await;
    }

    async fn refresh(&self) -> Value {
        self.tick(&self.app(), REFRESH).await.expect("it does not fail")
    }

    async fn finish(&self) -> Value {
        self.tick(&self.app(), REVOKE).await.expect("it does not fail")
    }

    async fn told(&self) -> Vec<String> {
        self.rows(
            "SELECT concat_ws(' ', actor, action, outcome, details->>'reason') FROM audit_events ORDER BY created_at",
        )
        .await
    }
}

pub(super) fn counts(report: &Value) -> &Value {
    &report["counts"]
}

#[tokio::test]
async fn what_ends_soon_is_refreshed_whoever_it_belongs_to_and_what_lasts_is_not_looked_at() {
    let world = World::new().await;
    world.ending(2).await;
    world.connected("later").await;
    let report = world.refresh().await;
    assert_eq!(
        report,
        json!({"job": REFRESH, "outcome": "completed", "counts": {"renewed": 2}})
    );
    assert_eq!(world.vendor.asked(), 2);
    assert_eq!(counts(&world.refresh().await), &json!({}));

    // Half an hour to an hour before they end, all are due once more.
    world.clock.advance(Duration::from_secs(11 * 3_600 - 1));
    assert_eq!(counts(&world.refresh().await), &json!({}));
    world.clock.advance(Duration::from_mins(30) + SECOND);
    assert_eq!(counts(&world.refresh().await), &json!({"renewed": 3}));
    assert_eq!(
        world.metric("RefreshesDue", "outcome"),
        [("renewed", "2.0"), ("renewed", "3.0")].map(|(word, count)| (word.to_owned(), count.to_owned()))
    );
}

#[tokio::test]
async fn a_run_that_is_out_of_time_is_gone_on_with_and_asks_nobody_twice() {
    let world = World::new().await;
    world.ending(5).await;
    let app = world.process(Arc::new(Ticking(world.clock.clone(), SECOND)));
    let report = world.tick_for(&app, REFRESH, 12 * SECOND).await.expect("it ends");
    let done = counts(&report)["renewed"].as_u64().expect("some");
    assert_eq!(outcome(&report), "out_of_time");
    assert!(0 < done && done < 5, "{report}");
    assert_eq!(counts(&world.refresh().await)["renewed"], 5 - done);
    assert_eq!(world.vendor.asked(), 5);
}

#[tokio::test]
async fn a_third_party_that_is_away_is_left_alone_for_the_rest_of_the_run_and_tried_again_later() {
    let world = World::new().await;
    world.ending(5).await;
    world.vendor.be(Mood::Away(None));
    assert_eq!(counts(&world.refresh().await), &json!({"deferred": 5}));
    assert_eq!(world.vendor.asked(), AWAY_AFTER);
    assert_eq!(
        world
            .count("integrations WHERE health = 'degraded' AND retry_at IS NOT NULL")
            .await,
        i64::try_from(AWAY_AFTER).expect("few")
    );
    world.vendor.be(Mood::Well);
    assert_eq!(
        counts(&world.refresh().await),
        &json!({"renewed": 2}),
        "the others are put off"
    );
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(counts(&world.refresh().await), &json!({"renewed": 3}));
    assert_eq!(
        world
            .count("integrations WHERE health = 'healthy' AND failures = 0")
            .await,
        5
    );
}

#[tokio::test]
async fn who_must_connect_again_is_not_asked_about_at_every_tick_and_neither_is_what_is_on_hold() {
    let world = World::new().await;
    let all = world.ending(2).await;
    world.vendor.burn(all[0].integration);
    world
        .run(&format!(
            "UPDATE integrations SET status = 'suspended' WHERE integration_id = '{}'",
            all[1].integration.uuid()
        ))
        .await;
    assert_eq!(counts(&world.refresh().await), &json!({"refused": 1, "ended": 1}));
    assert_eq!(counts(&world.refresh().await), &json!({}));
    world.run("UPDATE integrations SET status = 'active'").await;
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(
        counts(&world.refresh().await),
        &json!({"renewed": 1}),
        "it goes on"
    );
    assert_eq!(world.count("integrations WHERE health = 'needs_reauth'").await, 1);
    assert_eq!(
        world.count("integration_credentials").await,
        2,
        "nothing is deleted"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error_and_keeps_nobody_else_waiting() {
    let world = World::new().await;
    let all = world.ending(3).await;
    world
        .run(&format!(
            "UPDATE integrations SET connector_type = 'gone' WHERE integration_id = '{}'",
            all[0].integration.uuid()
        ))
        .await;
    let error = world
        .tick(&world.app(), REFRESH)
        .await
        .expect_err("somebody must look");
    assert_eq!(
        error.to_string(),
        "1 connections are in a state that they must not be in"
    );
    assert_eq!(world.vendor.asked(), 2);
}

#[tokio::test]
async fn kms_or_the_database_away_is_no_error_and_the_next_tick_does_it() {
    let world = World::new().await;
    let all = world.ending(1).await;
    let app = world.app();
    world
        .ended(&all[0], clock::after(world.clock.now(), super::DAY))
        .await;
    world.connected("other").await;
    world
        .run("UPDATE integration_credentials SET expires_at = refresh_at, refresh_at = '2020-01-01'")
        .await;
    world
        .run(&format!(
            "UPDATE integration_credentials SET expires_at = '{}'",
            world.clock.now()
        ))
        .await;
    for job in [REFRESH, REVOKE] {
        world.kms.fail(Fault::Throttled);
        let report = world.tick(&app, job).await.expect("no error");
        assert_eq!(report, json!({"job": job, "outcome": "unavailable"}));
        world.kms.recover();
        world.database.goes_away().await.expect("it is away");
        let report = world.tick(&app, job).await.expect("no error");
        assert_eq!(report, json!({"job": job, "outcome": "unavailable"}));
        world.database.comes_back().await.expect("it is back");
    }
    assert_eq!(world.vendor.asked(), 0);
    assert_eq!(counts(&world.refresh().await), &json!({"renewed": 1}));
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(counts(&world.finish().await), &json!({"told": 1}));
}

#[tokio::test]
async fn a_time_that_is_named_shows_what_is_due_then_and_lets_nothing_be_changed() {
    let world = World::new().await;
    let due = world.connected("due").await;
    let ended = world.connected("ended").await;
    world.ended(&ended, clock::after(start(), super::DAY)).await;
    world.clock.advance(Duration::from_hours(5));
    let later = world.connected("later").await;
    let unread = world.connected("unread").await;
    let before = clock::after(start(), TOKENS_LIVE);
    let after = clock::after(before, SECOND);
    world
        .run(&format!(
            "UPDATE integrations SET sync_at = '{after}';
             UPDATE integrations SET check_at = '{after}' WHERE integration_id IN ('{}', '{unread}');
             UPDATE integrations SET sync_at = '{before}' WHERE integration_id = '{unread}';
             UPDATE integrations SET sync_at = '{before}' WHERE integration_id = '{}'",
            later.integration.uuid(),
            ended.integration.uuid(),
            unread = unread.integration.uuid(),
        ))
        .await;
    let client = world.database.plain().await.expect("a connection");
    client
        .batch_execute(&format!(
            "BEGIN; SELECT set_config('app.due_before', '{before}', true)"
        ))
        .await
        .expect("it begins");
    let seen = async |table: &str| -> Vec<uuid::Uuid> {
        let query = format!("SELECT integration_id FROM {table} ORDER BY integration_id");
        let rows = client.query(&query, &[]).await.expect("ids");
        rows.iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(seen("integration_credentials").await, [due.integration.uuid()]);
    // One is to be asked about, of the other what it reaches is to be read; neither of those that have ended.
    assert_eq!(
        seen("integrations").await,
        [due.integration.uuid(), unread.integration.uuid()]
    );
    let count = async |from: &str| -> i64 {
        let query = format!("SELECT count(*) FROM {from}");
        client.query_one(&query, &[]).await.expect("a count").get(0)
    };
    assert_eq!(count("integration_revocations").await, 1);
    assert_eq!(count("organizations").await, 0);
    for change in [
        "UPDATE integration_credentials SET refresh_at = NULL",
        "DELETE FROM integration_credentials",
        "UPDATE integration_revocations SET attempts = 7",
        "DELETE FROM integration_revocations",
        "UPDATE integrations SET check_at = now(), sync_at = now()",
        "DELETE FROM integrations",
    ] {
        assert_eq!(
            client.execute(change, &[]).await.expect("it finds nothing"),
            0,
            "{change}"
        );
    }
}

#[tokio::test]
async fn an_end_is_told_when_the_third_party_is_back_and_the_credentials_are_destroyed() {
    let world = World::new().await;
    let scope = world.connected("acme").await;
    world.ended(&scope, clock::after(start(), super::DAY)).await;
    for (mood, pause) in [(Mood::Away(None), 1), (Mood::Deaf, 2), (Mood::NotSetUp, 4)] {
        world.vendor.be(mood);
        assert_eq!(counts(&world.finish().await), &json!({"deferred": 1}), "{mood:?}");
        let asked = world.vendor.asked();
        world.clock.advance(Duration::from_mins(pause).mul_f64(0.79));
        assert_eq!(
            counts(&world.finish().await),
            &json!({}),
            "{mood:?}: it is put off"
        );
        assert_eq!(world.vendor.asked(), asked);
        world.clock.advance(Duration::from_mins(pause).mul_f64(0.21));
    }
    world.vendor.be(Mood::Well);
    assert_eq!(counts(&world.finish().await), &json!({"told": 1}));
    assert_eq!(world.count("integration_revocations").await, 0, "it is shredded");
    assert_eq!(world.told().await, ["scheduler integration.end_told succeeded"]);
    assert_eq!(counts(&world.finish().await), &json!({}));
    assert_eq!(
        world.rows("SELECT details->>'attempts' FROM audit_events").await,
        ["4"]
    );
}

#[tokio::test]
async fn what_can_never_be_told_is_given_up_destroyed_and_on_record() {
    for (mood, damage, reason) in [
        (Mood::Lasting, "", "token_revoked"),
        (
            Mood::Well,
            "UPDATE integration_revocations SET ciphertext = 'damaged in some way'",
            "credentials_unreadable",
        ),
        (
            Mood::Well,
            "UPDATE integration_revocations SET connector_type = 'gone'",
            "unreadable",
        ),
        (
            Mood::Away(None),
            "UPDATE integration_revocations SET give_up_at = '2020-01-01'",
            "unavailable",
        ),
    ] {
        let world = World::new().await;
        let scope = world.connected("acme").await;
        world.ended(&scope, clock::after(start(), super::DAY)).await;
        world.run(damage).await;
        world.vendor.be(mood);
        assert_eq!(counts(&world.finish().await), &json!({"given_up": 1}), "{reason}");
        assert_eq!(world.count("integration_revocations").await, 0, "{reason}");
        assert_eq!(
            world.told().await,
            [format!("scheduler integration.end_told failed {reason}")]
        );
    }
}

#[tokio::test]
async fn what_is_gone_at_the_third_party_already_counts_as_told() {
    let world = World::new().await;
    let scope = world.connected("acme").await;
    world.ended(&scope, clock::after(start(), super::DAY)).await;
    world.vendor.be(Mood::Gone);
    assert_eq!(counts(&world.finish().await), &json!({"told": 1}));
}
