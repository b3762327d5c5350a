//! Having sent again what did not arrive. GitHub tries once, and keeps for three days what it can be asked to send again.

use std::collections::{BTreeSet, HashSet};

use super::{
    api::{App, GitHubApi},
    Redelivered,
};
use crate::{
    clock::{Clock, Timestamp},
    connector::contract::ConnectorError,
};

/// How many pages of attempts are looked at, at the most.
const MOST_PAGES: usize = 200;
/// How many deliveries are asked for at once, at the most: our own door has to take them.
const MOST_ASKED: usize = 200;

/// What our door answers to what is signed and of no use to us: it would be answered the same again.
const USELESS: [i64; 4] = [400, 413, 415, 422];

/// Asks for every delivery that has failed since a time and has not arrived, the oldest first, while there is time.
pub(super) async fn redeliver(
    api: &GitHubApi,
    app: &App,
    clock: &dyn Clock,
    (since, until): (Timestamp, Timestamp),
) -> Result<Redelivered, ConnectorError> {
    let mut arrived = HashSet::new();
    let mut known = HashSet::new();
    let mut failed = BTreeSet::new();
    let mut cursor = None;
    let mut is_complete = false;
    for _ in 0..MOST_PAGES {
        if clock.now() >= until {
            break;
        }
        let (attempts, next) = api.attempts(app, cursor.as_deref()).await?;
        let is_last = next.is_none() || attempts.iter().any(|attempt| attempt.delivered_at < since);
        for attempt in attempts {
            if (200..300).contains(&attempt.status_code) {
                arrived.insert(attempt.guid);
            } else if attempt.delivered_at >= since && known.insert(attempt.guid.clone()) {
                // The latest attempt of it: what it was answered counts.
                if !USELESS.contains(&attempt.status_code) {
                    failed.insert((attempt.delivered_at, attempt.id, attempt.guid));
                }
            }
        }
        if is_last {
            is_complete = true;
            break;
        }
        cursor = next;
    }

    let mut asked = 0;
    for (_, id, guid) in failed {
        if arrived.contains(&guid) {
            continue;
        }
        if asked >= MOST_ASKED || clock.now() >= until {
            is_complete = false;
            break;
        }
        if api.attempt_again(app, id).await? {
            asked += 1;
        }
    }
    Ok(Redelivered { asked, is_complete })
}
