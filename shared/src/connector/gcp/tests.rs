use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use axum::{Router, response::Redirect, routing::any};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Gcp, ROLES, fake::FakeGcp, key::TOKEN_URI};
use crate::{
    clock::{FixedClock, Timestamp},
    config::Env,
    connector::{
        contract::{
            Account, Checked, Connection, Connector, ConnectorError, Credentials, DynConnector, Linked, Parts, Remedy,
            Returned, Start,
        },
        fake::{Trouble, Vendor as _},
    },
    http::fake::{ANY_PORT, Server},
    id::{IntegrationId, OrganizationId},
    secret::manager::{MemorySecrets, SecretStore},
};

/// An RSA key of 1024 bits, which aws-lc-rs makes none of. It opens nothing.
const WEAK_KEY: &str = "MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBANUf1SnZCkekUb6Dbwf15Alu2OBXHI92/bIXvTuUUHTzKU8gHz8X\
d77heqfRGNSeVEsB1BiW9KeQzZFiCgiki42yeQNwNNdpr0G9SrdBZVbvs2hIb6GrTAZ8P85HenKVOTZiSU16OwqcuPB6QyOMmfAVhnOMSCVlyy4IO18UjfxXAg\
MBAAECgYASnuti8qGhTMwPlzA2Q9ees16jizjlmAHmc4iHEhhNf4lWbnoMayJ9PPoYe35t5T98Jja/x0Cs+0varfQueSHwII6UM6iPfyn0diq7FkivPeX+zV9Z\
42XIGXd2udoyf9r2N4CkNqt9neXABu+VjMpPLfHzg7gp7LPEuQwPPh36IQJBAPYOnSu8UfRDTtlx1wG0zpWzP+QMYCxTdr5HQxYRQtzeuVtsaldIavsqOipnbE\
JgurPG3TiSzZkfmqhHNZ91w4kCQQDdvIoc6h5IvOM8lasAH+CrUIMWxGU6q91MyfLya5W+AsRzMo+m8KTBVCXIrXdANxBaGPBLfxU8GN5b5SCCAWjfAkABPiOn\
E+VqEWj1ijCmzo34jZY2BaX6s1U3Ms7w7pdi3DEdeBe1ZyU7LYRrsGgIkcp/m/KEFaG6M0GptepcatDZAkEAm1ukcUnf2hruI97Bpx6urZmFn4gPXSJZtZmxbQ\
TQMAeEWSpN2Cu3Y/VvW8GeUhHClT3v7xWlbSwHb9+D/VK7hQJBAO531uwOV9pncOA8zgBULHyoUOb6GFm3i8yqdwst0vbd4sdvvIc8TJaQWlLDfhpHszccLk8l\
UswZOIxQuoADx+0=";

const PROJECT: &str = "acme-prod";
const EMAIL: &str = "infragpt@acme-prod.iam.gserviceaccount.com";

const CONNECTION: Connection<'_> = Connection {
    organization: OrganizationId::NIL,
    integration: IntegrationId::NIL,
    nonce: "",
    webhook_url: None,
    account: None,
    now: Timestamp::UNIX_EPOCH,
};

struct World {
    gcp: Gcp,
    fake: FakeGcp,
    clock: FixedClock,
}

#[expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]
fn connector(variables: Vec<(&'static str, String)>, clock: &FixedClock) -> Gcp {
    let parts = Parts {
        clock: Arc::new(clock.clone()),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    Gcp::configure(&mut Env::from_pairs(variables), &parts).expect("a connector")
}

/// A project with a service account that has all roles, and so many clusters.
#[expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]
async fn world(clusters: &[&str]) -> World {
    let clock = FixedClock::at(Timestamp::from_timestamp(1_800_000_000, 0).expect("a time"));
    let fake = FakeGcp::start(Some(Arc::new(clock.clone()))).await.expect("a fake");
    fake.project(PROJECT, "Acme Production", clusters);
    for role in ROLES {
        fake.grant(PROJECT, EMAIL, role.name);
    }
    let gcp = connector(fake.variables(), &clock);
    World { gcp, fake, clock }
}

type Completed = Result<Linked<Credentials>, ConnectorError>;

async fn complete_at(gcp: &Gcp, input: Value) -> Completed {
    let returned = Returned { redirect_uri: "", code_verifier: "" };
    DynConnector::complete(gcp, CONNECTION, returned, input).await
}

impl World {
    fn key(&self) -> Value {
        self.fake.key(PROJECT, EMAIL)
    }

    async fn complete(&self, key: &Value) -> Completed {
        complete_at(&self.gcp, json!({ "service_account_json": key.to_string() })).await
    }

    async fn complete_with(&self, cluster: &str) -> Completed {
        let input = json!({ "service_account_json": self.key().to_string(), "cluster": cluster });
        complete_at(&self.gcp, input).await
    }

    async fn check(&self, credentials: &Credentials, account: Option<&Account>) -> Result<Checked, ConnectorError> {
        DynConnector::validate(&self.gcp, Connection { account, ..CONNECTION }, credentials).await
    }
}

/// What an admin is told about one field.
#[track_caller]
fn told(completed: Completed, field: &str) -> String {
    match completed {
        Err(ConnectorError::Invalid(problems)) => {
            assert_eq!(problems[0].field, field);
            problems[0].message.clone()
        }
        other => panic!("{other:?}"),
    }
}

/// A host of somebody else's, and how often it was asked for anything.
#[expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]
async fn hostile_host() -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&asked);
    let count = any(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        async { axum::Json(json!({ "access_token": "hunter2", "expires_in": 3599 })) }
    });
    let server = Server::start(ANY_PORT, Router::new().fallback(count)).await;
    (server.expect("a listener"), asked)
}

fn in_pem(label: &str, der: &str) -> String {
    format!("-----BEGIN {label}-----\n{der}\n-----END {label}-----\n")
}

#[tokio::test]
async fn a_key_connects_its_project_and_what_is_kept_is_only_what_was_checked() {
    let world = world(&["europe-west1/prod"]).await;
    let mut key = world.key();
    key["something_else"] = json!("http://169.254.169.254/");
    key["client_x509_cert_url"] = json!("http://169.254.169.254/");
    let linked = world.complete(&key).await.expect("a connection");
    let account = &linked.account;
    assert_eq!((account.id.as_str(), account.name.as_str()), (PROJECT, "Acme Production"));
    assert_eq!(account.user_id.as_deref(), Some(EMAIL));
    for (name, value) in [
        ("project_id", PROJECT),
        ("project_name", "Acme Production"),
        ("project_number", "415104041000"),
        ("client_email", EMAIL),
        ("roles_lacking", ""),
        ("gke_clusters", "europe-west1/prod"),
        ("gke_cluster_name", "prod"),
        ("gke_cluster_region", "europe-west1"),
    ] {
        assert_eq!(account.metadata.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(account.metadata["roles_granted"].split(',').count(), ROLES.len());

    let stored = serde_json::to_value(&linked.credentials).expect("json");
    let stored: Value = serde_json::from_str(stored["service_account_json"].as_str().expect("a text")).expect("json");
    for name in ["private_key", "private_key_id", "client_email", "client_id", "project_id", "type"] {
        assert_eq!(stored[name], key[name], "{name}");
    }
    assert_eq!(stored["token_uri"], TOKEN_URI);
    assert!(!stored.to_string().contains("169.254"), "an address that was filled in was kept");
    assert_eq!(world.check(&linked.credentials, Some(account)).await.expect("good").lacking, None);
    assert!(world.fake.remains().is_empty());
}

#[tokio::test]
async fn a_token_uri_of_somebody_elses_gets_neither_a_key_nor_an_assertion() {
    let world = world(&[]).await;
    let (host, asked) = hostile_host().await;
    let own = format!("http://{}/token", host.address());
    for uri in [
        own.as_str(),
        "http://169.254.169.254/computeMetadata/v1/",
        "https://oauth2.googleapis.com.evil.example/token",
        "https://oauth2.googleapis.com/token?to=evil.example",
        "https://oauth2.googleapis.com@evil.example/token",
        "http://oauth2.googleapis.com/token",
        "",
    ] {
        let mut key = world.key();
        key["token_uri"] = json!(uri);
        let message = told(world.complete(&key).await, "credentials.service_account_json");
        assert!(message.contains("token_uri") && message.contains(TOKEN_URI), "{message}");
        assert!(uri.is_empty() || !message.contains(uri), "{message}");

        // An earlier release kept whatever it was given.
        let kept = Credentials::of(&json!({ "service_account_json": key.to_string() })).expect("credentials");
        let refused = world.check(&kept, None).await.expect_err("it is not used");
        assert_eq!(refused.reason(), "key_unusable");
    }
    // Two of them, of which one reader would take the first and another the last.
    let text = world.key().to_string();
    let twice = text.replacen('{', &format!("{{\"token_uri\":\"{own}\","), 1);
    let twice = complete_at(&world.gcp, json!({ "service_account_json": twice })).await;
    told(twice, "credentials.service_account_json");

    assert_eq!(asked.load(Ordering::SeqCst), 0, "a host that a key named was asked");
    assert_eq!(world.fake.calls(), 0, "nobody has to be asked for that");
    let mut without = world.key();
    without.as_object_mut().expect("an object").remove("token_uri");
    world.complete(&without).await.expect("it is not needed either");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_not_the_key_of_a_service_account_of_googles_own_cloud_is_refused_before_anybody_is_asked() {
    let world = world(&[]).await;
    let changes = [
        ("type", json!("external_account")),
        ("type", json!("authorized_user")),
        ("type", json!("impersonated_service_account")),
        ("type", json!("gdch_service_account")),
        ("type", Value::Null),
        ("universe_domain", json!("evil.example")),
        ("universe_domain", json!("googleapis.com.evil.example")),
        ("project_id", json!("../../v1/secrets")),
        ("project_id", json!("acme-prod?alt=media")),
        ("project_id", json!("UPPER-CASE")),
        ("project_id", json!("")),
        ("client_email", json!("ada@example.com")),
        ("client_email", json!("x@evil.example?x.gserviceaccount.com")),
        ("client_email", json!("x@gserviceaccount.com.evil.example")),
        ("client_email", json!(7)),
        ("private_key_id", json!("a\"b")),
        ("private_key_id", Value::Null),
        ("private_key", Value::Null),
        ("private_key", json!("hunter2")),
    ];
    for (name, value) in changes {
        let mut key = world.key();
        key[name] = value.clone();
        let message = told(world.complete(&key).await, "credentials.service_account_json");
        let quotes = value.as_str().is_some_and(|value| value.len() > 3 && message.contains(value));
        assert!(!quotes, "{name}: {message}");
    }
    for text in ["hunter2", "[]", "{}", "\"service_account\"", "null", "{\"type\":\"service_account\""] {
        let completed = complete_at(&world.gcp, json!({ "service_account_json": text })).await;
        let message = told(completed, "credentials.service_account_json");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert_eq!(world.fake.calls(), 0);
}

#[tokio::test]
async fn a_key_that_can_be_broken_or_is_no_rsa_key_is_refused() {
    let world = world(&[]).await;
    let elliptic = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
    let elliptic = STANDARD.encode(elliptic.expect("a key").as_ref());
    let good = world.key();
    let good = good["private_key"].as_str().expect("a text");
    for private_key in [
        in_pem("PRIVATE KEY", WEAK_KEY),
        in_pem("PRIVATE KEY", &elliptic),
        in_pem("EC PRIVATE KEY", &elliptic),
        in_pem("PRIVATE KEY", "aHVudGVyMg=="),
        good.replace("PRIVATE KEY", "PUBLIC KEY"),
        good.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        good.replace("-----END", ""),
    ] {
        let mut key = world.key();
        key["private_key"] = json!(private_key);
        let message = told(world.complete(&key).await, "credentials.service_account_json");
        assert!(message.contains("2048 bits"), "{message}");
    }
    assert_eq!(world.fake.calls(), 0);
}

#[tokio::test]
async fn a_huge_or_deep_key_is_refused_before_it_is_read() {
    let world = world(&[]).await;
    let mut key = world.key();
    key["padding"] = json!("x".repeat(16 * 1024));
    let message = told(world.complete(&key).await, "credentials.service_account_json");
    assert!(message.contains("at most 16384 characters"), "{message}");
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let text = world.key().to_string().replacen('{', &format!("{{\"deep\":{deep},"), 1);
    let completed = complete_at(&world.gcp, json!({ "service_account_json": text })).await;
    told(completed, "credentials.service_account_json");
    assert_eq!(world.fake.calls(), 0);
}

#[tokio::test]
async fn whoever_names_somebody_elses_account_without_its_key_gets_no_token_that_was_kept() {
    let world = world(&[]).await;
    let key = world.key();
    world.complete(&key).await.expect("the owner's");
    let mut forged = key.clone();
    forged["private_key"] = json!(FakeGcp::stray_private_key());
    let refused = world.complete(&forged).await.expect_err("not theirs");
    assert_eq!(refused.reason(), "key_revoked");
    // The other way round: a key that works, under the name of an account that it is not of.
    let mut renamed = key;
    renamed["client_email"] = json!("other@acme-prod.iam.gserviceaccount.com");
    let refused = world.complete(&renamed).await.expect_err("not theirs");
    assert_eq!(refused.reason(), "key_revoked");
}

#[tokio::test]
async fn one_token_of_each_scope_serves_all_who_ask_at_once_and_is_renewed() {
    let world = world(&[]).await;
    let key = world.key();
    let linked = world.complete(&key).await.expect("a connection");
    assert_eq!(world.fake.granted(), 2);
    // Only what lists clusters has more than the scope for reading, since Google knows no other for it.
    assert_eq!(world.fake.scopes().len(), 2);
    let check = || world.check(&linked.credentials, None);
    let (one, two, three) = tokio::join!(check(), check(), check());
    for checked in [one, two, three] {
        checked.expect("good");
    }
    assert_eq!(world.fake.granted(), 2);
    // They end before their time: one new one for each scope, whoever asks.
    world.fake.end_tokens();
    let (one, two, three) = tokio::join!(check(), check(), check());
    for checked in [one, two, three] {
        checked.expect("good");
    }
    assert_eq!(world.fake.granted(), 4);
    world.clock.advance(Duration::from_mins(6));
    check().await.expect("good");
    assert_eq!(world.fake.granted(), 6);
}

#[tokio::test]
async fn a_deleted_key_is_noticed_although_its_tokens_go_on_working() {
    let world = world(&[]).await;
    let linked = world.complete(&world.key()).await.expect("a connection");
    world.fake.delete_keys(EMAIL);
    world.clock.advance(Duration::from_mins(6));
    match world.check(&linked.credentials, None).await {
        Err(ConnectorError::Refused { reason, remedy, .. }) => {
            assert_eq!((reason, remedy), ("key_revoked", Remedy::Reconnect));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_disabled_account_is_refused_at_once() {
    let world = world(&[]).await;
    let linked = world.complete(&world.key()).await.expect("a connection");
    world.fake.disable(EMAIL);
    let refused = world.check(&linked.credentials, None).await.expect_err("disabled");
    assert_eq!(refused.reason(), "key_revoked");
}

#[tokio::test]
async fn roles_that_lack_are_named_and_where_a_permission_comes_from_does_not_matter() {
    let world = world(&["europe-west1/prod"]).await;
    let linked = world.complete(&world.key()).await.expect("a connection");
    for permission in ["logging.logEntries.list", "container.clusters.list"] {
        world.fake.forbid(PROJECT, EMAIL, permission);
    }
    let checked = world.check(&linked.credentials, Some(&linked.account)).await.expect("it works");
    let lack = checked.lacking.expect("a lack");
    assert_eq!((lack.reason, lack.remedy), ("role_missing", Remedy::Grant));
    assert!(lack.message.ends_with(": roles/container.clusterViewer, roles/logging.viewer"), "{}", lack.message);
    assert_eq!(checked.metadata["roles_lacking"], "roles/container.clusterViewer,roles/logging.viewer");
    assert!(!checked.metadata["roles_granted"].contains("logging"));
    assert!(!checked.metadata.contains_key("gke_cluster_name"), "what cannot be seen does not change");
    // Somebody is connected who lacks roles: they are told afterwards.
    world.complete(&world.key()).await.expect("a connection");

    for permission in ["logging.logEntries.list", "container.clusters.list"] {
        world.fake.permit(PROJECT, EMAIL, permission);
    }
    let checked = world.check(&linked.credentials, None).await.expect("it works");
    assert_eq!(checked.lacking, None);
}

#[tokio::test]
async fn a_project_that_is_not_to_be_seen_or_on_its_way_out_is_told_from_a_bad_key() {
    let world = world(&[]).await;
    let stranger = world.fake.key(PROJECT, "stranger@other-project.iam.gserviceaccount.com");
    let elsewhere = world.fake.key("not-there-at-all", EMAIL);
    for key in [stranger, elsewhere] {
        match world.complete(&key).await {
            Err(ConnectorError::Refused { reason, remedy, .. }) => {
                assert_eq!((reason, remedy), ("project_not_reachable", Remedy::Grant));
            }
            other => panic!("{other:?}"),
        }
    }
    world.fake.delete_project(PROJECT);
    let refused = world.complete(&world.key()).await.expect_err("it ends");
    assert_eq!(refused.reason(), "project_inactive");
}

#[tokio::test]
async fn an_api_that_is_not_enabled_is_named_where_a_cluster_was_chosen() {
    let world = world(&["europe-west1/prod"]).await;
    let linked = world.complete_with("europe-west1/prod").await.expect("a connection");
    world.fake.disable_api(PROJECT, "container.googleapis.com");
    let checked = world.check(&linked.credentials, None).await.expect("the rest works");
    let lack = checked.lacking.expect("a lack");
    assert_eq!((lack.reason, lack.remedy), ("api_disabled", Remedy::Grant));
    assert!(lack.message.contains("container.googleapis.com"), "{}", lack.message);
    assert_eq!(checked.metadata["gke_cluster_name"], "prod", "it is still the one to use");
    let message = told(world.complete_with("europe-west1/prod").await, "credentials.cluster");
    assert!(message.contains("container.googleapis.com"), "{message}");

    world.fake.disable_api(PROJECT, "cloudresourcemanager.googleapis.com");
    match world.check(&linked.credentials, None).await {
        Err(ConnectorError::Refused { reason, message, remedy }) => {
            assert_eq!((reason, remedy), ("api_disabled", Remedy::Grant));
            assert!(message.contains("cloudresourcemanager.googleapis.com"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_project_that_does_not_use_gke_lacks_nothing() {
    let world = world(&["europe-west1/prod"]).await;
    let before = world.complete(&world.key()).await.expect("a connection");
    assert_eq!(before.account.metadata["gke_cluster_name"], "prod");
    world.fake.disable_api(PROJECT, "container.googleapis.com");

    let linked = world.complete(&world.key()).await.expect("it connects all the same");
    assert!(!linked.account.metadata.contains_key("gke_cluster_name"));
    for (linked, shown) in [(&linked, None), (&before, Some(""))] {
        let checked = world.check(&linked.credentials, Some(&linked.account)).await.expect("good");
        assert_eq!(checked.lacking, None, "nobody chose a cluster");
        assert_eq!(checked.metadata.get("gke_cluster_name").map(String::as_str), shown);
        assert_eq!(checked.metadata["gke_clusters"], "");
    }

    world.fake.forbid(PROJECT, EMAIL, "logging.logEntries.list");
    let checked = world.check(&linked.credentials, None).await.expect("the rest works");
    let lack = checked.lacking.expect("a lack");
    assert_eq!(lack.reason, "role_missing");
    assert!(!lack.message.contains("container.googleapis.com"), "{}", lack.message);
}

#[tokio::test]
async fn a_cluster_is_chosen_from_those_that_are_there() {
    let world = world(&["us-central1/prod", "europe-west1-b/prod", "us-central1/test"]).await;
    let message = told(world.complete_with("us-central1/none").await, "credentials.cluster");
    assert_eq!(message, "must be one of europe-west1-b/prod, us-central1/prod, us-central1/test");
    for nonsense in ["prod", "us-central1/", "/prod", "us-central1/prod/x", "US/prod"] {
        told(world.complete_with(nonsense).await, "credentials.cluster");
    }
    let open = world.complete_with(" ").await.expect("it need not be chosen");
    assert!(!open.account.metadata.contains_key("gke_cluster_name"));
    assert_eq!(open.account.metadata["gke_clusters"], "europe-west1-b/prod,us-central1/prod,us-central1/test");

    let linked = world.complete_with("europe-west1-b/prod").await.expect("it is there");
    assert_eq!(linked.account.metadata["gke_cluster_name"], "prod");
    assert_eq!(linked.account.metadata["gke_cluster_zone"], "europe-west1-b");
    assert!(!linked.account.metadata.contains_key("gke_cluster_region"));

    world.fake.silence_zone(PROJECT, "europe-west1-b");
    let checked = world.check(&linked.credentials, Some(&linked.account)).await.expect("good");
    assert_eq!(checked.lacking, None, "a zone that does not answer has lost nothing");
    let asked = world.complete_with("europe-west1-b/prod").await.expect_err("nobody knows");
    assert!(asked.is_outage(), "{asked:?}");
}

#[tokio::test]
async fn a_cluster_that_was_asked_for_and_is_gone_is_told_and_the_only_one_is_followed() {
    let world = world(&["us-central1/old"]).await;
    let asked = world.complete_with("us-central1/old").await.expect("it is there");
    let only = world.complete(&world.key()).await.expect("a connection");
    assert_eq!(only.account.metadata["gke_cluster_name"], "old");

    // A second one takes nothing away from the first.
    world.fake.make_cluster(PROJECT, "europe-west1-b", "new");
    let checked = world.check(&only.credentials, Some(&only.account)).await.expect("good");
    assert_eq!(checked.metadata["gke_cluster_name"], "old");

    world.fake.delete_cluster(PROJECT, "old");
    let checked = world.check(&asked.credentials, Some(&asked.account)).await.expect("the rest works");
    assert_eq!(checked.lacking.expect("a lack").reason, "cluster_missing");
    let checked = world.check(&only.credentials, Some(&only.account)).await.expect("good");
    assert_eq!(checked.lacking, None);
    let shown = |name: &str| checked.metadata.get(name).map(String::as_str);
    assert_eq!(shown("gke_cluster_name"), Some("new"));
    assert_eq!(shown("gke_cluster_zone"), Some("europe-west1-b"));
    assert_eq!(shown("gke_cluster_region"), Some(""), "that of the other cluster is gone");
}

#[tokio::test]
async fn text_of_google_that_contains_a_token_or_an_assertion_gets_nowhere() {
    let world = world(&[]).await;
    let linked = world.complete(&world.key()).await.expect("a connection");
    for trouble in [Trouble::Refuses, Trouble::Fails, Trouble::Limits(7), Trouble::Babbles, Trouble::Redirects] {
        world.fake.trouble(Some(trouble));
        let errors = [
            world.complete(&world.key()).await.expect_err("trouble"),
            world.check(&linked.credentials, None).await.expect_err("trouble"),
        ];
        for error in errors {
            let shown = format!("{error} {error:?} {:?}", world.gcp);
            assert!(!shown.contains("Bearer") && !shown.contains("html"), "{shown}");
            for canary in world.fake.canaries() {
                assert!(!shown.contains(&canary), "{trouble:?} shows a secret");
            }
            if let Trouble::Limits(_) = trouble {
                let wait = Some(Duration::from_secs(7));
                assert!(matches!(error, ConnectorError::Unavailable { retry_after, .. } if retry_after == wait));
            }
        }
    }
}

#[tokio::test]
async fn a_host_that_sends_us_elsewhere_is_not_followed() {
    let world = world(&[]).await;
    let (host, asked) = hostile_host().await;
    let to = format!("http://{}/token", host.address());
    let away = any(move || async move { Redirect::temporary(&to) });
    let redirecting = Server::start(ANY_PORT, Router::new().fallback(away)).await.expect("a server");
    let redirecting = format!("http://{}", redirecting.address());
    for variable in ["GCP_OAUTH_URL", "GCP_RESOURCE_MANAGER_URL", "GCP_CONTAINER_URL"] {
        let mut variables = world.fake.variables();
        variables.retain(|(name, _)| *name != variable);
        variables.push((variable, redirecting.clone()));
        let gcp = connector(variables, &world.clock);
        let error = complete_at(&gcp, json!({ "service_account_json": world.key().to_string() })).await;
        assert_eq!(error.expect_err("no answer").reason(), "protocol", "{variable}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a redirect was followed");
}

#[tokio::test]
async fn nothing_is_sent_to_a_network_in_clear_whatever_a_variable_says() {
    let world = world(&[]).await;
    let parts = Parts {
        clock: Arc::new(world.clock.clone()),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws_config::SdkConfig::builder().build(),
    };
    for variable in ["GCP_OAUTH_URL", "GCP_RESOURCE_MANAGER_URL", "GCP_CONTAINER_URL"] {
        let mut env = Env::from_pairs(vec![(variable, "http://10.0.0.1".to_owned())]);
        let error = Gcp::configure(&mut env, &parts).expect_err("in clear");
        assert_eq!(error.variable, variable);
    }
    Gcp::configure(&mut Env::from_pairs(Vec::<(&str, String)>::new()), &parts).expect("Google's own");
}

#[tokio::test]
async fn a_connection_ends_also_while_google_is_away_and_its_tokens_are_forgotten() {
    let world = world(&[]).await;
    let linked = world.complete(&world.key()).await.expect("a connection");
    let calls = world.fake.calls();
    world.fake.trouble(Some(Trouble::Hangs));
    for _ in 0..2 {
        DynConnector::revoke(&world.gcp, CONNECTION, &linked.credentials).await.expect("revoked");
    }
    assert_eq!(world.fake.calls(), calls, "Google is told nothing");
    world.fake.trouble(None);
    let granted = world.fake.granted();
    world.check(&linked.credentials, None).await.expect("the key itself is the organization's");
    assert_eq!(world.fake.granted(), granted + 2, "a token was kept");

    let unknown = Credentials::of(&json!({ "service_account_json": "{}" })).expect("credentials");
    DynConnector::revoke(&world.gcp, CONNECTION, &unknown).await.expect("nothing to tell");
}

#[tokio::test]
async fn somebody_who_starts_is_told_every_role_and_why() {
    let world = world(&[]).await;
    let started = Connector::initiate(&world.gcp, Start::default()).await.expect("it starts");
    assert!(started.url.starts_with("https://console.cloud.google.com/"), "{}", started.url);
    let commands = started.setup["commands"].to_string();
    for (role, told) in ROLES.iter().zip(started.setup["roles"].as_array().expect("a list")) {
        assert_eq!(told["role"], role.name);
        assert!(told["why"].as_str().is_some_and(|why| !why.is_empty()));
        assert!(commands.contains(&format!("--role={} ", role.name)), "{commands}");
    }
    assert!(commands.contains("keys create") && commands.contains("cloudresourcemanager.googleapis.com"));
    assert_eq!(world.fake.calls(), 0);
}
