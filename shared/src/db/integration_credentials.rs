//! Sealed credentials of connections.

use sql::{client::Params as _, queries::integration_credentials as statements};

use super::{DbError, Transaction, changed};
use crate::{
    clock::Timestamp,
    id::{IntegrationId, OrganizationId},
    secret::vault::Sealed,
};

/// Stores the sealed credentials of a connection in place of those before.
#[tracing::instrument(name = "db.integration_credentials.upsert", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    sealed: &Sealed,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpsertParams {
        integration_id: integration.uuid(),
        organization_id: scope.uuid(),
        ciphertext: sealed.ciphertext.as_slice(),
        nonce: sealed.nonce.as_slice(),
        wrapped_key: sealed.wrapped_key.as_slice(),
        encryption_key_id: sealed.key_id.as_str(),
        encryption_version: sealed.version,
        expires_at,
        now,
    };
    changed(statements::upsert().params(db.client, &params).opt().await?)
}

/// Destroys the credentials of a connection: without its wrapped key, no backup of the ciphertext opens.
#[tracing::instrument(name = "db.integration_credentials.delete", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn delete(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
) -> Result<(), DbError> {
    let params = statements::DeleteParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    statements::delete().params(db.client, &params).opt().await?;
    Ok(())
}

/// Destroys all credentials of an organization.
#[tracing::instrument(name = "db.integration_credentials.delete_all", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn delete_all(db: &Transaction<'_>, scope: OrganizationId) -> Result<(), DbError> {
    statements::delete_all()
        .bind(db.client, &scope.uuid())
        .all()
        .await?;
    Ok(())
}
