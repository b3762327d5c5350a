//! What is taken: which task it becomes, or why none.

use serde_json::{Value, json};
use shared::{
    queue::Queue,
    task::{DeliveryKey, GitHubEvent, Source, Task},
    webhook::github::{self, GitHub},
};
use tests::{
    door::{
        Sender as _,
        github::{DELIVERY, event},
    },
    lines::Lines,
    queue::Recorded,
};

use super::Door;

/// What GitHub told, in what was queued.
fn told(one: &Recorded) -> GitHubEvent {
    assert_eq!(one.queue, Queue::Events);
    let Task::ApplyGitHubV1(event) = one.envelope().expect("an envelope").task else {
        panic!("not of GitHub's: {}", one.body)
    };
    event
}

/// The fixtures that become no task.
const IGNORED: [&str; 4] = [
    "github_app_authorization.revoked",
    "installation_target.renamed",
    "ping",
    "star.created",
];

#[tokio::test]
async fn every_event_of_githubs_is_taken_and_those_that_we_use_become_a_task() {
    let names = Door::fixtures();
    assert_eq!(names.len(), 21);
    for name in names {
        let door = Door::new();
        let lines = Lines::default();
        let recorded = {
            let _guard = lines.listen("trace");
            door.deliver(&name).await
        };
        let is_applied = !IGNORED.contains(&name.as_str());
        assert_eq!(recorded.len(), usize::from(is_applied), "{name}");
        assert_eq!(door.counted("DeliveryVerified", ""), 1, "{name}");
        let lines = lines.read();
        let [line] = &lines[..] else {
            panic!("{name}: {lines:?}")
        };
        assert_eq!(line["kind"], event(&Door::fixture(&name)), "{name}");
        assert_eq!(line["level"], if is_applied { "INFO" } else { "DEBUG" }, "{name}");
    }
}

#[tokio::test]
async fn an_event_or_an_action_that_nobody_knows_yet_is_taken_whatever_it_holds() {
    let door = Door::new();
    for (event, body) in [
        ("sub_issues", json!([1, 2])),
        ("an_event_of_tomorrow", json!({"installation": "none"})),
    ] {
        let call = door.signed(body.to_string()).instead(github::EVENT, event);
        assert_eq!(door.status(call).await, 200, "{event}");
    }
    for name in ["installation.created", "repository.renamed"] {
        let body = Door::changed(name, &[("/action", json!("of_tomorrow"))]);
        assert_eq!(door.status(door.signed(body)).await, 200, "{name}");
    }
    assert_eq!(door.counted("DeliveryUnusable", ""), 0);
}

#[tokio::test]
async fn an_installation_becomes_one_envelope() {
    let door = Door::new();
    let one = door.one("installation.created").await;
    assert_eq!(one.queue, Queue::Events);
    assert_eq!(one.group, "github:52345678");
    assert_eq!(one.deduplication, DELIVERY);
    let mut envelope: Value = serde_json::from_str(&one.body).expect("JSON");
    let sha256 = envelope["task"]["body_sha256"].take();
    assert_eq!(sha256.as_str().map(str::len), Some(64));
    insta::assert_json_snapshot!(envelope, @r#"
    {
      "delivery": {
        "key": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "source": "github"
      },
      "event_id": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
      "id": "tsk_00000000007070008000000000000001",
      "received_at": "2024-05-28T08:00:01Z",
      "task": {
        "body_sha256": null,
        "change": {
          "account_id": 9919,
          "account_login": "octo-org",
          "account_type": "Organization",
          "at": "2024-05-28T08:00:00Z",
          "is_suspended": false,
          "kind": "installation_created",
          "permissions": {
            "actions": "read",
            "checks": "read",
            "contents": "read",
            "deployments": "read",
            "issues": "read",
            "members": "read",
            "metadata": "read",
            "pull_requests": "read"
          }
        },
        "installation_id": 52345678,
        "type": "apply_github_v1"
      },
      "traceparent": "00-5b475a8abd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
    }
    "#);
}

#[tokio::test]
async fn every_change_of_one_installation_is_in_one_group_and_reads_back_as_it_was() {
    for name in Door::fixtures() {
        if IGNORED.contains(&name.as_str()) {
            continue;
        }
        let one = Door::new().one(&name).await;
        assert_eq!(one.group, "github:52345678", "{name}");
        let event = told(&one);
        assert_eq!(one.group, event.message_group(), "{name}");
        let envelope: Value = serde_json::from_str(&one.body).expect("JSON");
        let read = serde_json::to_value(Task::ApplyGitHubV1(event)).expect("JSON");
        assert_eq!(read, envelope["task"], "{name}");
    }
}

#[tokio::test]
async fn what_is_sent_again_is_the_same_delivery_and_under_another_id_the_same_body() {
    let door = Door::new();
    let first = door.one("installation.created").await;
    door.clock.advance(std::time::Duration::from_hours(72));
    let again = door.one("installation.created").await;
    let other_id = "00000000-cc78-11e3-81ab-4c9367dc0958";
    let replayed = door.good().instead(github::DELIVERY, other_id);
    assert_eq!(door.send(&replayed).await.status, 200, "it is signed");
    let replayed = door.queue.drain().remove(0);

    let delivery = |one: &Recorded| one.envelope().expect("an envelope").delivery;
    assert_eq!(
        delivery(&first),
        DeliveryKey {
            source: Source::GitHub,
            key: DELIVERY.to_owned()
        }
    );
    assert_eq!(delivery(&again), delivery(&first));
    assert_eq!(again.deduplication, first.deduplication);
    assert_eq!(delivery(&replayed).key, other_id);
    assert_eq!(told(&replayed).body_key(), told(&first).body_key());
    assert_ne!(
        told(&door.one("installation.deleted").await).body_key(),
        told(&first).body_key()
    );
}

#[tokio::test]
async fn no_log_line_of_any_level_and_no_task_says_what_people_wrote() {
    let door = Door::new();
    let lines = Lines::default();
    {
        let _guard = lines.listen("trace");
        for name in Door::fixtures() {
            door.send(&door.signed(Door::fixture(&name))).await;
            door.send(&door.signed_with(GitHub::OTHER_SECRET, Door::fixture(&name)))
                .await;
            let event = event(&Door::fixture(&name));
            let odd = Door::changed(&name, &[("/installation", json!({"Mona": "octocat"}))]);
            door.send(&door.signed(odd).instead(github::EVENT, event)).await;
            let forged = door.good().instead(github::EVENT, "octocat!");
            door.send(&forged).await;
        }
    }
    let whole = lines.whole();
    assert!(whole.contains("a task was queued"), "the lines were caught");
    assert!(
        whole.contains("a signed delivery cannot be used"),
        "the faults too"
    );
    for hidden in [
        "Mona",
        "octocat",
        "octo-org",
        "secret plan",
        "Checkout is slow",
        GitHub::SECRET,
        GitHub::OTHER_SECRET,
        "sha256=",
    ] {
        assert!(!whole.contains(hidden), "{hidden} was logged:\n{whole}");
    }
    for one in door.queue.drain() {
        for hidden in ["secret plan", "secret-plan", "@example", "custom_properties"] {
            assert!(!one.body.contains(hidden), "{hidden} is queued: {}", one.body);
        }
    }
}
