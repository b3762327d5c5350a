//! Telling third parties, later, that connections have ended: they could not be told when it happened.
//!
//! What has ended here has ended, whether the third party knows it or not: the credentials are out of reach of everything
//! but the telling. They are destroyed when it was told, when it can never be told, or when there has been time enough.

use std::time::Duration;

use serde_json::{Value, json};

use super::Integrations;
use crate::{
    clock::Timestamp,
    connector::{
        ConnectorKind,
        contract::{Connection, ConnectorError, Credentials, Remedy},
    },
    db::{
        DbError,
        audit_events::{self, AuditEvent},
        integration_revocations::{self, Due, Revocation},
        integrations,
    },
    secret::vault::{CredentialScope, VaultError},
};

/// How long a third party may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What telling came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The third party knows, and the credentials are destroyed.
    Told(ConnectorKind),
    /// It will never know from us, and the credentials are destroyed.
    GivenUp {
        /// Why, as a code.
        reason: &'static str,
    },
    /// It is told again later.
    Deferred {
        /// Which third party.
        connector: ConnectorKind,
        /// Why, as a code.
        reason: &'static str,
        /// Whether it is the third party that is away.
        is_away: bool,
    },
    /// Somebody else has told it, or is at it.
    Nothing,
}

impl Outcome {
    /// A word for metrics and reports.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Told(_) => "told",
            Self::GivenUp { .. } => "given_up",
            Self::Deferred { .. } => "deferred",
            Self::Nothing => "nothing",
        }
    }
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl RevocationError {
    /// Whether it may be told later without anybody doing anything.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_outage(),
            Self::Vault(error) => error.is_outage(),
        }
    }
}

/// What telling takes.
#[derive(Debug, Clone)]
pub struct Teller {
    /// The connections.
    pub integrations: Integrations,
    /// How long a third party may take: [`PATIENCE`].
    pub patience: Duration,
}

/// What was found out about an end.
enum Verdict {
    Told,
    Never(&'static str),
    Later { reason: &'static str, is_away: bool },
}

impl Verdict {
    fn of(told: Result<(), ConnectorError>) -> Self {
        match told {
            Ok(()) | Err(ConnectorError::Gone { .. }) => Self::Told,
            // The credentials are not good any more, so there is nobody to speak to, and nothing that they open.
            Err(ConnectorError::Refused {
                reason,
                remedy: Remedy::Reconnect,
                ..
            }) => Self::Never(reason),
            Err(
                error @ (ConnectorError::Refused { .. }
                | ConnectorError::Invalid(_)
                | ConnectorError::Unavailable { .. }
                | ConnectorError::Protocol { .. }
                | ConnectorError::NotSetUp { .. }),
            ) => Self::Later {
                reason: error.reason(),
                is_away: error.is_outage(),
            },
        }
    }
}

impl Teller {
    /// Tells the third party of one end. Whoever dies in the middle tells again later: a third party that has been told
    /// before says that the connection is gone.
    ///
    /// # Errors
    /// [`RevocationError`] when database or vault do not do their part.
    #[tracing::instrument(
        name = "integration.tell_end",
        skip_all,
        fields(organization.id = %due.organization, integration.id = %due.integration)
    )]
    pub async fn tell(&self, due: &Due) -> Result<Outcome, RevocationError> {
        let revocation = match self.claim(due).await {
            Ok(Some(revocation)) => revocation,
            Ok(None) => return Ok(Outcome::Nothing),
            // Of a connector that this release does not know, or written over: nobody can tell it.
            Err(DbError::Corrupt { .. }) => return self.end(due, None, Verdict::Never("unreadable")).await,
            Err(error) => return Err(error.into()),
        };
        let connector = revocation.connector;
        if self.is_superseded(&revocation).await? {
            return self
                .end(due, Some(&revocation), Verdict::Never("connected_again"))
                .await;
        }
        let verdict = match self.ask(due, &revocation).await {
            Ok(told) => Verdict::of(told),
            Err(VaultError::Tampered | VaultError::Encoding) => Verdict::Never("credentials_unreadable"),
            Err(error) => return Err(error.into()),
        };
        match verdict {
            Verdict::Later { reason, is_away } if self.integrations.clock.now() < revocation.give_up_at => {
                tracing::warn!(
                    connector.kind = %connector,
                    reason,
                    attempts = revocation.attempts,
                    "the third party cannot be told that a connection has ended"
                );
                self.note("deferred");
                Ok(Outcome::Deferred {
                    connector,
                    reason,
                    is_away,
                })
            }
            Verdict::Later { reason, .. } => self.end(due, Some(&revocation), Verdict::Never(reason)).await,
            verdict => self.end(due, Some(&revocation), verdict).await,
        }
    }

    async fn claim(&self, due: &Due) -> Result<Option<Revocation>, DbError> {
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(due.organization).await?;
        let revocation = integration_revocations::claim(&tx, due, self.integrations.clock.now()).await?;
        tx.commit().await?;
        Ok(revocation)
    }

    /// Whether the same account is connected again meanwhile, by whomever: what third parties call an end would end that
    /// one too, such as the uninstalling of our app.
    async fn is_superseded(&self, revocation: &Revocation) -> Result<bool, DbError> {
        let Some(external_id) = &revocation.account.external_id else {
            return Ok(false);
        };
        let mut db = self.integrations.db.get().await?;
        let account = integrations::find_account(&mut db, revocation.connector, external_id).await?;
        Ok(account.as_ref() == Some(&revocation.account.id))
    }

    async fn ask(
        &self,
        due: &Due,
        revocation: &Revocation,
    ) -> Result<Result<(), ConnectorError>, VaultError> {
        let scope = CredentialScope {
            organization: due.organization,
            connector: revocation.connector,
            integration: due.integration,
        };
        let credentials: Credentials = self
            .integrations
            .vault
            .open(&scope, &revocation.sealed, "revoke")
            .await?;
        let connection = Connection {
            organization: due.organization,
            integration: due.integration,
            nonce: &revocation.nonce,
            webhook_url: None,
            account: Some(&revocation.account),
            now: self.integrations.clock.now(),
        };
        let connector = self.integrations.connectors.get(revocation.connector);
        let told = tokio::time::timeout(self.patience, connector.revoke(connection, &credentials)).await;
        Ok(told.unwrap_or_else(|elapsed| {
            Err(ConnectorError::Unavailable {
                retry_after: None,
                source: elapsed.into(),
            })
        }))
    }

    /// Destroys the credentials, and says so in the record.
    async fn end(
        &self,
        due: &Due,
        revocation: Option<&Revocation>,
        verdict: Verdict,
    ) -> Result<Outcome, RevocationError> {
        let now = self.integrations.clock.now();
        let (outcome, reason) = match verdict {
            Verdict::Told => (audit_events::Outcome::Succeeded, None),
            Verdict::Never(reason) | Verdict::Later { reason, .. } => {
                (audit_events::Outcome::Failed, Some(reason))
            }
        };
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(due.organization).await?;
        if !integration_revocations::delete(&tx, due.organization, due.integration, due.ended_at).await? {
            return Ok(Outcome::Nothing);
        }
        let event = AuditEvent {
            id: self.integrations.ids.audit_event(),
            actor: self.integrations.actor.to_owned(),
            action: "integration.end_told".to_owned(),
            subject: due.integration.to_string(),
            outcome,
            details: details(revocation, due.ended_at, reason),
            request_id: None,
            address: None,
            at: now,
        };
        audit_events::insert(&tx, due.organization, &event).await?;
        tx.commit().await?;
        Ok(match (revocation, reason) {
            (Some(revocation), None) => {
                self.note("told");
                Outcome::Told(revocation.connector)
            }
            (_, reason) => {
                self.note("given_up");
                let reason = reason.unwrap_or_default();
                tracing::warn!(
                    reason,
                    "the third party will not be told that a connection has ended"
                );
                Outcome::GivenUp { reason }
            }
        })
    }

    fn note(&self, outcome: &str) {
        self.integrations
            .metrics
            .count("EndsTold", Some(("outcome", outcome)));
    }
}

fn details(revocation: Option<&Revocation>, ended_at: Timestamp, reason: Option<&str>) -> Value {
    json!({
        "connector": revocation.map(|revocation| revocation.connector.as_str()),
        "attempts": revocation.map(|revocation| revocation.attempts),
        "ended_at": ended_at.to_rfc3339(),
        "reason": reason,
    })
}
