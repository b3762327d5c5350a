//! The layers around the routes of every HTTP function: request id, trace, deadline, and answers in our error shape
//! for what no route takes.

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use lambda_http::{RequestExt as _, request::RequestContext};
use tower::util::MapRequest;
use tracing::Instrument as _;

use super::error::{ApiError, Problem};
use crate::telemetry::trace_id;

/// The header in which a caller finds the id to name when asking about a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of a request from around it. In the request's extensions for handlers to take.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// API Gateway's id of the request.
    pub request_id: Option<String>,
    /// W3C `traceparent`: the caller's own, else the one that X-Ray's header amounts to.
    pub traceparent: Option<String>,
    /// The network address of the caller, as API Gateway saw it.
    pub address: Option<String>,
    /// The host name by which the caller reached us. Not what they say of it: API Gateway knows which of its names belong
    /// to whom.
    pub domain: Option<String>,
}

impl Origin {
    fn of(request: &Request) -> Self {
        let (request_id, address, domain) = match request.extensions().get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => (
                context.request_id.clone(),
                context.http.source_ip.clone(),
                context.domain_name.clone(),
            ),
            _ => (None, None, None),
        };
        Self {
            request_id: request_id
                .or_else(|| {
                    request
                        .lambda_context_ref()
                        .map(|context| context.request_id.clone())
                })
                .filter(|id| !id.is_empty()),
            traceparent: traceparent(request.headers()),
            address,
            domain,
        }
    }
}

/// `router` with everything around it. Nobody waits longer than `deadline` for an answer: what takes longer is
/// dropped and answered with 503. Every route is there with and without a slash at its end, so none is written twice.
pub fn around(router: Router, deadline: Duration) -> Router {
    let whole = router
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn(move |request, next| within(deadline, request, next)))
        .layer(from_fn(identify));
    // A router's own layers run when the route is found already, so the path is changed before there is a router.
    Router::new().fallback_service(MapRequest::new(whole, without_trailing_slash))
}

/// The request for the path without the slash at its end, one only. `/` stays.
fn without_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else {
        return request;
    };
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path_and_query.parse().ok();
    // What was a URI without its last slash is one still; if not, there is no route of that name anyway.
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// The deadline passed.
#[derive(Debug, thiserror::Error)]
#[error("the deadline of {0:?} passed")]
struct DeadlinePassed(Duration);

async fn within(deadline: Duration, request: Request, next: Next) -> Response {
    tokio::time::timeout(deadline, next.run(request))
        .await
        .unwrap_or_else(|_| ApiError::Unavailable(DeadlinePassed(deadline).into()).into_response())
}

async fn identify(mut request: Request, next: Next) -> Response {
    let origin = Origin::of(&request);
    let span = tracing::info_span!(
        "http.request",
        request_id = origin.request_id,
        trace_id = origin.traceparent.as_deref().and_then(trace_id),
        http.method = %request.method(),
    );
    let request_id = origin.request_id.clone();
    request.extensions_mut().insert(origin);

    let mut response = next.run(request).instrument(span).await;

    if let Some(value) = request_id
        .as_deref()
        .and_then(|id| HeaderValue::from_str(id).ok())
    {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = problem.body(request_id);
        // The length that was counted is that of the body without the id.
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    response
}

/// The caller's `traceparent`, else what X-Ray's header says in the same form.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("traceparent")
        .filter(|header| trace_id(header).is_some() && header.len() == 55)
        .map(str::to_owned)
        .or_else(|| from_xray(text("x-amzn-trace-id")?))
}

/// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1` as a `traceparent`.
/// Without a parent, the second half of the trace id stands for it: it must not be zero, and it is the caller's.
/// Source: "Tracing header" in the AWS X-Ray developer guide.
fn from_xray(header: &str) -> Option<String> {
    let field = |name: &str| {
        header
            .split(';')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let mut root = field("Root")?.split('-');
    let (_, seconds, random) = (root.next()?, root.next()?, root.next()?);
    let trace = format!("{seconds}{random}");
    let parent = field("Parent").unwrap_or_else(|| random.get(8..).unwrap_or_default());
    let sampled = u8::from(field("Sampled") == Some("1"));
    let header = format!("00-{trace}-{parent}-{sampled:02}");
    trace_id(&header)?;
    Some(header)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        extract::Path,
        routing::{get, post},
    };
    use http::header::ALLOW;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_route_is_there_with_one_slash_at_its_end_and_without() {
        let routes = Router::new()
            .route("/", get(async || "root"))
            .route(
                "/a/b",
                post(async |uri: Uri| uri.query().unwrap_or("none").to_owned()),
            )
            .route("/a/{id}/c", get(async |Path(id): Path<String>| id));
        let app = around(routes, Duration::from_secs(5));
        let ask = async |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).expect("a request");
            let response = app.clone().oneshot(request).await.expect("an answer");
            let allow = response.headers().get(ALLOW).cloned();
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), 1000).await.expect("a body");
            (
                status,
                allow.map(|methods| methods.to_str().expect("a text").to_owned()),
                String::from_utf8(body.to_vec()).expect("a text"),
            )
        };
        for (path, answer) in [
            ("/", "root"),
            ("/a/1/c", "1"),
            ("/a/1/c/", "1"),
            ("/a/%2F/c/", "/"),
        ] {
            assert_eq!(ask("GET", path).await, (200, None, answer.to_owned()), "{path}");
        }
        for (path, query) in [
            ("/a/b", "none"),
            ("/a/b/", "none"),
            ("/a/b?x=1/", "x=1/"),
            ("/a/b/?x=1/", "x=1/"),
        ] {
            assert_eq!(ask("POST", path).await, (200, None, query.to_owned()), "{path}");
        }
        for path in ["/a/b", "/a/b/"] {
            let (status, allow, body) = ask("GET", path).await;
            assert_eq!((status, allow.as_deref()), (405, Some("POST")), "{path}");
            assert!(body.contains("method_not_allowed"), "{body}");
        }
        for path in ["/a", "/a/", "/a/b//", "//a/b", "/a//b/"] {
            assert_eq!(ask("POST", path).await.0, 404, "{path}");
        }
    }

    #[test]
    fn the_trace_comes_from_the_caller_else_from_xray() {
        let of = |headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            traceparent(&headers)
        };
        let own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let xray = (
            "x-amzn-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        );
        let from_xray = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(of(&[("traceparent", own), xray]).as_deref(), Some(own));
        assert_eq!(of(&[xray]).as_deref(), Some(from_xray));
        assert_eq!(
            of(&[("traceparent", "nonsense"), xray]).as_deref(),
            Some(from_xray)
        );
        let root_only = ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(
            of(&[root_only]).as_deref(),
            Some("00-5759e988bd862e3fe1be46a994272793-e1be46a994272793-00")
        );
        for nonsense in [
            "",
            "Root=",
            "Root=1-é-ü",
            "Root=1-2-3",
            "Self=1;Root=1-5759e988-xx",
        ] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(nonsense.as_bytes()).expect("a header value");
            headers.insert("x-amzn-trace-id", value);
            assert_eq!(traceparent(&headers), None, "{nonsense}");
        }
    }
}
