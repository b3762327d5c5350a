//! What our APIs say of themselves to machines: the parts that are true of all their routes.
//!
//! Every API's document is made from its code. They are one to a client, so one committed copy holds all of them.

use utoipa::{
    OpenApi as _, PartialSchema as _, ToSchema as _,
    openapi::{
        ContentBuilder, OpenApi, Ref, ResponseBuilder, SecurityRequirement,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::error::Problem;

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "InfraGPT",
    description = "The API of the web client. Every path is answered with and without a slash at its end. Every error \
                   has the shape of `Problem`.",
    license(name = "Apache-2.0", identifier = "Apache-2.0"),
))]
struct Base;

/// What every route for people may answer besides its own.
const REFUSALS: [(&str, &str); 7] = [
    ("400", "The body cannot be read."),
    ("401", "No session, or one that is not good."),
    (
        "403",
        "The caller may not, or is signed in for no organization (`organization_required`).",
    ),
    ("413", "The body is too large."),
    ("415", "The body is not plain `application/json`."),
    ("429", "Too many requests; `Retry-After` says when to come again."),
    (
        "503",
        "Something that is needed is away; `Retry-After` says when to come again.",
    ),
];

/// What the routes' descriptions are added to.
#[must_use]
pub fn base() -> OpenApi {
    Base::openapi()
}

/// The whole document of what APIs say of their own routes, as JSON in lines: what is true of all routes is said here once.
pub fn document(parts: impl IntoIterator<Item = OpenApi>) -> String {
    let mut whole = base();
    for part in parts {
        whole.merge(part);
    }
    let mut text = complete(whole).to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn complete(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert(Problem::name().into(), Problem::schema());
    let mut parts = Vec::new();
    Problem::schemas(&mut parts);
    components.schemas.extend(parts);
    components.add_security_scheme(
        "session",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some("A session token of Clerk's."))
                .build(),
        ),
    );
    components.add_security_scheme(
        "session_cookie",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            "__session",
            "The same token in Clerk's cookie, from a page of the same origin alone.",
        ))),
    );
    document.security = Some(vec![
        SecurityRequirement::new::<&str, [&str; 0], &str>("session", []),
        SecurityRequirement::new::<&str, [&str; 0], &str>("session_cookie", []),
    ]);
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            // A route that says itself who may call it asks for no session.
            if operation.security.is_none() {
                add_refusals(operation);
            }
        }
    }
    document
}

fn add_refusals(operation: &mut Operation) {
    for (status, description) in REFUSALS {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| {
                let content = ContentBuilder::new()
                    .schema(Some(Ref::from_schema_name(Problem::name())))
                    .build();
                ResponseBuilder::new()
                    .description(description)
                    .content("application/json", content)
                    .build()
                    .into()
            });
    }
}
