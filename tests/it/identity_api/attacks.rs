//! Who does not get in. Each of these ends in the same 401, and in nothing being known of whoever tried.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    auth::fake::{FakeIssuer, Signing},
    clock::{Clock as _, Timestamp},
};
use tests::{
    gateway::Call,
    people::{People, Person, WEB_ORIGIN, bearer, read},
};

use super::{counted, plain, refusal};

const ME: &str = "/identity/me/";

/// A world with a member, her header and payload, and what a request with a token of any kind comes to.
struct Attack {
    people: People,
    ada: Person,
    header: Value,
    payload: Value,
}

impl Attack {
    async fn new() -> Self {
        let people = People::start().await.expect("a world");
        let ada = people.founder("acme");
        people.webhooks_come().await;
        let now = people.clock.now();
        Self {
            header: people.issuer.key().header(),
            payload: ada.signed_in().payload(&people.issuer.url(), now),
            people,
            ada,
        }
    }

    fn now(&self) -> Timestamp {
        self.people.clock.now()
    }

    /// The token with some claims changed; `null` removes one.
    fn with(&self, changes: &[(&str, Value)]) -> String {
        let payload = changed(&self.payload, changes);
        self.people.issuer.key().sign(&self.header, &payload)
    }

    /// The token with something changed in its header.
    fn with_header(&self, changes: &[(&str, Value)]) -> String {
        self.people
            .issuer
            .key()
            .sign(&changed(&self.header, changes), &self.payload)
    }

    async fn status(&self, token: &str) -> u16 {
        self.people.send(&bearer(ME, token, &json!({}))).await.status
    }

    /// Nobody gets in with the token, and nothing is told but that.
    async fn refuses(&self, case: &str, token: &str) {
        let answer = self.people.send(&bearer(ME, token, &json!({}))).await;
        assert_eq!(refusal(&answer), plain(401, "unauthenticated"), "{case}");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{case}");
        assert!(!answer.body.contains("acme"), "{case}: {}", answer.body);
    }
}

fn changed(object: &Value, changes: &[(&str, Value)]) -> Value {
    let mut object = object.clone();
    for (name, value) in changes {
        let fields = object.as_object_mut().expect("an object");
        if value.is_null() {
            fields.remove(*name);
        } else {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
    object
}

#[tokio::test]
async fn no_forged_borrowed_or_outdated_token_lets_anybody_in() {
    let attack = Attack::new().await;
    let key = attack.people.issuer.key();
    let stranger = FakeIssuer::start().await.expect("another issuer");
    stranger.rotate();
    let now = attack.now().timestamp();
    let signed = |signing, algorithm: &str| {
        let header = changed(&attack.header, &[("alg", json!(algorithm))]);
        key.sign_as(signing, &header, &attack.payload)
    };
    let good = attack.with(&[]);
    assert_eq!(
        attack.status(&good).await,
        200,
        "what all of these are made from is good"
    );

    let (pem, der) = (key.public_key_pem(), key.public_key_der());
    let cases = [
        ("alg=none", signed(Signing::None, "none")),
        ("alg=none with a signature", signed(Signing::Rs256, "none")),
        (
            "HS256 with the public key in PEM",
            signed(Signing::Hs256(pem.as_bytes()), "HS256"),
        ),
        (
            "HS256 with the public key in DER",
            signed(Signing::Hs256(&der), "HS256"),
        ),
        ("RS512", signed(Signing::Rs512, "RS512")),
        ("PS256", signed(Signing::Ps256, "PS256")),
        (
            "another key under our key's id",
            stranger.key().sign(&attack.header, &attack.payload),
        ),
        (
            "a key that the issuer does not have",
            attack.with_header(&[("kid", json!("ins_other"))]),
        ),
        ("without a key's id", attack.with_header(&[("kid", Value::Null)])),
        (
            "a token of another instance",
            attack.with(&[("iss", json!(stranger.url()))]),
        ),
        (
            "an issuer with a slash",
            attack.with(&[("iss", json!(format!("{}/", attack.people.issuer.url())))]),
        ),
        (
            "a token of a template",
            attack.with_header(&[("cat", json!("cl_B7d4PD222AAA"))]),
        ),
        (
            "a token for machines",
            attack.with_header(&[("cat", json!("cl_B7d4PD333AAA"))]),
        ),
        ("a pending session", attack.with(&[("sts", json!("pending"))])),
        ("expired by six seconds", attack.with(&[("exp", json!(now - 6))])),
        ("made in six seconds", attack.with(&[("iat", json!(now + 6))])),
        ("good in six seconds", attack.with(&[("nbf", json!(now + 6))])),
        ("for nobody", attack.with(&[("azp", Value::Null)])),
        (
            "for another site",
            attack.with(&[("azp", json!("https://evil.example.com"))]),
        ),
        ("without a session", attack.with(&[("sid", Value::Null)])),
        (
            "good for longer than a day",
            attack.with(&[("exp", json!(now + 25 * 3600))]),
        ),
        (
            "of 9 KiB",
            attack.with(&[("padding", json!("x".repeat(9 * 1024)))]),
        ),
        ("altered", good.replace('.', ".e30").replacen(".e30", ".", 1)),
        ("nonsense", "nonsense".to_owned()),
        ("twice", format!("{good},{good}")),
    ];
    let count = cases.len();
    for (case, token) in cases {
        attack.refuses(case, &token).await;
    }
    assert_eq!(counted(&attack.people, "SessionRefused", ""), count);
    for (case, token) in [
        (
            "expired four seconds ago",
            attack.with(&[("exp", json!(now - 4))]),
        ),
        ("made in four seconds", attack.with(&[("iat", json!(now + 4))])),
        (
            "of 7 KiB",
            attack.with(&[("padding", json!("x".repeat(5 * 1024)))]),
        ),
    ] {
        assert_eq!(attack.status(&token).await, 200, "{case}");
    }
}

#[tokio::test]
async fn a_header_that_points_to_a_key_makes_us_ask_nobody() {
    let attack = Attack::new().await;
    let evil = FakeIssuer::start().await.expect("an attacker's server");
    evil.rotate();
    let header = |kid: &str, pointer: &str, value: Value| {
        changed(&attack.header, &[("kid", json!(kid)), (pointer, value)])
    };
    for (pointer, value) in [
        ("jku", json!(evil.jwks_url())),
        ("x5u", json!(evil.jwks_url())),
        ("jwk", evil.key().jwk()),
    ] {
        let ours = attack.people.issuer.key().kid();
        for kid in [evil.key().kid(), ours] {
            let token = evil
                .key()
                .sign(&header(&kid, pointer, value.clone()), &attack.payload);
            attack.refuses(&format!("{pointer} and {kid}"), &token).await;
        }
    }
    assert_eq!(evil.fetches(), 0, "the attacker was asked");
}

/// A call without any token.
fn call() -> Call {
    Call::post(ME, "{}")
}

/// A call with a token in Clerk's cookie, among others.
fn with_cookie(token: &str) -> Call {
    call().with("cookie", &format!("other=1; __session={token}; theme=dark"))
}

const FROM: &str = "sec-fetch-site";
const EVIL: &str = "https://evil.example.com";

#[tokio::test]
async fn a_cookie_that_another_origin_sends_and_a_token_in_another_place_do_not_count() {
    let attack = Attack::new().await;
    let token = attack.with(&[]);
    let cookie = || with_cookie(&token);
    for (case, call) in [
        ("nothing", call()),
        ("a bare Bearer", call().with("authorization", "Bearer")),
        (
            "another scheme",
            call().with("authorization", &format!("Basic {token}")),
        ),
        ("the token alone", call().with("authorization", &token)),
        ("a cookie, and nothing says from where", cookie()),
        (
            "a cookie from another site",
            cookie().with(FROM, "cross-site").with("origin", EVIL),
        ),
        (
            "a cookie from a sister site",
            cookie().with(FROM, "same-site").with("origin", WEB_ORIGIN),
        ),
        (
            "a cookie from another origin, by a browser that says no more",
            cookie().with("origin", EVIL),
        ),
        (
            "a cookie of a session that was made elsewhere",
            cookie().with(FROM, "same-origin").with("origin", EVIL),
        ),
        (
            "a good cookie behind a bad bearer token",
            cookie()
                .with(FROM, "same-origin")
                .with("authorization", "Bearer x.y.z"),
        ),
    ] {
        assert_eq!(attack.people.send(&call).await.status, 401, "{case}");
    }
}

#[tokio::test]
async fn a_bearer_token_counts_and_a_cookie_of_the_same_origin() {
    let attack = Attack::new().await;
    let token = attack.with(&[]);
    let suffixed = format!("__session_x7={token}");
    for (case, call) in [
        (
            "a bearer token",
            call().with("authorization", &format!("Bearer {token}")),
        ),
        (
            "a bare Bearer and a cookie, as the web client sends them",
            with_cookie(&token)
                .with("authorization", "Bearer")
                .with(FROM, "same-origin"),
        ),
        (
            "a cookie, by a browser that says its origin alone",
            with_cookie(&token).with("origin", WEB_ORIGIN),
        ),
        (
            "a cookie with a suffix",
            call()
                .with("cookie", &suffixed)
                .with(FROM, "same-origin")
                .with("origin", WEB_ORIGIN),
        ),
        (
            "a stale cookie beside a good one",
            call()
                .with("cookie", &format!("__session=old.old.old; {suffixed}"))
                .with(FROM, "same-origin"),
        ),
    ] {
        assert_eq!(attack.people.send(&call).await.status, 200, "{case}");
    }
}

#[tokio::test]
async fn a_session_that_was_ended_opens_nothing_though_its_token_is_good() {
    let attack = Attack::new().await;
    let token = attack.with(&[]);
    assert_eq!(attack.status(&token).await, 200);
    attack.people.clerk.revoke_session(&attack.ada.session);
    attack.people.webhooks_come().await;
    attack.refuses("a revoked session", &token).await;

    // Another session of the same person is not touched.
    let other = attack.people.clerk.start_session(&attack.ada.id);
    let token = attack.with(&[("sid", json!(other))]);
    assert_eq!(attack.status(&token).await, 200);
}

#[tokio::test]
async fn a_membership_that_was_removed_a_moment_ago_opens_nothing() {
    let attack = Attack::new().await;
    let people = &attack.people;
    let grace = people.joiner("grace", &attack.ada);
    people.webhooks_come().await;
    let token = people.token(&grace);
    assert_eq!(attack.status(&token).await, 200);
    people.advance(Duration::from_secs(2));
    people.clerk.remove_member(&grace.organization, &grace.id);
    people.webhooks_come().await;
    let answer = people.send(&bearer(ME, &token, &json!({}))).await;
    assert_eq!(refusal(&answer), plain(403, "forbidden"));
    // A token that Clerk made before it knew of the end does not bring the membership back either.
    assert_eq!(attack.status(&people.token(&grace)).await, 403);

    // Whoever is taken in again gets in at once, webhook or not.
    people.advance(Duration::from_secs(10));
    people
        .clerk
        .add_member(&grace.organization, &grace.id, "org:member");
    let _rejoined = people.clerk.drain();
    assert_eq!(attack.status(&people.token(&grace)).await, 200);
}

#[tokio::test]
async fn who_was_an_admin_a_moment_ago_is_none_though_the_token_says_so() {
    let attack = Attack::new().await;
    let people = &attack.people;
    let token = people.token(&attack.ada);
    people.advance(Duration::from_secs(2));
    people
        .clerk
        .set_role(&attack.ada.organization, &attack.ada.id, "org:member");
    people.webhooks_come().await;
    let answer = people.send(&bearer("/identity/audit/", &token, &json!({}))).await;
    assert_eq!(refusal(&answer), plain(403, "forbidden"));

    people.advance(Duration::from_secs(10));
    people
        .clerk
        .set_role(&attack.ada.organization, &attack.ada.id, "org:admin");
    let _promoted = people.clerk.drain();
    people.advance(Duration::from_secs(10));
    let answer = people.post(&attack.ada, "/identity/audit/", &json!({})).await;
    assert_eq!(answer.status, 200, "and who has just become one is one at once");
}

#[tokio::test]
async fn whoever_was_deleted_at_clerk_is_gone_here_and_stays_gone() {
    let attack = Attack::new().await;
    let people = &attack.people;
    let grace = people.joiner("grace", &attack.ada);
    people.webhooks_come().await;
    people.clerk.delete_user(&grace.id);
    people.webhooks_come().await;
    people.advance(Duration::from_hours(1));
    attack.refuses("a deleted person", &people.token(&grace)).await;

    people.clerk.delete_organization(&attack.ada.organization);
    people.webhooks_come().await;
    people.advance(Duration::from_hours(1));
    let answer = people.post(&attack.ada, ME, &json!({})).await;
    assert_eq!(refusal(&answer), plain(403, "forbidden"));
}

#[tokio::test]
async fn a_body_for_one_organization_with_a_token_for_another_finds_nothing() {
    let attack = Attack::new().await;
    let eve = attack.people.founder("rival");
    attack.people.webhooks_come().await;
    let rivals = attack.people.me(&eve).await;
    let body = json!({"clerk_user_id": attack.ada.id, "clerk_org_id": attack.ada.organization});
    let answer = attack.people.post(&eve, ME, &body).await;
    assert_eq!(refusal(&answer), plain(404, "not_found"));
    let list = attack.people.post(&eve, "/identity/members/", &json!({})).await;
    assert_eq!(read(&list)["members"].as_array().map(Vec::len), Some(1));
    assert!(!list.body.contains("acme"), "{}", list.body);
    assert_ne!(rivals["id"], attack.people.me(&attack.ada).await["id"]);
}

#[tokio::test]
async fn a_body_that_is_too_much_is_refused_by_its_fault() {
    let attack = Attack::new().await;
    let token = attack.with(&[]);
    let with = |body: &[u8]| Call::post(ME, body).with("authorization", &format!("Bearer {token}"));
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(128), "]".repeat(128));
    for (case, call, status) in [
        (
            "64 KiB",
            with(format!(r#"{{"x":"{}"}}"#, "x".repeat(64 * 1024 - 8)).as_bytes()),
            200,
        ),
        (
            "more",
            with(format!(r#"{{"x":"{}"}}"#, "x".repeat(64 * 1024)).as_bytes()),
            413,
        ),
        ("nested too deep", with(deep.as_bytes()), 400),
        ("no JSON", with(b"clerk_user_id=1"), 400),
        ("not an object", with(b"[]"), 400),
        ("no body", with(b"").without("content-type"), 200),
        ("a form", with(b"{}").instead("content-type", "text/plain"), 415),
        ("compressed", with(b"{}").with("content-encoding", "gzip"), 415),
    ] {
        assert_eq!(attack.people.send(&call).await.status, status, "{case}");
    }
    // Nobody's body is read before they are known.
    let stranger = Call::post(ME, vec![b'x'; 5_000_000]);
    assert_eq!(attack.people.send(&stranger).await.status, 401);
}
