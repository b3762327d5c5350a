// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct UpsertParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub user_id: uuid::Uuid,
    pub clerk_org_id: T1,
    pub clerk_user_id: T2,
    pub role: T3,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub joined_at: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct FindParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub clerk_org_id: T1,
    pub clerk_user_id: T2,
}
#[derive(Debug)]
pub struct ListParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub after_joined_at: chrono::DateTime<chrono::Utc>,
    pub after_user_id: uuid::Uuid,
    pub role: Option<T1>,
    pub prefix: Option<T2>,
    pub search_email: bool,
    pub count: i64,
}
#[derive(Debug)]
pub struct UpdateSeenParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub now: chrono::DateTime<chrono::Utc>,
    pub clerk_org_id: T1,
    pub clerk_user_id: T2,
}
#[derive(Clone, Copy, Debug)]
pub struct ListUnseenParams {
    pub organization_id: uuid::Uuid,
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
    pub role: String,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub joined_at: chrono::DateTime<chrono::Utc>,
}
pub struct FindBorrowed<'a> {
    pub role: &'a str,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub joined_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<FindBorrowed<'a>> for Find {
    fn from(
        FindBorrowed {
            role,
            source_updated_at,
            deleted_at,
            joined_at,
        }: FindBorrowed<'a>,
    ) -> Self {
        Self {
            role: role.into(),
            source_updated_at,
            deleted_at,
            joined_at,
        }
    }
}
impl Find {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "role",
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
            FieldMetadata {
                name: "joined_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    pub user_id: uuid::Uuid,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub image_url: String,
    pub role: String,
    pub joined_at: chrono::DateTime<chrono::Utc>,
}
pub struct ListBorrowed<'a> {
    pub user_id: uuid::Uuid,
    pub email: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub image_url: &'a str,
    pub role: &'a str,
    pub joined_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<ListBorrowed<'a>> for List {
    fn from(
        ListBorrowed {
            user_id,
            email,
            first_name,
            last_name,
            image_url,
            role,
            joined_at,
        }: ListBorrowed<'a>,
    ) -> Self {
        Self {
            user_id,
            email: email.into(),
            first_name: first_name.into(),
            last_name: last_name.into(),
            image_url: image_url.into(),
            role: role.into(),
            joined_at,
        }
    }
}
impl List {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "user_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
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
                name: "role",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "joined_at",
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
pub struct ListQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<ListBorrowed, tokio_postgres::Error>,
    mapper: fn(ListBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ListQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(ListBorrowed) -> R) -> ListQuery<'c, 'a, 's, C, R, N> {
        ListQuery {
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
/// Mirrors a membership; the transaction must name both sides. Of all that was ever said about it the greatest holds:
/// the latest, then (of one time) the end, then whatever compares as greater. No row when what is there is as great.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO organization_members (organization_id, user_id, clerk_org_id, clerk_user_id, role, source_updated_at, deleted_at, joined_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT ON CONSTRAINT organization_members_pkey DO UPDATE SET role = EXCLUDED.role, source_updated_at = EXCLUDED.source_updated_at, deleted_at = EXCLUDED.deleted_at, joined_at = EXCLUDED.joined_at, updated_at = $9 WHERE organization_members.organization_id = $1 AND (organization_members.source_updated_at, organization_members.deleted_at IS NOT NULL, organization_members.role COLLATE \"C\", organization_members.joined_at) < (EXCLUDED.source_updated_at, EXCLUDED.deleted_at IS NOT NULL, EXCLUDED.role COLLATE \"C\", EXCLUDED.joined_at) RETURNING user_id",
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
        user_id: &'a uuid::Uuid,
        clerk_org_id: &'a T1,
        clerk_user_id: &'a T2,
        role: &'a T3,
        source_updated_at: &'a chrono::DateTime<chrono::Utc>,
        deleted_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        joined_at: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9> {
        UuidUuidQuery {
            client,
            params: [
                organization_id,
                user_id,
                clerk_org_id,
                clerk_user_id,
                role,
                source_updated_at,
                deleted_at,
                joined_at,
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
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9>,
        C,
    > for UpsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpsertParams<T1, T2, T3>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9> {
        self.bind(
            client,
            &params.organization_id,
            &params.user_id,
            &params.clerk_org_id,
            &params.clerk_user_id,
            &params.role,
            &params.source_updated_at,
            &params.deleted_at,
            &params.joined_at,
            &params.now,
        )
    }
}
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// A membership, ended or not; the transaction must name both sides.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT role, source_updated_at, deleted_at, joined_at FROM organization_members WHERE clerk_org_id = $1 AND clerk_user_id = $2",
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
        clerk_org_id: &'a T1,
        clerk_user_id: &'a T2,
    ) -> FindQuery<'c, 'a, 's, C, Find, 2> {
        FindQuery {
            client,
            params: [clerk_org_id, clerk_user_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindBorrowed, tokio_postgres::Error> {
                Ok(FindBorrowed {
                    role: row.try_get(0)?,
                    source_updated_at: row.try_get(1)?,
                    deleted_at: row.try_get(2)?,
                    joined_at: row.try_get(3)?,
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
        self.bind(client, &params.clerk_org_id, &params.clerk_user_id)
    }
}
pub struct ListStmt(&'static str, Option<tokio_postgres::Statement>);
/// Members of an organization in the order in which they joined, from behind a place in it. `prefix` is of a name, or
/// with `search_email` of an e-mail address, in any case.
pub fn list() -> ListStmt {
    ListStmt(
        "SELECT u.user_id, u.email, u.first_name, u.last_name, u.image_url, m.role, m.joined_at FROM organization_members m JOIN users u ON u.user_id = m.user_id WHERE m.organization_id = $1 AND m.deleted_at IS NULL AND u.deleted_at IS NULL AND (m.joined_at, m.user_id) > ($2, $3) AND ($4::text IS NULL OR m.role = $4) AND ($5::text IS NULL OR starts_with(lower(u.first_name), lower($5)) OR starts_with(lower(u.last_name), lower($5)) OR starts_with(lower(u.first_name || ' ' || u.last_name), lower($5)) OR ($6::boolean AND starts_with(lower(u.email), lower($5)))) ORDER BY m.joined_at, m.user_id LIMIT $7",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        after_joined_at: &'a chrono::DateTime<chrono::Utc>,
        after_user_id: &'a uuid::Uuid,
        role: &'a Option<T1>,
        prefix: &'a Option<T2>,
        search_email: &'a bool,
        count: &'a i64,
    ) -> ListQuery<'c, 'a, 's, C, List, 7> {
        ListQuery {
            client,
            params: [
                organization_id,
                after_joined_at,
                after_user_id,
                role,
                prefix,
                search_email,
                count,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ListBorrowed, tokio_postgres::Error> {
                Ok(ListBorrowed {
                    user_id: row.try_get(0)?,
                    email: row.try_get(1)?,
                    first_name: row.try_get(2)?,
                    last_name: row.try_get(3)?,
                    image_url: row.try_get(4)?,
                    role: row.try_get(5)?,
                    joined_at: row.try_get(6)?,
                })
            },
            mapper: |it| List::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, ListParams<T1, T2>, ListQuery<'c, 'a, 's, C, List, 7>, C>
    for ListStmt
{
    fn params(&'s self, client: &'c C, params: &'a ListParams<T1, T2>) -> ListQuery<'c, 'a, 's, C, List, 7> {
        self.bind(
            client,
            &params.organization_id,
            &params.after_joined_at,
            &params.after_user_id,
            &params.role,
            &params.prefix,
            &params.search_email,
            &params.count,
        )
    }
}
pub struct ListOfUserStmt(&'static str, Option<tokio_postgres::Statement>);
/// The organizations that a person belongs to; the transaction must name the person.
pub fn list_of_user() -> ListOfUserStmt {
    ListOfUserStmt(
        "SELECT organization_id FROM organization_members WHERE clerk_user_id = $1 AND deleted_at IS NULL ORDER BY organization_id",
        None,
    )
}
impl ListOfUserStmt {
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
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 1> {
        UuidUuidQuery {
            client,
            params: [clerk_user_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
pub struct UpdateSeenStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that a comparison with Clerk came across a membership; the transaction must name both sides.
pub fn update_seen() -> UpdateSeenStmt {
    UpdateSeenStmt(
        "UPDATE organization_members SET seen_at = greatest(seen_at, $1) WHERE clerk_org_id = $2 AND clerk_user_id = $3 RETURNING user_id",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        now: &'a chrono::DateTime<chrono::Utc>,
        clerk_org_id: &'a T1,
        clerk_user_id: &'a T2,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        UuidUuidQuery {
            client,
            params: [now, clerk_org_id, clerk_user_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpdateSeenParams<T1, T2>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3>,
        C,
    > for UpdateSeenStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateSeenParams<T1, T2>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        self.bind(client, &params.now, &params.clerk_org_id, &params.clerk_user_id)
    }
}
pub struct ListUnseenStmt(&'static str, Option<tokio_postgres::Statement>);
/// Members whose membership a comparison has not come across, though it has not ended.
pub fn list_unseen() -> ListUnseenStmt {
    ListUnseenStmt(
        "SELECT clerk_user_id FROM organization_members WHERE organization_id = $1 AND deleted_at IS NULL AND source_updated_at < $2 AND (seen_at IS NULL OR seen_at < $2) ORDER BY clerk_user_id LIMIT $3",
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
        organization_id: &'a uuid::Uuid,
        before: &'a chrono::DateTime<chrono::Utc>,
        count: &'a i64,
    ) -> StringQuery<'c, 'a, 's, C, String, 3> {
        StringQuery {
            client,
            params: [organization_id, before, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, ListUnseenParams, StringQuery<'c, 'a, 's, C, String, 3>, C>
    for ListUnseenStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListUnseenParams,
    ) -> StringQuery<'c, 'a, 's, C, String, 3> {
        self.bind(client, &params.organization_id, &params.before, &params.count)
    }
}
pub struct DeleteExpiredStmt(&'static str, Option<tokio_postgres::Statement>);
/// Removes memberships that ended long ago; the transaction must name the time.
pub fn delete_expired() -> DeleteExpiredStmt {
    DeleteExpiredStmt(
        "DELETE FROM organization_members WHERE (organization_id, user_id) IN (SELECT m.organization_id, m.user_id FROM organization_members m WHERE m.deleted_at < $1 LIMIT $2) RETURNING user_id",
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
