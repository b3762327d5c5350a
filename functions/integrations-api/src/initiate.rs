//! `POST /integrations/initiate`: somebody begins to connect.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    auth::{Admin, Caller},
    connector::{ConnectorKind, contract::Method},
    http::{
        error::{ApiError, Problem},
        input::Input,
    },
    integration::connect::{Begin, STATE_LIFETIME, is_random_word, random_word},
};
use utoipa::{
    ToSchema,
    openapi::schema::{ObjectBuilder, Schema, Type},
};

use crate::{App, connecting, view};

/// The cookie by which a browser is known again that comes back from a third party. Its prefix makes browsers take it from
/// us alone, over TLS, for no other host: <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis>.
pub(crate) const COOKIE: &str = "__Host-infragpt-connect";

/// What somebody wants to connect.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InitiateQuery {
    /// The organization, ours or Clerk's id; must be the caller's.
    pub(crate) organization_id: Option<String>,
    /// The person, ours or Clerk's id; must be the caller.
    pub(crate) user_id: Option<String>,
    /// Which of the connectors.
    #[schema(required, schema_with = connector_types)]
    pub(crate) connector_type: Option<String>,
    /// Where the third party is to send the browser back to: a page of the web client, or our own callback. A page of the
    /// web client that takes no such visit is replaced by the one that does.
    pub(crate) redirect_url: Option<String>,
    /// Whether it may take the place of a connection to another account.
    #[serde(default)]
    pub(crate) replace: bool,
    /// Whether something is claimed that was installed at the third party already.
    #[serde(default)]
    pub(crate) claim: bool,
}

/// What to do next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Initiated {
    /// How it is connected: `oauth2`, `installation` or `api_key`.
    #[schema(value_type = String)]
    r#type: Method,
    /// Where the browser goes; for `api_key`, the page of the third party where what is asked for is found or made.
    url: String,
    /// What is needed there, by name; null where nothing is.
    #[schema(value_type = Object)]
    setup: Value,
}

/// The names of all connectors, described for machines.
pub(crate) fn connector_types() -> Schema {
    let names = ConnectorKind::ALL.iter().map(|kind| kind.as_str());
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .into()
}

/// The connector that a body names.
///
/// # Errors
/// [`ApiError::Invalid`]
pub(crate) fn connector(name: Option<&str>) -> Result<ConnectorKind, ApiError> {
    let name = name
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ApiError::invalid("connector_type", "is missing"))?;
    name.parse().map_err(|_| {
        let names: Vec<_> = ConnectorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        ApiError::invalid("connector_type", format!("must be one of {}", names.join(", ")))
    })
}

/// The random word in the caller's browser; none where the cookie is missing, or there twice.
pub(crate) fn browser(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value);
    let first = found.next().filter(|word| is_random_word(word));
    if found.next().is_some() { None } else { first }
}

/// Begins to connect.
#[utoipa::path(
    post, path = "/integrations/initiate", tag = "integrations", request_body = InitiateQuery,
    responses(
        (status = 200, description = "Where to go.", body = Initiated),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
        (status = 501, description = "This deployment has no app at the third party (`not_set_up`).", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.initiate", skip_all)]
pub(crate) async fn initiate(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    headers: HeaderMap,
    Input(asked): Input<InitiateQuery>,
) -> Result<Response, ApiError> {
    start(&app, &caller, &headers, &asked).await
}

/// The same for who calls another route for it.
pub(crate) async fn start(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    asked: &InitiateQuery,
) -> Result<Response, ApiError> {
    view::own(caller, asked.organization_id.as_deref(), asked.user_id.as_deref())?;
    let kind = connector(asked.connector_type.as_deref())?;
    let redirect_uri = app.redirect_uri(caller, kind, asked.redirect_url.as_deref())?;
    let known = browser(headers).map(str::to_owned);
    let browser = known.unwrap_or_else(random_word);
    let begin = Begin {
        connector: kind,
        session_id: &caller.session_id,
        browser: &browser,
        redirect_uri: &redirect_uri,
        replaces: asked.replace,
        claims: asked.claim,
    };
    let actor = caller.user.to_string();
    let (method, started) = app.connector.start(connecting(caller, &actor), begin).await?;
    let initiated = Initiated {
        r#type: method,
        url: started.url,
        setup: started.setup,
    };
    let mut response = Json(initiated).into_response();
    if method != Method::Form {
        let seconds = STATE_LIFETIME.as_secs();
        let cookie = format!("{COOKIE}={browser}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

impl App {
    /// Where a third party sends a browser back to: a page of the web client, or our own callback. Nobody is sent anywhere
    /// else, whatever a request says.
    fn redirect_uri(
        &self,
        caller: &Caller,
        kind: ConnectorKind,
        asked: Option<&str>,
    ) -> Result<String, ApiError> {
        let own = self
            .public_url(&caller.origin)
            .map(|url| format!("{url}/integrations/{kind}/callback"));
        let Some(asked) = asked.filter(|url| !url.is_empty()) else {
            return own.ok_or_else(|| ApiError::invalid("redirect_url", "is missing"));
        };
        if own.as_deref() == Some(asked) {
            return Ok(asked.to_owned());
        }
        let origin = self.web_origins.iter().find(|origin| {
            let rest = asked.strip_prefix(origin.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
        });
        let origin = origin.ok_or_else(|| {
            ApiError::invalid(
                "redirect_url",
                "must be a page of the web client, or our own callback",
            )
        })?;
        let page = |name: &str| format!("{origin}/integrations/{kind}/{name}");
        let setup = page("setup");
        Ok(if asked == setup { setup } else { page("authorize") })
    }
}
