//! `POST /identity/members`: the members of the caller's organization.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use shared::{
    auth::Member,
    db::organization_members::{self, Filter, Place},
    http::{
        error::{ApiError, Problem},
        input::Input,
        output::rfc3339,
        page::{self, Moment},
    },
    id::UserId,
    task::MemberRole,
};
use utoipa::ToSchema;

use crate::{App, profile::Role};

/// The longest beginning of a name that is looked for.
const LONGEST_QUERY: usize = 100;

/// Which members to list.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct MembersQuery {
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at the most, 1 to 200; 50 when it is not said.
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The beginning of a first, last or whole name, in any case; for admins of an e-mail address too.
    #[schema(max_length = 100)]
    query: Option<String>,
    /// Only those with this role.
    #[schema(value_type = Option<Role>)]
    role: Option<String>,
}

/// Members of an organization, in the order in which they joined.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Members {
    /// The members.
    members: Vec<MemberView>,
    /// What to send as `cursor` for the next page; null when there is none.
    next_cursor: Option<String>,
}

/// A member, as colleagues see them.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberView {
    /// The person's id.
    #[schema(format = Uuid)]
    user_id: String,
    /// Given name; blank where there is none.
    first_name: String,
    /// Family name; blank where there is none.
    last_name: String,
    /// The primary e-mail address; only admins are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Address of the picture; blank where there is none.
    image_url: String,
    /// What the person may do.
    #[schema(value_type = Role)]
    role: &'static str,
    /// Since when.
    #[schema(format = DateTime)]
    joined_at: String,
}

// Names and addresses are nobody's business who reads a log.
impl std::fmt::Debug for MemberView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberView")
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct Cursor {
    joined_at: Moment,
    user: UserId,
}

/// Members of the caller's organization.
#[utoipa::path(
    post, path = "/identity/members", tag = "identity", request_body = MembersQuery,
    responses(
        (status = 200, description = "A page of members.", body = Members),
        (status = 422, description = "A field is not as it should be.", body = Problem),
    ),
)]
#[tracing::instrument(name = "identity.members", skip_all)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Member(caller): Member,
    Input(asked): Input<MembersQuery>,
) -> Result<Json<Members>, ApiError> {
    let limit = page::limit(asked.limit)?;
    let after = page::cursor::<Cursor>(asked.cursor.as_deref())?.map_or(Place::START, |cursor| Place {
        joined_at: cursor.joined_at.0,
        user: cursor.user,
    });
    let query = page::text("query", asked.query.as_deref(), LONGEST_QUERY)?;
    let roles = [MemberRole::Admin, MemberRole::Member];
    let role = page::word("role", asked.role.as_deref(), &roles, MemberRole::as_str)?;
    // Whoever may not see addresses must not learn them letter by letter either.
    let sees_emails = caller.role == MemberRole::Admin;
    let filter = Filter {
        role,
        prefix: query,
        search_email: sees_emails,
    };

    let mut db = app.db.get().await?;
    let tx = db.begin_for(caller.organization).await?;
    let found = organization_members::list(&tx, caller.organization, filter, after, limit.and_one()).await?;
    drop(tx);

    let (found, next_cursor) = limit.page(found, |last| Cursor {
        joined_at: Moment(last.joined_at),
        user: last.user,
    });
    let members = found
        .into_iter()
        .map(|member| MemberView {
            user_id: member.user.uuid().to_string(),
            first_name: member.first_name,
            last_name: member.last_name,
            email: sees_emails.then_some(member.email),
            image_url: member.image_url,
            role: member.role.as_str(),
            joined_at: rfc3339(member.joined_at),
        })
        .collect();
    Ok(Json(Members { members, next_cursor }))
}
