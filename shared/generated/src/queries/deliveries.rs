// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct ClaimParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub source: T1,
    pub key: T2,
    pub lease_until: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct ExtendParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub lease_until: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub source: T1,
    pub key: T2,
    pub fence: i64,
}
#[derive(Debug)]
pub struct FinishParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
> {
    pub state: T1,
    pub reason: Option<T2>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub source: T3,
    pub key: T4,
    pub fence: i64,
}
#[derive(Debug)]
pub struct FindParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub source: T1,
    pub key: T2,
}
#[derive(Debug)]
pub struct RecordParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub source: T1,
    pub key: T2,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteExpiredParams {
    pub before: chrono::DateTime<chrono::Utc>,
    pub count: i64,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub claimed: bool,
    pub state: String,
    pub fence: i64,
    pub attempts: i32,
    pub lease_until: chrono::DateTime<chrono::Utc>,
}
pub struct DeliveryBorrowed<'a> {
    pub claimed: bool,
    pub state: &'a str,
    pub fence: i64,
    pub attempts: i32,
    pub lease_until: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<DeliveryBorrowed<'a>> for Delivery {
    fn from(
        DeliveryBorrowed {
            claimed,
            state,
            fence,
            attempts,
            lease_until,
        }: DeliveryBorrowed<'a>,
    ) -> Self {
        Self {
            claimed,
            state: state.into(),
            fence,
            attempts,
            lease_until,
        }
    }
}
impl Delivery {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "claimed",
                rust_type: "bool",
                pg_type: "pg_catalog.bool",
            },
            FieldMetadata {
                name: "state",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "fence",
                rust_type: "i64",
                pg_type: "pg_catalog.int8",
            },
            FieldMetadata {
                name: "attempts",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "lease_until",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct Find {
    pub state: String,
    pub fence: i64,
    pub attempts: i32,
    pub lease_until: chrono::DateTime<chrono::Utc>,
    pub reason: Option<String>,
}
pub struct FindBorrowed<'a> {
    pub state: &'a str,
    pub fence: i64,
    pub attempts: i32,
    pub lease_until: chrono::DateTime<chrono::Utc>,
    pub reason: Option<&'a str>,
}
impl<'a> From<FindBorrowed<'a>> for Find {
    fn from(
        FindBorrowed {
            state,
            fence,
            attempts,
            lease_until,
            reason,
        }: FindBorrowed<'a>,
    ) -> Self {
        Self {
            state: state.into(),
            fence,
            attempts,
            lease_until,
            reason: reason.map(|v| v.into()),
        }
    }
}
impl Find {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "state",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "fence",
                rust_type: "i64",
                pg_type: "pg_catalog.int8",
            },
            FieldMetadata {
                name: "attempts",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "lease_until",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "reason",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct DeliveryQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<DeliveryBorrowed, tokio_postgres::Error>,
    mapper: fn(DeliveryBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> DeliveryQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(DeliveryBorrowed) -> R) -> DeliveryQuery<'c, 'a, 's, C, R, N> {
        DeliveryQuery {
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
pub struct FindQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<FindBorrowed, tokio_postgres::Error>,
    mapper: fn(FindBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> FindQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(FindBorrowed) -> R) -> FindQuery<'c, 'a, 's, C, R, N> {
        FindQuery {
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
pub struct ClaimStmt(&'static str, Option<tokio_postgres::Statement>);
/// Claims a delivery, or tells who has it. No row at all means that another worker claimed it while this statement
/// waited for it; asking again then tells.
pub fn claim() -> ClaimStmt {
    ClaimStmt(
        "WITH claimed AS ( INSERT INTO deliveries (source, key, state, fence, attempts, lease_until, created_at, updated_at) VALUES ($1, $2, 'in_progress', 1, 1, $3, $4, $4) ON CONFLICT ON CONSTRAINT deliveries_pkey DO UPDATE SET fence = deliveries.fence + 1, attempts = deliveries.attempts + 1, lease_until = EXCLUDED.lease_until, updated_at = $4 WHERE deliveries.state = 'in_progress' AND deliveries.lease_until <= $4 RETURNING state, fence, attempts, lease_until ) SELECT true AS claimed, state, fence, attempts, lease_until FROM claimed UNION ALL SELECT false AS claimed, d.state, d.fence, d.attempts, d.lease_until FROM deliveries d WHERE d.source = $1 AND d.key = $2 AND NOT EXISTS (SELECT FROM claimed)",
        None,
    )
}
impl ClaimStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        source: &'a T1,
        key: &'a T2,
        lease_until: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> DeliveryQuery<'c, 'a, 's, C, Delivery, 4> {
        DeliveryQuery {
            client,
            params: [source, key, lease_until, now],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<DeliveryBorrowed, tokio_postgres::Error> {
                Ok(DeliveryBorrowed {
                    claimed: row.try_get(0)?,
                    state: row.try_get(1)?,
                    fence: row.try_get(2)?,
                    attempts: row.try_get(3)?,
                    lease_until: row.try_get(4)?,
                })
            },
            mapper: |it| Delivery::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        ClaimParams<T1, T2>,
        DeliveryQuery<'c, 'a, 's, C, Delivery, 4>,
        C,
    > for ClaimStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ClaimParams<T1, T2>,
    ) -> DeliveryQuery<'c, 'a, 's, C, Delivery, 4> {
        self.bind(
            client,
            &params.source,
            &params.key,
            &params.lease_until,
            &params.now,
        )
    }
}
pub struct ExtendStmt(&'static str, Option<tokio_postgres::Statement>);
/// Prolongs a lease, for the worker that holds it.
pub fn extend() -> ExtendStmt {
    ExtendStmt(
        "UPDATE deliveries SET lease_until = $1, updated_at = $2 WHERE source = $3 AND key = $4 AND fence = $5 AND state = 'in_progress' RETURNING fence",
        None,
    )
}
impl ExtendStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        lease_until: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        source: &'a T1,
        key: &'a T2,
        fence: &'a i64,
    ) -> I64Query<'c, 'a, 's, C, i64, 5> {
        I64Query {
            client,
            params: [lease_until, now, source, key, fence],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, ExtendParams<T1, T2>, I64Query<'c, 'a, 's, C, i64, 5>, C>
    for ExtendStmt
{
    fn params(&'s self, client: &'c C, params: &'a ExtendParams<T1, T2>) -> I64Query<'c, 'a, 's, C, i64, 5> {
        self.bind(
            client,
            &params.lease_until,
            &params.now,
            &params.source,
            &params.key,
            &params.fence,
        )
    }
}
pub struct FinishStmt(&'static str, Option<tokio_postgres::Statement>);
/// Ends a delivery, for the worker that holds the lease.
pub fn finish() -> FinishStmt {
    FinishStmt(
        "UPDATE deliveries SET state = $1, reason = $2, updated_at = $3 WHERE source = $4 AND key = $5 AND fence = $6 AND state = 'in_progress' RETURNING fence",
        None,
    )
}
impl FinishStmt {
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
    >(
        &'s self,
        client: &'c C,
        state: &'a T1,
        reason: &'a Option<T2>,
        now: &'a chrono::DateTime<chrono::Utc>,
        source: &'a T3,
        key: &'a T4,
        fence: &'a i64,
    ) -> I64Query<'c, 'a, 's, C, i64, 6> {
        I64Query {
            client,
            params: [state, reason, now, source, key, fence],
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
> crate::client::async_::Params<'c, 'a, 's, FinishParams<T1, T2, T3, T4>, I64Query<'c, 'a, 's, C, i64, 6>, C>
    for FinishStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FinishParams<T1, T2, T3, T4>,
    ) -> I64Query<'c, 'a, 's, C, i64, 6> {
        self.bind(
            client,
            &params.state,
            &params.reason,
            &params.now,
            &params.source,
            &params.key,
            &params.fence,
        )
    }
}
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// A delivery as it stands.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT state, fence, attempts, lease_until, reason FROM deliveries WHERE source = $1 AND key = $2",
        None,
    )
}
impl FindStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        source: &'a T1,
        key: &'a T2,
    ) -> FindQuery<'c, 'a, 's, C, Find, 2> {
        FindQuery {
            client,
            params: [source, key],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindBorrowed, tokio_postgres::Error> {
                Ok(FindBorrowed {
                    state: row.try_get(0)?,
                    fence: row.try_get(1)?,
                    attempts: row.try_get(2)?,
                    lease_until: row.try_get(3)?,
                    reason: row.try_get(4)?,
                })
            },
            mapper: |it| Find::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, FindParams<T1, T2>, FindQuery<'c, 'a, 's, C, Find, 2>, C>
    for FindStmt
{
    fn params(&'s self, client: &'c C, params: &'a FindParams<T1, T2>) -> FindQuery<'c, 'a, 's, C, Find, 2> {
        self.bind(client, &params.source, &params.key)
    }
}
pub struct RecordStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes a delivery as dealt with, for an effect that is in the same transaction. No row when it was dealt with before,
/// or when somebody is at it; waits for another transaction that is about to note the same.
pub fn record() -> RecordStmt {
    RecordStmt(
        "INSERT INTO deliveries (source, key, state, fence, attempts, lease_until, created_at, updated_at) VALUES ($1, $2, 'done', 1, 1, $3, $3, $3) ON CONFLICT ON CONSTRAINT deliveries_pkey DO NOTHING RETURNING fence",
        None,
    )
}
impl RecordStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        source: &'a T1,
        key: &'a T2,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> I64Query<'c, 'a, 's, C, i64, 3> {
        I64Query {
            client,
            params: [source, key, now],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, RecordParams<T1, T2>, I64Query<'c, 'a, 's, C, i64, 3>, C>
    for RecordStmt
{
    fn params(&'s self, client: &'c C, params: &'a RecordParams<T1, T2>) -> I64Query<'c, 'a, 's, C, i64, 3> {
        self.bind(client, &params.source, &params.key, &params.now)
    }
}
pub struct DeleteExpiredStmt(&'static str, Option<tokio_postgres::Statement>);
/// Forgets deliveries that nothing has happened to for long: no sender sends again after such a time.
pub fn delete_expired() -> DeleteExpiredStmt {
    DeleteExpiredStmt(
        "DELETE FROM deliveries WHERE (source, key) IN (SELECT d.source, d.key FROM deliveries d WHERE d.updated_at < $1 LIMIT $2) RETURNING fence",
        None,
    )
}
impl DeleteExpiredStmt {
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
        before: &'a chrono::DateTime<chrono::Utc>,
        count: &'a i64,
    ) -> I64Query<'c, 'a, 's, C, i64, 2> {
        I64Query {
            client,
            params: [before, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, DeleteExpiredParams, I64Query<'c, 'a, 's, C, i64, 2>, C>
    for DeleteExpiredStmt
{
    fn params(&'s self, client: &'c C, params: &'a DeleteExpiredParams) -> I64Query<'c, 'a, 's, C, i64, 2> {
        self.bind(client, &params.before, &params.count)
    }
}
