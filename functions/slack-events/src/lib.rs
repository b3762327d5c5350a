//! Takes deliveries of Slack's Events API: verify, classify, put on a queue, answer.
//!
//! Touches no database, no KMS and no third party, so that an outage of any of them loses no event: what cannot be
//! put on the queue is answered with 503, and Slack sends it again.

mod config;
mod events;

use std::sync::Arc;

use axum::{Router, routing::post};
use shared::{
    http::layer,
    webhook::{DEADLINE, Door, slack::Slack},
};

pub use config::Config;
pub use events::{Put, Verdict, classify};

/// The service with all it needs.
pub type App = Door<Slack, Config>;

/// The routes.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/slack/events", post(events::handler))
        .with_state(Arc::new(app));
    layer::around(routes, DEADLINE)
}
