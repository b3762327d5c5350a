//! Whether a body is one of the event that it is said to be of.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{self, JsonError};

/// The keys of a body by which its event is known. Those that bodies of all events may have (`action`, `sender`,
/// `organization`, `changes` and the like) are not among them.
const SUBJECTS: [&str; 62] = [
    "account",
    "alert",
    "answer",
    "blocked_issue",
    "blocked_user",
    "blocking_issue",
    "branches",
    "build",
    "check_run",
    "check_suite",
    "client_payload",
    "comment",
    "commits",
    "definition",
    "deployment",
    "deployment_callback_url",
    "deployment_status",
    "discussion",
    "forkee",
    "head_commit",
    "hook",
    "inputs",
    "invitation",
    "issue",
    "key",
    "label",
    "location",
    "marketplace_purchase",
    "member",
    "membership",
    "merge_group",
    "milestone",
    "new_property_values",
    "number",
    "package",
    "pages",
    "parent_issue",
    "personal_access_token_request",
    "project",
    "project_card",
    "project_column",
    "projects_v2",
    "projects_v2_item",
    "projects_v2_status_update",
    "pull_request",
    "ref",
    "registry_package",
    "release",
    "repositories_added",
    "repositories_removed",
    "repository_advisory",
    "repository_ruleset",
    "review",
    "rule",
    "security_advisory",
    "sponsorship",
    "starred_at",
    "sub_issue",
    "team",
    "thread",
    "workflow_job",
    "zen",
];
/// The same, of bodies that other events' bodies may have beside their own: a deployment is made by a run.
const OFTEN_BESIDE: [&str; 2] = ["workflow", "workflow_run"];

/// By what the bodies of one event are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    /// What they have.
    required: &'static [&'static str],
    /// What they may have, though it is another event's subject as well.
    optional: &'static [&'static str],
}

/// By what the bodies of an event that we use are known; nothing for one that we do not use.
pub(super) fn of(event: &str) -> Option<Fit> {
    let fit = |required, optional| Some(Fit { required, optional });
    match event {
        "installation" => fit(&["action", "installation"], &[]),
        "installation_repositories" => fit(
            &["action", "installation", "repositories_added", "repositories_removed"],
            &[],
        ),
        "repository" => fit(&["action", "repository", "installation"], &[]),
        "push" => fit(
            &["ref", "before", "after", "commits", "repository", "installation"],
            &["head_commit"],
        ),
        "pull_request" => fit(
            &["action", "number", "pull_request", "repository", "installation"],
            &["label", "milestone"],
        ),
        "issues" => fit(
            &["action", "issue", "repository", "installation"],
            &["label", "milestone"],
        ),
        "issue_comment" => fit(&["action", "issue", "comment", "repository", "installation"], &[]),
        "workflow_run" => fit(
            &["action", "workflow_run", "repository", "installation"],
            &["workflow"],
        ),
        "check_run" => fit(&["action", "check_run", "repository", "installation"], &[]),
        "deployment_status" => fit(
            &["deployment_status", "deployment", "repository", "installation"],
            &["check_run", "workflow", "workflow_run"],
        ),
        "release" => fit(&["action", "release", "repository", "installation"], &[]),
        _ => None,
    }
}

/// A body, by its keys; what stands there is read when it is asked for.
pub(super) struct Parts<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Parts<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, JsonError> {
        json::read(body).map(Self)
    }

    /// What stands at `name`.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<T, JsonError> {
        json::read_member(name, self.0.get(name).copied())
    }

    /// What stands at `name`, if anything does.
    pub(super) fn find<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, JsonError> {
        match self.0.get(name) {
            Some(part) => json::read_member(name, Some(part)),
            None => Ok(None),
        }
    }

    /// Refuses a body that is not one of this event, or could be one of another.
    pub(super) fn fit(&self, fit: Fit) -> Result<(), JsonError> {
        let is_there = |name: &str| self.0.get(name).is_some_and(|part| part.get() != "null");
        if let Some(name) = fit.required.iter().find(|name| !is_there(name)) {
            return Err(JsonError::at(*name, "is missing"));
        }
        let is_own = |name: &&&str| fit.required.contains(name) || fit.optional.contains(name);
        let mut others = SUBJECTS.iter().chain(&OFTEN_BESIDE);
        match others.find(|name| self.0.contains_key(**name) && !is_own(name)) {
            Some(name) => Err(JsonError::at(*name, "belongs to another event")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subjects_are_in_order_and_every_event_is_known_by_one_of_its_own() {
        assert!(SUBJECTS.is_sorted());
        for event in [
            "installation_repositories",
            "push",
            "pull_request",
            "issues",
            "issue_comment",
            "workflow_run",
            "check_run",
            "deployment_status",
            "release",
        ] {
            let fit = of(event).expect("we use it");
            let own = fit
                .required
                .iter()
                .find(|name| SUBJECTS.contains(name) || OFTEN_BESIDE.contains(name));
            assert!(own.is_some(), "{event}");
        }
        assert!(of("star").is_none());
        assert!(of("Push").is_none());
    }
}
