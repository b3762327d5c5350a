//! The agent that answers questions: what we ask it, what it says, and what may go wrong, whatever the transport.
//!
//! [`GrpcAgent`] is the one that is used; tests run it against a real gRPC server. Another transport would be another
//! implementation of [`Agent`].

mod grpc;

use std::{fmt, time::Duration};

use async_trait::async_trait;

pub use self::grpc::{EndpointError, GrpcAgent};
use crate::{
    clock::Timestamp,
    id::{ConversationId, MessageId, OrganizationId},
};

/// What `proto/agent.proto` becomes in Rust.
#[expect(clippy::pedantic, reason = "generated")]
#[cfg_attr(
    feature = "test-support",
    expect(clippy::allow_attributes, reason = "generated, on the server's side")
)]
pub mod proto {
    tonic::include_proto!("agent");
}

/// A question, with what the agent needs to answer it. `Debug` shows what was said by its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The question's own id: the same when it is asked again.
    pub message: MessageId,
    /// The tenant.
    pub organization: OrganizationId,
    /// What is asked.
    pub text: String,
    /// What was said before, oldest first, without the question.
    pub history: Vec<Utterance>,
    /// Who asks: a Slack user id; empty for another app.
    pub user_id: String,
    /// The name of the one who asks, where known.
    pub user_name: Option<String>,
    /// Where: a Slack channel id.
    pub channel_id: String,
    /// Slack's `channel_type`, where known.
    pub channel_type: Option<String>,
    /// W3C `traceparent` of the request that brought the question.
    pub traceparent: Option<String>,
    /// Names the attempt in our logs and the agent's.
    pub request_id: String,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("conversation", &self.conversation)
            .field("message", &self.message)
            .field("organization", &self.organization)
            .field("text_bytes", &self.text.len())
            .field("history", &self.history)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// Something that was said before. `Debug` shows what by its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Utterance {
    /// Its id.
    pub id: MessageId,
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

impl fmt::Debug for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Utterance")
            .field("id", &self.id)
            .field("text_bytes", &self.text.len())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Who said something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A person, or another app, in Slack.
    User {
        /// The Slack user id; empty for another app.
        slack_user: String,
        /// The name, where known.
        name: Option<String>,
    },
    /// The agent.
    Assistant,
}

/// What the agent says. `Debug` shows the text by its length only.
#[derive(Clone, PartialEq)]
pub struct Answer {
    /// The answer in Markdown; never blank.
    pub text: String,
    /// Which part of the agent answered.
    pub agent_type: String,
    /// How sure it is, from 0 to 1.
    pub confidence: f32,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("text_bytes", &self.text.len())
            .field("agent_type", &self.agent_type)
            .field("confidence", &self.confidence)
            .finish()
    }
}

/// Whoever answers questions.
#[async_trait]
pub trait Agent: Send + Sync + fmt::Debug {
    /// Asks, and waits for the answer until `deadline` is over. Dropping the future takes the question back.
    ///
    /// # Errors
    /// See [`AgentError`]; only [`AgentError::Unavailable`] says that nothing was done yet.
    async fn ask(&self, question: Question, deadline: Duration) -> Result<Answer, AgentError>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The agent was not reached, or says that it is not available: it did nothing, so the question may be asked again.
    #[error("the agent is not available")]
    Unavailable {
        /// What happened to the call.
        #[source]
        source: CallError,
    },
    /// No answer in time. The agent may have done the work.
    #[error("the agent did not answer in time")]
    TimedOut,
    /// The agent says that it cannot answer.
    #[error("the agent refused to answer")]
    Refused {
        /// In its own words.
        reason: Reason,
    },
    /// The agent says that it answered, without a word in the answer.
    #[error("the agent's answer is empty")]
    Empty,
    /// The call broke, or the agent's side failed. It may have done the work.
    #[error("the call to the agent failed")]
    Protocol {
        /// What happened to the call.
        #[source]
        source: CallError,
    },
}

/// The agent's own words about a failure, cut to one line of 300 characters. They may quote the conversation or the
/// model provider, so `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    const MAX_CHARS: usize = 300;

    fn new(words: &str) -> Self {
        let line: Vec<&str> = words.split_whitespace().collect();
        Self(line.join(" ").chars().take(Self::MAX_CHARS).collect())
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({} bytes)", self.0.len())
    }
}

/// What happened to a call: the gRPC code, and for what happened on our side of the wire its cause. The agent's status
/// message is not shown, since it may quote the conversation.
pub struct CallError(tonic::Status);

impl CallError {
    /// The gRPC code: the agent's, or the one that stands for what happened on our side.
    #[must_use]
    pub fn code(&self) -> tonic::Code {
        self.0.code()
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grpc code {:?}", self.0.code())
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("code", &self.0.code())
            .field("source", &std::error::Error::source(self))
            .finish()
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)
    }
}
