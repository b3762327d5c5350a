//! Getting new credentials in time where a third party's end by themselves.
//!
//! Most third parties take a refresh token once: of two who use it at the same time, one loses, and some third parties
//! then take back what the other one got as well. So:
//!
//! 1. What is needed to seal new credentials is got from KMS first, and it is noted that a refresh begins.
//! 2. The credentials' row is locked, and read again: whoever waited for the lock finds what the one before got.
//! 3. The third party is asked while the row is locked, for less time than others wait for a lock.
//! 4. The new credentials are written before the row is unlocked. Should the database be away at that moment, it is tried
//!    again, in the place of exactly the credentials that they were made of: somebody who connects meanwhile wins.
//! 5. A refusal counts only if the row is still what it was when the third party was asked.
//!
//! The note of (1) goes with (4). While it stays, it is not known whether the third party has taken the refresh token: a
//! process died, or no answer came. Then it is tried again, and should the third party refuse, it is plain why.
//!
//! A failure never deletes anything. Neither does it keep credentials from being used that have not ended yet.

use std::{borrow::Cow, time::Duration};

use rand::Rng as _;
use serde_json::json;

use super::Integrations;
use crate::{
    clock::{self, Timestamp},
    connector::{
        ConnectorKind,
        contract::{ConnectorError, Credentials, Refreshed, Remedy},
    },
    db::{
        DbError,
        audit_events::{self, AuditEvent},
        integration_credentials::{self, Refreshable},
        integrations::{self, Health, RefreshFailure, Status},
    },
    id::{IntegrationId, OrganizationId},
    secret::vault::{CredentialScope, Prepared, Sealed, VaultError},
    telemetry::Causes,
};

/// How long a third party may take while the row is locked. Others wait four seconds for a lock.
pub const PATIENCE: Duration = Duration::from_millis(3_500);

/// How long after a failure it is tried again; twice as long after each further one, up to [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_mins(1);
/// The longest time between two attempts.
pub const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// How often somebody who finds the credentials replaced under their hands looks again.
const LOOKS: usize = 3;

/// Why nothing is done: others have found the third party away.
pub const AWAY: &str = "unavailable";
/// Why nothing is done: there is nothing that could be refreshed.
pub const NOT_REFRESHABLE: &str = "not_refreshable";

/// How long after each other it is tried to store what the third party gave.
const STORE_PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// Credentials that end sooner than this are not worth beginning with.
const TOO_SHORT: Duration = Duration::from_secs(5);

/// Credentials as they are kept now.
#[derive(Debug, Clone)]
pub struct Current {
    /// To what.
    pub connector: ConnectorKind,
    /// The credentials.
    pub sealed: Sealed,
    /// When they end by themselves.
    pub expires_at: Option<Timestamp>,
    /// Counts the times the connection was made.
    pub generation: i32,
}

impl Current {
    fn of(found: &Refreshable) -> Self {
        Self {
            connector: found.connector,
            sealed: found.sealed.clone(),
            expires_at: found.expires_at,
            generation: found.generation,
        }
    }

    /// Whether they can still be used for something that begins now.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.expires_at
            .is_none_or(|end| now < clock::before(end, TOO_SHORT))
    }
}

/// What refreshing came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// They do not end soon; perhaps because somebody else has just refreshed them.
    Fresh(Current),
    /// They are new.
    Renewed(Current),
    /// Not now: the third party or somebody else is in the way. They stay as they are.
    Deferred {
        /// As they are.
        current: Current,
        /// Why, as a code.
        reason: &'static str,
    },
    /// The third party does not refresh them any more: an admin must connect again.
    Refused {
        /// Why, as a code.
        reason: String,
    },
    /// There is no such connection (any more), or it is not in use.
    Ended,
}

impl Outcome {
    /// A word for metrics and reports.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Fresh(_) => "fresh",
            Self::Renewed(_) => "renewed",
            Self::Deferred { .. } => "deferred",
            Self::Refused { .. } => "refused",
            Self::Ended => "ended",
        }
    }
}

/// Why nothing can be said about the credentials.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The third party gave new credentials, and they could not be kept.
    #[error("new credentials could not be stored")]
    Lost(#[source] DbError),
}

impl RefreshError {
    /// Whether somebody who tries later may succeed without anybody doing anything.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_outage(),
            Self::Vault(error) => error.is_outage(),
            Self::Lost(_) => false,
        }
    }
}

/// Why there are no credentials to use.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// They have ended, and cannot be refreshed at the moment.
    #[error("the credentials have ended and cannot be refreshed at the moment: {0}")]
    ForNow(&'static str),
    /// An admin must connect again.
    #[error("the third party does not refresh the credentials any more: {0}")]
    Refused(String),
    /// There is no such connection.
    #[error("the connection has ended")]
    Ended,
    /// It is not known.
    #[error(transparent)]
    Unknown(#[from] RefreshError),
}

/// What refreshing takes.
#[derive(Debug, Clone)]
pub struct Refresher {
    /// The connections.
    pub integrations: Integrations,
    /// How long a third party may take: [`PATIENCE`].
    pub patience: Duration,
}

/// A connection whose credentials are being refreshed.
struct Subject {
    organization: OrganizationId,
    integration: IntegrationId,
    found: Refreshable,
    /// When a refresh began of which it is not known how it ended: this one, or one before.
    started_at: Timestamp,
}

impl Subject {
    const fn scope(&self) -> CredentialScope {
        CredentialScope {
            organization: self.organization,
            connector: self.found.connector,
            integration: self.integration,
        }
    }
}

/// Which credentials are to be refreshed.
#[derive(Clone, Copy)]
enum Due<'a> {
    /// Those that end within a time.
    Within(Duration),
    /// These and no others.
    Are(&'a Sealed),
}

/// What the third party gave.
struct Given {
    sealed: Sealed,
    expires_at: Option<Timestamp>,
}

impl Refresher {
    /// Credentials that can be used for the next while: refreshed when less than `ahead` is left of them. Never ones that
    /// have ended.
    ///
    /// # Errors
    /// [`Unusable`] when there are none.
    pub async fn refresh_if_expiring(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        ahead: Duration,
    ) -> Result<Current, Unusable> {
        match self.refresh(organization, integration, ahead, &[]).await? {
            Outcome::Fresh(current) | Outcome::Renewed(current) => Ok(current),
            Outcome::Deferred { current, .. } if current.is_usable(self.integrations.clock.now()) => {
                Ok(current)
            }
            Outcome::Deferred { reason, .. } => Err(Unusable::ForNow(reason)),
            Outcome::Refused { reason } => Err(Unusable::Refused(reason)),
            Outcome::Ended => Err(Unusable::Ended),
        }
    }

    /// Refreshes credentials of which less than `ahead` is left; of third parties that are `away`, only says so.
    ///
    /// # Errors
    /// [`RefreshError`] when database or vault do not do their part.
    pub async fn refresh(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        ahead: Duration,
        away: &[ConnectorKind],
    ) -> Result<Outcome, RefreshError> {
        self.work(organization, integration, Due::Within(ahead), away)
            .await
    }

    /// Refreshes credentials that the third party says have ended, whatever our clock says; not those that somebody else
    /// has put in their place meanwhile.
    ///
    /// # Errors
    /// [`RefreshError`] when database or vault do not do their part.
    pub async fn replace(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        ended: &Sealed,
    ) -> Result<Outcome, RefreshError> {
        self.work(organization, integration, Due::Are(ended), &[]).await
    }

    #[tracing::instrument(
        name = "integration.refresh",
        skip_all,
        fields(organization.id = %organization, integration.id = %integration)
    )]
    async fn work(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        due: Due<'_>,
        away: &[ConnectorKind],
    ) -> Result<Outcome, RefreshError> {
        for _ in 0..LOOKS {
            let Some(found) = self.find(organization, integration).await? else {
                return Ok(Outcome::Ended);
            };
            if let Some(outcome) = self.as_it_is(&found, due, away) {
                self.put_off(organization, integration, &found, &outcome).await?;
                return Ok(outcome);
            }
            let now = self.integrations.clock.now();
            let subject = Subject {
                organization,
                integration,
                found,
                started_at: now,
            };
            match self.attempt(subject).await {
                Ok(Some(outcome)) => {
                    self.integrations
                        .metrics
                        .count("CredentialRefreshes", Some(("outcome", outcome.as_str())));
                    return Ok(outcome);
                }
                // Somebody else put something in their place, or is at it for longer than we wait: what is there now?
                Ok(None) => {}
                Err(RefreshError::Db(error)) if error.is_locked() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(match self.find(organization, integration).await? {
            None => Outcome::Ended,
            Some(found) => self
                .as_it_is(&found, due, away)
                .unwrap_or_else(|| Outcome::Deferred {
                    current: Current::of(&found),
                    reason: "busy",
                }),
        })
    }

    async fn find(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<Option<Refreshable>, DbError> {
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let found = integration_credentials::find(&tx, organization, integration).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// What there is to say without refreshing; none when they are to be refreshed.
    fn as_it_is(&self, found: &Refreshable, due: Due<'_>, away: &[ConnectorKind]) -> Option<Outcome> {
        let now = self.integrations.clock.now();
        let current = Current::of(found);
        match found.status {
            Status::Active | Status::Pending => {}
            Status::Suspended | Status::NotStarted | Status::Inactive | Status::Deleted => {
                return Some(Outcome::Ended);
            }
        }
        match found.health {
            Health::Healthy | Health::Degraded => {}
            Health::NeedsReauth | Health::Revoked => {
                return Some(Outcome::Refused {
                    reason: found.health_reason.clone().unwrap_or_default(),
                });
            }
        }
        let is_due = match due {
            Due::Within(ahead) => found
                .expires_at
                .is_some_and(|end| end <= clock::after(now, ahead)),
            Due::Are(ended) => found.sealed == *ended,
        };
        if !is_due {
            return Some(Outcome::Fresh(current));
        }
        let reason = if away.contains(&found.connector) {
            AWAY
        } else if found.refresh_at.is_none() {
            NOT_REFRESHABLE
        } else if is_backing_off(found, now) {
            "backing_off"
        } else {
            return None;
        };
        Some(Outcome::Deferred { current, reason })
    }

    /// Sees to it that credentials that nobody refreshes, though they are due, are not looked at all the time.
    async fn put_off(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        found: &Refreshable,
        outcome: &Outcome,
    ) -> Result<(), DbError> {
        let now = self.integrations.clock.now();
        if found.refresh_at.is_none_or(|at| now < at) {
            return Ok(());
        }
        let refresh_at = match outcome {
            // What is on hold may go on.
            Outcome::Ended => Some(clock::after(now, LONGEST_PAUSE)),
            Outcome::Refused { .. } => None,
            Outcome::Fresh(_) | Outcome::Renewed(_) | Outcome::Deferred { .. } => return Ok(()),
        };
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let next = (refresh_at, found.refresh_started_at);
        integration_credentials::update_refresh_at(&tx, organization, integration, &found.sealed, next)
            .await?;
        tx.commit().await
    }

    /// One attempt; none when the credentials were replaced meanwhile.
    async fn attempt(&self, mut subject: Subject) -> Result<Option<Outcome>, RefreshError> {
        let scope = subject.scope();
        let opened = self
            .integrations
            .vault
            .open(&scope, &subject.found.sealed, "refresh")
            .await;
        let credentials: Credentials = match opened {
            Ok(credentials) => credentials,
            Err(VaultError::Tampered | VaultError::Encoding) => {
                return self.settle_unreadable(&subject).await;
            }
            Err(error) => return Err(error.into()),
        };
        // New credentials must be sealed whatever becomes of KMS meanwhile: they cannot be got a second time.
        let prepared = self.integrations.vault.prepare(&scope).await?;

        let Some(started_at) = self.begin(&subject).await? else {
            return Ok(None);
        };
        if started_at < subject.started_at {
            self.integrations.metrics.count("CredentialRefreshesCutOff", None);
            tracing::warn!(
                started_at = %started_at,
                "an earlier refresh did not end: its process died, or no answer came"
            );
        }
        subject.started_at = started_at;

        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(subject.organization).await?;
        let (organization, integration) = (subject.organization, subject.integration);
        if !integration_credentials::lock(&tx, organization, integration, &subject.found).await? {
            return Ok(None);
        }
        let of = &subject.found.sealed;
        let asked = self.ask(&subject, &credentials).await;
        let given = match asked {
            Ok(Refreshed::Renewed {
                credentials,
                expires_at,
            }) => seal(prepared, &credentials, expires_at)?,
            Ok(Refreshed::Lasting) => {
                let never = (None, None);
                integration_credentials::update_refresh_at(&tx, organization, integration, of, never).await?;
                tx.commit().await?;
                return Ok(Some(Outcome::Deferred {
                    current: Current::of(&subject.found),
                    reason: NOT_REFRESHABLE,
                }));
            }
            Err(error) => {
                let verdict = Verdict::of(&error, &subject, self.integrations.clock.now());
                // Whoever waits for the lock must not ask as well. Should we die now, it is tried again.
                let next = (Some(verdict.put_off_until), verdict.started_at);
                integration_credentials::update_refresh_at(&tx, organization, integration, of, next).await?;
                tx.commit().await?;
                drop(db);
                return self.settle(&subject, &verdict).await;
            }
        };
        let new = (&given.sealed, given.expires_at);
        let now = self.integrations.clock.now();
        let stored =
            match integration_credentials::update_refreshed(&tx, organization, integration, of, new, now)
                .await
            {
                Ok(true) => tx.commit().await.map(|()| true),
                other => {
                    drop(tx);
                    other
                }
            };
        drop(db);
        let is_ours = match stored {
            Ok(is_ours) => is_ours,
            Err(error) => self.store_again(&subject, &given, error).await?,
        };
        if !is_ours {
            return Ok(None);
        }
        self.recovered(&subject).await;
        Ok(Some(Outcome::Renewed(Current {
            connector: subject.found.connector,
            sealed: given.sealed,
            expires_at: given.expires_at,
            generation: subject.found.generation,
        })))
    }

    async fn begin(&self, subject: &Subject) -> Result<Option<Timestamp>, DbError> {
        let (organization, integration) = (subject.organization, subject.integration);
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let of = &subject.found.sealed;
        let started_at =
            integration_credentials::begin_refresh(&tx, organization, integration, of, subject.started_at)
                .await?;
        tx.commit().await?;
        Ok(started_at)
    }

    async fn ask(
        &self,
        subject: &Subject,
        credentials: &Credentials,
    ) -> Result<Refreshed<Credentials>, ConnectorError> {
        let found = &subject.found;
        let now = self.integrations.clock.now();
        let connection = super::connection(subject.organization, subject.integration, found, now);
        let connector = self.integrations.connectors.get(found.connector);
        tokio::time::timeout(self.patience, connector.refresh(connection, credentials))
            .await
            .unwrap_or_else(|elapsed| {
                Err(ConnectorError::Unavailable {
                    retry_after: None,
                    source: elapsed.into(),
                })
            })
    }

    /// The database went away while the third party answered. Whether the new credentials were stored is not known, so it
    /// is tried again in a way that does no harm if they were; false when somebody has connected meanwhile.
    async fn store_again(
        &self,
        subject: &Subject,
        given: &Given,
        mut error: DbError,
    ) -> Result<bool, RefreshError> {
        for pause in STORE_PAUSES {
            tracing::warn!(error = %Causes(&error), "new credentials are not stored yet");
            tokio::time::sleep(pause).await;
            match self.store(subject, given).await {
                Ok(is_ours) => return Ok(is_ours),
                Err(again) => error = again,
            }
        }
        self.integrations
            .metrics
            .count("CredentialRefreshes", Some(("outcome", "lost")));
        Err(RefreshError::Lost(error))
    }

    async fn store(&self, subject: &Subject, given: &Given) -> Result<bool, DbError> {
        let (organization, integration) = (subject.organization, subject.integration);
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let old = &subject.found.sealed;
        let new = (&given.sealed, given.expires_at);
        let now = self.integrations.clock.now();
        let is_stored =
            integration_credentials::update_refreshed(&tx, organization, integration, old, new, now).await?
                || integration_credentials::find(&tx, organization, integration)
                    .await?
                    .is_some_and(|found| found.sealed == given.sealed);
        tx.commit().await?;
        Ok(is_stored)
    }

    /// Says that refreshing works again, if it did not. The credentials are there: that this fails does not matter.
    async fn recovered(&self, subject: &Subject) {
        if subject.found.failures == 0 {
            return;
        }
        let connection = (subject.integration, subject.found.generation);
        let now = self.integrations.clock.now();
        let noted = async {
            let mut db = self.integrations.db.get().await?;
            let tx = db.begin_for(subject.organization).await?;
            integrations::update_refreshed(&tx, subject.organization, connection, now).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = %Causes(&error), "that refreshing works again is not noted");
        }
    }

    async fn settle_unreadable(&self, subject: &Subject) -> Result<Option<Outcome>, RefreshError> {
        let error = ConnectorError::Refused {
            reason: "credentials_unreadable",
            message: "the stored credentials do not open; connect again".to_owned(),
            remedy: Remedy::Reconnect,
        };
        self.settle(
            subject,
            &Verdict::of(&error, subject, self.integrations.clock.now()),
        )
        .await
    }

    /// Notes a failure, unless the credentials are others by now; then it says nothing about these. Writes in the order in
    /// which somebody who connects writes, so that they do not wait for each other.
    async fn settle(
        &self,
        subject: &Subject,
        verdict: &Verdict<'_>,
    ) -> Result<Option<Outcome>, RefreshError> {
        let now = self.integrations.clock.now();
        let (organization, integration) = (subject.organization, subject.integration);
        let failure = RefreshFailure {
            health: verdict.health,
            reason: verdict.reason,
            message: verdict.message.as_deref(),
            remedy: verdict.remedy,
            retry_at: verdict.retry_at,
        };
        let next = (verdict.retry_at, verdict.started_at);
        let connection = (integration, subject.found.generation);
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let is_same = integrations::update_refresh_failed(&tx, organization, connection, &failure, now)
            .await?
            && integration_credentials::update_refresh_at(
                &tx,
                organization,
                integration,
                &subject.found.sealed,
                next,
            )
            .await?;
        if !is_same {
            tx.rollback().await?;
            return Ok(None);
        }
        if verdict.retry_at.is_none() {
            let event = AuditEvent {
                id: self.integrations.ids.audit_event(),
                actor: self.integrations.actor.to_owned(),
                action: "integration.refresh_refused".to_owned(),
                subject: integration.to_string(),
                outcome: audit_events::Outcome::Failed,
                details: json!({ "connector": subject.found.connector.as_str(), "reason": verdict.reason }),
                request_id: None,
                address: None,
                at: now,
            };
            audit_events::insert(&tx, organization, &event).await?;
        }
        tx.commit().await?;
        tracing::warn!(
            connector.kind = %subject.found.connector,
            reason = verdict.reason,
            failures = subject.found.failures + 1,
            "credentials are not refreshed"
        );
        Ok(Some(match verdict.retry_at {
            None => Outcome::Refused {
                reason: verdict.reason.to_owned(),
            },
            Some(_) => Outcome::Deferred {
                current: Current::of(&subject.found),
                reason: verdict.reason,
            },
        }))
    }
}

/// Whether somebody has tried not long ago, and it is too early to try again.
fn is_backing_off(found: &Refreshable, now: Timestamp) -> bool {
    let is_later = |at: Option<Timestamp>| at.is_some_and(|at| now < at);
    // Without a failure they are due before this time. The failure itself is noted a moment after it has been put off.
    let latest = found
        .expires_at
        .map(|end| clock::before(end, integration_credentials::REFRESH_AHEAD));
    // A check that finds something lacking is tried again, too: that says nothing about refreshing.
    let has_failed = found.failures > 0 && is_later(found.retry_at);
    is_later(found.refresh_at) && (has_failed || found.refresh_at > latest)
}

fn seal(
    prepared: Prepared,
    credentials: &Credentials,
    expires_at: Option<Timestamp>,
) -> Result<Given, VaultError> {
    Ok(Given {
        sealed: prepared.seal(credentials)?,
        expires_at,
    })
}

/// What a failure means for the connection.
struct Verdict<'a> {
    health: Health,
    reason: &'static str,
    message: Option<Cow<'a, str>>,
    remedy: Remedy,
    /// When it is tried again; none when only a person helps.
    retry_at: Option<Timestamp>,
    /// Until when others leave it alone.
    put_off_until: Timestamp,
    /// Since when it is not known whether the third party has taken the refresh token.
    started_at: Option<Timestamp>,
}

impl<'a> Verdict<'a> {
    fn of(error: &'a ConnectorError, subject: &Subject, now: Timestamp) -> Self {
        let was_cut_off = subject.found.refresh_started_at.is_some();
        let degraded = |remedy, message: Option<Cow<'a, str>>, at_least, started_at| {
            let retry_at = clock::after(now, pause(subject.found.failures, at_least));
            Self {
                health: Health::Degraded,
                reason: error.reason(),
                message,
                remedy,
                retry_at: Some(retry_at),
                put_off_until: retry_at,
                started_at,
            }
        };
        let ended = |health, reason, message| Self {
            health,
            reason,
            message: Some(message),
            remedy: Remedy::Reconnect,
            retry_at: None,
            put_off_until: clock::after(now, FIRST_PAUSE),
            started_at: None,
        };
        match error {
            // The refresh token was used, and what it gave never arrived here.
            ConnectorError::Refused {
                remedy: Remedy::Reconnect,
                ..
            } if was_cut_off => ended(
                Health::NeedsReauth,
                "refresh_cut_off",
                Cow::Borrowed(
                    "a refresh was cut off before its result was stored, so the credentials are spent; connect again",
                ),
            ),
            ConnectorError::Refused {
                reason,
                message,
                remedy: Remedy::Reconnect,
            } => ended(Health::NeedsReauth, reason, Cow::Borrowed(message)),
            ConnectorError::Gone { reason, message } => {
                ended(Health::Revoked, reason, Cow::Borrowed(message))
            }
            ConnectorError::Refused { message, remedy, .. } => {
                degraded(*remedy, Some(Cow::Borrowed(message)), None, None)
            }
            // No answer, or one that cannot be read: it may have held the new credentials.
            ConnectorError::Unavailable { retry_after, .. } => {
                degraded(Remedy::Wait, None, *retry_after, Some(subject.started_at))
            }
            ConnectorError::Protocol { .. } => degraded(Remedy::Wait, None, None, Some(subject.started_at)),
            ConnectorError::Invalid(_) => degraded(Remedy::Wait, None, None, None),
            ConnectorError::NotSetUp { .. } => degraded(Remedy::Operator, None, None, None),
        }
    }
}

/// How long to wait after one failure more than `failures`, and at least as long as the third party asks.
fn pause(failures: i32, at_least: Option<Duration>) -> Duration {
    let doubled = u32::try_from(failures).unwrap_or(0).min(16);
    let pause = FIRST_PAUSE
        .saturating_mul(1 << doubled)
        .min(LONGEST_PAUSE)
        .mul_f64(rand::rng().random_range(0.8..=1.0));
    pause.max(at_least.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_pause_up_to_an_hour_with_some_jitter_and_no_less_than_is_asked_for() {
        for (failures, longest) in [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (1_000, 60), (-1, 1)] {
            let longest = Duration::from_mins(longest);
            for _ in 0..50 {
                let pause = pause(failures, None);
                assert!(
                    longest.mul_f64(0.799) <= pause && pause <= longest,
                    "{failures}: {pause:?}"
                );
            }
        }
        assert_eq!(pause(0, Some(Duration::from_hours(2))), Duration::from_hours(2));
        let many: std::collections::BTreeSet<_> = (0..20).map(|_| pause(3, None)).collect();
        assert!(many.len() > 10, "all at once: {many:?}");
    }
}
