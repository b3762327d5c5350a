//! One turn: somebody said something in Slack, the agent is asked, the answer stands in the thread.
//!
//! The queue delivers at least once and a process may die anywhere, so each step leaves a mark that the next process
//! finds: the claim in the ledger, the stored question, the answer (stored *before* it is posted), the key in the
//! posted message's metadata (looked for before posting again), the finished delivery. Whoever takes over starts
//! after the last mark. No transaction is open while the agent or Slack is asked.

mod deliver;
mod make;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{
    names::{Known, Names},
    question::question,
};
use crate::{
    agent::Agent,
    clock::{self, SharedClock, Timestamp},
    connector::{
        ConnectorKind,
        slack::{
            SlackCredentials,
            api::{SlackApi, SlackError},
        },
    },
    db::{
        Access, DbError,
        conversations::{self, Entry},
        deliveries::{self, Lease, Outcome},
        integrations::{self, SlackInstallation, Status},
        messages,
        turns::{self, Claimed, Term},
    },
    id::{ConversationId, Ids, MessageId, OrganizationId},
    integration::{
        Integrations,
        refresh::{self, NOT_REFRESHABLE, Outcome as Refreshed, Refresher},
    },
    queue::{HIDDEN, RENEWAL, TaskError, Work},
    secret::vault::{CredentialScope, Sealed, Vault, VaultError},
    task::{SlackMessage, SlackMessageKind},
    telemetry::Metrics,
};

/// What must be left of the invocation's time when the agent has answered or not: to store, to post, to finish.
const AFTER_THE_AGENT: Duration = Duration::from_secs(10);
/// With less time than this left, a turn is not begun.
const LEAST_TIME: Duration = Duration::from_secs(15);
/// How many stored messages are looked at for the history.
const HISTORY_MESSAGES: u32 = 200;
/// How often in a turn an expired token is replaced: more would mean that Slack takes none.
const RENEWALS: usize = 2;
/// How long after a token could not be replaced it is tried again.
const RENEWED_SOON: Duration = Duration::from_secs(15);
/// Slack's name of 👀.
const REACTION: &str = "eyes";

/// What answering takes.
pub struct Answering {
    /// Where conversations are kept.
    pub db: Arc<Access>,
    /// What opens the workspace's bot token.
    pub vault: Arc<Vault>,
    /// What gets another one when that has expired.
    pub refresher: Refresher,
    /// Slack's Web API.
    pub slack: SlackApi,
    /// Who knows the answers.
    pub agent: Arc<dyn Agent>,
    /// The time.
    pub clock: SharedClock,
    /// New ids.
    pub ids: Ids,
    /// Where turns are counted.
    pub metrics: Metrics,
    /// How far a turn may go.
    pub limits: Limits,
    /// People's names, so that Slack is not asked for them at every message.
    pub names: Names,
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answering")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How far a turn may go.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the agent may take.
    pub agent: Duration,
    /// How much history it is given, in tokens as [`history`](super::history) estimates them.
    pub history_tokens: usize,
}

/// Why a turn does not go on.
enum Stop {
    /// Slack said no; what that means depends on how.
    Slack(SlackError),
    /// Something else.
    Task(TaskError),
}

impl From<SlackError> for Stop {
    fn from(error: SlackError) -> Self {
        Self::Slack(error)
    }
}

impl From<TaskError> for Stop {
    fn from(error: TaskError) -> Self {
        Self::Task(error)
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Task(error.into())
    }
}

/// What a message turned out to be.
enum Received {
    /// Its workspace is not connected, or not any more.
    NotConnected,
    /// It is not said to us.
    NotAddressed,
    /// Somebody has dealt with it.
    Finished,
    /// Somebody is dealing with it.
    Held { until: Timestamp },
    /// It is ours to answer.
    Taken(Box<Taken>),
}

/// A message that is ours to answer, as the database knows it.
struct Taken {
    lease: Lease,
    installation: SlackInstallation,
    credentials: Sealed,
    conversation: ConversationId,
    /// The thread is older than our part in it, and was not read yet.
    needs_backfill: bool,
    question: MessageId,
    asker_name: Option<String>,
    text: String,
    history: Vec<messages::Message>,
    answer: Option<messages::Answer>,
}

/// An answer that stands in Slack.
struct Posted {
    answer: MessageId,
    /// Slack's timestamp of its first page.
    ts: String,
}

/// One turn under way.
struct Turn<'a> {
    answering: &'a Answering,
    work: &'a Work,
    message: &'a SlackMessage,
    taken: Taken,
}

/// The parts of Slack's and the agent's that answering takes.
#[derive(Debug)]
pub struct Parties {
    /// Slack's Web API.
    pub slack: SlackApi,
    /// Who knows the answers.
    pub agent: Arc<dyn Agent>,
}

/// What is to be done about a token that has expired.
enum Renewal {
    /// The turn goes on with these.
    New(i32, Sealed),
    /// Nothing refreshes it.
    Lasting,
    /// The connection does not work any more, for this reason, and it is known why.
    Over(String),
}

impl Answering {
    /// What answers with these connections.
    #[must_use]
    pub fn of(integrations: Integrations, parties: Parties, limits: Limits) -> Self {
        Self {
            db: Arc::clone(&integrations.db),
            vault: Arc::clone(&integrations.vault),
            slack: parties.slack,
            agent: parties.agent,
            clock: Arc::clone(&integrations.clock),
            ids: integrations.ids.clone(),
            metrics: integrations.metrics.clone(),
            limits,
            names: Names::default(),
            refresher: Refresher {
                integrations,
                patience: refresh::PATIENCE,
            },
        }
    }

    /// Answers `message`, if it is addressed to us and nobody has answered it yet.
    ///
    /// # Errors
    /// [`TaskError`]: to be tried again, when the database, KMS, Slack or the agent is away; for the dead-letter queue,
    /// when the stored credentials do not open.
    pub async fn answer(&self, work: &Work, message: &SlackMessage) -> Result<(), TaskError> {
        let now = self.clock.now();
        if clock::until(now, work.deadline) < LEAST_TIME {
            return Err(TaskError::retry_after(
                Duration::ZERO,
                "too little of the invocation's time is left",
            ));
        }
        let received = self.receive(work, message, now).await?;
        let taken = match received {
            Received::NotConnected => {
                tracing::info!(slack.team_id = message.tenant(), "the workspace is not connected");
                return Ok(());
            }
            Received::NotAddressed => {
                tracing::debug!("the message is not addressed to us");
                return Ok(());
            }
            Received::Finished => {
                tracing::debug!("the message has been dealt with");
                return Ok(());
            }
            Received::Held { until } => {
                let wait = clock::until(now, until) + Duration::from_secs(1);
                return Err(TaskError::retry_after(wait, "somebody else is answering"));
            }
            Received::Taken(taken) => *taken,
        };
        tracing::info!(
            organization.id = %taken.installation.organization,
            conversation.id = %taken.conversation,
            message.id = %taken.question,
            turn.attempt = taken.lease.attempt,
            "a turn begins"
        );
        let turn = Turn {
            answering: self,
            work,
            message,
            taken,
        };
        let result = tokio::select! {
            result = turn.run() => result,
            () = turn.keep_lease() => return Err(TaskError::retry_after(HIDDEN, "somebody else took the turn over")),
        };
        if result.is_err() {
            // Whoever comes next need not wait for our lease to run out. If this fails, it waits a minute.
            if let Err(error) = turn.extend_lease(Duration::ZERO).await {
                tracing::debug!(error = %error, "the lease could not be released");
            }
        }
        result
    }

    /// Claims the message and stores it, in one transaction; drops that, and with it the claim, where the message is
    /// not for us: the same post may come again as a mention.
    async fn receive(
        &self,
        work: &Work,
        message: &SlackMessage,
        now: Timestamp,
    ) -> Result<Received, DbError> {
        let mut db = self.db.get().await?;
        let team = message.team_id.as_deref();
        let (tx, installation) = turns::open(&mut db, team, message.enterprise_id.as_deref()).await?;
        let Some(mut installation) = installation.filter(|found| found.status == Status::Active) else {
            return Ok(Received::NotConnected);
        };
        let Some(credentials) = installation.credentials.take() else {
            return Ok(Received::NotConnected);
        };
        let scope = installation.organization;

        let entry = match message.kind {
            SlackMessageKind::Mention | SlackMessageKind::DirectMessage => Entry::Open,
            SlackMessageKind::ThreadReply => Entry::Joined,
            SlackMessageKind::ChannelMessage => Entry::Monitored,
        };
        let place = conversations::Place {
            team: message.tenant(),
            channel: &message.channel,
            thread: message.thread(),
            begins_here: message
                .thread_ts
                .as_ref()
                .is_none_or(|thread| *thread == message.ts),
        };
        let lease_term = Term {
            now,
            lease_until: clock::after(now, HIDDEN),
        };
        let delivery = &work.envelope.delivery;
        let claimed = turns::claim(
            &tx,
            scope,
            delivery,
            lease_term,
            &place,
            entry,
            self.ids.conversation(),
        )
        .await?;
        let (lease, conversation) = match claimed {
            Claimed::Ours {
                lease,
                conversation: Some(conversation),
            } => (lease, conversation),
            Claimed::Ours {
                conversation: None, ..
            } => return Ok(Received::NotAddressed),
            Claimed::Finished => return Ok(Received::Finished),
            Claimed::Held { until } => return Ok(Received::Held { until }),
        };

        let text = question(message, installation.bot_user_id.as_deref());
        let new = messages::New {
            id: self.ids.message(),
            ts: &message.ts,
            sender: message.user.as_deref().or(message.bot_id.as_deref()),
            sender_name: None,
            text: &text,
        };
        let taken = turns::take(&tx, scope, conversation.id, &new, HISTORY_MESSAGES, now).await?;
        tx.commit().await?;

        Ok(Received::Taken(Box::new(Taken {
            lease,
            installation,
            credentials,
            conversation: conversation.id,
            needs_backfill: conversation.backfilled_at.is_none(),
            question: taken.question.id,
            asker_name: taken.question.sender_name,
            text,
            history: taken.history,
            answer: taken.answer,
        })))
    }

    async fn user_name(&self, token: &SecretString, team: &str, user: &str) -> Option<String> {
        let now = self.clock.now();
        if let Known::Name(name) = self.names.get(now, team, user) {
            return name;
        }
        match self.slack.user_name(token, user).await {
            Ok(name) => {
                let name = name.map(make::storable);
                self.names.put(now, team, user, name.clone());
                name
            }
            Err(error) => {
                tracing::debug!(error = %error, "a person's name is not known");
                None
            }
        }
    }
}

impl Turn<'_> {
    fn organization(&self) -> OrganizationId {
        self.taken.installation.organization
    }

    /// Renews the lease for as long as it is ours; returns when it is not.
    async fn keep_lease(&self) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            match self.extend_lease(HIDDEN).await {
                Ok(true) => {}
                Ok(false) => return,
                // The database may be back before the lease ends; storing checks the fence in any case.
                Err(error) => tracing::warn!(error = %error, "the lease could not be renewed"),
            }
        }
    }

    /// Makes the lease hold for so long from now; for no time at all gives it back. False when it was lost.
    async fn extend_lease(&self, time: Duration) -> Result<bool, DbError> {
        let db = self.answering.db.get().await?;
        let now = self.answering.clock.now();
        let until = clock::after(now, time);
        deliveries::extend(&db, &self.work.envelope.delivery, self.taken.lease, until, now).await
    }

    /// From the claim to the finished delivery.
    async fn run(&self) -> Result<(), TaskError> {
        let mut generation = self.taken.installation.generation;
        let mut credentials = self.taken.credentials.clone();
        let mut answer = self.taken.answer.clone();
        let mut renewals = 0;
        loop {
            let token = self.token(&credentials).await?;
            let error = match self.converse(&token, &mut answer).await {
                Ok(posted) => {
                    self.unreact(&token).await;
                    return self.finish_posted(&posted).await;
                }
                Err(Stop::Task(error)) => return Err(error),
                Err(Stop::Slack(error)) => error,
            };
            match error {
                SlackError::Revoked { code } => {
                    // Somebody may have connected the workspace anew while we worked with the old token.
                    match self.reread().await? {
                        Some((fresh, sealed)) if fresh != generation => {
                            (generation, credentials) = (fresh, sealed);
                        }
                        _ => return self.finish_revoked(generation, &code).await,
                    }
                }
                SlackError::Expired if renewals == RENEWALS => {
                    return Err(TaskError::retry_after(RENEWED_SOON, "slack takes no fresh token"));
                }
                SlackError::Expired => {
                    renewals += 1;
                    match self.renew(&credentials).await? {
                        Renewal::New(fresh, sealed) => (generation, credentials) = (fresh, sealed),
                        Renewal::Lasting => return self.finish_revoked(generation, "token_expired").await,
                        Renewal::Over(reason) => return self.finish_failed(&reason).await,
                    }
                }
                SlackError::ChannelGone { code } | SlackError::Rejected { code } => {
                    tracing::warn!(slack.code = code, "the answer cannot be posted");
                    self.unreact(&token).await;
                    return self.finish_failed(&code).await;
                }
                SlackError::RateLimited { retry_after } => {
                    return Err(TaskError::retry_after(retry_after, "slack asks to wait"));
                }
                error @ (SlackError::Unavailable { .. } | SlackError::Protocol { .. }) => {
                    return Err(TaskError::retry(error));
                }
            }
        }
    }

    async fn token(&self, credentials: &Sealed) -> Result<SecretString, TaskError> {
        let scope = CredentialScope {
            organization: self.organization(),
            connector: ConnectorKind::Slack,
            integration: self.taken.installation.integration,
        };
        let credentials: SlackCredentials = self
            .answering
            .vault
            .open(&scope, credentials, "answer")
            .await
            .map_err(vault)?;
        Ok(credentials.bot_token)
    }

    /// The connection's generation and credentials as they are by now.
    async fn reread(&self) -> Result<Option<(i32, Sealed)>, DbError> {
        let mut db = self.answering.db.get().await?;
        let integration = self.taken.installation.integration;
        let fresh = integrations::reread(&mut db, self.organization(), integration).await?;
        Ok(fresh.and_then(|fresh| Some((fresh.generation, fresh.credentials?))))
    }

    /// Gets credentials in the place of ones that Slack says have expired; those that somebody else has got already, where
    /// there are such.
    async fn renew(&self, expired: &Sealed) -> Result<Renewal, TaskError> {
        let integration = self.taken.installation.integration;
        let outcome = self
            .answering
            .refresher
            .replace(self.organization(), integration, expired)
            .await;
        match outcome.map_err(TaskError::retry)? {
            Refreshed::Fresh(current) | Refreshed::Renewed(current) => {
                Ok(Renewal::New(current.generation, current.sealed))
            }
            Refreshed::Deferred {
                reason: NOT_REFRESHABLE,
                ..
            } => Ok(Renewal::Lasting),
            Refreshed::Deferred { reason, .. } => Err(TaskError::retry_after(RENEWED_SOON, reason)),
            Refreshed::Refused { reason } => Ok(Renewal::Over(reason)),
            Refreshed::Ended => Ok(Renewal::Over("ended".to_owned())),
        }
    }

    /// Makes the answer, unless it is there, and posts it, unless it stands there.
    async fn converse(
        &self,
        token: &SecretString,
        answer: &mut Option<messages::Answer>,
    ) -> Result<Posted, Stop> {
        // An answer is stored before it is posted, so one that was not there yet stands nowhere; one that was may have
        // been posted in part, by another process or by this one with a token that was taken back in between.
        let may_stand_there = answer.is_some();
        let answer = match answer {
            Some(answer) => answer,
            None => answer.insert(self.make_answer(token).await?),
        };
        Ok(Posted {
            answer: answer.id,
            ts: self.deliver(token, answer, may_stand_there).await?,
        })
    }

    async fn finish_posted(&self, posted: &Posted) -> Result<(), TaskError> {
        let now = self.answering.clock.now();
        let mut db = self.answering.db.get().await?;
        let (scope, delivery) = (self.organization(), &self.work.envelope.delivery);
        messages::finish_posted(
            &mut db,
            scope,
            delivery,
            self.taken.lease,
            Outcome::Done,
            posted.answer,
            &posted.ts,
            now,
        )
        .await
        .map_err(TaskError::from)?;
        let waited = clock::until(self.work.envelope.received_at, now);
        self.answering.metrics.took("AnswerMilliseconds", waited);
        tracing::info!(duration_ms = waited.as_secs_f64() * 1_000.0, answer.id = %posted.answer, "the answer is posted");
        Ok(())
    }

    async fn finish_failed(&self, reason: &str) -> Result<(), TaskError> {
        self.answering
            .metrics
            .count("TurnsFailed", Some(("reason", reason)));
        let db = self.answering.db.get().await?;
        let now = self.answering.clock.now();
        let outcome = Outcome::Failed { reason };
        deliveries::finish(&db, &self.work.envelope.delivery, self.taken.lease, outcome, now)
            .await
            .map_err(TaskError::from)
    }

    async fn finish_revoked(&self, generation: i32, code: &str) -> Result<(), TaskError> {
        let integration = self.taken.installation.integration;
        tracing::error!(
            slack.code = code,
            integration.id = %integration,
            "slack does not take the workspace's token any more; the workspace must be connected again"
        );
        let mut db = self.answering.db.get().await?;
        let now = self.answering.clock.now();
        integrations::mark_needs_reauth(&mut db, self.organization(), integration, generation, code, now)
            .await?;
        drop(db);
        self.finish_failed(code).await
    }
}

/// What a vault error means for a turn. Credentials that do not open were moved or altered: nothing is posted with
/// them, and no retry helps.
fn vault(error: VaultError) -> TaskError {
    if error.is_outage() {
        TaskError::retry(error)
    } else {
        TaskError::fail("credentials_do_not_open", error)
    }
}
