//! Having sent again what GitHub could not deliver: it tries once and never again by itself.

use std::time::Duration;

use serde::Serialize;
use shared::{
    clock::{self, Timestamp},
    connector::{ConnectorKind, contract::ConnectorError},
    db::{
        DbError,
        reconciliations::{self, Hold, Progress},
    },
    telemetry::Unit,
};

use crate::{App, RESERVE};

/// What it is called in the database.
const NAME: &str = "github_deliveries";
/// It has no parts.
const PHASE: &str = "failed";

/// For so long GitHub can be asked to send something again.
pub const LOOK_BACK: Duration = Duration::from_hours(72);
/// What was on its way when the last run looked is looked at again.
pub const OVERLAP: Duration = Duration::from_mins(10);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Everything was looked at.
    Completed,
    /// There is more; the next run looks at all of it again.
    Unfinished,
    /// Another run is at it.
    Busy,
    /// This deployment has no GitHub App.
    NotSetUp,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    outcome: Outcome,
    /// How many deliveries GitHub was asked for.
    asked: usize,
}

impl Report {
    const fn without(outcome: Outcome) -> Self {
        Self { outcome, asked: 0 }
    }
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RedeliverError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// GitHub.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
}

impl RedeliverError {
    /// Whether the next tick may do it without anybody doing anything.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_outage(),
            Self::Connector(error) => error.is_outage(),
        }
    }
}

/// Asks for what has failed since the last run that looked at everything, until the time is `until`.
///
/// # Errors
/// [`RedeliverError`]. What was asked for before is asked for.
pub(crate) async fn redeliver(app: &App, until: Timestamp) -> Result<Report, RedeliverError> {
    let now = app.clock.now();
    let held_until = clock::after(until, RESERVE);
    let db = app.db.get().await?;
    let Some(progress) = reconciliations::claim(&db, NAME, PHASE, held_until, now).await? else {
        return Ok(Report::without(Outcome::Busy));
    };
    drop(db);

    let oldest = clock::before(now, LOOK_BACK);
    let since = progress
        .completed_at
        .map_or(oldest, |last| clock::before(last, OVERLAP).max(oldest));
    let connector = app.refresher.integrations.connectors.get(ConnectorKind::GitHub);
    let result = connector.redeliver(since, until).await;

    let completed_at = result.as_ref().is_ok_and(|done| done.is_complete).then_some(now);
    let progress = Progress {
        completed_at,
        ..progress
    };
    let ended = app.clock.now();
    let hold = Hold {
        held_until,
        lease_until: ended,
    };
    let db = app.db.get().await?;
    reconciliations::save(&db, NAME, &progress, hold, ended).await?;

    let done = match result {
        Ok(done) => done,
        Err(ConnectorError::NotSetUp { .. }) => return Ok(Report::without(Outcome::NotSetUp)),
        Err(error) => return Err(error.into()),
    };
    if done.asked > 0 {
        let count = f64::from(u32::try_from(done.asked).unwrap_or(u32::MAX));
        app.metrics.put("RedeliveriesAsked", Unit::Count, count, None);
    }
    Ok(Report {
        outcome: if done.is_complete {
            Outcome::Completed
        } else {
            Outcome::Unfinished
        },
        asked: done.asked,
    })
}
