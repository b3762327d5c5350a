//! Takes what PagerDuty tells its connections of: verify, put into our words, put on a queue, answer.
//!
//! All but who sends is in [`shared::webhook::connection`]: unlike the doors that take deliveries for our whole app, it reads from the
//! database and the vault what a delivery is verified with.

use shared::{
    connector::ConnectorKind,
    task::Source,
    webhook::{
        Scheme,
        connection::{ConnectionDoor, Sender},
        door::DoorError,
        pagerduty::PagerDuty as Signed,
    },
};

pub use shared::{connector::pagerduty::PagerDuty as Connector, webhook::connection::router};

/// Whose deliveries are taken.
pub const SENDER: Sender = Sender {
    kind: ConnectorKind::PagerDuty,
    source: Source::PagerDuty,
    max_body_bytes: <Signed as Scheme>::MAX_BODY_BYTES,
    function: "pagerduty-webhook",
};

/// The service as the environment describes it.
///
/// # Errors
/// As [`ConnectionDoor::from_env`].
pub async fn app() -> Result<ConnectionDoor, DoorError> {
    ConnectionDoor::from_env::<Connector>(SENDER).await
}
