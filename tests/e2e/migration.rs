//! What the deployment did to the database.

use tests::local::{DATABASE, repository};

use crate::world::World;

/// The custom resource ran the migrator, which made the schema and the functions' role and wrote down where it is.
pub(crate) async fn prepared(world: &World) {
    let resource = world.stack.deployment.resource("Migrations");
    assert!(!resource.expect("the custom resource is there").is_empty());

    let superuser = world.superuser().await;
    let applied: i64 = superuser
        .query_one("SELECT count(*) FROM refinery_schema_history", &[])
        .await
        .expect("the history of migrations")
        .get(0);
    let written = std::fs::read_dir(repository().join("migrations"))
        .expect("the migrations")
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "sql")
        })
        .count();
    assert_eq!(usize::try_from(applied).expect("a count"), written);
    for table in ["organizations", "integrations", "messages", "deliveries"] {
        let query = "SELECT relforcerowsecurity FROM pg_class WHERE oid = to_regclass($1::text)";
        let row = superuser
            .query_opt(query, &[&table])
            .await
            .expect("the catalogue");
        assert!(row.is_some(), "there is no table {table}");
    }

    let secret = world
        .secret("DatabaseSecret", "AWSCURRENT")
        .await
        .expect("the role's secret");
    assert_eq!(secret["host"], "127.0.0.1");
    assert_eq!(secret["port"], world.stack.postgres.port());
    assert_eq!(secret["dbname"], DATABASE);
    let role = secret["username"].as_str().expect("a name");
    let row = superuser
        .query_one(
            "SELECT rolcanlogin, rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = $1",
            &[&role],
        )
        .await
        .expect("the role");
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (true, false));
}
