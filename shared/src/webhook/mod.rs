//! Deliveries of third parties: nothing of one can be read before its signature was checked.
//!
//! An [`Unverified`] delivery has no readable body. [`Unverified::verify`] turns it into a [`Verified`] one, whose
//! type names the sender's scheme and which nothing else can make; in a handler it stands as an argument, so a
//! handler of an unverified delivery does not compile.
//!
//! To add a sender, write its [`Scheme`] in a file of its own: which headers it sends, what it signs, and how old a
//! delivery may be. The HMAC, the comparison and the rotation of secrets are here and the same for all.

mod extract;
pub mod keyring;
pub mod slack;

use std::{fmt, marker::PhantomData};

use aws_lc_rs::{constant_time, hmac};
use axum::body::Bytes;
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};

pub use extract::Receives;
pub use keyring::Keyring;

use crate::clock::Timestamp;

/// Why a delivery is not taken for its sender's. The sender is told none of this, only that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// A header that is always there is not.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header is there twice: two readers could take different ones.
    #[error("header {0} is repeated")]
    Repeated(&'static str),
    /// A header is not of the form its scheme has.
    #[error("header {0} is malformed")]
    Malformed(&'static str),
    /// Signed too long ago, or in the future.
    #[error("signed at another time")]
    Stale,
    /// No secret gives this signature.
    #[error("the signature does not match")]
    Mismatch,
}

impl WebhookError {
    /// A word for metrics and logs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Repeated(_) => "repeated",
            Self::Malformed(_) => "malformed",
            Self::Stale => "stale",
            Self::Mismatch => "mismatch",
        }
    }
}

/// How one sender signs.
pub trait Scheme: Send + Sync + 'static {
    /// The sender's name, in logs and metrics.
    const SENDER: &'static str;
    /// The largest body we look at.
    const MAX_BODY_BYTES: usize = 1024 * 1024;

    /// Reads from the headers what the sender claims, and checks everything about it that needs no secret.
    ///
    /// # Errors
    /// [`WebhookError`] for whatever is not exactly of the sender's form, and for a delivery of another time.
    fn claim(headers: &HeaderMap, now: Timestamp) -> Result<Claim, WebhookError>;
}

/// What a sender claims: that one of these signatures is that of `prefix` and the body.
#[derive(Debug)]
pub struct Claim {
    /// What is signed before the body.
    pub prefix: String,
    /// The signatures given, each an HMAC-SHA256.
    pub signatures: Vec<[u8; 32]>,
}

/// A secret that is empty, which would let everybody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret is empty")]
pub struct EmptySecret;

/// Which of the secrets a signature was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The one in use.
    Current,
    /// The one before it, in its time of grace.
    Previous,
}

impl Generation {
    /// A word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }
}

/// The secrets that a signature may be made with, with their HMAC state prepared once.
#[derive(Debug)]
pub struct Keys {
    current: hmac::Key,
    previous: Option<(hmac::Key, Timestamp)>,
}

impl Keys {
    /// One secret. White space around it is taken for an accident of pasting.
    ///
    /// # Errors
    /// [`EmptySecret`].
    pub fn new(current: &SecretString) -> Result<Self, EmptySecret> {
        Ok(Self {
            current: key(current)?,
            previous: None,
        })
    }

    /// Also accepts the secret that was in use before, until `until`.
    ///
    /// # Errors
    /// [`EmptySecret`].
    pub fn accept_previous(&mut self, previous: &SecretString, until: Timestamp) -> Result<(), EmptySecret> {
        self.previous = Some((key(previous)?, until));
        Ok(())
    }

    /// Compares with every secret, whichever matched first, in time that does not depend on where they differ.
    fn matching(&self, claim: &Claim, body: &[u8], now: Timestamp) -> Option<Generation> {
        let matches = |key: &hmac::Key| {
            let mut context = hmac::Context::with_key(key);
            context.update(claim.prefix.as_bytes());
            context.update(body);
            let tag = context.sign();
            claim.signatures.iter().fold(false, |matched, signature| {
                constant_time::verify_slices_are_equal(tag.as_ref(), signature).is_ok() | matched
            })
        };
        let current = matches(&self.current);
        // Computed whether the current one matched or not, and whether its time is over or not.
        let previous = self
            .previous
            .as_ref()
            .map(|(key, until)| (matches(key), now < *until));
        let previous = previous == Some((true, true));
        match (current, previous) {
            (true, _) => Some(Generation::Current),
            (false, true) => Some(Generation::Previous),
            (false, false) => None,
        }
    }
}

fn key(secret: &SecretString) -> Result<hmac::Key, EmptySecret> {
    match secret.expose_secret().trim() {
        "" => Err(EmptySecret),
        secret => Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
    }
}

/// A delivery that nobody has checked yet.
pub struct Unverified {
    headers: HeaderMap,
    body: Bytes,
}

impl Unverified {
    /// A delivery as it came: `body` is the raw bytes, undone of whatever the gateway wrapped them in.
    #[must_use]
    pub const fn new(headers: HeaderMap, body: Bytes) -> Self {
        Self { headers, body }
    }

    /// Checks the signature over the raw bytes.
    ///
    /// # Errors
    /// [`WebhookError`]; only [`WebhookError::Mismatch`] may be cured by other keys.
    pub fn verify<S: Scheme>(&self, keys: &Keys, now: Timestamp) -> Result<Verified<S>, WebhookError> {
        let claim = S::claim(&self.headers, now)?;
        let generation = keys
            .matching(&claim, &self.body, now)
            .ok_or(WebhookError::Mismatch)?;
        Ok(Verified {
            body: self.body.clone(),
            generation,
            received_at: now,
            scheme: PhantomData,
        })
    }
}

/// A delivery that the sender of scheme `S` made.
pub struct Verified<S> {
    body: Bytes,
    generation: Generation,
    received_at: Timestamp,
    scheme: PhantomData<fn() -> S>,
}

impl<S> Verified<S> {
    /// The raw bytes that were signed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Which secret it was signed with.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// When it came, by our clock.
    #[must_use]
    pub const fn received_at(&self) -> Timestamp {
        self.received_at
    }
}

// What people say, and what senders take for secrets, is in the body; signatures are in the headers.
impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Verified<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("bytes", &self.body.len())
            .field("generation", &self.generation)
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

/// The one value of a header.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, WebhookError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(WebhookError::Missing(name))?;
    if values.next().is_some() {
        return Err(WebhookError::Repeated(name));
    }
    value.to_str().map_err(|_| WebhookError::Malformed(name))
}

/// 64 lower-case hexadecimal digits.
fn hex_signature(text: &str) -> Option<[u8; 32]> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut signature = [0; 32];
    (text.len() == 64 && text.bytes().all(lower)).then_some(())?;
    hex::decode_to_slice(text, &mut signature).ok()?;
    Some(signature)
}
