// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct ListUnderAnotherKeyParams<T1: crate::StringSql> {
    pub key_id: T1,
    pub after: uuid::Uuid,
    pub count: i64,
}
#[derive(Clone, Copy, Debug)]
pub struct ListSealedParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct UpdateWrappedKeyParams<T1: crate::BytesSql, T2: crate::StringSql, T3: crate::BytesSql> {
    pub wrapped_key: T1,
    pub encryption_key_id: T2,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub old_wrapped_key: T3,
}
#[derive(Clone, Copy, Debug)]
pub struct ListDueParams {
    pub before: chrono::DateTime<chrono::Utc>,
    pub after_due_at: chrono::DateTime<chrono::Utc>,
    pub after: uuid::Uuid,
    pub count: i64,
}
#[derive(Clone, Copy, Debug)]
pub struct ClaimParams {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub created_at: chrono::DateTime<chrono::Utc>,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub created_at: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct TakeOverParams<T1: crate::StringSql, T2: crate::JsonSql> {
    pub connector_type: T1,
    pub account: T2,
    pub now: chrono::DateTime<chrono::Utc>,
    pub give_up_at: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
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
pub struct ListSealed {
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub connector_type: String,
    pub ciphertext: Vec<u8>,
    pub nonce: Vec<u8>,
    pub wrapped_key: Vec<u8>,
    pub encryption_key_id: String,
    pub encryption_version: i16,
}
pub struct ListSealedBorrowed<'a> {
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub connector_type: &'a str,
    pub ciphertext: &'a [u8],
    pub nonce: &'a [u8],
    pub wrapped_key: &'a [u8],
    pub encryption_key_id: &'a str,
    pub encryption_version: i16,
}
impl<'a> From<ListSealedBorrowed<'a>> for ListSealed {
    fn from(
        ListSealedBorrowed {
            created_at,
            connector_type,
            ciphertext,
            nonce,
            wrapped_key,
            encryption_key_id,
            encryption_version,
        }: ListSealedBorrowed<'a>,
    ) -> Self {
        Self {
            created_at,
            connector_type: connector_type.into(),
            ciphertext: ciphertext.into(),
            nonce: nonce.into(),
            wrapped_key: wrapped_key.into(),
            encryption_key_id: encryption_key_id.into(),
            encryption_version,
        }
    }
}
impl ListSealed {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "created_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
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
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct ListDue {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub created_at: chrono::DateTime<chrono::Utc>,
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
                name: "created_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
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
pub struct Revocation {
    pub connector_type: String,
    pub account: serde_json::Value,
    pub ciphertext: Vec<u8>,
    pub nonce: Vec<u8>,
    pub wrapped_key: Vec<u8>,
    pub encryption_key_id: String,
    pub encryption_version: i16,
    pub attempts: i32,
    pub give_up_at: chrono::DateTime<chrono::Utc>,
    pub own_nonce: Option<String>,
}
pub struct RevocationBorrowed<'a> {
    pub connector_type: &'a str,
    pub account: postgres_types::Json<&'a serde_json::value::RawValue>,
    pub ciphertext: &'a [u8],
    pub nonce: &'a [u8],
    pub wrapped_key: &'a [u8],
    pub encryption_key_id: &'a str,
    pub encryption_version: i16,
    pub attempts: i32,
    pub give_up_at: chrono::DateTime<chrono::Utc>,
    pub own_nonce: Option<&'a str>,
}
impl<'a> From<RevocationBorrowed<'a>> for Revocation {
    fn from(
        RevocationBorrowed {
            connector_type,
            account,
            ciphertext,
            nonce,
            wrapped_key,
            encryption_key_id,
            encryption_version,
            attempts,
            give_up_at,
            own_nonce,
        }: RevocationBorrowed<'a>,
    ) -> Self {
        Self {
            connector_type: connector_type.into(),
            account: serde_json::from_str(account.0.get()).unwrap(),
            ciphertext: ciphertext.into(),
            nonce: nonce.into(),
            wrapped_key: wrapped_key.into(),
            encryption_key_id: encryption_key_id.into(),
            encryption_version,
            attempts,
            give_up_at,
            own_nonce: own_nonce.map(|v| v.into()),
        }
    }
}
impl Revocation {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "connector_type",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "account",
                rust_type: "serde_json::Value",
                pg_type: "pg_catalog.jsonb",
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
                name: "attempts",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "give_up_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "own_nonce",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
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
pub struct ListSealedQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<ListSealedBorrowed, tokio_postgres::Error>,
    mapper: fn(ListSealedBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ListSealedQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(ListSealedBorrowed) -> R) -> ListSealedQuery<'c, 'a, 's, C, R, N> {
        ListSealedQuery {
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
pub struct RevocationQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<RevocationBorrowed, tokio_postgres::Error>,
    mapper: fn(RevocationBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> RevocationQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(RevocationBorrowed) -> R) -> RevocationQuery<'c, 'a, 's, C, R, N> {
        RevocationQuery {
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
pub struct ListUnderAnotherKeyStmt(&'static str, Option<tokio_postgres::Statement>);
/// Which connections that have ended, behind an id, have credentials under another KMS key than this, whoever they belong
/// to; the transaction must name the key.
pub fn list_under_another_key() -> ListUnderAnotherKeyStmt {
    ListUnderAnotherKeyStmt(
        "SELECT DISTINCT organization_id, integration_id FROM integration_revocations WHERE encryption_key_id <> $1 AND integration_id > $2 ORDER BY integration_id LIMIT $3",
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
pub struct ListSealedStmt(&'static str, Option<tokio_postgres::Statement>);
/// The credentials of a connection that has ended, as they are kept; more than one where it ended more than once.
pub fn list_sealed() -> ListSealedStmt {
    ListSealedStmt(
        "SELECT created_at, connector_type, ciphertext, nonce, wrapped_key, encryption_key_id, encryption_version FROM integration_revocations WHERE organization_id = $1 AND integration_id = $2",
        None,
    )
}
impl ListSealedStmt {
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
    ) -> ListSealedQuery<'c, 'a, 's, C, ListSealed, 2> {
        ListSealedQuery {
            client,
            params: [organization_id, integration_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ListSealedBorrowed, tokio_postgres::Error> {
                Ok(ListSealedBorrowed {
                    created_at: row.try_get(0)?,
                    connector_type: row.try_get(1)?,
                    ciphertext: row.try_get(2)?,
                    nonce: row.try_get(3)?,
                    wrapped_key: row.try_get(4)?,
                    encryption_key_id: row.try_get(5)?,
                    encryption_version: row.try_get(6)?,
                })
            },
            mapper: |it| ListSealed::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        ListSealedParams,
        ListSealedQuery<'c, 'a, 's, C, ListSealed, 2>,
        C,
    > for ListSealedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListSealedParams,
    ) -> ListSealedQuery<'c, 'a, 's, C, ListSealed, 2> {
        self.bind(client, &params.organization_id, &params.integration_id)
    }
}
pub struct UpdateWrappedKeyStmt(&'static str, Option<tokio_postgres::Statement>);
/// Puts another wrapping of the same data key in the place of one, unless somebody else has put something there.
pub fn update_wrapped_key() -> UpdateWrappedKeyStmt {
    UpdateWrappedKeyStmt(
        "UPDATE integration_revocations SET wrapped_key = $1, encryption_key_id = $2 WHERE organization_id = $3 AND integration_id = $4 AND created_at = $5 AND wrapped_key = $6 RETURNING integration_id",
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
        created_at: &'a chrono::DateTime<chrono::Utc>,
        old_wrapped_key: &'a T3,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        UuidUuidQuery {
            client,
            params: [
                wrapped_key,
                encryption_key_id,
                organization_id,
                integration_id,
                created_at,
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
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6>,
        C,
    > for UpdateWrappedKeyStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateWrappedKeyParams<T1, T2, T3>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        self.bind(
            client,
            &params.wrapped_key,
            &params.encryption_key_id,
            &params.organization_id,
            &params.integration_id,
            &params.created_at,
            &params.old_wrapped_key,
        )
    }
}
pub struct ListDueStmt(&'static str, Option<tokio_postgres::Statement>);
/// Of which ends third parties are to be told by now, from behind a place in that order, whoever they belong to; the
/// transaction must name the time.
pub fn list_due() -> ListDueStmt {
    ListDueStmt(
        "SELECT organization_id, integration_id, created_at, retry_at AS due_at FROM integration_revocations WHERE retry_at <= $1 AND (retry_at, integration_id) > ($2, $3) ORDER BY retry_at, integration_id LIMIT $4",
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
                    created_at: row.try_get(2)?,
                    due_at: row.try_get(3)?,
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
pub struct ClaimStmt(&'static str, Option<tokio_postgres::Statement>);
/// Takes the telling of one end until it is due again, twice as late each time: nobody else tells meanwhile. No row when
/// it is not due any more.
pub fn claim() -> ClaimStmt {
    ClaimStmt(
        "UPDATE integration_revocations r SET attempts = r.attempts + 1, retry_at = $1::timestamptz + least(interval '1 minute' * power(2, least(r.attempts, 16)), interval '6 hours') * (0.8 + 0.2 * random()) WHERE r.organization_id = $2 AND r.integration_id = $3 AND r.created_at = $4 AND r.retry_at <= $1 RETURNING r.connector_type, r.account, r.ciphertext, r.nonce, r.wrapped_key, r.encryption_key_id, r.encryption_version, r.attempts, r.give_up_at, (SELECT n.nonce FROM integration_nonces n WHERE n.organization_id = $2 AND n.connector_type = r.connector_type) AS own_nonce",
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
    fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        created_at: &'a chrono::DateTime<chrono::Utc>,
    ) -> RevocationQuery<'c, 'a, 's, C, Revocation, 4> {
        RevocationQuery {
            client,
            params: [now, organization_id, integration_id, created_at],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<RevocationBorrowed, tokio_postgres::Error> {
                Ok(RevocationBorrowed {
                    connector_type: row.try_get(0)?,
                    account: row.try_get(1)?,
                    ciphertext: row.try_get(2)?,
                    nonce: row.try_get(3)?,
                    wrapped_key: row.try_get(4)?,
                    encryption_key_id: row.try_get(5)?,
                    encryption_version: row.try_get(6)?,
                    attempts: row.try_get(7)?,
                    give_up_at: row.try_get(8)?,
                    own_nonce: row.try_get(9)?,
                })
            },
            mapper: |it| Revocation::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, ClaimParams, RevocationQuery<'c, 'a, 's, C, Revocation, 4>, C>
    for ClaimStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ClaimParams,
    ) -> RevocationQuery<'c, 'a, 's, C, Revocation, 4> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.created_at,
        )
    }
}
pub struct DeleteStmt(&'static str, Option<tokio_postgres::Statement>);
/// Destroys the credentials of a connection that has ended: without its wrapped key no backup of the ciphertext opens.
pub fn delete() -> DeleteStmt {
    DeleteStmt(
        "DELETE FROM integration_revocations WHERE organization_id = $1 AND integration_id = $2 AND created_at = $3 RETURNING integration_id",
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
        created_at: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        UuidUuidQuery {
            client,
            params: [organization_id, integration_id, created_at],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, DeleteParams, UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3>, C>
    for DeleteStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a DeleteParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.created_at,
        )
    }
}
pub struct TakeOverStmt(&'static str, Option<tokio_postgres::Statement>);
/// Keeps the credentials of a connection that ends for nothing but telling the third party so. No row where there are
/// none.
pub fn take_over() -> TakeOverStmt {
    TakeOverStmt(
        "INSERT INTO integration_revocations (integration_id, organization_id, connector_type, account, ciphertext, nonce, wrapped_key, encryption_key_id, encryption_version, retry_at, give_up_at, created_at) SELECT c.integration_id, c.organization_id, $1, $2, c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version, $3, $4, $3 FROM integration_credentials c WHERE c.organization_id = $5 AND c.integration_id = $6 RETURNING integration_id",
        None,
    )
}
impl TakeOverStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::JsonSql>(
        &'s self,
        client: &'c C,
        connector_type: &'a T1,
        account: &'a T2,
        now: &'a chrono::DateTime<chrono::Utc>,
        give_up_at: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        UuidUuidQuery {
            client,
            params: [
                connector_type,
                account,
                now,
                give_up_at,
                organization_id,
                integration_id,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::JsonSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        TakeOverParams<T1, T2>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6>,
        C,
    > for TakeOverStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a TakeOverParams<T1, T2>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        self.bind(
            client,
            &params.connector_type,
            &params.account,
            &params.now,
            &params.give_up_at,
            &params.organization_id,
            &params.integration_id,
        )
    }
}
