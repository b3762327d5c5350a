//! The way out: requests to the one host that a client is made for.
//!
//! Whoever answers is not trusted: an answer has to come in time and be of a bounded size, a redirect is never
//! followed, and nothing of what was answered, asked or shown as a credential gets into an error.

use std::{error::Error as StdError, fmt, io, time::Duration};

use axum::body::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use url::{Host, Url, form_urlencoded};

use crate::json::{self, JsonError};

/// How long one call may take, from connecting to the last byte, unless [`HttpClient::with_timeout`] says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest body that is read, in bytes, unless [`HttpClient::with_max_body`] says otherwise.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// Who we say that we are: some hosts answer nobody who says nothing.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("infragpt/", env!("CARGO_PKG_VERSION")));

/// Why a base URL cannot be used. Does not repeat it: people paste credentials into URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no URL of a host.
    #[error("not an absolute http url of a host, without user, query and fragment")]
    Malformed,
    /// Credentials would cross a network in clear.
    #[error("must be https, except on a loopback host")]
    NotEncrypted,
}

/// Checks a base URL once: what is sent there is encrypted, or does not leave the machine.
///
/// # Errors
/// When that is not so, or it is more or less than a base to add paths to.
pub fn check_base_url(base_url: &str) -> Result<Url, UrlError> {
    let url = Url::parse(base_url).map_err(|_| UrlError::Malformed)?;
    let is_loopback = match url.host().ok_or(UrlError::Malformed)? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    match url.scheme() {
        "https" | "http" if has_more => Err(UrlError::Malformed),
        "http" if !is_loopback => Err(UrlError::NotEncrypted),
        "https" | "http" => Ok(url),
        _ => Err(UrlError::Malformed),
    }
}

/// What connects to third parties: certificates are checked against Mozilla's roots, HTTP/1.1, no proxy.
///
/// # Errors
/// When TLS cannot be set up, which no input can cause.
pub(crate) fn connector() -> Result<HttpsConnector<HttpConnector>, UrlError> {
    // The provider is named: which one a process defaults to depends on what else is linked into it.
    Ok(HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
        .map_err(|_| UrlError::Malformed)?
        .https_or_http()
        .enable_http1()
        .build())
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The answer was not complete in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection could not be made, or broke.
    #[error("the connection failed: {0}")]
    Unreachable(io::ErrorKind),
    /// The answer is larger than what is read.
    #[error("the answer is too large")]
    TooLarge,
    /// There is no request or no answer of this kind.
    #[error("not as it should be: {what}")]
    Protocol {
        /// What is wrong.
        what: &'static str,
    },
}

/// An answer, whatever its status is. A redirect (3xx) is one.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The body as `T`. Looks at neither the status nor the content type.
    ///
    /// # Errors
    /// [`JsonError`], which says where and not what.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        json::read(&self.body)
    }

    /// For how long the other side asks to wait, where it says so in seconds. A date (which
    /// [RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3) allows too) counts as nothing.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        seconds
            .parse::<u32>()
            .ok()
            .map(u64::from)
            .map(Duration::from_secs)
    }
}

/// A client of one host; cheap to clone, shares its connections. Connects when first used.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    /// What stands before every path, without a slash at its end.
    base_path: String,
    timeout: Duration,
    max_body: usize,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client for what is below `base_url`: `https://…`, or `http://…` on a loopback host.
    ///
    /// # Errors
    /// When the URL is none, or would send credentials over a network unencrypted.
    pub fn new(base_url: &str) -> Result<Self, UrlError> {
        let url = check_base_url(base_url)?;
        let scheme = if url.scheme() == "https" {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector()?),
            scheme,
            authority: Authority::try_from(url.authority()).map_err(|_| UrlError::Malformed)?,
            base_path: url.path().trim_end_matches('/').to_owned(),
            timeout: CALL_TIMEOUT,
            max_body: MAX_BODY,
        })
    }

    /// The same client, with another limit of time for each call.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same client, reading bodies of at most so many bytes.
    #[must_use]
    pub fn with_max_body(self, max_body: usize) -> Self {
        Self { max_body, ..self }
    }

    /// Asks for `path_and_query`, which begins with a slash and goes below the base URL; with a bearer token where
    /// there is one.
    ///
    /// # Errors
    /// When there is no answer. One with any status is an answer.
    pub async fn get(
        &self,
        path_and_query: &str,
        bearer: Option<&SecretString>,
    ) -> Result<Answer, HttpError> {
        let call = Call::get(path_and_query);
        self.send(match bearer {
            Some(token) => call.bearer(token),
            None => call,
        })
        .await
    }

    /// Makes a request. A connection that died while the sandbox was frozen breaks at its first use, so what changes
    /// nothing is sent once more when its connection breaks, within the same time.
    ///
    /// # Errors
    /// When there is no answer, which leaves open what became of a request that changes something. An answer with any
    /// status is one.
    #[tracing::instrument(name = "http.call", skip_all, fields(http.host = %self.authority, http.method = %call.method))]
    pub async fn send(&self, call: Call) -> Result<Answer, HttpError> {
        let request = self.request(call)?;
        tokio::time::timeout(self.timeout, self.exchange(request))
            .await
            .map_err(|_| HttpError::Timeout)?
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, HttpError> {
        const PATH: HttpError = HttpError::Protocol {
            what: "a path that no request can have",
        };
        if !call.path_and_query.starts_with('/') {
            return Err(PATH);
        }
        let path = format!("{}{}", self.base_path, call.path_and_query);
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(PathAndQuery::try_from(path).map_err(|_| PATH)?)
            .build()
            .map_err(|_| PATH)?;
        let mut request = Request::new(Full::new(call.body?));
        *request.method_mut() = call.method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, USER_AGENT);
        for (name, value) in call.headers {
            headers.insert(name, value?);
        }
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
        let response = match self.client.request(request.clone()).await {
            Err(error) if !error.is_connect() && request.method().is_safe() => {
                self.client.request(request).await
            }
            other => other,
        };
        let response = response.map_err(|error| HttpError::of(&error))?;
        let (head, body) = response.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: self.read(body).await?,
        })
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, HttpError> {
        match Limited::new(body, self.max_body).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(HttpError::TooLarge),
            Err(error) => Err(HttpError::of(error.as_ref())),
        }
    }
}

/// A request to be made. What is wrong with it is told when it is sent.
pub struct Call {
    method: Method,
    path_and_query: String,
    headers: Vec<(HeaderName, Result<HeaderValue, HttpError>)>,
    body: Result<Bytes, HttpError>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A request of `method` for `path_and_query`, which begins with a slash and goes below the client's base URL.
    pub fn new(method: Method, path_and_query: impl Into<String>) -> Self {
        Self {
            method,
            path_and_query: path_and_query.into(),
            headers: Vec::new(),
            body: Ok(Bytes::new()),
        }
    }

    /// A `GET`.
    pub fn get(path_and_query: impl Into<String>) -> Self {
        Self::new(Method::GET, path_and_query)
    }

    /// A `POST`.
    pub fn post(path_and_query: impl Into<String>) -> Self {
        Self::new(Method::POST, path_and_query)
    }

    /// A `DELETE`.
    pub fn delete(path_and_query: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path_and_query)
    }

    /// With a header that is no secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::try_from(value).map_err(|_| HttpError::Protocol {
            what: "a value that no header can hold",
        });
        self.headers.push((name, value));
        self
    }

    /// With a header that nothing must show, such as an API key.
    #[must_use]
    pub fn secret_header(mut self, name: HeaderName, value: &SecretString) -> Self {
        self.headers.push((name, sensitive(value.expose_secret())));
        self
    }

    /// With `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(self, token: &SecretString) -> Self {
        self.authorization("Bearer", token)
    }

    /// With `Authorization: {scheme} …`, for third parties that have a scheme of their own.
    #[must_use]
    pub fn authorization(mut self, scheme: &str, token: &SecretString) -> Self {
        let value = sensitive(&format!("{scheme} {}", token.expose_secret()));
        self.headers.push((header::AUTHORIZATION, value));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        self.body = serde_json::to_vec(body)
            .map(Bytes::from)
            .map_err(|_| HttpError::Protocol {
                what: "a body that is not JSON",
            });
        self.header(header::CONTENT_TYPE, "application/json")
    }

    /// With a form as its body, `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.body = Ok(Bytes::from(form.finish()));
        self.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
    }
}

fn sensitive(value: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| HttpError::Protocol {
        what: "a token that no header can hold",
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl HttpError {
    /// What the HTTP stack complains of. Of its causes only their kinds are kept: their texts may quote what came.
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut kind = io::ErrorKind::Other;
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error
                .downcast_ref::<hyper::Error>()
                .is_some_and(hyper::Error::is_parse)
            {
                return Self::Protocol {
                    what: "an answer that is not http",
                };
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                kind = error.kind();
            }
            cause = error.source();
        }
        Self::Unreachable(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_only_leave_the_machine_encrypted() {
        for url in [
            "https://api.clerk.com/v1",
            "http://127.0.0.1:8080/api/",
            "http://[::1]:8080",
            "http://localhost:1",
        ] {
            assert!(HttpClient::new(url).is_ok(), "{url}");
        }
        for (url, error) in [
            ("http://api.clerk.com/v1", UrlError::NotEncrypted),
            ("http://127.0.0.1.evil.example/api", UrlError::NotEncrypted),
            ("http://127.0.0.1@evil.example/api", UrlError::Malformed),
            ("http://localhost.evil.example", UrlError::NotEncrypted),
            ("http://10.0.0.1", UrlError::NotEncrypted),
            ("ftp://127.0.0.1/api", UrlError::Malformed),
            ("api.clerk.com/v1", UrlError::Malformed),
            ("https://user:secret@api.clerk.com", UrlError::Malformed),
            ("https://api.clerk.com?a=b", UrlError::Malformed),
            ("https://api.clerk.com#a", UrlError::Malformed),
            ("", UrlError::Malformed),
        ] {
            assert_eq!(HttpClient::new(url).map(|_| ()), Err(error), "{url}");
        }
    }

    #[test]
    fn a_path_stays_below_its_base_on_its_host() {
        let client = HttpClient::new("https://api.clerk.com/v1/").expect("a url");
        let uri = |path: &str| {
            client
                .request(Call::get(path))
                .map(|request| request.uri().to_string())
        };
        assert_eq!(
            uri("/users/user_1?limit=2").as_deref(),
            Ok("https://api.clerk.com/v1/users/user_1?limit=2")
        );
        assert_eq!(
            uri("//evil.example/").as_deref(),
            Ok("https://api.clerk.com/v1//evil.example/")
        );
        for path in [
            "",
            "users",
            "@evil.example/",
            "https://evil.example/",
            "/a b",
            "/a\r\nx: y",
        ] {
            assert!(matches!(uri(path), Err(HttpError::Protocol { .. })), "{path:?}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let client = HttpClient::new("https://api.clerk.com").expect("a url");
        let token = SecretString::from("sk_live_hunter2");
        let request = client.request(Call::get("/").bearer(&token)).expect("a request");
        assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer sk_live_hunter2");
        assert!(!format!("{request:?} {client:?}").contains("hunter2"));
        let error = client
            .request(Call::get("/").bearer(&"hunter2\n".into()))
            .expect_err("a line break");
        assert!(!format!("{error:?} {error}").contains("hunter2"));

        let key = http::HeaderName::from_static("dd-api-key");
        let call = Call::post("/")
            .secret_header(key, &token)
            .form(&[("secret", "hunter2")]);
        let shown = format!("{call:?}");
        let request = client.request(call).expect("a request");
        assert_eq!(request.headers()["dd-api-key"], "sk_live_hunter2");
        assert_eq!(
            request.headers()[header::CONTENT_TYPE],
            "application/x-www-form-urlencoded"
        );
        assert!(!format!("{shown} {:?}", request.headers()).contains("hunter2"));
    }

    #[test]
    fn a_wait_is_taken_in_seconds_and_a_body_is_not_shown() {
        let answer = |value: &'static str| Answer {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]),
            body: Bytes::from_static(b"hunter2"),
        };
        assert_eq!(answer("7").retry_after(), Some(Duration::from_secs(7)));
        for nonsense in [
            "",
            "-1",
            "1.5",
            "Wed, 21 Oct 2026 07:28:00 GMT",
            "99999999999999999999",
        ] {
            assert_eq!(answer(nonsense).retry_after(), None, "{nonsense}");
        }
        assert!(!format!("{:?}", answer("hunter2")).contains("hunter2"));
        assert_eq!(answer("1").json::<u8>(), Err(JsonError::Syntax));
    }
}
