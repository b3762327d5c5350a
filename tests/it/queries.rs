//! What the generator of statements cannot check: that results which may be NULL are marked, and that every statement
//! says whose rows it is about.

use std::collections::BTreeSet;

use tests::database::Database;
use tokio_postgres::Client;

use crate::statement::{Statement, numbered, statements, with_parameters};

/// Statements that run before it is known whose rows they are about, or whoever they belong to; row-level security shows
/// them what their transaction has named: one connection, one state that came back through a browser, one person with one
/// organization, what a comparison has not come across, what was deleted long ago, what is sealed under another key, what
/// is due.
const LOOKUPS: [&str; 20] = [
    "callers.identify",
    "expired.delete_activities",
    "expired.delete_alerts",
    "expired.delete_oauth_states",
    "integration_credentials.list_due",
    "integration_credentials.list_under_another_key",
    "integration_revocations.list_due",
    "integration_revocations.list_under_another_key",
    "integrations.find_account",
    "integrations.find_by_external_id",
    "integrations.find_newest_by_external_id",
    "integrations.list_due_checks",
    "integrations.list_due_syncs",
    "oauth_states.take_named",
    "organization_members.delete_expired",
    "organizations.delete_expired",
    "organizations.find_mirrored",
    "organizations.list_unseen",
    "organization_members.list_of_user",
    "organizations.update_seen",
];

/// Results whose mark is not what the schema says about their column.
async fn mismarked(client: &Client, statement: &Statement) -> Vec<String> {
    let prepared = client
        .prepare(&numbered(&statement.sql))
        .await
        .unwrap_or_else(|error| panic!("{}: {error:?}", statement.name));
    // An outer join makes NULL of what is not; there the marks are set by hand.
    let outer = statement.sql.contains("LEFT JOIN");
    let mut wrong = Vec::new();
    for column in prepared.columns() {
        let (Some(table), Some(number)) = (column.table_oid(), column.column_id()) else {
            continue;
        };
        let required: bool = client
            .query_one(
                "SELECT attnotnull FROM pg_attribute WHERE attrelid = $1 AND attnum = $2",
                &[&table, &number],
            )
            .await
            .expect("the catalogue can be read")
            .get(0);
        let marked = statement.nullable.contains(column.name());
        if marked == required && !(outer && marked) {
            wrong.push(format!("{}: {}", statement.name, column.name()));
        }
    }
    for name in &statement.nullable {
        if !prepared.columns().iter().any(|column| column.name() == name) {
            wrong.push(format!("{}: {name} is no result", statement.name));
        }
    }
    wrong
}

/// True when a statement touches a table of tenants without saying whose rows it means.
fn is_unscoped(statement: &Statement, tables: &BTreeSet<String>) -> bool {
    let words: BTreeSet<&str> = statement
        .sql
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let touches = tables.iter().any(|table| words.contains(table.as_str()));
    let names_it = statement.sql.contains("organization_id = :organization_id")
        // Both sides of a membership, by Clerk's ids.
        || statement
            .sql
            .contains("clerk_org_id = :clerk_org_id AND clerk_user_id = :clerk_user_id")
        || (statement.sql.trim_start().starts_with("INSERT INTO")
            && words.contains("organization_id")
            && statement.sql.contains(":organization_id"));
    touches && !names_it && !LOOKUPS.contains(&statement.name.as_str())
}

async fn tenant_tables(client: &Client) -> BTreeSet<String> {
    let rows = client
        .query(
            "SELECT table_name::text FROM information_schema.columns
              WHERE table_schema = 'public' AND column_name = 'organization_id'",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    rows.iter().map(|row| row.get(0)).collect()
}

fn made_up(sql: &str, nullable: &[&str]) -> Statement {
    Statement {
        name: "made.up".to_owned(),
        sql: sql.to_owned(),
        nullable: nullable.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[tokio::test]
async fn results_that_may_be_null_are_marked_and_no_others_and_the_check_can_fail() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    for statement in statements() {
        assert_eq!(mismarked(&client, &statement).await, Vec::<String>::new());
    }

    let unmarked = made_up(
        "SELECT name, deleted_at FROM organizations WHERE slug = :slug",
        &[],
    );
    assert_eq!(mismarked(&client, &unmarked).await, ["made.up: deleted_at"]);
    let needless = made_up("SELECT name FROM organizations", &["name", "nmae"]);
    assert_eq!(
        mismarked(&client, &needless).await,
        ["made.up: name", "made.up: nmae is no result"]
    );
}

#[tokio::test]
async fn every_statement_answers_with_a_row_so_that_it_is_prepared_once_and_sent_when_it_is_meant_to() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    for statement in statements() {
        let prepared = client
            .prepare(&numbered(&statement.sql))
            .await
            .expect("it fits the schema");
        assert!(!prepared.columns().is_empty(), "{} has no result", statement.name);
    }
}

#[tokio::test]
async fn every_statement_on_a_tenants_table_says_whose_rows_it_means_and_the_check_can_fail() {
    let database = Database::new().await.expect("a database");
    let tables = tenant_tables(&database.superuser().await.expect("a connection")).await;
    assert!(
        tables.contains("messages") && !tables.contains("deliveries"),
        "{tables:?}"
    );
    let unscoped: Vec<String> = statements()
        .into_iter()
        .filter(|statement| is_unscoped(statement, &tables))
        .map(|s| s.name)
        .collect();
    assert_eq!(unscoped, Vec::<String>::new());

    assert!(is_unscoped(
        &made_up("SELECT message_text FROM messages WHERE message_id = :id", &[]),
        &tables
    ));
    assert!(is_unscoped(&made_up("DELETE FROM channels", &[]), &tables));
    assert!(is_unscoped(
        &made_up("INSERT INTO channels (team_id) VALUES (:team_id)", &[]),
        &tables
    ));
    assert!(!is_unscoped(
        &made_up("SELECT state FROM deliveries WHERE key = :key", &[]),
        &tables
    ));
}

#[tokio::test]
async fn connections_that_are_due_are_found_by_an_index_in_their_order_whoever_they_belong_to() {
    let database = Database::new().await.expect("a database");
    // As the functions' role, with row-level security: it must not stand between a statement and its index.
    let client = database.plain().await.expect("a connection");
    client
        .batch_execute(
            "BEGIN;
             SELECT set_config('app.due_before', '2026-01-01T00:00:00Z', true);
             SET LOCAL enable_seqscan = off;
             SET LOCAL enable_bitmapscan = off",
        )
        .await
        .expect("it begins");
    for (name, index) in [
        ("integrations.list_due_checks", "integrations_check_at_idx"),
        ("integrations.list_due_syncs", "integrations_sync_at_idx"),
    ] {
        let statement = statements().into_iter().find(|statement| statement.name == name);
        let sql = with_parameters(&statement.expect(name).sql, |parameter| {
            let value = match parameter {
                "connector_types" => "'{slack,github}'::text[]",
                "before" | "after_due_at" => "'2026-01-01T00:00:00Z'::timestamptz",
                "after" => "'00000000-0000-0000-0000-000000000000'::uuid",
                _ => "100",
            };
            value.to_owned()
        });
        let rows = client
            .query(&format!("EXPLAIN {sql}"), &[])
            .await
            .expect("it can be explained");
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(&format!("Index Scan using {index} ")), "{plan}");
        assert!(plan.contains("Index Cond"), "all of it is gone through: {plan}");
        assert!(!plan.contains("Sort"), "{plan}");
    }
}
