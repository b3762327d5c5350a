//! Slack: the Web API, the Events API, and a fake of Slack for tests and the local stack.
//!
//! A new call goes into [`api`] (with its errors mapped there), a new event into `event`; the fake learns both.

pub mod api;
mod connector;
pub mod event;
#[cfg(feature = "test-support")]
pub mod fake;
#[cfg(all(test, feature = "test-support"))]
mod tests;

pub use self::connector::{SCOPES, Slack, SlackCredentials, SlackInput};

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

