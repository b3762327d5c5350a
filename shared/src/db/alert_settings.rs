//! What becomes of an organization's alerts.

use sql::{client::Params as _, queries::alert_settings as statements};

use super::{DbError, Transaction, alerts::severity, changed};
use crate::{clock::Timestamp, id::OrganizationId, task::AlertSeverity};

/// What an organization has decided, and how it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// The channel that alerts are posted in; none for nowhere.
    pub slack_channel_id: Option<String>,
    /// The least severity that is posted.
    pub minimum_severity: AlertSeverity,
    /// Why Slack did not take the last alert in that channel, as a code such as `not_in_channel`; none where it did.
    pub undelivered_reason: Option<String>,
    /// Since when it has not.
    pub undelivered_at: Option<Timestamp>,
    /// When it was last set.
    pub updated_at: Timestamp,
}

/// What an organization has decided; none where nobody has.
#[tracing::instrument(name = "db.alert_settings.find", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn find(db: &Transaction<'_>, scope: OrganizationId) -> Result<Option<AlertSettings>, DbError> {
    let row = statements::find().bind(db.client, &scope.uuid()).opt().await?;
    row.map(|row| {
        Ok(AlertSettings {
            slack_channel_id: row.slack_channel_id,
            minimum_severity: severity("alert_settings", "minimum_severity", &row.minimum_severity)?,
            undelivered_reason: row.undelivered_reason,
            undelivered_at: row.undelivered_at,
            updated_at: row.updated_at,
        })
    })
    .transpose()
}

/// Decides, in place of what was decided before.
#[tracing::instrument(name = "db.alert_settings.upsert", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    slack_channel_id: Option<&str>,
    minimum_severity: AlertSeverity,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpsertParams {
        organization_id: scope.uuid(),
        slack_channel_id,
        minimum_severity: minimum_severity.as_str(),
        now,
    };
    changed(statements::upsert().params(db.client, &params).opt().await?)
}

/// Notes why Slack did not take an alert in a channel, or none where it did. False where that is no news, or another
/// channel was chosen meanwhile.
#[tracing::instrument(name = "db.alert_settings.update_delivery", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn update_delivery(
    db: &Transaction<'_>,
    scope: OrganizationId,
    slack_channel_id: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateDeliveryParams {
        undelivered_reason: reason,
        now,
        organization_id: scope.uuid(),
        slack_channel_id,
    };
    let row = statements::update_delivery()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}
