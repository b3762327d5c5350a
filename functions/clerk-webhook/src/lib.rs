//! Takes Clerk's webhooks: verify, sort, put on a queue, answer.
//!
//! Touches no database, no KMS and no third party, so that an outage of any of them loses no event: what cannot be
//! put on the queue is answered with 503, and Clerk sends it again.

mod config;
mod receive;

use std::sync::Arc;

use axum::{Router, routing::post};
use shared::{
    http::layer,
    webhook::{DEADLINE, Door, svix::Clerk},
};

pub use config::Config;
pub use receive::{Put, Verdict, classify};

/// The service with all it needs.
pub type App = Door<Clerk, Config>;

/// The routes.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/webhooks/clerk", post(receive::handler))
        .with_state(Arc::new(app));
    layer::around(routes, DEADLINE)
}
