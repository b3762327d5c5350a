//! What is refused, and how.

use serde_json::{Value, json};
use shared::{
    clock::Clock as _,
    webhook::svix::{self, Clerk},
};
use tests::{
    door::{Sender as _, clerk::DELIVERY},
    gateway::Call,
};

use super::Door;

#[tokio::test]
async fn every_false_signature_is_refused_alike() {
    let door = Door::new();
    let good = door.signed(Door::fixture("user.created"));
    let signature = good
        .headers
        .iter()
        .find(|(name, _)| name == svix::SIGNATURE)
        .map(|(_, value)| value.clone())
        .expect("it is signed");
    let at = |offset: i64| {
        let now = door.clock.now() + chrono::TimeDelta::seconds(offset);
        svix::sign(Clerk::SECRET, DELIVERY, now, &good.body)
            .into_iter()
            .fold(good.clone(), |call, (name, value)| call.instead(name, &value))
    };
    let mut altered = good.clone();
    altered.body.push(b' ');
    let mut empty = good.clone();
    empty.body.clear();

    let with = |name: &str, value: &str| good.clone().instead(name, value);
    let sign = |value: &str| with(svix::SIGNATURE, value);
    let first = if signature.starts_with("v1,A") { "B" } else { "A" };
    let cases = [
        ("wrong", sign(&format!("v1,{first}{}", &signature[4..]))),
        (
            "of another secret",
            door.signed_with(Clerk::OTHER_SECRET, good.body.clone()),
        ),
        ("of no secret", door.signed_with("", good.body.clone())),
        (
            "of another delivery",
            with(svix::ID, "msg_2gDelivery0000000000000002"),
        ),
        ("of another time", with(svix::TIMESTAMP, "1716883202")),
        ("altered", altered),
        ("body gone", empty),
        ("stale", at(-301)),
        ("from the future", at(301)),
        ("without signature", good.clone().without(svix::SIGNATURE)),
        ("without time", good.clone().without(svix::TIMESTAMP)),
        ("without id", good.clone().without(svix::ID)),
        ("unsigned", Call::post(Clerk::PATH, good.body.clone())),
        (
            "signature doubled",
            good.clone().with(svix::SIGNATURE, &signature),
        ),
        (
            "signature doubled in another case",
            good.clone().with("SVIX-SIGNATURE", &signature),
        ),
        ("time doubled", good.clone().with(svix::TIMESTAMP, "1716883201")),
        ("id doubled", good.clone().with(svix::ID, DELIVERY)),
        ("id with a dot", with(svix::ID, "msg_1.1716883201")),
        ("id empty", with(svix::ID, "")),
        ("another version", sign(&signature.replace("v1,", "v2,"))),
        ("no version", sign(&signature[3..])),
        ("not base64", sign("v1,%%%")),
        ("short", sign("v1,c2hvcnQ=")),
        ("empty", sign("")),
        ("beyond ASCII", sign("v1,é")),
        ("seventeen", sign(&vec![signature.as_str(); 17].join(" "))),
        ("time not a number", with(svix::TIMESTAMP, "abc")),
        ("time negative", with(svix::TIMESTAMP, "-1716883201")),
        ("time in milliseconds", with(svix::TIMESTAMP, "1716883201000")),
        (
            "half of another family",
            good.clone()
                .without(svix::SIGNATURE)
                .with(svix::STANDARD_SIGNATURE, &signature),
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
    assert_eq!(door.counted("DeliveryRejected", r#""reason":"mismatch""#), 7);
    assert_eq!(door.counted("DeliveryRejected", r#""reason":"stale""#), 2);

    for (case, call) in [("old", at(-300)), ("ahead", at(300)), ("untouched", good.clone())] {
        assert_eq!(door.send(&call).await.status, 200, "{case}");
    }
    assert_eq!(door.queue.drain().len(), 3);
}

#[tokio::test]
async fn a_signature_is_checked_over_the_raw_bytes_however_they_travel() {
    let door = Door::new();
    let mut wrapped = door.signed(Door::changed(
        "user.created",
        &[("/data/first_name", json!("Ada 🐢"))],
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
    assert!(one.body.contains("Ada 🐢"), "{}", one.body);
    let mut bytes = door.signed([b"\xff\xfe".as_slice(), &Door::fixture("user.created")].concat());
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
        let with = |filler: String| Door::changed("user.created", &[("/data/filler", json!(filler))]);
        with("x".repeat(size - with(String::new()).len()))
    };
    let typed = |kind: &str| {
        door.signed(Door::fixture("user.created"))
            .instead("content-type", kind)
    };
    let but = |name: &str, pointer: &str, value: Value| door.signed(Door::changed(name, &[(pointer, value)]));
    for (case, call, status) in [
        ("as large as allowed", door.signed(filled(1024 * 1024)), 200),
        ("one byte more", door.signed(filled(1024 * 1024 + 1)), 413),
        (
            "large and unsigned",
            Call::post(Clerk::PATH, vec![b'x'; 5_000_000]),
            413,
        ),
        ("a form", typed("application/x-www-form-urlencoded"), 415),
        ("a text", typed("text/plain"), 415),
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
        ("not JSON", door.signed("who is Ada?"), 400),
        ("nothing", door.signed(""), 400),
        ("cut off", door.signed(&Door::fixture("user.created")[..200]), 400),
        ("no kind", but("user.created", "/type", Value::Null), 400),
        (
            "another instance's",
            but("user.created", "/instance_id", json!("ins_2gAnother")),
            403,
        ),
        (
            "no instance's",
            but("user.created", "/instance_id", Value::Null),
            403,
        ),
        (
            "another instance's, of a kind that we do not use",
            but("email.created", "/instance_id", json!("ins_2gAnother")),
            403,
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
    assert_eq!(door.counted("DeliveryUnusable", ""), 7);
}

#[tokio::test]
async fn a_kind_that_we_use_with_another_body_is_refused_by_the_path_of_its_fault() {
    // Of what is missing, the path is that of the thing it is missing in.
    for (kind, pointer, value, path) in [
        ("user.created", "/data", Value::Null, "data"),
        ("user.created", "/data", json!("Ada"), "data"),
        ("user.updated", "/data/id", Value::Null, "data"),
        ("user.updated", "/data/id", json!("org_2gAcme"), "data.id"),
        (
            "user.updated",
            "/data/updated_at",
            json!("today"),
            "data.updated_at",
        ),
        (
            "user.updated",
            "/data/email_addresses/1/email_address",
            json!(7),
            "data.email_addresses[1].email_address",
        ),
        ("user.deleted", "/data/deleted", Value::Null, "data"),
        ("user.deleted", "/data/deleted", json!(false), "data.deleted"),
        (
            "organizationMembership.deleted",
            "/data/public_user_data/user_id",
            json!(""),
            "data.public_user_data.user_id",
        ),
        ("session.ended", "/timestamp", Value::Null, "timestamp"),
        ("session.revoked", "/timestamp", json!("now"), "timestamp"),
    ] {
        let body = Door::changed(kind, &[(pointer, value)]);
        assert_eq!(faulty(body).await, path, "{kind}, {pointer}");
    }
    // Whose name is another's: a person who is there as gone and the other way round, and each thing as another.
    for (kind, as_kind, path) in [
        ("user.created", "user.deleted", "data"),
        ("user.deleted", "user.created", "data"),
        ("organization.created", "user.created", "data.id"),
        ("user.deleted", "organization.deleted", "data.id"),
        ("user.created", "session.ended", "data.id"),
        (
            "organizationInvitation.created",
            "organizationMembership.created",
            "data",
        ),
    ] {
        let body = Door::changed(kind, &[("/type", json!(as_kind))]);
        assert_eq!(faulty(body).await, path, "{kind} as {as_kind}");
    }
}

/// Sends a body that is refused; answers where its fault is.
async fn faulty(body: Vec<u8>) -> String {
    let door = Door::new();
    let answer = door.send(&door.signed(body)).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(door.queue.recorded().is_empty());
    assert_eq!(door.counted("DeliveryUnusable", ""), 1);
    let body: Value = serde_json::from_str(&answer.body).expect("our error shape");
    let field = body["fields"][0]["field"].as_str();
    field.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn other_methods_and_paths_are_told_so_in_our_error_shape() {
    let door = Door::new();
    let at = |method: &'static str, path: &str| Call {
        method,
        path: path.to_owned(),
        ..door.signed(Door::fixture("user.created"))
    };
    assert_eq!(door.send(&at("POST", "/webhooks/clerk/")).await.status, 200);
    assert_eq!(door.queue.drain().len(), 1);
    for (method, path) in [
        ("GET", Clerk::PATH),
        ("PUT", Clerk::PATH),
        ("DELETE", "/webhooks/clerk/"),
    ] {
        let answer = door.send(&at(method, path)).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), "POST", "{method} {path}");
        assert!(answer.body.contains(r#""code":"method_not_allowed""#), "{method}");
    }
    for path in [
        "/",
        "/webhooks",
        "/webhooks/clerk/x",
        "/webhooks/Clerk",
        "/slack/events",
    ] {
        let answer = door.send(&at("POST", path)).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains(r#""code":"not_found""#), "{path}");
    }
    assert!(door.queue.recorded().is_empty());
}
