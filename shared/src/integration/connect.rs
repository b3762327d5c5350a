//! Connecting: somebody goes to a third party and comes back, or fills in a form.
//!
//! Who goes takes along a random state, of which we keep the hash. Whoever comes back with it must be the same person, for
//! the same organization, in the same session and browser, within ten minutes; it is used up by looking at it. What is
//! connected in the end, its credentials and the record of it are one transaction.

use std::{fmt, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Integrations, check::Checker};
use crate::{
    clock,
    connector::{
        ConnectorKind,
        contract::{
            Account, Capability, Connection, ConnectorError, Credentials, Linked, Method, Returned, Start,
            Started,
        },
    },
    db::{
        DbError, audit_events, callers, github_unclaimed_installations, integration_credentials,
        integration_nonces::{self, Tie},
        integration_revocations,
        integrations::{self, New, Overview},
        oauth_states::{self, Hash, OAuthState},
    },
    id::{IntegrationId, OrganizationId, UserId},
    identity::apply::Cause,
    secret::vault::{CredentialScope, VaultError},
    task::MemberRole,
};

/// How long somebody may be away at a third party.
pub const STATE_LIFETIME: Duration = Duration::from_mins(10);
/// How long a third party may take to complete a connection, in which several calls follow each other. API Gateway waits
/// for thirty seconds.
pub const PATIENCE: Duration = Duration::from_secs(18);
/// How long somebody who has connected waits for what it reaches to be read, and then for how it is.
const AFTERWARDS: Duration = Duration::from_secs(4);
/// How long credentials are kept that are only there to tell the third party of an end.
pub(super) const TELL_FOR: Duration = Duration::from_hours(7 * 24);

/// The constraint by which what events come from belongs to one organization.
const ONE_TENANT: &str = "integrations_external_id_key";

/// Who connects.
#[derive(Debug, Clone, Copy)]
pub struct Connecting<'a> {
    /// For whom.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// For the record.
    pub cause: Cause<'a>,
}

/// What somebody wants to connect.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// To what.
    pub connector: ConnectorKind,
    /// Their session, `sess_…`.
    pub session_id: &'a str,
    /// The random word in their browser's cookie.
    pub browser: &'a str,
    /// Where the third party is to send them back to.
    pub redirect_uri: &'a str,
    /// Whether it may take the place of a connection to another account.
    pub replaces: bool,
    /// Whether they claim what was installed at the third party already.
    pub claims: bool,
}

/// How somebody comes back.
#[derive(Clone, Copy)]
pub struct Back<'a> {
    /// The state that came back.
    pub state: &'a str,
    /// Their session; none for a browser that the third party sent straight to us.
    pub session_id: Option<&'a str>,
    /// The random word in their browser's cookie; none for a client that is no browser, or is served from elsewhere.
    pub browser: Option<&'a str>,
}

impl fmt::Debug for Back<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Back")
    }
}

/// What completes a connection.
pub struct Completion<'a> {
    /// To what.
    pub connector: ConnectorKind,
    /// Where they were to be sent back to; blank for a form.
    pub redirect_uri: &'a str,
    /// PKCE's verifier; blank for a form, and where the third party was sent no challenge.
    pub code_verifier: &'a str,
    /// Whether it may take the place of a connection to another account.
    pub replaces: bool,
    /// What they filled in, or brought back.
    pub input: Value,
    /// Our own address, without a path; third parties send what happens there.
    pub public_url: Option<&'a str>,
}

impl fmt::Debug for Completion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}

/// Why nothing was connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The state is not one that may be used by whoever brought it.
    #[error(
        "the connection was not begun here, or more than ten minutes ago, or it has come back before; begin again"
    )]
    State,
    /// Whoever began may not connect (any more).
    #[error("only an admin connects")]
    NotAdmin,
    /// Another account is connected, and nobody has said that it may be replaced.
    #[error("{connected} is connected; connecting {offered} ends that. Send replace to do so")]
    Another {
        /// What is connected.
        connected: String,
        /// What was to be connected in its place.
        offered: String,
    },
    /// Another organization has it connected.
    #[error(
        "{offered} is connected to another organization of this deployment, which has to disconnect it first"
    )]
    Taken {
        /// What was to be connected.
        offered: String,
    },
    /// Somebody else has connected or disconnected meanwhile.
    #[error("somebody else has changed the connection meanwhile; look at it and try again")]
    Changed,
    /// The third party.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What connecting takes.
#[derive(Debug, Clone)]
pub struct Connector {
    /// The connections.
    pub integrations: Integrations,
    /// How long a third party may take: [`PATIENCE`].
    pub patience: Duration,
    /// What asks the third party how it is, once it is connected.
    pub checker: Checker,
}

/// 256 random bits, in the letters that go into addresses and cookies.
#[must_use]
pub fn random_word() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random())
}

/// Whether a text is of the form of a [`random_word`].
#[must_use]
pub fn is_random_word(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn random() -> [u8; 32] {
    rand::random()
}

fn hash(word: &str) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, word.as_bytes()).as_ref());
    hash
}

impl Connector {
    /// Somebody begins: what they are shown, and where they go.
    ///
    /// # Errors
    /// [`ConnectError::Connector`] where the third party cannot be used, [`ConnectError::Db`].
    #[tracing::instrument(name = "integration.begin", skip_all, fields(connector.kind = %begin.connector))]
    pub async fn start(
        &self,
        who: Connecting<'_>,
        begin: Begin<'_>,
    ) -> Result<(Method, Started), ConnectError> {
        let kind = begin.connector;
        let connector = self.integrations.connectors.get(kind);
        let tie = self.tie(who.organization, kind).await?;
        let (state, code_verifier) = (random_word(), random_word());
        let code_challenge = BASE64_URL_SAFE_NO_PAD.encode(hash(&code_verifier));
        let start = Start {
            state: &state,
            redirect_uri: begin.redirect_uri,
            code_challenge: &code_challenge,
            nonce: &tie.nonce,
            claims: begin.claims,
        };
        let started = connector.initiate(start).await?;
        let method = connector.descriptor().method;
        if method != Method::Form {
            let now = self.integrations.clock.now();
            let kept = OAuthState {
                organization: who.organization,
                user: who.user,
                session_id: begin.session_id.to_owned(),
                connector: kind,
                browser_hash: hash(begin.browser),
                // A third party that was sent no challenge may refuse to be brought a verifier.
                code_verifier: started.url.contains(&code_challenge).then_some(code_verifier),
                redirect_uri: begin.redirect_uri.to_owned(),
                replaces: begin.replaces,
                impersonated_by: who.cause.impersonator.map(str::to_owned),
                expires_at: clock::after(now, STATE_LIFETIME),
            };
            let mut db = self.integrations.db.get().await?;
            let tx = db.begin_for(who.organization).await?;
            oauth_states::insert(&tx, who.organization, &hash(&state), &kept, now).await?;
            tx.commit().await?;
        }
        Ok((method, started))
    }

    /// Uses up the state that somebody brought back to their session.
    ///
    /// # Errors
    /// [`ConnectError::State`] for whatever is not theirs, [`ConnectError::Db`].
    pub async fn take_back(
        &self,
        who: Connecting<'_>,
        kind: ConnectorKind,
        back: Back<'_>,
    ) -> Result<OAuthState, ConnectError> {
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(who.organization).await?;
        let found = oauth_states::take(&tx, who.organization, &hash(back.state)).await?;
        tx.commit().await?;
        self.admit(found, kind, back)
            .filter(|state| state.user == who.user)
            .ok_or(ConnectError::State)
    }

    /// Uses up the state that a browser brought straight to us: nothing but its cookie says whose it is. Whoever began must
    /// still be allowed to.
    ///
    /// # Errors
    /// [`ConnectError::State`] for whatever is not of this browser, [`ConnectError::NotAdmin`], [`ConnectError::Db`].
    pub async fn take_back_from_browser(
        &self,
        kind: ConnectorKind,
        state: &str,
        browser: &str,
    ) -> Result<OAuthState, ConnectError> {
        let back = Back {
            state,
            session_id: None,
            browser: Some(browser),
        };
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin().await?;
        tx.name_state(&hash(state)).await?;
        let found = oauth_states::take_named(&tx, &hash(state)).await?;
        tx.commit().await?;
        let begun = self.admit(found, kind, back).ok_or(ConnectError::State)?;

        let now = self.integrations.clock.now();
        let tx = db.begin_for(begun.organization).await?;
        let role = callers::find_role(&tx, begun.organization, begun.user, &begun.session_id, now).await?;
        tx.commit().await?;
        match role {
            Some(MemberRole::Admin) => Ok(begun),
            Some(MemberRole::Member) | None => Err(ConnectError::NotAdmin),
        }
    }

    /// The state, if it may be used so. Why not is not told: it would tell whoever brings somebody else's which it is.
    fn admit(&self, found: Option<OAuthState>, kind: ConnectorKind, back: Back<'_>) -> Option<OAuthState> {
        let found = found?;
        let reason = if found.connector != kind {
            "another_connector"
        } else if found.expires_at <= self.integrations.clock.now() {
            "expired"
        } else if back.session_id.is_some_and(|session| session != found.session_id) {
            "another_session"
        } else if back
            .browser
            .is_some_and(|browser| hash(browser) != found.browser_hash)
        {
            "another_browser"
        } else {
            return Some(found);
        };
        tracing::warn!(reason, "a state was refused");
        None
    }

    /// Somebody has consented, installed or filled in: proves it, keeps it, and says how it is.
    ///
    /// # Errors
    /// [`ConnectError`]
    #[tracing::instrument(name = "integration.complete", skip_all, fields(connector.kind = %completion.connector))]
    pub async fn complete(
        &self,
        who: Connecting<'_>,
        completion: Completion<'_>,
    ) -> Result<Overview, ConnectError> {
        let kind = completion.connector;
        let before = self.there(who.organization, kind).await?;
        let tie = self.tie(who.organization, kind).await?;
        // The same for every attempt, so that each finds at the third party what the one before left behind.
        let integration = before.as_ref().map_or(tie.integration, |before| before.id);
        let webhook_url = completion
            .public_url
            .map(|url| format!("{url}/webhooks/{kind}/{}", integration.uuid()));
        let connection = Connection {
            organization: who.organization,
            integration,
            nonce: &tie.nonce,
            webhook_url: webhook_url.as_deref(),
            account: None,
            now: self.integrations.clock.now(),
        };
        let connector = self.integrations.connectors.get(kind);
        let returned = Returned {
            redirect_uri: completion.redirect_uri,
            code_verifier: completion.code_verifier,
        };
        let linking = async {
            let linked = connector.complete(connection, returned, completion.input).await?;
            let replaced = replaced(before.as_ref(), &linked.account, completion.replaces)?;
            let account = linked.account.clone();
            let connection = Connection {
                account: Some(&account),
                ..connection
            };
            Ok::<_, ConnectError>((connector.attach(connection, linked).await?, replaced))
        };
        let (linked, replaced) = tokio::time::timeout(self.patience, linking)
            .await
            .unwrap_or_else(|elapsed| {
                let source = elapsed.into();
                Err(ConnectorError::Unavailable {
                    retry_after: None,
                    source,
                }
                .into())
            })?;
        self.keep(who, (kind, integration), before.as_ref(), replaced, linked)
            .await?;
        self.integrations
            .metrics
            .count("ConnectionsMade", Some(("connector", kind.as_str())));
        tracing::info!(organization.id = %who.organization, integration.id = %integration, "connected");
        self.read_in_full(who.organization, integration, kind).await;
        // How it is in particular: it works in any case, so that nobody can be asked now is no failure.
        let checking = self.checker.check(who.organization, integration, Duration::ZERO);
        match tokio::time::timeout(AFTERWARDS, checking).await {
            Ok(Ok(Some(overview))) => return Ok(overview),
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "how the new connection is cannot be found out yet");
            }
        }
        self.overview(who.organization, integration).await
    }

    /// Reads what the connection reaches, as far as there is time for it now; the scheduler does what is left.
    async fn read_in_full(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
        kind: ConnectorKind,
    ) {
        if !self.has(kind, Capability::Repositories) {
            return;
        }
        let reading = self.integrations.sync(organization, integration);
        match tokio::time::timeout(AFTERWARDS, reading).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "what it reaches is read later"),
            Err(_) => tracing::info!("it reaches too much to be read while somebody waits"),
        }
    }

    /// The connection, its credentials and the record, in one transaction.
    async fn keep(
        &self,
        who: Connecting<'_>,
        (kind, integration): (ConnectorKind, IntegrationId),
        before: Option<&Overview>,
        replaced: Option<&Account>,
        linked: Linked<Credentials>,
    ) -> Result<(), ConnectError> {
        let organization = who.organization;
        let scope = CredentialScope {
            organization,
            connector: kind,
            integration,
        };
        let sealed = self.integrations.vault.seal(&scope, &linked.credentials).await?;
        let account = &linked.account;
        let now = self.integrations.clock.now();
        let own = self.own_external_id(kind, integration);
        let metadata = integrations::metadata(account);
        let new = New {
            id: integration,
            connector: kind,
            connected_by: Some(who.user),
            external_id: account.external_id.as_deref().or(own.as_deref()),
            bot_id: account.bot_id.as_deref(),
            connector_user_id: account.user_id.as_deref(),
            connector_organization_id: Some(&account.id),
            metadata: &metadata,
            installed_at: linked.installed_at,
        };
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let there = integrations::list(&tx, organization, Some(kind)).await?.pop();
        let version = |overview: &Overview| (overview.id, overview.generation, overview.status);
        if there.as_ref().map(version) != before.map(version) {
            return Err(ConnectError::Changed);
        }
        if let Some(account) = replaced {
            let give_up_at = clock::after(now, TELL_FOR);
            integration_revocations::take_over(
                &tx,
                organization,
                integration,
                (kind, account),
                give_up_at,
                now,
            )
            .await?;
        }
        let connected = integrations::upsert(&tx, organization, &new, now).await;
        let (id, generation) = connected.map_err(|error| taken(error, account))?;
        if id != integration {
            return Err(ConnectError::Changed);
        }
        integration_credentials::upsert(&tx, organization, integration, &sealed, linked.expires_at, now)
            .await?;
        if self.has(kind, Capability::Repositories) {
            integrations::update_unsynced(&tx, organization, integration, now).await?;
            // It belongs to somebody now, where it was begun at the third party.
            if let Some(installation) = account.bot_id.as_deref().and_then(|id| id.parse().ok()) {
                github_unclaimed_installations::delete(&tx, installation).await?;
            }
        }
        let details = json!({
            "connector": kind.as_str(),
            "account": account.id,
            "generation": generation,
            "replaced": replaced.map(|account| account.id.as_str()),
        });
        let entry = who.cause.entry(
            &self.integrations.ids,
            "integration.connected",
            integration,
            details,
            now,
        );
        audit_events::insert(&tx, organization, &entry).await?;
        tx.commit().await.map_err(|error| taken(error, account))
    }

    fn has(&self, kind: ConnectorKind, capability: Capability) -> bool {
        let descriptor = self.integrations.connectors.get(kind).descriptor();
        descriptor.capabilities.contains(&capability)
    }

    /// What the third party's news come to the connection by, where they come to an address of its own.
    fn own_external_id(&self, kind: ConnectorKind, integration: IntegrationId) -> Option<String> {
        self.has(kind, Capability::Alerts)
            .then(|| integration.uuid().to_string())
    }

    async fn there(
        &self,
        organization: OrganizationId,
        kind: ConnectorKind,
    ) -> Result<Option<Overview>, DbError> {
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let there = integrations::list(&tx, organization, Some(kind)).await?.pop();
        tx.commit().await?;
        Ok(there)
    }

    async fn overview(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<Overview, ConnectError> {
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let found = integrations::find_overview(&tx, organization, integration).await?;
        tx.commit().await?;
        found.ok_or(ConnectError::Changed)
    }

    async fn tie(&self, organization: OrganizationId, kind: ConnectorKind) -> Result<Tie, DbError> {
        let now = self.integrations.clock.now();
        let new = Tie {
            nonce: hex::encode(random()),
            integration: self.integrations.ids.integration(),
        };
        let mut db = self.integrations.db.get().await?;
        let tx = db.begin_for(organization).await?;
        let tie = integration_nonces::ensure(&tx, organization, kind, &new, now).await?;
        tx.commit().await?;
        Ok(tie)
    }

    /// Asks the third party whether what was filled in would do; keeps nothing.
    ///
    /// # Errors
    /// [`ConnectError`]
    #[tracing::instrument(name = "integration.try", skip_all, fields(connector.kind = %kind))]
    pub async fn attempt(
        &self,
        organization: OrganizationId,
        kind: ConnectorKind,
        input: Value,
    ) -> Result<(), ConnectError> {
        let tie = self.tie(organization, kind).await?;
        let connection = Connection {
            organization,
            integration: tie.integration,
            nonce: &tie.nonce,
            webhook_url: None,
            account: None,
            now: self.integrations.clock.now(),
        };
        let returned = Returned {
            redirect_uri: "",
            code_verifier: "",
        };
        let connector = self.integrations.connectors.get(kind);
        let completing = connector.complete(connection, returned, input);
        let completed = tokio::time::timeout(self.patience, completing).await;
        completed.map_err(|elapsed| ConnectorError::Unavailable {
            retry_after: None,
            source: elapsed.into(),
        })??;
        Ok(())
    }
}

/// The account that another one takes the place of; none where it is the same, or nothing is connected.
fn replaced<'a>(
    before: Option<&'a Overview>,
    account: &Account,
    is_wanted: bool,
) -> Result<Option<&'a Account>, ConnectError> {
    match before.filter(|before| before.is_connected() && before.account.id != account.id) {
        None => Ok(None),
        Some(before) if is_wanted => Ok(Some(&before.account)),
        Some(before) => Err(ConnectError::Another {
            connected: called(&before.account),
            offered: called(account),
        }),
    }
}

fn called(account: &Account) -> String {
    if account.name.is_empty() || account.name == account.id {
        account.id.clone()
    } else {
        format!("{} ({})", account.name, account.id)
    }
}

fn taken(error: DbError, account: &Account) -> ConnectError {
    match error {
        DbError::Conflict { constraint } if constraint == ONE_TENANT => ConnectError::Taken {
            offered: called(account),
        },
        error => error.into(),
    }
}
