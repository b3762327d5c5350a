//! Telling third parties of connections that have ended, when they could not be told at once.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    clock::Timestamp,
    db::{
        DbError,
        integration_revocations::{self, Due},
    },
    integration::revocation::RevocationError,
};

use crate::{App, job::Outcome};

/// How many are looked up at once.
const BATCH: i64 = 100;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    outcome: Outcome,
    /// How many ends were due, by what came of it.
    counts: BTreeMap<&'static str, usize>,
}

/// Tells of whatever is due, the oldest first, until nothing is left or the time is `until`. What fails is put off by
/// itself.
///
/// # Errors
/// [`RevocationError`]. What was told before is told.
pub(crate) async fn finish(app: &App, until: Timestamp) -> Result<Report, RevocationError> {
    let before = app.clock.now();
    let mut report = Report {
        outcome: Outcome::Completed,
        counts: BTreeMap::new(),
    };
    let mut after = None;
    loop {
        let found = list(app, before, after).await?;
        let Some(last) = found.last().copied() else {
            return Ok(report);
        };
        for due in found {
            if app.clock.now() >= until {
                report.outcome = Outcome::OutOfTime;
                return Ok(report);
            }
            let outcome = app.teller.tell(&due).await?;
            *report.counts.entry(outcome.as_str()).or_default() += 1;
        }
        after = Some(last);
    }
}

async fn list(app: &App, before: Timestamp, after: Option<Due>) -> Result<Vec<Due>, DbError> {
    let mut db = app.db.get().await?;
    let tx = db.begin().await?;
    tx.name_due(before).await?;
    let found = integration_revocations::list_due(&tx, before, after, BATCH).await?;
    tx.commit().await?;
    Ok(found)
}
