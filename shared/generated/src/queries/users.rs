// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct UpsertParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
> {
    pub user_id: uuid::Uuid,
    pub clerk_user_id: T1,
    pub email: T2,
    pub first_name: T3,
    pub last_name: T4,
    pub image_url: T5,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct EnsureParams<T1: crate::StringSql> {
    pub user_id: uuid::Uuid,
    pub clerk_user_id: T1,
    pub never: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct UpdateSeenParams<T1: crate::StringSql> {
    pub now: chrono::DateTime<chrono::Utc>,
    pub clerk_user_id: T1,
}
#[derive(Clone, Copy, Debug)]
pub struct ListUnseenParams {
    pub before: chrono::DateTime<chrono::Utc>,
    pub count: i64,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteExpiredParams {
    pub before: chrono::DateTime<chrono::Utc>,
    pub count: i64,
}
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct Ensure {
    pub user_id: uuid::Uuid,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl Ensure {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "user_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "deleted_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct Find {
    pub user_id: uuid::Uuid,
    pub clerk_user_id: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub image_url: String,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}
pub struct FindBorrowed<'a> {
    pub user_id: uuid::Uuid,
    pub clerk_user_id: &'a str,
    pub email: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub image_url: &'a str,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl<'a> From<FindBorrowed<'a>> for Find {
    fn from(
        FindBorrowed {
            user_id,
            clerk_user_id,
            email,
            first_name,
            last_name,
            image_url,
            source_updated_at,
            deleted_at,
        }: FindBorrowed<'a>,
    ) -> Self {
        Self {
            user_id,
            clerk_user_id: clerk_user_id.into(),
            email: email.into(),
            first_name: first_name.into(),
            last_name: last_name.into(),
            image_url: image_url.into(),
            source_updated_at,
            deleted_at,
        }
    }
}
impl Find {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "user_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "clerk_user_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "email",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "first_name",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "last_name",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "image_url",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "source_updated_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "deleted_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
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
pub struct EnsureQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<Ensure, tokio_postgres::Error>,
    mapper: fn(Ensure) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> EnsureQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(Ensure) -> R) -> EnsureQuery<'c, 'a, 's, C, R, N> {
        EnsureQuery {
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
pub struct UpsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Mirrors a person; the transaction must name it. Of all that was ever said about a person the greatest holds, in the
/// order of this comparison: a deletion, then the latest, then (of one time) whatever compares as greater. So the
/// outcome does not depend on the order or number of arrivals. No row when what is there is as great.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO users (user_id, clerk_user_id, email, first_name, last_name, image_url, source_updated_at, deleted_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT ON CONSTRAINT users_clerk_user_id_key DO UPDATE SET email = EXCLUDED.email, first_name = EXCLUDED.first_name, last_name = EXCLUDED.last_name, image_url = EXCLUDED.image_url, source_updated_at = EXCLUDED.source_updated_at, deleted_at = EXCLUDED.deleted_at, updated_at = $9 WHERE (users.deleted_at IS NOT NULL, users.source_updated_at, users.email COLLATE \"C\", users.first_name COLLATE \"C\", users.last_name COLLATE \"C\", users.image_url COLLATE \"C\") < (EXCLUDED.deleted_at IS NOT NULL, EXCLUDED.source_updated_at, EXCLUDED.email COLLATE \"C\", EXCLUDED.first_name COLLATE \"C\", EXCLUDED.last_name COLLATE \"C\", EXCLUDED.image_url COLLATE \"C\") RETURNING user_id",
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
    >(
        &'s self,
        client: &'c C,
        user_id: &'a uuid::Uuid,
        clerk_user_id: &'a T1,
        email: &'a T2,
        first_name: &'a T3,
        last_name: &'a T4,
        image_url: &'a T5,
        source_updated_at: &'a chrono::DateTime<chrono::Utc>,
        deleted_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9> {
        UuidUuidQuery {
            client,
            params: [
                user_id,
                clerk_user_id,
                email,
                first_name,
                last_name,
                image_url,
                source_updated_at,
                deleted_at,
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
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpsertParams<T1, T2, T3, T4, T5>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9>,
        C,
    > for UpsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpsertParams<T1, T2, T3, T4, T5>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9> {
        self.bind(
            client,
            &params.user_id,
            &params.clerk_user_id,
            &params.email,
            &params.first_name,
            &params.last_name,
            &params.image_url,
            &params.source_updated_at,
            &params.deleted_at,
            &params.now,
        )
    }
}
pub struct EnsureStmt(&'static str, Option<tokio_postgres::Statement>);
/// The row that mirrors a person, made as a stub where there was none; stays locked until the transaction ends.
pub fn ensure() -> EnsureStmt {
    EnsureStmt(
        "INSERT INTO users (user_id, clerk_user_id, email, source_updated_at, created_at, updated_at) VALUES ($1, $2, '', $3, $4, $4) ON CONFLICT ON CONSTRAINT users_clerk_user_id_key DO UPDATE SET clerk_user_id = EXCLUDED.clerk_user_id RETURNING user_id, deleted_at",
        None,
    )
}
impl EnsureStmt {
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
        user_id: &'a uuid::Uuid,
        clerk_user_id: &'a T1,
        never: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> EnsureQuery<'c, 'a, 's, C, Ensure, 4> {
        EnsureQuery {
            client,
            params: [user_id, clerk_user_id, never, now],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<Ensure, tokio_postgres::Error> {
                Ok(Ensure {
                    user_id: row.try_get(0)?,
                    deleted_at: row.try_get(1)?,
                })
            },
            mapper: |it| Ensure::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, EnsureParams<T1>, EnsureQuery<'c, 'a, 's, C, Ensure, 4>, C>
    for EnsureStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a EnsureParams<T1>,
    ) -> EnsureQuery<'c, 'a, 's, C, Ensure, 4> {
        self.bind(
            client,
            &params.user_id,
            &params.clerk_user_id,
            &params.never,
            &params.now,
        )
    }
}
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// The row that mirrors a person, deleted or not; the transaction must name the person or a colleague's organization.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT user_id, clerk_user_id, email, first_name, last_name, image_url, source_updated_at, deleted_at FROM users WHERE clerk_user_id = $1",
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
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        clerk_user_id: &'a T1,
    ) -> FindQuery<'c, 'a, 's, C, Find, 1> {
        FindQuery {
            client,
            params: [clerk_user_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindBorrowed, tokio_postgres::Error> {
                Ok(FindBorrowed {
                    user_id: row.try_get(0)?,
                    clerk_user_id: row.try_get(1)?,
                    email: row.try_get(2)?,
                    first_name: row.try_get(3)?,
                    last_name: row.try_get(4)?,
                    image_url: row.try_get(5)?,
                    source_updated_at: row.try_get(6)?,
                    deleted_at: row.try_get(7)?,
                })
            },
            mapper: |it| Find::from(it),
        }
    }
}
pub struct UpdateSeenStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that a comparison with Clerk came across a person.
pub fn update_seen() -> UpdateSeenStmt {
    UpdateSeenStmt(
        "UPDATE users SET seen_at = greatest(seen_at, $1) WHERE clerk_user_id = $2 RETURNING user_id",
        None,
    )
}
impl UpdateSeenStmt {
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
        now: &'a chrono::DateTime<chrono::Utc>,
        clerk_user_id: &'a T1,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        UuidUuidQuery {
            client,
            params: [now, clerk_user_id],
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
        UpdateSeenParams<T1>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2>,
        C,
    > for UpdateSeenStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateSeenParams<T1>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        self.bind(client, &params.now, &params.clerk_user_id)
    }
}
pub struct ListUnseenStmt(&'static str, Option<tokio_postgres::Statement>);
/// People that a comparison has not come across, though they are not deleted; the transaction must name its time.
pub fn list_unseen() -> ListUnseenStmt {
    ListUnseenStmt(
        "SELECT clerk_user_id FROM users WHERE deleted_at IS NULL AND coalesce(seen_at, created_at) < $1 ORDER BY clerk_user_id LIMIT $2",
        None,
    )
}
impl ListUnseenStmt {
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
    crate::client::async_::Params<'c, 'a, 's, ListUnseenParams, StringQuery<'c, 'a, 's, C, String, 2>, C>
    for ListUnseenStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListUnseenParams,
    ) -> StringQuery<'c, 'a, 's, C, String, 2> {
        self.bind(client, &params.before, &params.count)
    }
}
pub struct DeleteExpiredStmt(&'static str, Option<tokio_postgres::Statement>);
/// Removes people who were deleted at Clerk long ago; the transaction must name the time.
pub fn delete_expired() -> DeleteExpiredStmt {
    DeleteExpiredStmt(
        "DELETE FROM users WHERE user_id IN (SELECT u.user_id FROM users u WHERE u.deleted_at < $1 LIMIT $2) RETURNING user_id",
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
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        UuidUuidQuery {
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
    crate::client::async_::Params<
        'c,
        'a,
        's,
        DeleteExpiredParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2>,
        C,
    > for DeleteExpiredStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a DeleteExpiredParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        self.bind(client, &params.before, &params.count)
    }
}
