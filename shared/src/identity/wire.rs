//! What Clerk writes, in webhooks and in answers of its Backend API alike: only the fields that we use.
//!
//! Whatever is wrong is found while reading, so that the fault is named by its path wherever the thing stands; what was
//! read converts into our words without fail. Source of the shapes: `User`, `Organization`, `OrganizationMembership` and
//! `Session` at <https://clerk.com/docs/reference/backend-api>.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    clock::Timestamp,
    json::Text,
    task::{ClerkMembership, ClerkOrganization, ClerkUser, MemberRole},
};

/// The most characters that a text of Clerk's may have here. Clerk's own limits are lower, but nowhere promised.
pub(crate) const MAX_CHARACTERS: usize = 512;
/// What an id of a person begins with.
pub(crate) const USER: &str = "user_";
/// What an id of an organization begins with.
pub(crate) const ORGANIZATION: &str = "org_";
/// What an id of a session begins with.
pub(crate) const SESSION: &str = "sess_";

/// Whether `text` is an id of Clerk's that begins with `prefix`. They become names of message groups and keys of rows,
/// so they must be short and plain: letters, digits and `_`, 64 characters in all.
pub(crate) fn is_id(prefix: &str, text: &str) -> bool {
    let is_plain =
        |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    text.len() <= 64 && text.strip_prefix(prefix).is_some_and(is_plain)
}

fn id<'de, D: Deserializer<'de>>(prefix: &str, deserializer: D) -> Result<String, D::Error> {
    let text = Text::deserialize(deserializer)?;
    if is_id(prefix, &text) {
        Ok(text.0.into_owned())
    } else {
        Err(D::Error::custom("not an id"))
    }
}

fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    id(USER, deserializer)
}

fn organization_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    id(ORGANIZATION, deserializer)
}

fn session_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    id(SESSION, deserializer)
}

/// A name that people gave; where it is too long, its beginning.
#[derive(Debug, Default)]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Ok(Self(text.clean().chars().take(MAX_CHARACTERS).collect()))
    }
}

/// An address of some kind: where it is too long it is blank, for its beginning may be another one.
#[derive(Debug, Default)]
struct Address(String);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.clean();
        Ok(Self(if text.chars().count() > MAX_CHARACTERS {
            String::new()
        } else {
            text
        }))
    }
}

/// A time, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Millis(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Millis {
    /// Clerk documents milliseconds, and gives examples of an event's `timestamp` in seconds. Less than this many
    /// milliseconds is the year 1973, so a number below it is of seconds; the end of the second, because a deletion
    /// comes after what was changed within it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const SECONDS_BELOW: i64 = 100_000_000_000;
        /// The last one of the year 9999: later years have no RFC 3339 form.
        const LAST: i64 = 253_402_300_799_999;
        let number = i64::deserialize(deserializer)?;
        let millis = if number < SECONDS_BELOW {
            number.saturating_mul(1000).saturating_add(999)
        } else {
            number
        };
        Some(millis)
            .filter(|millis| (0..=LAST).contains(millis))
            .and_then(Timestamp::from_timestamp_millis)
            .map(Self)
            .ok_or_else(|| D::Error::custom("not a time"))
    }
}

/// A person.
#[derive(Deserialize)]
pub(crate) struct User {
    #[serde(deserialize_with = "user_id")]
    id: String,
    primary_email_address_id: Option<Address>,
    email_addresses: Option<Vec<EmailAddress>>,
    first_name: Option<Name>,
    last_name: Option<Name>,
    image_url: Option<Address>,
    updated_at: Millis,
}

#[derive(Deserialize)]
struct EmailAddress {
    id: Option<Address>,
    email_address: Address,
}

impl From<User> for ClerkUser {
    fn from(user: User) -> Self {
        // Any other address may be one that the person gave up, or has not proven to be theirs.
        let primary = user
            .primary_email_address_id
            .map(|id| id.0)
            .filter(|id| !id.is_empty());
        let email = user
            .email_addresses
            .into_iter()
            .flatten()
            .find(|address| primary.is_some() && address.id.as_ref().map(|id| &id.0) == primary.as_ref());
        Self {
            id: user.id,
            email: email.map(|address| address.email_address.0).unwrap_or_default(),
            first_name: user.first_name.unwrap_or_default().0,
            last_name: user.last_name.unwrap_or_default().0,
            image_url: user.image_url.unwrap_or_default().0,
            updated_at: user.updated_at.0,
        }
    }
}

/// An organization.
#[derive(Deserialize)]
pub(crate) struct Organization {
    #[serde(deserialize_with = "organization_id")]
    id: String,
    name: Option<Name>,
    slug: Option<Address>,
    created_by: Option<Address>,
    updated_at: Millis,
}

impl From<Organization> for ClerkOrganization {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id,
            name: organization.name.unwrap_or_default().0,
            slug: organization.slug.unwrap_or_default().0,
            // For the record only; one that is odd is no reason to do without the organization.
            created_by: organization
                .created_by
                .map(|id| id.0)
                .filter(|id| is_id(USER, id)),
            updated_at: organization.updated_at.0,
        }
    }
}

/// A membership.
#[derive(Deserialize)]
pub(crate) struct Membership {
    organization: MembershipOrganization,
    public_user_data: PublicUserData,
    role: Name,
    permissions: Option<Vec<Name>>,
    created_at: Millis,
    updated_at: Millis,
}

#[derive(Deserialize)]
struct MembershipOrganization {
    #[serde(deserialize_with = "organization_id")]
    id: String,
}

#[derive(Deserialize)]
struct PublicUserData {
    #[serde(deserialize_with = "user_id")]
    user_id: String,
}

impl From<Membership> for ClerkMembership {
    fn from(membership: Membership) -> Self {
        let permissions = membership.permissions.unwrap_or_default();
        let permissions = permissions.iter().map(|permission| permission.0.as_str());
        Self {
            role: MemberRole::of(&membership.role.0, permissions),
            organization_id: membership.organization.id,
            user_id: membership.public_user_data.user_id,
            joined_at: membership.created_at.0,
            updated_at: membership.updated_at.0,
        }
    }
}

/// A session.
#[derive(Deserialize)]
pub(crate) struct Session {
    #[serde(deserialize_with = "session_id")]
    pub(crate) id: String,
    #[serde(deserialize_with = "user_id")]
    pub(crate) user_id: String,
}

/// What is left of a person who is gone.
#[derive(Deserialize)]
pub(crate) struct DeletedUser {
    #[serde(deserialize_with = "user_id")]
    pub(crate) id: String,
    #[serde(rename = "deleted")]
    _deleted: Gone,
}

/// What is left of an organization that is gone.
#[derive(Deserialize)]
pub(crate) struct DeletedOrganization {
    #[serde(deserialize_with = "organization_id")]
    pub(crate) id: String,
    #[serde(rename = "deleted")]
    _deleted: Gone,
}

/// `true`, without which a thing is not taken for gone.
struct Gone;

impl<'de> Deserialize<'de> for Gone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer)?
            .then_some(Self)
            .ok_or_else(|| D::Error::custom("not deleted"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::json::{JsonError, read};

    fn user(changes: Value) -> Result<ClerkUser, JsonError> {
        let mut user = json!({
            "id": "user_2a", "primary_email_address_id": "idn_2",
            "email_addresses": [
                {"id": "idn_1", "email_address": "old@acme.example"},
                {"id": "idn_2", "email_address": "ada@acme.example"},
            ],
            "first_name": "Ada", "last_name": null, "image_url": "https://img.example/1",
            "created_at": 1_700_000_000_000_i64, "updated_at": 1_700_000_000_001_i64,
        });
        merge(&mut user, changes);
        read::<User>(user.to_string().as_bytes()).map(Into::into)
    }

    fn merge(into: &mut Value, changes: Value) {
        let (Value::Object(into), Value::Object(changes)) = (into, changes) else {
            panic!("objects")
        };
        into.extend(changes);
    }

    #[test]
    fn the_email_address_is_the_primary_one_or_none() {
        assert_eq!(
            user(json!({})).map(|user| user.email).as_deref(),
            Ok("ada@acme.example")
        );
        for without in [
            json!({"primary_email_address_id": null}),
            json!({"primary_email_address_id": ""}),
            json!({"primary_email_address_id": "idn_3"}),
            json!({"email_addresses": []}),
            json!({"email_addresses": null}),
            json!({"primary_email_address_id": "", "email_addresses": [{"id": "", "email_address": "a@b"}]}),
            json!({"primary_email_address_id": null, "email_addresses": [{"id": null, "email_address": "a@b"}]}),
        ] {
            assert_eq!(
                user(without.clone()).map(|user| user.email).as_deref(),
                Ok(""),
                "{without}"
            );
        }
    }

    #[test]
    fn what_clerk_leaves_blank_is_blank_and_what_postgres_refuses_is_replaced() {
        let read = user(json!({"first_name": "A\0da\u{FFFF}", "last_name": null, "image_url": null}))
            .expect("a user");
        assert_eq!(
            (
                read.first_name.as_str(),
                read.last_name.as_str(),
                read.image_url.as_str()
            ),
            ("A\u{FFFD}da\u{FFFD}", "", "")
        );
    }

    #[test]
    fn a_long_name_is_cut_and_a_long_address_left_out() {
        let long = "é".repeat(MAX_CHARACTERS + 1);
        let read = user(json!({
            "first_name": long, "image_url": long,
            "email_addresses": [{"id": "idn_2", "email_address": format!("{long}@acme.example.evil.example")}],
        }))
        .expect("a user");
        assert_eq!(read.first_name, "é".repeat(MAX_CHARACTERS));
        assert_eq!((read.image_url.as_str(), read.email.as_str()), ("", ""));
        let whole = "é".repeat(MAX_CHARACTERS);
        let read = user(json!({"first_name": whole, "image_url": whole})).expect("a user");
        assert_eq!((&read.first_name, &read.image_url), (&whole, &whole));
    }

    #[test]
    fn an_id_is_short_and_plain_and_of_its_kind() {
        for good in [
            "user_2a",
            "user_2g7np7Hrk0SN6kj5EDMLDaKNL0S",
            &format!("user_{}", "a".repeat(59)),
        ] {
            assert_eq!(user(json!({"id": good})).map(|user| user.id).as_deref(), Ok(good));
        }
        let long = format!("user_{}", "a".repeat(60));
        for odd in [
            "", "user_", "org_2a", "User_2a", "user_a b", "user_a:b", "user_é", "user_\0", " user_a", &long,
        ] {
            assert_eq!(
                user(json!({"id": odd})).expect_err(odd),
                JsonError::at("id", "is missing or of another type")
            );
        }
    }

    #[test]
    fn times_are_milliseconds_and_such_in_seconds_are_their_seconds_end() {
        let at = |number: Value| user(json!({"updated_at": number})).map(|user| user.updated_at.to_rfc3339());
        assert_eq!(
            at(json!(1_716_883_200_001_i64)).as_deref(),
            Ok("2024-05-28T08:00:00.001+00:00")
        );
        assert_eq!(
            at(json!(1_716_883_200)).as_deref(),
            Ok("2024-05-28T08:00:00.999+00:00")
        );
        assert_eq!(
            at(json!(253_402_300_799_999_i64)).as_deref(),
            Ok("9999-12-31T23:59:59.999+00:00")
        );
        for odd in [
            json!(-1),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(253_402_300_800_000_i64),
            json!(u64::MAX),
            json!(1.5),
            json!("1716883200001"),
            json!(null),
        ] {
            assert_eq!(
                at(odd.clone()),
                Err(JsonError::at("updated_at", "is missing or of another type")),
                "{odd}"
            );
        }
    }

    #[test]
    fn an_organizations_creator_is_a_person_or_nobody() {
        let created_by = |creator: Value| {
            let text = json!({"id": "org_1", "name": "Acme", "slug": "acme", "created_by": creator, "updated_at": 1});
            let organization: ClerkOrganization = read::<Organization>(text.to_string().as_bytes())
                .expect("an organization")
                .into();
            organization.created_by
        };
        assert_eq!(created_by(json!("user_1")).as_deref(), Some("user_1"));
        for nobody in [json!(null), json!(""), json!("dashboard"), json!("org_1")] {
            assert_eq!(created_by(nobody.clone()), None, "{nobody}");
        }
    }

    #[test]
    fn a_membership_is_an_admins_by_its_role_or_a_permission() {
        let role = |role: &str, permissions: Value| {
            let text = json!({
                "organization": {"id": "org_1"}, "public_user_data": {"user_id": "user_1"},
                "role": role, "permissions": permissions, "created_at": 1, "updated_at": 2,
            });
            let membership: ClerkMembership = read::<Membership>(text.to_string().as_bytes())
                .expect("a membership")
                .into();
            membership.role
        };
        assert_eq!(role("org:admin", json!([])), MemberRole::Admin);
        assert_eq!(role("org:member", json!(null)), MemberRole::Member);
        assert_eq!(
            role("org:oncall", json!(["org:sys_profile:manage"])),
            MemberRole::Member
        );
        assert_eq!(
            role("org:oncall", json!(["org:infragpt:manage"])),
            MemberRole::Admin
        );
    }
}
