//! Sealed credentials of connections.

use std::time::Duration;

use sql::{client::Params as _, queries::integration_credentials as statements};
use uuid::Uuid;

use super::{
    DbError, Transaction, changed,
    integrations::{Health, Status, account},
};
use crate::{
    clock::{self, Timestamp},
    connector::{ConnectorKind, contract::Account},
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

/// A connection with its credentials as they are kept, and what is known of refreshing them.
#[derive(Debug, Clone)]
pub struct Refreshable {
    /// To what.
    pub connector: ConnectorKind,
    /// Where it stands.
    pub status: Status,
    /// How well it works.
    pub health: Health,
    /// Why it is not healthy.
    pub health_reason: Option<String>,
    /// Counts the times it was connected.
    pub generation: i32,
    /// How often in a row refreshing has failed.
    pub failures: i32,
    /// When that is tried again.
    pub retry_at: Option<Timestamp>,
    /// What is connected.
    pub account: Account,
    /// The word of ours that the third party ties it to; blank where there is none.
    pub nonce: String,
    /// The credentials.
    pub sealed: Sealed,
    /// When they end by themselves.
    pub expires_at: Option<Timestamp>,
    /// When they are to be refreshed.
    pub refresh_at: Option<Timestamp>,
    /// When a refresh was begun of which it is not known how it ended.
    pub refresh_started_at: Option<Timestamp>,
}

impl TryFrom<statements::Refreshable> for Refreshable {
    type Error = DbError;

    fn try_from(row: statements::Refreshable) -> Result<Self, DbError> {
        let columns = Columns {
            ciphertext: row.ciphertext,
            nonce: row.nonce,
            wrapped_key: row.wrapped_key,
            key_id: row.encryption_key_id,
            version: row.encryption_version,
        };
        Ok(Self {
            connector: kind("integrations", &row.connector_type)?,
            status: Status::parse(&row.status)?,
            health: Health::parse(&row.health)?,
            health_reason: row.health_reason,
            generation: row.generation,
            failures: row.failures,
            retry_at: row.retry_at,
            account: account(
                row.metadata,
                row.connector_organization_id,
                row.external_id,
                row.bot_id,
                row.connector_user_id,
            )?,
            nonce: row.own_nonce.unwrap_or_default(),
            sealed: columns.sealed("integration_credentials")?,
            expires_at: row.expires_at,
            refresh_at: row.refresh_at,
            refresh_started_at: row.refresh_started_at,
        })
    }
}

/// A connection with its credentials; none where they were destroyed.
#[tracing::instrument(name = "db.integration_credentials.find", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn find(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
) -> Result<Option<Refreshable>, DbError> {
    let params = statements::FindParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let row = statements::find().params(db.client, &params).opt().await?;
    row.map(Refreshable::try_from).transpose()
}

/// A connection about which something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The connection.
    pub integration: IntegrationId,
    /// When it became due.
    pub at: Timestamp,
}

/// At most `count` connections whose credentials are to be refreshed by `before`, from behind one, in the order in which
/// they become due, whoever they belong to; the transaction must [name] the time.
///
/// [name]: Transaction::name_due
#[tracing::instrument(name = "db.integration_credentials.list_due", skip_all, err(level = "debug"))]
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
            at: row.due_at,
        })
        .collect())
}

/// Notes that a refresh of these very credentials begins. Answers when it did: earlier than `now` when it is not known how
/// an earlier one ended. None when somebody else has put something in their place.
#[tracing::instrument(name = "db.integration_credentials.begin_refresh", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn begin_refresh(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    old: &Sealed,
    now: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let params = statements::BeginRefreshParams {
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        old_wrapped_key: old.wrapped_key.as_slice(),
    };
    Ok(statements::begin_refresh()
        .params(db.client, &params)
        .opt()
        .await?)
}

/// Keeps others from the credentials until the transaction ends. False when they are not these any more, or are to be
/// refreshed at another time: somebody else has refreshed them, or tried to.
#[tracing::instrument(name = "db.integration_credentials.lock", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn lock(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    expected: &Refreshable,
) -> Result<bool, DbError> {
    let params = statements::LockParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let found = statements::lock().params(db.client, &params).opt().await?;
    Ok(found.is_some_and(|row| {
        row.wrapped_key == expected.sealed.wrapped_key && row.refresh_at == expected.refresh_at
    }))
}

/// Puts refreshed credentials in the place of those that they were made of. False when somebody else has put something
/// there.
#[tracing::instrument(name = "db.integration_credentials.update_refreshed", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_refreshed(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    old: &Sealed,
    (new, expires_at): (&Sealed, Option<Timestamp>),
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateRefreshedParams {
        ciphertext: new.ciphertext.as_slice(),
        nonce: new.nonce.as_slice(),
        wrapped_key: new.wrapped_key.as_slice(),
        encryption_key_id: new.key_id.as_str(),
        encryption_version: new.version,
        expires_at,
        refresh_at: expires_at.map(|at| refresh_at(integration, at)),
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        old_wrapped_key: old.wrapped_key.as_slice(),
    };
    let row: Option<Uuid> = statements::update_refreshed()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Says when these very credentials are refreshed next, and since when it is not known how a refresh ended. False when
/// they are others by now.
#[tracing::instrument(name = "db.integration_credentials.update_refresh_at", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_refresh_at(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    of: &Sealed,
    (refresh_at, started_at): (Option<Timestamp>, Option<Timestamp>),
) -> Result<bool, DbError> {
    let params = statements::UpdateRefreshAtParams {
        refresh_at,
        refresh_started_at: started_at,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        old_wrapped_key: of.wrapped_key.as_slice(),
    };
    let row: Option<Uuid> = statements::update_refresh_at()
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
