// This file was generated with `cornucopia`. Do not modify.

use crate::types::FieldMetadata;
#[derive(Debug)]
pub struct NameIdentityParams<T1: crate::StringSql, T2: crate::StringSql> {
    pub clerk_user_id: T1,
    pub clerk_org_id: T2,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Enter {
    pub organization_id: String,
    pub external_id: String,
}
pub struct EnterBorrowed<'a> {
    pub organization_id: &'a str,
    pub external_id: &'a str,
}
impl<'a> From<EnterBorrowed<'a>> for Enter {
    fn from(
        EnterBorrowed {
            organization_id,
            external_id,
        }: EnterBorrowed<'a>,
    ) -> Self {
        Self {
            organization_id: organization_id.into(),
            external_id: external_id.into(),
        }
    }
}
impl Enter {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "organization_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "external_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
        ]
    }
}
#[derive(Debug, Clone, PartialEq)]
pub struct NameIdentity {
    pub clerk_user_id: String,
    pub clerk_org_id: String,
}
pub struct NameIdentityBorrowed<'a> {
    pub clerk_user_id: &'a str,
    pub clerk_org_id: &'a str,
}
impl<'a> From<NameIdentityBorrowed<'a>> for NameIdentity {
    fn from(
        NameIdentityBorrowed {
            clerk_user_id,
            clerk_org_id,
        }: NameIdentityBorrowed<'a>,
    ) -> Self {
        Self {
            clerk_user_id: clerk_user_id.into(),
            clerk_org_id: clerk_org_id.into(),
        }
    }
}
impl NameIdentity {
    pub fn field_metadata() -> &'static [FieldMetadata] {
        &[
            FieldMetadata {
                name: "clerk_user_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
            FieldMetadata {
                name: "clerk_org_id",
                rust_type: "String",
                pg_type: "pg_catalog.text",
            },
        ]
    }
}
use crate::client::async_::GenericClient;
use futures::{self, StreamExt, TryStreamExt};
pub struct EnterQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<EnterBorrowed, tokio_postgres::Error>,
    mapper: fn(EnterBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> EnterQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(EnterBorrowed) -> R) -> EnterQuery<'c, 'a, 's, C, R, N> {
        EnterQuery {
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
pub struct NameIdentityQuery<'c, 'a, 's, C: GenericClient, T, const N: usize> {
    client: &'c C,
    params: [&'a (dyn postgres_types::ToSql + Sync); N],
    query: &'static str,
    cached: Option<&'s tokio_postgres::Statement>,
    extractor: fn(&tokio_postgres::Row) -> Result<NameIdentityBorrowed, tokio_postgres::Error>,
    mapper: fn(NameIdentityBorrowed) -> T,
}
impl<'c, 'a, 's, C, T: 'c, const N: usize> NameIdentityQuery<'c, 'a, 's, C, T, N>
where
    C: GenericClient,
{
    pub fn map<R>(self, mapper: fn(NameIdentityBorrowed) -> R) -> NameIdentityQuery<'c, 'a, 's, C, R, N> {
        NameIdentityQuery {
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
pub struct EnterStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here to its end the transaction works for one organization, and for no workspace that an event named.
pub fn enter() -> EnterStmt {
    EnterStmt(
        "SELECT set_config('app.organization_id', $1, true) AS organization_id, set_config('app.external_id', '', true) AS external_id",
        None,
    )
}
impl EnterStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        organization_id: &'a T1,
    ) -> EnterQuery<'c, 'a, 's, C, Enter, 1> {
        EnterQuery {
            client,
            params: [organization_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<EnterBorrowed, tokio_postgres::Error> {
                Ok(EnterBorrowed {
                    organization_id: row.try_get(0)?,
                    external_id: row.try_get(1)?,
                })
            },
            mapper: |it| Enter::from(it),
        }
    }
}
pub struct LookUpStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here on the transaction may read the connection that a third party's event names, as `connector:id`.
pub fn look_up() -> LookUpStmt {
    LookUpStmt(
        "SELECT set_config('app.external_id', $1, true) AS external_id",
        None,
    )
}
impl LookUpStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        external_id: &'a T1,
    ) -> StringQuery<'c, 'a, 's, C, String, 1> {
        StringQuery {
            client,
            params: [external_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
pub struct NameIdentityStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here on the transaction may read and change the rows that mirror one person, one organization, and the
/// membership of the one in the other; blank for none.
pub fn name_identity() -> NameIdentityStmt {
    NameIdentityStmt(
        "SELECT set_config('app.clerk_user_id', $1, true) AS clerk_user_id, set_config('app.clerk_org_id', $2, true) AS clerk_org_id",
        None,
    )
}
impl NameIdentityStmt {
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
        clerk_user_id: &'a T1,
        clerk_org_id: &'a T2,
    ) -> NameIdentityQuery<'c, 'a, 's, C, NameIdentity, 2> {
        NameIdentityQuery {
            client,
            params: [clerk_user_id, clerk_org_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row: &tokio_postgres::Row| -> Result<NameIdentityBorrowed, tokio_postgres::Error> {
                Ok(NameIdentityBorrowed {
                    clerk_user_id: row.try_get(0)?,
                    clerk_org_id: row.try_get(1)?,
                })
            },
            mapper: |it| NameIdentity::from(it),
        }
    }
}
impl<'c, 'a, 's, C: GenericClient, T1: crate::StringSql, T2: crate::StringSql>
    crate::client::async_::Params<
        'c,
        'a,
        's,
        NameIdentityParams<T1, T2>,
        NameIdentityQuery<'c, 'a, 's, C, NameIdentity, 2>,
        C,
    > for NameIdentityStmt
{
    fn params(
        &'s self,
        client: &'c C,
        params: &'a NameIdentityParams<T1, T2>,
    ) -> NameIdentityQuery<'c, 'a, 's, C, NameIdentity, 2> {
        self.bind(client, &params.clerk_user_id, &params.clerk_org_id)
    }
}
pub struct NameUnseenStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here on the transaction may read who and what a comparison with Clerk has not come across since a time.
pub fn name_unseen() -> NameUnseenStmt {
    NameUnseenStmt(
        "SELECT set_config('app.unseen_before', $1, true) AS unseen_before",
        None,
    )
}
impl NameUnseenStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        before: &'a T1,
    ) -> StringQuery<'c, 'a, 's, C, String, 1> {
        StringQuery {
            client,
            params: [before],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
pub struct NameExpiredStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here on the transaction may remove what was deleted at Clerk before a time.
pub fn name_expired() -> NameExpiredStmt {
    NameExpiredStmt(
        "SELECT set_config('app.expired_before', $1, true) AS expired_before",
        None,
    )
}
impl NameExpiredStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        before: &'a T1,
    ) -> StringQuery<'c, 'a, 's, C, String, 1> {
        StringQuery {
            client,
            params: [before],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
pub struct NameDueStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here on the transaction may find what is to be done about connections and credentials before a time, whoever they
/// belong to.
pub fn name_due() -> NameDueStmt {
    NameDueStmt(
        "SELECT set_config('app.due_before', $1, true) AS due_before",
        None,
    )
}
impl NameDueStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        before: &'a T1,
    ) -> StringQuery<'c, 'a, 's, C, String, 1> {
        StringQuery {
            client,
            params: [before],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
pub struct NameCredentialsKeyStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here on the transaction may find credentials that are sealed under another KMS key, whoever they belong to.
pub fn name_credentials_key() -> NameCredentialsKeyStmt {
    NameCredentialsKeyStmt(
        "SELECT set_config('app.credentials_key', $1, true) AS credentials_key",
        None,
    )
}
impl NameCredentialsKeyStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        key_id: &'a T1,
    ) -> StringQuery<'c, 'a, 's, C, String, 1> {
        StringQuery {
            client,
            params: [key_id],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
pub struct NameStateStmt(&'static str, Option<tokio_postgres::Statement>);
/// From here on the transaction may use up one state that came back through a browser, by its hash in hexadecimal digits.
pub fn name_state() -> NameStateStmt {
    NameStateStmt(
        "SELECT set_config('app.state_hash', $1, true) AS state_hash",
        None,
    )
}
impl NameStateStmt {
    pub async fn prepare<'a, C: GenericClient>(
        mut self,
        client: &'a C,
    ) -> Result<Self, tokio_postgres::Error> {
        self.1 = Some(client.prepare(self.0).await?);
        Ok(self)
    }
    pub fn bind<'c, 'a, 's, C: GenericClient, T1: crate::StringSql>(
        &'s self,
        client: &'c C,
        state_hash: &'a T1,
    ) -> StringQuery<'c, 'a, 's, C, String, 1> {
        StringQuery {
            client,
            params: [state_hash],
            query: self.0,
            cached: self.1.as_ref(),
            extractor: |row| Ok(row.try_get(0)?),
            mapper: |it| it.into(),
        }
    }
}
