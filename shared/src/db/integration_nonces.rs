//! What third parties tie connections to.

use sql::{client::Params as _, queries::integration_nonces as statements};

use super::{DbError, Transaction};
use crate::{
    clock::Timestamp,
    connector::ConnectorKind,
    id::{IntegrationId, OrganizationId},
};

/// What a third party ties the organization's connection to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// A random word of ours; no secret.
    pub nonce: String,
    /// The id that the connection will have, if there was none before.
    pub integration: IntegrationId,
}

/// What a third party ties the organization's connection to; `new`, if there is nothing yet.
#[tracing::instrument(name = "db.integration_nonces.ensure", skip_all, fields(connector.kind = %kind), err(level = "debug"))]
pub async fn ensure(
    db: &Transaction<'_>,
    scope: OrganizationId,
    kind: ConnectorKind,
    new: &Tie,
    now: Timestamp,
) -> Result<Tie, DbError> {
    let params = statements::EnsureParams {
        organization_id: scope.uuid(),
        connector_type: kind.as_str(),
        nonce: new.nonce.as_str(),
        integration_id: new.integration.uuid(),
        now,
    };
    let tie = statements::ensure().params(db.client, &params).one().await?;
    Ok(Tie {
        nonce: tie.nonce,
        integration: tie.integration_id.into(),
    })
}
