//! Conversations: a Slack thread, or all that is said at the top level of a direct message.

use deadpool_postgres::Client;
use sql::{client::Params as _, queries::conversations as statements};

use super::{DbError, Transaction, changed};
use crate::{
    clock::Timestamp,
    id::{ConversationId, OrganizationId},
};

/// Where a conversation takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Slack's workspace, or the Enterprise Grid organization where an event names no workspace.
    pub team: &'a str,
    /// Slack's id of the channel.
    pub channel: &'a str,
    /// The thread: the timestamp of its first message, or `im`.
    pub thread: &'a str,
    /// True when the message that comes begins it: nothing older can be read from Slack.
    pub begins_here: bool,
}

/// A conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// True when it was made just now.
    pub created: bool,
    /// When the part of the thread that is older than our first message was read from Slack; none while it is not.
    pub backfilled_at: Option<Timestamp>,
}

impl From<statements::Conversation> for Conversation {
    fn from(row: statements::Conversation) -> Self {
        Self {
            id: row.conversation_id.into(),
            created: row.created,
            backfilled_at: row.backfilled_at,
        }
    }
}

/// When a conversation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// With this message, if it has not begun: a mention, a direct message.
    Open,
    /// It has begun before, or there is none: a reply in a thread.
    Joined,
    /// With this message, in a watched channel.
    Monitored,
}

/// The three ways into a conversation, prepared.
pub(super) enum Door {
    Open(statements::FindOrInsertStmt),
    Joined(statements::FindStmt),
    Monitored(statements::FindOrInsertMonitoredStmt),
}

impl Door {
    pub(super) async fn prepare(client: &Client, entry: Entry) -> Result<Self, tokio_postgres::Error> {
        Ok(match entry {
            Entry::Open => Self::Open(statements::find_or_insert().prepare(client).await?),
            Entry::Joined => Self::Joined(statements::find().prepare(client).await?),
            Entry::Monitored => {
                Self::Monitored(statements::find_or_insert_monitored().prepare(client).await?)
            }
        })
    }

    /// The request is sent when the result is first polled.
    pub(super) async fn run(
        &self,
        client: &Client,
        scope: OrganizationId,
        place: &Place<'_>,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, tokio_postgres::Error> {
        let row = match self {
            Self::Open(statement) => {
                let params = statements::FindOrInsertParams {
                    conversation_id: id.uuid(),
                    organization_id: scope.uuid(),
                    team_id: place.team,
                    channel_id: place.channel,
                    thread_ts: place.thread,
                    begins_here: place.begins_here,
                    now,
                };
                statement.params(client, &params).opt().await?
            }
            Self::Joined(statement) => {
                let params = statements::FindParams {
                    organization_id: scope.uuid(),
                    team_id: place.team,
                    channel_id: place.channel,
                    thread_ts: place.thread,
                };
                statement.params(client, &params).opt().await?
            }
            Self::Monitored(statement) => {
                let params = statements::FindOrInsertMonitoredParams {
                    conversation_id: id.uuid(),
                    thread_ts: place.thread,
                    begins_here: place.begins_here,
                    now,
                    organization_id: scope.uuid(),
                    team_id: place.team,
                    channel_id: place.channel,
                };
                statement.params(client, &params).opt().await?
            }
        };
        Ok(row.map(Conversation::from))
    }
}

/// The conversation at a place, if there is one. Its row stays locked until the transaction ends.
#[tracing::instrument(name = "db.conversations.find", skip_all, err(level = "debug"))]
pub async fn find(
    db: &Transaction<'_>,
    scope: OrganizationId,
    place: &Place<'_>,
) -> Result<Option<Conversation>, DbError> {
    let params = statements::FindParams {
        organization_id: scope.uuid(),
        team_id: place.team,
        channel_id: place.channel,
        thread_ts: place.thread,
    };
    Ok(statements::find()
        .params(db.client, &params)
        .opt()
        .await?
        .map(Conversation::from))
}

/// The conversation at a place, made with `id` if there was none. Its row stays locked until the transaction ends.
#[tracing::instrument(name = "db.conversations.find_or_insert", skip_all, err(level = "debug"))]
pub async fn find_or_insert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    place: &Place<'_>,
    id: ConversationId,
    now: Timestamp,
) -> Result<Conversation, DbError> {
    let door = Door::prepare(db.client, Entry::Open).await?;
    door.run(db.client, scope, place, id, now)
        .await?
        .ok_or(DbError::RowsAffected {
            expected: 1,
            actual: 0,
        })
}

/// Notes that the older part of the thread has been read from Slack.
#[tracing::instrument(name = "db.conversations.update_backfilled", skip_all, fields(conversation.id = %conversation), err(level = "debug"))]
pub async fn update_backfilled(
    db: &Transaction<'_>,
    scope: OrganizationId,
    conversation: ConversationId,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::UpdateBackfilledParams {
        now,
        organization_id: scope.uuid(),
        conversation_id: conversation.uuid(),
    };
    changed(
        statements::update_backfilled()
            .params(db.client, &params)
            .opt()
            .await?,
    )
}
