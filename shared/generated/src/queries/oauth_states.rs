// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct InsertParams<
    T1: crate::BytesSql,
    T2: crate::StringSql,
    T3: crate::BytesSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
    T6: crate::StringSql,
    T7: crate::StringSql,
> {
    pub state_hash: T1,
    pub organization_id: uuid::Uuid,
    pub user_id: uuid::Uuid,
    pub connector_type: T2,
    pub browser_hash: T3,
    pub clerk_session_id: T4,
    pub code_verifier: Option<T5>,
    pub redirect_uri: T6,
    pub replaces: bool,
    pub impersonated_by: Option<T7>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub expires_at: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct TakeParams<T1: crate::BytesSql> {
    pub organization_id: uuid::Uuid,
    pub state_hash: T1,
}
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub organization_id: uuid::Uuid,
    pub user_id: uuid::Uuid,
    pub connector_type: String,
    pub browser_hash: Vec<u8>,
    pub clerk_session_id: String,
    pub code_verifier: Option<String>,
    pub redirect_uri: String,
    pub replaces: bool,
    pub impersonated_by: Option<String>,
    pub expires_at: chrono::DateTime<chrono::Utc>,
}
pub struct StateBorrowed<'a> {
    pub organization_id: uuid::Uuid,
    pub user_id: uuid::Uuid,
    pub connector_type: &'a str,
    pub browser_hash: &'a [u8],
    pub clerk_session_id: &'a str,
    pub code_verifier: Option<&'a str>,
    pub redirect_uri: &'a str,
    pub replaces: bool,
    pub impersonated_by: Option<&'a str>,
    pub expires_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<StateBorrowed<'a>> for State {
    fn from(
        StateBorrowed {
            organization_id,
            user_id,
            connector_type,
            browser_hash,
            clerk_session_id,
            code_verifier,
            redirect_uri,
            replaces,
            impersonated_by,
            expires_at,
        }: StateBorrowed<'a>,
    ) -> Self {
        Self {
            organization_id,
            user_id,
            connector_type: connector_type.into(),
            browser_hash: browser_hash.into(),
            clerk_session_id: clerk_session_id.into(),
            code_verifier: code_verifier.map(|v| v.into()),
            redirect_uri: redirect_uri.into(),
            replaces,
            impersonated_by: impersonated_by.map(|v| v.into()),
            expires_at,
        }
    }
}
impl State {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "organization_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "user_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "connector_type",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "browser_hash",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "clerk_session_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "code_verifier",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "redirect_uri",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "replaces",
                rust_type: "bool",
                pg_type: "pg_catalog.bool",
            },
            FieldMetadata {
                name: "impersonated_by",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "expires_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct Vecu8Query<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<&[u8], tokio_postgres::Error>,
    mapper: fn(&[u8]) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> Vecu8Query<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(&[u8]) -> R) -> Vecu8Query<'c, 'a, 's, C, R, N> {
        Vecu8Query {
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
pub struct StateQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<StateBorrowed, tokio_postgres::Error>,
    mapper: fn(StateBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> StateQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(StateBorrowed) -> R) -> StateQuery<'c, 'a, 's, C, R, N> {
        StateQuery {
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
/// Notes that somebody has gone to a third party to connect.
pub fn insert() -> InsertStmt {
    InsertStmt(
        "INSERT INTO oauth_states (state_hash, organization_id, user_id, connector_type, browser_hash, clerk_session_id, code_verifier, redirect_uri, replaces, impersonated_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING state_hash",
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
        T1: crate::BytesSql,
        T2: crate::StringSql,
        T3: crate::BytesSql,
        T4: crate::StringSql,
        T5: crate::StringSql,
        T6: crate::StringSql,
        T7: crate::StringSql,
    >(
        &'s self,
        client: &'c C,
        state_hash: &'a T1,
        organization_id: &'a uuid::Uuid,
        user_id: &'a uuid::Uuid,
        connector_type: &'a T2,
        browser_hash: &'a T3,
        clerk_session_id: &'a T4,
        code_verifier: &'a Option<T5>,
        redirect_uri: &'a T6,
        replaces: &'a bool,
        impersonated_by: &'a Option<T7>,
        now: &'a chrono::DateTime<chrono::Utc>,
        expires_at: &'a chrono::DateTime<chrono::Utc>,
    ) -> Vecu8Query<'c, 'a, 's, C, Vec<u8>, 12> {
        Vecu8Query {
            client,
            params: [
                state_hash,
                organization_id,
                user_id,
                connector_type,
                browser_hash,
                clerk_session_id,
                code_verifier,
                redirect_uri,
                replaces,
                impersonated_by,
                now,
                expires_at,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
impl<
    'c,
    'a,
    's,
    C: GenericClient,
    T1: crate::BytesSql,
    T2: crate::StringSql,
    T3: crate::BytesSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
    T6: crate::StringSql,
    T7: crate::StringSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        InsertParams<T1, T2, T3, T4, T5, T6, T7>,
        Vecu8Query<'c, 'a, 's, C, Vec<u8>, 12>,
        C,
    > for InsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a InsertParams<T1, T2, T3, T4, T5, T6, T7>,
    ) -> Vecu8Query<'c, 'a, 's, C, Vec<u8>, 12> {
        self.bind(
            client,
            &params.state_hash,
            &params.organization_id,
            &params.user_id,
            &params.connector_type,
            &params.browser_hash,
            &params.clerk_session_id,
            &params.code_verifier,
            &params.redirect_uri,
            &params.replaces,
            &params.impersonated_by,
            &params.now,
            &params.expires_at,
        )
    }
}
pub struct TakeStmt(&'static str, Option<tokio_postgres::Statement>);
/// Uses up what somebody of the organization has begun: nobody can use it a second time, whatever comes of it.
pub fn take() -> TakeStmt {
    TakeStmt(
        "DELETE FROM oauth_states WHERE organization_id = $1 AND state_hash = $2 RETURNING organization_id, user_id, connector_type, browser_hash, clerk_session_id, code_verifier, redirect_uri, replaces, impersonated_by, expires_at",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::BytesSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        state_hash: &'a T1,
    ) -> StateQuery<'c, 'a, 's, C, State, 2> {
        StateQuery {
            client,
            params: [organization_id, state_hash],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<StateBorrowed, tokio_postgres::Error> {
                Ok(StateBorrowed {
                    organization_id: row.try_get(0)?,
                    user_id: row.try_get(1)?,
                    connector_type: row.try_get(2)?,
                    browser_hash: row.try_get(3)?,
                    clerk_session_id: row.try_get(4)?,
                    code_verifier: row.try_get(5)?,
                    redirect_uri: row.try_get(6)?,
                    replaces: row.try_get(7)?,
                    impersonated_by: row.try_get(8)?,
                    expires_at: row.try_get(9)?,
                })
            },
            mapper: |it| State::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::BytesSql>
    crate::client::async_::Params<'c, 'a, 's, TakeParams<T1>, StateQuery<'c, 'a, 's, C, State, 2>, C>
    for TakeStmt
{
    fn params(&'s self, client: &'c C, params: &'a TakeParams<T1>) -> StateQuery<'c, 'a, 's, C, State, 2> {
        self.bind(client, &params.organization_id, &params.state_hash)
    }
}
pub struct TakeNamedStmt(&'static str, Option<tokio_postgres::Statement>);
/// The same for a browser that comes back without a session; the transaction must have named the state.
pub fn take_named() -> TakeNamedStmt {
    TakeNamedStmt(
        "DELETE FROM oauth_states WHERE state_hash = $1 RETURNING organization_id, user_id, connector_type, browser_hash, clerk_session_id, code_verifier, redirect_uri, replaces, impersonated_by, expires_at",
        None,
    )
}
impl TakeNamedStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::BytesSql>(
        &'s self,
        client: &'c C,
        state_hash: &'a T1,
    ) -> StateQuery<'c, 'a, 's, C, State, 1> {
        StateQuery {
            client,
            params: [state_hash],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<StateBorrowed, tokio_postgres::Error> {
                Ok(StateBorrowed {
                    organization_id: row.try_get(0)?,
                    user_id: row.try_get(1)?,
                    connector_type: row.try_get(2)?,
                    browser_hash: row.try_get(3)?,
                    clerk_session_id: row.try_get(4)?,
                    code_verifier: row.try_get(5)?,
                    redirect_uri: row.try_get(6)?,
                    replaces: row.try_get(7)?,
                    impersonated_by: row.try_get(8)?,
                    expires_at: row.try_get(9)?,
                })
            },
            mapper: |it| State::from(it),
        }
    }
}
