//! What browsers need: exact origins, also on errors; and routes with and without a slash.

use serde_json::{Value, json};
use tests::{
    gateway::{Answer, Call},
    people::{People, WEB_ORIGIN, bearer},
};

use super::{plain, refusal};

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

fn preflight(path: &str, origin: &str) -> Call {
    Call {
        method: "OPTIONS",
        ..Call::post(path, "")
    }
    .without("content-type")
    .with("origin", origin)
    .with("access-control-request-method", "POST")
    .with("access-control-request-headers", "authorization,content-type")
}

#[tokio::test]
async fn the_web_clients_origin_may_call_and_no_other() {
    let people = People::start().await.expect("a world");
    for path in [
        "/identity/me/",
        "/identity/organization/set-metadata/",
        "/identity/audit",
    ] {
        let answer = people.send(&preflight(path, WEB_ORIGIN)).await;
        assert_eq!(
            (answer.status, answer.header(ALLOW_ORIGIN)),
            (200, WEB_ORIGIN),
            "{path}"
        );
        for header in ["authorization", "content-type"] {
            assert!(
                answer.header("access-control-allow-headers").contains(header),
                "{header}"
            );
        }
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            "",
            "cookies are for the same origin"
        );
    }
    for stranger in [
        "https://evil.example.com",
        "https://app.example.com.evil.com",
        "http://app.example.com",
        "https://app.example.com:444",
        "null",
    ] {
        let answer = people.send(&preflight("/identity/me/", stranger)).await;
        assert_eq!(answer.header(ALLOW_ORIGIN), "", "{stranger}");
    }
}

#[tokio::test]
async fn errors_can_be_read_by_the_web_client_too() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let from = |call: Call| call.with("origin", WEB_ORIGIN);
    let unknown = Call::post("/identity/nothing/", "{}");
    let wrong = Call {
        method: "DELETE",
        ..Call::post("/identity/me/", "{}")
    };
    let other = json!({"clerk_user_id": "user_x"});
    let cases: [(Call, u16); 4] = [
        (Call::post("/identity/me/", "{}"), 401),
        (unknown, 404),
        (wrong, 405),
        (bearer("/identity/me", &people.token(&ada), &other), 404),
    ];
    for (call, status) in cases {
        let answer: Answer = people.send(&from(call.clone())).await;
        assert_eq!(
            (answer.status, answer.header(ALLOW_ORIGIN)),
            (status, WEB_ORIGIN),
            "{call:?}"
        );
        assert!(
            answer
                .header("access-control-expose-headers")
                .contains("x-request-id")
        );
        assert!(answer.header("vary").contains("origin"));
    }
}

#[tokio::test]
async fn every_route_is_there_with_and_without_a_slash_and_other_methods_are_told_so() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let document = serde_json::to_value(identity_api::description()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 8, "{:?}", paths.keys());
    for (path, operations) in paths {
        let method = if operations.get("post").is_some() {
            "POST"
        } else {
            "GET"
        };
        for path in [path.clone(), format!("{path}/")] {
            let call = |method| Call {
                method,
                path: path.clone(),
                ..bearer("", &people.token(&ada), &json!({}))
            };
            let answer = people.send(&call(method)).await;
            assert!(
                ![404, 405].contains(&answer.status),
                "{method} {path}: {}",
                answer.body
            );
            let other = people.send(&call("PUT")).await;
            assert_eq!(refusal(&other), plain(405, "method_not_allowed"), "{path}");
            assert!(other.header("allow").contains(method), "{path}");
        }
        let twice = Call {
            path: format!("{path}//"),
            method,
            ..Call::post("", "{}")
        };
        assert_eq!(people.send(&twice).await.status, 404, "{path}//");
    }
}

#[tokio::test]
async fn the_api_describes_itself_and_the_committed_description_is_that_of_the_code() {
    let people = People::start().await.expect("a world");
    let call = Call {
        method: "GET",
        ..Call::post("/openapi.json", "")
    };
    let answer = people.send(&call).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(answer.body, tests::api::document(), "run `cargo xtask codegen`");
    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let responses = operation["responses"].as_object().expect("responses");
            let is_open = operation["security"] == json!([{}]);
            assert_eq!(responses.contains_key("401"), !is_open, "{method} {path}");
            assert!(
                operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
                "{path}"
            );
        }
    }
    // Every name that is referred to is described.
    let text = document.to_string();
    for name in text
        .split("#/components/schemas/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
