//! What a person is told when the agent gives no answer.

use crate::agent::AgentError;

/// Why the agent's answer is not there; what the person is told, and what the metric says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Unreachable,
    TimedOut,
    Refused,
    Empty,
    Protocol,
    TooManyAttempts,
}

impl Trouble {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "agent_unreachable",
            Self::TimedOut => "agent_timed_out",
            Self::Refused => "agent_refused",
            Self::Empty => "agent_answered_nothing",
            Self::Protocol => "agent_protocol",
            Self::TooManyAttempts => "too_many_attempts",
        }
    }

    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "I cannot reach the agent that knows the answers right now; please ask again in a few minutes."
            }
            Self::TimedOut => {
                "Finding an answer took longer than I may wait; please try a narrower question."
            }
            Self::Refused => "The agent could not work on this question; please try to ask it differently.",
            Self::Empty => "The agent had nothing to say to this; please try to ask it differently.",
            Self::Protocol => {
                "The agent gave an answer that I could not read; your platform team should look at its log."
            }
            Self::TooManyAttempts => {
                "I tried several times and could not finish an answer; your platform team should look at my log."
            }
        }
    }
}

impl From<&AgentError> for Trouble {
    fn from(error: &AgentError) -> Self {
        match error {
            AgentError::Unavailable { .. } => Self::Unreachable,
            AgentError::TimedOut => Self::TimedOut,
            AgentError::Refused { .. } => Self::Refused,
            AgentError::Empty => Self::Empty,
            AgentError::Protocol { .. } => Self::Protocol,
        }
    }
}
