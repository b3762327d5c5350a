//! One turn: somebody said something in Slack, the agent is asked, the answer stands in the thread.
//!
//! The queue delivers at least once and a process may die anywhere, so each step leaves a mark that the next process
//! finds: the claim in the ledger, the stored question, the answer (stored *before* it is posted), the key in the
//! posted message's first block (looked for before posting again), the finished delivery. Whoever takes over starts
//! after the last mark. No transaction is open while the agent or Slack is asked.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;

use super::{
    answer, history,
    names::{Known, Names},
    question::{plain, question},
    trouble::Trouble,
};
use crate::{
    agent::{Agent, AgentError, Question, Role, Utterance},
    clock::{self, SharedClock, Timestamp},
    connector::{
        ConnectorKind,
        slack::{
            Page, Place, SlackCredentials,
            api::{SlackApi, SlackError, ThreadMessage},
        },
    },
    db::{
        Access, DbError,
        conversations::{self, Entry},
        deliveries::{self, Lease, Outcome},
        integrations::{self, SlackInstallation, Status},
        messages::{self, Earlier, NewAnswer},
        turns::{self, Claimed, Term},
    },
    id::{ConversationId, Ids, MessageId, OrganizationId},
    queue::{HIDDEN, RENEWAL, TaskError, Work},
    secret::vault::{CredentialScope, Sealed, Vault, VaultError},
    task::{DIRECT_MESSAGE_THREAD, SlackMessage, SlackMessageKind},
    telemetry::Metrics,
};

/// What must be left of the invocation's time when the agent has answered or not: to store, to post, to finish.
const AFTER_THE_AGENT: Duration = Duration::from_secs(10);
/// With less time than this left, a turn is not begun.
const LEAST_TIME: Duration = Duration::from_secs(15);
/// How often a turn is begun before an agent that is not there is reported to the person who asked.
const AGENT_ATTEMPTS: i32 = 3;
/// How often a turn is begun at all before it is given up: something kills the process each time.
const ATTEMPTS: i32 = 6;
/// An answer that comes later than this says so.
const LATE: Duration = Duration::from_mins(5);
/// A wait that Slack asks for is sat out up to this long; for a longer one the record goes back to the queue.
const PATIENCE_WITH_SLACK: Duration = Duration::from_secs(20);
/// How much of a thread is fetched when its first mention of us comes late.
const BACKFILL_MESSAGES: usize = 200;
/// How many people's names are looked up for that.
const BACKFILL_NAMES: usize = 20;
/// How many stored messages are looked at for the history.
const HISTORY_MESSAGES: u32 = 200;
/// What somebody is told who names us and asks nothing.
const NOTHING_ASKED: &str =
    "You named me without a question. Ask me something here, such as \u{201c}why is checkout slow?\u{201d}";
/// What the agent is asked when somebody names us in a conversation without a word.
const ONLY_NAMED: &str =
    "(You were named without a question. Please say what you can about the conversation so far.)";
/// Slack's name of 👀.
const REACTION: &str = "eyes";

/// What answering takes.
pub struct Answering {
    /// Where conversations are kept.
    pub db: Access,
    /// What opens the workspace's bot token.
    pub vault: Vault,
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
    /// How much history it is given, in tokens as [`history`] estimates them.
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
        Self::Task(database(error))
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

/// One turn under way.
struct Turn<'a> {
    answering: &'a Answering,
    work: &'a Work,
    message: &'a SlackMessage,
    taken: Taken,
}

impl Answering {
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
        let received = self.receive(work, message, now).await.map_err(database)?;
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
        let lease = taken.lease;
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
            let released = async {
                let db = self.db.get().await?;
                let now = self.clock.now();
                deliveries::extend(&db, &work.envelope.delivery, lease, now, now).await
            };
            if let Err(error) = released.await {
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

        let begins_the_thread = message
            .thread_ts
            .as_ref()
            .is_none_or(|thread| *thread == message.ts);
        Ok(Received::Taken(Box::new(Taken {
            lease,
            installation,
            credentials,
            conversation: conversation.id,
            needs_backfill: conversation.backfilled_at.is_none() && !begins_the_thread,
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
            let now = self.answering.clock.now();
            let until = clock::after(now, HIDDEN);
            let renewed = async {
                let db = self.answering.db.get().await?;
                deliveries::extend(&db, &self.work.envelope.delivery, self.taken.lease, until, now).await
            };
            match renewed.await {
                Ok(true) => {}
                Ok(false) => return,
                // The database may be back before the lease ends; storing checks the fence in any case.
                Err(error) => tracing::warn!(error = %error, "the lease could not be renewed"),
            }
        }
    }

    /// From the claim to the finished delivery.
    async fn run(&self) -> Result<(), TaskError> {
        let mut generation = self.taken.installation.generation;
        let mut credentials = self.taken.credentials.clone();
        let mut answer = self.taken.answer.clone();
        loop {
            let token = self.token(&credentials).await?;
            let error = match self.converse(&token, &mut answer).await {
                Ok(posted) => {
                    self.unreact(&token).await;
                    return self.finish_posted(answer, &posted).await;
                }
                Err(Stop::Task(error)) => return Err(error),
                Err(Stop::Slack(error)) => error,
            };
            match error {
                SlackError::Revoked { code } => {
                    // Somebody may have connected the workspace anew while we worked with the old token.
                    match self.reread().await.map_err(database)? {
                        Some((fresh, sealed)) if fresh != generation => {
                            (generation, credentials) = (fresh, sealed);
                        }
                        _ => return self.finish_revoked(generation, &code).await,
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

    /// Makes the answer, unless it is there, and posts it, unless it stands there. Answers the post's timestamp.
    async fn converse(
        &self,
        token: &SecretString,
        answer: &mut Option<messages::Answer>,
    ) -> Result<String, Stop> {
        let answer = match answer {
            Some(answer) => answer,
            None => answer.insert(self.make_answer(token).await?),
        };
        self.deliver(token, answer).await
    }

    async fn make_answer(&self, token: &SecretString) -> Result<messages::Answer, Stop> {
        let (reaction, name) = tokio::join!(self.react(token), self.asker(token));
        reaction?;
        let history = if self.taken.needs_backfill {
            self.backfill(token).await?
        } else {
            self.taken.history.clone()
        };
        let (role, text) = if self.taken.lease.attempt > ATTEMPTS {
            self.notice(Trouble::TooManyAttempts)
        } else if self.taken.text.is_empty() && history.is_empty() {
            (messages::Role::Notice, NOTHING_ASKED.to_owned())
        } else {
            match self.ask(name.as_deref(), history).await? {
                Ok(text) => (messages::Role::Assistant, text),
                Err(trouble) => self.notice(trouble),
            }
        };
        let answer = messages::Answer {
            id: self.answering.ids.message(),
            role,
            text,
            slack_message_ts: None,
        };
        let new = NewAnswer {
            id: answer.id,
            conversation: self.taken.conversation,
            in_reply_to: self.taken.question,
            role,
            text: &answer.text,
            asked_by: name.as_deref(),
        };
        let mut db = self.answering.db.get().await?;
        let (scope, delivery, now) = (
            self.organization(),
            &self.work.envelope.delivery,
            self.answering.clock.now(),
        );
        messages::store_answer(&mut db, scope, delivery, self.taken.lease, &new, now).await?;
        Ok(answer)
    }

    /// What stands in the place of an answer.
    fn notice(&self, trouble: Trouble) -> (messages::Role, String) {
        self.answering
            .metrics
            .count("TurnsInTrouble", Some(("reason", trouble.reason())));
        let reference = self.work.envelope.id;
        let text = format!("{} (Reference: `{reference}`)", trouble.sentence());
        (messages::Role::Notice, text)
    }

    /// Shows that the question was seen. Only what would stop the answer too stops the turn.
    async fn react(&self, token: &SecretString) -> Result<(), SlackError> {
        match self
            .answering
            .slack
            .add_reaction(token, &self.message.channel, &self.message.ts, REACTION)
            .await
        {
            Err(error @ (SlackError::Revoked { .. } | SlackError::ChannelGone { .. })) => Err(error),
            Err(error) => {
                tracing::debug!(error = %error, "the reaction could not be added");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn unreact(&self, token: &SecretString) {
        let removed = self
            .answering
            .slack
            .remove_reaction(token, &self.message.channel, &self.message.ts, REACTION)
            .await;
        if let Err(error) = removed {
            tracing::debug!(error = %error, "the reaction could not be removed");
        }
    }

    async fn asker(&self, token: &SecretString) -> Option<String> {
        if let Some(name) = &self.taken.asker_name {
            return Some(name.clone());
        }
        let user = self.message.user.as_deref()?;
        self.answering.user_name(token, self.message.tenant(), user).await
    }

    /// Brings in what was said in the thread before we were first named in it. Answers the history.
    async fn backfill(&self, token: &SecretString) -> Result<Vec<messages::Message>, Stop> {
        let message = self.message;
        let slack = &self.answering.slack;
        let thread = slack
            .thread(
                token,
                &message.channel,
                message.thread(),
                &message.ts,
                BACKFILL_MESSAGES,
            )
            .await;
        let thread = match thread {
            Ok(thread) => thread,
            // Without the right to read the thread, the answer is the best that the question alone allows.
            Err(SlackError::Rejected { code }) => {
                tracing::warn!(slack.code = code, "the thread cannot be read");
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        let ours = self
            .taken
            .installation
            .bot_user_id
            .as_deref()
            .or(message.bot_user_id.as_deref());
        let people: BTreeSet<_> = thread.iter().filter_map(|said| said.user.as_deref()).collect();
        let mut names = HashMap::new();
        for user in people
            .into_iter()
            .filter(|user| Some(*user) != ours)
            .take(BACKFILL_NAMES)
        {
            if let Some(name) = self.answering.user_name(token, message.tenant(), user).await {
                names.insert(user, name);
            }
        }
        let texts: Vec<_> = thread.iter().map(|said| plain(&said.text, ours)).collect();
        let earlier: Vec<_> = thread
            .iter()
            .zip(&texts)
            .map(|(said, text)| self.earlier(said, text, ours, &names))
            .collect();

        let mut db = self.answering.db.get().await?;
        let (scope, now) = (self.organization(), self.answering.clock.now());
        let conversation = self.taken.conversation;
        let history = messages::backfill(
            &mut db,
            scope,
            conversation,
            &earlier,
            &message.ts,
            HISTORY_MESSAGES,
            now,
        )
        .await?;
        tracing::info!(count = earlier.len(), "the thread was brought in");
        Ok(history)
    }

    fn earlier<'m>(
        &self,
        said: &'m ThreadMessage,
        text: &'m str,
        ours: Option<&str>,
        names: &'m HashMap<&str, String>,
    ) -> Earlier<'m> {
        let user = said.user.as_deref();
        let by_us = user.is_some() && user == ours;
        Earlier {
            role: if by_us {
                messages::Role::Assistant
            } else {
                messages::Role::User
            },
            message: messages::New {
                id: self.answering.ids.message(),
                ts: &said.ts,
                sender: user.or(said.bot_id.as_deref()),
                sender_name: user.and_then(|user| names.get(user)).map(String::as_str),
                text,
            },
        }
    }

    /// Asks the agent. The inner error is told to the person; the outer one is tried again.
    async fn ask(
        &self,
        name: Option<&str>,
        history: Vec<messages::Message>,
    ) -> Result<Result<String, Trouble>, Stop> {
        let answering = self.answering;
        let mut past: Vec<_> = history.into_iter().map(utterance).collect();
        history::budget(&mut past, answering.limits.history_tokens, |said| &mut said.text);
        let question = Question {
            conversation: self.taken.conversation,
            message: self.taken.question,
            organization: self.organization(),
            text: match self.taken.text.as_str() {
                "" => ONLY_NAMED.to_owned(),
                text => text.to_owned(),
            },
            history: past,
            user_id: self.message.user.clone().unwrap_or_default(),
            user_name: name.map(str::to_owned),
            channel_id: self.message.channel.clone(),
            channel_type: self.message.channel_type.clone(),
            traceparent: self.work.envelope.traceparent.clone(),
            request_id: self.work.envelope.id.to_string(),
        };
        let left = clock::until(answering.clock.now(), self.work.deadline).saturating_sub(AFTER_THE_AGENT);
        let began = answering.clock.now();
        let result = answering
            .agent
            .ask(question, answering.limits.agent.min(left))
            .await;
        answering
            .metrics
            .took("AgentMilliseconds", clock::until(began, answering.clock.now()));
        let trouble = match result {
            Ok(answer) => return Ok(Ok(answer.text)),
            Err(error @ AgentError::Unavailable { .. }) if self.taken.lease.attempt < AGENT_ATTEMPTS => {
                return Err(TaskError::retry(error).into());
            }
            Err(error) => {
                // What the agent says of itself may quote the question; its kind is enough here.
                let trouble = Trouble::from(&error);
                tracing::warn!(reason = trouble.reason(), "the agent gave no answer");
                trouble
            }
        };
        Ok(Err(trouble))
    }

    /// Posts the answer's pages, each at most once. Answers the first page's timestamp.
    async fn deliver(&self, token: &SecretString, answer: &messages::Answer) -> Result<String, Stop> {
        let place = self.place();
        let may_stand_there = self.taken.lease.attempt > 1 || self.work.attempt > 1;
        let mut first = None;
        for (number, mut page) in answer::pages(&answer.text).into_iter().enumerate() {
            let key = format!("{}:{number}", answer.id);
            if may_stand_there
                && let Some(ts) = self
                    .answering
                    .slack
                    .find_posted(token, &place, &self.message.ts, &key)
                    .await?
            {
                first.get_or_insert(ts);
                continue;
            }
            if number == 0
                && let Some(late) = self.late()
            {
                page.prepend(&late);
            }
            let ts = self.post(token, &place, &page, &key).await?;
            first.get_or_insert(ts);
        }
        first.ok_or_else(|| TaskError::fail("empty_answer", "an answer has no page").into())
    }

    /// Posts one page; sits out a short wait that Slack asks for.
    async fn post(
        &self,
        token: &SecretString,
        place: &Place,
        page: &Page,
        key: &str,
    ) -> Result<String, Stop> {
        let slack = &self.answering.slack;
        match slack.post(token, place, page, key).await {
            Err(SlackError::RateLimited { retry_after }) if self.has_time_for(retry_after) => {
                tokio::time::sleep(retry_after).await;
                Ok(slack.post(token, place, page, key).await?)
            }
            result => Ok(result?),
        }
    }

    fn has_time_for(&self, wait: Duration) -> bool {
        let left = clock::until(self.answering.clock.now(), self.work.deadline);
        wait <= PATIENCE_WITH_SLACK && wait + AFTER_THE_AGENT <= left
    }

    /// Where the answer goes: where it was asked.
    fn place(&self) -> Place {
        let top_of_direct_message = self.message.thread() == DIRECT_MESSAGE_THREAD;
        Place {
            channel: self.message.channel.clone(),
            thread_ts: (!top_of_direct_message).then(|| self.message.thread().to_owned()),
        }
    }

    /// What an answer says of itself that comes so late that the person may wonder.
    fn late(&self) -> Option<String> {
        let waited = (self.answering.clock.now() - self.work.envelope.received_at)
            .to_std()
            .unwrap_or_default();
        let minutes = waited.as_secs() / 60;
        (waited >= LATE).then(|| match minutes {
            0..120 => format!(
                "_This answer is late: you asked {minutes} minutes ago, and I could not answer then._"
            ),
            _ => format!(
                "_This answer is late: you asked {} hours ago, and I could not answer then._",
                minutes / 60
            ),
        })
    }

    async fn finish_posted(&self, answer: Option<messages::Answer>, ts: &str) -> Result<(), TaskError> {
        let answer =
            answer.ok_or_else(|| TaskError::fail("empty_answer", "an answer was posted but not made"))?;
        let now = self.answering.clock.now();
        let mut db = self.answering.db.get().await.map_err(database)?;
        let (scope, delivery) = (self.organization(), &self.work.envelope.delivery);
        messages::finish_posted(
            &mut db,
            scope,
            delivery,
            self.taken.lease,
            Outcome::Done,
            answer.id,
            ts,
            now,
        )
        .await
        .map_err(database)?;
        let waited = clock::until(self.work.envelope.received_at, now);
        self.answering.metrics.took("AnswerMilliseconds", waited);
        tracing::info!(duration_ms = waited.as_secs_f64() * 1_000.0, answer.id = %answer.id, "the answer is posted");
        Ok(())
    }

    async fn finish_failed(&self, reason: &str) -> Result<(), TaskError> {
        self.answering
            .metrics
            .count("TurnsFailed", Some(("reason", reason)));
        let db = self.answering.db.get().await.map_err(database)?;
        let now = self.answering.clock.now();
        let outcome = Outcome::Failed { reason };
        deliveries::finish(&db, &self.work.envelope.delivery, self.taken.lease, outcome, now)
            .await
            .map_err(database)
    }

    async fn finish_revoked(&self, generation: i32, code: &str) -> Result<(), TaskError> {
        let integration = self.taken.installation.integration;
        tracing::error!(
            slack.code = code,
            integration.id = %integration,
            "slack does not take the workspace's token any more; the workspace must be connected again"
        );
        let mut db = self.answering.db.get().await.map_err(database)?;
        let now = self.answering.clock.now();
        integrations::mark_needs_reauth(&mut db, self.organization(), integration, generation, code, now)
            .await
            .map_err(database)?;
        drop(db);
        self.finish_failed(code).await
    }
}

fn utterance(said: messages::Message) -> Utterance {
    Utterance {
        id: said.id,
        role: match said.role {
            messages::Role::User => Role::User {
                slack_user: said.sender.unwrap_or_default(),
                name: said.sender_name,
            },
            messages::Role::Assistant | messages::Role::Notice => Role::Assistant,
        },
        text: said.text,
        at: said.at,
    }
}

/// What a database error means for a turn: an outage passes, anything else is a defect that an operator must see.
fn database(error: DbError) -> TaskError {
    match error {
        DbError::Corrupt { .. } => TaskError::fail("corrupt_row", error),
        error => TaskError::retry(error),
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
