//! The way in: API Gateway's events as requests.
//!
//! `lambda_http` builds a URL from the host, the scheme and the path that the caller chose, and panics where they do
//! not make one; and an event with a header value that HTTP does not allow is none that it can read. Both would be a
//! 500 and an alarm that anybody can set off without a signature. What is odd is left out here instead, and the request
//! goes the way of all others.

use axum::Router;
use http::{HeaderName, HeaderValue, Uri, header::HOST};
use lambda_http::{
    Adapter, LambdaEvent, aws_lambda_events::apigw::ApiGatewayV2httpRequest, lambda_runtime,
    request::LambdaRequest, tower::ServiceExt as _,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, value::RawValue};
use url::Url;

/// Where `lambda_http` takes the scheme of a URL from.
const SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host in every URL.
const HOST_NAME: &str = "localhost";

/// Answers API Gateway's events with `router` for as long as the sandbox lives.
///
/// # Errors
/// When Lambda's runtime cannot be reached.
pub async fn serve(router: Router) -> Result<(), lambda_http::Error> {
    let service = Adapter::from(router)
        .map_request(|event: LambdaEvent<Incoming>| LambdaEvent::new(event.payload.0, event.context));
    lambda_runtime::run(service).await
}

/// A request as API Gateway hands it over, without what `lambda_http` could not take.
#[derive(Debug)]
pub struct Incoming(LambdaRequest);

impl From<Incoming> for lambda_http::Request {
    fn from(incoming: Incoming) -> Self {
        incoming.0.into()
    }
}

impl<'de> Deserialize<'de> for Incoming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let mut request = serde_json::from_str(text.get())
            .or_else(|_| serde_json::from_str(&without_odd_headers(text.get())?))
            .map_err(D::Error::custom)?;
        if let LambdaRequest::ApiGatewayV2(request) = &mut request {
            tame(request);
        }
        Ok(Self(request))
    }
}

/// The event without the headers that HTTP does not allow.
fn without_odd_headers(event: &str) -> serde_json::Result<String> {
    let mut event: Map<String, Value> = serde_json::from_str(event)?;
    if let Some(Value::Object(headers)) = event.get_mut("headers") {
        headers.retain(|name, value| {
            let is_allowed = |value: &str| HeaderValue::from_bytes(value.as_bytes()).is_ok();
            HeaderName::from_bytes(name.as_bytes()).is_ok() && value.as_str().is_some_and(is_allowed)
        });
    }
    serde_json::to_string(&event)
}

/// Leaves out of a request whatever does not make a URL. Host and scheme are replaced in any case: no route asks for
/// them, and what an address is called behind a proxy or on an emulator need not be a name at all.
fn tame(request: &mut ApiGatewayV2httpRequest) {
    request.headers.remove(SCHEME);
    request.headers.insert(HOST, HeaderValue::from_static(HOST_NAME));
    if !makes_a_url(request) {
        request.raw_query_string = None;
    }
    if !makes_a_url(request) {
        // Where no route is.
        request.raw_path = Some("/".to_owned());
    }
}

/// Whether `lambda_http` can make a URL of it.
fn makes_a_url(request: &ApiGatewayV2httpRequest) -> bool {
    let path = request.raw_path.as_deref().unwrap_or_default();
    let query = request.raw_query_string.as_deref().unwrap_or_default();
    Url::parse(&format!("https://{HOST_NAME}{path}"))
        .is_ok_and(|url| format!("{url}?{query}").parse::<Uri>().is_ok())
}
