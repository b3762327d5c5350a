//! People, organizations and memberships, as Clerk tells of them.

pub mod apply;
pub mod provision;
