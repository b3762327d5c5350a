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
    Told(Box<GitHubEvent>),
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
    Ok(GitHubDelivery::Told(Box::new(GitHubEvent {
        installation_id,
        body_sha256: hex::encode(digest::digest(&digest::SHA256, body)),
        change,
    })))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(event: &str, body: &Value) -> Result<GitHubDelivery, JsonError> {
        parse(event, body.to_string().as_bytes(), Timestamp::UNIX_EPOCH)
    }

    fn change(event: &str, body: &Value) -> GitHubChange {
        match told(event, body) {
            Ok(GitHubDelivery::Told(event)) => event.change,
            other => panic!("{event}: {other:?}"),
        }
    }

    /// A body of each event that we use, with what it must have.
    fn bodies() -> Vec<(&'static str, Value)> {
        let repository = json!({
            "id": 7, "full_name": "octo-org/infra", "private": true, "html_url": "https://github.com/octo-org/infra",
            "owner": {"id": 2}, "updated_at": "2024-05-28T08:00:00Z", "pushed_at": 1_716_883_200,
            "default_branch": "main", "description": "what runs", "language": null,
        });
        let installation = json!({
            "id": 5, "updated_at": 1_716_883_200, "suspended_at": null, "permissions": {"contents": "read"},
            "account": {"id": 2, "login": "octo-org", "type": "Organization", "html_url": "https://github.com/octo-org"},
        });
        let issue = json!({
            "id": 9, "number": 3, "title": "It is slow", "body": "hunter2",
            "html_url": "https://github.com/octo-org/infra/issues/3", "updated_at": "2024-05-28T08:00:00Z",
        });
        let run = json!({
            "id": 11, "name": "build", "status": "completed", "conclusion": "failure", "html_url": "https://github.com/run",
            "updated_at": "2024-05-28T08:00:00Z", "completed_at": "2024-05-28T08:00:00Z",
        });
        let happened = |more: Value| {
            let mut body = json!({
                "action": "created", "repository": repository, "installation": {"id": 5}, "sender": {"login": "octocat"},
            });
            if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
                body.extend(more.clone());
            }
            body
        };
        vec![
            ("installation", json!({"action": "created", "installation": installation})),
            (
                "installation_repositories",
                json!({
                    "action": "added", "installation": installation, "repositories_removed": [{"id": 8}],
                    "repositories_added": [{"id": 7, "full_name": "octo-org/infra", "private": true}],
                }),
            ),
            ("repository", happened(json!({}))),
            (
                "push",
                happened(json!({
                    "ref": "refs/heads/main", "before": "a", "after": "b", "commits": [],
                    "head_commit": {"id": "b", "message": "Fix it\n\nhunter2"},
                })),
            ),
            ("pull_request", happened(json!({"number": 3, "pull_request": issue}))),
            ("issues", happened(json!({"issue": issue}))),
            ("issue_comment", happened(json!({"issue": issue, "comment": issue}))),
            ("workflow_run", happened(json!({"workflow_run": run, "workflow": {}}))),
            ("check_run", happened(json!({"check_run": run}))),
            (
                "deployment_status",
                happened(json!({
                    "deployment": {"environment": "production"},
                    "deployment_status": {"id": 12, "state": "success", "updated_at": "2024-05-28T08:00:00Z"},
                })),
            ),
            (
                "release",
                happened(json!({"release": {
                    "id": 13, "tag_name": "v1", "body": "hunter2", "html_url": "https://github.com/release",
                    "published_at": "2024-05-28T08:00:00Z",
                }})),
            ),
        ]
    }

    #[test]
    fn a_body_is_taken_under_the_name_of_its_event_and_refused_under_every_other_that_we_use() {
        for (event, body) in bodies() {
            change(event, &body);
            for (other, _) in bodies() {
                let read = told(other, &body);
                assert_eq!(read.is_ok(), other == event, "{event} as {other}: {read:?}");
            }
        }
    }

    #[test]
    fn no_text_beyond_a_title_is_taken_along() {
        for (event, body) in bodies() {
            let task = serde_json::to_string(&change(event, &body)).expect("JSON");
            assert!(!task.contains("hunter2"), "{event}: {task}");
        }
    }

    #[test]
    fn an_event_or_an_action_that_we_do_not_use_is_no_fault() {
        for event in ["ping", "star", "sub_issues", "an_event_of_tomorrow"] {
            assert!(matches!(told(event, &json!([])), Ok(GitHubDelivery::Ignored { .. })), "{event}");
        }
        for (event, mut body) in bodies().into_iter().filter(|(event, _)| matches!(*event, "installation" | "repository")) {
            body["action"] = json!("of_tomorrow");
            assert!(matches!(told(event, &body), Ok(GitHubDelivery::Ignored { .. })), "{event}");
        }
    }

    #[test]
    fn the_times_of_an_installation_may_be_numbers_or_texts() {
        let (_, mut body) = bodies().swap_remove(0);
        let number = change("installation", &body);
        body["installation"]["updated_at"] = json!("2024-05-28T10:00:00.000+02:00");
        assert_eq!(change("installation", &body), number);
    }

    #[test]
    fn more_repositories_than_an_envelope_takes_are_cut_and_said_to_be() {
        let (_, mut body) = bodies().swap_remove(1);
        let name = format!("{}/{}", "o".repeat(39), "r".repeat(100));
        let last = u64::try_from(i64::MAX).expect("positive");
        let many: Vec<_> = (last - 3_004..=last)
            .map(|id| json!({"id": id, "full_name": name, "private": false}))
            .collect();
        assert!(many.len() > MAX_REPOSITORIES);
        body["repositories_added"] = many.into();
        let cut = change("installation_repositories", &body);
        let GitHubChange::RepositoriesChanged(change) = &cut else {
            panic!("{cut:?}")
        };
        assert!(!change.is_complete);
        assert_eq!((change.added.len(), change.removed.len()), (MAX_REPOSITORIES - 1, 1));
        let text = serde_json::to_string(&cut).expect("JSON");
        assert!(text.len() < crate::task::MAX_ENVELOPE_BYTES - 10_000, "{}", text.len());
    }
}
