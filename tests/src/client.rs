//! A client of what is deployed: sends a request and reads the whole answer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::body::Bytes;
use http::{HeaderMap, Request, StatusCode, request::Builder};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use shared::connector::fake::Sent;

use crate::gateway;

/// Sends requests; clones share their connections, and what they keep.
#[derive(Debug, Clone)]
pub struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    kept: Option<Arc<Mutex<Vec<Kept>>>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// The time from the request to the end of the answer.
    pub took: Duration,
}

/// An answer, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The path of the request.
    pub path: String,
    /// The answer.
    pub answer: Answer,
}

impl Client {
    /// A client that forgets.
    #[must_use]
    pub fn new() -> Self {
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
            kept: None,
        }
    }

    /// A client that keeps every answer.
    #[must_use]
    pub fn that_keeps_answers() -> Self {
        Self {
            kept: Some(Arc::default()),
            ..Self::new()
        }
    }

    /// Sends a request with a body.
    ///
    /// # Errors
    /// When the request cannot be made, or nothing that could be read comes back.
    pub async fn send(&self, request: Builder, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
        let request: Request<_> = request.body(Full::from(body.into()))?;
        let uri = request.uri().clone();
        let begun = Instant::now();
        let response = self
            .http
            .request(request)
            .await
            .with_context(|| format!("{uri} does not answer"))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).with_context(|| format!("{uri} answers no text"))?,
            took: begun.elapsed(),
        };
        if let Some(kept) = &self.kept {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(Kept {
                path: uri.path().to_owned(),
                answer: answer.clone(),
            });
        }
        Ok(answer)
    }

    /// Posts JSON with the headers of a signature, good or not.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn post_signed(
        &self,
        url: &str,
        signature: &[(&'static str, String)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::post(url).header("content-type", "application/json");
        for (name, value) in signature {
            request = request.header(*name, value);
        }
        self.send(request, body).await
    }

    /// Sends what a third party delivers.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn deliver(&self, sent: &Sent) -> anyhow::Result<Answer> {
        let mut request = Request::post(&sent.url);
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        self.send(request, sent.body.clone()).await
    }

    /// All answers so far, if they are kept.
    #[must_use]
    pub fn answers(&self) -> Vec<Kept> {
        let kept = self.kept.as_ref();
        kept.map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Answer {
    /// A header's value; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        gateway::header(&self.headers, name)
    }

    /// The JSON of the body.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON, with status {}", self.status))
    }
}
