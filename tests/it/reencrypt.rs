//! Credentials move to another KMS key while they are in use, and none is lost on the way.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lambda_runtime::{Context, Error, LambdaEvent};
use reencryptor::{App, RESERVE, handle};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::{
    aws::Patience,
    clock::{self, Clock, FixedClock, SharedClock, Timestamp},
    connector::{ConnectorKind, slack::SlackCredentials},
    db::{Access, integration_credentials},
    id::Ids,
    secret::{
        kms::{DataKey, EncryptionContext, KeyError, KeyService, Kms, PlainKey, Rewrapped},
        vault::{CredentialScope, Sealed, Vault, VaultError},
    },
    telemetry::Metrics,
};
use tests::{
    database::Database,
    kms::{FakeKms, Fault, KEY_ARN, NEXT_KEY_ARN},
    local::sdk,
    seed::{self, Installation},
};

const SECOND: Duration = Duration::from_secs(1);

fn start() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).expect("in range")
}

/// A clock that goes on by a second whenever somebody looks at it, so that work takes time.
#[derive(Debug)]
struct Ticking(FixedClock);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        self.0.advance(SECOND);
        self.0.now()
    }
}

struct World {
    kms: FakeKms,
    clock: FixedClock,
    ids: Ids,
    metrics: Arc<Mutex<Vec<u8>>>,
    database: Database,
}

impl World {
    async fn new() -> Self {
        Self {
            kms: FakeKms::new(),
            clock: FixedClock::at(start()),
            ids: Ids::random(),
            metrics: Arc::default(),
            database: Database::new().await.expect("a database"),
        }
    }

    fn vault(&self, keys: impl KeyService + 'static) -> Vault {
        Vault::new(Arc::new(keys), "test", Arc::new(self.clock.clone()))
    }

    /// Connects an organization's workspace, under the old key.
    async fn connect(&self, name: &str) -> CredentialScope {
        let mut db = self.database.pool(1).expect("a way in").get().await.expect("it");
        let organization = seed::organization(&mut db, &self.ids, name, start())
            .await
            .expect("an organization");
        let token = format!("xoxb-{name}");
        let installation = Installation {
            external_id: &format!("T{name}"),
            bot_user_id: "U0BOT",
            bot_token: &token,
        };
        let vault = self.vault(self.kms.clone());
        let integration = seed::slack(&mut db, &vault, &self.ids, organization, installation, start())
            .await
            .expect("a workspace");
        CredentialScope {
            organization,
            connector: ConnectorKind::Slack,
            integration,
        }
    }

    /// The same connection also waits for its third party to be told of an earlier end.
    async fn end_earlier(&self, scope: &CredentialScope) {
        self.run(&format!(
            "INSERT INTO integration_revocations
                 SELECT integration_id, organization_id, 'slack', '{{}}', ciphertext, nonce, wrapped_key,
                        encryption_key_id, encryption_version, 0, now(), now(), now()
                   FROM integration_credentials WHERE integration_id = '{}'",
            scope.integration.uuid()
        ))
        .await;
    }

    fn app(&self, keys: impl KeyService + 'static) -> App {
        self.process(keys, Arc::new(self.clock.clone()))
    }

    fn process(&self, keys: impl KeyService + 'static, clock: SharedClock) -> App {
        App {
            db: Access::from(self.database.pool(1).expect("a way in")),
            vault: self.vault(keys),
            key_id: NEXT_KEY_ARN.to_owned(),
            ids: self.ids.clone(),
            metrics: Metrics::to("test", "reencryptor", Arc::clone(&clock), self.metrics.clone()),
            clock,
        }
    }

    async fn invoke(&self, app: &App, time: Duration) -> Result<Value, Error> {
        let deadline = clock::after(self.clock.now(), time + RESERVE);
        let mut context = Context::default();
        "request-1".clone_into(&mut context.request_id);
        context.deadline = u64::try_from(deadline.timestamp_millis()).expect("after 1970");
        handle(app, LambdaEvent::new(Value::Null, context)).await
    }

    async fn move_all(&self) -> Value {
        let app = self.app(self.kms.rotated());
        let report = self.invoke(&app, Duration::from_mins(10)).await;
        report.expect("it does not fail")
    }

    async fn run(&self, statements: &str) {
        let client = self.database.superuser().await.expect("a connection");
        client.batch_execute(statements).await.expect(statements);
    }

    async fn rows(&self, query: &str) -> Vec<String> {
        let client = self.database.superuser().await.expect("a connection");
        let rows = client.query(query, &[]).await.expect(query);
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The keys that everything is under.
    async fn keys(&self, table: &str) -> Vec<String> {
        self.rows(&format!(
            "SELECT DISTINCT encryption_key_id FROM {table} ORDER BY 1"
        ))
        .await
    }

    async fn kept(&self, scope: &CredentialScope) -> Sealed {
        let mut db = self.database.pool(1).expect("a way in").get().await.expect("it");
        let tx = db.begin_for(scope.organization).await.expect("it begins");
        let found = integration_credentials::find_sealed(&tx, scope.organization, scope.integration)
            .await
            .expect("it can be read");
        found.expect("it is there").1
    }

    /// The token that a process which knows the new key alone finds.
    async fn token(&self, scope: &CredentialScope) -> Result<String, VaultError> {
        let sealed = self.kept(scope).await;
        let vault = self.vault(OnlyNext(self.kms.rotated()));
        let credentials: SlackCredentials = vault.open(scope, &sealed, "test").await?;
        Ok(credentials.bot_token.expose_secret().to_owned())
    }
}

/// A key service from which the old key is gone.
#[derive(Debug)]
struct OnlyNext(FakeKms);

#[async_trait]
impl KeyService for OnlyNext {
    async fn generate(&self, context: &EncryptionContext) -> Result<DataKey, KeyError> {
        KeyService::generate(&self.0, context).await
    }

    async fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<PlainKey, KeyError> {
        if key_id != NEXT_KEY_ARN {
            return Err(KeyError::Denied("the key is gone".into()));
        }
        KeyService::decrypt(&self.0, wrapped, key_id, context).await
    }

    async fn rewrap(&self, _: &[u8], _: &str, _: &EncryptionContext) -> Result<Rewrapped, KeyError> {
        Err(KeyError::Denied("the key is gone".into()))
    }
}

#[tokio::test]
async fn everything_moves_opens_without_the_old_key_and_is_on_record_with_each_organization() {
    let world = World::new().await;
    let (acme, rival) = (world.connect("acme").await, world.connect("rival").await);
    world.end_earlier(&acme).await;
    let before = world.kept(&acme).await;
    assert!(world.token(&acme).await.is_err(), "it is under the old key");

    let report = world.move_all().await;
    assert_eq!(
        report,
        json!({"outcome": "completed", "moved": 3, "overtaken": 0, "unopened": [], "remaining": 0})
    );
    for (scope, token) in [(&acme, "xoxb-acme"), (&rival, "xoxb-rival")] {
        assert_eq!(world.token(scope).await.expect("opened"), token);
    }
    for table in ["integration_credentials", "integration_revocations"] {
        assert_eq!(world.keys(table).await, [NEXT_KEY_ARN]);
    }
    let after = world.kept(&acme).await;
    assert_eq!((after.ciphertext, after.nonce), (before.ciphertext, before.nonce));
    assert_eq!(
        world.kms.count("Decrypt"),
        2,
        "by this test alone: nothing was opened to be moved"
    );
    assert_eq!(
        world
            .rows("SELECT concat_ws(' ', actor, action, subject, outcome, request_id) FROM audit_events ORDER BY created_at, 1")
            .await,
        {
            let line = |scope: &CredentialScope| {
                format!("reencryptor credentials.reencrypted {} succeeded request-1", scope.integration)
            };
            let mut lines = vec![line(&acme), line(&acme), line(&rival)];
            lines.sort();
            lines
        }
    );

    // What is under the new key is not touched again.
    let report = world.move_all().await;
    assert_eq!(
        (&report["outcome"], &report["moved"]),
        (&json!("completed"), &json!(0))
    );
    assert_eq!(world.kms.count("ReEncrypt"), 3);
}

#[tokio::test]
async fn a_run_that_is_out_of_time_or_without_kms_is_gone_on_with_and_moves_nothing_twice() {
    let world = World::new().await;
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(world.connect(&format!("n{number}")).await);
    }
    let hurried = world.process(world.kms.rotated(), Arc::new(Ticking(world.clock.clone())));
    let report = world
        .invoke(&hurried, Duration::from_secs(9))
        .await
        .expect("it does not fail");
    let moved = report["moved"].as_u64().expect("a count");
    assert_eq!(report["outcome"], "out_of_time");
    assert!(0 < moved && moved < 5, "{report}");
    assert_eq!(report["remaining"].as_u64(), Some(5 - moved));

    world.kms.fail(Fault::Throttled);
    let app = world.app(world.kms.rotated());
    world
        .invoke(&app, Duration::from_mins(10))
        .await
        .expect_err("KMS is away");
    world.kms.recover();
    let failed = world.kms.count("ReEncrypt");

    let report = world.move_all().await;
    assert_eq!(
        (&report["outcome"], report["moved"].as_u64(), &report["remaining"]),
        (&json!("completed"), Some(5 - moved), &json!(0))
    );
    assert_eq!(
        world.kms.count("ReEncrypt") - failed,
        usize::try_from(5 - moved).expect("few")
    );
    for (number, scope) in all.iter().enumerate() {
        assert_eq!(
            world.token(scope).await.expect("opened"),
            format!("xoxb-n{number}")
        );
    }
}

#[tokio::test]
async fn a_row_that_does_not_open_is_told_of_and_kept_and_the_others_move() {
    let world = World::new().await;
    let (broken, good) = (world.connect("broken").await, world.connect("good").await);
    let unknown = world.connect("unknown").await;
    world
        .run(&format!(
            "UPDATE integration_credentials SET wrapped_key = 'nonsense of somebody' WHERE integration_id = '{}';
             UPDATE integrations SET connector_type = 'gone' WHERE integration_id = '{}'",
            broken.integration.uuid(),
            unknown.integration.uuid()
        ))
        .await;
    let before = world.kept(&broken).await;

    for moved in [1, 0] {
        let report = world.move_all().await;
        let mut unopened = vec![json!(broken.integration), json!(unknown.integration)];
        unopened.sort_by_key(ToString::to_string);
        assert_eq!(
            report,
            json!({"outcome": "completed", "moved": moved, "overtaken": 0, "unopened": unopened, "remaining": 2})
        );
    }
    assert_eq!(world.kept(&broken).await, before);
    assert_eq!(world.token(&good).await.expect("opened"), "xoxb-good");
}

/// A key service during whose work somebody connects again.
#[derive(Debug)]
struct Overtaken {
    kms: FakeKms,
    database: tests::database::Database,
    scope: CredentialScope,
    instead: Sealed,
}

#[async_trait]
impl KeyService for Overtaken {
    async fn generate(&self, context: &EncryptionContext) -> Result<DataKey, KeyError> {
        KeyService::generate(&self.kms, context).await
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
        let rewrapped = KeyService::rewrap(&self.kms, wrapped, key_id, context).await;
        let mut db = self.database.pool(1).expect("a way in").get().await.expect("it");
        let (organization, integration) = (self.scope.organization, self.scope.integration);
        let tx = db.begin_for(organization).await.expect("it begins");
        integration_credentials::upsert(&tx, organization, integration, &self.instead, None, start())
            .await
            .expect("connected again");
        tx.commit().await.expect("it ends");
        rewrapped
    }
}

#[tokio::test]
async fn credentials_that_somebody_replaces_meanwhile_are_not_overwritten() {
    let mut world = World::new().await;
    let scope = world.connect("acme").await;
    let instead = world
        .vault(world.kms.rotated())
        .seal(&scope, &json!({"bot_token": "xoxb-newer"}))
        .await
        .expect("sealed");
    let keys = Overtaken {
        kms: world.kms.rotated(),
        database: std::mem::replace(&mut world.database, Database::empty().await.expect("a database")),
        scope,
        instead,
    };
    let pool = keys.database.pool(1).expect("a way in");
    let app = App {
        db: Access::from(pool.clone()),
        ..world.app(keys)
    };
    let report = world
        .invoke(&app, Duration::from_mins(10))
        .await
        .expect("it does not fail");
    assert_eq!(
        report,
        json!({"outcome": "completed", "moved": 0, "overtaken": 1, "unopened": [], "remaining": 0})
    );
    let mut db = pool.get().await.expect("a connection");
    let tx = db.begin_for(scope.organization).await.expect("it begins");
    let (_, sealed) = integration_credentials::find_sealed(&tx, scope.organization, scope.integration)
        .await
        .expect("it can be read")
        .expect("it is there");
    let opened: SlackCredentials = app.vault.open(&scope, &sealed, "test").await.expect("opened");
    assert_eq!(opened.bot_token.expose_secret(), "xoxb-newer");
}

#[tokio::test]
async fn while_one_run_is_at_it_another_leaves_it_alone_and_after_a_crash_it_is_taken_over() {
    let world = World::new().await;
    world.connect("acme").await;
    let held_until = clock::after(start(), Duration::from_mins(1));
    let name = format!("reencrypt {}", NEXT_KEY_ARN.rsplit('/').next().expect("a name"));
    world
        .run(&format!(
            "INSERT INTO reconciliations VALUES ('{name}', '{0}', 'integration_credentials', 0, 0, '{held_until}', NULL, '{0}')",
            start()
        ))
        .await;
    let report = world.move_all().await;
    assert_eq!(
        report,
        json!({"outcome": "busy", "moved": 0, "overtaken": 0, "unopened": [], "remaining": 1})
    );
    world.clock.advance(Duration::from_mins(1));
    let report = world.move_all().await;
    assert_eq!(
        (&report["outcome"], &report["moved"]),
        (&json!("completed"), &json!(1))
    );
}

/// The SDK's client against the fake over HTTP.
async fn over_http(kms: &FakeKms, key: &str, previous: Option<&str>) -> (tests::kms::KmsServer, Kms) {
    let server = kms.serve().await.expect("a port");
    let patience = Patience {
        attempts: 1,
        ..Patience::BEHIND_A_QUEUE
    };
    let config = sdk(server.url(), patience).expect("no CA bundle is named");
    let kms = Kms::new(&config, key).and_then(|kms| kms.with_previous(previous));
    (server, kms.expect("arns"))
}

#[tokio::test]
async fn the_sdks_client_opens_under_both_keys_seals_under_the_new_one_and_moves_for_exactly_one_context() {
    let world = World::new().await;
    let scope = world.connect("acme").await;
    let old = world.kept(&scope).await;
    let (_server, kms) = over_http(&world.kms, NEXT_KEY_ARN, Some(KEY_ARN)).await;
    let vault = world.vault(kms);
    let opens = async |sealed: &Sealed| {
        vault
            .open::<SlackCredentials>(&scope, sealed, "test")
            .await
            .is_ok()
    };
    assert!(opens(&old).await, "the previous key opens");
    let moved = vault.rewrap(&scope, &old).await.expect("moved");
    assert_eq!(moved.key_id, NEXT_KEY_ARN);
    assert!(opens(&moved).await, "the present key opens");
    let sealed = vault
        .seal(&scope, &json!({"bot_token": "x"}))
        .await
        .expect("sealed");
    assert_eq!(sealed.key_id, NEXT_KEY_ARN);

    let elsewhere = CredentialScope {
        integration: world.ids.integration(),
        ..scope
    };
    let error = vault.rewrap(&elsewhere, &old).await.expect_err("another place");
    assert!(matches!(error, VaultError::Tampered), "{error}");
    for (fault, is_outage) in [(Fault::Throttled, true), (Fault::Disabled, false)] {
        world.kms.fail_next(1, fault);
        let error = vault.rewrap(&scope, &old).await.expect_err("injected");
        assert_eq!(error.is_outage(), is_outage, "{error:?}");
    }
    world.kms.fail_next(1, Fault::OtherKey);
    let error = vault
        .rewrap(&scope, &old)
        .await
        .expect_err("another key was used");
    assert!(
        matches!(error, VaultError::Key(KeyError::Protocol(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_data_key_that_a_stranger_wrapped_is_not_laundered_into_one_of_ours() {
    let world = World::new().await;
    let scope = world.connect("acme").await;
    let strangers = Sealed {
        key_id: "arn:aws:kms:eu-central-1:999999999999:key/of-an-attacker".to_owned(),
        ..world.kept(&scope).await
    };
    let (_server, kms) = over_http(&world.kms, NEXT_KEY_ARN, Some(KEY_ARN)).await;
    let error = world.vault(kms).rewrap(&scope, &strangers).await;
    assert!(matches!(error, Err(VaultError::Tampered)), "{error:?}");
    // Nor is a key that was ours once and is not named any more.
    let (_server, kms) = over_http(&world.kms, NEXT_KEY_ARN, None).await;
    let error = world.vault(kms).rewrap(&scope, &world.kept(&scope).await).await;
    assert!(matches!(error, Err(VaultError::Tampered)), "{error:?}");
    assert_eq!(world.kms.count("ReEncrypt"), 0, "KMS was not even asked");
}

#[tokio::test]
async fn a_key_that_is_named_shows_what_is_under_another_and_lets_nothing_be_changed() {
    let world = World::new().await;
    let (acme, rival) = (world.connect("acme").await, world.connect("rival").await);
    world.end_earlier(&acme).await;
    world
        .run(&format!(
            "UPDATE integration_credentials SET encryption_key_id = '{NEXT_KEY_ARN}' WHERE integration_id = '{}'",
            rival.integration.uuid()
        ))
        .await;
    let client = world.database.plain().await.expect("a connection");
    client
        .batch_execute(&format!(
            "BEGIN; SELECT set_config('app.credentials_key', '{NEXT_KEY_ARN}', true)"
        ))
        .await
        .expect("it begins");
    let count = async |from: &str| -> i64 {
        let query = format!("SELECT count(*) FROM {from}");
        client.query_one(&query, &[]).await.expect("a count").get(0)
    };
    assert_eq!(count("integration_credentials").await, 1, "acme's alone");
    assert_eq!(count("integration_revocations").await, 1);
    assert_eq!(count("integrations").await + count("organizations").await, 0);
    for table in ["integration_credentials", "integration_revocations"] {
        for change in [
            format!("UPDATE {table} SET encryption_key_id = 'mine'"),
            format!("DELETE FROM {table}"),
        ] {
            assert_eq!(
                client.execute(&change, &[]).await.expect("it finds nothing"),
                0,
                "{change}"
            );
        }
    }
}

/// What was counted under a name.
fn counted(metrics: &Mutex<Vec<u8>>, name: &str) -> Vec<f64> {
    let bytes = metrics.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8(bytes).expect("text");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter_map(|line| line.get(name)?.as_f64()).collect()
}

#[tokio::test]
async fn what_moves_and_what_does_not_open_is_counted() {
    let world = World::new().await;
    world.connect("good").await;
    let broken = world.connect("broken").await;
    world
        .run(&format!(
            "UPDATE integration_credentials SET wrapped_key = 'nonsense' WHERE integration_id = '{}'",
            broken.integration.uuid()
        ))
        .await;
    world.move_all().await;
    assert_eq!(counted(&world.metrics, "CredentialsReencrypted"), [1.0]);
    assert_eq!(counted(&world.metrics, "CredentialsUnopened"), [1.0]);
}
