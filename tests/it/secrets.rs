//! Secrets Manager as AWS speaks it over HTTP, and what we make of its answers.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::{
    aws::Patience,
    secret::manager::{SecretError, SecretStore},
};
use tests::local::sdk;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slack-AbCdEf";

/// The newest version last; what it answers in the place of everything else, if anything.
#[derive(Default)]
struct Service {
    versions: Vec<String>,
    instead: Option<(u16, String)>,
    calls: usize,
}

type Shared = Arc<Mutex<Service>>;

async fn answer(State(service): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let mut service = service.lock().expect("not poisoned");
    service.calls += 1;
    if let Some((status, body)) = service.instead.clone() {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, [("content-type", "application/x-amz-json-1.1")], body).into_response();
    }
    let request: Value = serde_json::from_str(&body).expect("AWS JSON");
    assert_eq!(request["SecretId"], ARN);
    match headers["x-amz-target"].to_str().expect("text") {
        "secretsmanager.PutSecretValue" => {
            let value = request["SecretString"].as_str().expect("a text").to_owned();
            service.versions.push(value);
            Json(json!({ "ARN": ARN, "VersionId": service.versions.len().to_string() })).into_response()
        }
        "secretsmanager.GetSecretValue" => {
            let back = match request["VersionStage"].as_str() {
                Some("AWSCURRENT") => 1,
                Some("AWSPREVIOUS") => 2,
                other => panic!("stage {other:?}"),
            };
            let index = service.versions.len().checked_sub(back);
            let Some(value) = index.and_then(|index| service.versions.get(index)) else {
                let fault = json!({
                    "__type": "ResourceNotFoundException",
                    "Message": "Secrets Manager can't find the specified secret value for staging label",
                });
                return (StatusCode::BAD_REQUEST, Json(fault)).into_response();
            };
            Json(json!({
                "ARN": ARN,
                "Name": "slack",
                "VersionId": "v",
                "SecretString": value,
                "CreatedDate": 1_531_420_618.25,
            }))
            .into_response()
        }
        other => panic!("nobody asked for {other}"),
    }
}

/// Runs `story` beside a Secrets Manager.
async fn beside<F: Future>(story: impl FnOnce(SecretStore, Shared) -> F) -> F::Output {
    let service = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let aws = sdk(&format!("http://{address}"), Patience::SENDER_WAITS).expect("no CA bundle is named");
    let routes = Router::new()
        .route("/", post(answer))
        .with_state(Arc::clone(&service));
    let serving = axum::serve(listener, routes);
    tokio::select! {
        ended = serving.into_future() => panic!("the service ended: {ended:?}"),
        told = story(SecretStore::new(&aws), service) => told,
    }
}

#[tokio::test]
async fn a_secret_is_written_and_read_and_its_predecessor_with_it() {
    beside(async |store, _| {
        assert!(matches!(
            store.current(ARN).await,
            Err(SecretError::Missing { arn }) if arn == ARN
        ));
        let old = json!({ "port": 5432 });
        store.put_json(ARN, &old).await.expect("it is written");
        assert!(store.previous(ARN).await.expect("it answers").is_none());

        store
            .put_json(ARN, &json!({ "port": 5433 }))
            .await
            .expect("it is written");
        assert_eq!(
            store.json::<Value>(ARN).await.expect("it is there"),
            json!({ "port": 5433 })
        );
        let previous = store
            .previous(ARN)
            .await
            .expect("it answers")
            .expect("there is one");
        assert_eq!(previous.value.expose_secret(), old.to_string());
        assert_eq!(previous.created_at.timestamp_millis(), 1_531_420_618_250);
    })
    .await;
}

#[tokio::test]
async fn failures_are_told_apart_and_none_repeats_a_secret() {
    beside(async |store, service: Shared| {
        let instead = |status: u16, body: &str| {
            let mut service = service.lock().expect("not poisoned");
            service.instead = Some((status, body.to_owned()));
            service.calls = 0;
        };
        let calls = || service.lock().expect("not poisoned").calls;

        instead(400, r#"{"__type":"AccessDeniedException","Message":"no"}"#);
        assert!(matches!(
            store.current(ARN).await,
            Err(SecretError::Refused { .. })
        ));
        assert_eq!(calls(), 1, "a refusal is final");

        instead(500, r#"{"__type":"InternalServiceError","Message":"trouble"}"#);
        let error = store.current(ARN).await.expect_err("it is in trouble");
        assert!(error.is_outage(), "{error:?}");
        assert_eq!(calls(), 2, "trouble is tried once more");

        for body in [
            r#"{"SecretString":"hunter2","CreatedDate":"hunter2"}"#,
            r#"{"SecretString":"hunter2""#,
            r#"{"SecretString":"hunter2"}"#,
            r#"{"SecretBinary":"aHVudGVyMg==","CreatedDate":1531420618}"#,
        ] {
            instead(200, body);
            let error = store.current(ARN).await.expect_err("it is broken");
            let causes =
                std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            let shown: Vec<_> = causes.map(|error| format!("{error} {error:?}")).collect();
            let shown = shown.join(" ");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_outage() {
    // Nobody listens on the discard port.
    let aws = sdk("http://127.0.0.1:9", Patience::SENDER_WAITS).expect("no CA bundle is named");
    let error = SecretStore::new(&aws)
        .current(ARN)
        .await
        .expect_err("nobody is there");
    assert!(error.is_outage(), "{error:?}");
}
