//! What is done by the clock, with a real database and a Clerk that tells no one anything.

mod check;
mod credentials;
mod expire;
mod pass;
mod redeliver;
mod sync;
mod trouble;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lambda_runtime::{Context, Error, LambdaEvent};
use scheduler::{App, RESERVE, handle};
use serde_json::{Value, json};
use shared::{
    clock::{self, Clock, FixedClock, SharedClock, Timestamp},
    db::Access,
    id::Ids,
    identity::{
        api::ClerkApi,
        apply::{Applied, Cause, apply},
        event::{ClerkEvent, parse},
        fake::FakeClerk,
    },
    integration::Integrations,
    secret::{
        manager::{MemorySecrets, SecretStore},
        vault::Vault,
    },
    task::IdentityChange,
    telemetry::Metrics,
};
use tests::{database::Database, kms::FakeKms};

use crate::refresh::{Vendor, connectors};

const SECRET_ARN: &str = "arn:clerk-api";
const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

/// How long a third party is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

fn start() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).expect("in range")
}

/// A clock that goes on by a step whenever somebody looks at it, so that work takes time.
#[derive(Debug)]
struct Ticking(FixedClock, Duration);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        self.0.advance(self.1);
        self.0.now()
    }
}

/// The scheduler's world.
struct World {
    clock: FixedClock,
    clerk: FakeClerk,
    secrets: Arc<MemorySecrets>,
    metrics: Arc<Mutex<Vec<u8>>>,
    kms: FakeKms,
    vendor: Vendor,
    database: Database,
}

impl World {
    async fn new() -> Self {
        let clerk = FakeClerk::start().await.expect("a Clerk");
        clerk.set_clock(clock::before(start(), DAY));
        let secrets = MemorySecrets::new();
        let secret = json!({ "secret_key": clerk.secret_key() });
        secrets.put(SECRET_ARN, &secret.to_string(), start());
        Self {
            clock: FixedClock::at(start()),
            clerk,
            secrets,
            metrics: Arc::default(),
            kms: FakeKms::new(),
            vendor: Vendor::new(),
            database: Database::new().await.expect("a database"),
        }
    }

    fn api(&self) -> ClerkApi {
        let secrets = SecretStore::from_source(self.secrets.clone());
        ClerkApi::new(&self.clerk.url(), secrets, SECRET_ARN.to_owned(), Duration::ZERO)
            .expect("a loopback url")
            .with_timeout(Duration::from_millis(500))
    }

    /// A fresh process of the function, with its own idea of the time.
    fn process(&self, clock: SharedClock) -> App {
        let metrics = Metrics::to("test", "scheduler", Arc::clone(&clock), self.metrics.clone());
        let vault = Vault::new(Arc::new(self.kms.clone()), "test", Arc::clone(&clock));
        let integrations = Integrations {
            db: Arc::new(Access::from(self.database.pool(1).expect("a way in"))),
            vault: Arc::new(vault),
            connectors: connectors(&self.vendor, &clock),
            clock,
            ids: Ids::random(),
            metrics,
            actor: "scheduler",
        };
        let mut app = App::of(integrations, self.api());
        app.refresher.patience = PATIENCE;
        app.checker.refresher.patience = PATIENCE;
        app.checker.patience = PATIENCE;
        app.teller.patience = PATIENCE;
        app
    }

    fn app(&self) -> App {
        self.process(Arc::new(self.clock.clone()))
    }

    /// A tick of the schedule, after which there are five minutes.
    async fn tick(&self, app: &App, job: &str) -> Result<Value, Error> {
        self.tick_for(app, job, Duration::from_mins(5)).await
    }

    /// A tick that leaves so much time for work.
    async fn tick_for(&self, app: &App, job: &str, time: Duration) -> Result<Value, Error> {
        let deadline = clock::after(self.clock.now(), time + RESERVE);
        let mut context = Context::default();
        "request-1".clone_into(&mut context.request_id);
        context.deadline = u64::try_from(deadline.timestamp_millis()).expect("after 1970");
        handle(app, LambdaEvent::new(json!({ "job": job }), context)).await
    }

    /// A comparison in a fresh process.
    async fn compare(&self) -> Value {
        let report = self.tick(&self.app(), "reconcile_identity").await;
        report.expect("the comparison does not fail")
    }

    /// A comparison in a fresh process in which every look at the clock takes a second, and which has so many.
    async fn compare_for(&self, seconds: u64) -> Value {
        let app = self.process(Arc::new(Ticking(self.clock.clone(), SECOND)));
        let time = Duration::from_secs(seconds);
        let report = self.tick_for(&app, "reconcile_identity", time).await;
        report.expect("the comparison does not fail")
    }

    async fn apply(&self, change: &IdentityChange) -> Applied {
        let mut db = self.database.pool(1).expect("a way in").get().await.expect("it");
        let tx = db.begin().await.expect("it begins");
        let cause = Cause::by_itself("event-processor", None);
        let applied = apply(&tx, &Ids::random(), change, cause, self.clock.now()).await;
        tx.commit().await.expect("it ends");
        applied.expect("it is applied")
    }

    /// Delivers all webhooks so far.
    async fn deliver(&self) {
        for event in self.clerk.drain() {
            match parse(event.body.as_bytes(), self.clerk.instance_id()).expect("an event") {
                ClerkEvent::Changed(change) => drop(self.apply(&change).await),
                ClerkEvent::Ignored { .. } => {}
            }
        }
    }

    async fn rows(&self, query: &str) -> Vec<String> {
        let client = self.database.superuser().await.expect("a connection");
        let rows = client.query(query, &[]).await.expect(query);
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn run(&self, statements: &str) {
        let client = self.database.superuser().await.expect("a connection");
        client.batch_execute(statements).await.expect(statements);
    }

    async fn count(&self, from: &str) -> i64 {
        self.database.count(from).await.expect("a count")
    }

    /// Everything that is not deleted, as the mirror has it.
    async fn mirrored(&self) -> BTreeSet<String> {
        self.rows(
            "SELECT concat_ws('|', clerk_user_id, email, first_name, last_name, image_url)
               FROM users WHERE deleted_at IS NULL
             UNION SELECT concat_ws('|', clerk_org_id, name, slug) FROM organizations WHERE deleted_at IS NULL
             UNION SELECT concat_ws('|', m.clerk_org_id, m.clerk_user_id, m.role)
               FROM organization_members m JOIN users u USING (user_id) JOIN organizations o USING (organization_id)
              WHERE m.deleted_at IS NULL AND u.deleted_at IS NULL AND o.deleted_at IS NULL",
        )
        .await
        .into_iter()
        .collect()
    }

    /// Everything that is at Clerk, in the same words.
    async fn at_clerk(&self) -> BTreeSet<String> {
        let api = self.api();
        let mut all = BTreeSet::new();
        for offset in (0..).step_by(100) {
            let page = api.users(offset).await.expect("a page");
            if page.is_empty() {
                break;
            }
            all.extend(page.into_iter().flatten().map(|user| {
                [
                    user.id,
                    user.email,
                    user.first_name,
                    user.last_name,
                    user.image_url,
                ]
                .join("|")
            }));
        }
        for organization in api.organizations(0).await.expect("a page").into_iter().flatten() {
            let id = organization.id;
            all.insert([id.as_str(), &organization.name, &organization.slug].join("|"));
            for offset in [0, 100] {
                let page = api
                    .memberships(&id, offset)
                    .await
                    .expect("a page")
                    .expect("it is there");
                all.extend(
                    page.into_iter()
                        .flatten()
                        .map(|membership| [&id, &membership.user_id, membership.role.as_str()].join("|")),
                );
            }
        }
        all
    }

    async fn has_converged(&self) {
        let (ours, theirs) = (self.mirrored().await, self.at_clerk().await);
        let differing: Vec<_> = ours.symmetric_difference(&theirs).collect();
        assert!(differing.is_empty() && !ours.is_empty(), "{differing:?}");
    }

    /// What was counted under a name: value and dimension.
    fn metric(&self, name: &str, dimension: &str) -> Vec<(String, String)> {
        let bytes = self
            .metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let text = String::from_utf8(bytes).expect("text");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines
            .filter_map(|line| {
                let value = line.get(name)?.to_string();
                Some((line[dimension].as_str().unwrap_or_default().to_owned(), value))
            })
            .collect()
    }

    /// The offsets at which a list was asked for.
    fn offsets(&self, path: &str) -> Vec<usize> {
        let calls = self.clerk.calls();
        let pages = calls.iter().filter(|call| call.path == path);
        pages
            .filter_map(|call| call.field("offset").and_then(|offset| offset.parse().ok()))
            .collect()
    }

    /// Signs people up of whom no webhook tells.
    fn crowd(&self, count: usize) -> Vec<String> {
        self.clerk.without_webhooks(|clerk| {
            (0..count)
                .map(|number| {
                    clerk.sign_up(&format!("p{number}@acme.example"), "Person", &number.to_string())
                })
                .collect()
        })
    }
}

fn outcome(report: &Value) -> &str {
    report["outcome"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn an_event_that_names_no_job_is_an_error_that_says_which_there_are() {
    let world = World::new().await;
    let error = world
        .tick(&world.app(), "reconcile")
        .await
        .expect_err("no such job");
    assert_eq!(
        error.to_string(),
        "the event's `job` is none of reconcile_identity, expire, refresh_credentials, finish_revocations, redeliver_github, \
         check_connections, sync_repositories"
    );
    assert!(world.clerk.calls().is_empty());
}
