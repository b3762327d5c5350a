//! What goes over the wire: only the fields that we use.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::blocks::{SlackBlock, SlackMarkdownBlock};

use super::{METADATA_EVENT_TYPE, ThreadMessage};
use crate::connector::slack::Place;

#[expect(clippy::struct_excessive_bools, reason = "these are Slack's own switches")]
#[derive(Serialize)]
pub(super) struct PostRequest<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<[SlackBlock; 1]>,
    metadata: Metadata<'a>,
    // The text is plain: no markup is looked for in it, no names are turned into mentions.
    mrkdwn: bool,
    parse: &'static str,
    link_names: bool,
    unfurl_links: bool,
    unfurl_media: bool,
}

impl<'a> PostRequest<'a> {
    pub(super) fn new(place: &'a Place, key: &'a str, text: String, markdown: Option<&str>) -> Self {
        Self {
            channel: &place.channel,
            thread_ts: place.thread_ts.as_deref(),
            text,
            blocks: markdown.map(|markdown| [SlackMarkdownBlock::new(markdown.to_owned()).into()]),
            metadata: Metadata {
                event_type: METADATA_EVENT_TYPE,
                event_payload: Payload { key },
            },
            mrkdwn: false,
            parse: "none",
            link_names: false,
            unfurl_links: false,
            unfurl_media: false,
        }
    }
}

/// Blocks that are not given are removed, since a text is.
/// Source: <https://docs.slack.dev/reference/methods/chat.update>.
#[derive(Serialize)]
pub(super) struct UpdateRequest<'a> {
    channel: &'a str,
    ts: &'a str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<[SlackBlock; 1]>,
    metadata: Metadata<'a>,
    parse: &'static str,
    link_names: bool,
}

impl<'a> UpdateRequest<'a> {
    pub(super) fn new(
        channel: &'a str,
        ts: &'a str,
        key: &'a str,
        text: String,
        markdown: Option<&str>,
    ) -> Self {
        Self {
            channel,
            ts,
            text,
            blocks: markdown.map(|markdown| [SlackMarkdownBlock::new(markdown.to_owned()).into()]),
            metadata: Metadata {
                event_type: METADATA_EVENT_TYPE,
                event_payload: Payload { key },
            },
            parse: "none",
            link_names: false,
        }
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    event_type: &'static str,
    event_payload: Payload<'a>,
}

#[derive(Serialize)]
struct Payload<'a> {
    key: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Posted {
    pub(super) ts: String,
}

#[derive(Deserialize)]
pub(super) struct Done {}

#[derive(Deserialize)]
pub(super) struct Messages {
    pub(super) messages: Vec<WireMessage>,
    pub(super) response_metadata: Option<ResponseMetadata>,
}

#[derive(Deserialize)]
pub(super) struct ResponseMetadata {
    pub(super) next_cursor: Option<String>,
}

/// Own, small and forgiving: the crate's models of blocks know no kinds that Slack adds later.
#[derive(Deserialize)]
pub(super) struct WireMessage {
    pub(super) ts: String,
    user: Option<String>,
    bot_id: Option<String>,
    app_id: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    blocks: Value,
    #[serde(default)]
    attachments: Vec<WireAttachment>,
    #[serde(default)]
    files: Vec<WireFile>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Deserialize)]
struct WireAttachment {
    title: Option<String>,
    title_link: Option<String>,
    from_url: Option<String>,
    text: Option<String>,
    fallback: Option<String>,
}

#[derive(Deserialize)]
struct WireFile {
    title: Option<String>,
    name: Option<String>,
}

impl WireMessage {
    pub(super) fn step_key(&self) -> Option<&str> {
        if self.metadata.get("event_type")?.as_str()? != METADATA_EVENT_TYPE {
            return None;
        }
        self.metadata.get("event_payload")?.get("key")?.as_str()
    }
}

impl From<WireMessage> for ThreadMessage {
    fn from(message: WireMessage) -> Self {
        let mut text = message.text;
        if text.trim().is_empty() {
            text.clear();
            texts_of_blocks(&message.blocks, &mut text);
        }
        let attachments = message.attachments.iter().filter_map(WireAttachment::line);
        let files = message.files.iter().filter_map(WireFile::line);
        for line in attachments.chain(files) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line);
        }
        Self {
            ts: message.ts,
            user: message.user,
            bot_id: message.bot_id,
            app_id: message.app_id,
            text,
        }
    }
}

impl WireAttachment {
    /// `title (link): text`, as far as there is any of it.
    fn line(&self) -> Option<String> {
        let link = self.title_link.as_ref().or(self.from_url.as_ref());
        let head = match (&self.title, link) {
            (Some(title), Some(link)) => Some(format!("{title} ({link})")),
            (Some(only), None) | (None, Some(only)) => Some(only.clone()),
            (None, None) => None,
        };
        let body = self
            .text
            .as_ref()
            .or(self.fallback.as_ref())
            .filter(|text| !text.is_empty());
        match (head, body) {
            (Some(head), Some(body)) => Some(format!("{head}: {body}")),
            (head, body) => head.or_else(|| body.cloned()),
        }
    }
}

impl WireFile {
    fn line(&self) -> Option<String> {
        let name = self.title.as_ref().or(self.name.as_ref())?;
        Some(format!("[file: {name}]"))
    }
}

/// Every `text` that stands in blocks, one line per block: what a message says that has blocks only.
fn texts_of_blocks(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            for item in items {
                texts_of_blocks(item, out);
            }
        }
        Value::Object(fields) => {
            let is_block = fields.contains_key("block_id");
            if is_block && !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "text" => out.push_str(text),
                    Value::Array(_) | Value::Object(_) => texts_of_blocks(value, out),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[derive(Deserialize)]
pub(super) struct UserInfo {
    pub(super) user: WireUser,
}

#[derive(Deserialize)]
pub(super) struct WireUser {
    name: Option<String>,
    real_name: Option<String>,
    #[serde(default)]
    profile: WireProfile,
}

#[derive(Default, Deserialize)]
struct WireProfile {
    display_name: Option<String>,
    real_name: Option<String>,
}

impl WireUser {
    pub(super) fn into_name(self) -> Option<String> {
        [
            self.profile.display_name,
            self.profile.real_name,
            self.real_name,
            self.name,
        ]
        .into_iter()
        .flatten()
        .find(|name| !name.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_of_blocks_attachments_and_files_still_has_a_text() {
        let message: WireMessage = serde_json::from_value(json!({
            "ts": "1.1", "bot_id": "B1",
            "blocks": [
                {"type": "header", "block_id": "a", "text": {"type": "plain_text", "text": "Alert"}},
                {"type": "rich_text", "block_id": "b", "elements": [
                    {"type": "rich_text_section", "elements": [
                        {"type": "text", "text": "cpu "}, {"type": "text", "text": "is hot"}]}]},
            ],
            "attachments": [{"title": "Graph", "title_link": "https://g.example", "text": "95 %"}, {}],
            "files": [{"name": "cpu.png"}],
        }))
        .expect("a message");
        let text = ThreadMessage::from(message).text;
        assert_eq!(
            text,
            "Alert\ncpu is hot\nGraph (https://g.example): 95 %\n[file: cpu.png]"
        );
    }
}
