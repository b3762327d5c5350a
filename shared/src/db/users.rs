//! People, as Clerk knows them.

use sql::{client::Params as _, queries::users as statements};

use super::{DbError, Transaction};
use crate::{clock::Timestamp, id::UserId, task::ClerkUser};

/// The row that mirrors a person, which may be a stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mirrored {
    /// Its id.
    pub id: UserId,
    /// When Clerk deleted the person.
    pub deleted_at: Option<Timestamp>,
}

/// Mirrors a person, under `id` where there is no row yet; the transaction must [name] the person. None when what is
/// there is as new.
///
/// [name]: super::Connection::begin_naming
#[tracing::instrument(name = "db.users.upsert", skip_all, err(level = "debug"))]
pub async fn upsert(
    db: &Transaction<'_>,
    id: UserId,
    user: &ClerkUser,
    now: Timestamp,
) -> Result<Option<UserId>, DbError> {
    write(db, id, user, None, now).await
}

/// Leaves a tombstone in the place of a person, without name and address: nothing that is said about the person later
/// brings it back. None when it is there already.
#[tracing::instrument(name = "db.users.bury", skip_all, err(level = "debug"))]
pub async fn bury(
    db: &Transaction<'_>,
    id: UserId,
    clerk_user_id: &str,
    at: Timestamp,
    now: Timestamp,
) -> Result<Option<UserId>, DbError> {
    let nobody = ClerkUser {
        id: clerk_user_id.to_owned(),
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        image_url: String::new(),
        updated_at: at,
    };
    write(db, id, &nobody, Some(at), now).await
}

async fn write(
    db: &Transaction<'_>,
    id: UserId,
    user: &ClerkUser,
    deleted_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<UserId>, DbError> {
    let params = statements::UpsertParams {
        user_id: id.uuid(),
        clerk_user_id: user.id.as_str(),
        email: user.email.as_str(),
        first_name: user.first_name.as_str(),
        last_name: user.last_name.as_str(),
        image_url: user.image_url.as_str(),
        source_updated_at: user.updated_at,
        deleted_at,
        now,
    };
    let id = statements::upsert().params(db.client, &params).opt().await?;
    Ok(id.map(UserId::from))
}

/// The row that mirrors a person, made as a stub with `id` where there is none. Stays locked until the transaction, which
/// must name the person, ends.
#[tracing::instrument(name = "db.users.ensure", skip_all, err(level = "debug"))]
pub async fn ensure(
    db: &Transaction<'_>,
    id: UserId,
    clerk_user_id: &str,
    now: Timestamp,
) -> Result<Mirrored, DbError> {
    let params = statements::EnsureParams {
        user_id: id.uuid(),
        clerk_user_id,
        never: Timestamp::UNIX_EPOCH,
        now,
    };
    let row = statements::ensure().params(db.client, &params).one().await?;
    Ok(Mirrored {
        id: row.user_id.into(),
        deleted_at: row.deleted_at,
    })
}

/// A person, deleted or not.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What Clerk said last.
    pub mirror: ClerkUser,
    /// When Clerk deleted the person.
    pub deleted_at: Option<Timestamp>,
}

// Names and addresses are nobody's business who reads a log.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("deleted_at", &self.deleted_at)
            .finish_non_exhaustive()
    }
}

/// The row that mirrors a person, if the transaction may see it.
#[tracing::instrument(name = "db.users.find", skip_all, err(level = "debug"))]
pub async fn find(db: &Transaction<'_>, clerk_user_id: &str) -> Result<Option<User>, DbError> {
    let row = statements::find().bind(db.client, &clerk_user_id).opt().await?;
    Ok(row.map(|row| User {
        id: row.user_id.into(),
        mirror: ClerkUser {
            id: row.clerk_user_id,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            image_url: row.image_url,
            updated_at: row.source_updated_at,
        },
        deleted_at: row.deleted_at,
    }))
}

/// Notes that a comparison with Clerk came across a person, whom the transaction must name.
#[tracing::instrument(name = "db.users.update_seen", skip_all, err(level = "debug"))]
pub async fn update_seen(db: &Transaction<'_>, clerk_user_id: &str, now: Timestamp) -> Result<(), DbError> {
    let params = statements::UpdateSeenParams { now, clerk_user_id };
    statements::update_seen().params(db.client, &params).opt().await?;
    Ok(())
}

/// At most `count` people, by Clerk's ids, that a comparison which began `before` has not come across. The transaction
/// must have named that time.
#[tracing::instrument(name = "db.users.list_unseen", skip_all, err(level = "debug"))]
pub async fn list_unseen(
    db: &Transaction<'_>,
    before: Timestamp,
    count: i64,
) -> Result<Vec<String>, DbError> {
    let params = statements::ListUnseenParams { before, count };
    Ok(statements::list_unseen().params(db.client, &params).all().await?)
}

/// Removes at most `count` people who were deleted at Clerk before a time, which the transaction must have named.
/// Answers how many.
#[tracing::instrument(name = "db.users.delete_expired", skip_all, err(level = "debug"))]
pub async fn delete_expired(db: &Transaction<'_>, before: Timestamp, count: i64) -> Result<usize, DbError> {
    let params = statements::DeleteExpiredParams { before, count };
    Ok(statements::delete_expired()
        .params(db.client, &params)
        .all()
        .await?
        .len())
}
