// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct InsertParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::JsonSql,
    T6: crate::StringSql,
    T7: crate::StringSql,
> {
    pub audit_event_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub actor: T1,
    pub action: T2,
    pub subject: T3,
    pub outcome: T4,
    pub details: T5,
    pub request_id: Option<T6>,
    pub address: Option<T7>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct ListParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql, T4: crate::StringSql>
{
    pub organization_id: uuid::Uuid,
    pub since: chrono::DateTime<chrono::Utc>,
    pub until: chrono::DateTime<chrono::Utc>,
    pub before_created_at: chrono::DateTime<chrono::Utc>,
    pub before_audit_event_id: uuid::Uuid,
    pub actor: Option<T1>,
    pub action: Option<T2>,
    pub subject: Option<T3>,
    pub outcome: Option<T4>,
    pub count: i64,
}
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    pub audit_event_id: uuid::Uuid,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub outcome: String,
    pub details: serde_json::Value,
    pub request_id: Option<String>,
    pub address: Option<String>,
    pub created_at: chrono::DateTime<chrono::Utc>,
}
pub struct ListBorrowed<'a> {
    pub audit_event_id: uuid::Uuid,
    pub actor: &'a str,
    pub action: &'a str,
    pub subject: &'a str,
    pub outcome: &'a str,
    pub details: postgres_types::Json<&'a serde_json::value::RawValue>,
    pub request_id: Option<&'a str>,
    pub address: Option<&'a str>,
    pub created_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<ListBorrowed<'a>> for List {
    fn from(
        ListBorrowed {
            audit_event_id,
            actor,
            action,
            subject,
            outcome,
            details,
            request_id,
            address,
            created_at,
        }: ListBorrowed<'a>,
    ) -> Self {
        Self {
            audit_event_id,
            actor: actor.into(),
            action: action.into(),
            subject: subject.into(),
            outcome: outcome.into(),
            details: serde_json::from_str(details.0.get()).unwrap(),
            request_id: request_id.map(|v| v.into()),
            address: address.map(|v| v.into()),
            created_at,
        }
    }
}
impl List {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "audit_event_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "actor",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "action",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "subject",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "outcome",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "details",
                rust_type: "serde_json::Value",
                pg_type: "pg_catalog.jsonb",
            },
            FieldMetadata {
                name: "request_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "address",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "created_at",
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
pub struct InsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// Adds to the record.
pub fn insert() -> InsertStmt {
    InsertStmt(
        "INSERT INTO audit_events (audit_event_id, organization_id, actor, action, subject, outcome, details, request_id, address, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING audit_event_id",
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
        T1: crate::StringSql,
        T2: crate::StringSql,
        T3: crate::StringSql,
        T4: crate::StringSql,
        T5: crate::JsonSql,
        T6: crate::StringSql,
        T7: crate::StringSql,
    >(
        &'s self,
        client: &'c C,
        audit_event_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        actor: &'a T1,
        action: &'a T2,
        subject: &'a T3,
        outcome: &'a T4,
        details: &'a T5,
        request_id: &'a Option<T6>,
        address: &'a Option<T7>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10> {
        UuidUuidQuery {
            client,
            params: [
                audit_event_id,
                organization_id,
                actor,
                action,
                subject,
                outcome,
                details,
                request_id,
                address,
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
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::JsonSql,
    T6: crate::StringSql,
    T7: crate::StringSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        InsertParams<T1, T2, T3, T4, T5, T6, T7>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10>,
        C,
    > for InsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a InsertParams<T1, T2, T3, T4, T5, T6, T7>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10> {
        self.bind(
            client,
            &params.audit_event_id,
            &params.organization_id,
            &params.actor,
            &params.action,
            &params.subject,
            &params.outcome,
            &params.details,
            &params.request_id,
            &params.address,
            &params.now,
        )
    }
}
pub struct ListStmt(&'static str, Option<tokio_postgres::Statement>);
/// The record of an organization, newest first, from behind a place in it; of the times from `since` to before `until`.
pub fn list() -> ListStmt {
    ListStmt(
        "SELECT audit_event_id, actor, action, subject, outcome, details, request_id, address, created_at FROM audit_events WHERE organization_id = $1 AND created_at >= $2 AND created_at < $3 AND (created_at, audit_event_id) < ($4, $5) AND ($6::text IS NULL OR actor = $6) AND ($7::text IS NULL OR action = $7) AND ($8::text IS NULL OR subject = $8) AND ($9::text IS NULL OR outcome = $9) ORDER BY created_at DESC, audit_event_id DESC LIMIT $10",
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
        organization_id: &'a uuid::Uuid,
        since: &'a chrono::DateTime<chrono::Utc>,
        until: &'a chrono::DateTime<chrono::Utc>,
        before_created_at: &'a chrono::DateTime<chrono::Utc>,
        before_audit_event_id: &'a uuid::Uuid,
        actor: &'a Option<T1>,
        action: &'a Option<T2>,
        subject: &'a Option<T3>,
        outcome: &'a Option<T4>,
        count: &'a i64,
    ) -> ListQuery<'c, 'a, 's, C, List, 10> {
        ListQuery {
            client,
            params: [
                organization_id,
                since,
                until,
                before_created_at,
                before_audit_event_id,
                actor,
                action,
                subject,
                outcome,
                count,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ListBorrowed, tokio_postgres::Error> {
                Ok(ListBorrowed {
                    audit_event_id: row.try_get(0)?,
                    actor: row.try_get(1)?,
                    action: row.try_get(2)?,
                    subject: row.try_get(3)?,
                    outcome: row.try_get(4)?,
                    details: row.try_get(5)?,
                    request_id: row.try_get(6)?,
                    address: row.try_get(7)?,
                    created_at: row.try_get(8)?,
                })
            },
            mapper: |it| List::from(it),
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
> crate::client::async_::Params<'c, 'a, 's, ListParams<T1, T2, T3, T4>, ListQuery<'c, 'a, 's, C, List, 10>, C>
    for ListStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ListParams<T1, T2, T3, T4>,
    ) -> ListQuery<'c, 'a, 's, C, List, 10> {
        self.bind(
            client,
            &params.organization_id,
            &params.since,
            &params.until,
            &params.before_created_at,
            &params.before_audit_event_id,
            &params.actor,
            &params.action,
            &params.subject,
            &params.outcome,
            &params.count,
        )
    }
}
