//! Disconnecting: what ends here ends at once, whether the third party can be told now or not.

use serde_json::json;

use super::{Integrations, connect::TELL_FOR, revocation::Teller};
use crate::{
    clock,
    db::{
        DbError, audit_events, integration_credentials,
        integration_revocations::{self, Due},
        integrations,
    },
    id::{IntegrationId, OrganizationId},
    identity::apply::Cause,
};

/// What disconnecting takes.
#[derive(Debug, Clone)]
pub struct Disconnector {
    /// The connections.
    pub integrations: Integrations,
    /// What tells the third party.
    pub teller: Teller,
}

impl Disconnector {
    /// Ends a connection, whatever state it is in, and tells the third party. Where that is away, it is told later. False
    /// where there is no such connection; ending one that has ended is nothing.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has ended.
    #[tracing::instrument(
        name = "integration.disconnect",
        skip_all,
        fields(organization.id = %organization, integration.id = %integration)
    )]
    pub async fn disconnect(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        cause: Cause<'_>,
    ) -> Result<bool, DbError> {
        let now = self.integrations.clock.now();
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let Some(there) = integrations::find_overview(&tx, organization, integration).await? else {
            return Ok(false);
        };
        let connected = (there.connector, &there.account);
        let has_ended = integrations::update_disconnected(&tx, organization, integration, now).await?;
        let give_up_at = clock::after(now, TELL_FOR);
        let is_to_be_told =
            integration_revocations::take_over(&tx, organization, integration, connected, give_up_at, now)
                .await?;
        // Out of reach of everything but the telling.
        integration_credentials::delete(&tx, organization, integration).await?;
        if has_ended {
            let details = json!({ "connector": there.connector.as_str(), "account": there.account.id });
            let entry = cause.entry(
                &self.integrations.ids,
                "integration.disconnected",
                integration,
                details,
                now,
            );
            audit_events::insert(&tx, organization, &entry).await?;
        }
        tx.commit().await?;
        drop(db);
        if has_ended {
            self.integrations
                .metrics
                .count("ConnectionsEnded", Some(("connector", there.connector.as_str())));
            tracing::info!(connector.kind = %there.connector, "disconnected");
        }
        if is_to_be_told {
            let due = Due {
                organization,
                integration,
                ended_at: now,
                at: now,
            };
            // Whatever comes of it, it has ended here, and the telling is noted: the scheduler goes on with it.
            if let Err(error) = self.teller.tell(&due).await {
                tracing::warn!(error = %error, "the third party is told later");
            }
        }
        Ok(true)
    }
}
