//! What is taken: which task it becomes, or why none.

use serde_json::{Value, json};
use shared::{
    clock::Clock as _,
    task::{DeliveryKey, IdentityChange, Source},
    webhook::svix::{self, Clerk},
};
use tests::{
    door::{Sender as _, clerk::DELIVERY},
    lines::Lines,
};

use super::{Door, change};

/// The kinds that become a task.
const APPLIED: [&str; 12] = [
    "organization.created",
    "organization.deleted",
    "organization.updated",
    "organizationMembership.created",
    "organizationMembership.deleted",
    "organizationMembership.updated",
    "session.ended",
    "session.removed",
    "session.revoked",
    "user.created",
    "user.deleted",
    "user.updated",
];

#[tokio::test]
async fn every_kind_of_clerks_is_taken_and_twelve_become_a_task() {
    let kinds = Door::fixtures();
    assert_eq!(kinds.len(), 45, "Clerk's kinds, a fixture each");
    let families: std::collections::BTreeSet<_> =
        kinds.iter().filter_map(|kind| kind.split('.').next()).collect();
    assert_eq!(families.len(), 14, "{families:?}");
    for kind in kinds {
        let body: Value = serde_json::from_slice(&Door::fixture(&kind)).expect("JSON");
        assert_eq!(body["type"], kind.as_str(), "a fixture is called after its kind");
        let door = Door::new();
        let lines = Lines::default();
        let recorded = {
            let _guard = lines.listen("trace");
            door.deliver(&kind).await
        };
        let is_applied = APPLIED.contains(&kind.as_str());
        assert_eq!(recorded.len(), usize::from(is_applied), "{kind}");
        assert_eq!(door.counted("DeliveryVerified", ""), 1, "{kind}");
        let lines = lines.read();
        let [line] = &lines[..] else {
            panic!("{kind}: {lines:?}")
        };
        if is_applied {
            assert_eq!(
                (&line["level"], &line["event.id"]),
                (&json!("INFO"), &json!(DELIVERY))
            );
        } else {
            assert_eq!((&line["level"], &line["kind"]), (&json!("DEBUG"), &json!(kind)));
        }
    }
}

#[tokio::test]
async fn a_kind_that_nobody_knows_yet_is_taken_whatever_it_holds() {
    let door = Door::new();
    for (kind, data) in [
        ("user.merged", json!(null)),
        ("user.createdAtLast", json!([1, 2])),
        ("", json!("text")),
        ("machine.created", json!({"id": 7, "updated_at": "today"})),
    ] {
        let body = Door::changed(
            "user.created",
            &[
                ("/type", json!(kind)),
                ("/data", data),
                ("/timestamp", json!("?")),
            ],
        );
        assert_eq!(door.send(&door.signed(body)).await.status, 200, "{kind}");
        assert!(door.queue.drain().is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn a_person_who_signs_up_becomes_one_envelope() {
    let door = Door::new();
    let one = door.one("user.created").await;
    assert_eq!(one.group, "clerk:user_2gAda00000000000000000000A");
    assert_eq!(one.deduplication, DELIVERY);
    let envelope: Value = serde_json::from_str(&one.body).expect("JSON");
    insta::assert_json_snapshot!(envelope, @r#"
    {
      "delivery": {
        "key": "msg_2gDelivery0000000000000001",
        "source": "clerk"
      },
      "event_id": "msg_2gDelivery0000000000000001",
      "id": "tsk_00000000007070008000000000000001",
      "received_at": "2024-05-28T08:00:01Z",
      "task": {
        "email": "ada@acme.example",
        "first_name": "Ada",
        "id": "user_2gAda00000000000000000000A",
        "image_url": "https://img.clerk.com/eyJ0eXBlIjoiZGVmYXVsdCJ9",
        "kind": "user_upserted",
        "last_name": "Lovelace",
        "type": "apply_identity_v1",
        "updated_at": "2024-05-28T08:00:00Z"
      },
      "traceparent": "00-5b475a8abd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
    }
    "#);
    for private in ["payroll-4711", "+1555", "old.example", "203.0.113.7"] {
        assert!(!one.body.contains(private), "{private} is nobody's business");
    }
}

/// Delivers a fixture that becomes one task; answers its message group and the task, which reads back as it was.
async fn task(kind: &str) -> (String, Value) {
    let one = Door::new().one(kind).await;
    assert_eq!(one.group, change(&one).message_group(), "{kind}");
    let mut envelope: Value = serde_json::from_str(&one.body).expect("JSON");
    let task = envelope["task"].take();
    let read = one.envelope().expect("an envelope").task;
    assert_eq!(serde_json::to_value(read).ok().as_ref(), Some(&task));
    (one.group, task)
}

#[tokio::test]
async fn every_change_of_a_person_becomes_its_task() {
    insta::assert_json_snapshot!(task("user.updated").await, @r#"
    [
      "clerk:user_2gAda00000000000000000000A",
      {
        "email": "ada@acme.example",
        "first_name": "Ada",
        "id": "user_2gAda00000000000000000000A",
        "image_url": "https://img.clerk.com/eyJ0eXBlIjoicHJveHkifQ",
        "kind": "user_upserted",
        "last_name": "",
        "type": "apply_identity_v1",
        "updated_at": "2024-05-28T08:01:00Z"
      }
    ]
    "#);
    insta::assert_json_snapshot!(task("user.deleted").await, @r#"
    [
      "clerk:user_2gAda00000000000000000000A",
      {
        "at": "2024-05-28T08:02:00.500Z",
        "kind": "user_deleted",
        "type": "apply_identity_v1",
        "user_id": "user_2gAda00000000000000000000A"
      }
    ]
    "#);
    insta::assert_json_snapshot!(task("session.ended").await, @r#"
    [
      "clerk:user_2gAda00000000000000000000A",
      {
        "at": "2024-05-28T08:01:00.500Z",
        "kind": "session_ended",
        "session_id": "sess_2gAdaAtWork0000000000000A",
        "type": "apply_identity_v1",
        "user_id": "user_2gAda00000000000000000000A"
      }
    ]
    "#);
    for kind in ["session.removed", "session.revoked"] {
        let one = Door::new().one(kind).await;
        assert!(
            matches!(change(&one), IdentityChange::SessionEnded { .. }),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn every_change_of_an_organization_becomes_its_task() {
    insta::assert_json_snapshot!(task("organization.created").await, @r#"
    [
      "clerk:org_2gAcme000000000000000000A",
      {
        "created_by": "user_2gAda00000000000000000000A",
        "id": "org_2gAcme000000000000000000A",
        "kind": "organization_upserted",
        "name": "Acme Corp",
        "slug": "acme",
        "type": "apply_identity_v1",
        "updated_at": "2024-05-28T08:00:00Z"
      }
    ]
    "#);
    insta::assert_json_snapshot!(task("organization.updated").await, @r#"
    [
      "clerk:org_2gAcme000000000000000000A",
      {
        "created_by": "user_2gAda00000000000000000000A",
        "id": "org_2gAcme000000000000000000A",
        "kind": "organization_upserted",
        "name": "Acme Industries",
        "slug": "acme-industries",
        "type": "apply_identity_v1",
        "updated_at": "2024-05-28T08:01:00Z"
      }
    ]
    "#);
    insta::assert_json_snapshot!(task("organization.deleted").await, @r#"
    [
      "clerk:org_2gAcme000000000000000000A",
      {
        "at": "2024-05-28T08:02:00.500Z",
        "kind": "organization_deleted",
        "organization_id": "org_2gAcme000000000000000000A",
        "type": "apply_identity_v1"
      }
    ]
    "#);
    insta::assert_json_snapshot!(task("organizationMembership.created").await, @r#"
    [
      "clerk:org_2gAcme000000000000000000A:user_2gBob00000000000000000000B",
      {
        "joined_at": "2024-05-28T08:00:01Z",
        "kind": "membership_upserted",
        "organization_id": "org_2gAcme000000000000000000A",
        "role": "member",
        "type": "apply_identity_v1",
        "updated_at": "2024-05-28T08:00:01Z",
        "user_id": "user_2gBob00000000000000000000B"
      }
    ]
    "#);
    insta::assert_json_snapshot!(task("organizationMembership.updated").await, @r#"
    [
      "clerk:org_2gAcme000000000000000000A:user_2gBob00000000000000000000B",
      {
        "joined_at": "2024-05-28T08:00:01Z",
        "kind": "membership_upserted",
        "organization_id": "org_2gAcme000000000000000000A",
        "role": "admin",
        "type": "apply_identity_v1",
        "updated_at": "2024-05-28T08:01:00Z",
        "user_id": "user_2gBob00000000000000000000B"
      }
    ]
    "#);
    insta::assert_json_snapshot!(task("organizationMembership.deleted").await, @r#"
    [
      "clerk:org_2gAcme000000000000000000A:user_2gBob00000000000000000000B",
      {
        "at": "2024-05-28T08:02:00.500Z",
        "kind": "membership_deleted",
        "organization_id": "org_2gAcme000000000000000000A",
        "type": "apply_identity_v1",
        "user_id": "user_2gBob00000000000000000000B"
      }
    ]
    "#);
}

#[tokio::test]
async fn what_is_sent_again_is_the_same_delivery_and_another_one_is_not() {
    let door = Door::new();
    let first = door.one("user.created").await;
    let again = door.one("user.created").await;
    // Svix signs each attempt at its own time.
    door.clock.advance(std::time::Duration::from_mins(30));
    let later = door.one("user.created").await;
    let good = door.good();
    let other = svix::sign(
        Clerk::SECRET,
        "msg_2gDelivery0000000000000002",
        door.clock.now(),
        &good.body,
    )
    .into_iter()
    .fold(good.clone(), |call, (name, value)| call.instead(name, &value));
    assert_eq!(door.send(&other).await.status, 200);
    let other = door.queue.drain().remove(0);

    let delivery = |one: &tests::queue::Recorded| one.envelope().expect("an envelope").delivery;
    assert_eq!(
        delivery(&first),
        DeliveryKey {
            source: Source::Clerk,
            key: DELIVERY.to_owned()
        }
    );
    for same in [&again, &later] {
        assert_eq!(delivery(same), delivery(&first));
        assert_eq!(
            (&same.group, &same.deduplication),
            (&first.group, &first.deduplication)
        );
    }
    assert_ne!(delivery(&other), delivery(&first));
    assert_ne!(other.deduplication, first.deduplication);
}

#[tokio::test]
async fn the_headers_of_standard_webhooks_are_taken_too() {
    let door = Door::new();
    let signed = door.signed(Door::fixture("user.created"));
    let renamed = [
        (svix::ID, svix::STANDARD_ID),
        (svix::TIMESTAMP, svix::STANDARD_TIMESTAMP),
        (svix::SIGNATURE, svix::STANDARD_SIGNATURE),
    ];
    let mut standard = signed.clone();
    for (name, _) in &mut standard.headers {
        if let Some((_, other)) = renamed.iter().find(|(svix, _)| svix == name) {
            (*other).clone_into(name);
        }
    }
    assert_ne!(standard.headers, signed.headers);
    assert_eq!(door.send(&standard).await.status, 200);
    assert_eq!(door.queue.drain().remove(0).deduplication, DELIVERY);
}

#[tokio::test]
async fn no_log_line_of_any_level_says_who_people_are_or_how_clerk_signs() {
    let door = Door::new();
    let lines = Lines::default();
    {
        let _guard = lines.listen("trace");
        for name in Door::fixtures() {
            door.send(&door.signed(Door::fixture(&name))).await;
            door.send(&door.signed_with(Clerk::OTHER_SECRET, Door::fixture(&name)))
                .await;
            let odd = [b"{\"type\":{\"Ada Lovelace\":1},", &Door::fixture(&name)[1..]].concat();
            door.send(&door.signed(odd)).await;
            for pointer in ["/data/id", "/data/updated_at", "/timestamp", "/instance_id"] {
                let odd = Door::changed(&name, &[(pointer, json!({"ada@acme.example": "Ada Lovelace"}))]);
                door.send(&door.signed(odd)).await;
            }
        }
    }
    let whole = lines.whole();
    assert!(whole.contains("a task was queued"), "the lines were caught");
    assert!(
        whole.contains("a signed delivery cannot be used"),
        "the faults too"
    );
    for hidden in [
        "Ada",
        "Lovelace",
        "Babbage",
        "@acme",
        "example",
        "+1555",
        "verification code",
        "payroll",
        "203.0.113.7",
        "invitation-ticket",
        &Clerk::SECRET[6..],
        &Clerk::OTHER_SECRET[6..],
        "v1,",
    ] {
        assert!(!whole.contains(hidden), "{hidden} was logged:\n{whole}");
    }
}
