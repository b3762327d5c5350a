//! What a stack needs before anybody can talk to it, made through the functions that the product uses for it.

use std::sync::Arc;

use anyhow::Context as _;
use secrecy::SecretString;
use serde_json::json;
use shared::{
    clock::{Clock as _, SystemClock},
    connector::{ConnectorKind, slack::SlackCredentials},
    db::{Db, integration_credentials, integrations, organizations},
    id::{Ids, IntegrationId, OrganizationId},
    secret::{
        kms::Kms,
        manager::SecretStore,
        vault::{CredentialScope, Vault},
    },
};

use super::stack::{ENVIRONMENT, Stack};

/// A Slack workspace in which the app is installed.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// The name of the organization that connects it.
    pub organization: &'a str,
    /// The workspace (`T…`).
    pub team: &'a str,
    /// Our user there (`U…`).
    pub bot_user: &'a str,
    /// The bot token.
    pub token: &'a str,
}

/// The rows that were made.
#[derive(Debug, Clone, Copy)]
pub struct Seeded {
    /// The organization.
    pub organization: OrganizationId,
    /// Its Slack integration.
    pub integration: IntegrationId,
}

impl Stack {
    /// The database as the functions reach it: with the role and the secret that the migrator has prepared.
    pub async fn database(&self) -> anyhow::Result<Db> {
        let secrets = SecretStore::new(&self.emulator.sdk()?);
        let secret = secrets
            .json(self.deployment.output("DatabaseSecretArn")?)
            .await
            .context("the functions' database secret cannot be read")?;
        Ok(Db::new(&secret, 2)?)
    }

    /// Makes an organization that has a Slack workspace connected, with its bot token sealed by the stack's own key.
    pub async fn connect_slack(&self, installed: &Installed<'_>) -> anyhow::Result<Seeded> {
        let clock = Arc::new(SystemClock);
        let now = clock.now();
        let ids = Ids::random();
        let organization = ids.organization();
        let integration = ids.integration();

        let keys = Kms::new(
            &self.emulator.sdk()?,
            self.deployment.output("CredentialsKeyArn")?,
        )?;
        let vault = Vault::new(Arc::new(keys), ENVIRONMENT, clock);
        let scope = CredentialScope {
            organization,
            connector: ConnectorKind::Slack,
            integration,
        };
        let credentials = SlackCredentials {
            bot_token: SecretString::from(installed.token),
        };
        let sealed = vault.seal(&scope, &credentials).await?;

        let slug = installed.organization.to_lowercase();
        let database = self.database().await?;
        let mut connection = database.get().await?;
        let tx = connection.begin_for(organization).await?;
        let new = organizations::New {
            clerk_org_id: &format!("org_{slug}"),
            name: installed.organization,
            slug: &slug,
            created_by: None,
            source_updated_at: now,
        };
        organizations::insert(&tx, organization, &new, now).await?;
        let new = integrations::New {
            id: integration,
            connector: ConnectorKind::Slack,
            connected_by: None,
            external_id: Some(installed.team),
            bot_id: Some(installed.bot_user),
            connector_user_id: None,
            connector_organization_id: Some(installed.team),
            metadata: &json!({ "team_name": installed.organization }),
            installed_at: now,
        };
        integrations::upsert(&tx, organization, &new, now).await?;
        integration_credentials::upsert(&tx, organization, integration, &sealed, None, now).await?;
        tx.commit().await?;
        Ok(Seeded {
            organization,
            integration,
        })
    }
}
