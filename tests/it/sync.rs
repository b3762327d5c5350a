//! Reading in full which repositories a connection reaches: as it is there, whoever reads at the same time and whatever
//! fails on the way.

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use serde_json::json;
use shared::{
    clock::{FixedClock, SharedClock, Timestamp},
    config::Env,
    connector::{
        ConnectorKind, Connectors,
        contract::Parts,
        fake::Vendor as _,
        github::{GitHubCredentials, fake::FakeGitHub},
    },
    db::{Access, github_repositories, integration_credentials, integrations},
    id::{Ids, IntegrationId, OrganizationId},
    integration::{
        Integrations,
        sync::{SyncError, Synced},
    },
    secret::{
        manager::{MemorySecrets, SecretStore},
        vault::{CredentialScope, Vault},
    },
    task::GitHubRepository,
    telemetry::Metrics,
};
use tests::{database::Database, kms::FakeKms, seed};
use tokio_postgres::Client;

const INSTALLATION: i64 = 5;
const ACCOUNT: i64 = 2;

/// Connections, with a GitHub that has installations.
struct World {
    github: FakeGitHub,
    integrations: Integrations,
    clock: FixedClock,
    client: Client,
    organization: OrganizationId,
    integration: IntegrationId,
    _database: Database,
}

impl World {
    /// With a connection that reaches so many repositories.
    async fn reaching(repositories: i64) -> Self {
        let clock = FixedClock::at(Timestamp::from_timestamp(1_790_000_000, 0).expect("a time"));
        let shared_clock: SharedClock = Arc::new(clock.clone());
        let github = FakeGitHub::start(Some(Arc::clone(&shared_clock)))
            .await
            .expect("a GitHub");
        github.install(INSTALLATION, ACCOUNT, "octo-org", repositories);
        let secrets = MemorySecrets::new();
        for (arn, secret) in github.secrets() {
            secrets.put(&arn, &secret, Timestamp::UNIX_EPOCH);
        }
        let parts = Parts {
            clock: Arc::clone(&shared_clock),
            secrets: SecretStore::from_source(secrets),
            aws: SdkConfig::builder().build(),
        };
        let mut env = Env::from_pairs(github.variables());
        let database = Database::new().await.expect("a database");
        let sink = Arc::new(std::sync::Mutex::new(std::io::sink()));
        let integrations = Integrations {
            db: Arc::new(Access::from(database.pool(6).expect("a way in"))),
            vault: Arc::new(Vault::new(
                Arc::new(FakeKms::new()),
                "test",
                Arc::clone(&shared_clock),
            )),
            connectors: Connectors::from_env(&mut env, &parts).expect("connectors"),
            metrics: Metrics::to("test", "test", Arc::clone(&shared_clock), sink),
            clock: shared_clock,
            ids: Ids::random(),
            actor: "test",
        };
        let mut db = integrations.db.get().await.expect("a connection");
        let ids = &integrations.ids;
        let now = integrations.clock.now();
        let organization = seed::organization(&mut db, ids, "acme", now)
            .await
            .expect("stored");
        let world = Self {
            github,
            client: database.superuser().await.expect("a connection"),
            clock,
            organization,
            integration: ids.integration(),
            integrations,
            _database: database,
        };
        world.connect().await;
        world
    }

    /// Connects, or connects again.
    async fn connect(&self) {
        let scope = CredentialScope {
            organization: self.organization,
            connector: ConnectorKind::GitHub,
            integration: self.integration,
        };
        connect(&self.integrations, &scope, INSTALLATION, ACCOUNT).await;
    }

    async fn sync(&self) -> Result<Synced, SyncError> {
        self.integrations.sync(self.organization, self.integration).await
    }

    /// A reading that begins a minute after whatever was before.
    async fn sync_later(&self) -> Result<Synced, SyncError> {
        self.clock.advance(Duration::from_mins(1));
        self.sync().await
    }

    /// Which repositories are known, by their numbers.
    async fn known(&self) -> Vec<i64> {
        let sql = "SELECT github_repository_id FROM github_repositories ORDER BY 1";
        let rows = self.client.query(sql, &[]).await.expect("they can be read");
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn repository(&self, id: i64) -> String {
        let sql = "SELECT concat_ws(' ', repository_full_name, is_private, default_branch, permission_admin,
                                    permission_push, permission_pull, source_updated_at)
                     FROM github_repositories WHERE github_repository_id = $1";
        self.client
            .query_one(sql, &[&id])
            .await
            .expect("it is there")
            .get(0)
    }

    async fn is_synced(&self) -> bool {
        let sql = "SELECT synced_at IS NOT NULL FROM integrations";
        self.client
            .query_one(sql, &[])
            .await
            .expect("a connection")
            .get(0)
    }

    async fn set(&self, sql: &str) {
        self.client.batch_execute(sql).await.expect("it is set");
    }
}

/// Connects an installation, or connects it again; what it reaches is still to be read.
pub(crate) async fn connect(
    integrations: &Integrations,
    scope: &CredentialScope,
    installation: i64,
    account: i64,
) {
    let credentials = GitHubCredentials {
        installation_id: installation,
        account_id: account,
        account_login: "octo-org".to_owned(),
        account_type: "Organization".to_owned(),
    };
    let sealed = integrations
        .vault
        .seal(scope, &credentials)
        .await
        .expect("sealed");
    let (number, account) = (installation.to_string(), account.to_string());
    let now = integrations.clock.now();
    let new = integrations::New {
        id: scope.integration,
        connector: scope.connector,
        connected_by: None,
        external_id: Some(&number),
        bot_id: Some(&number),
        connector_user_id: None,
        connector_organization_id: Some(&account),
        metadata: &json!({}),
        installed_at: now,
    };
    let (organization, integration) = (scope.organization, scope.integration);
    let mut db = integrations.db.get().await.expect("a connection");
    let tx = db.begin_for(organization).await.expect("it begins");
    integrations::upsert(&tx, organization, &new, now)
        .await
        .expect("stored");
    integration_credentials::upsert(&tx, organization, integration, &sealed, None, now)
        .await
        .expect("stored");
    integrations::update_unsynced(&tx, organization, integration, now)
        .await
        .expect("noted");
    tx.commit().await.expect("it commits");
}

fn ids(numbers: impl IntoIterator<Item = i64>) -> Vec<i64> {
    numbers.into_iter().collect()
}

#[tokio::test]
async fn all_pages_are_read_with_the_permissions_that_there_are_and_what_has_vanished_goes() {
    let world = World::reaching(250).await;
    assert!(!world.is_synced().await);
    let synced = world.sync().await.expect("it is read");
    assert_eq!((synced.repositories, synced.removed), (250, 0));
    assert_eq!(world.known().await, ids(2_001..=2_250));
    assert!(world.is_synced().await);
    assert_eq!(world.repository(2_002).await, "octo-org/r2002 t main f t t");
    assert_eq!(world.repository(2_003).await, "octo-org/r2003 t main f f t");

    world.github.reach(INSTALLATION, (2_001..=2_150).chain([9_000]));
    let synced = world.sync_later().await.expect("it is read");
    assert_eq!((synced.repositories, synced.removed), (151, 100));
    assert_eq!(world.known().await, ids((2_001..=2_150).chain([9_000])));

    world.github.reach(INSTALLATION, []);
    let synced = world.sync_later().await.expect("it is read");
    assert_eq!((synced.repositories, synced.removed), (0, 151));
}

#[tokio::test]
async fn a_page_that_fails_leaves_what_is_there() {
    let world = World::reaching(250).await;
    world.sync().await.expect("it is read");
    world.set("UPDATE integrations SET synced_at = NULL").await;
    world.github.reach(INSTALLATION, (2_101..=2_250).chain([9_000]));
    world.github.break_page(Some(2));
    let error = world.sync_later().await.expect_err("a page fails");
    assert!(error.is_outage(), "{error}");
    assert_eq!(world.known().await, ids(2_001..=2_250));
    assert!(!world.is_synced().await);
    world.github.break_page(None);
    let synced = world.sync_later().await.expect("it is read");
    assert_eq!((synced.repositories, synced.removed), (151, 100));
}

#[tokio::test]
async fn two_readings_at_once_do_no_harm() {
    let world = World::reaching(150).await;
    let (first, second, third) = futures_util::future::join3(world.sync(), world.sync(), world.sync()).await;
    for synced in [first, second, third] {
        assert_eq!(synced.expect("it is read").repositories, 150);
    }
    assert_eq!(world.known().await, ids(2_001..=2_150));
}

#[tokio::test]
async fn a_slow_reading_brings_nothing_back_that_a_later_one_has_found_gone() {
    let world = World::reaching(2).await;
    world.sync().await.expect("it is read");
    world.clock.advance(Duration::from_mins(1));
    let (made, sent) = world.github.hold();
    let overtake = async {
        made.notified().await;
        world.github.reach(INSTALLATION, [2_002, 2_003]);
        let synced = world.sync_later().await.expect("it is read");
        assert_eq!((synced.repositories, synced.removed), (2, 1));
        sent.notify_one();
    };
    let (slow, ()) = futures_util::future::join(world.sync(), overtake).await;
    assert_eq!(slow.expect("it gives way").removed, 0);
    assert_eq!(world.known().await, [2_002, 2_003]);
}

#[tokio::test]
async fn what_an_event_tells_while_it_is_read_stays_and_permissions_are_read_all_the_same() {
    let world = World::reaching(2).await;
    world.sync().await.expect("it is read");
    world
        .set("UPDATE github_repositories SET permission_push = false")
        .await;
    let (made, sent) = world.github.hold();
    let event = async {
        made.notified().await;
        world.clock.advance(Duration::from_secs(10));
        let renamed = GitHubRepository {
            id: 2_002,
            owner_id: ACCOUNT,
            name: "new".to_owned(),
            full_name: "octo-org/new".to_owned(),
            url: "https://github.com/octo-org/new".to_owned(),
            is_private: false,
            details: None,
            at: world.integrations.clock.now(),
        };
        let now = world.integrations.clock.now();
        let mut db = world.integrations.db.get().await.expect("a connection");
        let tx = db.begin_for(world.organization).await.expect("it begins");
        let (organization, integration) = (world.organization, world.integration);
        let changed = github_repositories::update_told(&tx, organization, integration, &renamed, now).await;
        assert!(changed.expect("an answer"));
        tx.commit().await.expect("it commits");
        sent.notify_one();
    };
    let (read, ()) = futures_util::future::join(world.sync(), event).await;
    read.expect("it is read");
    let told = world.repository(2_002).await;
    assert!(told.starts_with("octo-org/new f main f t t 2026"), "{told}");
    // The next reading is newer than the event.
    world.sync_later().await.expect("it is read");
    let read = world.repository(2_002).await;
    assert!(read.starts_with("octo-org/r2002 t main f t t"), "{read}");
}

#[tokio::test]
async fn a_connection_that_ends_or_is_made_again_while_it_is_read_is_left_alone() {
    for change in [
        "UPDATE integrations SET status = 'inactive', health = 'revoked', health_reason = 'app_uninstalled'",
        "UPDATE integrations SET status = 'suspended'",
        "UPDATE integrations SET generation = generation + 1",
    ] {
        let world = World::reaching(2).await;
        world.sync().await.expect("it is read");
        world.github.reach(INSTALLATION, [9_000]);
        let (made, sent) = world.github.hold();
        let change = async {
            made.notified().await;
            world.set(change).await;
            sent.notify_one();
        };
        let (read, ()) = futures_util::future::join(world.sync_later(), change).await;
        assert!(matches!(read, Err(SyncError::Ended)), "{read:?}");
        assert_eq!(world.known().await, [2_001, 2_002]);
    }
}

#[tokio::test]
async fn a_connection_that_was_made_again_is_to_be_read_again() {
    let world = World::reaching(2).await;
    world.sync().await.expect("it is read");
    assert!(world.is_synced().await);
    world.connect().await;
    assert!(!world.is_synced().await);
}

#[tokio::test]
async fn a_connection_of_another_organization_is_not_there() {
    let world = World::reaching(2).await;
    let mut db = world.integrations.db.get().await.expect("a connection");
    let rival = seed::organization(
        &mut db,
        &world.integrations.ids,
        "rival",
        world.integrations.clock.now(),
    )
    .await
    .expect("stored");
    drop(db);
    let calls = world.github.calls();
    let read = world.integrations.sync(rival, world.integration).await;
    assert!(matches!(read, Err(SyncError::Ended)), "{read:?}");
    assert_eq!(world.github.calls(), calls, "GitHub is not asked");
    assert_eq!(world.known().await, Vec::<i64>::new());
}

#[tokio::test]
async fn an_installation_that_github_has_no_more_is_told_as_gone_and_nothing_is_forgotten() {
    let world = World::reaching(2).await;
    world.sync().await.expect("it is read");
    world.github.withdraw();
    world.clock.advance(Duration::from_hours(2));
    let error = world.sync().await.expect_err("it is gone");
    assert!(!error.is_outage(), "{error}");
    assert_eq!(world.known().await, [2_001, 2_002]);
}

#[tokio::test]
async fn what_could_not_be_read_when_it_was_connected_is_read_by_the_clock() {
    let api = tests::integrations::World::start().await.expect("a world");
    let ada = api.people.founder("acme");
    let client = api.people.database.superuser().await.expect("a connection");
    let set = async |sql: &str| client.batch_execute(sql).await.expect("it is set");
    set("ALTER TABLE github_repositories ADD CONSTRAINT full_up CHECK (github_repository_id < 0)").await;
    let connected = api.connect(&ada, "github", 0).await;
    assert_eq!(connected["health_status"], "healthy", "{connected}");
    assert_eq!(api.count("github_repositories").await, 0);
    set("ALTER TABLE github_repositories DROP CONSTRAINT full_up").await;

    let report = api.job("sync_repositories").await;
    assert_eq!(report["counts"], json!({ "read": 1 }));
    assert!(api.count("github_repositories").await > 0);
    assert_eq!(api.count("integrations WHERE synced_at IS NULL").await, 0);
}
