//! The API of connections: who may do what, what clients that exist send, and what somebody tries who may not.

mod attacks;
mod browsers;
mod clients;

use serde_json::Value;
use tests::{
    gateway::{Answer, Call},
    integrations::World,
    people::{Person, WEB_ORIGIN, read},
};

/// The status and the code of an answer in our error shape, and the field that it names first.
fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = read(answer);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert!(!text(&body["message"]).is_empty(), "{}", answer.body);
    (
        answer.status,
        text(&body["code"]),
        text(&body["fields"][0]["field"]),
    )
}

fn told(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

/// A request of a page of the same origin, whose session is proven by a cookie.
fn from_page(world: &World, person: &Person, path: &str, body: &Value, cookie: &str) -> Call {
    let token = world.people.token(person);
    let cookies = [format!("__session={token}"), cookie.to_owned()];
    Call::post(path, body.to_string())
        .with("sec-fetch-site", "same-origin")
        .with("origin", WEB_ORIGIN)
        .with("cookie", cookies.join("; ").trim_end_matches("; "))
}
