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
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct UpsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Stores the sealed credentials of a connection in place of those before.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO integration_credentials (integration_id, organization_id, ciphertext, nonce, wrapped_key, encryption_key_id, encryption_version, expires_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT ON CONSTRAINT integration_credentials_pkey DO UPDATE SET ciphertext = EXCLUDED.ciphertext, nonce = EXCLUDED.nonce, wrapped_key = EXCLUDED.wrapped_key, encryption_key_id = EXCLUDED.encryption_key_id, encryption_version = EXCLUDED.encryption_version, expires_at = EXCLUDED.expires_at, updated_at = $9 WHERE integration_credentials.organization_id = $2",
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
    async fn bind<
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
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> Result<u64, tokio_postgres::Error> {
        client
            .execute(
                self.0,
                &[
                    integration_id,
                    organization_id,
                    ciphertext,
                    nonce,
                    wrapped_key,
                    encryption_key_id,
                    encryption_version,
                    expires_at,
                    now,
                ],
            )
            .await
    }
}
impl<
    'a,
    C: GenericClient + Send + Sync,
    T1: crate::BytesSql,
    T2: crate::BytesSql,
    T3: crate::BytesSql,
    T4: crate::StringSql,
>
    crate::client::async_::Params<
        'a,
        'a,
        'a,
        UpsertParams<T1, T2, T3, T4>,
        std::pin::Pin<Box<dyn futures::Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'a>>,
        C,
    > for UpsertStmt
{
    fn params(
        &'a self,
        client: &'a C,
        params: &'a UpsertParams<T1, T2, T3, T4>,
    ) -> std::pin::Pin<Box<dyn futures::Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'a>>
    {
        Box::pin(self.bind(
            client,
            &params.integration_id,
            &params.organization_id,
            &params.ciphertext,
            &params.nonce,
            &params.wrapped_key,
            &params.encryption_key_id,
            &params.encryption_version,
            &params.expires_at,
            &params.now,
        ))
    }
}
pub struct DeleteStmt(&'static str, Option<tokio_postgres::Statement>);
/// Destroys the credentials of a connection: without its wrapped key no backup of the ciphertext opens.
pub fn delete() -> DeleteStmt {
    DeleteStmt(
        "DELETE FROM integration_credentials WHERE organization_id = $1 AND integration_id = $2",
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
    async fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
    ) -> Result<u64, tokio_postgres::Error> {
        client.execute(self.0, &[organization_id, integration_id]).await
    }
}
impl<'a, C: GenericClient + Send + Sync>
    crate::client::async_::Params<
        'a,
        'a,
        'a,
        DeleteParams,
        std::pin::Pin<Box<dyn futures::Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'a>>,
        C,
    > for DeleteStmt
{
    fn params(
        &'a self,
        client: &'a C,
        params: &'a DeleteParams,
    ) -> std::pin::Pin<Box<dyn futures::Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'a>>
    {
        Box::pin(self.bind(client, &params.organization_id, &params.integration_id))
    }
}
