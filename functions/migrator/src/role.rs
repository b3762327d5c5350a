//! The role that the functions log in as: it owns nothing and is bound by row-level security.

use postgres_protocol::password::scram_sha_256;
use secrecy::ExposeSecret as _;
use shared::db::{Connection, DatabaseSecret, DbError};

/// The group whose rights it has; the migrations make the group and give it its rights.
const GROUP: &str = "infragpt_application";

/// What the role may not exceed. A statement of a function ends after five seconds, and a transaction that nobody
/// goes on with after fifteen: a sandbox that is put to sleep in the middle must not hold a lock.
const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "5s"),
    ("lock_timeout", "4s"),
    ("idle_in_transaction_session_timeout", "15s"),
];

/// Why there is no such role.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The database refused something.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The name is not one that we make.
    #[error("the application's secret names the role `{0}`; a name has small letters, digits and _ only")]
    Name(String),
    /// The role can do what it must not.
    #[error("the role `{name}` {problem}, and would not be bound by row-level security")]
    Mighty {
        /// The role.
        name: String,
        /// What it can do.
        problem: &'static str,
    },
}

/// Makes the role, or brings it to what it should be, with the password of the application's secret. Postgres is given
/// a salted verifier: the password itself is in no statement, and so in no log of the server.
///
/// # Errors
/// When a role of the name exists that is more than it may be, and when the database refuses.
#[tracing::instrument(name = "migrator.role", skip_all, err(level = "debug"))]
pub async fn ensure(connection: &mut Connection, application: &DatabaseSecret) -> Result<(), RoleError> {
    let name = application.username.as_str();
    if !is_plain(name) {
        return Err(RoleError::Name(name.to_owned()));
    }
    let driver = connection.driver();
    let transaction = driver.transaction().await.map_err(DbError::from)?;

    let existing = transaction
        .query_opt(
            "SELECT rolsuper OR rolbypassrls, \
                    EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                             WHERE n.nspname = 'public' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) \
               FROM pg_roles r WHERE r.rolname = $1",
            &[&name],
        )
        .await
        .map_err(DbError::from)?;
    let mut verb = "CREATE";
    if let Some(row) = existing {
        let problem = match (row.get(0), row.get(1)) {
            (true, _) => Some("is a superuser or bypasses row-level security"),
            (_, true) => Some("owns tables, itself or through another role"),
            (false, false) => None,
        };
        if let Some(problem) = problem {
            return Err(RoleError::Mighty {
                name: name.to_owned(),
                problem,
            });
        }
        verb = "ALTER";
    }

    let verifier = scram_sha_256(application.password.expose_secret().as_bytes());
    let limits = LIMITS.map(|(setting, value)| format!("ALTER ROLE \"{name}\" SET {setting} = '{value}';"));
    let statements = format!(
        "{verb} ROLE \"{name}\" LOGIN PASSWORD '{verifier}';{}",
        limits.concat()
    );
    transaction
        .batch_execute(&statements)
        .await
        .map_err(DbError::from)?;
    let member: bool = transaction
        .query_one(
            "SELECT pg_has_role($1::name, $2::name, 'MEMBER')",
            &[&name, &GROUP],
        )
        .await
        .map_err(DbError::from)?
        .get(0);
    if !member {
        transaction
            .batch_execute(&format!("GRANT {GROUP} TO \"{name}\""))
            .await
            .map_err(DbError::from)?;
    }
    transaction.commit().await.map_err(DbError::from)?;
    Ok(())
}

/// A name that needs no quoting, so that nobody has to get the quoting right.
fn is_plain(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_need_quoting_is_refused() {
        assert!(is_plain("infragpt_app2"));
        for name in [
            "",
            "2fast",
            "App",
            "a-b",
            "a\"; DROP TABLE users; --",
            &"a".repeat(64),
        ] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
