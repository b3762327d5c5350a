//! What Clerk sends to `POST /webhooks/clerk`, and what becomes of it.

mod arbitrary;
mod outage;
mod refused;
mod taken;

use shared::{
    queue::Queue,
    task::{IdentityChange, Task},
    webhook::svix::Clerk,
};
use tests::queue::Recorded;

pub(crate) type Door = tests::door::Door<Clerk>;

/// What changed, in what was queued.
fn change(one: &Recorded) -> IdentityChange {
    assert_eq!(one.queue, Queue::Events);
    let Task::ApplyIdentityV1(change) = one.envelope().expect("an envelope").task else {
        panic!("not a change: {}", one.body)
    };
    change
}
