//! `GET /connectors`: what can be connected, and what each asks for.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    auth::Member,
    connector::{
        ConnectorKind,
        contract::{Capability, Descriptor, Field, Method, Presence, Secrecy, Way},
    },
    http::error::ApiError,
};
use utoipa::ToSchema;

use crate::App;

/// Everything that can be connected.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectorsView {
    /// In the order in which they are offered.
    connectors: Vec<ConnectorView>,
}

/// Something that can be connected.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectorView {
    /// What a request calls it, as `connector_type`.
    r#type: &'static str,
    /// What people call it.
    name: &'static str,
    /// What connecting it is good for.
    description: &'static str,
    /// How it is connected: `oauth2`, `installation` or `api_key`.
    #[schema(value_type = String)]
    method: Method,
    /// What an organization has of it: `conversations`, `repositories`, `alerts`, `infrastructure`.
    #[schema(value_type = Vec<String>)]
    capabilities: &'static [Capability],
    /// The ways to fill in its form, the best first; none where there is no form.
    ways: Vec<WayView>,
    /// The page that explains what has to be prepared at the third party.
    documentation: &'static str,
}

/// A way to fill in a form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WayView {
    /// What `credentials.way` calls it.
    name: &'static str,
    /// What people call it.
    label: &'static str,
    /// Why another way is better; null where none is.
    warning: Option<&'static str>,
    /// What is filled in.
    fields: Vec<FieldView>,
}

/// A field of a form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldView {
    /// What `credentials` calls it.
    name: &'static str,
    /// What stands before it.
    label: &'static str,
    /// Whether it is sealed and never shown again.
    is_secret: bool,
    /// Whether it must be filled in.
    is_required: bool,
    /// What a value must match from its beginning to its end, as HTML's `pattern`; null for anything.
    pattern: Option<&'static str>,
    /// All that may be chosen; none where it is no choice.
    options: &'static [&'static str],
    /// The most characters of a value.
    max_length: usize,
    /// What it is for.
    help: &'static str,
    /// Where at the third party the value is found.
    find: &'static str,
}

impl ConnectorView {
    fn of(kind: ConnectorKind, descriptor: &'static Descriptor) -> Self {
        Self {
            r#type: kind.as_str(),
            name: descriptor.name,
            description: descriptor.description,
            method: descriptor.method,
            capabilities: descriptor.capabilities,
            ways: descriptor.ways.iter().map(WayView::of).collect(),
            documentation: descriptor.documentation,
        }
    }
}

impl WayView {
    fn of(way: &'static Way) -> Self {
        Self {
            name: way.name,
            label: way.label,
            warning: way.warning,
            fields: way.fields.iter().map(FieldView::of).collect(),
        }
    }
}

impl FieldView {
    fn of(field: &'static Field) -> Self {
        Self {
            name: field.name,
            label: field.label,
            is_secret: field.secrecy == Secrecy::Secret,
            is_required: field.presence == Presence::Required,
            pattern: field.pattern,
            options: field.options,
            max_length: field.max_length,
            help: field.help,
            find: field.find,
        }
    }
}

/// What can be connected.
#[utoipa::path(
    get, path = "/connectors", tag = "integrations",
    responses((status = 200, description = "Everything that can be connected.", body = ConnectorsView)),
)]
#[tracing::instrument(name = "integrations.connectors", skip_all)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Member(_): Member,
) -> Result<Json<ConnectorsView>, ApiError> {
    let connectors = ConnectorKind::ALL
        .iter()
        .map(|&kind| ConnectorView::of(kind, app.integrations.connectors.get(kind).descriptor()))
        .collect();
    Ok(Json(ConnectorsView { connectors }))
}
