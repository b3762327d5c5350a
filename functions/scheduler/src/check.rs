//! Asking third parties how connections are, before somebody needs one that does not work any more.

use std::{collections::BTreeMap, time::Duration};

use shared::{
    clock::{self, Timestamp},
    db::{
        DbError,
        integrations::{self, Due},
    },
    integration::{
        check::{CheckError, EVERY, Look, Reached},
        refresh::RefreshError,
    },
    telemetry::Causes,
};

use crate::{
    App,
    away::{Report, Silences},
    job::Outcome,
};

/// How many are looked up at once.
const BATCH: i64 = 100;

/// How long a check is put off that does not come to its end: behind all others, and not beyond the next tick.
const PAUSE: Duration = Duration::from_mins(10);

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckJobError {
    /// The database or the vault are away, or refuse.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// Of some connections nobody can say how they are, now or later. The others were looked at.
    #[error("{0} connections are in a state that they must not be in")]
    Broken(usize),
}

impl From<DbError> for CheckJobError {
    fn from(error: DbError) -> Self {
        Self::Check(error.into())
    }
}

impl CheckJobError {
    /// Whether the next tick may do it without anybody doing anything.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Check(error) => error.is_outage(),
            Self::Broken(_) => false,
        }
    }
}

/// Checks whatever is due, what has waited longest first, until nothing is left or the time is `until`. Each is put off
/// before it is asked about, so that neither this run nor another does it twice, whatever becomes of it.
///
/// # Errors
/// [`CheckJobError`]. What was found out before is noted.
pub(crate) async fn check(app: &App, until: Timestamp) -> Result<Report, CheckJobError> {
    let mut run = Run {
        app,
        until,
        silences: Silences::default(),
        counts: BTreeMap::new(),
        broken: 0,
    };
    let outcome = run.work().await?;
    match run.broken {
        0 => Ok(Report::of(outcome, run.counts, &run.silences)),
        broken => Err(CheckJobError::Broken(broken)),
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
    async fn work(&mut self) -> Result<Outcome, CheckJobError> {
        let before = self.app.clock.now();
        let mut after = None;
        loop {
            let found = self.list(before, after).await?;
            let Some(last) = found.last().copied() else {
                return Ok(Outcome::Completed);
            };
            for due in found {
                if self.app.clock.now() >= self.until {
                    return Ok(Outcome::OutOfTime);
                }
                if !self.silences.is_away(due.connector) {
                    self.check_one(&due).await?;
                }
            }
            after = Some(last);
        }
    }

    async fn list(&self, before: Timestamp, after: Option<Due>) -> Result<Vec<Due>, DbError> {
        let mut db = self.app.db.get().await?;
        let tx = db.begin().await?;
        tx.name_due(before).await?;
        let found = integrations::list_due_checks(&tx, &self.silences.there(), before, after, BATCH).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn check_one(&mut self, due: &Due) -> Result<(), CheckJobError> {
        let now = self.app.clock.now();
        let taken = Due {
            at: clock::after(now, PAUSE),
            ..*due
        };
        if !self.put_off(due, taken.at).await? {
            return Ok(());
        }
        let checker = &self.app.checker;
        let word = match checker
            .look(due.organization, due.integration, Duration::ZERO)
            .await
        {
            Ok(look) => {
                // There is nothing to ask with, perhaps for good.
                if look.as_ref().is_some_and(|look| look.reached == Reached::Unasked) {
                    self.put_off(&taken, clock::after(now, EVERY)).await?;
                }
                self.note(due, look.as_ref())
            }
            Err(error) if is_broken(&error) => {
                tracing::error!(
                    organization.id = %due.organization,
                    integration.id = %due.integration,
                    error = %Causes(&error),
                    "how a connection is cannot be found out"
                );
                self.broken += 1;
                "broken"
            }
            Err(error) => return Err(error.into()),
        };
        *self.counts.entry(word).or_default() += 1;
        Ok(())
    }

    async fn put_off(&self, due: &Due, until: Timestamp) -> Result<bool, DbError> {
        let mut db = self.app.db.get().await?;
        let tx = db.begin_for(due.organization).await?;
        let is_put_off = integrations::put_off_check(&tx, due, until).await?;
        tx.commit().await?;
        Ok(is_put_off)
    }

    /// Counts how often a third party did not answer; says how the connection is.
    fn note(&mut self, due: &Due, look: Option<&Look>) -> &'static str {
        match look.map(|look| look.reached) {
            Some(Reached::Yes) => self.silences.forget(due.connector),
            Some(Reached::Away) => self.silences.count(due.connector),
            Some(Reached::Unasked) | None => {}
        }
        look.map(|look| &look.overview)
            .filter(|overview| overview.is_connected())
            .map_or("ended", |overview| overview.health.as_str())
    }
}

/// Whether it is this connection's own fault: then the others are not.
fn is_broken(error: &CheckError) -> bool {
    matches!(
        error,
        CheckError::Db(DbError::Corrupt { .. })
            | CheckError::Refresh(RefreshError::Lost(_) | RefreshError::Db(DbError::Corrupt { .. }))
    )
}
