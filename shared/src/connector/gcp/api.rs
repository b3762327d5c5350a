//! The few calls of Google's APIs that we make, as a service account: a token for its key, and what it can see.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::key::{ServiceAccountKey, is_of_form};
use crate::{
    clock::{SharedClock, Timestamp, after},
    connector::contract::{ConnectorError, Remedy},
    http::client::{Answer, Call, HttpClient, UrlError},
};

/// For how long a token vouches for its key. Google's tokens work for an hour, also after their key was deleted: a check
/// that used an old one would call a dead key good.
const VOUCHES: Duration = Duration::from_mins(5);

/// How long before its end a token is not used any more.
const TOKEN_MARGIN: Duration = Duration::from_mins(1);

/// How many tokens are kept, at the most.
const TOKENS: usize = 256;

/// What Google calls the two APIs.
const RESOURCE_MANAGER: &str = "the Cloud Resource Manager API (cloudresourcemanager.googleapis.com)";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    /// Reading.
    Read,
    /// What the Kubernetes Engine API asks for, which knows no scope for reading only. What the account may do there is
    /// up to its roles.
    Kubernetes,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "https://www.googleapis.com/auth/cloud-platform.read-only",
            Self::Kubernetes => "https://www.googleapis.com/auth/cloud-platform",
        }
    }
}

/// Whose token it is. The private key is part of it: whoever names somebody else's account and key, and holds neither,
/// gets no token that was given for them.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TokenKey {
    client_email: String,
    private_key_id: String,
    fingerprint: [u8; 32],
    scope: Scope,
}

/// A token.
struct Token {
    value: SecretString,
    use_until: Timestamp,
}

/// A place for a token; whoever holds its lock asks for one, the others wait for it.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Token>>>>;

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: u32,
}

#[derive(Deserialize)]
struct NotGranted {
    error: String,
}

/// An error of Google's APIs, as far as it is looked at. Its texts are not.
/// Source: <https://cloud.google.com/apis/design/errors#error_info>.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    error: ProblemStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProblemStatus {
    details: Vec<ProblemDetail>,
    /// What older APIs say beside.
    errors: Vec<ProblemDetail>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProblemDetail {
    reason: Option<String>,
    #[serde(rename = "retryDelay")]
    retry_delay: Option<String>,
}

impl Problem {
    fn of(answer: &Answer) -> ProblemStatus {
        answer.json::<Self>().unwrap_or_default().error
    }
}

impl ProblemStatus {
    fn is_one_of(&self, reasons: &[&str]) -> bool {
        let mut told = self.details.iter().chain(&self.errors);
        told.any(|detail| detail.reason.as_deref().is_some_and(|reason| reasons.contains(&reason)))
    }

    /// For how long to wait, as in `17s`.
    fn retry_after(&self) -> Option<Duration> {
        let delay = self.details.iter().find_map(|detail| detail.retry_delay.as_deref())?;
        let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds.ceil()).ok()
    }
}

/// A project.
#[derive(Debug)]
pub(super) struct Project {
    /// Its number; blank when Google gives none.
    pub(super) number: String,
    /// What people call it.
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectAnswer {
    name: String,
    project_id: String,
    state: Option<String>,
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct PermissionsAnswer {
    #[serde(default)]
    permissions: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClustersAnswer {
    #[serde(default)]
    clusters: Vec<ClusterAnswer>,
    #[serde(default)]
    missing_zones: Vec<String>,
}

#[derive(Deserialize)]
struct ClusterAnswer {
    name: String,
    location: String,
}

/// A GKE cluster, written `location/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cluster {
    /// A zone or a region.
    pub(super) location: String,
    /// Its name, of which there may be another one elsewhere.
    pub(super) name: String,
}

impl Cluster {
    /// A cluster whose names are of the form that Google gives them; no other text gets any further.
    pub(super) fn new(location: &str, name: &str) -> Option<Self> {
        let is_good = is_of_form("[a-z][a-z0-9-]{0,62}", location) && is_of_form("[a-z][a-z0-9-]{0,62}", name);
        is_good.then(|| Self {
            location: location.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Whether it is in one zone, such as `europe-west1-b`, and not in a region, such as `europe-west1`.
    pub(super) fn is_zonal(&self) -> bool {
        is_of_form("[a-z0-9-]+-[a-z]", &self.location)
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.location, self.name)
    }
}

/// What can be seen of a project's clusters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clusters {
    /// All of them, in order.
    All(Vec<Cluster>),
    /// Those of the zones that answered, in order.
    Some(Vec<Cluster>),
    /// None: the API is not enabled in the project.
    ApiDisabled,
    /// None: the account may not list them.
    Forbidden,
}

/// What a service account can see.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) project: Project,
    /// Which of the permissions that were asked about it has, from wherever.
    pub(super) permissions: BTreeSet<String>,
    pub(super) clusters: Clusters,
}

/// Google Cloud, as we ask it. Belongs to its base URLs: what is kept here is never shown elsewhere.
pub(super) struct GcpApi {
    oauth: HttpClient,
    /// Where tokens are asked for, which is what an assertion names: it is good nowhere else.
    audience: String,
    resource_manager: HttpClient,
    container: HttpClient,
    clock: SharedClock,
    tokens: Mutex<HashMap<TokenKey, Slot>>,
}

impl fmt::Debug for GcpApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GcpApi")
    }
}

impl GcpApi {
    /// The host that gives tokens, and those of the two APIs.
    ///
    /// # Errors
    /// When one of them is no URL to send credentials to.
    pub(super) fn new(
        oauth: &str,
        resource_manager: &str,
        container: &str,
        clock: SharedClock,
    ) -> Result<Self, UrlError> {
        Ok(Self {
            audience: format!("{}/token", oauth.trim_end_matches('/')),
            oauth: HttpClient::new(oauth)?,
            resource_manager: HttpClient::new(resource_manager)?,
            container: HttpClient::new(container)?,
            clock,
            tokens: Mutex::default(),
        })
    }

    /// Proves that a key works, and finds out what its account can see: the project, which of `permissions` it has
    /// there, and the clusters.
    ///
    /// # Errors
    /// When the key is not good, the project cannot be reached, or Google does not answer.
    pub(super) async fn look(
        &self,
        key: &ServiceAccountKey,
        permissions: &[&str],
    ) -> Result<Seen, ConnectorError> {
        let (project, permissions, clusters) = tokio::try_join!(
            self.project(key),
            self.permissions(key, permissions),
            self.clusters(key),
        )?;
        Ok(Seen {
            project,
            permissions,
            clusters,
        })
    }

    /// Source: <https://cloud.google.com/resource-manager/reference/rest/v3/projects/get>.
    async fn project(&self, key: &ServiceAccountKey) -> Result<Project, ConnectorError> {
        let path = format!("/v3/projects/{}", key.project_id);
        let answer = self
            .ask(key, Scope::Read, &self.resource_manager, || Call::get(&path))
            .await?;
        let project: ProjectAnswer = of_project(&answer)?.json()?;
        if project.project_id != key.project_id {
            return Err(protocol("another project than was asked for"));
        }
        if project.state.as_deref().is_some_and(|state| state != "ACTIVE") {
            return Err(ConnectorError::Refused {
                reason: "project_inactive",
                message: "the Google Cloud project is marked for deletion".to_owned(),
                remedy: Remedy::Grant,
            });
        }
        let number = project.name.strip_prefix("projects/").unwrap_or_default();
        let name = project.display_name.unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        Ok(Project {
            number: Some(number)
                .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
                .unwrap_or_default()
                .to_owned(),
            name: if name.trim().is_empty() { project.project_id } else { name },
        })
    }

    /// Asks what the account may do, instead of reading who has which role: that finds what it has through a group, a
    /// folder or a role of the organization's own, and needs no right.
    /// Source: <https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions>.
    async fn permissions(
        &self,
        key: &ServiceAccountKey,
        permissions: &[&str],
    ) -> Result<BTreeSet<String>, ConnectorError> {
        let path = format!("/v3/projects/{}:testIamPermissions", key.project_id);
        let body = json!({ "permissions": permissions });
        let answer = self
            .ask(key, Scope::Read, &self.resource_manager, || Call::post(&path).json(&body))
            .await?;
        let held: PermissionsAnswer = of_project(&answer)?.json()?;
        Ok(held.permissions)
    }

    /// Source: <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/list>.
    async fn clusters(&self, key: &ServiceAccountKey) -> Result<Clusters, ConnectorError> {
        // A whole cluster is tens of kilobytes, so only what is used is asked for.
        let path = format!(
            "/v1/projects/{}/locations/-/clusters?fields=clusters(name,location),missingZones",
            key.project_id
        );
        let answer = self
            .ask(key, Scope::Kubernetes, &self.container, || Call::get(&path))
            .await?;
        if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return Ok(if is_disabled(&Problem::of(&answer)) {
                Clusters::ApiDisabled
            } else {
                Clusters::Forbidden
            });
        }
        let found: ClustersAnswer = good(&answer)?.json()?;
        let clusters = found.clusters.iter();
        let mut clusters: Vec<_> = clusters
            .filter_map(|cluster| Cluster::new(&cluster.location, &cluster.name))
            .collect();
        clusters.sort();
        Ok(if found.missing_zones.is_empty() {
            Clusters::All(clusters)
        } else {
            Clusters::Some(clusters)
        })
    }

    /// Asks with a token. One that was kept may have ended before its time, and then a new one is tried once.
    async fn ask(
        &self,
        key: &ServiceAccountKey,
        scope: Scope,
        host: &HttpClient,
        call: impl Fn() -> Call,
    ) -> Result<Answer, ConnectorError> {
        let slot = self.slot(key, scope);
        let (token, is_fresh) = self.token(key, scope, &slot).await?;
        let mut answer = host.send(call().bearer(&token.value)).await?;
        if answer.status == StatusCode::UNAUTHORIZED && !is_fresh {
            drop_token(&slot, &token).await;
            let (token, _) = self.token(key, scope, &slot).await?;
            answer = host.send(call().bearer(&token.value)).await?;
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            drop_token(&slot, &token).await;
            return Err(ConnectorError::Refused {
                reason: "token_refused",
                message: "Google does not take the token that it has given; the service account may be disabled"
                    .to_owned(),
                remedy: Remedy::Reconnect,
            });
        }
        pause(&answer)?;
        Ok(answer)
    }

    fn slot(&self, key: &ServiceAccountKey, scope: Scope) -> Slot {
        let key = token_key(key, scope);
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS && !tokens.contains_key(&key) {
            // What somebody holds is in use; everything else can be asked for again.
            tokens.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(tokens.entry(key).or_default())
    }

    /// Forgets the tokens of a key.
    pub(super) fn forget(&self, key: &ServiceAccountKey) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.remove(&token_key(key, Scope::Read));
        tokens.remove(&token_key(key, Scope::Kubernetes));
    }

    /// A token, and whether it was given just now.
    async fn token(
        &self,
        key: &ServiceAccountKey,
        scope: Scope,
        slot: &Slot,
    ) -> Result<(Arc<Token>, bool), ConnectorError> {
        let mut kept = slot.lock().await;
        let now = self.clock.now();
        if let Some(token) = kept.as_ref().filter(|token| now < token.use_until) {
            return Ok((Arc::clone(token), false));
        }
        *kept = None;
        let assertion = key.assertion(&self.audience, scope.as_str(), now)?;
        let call = Call::post("/token").form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose_secret()),
        ]);
        let answer = self.oauth.send(call).await?;
        let granted = granted(&answer)?;
        let lasts = Duration::from_secs(granted.expires_in.into());
        let token = Arc::new(Token {
            value: granted.access_token,
            use_until: after(now, lasts.saturating_sub(TOKEN_MARGIN).min(VOUCHES)),
        });
        *kept = Some(Arc::clone(&token));
        Ok((token, true))
    }
}

fn token_key(key: &ServiceAccountKey, scope: Scope) -> TokenKey {
    TokenKey {
        client_email: key.client_email.clone(),
        private_key_id: key.private_key_id.clone(),
        fingerprint: key.fingerprint,
        scope,
    }
}

async fn drop_token(slot: &Slot, token: &Arc<Token>) {
    let mut kept = slot.lock().await;
    if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, token)) {
        *kept = None;
    }
}

/// The token that was given.
/// Source: <https://developers.google.com/identity/protocols/oauth2/service-account#error-codes>.
fn granted(answer: &Answer) -> Result<Granted, ConnectorError> {
    if answer.status.is_success() {
        return Ok(answer.json()?);
    }
    pause(answer)?;
    let error = answer.json::<NotGranted>().map(|answer| answer.error);
    match error.as_deref() {
        Ok("invalid_grant" | "invalid_client" | "unauthorized_client" | "access_denied" | "disabled_client") => {
            Err(ConnectorError::Refused {
                reason: "key_revoked",
                message: "Google does not take the key: it was deleted, it has ended, or its service account is disabled \
                          or deleted; make a new key and connect again"
                    .to_owned(),
                remedy: Remedy::Reconnect,
            })
        }
        _ => Err(unexpected(answer.status)),
    }
}

/// What Google says when it is in trouble or asks for a pause.
fn pause(answer: &Answer) -> Result<(), ConnectorError> {
    let may_be_limit = matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    if !may_be_limit && !answer.status.is_server_error() {
        return Ok(());
    }
    let problem = Problem::of(answer);
    let limits = [
        "RATE_LIMIT_EXCEEDED",
        "RESOURCE_QUOTA_EXCEEDED",
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "quotaExceeded",
    ];
    if answer.status == StatusCode::FORBIDDEN && !problem.is_one_of(&limits) {
        return Ok(());
    }
    Err(ConnectorError::Unavailable {
        retry_after: answer.retry_after().or_else(|| problem.retry_after()),
        source: if may_be_limit { "it asks for a pause" } else { "it is in trouble" }.into(),
    })
}

/// What a status means where the project is asked about.
fn of_project(answer: &Answer) -> Result<&Answer, ConnectorError> {
    if !matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
        return good(answer);
    }
    let problem = Problem::of(answer);
    let (reason, message) = if is_disabled(&problem) {
        let message = format!("{RESOURCE_MANAGER} is not enabled in the project");
        ("api_disabled", message)
    } else if problem.is_one_of(&["SECURITY_POLICY_VIOLATED", "vpcServiceControls"]) {
        let message = "a service perimeter (VPC Service Controls) keeps us away from the project; let the service \
                       account in from outside";
        ("perimeter_refuses", message.to_owned())
    } else {
        let message = "the service account cannot see the project that its key names: grant it the roles there";
        ("project_not_reachable", message.to_owned())
    };
    Err(ConnectorError::Refused {
        reason,
        message,
        remedy: Remedy::Grant,
    })
}

fn is_disabled(problem: &ProblemStatus) -> bool {
    problem.is_one_of(&["SERVICE_DISABLED", "accessNotConfigured"])
}

fn good(answer: &Answer) -> Result<&Answer, ConnectorError> {
    if answer.status.is_success() {
        Ok(answer)
    } else {
        Err(unexpected(answer.status))
    }
}

fn protocol(what: &str) -> ConnectorError {
    ConnectorError::Protocol { what: what.to_owned() }
}

fn unexpected(status: StatusCode) -> ConnectorError {
    protocol(&format!("status {}", status.as_u16()))
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::{clock::SystemClock, connector::gcp::key};

    fn answer(status: u16, body: &serde_json::Value) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        }
    }

    fn problem(reason: &str) -> serde_json::Value {
        json!({ "error": { "message": "hunter2", "details": [{ "reason": reason }] } })
    }

    #[test]
    fn an_assertion_names_the_place_that_it_is_sent_to() {
        let api = |oauth| GcpApi::new(oauth, oauth, oauth, Arc::new(SystemClock)).map(|api| api.audience);
        assert_eq!(api("https://oauth2.googleapis.com").as_deref(), Ok(key::TOKEN_URI));
        assert_eq!(api("https://oauth2.googleapis.com/").as_deref(), Ok(key::TOKEN_URI));
        assert_eq!(api("http://127.0.0.1:9/a").as_deref(), Ok("http://127.0.0.1:9/a/token"));
    }

    #[test]
    fn a_pause_is_told_from_a_refusal_also_where_both_are_403() {
        let old = |reason: &str| json!({ "error": { "errors": [{ "reason": reason }] } });
        for pausing in [
            answer(429, &json!("<html>")),
            answer(503, &json!({})),
            answer(403, &problem("RATE_LIMIT_EXCEEDED")),
            answer(403, &old("rateLimitExceeded")),
        ] {
            let error = pause(&pausing).expect_err("a pause");
            assert!(error.is_outage() && !format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        for other in [answer(200, &json!({})), answer(403, &problem("SERVICE_DISABLED")), answer(404, &json!({}))] {
            assert!(pause(&other).is_ok(), "{other:?}");
        }
        for (delay, seconds) in [("17s", Some(17)), ("0.5s", Some(1)), ("17", None), ("-1s", None), ("NaNs", None)] {
            let body = json!({ "error": { "details": [{ "retryDelay": delay }] } });
            let told = Problem::of(&answer(429, &body)).retry_after();
            assert_eq!(told, seconds.map(Duration::from_secs), "{delay}");
        }
    }

    #[test]
    fn what_keeps_us_from_a_project_is_told_apart_and_in_our_words() {
        for (body, expected) in [
            (problem("IAM_PERMISSION_DENIED"), "project_not_reachable"),
            (problem("SERVICE_DISABLED"), "api_disabled"),
            (json!({ "error": { "errors": [{ "reason": "accessNotConfigured" }] } }), "api_disabled"),
            (problem("SECURITY_POLICY_VIOLATED"), "perimeter_refuses"),
            (json!("<html>"), "project_not_reachable"),
        ] {
            let error = of_project(&answer(403, &body)).expect_err("a refusal");
            assert_eq!(error.reason(), expected);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        let error = of_project(&answer(302, &json!({}))).expect_err("no answer");
        assert_eq!(error.reason(), "protocol");
    }

    #[test]
    fn a_grant_that_is_refused_for_another_reason_than_the_key_blames_no_key() {
        let refused = |status, error: &str| {
            let body = json!({ "error": error, "error_description": "hunter2" });
            granted(&answer(status, &body)).map(|_| ()).expect_err("no token").reason()
        };
        assert_eq!(refused(400, "invalid_grant"), "key_revoked");
        assert_eq!(refused(401, "invalid_client"), "key_revoked");
        assert_eq!(refused(400, "invalid_scope"), "protocol");
        assert_eq!(refused(503, "invalid_grant"), "unavailable");
    }

    #[test]
    fn a_cluster_whose_name_is_no_name_is_not_one() {
        assert!(Cluster::new("europe-west1-b", "prod").is_some_and(|cluster| cluster.is_zonal()));
        assert!(Cluster::new("us-central1", "prod").is_some_and(|cluster| !cluster.is_zonal()));
        for (location, name) in [("us-central1", "a b"), ("../..", "prod"), ("", "prod"), ("us-central1", "a,b\n")] {
            assert_eq!(Cluster::new(location, name), None);
        }
    }
}
