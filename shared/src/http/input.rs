//! The bodies of requests, read in our error shape.

use axum::{
    body::{HttpBody as _, to_bytes},
    extract::{FromRequest, Request},
};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::json;

/// The largest body that a route for people takes: they ask, and choose from lists.
pub const MAX_INPUT: usize = 64 * 1024;

/// A body of JSON, read as `T`. No body at all is read as `{}`.
#[derive(Debug, Clone)]
pub struct Input<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let size = body.size_hint();
        if size.upper().unwrap_or_else(|| size.lower()) > MAX_INPUT as u64 {
            return Err(ApiError::TooLarge);
        }
        let body = to_bytes(body, MAX_INPUT).await.map_err(|_| ApiError::TooLarge)?;
        if body.is_empty() {
            return Ok(Self(json::read(b"{}")?));
        }
        if !is_plain_json(&parts.headers) {
            return Err(ApiError::UnsupportedMediaType);
        }
        Ok(Self(json::read(&body)?))
    }
}

/// `application/json`, with or without parameters, once, and not compressed: a small body that swells is not let in.
#[must_use]
pub fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let json = types
        .next()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    let plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    json && types.next().is_none() && plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_json_is_taken() {
        let of = |headers: &[(header::HeaderName, &'static str)]| {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.append(name, http::HeaderValue::from_static(value));
            }
            is_plain_json(&all)
        };
        let (kind, encoding) = (header::CONTENT_TYPE, header::CONTENT_ENCODING);
        assert!(of(&[(kind.clone(), "application/json")]));
        assert!(of(&[(kind.clone(), "Application/JSON; charset=utf-8")]));
        assert!(of(&[
            (kind.clone(), "application/json"),
            (encoding.clone(), "identity")
        ]));
        assert!(!of(&[]));
        assert!(!of(&[(kind.clone(), "text/plain")]));
        assert!(!of(&[(kind.clone(), "application/jsonp")]));
        assert!(!of(&[(kind.clone(), "application/x-www-form-urlencoded")]));
        assert!(!of(&[
            (kind.clone(), "application/json"),
            (kind.clone(), "application/json")
        ]));
        assert!(!of(&[(kind.clone(), "application/json, text/plain")]));
        assert!(!of(&[(kind, "application/json"), (encoding, "gzip")]));
    }
}
