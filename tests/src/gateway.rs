//! API Gateway's side: requests as its HTTP APIs hand them to a function, and answers as it reads them.

use axum::Router;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use shared::http::gateway::Incoming;
use tower::ServiceExt as _;

/// A request before API Gateway wraps it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, without a query.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// The headers; one that is here twice reaches the function joined by a comma, as API Gateway does it.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
    /// Whether the body travels as base64, as one does that API Gateway does not take for a text.
    pub base64: bool,
}

impl Call {
    /// A `POST` of JSON.
    #[must_use]
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            method: "POST",
            path: path.to_owned(),
            query: String::new(),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            base64: std::str::from_utf8(&body).is_err(),
            body,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this header in the place of all of its name, in whatever case.
    #[must_use]
    pub fn instead(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.with(name, value)
    }

    /// Without the headers of this name, in whatever case.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// The event that the function gets: payload format 2.0.
    #[must_use]
    pub fn event(&self) -> Value {
        let mut headers = Map::new();
        for (name, value) in &self.headers {
            let known = headers
                .iter_mut()
                .find(|(other, _)| other.eq_ignore_ascii_case(name));
            match known {
                Some((_, values)) => {
                    *values = format!("{},{value}", values.as_str().unwrap_or_default()).into();
                }
                None => drop(headers.insert(name.clone(), value.as_str().into())),
            }
        }
        if !headers.keys().any(|name| name.eq_ignore_ascii_case("host")) {
            headers.insert(
                "host".to_owned(),
                "abc.execute-api.eu-central-1.amazonaws.com".into(),
            );
        }
        headers.insert(
            "x-amzn-trace-id".to_owned(),
            "Root=1-5b475a8a-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".into(),
        );
        // Cookies travel in a list of their own, and not as a header.
        let is_cookie = |name: &String| name.eq_ignore_ascii_case("cookie");
        let cookies: Vec<String> = headers
            .keys()
            .find(|name| is_cookie(name))
            .cloned()
            .and_then(|name| headers.remove(&name))
            .and_then(|value| value.as_str().map(str::to_owned))
            .into_iter()
            .flat_map(|value| value.split("; ").map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let body = if self.base64 {
            BASE64_STANDARD.encode(&self.body)
        } else {
            String::from_utf8_lossy(&self.body).into_owned()
        };
        json!({
            "version": "2.0",
            "routeKey": format!("{} {}", self.method, self.path),
            "rawPath": self.path,
            "rawQueryString": self.query,
            "cookies": cookies,
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abc",
                "domainName": "abc.execute-api.eu-central-1.amazonaws.com",
                "domainPrefix": "abc",
                "http": {
                    "method": self.method,
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "Slackbot 1.0 (+https://api.slack.com/robots)",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": format!("{} {}", self.method, self.path),
                "stage": "$default",
                "time": "12/Jul/2018:18:36:58 +0000",
                "timeEpoch": 1_531_420_618_000_i64,
            },
            "body": body,
            "isBase64Encoded": self.base64,
        })
    }

    /// Sends it to `router`, through the same code that turns events into requests in Lambda.
    ///
    /// # Errors
    /// When the event is none that a function could read, or the answer's body breaks off.
    pub async fn send(&self, router: &Router) -> anyhow::Result<Answer> {
        send(&self.event(), router).await
    }
}

/// Sends an event to `router`, through the same code that turns events into requests in Lambda.
///
/// # Errors
/// When the event is none that a function could read, or the answer's body breaks off.
pub async fn send(event: &Value, router: &Router) -> anyhow::Result<Answer> {
    let incoming: Incoming = serde_json::from_str(&event.to_string())?;
    let request = lambda_http::Request::from(incoming);
    let (parts, body) = router.clone().oneshot(request).await?.into_parts();
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.collect().await?.to_bytes().to_vec())?,
    })
}

/// What a function answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A header's value; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

/// A header's value; empty when it is not there.
pub(crate) fn header<'a>(headers: &'a http::HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
