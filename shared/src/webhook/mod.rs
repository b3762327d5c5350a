//! Deliveries of third parties: nothing of one can be read before its signature was checked.
//!
//! An [`Unverified`] delivery has no readable body. [`Unverified::verify`] turns it into a [`Verified`] one, whose
//! type names the sender's scheme and which nothing else can make; in a handler it stands as an argument, so a
//! handler of an unverified delivery does not compile.
//!
//! To add a sender, write its [`Scheme`] in a file of its own: which headers it sends, what it signs, and how old a
//! delivery may be; where its secrets are not used as they are written, also how a key is made of one. The HMAC, the
//! comparison and the rotation of secrets are here and the same for all. Keys belong to a scheme by their type, so one
//! sender's cannot be taken for another's. The function that takes the sender's deliveries is a [`Door`].

pub mod connection;
pub mod datadog;
pub mod door;
mod extract;
pub mod github;
pub mod keyring;
pub mod pagerduty;
pub mod slack;
pub mod svix;

use std::{fmt, marker::PhantomData, time::Duration};

use aws_lc_rs::{constant_time, hmac};
use axum::body::Bytes;
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use door::{DEADLINE, Door, DoorConfig};
pub use keyring::Keyring;

use crate::{clock::Timestamp, http::error::FieldProblem};

/// How long the start of a function that takes deliveries waits for the secrets and the queue.
pub const START_PATIENCE: Duration = Duration::from_millis(500);

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

    /// What is wrong with which header, where it is one.
    #[must_use]
    pub fn field(self) -> Option<FieldProblem> {
        match self {
            Self::Missing(name) => Some(FieldProblem::new(name, "is missing")),
            Self::Repeated(name) => Some(FieldProblem::new(name, "is there twice")),
            Self::Malformed(name) => Some(FieldProblem::new(name, "is not of the form that it has")),
            Self::Stale | Self::Mismatch => None,
        }
    }
}

/// How one sender signs.
pub trait Scheme: Send + Sync + 'static {
    /// The sender's name, in logs.
    const SENDER: &'static str;
    /// The largest body we look at.
    const MAX_BODY_BYTES: usize = 1024 * 1024;

    /// What the signed headers tell of a delivery, beside when it was signed; `()` where they tell nothing.
    type Label: fmt::Debug + Clone + Send + Sync + 'static;

    /// Reads from the headers what the sender claims, and checks everything about it that needs no secret.
    ///
    /// # Errors
    /// [`WebhookError`] for whatever is not exactly of the sender's form, and for a delivery of another time.
    fn claim(headers: &HeaderMap, now: Timestamp) -> Result<Claim<Self::Label>, WebhookError>;

    /// The bytes to sign with, of a secret as its sender writes it; `None` for a text that is no secret of theirs.
    /// The text itself, unless the scheme says otherwise.
    #[must_use]
    fn key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
        Some(Zeroizing::new(secret.as_bytes().to_vec()))
    }
}

/// What a sender claims: that one of these signatures is that of `prefix` and the body.
#[derive(Debug)]
pub struct Claim<Label> {
    /// What is signed before the body. Everything in `label` is in it.
    pub prefix: String,
    /// The signatures given, each an HMAC-SHA256.
    pub signatures: Vec<[u8; 32]>,
    /// What the headers tell.
    pub label: Label,
}

/// Why a text does not serve as a signing secret. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret {}", self.problem())]
pub enum SigningSecretError {
    /// It is empty, which would let everybody in.
    Empty,
    /// It is not of its sender's form.
    Form,
}

impl SigningSecretError {
    /// What is wrong with it.
    #[must_use]
    pub const fn problem(self) -> &'static str {
        match self {
            Self::Empty => "is empty",
            Self::Form => "is not of its sender's form",
        }
    }
}

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

/// The secrets that a signature of scheme `S` may be made with, with their HMAC state prepared once.
pub struct Keys<S> {
    current: hmac::Key,
    previous: Option<(hmac::Key, Timestamp)>,
    scheme: PhantomData<fn() -> S>,
}

impl<S: Scheme> Keys<S> {
    /// One secret. White space around it is taken for an accident of pasting.
    ///
    /// # Errors
    /// [`SigningSecretError`].
    pub fn new(current: &SecretString) -> Result<Self, SigningSecretError> {
        Ok(Self {
            current: key::<S>(current)?,
            previous: None,
            scheme: PhantomData,
        })
    }

    /// Also accepts the secret that was in use before, until `until`.
    ///
    /// # Errors
    /// [`SigningSecretError`].
    pub fn accept_previous(
        &mut self,
        previous: &SecretString,
        until: Timestamp,
    ) -> Result<(), SigningSecretError> {
        self.previous = Some((key::<S>(previous)?, until));
        Ok(())
    }

    /// Compares with every secret, whichever matched first, in time that does not depend on where they differ.
    fn matching(&self, claim: &Claim<S::Label>, body: &[u8], now: Timestamp) -> Option<Generation> {
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

fn key<S: Scheme>(secret: &SecretString) -> Result<hmac::Key, SigningSecretError> {
    let secret = secret.expose_secret().trim();
    if secret.is_empty() {
        return Err(SigningSecretError::Empty);
    }
    let key = S::key(secret).ok_or(SigningSecretError::Form)?;
    if key.is_empty() {
        return Err(SigningSecretError::Empty);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
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
    pub fn verify<S: Scheme>(&self, keys: &Keys<S>, now: Timestamp) -> Result<Verified<S>, WebhookError> {
        let claim = S::claim(&self.headers, now)?;
        let generation = keys
            .matching(&claim, &self.body, now)
            .ok_or(WebhookError::Mismatch)?;
        Ok(Verified {
            body: self.body.clone(),
            generation,
            received_at: now,
            label: claim.label,
        })
    }
}

/// A delivery that the sender of scheme `S` made.
pub struct Verified<S: Scheme> {
    body: Bytes,
    generation: Generation,
    received_at: Timestamp,
    label: S::Label,
}

impl<S: Scheme> Verified<S> {
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

    /// What the signed headers tell of it.
    #[must_use]
    pub const fn label(&self) -> &S::Label {
        &self.label
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

impl<S> fmt::Debug for Keys<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous_until = self.previous.as_ref().map(|(_, until)| until);
        f.debug_struct("Keys")
            .field("previous_until", &previous_until)
            .finish_non_exhaustive()
    }
}

impl<S: Scheme> fmt::Debug for Verified<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("bytes", &self.body.len())
            .field("generation", &self.generation)
            .field("received_at", &self.received_at)
            .field("label", &self.label)
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

/// Seconds since 1970, in digits and nothing else. Eleven of them, so that no arithmetic overflows.
fn seconds(text: &str) -> Option<i64> {
    let digits = (1..=11).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Refuses what was signed longer than `tolerance` seconds ago, or as much ahead.
fn not_stale(signed_at: i64, now: Timestamp, tolerance: i64) -> Result<(), WebhookError> {
    if (now.timestamp() - signed_at).abs() > tolerance {
        return Err(WebhookError::Stale);
    }
    Ok(())
}

/// 64 lower-case hexadecimal digits.
fn hex_signature(text: &str) -> Option<[u8; 32]> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut signature = [0; 32];
    (text.len() == 64 && text.bytes().all(lower)).then_some(())?;
    hex::decode_to_slice(text, &mut signature).ok()?;
    Some(signature)
}
