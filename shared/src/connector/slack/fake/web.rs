//! The Web API's methods over HTTP. Source of what they take, answer and refuse:
//! <https://docs.slack.dev/reference/methods>.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{APP_ID, APP_NAME, Call, Channel, ChannelKind, Message, Shared, Team, Trouble, World, is_in_thread};
use crate::{clock::Timestamp, connector::fake::Trouble as Mood};

/// The limits of a message.
const MAX_BLOCKS: usize = 50;
const MAX_BLOCK_ID: usize = 255;
const MAX_MARKDOWN: usize = 12_000;
const MAX_TEXT: usize = 40_000;

/// What a page holds when nobody asks for more or less.
const DEFAULT_PAGE: usize = 100;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/people/{team}/{channel}/{user}", post(say))
        .with_state(shared)
}

/// A person writes, which no method of Slack's does for them.
async fn say(
    State(shared): State<Arc<Shared>>,
    Path((team, channel, user)): Path<(String, String, String)>,
    text: String,
) -> String {
    shared.change(|world| world.say(&team, &channel, &user, &text, None))
}

/// What a request brings along.
struct Shown<'a> {
    token: Option<&'a str>,
    client: Option<(String, String)>,
    arguments: Map<String, Value>,
}

impl<'a> Shown<'a> {
    fn of(headers: &'a HeaderMap, query: &str, body: &[u8]) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = header(header::AUTHORIZATION);
        let is_form = header(header::CONTENT_TYPE).is_some_and(|kind| kind.contains("form-urlencoded"));
        let basic = authorization.and_then(|value| value.strip_prefix("Basic "));
        let client = basic.and_then(|value| {
            let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
            let (id, secret) = pair.split_once(':')?;
            Some((id.to_owned(), secret.to_owned()))
        });
        Self {
            token: authorization.and_then(|value| value.strip_prefix("Bearer ")),
            client,
            arguments: arguments(query, body, is_form),
        }
    }
}

async fn call(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let shown = Shown::of(&headers, query.as_deref().unwrap_or_default(), &body);
    let (token, arguments) = (shown.token, &shown.arguments);
    let (done, trouble, mood) = shared.change(|world| {
        world.requests += 1;
        let team = world.team_of(token);
        world.calls.push(Call {
            method: method.clone(),
            team: team.as_ref().ok().cloned(),
            arguments: Value::Object(arguments.clone()),
        });
        let mood = world.mood;
        let trouble = mood.map_or_else(|| world.next_trouble(&method), |mood| Some(Trouble::of(mood, &method)));
        let has_effect = matches!(
            trouble,
            None | Some(Trouble::HangAfterEffect | Trouble::FailAfterEffect)
        );
        let done = if has_effect { world.does(&method, team, &shown) } else { Done::nothing() };
        if matches!(trouble, Some(Trouble::Hang | Trouble::HangAfterEffect)) {
            world.hanging += 1;
        }
        (done, trouble, mood)
    });
    let indiscreet = || {
        let client = shown.client.as_ref().map(|(_, secret)| secret.as_str());
        indiscreet(token.or(client), arguments)
    };
    if mood == Some(Mood::Redirects) {
        let elsewhere = [(header::LOCATION, "http://localhost:9/elsewhere")];
        return (StatusCode::FOUND, elsewhere, indiscreet()).into_response();
    }
    match trouble {
        None => {}
        Some(Trouble::Hang | Trouble::HangAfterEffect) => std::future::pending().await,
        Some(Trouble::RateLimited(retry_after)) => {
            let seconds = retry_after.as_secs().to_string();
            let body = json!({"ok": false, "error": "ratelimited"});
            return (
                StatusCode::TOO_MANY_REQUESTS,
                [(header::RETRY_AFTER, seconds)],
                axum::Json(body),
            )
                .into_response();
        }
        Some(Trouble::Status(status)) => return (status_code(status), indiscreet()).into_response(),
        Some(Trouble::FailAfterEffect) => return (status_code(503), indiscreet()).into_response(),
        Some(Trouble::Malformed) => {
            return ([(header::CONTENT_TYPE, "application/json")], indiscreet()).into_response();
        }
        Some(Trouble::Code(code)) => {
            let mut body = refusal(code);
            body["detail"] = indiscreet().into();
            return axum::Json(body).into_response();
        }
    }
    done.response()
}

/// What became of a call.
struct Done {
    answer: Answer,
    /// What the token may do.
    scopes: Option<String>,
    /// What time it is at Slack.
    now: Option<Timestamp>,
}

impl Done {
    fn nothing() -> Self {
        Self {
            answer: Ok(json!({})),
            scopes: None,
            now: None,
        }
    }

    fn response(self) -> Response {
        let body = match self.answer {
            Ok(mut body) => {
                body["ok"] = true.into();
                body
            }
            Err(code) => refusal(&code),
        };
        let mut response = axum::Json(body).into_response();
        let date = self.now.map(|now| now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        for (name, value) in [("x-oauth-scopes", self.scopes), ("date", date)] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl Trouble {
    /// What trouble of a kind looks like at Slack.
    const fn of(mood: Mood, method: &str) -> Self {
        match mood {
            Mood::Refuses if method.as_bytes()[0] == b'o' => Self::Code("invalid_code"),
            Mood::Refuses => Self::Code("invalid_auth"),
            Mood::Fails => Self::Status(503),
            Mood::Limits(seconds) => Self::RateLimited(Duration::from_secs(seconds as u64)),
            Mood::Hangs => Self::Hang,
            Mood::Babbles => Self::Malformed,
            Mood::Redirects => Self::Status(302),
        }
    }
}

fn refusal(code: &str) -> Value {
    json!({"ok": false, "error": code})
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A page of the indiscreet kind: it tells the token and what was asked.
fn indiscreet(token: Option<&str>, arguments: &Map<String, Value>) -> String {
    let token = token.unwrap_or_default();
    format!("<html><body>Something went wrong for {token} with {arguments:?}</body></html>")
}

/// Arguments come as a query, a form or JSON; the methods take all of them alike.
fn arguments(query: &str, body: &[u8], is_form: bool) -> Map<String, Value> {
    let form = if is_form { body } else { &[] };
    let mut arguments: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    for pairs in [query.as_bytes(), form] {
        let pairs = url::form_urlencoded::parse(pairs);
        arguments.extend(pairs.map(|(name, value)| (name.into_owned(), value.into())));
    }
    arguments
}

struct Arguments<'a>(&'a Map<String, Value>);

impl Arguments<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<&str, String> {
        self.text(name).ok_or_else(|| format!("invalid_arguments_{name}"))
    }

    /// A switch, given as JSON or as text.
    fn is_on(&self, name: &str, default: bool) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(on)) => matches!(on.as_str(), "true" | "1"),
            _ => default,
        }
    }

    fn number(&self, name: &str) -> Option<usize> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
            Value::String(number) => number.parse().ok(),
            _ => None,
        }
    }
}

type Answer = Result<Value, String>;

impl World {
    /// The workspace that a token is for, or the code with which it is refused.
    fn team_of(&self, token: Option<&str>) -> Result<String, String> {
        let token = token.ok_or("not_authed")?;
        let found = self.teams.iter().find_map(|(id, team)| Some((id, team.tokens.get(token)?)));
        let (id, token) = found.ok_or("invalid_auth")?;
        self.refusal(token).map_or_else(|| Ok(id.clone()), Err)
    }

    /// Does what a call asks for.
    fn does(&mut self, method: &str, team: Result<String, String>, shown: &Shown<'_>) -> Done {
        let token = shown.token.unwrap_or_default();
        let scopes = team.as_ref().ok().and_then(|team| self.teams.get(team)?.tokens.get(token)?.scopes.clone());
        let answer = match (method, team) {
            ("oauth.v2.access", _) => {
                let client = shown.client.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
                self.access(client, &shown.arguments)
            }
            (_, Err(code)) => Err(code),
            ("auth.revoke", Ok(team)) => self.revoke(&team, token),
            ("apps.uninstall", Ok(team)) => self.uninstall_by(&team, &shown.arguments),
            (_, Ok(team)) => self.answer(method, &team, &Arguments(&shown.arguments)),
        };
        Done {
            answer,
            scopes: scopes.map(|scopes| scopes.join(",")),
            now: self.clock.as_ref().map(|clock| clock.now()),
        }
    }

    fn next_trouble(&mut self, method: &str) -> Option<Trouble> {
        let at = self.troubles.iter().position(|(name, _)| name == "*" || name == method)?;
        self.troubles.remove(at).map(|(_, trouble)| trouble)
    }

    fn answer(&mut self, method: &str, team_id: &str, arguments: &Arguments<'_>) -> Answer {
        if method == "chat.postMessage" {
            return self.post(team_id, arguments);
        }
        let page_limit = self.page_limit;
        let team = self.teams.get_mut(team_id).ok_or("invalid_auth")?;
        match method {
            "auth.test" => Ok(json!({
                "url": "https://acme.slack.example/",
                "team": team.name,
                "team_id": team_id,
                "user": APP_NAME.to_lowercase(),
                "user_id": team.bot_user,
                "bot_id": team.bot,
                "enterprise_id": team.is_org_wide.then_some(team_id),
                "is_enterprise_install": team.is_org_wide,
            })),
            "users.info" => {
                let id = arguments.required("user")?;
                let name = team.users.get(id).ok_or("user_not_found")?;
                let account = name.to_lowercase().replace(' ', ".");
                Ok(json!({"user": {
                    "id": id, "team_id": team_id, "name": account, "real_name": name, "is_bot": id == team.bot_user,
                    "profile": {"display_name": "", "real_name": name, "email": format!("{account}@acme.example")},
                }}))
            }
            "conversations.info" => {
                let id = arguments.required("channel")?;
                let channel = team.channels.get(id).ok_or("channel_not_found")?;
                let is_direct = channel.kind == ChannelKind::Direct;
                Ok(json!({"channel": {
                    "id": id, "name": channel.name, "is_channel": !is_direct, "is_im": is_direct,
                    "is_member": channel.has_bot, "is_archived": channel.is_archived,
                }}))
            }
            "conversations.replies" => replies(readable(team, arguments)?, arguments, page_limit),
            "conversations.history" => history(readable(team, arguments)?, arguments, page_limit),
            "reactions.add" => react(team, arguments, true),
            "reactions.remove" => react(team, arguments, false),
            "chat.update" => update(team, arguments),
            _ => Err("unknown_method".to_owned()),
        }
    }

    fn post(&mut self, team_id: &str, arguments: &Arguments<'_>) -> Answer {
        let ts = self.next_ts();
        let team = self.teams.get_mut(team_id).ok_or("invalid_auth")?;
        let channel_id = arguments.text("channel").ok_or("channel_not_found")?.to_owned();
        let channel = team.channels.get_mut(&channel_id).ok_or("channel_not_found")?;
        if !channel.has_bot {
            return Err("not_in_channel".to_owned());
        }
        if channel.is_archived {
            return Err("is_archived".to_owned());
        }
        let text = arguments.text("text").unwrap_or_default();
        if text.chars().count() > MAX_TEXT {
            return Err("msg_too_long".to_owned());
        }
        let blocks = arguments.0.get("blocks").and_then(Value::as_array);
        let markdown = blocks.map(|blocks| markdown_of(blocks)).transpose()?.flatten();
        if text.is_empty() && blocks.is_none_or(Vec::is_empty) {
            return Err("no_text".to_owned());
        }
        let message = Message {
            thread_ts: arguments.text("thread_ts").map(ToOwned::to_owned),
            user: team.bot_user.clone(),
            bot_id: Some(team.bot.clone()),
            text: text.to_owned(),
            markdown,
            metadata: arguments.0.get("metadata").cloned(),
            unfurls: arguments.is_on("unfurl_links", true) || arguments.is_on("unfurl_media", true),
            reactions: Vec::new(),
            blocks: blocks.map(|blocks| retained(blocks, &ts)),
            ts,
        };
        let answer = json!({
            "channel": channel_id, "ts": message.ts, "message": wire(&message, false, Some(APP_ID)),
        });
        channel.messages.push(message);
        self.posts += 1;
        Ok(answer)
    }
}

/// The text of all `markdown` blocks; checks what Slack checks of blocks.
fn markdown_of(blocks: &[Value]) -> Result<Option<String>, String> {
    let text_of = |name| move |block: &Value| block.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let is_known = |block: &Value| {
        text_of("type")(block).is_some_and(|kind| {
            ["markdown", "section", "context", "divider", "header", "rich_text", "actions"].contains(&kind.as_str())
        })
    };
    let is_id_short = |block: &Value| text_of("block_id")(block).is_none_or(|id| id.chars().count() <= MAX_BLOCK_ID);
    let markdown: Vec<String> = blocks
        .iter()
        .filter(|block| text_of("type")(block).as_deref() == Some("markdown"))
        .filter_map(text_of("text"))
        .collect();
    let length: usize = markdown.iter().map(|text| text.chars().count()).sum();
    let are_valid = blocks.len() <= MAX_BLOCKS
        && blocks.iter().all(is_known)
        && blocks.iter().all(is_id_short)
        && length <= MAX_MARKDOWN
        && markdown.iter().all(|text| !text.is_empty());
    if !are_valid {
        return Err("invalid_blocks".to_owned());
    }
    Ok((!markdown.is_empty()).then(|| markdown.join("\n\n")))
}

/// What becomes of blocks: `markdown` ones are translated, and lose their `block_id`.
/// Source: <https://docs.slack.dev/reference/block-kit/blocks/markdown-block>.
fn retained(blocks: &[Value], ts: &str) -> Value {
    let translated = blocks.iter().enumerate().map(|(number, block)| {
        if block.get("type").and_then(Value::as_str) != Some("markdown") {
            return block.clone();
        }
        let text = block.get("text").cloned().unwrap_or_default();
        json!({
            "type": "rich_text",
            "block_id": format!("{number}-{ts}"),
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}],
        })
    });
    translated.collect()
}

/// The channel that is asked for, if our bot may read it.
fn readable<'a>(team: &'a Team, arguments: &Arguments<'_>) -> Result<&'a Channel, String> {
    let id = arguments.text("channel").ok_or("channel_not_found")?;
    let channel = team.channels.get(id).ok_or("channel_not_found")?;
    if channel.has_bot {
        Ok(channel)
    } else {
        Err("not_in_channel".to_owned())
    }
}

fn replies(channel: &Channel, arguments: &Arguments<'_>, page_limit: Option<usize>) -> Answer {
    let thread = arguments.required("ts")?;
    let in_thread: Vec<&Message> = channel
        .messages
        .iter()
        .filter(|message| is_in_thread(message, Some(thread)))
        .collect();
    if in_thread.is_empty() {
        return Err("thread_not_found".to_owned());
    }
    // The first message comes along, whatever the range.
    let messages = in_thread
        .into_iter()
        .filter(|message| message.ts == thread || is_in_range(message, arguments))
        .collect::<Vec<_>>();
    page(&messages, arguments, page_limit)
}

fn history(channel: &Channel, arguments: &Arguments<'_>, page_limit: Option<usize>) -> Answer {
    let is_top_level = |message: &&Message| message.thread_ts.as_ref().is_none_or(|thread| *thread == message.ts);
    let messages = channel
        .messages
        .iter()
        .rev()
        .filter(is_top_level)
        .filter(|message| is_in_range(message, arguments))
        .collect::<Vec<_>>();
    page(&messages, arguments, page_limit)
}

/// Timestamps of one length compare as texts.
fn is_in_range(message: &Message, arguments: &Arguments<'_>) -> bool {
    let is_inclusive = arguments.is_on("inclusive", false);
    let ts = message.ts.as_str();
    let is_after = |oldest: &str| ts > oldest || is_inclusive && ts == oldest;
    let is_before = |latest: &str| ts < latest || is_inclusive && ts == latest;
    arguments.text("oldest").is_none_or(is_after) && arguments.text("latest").is_none_or(is_before)
}

fn page(messages: &[&Message], arguments: &Arguments<'_>, page_limit: Option<usize>) -> Answer {
    let start = match arguments.text("cursor") {
        Some(cursor) => cursor
            .strip_prefix("after:")
            .and_then(|start| start.parse().ok())
            .ok_or("invalid_cursor")?,
        None => 0,
    };
    let asked = arguments.number("limit").filter(|limit| *limit > 0).unwrap_or(DEFAULT_PAGE);
    let limit = page_limit.map_or(asked, |limit| limit.min(asked));
    let end = messages.len().min(start + limit);
    let has_more = end < messages.len();
    let all_metadata = arguments.is_on("include_all_metadata", false);
    let on_page = messages.get(start..end).unwrap_or_default();
    let on_page: Vec<Value> = on_page.iter().map(|message| wire(message, all_metadata, None)).collect();
    Ok(json!({
        "messages": on_page,
        "has_more": has_more,
        "response_metadata": {"next_cursor": if has_more { format!("after:{end}") } else { String::new() }},
    }))
}

/// A message as the methods return it.
fn wire(message: &Message, all_metadata: bool, app_id: Option<&str>) -> Value {
    let mut wire = json!({"type": "message", "user": message.user, "text": message.text, "ts": message.ts});
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            wire[name] = value;
        }
    };
    set("thread_ts", message.thread_ts.clone().map(Value::from));
    set("bot_id", message.bot_id.clone().map(Value::from));
    let app_id = app_id.or_else(|| message.bot_id.as_ref().map(|_| APP_ID));
    set("app_id", app_id.map(Value::from));
    set("blocks", message.blocks.clone());
    let metadata = message.metadata.as_ref().map(|metadata| {
        if all_metadata {
            return metadata.clone();
        }
        json!({"event_type": metadata.get("event_type"), "event_payload": {}})
    });
    set("metadata", metadata);
    let reactions = message.reactions.iter();
    let reactions: Vec<Value> = reactions
        .map(|(name, users)| json!({"name": name, "users": users, "count": users.len()}))
        .collect();
    set("reactions", (!reactions.is_empty()).then(|| reactions.into()));
    wire
}

/// Source: <https://docs.slack.dev/reference/methods/chat.update>.
fn update(team: &mut Team, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.text("channel").ok_or("channel_not_found")?;
    let ts = arguments.text("ts").ok_or("message_not_found")?;
    let channel = team.channels.get_mut(id).ok_or("channel_not_found")?;
    if !channel.has_bot {
        return Err("not_in_channel".to_owned());
    }
    if channel.is_archived {
        return Err("is_archived".to_owned());
    }
    let message = channel.messages.iter_mut().find(|message| message.ts == ts);
    let message = message.ok_or("message_not_found")?;
    if message.bot_id.as_deref() != Some(&team.bot) {
        return Err("cant_update_message".to_owned());
    }
    let text = arguments.text("text");
    if text.is_some_and(|text| text.chars().count() > MAX_TEXT) {
        return Err("msg_too_long".to_owned());
    }
    let blocks = arguments.0.get("blocks").and_then(Value::as_array);
    if text.is_none() && blocks.is_none_or(Vec::is_empty) {
        return Err("no_text".to_owned());
    }
    message.markdown = blocks.map(|blocks| markdown_of(blocks)).transpose()?.flatten();
    message.blocks = blocks.map(|blocks| retained(blocks, ts));
    text.unwrap_or_default().clone_into(&mut message.text);
    if let Some(metadata) = arguments.0.get("metadata") {
        message.metadata = Some(metadata.clone());
    }
    Ok(json!({"channel": id, "ts": ts, "text": message.text}))
}

fn react(team: &mut Team, arguments: &Arguments<'_>, add: bool) -> Answer {
    let ts = arguments.text("timestamp").ok_or("no_item_specified")?;
    let name = arguments.text("name").ok_or("invalid_name")?;
    let id = arguments.text("channel").ok_or("channel_not_found")?;
    let channel = team.channels.get_mut(id).ok_or("channel_not_found")?;
    if !channel.has_bot {
        return Err("not_in_channel".to_owned());
    }
    if channel.is_archived {
        return Err("is_archived".to_owned());
    }
    let message = channel.messages.iter_mut().find(|message| message.ts == ts);
    let reactions = &mut message.ok_or("message_not_found")?.reactions;
    let at = reactions.iter().position(|(reaction, _)| reaction == name);
    let users = at.and_then(|at| reactions.get_mut(at)).map(|(_, users)| users);
    let bot = &team.bot_user;
    match (users, add) {
        (Some(users), true) if users.contains(bot) => return Err("already_reacted".to_owned()),
        (Some(users), true) => users.push(bot.clone()),
        (None, true) => reactions.push((name.to_owned(), vec![bot.clone()])),
        (Some(users), false) if users.contains(bot) => users.retain(|user| user != bot),
        (_, false) => return Err("no_reaction".to_owned()),
    }
    reactions.retain(|(_, users)| !users.is_empty());
    Ok(json!({}))
}
