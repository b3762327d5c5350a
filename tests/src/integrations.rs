//! Connections, for stories: people who signed in, every third party that can be connected, a key service, and the API.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use integrations_api::App;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Map, Value, json};
use shared::{
    auth::{Jwks, SessionVerifier},
    aws::{self, Patience},
    clock::{self, Clock as _, SharedClock, SystemClock},
    config::Env,
    connector::{ConnectorKind, Connectors, contract::Parts, fake::Vendor},
    db::{Access, Db, callers::Rates},
    id::Ids,
    identity::api::ClerkApi,
    integration::Integrations,
    secret::{
        manager::{MemorySecrets, SecretStore},
        vault::Vault,
    },
    telemetry::Metrics,
};

use crate::{
    gateway::{Answer, Call},
    kms::FakeKms,
    people::{People, Person, WEB_ORIGIN, bearer, read},
    vendors::Begun,
};

/// The address by which API Gateway says that callers reach us.
pub const PUBLIC_URL: &str = "https://abc.execute-api.eu-central-1.amazonaws.com";

/// The world of those who connect.
pub struct World {
    /// The people, with their organizations.
    pub people: People,
    /// The third parties.
    pub vendors: BTreeMap<&'static str, Box<dyn Vendor>>,
    /// The key service.
    pub kms: FakeKms,
    /// What works on connections.
    pub integrations: Integrations,
    /// The metric lines so far.
    pub metrics: Arc<Mutex<Vec<u8>>>,
    router: Router,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    /// A world in which nothing is connected.
    ///
    /// # Errors
    /// When something of it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let people = People::start().await?;
        let mut vendors = BTreeMap::new();
        for kind in ConnectorKind::ALL {
            vendors.insert(kind.as_str(), kind.start_fake().await?);
        }
        let secrets = MemorySecrets::new();
        for (arn, value) in vendors.values().flat_map(|vendor| vendor.secrets()) {
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
        let theirs = vendors.values().flat_map(|vendor| vendor.variables());
        let mut env = Env::from_pairs(own.into_iter().chain(theirs));
        let parts = Parts {
            clock: Arc::new(SystemClock),
            secrets: SecretStore::from_source(secrets),
            aws: aws::config(&mut env, Patience::SENDER_WAITS)?,
        };
        let connectors = Connectors::from_env(&mut env, &parts)?;
        let clock: SharedClock = Arc::new(people.clock.clone());
        let kms = FakeKms::new();
        let metrics = Arc::<Mutex<Vec<u8>>>::default();
        let integrations = Integrations {
            db: Arc::new(Access::from(Db::new(&people.database.application(), 1)?)),
            vault: Arc::new(Vault::new(Arc::new(kms.clone()), "test", Arc::clone(&clock))),
            connectors,
            metrics: Metrics::to("test", "integrations-api", Arc::clone(&clock), metrics.clone()),
            clock,
            ids: Ids::random(),
            actor: "integrations-api",
        };
        let router = integrations_api::router(app(&people, integrations.clone())?);
        Ok(Self {
            people,
            vendors,
            kms,
            integrations,
            metrics,
            router,
        })
    }

    /// A third party.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn vendor(&self, connector: &str) -> &dyn Vendor {
        match self.vendors.get(connector) {
            Some(vendor) => &**vendor,
            None => panic!("nothing is called {connector}"),
        }
    }

    /// Sends a request to whichever API it is for.
    pub async fn send(&self, call: &Call) -> Answer {
        let is_ours = ["/integrations", "/connectors"]
            .iter()
            .any(|prefix| call.path.starts_with(prefix));
        if is_ours {
            self.people.send_to(&self.router, call).await
        } else {
            self.people.send(call).await
        }
    }

    /// Somebody posts to a route with a token made now.
    pub async fn post(&self, person: &Person, path: &str, body: &Value) -> Answer {
        let token = self.people.token(person);
        self.send(&bearer(path, &token, body)).await
    }

    /// Somebody gets what is at a path, with a token made now.
    pub async fn get(&self, person: &Person, path: &str) -> Answer {
        let token = self.people.token(person);
        let call = Call {
            method: "GET",
            ..bearer(path, &token, &json!({}))
        };
        self.send(&call).await
    }

    /// Somebody begins to connect; `more` is added to what they ask.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn begin(&self, person: &Person, connector: &str, more: Value) -> Begun {
        let mut asked = Map::from_iter([("connector_type".to_owned(), connector.into())]);
        asked.insert(
            "redirect_url".to_owned(),
            format!("{WEB_ORIGIN}/integrations/{connector}/authorize").into(),
        );
        asked.extend(more.as_object().cloned().unwrap_or_default());
        let answer = self.post(person, "/integrations/initiate/", &asked.into()).await;
        assert_eq!(answer.status, 200, "{connector}: {}", answer.body);
        begun(&answer)
    }

    /// What somebody sends who has done at the third party what they were told, for its account of this number.
    pub async fn back(&self, connector: &str, begun: &Begun, account: u8) -> Value {
        begun.back(connector, self.vendor(connector), account).await
    }

    /// Somebody connects the account of this number.
    pub async fn try_connect(&self, person: &Person, connector: &str, account: u8, more: Value) -> Answer {
        let begun = self.begin(person, connector, more.clone()).await;
        let mut sent = self.back(connector, &begun, account).await;
        if let (Some(sent), Some(more)) = (sent.as_object_mut(), more.as_object()) {
            sent.extend(more.clone());
        }
        self.post(person, "/integrations/authorize/", &sent).await
    }

    /// The same; answers the connection.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn connect(&self, person: &Person, connector: &str, account: u8) -> Value {
        let answer = self.try_connect(person, connector, account, json!({})).await;
        assert_eq!(answer.status, 200, "{connector}: {}", answer.body);
        read(&answer)
    }

    /// The connections of somebody's organization.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn list(&self, person: &Person) -> Vec<Value> {
        let answer = self.post(person, "/integrations/list/", &json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        read(&answer)["integrations"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// What somebody is told of a connection when they ask how it is.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn status(&self, person: &Person, id: &Value) -> Value {
        let answer = self
            .post(person, "/integrations/status/", &json!({ "integration_id": id }))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        read(&answer)
    }

    /// Somebody disconnects.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn revoke(&self, person: &Person, id: &Value) {
        let answer = self
            .post(person, "/integrations/revoke/", &json!({ "integration_id": id }))
            .await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }
}

impl World {
    /// How many rows there are of what follows `FROM`.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn count(&self, from: &str) -> i64 {
        match self.people.database.count(from).await {
            Ok(count) => count,
            Err(error) => panic!("{from} cannot be counted: {error:#}"),
        }
    }

    /// A job of the scheduler's; answers its report.
    ///
    /// # Panics
    /// When it fails.
    pub async fn job(&self, job: &str) -> Value {
        let secrets = SecretStore::from_source(MemorySecrets::new());
        let clerk = match ClerkApi::new(&self.people.clerk.url(), secrets, String::new(), Duration::ZERO) {
            Ok(clerk) => clerk,
            Err(error) => panic!("Clerk has no address: {error}"),
        };
        let app = scheduler::App::of(self.integrations.clone(), clerk);
        let mut context = Context::default();
        let deadline = clock::after(self.people.clock.now(), Duration::from_mins(5)).timestamp_millis();
        context.deadline = u64::try_from(deadline).unwrap_or_default();
        match scheduler::handle(&app, LambdaEvent::new(json!({ "job": job }), context)).await {
            Ok(report) => report,
            Err(error) => panic!("{job} failed: {error}"),
        }
    }
}

/// What somebody was told who began to connect.
///
/// # Panics
/// When it is no such answer.
#[must_use]
pub fn begun(answer: &Answer) -> Begun {
    Begun::read(&read(answer), answer.header("set-cookie"))
}

fn app(people: &People, integrations: Integrations) -> anyhow::Result<App> {
    let clock: SharedClock = Arc::new(people.clock.clone());
    let keys = Jwks::published(&people.issuer.jwks_url(), Arc::clone(&clock))?;
    let sessions = SessionVerifier::new(people.issuer.url(), keys, vec![WEB_ORIGIN.to_owned()], clock);
    let rates = Rates {
        user: 600,
        organization: 6_000,
    };
    Ok(App::of(
        integrations,
        sessions,
        rates,
        vec![WEB_ORIGIN.to_owned()],
        None,
    ))
}
