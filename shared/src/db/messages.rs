//! What was said in a conversation.

use std::fmt;

use deadpool_postgres::Client;
use futures_util::future;
use sql::{
    client::Params as _,
    queries::{conversations, messages as statements},
};
use uuid::Uuid;

use super::{
    Connection, DbError, Transaction,
    deliveries::{Lease, Outcome},
};
use crate::{
    clock::Timestamp,
    id::{ConversationId, MessageId, OrganizationId},
    task::DeliveryKey,
};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person, or another app.
    User,
    /// InfraGPT, answering.
    Assistant,
    /// InfraGPT about itself, such as an apology; no part of the history.
    Notice,
}

impl Role {
    /// The word as it stands in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Notice => "notice",
        }
    }

    fn parse(word: &str) -> Result<Self, DbError> {
        match word {
            "user" => Ok(Self::User),
            "assistant" => Ok(Self::Assistant),
            "notice" => Ok(Self::Notice),
            _ => Err(DbError::corrupt("messages", "role", "an unknown word")),
        }
    }
}

/// What somebody said, to be stored. `Debug` does not show what.
#[derive(Clone, Copy)]
pub struct New<'a> {
    /// Its id, where the post is not stored yet.
    pub id: MessageId,
    /// Slack's timestamp of the post.
    pub ts: &'a str,
    /// Who wrote it: a user (`U…`, `W…`) or an app (`B…`).
    pub sender: Option<&'a str>,
    /// That person's name, where it is known.
    pub sender_name: Option<&'a str>,
    /// What was said.
    pub text: &'a str,
}

impl fmt::Debug for New<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("New")
            .field("id", &self.id)
            .field("ts", &self.ts)
            .finish_non_exhaustive()
    }
}

/// A message that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its id: not the one given where the post was there already.
    pub id: MessageId,
    /// The name of who wrote it, where it is known by now.
    pub sender_name: Option<String>,
}

/// A message of the history. `Debug` does not show what was said.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Who speaks: never [`Role::Notice`].
    pub role: Role,
    /// Slack's id of who wrote it; none for our own.
    pub sender: Option<String>,
    /// That person's name.
    pub sender_name: Option<String>,
    /// What was said.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// What was stored in reply to a post. `Debug` does not show what.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its id, and the key under which it is posted.
    pub id: MessageId,
    /// [`Role::Assistant`] or [`Role::Notice`].
    pub role: Role,
    /// What it says.
    pub text: String,
    /// Where it stands in Slack; none where it is not known to be posted.
    pub slack_message_ts: Option<String>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("slack_message_ts", &self.slack_message_ts)
            .finish_non_exhaustive()
    }
}

/// When a post was made, by Slack's clock: its timestamp is seconds and microseconds with a dot between. `otherwise`
/// for what is no such timestamp.
#[must_use]
pub fn sent_at(ts: &str, otherwise: Timestamp) -> Timestamp {
    ts.split_once('.')
        .filter(|(_, micros)| micros.len() == 6)
        .and_then(|(seconds, micros)| Some((seconds.parse::<i64>().ok()?, micros.parse::<u32>().ok()?)))
        .and_then(|(seconds, micros)| Timestamp::from_timestamp(seconds, micros * 1000))
        .unwrap_or(otherwise)
}

/// The statements of [`super::turns::take`], prepared.
pub(super) struct Taking {
    insert: statements::InsertUserStmt,
    history: statements::HistoryStmt,
    answer: statements::FindAnswerStmt,
}

impl Taking {
    pub(super) async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let (insert, history, answer) = future::try_join3(
            statements::insert_user().prepare(client),
            statements::history().prepare(client),
            statements::find_answer().prepare(client),
        )
        .await?;
        Ok(Self {
            insert,
            history,
            answer,
        })
    }

    /// Stores the message, reads the `limit` messages before it and what was stored in reply to it: one round trip.
    pub(super) async fn run(
        &self,
        client: &Client,
        scope: OrganizationId,
        conversation: ConversationId,
        new: &New<'_>,
        limit: u32,
        now: Timestamp,
    ) -> Result<(Stored, Vec<Message>, Option<Answer>), DbError> {
        let sent_at = sent_at(new.ts, now);
        let insert = insert_params(scope, conversation, new, sent_at, now);
        let history = history_params(scope, conversation, sent_at, limit);
        let answer = statements::FindAnswerParams {
            organization_id: scope.uuid(),
            conversation_id: conversation.uuid(),
            slack_message_ts: new.ts,
        };
        let (stored, history, answer) = future::join3(
            self.insert.params(client, &insert).one(),
            self.history.params(client, &history).all(),
            self.answer.params(client, &answer).opt(),
        )
        .await;
        Ok((
            stored?.into(),
            oldest_first(history?)?,
            answer?.map(Answer::try_from).transpose()?,
        ))
    }
}

type InsertParams<'a> = statements::InsertUserParams<&'a str, &'a str, &'a str, &'a str>;

fn insert_params<'a>(
    scope: OrganizationId,
    conversation: ConversationId,
    new: &New<'a>,
    sent_at: Timestamp,
    now: Timestamp,
) -> InsertParams<'a> {
    statements::InsertUserParams {
        message_id: new.id.uuid(),
        organization_id: scope.uuid(),
        conversation_id: conversation.uuid(),
        slack_message_ts: new.ts,
        sender_user_id: new.sender,
        sender_name: new.sender_name,
        message_text: new.text,
        sent_at,
        now,
    }
}

fn history_params(
    scope: OrganizationId,
    conversation: ConversationId,
    before: Timestamp,
    limit: u32,
) -> statements::HistoryParams {
    statements::HistoryParams {
        organization_id: scope.uuid(),
        conversation_id: conversation.uuid(),
        before,
        count: limit.into(),
    }
}

fn oldest_first(rows: Vec<statements::History>) -> Result<Vec<Message>, DbError> {
    rows.into_iter().rev().map(Message::try_from).collect()
}

impl From<statements::InsertUser> for Stored {
    fn from(row: statements::InsertUser) -> Self {
        Self {
            id: row.message_id.into(),
            sender_name: row.sender_name,
        }
    }
}

impl TryFrom<statements::History> for Message {
    type Error = DbError;

    fn try_from(row: statements::History) -> Result<Self, DbError> {
        Ok(Self {
            id: row.message_id.into(),
            role: Role::parse(&row.role)?,
            sender: row.sender_user_id,
            sender_name: row.sender_name,
            text: row.message_text,
            at: row.sent_at,
        })
    }
}

impl TryFrom<statements::FindAnswer> for Answer {
    type Error = DbError;

    fn try_from(row: statements::FindAnswer) -> Result<Self, DbError> {
        Ok(Self {
            id: row.message_id.into(),
            role: Role::parse(&row.role)?,
            text: row.message_text,
            slack_message_ts: row.slack_message_ts,
        })
    }
}

/// Stores what somebody said. Where the post is there already, it stays as it is and is the result.
#[tracing::instrument(name = "db.messages.insert_user", skip_all, fields(conversation.id = %conversation), err(level = "debug"))]
pub async fn insert_user(
    db: &Transaction<'_>,
    scope: OrganizationId,
    conversation: ConversationId,
    new: &New<'_>,
    now: Timestamp,
) -> Result<Stored, DbError> {
    let params = insert_params(scope, conversation, new, sent_at(new.ts, now), now);
    Ok(statements::insert_user()
        .params(db.client, &params)
        .one()
        .await?
        .into())
}

/// The last `limit` messages before a point in time, oldest first: what people and the assistant said.
#[tracing::instrument(name = "db.messages.history", skip_all, fields(conversation.id = %conversation), err(level = "debug"))]
pub async fn history(
    db: &Transaction<'_>,
    scope: OrganizationId,
    conversation: ConversationId,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Message>, DbError> {
    let params = history_params(scope, conversation, before, limit);
    oldest_first(statements::history().params(db.client, &params).all().await?)
}

/// What was stored in reply to a post, if anything was.
#[tracing::instrument(name = "db.messages.find_answer", skip_all, fields(conversation.id = %conversation), err(level = "debug"))]
pub async fn find_answer(
    db: &Transaction<'_>,
    scope: OrganizationId,
    conversation: ConversationId,
    ts: &str,
) -> Result<Option<Answer>, DbError> {
    let params = statements::FindAnswerParams {
        organization_id: scope.uuid(),
        conversation_id: conversation.uuid(),
        slack_message_ts: ts,
    };
    let row = statements::find_answer().params(db.client, &params).opt().await?;
    row.map(Answer::try_from).transpose()
}

/// A message of a thread that is older than our first one. `Debug` does not show what was said.
#[derive(Clone, Copy)]
pub struct Earlier<'a> {
    /// Who speaks: [`Role::Assistant`] where our own bot wrote it.
    pub role: Role,
    /// The message.
    pub message: New<'a>,
}

impl fmt::Debug for Earlier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Earlier")
            .field("role", &self.role)
            .field("message", &self.message)
            .finish()
    }
}

/// Stores the older part of a thread, notes that it was read, and answers the history before the post `ts`, oldest
/// first. Messages that are there already stay as they are. One round trip, a transaction of its own.
#[tracing::instrument(name = "db.messages.backfill", skip_all, fields(conversation.id = %conversation, count = earlier.len()), err(level = "debug"))]
pub async fn backfill(
    db: &mut Connection,
    scope: OrganizationId,
    conversation: ConversationId,
    earlier: &[Earlier<'_>],
    ts: &str,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<Message>, DbError> {
    let (insert, mark, history) = future::try_join3(
        statements::insert_backfill().prepare(&db.client),
        conversations::update_backfilled().prepare(&db.client),
        statements::history().prepare(&db.client),
    )
    .await?;
    let ids: Vec<Uuid> = earlier.iter().map(|old| old.message.id.uuid()).collect();
    let roles: Vec<&str> = earlier.iter().map(|old| old.role.as_str()).collect();
    let tss: Vec<&str> = earlier.iter().map(|old| old.message.ts).collect();
    let senders: Vec<&str> = earlier
        .iter()
        .map(|old| old.message.sender.unwrap_or_default())
        .collect();
    let names: Vec<&str> = earlier
        .iter()
        .map(|old| old.message.sender_name.unwrap_or_default())
        .collect();
    let texts: Vec<&str> = earlier.iter().map(|old| old.message.text).collect();
    let times: Vec<Timestamp> = earlier.iter().map(|old| sent_at(old.message.ts, now)).collect();
    let insert_params = statements::InsertBackfillParams {
        now,
        message_ids: ids.as_slice(),
        roles: roles.as_slice(),
        slack_message_tss: tss.as_slice(),
        sender_user_ids: senders.as_slice(),
        sender_names: names.as_slice(),
        message_texts: texts.as_slice(),
        sent_ats: times.as_slice(),
        organization_id: scope.uuid(),
        conversation_id: conversation.uuid(),
    };
    let mark_params = conversations::UpdateBackfilledParams {
        now,
        organization_id: scope.uuid(),
        conversation_id: conversation.uuid(),
    };
    let history_params = history_params(scope, conversation, sent_at(ts, now), limit);
    let rows = db
        .once(scope, async |client| {
            let (inserted, marked, history) = future::join3(
                insert.params(client, &insert_params).all(),
                mark.params(client, &mark_params).opt(),
                history.params(client, &history_params).all(),
            )
            .await;
            inserted?;
            marked?;
            history
        })
        .await?;
    oldest_first(rows)
}

/// An answer, to be stored before it is posted. `Debug` does not show what it says.
#[derive(Clone, Copy)]
pub struct NewAnswer<'a> {
    /// Its id, and the key under which it will be posted.
    pub id: MessageId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The message it is for.
    pub in_reply_to: MessageId,
    /// [`Role::Assistant`] or [`Role::Notice`].
    pub role: Role,
    /// What it says.
    pub text: &'a str,
    /// The name of who asked, where it was learnt meanwhile.
    pub asked_by: Option<&'a str>,
}

impl fmt::Debug for NewAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAnswer")
            .field("id", &self.id)
            .field("in_reply_to", &self.in_reply_to)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Stores an answer for the worker that holds the lease. One round trip, a transaction of its own.
///
/// # Errors
/// [`DbError::LeaseLost`] when another worker has taken over, and then nothing is stored. [`DbError::Conflict`] on
/// `messages_in_reply_to_key` when an answer is stored already.
#[tracing::instrument(name = "db.messages.store_answer", skip_all, fields(conversation.id = %answer.conversation, message.id = %answer.id), err(level = "debug"))]
pub async fn store_answer(
    db: &mut Connection,
    scope: OrganizationId,
    key: &DeliveryKey,
    lease: Lease,
    answer: &NewAnswer<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let statement = statements::store_answer().prepare(&db.client).await?;
    let params = statements::StoreAnswerParams {
        source: key.source.as_str(),
        key: key.key.as_str(),
        fence: lease.fence,
        sender_name: answer.asked_by,
        organization_id: scope.uuid(),
        in_reply_to: answer.in_reply_to.uuid(),
        message_id: answer.id.uuid(),
        conversation_id: answer.conversation.uuid(),
        role: answer.role.as_str(),
        message_text: answer.text,
        now,
    };
    let held = db
        .once(scope, async |client| {
            statement.params(client, &params).one().await
        })
        .await?;
    if held { Ok(()) } else { Err(DbError::LeaseLost) }
}

/// Ends a delivery for the worker that holds the lease, and notes where its answer stands in Slack. One round trip, a
/// transaction of its own. [`super::deliveries::finish`] is for those without an answer.
///
/// # Errors
/// [`DbError::LeaseLost`] when another worker has taken over, and then nothing is changed.
#[tracing::instrument(name = "db.messages.finish_posted", skip_all, fields(message.id = %posted), err(level = "debug"))]
#[expect(
    clippy::too_many_arguments,
    reason = "who, where, which claim, how it ended, what was posted, when"
)]
pub async fn finish_posted(
    db: &mut Connection,
    scope: OrganizationId,
    key: &DeliveryKey,
    lease: Lease,
    outcome: Outcome<'_>,
    posted: MessageId,
    ts: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let statement = statements::finish_posted().prepare(&db.client).await?;
    let params = statements::FinishPostedParams {
        state: outcome.state(),
        reason: outcome.reason(),
        now,
        source: key.source.as_str(),
        key: key.key.as_str(),
        fence: lease.fence,
        slack_message_ts: ts,
        sent_at: sent_at(ts, now),
        organization_id: scope.uuid(),
        message_id: posted.uuid(),
    };
    let held = db
        .once(scope, async |client| {
            statement.params(client, &params).one().await
        })
        .await?;
    if held { Ok(()) } else { Err(DbError::LeaseLost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slacks_timestamps_are_read_to_the_microsecond_and_what_is_none_is_not() {
        let otherwise = Timestamp::from_timestamp(7, 0).expect("in range");
        assert_eq!(
            sent_at("1531420618.000200", otherwise).timestamp_micros(),
            1_531_420_618_000_200
        );
        for none in [
            "",
            "im",
            "1531420618",
            "1531420618.2",
            "x.000200",
            "1531420618.00020x",
            "99999999999999.000000",
        ] {
            assert_eq!(sent_at(none, otherwise), otherwise, "{none}");
        }
    }

    #[test]
    fn what_people_say_is_not_shown_in_debug_output() {
        let now = Timestamp::from_timestamp(7, 0).expect("in range");
        let id = MessageId::from(Uuid::nil());
        let new = New {
            id,
            ts: "1.000000",
            sender: None,
            sender_name: Some("Ada"),
            text: "the launch code",
        };
        let message = Message {
            id,
            role: Role::User,
            sender: None,
            sender_name: None,
            text: "the launch code".to_owned(),
            at: now,
        };
        let answer = Answer {
            id,
            role: Role::Assistant,
            text: "the launch code".to_owned(),
            slack_message_ts: None,
        };
        let shown = format!(
            "{new:?} {:?} {message:?} {answer:?}",
            Earlier {
                role: Role::User,
                message: new
            }
        );
        assert!(!shown.contains("launch") && !shown.contains("Ada"), "{shown}");
    }
}
