//! Lambda entry point; see the library for the service itself.

use pagerduty_webhook::{app, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    let app = app().await?;
    shared::http::gateway::serve(router(app)).await
}
