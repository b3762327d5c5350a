//! No organization sees another's rows, not even through a statement that forgets to ask whose they are.

use std::collections::BTreeSet;

use serde_json::json;
use shared::{
    clock::Timestamp,
    connector::ConnectorKind,
    db::{DbError, audit_events, channels, conversations, integrations, messages, organizations},
    id::{Ids, OrganizationId},
    secret::vault::Sealed,
};
use tests::database::Database;
use tokio_postgres::{Client, error::SqlState};

pub(crate) fn now() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).expect("in range")
}

fn sealed() -> Sealed {
    Sealed {
        ciphertext: vec![1],
        nonce: [7; 12],
        wrapped_key: vec![2],
        key_id: "key".to_owned(),
        version: 1,
    }
}

/// Puts a row into every table of tenants, as only a superuser can.
async fn furnish(client: &Client, organization: OrganizationId, name: &str) {
    let id = organization.uuid();
    client
        .batch_execute(&format!(
            "INSERT INTO users VALUES (gen_random_uuid(), 'user_{name}', '{name}@example.com', 'A', 'B', now(), NULL, now(), now());
             INSERT INTO organization_members
                 SELECT '{id}', user_id, 'admin', now(), NULL, now(), now(), clerk_user_id, clerk_org_id
                   FROM users, organizations WHERE clerk_user_id = 'user_{name}' AND organization_id = '{id}';
             INSERT INTO organization_metadata VALUES ('{id}', 'small', '1-5', '{{}}', '{{other}}', now(), now());
             INSERT INTO oauth_states
                 SELECT sha256('{name}'), '{id}', user_id, 'slack', sha256('b'), NULL, 'https://x', now(), now()
                   FROM users WHERE clerk_user_id = 'user_{name}';
             INSERT INTO github_repositories
                 SELECT integration_id, 1, '{id}', 'r', 'o/r', 'https://x', true, NULL, true, true, true, NULL, NULL,
                        NULL, NULL, NULL, now(), now(), now()
                   FROM integrations WHERE organization_id = '{id}';
             INSERT INTO channels VALUES ('{id}', 'T', 'C', NULL, true, now(), now());
             INSERT INTO conversations VALUES (gen_random_uuid(), '{id}', 'T', 'C', '1.000000', NULL, now(), now());
             INSERT INTO messages
                 SELECT gen_random_uuid(), '{id}', conversation_id, 'user', NULL, '1.000000', 'U', NULL, 'secret of {name}',
                        now(), now()
                   FROM conversations WHERE organization_id = '{id}';
             INSERT INTO audit_events VALUES (gen_random_uuid(), '{id}', 'usr', 'a.b', 'int', '{{}}', NULL, now());"
        ))
        .await
        .expect("the rows fit the schema");
}

/// Two organizations with a row in every table, and the tables.
pub(crate) async fn two() -> (Database, OrganizationId, OrganizationId, BTreeSet<String>) {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    let mut organizations = Vec::new();
    for name in ["acme", "rival"] {
        let organization = database.organization(name, now()).await.expect("an organization");
        database
            .connect_slack(organization, &format!("T{name}"), &sealed(), now())
            .await
            .expect("a workspace");
        furnish(&client, organization, name).await;
        organizations.push(organization);
    }
    let rows = client
        .query(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'organization_id'",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    let tables: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(tables.len(), 11, "{tables:?}");
    for table in &tables {
        let owners: i64 = client
            .query_one(
                &format!("SELECT count(DISTINCT organization_id) FROM {table}"),
                &[],
            )
            .await
            .expect("it can be read")
            .get(0);
        assert_eq!(
            owners, 2,
            "{table} has no row of each organization, so nothing is proven about it"
        );
    }
    (database, organizations[0], organizations[1], tables)
}

async fn enter(client: &Client, setting: &str, value: &str) {
    client
        .execute("SELECT set_config($1, $2, true)", &[&setting, &value])
        .await
        .expect("it can be set");
}

async fn count(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect(query).get(0)
}

#[tokio::test]
async fn without_a_where_an_organization_sees_its_own_rows_and_without_an_organization_nothing_is_seen() {
    let (database, acme, rival, tables) = two().await;
    let client = database.plain().await.expect("a connection");
    for table in &tables {
        let all = format!("SELECT count(*) FROM {table}");
        assert_eq!(count(&client, &all).await, 0, "{table} without an organization");
        client.batch_execute("BEGIN").await.expect("it begins");
        enter(&client, "app.organization_id", &rival.uuid().to_string()).await;
        assert!(count(&client, &all).await > 0, "{table}: its own rows");
        let others = format!(
            "SELECT count(*) FROM {table} WHERE organization_id <> '{}'",
            rival.uuid()
        );
        assert_eq!(count(&client, &others).await, 0, "{table}: another's rows");
        let acmes = format!(
            "SELECT count(*) FROM {table} WHERE organization_id = '{}'",
            acme.uuid()
        );
        assert_eq!(
            count(&client, &acmes).await,
            0,
            "{table}: another's rows, asked for by name"
        );
        client.batch_execute("COMMIT").await.expect("it ends");
        // The setting ends with its transaction.
        assert_eq!(count(&client, &all).await, 0, "{table} after the transaction");
    }
    client.batch_execute("BEGIN").await.expect("it begins");
    enter(&client, "app.organization_id", &rival.uuid().to_string()).await;
    assert_eq!(
        count(&client, "SELECT count(*) FROM users").await,
        1,
        "colleagues alone"
    );
}

#[tokio::test]
async fn without_a_where_an_organization_changes_and_removes_its_own_rows_alone() {
    let (database, acme, rival, tables) = two().await;
    let client = database.plain().await.expect("a connection");
    let superuser = database.superuser().await.expect("a connection");
    for table in tables.iter().filter(|table| *table != "audit_events") {
        let own = format!(
            "SELECT count(*) FROM {table} WHERE organization_id = '{}'",
            rival.uuid()
        );
        let own = u64::try_from(count(&superuser, &own).await).expect("a count");
        client.batch_execute("BEGIN").await.expect("it begins");
        enter(&client, "app.organization_id", &rival.uuid().to_string()).await;
        let update = format!("UPDATE {table} SET organization_id = organization_id");
        assert_eq!(
            client.execute(&update, &[]).await.expect("its own"),
            own,
            "{table}"
        );
        let error = client
            .batch_execute(&format!(
                "SAVEPOINT s; UPDATE {table} SET organization_id = '{}'",
                acme.uuid()
            ))
            .await
            .expect_err("a row cannot be given away");
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{table}");
        client.batch_execute("ROLLBACK TO s").await.expect("it goes on");
        let delete = format!("DELETE FROM {table}");
        assert_eq!(
            client.execute(&delete, &[]).await.expect("its own"),
            own,
            "{table}"
        );
        client.batch_execute("ROLLBACK").await.expect("it ends");
    }
}

#[tokio::test]
async fn nothing_can_be_added_in_anothers_name() {
    let (database, acme, rival, _) = two().await;
    let client = database.plain().await.expect("a connection");
    client.batch_execute("BEGIN").await.expect("it begins");
    enter(&client, "app.organization_id", &rival.uuid().to_string()).await;
    let error = client
        .batch_execute(&format!(
            "INSERT INTO channels VALUES ('{}', 'T', 'X', NULL, true, now(), now())",
            acme.uuid()
        ))
        .await
        .expect_err("it is another's");
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));

    // And a child row cannot hang on another's parent, whoever adds it: the references name the organization too.
    let superuser = database.superuser().await.expect("a connection");
    let error = superuser
        .batch_execute(&format!(
            "INSERT INTO messages
                 SELECT gen_random_uuid(), '{}', conversation_id, 'user', NULL, '2.000000', 'U', NULL, 'x', now(), now()
                   FROM conversations WHERE organization_id = '{}'",
            rival.uuid(),
            acme.uuid()
        ))
        .await
        .expect_err("the conversation is another's");
    assert_eq!(error.code(), Some(&SqlState::FOREIGN_KEY_VIOLATION));
}

#[tokio::test]
async fn a_workspace_that_an_event_names_shows_its_one_connection_and_nothing_else() {
    let (database, acme, _, tables) = two().await;
    let client = database.plain().await.expect("a connection");
    client.batch_execute("BEGIN").await.expect("it begins");
    enter(&client, "app.external_id", "slack:Tacme").await;
    for table in &tables {
        let visible = count(&client, &format!("SELECT count(*) FROM {table}")).await;
        let expected = i64::from(["integrations", "integration_credentials"].contains(&table.as_str()));
        assert_eq!(visible, expected, "{table}");
    }
    let own = format!(
        "SELECT count(*) FROM integrations WHERE organization_id = '{}'",
        acme.uuid()
    );
    assert_eq!(count(&client, &own).await, 1);
    // It may be read, not changed.
    for statement in [
        "UPDATE integrations SET status = 'active'",
        "DELETE FROM integration_credentials",
    ] {
        assert_eq!(
            client.execute(statement, &[]).await.expect("nothing is in reach"),
            0,
            "{statement}"
        );
    }
    for name in [
        "",
        ":",
        "slack",
        "slack:",
        ":Tacme",
        "slack:%",
        "slack:Tacm",
        "github:Tacme",
    ] {
        enter(&client, "app.external_id", name).await;
        assert_eq!(
            count(&client, "SELECT count(*) FROM integrations").await,
            0,
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn a_workspace_belongs_to_one_organization_at_a_time() {
    let (database, acme, rival, _) = two().await;
    let error = database
        .connect_slack(rival, "Tacme", &sealed(), now())
        .await
        .expect_err("it is taken");
    assert!(
        matches!(&error, DbError::Conflict { constraint } if constraint == "integrations_external_id_key"),
        "{error:?}"
    );
    let superuser = database.superuser().await.expect("a connection");
    superuser
        .execute(
            "UPDATE integrations SET status = 'inactive' WHERE organization_id = $1",
            &[&acme.uuid()],
        )
        .await
        .expect("it is disconnected");
    database
        .connect_slack(rival, "Tacme", &sealed(), now())
        .await
        .expect("it is free");
}

#[tokio::test]
async fn our_own_statements_find_nothing_of_another_organization() {
    let (database, acme, rival, _) = two().await;
    let superuser = database.superuser().await.expect("a connection");
    let row = superuser
        .query_one(
            "SELECT c.conversation_id, i.integration_id FROM conversations c JOIN integrations i USING (organization_id)
              WHERE organization_id = $1",
            &[&acme.uuid()],
        )
        .await
        .expect("acme's rows");
    let (conversation, integration) = (
        row.get::<_, uuid::Uuid>(0).into(),
        row.get::<_, uuid::Uuid>(1).into(),
    );
    let place = conversations::Place {
        team: "T",
        channel: "C",
        thread: "1.000000",
        begins_here: true,
    };
    let ids = Ids::random();

    // A mistake in the code: the transaction works for one organization, and the statements ask for another.
    let db = database.pool(1).expect("a pool");
    let mut connection = db.get().await.expect("a connection");
    let tx = connection.begin_for(rival).await.expect("it begins");
    assert_eq!(organizations::find(&tx, acme).await.expect("it answers"), None);
    assert_eq!(
        integrations::find(&tx, acme, ConnectorKind::Slack)
            .await
            .expect("it answers"),
        None
    );
    assert_eq!(
        conversations::find(&tx, acme, &place).await.expect("it answers"),
        None
    );
    assert_eq!(
        messages::history(&tx, acme, conversation, Timestamp::MAX_UTC, 9)
            .await
            .expect("it answers"),
        []
    );
    assert_eq!(
        messages::find_answer(&tx, acme, conversation, "1.000000")
            .await
            .expect("it answers"),
        None
    );
    assert!(
        !channels::is_monitored(&tx, acme, "T", "C")
            .await
            .expect("it answers")
    );
    assert_eq!(
        audit_events::list(&tx, acme, audit_events::Filter::default(), None, 9)
            .await
            .expect("it answers"),
        []
    );
    let refused = integrations::update_last_used(&tx, acme, integration, now()).await;
    assert!(
        matches!(
            refused,
            Err(DbError::RowsAffected {
                expected: 1,
                actual: 0
            })
        ),
        "{refused:?}"
    );
    drop(tx);

    // The other way round: the right organization, and ids of another.
    let tx = connection.begin_for(rival).await.expect("it begins");
    assert_eq!(
        messages::history(&tx, rival, conversation, Timestamp::MAX_UTC, 9)
            .await
            .expect("it answers"),
        []
    );
    let new = messages::New {
        id: ids.message(),
        ts: "3.000000",
        sender: None,
        sender_name: None,
        text: "x",
    };
    let refused = messages::insert_user(&tx, rival, conversation, &new, now()).await;
    assert!(matches!(refused, Err(DbError::Conflict { .. })), "{refused:?}");
    drop(tx);
    assert!(
        integrations::reread(&mut connection, rival, integration)
            .await
            .expect("it answers")
            .is_none()
    );
    let marked = integrations::mark_needs_reauth(&mut connection, rival, integration, 1, "x", now()).await;
    assert!(!marked.expect("it answers"));
}

#[tokio::test]
async fn the_record_can_be_added_to_and_read_and_never_changed() {
    let database = Database::new().await.expect("a database");
    let organization = database
        .organization("acme", now())
        .await
        .expect("an organization");
    let db = database.pool(1).expect("a pool");
    let mut connection = db.get().await.expect("a connection");
    let event = audit_events::AuditEvent {
        id: Ids::random().audit_event(),
        actor: "slack-events".to_owned(),
        action: "integration.connected".to_owned(),
        subject: "int_1".to_owned(),
        details: json!({ "team": "T1" }),
        outcome: audit_events::Outcome::Succeeded,
        request_id: Some("r1".to_owned()),
        address: Some("192.0.2.1".to_owned()),
        at: now(),
    };
    let tx = connection.begin_for(organization).await.expect("it begins");
    audit_events::insert(&tx, organization, &event)
        .await
        .expect("it is added");
    assert_eq!(
        audit_events::list(&tx, organization, audit_events::Filter::default(), None, 9)
            .await
            .expect("it answers"),
        [event]
    );
    tx.commit().await.expect("it commits");

    let client = database.plain().await.expect("a connection");
    for forbidden in [
        "UPDATE audit_events SET actor = 'x'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ] {
        let error = client.batch_execute(forbidden).await.expect_err(forbidden);
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{forbidden}"
        );
    }
}
