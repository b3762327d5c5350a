//! Verification of a session token: from a text that anybody can send to a [`Session`] that only Clerk can make.
//!
//! The order is that of Clerk's SDK (`verifyJwt` in `clerk/javascript`): the form, the header, the signature, and
//! only then the claims, so that nobody learns from our answers which claims would be good. The rules are stricter
//! in what they take. Source: <https://clerk.com/docs/guides/sessions/manual-jwt-verification>.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    claims::{Claims, SessionOrganization},
    jwks::{Jwks, KeysUnavailable, MAX_KID_BYTES},
};
use crate::{
    clock::{SharedClock, Timestamp, after},
    json::{self, JsonError},
};

/// How far Clerk's clock and ours may be apart.
pub const SKEW: Duration = Duration::from_secs(5);

/// The longest token that is looked at. Clerk's have about 1 KiB, and at most what fits into a cookie.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The longest time that a token may be good for. Clerk's are good for a minute; whoever remembers sessions that have
/// ended may forget them after this time.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// The category of session tokens, in the header's `cat`. Clerk signs tokens of other kinds with the same key.
const SESSION_CATEGORY: &str = "cl_B7d4PD111AAA";
/// The category that some instances give to tokens of every kind; says nothing.
const IGNORED_CATEGORY: &str = "cl_I7d4PD111III";

/// The longest id in a token.
const MAX_ID_BYTES: usize = 128;

/// Somebody who is signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Who: `user_…`.
    pub user_id: String,
    /// The session: `sess_…`.
    pub session_id: String,
    /// Who acts in their place, where they do not act themselves: an administrator of the Clerk instance, by Clerk's id.
    pub impersonator: Option<String>,
    /// The organization that they have chosen to work in.
    pub organization: Option<SessionOrganization>,
    /// The origin that the session was begun from; one of ours.
    pub authorized_party: String,
    /// When the token was made.
    pub issued_at: Timestamp,
    /// Until when it is good; [`SKEW`] on top.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user_id", &self.user_id)
            .field("session_id", &self.session_id)
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

/// Why a token is not taken. Whoever sent it is told none of this, only that it is not. Holds nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64 with JSON in the first.
    #[error("not a token")]
    Malformed,
    /// Not signed with `RS256`, by what it says itself.
    #[error("signed with another algorithm")]
    Algorithm,
    /// Of another type than `JWT`.
    #[error("of another type")]
    Type,
    /// Made by Clerk for something else: a template, a machine.
    #[error("of another category")]
    Category,
    /// Asks for extensions that we do not have (`crit`).
    #[error("asks for extensions")]
    Extensions,
    /// Names no key, or by an overlong name.
    #[error("names no key")]
    KeyId,
    /// Names a key that the issuer does not have.
    #[error("names an unknown key")]
    UnknownKey,
    /// The named key does not give this signature.
    #[error("the signature does not match")]
    Signature,
    /// The claims are no JSON of the documented form.
    #[error("the claims cannot be read")]
    Claims(#[source] JsonError),
    /// A claim that every session token has is missing, or not of its form.
    #[error("claim {0} is missing or malformed")]
    Claim(&'static str),
    /// Made by another issuer.
    #[error("of another issuer")]
    Issuer,
    /// Its time has passed.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not good yet")]
    NotYet,
    /// Made in the future.
    #[error("made in the future")]
    IssuedLater,
    /// Good for longer than [`MAX_TOKEN_LIFETIME`].
    #[error("good for too long")]
    Lifetime,
    /// Made for an application that is not one of ours, or for none.
    #[error("made for another application")]
    AuthorizedParty,
    /// The session is not active: something is left to do before the person is signed in.
    #[error("the session is not active")]
    Inactive,
    /// No refusal: there are no keys to verify with.
    #[error("tokens cannot be verified")]
    Unavailable(#[source] KeysUnavailable),
}

impl SessionError {
    /// A word for metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Category => "category",
            Self::Extensions => "extensions",
            Self::KeyId => "key_id",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Claims(_) => "claims",
            Self::Claim(_) => "claim",
            Self::Issuer => "issuer",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::IssuedLater => "issued_later",
            Self::Lifetime => "lifetime",
            Self::AuthorizedParty => "authorized_party",
            Self::Inactive => "inactive",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Whether it says nothing about the token: the same one may be taken later.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Verifies the session tokens of one Clerk instance.
#[derive(Debug)]
pub struct SessionVerifier {
    keys: Jwks,
    issuer: String,
    authorized_parties: Vec<String>,
    validation: Validation,
    clock: SharedClock,
}

impl SessionVerifier {
    /// Takes tokens of `issuer` (the instance's Frontend API, exactly as its tokens write it) that were made for one
    /// of the `authorized_parties` (origins of web clients, as browsers write them).
    #[must_use]
    pub fn new(issuer: String, keys: Jwks, authorized_parties: Vec<String>, clock: SharedClock) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "nbf", "sub", "iss"]);
        validation.set_issuer(&[&issuer]);
        // Clerk's session tokens have `azp` instead.
        validation.validate_aud = false;
        // The crate can only ask the machine for the time; ours is checked below, with all that depends on it.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.leeway = SKEW.as_secs();
        Self {
            keys,
            issuer,
            authorized_parties,
            validation,
            clock,
        }
    }

    /// Whether there are keys to verify with; asks for them where there are none, or old ones.
    ///
    /// # Errors
    /// When there are none, because the issuer does not answer.
    pub async fn ready(&self) -> Result<(), KeysUnavailable> {
        self.keys.ready().await
    }

    /// Takes `token` apart. `jku`, `jwk` and `x5u` in its header mean nothing here: a key is found by its id among
    /// those of the issuer, or not at all.
    ///
    /// # Errors
    /// [`SessionError`] by the first rule that the token breaks, or when there are no keys ([`SessionError::is_outage`]).
    #[tracing::instrument(name = "session.verify", skip_all)]
    pub async fn verify(&self, token: &str) -> Result<Session, SessionError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SessionError::TooLong);
        }
        let kid = Header::read(token)?.kid()?;
        let key = self.keys.find(&kid).await.map_err(SessionError::Unavailable)?;
        let payload = self.payload(token, &*key.ok_or(SessionError::UnknownKey)?)?;
        let claims = Claims::read(payload.get()).map_err(SessionError::Claims)?;
        let organization = claims.organization(payload.get()).map_err(SessionError::Claims)?;
        self.session(claims, organization)
    }

    /// What the token says, once its signature is good.
    fn payload(&self, token: &str, key: &DecodingKey) -> Result<Box<RawValue>, SessionError> {
        match jsonwebtoken::decode(token, key, &self.validation) {
            Ok(token) => Ok(token.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidSignature => SessionError::Signature,
                ErrorKind::InvalidIssuer => SessionError::Issuer,
                ErrorKind::MissingRequiredClaim(name) | ErrorKind::InvalidClaimFormat(name) => {
                    let required = ["exp", "nbf", "sub", "iss"];
                    let known = required.into_iter().find(|required| required == name);
                    known.map_or(SessionError::Malformed, SessionError::Claim)
                }
                _ => SessionError::Malformed,
            }),
        }
    }

    fn session(
        &self,
        claims: Claims,
        organization: Option<SessionOrganization>,
    ) -> Result<Session, SessionError> {
        use SessionError::Claim;
        let time = |seconds: Option<i64>, name| {
            seconds
                .and_then(|seconds| Timestamp::from_timestamp(seconds, 0))
                .ok_or(Claim(name))
        };
        let now = self.clock.now();
        if claims.iss.ok_or(Claim("iss"))? != self.issuer {
            return Err(SessionError::Issuer);
        }
        let expires_at = time(claims.exp, "exp")?;
        if after(expires_at, SKEW) <= now {
            return Err(SessionError::Expired);
        }
        let latest = after(now, SKEW);
        if time(claims.nbf, "nbf")? > latest {
            return Err(SessionError::NotYet);
        }
        let issued_at = time(claims.iat, "iat")?;
        if issued_at > latest {
            return Err(SessionError::IssuedLater);
        }
        if expires_at > after(issued_at, MAX_TOKEN_LIFETIME) {
            return Err(SessionError::Lifetime);
        }
        let is_ours = |party: &String| self.authorized_parties.contains(party);
        let authorized_party = claims.azp.filter(is_ours).ok_or(SessionError::AuthorizedParty)?;
        if claims.sts.is_some_and(|status| status != "active") {
            return Err(SessionError::Inactive);
        }
        if organization
            .as_ref()
            .is_some_and(|organization| !is_id(&organization.id, "org_"))
        {
            return Err(Claim("o"));
        }
        // An id of whatever kind, which ends up in the record: it must be one, and not a story.
        let is_actor = |id: &String| is_id(id, "");
        let impersonator = claims
            .act
            .map(|actor| Some(actor.sub).filter(is_actor).ok_or(Claim("act")));
        Ok(Session {
            impersonator: impersonator.transpose()?,
            user_id: claims.sub.filter(|id| is_id(id, "user_")).ok_or(Claim("sub"))?,
            session_id: claims.sid.filter(|id| is_id(id, "sess_")).ok_or(Claim("sid"))?,
            organization,
            authorized_party,
            issued_at,
            expires_at,
        })
    }
}

/// Whether `id` is one of Clerk's, of the kind that begins with `prefix`.
fn is_id(id: &str, prefix: &str) -> bool {
    id.len() <= MAX_ID_BYTES
        && id.strip_prefix(prefix).is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
}

/// What is looked at of a token's header.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    cat: Option<String>,
    kid: Option<String>,
    #[serde(default, deserialize_with = "whatever_it_is")]
    crit: bool,
}

/// `true` for a field that is there, also as `null`.
fn whatever_it_is<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|IgnoredAny| true)
}

impl Header {
    fn read(token: &str) -> Result<Self, SessionError> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SessionError::Malformed);
        };
        let header = URL_SAFE_NO_PAD
            .decode(header)
            .map_err(|_| SessionError::Malformed)?;
        json::read(&header).map_err(|_| SessionError::Malformed)
    }

    /// The key that is named by a header that a session token may have.
    fn kid(self) -> Result<String, SessionError> {
        if self.alg != "RS256" {
            return Err(SessionError::Algorithm);
        }
        if self.typ.is_some_and(|typ| typ != "JWT") {
            return Err(SessionError::Type);
        }
        if self
            .cat
            .is_some_and(|cat| cat != SESSION_CATEGORY && cat != IGNORED_CATEGORY)
        {
            return Err(SessionError::Category);
        }
        if self.crit {
            return Err(SessionError::Extensions);
        }
        self.kid
            .filter(|kid| (1..=MAX_KID_BYTES).contains(&kid.len()))
            .ok_or(SessionError::KeyId)
    }
}
