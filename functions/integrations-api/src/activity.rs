//! `POST /integrations/activity`: what happened at third parties that are connected.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use shared::{
    auth::Member,
    db::integration_activities::{self, Filter, Place},
    http::{
        error::{ApiError, Problem},
        input::Input,
        output::rfc3339,
        page::{self, Moment},
    },
    id::ActivityId,
};
use utoipa::ToSchema;

use crate::{App, view};

/// The longest name that is looked for.
const LONGEST_SUBJECT: usize = 300;

/// Which activities to list; what is absent does not matter.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ActivityQuery {
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at the most, 1 to 200; 50 when it is not said.
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only what this connection told of.
    integration_id: Option<String>,
    /// Only what happened to this, such as `owner/repository`.
    subject: Option<String>,
}

/// Things that happened, newest first. They are kept for a limited time, and a limited number for each subject.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Activities {
    /// The activities.
    activities: Vec<ActivityView>,
    /// What to send as `cursor` for the next page; null when there is none.
    next_cursor: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityView {
    /// Its id.
    id: String,
    /// The connection that told of it.
    #[schema(format = Uuid)]
    integration_id: String,
    /// What it is, in the third party's word, such as `pull_request`.
    kind: String,
    /// What became of it, in the third party's word, such as `opened`; blank where there is none.
    action: String,
    /// The third party's id of what it happened to.
    subject_id: String,
    /// Name of what it happened to.
    subject: String,
    /// What people call it.
    title: String,
    /// Who did it; null where nobody is named.
    actor: Option<String>,
    /// Its page; null where there is none.
    url: Option<String>,
    /// When it happened, by the third party's clock.
    #[schema(format = DateTime)]
    occurred_at: String,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct Cursor {
    at: Moment,
    id: ActivityId,
}

/// What happened at third parties that are connected.
#[utoipa::path(
    post, path = "/integrations/activity", tag = "integrations", request_body = ActivityQuery,
    responses(
        (status = 200, description = "A page of what happened.", body = Activities),
        (status = 404, description = "There is no such connection.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.activity", skip_all)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Member(caller): Member,
    Input(asked): Input<ActivityQuery>,
) -> Result<Json<Activities>, ApiError> {
    let limit = page::limit(asked.limit)?;
    let before = page::cursor::<Cursor>(asked.cursor.as_deref())?.map(|cursor| Place {
        at: cursor.at.0,
        id: cursor.id,
    });
    let named = view::named_if_any(asked.integration_id.as_deref())?;
    let subject = page::text("subject", asked.subject.as_deref(), LONGEST_SUBJECT)?;

    let mut db = app.integrations.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    let integration = view::there(&caller, &tx, named).await?;
    let filter = Filter { integration, subject };
    let found =
        integration_activities::list(&tx, caller.organization, filter, before, limit.and_one()).await?;
    drop(tx);

    let (found, next_cursor) = limit.page(found, |last| Cursor {
        at: Moment(last.occurred_at),
        id: last.id,
    });
    let activities = found
        .into_iter()
        .map(|activity| ActivityView {
            id: activity.id.to_string(),
            integration_id: activity.integration.uuid().to_string(),
            kind: activity.kind,
            action: activity.action,
            subject_id: activity.subject_id,
            subject: activity.subject,
            title: activity.title,
            actor: activity.actor,
            url: activity.url,
            occurred_at: rfc3339(activity.occurred_at),
        })
        .collect();
    Ok(Json(Activities {
        activities,
        next_cursor,
    }))
}
