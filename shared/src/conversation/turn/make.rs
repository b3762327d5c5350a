//! Making the answer: what was said before, what the agent says now, and what a person is told in its place.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use secrecy::SecretString;

use super::{AFTER_THE_AGENT, HISTORY_MESSAGES, REACTION, Stop, Turn};
use crate::{
    agent::{AgentError, Question, Role, Utterance},
    clock,
    connector::slack::api::{SlackError, ThreadMessage},
    conversation::{history, question::plain, trouble::Trouble},
    db::messages::{self, Earlier, NewAnswer},
    queue::TaskError,
};

/// How often a turn is begun before an agent that is not there is reported to the person who asked.
const AGENT_ATTEMPTS: i32 = 3;
/// How often a turn is begun at all before the person is told that it will not end: something kills the process each
/// time, or what it needs has been away for about two hours. Less than the queue's limit of 20, after which nobody would
/// say anything.
const ATTEMPTS: i32 = 15;
/// The longest question, in tokens as [`history`] estimates them: what somebody pastes into it must have an end too,
/// and a message of 40 000 characters, which is what Slack takes, mostly stays whole.
const QUESTION_TOKENS: usize = 20_000;
/// With less time than this for the agent, it is not asked.
const LEAST_FOR_THE_AGENT: Duration = Duration::from_secs(3);
/// How often a turn is begun before it goes on without a thread that Slack does not hand out.
const BACKFILL_ATTEMPTS: i32 = 3;
/// How much of a thread is fetched when its first mention of us comes late.
const BACKFILL_MESSAGES: usize = 200;
/// How many people's names are looked up for that.
const BACKFILL_NAMES: usize = 20;
/// What somebody is told who names us and asks nothing.
const NOTHING_ASKED: &str =
    "You named me without a question. Ask me something here, such as \u{201c}why is checkout slow?\u{201d}";
/// What the agent is asked when somebody names us in a conversation without a word.
const ONLY_NAMED: &str =
    "(You were named without a question. Please say what you can about the conversation so far.)";

impl Turn<'_> {
    pub(super) async fn make_answer(&self, token: &SecretString) -> Result<messages::Answer, Stop> {
        let (reaction, name) = tokio::join!(self.react(token), self.asker(token));
        reaction?;
        // Before anything that may be what fails each time.
        let (role, text) = if self.taken.lease.attempt > ATTEMPTS {
            self.notice(Trouble::TooManyAttempts)
        } else {
            self.find_words(token, name.as_deref()).await?
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

    /// What the agent says, or what the person is told in its place.
    async fn find_words(
        &self,
        token: &SecretString,
        name: Option<&str>,
    ) -> Result<(messages::Role, String), Stop> {
        let history = if self.taken.needs_backfill {
            self.backfill(token).await?
        } else {
            self.taken.history.clone()
        };
        if self.taken.text.is_empty() && history.is_empty() {
            return Ok((messages::Role::Notice, NOTHING_ASKED.to_owned()));
        }
        Ok(match self.ask(name, history).await? {
            Ok(text) => (messages::Role::Assistant, storable(text)),
            Err(trouble) => self.notice(trouble),
        })
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
            Err(
                error @ (SlackError::Revoked { .. } | SlackError::Expired | SlackError::ChannelGone { .. }),
            ) => Err(error),
            Err(error) => {
                tracing::debug!(error = %error, "the reaction could not be added");
                Ok(())
            }
            Ok(()) => Ok(()),
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
            // Whether we may post there, posting will tell.
            Err(SlackError::Rejected { code } | SlackError::ChannelGone { code }) => {
                tracing::warn!(slack.code = code, "the thread cannot be read");
                Vec::new()
            }
            // Slack may go on refusing (it lets some apps read one page a minute): an answer without the thread is
            // better than none. The thread stays unread, so the next question tries again.
            Err(error) if error.is_retryable() && self.taken.lease.attempt >= BACKFILL_ATTEMPTS => {
                tracing::warn!(error = %error, "the thread could not be read again and again");
                return Ok(self.taken.history.clone());
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
        let texts: Vec<_> = thread
            .iter()
            .map(|said| storable(plain(&said.text, ours)))
            .collect();
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
        let left = clock::until(answering.clock.now(), self.work.deadline).saturating_sub(AFTER_THE_AGENT);
        if left < LEAST_FOR_THE_AGENT {
            // Nobody would have asked, yet the person would hear that it took too long.
            return Err(TaskError::retry("too little of the invocation's time is left for the agent").into());
        }
        let mut past: Vec<_> = history.into_iter().map(utterance).collect();
        history::budget(&mut past, answering.limits.history_tokens, |said| &mut said.text);
        let mut text = vec![match self.taken.text.as_str() {
            "" => ONLY_NAMED.to_owned(),
            text => text.to_owned(),
        }];
        history::budget(&mut text, QUESTION_TOKENS, |text| text);
        let question = Question {
            conversation: self.taken.conversation,
            message: self.taken.question,
            organization: self.organization(),
            text: text.concat(),
            history: past,
            user_id: self.message.user.clone().unwrap_or_default(),
            user_name: name.map(str::to_owned),
            channel_id: self.message.channel.clone(),
            channel_type: self.message.channel_type.clone(),
            traceparent: self.work.envelope.traceparent.clone(),
            request_id: self.work.envelope.id.to_string(),
        };
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
}

/// A text of a third party's as Postgres takes it: without the one character that it refuses. What Slack's events say
/// is rid of it at the door.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{FFFD}")
    } else {
        text
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
