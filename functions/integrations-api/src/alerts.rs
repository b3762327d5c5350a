//! `POST /integrations/alerts`, and `GET` and `POST /integrations/alerts/settings`: incidents and alerts of third parties,
//! and what becomes of them.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    auth::{Admin, Member},
    db::{
        alert_settings::{self, AlertSettings},
        alerts::{self, Filter, Place},
        audit_events,
    },
    http::{
        error::{ApiError, Problem},
        input::Input,
        output::rfc3339,
        page::{self, Moment},
    },
    id::AlertId,
    task::{AlertSeverity, AlertState},
};
use utoipa::ToSchema;

use crate::{App, view};

/// Slack's ids of channels are shorter.
const LONGEST_CHANNEL: usize = 32;

/// Which alerts to list; what is absent does not matter.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AlertsQuery {
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at the most, 1 to 200; 50 when it is not said.
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only those that this connection told of.
    integration_id: Option<String>,
    /// Only those that stand there.
    #[schema(value_type = Option<AlertStateWord>)]
    state: Option<String>,
}

/// Where an alert stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes the words that stand in answers")]
pub(crate) enum AlertStateWord {
    /// Nobody has it yet.
    Triggered,
    /// Somebody is on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// How bad an alert is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes the words that stand in answers")]
pub(crate) enum AlertSeverityWord {
    /// Somebody has to act at once.
    Critical,
    /// Somebody has to act.
    High,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Info,
}

/// Alerts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alerts {
    /// The alerts.
    alerts: Vec<AlertView>,
    /// What to send as `cursor` for the next page; null when there is none.
    next_cursor: Option<String>,
}

/// An incident or alert, as it last stood.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertView {
    /// Its id.
    id: String,
    /// The connection that told of it.
    #[schema(format = Uuid)]
    integration_id: String,
    /// The third party's id of it.
    dedupe_key: String,
    /// How bad it is.
    #[schema(value_type = AlertSeverityWord)]
    severity: &'static str,
    /// Where it stands.
    #[schema(value_type = AlertStateWord)]
    state: &'static str,
    /// What people call it.
    title: String,
    /// What it is about; null where nothing is named.
    service: Option<String>,
    /// Its page; null where there is none.
    url: Option<String>,
    /// When it last changed, by the third party's clock.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When we first heard of it.
    #[schema(format = DateTime)]
    created_at: String,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct Cursor {
    at: Moment,
    id: AlertId,
}

/// Incidents and alerts of third parties that are connected.
#[utoipa::path(
    post, path = "/integrations/alerts", tag = "integrations", request_body = AlertsQuery,
    responses(
        (status = 200, description = "A page of alerts.", body = Alerts),
        (status = 404, description = "There is no such connection.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.alerts", skip_all)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Member(caller): Member,
    Input(asked): Input<AlertsQuery>,
) -> Result<Json<Alerts>, ApiError> {
    let limit = page::limit(asked.limit)?;
    let before = page::cursor::<Cursor>(asked.cursor.as_deref())?.map(|cursor| Place {
        at: cursor.at.0,
        id: cursor.id,
    });
    let named = view::named_if_any(asked.integration_id.as_deref())?;
    let state = page::word(
        "state",
        asked.state.as_deref(),
        &AlertState::ALL,
        AlertState::as_str,
    )?;

    let mut db = app.integrations.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    let integration = view::there(&caller, &tx, named).await?;
    let filter = Filter { state, integration };
    let found = alerts::list(&tx, caller.organization, filter, before, limit.and_one()).await?;
    drop(tx);

    let (found, next_cursor) = limit.page(found, |last| Cursor {
        at: Moment(last.created_at),
        id: last.id,
    });
    let alerts = found
        .into_iter()
        .map(|stored| AlertView {
            id: stored.id.to_string(),
            integration_id: stored.integration.uuid().to_string(),
            dedupe_key: stored.alert.dedupe_key,
            severity: stored.alert.severity.as_str(),
            state: stored.alert.state.as_str(),
            title: stored.alert.title,
            service: stored.alert.service,
            url: stored.alert.url,
            updated_at: rfc3339(stored.alert.updated_at),
            created_at: rfc3339(stored.created_at),
        })
        .collect();
    Ok(Json(Alerts { alerts, next_cursor }))
}

/// What becomes of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsView {
    /// The channel in Slack that they are posted in; null for none.
    slack_channel_id: Option<String>,
    /// The least severity that is posted.
    #[schema(value_type = AlertSeverityWord)]
    minimum_severity: &'static str,
    /// Why Slack did not take the last one in that channel, as a code such as `not_in_channel`; null where it did.
    undelivered_reason: Option<String>,
    /// Since when it has not.
    #[schema(format = DateTime)]
    undelivered_at: Option<String>,
}

impl From<Option<AlertSettings>> for SettingsView {
    fn from(settings: Option<AlertSettings>) -> Self {
        let Some(settings) = settings else {
            return Self {
                slack_channel_id: None,
                minimum_severity: AlertSeverity::Info.as_str(),
                undelivered_reason: None,
                undelivered_at: None,
            };
        };
        Self {
            slack_channel_id: settings.slack_channel_id,
            minimum_severity: settings.minimum_severity.as_str(),
            undelivered_reason: settings.undelivered_reason,
            undelivered_at: settings.undelivered_at.map(rfc3339),
        }
    }
}

/// What becomes of alerts.
#[utoipa::path(
    get, path = "/integrations/alerts/settings", tag = "integrations",
    responses((status = 200, description = "What becomes of alerts.", body = SettingsView)),
)]
#[tracing::instrument(name = "integrations.alert_settings", skip_all)]
pub(crate) async fn settings(
    State(app): State<Arc<App>>,
    Member(caller): Member,
) -> Result<Json<SettingsView>, ApiError> {
    let mut db = app.integrations.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    let found = alert_settings::find(&tx, caller.organization).await?;
    drop(tx);
    Ok(Json(found.into()))
}

/// What is to become of alerts.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SettingsQuery {
    /// The organization, ours or Clerk's id; must be the caller's.
    organization_id: Option<String>,
    /// The channel in Slack that they are posted in, `C…` or `G…`, of which our app must be a member; blank or absent for
    /// none.
    slack_channel_id: Option<String>,
    /// The least severity that is posted; all when it is not said.
    #[schema(value_type = Option<AlertSeverityWord>)]
    minimum_severity: Option<String>,
}

/// Decides what becomes of alerts, in the place of what was decided before.
#[utoipa::path(
    post, path = "/integrations/alerts/settings", tag = "integrations", request_body = SettingsQuery,
    responses(
        (status = 200, description = "What becomes of alerts now.", body = SettingsView),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 404, description = "The organization is not the caller's.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.set_alert_settings", skip_all)]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Input(asked): Input<SettingsQuery>,
) -> Result<Json<SettingsView>, ApiError> {
    view::own(&caller, asked.organization_id.as_deref(), None)?;
    let channel = page::text(
        "slack_channel_id",
        asked.slack_channel_id.as_deref(),
        LONGEST_CHANNEL,
    )?;
    if channel.is_some_and(|id| !is_channel(id)) {
        return Err(ApiError::invalid(
            "slack_channel_id",
            "must be a channel's ID, such as C0123456789; Slack shows it at the end of the channel's details",
        ));
    }
    let severity = page::word(
        "minimum_severity",
        asked.minimum_severity.as_deref(),
        &AlertSeverity::ALL,
        AlertSeverity::as_str,
    )?
    .unwrap_or(AlertSeverity::Info);

    let now = app.integrations.clock.now();
    let actor = caller.user.to_string();
    let details = json!({ "slack_channel_id": channel, "minimum_severity": severity.as_str() });
    let entry = caller.cause(&actor).entry(
        &app.integrations.ids,
        "alerts.configured",
        caller.organization,
        details,
        now,
    );
    let mut db = app.integrations.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    alert_settings::upsert(&tx, caller.organization, channel, severity, now).await?;
    audit_events::insert(&tx, caller.organization, &entry).await?;
    let found = alert_settings::find(&tx, caller.organization).await?;
    tx.commit().await?;
    Ok(Json(found.into()))
}

/// Source: <https://docs.slack.dev/reference/objects/conversation-object>.
fn is_channel(id: &str) -> bool {
    let mut letters = id.chars();
    matches!(letters.next(), Some('C' | 'G'))
        && id.len() > 1
        && letters.all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
}
