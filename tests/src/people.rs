//! People who sign in, for stories: Clerk with its webhooks, the issuer of its tokens, a real database, the processor of
//! events and the API that the web client calls.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use axum::Router;
use identity_api::health::{DatabasePart, Part, Readiness, SessionKeysPart};
use serde_json::{Value, json};
use shared::{
    auth::{
        Jwks, SessionVerifier,
        fake::{FakeIssuer, SignedIn},
    },
    clock::{self, Clock as _, FixedClock, SharedClock, Timestamp},
    connector::slack::api::SlackApi,
    db::{Access, Connection, Db, callers::Rates},
    id::Ids,
    identity::fake::{FakeClerk, FakeEvent},
    secret::vault::Vault,
    task::Envelope,
    telemetry::Metrics,
};

use crate::{
    database::Database,
    gateway::{Answer, Call},
    kms::FakeKms,
    stack::{Handled, MemoryInbox, record},
};

/// Where the web client is served.
pub const WEB_ORIGIN: &str = "https://app.example.com";
/// The address that API Gateway says a caller has.
pub const ADDRESS: &str = "192.0.2.1";
/// More than a story calls, unless it is about that.
const RATES: Rates = Rates {
    user: 600,
    organization: 6_000,
};

/// The world of those who sign in.
pub struct People {
    /// What the code thinks the time is.
    pub clock: FixedClock,
    /// Clerk: people, organizations, memberships and what it tells of them.
    pub clerk: FakeClerk,
    /// Clerk's issuer of session tokens.
    pub issuer: FakeIssuer,
    /// The database.
    pub database: Database,
    /// The queue as the processor of events sees it.
    pub inbox: Arc<MemoryInbox>,
    /// The metric lines so far.
    pub metrics: Arc<Mutex<Vec<u8>>>,
    /// A part of what requests need, to be taken away.
    pub part: Arc<Switch>,
    /// The processor of events.
    pub processor: event_processor::App,
    router: Router,
    ids: Ids,
    db: Db,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People").finish_non_exhaustive()
    }
}

/// Something that requests need, which a test can take away.
#[derive(Debug, Default)]
pub struct Switch {
    is_off: AtomicBool,
    asked: AtomicUsize,
}

impl Switch {
    /// Takes it away, or brings it back.
    pub fn set_off(&self, is_off: bool) {
        self.is_off.store(is_off, Ordering::SeqCst);
    }

    /// How often it was asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The part of readiness that a switch is.
struct Switched(Arc<Switch>);

#[async_trait]
impl Part for Switched {
    async fn ask(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        if self.0.is_off.load(Ordering::SeqCst) {
            return Err("the test took it away".into());
        }
        Ok(())
    }
}

/// What somebody is called who signs up.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// E-mail address.
    pub email: &'a str,
}

impl Named<'_> {
    fn sign_up(self, clerk: &FakeClerk) -> String {
        clerk.sign_up(self.email, self.first_name, self.last_name)
    }
}

/// Somebody who signed in for an organization.
#[derive(Debug, Clone)]
pub struct Person {
    /// Clerk's id of them.
    pub id: String,
    /// Their session.
    pub session: String,
    /// Clerk's id of the organization that they act for.
    pub organization: String,
    /// Its name for addresses.
    pub slug: String,
    /// Their role there, as Clerk calls it.
    pub role: String,
}

impl Person {
    /// Somebody signs up at Clerk, founds an organization and signs in for it.
    #[must_use]
    pub fn founder(clerk: &FakeClerk, named: Named<'_>, organization: &str, slug: &str) -> Self {
        let id = named.sign_up(clerk);
        let organization = clerk.create_organization(organization, slug, &id);
        Self {
            session: clerk.start_session(&id),
            id,
            organization,
            slug: slug.to_owned(),
            role: "org:admin".to_owned(),
        }
    }

    /// Somebody signs up at Clerk, joins the organization of `colleague` and signs in for it.
    #[must_use]
    pub fn joiner(clerk: &FakeClerk, named: Named<'_>, colleague: &Self) -> Self {
        let id = named.sign_up(clerk);
        clerk.add_member(&colleague.organization, &id, "org:member");
        Self {
            session: clerk.start_session(&id),
            id,
            organization: colleague.organization.clone(),
            slug: colleague.slug.clone(),
            role: "org:member".to_owned(),
        }
    }

    /// What a token of theirs says.
    #[must_use]
    pub fn signed_in(&self) -> SignedIn {
        self.signed_in_from(WEB_ORIGIN)
    }

    /// What a token of theirs says that was made for a page of this origin.
    #[must_use]
    pub fn signed_in_from(&self, origin: &str) -> SignedIn {
        SignedIn::new(&self.id, &self.session, origin).in_organization(
            &self.organization,
            &self.slug,
            &self.role,
            &[],
        )
    }
}

impl People {
    /// A world with nobody in it.
    ///
    /// # Errors
    /// When something of it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with_rates(RATES).await
    }

    /// The same, where people may call only so often.
    ///
    /// # Errors
    /// When something of it does not start.
    pub async fn with_rates(rates: Rates) -> anyhow::Result<Self> {
        let clock = FixedClock::at(Timestamp::from_timestamp(1_790_000_000, 0).unwrap_or_default());
        let database = Database::new().await?;
        let clerk = FakeClerk::start().await?;
        clerk.set_clock(clock.now());
        let issuer = FakeIssuer::start().await?;
        let metrics = Arc::<Mutex<Vec<u8>>>::default();
        let inbox = Arc::<MemoryInbox>::default();
        let part = Arc::<Switch>::default();
        let ids = Ids::random();
        let shared_clock: SharedClock = Arc::new(clock.clone());
        let processor = event_processor::App {
            db: Access::from(Db::new(&database.application(), 4)?),
            // Nobody in this world has a workspace.
            vault: Vault::new(Arc::new(FakeKms::new()), "test", Arc::clone(&shared_clock)),
            slack: SlackApi::new("http://127.0.0.1:1/api")?,
            clock: Arc::clone(&shared_clock),
            ids: ids.clone(),
            inbox: inbox.clone(),
            metrics: Metrics::to(
                "test",
                "event-processor",
                Arc::clone(&shared_clock),
                metrics.clone(),
            ),
        };
        let mut people = Self {
            router: Router::new(),
            db: Db::new(&database.application(), 4)?,
            clock,
            clerk,
            issuer,
            database,
            inbox,
            metrics,
            part,
            processor,
            ids,
        };
        let keys = Jwks::published(&people.issuer.jwks_url(), shared_clock)?;
        people.router = people.api(keys, rates)?;
        Ok(people)
    }

    /// A fresh process of the API, with keys of its own.
    ///
    /// # Errors
    /// When the database's secret is not complete.
    pub fn api(&self, keys: Jwks, rates: Rates) -> anyhow::Result<Router> {
        let clock: SharedClock = Arc::new(self.clock.clone());
        let db = Arc::new(Access::from(Db::new(&self.database.application(), 1)?));
        let sessions = Arc::new(SessionVerifier::new(
            self.issuer.url(),
            keys,
            vec![WEB_ORIGIN.to_owned()],
            Arc::clone(&clock),
        ));
        let readiness = Readiness::new(
            Arc::clone(&clock),
            vec![
                ("database", Box::new(DatabasePart(Arc::clone(&db)))),
                ("session_keys", Box::new(SessionKeysPart(Arc::clone(&sessions)))),
                ("queues", Box::new(Switched(self.part.clone()))),
            ],
        );
        Ok(identity_api::router(identity_api::App {
            db,
            sessions,
            ids: self.ids.clone(),
            rates,
            readiness,
            metrics: Metrics::to("test", "identity-api", Arc::clone(&clock), self.metrics.clone()),
            clock,
            web_origins: vec![WEB_ORIGIN.to_owned()],
        }))
    }

    /// Moves all clocks forward: what happens at Clerk from now on is later.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.clerk.set_clock(self.clock.now());
    }

    /// A connection with the application's rights.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn db(&self) -> anyhow::Result<Connection> {
        Ok(self.db.get().await?)
    }

    /// Somebody signs up and founds an organization; no webhook has come yet.
    #[must_use]
    pub fn founder(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        Person::founder(&self.clerk, named(name, "Founder", &email), name, name)
    }

    /// Somebody signs up and joins the organization of `colleague`; no webhook has come yet.
    #[must_use]
    pub fn joiner(&self, name: &str, colleague: &Person) -> Person {
        let email = format!("{name}@example.com");
        Person::joiner(&self.clerk, named(name, "Joiner", &email), colleague)
    }

    /// The envelope that the door makes of an event; none for kinds that are not used.
    ///
    /// # Panics
    /// When the door would not take the event.
    #[must_use]
    pub fn envelope(&self, event: &FakeEvent) -> Option<Envelope> {
        let verdict = clerk_webhook::classify(
            event.body.as_bytes(),
            &event.id,
            self.clerk.instance_id(),
            self.ids.task(),
            self.clock.now(),
            None,
        );
        match verdict {
            Ok(clerk_webhook::Verdict::Put(put)) => Some(put.envelope),
            Ok(clerk_webhook::Verdict::Ignore { .. }) => None,
            Err(error) => panic!("the door refuses the event: {error}"),
        }
    }

    /// Clerk's webhooks come, in the order in which they were sent.
    ///
    /// # Panics
    /// When one of them is given back.
    pub async fn webhooks_come(&self) {
        let events = self.clerk.drain();
        for event in &events {
            self.deliver(event).await;
        }
    }

    /// One webhook comes.
    ///
    /// # Panics
    /// When it is given back.
    pub async fn deliver(&self, event: &FakeEvent) {
        if let Some(envelope) = self.envelope(event) {
            let handled = self.process(vec![record(&event.id, 1, &envelope)]).await;
            assert!(handled.returned.is_empty(), "{} was given back", event.kind);
        }
    }

    /// Hands a batch to the processor and waits for its answer.
    pub async fn process(&self, batch: Vec<SqsMessage>) -> Handled {
        let mut event = SqsEvent::default();
        event.records = batch;
        let deadline = clock::after(self.clock.now(), Duration::from_mins(1));
        let response = event_processor::handle(&self.processor, event, deadline).await;
        Handled {
            returned: response
                .batch_item_failures
                .into_iter()
                .map(|failure| failure.item_identifier)
                .collect(),
        }
    }

    /// A token of somebody's, made now.
    #[must_use]
    pub fn token(&self, person: &Person) -> String {
        self.issuer.token(&person.signed_in(), self.clock.now())
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When API Gateway could not read the answer.
    pub async fn send(&self, call: &Call) -> Answer {
        self.send_to(&self.router, call).await
    }

    /// Sends a request to a process of its own.
    ///
    /// # Panics
    /// When API Gateway could not read the answer.
    pub async fn send_to(&self, router: &Router, call: &Call) -> Answer {
        match call.send(router).await {
            Ok(answer) => answer,
            Err(error) => panic!("API Gateway would not read the answer: {error:#}"),
        }
    }

    /// Somebody posts to a route with a token made now.
    pub async fn post(&self, person: &Person, path: &str, body: &Value) -> Answer {
        let token = self.token(person);
        self.send(&bearer(path, &token, body)).await
    }

    /// What somebody is told when they ask who they are.
    ///
    /// # Panics
    /// When they are not told.
    pub async fn me(&self, person: &Person) -> Value {
        let body = json!({ "clerk_user_id": person.id, "clerk_org_id": person.organization });
        let answer = self.post(person, "/identity/me/", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        read(&answer)
    }
}

fn named<'a>(first_name: &'a str, last_name: &'a str, email: &'a str) -> Named<'a> {
    Named {
        first_name,
        last_name,
        email,
    }
}

/// A `POST` with a bearer token.
#[must_use]
pub fn bearer(path: &str, token: &str, body: &Value) -> Call {
    Call::post(path, body.to_string()).with("authorization", &format!("Bearer {token}"))
}

/// The JSON of an answer.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", answer.body))
}
