//! Following one event through the functions.

use std::collections::HashSet;

use crate::{logs::Entry, world::World};

/// Every event that was accepted, and none besides, was queued with its trace; every question was answered under the
/// trace of an event about it.
pub(crate) async fn door_to_answer(world: &World) {
    let delivered = world.delivered();
    let sent: Vec<_> = delivered
        .iter()
        .map(|event| (event.delivery.clone(), event.trace.clone()))
        .collect();

    let mut queued = said(world, "slack-events", "a task was queued").await;
    let mut expected = sent.clone();
    queued.sort();
    expected.sort();
    assert_eq!(queued, expected);

    let answered = said(world, "agent-dispatcher", "the answer is posted").await;
    let sent: HashSet<_> = sent.into_iter().collect();
    for turn in &answered {
        assert!(sent.contains(turn), "{turn:?} was answered and never sent");
    }
    let mut once: Vec<_> = answered.into_iter().map(|(delivery, _)| delivery).collect();
    once.sort();
    let mut all: Vec<_> = sent.into_iter().map(|(delivery, _)| delivery).collect();
    all.sort();
    all.dedup();
    assert_eq!(once, all, "one answer is told of for each post");

    // The agent, too, is told.
    let traces: HashSet<_> = delivered.into_iter().map(|event| event.trace).collect();
    for asked in world.agent.asked() {
        let parent = asked.metadata.get("traceparent").expect("a traceparent");
        let trace = parent
            .to_str()
            .expect("a text")
            .split('-')
            .nth(1)
            .expect("a trace");
        assert!(traces.contains(trace), "{trace} was never sent");
    }
}

/// A message is known as `slack:<workspace>:<channel>:<timestamp>`.
const MESSAGE_PARTS: usize = 4;

/// Delivery and trace of every line of a function that says this.
async fn said(world: &World, function: &str, message: &str) -> Vec<(String, String)> {
    let lines = world.stack.lines_of(function).await.expect("a log");
    lines
        .iter()
        .filter_map(Entry::read)
        .filter(|entry| entry.says(message))
        .filter_map(|entry| {
            let field = |name| entry.field(name).map(str::to_owned);
            // Those about another organization's installation have no message, and another delivery.
            let delivery = field("delivery.id")?;
            let is_message = delivery.split(':').count() == MESSAGE_PARTS;
            is_message.then(|| (delivery, field("trace_id").unwrap_or_default()))
        })
        .collect()
}
