//! `GET /openapi.json`: our APIs, described for machines.
//!
//! The document is made from the code, and a copy of it is committed and served: a change of an API shows in a change
//! of the file, and no start pays for making it. `cargo xtask codegen` writes the copy.

use axum::response::{IntoResponse as _, Response};
use http::header;

/// The committed copy.
const COMMITTED: &str = include_str!("../openapi.json");

/// The document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "openapi", security(()),
    responses((status = 200, description = "This document.", content_type = "application/json", body = Object)),
)]
pub(crate) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], COMMITTED).into_response()
}
