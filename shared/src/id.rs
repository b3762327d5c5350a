//! Typed ids over `UUIDv7`. In logs and in the API they carry a prefix (`org_…`), in SQL they are plain uuids.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_<uuid>")]
pub struct IdError {
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $make:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(Uuid);

            impl $name {
                /// What stands before the uuid in logs and in the API.
                pub const PREFIX: &'static str = $prefix;
                /// The id of nothing, which sorts before all others.
                pub const NIL: Self = Self(Uuid::nil());

                /// The uuid as it stands in the database.
                #[must_use]
                pub const fn uuid(self) -> Uuid {
                    self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!($prefix, "_{}"), self.0.simple())
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl From<Uuid> for $name {
                fn from(uuid: Uuid) -> Self {
                    Self(uuid)
                }
            }

            impl From<$name> for Uuid {
                fn from(id: $name) -> Self {
                    id.0
                }
            }

            impl FromStr for $name {
                type Err = IdError;

                /// Takes the prefixed form and the plain uuid, which existing clients send.
                fn from_str(text: &str) -> Result<Self, IdError> {
                    let uuid = text.strip_prefix(concat!($prefix, "_")).unwrap_or(text);
                    Uuid::try_parse(uuid).map(Self).map_err(|_| IdError { prefix: $prefix })
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                }
            }
        )*

        impl Ids {
            $(
                #[doc = concat!("A new [`", stringify!($name), "`].")]
                #[must_use]
                pub fn $make(&self) -> $name {
                    $name(self.0.next())
                }
            )*
        }
    };
}

ids! {
    /// A tenant.
    OrganizationId = "org", organization;
    /// A person who signs in.
    UserId = "usr", user;
    /// A connection of an organization to a third party.
    IntegrationId = "int", integration;
    /// A conversation: a Slack thread or a direct-message channel.
    ConversationId = "con", conversation;
    /// One message of a conversation. An answer's id is also the key under which it is posted.
    MessageId = "msg", message;
    /// An entry of the record of who did what.
    AuditEventId = "aud", audit_event;
    /// Something that happened at a third party.
    ActivityId = "act", activity;
    /// An incident or alert of a third party. Also the key under which it is posted.
    AlertId = "alr", alert;
    /// An envelope on a queue.
    TaskId = "tsk", task;
}

/// Where new uuids come from.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// The next uuid; time-ordered.
    fn next(&self) -> Uuid;
}

/// The source of all new ids of a process.
#[derive(Debug, Clone)]
pub struct Ids(Arc<dyn IdSource>);

impl Ids {
    /// Ids from the machine's clock and randomness.
    #[must_use]
    pub fn random() -> Self {
        Self(Arc::new(RandomIds))
    }

    /// Ids `…0001`, `…0002` and so on: snapshots need no redaction.
    #[cfg(feature = "test-support")]
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(SeededIds {
            seed,
            count: std::sync::atomic::AtomicU64::new(0),
        }))
    }
}

#[derive(Debug)]
struct RandomIds;

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[cfg(feature = "test-support")]
#[derive(Debug)]
struct SeededIds {
    seed: u64,
    count: std::sync::atomic::AtomicU64,
}

#[cfg(feature = "test-support")]
impl IdSource for SeededIds {
    fn next(&self) -> Uuid {
        let count = self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(self.seed << 20).to_be_bytes());
        bytes[8..].copy_from_slice(&count.to_be_bytes());
        uuid::Builder::from_bytes(bytes)
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_with_and_without_its_prefix_but_not_with_another_kinds() {
        let id = Ids::random().organization();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.uuid().to_string().parse(), Ok(id));
        assert_eq!(id.to_string().parse::<UserId>(), Err(IdError { prefix: "usr" }));
    }
}
