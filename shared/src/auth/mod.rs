//! Who is calling: session tokens of people who signed in with Clerk.
//!
//! [`SessionVerifier`] takes a token apart by our own strict rules and asks [`Jwks`] for the key it must be signed
//! with. It knows no database: whether a session has ended meanwhile, and whether its organization is one of ours, the
//! extractors [`Member`] and [`Admin`] find out, which are the only ways of a person into a handler.

mod claims;
mod config;
mod extract;
#[cfg(feature = "test-support")]
pub mod fake;
mod jwks;
mod session;

pub use claims::SessionOrganization;
pub use config::{PeopleConfig, PeopleConfigError};
pub use extract::{Admin, AuthError, Authenticates, Caller, Member};
pub use jwks::{
    FETCH_TIMEOUT, FRESH, FetchError, Jwks, KeysUnavailable, MAX_JWKS_BYTES, MAX_KEYS, PemError,
    REFETCH_INTERVAL, RETRY_WITHOUT_KEYS, STALE,
};
pub use session::{MAX_TOKEN_BYTES, MAX_TOKEN_LIFETIME, SKEW, Session, SessionError, SessionVerifier};
