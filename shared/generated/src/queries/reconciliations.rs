// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct ClaimParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub name: T1,
    pub now: chrono::DateTime<chrono::Utc>,
    pub first_phase: T2,
    pub lease_until: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug)]
pub struct SaveParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub pass_started_at: chrono::DateTime<chrono::Utc>,
    pub phase: T1,
    pub position: i32,
    pub subposition: i32,
    pub after_id: Option<uuid::Uuid>,
    pub lease_until: chrono::DateTime<chrono::Utc>,
    pub completed_at: Option<chrono::DateTime<chrono::Utc>>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub name: T2,
    pub held_until: chrono::DateTime<chrono::Utc>,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub pass_started_at: chrono::DateTime<chrono::Utc>,
    pub phase: String,
    pub position: i32,
    pub subposition: i32,
    pub after_id: Option<uuid::Uuid>,
    pub completed_at: Option<chrono::DateTime<chrono::Utc>>,
}
pub struct ClaimBorrowed<'a> {
    pub pass_started_at: chrono::DateTime<chrono::Utc>,
    pub phase: &'a str,
    pub position: i32,
    pub subposition: i32,
    pub after_id: Option<uuid::Uuid>,
    pub completed_at: Option<chrono::DateTime<chrono::Utc>>,
}
impl<'a> From<ClaimBorrowed<'a>> for Claim {
    fn from(
        ClaimBorrowed {
            pass_started_at,
            phase,
            position,
            subposition,
            after_id,
            completed_at,
        }: ClaimBorrowed<'a>,
    ) -> Self {
        Self {
            pass_started_at,
            phase: phase.into(),
            position,
            subposition,
            after_id,
            completed_at,
        }
    }
}
impl Claim {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "pass_started_at",
                rust_type: "chrono::DateTime<chrono::Utc>",
                pg_type: "pg_catalog.timestamptz",
            },
            FieldMetadata {
                name: "phase",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "position",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "subposition",
                rust_type: "i32",
                pg_type: "pg_catalog.int4",
            },
            FieldMetadata {
                name: "after_id",
                rust_type: "Option<uuid::Uuid>",
                pg_type: "pg_catalog.uuid",
            },
            FieldMetadata {
                name: "completed_at",
                rust_type: "Option<chrono::DateTime<chrono::Utc>>",
                pg_type: "pg_catalog.timestamptz",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct ClaimQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<ClaimBorrowed, tokio_postgres::Error>,
    mapper: fn(ClaimBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> ClaimQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(ClaimBorrowed) -> R) -> ClaimQuery<'c, 'a, 's, C, R, N> {
        ClaimQuery {
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
pub struct StringQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<&str, tokio_postgres::Error>,
    mapper: fn(&str) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> StringQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(&str) -> R) -> StringQuery<'c, 'a, 's, C, R, N> {
        StringQuery {
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
pub struct ClaimStmt(&'static str, Option<tokio_postgres::Statement>);
/// Takes a comparison over where it stands, or begins the first one. No row while another run works on it.
pub fn claim() -> ClaimStmt {
    ClaimStmt(
        "INSERT INTO reconciliations (name, pass_started_at, phase, position, subposition, lease_until, updated_at) VALUES ($1, $2, $3, 0, 0, $4, $2) ON CONFLICT ON CONSTRAINT reconciliations_pkey DO UPDATE SET lease_until = EXCLUDED.lease_until, updated_at = $2 WHERE reconciliations.lease_until <= $2 RETURNING pass_started_at, phase, position, subposition, after_id, completed_at",
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
    fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>(
        &'s self,
        client: &'c C,
        name: &'a T1,
        now: &'a chrono::DateTime<chrono::Utc>,
        first_phase: &'a T2,
        lease_until: &'a chrono::DateTime<chrono::Utc>,
    ) -> ClaimQuery<'c, 'a, 's, C, Claim, 4> {
        ClaimQuery {
            client,
            params: [name, now, first_phase, lease_until],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<ClaimBorrowed, tokio_postgres::Error> {
                Ok(ClaimBorrowed {
                    pass_started_at: row.try_get(0)?,
                    phase: row.try_get(1)?,
                    position: row.try_get(2)?,
                    subposition: row.try_get(3)?,
                    after_id: row.try_get(4)?,
                    completed_at: row.try_get(5)?,
                })
            },
            mapper: |it| Claim::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, ClaimParams<T1, T2>, ClaimQuery<'c, 'a, 's, C, Claim, 4>, C>
    for ClaimStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a ClaimParams<T1, T2>,
    ) -> ClaimQuery<'c, 'a, 's, C, Claim, 4> {
        self.bind(
            client,
            &params.name,
            &params.now,
            &params.first_phase,
            &params.lease_until,
        )
    }
}
pub struct SaveStmt(&'static str, Option<tokio_postgres::Statement>);
/// Notes how far a comparison has come, and prolongs or ends the claim. No row when another run has taken over.
pub fn save() -> SaveStmt {
    SaveStmt(
        "UPDATE reconciliations SET pass_started_at = $1, phase = $2, position = $3, subposition = $4, after_id = $5, lease_until = $6, completed_at = coalesce($7, completed_at), updated_at = $8 WHERE name = $9 AND lease_until = $10 RETURNING name",
        None,
    )
}
impl SaveStmt {
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
        pass_started_at: &'a chrono::DateTime<chrono::Utc>,
        phase: &'a T1,
        position: &'a i32,
        subposition: &'a i32,
        after_id: &'a Option<uuid::Uuid>,
        lease_until: &'a chrono::DateTime<chrono::Utc>,
        completed_at: &'a Option<chrono::DateTime<chrono::Utc>>,
        now: &'a chrono::DateTime<chrono::Utc>,
        name: &'a T2,
        held_until: &'a chrono::DateTime<chrono::Utc>,
    ) -> StringQuery<'c, 'a, 's, C, String, 10> {
        StringQuery {
            client,
            params: [
                pass_started_at,
                phase,
                position,
                subposition,
                after_id,
                lease_until,
                completed_at,
                now,
                name,
                held_until,
            ],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<'c, 'a, 's, SaveParams<T1, T2>, StringQuery<'c, 'a, 's, C, String, 10>, C>
    for SaveStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a SaveParams<T1, T2>,
    ) -> StringQuery<'c, 'a, 's, C, String, 10> {
        self.bind(
            client,
            &params.pass_started_at,
            &params.phase,
            &params.position,
            &params.subposition,
            &params.after_id,
            &params.lease_until,
            &params.completed_at,
            &params.now,
            &params.name,
            &params.held_until,
        )
    }
}
