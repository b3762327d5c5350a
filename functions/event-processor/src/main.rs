//! Lambda entry point; see the library for the service itself.

use event_processor::{App, handle};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::telemetry::init();
    let app = &App::from_env().await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| async move {
        Ok::<_, Error>(handle(app, event.payload, event.context.deadline().into()).await)
    }))
    .await
}
