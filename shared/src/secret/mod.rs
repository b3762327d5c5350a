//! Secrets: the vault for credentials of connections, and the secrets of Secrets Manager.

pub mod kms;
pub mod manager;
pub mod v1;
pub mod vault;
