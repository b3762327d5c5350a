//! Clerk's webhooks in our words.
//!
//! Only the kinds that change what we keep are read, and of those only the fields that we use; all others are
//! [`ClerkEvent::Ignored`], never an error: Clerk has dozens, and adds some at any time.
//! Source: <https://clerk.com/docs/guides/development/webhooks/overview>.
//!
//! To use one more kind, give it an arm in `parse`, and `wire` the fields that it needs.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{DeletedOrganization, DeletedUser, Membership, Millis, Organization, Session, User};
use crate::{
    json::{self, JsonError, Text, cut},
    task::{ClerkMembership, IdentityChange},
};

/// What a webhook of Clerk's says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClerkEvent {
    /// Something that we keep is not what it was.
    Changed(IdentityChange),
    /// Nothing that we use.
    Ignored {
        /// Clerk's name of its kind.
        kind: String,
    },
}

/// Why a delivery that Clerk signed is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClerkEventError {
    /// Not the JSON it should be.
    #[error(transparent)]
    Payload(#[from] JsonError),
    /// Of another instance of Clerk's, such as the one for development, or of none that it names.
    #[error("the event is of another instance")]
    OtherInstance,
}

/// Reads a delivery of the instance `instance_id` (`ins_…`).
///
/// What was created or changed carries its own `updated_at`. What is gone has no time of its own, and carries that of
/// the event.
///
/// # Errors
/// [`ClerkEventError`].
pub fn parse(body: &[u8], instance_id: &str) -> Result<ClerkEvent, ClerkEventError> {
    let event: Envelope<'_> = json::read(body)?;
    if event.instance_id.as_deref() != Some(instance_id) {
        return Err(ClerkEventError::OtherInstance);
    }

    let change = match &*event.kind {
        "user.created" | "user.updated" => IdentityChange::UserUpserted(event.data::<User>()?.into()),
        "user.deleted" => {
            let user: DeletedUser = event.data()?;
            IdentityChange::UserDeleted {
                user_id: user.id,
                at: event.timestamp()?.0,
            }
        }
        "organization.created" | "organization.updated" => {
            IdentityChange::OrganizationUpserted(event.data::<Organization>()?.into())
        }
        "organization.deleted" => {
            let organization: DeletedOrganization = event.data()?;
            IdentityChange::OrganizationDeleted {
                organization_id: organization.id,
                at: event.timestamp()?.0,
            }
        }
        "organizationMembership.created" | "organizationMembership.updated" => {
            IdentityChange::MembershipUpserted(event.data::<Membership>()?.into())
        }
        "organizationMembership.deleted" => {
            let membership: ClerkMembership = event.data::<Membership>()?.into();
            IdentityChange::MembershipDeleted {
                organization_id: membership.organization_id,
                user_id: membership.user_id,
                at: event.timestamp()?.0,
            }
        }
        "session.ended" | "session.removed" | "session.revoked" => {
            let session: Session = event.data()?;
            IdentityChange::SessionEnded {
                session_id: session.id,
                user_id: session.user_id,
                at: event.timestamp()?.0,
            }
        }
        kind => {
            let mut kind = kind.to_owned();
            cut(&mut kind, 100);
            return Ok(ClerkEvent::Ignored { kind });
        }
    };
    Ok(ClerkEvent::Changed(change))
}

/// What surrounds an event. Of a kind that we do not use, the rest may look as it likes.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    instance_id: Option<Text<'a>>,
    timestamp: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
}

impl Envelope<'_> {
    fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JsonError> {
        json::read_member("data", self.data)
    }

    fn timestamp(&self) -> Result<Millis, JsonError> {
        json::read_member("timestamp", self.timestamp)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(event: &Value) -> Result<ClerkEvent, ClerkEventError> {
        parse(event.to_string().as_bytes(), "ins_1")
    }

    #[test]
    fn what_is_gone_is_gone_at_the_time_of_the_event() {
        for (timestamp, millis) in [
            (json!(1_716_883_200_123_i64), 1_716_883_200_123),
            (json!(1_716_883_200), 1_716_883_200_999),
        ] {
            let event = json!({
                "type": "user.deleted", "instance_id": "ins_1", "timestamp": timestamp,
                "data": {"id": "user_1", "object": "user", "deleted": true},
            });
            let Ok(ClerkEvent::Changed(IdentityChange::UserDeleted { user_id, at })) = parsed(&event) else {
                panic!("{event}")
            };
            assert_eq!((user_id.as_str(), at.timestamp_millis()), ("user_1", millis));
        }
    }

    #[test]
    fn an_unknown_kind_is_named_in_short_and_its_data_is_not_looked_at() {
        let event = |kind: &str, instance: &str| json!({"type": kind, "instance_id": instance, "data": [1]});
        let kind = |event: &Value| match parsed(event) {
            Ok(ClerkEvent::Ignored { kind }) => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(&event("user.merged", "ins_1")), "user.merged");
        assert_eq!(kind(&event(&"é".repeat(51), "ins_1")), "é".repeat(50));
        for other in ["ins_2", "", "INS_1", "ins_1 "] {
            let error = parsed(&event("user.merged", other)).expect_err(other);
            assert_eq!(error, ClerkEventError::OtherInstance);
        }
    }

    #[test]
    fn a_fault_says_where_and_nothing_of_what_stood_there() {
        let event = json!({
            "type": "session.ended", "instance_id": "ins_1", "timestamp": 1_716_883_200_123_i64,
            "data": {"id": "sess_1", "user_id": "hunter2"},
        });
        let error = parsed(&event).expect_err("not a person's id");
        assert_eq!(error.to_string(), "data.user_id: is missing or of another type");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
