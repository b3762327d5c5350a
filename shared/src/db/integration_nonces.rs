//! Random words of ours that third parties tie connections to.

use sql::{client::Params as _, queries::integration_nonces as statements};

use super::{DbError, Transaction};
use crate::{clock::Timestamp, connector::ConnectorKind, id::OrganizationId};

/// The word that a third party ties the organization's connection to; `new`, if there is none yet.
#[tracing::instrument(name = "db.integration_nonces.ensure", skip_all, fields(connector.kind = %kind), err(level = "debug"))]
pub async fn ensure(
    db: &Transaction<'_>,
    scope: OrganizationId,
    kind: ConnectorKind,
    new: &str,
    now: Timestamp,
) -> Result<String, DbError> {
    let params = statements::EnsureParams {
        organization_id: scope.uuid(),
        connector_type: kind.as_str(),
        nonce: new,
        now,
    };
    Ok(statements::ensure().params(db.client, &params).one().await?)
}
