//! The Slack app's manifest asks for what the code uses, and for nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::Value;
use shared::connector::slack::{
    SCOPES,
    event::{self, SlackEvent},
    fake::APP_ID,
};
use tests::local;

/// What each method of the Web API that we call demands.
/// Source: the method's page under <https://docs.slack.dev/reference/methods>.
const METHODS: [(&str, &[&str]); 11] = [
    ("apps.uninstall", &[]),
    ("auth.revoke", &[]),
    ("auth.test", &[]),
    ("chat.postMessage", &["chat:write"]),
    ("chat.update", &["chat:write"]),
    ("conversations.history", HISTORY),
    ("conversations.replies", HISTORY),
    ("oauth.v2.access", &[]),
    ("reactions.add", &["reactions:write"]),
    ("reactions.remove", &["reactions:write"]),
    ("users.info", &["users:read"]),
];
/// In every kind of channel, with the metadata that `include_all_metadata` asks for.
const HISTORY: &[&str] = &[
    "channels:history",
    "groups:history",
    "im:history",
    "metadata.message:read",
    "mpim:history",
];
/// What each event that we hear demands.
/// Source: the event's page under <https://docs.slack.dev/reference/events>.
const EVENTS: [(&str, &[&str]); 7] = [
    ("app_mention", &["app_mentions:read"]),
    ("app_uninstalled", &[]),
    // With it, what is known of files in a message comes along.
    ("message.channels", &["channels:history", "files:read"]),
    ("message.groups", &["groups:history"]),
    ("message.im", &["im:history"]),
    ("message.mpim", &["mpim:history"]),
    ("tokens_revoked", &[]),
];

/// Asked for though nothing calls for it yet: for a scope that is added later, every workspace has to be connected again.
const AHEAD: [&str; 8] = [
    "channels:read",
    "commands",
    "groups:read",
    "im:read",
    "im:write",
    "mpim:read",
    "mpim:write",
    "users:read.email",
];

fn manifest() -> Value {
    let path = local::repository().join("functions/slack-events/manifest.yaml");
    serde_yaml_ng::from_str(&fs::read_to_string(path).expect("the manifest")).expect("YAML")
}

fn names(value: &Value) -> BTreeSet<&str> {
    let names: Vec<_> = value
        .as_array()
        .expect("a list")
        .iter()
        .map(|name| name.as_str().expect("a name"))
        .collect();
    let set: BTreeSet<_> = names.iter().copied().collect();
    assert_eq!(names.len(), set.len(), "something stands there twice: {names:?}");
    set
}

/// The methods that stand in the client's source: in the calls of the library, or as paths.
fn methods() -> BTreeSet<String> {
    let folder = local::repository().join("shared/src/connector/slack/api");
    let mut found = BTreeSet::new();
    for file in fs::read_dir(folder).expect("the client") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("#[")) {
            let words = line.split('"').skip(1).step_by(2);
            let words = words.map(|word| word.strip_prefix('/').unwrap_or(word));
            found.extend(words.filter(|word| is_method(word)).map(ToOwned::to_owned));
        }
    }
    found
}

fn is_method(word: &str) -> bool {
    word.split_once('.').is_some_and(|(family, method)| {
        !family.is_empty()
            && !method.is_empty()
            && family.bytes().all(|b| b.is_ascii_lowercase())
            && method.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
    })
}

#[test]
fn a_scope_that_a_call_needs_is_asked_for_and_none_that_nothing_needs() {
    let manifest = manifest();
    let known: BTreeMap<_, _> = METHODS.into_iter().collect();
    let called = methods();
    assert_eq!(
        called.iter().map(String::as_str).collect::<Vec<_>>(),
        known.keys().copied().collect::<Vec<_>>(),
        "say which scopes a method needs"
    );
    let needed: BTreeSet<_> = METHODS
        .iter()
        .chain(&EVENTS)
        .flat_map(|(_, scopes)| scopes.iter().copied())
        .collect();
    assert!(
        AHEAD.iter().all(|scope| !needed.contains(scope)),
        "something needs it by now"
    );
    let asked: BTreeSet<_> = needed.into_iter().chain(AHEAD).collect();
    assert_eq!(names(&manifest["oauth_config"]["scopes"]["bot"]), asked);
    assert_eq!(
        SCOPES.iter().copied().collect::<BTreeSet<_>>(),
        asked,
        "what an administrator is asked for"
    );
}

#[test]
fn people_may_come_back_where_they_are_sent_back_to_and_tokens_end() {
    let manifest = manifest();
    assert_eq!(
        names(&manifest["oauth_config"]["redirect_urls"]),
        BTreeSet::from([
            "${URL}/integrations/slack/callback",
            "${CONSOLE}/integrations/slack/authorize"
        ])
    );
    assert_eq!(manifest["settings"]["org_deploy_enabled"], true);
    assert_eq!(manifest["settings"]["token_rotation_enabled"], true);
}

/// Slack's name of an event in a manifest: messages are told apart by the kind of channel.
fn subscription(event: &Value) -> String {
    let kind = event["type"].as_str().expect("a type");
    match (kind, event["channel_type"].as_str()) {
        ("message", Some("channel")) => "message.channels".to_owned(),
        ("message", Some("group")) => "message.groups".to_owned(),
        ("message", Some(channel)) => format!("message.{channel}"),
        (kind, _) => kind.to_owned(),
    }
}

#[test]
fn the_events_that_are_subscribed_to_are_those_that_are_used() {
    let folder = format!("{}/fixtures/slack", env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeSet::new();
    for fixture in fs::read_dir(folder).expect("the fixtures") {
        let body = fs::read(fixture.expect("a fixture").path()).expect("a fixture");
        match event::parse(&body, APP_ID) {
            Ok(SlackEvent::Said { .. } | SlackEvent::InstallationChanged { .. }) => {
                let outer: Value = serde_json::from_slice(&body).expect("JSON");
                used.insert(subscription(&outer["event"]));
            }
            // Slack sends these to every app, subscribed or not.
            Ok(
                SlackEvent::UrlVerification { .. }
                | SlackEvent::RateLimited { .. }
                | SlackEvent::Ignored { .. },
            ) => {}
            Err(error) => panic!("a fixture that cannot be read: {error}"),
        }
    }
    let manifest = manifest();
    let subscribed = names(&manifest["settings"]["event_subscriptions"]["bot_events"]);
    assert_eq!(subscribed, used.iter().map(String::as_str).collect());
    assert_eq!(
        subscribed,
        EVENTS.iter().map(|(name, _)| *name).collect(),
        "say which scopes an event needs"
    );
}

#[test]
fn slack_is_told_the_address_that_the_function_answers_at() {
    let manifest = manifest();
    assert_eq!(
        manifest["settings"]["event_subscriptions"]["request_url"],
        "${URL}/slack/events"
    );
    assert_eq!(manifest["settings"]["socket_mode_enabled"], false);
}
