//! What happens in repositories: a title, who, where and when, and nothing that somebody wrote beyond that.

use std::fmt::Display;

use serde::Deserialize;

use super::{
    fit::Parts,
    wire::{Actor, Id, Line, Moment, Place, Url, Word},
};
use crate::{
    clock::Timestamp,
    json::JsonError,
    task::{GitHubActivity, GitHubActivityEvent},
};

/// A title.
type Title = Line<200>;

/// What is told of one activity, beside where it happened and who did it.
struct Told {
    action: String,
    key: String,
    title: String,
    url: Option<String>,
    at: Timestamp,
}

/// Reads an activity; nothing when `event` is none.
pub(super) fn read(
    event: &str,
    parts: &Parts<'_>,
    received_at: Timestamp,
) -> Result<Option<GitHubActivity>, JsonError> {
    let known = GitHubActivityEvent::ALL
        .into_iter()
        .find(|known| known.as_str() == event);
    let Some(event) = known else {
        return Ok(None);
    };
    let place: Place = parts.get("repository")?;
    let told = match event {
        GitHubActivityEvent::Push => push(parts, &place, received_at)?,
        GitHubActivityEvent::PullRequest => pull_request(parts)?,
        GitHubActivityEvent::Issues => issue(parts)?,
        GitHubActivityEvent::IssueComment => comment(parts)?,
        GitHubActivityEvent::WorkflowRun => workflow_run(parts)?,
        GitHubActivityEvent::CheckRun => check_run(parts, received_at)?,
        GitHubActivityEvent::DeploymentStatus => deployment_status(parts)?,
        GitHubActivityEvent::Release => release(parts, received_at)?,
    };
    let actor: Option<Actor> = parts.find("sender")?;
    Ok(Some(GitHubActivity {
        event,
        action: told.action,
        key: told.key,
        repository_id: place.id.0,
        repository: place.full_name.0,
        title: told.title,
        actor: actor.map(|actor| actor.login.0).filter(|login| !login.is_empty()),
        url: told.url,
        at: told.at,
    }))
}

/// A key of something that can be told several times, each time of another state.
fn key(event: GitHubActivityEvent, id: Id, action: &str, state: impl Display) -> String {
    format!("{}:{}:{action}:{state}", event.as_str(), id.0)
}

fn push(parts: &Parts<'_>, place: &Place, received_at: Timestamp) -> Result<Told, JsonError> {
    #[derive(Deserialize)]
    struct Commit {
        id: Line<64>,
        message: Title,
    }

    let reference: Line<300> = parts.get("ref")?;
    let before: Line<64> = parts.get("before")?;
    let after: Line<64> = parts.get("after")?;
    let flag = |name| parts.find::<bool>(name).map(|flag| flag == Some(true));
    let action = match (flag("created")?, flag("deleted")?, flag("forced")?) {
        (true, _, _) => "created",
        (_, true, _) => "deleted",
        (_, _, true) => "forced",
        _ => "",
    };
    let head: Option<Commit> = parts.find("head_commit")?;
    let compare: Option<Url> = parts.find("compare")?;

    let branch = reference
        .as_str()
        .trim_start_matches("refs/heads/")
        .trim_start_matches("refs/tags/");
    // Of what a commit says its first line is what people call it; the rest stays where it is.
    let title = match &head {
        Some(head) => format!("{branch}: {}", head.message.as_str()),
        None => branch.to_owned(),
    };
    let commit_url = || {
        let head = head.as_ref()?;
        let url = place.html_url.0.as_ref()?;
        Some(format!("{url}/commit/{}", head.id.as_str()))
    };
    Ok(Told {
        action: action.to_owned(),
        key: format!("push:{}:{}:{}", reference.as_str(), before.as_str(), after.as_str()),
        title: title.chars().take(200).collect(),
        url: compare.and_then(|url| url.0).or_else(commit_url),
        // A commit has the time of whoever made it, which may be any.
        at: place.pushed_at.map_or(received_at, |moment| moment.0),
    })
}

fn pull_request(parts: &Parts<'_>) -> Result<Told, JsonError> {
    #[derive(Deserialize)]
    struct PullRequest {
        id: Id,
        number: i64,
        title: Title,
        html_url: Url,
        merged: Option<bool>,
        updated_at: Moment,
    }

    let action: Word = parts.get("action")?;
    let pull_request: PullRequest = parts.get("pull_request")?;
    let became = match (action.as_str(), pull_request.merged) {
        ("closed", Some(true)) => "merged".to_owned(),
        _ => action.0.clone(),
    };
    Ok(Told {
        key: key(
            GitHubActivityEvent::PullRequest,
            pull_request.id,
            action.as_str(),
            pull_request.updated_at.0.timestamp_millis(),
        ),
        action: became,
        title: numbered(pull_request.number, &pull_request.title),
        url: pull_request.html_url.0,
        at: pull_request.updated_at.0,
    })
}

#[derive(Deserialize)]
struct Issue {
    id: Id,
    number: i64,
    title: Title,
    html_url: Url,
    updated_at: Moment,
}

fn issue(parts: &Parts<'_>) -> Result<Told, JsonError> {
    let action: Word = parts.get("action")?;
    let issue: Issue = parts.get("issue")?;
    Ok(Told {
        key: key(
            GitHubActivityEvent::Issues,
            issue.id,
            action.as_str(),
            issue.updated_at.0.timestamp_millis(),
        ),
        action: action.0,
        title: numbered(issue.number, &issue.title),
        url: issue.html_url.0,
        at: issue.updated_at.0,
    })
}

/// What a comment is on, and never what it says.
fn comment(parts: &Parts<'_>) -> Result<Told, JsonError> {
    #[derive(Deserialize)]
    struct Comment {
        id: Id,
        html_url: Url,
        updated_at: Moment,
    }

    let action: Word = parts.get("action")?;
    let issue: Issue = parts.get("issue")?;
    let comment: Comment = parts.get("comment")?;
    Ok(Told {
        key: key(
            GitHubActivityEvent::IssueComment,
            comment.id,
            action.as_str(),
            comment.updated_at.0.timestamp_millis(),
        ),
        action: action.0,
        title: numbered(issue.number, &issue.title),
        url: comment.html_url.0,
        // A comment that was deleted has the time at which it was last changed, and its issue has that of the deletion.
        at: comment.updated_at.max(issue.updated_at).0,
    })
}

fn workflow_run(parts: &Parts<'_>) -> Result<Told, JsonError> {
    #[derive(Deserialize)]
    struct Run {
        id: Id,
        #[serde(rename = "run_attempt")]
        attempt: Option<i64>,
        name: Option<Title>,
        display_title: Option<Title>,
        conclusion: Option<Word>,
        html_url: Url,
        updated_at: Moment,
    }

    let action: Word = parts.get("action")?;
    let run: Run = parts.get("workflow_run")?;
    let title = match (run.name, run.display_title) {
        (Some(name), Some(title)) => format!("{}: {}", name.as_str(), title.as_str()),
        (name, title) => name.or(title).unwrap_or_default().0,
    };
    Ok(Told {
        key: key(
            GitHubActivityEvent::WorkflowRun,
            run.id,
            action.as_str(),
            run.attempt.unwrap_or(1),
        ),
        action: run.conclusion.unwrap_or(action).0,
        title: title.chars().take(200).collect(),
        url: run.html_url.0,
        at: run.updated_at.0,
    })
}

fn check_run(parts: &Parts<'_>, received_at: Timestamp) -> Result<Told, JsonError> {
    #[derive(Deserialize)]
    struct Run {
        id: Id,
        name: Title,
        status: Option<Word>,
        conclusion: Option<Word>,
        html_url: Url,
        started_at: Option<Moment>,
        completed_at: Option<Moment>,
    }

    let action: Word = parts.get("action")?;
    let run: Run = parts.get("check_run")?;
    let at = run.completed_at.or(run.started_at);
    let state = run.status.unwrap_or_default().0;
    Ok(Told {
        key: key(
            GitHubActivityEvent::CheckRun,
            run.id,
            action.as_str(),
            format!("{state}:{}", at.map_or(0, |at| at.0.timestamp_millis())),
        ),
        action: run.conclusion.unwrap_or(action).0,
        title: run.name.0,
        url: run.html_url.0,
        at: at.map_or(received_at, |at| at.0),
    })
}

fn deployment_status(parts: &Parts<'_>) -> Result<Told, JsonError> {
    #[derive(Deserialize)]
    struct Status {
        id: Id,
        state: Word,
        #[serde(default)]
        target_url: Url,
        updated_at: Moment,
    }
    #[derive(Deserialize)]
    struct Deployment {
        environment: Option<Line<100>>,
        #[serde(rename = "ref")]
        reference: Option<Line<100>>,
    }

    let status: Status = parts.get("deployment_status")?;
    let deployment: Deployment = parts.get("deployment")?;
    let words: Vec<_> = [deployment.environment, deployment.reference]
        .into_iter()
        .flatten()
        .map(|word| word.0)
        .filter(|word| !word.is_empty())
        .collect();
    Ok(Told {
        key: key(
            GitHubActivityEvent::DeploymentStatus,
            status.id,
            status.state.as_str(),
            status.updated_at.0.timestamp_millis(),
        ),
        action: status.state.0,
        title: words.join(": "),
        url: status.target_url.0,
        at: status.updated_at.0,
    })
}

fn release(parts: &Parts<'_>, received_at: Timestamp) -> Result<Told, JsonError> {
    #[derive(Deserialize)]
    struct Release {
        id: Id,
        name: Option<Title>,
        tag_name: Title,
        html_url: Url,
        created_at: Option<Moment>,
        published_at: Option<Moment>,
        updated_at: Option<Moment>,
    }

    let action: Word = parts.get("action")?;
    let release: Release = parts.get("release")?;
    // `created_at` is when the commit was made: it helps where there is nothing else.
    let at = release
        .updated_at
        .max(release.published_at)
        .or(release.created_at)
        .map_or(received_at, |at| at.0);
    Ok(Told {
        key: key(
            GitHubActivityEvent::Release,
            release.id,
            action.as_str(),
            at.timestamp_millis(),
        ),
        action: action.0,
        title: release
            .name
            .filter(|name| !name.as_str().is_empty())
            .unwrap_or(release.tag_name)
            .0,
        url: release.html_url.0,
        at,
    })
}

/// As people name issues and pull requests: the number, and the title.
fn numbered(number: i64, title: &Title) -> String {
    format!("#{number} {}", title.as_str())
}
