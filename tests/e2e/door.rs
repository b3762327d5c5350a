//! The deployed API as those see it who send to it.

use http::Request;
use shared::{
    clock::{Clock as _, SystemClock},
    webhook::slack::sign,
};
use tests::client::{Answer, Client};

/// Headers of a request.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// Sends bodies with whatever headers.
pub(crate) struct Door {
    client: Client,
    url: String,
}

impl Door {
    /// `url` is the API's address without a path.
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    pub(crate) async fn post(&self, path: &str, headers: &Headers, body: &[u8]) -> Answer {
        let mut request =
            Request::post(format!("{}{path}", self.url)).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = self.client.send(request, body.to_vec()).await;
        answer.expect("the API answers")
    }
}

/// The headers with which Slack signs a body now.
pub(crate) fn signed(secret: &str, body: &[u8]) -> Headers {
    sign(secret, SystemClock.now(), body).into()
}
