//! Whatever is sent, the answer is one of ours.

use proptest::prelude::*;
use shared::webhook::slack::{self, Slack};
use tests::gateway::Call;

use super::Door;
use crate::arbitrary::{altered, damaged, wait};

/// Whatever a signed delivery holds, it is answered, and what is queued can be read and grouped.
fn holds(door: &Door, body: Vec<u8>) -> Result<(), TestCaseError> {
    let answer = wait(door.send(&door.signed(body)))?;
    prop_assert!(
        [200, 400, 403].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.body
    );
    for one in door.queue.drain() {
        prop_assert!(answer.status == 200);
        prop_assert!((1..=128).contains(&one.group.len()), "{}", one.group);
        prop_assert!(one.group.bytes().all(|b| b.is_ascii_graphic()), "{}", one.group);
        prop_assert!((1..=128).contains(&one.deduplication.len()));
        prop_assert!(one.body.len() < 1024 * 1024);
        prop_assert!(
            !one.body.contains(['\u{fffe}', '\u{ffff}']),
            "SQS would refuse it"
        );
        prop_assert!(one.envelope().is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_signed_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        holds(&Door::new(), body)?;
    }

    #[test]
    fn any_fixture_with_anything_anywhere_is_answered(body in altered::<Slack>()) {
        holds(&Door::new(), body)?;
    }

    #[test]
    fn any_fixture_with_bytes_changed_is_answered(body in damaged::<Slack>()) {
        holds(&Door::new(), body)?;
    }

    #[test]
    fn an_unsigned_delivery_is_refused_whatever_it_holds(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        timestamp in "[ -~]{0,20}",
        signature in "[ -~]{0,80}",
    ) {
        let door = Door::new();
        let call = Call::post("/slack/events", body)
            .with(slack::TIMESTAMP, &timestamp)
            .with(slack::SIGNATURE, &signature);
        let answer = wait(door.send(&call))?;
        prop_assert_eq!(answer.status, 401);
    }
}
