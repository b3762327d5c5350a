//! Sessions that are kept until shortly before they end, each for the one connection that it was given to.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::api::{Fault, Session};
use crate::{
    clock::{self, Timestamp},
    id::{IntegrationId, OrganizationId},
};

/// How long before its end a session is not handed out any more: long enough for what somebody does with it.
const MARGIN: Duration = Duration::from_mins(3);

/// How many sessions are kept, at the most.
const SESSIONS: usize = 256;

/// Whose session it is, and of what. All of it is compared: two connections to one role share nothing, and a connection
/// that is pointed at another role does not go on with the old one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    pub(super) organization: OrganizationId,
    pub(super) integration: IntegrationId,
    pub(super) role_arn: String,
    pub(super) external_id: String,
    pub(super) region: String,
}

/// Whether a session that is kept will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It will, until shortly before its end.
    Kept,
    /// It will not: whether a new one is given is what is to be found out.
    New,
}

/// A place for a session; whoever holds its lock asks for one, the others wait for it.
type Slot = Arc<tokio::sync::Mutex<Option<Session>>>;

/// The sessions of a process.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<SessionKey, Slot>>);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    fn slot(&self, key: SessionKey) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SESSIONS && !slots.contains_key(&key) {
            // What somebody holds is in use; everything else can be asked for again.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key).or_default())
    }

    /// The connection's session, or the one that `make` brings. Where AWS refuses a new one, nobody goes on with the one
    /// before; an outage says nothing about it.
    pub(super) async fn get(
        &self,
        key: SessionKey,
        freshness: Freshness,
        now: Timestamp,
        make: impl Future<Output = Result<Session, Fault>>,
    ) -> Result<Session, Fault> {
        let slot = self.slot(key);
        let mut kept = slot.lock().await;
        let is_good = |session: &&Session| {
            let end = session.expires_at();
            freshness == Freshness::Kept && end.is_some_and(|end| clock::after(now, MARGIN) < end)
        };
        if let Some(session) = kept.as_ref().filter(is_good) {
            return Ok(session.clone());
        }
        let new = make.await;
        match &new {
            Ok(session) => *kept = Some(session.clone()),
            Err(Fault::Away(_) | Fault::Odd(_)) => {}
            Err(_) => *kept = None,
        }
        new
    }

    /// Forgets what a connection had.
    pub(super) fn forget(&self, organization: OrganizationId, integration: IntegrationId) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|key, _| (key.organization, key.integration) != (organization, integration));
    }
}
