//! The only way a delivery reaches a handler.

use std::{error::Error, sync::Arc};

use axum::{
    body::{Bytes, HttpBody as _, to_bytes},
    extract::{FromRequest, Request},
};
use http::HeaderMap;

use super::{Keyring, Scheme, Unverified, Verified, WebhookError};
use crate::{
    clock::SharedClock,
    http::{error::ApiError, input::is_plain_json},
    telemetry::Metrics,
};

/// What a function has that takes deliveries of scheme `S`.
pub trait Receives<S: Scheme>: Send + Sync + 'static {
    /// The sender's signing secrets.
    fn keyring(&self) -> &Keyring<S>;
    /// Our time.
    fn clock(&self) -> &SharedClock;
    /// Where acceptance and refusal are counted.
    fn metrics(&self) -> &Metrics;

    /// Tells the operator of a delivery that its sender signed and that we cannot use: either our reading or our
    /// configuration is wrong.
    fn tell_unusable(&self, error: &(dyn Error + 'static)) {
        self.metrics().count("DeliveryUnusable", None);
        tracing::warn!(error, "a signed delivery cannot be used");
    }
}

impl<S: Scheme, A: Receives<S>> FromRequest<Arc<A>> for Verified<S> {
    type Rejection = ApiError;

    /// Cheapest check first, and nothing of the body is looked at before its signature is.
    async fn from_request(request: Request, app: &Arc<A>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let size = body.size_hint();
        if size.upper().unwrap_or_else(|| size.lower()) > S::MAX_BODY_BYTES as u64 {
            return Err(ApiError::TooLarge);
        }
        let body = to_bytes(body, S::MAX_BODY_BYTES)
            .await
            .map_err(|_| ApiError::TooLarge)?;
        if !is_plain_json(&parts.headers) {
            return Err(ApiError::UnsupportedMediaType);
        }

        let verified = verify(&**app, parts.headers, body).await;
        match &verified {
            Ok(delivery) => {
                let generation = delivery.generation().as_str();
                app.metrics()
                    .count("DeliveryVerified", Some(("secret", generation)));
            }
            Err(ApiError::Unverified(error)) => {
                app.metrics()
                    .count("DeliveryRejected", Some(("reason", error.reason())));
            }
            Err(_) => {}
        }
        verified
    }
}

async fn verify<S: Scheme, A: Receives<S>>(
    app: &A,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Verified<S>, ApiError> {
    let delivery = Unverified::new(headers, body);
    let now = app.clock().now();
    // Malformed and stale deliveries are refused before anybody is asked for a secret.
    S::claim(&delivery.headers, now)?;

    let keyring = app.keyring();
    let keys = keyring.keys().await?;
    match delivery.verify(&keys, now) {
        Err(WebhookError::Mismatch) => {
            let newer = keyring.newer_than(&keys).await.ok_or(WebhookError::Mismatch)?;
            Ok(delivery.verify(&newer, now)?)
        }
        checked => Ok(checked?),
    }
}
