//! What has been kept long enough goes, and nothing else.

use std::{sync::Arc, time::Duration};

use scheduler::{DELIVERIES_KEPT, RATE_LIMITS_KEPT, TOMBSTONES_KEPT, Table, UNCLAIMED_KEPT};
use serde_json::{Value, json};
use shared::{
    clock::{self, Clock as _, FixedClock, Timestamp},
    task::{ClerkMembership, IdentityChange, MemberRole},
};

use super::{SECOND, Ticking, World, outcome, start};
use crate::tenancy;

const EXPIRE: &str = "expire";

/// One time that is a second too old, and one that is just young enough.
fn around(kept: Duration) -> [(&'static str, Timestamp); 2] {
    [
        ("old", clock::before(start(), kept + SECOND)),
        ("young", clock::before(start(), kept)),
    ]
}

/// The organization has a connection.
async fn connect_something(world: &World, clerk_org_id: &str) {
    world
        .run(&format!(
            "INSERT INTO integrations (integration_id, organization_id, connector_type, status, health_changed_at,
                                       installed_at, created_at, updated_at)
                 SELECT gen_random_uuid(), organization_id, 'pagerduty', 'active', now(), now(), now(), now()
                   FROM organizations WHERE clerk_org_id = '{clerk_org_id}'"
        ))
        .await;
}

/// Something of each table whose rows say themselves until when they are kept.
async fn said_until(world: &World, name: &str, at: Timestamp) {
    world
        .run(&format!(
            "INSERT INTO oauth_states (state_hash, organization_id, user_id, connector_type, browser_hash, redirect_uri,
                                       created_at, expires_at)
                 SELECT sha256('{name}'), i.organization_id, u.user_id, 'slack', sha256('b'), '{name}', '{at}', '{at}'
                   FROM integrations i, users u WHERE u.clerk_user_id = 'user_stays';
             INSERT INTO integration_activities
                 SELECT gen_random_uuid(), organization_id, integration_id, '{name}', 'push', '', '1', 'a/b', 't', NULL,
                        NULL, now(), '{at}', now()
                   FROM integrations;
             INSERT INTO alerts (alert_id, organization_id, integration_id, dedupe_key, severity, state, title,
                                 source_updated_at, expires_at, created_at, updated_at)
                 SELECT gen_random_uuid(), organization_id, integration_id, '{name}', 'high', 'triggered', 't', now(),
                        '{at}', now(), now()
                   FROM integrations"
        ))
        .await;
}

async fn expire(world: &World) -> Value {
    world.tick(&world.app(), EXPIRE).await.expect("it is clean")
}

#[tokio::test]
async fn exactly_what_is_old_goes_from_each_table() {
    let world = World::new().await;
    for (name, at) in around(DELIVERIES_KEPT) {
        let statement = format!(
            "INSERT INTO deliveries VALUES ('slack', '{name}', 'done', 1, 1, '{at}', NULL, '2000-01-01', '{at}')"
        );
        world.run(&statement).await;
    }
    for (name, at) in around(Duration::ZERO) {
        world
            .run(&format!("INSERT INTO revoked_sessions VALUES ('{name}', '{at}')"))
            .await;
    }
    for (name, at) in around(RATE_LIMITS_KEPT) {
        world
            .run(&format!(
                "INSERT INTO rate_limits VALUES ('{name}', '{at}', true)"
            ))
            .await;
    }
    let membership = |user: &str| {
        IdentityChange::MembershipUpserted(ClerkMembership {
            organization_id: "org_stays".to_owned(),
            user_id: format!("user_{user}"),
            role: MemberRole::Member,
            joined_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        })
    };
    world.apply(&membership("stays")).await;
    for (name, at) in around(TOMBSTONES_KEPT) {
        world.apply(&membership(name)).await;
        world.apply(&membership(&format!("{name}_member"))).await;
        world
            .apply(&IdentityChange::UserDeleted {
                user_id: format!("user_{name}"),
                at,
            })
            .await;
        world
            .apply(&IdentityChange::OrganizationDeleted {
                organization_id: format!("org_{name}"),
                at,
            })
            .await;
        world
            .apply(&IdentityChange::MembershipDeleted {
                organization_id: "org_stays".to_owned(),
                user_id: format!("user_{name}_member"),
                at,
            })
            .await;
    }

    let report = expire(&world).await;
    assert_eq!(
        report,
        json!({
            "job": "expire",
            "outcome": "completed",
            "removed": {
                "deliveries": 1, "revoked_sessions": 1, "rate_limits": 1, "oauth_states": 0,
                "integration_activities": 0, "alerts": 0, "github_unclaimed_installations": 0,
                "organization_members": 1, "users": 1, "organizations": 1,
            },
        })
    );
    assert_eq!(world.rows("SELECT key FROM deliveries").await, ["young"]);
    assert_eq!(
        world.rows("SELECT clerk_session_id FROM revoked_sessions").await,
        ["young"]
    );
    assert_eq!(world.rows("SELECT subject FROM rate_limits").await, ["young"]);
    assert_eq!(
        world
            .rows("SELECT clerk_org_id FROM organizations ORDER BY 1")
            .await,
        ["org_stays", "org_young"]
    );
    assert_eq!(
        world.rows("SELECT clerk_user_id FROM users ORDER BY 1").await,
        ["user_old_member", "user_stays", "user_young", "user_young_member"]
    );
    // That of the old tombstone went with its person.
    assert_eq!(
        world
            .rows("SELECT clerk_user_id FROM organization_members ORDER BY 1")
            .await,
        ["user_stays", "user_young", "user_young_member"]
    );
    let counted = world.metric("RowsExpired", "table");
    assert_eq!(counted.len(), Table::ALL.len());
    let ones = counted.iter().filter(|(_, value)| value == "1.0").count();
    assert_eq!(ones, 6, "{counted:?}");

    world.clock.advance(SECOND);
    let again = expire(&world).await;
    assert_eq!(again, report, "what was young is old");
}

#[tokio::test]
async fn what_says_itself_until_when_it_is_kept_goes_then_and_what_nobody_claims_after_long() {
    let world = World::new().await;
    world
        .apply(&IdentityChange::MembershipUpserted(ClerkMembership {
            organization_id: "org_stays".to_owned(),
            user_id: "user_stays".to_owned(),
            role: MemberRole::Member,
            joined_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }))
        .await;
    connect_something(&world, "org_stays").await;
    for (name, at) in around(Duration::ZERO) {
        said_until(&world, name, at).await;
    }
    for (number, (_, at)) in around(UNCLAIMED_KEPT).into_iter().enumerate() {
        world
            .run(&format!(
                "INSERT INTO github_unclaimed_installations VALUES ({number}, 7, 'User', false, '{at}', NULL, '{at}', '{at}')"
            ))
            .await;
    }

    let is_one = |report: &Value| {
        [
            "oauth_states",
            "integration_activities",
            "alerts",
            "github_unclaimed_installations",
        ]
        .iter()
        .all(|table| report["removed"][table] == 1)
    };
    let report = expire(&world).await;
    assert!(is_one(&report), "{report}");
    assert_eq!(
        world.rows("SELECT redirect_uri FROM oauth_states").await,
        ["young"]
    );
    assert_eq!(
        world.rows("SELECT dedupe_key FROM integration_activities").await,
        ["young"]
    );
    assert_eq!(world.rows("SELECT dedupe_key FROM alerts").await, ["young"]);
    assert_eq!(
        world
            .rows("SELECT github_installation_id::text FROM github_unclaimed_installations")
            .await,
        ["1"]
    );
    world.clock.advance(SECOND);
    let report = expire(&world).await;
    assert!(is_one(&report), "{report}");
}

#[tokio::test]
async fn an_organization_takes_all_that_is_its_own_with_it_and_leaves_the_record() {
    let (database, acme, rival, tables) = tenancy::two().await;
    let mut world = World::new().await;
    world.clock = FixedClock::at(tenancy::now());
    world.database = database;
    let clerk_org_id = format!("org_{}", acme.uuid().simple());
    let gone = IdentityChange::OrganizationDeleted {
        organization_id: clerk_org_id,
        at: clock::after(tenancy::now(), SECOND),
    };
    world.apply(&gone).await;
    let of = async |table: &str, organization: shared::id::OrganizationId| {
        let from = format!("{table} WHERE organization_id = '{}'", organization.uuid());
        world.count(&from).await
    };
    let mut before = Vec::new();
    for table in &tables {
        before.push((of(table, acme).await, of(table, rival).await));
    }

    world.clock.advance(TOMBSTONES_KEPT + 2 * SECOND);
    let report = expire(&world).await;
    assert_eq!(report["removed"]["organizations"], 1);
    for (table, (acmes, rivals)) in tables.iter().zip(before) {
        let (is_record, now) = (table == "audit_events", of(table, acme).await);
        assert_eq!(now, if is_record { acmes } else { 0 }, "{table}: acme's");
        assert_eq!(of(table, rival).await, rivals, "{table}: another's");
        assert!(is_record || rivals > 0, "{table} proves nothing");
    }
    assert!(
        world
            .count("audit_events WHERE action = 'organization.deleted'")
            .await
            == 1
    );
    assert_eq!(world.count("users").await, 2, "people belong to nobody");
}

#[tokio::test]
async fn an_organization_may_take_longer_to_remove_than_statements_have() {
    let (database, acme, _, _) = tenancy::two().await;
    let mut world = World::new().await;
    world.clock = FixedClock::at(tenancy::now());
    world.database = database;
    world
        .run(
            "DO $$ BEGIN EXECUTE format('ALTER ROLE infragpt_app IN DATABASE %I SET statement_timeout = 200',
                                        current_database()); END $$;
             CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_sleep(0.4); RETURN OLD; END $$;
             CREATE TRIGGER slowly BEFORE DELETE ON messages FOR EACH ROW EXECUTE FUNCTION slowly()",
        )
        .await;
    let gone = IdentityChange::OrganizationDeleted {
        organization_id: format!("org_{}", acme.uuid().simple()),
        at: clock::after(tenancy::now(), SECOND),
    };
    world.apply(&gone).await;
    world.clock.advance(TOMBSTONES_KEPT + 2 * SECOND);
    assert_eq!(expire(&world).await["removed"]["organizations"], 1);
    let of_acme = format!("messages WHERE organization_id = '{}'", acme.uuid());
    assert_eq!(world.count(&of_acme).await, 0);
    assert!(world.count("messages").await > 0, "another's stay");
}

#[tokio::test]
async fn many_rows_go_in_batches_until_the_time_is_up_and_the_next_run_goes_on() {
    let world = World::new().await;
    let at = clock::before(start(), DELIVERIES_KEPT + SECOND);
    world
        .run(&format!(
            "INSERT INTO deliveries SELECT 'slack', n::text, 'done', 1, 1, '{at}', NULL, '{at}', '{at}'
               FROM generate_series(1, 1203) n"
        ))
        .await;
    let app = world.process(Arc::new(Ticking(world.clock.clone(), SECOND)));
    let report = world
        .tick_for(&app, EXPIRE, 3 * SECOND)
        .await
        .expect("it is clean");
    assert_eq!(
        (outcome(&report), &report["removed"]["deliveries"]),
        ("out_of_time", &json!(1000))
    );
    let report = expire(&world).await;
    assert_eq!(
        (outcome(&report), &report["removed"]["deliveries"]),
        ("completed", &json!(203))
    );
    let counted = world.metric("RowsExpired", "table");
    let deliveries = counted.iter().filter(|(table, _)| table == "deliveries");
    let values: Vec<_> = deliveries.map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["1000.0", "203.0"]);
}

#[tokio::test]
async fn a_table_in_trouble_does_not_keep_the_others_from_being_cleaned() {
    let world = World::new().await;
    let at = clock::before(world.clock.now(), SECOND);
    world
        .run(&format!(
            "INSERT INTO revoked_sessions VALUES ('old', '{at}');
             REVOKE DELETE ON deliveries, users FROM infragpt_application"
        ))
        .await;
    let error = world
        .tick(&world.app(), EXPIRE)
        .await
        .expect_err("two are not clean");
    assert_eq!(
        error.to_string(),
        "rows that should go are still in deliveries, users"
    );
    assert_eq!(world.count("revoked_sessions").await, 0);
    assert_eq!(world.metric("RowsExpired", "table").len(), Table::ALL.len());
}
