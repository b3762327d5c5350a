//! Stories about the deployed stack: the real template, put on the emulator by the real `sam deploy`, with the real
//! `bootstrap` processes behind the emulator's API Gateway and queues. Only Slack, Clerk and the agent are played.
//!
//! All stories share one deployment and are told one after another, because the emulator hands out one batch of a
//! FIFO queue at a time. The waits of the killed turns, a minute each, run side by side and behind the other stories.
//! To add a story: an async function in the module of what it is about, and a line in the order below.

#![expect(clippy::expect_used, reason = "a story that cannot be set up has failed")]

mod clock;
mod connections;
mod conversation;
mod door;
mod identity;
mod kill;
mod logs;
mod migration;
mod outage;
mod people;
mod poison;
mod refusal;
mod rotation;
mod scanner;
mod secrecy;
mod standstill;
mod trace;
mod world;

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use tests::local::Progress;

use crate::world::World;

/// Longer than any story takes, so that one that hangs is named.
const STORY: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deployed_stack_keeps_its_promises() {
    let progress = Progress::shown();
    let mut world = World::start(&progress).await.expect("the stack is deployed");
    let mut stories = Stories {
        progress,
        failed: Vec::new(),
    };

    tell_first(&mut stories, &world).await;

    let killed = stories
        .tell("the dispatcher is killed in three places", kill::begin(&world))
        .await;
    // It is gone, so the database is away when the next process starts.
    let waiting = stories
        .tell(
            "the database is away for a while",
            outage::database_goes(&mut world),
        )
        .await;
    // Also when that went wrong: all that follows needs it.
    world
        .stack
        .postgres
        .restart()
        .await
        .expect("the database is back");
    if let Some(waiting) = waiting {
        stories
            .tell(
                "what waited for the database is done",
                outage::database_comes(&world, waiting),
            )
            .await;
    }
    tell_meanwhile(&mut stories, &world).await;
    if let Some(killed) = killed {
        stories
            .tell("each killed turn is answered once", kill::end(&world, killed))
            .await;
    }

    tell_last(&mut stories, &world).await;

    world.keep_logs().await;
    assert!(
        stories.failed.is_empty(),
        "failed: {}; the logs are in {}",
        stories.failed.join("; "),
        world.stack.logs().display()
    );
}

/// What ordinary days are like.
async fn tell_first(stories: &mut Stories, world: &World) {
    stories
        .tell(
            "the migrator has prepared the database",
            migration::prepared(world),
        )
        .await;
    stories
        .tell(
            "a mention is answered in its thread, and so is a follow-up",
            conversation::mention_and_follow_up(world),
        )
        .await;
    stories
        .tell(
            "one event five times is answered once",
            conversation::five_times(world),
        )
        .await;
    // Before anything is refused: a process asks for newer secrets once a minute, and forgeries use that up.
    stories
        .tell("the signing secret is rotated", rotation::both_accepted(world))
        .await;
    stories
        .tell("what Slack did not sign is refused", refusal::forgeries(world))
        .await;
    stories
        .tell("Slack verifies the address", refusal::url_verification(world))
        .await;
    stories
        .tell(
            "health and the API's description are public",
            identity::public(world),
        )
        .await;
    stories
        .tell(
            "who signs up is let in before Clerk has told of them",
            identity::signing_up(world),
        )
        .await;
}

/// What does not touch the threads of the killed turns, which are blocked meanwhile.
async fn tell_meanwhile(stories: &mut Stories, world: &World) {
    stories
        .tell("a record that nobody can read", poison::unreadable(world))
        .await;
    stories
        .tell(
            "an agent that says too much is not quoted",
            secrecy::talkative_agent(world),
        )
        .await;
    stories
        .tell(
            "who takes our app out of a workspace is disconnected",
            secrecy::revocation(world),
        )
        .await;
    stories
        .tell("what Clerk did not sign is refused", refusal::webhooks(world))
        .await;
    stories
        .tell(
            "one webhook five times has one effect",
            identity::five_times(world),
        )
        .await;
    stories
        .tell(
            "who is removed or signs out is refused at once",
            identity::leaving(world),
        )
        .await;
    stories
        .tell(
            "another organization's ids are not found",
            identity::strangers(world),
        )
        .await;
    stories
        .tell(
            "an operator lets events wait and go on",
            standstill::stop_and_go(world),
        )
        .await;
    stories
        .tell("lost webhooks are made up for", clock::compared(world))
        .await;
    stories
        .tell("what was kept long enough is removed", clock::expired(world))
        .await;
    stories
        .tell(
            "third parties are connected, heard and let go",
            connections::from_connecting_to_revoking(world),
        )
        .await;
}

/// What all stories have left.
async fn tell_last(stories: &mut Stories, world: &World) {
    stories
        .tell("everybody was answered exactly once", world.settled())
        .await;
    stories
        .tell(
            "every turn can be traced from door to answer",
            trace::door_to_answer(world),
        )
        .await;
    stories
        .tell(
            "no secret, no message and no name was shown",
            secrecy::nothing_shown(world),
        )
        .await;
}

/// Tells stories and remembers those that went wrong, so that one failure does not hide the others.
struct Stories {
    progress: Progress,
    failed: Vec<&'static str>,
}

impl Stories {
    /// Answers what the story leaves, unless it went wrong. Why it did is on the terminal by then.
    async fn tell<T>(&mut self, story: &'static str, happens: impl Future<Output = T>) -> Option<T> {
        let begun = Instant::now();
        let told = AssertUnwindSafe(tokio::time::timeout(STORY, happens))
            .catch_unwind()
            .await;
        let (outcome, value) = match told {
            Ok(Ok(value)) => ("told", Some(value)),
            Ok(Err(_)) => ("HANGS", None),
            Err(_panic) => ("FAILED", None),
        };
        if value.is_none() {
            self.failed.push(story);
        }
        self.progress.step(&format!(
            "{outcome}: {story} ({:.1} s)",
            begun.elapsed().as_secs_f32()
        ));
        value
    }
}
