//! Credentials of connections, encrypted one by one.
//!
//! Every credential has a data key of its own, made by KMS. Both the wrapped data key (by KMS's encryption context)
//! and the ciphertext (by AES-256-GCM's additional data) are bound to the deployment, the organization, the connector,
//! the integration and the version of this format: a row that is copied to another place does not open there.
//! Dropping the wrapped key destroys the credential. Moving to another KMS key means wrapping the data key anew, with
//! KMS's `ReEncrypt`; the ciphertext stays as it is, since it is not bound to the KMS key.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::kms::{DataKey, EncryptionContext, KeyError, KeyService, PlainKey, append};
use crate::{
    clock::{SharedClock, Timestamp, after},
    connector::ConnectorKind,
    id::{IntegrationId, OrganizationId},
};

/// The format that [`Vault::seal`] writes: JSON, AES-256-GCM, the tag at the end of the ciphertext.
const VERSION: i16 = 1;

/// How long a data key stays in memory.
const MAX_AGE: Duration = Duration::from_mins(5);
/// How often a data key is used before KMS is asked again.
const MAX_USES: u32 = 100;
/// How many data keys are in memory.
const MAX_KEYS: usize = 256;

/// Room for a usual credential, so that writing it does not leave copies behind while the buffer grows.
const USUAL_BYTES: usize = 4096;

/// Where a credential belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialScope {
    /// The tenant.
    pub organization: OrganizationId,
    /// The third party.
    pub connector: ConnectorKind,
    /// The connection.
    pub integration: IntegrationId,
}

/// An encrypted credential, as it is stored. Nothing in it is secret, but `Debug` shows lengths only.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The ciphertext with its tag at the end.
    pub ciphertext: Vec<u8>,
    /// AES-GCM's nonce, 96 random bits.
    pub nonce: [u8; NONCE_LEN],
    /// The data key, wrapped by KMS.
    pub wrapped_key: Vec<u8>,
    /// The ARN of the KMS key that wrapped it.
    pub key_id: String,
    /// The format, part of what the ciphertext is bound to.
    pub version: i16,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("ciphertext_bytes", &self.ciphertext.len())
            .field("wrapped_key_bytes", &self.wrapped_key.len())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Why a credential cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no data key, for reasons that have nothing to do with this credential.
    #[error("no data key")]
    Key(#[source] KeyError),
    /// The stored credential does not belong here or was altered. Nothing that is done later helps.
    #[error("the stored credential does not open here")]
    Tampered,
    /// The credential does not have the form that the caller expects. The decoder's own words are left out, since
    /// they may quote the credential.
    #[error("the credential has another form than expected")]
    Encoding,
}

impl VaultError {
    /// Whether the same may work in a while: KMS throttles, is down or cannot be reached.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Key(KeyError::Unavailable(_)))
    }
}

impl From<KeyError> for VaultError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Mismatch => Self::Tampered,
            KeyError::Unavailable(_) | KeyError::Denied(_) | KeyError::Protocol(_) => Self::Key(error),
        }
    }
}

/// Seals and opens credentials.
pub struct Vault {
    keys: Arc<dyn KeyService>,
    environment: String,
    clock: SharedClock,
    opened: Mutex<KeyCache>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("keys", &self.keys)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault for one deployment. `environment` is the deployment's name: what one deployment seals, another one
    /// cannot open, even with the same KMS key.
    #[must_use]
    pub fn new(keys: Arc<dyn KeyService>, environment: &str, clock: SharedClock) -> Self {
        Self {
            keys,
            environment: environment.to_owned(),
            clock,
            opened: Mutex::default(),
        }
    }

    /// What a credential of `scope` is bound to.
    fn context(&self, scope: &CredentialScope, version: i16) -> EncryptionContext {
        EncryptionContext::new([
            ("application", "infragpt".to_owned()),
            ("environment", self.environment.clone()),
            ("organization", scope.organization.uuid().to_string()),
            ("connector", scope.connector.to_string()),
            ("integration", scope.integration.uuid().to_string()),
            ("version", version.to_string()),
        ])
    }

    /// Encrypts a credential for its place.
    ///
    /// # Errors
    /// [`VaultError::Key`] when KMS makes no data key, [`VaultError::Encoding`] when `T` cannot be written as JSON.
    #[tracing::instrument(name = "vault.seal", skip_all)]
    pub async fn seal<T: Serialize + Sync + ?Sized>(
        &self,
        scope: &CredentialScope,
        credentials: &T,
    ) -> Result<Sealed, VaultError> {
        // Written first: what cannot be written needs no key.
        let text = written(credentials)?;
        self.prepare(scope).await?.seal_text(text)
    }

    /// Gets all that sealing a credential for its place needs from elsewhere, for somebody who must be able to seal the
    /// credential once it is there: one that cannot be got a second time.
    ///
    /// # Errors
    /// [`VaultError::Key`] when KMS makes no data key.
    #[tracing::instrument(name = "vault.prepare", skip_all)]
    pub async fn prepare(&self, scope: &CredentialScope) -> Result<Prepared, VaultError> {
        let context = self.context(scope, VERSION);
        Ok(Prepared {
            key: self.keys.generate(&context).await?,
            bound_to: context.canonical(),
        })
    }

    /// Decrypts a credential and notes in the log which one was opened and what for.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when it belongs to another place or was altered, [`VaultError::Key`] when KMS does not
    /// unwrap its key for other reasons, [`VaultError::Encoding`] when it is not a `T`.
    #[tracing::instrument(name = "vault.open", skip_all)]
    pub async fn open<T: DeserializeOwned>(
        &self,
        scope: &CredentialScope,
        sealed: &Sealed,
        purpose: &'static str,
    ) -> Result<T, VaultError> {
        let context = self.context(scope, sealed.version);
        let bound_to = context.canonical();
        let slot = slot(sealed, &bound_to);
        let kept = self.opened().take(&slot, self.clock.now());
        let (key, is_new) = match kept {
            Some(key) => (key, false),
            None => (
                self.keys
                    .decrypt(&sealed.wrapped_key, &sealed.key_id, &context)
                    .await?,
                true,
            ),
        };

        let mut text = Zeroizing::new(sealed.ciphertext.clone());
        let text = cipher(&key)?
            .open_in_place(Nonce::from(&sealed.nonce), Aad::from(bound_to), &mut text)
            .map_err(|_| VaultError::Tampered)?;
        if is_new {
            self.opened().put(slot, key, self.clock.now());
        }
        tracing::info!(
            organization.id = %scope.organization,
            connector.kind = %scope.connector,
            integration.id = %scope.integration,
            purpose,
            "credentials opened"
        );
        serde_json::from_slice(text).map_err(|_| VaultError::Encoding)
    }

    /// Wraps the data key of a credential anew, with the KMS key that wraps new ones. The credential is not opened: its
    /// ciphertext stays as it is.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when it belongs to another place, [`VaultError::Key`] when KMS does not do it for other
    /// reasons.
    #[tracing::instrument(name = "vault.rewrap", skip_all)]
    pub async fn rewrap(&self, scope: &CredentialScope, sealed: &Sealed) -> Result<Sealed, VaultError> {
        let context = self.context(scope, sealed.version);
        let rewrapped = self
            .keys
            .rewrap(&sealed.wrapped_key, &sealed.key_id, &context)
            .await?;
        Ok(Sealed {
            wrapped_key: rewrapped.wrapped,
            key_id: rewrapped.key_id,
            ..sealed.clone()
        })
    }

    fn opened(&self) -> MutexGuard<'_, KeyCache> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A data key that is ready to seal one credential in its place. A key per credential encrypts once, so a random nonce
/// cannot repeat under it.
#[derive(Debug)]
pub struct Prepared {
    key: DataKey,
    bound_to: Vec<u8>,
}

impl Prepared {
    /// Encrypts the credential. Asks nobody.
    ///
    /// # Errors
    /// [`VaultError::Encoding`] when `T` cannot be written as JSON.
    pub fn seal<T: Serialize + ?Sized>(self, credentials: &T) -> Result<Sealed, VaultError> {
        let text = written(credentials)?;
        self.seal_text(text)
    }

    fn seal_text(self, mut text: Zeroizing<Vec<u8>>) -> Result<Sealed, VaultError> {
        let (nonce, tag) = cipher(&self.key.plaintext)?
            .seal_in_place_separate_tag(Aad::from(self.bound_to), &mut text)
            .map_err(|_| VaultError::Encoding)?;
        let mut ciphertext = std::mem::take(&mut *text);
        ciphertext.extend_from_slice(tag.as_ref());
        Ok(Sealed {
            ciphertext,
            nonce: *nonce.as_ref(),
            wrapped_key: self.key.wrapped,
            key_id: self.key.key_id,
            version: VERSION,
        })
    }
}

/// A credential as what is sealed.
fn written<T: Serialize + ?Sized>(credentials: &T) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut text = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
    serde_json::to_writer(&mut *text, credentials).map_err(|_| VaultError::Encoding)?;
    Ok(text)
}

fn cipher(key: &PlainKey) -> Result<RandomizedNonceKey, KeyError> {
    RandomizedNonceKey::new(&AES_256_GCM, key.expose())
        .map_err(|_| KeyError::Protocol("a data key is no AES key"))
}

/// Names a data key in memory by everything that KMS would check before unwrapping it: whoever asks with another
/// context, another wrapped key or another KMS key has to ask KMS.
type Slot = [u8; SHA256_OUTPUT_LEN];

fn slot(sealed: &Sealed, bound_to: &[u8]) -> Slot {
    let mut bytes = Vec::with_capacity(1024);
    append(&mut bytes, bound_to);
    append(&mut bytes, sealed.key_id.as_bytes());
    append(&mut bytes, &sealed.wrapped_key);
    let mut slot = [0; SHA256_OUTPUT_LEN];
    slot.copy_from_slice(digest(&SHA256, &bytes).as_ref());
    slot
}

/// Data keys that were unwrapped a short while ago.
#[derive(Default)]
struct KeyCache {
    keys: HashMap<Slot, KeptKey>,
    /// Counts uses of all keys; tells which key was used last.
    turn: u64,
}

struct KeptKey {
    key: PlainKey,
    kept_at: Timestamp,
    uses: u32,
    last_turn: u64,
}

impl KeptKey {
    /// A clock that was set back makes a key stale too, rather than immortal.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.uses < MAX_USES && self.kept_at <= now && now < after(self.kept_at, MAX_AGE)
    }
}

impl KeyCache {
    /// The key, if it may be used once more. Whatever has become stale is let go of, wanted or not.
    fn take(&mut self, slot: &Slot, now: Timestamp) -> Option<PlainKey> {
        self.keys.retain(|_, kept| kept.is_fresh(now));
        self.turn += 1;
        let kept = self.keys.get_mut(slot)?;
        kept.uses += 1;
        kept.last_turn = self.turn;
        Some(kept.key.clone())
    }

    /// Keeps a key that was used once; in a full cache instead of the one used longest ago.
    fn put(&mut self, slot: Slot, key: PlainKey, now: Timestamp) {
        while self.keys.len() >= MAX_KEYS && !self.keys.contains_key(&slot) {
            let oldest = self.keys.iter().min_by_key(|(_, kept)| kept.last_turn);
            let Some(oldest) = oldest.map(|(slot, _)| *slot) else {
                break;
            };
            self.keys.remove(&oldest);
        }
        self.turn += 1;
        self.keys.insert(
            slot,
            KeptKey {
                key,
                kept_at: now,
                uses: 1,
                last_turn: self.turn,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PlainKey {
        PlainKey::new(vec![byte; 32]).expect("32 bytes")
    }

    fn slot_of(number: usize) -> Slot {
        let mut slot = [0; 32];
        slot[..8].copy_from_slice(&(number as u64).to_be_bytes());
        slot
    }

    #[test]
    fn a_key_serves_a_hundred_times_and_no_more() {
        let mut cache = KeyCache::default();
        cache.put(slot_of(1), key(1), Timestamp::UNIX_EPOCH);
        let more = (0..1000)
            .take_while(|_| cache.take(&slot_of(1), Timestamp::UNIX_EPOCH).is_some())
            .count();
        assert_eq!(more, 99, "the first use was before it was kept");
        assert!(cache.keys.is_empty(), "a key that has served is not kept");
    }

    #[test]
    fn a_key_serves_for_less_than_five_minutes_and_never_before_its_time() {
        let mut cache = KeyCache::default();
        let now = after(Timestamp::UNIX_EPOCH, Duration::from_hours(1));
        for (passed, is_there) in [(0, true), (299, true), (300, false)] {
            cache.put(slot_of(1), key(1), now);
            let found = cache.take(&slot_of(1), after(now, Duration::from_secs(passed)));
            assert_eq!(found.is_some(), is_there, "after {passed} s");
        }
        cache.put(slot_of(1), key(1), now);
        assert!(cache.take(&slot_of(1), Timestamp::UNIX_EPOCH).is_none());
    }

    #[test]
    fn a_full_cache_lets_go_of_the_key_that_was_used_longest_ago() {
        let mut cache = KeyCache::default();
        let now = Timestamp::UNIX_EPOCH;
        for number in 0..MAX_KEYS {
            cache.put(slot_of(number), key(1), now);
        }
        cache.take(&slot_of(0), now).expect("kept");
        cache.put(slot_of(MAX_KEYS), key(1), now);
        assert_eq!(cache.keys.len(), MAX_KEYS);
        assert!(cache.take(&slot_of(0), now).is_some());
        assert!(cache.take(&slot_of(1), now).is_none(), "the one used longest ago");

        assert!(cache.take(&slot_of(0), after(now, MAX_AGE)).is_none());
        assert!(cache.keys.is_empty(), "all are stale, wanted or not");
    }

    #[test]
    fn a_slot_differs_for_another_context_key_or_wrapped_key() {
        let sealed = Sealed {
            ciphertext: vec![1],
            nonce: [0; NONCE_LEN],
            wrapped_key: b"wrapped".to_vec(),
            key_id: "key".to_owned(),
            version: 1,
        };
        let same = slot(&sealed, b"context");
        assert_eq!(slot(&sealed.clone(), b"context"), same);
        assert_ne!(slot(&sealed, b"contex"), same);
        for other in [
            Sealed {
                wrapped_key: b"wrappee".to_vec(),
                ..sealed.clone()
            },
            Sealed {
                key_id: "keywrapped".to_owned(),
                wrapped_key: Vec::new(),
                ..sealed.clone()
            },
        ] {
            assert_ne!(slot(&other, b"context"), same);
        }
    }
}
