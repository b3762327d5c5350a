//! What crosses a queue: a tagged, versioned envelope around one imperative task.
//!
//! Field names are a wire format: add, never rename; drop a variant one release after its last producer.
//! No credential is ever on a queue.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{clock::Timestamp, id::TaskId};

/// Amazon SQS takes messages of up to 1 MiB; attributes count too, so the envelope stays a little below.
/// Source: the quotas page of the Amazon SQS developer guide.
pub const MAX_ENVELOPE_BYTES: usize = 1_000_000;

/// Who sent a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Slack's Events API.
    Slack,
}

impl Source {
    /// The name as it stands in the database and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes two deliveries the same: one effect per key, however often and however it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// Who sent it.
    pub source: Source,
    /// The sender's own name of the thing. For a Slack message it is the post (`team:channel:ts`), not the
    /// event: one post arrives as `app_mention` and as `message`, with two event ids.
    pub key: String,
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.key)
    }
}

/// One message on a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// Names this envelope in logs.
    pub id: TaskId,
    /// What makes it the same as another.
    pub delivery: DeliveryKey,
    /// The sender's own id of the delivery (Slack's `event_id`).
    pub event_id: String,
    /// When our door took it.
    pub received_at: Timestamp,
    /// W3C `traceparent` of the request that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What is to be done.
    pub task: Task,
    /// The raw event, for fields that nobody has modelled; left out where it does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Box<RawValue>>,
}

impl Envelope {
    /// Encodes the envelope; leaves the raw event out where the whole would not fit into a queue message.
    ///
    /// # Errors
    /// When even the task alone cannot be written as JSON.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        let whole = serde_json::to_string(self)?;
        if whole.len() <= MAX_ENVELOPE_BYTES || self.raw.is_none() {
            return Ok(whole);
        }
        serde_json::to_string(&Self {
            raw: None,
            ..self.clone()
        })
    }
}

/// What a consumer is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Task {
    /// Answer what somebody said in Slack, if it is addressed to us.
    AnswerSlackMessageV1(SlackMessage),
    /// Slack says that our app was removed from a workspace, or that tokens were revoked.
    ApplySlackLifecycleV1(SlackLifecycle),
}

/// How a Slack message reached us; decides whether it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackMessageKind {
    /// Our bot is named in it (an `app_mention`, or a `message` that contains our user id).
    Mention,
    /// Said to our bot alone, in a direct message.
    DirectMessage,
    /// In a thread, without a mention. Answered when InfraGPT takes part in the thread.
    ThreadReply,
    /// At the top level of a channel, without a mention. Answered in watched channels only.
    ChannelMessage,
}

/// A message in Slack, in our words. Field meanings follow Slack's `message` and `app_mention` events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackMessage {
    /// How it reached us.
    pub kind: SlackMessageKind,
    /// The workspace whose installation received the event: the first that is there of `authorizations[0].team_id`,
    /// `context_team_id`, `team_id` and the inner event's `team`. In a shared channel the last two may name somebody
    /// else's workspace, which is why they come last. Absent for an org-wide installation whose event names none.
    pub team_id: Option<String>,
    /// The Enterprise Grid organization, for org-wide installations.
    pub enterprise_id: Option<String>,
    /// True when the installation is org-wide.
    #[serde(default)]
    pub is_enterprise_install: bool,
    /// The channel, `C…`, `G…` or `D…`.
    pub channel: String,
    /// Slack's `channel_type`: `channel`, `group`, `im`, `mpim`. Absent on `app_mention`.
    pub channel_type: Option<String>,
    /// Who wrote it, `U…` or `W…`; absent for messages of other apps.
    pub user: Option<String>,
    /// The other app that wrote it.
    pub bot_id: Option<String>,
    /// Our own user id in that workspace, where the event tells it.
    pub bot_user_id: Option<String>,
    /// The message's own timestamp, which is its id in the channel.
    pub ts: String,
    /// The thread's first message; absent at the top level.
    pub thread_ts: Option<String>,
    /// What was said, with the attachments' text below it, as Slack wrote it (mrkdwn, entities escaped).
    pub text: String,
    /// Files that came along.
    #[serde(default)]
    pub files: Vec<SlackFile>,
}

impl SlackMessage {
    /// The name of the conversation inside its channel: the thread's first message. Everything said at the top
    /// level of a direct message is one conversation, named `im`.
    #[must_use]
    pub fn thread(&self) -> &str {
        match (&self.thread_ts, self.kind) {
            (Some(thread), _) => thread,
            (None, SlackMessageKind::DirectMessage) => DIRECT_MESSAGE_THREAD,
            (None, _) => &self.ts,
        }
    }

    /// The workspace, or for an event without one the Enterprise Grid organization.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.team_id
            .as_deref()
            .or(self.enterprise_id.as_deref())
            .unwrap_or_default()
    }

    /// What must stay in order: one conversation.
    #[must_use]
    pub fn message_group(&self) -> String {
        format!("slack:{}:{}:{}", self.tenant(), self.channel, self.thread())
    }

    /// One post, one effect: the same for a retry and for the `app_mention` and `message` of one post.
    #[must_use]
    pub fn delivery_key(&self) -> DeliveryKey {
        DeliveryKey {
            source: Source::Slack,
            key: format!("{}:{}:{}", self.tenant(), self.channel, self.ts),
        }
    }
}

/// The thread name of what is said at the top level of a direct message.
pub const DIRECT_MESSAGE_THREAD: &str = "im";

/// A file that came with a Slack message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackFile {
    /// Slack's id, `F…`.
    pub id: String,
    /// Title or name, as people see it.
    pub name: String,
    /// MIME type, where Slack tells it.
    pub mimetype: Option<String>,
    /// The beginning of a text file, as far as Slack sends it along.
    pub preview: Option<String>,
}

/// A change of our app's installation in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackLifecycle {
    /// What happened.
    pub change: SlackLifecycleChange,
    /// The workspace; absent for org-wide installations.
    pub team_id: Option<String>,
    /// The Enterprise Grid organization.
    pub enterprise_id: Option<String>,
    /// When it happened, by Slack's clock: later installations are not touched by it.
    pub event_time: Timestamp,
}

/// What happened to an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SlackLifecycleChange {
    /// `app_uninstalled`.
    Uninstalled,
    /// `tokens_revoked`.
    TokensRevoked {
        /// User ids whose user tokens are gone.
        users: Vec<String>,
        /// User ids whose bot tokens are gone.
        bots: Vec<String>,
    },
}
