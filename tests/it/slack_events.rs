//! What Slack sends to `POST /slack/events`, and what becomes of it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::Router;
use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};
use shared::{
    aws::{self, Patience},
    clock::{FixedClock, Timestamp},
    config::Env,
    id::Ids,
    queue::{Queue, SqsQueue, TaskQueue},
    secret::manager::{MemorySecrets, SecretStore},
    task::{SlackLifecycleChange, SlackMessage, SlackMessageKind, Task},
    telemetry::Metrics,
    webhook::{Keyring, slack},
};
use slack_events::{App, Config, router};
use tests::{
    gateway::{Answer, Call},
    queue::{Mood, Recorded, RecordingQueue},
};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slack";
const APP_ID: &str = "A0INFRAGPT";

/// The function, with Slack, the clock and the queue in our hands.
struct Door {
    router: Router,
    queue: Arc<RecordingQueue>,
    secrets: Arc<MemorySecrets>,
    clock: FixedClock,
    metrics: Arc<Mutex<Vec<u8>>>,
}

impl Door {
    fn new() -> Self {
        let queue = Arc::new(RecordingQueue::default());
        Self::before(Arc::clone(&queue) as Arc<dyn TaskQueue>, queue)
    }

    /// The function in front of `behind`; what `queue` records is what the tests look at.
    fn before(behind: Arc<dyn TaskQueue>, queue: Arc<RecordingQueue>) -> Self {
        let now = Timestamp::from_timestamp(1_531_420_618, 0).expect("a valid time");
        let clock = FixedClock::at(now);
        let secrets = MemorySecrets::new();
        secrets.put(SECRET_ARN, &secret(SECRET), now - Duration::from_hours(1000));
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let app = App {
            config: Config {
                environment: "test".to_owned(),
                slack_app_id: APP_ID.to_owned(),
                slack_secret_arn: SECRET_ARN.to_owned(),
                tasks_queue_url: "https://queue.example.com/tasks.fifo".to_owned(),
                events_queue_url: "https://queue.example.com/events.fifo".to_owned(),
            },
            clock: Arc::new(clock.clone()),
            ids: Ids::seeded(7),
            keyring: Keyring::new(
                SecretStore::from_source(secrets.clone()),
                SECRET_ARN,
                Arc::new(clock.clone()),
            ),
            queue: behind,
            metrics: Metrics::to("test", "slack-events", Arc::new(clock.clone()), metrics.clone()),
        };
        Self {
            router: router(app),
            queue,
            secrets,
            clock,
            metrics,
        }
    }

    /// `body` as Slack would send it now.
    fn signed(&self, body: impl Into<Vec<u8>>) -> Call {
        self.signed_with(SECRET, body)
    }

    fn signed_with(&self, secret: &str, body: impl Into<Vec<u8>>) -> Call {
        let body = body.into();
        let now = shared::clock::Clock::now(&self.clock);
        slack::sign(secret, now, &body)
            .into_iter()
            .fold(Call::post("/slack/events", body), |call, (name, value)| {
                call.with(name, &value)
            })
    }

    async fn send(&self, call: &Call) -> Answer {
        call.send(&self.router)
            .await
            .expect("API Gateway would read the answer")
    }

    /// Delivers a fixture; Slack is content and the queue holds what is returned.
    async fn deliver(&self, fixture: &str) -> Vec<Recorded> {
        let answer = self.send(&self.signed(self::fixture(fixture))).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{fixture}");
        self.queue.drain()
    }

    /// Delivers a fixture that becomes one Slack message.
    async fn message(&self, fixture: &str) -> SlackMessage {
        let recorded = self.deliver(fixture).await;
        let [one] = &recorded[..] else {
            panic!("{fixture} became {} tasks", recorded.len())
        };
        assert_eq!(one.queue, Queue::Tasks);
        said(one)
    }

    async fn status(&self, call: Call) -> u16 {
        let answer = self.send(&call).await;
        assert!(self.queue.recorded().is_empty(), "something was queued");
        answer.status
    }

    /// How often a metric was counted, with this value of its dimension.
    fn counted(&self, name: &str, dimension: &str) -> usize {
        let lines = self.metrics.lock().expect("not poisoned").clone();
        String::from_utf8(lines)
            .expect("text")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("one JSON object a line"))
            .filter(|line| line.get(name).is_some() && line.to_string().contains(dimension))
            .count()
    }
}

/// The Slack message in what was queued.
fn said(one: &Recorded) -> SlackMessage {
    let Task::AnswerSlackMessageV1(message) = one.envelope().expect("an envelope").task else {
        panic!("not a message: {}", one.body)
    };
    message
}

fn secret(value: &str) -> String {
    json!({ "signing_secret": value }).to_string()
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/slack/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every fixture there is.
fn fixtures() -> Vec<String> {
    let folder = format!("{}/fixtures/slack", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("readable").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// A fixture with some fields changed; `null` removes one.
fn changed(name: &str, changes: &[(&str, Value)]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(&fixture(name)).expect("JSON");
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = body
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .expect("an object");
        if value.is_null() {
            parent.remove(key);
        } else {
            parent.insert(key.to_owned(), value.clone());
        }
    }
    body.to_string().into_bytes()
}

#[tokio::test]
async fn slacks_question_whether_the_address_is_ours_is_answered_when_it_is_signed() {
    let door = Door::new();
    let answer = door.send(&door.signed(fixture("url_verification"))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    );
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");

    let unsigned = Call::post("/slack/events", fixture("url_verification"));
    assert_eq!(door.status(unsigned).await, 401);
}

#[tokio::test]
async fn a_mention_becomes_one_envelope_and_an_empty_200() {
    let door = Door::new();
    let recorded = door.deliver("app_mention").await;
    let [one] = &recorded[..] else {
        panic!("{recorded:?}")
    };
    assert_eq!(one.queue, Queue::Tasks);
    assert_eq!(one.group, "slack:T0ACME:C0OPS:1531420618.000100");
    assert_eq!(one.deduplication, "Ev0MENTION");

    let mut envelope: Value = serde_json::from_str(&one.body).expect("JSON");
    let raw = envelope["raw"].take();
    insta::assert_json_snapshot!(envelope, @r#"
    {
      "delivery": {
        "key": "T0ACME:C0OPS:1531420618.000100",
        "source": "slack"
      },
      "event_id": "Ev0MENTION",
      "id": "tsk_00000000007070008000000000000001",
      "raw": null,
      "received_at": "2018-07-12T18:36:58Z",
      "task": {
        "bot_id": null,
        "bot_user_id": "U0INFRABOT",
        "channel": "C0OPS",
        "channel_type": null,
        "enterprise_id": null,
        "files": [],
        "is_enterprise_install": false,
        "kind": "mention",
        "team_id": "T0ACME",
        "text": "<@U0INFRABOT> why is checkout slow? 🐢",
        "thread_ts": null,
        "ts": "1531420618.000100",
        "type": "answer_slack_message_v1",
        "user": "U0ALICE"
      },
      "traceparent": "00-5b475a8abd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
    }
    "#);
    let sent: Value = serde_json::from_slice(&fixture("app_mention")).expect("JSON");
    assert_eq!(raw, sent["event"], "the raw event travels along");
    assert!(
        !one.body.contains("XXYYZZ"),
        "Slack's verification token stays at the door"
    );
}

#[tokio::test]
async fn the_raw_event_travels_byte_by_byte_and_is_left_out_where_it_does_not_fit() {
    let door = Door::new();
    let odd = r#"{ "type" : "app_mention", "user":"U0ALICE", "channel":"C0OPS", "ts":"1531420618.000100",
        "text":"caf\u00e9 \/ <@U0INFRABOT>", "unmodelled" : [1.50, 1e2, "\ud83d"] }"#;
    let body = format!(
        r#"{{"type":"event_callback","api_app_id":"{APP_ID}","team_id":"T0ACME","event_id":"Ev1","event":{odd}}}"#
    );
    assert_eq!(door.send(&door.signed(body)).await.status, 200);
    let [one] = &door.queue.drain()[..] else {
        panic!("one task")
    };
    let envelope = one.envelope().expect("an envelope");
    assert_eq!(envelope.raw.as_deref().map(RawValue::get), Some(odd));

    // 1 MiB is let in, SQS takes a little less.
    let filler = "x".repeat(1_040_000);
    let large = changed("app_mention", &[("/event/unmodelled", json!(filler))]);
    assert!(large.len() <= 1024 * 1024);
    assert_eq!(door.send(&door.signed(large)).await.status, 200);
    let [one] = &door.queue.drain()[..] else {
        panic!("one task")
    };
    let envelope = one.envelope().expect("an envelope");
    assert!(envelope.raw.is_none());
    assert_eq!(said(one).text, "<@U0INFRABOT> why is checkout slow? 🐢");
}

#[tokio::test]
async fn a_retry_and_the_two_events_of_one_post_are_the_same_delivery() {
    let door = Door::new();
    let first = door.deliver("app_mention").await.remove(0);
    let retry = door
        .signed(fixture("app_mention"))
        .with("X-Slack-Retry-Num", "1")
        .with("X-Slack-Retry-Reason", "http_timeout");
    assert_eq!(door.send(&retry).await.status, 200);
    let again = door.queue.drain().remove(0);
    let twin = door.deliver("message_with_mention").await.remove(0);

    assert_eq!(first.deduplication, again.deduplication);
    for other in [&again, &twin] {
        let deliveries = [&first, other].map(|one| one.envelope().expect("an envelope").delivery);
        assert_eq!(deliveries[0], deliveries[1]);
        assert_eq!(
            [&first, other].map(|one| said(one).kind),
            [SlackMessageKind::Mention; 2],
            "whichever is taken first is answered"
        );
    }
    assert_eq!(first.group, again.group);
    assert_eq!(first.group, twin.group);
}

#[tokio::test]
async fn every_way_to_speak_reaches_the_dispatcher_with_its_kind() {
    use SlackMessageKind::{ChannelMessage, DirectMessage, Mention, ThreadReply};
    let door = Door::new();
    for (fixture, kind, thread) in [
        ("app_mention", Mention, "1531420618.000100"),
        ("message_with_mention", Mention, "1531420618.000100"),
        ("app_mention_in_thread", Mention, "1531400000.000100"),
        ("message_channel", ChannelMessage, "1531420618.000200"),
        ("message_group", ChannelMessage, "1531420618.000200"),
        ("message_mpim", ChannelMessage, "1531420618.000200"),
        ("message_im", DirectMessage, "im"),
        ("thread_reply", ThreadReply, "1531420618.000100"),
        ("thread_broadcast", ThreadReply, "1531420618.000100"),
        ("slack_connect", Mention, "1531420618.000200"),
        ("org_wide_without_team", DirectMessage, "im"),
        ("bot_app_mention", Mention, "1531420618.000200"),
    ] {
        let message = door.message(fixture).await;
        assert_eq!((message.kind, message.thread()), (kind, thread), "{fixture}");
    }

    // A direct message is one even where it names the bot, and the first message of a thread is at the top level.
    let named = changed("message_im", &[("/event/text", json!("<@U0INFRABOT> hi"))]);
    door.send(&door.signed(named)).await;
    let first = changed(
        "message_channel",
        &[("/event/thread_ts", json!("1531420618.000200"))],
    );
    door.send(&door.signed(first)).await;
    let kinds: Vec<_> = door
        .queue
        .drain()
        .iter()
        .map(|one| (said(one).kind, said(one).thread_ts))
        .collect();
    assert_eq!(kinds, [(DirectMessage, None), (ChannelMessage, None)]);
}

#[tokio::test]
async fn files_and_attachments_come_along() {
    let door = Door::new();
    insta::assert_json_snapshot!(door.message("file_share").await.files, @r#"
    [
      {
        "id": "F0LOG",
        "name": "checkout.log",
        "mimetype": "text/plain",
        "preview": "12:00:01 timeout after 30s\n12:00:02 timeout after 30s"
      },
      {
        "id": "F0SHOT",
        "name": "p99 since noon",
        "mimetype": "image/png",
        "preview": null
      },
      {
        "id": "F0GONE",
        "name": "F0GONE",
        "mimetype": null,
        "preview": null
      }
    ]
    "#);

    let alert = door.message("bot_app_mention").await;
    assert_eq!(
        alert.text,
        "<@U0INFRABOT> please look\n\
         p99 above 2 s (https://monitor.example.com/42): checkout is slow\n\
         https://status.example.com/1\n\
         only the fallback"
    );
    assert_eq!(alert.bot_id.as_deref(), Some("B0MONITOR"));

    let only_attached = changed("bot_app_mention", &[("/event/text", json!(""))]);
    assert_eq!(door.send(&door.signed(only_attached)).await.status, 200);
    assert_eq!(door.queue.drain().len(), 1);
}

#[tokio::test]
async fn the_installation_is_the_one_that_slack_names() {
    let door = Door::new();
    let of = |message: SlackMessage| {
        (
            message.team_id,
            message.enterprise_id,
            message.is_enterprise_install,
        )
    };
    let some = |text: &str| Some(text.to_owned());
    for (fixture, expected) in [
        ("app_mention", (some("T0ACME"), None, false)),
        // Written in the partner's workspace, received through ours.
        ("slack_connect", (some("T0ACME"), None, false)),
        ("org_wide_app_mention", (some("T0SALES"), some("E0GRID"), true)),
        ("org_wide_without_team", (None, some("E0GRID"), true)),
    ] {
        let message = door.message(fixture).await;
        assert_eq!(message.bot_user_id.as_deref(), Some("U0INFRABOT"), "{fixture}");
        assert_eq!(of(message), expected, "{fixture}");
    }

    let from_nowhere = changed(
        "app_mention",
        &[
            ("/team_id", Value::Null),
            ("/context_team_id", Value::Null),
            ("/authorizations", Value::Null),
            ("/event/team", Value::Null),
        ],
    );
    assert_eq!(door.status(door.signed(from_nowhere)).await, 400);
}

#[tokio::test]
async fn changes_of_the_installation_go_to_the_events_queue() {
    let door = Door::new();
    let mut tasks = Vec::new();
    for fixture in ["app_uninstalled", "tokens_revoked"] {
        let one = door.deliver(fixture).await.remove(0);
        assert_eq!(one.queue, Queue::Events);
        let Task::ApplySlackLifecycleV1(lifecycle) = one.envelope().expect("an envelope").task else {
            panic!("a lifecycle")
        };
        tasks.push((one.group, one.deduplication, lifecycle));
    }
    let (group, deduplication, uninstalled) = &tasks[0];
    assert_eq!(
        (group.as_str(), deduplication.as_str()),
        ("slack-installation:T0ACME", "Ev0UNINSTALLED")
    );
    assert_eq!(uninstalled.change, SlackLifecycleChange::Uninstalled);
    assert_eq!(uninstalled.event_time.timestamp(), 1_531_420_618);
    let (group, _, revoked) = &tasks[1];
    assert_eq!(group, "slack-installation:E0GRID");
    assert_eq!(revoked.team_id, None);
    assert_eq!(
        revoked.change,
        SlackLifecycleChange::TokensRevoked {
            users: vec!["U0ALICE".to_owned()],
            bots: vec!["U0INFRABOT".to_owned()],
        }
    );
}

#[tokio::test]
async fn what_we_do_not_use_is_acknowledged_with_one_debug_line_and_nothing_else() {
    for (fixture, kind, reason) in [
        ("reaction_added", "reaction_added", "not a kind we use"),
        ("channel_created", "channel_created", "not a kind we use"),
        ("unknown_callback", "something_new", "not a kind we use"),
        (
            "message_changed",
            "message.message_changed",
            "not a kind of message we use",
        ),
        (
            "message_deleted",
            "message.message_deleted",
            "not a kind of message we use",
        ),
        (
            "channel_join",
            "message.channel_join",
            "not a kind of message we use",
        ),
        ("own_message", "message", "our own message"),
        ("own_bot_message", "message.bot_message", "our own message"),
        (
            "bot_message",
            "message.bot_message",
            "another bot's message without a mention",
        ),
        ("slackbot", "message", "another bot's message without a mention"),
        ("message_empty", "message", "nothing was said"),
    ] {
        let door = Door::new();
        let lines = Lines::default();
        let recorded = {
            let _guard = tracing::subscriber::set_default(lines.subscriber());
            door.deliver(fixture).await
        };
        assert!(recorded.is_empty(), "{fixture}");
        let lines = lines.read();
        let [line] = &lines[..] else {
            panic!("{fixture}: {lines:?}")
        };
        assert_eq!(line["level"], "DEBUG", "{fixture}");
        assert_eq!(line["fields"]["kind"], kind, "{fixture}");
        assert_eq!(line["fields"]["reason"], reason, "{fixture}");
    }
}

#[tokio::test]
async fn no_log_line_of_any_level_says_what_people_said_or_how_slack_signs() {
    let door = Door::new();
    let lines = Lines::default();
    {
        let _guard = tracing::subscriber::set_default(lines.subscriber());
        for name in fixtures() {
            door.send(&door.signed(fixture(&name))).await;
            door.send(&door.signed_with("wrong", fixture(&name))).await;
            let odd = [b"{\"type\":{\"why is checkout slow?\":1},", &fixture(&name)[1..]].concat();
            door.send(&door.signed(odd)).await;
        }
        let shape = changed(
            "app_mention",
            &[("/event/channel", json!({"is checkout slow?": 1}))],
        );
        door.send(&door.signed(shape)).await;
    }
    let whole = lines.whole();
    assert!(whole.contains("a task was queued"), "the lines were caught");
    for hidden in ["checkout", "XXYYZZ", SECRET, "v0=", "p99"] {
        assert!(!whole.contains(hidden), "{hidden} was logged:\n{whole}");
    }
}

#[tokio::test]
async fn every_false_signature_is_refused_alike() {
    let door = Door::new();
    let good = door.signed(fixture("app_mention"));
    let signature = good
        .headers
        .iter()
        .find(|(name, _)| name == slack::SIGNATURE)
        .map(|(_, value)| value.clone())
        .expect("it is signed");
    let at = |offset: i64| {
        let now = shared::clock::Clock::now(&door.clock) + chrono::TimeDelta::seconds(offset);
        slack::sign(SECRET, now, &good.body)
            .into_iter()
            .fold(good.clone(), |call, (name, value)| call.instead(name, &value))
    };
    let flipped = {
        let last = if signature.ends_with('0') { "1" } else { "0" };
        format!("{}{last}", &signature[..signature.len() - 1])
    };
    let mut altered = good.clone();
    altered.body.push(b' ');
    let mut empty = good.clone();
    empty.body.clear();

    let sign = |value: &str| good.clone().instead(slack::SIGNATURE, value);
    let time = |value: &str| good.clone().instead(slack::TIMESTAMP, value);
    let cases = [
        ("wrong", sign(&flipped)),
        (
            "of another secret",
            door.signed_with("another", good.body.clone()),
        ),
        ("stale", at(-301)),
        ("from the future", at(301)),
        ("without signature", good.clone().without(slack::SIGNATURE)),
        ("without time", good.clone().without(slack::TIMESTAMP)),
        (
            "signature doubled",
            good.clone().with(slack::SIGNATURE, &signature),
        ),
        (
            "signature doubled in another case",
            good.clone().with("X-SLACK-SIGNATURE", &signature),
        ),
        ("time doubled", good.clone().with(slack::TIMESTAMP, "1531420618")),
        ("not hex", sign(&format!("v0={}", "z".repeat(64)))),
        ("upper case", sign(&signature.to_uppercase())),
        ("another version", sign(&signature.replace("v0=", "v1="))),
        ("no version", sign(&signature[3..])),
        ("short", sign(&signature[..60])),
        ("long", sign(&format!("{signature}00"))),
        ("empty", sign("")),
        ("beyond ASCII", sign("v0=é")),
        ("time not a number", time("abc")),
        ("time with a fraction", time("1531420618.0")),
        ("time negative", time("-1531420618")),
        ("time of twelve digits", time("001531420618")),
        ("time empty", time("")),
        ("altered", altered),
        ("body gone", empty),
    ];
    let count = cases.len();
    for (case, call) in cases {
        let answer = door.send(&call).await;
        assert_eq!(answer.status, 401, "{case}");
        assert_eq!(
            answer.body,
            r#"{"code":"unauthenticated","message":"authentication required","fields":[],"request_id":"JKJaXmPLvHcESHA="}"#,
            "{case}"
        );
    }
    assert!(door.queue.recorded().is_empty());
    assert_eq!(door.counted("DeliveryRejected", ""), count);
    assert_eq!(door.counted("DeliveryRejected", r#""reason":"mismatch""#), 4);

    for (case, call) in [("old", at(-300)), ("ahead", at(300)), ("untouched", good.clone())] {
        assert_eq!(door.send(&call).await.status, 200, "{case}");
    }
    assert_eq!(door.queue.drain().len(), 3);
}

#[tokio::test]
async fn a_signature_is_checked_over_the_raw_bytes_however_they_travel() {
    let door = Door::new();
    let mut wrapped = door.signed(fixture("app_mention"));
    wrapped.base64 = true;
    wrapped.headers = wrapped
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_uppercase(), value))
        .collect();
    assert_eq!(door.send(&wrapped).await.status, 200);
    let [one] = &door.queue.drain()[..] else {
        panic!("one task")
    };
    assert!(one.body.contains("why is checkout slow? 🐢"), "{}", one.body);

    let mut bytes = door.signed([b"\xff\xfe".as_slice(), &fixture("app_mention")].concat());
    bytes.base64 = true;
    assert_eq!(
        door.status(bytes).await,
        400,
        "signed, but not a text: the signature held"
    );
}

#[tokio::test]
async fn a_body_that_we_do_not_take_is_refused_by_its_fault() {
    let door = Door::new();
    let filled = |size: usize| {
        let empty = changed("app_mention", &[("/event/filler", json!(""))]).len();
        changed(
            "app_mention",
            &[("/event/filler", json!("x".repeat(size - empty)))],
        )
    };
    let nested = |depth: usize| {
        let deep = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"type":"something_new","deep":{deep}}}"#).into_bytes()
    };
    let typed = |kind: &str| door.signed(fixture("app_mention")).instead("content-type", kind);
    for (case, call, status) in [
        ("as large as allowed", door.signed(filled(1024 * 1024)), 200),
        ("one byte more", door.signed(filled(1024 * 1024 + 1)), 413),
        (
            "large and unsigned",
            Call::post("/slack/events", vec![b'x'; 5_000_000]),
            413,
        ),
        ("a form", typed("application/x-www-form-urlencoded"), 415),
        ("a text", typed("text/plain"), 415),
        (
            "no type",
            door.signed(fixture("app_mention")).without("content-type"),
            415,
        ),
        (
            "compressed",
            door.signed(fixture("app_mention"))
                .with("Content-Encoding", "gzip"),
            415,
        ),
        (
            "JSON with a charset",
            typed("application/json; charset=utf-8"),
            200,
        ),
        ("128 deep", door.signed(nested(128)), 200),
        ("129 deep", door.signed(nested(129)), 400),
        ("not JSON", door.signed("why is checkout slow?"), 400),
        ("nothing", door.signed(""), 400),
        ("cut off", door.signed(&fixture("app_mention")[..200]), 400),
        ("not an object", door.signed("[]"), 400),
        (
            "a field of another type",
            door.signed(changed("app_mention", &[("/event/channel", json!(7))])),
            400,
        ),
        (
            "a channel that is none",
            door.signed(changed("app_mention", &[("/event/channel", json!("C0 OPS"))])),
            400,
        ),
        (
            "another app's",
            door.signed(changed("app_mention", &[("/api_app_id", json!("A0OTHER"))])),
            403,
        ),
        (
            "no app's",
            door.signed(changed("app_mention", &[("/api_app_id", Value::Null)])),
            403,
        ),
    ] {
        let answer = door.send(&call).await;
        assert_eq!(answer.status, status, "{case}: {}", answer.body);
        let queued = door.queue.drain().len();
        assert_eq!(queued, usize::from(status == 200 && case != "128 deep"), "{case}");
        if status != 200 {
            let body: Value = serde_json::from_str(&answer.body).expect("our error shape");
            assert_eq!(body["request_id"], "JKJaXmPLvHcESHA=", "{case}");
            assert_eq!(answer.header("content-type"), "application/json", "{case}");
            assert_eq!(answer.header("x-request-id"), "JKJaXmPLvHcESHA=", "{case}");
        }
    }

    let odd = changed("app_mention", &[("/event/ts", json!("yesterday"))]);
    let answer = door.send(&door.signed(odd)).await;
    insta::assert_snapshot!(answer.body, @r#"{"code":"malformed","message":"the body cannot be read","fields":[{"field":"event.ts","message":"is not a message timestamp"}],"request_id":"JKJaXmPLvHcESHA="}"#);
}

#[tokio::test]
async fn other_methods_and_paths_are_told_so_in_our_error_shape() {
    let door = Door::new();
    let slashed = Call {
        path: "/slack/events/".to_owned(),
        ..door.signed(fixture("app_mention"))
    };
    assert_eq!(door.send(&slashed).await.status, 200);
    assert_eq!(door.queue.drain().len(), 1);

    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let call = Call {
            method,
            ..door.signed(fixture("app_mention"))
        };
        let answer = door.send(&call).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "POST", "{method}");
        assert!(answer.body.contains(r#""code":"method_not_allowed""#), "{method}");
    }
    for path in [
        "/",
        "/slack",
        "/slack/events/x",
        "/slack/Events",
        "//slack/events",
    ] {
        let call = Call {
            path: path.to_owned(),
            ..door.signed(fixture("app_mention"))
        };
        let answer = door.send(&call).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains(r#""code":"not_found""#), "{path}");
    }
    assert!(door.queue.recorded().is_empty());
}

#[tokio::test]
async fn a_queue_that_is_away_makes_slack_come_again() {
    let door = Door::new();
    for mood in [Mood::Down, Mood::Hanging] {
        door.queue.be(mood);
        let started = Instant::now();
        let answer = door.send(&door.signed(fixture("app_mention"))).await;
        assert_eq!(answer.status, 503, "{mood:?}");
        assert_eq!(answer.header("retry-after"), "5", "{mood:?}");
        assert!(answer.body.contains(r#""code":"unavailable""#), "{}", answer.body);
        assert!(
            started.elapsed() < Duration::from_millis(2_500),
            "{mood:?}: {:?}",
            started.elapsed()
        );
    }
    door.queue.be(Mood::Well);
    assert_eq!(door.deliver("app_mention").await.len(), 1, "and it is taken then");
}

#[tokio::test]
async fn sqs_that_takes_the_connection_and_never_answers_is_away_too() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = silent.local_addr().expect("an address");
    let mut env = Env::from_pairs([
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
    ]);
    let aws = aws::config(&mut env, Patience::SENDER_WAITS).expect("no CA bundle is named");
    let urls = ["tasks", "events"].map(|name| format!("http://{address}/123456789012/{name}.fifo"));
    let [tasks, events] = urls;
    let door = Door::before(
        Arc::new(SqsQueue::new(&aws, tasks, events)),
        Arc::new(RecordingQueue::default()),
    );

    let started = Instant::now();
    let answer = door.send(&door.signed(fixture("app_mention"))).await;
    assert_eq!(answer.status, 503);
    assert!(
        started.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_accepted_for_a_day() {
    let door = Door::new();
    assert_eq!(door.deliver("app_mention").await.len(), 1);
    assert_eq!(door.secrets.reads(), 1);
    let new = "f0e1d2c3b4a5968778695a4b3c2d1e0f";
    let now = shared::clock::Clock::now(&door.clock);
    door.secrets.put(SECRET_ARN, &secret(new), now);

    let with = async |secret: &str| {
        let call = door.signed_with(secret, fixture("app_mention"));
        let status = door.send(&call).await.status;
        (status, door.queue.drain().len())
    };
    assert_eq!(
        with(new).await,
        (200, 1),
        "an unknown signature makes us ask for newer secrets"
    );
    assert_eq!(door.secrets.reads(), 2);
    assert_eq!(with(SECRET).await, (200, 1));
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"current""#), 2);
    assert_eq!(door.counted("DeliveryVerified", r#""secret":"previous""#), 1);

    door.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(with(SECRET).await, (200, 1), "a second before the day is over");
    door.clock.advance(Duration::from_secs(1));
    assert_eq!(with(SECRET).await, (401, 0), "the day is over");
    assert_eq!(with(new).await, (200, 1));
}

#[tokio::test]
async fn a_flood_of_forgeries_asks_for_newer_secrets_once_a_minute() {
    let door = Door::new();
    for _ in 0..50 {
        let forged = door.signed_with("guess", fixture("app_mention"));
        assert_eq!(door.status(forged).await, 401);
    }
    assert_eq!(
        door.secrets.reads(),
        2,
        "once to begin with, once for the forgeries"
    );
    door.clock.advance(Duration::from_secs(59));
    let forged = door.signed_with("guess", fixture("app_mention"));
    assert_eq!(door.status(forged).await, 401);
    assert_eq!(door.secrets.reads(), 2);
    door.clock.advance(Duration::from_secs(1));
    let forged: Vec<_> = (0..20)
        .map(|_| door.signed_with("guess", fixture("app_mention")))
        .collect();
    let answers = futures_util::future::join_all(forged.iter().map(|call| door.send(call))).await;
    assert!(answers.iter().all(|answer| answer.status == 401));
    assert_eq!(door.secrets.reads(), 3, "twenty at once wait for one answer");

    // What is malformed or stale is refused before anybody is asked for anything.
    let fresh = Door::new();
    let unsigned = Call::post("/slack/events", fixture("app_mention"));
    assert_eq!(fresh.status(unsigned).await, 401);
    assert_eq!(fresh.secrets.reads(), 0);
}

#[tokio::test]
async fn without_secrets_manager_old_secrets_serve_and_without_any_slack_comes_again() {
    let door = Door::new();
    door.secrets.set_down(true);
    let answer = door.send(&door.signed(fixture("app_mention"))).await;
    assert_eq!(answer.status, 503, "an outage is no refusal");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(door.queue.recorded().is_empty());

    door.secrets.set_down(false);
    assert_eq!(door.deliver("app_mention").await.len(), 1);

    door.secrets.set_down(true);
    door.clock.advance(Duration::from_hours(2));
    assert_eq!(
        door.deliver("app_mention").await.len(),
        1,
        "secrets older than their age are used on"
    );
    let forged = door.signed_with("guess", fixture("app_mention"));
    assert_eq!(door.status(forged).await, 401, "a forgery stays one");

    door.secrets.set_down(false);
    let now = shared::clock::Clock::now(&door.clock);
    door.secrets
        .put(SECRET_ARN, &secret("a-third"), now - Duration::from_hours(48));
    door.clock.advance(Duration::from_mins(1));
    let withdrawn = door.signed(fixture("app_mention"));
    assert_eq!(
        door.status(withdrawn).await,
        401,
        "and once it is back, a withdrawn one ends without anybody forging"
    );
}

#[tokio::test]
async fn an_empty_or_unreadable_signing_secret_lets_nobody_in() {
    for content in [
        r#"{"signing_secret":""}"#,
        r#"{"signing_secret":"  "}"#,
        "{}",
        "plain",
    ] {
        let door = Door::new();
        let now = shared::clock::Clock::now(&door.clock);
        door.secrets
            .put(SECRET_ARN, content, now - Duration::from_hours(48));
        let call = door.signed_with("", fixture("app_mention"));
        assert_eq!(door.status(call).await, 503, "{content}");
        let keyring = Keyring::new(
            SecretStore::from_source(door.secrets.clone()),
            SECRET_ARN,
            Arc::new(door.clock.clone()),
        );
        let error = keyring.keys().await.expect_err("the start fails with it");
        assert!(!error.is_outage(), "{content}: {error}");
    }
}

#[tokio::test]
async fn that_slack_holds_events_back_is_acknowledged_and_counted() {
    let door = Door::new();
    assert!(door.deliver("app_rate_limited").await.is_empty());
    assert_eq!(door.counted("SlackRateLimited", ""), 1);
}

#[tokio::test]
async fn the_trace_of_the_request_travels_with_the_task() {
    let door = Door::new();
    let traceparent = async |call: Call| {
        assert_eq!(door.send(&call).await.status, 200);
        let one = door.queue.drain().remove(0);
        one.envelope().expect("an envelope").traceparent
    };
    let own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let call = door.signed(fixture("app_mention"));
    assert_eq!(
        traceparent(call.clone()).await.as_deref(),
        Some("00-5b475a8abd862e3fe1be46a994272793-53995c3f42cd8ad8-01"),
        "X-Ray's"
    );
    assert_eq!(
        traceparent(call.with("traceparent", own)).await.as_deref(),
        Some(own)
    );
}

/// Log lines, caught.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let lines = self.clone();
        tracing_subscriber::fmt()
            .json()
            .with_env_filter("trace")
            .with_writer(move || lines.clone())
            .finish()
    }

    fn whole(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("text")
    }

    fn read(&self) -> Vec<Value> {
        self.whole()
            .lines()
            .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
            .collect()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Any JSON, as somebody who means ill would put it in the place of any field.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[A-Z0-9.]{0,200}".prop_map(Value::from),
        Just(json!("\u{fffe}\u{ffff}\u{0}")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{0,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place in a document.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), all);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                places(item, &format!("{at}/{name}"), all);
            }
        }
        _ => {}
    }
}

/// Whatever a signed delivery holds, it is answered, and what is queued can be read and grouped.
fn holds(door: &Door, body: Vec<u8>) -> Result<(), TestCaseError> {
    let answer = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(door.send(&door.signed(body)));
    prop_assert!(
        [200, 400, 403].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.body
    );
    for one in door.queue.drain() {
        prop_assert!(answer.status == 200);
        prop_assert!((1..=128).contains(&one.group.len()), "{}", one.group);
        prop_assert!(one.group.bytes().all(|b| b.is_ascii_graphic()), "{}", one.group);
        prop_assert!((1..=128).contains(&one.deduplication.len()));
        prop_assert!(one.body.len() < 1024 * 1024);
        prop_assert!(
            !one.body.contains(['\u{fffe}', '\u{ffff}']),
            "SQS would refuse it"
        );
        prop_assert!(one.envelope().is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_signed_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        holds(&Door::new(), body)?;
    }

    #[test]
    fn any_fixture_with_anything_anywhere_is_answered(
        name in proptest::sample::select(fixtures()),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any_json()), 1..4),
    ) {
        let mut body: Value = serde_json::from_slice(&fixture(&name)).expect("JSON");
        for (index, value) in changes {
            let mut all = Vec::new();
            places(&body, "", &mut all);
            let place = index.get(&all);
            *body.pointer_mut(place).expect("it is there") = value;
        }
        holds(&Door::new(), body.to_string().into_bytes())?;
    }

    #[test]
    fn any_fixture_with_bytes_changed_is_answered(
        name in proptest::sample::select(fixtures()),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut body = fixture(&name);
        for (index, byte) in changes {
            let at = index.index(body.len());
            body[at] = byte;
        }
        holds(&Door::new(), body)?;
    }

    #[test]
    fn an_unsigned_delivery_is_refused_whatever_it_holds(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        timestamp in "[ -~]{0,20}",
        signature in "[ -~]{0,80}",
    ) {
        let door = Door::new();
        let call = Call::post("/slack/events", body)
            .with(slack::TIMESTAMP, &timestamp)
            .with(slack::SIGNATURE, &signature);
        let answer = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(door.send(&call));
        prop_assert_eq!(answer.status, 401);
    }
}
