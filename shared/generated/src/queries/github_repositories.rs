// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct UpsertListedParams<T1: crate::JsonSql> {
    pub integration_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub may_administer: bool,
    pub may_push: bool,
    pub may_pull: bool,
    pub event_time: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub repositories: T1,
}
#[derive(Debug)]
pub struct UpdateToldParams<
    T1: crate::StringSql,
    T2: crate::StringSql,
    T3: crate::StringSql,
    T4: crate::StringSql,
    T5: crate::StringSql,
    T6: crate::StringSql,
> {
    pub repository_name: T1,
    pub repository_full_name: T2,
    pub repository_url: T3,
    pub is_private: bool,
    pub has_details: bool,
    pub default_branch: Option<T4>,
    pub repository_description: Option<T5>,
    pub repository_language: Option<T6>,
    pub github_created_at: Option<chrono::DateTime<chrono::Utc>>,
    pub github_pushed_at: Option<chrono::DateTime<chrono::Utc>>,
    pub event_time: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub github_repository_id: i64,
}
#[derive(Clone, Copy, Debug)]
pub struct FindParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub github_repository_id: i64,
}
#[derive(Debug)]
pub struct DeleteParams<T1: crate::ArraySql<Item = i64>> {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub github_repository_ids: T1,
}
#[derive(Debug)]
pub struct UpsertReadParams<T1: crate::JsonSql> {
    pub integration_id: uuid::Uuid,
    pub organization_id: uuid::Uuid,
    pub started_at: chrono::DateTime<chrono::Utc>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub repositories: T1,
}
#[derive(Clone, Copy, Debug)]
pub struct DeleteUnreadParams {
    pub organization_id: uuid::Uuid,
    pub integration_id: uuid::Uuid,
    pub started_at: chrono::DateTime<chrono::Utc>,
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct I64Query<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<i64, tokio_postgres::Error>,
    mapper: fn(i64) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> I64Query<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(i64) -> R) -> I64Query<'c, 'a, 's, C, R, N> {
        I64Query {
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
pub struct UpsertListedStmt(&'static str, Option<tokio_postgres::Statement>);
/// Repositories that GitHub has only named: new ones are added with what is known of them, of others nothing is blanked,
/// and newer news stays. `repositories` are objects of id, name, full_name, url and is_private.
pub fn upsert_listed() -> UpsertListedStmt {
    UpsertListedStmt(
        "INSERT INTO github_repositories (integration_id, github_repository_id, organization_id, repository_name, repository_full_name, repository_url, is_private, permission_admin, permission_push, permission_pull, source_updated_at, last_synced_at, created_at, updated_at) SELECT $1, r.id, $2, r.name, r.full_name, r.url, r.is_private, $3, $4, $5, $6, $7, $7, $7 FROM jsonb_to_recordset($8) AS r(id bigint, name text, full_name text, url text, is_private boolean) ON CONFLICT ON CONSTRAINT github_repositories_pkey DO UPDATE SET repository_name = EXCLUDED.repository_name, repository_full_name = EXCLUDED.repository_full_name, repository_url = EXCLUDED.repository_url, is_private = EXCLUDED.is_private, source_updated_at = EXCLUDED.source_updated_at, updated_at = $7 WHERE github_repositories.organization_id = $2 AND (github_repositories.source_updated_at IS NULL OR github_repositories.source_updated_at <= $6) RETURNING github_repository_id",
        None,
    )
}
impl UpsertListedStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::JsonSql>(
        &'s self,
        client: &'c C,
        integration_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        may_administer: &'a bool,
        may_push: &'a bool,
        may_pull: &'a bool,
        event_time: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        repositories: &'a T1,
    ) -> I64Query<'c, 'a, 's, C, i64, 8> {
        I64Query {
            client,
            params: [
                integration_id,
                organization_id,
                may_administer,
                may_push,
                may_pull,
                event_time,
                now,
                repositories,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::JsonSql>
    crate::client::async_::Params<'c, 'a, 's, UpsertListedParams<T1>, I64Query<'c, 'a, 's, C, i64, 8>, C>
    for UpsertListedStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpsertListedParams<T1>,
    ) -> I64Query<'c, 'a, 's, C, i64, 8> {
        self.bind(
            client,
            &params.integration_id,
            &params.organization_id,
            &params.may_administer,
            &params.may_push,
            &params.may_pull,
            &params.event_time,
            &params.now,
            &params.repositories,
        )
    }
}
pub struct UpdateToldStmt(&'static str, Option<tokio_postgres::Statement>);
/// What an event of its own tells of a repository that the connection reaches; newer news stays. Without details, what is
/// known of them stays as well.
pub fn update_told() -> UpdateToldStmt {
    UpdateToldStmt(
        "UPDATE github_repositories SET repository_name = $1, repository_full_name = $2, repository_url = $3, is_private = $4, default_branch = CASE WHEN $5 THEN $6 ELSE default_branch END, repository_description = CASE WHEN $5 THEN $7 ELSE repository_description END, repository_language = CASE WHEN $5 THEN $8 ELSE repository_language END, github_created_at = coalesce($9, github_created_at), github_pushed_at = greatest($10, github_pushed_at), github_updated_at = $11, source_updated_at = $11, updated_at = $12 WHERE organization_id = $13 AND integration_id = $14 AND github_repository_id = $15 AND (source_updated_at IS NULL OR source_updated_at <= $11) RETURNING github_repository_id",
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
        repository_name: &'a T1,
        repository_full_name: &'a T2,
        repository_url: &'a T3,
        is_private: &'a bool,
        has_details: &'a bool,
        default_branch: &'a Option<T4>,
        repository_description: &'a Option<T5>,
        repository_language: &'a Option<T6>,
        github_created_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        github_pushed_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        event_time: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        github_repository_id: &'a i64,
    ) -> I64Query<'c, 'a, 's, C, i64, 15> {
        I64Query {
            client,
            params: [
                repository_name,
                repository_full_name,
                repository_url,
                is_private,
                has_details,
                default_branch,
                repository_description,
                repository_language,
                github_created_at,
                github_pushed_at,
                event_time,
                now,
                organization_id,
                integration_id,
                github_repository_id,
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
        UpdateToldParams<T1, T2, T3, T4, T5, T6>,
        I64Query<'c, 'a, 's, C, i64, 15>,
        C,
    > for UpdateToldStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a UpdateToldParams<T1, T2, T3, T4, T5, T6>,
    ) -> I64Query<'c, 'a, 's, C, i64, 15> {
        self.bind(
            client,
            &params.repository_name,
            &params.repository_full_name,
            &params.repository_url,
            &params.is_private,
            &params.has_details,
            &params.default_branch,
            &params.repository_description,
            &params.repository_language,
            &params.github_created_at,
            &params.github_pushed_at,
            &params.event_time,
            &params.now,
            &params.organization_id,
            &params.integration_id,
            &params.github_repository_id,
        )
    }
}
pub struct FindStmt(&'static str, Option<tokio_postgres::Statement>);
/// Whether the connection reaches a repository.
pub fn find() -> FindStmt {
    FindStmt(
        "SELECT github_repository_id FROM github_repositories WHERE organization_id = $1 AND integration_id = $2 AND github_repository_id = $3",
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
        github_repository_id: &'a i64,
    ) -> I64Query<'c, 'a, 's, C, i64, 3> {
        I64Query {
            client,
            params: [organization_id, integration_id, github_repository_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, FindParams, I64Query<'c, 'a, 's, C, i64, 3>, C> for FindStmt
{
    fn params(&'s self, client: &'c C, params: &'a FindParams) -> I64Query<'c, 'a, 's, C, i64, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.github_repository_id,
        )
    }
}
pub struct DeleteStmt(&'static str, Option<tokio_postgres::Statement>);
/// Forgets repositories that the connection reaches no longer.
pub fn delete() -> DeleteStmt {
    DeleteStmt(
        "DELETE FROM github_repositories WHERE organization_id = $1 AND integration_id = $2 AND github_repository_id = ANY($3) RETURNING github_repository_id",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::ArraySql<Item = i64>>(
        &'s self,
        client: &'c C,
        organization_id: &'a uuid::Uuid,
        integration_id: &'a uuid::Uuid,
        github_repository_ids: &'a T1,
    ) -> I64Query<'c, 'a, 's, C, i64, 3> {
        I64Query {
            client,
            params: [organization_id, integration_id, github_repository_ids],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::ArraySql<Item = i64>>
    crate::client::async_::Params<'c, 'a, 's, DeleteParams<T1>, I64Query<'c, 'a, 's, C, i64, 3>, C>
    for DeleteStmt
{
    fn params(&'s self, client: &'c C, params: &'a DeleteParams<T1>) -> I64Query<'c, 'a, 's, C, i64, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.github_repository_ids,
        )
    }
}
pub struct UpsertReadStmt(&'static str, Option<tokio_postgres::Statement>);
/// Repositories as they were read from GitHub by a reading that began at `started_at`. What an event told later than that
/// stays; permissions are nowhere else. `repositories` are objects named after the columns.
pub fn upsert_read() -> UpsertReadStmt {
    UpsertReadStmt(
        "INSERT INTO github_repositories (integration_id, github_repository_id, organization_id, repository_name, repository_full_name, repository_url, is_private, default_branch, permission_admin, permission_push, permission_pull, repository_description, repository_language, github_created_at, github_updated_at, github_pushed_at, source_updated_at, last_synced_at, created_at, updated_at) SELECT $1, r.id, $2, r.name, r.full_name, r.url, r.is_private, r.default_branch, r.may_administer, r.may_push, r.may_pull, r.description, r.language, r.github_created_at, r.github_updated_at, r.github_pushed_at, r.github_updated_at, $3, $4, $4 FROM jsonb_to_recordset($5) AS r(id bigint, name text, full_name text, url text, is_private boolean, default_branch text, may_administer boolean, may_push boolean, may_pull boolean, description text, language text, github_created_at timestamptz, github_updated_at timestamptz, github_pushed_at timestamptz) ON CONFLICT ON CONSTRAINT github_repositories_pkey DO UPDATE SET (repository_name, repository_full_name, repository_url, is_private, default_branch, repository_description, repository_language, github_created_at, github_updated_at, github_pushed_at) = (SELECT EXCLUDED.repository_name, EXCLUDED.repository_full_name, EXCLUDED.repository_url, EXCLUDED.is_private, EXCLUDED.default_branch, EXCLUDED.repository_description, EXCLUDED.repository_language, EXCLUDED.github_created_at, EXCLUDED.github_updated_at, EXCLUDED.github_pushed_at WHERE github_repositories.source_updated_at IS NULL OR github_repositories.source_updated_at <= greatest($3, EXCLUDED.source_updated_at) UNION ALL SELECT github_repositories.repository_name, github_repositories.repository_full_name, github_repositories.repository_url, github_repositories.is_private, github_repositories.default_branch, github_repositories.repository_description, github_repositories.repository_language, github_repositories.github_created_at, github_repositories.github_updated_at, github_repositories.github_pushed_at WHERE github_repositories.source_updated_at > greatest($3, EXCLUDED.source_updated_at)), permission_admin = EXCLUDED.permission_admin, permission_push = EXCLUDED.permission_push, permission_pull = EXCLUDED.permission_pull, source_updated_at = greatest(github_repositories.source_updated_at, EXCLUDED.source_updated_at), last_synced_at = greatest(github_repositories.last_synced_at, EXCLUDED.last_synced_at), updated_at = $4 WHERE github_repositories.organization_id = $2 RETURNING github_repository_id",
        None,
    )
}
impl UpsertReadStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::JsonSql>(
        &'s self,
        client: &'c C,
        integration_id: &'a uuid::Uuid,
        organization_id: &'a uuid::Uuid,
        started_at: &'a chrono::DateTime<chrono::Utc>,
        now: &'a chrono::DateTime<chrono::Utc>,
        repositories: &'a T1,
    ) -> I64Query<'c, 'a, 's, C, i64, 5> {
        I64Query {
            client,
            params: [integration_id, organization_id, started_at, now, repositories],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::JsonSql>
    crate::client::async_::Params<'c, 'a, 's, UpsertReadParams<T1>, I64Query<'c, 'a, 's, C, i64, 5>, C>
    for UpsertReadStmt
{
    fn params(&'s self, client: &'c C, params: &'a UpsertReadParams<T1>) -> I64Query<'c, 'a, 's, C, i64, 5> {
        self.bind(
            client,
            &params.integration_id,
            &params.organization_id,
            &params.started_at,
            &params.now,
            &params.repositories,
        )
    }
}
pub struct DeleteUnreadStmt(&'static str, Option<tokio_postgres::Statement>);
/// Forgets the repositories that a full reading which began at `started_at` has not come across.
pub fn delete_unread() -> DeleteUnreadStmt {
    DeleteUnreadStmt(
        "DELETE FROM github_repositories WHERE organization_id = $1 AND integration_id = $2 AND last_synced_at < $3 RETURNING github_repository_id",
        None,
    )
}
impl DeleteUnreadStmt {
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
        started_at: &'a chrono::DateTime<chrono::Utc>,
    ) -> I64Query<'c, 'a, 's, C, i64, 3> {
        I64Query {
            client,
            params: [organization_id, integration_id, started_at],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it,
        }
    }
}
impl<'c, 'a, 's, C: GenericClient>
    crate::client::async_::Params<'c, 'a, 's, DeleteUnreadParams, I64Query<'c, 'a, 's, C, i64, 3>, C>
    for DeleteUnreadStmt
{
    fn params(&'s self, client: &'c C, params: &'a DeleteUnreadParams) -> I64Query<'c, 'a, 's, C, i64, 3> {
        self.bind(
            client,
            &params.organization_id,
            &params.integration_id,
            &params.started_at,
        )
    }
}
