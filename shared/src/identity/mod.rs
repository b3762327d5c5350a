//! People, organizations and memberships, as Clerk tells of them: by webhook ([`event`]) and when asked.

pub mod event;
#[cfg(feature = "test-support")]
pub mod fake;
pub(crate) mod wire;
