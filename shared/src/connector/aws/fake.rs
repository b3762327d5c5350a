//! An AWS of our own, for tests and the local stack: accounts with roles and access keys, and an STS that speaks the Query
//! protocol.
//!
//! It answers as the vendor documents: requests are signed (Signature Version 4) with a key that it knows, a role lets in
//! whom its trust policy names, sessions end, and whoever is not known is refused in XML.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_lc_rs::{digest, hmac};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::SecondsFormat;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    clock::{SharedClock, SystemClock, Timestamp, after},
    connector::{
        contract::Started,
        fake::{Trouble, Vendor},
    },
    http::fake::{ANY_PORT, Server},
};

/// The account that our functions run in.
pub const OUR_ACCOUNT: &str = "999988887777";

/// The keys that our functions have in tests: ID and secret.
const OUR_KEYS: [(&str, &str); 2] = [
    ("AKIAOURSELVES0000000", "our own key of our own account"),
    ("test", "test"),
];

/// A key that requests are signed with.
#[derive(Debug, Clone)]
struct Key {
    secret: String,
    /// For those of a session.
    token: Option<String>,
    ends_at: Option<Timestamp>,
    account: String,
    arn: String,
}

/// A call as AWS saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `AssumeRole` or `GetCallerIdentity`.
    pub action: String,
    /// The region whose STS was meant.
    pub region: String,
    /// Who asked.
    pub arn: String,
    /// What was filled in.
    pub form: BTreeMap<String, String>,
}

#[derive(Default)]
struct World {
    keys: BTreeMap<String, Key>,
    /// Trust policies by the role's ARN.
    roles: BTreeMap<String, Value>,
    regions_off: Vec<String>,
    asked: Vec<Asked>,
    secrets: Vec<String>,
    trouble: Option<Trouble>,
    trouble_of_strangers: Option<Trouble>,
    calls: usize,
}

struct Inner {
    world: Mutex<World>,
    clock: SharedClock,
}

/// A running fake; ends when it is dropped.
pub struct FakeAws {
    inner: Arc<Inner>,
    server: Server,
}

impl FakeAws {
    /// Starts it. Sessions end by the clock.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(clock: SharedClock) -> io::Result<Self> {
        let mut world = World::default();
        for (id, secret) in OUR_KEYS {
            let key = Key {
                secret: secret.to_owned(),
                token: None,
                ends_at: None,
                account: OUR_ACCOUNT.to_owned(),
                arn: format!("arn:aws:sts::{OUR_ACCOUNT}:assumed-role/infragpt-scheduler/infragpt-production-scheduler"),
            };
            world.keys.insert(id.to_owned(), key);
        }
        let inner = Arc::new(Inner {
            world: Mutex::new(world),
            clock,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let server = Server::start(ANY_PORT, router).await?;
        Ok(Self { inner, server })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world()
    }

    /// Makes a role with a trust policy, or changes the policy of one.
    pub fn role(&self, role_arn: &str, trust_policy: &Value) {
        self.world().roles.insert(role_arn.to_owned(), trust_policy.clone());
    }

    /// Deletes a role.
    pub fn delete_role(&self, role_arn: &str) {
        self.world().roles.remove(role_arn);
    }

    /// Makes an access key of a user, or of the account's root: its ID and its secret.
    #[must_use]
    pub fn access_key(&self, account: &str, user: &str) -> (String, String) {
        let mut world = self.world();
        let number = world.secrets.len();
        let (id, secret) = (format!("AKIA{number:016}"), format!("SecretOfAUser{number:027}"));
        let arn = match user {
            "root" => format!("arn:aws:iam::{account}:root"),
            user => format!("arn:aws:iam::{account}:user/{user}"),
        };
        let key = Key {
            secret: secret.clone(),
            token: None,
            ends_at: None,
            account: account.to_owned(),
            arn,
        };
        world.keys.insert(id.clone(), key);
        world.secrets.push(secret.clone());
        (id, secret)
    }

    /// Our own keys are deleted.
    pub fn disown(&self) {
        self.world().keys.retain(|_, key| key.account != OUR_ACCOUNT);
    }

    /// Switches STS off in a region.
    pub fn switch_off(&self, region: &str) {
        self.world().regions_off.push(region.to_owned());
    }

    /// It misbehaves only where it would have refused a role.
    pub fn trouble_of_strangers(&self, trouble: Option<Trouble>) {
        self.world().trouble_of_strangers = trouble;
    }

    /// Everything that it was asked and understood.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.world().asked.clone()
    }
}

impl Inner {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// What a request says of who signed it: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
struct Signed<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    headers: &'a str,
    signature: &'a str,
}

impl<'a> Signed<'a> {
    fn read(authorization: &'a str) -> Option<Self> {
        let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let parts: BTreeMap<_, _> = rest
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .collect();
        let mut scope = parts.get("Credential")?.split('/');
        Some(Self {
            key_id: scope.next()?,
            date: scope.next()?,
            region: scope.next()?,
            service: scope.next()?,
            headers: parts.get("SignedHeaders")?,
            signature: parts.get("Signature")?,
        })
    }

    /// Source: "Create a signed AWS API request" in the AWS IAM user guide.
    fn is_by(&self, secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
        let sign = |key: &[u8], text: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        };
        let hash = |bytes: &[u8]| hex::encode(digest::digest(&digest::SHA256, bytes));
        let lines = self.headers.split(';').fold(String::new(), |lines, name| {
            let value = header_of(headers, name).trim();
            lines + name + ":" + value + "\n"
        });
        let request = format!("POST\n/\n\n{lines}\n{}\n{}", self.headers, hash(body));
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let time = header_of(headers, "x-amz-date");
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(request.as_bytes()));
        let key = [self.date, self.region, self.service, "aws4_request"]
            .iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| sign(&key, part));
        hex::encode(sign(&key, &to_sign)) == self.signature
    }
}

/// An answer of STS in the Query protocol.
fn say(action: &str, result: &str) -> Response {
    let body = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>\
         </{action}Response>"
    );
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

/// A refusal of STS in the Query protocol.
fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ErrorResponse>"
    );
    (status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

async fn answer(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let (trouble, answer, quote) = {
        let mut world = inner.world();
        world.calls += 1;
        let quote = quote(&world, &headers, &body);
        if world.trouble.is_some() {
            (world.trouble, None, quote)
        } else {
            let answer = respond(&mut world, inner.clock.now(), &headers, &body);
            let is_denied = answer.as_ref().is_err_and(|refusal| refusal.code == "AccessDenied");
            let trouble = world.trouble_of_strangers.filter(|_| is_denied);
            (trouble, Some(answer), quote)
        }
    };
    let action = form(&body).remove("Action").unwrap_or_default();
    match (trouble, answer) {
        (None, Some(Ok(result))) => say(&action, &result),
        (None, Some(Err(refusal))) => {
            refuse(refusal.status, refusal.code, &format!("{} {quote}", refusal.message))
        }
        (Some(Trouble::Refuses) | None, _) => {
            let code = if action == "AssumeRole" { "AccessDenied" } else { "InvalidClientTokenId" };
            refuse(StatusCode::FORBIDDEN, code, &quote)
        }
        (Some(Trouble::Fails), _) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", &quote)
        }
        // AWS names no time.
        (Some(Trouble::Limits(_)), _) => {
            refuse(StatusCode::BAD_REQUEST, "Throttling", &format!("Rate exceeded {quote}"))
        }
        (Some(Trouble::Hangs), _) => std::future::pending().await,
        (Some(Trouble::Babbles), _) => (StatusCode::OK, format!("<html>{quote}")).into_response(),
        (Some(Trouble::Redirects), _) => {
            let elsewhere = [(header::LOCATION, "https://evil.example/")];
            (StatusCode::TEMPORARY_REDIRECT, elsewhere, quote).into_response()
        }
    }
}

/// All that a request shows, and the secret behind it.
fn quote(world: &World, headers: &HeaderMap, body: &[u8]) -> String {
    let authorization = header_of(headers, "authorization");
    let secret = Signed::read(authorization)
        .and_then(|signed| world.keys.get(signed.key_id))
        .map(|key| key.secret.as_str());
    format!(
        "{authorization} {} {} {}",
        header_of(headers, "x-amz-security-token"),
        secret.unwrap_or_default(),
        String::from_utf8_lossy(body)
    )
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

const fn refusal(code: &'static str, message: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::FORBIDDEN,
        code,
        message,
    }
}

fn respond(world: &mut World, now: Timestamp, headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
    let invalid = refusal("InvalidClientTokenId", "The security token included in the request is invalid.");
    let signed = Signed::read(header_of(headers, "authorization"))
        .filter(|signed| signed.service == "sts")
        .ok_or(refusal("MissingAuthenticationToken", "Request is missing Authentication Token"))?;
    let Some(key) = world.keys.get(signed.key_id).cloned() else {
        return Err(invalid);
    };
    if key.token.as_deref().unwrap_or_default() != header_of(headers, "x-amz-security-token") {
        return Err(invalid);
    }
    if key.ends_at.is_some_and(|end| end <= now) {
        return Err(refusal("ExpiredToken", "The security token included in the request is expired"));
    }
    if !signed.is_by(&key.secret, headers, body) {
        return Err(refusal(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ));
    }
    if world.regions_off.iter().any(|region| region == signed.region) {
        return Err(refusal("RegionDisabledException", "STS is not activated in this region for account"));
    }
    let form = form(body);
    let action = form.get("Action").cloned().unwrap_or_default();
    world.asked.push(Asked {
        action: action.clone(),
        region: signed.region.to_owned(),
        arn: key.arn.clone(),
        form: form.clone(),
    });
    match action.as_str() {
        "GetCallerIdentity" => Ok(format!(
            "<Arn>{}</Arn><UserId>AIDA{}</UserId><Account>{}</Account>",
            key.arn, key.account, key.account
        )),
        "AssumeRole" => assume(world, now, &key, &form),
        _ => Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            code: "InvalidAction",
            message: "Could not find operation",
        }),
    }
}

fn assume(
    world: &mut World,
    now: Timestamp,
    caller: &Key,
    form: &BTreeMap<String, String>,
) -> Result<String, Refusal> {
    let field = |name: &str| form.get(name).map(String::as_str);
    let invalid = Refusal {
        status: StatusCode::BAD_REQUEST,
        code: "ValidationError",
        message: "constraint is not satisfied",
    };
    let (Some(role), Some(session)) = (field("RoleArn"), field("RoleSessionName")) else {
        return Err(invalid);
    };
    let seconds = field("DurationSeconds").and_then(|seconds| seconds.parse().ok());
    let seconds: u64 = seconds.unwrap_or(3600);
    if !(900..=3600).contains(&seconds) || !(2..=64).contains(&session.len()) {
        return Err(invalid);
    }
    let trust = world.roles.get(role);
    if !trust.is_some_and(|trust| lets_in(trust, caller, form)) {
        return Err(refusal("AccessDenied", "User is not authorized to perform: sts:AssumeRole on resource"));
    }
    let number = world.secrets.len();
    let id = format!("ASIA{number:016}");
    let (secret, token) = (
        format!("SecretOfASession{number:024}"),
        format!("TokenOfASession{number:040}"),
    );
    let ends_at = after(now, Duration::from_secs(seconds));
    let mut parts = role.split(':');
    let (partition, account) = (parts.nth(1).unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let name = role.rsplit('/').next().unwrap_or_default();
    let arn = format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}");
    world.secrets.extend([secret.clone(), token.clone()]);
    let result = format!(
        "<AssumedRoleUser><AssumedRoleId>AROA0123456789EXAMPLE:{session}</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{}</Expiration></Credentials>\
         <PackedPolicySize>6</PackedPolicySize>",
        ends_at.to_rfc3339_opts(SecondsFormat::Secs, true)
    );
    let key = Key {
        secret,
        token: Some(token),
        ends_at: Some(ends_at),
        account: account.to_owned(),
        arn,
    };
    world.keys.insert(id, key);
    Ok(result)
}

/// Whether a trust policy lets somebody in. What it does not know lets nobody in.
fn lets_in(trust: &Value, caller: &Key, form: &BTreeMap<String, String>) -> bool {
    let root = format!("arn:aws:iam::{}:root", caller.account);
    let names = |value: &Value| match value.as_str() {
        Some(name) => name == "*" || name == root || name == caller.account || name == caller.arn,
        None => false,
    };
    let any = |value: &Value, test: &dyn Fn(&Value) -> bool| match value.as_array() {
        Some(all) => all.iter().any(test),
        None => test(value),
    };
    let statements = trust["Statement"].as_array().cloned().unwrap_or_default();
    statements.iter().any(|statement| {
        let conditions = statement["Condition"].as_object().cloned().unwrap_or_default();
        let holds = conditions.iter().all(|(operator, keys)| {
            keys.as_object().into_iter().flatten().all(|(key, wanted)| {
                let given = match key.as_str() {
                    "sts:ExternalId" => form.get("ExternalId"),
                    "sts:RoleSessionName" => form.get("RoleSessionName"),
                    _ => return false,
                };
                let is = |wanted: &Value| given.map(String::as_str) == wanted.as_str();
                let is_like = |wanted: &Value| {
                    let pattern = regex_lite::escape(wanted.as_str().unwrap_or_default()).replace("\\*", ".*");
                    let pattern = regex_lite::Regex::new(&format!("^{pattern}$"));
                    pattern.is_ok_and(|pattern| given.is_some_and(|given| pattern.is_match(given)))
                };
                match operator.as_str() {
                    "StringEquals" => any(wanted, &is),
                    "StringLike" => any(wanted, &is_like),
                    "StringEqualsIfExists" => given.is_none() || any(wanted, &is),
                    _ => false,
                }
            })
        });
        let principal = &statement["Principal"];
        let is_named = names(principal) || any(&principal["AWS"], &names);
        statement["Effect"] == "Allow" && statement["Action"] == "sts:AssumeRole" && is_named && holds
    })
}

#[async_trait]
impl Vendor for FakeAws {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("AWS_STS_URL", format!("http://{}", self.server.address()))]
    }

    fn secrets(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Makes the role as they were shown.
    async fn consent(&self, started: &Started, account: u8) -> Value {
        let role_arn = format!("arn:aws:iam::{:012}:role/infragpt", 111_122_223_000 + u64::from(account));
        self.role(&role_arn, &started.setup["trust_policy"]);
        json!({ "role_arn": role_arn, "region": "eu-west-1" })
    }

    fn canaries(&self) -> Vec<String> {
        self.world().secrets.clone()
    }

    fn trouble(&self, trouble: Option<Trouble>) {
        self.world().trouble = trouble;
    }

    fn calls(&self) -> usize {
        self.world().calls
    }

    fn withdraw(&self) {
        let mut world = self.world();
        world.roles.clear();
        world.keys.retain(|_, key| key.account == OUR_ACCOUNT);
    }

    /// Nothing, ever: we make nothing there, roles and keys are theirs, and a session ends by itself.
    fn remains(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What the stories that hold for all connectors start.
///
/// # Errors
/// When no port is free.
pub(in crate::connector) async fn vendor() -> io::Result<impl Vendor> {
    FakeAws::start(Arc::new(SystemClock)).await
}
