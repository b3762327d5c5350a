//! The record of who did what. It can be added to and read, not changed: the application's role may do no more.

use serde_json::Value;
use sql::{client::Params as _, queries::audit_events as statements};
use uuid::Uuid;

use super::{DbError, Transaction, changed};
use crate::{
    clock::Timestamp,
    id::{AuditEventId, OrganizationId},
};

/// What came of something that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// Whoever tried it may not.
    Refused,
    /// It could not be done.
    Failed,
}

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Succeeded, Self::Refused, Self::Failed];

    /// The word as it stands in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<Self, DbError> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
            .ok_or_else(|| DbError::corrupt("audit_events", "outcome", "an unknown word"))
    }
}

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
    /// What came of it.
    pub outcome: Outcome,
    /// Further facts by name, as a JSON object; never a secret and never what somebody said.
    pub details: Value,
    /// The request or delivery that caused it.
    pub request_id: Option<String>,
    /// The network address that the request came from.
    pub address: Option<String>,
    /// When it was done.
    pub at: Timestamp,
}

/// Adds to the record; belongs into the transaction of what it records.
#[tracing::instrument(name = "db.audit_events.insert", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn insert(db: &Transaction<'_>, scope: OrganizationId, event: &AuditEvent) -> Result<(), DbError> {
    let params = statements::InsertParams {
        audit_event_id: Uuid::from(event.id),
        organization_id: scope.uuid(),
        actor: event.actor.as_str(),
        action: event.action.as_str(),
        subject: event.subject.as_str(),
        outcome: event.outcome.as_str(),
        details: &event.details,
        request_id: event.request_id.as_deref(),
        address: event.address.as_deref(),
        now: event.at,
    };
    changed(statements::insert().params(db.client, &params).opt().await?)
}

/// A place in the record: before the entry that was made then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When that entry was made.
    pub at: Timestamp,
    /// Its id.
    pub id: AuditEventId,
}

/// Which entries to list; what is absent does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Who did it.
    pub actor: Option<&'a str>,
    /// What was done.
    pub action: Option<&'a str>,
    /// What it was done to.
    pub subject: Option<&'a str>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// At most `count` entries of an organization's record, newest first, from behind a place.
#[tracing::instrument(name = "db.audit_events.list", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn list(
    db: &Transaction<'_>,
    scope: OrganizationId,
    filter: Filter<'_>,
    before: Option<Place>,
    count: i64,
) -> Result<Vec<AuditEvent>, DbError> {
    let before = before.unwrap_or(Place {
        at: Timestamp::MAX_UTC,
        id: AuditEventId::NIL,
    });
    let params = statements::ListParams {
        organization_id: scope.uuid(),
        since: filter.since.unwrap_or(Timestamp::UNIX_EPOCH),
        until: filter.until.unwrap_or(Timestamp::MAX_UTC),
        before_created_at: before.at,
        before_audit_event_id: Uuid::from(before.id),
        actor: filter.actor,
        action: filter.action,
        subject: filter.subject,
        outcome: filter.outcome.map(Outcome::as_str),
        count,
    };
    let rows = statements::list().params(db.client, &params).all().await?;
    rows.into_iter()
        .map(|row| {
            Ok(AuditEvent {
                id: row.audit_event_id.into(),
                actor: row.actor,
                action: row.action,
                subject: row.subject,
                outcome: Outcome::parse(&row.outcome)?,
                details: row.details,
                request_id: row.request_id,
                address: row.address,
                at: row.created_at,
            })
        })
        .collect()
}
