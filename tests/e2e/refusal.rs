//! What the door does not let in.

use serde_json::json;

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
