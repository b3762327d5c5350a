//! A Slack to talk to in tests and on a laptop: workspaces with people, channels and messages behind the Web API's
//! methods, over HTTP.
//!
//! It keeps Slack's rules where an app could get them wrong (what is refused, what is paged, what is not retained),
//! and can be told to misbehave. A new method goes into `web`, where its documentation says what it refuses.

mod oauth;
mod transcript;
mod vendor;
mod web;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;

pub use self::oauth::{CLIENT_ID, CLIENT_SECRET, Declined};
use self::oauth::OAuth;
pub(in crate::connector) use self::vendor::vendor;
use crate::{
    clock::{SharedClock, Timestamp},
    http::fake::{ANY_PORT, Server},
};

/// The id of our app in every workspace.
pub const APP_ID: &str = "A0INFRAGPT";

/// What the app is called.
pub const APP_NAME: &str = "InfraGPT";

/// A running fake; clones are handles to the same one, which ends with the last of them.
#[derive(Clone)]
pub struct FakeSlack(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    server: Server,
}

impl fmt::Debug for FakeSlack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FakeSlack").field(&self.0.server.address()).finish()
    }
}

/// What the server and the handles share.
struct Shared {
    world: Mutex<World>,
    /// Told of every change, so that nobody has to poll.
    changed: watch::Sender<()>,
}

impl Shared {
    /// The world, to look at or to change. Those who wait look again when the guard is gone.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world());
        self.changed.send_replace(());
        result
    }
}

#[derive(Default)]
struct World {
    teams: BTreeMap<String, Team>,
    /// Each message gets the next timestamp.
    messages: u64,
    calls: Vec<Call>,
    posts: usize,
    hanging: usize,
    troubles: VecDeque<(String, Trouble)>,
    /// The most messages on a page of a reading method; Slack gives some apps 15.
    page_limit: Option<usize>,
    /// Minds the times of codes and tokens; without it none of them ends by itself.
    clock: Option<SharedClock>,
    oauth: OAuth,
    /// How it misbehaves for good, in the stories that hold for all connectors.
    mood: Option<crate::connector::fake::Trouble>,
    requests: usize,
}

impl World {
    /// Somebody writes; answers the message's timestamp.
    fn say(&mut self, team: &str, channel: &str, user: &str, text: &str, thread_ts: Option<&str>) -> String {
        let ts = self.next_ts();
        let message = Message {
            ts: ts.clone(),
            thread_ts: thread_ts.map(ToOwned::to_owned),
            user: user.to_owned(),
            bot_id: None,
            text: text.to_owned(),
            markdown: None,
            metadata: None,
            unfurls: true,
            reactions: Vec::new(),
            blocks: None,
        };
        let team = self.teams.get_mut(team);
        if let Some(channel) = team.and_then(|team| team.channels.get_mut(channel)) {
            channel.messages.push(message);
        }
        ts
    }

    fn next_ts(&mut self) -> String {
        self.messages += 1;
        format!("{}.{:06}", 1_700_000_000 + self.messages, 100 + self.messages % 900)
    }
}

struct Team {
    name: String,
    bot_user: String,
    bot: String,
    /// An Enterprise Grid organization that the app is installed in as a whole.
    is_org_wide: bool,
    tokens: BTreeMap<String, Token>,
    users: BTreeMap<String, String>,
    channels: BTreeMap<String, Channel>,
}

/// A token that was given.
#[derive(Debug, Clone, Default)]
struct Token {
    /// The code with which it is refused; none while it works.
    refused: Option<String>,
    /// Whose it is; none for the bot's.
    user: Option<String>,
    /// When it ends by itself.
    expires_at: Option<Timestamp>,
    /// What it may do; none for one that nobody was asked for.
    scopes: Option<Vec<String>>,
}

impl Team {
    fn new(id: &str, name: &str) -> Self {
        let suffix = id.trim_start_matches(['T', 'E']);
        let bot_user = format!("UBOT{suffix}");
        Self {
            name: name.to_owned(),
            bot_user: bot_user.clone(),
            bot: format!("BBOT{suffix}"),
            is_org_wide: id.starts_with('E'),
            tokens: BTreeMap::new(),
            users: BTreeMap::from([(bot_user, APP_NAME.to_owned())]),
            channels: BTreeMap::new(),
        }
    }

    fn name_of(&self, user: &str) -> String {
        let name = self.users.get(user);
        name.map_or_else(|| user.to_owned(), Clone::clone)
    }
}

struct Channel {
    name: String,
    kind: ChannelKind,
    has_bot: bool,
    is_archived: bool,
    /// By timestamp, which is the order in which they were said.
    messages: Vec<Message>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChannelKind {
    Public,
    Direct,
}

/// A message as the fake keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The message's id in its channel.
    pub ts: String,
    /// The thread's first message, for replies.
    pub thread_ts: Option<String>,
    /// Who wrote it; the bot's user for our own.
    pub user: String,
    /// Set for what an app wrote.
    pub bot_id: Option<String>,
    /// The fallback, or all there is: mrkdwn, entities escaped.
    pub text: String,
    /// The text of the `markdown` blocks it was posted with.
    pub markdown: Option<String>,
    /// Metadata as it was posted.
    pub metadata: Option<Value>,
    /// Whether the app let Slack look into its links.
    pub unfurls: bool,
    /// Reactions with those who reacted.
    pub reactions: Vec<(String, Vec<String>)>,
    blocks: Option<Value>,
}

impl Message {
    /// What people read: the Markdown, or else the text.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.markdown.as_deref().unwrap_or(&self.text)
    }
}

/// A call of the Web API that the fake has seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The method, such as `chat.postMessage`.
    pub method: String,
    /// The workspace that the token is for.
    pub team: Option<String>,
    /// The arguments, without the token.
    pub arguments: Value,
}

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// 429, asking to wait so long; whole seconds.
    RateLimited(Duration),
    /// This HTTP status, with a page of HTML that quotes the token and the arguments.
    Status(u16),
    /// 200 with such a page, which is no JSON.
    Malformed,
    /// 200, `"ok": false` and this code.
    Code(&'static str),
    /// No answer; nothing is done.
    Hang,
    /// What was asked for is done, and there is no answer.
    HangAfterEffect,
    /// What was asked for is done, and the answer is a 503.
    FailAfterEffect,
}

impl FakeSlack {
    /// A fake without workspaces, on a free port of this machine. Needs a tokio runtime, and lives on it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(ANY_PORT).await
    }

    /// As [`start`](Self::start), at a given address.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start_at(address: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            world: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let router = web::router(shared.clone());
        let server = Server::start(address, router).await?;
        Ok(Self(Arc::new(Inner { shared, server })))
    }

    /// From now on it minds the times of codes and tokens by this clock, and tells it in its answers.
    pub fn keep_time(&self, clock: SharedClock) {
        self.0.shared.change(|world| world.clock = Some(clock));
    }

    /// The base URL of the Web API, for [`SlackApi::new`](super::api::SlackApi::new).
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/api", self.0.server.address())
    }

    /// The address of Slack's pages.
    #[must_use]
    pub fn web_url(&self) -> String {
        format!("http://{}", self.0.server.address())
    }

    /// Makes a workspace in which our app is installed with the bot token `token`.
    #[must_use]
    pub fn workspace(&self, team_id: &str, name: &str, token: &str) -> Workspace {
        let mut team = Team::new(team_id, name);
        let bot_user = team.bot_user.clone();
        team.tokens.insert(token.to_owned(), Token::default());
        self.0.shared.change(|world| world.teams.insert(team_id.to_owned(), team));
        Workspace {
            slack: self.clone(),
            team_id: team_id.to_owned(),
            bot_user,
        }
    }

    /// Lets the next `times` calls of a method go wrong; `"*"` is any method.
    pub fn trouble(&self, method: &str, times: usize, trouble: &Trouble) {
        self.0.shared.change(|world| {
            let troubles = std::iter::repeat_n((method.to_owned(), trouble.clone()), times);
            world.troubles.extend(troubles);
        });
    }

    /// Ends all trouble that has not happened yet.
    pub fn no_more_trouble(&self) {
        self.0.shared.change(|world| world.troubles.clear());
    }

    /// Bounds the pages of reading methods, as Slack does for some apps.
    pub fn limit_pages(&self, messages: usize) {
        self.0.shared.change(|world| world.page_limit = Some(messages));
    }

    /// All calls so far, also those that went wrong.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.0.shared.world().calls.clone()
    }

    /// How often a method was called.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.0.shared.world().count(method)
    }

    /// How many messages the app has posted, answered or not.
    #[must_use]
    pub fn posts(&self) -> usize {
        self.0.shared.world().posts
    }

    /// Waits until the app has posted `count` messages in all.
    pub async fn until_posts(&self, count: usize) {
        self.until(|world| world.posts >= count).await;
    }

    /// Waits until a method has been called `count` times in all.
    pub async fn until_called(&self, method: &str, count: usize) {
        self.until(|world| world.count(method) >= count).await;
    }

    /// Waits until `count` calls are hanging or have been left hanging.
    pub async fn until_hanging(&self, count: usize) {
        self.until(|world| world.hanging >= count).await;
    }

    async fn until(&self, is_so: impl Fn(&World) -> bool) {
        let mut changes = self.0.shared.changed.subscribe();
        while !is_so(&self.0.shared.world()) {
            if changes.changed().await.is_err() {
                return; // cannot be: this handle holds the sender
            }
        }
    }
}

impl World {
    fn count(&self, method: &str) -> usize {
        self.calls.iter().filter(|call| call.method == method).count()
    }
}

/// A workspace of the fake, and what people and administrators do in it.
#[derive(Debug, Clone)]
pub struct Workspace {
    slack: FakeSlack,
    team_id: String,
    bot_user: String,
}

impl Workspace {
    /// The workspace's id.
    #[must_use]
    pub fn team_id(&self) -> &str {
        &self.team_id
    }

    /// Our bot's user id here.
    #[must_use]
    pub fn bot_user_id(&self) -> &str {
        &self.bot_user
    }

    /// Somebody joins.
    pub fn user(&self, id: &str, name: &str) {
        self.change(|team| team.users.insert(id.to_owned(), name.to_owned()));
    }

    /// A public channel that our bot is in.
    pub fn channel(&self, id: &str, name: &str) {
        self.add_channel(id, name, ChannelKind::Public);
    }

    /// A direct message channel between a user and our bot.
    pub fn direct_message(&self, id: &str, user: &str) {
        self.add_channel(id, user, ChannelKind::Direct);
    }

    fn add_channel(&self, id: &str, name: &str, kind: ChannelKind) {
        let channel = Channel {
            name: name.to_owned(),
            kind,
            has_bot: true,
            is_archived: false,
            messages: Vec::new(),
        };
        self.change(|team| team.channels.insert(id.to_owned(), channel));
    }

    /// A channel is archived.
    pub fn archive(&self, channel: &str) {
        self.change_channel(channel, |channel| channel.is_archived = true);
    }

    /// Our bot is removed from a channel.
    pub fn remove_bot(&self, channel: &str) {
        self.change_channel(channel, |channel| channel.has_bot = false);
    }

    /// A further token that works.
    pub fn issue_token(&self, token: &str) {
        self.change(|team| team.tokens.insert(token.to_owned(), Token::default()));
    }

    /// From now on a token is refused with a code, such as `token_revoked` or `account_inactive`.
    pub fn revoke_token(&self, token: &str, code: &str) {
        self.change(|team| team.tokens.entry(token.to_owned()).or_default().refused = Some(code.to_owned()));
    }

    /// Somebody writes; returns the message's timestamp. `text` is as Slack stores it: `<@U…>`, `&amp;`.
    #[must_use]
    pub fn say(&self, channel: &str, user: &str, text: &str, thread_ts: Option<&str>) -> String {
        let shared = &self.slack.0.shared;
        shared.change(|world| world.say(&self.team_id, channel, user, text, thread_ts))
    }

    /// Where a program writes as a person: `POST` the text, and get the message's timestamp.
    #[must_use]
    pub fn says_url(&self, channel: &str, user: &str) -> String {
        let api = self.slack.url();
        let base = api.trim_end_matches("/api");
        format!("{base}/people/{}/{channel}/{user}", self.team_id)
    }

    /// The bodies of the events that Slack sends for a message: for one that mentions our bot in a channel both
    /// `app_mention` and `message`. Empty for a message that does not exist.
    #[must_use]
    pub fn events(&self, channel_id: &str, ts: &str) -> Vec<Value> {
        let world = self.slack.0.shared.world();
        let Some((team, channel, message)) = world.teams.get(&self.team_id).and_then(|team| {
            let channel = team.channels.get(channel_id)?;
            let message = channel.messages.iter().find(|message| message.ts == ts)?;
            Some((team, channel, message))
        }) else {
            return Vec::new();
        };
        let is_direct = channel.kind == ChannelKind::Direct;
        let mut events = Vec::new();
        if !is_direct && message.text.contains(&format!("<@{}>", team.bot_user)) {
            events.push(event_callback(&self.team_id, team, channel_id, message, "app_mention", None));
        }
        let kind = if is_direct { "im" } else { "channel" };
        events.push(event_callback(&self.team_id, team, channel_id, message, "message", Some(kind)));
        events
    }

    /// The messages of a thread (the first one included), or all of a channel.
    #[must_use]
    pub fn messages(&self, channel: &str, thread_ts: Option<&str>) -> Vec<Message> {
        let world = self.slack.0.shared.world();
        let channel = world.teams.get(&self.team_id).and_then(|team| team.channels.get(channel));
        channel
            .into_iter()
            .flat_map(|channel| &channel.messages)
            .filter(|message| is_in_thread(message, thread_ts))
            .cloned()
            .collect()
    }

    /// Waits until our bot has written `count` messages in a thread, or in a whole channel.
    pub async fn until_answers(&self, channel: &str, thread_ts: Option<&str>, count: usize) {
        self.slack
            .until(|world| {
                let channel = world.teams.get(&self.team_id).and_then(|team| team.channels.get(channel));
                let answers = channel
                    .into_iter()
                    .flat_map(|channel| &channel.messages)
                    .filter(|message| message.bot_id.is_some() && is_in_thread(message, thread_ts));
                answers.count() >= count
            })
            .await;
    }

    /// A thread, or a whole channel, as people see it: who said what, what is an app's, and the reactions.
    #[must_use]
    pub fn transcript(&self, channel: &str, thread_ts: Option<&str>) -> String {
        let world = self.slack.0.shared.world();
        let Some(team) = world.teams.get(&self.team_id) else {
            return String::new();
        };
        let channel = team.channels.get(channel);
        channel.map_or_else(String::new, |channel| transcript::of(team, channel, thread_ts))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Team) -> T) {
        self.slack.0.shared.change(|world| world.teams.get_mut(&self.team_id).map(change));
    }

    fn change_channel(&self, channel: &str, change: impl FnOnce(&mut Channel)) {
        self.change(|team| team.channels.get_mut(channel).map(change));
    }
}

fn is_in_thread(message: &Message, thread_ts: Option<&str>) -> bool {
    thread_ts.is_none_or(|thread| message.ts == thread || message.thread_ts.as_deref() == Some(thread))
}

/// An event as Slack sends it. Source: <https://docs.slack.dev/apis/events-api/> and the pages of the two events.
fn event_callback(
    team_id: &str,
    team: &Team,
    channel: &str,
    message: &Message,
    kind: &str,
    channel_type: Option<&str>,
) -> Value {
    let mut event = json!({
        "type": kind,
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "event_ts": message.ts,
        "team": team_id,
        "channel": channel,
    });
    for (name, value) in [
        ("thread_ts", message.thread_ts.as_deref()),
        ("channel_type", channel_type),
        ("bot_id", message.bot_id.as_deref()),
        ("app_id", message.bot_id.as_ref().map(|_| APP_ID)),
    ] {
        if let Some(value) = value {
            event[name] = value.into();
        }
    }
    let digits = message.ts.replace('.', "");
    json!({
        "type": "event_callback",
        "token": "not-used",
        "team_id": team_id,
        "api_app_id": APP_ID,
        "event": event,
        "event_id": format!("Ev{}{digits}", if kind == "message" { "M" } else { "A" }),
        "event_time": message.ts.split('.').next().and_then(|seconds| seconds.parse::<u64>().ok()),
        "authorizations": [{
            "enterprise_id": null,
            "team_id": team_id,
            "user_id": team.bot_user,
            "is_bot": true,
            "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false,
        "event_context": format!("4-{channel}-{digits}"),
    })
}
