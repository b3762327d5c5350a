//! What became of our GitHub App's installations, what they reach, and what happens there.
//!
//! GitHub signs bodies and nothing else, so a delivery is known by its id *and* by its body: what comes again under
//! another id has no effect. Whose an installation is, is found by its number alone; what an event says of accounts
//! counts for nothing. Older news than what was applied changes nothing, and a deletion is final.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{
    clock::{Timestamp, after},
    connector::ConnectorKind,
    db::{
        DbError, Transaction, audit_events, deliveries,
        github_repositories::{self, May},
        github_unclaimed_installations as unclaimed, integration_activities, integration_credentials,
        integrations::{self, Ending, Named, Status, Told},
    },
    id::{IntegrationId, OrganizationId},
    identity::apply::Cause,
    queue::TaskError,
    task::{
        Envelope, GitHubActivity, GitHubChange, GitHubEvent, GitHubInstallation, GitHubRepositoriesChange,
        GitHubRepository,
    },
};

use crate::{ACTOR, App};

/// How long something that happened is kept.
const ACTIVITIES_KEPT: Duration = Duration::from_hours(30 * 24);

/// Why a connection does not work while its installation is on hold, as the connector says it.
const ON_HOLD: &str = "installation_suspended";

/// What became of an event, as a word for the log.
type Effect = &'static str;
/// It is not news.
const OLD: Effect = "what is known is as new";
const NONE: Effect = "it changes nothing here";

/// Applies an event, once for each delivery and once for each body.
pub(crate) async fn process(app: &App, envelope: &Envelope, event: &GitHubEvent) -> Result<(), TaskError> {
    let now = app.clock.now();
    let mut db = app.db.get().await?;
    let tx = db.begin().await?;
    if !deliveries::record(&tx, &envelope.delivery, now).await? {
        tracing::debug!("the delivery has been dealt with");
        return Ok(());
    }
    if !deliveries::record(&tx, &event.body_key(), now).await? {
        tracing::warn!("a body that has been dealt with came again under another id");
        return Ok(tx.commit().await?);
    }

    let number = event.installation_id.to_string();
    let found = integrations::look_up(&tx, ConnectorKind::GitHub, &number).await?;
    let effect = match found {
        None => unknown(&tx, event, now).await?,
        Some((organization, integration)) => {
            tx.enter(organization).await?;
            match integrations::lock_named(&tx, organization, integration, &number).await? {
                // Somebody has connected something else in its place since it was looked up.
                None => unknown(&tx, event, now).await?,
                Some(named) => {
                    let subject = Subject {
                        app,
                        tx: &tx,
                        cause: Cause::by_itself(ACTOR, Some(&envelope.event_id)),
                        organization,
                        integration,
                        named,
                        now,
                    };
                    subject.apply(event).await?
                }
            }
        }
    };
    tx.commit().await?;
    tracing::info!(
        github.installation = event.installation_id,
        effect,
        "an event of GitHub's was dealt with"
    );
    Ok(())
}

/// An installation that no organization has: what is needed to claim it is kept, and nothing else.
async fn unknown(tx: &Transaction<'_>, event: &GitHubEvent, now: Timestamp) -> Result<Effect, DbError> {
    let id = event.installation_id;
    let changed = match &event.change {
        GitHubChange::InstallationCreated(installation) => {
            unclaimed::upsert(tx, id, installation, now).await?
        }
        GitHubChange::InstallationDeleted(installation) => {
            unclaimed::bury(tx, id, installation, now).await?;
            true
        }
        GitHubChange::InstallationSuspended(installation) => {
            unclaimed::update_suspended(tx, id, true, installation.at, now).await?
        }
        GitHubChange::InstallationUnsuspended(installation) => {
            unclaimed::update_suspended(tx, id, false, installation.at, now).await?
        }
        GitHubChange::PermissionsAccepted(_)
        | GitHubChange::RepositoriesChanged(_)
        | GitHubChange::RepositoryChanged(_)
        | GitHubChange::RepositoryDeleted { .. }
        | GitHubChange::Happened(_) => false,
    };
    Ok(if changed {
        "an installation of nobody's is noted"
    } else {
        NONE
    })
}

/// The connection that an event is about, locked.
struct Subject<'a> {
    app: &'a App,
    tx: &'a Transaction<'a>,
    cause: Cause<'a>,
    organization: OrganizationId,
    integration: IntegrationId,
    named: Named,
    now: Timestamp,
}

impl Subject<'_> {
    async fn apply(&self, event: &GitHubEvent) -> Result<Effect, DbError> {
        if let GitHubChange::InstallationDeleted(installation) = &event.change {
            // Whoever was connected with it: it is noted as gone also for what is late.
            unclaimed::bury(self.tx, event.installation_id, installation, self.now).await?;
        }
        if !matches!(
            self.named.status,
            Status::Active | Status::Suspended | Status::Pending
        ) {
            return Ok("the connection has ended");
        }
        match &event.change {
            GitHubChange::InstallationCreated(_) => Ok("it is connected already"),
            GitHubChange::InstallationDeleted(installation) => self.end(installation).await,
            GitHubChange::InstallationSuspended(installation) => {
                self.told(installation, Status::Suspended).await
            }
            GitHubChange::InstallationUnsuspended(installation) => {
                self.told(installation, Status::Active).await
            }
            GitHubChange::PermissionsAccepted(installation) => {
                self.told(installation, standing(installation)).await
            }
            GitHubChange::RepositoriesChanged(change) => self.reach(change).await,
            GitHubChange::RepositoryChanged(repository) => self.repository(repository).await,
            // GitHub gives no number twice, so this is final whatever the times say.
            GitHubChange::RepositoryDeleted { id, .. } => self.forget(&[*id]).await,
            GitHubChange::Happened(activity) => self.happened(activity).await,
        }
    }

    /// Ends the connection. It is final: GitHub gives no number twice, so nobody has connected this one after that.
    async fn end(&self, installation: &GitHubInstallation) -> Result<Effect, DbError> {
        let ending = Ending {
            status: Status::Inactive,
            reason: "app_uninstalled",
            at: installation.at.max(self.named.installed_at),
        };
        let (organization, integration) = (self.organization, self.integration);
        if !integrations::end(self.tx, organization, integration, ending, self.now).await? {
            return Ok(OLD);
        }
        integration_credentials::delete(self.tx, organization, integration).await?;
        self.record("integration.ended", json!({ "reason": ending.reason }))
            .await?;
        Ok("the connection has ended by this")
    }

    /// Applies what GitHub shows of the installation itself, all of it: then the latest news is right whatever came before.
    async fn told(&self, installation: &GitHubInstallation, status: Status) -> Result<Effect, DbError> {
        if !self.shown(installation, status).await? {
            return Ok(OLD);
        }
        Ok("the connection is as it is at GitHub")
    }

    async fn shown(&self, installation: &GitHubInstallation, status: Status) -> Result<bool, DbError> {
        let told = Told {
            status,
            metadata: &metadata(installation),
            at: installation.at,
        };
        let (organization, integration) = (self.organization, self.integration);
        if !integrations::update_told(self.tx, organization, integration, told, self.now).await? {
            return Ok(false);
        }
        if status == Status::Active {
            integrations::update_cured(self.tx, organization, integration, ON_HOLD, self.now).await?;
        }
        match (self.named.status, status) {
            (Status::Active, Status::Suspended) => self.record("integration.suspended", json!({})).await?,
            (Status::Suspended, Status::Active) => self.record("integration.resumed", json!({})).await?,
            _ => {}
        }
        Ok(true)
    }

    /// Which repositories the installation reaches in addition, and which no longer. Older news is not applied, because
    /// what it adds may have been removed since; reading all of them tells.
    async fn reach(&self, change: &GitHubRepositoriesChange) -> Result<Effect, DbError> {
        let installation = &change.installation;
        if !self.shown(installation, standing(installation)).await? {
            self.read_again().await?;
            return Ok(OLD);
        }
        let (organization, integration) = (self.organization, self.integration);
        // In one statement no row may be written twice.
        let added: BTreeMap<_, _> = change.added.iter().map(|added| (added.id, added)).collect();
        let removed: BTreeSet<_> = change.removed.iter().copied().collect();
        let removed: Vec<_> = removed.into_iter().filter(|id| !added.contains_key(id)).collect();
        if !removed.is_empty() {
            github_repositories::delete(self.tx, organization, integration, &removed).await?;
        }
        if !added.is_empty() {
            let named = added
                .into_values()
                .map(|added| (added, format!("{}/{}", change.site, added.full_name)));
            let as_of = (may(installation), installation.at);
            github_repositories::upsert_listed(self.tx, organization, integration, named, as_of, self.now)
                .await?;
        }
        if !change.is_complete {
            self.read_again().await?;
        }
        Ok("the connection reaches other repositories")
    }

    async fn repository(&self, repository: &GitHubRepository) -> Result<Effect, DbError> {
        let account = self.named.account.as_deref();
        if account.is_some_and(|account| account != repository.owner_id.to_string()) {
            // It was transferred out of the account that the installation is on.
            return self.forget(&[repository.id]).await;
        }
        let (organization, integration) = (self.organization, self.integration);
        if github_repositories::update_told(self.tx, organization, integration, repository, self.now).await? {
            return Ok("a repository is as it is at GitHub");
        }
        if github_repositories::reaches(self.tx, organization, integration, repository.id).await? {
            return Ok(OLD);
        }
        // Perhaps it is new, and perhaps it was removed after this.
        self.read_again().await?;
        Ok("a repository that is not known")
    }

    async fn forget(&self, repositories: &[i64]) -> Result<Effect, DbError> {
        let (organization, integration) = (self.organization, self.integration);
        let count = github_repositories::delete(self.tx, organization, integration, repositories).await?;
        Ok(if count > 0 { "a repository is gone" } else { NONE })
    }

    async fn happened(&self, activity: &GitHubActivity) -> Result<Effect, DbError> {
        let expires_at = after(activity.at.min(self.now), ACTIVITIES_KEPT);
        if expires_at <= self.now {
            return Ok("it happened too long ago");
        }
        let new = integration_activities::New {
            id: self.app.ids.activity(),
            key: &activity.key,
            kind: activity.event.as_str(),
            action: &activity.action,
            subject_id: &activity.repository_id.to_string(),
            subject: &activity.repository,
            title: &activity.title,
            actor: activity.actor.as_deref(),
            url: activity.url.as_deref(),
            occurred_at: activity.at,
            expires_at,
        };
        let (organization, integration) = (self.organization, self.integration);
        let is_new =
            integration_activities::insert(self.tx, organization, integration, &new, self.now).await?;
        Ok(if is_new { "it is noted" } else { OLD })
    }

    async fn read_again(&self) -> Result<(), DbError> {
        integrations::update_unsynced(self.tx, self.organization, self.integration, self.now).await
    }

    async fn record(&self, action: &str, details: Value) -> Result<(), DbError> {
        let entry = self
            .cause
            .entry(&self.app.ids, action, self.integration, details, self.now);
        audit_events::insert(self.tx, self.organization, &entry).await
    }
}

/// Where a connection stands by what is shown of its installation.
const fn standing(installation: &GitHubInstallation) -> Status {
    if installation.is_suspended {
        Status::Suspended
    } else {
        Status::Active
    }
}

/// What is shown of a connection, by the names that the connector gives it.
fn metadata(installation: &GitHubInstallation) -> Value {
    let login = Some(&installation.account_login).filter(|login| !login.is_empty());
    let login = login.map(|login| ("github_account_login".to_owned(), login.clone().into()));
    let permissions = installation.permissions.iter();
    let permissions = permissions.map(|(name, level)| (format!("permission_{name}"), level.clone().into()));
    Value::Object(permissions.chain(login).collect())
}

/// What an installation may do in a repository of which nothing else is known, by GitHub's levels.
fn may(installation: &GitHubInstallation) -> May {
    let level = |name: &str| installation.permissions.get(name).map(String::as_str);
    May {
        administer: matches!(level("administration"), Some("write" | "admin")),
        push: matches!(level("contents"), Some("write" | "admin")),
        pull: level("contents").is_some(),
    }
}
