//! Clerk before `clerk-webhook`.

use axum::Router;
use clerk_webhook::{App, Config, router};
use shared::{
    clock::Timestamp,
    webhook::svix::{self, Clerk},
};

use super::{Parts, Sender};

/// The id of a delivery where it does not matter.
pub const DELIVERY: &str = "msg_2gDelivery0000000000000001";

impl Sender for Clerk {
    const PATH: &'static str = "/webhooks/clerk";
    const FUNCTION: &'static str = "clerk-webhook";
    const SECRET: &'static str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER_SECRET: &'static str = "whsec_bm9ib2R5IGtub3dzIHRoaXMgc2VjcmV0";
    const SECRET_ARN: &'static str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:clerk";
    const SENT_AT: i64 = 1_716_883_201;
    const FIXTURES: &'static str = "clerk";
    const TAKEN: &'static str = "user.created";
    const THANKS: &'static str = "{}";

    fn router(parts: Parts<Self>) -> Router {
        router(App {
            config: Config {
                environment: "test".to_owned(),
                clerk_instance_id: "ins_2gAcme0Instance0000000000A".to_owned(),
                clerk_secret_arn: Self::SECRET_ARN.to_owned(),
                events_queue_url: "https://queue.example.com/events.fifo".to_owned(),
            },
            clock: parts.clock,
            ids: parts.ids,
            keyring: parts.keyring,
            queue: parts.queue,
            metrics: parts.metrics,
        })
    }

    fn sign(secret: &str, at: Timestamp, body: &[u8]) -> Vec<(&'static str, String)> {
        svix::sign(secret, DELIVERY, at, body).into()
    }
}
