// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct TakeParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub clerk_user_id: T1,
    pub now: chrono::DateTime<chrono::Utc>,
    pub user_per_minute: i32,
    pub clerk_org_id: T2,
    pub organization_per_minute: i32,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteExpiredParams {
    pub before: chrono::DateTime<chrono::Utc>,
    pub count: i64,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    pub subject: String,
    pub granted: bool,
    pub arrival_at: chrono::DateTime<chrono::Utc>,
}
pub struct TakeBorrowed<'a> {
    pub subject: &'a str,
    pub granted: bool,
    pub arrival_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<TakeBorrowed<'a>> for Take {
    fn from(
        TakeBorrowed {
            subject,
            granted,
            arrival_at,
        }: TakeBorrowed<'a>,
    ) -> Self {
        Self {
            subject: subject.into(),
            granted,
            arrival_at,
        }
    }
}
impl Take {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "subject",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "granted",
                rust_type: "bool",
                pg_type: "pg_catalog.bool",
            },
            FieldMetadata {
                name: "arrival_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct TakeQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<TakeBorrowed, tokio_postgres::Error>,
    mapper: fn(TakeBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> TakeQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(TakeBorrowed) -> R) -> TakeQuery<'c, 'a, 's, C, R, N> {
        TakeQuery {
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
pub struct StringQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<&str, tokio_postgres::Error>,
    mapper: fn(&str) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> StringQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(&str) -> R) -> StringQuery<'c, 'a, 's, C, R, N> {
        StringQuery {
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
pub struct TakeStmt(&'static str, Option<tokio_postgres::Statement>);
/// Lets a person and their organization make one call, or not: the generic cell rate algorithm. A subject may be ahead of
/// its rate by a minute, so it can make a minute's calls at once. `arrival_at` of one that is refused stays as it was. A
/// person who is refused is not counted for the organization, and there is no row for it: nobody uses up what their
/// colleagues may call. People are locked before organizations, so that two calls never wait for each other.
pub fn take() -> TakeStmt {
    TakeStmt(
        "WITH person AS ( INSERT INTO rate_limits (subject, arrival_at, granted) VALUES ($1, $2::timestamptz + interval '1 minute' / $3::int, true) ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE SET granted = greatest(rate_limits.arrival_at, $2) + (EXCLUDED.arrival_at - $2) <= $2 + interval '1 minute', arrival_at = CASE WHEN greatest(rate_limits.arrival_at, $2) + (EXCLUDED.arrival_at - $2) <= $2 + interval '1 minute' THEN greatest(rate_limits.arrival_at, $2) + (EXCLUDED.arrival_at - $2) ELSE rate_limits.arrival_at END RETURNING subject, granted, arrival_at ), everybody AS ( INSERT INTO rate_limits (subject, arrival_at, granted) SELECT $4, $2::timestamptz + interval '1 minute' / $5::int, true FROM person WHERE person.granted ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE SET granted = greatest(rate_limits.arrival_at, $2) + (EXCLUDED.arrival_at - $2) <= $2 + interval '1 minute', arrival_at = CASE WHEN greatest(rate_limits.arrival_at, $2) + (EXCLUDED.arrival_at - $2) <= $2 + interval '1 minute' THEN greatest(rate_limits.arrival_at, $2) + (EXCLUDED.arrival_at - $2) ELSE rate_limits.arrival_at END RETURNING subject, granted, arrival_at ) SELECT subject, granted, arrival_at FROM person UNION ALL SELECT subject, granted, arrival_at FROM everybody",
        None,
    )
}
impl TakeStmt {
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
        clerk_user_id: &'a T1,
        now: &'a chrono::DateTime<chrono::Utc>,
        user_per_minute: &'a i32,
        clerk_org_id: &'a T2,
        organization_per_minute: &'a i32,
    ) -> TakeQuery<'c, 'a, 's, C, Take, 5> {
        TakeQuery {
            client,
            params: [
                clerk_user_id,
                now,
                user_per_minute,
                clerk_org_id,
                organization_per_minute,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<TakeBorrowed, tokio_postgres::Error> {
                Ok(TakeBorrowed {
                    subject: row.try_get(0)?,
                    granted: row.try_get(1)?,
                    arrival_at: row.try_get(2)?,
                })
            },
            mapper: |it| Take::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, TakeParams<T1, T2>, TakeQuery<'c, 'a, 's, C, Take, 5>, C>
    for TakeStmt
{
    fn params(&'s self, client: &'c C, params: &'a TakeParams<T1, T2>) -> TakeQuery<'c, 'a, 's, C, Take, 5> {
        self.bind(
            client,
            &params.clerk_user_id,
            &params.now,
            &params.user_per_minute,
            &params.clerk_org_id,
            &params.organization_per_minute,
        )
    }
}
pub struct DeleteExpiredStmt(&'static str, Option<tokio_postgres::Statement>);
/// Forgets subjects that are not ahead of their rate.
pub fn delete_expired() -> DeleteExpiredStmt {
    DeleteExpiredStmt(
        "DELETE FROM rate_limits WHERE subject IN (SELECT r.subject FROM rate_limits r WHERE r.arrival_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING subject",
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
    ) -> StringQuery<'c, 'a, 's, C, String, 2> {
        StringQuery {
            client,
            params: [before, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, DeleteExpiredParams, StringQuery<'c, 'a, 's, C, String, 2>, C>
    for DeleteExpiredStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a DeleteExpiredParams,
    ) -> StringQuery<'c, 'a, 's, C, String, 2> {
        self.bind(client, &params.before, &params.count)
    }
}
