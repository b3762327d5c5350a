//! How an app comes to its tokens: the page on which people consent, the codes that it gives, tokens that end, and
//! refresh tokens that work once. Source: <https://docs.slack.dev/authentication/installing-with-oauth> and
//! <https://docs.slack.dev/authentication/using-token-rotation>.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use url::Url;

use super::{APP_ID, FakeSlack, Team, Token, Workspace, World};
use crate::clock::{Timestamp, after};

/// What our app is known by.
pub const CLIENT_ID: &str = "4711.0815";
/// What proves that it is the app.
pub const CLIENT_SECRET: &str = "client-hunter2";

/// How long a code works.
const CODE: Duration = Duration::from_mins(10);
/// How long a token works where tokens rotate.
const TOKEN: Duration = Duration::from_hours(12);

/// What the authorization server knows.
#[derive(Default)]
pub(super) struct OAuth {
    codes: BTreeMap<String, Consent>,
    refresh_tokens: BTreeMap<String, Grant>,
    /// Whether tokens end, and are refreshed.
    pub(super) rotates: bool,
    /// What of the scopes that are asked for is not granted.
    withheld: Vec<String>,
    /// Whether whoever consents gives a token of their own as well.
    gives_user_tokens: bool,
    /// Every code and token so far.
    pub(super) given: Vec<String>,
}

/// What somebody consented to.
#[derive(Debug, Clone)]
struct Consent {
    team: String,
    user: String,
    redirect_uri: String,
    scopes: Vec<String>,
    at: Option<Timestamp>,
    is_used: bool,
}

/// What a refresh token is for.
#[derive(Debug, Clone)]
struct Grant {
    team: String,
    user: Option<String>,
    scopes: Option<Vec<String>>,
    is_used: bool,
}

/// Why somebody who goes to the page is not asked for consent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("slack shows an error instead of asking for consent: {0}")]
pub struct Declined(pub &'static str);

impl FakeSlack {
    /// From now on tokens end after twelve hours, and are refreshed.
    pub fn rotate_tokens(&self) {
        self.0.shared.change(|world| world.oauth.rotates = true);
    }

    /// From now on these scopes are not granted, though they are asked for.
    pub fn withhold(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.0.shared.change(|world| world.oauth.withheld = scopes);
    }

    /// From now on whoever consents gives a token of their own as well, as to an app that asks for scopes of people.
    pub fn give_user_tokens(&self) {
        self.0.shared.change(|world| world.oauth.gives_user_tokens = true);
    }

    /// A workspace (`T…`) or an Enterprise Grid organization (`E…`) in which our app is not installed yet; one that is there
    /// stays as it is.
    #[must_use]
    pub fn place(&self, id: &str, name: &str) -> Workspace {
        let bot_user = self.0.shared.change(|world| {
            let team = world.teams.entry(id.to_owned()).or_insert_with(|| Team::new(id, name));
            team.bot_user.clone()
        });
        Workspace {
            slack: self.clone(),
            team_id: id.to_owned(),
            bot_user,
        }
    }

    /// An administrator is sent to the page that `initiate` named, and allows the app in a place. Answers what their
    /// browser brings back: `code` and `state`.
    ///
    /// # Errors
    /// When Slack does not ask them at all.
    pub fn consent(&self, url: &str, place: &str, user: &str) -> Result<Value, Declined> {
        let (request, state) = request(url)?;
        self.0.shared.change(|world| {
            let code = world.oauth.name("code");
            let scopes = request.scopes.into_iter();
            let consent = Consent {
                team: place.to_owned(),
                user: user.to_owned(),
                redirect_uri: request.redirect_uri,
                scopes: scopes.filter(|scope| !world.oauth.withheld.contains(scope)).collect(),
                at: world.clock.as_ref().map(|clock| clock.now()),
                is_used: false,
            };
            world.oauth.codes.insert(code.clone(), consent);
            Ok(json!({ "code": code, "state": state }))
        })
    }

    /// They are sent there, and do not allow it.
    ///
    /// # Errors
    /// When Slack does not ask them at all.
    pub fn decline(&self, url: &str) -> Result<Value, Declined> {
        let (_, state) = request(url)?;
        Ok(json!({ "error": "access_denied", "state": state }))
    }

    /// The tokens that work, of bots and of people, in all places.
    #[must_use]
    pub fn working_tokens(&self) -> Vec<String> {
        let world = self.0.shared.world();
        let tokens = world.teams.values().flat_map(|team| &team.tokens);
        let working = tokens.filter(|(_, token)| world.refusal(token).is_none());
        working.map(|(token, _)| token.clone()).collect()
    }
}

/// What the page is asked for.
struct Request {
    redirect_uri: String,
    scopes: Vec<String>,
}

fn request(url: &str) -> Result<(Request, Option<String>), Declined> {
    let url = Url::parse(url).map_err(|_| Declined("no url"))?;
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    if !url.path().ends_with("/oauth/v2/authorize") {
        return Err(Declined("no such page"));
    }
    if query.get("client_id").map(String::as_str) != Some(CLIENT_ID) {
        return Err(Declined("invalid_client_id"));
    }
    // Slack itself takes nothing but https; where it is played, the web client and the API are on the same machine.
    let redirect_uri = query.get("redirect_uri").filter(|uri| {
        let here = ["https://", "http://localhost:", "http://127.0.0.1:"];
        here.iter().any(|place| uri.starts_with(place))
    });
    let redirect_uri = redirect_uri.ok_or(Declined("bad_redirect_uri"))?.clone();
    let scopes = query.get("scope").map(String::as_str).unwrap_or_default();
    let scopes: Vec<_> = scopes.split(',').filter(|scope| !scope.is_empty()).map(ToOwned::to_owned).collect();
    if scopes.is_empty() {
        return Err(Declined("no_scopes"));
    }
    Ok((Request { redirect_uri, scopes }, query.get("state").cloned()))
}

impl OAuth {
    /// A new secret, which is remembered.
    fn name(&mut self, kind: &str) -> String {
        let name = format!("{kind}-hunter2-{:04}", self.given.len());
        self.given.push(name.clone());
        name
    }

    /// All that has been given for a place ends, as far as it is not in use yet.
    fn burn(&mut self, team: &str, user: Option<&str>) {
        let grants = self.refresh_tokens.values_mut();
        for grant in grants.filter(|grant| grant.team == team && user.is_none_or(|user| grant.user.as_deref() == Some(user))) {
            grant.is_used = true;
        }
    }
}

impl World {
    /// Why a token is refused.
    pub(super) fn refusal(&self, token: &Token) -> Option<String> {
        let is_over = |end: Timestamp| self.clock.as_ref().is_some_and(|clock| end <= clock.now());
        let expired = || token.expires_at.is_some_and(is_over).then(|| "token_expired".to_owned());
        token.refused.clone().or_else(expired)
    }

    /// `oauth.v2.access`, for a client that has shown who it is.
    pub(super) fn access(&mut self, client: Option<(&str, &str)>, arguments: &Map<String, Value>) -> Result<Value, String> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        match client {
            Some((CLIENT_ID, CLIENT_SECRET)) => {}
            Some((CLIENT_ID, _)) => return Err("bad_client_secret".to_owned()),
            _ => return Err("invalid_client_id".to_owned()),
        }
        match text("grant_type") {
            "" | "authorization_code" => self.exchange(text("code"), text("redirect_uri")),
            "refresh_token" => self.refresh(text("refresh_token")),
            _ => Err("invalid_grant_type".to_owned()),
        }
    }

    fn exchange(&mut self, code: &str, redirect_uri: &str) -> Result<Value, String> {
        let now = self.clock.as_ref().map(|clock| clock.now());
        let consent = self.oauth.codes.get_mut(code).ok_or("invalid_code")?;
        if consent.redirect_uri != redirect_uri {
            return Err("bad_redirect_uri".to_owned());
        }
        let is_late = now.zip(consent.at).is_some_and(|(now, at)| after(at, CODE) <= now);
        if is_late {
            return Err("invalid_code".to_owned());
        }
        if std::mem::replace(&mut consent.is_used, true) {
            return Err("code_already_used".to_owned());
        }
        let consent = consent.clone();
        let mut answer = self.issue(&consent.team, None, Some(&consent.scopes))?;
        answer["authed_user"] = if self.oauth.gives_user_tokens {
            let mut theirs = self.issue(&consent.team, Some(&consent.user), None)?;
            theirs["id"] = consent.user.into();
            theirs
        } else {
            json!({ "id": consent.user })
        };
        Ok(answer)
    }

    fn refresh(&mut self, refresh_token: &str) -> Result<Value, String> {
        let grant = self.oauth.refresh_tokens.get_mut(refresh_token);
        let grant = grant.filter(|grant| !grant.is_used).ok_or("invalid_refresh_token")?;
        grant.is_used = true;
        let grant = grant.clone();
        self.issue(&grant.team, grant.user.as_deref(), grant.scopes.as_deref())
    }

    /// Gives a token, and what refreshes it where tokens end. A bot that has a token that does not end gets the same again.
    fn issue(&mut self, team_id: &str, user: Option<&str>, scopes: Option<&[String]>) -> Result<Value, String> {
        let rotates = self.oauth.rotates;
        let team = self.teams.get(team_id).ok_or("team_not_found")?;
        let is_same = |token: &Token| token.user.as_deref() == user && token.refused.is_none() && token.expires_at.is_none();
        let there = team.tokens.iter().find(|(_, token)| !rotates && is_same(token));
        let value = there.map(|(value, _)| value.clone());
        let value = value.unwrap_or_else(|| self.oauth.name(if user.is_some() { "xoxp" } else { "xoxb" }));
        let now = self.clock.as_ref().map(|clock| clock.now());
        let token = Token {
            refused: None,
            user: user.map(ToOwned::to_owned),
            expires_at: now.filter(|_| rotates).map(|now| after(now, TOKEN)),
            scopes: scopes.map(<[String]>::to_vec),
        };
        let team = self.teams.get_mut(team_id).ok_or("team_not_found")?;
        team.tokens.insert(value.clone(), token);
        let named = json!({ "id": team_id, "name": team.name });
        let mut answer = json!({
            "app_id": APP_ID,
            "access_token": value,
            "token_type": if user.is_some() { "user" } else { "bot" },
            "scope": scopes.unwrap_or_default().join(","),
            "bot_user_id": team.bot_user,
            "team": if team.is_org_wide { Value::Null } else { named.clone() },
            "enterprise": if team.is_org_wide { named } else { Value::Null },
            "is_enterprise_install": team.is_org_wide,
        });
        if rotates {
            let refresh_token = self.oauth.name("xoxe");
            let grant = Grant {
                team: team_id.to_owned(),
                user: user.map(ToOwned::to_owned),
                scopes: scopes.map(<[String]>::to_vec),
                is_used: false,
            };
            self.oauth.refresh_tokens.insert(refresh_token.clone(), grant);
            answer["refresh_token"] = refresh_token.into();
            answer["expires_in"] = TOKEN.as_secs().into();
        }
        Ok(answer)
    }

    /// `auth.revoke`: one token ends, and what refreshes it.
    pub(super) fn revoke(&mut self, team_id: &str, value: &str) -> Result<Value, String> {
        let team = self.teams.get_mut(team_id).ok_or("invalid_auth")?;
        let token = team.tokens.get_mut(value).ok_or("invalid_auth")?;
        token.refused = Some("token_revoked".to_owned());
        Ok(json!({ "revoked": true }))
    }

    /// The app leaves a place, with all its tokens.
    pub(super) fn uninstall(&mut self, team_id: &str) {
        if let Some(team) = self.teams.get_mut(team_id) {
            for token in team.tokens.values_mut() {
                let code = if token.user.is_some() { "token_revoked" } else { "account_inactive" };
                token.refused = Some(code.to_owned());
            }
        }
        self.oauth.burn(team_id, None);
    }

    /// `apps.uninstall`, as a token of the app asks for it.
    pub(super) fn uninstall_by(&mut self, team_id: &str, arguments: &Map<String, Value>) -> Result<Value, String> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("client_id") != CLIENT_ID {
            return Err("invalid_client_id".to_owned());
        }
        if text("client_secret") != CLIENT_SECRET {
            return Err("bad_client_secret".to_owned());
        }
        // An organization's own administrators remove what is installed in all of it.
        if self.teams.get(team_id).is_some_and(|team| team.is_org_wide) {
            return Err("enterprise_is_restricted".to_owned());
        }
        self.uninstall(team_id);
        Ok(json!({}))
    }
}

impl Workspace {
    /// An administrator removes the app here: every token ends.
    pub fn uninstall(&self) {
        self.slack.0.shared.change(|world| world.uninstall(&self.team_id));
    }

    /// A person takes back the token that they gave.
    pub fn revoke_user(&self, user: &str) {
        self.slack.0.shared.change(|world| {
            if let Some(team) = world.teams.get_mut(&self.team_id) {
                let theirs = team.tokens.values_mut().filter(|token| token.user.as_deref() == Some(user));
                theirs.for_each(|token| token.refused = Some("token_revoked".to_owned()));
            }
            world.oauth.burn(&self.team_id, Some(user));
        });
    }
}
