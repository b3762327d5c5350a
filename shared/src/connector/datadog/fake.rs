//! A Datadog of our own, for tests and the local stack: organizations on its sites, their keys, webhooks and monitors,
//! and the deliveries that come of them.

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

use super::api::SITES;
use crate::{
    clock::{self, SharedClock, SystemClock, Timestamp},
    connector::{
        contract::Started,
        fake::{Sent, Trouble, Vendor},
    },
    http::fake::{ANY_PORT, Server},
    webhook::datadog::TOKEN,
};

/// What an application key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// All that its owner may, who administers the organization.
    Full,
    /// Nothing about integrations.
    NoIntegrations,
}

/// A monitor that mentions webhooks, as it stands when it tells of something.
#[derive(Debug, Clone)]
pub struct Monitor {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The group that is told of, such as `host:a,env:b`.
    pub scope: String,
    /// `P1` to `P5`; blank for none.
    pub priority: &'static str,
    /// The tags, with commas between them.
    pub tags: String,
}

#[derive(Debug, Clone)]
struct Webhook {
    url: String,
    custom_headers: String,
    payload: String,
}

struct World {
    /// API keys that work, with the organization that each belongs to.
    api_keys: BTreeMap<String, u8>,
    application_keys: BTreeMap<String, (u8, Access)>,
    webhooks: BTreeMap<(u8, String), Webhook>,
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
pub struct FakeDatadog {
    world: Arc<Mutex<World>>,
    clock: SharedClock,
    server: Server,
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The site that an organization is on.
fn site(organization: u8) -> &'static str {
    SITES[usize::from(organization) % SITES.len()]
}

impl FakeDatadog {
    /// Starts it.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(clock: SharedClock) -> io::Result<Self> {
        let world = Arc::new(Mutex::new(World {
            api_keys: BTreeMap::new(),
            application_keys: BTreeMap::new(),
            webhooks: BTreeMap::new(),
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

    /// What somebody fills in, with new keys of an organization.
    #[must_use]
    pub fn keys(&self, organization: u8, access: Access) -> Value {
        let mut world = lock(&self.world);
        let api_key = format!("{:032x}", 0xdead_beef_0000_0000_u128 + world.next() as u128);
        let application_key = format!("{:040x}", 0xfeed_c0de_0000_0000_u128 + world.next() as u128);
        world.api_keys.insert(api_key.clone(), organization);
        world.application_keys.insert(application_key.clone(), (organization, access));
        world.secrets.extend([api_key.clone(), application_key.clone()]);
        json!({ "api_key": api_key, "application_key": application_key, "site": site(organization) })
    }

    /// An administrator leads all webhooks elsewhere.
    pub fn lead(&self, url: &str) {
        for webhook in lock(&self.world).webhooks.values_mut() {
            url.clone_into(&mut webhook.url);
        }
    }

    /// An administrator removes all webhooks.
    pub fn remove_webhooks(&self) {
        lock(&self.world).webhooks.clear();
    }

    /// An administrator takes from all application keys what they may do about integrations.
    pub fn forbid(&self) {
        for (_, access) in lock(&self.world).application_keys.values_mut() {
            *access = Access::NoIntegrations;
        }
    }

    /// A monitor of an organization tells every webhook of a transition, such as `Triggered` or `Recovered`.
    #[must_use]
    pub fn raise(&self, organization: u8, monitor: &Monitor, transition: &str) -> Vec<Sent> {
        let mut world = lock(&self.world);
        let after_last = clock::after(world.last, std::time::Duration::from_millis(1));
        world.last = self.clock.now().max(after_last);
        let millis = world.last.timestamp_millis().to_string();
        let id = format!("{:019}", world.next());
        let kind = match transition {
            "Recovered" => "success",
            "Warn" | "Re-Warn" => "warning",
            _ => "error",
        };
        let values = BTreeMap::from([
            ("$ID", id.clone()),
            ("$ALERT_ID", monitor.id.to_string()),
            ("$AGGREG_KEY", format!("{:032x}", monitor.id)),
            ("$ALERT_SCOPE", monitor.scope.clone()),
            ("$ALERT_TRANSITION", transition.to_owned()),
            ("$LAST_UPDATED", millis.clone()),
            ("$DATE", millis),
            ("$EVENT_TITLE", format!("[{transition} on {{{}}}] {}", monitor.scope, monitor.name)),
            ("$ALERT_PRIORITY", monitor.priority.to_owned()),
            ("$ALERT_TYPE", kind.to_owned()),
            ("$LINK", format!("https://app.{}/event/event?id={id}", site(organization))),
            ("$HOSTNAME", "i-0123".to_owned()),
            ("$TAGS", monitor.tags.clone()),
        ]);
        let webhooks = world.webhooks.iter().filter(|((owner, _), _)| *owner == organization);
        webhooks.map(|(_, webhook)| deliver(webhook, &values)).collect()
    }
}

fn deliver(webhook: &Webhook, values: &BTreeMap<&str, String>) -> Sent {
    let custom: BTreeMap<String, String> = serde_json::from_str(&webhook.custom_headers).unwrap_or_default();
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(custom.get(TOKEN).map(|token| (TOKEN, token.clone())));
    Sent {
        url: webhook.url.clone(),
        headers,
        body: expand(&webhook.payload, values).into_bytes(),
    }
}

/// A template with its variables replaced by what they stand for, as in a JSON text; those that nobody knows stay.
fn expand(template: &str, values: &BTreeMap<&str, String>) -> String {
    let mut pieces = template.split('$');
    let mut expanded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap_or(piece.len());
        let (name, rest) = piece.split_at(end);
        let name = format!("${name}");
        match values.get(name.as_str()) {
            Some(value) => {
                let quoted = json!(value).to_string();
                expanded.push_str(&quoted[1..quoted.len() - 1]);
            }
            None => expanded.push_str(&name),
        }
        expanded.push_str(rest);
    }
    expanded
}

async fn answer(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let keys = (text("dd-api-key"), text("dd-application-key"));
    let trouble = {
        let mut world = lock(&world);
        world.calls += 1;
        world.trouble
    };
    let quote = format!("what about {keys:?} and {}?", String::from_utf8_lossy(&body));
    match trouble {
        None => respond(&mut lock(&world), &method, &uri, keys, &body),
        Some(Trouble::Refuses) => refuse(StatusCode::FORBIDDEN, &quote),
        Some(Trouble::Fails) => refuse(StatusCode::SERVICE_UNAVAILABLE, &quote),
        Some(Trouble::Limits(seconds)) => {
            let wait = [("x-ratelimit-reset", seconds.to_string())];
            (wait, refuse(StatusCode::TOO_MANY_REQUESTS, &quote)).into_response()
        }
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::Babbles) => (StatusCode::OK, format!("{{\"valid\": \"{}\"", keys.0)).into_response(),
        Some(Trouble::Redirects) => {
            (StatusCode::FOUND, [(header::LOCATION, "https://evil.example/")]).into_response()
        }
    }
}

fn say(status: StatusCode, body: Value) -> Response {
    (status, axum::Json(body)).into_response()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    say(status, json!({ "errors": [message] }))
}

fn respond(world: &mut World, method: &Method, uri: &Uri, keys: (&str, &str), body: &Bytes) -> Response {
    let path: Vec<_> = uri.path().trim_matches('/').split('/').collect();
    let [asked_site, path @ ..] = path.as_slice() else {
        return refuse(StatusCode::NOT_FOUND, "Not found");
    };
    let organization = world.api_keys.get(keys.0).copied();
    let Some(organization) = organization.filter(|organization| site(*organization) == *asked_site) else {
        return refuse(StatusCode::FORBIDDEN, &format!("Forbidden: {}", keys.0));
    };
    if path == ["api", "v1", "validate"] {
        return say(StatusCode::OK, json!({ "valid": true }));
    }
    let access = world.application_keys.get(keys.1).copied();
    let Some((_, access)) = access.filter(|(owner, _)| *owner == organization) else {
        return refuse(StatusCode::FORBIDDEN, &format!("Forbidden: {}", keys.1));
    };
    match (method.as_str(), path) {
        ("GET", ["api", "v2", "current_user"]) => say(StatusCode::OK, current_user(organization)),
        (_, ["api", "v1", "integration", "webhooks", ..]) if access == Access::NoIntegrations => {
            refuse(StatusCode::FORBIDDEN, "Forbidden")
        }
        (verb, ["api", "v1", "integration", "webhooks", "configuration", "webhooks", name @ ..]) => {
            webhooks(world, organization, verb, name.first().copied(), body)
        }
        _ => refuse(StatusCode::NOT_FOUND, "Not found"),
    }
}

fn current_user(organization: u8) -> Value {
    let id = format!("00000000-0000-0000-0000-{organization:012}");
    json!({
        "data": {
            "type": "users",
            "id": "11111111-1111-1111-1111-111111111111",
            "attributes": { "handle": "ada@example.com", "status": "Active" },
            "relationships": { "org": { "data": { "type": "orgs", "id": id } }, "roles": { "data": [] } },
        },
        "included": [
            { "type": "roles", "id": "22222222", "attributes": { "name": "Datadog Admin Role" } },
            { "type": "orgs", "id": id, "attributes": { "name": format!("Acme {organization}"), "public_id": "axd2s" } },
        ],
    })
}

fn shape(name: &str, webhook: &Webhook) -> Value {
    json!({
        "name": name, "url": webhook.url, "encode_as": "json", "custom_headers": webhook.custom_headers,
        "payload": webhook.payload,
    })
}

fn webhooks(world: &mut World, organization: u8, verb: &str, name: Option<&str>, body: &Bytes) -> Response {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |field: &str| sent[field].as_str().unwrap_or_default().to_owned();
    let wanted = name.map_or_else(|| text("name"), ToOwned::to_owned);
    let key = (organization, wanted.clone());
    let is_there = world.webhooks.contains_key(&key);
    match (verb, name) {
        ("GET", Some(_)) if is_there => say(StatusCode::OK, shape(&wanted, &world.webhooks[&key])),
        ("DELETE", Some(_)) if is_there => {
            world.webhooks.remove(&key);
            StatusCode::OK.into_response()
        }
        ("POST", None) if !is_there => put(world, key, &text, StatusCode::CREATED),
        ("POST", None) => refuse(StatusCode::BAD_REQUEST, "Invalid webhook"),
        ("PUT", Some(_)) if is_there => put(world, key, &text, StatusCode::OK),
        (_, Some(_)) => refuse(StatusCode::NOT_FOUND, "Item Not Found"),
        _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "no"),
    }
}

fn put(world: &mut World, key: (u8, String), text: &dyn Fn(&str) -> String, status: StatusCode) -> Response {
    let webhook = Webhook {
        url: text("url"),
        custom_headers: text("custom_headers"),
        payload: text("payload"),
    };
    let custom: Result<BTreeMap<String, String>, _> = serde_json::from_str(&webhook.custom_headers);
    let is_name = !key.1.is_empty() && key.1.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let (Ok(custom), true, true, "json") =
        (custom, is_name, webhook.url.starts_with("http"), text("encode_as").as_str())
    else {
        return refuse(StatusCode::BAD_REQUEST, "Invalid webhook");
    };
    world.secrets.extend(custom.into_values());
    let shown = shape(&key.1, &webhook);
    world.webhooks.insert(key, webhook);
    say(status, shown)
}

#[async_trait]
impl Vendor for FakeDatadog {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("DATADOG_API_URL", format!("http://{}", self.server.address()))]
    }

    fn secrets(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn consent(&self, _started: &Started, account: u8) -> Value {
        self.keys(account, Access::Full)
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
        world.api_keys.clear();
        world.application_keys.clear();
        world.webhooks.clear();
    }

    fn remains(&self) -> Vec<String> {
        let world = lock(&self.world);
        world.webhooks.keys().map(|(_, name)| format!("webhook {name}")).collect()
    }
}

/// What the stories that hold for all connectors start.
///
/// # Errors
/// When no port is free.
pub(in crate::connector) async fn vendor() -> io::Result<impl Vendor> {
    FakeDatadog::start(Arc::new(SystemClock)).await
}
