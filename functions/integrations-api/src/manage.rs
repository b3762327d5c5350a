//! What there is, how it is, and what is done about it: `POST /integrations/{list,status,validate,sync,revoke}`.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    auth::{Admin, Caller, Member},
    connector::contract::{Capability, ConnectorError, Method},
    db::integrations::{self, Overview},
    http::{
        error::{ApiError, Problem},
        input::Input,
    },
    integration::{check::FRESH, connect::ConnectError},
};
use utoipa::ToSchema;

use crate::{App, complete, initiate, view, view::Integration};

/// Which connections to list.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ListQuery {
    /// The organization, ours or Clerk's id; must be the caller's.
    organization_id: Option<String>,
    /// Which of the connectors; all when it is not said.
    #[schema(schema_with = initiate::connector_types)]
    connector_type: Option<String>,
}

/// Connections of an organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IntegrationsView {
    /// The newest first.
    integrations: Vec<Integration>,
}

/// Which connection.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct IntegrationQuery {
    /// The connection.
    #[schema(required)]
    integration_id: Option<String>,
    /// The organization, ours or Clerk's id; must be the caller's.
    organization_id: Option<String>,
}

impl IntegrationQuery {
    fn named(&self, caller: &Caller) -> Result<shared::id::IntegrationId, ApiError> {
        view::own(caller, self.organization_id.as_deref(), None)?;
        view::named(self.integration_id.as_deref())
    }
}

/// The connections of the caller's organization.
#[utoipa::path(
    post, path = "/integrations/list", tag = "integrations", request_body = ListQuery,
    responses(
        (status = 200, description = "All connections, those that have ended too.", body = IntegrationsView),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.list", skip_all)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Member(caller): Member,
    Input(asked): Input<ListQuery>,
) -> Result<Json<IntegrationsView>, ApiError> {
    view::own(&caller, asked.organization_id.as_deref(), None)?;
    let name = asked.connector_type.as_deref().filter(|name| !name.is_empty());
    let of = name.map(|name| initiate::connector(Some(name))).transpose()?;
    let mut db = app.integrations.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    let found = integrations::list(&tx, caller.organization, of).await?;
    drop(tx);
    Ok(Json(IntegrationsView {
        integrations: found
            .into_iter()
            .map(|overview| Integration::of(&caller, overview))
            .collect(),
    }))
}

/// How a connection is: the third party is asked, unless it was in the last half minute.
#[utoipa::path(
    post, path = "/integrations/status", tag = "integrations", request_body = IntegrationQuery,
    responses(
        (status = 200, description = "The connection and how it is.", body = Integration),
        (status = 404, description = "There is no such connection.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.status", skip_all)]
pub(crate) async fn status(
    State(app): State<Arc<App>>,
    Member(caller): Member,
    Input(asked): Input<IntegrationQuery>,
) -> Result<Json<Integration>, ApiError> {
    let overview = check(&app, &caller, &asked, FRESH).await?;
    Ok(Json(Integration::of(&caller, overview)))
}

async fn check(
    app: &App,
    caller: &Caller,
    asked: &IntegrationQuery,
    fresh: Duration,
) -> Result<Overview, ApiError> {
    let integration = asked.named(caller)?;
    let found = app.checker.check(caller.organization, integration, fresh).await?;
    found.ok_or(ApiError::NotFound)
}

/// What is to be tried.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ValidateQuery {
    /// Which of the connectors.
    #[schema(required, schema_with = initiate::connector_types)]
    connector_type: Option<String>,
    /// What was filled in, by the names of the connector's fields, with `way` where there is more than one.
    #[schema(value_type = Option<Object>)]
    credentials: Option<Value>,
}

impl std::fmt::Debug for ValidateQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValidateQuery")
            .field("connector_type", &self.connector_type)
            .finish_non_exhaustive()
    }
}

/// Whether what was filled in would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Validity {
    /// Whether it would.
    valid: bool,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

/// Tries what was filled in; keeps nothing.
#[utoipa::path(
    post, path = "/integrations/validate", tag = "integrations", request_body = ValidateQuery,
    responses(
        (status = 200, description = "Whether it would do.", body = Validity),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 422, description = "A field is not as it should be, or there is nothing to fill in.", body = Problem),
        (status = 502, description = "The third party answers what cannot be understood.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.validate", skip_all)]
pub(crate) async fn validate(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Input(asked): Input<ValidateQuery>,
) -> Result<Json<Validity>, ApiError> {
    let kind = initiate::connector(asked.connector_type.as_deref())?;
    let descriptor = app.integrations.connectors.get(kind).descriptor();
    if descriptor.method != Method::Form {
        return Err(ApiError::invalid(
            "connector_type",
            "has no form whose values could be tried; begin to connect",
        ));
    }
    let input = complete::form(descriptor, asked.credentials, None)?;
    let errors = match app.connector.attempt(caller.organization, kind, input).await {
        Ok(()) => Vec::new(),
        Err(ConnectError::Connector(ConnectorError::Invalid(fields))) => fields
            .into_iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect(),
        Err(ConnectError::Connector(
            ConnectorError::Refused { message, .. } | ConnectorError::Gone { message, .. },
        )) => vec![message],
        Err(error) => return Err(error.into()),
    };
    Ok(Json(Validity {
        valid: errors.is_empty(),
        errors,
    }))
}

/// What is to be read anew.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SyncQuery {
    /// The connection.
    #[schema(required)]
    integration_id: Option<String>,
    /// The organization, ours or Clerk's id; must be the caller's.
    organization_id: Option<String>,
    /// What older clients send; nothing depends on it.
    #[expect(dead_code, reason = "it is taken and not used")]
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Synced {
    /// For people.
    message: &'static str,
}

/// Asks the third party anew what the connection is and reaches.
#[utoipa::path(
    post, path = "/integrations/sync", tag = "integrations", request_body = SyncQuery,
    responses(
        (status = 200, description = "It was read anew.", body = Synced),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 404, description = "There is no such connection.", body = Problem),
        (status = 409, description = "The connection does not work; `/integrations/status` says why.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.sync", skip_all)]
pub(crate) async fn sync(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Input(asked): Input<SyncQuery>,
) -> Result<Json<Synced>, ApiError> {
    let query = IntegrationQuery {
        integration_id: asked.integration_id,
        organization_id: asked.organization_id,
    };
    let overview = check(&app, &caller, &query, Duration::ZERO).await?;
    if !overview.works() {
        return Err(ApiError::Conflict {
            code: "not_working",
            message: overview
                .health_message
                .unwrap_or_else(|| "the connection does not work; ask for its status".to_owned()),
        });
    }
    let descriptor = app.integrations.connectors.get(overview.connector).descriptor();
    if descriptor.capabilities.contains(&Capability::Repositories) {
        app.integrations.sync(caller.organization, overview.id).await?;
    }
    Ok(Json(Synced {
        message: "Integration synced successfully",
    }))
}

/// Disconnects.
#[utoipa::path(
    post, path = "/integrations/revoke", tag = "integrations", request_body = IntegrationQuery,
    responses(
        (status = 200, description = "It has ended; the third party is told now or later.", body = Object),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 404, description = "There is no such connection.", body = Problem),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "integrations.revoke", skip_all)]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Input(asked): Input<IntegrationQuery>,
) -> Result<Json<Value>, ApiError> {
    let integration = asked.named(&caller)?;
    let actor = caller.user.to_string();
    let ended = app
        .disconnector
        .disconnect(caller.organization, integration, caller.cause(&actor))
        .await?;
    ended.then(|| Json(json!({}))).ok_or(ApiError::NotFound)
}
