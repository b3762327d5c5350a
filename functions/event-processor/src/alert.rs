//! What became of an incident or alert at a third party, and telling people in Slack of it.
//!
//! Two steps, for Slack may be away for hours while news must not be lost. News is stored in one transaction, with the
//! record of its delivery and the right to tell Slack. Then, with no transaction open, Slack is told: by a message, or by a
//! change of the message that is there. What became of that is stored last.
//!
//! A process may die between the last two. Then the right to tell runs out, the delivery comes again and finds the alert
//! stored and somebody's attempt without an end: it looks in the channel for the message, whose metadata names the alert,
//! before it posts one.

use std::time::Duration;

use secrecy::SecretString;
use shared::{
    clock::{self, Timestamp},
    connector::{
        ConnectorKind,
        slack::{Page, Place, SlackCredentials, api::SlackError},
    },
    db::{
        DbError,
        alert_settings::{self, AlertSettings},
        alerts::{self, Posting, StoredAlert, Upserted},
        deliveries,
        integration_credentials::{self, Refreshable},
        integrations::{self, Status},
    },
    id::{IntegrationId, OrganizationId},
    queue::{TaskError, Work},
    secret::vault::{CredentialScope, Sealed, VaultError},
    task::{Alert, AlertState, ConnectionAlert},
};

use crate::{App, notice};

/// How long an alert is kept after the last news of it.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// How many alerts of a connection are kept.
const MOST: i64 = 2_000;
/// How long telling Slack may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long others leave an alert alone that somebody tells Slack of. Longer than that takes, and less than a record stays
/// hidden whose process died.
const LEASE: Duration = Duration::from_secs(45);
/// How long it is waited for the scheduler to refresh a token that has expired. This function does not: it would need the
/// secret of the Slack app, and the right to seal.
const REFRESHED: Duration = Duration::from_mins(1);
/// Slack's code for that.
const EXPIRED: &str = "token_expired";
/// How much Slack's clock may be behind ours.
const SKEW: Duration = Duration::from_mins(5);

/// Stores news of an alert, and tells Slack where that is wanted.
pub(crate) async fn process(app: &App, work: &Work, news: &ConnectionAlert) -> Result<(), TaskError> {
    let Some(telling) = store(app, work, news).await? else {
        return Ok(());
    };
    // A process that has too little time left for it dies on the way.
    let left = clock::until(app.clock.now(), work.deadline);
    let told = match tokio::time::timeout(PATIENCE.min(left), telling.tell(app)).await {
        Ok(told) => told,
        Err(elapsed) => Told::Later {
            error: TaskError::retry(elapsed),
            is_certain: false,
        },
    };
    telling.settle(app, work, told).await
}

/// An alert that Slack is to be told of, by whoever has the right to.
struct Telling {
    organization: OrganizationId,
    posting: Posting,
    alert: Alert,
    slack: Option<Installation>,
}

/// The workspace that is told.
struct Installation {
    id: IntegrationId,
    generation: i32,
    credentials: Sealed,
}

/// What telling came to. `is_certain` says that nothing of this alert stands in Slack beyond what is known to.
enum Told {
    /// It stands there, in the message of this timestamp.
    Posted { ts: String },
    /// There is nothing to tell after all.
    Nothing,
    /// Slack does not take it, and will not by trying again.
    Refused { reason: String, is_certain: bool },
    /// Not now.
    Later { error: TaskError, is_certain: bool },
}

/// Stores the news, once for each delivery. Answers what Slack is to be told, also of news that was stored before.
async fn store(app: &App, work: &Work, news: &ConnectionAlert) -> Result<Option<Telling>, TaskError> {
    let now = app.clock.now();
    let (organization, integration) = (news.organization, news.integration);
    let mut db = app.db.get().await?;
    let tx = db.begin_for(organization).await?;
    if deliveries::record(&tx, &work.envelope.delivery, now).await? {
        let id = app.ids.alert();
        let times = (now, clock::after(now, KEPT));
        let upserted = alerts::upsert(&tx, organization, integration, id, &news.alert, times).await?;
        if upserted == Upserted::Created {
            let removed = alerts::delete_surplus(&tx, organization, integration, MOST).await?;
            if removed > 0 {
                tracing::warn!(integration.id = %integration, removed, "a connection has more alerts than are kept");
            }
        }
        tracing::info!(
            organization.id = %organization,
            integration.id = %integration,
            alert.state = news.alert.state.as_str(),
            outcome = ?upserted,
            "news of an alert"
        );
    }
    let found = alerts::find_by_key(&tx, organization, integration, &news.alert.dedupe_key).await?;
    let Some(stored) = found else {
        tracing::info!(integration.id = %integration, "the connection has ended");
        tx.commit().await?;
        return Ok(None);
    };
    let settings = alert_settings::find(&tx, organization).await?;
    let Some(channel) = channel(&stored, settings.as_ref()) else {
        tx.commit().await?;
        return Ok(None);
    };
    let term = (now, clock::after(now, LEASE));
    let claimed = alerts::claim_posting(&tx, organization, stored.id, Some(&channel), term).await?;
    let slack = integrations::find(&tx, organization, ConnectorKind::Slack).await?;
    tx.commit().await?;
    let Some(posting) = claimed else {
        return Err(TaskError::retry_after(
            LEASE,
            "somebody else tells slack of this alert",
        ));
    };
    let slack = match slack {
        Some(slack) if slack.status == Status::Active => {
            let found = integrations::reread(&mut db, organization, slack.id).await?;
            found.and_then(|found| {
                Some(Installation {
                    id: slack.id,
                    generation: found.generation,
                    credentials: found.credentials?,
                })
            })
        }
        _ => None,
    };
    Ok(Some(Telling {
        organization,
        posting,
        alert: stored.alert,
        slack,
    }))
}

/// The channel in which Slack is to be told of an alert as it stands; none where there is nothing to tell.
fn channel(stored: &StoredAlert, settings: Option<&AlertSettings>) -> Option<String> {
    let alert = &stored.alert;
    if stored.message_ts.is_some() {
        let is_told =
            stored.posted_state == Some(alert.state) && stored.posted_updated_at == Some(alert.updated_at);
        return stored.channel.clone().filter(|_| !is_told);
    }
    if stored.posting_attempts > 0 {
        // It may stand there, and then says what is not so any more.
        return stored.channel.clone();
    }
    let settings = settings?;
    // The worst is the least.
    let is_wanted = alert.state != AlertState::Resolved && alert.severity <= settings.minimum_severity;
    settings.slack_channel_id.clone().filter(|_| is_wanted)
}

impl Telling {
    /// Tells Slack; with credentials that are newer where somebody has connected the workspace again.
    async fn tell(&self, app: &App) -> Told {
        let Some(page) = notice::page(&self.alert) else {
            return Told::Nothing;
        };
        let Some(slack) = &self.slack else {
            return Told::Refused {
                reason: "slack_not_connected".to_owned(),
                is_certain: self.is_certain(),
            };
        };
        let (mut generation, mut credentials) = (slack.generation, slack.credentials.clone());
        loop {
            let token = match self.token(app, slack.id, &credentials).await {
                Ok(token) => token,
                Err(error) => return self.later(error),
            };
            let (code, may_be_refreshed, is_certain) = match self.say(app, &token, &page).await {
                Err(Said::Revoked { code, is_certain }) => (code, false, is_certain),
                Err(Said::Expired { is_certain }) => (EXPIRED.to_owned(), true, is_certain),
                Err(Said::Told(told)) | Ok(told) => return told,
            };
            let later = |error: TaskError| Told::Later { error, is_certain };
            match self.kept(app, slack.id).await {
                Err(error) => return later(error.into()),
                // Somebody has connected again, or the scheduler has refreshed them.
                Ok(Some(kept)) if kept.sealed != credentials => {
                    (generation, credentials) = (kept.generation, kept.sealed);
                }
                Ok(Some(kept)) if may_be_refreshed && kept.refresh_at.is_some() => {
                    return later(TaskError::retry_after(REFRESHED, "the token has expired"));
                }
                Ok(_) => return self.revoked(app, slack.id, generation, code, is_certain).await,
            }
        }
    }

    /// Whether nobody may have begun to post and not said how it ended.
    const fn is_certain(&self) -> bool {
        !self.posting.may_stand_there
    }

    const fn later(&self, error: TaskError) -> Told {
        Told::Later {
            error,
            is_certain: self.is_certain(),
        }
    }

    async fn token(
        &self,
        app: &App,
        integration: IntegrationId,
        credentials: &Sealed,
    ) -> Result<SecretString, TaskError> {
        let scope = CredentialScope {
            organization: self.organization,
            connector: ConnectorKind::Slack,
            integration,
        };
        let opened: Result<SlackCredentials, VaultError> = app.vault.open(&scope, credentials, "alert").await;
        match opened {
            Ok(credentials) => Ok(credentials.bot_token),
            Err(error) if error.is_outage() => Err(TaskError::retry(error)),
            Err(error) => Err(TaskError::fail("credentials_do_not_open", error)),
        }
    }

    /// The credentials as they are by now.
    async fn kept(&self, app: &App, integration: IntegrationId) -> Result<Option<Refreshable>, DbError> {
        let mut db = app.db.get().await?;
        let tx = db.begin_for(self.organization).await?;
        let kept = integration_credentials::find(&tx, self.organization, integration).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Slack does not take the token any more: a person must connect again.
    async fn revoked(
        &self,
        app: &App,
        integration: IntegrationId,
        generation: i32,
        code: String,
        is_certain: bool,
    ) -> Told {
        tracing::error!(
            slack.code = code,
            integration.id = %integration,
            "slack does not take the workspace's token any more; the workspace must be connected again"
        );
        let marked = async {
            let now = app.clock.now();
            let mut db = app.db.get().await?;
            integrations::mark_needs_reauth(&mut db, self.organization, integration, generation, &code, now)
                .await
        };
        match marked.await {
            Ok(_) => Told::Refused {
                reason: code,
                is_certain,
            },
            Err(error) => Told::Later {
                error: error.into(),
                is_certain,
            },
        }
    }

    /// Changes the message that is there, or posts one where there is none.
    async fn say(&self, app: &App, token: &SecretString, page: &Page) -> Result<Told, Said> {
        let key = self.posting.alert.to_string();
        let place = Place {
            channel: self.posting.channel.clone(),
            thread_ts: None,
        };
        let standing = match &self.posting.message_ts {
            Some(ts) => Some(ts.clone()),
            None if self.posting.may_stand_there => app
                .slack
                .find_posted(
                    token,
                    &place,
                    &slack_ts(clock::before(self.posting.since, SKEW)),
                    &key,
                )
                .await
                .map_err(|error| Said::of(error, false))?,
            None => None,
        };
        let ts = match standing {
            Some(ts) => {
                let updated = app.slack.update(token, &place.channel, &ts, page, &key).await;
                // What was found is not known to anybody else yet.
                let is_known = self.posting.message_ts.is_some();
                updated.map_err(|error| Said::of(error, is_known))?;
                ts
            }
            None if self.alert.state == AlertState::Resolved => return Ok(Told::Nothing),
            None => app
                .slack
                .post(token, &place, page, &key)
                .await
                .map_err(|error| Said::of(error, true))?,
        };
        Ok(Told::Posted { ts })
    }

    /// Stores what telling came to, and gives the right back.
    async fn settle(self, app: &App, work: &Work, told: Told) -> Result<(), TaskError> {
        let (scope, posting) = (self.organization, &self.posting);
        let now = app.clock.now();
        let mut db = app.db.get().await?;
        let tx = db.begin_for(scope).await?;
        let (is_ours, result) = match told {
            Told::Posted { ts } => {
                let is_ours = alerts::update_posted(&tx, scope, posting, &ts, &self.alert).await?;
                alert_settings::update_delivery(&tx, scope, &posting.channel, None, now).await?;
                app.metrics.count("AlertPosted", None);
                app.metrics
                    .took("AlertMilliseconds", clock::until(work.envelope.received_at, now));
                tracing::info!(alert.id = %posting.alert, "slack was told of an alert");
                (is_ours, Ok(()))
            }
            Told::Nothing => (alerts::update_unposted(&tx, scope, posting, None).await?, Ok(())),
            Told::Refused { reason, is_certain } => {
                let is_ours = give_back(&tx, scope, posting, is_certain, Some(&reason)).await?;
                alert_settings::update_delivery(&tx, scope, &posting.channel, Some(&reason), now).await?;
                app.metrics
                    .count("AlertUndelivered", Some(("reason", reason.as_str())));
                tracing::warn!(
                    organization.id = %scope,
                    alert.id = %posting.alert,
                    reason,
                    "slack does not take an alert"
                );
                (is_ours, Ok(()))
            }
            Told::Later { error, is_certain } => (
                give_back(&tx, scope, posting, is_certain, None).await?,
                Err(error),
            ),
        };
        tx.commit().await?;
        if !is_ours {
            tracing::warn!(alert.id = %posting.alert, "somebody else has taken over telling slack of an alert");
        }
        result
    }
}

async fn give_back(
    tx: &shared::db::Transaction<'_>,
    scope: OrganizationId,
    posting: &Posting,
    is_certain: bool,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    if is_certain {
        alerts::update_unposted(tx, scope, posting, reason).await
    } else {
        alerts::release_posting(tx, scope, posting, reason).await
    }
}

/// Why nothing was said.
enum Said {
    /// The token is not good any more; a newer one may be.
    Revoked { code: String, is_certain: bool },
    /// The token has ended by itself; it may be refreshed.
    Expired { is_certain: bool },
    /// That is what it comes to.
    Told(Told),
}

impl Said {
    /// What an error of Slack's means. `was_certain`: that a call did nothing says that nothing stands there.
    fn of(error: SlackError, was_certain: bool) -> Self {
        match error {
            SlackError::Revoked { code } => Self::Revoked {
                code,
                is_certain: was_certain,
            },
            SlackError::Expired => Self::Expired {
                is_certain: was_certain,
            },
            SlackError::ChannelGone { code } | SlackError::Rejected { code } => Self::Told(Told::Refused {
                reason: code,
                is_certain: was_certain,
            }),
            SlackError::RateLimited { retry_after } => Self::Told(Told::Later {
                error: TaskError::retry_after(retry_after, "slack asks to wait"),
                is_certain: was_certain,
            }),
            // What was asked for may have been done.
            error @ (SlackError::Unavailable { .. } | SlackError::Protocol { .. }) => {
                Self::Told(Told::Later {
                    error: TaskError::retry(error),
                    is_certain: false,
                })
            }
        }
    }
}

/// A time as Slack writes it.
fn slack_ts(time: Timestamp) -> String {
    format!("{}.{:06}", time.timestamp(), time.timestamp_subsec_micros())
}
