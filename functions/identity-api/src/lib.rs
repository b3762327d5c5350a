//! What the web client starts with: who somebody is, whom they belong to, and what their organization did.
//!
//! To add a route: a file called after what it does, with a handler that takes [`Member`] or [`Admin`], a description
//! for machines above it, and one line in `api`; then `cargo xtask codegen`.
//!
//! [`Member`]: shared::auth::Member
//! [`Admin`]: shared::auth::Admin

mod audit;
mod config;
pub mod health;
mod members;
mod metadata;
mod openapi;
mod profile;

use std::{sync::Arc, time::Duration};

use axum::Router;
use shared::{
    auth::{Authenticates, SessionVerifier},
    aws::{self, Patience},
    clock::{SharedClock, SystemClock},
    config::Env,
    db::{Access, callers::Rates},
    http::{cors, layer},
    id::Ids,
    queue::{Queue, SqsQueue},
    secret::{kms::Kms, manager::SecretStore},
    telemetry::Metrics,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::health::{DatabasePart, KeyPart, QueuesPart, Readiness, SessionKeysPart};
pub use config::Config;
pub use metadata::{CompanySize, ObservabilityTool, TeamSize, UseCase};

/// The function's name, in metrics and in the record of who did what.
const ACTOR: &str = "identity-api";
/// Lambda ends a request after ten seconds; an answer that says so is better than none.
const DEADLINE: Duration = Duration::from_secs(8);
/// How long the start waits for the database and the keys. What is not there by then is asked for by the first request.
const START_PATIENCE: Duration = Duration::from_secs(2);
/// One request at a time in a sandbox, so one connection.
const CONNECTIONS: usize = 1;

/// The service with all it needs.
pub struct App {
    /// The database.
    pub db: Arc<Access>,
    /// What verifies session tokens.
    pub sessions: Arc<SessionVerifier>,
    /// Our time.
    pub clock: SharedClock,
    /// New ids.
    pub ids: Ids,
    /// How often somebody may call.
    pub rates: Rates,
    /// What requests need.
    pub readiness: Readiness,
    /// Where refusals are counted.
    pub metrics: Metrics,
    /// Who may call from a browser.
    pub web_origins: Vec<String>,
}

impl App {
    /// The service as the environment describes it, with its connections open.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name. That somebody is away is no error: they may be back when the first
    /// request comes.
    pub async fn from_env() -> anyhow::Result<Self> {
        let mut env = Env::from_process();
        let config = Config::read(&mut env);
        let aws = aws::config(&mut env, Patience::SENDER_WAITS)?;
        env.finish()?;

        let clock: SharedClock = Arc::new(SystemClock);
        let db = Arc::new(Access::in_secret(
            SecretStore::new(&aws),
            config.database_secret_arn,
            CONNECTIONS,
        ));
        let sessions = Arc::new(config.people.verifier(&clock)?);
        // Both at once, and now: Lambda gives the start more CPU than it gives a small function later.
        let warm = async { tokio::join!(db.get(), sessions.ready()) };
        let warmed = tokio::time::timeout(START_PATIENCE, warm).await;
        if !matches!(warmed, Ok((Ok(_), Ok(())))) {
            tracing::warn!("started without the database or the keys of sessions");
        }
        let queues = SqsQueue::new(
            &aws,
            [
                (Queue::Tasks, config.tasks_queue_url),
                (Queue::Events, config.events_queue_url),
            ],
        );
        let readiness = Readiness::new(
            Arc::clone(&clock),
            vec![
                ("database", Box::new(DatabasePart(Arc::clone(&db)))),
                ("queues", Box::new(QueuesPart(queues))),
                (
                    "key",
                    Box::new(KeyPart(Kms::new(&aws, &config.credentials_key_arn)?)),
                ),
                ("session_keys", Box::new(SessionKeysPart(Arc::clone(&sessions)))),
            ],
        );
        Ok(Self {
            db,
            sessions,
            ids: Ids::random(),
            rates: config.people.rates,
            readiness,
            metrics: Metrics::new(&config.environment, ACTOR, Arc::clone(&clock)),
            clock,
            web_origins: config.people.web_origins,
        })
    }
}

impl Authenticates for App {
    const ACTOR: &'static str = ACTOR;

    fn sessions(&self) -> &SessionVerifier {
        &self.sessions
    }

    fn db(&self) -> &Access {
        &self.db
    }

    fn clock(&self) -> &SharedClock {
        &self.clock
    }

    fn ids(&self) -> &Ids {
        &self.ids
    }

    fn rates(&self) -> Rates {
        self.rates
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// The routes with their descriptions.
fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(shared::http::openapi::base())
        .routes(routes!(profile::me))
        .routes(routes!(profile::organization))
        .routes(routes!(metadata::set))
        .routes(routes!(members::list))
        .routes(routes!(audit::list))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(openapi::serve))
}

/// The routes, for browsers of the web client's origins too.
pub fn router(app: App) -> Router {
    let cors = cors::allow(&app.web_origins);
    let (routes, _) = api().split_for_parts();
    // Around everything: a browser must be able to read an error as well.
    layer::around(routes.with_state(Arc::new(app)), DEADLINE).layer(cors)
}

/// What the routes say of themselves.
#[must_use]
pub fn description() -> OpenApi {
    let (_, description) = api().split_for_parts();
    description
}
