//! A connection, as clients are shown it.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    auth::Caller,
    connector::contract::Account,
    db::{
        Transaction,
        integrations::{self, Overview},
    },
    http::{error::ApiError, output::rfc3339},
    id::IntegrationId,
};
use utoipa::ToSchema;

/// A connection of the caller's organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Integration {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// Whose it is.
    #[schema(format = Uuid)]
    organization_id: String,
    /// Who connected it; blank once that person is gone.
    user_id: String,
    /// To what: `type` of one of the connectors.
    connector_type: &'static str,
    /// Where it stands.
    #[schema(value_type = IntegrationStatus)]
    status: &'static str,
    /// Our side there: Slack's user id of our bot, GitHub's installation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_id: Option<String>,
    /// The account that it was connected with.
    #[serde(skip_serializing_if = "Option::is_none")]
    connector_user_id: Option<String>,
    /// The third party's id of what is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    connector_organization_id: Option<String>,
    /// What is shown about it; `connector_org_name` is what people call it.
    metadata: BTreeMap<String, String>,
    /// When it was first connected.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When its credentials last did something.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// How well it works.
    #[schema(value_type = HealthWord)]
    health_status: &'static str,
    /// What is wrong, who must act, and when it is tried again.
    health: HealthView,
}

/// Where a connection stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes the words that stand in answers")]
pub(crate) enum IntegrationStatus {
    /// Connected.
    Active,
    /// Disconnected.
    Inactive,
    /// Begun, and not ended yet.
    Pending,
    /// Nothing has been done yet.
    NotStarted,
    /// Put on hold by the third party.
    Suspended,
}

/// How well a connection works.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes the words that stand in answers")]
pub(crate) enum HealthWord {
    /// It does.
    Healthy,
    /// It does not, or not in full, and is tried again by itself.
    Degraded,
    /// An admin must connect again.
    NeedsReauth,
    /// It was taken back at the third party, or disconnected.
    Revoked,
}

/// How well a connection works, and what to do about it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// How well it works.
    #[schema(value_type = HealthWord)]
    status: &'static str,
    /// Why it does not, as a code; null when it does.
    reason: Option<String>,
    /// Why it does not, for a person.
    message: Option<String>,
    /// What helps: `wait`, `reconnect`, `grant` or `operator`; null when nothing is wrong.
    remedy: Option<String>,
    /// Who must act: `nobody`, `admin` or `operator`.
    actor: &'static str,
    /// Since when it is so.
    #[schema(format = DateTime)]
    since: String,
    /// When the third party was last asked; null while it has not been.
    #[schema(format = DateTime)]
    checked_at: Option<String>,
    /// When it is tried again by itself; null where it is not.
    #[schema(format = DateTime)]
    retry_at: Option<String>,
    /// When its credentials end by themselves, unless they are refreshed before; null for those that do not.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When what it reaches was last read in full; null while it has not been.
    #[schema(format = DateTime)]
    synced_at: Option<String>,
}

impl Integration {
    pub(crate) fn of(caller: &Caller, overview: Overview) -> Self {
        let metadata = shown(&overview.account);
        Self {
            id: overview.id.uuid().to_string(),
            organization_id: caller.organization.uuid().to_string(),
            user_id: overview
                .connected_by
                .map(|user| user.uuid().to_string())
                .unwrap_or_default(),
            connector_type: overview.connector.as_str(),
            status: overview.status.as_str(),
            bot_id: filled(overview.account.bot_id),
            connector_user_id: filled(overview.account.user_id),
            connector_organization_id: filled(Some(overview.account.id)),
            metadata,
            created_at: rfc3339(overview.created_at),
            updated_at: rfc3339(overview.updated_at),
            last_used_at: overview.last_used_at.map(rfc3339),
            health_status: overview.health.as_str(),
            health: HealthView {
                status: overview.health.as_str(),
                actor: match overview.health_remedy.as_deref() {
                    Some("reconnect" | "grant") => "admin",
                    Some("operator") => "operator",
                    _ => "nobody",
                },
                reason: overview.health_reason,
                message: overview.health_message,
                remedy: overview.health_remedy,
                since: rfc3339(overview.health_changed_at),
                checked_at: overview.health_checked_at.map(rfc3339),
                retry_at: overview.retry_at.map(rfc3339),
                expires_at: overview.expires_at.map(rfc3339),
                synced_at: overview.synced_at.map(rfc3339),
            },
        }
    }
}

fn shown(account: &Account) -> BTreeMap<String, String> {
    serde_json::from_value(integrations::metadata(account)).unwrap_or_default()
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The ids that a body says are the caller's own; what is absent is not compared.
///
/// # Errors
/// [`ApiError::NotFound`] when they are somebody else's.
pub(crate) fn own(caller: &Caller, organization: Option<&str>, user: Option<&str>) -> Result<(), ApiError> {
    if let Some(organization) = organization.filter(|id| !id.is_empty()) {
        caller.is_organization(organization)?;
    }
    if let Some(user) = user.filter(|id| !id.is_empty()) {
        caller.is_user(user)?;
    }
    Ok(())
}

/// The connection that a body names. What is no id names none that is there.
///
/// # Errors
/// [`ApiError::Invalid`] when it is missing, [`ApiError::NotFound`].
pub(crate) fn named(id: Option<&str>) -> Result<IntegrationId, ApiError> {
    let id = id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| ApiError::invalid("integration_id", "is missing"))?;
    id.parse().map_err(|_| ApiError::NotFound)
}

/// The same for a field that may be left out.
///
/// # Errors
/// [`ApiError::NotFound`].
pub(crate) fn named_if_any(id: Option<&str>) -> Result<Option<IntegrationId>, ApiError> {
    let id = id.filter(|id| !id.is_empty());
    id.map(|id| named(Some(id))).transpose()
}

/// The connection that a filter names, if it is there.
///
/// # Errors
/// [`ApiError::NotFound`], and whatever the database says.
pub(crate) async fn there(
    caller: &Caller,
    tx: &Transaction<'_>,
    named: Option<IntegrationId>,
) -> Result<Option<IntegrationId>, ApiError> {
    if let Some(id) = named {
        let found = integrations::find_overview(tx, caller.organization, id).await?;
        found.ok_or(ApiError::NotFound)?;
    }
    Ok(named)
}
