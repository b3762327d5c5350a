//! How those sign who send through Svix: `v1,` and the base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`, five
//! minutes at the most from now. Standard Webhooks are the same, with headers of other names.
//! Source: <https://docs.svix.com/receiving/verifying-payloads/how-manual> and
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
//!
//! A type here is a sender, not the scheme: of two that sign alike, each has its own keys.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderMap;
use zeroize::Zeroizing;

use super::{Claim, Scheme, WebhookError, header, not_stale, seconds};
use crate::clock::Timestamp;

/// The header with the delivery's id, the same whenever it is sent again.
pub const ID: &str = "svix-id";
/// The header with the seconds since 1970 at which it was sent.
pub const TIMESTAMP: &str = "svix-timestamp";
/// The header with the signatures.
pub const SIGNATURE: &str = "svix-signature";
/// [`ID`] in Standard Webhooks.
pub const STANDARD_ID: &str = "webhook-id";
/// [`TIMESTAMP`] in Standard Webhooks.
pub const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
/// [`SIGNATURE`] in Standard Webhooks.
pub const STANDARD_SIGNATURE: &str = "webhook-signature";
/// How far from our clock a timestamp may be, in either direction, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;

/// The most signatures that we look at. While a secret is replaced there is one for each, and Svix keeps few.
const MAX_SIGNATURES: usize = 16;
/// What an id has at the most, in bytes: it becomes a deduplication id of SQS, which takes 128.
const MAX_ID: usize = 128;
/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// Clerk, who sends through Svix. Source: <https://clerk.com/docs/guides/development/webhooks/overview>.
#[derive(Debug, Clone, Copy)]
pub struct Clerk;

impl Scheme for Clerk {
    const SENDER: &'static str = "clerk";

    type Label = DeliveryId;

    fn claim(headers: &HeaderMap, now: Timestamp) -> Result<Claim<DeliveryId>, WebhookError> {
        claim(headers, now)
    }

    fn key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
        key(secret)
    }
}

/// The sender's id of a delivery, `msg_…`. Signed, so it cannot be put on another body.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The id as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn claim(headers: &HeaderMap, now: Timestamp) -> Result<Claim<DeliveryId>, WebhookError> {
    // Never one of each: somebody who may add headers on the way must not choose which of two are read.
    let svix = [ID, TIMESTAMP, SIGNATURE];
    let standard = [STANDARD_ID, STANDARD_TIMESTAMP, STANDARD_SIGNATURE];
    let is_svix = svix.iter().any(|&name| headers.contains_key(name));
    let [id_header, timestamp_header, signature_header] = if is_svix { svix } else { standard };
    let id = header(headers, id_header)?;
    let timestamp = header(headers, timestamp_header)?;
    let signatures = header(headers, signature_header)?;

    if !is_id(id) {
        return Err(WebhookError::Malformed(id_header));
    }
    let signed_at = seconds(timestamp).ok_or(WebhookError::Malformed(timestamp_header))?;
    let signatures = self::signatures(signatures).ok_or(WebhookError::Malformed(signature_header))?;
    not_stale(signed_at, now, TOLERANCE_SECONDS)?;

    Ok(Claim {
        prefix: format!("{id}.{timestamp}."),
        signatures,
        label: DeliveryId(id.to_owned()),
    })
}

/// Letters, digits, `_` and `-`, as Svix makes them. Above all no dot, by which what is signed could be divided in two
/// ways, and no comma, by which API Gateway joins headers that are there twice.
fn is_id(id: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(is_plain)
}

/// The signatures of version 1 in a list of `version,signature`; there is at least one. Other versions are those of
/// keys that we do not have.
fn signatures(list: &str) -> Option<Vec<[u8; 32]>> {
    let mut signatures = Vec::new();
    for (index, entry) in list.split(' ').enumerate() {
        let (version, signature) = entry.split_once(',').filter(|_| index < MAX_SIGNATURES)?;
        if version == "v1" {
            signatures.push(BASE64_STANDARD.decode(signature).ok()?.try_into().ok()?);
        }
    }
    Some(signatures).filter(|signatures| !signatures.is_empty())
}

/// `whsec_` and the base64 of 24 to 64 bytes, which are the key. The prefix says only what it is, and may be missing:
/// the random value that a new stack begins with has none, and is a key that nobody knows.
fn key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    let key = Zeroizing::new(BASE64_STANDARD.decode(encoded).ok()?);
    (24..=64).contains(&key.len()).then_some(key)
}

/// The headers with which Svix would send `body` at `at`, as the delivery `id`. A secret that is none signs with no
/// key.
#[cfg(any(test, feature = "test-support"))]
#[must_use]
pub fn sign(secret: &str, id: &str, at: Timestamp, body: &[u8]) -> [(&'static str, String); 3] {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key(secret).unwrap_or_default());
    let timestamp = at.timestamp().to_string();
    let mut context = aws_lc_rs::hmac::Context::with_key(&key);
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(body);
    let signature = format!("v1,{}", BASE64_STANDARD.encode(context.sign()));
    [
        (ID, id.to_owned()),
        (TIMESTAMP, timestamp),
        (SIGNATURE, signature),
    ]
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
        webhook::{Generation, Keys, SigningSecretError, Unverified},
    };

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_bm9ib2R5IGtub3dzIHRoaXMgc2VjcmV0";
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNED: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    const SIGNED_AS: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const SIGNED_AT: i64 = 1_649_367_553;

    type Headers<'a> = [(&'static str, &'a str)];
    const GOOD: [(&str, &str); 3] = [(ID, SIGNED_AS), (TIMESTAMP, "1649367553"), (SIGNATURE, SIGNED)];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).expect("a valid time")
    }

    fn delivery(headers: &Headers<'_>, body: &[u8]) -> Unverified {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
            all.append(HeaderName::from_static(name), value);
        }
        Unverified::new(all, Bytes::copy_from_slice(body))
    }

    fn keys(secret: &str) -> Keys<Clerk> {
        Keys::new(&secret.into()).expect("a secret")
    }

    fn check(headers: &Headers<'_>, now: i64) -> Result<Generation, WebhookError> {
        delivery(headers, BODY)
            .verify(&keys(SECRET), at(now))
            .map(|verified| {
                assert_eq!(verified.body(), BODY);
                assert_eq!(verified.label().as_str(), SIGNED_AS);
                verified.generation()
            })
    }

    /// The good headers with one of them changed.
    fn with<'a>(name: &'static str, value: &'a str) -> Vec<(&'static str, &'a str)> {
        let instead =
            |&(other, old): &(&'static str, &'a str)| (other, if other == name { value } else { old });
        GOOD.iter().map(instead).collect()
    }

    #[test]
    fn svixs_own_example_verifies_and_an_altered_one_does_not() {
        assert_eq!(check(&GOOD, SIGNED_AT), Ok(Generation::Current));
        let altered = delivery(&GOOD, &BODY[1..]).verify(&keys(SECRET), at(SIGNED_AT));
        assert_eq!(altered.err(), Some(WebhookError::Mismatch));
        // The id and the time are signed too.
        for altered in [
            with(ID, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpl"),
            with(TIMESTAMP, "1649367554"),
        ] {
            assert_eq!(
                check(&altered, SIGNED_AT),
                Err(WebhookError::Mismatch),
                "{altered:?}"
            );
        }
    }

    #[test]
    fn five_minutes_are_tolerated_on_both_sides_and_not_a_second_more() {
        for (offset, expected) in [
            (-301, Err(WebhookError::Stale)),
            (-300, Ok(Generation::Current)),
            (300, Ok(Generation::Current)),
            (301, Err(WebhookError::Stale)),
        ] {
            assert_eq!(check(&GOOD, SIGNED_AT + offset), expected, "{offset}");
        }
    }

    #[test]
    fn either_family_of_headers_is_taken_and_never_one_of_each() {
        let standard = [
            (STANDARD_ID, SIGNED_AS),
            (STANDARD_TIMESTAMP, "1649367553"),
            (STANDARD_SIGNATURE, SIGNED),
        ];
        assert_eq!(check(&standard, SIGNED_AT), Ok(Generation::Current));
        let of_svix_beside = |odd: &'static str| [&[(odd, "x")], &standard[..]].concat();
        assert_eq!(
            check(&of_svix_beside(ID), SIGNED_AT),
            Err(WebhookError::Missing(TIMESTAMP))
        );
        for name in [TIMESTAMP, SIGNATURE] {
            assert_eq!(
                check(&of_svix_beside(name), SIGNED_AT),
                Err(WebhookError::Missing(ID)),
                "{name}"
            );
        }
        let both = [&GOOD[..], &[(STANDARD_ID, "x"), (STANDARD_SIGNATURE, "x")]].concat();
        assert_eq!(
            check(&both, SIGNED_AT),
            Ok(Generation::Current),
            "those of Svix are read"
        );
        assert_eq!(check(&[], SIGNED_AT), Err(WebhookError::Missing(STANDARD_ID)));
    }

    #[test]
    fn one_good_signature_of_several_is_enough_and_only_version_1_counts() {
        let wrong = format!("v1,{}", BASE64_STANDARD.encode([7; 32]));
        let many = |count: usize| vec![wrong.as_str(); count].join(" ");
        for good in [
            format!("{wrong} {SIGNED}"),
            format!("{SIGNED} {wrong}"),
            format!("v1a,anything v2,=== {SIGNED}"),
            format!("{} {SIGNED}", many(MAX_SIGNATURES - 1)),
        ] {
            assert_eq!(
                check(&with(SIGNATURE, &good), SIGNED_AT),
                Ok(Generation::Current),
                "{good}"
            );
        }
        for (wrong, error) in [
            (wrong.clone(), WebhookError::Mismatch),
            (SIGNED.replace("v1,", "v2,"), WebhookError::Malformed(SIGNATURE)),
            (SIGNED.replace("v1,", "v1a,"), WebhookError::Malformed(SIGNATURE)),
            (
                format!("{} {SIGNED}", many(MAX_SIGNATURES)),
                WebhookError::Malformed(SIGNATURE),
            ),
        ] {
            assert_eq!(check(&with(SIGNATURE, &wrong), SIGNED_AT), Err(error), "{wrong}");
        }
    }

    #[test]
    fn every_malformed_header_is_refused_by_its_kind() {
        use WebhookError::{Malformed, Missing, Repeated};
        let base64 = &SIGNED[3..];
        for signature in [
            "",
            " ",
            "v1",
            "v1,",
            "v1,é",
            base64,
            &format!("V1,{base64}"),
            &format!("v1={base64}"),
            &format!("v1, {base64}"),
            &format!(" {SIGNED}"),
            &format!("{SIGNED} "),
            &format!("{SIGNED}  {SIGNED}"),
            &format!("{SIGNED},{SIGNED}"),
            &format!("{SIGNED}\t{SIGNED}"),
            &format!("{SIGNED} v1"),
            &format!("{SIGNED} v1,short"),
            &format!("v1,{}", base64.trim_end_matches('=')),
            &format!("v1,{}", base64.replace('/', "_").replace('+', "-")),
            &format!("v1,{}", BASE64_STANDARD.encode([7; 31])),
            &format!("v1,{}", BASE64_STANDARD.encode([7; 33])),
        ] {
            assert_eq!(
                check(&with(SIGNATURE, signature), SIGNED_AT),
                Err(Malformed(SIGNATURE)),
                "{signature}"
            );
        }
        for timestamp in [
            "",
            "abc",
            "1.0",
            "-1649367553",
            "+1649367553",
            "0x624f",
            "164936755300",
            "1649367553,1649367553",
            "１６",
            " 1649367553",
            "1649367553 ",
        ] {
            assert_eq!(
                check(&with(TIMESTAMP, timestamp), SIGNED_AT),
                Err(Malformed(TIMESTAMP)),
                "{timestamp}"
            );
        }
        let long = "m".repeat(MAX_ID + 1);
        for id in [
            "",
            " ",
            "msg.1",
            "msg_1,msg_1",
            "msg 1",
            "msg_é",
            "msg_1\t",
            "msg/1",
            &long,
        ] {
            assert_eq!(check(&with(ID, id), SIGNED_AT), Err(Malformed(ID)), "{id}");
        }
        assert_eq!(
            check(&with(ID, &long[1..]), SIGNED_AT),
            Err(WebhookError::Mismatch)
        );
        for (index, (name, value)) in GOOD.into_iter().enumerate() {
            let mut without = GOOD.to_vec();
            without.remove(index);
            assert_eq!(check(&without, SIGNED_AT), Err(Missing(name)));
            let twice = [&GOOD[..], &[(name, value)]].concat();
            assert_eq!(check(&twice, SIGNED_AT), Err(Repeated(name)));
        }
    }

    #[test]
    fn a_secret_is_the_base64_of_24_to_64_bytes() {
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        for good in [of(24), of(32), of(64), SECRET[6..].to_owned(), "a1B2".repeat(16)] {
            assert!(Keys::<Clerk>::new(&good.as_str().into()).is_ok(), "{good}");
        }
        for odd in [
            of(23),
            of(65),
            "whsec_".to_owned(),
            format!("{SECRET}="),
            format!("whsec_{SECRET}"),
            format!("WHSEC_{}", &SECRET[6..]),
            SECRET.replace('+', "-"),
            "sk_live_C2FVsBQIhrscChlQIMVb5sSYspob7oD".to_owned(),
        ] {
            let error = Keys::<Clerk>::new(&odd.as_str().into()).expect_err("no secret");
            assert_eq!(error, SigningSecretError::Form, "{odd}");
        }
        assert_eq!(
            Keys::<Clerk>::new(&" \n".into()).err(),
            Some(SigningSecretError::Empty)
        );
        let pasted = format!(" {SECRET}\n");
        assert!(
            delivery(&GOOD, BODY)
                .verify(&keys(&pasted), at(SIGNED_AT))
                .is_ok()
        );
        let bare = &SECRET[6..];
        assert!(delivery(&GOOD, BODY).verify(&keys(bare), at(SIGNED_AT)).is_ok());
    }

    #[test]
    fn the_previous_secret_is_accepted_until_its_end() {
        let both = |until| {
            let mut keys = keys(OTHER);
            keys.accept_previous(&SECRET.into(), at(until)).expect("a secret");
            keys
        };
        let generation = |keys: &Keys<Clerk>| {
            let verified = delivery(&GOOD, BODY).verify(keys, at(SIGNED_AT));
            verified.map(|verified| verified.generation())
        };
        assert_eq!(generation(&both(SIGNED_AT + 1)), Ok(Generation::Previous));
        assert_eq!(generation(&both(SIGNED_AT)), Err(WebhookError::Mismatch));
        let mut keys = keys(SECRET);
        let error = keys.accept_previous(&"what the stack began with".into(), at(SIGNED_AT + 1));
        assert_eq!(error, Err(SigningSecretError::Form));
        assert_eq!(generation(&keys), Ok(Generation::Current));
    }

    #[test]
    fn no_secret_and_no_body_is_shown() {
        let keys = keys(SECRET);
        let verified = delivery(&GOOD, BODY).verify(&keys, at(SIGNED_AT));
        let error = Keys::<Clerk>::new(&"hunter2".into());
        let shown = format!("{keys:?} {verified:?} {error:?}");
        for hidden in [&SECRET[6..], "example.com", "tZ1I", "hunter2"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn we_agree_with_another_implementation(
            body in ".{0,300}", key in proptest::collection::vec(any::<u8>(), 24..=64), id in "[a-zA-Z0-9_-]{1,40}",
            age in 0_u64..290, altered in any::<bool>(), others in 0_usize..4,
        ) {
            let now = SystemClock.now();
            let secret = format!("whsec_{}", BASE64_STANDARD.encode(&key));
            let [(_, id), (_, timestamp), (_, mut signature)] =
                sign(&secret, &id, now - Duration::from_secs(age), body.as_bytes());
            if altered {
                let first = if signature.starts_with("v1,A") { "B" } else { "A" };
                signature.replace_range(3..4, first);
            }
            for other in 0..others {
                signature = format!("v{other},{} {signature}", BASE64_STANDARD.encode([7; 32]));
            }
            let headers = [
                (STANDARD_ID, id.as_str()), (STANDARD_TIMESTAMP, &timestamp), (STANDARD_SIGNATURE, &signature),
            ];
            let ours = delivery(&headers, body.as_bytes());
            let theirs = standardwebhooks::Webhook::new(&secret)
                .expect("a secret")
                .verify(body.as_bytes(), &ours.headers)
                .is_ok();
            let ours = ours.verify(&keys(&secret), now).is_ok();
            prop_assert_eq!(ours, theirs);
            prop_assert_eq!(ours, !altered);
        }

        #[test]
        fn any_headers_are_refused_and_nothing_panics(
            id in "[ -~é]{0,40}", timestamp in "[ -~é]{0,40}", signature in "[ -~é]{0,90}",
        ) {
            let it = delivery(&[(ID, &id), (TIMESTAMP, &timestamp), (SIGNATURE, &signature)], BODY);
            prop_assert!(it.verify(&keys(SECRET), at(SIGNED_AT)).is_err());
        }
    }
}
