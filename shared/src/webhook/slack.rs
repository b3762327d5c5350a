//! How Slack signs: `v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}`, five minutes at the most from now.
//! Source: "Verifying requests from Slack" at <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use http::HeaderMap;

use super::{Claim, Scheme, WebhookError, header, hex_signature, not_stale, seconds};
use crate::clock::Timestamp;

/// The header with the signature.
pub const SIGNATURE: &str = "x-slack-signature";
/// The header with the seconds since 1970 at which it was made.
pub const TIMESTAMP: &str = "x-slack-request-timestamp";
/// How far from our clock a timestamp may be, in either direction, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Slack's scheme.
#[derive(Debug, Clone, Copy)]
pub struct Slack;

impl Scheme for Slack {
    const SENDER: &'static str = "slack";

    type Label = ();

    fn claim(headers: &HeaderMap, now: Timestamp) -> Result<Claim<()>, WebhookError> {
        let timestamp = header(headers, TIMESTAMP)?;
        let signature = header(headers, SIGNATURE)?;

        let signed_at = seconds(timestamp).ok_or(WebhookError::Malformed(TIMESTAMP))?;
        let signature = signature
            .strip_prefix("v0=")
            .and_then(hex_signature)
            .ok_or(WebhookError::Malformed(SIGNATURE))?;
        not_stale(signed_at, now, TOLERANCE_SECONDS)?;

        Ok(Claim {
            prefix: format!("v0:{timestamp}:"),
            signatures: vec![signature],
            label: (),
        })
    }
}

/// The headers with which Slack would send `body` at `at`.
#[cfg(any(test, feature = "test-support"))]
#[must_use]
pub fn sign(secret: &str, at: Timestamp, body: &[u8]) -> [(&'static str, String); 2] {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let timestamp = at.timestamp().to_string();
    let mut context = aws_lc_rs::hmac::Context::with_key(&key);
    context.update(format!("v0:{timestamp}:").as_bytes());
    context.update(body);
    let signature = format!("v0={}", hex::encode(context.sign()));
    [(TIMESTAMP, timestamp), (SIGNATURE, signature)]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Bytes;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        clock::{Clock as _, SystemClock},
        webhook::{Generation, Keys, Unverified},
    };

    const SECRET: &str = "fa2c05deeef5a4077494e89f54394de0";
    const SIGNED: &str = "v0=baa91ef62d346e56607bbdd278a8acd570b91226854f15a382f43d33be42f666";
    const SIGNED_AT: i64 = 1_531_420_618;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).expect("a valid time")
    }

    fn delivery(headers: &[(&'static str, &str)], body: &[u8]) -> Unverified {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
                (HeaderName::from_static(name), value)
            })
            .fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            });
        Unverified::new(headers, Bytes::copy_from_slice(body))
    }

    fn keys(secret: &str) -> Keys<Slack> {
        Keys::new(&secret.into()).expect("not empty")
    }

    fn check(headers: &[(&'static str, &str)], body: &[u8], now: i64) -> Result<Generation, WebhookError> {
        delivery(headers, body)
            .verify::<Slack>(&keys(SECRET), at(now))
            .map(|verified| {
                assert_eq!(verified.body(), body);
                verified.generation()
            })
    }

    #[test]
    fn slacks_own_example_verifies() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&\
                    channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&\
                    command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F\
                    T1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
                    trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let verified = delivery(
            &[(TIMESTAMP, "1531420618"), (SIGNATURE, signature)],
            body.as_bytes(),
        )
        .verify::<Slack>(&keys("8f742231b10e8888abcd99yyyzzz85a5"), at(SIGNED_AT));
        assert!(verified.is_ok());
    }

    #[test]
    fn a_known_signature_verifies_and_an_altered_body_does_not() {
        let headers = [(TIMESTAMP, "1531420618"), (SIGNATURE, SIGNED)];
        assert_eq!(check(&headers, b"test-body", SIGNED_AT), Ok(Generation::Current));
        assert_eq!(
            check(&headers, b"test-bodY", SIGNED_AT),
            Err(WebhookError::Mismatch)
        );
        assert_eq!(check(&headers, b"", SIGNED_AT), Err(WebhookError::Mismatch));
    }

    #[test]
    fn five_minutes_are_tolerated_on_both_sides_and_not_a_second_more() {
        let headers = [(TIMESTAMP, "1531420618"), (SIGNATURE, SIGNED)];
        for (offset, expected) in [
            (-301, Err(WebhookError::Stale)),
            (-300, Ok(Generation::Current)),
            (300, Ok(Generation::Current)),
            (301, Err(WebhookError::Stale)),
        ] {
            assert_eq!(
                check(&headers, b"test-body", SIGNED_AT + offset),
                expected,
                "{offset}"
            );
        }
    }

    #[test]
    fn every_malformed_header_is_refused_by_its_kind() {
        use WebhookError::{Malformed, Missing, Repeated};
        let hex = &SIGNED[3..];
        let upper = format!("v0={}", hex.to_uppercase());
        let (v1, bare, short, long) = (
            format!("v1={hex}"),
            hex.to_owned(),
            SIGNED[..66].to_owned(),
            format!("{SIGNED}0"),
        );
        let joined = format!("{SIGNED},{SIGNED}");
        let not_hex = format!("v0={}", "g".repeat(64));
        for signature in [
            "", "v0=", "v0", "é", &upper, &v1, &bare, &short, &long, &joined, &not_hex,
        ] {
            assert_eq!(
                check(
                    &[(TIMESTAMP, "1531420618"), (SIGNATURE, signature)],
                    b"test-body",
                    SIGNED_AT
                ),
                Err(Malformed(SIGNATURE)),
                "{signature}"
            );
        }
        for timestamp in [
            "",
            "abc",
            "1.0",
            "-1531420618",
            "+1531420618",
            "0x5b475",
            "153142061800",
            "1531420618,1531420618",
            "１５３",
        ] {
            assert_eq!(
                check(
                    &[(TIMESTAMP, timestamp), (SIGNATURE, SIGNED)],
                    b"test-body",
                    SIGNED_AT
                ),
                Err(Malformed(TIMESTAMP)),
                "{timestamp}"
            );
        }
        let (ts, sig) = ((TIMESTAMP, "1531420618"), (SIGNATURE, SIGNED));
        assert_eq!(check(&[sig], b"test-body", SIGNED_AT), Err(Missing(TIMESTAMP)));
        assert_eq!(check(&[ts], b"test-body", SIGNED_AT), Err(Missing(SIGNATURE)));
        assert_eq!(
            check(&[ts, sig, sig], b"test-body", SIGNED_AT),
            Err(Repeated(SIGNATURE))
        );
        assert_eq!(
            check(&[ts, ts, sig], b"test-body", SIGNED_AT),
            Err(Repeated(TIMESTAMP))
        );
    }

    #[test]
    fn the_previous_secret_is_accepted_until_its_end_and_an_empty_one_never() {
        let both = |until| {
            let mut keys = keys("another");
            keys.accept_previous(&SECRET.into(), at(until))
                .expect("not empty");
            keys
        };
        let it = || delivery(&[(TIMESTAMP, "1531420618"), (SIGNATURE, SIGNED)], b"test-body");
        assert_eq!(
            it().verify::<Slack>(&both(SIGNED_AT + 1), at(SIGNED_AT))
                .map(|v| v.generation()),
            Ok(Generation::Previous)
        );
        assert_eq!(
            it().verify::<Slack>(&both(SIGNED_AT), at(SIGNED_AT))
                .map(|v| v.generation()),
            Err(WebhookError::Mismatch)
        );
        assert!(Keys::<Slack>::new(&"".into()).is_err());
        assert!(Keys::<Slack>::new(&" \n".into()).is_err());
        assert!(keys("another").accept_previous(&"".into(), at(0)).is_err());
        let pasted = keys(&format!(" {SECRET}\n"));
        assert!(
            it().verify::<Slack>(&pasted, at(SIGNED_AT)).is_ok(),
            "white space from pasting does not count"
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let mut keys = keys(SECRET);
        keys.accept_previous(&SECRET.into(), at(0)).expect("not empty");
        let shown = format!("{keys:?}");
        assert!(!shown.contains(SECRET), "{shown}");
        let unverified = delivery(&[(TIMESTAMP, "1531420618"), (SIGNATURE, SIGNED)], b"test-body");
        let verified = unverified.verify::<Slack>(&keys, at(SIGNED_AT));
        let shown = format!("{unverified:?} {verified:?}");
        assert!(!shown.contains("test-body") && !shown.contains("v0="), "{shown}");
    }

    proptest! {
        #[test]
        fn we_agree_with_another_implementation(
            body in ".{0,300}", secret in "[!-~]{1,40}", age in 0_u64..290, altered in any::<bool>(),
        ) {
            let now = SystemClock.now();
            let signed_at = now - Duration::from_secs(age);
            let [(_, timestamp), (_, mut signature)] = sign(&secret, signed_at, body.as_bytes());
            if altered {
                let last = if signature.ends_with('0') { '1' } else { '0' };
                signature.pop();
                signature.push(last);
            }
            let theirs = slack_morphism::signature_verifier::SlackEventSignatureVerifier::new(&secret.clone().into())
                .verify(&signature, &body, &timestamp)
                .is_ok();
            let ours = delivery(&[(TIMESTAMP, &timestamp), (SIGNATURE, &signature)], body.as_bytes())
                .verify::<Slack>(&keys(&secret), now)
                .is_ok();
            prop_assert_eq!(ours, theirs);
            prop_assert_eq!(ours, !altered);
        }

        #[test]
        fn any_headers_are_refused_and_nothing_panics(timestamp in "[ -~é]{0,40}", signature in "[ -~é]{0,90}") {
            let it = delivery(&[(TIMESTAMP, timestamp.as_str()), (SIGNATURE, signature.as_str())], b"test-body");
            prop_assert!(it.verify::<Slack>(&keys(SECRET), at(SIGNED_AT)).is_err());
        }
    }
}
