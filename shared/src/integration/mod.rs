//! What is true of every connection, whoever the third party is.

pub mod import;
pub mod reencrypt;
pub mod refresh;
pub mod revocation;
