//! The way into the database, as a secret tells it, while secrets are away and passwords change.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use serde_json::json;
use shared::{
    clock::Timestamp,
    db::{Access, DatabaseSecret, DbError},
    secret::manager::{MemorySecrets, SecretStore},
};
use tests::database::Database;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:database";

fn put(secrets: &MemorySecrets, login: &DatabaseSecret, username: &str, password: &str) {
    let secret = json!({
        "username": username, "password": password, "host": login.host, "port": login.port,
        "dbname": login.dbname, "sslmode": login.sslmode.as_str(),
    });
    secrets.put(ARN, &secret.to_string(), Timestamp::UNIX_EPOCH);
}

fn access(secrets: &Arc<MemorySecrets>) -> Access {
    Access::in_secret(SecretStore::from_source(secrets.clone()), ARN.to_owned(), 2)
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_an_outage_and_is_read_when_it_can() {
    let database = Database::new().await.expect("a database");
    let login = database.application();
    let secrets = MemorySecrets::new();
    put(&secrets, &login, &login.username, login.password.expose_secret());
    let access = access(&secrets);

    secrets.set_down(true);
    let error = access.get().await.expect_err("the secret cannot be read");
    assert!(
        matches!(error, DbError::SecretUnavailable(_)) && error.is_outage(),
        "{error}"
    );

    secrets.set_down(false);
    access.get().await.expect("a connection");
    let reads = secrets.reads();
    access.get().await.expect("a connection");
    assert_eq!(secrets.reads(), reads, "a secret that is known is not read again");
}

#[tokio::test]
async fn a_password_that_was_changed_is_read_again_instead_of_failing_until_the_process_ends() {
    let database = Database::new().await.expect("a database");
    let superuser = database.superuser().await.expect("a connection");
    let login = database.application();
    let role = format!("changing_{}", login.dbname.clone().unwrap_or_default());
    superuser
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'first' IN ROLE infragpt_application"
        ))
        .await
        .expect("a role");
    let secrets = MemorySecrets::new();
    put(&secrets, &login, &role, "first");
    let access = access(&secrets);
    access.get().await.expect("a connection");

    superuser
        .batch_execute(&format!("ALTER ROLE {role} PASSWORD 'second'"))
        .await
        .expect("a change");
    superuser
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1",
            &[&role],
        )
        .await
        .expect("an end");
    put(&secrets, &login, &role, "second");

    let mut tries = 0;
    // A connection that was just cut may be handed out once more before its end is noticed.
    let connected = loop {
        match access.get().await {
            Ok(mut connection) => {
                if connection.begin().await.is_ok() {
                    break true;
                }
            }
            Err(error) => assert!(!error.is_login_refused(), "{error}"),
        }
        tries += 1;
        if tries > 3 {
            break false;
        }
    };
    assert!(connected, "the new password was not used");
    assert_eq!(secrets.reads(), 2);
    superuser
        .batch_execute(&format!("DROP ROLE {role}"))
        .await
        .expect("the role goes");
}
