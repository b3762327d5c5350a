//! A GitHub of our own, for tests and the local stack: people, installations of one App, and what they reach.
//!
//! It answers as the vendor documents: codes work once, tokens end and are narrowed to what was asked for, lists come
//! in pages, and whoever is not known is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::form_urlencoded;

use super::PERMISSIONS;
use crate::{
    clock::{SharedClock, Timestamp},
    connector::{
        contract::Started,
        fake::{Sent, Trouble, Vendor},
    },
    http::fake::{ANY_PORT, Server},
    webhook::github,
};

/// The ARN of the secret that describes the App.
pub const SECRET_ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:github-app";

/// When installations last changed.
pub const CHANGED_AT: &str = "2026-01-01T00:00:00Z";

/// The App's key; making one takes a while.
static KEY: LazyLock<RsaKeyPair> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a fake that cannot be set up has failed")]
    RsaKeyPair::generate(KeySize::Rsa2048).expect("an rsa key")
});

/// The App's key in PEM.
#[expect(clippy::expect_used, reason = "a fake that cannot be set up has failed")]
fn private_key() -> String {
    let der: Pkcs8V1Der<'_> = KEY.as_der().expect("a private key");
    let key = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n")
}

#[derive(Debug, Clone)]
struct Installed {
    login: String,
    account: i64,
    is_suspended: bool,
    permissions: BTreeMap<String, String>,
    repositories: Vec<i64>,
}

#[derive(Debug, Clone)]
struct Minted {
    installation: i64,
    repositories: Option<Vec<i64>>,
    refusals: usize,
}

/// An attempt to deliver something.
#[derive(Debug, Clone)]
struct Attempt {
    guid: String,
    at: Timestamp,
    status: u16,
    is_again: bool,
}

#[derive(Default)]
struct World {
    /// The attempts to deliver something; the id of each is its place.
    attempts: Vec<Attempt>,
    /// What the door answers from now on.
    door: u16,
    /// The commits so far.
    commits: u64,
    /// The codes of Apps that were registered from a manifest.
    registrations: BTreeSet<String>,
    installations: BTreeMap<i64, Installed>,
    /// Who owns which account.
    owners: BTreeSet<(String, i64)>,
    /// Who can see which installation.
    seen: BTreeSet<(String, i64)>,
    /// The person whom a code is for, and the challenge that it was asked for with.
    codes: BTreeMap<String, (String, Option<String>)>,
    user_tokens: BTreeMap<String, String>,
    tokens: BTreeMap<String, Minted>,
    minted: Vec<Value>,
    secrets: Vec<String>,
    lag: usize,
    trouble: Option<Trouble>,
    calls: usize,
    /// The page of repositories that is not given.
    broken_page: Option<String>,
    /// What the next list of repositories waits for before it is sent, and what is told when it is ready.
    hold: Option<(Arc<Notify>, Arc<Notify>)>,
}

struct Inner {
    world: Mutex<World>,
    clock: Option<SharedClock>,
}

/// A running fake; ends when it is dropped.
pub struct FakeGitHub {
    inner: Arc<Inner>,
    server: Server,
}

impl FakeGitHub {
    /// Starts it. With a clock, it minds the times of the App's tokens.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(clock: Option<SharedClock>) -> io::Result<Self> {
        let inner = Arc::new(Inner {
            world: Mutex::default(),
            clock,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let server = Server::start(ANY_PORT, router).await?;
        Ok(Self { inner, server })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world()
    }

    /// Installs the App on the organization `login` with the number `account`, for so many repositories.
    pub fn install(&self, installation: i64, account: i64, login: &str, repositories: i64) {
        let permissions = PERMISSIONS.iter();
        let permissions = permissions.map(|(name, level)| ((*name).to_owned(), (*level).to_owned()));
        let installed = Installed {
            login: login.to_owned(),
            account,
            is_suspended: false,
            permissions: permissions.collect(),
            repositories: (1..=repositories).map(|number| account * 1000 + number).collect(),
        };
        self.world().installations.insert(installation, installed);
    }

    /// Lets a person see an installation, as everybody does who can read one of its repositories.
    pub fn show(&self, person: &str, installation: i64) {
        self.world().seen.insert((person.to_owned(), installation));
    }

    /// Makes a person an owner of an account.
    pub fn own(&self, person: &str, account: i64) {
        self.world().owners.insert((person.to_owned(), account));
    }

    /// A person agrees to be known to the App: the code that their browser brings back, which works once.
    #[must_use]
    pub fn code(&self, person: &str) -> String {
        self.code_of(person, None)
    }

    /// The same for somebody who was sent to the page at `url`.
    ///
    /// # Panics
    /// When that is no page where somebody agrees.
    #[must_use]
    pub fn code_at(&self, person: &str, url: &str) -> String {
        let query = url.split_once("/login/oauth/authorize?");
        let (_, query) = query.unwrap_or_else(|| panic!("nobody agrees at {url}"));
        let pairs: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let challenge = pairs.get("code_challenge").cloned();
        let is_whole = challenge.is_some() == (pairs.get("code_challenge_method").map(String::as_str) == Some("S256"));
        assert!(is_whole && pairs.get("client_id").map(String::as_str) == Some("Iv1.client"), "{url}");
        self.code_of(person, challenge)
    }

    fn code_of(&self, person: &str, challenge: Option<String>) -> String {
        let mut world = self.world();
        let code = format!("code-hunter2-{}", world.secrets.len());
        world.codes.insert(code.clone(), (person.to_owned(), challenge));
        world.secrets.push(code.clone());
        code
    }

    /// An owner puts an installation on hold, or not any more.
    pub fn suspend(&self, installation: i64, is_suspended: bool) {
        if let Some(installed) = self.world().installations.get_mut(&installation) {
            installed.is_suspended = is_suspended;
        }
    }

    /// Takes a permission away.
    pub fn forbid(&self, installation: i64, permission: &str) {
        if let Some(installed) = self.world().installations.get_mut(&installation) {
            installed.permissions.remove(permission);
        }
    }

    /// Makes these all the repositories that an installation reaches.
    pub fn reach(&self, installation: i64, repositories: impl IntoIterator<Item = i64>) {
        if let Some(installed) = self.world().installations.get_mut(&installation) {
            installed.repositories = repositories.into_iter().collect();
        }
    }

    /// A page of repositories is not given, or is again.
    pub fn break_page(&self, page: Option<u32>) {
        self.world().broken_page = page.map(|page| page.to_string());
    }

    /// The next list of repositories is made and then not sent until the second of what is returned is notified; the first
    /// tells when it is made.
    #[must_use]
    pub fn hold(&self) -> (Arc<Notify>, Arc<Notify>) {
        let hold = (Arc::default(), Arc::default());
        self.world().hold = Some(Clone::clone(&hold));
        hold
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// GitHub has delivered something, and was answered this.
    pub fn delivered(&self, guid: &str, at: Timestamp, status: u16) {
        self.world().attempts.push(Attempt {
            guid: guid.to_owned(),
            at,
            status,
            is_again: false,
        });
    }

    /// What the door answers to whatever is delivered again.
    pub fn set_door(&self, status: u16) {
        self.world().door = status;
    }

    /// What was delivered again, in the order in which it was.
    #[must_use]
    pub fn delivered_again(&self) -> Vec<String> {
        let world = self.world();
        let again = world.attempts.iter().filter(|attempt| attempt.is_again);
        again.map(|attempt| attempt.guid.clone()).collect()
    }

    /// Somebody pushes a commit to the first repository that an installation reaches: what GitHub tells the App's webhook at
    /// this address, signed with this secret. None where nothing is reached.
    #[must_use]
    pub fn push(&self, installation: i64, author: &str, message: &str, (url, secret): (&str, &str)) -> Option<Sent> {
        let (installed, number) = {
            let mut world = self.world();
            world.commits += 1;
            (world.installations.get(&installation).cloned()?, world.commits)
        };
        let id = *installed.repositories.first()?;
        let (before, after) = (format!("{:040x}", number - 1), format!("{number:040x}"));
        let page = format!("https://github.com/{}/r{id}", installed.login);
        let commit = json!({
            "id": after, "message": message, "distinct": true, "url": format!("{page}/commit/{after}"),
            "author": { "name": author, "username": author },
        });
        let body = json!({
            "ref": "refs/heads/main", "before": before, "after": after,
            "repository": repository(id, &installed.login),
            "pusher": { "name": author }, "sender": { "login": author, "id": 1, "type": "User" },
            "installation": { "id": installation },
            "created": false, "deleted": false, "forced": false,
            "compare": format!("{page}/compare/{before}...{after}"),
            "commits": [commit], "head_commit": commit,
        });
        let body = body.to_string().into_bytes();
        let delivery = format!("00000000-0000-4000-8000-{number:012x}");
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(github::sign(secret, "push", &delivery, &body));
        Some(Sent { url: url.to_owned(), headers, body })
    }

    /// Every token that is minted from now on is refused so many times, as by replicas that lag behind.
    pub fn lag(&self, refusals: usize) {
        self.world().lag = refusals;
    }

    /// What was asked for whenever a token was minted.
    #[must_use]
    pub fn minted(&self) -> Vec<Value> {
        self.world().minted.clone()
    }

    /// How many tokens of people work.
    #[must_use]
    pub fn user_tokens(&self) -> usize {
        self.world().user_tokens.len()
    }
}

impl Inner {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_app(&self, token: &str) -> bool {
        let Some((message, signature)) = token.rsplit_once('.') else {
            return false;
        };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, KEY.public_key().as_ref());
        let is_signed = URL_SAFE_NO_PAD
            .decode(signature)
            .is_ok_and(|signature| key.verify(message.as_bytes(), &signature).is_ok());
        let claims = message
            .split_once('.')
            .and_then(|(_, claims)| URL_SAFE_NO_PAD.decode(claims).ok());
        let claims: Value = claims
            .and_then(|claims| serde_json::from_slice(&claims).ok())
            .unwrap_or_default();
        let (Some(iat), Some(exp)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else {
            return false;
        };
        let is_now = self.clock.as_ref().is_none_or(|clock| {
            let now = clock.now().timestamp();
            iat <= now && now < exp && exp <= now + 600
        });
        is_signed && claims["iss"] == "4711" && is_now
    }
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let shown = headers.get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let trouble = {
        let mut world = inner.world();
        world.calls += 1;
        world.trouble
    };
    let quote = json!({ "message": format!("{shown} {}", String::from_utf8_lossy(&body)) });
    match trouble {
        None => {
            let response = respond(&inner, &method, &uri, shown, &body);
            let is_list = uri.path() == "/installation/repositories" && response.status().is_success();
            let hold = is_list.then(|| inner.world().hold.take()).flatten();
            if let Some((made, sent)) = hold {
                made.notify_one();
                sent.notified().await;
            }
            response
        }
        Some(Trouble::Refuses) => (StatusCode::UNAUTHORIZED, axum::Json(quote)).into_response(),
        Some(Trouble::Fails) => (StatusCode::SERVICE_UNAVAILABLE, axum::Json(quote)).into_response(),
        Some(Trouble::Limits(seconds)) => {
            let wait = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::FORBIDDEN, wait, axum::Json(quote)).into_response()
        }
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::Babbles) => (StatusCode::OK, "<html>").into_response(),
        Some(Trouble::Redirects) => {
            (StatusCode::FOUND, [(header::LOCATION, "https://evil.example/")]).into_response()
        }
    }
}

fn say(status: StatusCode, body: Value) -> Response {
    (status, axum::Json(body)).into_response()
}

fn refuse(status: StatusCode) -> Response {
    say(status, json!({ "message": "no" }))
}

fn respond(inner: &Inner, method: &Method, uri: &Uri, shown: &str, body: &Bytes) -> Response {
    let path: Vec<_> = uri.path().trim_matches('/').split('/').collect();
    let bearer = shown.strip_prefix("Bearer ").unwrap_or_default();
    let query: BTreeMap<String, String> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut world = inner.world();
    let person = world.user_tokens.get(bearer).cloned();
    match (method.as_str(), path.as_slice()) {
        ("POST", ["login", "oauth", "access_token"]) => {
            let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
            let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
            if field("client_secret") != "client-hunter2" {
                return say(StatusCode::OK, json!({ "error": "incorrect_client_credentials" }));
            }
            let Some((person, challenge)) = world.codes.remove(field("code")) else {
                return say(StatusCode::OK, json!({ "error": "bad_verification_code" }));
            };
            let shown = form.get("code_verifier").map(|verifier| {
                URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes()))
            });
            if shown != challenge {
                return say(StatusCode::OK, json!({ "error": "bad_verification_code" }));
            }
            let token = format!("ghu_hunter2{}", world.secrets.len());
            world.secrets.push(token.clone());
            world.user_tokens.insert(token.clone(), person);
            say(StatusCode::OK, json!({ "access_token": token, "token_type": "bearer" }))
        }
        ("POST", ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]) => {
            register(&mut world, body, query.get("state").map(String::as_str).unwrap_or_default())
        }
        ("POST", ["app-manifests", code, "conversions"]) => {
            if !world.registrations.remove(*code) {
                return refuse(StatusCode::NOT_FOUND);
            }
            let app = json!({
                "id": 4711, "slug": "infragpt", "client_id": "Iv1.client", "client_secret": "client-hunter2",
                "webhook_secret": "webhook-hunter2", "pem": private_key(), "name": "InfraGPT",
                "html_url": "https://github.com/apps/infragpt", "owner": { "login": "octo-org", "id": 2 },
            });
            say(StatusCode::CREATED, app)
        }
        ("DELETE", ["applications", "Iv1.client", "token"]) => {
            let expected = format!("Basic {}", STANDARD.encode("Iv1.client:client-hunter2"));
            let token = sent["access_token"].as_str().unwrap_or_default();
            if shown != expected || world.user_tokens.remove(token).is_none() {
                return refuse(StatusCode::NOT_FOUND);
            }
            StatusCode::NO_CONTENT.into_response()
        }
        ("GET", ["user", ..]) => match person {
            Some(person) => as_person(&world, &person, &path[1..], &query),
            None => refuse(StatusCode::UNAUTHORIZED),
        },
        ("GET", ["installation", "repositories"])
            if world.broken_page.is_some() && world.broken_page.as_ref() == query.get("page") =>
        {
            refuse(StatusCode::BAD_GATEWAY)
        }
        ("GET", ["installation", "repositories"]) => repositories(&mut world, bearer, &query),
        (_, ["app", "hook" | "installations", ..]) if !inner.is_app(bearer) => refuse(StatusCode::UNAUTHORIZED),
        ("GET", ["app", "hook", "deliveries"]) => attempts(&world, uri, &query),
        ("POST", ["app", "hook", "deliveries", id, "attempts"]) => {
            let found = id.parse().ok().and_then(|id: usize| world.attempts.get(id)).cloned();
            let Some(found) = found else {
                return refuse(StatusCode::NOT_FOUND);
            };
            let status = world.door;
            world.attempts.push(Attempt {
                at: inner.clock.as_ref().map_or(found.at, |clock| clock.now()),
                status,
                is_again: true,
                ..found
            });
            say(StatusCode::ACCEPTED, json!({}))
        }
        (verb, ["app", "installations", id, rest @ ..]) => {
            let id = id.parse().unwrap_or_default();
            let Some(installed) = world.installations.get(&id).cloned() else {
                return refuse(StatusCode::NOT_FOUND);
            };
            match (verb, rest) {
                ("GET", []) => say(StatusCode::OK, shape(id, &installed)),
                ("DELETE", []) => {
                    world.installations.remove(&id);
                    world.tokens.retain(|_, token| token.installation != id);
                    StatusCode::NO_CONTENT.into_response()
                }
                ("POST", ["access_tokens"]) if installed.is_suspended => refuse(StatusCode::FORBIDDEN),
                ("POST", ["access_tokens"]) => mint(inner, &mut world, id, &installed, sent),
                _ => refuse(StatusCode::NOT_FOUND),
            }
        }
        _ => refuse(StatusCode::NOT_FOUND),
    }
}

fn shape(id: i64, installed: &Installed) -> Value {
    json!({
        "id": id,
        "account": { "id": installed.account, "login": installed.login, "type": "Organization" },
        "target_type": "Organization",
        "permissions": installed.permissions,
        "updated_at": CHANGED_AT,
        "suspended_at": installed.is_suspended.then_some("2026-01-01T00:00:00Z"),
    })
}

fn page<T>(all: Vec<T>, query: &BTreeMap<String, String>) -> Vec<T> {
    let number = |name: &str, default: usize| {
        let value = query.get(name).and_then(|value| value.parse().ok());
        value.unwrap_or(default)
    };
    let size = number("per_page", 30).min(100);
    let skipped = (number("page", 1).max(1) - 1) * size;
    all.into_iter().skip(skipped).take(size).collect()
}

/// Somebody agrees to a manifest; their browser is sent back with a code. One that lacks what must be there is refused.
fn register(world: &mut World, body: &Bytes, state: &str) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let manifest: Value = form
        .get("manifest")
        .and_then(|manifest| serde_json::from_str(manifest).ok())
        .unwrap_or_default();
    let (Some(redirect), Some(_), Some(_)) = (
        manifest["redirect_url"].as_str(),
        manifest["url"].as_str(),
        manifest["hook_attributes"]["url"].as_str(),
    ) else {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY);
    };
    let code = format!("manifest-code-{}", world.registrations.len());
    let location = format!("{redirect}?code={code}&state={state}");
    world.registrations.insert(code);
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// The latest attempts first, from the one that the cursor names; the next page is told in the header `Link` alone.
fn attempts(world: &World, uri: &Uri, query: &BTreeMap<String, String>) -> Response {
    let size = query.get("per_page").and_then(|size| size.parse().ok()).unwrap_or(30_usize).min(100);
    let cursor = query.get("cursor").and_then(|cursor| cursor.strip_prefix("v1=")?.parse().ok());
    let end = cursor.unwrap_or(world.attempts.len()).min(world.attempts.len());
    let begin = end.saturating_sub(size);
    let page: Vec<_> = (begin..end)
        .rev()
        .map(|id| {
            let attempt = &world.attempts[id];
            json!({
                "id": id, "guid": attempt.guid, "delivered_at": attempt.at.to_rfc3339(), "redelivery": attempt.is_again,
                "duration": 0.03, "status": if attempt.status == 200 { "OK" } else { "Invalid HTTP Response" },
                "status_code": attempt.status, "event": "push", "action": null, "installation_id": 5,
            })
        })
        .collect();
    if begin == 0 {
        return say(StatusCode::OK, page.into());
    }
    let link = format!(
        "<https://api.github.com{}?per_page={size}&cursor=v1%3D{begin}>; rel=\"next\"",
        uri.path()
    );
    (StatusCode::OK, [(header::LINK, link)], axum::Json(Value::from(page))).into_response()
}

fn as_person(world: &World, person: &str, path: &[&str], query: &BTreeMap<String, String>) -> Response {
    match path {
        ["installations"] => {
            let all = world.installations.iter();
            let seen = all.filter(|(id, _)| world.seen.contains(&(person.to_owned(), **id)));
            let seen: Vec<_> = seen.map(|(id, installed)| shape(*id, installed)).collect();
            let body = json!({ "total_count": seen.len(), "installations": page(seen, query) });
            say(StatusCode::OK, body)
        }
        ["memberships", "orgs", login] => {
            let mut all = world.installations.values();
            let Some(installed) = all.find(|installed| installed.login == *login) else {
                return refuse(StatusCode::NOT_FOUND);
            };
            let owns = world.owners.contains(&(person.to_owned(), installed.account));
            let role = if owns { "admin" } else { "member" };
            say(StatusCode::OK, json!({ "state": "active", "role": role }))
        }
        _ => refuse(StatusCode::NOT_FOUND),
    }
}

fn mint(inner: &Inner, world: &mut World, id: i64, installed: &Installed, asked: Value) -> Response {
    let permissions = asked["permissions"].as_object();
    let may = permissions
        .into_iter()
        .flatten()
        .all(|(name, level)| installed.permissions.get(name).map(String::as_str) == level.as_str());
    if !may {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let token = format!("ghs_hunter2{}", world.secrets.len());
    world.secrets.push(token.clone());
    let only = asked["repository_ids"].as_array();
    let minted = Minted {
        installation: id,
        repositories: only.map(|ids| ids.iter().filter_map(Value::as_i64).collect()),
        refusals: world.lag,
    };
    world.tokens.insert(token.clone(), minted);
    world.minted.push(asked);
    let now = inner.clock.as_ref().map(|clock| clock.now());
    let expires_at: Timestamp = now.map_or(Timestamp::MAX_UTC, |now| {
        crate::clock::after(now, std::time::Duration::from_hours(1))
    });
    let expires_at = if now.is_some() {
        expires_at.to_rfc3339()
    } else {
        "2999-01-01T00:00:00Z".to_owned()
    };
    say(StatusCode::CREATED, json!({ "token": token, "expires_at": expires_at }))
}

/// A repository of `owner`'s.
fn repository(id: i64, owner: &str) -> Value {
    json!({
        "id": id, "name": format!("r{id}"), "full_name": format!("{owner}/r{id}"),
        "html_url": format!("https://github.com/{owner}/r{id}"), "private": true,
        "default_branch": "main", "permissions": { "admin": false, "push": id % 2 == 0, "pull": true },
        "created_at": "2026-01-01T00:00:00Z",
    })
}

fn repositories(world: &mut World, bearer: &str, query: &BTreeMap<String, String>) -> Response {
    let Some(token) = world.tokens.get_mut(bearer) else {
        return refuse(StatusCode::UNAUTHORIZED);
    };
    if token.refusals > 0 {
        token.refusals -= 1;
        return refuse(StatusCode::UNAUTHORIZED);
    }
    let token = token.clone();
    let Some(installed) = world.installations.get(&token.installation) else {
        return refuse(StatusCode::UNAUTHORIZED);
    };
    let only = |id: &i64| token.repositories.as_ref().is_none_or(|only| only.contains(id));
    let found = installed.repositories.iter().filter(|id| only(id));
    let found: Vec<_> = found.map(|id| repository(*id, &installed.login)).collect();
    let body = json!({ "total_count": found.len(), "repositories": page(found, query) });
    say(StatusCode::OK, body)
}

#[async_trait]
impl Vendor for FakeGitHub {
    fn variables(&self) -> Vec<(&'static str, String)> {
        let url = self.url();
        vec![
            ("GITHUB_URL", url.clone()),
            ("GITHUB_API_URL", url),
            ("GITHUB_APP_SECRET_ARN", SECRET_ARN.to_owned()),
        ]
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let secret = json!({
            "app_id": "4711",
            "slug": "infragpt",
            "client_id": "Iv1.client",
            "client_secret": "client-hunter2",
            "private_key": private_key(),
        });
        vec![(SECRET_ARN.to_owned(), secret.to_string())]
    }

    async fn consent(&self, started: &Started, account: u8) -> Value {
        let number = i64::from(account) + 1;
        let installation = 100 + number;
        self.install(installation, number, &format!("account-{account}"), 3);
        self.show("owner", installation);
        self.own("owner", number);
        if started.url.contains("/login/oauth/authorize?") {
            return json!({ "code": self.code_at("owner", &started.url) });
        }
        json!({ "code": self.code("owner"), "installation_id": installation, "setup_action": "install" })
    }

    fn canaries(&self) -> Vec<String> {
        let mut canaries = self.world().secrets.clone();
        canaries.push("client-hunter2".to_owned());
        canaries
    }

    fn trouble(&self, trouble: Option<Trouble>) {
        self.world().trouble = trouble;
    }

    fn calls(&self) -> usize {
        self.world().calls
    }

    fn withdraw(&self) {
        let mut world = self.world();
        world.installations.clear();
        world.tokens.clear();
        world.user_tokens.clear();
    }

    fn remains(&self) -> Vec<String> {
        let world = self.world();
        let installations = world.installations.keys().map(|id| format!("installation {id}"));
        installations.chain(world.user_tokens.keys().cloned()).collect()
    }
}

/// What the stories that hold for all connectors start.
///
/// # Errors
/// When no port is free.
pub(in crate::connector) async fn vendor() -> io::Result<impl Vendor> {
    FakeGitHub::start(None).await
}
