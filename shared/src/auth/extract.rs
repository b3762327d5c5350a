//! The only ways a person reaches a handler: as a [`Member`] of an organization, or as one of its [`Admin`]s.
//!
//! A token is taken from `Authorization: Bearer …`. The web client that exists calls some routes without one, and sends
//! Clerk's cookie because it is served from the same origin: the cookie counts only where the browser proves that, and
//! never beside a bearer token.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use serde_json::json;

use super::{MAX_TOKEN_LIFETIME, SKEW, Session, SessionError, SessionOrganization, SessionVerifier};
use crate::{
    clock::{SharedClock, Timestamp, before},
    db::{
        Access, DbError,
        audit_events::{self, Outcome},
        callers::{self, Known, Named, Rates},
        organization_members::Membership,
    },
    http::{error::ApiError, layer::Origin},
    id::{Ids, OrganizationId, UserId},
    identity::{
        apply::{Cause, REMEMBERED},
        provision::{Claimed, provision},
    },
    task::MemberRole,
    telemetry::Metrics,
};

/// What of Clerk's clocks and copies may lag behind each other: a token says what was true when it was issued, give or
/// take this.
const LAG: std::time::Duration = std::time::Duration::from_secs(5);

/// A token that was made before its session ended is refused for as long as it could be taken.
const _: () = assert!(REMEMBERED.as_secs() > MAX_TOKEN_LIFETIME.as_secs() + SKEW.as_secs());

/// Clerk's cookie with the session token; with a suffix where several applications share a domain.
const SESSION_COOKIE: &str = "__session";

/// The most cookies of that name that are looked at.
const MOST_COOKIES: usize = 4;

/// Why nobody is let in. The caller is told none of this, only that they must sign in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is no token.
    #[error("there is no session token")]
    Missing,
    /// `Authorization` is not of the form that it must have.
    #[error("the authorization header is malformed")]
    Header,
    /// A cookie came from a page of another origin, or of none that is known.
    #[error("the cookie came from another origin")]
    CrossOrigin,
    /// The session, or the person, is gone.
    #[error("the session has ended")]
    Ended,
    /// The token is not good.
    #[error("the token is not good")]
    Token(#[source] SessionError),
}

impl AuthError {
    /// A word for metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Header => "header",
            Self::CrossOrigin => "cross_origin",
            Self::Ended => "ended",
            Self::Token(error) => error.reason(),
        }
    }
}

/// What a function has that answers people who signed in.
pub trait Authenticates: Send + Sync + 'static {
    /// The function's name in the record of who did what.
    const ACTOR: &'static str;
    /// What verifies session tokens.
    fn sessions(&self) -> &SessionVerifier;
    /// The database.
    fn db(&self) -> &Access;
    /// Our time.
    fn clock(&self) -> &SharedClock;
    /// New ids.
    fn ids(&self) -> &Ids;
    /// How often somebody may call.
    fn rates(&self) -> Rates;
    /// Where refusals are counted.
    fn metrics(&self) -> &Metrics;
}

/// A person who signed in and belongs to the organization for which they act. Nothing else makes one, so whatever an
/// organization's id is needed for is done for somebody of that organization.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Caller {
    /// The person.
    pub user: UserId,
    /// The organization.
    pub organization: OrganizationId,
    /// What the person may do there.
    pub role: MemberRole,
    /// The person, as Clerk names them.
    pub clerk_user_id: String,
    /// The organization, as Clerk names it.
    pub clerk_org_id: String,
    /// The session, as Clerk names it.
    pub session_id: String,
    /// Whether a browser proved the session by its cookie, from a page of the same origin.
    pub by_cookie: bool,
    /// Who acts in the person's place, where an administrator of the Clerk instance does.
    pub impersonator: Option<String>,
    /// What is known of the request from around it.
    pub origin: Origin,
}

impl Caller {
    /// The one who makes a change, for the record.
    #[must_use]
    pub fn cause<'a>(&'a self, actor: &'a str) -> Cause<'a> {
        Cause {
            actor,
            request_id: self.origin.request_id.as_deref(),
            address: self.origin.address.as_deref(),
            impersonator: self.impersonator.as_deref(),
        }
    }

    /// The caller's own organization is the one that a request names by `id`, ours or Clerk's; another's is as if it were
    /// not there.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    pub fn is_organization(&self, id: &str) -> Result<(), ApiError> {
        let is_own = id == self.clerk_org_id || id.parse() == Ok(self.organization);
        is_own.then_some(()).ok_or(ApiError::NotFound)
    }

    /// The caller is the person whom a request names by `id`, ours or Clerk's.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    pub fn is_user(&self, id: &str) -> Result<(), ApiError> {
        let is_own = id == self.clerk_user_id || id.parse() == Ok(self.user);
        is_own.then_some(()).ok_or(ApiError::NotFound)
    }
}

/// A person who belongs to the organization, whatever their role.
#[derive(Debug, Clone)]
pub struct Member(pub Caller);

/// A person who administers the organization.
#[derive(Debug, Clone)]
pub struct Admin(pub Caller);

impl<A: Authenticates> FromRequestParts<Arc<A>> for Member {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<A>) -> Result<Self, ApiError> {
        let origin = parts.extensions.get::<Origin>().cloned().unwrap_or_default();
        let caller = authenticate(&**app, &parts.headers, origin).await;
        match &caller {
            Ok(caller) => tracing::debug!(
                user.id = %caller.user,
                organization.id = %caller.organization,
                role = caller.role.as_str(),
                "somebody calls"
            ),
            Err(ApiError::Unauthenticated(error)) => {
                app.metrics()
                    .count("SessionRefused", Some(("reason", error.reason())));
            }
            Err(ApiError::RateLimited { scope, .. }) => {
                app.metrics().count("RequestsLimited", Some(("scope", scope)));
            }
            Err(_) => {}
        }
        caller.map(Self)
    }
}

impl<A: Authenticates> FromRequestParts<Arc<A>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<A>) -> Result<Self, ApiError> {
        let Member(caller) = Member::from_request_parts(parts, app).await?;
        match caller.role {
            MemberRole::Admin => Ok(Self(caller)),
            MemberRole::Member => {
                // Who tries what they may not is what an auditor looks for first.
                let now = app.clock().now();
                let actor = caller.user.to_string();
                let mut entry =
                    caller
                        .cause(&actor)
                        .entry(app.ids(), "access.refused", parts.uri.path(), json!({}), now);
                entry.outcome = Outcome::Refused;
                let mut db = app.db().get().await?;
                let tx = db.begin_for(caller.organization).await?;
                audit_events::insert(&tx, caller.organization, &entry).await?;
                tx.commit().await?;
                Err(ApiError::Forbidden)
            }
        }
    }
}

async fn authenticate<A: Authenticates>(
    app: &A,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Caller, ApiError> {
    let (session, by_cookie) = session(app.sessions(), headers).await?;
    let organization = session
        .organization
        .as_ref()
        .ok_or(ApiError::OrganizationRequired)?;
    let now = app.clock().now();
    let mut db = app.db().get().await?;
    let named = Named {
        user_id: &session.user_id,
        organization_id: &organization.id,
        session_id: &session.session_id,
    };
    let known = callers::identify(&mut db, named, app.rates(), now).await?;
    if let Some(limited) = known.limited {
        return Err(ApiError::RateLimited {
            scope: limited.scope,
            wait: limited.wait,
        });
    }

    let (user, organization_id, role) = match admit(&known, organization, session.issued_at)? {
        Admission::Known {
            user,
            organization,
            role,
        } => (user, organization, role),
        Admission::Claimed { at, joined_at } => {
            let claimed = Claimed {
                user_id: &session.user_id,
                organization_id: &organization.id,
                slug: &organization.slug,
                role: organization.role,
                joined_at,
                at,
            };
            let cause = Cause {
                actor: A::ACTOR,
                request_id: origin.request_id.as_deref(),
                address: origin.address.as_deref(),
                impersonator: session.impersonator.as_deref(),
            };
            let there = provision(&mut db, app.ids(), claimed, cause, now)
                .await?
                .ok_or(ApiError::Forbidden)?;
            (there.sides.user, there.sides.organization, there.role)
        }
    };
    Ok(Caller {
        user,
        organization: organization_id,
        role,
        impersonator: session.impersonator,
        clerk_user_id: session.user_id,
        session_id: session.session_id,
        by_cookie,
        clerk_org_id: organization.id.clone(),
        origin,
    })
}

/// How somebody with a good token is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// As the mirror has it.
    Known {
        user: UserId,
        organization: OrganizationId,
        role: MemberRole,
    },
    /// As the token says, which the mirror does not know yet; `at` is the time as of which that is true, and `joined_at`
    /// since when the person belongs there, as far as we know.
    Claimed { at: Timestamp, joined_at: Timestamp },
}

/// Decides by whatever is newer: the mirror, which webhooks keep, or the token, which says what was true when it was
/// issued. A token that is older than the end of a membership opens nothing, though it has not expired.
fn admit(known: &Known, claimed: &SessionOrganization, issued_at: Timestamp) -> Result<Admission, ApiError> {
    if known.session_revoked {
        return Err(AuthError::Ended.into());
    }
    let unheard_of = Admission::Claimed {
        at: Timestamp::UNIX_EPOCH,
        joined_at: issued_at,
    };
    // A change that the token need not know of is later than what the token says.
    let at = before(issued_at, LAG);
    let (Some((user, user_deleted)), Some((organization, organization_deleted))) =
        (known.user, known.organization)
    else {
        return match (known.user, known.organization) {
            (Some((_, Some(_))), _) => Err(AuthError::Ended.into()),
            (_, Some((_, Some(_)))) => Err(ApiError::Forbidden),
            _ => Ok(unheard_of),
        };
    };
    if user_deleted.is_some() {
        return Err(AuthError::Ended.into());
    }
    if organization_deleted.is_some() {
        return Err(ApiError::Forbidden);
    }
    match known.membership {
        None => Ok(unheard_of),
        Some(Membership {
            deleted_at: Some(deleted_at),
            ..
        }) if at <= deleted_at => Err(ApiError::Forbidden),
        Some(Membership {
            deleted_at: Some(_), ..
        }) => Ok(Admission::Claimed {
            at,
            joined_at: issued_at,
        }),
        Some(Membership {
            role,
            updated_at,
            joined_at,
            ..
        }) if role != claimed.role && at > updated_at => Ok(Admission::Claimed { at, joined_at }),
        Some(Membership { role, .. }) => Ok(Admission::Known {
            user,
            organization,
            role,
        }),
    }
}

/// The verified session of a request, and whether a cookie proved it.
async fn session(verifier: &SessionVerifier, headers: &HeaderMap) -> Result<(Session, bool), ApiError> {
    if let Some(token) = bearer(headers)? {
        return Ok((verifier.verify(token).await?, false));
    }
    let cookies = session_cookies(headers);
    if cookies.is_empty() {
        return Err(AuthError::Missing.into());
    }
    let proof = SameOrigin::of(headers)?;
    let mut refused = AuthError::Missing;
    for token in cookies {
        match verifier.verify(token).await {
            Ok(session) => {
                proof.holds_for(&session)?;
                return Ok((session, true));
            }
            Err(error) if error.is_outage() => return Err(error.into()),
            Err(error) => refused = AuthError::Token(error),
        }
    }
    Err(refused.into())
}

/// The bearer token. None where there is none: a client that has no token sends the bare word.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(AuthError::Header);
    }
    let value = value.to_str().map_err(|_| AuthError::Header)?;
    match value.trim_end() {
        "" | "Bearer" => Ok(None),
        value => value.strip_prefix("Bearer ").map(Some).ok_or(AuthError::Header),
    }
}

/// Session tokens in cookies: those with a suffix first, as Clerk reads them.
fn session_cookies(headers: &HeaderMap) -> Vec<&str> {
    let mut found: Vec<(&str, &str)> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, value)| {
            let rest = name.strip_prefix(SESSION_COOKIE);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_')) && !value.is_empty()
        })
        .collect();
    found.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    found
        .into_iter()
        .map(|(_, value)| value)
        .take(MOST_COOKIES)
        .collect()
}

/// What a browser says about where a request comes from. Pages cannot set these headers.
/// Source: <https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>.
#[derive(Debug, Clone, Copy)]
struct SameOrigin<'a> {
    /// The page's origin; absent for a `GET` of the same origin.
    origin: Option<&'a str>,
}

impl<'a> SameOrigin<'a> {
    /// # Errors
    /// When the request comes from elsewhere, or nothing says where it comes from.
    fn of(headers: &'a HeaderMap) -> Result<Self, AuthError> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let origin = text("origin");
        match (text("sec-fetch-site"), origin) {
            (Some("same-origin"), _) | (None, Some(_)) => Ok(Self { origin }),
            (Some(_), _) | (None, None) => Err(AuthError::CrossOrigin),
        }
    }

    /// The page that sends the cookie is of the origin that the session was made at.
    fn holds_for(self, session: &Session) -> Result<(), AuthError> {
        if self
            .origin
            .is_none_or(|origin| origin == session.authorized_party)
        {
            Ok(())
        } else {
            Err(AuthError::CrossOrigin)
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        Self::Unauthenticated(error)
    }
}

impl From<SessionError> for ApiError {
    /// Our outage is never told as a refusal.
    fn from(error: SessionError) -> Self {
        if error.is_outage() {
            Self::Unavailable(error.into())
        } else {
            Self::Unauthenticated(AuthError::Token(error))
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_outage() || matches!(error, DbError::Secret(_)) {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_static(name),
                value.parse().expect("a header value"),
            );
        }
        headers
    }

    #[test]
    fn a_bare_bearer_counts_as_no_token_and_another_scheme_as_a_bad_one() {
        for (value, expected) in [
            ("Bearer", Some(None)),
            ("Bearer ", Some(None)),
            ("", Some(None)),
            ("Bearer a.b.c", Some(Some("a.b.c"))),
            ("bearer a.b.c", None),
            ("Basic dXNlcjpwYXNz", None),
            ("Bearera.b.c", None),
            ("a.b.c", None),
        ] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(bearer(&headers).ok(), expected, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()).ok(), Some(None));
        let twice = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert!(bearer(&twice).is_err());
    }

    #[test]
    fn suffixed_cookies_come_first_and_others_do_not_count() {
        let headers = headers(&[
            (
                "cookie",
                "a=1; __session=plain; __sessions=no; __session_x8=suffixed",
            ),
            ("cookie", "__session_y9=second; __session=; x__session=no"),
        ]);
        assert_eq!(session_cookies(&headers), ["suffixed", "second", "plain"]);
        let many = "__session=a; ".repeat(9);
        let mut flood = HeaderMap::new();
        flood.insert("cookie", many.parse().expect("a header value"));
        assert_eq!(session_cookies(&flood).len(), MOST_COOKIES);
    }

    #[test]
    fn a_cookie_from_another_origin_does_not_count() {
        for (pairs, is_proof) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("origin", "https://app.example.com")][..], true),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://app.example.com"),
                ][..],
                false,
            ),
            (&[("sec-fetch-site", "same-site")][..], false),
            (&[("sec-fetch-site", "none")][..], false),
            (&[][..], false),
        ] {
            assert_eq!(SameOrigin::of(&headers(pairs)).is_ok(), is_proof, "{pairs:?}");
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).expect("a time")
    }

    fn known(membership: Option<Membership>) -> Known {
        Known {
            user: Some((UserId::NIL, None)),
            organization: Some((OrganizationId::NIL, None)),
            membership,
            session_revoked: false,
            limited: None,
        }
    }

    fn claims(role: MemberRole) -> SessionOrganization {
        SessionOrganization {
            id: "org_1".to_owned(),
            slug: "acme".to_owned(),
            role,
        }
    }

    #[test]
    fn a_token_older_than_the_end_of_a_membership_opens_nothing() {
        let ended = known(Some(Membership {
            role: MemberRole::Member,
            updated_at: at(100),
            deleted_at: Some(at(100)),
            joined_at: at(1),
        }));
        for issued_at in [40, 99, 100, 105] {
            let admission = admit(&ended, &claims(MemberRole::Admin), at(issued_at));
            assert!(matches!(admission, Err(ApiError::Forbidden)), "{issued_at}");
        }
        // Whoever came back is let in before the webhook says so.
        assert!(matches!(
            admit(&ended, &claims(MemberRole::Member), at(106)),
            Ok(Admission::Claimed { at, .. }) if at == self::at(101)
        ));
    }

    #[test]
    fn of_two_roles_the_newer_one_holds() {
        let demoted = known(Some(Membership {
            role: MemberRole::Member,
            updated_at: at(100),
            deleted_at: None,
            joined_at: at(1),
        }));
        let role = |issued_at| match admit(&demoted, &claims(MemberRole::Admin), at(issued_at)) {
            Ok(Admission::Known { role, .. }) => role,
            Ok(Admission::Claimed { .. }) => MemberRole::Admin,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(role(60), MemberRole::Member, "a token from before the demotion");
        assert_eq!(role(105), MemberRole::Member, "one that may not know of it yet");
        assert_eq!(role(106), MemberRole::Admin, "one from after a promotion");
    }

    #[test]
    fn what_is_deleted_stays_deleted_whatever_a_token_says() {
        let later = at(1_000_000);
        let mut gone = known(None);
        gone.user = Some((UserId::NIL, Some(at(1))));
        for organization in [gone.organization, None] {
            gone.organization = organization;
            let admission = admit(&gone, &claims(MemberRole::Admin), later);
            assert!(matches!(
                admission,
                Err(ApiError::Unauthenticated(AuthError::Ended))
            ));
        }
        let mut dissolved = known(None);
        dissolved.organization = Some((OrganizationId::NIL, Some(at(1))));
        for user in [dissolved.user, None] {
            dissolved.user = user;
            let admission = admit(&dissolved, &claims(MemberRole::Admin), later);
            assert!(matches!(admission, Err(ApiError::Forbidden)));
        }
        let mut ended = known(None);
        ended.session_revoked = true;
        assert!(matches!(
            admit(&ended, &claims(MemberRole::Admin), later),
            Err(ApiError::Unauthenticated(AuthError::Ended))
        ));
        assert_eq!(LAG, Duration::from_secs(5));
    }
}
