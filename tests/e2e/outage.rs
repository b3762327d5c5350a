//! Something that the functions need is away.

use crate::world::World;

/// Postgres is stopped when the event comes. Slack gets its 200 all the same, and the person gets an answer when the
/// database is back. The process that first takes the record starts while the database is away.
pub(crate) async fn database(world: &mut World) {
    world.stack.postgres.stop();
    let thread = world.mention("asked without a database").await;
    world
        .until_logged("agent-dispatcher", |entry| {
            entry.says("a task will be tried again")
                && entry
                    .field("delivery.id")
                    .is_some_and(|delivery| delivery.ends_with(&thread.ts))
        })
        .await;
    assert_eq!(world.answers(&thread), 0);

    world
        .stack
        .postgres
        .restart()
        .await
        .expect("the database is back");
    world.answered(&thread, 1).await;
    assert_eq!(world.asked("asked without a database"), 1);
}
