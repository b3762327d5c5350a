//! Taking over connections of the existing system, from its database.
//!
//! An operator does it, once, where that system's salt may be known: no function that takes requests can open what was
//! sealed there. Each connection is given to its organization by Clerk's id of it, proven to work at its third party, and
//! sealed anew for its place here, in one transaction with the record of it. What an organization has connected here, or
//! has ended here, stays as it is: so the same may be done again at any time, and goes on where it stopped.

pub mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use self::source::Stored;
use crate::{
    clock::Clock,
    connector::{
        ConnectorKind, Connectors,
        contract::{Capability, Connection, ConnectorError, Credentials, Earlier, Linked},
    },
    db::{
        Access, DatabaseSecret, DbError, Transaction,
        audit_events::{self, AuditEvent},
        integration_credentials,
        integrations::{self, Status},
        organizations,
    },
    id::{Ids, IntegrationId, OrganizationId},
    secret::{
        v1::{self, V1Error, V1Key},
        vault::{CredentialScope, Vault, VaultError},
    },
    telemetry::Causes,
};

/// Who takes over, in the record.
const ACTOR: &str = "import-v1";

/// The status of connections that work there.
const ACTIVE: &str = "active";

/// Where the existing system is and what opens its credentials. A secret as a whole.
#[derive(Debug, Deserialize)]
pub struct Setting {
    /// Its database.
    pub database: DatabaseSecret,
    /// Its `ENCRYPTION_SALT`; none where it had none.
    #[serde(default)]
    pub salt: Option<SecretString>,
}

/// Whether anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All is done, and nothing is kept.
    Rehearsal,
    /// It is kept.
    Kept,
}

/// Whether somebody vouches for what the existing system did not prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nobody does: what was not proven is to be connected here.
    Nobody,
    /// Whoever runs this deployment does: every installation there is its organization's own.
    Installations,
}

/// What became of one connection.
#[derive(Debug)]
pub enum Outcome {
    /// It is connected here.
    Imported(IntegrationId),
    /// It would be; this was a rehearsal.
    Importable,
    /// It does not work there any more, or not yet.
    NotActive,
    /// The organization has connected the third party here already.
    Connected,
    /// The organization has ended it here, or begun to connect it.
    Settled,
    /// Nobody of that organization has come here yet, and Clerk has not told of it.
    UnknownOrganization,
    /// There is no such third party here.
    UnknownConnector,
    /// More than one organization has the same there: it is not known whose it is.
    Disputed,
    /// Another organization has the same here.
    Taken,
    /// The credentials were sealed with another salt, or altered.
    WrongSalt,
    /// The credentials are not there, or not of the form that they must have.
    Unreadable,
    /// The third party is away: the same may work later.
    Unavailable(ConnectorError),
    /// They do not work, or are not to be taken over.
    Refused(ConnectorError),
}

impl Outcome {
    /// A word for reports.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Imported(_) => "imported",
            Self::Importable => "importable",
            Self::NotActive => "not active",
            Self::Connected => "already connected",
            Self::Settled => "settled here",
            Self::UnknownOrganization => "unknown organization",
            Self::UnknownConnector => "unknown connector",
            Self::Disputed => "disputed",
            Self::Taken => "taken",
            Self::WrongSalt => "wrong salt",
            Self::Unreadable => "unreadable",
            Self::Unavailable(_) => "unavailable",
            Self::Refused(_) => "refused",
        }
    }

    /// Whether the same may end otherwise in a while, without anybody doing anything.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_str())?;
        match self {
            Self::Imported(id) => write!(f, " as {id}"),
            Self::Importable => f.write_str(": it works; nothing was written"),
            Self::NotActive => f.write_str(": it does not work in the existing system either"),
            Self::Connected => f.write_str(": what the organization has connected here stays"),
            Self::Settled => f.write_str(": it was ended here, or is being connected; an admin connects it here"),
            Self::UnknownOrganization => {
                f.write_str(": once somebody of it has signed in here, or Clerk has told of it, run this again")
            }
            Self::UnknownConnector => f.write_str(": nothing of that name can be connected here"),
            Self::Disputed => f.write_str(
                ": more than one organization has the same in the existing system; the right one connects it here",
            ),
            Self::Taken => f.write_str(": another organization has connected the same here"),
            Self::WrongSalt => f.write_str(": sealed with another salt than the given one, or altered"),
            Self::Unreadable => f.write_str(": the credentials are missing, or not of the form that they must have"),
            Self::Refused(ConnectorError::Invalid(problems)) => {
                f.write_str(":")?;
                problems
                    .iter()
                    .try_for_each(|problem| write!(f, " {} {}", problem.field, problem.message))
            }
            Self::Unavailable(error) | Self::Refused(error) => write!(f, ": {}", Causes(error)),
        }
    }
}

/// Why taking over stops. What was taken over before stays, and the same may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Nothing opens, so nothing was tried.
    #[error("the salt is wrong: none of the {sealed} credentials opens with it; nothing was written")]
    WrongSalt {
        /// How many there are.
        sealed: usize,
    },
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
    /// What opens the credentials of the existing system.
    pub key: &'a V1Key,
    /// Whether anything is changed.
    pub mode: Mode,
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
    /// Takes over what can be taken over, one after the other, and tells what became of each.
    ///
    /// # Errors
    /// [`ImportError`]
    #[tracing::instrument(name = "integration.import", skip_all)]
    pub async fn run(
        &self,
        all: &[Stored],
        mut tell: impl FnMut(&Stored, &Outcome) + Send,
    ) -> Result<BTreeMap<&'static str, usize>, ImportError> {
        self.check_salt(all)?;
        let disputed = disputed(all);
        let mut report = BTreeMap::new();
        for stored in all {
            let outcome = self.import(stored, disputed.contains(&stored.id)).await?;
            tell(stored, &outcome);
            *report.entry(outcome.as_str()).or_default() += 1;
        }
        Ok(report)
    }

    /// A salt that opens nothing is another one. One that opens some is right: what it does not open was altered, or is
    /// from before the salt was changed.
    fn check_salt(&self, all: &[Stored]) -> Result<(), ImportError> {
        let mut sealed = 0;
        for stored in all {
            match self.open(stored) {
                Ok(_) => return Ok(()),
                Err(V1Error::Tampered) => sealed += 1,
                Err(V1Error::Encoding | V1Error::Form) => {}
            }
        }
        if sealed == 0 {
            return Ok(());
        }
        Err(ImportError::WrongSalt { sealed })
    }

    fn open(&self, stored: &Stored) -> Result<BTreeMap<String, SecretString>, V1Error> {
        match &stored.sealed {
            Some(sealed) if stored.key_id.as_deref() == Some(v1::KEY_ID) => {
                self.key.open(sealed.expose_secret())
            }
            _ => Err(V1Error::Form),
        }
    }

    async fn import(&self, stored: &Stored, is_disputed: bool) -> Result<Outcome, ImportError> {
        let Ok(kind) = stored.connector_type.parse::<ConnectorKind>() else {
            return Ok(Outcome::UnknownConnector);
        };
        if stored.status != ACTIVE {
            return Ok(Outcome::NotActive);
        }
        let Some(organization) = self.organization(stored).await? else {
            return Ok(Outcome::UnknownOrganization);
        };
        if let Some(outcome) = self.there(organization, kind).await? {
            return Ok(outcome);
        }
        if is_disputed {
            return Ok(Outcome::Disputed);
        }
        let texts = match self.open(stored) {
            Ok(texts) => texts,
            Err(V1Error::Tampered) => return Ok(Outcome::WrongSalt),
            Err(V1Error::Form | V1Error::Encoding) => return Ok(Outcome::Unreadable),
        };
        let scope = CredentialScope {
            organization,
            connector: kind,
            integration: self.ids.integration(),
        };
        tracing::info!(
            organization.id = %scope.organization,
            connector.kind = %scope.connector,
            integration.id = %scope.integration,
            purpose = "import",
            "credentials opened"
        );
        let connection = Connection {
            organization,
            integration: scope.integration,
            nonce: "",
            webhook_url: None,
            account: None,
            now: self.clock.now(),
        };
        let earlier = Earlier {
            texts: &texts,
            account_id: stored.account_id.as_deref(),
            bot_id: stored.bot_id.as_deref(),
            is_vouched_for: self.trust == Trust::Installations,
        };
        match self.connectors.get(kind).adopt(connection, earlier).await {
            Ok(linked) => self.keep(&scope, &linked).await,
            Err(error) if error.is_outage() => Ok(Outcome::Unavailable(error)),
            Err(error) => Ok(Outcome::Refused(error)),
        }
    }

    /// The organization here; none where it is not known, or was deleted.
    async fn organization(&self, stored: &Stored) -> Result<Option<OrganizationId>, DbError> {
        let Some(clerk_org_id) = &stored.clerk_org_id else {
            return Ok(None);
        };
        let mut db = self.db.get().await?;
        let tx = db.begin_naming("", clerk_org_id).await?;
        let mirrored = organizations::find_mirrored(&tx, clerk_org_id).await?;
        tx.commit().await?;
        Ok(mirrored
            .filter(|found| found.deleted_at.is_none())
            .map(|found| found.id))
    }

    async fn there(
        &self,
        organization: OrganizationId,
        kind: ConnectorKind,
    ) -> Result<Option<Outcome>, DbError> {
        let mut db = self.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let settled = settled(&tx, organization, kind).await?;
        tx.commit().await?;
        Ok(settled)
    }

    /// The connection, its credentials and the record, in one transaction; in a rehearsal it is not committed.
    async fn keep(
        &self,
        scope: &CredentialScope,
        linked: &Linked<Credentials>,
    ) -> Result<Outcome, ImportError> {
        // Sealed before the transaction: KMS is slow and may fail.
        let sealed = self.vault.seal(scope, &linked.credentials).await?;
        let (organization, now) = (scope.organization, self.clock.now());
        let account = &linked.account;
        let metadata = integrations::metadata(account);
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
        // Somebody may have connected it while third party and KMS were asked.
        if let Some(outcome) = settled(&tx, organization, scope.connector).await? {
            return Ok(outcome);
        }
        let id = match integrations::upsert(&tx, organization, &new, now).await {
            Ok((id, _)) if id == scope.integration => id,
            // At the very same moment: what was written over theirs goes with the transaction.
            Ok(_) => return Ok(Outcome::Connected),
            Err(DbError::Conflict { constraint }) if constraint == "integrations_external_id_key" => {
                return Ok(Outcome::Taken);
            }
            Err(error) => return Err(error.into()),
        };
        integration_credentials::upsert(&tx, organization, id, &sealed, linked.expires_at, now).await?;
        let descriptor = self.connectors.get(scope.connector).descriptor();
        if descriptor.capabilities.contains(&Capability::Repositories) {
            integrations::update_unsynced(&tx, organization, id, now).await?;
        }
        let event = AuditEvent {
            id: self.ids.audit_event(),
            actor: ACTOR.to_owned(),
            action: "integration.imported".to_owned(),
            subject: id.to_string(),
            outcome: audit_events::Outcome::Succeeded,
            details: json!({ "connector": scope.connector.as_str(), "account": account.id }),
            request_id: None,
            address: None,
            at: now,
        };
        audit_events::insert(&tx, organization, &event).await?;
        if self.mode == Mode::Rehearsal {
            return Ok(Outcome::Importable);
        }
        tx.commit().await?;
        Ok(Outcome::Imported(id))
    }
}

/// What is so already, if anything is. What has ended here has ended: to take it over again would undo what an admin did.
async fn settled(
    tx: &Transaction<'_>,
    organization: OrganizationId,
    kind: ConnectorKind,
) -> Result<Option<Outcome>, DbError> {
    let found = integrations::find(tx, organization, kind).await?;
    Ok(found.map(|found| match found.status {
        Status::Active | Status::Suspended => Outcome::Connected,
        Status::NotStarted | Status::Pending | Status::Inactive | Status::Deleted => Outcome::Settled,
    }))
}

/// The connections of which more than one has the same account, or the very same credentials. An organization has one of
/// each third party, so they are of more than one organization, and one of them may not have come by it rightly.
fn disputed(all: &[Stored]) -> BTreeSet<Uuid> {
    let mut claims: BTreeMap<(&str, usize, &str), BTreeSet<Uuid>> = BTreeMap::new();
    for stored in all.iter().filter(|stored| stored.status == ACTIVE) {
        let sealed = stored.sealed.as_ref().map(ExposeSecret::expose_secret);
        let claimed = [stored.account_id.as_deref(), stored.bot_id.as_deref(), sealed];
        for (column, claimed) in claimed.into_iter().enumerate() {
            if let Some(claimed) = claimed {
                let claim = (stored.connector_type.as_str(), column, claimed);
                claims.entry(claim).or_default().insert(stored.id);
            }
        }
    }
    let contested = claims.into_values().filter(|claimants| claimants.len() > 1);
    contested.flatten().collect()
}
