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
