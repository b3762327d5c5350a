// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct FindByExternalIdParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub connector_type: T1,
    pub external_id: T2,
}
#[derive(Debug)]
pub struct FindAccountParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub connector_type: T1,
    pub external_id: T2,
}
#[derive(Clone, Copy, Debug)]
pub struct FindInstallationParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct FindParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub connector_type: T1,
}
#[derive(Debug)]
pub struct UpsertParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
    T6: crate::JsonSql,
> {
    pub integration_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub user_id: Option<uuid::Uuid>,
    pub connector_type: T1,
    pub now: chrono::DateTime<chrono::Utc>,
    pub external_id: Option<T2>,
    pub bot_id: Option<T3>,
    pub connector_user_id: Option<T4>,
    pub connector_organization_id: Option<T5>,
    pub metadata: T6,
    pub installed_at: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct UpdateHealthParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub health: T1,
    pub health_reason: Option<T2>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub generation: i32,
}
#[derive(Clone, Copy, Debug)]
pub struct UpdateLastUsedParams {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Clone, Copy, Debug)]
pub struct EndAllParams {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct UpdateEndedParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub status: T1,
    pub health_reason: T2,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub event_time: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct UpdateUserTokenRevokedParams<T1: crate::StringSql, T2: crate::ArraySql<Item = T1>> {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub connector_user_ids: T2,
    pub event_time: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct UpdateRefreshFailedParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
> {
    pub health: T1,
    pub health_reason: T2,
    pub now: chrono::DateTime<chrono::Utc>,
    pub health_message: Option<T3>,
    pub health_remedy: T4,
    pub retry_at: Option<chrono::DateTime<chrono::Utc>>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub generation: i32,
}
#[derive(Clone, Copy, Debug)]
pub struct UpdateRefreshedParams {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub generation: i32,
}
#[derive(Debug)]
pub struct ListParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub connector_type: Option<T1>,
}
#[derive(Clone, Copy, Debug)]
pub struct FindOverviewParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct UpdateCheckedParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::JsonSql,
> {
    pub health: T1,
    pub health_reason: Option<T2>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub health_message: Option<T3>,
    pub health_remedy: Option<T4>,
    pub check_at: chrono::DateTime<chrono::Utc>,
    pub retry_at: Option<chrono::DateTime<chrono::Utc>>,
    pub metadata: T5,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub generation: i32,
}
#[derive(Clone, Copy, Debug)]
pub struct UpdateDisconnectedParams {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct FindNewestByExternalIdParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub connector_type: T1,
    pub external_id: T2,
}
#[derive(Debug)]
pub struct LockByExternalIdParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub external_id: T1,
}
#[derive(Clone, Copy, Debug)]
pub struct LockForSyncParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub generation: i32,
}
#[derive(Debug)]
pub struct UpdateToldParams<T1: crate::StringSql, T2: crate::JsonSql> {
    pub status: T1,
    pub metadata: T2,
    pub event_time: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct UpdateCuredParams<T1: crate::StringSql> {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub health_reason: T1,
}
#[derive(Clone, Copy, Debug)]
pub struct UpdateUnsyncedParams {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Clone, Copy, Debug)]
pub struct UpdateSyncedParams {
    pub started_at: chrono::DateTime<chrono::Utc>,
    pub sync_at: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct ListDueChecksParams<T1: crate::StringSql, T2: crate::ArraySql<Item = T1>> {
    pub connector_types: T2,
    pub before: chrono::DateTime<chrono::Utc>,
    pub after_due_at: chrono::DateTime<chrono::Utc>,
    pub after: uuid::Uuid,
    pub count: i64,
}
#[derive(Clone, Copy, Debug)]
pub struct PutOffCheckParams {
    pub check_at: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub due_at: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct ListDueSyncsParams<T1: crate::StringSql, T2: crate::ArraySql<Item = T1>> {
    pub before: chrono::DateTime<chrono::Utc>,
    pub connector_types: T2,
    pub after_due_at: chrono::DateTime<chrono::Utc>,
    pub after: uuid::Uuid,
    pub count: i64,
}
#[derive(Clone, Copy, Debug)]
pub struct PutOffSyncParams {
    pub sync_at: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub due_at: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Installation {
    pub integration_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub status: String,
    pub health: String,
    pub generation: i32,
    pub bot_id: Option<String>,
    pub ciphertext: Option<Vec<u8>>,
    pub nonce: Option<Vec<u8>>,
    pub wrapped_key: Option<Vec<u8>>,
    pub encryption_key_id: Option<String>,
    pub encryption_version: Option<i16>,
}
pub struct InstallationBorrowed<'a> {
    pub integration_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub status: &'a str,
    pub health: &'a str,
    pub generation: i32,
    pub bot_id: Option<&'a str>,
    pub ciphertext: Option<&'a [u8]>,
    pub nonce: Option<&'a [u8]>,
    pub wrapped_key: Option<&'a [u8]>,
    pub encryption_key_id: Option<&'a str>,
    pub encryption_version: Option<i16>,
}
impl<'a> From<InstallationBorrowed<'a>> for Installation {
    fn from(
        InstallationBorrowed {
            integration_id,
            organization_id,
            status,
            health,
            generation,
            bot_id,
            ciphertext,
            nonce,
            wrapped_key,
            encryption_key_id,
            encryption_version,
        }: InstallationBorrowed<'a>,
    ) -> Self {
        Self {
            integration_id,
            organization_id,
            status: status.into(),
            health: health.into(),
            generation,
            bot_id: bot_id.map(|v| v.into()),
            ciphertext: ciphertext.map(|v| v.into()),
            nonce: nonce.map(|v| v.into()),
            wrapped_key: wrapped_key.map(|v| v.into()),
            encryption_key_id: encryption_key_id.map(|v| v.into()),
            encryption_version,
        }
    }
}
impl Installation {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "organization_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
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
                name: "generation",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "bot_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "ciphertext",
                rust_type: "Option<Vec<u8>>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "nonce",
                rust_type: "Option<Vec<u8>>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "wrapped_key",
                rust_type: "Option<Vec<u8>>",
                pg_type: "pg_catalog.bytea",
            },
            FieldMetadata {
                name: "encryption_key_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "encryption_version",
                rust_type: "Option<i16>",
                pg_type: "pg_catalog.int2",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct Find {
    pub integration_id: uuid::Uuid,
    pub connector_type: String,
    pub status: String,
    pub health: String,
    pub health_reason: Option<String>,
    pub generation: i32,
    pub external_id: Option<String>,
    pub installed_at: chrono::DateTime<chrono::Utc>,
}
pub struct FindBorrowed<'a> {
    pub integration_id: uuid::Uuid,
    pub connector_type: &'a str,
    pub status: &'a str,
    pub health: &'a str,
    pub health_reason: Option<&'a str>,
    pub generation: i32,
    pub external_id: Option<&'a str>,
    pub installed_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<FindBorrowed<'a>> for Find {
    fn from(
        FindBorrowed {
            integration_id,
            connector_type,
            status,
            health,
            health_reason,
            generation,
            external_id,
            installed_at,
        }: FindBorrowed<'a>,
    ) -> Self {
        Self {
            integration_id,
            connector_type: connector_type.into(),
            status: status.into(),
            health: health.into(),
            health_reason: health_reason.map(|v| v.into()),
            generation,
            external_id: external_id.map(|v| v.into()),
            installed_at,
        }
    }
}
impl Find {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
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
                name: "external_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "installed_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct Upsert {
    pub integration_id: uuid::Uuid,
    pub generation: i32,
}
impl Upsert {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "generation",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    pub integration_id: uuid::Uuid,
    pub user_id: Option<uuid::Uuid>,
    pub connector_type: String,
    pub status: String,
    pub health: String,
    pub health_reason: Option<String>,
    pub health_message: Option<String>,
    pub health_remedy: Option<String>,
    pub health_changed_at: chrono::DateTime<chrono::Utc>,
    pub health_checked_at: Option<chrono::DateTime<chrono::Utc>>,
    pub retry_at: Option<chrono::DateTime<chrono::Utc>>,
    pub generation: i32,
    pub external_id: Option<String>,
    pub bot_id: Option<String>,
    pub connector_user_id: Option<String>,
    pub connector_organization_id: Option<String>,
    pub metadata: serde_json::Value,
    pub installed_at: chrono::DateTime<chrono::Utc>,
    pub last_used_at: Option<chrono::DateTime<chrono::Utc>>,
    pub synced_at: Option<chrono::DateTime<chrono::Utc>>,
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub updated_at: chrono::DateTime<chrono::Utc>,
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
}
pub struct OverviewBorrowed<'a> {
    pub integration_id: uuid::Uuid,
    pub user_id: Option<uuid::Uuid>,
    pub connector_type: &'a str,
    pub status: &'a str,
    pub health: &'a str,
    pub health_reason: Option<&'a str>,
    pub health_message: Option<&'a str>,
    pub health_remedy: Option<&'a str>,
    pub health_changed_at: chrono::DateTime<chrono::Utc>,
    pub health_checked_at: Option<chrono::DateTime<chrono::Utc>>,
    pub retry_at: Option<chrono::DateTime<chrono::Utc>>,
    pub generation: i32,
    pub external_id: Option<&'a str>,
    pub bot_id: Option<&'a str>,
    pub connector_user_id: Option<&'a str>,
    pub connector_organization_id: Option<&'a str>,
    pub metadata: postgres_types::Json<&'a serde_json::value::RawValue>,
    pub installed_at: chrono::DateTime<chrono::Utc>,
    pub last_used_at: Option<chrono::DateTime<chrono::Utc>>,
    pub synced_at: Option<chrono::DateTime<chrono::Utc>>,
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub updated_at: chrono::DateTime<chrono::Utc>,
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl<'a> From<OverviewBorrowed<'a>> for Overview {
    fn from(
        OverviewBorrowed {
            integration_id,
            user_id,
            connector_type,
            status,
            health,
            health_reason,
            health_message,
            health_remedy,
            health_changed_at,
            health_checked_at,
            retry_at,
            generation,
            external_id,
            bot_id,
            connector_user_id,
            connector_organization_id,
            metadata,
            installed_at,
            last_used_at,
            synced_at,
            created_at,
            updated_at,
            expires_at,
        }: OverviewBorrowed<'a>,
    ) -> Self {
        Self {
            integration_id,
            user_id,
            connector_type: connector_type.into(),
            status: status.into(),
            health: health.into(),
            health_reason: health_reason.map(|v| v.into()),
            health_message: health_message.map(|v| v.into()),
            health_remedy: health_remedy.map(|v| v.into()),
            health_changed_at,
            health_checked_at,
            retry_at,
            generation,
            external_id: external_id.map(|v| v.into()),
            bot_id: bot_id.map(|v| v.into()),
            connector_user_id: connector_user_id.map(|v| v.into()),
            connector_organization_id: connector_organization_id.map(|v| v.into()),
            metadata: serde_json::from_str(metadata.0.get()).unwrap(),
            installed_at,
            last_used_at,
            synced_at,
            created_at,
            updated_at,
            expires_at,
        }
    }
}
impl Overview {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "user_id",
                rust_type: "Option<uuid::Uuid>",
                pg_type: "pg_catalog.uuid",
            },
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
                name: "health_message",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "health_remedy",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "health_changed_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "health_checked_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "retry_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "generation",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
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
                name: "installed_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "last_used_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "synced_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "created_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "updated_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "expires_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct FindNewestByExternalId {
    pub integration_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
}
impl FindNewestByExternalId {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "organization_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct LockByExternalId {
    pub status: String,
    pub installed_at: chrono::DateTime<chrono::Utc>,
    pub connector_organization_id: Option<String>,
}
pub struct LockByExternalIdBorrowed<'a> {
    pub status: &'a str,
    pub installed_at: chrono::DateTime<chrono::Utc>,
    pub connector_organization_id: Option<&'a str>,
}
impl<'a> From<LockByExternalIdBorrowed<'a>> for LockByExternalId {
    fn from(
        LockByExternalIdBorrowed {
            status,
            installed_at,
            connector_organization_id,
        }: LockByExternalIdBorrowed<'a>,
    ) -> Self {
        Self {
            status: status.into(),
            installed_at,
            connector_organization_id: connector_organization_id.map(|v| v.into()),
        }
    }
}
impl LockByExternalId {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "status",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "installed_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "connector_organization_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub connector_type: String,
    pub due_at: chrono::DateTime<chrono::Utc>,
}
pub struct DueBorrowed<'a> {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub connector_type: &'a str,
    pub due_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<DueBorrowed<'a>> for Due {
    fn from(
        DueBorrowed {
            organization_id,
            integration_id,
            connector_type,
            due_at,
        }: DueBorrowed<'a>,
    ) -> Self {
        Self {
            organization_id,
            integration_id,
            connector_type: connector_type.into(),
            due_at,
        }
    }
}
impl Due {
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
                name: "connector_type",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "due_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct InstallationQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<InstallationBorrowed, tokio_postgres::Error>,
    mapper: fn(InstallationBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> InstallationQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(InstallationBorrowed) -> R) -> InstallationQuery<'c, 'a, 's, C, R, N> {
        InstallationQuery {
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
pub struct OptionStringQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<Option<&str>, tokio_postgres::Error>,
    mapper: fn(Option<&str>) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> OptionStringQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(Option<&str>) -> R) -> OptionStringQuery<'c, 'a, 's, C, R, N> {
        OptionStringQuery {
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
pub struct UpsertQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<Upsert, tokio_postgres::Error>,
    mapper: fn(Upsert) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> UpsertQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(Upsert) -> R) -> UpsertQuery<'c, 'a, 's, C, R, N> {
        UpsertQuery {
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
pub struct OverviewQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<OverviewBorrowed, tokio_postgres::Error>,
    mapper: fn(OverviewBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> OverviewQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(OverviewBorrowed) -> R) -> OverviewQuery<'c, 'a, 's, C, R, N> {
        OverviewQuery {
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
pub struct FindNewestByExternalIdQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<FindNewestByExternalId, tokio_postgres::Error>,
    mapper: fn(FindNewestByExternalId) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> FindNewestByExternalIdQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(
        self,
        mapper: fn(FindNewestByExternalId) -> R,
    ) -> FindNewestByExternalIdQuery<'c, 'a, 's, C, R, N> {
        FindNewestByExternalIdQuery {
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
pub struct LockByExternalIdQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<LockByExternalIdBorrowed, tokio_postgres::Error>,
    mapper: fn(LockByExternalIdBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> LockByExternalIdQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(
        self,
        mapper: fn(LockByExternalIdBorrowed) -> R,
    ) -> LockByExternalIdQuery<'c, 'a, 's, C, R, N> {
        LockByExternalIdQuery {
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
pub struct OptionchronoDateTimechronoUtcQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor:
        fn(&tokio_postgres::Row) -> Result<Option<chrono::DateTime<chrono::Utc>>, tokio_postgres::Error>,
    mapper: fn(Option<chrono::DateTime<chrono::Utc>>) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> OptionchronoDateTimechronoUtcQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(
        self,
        mapper: fn(Option<chrono::DateTime<chrono::Utc>>) -> R,
    ) -> OptionchronoDateTimechronoUtcQuery<'c, 'a, 's, C, R, N> {
        OptionchronoDateTimechronoUtcQuery {
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
pub struct DueQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<DueBorrowed, tokio_postgres::Error>,
    mapper: fn(DueBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> DueQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(DueBorrowed) -> R) -> DueQuery<'c, 'a, 's, C, R, N> {
        DueQuery {
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
pub struct FindByExternalIdStmt(&'static str, Option<tokio_postgres::Statement>);
/// The live connection of one connector that a third party's event names, with its sealed credentials.
/// Works before the organization is known: the transaction must have looked up the same id.
pub fn find_by_external_id() -> FindByExternalIdStmt {
    FindByExternalIdStmt(
        "SELECT i.integration_id, i.organization_id, i.status, i.health, i.generation, i.bot_id, c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version FROM integrations i LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id WHERE i.connector_type = $1 AND i.external_id = $2 AND i.status NOT IN ('inactive', 'deleted')",
        None,
    )
}
impl FindByExternalIdStmt {
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
        connector_type: &'a T1,
        external_id: &'a T2,
    ) -> InstallationQuery<'c, 'a, 's, C, Installation, 2> {
        InstallationQuery {
            client,
            params: [connector_type, external_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<InstallationBorrowed, tokio_postgres::Error> {
                Ok(InstallationBorrowed {
                    integration_id: row.try_get(0)?,
                    organization_id: row.try_get(1)?,
                    status: row.try_get(2)?,
                    health: row.try_get(3)?,
                    generation: row.try_get(4)?,
                    bot_id: row.try_get(5)?,
                    ciphertext: row.try_get(6)?,
                    nonce: row.try_get(7)?,
                    wrapped_key: row.try_get(8)?,
                    encryption_key_id: row.try_get(9)?,
                    encryption_version: row.try_get(10)?,
                })
            },
            mapper: |it| Installation::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindByExternalIdParams<T1, T2>,
        InstallationQuery<'c, 'a, 's, C, Installation, 2>,
        C,
    > for FindByExternalIdStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindByExternalIdParams<T1, T2>,
    ) -> InstallationQuery<'c, 'a, 's, C, Installation, 2> {
        self.bind(client, &params.connector_type, &params.external_id)
    }
}
pub struct FindAccountStmt(&'static str, Option<tokio_postgres::Statement>);
/// What the live connection that a third party's events name is to, whoever it belongs to; the transaction must have
/// looked up the same id.
pub fn find_account() -> FindAccountStmt {
    FindAccountStmt(
        "SELECT connector_organization_id FROM integrations WHERE connector_type = $1 AND external_id = $2 AND status NOT IN ('inactive', 'deleted')",
        None,
    )
}
impl FindAccountStmt {
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
        connector_type: &'a T1,
        external_id: &'a T2,
    ) -> OptionStringQuery<'c, 'a, 's, C, Option<String>, 2> {
        OptionStringQuery {
            client,
            params: [connector_type, external_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.map(|v| v.into()),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindAccountParams<T1, T2>,
        OptionStringQuery<'c, 'a, 's, C, Option<String>, 2>,
        C,
    > for FindAccountStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindAccountParams<T1, T2>,
    ) -> OptionStringQuery<'c, 'a, 's, C, Option<String>, 2> {
        self.bind(client, &params.connector_type, &params.external_id)
    }
}
pub struct FindInstallationStmt(&'static str, Option<tokio_postgres::Statement>);
/// One connection with its sealed credentials, by its own id.
pub fn find_installation() -> FindInstallationStmt {
    FindInstallationStmt(
        "SELECT i.integration_id, i.organization_id, i.status, i.health, i.generation, i.bot_id, c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version FROM integrations i LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id WHERE i.organization_id = $1 AND i.integration_id = $2",
        None,
    )
}
impl FindInstallationStmt {
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
    ) -> InstallationQuery<'c, 'a, 's, C, Installation, 2> {
        InstallationQuery {
            client,
            params: [organization_id, integration_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<InstallationBorrowed, tokio_postgres::Error> {
                Ok(InstallationBorrowed {
                    integration_id: row.try_get(0)?,
                    organization_id: row.try_get(1)?,
                    status: row.try_get(2)?,
                    health: row.try_get(3)?,
                    generation: row.try_get(4)?,
                    bot_id: row.try_get(5)?,
                    ciphertext: row.try_get(6)?,
                    nonce: row.try_get(7)?,
                    wrapped_key: row.try_get(8)?,
                    encryption_key_id: row.try_get(9)?,
                    encryption_version: row.try_get(10)?,
                })
            },
            mapper: |it| Installation::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindInstallationParams,
        InstallationQuery<'c, 'a, 's, C, Installation, 2>,
        C,
    > for FindInstallationStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindInstallationParams,
    ) -> InstallationQuery<'c, 'a, 's, C, Installation, 2> {
        self.bind(client, &params.organization_id, &params.integration_id)
    }
}
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// The organization's connection of one connector, if it has one.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT integration_id, connector_type, status, health, health_reason, generation, external_id, installed_at FROM integrations WHERE organization_id = $1 AND connector_type = $2",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        connector_type: &'a T1,
    ) -> FindQuery<'c, 'a, 's, C, Find, 2> {
        FindQuery {
            client,
            params: [organization_id, connector_type],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindBorrowed, tokio_postgres::Error> {
                Ok(FindBorrowed {
                    integration_id: row.try_get(0)?,
                    connector_type: row.try_get(1)?,
                    status: row.try_get(2)?,
                    health: row.try_get(3)?,
                    health_reason: row.try_get(4)?,
                    generation: row.try_get(5)?,
                    external_id: row.try_get(6)?,
                    installed_at: row.try_get(7)?,
                })
            },
            mapper: |it| Find::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, FindParams<T1>, FindQuery<'c, 'a, 's, C, Find, 2>, C>
    for FindStmt
{
    fn params(&'s self, client: &'c C, params: &'a FindParams<T1>) -> FindQuery<'c, 'a, 's, C, Find, 2> {
        self.bind(client, &params.organization_id, &params.connector_type)
    }
}
pub struct UpsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Connects, or connects again: the row keeps its id, and counts one generation more. Of two that overtake each other the
/// later one counts for what the third party tells of an end.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO integrations (integration_id, organization_id, user_id, connector_type, status, health, health_changed_at, external_id, bot_id, connector_user_id, connector_organization_id, metadata, installed_at, check_at, created_at, updated_at) VALUES ($1, $2, $3, $4, 'active', 'healthy', $5, $6, $7, $8, $9, $10, $11, $5, $5, $5) ON CONFLICT ON CONSTRAINT integrations_organization_connector_key DO UPDATE SET user_id = EXCLUDED.user_id, status = 'active', health = 'healthy', health_reason = NULL, health_changed_at = $5, generation = integrations.generation + 1, external_id = EXCLUDED.external_id, bot_id = EXCLUDED.bot_id, connector_user_id = EXCLUDED.connector_user_id, connector_organization_id = EXCLUDED.connector_organization_id, metadata = EXCLUDED.metadata, installed_at = CASE WHEN integrations.external_id IS NOT DISTINCT FROM EXCLUDED.external_id THEN greatest(integrations.installed_at, EXCLUDED.installed_at) ELSE EXCLUDED.installed_at END, source_updated_at = NULL, synced_at = NULL, sync_at = NULL, health_message = NULL, health_remedy = NULL, health_checked_at = NULL, check_at = $5, retry_at = NULL, failures = 0, updated_at = $5 WHERE integrations.organization_id = $2 RETURNING integration_id, generation",
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
        T6: crate::JsonSql,
    >(
        &'s self,
        client: &'c C,
        integration_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        user_id: &'a Option<uuid::Uuid>,
        connector_type: &'a T1,
        now: &'a chrono::DateTime<chrono::Utc>,
        external_id: &'a Option<T2>,
        bot_id: &'a Option<T3>,
        connector_user_id: &'a Option<T4>,
        connector_organization_id: &'a Option<T5>,
        metadata: &'a T6,
        installed_at: &'a chrono::DateTime<chrono::Utc>,
    ) -> UpsertQuery<'c, 'a, 's, C, Upsert, 11> {
        UpsertQuery {
            client,
            params: [
                integration_id,
                organization_id,
                user_id,
                connector_type,
                now,
                external_id,
                bot_id,
                connector_user_id,
                connector_organization_id,
                metadata,
                installed_at,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<Upsert, tokio_postgres::Error> {
                Ok(Upsert {
                    integration_id: row.try_get(0)?,
                    generation: row.try_get(1)?,
                })
            },
            mapper: |it| Upsert::from(it),
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
    T6: crate::JsonSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpsertParams<T1, T2, T3, T4, T5, T6>,
        UpsertQuery<'c, 'a, 's, C, Upsert, 11>,
        C,
    > for UpsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpsertParams<T1, T2, T3, T4, T5, T6>,
    ) -> UpsertQuery<'c, 'a, 's, C, Upsert, 11> {
        self.bind(
            client,
            &params.integration_id,
            &params.organization_id,
            &params.user_id,
            &params.connector_type,
            &params.now,
            &params.external_id,
            &params.bot_id,
            &params.connector_user_id,
            &params.connector_organization_id,
            &params.metadata,
            &params.installed_at,
        )
    }
}
pub struct UpdateHealthStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says how well a connection works, unless it was connected again since the caller read it.
pub fn update_health() -> UpdateHealthStmt {
    UpdateHealthStmt(
        "UPDATE integrations SET health = $1, health_reason = $2, health_changed_at = $3, updated_at = $3 WHERE organization_id = $4 AND integration_id = $5 AND generation = $6 RETURNING integration_id",
        None,
    )
}
impl UpdateHealthStmt {
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
        health: &'a T1,
        health_reason: &'a Option<T2>,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        generation: &'a i32,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        UuidUuidQuery {
            client,
            params: [
                health,
                health_reason,
                now,
                organization_id,
                integration_id,
                generation,
            ],
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
        UpdateHealthParams<T1, T2>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6>,
        C,
    > for UpdateHealthStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateHealthParams<T1, T2>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        self.bind(
            client,
            &params.health,
            &params.health_reason,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.generation,
        )
    }
}
pub struct UpdateLastUsedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that a connection's credentials did something.
pub fn update_last_used() -> UpdateLastUsedStmt {
    UpdateLastUsedStmt(
        "UPDATE integrations SET last_used_at = $1 WHERE organization_id = $2 AND integration_id = $3 RETURNING integration_id",
        None,
    )
}
impl UpdateLastUsedStmt {
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
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        UuidUuidQuery {
            client,
            params: [now, organization_id, integration_id],
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
        UpdateLastUsedParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3>,
        C,
    > for UpdateLastUsedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateLastUsedParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
        )
    }
}
pub struct EndAllStmt(&'static str, Option<tokio_postgres::Statement>);
/// Ends all connections of an organization that is gone: no event finds them any more.
pub fn end_all() -> EndAllStmt {
    EndAllStmt(
        "UPDATE integrations SET status = 'deleted', health = 'revoked', health_reason = 'organization_deleted', health_changed_at = $1, updated_at = $1 WHERE organization_id = $2 AND status <> 'deleted' RETURNING integration_id",
        None,
    )
}
impl EndAllStmt {
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
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        UuidUuidQuery {
            client,
            params: [now, organization_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, EndAllParams, UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2>, C>
    for EndAllStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a EndAllParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 2> {
        self.bind(client, &params.now, &params.organization_id)
    }
}
pub struct UpdateEndedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Ends a connection, or says that its credentials are gone, because the third party said so; unless it was connected
/// again after that, by the third party's clock. Counts one generation more: what somebody who is at work with the old
/// credentials finds out about them says nothing of what this found.
pub fn update_ended() -> UpdateEndedStmt {
    UpdateEndedStmt(
        "UPDATE integrations SET status = $1, health = 'revoked', health_reason = $2, health_message = NULL, health_remedy = 'reconnect', health_changed_at = $3, generation = generation + 1, retry_at = NULL, failures = 0, updated_at = $3 WHERE organization_id = $4 AND integration_id = $5 AND installed_at <= $6 RETURNING integration_id",
        None,
    )
}
impl UpdateEndedStmt {
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
        status: &'a T1,
        health_reason: &'a T2,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        event_time: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        UuidUuidQuery {
            client,
            params: [
                status,
                health_reason,
                now,
                organization_id,
                integration_id,
                event_time,
            ],
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
        UpdateEndedParams<T1, T2>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6>,
        C,
    > for UpdateEndedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateEndedParams<T1, T2>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        self.bind(
            client,
            &params.status,
            &params.health_reason,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.event_time,
        )
    }
}
pub struct UpdateUserTokenRevokedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that the token of whoever connected was taken back, if it is one of these people and there was one; unless it
/// was connected again after that, by the third party's clock.
pub fn update_user_token_revoked() -> UpdateUserTokenRevokedStmt {
    UpdateUserTokenRevokedStmt(
        "UPDATE integrations SET metadata = jsonb_set(metadata, '{user_token}', '\"revoked\"'), updated_at = $1 WHERE organization_id = $2 AND integration_id = $3 AND connector_user_id = ANY ($4) AND metadata ->> 'user_token' = 'granted' AND installed_at <= $5 RETURNING integration_id",
        None,
    )
}
impl UpdateUserTokenRevokedStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::ArraySql<Item = T1>>(
        &'s self,
        client: &'c C,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        connector_user_ids: &'a T2,
        event_time: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        UuidUuidQuery {
            client,
            params: [
                now,
                organization_id,
                integration_id,
                connector_user_ids,
                event_time,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::ArraySql<Item = T1>>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpdateUserTokenRevokedParams<T1, T2>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5>,
        C,
    > for UpdateUserTokenRevokedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateUserTokenRevokedParams<T1, T2>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.connector_user_ids,
            &params.event_time,
        )
    }
}
pub struct UpdateRefreshFailedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says what came of refreshing a connection's credentials, and counts one failure more; unless it was connected again
/// since the caller read it, or has ended.
pub fn update_refresh_failed() -> UpdateRefreshFailedStmt {
    UpdateRefreshFailedStmt(
        "UPDATE integrations SET health_changed_at = CASE WHEN health = $1 AND health_reason = $2 THEN health_changed_at ELSE $3 END, health = $1, health_reason = $2, health_message = $4, health_remedy = $5, failures = failures + 1, retry_at = $6, updated_at = $3 WHERE organization_id = $7 AND integration_id = $8 AND generation = $9 AND status NOT IN ('inactive', 'deleted') RETURNING integration_id",
        None,
    )
}
impl UpdateRefreshFailedStmt {
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
    >(
        &'s self,
        client: &'c C,
        health: &'a T1,
        health_reason: &'a T2,
        now: &'a chrono::DateTime<chrono::Utc>,
        health_message: &'a Option<T3>,
        health_remedy: &'a T4,
        retry_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        generation: &'a i32,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9> {
        UuidUuidQuery {
            client,
            params: [
                health,
                health_reason,
                now,
                health_message,
                health_remedy,
                retry_at,
                organization_id,
                integration_id,
                generation,
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
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpdateRefreshFailedParams<T1, T2, T3, T4>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9>,
        C,
    > for UpdateRefreshFailedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateRefreshFailedParams<T1, T2, T3, T4>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 9> {
        self.bind(
            client,
            &params.health,
            &params.health_reason,
            &params.now,
            &params.health_message,
            &params.health_remedy,
            &params.retry_at,
            &params.organization_id,
            &params.integration_id,
            &params.generation,
        )
    }
}
pub struct UpdateRefreshedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says that refreshing works again; what else the connection may lack stays as it is.
pub fn update_refreshed() -> UpdateRefreshedStmt {
    UpdateRefreshedStmt(
        "UPDATE integrations SET health = CASE health WHEN 'degraded' THEN 'healthy' ELSE health END, health_reason = CASE health WHEN 'degraded' THEN NULL ELSE health_reason END, health_message = CASE health WHEN 'degraded' THEN NULL ELSE health_message END, health_remedy = CASE health WHEN 'degraded' THEN NULL ELSE health_remedy END, health_changed_at = CASE health WHEN 'degraded' THEN $1 ELSE health_changed_at END, failures = 0, retry_at = NULL, updated_at = $1 WHERE organization_id = $2 AND integration_id = $3 AND generation = $4 AND failures > 0 RETURNING integration_id",
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
    fn bind<'c, 'a, 's, C: GenericClient>(
        &'s self,
        client: &'c C,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        generation: &'a i32,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        UuidUuidQuery {
            client,
            params: [now, organization_id, integration_id, generation],
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
        UpdateRefreshedParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4>,
        C,
    > for UpdateRefreshedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateRefreshedParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.generation,
        )
    }
}
pub struct ListStmt(&'static str, Option<tokio_postgres::Statement>);
/// All connections of an organization, or that of one connector; the newest first. Those that are to be removed are gone.
pub fn list() -> ListStmt {
    ListStmt(
        "SELECT i.integration_id, i.user_id, i.connector_type, i.status, i.health, i.health_reason, i.health_message, i.health_remedy, i.health_changed_at, i.health_checked_at, i.retry_at, i.generation, i.external_id, i.bot_id, i.connector_user_id, i.connector_organization_id, i.metadata, i.installed_at, i.last_used_at, i.synced_at, i.created_at, i.updated_at, c.expires_at FROM integrations i LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id WHERE i.organization_id = $1 AND i.status <> 'deleted' AND ($2::text IS NULL OR i.connector_type = $2) ORDER BY i.created_at DESC, i.integration_id DESC",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        connector_type: &'a Option<T1>,
    ) -> OverviewQuery<'c, 'a, 's, C, Overview, 2> {
        OverviewQuery {
            client,
            params: [organization_id, connector_type],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<OverviewBorrowed, tokio_postgres::Error> {
                Ok(OverviewBorrowed {
                    integration_id: row.try_get(0)?,
                    user_id: row.try_get(1)?,
                    connector_type: row.try_get(2)?,
                    status: row.try_get(3)?,
                    health: row.try_get(4)?,
                    health_reason: row.try_get(5)?,
                    health_message: row.try_get(6)?,
                    health_remedy: row.try_get(7)?,
                    health_changed_at: row.try_get(8)?,
                    health_checked_at: row.try_get(9)?,
                    retry_at: row.try_get(10)?,
                    generation: row.try_get(11)?,
                    external_id: row.try_get(12)?,
                    bot_id: row.try_get(13)?,
                    connector_user_id: row.try_get(14)?,
                    connector_organization_id: row.try_get(15)?,
                    metadata: row.try_get(16)?,
                    installed_at: row.try_get(17)?,
                    last_used_at: row.try_get(18)?,
                    synced_at: row.try_get(19)?,
                    created_at: row.try_get(20)?,
                    updated_at: row.try_get(21)?,
                    expires_at: row.try_get(22)?,
                })
            },
            mapper: |it| Overview::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, ListParams<T1>, OverviewQuery<'c, 'a, 's, C, Overview, 2>, C>
    for ListStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListParams<T1>,
    ) -> OverviewQuery<'c, 'a, 's, C, Overview, 2> {
        self.bind(client, &params.organization_id, &params.connector_type)
    }
}
pub struct FindOverviewStmt(&'static str, Option<tokio_postgres::Statement>);
/// One connection of an organization.
pub fn find_overview() -> FindOverviewStmt {
    FindOverviewStmt(
        "SELECT i.integration_id, i.user_id, i.connector_type, i.status, i.health, i.health_reason, i.health_message, i.health_remedy, i.health_changed_at, i.health_checked_at, i.retry_at, i.generation, i.external_id, i.bot_id, i.connector_user_id, i.connector_organization_id, i.metadata, i.installed_at, i.last_used_at, i.synced_at, i.created_at, i.updated_at, c.expires_at FROM integrations i LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id WHERE i.organization_id = $1 AND i.integration_id = $2 AND i.status <> 'deleted'",
        None,
    )
}
impl FindOverviewStmt {
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
    ) -> OverviewQuery<'c, 'a, 's, C, Overview, 2> {
        OverviewQuery {
            client,
            params: [organization_id, integration_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<OverviewBorrowed, tokio_postgres::Error> {
                Ok(OverviewBorrowed {
                    integration_id: row.try_get(0)?,
                    user_id: row.try_get(1)?,
                    connector_type: row.try_get(2)?,
                    status: row.try_get(3)?,
                    health: row.try_get(4)?,
                    health_reason: row.try_get(5)?,
                    health_message: row.try_get(6)?,
                    health_remedy: row.try_get(7)?,
                    health_changed_at: row.try_get(8)?,
                    health_checked_at: row.try_get(9)?,
                    retry_at: row.try_get(10)?,
                    generation: row.try_get(11)?,
                    external_id: row.try_get(12)?,
                    bot_id: row.try_get(13)?,
                    connector_user_id: row.try_get(14)?,
                    connector_organization_id: row.try_get(15)?,
                    metadata: row.try_get(16)?,
                    installed_at: row.try_get(17)?,
                    last_used_at: row.try_get(18)?,
                    synced_at: row.try_get(19)?,
                    created_at: row.try_get(20)?,
                    updated_at: row.try_get(21)?,
                    expires_at: row.try_get(22)?,
                })
            },
            mapper: |it| Overview::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindOverviewParams,
        OverviewQuery<'c, 'a, 's, C, Overview, 2>,
        C,
    > for FindOverviewStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindOverviewParams,
    ) -> OverviewQuery<'c, 'a, 's, C, Overview, 2> {
        self.bind(client, &params.organization_id, &params.integration_id)
    }
}
pub struct UpdateCheckedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says what asking the third party came to, and what it shows of itself now; unless the connection was made again since
/// the caller read it, or has ended.
pub fn update_checked() -> UpdateCheckedStmt {
    UpdateCheckedStmt(
        "UPDATE integrations SET health_changed_at = CASE WHEN health = $1 AND health_reason IS NOT DISTINCT FROM $2 THEN health_changed_at ELSE $3 END, health = $1, health_reason = $2, health_message = $4, health_remedy = $5, health_checked_at = $3, check_at = $6, retry_at = $7, metadata = metadata || $8, updated_at = $3 WHERE organization_id = $9 AND integration_id = $10 AND generation = $11 AND status NOT IN ('inactive', 'deleted') RETURNING integration_id",
        None,
    )
}
impl UpdateCheckedStmt {
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
        T5: crate::JsonSql,
    >(
        &'s self,
        client: &'c C,
        health: &'a T1,
        health_reason: &'a Option<T2>,
        now: &'a chrono::DateTime<chrono::Utc>,
        health_message: &'a Option<T3>,
        health_remedy: &'a Option<T4>,
        check_at: &'a chrono::DateTime<chrono::Utc>,
        retry_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        metadata: &'a T5,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        generation: &'a i32,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 11> {
        UuidUuidQuery {
            client,
            params: [
                health,
                health_reason,
                now,
                health_message,
                health_remedy,
                check_at,
                retry_at,
                metadata,
                organization_id,
                integration_id,
                generation,
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
    T5: crate::JsonSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpdateCheckedParams<T1, T2, T3, T4, T5>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 11>,
        C,
    > for UpdateCheckedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateCheckedParams<T1, T2, T3, T4, T5>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 11> {
        self.bind(
            client,
            &params.health,
            &params.health_reason,
            &params.now,
            &params.health_message,
            &params.health_remedy,
            &params.check_at,
            &params.retry_at,
            &params.metadata,
            &params.organization_id,
            &params.integration_id,
            &params.generation,
        )
    }
}
pub struct UpdateDisconnectedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Ends a connection because somebody of the organization said so.
pub fn update_disconnected() -> UpdateDisconnectedStmt {
    UpdateDisconnectedStmt(
        "UPDATE integrations SET status = 'inactive', health = 'revoked', health_reason = 'disconnected', health_message = NULL, health_remedy = NULL, health_changed_at = $1, retry_at = NULL, generation = generation + 1, updated_at = $1 WHERE organization_id = $2 AND integration_id = $3 AND status NOT IN ('inactive', 'deleted') RETURNING integration_id",
        None,
    )
}
impl UpdateDisconnectedStmt {
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
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        UuidUuidQuery {
            client,
            params: [now, organization_id, integration_id],
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
        UpdateDisconnectedParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3>,
        C,
    > for UpdateDisconnectedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateDisconnectedParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
        )
    }
}
pub struct FindNewestByExternalIdStmt(&'static str, Option<tokio_postgres::Statement>);
/// The connection that a third party's event names, or the one that has ended last. Works before the organization is known:
/// the transaction must have looked up the same id.
pub fn find_newest_by_external_id() -> FindNewestByExternalIdStmt {
    FindNewestByExternalIdStmt(
        "SELECT integration_id, organization_id FROM integrations WHERE connector_type = $1 AND external_id = $2 ORDER BY status IN ('inactive', 'deleted'), updated_at DESC LIMIT 1",
        None,
    )
}
impl FindNewestByExternalIdStmt {
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
        connector_type: &'a T1,
        external_id: &'a T2,
    ) -> FindNewestByExternalIdQuery<'c, 'a, 's, C, FindNewestByExternalId, 2> {
        FindNewestByExternalIdQuery {
            client,
            params: [connector_type, external_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindNewestByExternalId, tokio_postgres::Error> {
                Ok(FindNewestByExternalId {
                    integration_id: row.try_get(0)?,
                    organization_id: row.try_get(1)?,
                })
            },
            mapper: |it| FindNewestByExternalId::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindNewestByExternalIdParams<T1, T2>,
        FindNewestByExternalIdQuery<'c, 'a, 's, C, FindNewestByExternalId, 2>,
        C,
    > for FindNewestByExternalIdStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindNewestByExternalIdParams<T1, T2>,
    ) -> FindNewestByExternalIdQuery<'c, 'a, 's, C, FindNewestByExternalId, 2> {
        self.bind(client, &params.connector_type, &params.external_id)
    }
}
pub struct LockByExternalIdStmt(&'static str, Option<tokio_postgres::Statement>);
/// A connection as it stands, if it is still that to what an event names; it stays so until the transaction ends.
pub fn lock_by_external_id() -> LockByExternalIdStmt {
    LockByExternalIdStmt(
        "SELECT status, installed_at, connector_organization_id FROM integrations WHERE organization_id = $1 AND integration_id = $2 AND external_id = $3 FOR UPDATE",
        None,
    )
}
impl LockByExternalIdStmt {
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
        integration_id: &'a uuid::Uuid,
        external_id: &'a T1,
    ) -> LockByExternalIdQuery<'c, 'a, 's, C, LockByExternalId, 3> {
        LockByExternalIdQuery {
            client,
            params: [organization_id, integration_id, external_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor:
                |row: &tokio_postgres::Row| -> Result<LockByExternalIdBorrowed, tokio_postgres::Error> {
                    Ok(LockByExternalIdBorrowed {
                        status: row.try_get(0)?,
                        installed_at: row.try_get(1)?,
                        connector_organization_id: row.try_get(2)?,
                    })
                },
            mapper: |it| LockByExternalId::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        LockByExternalIdParams<T1>,
        LockByExternalIdQuery<'c, 'a, 's, C, LockByExternalId, 3>,
        C,
    > for LockByExternalIdStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a LockByExternalIdParams<T1>,
    ) -> LockByExternalIdQuery<'c, 'a, 's, C, LockByExternalId, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.external_id,
        )
    }
}
pub struct LockForSyncStmt(&'static str, Option<tokio_postgres::Statement>);
/// When what a connection reaches was last read in full, while it is active and has not been made again; it stays so until
/// the transaction ends.
pub fn lock_for_sync() -> LockForSyncStmt {
    LockForSyncStmt(
        "SELECT synced_at FROM integrations WHERE organization_id = $1 AND integration_id = $2 AND generation = $3 AND status = 'active' FOR UPDATE",
        None,
    )
}
impl LockForSyncStmt {
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
        generation: &'a i32,
    ) -> OptionchronoDateTimechronoUtcQuery<'c, 'a, 's, C, Option<chrono::DateTime<chrono::Utc>>, 3> {
        OptionchronoDateTimechronoUtcQuery {
            client,
            params: [organization_id, integration_id, generation],
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
        LockForSyncParams,
        OptionchronoDateTimechronoUtcQuery<'c, 'a, 's, C, Option<chrono::DateTime<chrono::Utc>>, 3>,
        C,
    > for LockForSyncStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a LockForSyncParams,
    ) -> OptionchronoDateTimechronoUtcQuery<'c, 'a, 's, C, Option<chrono::DateTime<chrono::Utc>>, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.generation,
        )
    }
}
pub struct UpdateToldStmt(&'static str, Option<tokio_postgres::Statement>);
/// What the third party tells of the connection itself: whether it is on hold, and what is shown of it, in the place of
/// every permission that was shown. Older news changes nothing, and neither does news of one that has ended.
pub fn update_told() -> UpdateToldStmt {
    UpdateToldStmt(
        "UPDATE integrations SET status = $1, metadata = (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each(metadata) m WHERE NOT starts_with(m.key, 'permission_')) || $2, source_updated_at = $3, updated_at = $4 WHERE organization_id = $5 AND integration_id = $6 AND status IN ('active', 'suspended') AND installed_at <= $3 AND (source_updated_at IS NULL OR source_updated_at <= $3) RETURNING integration_id",
        None,
    )
}
impl UpdateToldStmt {
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
        status: &'a T1,
        metadata: &'a T2,
        event_time: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        UuidUuidQuery {
            client,
            params: [status, metadata, event_time, now, organization_id, integration_id],
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
        UpdateToldParams<T1, T2>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6>,
        C,
    > for UpdateToldStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateToldParams<T1, T2>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        self.bind(
            client,
            &params.status,
            &params.metadata,
            &params.event_time,
            &params.now,
            &params.organization_id,
            &params.integration_id,
        )
    }
}
pub struct UpdateCuredStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says that a connection works again, if this reason was why it did not.
pub fn update_cured() -> UpdateCuredStmt {
    UpdateCuredStmt(
        "UPDATE integrations SET health = 'healthy', health_reason = NULL, health_message = NULL, health_remedy = NULL, retry_at = NULL, failures = 0, health_changed_at = $1, updated_at = $1 WHERE organization_id = $2 AND integration_id = $3 AND health_reason = $4 RETURNING integration_id",
        None,
    )
}
impl UpdateCuredStmt {
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
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        health_reason: &'a T1,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        UuidUuidQuery {
            client,
            params: [now, organization_id, integration_id, health_reason],
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
        UpdateCuredParams<T1>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4>,
        C,
    > for UpdateCuredStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateCuredParams<T1>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.health_reason,
        )
    }
}
pub struct UpdateUnsyncedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says that what a connection reaches has to be read, for the first time or again.
pub fn update_unsynced() -> UpdateUnsyncedStmt {
    UpdateUnsyncedStmt(
        "UPDATE integrations SET synced_at = NULL, sync_at = $1, updated_at = $1 WHERE organization_id = $2 AND integration_id = $3 RETURNING integration_id",
        None,
    )
}
impl UpdateUnsyncedStmt {
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
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        UuidUuidQuery {
            client,
            params: [now, organization_id, integration_id],
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
        UpdateUnsyncedParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3>,
        C,
    > for UpdateUnsyncedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateUnsyncedParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.integration_id,
        )
    }
}
pub struct UpdateSyncedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Says that what a connection reaches was read in full by a reading that began at `started_at`, and when it is next.
pub fn update_synced() -> UpdateSyncedStmt {
    UpdateSyncedStmt(
        "UPDATE integrations SET synced_at = $1, sync_at = $2, updated_at = $3 WHERE organization_id = $4 AND integration_id = $5 RETURNING integration_id",
        None,
    )
}
impl UpdateSyncedStmt {
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
        started_at: &'a chrono::DateTime<chrono::Utc>,
        sync_at: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        UuidUuidQuery {
            client,
            params: [started_at, sync_at, now, organization_id, integration_id],
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
        UpdateSyncedParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5>,
        C,
    > for UpdateSyncedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateSyncedParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 5> {
        self.bind(
            client,
            &params.started_at,
            &params.sync_at,
            &params.now,
            &params.organization_id,
            &params.integration_id,
        )
    }
}
pub struct ListDueChecksStmt(&'static str, Option<tokio_postgres::Statement>);
/// Which connections of these connectors are to be checked by now, from behind a place in that order, whoever they belong
/// to; the transaction must name the time.
pub fn list_due_checks() -> ListDueChecksStmt {
    ListDueChecksStmt(
        "SELECT organization_id, integration_id, connector_type, check_at AS due_at FROM integrations WHERE status IN ('active', 'suspended', 'pending') AND connector_type = ANY($1) AND check_at <= $2 AND (check_at, integration_id) > ($3, $4) ORDER BY check_at, integration_id LIMIT $5",
        None,
    )
}
impl ListDueChecksStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::ArraySql<Item = T1>>(
        &'s self,
        client: &'c C,
        connector_types: &'a T2,
        before: &'a chrono::DateTime<chrono::Utc>,
        after_due_at: &'a chrono::DateTime<chrono::Utc>,
        after: &'a uuid::Uuid,
        count: &'a i64,
    ) -> DueQuery<'c, 'a, 's, C, Due, 5> {
        DueQuery {
            client,
            params: [connector_types, before, after_due_at, after, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<DueBorrowed, tokio_postgres::Error> {
                Ok(DueBorrowed {
                    organization_id: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                    connector_type: row.try_get(2)?,
                    due_at: row.try_get(3)?,
                })
            },
            mapper: |it| Due::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::ArraySql<Item = T1>>
    crate::client::async_::Params<'c, 'a, 's, ListDueChecksParams<T1, T2>, DueQuery<'c, 'a, 's, C, Due, 5>, C>
    for ListDueChecksStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListDueChecksParams<T1, T2>,
    ) -> DueQuery<'c, 'a, 's, C, Due, 5> {
        self.bind(
            client,
            &params.connector_types,
            &params.before,
            &params.after_due_at,
            &params.after,
            &params.count,
        )
    }
}
pub struct PutOffCheckStmt(&'static str, Option<tokio_postgres::Statement>);
/// Puts off the check of a connection that is due at a time. No row when somebody has done that, or has done it.
pub fn put_off_check() -> PutOffCheckStmt {
    PutOffCheckStmt(
        "UPDATE integrations SET check_at = $1 WHERE organization_id = $2 AND integration_id = $3 AND check_at = $4 RETURNING integration_id",
        None,
    )
}
impl PutOffCheckStmt {
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
        check_at: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        due_at: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        UuidUuidQuery {
            client,
            params: [check_at, organization_id, integration_id, due_at],
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
        PutOffCheckParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4>,
        C,
    > for PutOffCheckStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a PutOffCheckParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        self.bind(
            client,
            &params.check_at,
            &params.organization_id,
            &params.integration_id,
            &params.due_at,
        )
    }
}
pub struct ListDueSyncsStmt(&'static str, Option<tokio_postgres::Statement>);
/// Of which connections of these connectors what they reach is to be read by now, from behind a place in that order,
/// whoever they belong to; the transaction must name the time. Not of those that only a person makes work again.
pub fn list_due_syncs() -> ListDueSyncsStmt {
    ListDueSyncsStmt(
        "SELECT organization_id, integration_id, connector_type, coalesce(sync_at, $1) AS due_at FROM integrations WHERE status = 'active' AND health IN ('healthy', 'degraded') AND connector_type = ANY($2) AND sync_at <= $1 AND (sync_at, integration_id) > ($3, $4) ORDER BY sync_at, integration_id LIMIT $5",
        None,
    )
}
impl ListDueSyncsStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::ArraySql<Item = T1>>(
        &'s self,
        client: &'c C,
        before: &'a chrono::DateTime<chrono::Utc>,
        connector_types: &'a T2,
        after_due_at: &'a chrono::DateTime<chrono::Utc>,
        after: &'a uuid::Uuid,
        count: &'a i64,
    ) -> DueQuery<'c, 'a, 's, C, Due, 5> {
        DueQuery {
            client,
            params: [before, connector_types, after_due_at, after, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<DueBorrowed, tokio_postgres::Error> {
                Ok(DueBorrowed {
                    organization_id: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                    connector_type: row.try_get(2)?,
                    due_at: row.try_get(3)?,
                })
            },
            mapper: |it| Due::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::ArraySql<Item = T1>>
    crate::client::async_::Params<'c, 'a, 's, ListDueSyncsParams<T1, T2>, DueQuery<'c, 'a, 's, C, Due, 5>, C>
    for ListDueSyncsStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListDueSyncsParams<T1, T2>,
    ) -> DueQuery<'c, 'a, 's, C, Due, 5> {
        self.bind(
            client,
            &params.before,
            &params.connector_types,
            &params.after_due_at,
            &params.after,
            &params.count,
        )
    }
}
pub struct PutOffSyncStmt(&'static str, Option<tokio_postgres::Statement>);
/// Puts off the reading of what a connection reaches that is due at a time. No row when somebody has done that, or has read
/// it.
pub fn put_off_sync() -> PutOffSyncStmt {
    PutOffSyncStmt(
        "UPDATE integrations SET sync_at = $1 WHERE organization_id = $2 AND integration_id = $3 AND sync_at = $4 RETURNING integration_id",
        None,
    )
}
impl PutOffSyncStmt {
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
        sync_at: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        due_at: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        UuidUuidQuery {
            client,
            params: [sync_at, organization_id, integration_id, due_at],
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
        PutOffSyncParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4>,
        C,
    > for PutOffSyncStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a PutOffSyncParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        self.bind(
            client,
            &params.sync_at,
            &params.organization_id,
            &params.integration_id,
            &params.due_at,
        )
    }
}
