//! Google Cloud: a service account in a project there, and what it can see.
//!
//! What is filled in is a whole file, which `key` takes apart and trusts in nothing. The calls are in `api`. A role that
//! the assistant needs is a line in [`ROLES`].

mod api;
#[cfg(feature = "test-support")]
pub mod fake;
mod key;
#[cfg(all(test, feature = "test-support"))]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::{
    api::{Cluster, Clusters, GcpApi, Seen},
    key::{KeyError, ServiceAccountKey},
};
use super::contract::{
    Account, Capability, Checked, Connection, Connector, ConnectorError, Descriptor, Earlier, Field, Lack, Linked, Method, Parts,
    Presence, Remedy, Returned, Secrecy, SetupError, Start, Started, Way, exposed,
};
use crate::{clock::SharedClock, config::Env, http::client::UrlError};

/// A role that the service account is to be granted.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// Its name at Google.
    pub name: &'static str,
    /// What it is needed for.
    pub why: &'static str,
    /// Permissions that whoever has all of them can do what the role is needed for: they are what is asked about, since
    /// the same may come from a wider role, through a group, from a folder, or from a role of the organization's own.
    pub permissions: &'static [&'static str],
}

/// What the service account is to be granted, in the project, for all that the assistant looks at.
pub const ROLES: &[Role] = &[
    Role {
        name: "roles/viewer",
        why: "See which resources there are and how they are configured.",
        permissions: &["compute.instances.list", "run.services.list"],
    },
    Role {
        name: "roles/container.clusterViewer",
        why: "Find the GKE clusters and connect to them.",
        permissions: &["container.clusters.get", "container.clusters.list"],
    },
    Role {
        name: "roles/container.viewer",
        why: "See what runs in the GKE clusters: deployments, pods and their events.",
        permissions: &["container.pods.list", "container.events.list"],
    },
    Role {
        name: "roles/logging.viewer",
        why: "Read logs.",
        permissions: &["logging.logEntries.list"],
    },
    Role {
        name: "roles/monitoring.viewer",
        why: "Read metrics and alerts.",
        permissions: &["monitoring.timeSeries.list"],
    },
    Role {
        name: "roles/cloudtrace.user",
        why: "Read traces.",
        permissions: &["cloudtrace.traces.list"],
    },
];

/// The APIs that are to be enabled in the project; the one of GKE is not needed where there are no clusters.
const APIS: &[&str] = &["cloudresourcemanager.googleapis.com", "container.googleapis.com"];

/// How many clusters are named at once.
const NAMED: usize = 50;

/// What is shown about the cluster that was chosen. The assistant's clients read these names.
const CLUSTER_NAME: &str = "gke_cluster_name";
const CLUSTER_ZONE: &str = "gke_cluster_zone";
const CLUSTER_REGION: &str = "gke_cluster_region";

const DESCRIPTOR: Descriptor = Descriptor {
    name: "Google Cloud",
    description: "Let the assistant see what runs in a project: resources, GKE clusters, logs, metrics and traces.",
    method: Method::Form,
    capabilities: &[Capability::Infrastructure],
    ways: &[Way {
        name: "service_account",
        label: "Service account key",
        warning: None,
        fields: &[
            Field {
                name: "service_account_json",
                label: "Service account key (JSON)",
                secrecy: Secrecy::Secret,
                presence: Presence::Required,
                pattern: None,
                options: &[],
                max_length: 16 * 1024,
                help: "The whole file, unchanged. The account needs roles that only read.",
                find: "IAM & Admin, Service Accounts, the account, Keys, Add key, Create new key, JSON.",
            },
            Field {
                name: "cluster",
                label: "GKE cluster",
                secrecy: Secrecy::Shown,
                presence: Presence::Optional,
                pattern: Some("[a-z][a-z0-9-]{0,62}/[a-z][a-z0-9-]{0,62}"),
                options: &[],
                max_length: 127,
                help: "The cluster to use, as location/name, such as europe-west1/prod. Not needed where there is only one.",
                find: "Kubernetes Engine, Clusters: the columns Location and Name.",
            },
        ],
    }],
    code_field: Some("service_account_json"),
    documentation: "https://cloud.google.com/iam/docs/keys-create-delete",
};

/// The connector.
#[derive(Debug)]
pub struct Gcp {
    api: GcpApi,
    clock: SharedClock,
}

/// What somebody filled in.
#[derive(Debug, Deserialize)]
pub struct GcpInput {
    service_account_json: SecretString,
    #[serde(default)]
    cluster: Option<String>,
}

/// What opens a connection; sealed by the vault. Field names are a stored format: add, never rename.
#[derive(Debug, Serialize, Deserialize)]
pub struct GcpCredentials {
    /// The key as a file: what was filled in, written anew.
    #[serde(serialize_with = "exposed")]
    service_account_json: SecretString,
    /// The cluster that was asked for, as `location/name`.
    #[serde(default)]
    cluster: Option<String>,
}

/// What is known of the cluster to use.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// This one.
    One(Cluster),
    /// None was asked for, and there is none or more than one.
    Open,
    /// The clusters cannot be seen now: what was chosen before stays.
    Unknown,
}

fn wrong_key(error: KeyError) -> ConnectorError {
    ConnectorError::invalid("credentials.service_account_json", error.to_string())
}

fn wrong_cluster(problem: impl Into<String>) -> ConnectorError {
    ConnectorError::invalid("credentials.cluster", problem)
}

/// The key that is kept. It was checked when it was filled in, or else an earlier release took it unchecked.
fn kept(credentials: &GcpCredentials) -> Result<ServiceAccountKey, ConnectorError> {
    ServiceAccountKey::parse(&credentials.service_account_json).map_err(|error| ConnectorError::Refused {
        reason: "key_unusable",
        message: format!("the stored key {error}; connect again"),
        remedy: Remedy::Reconnect,
    })
}

fn parse_cluster(text: &str) -> Option<Cluster> {
    let (location, name) = text.trim().split_once('/')?;
    Cluster::new(location, name)
}

/// The first of them, for a person.
fn named(clusters: &[Cluster]) -> String {
    let mut names: Vec<_> = clusters.iter().take(NAMED).map(ToString::to_string).collect();
    if clusters.len() > NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// The cluster that somebody asks for, which must be there.
fn asked(wanted: &str, clusters: &Clusters) -> Result<Cluster, ConnectorError> {
    let wanted = parse_cluster(wanted).ok_or_else(|| wrong_cluster("must be of the form location/name"))?;
    match clusters {
        Clusters::All(seen) | Clusters::Some(seen) if seen.contains(&wanted) => Ok(wanted),
        Clusters::All(seen) if seen.is_empty() => Err(wrong_cluster("is not there: the project has no clusters")),
        Clusters::All(seen) => Err(wrong_cluster(format!("must be one of {}", named(seen)))),
        Clusters::Some(_) => Err(ConnectorError::Unavailable {
            retry_after: None,
            source: "not all zones tell of their clusters".into(),
        }),
        Clusters::ApiDisabled => Err(wrong_cluster(
            "cannot be found: the Kubernetes Engine API (container.googleapis.com) is not enabled in the project",
        )),
        Clusters::Forbidden => Err(wrong_cluster(
            "cannot be found: the service account may not list clusters; grant it roles/container.clusterViewer",
        )),
    }
}

/// The cluster to use where nobody asked for one: the one that was used before, or the only one.
fn only(before: Option<&Account>, clusters: &Clusters) -> Choice {
    let seen = match clusters {
        Clusters::All(seen) => seen.as_slice(),
        // There is none that could be used.
        Clusters::ApiDisabled => &[],
        Clusters::Some(_) | Clusters::Forbidden => return Choice::Unknown,
    };
    let before = before.and_then(|account| {
        let told = |name: &str| account.metadata.get(name).filter(|value| !value.is_empty());
        let location = told(CLUSTER_ZONE).or_else(|| told(CLUSTER_REGION))?;
        Cluster::new(location, told(CLUSTER_NAME)?)
    });
    match (before, seen) {
        (Some(before), _) if seen.contains(&before) => Choice::One(before),
        (_, [one]) => Choice::One(one.clone()),
        _ => Choice::Open,
    }
}

/// The roles that are granted, and those that are not.
fn roles(held: &BTreeSet<String>) -> (Vec<&'static str>, Vec<&'static str>) {
    let (granted, lacking): (Vec<_>, Vec<_>) = ROLES
        .iter()
        .partition(|role| role.permissions.iter().all(|one| held.contains(*one)));
    let names = |roles: Vec<&Role>| roles.into_iter().map(|role| role.name).collect();
    (names(granted), names(lacking))
}

/// What is shown. What was shown before of another cluster is made blank.
fn metadata(
    key: &ServiceAccountKey,
    seen: &Seen,
    choice: &Choice,
    before: Option<&Account>,
) -> BTreeMap<String, String> {
    let (granted, lacking) = roles(&seen.permissions);
    let mut shown = BTreeMap::from([
        ("project_id", key.project_id.clone()),
        ("project_name", seen.project.name.clone()),
        ("project_number", seen.project.number.clone()),
        ("client_email", key.client_email.clone()),
        ("roles_granted", granted.join(",")),
        ("roles_lacking", lacking.join(",")),
    ]);
    let clusters = match &seen.clusters {
        Clusters::All(clusters) | Clusters::Some(clusters) => Some(clusters.as_slice()),
        Clusters::ApiDisabled => Some(&[][..]),
        Clusters::Forbidden => None,
    };
    if let Some(clusters) = clusters {
        let names: Vec<_> = clusters.iter().take(NAMED).map(ToString::to_string).collect();
        shown.insert("gke_clusters", names.join(","));
    }
    if let Choice::One(cluster) = choice {
        let place = if cluster.is_zonal() { CLUSTER_ZONE } else { CLUSTER_REGION };
        shown.insert(CLUSTER_NAME, cluster.name.clone());
        shown.insert(place, cluster.location.clone());
    }
    if *choice != Choice::Unknown {
        for name in [CLUSTER_NAME, CLUSTER_ZONE, CLUSTER_REGION] {
            if before.is_some_and(|account| account.metadata.contains_key(name)) {
                shown.entry(name).or_default();
            }
        }
    }
    shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is lacking. The code is that of what is said first. Where no cluster was asked for, none has to be there: the API
/// that names them may as well be off.
fn lacking(seen: &Seen, wanted: Option<&Cluster>) -> Option<Lack> {
    let mut lacks = Vec::new();
    let (_, roles) = roles(&seen.permissions);
    if !roles.is_empty() {
        let message = format!("the service account lacks what these roles grant: {}", roles.join(", "));
        lacks.push(("role_missing", message));
    }
    match (&seen.clusters, wanted) {
        (Clusters::ApiDisabled, Some(_)) => {
            let message = "the Kubernetes Engine API (container.googleapis.com) is not enabled in the project";
            lacks.push(("api_disabled", message.to_owned()));
        }
        // Whoever has the role and is refused all the same is kept away by something else, such as a deny policy.
        (Clusters::Forbidden, _) if !roles.contains(&"roles/container.clusterViewer") => {
            let message = "Google does not let the service account list the GKE clusters of the project";
            lacks.push(("clusters_forbidden", message.to_owned()));
        }
        (Clusters::All(clusters), Some(wanted)) if !clusters.contains(wanted) => {
            lacks.push(("cluster_missing", format!("the GKE cluster {wanted} is not there any more")));
        }
        _ => {}
    }
    let (reason, _) = *lacks.first()?;
    let messages: Vec<_> = lacks.into_iter().map(|(_, message)| message).collect();
    Some(Lack {
        reason,
        message: messages.join("; "),
        remedy: Remedy::Grant,
    })
}

fn permissions() -> Vec<&'static str> {
    ROLES.iter().flat_map(|role| role.permissions).copied().collect()
}

#[async_trait]
impl Connector for Gcp {
    type Input = GcpInput;
    type Credentials = GcpCredentials;

    fn configure(env: &mut Env, parts: &Parts) -> Result<Self, SetupError> {
        let mut url = |variable: &'static str, default: &str| {
            let url = env.optional(variable).unwrap_or_else(|| default.to_owned());
            crate::http::client::check_base_url(&url)
                .map(|_| url)
                .map_err(|source| SetupError { variable, source })
        };
        let oauth = url("GCP_OAUTH_URL", "https://oauth2.googleapis.com")?;
        let resource_manager = url("GCP_RESOURCE_MANAGER_URL", "https://cloudresourcemanager.googleapis.com")?;
        let container = url("GCP_CONTAINER_URL", "https://container.googleapis.com")?;
        // What can still be wrong is that there is no TLS, for which each of them is as good a name as another.
        let wrong = |source: UrlError| SetupError {
            variable: "GCP_OAUTH_URL",
            source,
        };
        Ok(Self {
            api: GcpApi::new(&oauth, &resource_manager, &container, parts.clock.clone()).map_err(wrong)?,
            clock: parts.clock.clone(),
        })
    }

    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    async fn initiate(&self, _start: Start<'_>) -> Result<Started, ConnectorError> {
        let roles: Vec<_> = ROLES
            .iter()
            .map(|role| json!({ "role": role.name, "why": role.why }))
            .collect();
        let account = "infragpt@PROJECT_ID.iam.gserviceaccount.com";
        let mut commands = vec![
            format!("gcloud services enable {} --project=PROJECT_ID", APIS.join(" ")),
            "gcloud iam service-accounts create infragpt --display-name=InfraGPT --project=PROJECT_ID".to_owned(),
        ];
        commands.extend(ROLES.iter().map(|role| {
            format!(
                "gcloud projects add-iam-policy-binding PROJECT_ID --member=serviceAccount:{account} --role={} \
                 --condition=None",
                role.name
            )
        }));
        commands.push(format!(
            "gcloud iam service-accounts keys create infragpt-key.json --iam-account={account}"
        ));
        Ok(Started {
            url: "https://console.cloud.google.com/iam-admin/serviceaccounts".to_owned(),
            setup: json!({ "roles": roles, "apis": APIS, "commands": commands }),
        })
    }

    async fn complete(
        &self,
        _connection: Connection<'_>,
        _returned: Returned<'_>,
        input: GcpInput,
    ) -> Result<Linked<GcpCredentials>, ConnectorError> {
        let wanted = input.cluster.filter(|cluster| !cluster.trim().is_empty());
        let key = ServiceAccountKey::parse(&input.service_account_json).map_err(wrong_key)?;
        let seen = self.api.look(&key, &permissions()).await?;
        let wanted = wanted.map(|wanted| asked(&wanted, &seen.clusters)).transpose()?;
        let choice = wanted.clone().map_or_else(|| only(None, &seen.clusters), Choice::One);
        Ok(Linked {
            credentials: GcpCredentials {
                service_account_json: key.to_json()?,
                cluster: wanted.map(|cluster| cluster.to_string()),
            },
            account: Account {
                metadata: metadata(&key, &seen, &choice, None),
                id: key.project_id,
                name: seen.project.name,
                user_id: Some(key.client_email),
                ..Account::default()
            },
            expires_at: None,
            installed_at: self.clock.now(),
        })
    }

    /// The one text of that system is what was filled in there, unchecked, so it is filled in here. Its row named no project
    /// that it could be compared with.
    async fn adopt(
        &self,
        connection: Connection<'_>,
        earlier: Earlier<'_>,
    ) -> Result<Linked<GcpCredentials>, ConnectorError> {
        let input = GcpInput {
            service_account_json: earlier.text("service_account_json")?.clone(),
            cluster: None,
        };
        let returned = Returned {
            redirect_uri: "",
            code_verifier: "",
        };
        Connector::complete(self, connection, returned, input).await
    }

    async fn validate(
        &self,
        connection: Connection<'_>,
        credentials: &GcpCredentials,
    ) -> Result<Checked, ConnectorError> {
        let key = kept(credentials)?;
        let seen = self.api.look(&key, &permissions()).await?;
        let wanted = credentials.cluster.as_deref().and_then(parse_cluster);
        let choice = wanted
            .clone()
            .map_or_else(|| only(connection.account, &seen.clusters), Choice::One);
        Ok(Checked {
            lacking: lacking(&seen, wanted.as_ref()),
            metadata: metadata(&key, &seen, &choice, connection.account),
        })
    }

    /// Nothing has to be told: we made nothing there, and the account and its key are the organization's own. What
    /// tokens were given for it are forgotten; they end by themselves within the hour. That is why it works while
    /// Google is away.
    async fn revoke(
        &self,
        _connection: Connection<'_>,
        credentials: &GcpCredentials,
    ) -> Result<(), ConnectorError> {
        if let Ok(key) = kept(credentials) {
            self.api.forget(&key);
        }
        Ok(())
    }
}
