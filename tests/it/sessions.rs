//! Who gets in with a session token, and who does not: against an issuer that publishes its keys over HTTP, and
//! attackers who know everything but those keys.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::{encoding::AsDer as _, signature::RsaPublicKeyComponents};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures_util::{FutureExt as _, future::join_all};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{
    auth::{
        FETCH_TIMEOUT, FRESH, Jwks, MAX_JWKS_BYTES, MAX_KEYS, MAX_TOKEN_LIFETIME, PemError, REFETCH_INTERVAL,
        RETRY_WITHOUT_KEYS, STALE, Session, SessionError, SessionVerifier,
        fake::{FakeIssuer, SignedIn, Signing, SigningKey},
    },
    clock::{Clock as _, FixedClock, Timestamp, until},
    task::MemberRole,
    telemetry::Causes,
};

const APP: &str = "https://app.infragpt.example";

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_780_000_000, 0).expect("a time")
}

fn alice() -> SignedIn {
    SignedIn::new("user_2alice", "sess_2alice", APP).in_organization("org_2acme", "acme", "org:admin", &[])
}

fn verifier(issuer: &str, keys: Jwks, clock: &FixedClock) -> SessionVerifier {
    let parties = vec!["https://other.infragpt.example".to_owned(), APP.to_owned()];
    SessionVerifier::new(issuer.to_owned(), keys, parties, Arc::new(clock.clone()))
}

/// An issuer, and somebody who takes its tokens.
struct Story {
    issuer: FakeIssuer,
    clock: FixedClock,
    verifier: SessionVerifier,
}

impl Story {
    /// Where nobody has asked for the keys yet.
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await.expect("a free port");
        let clock = FixedClock::at(noon());
        let keys = Jwks::published(&issuer.jwks_url(), Arc::new(clock.clone())).expect("a loopback url");
        let verifier = verifier(&issuer.url(), keys, &clock);
        Self {
            issuer,
            clock,
            verifier,
        }
    }

    /// Where the keys are known.
    async fn warm() -> Self {
        let story = Self::new().await;
        story.expect_alice().await;
        assert_eq!(story.issuer.fetches(), 1);
        story
    }

    /// Alice's token of now.
    fn token(&self) -> String {
        self.issuer.token(&alice(), self.clock.now())
    }

    /// The same, with other parts than Clerk would give it, and signed by Clerk all the same.
    fn forged(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let (mut header, mut payload) = self.parts();
        change(&mut header, &mut payload);
        self.issuer.key().sign(&header, &payload)
    }

    fn parts(&self) -> (Value, Value) {
        let payload = alice().payload(&self.issuer.url(), self.clock.now());
        (self.issuer.key().header(), payload)
    }

    async fn verify(&self, token: &str) -> Result<Session, SessionError> {
        self.verifier.verify(token).await
    }

    /// By which rule a token is refused.
    async fn refusal(&self, token: &str) -> &'static str {
        match self.verify(token).await {
            Err(error) => error.reason(),
            Ok(session) => panic!("taken: {session:?}"),
        }
    }

    async fn expect_alice(&self) {
        let session = self.verify(&self.token()).await.expect("a good token");
        assert_eq!(session.user_id, "user_2alice");
    }

    async fn expect_outage(&self) -> SessionError {
        let error = self.verify(&self.token()).await.expect_err("an outage");
        assert!(error.is_outage(), "{error:?}");
        error
    }
}

/// Takes a field away.
fn without(object: &mut Value, field: &str) {
    object
        .as_object_mut()
        .expect("an object")
        .remove(field)
        .expect("the field was there");
}

#[tokio::test]
async fn a_token_says_who_where_and_until_when() {
    let story = Story::new().await;
    let session = story.verify(&story.token()).await.expect("a good token");
    assert_eq!(session.user_id, "user_2alice");
    assert_eq!(session.session_id, "sess_2alice");
    assert_eq!(session.authorized_party, APP);
    assert_eq!(session.issued_at, noon());
    assert_eq!(session.expires_at, noon() + Duration::from_mins(1));
    let organization = session.organization.clone().expect("an organization");
    assert_eq!(
        (organization.id.as_str(), organization.slug.as_str()),
        ("org_2acme", "acme")
    );
    assert_eq!(organization.role, MemberRole::Admin);
    let shown = format!("{session:?}");
    assert!(
        shown.contains("user_2alice") && shown.contains("org_2acme"),
        "{shown}"
    );
    assert!(!shown.contains("\"acme\"") && !shown.contains(APP), "{shown}");

    let nowhere = SignedIn::new("user_2bob", "sess_2bob", APP);
    let session = story
        .verify(&story.issuer.token(&nowhere, noon()))
        .await
        .expect("a good token");
    assert_eq!(
        (session.user_id.as_str(), session.organization),
        ("user_2bob", None)
    );
}

#[tokio::test]
async fn tokens_of_both_versions_say_the_same() {
    let story = Story::new().await;
    for (role, permissions, expected) in [
        ("org:admin", &[][..], MemberRole::Admin),
        ("org:member", &[][..], MemberRole::Member),
        (
            "org:oncall",
            &["org:infragpt:read", "org:teams:manage"][..],
            MemberRole::Member,
        ),
        (
            "org:oncall",
            &["org:teams:read", "org:infragpt:read", "org:infragpt:manage"][..],
            MemberRole::Admin,
        ),
    ] {
        let second = SignedIn::new("user_2bob", "sess_2bob", APP).in_organization(
            "org_2acme",
            "acme",
            role,
            permissions,
        );
        let first = second.clone().version_1();
        let first = story
            .verify(&story.issuer.token(&first, noon()))
            .await
            .expect("version 1");
        let second = story
            .verify(&story.issuer.token(&second, noon()))
            .await
            .expect("version 2");
        assert_eq!(first, second);
        assert_eq!(
            second.organization.map(|organization| organization.role),
            Some(expected),
            "{role} {permissions:?}"
        );
    }
}

#[tokio::test]
async fn a_permission_beyond_the_numbers_of_javascript_is_found_in_its_bit_and_no_other() {
    let story = Story::new().await;
    // 2^53, 2^130, and both one less: every bit but that one.
    for (bit, mask, role) in [
        (53, "9007199254740992", MemberRole::Admin),
        (53, "9007199254740991", MemberRole::Member),
        (130, "1361129467683753853853498429727072845824", MemberRole::Admin),
        (
            130,
            "1361129467683753853853498429727072845823",
            MemberRole::Member,
        ),
    ] {
        let names: Vec<_> = (0..=bit)
            .map(|index| {
                if index == bit {
                    "manage".to_owned()
                } else {
                    format!("p{index}")
                }
            })
            .collect();
        let token = story.forged(|_, payload| {
            payload["fea"] = "u:profile,o:infragpt".into();
            payload["o"]["rol"] = "oncall".into();
            payload["o"]["per"] = names.join(",").into();
            payload["o"]["fpm"] = mask.into();
        });
        let session = story.verify(&token).await.expect("a good token");
        assert_eq!(
            session.organization.map(|organization| organization.role),
            Some(role),
            "{mask}"
        );
    }
}

#[tokio::test]
async fn nothing_is_taken_that_is_not_signed_with_rs256_by_the_issuers_key() {
    let story = Story::warm().await;
    let key = story.issuer.key();
    let (header, payload) = story.parts();
    let as_alg = |alg: &str| {
        let mut header = header.clone();
        header["alg"] = alg.into();
        header
    };

    // What the token says itself is refused before any key is looked at.
    let public = (key.public_key_pem(), key.public_key_der());
    for (alg, signing) in [
        ("none", Signing::None),
        ("None", Signing::None),
        ("HS256", Signing::Hs256(public.0.as_bytes())),
        ("HS256", Signing::Hs256(&public.1)),
        ("RS384", Signing::Rs384),
        ("RS512", Signing::Rs512),
        ("PS256", Signing::Ps256),
        ("rs256", Signing::Rs256),
    ] {
        let token = key.sign_as(signing, &as_alg(alg), &payload);
        assert_eq!(story.refusal(&token).await, "algorithm", "{alg} {signing:?}");
    }
    // And a lie about it does not help.
    for signing in [
        Signing::None,
        Signing::Hs256(public.0.as_bytes()),
        Signing::Hs256(&public.1),
        Signing::Rs384,
        Signing::Rs512,
        Signing::Ps256,
    ] {
        let token = key.sign_as(signing, &header, &payload);
        assert_eq!(story.refusal(&token).await, "signature", "{signing:?}");
    }
    let stranger = SigningKey::number(1);
    assert_eq!(
        story.refusal(&stranger.sign(&header, &payload)).await,
        "signature",
        "another key under our name"
    );
    assert_eq!(
        story.refusal(&stranger.sign(&stranger.header(), &payload)).await,
        "unknown_key"
    );
    story.expect_alice().await;
}

#[tokio::test]
async fn an_altered_payload_is_refused_whatever_it_says() {
    let story = Story::warm().await;
    let token = story.token();
    let parts: Vec<_> = token.split('.').collect();
    let mut payload = story.parts().1;
    payload["sub"] = "user_2mallory".into();
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    assert_eq!(
        story
            .refusal(&format!("{}.{payload}.{}", parts[0], parts[2]))
            .await,
        "signature"
    );
    // Not even that claims would be wrong is told to who cannot sign.
    let expired = URL_SAFE_NO_PAD.encode(r#"{"exp":1}"#);
    assert_eq!(
        story
            .refusal(&format!("{}.{expired}.{}", parts[0], parts[2]))
            .await,
        "signature"
    );
}

#[tokio::test]
async fn a_header_of_another_kind_of_token_is_refused() {
    let story = Story::warm().await;
    for (field, value, reason) in [
        ("cat", json!("cl_B7d4PD222AAA"), "category"), // a template's
        ("cat", json!("cl_B7d4PD333AAA"), "category"), // a machine's
        ("cat", json!(""), "category"),
        ("typ", json!("at+jwt"), "type"),
        ("typ", json!("jwt"), "type"),
        ("crit", json!(["b64"]), "extensions"),
        ("crit", json!([]), "extensions"),
        ("crit", json!(null), "extensions"),
        ("kid", json!(""), "key_id"),
        ("kid", json!("k".repeat(129)), "key_id"),
        ("kid", json!(7), "malformed"),
        ("alg", json!(["RS256"]), "malformed"),
    ] {
        let token = story.forged(|header, _| header[field] = value.clone());
        assert_eq!(story.refusal(&token).await, reason, "{field} {value}");
    }
    assert_eq!(
        story
            .refusal(&story.forged(|header, _| without(header, "kid")))
            .await,
        "key_id"
    );
    assert_eq!(story.issuer.fetches(), 1);

    for token in [
        story.forged(|header, _| header["cat"] = "cl_I7d4PD111III".into()),
        story.forged(|header, _| without(header, "cat")),
        story.forged(|header, _| without(header, "typ")),
    ] {
        story.verify(&token).await.expect("a good token");
    }
}

#[tokio::test]
async fn claims_that_clerk_would_not_make_for_us_are_refused() {
    let story = Story::warm().await;
    let issuer = story.issuer.url();
    for (claim, value, reason) in [
        ("iss", json!("https://clerk.evil.example"), "issuer"),
        ("iss", json!(format!("{issuer}/")), "issuer"),
        ("iss", json!([issuer]), "claims"),
        ("azp", json!("https://evil.example"), "authorized_party"),
        ("azp", json!(format!("{APP}/")), "authorized_party"),
        ("azp", json!(""), "authorized_party"),
        ("sts", json!("pending"), "inactive"),
        ("sts", json!("anything"), "inactive"),
        ("sub", json!("mch_2machine"), "claim"),
        ("sub", json!("user_"), "claim"),
        ("sub", json!("user_2alice' or 1=1"), "claim"),
        ("sub", json!(format!("user_{}", "a".repeat(124))), "claim"),
        ("sid", json!("user_2alice"), "claim"),
        ("exp", json!("1780000060"), "claim"),
        ("exp", json!(1_780_000_060.5), "claims"),
        ("exp", json!(-1), "claim"),
        ("iat", json!("1780000000"), "claims"),
        ("iat", json!(i64::MAX), "claim"),
        ("nbf", json!(i64::MAX), "claim"),
        ("exp", json!(i64::MAX), "claim"),
        ("v", json!(3), "claims"),
        ("o", json!({ "id": "acme", "rol": "admin" }), "claim"),
        ("o", json!({ "rol": "admin" }), "claims"),
        ("o", json!("org_2acme"), "claims"),
    ] {
        let token = story.forged(|_, payload| payload[claim] = value.clone());
        assert_eq!(story.refusal(&token).await, reason, "{claim} {value}");
    }
    for (claim, reason) in [
        ("sub", "claim"),
        ("sid", "claim"),
        ("iat", "claim"),
        ("nbf", "claim"),
        ("exp", "claim"),
        ("iss", "claim"),
        ("azp", "authorized_party"),
    ] {
        let token = story.forged(|_, payload| without(payload, claim));
        assert_eq!(story.refusal(&token).await, reason, "without {claim}");
        let token = story.forged(|_, payload| payload[claim] = Value::Null);
        assert_eq!(story.refusal(&token).await, reason, "{claim} is null");
    }
    // The status is younger than some instances.
    let token = story.forged(|_, payload| without(payload, "sts"));
    story.verify(&token).await.expect("a good token");
}

#[tokio::test]
async fn a_token_is_good_from_its_first_second_to_its_last_and_five_on_both_sides() {
    let story = Story::warm().await;
    let in_seconds = |claim: &'static str, seconds: i64| {
        story.forged(|_, payload| payload[claim] = (noon().timestamp() + seconds).into())
    };
    for (claim, good, bad, reason) in [
        ("exp", -4, -5, "expired"),
        ("nbf", 5, 6, "not_yet"),
        ("iat", 5, 6, "issued_later"),
    ] {
        story
            .verify(&in_seconds(claim, good))
            .await
            .expect("within the skew");
        assert_eq!(
            story.refusal(&in_seconds(claim, bad)).await,
            reason,
            "{claim} {bad}"
        );
    }

    // And the one that Clerk makes, as time passes.
    let token = story.token();
    story.clock.advance(Duration::from_secs(64));
    story.verify(&token).await.expect("4 s past its time");
    story.clock.advance(Duration::from_secs(2));
    assert_eq!(story.refusal(&token).await, "expired", "6 s past its time");
}

#[tokio::test]
async fn a_token_that_would_outlive_the_memory_of_ended_sessions_is_refused() {
    let story = Story::warm().await;
    let for_seconds = |seconds: u64| {
        story.forged(|_, payload| payload["exp"] = (noon() + Duration::from_secs(seconds)).timestamp().into())
    };
    let day = MAX_TOKEN_LIFETIME.as_secs();
    story.verify(&for_seconds(day)).await.expect("a day");
    for longer in [day + 1, 25 * 60 * 60] {
        assert_eq!(story.refusal(&for_seconds(longer)).await, "lifetime");
    }
}

#[tokio::test]
async fn no_header_makes_us_ask_anybody_else_for_a_key() {
    let story = Story::warm().await;
    let attacker = FakeIssuer::start().await.expect("a free port");
    attacker.rotate();
    let url = attacker.jwks_url();
    let (mut header, mut payload) = story.parts();
    header["jku"] = url.as_str().into();
    header["x5u"] = url.as_str().into();
    header["jwk"] = attacker.key().jwk();
    let under = |kid: Value| {
        let mut header = header.clone();
        header["kid"] = kid;
        header
    };
    let ours = header["kid"].clone();
    story.clock.advance(REFETCH_INTERVAL);
    for issuer in [story.issuer.url(), attacker.url()] {
        payload["iss"] = issuer.into();
        assert_eq!(
            story
                .refusal(&attacker.key().sign(&under(ours.clone()), &payload))
                .await,
            "signature"
        );
        let token = attacker.key().sign(&under(attacker.key().kid().into()), &payload);
        assert_eq!(story.refusal(&token).await, "unknown_key");
        let token = attacker.key().sign(&under(url.as_str().into()), &payload);
        assert_eq!(story.refusal(&token).await, "unknown_key");
    }
    assert_eq!((attacker.fetches(), story.issuer.fetches()), (0, 2));
}

#[tokio::test]
async fn a_token_longer_than_clerk_makes_is_not_looked_at() {
    let story = Story::warm().await;
    let padded = |bytes: usize| story.forged(|_, payload| payload["note"] = "x".repeat(bytes).into());
    let long = padded(5_000);
    assert!((7_000..8_192).contains(&long.len()), "{}", long.len());
    story.verify(&long).await.expect("a good token");
    let longer = padded(6_000);
    assert!(longer.len() > 8_192);
    assert_eq!(story.refusal(&longer).await, "too_long");
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let story = Story::warm().await;
    let token = story.token();
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let nested = URL_SAFE_NO_PAD.encode(format!(
        r#"{{"alg":"RS256","a":{}{}}}"#,
        "[".repeat(1_200),
        "]".repeat(1_200)
    ));
    for garbage in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        signed,
        &format!("{token}."),
        &format!(".{token}"),
        &format!("{token}.{signature}"),
        &format!("{token}="),
        &format!(" {token}"),
        &format!("{token}\n"),
        &format!("Bearer {token}"),
        &format!("{nested}.{nested}.{signature}"),
        &URL_SAFE_NO_PAD.encode("[]").repeat(2),
        "eyJhbGciOiJSUzI1NiJ9..",
        "\u{0}\u{0}\u{0}",
        "ключ.ключ.ключ",
    ] {
        let refusal = story.refusal(garbage).await;
        assert!(matches!(refusal, "malformed" | "key_id"), "{garbage}: {refusal}");
    }
    assert_eq!(story.refusal(&format!("{signed}.")).await, "signature");
    assert_eq!(story.issuer.fetches(), 1);
}

#[tokio::test]
async fn a_refusal_repeats_nothing_of_the_token() {
    let story = Story::warm().await;
    for token in [
        story.forged(|_, payload| payload["sub"] = "hunter2".into()),
        story.forged(|_, payload| payload["azp"] = "hunter2".into()),
        story.forged(|_, payload| payload["exp"] = "hunter2".into()),
        story.forged(|_, payload| payload["o"] = "hunter2".into()),
        story.forged(|header, _| header["kid"] = "hunter2".into()),
        story.forged(|header, _| header["alg"] = "hunter2".into()),
    ] {
        let error = story.verify(&token).await.expect_err("a bad token");
        let shown = format!("{error} {error:?} {} {}", Causes(&error), error.reason());
        assert!(!shown.contains("hunter2") && !shown.contains("eyJ"), "{shown}");
        assert!(!error.is_outage(), "{shown}");
    }
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_question_in_half_a_minute() {
    let story = Story::warm().await;
    let flood = async |round: usize| {
        for number in 0..50 {
            let token = story.forged(|header, _| header["kid"] = format!("ins_{round}_{number}").into());
            assert_eq!(story.refusal(&token).await, "unknown_key");
        }
    };
    flood(0).await;
    assert_eq!(story.issuer.fetches(), 1);
    for round in 1..=3 {
        story.clock.advance(REFETCH_INTERVAL);
        flood(round).await;
        assert_eq!(story.issuer.fetches(), 1 + round);
    }
    story.expect_alice().await;
}

#[tokio::test]
async fn those_who_come_together_wait_for_one_answer() {
    let story = Story::new().await;
    let token = story.token();
    let verified = join_all((0..20).map(|_| story.verify(&token))).await;
    assert!(verified.iter().all(Result::is_ok), "{verified:?}");
    assert_eq!(story.issuer.fetches(), 1);

    story.clock.advance(FRESH);
    let token = story.token();
    let verified = join_all((0..20).map(|_| story.verify(&token))).await;
    assert!(verified.iter().all(Result::is_ok), "{verified:?}");
    assert_eq!(story.issuer.fetches(), 2);
}

#[tokio::test]
async fn a_rotated_key_is_taken_and_the_old_one_is_not_any_more() {
    let story = Story::warm().await;
    let old = story.issuer.key();
    let of_the_old = || {
        let payload = alice().payload(&story.issuer.url(), story.clock.now());
        old.sign(&old.header(), &payload)
    };
    story.issuer.rotate();
    story
        .verify(&of_the_old())
        .await
        .expect("nobody has heard of it yet");

    story.clock.advance(REFETCH_INTERVAL);
    story.expect_alice().await;
    assert_eq!(story.issuer.fetches(), 2);
    assert_eq!(story.refusal(&of_the_old()).await, "unknown_key");
    story.expect_alice().await;
}

#[tokio::test]
async fn a_withdrawn_key_ends_in_five_minutes_also_where_nobody_brings_a_newer_one() {
    let story = Story::warm().await;
    let old = story.issuer.key();
    story.issuer.rotate();
    story.clock.advance(FRESH);
    let payload = alice().payload(&story.issuer.url(), story.clock.now());
    assert_eq!(
        story.refusal(&old.sign(&old.header(), &payload)).await,
        "unknown_key"
    );
    assert_eq!(story.issuer.fetches(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_away_at_the_start_is_an_outage_and_no_refusal() {
    let story = Story::new().await;
    story.issuer.set_down(true);
    let error = story.expect_outage().await;
    assert_eq!(
        Causes(&error).to_string(),
        "tokens cannot be verified: the issuer's keys cannot be had: http status 503"
    );
    // The rest of a crowd is answered without asking, and it is asked again soon.
    story.expect_outage().await;
    assert_eq!(story.issuer.fetches(), 1);
    story.clock.advance(RETRY_WITHOUT_KEYS);
    story.expect_outage().await;
    assert_eq!(story.issuer.fetches(), 2);

    story.issuer.set_down(false);
    story.clock.advance(RETRY_WITHOUT_KEYS);
    story.expect_alice().await;
    // A token that is none is none, also in an outage.
    assert_eq!(Story::new().await.refusal("a.b.c").await, "malformed");
}

#[tokio::test]
async fn an_issuer_that_goes_away_is_not_noticed_for_a_day() {
    let story = Story::warm().await;
    story.issuer.set_down(true);
    story.clock.advance(FRESH);
    story.expect_alice().await;
    assert_eq!(story.issuer.fetches(), 2);
    // Whether this key is a new one of the issuer's, nobody can know.
    let token = story.forged(|header, _| header["kid"] = "ins_new".into());
    assert_eq!(story.refusal(&token).await, "unavailable");
    story.expect_alice().await;
    assert_eq!(
        story.issuer.fetches(),
        2,
        "nobody waits again within half a minute"
    );
    story.clock.advance(REFETCH_INTERVAL);
    story.expect_alice().await;
    assert_eq!(story.issuer.fetches(), 3);

    let left = until(story.clock.now(), noon() + STALE);
    story.clock.advance(left.saturating_sub(Duration::from_secs(1)));
    story.expect_alice().await;
    story.clock.advance(Duration::from_secs(1));
    story.expect_outage().await;

    story.issuer.set_down(false);
    story.clock.advance(REFETCH_INTERVAL);
    story.expect_alice().await;
}

#[tokio::test]
async fn an_issuer_that_hangs_is_waited_for_once_and_not_for_long() {
    let story = Story::new().await;
    story.issuer.hang();
    let begun = Instant::now();
    let token = story.token();
    let answers = join_all((0..10).map(|_| story.verify(&token))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().is_err_and(SessionError::is_outage)),
        "{answers:?}"
    );
    let took = begun.elapsed();
    assert!((FETCH_TIMEOUT..FETCH_TIMEOUT * 2).contains(&took), "{took:?}");
    assert_eq!(story.issuer.fetches(), 1);

    story.issuer.set_down(false);
    story.clock.advance(RETRY_WITHOUT_KEYS);
    story.expect_alice().await;
}

/// As when a client hangs up, or Lambda ends an invocation.
#[tokio::test]
async fn who_goes_away_while_waiting_leaves_nothing_locked() {
    let story = Story::new().await;
    story.issuer.hang();
    let token = story.token();
    tokio::select! {
        answer = story.verify(&token) => panic!("{answer:?}"),
        () = story.issuer.until_fetches(1) => {}
    }
    story.issuer.set_down(false);
    story.expect_outage().await;
    assert_eq!(story.issuer.fetches(), 1);
    story.clock.advance(RETRY_WITHOUT_KEYS);
    story.expect_alice().await;
}

#[tokio::test]
async fn what_is_no_key_set_is_an_outage_and_does_not_replace_one() {
    let large = json!({ "keys": [SigningKey::number(0).jwk()] }).to_string() + &" ".repeat(MAX_JWKS_BYTES);
    let deep = format!(r#"{{"keys":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for body in [
        "",
        "hunter2",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        r#"{"keys":[7]}"#,
        "<html>",
        &large,
        &deep,
    ] {
        let cold = Story::new().await;
        cold.issuer.serve(body);
        let error = cold.expect_outage().await;
        assert!(!format!("{} {error:?}", Causes(&error)).contains("hunter2"));

        let warm = Story::warm().await;
        warm.issuer.serve(body);
        warm.clock.advance(FRESH);
        warm.expect_alice().await;
        assert_eq!(warm.issuer.fetches(), 2);
    }
}

/// The key of a set in other words, and whether tokens are taken that name it.
async fn takes(keys: impl FnOnce(&Value) -> Vec<Value>) -> bool {
    let story = Story::new().await;
    let mut keys = keys(&story.issuer.key().jwk());
    // There is always one that is good, so that the set is never without.
    keys.push(SigningKey::number(1).jwk());
    story.issuer.serve(&json!({ "keys": keys }).to_string());
    match story.verify(&story.token()).await {
        Ok(_) => true,
        Err(SessionError::UnknownKey) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn only_a_key_that_tokens_may_be_signed_with_is_kept() {
    let with = |changes: Value| {
        takes(move |key| {
            let mut key = key.clone();
            for (field, value) in changes.as_object().expect("changes") {
                key[field] = value.clone();
            }
            vec![key]
        })
    };
    for good in [
        json!({}),
        json!({ "use": null }),
        json!({ "alg": null }),
        json!({ "x5c": 7, "new": [] }),
    ] {
        assert!(with(good.clone()).await, "{good}");
    }
    let small = URL_SAFE_NO_PAD.encode([0xff; 128]);
    let large = URL_SAFE_NO_PAD.encode([0xff; 2048]);
    for bad in [
        json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB" }),
        json!({ "kty": "oct", "k": "AQAB" }),
        json!({ "kty": "rsa" }),
        json!({ "use": "enc" }),
        json!({ "alg": "RS512" }),
        json!({ "alg": "HS256" }),
        json!({ "kid": null }),
        json!({ "n": small }),
        json!({ "n": large }),
        json!({ "n": "" }),
        json!({ "n": "not base64" }),
        json!({ "e": "" }),
        // One, with which everybody could sign.
        json!({ "e": "AQ" }),
    ] {
        assert!(!with(bad.clone()).await, "{bad}");
    }
}

#[tokio::test]
async fn a_key_is_found_among_others_but_not_among_any_number() {
    let others = |count: usize| {
        (0..count).map(|number| {
            let mut other = SigningKey::number(1).jwk();
            other["kid"] = format!("ins_other{number}").into();
            other
        })
    };
    let behind = |count| takes(move |key| others(count).chain([key.clone()]).collect());
    assert!(behind(MAX_KEYS - 1).await);
    assert!(!behind(MAX_KEYS).await);
    // What is not usable does not count, and is no reason to give up.
    let junk = [json!(7), json!({ "kty": "EC" }), json!(null)];
    assert!(takes(move |key| junk.into_iter().cycle().take(100).chain([key.clone()]).collect()).await);
}

#[tokio::test]
async fn a_pinned_key_never_makes_us_ask() {
    let issuer = FakeIssuer::start().await.expect("a free port");
    let clock = FixedClock::at(noon());
    let pem = issuer.public_key_pem();
    for pem in [
        pem.clone(),
        pem.replace('\n', "\\n"),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', " "),
    ] {
        let verifier = verifier(&issuer.url(), Jwks::pinned(&pem).expect("a public key"), &clock);
        let key = issuer.key();
        let payload = alice().payload(&issuer.url(), noon());
        let under = |kid: Value| {
            let mut header = key.header();
            header["kid"] = kid;
            header
        };
        verifier
            .verify(&issuer.token(&alice(), noon()))
            .await
            .expect("a good token");
        let token = key.sign(&under("ins_whatever".into()), &payload);
        verifier.verify(&token).await.expect("its name does not matter");
        let token = key.sign(&under(Value::Null), &payload);
        assert_eq!(verifier.verify(&token).await, Err(SessionError::KeyId));
        let token = SigningKey::number(1).sign(&key.header(), &payload);
        assert_eq!(verifier.verify(&token).await, Err(SessionError::Signature));
        let token = key.sign_as(Signing::Hs256(pem.as_bytes()), &key.header(), &payload);
        assert_eq!(verifier.verify(&token).await, Err(SessionError::Signature));
    }
    assert_eq!(issuer.fetches(), 0);
}

#[test]
fn only_a_public_rsa_key_of_some_size_can_be_pinned() {
    let block = |label: &str, der: &[u8]| {
        let base64 = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    };
    let pinned = |pem: &str| Jwks::pinned(pem).map(|_| ());
    let good = SigningKey::number(0).public_key_der();
    assert_eq!(pinned(&block("PUBLIC KEY", &good)), Ok(()));
    for malformed in [
        String::new(),
        STANDARD.encode(&good),
        block("PRIVATE KEY", &good),
        block("RSA PRIVATE KEY", &good),
        block("CERTIFICATE", &good),
        block("PUBLIC KEY", &good).replace("END", ""),
        block("PUBLIC KEY", &good).replace("MII", "M!I"),
        block("PUBLIC KEY", &good).repeat(2),
    ] {
        assert_eq!(pinned(&malformed), Err(PemError::Malformed), "{malformed}");
    }
    let small = RsaPublicKeyComponents {
        n: &[0xff; 128][..],
        e: &[1, 0, 1][..],
    };
    let small = small.as_der().expect("a public key");
    assert_eq!(pinned(&block("PUBLIC KEY", small.as_ref())), Err(PemError::Unfit));
    let curve = rcgen::KeyPair::generate().expect("a key").public_key_pem();
    assert_eq!(pinned(&curve), Err(PemError::Unfit));
    assert_eq!(pinned(&block("PUBLIC KEY", b"hunter2")), Err(PemError::Unfit));
}

#[test]
fn keys_are_only_asked_for_where_nobody_can_answer_in_the_issuers_place() {
    let clock = Arc::new(FixedClock::at(noon()));
    let published = |url: &str| Jwks::published(url, clock.clone()).is_ok();
    assert!(published("https://clerk.infragpt.example/.well-known/jwks.json"));
    assert!(!published("http://clerk.infragpt.example/.well-known/jwks.json"));
    assert!(!published("/.well-known/jwks.json"));
}

/// The answer of a verifier that need not ask anybody.
fn refused(token: &str) -> bool {
    let key = SigningKey::number(0);
    let clock = FixedClock::at(noon());
    let keys = Jwks::pinned(&key.public_key_pem()).expect("a public key");
    let verifier = verifier("https://clerk.infragpt.example", keys, &clock);
    verifier
        .verify(token)
        .now_or_never()
        .expect("an answer at once")
        .is_err()
}

fn good_token() -> String {
    let key = SigningKey::number(0);
    key.sign(
        &key.header(),
        &alice().payload("https://clerk.infragpt.example", noon()),
    )
}

fn part() -> impl Strategy<Value = String> {
    let json = r#"\{"(alg|kid|typ|exp|sub)":("RS256"|"JWT"|"ins_fake0"|1|null|\{\}|\[\])(,"(kid|alg)":"[a-zA-Z0-9]{0,8}")?\}"#;
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        json.prop_map(|json| URL_SAFE_NO_PAD.encode(json)),
        "[A-Za-z0-9_=+/-]{0,40}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_refused(text: String) {
        prop_assert!(refused(&text));
    }

    #[test]
    fn anything_of_the_form_of_a_token_is_refused(parts in proptest::collection::vec(part(), 1..5)) {
        prop_assert!(refused(&parts.join(".")));
    }

    #[test]
    fn a_good_token_with_any_character_changed_is_refused(at: prop::sample::Index, by in "[A-Za-z0-9_.=-]") {
        let good = good_token();
        prop_assert!(!refused(&good));
        let at = at.index(good.len());
        let mut bad = good.clone();
        bad.replace_range(at..=at, &by);
        prop_assume!(bad != good);
        prop_assert!(refused(&bad));
    }
}
