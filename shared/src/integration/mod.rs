//! What is true of every connection, whoever the third party is.

pub mod check;
pub mod connect;
pub mod disconnect;
pub mod import;
pub mod reencrypt;
pub mod refresh;
pub mod revocation;
pub mod sync;

use std::sync::Arc;

use crate::{
    clock::{SharedClock, Timestamp},
    connector::{Connectors, contract::Connection},
    db::{Access, integration_credentials::Refreshable},
    id::{Ids, IntegrationId, OrganizationId},
    secret::vault::Vault,
    telemetry::Metrics,
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

/// A connection as its connector sees it, made of what is kept of it.
fn connection(
    organization: OrganizationId,
    integration: IntegrationId,
    found: &Refreshable,
    now: Timestamp,
) -> Connection<'_> {
    Connection {
        organization,
        integration,
        nonce: &found.nonce,
        webhook_url: None,
        account: Some(&found.account),
        now,
    }
}
