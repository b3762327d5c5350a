//! The dispatcher's process is killed in the middle of a turn.

use std::time::{Duration, Instant};

use shared::connector::slack::fake::Trouble;
use tests::agent::Behaviour;

use crate::world::{Thread, World};

/// How long after a kill the answer must be there.
const LIMIT: Duration = Duration::from_secs(90);

/// A turn that was killed.
pub(crate) struct Killed {
    place: &'static str,
    question: &'static str,
    thread: Thread,
    at: Instant,
    /// How often the agent may have been asked in the end.
    questions: usize,
}

/// Kills three turns, each at another place, within seconds. Each blocks its own thread for a minute.
pub(crate) async fn begin(world: &World) -> [Killed; 3] {
    // While the agent holds the question: the turn is claimed, and there is no answer.
    let question = "killed after the claim";
    let (asked, given_up) = (world.agent.asked().len(), 1);
    world.agent.next(Behaviour::Hang);
    let thread = world.mention(question).await;
    world.agent.wait_for_questions(asked + 1).await;
    let beside = beside(world).await;
    let claimed = Killed {
        place: "after the claim",
        question,
        thread,
        at: world.kill_dispatcher(),
        questions: 2,
    };
    world.agent.wait_for_given_up(given_up).await;
    // Another thread goes on although the process is gone.
    world.answered(&beside, 1).await;
    world
        .until_logged("agent-dispatcher", |entry| {
            entry.says("the answer is posted")
                && entry
                    .field("delivery.id")
                    .is_some_and(|id| id.ends_with(&beside.ts))
        })
        .await;

    // While Slack is being asked to post: the answer is stored, and nobody has seen it.
    let question = "killed after the agent";
    world.slack.trouble("chat.postMessage", 1, &Trouble::Hang);
    let thread = world.mention(question).await;
    world.slack.until_hanging(1).await;
    let answered = Killed {
        place: "after the agent",
        question,
        at: world.kill_dispatcher(),
        questions: 1,
        thread,
    };
    assert_eq!(world.answers(&answered.thread), 0);

    // When Slack has posted and has not said so: the answer stands there, and our ledger does not know.
    let question = "killed after the post";
    world
        .slack
        .trouble("chat.postMessage", 1, &Trouble::HangAfterEffect);
    let thread = world.mention(question).await;
    world.slack.until_hanging(2).await;
    let posted = Killed {
        place: "after the post",
        question,
        at: world.kill_dispatcher(),
        questions: 1,
        thread,
    };
    assert_eq!(world.answers(&posted.thread), 1);
    [claimed, answered, posted]
}

/// Each is answered, once, within the limit.
pub(crate) async fn end(world: &World, killed: [Killed; 3]) {
    for turn in &killed {
        let left = LIMIT.saturating_sub(turn.at.elapsed());
        assert!(left > Duration::ZERO, "the stories between took too long to tell");
        world.answered_within(&turn.thread, 1, left).await;
    }
    // The answer that was posted is to be found by then, not only to stand there.
    let last = killed.iter().map(|turn| turn.at).max().expect("three");
    world
        .until_queue_is_empty("TasksQueue", LIMIT.saturating_sub(last.elapsed()))
        .await;
    for turn in &killed {
        assert_eq!(world.answers(&turn.thread), 1, "killed {}", turn.place);
        assert_eq!(
            world.asked(turn.question),
            turn.questions,
            "questions to the agent, killed {}",
            turn.place
        );
    }
}

/// A question in another thread while the dispatcher is busy. The emulator has one batch of a FIFO queue under way at
/// a time, so its records can be looked at on the queue. They are put there again, too, as SQS may do after the five
/// minutes in which it knows a record by its id: then only the ledger tells that they are known.
async fn beside(world: &World) -> Thread {
    let thread = world.mention("asked beside it").await;
    let waiting = world.waiting("TasksQueue").await;
    let about_it: Vec<_> = waiting
        .iter()
        .filter(|message| message.body().is_some_and(|body| body.contains(&thread.ts)))
        .collect();
    assert_eq!(about_it.len(), 2, "a mention is told of twice");
    for (number, message) in about_it.into_iter().enumerate() {
        world.tap(message);
        world
            .put_again("TasksQueue", message, &format!("again-{number}"))
            .await;
    }
    thread
}
