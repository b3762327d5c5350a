//! GitHub's webhooks in our words.
//!
//! Parsed by our own structs, which take what they use and nothing else. GitHub has some seventy events and adds more at
//! any time: what we do not use is [`GitHubDelivery::Ignored`], never an error.
//! Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>.
//!
//! To use one more event, give it an arm in `parse`, the fields that it needs in `wire`, and in `fit` the keys by which its
//! body is told from others.

mod activity;
mod fit;
mod wire;

use aws_lc_rs::digest;
use serde::Deserialize;

use self::{
    fit::Parts,
    wire::{Installation, InstallationId, ListedRepository, Repository, Word},
};
use crate::{
    clock::Timestamp,
    json::JsonError,
    task::{GitHubChange, GitHubEvent, GitHubRepositoriesChange},
};

/// How many repositories one event may name here. GitHub names as many as an account has; an envelope takes this many,
/// whatever they are called.
pub const MAX_REPOSITORIES: usize = 3_000;

/// What a webhook of GitHub's says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitHubDelivery {
    /// Something is not as it was.
    Told(GitHubEvent),
    /// Nothing that we use.
    Ignored {
        /// Why.
        reason: &'static str,
    },
}

/// Reads the delivery of an event that is said to be called `event`; asks nobody.
///
/// The name of an event is not signed, so the body must have what bodies of that name have, and nothing by which those of
/// another name are known.
///
/// # Errors
/// [`JsonError`] for a body that is not what GitHub sends under that name.
pub fn parse(event: &str, body: &[u8], received_at: Timestamp) -> Result<GitHubDelivery, JsonError> {
    let Some(fit) = fit::of(event) else {
        return Ok(ignored("not an event that we use"));
    };
    let parts = Parts::read(body)?;
    parts.fit(fit)?;

    let (installation_id, change) = match event {
        "installation" => {
            let installation: Installation = parts.get("installation")?;
            let action: Word = parts.get("action")?;
            let kind: fn(_) -> _ = match action.as_str() {
                "created" => GitHubChange::InstallationCreated,
                "deleted" => GitHubChange::InstallationDeleted,
                "suspend" => GitHubChange::InstallationSuspended,
                "unsuspend" => GitHubChange::InstallationUnsuspended,
                "new_permissions_accepted" => GitHubChange::PermissionsAccepted,
                _ => return Ok(ignored("not an action that we use")),
            };
            (installation.id.0, kind(installation.into()))
        }
        "installation_repositories" => {
            let installation: Installation = parts.get("installation")?;
            let id = installation.id.0;
            (id, GitHubChange::RepositoriesChanged(repositories(&parts, installation)?))
        }
        "repository" => {
            let InstallationId { id } = parts.get("installation")?;
            let action: Word = parts.get("action")?;
            let repository: Repository = parts.get("repository")?;
            let change = match action.as_str() {
                "deleted" => GitHubChange::RepositoryDeleted {
                    id: repository.id.0,
                    at: repository.updated_at.0,
                },
                "created" | "archived" | "unarchived" | "edited" | "renamed" | "transferred" | "publicized"
                | "privatized" => GitHubChange::RepositoryChanged(repository.into()),
                _ => return Ok(ignored("not an action that we use")),
            };
            (id.0, change)
        }
        _ => {
            let InstallationId { id } = parts.get("installation")?;
            let Some(happened) = activity::read(event, &parts, received_at)? else {
                return Ok(ignored("not an event that we use"));
            };
            (id.0, GitHubChange::Happened(happened))
        }
    };
    Ok(GitHubDelivery::Told(GitHubEvent {
        installation_id,
        body_sha256: hex::encode(digest::digest(&digest::SHA256, body)),
        change,
    }))
}

const fn ignored(reason: &'static str) -> GitHubDelivery {
    GitHubDelivery::Ignored { reason }
}

/// What an installation reaches in addition, and what no longer; as much of it as an envelope takes.
fn repositories(parts: &Parts<'_>, installation: Installation) -> Result<GitHubRepositoriesChange, JsonError> {
    #[derive(Deserialize)]
    struct Removed {
        id: wire::Id,
    }

    let mut added: Vec<ListedRepository> = parts.get("repositories_added")?;
    let mut removed: Vec<Removed> = parts.get("repositories_removed")?;
    let count = added.len() + removed.len();
    // What is reached no longer matters more than what is reached in addition.
    removed.truncate(MAX_REPOSITORIES);
    added.truncate(MAX_REPOSITORIES - removed.len());
    Ok(GitHubRepositoriesChange {
        site: installation.site(),
        installation: installation.into(),
        added: added.into_iter().map(Into::into).collect(),
        removed: removed.into_iter().map(|removed| removed.id.0).collect(),
        is_complete: count <= MAX_REPOSITORIES,
    })
}
