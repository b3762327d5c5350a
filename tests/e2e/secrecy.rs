//! What must be seen nowhere.

use std::collections::HashSet;

use tests::agent::Behaviour;

use crate::{
    door::signed,
    logs::{Entry, is_platforms},
    scanner::Scanner,
    world::{MARK, World},
};

/// Looks like what AWS hands out.
const ACCESS_KEY: &str = "AKIAQ7ZLWX3MNB5VTRHC";
const SECRET_KEY: &str = "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";

/// An agent that says in its error what it was told, and more. None of it is repeated to anybody.
pub(crate) async fn talkative_agent(world: &World) {
    world.hide("an access key", ACCESS_KEY);
    world.hide("a secret key", SECRET_KEY);
    world.agent.next(Behaviour::Refuse(format!(
        "{MARK}: {ACCESS_KEY} and {SECRET_KEY} are not accepted"
    )));
    let thread = world
        .mention(&format!("use {ACCESS_KEY} with {SECRET_KEY}"))
        .await;
    world.answered(&thread, 1).await;
    let answer = world.messages(&thread).pop().expect("an answer");
    let shown = answer.shown();
    assert!(shown.contains("Reference: "), "{shown}");
    assert!(!shown.contains(MARK), "{shown}");
}

/// What only concerns an installation goes onto the other queue, without what was in the event besides.
pub(crate) async fn revocation(world: &World) {
    let mut event = world
        .events(&world.write("nobody is told of this", None))
        .remove(0);
    event["event_id"] = "Ev0E2EREVOKED".into();
    event["team_id"] = "T0STRANGER".into();
    event["authorizations"] = serde_json::json!([]);
    event["event"] = serde_json::json!({"type": "tokens_revoked", "tokens": {"bot": ["U0E2EBOT1"]}});
    let body = serde_json::to_vec(&event).expect("JSON");
    let headers = signed(&world.signing_secret.borrow().clone(), &body);
    let answer = world.door.post("/slack/events", &headers, &body).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");

    let received = world
        .sqs
        .receive_message()
        .queue_url(world.queue("EventsQueue"))
        .message_attribute_names("All")
        .message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All)
        .send()
        .await
        .expect("the queue answers");
    let [message] = received.messages() else {
        panic!("{} records are on events.fifo", received.messages().len());
    };
    assert!(message.body().is_some_and(|body| body.contains("T0STRANGER")));
    world.tap(message);
}

/// All that the run has left: log lines, answers, outputs, queue messages.
pub(crate) async fn nothing_shown(world: &World) {
    let mut secrets = Scanner::default();
    for (what, secret) in world.hidden() {
        secrets.hide(what, &secret);
    }
    let mut texts = secrets.clone();
    texts.hide("a message", MARK);

    // Were this not found, nothing would be.
    let seen = world.tapped();
    assert_eq!(seen.len(), 4, "two on tasks.fifo, one dead, one on events.fifo");
    assert_eq!(
        texts.found_in(&seen[0]),
        ["a message"],
        "what is asked travels on the queue"
    );

    for message in &seen {
        assert_eq!(secrets.found_in(message), [""; 0], "in a message: {message}");
    }
    for answer in world.door.answers() {
        assert_eq!(texts.found_in(&answer), [""; 0], "in an answer: {answer}");
    }
    for (output, value) in &world.stack.deployment.outputs {
        assert_eq!(texts.found_in(value), [""; 0], "in the output {output}");
    }

    let mut levels = HashSet::new();
    for function in world.stack.functions() {
        let lines = world.stack.lines_of(function).await.expect("a log");
        let own: Vec<_> = lines.iter().filter(|line| !is_platforms(line)).collect();
        assert!(!own.is_empty(), "{function} has written nothing");
        for line in own {
            let line_text = &line.message;
            assert_eq!(texts.found_in(line_text), [""; 0], "{function}: {line_text}");
            let entry = Entry::read(line).unwrap_or_else(|| panic!("{function} wrote no JSON: {line_text}"));
            // Somebody is woken by these; there is one reason to in this run.
            assert!(
                entry.field("level") != Some("ERROR") || entry.says("a record cannot be read"),
                "{function}: {line_text}"
            );
            levels.extend(entry.field("level").map(str::to_owned));
        }
    }
    assert!(levels.contains("DEBUG"), "the functions could have said more");
}
