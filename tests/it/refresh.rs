//! Credentials that end are refreshed once, whoever wants to do it at the same time and whatever happens in between.

#![expect(
    clippy::disallowed_methods,
    reason = "no function: what is spawned ends with the test's runtime"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    clock::{self, Clock as _, FixedClock, SharedClock, Timestamp},
    config::Env,
    connector::{
        ConnectorKind, Connectors,
        contract::{
            self, Checked, Connection, Connector, ConnectorError, Descriptor, Linked, Parts, Refreshed,
            Remedy, Returned, SetupError, Start, Started,
        },
    },
    db::{Access, integration_credentials, integrations},
    id::{Ids, IntegrationId},
    integration::{
        Integrations,
        refresh::{self, Current, FIRST_PAUSE, Outcome, RefreshError, Refresher, Unusable},
    },
    secret::{
        kms::{DataKey, EncryptionContext, KeyError, KeyService, PlainKey, Rewrapped},
        manager::{MemorySecrets, SecretStore},
        vault::{CredentialScope, Vault},
    },
    telemetry::Metrics,
};
use tests::{
    database::Database,
    kms::{FakeKms, Fault},
};
use tokio::{sync::Notify, task::JoinSet};

pub(crate) const TOKENS_LIVE: Duration = Duration::from_hours(12);
/// What is left of them when they are refreshed.
const AHEAD: Duration = Duration::from_mins(10);

fn start() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).expect("in range")
}

/// What opens a connection to the third party of these stories.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pair {
    #[serde(serialize_with = "contract::exposed")]
    access: SecretString,
    #[serde(serialize_with = "contract::exposed")]
    refresh: SecretString,
}

impl Pair {
    pub(crate) fn of(number: u32) -> Self {
        Self {
            access: format!("access-{number}").into(),
            refresh: format!("refresh-{number}").into(),
        }
    }
}

/// What the third party does the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// What it should.
    Well,
    /// It answers that it is away, and takes nothing.
    Away(Option<Duration>),
    /// It takes the refresh token, and no answer ever comes.
    Silent,
    /// No answer ever comes, and it takes nothing.
    Deaf,
    /// It says that the app is gone.
    Gone,
    /// It gives nothing that could be refreshed; whatever else it is asked, it says that the token is not good.
    Lasting,
    /// We do not know its app's secret.
    NotSetUp,
    /// It answers what cannot be read, after it took the refresh token.
    Garbled,
}

impl Mood {
    /// What it says to whatever has nothing to do with refreshing.
    async fn answer(self) -> Result<(), ConnectorError> {
        match self {
            Self::Well => Ok(()),
            Self::Gone => Err(ConnectorError::Gone {
                reason: "app_uninstalled",
                message: "the app is not installed any more".to_owned(),
            }),
            Self::Away(retry_after) => Err(ConnectorError::Unavailable {
                retry_after,
                source: "503".into(),
            }),
            Self::Silent | Self::Deaf => std::future::pending().await,
            Self::Lasting => Err(ConnectorError::Refused {
                reason: "token_revoked",
                message: "the token is not good".to_owned(),
                remedy: Remedy::Reconnect,
            }),
            Self::NotSetUp => Err(ConnectorError::NotSetUp { what: "no secret" }),
            Self::Garbled => Err(ConnectorError::Protocol {
                what: "other credentials than were connected".to_owned(),
            }),
        }
    }
}

#[derive(Debug)]
struct Books {
    /// The one refresh token of each connection that is good, if it is not the first.
    good: BTreeMap<IntegrationId, u32>,
    /// Once a token is used twice, none of the connection is good any more.
    burnt: BTreeSet<IntegrationId>,
    asked: usize,
    mood: Mood,
}

/// A third party whose refresh tokens are good once, and which takes back everything when one is used again.
#[derive(Clone)]
pub(crate) struct Vendor {
    books: Arc<Mutex<Books>>,
    /// It has been asked.
    asked: Arc<Notify>,
    /// It waits for this before it answers, if it is to.
    answer: Arc<Mutex<Option<Arc<Notify>>>>,
}

impl Vendor {
    pub(crate) fn new() -> Self {
        Self {
            books: Arc::new(Mutex::new(Books {
                good: BTreeMap::new(),
                burnt: BTreeSet::new(),
                asked: 0,
                mood: Mood::Well,
            })),
            asked: Arc::default(),
            answer: Arc::default(),
        }
    }

    /// The refresh token that was given last is used somewhere else.
    pub(crate) fn burn(&self, integration: IntegrationId) {
        self.books().burnt.insert(integration);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.books().mood = mood;
    }

    pub(crate) fn asked(&self) -> usize {
        self.books().asked
    }

    /// It answers nothing until what is returned is notified.
    pub(crate) fn hold(&self) -> Arc<Notify> {
        let answer = Arc::new(Notify::new());
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&answer));
        answer
    }

    /// Waits until it has been asked.
    pub(crate) async fn until_asked(&self) {
        self.asked.notified().await;
    }

    /// It has been asked, and may have to wait before it answers.
    async fn before_it_answers(&self) {
        self.asked.notify_one();
        let hold = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hold) = hold {
            hold.notified().await;
        }
    }
}

#[async_trait]
impl Connector for Vendor {
    type Input = serde::de::IgnoredAny;
    type Credentials = Pair;

    fn configure(_: &mut Env, _: &Parts) -> Result<Self, SetupError> {
        Ok(Self::new())
    }

    fn descriptor(&self) -> &'static Descriptor {
        unreachable!("nobody connects")
    }

    async fn initiate(&self, _: Start<'_>) -> Result<Started, ConnectorError> {
        unreachable!("nobody connects")
    }

    async fn complete(
        &self,
        _: Connection<'_>,
        _: Returned<'_>,
        _: Self::Input,
    ) -> Result<Linked<Pair>, ConnectorError> {
        unreachable!("nobody connects")
    }

    async fn validate(&self, connection: Connection<'_>, _: &Pair) -> Result<Checked, ConnectorError> {
        let mood = {
            let mut books = self.books();
            books.asked += 1;
            if books.burnt.contains(&connection.integration) {
                Mood::Lasting
            } else {
                books.mood
            }
        };
        self.before_it_answers().await;
        mood.answer().await.map(|()| Checked::default())
    }

    async fn revoke(&self, connection: Connection<'_>, credentials: &Pair) -> Result<(), ConnectorError> {
        let mood = {
            let mut books = self.books();
            books.asked += 1;
            if credentials.access.expose_secret() == "access-1" && connection.account.is_some() {
                books.mood
            } else {
                Mood::Garbled
            }
        };
        mood.answer().await
    }

    async fn refresh(
        &self,
        connection: Connection<'_>,
        credentials: Pair,
    ) -> Result<Refreshed<Pair>, ConnectorError> {
        let (mood, answer) = {
            let mut books = self.books();
            books.asked += 1;
            let taking = [Mood::Well, Mood::Silent, Mood::Garbled].contains(&books.mood);
            let id = connection.integration;
            let good = books.good.get(&id).copied().unwrap_or(1);
            let is_good = credentials.refresh.expose_secret() == format!("refresh-{good}");
            let answer = if !taking {
                None
            } else if is_good && !books.burnt.contains(&id) {
                books.good.insert(id, good + 1);
                Some((Pair::of(good + 1), clock::after(connection.now, TOKENS_LIVE)))
            } else {
                books.burnt.insert(id);
                None
            };
            (books.mood, answer)
        };
        self.before_it_answers().await;
        match (mood, answer) {
            (Mood::Well, Some((credentials, expires_at))) => Ok(Refreshed::Renewed {
                credentials,
                expires_at: Some(expires_at),
            }),
            (Mood::Well, None) => Err(ConnectorError::Refused {
                reason: "invalid_grant",
                message: "the refresh token is not good; connect again".to_owned(),
                remedy: Remedy::Reconnect,
            }),
            (Mood::Silent | Mood::Deaf, _) => std::future::pending().await,
            (Mood::Away(retry_after), _) => Err(ConnectorError::Unavailable {
                retry_after,
                source: "503".into(),
            }),
            (Mood::Gone, _) => Err(ConnectorError::Gone {
                reason: "app_uninstalled",
                message: "the app is not installed any more".to_owned(),
            }),
            (Mood::Lasting, _) => Ok(Refreshed::Lasting),
            (Mood::NotSetUp, _) => Err(ConnectorError::NotSetUp { what: "no secret" }),
            (Mood::Garbled, _) => Err(ConnectorError::Protocol {
                what: "ok: is missing".to_owned(),
            }),
        }
    }
}

/// All connectors, with the third party of these stories in Slack's place.
pub(crate) fn connectors(vendor: &Vendor, clock: &SharedClock) -> Connectors {
    let parts = Parts {
        clock: Arc::clone(clock),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: SdkConfig::builder().build(),
    };
    Connectors::from_env(&mut Env::from_pairs::<String, String>([]), &parts)
        .expect("nothing is set wrongly")
        .with(ConnectorKind::Slack, Arc::new(vendor.clone()))
}

struct World {
    vendor: Vendor,
    kms: FakeKms,
    clock: FixedClock,
    ids: Ids,
    metrics: Arc<Mutex<Vec<u8>>>,
    database: Arc<Database>,
    scope: CredentialScope,
}

impl World {
    /// An organization whose credentials end soon.
    async fn new() -> Self {
        let database = Arc::new(Database::new().await.expect("a database"));
        let ids = Ids::random();
        let organization = database.organization("acme", start()).await.expect("acme");
        let world = Self {
            vendor: Vendor::new(),
            kms: FakeKms::new(),
            clock: FixedClock::at(start()),
            metrics: Arc::default(),
            scope: CredentialScope {
                organization,
                connector: ConnectorKind::Slack,
                integration: ids.integration(),
            },
            ids,
            database,
        };
        world.connect(1).await;
        let until = clock::after(start(), TOKENS_LIVE) - AHEAD;
        world.clock.advance((until - start()).to_std().expect("later"));
        world
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn vault(&self) -> Vault {
        Vault::new(Arc::new(self.kms.clone()), "test", Arc::new(self.clock.clone()))
    }

    async fn connect(&self, number: u32) {
        connect(&self.database, &self.vault(), &self.scope, number, self.now()).await;
    }

    /// A fresh process, with a connection of its own.
    fn process(&self) -> Refresher {
        self.process_with(self.kms.clone())
    }

    fn process_with(&self, keys: impl KeyService + 'static) -> Refresher {
        let clock: SharedClock = Arc::new(self.clock.clone());
        Refresher {
            integrations: Integrations {
                db: Arc::new(Access::from(self.database.pool(1).expect("a way in"))),
                vault: Arc::new(Vault::new(Arc::new(keys), "test", Arc::clone(&clock))),
                connectors: connectors(&self.vendor, &clock),
                metrics: Metrics::to("test", "scheduler", Arc::clone(&clock), self.metrics.clone()),
                ids: self.ids.clone(),
                actor: "scheduler",
                clock,
            },
            patience: Duration::from_millis(300),
        }
    }

    async fn refresh(&self) -> Result<Outcome, RefreshError> {
        self.refresh_in(&self.process()).await
    }

    async fn refresh_in(&self, process: &Refresher) -> Result<Outcome, RefreshError> {
        let scope = &self.scope;
        process
            .refresh(
                scope.organization,
                scope.integration,
                Duration::from_hours(1),
                &[],
            )
            .await
    }

    async fn wanted(&self) -> Result<Current, Unusable> {
        let scope = &self.scope;
        self.process()
            .refresh_if_expiring(scope.organization, scope.integration, Duration::from_hours(1))
            .await
    }

    async fn access(&self, current: &Current) -> String {
        let pair: Pair = self
            .vault()
            .open(&self.scope, &current.sealed, "test")
            .await
            .expect("it opens");
        pair.access.expose_secret().to_owned()
    }

    /// The access token that is kept.
    async fn kept(&self) -> String {
        let mut db = self.database.pool(1).expect("a way in").get().await.expect("it");
        let tx = db.begin_for(self.scope.organization).await.expect("it begins");
        let (_, sealed) =
            integration_credentials::find_sealed(&tx, self.scope.organization, self.scope.integration)
                .await
                .expect("it can be read")
                .expect("it is never deleted");
        let pair: Pair = self
            .vault()
            .open(&self.scope, &sealed, "test")
            .await
            .expect("it opens");
        pair.access.expose_secret().to_owned()
    }

    async fn row(&self, query: &str) -> String {
        let client = self.database.superuser().await.expect("a connection");
        client.query_one(query, &[]).await.expect(query).get(0)
    }

    async fn run(&self, statements: &str) {
        let client = self.database.superuser().await.expect("a connection");
        client.batch_execute(statements).await.expect(statements);
    }

    /// Who connects from now on has this setting.
    async fn set(&self, setting: &str, value: &str) {
        let name = self.row("SELECT current_database()::text").await;
        let role = self.database.application().username;
        self.run(&format!(
            "ALTER ROLE {role} IN DATABASE {name} SET {setting} = '{value}'"
        ))
        .await;
    }

    /// How well the connection works, as everybody sees it.
    async fn health(&self) -> String {
        self.row(
            "SELECT concat_ws(' ', health, health_reason, health_remedy, failures::text,
                              CASE WHEN retry_at IS NOT NULL THEN 'retry' END) FROM integrations",
        )
        .await
    }

    /// Whether it is to be seen that a refresh did not end.
    async fn is_open_ended(&self) -> bool {
        self.row("SELECT (refresh_started_at IS NOT NULL)::text FROM integration_credentials")
            .await
            == "true"
    }

    fn counted(&self, outcome: &str) -> usize {
        let bytes = self
            .metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let text = String::from_utf8(bytes).expect("text");
        text.lines()
            .filter(|line| line.contains("CredentialRefreshes\"") && line.contains(&format!("\"{outcome}\"")))
            .count()
    }

    /// Waits until somebody waits for a lock.
    async fn until_somebody_waits(&self) {
        let client = self.database.superuser().await.expect("a connection");
        let query = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock'";
        loop {
            let waiting: i64 = client.query_one(query, &[]).await.expect("a count").get(0);
            if waiting > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Connects, or connects again, with the pair of this number.
pub(crate) async fn connect(
    database: &Database,
    vault: &Vault,
    scope: &CredentialScope,
    number: u32,
    now: Timestamp,
) {
    let sealed = vault.seal(scope, &Pair::of(number)).await.expect("sealed");
    let mut db = database.pool(1).expect("a way in").get().await.expect("it");
    let metadata = json!({ "connector_org_name": "Acme", "plan": "paid" });
    let workspace = format!("T{}", scope.organization.uuid().simple());
    let new = integrations::New {
        id: scope.integration,
        connector: scope.connector,
        connected_by: None,
        external_id: Some(&workspace),
        bot_id: Some("U0BOT"),
        connector_user_id: None,
        connector_organization_id: Some(&workspace),
        metadata: &metadata,
        installed_at: now,
    };
    let tx = db.begin_for(scope.organization).await.expect("it begins");
    integrations::upsert(&tx, scope.organization, &new, now)
        .await
        .expect("connected");
    let end = Some(clock::after(now, TOKENS_LIVE));
    integration_credentials::upsert(&tx, scope.organization, scope.integration, &sealed, end, now)
        .await
        .expect("kept");
    tx.commit().await.expect("it ends");
}

#[tokio::test]
async fn fifty_refreshes_at_once_ask_once_and_nobody_has_to_connect_again() {
    let world = World::new().await;
    // How fast fifty log in, and how soon it is everybody's turn, is the machine's affair.
    world.set("lock_timeout", "5min").await;
    world.set("statement_timeout", "5min").await;
    let mut processes = Vec::new();
    for _ in 0..50 {
        let process = Refresher {
            patience: refresh::PATIENCE,
            ..world.process()
        };
        drop(process.integrations.db.get().await.expect("a connection"));
        processes.push(process);
    }
    let mut all = JoinSet::new();
    for process in processes {
        let scope = world.scope;
        all.spawn(async move {
            process
                .refresh_if_expiring(scope.organization, scope.integration, Duration::from_hours(1))
                .await
        });
    }
    let mut tokens = BTreeSet::new();
    let now = world.now();
    for current in all.join_all().await {
        let current = current.expect("everybody gets credentials");
        assert!(
            current.is_usable(clock::after(now, Duration::from_hours(11))),
            "they are the new ones"
        );
        tokens.insert(world.access(&current).await);
    }
    assert_eq!(tokens, BTreeSet::from(["access-2".to_owned()]));
    assert_eq!(world.vendor.asked(), 1, "the refresh token was used once");
    assert_eq!(world.kept().await, "access-2");
    assert_eq!(world.health().await, "healthy 0");
    assert!(!world.is_open_ended().await);
    assert_eq!(world.counted("renewed"), 1);
}

#[tokio::test]
async fn credentials_that_last_are_left_alone_and_so_are_those_that_do_not_end() {
    let world = World::new().await;
    world.refresh().await.expect("refreshed");
    assert!(matches!(world.refresh().await, Ok(Outcome::Fresh(_))));
    world
        .run("UPDATE integration_credentials SET expires_at = NULL, refresh_at = NULL")
        .await;
    assert!(matches!(world.refresh().await, Ok(Outcome::Fresh(_))));
    assert_eq!(world.vendor.asked(), 1);
}

#[tokio::test]
async fn a_process_that_dies_before_the_third_party_took_the_token_leaves_a_mark_and_costs_nothing() {
    let world = World::new().await;
    world.vendor.be(Mood::Deaf);
    let process = Refresher {
        patience: Duration::from_hours(1),
        ..world.process()
    };
    tokio::select! {
        _ = world.refresh_in(&process) => panic!("it waits for an answer"),
        () = world.vendor.until_asked() => {}
    }
    drop(process);
    assert!(world.is_open_ended().await, "what happened is not known");

    world.vendor.be(Mood::Well);
    assert!(matches!(world.refresh().await, Ok(Outcome::Renewed(_))));
    assert!(!world.is_open_ended().await);
    assert_eq!(world.health().await, "healthy 0");
    assert_eq!(world.counted("renewed"), 1);
}

#[tokio::test]
async fn a_process_that_dies_after_the_third_party_took_the_token_leaves_a_mark_that_says_why_it_is_spent() {
    let world = World::new().await;
    world.vendor.be(Mood::Silent);
    let process = Refresher {
        patience: Duration::from_hours(1),
        ..world.process()
    };
    tokio::select! {
        _ = world.refresh_in(&process) => panic!("it waits for an answer"),
        () = world.vendor.until_asked() => {}
    }
    drop(process);
    assert!(world.is_open_ended().await);

    world.vendor.be(Mood::Well);
    let outcome = world.refresh().await.expect("it is known");
    assert!(
        matches!(&outcome, Outcome::Refused { reason } if reason == "refresh_cut_off"),
        "{outcome:?}"
    );
    assert_eq!(world.health().await, "needs_reauth refresh_cut_off reconnect 1");
    assert_eq!(world.kept().await, "access-1", "nothing is deleted on a failure");
    assert!(matches!(world.wanted().await, Err(Unusable::Refused(_))));
    assert_eq!(world.vendor.asked(), 2, "it is not asked about again");
    assert_eq!(
        world
            .row("SELECT concat_ws(' ', actor, action, outcome, details->>'reason') FROM audit_events")
            .await,
        "scheduler integration.refresh_refused failed refresh_cut_off"
    );
    // Connecting again makes everything good.
    world.connect(9).await;
    assert_eq!(world.health().await, "healthy 0");
    assert!(!world.is_open_ended().await);
}

#[tokio::test]
async fn a_third_party_that_is_away_degrades_what_goes_on_working_until_its_end_and_not_a_second_longer() {
    let world = World::new().await;
    for (failures, mood) in [(1, Mood::Away(None)), (2, Mood::Deaf), (3, Mood::Garbled)] {
        world.vendor.be(mood);
        let current = world.wanted().await.expect("they have not ended");
        assert_eq!(world.access(&current).await, "access-1");
        let reason = if mood == Mood::Garbled {
            "protocol"
        } else {
            "unavailable"
        };
        assert_eq!(
            world.health().await,
            format!("degraded {reason} wait {failures} retry"),
            "{mood:?}"
        );
        // Nobody asks again before the pause is over, which grows.
        world.wanted().await.expect("they have not ended");
        assert_eq!(world.vendor.asked(), failures);
        let pause = FIRST_PAUSE * (1 << (failures - 1));
        world.clock.advance(pause.mul_f64(0.79));
        world.wanted().await.expect("they have not ended");
        assert_eq!(world.vendor.asked(), failures);
        world.clock.advance(pause.mul_f64(0.21));
    }
    // Now they have ended.
    world.clock.advance(AHEAD);
    world.vendor.be(Mood::Away(Some(Duration::from_hours(2))));
    let outcome = world.wanted().await;
    assert!(
        matches!(outcome, Err(Unusable::ForNow("unavailable"))),
        "{outcome:?}"
    );
    world.clock.advance(Duration::from_mins(119));
    let outcome = world.wanted().await;
    assert!(
        matches!(outcome, Err(Unusable::ForNow("backing_off"))),
        "{outcome:?}"
    );
    assert_eq!(world.kept().await, "access-1");
}

#[tokio::test]
async fn a_check_that_found_something_lacking_and_is_tried_again_does_not_put_off_the_refreshing() {
    let world = World::new().await;
    let later = clock::after(world.now(), Duration::from_mins(15));
    world
        .run(&format!(
            "UPDATE integrations SET health = 'degraded', health_reason = 'scope_missing', retry_at = '{later}'"
        ))
        .await;
    let current = world.wanted().await.expect("refreshed");
    assert_eq!(world.access(&current).await, "access-2");
    let scope = &world.scope;
    let replaced = world
        .process()
        .replace(scope.organization, scope.integration, &current.sealed)
        .await;
    assert!(matches!(replaced, Ok(Outcome::Renewed(_))), "{replaced:?}");

    // A refresh that failed is tried again when it says, however early it was and whatever a check says.
    world
        .clock
        .advance(TOKENS_LIVE.saturating_sub(Duration::from_mins(50)));
    world.vendor.be(Mood::Away(None));
    world.wanted().await.expect("they have not ended");
    let asked = world.vendor.asked();
    world.wanted().await.expect("they have not ended");
    assert_eq!(world.vendor.asked(), asked);
    world
        .run("UPDATE integrations SET retry_at = retry_at + interval '1 day'")
        .await;
    world.vendor.be(Mood::Well);
    world.clock.advance(FIRST_PAUSE);
    let current = world.wanted().await.expect("refreshed");
    assert_eq!(world.access(&current).await, "access-4");
}

#[tokio::test]
async fn when_it_is_back_the_connection_is_healthy_again() {
    let world = World::new().await;
    world.vendor.be(Mood::Away(None));
    world.wanted().await.expect("they have not ended");
    assert!(
        world.is_open_ended().await,
        "whether it took the token is not known"
    );
    world.vendor.be(Mood::Well);
    world.clock.advance(FIRST_PAUSE);
    let current = world.wanted().await.expect("refreshed");
    assert_eq!(world.access(&current).await, "access-2");
    assert_eq!(world.health().await, "healthy 0");
    assert!(!world.is_open_ended().await);
}

#[tokio::test]
async fn each_refusal_says_what_helps() {
    for (mood, expected) in [
        (Mood::Gone, "revoked app_uninstalled reconnect 1"),
        (Mood::NotSetUp, "degraded not_set_up operator 1 retry"),
    ] {
        let world = World::new().await;
        world.vendor.be(mood);
        world.refresh().await.expect("it is known");
        assert_eq!(world.health().await, expected);
        assert!(!world.is_open_ended().await, "{mood:?}: nothing was taken");
        assert_eq!(world.kept().await, "access-1");
    }
    let world = World::new().await;
    world.vendor.burn(world.scope.integration);
    world.refresh().await.expect("it is known");
    assert_eq!(world.health().await, "needs_reauth invalid_grant reconnect 1");
    assert_eq!(
        world.row("SELECT health_message FROM integrations").await,
        "the refresh token is not good; connect again"
    );

    let world = World::new().await;
    world.vendor.be(Mood::Lasting);
    let current = world.wanted().await.expect("they have not ended");
    assert_eq!(world.access(&current).await, "access-1");
    world.wanted().await.expect("they have not ended");
    assert_eq!(world.vendor.asked(), 1, "it is not asked in vain");
    assert_eq!(world.health().await, "healthy 0");
}

#[tokio::test]
async fn who_connects_again_while_the_third_party_is_asked_wins() {
    let world = World::new().await;
    let answer = world.vendor.hold();
    let process = Refresher {
        patience: refresh::PATIENCE,
        ..world.process()
    };
    let (database, vault, scope, now) = (
        Arc::clone(&world.database),
        world.vault(),
        world.scope,
        world.now(),
    );
    let (outcome, ()) = tokio::join!(world.refresh_in(&process), async {
        world.vendor.until_asked().await;
        let connecting = tokio::spawn(async move { connect(&database, &vault, &scope, 9, now).await });
        world.until_somebody_waits().await;
        answer.notify_one();
        connecting.await.expect("connected");
    });
    assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
    assert_eq!(world.kept().await, "access-9");
    assert_eq!(world.health().await, "healthy 0");
}

#[tokio::test]
async fn a_refusal_says_nothing_about_what_somebody_has_connected_meanwhile() {
    let world = World::new().await;
    world.vendor.burn(world.scope.integration);
    let answer = world.vendor.hold();
    let process = Refresher {
        patience: refresh::PATIENCE,
        ..world.process()
    };
    let (database, vault, scope, now) = (
        Arc::clone(&world.database),
        world.vault(),
        world.scope,
        world.now(),
    );
    let (outcome, ()) = tokio::join!(world.refresh_in(&process), async {
        world.vendor.until_asked().await;
        let connecting = tokio::spawn(async move { connect(&database, &vault, &scope, 9, now).await });
        world.until_somebody_waits().await;
        answer.notify_one();
        connecting.await.expect("connected");
    });
    assert!(matches!(outcome, Ok(Outcome::Fresh(_))), "{outcome:?}");
    assert_eq!(world.kept().await, "access-9");
    assert_eq!(world.health().await, "healthy 0");
    assert_eq!(world.row("SELECT count(*)::text FROM audit_events").await, "0");
}

/// A key service during whose work something happens.
#[derive(Debug)]
struct During {
    kms: FakeKms,
    database: Arc<Database>,
    scope: CredentialScope,
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Somebody connects again.
    Connected,
    /// From now on KMS is away.
    KmsAway,
}

#[async_trait]
impl KeyService for During {
    async fn generate(&self, context: &EncryptionContext) -> Result<DataKey, KeyError> {
        let key = KeyService::generate(&self.kms, context).await;
        match self.then {
            Then::Connected => {
                let clock: SharedClock = Arc::new(FixedClock::at(start()));
                let vault = Vault::new(Arc::new(self.kms.clone()), "test", clock);
                let now = clock::after(start(), TOKENS_LIVE);
                connect(&self.database, &vault, &self.scope, 9, now).await;
            }
            Then::KmsAway => self.kms.fail(Fault::Down),
        }
        key
    }

    async fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<PlainKey, KeyError> {
        KeyService::decrypt(&self.kms, wrapped, key_id, context).await
    }

    async fn rewrap(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<Rewrapped, KeyError> {
        KeyService::rewrap(&self.kms, wrapped, key_id, context).await
    }
}

impl World {
    fn process_during(&self, then: Then) -> Refresher {
        self.process_with(During {
            kms: self.kms.clone(),
            database: Arc::clone(&self.database),
            scope: self.scope,
            then,
        })
    }
}

#[tokio::test]
async fn credentials_that_somebody_connects_before_the_lock_are_used_and_the_third_party_is_not_asked() {
    let world = World::new().await;
    let outcome = world.refresh_in(&world.process_during(Then::Connected)).await;
    let Ok(Outcome::Fresh(current)) = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(world.access(current).await, "access-9");
    assert_eq!(world.vendor.asked(), 0);
}

#[tokio::test]
async fn without_kms_nothing_is_begun_and_kms_that_goes_away_in_the_middle_loses_nothing() {
    let world = World::new().await;
    world.kms.fail(Fault::Throttled);
    let error = world.refresh().await.expect_err("KMS is away");
    assert!(error.is_outage(), "{error}");
    assert_eq!(world.vendor.asked(), 0);
    assert!(!world.is_open_ended().await);
    assert_eq!(world.health().await, "healthy 0");
    world.kms.recover();

    let outcome = world.refresh_in(&world.process_during(Then::KmsAway)).await;
    assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
    world.kms.recover();
    assert_eq!(world.kept().await, "access-2");
}

#[tokio::test]
async fn a_database_that_goes_away_while_the_third_party_answers_gets_the_credentials_when_it_is_back() {
    let world = World::new().await;
    let answer = world.vendor.hold();
    let process = Refresher {
        patience: refresh::PATIENCE,
        ..world.process()
    };
    let (outcome, ()) = tokio::join!(world.refresh_in(&process), async {
        world.vendor.until_asked().await;
        world.database.goes_away().await.expect("it is away");
        answer.notify_one();
        world.database.comes_back().await.expect("it is back");
    });
    assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
    assert_eq!(world.kept().await, "access-2");
    assert!(!world.is_open_ended().await);
    assert_eq!(world.vendor.asked(), 1);
}

#[tokio::test]
async fn a_database_that_stays_away_makes_it_an_error_that_somebody_sees_and_the_mark_stays() {
    let world = World::new().await;
    let answer = world.vendor.hold();
    let process = Refresher {
        patience: refresh::PATIENCE,
        ..world.process()
    };
    let (outcome, ()) = tokio::join!(world.refresh_in(&process), async {
        world.vendor.until_asked().await;
        world.database.goes_away().await.expect("it is away");
        answer.notify_one();
    });
    let error = outcome.expect_err("they are lost");
    assert!(
        matches!(error, RefreshError::Lost(_)) && !error.is_outage(),
        "{error:?}"
    );
    assert_eq!(world.counted("lost"), 1);
    world.database.comes_back().await.expect("it is back");
    assert!(world.is_open_ended().await);
    world.refresh().await.expect("it is known");
    assert_eq!(world.health().await, "needs_reauth refresh_cut_off reconnect 1");
}

#[tokio::test]
async fn who_does_not_get_the_lock_never_gets_credentials_that_have_ended() {
    let world = World::new().await;
    world.clock.advance(AHEAD);
    let holder = world.database.superuser().await.expect("a connection");
    world.set("lock_timeout", "100ms").await;
    holder
        .batch_execute("BEGIN; SELECT FROM integration_credentials FOR UPDATE")
        .await
        .expect("locked");
    let outcome = world.wanted().await;
    assert!(matches!(outcome, Err(Unusable::ForNow("busy"))), "{outcome:?}");
    assert_eq!(world.vendor.asked(), 0);
    holder.batch_execute("ROLLBACK").await.expect("unlocked");
    assert_eq!(
        world.access(&world.wanted().await.expect("refreshed")).await,
        "access-2"
    );
}

#[tokio::test]
async fn credentials_that_do_not_open_need_a_person_and_stay() {
    let world = World::new().await;
    world
        .run("UPDATE integration_credentials SET ciphertext = 'damaged in some way'")
        .await;
    let outcome = world.refresh().await.expect("it is known");
    assert!(
        matches!(&outcome, Outcome::Refused { reason } if reason == "credentials_unreadable"),
        "{outcome:?}"
    );
    assert_eq!(
        world.health().await,
        "needs_reauth credentials_unreadable reconnect 1"
    );
    assert_eq!(
        world
            .row("SELECT count(*)::text FROM integration_credentials")
            .await,
        "1"
    );
    assert_eq!(world.vendor.asked(), 0);
}

#[tokio::test]
async fn what_has_ended_or_belongs_to_somebody_else_is_not_refreshed() {
    let world = World::new().await;
    for status in ["inactive", "deleted", "suspended"] {
        world
            .run(&format!("UPDATE integrations SET status = '{status}'"))
            .await;
        assert!(matches!(world.refresh().await, Ok(Outcome::Ended)), "{status}");
    }
    world.run("UPDATE integrations SET status = 'active'").await;
    let stranger = world
        .database
        .organization("rival", start())
        .await
        .expect("rival");
    let outcome = world
        .process()
        .refresh(stranger, world.scope.integration, Duration::from_hours(1), &[])
        .await;
    assert!(matches!(outcome, Ok(Outcome::Ended)), "{outcome:?}");
    assert_eq!(world.vendor.asked(), 0);
}
