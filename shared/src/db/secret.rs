//! Where the database is, and how to log in.

use std::net::IpAddr;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A secret of Secrets Manager that says how to reach a database. Fields that are not known here are ignored.
///
/// One that RDS manages holds user name and password alone; one that CloudFormation made holds the same until the
/// migrator completes it.
#[derive(Debug, Clone, Deserialize)]
pub struct DatabaseSecret {
    /// The role to log in as.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Name or address of the server.
    #[serde(default)]
    pub host: Option<String>,
    /// Its port, 5432 where it is not said. Written as a number or as a text.
    #[serde(default, deserialize_with = "number_or_text")]
    pub port: Option<u16>,
    /// The database on it.
    #[serde(default)]
    pub dbname: Option<String>,
    /// Whether and how the connection is encrypted.
    #[serde(default)]
    pub sslmode: SslMode,
    /// Certificates in PEM to trust beside Amazon's.
    #[serde(default)]
    pub ca: Option<String>,
}

/// Whether and how a connection is encrypted, by the names that Postgres uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// TLS; chain and host name are verified.
    #[default]
    VerifyFull,
    /// No TLS; for a database on this machine alone.
    Disable,
}

impl SslMode {
    /// The name as it stands in the secret.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyFull => "verify-full",
            Self::Disable => "disable",
        }
    }
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    match Option::<Port>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Port::Number(port)) => Ok(Some(port)),
        Some(Port::Text(text)) => text.trim().parse().map(Some).map_err(D::Error::custom),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Db, DbError};

    fn parse(json: &str) -> Result<DatabaseSecret, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn the_port_may_be_a_number_or_a_text_and_no_password_is_ever_shown() {
        for port in ["6543", r#""6543""#] {
            let secret = parse(&format!(
                r#"{{"username": "app", "password": "hunter2", "host": "db", "port": {port}, "engine": "postgres"}}"#
            ))
            .expect("it is complete");
            assert_eq!(secret.port, Some(6543));
            assert_eq!(secret.sslmode, SslMode::VerifyFull);
            assert!(!format!("{secret:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_secret_that_is_not_completed_yet_is_refused_with_a_reason() {
        let secret = parse(r#"{"username": "app", "password": "x"}"#).expect("it can be read");
        assert!(matches!(Db::new(&secret, 1), Err(DbError::Secret(_))));
    }

    #[test]
    fn an_unencrypted_connection_goes_to_this_machine_alone() {
        for (host, accepted) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("10.0.0.7", false),
            ("localhost.example.com", false),
            ("db.example.com", false),
        ] {
            let secret = parse(&format!(
                r#"{{"username": "app", "password": "x", "host": "{host}", "dbname": "d", "sslmode": "disable"}}"#
            ))
            .expect("it can be read");
            assert_eq!(Db::new(&secret, 1).is_ok(), accepted, "{host}");
        }
    }

    #[test]
    fn a_mode_that_verifies_less_is_refused() {
        for mode in ["require", "prefer", "allow", "verify-ca"] {
            let json = format!(r#"{{"username": "app", "password": "x", "sslmode": "{mode}"}}"#);
            assert!(parse(&json).is_err(), "{mode}");
        }
    }
}
