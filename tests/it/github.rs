//! What GitHub's webhooks come to in the database: whatever comes twice, late, forged, or of somebody else's.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::SqsEvent;
use serde_json::{Value, json};
use shared::{
    clock::{self, Clock as _, FixedClock, SharedClock, Timestamp},
    connector::{ConnectorKind, slack::api::SlackApi},
    db::{Access, Db, deliveries, github_unclaimed_installations, integration_credentials, integrations},
    id::{Ids, IntegrationId, OrganizationId},
    secret::vault::{Sealed, Vault},
    task::{DeliveryKey, Envelope, Source, Task},
    telemetry::Metrics,
    webhook::github::{GitHub, Headers},
};
use tests::{
    database::Database,
    door::{Door, github::event},
    kms::FakeKms,
    seed,
    stack::{MemoryInbox, record},
};
use tokio_postgres::Client;

/// The installation of the fixtures, and the account that it is on.
const INSTALLATION: i64 = 52_345_678;
const ACCOUNT: &str = "9919";
/// The repository that the fixtures are about.
const REPOSITORY: i64 = 1_296_269;

/// A processor of events before a real database.
struct World {
    processor: event_processor::App,
    clock: FixedClock,
    inbox: Arc<MemoryInbox>,
    ids: Ids,
    db: Db,
    client: Client,
    _database: Database,
}

impl World {
    async fn new() -> Self {
        let database = Database::new().await.expect("a database");
        // A day after the fixtures, and before what they say is too old.
        let clock = FixedClock::at(at("2024-05-29T08:00:00Z"));
        let shared_clock: SharedClock = Arc::new(clock.clone());
        let db = Db::new(&database.application(), 8).expect("a pool");
        let inbox = Arc::new(MemoryInbox::default());
        let sink = Arc::new(std::sync::Mutex::new(std::io::sink()));
        Self {
            processor: event_processor::App {
                db: Access::from(db.clone()),
                // Nobody in this world has a workspace.
                vault: Vault::new(Arc::new(FakeKms::new()), "test", Arc::clone(&shared_clock)),
                slack: SlackApi::new("http://127.0.0.1:1/api").expect("an address"),
                clock: Arc::clone(&shared_clock),
                ids: Ids::random(),
                inbox: inbox.clone(),
                metrics: Metrics::to("test", "event-processor", shared_clock, sink),
            },
            clock,
            inbox,
            ids: Ids::random(),
            db,
            client: database.superuser().await.expect("a connection"),
            _database: database,
        }
    }

    /// With an organization that has connected an installation before anything of the fixtures happened.
    async fn connected() -> (Self, Connected) {
        let world = Self::new().await;
        let connected = world.connect("acme", INSTALLATION, ACCOUNT).await;
        (world, connected)
    }

    async fn connect(&self, name: &str, installation: i64, account: &str) -> Connected {
        let mut db = self.db.get().await.expect("a connection");
        let organization = seed::organization(&mut db, &self.ids, name, self.clock.now())
            .await
            .expect("an organization");
        let connected = Connected {
            organization,
            integration: self.ids.integration(),
        };
        self.connect_again(connected, installation, account, "2024-05-28T08:00:00Z")
            .await;
        connected
    }

    async fn connect_again(
        &self,
        connected: Connected,
        installation: i64,
        account: &str,
        installed_at: &str,
    ) {
        let number = installation.to_string();
        let metadata = json!({
            "github_account_login": "octo-org", "permission_contents": "read", "permission_gone": "write",
        });
        let new = integrations::New {
            id: connected.integration,
            connector: ConnectorKind::GitHub,
            connected_by: None,
            external_id: Some(&number),
            bot_id: Some(&number),
            connector_user_id: None,
            connector_organization_id: Some(account),
            metadata: &metadata,
            installed_at: at(installed_at),
        };
        let sealed = Sealed {
            ciphertext: vec![1],
            nonce: [0; 12],
            wrapped_key: vec![2],
            key_id: "key".to_owned(),
            version: 1,
        };
        let now = self.clock.now();
        let mut db = self.db.get().await.expect("a connection");
        let tx = db.begin_for(connected.organization).await.expect("it begins");
        integrations::upsert(&tx, connected.organization, &new, now)
            .await
            .expect("it is stored");
        let (organization, integration) = (connected.organization, connected.integration);
        integration_credentials::upsert(&tx, organization, integration, &sealed, None, now)
            .await
            .expect("they are stored");
        tx.commit().await.expect("it commits");
    }

    /// The envelope that the door makes of a body, delivered under an id.
    fn envelope(&self, body: &[u8], delivery: &str) -> Envelope {
        let headers = Headers {
            event: event(body).to_owned(),
            delivery: delivery.to_owned(),
        };
        let verdict = github_webhook::classify(body, &headers, self.ids.task(), self.clock.now(), None);
        match verdict.expect("the door takes it") {
            github_webhook::Verdict::Put(put) => put.envelope,
            github_webhook::Verdict::Ignore { reason } => panic!("{reason}"),
        }
    }

    async fn process(&self, envelope: &Envelope) {
        let mut batch = SqsEvent::default();
        batch.records = vec![record("m1", 1, envelope)];
        let deadline = clock::after(self.clock.now(), Duration::from_mins(1));
        let response = event_processor::handle(&self.processor, batch, deadline).await;
        assert!(response.batch_item_failures.is_empty(), "it was given back");
        assert_eq!(self.inbox.buried(), []);
    }

    /// A body comes, in a delivery of its own.
    async fn tell(&self, body: &[u8]) {
        self.process(&self.envelope(body, &self.new_id())).await;
    }

    /// The id of a delivery that was not there yet.
    fn new_id(&self) -> String {
        self.ids.task().uuid().to_string()
    }

    /// A fixture comes.
    async fn told(&self, fixture: &str) {
        self.tell(&Door::<GitHub>::fixture(fixture)).await;
    }

    /// A fixture comes with changes.
    async fn told_but(&self, fixture: &str, changes: &[(&str, Value)]) {
        self.tell(&Door::<GitHub>::changed(fixture, changes)).await;
    }

    /// A fixture about the installation comes that is of another time.
    async fn told_at(&self, fixture: &str, seconds: i64) {
        self.told_but(
            fixture,
            &[("/installation/updated_at", json!(1_716_883_200 + seconds))],
        )
        .await;
    }

    /// Rows, one line each.
    async fn rows(&self, sql: &str) -> Vec<String> {
        let rows = self.client.query(sql, &[]).await.expect("they can be read");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Where the connections stand.
    async fn standing(&self) -> Vec<String> {
        self.rows(
            "SELECT concat_ws(' ', status, health, health_reason,
                              (SELECT count(*) FROM integration_credentials c WHERE c.integration_id = i.integration_id))
               FROM integrations i ORDER BY integration_id",
        )
        .await
    }

    async fn unclaimed(&self) -> Vec<String> {
        self.rows(
            "SELECT concat_ws(' ', github_installation_id, github_account_id, github_account_type, is_suspended,
                              deleted_at IS NOT NULL)
               FROM github_unclaimed_installations ORDER BY 1",
        )
        .await
    }

    async fn repositories(&self) -> Vec<String> {
        self.rows(
            "SELECT concat_ws(' ', github_repository_id, repository_full_name, repository_url, is_private,
                              default_branch, permission_admin, permission_push, permission_pull,
                              repository_description, repository_language)
               FROM github_repositories ORDER BY integration_id, github_repository_id",
        )
        .await
    }

    async fn record(&self) -> Vec<String> {
        self.rows("SELECT concat_ws(' ', actor, action, details) FROM audit_events ORDER BY audit_event_id")
            .await
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.client.query_one(&sql, &[]).await.expect("a count").get(0)
    }

    /// Everything that an event could change, but the ledger.
    async fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in [
            "integrations",
            "integration_credentials",
            "github_repositories",
            "github_unclaimed_installations",
            "integration_activities",
            "audit_events",
        ] {
            all.extend(
                self.rows(&format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1"))
                    .await,
            );
        }
        all
    }

    async fn is_synced(&self) -> bool {
        let row = self
            .client
            .query_one("SELECT synced_at IS NOT NULL FROM integrations", &[])
            .await;
        row.expect("one connection").get(0)
    }

    async fn have_synced(&self) {
        let sql = "UPDATE integrations SET synced_at = now()";
        self.client.execute(sql, &[]).await.expect("it is noted");
    }
}

/// An organization with its connection.
#[derive(Clone, Copy)]
struct Connected {
    organization: OrganizationId,
    integration: IntegrationId,
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

const ACTIVE: &str = "active healthy 1";
const ENDED: &str = "inactive revoked app_uninstalled 0";

#[tokio::test]
async fn an_installation_of_nobodys_is_noted_without_names_and_one_that_is_connected_is_not() {
    let world = World::new().await;
    world.told("installation.created").await;
    assert_eq!(world.unclaimed().await, ["52345678 9919 Organization f f"]);
    let all = world.everything().await.join("\n");
    assert!(!all.contains("octo-org"), "{all}");
    world.told("installation.suspend").await;
    assert_eq!(world.unclaimed().await, ["52345678 9919 Organization t f"]);

    let (world, _) = World::connected().await;
    let before = world.everything().await;
    world.told("installation.created").await;
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn an_installation_that_was_claimed_is_not_unclaimed_and_one_that_is_gone_stays_gone() {
    let world = World::new().await;
    let claim = async || {
        let mut db = world.db.get().await.expect("a connection");
        let tx = db.begin().await.expect("it begins");
        let was_there = github_unclaimed_installations::delete(&tx, INSTALLATION).await;
        tx.commit().await.expect("it commits");
        was_there.expect("an answer")
    };
    world.told("installation.created").await;
    assert!(claim().await);
    assert_eq!(world.unclaimed().await, Vec::<String>::new());
    world.told("installation.deleted").await;
    assert!(!claim().await);
    assert_eq!(world.unclaimed().await, ["52345678 9919 Organization f t"]);
}

#[tokio::test]
async fn a_late_created_does_not_bring_back_an_installation_that_is_gone() {
    let world = World::new().await;
    world.told("installation.deleted").await;
    let gone = ["52345678 9919 Organization f t"];
    assert_eq!(world.unclaimed().await, gone);
    for fixture in [
        "installation.created",
        "installation.suspend",
        "installation.unsuspend",
    ] {
        world.told_at(fixture, 1_000_000).await;
        assert_eq!(world.unclaimed().await, gone, "{fixture}");
    }
}

#[tokio::test]
async fn an_installation_that_is_deleted_ends_the_connection_and_destroys_its_credentials() {
    let (world, _) = World::connected().await;
    assert_eq!(world.standing().await, [ACTIVE]);
    world.told("installation.deleted").await;
    assert_eq!(world.standing().await, [ENDED]);
    let ended = [r#"event-processor integration.ended {"reason": "app_uninstalled"}"#];
    assert_eq!(world.record().await, ended);

    // Whatever comes after it, and however new it says it is.
    for fixture in [
        "installation.created",
        "installation.suspend",
        "installation.unsuspend",
        "installation.new_permissions_accepted",
        "installation.deleted",
    ] {
        world.told_at(fixture, 1_000_000).await;
        assert_eq!(world.standing().await, [ENDED], "{fixture}");
    }
    world.told("installation_repositories.added").await;
    world.told("push").await;
    assert_eq!(world.count("github_repositories").await, 0);
    assert_eq!(world.count("integration_activities").await, 0);
    assert_eq!(world.record().await, ended);
}

#[tokio::test]
async fn a_deletion_is_final_though_it_seems_older_than_the_connection() {
    let (world, _) = World::connected().await;
    world.told_at("installation.deleted", -1_000_000).await;
    assert_eq!(world.standing().await, [ENDED]);
}

#[tokio::test]
async fn suspension_and_its_end_hold_by_githubs_clock_in_whatever_order_they_come() {
    let suspend = ("installation.suspend", 10);
    let unsuspend = ("installation.unsuspend", 20);
    let again = ("installation.suspend", 30);
    let orders = [
        [suspend, unsuspend, again],
        [suspend, again, unsuspend],
        [unsuspend, suspend, again],
        [unsuspend, again, suspend],
        [again, suspend, unsuspend],
        [again, unsuspend, suspend],
    ];
    for order in orders {
        let (world, _) = World::connected().await;
        for (fixture, seconds) in order {
            world.told_at(fixture, seconds).await;
        }
        assert_eq!(world.standing().await, ["suspended healthy 1"], "{order:?}");
        // A deletion at any place of the order is the last word.
        world.told("installation.deleted").await;
        assert_eq!(world.standing().await, [ENDED], "{order:?}");
    }
    let (world, _) = World::connected().await;
    for (fixture, seconds) in [suspend, unsuspend] {
        world.told_at(fixture, seconds).await;
    }
    assert_eq!(world.standing().await, [ACTIVE]);
    assert_eq!(
        world.record().await,
        [
            "event-processor integration.suspended {}",
            "event-processor integration.resumed {}"
        ]
    );
}

#[tokio::test]
async fn what_happened_before_it_was_connected_does_not_suspend_a_connection() {
    let (world, _) = World::connected().await;
    world.told_at("installation.suspend", -1).await;
    assert_eq!(world.standing().await, [ACTIVE]);
}

#[tokio::test]
async fn a_connection_that_failed_because_it_was_on_hold_works_again_when_it_is_not() {
    let (world, _) = World::connected().await;
    let fail = async |reason: &str| {
        let sql =
            "UPDATE integrations SET health = 'needs_reauth', health_reason = $1, health_remedy = 'grant'";
        world.client.execute(sql, &[&reason]).await.expect("it fails");
    };
    world.told_at("installation.suspend", 10).await;
    fail("installation_suspended").await;
    world.told_at("installation.unsuspend", 20).await;
    assert_eq!(world.standing().await, [ACTIVE]);
    fail("permission_missing").await;
    world.told_at("installation.unsuspend", 30).await;
    assert_eq!(
        world.standing().await,
        ["active needs_reauth permission_missing 1"],
        "another fault stays"
    );
}

#[tokio::test]
async fn permissions_that_were_accepted_take_the_place_of_those_before() {
    let (world, _) = World::connected().await;
    world.told("installation.new_permissions_accepted").await;
    let metadata = r#"{"permission_issues": "write", "permission_contents": "read", "permission_metadata": "read", "github_account_login": "octo-org"}"#;
    assert_eq!(
        world.rows("SELECT metadata::text FROM integrations").await,
        [metadata]
    );
    world
        .told_but(
            "installation.new_permissions_accepted",
            &[
                ("/installation/updated_at", json!(1_716_883_201)),
                ("/installation/permissions", json!({"contents": "write"})),
            ],
        )
        .await;
    assert_eq!(
        world.rows("SELECT metadata::text FROM integrations").await,
        [metadata],
        "older news"
    );
}

const SITE: &str = "1296270 octo-org/site https://github.com/octo-org/site f f f t";
const INFRA: &str = "1296269 octo-org/infra https://github.com/octo-org/infra t main f t t What runs HCL";

/// What a full reading has found.
async fn read_infra(world: &World, connected: Connected) {
    world
        .client
        .execute(
            "INSERT INTO github_repositories
             VALUES ($1, $2, $3, 'infra', 'octo-org/infra', 'https://github.com/octo-org/infra', true, 'main', false, true,
                     true, 'What runs', 'HCL', NULL, NULL, NULL, now(), now(), now(), '2024-05-28T08:00:00Z')",
            &[
                &connected.integration.uuid(),
                &REPOSITORY,
                &connected.organization.uuid(),
            ],
        )
        .await
        .expect("a repository");
}

#[tokio::test]
async fn repositories_that_are_reached_in_addition_and_no_longer_are_noted_and_forgotten() {
    let (world, connected) = World::connected().await;
    read_infra(&world, connected).await;
    world.have_synced().await;
    world.told("installation_repositories.added").await;
    assert_eq!(world.repositories().await, [INFRA, SITE]);
    world.told("installation_repositories.removed").await;
    assert_eq!(world.repositories().await, [SITE]);
    assert!(world.is_synced().await);
}

#[tokio::test]
async fn a_list_that_only_names_a_repository_blanks_nothing_of_it() {
    let (world, connected) = World::connected().await;
    read_infra(&world, connected).await;
    let named = json!([
        {"id": REPOSITORY, "full_name": "octo-org/platform", "private": false},
        {"id": REPOSITORY, "full_name": "octo-org/platform", "private": false},
    ]);
    world
        .told_but(
            "installation_repositories.added",
            &[("/repositories_added", named)],
        )
        .await;
    assert_eq!(
        world.repositories().await,
        ["1296269 octo-org/platform https://github.com/octo-org/platform f main f t t What runs HCL"]
    );
}

#[tokio::test]
async fn older_news_of_what_is_reached_changes_nothing_and_has_all_of_it_read_again() {
    let (world, _) = World::connected().await;
    world.told("installation_repositories.added").await;
    world.have_synced().await;
    let removed = json!([{"id": 1_296_270, "full_name": "octo-org/site", "private": false}]);
    let older = [
        ("/repositories_removed", removed),
        ("/installation/updated_at", json!(1_716_883_319)),
    ];
    world.told_but("installation_repositories.removed", &older).await;
    assert_eq!(world.repositories().await, [SITE]);
    assert!(!world.is_synced().await);
}

#[tokio::test]
async fn more_repositories_than_an_envelope_takes_are_noted_and_all_of_them_read_again() {
    let (world, _) = World::connected().await;
    world.have_synced().await;
    let many: Vec<_> = (1..=3_100)
        .map(|id| json!({"id": id, "full_name": format!("octo-org/r{id}"), "private": true}))
        .collect();
    world
        .told_but(
            "installation_repositories.added",
            &[("/repositories_added", json!(many))],
        )
        .await;
    assert_eq!(world.count("github_repositories").await, 3_000);
    assert!(!world.is_synced().await);
}

#[tokio::test]
async fn a_repository_is_as_its_latest_event_says() {
    let (world, connected) = World::connected().await;
    read_infra(&world, connected).await;
    world.told("repository.renamed").await;
    let renamed = "1296269 octo-org/platform https://github.com/octo-org/platform t main f t t What runs HCL";
    assert_eq!(world.repositories().await, [renamed]);
    world
        .told_but(
            "repository.renamed",
            &[
                ("/action", json!("privatized")),
                ("/repository/full_name", json!("octo-org/older")),
                ("/repository/updated_at", json!("2024-05-28T08:00:30Z")),
            ],
        )
        .await;
    assert_eq!(world.repositories().await, [renamed], "older news");
    // What is there and empty is taken; what is not told of blanks nothing.
    for (seconds, changes, expected) in [
        (
            10,
            [
                ("/repository/language", json!(null)),
                ("/repository/description", json!("x")),
            ],
            renamed,
        ),
        (
            20,
            [
                ("/repository/private", json!(false)),
                ("/repository/description", json!("Docs")),
            ],
            "1296269 octo-org/platform https://github.com/octo-org/platform f main f t t Docs HCL",
        ),
    ] {
        let at = json!(format!("2024-05-28T08:02:{seconds}Z"));
        let [first, second] = changes;
        world
            .told_but(
                "repository.renamed",
                &[first, second, ("/repository/updated_at", at)],
            )
            .await;
        assert_eq!(world.repositories().await, [expected]);
    }
    world.told("repository.deleted").await;
    assert_eq!(world.repositories().await, Vec::<String>::new(), "it is final");
    world.told("repository.renamed").await;
    assert_eq!(world.repositories().await, Vec::<String>::new(), "and stays so");
}

#[tokio::test]
async fn a_repository_that_is_transferred_to_another_account_is_forgotten() {
    let (world, connected) = World::connected().await;
    read_infra(&world, connected).await;
    let transferred = [
        ("/action", json!("transferred")),
        ("/repository/owner/id", json!(1)),
    ];
    world.told_but("repository.renamed", &transferred).await;
    assert_eq!(world.repositories().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_repository_that_is_not_known_is_not_made_up_but_all_of_them_read_again() {
    let (world, _) = World::connected().await;
    world.have_synced().await;
    world.told("repository.renamed").await;
    assert_eq!(world.count("github_repositories").await, 0);
    assert!(!world.is_synced().await);
}

#[tokio::test]
async fn what_happens_in_a_repository_is_noted_once_with_a_title_and_for_thirty_days() {
    let (world, connected) = World::connected().await;
    for fixture in [
        "push",
        "issues.opened",
        "issue_comment.created",
        "pull_request.closed",
        "workflow_run.completed",
        "check_run.completed",
        "deployment_status.created",
        "release.published",
    ] {
        world.told(fixture).await;
        // The same in other words: GitHub tells a thing more than once.
        world.told_but(fixture, &[("/sender/id", json!(7))]).await;
    }
    let activities = world
        .rows(
            "SELECT concat_ws(' ', kind, action, subject_id, subject, title, actor) FROM integration_activities ORDER BY 1",
        )
        .await;
    assert_eq!(
        activities,
        [
            "check_run success 1296269 octo-org/infra plan octocat",
            "deployment_status success 1296269 octo-org/infra production: main octocat",
            "issue_comment created 1296269 octo-org/infra #7 Checkout is slow octocat",
            "issues opened 1296269 octo-org/infra #7 Checkout is slow octocat",
            "pull_request merged 1296269 octo-org/infra #8 Cache the cart octocat",
            "push  1296269 octo-org/infra main: Raise the limit octocat",
            "release published 1296269 octo-org/infra Faster carts octocat",
            "workflow_run failure 1296269 octo-org/infra deploy: Raise the limit octocat",
        ]
    );
    let all = world.everything().await.join("\n");
    assert!(!all.contains("secret plan"), "{all}");
    let expiry = world
        .rows("SELECT DISTINCT (expires_at - occurred_at)::text FROM integration_activities")
        .await;
    assert_eq!(expiry, ["30 days"]);
    let owners = world
        .rows("SELECT DISTINCT concat_ws(' ', organization_id, integration_id) FROM integration_activities")
        .await;
    let owner = format!(
        "{} {}",
        connected.organization.uuid(),
        connected.integration.uuid()
    );
    assert_eq!(owners, [owner]);
}

#[tokio::test]
async fn of_one_repository_no_more_than_two_hundred_activities_are_kept_and_the_oldest_go() {
    let (world, _) = World::connected().await;
    let issue = |number: i64, repository: i64| {
        let time = clock::after(
            at("2024-05-28T08:00:00Z"),
            Duration::from_secs(number.unsigned_abs()),
        );
        Door::<GitHub>::changed(
            "issues.opened",
            &[
                ("/issue/id", json!(number)),
                ("/issue/number", json!(number)),
                ("/issue/updated_at", json!(time.to_rfc3339())),
                ("/repository/id", json!(repository)),
            ],
        )
    };
    for number in 2..=203 {
        world.tell(&issue(number, REPOSITORY)).await;
    }
    world.tell(&issue(1, 99)).await;
    // Older than all that are kept.
    world.tell(&issue(1, REPOSITORY)).await;
    let kept = world
        .rows(
            "SELECT concat_ws(' ', subject_id, count(*), min(title), max(title)) FROM integration_activities
              GROUP BY subject_id ORDER BY 1",
        )
        .await;
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept[0].starts_with("1296269 200 "), "{kept:?}");
    let oldest = world
        .rows("SELECT title FROM integration_activities WHERE subject_id = '1296269' ORDER BY occurred_at LIMIT 1")
        .await;
    assert_eq!(oldest, ["#4 Checkout is slow"]);
}

#[tokio::test]
async fn what_happened_longer_ago_than_it_would_be_kept_is_not_noted() {
    let (world, _) = World::connected().await;
    world.clock.advance(Duration::from_hours(24 * 29 + 1));
    world.told("issues.opened").await;
    assert_eq!(world.count("integration_activities").await, 0);
}

#[tokio::test]
async fn the_same_delivery_and_the_same_body_under_another_id_have_one_effect() {
    for fixture in [
        "installation.suspend",
        "installation.new_permissions_accepted",
        "installation_repositories.added",
        "repository.renamed",
        "push",
        "installation.deleted",
    ] {
        let (world, connected) = World::connected().await;
        read_infra(&world, connected).await;
        let body = Door::<GitHub>::fixture(fixture);
        let (first, second) = (world.new_id(), world.new_id());
        world.process(&world.envelope(&body, &first)).await;
        let after = world.everything().await;
        assert_eq!(
            world.count("deliveries").await,
            2,
            "{fixture}: by its id, and by its body"
        );

        // What it did is undone, to see whether it is done again.
        world
            .connect_again(connected, INSTALLATION, ACCOUNT, "2024-05-28T08:00:00Z")
            .await;
        world
            .client
            .execute("DELETE FROM integration_activities", &[])
            .await
            .expect("they go");
        world
            .client
            .execute("DELETE FROM github_repositories", &[])
            .await
            .expect("they go");
        let undone = world.everything().await;
        assert_ne!(undone, after, "{fixture} has an effect");
        world.process(&world.envelope(&body, &first)).await;
        assert_eq!(world.everything().await, undone, "{fixture}, the same delivery");
        world.process(&world.envelope(&body, &second)).await;
        assert_eq!(world.everything().await, undone, "{fixture}, the same body");

        let db = world.db.get().await.expect("a connection");
        let envelope = world.envelope(&body, &first);
        let Task::ApplyGitHubV1(event) = &envelope.task else {
            panic!("not of GitHub's")
        };
        for key in [
            envelope.delivery.clone(),
            event.body_key(),
            DeliveryKey {
                source: Source::GitHub,
                key: second,
            },
        ] {
            let delivery = deliveries::find(&db, &key).await.expect("an answer");
            assert_eq!(delivery.expect("it is noted").state, "done", "{key}");
        }
    }
}

#[tokio::test]
async fn two_workers_with_the_same_body_at_once_have_one_effect_between_them() {
    let (world, _) = World::connected().await;
    let body = Door::<GitHub>::fixture("installation.suspend");
    let envelopes: Vec<_> = (0..6).map(|_| world.envelope(&body, &world.new_id())).collect();
    futures_util::future::join_all(envelopes.iter().map(|envelope| world.process(envelope))).await;
    assert_eq!(world.record().await, ["event-processor integration.suspended {}"]);
}

#[tokio::test]
async fn an_installation_that_nobody_has_has_no_effect_on_anybody() {
    let world = World::new().await;
    let connected = world.connect("acme", 1, ACCOUNT).await;
    read_infra(&world, connected).await;
    let before = world.everything().await;
    for fixture in [
        "installation.suspend",
        "installation.new_permissions_accepted",
        "installation_repositories.removed",
        "repository.renamed",
        "repository.deleted",
        "push",
    ] {
        // The same account and the same repository, by another installation.
        world.told(fixture).await;
        assert_eq!(world.everything().await, before, "{fixture}");
    }
}

#[tokio::test]
async fn an_event_touches_nothing_of_another_tenant_whatever_it_says() {
    let world = World::new().await;
    let acme = world.connect("acme", INSTALLATION, ACCOUNT).await;
    let rival = world.connect("rival", 2, "2").await;
    read_infra(&world, acme).await;
    let of_acme = async || {
        let mut rows = Vec::new();
        for table in [
            "integrations",
            "integration_credentials",
            "github_repositories",
            "integration_activities",
        ] {
            let sql = format!(
                "SELECT to_jsonb(t)::text FROM {table} t WHERE organization_id = '{}' ORDER BY 1",
                acme.organization.uuid()
            );
            rows.extend(world.rows(&sql).await);
        }
        rows
    };
    let before = of_acme().await;
    // The rival's own installation, with all else of acme's.
    for fixture in Door::<GitHub>::fixtures() {
        let body = Door::<GitHub>::fixture(&fixture);
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let is_used = ![
            "ping",
            "star.created",
            "installation_target.renamed",
            "github_app_authorization.revoked",
        ]
        .contains(&fixture.as_str());
        if body.get("installation").is_some() && is_used && fixture != "installation.deleted" {
            world.told_but(&fixture, &[("/installation/id", json!(2))]).await;
            assert_eq!(of_acme().await, before, "{fixture}");
        }
    }
    assert!(
        world.count("integration_activities").await > 0,
        "the rival has some"
    );
    world
        .told_but("installation.deleted", &[("/installation/id", json!(2))])
        .await;
    assert_eq!(of_acme().await, before);
    let ended = format!(
        "SELECT status FROM integrations WHERE integration_id = '{}'",
        rival.integration.uuid()
    );
    assert_eq!(world.rows(&ended).await, ["inactive"]);
}

#[tokio::test]
async fn an_organization_that_connects_anew_is_not_ended_by_what_it_had_before() {
    let (world, connected) = World::connected().await;
    world
        .connect_again(connected, 3, ACCOUNT, "2024-05-28T09:00:00Z")
        .await;
    for fixture in ["installation.suspend", "installation.deleted"] {
        world.told_at(fixture, 1_000_000).await;
        assert_eq!(world.standing().await, [ACTIVE], "{fixture}");
    }
}
