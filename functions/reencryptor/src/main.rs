//! Lambda entry point; see the library for the service itself.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use reencryptor::{App, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::telemetry::init();
    let app = &App::from_env()?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| handle(app, event).await)).await
}
