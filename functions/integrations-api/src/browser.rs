//! `GET /integrations/{connector}/callback`: a third party sends a browser straight to us.
//!
//! It brings no session, so its cookie says who it is: the one that it was given when somebody began. Whatever comes of it,
//! the browser goes on to the page of the web client; why something failed is told there as a code, never in anybody else's
//! words.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, Uri, header};
use serde_json::json;
use shared::{
    connector::ConnectorKind,
    http::{
        error::{ApiError, Problem},
        layer::Origin,
    },
    identity::apply::Cause,
    integration::connect::{Completion, Connecting},
};
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::{App, initiate};

/// What a third party adds to the address.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Returned {
    /// The code.
    code: Option<String>,
    /// The state.
    state: Option<String>,
    /// The error in the place of a code.
    error: Option<String>,
    /// GitHub's number of the installation.
    installation_id: Option<String>,
    /// What was done at GitHub: `install`, `update` or `request`.
    setup_action: Option<String>,
}

impl std::fmt::Debug for Returned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Returned").finish_non_exhaustive()
    }
}

impl Returned {
    /// What an address says. What else is in it is somebody else's affair.
    fn of(uri: &Uri) -> Self {
        let mut returned = Self::default();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let field = match &*name {
                "code" => &mut returned.code,
                "state" => &mut returned.state,
                "error" => &mut returned.error,
                "installation_id" => &mut returned.installation_id,
                "setup_action" => &mut returned.setup_action,
                _ => continue,
            };
            field.get_or_insert_with(|| value.into_owned());
        }
        returned
    }
}

/// A browser comes back from a third party.
#[utoipa::path(
    get, path = "/integrations/{connector}/callback", tag = "integrations", security(()),
    params(("connector" = String, Path, description = "`type` of one of the connectors."), Returned),
    responses(
        (status = 303, description = "To the page of the web client, with `status=connected`, or with `error` and `request_id`."),
        (status = 404, description = "There is no such connector.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.browser", skip_all)]
pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(connector): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let kind: ConnectorKind = connector.parse().map_err(|_| ApiError::NotFound)?;
    let came_of_it = complete(&app, &origin, kind, Returned::of(&uri), &headers).await;
    let Some(web) = app.web_origins.first() else {
        // There is no page to go to.
        return came_of_it.map(|status| axum::Json(json!({ "status": status })).into_response());
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    match came_of_it {
        Ok(status) => {
            query.append_pair("status", status);
        }
        Err(error) => {
            let (status, code) = error.kind();
            tracing::warn!(status = status.as_u16(), code, "a browser came back in vain");
            query.append_pair("error", code);
            if let Some(request_id) = &origin.request_id {
                query.append_pair("request_id", request_id);
            }
        }
    }
    let page = format!("{web}/integrations/{kind}?{}", query.finish());
    let mut response = Redirect::to(&page).into_response();
    // The address that it came with holds a code.
    let headers = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn complete(
    app: &App,
    origin: &Origin,
    kind: ConnectorKind,
    returned: Returned,
    headers: &HeaderMap,
) -> Result<&'static str, ApiError> {
    let Some(state) = returned.state.as_deref().filter(|state| !state.is_empty()) else {
        // It was begun at the third party. Who may have it is found out when somebody begins here.
        return match returned.setup_action.as_deref() {
            Some("update") => Ok("updated"),
            Some("install" | "request") => Ok("claim"),
            _ => Err(ApiError::invalid("state", "is missing")),
        };
    };
    let browser = initiate::browser(headers)
        .ok_or_else(|| ApiError::invalid("state", "this browser did not begin here"))?;
    let begun = app.connector.take_back_from_browser(kind, state, browser).await?;

    let actor = begun.user.to_string();
    let who = Connecting {
        organization: begun.organization,
        user: begun.user,
        cause: Cause {
            actor: &actor,
            request_id: origin.request_id.as_deref(),
            address: origin.address.as_deref(),
            impersonator: begun.impersonated_by.as_deref(),
        },
    };
    let public_url = app.public_url(origin);
    let completion = Completion {
        connector: kind,
        redirect_uri: &begun.redirect_uri,
        code_verifier: begun.code_verifier.as_deref().unwrap_or_default(),
        replaces: begun.replaces,
        input: json!({
            "code": returned.code,
            "installation_id": returned.installation_id,
            "setup_action": returned.setup_action,
            "error": returned.error,
        }),
        public_url: public_url.as_deref(),
    };
    app.connector.complete(who, completion).await?;
    Ok("connected")
}
