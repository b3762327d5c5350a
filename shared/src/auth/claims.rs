//! What a session token says, in both of the versions that Clerk issues.
//!
//! Source: <https://clerk.com/docs/guides/sessions/session-tokens>, and for how the permissions of version 2 are to
//! be read the parser of Clerk's own SDK (`jwtPayloadParser` in `clerk/javascript`).

use std::fmt;

use serde::Deserialize;

use crate::{
    json::{self, JsonError},
    task::MemberRole,
};

/// The claims that every session token has. What is missing, and what it means, [`super::session`] decides.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) iss: Option<String>,
    pub(super) sub: Option<String>,
    pub(super) sid: Option<String>,
    pub(super) azp: Option<String>,
    pub(super) sts: Option<String>,
    pub(super) iat: Option<i64>,
    pub(super) nbf: Option<i64>,
    pub(super) exp: Option<i64>,
    pub(super) act: Option<Actor>,
    v: Option<i64>,
}

/// Who acts as the person: somebody of the team that administers the Clerk instance.
/// Source: "User impersonation" at <https://clerk.com/docs/guides/users/impersonation>.
#[derive(Deserialize)]
pub(super) struct Actor {
    pub(super) sub: String,
}

/// The organization that a person has chosen to work in, and what they may do there.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionOrganization {
    /// `org_…`.
    pub id: String,
    /// Name for addresses; blank in instances that use none.
    pub slug: String,
    /// What the person may do there.
    pub role: MemberRole,
}

impl fmt::Debug for SessionOrganization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOrganization")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Version1 {
    #[serde(rename = "org_id")]
    id: Option<String>,
    #[serde(rename = "org_slug")]
    slug: Option<String>,
    #[serde(rename = "org_role")]
    role: Option<String>,
    #[serde(rename = "org_permissions")]
    permissions: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Version2 {
    o: Option<Active>,
    fea: Option<String>,
}

#[derive(Deserialize)]
struct Active {
    id: String,
    slg: Option<String>,
    rol: Option<String>,
    per: Option<String>,
    fpm: Option<String>,
}

impl Claims {
    /// Reads the payload of a token whose signature is good.
    pub(super) fn read(payload: &str) -> Result<Self, JsonError> {
        json::read(payload.as_bytes())
    }

    /// The organization in `payload`, if one is chosen. Each version is read by its own names only: a team may add
    /// claims of any name to its tokens, and those of the other version would be such.
    pub(super) fn organization(&self, payload: &str) -> Result<Option<SessionOrganization>, JsonError> {
        match self.v {
            None | Some(1) => Ok(json::read_part::<Version1>(payload)?.organization()),
            Some(2) => Ok(json::read_part::<Version2>(payload)?.organization()),
            Some(_) => Err(JsonError::at("v", "is a version that is not known")),
        }
    }
}

impl Version1 {
    fn organization(self) -> Option<SessionOrganization> {
        let role = self.role.unwrap_or_default();
        let permissions = self.permissions.unwrap_or_default();
        Some(SessionOrganization {
            id: self.id?,
            slug: self.slug.unwrap_or_default(),
            role: MemberRole::of(&role, permissions.iter().map(String::as_str)),
        })
    }
}

impl Version2 {
    fn organization(self) -> Option<SessionOrganization> {
        let active = self.o?;
        let of = |part: &Option<String>| part.clone().unwrap_or_default();
        let permissions = permissions(&of(&self.fea), &of(&active.per), &of(&active.fpm));
        Some(SessionOrganization {
            role: MemberRole::of(&of(&active.rol), permissions.iter().map(String::as_str)),
            slug: of(&active.slg),
            id: active.id,
        })
    }
}

/// The permissions of version 2. `features` are `scope:feature`, of which those of the organization have an `o` in
/// their scope; `masks` says for each of these, in the same order, which of the `names` apply. All three are lists
/// with commas. What is not of that form gives no permission.
fn permissions(features: &str, names: &str, masks: &str) -> Vec<String> {
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let mut of_organization = Vec::new();
    for element in features
        .split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
    {
        // One that is not understood could shift the masks of those behind it.
        let Some((scope, feature)) = element.split_once(':') else {
            return Vec::new();
        };
        if scope.contains('o') {
            of_organization.push(feature);
        }
    }
    let mut permissions = Vec::new();
    for (feature, mask) in of_organization.into_iter().zip(masks.split(',').map(str::trim)) {
        let bits = low_bits(mask, names.len());
        for (index, name) in names.iter().enumerate() {
            let applies = bits
                .get(index / 8)
                .is_some_and(|byte| byte >> (index % 8) & 1 == 1);
            if applies && !name.is_empty() {
                permissions.push(format!("org:{feature}:{name}"));
            }
        }
    }
    permissions
}

/// The lowest `count` bits (rounded up to whole bytes, least significant first) of a decimal number of any size: with
/// some 50 permissions it is beyond what a JavaScript number can hold, with more than 128 beyond any of ours. Nothing
/// for what is no such number.
fn low_bits(decimal: &str, count: usize) -> Vec<u8> {
    if decimal.is_empty() || !decimal.bytes().all(|digit| digit.is_ascii_digit()) {
        return Vec::new();
    }
    let mut bytes = vec![0_u8; count.div_ceil(8)];
    for digit in decimal.bytes() {
        let mut carry = digit - b'0';
        for byte in &mut bytes {
            [*byte, carry] = (u16::from(*byte) * 10 + u16::from(carry)).to_le_bytes();
        }
        // What is carried out of the last byte is above the bits that are asked for.
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn organization(payload: &Value) -> Result<Option<SessionOrganization>, JsonError> {
        let payload = payload.to_string();
        Claims::read(&payload)?.organization(&payload)
    }

    fn role(payload: &Value) -> MemberRole {
        organization(payload)
            .expect("readable")
            .expect("an organization")
            .role
    }

    #[test]
    fn the_example_of_clerks_documentation_gives_its_permissions() {
        assert_eq!(
            permissions("o:dashboard,o:teams", "manage,read", "3,2"),
            ["org:dashboard:manage", "org:dashboard:read", "org:teams:read"]
        );
    }

    #[test]
    fn a_mask_belongs_to_a_feature_of_the_organization_and_to_no_other() {
        assert_eq!(
            permissions("u:mine, o:ours ,uo:both,u:more,ou:last", "a, b", " 1,2,3"),
            ["org:ours:a", "org:both:b", "org:last:a", "org:last:b"]
        );
        assert_eq!(
            permissions("o:one,o:two", "a", "1"),
            ["org:one:a"],
            "no mask, no permission"
        );
        assert_eq!(
            permissions("o:one", "a", "1,1"),
            ["org:one:a"],
            "no feature, no permission"
        );
        assert_eq!(
            permissions("o:one", "a", "7"),
            ["org:one:a"],
            "no name, no permission"
        );
    }

    #[test]
    fn what_is_malformed_gives_no_permission() {
        for mask in ["", "x", "0x1", "-1", "+1", "1.0", "1e0", "1 1", "١"] {
            assert_eq!(
                permissions("o:one,o:two", "a", &format!("{mask},1")),
                ["org:two:a"],
                "{mask}"
            );
        }
        for (features, names, masks) in [
            ("", "a", "1"),
            ("o:one", "", "1"),
            ("o:one", "a", ""),
            ("one,o:two", "a", "1,1"),
        ] {
            assert_eq!(
                permissions(features, names, masks),
                [""; 0],
                "{features} {names} {masks}"
            );
        }
    }

    #[test]
    fn masks_of_any_size_are_exact() {
        let names: Vec<String> = (0..=200).map(|index| format!("p{index}")).collect();
        let names = names.join(",");
        for (mask, indexes) in [
            // 2^53 + 1, which no double can hold
            ("9007199254740993", vec![0, 53]),
            // 2^64, 2^128 and 2^130 + 1
            ("18446744073709551616", vec![64]),
            ("340282366920938463463374607431768211456", vec![128]),
            ("1361129467683753853853498429727072845825", vec![0, 130]),
        ] {
            let expected: Vec<_> = indexes.iter().map(|index| format!("org:f:p{index}")).collect();
            assert_eq!(permissions("o:f", &names, mask), expected, "{mask}");
        }
        // More bits than names: those without a name are nothing, and push no other out of its place.
        assert_eq!(
            permissions("o:f", "a,b", "1361129467683753853853498429727072845826"),
            ["org:f:b"]
        );
    }

    #[test]
    fn an_organization_is_read_in_both_versions() {
        let expected = SessionOrganization {
            id: "org_1".to_owned(),
            slug: "acme".to_owned(),
            role: MemberRole::Admin,
        };
        let first = json!({ "org_id": "org_1", "org_slug": "acme", "org_role": "org:admin" });
        let second = json!({ "v": 2, "o": { "id": "org_1", "slg": "acme", "rol": "admin" } });
        assert_eq!(organization(&first), Ok(Some(expected.clone())));
        assert_eq!(organization(&second), Ok(Some(expected)));
        assert_eq!(organization(&json!({})), Ok(None));
        assert_eq!(organization(&json!({ "v": 2 })), Ok(None));
        let bare = organization(&json!({ "v": 2, "o": { "id": "org_1" } }))
            .expect("readable")
            .expect("one");
        assert_eq!((bare.slug.as_str(), bare.role), ("", MemberRole::Member));
    }

    #[test]
    fn the_claims_of_the_other_version_are_nothing() {
        let second = json!({ "v": 2, "org_id": "org_1", "org_role": "org:admin" });
        assert_eq!(organization(&second), Ok(None));
        let first = json!({ "o": { "id": "org_1", "rol": "admin" } });
        assert_eq!(organization(&first), Ok(None));
        let odd = json!({ "v": 2, "org_permissions": 7, "o": { "id": "org_1", "rol": "member" } });
        assert_eq!(role(&odd), MemberRole::Member);
        assert!(organization(&json!({ "v": 3, "org_id": "org_1" })).is_err());
    }

    #[test]
    fn the_permission_makes_an_admin_of_any_role() {
        let second = |mask: &str| {
            json!({
                "v": 2,
                "fea": "u:profile,o:other,o:infragpt",
                "o": { "id": "org_1", "rol": "oncall", "per": "read,manage", "fpm": format!("3,{mask}") },
            })
        };
        assert_eq!(role(&second("2")), MemberRole::Admin);
        assert_eq!(role(&second("1")), MemberRole::Member);
        assert_eq!(role(&second("x")), MemberRole::Member);
        let first = |permission: &str| json!({ "org_id": "org_1", "org_role": "org:oncall", "org_permissions": [permission] });
        assert_eq!(role(&first("org:infragpt:manage")), MemberRole::Admin);
        assert_eq!(role(&first("org:infragpt:manager")), MemberRole::Member);
    }

    #[test]
    fn an_organization_is_shown_by_its_id() {
        let acme = organization(&json!({ "org_id": "org_1", "org_slug": "acme" })).expect("readable");
        let shown = format!("{acme:?}");
        assert!(shown.contains("org_1") && !shown.contains("acme"), "{shown}");
    }

    proptest! {
        #[test]
        fn a_mask_is_the_number_that_it_says(mask: u128) {
            let bits = low_bits(&mask.to_string(), 128);
            prop_assert_eq!(bits, mask.to_le_bytes());
        }

        #[test]
        fn any_lists_are_read(features in "[ou:a,]{0,40}", names in "[ab, ]{0,20}", masks in "[0-9x,]{0,60}") {
            for permission in permissions(&features, &names, &masks) {
                prop_assert!(permission.starts_with("org:"));
            }
        }
    }
}
