//! Lambda entry point; see the library for the service itself.

use github_webhook::{App, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    let app = App::from_env().await?;
    shared::http::gateway::serve(router(app)).await
}
