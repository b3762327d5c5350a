//! `POST /integrations/authorize` and `POST /integrations/callback`: somebody comes back from a third party, or has filled
//! in a form.
//!
//! The first of the two means both: with something to complete a connection it completes it, without it begins one, as the
//! clients that exist use it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{
    auth::{Admin, Caller},
    connector::{
        ConnectorKind,
        contract::{Descriptor, Method},
    },
    db::integrations::Overview,
    http::{
        error::{ApiError, Problem},
        input::Input,
    },
    integration::connect::{Back, Completion},
};
use utoipa::ToSchema;

use crate::{
    App, connecting,
    initiate::{self, InitiateQuery},
    view::{self, Integration},
};

/// How somebody comes back, or what they filled in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AuthorizeQuery {
    /// The organization, ours or Clerk's id; must be the caller's.
    organization_id: Option<String>,
    /// The person, ours or Clerk's id; must be the caller.
    user_id: Option<String>,
    /// Which of the connectors.
    #[schema(required, schema_with = initiate::connector_types)]
    connector_type: Option<String>,
    /// The code that the browser brought back; for a form with one secret field, that.
    code: Option<String>,
    /// The state that the browser brought back; for a form, nothing, or `organization:user` of the caller.
    state: Option<String>,
    /// GitHub's number of the installation, as a number or as digits.
    #[schema(value_type = Option<String>)]
    installation_id: Option<Value>,
    /// What was done at GitHub: `install`, `update` or `request`.
    setup_action: Option<String>,
    /// The error that the browser brought back in the place of a code.
    error: Option<String>,
    /// What was filled in, by the names of the connector's fields, with `way` where there is more than one.
    #[schema(value_type = Option<Object>)]
    credentials: Option<Value>,
    /// Where the browser is to be sent back to, where this begins a connection.
    redirect_url: Option<String>,
    /// Whether it may take the place of a connection to another account.
    #[serde(default)]
    replace: bool,
    /// Whether something is claimed that was installed already, where this begins a connection.
    #[serde(default)]
    claim: bool,
}

impl std::fmt::Debug for AuthorizeQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizeQuery")
            .field("connector_type", &self.connector_type)
            .finish_non_exhaustive()
    }
}

impl AuthorizeQuery {
    fn completes(&self) -> bool {
        let is_there = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        is_there(&self.code)
            || is_there(&self.error)
            || is_there(&self.setup_action)
            || self.installation_id.as_ref().is_some_and(|id| !id.is_null())
            || self.credentials.as_ref().is_some_and(|filled| !filled.is_null())
    }
}

/// Completes a connection; or, of a body that brings nothing to complete, begins one.
#[utoipa::path(
    post, path = "/integrations/authorize", tag = "integrations", request_body = AuthorizeQuery,
    responses(
        (status = 200, description = "The connection; where one was begun, what `/integrations/initiate` answers.", body = Integration),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 409, description = "Another account is connected (`another_account`), another organization has it (`taken`), or somebody was faster (`changed`).", body = Problem),
        (status = 422, description = "A field is not as it should be, or the third party does not accept it.", body = Problem),
        (status = 501, description = "This deployment has no app at the third party (`not_set_up`).", body = Problem),
        (status = 502, description = "The third party answers what cannot be understood.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.authorize", skip_all)]
pub(crate) async fn authorize(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    headers: HeaderMap,
    Input(asked): Input<AuthorizeQuery>,
) -> Result<Response, ApiError> {
    if asked.completes() {
        return Ok(Json(complete(&app, caller, &headers, asked).await?).into_response());
    }
    let asked = InitiateQuery {
        organization_id: asked.organization_id,
        user_id: asked.user_id,
        connector_type: asked.connector_type,
        redirect_url: asked.redirect_url,
        replace: asked.replace,
        claim: asked.claim,
    };
    initiate::start(&app, &caller, &headers, &asked).await
}

/// Completes a connection.
#[utoipa::path(
    post, path = "/integrations/callback", tag = "integrations", request_body = AuthorizeQuery,
    responses(
        (status = 200, description = "The connection.", body = Integration),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 409, description = "Another account is connected (`another_account`), another organization has it (`taken`), or somebody was faster (`changed`).", body = Problem),
        (status = 422, description = "A field is not as it should be, or the third party does not accept it.", body = Problem),
        (status = 501, description = "This deployment has no app at the third party (`not_set_up`).", body = Problem),
        (status = 502, description = "The third party answers what cannot be understood.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.callback", skip_all)]
pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    headers: HeaderMap,
    Input(asked): Input<AuthorizeQuery>,
) -> Result<Json<Integration>, ApiError> {
    Ok(Json(complete(&app, caller, &headers, asked).await?))
}

async fn complete(
    app: &App,
    caller: Caller,
    headers: &HeaderMap,
    asked: AuthorizeQuery,
) -> Result<Integration, ApiError> {
    view::own(
        &caller,
        asked.organization_id.as_deref(),
        asked.user_id.as_deref(),
    )?;
    let kind = initiate::connector(asked.connector_type.as_deref())?;
    let descriptor = app.integrations.connectors.get(kind).descriptor();
    let overview = match descriptor.method {
        Method::Form => filled_in(app, &caller, kind, descriptor, asked).await?,
        Method::OAuth | Method::Installation => came_back(app, &caller, headers, kind, asked).await?,
    };
    Ok(Integration::of(&caller, overview))
}

async fn filled_in(
    app: &App,
    caller: &Caller,
    kind: ConnectorKind,
    descriptor: &Descriptor,
    asked: AuthorizeQuery,
) -> Result<Overview, ApiError> {
    // A session proves who fills in a form. What older clients send as a state says it once more, and must be true.
    if let Some(state) = asked.state.as_deref().filter(|state| !state.is_empty()) {
        let (organization, user) = state
            .split_once(':')
            .ok_or_else(|| ApiError::invalid("state", "must be organization:user, or left out"))?;
        view::own(caller, Some(organization), Some(user))?;
    }
    let input = form(descriptor, asked.credentials, asked.code)?;
    let actor = caller.user.to_string();
    let public_url = app.public_url(&caller.origin);
    let completion = Completion {
        connector: kind,
        redirect_uri: "",
        code_verifier: "",
        replaces: asked.replace,
        input,
        public_url: public_url.as_deref(),
    };
    Ok(app
        .connector
        .complete(connecting(caller, &actor), completion)
        .await?)
}

/// What was filled in, by the names of the fields.
pub(crate) fn form(
    descriptor: &Descriptor,
    credentials: Option<Value>,
    code: Option<String>,
) -> Result<Value, ApiError> {
    match (credentials, code, descriptor.code_field) {
        (Some(credentials), _, _) => Ok(credentials),
        (None, Some(code), Some(field)) => {
            Ok(Value::Object(Map::from_iter([(field.to_owned(), code.into())])))
        }
        (None, _, _) => Err(ApiError::invalid("credentials", "is missing")),
    }
}

async fn came_back(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    kind: ConnectorKind,
    asked: AuthorizeQuery,
) -> Result<Overview, ApiError> {
    let state = asked
        .state
        .as_deref()
        .filter(|state| !state.is_empty())
        .ok_or_else(|| ApiError::invalid("state", "is missing: begin here, not at the third party"))?;
    let browser = initiate::browser(headers);
    // A browser that proves its session by a cookie has been given this one too. A client with a bearer token may be
    // served from elsewhere, where browsers keep none of ours; its token says which session it is.
    if caller.by_cookie && browser.is_none() {
        return Err(ApiError::invalid(
            "state",
            "this browser did not begin here; begin again, and allow cookies",
        ));
    }
    let actor = caller.user.to_string();
    let who = connecting(caller, &actor);
    let back = Back {
        state,
        session_id: Some(&caller.session_id),
        browser,
    };
    let begun = app.connector.take_back(who, kind, back).await?;
    let public_url = app.public_url(&caller.origin);
    let completion = Completion {
        connector: kind,
        redirect_uri: &begun.redirect_uri,
        code_verifier: begun.code_verifier.as_deref().unwrap_or_default(),
        replaces: begun.replaces || asked.replace,
        input: json!({
            "code": asked.code,
            "installation_id": asked.installation_id,
            "setup_action": asked.setup_action,
            "error": asked.error,
        }),
        public_url: public_url.as_deref(),
    };
    Ok(app.connector.complete(who, completion).await?)
}
