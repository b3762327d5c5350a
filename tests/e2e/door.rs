//! The deployed API as Slack sees it.

use std::cell::RefCell;

use axum::body::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use shared::{
    clock::{Clock as _, SystemClock},
    webhook::slack::sign,
};

/// Headers of a request.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// Sends requests and keeps every answer, headers included, for the end of the run.
pub(crate) struct Door {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    answers: RefCell<Vec<String>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl Door {
    /// `url` is the API's address without a path.
    pub(crate) fn new(url: String) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url,
            answers: RefCell::default(),
        }
    }

    pub(crate) async fn post(&self, path: &str, headers: &Headers, body: &[u8]) -> Answer {
        let mut request =
            Request::post(format!("{}{path}", self.url)).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::from(Bytes::copy_from_slice(body)))
            .expect("a request");
        let response = self.client.request(request).await.expect("the API answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("a text");
        self.answers
            .borrow_mut()
            .push(format!("{} {:?}\n{body}", parts.status, parts.headers));
        Answer {
            status: parts.status,
            body,
        }
    }

    /// All answers so far.
    pub(crate) fn answers(&self) -> Vec<String> {
        self.answers.borrow().clone()
    }
}

/// The headers with which Slack signs a body now.
pub(crate) fn signed(secret: &str, body: &[u8]) -> Headers {
    sign(secret, SystemClock.now(), body).into()
}
