//! Reading anew what connections reach: news of it may have been lost, and a first reading may have failed.

use std::{collections::BTreeMap, time::Duration};

use shared::{
    clock::{self, Timestamp},
    db::{
        DbError,
        integrations::{self, Due},
    },
    integration::sync::SyncError,
    secret::vault::VaultError,
    telemetry::{Causes, Unit},
};

use crate::{
    App,
    away::{Report, Silences},
    job::Outcome,
};

/// How many are looked up at once.
const BATCH: i64 = 100;

/// How long a reading that fails is put off: behind all others, and not beyond the next tick.
const PAUSE: Duration = Duration::from_mins(30);

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum SyncJobError {
    /// The database or the vault are away, or refuse.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// What some connections reach can be read neither now nor later. The others were read.
    #[error("{0} connections are in a state that they must not be in")]
    Broken(usize),
}

impl From<DbError> for SyncJobError {
    fn from(error: DbError) -> Self {
        Self::Sync(error.into())
    }
}

impl SyncJobError {
    /// Whether the next tick may do it without anybody doing anything.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Sync(error) => error.is_outage(),
            Self::Broken(_) => false,
        }
    }
}

/// Reads what connections reach where that is due, what has waited longest first, until nothing is left or the time is
/// `until`. Each is put off before it is read, so that a run tries none twice, two runs do not read the same, and what fails
/// waits for the next run, behind all others.
///
/// # Errors
/// [`SyncJobError`]. What was read before is kept.
pub(crate) async fn sync(app: &App, until: Timestamp) -> Result<Report, SyncJobError> {
    let mut run = Run {
        app,
        until,
        silences: Silences::default(),
        counts: BTreeMap::new(),
        broken: 0,
    };
    let result = run.work().await;
    for (outcome, count) in &run.counts {
        let count = f64::from(u32::try_from(*count).unwrap_or(u32::MAX));
        app.metrics.put(
            "RepositoriesSynced",
            Unit::Count,
            count,
            Some(("outcome", outcome)),
        );
    }
    let outcome = result?;
    match run.broken {
        0 => Ok(Report::of(outcome, run.counts, &run.silences)),
        broken => Err(SyncJobError::Broken(broken)),
    }
}

struct Run<'a> {
    app: &'a App,
    until: Timestamp,
    silences: Silences,
    counts: BTreeMap<&'static str, usize>,
    broken: usize,
}

impl Run<'_> {
    async fn work(&mut self) -> Result<Outcome, SyncJobError> {
        let before = self.app.clock.now();
        let mut after = None;
        loop {
            let found = self.list(before, after).await?;
            let Some(last) = found.last().copied() else {
                return Ok(Outcome::Completed);
            };
            for due in found {
                let left = clock::until(self.app.clock.now(), self.until);
                if left.is_zero() {
                    return Ok(Outcome::OutOfTime);
                }
                if self.silences.is_away(due.connector) || !self.put_off(&due).await? {
                    continue;
                }
                let reading = self
                    .app
                    .refresher
                    .integrations
                    .sync(due.organization, due.integration);
                // An installation may reach so much that a run does not get to the end of it.
                let Ok(read) = tokio::time::timeout(left, reading).await else {
                    self.tally("cut_off");
                    return Ok(Outcome::OutOfTime);
                };
                let word = self.note(&due, read.map(drop))?;
                self.tally(word);
            }
            after = Some(last);
        }
    }

    async fn list(&self, before: Timestamp, after: Option<Due>) -> Result<Vec<Due>, DbError> {
        let mut db = self.app.db.get().await?;
        let tx = db.begin().await?;
        tx.name_due(before).await?;
        let found = integrations::list_due_syncs(&tx, &self.silences.there(), before, after, BATCH).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn put_off(&self, due: &Due) -> Result<bool, DbError> {
        let until = clock::after(self.app.clock.now(), PAUSE);
        let mut db = self.app.db.get().await?;
        let tx = db.begin_for(due.organization).await?;
        let is_put_off = integrations::put_off_sync(&tx, due, until).await?;
        tx.commit().await?;
        Ok(is_put_off)
    }

    fn tally(&mut self, word: &'static str) {
        *self.counts.entry(word).or_default() += 1;
    }

    /// What a reading came to, in a word; an error where the run cannot go on.
    fn note(&mut self, due: &Due, read: Result<(), SyncError>) -> Result<&'static str, SyncError> {
        let error = match read {
            Ok(()) => {
                self.silences.forget(due.connector);
                return Ok("read");
            }
            Err(error) => error,
        };
        let word = match &error {
            SyncError::Ended => return Ok("ended"),
            SyncError::Connector(error) if error.is_outage() => {
                self.silences.count(due.connector);
                "unavailable"
            }
            // What is wrong with the connection a check finds out, and tells who must act.
            SyncError::Connector(_) => {
                self.silences.forget(due.connector);
                "refused"
            }
            SyncError::Vault(VaultError::Tampered | VaultError::Encoding) => "unreadable",
            SyncError::Db(DbError::Corrupt { .. }) => {
                self.broken += 1;
                "broken"
            }
            SyncError::Vault(VaultError::Key(_)) | SyncError::Db(_) => return Err(error),
        };
        tracing::warn!(
            organization.id = %due.organization,
            integration.id = %due.integration,
            error = %Causes(&error),
            "what a connection reaches was not read"
        );
        Ok(word)
    }
}
