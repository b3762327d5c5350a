//! Takes GitHub's webhooks: verify, sort, put on a queue, answer.
//!
//! Touches no database, no KMS and no third party, so that an outage of any of them loses no event: what cannot be
//! put on the queue is answered with 503. GitHub sends nothing again by itself; the scheduler asks it to.

mod config;
mod receive;

use std::sync::Arc;

use axum::{Router, routing::post};
use shared::{
    http::layer,
    webhook::{DEADLINE, Door, github::GitHub},
};

pub use config::Config;
pub use receive::{Put, Verdict, classify};

/// The service with all it needs.
pub type App = Door<GitHub, Config>;

/// Where webhooks are taken. The second is where the system that this one replaces took them, so that an App that is
/// there already goes on.
pub const PATHS: [&str; 2] = ["/webhooks/github", "/integrations/webhooks/github"];

/// The routes.
pub fn router(app: App) -> Router {
    let routes = PATHS
        .into_iter()
        .fold(Router::new(), |routes, path| {
            routes.route(path, post(receive::handler))
        })
        .with_state(Arc::new(app));
    layer::around(routes, DEADLINE)
}
