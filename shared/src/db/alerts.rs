//! Incidents and alerts as they last stood, and whether Slack was told.
//!
//! Who tells Slack claims the right to first ([`claim_posting`]), says with it in which channel, and gives it back with
//! what became of it: [`update_posted`], [`update_unposted`], or [`release_posting`] where that is not known. Whoever
//! finds that somebody did not give it back looks in the channel before posting again.

use sql::{client::Params as _, queries::alerts as statements};

use super::{DbError, Transaction};
use crate::{
    clock::Timestamp,
    id::{AlertId, IntegrationId, OrganizationId},
    task::{Alert, AlertSeverity, AlertState},
};

/// An alert as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAlert {
    /// Its id.
    pub id: AlertId,
    /// The connection that told of it.
    pub integration: IntegrationId,
    /// As it stands.
    pub alert: Alert,
    /// The channel that it is posted in; none while nobody has begun to.
    pub channel: Option<String>,
    /// The message that tells of it; none while it is not known to be posted.
    pub message_ts: Option<String>,
    /// What the message says of its state.
    pub posted_state: Option<AlertState>,
    /// As of when the message tells of it, by the third party's clock.
    pub posted_updated_at: Option<Timestamp>,
    /// How often it was begun to tell Slack without its being known how that ended.
    pub posting_attempts: i32,
    /// Why Slack did not take what it last became, as a code.
    pub undelivered_reason: Option<String>,
    /// When we first heard of it.
    pub created_at: Timestamp,
    /// When it was last changed here.
    pub updated_at: Timestamp,
}

impl TryFrom<statements::Alert> for StoredAlert {
    type Error = DbError;

    fn try_from(row: statements::Alert) -> Result<Self, DbError> {
        Ok(Self {
            id: row.alert_id.into(),
            integration: row.integration_id.into(),
            alert: Alert {
                dedupe_key: row.dedupe_key,
                severity: severity("alerts", "severity", &row.severity)?,
                state: state("state", &row.state)?,
                title: row.title,
                service: row.service,
                url: row.url,
                updated_at: row.source_updated_at,
            },
            channel: row.slack_channel_id,
            message_ts: row.slack_message_ts,
            posted_state: row
                .posted_state
                .map(|word| state("posted_state", &word))
                .transpose()?,
            posted_updated_at: row.posted_updated_at,
            posting_attempts: row.posting_attempts,
            undelivered_reason: row.undelivered_reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(super) fn severity(
    table: &'static str,
    column: &'static str,
    word: &str,
) -> Result<AlertSeverity, DbError> {
    let mut all = AlertSeverity::ALL.into_iter();
    all.find(|severity| severity.as_str() == word)
        .ok_or_else(|| DbError::corrupt(table, column, "an unknown word"))
}

fn state(column: &'static str, word: &str) -> Result<AlertState, DbError> {
    let mut all = AlertState::ALL.into_iter();
    all.find(|state| state.as_str() == word)
        .ok_or_else(|| DbError::corrupt("alerts", column, "an unknown word"))
}

/// What became of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upserted {
    /// The alert was not known before.
    Created,
    /// It is not as it was.
    Changed,
    /// What is known of it is as new or newer, or its connection has ended.
    Unchanged,
}

/// Takes what a third party tells of an alert, by way of a connection that has not ended, unless what is known of it is
/// newer. `id` is for one that is not known yet; it is kept until `expires_at`.
#[tracing::instrument(name = "db.alerts.upsert", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    id: AlertId,
    alert: &Alert,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<Upserted, DbError> {
    let params = statements::UpsertParams {
        alert_id: id.uuid(),
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        dedupe_key: alert.dedupe_key.as_str(),
        severity: alert.severity.as_str(),
        state: alert.state.as_str(),
        title: alert.title.as_str(),
        service: alert.service.as_deref(),
        url: alert.url.as_deref(),
        source_updated_at: alert.updated_at,
        expires_at,
        now,
    };
    Ok(
        match statements::upsert().params(db.client, &params).opt().await? {
            Some(true) => Upserted::Created,
            Some(false) => Upserted::Changed,
            None => Upserted::Unchanged,
        },
    )
}

/// An alert by the third party's id of it, unless its connection has ended; its row stays locked until the transaction
/// ends.
#[tracing::instrument(name = "db.alerts.find_by_key", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn find_by_key(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    dedupe_key: &str,
) -> Result<Option<StoredAlert>, DbError> {
    let params = statements::FindByKeyParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        dedupe_key,
    };
    let row = statements::find_by_key().params(db.client, &params).opt().await?;
    row.map(StoredAlert::try_from).transpose()
}

/// Which alerts to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Those that stand there.
    pub state: Option<AlertState>,
    /// Those that this connection told of.
    pub integration: Option<IntegrationId>,
}

/// Where in the list an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When we first heard of it.
    pub at: Timestamp,
    /// Its id.
    pub id: AlertId,
}

/// At most `count` alerts of an organization, the newest first, from behind a place. Where an alert stands in the list
/// does not change when the alert does.
#[tracing::instrument(name = "db.alerts.list", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn list(
    db: &Transaction<'_>,
    scope: OrganizationId,
    filter: Filter,
    before: Option<Place>,
    count: i64,
) -> Result<Vec<StoredAlert>, DbError> {
    let before = before.unwrap_or(Place {
        at: Timestamp::MAX_UTC,
        id: AlertId::NIL,
    });
    let params = statements::ListParams {
        organization_id: scope.uuid(),
        before_created_at: before.at,
        before_alert_id: before.id.uuid(),
        state: filter.state.map(AlertState::as_str),
        integration_id: filter.integration.map(IntegrationId::uuid),
        count,
    };
    let rows = statements::list().params(db.client, &params).all().await?;
    rows.into_iter().map(StoredAlert::try_from).collect()
}

/// The right to tell Slack of an alert, and what is known of what was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The alert.
    pub alert: AlertId,
    /// The channel in which it stands, may stand, or is to stand.
    pub channel: String,
    /// The message that tells of it.
    pub message_ts: Option<String>,
    /// Somebody may have posted it, and did not say so.
    pub may_stand_there: bool,
    /// What may have been posted is not older than this.
    pub since: Timestamp,
    /// Until when the right holds; names it.
    pub until: Timestamp,
}

/// Claims the right to tell Slack of an alert until a time: in the channel in which it stands or may stand, else in
/// `channel`. None while somebody else has the right, or where there is no channel.
#[tracing::instrument(name = "db.alerts.claim_posting", skip_all, fields(alert.id = %alert), err(level = "debug"))]
pub async fn claim_posting(
    db: &Transaction<'_>,
    scope: OrganizationId,
    alert: AlertId,
    channel: Option<&str>,
    (now, until): (Timestamp, Timestamp),
) -> Result<Option<Posting>, DbError> {
    let params = statements::ClaimPostingParams {
        slack_channel_id: channel,
        now,
        posting_until: until,
        organization_id: scope.uuid(),
        alert_id: alert.uuid(),
    };
    let row = statements::claim_posting()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.and_then(|row| {
        Some(Posting {
            alert,
            channel: row.slack_channel_id?,
            message_ts: row.slack_message_ts,
            may_stand_there: row.posting_attempts > 1,
            since: row.posting_since,
            until,
        })
    }))
}

/// Notes that a message says of an alert what it was. False when the right was lost.
#[tracing::instrument(name = "db.alerts.update_posted", skip_all, fields(alert.id = %posting.alert), err(level = "debug"))]
pub async fn update_posted(
    db: &Transaction<'_>,
    scope: OrganizationId,
    posting: &Posting,
    message_ts: &str,
    told: &Alert,
) -> Result<bool, DbError> {
    let params = statements::UpdatePostedParams {
        slack_message_ts: message_ts,
        posted_state: told.state.as_str(),
        posted_updated_at: told.updated_at,
        organization_id: scope.uuid(),
        alert_id: posting.alert.uuid(),
        posting_until: posting.until,
    };
    let row = statements::update_posted()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Gives the right back; Slack was certainly told nothing. `reason` says why it does not take it, where it does not;
/// none leaves what was said before. False when the right was lost.
#[tracing::instrument(name = "db.alerts.update_unposted", skip_all, fields(alert.id = %posting.alert), err(level = "debug"))]
pub async fn update_unposted(
    db: &Transaction<'_>,
    scope: OrganizationId,
    posting: &Posting,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    let params = statements::UpdateUnpostedParams {
        undelivered_reason: reason,
        organization_id: scope.uuid(),
        alert_id: posting.alert.uuid(),
        posting_until: posting.until,
    };
    let row = statements::update_unposted()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Gives the right back, though it is not known whether Slack was told. `reason` as in [`update_unposted`]. False when the
/// right was lost.
#[tracing::instrument(name = "db.alerts.release_posting", skip_all, fields(alert.id = %posting.alert), err(level = "debug"))]
pub async fn release_posting(
    db: &Transaction<'_>,
    scope: OrganizationId,
    posting: &Posting,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    let params = statements::ReleasePostingParams {
        undelivered_reason: reason,
        organization_id: scope.uuid(),
        alert_id: posting.alert.uuid(),
        posting_until: posting.until,
    };
    let row = statements::release_posting()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Removes some of a connection's alerts that nothing was heard of for longest, where it has more than `keep`. Answers
/// how many.
#[tracing::instrument(name = "db.alerts.delete_surplus", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn delete_surplus(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    keep: i64,
) -> Result<usize, DbError> {
    let params = statements::DeleteSurplusParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        keep,
    };
    let rows = statements::delete_surplus()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows.len())
}
