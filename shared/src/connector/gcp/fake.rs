//! A Google Cloud of our own, for tests and the local stack: projects, service accounts with keys and roles, clusters.
//!
//! It answers as the vendor documents: an assertion is good when it is signed with a key that is registered, for the right
//! place and time; a token opens what its scope and its account's roles open; and a token outlives its key.

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
use url::form_urlencoded;

use crate::{
    clock::SharedClock,
    connector::{
        contract::Started,
        fake::{Trouble, Vendor},
    },
    http::fake::{ANY_PORT, Server},
};

/// The keys that service accounts have; making one takes a while.
static KEYS: LazyLock<[RsaKeyPair; 2]> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a fake that cannot be set up has failed")]
    let key = || RsaKeyPair::generate(KeySize::Rsa2048).expect("an rsa key");
    [key(), key()]
});

/// What each role holds, of what Google documents: only what somebody may ask about here.
/// Source: <https://cloud.google.com/iam/docs/roles-permissions>.
const ROLES: &[(&str, &[&str])] = &[
    (
        "roles/viewer",
        &[
            "resourcemanager.projects.get",
            "compute.instances.list",
            "run.services.list",
            "storage.buckets.list",
        ],
    ),
    (
        "roles/container.clusterViewer",
        &[
            "resourcemanager.projects.get",
            "container.clusters.connect",
            "container.clusters.get",
            "container.clusters.list",
        ],
    ),
    (
        "roles/container.viewer",
        &["container.pods.list", "container.events.list", "container.deployments.list"],
    ),
    ("roles/logging.viewer", &["logging.logEntries.list", "logging.logs.list"]),
    (
        "roles/monitoring.viewer",
        &["monitoring.timeSeries.list", "monitoring.alertPolicies.list"],
    ),
    ("roles/cloudtrace.user", &["cloudtrace.traces.get", "cloudtrace.traces.list"]),
];

const READ_ONLY: &str = "https://www.googleapis.com/auth/cloud-platform.read-only";
const EVERYTHING: &str = "https://www.googleapis.com/auth/cloud-platform";

#[derive(Debug, Clone, Default)]
struct Project {
    number: u64,
    name: String,
    is_deleted: bool,
    /// Who may do what here, from wherever.
    permissions: BTreeMap<String, BTreeSet<String>>,
    /// Location and name.
    clusters: Vec<(String, String)>,
    silent_zones: Vec<String>,
    disabled_apis: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Granted {
    email: String,
    scope: String,
    ends: i64,
}

#[derive(Default)]
struct World {
    projects: BTreeMap<String, Project>,
    /// Whose a key is, and its public half.
    keys: BTreeMap<String, (String, Vec<u8>)>,
    disabled: BTreeSet<String>,
    tokens: BTreeMap<String, Granted>,
    /// What changed something here.
    changes: Vec<String>,
    granted: usize,
    made: usize,
    secrets: Vec<String>,
    trouble: Option<Trouble>,
    calls: usize,
}

struct Inner {
    world: Mutex<World>,
    clock: Option<SharedClock>,
}

/// A running fake; ends when it is dropped.
pub struct FakeGcp {
    inner: Arc<Inner>,
    server: Server,
}

/// The private key with this number, as Google writes it.
#[expect(clippy::expect_used, reason = "a fake that cannot be set up has failed")]
fn pem(number: usize) -> String {
    let der: Pkcs8V1Der<'_> = KEYS[number].as_der().expect("a private key");
    let body = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

impl FakeGcp {
    /// Starts it. With a clock, it minds the times of assertions and tokens.
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

    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Makes a project, with clusters as `location/name`.
    pub fn project(&self, id: &str, name: &str, clusters: &[&str]) {
        let mut world = self.world();
        let number = 415_104_041_000 + world.projects.len() as u64;
        let clusters = clusters.iter().filter_map(|cluster| cluster.split_once('/'));
        let project = Project {
            number,
            name: name.to_owned(),
            clusters: clusters.map(|(location, name)| (location.to_owned(), name.to_owned())).collect(),
            ..Project::default()
        };
        world.projects.entry(id.to_owned()).or_insert(project);
    }

    fn change(&self, project: &str, change: impl FnOnce(&mut Project)) {
        if let Some(project) = self.world().projects.get_mut(project) {
            change(project);
        }
    }

    /// Makes a cluster.
    pub fn make_cluster(&self, project: &str, location: &str, name: &str) {
        self.change(project, |project| {
            project.clusters.push((location.to_owned(), name.to_owned()));
        });
    }

    /// Deletes a cluster.
    pub fn delete_cluster(&self, project: &str, name: &str) {
        self.change(project, |project| project.clusters.retain(|(_, one)| one != name));
    }

    /// A zone does not tell of its clusters.
    pub fn silence_zone(&self, project: &str, zone: &str) {
        self.change(project, |project| {
            project.clusters.retain(|(location, _)| location != zone);
            project.silent_zones.push(zone.to_owned());
        });
    }

    /// Disables an API in a project, such as `container.googleapis.com`.
    pub fn disable_api(&self, project: &str, api: &str) {
        self.change(project, |project| {
            project.disabled_apis.insert(api.to_owned());
        });
    }

    /// Marks a project for deletion.
    pub fn delete_project(&self, project: &str) {
        self.change(project, |project| project.is_deleted = true);
    }

    /// Grants a role on a project.
    pub fn grant(&self, project: &str, email: &str, role: &str) {
        let held = ROLES.iter().find(|(name, _)| *name == role);
        for permission in held.map(|(_, permissions)| *permissions).unwrap_or_default() {
            self.permit(project, email, permission);
        }
    }

    /// Lets somebody do something, through a role of the organization's own.
    pub fn permit(&self, project: &str, email: &str, permission: &str) {
        self.change(project, |project| {
            let held = project.permissions.entry(email.to_owned()).or_default();
            held.insert(permission.to_owned());
        });
    }

    /// Takes back what somebody may do.
    pub fn forbid(&self, project: &str, email: &str, permission: &str) {
        self.change(project, |project| {
            if let Some(held) = project.permissions.get_mut(email) {
                held.remove(permission);
            }
        });
    }

    /// Makes a key for a service account: the file that is downloaded then, once.
    #[must_use]
    pub fn key(&self, project: &str, email: &str) -> Value {
        let mut world = self.world();
        world.made += 1;
        let id = format!("{:040x}", world.made);
        let private_key = pem(0);
        world.keys.insert(id.clone(), (email.to_owned(), KEYS[0].public_key().as_ref().to_vec()));
        json!({
            "type": "service_account",
            "project_id": project,
            "private_key_id": id,
            "private_key": private_key,
            "client_email": email,
            "client_id": "103456789012345678901",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": format!("https://www.googleapis.com/robot/v1/metadata/x509/{email}"),
            "universe_domain": "googleapis.com",
        })
    }

    /// A private key that no account here has.
    #[must_use]
    pub fn stray_private_key() -> String {
        pem(1)
    }

    /// Deletes all keys of an account. Tokens that were given for them go on working until they end.
    pub fn delete_keys(&self, email: &str) {
        self.world().keys.retain(|_, (owner, _)| owner != email);
    }

    /// Disables a service account: neither its keys nor its tokens work.
    pub fn disable(&self, email: &str) {
        self.world().disabled.insert(email.to_owned());
    }

    /// How many tokens were given.
    #[must_use]
    pub fn granted(&self) -> usize {
        self.world().granted
    }

    /// The scopes of the tokens that work.
    #[must_use]
    pub fn scopes(&self) -> BTreeSet<String> {
        self.world().tokens.values().map(|token| token.scope.clone()).collect()
    }

    /// Ends all tokens before their time.
    pub fn end_tokens(&self) {
        self.world().tokens.clear();
    }
}

fn decoded(part: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

impl Inner {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| clock.now().timestamp())
    }

    /// Whose assertion it is, and the scope that it asks for.
    fn verify(&self, world: &World, audience: &str, assertion: &str) -> Option<(String, String)> {
        let (message, signature) = assertion.rsplit_once('.')?;
        let (head, claims) = message.split_once('.')?;
        let (head, claims) = (decoded(head), decoded(claims));
        let (email, public_key) = world.keys.get(head["kid"].as_str()?)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key);
        key.verify(message.as_bytes(), &signature).ok()?;
        let (iat, exp) = (claims["iat"].as_i64()?, claims["exp"].as_i64()?);
        let is_now = self.now().is_none_or(|now| iat <= now && now < exp);
        let is_good = head["alg"] == "RS256"
            && claims["iss"] == email.as_str()
            && claims["aud"] == audience
            && exp - iat <= 3600
            && is_now
            && !world.disabled.contains(email);
        is_good.then(|| Some((email.clone(), claims["scope"].as_str()?.to_owned())))?
    }
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let shown = header(header::AUTHORIZATION);
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let trouble = {
        let mut world = inner.world();
        world.calls += 1;
        world.secrets.extend(form.get("assertion").cloned());
        world.trouble
    };
    let quote = format!("{shown} {}", String::from_utf8_lossy(&body));
    match trouble {
        None if uri.path() == "/token" => token(&inner, header(header::HOST), &method, &form),
        None => api(&inner, &method, &uri, shown, &body),
        Some(Trouble::Refuses) if uri.path() == "/token" => {
            let body = json!({ "error": "invalid_grant", "error_description": quote });
            (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
        }
        Some(Trouble::Refuses) => refuse(StatusCode::UNAUTHORIZED, "ACCESS_TOKEN_TYPE_UNSUPPORTED", &quote),
        Some(Trouble::Fails) => refuse(StatusCode::SERVICE_UNAVAILABLE, "BACKEND_ERROR", &quote),
        Some(Trouble::Limits(seconds)) => {
            let body = json!({ "error": {
                "code": 429, "message": quote, "status": "RESOURCE_EXHAUSTED",
                "details": [
                    { "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED" },
                    { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s") },
                ],
            } });
            (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response()
        }
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::Babbles) => (StatusCode::OK, format!("<html>{quote}")).into_response(),
        Some(Trouble::Redirects) => {
            (StatusCode::FOUND, [(header::LOCATION, "https://evil.example/")]).into_response()
        }
    }
}

fn say(body: Value) -> Response {
    (StatusCode::OK, axum::Json(body)).into_response()
}

/// An error, as Google's APIs write it.
fn refuse(status: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({ "error": {
        "code": status.as_u16(),
        "message": message,
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
        }],
    } });
    (status, axum::Json(body)).into_response()
}

fn token(inner: &Inner, host: &str, method: &Method, form: &BTreeMap<String, String>) -> Response {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let not = |error: &str| {
        let body = json!({ "error": error, "error_description": "no" });
        (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
    };
    if method != Method::POST || field("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
        return not("unsupported_grant_type");
    }
    let mut world = inner.world();
    let audience = format!("http://{host}/token");
    let Some((email, scope)) = inner.verify(&world, &audience, field("assertion")) else {
        return not("invalid_grant");
    };
    if ![READ_ONLY, EVERYTHING].contains(&scope.as_str()) {
        return not("invalid_scope");
    }
    let value = format!("ya29.hunter2-{}", world.secrets.len());
    world.granted += 1;
    world.secrets.push(value.clone());
    let ends = inner.now().map_or(i64::MAX, |now| now + 3599);
    world.tokens.insert(value.clone(), Granted { email, scope, ends });
    say(json!({ "access_token": value, "expires_in": 3599, "token_type": "Bearer" }))
}

fn api(inner: &Inner, method: &Method, uri: &Uri, shown: &str, body: &Bytes) -> Response {
    let mut world = inner.world();
    let bearer = shown.strip_prefix("Bearer ").unwrap_or_default();
    let Some(token) = world.tokens.get(bearer).cloned() else {
        return refuse(StatusCode::UNAUTHORIZED, "ACCESS_TOKEN_EXPIRED", "no");
    };
    let has_ended = inner.now().is_some_and(|now| token.ends <= now);
    if has_ended || world.disabled.contains(&token.email) {
        return refuse(StatusCode::UNAUTHORIZED, "ACCESS_TOKEN_EXPIRED", "no");
    }
    let path: Vec<_> = uri.path().trim_matches('/').split('/').collect();
    let (["v3", "projects", id] | ["v1", "projects", id, ..]) = path.as_slice() else {
        return refuse(StatusCode::NOT_FOUND, "UNKNOWN", "no");
    };
    let (id, verb) = id.split_once(':').unwrap_or((id, ""));
    if !matches!((method.as_str(), verb), ("GET", "") | ("POST", "testIamPermissions")) {
        world.changes.push(format!("{method} {}", uri.path()));
        return refuse(StatusCode::FORBIDDEN, "IAM_PERMISSION_DENIED", "no");
    }
    // Whether a project is not there or only not to be seen is not told.
    let hidden = || refuse(StatusCode::FORBIDDEN, "IAM_PERMISSION_DENIED", "no");
    let Some(project) = world.projects.get(id) else {
        return hidden();
    };
    let host = if path[0] == "v3" { "cloudresourcemanager.googleapis.com" } else { "container.googleapis.com" };
    if project.disabled_apis.contains(host) {
        return refuse(StatusCode::FORBIDDEN, "SERVICE_DISABLED", "no");
    }
    let held = project.permissions.get(&token.email).cloned().unwrap_or_default();
    match (verb, path.get(3..)) {
        ("testIamPermissions", None | Some([])) => {
            let sent: Value = serde_json::from_slice(body).unwrap_or_default();
            let asked = sent["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let held: Vec<_> = asked.filter(|one| held.contains(*one)).collect();
            // What is empty is left out, as protocol buffers do.
            say(if held.is_empty() { json!({}) } else { json!({ "permissions": held }) })
        }
        ("", None | Some([])) if held.contains("resourcemanager.projects.get") => say(json!({
            "name": format!("projects/{}", project.number),
            "projectId": id,
            "displayName": project.name,
            "state": if project.is_deleted { "DELETE_REQUESTED" } else { "ACTIVE" },
            "parent": "organizations/415104041262",
        })),
        ("", Some(["locations", "-", "clusters"])) if token.scope != EVERYTHING => {
            refuse(StatusCode::FORBIDDEN, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "no")
        }
        ("", Some(["locations", "-", "clusters"])) if held.contains("container.clusters.list") => {
            let clusters = project.clusters.iter();
            let clusters = clusters.map(|(location, name)| json!({ "location": location, "name": name }));
            let clusters: Vec<_> = clusters.collect();
            let mut list = serde_json::Map::new();
            if !clusters.is_empty() {
                list.insert("clusters".to_owned(), clusters.into());
            }
            if !project.silent_zones.is_empty() {
                list.insert("missingZones".to_owned(), json!(project.silent_zones));
            }
            say(list.into())
        }
        _ => hidden(),
    }
}

#[async_trait]
impl Vendor for FakeGcp {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GCP_OAUTH_URL", self.url()),
            ("GCP_RESOURCE_MANAGER_URL", self.url()),
            ("GCP_CONTAINER_URL", self.url()),
        ]
    }

    fn secrets(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn consent(&self, started: &Started, account: u8) -> Value {
        let project = format!("acme-prod-{account}");
        let email = format!("infragpt@{project}.iam.gserviceaccount.com");
        self.project(&project, &format!("Acme {account}"), &["europe-west1/prod"]);
        // They grant what they are told to, and nothing else.
        for role in started.setup["roles"].as_array().into_iter().flatten() {
            self.grant(&project, &email, role["role"].as_str().unwrap_or_default());
        }
        json!({ "service_account_json": self.key(&project, &email).to_string() })
    }

    fn canaries(&self) -> Vec<String> {
        let mut canaries = self.world().secrets.clone();
        // As it is, and line by line: in JSON its line breaks are written otherwise.
        for number in 0..KEYS.len() {
            let pem = pem(number);
            canaries.extend(pem.lines().filter(|line| line.len() == 64).map(ToOwned::to_owned));
            canaries.push(pem);
        }
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
        world.keys.clear();
        world.tokens.clear();
    }

    /// What a connector has made or changed here. The account and its key are the customer's, and tokens end by
    /// themselves: Google has no way to take back one that was given for a key.
    fn remains(&self) -> Vec<String> {
        self.world().changes.clone()
    }
}

/// What the stories that hold for all connectors start.
///
/// # Errors
/// When no port is free.
pub(in crate::connector) async fn vendor() -> io::Result<impl Vendor> {
    FakeGcp::start(None).await
}
