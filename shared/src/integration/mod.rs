//! What is true of every connection, whoever the third party is.

pub mod import;
pub mod reencrypt;
pub mod refresh;
pub mod revocation;

use std::sync::Arc;

use crate::{
    clock::SharedClock, connector::Connectors, db::Access, id::Ids, secret::vault::Vault, telemetry::Metrics,
};

/// What working on connections takes.
#[derive(Debug, Clone)]
pub struct Integrations {
    /// Where they are.
    pub db: Arc<Access>,
    /// What opens and seals their credentials.
    pub vault: Arc<Vault>,
    /// Who speaks to the third parties.
    pub connectors: Connectors,
    /// The time.
    pub clock: SharedClock,
    /// New ids.
    pub ids: Ids,
    /// Where what is done is counted.
    pub metrics: Metrics,
    /// Which function works, for the record.
    pub actor: &'static str,
}
