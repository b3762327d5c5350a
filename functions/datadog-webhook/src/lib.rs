//! Takes what Datadog tells its connections of: verify, put into our words, put on a queue, answer.
//!
//! All but who sends is in [`shared::webhook::connection`]: unlike the doors that take deliveries for our whole app, it reads from the
//! database and the vault what a delivery is verified with.

use shared::{
    connector::ConnectorKind,
    task::Source,
    webhook::{
        connection::{ConnectionDoor, Sender},
        datadog,
        door::DoorError,
    },
};

pub use shared::{connector::datadog::Datadog as Connector, webhook::connection::router};

/// Whose deliveries are taken.
pub const SENDER: Sender = Sender {
    kind: ConnectorKind::Datadog,
    source: Source::Datadog,
    max_body_bytes: datadog::MAX_BODY_BYTES,
    function: "datadog-webhook",
};

/// The service as the environment describes it.
///
/// # Errors
/// As [`ConnectionDoor::from_env`].
pub async fn app() -> Result<ConnectionDoor, DoorError> {
    ConnectionDoor::from_env::<Connector>(SENDER).await
}
