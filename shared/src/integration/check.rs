//! Whether a connection works: asked at its third party, and noted for those who ask next.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    Integrations,
    refresh::{AWAY, RefreshError, Refresher, Unusable},
};
use crate::{
    clock::{self, Timestamp},
    connector::contract::{Checked, ConnectorError, Credentials, Remedy},
    db::{
        DbError,
        integration_credentials::{self, Refreshable},
        integrations::{self, Check, Health, Overview},
    },
    id::{IntegrationId, OrganizationId},
    secret::vault::{CredentialScope, VaultError},
};

/// How long a third party may take.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// How long what a check came to is told to others who ask.
pub const FRESH: Duration = Duration::from_secs(30);
/// How long after a third party was asked it is asked again by itself, at the latest: also about what only a person can
/// make work again, since nobody tells us when they have.
pub const EVERY: Duration = Duration::from_hours(6);
/// How long after what did not work it is asked again by itself, at the earliest.
const RETRY: Duration = Duration::from_mins(15);
/// What is left of credentials that are used for a check.
const AHEAD: Duration = Duration::from_mins(1);

/// Why nothing can be said about a connection.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Its credentials cannot be refreshed, for reasons of our own.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
}

impl CheckError {
    /// Whether somebody who asks later may be answered without anybody doing anything.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_outage(),
            Self::Vault(error) => error.is_outage(),
            Self::Refresh(error) => error.is_outage(),
        }
    }
}

/// Whether a third party said how a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It did.
    Yes,
    /// It is away, or asks for a pause.
    Away,
    /// It was not asked: not long ago it was, the connection has ended, or there is nothing that it could be asked with.
    Unasked,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// How the connection is.
    pub overview: Overview,
    /// Whether the third party said so now.
    pub reached: Reached,
}

/// What checking takes.
#[derive(Debug, Clone)]
pub struct Checker {
    /// The connections.
    pub integrations: Integrations,
    /// What gets new credentials where theirs have ended.
    pub refresher: Refresher,
    /// How long a third party may take: [`PATIENCE`].
    pub patience: Duration,
}

impl Checker {
    /// How a connection is: asked now, unless it was asked in the last `fresh`. None where there is no such connection.
    ///
    /// # Errors
    /// [`CheckError`]; that the third party is away or refuses is no error, but what the connection is then.
    pub async fn check(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        fresh: Duration,
    ) -> Result<Option<Overview>, CheckError> {
        let look = self.look(organization, integration, fresh).await?;
        Ok(look.map(|look| look.overview))
    }

    /// As [`check`](Self::check), for whoever also wants to know whether the third party was there.
    ///
    /// # Errors
    /// As there.
    #[tracing::instrument(
        name = "integration.check",
        skip_all,
        fields(organization.id = %organization, integration.id = %integration)
    )]
    pub async fn look(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        fresh: Duration,
    ) -> Result<Option<Look>, CheckError> {
        let Some(overview) = self.overview(organization, integration).await? else {
            return Ok(None);
        };
        let now = self.integrations.clock.now();
        let is_fresh = overview
            .health_checked_at
            .is_some_and(|at| at <= now && now < clock::after(at, fresh));
        if is_fresh || !overview.is_connected() {
            return Ok(Some(Look {
                overview,
                reached: Reached::Unasked,
            }));
        }
        let mut reached = Reached::Unasked;
        match self
            .refresher
            .refresh_if_expiring(organization, integration, AHEAD)
            .await
        {
            // What was refused once may be good again, as long as it has not ended.
            Ok(_) | Err(Unusable::Refused(_) | Unusable::Ended) => {}
            // Noted by whoever tried.
            Err(Unusable::ForNow(reason)) => {
                if reason == AWAY {
                    reached = Reached::Away;
                }
                return self.seen(organization, integration, reached).await;
            }
            Err(Unusable::Unknown(error)) => return Err(error.into()),
        }
        if let Some(found) = self.credentials(organization, integration).await?
            && found.expires_at.is_none_or(|end| now < end)
        {
            let asked = self.ask(organization, integration, &found).await?;
            reached = match &asked {
                Err(error) if error.is_outage() => Reached::Away,
                Ok(_) | Err(_) => Reached::Yes,
            };
            self.note(organization, integration, &found, asked).await?;
        }
        self.seen(organization, integration, reached).await
    }

    /// How the connection is now.
    async fn seen(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        reached: Reached,
    ) -> Result<Option<Look>, CheckError> {
        let overview = self.overview(organization, integration).await?;
        Ok(overview.map(|overview| Look { overview, reached }))
    }

    async fn overview(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<Option<Overview>, DbError> {
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let found = integrations::find_overview(&tx, organization, integration).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn credentials(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<Option<Refreshable>, DbError> {
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let found = integration_credentials::find(&tx, organization, integration).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn ask(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        found: &Refreshable,
    ) -> Result<Result<Checked, ConnectorError>, VaultError> {
        let scope = CredentialScope {
            organization,
            connector: found.connector,
            integration,
        };
        let credentials: Credentials =
            match self.integrations.vault.open(&scope, &found.sealed, "check").await {
                Ok(credentials) => credentials,
                Err(VaultError::Tampered | VaultError::Encoding) => {
                    return Ok(Err(ConnectorError::Refused {
                        reason: "credentials_unreadable",
                        message: "the stored credentials do not open; connect again".to_owned(),
                        remedy: Remedy::Reconnect,
                    }));
                }
                Err(error) => return Err(error),
            };
        let connection = super::connection(organization, integration, found, self.integrations.clock.now());
        let connector = self.integrations.connectors.get(found.connector);
        let asked = tokio::time::timeout(self.patience, connector.validate(connection, &credentials)).await;
        Ok(asked.unwrap_or_else(|elapsed| {
            Err(ConnectorError::Unavailable {
                retry_after: None,
                source: elapsed.into(),
            })
        }))
    }

    async fn note(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        found: &Refreshable,
        asked: Result<Checked, ConnectorError>,
    ) -> Result<(), DbError> {
        let now = self.integrations.clock.now();
        let (metadata, asked) = match asked {
            Ok(checked) => (shown(checked.metadata), Ok(checked.lacking)),
            Err(error) => (Value::Object(serde_json::Map::new()), Err(error)),
        };
        let mut check = Check {
            health: Health::Healthy,
            reason: None,
            message: None,
            remedy: None,
            retry_at: None,
            check_at: clock::after(now, EVERY),
            metadata: &metadata,
        };
        match &asked {
            Ok(None) => {}
            Ok(Some(lack)) => {
                check.health = Health::Degraded;
                check.reason = Some(lack.reason);
                check.message = Some(&lack.message);
                check.remedy = Some(lack.remedy);
                check.retry_at = Some(clock::after(now, RETRY));
            }
            Err(error) => fail(&mut check, error, found, now),
        }
        if let Some(retry_at) = check.retry_at {
            check.check_at = check.check_at.min(retry_at);
        }
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        integrations::update_checked(&tx, organization, (integration, found.generation), &check, now).await?;
        tx.commit().await?;
        if let Some(reason) = check.reason {
            tracing::warn!(connector.kind = %found.connector, reason, "a connection does not work as it should");
        }
        self.integrations
            .metrics
            .count("ConnectionsChecked", Some(("health", check.health.as_str())));
        Ok(())
    }
}

/// What an error of the third party says about the connection. Somebody who cannot be asked says nothing about whether an
/// admin has to act: then that stays.
fn fail<'a>(check: &mut Check<'a>, error: &'a ConnectorError, found: &'a Refreshable, now: Timestamp) {
    let at_least = |wait: Option<Duration>| clock::after(now, wait.unwrap_or_default().max(RETRY));
    check.reason = Some(error.reason());
    match error {
        ConnectorError::Refused {
            message,
            remedy: Remedy::Reconnect,
            ..
        } => {
            check.health = Health::NeedsReauth;
            check.message = Some(message);
            check.remedy = Some(Remedy::Reconnect);
        }
        ConnectorError::Gone { message, .. } => {
            check.health = Health::Revoked;
            check.message = Some(message);
            check.remedy = Some(Remedy::Reconnect);
        }
        ConnectorError::Refused { message, remedy, .. } => {
            check.health = Health::Degraded;
            check.message = Some(message);
            check.remedy = Some(*remedy);
            check.retry_at = Some(at_least(None));
        }
        ConnectorError::Unavailable { .. } | ConnectorError::Protocol { .. } | ConnectorError::Invalid(_)
            if matches!(found.health, Health::NeedsReauth | Health::Revoked) =>
        {
            check.health = found.health;
            check.reason = found.health_reason.as_deref().or(check.reason);
            check.remedy = Some(Remedy::Reconnect);
        }
        ConnectorError::Unavailable { retry_after, .. } => {
            check.health = Health::Degraded;
            check.message = Some("the third party does not answer");
            check.remedy = Some(Remedy::Wait);
            check.retry_at = Some(at_least(*retry_after));
        }
        ConnectorError::Protocol { .. } | ConnectorError::Invalid(_) => {
            check.health = Health::Degraded;
            check.message = Some("the third party answers what cannot be understood");
            check.remedy = Some(Remedy::Wait);
            check.retry_at = Some(at_least(None));
        }
        ConnectorError::NotSetUp { what } => {
            check.health = Health::Degraded;
            check.message = Some(what);
            check.remedy = Some(Remedy::Operator);
            check.retry_at = Some(at_least(None));
        }
    }
}

fn shown(metadata: BTreeMap<String, String>) -> Value {
    metadata
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect()
}
