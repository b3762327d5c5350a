//! What must be true of the schema, asked of the catalogue of a migrated database.

use std::collections::BTreeSet;

use migrator::schema;
use shared::db::Db;
use tests::database::Database;
use tokio_postgres::{Client, error::SqlState};

/// Tables that belong to no organization and hold no content, and the migration library's own.
const SYSTEM: [&str; 6] = [
    "deliveries",
    "github_unclaimed_installations",
    "rate_limits",
    "reconciliations",
    "refinery_schema_history",
    "revoked_sessions",
];

async fn names(client: &Client, query: &str) -> BTreeSet<String> {
    let rows = client.query(query, &[]).await.expect("the catalogue can be read");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Tables whose rows the application could see without saying for whom.
async fn unprotected(client: &Client) -> BTreeSet<String> {
    names(
        client,
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                     AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))",
    )
    .await
}

/// Policies that show or take rows without naming the organization, the one Clerk id or the one external id.
async fn loose_policies(client: &Client) -> BTreeSet<String> {
    names(
        client,
        "SELECT tablename || '.' || policyname FROM pg_policies
          WHERE schemaname = 'public'
            AND coalesce(qual, with_check) NOT LIKE '%current_setting(''app.%''::text, true)%'",
    )
    .await
}

/// Tables and columns that nobody has described.
async fn undescribed(client: &Client) -> BTreeSet<String> {
    names(
        client,
        "SELECT c.relname || coalesce('.' || a.attname, '')
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN LATERAL (SELECT 0 AS attnum, NULL::name AS attname
                         UNION ALL
                         SELECT attnum, attname FROM pg_attribute
                          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a ON true
          WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname <> 'refinery_schema_history'
            AND coalesce(trim(CASE a.attnum WHEN 0 THEN obj_description(c.oid, 'pg_class')
                                            ELSE col_description(c.oid, a.attnum) END), '') = ''",
    )
    .await
}

/// Columns with a time of no zone, and references about whose end nobody has decided.
async fn undecided(client: &Client) -> BTreeSet<String> {
    names(
        client,
        "SELECT c.relname || '.' || a.attname
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relkind = 'r' AND a.attnum > 0 AND a.atttypid = 'timestamp'::regtype
         UNION ALL
         SELECT conname::text FROM pg_constraint
          WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND confdeltype NOT IN ('c', 'n')",
    )
    .await
}

fn system() -> BTreeSet<String> {
    SYSTEM.map(str::to_owned).into()
}

#[tokio::test]
async fn every_table_of_tenants_forces_row_level_security_and_the_check_can_fail() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    assert_eq!(unprotected(&client).await, system());
    assert_eq!(loose_policies(&client).await, BTreeSet::new());

    client
        .batch_execute(
            "CREATE TABLE open (organization_id uuid);
             CREATE TABLE half (organization_id uuid);
             ALTER TABLE half ENABLE ROW LEVEL SECURITY;
             CREATE POLICY p ON half USING (organization_id = current_setting('app.organization_id', true)::uuid);
             CREATE TABLE lax (organization_id uuid);
             ALTER TABLE lax ENABLE ROW LEVEL SECURITY;
             ALTER TABLE lax FORCE ROW LEVEL SECURITY;
             CREATE POLICY p ON lax USING (organization_id IS NOT NULL);",
        )
        .await
        .expect("tables as they must not be");
    let mut found = unprotected(&client).await;
    found.retain(|table| !SYSTEM.contains(&table.as_str()));
    assert_eq!(found, ["half", "open"].map(str::to_owned).into());
    assert_eq!(loose_policies(&client).await, ["lax.p"].map(str::to_owned).into());
}

#[tokio::test]
async fn every_table_and_column_is_described_and_the_check_can_fail() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    assert_eq!(undescribed(&client).await, BTreeSet::new());

    client
        .batch_execute("CREATE TABLE mystery (what int); COMMENT ON TABLE mystery IS ' '; ALTER TABLE users ADD COLUMN x int;")
        .await
        .expect("things that nobody describes");
    assert_eq!(
        undescribed(&client).await,
        ["mystery", "mystery.what", "users.x"].map(str::to_owned).into()
    );
}

#[tokio::test]
async fn times_have_a_zone_and_every_reference_has_an_end_that_somebody_decided() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    assert_eq!(undecided(&client).await, BTreeSet::new());

    client
        .batch_execute("CREATE TABLE vague (at timestamp, by uuid CONSTRAINT vague_by REFERENCES users)")
        .await
        .expect("a table as it must not be");
    assert_eq!(
        undecided(&client).await,
        ["vague.at", "vague_by"].map(str::to_owned).into()
    );
}

#[tokio::test]
async fn the_applications_role_can_do_nothing_about_row_level_security() {
    let database = Database::new().await.expect("a database");
    let client = database.plain().await.expect("a connection");
    let row = client
        .query_one(
            "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication,
                    EXISTS (SELECT FROM pg_class WHERE pg_has_role(current_user, relowner, 'MEMBER'))
               FROM pg_roles WHERE rolname = current_user",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    assert!(
        !row.get::<_, bool>(0),
        "it has an attribute that it must not have"
    );
    assert!(!row.get::<_, bool>(1), "it owns something");
    for forbidden in [
        "ALTER TABLE messages DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE messages NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_organization ON messages",
        "CREATE POLICY mine ON messages USING (true)",
        "CREATE TABLE public.mine (x int)",
        "TRUNCATE messages",
        "SET ROLE administrator",
        "ALTER ROLE infragpt_app BYPASSRLS",
        "DELETE FROM refinery_schema_history",
    ] {
        let error = client.batch_execute(forbidden).await.expect_err(forbidden);
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{forbidden}"
        );
    }
    // Turning the filter off does not lift it: it turns a filtered answer into a refusal.
    client
        .batch_execute("SET row_security = off")
        .await
        .expect("anybody may");
    let error = client
        .batch_execute("SELECT FROM messages")
        .await
        .expect_err("not without the filter");
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
}

#[tokio::test]
async fn statements_and_idle_transactions_of_the_application_end() {
    let database = Database::new().await.expect("a database");
    let client = database.plain().await.expect("a connection");
    let rows = client
        .query("SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')", &[])
        .await
        .expect("settings can be read");
    assert_eq!(
        (rows[0].get::<_, &str>(0), rows[0].get::<_, &str>(1)),
        ("5s", "15s")
    );
}

#[tokio::test]
async fn migrations_that_are_applied_are_not_applied_again() {
    let database = Database::empty().await.expect("a database");
    let mut connection = Db::new(&database.administrator(), 1)
        .expect("a pool")
        .get()
        .await
        .expect("a connection");
    let first = schema::migrate(&mut connection).await.expect("they apply");
    assert_eq!(
        (first.version, first.count),
        (
            schema::latest(),
            usize::try_from(schema::latest()).expect("small")
        )
    );

    let client = database.superuser().await.expect("a connection");
    let history = "SELECT version || ' ' || applied_on || ' ' || checksum FROM refinery_schema_history";
    let before = names(&client, history).await;
    let second = schema::migrate(&mut connection)
        .await
        .expect("nothing is left to do");
    assert_eq!((second.version, second.count), (first.version, 0));
    assert_eq!(names(&client, history).await, before);
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_was_applied_is_refused() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    client
        .batch_execute("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2")
        .await
        .expect("the history can be changed");
    let mut connection = Db::new(&database.administrator(), 1)
        .expect("a pool")
        .get()
        .await
        .expect("a connection");
    let error = schema::migrate(&mut connection)
        .await
        .expect_err("the history is not ours");
    assert!(error.to_string().contains("V2__integrations"), "{error}");
}

#[tokio::test]
async fn a_migration_with_a_number_that_was_passed_is_refused_and_one_of_the_next_release_is_left_alone() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    let mut connection = Db::new(&database.administrator(), 1)
        .expect("a pool")
        .get()
        .await
        .expect("a connection");

    client
        .batch_execute(
            "INSERT INTO refinery_schema_history VALUES (9000, 'next', '2026-01-01T00:00:00Z', '1')",
        )
        .await
        .expect("the history can be changed");
    let applied = schema::migrate(&mut connection)
        .await
        .expect("a release that was rolled back runs on");
    assert_eq!((applied.version, applied.count), (9000, 0));

    client
        .batch_execute("DELETE FROM refinery_schema_history WHERE version = 3")
        .await
        .expect("the history can be changed");
    let error = schema::migrate(&mut connection)
        .await
        .expect_err("it would never be applied");
    assert!(error.to_string().contains("V3__conversations"), "{error}");
}
