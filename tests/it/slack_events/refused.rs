//! What is refused, and how.

use serde_json::{Value, json};
use shared::{
    clock::Clock as _,
    webhook::slack::{self, Slack},
};
use tests::{door::Sender as _, gateway::Call};

use super::Door;

#[tokio::test]
async fn every_false_signature_is_refused_alike() {
    let door = Door::new();
    let good = door.signed(Door::fixture("app_mention"));
    let signature = good
        .headers
        .iter()
        .find(|(name, _)| name == slack::SIGNATURE)
        .map(|(_, value)| value.clone())
        .expect("it is signed");
    let at = |offset: i64| {
        let now = door.clock.now() + chrono::TimeDelta::seconds(offset);
        slack::sign(Slack::SECRET, now, &good.body)
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
    let mut wrapped = door.signed(Door::fixture("app_mention"));
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

    let mut bytes = door.signed([b"\xff\xfe".as_slice(), &Door::fixture("app_mention")].concat());
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
        let empty = Door::changed("app_mention", &[("/event/filler", json!(""))]).len();
        Door::changed(
            "app_mention",
            &[("/event/filler", json!("x".repeat(size - empty)))],
        )
    };
    let nested = |depth: usize| {
        let deep = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"type":"something_new","deep":{deep}}}"#).into_bytes()
    };
    let typed = |kind: &str| {
        door.signed(Door::fixture("app_mention"))
            .instead("content-type", kind)
    };
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
            door.signed(Door::fixture("app_mention")).without("content-type"),
            415,
        ),
        (
            "compressed",
            door.signed(Door::fixture("app_mention"))
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
        ("cut off", door.signed(&Door::fixture("app_mention")[..200]), 400),
        ("not an object", door.signed("[]"), 400),
        (
            "a field of another type",
            door.signed(Door::changed("app_mention", &[("/event/channel", json!(7))])),
            400,
        ),
        (
            "a channel that is none",
            door.signed(Door::changed(
                "app_mention",
                &[("/event/channel", json!("C0 OPS"))],
            )),
            400,
        ),
        (
            "another app's",
            door.signed(Door::changed("app_mention", &[("/api_app_id", json!("A0OTHER"))])),
            403,
        ),
        (
            "no app's",
            door.signed(Door::changed("app_mention", &[("/api_app_id", Value::Null)])),
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

    let odd = Door::changed("app_mention", &[("/event/ts", json!("yesterday"))]);
    let answer = door.send(&door.signed(odd)).await;
    insta::assert_snapshot!(answer.body, @r#"{"code":"malformed","message":"the body cannot be read","fields":[{"field":"event.ts","message":"is not a message timestamp"}],"request_id":"JKJaXmPLvHcESHA="}"#);
}

#[tokio::test]
async fn other_methods_and_paths_are_told_so_in_our_error_shape() {
    let door = Door::new();
    let slashed = Call {
        path: "/slack/events/".to_owned(),
        ..door.signed(Door::fixture("app_mention"))
    };
    assert_eq!(door.send(&slashed).await.status, 200);
    assert_eq!(door.queue.drain().len(), 1);

    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let call = Call {
            method,
            ..door.signed(Door::fixture("app_mention"))
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
            ..door.signed(Door::fixture("app_mention"))
        };
        let answer = door.send(&call).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains(r#""code":"not_found""#), "{path}");
    }
    assert!(door.queue.recorded().is_empty());
}

#[tokio::test]
async fn nothing_odd_around_a_delivery_sets_off_a_server_error() {
    let door = Door::new();
    let good = || door.signed(Door::fixture("app_mention"));
    for (name, value) in [
        ("X-Forwarded-Proto", "::"),
        ("X-Forwarded-Proto", "é"),
        ("Host", "a b"),
        ("Host", "[::1"),
        ("Host", "x:99999"),
        ("Host", ""),
        ("Host", "x/y"),
        ("X-Odd", "\u{1}\u{7f}"),
        ("X Odd", "x"),
        ("Cookie", "a=\n"),
    ] {
        let answer = door.send(&good().with(name, value)).await;
        assert_eq!(answer.status, 200, "{name}: {value:?}");
        assert_eq!(door.queue.drain().len(), 1, "{name}: {value:?}");
        let forged = good().with(name, value).instead(slack::SIGNATURE, "v0=");
        assert_eq!(door.status(forged).await, 401, "{name}: {value:?}");
    }
    let unreadable = good().instead(slack::SIGNATURE, "v0=\u{1}");
    assert_eq!(
        door.status(unreadable).await,
        401,
        "a signature that HTTP does not allow"
    );
    for path in [
        "@x:99999/",
        "/slack/\u{0}",
        "/slack/a b",
        "/slack/é\n",
        "/slack/[",
        "\\\\",
    ] {
        let call = Call {
            path: path.to_owned(),
            ..good()
        };
        assert_eq!(door.status(call).await, 404, "{path:?}");
    }
    let mut event = good().event();
    event["requestContext"]["domainName"] = json!("abc.execute-api.127.0.0.1");
    event["headers"]["host"] = json!("127.0.0.1:20778");
    assert_eq!(door.answer(&event).await.status, 200, "an emulator's address");
    event["headers"]["host"].take();
    assert_eq!(door.answer(&event).await.status, 200, "no host");
    assert_eq!(door.queue.drain().len(), 2);
    for query in ["a=<b> c", "\u{1}", "é", "#"] {
        let mut event = good().event();
        event["rawQueryString"] = json!(query);
        assert_eq!(door.answer(&event).await.status, 200, "{query:?}");
        assert_eq!(door.queue.drain().len(), 1, "{query:?}");
    }
}
