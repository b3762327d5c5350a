//! `cargo xtask demo`: a question and a follow-up in Slack, then a person who signs up, then third parties that she
//! connects, through everything that a deployment has.

use std::time::{Duration, Instant};

use ::tests::local::Progress;
use anyhow::{Context as _, bail};

use crate::{connect, output::say, signup, world::World};

/// How long an answer may take before the demo says that something is wrong; the first one starts two functions.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait before asking the API again. Nobody tells the web client when something is applied, and it may ask 120
/// times a minute.
pub(crate) const ASK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) async fn run(progress: &Progress) -> anyhow::Result<()> {
    let world = World::start("demo", None, progress).await?;
    progress.step("Ada mentions InfraGPT in #platform");
    let question = format!("{} why is checkout slow?", world.mention());
    let (thread, first) = ask(&world, 0, &question, None).await?;
    progress.step("Ada asks on in the thread");
    let (_, second) = ask(&world, 1, "and since when?", Some(&thread)).await?;

    say("");
    say(world.transcript(Some(&thread)).trim_end());
    say("\nmilliseconds after Slack sent the event    first (cold)   follow-up");
    for ((name, cold), (_, warm)) in first.hops().into_iter().zip(second.hops()) {
        say(&format!(
            "  {name:<42}{:>10}{:>12}",
            cold.as_millis(),
            warm.as_millis()
        ));
    }
    say("");
    let grace = signup::run(&world, progress).await?;
    say("");
    connect::run(&world, &grace, progress).await?;
    say("");
    progress.step("stopping");
    drop(world);
    progress.step("done; nothing is left running");
    Ok(())
}

/// When the hops of one turn were reached, after the event was sent.
#[derive(Debug)]
struct Times {
    acknowledged: Duration,
    asked: Duration,
    answered: Duration,
    posted: Duration,
}

impl Times {
    fn hops(&self) -> [(&'static str, Duration); 4] {
        [
            ("slack-events has verified and queued it", self.acknowledged),
            ("agent-dispatcher has asked the agent", self.asked),
            ("the agent has answered", self.answered),
            ("the answer stands in the thread", self.posted),
        ]
    }
}

/// Asks one question and waits for its answer. Answers the message's id.
async fn ask(
    world: &World,
    number: usize,
    text: &str,
    thread: Option<&str>,
) -> anyhow::Result<(String, Times)> {
    let agent = world.agent.as_ref().context("the demo brings its agent")?;
    let sent = Instant::now();
    let turn = async {
        // Together, because the answer may be there before the one who sent the event has noted the time.
        let (said, posted) = tokio::try_join!(world.say(text, thread), async {
            world.vendors.slack.until_posts(number + 1).await;
            let posted = sent.elapsed();
            // The eyes are taken away last; without this they would still stand in the transcript.
            world
                .vendors
                .slack
                .until_called("reactions.remove", number + 1)
                .await;
            anyhow::Ok(posted)
        })?;
        anyhow::Ok((said, posted, agent.turn(number).await?))
    };
    let Ok(turn) = tokio::time::timeout(PATIENCE, turn).await else {
        bail!(
            "there is no answer after {} s; the logs are in {}",
            PATIENCE.as_secs(),
            world.logs().display()
        );
    };
    let ((ts, acknowledged), posted, turn) = turn?;
    let times = Times {
        acknowledged,
        asked: turn.asked - sent,
        answered: turn.answered - sent,
        posted,
    };
    Ok((ts, times))
}
