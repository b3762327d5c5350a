//! An operator lets events wait, and lets them go on.

use tests::local::Taking;

use crate::{people::is_about, world::World};

/// While nobody takes them, what Clerk tells is taken at the door and waits on the queue. It is applied once, also when
/// the queue hands it over again after the five minutes in which SQS knows a record by its id.
pub(crate) async fn stop_and_go(world: &World) {
    let (founder, _) = world.founder("Lagoon", "lagoon");
    world.webhooks_come().await;

    let take = |taking| world.stack.set_taking("event-processor", taking);
    take(Taking::Off).await.expect("the mapping is there");
    let new = world.names();
    let clerk = world.clerk.now();
    clerk.update_user(&founder.id, &new.first, &new.last);
    let [renamed] = &clerk.drain()[..] else {
        panic!("one change is told of once");
    };
    world.tell(renamed).await;
    let waiting = world.waiting("EventsQueue").await;
    take(Taking::On).await.expect("the mapping is there");
    let [message] = &waiting[..] else {
        panic!("{} records wait on events.fifo", waiting.len());
    };
    world.tap(message);
    let body = message.body().expect("a body");
    assert!(body.contains(&new.first), "what changed travels on the queue");
    world.until_applied(renamed).await;

    world.put_again("EventsQueue", message, "again").await;
    world
        .until_logged("event-processor", |entry| {
            entry.says("the delivery has been dealt with") && is_about(entry, renamed)
        })
        .await;
}
