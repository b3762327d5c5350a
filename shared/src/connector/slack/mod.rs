//! Slack: the Web API, the Events API, and a fake of Slack for tests and the local stack.
//!
//! A new call goes into [`api`] (with its errors mapped there), a new event into `event`; the fake learns both.

pub mod api;
pub mod event;
#[cfg(feature = "test-support")]
pub mod fake;

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::contract::{self, Account, Capability, Checked, Connection, Connector, ConnectorError, Descriptor, Earlier, Linked, Method, Parts, Returned,
    SetupError, Start, Started,
};
use crate::config::Env;

/// The connector.
#[derive(Debug)]
pub struct Slack;

const NOT_SET_UP: ConnectorError = ConnectorError::NotSetUp {
    what: "the Slack app has no client id",
};

#[async_trait]
impl Connector for Slack {
    type Input = serde::de::IgnoredAny;
    type Credentials = SlackCredentials;

    fn configure(_env: &mut Env, _parts: &Parts) -> Result<Self, SetupError> {
        Ok(Self)
    }

    fn descriptor(&self) -> &'static Descriptor {
        &Descriptor {
            name: "Slack",
            description: "Ask questions and get answers in Slack.",
            method: Method::OAuth,
            capabilities: &[Capability::Conversations],
            ways: &[],
            code_field: None,
            documentation: "https://docs.slack.dev/authentication/installing-with-oauth",
        }
    }

    async fn initiate(&self, _start: Start<'_>) -> Result<Started, ConnectorError> {
        Err(NOT_SET_UP)
    }

    async fn complete(
        &self,
        _connection: Connection<'_>,
        _returned: Returned<'_>,
        _input: Self::Input,
    ) -> Result<Linked<SlackCredentials>, ConnectorError> {
        Err(NOT_SET_UP)
    }

    /// The texts of that system: `access_token` (blank, nobody was asked for user scopes), `bot_access_token`,
    /// `bot_user_id`, `team_id`, `team_name`, `user_id` and `scope`.
    fn adopt(&self, earlier: Earlier<'_>) -> Result<Linked<SlackCredentials>, ConnectorError> {
        let team = earlier.word("team_id")?;
        Ok(Linked {
            credentials: SlackCredentials {
                bot_token: earlier.text("bot_access_token")?.clone(),
            },
            account: Account {
                name: earlier.word("team_name").unwrap_or_else(|_| team.clone()),
                external_id: Some(team.clone()),
                id: team,
                bot_id: Some(earlier.word("bot_user_id")?),
                user_id: earlier.word("user_id").ok(),
                metadata: BTreeMap::new(),
            },
            expires_at: earlier.expires_at,
            installed_at: earlier.installed_at,
        })
    }

    async fn validate(
        &self,
        _connection: Connection<'_>,
        _credentials: &SlackCredentials,
    ) -> Result<Checked, ConnectorError> {
        Err(NOT_SET_UP)
    }

    async fn revoke(
        &self,
        _connection: Connection<'_>,
        _credentials: &SlackCredentials,
    ) -> Result<(), ConnectorError> {
        Err(NOT_SET_UP)
    }
}

/// What the vault keeps for a Slack integration.
///
/// Field names are a stored format: add, never rename.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlackCredentials {
    /// The bot token of the installation, `xoxb-…`.
    #[serde(serialize_with = "contract::exposed")]
    pub bot_token: SecretString,
}

/// Where something is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The channel, `C…`, `G…` or `D…`.
    pub channel: String,
    /// The thread's first message; absent for the top level of a direct message.
    pub thread_ts: Option<String>,
}

/// What is posted as one Slack message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The text of Slack's `markdown` block: standard Markdown, at most
    /// [`MARKDOWN_LIMIT`](crate::conversation::answer::MARKDOWN_LIMIT) characters.
    pub markdown: String,
    /// What notifications and screen readers get: plain text in Slack's escaping (`&amp;`, `&lt;`, `&gt;`).
    pub fallback: String,
}

impl Page {
    /// Puts a line above all else. The limits leave room for a short one.
    pub fn prepend(&mut self, line: &str) {
        self.markdown.insert_str(0, &format!("{line}\n\n"));
        self.fallback.insert_str(0, &format!("{line}\n"));
    }
}

/// Escapes the three characters that mean something in Slack's `text`.
/// Source: "Escaping text" in <https://docs.slack.dev/messaging/formatting-message-text>.
///
/// The result has at most `limit` characters; text that is cut ends with an ellipsis, and never inside an escape.
#[must_use]
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len().min(limit));
    let mut used = 0;
    let mut fits = 0; // where the text is cut if the rest does not fit: one place is kept for the ellipsis
    for c in text.chars() {
        let (written, cost) = match c {
            '&' => ("&amp;", 5),
            '<' => ("&lt;", 4),
            '>' => ("&gt;", 4),
            _ => ("", 1),
        };
        if used + cost > limit {
            escaped.truncate(fits);
            if limit > 0 {
                escaped.push('…');
            }
            return escaped;
        }
        if written.is_empty() {
            escaped.push(c);
        } else {
            escaped.push_str(written);
        }
        used += cost;
        if used < limit {
            fits = escaped.len();
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_read_back_and_do_not_show_the_token() {
        let credentials: SlackCredentials =
            serde_json::from_str(r#"{"bot_token":"xoxb-1"}"#).expect("a stored form");
        assert!(!format!("{credentials:?}").contains("xoxb"));
        let stored = serde_json::to_string(&credentials).expect("serializable");
        assert_eq!(stored, r#"{"bot_token":"xoxb-1"}"#);
    }

    #[test]
    fn text_is_escaped_and_cut_outside_of_escapes() {
        assert_eq!(escape("a < b && c", 100), "a &lt; b &amp;&amp; c");
        assert_eq!(escape("abc", 3), "abc");
        assert_eq!(escape("abcd", 3), "ab…");
        assert_eq!(escape("ab&", 6), "ab…");
        assert_eq!(escape("ab&", 7), "ab&amp;");
    }

    proptest! {
        #[test]
        fn an_escaped_text_keeps_its_limit_and_holds_no_markup(text in r"[a<>&é]{0,40}", limit in 0_usize..60) {
            let escaped = escape(&text, limit);
            prop_assert!(escaped.chars().count() <= limit);
            prop_assert!(!escaped.contains(['<', '>']));
            let plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "\0");
            prop_assert!(!plain.contains('&'), "{escaped}");
        }
    }
}
