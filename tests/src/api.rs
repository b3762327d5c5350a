//! Our APIs, which are one to a client.

/// What all of them say of themselves; what the committed `openapi.json` must hold.
#[must_use]
pub fn document() -> String {
    shared::http::openapi::document([identity_api::description(), integrations_api::description()])
}
