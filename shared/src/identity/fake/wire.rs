//! What the fake writes, as Clerk does: with more than anybody uses, and with what is nobody's business.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{INSTANCE_ID, Membership, Organization, Session, User};

/// A webhook's body. Source: <https://clerk.com/docs/guides/development/webhooks/overview>.
pub(super) fn event(kind: &str, data: &Value, at: i64) -> Value {
    json!({
        "data": data,
        "event_attributes": {"http_request": {"client_ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11; Linux)"}},
        "instance_id": INSTANCE_ID,
        "object": "event",
        "timestamp": at,
        "type": kind,
    })
}

pub(super) fn user(id: &str, user: &User) -> Value {
    let emails: Vec<Value> = user
        .emails
        .iter()
        .map(|(id, email)| {
            json!({
                "id": id, "object": "email_address", "email_address": email, "linked_to": [],
                "verification": {"status": "verified", "strategy": "email_code"},
            })
        })
        .collect();
    json!({
        "id": id,
        "object": "user",
        "username": null,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "image_url": user.image_url,
        "has_image": false,
        "primary_email_address_id": user.primary_email,
        "primary_phone_number_id": null,
        "email_addresses": emails,
        "phone_numbers": [],
        "external_accounts": [],
        "external_id": null,
        "password_enabled": true,
        "two_factor_enabled": false,
        "banned": false,
        "locked": false,
        "public_metadata": {},
        "private_metadata": {"note": "nobody's business"},
        "unsafe_metadata": user.unsafe_metadata,
        "last_sign_in_at": null,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    })
}

pub(super) fn organization(id: &str, organization: &Organization) -> Value {
    let mut wire = json!({
        "id": id,
        "object": "organization",
        "name": organization.name,
        "slug": organization.slug,
        "image_url": "https://img.clerk.example/organization",
        "has_image": false,
        "max_allowed_memberships": 5,
        "admin_delete_enabled": true,
        "public_metadata": {},
        "private_metadata": {"note": "nobody's business"},
        "created_at": organization.created_at,
        "updated_at": organization.updated_at,
    });
    if let Some(creator) = &organization.created_by {
        wire["created_by"] = creator.as_str().into();
    }
    wire
}

pub(super) fn membership(
    membership: &Membership,
    permissions: Option<&BTreeSet<String>>,
    (organization_id, organization): (&str, &Organization),
    (user_id, user): (&str, &User),
) -> Value {
    let identifier = user
        .emails
        .iter()
        .find(|(id, _)| Some(id) == user.primary_email.as_ref());
    json!({
        "id": membership.id,
        "object": "organization_membership",
        "role": membership.role,
        "permissions": permissions.cloned().unwrap_or_default(),
        "public_metadata": {},
        "private_metadata": {"note": "nobody's business"},
        "organization": self::organization(organization_id, organization),
        "public_user_data": {
            "user_id": user_id,
            "identifier": identifier.map(|(_, email)| email),
            "first_name": user.first_name,
            "last_name": user.last_name,
            "image_url": user.image_url,
            "has_image": false,
        },
        "created_at": membership.created_at,
        "updated_at": membership.updated_at,
    })
}

pub(super) fn session(id: &str, session: &Session, status: &str, at: i64) -> Value {
    const DAY: i64 = 24 * 3600 * 1000;
    json!({
        "id": id,
        "object": "session",
        "client_id": "client_2fake",
        "user_id": session.user,
        "status": status,
        "actor": null,
        "last_active_at": at,
        "expire_at": session.created_at + 7 * DAY,
        "abandon_at": session.created_at + 30 * DAY,
        "created_at": session.created_at,
        "updated_at": at,
    })
}

pub(super) fn deleted(object: &str, id: &str) -> Value {
    json!({"id": id, "object": object, "deleted": true})
}
