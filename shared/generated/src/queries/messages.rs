// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct InsertUserParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
> {
    pub message_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub conversation_id: uuid::Uuid,
    pub slack_message_ts: T1,
    pub sender_user_id: Option<T2>,
    pub sender_name: Option<T3>,
    pub message_text: T4,
    pub sent_at: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct InsertBackfillParams<
    T1: crate::ArraySql<Item = uuid::Uuid>,
    T2: crate::StringSql,
    T3: crate::ArraySql<Item = T2>,
    T4: crate::StringSql,
    T5: crate::ArraySql<Item = T4>,
    T6: crate::StringSql,
    T7: crate::ArraySql<Item = T6>,
    T8: crate::StringSql,
    T9: crate::ArraySql<Item = T8>,
    T10: crate::StringSql,
    T11: crate::ArraySql<Item = T10>,
    T12: crate::ArraySql<Item = chrono::DateTime<chrono::Utc>>,
> {
    pub now: chrono::DateTime<chrono::Utc>,
    pub message_ids: T1,
    pub roles: T3,
    pub slack_message_tss: T5,
    pub sender_user_ids: T7,
    pub sender_names: T9,
    pub message_texts: T11,
    pub sent_ats: T12,
    pub organization_id: uuid::Uuid,
    pub conversation_id: uuid::Uuid,
}
#[derive(Clone, Copy, Debug)]
pub struct HistoryParams {
    pub organization_id: uuid::Uuid,
    pub conversation_id: uuid::Uuid,
    pub before: chrono::DateTime<chrono::Utc>,
    pub count: i64,
}
#[derive(Debug)]
pub struct FindAnswerParams<T1: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub conversation_id: uuid::Uuid,
    pub slack_message_ts: T1,
}
#[derive(Debug)]
pub struct StoreAnswerParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
> {
    pub source: T1,
    pub key: T2,
    pub fence: i64,
    pub sender_name: Option<T3>,
    pub organization_id: uuid::Uuid,
    pub in_reply_to: uuid::Uuid,
    pub message_id: uuid::Uuid,
    pub conversation_id: uuid::Uuid,
    pub role: T4,
    pub message_text: T5,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct FinishPostedParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
> {
    pub state: T1,
    pub reason: Option<T2>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub source: T3,
    pub key: T4,
    pub fence: i64,
    pub slack_message_ts: T5,
    pub sent_at: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub message_id: uuid::Uuid,
}
#[derive(Debug, Clone, PartialEq)]
pub struct InsertUser {
    pub message_id: uuid::Uuid,
    pub sender_name: Option<String>,
}
pub struct InsertUserBorrowed<'a> {
    pub message_id: uuid::Uuid,
    pub sender_name: Option<&'a str>,
}
impl<'a> From<InsertUserBorrowed<'a>> for InsertUser {
    fn from(
        InsertUserBorrowed {
            message_id,
            sender_name,
        }: InsertUserBorrowed<'a>,
    ) -> Self {
        Self {
            message_id,
            sender_name: sender_name.map(|v| v.into()),
        }
    }
}
impl InsertUser {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "message_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "sender_name",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub message_id: uuid::Uuid,
    pub role: String,
    pub sender_user_id: Option<String>,
    pub sender_name: Option<String>,
    pub message_text: String,
    pub sent_at: chrono::DateTime<chrono::Utc>,
}
pub struct HistoryBorrowed<'a> {
    pub message_id: uuid::Uuid,
    pub role: &'a str,
    pub sender_user_id: Option<&'a str>,
    pub sender_name: Option<&'a str>,
    pub message_text: &'a str,
    pub sent_at: chrono::DateTime<chrono::Utc>,
}
impl<'a> From<HistoryBorrowed<'a>> for History {
    fn from(
        HistoryBorrowed {
            message_id,
            role,
            sender_user_id,
            sender_name,
            message_text,
            sent_at,
        }: HistoryBorrowed<'a>,
    ) -> Self {
        Self {
            message_id,
            role: role.into(),
            sender_user_id: sender_user_id.map(|v| v.into()),
            sender_name: sender_name.map(|v| v.into()),
            message_text: message_text.into(),
            sent_at,
        }
    }
}
impl History {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "message_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "role",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "sender_user_id",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "sender_name",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "message_text",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "sent_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct FindAnswer {
    pub message_id: uuid::Uuid,
    pub role: String,
    pub message_text: String,
    pub slack_message_ts: Option<String>,
}
pub struct FindAnswerBorrowed<'a> {
    pub message_id: uuid::Uuid,
    pub role: &'a str,
    pub message_text: &'a str,
    pub slack_message_ts: Option<&'a str>,
}
impl<'a> From<FindAnswerBorrowed<'a>> for FindAnswer {
    fn from(
        FindAnswerBorrowed {
            message_id,
            role,
            message_text,
            slack_message_ts,
        }: FindAnswerBorrowed<'a>,
    ) -> Self {
        Self {
            message_id,
            role: role.into(),
            message_text: message_text.into(),
            slack_message_ts: slack_message_ts.map(|v| v.into()),
        }
    }
}
impl FindAnswer {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "message_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "role",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "message_text",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "slack_message_ts",
                rust_type: "Option<String>",
                pg_type: "pg_catalog.text",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct InsertUserQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<InsertUserBorrowed, tokio_postgres::Error>,
    mapper: fn(InsertUserBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> InsertUserQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(InsertUserBorrowed) -> R) -> InsertUserQuery<'c, 'a, 's, C, R, N> {
        InsertUserQuery {
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
pub struct HistoryQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<HistoryBorrowed, tokio_postgres::Error>,
    mapper: fn(HistoryBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> HistoryQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(HistoryBorrowed) -> R) -> HistoryQuery<'c, 'a, 's, C, R, N> {
        HistoryQuery {
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
pub struct FindAnswerQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<FindAnswerBorrowed, tokio_postgres::Error>,
    mapper: fn(FindAnswerBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> FindAnswerQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(FindAnswerBorrowed) -> R) -> FindAnswerQuery<'c, 'a, 's, C, R, N> {
        FindAnswerQuery {
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
pub struct InsertUserStmt(&'static str, Option<tokio_postgres::Statement>);
/// Stores what somebody said, and answers the row. The post may be there already (a redelivery, or an older message
/// that a back-fill brought): then that row stays as it is.
pub fn insert_user() -> InsertUserStmt {
    InsertUserStmt(
        "WITH inserted AS ( INSERT INTO messages (message_id, organization_id, conversation_id, role, slack_message_ts, sender_user_id, sender_name, message_text, sent_at, created_at) VALUES ($1, $2, $3, 'user', $4, $5, $6, $7, $8, $9) ON CONFLICT ON CONSTRAINT messages_slack_message_ts_key DO NOTHING RETURNING message_id, sender_name ) SELECT message_id, sender_name FROM inserted UNION ALL SELECT m.message_id, m.sender_name FROM messages m WHERE m.organization_id = $2 AND m.conversation_id = $3 AND m.slack_message_ts = $4 AND NOT EXISTS (SELECT FROM inserted)",
        None,
    )
}
impl InsertUserStmt {
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
        message_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        conversation_id: &'a uuid::Uuid,
        slack_message_ts: &'a T1,
        sender_user_id: &'a Option<T2>,
        sender_name: &'a Option<T3>,
        message_text: &'a T4,
        sent_at: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> InsertUserQuery<'c, 'a, 's, C, InsertUser, 9> {
        InsertUserQuery {
            client,
            params: [
                message_id,
                organization_id,
                conversation_id,
                slack_message_ts,
                sender_user_id,
                sender_name,
                message_text,
                sent_at,
                now,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<InsertUserBorrowed, tokio_postgres::Error> {
                Ok(InsertUserBorrowed {
                    message_id: row.try_get(0)?,
                    sender_name: row.try_get(1)?,
                })
            },
            mapper: |it| InsertUser::from(it),
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
        InsertUserParams<T1, T2, T3, T4>,
        InsertUserQuery<'c, 'a, 's, C, InsertUser, 9>,
        C,
    > for InsertUserStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a InsertUserParams<T1, T2, T3, T4>,
    ) -> InsertUserQuery<'c, 'a, 's, C, InsertUser, 9> {
        self.bind(
            client,
            &params.message_id,
            &params.organization_id,
            &params.conversation_id,
            &params.slack_message_ts,
            &params.sender_user_id,
            &params.sender_name,
            &params.message_text,
            &params.sent_at,
            &params.now,
        )
    }
}
pub struct InsertBackfillStmt(&'static str, Option<tokio_postgres::Statement>);
/// Stores older messages of a thread; those that are there already stay as they are. The arrays are of one length;
/// blank senders and names are none.
pub fn insert_backfill() -> InsertBackfillStmt {
    InsertBackfillStmt(
        "INSERT INTO messages (message_id, organization_id, conversation_id, role, slack_message_ts, sender_user_id, sender_name, message_text, sent_at, created_at) SELECT old.message_id, c.organization_id, c.conversation_id, old.role, old.slack_message_ts, nullif(old.sender_user_id, ''), nullif(old.sender_name, ''), old.message_text, old.sent_at, $1 FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[]) AS old (message_id, role, slack_message_ts, sender_user_id, sender_name, message_text, sent_at) JOIN conversations c ON c.organization_id = $9 AND c.conversation_id = $10 ON CONFLICT ON CONSTRAINT messages_slack_message_ts_key DO NOTHING RETURNING message_id",
        None,
    )
}
impl InsertBackfillStmt {
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
        T1: crate::ArraySql<Item = uuid::Uuid>,
        T2: crate::StringSql,
        T3: crate::ArraySql<Item = T2>,
        T4: crate::StringSql,
        T5: crate::ArraySql<Item = T4>,
        T6: crate::StringSql,
        T7: crate::ArraySql<Item = T6>,
        T8: crate::StringSql,
        T9: crate::ArraySql<Item = T8>,
        T10: crate::StringSql,
        T11: crate::ArraySql<Item = T10>,
        T12: crate::ArraySql<Item = chrono::DateTime<chrono::Utc>>,
    >(
        &'s self,
        client: &'c C,
        now: &'a chrono::DateTime<chrono::Utc>,
        message_ids: &'a T1,
        roles: &'a T3,
        slack_message_tss: &'a T5,
        sender_user_ids: &'a T7,
        sender_names: &'a T9,
        message_texts: &'a T11,
        sent_ats: &'a T12,
        organization_id: &'a uuid::Uuid,
        conversation_id: &'a uuid::Uuid,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10> {
        UuidUuidQuery {
            client,
            params: [
                now,
                message_ids,
                roles,
                slack_message_tss,
                sender_user_ids,
                sender_names,
                message_texts,
                sent_ats,
                organization_id,
                conversation_id,
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
    T1: crate::ArraySql<Item = uuid::Uuid>,
    T2: crate::StringSql,
    T3: crate::ArraySql<Item = T2>,
    T4: crate::StringSql,
    T5: crate::ArraySql<Item = T4>,
    T6: crate::StringSql,
    T7: crate::ArraySql<Item = T6>,
    T8: crate::StringSql,
    T9: crate::ArraySql<Item = T8>,
    T10: crate::StringSql,
    T11: crate::ArraySql<Item = T10>,
    T12: crate::ArraySql<Item = chrono::DateTime<chrono::Utc>>,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        InsertBackfillParams<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10>,
        C,
    > for InsertBackfillStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a InsertBackfillParams<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 10> {
        self.bind(
            client,
            &params.now,
            &params.message_ids,
            &params.roles,
            &params.slack_message_tss,
            &params.sender_user_ids,
            &params.sender_names,
            &params.message_texts,
            &params.sent_ats,
            &params.organization_id,
            &params.conversation_id,
        )
    }
}
pub struct HistoryStmt(&'static str, Option<tokio_postgres::Statement>);
/// The last messages before a point in time, newest first: what people and the assistant said, no notices.
/// An answer counts from the time of its question: it may have been posted after the next question was asked.
pub fn history() -> HistoryStmt {
    HistoryStmt(
        "SELECT m.message_id, m.role, m.sender_user_id, m.sender_name, m.message_text, m.sent_at FROM messages m LEFT JOIN messages question ON question.organization_id = m.organization_id AND question.message_id = m.in_reply_to WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.role IN ('user', 'assistant') AND coalesce(question.sent_at, m.sent_at) < $3 ORDER BY m.sent_at DESC, m.message_id DESC LIMIT $4",
        None,
    )
}
impl HistoryStmt {
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
        conversation_id: &'a uuid::Uuid,
        before: &'a chrono::DateTime<chrono::Utc>,
        count: &'a i64,
    ) -> HistoryQuery<'c, 'a, 's, C, History, 4> {
        HistoryQuery {
            client,
            params: [organization_id, conversation_id, before, count],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<HistoryBorrowed, tokio_postgres::Error> {
                Ok(HistoryBorrowed {
                    message_id: row.try_get(0)?,
                    role: row.try_get(1)?,
                    sender_user_id: row.try_get(2)?,
                    sender_name: row.try_get(3)?,
                    message_text: row.try_get(4)?,
                    sent_at: row.try_get(5)?,
                })
            },
            mapper: |it| History::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, HistoryParams, HistoryQuery<'c, 'a, 's, C, History, 4>, C>
    for HistoryStmt
{
    fn params(&'s self, client: &'c C, params: &'a HistoryParams) -> HistoryQuery<'c, 'a, 's, C, History, 4> {
        self.bind(
            client,
            &params.organization_id,
            &params.conversation_id,
            &params.before,
            &params.count,
        )
    }
}
pub struct FindAnswerStmt(&'static str, Option<tokio_postgres::Statement>);
/// What was stored in reply to a post, if anything was.
pub fn find_answer() -> FindAnswerStmt {
    FindAnswerStmt(
        "SELECT answer.message_id, answer.role, answer.message_text, answer.slack_message_ts FROM messages question JOIN messages answer ON answer.in_reply_to = question.message_id AND answer.organization_id = question.organization_id WHERE question.organization_id = $1 AND question.conversation_id = $2 AND question.slack_message_ts = $3",
        None,
    )
}
impl FindAnswerStmt {
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
        conversation_id: &'a uuid::Uuid,
        slack_message_ts: &'a T1,
    ) -> FindAnswerQuery<'c, 'a, 's, C, FindAnswer, 3> {
        FindAnswerQuery {
            client,
            params: [organization_id, conversation_id, slack_message_ts],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<FindAnswerBorrowed, tokio_postgres::Error> {
                Ok(FindAnswerBorrowed {
                    message_id: row.try_get(0)?,
                    role: row.try_get(1)?,
                    message_text: row.try_get(2)?,
                    slack_message_ts: row.try_get(3)?,
                })
            },
            mapper: |it| FindAnswer::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindAnswerParams<T1>,
        FindAnswerQuery<'c, 'a, 's, C, FindAnswer, 3>,
        C,
    > for FindAnswerStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindAnswerParams<T1>,
    ) -> FindAnswerQuery<'c, 'a, 's, C, FindAnswer, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.conversation_id,
            &params.slack_message_ts,
        )
    }
}
pub struct StoreAnswerStmt(&'static str, Option<tokio_postgres::Statement>);
/// Stores an answer for the worker that holds the lease, all in one: the name of who asked, the answer, and that
/// something was said. Returns whether the lease was held; where it was not, nothing happens.
pub fn store_answer() -> StoreAnswerStmt {
    StoreAnswerStmt(
        "WITH lease AS ( SELECT d.fence FROM deliveries d WHERE d.source = $1 AND d.key = $2 AND d.fence = $3 AND d.state = 'in_progress' FOR UPDATE ), question AS ( UPDATE messages m SET sender_name = coalesce($4, m.sender_name) FROM lease WHERE m.organization_id = $5 AND m.message_id = $6 ), answer AS ( INSERT INTO messages (message_id, organization_id, conversation_id, role, in_reply_to, message_text, sent_at, created_at) SELECT $7, $5, $8, $9, $6, $10, $11, $11 FROM lease ), conversation AS ( UPDATE conversations c SET updated_at = greatest(c.updated_at, $11) FROM lease WHERE c.organization_id = $5 AND c.conversation_id = $8 ) SELECT EXISTS (SELECT FROM lease) AS held",
        None,
    )
}
impl StoreAnswerStmt {
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
    >(
        &'s self,
        client: &'c C,
        source: &'a T1,
        key: &'a T2,
        fence: &'a i64,
        sender_name: &'a Option<T3>,
        organization_id: &'a uuid::Uuid,
        in_reply_to: &'a uuid::Uuid,
        message_id: &'a uuid::Uuid,
        conversation_id: &'a uuid::Uuid,
        role: &'a T4,
        message_text: &'a T5,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> BoolQuery<'c, 'a, 's, C, bool, 11> {
        BoolQuery {
            client,
            params: [
                source,
                key,
                fence,
                sender_name,
                organization_id,
                in_reply_to,
                message_id,
                conversation_id,
                role,
                message_text,
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
    T5: crate::StringSql,
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        StoreAnswerParams<T1, T2, T3, T4, T5>,
        BoolQuery<'c, 'a, 's, C, bool, 11>,
        C,
    > for StoreAnswerStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a StoreAnswerParams<T1, T2, T3, T4, T5>,
    ) -> BoolQuery<'c, 'a, 's, C, bool, 11> {
        self.bind(
            client,
            &params.source,
            &params.key,
            &params.fence,
            &params.sender_name,
            &params.organization_id,
            &params.in_reply_to,
            &params.message_id,
            &params.conversation_id,
            &params.role,
            &params.message_text,
            &params.now,
        )
    }
}
pub struct FinishPostedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Ends a delivery for the worker that holds the lease, and notes where the answer stands in Slack.
/// Returns whether the lease was held; where it was not, nothing happens.
pub fn finish_posted() -> FinishPostedStmt {
    FinishPostedStmt(
        "WITH finished AS ( UPDATE deliveries d SET state = $1, reason = $2, updated_at = $3 WHERE d.source = $4 AND d.key = $5 AND d.fence = $6 AND d.state = 'in_progress' RETURNING d.fence ), posted AS ( UPDATE messages m SET slack_message_ts = $7, sent_at = $8 FROM finished WHERE m.organization_id = $9 AND m.message_id = $10 ) SELECT EXISTS (SELECT FROM finished) AS held",
        None,
    )
}
impl FinishPostedStmt {
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
    >(
        &'s self,
        client: &'c C,
        state: &'a T1,
        reason: &'a Option<T2>,
        now: &'a chrono::DateTime<chrono::Utc>,
        source: &'a T3,
        key: &'a T4,
        fence: &'a i64,
        slack_message_ts: &'a T5,
        sent_at: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        message_id: &'a uuid::Uuid,
    ) -> BoolQuery<'c, 'a, 's, C, bool, 10> {
        BoolQuery {
            client,
            params: [
                state,
                reason,
                now,
                source,
                key,
                fence,
                slack_message_ts,
                sent_at,
                organization_id,
                message_id,
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
>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FinishPostedParams<T1, T2, T3, T4, T5>,
        BoolQuery<'c, 'a, 's, C, bool, 10>,
        C,
    > for FinishPostedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FinishPostedParams<T1, T2, T3, T4, T5>,
    ) -> BoolQuery<'c, 'a, 's, C, bool, 10> {
        self.bind(
            client,
            &params.state,
            &params.reason,
            &params.now,
            &params.source,
            &params.key,
            &params.fence,
            &params.slack_message_ts,
            &params.sent_at,
            &params.organization_id,
            &params.message_id,
        )
    }
}
