//! The keys that session tokens are signed with: one that the configuration holds, or those that the issuer publishes,
//! through rotation and outage.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lc_rs::{encoding::AsDer as _, rsa::PublicEncryptingKey, signature::RsaPublicKeyComponents};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::StatusCode;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use url::Position;

use crate::{
    clock::{SharedClock, Timestamp, after},
    http::client::{Answer, HttpClient, HttpError, UrlError, check_base_url},
    json::{self, JsonError},
    telemetry::Causes,
};

/// How long keys are used without asking the issuer again, so that a withdrawn one ends in long-lived sandboxes too.
pub const FRESH: Duration = Duration::from_mins(5);
/// How long keys are used while the issuer does not answer.
pub const STALE: Duration = Duration::from_hours(24);
/// How often the issuer is asked, however many unknown keys tokens name, while there are keys to go on with: a flood
/// of forgeries must not become a flood of calls.
pub const REFETCH_INTERVAL: Duration = Duration::from_secs(30);
/// How often the issuer is asked while there is no key at all: about when those who were turned away come again.
pub const RETRY_WITHOUT_KEYS: Duration = Duration::from_secs(5);
/// How long the issuer has to answer; somebody waits for it.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest key set that is read, in bytes.
pub const MAX_JWKS_BYTES: usize = 64 * 1024;
/// The most keys that are kept of a set. Clerk has one, and two while it rotates.
pub const MAX_KEYS: usize = 16;
/// The longest id of a key.
pub(super) const MAX_KID_BYTES: usize = 128;

/// Why a configured key cannot be used. Does not repeat it: somebody may have pasted the private one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Not a PEM block `PUBLIC KEY` around base64.
    #[error("not a pem block of a public key")]
    Malformed,
    /// Another kind of key, or one of fewer than 2048 bits.
    #[error("not an rsa key of at least 2048 bits")]
    Unfit,
}

/// Why the issuer's keys could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// There was no answer.
    #[error("no answer")]
    Http(#[from] HttpError),
    /// The answer has another status than 200.
    #[error("http status {}", .0.as_u16())]
    Status(StatusCode),
    /// The answer is no key set.
    #[error("not a key set")]
    Malformed(#[from] JsonError),
    /// The key set holds no key that tokens may be signed with.
    #[error("no usable key")]
    NoKeys,
    /// Whoever asked went away before there was an answer.
    #[error("not finished")]
    Unfinished,
}

/// There is no key to verify with, and there would have to be one: our outage or the issuer's, and no fault of the
/// token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's keys cannot be had")]
pub struct KeysUnavailable(#[source] FetchError);

/// The keys of one issuer.
#[derive(Debug)]
pub struct Jwks(Source);

#[derive(Debug)]
enum Source {
    Pinned(Arc<DecodingKey>),
    Published(Box<Published>),
}

impl Jwks {
    /// The one key in `pem`: nobody is ever asked for others. Lines may be separated by `\n` written out, as they are
    /// where a value has to be on one line.
    ///
    /// # Errors
    /// For everything but a PEM block `PUBLIC KEY` with an RSA key of at least 2048 bits, as Clerk's dashboard shows it.
    pub fn pinned(pem: &str) -> Result<Self, PemError> {
        let base64: String = pem
            .replace("\\n", "\n")
            .trim()
            .strip_prefix("-----BEGIN PUBLIC KEY-----")
            .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"))
            .ok_or(PemError::Malformed)?
            .split_whitespace()
            .collect();
        let der = STANDARD.decode(base64).map_err(|_| PemError::Malformed)?;
        let key = decoding_key(&der).ok_or(PemError::Unfit)?;
        Ok(Self(Source::Pinned(key)))
    }

    /// The keys that are published at `url`. Asks nobody yet.
    ///
    /// # Errors
    /// When the URL is none of a host, or not https and not on this machine.
    pub fn published(url: &str, clock: SharedClock) -> Result<Self, UrlError> {
        let url = check_base_url(url)?;
        let client = HttpClient::new(&url[..Position::BeforePath])?
            .with_timeout(FETCH_TIMEOUT)
            .with_max_body(MAX_JWKS_BYTES);
        Ok(Self(Source::Published(Box::new(Published {
            client,
            path: url.path().to_owned(),
            clock,
            state: Mutex::default(),
        }))))
    }

    /// Whether there are keys to verify with; asks for them where there are none, or old ones.
    ///
    /// # Errors
    /// When there are none, because the issuer does not answer.
    pub async fn ready(&self) -> Result<(), KeysUnavailable> {
        match &self.0 {
            Source::Pinned(_) => Ok(()),
            Source::Published(published) => published.ready().await,
        }
    }

    /// The key that a token names as `kid`; `None` when the issuer has no such key. The pinned key verifies tokens
    /// of any `kid`.
    ///
    /// # Errors
    /// When that cannot be known because the issuer does not answer.
    pub(super) async fn find(&self, kid: &str) -> Result<Option<Arc<DecodingKey>>, KeysUnavailable> {
        match &self.0 {
            Source::Pinned(key) => Ok(Some(Arc::clone(key))),
            Source::Published(published) => published.find(kid).await,
        }
    }
}

#[derive(Debug)]
struct Published {
    client: HttpClient,
    path: String,
    clock: SharedClock,
    // Held while asking: whoever comes meanwhile waits for the same answer.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    /// Before then nobody is asked.
    ask_at: Option<Timestamp>,
    /// Why the last asking brought nothing; `None` when it did.
    failure: Option<FetchError>,
}

#[derive(Debug)]
struct Known {
    keys: HashMap<String, Arc<DecodingKey>>,
    fresh_until: Timestamp,
    usable_until: Timestamp,
}

impl Published {
    async fn find(&self, kid: &str) -> Result<Option<Arc<DecodingKey>>, KeysUnavailable> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        let fresh = state.known.as_ref().filter(|known| now < known.fresh_until);
        if let Some(key) = fresh.and_then(|known| known.keys.get(kid)) {
            return Ok(Some(Arc::clone(key)));
        }
        if state.ask_at.is_none_or(|at| now >= at) {
            self.ask(&mut state, now).await;
        }
        state.find(kid, now)
    }

    async fn ready(&self) -> Result<(), KeysUnavailable> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        let is_fresh = state.known.as_ref().is_some_and(|known| now < known.fresh_until);
        if !is_fresh && state.ask_at.is_none_or(|at| now >= at) {
            self.ask(&mut state, now).await;
        }
        let is_usable = state.known.as_ref().is_some_and(|known| now < known.usable_until);
        is_usable
            .then_some(())
            .ok_or_else(|| KeysUnavailable(state.failure.clone().unwrap_or(FetchError::Unfinished)))
    }

    /// Asks the issuer; on failure the old keys stay.
    async fn ask(&self, state: &mut State, now: Timestamp) {
        let has_keys = state.known.as_ref().is_some_and(|known| now < known.usable_until);
        // Written before the answer is there: whoever asks may be dropped while waiting, and counts all the same.
        state.ask_at = Some(after(
            now,
            if has_keys {
                REFETCH_INTERVAL
            } else {
                RETRY_WITHOUT_KEYS
            },
        ));
        state.failure = Some(FetchError::Unfinished);
        match self.fetch().await {
            Ok(keys) => {
                state.known = Some(Known {
                    keys,
                    fresh_until: after(now, FRESH),
                    usable_until: after(now, STALE),
                });
                state.ask_at = Some(after(now, REFETCH_INTERVAL));
                state.failure = None;
            }
            Err(error) => {
                // Without keys it is the error of whoever asks, and logged where that is answered.
                if has_keys {
                    tracing::warn!(error = %Causes(&error), "the issuer's keys could not be refreshed");
                }
                state.failure = Some(error);
            }
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<DecodingKey>>, FetchError> {
        let answer = self.client.get(&self.path, None).await?;
        if answer.status != StatusCode::OK {
            return Err(FetchError::Status(answer.status));
        }
        read(&answer)
    }
}

impl State {
    /// The key, from what is known now.
    fn find(&self, kid: &str, now: Timestamp) -> Result<Option<Arc<DecodingKey>>, KeysUnavailable> {
        let known = self.known.as_ref().filter(|known| now < known.usable_until);
        if let Some(key) = known.and_then(|known| known.keys.get(kid)) {
            return Ok(Some(Arc::clone(key)));
        }
        match (known, &self.failure) {
            (Some(_), None) => Ok(None),
            // Also where there are keys: it may be one that was made after the last answer.
            (_, failure) => Err(KeysUnavailable(failure.clone().unwrap_or(FetchError::Unfinished))),
        }
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Box<RawValue>>,
}

/// A key as [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517) writes it.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    n: String,
    e: String,
}

/// The usable keys of a set. Others are passed over, as RFC 7517 asks in section 5.
fn read(answer: &Answer) -> Result<HashMap<String, Arc<DecodingKey>>, FetchError> {
    let set: KeySet = answer.json()?;
    let mut keys = HashMap::new();
    for key in set.keys {
        let Some((kid, key)) = json::read_part(key.get()).ok().and_then(Jwk::usable) else {
            continue;
        };
        if keys.len() == MAX_KEYS {
            break;
        }
        keys.entry(kid).or_insert(key);
    }
    if keys.is_empty() {
        return Err(FetchError::NoKeys);
    }
    Ok(keys)
}

impl Jwk {
    /// The id and the key, if it is one that session tokens may be signed with.
    fn usable(self) -> Option<(String, Arc<DecodingKey>)> {
        let is_usable = self.kty == "RSA"
            && self.purpose.is_none_or(|purpose| purpose == "sig")
            && self.alg.is_none_or(|alg| alg == "RS256")
            && (1..=MAX_KID_BYTES).contains(&self.kid.len());
        if !is_usable {
            return None;
        }
        let der = RsaPublicKeyComponents {
            n: URL_SAFE_NO_PAD.decode(self.n).ok()?,
            e: URL_SAFE_NO_PAD.decode(self.e).ok()?,
        }
        .as_der()
        .ok()?;
        Some((self.kid, decoding_key(der.as_ref())?))
    }
}

/// The key in a `SubjectPublicKeyInfo`, if it is an RSA key of 2048 to 8192 bits: what AWS-LC takes for
/// `RSA_PKCS1_2048_8192_SHA256` is refused here already, and not token by token.
fn decoding_key(der: &[u8]) -> Option<Arc<DecodingKey>> {
    PublicEncryptingKey::from_der(der).ok()?;
    Some(Arc::new(DecodingKey::from_rsa_der(der)))
}
