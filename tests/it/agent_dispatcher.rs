//! What becomes of what people say: the dispatcher with a real database and a real gRPC agent.

use std::time::Duration;

use insta::assert_snapshot;
use shared::{
    clock::{self, Clock as _, Timestamp},
    connector::slack::fake::Trouble,
    db::{channels, deliveries, integrations},
    task::{Envelope, Task},
};
use tests::{
    agent::Behaviour,
    kms::Fault,
    stack::{Organization, Stack, raw_record, record},
};
use tonic::Code;

/// Somebody says something, and one process deals with every event that comes of it. Answers the message's timestamp.
async fn said(
    stack: &Stack,
    acme: &Organization,
    channel: &str,
    user: &str,
    text: &str,
    thread: Option<&str>,
) -> String {
    let ts = acme.workspace.say(channel, user, text, thread);
    let dispatcher = stack.dispatcher().expect("a process");
    for envelope in stack.envelopes(&acme.workspace, channel, &ts) {
        let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
        assert_eq!(handled.returned, Vec::<String>::new());
    }
    ts
}

/// A mention and the first of the envelopes that come of it.
fn mention(stack: &Stack, acme: &Organization, text: &str) -> (String, Envelope) {
    let ts = acme.workspace.say("C1", "U1", &acme.mention(text), None);
    let envelope = stack
        .envelopes(&acme.workspace, "C1", &ts)
        .into_iter()
        .next()
        .expect("an event");
    (ts, envelope)
}

async fn state(stack: &Stack, envelope: &Envelope) -> Option<(String, Option<String>)> {
    let db = stack.db().await.expect("a connection");
    let found = deliveries::find(&db, &envelope.delivery)
        .await
        .expect("the ledger");
    found.map(|found| (found.state, found.reason))
}

#[tokio::test]
async fn a_mention_is_answered_in_its_thread_once_although_slack_tells_of_it_twice() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Answer(
        "The database's **connection pool** is full.".to_owned(),
    ));

    let ts = said(
        &stack,
        &acme,
        "C1",
        "U1",
        &acme.mention("why is checkout slow?"),
        None,
    )
    .await;

    assert_snapshot!(acme.workspace.transcript("C1", Some(&ts)), @r"
    #general · acme

    Ada
      @InfraGPT why is checkout slow?

        InfraGPT [app]
          The database's **connection pool** is full.
    ");
    assert_eq!(stack.agent.asked().len(), 1);
    assert_eq!(stack.slack.posts(), 1);
    let asked = &stack.agent.asked()[0].request;
    assert_eq!(asked.current_message, "why is checkout slow?");
    assert_eq!(asked.past_messages.len(), 0);
    assert_eq!((asked.user_id.as_str(), asked.channel_id.as_str()), ("U1", "C1"));
    assert_eq!(asked.user_name, "Ada");
    assert_eq!(stack.slack.count("reactions.add"), 1);
}

#[tokio::test]
async fn a_follow_up_with_or_without_a_mention_carries_the_whole_history_in_order_with_its_roles() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    for answer in ["Deploys are frozen.", "Until Monday.", "Ask the release manager."] {
        stack.agent.next(Behaviour::Answer(answer.to_owned()));
    }

    let ts = said(&stack, &acme, "C1", "U1", &acme.mention("can I deploy?"), None).await;
    said(&stack, &acme, "C1", "U2", "until when?", Some(&ts)).await;
    said(
        &stack,
        &acme,
        "C1",
        "U1",
        &acme.mention("who decides?"),
        Some(&ts),
    )
    .await;

    let asked = stack.agent.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(
        stack.slack.count("conversations.replies"),
        0,
        "nothing in it is older than our part"
    );
    let conversations: Vec<_> = asked
        .iter()
        .map(|asked| asked.request.conversation_id.clone())
        .collect();
    assert!(
        conversations
            .iter()
            .all(|conversation| *conversation == conversations[0])
    );
    let history: Vec<_> = asked[2]
        .request
        .past_messages
        .iter()
        .map(|said| (said.sender.as_str(), said.content.as_str()))
        .collect();
    assert_eq!(
        history,
        [
            ("user/U1", "can I deploy?"),
            ("agent", "Deploys are frozen."),
            ("user/U2", "until when?"),
            ("agent", "Until Monday."),
        ]
    );
    assert_snapshot!(acme.workspace.transcript("C1", Some(&ts)), @r"
    #general · acme

    Ada
      @InfraGPT can I deploy?

        InfraGPT [app]
          Deploys are frozen.

        Grace
          until when?

        InfraGPT [app]
          Until Monday.

        Ada
          @InfraGPT who decides?

        InfraGPT [app]
          Ask the release manager.
    ");
}

#[tokio::test]
async fn the_first_mention_in_an_old_thread_brings_the_thread_in_first() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let first = said(
        &stack,
        &acme,
        "C1",
        "U1",
        "checkout is slow &amp; I do not know why",
        None,
    )
    .await;
    said(&stack, &acme, "C1", "U2", "since the deploy", Some(&first)).await;
    assert_eq!(stack.agent.asked().len(), 0);

    said(
        &stack,
        &acme,
        "C1",
        "U2",
        &acme.mention("what do you think?"),
        Some(&first),
    )
    .await;

    let asked = stack.agent.asked();
    let history: Vec<_> = asked[0]
        .request
        .past_messages
        .iter()
        .map(|said| (said.sender.as_str(), said.content.as_str()))
        .collect();
    assert_eq!(
        history,
        [
            ("user/U1", "checkout is slow & I do not know why"),
            ("user/U2", "since the deploy")
        ]
    );
    assert_eq!(asked[0].request.current_message, "what do you think?");
}

#[tokio::test]
async fn a_thread_that_could_not_be_brought_in_is_brought_in_by_the_next_attempt() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let first = said(&stack, &acme, "C1", "U1", "checkout is slow", None).await;
    let ts = acme
        .workspace
        .say("C1", "U2", &acme.mention("why?"), Some(&first));
    let envelope = &stack.envelopes(&acme.workspace, "C1", &ts)[0];
    stack
        .slack
        .trouble("conversations.replies", 1, &Trouble::Status(503));

    let dispatcher = stack.dispatcher().expect("a process");
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 1, envelope)])
            .await
            .returned,
        ["r"]
    );
    assert_eq!(stack.agent.asked().len(), 0);
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 2, envelope)])
            .await
            .returned,
        Vec::<String>::new()
    );

    assert_eq!(stack.agent.asked()[0].request.past_messages.len(), 1);
    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn what_is_not_said_to_us_is_stored_nowhere_and_not_answered() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");

    let top = said(&stack, &acme, "C1", "U1", "lunch?", None).await;
    said(&stack, &acme, "C1", "U2", "sure", Some(&top)).await;

    assert_eq!(stack.slack.calls().len(), 0);
    assert_eq!(stack.agent.asked().len(), 0);
    for table in ["conversations", "messages", "deliveries"] {
        assert_eq!(stack.count(table).await.expect("a count"), 0, "{table}");
    }
}

#[tokio::test]
async fn a_plain_message_that_comes_before_its_mention_does_not_keep_the_mention_from_being_answered() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, mention) = mention(&stack, &acme, "hello?");
    let mut plain = mention.clone();
    let Task::AnswerSlackMessageV1(message) = &mut plain.task else {
        panic!("a mention is a message");
    };
    message.kind = shared::task::SlackMessageKind::ChannelMessage;

    let dispatcher = stack.dispatcher().expect("a process");
    stack
        .handle(
            &dispatcher,
            vec![record("plain", 1, &plain), record("mention", 1, &mention)],
        )
        .await;

    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn in_a_watched_channel_what_is_said_at_the_top_level_is_answered_too() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let mut db = stack.db().await.expect("a connection");
    let tx = db.begin_for(acme.id).await.expect("a transaction");
    let channel = channels::Channel {
        team: "T1",
        channel: "C1",
        name: Some("general"),
        is_monitored: true,
    };
    channels::upsert(&tx, acme.id, &channel, stack.clock.now())
        .await
        .expect("a channel");
    tx.commit().await.expect("a commit");

    let ts = said(
        &stack,
        &acme,
        "C1",
        "U1",
        "is anybody looking at the errors?",
        None,
    )
    .await;

    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
}

#[tokio::test]
async fn a_direct_message_is_answered_beside_it_and_remembered() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Answer("Grace is.".to_owned()));
    stack.agent.next(Behaviour::Answer("Until eight.".to_owned()));

    said(&stack, &acme, "D1", "U1", "who is on call?", None).await;
    said(&stack, &acme, "D1", "U1", "how long?", None).await;

    assert_eq!(stack.agent.asked()[1].request.past_messages.len(), 2);
    assert_snapshot!(acme.workspace.transcript("D1", None), @r"
    Ada · acme

    Ada
      who is on call?

    InfraGPT [app]
      Grace is.

    Ada
      how long?

    InfraGPT [app]
      Until eight.
    ");
}

#[tokio::test]
async fn an_answer_pings_nobody_unfurls_nothing_and_hides_no_address() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let hostile = "Hi <!channel> and <@U2>, see [your bank](https://evil.example/x).";
    stack.agent.next(Behaviour::Answer(hostile.to_owned()));

    let ts = said(&stack, &acme, "C1", "U1", &acme.mention("anything?"), None).await;

    let posted = acme.workspace.messages("C1", Some(&ts)).pop().expect("an answer");
    assert!(!posted.unfurls);
    for text in [posted.shown(), &posted.text] {
        assert!(!text.contains("<!channel>") && !text.contains("<@U2>"), "{text}");
        assert!(text.contains("evil.example"), "{text}");
    }
}

#[tokio::test]
async fn a_long_answer_is_posted_in_pages_and_a_retry_posts_only_what_is_missing() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let paragraph = "A sentence about the incident that took a while. ".repeat(20);
    stack.agent.next(Behaviour::Answer(
        std::array::from_fn::<_, 25, _>(|n| format!("{n}. {paragraph}\n\n")).concat(),
    ));
    let (ts, envelope) = mention(&stack, &acme, "tell me all");
    // The first page is posted, and Slack's answer is lost.
    stack
        .slack
        .trouble("chat.postMessage", 1, &Trouble::FailAfterEffect);
    let dispatcher = stack.dispatcher().expect("a process");

    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 1, &envelope)])
            .await
            .returned,
        ["r"]
    );
    assert_eq!(stack.slack.posts(), 1);
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 2, &envelope)])
            .await
            .returned,
        Vec::<String>::new()
    );

    let pages: Vec<_> = acme
        .workspace
        .messages("C1", Some(&ts))
        .into_iter()
        .skip(1)
        .map(|page| page.shown().to_owned())
        .collect();
    assert!(pages.len() > 1, "the answer fits on one page");
    assert_eq!(stack.slack.posts(), pages.len());
    let distinct: std::collections::HashSet<_> = pages.iter().collect();
    assert_eq!(stack.agent.asked().len(), 1);
    assert!(distinct.len() == pages.len(), "a page stands there twice");
}

#[tokio::test]
async fn whatever_the_agent_does_the_person_gets_one_sentence_with_a_reference() {
    for (behaviour, reason) in [
        (
            Behaviour::Refuse("no model is configured".to_owned()),
            "agent_refused",
        ),
        (Behaviour::Empty, "agent_answered_nothing"),
        (Behaviour::Hang, "agent_timed_out"),
        (Behaviour::Fail(Code::Internal), "agent_protocol"),
        (Behaviour::Fail(Code::DeadlineExceeded), "agent_timed_out"),
    ] {
        let stack = Stack::start().await.expect("a stack");
        let acme = stack.organization("acme", "T1").await.expect("an organization");
        stack.agent.next(behaviour.clone());
        let (ts, envelope) = mention(&stack, &acme, "why?");
        let dispatcher = stack.dispatcher().expect("a process");

        let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

        assert_eq!(handled.returned, Vec::<String>::new(), "{behaviour:?}");
        let thread = acme.workspace.messages("C1", Some(&ts));
        assert_eq!(thread.len(), 2, "{behaviour:?}");
        assert!(
            thread[1].shown().contains(&envelope.id.to_string()),
            "{behaviour:?}"
        );
        assert!(
            !thread[1].shown().contains("no model"),
            "the agent's own words are for its log"
        );
        assert_eq!(
            stack.counted("TurnsInTrouble"),
            [(reason.to_owned(), 1)].into(),
            "{behaviour:?}"
        );

        // Neither the sentence nor the failed attempt is part of what the agent sees next.
        said(&stack, &acme, "C1", "U1", "and now?", Some(&ts)).await;
        let asked = stack.agent.asked();
        let last = asked.last().expect("a question");
        let history: Vec<_> = last
            .request
            .past_messages
            .iter()
            .map(|said| said.content.as_str())
            .collect();
        assert_eq!(history, ["why?"], "{behaviour:?}");
    }
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_tried_again_and_reported_only_when_it_stays_away() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.always(Behaviour::Fail(Code::Unavailable));
    let (ts, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    for attempt in 1..=2 {
        let handled = stack
            .handle(&dispatcher, vec![record("r", attempt, &envelope)])
            .await;
        assert_eq!(handled.returned, ["r"], "attempt {attempt}");
        assert_eq!(stack.slack.posts(), 0);
    }
    let handled = stack.handle(&dispatcher, vec![record("r", 3, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
    assert_eq!(
        stack.counted("TurnsInTrouble"),
        [("agent_unreachable".to_owned(), 1)].into()
    );
}

#[tokio::test]
async fn an_agent_that_comes_back_answers_and_nobody_hears_that_it_was_away() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Fail(Code::Unavailable));
    stack.agent.next(Behaviour::Answer("Here I am.".to_owned()));
    let (ts, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 1, &envelope)])
            .await
            .returned,
        ["r"]
    );
    stack.handle(&dispatcher, vec![record("r", 2, &envelope)]).await;

    assert_snapshot!(acme.workspace.transcript("C1", Some(&ts)), @r"
    #general · acme

    Ada
      @InfraGPT why?

        InfraGPT [app]
          Here I am.
    ");
}

#[tokio::test]
async fn a_short_wait_that_slack_asks_for_is_sat_out_and_a_long_one_goes_back_to_the_queue() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let dispatcher = stack.dispatcher().expect("a process");

    stack.slack.trouble(
        "chat.postMessage",
        1,
        &Trouble::RateLimited(Duration::from_secs(1)),
    );
    let (_, short) = mention(&stack, &acme, "why?");
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("s", 1, &short)])
            .await
            .returned,
        Vec::<String>::new()
    );
    assert_eq!(stack.slack.posts(), 1);

    stack.slack.trouble(
        "chat.postMessage",
        1,
        &Trouble::RateLimited(Duration::from_secs(90)),
    );
    let (_, long) = mention(&stack, &acme, "and why?");
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("l", 1, &long)])
            .await
            .returned,
        ["l"]
    );
    assert_eq!(stack.inbox.hidden("l"), Some(Duration::from_secs(90)));
    assert_eq!(stack.slack.posts(), 1);
    let asked = stack.agent.asked().len();

    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("l", 2, &long)])
            .await
            .returned,
        Vec::<String>::new()
    );
    assert_eq!(stack.slack.posts(), 2);
    assert_eq!(
        stack.agent.asked().len(),
        asked,
        "the stored answer is posted, the agent is not asked again"
    );
}

#[tokio::test]
async fn a_revoked_token_marks_the_connection_and_the_agent_is_not_even_asked() {
    for code in ["token_revoked", "invalid_auth", "account_inactive"] {
        let stack = Stack::start().await.expect("a stack");
        let acme = stack.organization("acme", "T1").await.expect("an organization");
        acme.workspace.revoke_token(&acme.token, code);
        let (_, envelope) = mention(&stack, &acme, "why?");
        let dispatcher = stack.dispatcher().expect("a process");

        let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

        assert_eq!(handled.returned, Vec::<String>::new());
        assert_eq!(
            state(&stack, &envelope).await,
            Some(("failed".to_owned(), Some(code.to_owned())))
        );
        let mut db = stack.db().await.expect("a connection");
        let fresh = integrations::reread(&mut db, acme.id, acme.integration)
            .await
            .expect("a row")
            .expect("a row");
        assert_eq!(fresh.health, integrations::Health::NeedsReauth);
        assert_eq!(stack.agent.asked().len(), 0);
    }
}

#[tokio::test]
async fn a_workspace_connected_anew_while_we_answered_with_the_old_token_is_answered_with_the_new_one() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Hold("It was the pool.".to_owned()));
    let (ts, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    let reconnect = async {
        stack.agent.wait_for_questions(1).await;
        acme.workspace.revoke_token(&acme.token, "token_revoked");
        acme.workspace.issue_token("xoxb-acme-second-0123456789");
        stack
            .connect(&acme, "xoxb-acme-second-0123456789")
            .await
            .expect("connected anew");
        stack.agent.release();
    };
    let (handled, ()) = tokio::join!(
        stack.handle(&dispatcher, vec![record("r", 1, &envelope)]),
        reconnect
    );

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
    let mut db = stack.db().await.expect("a connection");
    let fresh = integrations::reread(&mut db, acme.id, acme.integration)
        .await
        .expect("a row")
        .expect("a row");
    assert_eq!(fresh.health, integrations::Health::Healthy);
}

#[tokio::test]
async fn a_channel_that_cannot_be_posted_to_ends_the_turn_with_its_reason() {
    for code in ["is_archived", "not_in_channel"] {
        let stack = Stack::start().await.expect("a stack");
        let acme = stack.organization("acme", "T1").await.expect("an organization");
        let (_, envelope) = mention(&stack, &acme, "why?");
        match code {
            "is_archived" => acme.workspace.archive("C1"),
            _ => acme.workspace.remove_bot("C1"),
        }
        let dispatcher = stack.dispatcher().expect("a process");

        let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

        assert_eq!(handled.returned, Vec::<String>::new());
        assert_eq!(
            state(&stack, &envelope).await,
            Some(("failed".to_owned(), Some(code.to_owned())))
        );
        assert_eq!(stack.counted("TurnsFailed"), [(code.to_owned(), 1)].into());
    }
}

#[tokio::test]
async fn the_same_event_five_times_in_sequence_is_one_answer() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, envelope) = mention(&stack, &acme, "why?");
    for attempt in 1..=5 {
        let dispatcher = stack.dispatcher().expect("a process");
        let handled = stack
            .handle(&dispatcher, vec![record("r", attempt, &envelope)])
            .await;
        assert_eq!(handled.returned, Vec::<String>::new());
    }
    assert_eq!((stack.slack.posts(), stack.agent.asked().len()), (1, 1));
}

#[tokio::test]
async fn the_same_event_five_times_in_parallel_is_one_answer() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Hold("It was the pool.".to_owned()));
    let (_, envelope) = mention(&stack, &acme, "why?");
    let processes: Vec<_> = (0..5).map(|_| stack.dispatcher().expect("a process")).collect();

    let all = futures_util::future::join_all(
        processes
            .iter()
            .map(|process| stack.handle(process, vec![record("r", 1, &envelope)])),
    );
    let release = async {
        stack.agent.wait_for_questions(1).await;
        stack.agent.release();
    };
    let (handled, ()) = tokio::join!(all, release);

    assert_eq!((stack.slack.posts(), stack.agent.asked().len()), (1, 1));
    // Those who found a live lease give the record back instead of acknowledging what somebody else may not finish.
    assert!(
        handled
            .iter()
            .filter(|handled| handled.returned.is_empty())
            .count()
            >= 1
    );
    let handled = stack.handle(&processes[0], vec![record("r", 2, &envelope)]).await;
    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn a_process_that_dies_after_each_step_is_taken_over_when_its_lease_has_run_out_and_posts_once() {
    // Where the first process is when it dies; what it has done by then.
    for (point, asked_again) in [("claimed", 1), ("answered", 0), ("posted", 0)] {
        let stack = Stack::start().await.expect("a stack");
        let acme = stack.organization("acme", "T1").await.expect("an organization");
        let (ts, envelope) = mention(&stack, &acme, "why?");
        match point {
            "claimed" => stack.agent.next(Behaviour::Hang),
            "answered" => stack.slack.trouble("chat.postMessage", 1, &Trouble::Hang),
            _ => stack
                .slack
                .trouble("chat.postMessage", 1, &Trouble::HangAfterEffect),
        }
        let first = stack.dispatcher().expect("a process");
        let dies = async {
            match point {
                "claimed" => drop(stack.agent.wait_for_questions(1).await),
                _ => stack.slack.until_hanging(1).await,
            }
        };
        tokio::select! {
            handled = stack.handle(&first, vec![record("r", 1, &envelope)]) => panic!("{point}: {handled:?}"),
            () = dies => {}
        }
        drop(first);
        let asked = stack.agent.asked().len();

        let second = stack.dispatcher().expect("a process");
        let early = stack.handle(&second, vec![record("r", 2, &envelope)]).await;
        assert_eq!(early.returned, ["r"], "{point}: the lease still holds");
        stack.clock.advance(Duration::from_secs(61));
        let handled = stack.handle(&second, vec![record("r", 3, &envelope)]).await;

        assert_eq!(handled.returned, Vec::<String>::new(), "{point}");
        assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2, "{point}");
        assert_eq!(stack.slack.posts(), 1, "{point}");
        assert_eq!(stack.agent.asked().len() - asked, asked_again, "{point}");
        assert_eq!(
            state(&stack, &envelope).await,
            Some(("done".to_owned(), None)),
            "{point}"
        );
    }
}

#[tokio::test]
async fn a_process_that_lost_its_lease_posts_nothing_and_gives_the_record_back() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Hold("The slow one.".to_owned()));
    stack.agent.next(Behaviour::Answer("The quick one.".to_owned()));
    let (ts, envelope) = mention(&stack, &acme, "why?");
    let (slow, quick) = (
        stack.dispatcher().expect("a process"),
        stack.dispatcher().expect("a process"),
    );

    let overtakes = async {
        stack.agent.wait_for_questions(1).await;
        stack.clock.advance(Duration::from_secs(61));
        stack.handle(&quick, vec![record("r", 2, &envelope)]).await;
        stack.agent.release();
    };
    let (handled, ()) = tokio::join!(stack.handle(&slow, vec![record("r", 1, &envelope)]), overtakes);

    assert_eq!(handled.returned, ["r"]);
    let thread = acme.workspace.messages("C1", Some(&ts));
    assert_eq!(thread.len(), 2);
    assert_eq!(thread[1].shown(), "The quick one.");
}

#[tokio::test]
async fn throttled_keys_are_tried_again_and_nothing_is_posted_meanwhile() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, envelope) = mention(&stack, &acme, "why?");
    stack.kms.fail(Fault::Throttled);
    let dispatcher = stack.dispatcher().expect("a process");

    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 1, &envelope)])
            .await
            .returned,
        ["r"]
    );
    assert_eq!(stack.slack.calls().len(), 0);
    stack.kms.recover();
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 2, &envelope)])
            .await
            .returned,
        Vec::<String>::new()
    );
    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn credentials_moved_from_another_organization_do_not_open_and_nothing_is_posted() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let globex = stack.organization("globex", "T2").await.expect("an organization");
    stack
        .move_credentials(acme.integration, globex.integration)
        .await
        .expect("an intruder");
    let (_, envelope) = mention(&stack, &globex, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(
        stack.inbox.buried(),
        [("r".to_owned(), "credentials_do_not_open")]
    );
    assert_eq!(stack.slack.calls().len(), 0);
    assert_eq!(stack.agent.asked().len(), 0);
    // Once the row is put right, the record can be sent back from the dead-letter queue, and is answered.
    stack
        .connect(&globex, &globex.token)
        .await
        .expect("connected anew");
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 1, &envelope)])
            .await
            .returned,
        Vec::<String>::new()
    );
    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn a_workspace_that_nobody_connected_is_acknowledged_and_ignored() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, mut envelope) = mention(&stack, &acme, "why?");
    if let Task::AnswerSlackMessageV1(message) = &mut envelope.task {
        message.team_id = Some("T404".to_owned());
    }
    let dispatcher = stack.dispatcher().expect("a process");

    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(stack.slack.calls().len(), 0);
}

#[tokio::test]
async fn an_unreadable_record_is_buried_with_its_reason_and_harms_neither_its_thread_nor_the_batch() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, one) = mention(&stack, &acme, "one?");
    let (_, other) = mention(&stack, &acme, "two?");
    let Task::AnswerSlackMessageV1(message) = &one.task else {
        panic!("a mention is a message");
    };
    let group = message.message_group();
    let dispatcher = stack.dispatcher().expect("a process");

    let batch = vec![
        raw_record("poison", 1, &group, "{\"version\": 99}".to_owned()),
        record("one", 1, &one),
        record("other", 1, &other),
    ];
    let handled = stack.handle(&dispatcher, batch).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(stack.inbox.buried(), [("poison".to_owned(), "malformed")]);
    assert_eq!(stack.counted("TasksBuried"), [("malformed".to_owned(), 1)].into());
    assert_eq!(stack.slack.posts(), 2);
}

#[tokio::test]
async fn a_batch_of_ten_over_three_threads_returns_the_failed_record_and_the_later_ones_of_its_thread() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let threads: Vec<_> = ["red", "green", "blue"]
        .map(|name| mention(&stack, &acme, name))
        .into();
    let mut batch = Vec::new();
    for (number, (_, envelope)) in threads.iter().enumerate() {
        batch.push(record(&format!("{number}.0"), 1, envelope));
    }
    for reply in 1..4 {
        for (number, (ts, _)) in threads.iter().enumerate().take(if reply == 3 { 1 } else { 3 }) {
            let text = format!("reply {reply} in {number}");
            let ts = acme.workspace.say("C1", "U1", &text, Some(ts));
            let envelope = stack
                .envelopes(&acme.workspace, "C1", &ts)
                .pop()
                .expect("an event");
            batch.push(record(&format!("{number}.{reply}"), 1, &envelope));
        }
    }
    assert_eq!(batch.len(), 10);
    stack
        .agent
        .when_asked("reply 1 in 0", Behaviour::Fail(Code::Unavailable));
    let dispatcher = stack.dispatcher().expect("a process");

    let handled = stack.handle(&dispatcher, batch).await;

    assert_eq!(handled.returned, ["0.1", "0.2", "0.3"]);
    assert_eq!(stack.slack.posts(), 7);
}

#[tokio::test]
async fn a_late_answer_says_that_it_is_late() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Answer("It was the pool.".to_owned()));
    let (ts, envelope) = mention(&stack, &acme, "why?");
    stack.clock.advance(Duration::from_hours(3));
    let dispatcher = stack.dispatcher().expect("a process");

    stack.handle(&dispatcher, vec![record("r", 7, &envelope)]).await;

    assert_snapshot!(acme.workspace.transcript("C1", Some(&ts)), @r"
    #general · acme

    Ada
      @InfraGPT why?

        InfraGPT [app]
          _This answer is late: you asked 3 hours ago, and I could not answer then._

          It was the pool.
    ");
}

#[tokio::test]
async fn a_database_that_is_away_returns_the_record_and_answers_when_it_is_back() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    stack.database.goes_away().await.expect("the database closes");
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 1, &envelope)])
            .await
            .returned,
        ["r"]
    );
    stack.database.comes_back().await.expect("the database opens");
    assert_eq!(
        stack
            .handle(&dispatcher, vec![record("r", 2, &envelope)])
            .await
            .returned,
        Vec::<String>::new()
    );

    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn an_invocation_with_too_little_time_left_begins_no_turn() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");
    let mut event = aws_lambda_events::sqs::SqsEvent::default();
    event.records = vec![record("r", 1, &envelope)];
    let deadline: Timestamp = clock::after(stack.clock.now(), Duration::from_secs(5));

    let response = agent_dispatcher::handle(&dispatcher, event, deadline).await;

    assert_eq!(response.batch_item_failures.len(), 1);
    assert_eq!(stack.inbox.hidden("r"), Some(Duration::ZERO));
    assert_eq!(state(&stack, &envelope).await, None);
}

#[tokio::test]
async fn a_mention_without_a_question_is_answered_in_words_and_in_a_thread_it_is_about_the_thread() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");

    let alone = said(&stack, &acme, "C1", "U1", &acme.mention(""), None).await;
    assert_eq!(stack.agent.asked().len(), 0);
    assert!(
        acme.workspace.messages("C1", Some(&alone))[1]
            .shown()
            .contains("without a question")
    );

    let first = said(&stack, &acme, "C1", "U1", "checkout is slow", None).await;
    said(&stack, &acme, "C1", "U2", &acme.mention(""), Some(&first)).await;
    let asked = stack.agent.asked();
    assert_eq!(asked[0].request.past_messages.len(), 1);
    assert!(!asked[0].request.current_message.is_empty());
}

#[tokio::test]
async fn a_turn_that_cannot_be_brought_to_its_end_is_given_up_in_words_before_the_queue_gives_it_up_in_silence()
 {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (ts, envelope) = mention(&stack, &acme, "why?");
    stack.kms.fail(Fault::Throttled);
    let dispatcher = stack.dispatcher().expect("a process");
    for attempt in 1..=15 {
        let handled = stack
            .handle(&dispatcher, vec![record("r", attempt, &envelope)])
            .await;
        assert_eq!(handled.returned, ["r"]);
    }
    stack.kms.recover();

    let handled = stack.handle(&dispatcher, vec![record("r", 16, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    let thread = acme.workspace.messages("C1", Some(&ts));
    assert!(
        thread[1].shown().contains(&envelope.id.to_string()),
        "{:?}",
        thread[1]
    );
    assert_eq!(stack.agent.asked().len(), 0);
    assert_eq!(
        stack.counted("TurnsInTrouble"),
        [("too_many_attempts".to_owned(), 1)].into()
    );
}

#[tokio::test]
async fn an_answer_with_a_null_character_is_stored_and_posted_at_once() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack
        .agent
        .next(Behaviour::Answer("the log says a\0b".to_owned()));
    let (ts, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    let thread = acme.workspace.messages("C1", Some(&ts));
    assert!(thread[1].shown().contains("the log says a"), "{:?}", thread[1]);
}

#[tokio::test]
async fn a_name_with_a_null_character_does_not_keep_the_answer_from_being_stored() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    acme.workspace.user("U1", "A\0da");
    let (ts, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    let handled = stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(acme.workspace.messages("C1", Some(&ts)).len(), 2);
}

#[tokio::test]
async fn a_thread_that_slack_does_not_hand_out_does_not_keep_the_question_from_being_answered() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let first = said(&stack, &acme, "C1", "U1", "checkout is slow", None).await;
    let ts = acme
        .workspace
        .say("C1", "U2", &acme.mention("why?"), Some(&first));
    let envelope = &stack.envelopes(&acme.workspace, "C1", &ts)[0];
    stack.slack.trouble(
        "conversations.replies",
        100,
        &Trouble::RateLimited(Duration::from_mins(1)),
    );
    let dispatcher = stack.dispatcher().expect("a process");

    for attempt in 1..3 {
        let handled = stack
            .handle(&dispatcher, vec![record("r", attempt, envelope)])
            .await;
        assert_eq!(handled.returned, ["r"]);
    }
    let handled = stack.handle(&dispatcher, vec![record("r", 3, envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(stack.slack.posts(), 1);
    stack.slack.no_more_trouble();
    said(&stack, &acme, "C1", "U2", &acme.mention("and now?"), Some(&first)).await;
    let past = &stack.agent.asked()[1].request.past_messages;
    let texts: Vec<_> = past.iter().map(|said| said.content.as_str()).collect();
    assert_eq!(
        texts[..2],
        ["checkout is slow", "why?"],
        "the next question brings it in"
    );
    assert_eq!(texts.len(), 3, "and our answer is there once: {texts:?}");
}

#[tokio::test]
async fn a_thread_whose_beginning_was_deleted_is_answered_in_all_the_same() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let first = said(&stack, &acme, "C1", "U1", "checkout is slow", None).await;
    stack
        .slack
        .trouble("conversations.replies", 1, &Trouble::Code("thread_not_found"));

    said(&stack, &acme, "C1", "U2", &acme.mention("why?"), Some(&first)).await;

    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn a_second_attempt_that_makes_the_answer_needs_no_right_to_read_the_thread() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack.agent.next(Behaviour::Fail(Code::Unavailable));
    let (_, envelope) = mention(&stack, &acme, "why?");
    stack
        .slack
        .trouble("conversations.replies", 100, &Trouble::Code("missing_scope"));
    let dispatcher = stack.dispatcher().expect("a process");

    stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
    let handled = stack.handle(&dispatcher, vec![record("r", 2, &envelope)]).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(stack.slack.posts(), 1);
}

#[tokio::test]
async fn a_question_too_long_for_the_agent_loses_its_middle_and_keeps_its_history() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let ts = said(&stack, &acme, "C1", "U1", &acme.mention("hello"), None).await;
    let long = format!("why is this? {} please help", "noise ".repeat(30_000));

    said(&stack, &acme, "C1", "U1", &long, Some(&ts)).await;

    let asked = &stack.agent.asked()[1].request;
    let text = &asked.current_message;
    assert!(text.len() <= 4 * 20_000, "{} bytes", text.len());
    assert!(text.starts_with("why is this? noise") && text.ends_with("noise  please help"));
    assert_eq!(asked.past_messages.len(), 2);
}

#[tokio::test]
async fn a_workspace_connected_anew_between_two_pages_gets_no_page_twice() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let paragraph = "A sentence about the incident that took a while. ".repeat(20);
    stack.agent.next(Behaviour::Hold(
        std::array::from_fn::<_, 15, _>(|n| format!("{n}. {paragraph}\n\n")).concat(),
    ));
    let (ts, envelope) = mention(&stack, &acme, "tell me all");
    let dispatcher = stack.dispatcher().expect("a process");

    let reconnect = async {
        stack.agent.wait_for_questions(1).await;
        acme.workspace.issue_token("xoxb-acme-second-0123456789");
        stack
            .connect(&acme, "xoxb-acme-second-0123456789")
            .await
            .expect("connected anew");
        stack.agent.release();
        stack.slack.until_posts(1).await;
        acme.workspace.revoke_token(&acme.token, "token_revoked");
    };
    let (handled, ()) = tokio::join!(
        stack.handle(&dispatcher, vec![record("r", 1, &envelope)]),
        reconnect
    );

    assert_eq!(handled.returned, Vec::<String>::new());
    let pages: Vec<_> = acme
        .workspace
        .messages("C1", Some(&ts))
        .into_iter()
        .skip(1)
        .map(|page| page.shown().to_owned())
        .collect();
    let distinct: std::collections::HashSet<_> = pages.iter().collect();
    assert_eq!((pages.len(), distinct.len()), (2, 2));
}

#[tokio::test]
async fn a_follow_up_asked_before_the_answer_came_is_asked_with_that_answer() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    stack
        .agent
        .next(Behaviour::Answer("The pool is full.".to_owned()));
    let (ts, first) = mention(&stack, &acme, "why is checkout slow?");
    let second = acme.workspace.say("C1", "U1", "and since when?", Some(&ts));
    let second = stack
        .envelopes(&acme.workspace, "C1", &second)
        .pop()
        .expect("an event");
    let dispatcher = stack.dispatcher().expect("a process");

    stack
        .handle(
            &dispatcher,
            vec![record("first", 1, &first), record("second", 1, &second)],
        )
        .await;

    let past = &stack.agent.asked()[1].request.past_messages;
    let texts: Vec<_> = past.iter().map(|said| said.content.as_str()).collect();
    assert_eq!(texts, ["why is checkout slow?", "The pool is full."]);
}

#[tokio::test]
async fn an_agent_for_which_no_time_is_left_is_not_asked_and_not_blamed() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let (_, envelope) = mention(&stack, &acme, "why?");
    let dispatcher = stack.dispatcher().expect("a process");
    let mut event = aws_lambda_events::sqs::SqsEvent::default();
    event.records = vec![record("r", 1, &envelope)];
    let deadline: Timestamp = clock::after(stack.clock.now(), Duration::from_secs(20));
    let slow = async {
        stack.slack.until_called("reactions.add", 1).await;
        stack.clock.advance(Duration::from_secs(12));
    };

    let (response, ()) = tokio::join!(agent_dispatcher::handle(&dispatcher, event, deadline), slow);

    assert_eq!(response.batch_item_failures.len(), 1);
    assert_eq!(stack.agent.asked().len(), 0);
    assert_eq!(stack.slack.posts(), 0);
}

#[tokio::test]
async fn an_org_wide_installation_answers_in_each_of_its_workspaces_and_keeps_them_apart() {
    let stack = Stack::start().await.expect("a stack");
    let grid = stack.organization("grid", "E1").await.expect("an organization");
    let other = stack
        .organization("other", "T9")
        .await
        .expect("another organization");
    let (ts, seen) = mention(&stack, &grid, "why?");
    let dispatcher = stack.dispatcher().expect("a process");

    for team in ["T7", "T8"] {
        let mut envelope = seen.clone();
        let Task::AnswerSlackMessageV1(message) = &mut envelope.task else {
            panic!("a mention is a message");
        };
        message.team_id = Some(team.to_owned());
        message.enterprise_id = Some("E1".to_owned());
        message.is_enterprise_install = true;
        envelope.delivery = message.delivery_key();
        let handled = stack.handle(&dispatcher, vec![record(team, 1, &envelope)]).await;
        assert_eq!(handled.returned, Vec::<String>::new());
    }

    assert_eq!(grid.workspace.messages("C1", Some(&ts)).len(), 3);
    assert_eq!(other.workspace.messages("C1", None).len(), 0);
    let asked = stack.agent.asked();
    assert_ne!(
        asked[0].request.conversation_id, asked[1].request.conversation_id,
        "one conversation a workspace"
    );
    for asked in asked {
        assert_eq!(asked.request.organization_id, grid.id.uuid().to_string());
        assert_eq!(asked.request.past_messages.len(), 0);
    }
}

#[tokio::test]
async fn ten_threads_at_once_share_two_connections() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let batch: Vec<_> = (0..10)
        .map(|number| {
            let (_, envelope) = mention(&stack, &acme, &format!("question {number}"));
            record(&number.to_string(), 1, &envelope)
        })
        .collect();
    let dispatcher = stack.dispatcher().expect("a process");

    let handled = stack.handle(&dispatcher, batch).await;

    assert_eq!(handled.returned, Vec::<String>::new());
    assert_eq!(stack.slack.posts(), 10);
}
