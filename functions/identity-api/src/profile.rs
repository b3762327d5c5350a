//! `POST /identity/me` and `POST /identity/organization`: who calls, for which organization, and what that told us of
//! itself.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Member},
    db::{organization_metadata, organizations},
    http::{
        error::{ApiError, Problem},
        input::Input,
        output::rfc3339,
    },
};
use utoipa::ToSchema;

use crate::{
    App,
    metadata::{ObservabilityTool, UseCase},
};

/// Who the client thinks it is. What is absent is not compared.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ProfileQuery {
    /// Clerk's id of the person; must be the caller's.
    clerk_user_id: Option<String>,
    /// Clerk's id of the organization; must be the caller's.
    clerk_org_id: Option<String>,
}

/// The caller and their organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Profile {
    /// The organization's id.
    #[schema(format = Uuid)]
    id: String,
    /// The organization's name.
    name: String,
    /// The organization's name for addresses.
    slug: String,
    /// When the organization became known here.
    #[schema(format = DateTime)]
    created_at: String,
    /// The organization's id, once more.
    #[schema(format = Uuid)]
    organization_id: String,
    /// The caller's id.
    #[schema(format = Uuid)]
    user_id: String,
    /// What the caller may do: `admin` or `member`.
    #[schema(value_type = Role)]
    role: &'static str,
    /// What the organization told about itself.
    metadata: MetadataView,
}

/// What a member may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes the words that stand in answers")]
pub(crate) enum Role {
    /// Connect, disconnect, configure, and read the record of who did what.
    Admin,
    /// Everything else.
    Member,
}

/// What an organization told about itself; blank and empty where it has not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetadataView {
    /// How big the company is, in a word of `CompanySize`; blank when it has not been told.
    company_size: String,
    /// How many people will use `InfraGPT`, in a word of `TeamSize`; blank when it has not been told.
    team_size: String,
    /// What it is for.
    #[schema(value_type = Vec<UseCase>)]
    use_cases: Vec<String>,
    /// What they watch their systems with.
    #[schema(value_type = Vec<ObservabilityTool>)]
    observability_stack: Vec<String>,
    /// When it was first told; `0001-01-01T00:00:00Z` when it has not been.
    #[schema(format = DateTime)]
    completed_at: String,
}

/// What clients take for "never", as the first version of this API wrote it.
const NEVER: &str = "0001-01-01T00:00:00Z";

impl From<Option<organization_metadata::Metadata>> for MetadataView {
    fn from(metadata: Option<organization_metadata::Metadata>) -> Self {
        let Some(told) = metadata else {
            return Self {
                company_size: String::new(),
                team_size: String::new(),
                use_cases: Vec::new(),
                observability_stack: Vec::new(),
                completed_at: NEVER.to_owned(),
            };
        };
        Self {
            company_size: told.company_size,
            team_size: told.team_size,
            use_cases: told.use_cases,
            observability_stack: told.observability_stack,
            completed_at: rfc3339(told.completed_at),
        }
    }
}

/// Who calls, and for which organization.
///
/// Somebody whom no webhook has told us of yet is made room for: this works right after signing up.
#[utoipa::path(
    post, path = "/identity/me", tag = "identity", request_body = ProfileQuery,
    responses(
        (status = 200, description = "The caller and their organization.", body = Profile),
        (status = 404, description = "The ids in the body are not the caller's.", body = Problem),
    ),
)]
#[tracing::instrument(name = "identity.me", skip_all)]
pub(crate) async fn me(
    State(app): State<Arc<App>>,
    Member(caller): Member,
    Input(asked): Input<ProfileQuery>,
) -> Result<Json<Profile>, ApiError> {
    profile(&app, &caller, &asked).await
}

/// The caller's organization; the answer is that of `/identity/me`.
#[utoipa::path(
    post, path = "/identity/organization", tag = "identity", request_body = ProfileQuery,
    responses(
        (status = 200, description = "The caller and their organization.", body = Profile),
        (status = 404, description = "The ids in the body are not the caller's.", body = Problem),
    ),
)]
#[tracing::instrument(name = "identity.organization", skip_all)]
pub(crate) async fn organization(
    State(app): State<Arc<App>>,
    Member(caller): Member,
    Input(asked): Input<ProfileQuery>,
) -> Result<Json<Profile>, ApiError> {
    profile(&app, &caller, &asked).await
}

async fn profile(app: &App, caller: &Caller, asked: &ProfileQuery) -> Result<Json<Profile>, ApiError> {
    asked
        .clerk_user_id
        .as_deref()
        .map_or(Ok(()), |id| caller.is_user(id))?;
    asked
        .clerk_org_id
        .as_deref()
        .map_or(Ok(()), |id| caller.is_organization(id))?;

    let mut db = app.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    let (organization, metadata) = tokio::try_join!(
        organizations::find(&tx, caller.organization),
        organization_metadata::find(&tx, caller.organization),
    )?;
    drop(tx);
    let organization = organization.ok_or(ApiError::NotFound)?;
    let id = caller.organization.uuid().to_string();
    Ok(Json(Profile {
        organization_id: id.clone(),
        id,
        name: organization.name,
        slug: organization.slug,
        created_at: rfc3339(organization.created_at),
        user_id: caller.user.uuid().to_string(),
        role: caller.role.as_str(),
        metadata: metadata.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_that_told_nothing_is_shown_as_existing_clients_expect_it() {
        let told = serde_json::to_value(MetadataView::from(None)).expect("JSON");
        insta::assert_json_snapshot!(told, @r#"
        {
          "company_size": "",
          "completed_at": "0001-01-01T00:00:00Z",
          "observability_stack": [],
          "team_size": "",
          "use_cases": []
        }
        "#);
    }
}
