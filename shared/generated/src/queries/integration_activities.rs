// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct InsertParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
    T6: crate::StringSql,
    T7: crate::StringSql,
    T8: crate::StringSql,
> {
    pub integration_activity_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub dedupe_key: T1,
    pub kind: T2,
    pub action: T3,
    pub subject_id: T4,
    pub subject: T5,
    pub title: T6,
    pub actor: Option<T7>,
    pub url: Option<T8>,
    pub occurred_at: chrono::DateTime<chrono::Utc>,
    pub expires_at: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct DeleteSurplusParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub subject_id: T1,
    pub keep: i64,
}
#[derive(Debug)]
pub struct ListParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub before_occurred_at: chrono::DateTime<chrono::Utc>,
    pub before_integration_activity_id: uuid::Uuid,
    pub integration_id: Option<uuid::Uuid>,
    pub subject: Option<T1>,
    pub count: i64,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    pub integration_activity_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub kind: String,
    pub action: String,
    pub subject_id: String,
    pub subject: String,
    pub title: String,
    pub actor: Option<String>,
    pub url: Option<String>,
    pub occurred_at: chrono::DateTime<chrono::Utc>,
}
pub struct ActivityBorrowed<'a> {
    pub integration_activity_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub kind: &'a str,
    pub action: &'a str,
    pub subject_id: &'a str,
    pub subject: &'a str,
    pub title: &'a str,
    pub actor: Option<&'a str>,
    pub url: Option<&'a str>,
    pub occurred_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<ActivityBorrowed<'a>> for Activity {
    fn from(
        ActivityBorrowed {
            integration_activity_id,
            integration_id,
            kind,
            action,
            subject_id,
            subject,
            title,
            actor,
            url,
            occurred_at,
        }: ActivityBorrowed<'a>,
    ) -> Self {
        Self {
            integration_activity_id,
            integration_id,
            kind: kind.into(),
            action: action.into(),
            subject_id: subject_id.into(),
            subject: subject.into(),
            title: title.into(),
            actor: actor.map(|v| v.into()),
            url: url.map(|v| v.into()),
            occurred_at,
        }
    }
}
impl Activity {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "integration_activity_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "kind",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "action",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "subject_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "subject",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "title",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "actor",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "url",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "occurred_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct UuidUuidQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<uuid::Uuid, tokio_postgres::Error>,
    mapper: fn(uuid::Uuid) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> UuidUuidQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(uuid::Uuid) -> R) -> UuidUuidQuery<'c, 'a, 's, C, R, N> {
        UuidUuidQuery {
            client: self.client,
            params: self.params,
            query: self.query,
            cached: self.cached,
            extractor: self.extractor,
            mapper,
        }
    }
    pub async fn one(self) -> Result<T, tokio_postgres::Error> {
        let row = crate::client::async_::one(self.client, self.query, &self.params, self.cached).await?;
        Ok((self.mapper)((self.extractor)(&row)?))
    }
    pub async fn all(self) -> Result<Vec<T>, tokio_postgres::Error> {
        self.iter().await?.try_collect().await
    }
    pub async fn opt(self) -> Result<Option<T>, tokio_postgres::Error> {
        let opt_row = crate::client::async_::opt(self.client, self.query, &self.params, self.cached).await?;
        Ok(opt_row
            .map(|row| {
                let extracted = (self.extractor)(&row)?;
                Ok((self.mapper)(extracted))
            })
            .transpose()?)
    }
    pub async fn iter(
        self,
    ) -> Result<impl futures::Stream<Item = Result<T, tokio_postgres::Error>> + 'c, tokio_postgres::Error>
    {
        let stream = crate::client::async_::raw(
            self.client,
            self.query,
            crate::slice_iter(&self.params),
            self.cached,
        )
        .await?;
        let mapped = stream
            .map(move |res| {
                res.and_then(|row| {
                    let extracted = (self.extractor)(&row)?;
                    Ok((self.mapper)(extracted))
                })
            })
            .into_stream();
        Ok(mapped)
    }
}
pub struct ActivityQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<ActivityBorrowed, tokio_postgres::Error>,
    mapper: fn(ActivityBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ActivityQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(ActivityBorrowed) -> R) -> ActivityQuery<'c, 'a, 's, C, R, N> {
        ActivityQuery {
            client: self.client,
            params: self.params,
            query: self.query,
            cached: self.cached,
            extractor: self.extractor,
            mapper,
        }
    }
    pub async fn one(self) -> Result<T, tokio_postgres::Error> {
        let row = crate::client::async_::one(self.client, self.query, &self.params, self.cached).await?;
        Ok((self.mapper)((self.extractor)(&row)?))
    }
    pub async fn all(self) -> Result<Vec<T>, tokio_postgres::Error> {
        self.iter().await?.try_collect().await
    }
    pub async fn opt(self) -> Result<Option<T>, tokio_postgres::Error> {
        let opt_row = crate::client::async_::opt(self.client, self.query, &self.params, self.cached).await?;
        Ok(opt_row
            .map(|row| {
                let extracted = (self.extractor)(&row)?;
                Ok((self.mapper)(extracted))
            })
            .transpose()?)
    }
    pub async fn iter(
        self,
    ) -> Result<impl futures::Stream<Item = Result<T, tokio_postgres::Error>> + 'c, tokio_postgres::Error>
    {
        let stream = crate::client::async_::raw(
            self.client,
            self.query,
            crate::slice_iter(&self.params),
            self.cached,
        )
        .await?;
        let mapped = stream
            .map(move |res| {
                res.and_then(|row| {
                    let extracted = (self.extractor)(&row)?;
                    Ok((self.mapper)(extracted))
                })
            })
            .into_stream();
        Ok(mapped)
    }
}
pub struct InsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that something happened at a third party; nothing when it was noted before.
pub fn insert() -> InsertStmt {
    InsertStmt(
        "INSERT INTO integration_activities (integration_activity_id, organization_id, integration_id, dedupe_key, kind, action, subject_id, subject, title, actor, url, occurred_at, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT ON CONSTRAINT integration_activities_dedupe_key DO NOTHING RETURNING integration_activity_id",
        None,
    )
}
impl InsertStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<
        'c,
        'a,
        's,
        C: GenericClient,
        T1: crate::StringSql,
        T2: crate::StringSql,
        T3: crate::StringSql,
        T4: crate::StringSql,
        T5: crate::StringSql,
        T6: crate::StringSql,
        T7: crate::StringSql,
        T8: crate::StringSql,
    >(
        &'s self,
        client: &'c C,
        integration_activity_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        dedupe_key: &'a T1,
        kind: &'a T2,
        action: &'a T3,
        subject_id: &'a T4,
        subject: &'a T5,
        title: &'a T6,
        actor: &'a Option<T7>,
        url: &'a Option<T8>,
        occurred_at: &'a chrono::DateTime<chrono::Utc>,
        expires_at: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 14> {
        UuidUuidQuery {
            client,
            params: [
                integration_activity_id,
                organization_id,
                integration_id,
                dedupe_key,
                kind,
                action,
                subject_id,
                subject,
                title,
                actor,
                url,
                occurred_at,
                expires_at,
                now,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<
    'c,
    'a,
    's,
    C: GenericClient,
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
    T6: crate::StringSql,
    T7: crate::StringSql,
    T8: crate::StringSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        InsertParams<T1, T2, T3, T4, T5, T6, T7, T8>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 14>,
        C,
    > for InsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a InsertParams<T1, T2, T3, T4, T5, T6, T7, T8>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 14> {
        self.bind(
            client,
            &params.integration_activity_id,
            &params.organization_id,
            &params.integration_id,
            &params.dedupe_key,
            &params.kind,
            &params.action,
            &params.subject_id,
            &params.subject,
            &params.title,
            &params.actor,
            &params.url,
            &params.occurred_at,
            &params.expires_at,
            &params.now,
        )
    }
}
pub struct DeleteSurplusStmt(&'static str, Option<tokio_postgres::Statement>);
/// Forgets all but the last so many things that happened to one subject.
pub fn delete_surplus() -> DeleteSurplusStmt {
    DeleteSurplusStmt(
        "DELETE FROM integration_activities WHERE organization_id = $1 AND integration_activity_id IN ( SELECT a.integration_activity_id FROM integration_activities a WHERE a.organization_id = $1 AND a.integration_id = $2 AND a.subject_id = $3 ORDER BY a.occurred_at DESC, a.integration_activity_id DESC OFFSET $4) RETURNING integration_activity_id",
        None,
    )
}
impl DeleteSurplusStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        subject_id: &'a T1,
        keep: &'a i64,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        UuidUuidQuery {
            client,
            params: [organization_id, integration_id, subject_id, keep],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        DeleteSurplusParams<T1>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4>,
        C,
    > for DeleteSurplusStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a DeleteSurplusParams<T1>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.subject_id,
            &params.keep,
        )
    }
}
pub struct ListStmt(&'static str, Option<tokio_postgres::Statement>);
/// What happened at third parties, the newest first, from behind a place in that order.
pub fn list() -> ListStmt {
    ListStmt(
        "SELECT integration_activity_id, integration_id, kind, action, subject_id, subject, title, actor, url, occurred_at FROM integration_activities WHERE organization_id = $1 AND (occurred_at, integration_activity_id) < ($2, $3) AND ($4::uuid IS NULL OR integration_id = $4) AND ($5::text IS NULL OR subject = $5) ORDER BY occurred_at DESC, integration_activity_id DESC LIMIT $6",
        None,
    )
}
impl ListStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        before_occurred_at: &'a chrono::DateTime<chrono::Utc>,
        before_integration_activity_id: &'a uuid::Uuid,
        integration_id: &'a Option<uuid::Uuid>,
        subject: &'a Option<T1>,
        count: &'a i64,
    ) -> ActivityQuery<'c, 'a, 's, C, Activity, 6> {
        ActivityQuery {
            client,
            params: [
                organization_id,
                before_occurred_at,
                before_integration_activity_id,
                integration_id,
                subject,
                count,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ActivityBorrowed, tokio_postgres::Error> {
                Ok(ActivityBorrowed {
                    integration_activity_id: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                    kind: row.try_get(2)?,
                    action: row.try_get(3)?,
                    subject_id: row.try_get(4)?,
                    subject: row.try_get(5)?,
                    title: row.try_get(6)?,
                    actor: row.try_get(7)?,
                    url: row.try_get(8)?,
                    occurred_at: row.try_get(9)?,
                })
            },
            mapper: |it| Activity::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, ListParams<T1>, ActivityQuery<'c, 'a, 's, C, Activity, 6>, C>
    for ListStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListParams<T1>,
    ) -> ActivityQuery<'c, 'a, 's, C, Activity, 6> {
        self.bind(
            client,
            &params.organization_id,
            &params.before_occurred_at,
            &params.before_integration_activity_id,
            &params.integration_id,
            &params.subject,
            &params.count,
        )
    }
}
