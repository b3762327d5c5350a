//! What GitHub sends to `POST /webhooks/github`, and what becomes of it.

mod arbitrary;
mod outage;
mod refused;
mod taken;

use shared::webhook::github::GitHub;

pub(crate) type Door = tests::door::Door<GitHub>;
