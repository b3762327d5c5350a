//! What every fake third party can do for the stories that hold for all connectors.

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, value::RawValue};
use url::Url;

use super::contract::Started;
use crate::http::client::{Call, HttpClient, HttpError};

/// How a third party misbehaves, from now on, whatever it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It says that the credentials are not good, in its own way, and repeats them in its words.
    Refuses,
    /// 503, with a body that repeats the credentials that it was shown.
    Fails,
    /// It asks for a pause of so many seconds, in its own way.
    Limits(u32),
    /// It takes the request and never answers.
    Hangs,
    /// It answers 200 with something that nobody can read.
    Babbles,
    /// It sends whoever asks to another host.
    Redirects,
}

/// A third party, played.
#[async_trait]
pub trait Vendor: Send + Sync {
    /// The variables that make a connector talk to this fake, beside those of AWS.
    fn variables(&self) -> Vec<(&'static str, String)>;

    /// The secrets of our app there, as the ARN that one of the variables names and the JSON behind it.
    fn secrets(&self) -> Vec<(String, String)>;

    /// An administrator of the account that is connected does what they are told and comes back: what completes the
    /// connection. With `account` 0 it is always the same account, with another number another one.
    async fn consent(&self, started: &Started, account: u8) -> Value;

    /// Every secret that it has given or been given so far. None of them may be seen anywhere.
    fn canaries(&self) -> Vec<String>;

    /// From now on it misbehaves; with `None`, not any more.
    fn trouble(&self, trouble: Option<Trouble>);

    /// How many requests it has had.
    fn calls(&self) -> usize;

    /// Everything that it has granted is taken back, at its side.
    fn withdraw(&self);

    /// What of ours is there: webhooks, installations, tokens that work. Nothing after a revocation.
    fn remains(&self) -> Vec<String>;
}

/// A delivery, as a third party sends it to the address that it was given.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Where to.
    pub url: String,
    /// The headers by which it is known to be of the third party, and its content type.
    pub headers: Vec<(&'static str, String)>,
    /// The body, byte by byte.
    pub body: Vec<u8>,
}

impl Sent {
    /// The headers, as a connector is handed them.
    #[must_use]
    pub fn header_map(&self) -> HeaderMap {
        let pairs = self.headers.iter().filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value).ok()?;
            Some((HeaderName::from_static(name), value))
        });
        pairs.collect()
    }

    /// Sends it: the status that it is answered.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self) -> Result<StatusCode, HttpError> {
        const NO_REQUEST: HttpError = HttpError::Protocol { what: "no request" };
        let url = Url::parse(&self.url).map_err(|_| NO_REQUEST)?;
        let client = HttpClient::new(&url.origin().ascii_serialization()).map_err(|_| NO_REQUEST)?;
        let body: &RawValue = serde_json::from_slice(&self.body).map_err(|_| NO_REQUEST)?;
        let mut call = Call::post(url.path()).json(body);
        for (name, value) in &self.headers {
            call = call.header(HeaderName::from_static(name), value);
        }
        Ok(client.send(call).await?.status)
    }
}
