//! People ask, and are answered.

use futures_util::future::join_all;
use tests::agent::Behaviour;

use crate::world::{MARK, World, answer_text};

/// Through API Gateway, slack-events, SQS, agent-dispatcher, the agent, and back into the thread; then once more.
pub(crate) async fn mention_and_follow_up(world: &World) {
    let reactions = world.slack.count("reactions.remove");
    world
        .agent
        .next(Behaviour::Answer(format!("{MARK}: deploys are **frozen**.")));
    let thread = world.mention("can I deploy?").await;
    world.answered(&thread, 1).await;

    world
        .agent
        .next(Behaviour::Answer(format!("{MARK}: until Monday.")));
    world.follow_up(&thread, "until when?").await;
    world.answered(&thread, 2).await;

    // The eyes are taken away last.
    world.slack.until_called("reactions.remove", reactions + 2).await;
    let messages = world.messages(&thread);
    let shown: Vec<_> = messages
        .iter()
        .map(|message| {
            let text = message.shown().replace(&format!("{MARK}: "), "");
            (message.bot_id.is_some(), text, message.reactions.len())
        })
        .collect();
    let mention = format!("<@{}> can I deploy?", world.workspace.bot_user_id());
    assert_eq!(
        shown,
        [
            (false, mention, 0),
            (true, "deploys are **frozen**.".to_owned(), 0),
            (false, "until when?".to_owned(), 0),
            (true, "until Monday.".to_owned(), 0),
        ]
    );

    let asked = world.agent.asked();
    let [first, second] = asked.as_slice() else {
        panic!("the agent was asked {} times", asked.len());
    };
    assert_eq!(first.request.past_messages.len(), 0);
    assert_eq!(first.request.user_name, "Ada");
    assert_eq!(
        first.request.conversation_id, second.request.conversation_id,
        "one thread is one conversation"
    );
    let history: Vec<_> = second
        .request
        .past_messages
        .iter()
        .map(|said| said.content.replace(&format!("{MARK}: "), ""))
        .collect();
    assert_eq!(history, ["can I deploy?", "deploys are **frozen**."]);
}

/// Slack delivers at least once, sometimes at the same time, and tells of a mention in two events.
pub(crate) async fn five_times(world: &World) {
    let ts = world.write_mention("who is on call?");
    let thread = world.began(&ts);
    let events = world.events(&ts);
    let [mention, message] = events.as_slice() else {
        panic!("a mention is told of in {} events", events.len());
    };
    assert_eq!(
        (&mention["event"]["type"], &message["event"]["type"]),
        (&"app_mention".into(), &"message".into())
    );

    join_all([mention, mention, message, mention].map(|event| world.deliver(event))).await;
    world.answered(&thread, 1).await;
    for event in [mention, mention, message] {
        world.deliver(event).await;
    }
    // Behind them in the queue, so when this is answered they have been dealt with.
    world.follow_up(&thread, "and tomorrow?").await;
    world.answered(&thread, 2).await;

    assert_eq!(world.asked("who is on call?"), 1);
    let answers: Vec<_> = world
        .messages(&thread)
        .into_iter()
        .filter(|message| message.bot_id.is_some())
        .map(|message| message.shown().to_owned())
        .collect();
    assert_eq!(answers, [answer_text(), answer_text()]);
}
