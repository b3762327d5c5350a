// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct FindParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql> {
    pub organization_id: uuid::Uuid,
    pub team_id: T1,
    pub channel_id: T2,
    pub thread_ts: T3,
}
#[derive(Debug)]
pub struct FindOrInsertParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql> {
    pub conversation_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub team_id: T1,
    pub channel_id: T2,
    pub thread_ts: T3,
    pub begins_here: bool,
    pub now: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct FindOrInsertMonitoredParams<T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql> {
    pub conversation_id: uuid::Uuid,
    pub thread_ts: T1,
    pub begins_here: bool,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub team_id: T2,
    pub channel_id: T3,
}
#[derive(Clone, Copy, Debug)]
pub struct UpdateBackfilledParams {
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub conversation_id: uuid::Uuid,
}
#[derive(Debug, Clone, PartialEq, Copy)]
pub struct Conversation {
    pub conversation_id: uuid::Uuid,
    pub backfilled_at: Option<chrono::DateTime<chrono::Utc>>,
    pub created: bool,
}
impl Conversation {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "conversation_id",
                rust_type: "uuid::Uuid",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "backfilled_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "created",
                rust_type: "bool",
                pg_type: "pg_catalog.bool",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct ConversationQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<Conversation, tokio_postgres::Error>,
    mapper: fn(Conversation) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ConversationQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(Conversation) -> R) -> ConversationQuery<'c, 'a, 's, C, R, N> {
        ConversationQuery {
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
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// The conversation at a place, if there is one; its row stays locked until the transaction ends.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT conversation_id, backfilled_at, false AS created FROM conversations WHERE organization_id = $1 AND team_id = $2 AND channel_id = $3 AND thread_ts = $4 FOR UPDATE",
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
        organization_id: &'a uuid::Uuid,
        team_id: &'a T1,
        channel_id: &'a T2,
        thread_ts: &'a T3,
    ) -> ConversationQuery<'c, 'a, 's, C, Conversation, 4> {
        ConversationQuery {
            client,
            params: [organization_id, team_id, channel_id, thread_ts],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<Conversation, tokio_postgres::Error> {
                Ok(Conversation {
                    conversation_id: row.try_get(0)?,
                    backfilled_at: row.try_get(1)?,
                    created: row.try_get(2)?,
                })
            },
            mapper: |it| Conversation::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindParams<T1, T2, T3>,
        ConversationQuery<'c, 'a, 's, C, Conversation, 4>,
        C,
    > for FindStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindParams<T1, T2, T3>,
    ) -> ConversationQuery<'c, 'a, 's, C, Conversation, 4> {
        self.bind(
            client,
            &params.organization_id,
            &params.team_id,
            &params.channel_id,
            &params.thread_ts,
        )
    }
}
pub struct FindOrInsertStmt(&'static str, Option<tokio_postgres::Statement>);
/// The conversation at a place, made if there was none; its row stays locked until the transaction ends.
/// `created` tells the two apart: a row that this statement inserted carries the id it was given.
/// One that begins here has nothing older to be read from Slack.
pub fn find_or_insert() -> FindOrInsertStmt {
    FindOrInsertStmt(
        "INSERT INTO conversations (conversation_id, organization_id, team_id, channel_id, thread_ts, backfilled_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, CASE WHEN $6::boolean THEN $7::timestamptz END, $7, $7) ON CONFLICT ON CONSTRAINT conversations_place_key DO UPDATE SET updated_at = greatest(conversations.updated_at, $7) WHERE conversations.organization_id = $2 RETURNING conversation_id, backfilled_at, conversation_id = $1 AS created",
        None,
    )
}
impl FindOrInsertStmt {
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
        conversation_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        team_id: &'a T1,
        channel_id: &'a T2,
        thread_ts: &'a T3,
        begins_here: &'a bool,
        now: &'a chrono::DateTime<chrono::Utc>,
    ) -> ConversationQuery<'c, 'a, 's, C, Conversation, 7> {
        ConversationQuery {
            client,
            params: [
                conversation_id,
                organization_id,
                team_id,
                channel_id,
                thread_ts,
                begins_here,
                now,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<Conversation, tokio_postgres::Error> {
                Ok(Conversation {
                    conversation_id: row.try_get(0)?,
                    backfilled_at: row.try_get(1)?,
                    created: row.try_get(2)?,
                })
            },
            mapper: |it| Conversation::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindOrInsertParams<T1, T2, T3>,
        ConversationQuery<'c, 'a, 's, C, Conversation, 7>,
        C,
    > for FindOrInsertStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindOrInsertParams<T1, T2, T3>,
    ) -> ConversationQuery<'c, 'a, 's, C, Conversation, 7> {
        self.bind(
            client,
            &params.conversation_id,
            &params.organization_id,
            &params.team_id,
            &params.channel_id,
            &params.thread_ts,
            &params.begins_here,
            &params.now,
        )
    }
}
pub struct FindOrInsertMonitoredStmt(&'static str, Option<tokio_postgres::Statement>);
/// The same, in a watched channel only; no row where the channel is not watched.
pub fn find_or_insert_monitored() -> FindOrInsertMonitoredStmt {
    FindOrInsertMonitoredStmt(
        "INSERT INTO conversations (conversation_id, organization_id, team_id, channel_id, thread_ts, backfilled_at, created_at, updated_at) SELECT $1, c.organization_id, c.team_id, c.channel_id, $2, CASE WHEN $3::boolean THEN $4::timestamptz END, $4, $4 FROM channels c WHERE c.organization_id = $5 AND c.team_id = $6 AND c.channel_id = $7 AND c.is_monitored ON CONFLICT ON CONSTRAINT conversations_place_key DO UPDATE SET updated_at = greatest(conversations.updated_at, $4) WHERE conversations.organization_id = $5 RETURNING conversation_id, backfilled_at, conversation_id = $1 AS created",
        None,
    )
}
impl FindOrInsertMonitoredStmt {
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
        conversation_id: &'a uuid::Uuid,
        thread_ts: &'a T1,
        begins_here: &'a bool,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        team_id: &'a T2,
        channel_id: &'a T3,
    ) -> ConversationQuery<'c, 'a, 's, C, Conversation, 7> {
        ConversationQuery {
            client,
            params: [
                conversation_id,
                thread_ts,
                begins_here,
                now,
                organization_id,
                team_id,
                channel_id,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<Conversation, tokio_postgres::Error> {
                Ok(Conversation {
                    conversation_id: row.try_get(0)?,
                    backfilled_at: row.try_get(1)?,
                    created: row.try_get(2)?,
                })
            },
            mapper: |it| Conversation::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql, T3: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        FindOrInsertMonitoredParams<T1, T2, T3>,
        ConversationQuery<'c, 'a, 's, C, Conversation, 7>,
        C,
    > for FindOrInsertMonitoredStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a FindOrInsertMonitoredParams<T1, T2, T3>,
    ) -> ConversationQuery<'c, 'a, 's, C, Conversation, 7> {
        self.bind(
            client,
            &params.conversation_id,
            &params.thread_ts,
            &params.begins_here,
            &params.now,
            &params.organization_id,
            &params.team_id,
            &params.channel_id,
        )
    }
}
pub struct UpdateBackfilledStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes that the older part of the thread has been read from Slack.
pub fn update_backfilled() -> UpdateBackfilledStmt {
    UpdateBackfilledStmt(
        "UPDATE conversations SET backfilled_at = $1 WHERE organization_id = $2 AND conversation_id = $3 RETURNING conversation_id",
        None,
    )
}
impl UpdateBackfilledStmt {
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
        conversation_id: &'a uuid::Uuid,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        UuidUuidQuery {
            client,
            params: [now, organization_id, conversation_id],
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
        UpdateBackfilledParams,
        UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3>,
        C,
    > for UpdateBackfilledStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateBackfilledParams,
    ) -> UuidUuidQuery<'c, 'a, 's, C, uuid::Uuid, 3> {
        self.bind(
            client,
            &params.now,
            &params.organization_id,
            &params.conversation_id,
        )
    }
}
