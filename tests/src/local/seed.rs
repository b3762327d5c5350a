//! What a stack needs before anybody can talk to it, made through the functions that the product uses for it.

use std::sync::Arc;

use anyhow::Context as _;
use shared::{
    clock::{Clock as _, SystemClock},
    db::Db,
    id::{Ids, IntegrationId, OrganizationId},
    secret::{kms::Kms, manager::SecretStore, vault::Vault},
    task::ClerkOrganization,
};

use super::stack::{ENVIRONMENT, Stack};
use crate::seed::{self, Installation};

/// A Slack workspace in which the app is installed.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// The organization that connects it. Clerk must know it: one that it does not know counts as deleted, and its
    /// connections are ended.
    pub organization: &'a ClerkOrganization,
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
        let keys = Kms::new(
            &self.emulator.sdk()?,
            self.deployment.output("CredentialsKeyArn")?,
        )?;
        let vault = Vault::new(Arc::new(keys), ENVIRONMENT, clock);
        let database = self.database().await?;
        let mut connection = database.get().await?;
        let organization = seed::mirrored(&mut connection, &ids, installed.organization, now).await?;
        let installation = Installation {
            external_id: installed.team,
            bot_user_id: installed.bot_user,
            bot_token: installed.token,
        };
        let integration = seed::slack(&mut connection, &vault, &ids, organization, installation, now).await?;
        Ok(Seeded {
            organization,
            integration,
        })
    }
}
