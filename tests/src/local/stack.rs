//! The whole local stack.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_sdk_secretsmanager::Client as Secrets;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::connector::slack::fake::APP_ID;

use super::{
    Build, Deployment, Emulator, Postgres, Progress, Tools, Toolset,
    logs::{Line, LogReader},
    random,
    scratch::Scratch,
    secret, template,
};

/// The name of the deployment: part of resource names and of what credentials are sealed to.
pub const ENVIRONMENT: &str = "local";

/// Where the third parties of a stack are.
#[derive(Debug, Clone)]
pub struct ThirdParties {
    /// The variables by which functions find what can be connected, such as `SLACK_API_URL`, and what they say. Where AWS
    /// itself is, those of the emulator say.
    pub connectors: Vec<(&'static str, String)>,
    /// The secrets of our apps there: the ARN that one of the variables names, and the JSON that is to be behind it.
    pub app_secrets: Vec<(String, String)>,
    /// gRPC address of the agent.
    pub agent: String,
    /// Address of Clerk's Frontend API, which session tokens name as their issuer, without a slash at the end.
    pub clerk_issuer: String,
    /// Base address of Clerk's Backend API.
    pub clerk_api: String,
    /// What opens that API.
    pub clerk_api_key: String,
    /// The Clerk instance, `ins_…`, which its webhooks carry.
    pub clerk_instance: String,
    /// Where the web client is, such as `http://localhost:5173`.
    pub web_origin: String,
}

/// Postgres and the emulator with the real template deployed on it. Dropping it ends all of it.
#[derive(Debug)]
pub struct Stack {
    // In the order in which they end: functions before their database, files last.
    /// The emulator, in which the functions run.
    pub emulator: Emulator,
    /// The database server.
    pub postgres: Postgres,
    /// What was deployed.
    pub deployment: Deployment,
    /// What Slack signs with.
    pub signing_secret: String,
    /// What Clerk signs its webhooks with, `whsec_…`.
    pub clerk_signing_secret: String,
    /// What GitHub signs the App's webhooks with.
    pub github_signing_secret: String,
    functions: Vec<String>,
    logs: PathBuf,
    _folder: Scratch,
}

impl Stack {
    /// Prepares the tools, builds the functions, starts the servers and deploys. `name` tells one stack's logs from
    /// another's; the logs of the last stack of that name are removed.
    pub async fn start(name: &str, parties: &ThirdParties, progress: &Progress) -> anyhow::Result<Self> {
        let local = super::local_folder();
        let logs = local.join("logs").join(name);
        if logs.exists() {
            std::fs::remove_dir_all(&logs)?;
        }
        std::fs::create_dir_all(&logs).with_context(|| format!("{} cannot be made", logs.display()))?;
        let folder = Scratch::make(&local.join("run"), &format!("{name}-"))?;

        let tools = Tools::new(&local).await?;
        let (build, (), ()) = tokio::try_join!(
            Build::run(&tools, progress),
            tools.prepare(Toolset::Emulator, progress),
            tools.prepare(Toolset::Deploy, progress),
        )?;
        let postgres = Postgres::start(&tools, &logs, progress).await?;
        let emulator = Emulator::start(&tools, folder.path(), &logs, progress).await?;
        let secrets = Secrets::new(&emulator.sdk()?);
        let administrator = secrets
            .create_secret()
            .name("existing-database")
            .secret_string(postgres.administrator_secret().to_string())
            .send()
            .await
            .context("the database's secret cannot be made")?
            .arn
            .context("a secret without an ARN")?;

        let (places, app_secrets) = parties.connected(build.template())?;
        let parameters = [
            ("Environment", ENVIRONMENT.to_owned()),
            ("Architecture", architecture().to_owned()),
            ("LogLevel", "DEBUG".to_owned()),
            ("SlackAppId", APP_ID.to_owned()),
            ("AgentEndpoint", parties.agent.clone()),
            ("ClerkIssuer", parties.clerk_issuer.clone()),
            ("ClerkInstanceId", parties.clerk_instance.clone()),
            ("ClerkApiUrl", parties.clerk_api.clone()),
            ("WebOrigins", parties.web_origin.clone()),
            ("ExistingDatabaseSecretArn", administrator),
            // A network that exists need not be made. The emulator knows no networks.
            ("ExistingSubnetIds", "subnet-00000001,subnet-00000002".to_owned()),
            ("ExistingSecurityGroupId", "sg-00000001".to_owned()),
            ("AwsEndpointUrl", emulator.endpoint()),
        ];
        let parameters: Vec<_> = parameters.into_iter().chain(places).collect();
        let folders = (folder.path(), logs.as_path());
        let deployment = Deployment::run(&tools, &build, &emulator, &parameters, folders, progress).await?;

        // As an administrator does after the Slack app and the Clerk instance exist.
        let signing_secret = secret()?;
        let clerk_signing_secret = format!("whsec_{}", STANDARD.encode(random::<32>()?));
        let github_signing_secret = secret()?;
        let own = [
            ("SlackSecret", json!({ "signing_secret": signing_secret })),
            ("ClerkSecret", json!({ "signing_secret": clerk_signing_secret })),
            ("GitHubSecret", json!({ "signing_secret": github_signing_secret })),
            ("ClerkApiSecret", json!({ "secret_key": parties.clerk_api_key })),
        ];
        for (logical, value) in own.into_iter().chain(app_secrets) {
            put(&secrets, deployment.resource(logical)?, &value)
                .await
                .with_context(|| format!("{logical} cannot be set"))?;
        }

        // The template makes some functions on a condition only.
        let is_deployed = |package: &&String| deployment.has(&deployed_name(package));
        let functions = build.packages().iter().filter(is_deployed).cloned().collect();
        Ok(Self {
            emulator,
            postgres,
            deployment,
            signing_secret,
            clerk_signing_secret,
            github_signing_secret,
            functions,
            logs,
            _folder: folder,
        })
    }

    /// The address of a path of the HTTP API.
    pub fn url(&self, path: &str) -> anyhow::Result<String> {
        let api = self.deployment.resource("HttpApi")?;
        Ok(format!(
            "{}/_aws/execute-api/{api}/$default{path}",
            self.emulator.endpoint()
        ))
    }

    /// The folder of the logs.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The functions that were deployed, by their packages, such as `slack-events`.
    #[must_use]
    pub fn functions(&self) -> &[String] {
        &self.functions
    }

    /// A reader of what a function, such as `slack-events`, logs.
    #[must_use]
    pub fn log_of(&self, function: &str) -> LogReader {
        LogReader::new(&self.emulator, &deployed_name(function))
    }

    /// All that a function has logged.
    pub async fn lines_of(&self, function: &str) -> anyhow::Result<Vec<Line>> {
        self.log_of(function).next().await
    }

    /// The processes that serve a function, such as `agent-dispatcher`, now.
    #[must_use]
    pub fn processes_of(&self, function: &str) -> Vec<nix::unistd::Pid> {
        self.emulator.processes_of(&deployed_name(function))
    }
}

/// Something of a template, by its logical id, and what it is to be.
type Given<'a, T> = Vec<(&'a str, T)>;

impl ThirdParties {
    /// The template's parameters that say where the connectors' third parties are, and its secrets of our apps there.
    fn connected<'a>(&self, template: &'a Value) -> anyhow::Result<(Given<'a, String>, Given<'a, Value>)> {
        let (mut places, mut app_secrets) = (Vec::new(), Vec::new());
        let others = self
            .connectors
            .iter()
            .filter(|(variable, _)| !variable.starts_with("AWS_"));
        for (variable, value) in others {
            let logical = template::referred_to(template, variable)
                .with_context(|| format!("no function is told {variable}"))?;
            if template["Parameters"].get(logical).is_some() {
                places.push((logical, value.clone()));
            } else {
                let mut secrets = self.app_secrets.iter();
                let (_, secret) = secrets
                    .find(|(arn, _)| arn == value)
                    .with_context(|| format!("{variable} names no secret"))?;
                app_secrets.push((logical, serde_json::from_str(secret)?));
            }
        }
        Ok((places, app_secrets))
    }
}

async fn put(secrets: &Secrets, secret: &str, value: &Value) -> anyhow::Result<()> {
    secrets
        .put_secret_value()
        .secret_id(secret)
        .secret_string(value.to_string())
        .send()
        .await?;
    Ok(())
}

/// The name under which a function of the template is deployed.
pub(super) fn deployed_name(function: &str) -> String {
    format!("infragpt-{ENVIRONMENT}-{function}")
}

/// This machine's, in AWS's words.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "x86_64",
    }
}
