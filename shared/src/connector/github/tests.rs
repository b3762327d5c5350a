use std::time::Duration;

use serde_json::json;

use super::{GitHub, fake::FakeGitHub};
use crate::{
    clock::{FixedClock, Timestamp},
    config::Env,
    connector::{
        contract::{Connection, Connector, ConnectorError, DynConnector, Linked, Parts, Returned, Start},
        fake::{Trouble, Vendor as _},
    },
    id::{IntegrationId, OrganizationId},
    secret::manager::{MemorySecrets, SecretStore},
};

struct World {
    github: GitHub,
    fake: FakeGitHub,
    clock: FixedClock,
}

const CONNECTION: Connection<'_> = Connection {
    organization: OrganizationId::NIL,
    integration: IntegrationId::NIL,
    nonce: "",
    webhook_url: None,
    account: None,
    now: Timestamp::UNIX_EPOCH,
};

#[expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]
async fn world() -> World {
    let clock = FixedClock::at(Timestamp::from_timestamp(1_800_000_000, 0).expect("a time"));
    let fake = FakeGitHub::start(Some(std::sync::Arc::new(clock.clone())))
        .await
        .expect("a fake");
    let secrets = MemorySecrets::new();
    for (arn, value) in fake.secrets() {
        secrets.put(&arn, &value, Timestamp::UNIX_EPOCH);
    }
    let parts = Parts {
        clock: std::sync::Arc::new(clock.clone()),
        secrets: SecretStore::from_source(secrets),
        aws: aws_config::SdkConfig::builder().build(),
    };
    let mut env = Env::from_pairs(fake.variables());
    let github = GitHub::configure(&mut env, &parts).expect("a connector");
    fake.install(101, 1, "acme", 250);
    fake.show("ada", 101);
    fake.own("ada", 1);
    World { github, fake, clock }
}

impl World {
    async fn complete(
        &self,
        input: serde_json::Value,
    ) -> Result<Linked<crate::connector::contract::Credentials>, ConnectorError> {
        self.complete_with("", input).await
    }

    async fn complete_with(
        &self,
        code_verifier: &str,
        input: serde_json::Value,
    ) -> Result<Linked<crate::connector::contract::Credentials>, ConnectorError> {
        let returned = Returned { redirect_uri: "", code_verifier };
        DynConnector::complete(&self.github, CONNECTION, returned, input).await
    }
}

#[tokio::test]
async fn an_owner_connects_and_keeps_no_token_of_theirs() {
    let world = world().await;
    let code = world.fake.code("ada");
    let linked = world.complete(json!({ "code": code, "installation_id": "101", "setup_action": null })).await;
    let linked = linked.expect("a connection");
    assert_eq!(linked.account.external_id.as_deref(), Some("101"));
    assert_eq!(linked.account.name, "acme");
    assert_eq!(linked.installed_at.to_rfc3339(), "2026-01-01T00:00:00+00:00", "by GitHub's clock");
    assert_eq!(linked.account.metadata["permission_contents"], "read");
    assert_eq!(world.fake.user_tokens(), 0);
    let kept = serde_json::to_string(&linked.credentials).expect("json");
    assert!(!kept.contains("hunter2"), "{kept}");

    let again = world.complete(json!({ "code": code, "installation_id": 101 })).await;
    assert_eq!(again.expect_err("a code works once").reason(), "code_refused");
}

#[tokio::test]
async fn an_installation_id_that_is_somebody_elses_is_refused() {
    let world = world().await;
    world.fake.install(202, 2, "victim", 1);
    // Mallory cannot see it, then sees it because she can read a repository there, and owns nothing.
    for shown in [false, true] {
        if shown {
            world.fake.show("mallory", 202);
        }
        let code = world.fake.code("mallory");
        let refused = world.complete(json!({ "code": code, "installation_id": 202 })).await;
        assert_eq!(refused.expect_err("not hers").reason(), "installation_not_yours");
    }
    let refused = world.complete(json!({ "code": null, "installation_id": 202 })).await;
    assert_eq!(refused.expect_err("no proof").reason(), "invalid");
    assert_eq!(world.fake.user_tokens(), 0);
}

#[tokio::test]
async fn a_claim_names_the_choices_and_a_request_waits_for_an_owner() {
    let world = world().await;
    let claimed = world.complete(json!({ "code": world.fake.code("ada") })).await;
    assert_eq!(claimed.expect("the only one").account.id, "1");
    world.fake.install(102, 3, "other", 1);
    world.fake.show("ada", 102);
    let several = world.complete(json!({ "code": world.fake.code("ada") })).await;
    let Err(ConnectorError::Invalid(problems)) = several else {
        panic!("which one?");
    };
    assert!(format!("{problems:?}").contains("101 (acme), 102 (other)"), "{problems:?}");
    let request = world.complete(json!({ "setup_action": "request" })).await;
    assert_eq!(request.expect_err("an owner").reason(), "approval_pending");

    let start = Start { state: "s t", redirect_uri: "https://a.example/", code_challenge: "", nonce: "", claims: true };
    let started = Connector::initiate(&world.github, start).await.expect("a page");
    assert!(started.url.contains("/login/oauth/authorize?client_id=Iv1.client&"), "{}", started.url);
    let started = Connector::initiate(&world.github, Start { claims: false, ..start }).await;
    assert!(started.expect("a page").url.ends_with("/apps/infragpt/installations/new?state=s+t"));
}

#[tokio::test]
async fn the_code_of_a_claim_is_good_only_with_the_verifier_of_whoever_began_it() {
    let world = world().await;
    // Source: RFC 7636, appendix B.
    let (verifier, code_challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let start = Start { state: "s", redirect_uri: "https://a.example/", code_challenge, nonce: "", claims: true };
    let started = Connector::initiate(&world.github, start).await.expect("a page");
    for wrong in ["", "somebody-else-s", code_challenge] {
        let code = world.fake.code_at("ada", &started.url);
        let refused = world.complete_with(wrong, json!({ "code": code })).await;
        assert_eq!(refused.expect_err("not begun here").reason(), "code_refused", "{wrong}");
    }
    assert_eq!(world.fake.user_tokens(), 0);
    let code = world.fake.code_at("ada", &started.url);
    let claimed = world.complete_with(verifier, json!({ "code": code })).await;
    assert_eq!(claimed.expect("it is hers").account.id, "1");
}

#[tokio::test]
async fn tokens_are_minted_once_narrowed_and_renewed_before_their_end() {
    let world = world().await;
    let linked = world.complete(json!({ "code": world.fake.code("ada") })).await.expect("a connection");
    let read = |page| DynConnector::repositories(&world.github, CONNECTION, &linked.credentials, page);
    world.fake.lag(1);
    let (first, second, third) = tokio::join!(read(1), read(2), read(3));
    let pages = [first, second, third].map(|page| page.expect("a page"));
    assert_eq!(pages.each_ref().map(|page| page.items.len()), [100, 100, 50]);
    assert_eq!(pages.each_ref().map(|page| page.next), [Some(2), Some(3), None]);
    assert_eq!(world.fake.minted(), [json!({ "permissions": { "metadata": "read" } })]);
    assert!(pages[0].items.iter().any(|one| !one.may_push) && pages[0].items.iter().any(|one| one.may_push));

    world.clock.advance(Duration::from_mins(59));
    read(1).await.expect("a page");
    assert_eq!(world.fake.minted().len(), 2);

    // Another installation has a token of its own.
    world.fake.install(102, 2, "other", 1);
    world.fake.show("ada", 102);
    world.fake.own("ada", 2);
    let input = json!({ "code": world.fake.code("ada"), "installation_id": 102 });
    let other = world.complete(input).await.expect("a connection");
    let found = DynConnector::repositories(&world.github, CONNECTION, &other.credentials, 1).await;
    assert_eq!(found.expect("a page").items[0].full_name, "other/r2001");
    assert_eq!(world.fake.minted().len(), 3);
}

#[tokio::test]
async fn a_check_tells_of_what_lacks_what_is_on_hold_and_what_is_gone() {
    let world = world().await;
    let linked = world.complete(json!({ "code": world.fake.code("ada") })).await.expect("a connection");
    let check = || DynConnector::validate(&world.github, CONNECTION, &linked.credentials);
    assert_eq!(check().await.expect("good").lacking, None);
    world.fake.forbid(101, "issues");
    let lacking = check().await.expect("good").lacking.expect("a lack");
    assert_eq!(lacking.message, "the GitHub App has not been granted issues (read)");
    world.fake.suspend(101, true);
    assert_eq!(check().await.expect_err("on hold").reason(), "installation_suspended");
    for _ in 0..2 {
        DynConnector::revoke(&world.github, CONNECTION, &linked.credentials).await.expect("revoked");
    }
    assert!(world.fake.remains().is_empty());
    assert!(matches!(check().await, Err(ConnectorError::Gone { .. })));
}

#[tokio::test]
async fn text_of_github_that_contains_a_token_gets_nowhere() {
    let world = world().await;
    for trouble in [Trouble::Refuses, Trouble::Fails, Trouble::Limits(7), Trouble::Babbles, Trouble::Redirects] {
        let code = world.fake.code("ada");
        world.fake.trouble(Some(trouble));
        let error = world.complete(json!({ "code": code })).await.expect_err("trouble");
        let shown = format!("{error} {error:?} {:?}", world.github);
        assert!(!shown.contains("hunter2") && !shown.contains("Bearer"), "{shown}");
        if let Trouble::Limits(_) = trouble {
            let wait = Some(Duration::from_secs(7));
            assert!(matches!(error, ConnectorError::Unavailable { retry_after, .. } if retry_after == wait));
        }
    }
}
