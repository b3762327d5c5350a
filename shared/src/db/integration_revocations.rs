//! Connections that were ended here while the third party could not be told.

use sql::{client::Params as _, queries::integration_revocations as statements};
use uuid::Uuid;

use super::{
    DbError, Transaction,
    integration_credentials::{Columns, kind},
};
use crate::{
    clock::Timestamp,
    connector::ConnectorKind,
    id::{IntegrationId, OrganizationId},
    secret::vault::Sealed,
};

const TABLE: &str = "integration_revocations";

/// At most `count` connections behind an id that have ended and whose credentials are sealed under another KMS key than
/// this, in the order of their ids, whoever they belong to; the transaction must name the key.
#[tracing::instrument(
    name = "db.integration_revocations.list_under_another_key",
    skip_all,
    err(level = "debug")
)]
pub async fn list_under_another_key(
    db: &Transaction<'_>,
    key_id: &str,
    after: IntegrationId,
    count: i64,
) -> Result<Vec<(OrganizationId, IntegrationId)>, DbError> {
    let params = statements::ListUnderAnotherKeyParams {
        key_id,
        after: after.uuid(),
        count,
    };
    let rows = statements::list_under_another_key()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.organization_id.into(), row.integration_id.into()))
        .collect())
}

/// The credentials of a connection that has ended, as they are kept, with when it ended and what they are of.
#[tracing::instrument(name = "db.integration_revocations.list_sealed", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn list_sealed(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
) -> Result<Vec<(Timestamp, ConnectorKind, Sealed)>, DbError> {
    let params = statements::ListSealedParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let rows = statements::list_sealed().params(db.client, &params).all().await?;
    rows.into_iter()
        .map(|row| {
            let columns = Columns {
                ciphertext: row.ciphertext,
                nonce: row.nonce,
                wrapped_key: row.wrapped_key,
                key_id: row.encryption_key_id,
                version: row.encryption_version,
            };
            Ok((
                row.created_at,
                kind(TABLE, &row.connector_type)?,
                columns.sealed(TABLE)?,
            ))
        })
        .collect()
}

/// Puts another wrapping of the same data key in the place of one. False when somebody else has put something there.
#[tracing::instrument(name = "db.integration_revocations.update_wrapped_key", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_wrapped_key(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    ended_at: Timestamp,
    old: &Sealed,
    new: &Sealed,
) -> Result<bool, DbError> {
    let params = statements::UpdateWrappedKeyParams {
        wrapped_key: new.wrapped_key.as_slice(),
        encryption_key_id: new.key_id.as_str(),
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        created_at: ended_at,
        old_wrapped_key: old.wrapped_key.as_slice(),
    };
    let row: Option<Uuid> = statements::update_wrapped_key()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}
