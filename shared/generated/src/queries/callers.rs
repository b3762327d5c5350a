// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct IdentifyParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql> {
    pub clerk_session_id: T1,
    pub now: chrono::DateTime<chrono::Utc>,
    pub clerk_user_id: T2,
    pub clerk_org_id: T3,
}
#[derive(Debug)]
pub struct FindRoleParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub user_id: uuid::Uuid,
    pub clerk_session_id: T1,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Identify {
    pub user_id: Option<uuid::Uuid>,
    pub user_deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub organization_id: Option<uuid::Uuid>,
    pub organization_deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub role: Option<String>,
    pub member_updated_at: Option<chrono::DateTime<chrono::Utc>>,
    pub member_deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub joined_at: Option<chrono::DateTime<chrono::Utc>>,
    pub session_revoked: bool,
}
pub struct IdentifyBorrowed<'a> {
    pub user_id: Option<uuid::Uuid>,
    pub user_deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub organization_id: Option<uuid::Uuid>,
    pub organization_deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub role: Option<&'a str>,
    pub member_updated_at: Option<chrono::DateTime<chrono::Utc>>,
    pub member_deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    pub joined_at: Option<chrono::DateTime<chrono::Utc>>,
    pub session_revoked: bool,
}
impl<'a> From<IdentifyBorrowed<'a>> for Identify {
    fn from(
        IdentifyBorrowed {
            user_id,
            user_deleted_at,
            organization_id,
            organization_deleted_at,
            role,
            member_updated_at,
            member_deleted_at,
            joined_at,
            session_revoked,
        }: IdentifyBorrowed<'a>,
    ) -> Self {
        Self {
            user_id,
            user_deleted_at,
            organization_id,
            organization_deleted_at,
            role: role.map(|v| v.into()),
            member_updated_at,
            member_deleted_at,
            joined_at,
            session_revoked,
        }
    }
}
impl Identify {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "user_id",
                rust_type: "Option<uuid::Uuid>",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "user_deleted_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "organization_id",
                rust_type: "Option<uuid::Uuid>",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "organization_deleted_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "role",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "member_updated_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "member_deleted_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "joined_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "session_revoked",
                rust_type: "bool",
                pg_type: "pg_catalog.bool",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct IdentifyQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<IdentifyBorrowed, tokio_postgres::Error>,
    mapper: fn(IdentifyBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> IdentifyQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(IdentifyBorrowed) -> R) -> IdentifyQuery<'c, 'a, 's, C, R, N> {
        IdentifyQuery {
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
pub struct IdentifyStmt(&'static str, Option<tokio_postgres::Statement>);
/// What is known of somebody who calls: always one row, with NULL for what is not mirrored yet. Works before the
/// organization is known: the transaction must name the person and the organization.
pub fn identify() -> IdentifyStmt {
    IdentifyStmt(
        "SELECT u.user_id, u.deleted_at AS user_deleted_at, o.organization_id, o.deleted_at AS organization_deleted_at, m.role, m.source_updated_at AS member_updated_at, m.deleted_at AS member_deleted_at, m.joined_at, EXISTS (SELECT FROM revoked_sessions r WHERE r.clerk_session_id = $1 AND r.expires_at > $2) AS session_revoked FROM (VALUES (true)) AS caller (calls) LEFT JOIN users u ON u.clerk_user_id = $3 LEFT JOIN organizations o ON o.clerk_org_id = $4 LEFT JOIN organization_members m ON m.organization_id = o.organization_id AND m.user_id = u.user_id",
        None,
    )
}
impl IdentifyStmt {
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
        clerk_session_id: &'a T1,
        now: &'a chrono::DateTime<chrono::Utc>,
        clerk_user_id: &'a T2,
        clerk_org_id: &'a T3,
    ) -> IdentifyQuery<'c, 'a, 's, C, Identify, 4> {
        IdentifyQuery {
            client,
            params: [clerk_session_id, now, clerk_user_id, clerk_org_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<IdentifyBorrowed, tokio_postgres::Error> {
                Ok(IdentifyBorrowed {
                    user_id: row.try_get(0)?,
                    user_deleted_at: row.try_get(1)?,
                    organization_id: row.try_get(2)?,
                    organization_deleted_at: row.try_get(3)?,
                    role: row.try_get(4)?,
                    member_updated_at: row.try_get(5)?,
                    member_deleted_at: row.try_get(6)?,
                    joined_at: row.try_get(7)?,
                    session_revoked: row.try_get(8)?,
                })
            },
            mapper: |it| Identify::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        IdentifyParams<T1, T2, T3>,
        IdentifyQuery<'c, 'a, 's, C, Identify, 4>,
        C,
    > for IdentifyStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a IdentifyParams<T1, T2, T3>,
    ) -> IdentifyQuery<'c, 'a, 's, C, Identify, 4> {
        self.bind(
            client,
            &params.clerk_session_id,
            &params.now,
            &params.clerk_user_id,
            &params.clerk_org_id,
        )
    }
}
pub struct FindRoleStmt(&'static str, Option<tokio_postgres::Statement>);
/// What somebody of the organization may do who comes back without a session, and whose session has not been ended since.
pub fn find_role() -> FindRoleStmt {
    FindRoleStmt(
        "SELECT m.role FROM organization_members m JOIN users u ON u.user_id = m.user_id WHERE m.organization_id = $1 AND m.user_id = $2 AND m.deleted_at IS NULL AND u.deleted_at IS NULL AND NOT EXISTS (SELECT FROM revoked_sessions r WHERE r.clerk_session_id = $3 AND r.expires_at > $4)",
        None,
    )
}
impl FindRoleStmt {
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
        user_id: &'a uuid::Uuid,
        clerk_session_id: &'a T1,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> StringQuery<'c, 'a, 's, C, String, 4> {
        StringQuery {
            client,
            params: [organization_id, user_id, clerk_session_id, now],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, FindRoleParams<T1>, StringQuery<'c, 'a, 's, C, String, 4>, C>
    for FindRoleStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindRoleParams<T1>,
    ) -> StringQuery<'c, 'a, 's, C, String, 4> {
        self.bind(
            client,
            &params.organization_id,
            &params.user_id,
            &params.clerk_session_id,
            &params.now,
        )
    }
}
