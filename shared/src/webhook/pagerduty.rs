//! How PagerDuty signs: `v1=` and the HMAC-SHA256 of the body, in hexadecimal digits, once for each secret that a
//! subscription has while it is replaced. Source: "Verifying Signatures" at
//! <https://developer.pagerduty.com/docs/verifying-webhook-signatures>.
//!
//! Nothing but the body is signed, and no time, so that nothing is ever too old: what came before is known by the id of
//! the event, which is in the body.

use http::HeaderMap;

use super::{Claim, Scheme, WebhookError, header, hex_signature};
use crate::clock::Timestamp;

/// The header with the signatures.
pub const SIGNATURE: &str = "x-pagerduty-signature";

/// The most signatures that we look at. There is one for each secret, and PagerDuty keeps few.
const MAX_SIGNATURES: usize = 16;

/// PagerDuty's scheme, of webhooks v3.
#[derive(Debug, Clone, Copy)]
pub struct PagerDuty;

impl Scheme for PagerDuty {
    const SENDER: &'static str = "pagerduty";
    /// PagerDuty drops what is larger than 256 KB itself.
    const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

    type Label = ();

    fn claim(headers: &HeaderMap, _: Timestamp) -> Result<Claim<()>, WebhookError> {
        let signatures = signatures(header(headers, SIGNATURE)?).ok_or(WebhookError::Malformed(SIGNATURE))?;
        Ok(Claim {
            prefix: String::new(),
            signatures,
            label: (),
        })
    }
}

/// The signatures of version 1 in a list; there is at least one. Other versions say nothing to us.
fn signatures(list: &str) -> Option<Vec<[u8; 32]>> {
    let mut signatures = Vec::new();
    for (index, entry) in list.split(',').enumerate() {
        let (version, signature) = entry.trim().split_once('=').filter(|_| index < MAX_SIGNATURES)?;
        if version == "v1" {
            signatures.push(hex_signature(signature)?);
        }
    }
    Some(signatures).filter(|signatures| !signatures.is_empty())
}

/// The header with which PagerDuty would send `body`.
#[cfg(any(test, feature = "test-support"))]
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> (&'static str, String) {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = format!("v1={}", hex::encode(aws_lc_rs::hmac::sign(&key, body)));
    (SIGNATURE, signature)
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::webhook::{Generation, Keys, Unverified};

    // Computed with another implementation of HMAC, which also gives what PagerDuty's own client is tested with.
    const SECRET: &str = "pagerduty-signing-secret";
    const BODY: &[u8] = br#"{"event":{"id":"01"}}"#;
    const HEX: &str = "365b24742a550aa99a958b1f9c2d8263e2bf462f709d1b92ac0c700558b4ac72";

    fn check(values: &[&str], body: &[u8], secret: &str) -> Result<Generation, WebhookError> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
            headers.append(HeaderName::from_static(SIGNATURE), value);
        }
        let keys = Keys::<PagerDuty>::new(&secret.into()).expect("a secret");
        Unverified::new(headers, Bytes::copy_from_slice(body))
            .verify(&keys, Timestamp::UNIX_EPOCH)
            .map(|verified| verified.generation())
    }

    #[test]
    fn a_known_signature_is_good_and_no_other_body_or_secret_has_it() {
        let signed = format!("v1={HEX}");
        assert_eq!(sign(SECRET, BODY), (SIGNATURE, signed.clone()));
        assert_eq!(check(&[&signed], BODY, SECRET), Ok(Generation::Current));
        for body in [
            &b""[..],
            br#"{"event":{"id":"02"}}"#,
            br#"{"event":{"id":"01"}} "#,
        ] {
            assert_eq!(check(&[&signed], body, SECRET), Err(WebhookError::Mismatch));
        }
        assert_eq!(check(&[&signed], BODY, "another"), Err(WebhookError::Mismatch));
    }

    #[test]
    fn one_of_several_signatures_suffices_and_other_versions_count_for_nothing() {
        let zeros = "0".repeat(64);
        for list in [
            format!("v1={zeros},v1={HEX}"),
            format!("v1={HEX},v1={zeros}"),
            format!("v2=whatever it is, v1={HEX}"),
        ] {
            assert_eq!(check(&[&list], BODY, SECRET), Ok(Generation::Current), "{list}");
        }
        let other_version = format!("v1={zeros},v0={HEX}");
        assert_eq!(
            check(&[&other_version], BODY, SECRET),
            Err(WebhookError::Mismatch)
        );
    }

    #[test]
    fn what_is_not_exactly_of_the_form_is_refused() {
        let (upper, many) = (HEX.to_uppercase(), vec![format!("v1={HEX}"); 17].join(","));
        for wrong in [
            "",
            "v1=",
            HEX,
            &format!("v0={HEX}"),
            &format!("V1={HEX}"),
            &format!("v1={upper}"),
            &format!("v1={HEX}00"),
            &format!("v1={}", &HEX[2..]),
            &format!("v1= {HEX}"),
            &format!("v1={HEX},"),
            &format!("v1={HEX},v1=00"),
            &format!("v1={}", "é".repeat(32)),
            &many,
        ] {
            assert_eq!(
                check(&[wrong], BODY, SECRET),
                Err(WebhookError::Malformed(SIGNATURE)),
                "{wrong}"
            );
        }
        assert_eq!(check(&[], BODY, SECRET), Err(WebhookError::Missing(SIGNATURE)));
        let signed = format!("v1={HEX}");
        let twice = check(&[&signed, &signed], BODY, SECRET);
        assert_eq!(twice, Err(WebhookError::Repeated(SIGNATURE)));
    }

    proptest! {
        #[test]
        fn no_signature_that_is_guessed_is_good(guessed in "(v[01]=[0-9a-f]{64},?){1,3}", body: Vec<u8>) {
            prop_assert!(check(&[&guessed], &body, SECRET).is_err());
        }
    }
}
