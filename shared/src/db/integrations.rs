//! Connections of organizations to third parties.

use std::collections::BTreeMap;

use deadpool_postgres::Client;
use futures_util::future;
use serde_json::Value;
use sql::{
    client::Params as _,
    queries::{integrations as statements, scope},
};

use super::{Connection, DbError, Transaction, integration_credentials::kind};
use crate::{
    clock::Timestamp,
    connector::{
        ConnectorKind,
        contract::{Account, Remedy},
    },
    id::{IntegrationId, OrganizationId, UserId},
    secret::vault::Sealed,
};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident($column:literal) { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word as it stands in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            pub(super) fn parse(word: &str) -> Result<Self, DbError> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(DbError::corrupt("integrations", $column, "an unknown word")),
                }
            }
        }
    };
}

words! {
    /// Where a connection stands.
    Status("status") {
        /// Nothing has been done yet.
        NotStarted = "not_started",
        /// Begun, and not ended yet.
        Pending = "pending",
        /// Connected.
        Active = "active",
        /// Connected, and put on hold by the third party.
        Suspended = "suspended",
        /// Disconnected.
        Inactive = "inactive",
        /// Disconnected, and to be removed.
        Deleted = "deleted",
    }
}

words! {
    /// How well a connection works.
    Health("health") {
        /// It does.
        Healthy = "healthy",
        /// It does not, and is tried again by itself.
        Degraded = "degraded",
        /// A person must connect again.
        NeedsReauth = "needs_reauth",
        /// It was taken back at the third party.
        Revoked = "revoked",
    }
}

/// A Slack installation, as an event or a turn needs it.
#[derive(Debug, Clone)]
pub struct SlackInstallation {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The connection.
    pub integration: IntegrationId,
    /// Where it stands: active, suspended or pending; others are not found.
    pub status: Status,
    /// How well it works.
    pub health: Health,
    /// Our own user id in the workspace.
    pub bot_user_id: Option<String>,
    /// Counts the times it was connected.
    pub generation: i32,
    /// The sealed credentials; none where they were destroyed.
    pub credentials: Option<Sealed>,
}

impl TryFrom<statements::Installation> for SlackInstallation {
    type Error = DbError;

    fn try_from(row: statements::Installation) -> Result<Self, DbError> {
        let credentials = match (
            row.ciphertext,
            row.nonce,
            row.wrapped_key,
            row.encryption_key_id,
            row.encryption_version,
        ) {
            (Some(ciphertext), Some(nonce), Some(wrapped_key), Some(key_id), Some(version)) => Some(Sealed {
                ciphertext,
                nonce: nonce.try_into().map_err(|_| {
                    DbError::corrupt("integration_credentials", "nonce", "not of twelve bytes")
                })?,
                wrapped_key,
                key_id,
                version,
            }),
            _ => None,
        };
        Ok(Self {
            organization: row.organization_id.into(),
            integration: row.integration_id.into(),
            status: Status::parse(&row.status)?,
            health: Health::parse(&row.health)?,
            bot_user_id: row.bot_id,
            generation: row.generation,
            credentials,
        })
    }
}

/// Finds the installation that a Slack event is for, before the organization is known. The statements are prepared, so
/// that their requests can be sent one after the other without awaiting an answer.
pub(super) struct Lookup {
    look_up: scope::LookUpStmt,
    find: statements::FindByExternalIdStmt,
}

impl Lookup {
    pub(super) async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let (look_up, find) = future::try_join(
            scope::look_up().prepare(client),
            statements::find_by_external_id().prepare(client),
        )
        .await?;
        Ok(Self { look_up, find })
    }

    /// Finds by the first of the ids that is connected. All requests are sent when the result is first polled.
    pub(super) async fn run(
        &self,
        client: &Client,
        external_ids: [Option<&str>; 2],
    ) -> Result<Option<SlackInstallation>, DbError> {
        let [first, second] = external_ids.map(|external_id| self.run_one(client, external_id));
        let (first, second) = future::join(first, second).await;
        first?.or(second?).map(SlackInstallation::try_from).transpose()
    }

    async fn run_one(
        &self,
        client: &Client,
        external_id: Option<&str>,
    ) -> Result<Option<statements::Installation>, tokio_postgres::Error> {
        let Some(external_id) = external_id else {
            return Ok(None);
        };
        let name = format!("{}:{external_id}", ConnectorKind::Slack);
        let params = statements::FindByExternalIdParams {
            connector_type: ConnectorKind::Slack.as_str(),
            external_id,
        };
        let (looked_up, found) = future::join(
            self.look_up.bind(client, &name).one(),
            self.find.params(client, &params).opt(),
        )
        .await;
        looked_up?;
        found
    }
}

/// The third party's id of what the live connection is to that its events name by `external_id`, whoever it belongs to; none
/// where there is no such connection. A transaction of its own, which names nobody else.
#[tracing::instrument(name = "db.integrations.find_account", skip_all, fields(connector.kind = %kind), err(level = "debug"))]
pub async fn find_account(
    db: &mut Connection,
    kind: ConnectorKind,
    external_id: &str,
) -> Result<Option<String>, DbError> {
    let tx = db.begin().await?;
    let name = format!("{kind}:{external_id}");
    scope::look_up().bind(tx.client, &name).one().await?;
    let params = statements::FindAccountParams {
        connector_type: kind.as_str(),
        external_id,
    };
    let found = statements::find_account()
        .params(tx.client, &params)
        .opt()
        .await?;
    tx.commit().await?;
    Ok(found.flatten())
}

/// A connection that has an address of its own, as what comes there needs it.
#[derive(Debug, Clone)]
pub struct Addressed {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The sealed credentials; none where they were destroyed.
    pub credentials: Option<Sealed>,
}

/// The connection that something came for at an address of its own, unless it has ended: found before it is known whose it
/// is, by its id, which is the third party's name of it too. One round trip, and nothing stays open.
#[tracing::instrument(name = "db.integrations.find_addressed", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn find_addressed(
    db: &mut Connection,
    kind: ConnectorKind,
    integration: IntegrationId,
) -> Result<Option<Addressed>, DbError> {
    let (look_up, find) = future::try_join(
        scope::look_up().prepare(&db.client),
        statements::find_by_external_id().prepare(&db.client),
    )
    .await?;
    let external_id = integration.uuid().to_string();
    let name = format!("{kind}:{external_id}");
    let params = statements::FindByExternalIdParams {
        connector_type: kind.as_str(),
        external_id: external_id.as_str(),
    };
    let transaction = Transaction::not_begun(&db.client);
    let (begun, looked_up, found) = future::join3(
        transaction.client.batch_execute("BEGIN"),
        look_up.bind(transaction.client, &name).one(),
        find.params(transaction.client, &params).opt(),
    )
    .await;
    begun?;
    looked_up?;
    let Some(found) = found?.map(SlackInstallation::try_from).transpose()? else {
        return Ok(None);
    };
    // An id is of one connection only, whatever another one says of itself.
    Ok((found.integration == integration).then_some(Addressed {
        organization: found.organization,
        credentials: found.credentials,
    }))
}

/// The same installation once more, by its own id: whether the credentials have changed since it was read. One round
/// trip, a transaction of its own.
#[tracing::instrument(name = "db.integrations.reread", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn reread(
    db: &mut Connection,
    scope: OrganizationId,
    integration: IntegrationId,
) -> Result<Option<SlackInstallation>, DbError> {
    let statement = statements::find_installation().prepare(&db.client).await?;
    let params = statements::FindInstallationParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    db.once(scope, async |client| {
        statement.params(client, &params).opt().await
    })
    .await?
    .map(SlackInstallation::try_from)
    .transpose()
}

/// Says that a person must connect again, and why (a code, such as `token_revoked`), unless somebody has connected
/// again since `generation`: false then. One round trip, a transaction of its own.
#[tracing::instrument(name = "db.integrations.mark_needs_reauth", skip_all, fields(integration.id = %integration, reason), err(level = "debug"))]
pub async fn mark_needs_reauth(
    db: &mut Connection,
    scope: OrganizationId,
    integration: IntegrationId,
    generation: i32,
    reason: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let statement = statements::update_health().prepare(&db.client).await?;
    let params = statements::UpdateHealthParams {
        health: Health::NeedsReauth.as_str(),
        health_reason: Some(reason),
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        generation,
    };
    let changed = db
        .once(scope, async |client| {
            statement.params(client, &params).opt().await
        })
        .await?;
    Ok(changed.is_some())
}

/// Notes that a connection's credentials did something.
#[tracing::instrument(name = "db.integrations.update_last_used", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_last_used(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpdateLastUsedParams {
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    super::changed(
        statements::update_last_used()
            .params(db.client, &params)
            .opt()
            .await?,
    )
}

/// A connection, without its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Its id.
    pub id: IntegrationId,
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
    /// What the third party's events name.
    pub external_id: Option<String>,
    /// When it was last connected, by the third party's clock.
    pub installed_at: Timestamp,
}

/// The organization's connection of one connector, if it has one.
#[tracing::instrument(name = "db.integrations.find", skip_all, fields(connector.kind = %kind), err(level = "debug"))]
pub async fn find(
    db: &Transaction<'_>,
    scope: OrganizationId,
    kind: ConnectorKind,
) -> Result<Option<Integration>, DbError> {
    let params = statements::FindParams {
        organization_id: scope.uuid(),
        connector_type: kind.as_str(),
    };
    let Some(row) = statements::find().params(db.client, &params).opt().await? else {
        return Ok(None);
    };
    Ok(Some(Integration {
        id: row.integration_id.into(),
        connector: row
            .connector_type
            .parse()
            .map_err(|error: crate::connector::UnknownConnector| {
                DbError::corrupt("integrations", "connector_type", error)
            })?,
        status: Status::parse(&row.status)?,
        health: Health::parse(&row.health)?,
        health_reason: row.health_reason,
        generation: row.generation,
        external_id: row.external_id,
        installed_at: row.installed_at,
    }))
}

/// What is known of a connection when it is made.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Its id, where the organization has no connection of the kind yet. The credentials are sealed for an id, so
    /// whoever connects again asks [`find`] for it first.
    pub id: IntegrationId,
    /// To what.
    pub connector: ConnectorKind,
    /// Who connects.
    pub connected_by: Option<UserId>,
    /// What the third party's events name: Slack's workspace, or Enterprise Grid organization.
    pub external_id: Option<&'a str>,
    /// Our side at the third party: Slack's user id of our bot.
    pub bot_id: Option<&'a str>,
    /// The account that it is connected with.
    pub connector_user_id: Option<&'a str>,
    /// The third party's id of what is connected.
    pub connector_organization_id: Option<&'a str>,
    /// What is shown about it, as a JSON object of texts; never a secret.
    pub metadata: &'a Value,
    /// When it was connected, by the third party's clock.
    pub installed_at: Timestamp,
}

/// Connects, or connects again: then the row keeps its id and counts one generation more. Answers id and generation.
///
/// # Errors
/// [`DbError::Conflict`] on `integrations_external_id_key` when another organization has the same workspace connected.
#[tracing::instrument(name = "db.integrations.upsert", skip_all, fields(connector.kind = %new.connector), err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    new: &New<'_>,
    now: Timestamp,
) -> Result<(IntegrationId, i32), DbError> {
    let params = statements::UpsertParams {
        integration_id: new.id.uuid(),
        organization_id: scope.uuid(),
        user_id: new.connected_by.map(UserId::uuid),
        connector_type: new.connector.as_str(),
        now,
        external_id: new.external_id,
        bot_id: new.bot_id,
        connector_user_id: new.connector_user_id,
        connector_organization_id: new.connector_organization_id,
        metadata: new.metadata,
        installed_at: new.installed_at,
    };
    let row = statements::upsert().params(db.client, &params).one().await?;
    Ok((row.integration_id.into(), row.generation))
}

/// Ends all connections of an organization that is gone. Answers which ended by this.
#[tracing::instrument(name = "db.integrations.end_all", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn end_all(
    db: &Transaction<'_>,
    scope: OrganizationId,
    now: Timestamp,
) -> Result<Vec<IntegrationId>, DbError> {
    let params = statements::EndAllParams {
        now,
        organization_id: scope.uuid(),
    };
    let ids = statements::end_all().params(db.client, &params).all().await?;
    Ok(ids.into_iter().map(IntegrationId::from).collect())
}

/// How a third party ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending<'a> {
    /// Where the connection stands now.
    pub status: Status,
    /// Why, as a code.
    pub reason: &'a str,
    /// When, by the third party's clock.
    pub at: Timestamp,
}

/// Ends a connection, or says that its credentials are gone, because the third party said so. False when it was connected
/// again after that.
#[tracing::instrument(name = "db.integrations.end", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn end(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    ending: Ending<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateEndedParams {
        status: ending.status.as_str(),
        health_reason: ending.reason,
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        event_time: ending.at,
    };
    let row = statements::update_ended()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Notes that the token of the account that a connection was made with was taken back, where it is one of these accounts
/// and there was one. False when that is not so, was noted before, or the connection was made again after that.
#[tracing::instrument(name = "db.integrations.update_user_token_revoked", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn note_user_token_revoked(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    (accounts, at): (&[String], Timestamp),
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateUserTokenRevokedParams {
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        connector_user_ids: accounts,
        event_time: at,
    };
    let row = statements::update_user_token_revoked()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// What came of refreshing credentials when it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshFailure<'a> {
    /// How well the connection works now.
    pub health: Health,
    /// Why, as a code.
    pub reason: &'a str,
    /// Why, in our words for a person.
    pub message: Option<&'a str>,
    /// What helps.
    pub remedy: Remedy,
    /// When it is tried again by itself.
    pub retry_at: Option<Timestamp>,
}

/// Says what came of refreshing a connection's credentials, and counts one failure more. False when it was connected again
/// since the caller read it, or has ended.
#[tracing::instrument(name = "db.integrations.update_refresh_failed", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_refresh_failed(
    db: &Transaction<'_>,
    scope: OrganizationId,
    (integration, generation): (IntegrationId, i32),
    failure: &RefreshFailure<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateRefreshFailedParams {
        health: failure.health.as_str(),
        health_reason: failure.reason,
        now,
        health_message: failure.message,
        health_remedy: failure.remedy.as_str(),
        retry_at: failure.retry_at,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        generation,
    };
    let row = statements::update_refresh_failed()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Says that refreshing works again, if it did not; what else the connection may lack stays as it is.
#[tracing::instrument(name = "db.integrations.update_refreshed", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_refreshed(
    db: &Transaction<'_>,
    scope: OrganizationId,
    (integration, generation): (IntegrationId, i32),
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpdateRefreshedParams {
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        generation,
    };
    statements::update_refreshed()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(())
}

/// All that may be shown of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Its id.
    pub id: IntegrationId,
    /// Who connected it; none once that person is gone.
    pub connected_by: Option<UserId>,
    /// To what.
    pub connector: ConnectorKind,
    /// Where it stands.
    pub status: Status,
    /// How well it works.
    pub health: Health,
    /// Why it is not healthy, as a code.
    pub health_reason: Option<String>,
    /// Why it is not healthy, for a person.
    pub health_message: Option<String>,
    /// What helps, in a word of [`Remedy`].
    pub health_remedy: Option<String>,
    /// Since when it is as it is.
    pub health_changed_at: Timestamp,
    /// When the third party was last asked.
    pub health_checked_at: Option<Timestamp>,
    /// When what failed is tried again by itself.
    pub retry_at: Option<Timestamp>,
    /// Counts the times it was connected.
    pub generation: i32,
    /// What is connected.
    pub account: Account,
    /// When it was last connected, by the third party's clock.
    pub installed_at: Timestamp,
    /// When its credentials last did something.
    pub last_used_at: Option<Timestamp>,
    /// When what it reaches was last read in full.
    pub synced_at: Option<Timestamp>,
    /// When its credentials end by themselves.
    pub expires_at: Option<Timestamp>,
    /// When it was first connected.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Overview {
    /// Whether it is there at the third party, as far as we know.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.status.is_connected()
    }

    /// Whether it can be used, though perhaps not for everything.
    #[must_use]
    pub fn works(&self) -> bool {
        let is_granted_less = self.health_remedy.as_deref() == Some(Remedy::Grant.as_str());
        let works = self.health == Health::Healthy || (self.health == Health::Degraded && is_granted_less);
        self.is_connected() && works
    }
}

impl Status {
    /// Whether such a connection is there at the third party, as far as we know.
    #[must_use]
    pub const fn is_connected(self) -> bool {
        match self {
            Self::Active | Self::Suspended | Self::Pending => true,
            Self::NotStarted | Self::Inactive | Self::Deleted => false,
        }
    }
}

impl TryFrom<statements::Overview> for Overview {
    type Error = DbError;

    fn try_from(row: statements::Overview) -> Result<Self, DbError> {
        Ok(Self {
            id: row.integration_id.into(),
            connected_by: row.user_id.map(UserId::from),
            connector: kind("integrations", &row.connector_type)?,
            status: Status::parse(&row.status)?,
            health: Health::parse(&row.health)?,
            health_reason: row.health_reason,
            health_message: row.health_message,
            health_remedy: row.health_remedy,
            health_changed_at: row.health_changed_at,
            health_checked_at: row.health_checked_at,
            retry_at: row.retry_at,
            generation: row.generation,
            account: account(
                row.metadata,
                row.connector_organization_id,
                row.external_id,
                row.bot_id,
                row.connector_user_id,
            )?,
            installed_at: row.installed_at,
            last_used_at: row.last_used_at,
            synced_at: row.synced_at,
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The name of an account, among what is shown of a connection.
const ACCOUNT_NAME: &str = "connector_org_name";

/// What is connected, as the columns of a connection hold it.
pub(super) fn account(
    metadata: Value,
    id: Option<String>,
    external_id: Option<String>,
    bot_id: Option<String>,
    user_id: Option<String>,
) -> Result<Account, DbError> {
    let mut metadata: BTreeMap<String, String> = serde_json::from_value(metadata)
        .map_err(|_| DbError::corrupt("integrations", "metadata", "not texts by name"))?;
    // What a check found gone is blank.
    metadata.retain(|_, value| !value.is_empty());
    Ok(Account {
        id: id.unwrap_or_default(),
        name: metadata.remove(ACCOUNT_NAME).unwrap_or_default(),
        external_id,
        bot_id,
        user_id,
        metadata,
    })
}

/// What is shown of an account, as the column holds it.
#[must_use]
pub fn metadata(account: &Account) -> Value {
    let named = (!account.name.is_empty()).then_some((ACCOUNT_NAME, account.name.as_str()));
    let rest = account
        .metadata
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    named
        .into_iter()
        .chain(rest)
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect()
}

/// All connections of an organization, or that of one connector; the newest first.
#[tracing::instrument(name = "db.integrations.list", skip_all, err(level = "debug"))]
pub async fn list(
    db: &Transaction<'_>,
    scope: OrganizationId,
    of: Option<ConnectorKind>,
) -> Result<Vec<Overview>, DbError> {
    let params = statements::ListParams {
        organization_id: scope.uuid(),
        connector_type: of.map(ConnectorKind::as_str),
    };
    let rows = statements::list().params(db.client, &params).all().await?;
    rows.into_iter().map(Overview::try_from).collect()
}

/// One connection of an organization.
#[tracing::instrument(name = "db.integrations.find_overview", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn find_overview(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
) -> Result<Option<Overview>, DbError> {
    let params = statements::FindOverviewParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let row = statements::find_overview()
        .params(db.client, &params)
        .opt()
        .await?;
    row.map(Overview::try_from).transpose()
}

/// What asking a third party came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check<'a> {
    /// How well the connection works.
    pub health: Health,
    /// Why it is not healthy, as a code.
    pub reason: Option<&'a str>,
    /// Why it is not healthy, for a person.
    pub message: Option<&'a str>,
    /// What helps.
    pub remedy: Option<Remedy>,
    /// When what failed is tried again by itself.
    pub retry_at: Option<Timestamp>,
    /// When it is asked next by itself, whatever it came to.
    pub check_at: Timestamp,
    /// What is shown of the account from now on, beside what was, as a JSON object of texts.
    pub metadata: &'a Value,
}

/// Says what asking a third party came to. False when the connection was made again since the caller read it, or has ended.
#[tracing::instrument(name = "db.integrations.update_checked", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_checked(
    db: &Transaction<'_>,
    scope: OrganizationId,
    (integration, generation): (IntegrationId, i32),
    check: &Check<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateCheckedParams {
        health: check.health.as_str(),
        health_reason: check.reason,
        now,
        health_message: check.message,
        health_remedy: check.remedy.map(Remedy::as_str),
        check_at: check.check_at,
        retry_at: check.retry_at,
        metadata: check.metadata,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        generation,
    };
    let row = statements::update_checked()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// Ends a connection because somebody of the organization said so. False when it has ended.
#[tracing::instrument(name = "db.integrations.update_disconnected", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_disconnected(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateDisconnectedParams {
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let row = statements::update_disconnected()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// The connection that a third party's event names, before it is known whose it is; the one that has ended last where none
/// is live.
#[tracing::instrument(name = "db.integrations.look_up", skip_all, fields(connector.kind = %kind), err(level = "debug"))]
pub async fn look_up(
    db: &Transaction<'_>,
    kind: ConnectorKind,
    external_id: &str,
) -> Result<Option<(OrganizationId, IntegrationId)>, DbError> {
    let name = format!("{kind}:{external_id}");
    scope::look_up().bind(db.client, &name).one().await?;
    let params = statements::FindNewestByExternalIdParams {
        connector_type: kind.as_str(),
        external_id,
    };
    let row = statements::find_newest_by_external_id()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.map(|row| (row.organization_id.into(), row.integration_id.into())))
}

/// A connection that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where it stands.
    pub status: Status,
    /// When it was last connected, by the third party's clock.
    pub installed_at: Timestamp,
    /// The third party's id of what is connected.
    pub account: Option<String>,
}

/// A connection that an event names by `external_id`, if it still is that; others who would change it wait until the
/// transaction ends.
#[tracing::instrument(name = "db.integrations.lock_named", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn lock_named(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    external_id: &str,
) -> Result<Option<Named>, DbError> {
    let params = statements::LockByExternalIdParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        external_id,
    };
    let row = statements::lock_by_external_id()
        .params(db.client, &params)
        .opt()
        .await?;
    row.map(|row| {
        Ok(Named {
            status: Status::parse(&row.status)?,
            installed_at: row.installed_at,
            account: row.connector_organization_id,
        })
    })
    .transpose()
}

/// What a third party tells of a connection itself.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Whether it is active or suspended.
    pub status: Status,
    /// What is shown about it from now on, in the place of every permission that was shown.
    pub metadata: &'a Value,
    /// As of when, by the third party's clock.
    pub at: Timestamp,
}

/// Applies what a third party tells of a connection itself. False when newer news was applied, it was connected after that,
/// or it has ended.
#[tracing::instrument(name = "db.integrations.update_told", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_told(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    told: Told<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::UpdateToldParams {
        status: told.status.as_str(),
        metadata: told.metadata,
        event_time: told.at,
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    let row = statements::update_told().params(db.client, &params).opt().await?;
    Ok(row.is_some())
}

/// Says that a connection works again, if `reason` was why it did not.
#[tracing::instrument(name = "db.integrations.update_cured", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_cured(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpdateCuredParams {
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        health_reason: reason,
    };
    statements::update_cured()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(())
}

/// Says that what a connection reaches has to be read, for the first time or again.
#[tracing::instrument(name = "db.integrations.update_unsynced", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_unsynced(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpdateUnsyncedParams {
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    super::changed(
        statements::update_unsynced()
            .params(db.client, &params)
            .opt()
            .await?,
    )
}

/// When what a connection reaches was last read in full, if it is active and still of this generation; others who would
/// change it wait until the transaction ends.
#[tracing::instrument(name = "db.integrations.lock_for_sync", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn lock_for_sync(
    db: &Transaction<'_>,
    scope: OrganizationId,
    (integration, generation): (IntegrationId, i32),
) -> Result<Option<Option<Timestamp>>, DbError> {
    let params = statements::LockForSyncParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        generation,
    };
    Ok(statements::lock_for_sync()
        .params(db.client, &params)
        .opt()
        .await?)
}

/// Says that what a connection reaches was read in full, by a reading that began at `started_at`, and when it is next.
#[tracing::instrument(name = "db.integrations.update_synced", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn update_synced(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    (started_at, sync_at): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpdateSyncedParams {
        started_at,
        sync_at,
        now,
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
    };
    super::changed(
        statements::update_synced()
            .params(db.client, &params)
            .opt()
            .await?,
    )
}

/// A connection about which something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The connection.
    pub integration: IntegrationId,
    /// To what.
    pub connector: ConnectorKind,
    /// When it became due.
    pub at: Timestamp,
}

impl TryFrom<statements::Due> for Due {
    type Error = DbError;

    fn try_from(row: statements::Due) -> Result<Self, DbError> {
        Ok(Self {
            organization: row.organization_id.into(),
            integration: row.integration_id.into(),
            connector: kind("integrations", &row.connector_type)?,
            at: row.due_at,
        })
    }
}

/// At most `count` connections of these connectors that are to be checked by `before`, from behind one, in the order in
/// which they become due, whoever they belong to; the transaction must [name] the time.
///
/// [name]: Transaction::name_due
#[tracing::instrument(name = "db.integrations.list_due_checks", skip_all, err(level = "debug"))]
pub async fn list_due_checks(
    db: &Transaction<'_>,
    of: &[ConnectorKind],
    before: Timestamp,
    after: Option<Due>,
    count: i64,
) -> Result<Vec<Due>, DbError> {
    let (after_due_at, after) = behind(after);
    let params = statements::ListDueChecksParams {
        connector_types: names(of),
        before,
        after_due_at,
        after,
        count,
    };
    let rows = statements::list_due_checks()
        .params(db.client, &params)
        .all()
        .await?;
    rows.into_iter().map(Due::try_from).collect()
}

/// Puts off a check that is due, so that nobody else does it. False when somebody has put it off, or has done it.
#[tracing::instrument(name = "db.integrations.put_off_check", skip_all, fields(integration.id = %due.integration), err(level = "debug"))]
pub async fn put_off_check(db: &Transaction<'_>, due: &Due, until: Timestamp) -> Result<bool, DbError> {
    let params = statements::PutOffCheckParams {
        check_at: until,
        organization_id: due.organization.uuid(),
        integration_id: due.integration.uuid(),
        due_at: due.at,
    };
    let row = statements::put_off_check()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

/// At most `count` connections of these connectors of which what they reach is to be read by `before`, from behind one, in
/// the order in which they become due, whoever they belong to; the transaction must [name] the time.
///
/// [name]: Transaction::name_due
#[tracing::instrument(name = "db.integrations.list_due_syncs", skip_all, err(level = "debug"))]
pub async fn list_due_syncs(
    db: &Transaction<'_>,
    of: &[ConnectorKind],
    before: Timestamp,
    after: Option<Due>,
    count: i64,
) -> Result<Vec<Due>, DbError> {
    let (after_due_at, after) = behind(after);
    let params = statements::ListDueSyncsParams {
        before,
        connector_types: names(of),
        after_due_at,
        after,
        count,
    };
    let rows = statements::list_due_syncs()
        .params(db.client, &params)
        .all()
        .await?;
    rows.into_iter().map(Due::try_from).collect()
}

/// Puts off a reading that is due, so that nobody else does it. False when somebody has put it off, or has read it.
#[tracing::instrument(name = "db.integrations.put_off_sync", skip_all, fields(integration.id = %due.integration), err(level = "debug"))]
pub async fn put_off_sync(db: &Transaction<'_>, due: &Due, until: Timestamp) -> Result<bool, DbError> {
    let params = statements::PutOffSyncParams {
        sync_at: until,
        organization_id: due.organization.uuid(),
        integration_id: due.integration.uuid(),
        due_at: due.at,
    };
    let row = statements::put_off_sync()
        .params(db.client, &params)
        .opt()
        .await?;
    Ok(row.is_some())
}

fn names(of: &[ConnectorKind]) -> Vec<&'static str> {
    of.iter().map(|kind| kind.as_str()).collect()
}

/// The place behind one that is due; that before all when there is none.
fn behind(after: Option<Due>) -> (Timestamp, uuid::Uuid) {
    after.map_or((Timestamp::UNIX_EPOCH, IntegrationId::NIL.uuid()), |due| {
        (due.at, due.integration.uuid())
    })
}
