//! What pages of other origins may do with our APIs.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::layer;

/// How long a browser may remember what it may send.
const PREFLIGHT_GOOD_FOR: Duration = Duration::from_mins(10);

/// Exactly these origins, and no cookies: those count from the same origin alone, where none of this is asked.
pub fn allow(origins: &[String]) -> CorsLayer {
    let origins = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([
            layer::REQUEST_ID,
            header::RETRY_AFTER,
            HeaderName::from_static("www-authenticate"),
        ])
        .max_age(PREFLIGHT_GOOD_FOR)
}
