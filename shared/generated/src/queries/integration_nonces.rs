// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct EnsureParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub connector_type: T1,
    pub nonce: T2,
    pub integration_id: uuid::Uuid,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Ensure {
    pub nonce: String,
    pub integration_id: uuid::Uuid,
}
pub struct EnsureBorrowed<'a> {
    pub nonce: &'a str,
    pub integration_id: uuid::Uuid,
}
impl<'a> From<EnsureBorrowed<'a>> for Ensure {
    fn from(
        EnsureBorrowed {
            nonce,
            integration_id,
        }: EnsureBorrowed<'a>,
    ) -> Self {
        Self {
            nonce: nonce.into(),
            integration_id,
        }
    }
}
impl Ensure {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "nonce",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct EnsureQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<EnsureBorrowed, tokio_postgres::Error>,
    mapper: fn(EnsureBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> EnsureQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(EnsureBorrowed) -> R) -> EnsureQuery<'c, 'a, 's, C, R, N> {
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
pub struct EnsureStmt(&'static str, Option<tokio_postgres::Statement>);
/// The word that a third party ties the organization's connection to, and the id that the connection has or will have; these,
/// if there are none yet.
pub fn ensure() -> EnsureStmt {
    EnsureStmt(
        "INSERT INTO integration_nonces (organization_id, connector_type, nonce, integration_id, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT integration_nonces_pkey DO UPDATE SET nonce = integration_nonces.nonce WHERE integration_nonces.organization_id = $1 RETURNING nonce, integration_id",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        connector_type: &'a T1,
        nonce: &'a T2,
        integration_id: &'a uuid::Uuid,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> EnsureQuery<'c, 'a, 's, C, Ensure, 5> {
        EnsureQuery {
            client,
            params: [organization_id, connector_type, nonce, integration_id, now],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<EnsureBorrowed, tokio_postgres::Error> {
                Ok(EnsureBorrowed {
                    nonce: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                })
            },
            mapper: |it| Ensure::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, EnsureParams<T1, T2>, EnsureQuery<'c, 'a, 's, C, Ensure, 5>, C>
    for EnsureStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a EnsureParams<T1, T2>,
    ) -> EnsureQuery<'c, 'a, 's, C, Ensure, 5> {
        self.bind(
            client,
            &params.organization_id,
            &params.connector_type,
            &params.nonce,
            &params.integration_id,
            &params.now,
        )
    }
}
