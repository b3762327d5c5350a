//! What the generator of statements cannot check: that results which may be NULL are marked, and that every statement
//! says whose rows it is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use tests::database::Database;
use tokio_postgres::Client;

/// Statements that run before it is known whose rows they are about, or whoever they belong to; row-level security shows
/// them what their transaction has named: one connection, one person with one organization, what a comparison has not
/// come across, what was deleted long ago.
const LOOKUPS: [&str; 7] = [
    "callers.identify",
    "integrations.find_by_external_id",
    "organization_members.delete_expired",
    "organizations.delete_expired",
    "organizations.list_unseen",
    "organization_members.list_of_user",
    "organizations.update_seen",
];

/// One statement of `shared/queries`.
struct Statement {
    name: String,
    sql: String,
    /// Results that are marked as possibly NULL.
    nullable: BTreeSet<String>,
}

/// All statements, as the generator reads them.
fn statements() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/queries");
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let aggregate = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .expect("a name")
                .to_owned();
            all.extend(parse(
                &aggregate,
                &fs::read_to_string(path).expect("it can be read"),
            ));
        }
    }
    assert!(all.len() > 20, "only {} statements were found", all.len());
    all
}

fn parse(aggregate: &str, text: &str) -> Vec<Statement> {
    let mut rows: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut statements: Vec<Statement> = Vec::new();
    for line in text.lines() {
        if let Some(row) = line.strip_prefix("--:") {
            rows.insert(row.split('(').next().unwrap_or_default().trim(), marked(row));
        } else if let Some(head) = line.strip_prefix("--!") {
            let (name, result) = head.split_once(" : ").unwrap_or((head, ""));
            let name = name.split('(').next().unwrap_or_default().trim();
            let row = result.split('(').next().unwrap_or_default().trim();
            statements.push(Statement {
                name: format!("{aggregate}.{name}"),
                sql: String::new(),
                nullable: rows.get(row).cloned().unwrap_or_else(|| marked(result)),
            });
        } else if !line.starts_with("--")
            && let Some(statement) = statements.last_mut()
        {
            statement.sql.push_str(line);
            statement.sql.push('\n');
        }
    }
    statements
}

/// The names with a question mark, of a list in parentheses.
fn marked(list: &str) -> BTreeSet<String> {
    let list = list.split_once('(').map_or("", |(_, list)| list);
    list.trim_end_matches(')')
        .split(',')
        .filter_map(|name| name.trim().strip_suffix('?'))
        .map(str::to_owned)
        .collect()
}

/// The statement with `$1`, `$2` … in the place of `:name`, as Postgres wants it.
fn numbered(sql: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut out = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(':') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("::") {
            out.push_str("::");
            rest = after;
            continue;
        }
        let end = rest[1..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .map_or(rest.len(), |end| end + 1);
        let name = &rest[1..end];
        if name.is_empty() {
            out.push(':');
        } else {
            let number = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            out.push('$');
            out.push_str(&(number + 1).to_string());
        }
        rest = &rest[end..];
    }
    out + rest
}

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

#[test]
fn parameters_are_numbered_in_the_order_in_which_they_first_appear() {
    assert_eq!(
        numbered("SELECT :b, :a::uuid[], :b, x::text"),
        "SELECT $1, $2::uuid[], $1, x::text"
    );
}
