//! What can go wrong with a call, in our words.

use std::time::Duration;

use slack_morphism::errors::SlackClientError;

/// What to wait when Slack says "too many" and not for how long.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why a call did not do what it should. Holds no text that a person or Slack wrote, except Slack's error code.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// Slack wants fewer calls; nothing was done.
    #[error("slack asks to wait {} s", retry_after.as_secs())]
    RateLimited {
        /// For how long.
        retry_after: Duration,
    },
    /// The token is not good any more; nothing was done. Somebody has to connect the workspace again.
    #[error("slack does not take the token: {code}")]
    Revoked {
        /// Slack's code, such as `token_revoked`.
        code: String,
    },
    /// The token has ended by itself; nothing was done. Refreshing it helps.
    #[error("slack says that the token has expired")]
    Expired,
    /// The place cannot be read or written by us, and will not be by trying again; nothing was done.
    #[error("slack does not let us into the channel: {code}")]
    ChannelGone {
        /// Slack's code, such as `is_archived`.
        code: String,
    },
    /// Slack does not want this request, however often it is made; nothing was done.
    #[error("slack refuses the request: {code}")]
    Rejected {
        /// Slack's code, or `http_<status>`.
        code: String,
    },
    /// Slack could not be reached or had a fault of its own. What was asked for **may have been done**.
    #[error("slack is unavailable")]
    Unavailable {
        /// What happened.
        #[source]
        source: Fault,
    },
    /// Slack answered something that is no answer to the call. What was asked for **may have been done**.
    #[error("slack answered what it should not: {what}")]
    Protocol {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// What kept a call from being answered.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// An answer of the 5xx kind.
    #[error("http status {0}")]
    Status(u16),
    /// Slack's code for a fault of its own, such as `internal_error`.
    #[error("slack says {0}")]
    Code(String),
    /// The connection could not be made or broke.
    #[error("the connection failed")]
    Connection(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

impl SlackError {
    /// Slack's code, where it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Revoked { code }
            | Self::ChannelGone { code }
            | Self::Rejected { code }
            | Self::Unavailable {
                source: Fault::Code(code),
            } => Some(code),
            Self::Expired => Some("token_expired"),
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Protocol { .. } => None,
        }
    }

    /// Whether the same call may go well a little later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Protocol { .. }
        )
    }

    /// Sorts Slack's error codes. Source: the error tables of the methods below at
    /// <https://docs.slack.dev/reference/methods>.
    pub(super) fn from_code(code: String) -> Self {
        match code.as_str() {
            "invalid_auth" | "token_revoked" | "account_inactive" | "not_authed" => Self::Revoked { code },
            "token_expired" => Self::Expired,
            "channel_not_found"
            | "not_in_channel"
            | "is_archived"
            | "is_inactive"
            | "thread_not_found"
            | "messages_tab_disabled"
            | "method_not_supported_for_channel_type"
            | "restricted_action"
            | "restricted_action_read_only_channel"
            | "restricted_action_thread_only_channel"
            | "restricted_action_non_threadable_channel"
            | "restricted_action_thread_locked" => Self::ChannelGone { code },
            "ratelimited" | "rate_limited" => Self::RateLimited {
                retry_after: DEFAULT_RETRY_AFTER,
            },
            "internal_error"
            | "fatal_error"
            | "service_unavailable"
            | "request_timeout"
            | "update_failed"
            | "accesslimited"
            | "team_added_to_org" => Self::Unavailable {
                source: Fault::Code(code),
            },
            _ => Self::Rejected { code },
        }
    }
}

impl From<SlackClientError> for SlackError {
    fn from(error: SlackClientError) -> Self {
        let connection = |cause| Self::Unavailable {
            source: Fault::Connection(cause),
        };
        match error {
            SlackClientError::ApiError(error) => Self::from_code(plain_code(error.code)),
            SlackClientError::RateLimitError(error) => Self::RateLimited {
                retry_after: error.retry_after.unwrap_or(DEFAULT_RETRY_AFTER),
            },
            SlackClientError::HttpError(error) => match error.status_code.as_u16() {
                status @ (408 | 500..) => Self::Unavailable {
                    source: Fault::Status(status),
                },
                status @ 400..500 => Self::Rejected {
                    code: format!("http_{status}"),
                },
                _ => Self::Protocol {
                    what: "a redirect or another status without meaning here",
                },
            },
            SlackClientError::ProtocolError(_) => Self::Protocol {
                what: "not the json the method documents",
            },
            SlackClientError::HttpProtocolError(error) => connection(error.cause),
            SlackClientError::SystemError(error) => connection(error.cause),
            SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
                connection(None)
            }
        }
    }
}

/// Slack's codes are short words; anything else would carry somebody's text into logs and the database.
pub(super) fn plain_code(code: String) -> String {
    let is_plain = !code.is_empty()
        && code.len() <= 64
        && code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain {
        code
    } else {
        "unreadable_code".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_they_ask_of_us() {
        let sorted = |code: &str| SlackError::from_code(plain_code(code.to_owned()));
        assert!(matches!(sorted("token_revoked"), SlackError::Revoked { code } if code == "token_revoked"));
        assert!(matches!(sorted("token_expired"), SlackError::Expired));
        assert!(matches!(sorted("is_archived"), SlackError::ChannelGone { .. }));
        assert!(matches!(sorted("ratelimited"), SlackError::RateLimited { .. }));
        assert!(matches!(sorted("internal_error"), SlackError::Unavailable { .. }));
        assert!(matches!(sorted("no_text"), SlackError::Rejected { .. }));
        assert!(
            matches!(sorted("Bob said: hi"), SlackError::Rejected { code } if code == "unreadable_code"),
            "text never becomes a code"
        );
    }

    #[test]
    fn an_error_says_nothing_of_a_response_body() {
        let body = "<html>xoxb-secret and what Bob wrote</html>";
        let json_error = serde_json::from_str::<bool>("\"what Bob wrote\"").expect_err("no bool");
        let errors = [
            slack_morphism::errors::map_serde_error(json_error, Some(body)),
            SlackClientError::ApiError(
                slack_morphism::errors::SlackClientApiError::new(body.to_owned())
                    .with_http_response_body(body.to_owned()),
            ),
        ];
        for error in errors {
            let error = SlackError::from(error);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("Bob") && !shown.contains("xoxb"), "{shown}");
        }
    }
}
