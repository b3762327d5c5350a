//! The suite. Each test is a sentence about all connectors at once.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future;
use serde_json::{Value, json};
use shared::{
    aws::{self, Patience},
    clock::{Clock as _, SystemClock},
    config::Env,
    connector::{
        ConnectorKind, Connectors,
        contract::{
            Account, Connection, ConnectorError, Credentials, DynConnector, Linked, Method, Parts, Presence,
            Refreshed, Returned, Secrecy, Start, Started,
        },
        fake::{Trouble, Vendor},
    },
    id::{Ids, IntegrationId, OrganizationId},
    secret::manager::{MemorySecrets, SecretStore},
    telemetry,
};
use tracing::instrument::WithSubscriber as _;

use crate::connector as example;

/// The word of ours that the connections of this suite are tied to.
const NONCE: &str = "5f0c2c0f3a6e4a0b9d4f7c1e8b2a6d3c5f0c2c0f3a6e4a0b9d4f7c1e8b2a6d3c";
/// Where browsers are sent back to.
const REDIRECT: &str = "https://app.example.com/integrations/back";
/// Where third parties send what happens.
const WEBHOOK: &str = "https://api.example.com/webhooks/of/this/connection";
/// PKCE's verifier and challenge, of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Longer than what was asked may take, in which several calls may follow each other.
const PATIENCE: Duration = Duration::from_secs(40);

/// A connector with its third party.
struct Candidate {
    name: &'static str,
    vendor: Box<dyn Vendor>,
    list: List,
    organization: OrganizationId,
    integration: IntegrationId,
    /// Whether whoever began last was sent along with a challenge.
    is_challenged: AtomicBool,
}

/// The list that a connector is in.
enum List {
    Real(ConnectorKind, Connectors),
    Example(example::ConnectorKind, example::Connectors),
}

/// What a connector is made of, with its third party at the other end.
fn surroundings(vendor: &dyn Vendor) -> (Env, Parts) {
    let secrets = MemorySecrets::new();
    for (arn, value) in vendor.secrets() {
        secrets.put(&arn, &value, SystemClock.now());
    }
    let own = [
        ("AWS_ACCESS_KEY_ID", "AKIAOURSELVES0000000".to_owned()),
        (
            "AWS_SECRET_ACCESS_KEY",
            "our own key of our own account".to_owned(),
        ),
        ("AWS_REGION", "eu-central-1".to_owned()),
    ];
    let mut env = Env::from_pairs(own.into_iter().chain(vendor.variables()));
    let aws = aws::config(&mut env, Patience::SENDER_WAITS).expect("no bundle is named");
    let parts = Parts {
        clock: Arc::new(SystemClock),
        secrets: SecretStore::from_source(secrets),
        aws,
    };
    (env, parts)
}

impl Candidate {
    /// Every connector there is, and the example.
    async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for kind in ConnectorKind::ALL {
            let vendor = kind.start_fake().await.expect("its server starts");
            let (mut env, parts) = surroundings(&*vendor);
            let connectors = Connectors::from_env(&mut env, &parts).expect("the fake's addresses serve");
            env.finish().expect("nothing is missing");
            all.push(Self::new(kind.as_str(), vendor, List::Real(*kind, connectors)));
        }
        for kind in example::ConnectorKind::ALL {
            let vendor = kind.start_fake().await.expect("its server starts");
            let (mut env, parts) = surroundings(&*vendor);
            let connectors =
                example::Connectors::from_env(&mut env, &parts).expect("the fake's addresses serve");
            env.finish().expect("nothing is missing");
            all.push(Self::new(kind.as_str(), vendor, List::Example(*kind, connectors)));
        }
        assert!(all.len() > 1, "some connectors are missing");
        all
    }

    fn new(name: &'static str, vendor: Box<dyn Vendor>, list: List) -> Self {
        let ids = Ids::random();
        Self {
            name,
            vendor,
            list,
            organization: ids.organization(),
            integration: ids.integration(),
            is_challenged: AtomicBool::new(false),
        }
    }

    fn connector(&self) -> &dyn DynConnector {
        match &self.list {
            List::Real(kind, connectors) => connectors.get(*kind),
            List::Example(kind, connectors) => connectors.get(*kind),
        }
    }

    fn connection<'a>(&self, account: Option<&'a Account>) -> Connection<'a> {
        Connection {
            organization: self.organization,
            integration: self.integration,
            nonce: NONCE,
            webhook_url: Some(WEBHOOK),
            account,
            now: SystemClock.now(),
        }
    }

    async fn started(&self) -> Result<Started, ConnectorError> {
        let start = Start {
            state: "state-of-the-suite",
            redirect_uri: REDIRECT,
            code_challenge: CHALLENGE,
            nonce: NONCE,
            ..Start::default()
        };
        let started = self.connector().initiate(start).await?;
        let is_challenged = started.url.contains(CHALLENGE);
        self.is_challenged.store(is_challenged, Ordering::SeqCst);
        Ok(started)
    }

    /// What somebody brings who does all that they are told.
    async fn input(&self, account: u8) -> Value {
        let started = self.started().await.expect("it starts");
        self.vendor.consent(&started, account).await
    }

    async fn complete(&self, input: Value) -> Result<Linked<Credentials>, ConnectorError> {
        let is_challenged = self.is_challenged.load(Ordering::SeqCst);
        let returned = Returned {
            redirect_uri: REDIRECT,
            code_verifier: if is_challenged { VERIFIER } else { "" },
        };
        self.connector()
            .complete(self.connection(None), returned, input)
            .await
    }

    async fn linked(&self, account: u8) -> Linked<Credentials> {
        let linked = self
            .complete(self.input(account).await)
            .await
            .expect("it is good");
        let account = linked.account.clone();
        let connection = self.connection(Some(&account));
        self.connector()
            .attach(connection, linked)
            .await
            .expect("it is kept")
    }

    /// All that is asked of a third party about a connection that is there, each with what it came to.
    async fn ask_all(&self, linked: &Linked<Credentials>) -> Vec<(&'static str, Option<ConnectorError>)> {
        let connection = self.connection(Some(&linked.account));
        let (connector, credentials) = (self.connector(), &linked.credentials);
        let (validated, repositories, refreshed, revoked) = future::join4(
            connector.validate(connection, credentials),
            connector.repositories(connection, credentials, 1),
            connector.refresh(connection, credentials),
            connector.revoke(connection, credentials),
        )
        .await;
        vec![
            ("validate", validated.err()),
            ("repositories", repositories.err()),
            ("refresh", refreshed.err()),
            ("revoke", revoked.err()),
        ]
    }
}

/// Does the same with every connector, all at once: each waits for its own third party.
async fn each(check: impl AsyncFn(&Candidate)) {
    let all = Candidate::all().await;
    future::join_all(all.iter().map(|candidate| check(candidate))).await;
}

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }
}

/// An error as whoever has it may show it: in words, in detail, and with its causes.
fn shown(error: &ConnectorError) -> String {
    format!("{error} {error:?} {}", telemetry::Causes(error))
}

#[tokio::test]
async fn what_a_connector_says_of_itself_is_whole() {
    each(async |candidate| {
        let (name, about) = (candidate.name, candidate.connector().descriptor());
        assert!(!about.name.is_empty() && !about.description.is_empty(), "{name}");
        assert!(!about.capabilities.is_empty(), "{name} is good for nothing");
        assert!(about.documentation.starts_with("https://"), "{name}");
        assert_eq!(
            about.method == Method::Form,
            !about.ways.is_empty(),
            "{name}: a form has fields"
        );
        let ways: BTreeSet<_> = about.ways.iter().map(|way| way.name).collect();
        assert_eq!(ways.len(), about.ways.len(), "{name}: two ways of one name");
        for way in about.ways {
            let names: BTreeSet<_> = way.fields.iter().map(|field| field.name).collect();
            assert_eq!(names.len(), way.fields.len(), "{name}: two fields of one name");
            assert!(
                way.fields
                    .iter()
                    .any(|field| field.presence == Presence::Required),
                "{name}: nothing has to be filled in"
            );
            for field in way.fields {
                let what = format!("{name}.{}", field.name);
                assert!(
                    !field.label.is_empty() && !field.help.is_empty() && !field.find.is_empty(),
                    "{what}"
                );
                assert!(field.max_length > 0, "{what} can hold nothing");
                if let Some(pattern) = field.pattern {
                    regex_lite::Regex::new(pattern).unwrap_or_else(|error| panic!("{what}: {error}"));
                }
                let sounds_secret = ["key", "token", "secret", "password", "json"]
                    .iter()
                    .any(|word| field.name.contains(word));
                let is_name_of_key = field.name.ends_with("_id");
                assert!(
                    !sounds_secret || is_name_of_key || field.secrecy == Secrecy::Secret,
                    "{what} would be shown"
                );
            }
        }
        if let Some(field) = about.code_field {
            assert!(about.field(field).is_some(), "{name} has no field {field}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_empty_form_is_told_each_field_that_it_lacks() {
    each(async |candidate| {
        let (name, about) = (candidate.name, candidate.connector().descriptor());
        for empty in [json!({}), json!([]), json!("x"), json!(null)] {
            match candidate.complete(empty.clone()).await {
                Err(ConnectorError::Invalid(problems))
                    if about.method == Method::Form && empty == json!({}) =>
                {
                    let told: BTreeSet<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
                    for field in about.ways[0]
                        .fields
                        .iter()
                        .filter(|f| f.presence == Presence::Required)
                    {
                        let field = format!("credentials.{}", field.name);
                        assert!(told.contains(field.as_str()), "{name}: {field} is not told");
                    }
                }
                Err(ConnectorError::Invalid(problems)) => assert!(!problems.is_empty(), "{name}"),
                Err(ConnectorError::Refused { message, .. }) => assert!(!message.is_empty(), "{name}"),
                other => panic!("{name}: {empty} is answered {other:?}"),
            }
        }
        assert_eq!(candidate.vendor.calls(), 0, "{name}: nobody was asked for that");
    })
    .await;
}

#[tokio::test]
async fn the_form_and_what_is_read_agree_field_by_field() {
    each(async |candidate| {
        let (name, about) = (candidate.name, candidate.connector().descriptor());
        if about.method != Method::Form {
            return;
        }
        let good = candidate.input(0).await;
        let way = about
            .check(&good)
            .expect("it is filled in well")
            .expect("a form has ways");
        let calls = candidate.vendor.calls();
        for field in way.fields {
            for (value, presence) in [(Value::Null, field.presence), (json!(7), Presence::Required)] {
                if presence == Presence::Optional {
                    continue;
                }
                let mut input = good.clone();
                input["way"] = json!(way.name);
                input[field.name] = value;
                let told = match candidate.complete(input).await {
                    Err(ConnectorError::Invalid(told)) => told,
                    other => panic!("{name}.{}: {other:?}", field.name),
                };
                assert_eq!(told[0].field, format!("credentials.{}", field.name), "{name}");
            }
        }
        assert_eq!(
            candidate.vendor.calls(),
            calls,
            "{name}: nobody was asked for that"
        );
        let mut more = good.clone();
        more["nobody_knows_this"] = json!(1);
        candidate
            .complete(more)
            .await
            .expect("what is unknown is ignored");
    })
    .await;
}

#[tokio::test]
async fn what_is_good_connects_and_works_and_is_the_same_account_again() {
    each(async |candidate| {
        let name = candidate.name;
        let linked = candidate.linked(0).await;
        assert!(
            !linked.account.id.is_empty() && !linked.account.name.is_empty(),
            "{name}"
        );
        let connection = candidate.connection(Some(&linked.account));
        let checked = candidate
            .connector()
            .validate(connection, &linked.credentials)
            .await
            .unwrap_or_else(|error| panic!("{name}: {}", shown(&error)));
        assert_eq!(checked.lacking, None, "{name}");

        let again = candidate.linked(0).await;
        assert_eq!(again.account.id, linked.account.id, "{name}");
        let other = candidate.linked(1).await;
        assert_ne!(other.account.id, linked.account.id, "{name}");
        assert_ne!(
            other.account.name, linked.account.name,
            "{name}: people must tell them apart"
        );
    })
    .await;
}

#[tokio::test]
async fn credentials_read_back_as_they_were_written() {
    each(async |candidate| {
        let name = candidate.name;
        let linked = candidate.linked(0).await;
        let stored = serde_json::to_string(&linked.credentials).expect("it can be written");
        assert!(stored.starts_with('{'), "{name}: fields are added one day");
        let read: Credentials = serde_json::from_str(&stored).expect("it can be read");
        let connection = candidate.connection(Some(&linked.account));
        candidate
            .connector()
            .validate(connection, &read)
            .await
            .expect("they are the same");

        let unknown: Credentials = serde_json::from_str(r#"{"of_another_release":1}"#).expect("JSON");
        match candidate.connector().validate(connection, &unknown).await {
            Err(ConnectorError::Refused { reason, .. }) => {
                assert_eq!(reason, "credentials_unreadable", "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn what_refreshes_is_good_afterwards() {
    each(async |candidate| {
        let name = candidate.name;
        let linked = candidate.linked(0).await;
        let connection = candidate.connection(Some(&linked.account));
        let refreshed = candidate
            .connector()
            .refresh(connection, &linked.credentials)
            .await
            .unwrap_or_else(|error| panic!("{name}: {}", shown(&error)));
        match refreshed {
            Refreshed::Lasting => assert_eq!(linked.expires_at, None, "{name}: what ends has to be renewed"),
            Refreshed::Renewed { credentials, .. } => {
                let checked = candidate.connector().validate(connection, &credentials).await;
                checked.unwrap_or_else(|error| panic!("{name}: {}", shown(&error)));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_back_at_the_third_party_is_told_from_an_outage() {
    each(async |candidate| {
        let name = candidate.name;
        let linked = candidate.linked(0).await;
        candidate.vendor.withdraw();
        let connection = candidate.connection(Some(&linked.account));
        match candidate
            .connector()
            .validate(connection, &linked.credentials)
            .await
        {
            Err(
                ConnectorError::Refused { reason, message, .. } | ConnectorError::Gone { reason, message },
            ) => {
                assert!(!reason.is_empty() && !message.is_empty(), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let revoked = candidate
            .connector()
            .revoke(connection, &linked.credentials)
            .await;
        revoked.unwrap_or_else(|error| panic!("{name}: what is gone is revoked: {}", shown(&error)));
    })
    .await;
}

#[tokio::test]
async fn nothing_of_ours_remains_after_a_revocation_and_a_second_one_is_none() {
    each(async |candidate| {
        let name = candidate.name;
        let linked = candidate.linked(0).await;
        let connection = candidate.connection(Some(&linked.account));
        for _ in 0..2 {
            let revoked = candidate
                .connector()
                .revoke(connection, &linked.credentials)
                .await;
            revoked.unwrap_or_else(|error| panic!("{name}: {}", shown(&error)));
            assert_eq!(candidate.vendor.remains(), Vec::<String>::new(), "{name}");
        }
    })
    .await;
}

/// What each error must be, for a kind of trouble.
fn is_fair(trouble: Trouble, error: &ConnectorError) -> bool {
    match (trouble, error) {
        (Trouble::Refuses, ConnectorError::Refused { .. } | ConnectorError::Gone { .. })
        | (Trouble::Fails | Trouble::Hangs, ConnectorError::Unavailable { .. })
        | (Trouble::Babbles | Trouble::Redirects, ConnectorError::Protocol { .. }) => true,
        (Trouble::Limits(seconds), ConnectorError::Unavailable { retry_after, .. }) => {
            retry_after.is_none_or(|wait| wait >= Duration::from_secs(seconds.into()))
        }
        _ => false,
    }
}

/// In trouble of one kind, everything that needs the third party is told apart rightly, and nothing of it shows a secret.
async fn in_trouble(trouble: Trouble) {
    each(async |candidate| {
        let name = candidate.name;
        let linked = candidate.linked(0).await;
        let input = candidate.input(0).await;
        let log = Log::default();
        let writer = log.clone();
        let subscriber = telemetry::subscriber("TRACE", move || writer.clone());

        candidate.vendor.trouble(Some(trouble));
        let asked = async {
            let (completed, mut errors) =
                future::join(candidate.complete(input), candidate.ask_all(&linked)).await;
            errors.push(("complete", completed.err()));
            errors
        };
        let asked = tokio::time::timeout(PATIENCE, asked.with_subscriber(subscriber)).await;
        let errors = asked.unwrap_or_else(|_| panic!("{name}: {trouble:?} takes forever"));

        let mut seen = log.text();
        for (what, error) in &errors {
            let Some(error) = error else {
                // Not everything asks somebody, and what is refused may be as good as gone.
                assert!(
                    ["repositories", "refresh", "revoke", "complete"].contains(what),
                    "{name}: {what}"
                );
                continue;
            };
            let is_form = matches!(error, ConnectorError::Invalid(_)) && *what == "complete";
            assert!(
                is_fair(trouble, error) || (is_form && trouble == Trouble::Refuses),
                "{name}: {what} in {trouble:?}: {}",
                shown(error)
            );
            seen.push_str(&shown(error));
        }
        for canary in candidate.vendor.canaries() {
            assert!(!seen.contains(&canary), "{name}: {trouble:?} shows a secret");
        }

        candidate.vendor.trouble(None);
        if trouble != Trouble::Refuses {
            let linked = candidate.linked(0).await;
            let connection = candidate.connection(Some(&linked.account));
            let checked = candidate
                .connector()
                .validate(connection, &linked.credentials)
                .await;
            checked.unwrap_or_else(|error| panic!("{name}: after {trouble:?}: {}", shown(&error)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_told_in_our_words() {
    in_trouble(Trouble::Refuses).await;
}

#[tokio::test]
async fn an_outage_is_no_refusal() {
    in_trouble(Trouble::Fails).await;
}

#[tokio::test]
async fn a_pause_that_the_third_party_asks_for_is_passed_on() {
    in_trouble(Trouble::Limits(17)).await;
}

#[tokio::test]
async fn a_third_party_that_never_answers_is_not_waited_for() {
    in_trouble(Trouble::Hangs).await;
}

#[tokio::test]
async fn an_answer_that_nobody_can_read_is_no_refusal() {
    in_trouble(Trouble::Babbles).await;
}

#[tokio::test]
async fn nobody_is_followed_to_another_host() {
    in_trouble(Trouble::Redirects).await;
}

#[tokio::test]
async fn no_secret_is_shown_when_all_goes_well() {
    each(async |candidate| {
        let name = candidate.name;
        let log = Log::default();
        let writer = log.clone();
        let subscriber = telemetry::subscriber("TRACE", move || writer.clone());
        let mut seen = async {
            let started = candidate.started().await.expect("it starts");
            let input = candidate.vendor.consent(&started, 0).await;
            let linked = candidate.complete(input).await.expect("it is good");
            let account = linked.account.clone();
            let connection = candidate.connection(Some(&account));
            let linked = candidate
                .connector()
                .attach(connection, linked)
                .await
                .expect("it is kept");
            let checked = candidate
                .connector()
                .validate(connection, &linked.credentials)
                .await;
            let refreshed = candidate
                .connector()
                .refresh(connection, &linked.credentials)
                .await;
            let account = serde_json::to_string(&linked.account).expect("JSON");
            format!("{started:?} {linked:?} {account} {checked:?} {refreshed:?}")
        }
        .with_subscriber(subscriber)
        .await;
        seen.push_str(&log.text());
        let canaries = candidate.vendor.canaries();
        assert!(!canaries.is_empty(), "{name} has no secrets, which cannot be");
        for canary in canaries {
            assert!(canary.len() >= 8, "{name}: a canary that may stand anywhere");
            assert!(!seen.contains(&canary), "{name} shows a secret");
        }
    })
    .await;
}
