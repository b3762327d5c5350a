//! Whatever is sent, the answer is one of ours.

use proptest::prelude::*;
use shared::webhook::github::{self, GitHub};
use tests::{door::Sender as _, gateway::Call};

use super::Door;
use crate::arbitrary::{altered, damaged, wait};

/// Whatever a signed delivery holds, it is answered, and what is queued can be read and grouped.
fn holds(door: &Door, body: Vec<u8>, event: Option<&str>) -> Result<(), TestCaseError> {
    let call = door.signed(body);
    let call = match event {
        Some(event) => call.instead(github::EVENT, event),
        None => call,
    };
    let answer = wait(door.send(&call))?;
    prop_assert!(
        [200, 400].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.body
    );
    for one in door.queue.drain() {
        prop_assert!(answer.status == 200);
        prop_assert!((1..=128).contains(&one.group.len()), "{}", one.group);
        prop_assert!(one.group.bytes().all(|b| b.is_ascii_graphic()), "{}", one.group);
        prop_assert!(one.body.len() < 16 * 1024, "{}", one.body.len());
        prop_assert!(
            !one.body.contains(['\u{fffe}', '\u{ffff}']) && !one.body.contains("\\u0000"),
            "SQS or Postgres would refuse it: {}",
            one.body
        );
        prop_assert!(one.envelope().is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_signed_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        holds(&Door::new(), body, Some("installation"))?;
    }

    #[test]
    fn any_fixture_with_anything_anywhere_is_answered(body in altered::<GitHub>()) {
        holds(&Door::new(), body, None)?;
    }

    #[test]
    fn any_fixture_with_bytes_changed_is_answered(body in damaged::<GitHub>()) {
        holds(&Door::new(), body, None)?;
    }

    #[test]
    fn an_event_of_any_name_is_answered(body in altered::<GitHub>(), event in "[a-z_]{0,70}|[ -~]{1,20}") {
        holds(&Door::new(), body, Some(&event))?;
    }

    #[test]
    fn an_unsigned_delivery_is_refused_whatever_it_holds(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        event in "[ -~]{0,40}",
        delivery in "[ -~]{0,40}",
        signature in "[ -~]{0,80}",
    ) {
        let door = Door::new();
        let call = Call::post(GitHub::PATH, body)
            .with(github::EVENT, &event)
            .with(github::DELIVERY, &delivery)
            .with(github::SIGNATURE, &signature);
        prop_assert_eq!(wait(door.send(&call))?.status, 401);
    }
}
