// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct UpsertParams<T1: crate::BytesSql, T2: crate::BytesSql, T3: crate::BytesSql, T4: crate::StringSql> {
    pub integration_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub ciphertext: T1,
    pub nonce: T2,
    pub wrapped_key: T3,
    pub encryption_key_id: T4,
    pub encryption_version: i16,
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
    pub refresh_at: Option<chrono::DateTime<chrono::Utc>>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct ListUnderAnotherKeyParams<T1: crate::StringSql> {
    pub key_id: T1,
    pub after: uuid::Uuid,
    pub count: i64,
}
#[derive(Clone, Copy, Debug)]
pub struct FindSealedParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct UpdateWrappedKeyParams<T1: crate::BytesSql, T2: crate::StringSql, T3: crate::BytesSql> {
    pub wrapped_key: T1,
    pub encryption_key_id: T2,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub old_wrapped_key: T3,
}
#[derive(Clone, Copy, Debug)]
pub struct FindParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Clone, Copy, Debug)]
pub struct ListDueParams {
    pub before: chrono::DateTime<chrono::Utc>,
    pub after_due_at: chrono::DateTime<chrono::Utc>,
    pub after: uuid::Uuid,
    pub count: i64,
}
#[derive(Debug)]
pub struct BeginRefreshParams<T1: crate::BytesSql> {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub old_wrapped_key: T1,
}
#[derive(Clone, Copy, Debug)]
pub struct LockParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct UpdateRefreshedParams<
    T1: crate::BytesSql,
    T2: crate::BytesSql,
    T3: crate::BytesSql,
    T4: crate::StringSql,
    T5: crate::BytesSql,
> {
    pub ciphertext: T1,
    pub nonce: T2,
    pub wrapped_key: T3,
    pub encryption_key_id: T4,
    pub encryption_version: i16,
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
    pub refresh_at: Option<chrono::DateTime<chrono::Utc>>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub old_wrapped_key: T5,
}
#[derive(Debug)]
pub struct UpdateRefreshAtParams<T1: crate::BytesSql> {
    pub refresh_at: Option<chrono::DateTime<chrono::Utc>>,
    pub refresh_started_at: Option<chrono::DateTime<chrono::Utc>>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub old_wrapped_key: T1,
}
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct ListUnderAnotherKey {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
impl ListUnderAnotherKey {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "organization_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct FindSealed {
    pub connector_type: String,
    pub ciphertext: Vec<u8>,
    pub nonce: Vec<u8>,
    pub wrapped_key: Vec<u8>,
    pub encryption_key_id: String,
    pub encryption_version: i16,
}
pub struct FindSealedBorrowed<'a> {
    pub connector_type: &'a str,
    pub ciphertext: &'a [u8],
    pub nonce: &'a [u8],
    pub wrapped_key: &'a [u8],
    pub encryption_key_id: &'a str,
    pub encryption_version: i16,
}
impl<'a> From<FindSealedBorrowed<'a>> for FindSealed {
    fn from(
        FindSealedBorrowed {
            connector_type,
            ciphertext,
            nonce,
            wrapped_key,
            encryption_key_id,
            encryption_version,
        }: FindSealedBorrowed<'a>,
    ) -> Self {
        Self {
            connector_type: connector_type.into(),
            ciphertext: ciphertext.into(),
            nonce: nonce.into(),
            wrapped_key: wrapped_key.into(),
            encryption_key_id: encryption_key_id.into(),
            encryption_version,
        }
    }
}
impl FindSealed {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "connector_type",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "ciphertext",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "nonce",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "wrapped_key",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "encryption_key_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "encryption_version",
                rust_type: "i16",
                pg_type: "pg_catalog.int2",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct Refreshable {
    pub connector_type: String,
    pub status: String,
    pub health: String,
    pub health_reason: Option<String>,
    pub generation: i32,
    pub failures: i32,
    pub retry_at: Option<chrono::DateTime<chrono::Utc>>,
    pub external_id: Option<String>,
    pub bot_id: Option<String>,
    pub connector_user_id: Option<String>,
    pub connector_organization_id: Option<String>,
    pub metadata: serde_json::Value,
    pub own_nonce: Option<String>,
    pub ciphertext: Vec<u8>,
    pub nonce: Vec<u8>,
    pub wrapped_key: Vec<u8>,
    pub encryption_key_id: String,
    pub encryption_version: i16,
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
    pub refresh_at: Option<chrono::DateTime<chrono::Utc>>,
    pub refresh_started_at: Option<chrono::DateTime<chrono::Utc>>,
}
pub struct RefreshableBorrowed<'a> {
    pub connector_type: &'a str,
    pub status: &'a str,
    pub health: &'a str,
    pub health_reason: Option<&'a str>,
    pub generation: i32,
    pub failures: i32,
    pub retry_at: Option<chrono::DateTime<chrono::Utc>>,
    pub external_id: Option<&'a str>,
    pub bot_id: Option<&'a str>,
    pub connector_user_id: Option<&'a str>,
    pub connector_organization_id: Option<&'a str>,
    pub metadata: postgres_types::Json<&'a serde_json::value::RawValue>,
    pub own_nonce: Option<&'a str>,
    pub ciphertext: &'a [u8],
    pub nonce: &'a [u8],
    pub wrapped_key: &'a [u8],
    pub encryption_key_id: &'a str,
    pub encryption_version: i16,
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
    pub refresh_at: Option<chrono::DateTime<chrono::Utc>>,
    pub refresh_started_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl<'a> From<RefreshableBorrowed<'a>> for Refreshable {
    fn from(
        RefreshableBorrowed {
            connector_type,
            status,
            health,
            health_reason,
            generation,
            failures,
            retry_at,
            external_id,
            bot_id,
            connector_user_id,
            connector_organization_id,
            metadata,
            own_nonce,
            ciphertext,
            nonce,
            wrapped_key,
            encryption_key_id,
            encryption_version,
            expires_at,
            refresh_at,
            refresh_started_at,
        }: RefreshableBorrowed<'a>,
    ) -> Self {
        Self {
            connector_type: connector_type.into(),
            status: status.into(),
            health: health.into(),
            health_reason: health_reason.map(|v| v.into()),
            generation,
            failures,
            retry_at,
            external_id: external_id.map(|v| v.into()),
            bot_id: bot_id.map(|v| v.into()),
            connector_user_id: connector_user_id.map(|v| v.into()),
            connector_organization_id: connector_organization_id.map(|v| v.into()),
            metadata: serde_json::from_str(metadata.0.get()).unwrap(),
            own_nonce: own_nonce.map(|v| v.into()),
            ciphertext: ciphertext.into(),
            nonce: nonce.into(),
            wrapped_key: wrapped_key.into(),
            encryption_key_id: encryption_key_id.into(),
            encryption_version,
            expires_at,
            refresh_at,
            refresh_started_at,
        }
    }
}
impl Refreshable {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "connector_type",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "status",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "health",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "health_reason",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "generation",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "failures",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "retry_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "external_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "bot_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "connector_user_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "connector_organization_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "metadata",
                rust_type: "serde_json::Value",
                pg_type: "pg_catalog.jsonb",
            },
            FieldMetadata {
                name: "own_nonce",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "ciphertext",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "nonce",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "wrapped_key",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "encryption_key_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "encryption_version",
                rust_type: "i16",
                pg_type: "pg_catalog.int2",
            },
            FieldMetadata {
                name: "expires_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "refresh_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "refresh_started_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct ListDue {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub due_at: chrono::DateTime<chrono::Utc>,
}
impl ListDue {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "organization_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "due_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    pub wrapped_key: Vec<u8>,
    pub refresh_at: Option<chrono::DateTime<chrono::Utc>>,
}
pub struct LockBorrowed<'a> {
    pub wrapped_key: &'a [u8],
    pub refresh_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl<'a> From<LockBorrowed<'a>> for Lock {
    fn from(
        LockBorrowed {
            wrapped_key,
            refresh_at,
        }: LockBorrowed<'a>,
    ) -> Self {
        Self {
            wrapped_key: wrapped_key.into(),
            refresh_at,
        }
    }
}
impl Lock {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "wrapped_key",
                rust_type: "Vec<u8>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "refresh_at",
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
pub struct ListUnderAnotherKeyQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<ListUnderAnotherKey, tokio_postgres::Error>,
    mapper: fn(ListUnderAnotherKey) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ListUnderAnotherKeyQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(
        self,
        mapper: fn(ListUnderAnotherKey) -> R,
    ) -> ListUnderAnotherKeyQuery<'c, 'a, 's, C, R, N> {
        ListUnderAnotherKeyQuery {
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
pub struct FindSealedQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<FindSealedBorrowed, tokio_postgres::Error>,
    mapper: fn(FindSealedBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> FindSealedQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(FindSealedBorrowed) -> R) -> FindSealedQuery<'c, 'a, 's, C, R, N> {
        FindSealedQuery {
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
pub struct RefreshableQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<RefreshableBorrowed, tokio_postgres::Error>,
    mapper: fn(RefreshableBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> RefreshableQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(RefreshableBorrowed) -> R) -> RefreshableQuery<'c, 'a, 's, C, R, N> {
        RefreshableQuery {
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
pub struct ListDueQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<ListDue, tokio_postgres::Error>,
    mapper: fn(ListDue) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ListDueQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(ListDue) -> R) -> ListDueQuery<'c, 'a, 's, C, R, N> {
        ListDueQuery {
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
pub struct ChronoDateTimechronoUtcQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<chrono::DateTime<chrono::Utc>, tokio_postgres::Error>,
    mapper: fn(chrono::DateTime<chrono::Utc>) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ChronoDateTimechronoUtcQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(
        self,
        mapper: fn(chrono::DateTime<chrono::Utc>) -> R,
    ) -> ChronoDateTimechronoUtcQuery<'c, 'a, 's, C, R, N> {
        ChronoDateTimechronoUtcQuery {
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
pub struct LockQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<LockBorrowed, tokio_postgres::Error>,
    mapper: fn(LockBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> LockQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(LockBorrowed) -> R) -> LockQuery<'c, 'a, 's, C, R, N> {
        LockQuery {
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
/// Stores the sealed credentials of a connection in place of those before.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO integration_credentials (integration_id, organization_id, ciphertext, nonce, wrapped_key, encryption_key_id, encryption_version, expires_at, refresh_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT ON CONSTRAINT integration_credentials_pkey DO UPDATE SET ciphertext = EXCLUDED.ciphertext, nonce = EXCLUDED.nonce, wrapped_key = EXCLUDED.wrapped_key, encryption_key_id = EXCLUDED.encryption_key_id, encryption_version = EXCLUDED.encryption_version, expires_at = EXCLUDED.expires_at, refresh_at = EXCLUDED.refresh_at, refresh_started_at = NULL, updated_at = $10 WHERE integration_credentials.organization_id = $2 RETURNING integration_id",
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
        T1: crate::BytesSql,
        T2: crate::BytesSql,
        T3: crate::BytesSql,
        T4: crate::StringSql,
    >(
        &'s self,
        client: &'c C,
        integration_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        ciphertext: &'a T1,
        nonce: &'a T2,
        wrapped_key: &'a T3,
        encryption_key_id: &'a T4,
        encryption_version: &'a i16,
        expires_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        refresh_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10> {
        UuidUuidQuery {
            client,
            params: [
                integration_id,
                organization_id,
                ciphertext,
                nonce,
                wrapped_key,
                encryption_key_id,
                encryption_version,
                expires_at,
                refresh_at,
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
    T1: crate::BytesSql,
    T2: crate::BytesSql,
    T3: crate::BytesSql,
    T4: crate::StringSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpsertParams<T1, T2, T3, T4>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10>,
        C,
    > for UpsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpsertParams<T1, T2, T3, T4>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10> {
        self.bind(
            client,
            &params.integration_id,
            &params.organization_id,
            &params.ciphertext,
            &params.nonce,
            &params.wrapped_key,
            &params.encryption_key_id,
            &params.encryption_version,
            &params.expires_at,
            &params.refresh_at,
            &params.now,
        )
    }
}
pub struct DeleteStmt(&'static str, Option<tokio_postgres::Statement>);
/// Destroys the credentials of a connection: without its wrapped key no backup of the ciphertext opens.
pub fn delete() -> DeleteStmt {
    DeleteStmt(
        "DELETE FROM integration_credentials WHERE organization_id = $1 AND integration_id = $2 RETURNING integration_id",
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
    fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        UuidUuidQuery {
            client,
            params: [organization_id, integration_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, DeleteParams, UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2>, C>
    for DeleteStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a DeleteParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        self.bind(client, &params.organization_id, &params.integration_id)
    }
}
pub struct DeleteAllStmt(&'static str, Option<tokio_postgres::Statement>);
/// Destroys all credentials of an organization.
pub fn delete_all() -> DeleteAllStmt {
    DeleteAllStmt(
        "DELETE FROM integration_credentials WHERE organization_id = $1 RETURNING integration_id",
        None,
    )
}
impl DeleteAllStmt {
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
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 1> {
        UuidUuidQuery {
            client,
            params: [organization_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
pub struct ListUnderAnotherKeyStmt(&'static str, Option<tokio_postgres::Statement>);
/// Which credentials behind an id are sealed under another KMS key than this, whoever they belong to; the transaction
/// must name the key.
pub fn list_under_another_key() -> ListUnderAnotherKeyStmt {
    ListUnderAnotherKeyStmt(
        "SELECT organization_id, integration_id FROM integration_credentials WHERE encryption_key_id <> $1 AND integration_id > $2 ORDER BY integration_id LIMIT $3",
        None,
    )
}
impl ListUnderAnotherKeyStmt {
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
        key_id: &'a T1,
        after: &'a uuid::Uuid,
        count: &'a i64,
    ) -> ListUnderAnotherKeyQuery<'c, 'a, 's, C, ListUnderAnotherKey, 3> {
        ListUnderAnotherKeyQuery {
            client,
            params: [key_id, after, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ListUnderAnotherKey, tokio_postgres::Error> {
                Ok(ListUnderAnotherKey {
                    organization_id: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                })
            },
            mapper: |it| ListUnderAnotherKey::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        ListUnderAnotherKeyParams<T1>,
        ListUnderAnotherKeyQuery<'c, 'a, 's, C, ListUnderAnotherKey, 3>,
        C,
    > for ListUnderAnotherKeyStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListUnderAnotherKeyParams<T1>,
    ) -> ListUnderAnotherKeyQuery<'c, 'a, 's, C, ListUnderAnotherKey, 3> {
        self.bind(client, &params.key_id, &params.after, &params.count)
    }
}
pub struct FindSealedStmt(&'static str, Option<tokio_postgres::Statement>);
/// The credentials of a connection as they are kept, and what they are of.
pub fn find_sealed() -> FindSealedStmt {
    FindSealedStmt(
        "SELECT i.connector_type, c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version FROM integration_credentials c JOIN integrations i ON i.integration_id = c.integration_id WHERE c.organization_id = $1 AND c.integration_id = $2",
        None,
    )
}
impl FindSealedStmt {
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
        integration_id: &'a uuid::Uuid,
    ) -> FindSealedQuery<'c, 'a, 's, C, FindSealed, 2> {
        FindSealedQuery {
            client,
            params: [organization_id, integration_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindSealedBorrowed, tokio_postgres::Error> {
                Ok(FindSealedBorrowed {
                    connector_type: row.try_get(0)?,
                    ciphertext: row.try_get(1)?,
                    nonce: row.try_get(2)?,
                    wrapped_key: row.try_get(3)?,
                    encryption_key_id: row.try_get(4)?,
                    encryption_version: row.try_get(5)?,
                })
            },
            mapper: |it| FindSealed::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindSealedParams,
        FindSealedQuery<'c, 'a, 's, C, FindSealed, 2>,
        C,
    > for FindSealedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindSealedParams,
    ) -> FindSealedQuery<'c, 'a, 's, C, FindSealed, 2> {
        self.bind(client, &params.organization_id, &params.integration_id)
    }
}
pub struct UpdateWrappedKeyStmt(&'static str, Option<tokio_postgres::Statement>);
/// Puts another wrapping of the same data key in the place of one, unless somebody else has put something there.
pub fn update_wrapped_key() -> UpdateWrappedKeyStmt {
    UpdateWrappedKeyStmt(
        "UPDATE integration_credentials SET wrapped_key = $1, encryption_key_id = $2 WHERE organization_id = $3 AND integration_id = $4 AND wrapped_key = $5 RETURNING integration_id",
        None,
    )
}
impl UpdateWrappedKeyStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::BytesSql, T2: crate::StringSql, T3: crate::BytesSql>(
        &'s self,
        client: &'c C,
        wrapped_key: &'a T1,
        encryption_key_id: &'a T2,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        old_wrapped_key: &'a T3,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        UuidUuidQuery {
            client,
            params: [
                wrapped_key,
                encryption_key_id,
                organization_id,
                integration_id,
                old_wrapped_key,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::BytesSql, T2: crate::StringSql, T3: crate::BytesSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpdateWrappedKeyParams<T1, T2, T3>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5>,
        C,
    > for UpdateWrappedKeyStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateWrappedKeyParams<T1, T2, T3>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        self.bind(
            client,
            &params.wrapped_key,
            &params.encryption_key_id,
            &params.organization_id,
            &params.integration_id,
            &params.old_wrapped_key,
        )
    }
}
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// A connection with its credentials as they are kept, and what is known of refreshing them.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT i.connector_type, i.status, i.health, i.health_reason, i.generation, i.failures, i.retry_at, i.external_id, i.bot_id, i.connector_user_id, i.connector_organization_id, i.metadata, n.nonce AS own_nonce, c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version, c.expires_at, c.refresh_at, c.refresh_started_at FROM integration_credentials c JOIN integrations i ON i.integration_id = c.integration_id LEFT JOIN integration_nonces n ON n.organization_id = $1 AND n.connector_type = i.connector_type WHERE c.organization_id = $1 AND c.integration_id = $2",
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
    fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
    ) -> RefreshableQuery<'c, 'a, 's, C, Refreshable, 2> {
        RefreshableQuery {
            client,
            params: [organization_id, integration_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<RefreshableBorrowed, tokio_postgres::Error> {
                Ok(RefreshableBorrowed {
                    connector_type: row.try_get(0)?,
                    status: row.try_get(1)?,
                    health: row.try_get(2)?,
                    health_reason: row.try_get(3)?,
                    generation: row.try_get(4)?,
                    failures: row.try_get(5)?,
                    retry_at: row.try_get(6)?,
                    external_id: row.try_get(7)?,
                    bot_id: row.try_get(8)?,
                    connector_user_id: row.try_get(9)?,
                    connector_organization_id: row.try_get(10)?,
                    metadata: row.try_get(11)?,
                    own_nonce: row.try_get(12)?,
                    ciphertext: row.try_get(13)?,
                    nonce: row.try_get(14)?,
                    wrapped_key: row.try_get(15)?,
                    encryption_key_id: row.try_get(16)?,
                    encryption_version: row.try_get(17)?,
                    expires_at: row.try_get(18)?,
                    refresh_at: row.try_get(19)?,
                    refresh_started_at: row.try_get(20)?,
                })
            },
            mapper: |it| Refreshable::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, FindParams, RefreshableQuery<'c, 'a, 's, C, Refreshable, 2>, C>
    for FindStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindParams,
    ) -> RefreshableQuery<'c, 'a, 's, C, Refreshable, 2> {
        self.bind(client, &params.organization_id, &params.integration_id)
    }
}
pub struct ListDueStmt(&'static str, Option<tokio_postgres::Statement>);
/// Whose credentials are to be refreshed by now, from behind a place in that order, whoever they belong to; the
/// transaction must name the time.
pub fn list_due() -> ListDueStmt {
    ListDueStmt(
        "SELECT organization_id, integration_id, coalesce(refresh_at, $1) AS due_at FROM integration_credentials WHERE refresh_at <= $1 AND (refresh_at, integration_id) > ($2, $3) ORDER BY refresh_at, integration_id LIMIT $4",
        None,
    )
}
impl ListDueStmt {
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
        after_due_at: &'a chrono::DateTime<chrono::Utc>,
        after: &'a uuid::Uuid,
        count: &'a i64,
    ) -> ListDueQuery<'c, 'a, 's, C, ListDue, 4> {
        ListDueQuery {
            client,
            params: [before, after_due_at, after, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ListDue, tokio_postgres::Error> {
                Ok(ListDue {
                    organization_id: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                    due_at: row.try_get(2)?,
                })
            },
            mapper: |it| ListDue::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, ListDueParams, ListDueQuery<'c, 'a, 's, C, ListDue, 4>, C>
    for ListDueStmt
{
    fn params(&'s self, client: &'c C, params: &'a ListDueParams) -> ListDueQuery<'c, 'a, 's, C, ListDue, 4> {
        self.bind(
            client,
            &params.before,
            &params.after_due_at,
            &params.after,
            &params.count,
        )
    }
}
pub struct BeginRefreshStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that a refresh of these very credentials begins; keeps the note of an earlier one of which it is not known how
/// it ended. No row when somebody else has put something in their place.
pub fn begin_refresh() -> BeginRefreshStmt {
    BeginRefreshStmt(
        "UPDATE integration_credentials SET refresh_started_at = coalesce(refresh_started_at, $1) WHERE organization_id = $2 AND integration_id = $3 AND wrapped_key = $4 RETURNING coalesce(refresh_started_at, $1) AS started_at",
        None,
    )
}
impl BeginRefreshStmt {
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
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        old_wrapped_key: &'a T1,
    ) -> ChronoDateTimechronoUtcQuery<'c, 'a, 's, C, chrono::DateTime<chrono::Utc>, 4> {
        ChronoDateTimechronoUtcQuery {
            client,
            params: [now, organization_id, integration_id, old_wrapped_key],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::BytesSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        BeginRefreshParams<T1>,
        ChronoDateTimechronoUtcQuery<'c, 'a, 's, C, chrono::DateTime<chrono::Utc>, 4>,
        C,
    > for BeginRefreshStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a BeginRefreshParams<T1>,
    ) -> ChronoDateTimechronoUtcQuery<'c, 'a, 's, C, chrono::DateTime<chrono::Utc>, 4> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.old_wrapped_key,
        )
    }
}
pub struct LockStmt(&'static str, Option<tokio_postgres::Statement>);
/// Keeps others from the credentials until the transaction ends; answers by what somebody can tell that he has waited
/// for somebody else who refreshed them, or tried to.
pub fn lock() -> LockStmt {
    LockStmt(
        "SELECT wrapped_key, refresh_at FROM integration_credentials WHERE organization_id = $1 AND integration_id = $2 FOR UPDATE",
        None,
    )
}
impl LockStmt {
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
        integration_id: &'a uuid::Uuid,
    ) -> LockQuery<'c, 'a, 's, C, Lock, 2> {
        LockQuery {
            client,
            params: [organization_id, integration_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<LockBorrowed, tokio_postgres::Error> {
                Ok(LockBorrowed {
                    wrapped_key: row.try_get(0)?,
                    refresh_at: row.try_get(1)?,
                })
            },
            mapper: |it| Lock::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, LockParams, LockQuery<'c, 'a, 's, C, Lock, 2>, C> for LockStmt
{
    fn params(&'s self, client: &'c C, params: &'a LockParams) -> LockQuery<'c, 'a, 's, C, Lock, 2> {
        self.bind(client, &params.organization_id, &params.integration_id)
    }
}
pub struct UpdateRefreshedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Puts refreshed credentials in the place of those that they were made of, unless somebody else has put something there.
pub fn update_refreshed() -> UpdateRefreshedStmt {
    UpdateRefreshedStmt(
        "UPDATE integration_credentials SET ciphertext = $1, nonce = $2, wrapped_key = $3, encryption_key_id = $4, encryption_version = $5, expires_at = $6, refresh_at = $7, refresh_started_at = NULL, updated_at = $8 WHERE organization_id = $9 AND integration_id = $10 AND wrapped_key = $11 RETURNING integration_id",
        None,
    )
}
impl UpdateRefreshedStmt {
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
        T2: crate::BytesSql,
        T3: crate::BytesSql,
        T4: crate::StringSql,
        T5: crate::BytesSql,
    >(
        &'s self,
        client: &'c C,
        ciphertext: &'a T1,
        nonce: &'a T2,
        wrapped_key: &'a T3,
        encryption_key_id: &'a T4,
        encryption_version: &'a i16,
        expires_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        refresh_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        old_wrapped_key: &'a T5,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 11> {
        UuidUuidQuery {
            client,
            params: [
                ciphertext,
                nonce,
                wrapped_key,
                encryption_key_id,
                encryption_version,
                expires_at,
                refresh_at,
                now,
                organization_id,
                integration_id,
                old_wrapped_key,
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
    T1: crate::BytesSql,
    T2: crate::BytesSql,
    T3: crate::BytesSql,
    T4: crate::StringSql,
    T5: crate::BytesSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpdateRefreshedParams<T1, T2, T3, T4, T5>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 11>,
        C,
    > for UpdateRefreshedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateRefreshedParams<T1, T2, T3, T4, T5>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 11> {
        self.bind(
            client,
            &params.ciphertext,
            &params.nonce,
            &params.wrapped_key,
            &params.encryption_key_id,
            &params.encryption_version,
            &params.expires_at,
            &params.refresh_at,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.old_wrapped_key,
        )
    }
}
pub struct UpdateRefreshAtStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says when these very credentials are refreshed next, and what is known of a refresh that did not end.
pub fn update_refresh_at() -> UpdateRefreshAtStmt {
    UpdateRefreshAtStmt(
        "UPDATE integration_credentials SET refresh_at = $1, refresh_started_at = $2 WHERE organization_id = $3 AND integration_id = $4 AND wrapped_key = $5 RETURNING integration_id",
        None,
    )
}
impl UpdateRefreshAtStmt {
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
        refresh_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        refresh_started_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        old_wrapped_key: &'a T1,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        UuidUuidQuery {
            client,
            params: [
                refresh_at,
                refresh_started_at,
                organization_id,
                integration_id,
                old_wrapped_key,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::BytesSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpdateRefreshAtParams<T1>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5>,
        C,
    > for UpdateRefreshAtStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateRefreshAtParams<T1>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        self.bind(
            client,
            &params.refresh_at,
            &params.refresh_started_at,
            &params.organization_id,
            &params.integration_id,
            &params.old_wrapped_key,
        )
    }
}
