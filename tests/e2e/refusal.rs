//! What the door does not let in.

use http::StatusCode;
use serde_json::{Value, json};
use shared::{
    clock::{self, Clock as _, SystemClock},
    webhook::svix,
};

use crate::{
    door::{Headers, signed},
    world::World,
};

/// Nothing of it reaches a queue: [`trace::door_to_answer`](crate::trace::door_to_answer) counts what was queued.
pub(crate) async fn forgeries(world: &World) {
    let ts = world.write_mention("let me in");
    let event = world.events(&ts).remove(0);
    let body = serde_json::to_vec(&event).expect("JSON");
    let secret = world.signing_secret.borrow().clone();
    let good = signed(&secret, &body);

    let mut altered = body.clone();
    altered.push(b' ');
    let stale = good
        .iter()
        .map(|(name, value)| match value.parse::<i64>() {
            Ok(seconds) => (*name, (seconds - 301).to_string()),
            Err(_) => (*name, value.clone()),
        })
        .collect();
    let cases: [(&str, Headers, &[u8]); 4] = [
        (
            "signed with another secret",
            signed("another secret altogether", &body),
            &body,
        ),
        ("an altered body", good, &altered),
        ("another time than was signed", stale, &body),
        ("no signature", Headers::new(), &body),
    ];
    for (case, headers, body) in cases {
        for path in ["/slack/events", "/slack/events/"] {
            let answer = world.door.post(path, &headers, body).await;
            assert_eq!(answer.status.as_u16(), 401, "{case}: {answer:?}");
        }
    }
    let elsewhere = world
        .door
        .post("/slack/elsewhere", &signed(&secret, &body), &body)
        .await;
    assert_eq!(elsewhere.status.as_u16(), 404);
}

/// How Slack asks whether the address is ours, when it is pasted into the app's settings.
pub(crate) async fn url_verification(world: &World) {
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    let body = json!({"type": "url_verification", "challenge": challenge, "token": "outdated"}).to_string();
    let headers = signed(&world.signing_secret.borrow().clone(), body.as_bytes());
    for path in ["/slack/events", "/slack/events/"] {
        let answer = world.door.post(path, &headers, body.as_bytes()).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, challenge));
    }
    let forged = signed("another secret altogether", body.as_bytes());
    let answer = world.door.post("/slack/events", &forged, body.as_bytes()).await;
    assert_eq!(answer.status.as_u16(), 401);
    assert!(!answer.body.contains(challenge), "a stranger gets no echo");
}

/// What Clerk did not sign now, or another instance of Clerk did, is refused, and nothing of it reaches the queue.
pub(crate) async fn webhooks(world: &World) {
    let (founder, _) = world.founder("Heath", "heath");
    world.webhooks_come().await;
    let clerk = world.clerk.now();
    clerk.update_organization(&founder.organization, "Nobody", "heath");
    let [event] = &clerk.drain()[..] else {
        panic!("one change is told of once");
    };
    let secret = &world.stack.clerk_signing_secret;
    let now = SystemClock.now();
    let body = event.body.as_str();
    let sign = |secret: &str, at| svix::sign(secret, &event.id, at, body.as_bytes());
    let good = sign(secret, now);
    let mut elsewhere: Value = serde_json::from_str(body).expect("JSON");
    elsewhere["instance_id"] = "ins_2somebodyElse".into();
    let elsewhere = elsewhere.to_string();
    let signed_elsewhere = svix::sign(secret, &event.id, now, elsewhere.as_bytes());
    let old = clock::before(now, std::time::Duration::from_secs(301));

    let cases: [(&str, &[_], &str, StatusCode); 6] = [
        (
            "signed with another secret",
            &sign("whsec_bm9ib2R5IGtub3dzIHRoaXMgc2VjcmV0", now),
            body,
            StatusCode::UNAUTHORIZED,
        ),
        (
            "an altered body",
            &good,
            &body.replace("Nobody", "Somebody"),
            StatusCode::UNAUTHORIZED,
        ),
        (
            "signed too long ago",
            &sign(secret, old),
            body,
            StatusCode::UNAUTHORIZED,
        ),
        (
            "another delivery than was signed",
            &renamed(&good),
            body,
            StatusCode::UNAUTHORIZED,
        ),
        ("no signature", &[], body, StatusCode::UNAUTHORIZED),
        (
            "of another instance",
            &signed_elsewhere,
            &elsewhere,
            StatusCode::FORBIDDEN,
        ),
    ];
    for (case, headers, body, status) in cases {
        let answer = world.webhooks.send_signed(headers, body).await;
        let answer = answer.expect("the API answers");
        assert_eq!(answer.status, status, "{case}: {}", answer.body);
    }
    // Behind whatever came through, in the same group: the name was never another.
    world
        .clerk
        .now()
        .update_organization(&founder.organization, "Heather", "heath");
    world.webhooks_come().await;
    assert_eq!(world.me(&founder).await["name"], "Heather");
    let updates = world.record(&founder, "organization.updated").await;
    assert_eq!(updates.len(), 2, "founded and renamed: {updates:?}");
}

/// The headers of a signature with the id of another delivery.
fn renamed(headers: &[(&'static str, String)]) -> Headers {
    let other = |(name, value): &(&'static str, String)| match *name {
        svix::ID => (*name, format!("{value}0")),
        _ => (*name, value.clone()),
    };
    headers.iter().map(other).collect()
}
