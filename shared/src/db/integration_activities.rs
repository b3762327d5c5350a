//! What happened at third parties that are connected.

use sql::{client::Params as _, queries::integration_activities as statements};

use super::{DbError, Transaction};
use crate::{
    clock::Timestamp,
    id::{ActivityId, IntegrationId, OrganizationId},
};

/// How many activities of one subject are kept.
pub const MOST_OF_A_SUBJECT: i64 = 200;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Its id.
    pub id: ActivityId,
    /// What makes two tellings of it the same, in the connection.
    pub key: &'a str,
    /// What it is, in the third party's word.
    pub kind: &'a str,
    /// What became of it, in the third party's word; blank where there is none.
    pub action: &'a str,
    /// The third party's id of what it happened to.
    pub subject_id: &'a str,
    /// Name of what it happened to.
    pub subject: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// Who did it.
    pub actor: Option<&'a str>,
    /// Its page.
    pub url: Option<&'a str>,
    /// When it happened, by the third party's clock.
    pub occurred_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// Notes that something happened, and forgets what is too much of the subject. False when it was noted before.
#[tracing::instrument(name = "db.integration_activities.insert", skip_all, fields(integration.id = %integration), err(level = "debug"))]
pub async fn insert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    integration: IntegrationId,
    new: &New<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let params = statements::InsertParams {
        integration_activity_id: new.id.uuid(),
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        dedupe_key: new.key,
        kind: new.kind,
        action: new.action,
        subject_id: new.subject_id,
        subject: new.subject,
        title: new.title,
        actor: new.actor,
        url: new.url,
        occurred_at: new.occurred_at,
        expires_at: new.expires_at,
        now,
    };
    if statements::insert()
        .params(db.client, &params)
        .opt()
        .await?
        .is_none()
    {
        return Ok(false);
    }
    let params = statements::DeleteSurplusParams {
        organization_id: scope.uuid(),
        integration_id: integration.uuid(),
        subject_id: new.subject_id,
        keep: MOST_OF_A_SUBJECT,
    };
    statements::delete_surplus()
        .params(db.client, &params)
        .all()
        .await?;
    Ok(true)
}

/// Something that happened, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its id.
    pub id: ActivityId,
    /// The connection that told of it.
    pub integration: IntegrationId,
    /// What it is, in the third party's word.
    pub kind: String,
    /// What became of it, in the third party's word; blank where there is none.
    pub action: String,
    /// The third party's id of what it happened to.
    pub subject_id: String,
    /// Name of what it happened to.
    pub subject: String,
    /// What people call it.
    pub title: String,
    /// Who did it.
    pub actor: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// When it happened, by the third party's clock.
    pub occurred_at: Timestamp,
}

/// Which activities to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Those that this connection told of.
    pub integration: Option<IntegrationId>,
    /// Those of what has this name, such as `owner/repository`.
    pub subject: Option<&'a str>,
}

/// Where in the list an activity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When it happened.
    pub at: Timestamp,
    /// Its id.
    pub id: ActivityId,
}

/// At most `count` things that happened, the newest first, from behind a place.
#[tracing::instrument(name = "db.integration_activities.list", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn list(
    db: &Transaction<'_>,
    scope: OrganizationId,
    filter: Filter<'_>,
    before: Option<Place>,
    count: i64,
) -> Result<Vec<Activity>, DbError> {
    let before = before.unwrap_or(Place {
        at: Timestamp::MAX_UTC,
        id: ActivityId::NIL,
    });
    let params = statements::ListParams {
        organization_id: scope.uuid(),
        before_occurred_at: before.at,
        before_integration_activity_id: before.id.uuid(),
        integration_id: filter.integration.map(IntegrationId::uuid),
        subject: filter.subject,
        count,
    };
    let rows = statements::list().params(db.client, &params).all().await?;
    Ok(rows
        .into_iter()
        .map(|row| Activity {
            id: row.integration_activity_id.into(),
            integration: row.integration_id.into(),
            kind: row.kind,
            action: row.action,
            subject_id: row.subject_id,
            subject: row.subject,
            title: row.title,
            actor: row.actor,
            url: row.url,
            occurred_at: row.occurred_at,
        })
        .collect())
}
