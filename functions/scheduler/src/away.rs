//! Third parties that are away: each attempt to reach one takes seconds that others then lack.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::connector::ConnectorKind;

use crate::job::Outcome;

/// After so many failures in a row a third party counts as away for the rest of the run.
pub const AWAY_AFTER: usize = 3;

/// How often in a row each third party did not answer in a run.
#[derive(Debug, Default)]
pub(crate) struct Silences(BTreeMap<ConnectorKind, usize>);

impl Silences {
    /// It did not answer once more.
    pub(crate) fn count(&mut self, kind: ConnectorKind) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// It answered.
    pub(crate) fn forget(&mut self, kind: ConnectorKind) {
        self.0.remove(&kind);
    }

    /// Whether it counts as away.
    pub(crate) fn is_away(&self, kind: ConnectorKind) -> bool {
        self.0.get(&kind).is_some_and(|silences| *silences >= AWAY_AFTER)
    }

    /// Those that count as away.
    pub(crate) fn away(&self) -> Vec<ConnectorKind> {
        let kinds = ConnectorKind::ALL.iter().copied();
        kinds.filter(|kind| self.is_away(*kind)).collect()
    }

    /// The others.
    pub(crate) fn there(&self) -> Vec<ConnectorKind> {
        let kinds = ConnectorKind::ALL.iter().copied();
        kinds.filter(|kind| !self.is_away(*kind)).collect()
    }
}

/// What a run did that asks third parties about connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    outcome: Outcome,
    /// How many connections were asked about, by what came of it.
    counts: BTreeMap<&'static str, usize>,
    /// The third parties that were away. What else was to be asked of them is left to the next run.
    away: Vec<&'static str>,
}

impl Report {
    pub(crate) fn of(outcome: Outcome, counts: BTreeMap<&'static str, usize>, silences: &Silences) -> Self {
        Self {
            outcome,
            counts,
            away: silences.away().iter().map(|kind| kind.as_str()).collect(),
        }
    }
}
