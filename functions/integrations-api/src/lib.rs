//! Connections to third parties: what there is to connect, connecting, how a connection is, disconnecting.
//!
//! To add a route: a file called after what it does, with a handler that takes [`Member`] to show something or [`Admin`]
//! to change it, a description for machines above it, and one line in `api`; then `cargo xtask codegen`. A new connector
//! needs nothing here.
//!
//! [`Member`]: shared::auth::Member
//! [`Admin`]: shared::auth::Admin

mod activity;
mod alerts;
mod browser;
mod complete;
mod config;
mod connectors;
mod initiate;
mod manage;
mod view;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use shared::{
    auth::{Authenticates, Caller, SessionVerifier},
    aws::{self, Patience},
    clock::{SharedClock, SystemClock},
    config::Env,
    connector::{Connectors, contract::Parts},
    db::{Access, callers::Rates},
    http::{cors, layer},
    id::Ids,
    integration::{
        Integrations,
        check::{self, Checker},
        connect::{self, Connecting, Connector},
        disconnect::Disconnector,
        refresh::{self, Refresher},
        revocation::Teller,
    },
    secret::{kms::Kms, manager::SecretStore, vault::Vault},
    telemetry::Metrics,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use config::Config;

/// The function's name, in metrics and in the record of who did what.
const ACTOR: &str = "integrations-api";
/// API Gateway waits for thirty seconds, in which a third party is asked several things; an answer that says that it was
/// too slow is better than none.
const DEADLINE: Duration = Duration::from_secs(27);
/// How long the start waits for the database and the keys. What is not there by then is asked for by the first request.
const START_PATIENCE: Duration = Duration::from_secs(2);
/// One request at a time in a sandbox, so one connection.
const CONNECTIONS: usize = 1;
/// How long somebody waits for a third party to be told of an end before it is left to the scheduler.
const TELL_PATIENCE: Duration = Duration::from_secs(6);

/// The service with all it needs.
pub struct App {
    /// What connects.
    pub connector: Connector,
    /// What asks third parties how connections are.
    pub checker: Checker,
    /// What disconnects.
    pub disconnector: Disconnector,
    /// The connections.
    pub integrations: Integrations,
    /// What verifies session tokens.
    pub sessions: SessionVerifier,
    /// How often somebody may call.
    pub rates: Rates,
    /// Who may call from a browser, and where browsers are sent back to.
    pub web_origins: Vec<String>,
    /// Our own address, where it is said.
    pub public_url: Option<String>,
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
        let clock: SharedClock = Arc::new(SystemClock);
        let secrets = SecretStore::new(&aws);
        let parts = Parts {
            clock: Arc::clone(&clock),
            secrets: secrets.clone(),
            aws: aws.clone(),
        };
        let connectors = Connectors::from_env(&mut env, &parts)?;
        env.finish()?;

        let previous = config.previous_credentials_key_arn.as_deref();
        let keys = Kms::new(&aws, &config.credentials_key_arn)?.with_previous(previous)?;
        let vault = Vault::new(Arc::new(keys), &config.environment, Arc::clone(&clock));
        let db = Access::in_secret(secrets, config.database_secret_arn, CONNECTIONS);
        let sessions = config
            .people
            .verifier(&clock)
            .context("the session tokens' keys")?;
        // Both at once, and now: Lambda gives the start more CPU than it gives a small function later.
        let warm = async { tokio::join!(db.get(), sessions.ready()) };
        let warmed = tokio::time::timeout(START_PATIENCE, warm).await;
        if !matches!(warmed, Ok((Ok(_), Ok(())))) {
            tracing::warn!("started without the database or the keys of sessions");
        }
        let integrations = Integrations {
            db: Arc::new(db),
            vault: Arc::new(vault),
            connectors,
            metrics: Metrics::new(&config.environment, ACTOR, Arc::clone(&clock)),
            clock,
            ids: Ids::random(),
            actor: ACTOR,
        };
        Ok(Self::of(
            integrations,
            sessions,
            config.people.rates,
            config.people.web_origins,
            config.public_url,
        ))
    }

    /// The service of these parts.
    #[must_use]
    pub fn of(
        integrations: Integrations,
        sessions: SessionVerifier,
        rates: Rates,
        web_origins: Vec<String>,
        public_url: Option<String>,
    ) -> Self {
        let checker = Checker {
            refresher: Refresher {
                integrations: integrations.clone(),
                patience: refresh::PATIENCE,
            },
            integrations: integrations.clone(),
            patience: check::PATIENCE,
        };
        Self {
            connector: Connector {
                integrations: integrations.clone(),
                patience: connect::PATIENCE,
                checker: checker.clone(),
            },
            checker,
            disconnector: Disconnector {
                teller: Teller {
                    integrations: integrations.clone(),
                    patience: TELL_PATIENCE,
                },
                integrations: integrations.clone(),
            },
            integrations,
            sessions,
            rates,
            web_origins,
            public_url,
        }
    }

    /// Our own address, without a path, as the caller reached us or as the environment says it.
    fn public_url(&self, origin: &layer::Origin) -> Option<String> {
        let reached = || Some(format!("https://{}", origin.domain.as_deref()?));
        self.public_url.clone().or_else(reached)
    }
}

/// The caller as one who connects; `actor` is their id.
fn connecting<'a>(caller: &'a Caller, actor: &'a str) -> Connecting<'a> {
    Connecting {
        organization: caller.organization,
        user: caller.user,
        cause: caller.cause(actor),
    }
}

impl Authenticates for App {
    const ACTOR: &'static str = ACTOR;

    fn sessions(&self) -> &SessionVerifier {
        &self.sessions
    }

    fn db(&self) -> &Access {
        &self.integrations.db
    }

    fn clock(&self) -> &SharedClock {
        &self.integrations.clock
    }

    fn ids(&self) -> &Ids {
        &self.integrations.ids
    }

    fn rates(&self) -> Rates {
        self.rates
    }

    fn metrics(&self) -> &Metrics {
        &self.integrations.metrics
    }
}

/// The routes with their descriptions.
fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(shared::http::openapi::base())
        .routes(routes!(connectors::list))
        .routes(routes!(initiate::initiate))
        .routes(routes!(complete::authorize))
        .routes(routes!(complete::callback))
        .routes(routes!(browser::callback))
        .routes(routes!(manage::list))
        .routes(routes!(manage::status))
        .routes(routes!(manage::validate))
        .routes(routes!(manage::sync))
        .routes(routes!(manage::revoke))
        .routes(routes!(activity::list))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::settings, alerts::set))
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
