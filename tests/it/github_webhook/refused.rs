//! What is refused, and how.

use serde_json::{Value, json};
use shared::webhook::github::{self, GitHub};
use tests::{
    door::{
        Sender as _,
        github::{DELIVERY, event},
    },
    gateway::Call,
};

use super::Door;

#[tokio::test]
async fn every_false_signature_is_refused_alike() {
    let door = Door::new();
    let good = door.good();
    let signature = good
        .headers
        .iter()
        .find(|(name, _)| name == github::SIGNATURE)
        .map(|(_, value)| value.clone())
        .expect("it is signed");
    let hex = &signature[7..];
    let mut altered = good.clone();
    altered.body.push(b' ');
    let mut empty = good.clone();
    empty.body.clear();
    let sign = |value: &str| good.clone().instead(github::SIGNATURE, value);
    let first = if hex.starts_with('0') { "1" } else { "0" };
    let cases = [
        ("wrong", sign(&format!("sha256={first}{}", &hex[1..]))),
        (
            "of another secret",
            door.signed_with(GitHub::OTHER_SECRET, good.body.clone()),
        ),
        ("of no secret", door.signed_with("", good.body.clone())),
        ("altered", altered),
        ("body gone", empty),
        ("without signature", good.clone().without(github::SIGNATURE)),
        ("unsigned", Call::post(GitHub::PATH, good.body.clone())),
        (
            "signature doubled",
            good.clone().with(github::SIGNATURE, &signature),
        ),
        (
            "signature doubled in another case",
            good.clone().with("X-HUB-SIGNATURE-256", &signature),
        ),
        ("no algorithm", sign(hex)),
        ("another algorithm", sign(&format!("sha1={hex}"))),
        ("upper case", sign(&format!("sha256={}", hex.to_uppercase()))),
        ("short", sign(&signature[..40])),
        ("empty", sign("")),
        ("beyond ASCII", sign("sha256=é")),
        (
            "in the header of the older one",
            good.clone()
                .without(github::SIGNATURE)
                .with("x-hub-signature", &signature),
        ),
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
    assert_eq!(door.counted("DeliveryRejected", r#""reason":"mismatch""#), 5);
    assert_eq!(door.send(&good).await.status, 200, "untouched");
    assert_eq!(door.queue.drain().len(), 1);
}

#[tokio::test]
async fn a_signature_is_checked_over_the_raw_bytes_however_they_travel() {
    let door = Door::new();
    let mut wrapped = door.signed(Door::changed(
        "issues.opened",
        &[("/issue/title", json!("Slow 🐢"))],
    ));
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
    assert!(one.body.contains("Slow 🐢"), "{}", one.body);
    let bytes = [b"\xff\xfe".as_slice(), &Door::fixture("issues.opened")].concat();
    let mut bytes = door.signed(bytes).instead(github::EVENT, "issues");
    bytes.base64 = true;
    assert_eq!(
        door.status(bytes).await,
        400,
        "signed, but not a text: the signature held"
    );
}

#[tokio::test]
async fn a_signed_body_opens_nothing_under_the_name_of_another_event() {
    let used = |event: &str| !matches!(event, "ping" | "star" | "installation_target");
    let fixtures: Vec<_> = Door::fixtures()
        .into_iter()
        .map(|name| (event(&Door::fixture(&name)), name))
        .filter(|(event, _)| used(event))
        .collect();
    let mut refused = 0;
    for (own, name) in &fixtures {
        for (other, _) in &fixtures {
            if own == other {
                continue;
            }
            let door = Door::new();
            let forged = door.signed(Door::fixture(name)).instead(github::EVENT, other);
            assert_eq!(door.status(forged).await, 400, "{name} as {other}");
            assert_eq!(door.counted("DeliveryUnusable", ""), 1, "{name} as {other}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
}

#[tokio::test]
async fn headers_that_nobody_signed_are_told_by_name_when_they_are_not_what_github_sends() {
    let door = Door::new();
    let good = door.good();
    for (header, call) in [
        (github::EVENT, good.clone().without(github::EVENT)),
        (github::EVENT, good.clone().instead(github::EVENT, "")),
        (github::EVENT, good.clone().instead(github::EVENT, "Installation")),
        (github::EVENT, good.clone().with(github::EVENT, "installation")),
        (github::DELIVERY, good.clone().without(github::DELIVERY)),
        (github::DELIVERY, good.clone().instead(github::DELIVERY, "1")),
        (github::DELIVERY, good.clone().with(github::DELIVERY, DELIVERY)),
        (
            github::DELIVERY,
            good.clone().instead(github::DELIVERY, &"7".repeat(300)),
        ),
    ] {
        let answer = door.send(&call).await;
        assert_eq!(answer.status, 400, "{header}: {}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).expect("our error shape");
        assert_eq!(body["fields"][0]["field"], header);
    }
    assert!(door.queue.recorded().is_empty());
    assert_eq!(door.counted("DeliveryUnusable", ""), 8);
}

#[tokio::test]
async fn a_body_that_we_do_not_take_is_refused_by_its_fault() {
    let door = Door::new();
    let most = 6 * 1024 * 1024;
    let filled = |size: usize| {
        let with = |filler: String| Door::changed("issues.opened", &[("/issue/body", json!(filler))]);
        with("x".repeat(size - with(String::new()).len()))
    };
    let typed = |kind: &str| door.good().instead("content-type", kind);
    let installation = |body: &[u8]| door.signed(body).instead(github::EVENT, "installation");
    let but = |name: &str, pointer: &str, value: Value| {
        let event = event(&Door::fixture(name));
        door.signed(Door::changed(name, &[(pointer, value)]))
            .instead(github::EVENT, event)
    };
    for (case, call, status) in [
        ("as large as allowed", door.signed(filled(most)), 200),
        ("one byte more", door.signed(filled(most + 1)), 413),
        (
            "large and unsigned",
            Call::post(GitHub::PATH, vec![b'x'; most + 1]),
            413,
        ),
        ("a form", typed("application/x-www-form-urlencoded"), 415),
        (
            "JSON with a charset",
            typed("application/json; charset=utf-8"),
            200,
        ),
        (
            "compressed",
            typed("application/json").with("content-encoding", "gzip"),
            415,
        ),
        ("not JSON", installation(b"who is Ada?"), 400),
        ("nothing", installation(b""), 400),
        (
            "cut off",
            installation(&Door::fixture("installation.created")[..200]),
            400,
        ),
        ("no installation", but("push", "/installation", Value::Null), 400),
        (
            "an installation without a number",
            but("installation.created", "/installation/id", json!("52345678")),
            400,
        ),
        (
            "an installation with a negative number",
            but("push", "/installation/id", json!(-52_345_678)),
            400,
        ),
        (
            "no account",
            but("installation.deleted", "/installation/account", Value::Null),
            400,
        ),
        (
            "no time",
            but("installation.suspend", "/installation/updated_at", json!("today")),
            400,
        ),
        (
            "a repository without owner",
            but("repository.renamed", "/repository/full_name", json!("infra")),
            400,
        ),
    ] {
        let answer = door.send(&call).await;
        assert_eq!(answer.status, status, "{case}: {}", answer.body);
        assert_eq!(door.queue.drain().len(), usize::from(status == 200), "{case}");
        if status != 200 {
            let body: Value = serde_json::from_str(&answer.body).expect("our error shape");
            assert_eq!(body["request_id"], "JKJaXmPLvHcESHA=", "{case}");
        }
    }
    assert_eq!(door.counted("DeliveryUnusable", ""), 9);
}

#[tokio::test]
async fn other_methods_and_paths_are_told_so_in_our_error_shape() {
    let door = Door::new();
    let at = |method: &'static str, path: &str| Call {
        method,
        path: path.to_owned(),
        ..door.good()
    };
    for path in github_webhook::PATHS {
        for path in [path.to_owned(), format!("{path}/")] {
            assert_eq!(door.send(&at("POST", &path)).await.status, 200, "{path}");
            assert_eq!(door.queue.drain().len(), 1, "{path}");
            for method in ["GET", "PUT", "DELETE"] {
                let answer = door.send(&at(method, &path)).await;
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(answer.header("allow"), "POST", "{method} {path}");
            }
        }
    }
    for path in [
        "/",
        "/webhooks",
        "/webhooks/github/x",
        "/webhooks/clerk",
        "/integrations/github",
    ] {
        let answer = door.send(&at("POST", path)).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains(r#""code":"not_found""#), "{path}");
    }
    assert!(door.queue.recorded().is_empty());
}
