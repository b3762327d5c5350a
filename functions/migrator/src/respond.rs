//! The answer to CloudFormation: a `PUT` of a small JSON document to an address that it names.

use std::{fmt, time::Duration};

use http::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Serialize;
use serde_json::Value;

use crate::event::Event;

/// CloudFormation takes answers of 4096 bytes at most.
const MAX_BYTES: usize = 4096;
/// How long one attempt may take; three of them fit into the time that is kept for the answer.
const ATTEMPT: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// What CloudFormation is told.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    status: &'static str,
    reason: String,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    data: Value,
}

impl Response {
    /// The answer to `event`: what the run brought, or why it failed.
    #[must_use]
    pub fn new(event: &Event, outcome: Result<Value, String>) -> Self {
        let (status, reason, data) = match outcome {
            Ok(data) => ("SUCCESS", String::new(), data),
            Err(reason) => ("FAILED", reason, Value::Object(serde_json::Map::new())),
        };
        Self {
            status,
            reason,
            physical_resource_id: event.physical_resource_id.clone(),
            stack_id: event.stack_id.clone(),
            request_id: event.request_id.clone(),
            logical_resource_id: event.logical_resource_id.clone(),
            data,
        }
    }

    /// As JSON; the reason is cut where the whole would be too long.
    fn encode(&self) -> Result<String, serde_json::Error> {
        let mut response = self.clone();
        loop {
            let body = serde_json::to_string(&response)?;
            if body.len() <= MAX_BYTES || response.reason.is_empty() {
                return Ok(body);
            }
            // Escapes make a text longer than it is, so it is cut in proportion until it fits.
            let keep = response.reason.len() * MAX_BYTES / body.len();
            let end = (0..=keep)
                .rev()
                .find(|end| response.reason.is_char_boundary(*end))
                .unwrap_or(0);
            response.reason.truncate(end);
        }
    }
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RespondError {
    /// The address cannot be used.
    #[error("the address for the answer is not usable")]
    Address(#[from] http::Error),
    /// The answer is not JSON.
    #[error("the answer cannot be written")]
    Encoding(#[from] serde_json::Error),
    /// Nobody took it.
    #[error("the answer could not be delivered: {0}")]
    Undelivered(String),
}

/// Delivers answers.
#[derive(Clone)]
pub struct Responder {
    client: Client<HttpsConnector<HttpConnector>, String>,
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").finish_non_exhaustive()
    }
}

impl Responder {
    /// Trusts the public roots. Speaks plain HTTP as well: an emulator of AWS does.
    ///
    /// # Errors
    /// When there is no TLS at all, which the build rules out.
    pub fn new() -> Result<Self, rustls::Error> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// Puts an answer to where CloudFormation waits for it, in up to three attempts.
    ///
    /// No content type is sent: the address is signed for a request without one.
    ///
    /// # Errors
    /// When it was not taken.
    #[tracing::instrument(name = "migrator.respond", skip_all, err(level = "debug"))]
    pub async fn send(&self, url: &str, response: &Response) -> Result<(), RespondError> {
        let body = response.encode()?;
        let mut problem = String::new();
        for attempt in 1..=ATTEMPTS {
            let request = Request::put(url).body(body.clone())?;
            match tokio::time::timeout(ATTEMPT, self.client.request(request)).await {
                Ok(Ok(answer)) if answer.status().is_success() => return Ok(()),
                Ok(Ok(answer)) => problem = format!("status {}", answer.status().as_u16()),
                Ok(Err(error)) => problem = error.to_string(),
                Err(_) => "no answer in time".clone_into(&mut problem),
            }
            tracing::warn!(attempt, problem, "CloudFormation did not take the answer");
            if attempt < ATTEMPTS {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(RespondError::Undelivered(problem))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Event {
        Event {
            response_url: "https://example.com".to_owned(),
            stack_id: "stack".to_owned(),
            request_id: "request".to_owned(),
            logical_resource_id: "Migrations".to_owned(),
            physical_resource_id: "infragpt-Migrations".to_owned(),
        }
    }

    #[test]
    fn an_answer_repeats_who_is_answered_and_says_how_it_went() {
        let body = Response::new(&event(), Ok(json!({ "Version": "4" })))
            .encode()
            .expect("it is JSON");
        let body: Value = serde_json::from_str(&body).expect("it is JSON");
        assert_eq!(
            body,
            json!({
                "Status": "SUCCESS", "Reason": "", "PhysicalResourceId": "infragpt-Migrations", "StackId": "stack",
                "RequestId": "request", "LogicalResourceId": "Migrations", "Data": { "Version": "4" },
            })
        );
    }

    #[test]
    fn a_long_reason_is_cut_to_what_cloudformation_takes() {
        for reason in [
            "no\n\"way\" ".repeat(2_000),
            "\u{1F525}".repeat(3_000),
            "é\u{1}".repeat(4_000),
        ] {
            let body = Response::new(&event(), Err(reason.clone()))
                .encode()
                .expect("it is JSON");
            assert!(body.len() <= MAX_BYTES, "{}", body.len());
            let body: Value = serde_json::from_str(&body).expect("it is JSON");
            let kept = body["Reason"].as_str().expect("a text");
            assert!(reason.starts_with(kept) && kept.len() > 500, "{}", kept.len());
        }
    }
}
