//! The mirror of Clerk: what becomes of its webhooks, whatever comes twice, late, in another order or not at all.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use insta::assert_snapshot;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;
use shared::{
    clock::{Clock as _, Timestamp},
    db::{Db, deliveries},
    id::Ids,
    identity::{
        apply::{Applied, Cause, apply},
        provision::{Claimed, provision},
    },
    task::{
        ClerkMembership, ClerkOrganization, ClerkUser, DeliveryKey, IdentityChange, MemberRole,
        SlackLifecycle, SlackLifecycleChange, Source, Task,
    },
};
use tests::{
    database::Database,
    people::People,
    stack::{raw_record, record},
};
use tokio_postgres::Client;

const CAUSE: Cause<'static> = Cause::by_itself("test", None);

/// What is mirrored of those whose Clerk ids end so, one line a row, in an order that does not depend on our own ids.
async fn mirror(client: &Client, ending: &str) -> String {
    let rows = client
        .query(
            "SELECT concat_ws(' ', 'user', clerk_user_id, email, first_name, last_name, image_url,
                              extract(epoch FROM source_updated_at)::bigint, extract(epoch FROM deleted_at)::bigint)
               FROM users WHERE clerk_user_id LIKE '%' || $1
              UNION ALL
             SELECT concat_ws(' ', 'organization', o.clerk_org_id, o.name, o.slug, 'by', u.clerk_user_id,
                              extract(epoch FROM o.source_updated_at)::bigint, extract(epoch FROM o.deleted_at)::bigint)
               FROM organizations o LEFT JOIN users u ON u.user_id = o.created_by_user_id
              WHERE o.clerk_org_id LIKE '%' || $1
              UNION ALL
             SELECT concat_ws(' ', 'member', clerk_org_id, clerk_user_id, role, extract(epoch FROM joined_at)::bigint,
                              extract(epoch FROM source_updated_at)::bigint, extract(epoch FROM deleted_at)::bigint)
               FROM organization_members WHERE clerk_org_id LIKE '%' || $1
              UNION ALL
             SELECT concat_ws(' ', 'session', clerk_session_id, extract(epoch FROM expires_at)::bigint)
               FROM revoked_sessions WHERE clerk_session_id LIKE '%' || $1
              ORDER BY 1",
            &[&ending],
        )
        .await
        .expect("the mirror can be read");
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n").replace(ending, "")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).expect("a time")
}

/// A change of one of few things at one of few times, so that much of it collides.
fn change() -> impl Strategy<Value = IdentityChange> {
    let user = (0..2_u8).prop_map(|n| format!("user_{n}"));
    let organization = (0..2_u8).prop_map(|n| format!("org_{n}"));
    let time = (1..5_i64).prop_map(at);
    let word = prop_oneof![Just(""), Just("a"), Just("b")];
    (0..7_u8, user, organization, time, word, any::<bool>()).prop_map(
        |(kind, user_id, organization_id, at, word, is_admin)| match kind {
            0 => IdentityChange::UserUpserted(ClerkUser {
                id: user_id,
                email: format!("{word}@example.com"),
                first_name: word.to_owned(),
                last_name: String::new(),
                image_url: String::new(),
                updated_at: at,
            }),
            1 => IdentityChange::UserDeleted { user_id, at },
            2 => IdentityChange::OrganizationUpserted(ClerkOrganization {
                // Who created it never changes, so all events say the same.
                created_by: organization_id.ends_with('0').then(|| "user_0".to_owned()),
                id: organization_id,
                name: word.to_owned(),
                slug: word.to_owned(),
                updated_at: at,
            }),
            3 => IdentityChange::OrganizationDeleted { organization_id, at },
            4 => IdentityChange::MembershipUpserted(ClerkMembership {
                organization_id,
                user_id,
                role: if is_admin {
                    MemberRole::Admin
                } else {
                    MemberRole::Member
                },
                joined_at: self::at(1),
                updated_at: at,
            }),
            5 => IdentityChange::MembershipDeleted {
                organization_id,
                user_id,
                at,
            },
            _ => IdentityChange::SessionEnded {
                session_id: "sess_0".to_owned(),
                user_id,
                at,
            },
        },
    )
}

/// The same change of things whose ids end so.
fn of(change: &IdentityChange, ending: &str) -> IdentityChange {
    let text = serde_json::to_string(change).expect("JSON");
    let text = ["user_0", "user_1", "org_0", "org_1", "sess_0"]
        .iter()
        .fold(text, |text, id| {
            text.replace(&format!("\"{id}\""), &format!("\"{id}{ending}\""))
        });
    serde_json::from_str(&text).expect("a change")
}

/// Applies changes in as many lanes as are given, side by side.
async fn apply_all(db: &Db, ids: &Ids, lanes: &[Vec<IdentityChange>]) {
    join_all(lanes.iter().map(|lane| async move {
        for change in lane {
            let mut connection = db.get().await.expect("a connection");
            let tx = connection.begin().await.expect("it begins");
            apply(&tx, ids, change, CAUSE, at(100))
                .await
                .expect("it is applied");
            tx.commit().await.expect("it commits");
        }
    }))
    .await;
}

/// Everything that a set of events may do on its way: another order, repetitions, and side by side.
#[test]
fn any_permutation_repetition_and_interleaving_of_events_ends_in_the_same_state() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (database, db, client) = runtime.block_on(async {
        let database = Database::new().await.expect("a database");
        let db = database.pool(4).expect("a pool");
        let client = database.superuser().await.expect("a connection");
        (database, db, client)
    });
    let ids = Ids::random();
    let counter = std::cell::Cell::new(0_u32);
    let sets = proptest::collection::vec(change(), 1..9).prop_flat_map(|set| {
        let again = proptest::collection::vec(0..set.len(), 0..4);
        let twice = (Just(set.clone()), again).prop_map(|(set, again)| {
            let more: Vec<_> = again.into_iter().map(|index| set[index].clone()).collect();
            [set, more].concat()
        });
        (Just(set), twice.prop_shuffle(), 1..4_usize)
    });
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&sets, |(set, shuffled, lanes)| {
        counter.set(counter.get() + 1);
        let (first, second) = (format!("_{}a", counter.get()), format!("_{}b", counter.get()));
        let in_order = vec![set.iter().map(|change| of(change, &first)).collect::<Vec<_>>()];
        let mut side_by_side = vec![Vec::new(); lanes];
        for (index, change) in shuffled.iter().enumerate() {
            side_by_side[index % lanes].push(of(change, &second));
        }
        let (expected, found) = runtime.block_on(async {
            apply_all(&db, &ids, &in_order).await;
            apply_all(&db, &ids, &side_by_side).await;
            (mirror(&client, &first).await, mirror(&client, &second).await)
        });
        prop_assert_eq!(expected, found);
        Ok(())
    });
    drop(database);
    outcome.expect("the state depends on the order");
}

#[tokio::test]
async fn people_organizations_and_memberships_are_mirrored_as_they_are_at_clerk() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    people.clerk.change_email(&grace.id, "grace@navy.example");
    people.clerk.update_user(&grace.id, "Grace", "Hopper");
    people.clerk.set_role(&ada.organization, &grace.id, "org:admin");
    people
        .clerk
        .update_organization(&ada.organization, "Acme Inc.", "acme-inc");
    people.webhooks_come().await;

    let client = people.database.superuser().await.expect("a connection");
    let rows = client
        .query(
            "SELECT concat_ws(' | ', u.email, u.first_name, u.last_name, u.image_url <> '', m.role, o.name, o.slug,
                              c.first_name)
               FROM organization_members m JOIN users u USING (user_id) JOIN organizations o USING (organization_id)
               JOIN users c ON c.user_id = o.created_by_user_id
              ORDER BY m.joined_at",
            &[],
        )
        .await
        .expect("rows");
    let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_snapshot!(rows.join("\n"), @"
    acme@example.com | acme | Founder | t | admin | Acme Inc. | acme-inc | acme
    grace@navy.example | Grace | Hopper | t | admin | Acme Inc. | acme-inc | acme
    ");
}

#[tokio::test]
async fn two_accounts_may_share_an_address_and_one_may_have_none() {
    let people = People::start().await.expect("a world");
    let first = people.clerk.sign_up("shared@example.com", "One", "");
    let second = people.clerk.sign_up("shared@example.com", "Two", "");
    people.clerk.remove_email(&second);
    people.clerk.change_email(&second, "shared@example.com");
    let third = people.clerk.sign_up("other@example.com", "Three", "");
    people.clerk.remove_email(&third);
    people.webhooks_come().await;
    let client = people.database.superuser().await.expect("a connection");
    let rows = client
        .query("SELECT clerk_user_id, email FROM users ORDER BY first_name", &[])
        .await
        .expect("rows");
    let emails: BTreeSet<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let shared = "shared@example.com".to_owned();
    assert_eq!(
        emails,
        BTreeSet::from([(first, shared.clone()), (second, shared), (third, String::new())])
    );
}

#[tokio::test]
async fn a_membership_that_comes_before_its_sides_makes_stubs_that_the_real_events_fill() {
    let people = People::start().await.expect("a world");
    let _founder = people.founder("acme");
    let mut events = people.clerk.drain();
    events.reverse();
    for event in &events {
        people.deliver(event).await;
    }
    let client = people.database.superuser().await.expect("a connection");
    let row = client
        .query_one(
            "SELECT u.email, o.name, m.role FROM organization_members m JOIN users u USING (user_id)
               JOIN organizations o USING (organization_id)",
            &[],
        )
        .await
        .expect("one member");
    let found: [String; 3] = [row.get(0), row.get(1), row.get(2)];
    assert_eq!(found, ["acme@example.com", "acme", "admin"]);
}

#[tokio::test]
async fn a_deletion_takes_name_and_address_at_once_and_a_late_event_brings_nothing_back() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let grace = people.joiner("grace", &ada);
    let before = people.clerk.drain();
    people.clerk.update_user(&grace.id, "Rear Admiral", "Hopper");
    let late = people.clerk.drain();
    people.clerk.delete_user(&grace.id);
    for event in before
        .iter()
        .chain(&people.clerk.drain())
        .chain(&late)
        .chain(&before)
    {
        people.deliver(event).await;
    }

    let client = people.database.superuser().await.expect("a connection");
    let row = client
        .query_one(
            "SELECT email || first_name || last_name || image_url, deleted_at IS NOT NULL FROM users
              WHERE clerk_user_id = $1",
            &[&grace.id],
        )
        .await
        .expect("a tombstone");
    assert_eq!(
        (row.get::<_, String>(0), row.get::<_, bool>(1)),
        (String::new(), true)
    );
    let actions = actions(&client).await;
    assert_eq!(
        actions.iter().filter(|action| *action == "user.deleted").count(),
        1,
        "the record of the organization tells it once: {actions:?}"
    );
}

/// What the record says was done, in order.
async fn actions(client: &Client) -> Vec<String> {
    let rows = client
        .query(
            "SELECT action FROM audit_events ORDER BY created_at, audit_event_id",
            &[],
        )
        .await
        .expect("the record");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_deleted_organization_loses_its_connections_and_credentials_at_once_and_no_reference_stands_in_the_way()
 {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    people.webhooks_come().await;
    let client = people.database.superuser().await.expect("a connection");
    let organization: uuid::Uuid = client
        .query_one("SELECT organization_id FROM organizations", &[])
        .await
        .expect("one organization")
        .get(0);
    let sealed = shared::secret::vault::Sealed {
        ciphertext: vec![1],
        nonce: [7; 12],
        wrapped_key: vec![2],
        key_id: "key".to_owned(),
        version: 1,
    };
    people
        .database
        .connect_slack(organization.into(), "T1", &sealed, people.clock.now())
        .await
        .expect("a workspace");

    people.clerk.delete_organization(&ada.organization);
    people.clerk.delete_user(&ada.id);
    people.webhooks_come().await;

    let row = client
        .query_one(
            "SELECT o.name, o.deleted_at IS NOT NULL, i.status, i.health_reason,
                    (SELECT count(*) FROM integration_credentials), (SELECT count(*) FROM organization_members)
               FROM organizations o JOIN integrations i USING (organization_id)",
            &[],
        )
        .await
        .expect("the tombstone");
    let found = (
        row.get::<_, String>(0),
        row.get::<_, bool>(1),
        row.get::<_, String>(2),
        row.get::<_, Option<String>>(3),
        row.get::<_, i64>(4),
    );
    assert_eq!(
        found,
        (
            String::new(),
            true,
            "deleted".to_owned(),
            Some("organization_deleted".to_owned()),
            0
        )
    );
    let recorded = actions(&client).await;
    for action in ["integration.ended", "organization.deleted", "user.deleted"] {
        assert!(
            recorded.iter().any(|done| done == action),
            "{action} is not in {recorded:?}"
        );
    }
    // The place is free: another organization may connect the workspace.
    let other = people
        .database
        .organization("other", people.clock.now())
        .await
        .expect("an organization");
    people
        .database
        .connect_slack(other, "T1", &sealed, people.clock.now())
        .await
        .expect("the workspace is free");
}

#[tokio::test]
async fn one_delivery_has_one_effect_however_often_it_comes_and_a_poisoned_one_does_not_block_its_group() {
    let people = People::start().await.expect("a world");
    let _ada = people.clerk.sign_up("ada@example.com", "Ada", "");
    let events = people.clerk.drain();
    let envelope = people.envelope(&events[0]).expect("a change");
    let batch = || {
        vec![
            record("one", 1, &envelope),
            record("two", 2, &envelope),
            raw_record("poison", 1, "clerk:user_1", "{}".to_owned()),
        ]
    };
    assert!(people.process(batch()).await.returned.is_empty());
    assert!(people.process(batch()).await.returned.is_empty());
    assert_eq!(people.inbox.buried().len(), 2);
    assert!(
        people
            .inbox
            .buried()
            .iter()
            .all(|(id, reason)| id == "poison" && *reason == "malformed")
    );

    let connection = people.db().await.expect("a connection");
    let delivery = deliveries::find(&connection, &envelope.delivery)
        .await
        .expect("the ledger")
        .expect("it is in it");
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("done", 1));

    // What belongs on the other queue goes to the dead letters, with its reason.
    let mut misplaced = envelope.clone();
    misplaced.delivery = DeliveryKey {
        source: Source::Slack,
        key: "T1:C1:1".to_owned(),
    };
    misplaced.task = serde_json::from_value::<Task>(json!({
        "type": "answer_slack_message_v1", "kind": "mention", "channel": "C1", "ts": "1.000000", "text": "hi",
    }))
    .expect("a task");
    assert!(
        people
            .process(vec![record("misplaced", 1, &misplaced)])
            .await
            .returned
            .is_empty()
    );
    assert_eq!(
        people.inbox.buried().last(),
        Some(&("misplaced".to_owned(), "wrong_queue"))
    );
}

#[tokio::test]
async fn with_the_database_away_events_go_back_with_all_later_ones_of_their_group_and_others_too() {
    let people = People::start().await.expect("a world");
    let ada = people.clerk.sign_up("ada@example.com", "Ada", "");
    people.clerk.update_user(&ada, "Ada", "Lovelace");
    let _grace = people.clerk.sign_up("grace@example.com", "Grace", "");
    let batch: Vec<_> = people
        .clerk
        .drain()
        .iter()
        .filter_map(|event| Some(record(&event.id, 1, &people.envelope(event)?)))
        .collect();
    people.database.goes_away().await.expect("it goes");
    assert_eq!(people.process(batch.clone()).await.returned.len(), 3);
    assert!(people.inbox.buried().is_empty());
    people.database.comes_back().await.expect("it comes back");
    assert!(people.process(batch).await.returned.is_empty());
    let client = people.database.superuser().await.expect("a connection");
    let count: i64 = client
        .query_one(
            "SELECT count(*) FROM users WHERE last_name = 'Lovelace' OR first_name = 'Grace'",
            &[],
        )
        .await
        .expect("people")
        .get(0);
    assert_eq!(count, 2);
}

#[tokio::test]
async fn an_ended_session_is_remembered_until_its_last_token_has_expired() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    people.clerk.end_session(&ada.session);
    people.webhooks_come().await;
    let client = people.database.superuser().await.expect("a connection");
    let row = client
        .query_one("SELECT clerk_session_id, expires_at FROM revoked_sessions", &[])
        .await
        .expect("one session");
    assert_eq!(row.get::<_, String>(0), ada.session);
    assert_eq!(
        row.get::<_, Timestamp>(1),
        people.clerk.now() + shared::identity::apply::REMEMBERED
    );
}

#[tokio::test]
async fn applying_says_whether_it_made_a_difference() {
    let database = Database::new().await.expect("a database");
    let db = database.pool(1).expect("a pool");
    let mut connection = db.get().await.expect("a connection");
    let ids = Ids::random();
    let user = |name: &str, updated_at| {
        IdentityChange::UserUpserted(ClerkUser {
            id: "user_1".to_owned(),
            email: String::new(),
            first_name: name.to_owned(),
            last_name: String::new(),
            image_url: String::new(),
            updated_at,
        })
    };
    for (change, expected) in [
        (user("Ada", at(2)), Applied::Changed),
        (user("Ada", at(2)), Applied::Unchanged),
        (user("Augusta", at(1)), Applied::Unchanged),
        (user("Augusta", at(3)), Applied::Changed),
        (
            IdentityChange::UserDeleted {
                user_id: "user_1".to_owned(),
                at: at(2),
            },
            Applied::Changed,
        ),
        (user("Ada", at(9)), Applied::Unchanged),
    ] {
        let tx = connection.begin().await.expect("it begins");
        let applied = apply(&tx, &ids, &change, CAUSE, at(100))
            .await
            .expect("it is applied");
        tx.commit().await.expect("it commits");
        assert_eq!(applied, expected, "{change:?}");
    }
}

/// A connected workspace, and what Slack says of it then.
struct Connected {
    people: People,
    client: Client,
    installed_at: Timestamp,
}

impl Connected {
    async fn new() -> Self {
        let people = People::start().await.expect("a world");
        let now = people.clock.now();
        let organization = people
            .database
            .organization("acme", now)
            .await
            .expect("an organization");
        let connected = Self {
            client: people.database.superuser().await.expect("a connection"),
            installed_at: now,
            people,
        };
        connected.connect(organization, now).await;
        connected
    }

    async fn connect(&self, organization: shared::id::OrganizationId, now: Timestamp) {
        let sealed = shared::secret::vault::Sealed {
            ciphertext: vec![1],
            nonce: [7; 12],
            wrapped_key: vec![2],
            key_id: "key".to_owned(),
            version: 1,
        };
        self.people
            .database
            .connect_slack(organization, "T1", &sealed, now)
            .await
            .expect("a workspace");
    }

    /// Slack tells of a change, some seconds after the installation.
    async fn told(&self, id: &str, change: SlackLifecycleChange, seconds: i64) {
        let mut envelope = {
            let _user = self.people.clerk.sign_up("x@example.com", "", "");
            let event = self.people.clerk.drain().pop().expect("an event");
            self.people.envelope(&event).expect("a change")
        };
        envelope.delivery = DeliveryKey {
            source: Source::Slack,
            key: id.to_owned(),
        };
        envelope.task = Task::ApplySlackLifecycleV1(SlackLifecycle {
            change,
            team_id: Some("T1".to_owned()),
            enterprise_id: Some("E1".to_owned()),
            event_time: self.installed_at + chrono::TimeDelta::seconds(seconds),
        });
        let handled = self.people.process(vec![record(id, 1, &envelope)]).await;
        assert!(handled.returned.is_empty());
    }

    /// Status, health and number of credentials.
    async fn state(&self) -> (String, String, i64) {
        let row = self
            .client
            .query_one(
                "SELECT status, health, (SELECT count(*) FROM integration_credentials) FROM integrations",
                &[],
            )
            .await
            .expect("one connection");
        (row.get(0), row.get(1), row.get(2))
    }
}

fn state(status: &str, health: &str, credentials: i64) -> (String, String, i64) {
    (status.to_owned(), health.to_owned(), credentials)
}

#[tokio::test]
async fn an_uninstalled_app_is_disconnected_and_its_credentials_are_destroyed() {
    let connected = Connected::new().await;
    connected.told("Ev1", SlackLifecycleChange::Uninstalled, 5).await;
    assert_eq!(connected.state().await, state("inactive", "revoked", 0));
    let revoked = SlackLifecycleChange::TokensRevoked {
        users: Vec::new(),
        bots: vec!["U0BOT".to_owned()],
    };
    connected.told("Ev2", revoked, 5).await;
    assert_eq!(
        connected.state().await,
        state("inactive", "revoked", 0),
        "Slack sends both"
    );
    assert_eq!(
        actions(&connected.client)
            .await
            .iter()
            .filter(|action| *action == "integration.ended")
            .count(),
        1
    );
}

#[tokio::test]
async fn an_uninstall_from_before_a_reinstall_changes_nothing() {
    let connected = Connected::new().await;
    connected.told("Ev1", SlackLifecycleChange::Uninstalled, -1).await;
    assert_eq!(connected.state().await, state("active", "healthy", 1));
}

#[tokio::test]
async fn revoked_tokens_of_people_leave_the_bot_alone_and_those_of_the_bot_do_not() {
    let connected = Connected::new().await;
    let revoked = |bots: &[&str]| SlackLifecycleChange::TokensRevoked {
        users: vec!["U1".to_owned()],
        bots: bots.iter().map(|bot| (*bot).to_owned()).collect(),
    };
    connected.told("Ev1", revoked(&[]), 5).await;
    connected.told("Ev2", revoked(&["U0OTHER"]), 5).await;
    assert_eq!(connected.state().await, state("active", "healthy", 1));
    connected.told("Ev3", revoked(&["U0BOT"]), 5).await;
    assert_eq!(connected.state().await, state("active", "revoked", 0));
}

/// What a token claims is looked up first and written then; a webhook may come in between.
#[tokio::test]
async fn what_is_told_between_a_look_and_the_provisioning_holds_against_the_token() {
    let database = Database::new().await.expect("a database");
    let pool = database.pool(1).expect("a way in");
    let ids = Ids::random();
    let (user_id, organization_id) = ("user_1", "org_1");
    let claimed = Claimed {
        user_id,
        organization_id,
        slug: "acme",
        role: MemberRole::Admin,
        joined_at: at(50),
        at: at(50),
    };
    let role = async || {
        let mut db = pool.get().await.expect("a connection");
        let there = provision(&mut db, &ids, claimed, CAUSE, at(60)).await;
        there.expect("it is made").map(|there| there.role)
    };
    let membership = ClerkMembership {
        organization_id: organization_id.to_owned(),
        user_id: user_id.to_owned(),
        role: MemberRole::Member,
        joined_at: at(1),
        updated_at: at(55),
    };
    assert_eq!(role().await, Some(MemberRole::Admin), "nothing was told");
    assert_eq!(
        role().await,
        Some(MemberRole::Admin),
        "another process was faster"
    );
    let demotion = IdentityChange::MembershipUpserted(membership);
    apply_all(&pool, &ids, &[vec![demotion]]).await;
    assert_eq!(role().await, Some(MemberRole::Member), "a demotion");
    let removal = IdentityChange::MembershipDeleted {
        organization_id: organization_id.to_owned(),
        user_id: user_id.to_owned(),
        at: at(56),
    };
    apply_all(&pool, &ids, &[vec![removal]]).await;
    assert_eq!(role().await, None, "a removal");
}
