//! The few calls of Slack's Web API that we make.
//!
//! slack-morphism does the calling. Its errors carry response bodies, which may hold what people wrote, so they end
//! here: [`SlackError`] is made from their variants and never from their text.

mod error;
pub(super) mod oauth;
mod wire;

use std::{collections::VecDeque, fmt, future::Future, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use slack_morphism::{
    ClientResult, SlackApiToken, SlackApiTokenValue, SlackClient,
    hyper_tokio::{SlackClientHyperConnector, SlackClientHyperHttpsConnector},
};

pub use self::error::{Fault, SlackError};
use self::wire::{Done, Messages, PostRequest, Posted, UpdateRequest, UserInfo, WireMessage};
use super::{Page, Place, escape};
use crate::http::client::{UrlError, check_base_url, connector};

/// Slack's own Web API.
pub const SLACK_API_URL: &str = "https://slack.com/api";

/// How long one call may take, from connecting to the last byte, unless [`SlackApi::with_timeout`] says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// `event_type` of the metadata on what we post; the step key is in its payload.
///
/// The key cannot be a `block_id`: Slack drops those of `markdown` blocks.
/// Source: <https://docs.slack.dev/reference/block-kit/blocks/markdown-block>.
pub const METADATA_EVENT_TYPE: &str = "infragpt_answer";

/// Messages per page when reading. Slack recommends at most 200, and gives some apps fewer than they ask for.
const READ_PAGE: usize = 200;

/// Pages read at most in one go: more would mean a thread that is no conversation any more.
const READ_PAGES: usize = 10;

/// Slack cuts `text` at 40 000 characters.
/// Source: <https://docs.slack.dev/reference/methods/chat.postMessage>.
const TEXT_LIMIT: usize = 39_000;

/// A message of a thread, as Slack returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadMessage {
    /// The message's timestamp, which is its id in the channel.
    pub ts: String,
    /// Who wrote it; for an app's message the app's bot user, where it has one.
    pub user: Option<String>,
    /// The app that wrote it, by the id of its bot.
    pub bot_id: Option<String>,
    /// The app that wrote it, by the id of the app.
    pub app_id: Option<String>,
    /// What was said, as Slack wrote it (mrkdwn, entities escaped), with attachments and file names below it.
    pub text: String,
}

/// Who a token speaks as.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The workspace.
    pub team_id: String,
    /// Our bot's user id there.
    pub user_id: String,
    /// Our bot's id there.
    pub bot_id: Option<String>,
    /// The Enterprise Grid organization.
    pub enterprise_id: Option<String>,
}

/// A client of the Web API; cheap to clone, shares its connections.
#[derive(Clone)]
pub struct SlackApi {
    client: SlackClient<SlackClientHyperHttpsConnector>,
    timeout: Duration,
}

impl fmt::Debug for SlackApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlackApi")
    }
}

impl SlackApi {
    /// A client for the Web API at `base_url`: [`SLACK_API_URL`], or a fake's address. Connects when first used.
    ///
    /// # Errors
    /// When the URL is none, or would send tokens over a network unencrypted.
    pub fn new(base_url: &str) -> Result<Self, UrlError> {
        check_base_url(base_url)?;
        let connector = SlackClientHyperConnector::with_connector(connector()?)
            .with_slack_api_url(base_url.trim_end_matches('/'));
        Ok(Self {
            client: SlackClient::new(connector),
            timeout: CALL_TIMEOUT,
        })
    }

    /// The same client, with another limit of time for each call.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Posts one page and returns its timestamp. `key` (≤ 255 characters) finds it again with
    /// [`find_posted`](Self::find_posted).
    ///
    /// Links and media are not unfurled: an unfurl would fetch a URL that the answer made up.
    ///
    /// # Errors
    /// [`SlackError::Unavailable`] and [`SlackError::Protocol`] leave open whether it was posted.
    pub async fn post(
        &self,
        token: &SecretString,
        place: &Place,
        page: &Page,
        key: &str,
    ) -> Result<String, SlackError> {
        let rich = PostRequest::new(place, key, page.fallback.clone(), Some(&page.markdown));
        match self.post_once(token, &rich).await {
            Err(error) if is_about_blocks(&error) => {
                let plain = PostRequest::new(place, key, escape(&page.markdown, TEXT_LIMIT), None);
                self.post_once(token, &plain).await
            }
            result => result,
        }
    }

    async fn post_once(&self, token: &SecretString, request: &PostRequest<'_>) -> Result<String, SlackError> {
        let posted: Posted = self.write("chat.postMessage", token, request).await?;
        Ok(posted.ts)
    }

    /// Puts a page in the place of what was posted before, under the same key. That it was put there already is fine.
    ///
    /// # Errors
    /// Any; [`SlackError::Rejected`] with `message_not_found` when somebody has deleted the message.
    pub async fn update(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        page: &Page,
        key: &str,
    ) -> Result<(), SlackError> {
        let rich = UpdateRequest::new(channel, ts, key, page.fallback.clone(), Some(&page.markdown));
        let result: Result<Done, _> = self.write("chat.update", token, &rich).await;
        let Done {} = match result {
            Err(error) if is_about_blocks(&error) => {
                let text = escape(&page.markdown, TEXT_LIMIT);
                let plain = UpdateRequest::new(channel, ts, key, text, None);
                self.write("chat.update", token, &plain).await?
            }
            result => result?,
        };
        Ok(())
    }

    /// The timestamp of what was posted under `key` at a place, not earlier than `since_ts`.
    ///
    /// # Errors
    /// Also when the answer is not certain, because there is more to read than one would: never post on an error.
    pub async fn find_posted(
        &self,
        token: &SecretString,
        place: &Place,
        since_ts: &str,
        key: &str,
    ) -> Result<Option<String>, SlackError> {
        let range = [
            ("oldest", since_ts),
            ("inclusive", "true"),
            ("include_all_metadata", "true"),
        ];
        let mut found = None;
        let end = self
            .messages(token, place, &range, |message| {
                if message.step_key() == Some(key) {
                    found = Some(message.ts);
                }
                found.is_none()
            })
            .await?;
        match (found, end) {
            (None, ReadEnd::MoreToRead) => Err(SlackError::Protocol {
                what: "more messages than can be searched",
            }),
            (found, _) => Ok(found),
        }
    }

    /// What was said in a thread before `before_ts`: the first message and the last `limit - 1` others, oldest first.
    /// Of a thread with more messages than can be read in one go, the later ones are missing.
    ///
    /// # Errors
    /// Any; [`SlackError::ChannelGone`] when the thread's channel is not ours to read.
    pub async fn thread(
        &self,
        token: &SecretString,
        channel: &str,
        thread_ts: &str,
        before_ts: &str,
        limit: usize,
    ) -> Result<Vec<ThreadMessage>, SlackError> {
        let place = Place {
            channel: channel.to_owned(),
            thread_ts: Some(thread_ts.to_owned()),
        };
        let mut first = None;
        let mut latest = VecDeque::new();
        self.messages(token, &place, &[("latest", before_ts)], |message| {
            if message.ts == thread_ts {
                // Slack may repeat the first message on every page.
                first = Some(ThreadMessage::from(message));
            } else if message.ts.as_str() < before_ts {
                latest.push_back(ThreadMessage::from(message));
                if latest.len() + 1 > limit {
                    latest.pop_front();
                }
            }
            true
        })
        .await?;
        let first = first.filter(|first| first.ts.as_str() < before_ts && limit > 0);
        Ok(first.into_iter().chain(latest).collect())
    }

    /// Adds a reaction; one that is there already is fine.
    ///
    /// # Errors
    /// Any; none of them is worth failing an answer for.
    pub async fn add_reaction(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        name: &str,
    ) -> Result<(), SlackError> {
        self.react("reactions.add", token, channel, ts, name).await
    }

    /// Takes our reaction away; one that is not there is fine.
    ///
    /// # Errors
    /// Any; none of them is worth failing an answer for.
    pub async fn remove_reaction(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        name: &str,
    ) -> Result<(), SlackError> {
        self.react("reactions.remove", token, channel, ts, name).await
    }

    async fn react(
        &self,
        method: &'static str,
        token: &SecretString,
        channel: &str,
        timestamp: &str,
        name: &str,
    ) -> Result<(), SlackError> {
        #[derive(Serialize)]
        struct Reaction<'a> {
            channel: &'a str,
            timestamp: &'a str,
            name: &'a str,
        }
        let request = Reaction {
            channel,
            timestamp,
            name,
        };
        let Done {} = match self.write(method, token, &request).await {
            Err(SlackError::Rejected { code })
                if matches!(code.as_str(), "already_reacted" | "no_reaction") =>
            {
                Done {}
            }
            other => other?,
        };
        Ok(())
    }

    /// What people call a user: display name, else real name, else account name. `None` for a user that the
    /// workspace does not know or show.
    ///
    /// # Errors
    /// Any other than that; a name is not worth failing an answer for.
    pub async fn user_name(&self, token: &SecretString, user: &str) -> Result<Option<String>, SlackError> {
        let params = vec![("user", user.to_owned())];
        match self.read::<UserInfo>("users.info", token, params).await {
            Ok(info) => Ok(info.user.into_name()),
            Err(SlackError::Rejected { code })
                if matches!(code.as_str(), "user_not_found" | "user_not_visible") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Who the token speaks as.
    ///
    /// # Errors
    /// [`SlackError::Revoked`] when it does not speak for anybody any more.
    pub async fn auth_test(&self, token: &SecretString) -> Result<Identity, SlackError> {
        #[derive(Serialize)]
        struct Nothing {}
        self.write("auth.test", token, &Nothing {}).await
    }

    /// Hands the messages of a place to `each` until that says `false`: a thread's oldest first, the top level's
    /// newest first, as Slack pages them.
    async fn messages(
        &self,
        token: &SecretString,
        place: &Place,
        range: &[(&'static str, &str)],
        mut each: impl FnMut(WireMessage) -> bool + Send,
    ) -> Result<ReadEnd, SlackError> {
        let method = match &place.thread_ts {
            Some(_) => "conversations.replies",
            None => "conversations.history",
        };
        let mut cursor = None;
        for _ in 0..READ_PAGES {
            let mut params = vec![
                ("channel", place.channel.clone()),
                ("limit", READ_PAGE.to_string()),
            ];
            params.extend(place.thread_ts.iter().map(|ts| ("ts", ts.clone())));
            params.extend(range.iter().map(|(name, value)| (*name, (*value).to_owned())));
            params.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page: Messages = self.read(method, token, params).await?;
            for message in page.messages {
                if !each(message) {
                    return Ok(ReadEnd::AllWanted);
                }
            }
            cursor = page
                .response_metadata
                .and_then(|metadata| metadata.next_cursor)
                .filter(|cursor| !cursor.is_empty());
            if cursor.is_none() {
                return Ok(ReadEnd::AllWanted);
            }
        }
        Ok(ReadEnd::MoreToRead)
    }

    /// A call that changes nothing. A connection that died while the sandbox was frozen breaks at its first use, so
    /// that is tried once more.
    async fn read<T: DeserializeOwned + Send>(
        &self,
        method: &'static str,
        token: &SecretString,
        params: Vec<(&'static str, String)>,
    ) -> Result<T, SlackError> {
        let params: Vec<_> = params
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect();
        let token = api_token(token);
        let session = self.client.open_session(&token).http_session_api;
        let call = || timed(method, self.timeout, session.http_get(method, &params, None));
        match call().await {
            Err(SlackError::Unavailable {
                source: Fault::Connection(_),
            }) => call().await,
            other => other,
        }
    }

    /// A call that changes something; never repeated here.
    async fn write<Q: Serialize + Send + Sync, T: DeserializeOwned + Send>(
        &self,
        method: &'static str,
        token: &SecretString,
        request: &Q,
    ) -> Result<T, SlackError> {
        let token = api_token(token);
        let session = self.client.open_session(&token).http_session_api;
        timed(method, self.timeout, session.http_post(method, request, None)).await
    }
}

/// Slack translates Markdown into blocks of its own and refuses the result when it grows too large
/// (`msg_blocks_too_long`, seen from about 13 000 characters on). What is said is worth more than its looks.
fn is_about_blocks(error: &SlackError) -> bool {
    matches!(
        error.code(),
        Some("invalid_blocks" | "invalid_blocks_format" | "msg_blocks_too_long")
    )
}

fn api_token(token: &SecretString) -> SlackApiToken {
    SlackApiToken::new(SlackApiTokenValue(token.expose_secret().to_owned()))
}

/// One call: its span and its time limit.
#[tracing::instrument(name = "slack.call", skip_all, fields(slack.method = method))]
async fn timed<T>(
    method: &'static str,
    timeout: Duration,
    call: impl Future<Output = ClientResult<T>> + Send,
) -> Result<T, SlackError> {
    let answer = tokio::time::timeout(timeout, call).await;
    Ok(answer.map_err(|_| SlackError::Unavailable {
        source: Fault::TimedOut,
    })??)
}

/// How reading ended.
enum ReadEnd {
    /// Nothing is left, or the reader had enough.
    AllWanted,
    /// The bound on pages was reached before.
    MoreToRead,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_only_leave_the_machine_encrypted() {
        assert!(SlackApi::new(SLACK_API_URL).is_ok());
        assert!(SlackApi::new("http://127.0.0.1:8080/api/").is_ok());
        assert!(SlackApi::new("http://[::1]:8080/api").is_ok());
        for (url, error) in [
            ("http://slack.com/api", UrlError::NotEncrypted),
            ("http://127.0.0.1.evil.example/api", UrlError::NotEncrypted),
            ("ftp://127.0.0.1/api", UrlError::Malformed),
            ("slack.com/api", UrlError::Malformed),
            ("", UrlError::Malformed),
        ] {
            assert_eq!(SlackApi::new(url).map(|_| ()), Err(error), "{url}");
        }
    }
}
