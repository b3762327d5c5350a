//! Slack's Events API in our words.
//!
//! Parsed by our own structs, which take what they use and nothing else: Slack adds fields and kinds at any time, and
//! leaves out `team_id` where an installation is org-wide. What we do not use is [`SlackEvent::Ignored`], never an
//! error. Field meanings: <https://docs.slack.dev/apis/events-api/#callback-field> and
//! <https://docs.slack.dev/reference/events/message>.
//!
//! To use one more kind, give it an arm in `parse` and a wire struct with the fields it needs.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    clock::Timestamp,
    json::{self, JsonError, NOT_FOR_QUEUES, Text, cut},
    task::{SlackFile, SlackLifecycle, SlackLifecycleChange, SlackMessage, SlackMessageKind},
};

/// Slack's own limit is 40 000 characters; attachments come on top. In bytes.
pub const MAX_TEXT_BYTES: usize = 200_000;
/// How much of a text file's beginning is taken along, in bytes.
pub const MAX_PREVIEW_BYTES: usize = 8_000;
/// Slack takes ten files a message from people; apps may send more.
pub const MAX_FILES: usize = 50;
/// What Slack writes as the fallback of an attachment that has none.
const NO_PREVIEW: &str = "[no preview available]";
/// Slack's own account; its reminders and notices are not questions.
const SLACKBOT: &str = "USLACKBOT";

/// What a delivery of the Events API says.
#[derive(Debug)]
pub enum SlackEvent {
    /// Slack asks whether this address is ours; the answer is the challenge.
    UrlVerification {
        /// To be sent back as it is.
        challenge: String,
    },
    /// Somebody said something that may be for us.
    Said {
        /// What was said.
        message: SlackMessage,
        /// The event around it.
        envelope: EventEnvelope,
    },
    /// Our app was removed, or tokens were revoked.
    InstallationChanged {
        /// What changed.
        lifecycle: SlackLifecycle,
        /// The event around it.
        envelope: EventEnvelope,
    },
    /// Slack holds back events of a workspace because there are too many of them.
    RateLimited {
        /// The workspace.
        team_id: Option<String>,
    },
    /// Nothing that we use.
    Ignored {
        /// Slack's name of its kind, with the subtype behind a dot.
        kind: String,
        /// Why it is not used.
        reason: &'static str,
    },
}

/// What every event that we use has around it.
#[derive(Debug)]
pub struct EventEnvelope {
    /// Slack's id of the event; the same when it is sent again.
    pub event_id: String,
    /// The inner event as it came, byte by byte. The outer one is left behind: it holds a verification token.
    /// Absent for the rare one with characters that no queue takes.
    pub raw: Option<Box<RawValue>>,
}

/// Why a delivery that Slack signed is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackEventError {
    /// Not the JSON it should be.
    #[error(transparent)]
    Payload(#[from] JsonError),
    /// Meant for another app, or for none that it names.
    #[error("the event is for another app")]
    OtherApp,
}

/// Reads a delivery for the app `app_id`.
///
/// # Errors
/// [`SlackEventError`].
pub fn parse(body: &[u8], app_id: &str) -> Result<SlackEvent, SlackEventError> {
    let outer: Outer<'_> = json::read(body)?;
    match &*outer.kind.0 {
        "url_verification" => {
            let challenge = outer.challenge.ok_or_else(|| missing("challenge"))?;
            return Ok(SlackEvent::UrlVerification {
                challenge: challenge.0.into_owned(),
            });
        }
        "event_callback" | "app_rate_limited" => {}
        kind => return Ok(ignored(kind, "not a kind we use")),
    }
    if outer.api_app_id.as_deref() != Some(app_id) {
        return Err(SlackEventError::OtherApp);
    }
    if &*outer.kind.0 == "app_rate_limited" {
        return Ok(SlackEvent::RateLimited {
            team_id: optional_id("team_id", outer.team_id.as_ref())?,
        });
    }

    let raw = outer.event.ok_or_else(|| missing("event"))?;
    let Peek { kind } = within_event(json::read_part(raw.get()))?;
    match &*kind.0 {
        "app_mention" | "message" => Ok(said(&outer, &within_event(json::read_part(raw.get()))?, app_id)?),
        "app_uninstalled" | "tokens_revoked" => {
            Ok(installation_changed(&outer, within_event(json::read_part(raw.get()))?)?)
        }
        kind => Ok(ignored(kind, "not a kind we use")),
    }
}

fn said(outer: &Outer<'_>, event: &Message<'_>, app_id: &str) -> Result<SlackEvent, JsonError> {
    let bot_user_id = outer.bot_user_id();
    let subtype = event.subtype.as_deref();
    let kind = || match subtype {
        Some(subtype) => format!("{}.{subtype}", event.kind.0),
        None => event.kind.0.to_string(),
    };

    // Everything else is about a message (edited, deleted) or a channel (joined, renamed), not a message.
    if !matches!(
        subtype,
        None | Some("file_share" | "thread_broadcast" | "me_message" | "bot_message")
    ) {
        return Ok(ignored(&kind(), "not a kind of message we use"));
    }
    let from_our_app = [
        event.app_id.as_deref(),
        event
            .bot_profile
            .as_ref()
            .and_then(|profile| profile.app_id.as_deref()),
    ]
    .contains(&Some(app_id));
    let user = event.user.as_deref();
    if from_our_app || (user.is_some() && user == bot_user_id) {
        return Ok(ignored(&kind(), "our own message"));
    }
    let mentioned = &*event.kind.0 == "app_mention"
        || bot_user_id.is_some_and(|bot| mentions(event.text.as_deref().unwrap_or_default(), bot));
    let from_a_bot = event.bot_id.is_some() || subtype == Some("bot_message") || user == Some(SLACKBOT);
    if !mentioned && (from_a_bot || user.is_none()) {
        return Ok(ignored(&kind(), "another bot's message without a mention"));
    }

    let text = text(event.text.as_ref(), event.attachments.as_deref().unwrap_or_default());
    let files = files(event.files.as_deref().unwrap_or_default());
    if text.is_empty() && files.is_empty() {
        return Ok(ignored(&kind(), "nothing was said"));
    }

    let channel = required_id("event.channel", event.channel.as_ref())?;
    let ts = timestamp("event.ts", event.ts.as_ref())?.ok_or_else(|| missing("event.ts"))?;
    // The first message of a thread names itself once it has replies; it stands at the top level all the same.
    let thread_ts = timestamp("event.thread_ts", event.thread_ts.as_ref())?.filter(|thread| *thread != ts);
    let installation = outer.installation(event.team.as_ref())?;
    Ok(SlackEvent::Said {
        message: SlackMessage {
            kind: kind_of(&channel, event.channel_type.as_deref(), mentioned, thread_ts.is_some()),
            team_id: installation.team_id,
            enterprise_id: installation.enterprise_id,
            is_enterprise_install: installation.is_enterprise_install,
            channel,
            channel_type: optional_id("event.channel_type", event.channel_type.as_ref())?,
            user: optional_id("event.user", event.user.as_ref())?,
            bot_id: optional_id("event.bot_id", event.bot_id.as_ref())?,
            bot_user_id: bot_user_id
                .map(|id| checked_id("authorizations[0].user_id", id))
                .transpose()?,
            ts,
            thread_ts,
            text,
            files,
        },
        envelope: outer.envelope()?,
    })
}

/// A direct message is one whatever it says; the `app_mention` and the `message` of one post get the same kind.
fn kind_of(channel: &str, channel_type: Option<&str>, mentioned: bool, in_thread: bool) -> SlackMessageKind {
    // `app_mention` has no channel type, and what is said in the app's own tab has one of its own.
    if channel.starts_with('D') || channel_type == Some("im") {
        SlackMessageKind::DirectMessage
    } else if mentioned {
        SlackMessageKind::Mention
    } else if in_thread {
        SlackMessageKind::ThreadReply
    } else {
        SlackMessageKind::ChannelMessage
    }
}

fn installation_changed(outer: &Outer<'_>, event: Lifecycle<'_>) -> Result<SlackEvent, JsonError> {
    let change = if &*event.kind.0 == "app_uninstalled" {
        SlackLifecycleChange::Uninstalled
    } else {
        let tokens = event.tokens.unwrap_or_default();
        let ids = |path: &'static str, ids: Option<Vec<Text<'_>>>| {
            ids.unwrap_or_default()
                .iter()
                .map(|id| checked_id(path, &id.0))
                .collect::<Result<Vec<_>, _>>()
        };
        SlackLifecycleChange::TokensRevoked {
            users: ids("event.tokens.oauth", tokens.oauth)?,
            bots: ids("event.tokens.bot", tokens.bot)?,
        }
    };
    let installation = outer.installation(None)?;
    let event_time = outer
        .event_time
        .and_then(|seconds| Timestamp::from_timestamp(seconds, 0))
        .ok_or_else(|| JsonError::at("event_time", "is not a time"))?;
    Ok(SlackEvent::InstallationChanged {
        lifecycle: SlackLifecycle {
            change,
            // An org-wide installation goes as a whole; the workspace only says where.
            team_id: installation
                .team_id
                .filter(|_| !(installation.is_enterprise_install && installation.enterprise_id.is_some())),
            enterprise_id: installation.enterprise_id,
            event_time,
        },
        envelope: outer.envelope()?,
    })
}

/// Whether `text` names `user`, as `<@U1>` or `<@U1|name>`.
fn mentions(text: &str, user: &str) -> bool {
    text.match_indices("<@").any(|(at, _)| {
        text[at + 2..]
            .strip_prefix(user)
            .is_some_and(|rest| rest.starts_with(['>', '|']))
    })
}

/// What was said, and below it the attachments, one a line: `title (link): text`.
fn text(said: Option<&Text<'_>>, attachments: &[Attachment<'_>]) -> String {
    let mut whole = said.map(Text::clean).unwrap_or_default();
    for attachment in attachments {
        let part = |text: &Option<Text<'_>>| {
            text.as_ref()
                .map(Text::clean)
                .filter(|text| !text.trim().is_empty() && text != NO_PREVIEW)
        };
        let title = part(&attachment.title);
        let link = part(&attachment.title_link).or_else(|| part(&attachment.from_url));
        let body = part(&attachment.text).or_else(|| part(&attachment.fallback));
        let head = match (title, link) {
            (Some(title), Some(link)) => Some(format!("{title} ({link})")),
            (title, link) => title.or(link),
        };
        let parts: Vec<_> = head.into_iter().chain(body).collect();
        if parts.is_empty() {
            continue;
        }
        if !whole.is_empty() {
            whole.push('\n');
        }
        whole.push_str(&parts.join(": "));
    }
    cut(&mut whole, MAX_TEXT_BYTES);
    if whole.trim().is_empty() { String::new() } else { whole }
}

fn files(files: &[File<'_>]) -> Vec<SlackFile> {
    let some = |text: &Option<Text<'_>>| text.as_ref().map(Text::clean).filter(|text| !text.is_empty());
    files
        .iter()
        .take(MAX_FILES)
        .filter_map(|file| {
            let id = some(&file.id)?;
            let mut preview = some(&file.preview);
            if let Some(preview) = &mut preview {
                cut(preview, MAX_PREVIEW_BYTES);
            }
            Some(SlackFile {
                name: some(&file.title)
                    .or_else(|| some(&file.name))
                    .unwrap_or_else(|| id.clone()),
                id,
                mimetype: some(&file.mimetype),
                preview,
            })
        })
        .collect()
}

fn ignored(kind: &str, reason: &'static str) -> SlackEvent {
    let mut kind = kind.to_owned();
    cut(&mut kind, 100);
    SlackEvent::Ignored { kind, reason }
}

fn missing(path: &str) -> JsonError {
    JsonError::at(path, "is missing")
}

/// A path inside the inner event is told from outside.
fn within_event<T>(read: Result<T, JsonError>) -> Result<T, JsonError> {
    read.map_err(|error| match error {
        JsonError::Shape { path, problem } => JsonError::at(format!("event.{path}"), problem),
        other => other,
    })
}

/// Slack's ids are short and plain. They become names of message groups and of ledger entries, so they must be.
fn checked_id(path: &str, id: &str) -> Result<String, JsonError> {
    let plain =
        (1..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    plain
        .then(|| id.to_owned())
        .ok_or_else(|| JsonError::at(path, "is not an id"))
}

fn optional_id(path: &str, id: Option<&Text<'_>>) -> Result<Option<String>, JsonError> {
    id.filter(|id| !id.0.is_empty())
        .map(|id| checked_id(path, &id.0))
        .transpose()
}

fn required_id(path: &str, id: Option<&Text<'_>>) -> Result<String, JsonError> {
    optional_id(path, id)?.ok_or_else(|| missing(path))
}

/// `1355517523.000005`: the name of a message in its channel.
fn timestamp(path: &str, ts: Option<&Text<'_>>) -> Result<Option<String>, JsonError> {
    let Some(ts) = ts.filter(|ts| !ts.0.is_empty()) else {
        return Ok(None);
    };
    let digits = |text: &str| (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    ts.0.split_once('.')
        .filter(|(seconds, order)| digits(seconds) && digits(order))
        .map(|_| Some(ts.0.to_string()))
        .ok_or_else(|| JsonError::at(path, "is not a message timestamp"))
}

/// Which installation an event is for.
struct Installation {
    team_id: Option<String>,
    enterprise_id: Option<String>,
    is_enterprise_install: bool,
}

impl Outer<'_> {
    fn authorization(&self) -> Option<&Authorization<'_>> {
        self.authorizations.as_deref()?.first()
    }

    /// Our user in the workspace: Slack lists one authorization, and for our app it is the bot's.
    fn bot_user_id(&self) -> Option<&str> {
        let bot = self
            .authorizations
            .as_deref()?
            .iter()
            .find(|authorization| authorization.is_bot == Some(true))?;
        bot.user_id.as_deref().filter(|id| !id.is_empty())
    }

    /// In a shared channel `team_id` may be the other company's workspace: the authorization decides, then the
    /// context. An org-wide authorization names no workspace; then it is the one where it happened.
    fn installation(&self, event_team: Option<&Text<'_>>) -> Result<Installation, JsonError> {
        let authorization = self.authorization();
        let team = [
            (
                "authorizations[0].team_id",
                authorization.and_then(|it| it.team_id.as_ref()),
            ),
            ("context_team_id", self.context_team_id.as_ref()),
            ("team_id", self.team_id.as_ref()),
            ("event.team", event_team),
        ];
        let enterprise = [
            (
                "authorizations[0].enterprise_id",
                authorization.and_then(|it| it.enterprise_id.as_ref()),
            ),
            ("context_enterprise_id", self.context_enterprise_id.as_ref()),
            ("enterprise_id", self.enterprise_id.as_ref()),
        ];
        let first = |ids: &[(&str, Option<&Text<'_>>)]| {
            ids.iter()
                .find_map(|(path, id)| optional_id(path, *id).transpose())
                .transpose()
        };
        let (team_id, enterprise_id) = (first(&team)?, first(&enterprise)?);
        if team_id.is_none() && enterprise_id.is_none() {
            return Err(missing("team_id"));
        }
        Ok(Installation {
            is_enterprise_install: authorization
                .and_then(|it| it.is_enterprise_install)
                .or(self.is_enterprise_install)
                .unwrap_or(team_id.is_none()),
            team_id,
            enterprise_id,
        })
    }

    fn envelope(&self) -> Result<EventEnvelope, JsonError> {
        Ok(EventEnvelope {
            event_id: required_id("event_id", self.event_id.as_ref())?,
            raw: self
                .event
                .filter(|raw| !raw.get().contains(NOT_FOR_QUEUES))
                .map(RawValue::to_owned),
        })
    }
}

/// What surrounds an event.
#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    challenge: Option<Text<'a>>,
    api_app_id: Option<Text<'a>>,
    team_id: Option<Text<'a>>,
    enterprise_id: Option<Text<'a>>,
    context_team_id: Option<Text<'a>>,
    context_enterprise_id: Option<Text<'a>>,
    is_enterprise_install: Option<bool>,
    authorizations: Option<Vec<Authorization<'a>>>,
    event_id: Option<Text<'a>>,
    event_time: Option<i64>,
    event: Option<&'a RawValue>,
}

/// On whose behalf we are told.
#[derive(Deserialize)]
struct Authorization<'a> {
    #[serde(borrow)]
    team_id: Option<Text<'a>>,
    enterprise_id: Option<Text<'a>>,
    user_id: Option<Text<'a>>,
    is_bot: Option<bool>,
    is_enterprise_install: Option<bool>,
}

/// The kind decides how the rest is read: `channel` is a text in one kind and an object in the next.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    subtype: Option<Text<'a>>,
    channel: Option<Text<'a>>,
    channel_type: Option<Text<'a>>,
    team: Option<Text<'a>>,
    user: Option<Text<'a>>,
    bot_id: Option<Text<'a>>,
    app_id: Option<Text<'a>>,
    bot_profile: Option<BotProfile<'a>>,
    ts: Option<Text<'a>>,
    thread_ts: Option<Text<'a>>,
    text: Option<Text<'a>>,
    attachments: Option<Vec<Attachment<'a>>>,
    files: Option<Vec<File<'a>>>,
}

#[derive(Deserialize)]
struct BotProfile<'a> {
    #[serde(borrow)]
    app_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Attachment<'a> {
    #[serde(borrow)]
    title: Option<Text<'a>>,
    title_link: Option<Text<'a>>,
    from_url: Option<Text<'a>>,
    text: Option<Text<'a>>,
    fallback: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    title: Option<Text<'a>>,
    name: Option<Text<'a>>,
    mimetype: Option<Text<'a>>,
    preview: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Lifecycle<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    tokens: Option<Tokens<'a>>,
}

#[derive(Default, Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    oauth: Option<Vec<Text<'a>>>,
    bot: Option<Vec<Text<'a>>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_the_whole_id_in_slacks_own_writing() {
        for text in ["<@U1>", "ask <@U1|bot>!", "<@U2> and <@U1>", "<@<@U1>"] {
            assert!(mentions(text, "U1"), "{text}");
        }
        for text in ["", "U1", "@U1", "<@U12>", "<@U1", "&lt;@U1&gt;", "<@u1>", "<#U1>"] {
            assert!(!mentions(text, "U1"), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let turtles = "🐢".repeat(MAX_TEXT_BYTES);
        let cut = text(Some(&Text(turtles.into())), &[]);
        assert_eq!(cut.len(), MAX_TEXT_BYTES);
    }
}
