//! Asking Clerk: the client of its Backend API, by which [`super::reconcile`] finds out what no webhook brought.
//!
//! Source of addresses, fields and refusals: <https://clerk.com/docs/reference/backend-api>.

use std::{fmt, time::Duration};

use axum::body::Bytes;
use http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::{sync::Mutex, time::Instant};

use super::wire;
use crate::{
    http::client::{Answer, HttpClient, HttpError, UrlError},
    json::{self, JsonError, Text},
    secret::manager::{SecretError, SecretStore},
    task::{ClerkMembership, ClerkOrganization, ClerkUser},
};

/// Where Clerk's Backend API is.
pub const API_URL: &str = "https://api.clerk.com/v1";

/// How many things a page of a list holds; a shorter page is the last one. Clerk gives 500 at the most.
pub const PAGE: usize = 100;

/// The shortest time from one request to the next. Clerk lets an instance for development make 100 requests in ten
/// seconds and one for production 1000, and blocks whoever makes more. Eight a second leave a fifth of the smaller number
/// to everybody else who uses the instance. Source: <https://clerk.com/docs/guides/how-clerk-works/system-limits>.
pub const PACE: Duration = Duration::from_millis(125);

/// How long a request may take: a page far down a long list takes Clerk seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest page that is read, in bytes. Each thing on it may carry three times 8 KiB of metadata beside its own.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// For how long to stay away where Clerk does not say: its limits count ten seconds.
const RATE_LIMITED: Duration = Duration::from_secs(10);

/// Why Clerk is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    /// There was no answer.
    #[error(transparent)]
    Silent(HttpError),
    /// It is in trouble itself.
    #[error("status {0}")]
    Failing(u16),
}

/// Why Clerk did not tell what it was asked. Nothing that Clerk wrote is in it.
#[derive(Debug, thiserror::Error)]
pub enum ClerkError {
    /// We ask too often.
    #[error("Clerk asks for a pause of {} s", .after.as_secs())]
    RateLimited {
        /// For how long to ask nothing.
        after: Duration,
    },
    /// The same request may work later.
    #[error("Clerk does not answer")]
    Unavailable(#[source] Away),
    /// The secret key is none, or may not do this: somebody must put another in its place.
    #[error("Clerk refuses the secret key with status {status}")]
    Refused {
        /// 401 or 403.
        status: u16,
    },
    /// It answered what it should not.
    #[error("Clerk's answer is not as it should be: {path} {problem}")]
    Protocol {
        /// The JSON path of what is wrong; `.` for the whole answer.
        path: String,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The secret key could not be read.
    #[error("Clerk's secret key cannot be read")]
    Secret(#[source] SecretError),
}

impl ClerkError {
    fn whole(problem: &'static str) -> Self {
        Self::Protocol {
            path: ".".to_owned(),
            problem,
        }
    }

    /// Whether the same request may work later without anybody doing anything.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unavailable(_) => true,
            Self::Refused { .. } | Self::Protocol { .. } => false,
            Self::Secret(error) => error.is_outage(),
        }
    }
}

impl From<JsonError> for ClerkError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax => Self::whole("is not JSON"),
            JsonError::TooDeep => Self::whole("is nested too deep"),
            JsonError::Shape { path, problem } => Self::Protocol { path, problem },
        }
    }
}

impl From<HttpError> for ClerkError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Timeout | HttpError::Unreachable(_) => Self::Unavailable(Away::Silent(error)),
            HttpError::TooLarge => Self::whole("is too large"),
            HttpError::Protocol { what } => Self::whole(what),
        }
    }
}

/// A page of a list in the order of the list, with nothing in the place of what cannot be read.
pub type Page<T> = Vec<Option<T>>;

/// A client of Clerk's Backend API. Asks one thing at a time, and not faster than at its pace.
///
/// Lists come in the order in which things were created, so that what is created while somebody pages comes at the end.
pub struct ClerkApi {
    http: HttpClient,
    secrets: SecretStore,
    secret_arn: String,
    pace: Duration,
    line: Mutex<Line>,
}

impl fmt::Debug for ClerkApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClerkApi")
            .field("http", &self.http)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// What the one who asks holds.
#[derive(Default)]
struct Line {
    /// The key, once it was read.
    key: Option<SecretString>,
    /// Before this nothing is asked.
    free_at: Option<Instant>,
}

/// The secret with the key.
#[derive(Deserialize)]
struct Secret {
    secret_key: SecretString,
}

impl ClerkApi {
    /// A client of the API at `base_url` (see [`API_URL`]) that lets `pace` go by from one request to the next (see
    /// [`PACE`]). The secret, `{"secret_key": "sk_…"}`, is read when it is needed first, and again when Clerk does not
    /// take the key any more.
    ///
    /// # Errors
    /// When the URL is none, or would send the key over a network unencrypted.
    pub fn new(
        base_url: &str,
        secrets: SecretStore,
        secret_arn: String,
        pace: Duration,
    ) -> Result<Self, UrlError> {
        let http = HttpClient::new(base_url)?;
        Ok(Self {
            http: http.with_timeout(TIMEOUT).with_max_body(MAX_BODY),
            secrets,
            secret_arn,
            pace,
            line: Mutex::default(),
        })
    }

    /// The same client, with another limit of time for each request than ten seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self {
            http: self.http.with_timeout(timeout),
            ..self
        }
    }

    /// A page of all people, from behind the first `offset`.
    ///
    /// # Errors
    /// [`ClerkError`].
    #[tracing::instrument(name = "clerk.users", skip_all, fields(offset))]
    pub async fn users(&self, offset: usize) -> Result<Page<ClerkUser>, ClerkError> {
        let answer = self.ask(&listed("/users", offset, PAGE)).await?;
        let body = answer.ok_or_else(no_list)?;
        Ok(page::<wire::User, _>(&array(&body)?, offset, |_| true))
    }

    /// A person, or nothing when Clerk knows none of this id.
    ///
    /// # Errors
    /// [`ClerkError`].
    #[tracing::instrument(name = "clerk.user", skip_all)]
    pub async fn user(&self, id: &str) -> Result<Option<ClerkUser>, ClerkError> {
        let path = format!("/users/{}", checked(wire::USER, id)?);
        let Some(body) = self.ask(&path).await? else {
            return Ok(None);
        };
        let user: ClerkUser = json::read::<wire::User>(&body)?.into();
        told(user, |user| user.id == id).map(Some)
    }

    /// A page of all organizations, from behind the first `offset`.
    ///
    /// # Errors
    /// [`ClerkError`].
    #[tracing::instrument(name = "clerk.organizations", skip_all, fields(offset))]
    pub async fn organizations(&self, offset: usize) -> Result<Page<ClerkOrganization>, ClerkError> {
        let answer = self.ask(&listed("/organizations", offset, PAGE)).await?;
        let body = answer.ok_or_else(no_list)?;
        Ok(page::<wire::Organization, _>(&data(&body)?, offset, |_| true))
    }

    /// An organization, or nothing when Clerk knows none of this id.
    ///
    /// # Errors
    /// [`ClerkError`].
    #[tracing::instrument(name = "clerk.organization", skip_all)]
    pub async fn organization(&self, id: &str) -> Result<Option<ClerkOrganization>, ClerkError> {
        let path = format!("/organizations/{}", checked(wire::ORGANIZATION, id)?);
        let Some(body) = self.ask(&path).await? else {
            return Ok(None);
        };
        let organization: ClerkOrganization = json::read::<wire::Organization>(&body)?.into();
        told(organization, |organization| organization.id == id).map(Some)
    }

    /// A page of an organization's memberships, from behind the first `offset`; nothing when Clerk knows no such
    /// organization.
    ///
    /// # Errors
    /// [`ClerkError`].
    #[tracing::instrument(name = "clerk.memberships", skip_all, fields(offset))]
    pub async fn memberships(
        &self,
        organization: &str,
        offset: usize,
    ) -> Result<Option<Page<ClerkMembership>>, ClerkError> {
        let path = memberships_of(organization)?;
        let Some(body) = self.ask(&listed(&path, offset, PAGE)).await? else {
            return Ok(None);
        };
        let is_ours = |membership: &ClerkMembership| membership.organization_id == organization;
        Ok(Some(page::<wire::Membership, _>(&data(&body)?, offset, is_ours)))
    }

    /// The membership of a person in an organization, or nothing when there is none, or no such organization.
    ///
    /// # Errors
    /// [`ClerkError`].
    #[tracing::instrument(name = "clerk.membership", skip_all)]
    pub async fn membership(
        &self,
        organization: &str,
        user: &str,
    ) -> Result<Option<ClerkMembership>, ClerkError> {
        let path = listed(&memberships_of(organization)?, 0, 1);
        let path = format!("{path}&user_id={}", checked(wire::USER, user)?);
        let Some(body) = self.ask(&path).await? else {
            return Ok(None);
        };
        let Some(&first) = data(&body)?.first() else {
            return Ok(None);
        };
        let membership: ClerkMembership = json::read::<wire::Membership>(first.get().as_bytes())?.into();
        told(membership, |membership| {
            membership.organization_id == organization && membership.user_id == user
        })
        .map(Some)
    }

    /// What Clerk answers, or nothing when it says that there is no such thing.
    async fn ask(&self, path: &str) -> Result<Option<Bytes>, ClerkError> {
        let mut line = self.line.lock().await;
        let key = match &line.key {
            Some(key) => key.clone(),
            None => self.read_key(&mut line).await?,
        };
        let answer = self.send(&mut line, path, &key).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return content(answer);
        }
        // The key may have been replaced since it was read.
        let new = self.read_key(&mut line).await?;
        if new.expose_secret() == key.expose_secret() {
            return content(answer);
        }
        content(self.send(&mut line, path, &new).await?)
    }

    async fn read_key(&self, line: &mut Line) -> Result<SecretString, ClerkError> {
        let secret: Secret = self
            .secrets
            .json(&self.secret_arn)
            .await
            .map_err(ClerkError::Secret)?;
        line.key = Some(secret.secret_key.clone());
        Ok(secret.secret_key)
    }

    async fn send(&self, line: &mut Line, path: &str, key: &SecretString) -> Result<Answer, ClerkError> {
        if let Some(free_at) = line.free_at {
            tokio::time::sleep_until(free_at).await;
        }
        line.free_at = Some(Instant::now() + self.pace);
        Ok(self.http.get(path, Some(key)).await?)
    }
}

/// A list that is always there is not: this is another API, or another version.
fn no_list() -> ClerkError {
    ClerkError::whole("says that there is no such list")
}

/// The address of a part of a list. `+` is ascending, and means a blank where it is not encoded.
fn listed(path: &str, offset: usize, limit: usize) -> String {
    format!("{path}?order_by=%2Bcreated_at&limit={limit}&offset={offset}")
}

fn memberships_of(organization: &str) -> Result<String, ClerkError> {
    let organization = checked(wire::ORGANIZATION, organization)?;
    Ok(format!("/organizations/{organization}/memberships"))
}

/// An id that may stand in an address, so that what is asked is what is meant.
fn checked<'a>(prefix: &str, id: &'a str) -> Result<&'a str, ClerkError> {
    if wire::is_id(prefix, id) {
        Ok(id)
    } else {
        Err(ClerkError::whole("was not asked for: that is not an id"))
    }
}

/// What was told, if it is what was asked for: somebody may be given up for gone because of it.
fn told<T>(thing: T, is_it: impl FnOnce(&T) -> bool) -> Result<T, ClerkError> {
    if is_it(&thing) {
        Ok(thing)
    } else {
        Err(ClerkError::whole("is about something else"))
    }
}

/// What an answer holds.
///
/// That a thing is not there, only Clerk may say: a proxy that cannot find its way says 404 too, and what counts as gone
/// is gone for good.
fn content(answer: Answer) -> Result<Option<Bytes>, ClerkError> {
    match answer.status.as_u16() {
        200 => Ok(Some(answer.body)),
        404 if is_not_found(&answer) => Ok(None),
        status @ (401 | 403) => Err(ClerkError::Refused { status }),
        429 => Err(ClerkError::RateLimited {
            // A second at least, so that we do not knock without end.
            after: answer
                .retry_after()
                .unwrap_or(RATE_LIMITED)
                .max(Duration::from_secs(1)),
        }),
        status @ 500.. => Err(ClerkError::Unavailable(Away::Failing(status))),
        _ => Err(ClerkError::whole("has a status that was not expected")),
    }
}

fn is_not_found(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        #[serde(borrow)]
        errors: Vec<Reason<'a>>,
    }
    #[derive(Deserialize)]
    struct Reason<'a> {
        #[serde(borrow)]
        code: Text<'a>,
    }
    json::read::<Refusal<'_>>(&answer.body).is_ok_and(|refusal| {
        refusal
            .errors
            .iter()
            .any(|error| &*error.code == "resource_not_found")
    })
}

/// The items of a list, unread. Nothing is said of their depth yet: people write metadata of their own, and whoever
/// nests it too deep must not hide a hundred others.
fn items<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, JsonError> {
    json::read_part(std::str::from_utf8(body).map_err(|_| JsonError::Syntax)?)
}

fn array(body: &[u8]) -> Result<Vec<&RawValue>, JsonError> {
    items(body)
}

fn data(body: &[u8]) -> Result<Vec<&RawValue>, JsonError> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    items::<List<'_>>(body).map(|list| list.data)
}

/// Reads each item by itself. `is_ours` is whether one belongs on this list.
fn page<W, T>(items: &[&RawValue], offset: usize, is_ours: impl Fn(&T) -> bool) -> Page<T>
where
    W: DeserializeOwned,
    T: From<W>,
{
    let read = |(index, item): (usize, &&RawValue)| {
        let read = json::read::<W>(item.get().as_bytes()).map_err(ClerkError::from);
        read.and_then(|item| told(T::from(item), &is_ours))
            .inspect_err(|error| {
                tracing::warn!(position = offset + index, error = %error, "an item of a list cannot be read");
            })
            .ok()
    };
    items.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    fn organization(id: &str) -> Value {
        json!({"id": id, "name": "Acme", "slug": "acme", "updated_at": 1_700_000_000_000_i64})
    }

    fn ids(body: &str) -> Result<Vec<Option<String>>, ClerkError> {
        let page = page::<wire::Organization, ClerkOrganization>(&data(body.as_bytes())?, 0, |_| true);
        Ok(page
            .into_iter()
            .map(|organization| organization.map(|organization| organization.id))
            .collect())
    }

    #[test]
    fn one_odd_item_does_not_spoil_its_page() {
        let mut deep = organization("org_2");
        deep["public_metadata"] = (0..500).fold(json!(null), |inner, _| json!([inner]));
        let body = json!({
            "data": [organization("org_1"), {"id": 7}, deep, null, organization("org_3")], "total_count": 5,
        });
        assert_eq!(
            ids(&body.to_string()).expect("a page"),
            [
                Some("org_1".to_owned()),
                None,
                None,
                None,
                Some("org_3".to_owned())
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_no_empty_list() {
        assert!(
            ids(r#"{"data": [], "total_count": 0}"#)
                .expect("a page")
                .is_empty()
        );
        for odd in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"data": null}"#,
            r#"{"data": {}}"#,
            "<html>",
        ] {
            assert!(matches!(ids(odd), Err(ClerkError::Protocol { .. })), "{odd}");
        }
    }

    #[test]
    fn only_clerk_says_that_a_thing_is_gone() {
        let gone = r#"{"errors": [{"message": "not found", "code": "resource_not_found"}]}"#;
        assert!(matches!(content(answer(404, gone)), Ok(None)));
        for (status, body) in [
            (404, ""),
            (404, "<html>Not Found</html>"),
            (404, "{}"),
            (404, r#"{"errors": []}"#),
            (404, r#"{"errors": [{"code": "route_unknown"}]}"#),
            (410, gone),
            (422, gone),
            (301, gone),
            (204, ""),
        ] {
            assert!(
                matches!(content(answer(status, body)), Err(ClerkError::Protocol { .. })),
                "{status} {body}"
            );
        }
        assert!(matches!(content(answer(200, gone)), Ok(Some(_))));
    }

    #[test]
    fn refusals_are_told_apart_and_quote_nothing() {
        for (status, is_outage) in [
            (401, false),
            (403, false),
            (429, true),
            (500, true),
            (503, true),
            (400, false),
        ] {
            let error = content(answer(status, "hunter2")).expect_err("a refusal");
            assert_eq!(error.is_outage(), is_outage, "{status}");
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{status}");
        }
        let mut limited = answer(429, "");
        let after = |answer: Answer| match content(answer) {
            Err(ClerkError::RateLimited { after }) => after.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(after(limited.clone()), 10);
        for (value, seconds) in [("7", 7), ("0", 1)] {
            limited
                .headers
                .insert(header::RETRY_AFTER, HeaderValue::from_static(value));
            assert_eq!(after(limited.clone()), seconds);
        }
    }

    #[test]
    fn an_address_asks_for_what_is_meant() {
        assert_eq!(
            listed("/users", 200, 100),
            "/users?order_by=%2Bcreated_at&limit=100&offset=200"
        );
        for id in [
            "",
            "user_",
            "user_1/../user_2",
            "user_1?a=b",
            "user_1&limit=0",
            "org_1",
        ] {
            assert!(checked(wire::USER, id).is_err(), "{id}");
        }
        assert!(matches!(
            told("user_2", |id| *id == "user_1"),
            Err(ClerkError::Protocol { .. })
        ));
    }
}
