//! What is in a database before a story begins, put there by the library's own functions.

use secrecy::SecretString;
use serde_json::json;
use shared::{
    clock::Timestamp,
    connector::{ConnectorKind, slack::SlackCredentials},
    db::{Connection, DbError, integration_credentials, integrations, organizations},
    id::{Ids, IntegrationId, OrganizationId},
    secret::vault::{CredentialScope, Sealed, Vault},
    task::ClerkOrganization,
};

/// A Slack workspace that an organization has connected.
#[derive(Debug, Clone, Copy)]
pub struct Installation<'a> {
    /// Slack's id of the workspace (`T…`), or of the Enterprise Grid organization (`E…`).
    pub external_id: &'a str,
    /// Our bot's user id there.
    pub bot_user_id: &'a str,
    /// The bot token.
    pub bot_token: &'a str,
}

/// Makes an organization.
///
/// # Errors
/// Whatever the database says.
pub async fn organization(
    db: &mut Connection,
    ids: &Ids,
    name: &str,
    now: Timestamp,
) -> Result<OrganizationId, DbError> {
    let id = ids.organization();
    let organization = ClerkOrganization {
        id: format!("org_{}", id.uuid().simple()),
        name: name.to_owned(),
        slug: name.to_owned(),
        created_by: None,
        updated_at: now,
    };
    insert(db, id, &organization, now).await
}

/// Makes an organization that is at Clerk.
///
/// # Errors
/// Whatever the database says.
pub async fn mirrored(
    db: &mut Connection,
    ids: &Ids,
    organization: &ClerkOrganization,
    now: Timestamp,
) -> Result<OrganizationId, DbError> {
    insert(db, ids.organization(), organization, now).await
}

async fn insert(
    db: &mut Connection,
    id: OrganizationId,
    organization: &ClerkOrganization,
    now: Timestamp,
) -> Result<OrganizationId, DbError> {
    let tx = db.begin_naming("", &organization.id).await?;
    organizations::upsert(&tx, id, organization, None, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// Connects a Slack workspace to an organization, or connects it again with another token.
///
/// # Errors
/// Whatever database or vault say.
pub async fn slack(
    db: &mut Connection,
    vault: &Vault,
    ids: &Ids,
    organization: OrganizationId,
    installation: Installation<'_>,
    now: Timestamp,
) -> anyhow::Result<IntegrationId> {
    let tx = db.begin_for(organization).await?;
    let known = integrations::find(&tx, organization, ConnectorKind::Slack).await?;
    let id = known.map_or_else(|| ids.integration(), |known| known.id);
    drop(tx);

    // Sealed before the transaction: KMS is slow and may fail.
    let scope = CredentialScope {
        organization,
        connector: ConnectorKind::Slack,
        integration: id,
    };
    let credentials = SlackCredentials::lasting(SecretString::from(installation.bot_token));
    let sealed = vault.seal(&scope, &credentials).await?;

    Ok(sealed_slack(db, organization, id, installation, &sealed, now).await?)
}

/// Connects a Slack workspace with credentials that are sealed already; `id` is used where there is no connection yet.
///
/// # Errors
/// When the database refuses: another organization may have the workspace.
pub async fn sealed_slack(
    db: &mut Connection,
    organization: OrganizationId,
    id: IntegrationId,
    installation: Installation<'_>,
    sealed: &Sealed,
    now: Timestamp,
) -> Result<IntegrationId, DbError> {
    let metadata = json!({ "connector_org_name": installation.external_id });
    let new = integrations::New {
        id,
        connector: ConnectorKind::Slack,
        connected_by: None,
        external_id: Some(installation.external_id),
        bot_id: Some(installation.bot_user_id),
        connector_user_id: None,
        connector_organization_id: Some(installation.external_id),
        metadata: &metadata,
        installed_at: now,
    };
    let tx = db.begin_for(organization).await?;
    let (id, _) = integrations::upsert(&tx, organization, &new, now).await?;
    integration_credentials::upsert(&tx, organization, id, sealed, None, now).await?;
    tx.commit().await?;
    Ok(id)
}
