//! A PagerDuty of our own, for tests and the local stack: accounts in two regions, their tokens, webhook subscriptions
//! and incidents, and the deliveries that come of them.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::api::{DESCRIPTION, EVENTS};
use crate::{
    clock::{self, SharedClock, SystemClock, Timestamp},
    connector::{
        contract::Started,
        fake::{Sent, Trouble, Vendor},
    },
    http::fake::{ANY_PORT, Server},
    webhook::pagerduty,
};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// An account's token, for everything.
    Full,
    /// An account's token that may only read.
    ReadOnly,
    /// The token of a user who sees no other users.
    User,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    account: u8,
    access: Access,
}

#[derive(Debug, Clone)]
struct Subscription {
    account: u8,
    secret: String,
    is_active: bool,
    is_temporarily_disabled: bool,
    /// As it was made.
    made: Value,
}

#[derive(Debug, Clone)]
struct Incident {
    account: u8,
    title: String,
    status: &'static str,
    priority: Option<&'static str>,
    urgency: &'static str,
}

struct World {
    tokens: BTreeMap<String, Token>,
    subscriptions: BTreeMap<String, Subscription>,
    incidents: BTreeMap<String, Incident>,
    secrets: Vec<String>,
    made: usize,
    /// When something happened last: no two things happen at once.
    last: Timestamp,
    trouble: Option<Trouble>,
    calls: usize,
}

impl World {
    fn next(&mut self) -> usize {
        self.made += 1;
        self.made
    }
}

/// A running fake; ends when it is dropped.
pub struct FakePagerDuty {
    world: Arc<Mutex<World>>,
    clock: SharedClock,
    server: Server,
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every other account is in Europe.
fn region(account: u8) -> &'static str {
    if account.is_multiple_of(2) { "us" } else { "eu" }
}

fn page(account: u8, path: &str) -> String {
    let region = if region(account) == "us" { "" } else { ".eu" };
    format!("https://acme-{account}{region}.pagerduty.com/{path}")
}

impl FakePagerDuty {
    /// Starts it.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(clock: SharedClock) -> io::Result<Self> {
        let world = Arc::new(Mutex::new(World {
            tokens: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            incidents: BTreeMap::new(),
            secrets: Vec::new(),
            made: 0,
            last: Timestamp::UNIX_EPOCH,
            trouble: None,
            calls: 0,
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&world));
        let server = Server::start(ANY_PORT, router).await?;
        Ok(Self { world, clock, server })
    }

    /// A new token of an account.
    #[must_use]
    pub fn token(&self, account: u8, access: Access) -> String {
        let mut world = lock(&self.world);
        let token = format!("u+hunter2PagerDuty{:04}", world.next());
        world.tokens.insert(token.clone(), Token { account, access });
        world.secrets.push(token.clone());
        token
    }

    /// Makes so many subscriptions of other people in an account, to an address of theirs.
    pub fn crowd(&self, account: u8, count: usize) {
        let mut world = lock(&self.world);
        for _ in 0..count {
            let made = json!({
                "type": "webhook_subscription", "description": "somebody else's", "events": EVENTS,
                "filter": { "type": "account_reference" },
                "delivery_method": { "type": "http_delivery_method", "url": "https://elsewhere.example/hook" },
            });
            subscribe(&mut world, account, made);
        }
    }

    /// How many subscriptions there are that deliver to an address.
    #[must_use]
    pub fn subscriptions_to(&self, url: &str) -> usize {
        let world = lock(&self.world);
        let all = world.subscriptions.values();
        all.filter(|one| one.made["delivery_method"]["url"] == url).count()
    }

    /// Does something to every subscription of ours, as an administrator or PagerDuty itself does: it is switched off,
    /// disabled for a day after failures, led elsewhere, or removed.
    pub fn meddle(&self, meddling: Meddling) {
        let mut world = lock(&self.world);
        if meddling == Meddling::Remove {
            world.subscriptions.retain(|_, one| !is_ours(one));
        }
        for one in world.subscriptions.values_mut().filter(|one| is_ours(one)) {
            one.is_active = meddling != Meddling::SwitchOff;
            one.is_temporarily_disabled = meddling == Meddling::Disable;
            if meddling == Meddling::Lead {
                one.made["delivery_method"]["url"] = json!("https://elsewhere.example/hook");
            }
        }
    }

    /// An incident begins: its id, and what is told of it.
    #[must_use]
    pub fn trigger_incident(
        &self,
        account: u8,
        title: &str,
        priority: Option<&'static str>,
        urgency: &'static str,
    ) -> (String, Vec<Sent>) {
        let id = {
            let mut world = lock(&self.world);
            let id = format!("Q{:012}", world.next());
            let incident = Incident {
                account,
                title: title.to_owned(),
                status: "triggered",
                priority,
                urgency,
            };
            world.incidents.insert(id.clone(), incident);
            id
        };
        let sent = self.tell(&id, "incident.triggered");
        (id, sent)
    }

    /// Somebody takes an incident.
    #[must_use]
    pub fn acknowledge(&self, incident: &str) -> Vec<Sent> {
        self.change(incident, "acknowledged");
        self.tell(incident, "incident.acknowledged")
    }

    /// An incident ends.
    #[must_use]
    pub fn resolve(&self, incident: &str) -> Vec<Sent> {
        self.change(incident, "resolved");
        self.tell(incident, "incident.resolved")
    }

    /// An incident begins anew.
    #[must_use]
    pub fn reopen(&self, incident: &str) -> Vec<Sent> {
        self.change(incident, "triggered");
        self.tell(incident, "incident.reopened")
    }

    fn change(&self, incident: &str, status: &'static str) {
        if let Some(incident) = lock(&self.world).incidents.get_mut(incident) {
            incident.status = status;
        }
    }

    /// Tells every subscription that wants to know of an event about an incident, as it stands.
    #[must_use]
    pub fn tell(&self, incident: &str, event_type: &str) -> Vec<Sent> {
        let mut world = lock(&self.world);
        let Some(known) = world.incidents.get(incident).cloned() else {
            return Vec::new();
        };
        let data = json!({
            "id": incident,
            "type": "incident",
            "self": format!("https://api.pagerduty.com/incidents/{incident}"),
            "html_url": page(known.account, &format!("incidents/{incident}")),
            "number": 1,
            "status": known.status,
            "incident_key": "d3640fbd41094207a1c11e58e46b1662",
            "created_at": "2026-01-01T00:00:00Z",
            "title": known.title,
            "service": {
                "html_url": page(known.account, "services/PF9KMXH"), "id": "PF9KMXH",
                "self": "https://api.pagerduty.com/services/PF9KMXH", "summary": "API Service", "type": "service_reference",
            },
            "assignees": [],
            "teams": [],
            "priority": known.priority.map(|name| json!({ "id": "PSO75BM", "summary": name, "type": "priority_reference" })),
            "urgency": known.urgency,
            "conference_bridge": null,
            "resolve_reason": null,
        });
        let event = self.event(&mut world, event_type, "incident", &data);
        deliver(&world, known.account, event_type, &event)
    }

    /// Somebody presses the button that tests a subscription.
    #[must_use]
    pub fn ping(&self, account: u8) -> Vec<Sent> {
        let mut world = lock(&self.world);
        let data = json!({ "message": "Hello from your friend Pagey!", "type": "ping" });
        let event = self.event(&mut world, "pagey.ping", "pagey", &data);
        deliver(&world, account, "pagey.ping", &event)
    }

    fn event(&self, world: &mut World, event_type: &str, resource_type: &str, data: &Value) -> Vec<u8> {
        let after_last = clock::after(world.last, std::time::Duration::from_millis(1));
        world.last = self.clock.now().max(after_last);
        let event = json!({ "event": {
            "id": format!("01FAKE{:020}", world.next()),
            "event_type": event_type,
            "resource_type": resource_type,
            "occurred_at": world.last.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "agent": null,
            "client": { "name": "PagerDuty" },
            "data": data,
        }});
        event.to_string().into_bytes()
    }
}

/// What becomes of subscriptions without our doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meddling {
    /// An administrator switches them off.
    SwitchOff,
    /// PagerDuty disables them for a day, because deliveries failed.
    Disable,
    /// An administrator leads them elsewhere.
    Lead,
    /// An administrator removes them.
    Remove,
    /// All is well again.
    Restore,
}

fn is_ours(subscription: &Subscription) -> bool {
    subscription.made["description"] == DESCRIPTION
}

fn deliver(world: &World, account: u8, event_type: &str, body: &[u8]) -> Vec<Sent> {
    let wants = |one: &&Subscription| {
        let events = one.made["events"].as_array();
        let is_listed = events.is_some_and(|events| events.iter().any(|event| event == event_type));
        let is_on = one.is_active && !one.is_temporarily_disabled;
        one.account == account && is_on && (is_listed || event_type == "pagey.ping")
    };
    let subscriptions = world.subscriptions.values().filter(wants);
    let sent = subscriptions.map(|one| Sent {
        url: one.made["delivery_method"]["url"].as_str().unwrap_or_default().to_owned(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            pagerduty::sign(&one.secret, body),
        ],
        body: body.to_vec(),
    });
    sent.collect()
}

fn subscribe(world: &mut World, account: u8, made: Value) -> (String, String) {
    let number = world.next();
    let (id, secret) = (format!("PSUB{number}"), format!("signing-hunter2-{number:08}"));
    world.secrets.push(secret.clone());
    let subscription = Subscription {
        account,
        secret: secret.clone(),
        is_active: true,
        is_temporarily_disabled: false,
        made,
    };
    world.subscriptions.insert(id.clone(), subscription);
    (id, secret)
}

/// A subscription as it is shown: its secret only to whoever makes it.
fn shape(id: &str, subscription: &Subscription, secret: Option<&str>) -> Value {
    let mut shown = subscription.made.clone();
    shown["id"] = json!(id);
    shown["active"] = json!(subscription.is_active);
    shown["delivery_method"]["id"] = json!("PF9KMXH");
    shown["delivery_method"]["secret"] = json!(secret);
    shown["delivery_method"]["temporarily_disabled"] = json!(subscription.is_temporarily_disabled);
    shown
}

async fn answer(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let shown = text(header::AUTHORIZATION);
    let trouble = {
        let mut world = lock(&world);
        world.calls += 1;
        world.trouble
    };
    let quote = format!("what about {shown} and {}?", String::from_utf8_lossy(&body));
    match trouble {
        None if text(header::ACCEPT) != "application/vnd.pagerduty+json;version=2" => {
            refuse(StatusCode::BAD_REQUEST, "which version?")
        }
        None => respond(&mut lock(&world), &method, &uri, shown, &body),
        Some(Trouble::Refuses) => refuse(StatusCode::UNAUTHORIZED, &quote),
        Some(Trouble::Fails) => refuse(StatusCode::SERVICE_UNAVAILABLE, &quote),
        Some(Trouble::Limits(seconds)) => {
            let wait = [("ratelimit-reset", seconds.to_string())];
            (wait, refuse(StatusCode::TOO_MANY_REQUESTS, &quote)).into_response()
        }
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::Babbles) => (StatusCode::OK, format!("{{\"abilities\": \"{shown}\"")).into_response(),
        Some(Trouble::Redirects) => {
            (StatusCode::FOUND, [(header::LOCATION, "https://evil.example/")]).into_response()
        }
    }
}

fn say(status: StatusCode, body: Value) -> Response {
    (status, axum::Json(body)).into_response()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    say(status, json!({ "error": { "message": message, "code": 2010 } }))
}

fn respond(world: &mut World, method: &Method, uri: &Uri, shown: &str, body: &Bytes) -> Response {
    let path: Vec<_> = uri.path().trim_matches('/').split('/').collect();
    let [asked_region, path @ ..] = path.as_slice() else {
        return refuse(StatusCode::NOT_FOUND, "no");
    };
    let token = shown.strip_prefix("Token token=").and_then(|token| world.tokens.get(token)).copied();
    let Some(token) = token.filter(|token| region(token.account) == *asked_region) else {
        return refuse(StatusCode::UNAUTHORIZED, &format!("{shown} is none of ours"));
    };
    if token.access == Access::ReadOnly && method != Method::GET {
        return refuse(StatusCode::FORBIDDEN, "Access Denied");
    }
    let user = json!({ "id": "PXPGF42", "type": "user", "html_url": page(token.account, "users/PXPGF42") });
    match (method.as_str(), path) {
        ("GET", ["abilities"]) => say(StatusCode::OK, json!({ "abilities": ["teams"] })),
        ("GET", ["users"]) if token.access == Access::User => refuse(StatusCode::FORBIDDEN, "Access Denied"),
        ("GET", ["users"]) => say(StatusCode::OK, json!({ "users": [user], "more": true })),
        ("GET", ["users", "me"]) if token.access == Access::User => say(StatusCode::OK, json!({ "user": user })),
        ("GET", ["users", "me"]) => refuse(StatusCode::BAD_REQUEST, "no user"),
        ("GET", ["webhook_subscriptions"]) => list(world, token.account, uri),
        ("POST", ["webhook_subscriptions"]) => make(world, token.account, body),
        (verb, ["webhook_subscriptions", id]) => {
            let known = world.subscriptions.get(*id);
            let Some(known) = known.filter(|one| one.account == token.account) else {
                return refuse(StatusCode::NOT_FOUND, "no");
            };
            match verb {
                "GET" => say(StatusCode::OK, json!({ "webhook_subscription": shape(id, known, None) })),
                "DELETE" => {
                    world.subscriptions.remove(*id);
                    StatusCode::NO_CONTENT.into_response()
                }
                _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "no"),
            }
        }
        _ => refuse(StatusCode::NOT_FOUND, "no"),
    }
}

fn list(world: &World, account: u8, uri: &Uri) -> Response {
    let query: BTreeMap<String, String> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let number = |name: &str, default: usize| query.get(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    let (limit, offset) = (number("limit", 25).min(100), number("offset", 0));
    let all: Vec<_> = world.subscriptions.iter().filter(|(_, one)| one.account == account).collect();
    let page = all.iter().skip(offset).take(limit).map(|(id, one)| shape(id, one, None));
    let page: Vec<_> = page.collect();
    let more = offset + page.len() < all.len();
    let body = json!({
        "webhook_subscriptions": page, "limit": limit, "offset": offset, "total": null, "more": more,
    });
    say(StatusCode::OK, body)
}

fn make(world: &mut World, account: u8, body: &Bytes) -> Response {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let made = sent["webhook_subscription"].clone();
    let is_whole = made["type"] == "webhook_subscription"
        && made["delivery_method"]["type"] == "http_delivery_method"
        && made["delivery_method"]["url"].as_str().is_some_and(|url| url.starts_with("http"))
        && made["filter"]["type"] == "account_reference"
        && made["events"].as_array().is_some_and(|events| !events.is_empty());
    if !is_whole {
        return refuse(StatusCode::BAD_REQUEST, "Invalid Input Provided");
    }
    let (id, secret) = subscribe(world, account, made);
    let shown = shape(&id, &world.subscriptions[&id], Some(&secret));
    say(StatusCode::CREATED, json!({ "webhook_subscription": shown }))
}

#[async_trait]
impl Vendor for FakePagerDuty {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("PAGERDUTY_API_URL", format!("http://{}", self.server.address()))]
    }

    fn secrets(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn consent(&self, _started: &Started, account: u8) -> Value {
        json!({ "api_token": self.token(account, Access::Full), "region": region(account) })
    }

    fn canaries(&self) -> Vec<String> {
        lock(&self.world).secrets.clone()
    }

    fn trouble(&self, trouble: Option<Trouble>) {
        lock(&self.world).trouble = trouble;
    }

    fn calls(&self) -> usize {
        lock(&self.world).calls
    }

    fn withdraw(&self) {
        let mut world = lock(&self.world);
        world.tokens.clear();
        world.subscriptions.clear();
    }

    fn remains(&self) -> Vec<String> {
        let world = lock(&self.world);
        let ours = world.subscriptions.iter().filter(|(_, one)| is_ours(one));
        ours.map(|(id, _)| format!("webhook subscription {id}")).collect()
    }
}

/// What the stories that hold for all connectors start.
///
/// # Errors
/// When no port is free.
pub(in crate::connector) async fn vendor() -> io::Result<impl Vendor> {
    FakePagerDuty::start(Arc::new(SystemClock)).await
}
