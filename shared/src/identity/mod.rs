//! People, organizations and memberships, as Clerk tells of them: by webhook ([`event`]) and when [asked](api), which a
//! [comparison](reconcile) does. Both are [applied](apply) in one way; somebody who signs in before either is
//! [provisioned](provision).

pub mod api;
pub mod apply;
pub mod event;
#[cfg(feature = "test-support")]
pub mod fake;
pub mod provision;
pub mod reconcile;
pub(crate) mod wire;
