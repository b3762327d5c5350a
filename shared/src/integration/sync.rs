//! Reading in full which repositories a connection reaches.
//!
//! Events tell of changes and may be lost; this tells how it is. Pages are kept as they come, so a page that fails leaves
//! what is there; what has vanished is forgotten only after the last page. A reading is as of the time when it began: what
//! an event told later stays, and of two readings at once the one that began earlier gives way when the other has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Integrations;
use crate::{
    clock::{self, Timestamp},
    connector::contract::{ConnectorError, Credentials, Repository},
    db::{
        DbError, github_repositories, integration_credentials,
        integrations::{self, Status},
    },
    id::{IntegrationId, OrganizationId},
    secret::vault::{CredentialScope, VaultError},
};

/// How many pages are read at the most: as many repositories as GitHub lets one installation reach, and some more.
const MOST_PAGES: usize = 1_000;

/// How long after a reading what a connection reaches is read again by itself: news of it may have been lost.
pub const EVERY: Duration = Duration::from_hours(24);

/// What a reading came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// How many repositories the connection reaches.
    pub repositories: usize,
    /// How many it reaches no longer.
    pub removed: usize,
}

/// Why what a connection reaches was not read.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no such connection, it is not in use, or it was made again meanwhile.
    #[error("the connection is not there, not in use, or another one by now")]
    Ended,
    /// The third party.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SyncError {
    /// Whether the same may work in a while without anybody doing anything.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Ended => false,
            Self::Connector(error) => error.is_outage(),
            Self::Vault(error) => error.is_outage(),
            Self::Db(error) => error.is_outage(),
        }
    }
}

/// A reading that is going on.
struct Reading {
    organization: OrganizationId,
    integration: IntegrationId,
    generation: i32,
    started_at: Timestamp,
}

impl Integrations {
    /// Reads in full which repositories a connection reaches, and keeps that.
    ///
    /// # Errors
    /// [`SyncError`]; what was read until then is kept, and nothing is forgotten.
    #[tracing::instrument(
        name = "integration.sync",
        skip_all,
        fields(organization.id = %organization, integration.id = %integration)
    )]
    pub async fn sync(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<Synced, SyncError> {
        let found = {
            let mut db = self.db.get().await?;
            let tx = db.begin_for(organization).await?;
            let found = integration_credentials::find(&tx, organization, integration).await?;
            tx.commit().await?;
            found
                .filter(|found| found.status == Status::Active)
                .ok_or(SyncError::Ended)?
        };
        let scope = CredentialScope {
            organization,
            connector: found.connector,
            integration,
        };
        let credentials: Credentials = self.vault.open(&scope, &found.sealed, "sync").await?;
        let connector = self.connectors.get(found.connector);
        let reading = Reading {
            organization,
            integration,
            generation: found.generation,
            started_at: self.clock.now(),
        };

        let mut seen = BTreeSet::new();
        let mut page = 1;
        for _ in 0..MOST_PAGES {
            let connection = super::connection(organization, integration, &found, self.clock.now());
            let read = connector.repositories(connection, &credentials, page).await?;
            if !read.items.is_empty() {
                self.keep(&reading, &read.items).await?;
                seen.extend(read.items.iter().map(|repository| repository.id));
            }
            let Some(next) = read.next else {
                let removed = self.finish(&reading).await?;
                let repositories = seen.len();
                tracing::info!(repositories, removed, "what a connection reaches was read");
                return Ok(Synced {
                    repositories,
                    removed,
                });
            };
            page = next;
        }
        Err(ConnectorError::Protocol {
            what: "pages without end".to_owned(),
        }
        .into())
    }

    /// Keeps a page.
    async fn keep(&self, reading: &Reading, page: &[Repository]) -> Result<(), SyncError> {
        // In one statement no row may be written twice.
        let page: BTreeMap<_, _> = page
            .iter()
            .map(|repository| (repository.id, repository))
            .collect();
        let (organization, integration) = (reading.organization, reading.integration);
        let mut db = self.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let of = (integration, reading.generation);
        let Some(synced_at) = integrations::lock_for_sync(&tx, organization, of).await? else {
            return Err(SyncError::Ended);
        };
        // A reading that began later has ended: it knows better what is there, so nothing is brought back.
        if synced_at.is_none_or(|at| at <= reading.started_at) {
            let now = self.clock.now();
            let started_at = reading.started_at;
            github_repositories::upsert_read(
                &tx,
                organization,
                integration,
                page.into_values(),
                started_at,
                now,
            )
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// After the last page: forgets what was on none. Answers how many that were.
    async fn finish(&self, reading: &Reading) -> Result<usize, SyncError> {
        let (organization, integration, started_at) =
            (reading.organization, reading.integration, reading.started_at);
        let mut db = self.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let of = (integration, reading.generation);
        let Some(synced_at) = integrations::lock_for_sync(&tx, organization, of).await? else {
            return Err(SyncError::Ended);
        };
        if synced_at.is_some_and(|at| at > started_at) {
            tx.commit().await?;
            return Ok(0);
        }
        let removed = github_repositories::delete_unread(&tx, organization, integration, started_at).await?;
        let read = (started_at, clock::after(started_at, EVERY));
        integrations::update_synced(&tx, organization, integration, read, self.clock.now()).await?;
        tx.commit().await?;
        Ok(removed)
    }
}
