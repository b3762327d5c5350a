//! The record of who did what. It can be added to and read, not changed: the application's role may do no more.

use serde_json::Value;
use sql::{client::Params as _, queries::audit_events as statements};
use uuid::Uuid;

use super::{DbError, Transaction, changed};
use crate::{
    clock::Timestamp,
    id::{AuditEventId, OrganizationId},
};

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditEventId,
    /// Who did it: a person's id, or the function that acted by itself.
    pub actor: String,
    /// What was done, as `area.verb` in the past tense.
    pub action: String,
    /// What it was done to, as a prefixed id.
    pub subject: String,
    /// Further facts by name, as a JSON object; never a secret and never what somebody said.
    pub details: Value,
    /// The request or delivery that caused it.
    pub request_id: Option<String>,
    /// When it was done.
    pub at: Timestamp,
}

/// Adds to the record.
#[tracing::instrument(name = "db.audit_events.insert", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn insert(db: &Transaction<'_>, scope: OrganizationId, event: &AuditEvent) -> Result<(), DbError> {
    let params = statements::InsertParams {
        audit_event_id: Uuid::from(event.id),
        organization_id: scope.uuid(),
        actor: event.actor.as_str(),
        action: event.action.as_str(),
        subject: event.subject.as_str(),
        details: &event.details,
        request_id: event.request_id.as_deref(),
        now: event.at,
    };
    changed(statements::insert().params(db.client, &params).opt().await?)
}

/// The last `count` entries of an organization's record, newest first.
#[tracing::instrument(name = "db.audit_events.list", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn list(
    db: &Transaction<'_>,
    scope: OrganizationId,
    count: i64,
) -> Result<Vec<AuditEvent>, DbError> {
    let params = statements::ListParams {
        organization_id: scope.uuid(),
        count,
    };
    let rows = statements::list().params(db.client, &params).all().await?;
    Ok(rows
        .into_iter()
        .map(|row| AuditEvent {
            id: row.audit_event_id.into(),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            details: row.details,
            request_id: row.request_id,
            at: row.created_at,
        })
        .collect())
}
