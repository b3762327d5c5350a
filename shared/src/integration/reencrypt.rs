//! Moving all credentials from one KMS key to another: nothing is opened, each data key is wrapped anew.
//!
//! A pass goes through the credentials of connections, and then through those of connections that have ended while their
//! third party could not be told. Where it stands is kept in the database, so that it may take many runs; whoever takes
//! over goes on from there. Credentials that somebody replaces meanwhile are left as they are: they were sealed under the
//! new key. What does not open here is told and left, never lost.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::{
    clock::{self, Clock, Timestamp},
    connector::ConnectorKind,
    db::{
        Access, DbError, Transaction,
        audit_events::{self, AuditEvent},
        integration_credentials, integration_revocations,
        reconciliations::{self, Hold, Progress},
    },
    id::{Ids, IntegrationId, OrganizationId},
    secret::{
        kms,
        vault::{CredentialScope, Sealed, Vault, VaultError},
    },
    telemetry::{Causes, Metrics, Unit},
};

/// How long a run holds the pass from each note of where it stands. After that it counts as dead.
pub const LEASE: Duration = Duration::from_mins(1);

/// How many are looked up at once.
const BATCH: i64 = 50;

/// The most that are counted of what is left.
const COUNTED: i64 = 1_000;

/// What is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Credentials,
    Revocations,
}

impl Table {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "integration_credentials",
            Self::Revocations => "integration_revocations",
        }
    }

    /// The table of a word. One that another release wrote begins from the start, which may be done again at any time.
    fn of(word: &str) -> Self {
        if word == Self::Revocations.as_str() {
            Self::Revocations
        } else {
            Self::Credentials
        }
    }

    async fn list(
        self,
        tx: &Transaction<'_>,
        key_id: &str,
        after: IntegrationId,
        count: i64,
    ) -> Result<Vec<(OrganizationId, IntegrationId)>, DbError> {
        match self {
            Self::Credentials => {
                integration_credentials::list_under_another_key(tx, key_id, after, count).await
            }
            Self::Revocations => {
                integration_revocations::list_under_another_key(tx, key_id, after, count).await
            }
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With it, a pass ended.
    Completed,
    /// The time was up; the next run goes on.
    OutOfTime,
    /// Another run is at it.
    Busy,
    /// Another run took over: this one was too slow to say that it lives.
    TakenOver,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// How many credentials were moved.
    pub moved: usize,
    /// How many somebody else had moved, replaced or destroyed meanwhile.
    pub overtaken: usize,
    /// The connections with credentials that do not open here: whoever connects again replaces them.
    pub unopened: Vec<IntegrationId>,
    /// How many are still under another key, counted up to a thousand. While it is not zero, the old key must stay.
    pub remaining: usize,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum ReencryptError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// KMS.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl ReencryptError {
    /// Whether the next run may do it without anybody doing anything.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_outage(),
            Self::Vault(error) => error.is_outage(),
        }
    }
}

/// Why a run stops before the pass has ended.
enum Stop {
    As(Outcome),
    Error(ReencryptError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        match error {
            DbError::LeaseLost => Self::As(Outcome::TakenOver),
            error => Self::Error(error.into()),
        }
    }
}

/// What moving takes.
#[derive(Debug, Clone, Copy)]
pub struct Reencryptor<'a> {
    /// Where the credentials are.
    pub db: &'a Access,
    /// What wraps their data keys anew. It must know the old key beside the new one.
    pub vault: &'a Vault,
    /// The KMS key that everything is moved to, as KMS spells it: its ARN.
    pub key_id: &'a str,
    /// The time.
    pub clock: &'a dyn Clock,
    /// New ids.
    pub ids: &'a Ids,
    /// Where what is moved is counted.
    pub metrics: &'a Metrics,
    /// Who moves, for the record.
    pub actor: &'a str,
    /// The request that this is about.
    pub request_id: Option<&'a str>,
}

impl Reencryptor<'_> {
    /// Goes on with the pass under way, or begins one, until it has ended or the time is `until`. What is begun by then is
    /// ended.
    ///
    /// # Errors
    /// [`ReencryptError`]. All that was moved before stays moved.
    #[tracing::instrument(name = "integration.reencrypt", skip_all)]
    pub async fn run(&self, until: Timestamp) -> Result<Report, ReencryptError> {
        let mut report = Report {
            outcome: Outcome::Busy,
            moved: 0,
            overtaken: 0,
            unopened: Vec::new(),
            remaining: 0,
        };
        let name = self.name();
        let now = self.clock.now();
        let held_until = clock::after(now, LEASE);
        let db = self.db.get().await?;
        let first = Table::Credentials.as_str();
        let claimed = reconciliations::claim(&db, &name, first, held_until, now).await?;
        drop(db);
        if let Some(progress) = claimed {
            let mut pass = Pass {
                of: *self,
                name: &name,
                table: Table::of(&progress.phase),
                progress,
                held_until,
                until,
                report: &mut report,
            };
            let stop = match pass.work().await {
                Ok(()) => pass.complete().await.err(),
                Err(stop) => Some(pass.release(stop).await),
            };
            match stop {
                None => report.outcome = Outcome::Completed,
                Some(Stop::As(outcome)) => report.outcome = outcome,
                Some(Stop::Error(error)) => {
                    self.count(&report);
                    return Err(error);
                }
            }
        }
        self.count(&report);
        report.remaining = self.remaining().await?;
        Ok(report)
    }

    /// What the move to this key is called in the database: that to another begins from the start.
    fn name(&self) -> String {
        let key = self.key_id.rsplit('/').next().unwrap_or_default();
        format!("reencrypt {key}")
    }

    fn count(&self, report: &Report) {
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let moved = number(report.moved);
        self.metrics
            .put("CredentialsReencrypted", Unit::Count, moved, None);
        let unopened = number(report.unopened.len());
        self.metrics
            .put("CredentialsUnopened", Unit::Count, unopened, None);
    }

    async fn list(
        &self,
        table: Table,
        after: IntegrationId,
        count: i64,
    ) -> Result<Vec<(OrganizationId, IntegrationId)>, DbError> {
        let mut db = self.db.get().await?;
        let tx = db.begin().await?;
        tx.name_credentials_key(self.key_id).await?;
        let found = table.list(&tx, self.key_id, after, count).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn remaining(&self) -> Result<usize, DbError> {
        let mut remaining = 0;
        for table in [Table::Credentials, Table::Revocations] {
            remaining += self.list(table, IntegrationId::NIL, COUNTED).await?.len();
        }
        Ok(remaining)
    }
}

/// Credentials as they are kept, and where.
struct Kept {
    kind: ConnectorKind,
    sealed: Sealed,
    /// Of a connection that has ended, when it did.
    ended_at: Option<Timestamp>,
}

/// A pass, while a run works on it.
struct Pass<'a> {
    of: Reencryptor<'a>,
    name: &'a str,
    progress: Progress,
    table: Table,
    /// Until when we hold it.
    held_until: Timestamp,
    /// When the run must end.
    until: Timestamp,
    report: &'a mut Report,
}

impl Pass<'_> {
    async fn work(&mut self) -> Result<(), Stop> {
        let is_over = |at: &Timestamp| *at >= self.progress.pass_started_at;
        if self.progress.completed_at.as_ref().is_some_and(is_over) {
            self.progress.pass_started_at = self.of.clock.now();
            self.enter(Table::Credentials).await?;
        }
        loop {
            self.go_through().await?;
            match self.table {
                Table::Credentials => self.enter(Table::Revocations).await?,
                Table::Revocations => return Ok(()),
            }
        }
    }

    async fn go_through(&mut self) -> Result<(), Stop> {
        loop {
            let after = self
                .progress
                .after
                .map_or(IntegrationId::NIL, IntegrationId::from);
            let found = self.of.list(self.table, after, BATCH).await?;
            if found.is_empty() {
                return Ok(());
            }
            for (organization, integration) in found {
                if self.of.clock.now() >= self.until {
                    return Err(Stop::As(Outcome::OutOfTime));
                }
                self.move_one(organization, integration).await?;
                self.progress.after = Some(integration.uuid());
                self.progress.position = self.progress.position.saturating_add(1);
                self.save().await?;
            }
        }
    }

    /// Moves what one connection has in the table. No transaction is open while KMS is asked.
    async fn move_one(
        &mut self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<(), Stop> {
        let kept = match self.read(organization, integration).await {
            Ok(kept) => kept,
            // Of a connector that this release does not know, or written over.
            Err(error @ DbError::Corrupt { .. }) => {
                self.leave(organization, integration, &error);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if kept.is_empty() {
            self.report.overtaken += 1;
        }
        for kept in kept {
            if kms::is_same_key(&kept.sealed.key_id, self.of.key_id) {
                continue;
            }
            let scope = CredentialScope {
                organization,
                connector: kept.kind,
                integration,
            };
            match self.of.vault.rewrap(&scope, &kept.sealed).await {
                Ok(sealed) => self.write(&scope, &kept, &sealed).await?,
                Err(error @ (VaultError::Tampered | VaultError::Encoding)) => {
                    self.leave(organization, integration, &error);
                }
                Err(error @ VaultError::Key(_)) => return Err(Stop::Error(error.into())),
            }
        }
        Ok(())
    }

    fn leave(
        &mut self,
        organization: OrganizationId,
        integration: IntegrationId,
        error: &(dyn std::error::Error + 'static),
    ) {
        tracing::warn!(
            organization.id = %organization,
            integration.id = %integration,
            table = self.table.as_str(),
            error = %Causes(error),
            "credentials do not open here and stay under their key"
        );
        self.report.unopened.push(integration);
    }

    async fn read(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<Vec<Kept>, DbError> {
        let mut db = self.of.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let kept = match self.table {
            Table::Credentials => integration_credentials::find_sealed(&tx, organization, integration)
                .await?
                .into_iter()
                .map(|(kind, sealed)| Kept {
                    kind,
                    sealed,
                    ended_at: None,
                })
                .collect(),
            Table::Revocations => integration_revocations::list_sealed(&tx, organization, integration)
                .await?
                .into_iter()
                .map(|(ended_at, kind, sealed)| Kept {
                    kind,
                    sealed,
                    ended_at: Some(ended_at),
                })
                .collect(),
        };
        tx.commit().await?;
        Ok(kept)
    }

    async fn write(&mut self, scope: &CredentialScope, kept: &Kept, sealed: &Sealed) -> Result<(), DbError> {
        let (organization, integration) = (scope.organization, scope.integration);
        let mut db = self.of.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let old = &kept.sealed;
        let is_moved = match kept.ended_at {
            None => {
                integration_credentials::update_wrapped_key(&tx, organization, integration, old, sealed)
                    .await?
            }
            Some(at) => {
                integration_revocations::update_wrapped_key(&tx, organization, integration, at, old, sealed)
                    .await?
            }
        };
        if !is_moved {
            self.report.overtaken += 1;
            return Ok(());
        }
        let event = AuditEvent {
            id: self.of.ids.audit_event(),
            actor: self.of.actor.to_owned(),
            action: "credentials.reencrypted".to_owned(),
            subject: integration.to_string(),
            outcome: audit_events::Outcome::Succeeded,
            details: json!({ "connector": scope.connector.as_str() }),
            request_id: self.of.request_id.map(str::to_owned),
            address: None,
            at: self.of.clock.now(),
        };
        audit_events::insert(&tx, organization, &event).await?;
        tx.commit().await?;
        self.report.moved += 1;
        Ok(())
    }

    async fn enter(&mut self, table: Table) -> Result<(), Stop> {
        self.table = table;
        table.as_str().clone_into(&mut self.progress.phase);
        self.progress.after = None;
        self.progress.position = 0;
        self.save().await
    }

    async fn save(&mut self) -> Result<(), Stop> {
        let lease_until = clock::after(self.of.clock.now(), LEASE);
        self.save_until(lease_until).await
    }

    async fn save_until(&mut self, lease_until: Timestamp) -> Result<(), Stop> {
        let now = self.of.clock.now();
        let hold = Hold {
            held_until: self.held_until,
            lease_until,
        };
        let db = self.of.db.get().await?;
        reconciliations::save(&db, self.name, &self.progress, hold, now).await?;
        self.held_until = lease_until;
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), Stop> {
        let now = self.of.clock.now();
        self.progress.completed_at = Some(now);
        self.save_until(now).await
    }

    /// Gives the pass back to whoever comes next, with a note of where it stands.
    async fn release(&mut self, stop: Stop) -> Stop {
        if matches!(stop, Stop::As(Outcome::TakenOver)) {
            return stop;
        }
        let now = self.of.clock.now();
        // Where that fails, the lease runs out by itself.
        match (self.save_until(now).await, stop) {
            (Err(error), Stop::As(_)) => error,
            (_, stop) => stop,
        }
    }
}
