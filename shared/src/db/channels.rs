//! Slack channels that an organization has decided something about.

use sql::{client::Params as _, queries::channels as statements};

use super::{DbError, Transaction, changed};
use crate::{clock::Timestamp, id::OrganizationId};

/// Whether messages without a mention are answered in a channel. A channel that nobody decided about is not watched.
#[tracing::instrument(name = "db.channels.is_monitored", skip_all, err(level = "debug"))]
pub async fn is_monitored(
    db: &Transaction<'_>,
    scope: OrganizationId,
    team: &str,
    channel: &str,
) -> Result<bool, DbError> {
    let params = statements::IsMonitoredParams {
        organization_id: scope.uuid(),
        team_id: team,
        channel_id: channel,
    };
    Ok(statements::is_monitored()
        .params(db.client, &params)
        .one()
        .await?)
}

/// What is decided about a channel.
#[derive(Debug, Clone, Copy)]
pub struct Channel<'a> {
    /// Slack's workspace.
    pub team: &'a str,
    /// Slack's id of the channel.
    pub channel: &'a str,
    /// Its name, where it is known.
    pub name: Option<&'a str>,
    /// Whether messages without a mention are answered.
    pub is_monitored: bool,
}

/// Decides about a channel, in place of what was decided before.
#[tracing::instrument(name = "db.channels.upsert", skip_all, err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    channel: &Channel<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpsertParams {
        organization_id: scope.uuid(),
        team_id: channel.team,
        channel_id: channel.channel,
        channel_name: channel.name,
        is_monitored: channel.is_monitored,
        now,
    };
    changed(statements::upsert().params(db.client, &params).opt().await?)
}
