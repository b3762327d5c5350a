//! What people in Slack see of alerts, and how often.

use std::time::Duration;

use shared::{
    clock::Clock as _,
    connector::slack::fake::Trouble,
    db::integrations,
    task::{Alert, AlertSeverity, AlertState},
};
use tests::{kms::Fault, lines::Lines, stack::record};

use super::{World, alert};

const TRIGGERED: &str = "\u{1f534} **Triggered**, high: Checkout is down\n\n\
                         Service: checkout \u{b7} https://acme.pagerduty.com/incidents/Q1";
const ACKNOWLEDGED: &str = "\u{1f7e1} **Acknowledged**, high: Checkout is down\n\n\
                            Service: checkout \u{b7} https://acme.pagerduty.com/incidents/Q1";
const RESOLVED: &str = "\u{2705} **Resolved**, high: Checkout is down\n\n\
                        Service: checkout \u{b7} https://acme.pagerduty.com/incidents/Q1";

#[tokio::test]
async fn an_alert_is_one_message_that_changes_with_it() {
    let world = World::new().await;
    for (event, state, shown) in [
        ("1", "triggered", TRIGGERED),
        ("2", "acknowledged", ACKNOWLEDGED),
        ("3", "resolved", RESOLVED),
    ] {
        let at = event.parse().expect("a number");
        let envelope = world.delivered(event, state, at).await;
        world.done(&envelope).await;
        assert_eq!(world.shown("C1"), [shown]);
    }
    assert_eq!(world.stack.slack.posts(), 1);
    assert_eq!(world.stack.slack.count("chat.update"), 2);
    assert_eq!(world.stack.slack.count("conversations.history"), 0);
    assert_eq!(world.stack.counted("AlertPosted").values().sum::<usize>(), 3);
    let message = world.acme.workspace.messages("C1", None).remove(0);
    assert!(!message.unfurls);
    assert_eq!(world.column("posted_state").await.as_deref(), Some("resolved"));
    assert_eq!(world.column("posting_until").await, None);
}

#[tokio::test]
async fn news_that_comes_twice_is_posted_once_even_side_by_side() {
    let world = World::new().await;
    let news = world.news("1", AlertState::Triggered, 1);
    let (one, other) = tokio::join!(world.process(&news, 1), world.process(&news, 2));
    assert!(one.returned.is_empty() || other.returned.is_empty());
    world.stack.clock.advance(Duration::from_mins(1));
    world.done(&news).await;
    assert_eq!(world.shown("C1"), [TRIGGERED]);
    assert_eq!(world.stack.slack.posts(), 1);
}

#[tokio::test]
async fn older_news_changes_nothing_and_what_is_resolved_stays_so() {
    let world = World::new().await;
    world.done(&world.news("1", AlertState::Triggered, 1)).await;
    world.done(&world.news("3", AlertState::Resolved, 3)).await;
    world.done(&world.news("2", AlertState::Acknowledged, 2)).await;
    // Of the same moment, what is further on holds.
    world.done(&world.news("4", AlertState::Triggered, 3)).await;
    assert_eq!(world.shown("C1"), [RESOLVED]);
    assert_eq!(world.column("state").await.as_deref(), Some("resolved"));
    assert_eq!(world.stack.slack.count("chat.update"), 1);

    world.done(&world.news("5", AlertState::Triggered, 5)).await;
    assert_eq!(world.shown("C1"), [TRIGGERED], "it began again");
}

#[tokio::test]
async fn what_is_resolved_before_anybody_was_told_is_not_posted() {
    let world = World::new().await;
    world.done(&world.news("1", AlertState::Resolved, 2)).await;
    world.done(&world.news("0", AlertState::Triggered, 1)).await;
    assert_eq!(world.shown("C1"), Vec::<String>::new());
    assert_eq!(world.column("state").await.as_deref(), Some("resolved"));
    assert!(world.stack.slack.calls().is_empty());
}

#[tokio::test]
async fn without_a_channel_or_below_the_least_severity_an_alert_is_only_stored() {
    let world = World::silent().await;
    world.done(&world.news("1", AlertState::Triggered, 1)).await;
    world.choose(None, AlertSeverity::Info).await;
    world.done(&world.news("2", AlertState::Acknowledged, 2)).await;
    world.choose(Some("C1"), AlertSeverity::Critical).await;
    world.done(&world.news("3", AlertState::Triggered, 3)).await;
    assert!(world.stack.slack.calls().is_empty());
    assert_eq!(world.column("state").await.as_deref(), Some("triggered"));

    world.choose(Some("C1"), AlertSeverity::High).await;
    world.done(&world.news("4", AlertState::Acknowledged, 4)).await;
    assert_eq!(world.shown("C1"), [ACKNOWLEDGED]);
    // What is posted is kept true, whatever is chosen since.
    world.choose(None, AlertSeverity::Critical).await;
    world.done(&world.news("5", AlertState::Resolved, 5)).await;
    assert_eq!(world.shown("C1"), [RESOLVED]);
}

#[tokio::test]
async fn a_process_that_dies_between_the_post_and_its_record_leads_to_one_message() {
    for trouble in [Trouble::FailAfterEffect, Trouble::HangAfterEffect] {
        let world = World::new().await;
        let news = world.news("1", AlertState::Triggered, 1);
        world.stack.slack.trouble("chat.postMessage", 1, &trouble);
        let processor = world.stack.processor().expect("a process");
        tokio::select! {
            // A process that Lambda kills does not even give its right back.
            () = world.stack.slack.until_hanging(1) => {}
            handled = world.stack.process(&processor, vec![record("r", 1, &news)]) => {
                assert_eq!(handled.returned, ["r"]);
            }
        }
        assert_eq!(world.stack.slack.posts(), 1);
        assert_eq!(world.column("slack_message_ts").await, None);

        if matches!(trouble, Trouble::HangAfterEffect) {
            world.returned(&news).await;
            assert_eq!(
                world.stack.slack.count("conversations.history"),
                0,
                "it may still be at it"
            );
            world.stack.clock.advance(Duration::from_secs(45));
        }
        // In a full channel, whose pages are small.
        world.stack.slack.limit_pages(2);
        for _ in 0..5 {
            let _ = world.acme.workspace.say("C1", "U1", "what is going on?", None);
        }
        world.done(&news).await;
        assert_eq!(world.stack.slack.posts(), 1, "{trouble:?}");
        assert_eq!(world.shown("C1")[0], TRIGGERED);
        world.done(&world.news("2", AlertState::Resolved, 2)).await;
        assert_eq!(world.shown("C1")[0], RESOLVED);
        assert_eq!(world.stack.slack.posts(), 1);
    }
}

#[tokio::test]
async fn what_was_posted_and_not_recorded_is_found_in_the_channel_that_was_chosen_then_and_says_what_is_so_now()
 {
    let world = World::new().await;
    world.acme.workspace.channel("C2", "other");
    world
        .stack
        .slack
        .trouble("chat.postMessage", 1, &Trouble::FailAfterEffect);
    world.returned(&world.news("1", AlertState::Triggered, 1)).await;
    world.choose(Some("C2"), AlertSeverity::Info).await;
    world.done(&world.news("2", AlertState::Resolved, 2)).await;
    assert_eq!(world.shown("C1"), [RESOLVED]);
    assert_eq!(world.shown("C2"), Vec::<String>::new());
}

#[tokio::test]
async fn a_database_that_goes_away_after_the_post_leads_to_one_message() {
    let world = World::new().await;
    let news = world.news("1", AlertState::Triggered, 1);
    world
        .stack
        .slack
        .trouble("chat.postMessage", 1, &Trouble::HangAfterEffect);
    let processor = world.stack.processor().expect("a process");
    {
        let working = world.stack.process(&processor, vec![record("r", 1, &news)]);
        tokio::pin!(working);
        tokio::select! {
            _ = &mut working => panic!("it hangs"),
            () = world.stack.slack.until_hanging(1) => {}
        }
        world.stack.database.goes_away().await.expect("it goes");
        assert_eq!(
            working.await.returned,
            ["r"],
            "slack does not answer in time, and nothing can be stored"
        );
    }
    world.stack.database.comes_back().await.expect("it comes back");
    world.stack.clock.advance(Duration::from_secs(45));
    world.done(&news).await;
    assert_eq!(world.shown("C1"), [TRIGGERED]);
    assert_eq!(world.stack.slack.posts(), 1);
}

#[tokio::test]
async fn while_slack_is_away_the_alert_is_stored_and_it_is_posted_when_slack_is_back() {
    let world = World::new().await;
    let news = world.news("1", AlertState::Triggered, 1);
    world.stack.slack.trouble("*", 1, &Trouble::Status(503));
    world.returned(&news).await;
    assert_eq!(world.column("state").await.as_deref(), Some("triggered"));
    world.stack.slack.trouble("*", 1, &Trouble::Malformed);
    world.returned(&news).await;
    world
        .stack
        .slack
        .trouble("*", 1, &Trouble::RateLimited(Duration::from_secs(77)));
    world.returned(&news).await;
    assert_eq!(world.stack.inbox.hidden("r"), Some(Duration::from_secs(77)));
    world.done(&news).await;
    assert_eq!(world.shown("C1"), [TRIGGERED]);
    assert_eq!(world.stack.slack.posts(), 1);
    assert!(world.stack.counted("AlertUndelivered").is_empty());
}

#[tokio::test]
async fn a_wait_that_slack_asks_for_does_not_make_us_read_the_channel() {
    let world = World::new().await;
    let news = world.news("1", AlertState::Triggered, 1);
    let wait = Trouble::RateLimited(Duration::from_secs(1));
    world.stack.slack.trouble("chat.postMessage", 1, &wait);
    world.returned(&news).await;
    world.done(&news).await;
    assert_eq!(world.stack.slack.count("conversations.history"), 0);
    assert_eq!(world.shown("C1"), [TRIGGERED]);
}

#[tokio::test]
async fn while_kms_is_away_nothing_is_posted_and_nothing_is_lost() {
    let world = World::new().await;
    let news = world.news("1", AlertState::Triggered, 1);
    world.stack.kms.fail(Fault::Down);
    world.returned(&news).await;
    world.stack.kms.recover();
    world.done(&news).await;
    assert_eq!(world.shown("C1"), [TRIGGERED]);
    assert_eq!(
        world.stack.slack.count("conversations.history"),
        0,
        "slack was not asked for anything"
    );
}

#[tokio::test]
async fn a_channel_that_does_not_take_it_is_noted_and_not_asked_for_ever() {
    let world = World::new().await;
    world.acme.workspace.remove_bot("C1");
    world.done(&world.news("1", AlertState::Triggered, 1)).await;
    assert_eq!(world.stack.counted("AlertUndelivered")["not_in_channel"], 1);
    assert_eq!(
        world.column("undelivered_reason").await.as_deref(),
        Some("not_in_channel")
    );
    let settings = world.settings().await;
    assert_eq!(settings.undelivered_reason.as_deref(), Some("not_in_channel"));
    assert_eq!(settings.undelivered_at, Some(world.stack.clock.now()));

    // Somebody chooses a channel that takes it: the next news is told there.
    world.acme.workspace.channel("C2", "alerts");
    world.choose(Some("C2"), AlertSeverity::Info).await;
    assert_eq!(world.settings().await.undelivered_reason, None);
    world.done(&world.news("2", AlertState::Acknowledged, 2)).await;
    assert_eq!(world.shown("C2"), [ACKNOWLEDGED]);
    assert_eq!(world.column("undelivered_reason").await, None);

    world.acme.workspace.archive("C2");
    world.done(&world.news("3", AlertState::Resolved, 3)).await;
    assert_eq!(
        world.settings().await.undelivered_reason.as_deref(),
        Some("is_archived")
    );
    assert_eq!(
        world.column("posted_state").await.as_deref(),
        Some("acknowledged")
    );
}

#[tokio::test]
async fn a_token_that_slack_takes_no_more_asks_a_person_to_connect_again() {
    let world = World::new().await;
    world
        .acme
        .workspace
        .revoke_token(&world.acme.token, "token_revoked");
    world.done(&world.news("1", AlertState::Triggered, 1)).await;
    assert_eq!(world.stack.counted("AlertUndelivered")["token_revoked"], 1);
    let mut db = world.stack.db().await.expect("a connection");
    let found = integrations::reread(&mut db, world.acme.id, world.acme.integration)
        .await
        .expect("an answer")
        .expect("a connection");
    assert_eq!(found.health, integrations::Health::NeedsReauth);

    world.acme.workspace.issue_token("xoxb-new");
    world
        .stack
        .connect(&world.acme, "xoxb-new")
        .await
        .expect("connected again");
    world.done(&world.news("2", AlertState::Acknowledged, 2)).await;
    assert_eq!(world.shown("C1"), [ACKNOWLEDGED]);
    assert_eq!(world.settings().await.undelivered_reason, None);
}

#[tokio::test]
async fn a_token_that_has_expired_is_waited_for_where_it_is_refreshed() {
    let world = World::new().await;
    let news = world.news("1", AlertState::Triggered, 1);
    let refresh_at = |at: &str| {
        let slack = world.acme.integration.uuid();
        format!("UPDATE integration_credentials SET refresh_at = {at} WHERE integration_id = '{slack}'")
    };
    world.run(&refresh_at("now()")).await;
    world
        .acme
        .workspace
        .revoke_token(&world.acme.token, "token_expired");
    world.returned(&news).await;
    assert_eq!(world.stack.inbox.hidden("r"), Some(Duration::from_mins(1)));
    assert!(world.stack.counted("AlertUndelivered").is_empty());
    // As the scheduler puts another in its place.
    world.acme.workspace.issue_token("xoxe-new");
    world
        .stack
        .connect(&world.acme, "xoxe-new")
        .await
        .expect("another token");
    world.done(&news).await;
    assert_eq!(world.shown("C1"), [TRIGGERED]);
    assert_eq!(world.stack.slack.posts(), 1);

    world.run(&refresh_at("NULL")).await;
    world.acme.workspace.revoke_token("xoxe-new", "token_expired");
    world.done(&world.news("2", AlertState::Resolved, 2)).await;
    assert_eq!(
        world.stack.counted("AlertUndelivered")["token_expired"],
        1,
        "nobody refreshes it"
    );
}

#[tokio::test]
async fn without_a_workspace_the_alert_is_stored_and_it_is_said_why_nobody_was_told() {
    let world = World::new().await;
    world
        .run(&format!(
            "UPDATE integrations SET status = 'inactive' WHERE integration_id = '{}'",
            world.acme.integration.uuid()
        ))
        .await;
    world.done(&world.news("1", AlertState::Triggered, 1)).await;
    assert_eq!(world.stack.counted("AlertUndelivered")["slack_not_connected"], 1);
    assert!(world.stack.slack.calls().is_empty());
}

#[tokio::test]
async fn credentials_that_do_not_open_are_an_operators_business() {
    let world = World::new().await;
    world
        .stack
        .move_credentials(world.pagerduty, world.acme.integration)
        .await
        .expect("moved");
    world.done(&world.news("1", AlertState::Triggered, 1)).await;
    assert_eq!(
        world.stack.inbox.buried(),
        [("r".to_owned(), "credentials_do_not_open")]
    );
    assert!(world.stack.slack.calls().is_empty());
}

#[tokio::test]
async fn news_by_way_of_an_ended_or_foreign_connection_changes_nothing() {
    let world = World::new().await;
    let rival = world
        .stack
        .organization("rival", "T2")
        .await
        .expect("an organization");
    let foreign = alert("Q1", AlertState::Triggered, 1);
    world
        .done(&world.news_of(rival.id, world.pagerduty, "1", foreign))
        .await;
    assert_eq!(world.stack.count("alerts").await.expect("a count"), 0);

    world.done(&world.news("2", AlertState::Triggered, 1)).await;
    world
        .run(&format!(
            "UPDATE integrations SET status = 'inactive' WHERE integration_id = '{}'",
            world.pagerduty.uuid()
        ))
        .await;
    world.done(&world.news("3", AlertState::Resolved, 3)).await;
    assert_eq!(world.shown("C1"), [TRIGGERED]);
    assert_eq!(world.column("state").await.as_deref(), Some("triggered"));
}

#[tokio::test]
async fn what_a_third_party_wrote_pings_nobody() {
    let world = World::new().await;
    let hostile = Alert {
        title: "<!channel> <@U2> @here [your bank](https://evil.example)".to_owned(),
        service: Some("<!everyone>".to_owned()),
        ..alert("Q1", AlertState::Triggered, 1)
    };
    let news = world.news_of(world.acme.id, world.pagerduty, "1", hostile);
    world.done(&news).await;
    let message = world.acme.workspace.messages("C1", None).remove(0);
    for text in [message.shown(), &message.text] {
        for markup in ["<!channel", "<!everyone", "<@U2", "@here"] {
            assert!(!text.contains(markup), "{markup}: {text}");
        }
    }
    assert!(!message.shown().contains("]("), "{}", message.shown());
}

#[tokio::test]
async fn alerts_are_kept_for_thirty_days_after_the_last_news_and_no_more_than_two_thousand_of_a_connection() {
    let world = World::silent().await;
    world.done(&world.news("1", AlertState::Triggered, 1)).await;
    world.stack.clock.advance(Duration::from_hours(24));
    world.done(&world.news("2", AlertState::Resolved, 2)).await;
    assert_eq!(
        world
            .column("(expires_at = timestamptz '2023-11-14T22:13:20Z' + interval '31 days')")
            .await
            .as_deref(),
        Some("true")
    );
    world
        .run(
            "INSERT INTO alerts (alert_id, organization_id, integration_id, dedupe_key, severity, state, title,
                                 source_updated_at, expires_at, created_at, updated_at)
             SELECT gen_random_uuid(), organization_id, integration_id, 'old ' || n, severity, state, title,
                    source_updated_at - interval '1 hour' * n, expires_at, created_at, updated_at
               FROM alerts, generate_series(1, 2000) n",
        )
        .await;
    let newest = alert("Q2", AlertState::Triggered, 3);
    world
        .done(&world.news_of(world.acme.id, world.pagerduty, "3", newest))
        .await;
    assert_eq!(world.stack.count("alerts").await.expect("a count"), 2_000);
    let oldest = world
        .column("count(*) FILTER (WHERE dedupe_key IN ('Q1', 'Q2', 'old 1'))")
        .await;
    assert_eq!(
        oldest.as_deref(),
        Some("3"),
        "what nothing was heard of for longest went"
    );
}

#[tokio::test]
async fn neither_a_token_nor_what_the_third_party_wrote_is_told_by_the_processor() {
    let planted = "planted-9f2c";
    let world = World::new().await;
    let news = |event: &str| {
        let alert = Alert {
            title: planted.to_owned(),
            service: Some(planted.to_owned()),
            url: Some(format!("https://acme.pagerduty.com/{planted}")),
            ..alert(event, AlertState::Triggered, 1)
        };
        world.news_of(world.acme.id, world.pagerduty, event, alert)
    };
    let lines = Lines::default();
    {
        let _guard = lines.listen("trace");
        // Pages that repeat the token and the message.
        for trouble in [Trouble::Status(503), Trouble::Malformed, Trouble::FailAfterEffect] {
            world.stack.slack.trouble("*", 1, &trouble);
            world.returned(&news("1")).await;
        }
        world.stack.slack.trouble("*", 1, &Trouble::Status(400));
        world.done(&news("2")).await;
        world.acme.workspace.remove_bot("C1");
        world.done(&news("3")).await;
        world.stack.kms.fail(Fault::Denied);
        world.done(&news("4")).await;
        world.stack.kms.recover();
        world
            .acme
            .workspace
            .revoke_token(&world.acme.token, "token_revoked");
        world.done(&news("5")).await;
    }
    let metrics = world.stack.metrics.lock().expect("no test panicked").clone();
    let told = format!("{}{}", lines.whole(), String::from_utf8_lossy(&metrics));
    assert!(
        told.contains("credentials opened"),
        "that they were opened is in the log"
    );
    for secret in [planted, world.acme.token.as_str()] {
        assert!(!told.contains(secret), "{secret}");
    }
}
