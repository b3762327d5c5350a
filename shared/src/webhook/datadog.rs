//! How Datadog's deliveries are known: it signs nothing, so each brings a token of ours in a header of its own. Source:
//! "Webhooks" at <https://docs.datadoghq.com/integrations/webhooks/>.
//!
//! Every connection has its own token, Datadog is told it once, and we keep only what it hashes to.

use std::fmt;

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
    rand,
};
use http::HeaderMap;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::{WebhookError, header};

/// The header with the token.
pub const TOKEN: &str = "x-infragpt-token";
/// The largest body that we look at. What our template makes is a few kilobytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What a token has, in hexadecimal digits: 256 bits.
const TOKEN_DIGITS: usize = 64;

/// No randomness could be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no token could be made")]
pub struct NoToken;

/// The SHA-256 of a token: what is kept of it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A new token, and what is kept of it.
///
/// # Errors
/// When the machine has no randomness.
pub fn mint() -> Result<(SecretString, TokenHash), NoToken> {
    let mut random = Zeroizing::new([0; TOKEN_DIGITS / 2]);
    rand::fill(random.as_mut_slice()).map_err(|_| NoToken)?;
    let token = Zeroizing::new(hex::encode(random.as_slice()));
    let hash = TokenHash::of(&token);
    Ok((SecretString::from(token.as_str()), hash))
}

impl TokenHash {
    fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }

    /// Whether a token is the one.
    #[must_use]
    pub fn is_of(&self, token: &str) -> bool {
        constant_time::verify_slices_are_equal(&Self::of(token).0, &self.0).is_ok()
    }

    /// Checks that a delivery brings the token, in time that does not depend on where another one differs.
    ///
    /// # Errors
    /// [`WebhookError`], for whatever is not exactly it.
    pub fn verify(&self, headers: &HeaderMap) -> Result<(), WebhookError> {
        let token = header(headers, TOKEN)?;
        if token.len() != TOKEN_DIGITS {
            return Err(WebhookError::Malformed(TOKEN));
        }
        if self.is_of(token) {
            Ok(())
        } else {
            Err(WebhookError::Mismatch)
        }
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| de::Error::custom("not a hash"))?;
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use secrecy::ExposeSecret as _;

    use super::*;

    fn check(hash: &TokenHash, values: &[&str]) -> Result<(), WebhookError> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
            headers.append(HeaderName::from_static(TOKEN), value);
        }
        hash.verify(&headers)
    }

    #[test]
    fn only_the_token_of_the_connection_is_good() {
        let (token, hash) = mint().expect("a token");
        let (other, _) = mint().expect("a token");
        let (token, other) = (token.expose_secret(), other.expose_secret());
        assert_eq!(check(&hash, &[token]), Ok(()));
        assert_eq!(check(&hash, &[other]), Err(WebhookError::Mismatch));
        assert_eq!(
            check(&hash, &[&token.to_uppercase()]),
            Err(WebhookError::Mismatch)
        );
        assert_eq!(check(&hash, &[]), Err(WebhookError::Missing(TOKEN)));
        assert_eq!(check(&hash, &[token, token]), Err(WebhookError::Repeated(TOKEN)));
        let joined = format!("{token},{token}");
        for wrong in ["", " ", &token[1..], &joined, &"é".repeat(64)] {
            assert_eq!(
                check(&hash, &[wrong]),
                Err(WebhookError::Malformed(TOKEN)),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_kept_is_not_the_token_and_is_not_one_itself() {
        let (token, hash) = mint().expect("a token");
        let kept = serde_json::to_string(&hash).expect("json");
        assert!(!kept.contains(token.expose_secret()));
        assert_eq!(format!("{hash:?}"), "TokenHash");
        let read: TokenHash = serde_json::from_str(&kept).expect("a hash");
        assert_eq!(check(&read, &[token.expose_secret()]), Ok(()));
        assert_eq!(
            check(&read, &[kept.trim_matches('"')]),
            Err(WebhookError::Mismatch)
        );
        assert!(serde_json::from_str::<TokenHash>("\"00\"").is_err());
    }
}
