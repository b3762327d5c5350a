// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct UpsertParams<T1: crate::StringSql> {
    pub github_installation_id: i64,
    pub github_account_id: i64,
    pub github_account_type: T1,
    pub is_suspended: bool,
    pub event_time: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Clone, Copy, Debug)]
pub struct UpdateSuspendedParams {
    pub is_suspended: bool,
    pub event_time: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub github_installation_id: i64,
}
#[derive(Debug)]
pub struct BuryParams<T1: crate::StringSql> {
    pub github_installation_id: i64,
    pub github_account_id: i64,
    pub github_account_type: T1,
    pub is_suspended: bool,
    pub event_time: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct I64Query<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<i64, tokio_postgres::Error>,
    mapper: fn(i64) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> I64Query<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(i64) -> R) -> I64Query<'c, 'a, 's, C, R, N> {
        I64Query {
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
pub struct UpsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes an installation that no organization has; newer news stays, and so does that it is gone.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO github_unclaimed_installations (github_installation_id, github_account_id, github_account_type, is_suspended, event_time, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT ON CONSTRAINT github_unclaimed_installations_pkey DO UPDATE SET github_account_id = EXCLUDED.github_account_id, github_account_type = EXCLUDED.github_account_type, is_suspended = EXCLUDED.is_suspended, event_time = EXCLUDED.event_time, updated_at = $6 WHERE github_unclaimed_installations.deleted_at IS NULL AND github_unclaimed_installations.event_time <= $5 RETURNING github_installation_id",
        None,
    )
}
impl UpsertStmt {
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
        github_installation_id: &'a i64,
        github_account_id: &'a i64,
        github_account_type: &'a T1,
        is_suspended: &'a bool,
        event_time: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> I64Query<'c, 'a, 's, C, i64, 6> {
        I64Query {
            client,
            params: [
                github_installation_id,
                github_account_id,
                github_account_type,
                is_suspended,
                event_time,
                now,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, UpsertParams<T1>, I64Query<'c, 'a, 's, C, i64, 6>, C>
    for UpsertStmt
{
    fn params(&'s self, client: &'c C, params: &'a UpsertParams<T1>) -> I64Query<'c, 'a, 's, C, i64, 6> {
        self.bind(
            client,
            &params.github_installation_id,
            &params.github_account_id,
            &params.github_account_type,
            &params.is_suspended,
            &params.event_time,
            &params.now,
        )
    }
}
pub struct UpdateSuspendedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says whether an installation that no organization has is on hold; newer news stays.
pub fn update_suspended() -> UpdateSuspendedStmt {
    UpdateSuspendedStmt(
        "UPDATE github_unclaimed_installations SET is_suspended = $1, event_time = $2, updated_at = $3 WHERE github_installation_id = $4 AND deleted_at IS NULL AND event_time <= $2 RETURNING github_installation_id",
        None,
    )
}
impl UpdateSuspendedStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        is_suspended: &'a bool,
        event_time: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        github_installation_id: &'a i64,
    ) -> I64Query<'c, 'a, 's, C, i64, 4> {
        I64Query {
            client,
            params: [is_suspended, event_time, now, github_installation_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, UpdateSuspendedParams, I64Query<'c, 'a, 's, C, i64, 4>, C>
    for UpdateSuspendedStmt
{
    fn params(&'s self, client: &'c C, params: &'a UpdateSuspendedParams) -> I64Query<'c, 'a, 's, C, i64, 4> {
        self.bind(
            client,
            &params.is_suspended,
            &params.event_time,
            &params.now,
            &params.github_installation_id,
        )
    }
}
pub struct BuryStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that an installation is gone for good, whether it was known or not.
pub fn bury() -> BuryStmt {
    BuryStmt(
        "INSERT INTO github_unclaimed_installations (github_installation_id, github_account_id, github_account_type, is_suspended, event_time, deleted_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5, $6, $6) ON CONFLICT ON CONSTRAINT github_unclaimed_installations_pkey DO UPDATE SET deleted_at = coalesce(github_unclaimed_installations.deleted_at, EXCLUDED.deleted_at), updated_at = $6 RETURNING github_installation_id",
        None,
    )
}
impl BuryStmt {
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
        github_installation_id: &'a i64,
        github_account_id: &'a i64,
        github_account_type: &'a T1,
        is_suspended: &'a bool,
        event_time: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> I64Query<'c, 'a, 's, C, i64, 6> {
        I64Query {
            client,
            params: [
                github_installation_id,
                github_account_id,
                github_account_type,
                is_suspended,
                event_time,
                now,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, BuryParams<T1>, I64Query<'c, 'a, 's, C, i64, 6>, C>
    for BuryStmt
{
    fn params(&'s self, client: &'c C, params: &'a BuryParams<T1>) -> I64Query<'c, 'a, 's, C, i64, 6> {
        self.bind(
            client,
            &params.github_installation_id,
            &params.github_account_id,
            &params.github_account_type,
            &params.is_suspended,
            &params.event_time,
            &params.now,
        )
    }
}
pub struct DeleteStmt(&'static str, Option<tokio_postgres::Statement>);
/// An organization has claimed it. One that is gone is not forgotten by that.
pub fn delete() -> DeleteStmt {
    DeleteStmt(
        "DELETE FROM github_unclaimed_installations WHERE github_installation_id = $1 AND deleted_at IS NULL RETURNING github_installation_id",
        None,
    )
}
impl DeleteStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        github_installation_id: &'a i64,
    ) -> I64Query<'c, 'a, 's, C, i64, 1> {
        I64Query {
            client,
            params: [github_installation_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
