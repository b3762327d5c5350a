//! Connections that were ended here while the third party could not be told.

use sql::{client::Params as _, queries::integration_revocations as statements};
use uuid::Uuid;

use super::{
    DbError, Transaction,
    integration_credentials::{Columns, kind},
};
use crate::{
    clock::Timestamp,
    connector::{ConnectorKind, contract::Account},
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

/// An end that a third party is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whose connection it was.
    pub organization: OrganizationId,
    /// The connection.
    pub integration: IntegrationId,
    /// When it ended here.
    pub ended_at: Timestamp,
    /// When the telling became due.
    pub at: Timestamp,
}

/// At most `count` ends that third parties are to be told of by `before`, from behind one, in the order in which they
/// become due, whoever they belong to; the transaction must [name] the time.
///
/// [name]: Transaction::name_due
#[tracing::instrument(name = "db.integration_revocations.list_due", skip_all, err(level = "debug"))]
pub async fn list_due(
    db: &Transaction<'_>,
    before: Timestamp,
    after: Option<Due>,
    count: i64,
) -> Result<Vec<Due>, DbError> {
    let params = statements::ListDueParams {
        before,
        after_due_at: after.map_or(Timestamp::UNIX_EPOCH, |due| due.at),
        after: after.map_or(IntegrationId::NIL, |due| due.integration).uuid(),
        count,
    };
    let rows = statements::list_due().params(db.client, &params).all().await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            organization: row.organization_id.into(),
            integration: row.integration_id.into(),
            ended_at: row.created_at,
            at: row.due_at,
        })
        .collect())
}

/// What is needed to tell a third party that a connection has ended.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// Which third party.
    pub connector: ConnectorKind,
    /// What was connected.
    pub account: Account,
    /// The word of ours that the third party ties the connection to; blank where there is none.
    pub nonce: String,
    /// The credentials.
    pub sealed: Sealed,
    /// How often it was told, this time counted.
    pub attempts: i32,
    /// When the credentials are dropped whether it was told or not.
    pub give_up_at: Timestamp,
}

/// Takes the telling of one end until it is due again, after a minute, two, four and so on: nobody else tells meanwhile.
/// None when it is not due any more.
#[tracing::instrument(name = "db.integration_revocations.claim", skip_all, fields(integration.id = %due.integration), err(level = "debug"))]
pub async fn claim(db: &Transaction<'_>, due: &Due, now: Timestamp) -> Result<Option<Revocation>, DbError> {
    let params = statements::ClaimParams {
        organization_id: due.organization.uuid(),
        integration_id: due.integration.uuid(),
        created_at: due.ended_at,
        now,
    };
    let Some(row) = statements::claim().params(db.client, &params).opt().await? else {
        return Ok(None);
    };
    let columns = Columns {
        ciphertext: row.ciphertext,
        nonce: row.nonce,
        wrapped_key: row.wrapped_key,
        key_id: row.encryption_key_id,
        version: row.encryption_version,
    };
    Ok(Some(Revocation {
        connector: kind(TABLE, &row.connector_type)?,
        account: serde_json::from_value(row.account)
            .map_err(|_| DbError::corrupt(TABLE, "account", "not an account"))?,
        nonce: row.own_nonce.unwrap_or_default(),
        sealed: columns.sealed(TABLE)?,
        attempts: row.attempts,
        give_up_at: row.give_up_at,
    }))
}

/// Destroys the credentials of a connection that has ended: without its wrapped key, no backup of the ciphertext opens.
/// False when somebody else did.
#[tracing::instrument(name = "db.integration_revocations.delete", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn delete(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    ended_at: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::DeleteParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        created_at: ended_at,
    };
    let row: Option<Uuid> = statements::delete().params(db.client, &params).opt().await?;
    Ok(row.is_some())
}

/// Keeps the credentials of a connection that ends now for nothing but telling the third party so, which may be done at
/// once. False where there are none.
#[tracing::instrument(name = "db.integration_revocations.take_over", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn take_over(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    (connector, account): (ConnectorKind, &Account),
    give_up_at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let account = serde_json::to_value(account).map_err(|error| DbError::corrupt(TABLE, "account", error))?;
    let params = statements::TakeOverParams {
        connector_type: connector.as_str(),
        account: &account,
        now,
        give_up_at,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let row: Option<Uuid> = statements::take_over().params(db.client, &params).opt().await?;
    Ok(row.is_some())
}
