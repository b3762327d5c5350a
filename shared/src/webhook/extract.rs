//! The only way a delivery reaches a handler.

use std::sync::Arc;

use axum::{
    body::{Bytes, HttpBody as _, to_bytes},
    extract::{FromRequest, Request},
};
use http::HeaderMap;

use super::{Door, DoorConfig, Scheme, Unverified, Verified, WebhookError};
use crate::http::{error::ApiError, input::is_plain_json};

impl<S: Scheme, C: DoorConfig> FromRequest<Arc<Door<S, C>>> for Verified<S> {
    type Rejection = ApiError;

    /// Cheapest check first, and nothing of the body is looked at before its signature is.
    async fn from_request(request: Request, door: &Arc<Door<S, C>>) -> Result<Self, ApiError> {
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

        let verified = verify(door, parts.headers, body).await;
        match &verified {
            Ok(delivery) => {
                let generation = delivery.generation().as_str();
                door.metrics
                    .count("DeliveryVerified", Some(("secret", generation)));
            }
            Err(ApiError::Unverified(error)) => {
                door.metrics
                    .count("DeliveryRejected", Some(("reason", error.reason())));
            }
            Err(_) => {}
        }
        verified
    }
}

async fn verify<S: Scheme, C: DoorConfig>(
    door: &Door<S, C>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Verified<S>, ApiError> {
    let delivery = Unverified::new(headers, body);
    let now = door.clock.now();
    // Malformed and stale deliveries are refused before anybody is asked for a secret.
    S::claim(&delivery.headers, now)?;

    let keys = door.keyring.keys().await?;
    match delivery.verify(&keys, now) {
        Err(WebhookError::Mismatch) => {
            let newer = door
                .keyring
                .newer_than(&keys)
                .await
                .ok_or(WebhookError::Mismatch)?;
            Ok(delivery.verify(&newer, now)?)
        }
        checked => Ok(checked?),
    }
}
