//! What crosses a queue: a tagged, versioned envelope around one imperative task.
//!
//! Field names are a wire format: add, never rename; drop a variant one release after its last producer.
//! No credential is ever on a queue.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    clock::Timestamp,
    id::{IntegrationId, OrganizationId, TaskId},
};

/// Amazon SQS takes messages of up to 1 MiB; attributes count too, so the envelope stays a little below.
/// Source: the quotas page of the Amazon SQS developer guide.
pub const MAX_ENVELOPE_BYTES: usize = 1_000_000;

/// Who sent a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Slack's Events API.
    Slack,
    /// Clerk's webhooks.
    Clerk,
    /// GitHub's webhooks.
    #[serde(rename = "github")]
    GitHub,
    /// PagerDuty's webhooks.
    #[serde(rename = "pagerduty")]
    PagerDuty,
    /// Datadog's webhooks.
    Datadog,
}

impl Source {
    /// The name as it stands in the database and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Clerk => "clerk",
            Self::GitHub => "github",
            Self::PagerDuty => "pagerduty",
            Self::Datadog => "datadog",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes two deliveries the same: one effect per key, however often and however it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// Who sent it.
    pub source: Source,
    /// The sender's own name of the thing. For a Slack message it is the post (`team:channel:ts`), not the
    /// event: one post arrives as `app_mention` and as `message`, with two event ids.
    pub key: String,
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.key)
    }
}

/// One message on a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// Names this envelope in logs.
    pub id: TaskId,
    /// What makes it the same as another.
    pub delivery: DeliveryKey,
    /// The sender's own id of the delivery (Slack's `event_id`, Clerk's `svix-id`, GitHub's
    /// `X-GitHub-Delivery`).
    pub event_id: String,
    /// When our door took it.
    pub received_at: Timestamp,
    /// W3C `traceparent` of the request that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What is to be done.
    pub task: Task,
    /// The raw event, for fields that nobody has modelled; left out where it does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Box<RawValue>>,
}

impl Envelope {
    /// Encodes the envelope; leaves the raw event out where the whole would not fit into a queue message.
    ///
    /// # Errors
    /// When even the task alone cannot be written as JSON.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        let whole = serde_json::to_string(self)?;
        if whole.len() <= MAX_ENVELOPE_BYTES || self.raw.is_none() {
            return Ok(whole);
        }
        serde_json::to_string(&Self {
            raw: None,
            ..self.clone()
        })
    }
}

/// What a consumer is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Task {
    /// Answer what somebody said in Slack, if it is addressed to us.
    AnswerSlackMessageV1(SlackMessage),
    /// Slack says that our app was removed from a workspace, or that tokens were revoked.
    ApplySlackLifecycleV1(SlackLifecycle),
    /// Clerk says that a person, an organization, a membership or a session is not what it was.
    ApplyIdentityV1(IdentityChange),
    /// GitHub says that an installation of our App, or what it reaches, is not what it was, or that something happened
    /// there.
    #[serde(rename = "apply_github_v1")]
    ApplyGitHubV1(GitHubEvent),
    /// A third party says that an incident or alert began, or is not what it was.
    ApplyAlertV1(ConnectionAlert),
}

/// How a Slack message reached us; decides whether it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackMessageKind {
    /// Our bot is named in it (an `app_mention`, or a `message` that contains our user id).
    Mention,
    /// Said to our bot alone, in a direct message.
    DirectMessage,
    /// In a thread, without a mention. Answered when InfraGPT takes part in the thread.
    ThreadReply,
    /// At the top level of a channel, without a mention. Answered in watched channels only.
    ChannelMessage,
}

/// A message in Slack, in our words. Field meanings follow Slack's `message` and `app_mention` events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackMessage {
    /// How it reached us.
    pub kind: SlackMessageKind,
    /// The workspace whose installation received the event: the first that is there of `authorizations[0].team_id`,
    /// `context_team_id`, `team_id` and the inner event's `team`. In a shared channel the last two may name somebody
    /// else's workspace, which is why they come last. Absent for an org-wide installation whose event names none.
    pub team_id: Option<String>,
    /// The Enterprise Grid organization, for org-wide installations.
    pub enterprise_id: Option<String>,
    /// True when the installation is org-wide.
    #[serde(default)]
    pub is_enterprise_install: bool,
    /// The channel, `C…`, `G…` or `D…`.
    pub channel: String,
    /// Slack's `channel_type`: `channel`, `group`, `im`, `mpim`. Absent on `app_mention`.
    pub channel_type: Option<String>,
    /// Who wrote it, `U…` or `W…`; absent for messages of other apps.
    pub user: Option<String>,
    /// The other app that wrote it.
    pub bot_id: Option<String>,
    /// Our own user id in that workspace, where the event tells it.
    pub bot_user_id: Option<String>,
    /// The message's own timestamp, which is its id in the channel.
    pub ts: String,
    /// The thread's first message; absent at the top level.
    pub thread_ts: Option<String>,
    /// What was said, with the attachments' text below it, as Slack wrote it (mrkdwn, entities escaped).
    pub text: String,
    /// Files that came along.
    #[serde(default)]
    pub files: Vec<SlackFile>,
}

impl SlackMessage {
    /// The name of the conversation inside its channel: the thread's first message. Everything said at the top
    /// level of a direct message is one conversation, named `im`.
    #[must_use]
    pub fn thread(&self) -> &str {
        match (&self.thread_ts, self.kind) {
            (Some(thread), _) => thread,
            (None, SlackMessageKind::DirectMessage) => DIRECT_MESSAGE_THREAD,
            (None, _) => &self.ts,
        }
    }

    /// The workspace, or for an event without one the Enterprise Grid organization.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.team_id
            .as_deref()
            .or(self.enterprise_id.as_deref())
            .unwrap_or_default()
    }

    /// What must stay in order: one conversation.
    #[must_use]
    pub fn message_group(&self) -> String {
        format!("slack:{}:{}:{}", self.tenant(), self.channel, self.thread())
    }

    /// One post, one effect: the same for a retry and for the `app_mention` and `message` of one post.
    #[must_use]
    pub fn delivery_key(&self) -> DeliveryKey {
        DeliveryKey {
            source: Source::Slack,
            key: format!("{}:{}:{}", self.tenant(), self.channel, self.ts),
        }
    }
}

/// The thread name of what is said at the top level of a direct message.
pub const DIRECT_MESSAGE_THREAD: &str = "im";

/// A file that came with a Slack message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackFile {
    /// Slack's id, `F…`.
    pub id: String,
    /// Title or name, as people see it.
    pub name: String,
    /// MIME type, where Slack tells it.
    pub mimetype: Option<String>,
    /// The beginning of a text file, as far as Slack sends it along.
    pub preview: Option<String>,
}

/// A change of our app's installation in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackLifecycle {
    /// What happened.
    pub change: SlackLifecycleChange,
    /// The workspace; absent for org-wide installations.
    pub team_id: Option<String>,
    /// The Enterprise Grid organization.
    pub enterprise_id: Option<String>,
    /// When it happened, by Slack's clock: later installations are not touched by it.
    pub event_time: Timestamp,
}

/// What happened to an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SlackLifecycleChange {
    /// `app_uninstalled`.
    Uninstalled,
    /// `tokens_revoked`.
    TokensRevoked {
        /// User ids whose user tokens are gone.
        users: Vec<String>,
        /// User ids whose bot tokens are gone.
        bots: Vec<String>,
    },
}

/// What changed at Clerk, in our words. Ids are Clerk's own (`user_…`, `org_…`, `sess_…`), times are by Clerk's clock:
/// of two changes of one thing the later one holds, whichever arrives last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IdentityChange {
    /// A person signed up, or changed.
    UserUpserted(ClerkUser),
    /// A person is gone for good: Clerk gives no id twice.
    UserDeleted {
        /// The person.
        user_id: String,
        /// When.
        at: Timestamp,
    },
    /// An organization was created, or changed.
    OrganizationUpserted(ClerkOrganization),
    /// An organization is gone for good.
    OrganizationDeleted {
        /// The organization.
        organization_id: String,
        /// When.
        at: Timestamp,
    },
    /// A person joined an organization, or may do something else there.
    MembershipUpserted(ClerkMembership),
    /// A person left an organization. May come back, by a later change.
    MembershipDeleted {
        /// The organization.
        organization_id: String,
        /// The person.
        user_id: String,
        /// When.
        at: Timestamp,
    },
    /// A session ended: its tokens must not be taken any more, though they have not expired.
    SessionEnded {
        /// The session.
        session_id: String,
        /// Whose it was.
        user_id: String,
        /// When.
        at: Timestamp,
    },
}

impl IdentityChange {
    /// What must stay in order: the changes of one thing at Clerk.
    #[must_use]
    pub fn message_group(&self) -> String {
        match self {
            Self::UserUpserted(ClerkUser { id: user_id, .. })
            | Self::UserDeleted { user_id, .. }
            | Self::SessionEnded { user_id, .. } => format!("clerk:{user_id}"),
            Self::OrganizationUpserted(ClerkOrganization {
                id: organization_id, ..
            })
            | Self::OrganizationDeleted { organization_id, .. } => format!("clerk:{organization_id}"),
            Self::MembershipUpserted(ClerkMembership {
                organization_id,
                user_id,
                ..
            })
            | Self::MembershipDeleted {
                organization_id,
                user_id,
                ..
            } => format!("clerk:{organization_id}:{user_id}"),
        }
    }
}

/// A person, as Clerk knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClerkUser {
    /// `user_…`.
    pub id: String,
    /// The primary e-mail address; blank for people without one.
    pub email: String,
    /// Given name; blank where there is none.
    pub first_name: String,
    /// Family name; blank where there is none.
    pub last_name: String,
    /// Address of the picture; blank where there is none.
    pub image_url: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An organization, as Clerk knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClerkOrganization {
    /// `org_…`.
    pub id: String,
    /// Name as people see it.
    pub name: String,
    /// Name for addresses; blank in instances that use none.
    pub slug: String,
    /// Who created it, `user_…`; absent for one that was made in Clerk's dashboard.
    pub created_by: Option<String>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// That a person belongs to an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClerkMembership {
    /// The organization.
    pub organization_id: String,
    /// The person.
    pub user_id: String,
    /// What the person may do there.
    pub role: MemberRole,
    /// Since when.
    pub joined_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a member of an organization may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Connect, disconnect, configure, and read the record of who did what.
    Admin,
    /// Everything else.
    Member,
}

/// Clerk's permission that makes admins of those who have it, whatever their role is called.
pub const ADMIN_PERMISSION: &str = "org:infragpt:manage";

impl MemberRole {
    /// The role of somebody whose role at Clerk is `role`, with these permissions. Clerk calls its roles
    /// `org:admin` and `org:member` (in session tokens of version 2 without the beginning); a team may make others, and
    /// give [`ADMIN_PERMISSION`] to those who shall be admins here.
    pub fn of<'a>(role: &str, permissions: impl IntoIterator<Item = &'a str>) -> Self {
        let is_admin = matches!(role, "org:admin" | "admin")
            || permissions
                .into_iter()
                .any(|permission| permission == ADMIN_PERMISSION);
        if is_admin { Self::Admin } else { Self::Member }
    }

    /// The name as it stands in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

/// What GitHub tells of one installation of our App. Times are by GitHub's clock: of two changes of one thing the later
/// one holds, whichever arrives last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHubEvent {
    /// GitHub's number of the installation.
    pub installation_id: i64,
    /// SHA-256 of the delivery's body, as hexadecimal digits. Nobody signs the id of a delivery, so what was sent once
    /// can come again under another one; it is the same by its body.
    pub body_sha256: String,
    /// What is not as it was.
    pub change: GitHubChange,
}

impl GitHubEvent {
    /// What must stay in order: the changes of one installation.
    #[must_use]
    pub fn message_group(&self) -> String {
        format!("github:{}", self.installation_id)
    }

    /// What makes another delivery of the same body the same.
    #[must_use]
    pub fn body_key(&self) -> DeliveryKey {
        DeliveryKey {
            source: Source::GitHub,
            key: format!("sha256:{}", self.body_sha256),
        }
    }
}

/// What happened to an installation, or where it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GitHubChange {
    /// Our App was installed.
    InstallationCreated(GitHubInstallation),
    /// It was removed, for good: GitHub gives no number twice.
    InstallationDeleted(GitHubInstallation),
    /// It was put on hold.
    InstallationSuspended(GitHubInstallation),
    /// It is on hold no longer.
    InstallationUnsuspended(GitHubInstallation),
    /// It may do other things than before.
    PermissionsAccepted(GitHubInstallation),
    /// It reaches other repositories than before.
    RepositoriesChanged(GitHubRepositoriesChange),
    /// A repository that it reaches was created, or is not as it was.
    RepositoryChanged(GitHubRepository),
    /// A repository that it reached is gone.
    RepositoryDeleted {
        /// GitHub's number of the repository.
        id: i64,
        /// When it last changed.
        at: Timestamp,
    },
    /// Something happened in a repository that it reaches.
    Happened(GitHubActivity),
}

/// An installation, as an event shows it: all of it, whatever the event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHubInstallation {
    /// GitHub's number of the account that it is on.
    pub account_id: i64,
    /// Name of that account.
    pub account_login: String,
    /// What that account is, in GitHub's word: `User`, `Organization`, `Enterprise`.
    pub account_type: String,
    /// Whether it is on hold.
    pub is_suspended: bool,
    /// What it may do: GitHub's levels (`read`, `write`, `admin`) by GitHub's names (`contents`, `checks`).
    pub permissions: BTreeMap<String, String>,
    /// When it last changed.
    pub at: Timestamp,
}

/// Which repositories an installation reaches in addition, and which no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHubRepositoriesChange {
    /// The installation.
    pub installation: GitHubInstallation,
    /// Where GitHub is for people: what stands before owner and name in the address of a repository.
    pub site: String,
    /// What it reaches in addition.
    pub added: Vec<GitHubRepositoryName>,
    /// The numbers of those that it reaches no longer.
    pub removed: Vec<i64>,
    /// False when there were more than an envelope takes: then only reading all of them helps.
    pub is_complete: bool,
}

/// A repository, as far as a list of them tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHubRepositoryName {
    /// GitHub's number of it.
    pub id: i64,
    /// Owner and name.
    pub full_name: String,
    /// True when only members see it.
    pub is_private: bool,
}

/// A repository, as an event of its own shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHubRepository {
    /// GitHub's number of it.
    pub id: i64,
    /// GitHub's number of the account that owns it.
    pub owner_id: i64,
    /// Name without the owner.
    pub name: String,
    /// Owner and name.
    pub full_name: String,
    /// Its page.
    pub url: String,
    /// True when only members see it.
    pub is_private: bool,
    /// What else is told; absent where not all of it is.
    pub details: Option<GitHubRepositoryDetails>,
    /// When it last changed.
    pub at: Timestamp,
}

/// What else is told of a repository. What is absent here is not there at GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHubRepositoryDetails {
    /// Its default branch.
    pub default_branch: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its main language.
    pub language: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When it was last pushed to.
    pub pushed_at: Option<Timestamp>,
}

/// What happens in repositories, by GitHub's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitHubActivityEvent {
    /// Commits were pushed.
    Push,
    /// A pull request.
    PullRequest,
    /// An issue.
    Issues,
    /// A comment on an issue or pull request.
    IssueComment,
    /// A run of a workflow.
    WorkflowRun,
    /// A run of a check.
    CheckRun,
    /// A deployment got another state.
    DeploymentStatus,
    /// A release.
    Release,
}

impl GitHubActivityEvent {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Push,
        Self::PullRequest,
        Self::Issues,
        Self::IssueComment,
        Self::WorkflowRun,
        Self::CheckRun,
        Self::DeploymentStatus,
        Self::Release,
    ];

    /// GitHub's name, as it stands in `X-GitHub-Event`, in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::PullRequest => "pull_request",
            Self::Issues => "issues",
            Self::IssueComment => "issue_comment",
            Self::WorkflowRun => "workflow_run",
            Self::CheckRun => "check_run",
            Self::DeploymentStatus => "deployment_status",
            Self::Release => "release",
        }
    }
}

/// Something that happened in a repository. No text beyond its title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitHubActivity {
    /// What happened.
    pub event: GitHubActivityEvent,
    /// What became of it, in GitHub's word, such as `opened` or `failure`; blank where there is none.
    pub action: String,
    /// What makes two tellings of it the same.
    pub key: String,
    /// GitHub's number of the repository.
    pub repository_id: i64,
    /// Owner and name of the repository.
    pub repository: String,
    /// What people call it.
    pub title: String,
    /// Who did it, by their name at GitHub.
    pub actor: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// News of an alert, by way of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionAlert {
    /// Whose connection it is.
    pub organization: OrganizationId,
    /// The connection that told of it.
    pub integration: IntegrationId,
    /// The alert as it stands now.
    pub alert: Alert,
}

impl ConnectionAlert {
    /// What must stay in order: the news of one alert.
    #[must_use]
    pub fn message_group(&self) -> String {
        format!("alert:{}:{}", self.integration, self.alert.dedupe_key)
    }
}

/// An incident or alert as it stands, in our words: PagerDuty's incidents and Datadog's monitors and events alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The third party's id of it, in the connection: all news with the same one is of one alert. At most
    /// [`MAX_KEY`](Self::MAX_KEY) characters of ASCII.
    pub dedupe_key: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Where it stands.
    pub state: AlertState,
    /// What people call it; plain text of at most [`MAX_TITLE`](Self::MAX_TITLE) characters.
    pub title: String,
    /// What it is about, such as the name of a service.
    pub service: Option<String>,
    /// Its page, `https://…`.
    pub url: Option<String>,
    /// When it became what it is here, by the third party's clock: older news changes nothing.
    pub updated_at: Timestamp,
}

impl Alert {
    /// The most characters of a dedupe key. A message group of SQS takes 128 with all that stands before it.
    pub const MAX_KEY: usize = 64;
    /// The most characters of a title.
    pub const MAX_TITLE: usize = 300;
}

/// How bad an alert is. The order is that of the words: the worst is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSeverity {
    /// Somebody has to act at once.
    Critical,
    /// Somebody has to act.
    High,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Info,
}

impl AlertSeverity {
    /// All there are, the worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Warning, Self::Info];

    /// The word as it stands in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has it yet.
    Triggered,
    /// Somebody is on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl AlertState {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Triggered, Self::Acknowledged, Self::Resolved];

    /// The word as it stands in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}
