use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    connector::{SCOPES, Slack, SlackCredentials},
    escape,
    fake::{Declined, FakeSlack, Trouble},
};
use crate::{
    clock::{Clock as _, FixedClock, Timestamp, after},
    config::Env,
    connector::{
        contract::{
            Account, Connection, Connector, ConnectorError, Credentials, DynConnector, Linked, Parts, Refreshed, Remedy,
            Returned, Start,
        },
        fake::Vendor as _,
    },
    id::{IntegrationId, OrganizationId},
    secret::manager::{MemorySecrets, SecretStore},
};

const REDIRECT: &str = "https://app.example.com/back";
const CONNECTION: Connection<'_> = Connection {
    organization: OrganizationId::NIL,
    integration: IntegrationId::NIL,
    nonce: "",
    webhook_url: None,
    account: None,
    now: Timestamp::UNIX_EPOCH,
};

struct World {
    slack: Slack,
    fake: FakeSlack,
    clock: FixedClock,
    secrets: Arc<MemorySecrets>,
}

#[expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]
async fn world() -> World {
    let clock = FixedClock::at(Timestamp::from_timestamp(1_800_000_000, 0).expect("a time"));
    let fake = FakeSlack::start().await.expect("a fake");
    fake.keep_time(Arc::new(clock.clone()));
    let secrets = MemorySecrets::new();
    for (arn, value) in fake.secrets() {
        secrets.put(&arn, &value, clock.now());
    }
    let parts = Parts {
        clock: Arc::new(clock.clone()),
        secrets: SecretStore::from_source(secrets.clone()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    let slack = Slack::configure(&mut Env::from_pairs(fake.variables()), &parts).expect("a connector");
    let _acme = fake.place("T1", "Acme");
    World { slack, fake, clock, secrets }
}

#[expect(clippy::expect_used, reason = "a story that does not begin as it must has failed")]
impl World {
    fn asked(&self, method: &str) -> usize {
        self.fake.count(method)
    }

    async fn page(&self) -> String {
        let start = Start { state: "s t", redirect_uri: REDIRECT, ..Start::default() };
        Connector::initiate(&self.slack, start).await.expect("a page").url
    }

    async fn complete(&self, input: Value) -> Result<Linked<Credentials>, ConnectorError> {
        let returned = Returned { redirect_uri: REDIRECT, code_verifier: "" };
        DynConnector::complete(&self.slack, CONNECTION, returned, input).await
    }

    async fn connect(&self, place: &str) -> (SlackCredentials, Linked<Credentials>) {
        let input = self.fake.consent(&self.page().await, place, "U0ADA").expect("consent");
        let linked = self.complete(input).await.expect("a connection");
        (linked.credentials.read().expect("credentials"), linked)
    }

    async fn check(&self, credentials: &SlackCredentials, account: &Account) -> Result<Option<&'static str>, ConnectorError> {
        let connection = Connection { account: Some(account), ..CONNECTION };
        let checked = Connector::validate(&self.slack, connection, credentials).await?;
        Ok(checked.lacking.map(|lack| lack.reason))
    }

    async fn refresh(&self, credentials: &SlackCredentials) -> Result<(SlackCredentials, Option<Timestamp>), ConnectorError> {
        match Connector::refresh(&self.slack, CONNECTION, credentials.clone()).await? {
            Refreshed::Renewed { credentials, expires_at } => Ok((credentials, expires_at)),
            Refreshed::Lasting => panic!("it lasts"),
        }
    }

    async fn revoke(&self, credentials: &SlackCredentials) -> Result<(), ConnectorError> {
        Connector::revoke(&self.slack, CONNECTION, credentials).await
    }
}

#[tokio::test]
async fn a_workspace_is_connected_with_a_code_that_works_once_and_where_it_was_asked_for() {
    let world = world().await;
    let page = world.page().await;
    assert!(page.starts_with(&format!("{}/oauth/v2/authorize?client_id=", world.fake.web_url())), "{page}");
    assert!(page.contains("&user_scope=&") && page.ends_with("&state=s+t"), "{page}");
    let input = world.fake.consent(&page, "T1", "U0ADA").expect("consent");
    assert_eq!(input["state"], "s t");

    let elsewhere = Returned { redirect_uri: "https://evil.example/", code_verifier: "" };
    let refused = DynConnector::complete(&world.slack, CONNECTION, elsewhere, input.clone()).await;
    assert_eq!(refused.expect_err("another address").reason(), "not_set_up");

    let linked = world.complete(input.clone()).await.expect("a connection");
    assert_eq!(linked.account.id, "T1");
    assert_eq!(linked.account.name, "Acme");
    assert_eq!(linked.account.external_id.as_deref(), Some("T1"));
    assert_eq!(linked.account.bot_id.as_deref(), Some("UBOT1"));
    assert_eq!(linked.account.user_id.as_deref(), Some("U0ADA"));
    assert_eq!(linked.account.metadata["scope"], SCOPES.join(","));
    assert_eq!(linked.account.metadata["is_enterprise_install"], "false");
    assert_eq!(linked.expires_at, None);
    assert_eq!(linked.installed_at, world.clock.now(), "by Slack's clock");
    let credentials: SlackCredentials = linked.credentials.read().expect("credentials");
    assert_eq!(world.check(&credentials, &linked.account).await.expect("good"), None);
    assert!(matches!(Connector::refresh(&world.slack, CONNECTION, credentials).await, Ok(Refreshed::Lasting)));

    assert_eq!(world.complete(input).await.expect_err("it works once").reason(), "invalid_code");
    let late = world.fake.consent(&page, "T1", "U0ADA").expect("consent");
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.complete(late).await.expect_err("ten minutes").reason(), "invalid_code");
    assert_eq!(world.fake.consent(&page.replace("client_id=", "client_id=x"), "T1", "U"), Err(Declined("invalid_client_id")));
}

#[tokio::test]
async fn whoever_does_not_allow_it_or_comes_back_with_nothing_is_told_so_and_slack_is_not_asked() {
    let world = world().await;
    let declined = world.fake.decline(&world.page().await).expect("a page");
    assert_eq!(world.complete(declined).await.expect_err("declined").reason(), "access_denied");
    let odd = json!({ "error": "<b>hunter2</b>", "code": "x" });
    let error = world.complete(odd).await.expect_err("an error");
    assert!(error.reason() == "consent_failed" && !format!("{error:?}").contains("hunter2"));
    for nothing in [json!({ "code": null, "error": null }), json!({ "code": " " })] {
        assert_eq!(world.complete(nothing).await.expect_err("nothing").reason(), "invalid");
    }
    assert_eq!(world.fake.calls().len(), 0);
}

#[tokio::test]
async fn an_org_wide_installation_is_the_organizations_and_its_tokens_are_taken_back_one_by_one() {
    let world = world().await;
    world.fake.give_user_tokens();
    let _grid = world.fake.place("E1", "Grid");
    let (credentials, linked) = world.connect("E1").await;
    assert_eq!(linked.account.id, "E1");
    assert_eq!(linked.account.external_id.as_deref(), Some("E1"));
    assert_eq!(linked.account.metadata["enterprise_id"], "E1");
    assert_eq!(linked.account.metadata["is_enterprise_install"], "true");
    assert_eq!(world.check(&credentials, &linked.account).await.expect("good"), None);
    world.revoke(&credentials).await.expect("revoked");
    assert_eq!(world.fake.working_tokens(), Vec::<String>::new());
    assert_eq!(world.asked("auth.revoke"), 2);
}

#[tokio::test]
async fn a_token_of_another_workspace_is_not_taken_for_the_connected_one() {
    let world = world().await;
    let _other = world.fake.place("T2", "Other");
    let (_, acme) = world.connect("T1").await;
    let (other, _) = world.connect("T2").await;
    let error = world.check(&other, &acme.account).await.expect_err("another workspace");
    assert_eq!(error.reason(), "other_workspace");
    assert_eq!(world.check(&other, &Account::default()).await.expect("nothing to compare with"), None);
}

#[tokio::test]
async fn scopes_that_were_not_granted_are_lacking_and_what_works_goes_on() {
    let world = world().await;
    world.fake.withhold(&["files:read", "commands"]);
    let (credentials, linked) = world.connect("T1").await;
    let connection = Connection { account: Some(&linked.account), ..CONNECTION };
    let checked = Connector::validate(&world.slack, connection, &credentials).await.expect("it works");
    let lack = checked.lacking.expect("a lack");
    assert_eq!((lack.reason, lack.remedy), ("scope_missing", Remedy::Grant));
    assert!(lack.message.contains("commands, files:read"), "{}", lack.message);
    assert!(!checked.metadata["scope"].contains("files:read"));
}

#[tokio::test]
async fn tokens_that_end_are_refreshed_once_each_and_both() {
    let world = world().await;
    world.fake.rotate_tokens();
    world.fake.give_user_tokens();
    let (first, linked) = world.connect("T1").await;
    assert_eq!(linked.expires_at, Some(after(world.clock.now(), Duration::from_hours(12))));
    world.clock.advance(Duration::from_hours(12));
    let expired = world.check(&first, &linked.account).await;
    assert!(matches!(
        expired,
        Err(ConnectorError::Refused { reason: "token_expired", remedy: Remedy::Wait, .. })
    ));

    let (second, expires_at) = world.refresh(&first).await.expect("new tokens");
    assert_eq!(expires_at, Some(after(world.clock.now(), Duration::from_hours(12))));
    assert_eq!(world.check(&second, &linked.account).await.expect("good"), None);
    assert_eq!(world.fake.working_tokens().len(), 2);
    let again = world.refresh(&first).await.expect_err("a refresh token works once");
    assert_eq!(again.reason(), "invalid_refresh_token");
    world.refresh(&second).await.expect("the next ones");
}

#[tokio::test]
async fn a_persons_token_that_is_gone_does_not_cost_the_bot_its_new_one() {
    let world = world().await;
    world.fake.rotate_tokens();
    world.fake.give_user_tokens();
    let acme = world.fake.place("T1", "Acme");
    let (credentials, linked) = world.connect("T1").await;
    acme.revoke_user("U0ADA");
    assert_eq!(world.check(&credentials, &linked.account).await.expect("the bot's is good"), Some("user_token_refused"));
    let (renewed, expires_at) = world.refresh(&credentials).await.expect("the bot's");
    assert!(renewed.user_token.is_none() && renewed.user_refresh_token.is_none());
    assert_eq!(expires_at, renewed.bot_expires_at);
    assert_eq!(world.check(&renewed, &linked.account).await.expect("good"), None);

    // Slack is away for the second of the two calls only.
    let (credentials, _) = world.connect("T1").await;
    let bot_only = SlackCredentials { user_refresh_token: None, ..credentials.clone() };
    let (with_bot, _) = world.refresh(&bot_only).await.expect("the bot's");
    let user_only = SlackCredentials {
        bot_refresh_token: None,
        user_refresh_token: credentials.user_refresh_token.clone(),
        ..with_bot
    };
    world.fake.trouble("oauth.v2.access", 1, &Trouble::Status(503));
    let (kept, _) = world.refresh(&user_only).await.expect("the bot's stays");
    assert!(kept.user_refresh_token.is_some(), "it is tried again");
    world.refresh(&kept).await.expect("the person's");
}

#[tokio::test]
async fn an_app_that_was_removed_is_refused_and_there_is_nothing_left_to_take_back() {
    let world = world().await;
    let acme = world.fake.place("T1", "Acme");
    let (credentials, linked) = world.connect("T1").await;
    acme.uninstall();
    let error = world.check(&credentials, &linked.account).await.expect_err("removed");
    assert!(matches!(error, ConnectorError::Refused { remedy: Remedy::Reconnect, .. }), "{error:?}");
    world.revoke(&credentials).await.expect("it is gone");
    world.fake.trouble("auth.test", 1, &Trouble::Code("app_uninstalled"));
    let gone = world.check(&credentials, &linked.account).await;
    assert!(matches!(gone, Err(ConnectorError::Gone { reason: "app_uninstalled", .. })));
}

#[tokio::test]
async fn an_expired_token_still_uninstalls_the_app() {
    let world = world().await;
    world.fake.rotate_tokens();
    world.fake.give_user_tokens();
    let (credentials, _) = world.connect("T1").await;
    world.clock.advance(Duration::from_hours(13));
    world.revoke(&credentials).await.expect("uninstalled");
    assert_eq!(world.asked("apps.uninstall"), 2);
    assert_eq!(world.fake.working_tokens(), Vec::<String>::new());
    let refused = world.refresh(&credentials).await.expect_err("nothing is left of it");
    assert_eq!(refused.reason(), "invalid_refresh_token");
}

#[tokio::test]
async fn a_deployment_whose_app_is_not_as_slack_knows_it_says_so_and_still_gives_tokens_back() {
    let world = world().await;
    let (credentials, _) = world.connect("T1").await;
    let cases = [
        json!({ "client_secret": "random" }),
        json!({ "client_id": "4711.0815", "client_secret": "wrong" }),
        json!({ "client_id": "x", "client_secret": "client-hunter2" }),
        json!({ "client_id": "4711.0815", "client_secret": "client-hunter2", "app_id": "A0OTHER" }),
    ];
    for secret in cases {
        let input = world.fake.consent(&world.page().await, "T1", "U0ADA").expect("consent");
        let (arn, _) = world.fake.secrets().remove(0);
        world.secrets.put(&arn, &secret.to_string(), world.clock.now());
        world.clock.advance(Duration::from_mins(6));
        let error = world.complete(input).await.expect_err("not as it should be");
        assert!(matches!(error, ConnectorError::NotSetUp { .. }), "{secret}: {error:?}");
        let (arn, good) = world.fake.secrets().remove(0);
        world.secrets.put(&arn, &good, world.clock.now());
        world.clock.advance(Duration::from_mins(6));
    }
    let parts = Parts {
        clock: Arc::new(world.clock.clone()),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    let named = world.fake.variables().into_iter().filter(|(name, _)| *name != "SLACK_APP_SECRET_ARN");
    let bare = Slack::configure(&mut Env::from_pairs(named), &parts).expect("a connector");
    let started = Connector::initiate(&bare, Start::default()).await;
    assert!(matches!(started, Err(ConnectorError::NotSetUp { .. })));
    Connector::revoke(&bare, CONNECTION, &credentials).await.expect("revoked");
    assert_eq!(world.fake.working_tokens(), Vec::<String>::new());
}

#[test]
fn what_is_asked_for_is_in_order_and_nothing_twice() {
    assert!(SCOPES.is_sorted_by(|one, next| one < next));
}

#[test]
fn credentials_read_back_and_do_not_show_the_token() {
    let credentials: SlackCredentials =
        serde_json::from_str(r#"{"bot_token":"xoxb-1"}"#).expect("a stored form");
    assert!(!format!("{credentials:?}").contains("xoxb"));
    let stored = serde_json::to_string(&credentials).expect("serializable");
    assert_eq!(stored, r#"{"bot_token":"xoxb-1"}"#);
}

#[test]
fn text_is_escaped_and_cut_outside_of_escapes() {
    assert_eq!(escape("a < b && c", 100), "a &lt; b &amp;&amp; c");
    assert_eq!(escape("abc", 3), "abc");
    assert_eq!(escape("abcd", 3), "ab…");
    assert_eq!(escape("ab&", 6), "ab…");
    assert_eq!(escape("ab&", 7), "ab&amp;");
}

proptest! {
    #[test]
    fn an_escaped_text_keeps_its_limit_and_holds_no_markup(text in r"[a<>&é]{0,40}", limit in 0_usize..60) {
        let escaped = escape(&text, limit);
        prop_assert!(escaped.chars().count() <= limit);
        prop_assert!(!escaped.contains(['<', '>']));
        let plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "\0");
        prop_assert!(!plain.contains('&'), "{escaped}");
    }
}
