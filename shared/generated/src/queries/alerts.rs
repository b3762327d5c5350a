// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct UpsertParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
    T6: crate::StringSql,
> {
    pub alert_id: uuid::Uuid,
    pub dedupe_key: T1,
    pub severity: T2,
    pub state: T3,
    pub title: T4,
    pub service: Option<T5>,
    pub url: Option<T6>,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub expires_at: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct FindByKeyParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub dedupe_key: T1,
}
#[derive(Debug)]
pub struct ListParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub before_created_at: chrono::DateTime<chrono::Utc>,
    pub before_alert_id: uuid::Uuid,
    pub state: Option<T1>,
    pub integration_id: Option<uuid::Uuid>,
    pub count: i64,
}
#[derive(Debug)]
pub struct ClaimPostingParams<T1: crate::StringSql> {
    pub slack_channel_id: Option<T1>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub posting_until: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub alert_id: uuid::Uuid,
}
#[derive(Debug)]
pub struct UpdatePostedParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub slack_message_ts: T1,
    pub posted_state: T2,
    pub posted_updated_at: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub alert_id: uuid::Uuid,
    pub posting_until: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct UpdateUnpostedParams<T1: crate::StringSql> {
    pub undelivered_reason: Option<T1>,
    pub organization_id: uuid::Uuid,
    pub alert_id: uuid::Uuid,
    pub posting_until: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct ReleasePostingParams<T1: crate::StringSql> {
    pub undelivered_reason: Option<T1>,
    pub organization_id: uuid::Uuid,
    pub alert_id: uuid::Uuid,
    pub posting_until: chrono::DateTime<chrono::Utc>,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteSurplusParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub keep: i64,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub alert_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub dedupe_key: String,
    pub severity: String,
    pub state: String,
    pub title: String,
    pub service: Option<String>,
    pub url: Option<String>,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub slack_channel_id: Option<String>,
    pub slack_message_ts: Option<String>,
    pub posted_state: Option<String>,
    pub posted_updated_at: Option<chrono::DateTime<chrono::Utc>>,
    pub posting_attempts: i32,
    pub undelivered_reason: Option<String>,
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub updated_at: chrono::DateTime<chrono::Utc>,
}
pub struct AlertBorrowed<'a> {
    pub alert_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub dedupe_key: &'a str,
    pub severity: &'a str,
    pub state: &'a str,
    pub title: &'a str,
    pub service: Option<&'a str>,
    pub url: Option<&'a str>,
    pub source_updated_at: chrono::DateTime<chrono::Utc>,
    pub slack_channel_id: Option<&'a str>,
    pub slack_message_ts: Option<&'a str>,
    pub posted_state: Option<&'a str>,
    pub posted_updated_at: Option<chrono::DateTime<chrono::Utc>>,
    pub posting_attempts: i32,
    pub undelivered_reason: Option<&'a str>,
    pub created_at: chrono::DateTime<chrono::Utc>,
    pub updated_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<AlertBorrowed<'a>> for Alert {
    fn from(
        AlertBorrowed {
            alert_id,
            integration_id,
            dedupe_key,
            severity,
            state,
            title,
            service,
            url,
            source_updated_at,
            slack_channel_id,
            slack_message_ts,
            posted_state,
            posted_updated_at,
            posting_attempts,
            undelivered_reason,
            created_at,
            updated_at,
        }: AlertBorrowed<'a>,
    ) -> Self {
        Self {
            alert_id,
            integration_id,
            dedupe_key: dedupe_key.into(),
            severity: severity.into(),
            state: state.into(),
            title: title.into(),
            service: service.map(|v| v.into()),
            url: url.map(|v| v.into()),
            source_updated_at,
            slack_channel_id: slack_channel_id.map(|v| v.into()),
            slack_message_ts: slack_message_ts.map(|v| v.into()),
            posted_state: posted_state.map(|v| v.into()),
            posted_updated_at,
            posting_attempts,
            undelivered_reason: undelivered_reason.map(|v| v.into()),
            created_at,
            updated_at,
        }
    }
}
impl Alert {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "alert_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "integration_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "dedupe_key",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "severity",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "state",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "title",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "service",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "url",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "source_updated_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "slack_channel_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "slack_message_ts",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "posted_state",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "posted_updated_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "posting_attempts",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "undelivered_reason",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
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
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimPosting {
    pub slack_channel_id: Option<String>,
    pub slack_message_ts: Option<String>,
    pub posting_attempts: i32,
    pub posting_since: chrono::DateTime<chrono::Utc>,
}
pub struct ClaimPostingBorrowed<'a> {
    pub slack_channel_id: Option<&'a str>,
    pub slack_message_ts: Option<&'a str>,
    pub posting_attempts: i32,
    pub posting_since: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<ClaimPostingBorrowed<'a>> for ClaimPosting {
    fn from(
        ClaimPostingBorrowed {
            slack_channel_id,
            slack_message_ts,
            posting_attempts,
            posting_since,
        }: ClaimPostingBorrowed<'a>,
    ) -> Self {
        Self {
            slack_channel_id: slack_channel_id.map(|v| v.into()),
            slack_message_ts: slack_message_ts.map(|v| v.into()),
            posting_attempts,
            posting_since,
        }
    }
}
impl ClaimPosting {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "slack_channel_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "slack_message_ts",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "posting_attempts",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "posting_since",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct BoolQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<bool, tokio_postgres::Error>,
    mapper: fn(bool) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> BoolQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(bool) -> R) -> BoolQuery<'c, 'a, 's, C, R, N> {
        BoolQuery {
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
pub struct AlertQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<AlertBorrowed, tokio_postgres::Error>,
    mapper: fn(AlertBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> AlertQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(AlertBorrowed) -> R) -> AlertQuery<'c, 'a, 's, C, R, N> {
        AlertQuery {
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
pub struct ClaimPostingQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<ClaimPostingBorrowed, tokio_postgres::Error>,
    mapper: fn(ClaimPostingBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ClaimPostingQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(ClaimPostingBorrowed) -> R) -> ClaimPostingQuery<'c, 'a, 's, C, R, N> {
        ClaimPostingQuery {
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
pub struct UpsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Takes what a third party tells of an alert, unless what is known of it is newer; of the same moment, what is further
/// on holds. Nothing of a connection that has ended. `created` tells whether it was not known before.
pub fn upsert() -> UpsertStmt {
    UpsertStmt(
        "INSERT INTO alerts (alert_id, organization_id, integration_id, dedupe_key, severity, state, title, service, url, source_updated_at, expires_at, created_at, updated_at) SELECT $1, i.organization_id, i.integration_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10 FROM integrations i WHERE i.organization_id = $11 AND i.integration_id = $12 AND i.status NOT IN ('inactive', 'deleted') ON CONFLICT ON CONSTRAINT alerts_dedupe_key DO UPDATE SET severity = EXCLUDED.severity, state = EXCLUDED.state, title = EXCLUDED.title, service = EXCLUDED.service, url = EXCLUDED.url, source_updated_at = EXCLUDED.source_updated_at, expires_at = EXCLUDED.expires_at, updated_at = $10 WHERE alerts.organization_id = $11 AND (alerts.source_updated_at, array_position(ARRAY['triggered', 'acknowledged', 'resolved'], alerts.state)) < (EXCLUDED.source_updated_at, array_position(ARRAY['triggered', 'acknowledged', 'resolved'], EXCLUDED.state)) RETURNING alert_id = $1 AS created",
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
        T6: crate::StringSql,
    >(
        &'s self,
        client: &'c C,
        alert_id: &'a uuid::Uuid,
        dedupe_key: &'a T1,
        severity: &'a T2,
        state: &'a T3,
        title: &'a T4,
        service: &'a Option<T5>,
        url: &'a Option<T6>,
        source_updated_at: &'a chrono::DateTime<chrono::Utc>,
        expires_at: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
    ) -> BoolQuery<'c, 'a, 's, C, bool, 12> {
        BoolQuery {
            client,
            params: [
                alert_id,
                dedupe_key,
                severity,
                state,
                title,
                service,
                url,
                source_updated_at,
                expires_at,
                now,
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
    T6: crate::StringSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        UpsertParams<T1, T2, T3, T4, T5, T6>,
        BoolQuery<'c, 'a, 's, C, bool, 12>,
        C,
    > for UpsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpsertParams<T1, T2, T3, T4, T5, T6>,
    ) -> BoolQuery<'c, 'a, 's, C, bool, 12> {
        self.bind(
            client,
            &params.alert_id,
            &params.dedupe_key,
            &params.severity,
            &params.state,
            &params.title,
            &params.service,
            &params.url,
            &params.source_updated_at,
            &params.expires_at,
            &params.now,
            &params.organization_id,
            &params.integration_id,
        )
    }
}
pub struct FindByKeyStmt(&'static str, Option<tokio_postgres::Statement>);
/// An alert by the third party's id of it, unless its connection has ended; its row stays locked until the transaction
/// ends.
pub fn find_by_key() -> FindByKeyStmt {
    FindByKeyStmt(
        "SELECT a.alert_id, a.integration_id, a.dedupe_key, a.severity, a.state, a.title, a.service, a.url, a.source_updated_at, a.slack_channel_id, a.slack_message_ts, a.posted_state, a.posted_updated_at, a.posting_attempts, a.undelivered_reason, a.created_at, a.updated_at FROM alerts a JOIN integrations i ON i.organization_id = a.organization_id AND i.integration_id = a.integration_id WHERE a.organization_id = $1 AND a.integration_id = $2 AND a.dedupe_key = $3 AND i.status NOT IN ('inactive', 'deleted') FOR UPDATE OF a",
        None,
    )
}
impl FindByKeyStmt {
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
        dedupe_key: &'a T1,
    ) -> AlertQuery<'c, 'a, 's, C, Alert, 3> {
        AlertQuery {
            client,
            params: [organization_id, integration_id, dedupe_key],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<AlertBorrowed, tokio_postgres::Error> {
                Ok(AlertBorrowed {
                    alert_id: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                    dedupe_key: row.try_get(2)?,
                    severity: row.try_get(3)?,
                    state: row.try_get(4)?,
                    title: row.try_get(5)?,
                    service: row.try_get(6)?,
                    url: row.try_get(7)?,
                    source_updated_at: row.try_get(8)?,
                    slack_channel_id: row.try_get(9)?,
                    slack_message_ts: row.try_get(10)?,
                    posted_state: row.try_get(11)?,
                    posted_updated_at: row.try_get(12)?,
                    posting_attempts: row.try_get(13)?,
                    undelivered_reason: row.try_get(14)?,
                    created_at: row.try_get(15)?,
                    updated_at: row.try_get(16)?,
                })
            },
            mapper: |it| Alert::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, FindByKeyParams<T1>, AlertQuery<'c, 'a, 's, C, Alert, 3>, C>
    for FindByKeyStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindByKeyParams<T1>,
    ) -> AlertQuery<'c, 'a, 's, C, Alert, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.dedupe_key,
        )
    }
}
pub struct ListStmt(&'static str, Option<tokio_postgres::Statement>);
/// The alerts of an organization, the newest first, from behind a place in them.
pub fn list() -> ListStmt {
    ListStmt(
        "SELECT alert_id, integration_id, dedupe_key, severity, state, title, service, url, source_updated_at, slack_channel_id, slack_message_ts, posted_state, posted_updated_at, posting_attempts, undelivered_reason, created_at, updated_at FROM alerts WHERE organization_id = $1 AND (created_at, alert_id) < ($2, $3) AND ($4::text IS NULL OR state = $4) AND ($5::uuid IS NULL OR integration_id = $5) ORDER BY created_at DESC, alert_id DESC LIMIT $6",
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
        before_created_at: &'a chrono::DateTime<chrono::Utc>,
        before_alert_id: &'a uuid::Uuid,
        state: &'a Option<T1>,
        integration_id: &'a Option<uuid::Uuid>,
        count: &'a i64,
    ) -> AlertQuery<'c, 'a, 's, C, Alert, 6> {
        AlertQuery {
            client,
            params: [
                organization_id,
                before_created_at,
                before_alert_id,
                state,
                integration_id,
                count,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<AlertBorrowed, tokio_postgres::Error> {
                Ok(AlertBorrowed {
                    alert_id: row.try_get(0)?,
                    integration_id: row.try_get(1)?,
                    dedupe_key: row.try_get(2)?,
                    severity: row.try_get(3)?,
                    state: row.try_get(4)?,
                    title: row.try_get(5)?,
                    service: row.try_get(6)?,
                    url: row.try_get(7)?,
                    source_updated_at: row.try_get(8)?,
                    slack_channel_id: row.try_get(9)?,
                    slack_message_ts: row.try_get(10)?,
                    posted_state: row.try_get(11)?,
                    posted_updated_at: row.try_get(12)?,
                    posting_attempts: row.try_get(13)?,
                    undelivered_reason: row.try_get(14)?,
                    created_at: row.try_get(15)?,
                    updated_at: row.try_get(16)?,
                })
            },
            mapper: |it| Alert::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, ListParams<T1>, AlertQuery<'c, 'a, 's, C, Alert, 6>, C>
    for ListStmt
{
    fn params(&'s self, client: &'c C, params: &'a ListParams<T1>) -> AlertQuery<'c, 'a, 's, C, Alert, 6> {
        self.bind(
            client,
            &params.organization_id,
            &params.before_created_at,
            &params.before_alert_id,
            &params.state,
            &params.integration_id,
            &params.count,
        )
    }
}
pub struct ClaimPostingStmt(&'static str, Option<tokio_postgres::Statement>);
/// Claims the right to tell Slack of an alert. The channel is that in which it stands or may stand, else the given one.
/// No row while somebody else has the right.
pub fn claim_posting() -> ClaimPostingStmt {
    ClaimPostingStmt(
        "UPDATE alerts SET slack_channel_id = CASE WHEN slack_message_ts IS NULL AND posting_attempts = 0 THEN $1 ELSE slack_channel_id END, posting_attempts = posting_attempts + 1, posting_since = coalesce(posting_since, $2), posting_until = $3 WHERE organization_id = $4 AND alert_id = $5 AND (posting_until IS NULL OR posting_until <= $2) RETURNING slack_channel_id, slack_message_ts, posting_attempts, coalesce(posting_since, $2) AS posting_since",
        None,
    )
}
impl ClaimPostingStmt {
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
        slack_channel_id: &'a Option<T1>,
        now: &'a chrono::DateTime<chrono::Utc>,
        posting_until: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        alert_id: &'a uuid::Uuid,
    ) -> ClaimPostingQuery<'c, 'a, 's, C, ClaimPosting, 5> {
        ClaimPostingQuery {
            client,
            params: [slack_channel_id, now, posting_until, organization_id, alert_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ClaimPostingBorrowed, tokio_postgres::Error> {
                Ok(ClaimPostingBorrowed {
                    slack_channel_id: row.try_get(0)?,
                    slack_message_ts: row.try_get(1)?,
                    posting_attempts: row.try_get(2)?,
                    posting_since: row.try_get(3)?,
                })
            },
            mapper: |it| ClaimPosting::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        ClaimPostingParams<T1>,
        ClaimPostingQuery<'c, 'a, 's, C, ClaimPosting, 5>,
        C,
    > for ClaimPostingStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ClaimPostingParams<T1>,
    ) -> ClaimPostingQuery<'c, 'a, 's, C, ClaimPosting, 5> {
        self.bind(
            client,
            &params.slack_channel_id,
            &params.now,
            &params.posting_until,
            &params.organization_id,
            &params.alert_id,
        )
    }
}
pub struct UpdatePostedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes what the message says, for whoever has the right.
pub fn update_posted() -> UpdatePostedStmt {
    UpdatePostedStmt(
        "UPDATE alerts SET slack_message_ts = $1, posted_state = $2, posted_updated_at = $3, posting_attempts = 0, posting_since = NULL, posting_until = NULL, undelivered_reason = NULL WHERE organization_id = $4 AND alert_id = $5 AND posting_until = $6 RETURNING alert_id",
        None,
    )
}
impl UpdatePostedStmt {
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
        slack_message_ts: &'a T1,
        posted_state: &'a T2,
        posted_updated_at: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        alert_id: &'a uuid::Uuid,
        posting_until: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        UuidUuidQuery {
            client,
            params: [
                slack_message_ts,
                posted_state,
                posted_updated_at,
                organization_id,
                alert_id,
                posting_until,
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
        UpdatePostedParams<T1, T2>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6>,
        C,
    > for UpdatePostedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdatePostedParams<T1, T2>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 6> {
        self.bind(
            client,
            &params.slack_message_ts,
            &params.posted_state,
            &params.posted_updated_at,
            &params.organization_id,
            &params.alert_id,
            &params.posting_until,
        )
    }
}
pub struct UpdateUnpostedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Gives the right back without having told anything: nothing is under way any more.
pub fn update_unposted() -> UpdateUnpostedStmt {
    UpdateUnpostedStmt(
        "UPDATE alerts SET slack_channel_id = CASE WHEN slack_message_ts IS NULL THEN NULL ELSE slack_channel_id END, posting_attempts = 0, posting_since = NULL, posting_until = NULL, undelivered_reason = coalesce($1, undelivered_reason) WHERE organization_id = $2 AND alert_id = $3 AND posting_until = $4 RETURNING alert_id",
        None,
    )
}
impl UpdateUnpostedStmt {
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
        undelivered_reason: &'a Option<T1>,
        organization_id: &'a uuid::Uuid,
        alert_id: &'a uuid::Uuid,
        posting_until: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        UuidUuidQuery {
            client,
            params: [undelivered_reason, organization_id, alert_id, posting_until],
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
        UpdateUnpostedParams<T1>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4>,
        C,
    > for UpdateUnpostedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateUnpostedParams<T1>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        self.bind(
            client,
            &params.undelivered_reason,
            &params.organization_id,
            &params.alert_id,
            &params.posting_until,
        )
    }
}
pub struct ReleasePostingStmt(&'static str, Option<tokio_postgres::Statement>);
/// Gives the right back, though it is not known whether Slack was told.
pub fn release_posting() -> ReleasePostingStmt {
    ReleasePostingStmt(
        "UPDATE alerts SET posting_until = NULL, undelivered_reason = coalesce($1, undelivered_reason) WHERE organization_id = $2 AND alert_id = $3 AND posting_until = $4 RETURNING alert_id",
        None,
    )
}
impl ReleasePostingStmt {
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
        undelivered_reason: &'a Option<T1>,
        organization_id: &'a uuid::Uuid,
        alert_id: &'a uuid::Uuid,
        posting_until: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        UuidUuidQuery {
            client,
            params: [undelivered_reason, organization_id, alert_id, posting_until],
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
        ReleasePostingParams<T1>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4>,
        C,
    > for ReleasePostingStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ReleasePostingParams<T1>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 4> {
        self.bind(
            client,
            &params.undelivered_reason,
            &params.organization_id,
            &params.alert_id,
            &params.posting_until,
        )
    }
}
pub struct DeleteSurplusStmt(&'static str, Option<tokio_postgres::Statement>);
/// Removes those of a connection's alerts that nothing was heard of for longest, beyond so many, some at a time.
pub fn delete_surplus() -> DeleteSurplusStmt {
    DeleteSurplusStmt(
        "DELETE FROM alerts WHERE organization_id = $1 AND alert_id IN (SELECT a.alert_id FROM alerts a WHERE a.organization_id = $1 AND a.integration_id = $2 ORDER BY a.source_updated_at DESC, a.alert_id DESC OFFSET $3 LIMIT 100) RETURNING alert_id",
        None,
    )
}
impl DeleteSurplusStmt {
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
        keep: &'a i64,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        UuidUuidQuery {
            client,
            params: [organization_id, integration_id, keep],
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
        DeleteSurplusParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3>,
        C,
    > for DeleteSurplusStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a DeleteSurplusParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.keep,
        )
    }
}
