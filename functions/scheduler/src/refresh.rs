//! Refreshing credentials before they end.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use shared::{
    clock::Timestamp,
    db::{
        DbError,
        integration_credentials::{self, Due, REFRESH_AHEAD, REFRESH_SPREAD},
    },
    integration::refresh::{AWAY, Outcome as Refreshed, RefreshError},
    telemetry::{Causes, Unit},
};

use crate::{App, away::Silences, job::Outcome};

/// How many are looked up at once.
const BATCH: i64 = 100;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    outcome: Outcome,
    /// How many connections were looked at, by what came of it.
    counts: BTreeMap<&'static str, usize>,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshJobError {
    /// The database or the vault are away, or refuse.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// Some credentials can be neither refreshed nor left to the next run. The others were looked at.
    #[error("{0} connections are in a state that they must not be in")]
    Broken(usize),
}

impl From<DbError> for RefreshJobError {
    fn from(error: DbError) -> Self {
        Self::Refresh(error.into())
    }
}

impl RefreshJobError {
    /// Whether the next tick may do it without anybody doing anything.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Refresh(error) => error.is_outage(),
            Self::Broken(_) => false,
        }
    }
}

/// Refreshes whatever is due, the most urgent first, until nothing is left or the time is `until`. What fails is put off
/// by itself, so that a run never does the same twice, and the next one goes on where this one ended.
///
/// # Errors
/// [`RefreshJobError`].
pub(crate) async fn refresh(app: &App, until: Timestamp) -> Result<Report, RefreshJobError> {
    let mut run = Run {
        app,
        until,
        silences: Silences::default(),
        report: Report {
            outcome: Outcome::Completed,
            counts: BTreeMap::new(),
        },
        broken: 0,
    };
    let result = run.work().await;
    for (outcome, count) in &run.report.counts {
        let count = f64::from(u32::try_from(*count).unwrap_or(u32::MAX));
        app.metrics
            .put("RefreshesDue", Unit::Count, count, Some(("outcome", outcome)));
    }
    run.report.outcome = result?;
    match run.broken {
        0 => Ok(run.report),
        broken => Err(RefreshJobError::Broken(broken)),
    }
}

struct Run<'a> {
    app: &'a App,
    until: Timestamp,
    silences: Silences,
    report: Report,
    broken: usize,
}

impl Run<'_> {
    async fn work(&mut self) -> Result<Outcome, RefreshJobError> {
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
                self.refresh_one(due).await?;
            }
            after = Some(last);
        }
    }

    async fn list(&self, before: Timestamp, after: Option<Due>) -> Result<Vec<Due>, DbError> {
        let mut db = self.app.db.get().await?;
        let tx = db.begin().await?;
        tx.name_due(before).await?;
        let found = integration_credentials::list_due(&tx, before, after, BATCH).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn refresh_one(&mut self, due: Due) -> Result<(), RefreshJobError> {
        // Whatever is due has less left than this.
        const AHEAD: Duration = REFRESH_AHEAD.saturating_add(REFRESH_SPREAD);
        let away = self.silences.away();
        let refresher = &self.app.refresher;
        let word = match refresher
            .refresh(due.organization, due.integration, AHEAD, &away)
            .await
        {
            Ok(outcome) => {
                self.note(&outcome);
                outcome.as_str()
            }
            Err(error @ (RefreshError::Lost(_) | RefreshError::Db(DbError::Corrupt { .. }))) => {
                tracing::error!(
                    organization.id = %due.organization,
                    integration.id = %due.integration,
                    error = %Causes(&error),
                    "credentials cannot be refreshed"
                );
                self.broken += 1;
                "broken"
            }
            Err(error) => return Err(error.into()),
        };
        *self.report.counts.entry(word).or_default() += 1;
        Ok(())
    }

    /// Counts how often a third party did not answer.
    fn note(&mut self, outcome: &Refreshed) {
        match outcome {
            Refreshed::Renewed(current) => self.silences.forget(current.connector),
            Refreshed::Deferred { current, reason } if *reason == AWAY => {
                self.silences.count(current.connector);
            }
            Refreshed::Fresh(_)
            | Refreshed::Deferred { .. }
            | Refreshed::Refused { .. }
            | Refreshed::Ended => {}
        }
    }
}
