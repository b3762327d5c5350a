//! No organization sees another's rows, not even through a statement that forgets to ask whose they are.
//!
//! Here is what the database itself refuses, whatever it is asked; `statements` tries everything that we do ask of it,
//! `routes` everything that we are asked, and `record` what is written down about it.

mod record;
mod routes;
mod statements;

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    clock::Timestamp,
    connector::ConnectorKind,
    db::{DbError, audit_events, channels, conversations, integrations, messages, organizations},
    id::{Ids, OrganizationId},
    secret::vault::Sealed,
};
use tests::database::Database;
use tokio_postgres::{Client, SimpleQueryMessage, error::SqlState};

pub(crate) fn now() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).expect("in range")
}

/// When what is kept for a while goes.
const EXPIRES: &str = "2100-01-01T00:00:00Z";

/// When each organization's earlier connection ended.
const REVOKED: &str = "2026-01-01T00:00:00Z";

fn sealed(name: &str) -> Sealed {
    Sealed {
        ciphertext: format!("credentials of {name}").into_bytes(),
        nonce: [7; 12],
        wrapped_key: format!("key of {name}").into_bytes(),
        key_id: format!("key-{name}"),
        version: 1,
    }
}

/// Puts a row into every table of tenants, as only a superuser can; whatever can be told from others' is.
async fn furnish(client: &Client, organization: OrganizationId, name: &str) {
    let id = organization.uuid();
    client
        .batch_execute(&format!(
            "INSERT INTO users VALUES (gen_random_uuid(), 'user_{name}', '{name}@example.com', 'First of {name}',
                                       'Last of {name}', now(), NULL, now(), now(), 'https://img.example.com/{name}');
             INSERT INTO organization_members
                 SELECT '{id}', user_id, 'admin', now(), NULL, now(), now(), clerk_user_id, clerk_org_id
                   FROM users, organizations WHERE clerk_user_id = 'user_{name}' AND organization_id = '{id}';
             INSERT INTO organization_metadata VALUES ('{id}', 'small', '1-5', '{{}}', '{{other}}', now(), now());
             INSERT INTO oauth_states
                 SELECT sha256('{name}'), '{id}', user_id, 'slack', sha256('browser of {name}'), 'verifier of {name}',
                        'https://{name}.example.com', '{EXPIRES}', '{EXPIRES}'
                   FROM users WHERE clerk_user_id = 'user_{name}';
             INSERT INTO github_repositories
                 SELECT integration_id, abs(hashtext('{name}')), '{id}', 'infra', '{name}/infra',
                        'https://github.example.com/{name}/infra', true, 'main of {name}', true, true, true, NULL, NULL,
                        NULL, NULL, NULL, now(), now(), now()
                   FROM integrations WHERE organization_id = '{id}';
             INSERT INTO channels VALUES ('{id}', 'T{name}', 'C{name}', 'channel of {name}', true, now(), now());
             INSERT INTO conversations
             VALUES (gen_random_uuid(), '{id}', 'T{name}', 'C{name}', '1.{name}', NULL, now(), now());
             INSERT INTO messages
                 SELECT gen_random_uuid(), '{id}', conversation_id, 'user', NULL, '1.{name}', 'U{name}',
                        'Person of {name}', 'secret of {name}', now(), now()
                   FROM conversations WHERE organization_id = '{id}';
             INSERT INTO audit_events
             VALUES (gen_random_uuid(), '{id}', 'usr_{name}', 'a.b', 'int_{name}', '{{\"team\":\"T{name}\"}}',
                     'request of {name}', now(), 'succeeded', 'address of {name}');
             INSERT INTO integration_nonces VALUES ('{id}', 'slack', 'nonce of {name}', gen_random_uuid(), now());
             INSERT INTO integration_revocations
                 SELECT integration_id, '{id}', 'slack', '{{\"id\":\"T{name}\"}}', 'sealed of {name}', 'nonce_twelve',
                        'old key of {name}', 'key-{name}', 1, 0, now(), now(), '{REVOKED}'
                   FROM integrations WHERE organization_id = '{id}';
             INSERT INTO integration_activities
                 SELECT gen_random_uuid(), '{id}', integration_id, 'push of {name}', 'push', '', '{name}',
                        '{name}/infra', 'title of {name}', 'actor of {name}', 'https://github.example.com/{name}', now(),
                        '{EXPIRES}', now()
                   FROM integrations WHERE organization_id = '{id}';
             INSERT INTO alerts (alert_id, organization_id, integration_id, dedupe_key, severity, state, title, service,
                                 url, source_updated_at, slack_channel_id, slack_message_ts, posted_state,
                                 posting_until, expires_at, created_at, updated_at)
                 SELECT gen_random_uuid(), '{id}', integration_id, 'alert of {name}', 'high', 'triggered',
                        'title of {name}', 'service of {name}', 'https://pagerduty.example.com/{name}', now(), 'C{name}',
                        '9.{name}', 'triggered', '{REVOKED}', '{EXPIRES}', now(), now()
                   FROM integrations WHERE organization_id = '{id}';
             INSERT INTO alert_settings (organization_id, slack_channel_id, minimum_severity, updated_at)
             VALUES ('{id}', 'C{name}', 'info', now());
             UPDATE integration_credentials SET refresh_at = now() WHERE organization_id = '{id}';
             UPDATE integrations SET failures = 1, health = 'degraded', health_reason = 'reason of {name}',
                                     connector_user_id = 'U{name}',
                                     metadata = metadata || '{{\"user_token\":\"granted\"}}'
              WHERE organization_id = '{id}'"
        ))
        .await
        .expect("the rows fit the schema");
}

/// The tables whose rows belong to an organization each.
async fn tenants_tables(client: &Client) -> BTreeSet<String> {
    let rows = client
        .query(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'organization_id'",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Which rows of each table are an organization's, its people among them.
fn rows_of(tables: &BTreeSet<String>, organization: OrganizationId) -> BTreeMap<String, String> {
    let own = format!("organization_id = '{}'", organization.uuid());
    let people = format!("user_id IN (SELECT m.user_id FROM organization_members m WHERE m.{own})");
    tables
        .iter()
        .map(|table| (table.clone(), own.clone()))
        .chain([("users".to_owned(), people)])
        .collect()
}

/// Rows as text; None is NULL.
type Rows = Vec<Vec<Option<String>>>;

/// The rows of each statement of a script.
fn answers(messages: Vec<SimpleQueryMessage>) -> Vec<Rows> {
    let mut answers = Vec::new();
    let mut rows = Rows::new();
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => {
                rows.push(
                    (0..row.len())
                        .map(|column| row.get(column).map(str::to_owned))
                        .collect(),
                );
            }
            SimpleQueryMessage::CommandComplete(_) => answers.push(std::mem::take(&mut rows)),
            _ => {}
        }
    }
    answers
}

/// Every value in these rows, as results show them.
async fn values(client: &Client, rows: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for (table, own) in rows {
        let messages = client
            .simple_query(&format!("SELECT * FROM {table} WHERE {own}"))
            .await
            .expect("it can be read");
        values.extend(answers(messages).into_iter().flatten().flatten().flatten());
    }
    values
}

/// What stands in the rows of an organization and in none of another's, as far as it can be recognized: what has `name`
/// in it, and what is long. Ids also in the way in which the API shows them.
async fn marks(
    client: &Client,
    name: &str,
    organization: OrganizationId,
    other: OrganizationId,
) -> BTreeSet<String> {
    let tables = tenants_tables(client).await;
    let mut marks = values(client, &rows_of(&tables, organization)).await;
    for common in values(client, &rows_of(&tables, other)).await {
        marks.remove(&common);
    }
    marks.retain(|mark| mark.contains(name) || mark.len() > 8);
    let simple: Vec<_> = marks
        .iter()
        .filter_map(|mark| Some(uuid::Uuid::try_parse(mark).ok()?.simple().to_string()))
        .collect();
    marks.extend(simple);
    marks
}

/// Two organizations with a row in every table, and the tables.
pub(crate) async fn two() -> (Database, OrganizationId, OrganizationId, BTreeSet<String>) {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    let mut organizations = Vec::new();
    for name in ["acme", "rival"] {
        let organization = database.organization(name, now()).await.expect("an organization");
        database
            .connect_slack(organization, &format!("T{name}"), &sealed(name), now())
            .await
            .expect("a workspace");
        furnish(&client, organization, name).await;
        organizations.push(organization);
    }
    let tables = tenants_tables(&client).await;
    assert_eq!(tables.len(), 16, "{tables:?}");
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
async fn who_has_left_is_no_colleague_any_more_even_without_a_where() {
    let (database, _, rival, _) = two().await;
    let client = database.plain().await.expect("a connection");
    let superuser = database.superuser().await.expect("a connection");
    superuser
        .execute(
            "UPDATE organization_members SET deleted_at = now() WHERE organization_id = $1",
            &[&rival.uuid()],
        )
        .await
        .expect("somebody leaves");
    client.batch_execute("BEGIN").await.expect("it begins");
    enter(&client, "app.organization_id", &rival.uuid().to_string()).await;
    assert_eq!(count(&client, "SELECT count(*) FROM users").await, 0);
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
        .connect_slack(rival, "Tacme", &sealed("rival"), now())
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
        .connect_slack(rival, "Tacme", &sealed("rival"), now())
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
        team: "Tacme",
        channel: "Cacme",
        thread: "1.acme",
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
        messages::find_answer(&tx, acme, conversation, "1.acme")
            .await
            .expect("it answers"),
        None
    );
    assert!(
        !channels::is_monitored(&tx, acme, "Tacme", "Cacme")
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
