//! Taking over connections of the system before this one, from an export of its tables.
//!
//! An operator does it, where the old system's salt may be known: no function that takes requests can open what was sealed
//! there. Each connection is given to its organization by Clerk's id of it, and sealed anew for its place here. What an
//! organization has connected here already stays, so that the same export may be taken over again.

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    clock::{Clock, Timestamp},
    connector::{
        ConnectorKind, Connectors,
        contract::{Account, Connection, ConnectorError, Credentials, Earlier, Linked, Method, Returned},
    },
    db::{
        Access, DbError, Transaction,
        audit_events::{self, AuditEvent},
        integration_credentials,
        integrations::{self, Status},
        organizations,
    },
    id::{Ids, IntegrationId, OrganizationId},
    secret::{
        v1::{V1Error, V1Key},
        vault::{CredentialScope, Vault, VaultError},
    },
    telemetry::Causes,
};

/// Who takes over, in the record.
const ACTOR: &str = "import-v1";

/// One connection of the export: a row of `integrations` with its `integration_credentials` and its organization's
/// `clerk_org_id`.
#[derive(Debug, Clone, Deserialize)]
pub struct Exported {
    /// Clerk's id of the organization.
    pub clerk_org_id: String,
    /// Which third party.
    pub connector_type: String,
    /// Where it stood.
    pub status: String,
    /// The credentials as they were stored.
    pub credential_data_encrypted: SecretString,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When the credentials end by themselves.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Whether somebody vouches for what the old system did not prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nobody does: what was not proven is to be connected here.
    Nobody,
    /// Whoever runs this deployment does: every installation in the export is its organization's own.
    Installations,
}

/// What became of one connection.
#[derive(Debug)]
pub enum Outcome {
    /// It is connected here.
    TakenOver(IntegrationId),
    /// It was not connected any more.
    NotActive,
    /// The organization has connected the third party here already.
    ConnectedAlready,
    /// Nobody of that organization has come here yet, and Clerk has not told of it.
    UnknownOrganization,
    /// There is no such third party here.
    UnknownConnector,
    /// Another organization has what it was connected to.
    TakenByAnother,
    /// The credentials do not open.
    Unopened(V1Error),
    /// They open, and cannot be taken over.
    Refused(ConnectorError),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakenOver(id) => write!(f, "taken over as {id}"),
            Self::NotActive => f.write_str("left: it was not connected any more"),
            Self::ConnectedAlready => f.write_str("left: the organization has connected it here already"),
            Self::UnknownOrganization => f.write_str(
                "left: the organization is not known here yet; sign in as one of it, or wait for Clerk",
            ),
            Self::UnknownConnector => f.write_str("left: there is no such connector"),
            Self::TakenByAnother => f.write_str("left: another organization has connected the same here"),
            Self::Unopened(error) => write!(f, "left: {error}"),
            Self::Refused(ConnectorError::Invalid(problems)) => {
                f.write_str("left: what was sealed is not as it must be:")?;
                problems
                    .iter()
                    .try_for_each(|problem| write!(f, " {} {}", problem.field, problem.message))
            }
            Self::Refused(error) => write!(f, "left: {}", Causes(error)),
        }
    }
}

/// Why taking over stops.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What taking over takes.
#[derive(Debug, Clone, Copy)]
pub struct Importer<'a> {
    /// What opens the old credentials.
    pub key: &'a V1Key,
    /// Whether somebody vouches for what was not proven.
    pub trust: Trust,
    /// Where the connections go.
    pub db: &'a Access,
    /// What seals them anew.
    pub vault: &'a Vault,
    /// Who knows what the texts mean.
    pub connectors: &'a Connectors,
    /// The time.
    pub clock: &'a dyn Clock,
    /// New ids.
    pub ids: &'a Ids,
}

impl Importer<'_> {
    /// Takes one connection over.
    ///
    /// # Errors
    /// [`ImportError`]: then nothing is taken over, and the same may be tried again.
    #[tracing::instrument(name = "integration.import", skip_all)]
    pub async fn import(&self, exported: &Exported) -> Result<Outcome, ImportError> {
        if exported.status != "active" {
            return Ok(Outcome::NotActive);
        }
        let Ok(kind) = exported.connector_type.parse::<ConnectorKind>() else {
            return Ok(Outcome::UnknownConnector);
        };
        let mut db = self.db.get().await?;
        let tx = db.begin_naming("", &exported.clerk_org_id).await?;
        let mirrored = organizations::find_mirrored(&tx, &exported.clerk_org_id).await?;
        let Some(organization) = mirrored
            .filter(|found| found.deleted_at.is_none())
            .map(|found| found.id)
        else {
            return Ok(Outcome::UnknownOrganization);
        };
        tx.enter(organization).await?;
        let Some(id) = self.place(&tx, organization, kind).await? else {
            return Ok(Outcome::ConnectedAlready);
        };
        tx.commit().await?;
        drop(db);

        let texts = match self.key.open(exported.credential_data_encrypted.expose_secret()) {
            Ok(texts) => texts,
            Err(error) => return Ok(Outcome::Unopened(error)),
        };
        tracing::info!(
            organization.id = %organization,
            connector.kind = %kind,
            integration.id = %id,
            purpose = "take over",
            "credentials opened"
        );
        let scope = CredentialScope {
            organization,
            connector: kind,
            integration: id,
        };
        let linked = match self.link(&scope, exported, &texts).await {
            Ok(linked) => linked,
            Err(error) => return Ok(Outcome::Refused(error)),
        };
        self.store(&scope, &linked).await
    }

    /// The id that a connection gets here; none where there is one already.
    async fn place(
        &self,
        tx: &Transaction<'_>,
        organization: OrganizationId,
        kind: ConnectorKind,
    ) -> Result<Option<IntegrationId>, DbError> {
        Ok(match integrations::find(tx, organization, kind).await? {
            None => Some(self.ids.integration()),
            Some(found)
                if matches!(
                    found.status,
                    Status::Inactive | Status::Deleted | Status::NotStarted
                ) =>
            {
                Some(found.id)
            }
            Some(_) => None,
        })
    }

    /// What opens the connection here. What somebody filled in there is filled in here, and so proven to work; the rest is
    /// for its connector to say.
    async fn link(
        &self,
        scope: &CredentialScope,
        exported: &Exported,
        texts: &BTreeMap<String, SecretString>,
    ) -> Result<Linked<Credentials>, ConnectorError> {
        let connector = self.connectors.get(scope.connector);
        let descriptor = connector.descriptor();
        if descriptor.method != Method::Form {
            return connector.adopt(Earlier {
                texts,
                installed_at: exported.created_at,
                expires_at: exported.expires_at,
                is_vouched_for: self.trust == Trust::Installations,
            });
        }
        let fields: Map<String, Value> = texts
            .iter()
            .filter(|(name, _)| descriptor.field(name).is_some())
            .map(|(name, text)| (name.clone(), text.expose_secret().into()))
            .collect();
        let connection = Connection {
            organization: scope.organization,
            integration: scope.integration,
            nonce: "",
            webhook_url: None,
            account: None,
            now: self.clock.now(),
        };
        let returned = Returned {
            redirect_uri: "",
            code_verifier: "",
        };
        let linked = connector
            .complete(connection, returned, Value::Object(fields))
            .await?;
        connector.attach(connection, linked).await
    }

    async fn store(
        &self,
        scope: &CredentialScope,
        linked: &Linked<Credentials>,
    ) -> Result<Outcome, ImportError> {
        // Sealed before the transaction: KMS is slow and may fail.
        let sealed = self.vault.seal(scope, &linked.credentials).await?;
        let (organization, now) = (scope.organization, self.clock.now());
        let metadata = metadata(&linked.account);
        let account = &linked.account;
        let new = integrations::New {
            id: scope.integration,
            connector: scope.connector,
            connected_by: None,
            external_id: account.external_id.as_deref(),
            bot_id: account.bot_id.as_deref(),
            connector_user_id: account.user_id.as_deref(),
            connector_organization_id: Some(&account.id),
            metadata: &metadata,
            installed_at: linked.installed_at,
        };
        let mut db = self.db.get().await?;
        let tx = db.begin_for(organization).await?;
        // Somebody may have connected while KMS was asked.
        if self.place(&tx, organization, scope.connector).await?.is_none() {
            return Ok(Outcome::ConnectedAlready);
        }
        let id = match integrations::upsert(&tx, organization, &new, now).await {
            Ok((id, _)) if id == scope.integration => id,
            Ok(_) => return Ok(Outcome::ConnectedAlready),
            Err(DbError::Conflict { constraint }) if constraint == "integrations_external_id_key" => {
                return Ok(Outcome::TakenByAnother);
            }
            Err(error) => return Err(error.into()),
        };
        integration_credentials::upsert(&tx, organization, id, &sealed, linked.expires_at, now).await?;
        let event = AuditEvent {
            id: self.ids.audit_event(),
            actor: ACTOR.to_owned(),
            action: "integration.taken_over".to_owned(),
            subject: id.to_string(),
            outcome: audit_events::Outcome::Succeeded,
            details: json!({ "connector": scope.connector.as_str() }),
            request_id: None,
            address: None,
            at: now,
        };
        audit_events::insert(&tx, organization, &event).await?;
        tx.commit().await?;
        Ok(Outcome::TakenOver(id))
    }
}

/// What is shown of an account, as its column holds it.
fn metadata(account: &Account) -> Value {
    let mut metadata: Map<String, Value> = account
        .metadata
        .iter()
        .map(|(name, text)| (name.clone(), text.as_str().into()))
        .collect();
    metadata.insert("connector_org_name".to_owned(), account.name.as_str().into());
    Value::Object(metadata)
}
