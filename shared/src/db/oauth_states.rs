//! Connections that have been started and not come back yet.

use std::fmt;

use sql::{client::Params as _, queries::oauth_states as statements};

use super::{DbError, Transaction, integration_credentials::kind};
use crate::{
    clock::Timestamp,
    connector::ConnectorKind,
    id::{OrganizationId, UserId},
};

/// The SHA-256 of something random.
pub type Hash = [u8; 32];

/// Somebody has started to connect.
#[derive(Clone)]
pub struct OAuthState {
    /// For whom.
    pub organization: OrganizationId,
    /// Who, and must be the one who ends it.
    pub user: UserId,
    /// Their session, `sess_…`, which must be the one that ends it.
    pub session_id: String,
    /// To what.
    pub connector: ConnectorKind,
    /// The hash of their browser's cookie.
    pub browser_hash: Hash,
    /// PKCE's verifier; none where the third party was sent no challenge.
    pub code_verifier: Option<String>,
    /// Where the third party was told to come back to.
    pub redirect_uri: String,
    /// Whether it may take the place of a connection to another account.
    pub replaces: bool,
    /// Who started it in the person's place, by Clerk's id, where an administrator of the Clerk instance did.
    pub impersonated_by: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl fmt::Debug for OAuthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthState")
            .field("organization", &self.organization)
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}

/// Notes that somebody has gone to a third party.
#[tracing::instrument(name = "db.oauth_states.insert", skip_all, err(level = "debug"))]
pub async fn insert(
    db: &Transaction<'_>,
    scope: OrganizationId,
    state_hash: &Hash,
    state: &OAuthState,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::InsertParams {
        state_hash: state_hash.as_slice(),
        organization_id: scope.uuid(),
        user_id: state.user.uuid(),
        connector_type: state.connector.as_str(),
        browser_hash: state.browser_hash.as_slice(),
        clerk_session_id: state.session_id.as_str(),
        code_verifier: state.code_verifier.as_deref(),
        redirect_uri: state.redirect_uri.as_str(),
        replaces: state.replaces,
        impersonated_by: state.impersonated_by.as_deref(),
        now,
        expires_at: state.expires_at,
    };
    statements::insert().params(db.client, &params).one().await?;
    Ok(())
}

/// Uses up what somebody of the organization has begun; none where there is no such thing (any more).
#[tracing::instrument(name = "db.oauth_states.take", skip_all, err(level = "debug"))]
pub async fn take(
    db: &Transaction<'_>,
    scope: OrganizationId,
    state_hash: &Hash,
) -> Result<Option<OAuthState>, DbError> {
    let params = statements::TakeParams {
        organization_id: scope.uuid(),
        state_hash: state_hash.as_slice(),
    };
    let row = statements::take().params(db.client, &params).opt().await?;
    row.map(OAuthState::try_from).transpose()
}

/// The same for a browser that comes back without a session; the transaction must have [named] the state.
///
/// [named]: Transaction::name_state
#[tracing::instrument(name = "db.oauth_states.take_named", skip_all, err(level = "debug"))]
pub async fn take_named(db: &Transaction<'_>, state_hash: &Hash) -> Result<Option<OAuthState>, DbError> {
    let row = statements::take_named()
        .bind(db.client, &state_hash.as_slice())
        .opt()
        .await?;
    row.map(OAuthState::try_from).transpose()
}

impl TryFrom<statements::State> for OAuthState {
    type Error = DbError;

    fn try_from(row: statements::State) -> Result<Self, DbError> {
        Ok(Self {
            organization: row.organization_id.into(),
            user: row.user_id.into(),
            session_id: row.clerk_session_id,
            connector: kind("oauth_states", &row.connector_type)?,
            browser_hash: row
                .browser_hash
                .try_into()
                .map_err(|_| DbError::corrupt("oauth_states", "browser_hash", "not of 32 bytes"))?,
            code_verifier: row.code_verifier,
            redirect_uri: row.redirect_uri,
            replaces: row.replaces,
            impersonated_by: row.impersonated_by,
            expires_at: row.expires_at,
        })
    }
}
