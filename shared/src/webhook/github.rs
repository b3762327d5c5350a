//! How GitHub signs: `sha256=` and the HMAC-SHA256 of the body, in hexadecimal digits.
//! Source: "Validating webhook deliveries" at
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
//!
//! Nothing but the body is signed: neither a time, so that nothing is ever too old, nor the headers that name event and
//! delivery. What they say is therefore no part of a [`Claim`]; see [`Headers`].

use http::HeaderMap;

use super::{Claim, Scheme, WebhookError, header, hex_signature};
use crate::clock::Timestamp;

/// The header with the signature. The older one, `X-Hub-Signature`, holds a SHA-1 and is never looked at.
pub const SIGNATURE: &str = "x-hub-signature-256";
/// The header with the name of the event.
pub const EVENT: &str = "x-github-event";
/// The header with the id of the delivery, the same whenever it is sent again.
pub const DELIVERY: &str = "x-github-delivery";

/// What a name of an event has at the most, in bytes. The longest that GitHub has is half of it.
const MAX_EVENT: usize = 64;

/// GitHub's scheme.
#[derive(Debug, Clone, Copy)]
pub struct GitHub;

impl Scheme for GitHub {
    const SENDER: &'static str = "github";
    /// What Lambda takes. GitHub sends up to 25 MB; what is larger is refused by API Gateway already.
    const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

    type Label = ();

    fn claim(headers: &HeaderMap, _: Timestamp) -> Result<Claim<()>, WebhookError> {
        let signature = header(headers, SIGNATURE)?
            .strip_prefix("sha256=")
            .and_then(hex_signature)
            .ok_or(WebhookError::Malformed(SIGNATURE))?;
        Ok(Claim {
            prefix: String::new(),
            signatures: vec![signature],
            label: (),
        })
    }
}

/// What the headers of a delivery tell of it. Whoever got hold of a body and its signature can write here what they
/// like: the event must be seen to fit the body, and the id alone says nothing about whether the body is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// The name of the event, such as `pull_request`.
    pub event: String,
    /// The id of the delivery, a UUID in lower case.
    pub delivery: String,
}

impl Headers {
    /// Reads them.
    ///
    /// # Errors
    /// [`WebhookError::Missing`], [`WebhookError::Repeated`] and [`WebhookError::Malformed`].
    pub fn read(headers: &HeaderMap) -> Result<Self, WebhookError> {
        let event = header(headers, EVENT)?;
        let delivery = header(headers, DELIVERY)?;
        let is_name = (1..=MAX_EVENT).contains(&event.len())
            && event
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_name {
            return Err(WebhookError::Malformed(EVENT));
        }
        if !is_uuid(delivery) {
            return Err(WebhookError::Malformed(DELIVERY));
        }
        Ok(Self {
            event: event.to_owned(),
            delivery: delivery.to_ascii_lowercase(),
        })
    }
}

/// Hexadecimal digits in groups of 8, 4, 4, 4 and 12, and nothing else that some reader takes for a UUID.
fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let right = [8, 4, 4, 4, 12].iter().all(|&length| {
        groups
            .next()
            .is_some_and(|group| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    right && groups.next().is_none()
}

/// The headers with which GitHub would send `body` as the event `event`, in the delivery `delivery`.
#[cfg(any(test, feature = "test-support"))]
#[must_use]
pub fn sign(secret: &str, event: &str, delivery: &str, body: &[u8]) -> [(&'static str, String); 3] {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = format!("sha256={}", hex::encode(aws_lc_rs::hmac::sign(&key, body)));
    [
        (EVENT, event.to_owned()),
        (DELIVERY, delivery.to_owned()),
        (SIGNATURE, signature),
    ]
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::webhook::{Generation, Keys, SigningSecretError, Unverified};

    // The example in GitHub's documentation.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const DELIVERED_AS: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in all {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
            map.append(HeaderName::from_static(name), value);
        }
        map
    }

    fn keys(secret: &str) -> Keys<GitHub> {
        Keys::new(&secret.into()).expect("a secret")
    }

    fn check(
        all: &[(&'static str, &str)],
        body: &[u8],
        keys: &Keys<GitHub>,
    ) -> Result<Generation, WebhookError> {
        Unverified::new(headers(all), Bytes::copy_from_slice(body))
            .verify(keys, Timestamp::UNIX_EPOCH)
            .map(|verified| {
                assert_eq!(verified.body(), body);
                verified.generation()
            })
    }

    #[test]
    fn githubs_own_example_verifies_and_an_altered_one_does_not() {
        let good = [(SIGNATURE, SIGNED)];
        assert_eq!(check(&good, BODY, &keys(SECRET)), Ok(Generation::Current));
        assert_eq!(
            check(&good, b"Hello, World?", &keys(SECRET)),
            Err(WebhookError::Mismatch)
        );
        assert_eq!(check(&good, b"", &keys(SECRET)), Err(WebhookError::Mismatch));
        assert_eq!(
            check(&good, BODY, &keys("its a secret to everybody")),
            Err(WebhookError::Mismatch)
        );
    }

    #[test]
    fn the_previous_secret_is_accepted_until_its_end() {
        let mut both = keys("the new one");
        both.accept_previous(
            &SECRET.into(),
            Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(1),
        )
        .expect("a secret");
        let good = [(SIGNATURE, SIGNED)];
        assert_eq!(check(&good, BODY, &both), Ok(Generation::Previous));
        both.accept_previous(&SECRET.into(), Timestamp::UNIX_EPOCH)
            .expect("a secret");
        assert_eq!(check(&good, BODY, &both), Err(WebhookError::Mismatch));
    }

    #[test]
    fn a_sha1_is_never_taken_for_a_signature_wherever_it_stands() {
        // `openssl dgst -sha1 -hmac` of the same.
        let sha1 = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        let both = [("x-hub-signature", sha1), (SIGNATURE, SIGNED)];
        assert_eq!(check(&both, BODY, &keys(SECRET)), Ok(Generation::Current));
        for (all, error) in [
            (vec![("x-hub-signature", sha1)], WebhookError::Missing(SIGNATURE)),
            (
                vec![("x-hub-signature", SIGNED)],
                WebhookError::Missing(SIGNATURE),
            ),
            (vec![(SIGNATURE, sha1)], WebhookError::Malformed(SIGNATURE)),
        ] {
            assert_eq!(check(&all, BODY, &keys(SECRET)), Err(error));
        }
    }

    #[test]
    fn every_malformed_signature_is_refused() {
        let hex = &SIGNED[7..];
        for odd in [
            "",
            " ",
            "sha256=",
            hex,
            &format!("sha256={}", hex.to_uppercase()),
            &format!("SHA256={hex}"),
            &format!("sha256= {hex}"),
            &format!("sha256={hex} "),
            &format!(" sha256={hex}"),
            &format!("sha256={}", &hex[2..]),
            &format!("sha256={hex}00"),
            &format!("sha256={hex},sha256={hex}"),
            &format!("sha256={}", "é".repeat(32)),
            &format!("v1={hex}"),
        ] {
            assert_eq!(
                check(&[(SIGNATURE, odd)], BODY, &keys(SECRET)),
                Err(WebhookError::Malformed(SIGNATURE)),
                "{odd}"
            );
        }
        assert_eq!(
            check(&[], BODY, &keys(SECRET)),
            Err(WebhookError::Missing(SIGNATURE))
        );
        let twice = [(SIGNATURE, SIGNED), (SIGNATURE, SIGNED)];
        assert_eq!(
            check(&twice, BODY, &keys(SECRET)),
            Err(WebhookError::Repeated(SIGNATURE))
        );
        assert_eq!(
            Keys::<GitHub>::new(&" \n".into()).err(),
            Some(SigningSecretError::Empty),
            "an empty secret would let everybody in"
        );
    }

    #[test]
    fn event_and_delivery_are_read_when_they_are_what_github_sends() {
        let read =
            |event: &str, delivery: &str| Headers::read(&headers(&[(EVENT, event), (DELIVERY, delivery)]));
        let upper = DELIVERED_AS.to_uppercase();
        for delivery in [DELIVERED_AS, upper.as_str()] {
            let read = read("pull_request", delivery).expect("GitHub sends this");
            assert_eq!(
                (read.event.as_str(), read.delivery.as_str()),
                ("pull_request", DELIVERED_AS)
            );
        }
        let long = "a".repeat(MAX_EVENT + 1);
        for event in ["", "Push", "push,push", "push ", "pu\tsh", "pu-sh", "é", &long] {
            assert_eq!(
                read(event, DELIVERED_AS),
                Err(WebhookError::Malformed(EVENT)),
                "{event}"
            );
        }
        for delivery in [
            "",
            "1",
            "72d3162ecc7811e381ab4c9367dc0958",
            "{72d3162e-cc78-11e3-81ab-4c9367dc0958}",
            "urn:uuid:72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "72d3162e-cc78-11e3-81ab-4c9367dc095",
            "72d3162e-cc78-11e3-81ab-4c9367dc09580",
            "72d3162e-cc78-11e3-81ab-4c9367dc0958-",
            "72d3162e-cc78-11e3-81ab-4c9367dc095g",
            "72d3162e-cc78-11e3-81ab-4c9367dc0958,72d3162e-cc78-11e3-81ab-4c9367dc0958",
        ] {
            assert_eq!(
                read("push", delivery),
                Err(WebhookError::Malformed(DELIVERY)),
                "{delivery}"
            );
        }
        let without = Headers::read(&headers(&[(DELIVERY, DELIVERED_AS)]));
        assert_eq!(without, Err(WebhookError::Missing(EVENT)));
        let without = Headers::read(&headers(&[(EVENT, "push")]));
        assert_eq!(without, Err(WebhookError::Missing(DELIVERY)));
        let twice = Headers::read(&headers(&[
            (EVENT, "push"),
            (EVENT, "push"),
            (DELIVERY, DELIVERED_AS),
        ]));
        assert_eq!(twice, Err(WebhookError::Repeated(EVENT)));
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else_does(
            body in proptest::collection::vec(any::<u8>(), 0..300), secret in "[!-~]{1,60}", flipped in any::<bool>(),
        ) {
            let [_, _, (_, mut signature)] = sign(&secret, "push", DELIVERED_AS, &body);
            if flipped {
                let other = if signature.ends_with('0') { "1" } else { "0" };
                signature.replace_range(signature.len() - 1.., other);
            }
            let checked = check(&[(SIGNATURE, &signature)], &body, &keys(&secret));
            prop_assert_eq!(checked.is_ok(), !flipped);
        }

        #[test]
        fn any_signature_is_refused_and_nothing_panics(signature in "[ -~é]{0,90}") {
            prop_assert!(check(&[(SIGNATURE, &signature)], BODY, &keys(SECRET)).is_err());
        }
    }
}
