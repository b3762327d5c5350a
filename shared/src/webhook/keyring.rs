//! The signing secrets of one sender, as Secrets Manager has them, through rotation and outage.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Keys, Scheme};
use crate::{
    clock::{SharedClock, Timestamp, after},
    secret::manager::{SecretError, SecretStore, SecretVersion, parse},
    telemetry::Causes,
};

/// How long the previous secret is accepted after the current one was made.
pub const GRACE: Duration = Duration::from_hours(24);
/// How often a signature that no known secret gives may make us ask for newer ones.
pub const REFRESH_INTERVAL: Duration = Duration::from_mins(1);
/// How long secrets are used without asking again, so that a withdrawn one ends in long-lived sandboxes too.
pub const MAX_AGE: Duration = Duration::from_hours(1);
/// How long a refresh may take while somebody waits; there are secrets to go on with.
const REFRESH_PATIENCE: Duration = Duration::from_secs(1);

/// The secret as it is written: `{"signing_secret": "…"}`.
#[derive(Deserialize)]
struct SigningSecret {
    signing_secret: SecretString,
}

/// Keeps the signing secrets of one sender at hand, who signs by scheme `S`.
pub struct Keyring<S> {
    store: SecretStore,
    arn: String,
    clock: SharedClock,
    // Held while loading: whoever comes meanwhile waits for the same answer.
    state: Mutex<State<S>>,
}

struct State<S> {
    keys: Option<Arc<Keys<S>>>,
    /// When they are to be asked for again because of their age.
    expires_at: Option<Timestamp>,
    /// Since when an unknown signature may make us ask again.
    refresh_at: Option<Timestamp>,
}

impl<S: Scheme> Keyring<S> {
    /// The signing secrets in secret `arn`. Asks nobody yet.
    #[must_use]
    pub fn new(store: SecretStore, arn: impl Into<String>, clock: SharedClock) -> Self {
        Self {
            store,
            arn: arn.into(),
            clock,
            state: Mutex::new(State {
                keys: None,
                expires_at: None,
                refresh_at: None,
            }),
        }
    }

    /// The secrets, from memory where they are there. In an outage old ones are used on.
    ///
    /// # Errors
    /// [`SecretError`] when there are none in memory and they cannot be had, or are not as they should be.
    pub async fn keys(&self) -> Result<Arc<Keys<S>>, SecretError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        let Some(known) = state.keys.clone() else {
            let keys = self.load().await?;
            return Ok(state.put(keys, now));
        };
        if state.expires_at.is_none_or(|at| now < at) {
            return Ok(known);
        }
        Ok(self.reload(&mut state, now).await.unwrap_or(known))
    }

    /// Newer secrets than `known`, for a signature that `known` does not give. Asks at most once in
    /// [`REFRESH_INTERVAL`], however many unknown signatures come: a flood of forgeries must not become a flood of
    /// calls. `None` when there is nothing newer to try.
    pub async fn newer_than(&self, known: &Arc<Keys<S>>) -> Option<Arc<Keys<S>>> {
        let mut state = self.state.lock().await;
        if let Some(keys) = state.keys.as_ref().filter(|keys| !Arc::ptr_eq(keys, known)) {
            return Some(Arc::clone(keys));
        }
        let now = self.clock.now();
        if state.refresh_at.is_some_and(|at| now < at) {
            return None;
        }
        self.reload(&mut state, now).await
    }

    /// Asks again; on failure the old secrets stay, and are asked for again a minute later.
    async fn reload(&self, state: &mut State<S>, now: Timestamp) -> Option<Arc<Keys<S>>> {
        let again_at = after(now, REFRESH_INTERVAL);
        state.refresh_at = Some(again_at);
        state.expires_at = Some(again_at);
        match tokio::time::timeout(REFRESH_PATIENCE, self.load()).await {
            Ok(Ok(keys)) => Some(state.put(keys, now)),
            Ok(Err(error)) => {
                tracing::warn!(
                    sender = S::SENDER,
                    error = %Causes(&error),
                    "the signing secret could not be refreshed"
                );
                None
            }
            Err(_) => {
                tracing::warn!(
                    sender = S::SENDER,
                    "the signing secret could not be refreshed in time"
                );
                None
            }
        }
    }

    /// The current secret, and the previous one while it is in its time of grace.
    async fn load(&self) -> Result<Keys<S>, SecretError> {
        let current = self.store.current(&self.arn).await?;
        let mut keys =
            Keys::new(&self.signing_secret(&current)?).map_err(|error| SecretError::Malformed {
                arn: self.arn.clone(),
                path: "signing_secret".to_owned(),
                problem: error.problem(),
            })?;
        let grace_ends = after(current.created_at, GRACE);
        if self.clock.now() >= grace_ends {
            return Ok(keys);
        }
        if let Some(previous) = self.store.previous(&self.arn).await? {
            // What the stack was created with need not be a signing secret; what is none opens nothing.
            let accepted = self
                .signing_secret(&previous)
                .is_ok_and(|secret| keys.accept_previous(&secret, grace_ends).is_ok());
            tracing::debug!(accepted, "there is a previous signing secret");
        }
        Ok(keys)
    }

    fn signing_secret(&self, version: &SecretVersion) -> Result<SecretString, SecretError> {
        parse::<SigningSecret>(&self.arn, version).map(|secret| secret.signing_secret)
    }
}

impl<S> State<S> {
    fn put(&mut self, keys: Keys<S>, now: Timestamp) -> Arc<Keys<S>> {
        let keys = Arc::new(keys);
        self.keys = Some(Arc::clone(&keys));
        self.expires_at = Some(after(now, MAX_AGE));
        keys
    }
}

impl<S> fmt::Debug for Keyring<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}
