//! The way into the database, as a secret tells it.

use tokio::sync::RwLock;

use super::{Connection, DatabaseSecret, Db, DbError};
use crate::secret::manager::SecretStore;

/// The way into the database. The secret is read when the first connection is needed, and again when the password in
/// it is not accepted any more: neither a start nor a change of the password waits for anybody.
#[derive(Debug)]
pub struct Access {
    source: Source,
    db: RwLock<Option<Db>>,
}

#[derive(Debug)]
enum Source {
    Known,
    Secret {
        secrets: SecretStore,
        arn: String,
        connections: usize,
    },
}

impl Access {
    /// Where the secret says, with at most `connections` at a time.
    #[must_use]
    pub fn in_secret(secrets: SecretStore, arn: String, connections: usize) -> Self {
        Self {
            source: Source::Secret {
                secrets,
                arn,
                connections,
            },
            db: RwLock::default(),
        }
    }

    /// A connection; goes back to its pool when dropped.
    ///
    /// # Errors
    /// [`DbError::Pool`] and [`DbError::SecretUnavailable`] while database or secret are away, [`DbError::Secret`] when
    /// the secret does not lead to a database.
    pub async fn get(&self) -> Result<Connection, DbError> {
        let known = self.db.read().await.clone();
        let db = match known {
            Some(db) => db,
            None => self.open(None).await?,
        };
        match db.get().await {
            Err(error) if error.is_login_refused() => self.open(Some(&db)).await?.get().await,
            result => result,
        }
    }

    /// Reads the secret and makes a pool of it, unless somebody else has put another in the place of `refused`.
    async fn open(&self, refused: Option<&Db>) -> Result<Db, DbError> {
        let mut slot = self.db.write().await;
        if let Some(db) = &*slot
            && refused.is_none_or(|refused| !db.is(refused))
        {
            return Ok(db.clone());
        }
        let Source::Secret {
            secrets,
            arn,
            connections,
        } = &self.source
        else {
            return slot.clone().ok_or(DbError::Secret("there is none"));
        };
        let secret: DatabaseSecret = secrets.json(arn).await.map_err(DbError::SecretUnavailable)?;
        let db = Db::new(&secret, *connections)?;
        *slot = Some(db.clone());
        Ok(db)
    }
}

impl From<Db> for Access {
    /// A way that is known already.
    fn from(db: Db) -> Self {
        Self {
            source: Source::Known,
            db: RwLock::new(Some(db)),
        }
    }
}
