//! What is taken: which task it becomes, or why none.

use serde_json::{Value, json, value::RawValue};
use shared::{
    connector::slack::fake::APP_ID,
    queue::Queue,
    task::{SlackLifecycleChange, SlackMessage, SlackMessageKind, Task},
    webhook::slack::Slack,
};
use tests::{door::Sender as _, gateway::Call, lines::Lines};

use super::{Door, message, said};

#[tokio::test]
async fn slacks_question_whether_the_address_is_ours_is_answered_when_it_is_signed() {
    let door = Door::new();
    let answer = door.send(&door.signed(Door::fixture("url_verification"))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    );
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");

    let unsigned = Call::post("/slack/events", Door::fixture("url_verification"));
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
    let sent: Value = serde_json::from_slice(&Door::fixture("app_mention")).expect("JSON");
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
    let large = Door::changed("app_mention", &[("/event/unmodelled", json!(filler))]);
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
        .signed(Door::fixture("app_mention"))
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
        let message = message(&door, fixture).await;
        assert_eq!((message.kind, message.thread()), (kind, thread), "{fixture}");
    }

    // A direct message is one even where it names the bot, and the first message of a thread is at the top level.
    let named = Door::changed("message_im", &[("/event/text", json!("<@U0INFRABOT> hi"))]);
    door.send(&door.signed(named)).await;
    let first = Door::changed(
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
    insta::assert_json_snapshot!(message(&door, "file_share").await.files, @r#"
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

    let alert = message(&door, "bot_app_mention").await;
    assert_eq!(
        alert.text,
        "<@U0INFRABOT> please look\n\
         p99 above 2 s (https://monitor.example.com/42): checkout is slow\n\
         https://status.example.com/1\n\
         only the fallback"
    );
    assert_eq!(alert.bot_id.as_deref(), Some("B0MONITOR"));

    let only_attached = Door::changed("bot_app_mention", &[("/event/text", json!(""))]);
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
        let message = message(&door, fixture).await;
        assert_eq!(message.bot_user_id.as_deref(), Some("U0INFRABOT"), "{fixture}");
        assert_eq!(of(message), expected, "{fixture}");
    }

    let from_nowhere = Door::changed(
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
            let _guard = lines.listen("trace");
            door.deliver(fixture).await
        };
        assert!(recorded.is_empty(), "{fixture}");
        let lines = lines.read();
        let [line] = &lines[..] else {
            panic!("{fixture}: {lines:?}")
        };
        assert_eq!(line["level"], "DEBUG", "{fixture}");
        assert_eq!(line["kind"], kind, "{fixture}");
        assert_eq!(line["reason"], reason, "{fixture}");
    }
}

#[tokio::test]
async fn no_log_line_of_any_level_says_what_people_said_or_how_slack_signs() {
    let door = Door::new();
    let lines = Lines::default();
    {
        let _guard = lines.listen("trace");
        for name in Door::fixtures() {
            door.send(&door.signed(Door::fixture(&name))).await;
            door.send(&door.signed_with("wrong", Door::fixture(&name))).await;
            let odd = [
                b"{\"type\":{\"why is checkout slow?\":1},",
                &Door::fixture(&name)[1..],
            ]
            .concat();
            door.send(&door.signed(odd)).await;
        }
        let shape = Door::changed(
            "app_mention",
            &[("/event/channel", json!({"is checkout slow?": 1}))],
        );
        door.send(&door.signed(shape)).await;
    }
    let whole = lines.whole();
    assert!(whole.contains("a task was queued"), "the lines were caught");
    for hidden in ["checkout", "XXYYZZ", Slack::SECRET, "v0=", "p99"] {
        assert!(!whole.contains(hidden), "{hidden} was logged:\n{whole}");
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
    let call = door.signed(Door::fixture("app_mention"));
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
