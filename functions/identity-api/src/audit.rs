//! `POST /identity/audit`: the record of who did what in the caller's organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    auth::Admin,
    db::audit_events::{self, Filter, Outcome, Place},
    http::{
        error::{ApiError, Problem},
        input::Input,
        output::rfc3339,
        page::{self, Moment},
    },
    id::AuditEventId,
};
use utoipa::ToSchema;

use crate::App;

/// The longest word that is looked for.
const LONGEST_WORD: usize = 200;

/// Which entries to list; what is absent does not matter.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AuditQuery {
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at the most, 1 to 200; 50 when it is not said.
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Who did it: `usr_…`, or the name of a function.
    actor: Option<String>,
    /// What was done, such as `organization.described`.
    action: Option<String>,
    /// What it was done to, such as `int_…`.
    subject: Option<String>,
    /// What came of it.
    #[schema(value_type = Option<AuditOutcome>)]
    outcome: Option<String>,
    /// From this time on, in RFC 3339.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Before this time, in RFC 3339.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// What came of something that was tried.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes the words that stand in answers")]
pub(crate) enum AuditOutcome {
    /// It was done.
    Succeeded,
    /// Whoever tried it may not.
    Refused,
    /// It could not be done.
    Failed,
}

/// Entries of the record, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEvents {
    /// The entries.
    events: Vec<AuditEventView>,
    /// What to send as `cursor` for the next page; null when there is none.
    next_cursor: Option<String>,
}

/// An entry of the record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEventView {
    /// Its id.
    id: String,
    /// Who did it: `usr_…`, or the name of the function that acted by itself.
    actor: String,
    /// What was done, as `area.verb`.
    action: String,
    /// What it was done to.
    subject: String,
    /// What came of it.
    #[schema(value_type = AuditOutcome)]
    outcome: &'static str,
    /// Further facts by name.
    #[schema(value_type = Object)]
    details: Value,
    /// The request or delivery that caused it.
    request_id: Option<String>,
    /// The network address that the request came from.
    address: Option<String>,
    /// When it was done.
    #[schema(format = DateTime)]
    at: String,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct Cursor {
    at: Moment,
    id: AuditEventId,
}

/// The record of who did what in the caller's organization.
#[utoipa::path(
    post, path = "/identity/audit", tag = "identity", request_body = AuditQuery,
    responses(
        (status = 200, description = "A page of the record.", body = AuditEvents),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "identity.audit", skip_all)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Input(asked): Input<AuditQuery>,
) -> Result<Json<AuditEvents>, ApiError> {
    let limit = page::limit(asked.limit)?;
    let before = page::cursor::<Cursor>(asked.cursor.as_deref())?.map(|cursor| Place {
        at: cursor.at.0,
        id: cursor.id,
    });
    let filter = Filter {
        actor: page::text("actor", asked.actor.as_deref(), LONGEST_WORD)?,
        action: page::text("action", asked.action.as_deref(), LONGEST_WORD)?,
        subject: page::text("subject", asked.subject.as_deref(), LONGEST_WORD)?,
        outcome: page::word(
            "outcome",
            asked.outcome.as_deref(),
            &Outcome::ALL,
            Outcome::as_str,
        )?,
        since: page::time("since", asked.since.as_deref())?,
        until: page::time("until", asked.until.as_deref())?,
    };

    let mut db = app.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    let found = audit_events::list(&tx, caller.organization, filter, before, limit.and_one()).await?;
    drop(tx);

    let (found, next_cursor) = limit.page(found, |last| Cursor {
        at: Moment(last.at),
        id: last.id,
    });
    let events = found
        .into_iter()
        .map(|event| AuditEventView {
            id: event.id.to_string(),
            actor: event.actor,
            action: event.action,
            subject: event.subject,
            outcome: event.outcome.as_str(),
            details: event.details,
            request_id: event.request_id,
            address: event.address,
            at: rfc3339(event.at),
        })
        .collect();
    Ok(Json(AuditEvents { events, next_cursor }))
}
