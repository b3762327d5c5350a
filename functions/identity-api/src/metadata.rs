//! `POST /identity/organization/set-metadata`: what an organization tells about itself when it signs up.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    auth::Admin,
    clock::Timestamp,
    db::{audit_events, organization_metadata},
    http::{
        error::{ApiError, FieldProblem, Problem},
        input::Input,
    },
};
use utoipa::ToSchema;

use crate::App;

/// A list of words that a field may hold. The schema has the same lists.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
        pub enum $name {
            $(
                #[doc = concat!("`", $word, "`")]
                #[schema(rename = $word)]
                $variant,
            )*
        }

        impl $name {
            /// Every word there is.
            pub const WORDS: &[&str] = &[$($word),*];
        }
    };
}

words! {
    /// How big a company is.
    CompanySize {
        Startup = "startup",
        Small = "small",
        Medium = "medium",
        Large = "large",
        Enterprise = "enterprise",
    }
}

words! {
    /// How many people will use `InfraGPT`.
    TeamSize {
        UpToFive = "1-5",
        UpToTwenty = "6-20",
        UpToFifty = "21-50",
        UpToHundred = "51-100",
        More = "100+",
    }
}

words! {
    /// What it is for.
    UseCase {
        InfrastructureMonitoring = "infrastructure_monitoring",
        ApplicationPerformanceMonitoring = "application_performance_monitoring",
        LogManagement = "log_management",
        IncidentResponse = "incident_response",
        ComplianceAuditing = "compliance_auditing",
        CostOptimization = "cost_optimization",
        SecurityMonitoring = "security_monitoring",
        DevopsAutomation = "devops_automation",
    }
}

words! {
    /// What systems are watched with.
    ObservabilityTool {
        Datadog = "datadog",
        NewRelic = "new_relic",
        Splunk = "splunk",
        ElasticStack = "elastic_stack",
        PrometheusGrafana = "prometheus_grafana",
        AppDynamics = "app_dynamics",
        Dynatrace = "dynatrace",
        Cloudwatch = "cloudwatch",
        AzureMonitor = "azure_monitor",
        GoogleCloudMonitoring = "google_cloud_monitoring",
        PagerDuty = "pagerduty",
        Opsgenie = "opsgenie",
        Other = "other",
    }
}

/// What an organization tells about itself.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct MetadataInput {
    /// The organization; must be the caller's.
    organization_id: String,
    /// How big the company is.
    #[schema(value_type = CompanySize)]
    company_size: String,
    /// How many people will use `InfraGPT`.
    #[schema(value_type = TeamSize)]
    team_size: String,
    /// What it is for; may be empty.
    #[schema(value_type = Vec<UseCase>)]
    use_cases: Vec<String>,
    /// What they watch their systems with; may be empty.
    #[schema(value_type = Vec<ObservabilityTool>)]
    observability_stack: Vec<String>,
}

/// Nothing to say.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Nothing {}

/// Keeps what an organization tells about itself. Telling the same again changes nothing.
#[utoipa::path(
    post, path = "/identity/organization/set-metadata", tag = "identity", request_body = MetadataInput,
    responses(
        (status = 200, description = "It is kept.", body = Nothing),
        (status = 403, description = "The caller is no admin.", body = Problem),
        (status = 404, description = "The organization is not the caller's.", body = Problem),
        (status = 422, description = "A field holds a word that is not in its list.", body = Problem),
    ),
)]
#[tracing::instrument(name = "identity.set_metadata", skip_all)]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Input(telling): Input<MetadataInput>,
) -> Result<Json<Nothing>, ApiError> {
    caller.is_organization(&telling.organization_id)?;
    let now = app.clock.now();
    let metadata = checked(telling, now)?;

    let mut db = app.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    if organization_metadata::upsert(&tx, caller.organization, &metadata).await? {
        let actor = caller.user.to_string();
        let details = json!({
            "company_size": metadata.company_size,
            "team_size": metadata.team_size,
            "use_cases": metadata.use_cases,
            "observability_stack": metadata.observability_stack,
        });
        let entry = caller.cause(&actor).entry(
            &app.ids,
            "organization.described",
            caller.organization,
            details,
            now,
        );
        audit_events::insert(&tx, caller.organization, &entry).await?;
    }
    tx.commit().await?;
    tracing::debug!(organization.id = %caller.organization, "an organization told about itself");
    Ok(Json(Nothing {}))
}

/// What was told, if every word of it is in its list; all that is wrong with it otherwise.
fn checked(telling: MetadataInput, now: Timestamp) -> Result<organization_metadata::Metadata, ApiError> {
    let mut problems = Vec::new();
    let mut check = |field: String, word: &str, words: &[&str]| {
        if !words.contains(&word) {
            problems.push(FieldProblem::new(
                field,
                format!("must be one of: {}", words.join(", ")),
            ));
        }
    };
    check(
        "company_size".to_owned(),
        &telling.company_size,
        CompanySize::WORDS,
    );
    check("team_size".to_owned(), &telling.team_size, TeamSize::WORDS);
    for (field, told, words) in [
        ("use_cases", &telling.use_cases, UseCase::WORDS),
        (
            "observability_stack",
            &telling.observability_stack,
            ObservabilityTool::WORDS,
        ),
    ] {
        for (position, word) in told.iter().enumerate() {
            check(format!("{field}[{position}]"), word, words);
        }
    }
    if !problems.is_empty() {
        // As many as help; a body of thousands is no form.
        problems.truncate(20);
        return Err(ApiError::Invalid(problems));
    }
    Ok(organization_metadata::Metadata {
        company_size: telling.company_size,
        team_size: telling.team_size,
        use_cases: once_each(telling.use_cases),
        observability_stack: once_each(telling.observability_stack),
        completed_at: now,
    })
}

/// The words in their order, each once.
fn once_each(words: Vec<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(words.len().min(16));
    for word in words {
        if !kept.contains(&word) {
            kept.push(word);
        }
    }
    kept
}
