//! Something that the functions need is away.

use serde_json::json;
use shared::identity::fake::FakeEvent;
use tests::people::Person;

use crate::{
    people::is_about,
    world::{Thread, World},
};

/// What waits for the database.
pub(crate) struct Waiting {
    thread: Thread,
    founder: Person,
    renamed: FakeEvent,
}

/// Postgres is stopped when the events come. Slack and Clerk get their 200 all the same. The process that first takes the
/// record starts while the database is away. Who calls meanwhile is told to come again, and not to sign in again.
pub(crate) async fn database_goes(world: &mut World) -> Waiting {
    let (founder, _) = world.founder("Tern", "tern");
    world.webhooks_come().await;
    assert_eq!(world.me(&founder).await["name"], "Tern");

    world.stack.postgres.stop();
    let thread = world.mention("asked without a database").await;
    let clerk = world.clerk.now();
    clerk.update_organization(&founder.organization, "Arctic Tern", "tern");
    let [renamed] = &clerk.drain()[..] else {
        panic!("one change is told of once");
    };
    world.tell(renamed).await;

    let answer = world
        .post_with(&world.token(&founder), "/identity/me/", &json!({}))
        .await;
    assert_eq!(answer.status.as_u16(), 503, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), "5");
    let answer = world.web.get("/health/live").await.expect("the API answers");
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);

    world
        .until_logged("agent-dispatcher", |entry| {
            entry.says("a task will be tried again")
                && entry
                    .field("delivery.id")
                    .is_some_and(|delivery| delivery.ends_with(&thread.ts))
        })
        .await;
    world
        .until_logged("event-processor", |entry| {
            entry.says("a task will be tried again") && is_about(entry, renamed)
        })
        .await;
    assert_eq!(world.answers(&thread), 0);
    let problem = world.until_readiness(503).await;
    let missing: Vec<_> = problem["fields"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|field| &field["field"])
        .collect();
    assert_eq!(missing, ["database"], "{problem}");

    Waiting {
        thread,
        founder,
        renamed: renamed.clone(),
    }
}

/// The database is back: the person gets an answer, and the change is applied.
pub(crate) async fn database_comes(world: &World, waiting: Waiting) {
    let Waiting {
        thread,
        founder,
        renamed,
    } = waiting;
    let name = world.me(&founder).await["name"].clone();
    assert!(
        name == "Tern" || name == "Arctic Tern",
        "who calls is answered at once: {name}"
    );
    world.answered(&thread, 1).await;
    assert_eq!(world.asked("asked without a database"), 1);
    world.until_applied(&renamed).await;
    assert_eq!(world.me(&founder).await["name"], "Arctic Tern");
    world.until_readiness(200).await;
}
