//! Sealed credentials of connections.

use std::time::Duration;

use sql::{client::Params as _, queries::integration_credentials as statements};
use uuid::Uuid;

use super::{DbError, Transaction, changed};
use crate::{
    clock::{self, Timestamp},
    connector::ConnectorKind,
    id::{IntegrationId, OrganizationId},
    secret::vault::Sealed,
};

/// How long before credentials end they are refreshed at the latest, when nothing goes wrong.
pub const REFRESH_AHEAD: Duration = Duration::from_mins(30);
/// Over how long before that the refreshing of different connections is spread.
pub const REFRESH_SPREAD: Duration = Duration::from_mins(30);

/// When credentials that end then are to be refreshed: earlier by [`REFRESH_AHEAD`] and a part of [`REFRESH_SPREAD`] that
/// is always the same for a connection, so that what was connected at the same time is not refreshed at the same time.
#[must_use]
pub fn refresh_at(integration: IntegrationId, expires_at: Timestamp) -> Timestamp {
    // The end of a UUIDv7 is random.
    let [.., high, low] = integration.uuid().into_bytes();
    let part = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
    clock::before(expires_at, REFRESH_AHEAD + REFRESH_SPREAD.mul_f64(part))
}

/// Stores the sealed credentials of a connection in place of those before. Those that end are refreshed in time.
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
        refresh_at: expires_at.map(|at| refresh_at(integration, at)),
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

/// The columns of a [`Sealed`].
pub(super) struct Columns {
    pub(super) ciphertext: Vec<u8>,
    pub(super) nonce: Vec<u8>,
    pub(super) wrapped_key: Vec<u8>,
    pub(super) key_id: String,
    pub(super) version: i16,
}

impl Columns {
    pub(super) fn sealed(self, table: &'static str) -> Result<Sealed, DbError> {
        Ok(Sealed {
            ciphertext: self.ciphertext,
            nonce: self
                .nonce
                .try_into()
                .map_err(|_| DbError::corrupt(table, "nonce", "not of twelve bytes"))?,
            wrapped_key: self.wrapped_key,
            key_id: self.key_id,
            version: self.version,
        })
    }
}

/// A connector's name, as a column holds it.
pub(super) fn kind(table: &'static str, name: &str) -> Result<ConnectorKind, DbError> {
    name.parse()
        .map_err(|error: crate::connector::UnknownConnector| DbError::corrupt(table, "connector_type", error))
}

/// At most `count` connections behind an id whose credentials are sealed under another KMS key than this, in the order of
/// their ids, whoever they belong to; the transaction must name the key.
#[tracing::instrument(
    name = "db.integration_credentials.list_under_another_key",
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

/// The credentials of a connection as they are kept, and what they are of; none where they were destroyed.
#[tracing::instrument(name = "db.integration_credentials.find_sealed", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn find_sealed(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
) -> Result<Option<(ConnectorKind, Sealed)>, DbError> {
    let params = statements::FindSealedParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let Some(row) = statements::find_sealed().params(db.client, &params).opt().await? else {
        return Ok(None);
    };
    let columns = Columns {
        ciphertext: row.ciphertext,
        nonce: row.nonce,
        wrapped_key: row.wrapped_key,
        key_id: row.encryption_key_id,
        version: row.encryption_version,
    };
    let kind = kind("integrations", &row.connector_type)?;
    Ok(Some((kind, columns.sealed("integration_credentials")?)))
}

/// Puts another wrapping of the same data key in the place of one. False when somebody else has put something there.
#[tracing::instrument(name = "db.integration_credentials.update_wrapped_key", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_wrapped_key(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    old: &Sealed,
    new: &Sealed,
) -> Result<bool, DbError> {
    let params = statements::UpdateWrappedKeyParams {
        wrapped_key: new.wrapped_key.as_slice(),
        encryption_key_id: new.key_id.as_str(),
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        old_wrapped_key: old.wrapped_key.as_slice(),
    };
    let row: Option<Uuid> = statements::update_wrapped_key()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refreshing_is_spread_over_half_an_hour_and_always_at_the_same_time_for_a_connection() {
        let at = |end: u128| {
            let id = IntegrationId::from(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + end));
            refresh_at(id, clock::after(Timestamp::UNIX_EPOCH, Duration::from_hours(12)))
        };
        let hours = |hours: u64, minutes: u64| {
            clock::after(
                Timestamp::UNIX_EPOCH,
                Duration::from_hours(hours) + Duration::from_mins(minutes),
            )
        };
        assert_eq!(at(0), hours(11, 30));
        assert_eq!(at(0xffff), hours(11, 0));
        assert!(hours(11, 0) < at(0x8000) && at(0x8000) < hours(11, 30));
        assert_eq!(at(0x8000), at(0x8000));
    }
}
