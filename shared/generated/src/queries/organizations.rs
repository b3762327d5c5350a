// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct UpsertParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub clerk_org_id: T1,
    pub name: T2,
    pub slug: T3,
    pub created_by_user_id: Option<uuid::Uuid>,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct EnsureParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub clerk_org_id: T1,
    pub name: T2,
    pub slug: T3,
    pub never: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct UpdateSeenParams<T1: crate::StringSql> {
    pub now: chrono::DateTime<chrono::Utc>,
    pub clerk_org_id: T1,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Find {
    pub organization_id: uuid::Uuid,
    pub clerk_org_id: String,
    pub name: String,
    pub slug: String,
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}
pub struct FindBorrowed<'a> {
    pub organization_id: uuid::Uuid,
    pub clerk_org_id: &'a str,
    pub name: &'a str,
    pub slug: &'a str,
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl<'a> From<FindBorrowed<'a>> for Find {
    fn from(
        FindBorrowed {
            organization_id,
            clerk_org_id,
            name,
            slug,
            created_at,
            deleted_at,
        }: FindBorrowed<'a>,
    ) -> Self {
        Self {
            organization_id,
            clerk_org_id: clerk_org_id.into(),
            name: name.into(),
            slug: slug.into(),
            created_at,
            deleted_at,
        }
    }
}
impl Find {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "organization_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "clerk_org_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "name",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "slug",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "created_at",
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
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct Ensure {
    pub organization_id: uuid::Uuid,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl Ensure {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "organization_id",
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
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct FindMirrored {
    pub organization_id: uuid::Uuid,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl FindMirrored {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "organization_id",
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
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
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
pub struct FindMirroredQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<FindMirrored, tokio_postgres::Error>,
    mapper: fn(FindMirrored) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> FindMirroredQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(FindMirrored) -> R) -> FindMirroredQuery<'c, 'a, 's, C, R, N> {
        FindMirroredQuery {
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
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// An organization, deleted or not.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT organization_id, clerk_org_id, name, slug, created_at, deleted_at FROM organizations WHERE organization_id = $1",
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
    pub fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
    ) -> FindQuery<'c, 'a, 's, C, Find, 1> {
        FindQuery {
            client,
            params: [organization_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindBorrowed, tokio_postgres::Error> {
                Ok(FindBorrowed {
                    organization_id: row.try_get(0)?,
                    clerk_org_id: row.try_get(1)?,
                    name: row.try_get(2)?,
                    slug: row.try_get(3)?,
                    created_at: row.try_get(4)?,
                    deleted_at: row.try_get(5)?,
                })
            },
            mapper: |it| Find::from(it),
        }
    }
}
pub struct UpsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Mirrors an organization; the transaction must name it. As `users.upsert`: the greatest holds.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO organizations (organization_id, clerk_org_id, name, slug, created_by_user_id, source_updated_at, deleted_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT ON CONSTRAINT organizations_clerk_org_id_key DO UPDATE SET name = EXCLUDED.name, slug = EXCLUDED.slug, created_by_user_id = CASE WHEN EXCLUDED.deleted_at IS NULL THEN coalesce(EXCLUDED.created_by_user_id, organizations.created_by_user_id) END, source_updated_at = EXCLUDED.source_updated_at, deleted_at = EXCLUDED.deleted_at, updated_at = $8 WHERE (organizations.deleted_at IS NOT NULL, organizations.source_updated_at, organizations.name COLLATE \"C\", organizations.slug COLLATE \"C\") < (EXCLUDED.deleted_at IS NOT NULL, EXCLUDED.source_updated_at, EXCLUDED.name COLLATE \"C\", EXCLUDED.slug COLLATE \"C\") RETURNING organization_id",
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
    >(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        clerk_org_id: &'a T1,
        name: &'a T2,
        slug: &'a T3,
        created_by_user_id: &'a Option<uuid::Uuid>,
        source_updated_at: &'a chrono::DateTime<chrono::Utc>,
        deleted_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 8> {
        UuidUuidQuery {
            client,
            params: [
                organization_id,
                clerk_org_id,
                name,
                slug,
                created_by_user_id,
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
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpsertParams<T1, T2, T3>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 8>,
        C,
    > for UpsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpsertParams<T1, T2, T3>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 8> {
        self.bind(
            client,
            &params.organization_id,
            &params.clerk_org_id,
            &params.name,
            &params.slug,
            &params.created_by_user_id,
            &params.source_updated_at,
            &params.deleted_at,
            &params.now,
        )
    }
}
pub struct EnsureStmt(&'static str, Option<tokio_postgres::Statement>);
/// The row that mirrors an organization, made as a stub where there was none; stays locked until the transaction ends.
pub fn ensure() -> EnsureStmt {
    EnsureStmt(
        "INSERT INTO organizations (organization_id, clerk_org_id, name, slug, source_updated_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT ON CONSTRAINT organizations_clerk_org_id_key DO UPDATE SET clerk_org_id = EXCLUDED.clerk_org_id RETURNING organization_id, deleted_at",
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
    fn bind<
        'c,
        'a,
        's,
        C: GenericClient,
        T1: crate::StringSql,
        T2: crate::StringSql,
        T3: crate::StringSql,
    >(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        clerk_org_id: &'a T1,
        name: &'a T2,
        slug: &'a T3,
        never: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> EnsureQuery<'c, 'a, 's, C, Ensure, 6> {
        EnsureQuery {
            client,
            params: [organization_id, clerk_org_id, name, slug, never, now],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<Ensure, tokio_postgres::Error> {
                Ok(Ensure {
                    organization_id: row.try_get(0)?,
                    deleted_at: row.try_get(1)?,
                })
            },
            mapper: |it| Ensure::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        EnsureParams<T1, T2, T3>,
        EnsureQuery<'c, 'a, 's, C, Ensure, 6>,
        C,
    > for EnsureStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a EnsureParams<T1, T2, T3>,
    ) -> EnsureQuery<'c, 'a, 's, C, Ensure, 6> {
        self.bind(
            client,
            &params.organization_id,
            &params.clerk_org_id,
            &params.name,
            &params.slug,
            &params.never,
            &params.now,
        )
    }
}
pub struct FindMirroredStmt(&'static str, Option<tokio_postgres::Statement>);
/// The row that mirrors an organization, if there is one; the transaction must name it.
pub fn find_mirrored() -> FindMirroredStmt {
    FindMirroredStmt(
        "SELECT organization_id, deleted_at FROM organizations WHERE clerk_org_id = $1",
        None,
    )
}
impl FindMirroredStmt {
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
        clerk_org_id: &'a T1,
    ) -> FindMirroredQuery<'c, 'a, 's, C, FindMirrored, 1> {
        FindMirroredQuery {
            client,
            params: [clerk_org_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindMirrored, tokio_postgres::Error> {
                Ok(FindMirrored {
                    organization_id: row.try_get(0)?,
                    deleted_at: row.try_get(1)?,
                })
            },
            mapper: |it| FindMirrored::from(it),
        }
    }
}
pub struct UpdateSeenStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that a comparison with Clerk came across an organization.
pub fn update_seen() -> UpdateSeenStmt {
    UpdateSeenStmt(
        "UPDATE organizations SET seen_at = greatest(seen_at, $1) WHERE clerk_org_id = $2 RETURNING organization_id",
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
        clerk_org_id: &'a T1,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        UuidUuidQuery {
            client,
            params: [now, clerk_org_id],
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
        self.bind(client, &params.now, &params.clerk_org_id)
    }
}
pub struct ListUnseenStmt(&'static str, Option<tokio_postgres::Statement>);
/// Organizations that a comparison has not come across, though they are not deleted; the transaction must name its time.
pub fn list_unseen() -> ListUnseenStmt {
    ListUnseenStmt(
        "SELECT clerk_org_id FROM organizations WHERE deleted_at IS NULL AND coalesce(seen_at, created_at) < $1 ORDER BY clerk_org_id LIMIT $2",
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
/// Removes organizations that were deleted at Clerk long ago, with everything that hangs on them; the transaction must
/// name the time.
pub fn delete_expired() -> DeleteExpiredStmt {
    DeleteExpiredStmt(
        "DELETE FROM organizations WHERE organization_id IN (SELECT o.organization_id FROM organizations o WHERE o.deleted_at < $1 LIMIT $2) RETURNING organization_id",
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
