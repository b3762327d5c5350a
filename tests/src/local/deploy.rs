//! Builds the functions and deploys the real template on the emulator, with the tools that deploy it on AWS.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::process::Command;

use super::{
    emulator::Emulator,
    process::Program,
    progress::Progress,
    repository, template,
    tools::{Tools, Toolset},
};

/// The stack's name in the `local` section of `samconfig.toml`.
const STACK: &str = "infragpt-local";
/// Ten times what it takes.
const LIMIT: Duration = Duration::from_mins(3);
const DEPLOYED: &str = include_str!("deployed.py");

/// The functions as built for this machine.
#[derive(Debug)]
pub struct Build {
    template: serde_json::Value,
    folder: PathBuf,
    packages: Vec<String>,
}

impl Build {
    /// Builds all functions in one run of cargo, with the `local` profile.
    pub async fn run(tools: &Tools, progress: &Progress) -> anyhow::Result<Self> {
        let repository = repository();
        let template = template::read(&repository)?;
        let packages = template::packages(&template)?;
        tools.prepare(Toolset::Build, progress).await?;
        progress.step(&format!("building {}", packages.join(", ")));
        let folder = repository.join("target/lambda");
        let mut cargo = Program::new(
            "cargo lambda build",
            tools.program(Toolset::Build, "cargo-lambda"),
        )
        .args([
            "lambda",
            "build",
            "--compiler",
            "cargo",
            "--profile",
            "local",
            "--lambda-dir",
        ])
        .arg(&folder)
        .directory(&repository);
        for package in &packages {
            cargo = cargo.args(["--package", package]);
        }
        cargo.run(tools.python(), progress).await?;
        Ok(Self {
            template,
            folder,
            packages,
        })
    }

    /// The packages of the functions that were built.
    #[must_use]
    pub fn packages(&self) -> &[String] {
        &self.packages
    }

    /// The template.
    #[must_use]
    pub fn template(&self) -> &serde_json::Value {
        &self.template
    }

    /// What `sam build` would leave: the template, with the functions pointed at what was built.
    fn write_template(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let mut template = self.template.clone();
        template::point_at(&mut template, |code| {
            self.folder.join(template::package(code)).display().to_string()
        })?;
        let path = folder.join("template.json");
        std::fs::write(&path, serde_json::to_vec_pretty(&template)?)?;
        Ok(path)
    }
}

/// What was deployed.
#[derive(Debug, Deserialize)]
pub struct Deployment {
    /// The outputs of the stack.
    pub outputs: BTreeMap<String, String>,
    resources: BTreeMap<String, String>,
}

impl Deployment {
    /// Runs `sam deploy` with the `local` section of `samconfig.toml`. `folder` takes what the tools leave behind.
    pub async fn run(
        tools: &Tools,
        build: &Build,
        emulator: &Emulator,
        parameters: &[(&str, String)],
        (folder, logs): (&Path, &Path),
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        progress.step("deploying template.yaml (sam deploy)");
        let template = build.write_template(folder)?;
        let mut sam = Program::new("sam deploy", tools.program(Toolset::Deploy, "sam"))
            .arg("deploy")
            .arg("--config-file")
            .arg(repository().join("samconfig.toml"))
            .args(["--config-env", "local", "--no-progressbar", "--template-file"])
            .arg(&template)
            .arg("--parameter-overrides")
            .args(parameters.iter().map(|(name, value)| format!("{name}={value}")))
            .directory(folder)
            .env("HOME", folder)
            .env("SAM_CLI_TELEMETRY", "0")
            // Seconds between looks at the stack; the default is meant for the real thing.
            .env("SAM_CLI_POLL_DELAY", "0.3")
            .log(&logs.join("sam-deploy.log"));
        for (name, value) in emulator.environment(folder) {
            sam = sam.env(name, value);
        }
        // The emulator waits eleven minutes for the answer of a migrator that crashed before it could give one.
        tokio::time::timeout(LIMIT, sam.run(tools.python(), progress))
            .await
            .with_context(|| format!("the deployment hangs; see {}", emulator.log().display()))??;
        Self::describe(tools, emulator, folder).await
    }

    async fn describe(tools: &Tools, emulator: &Emulator, folder: &Path) -> anyhow::Result<Self> {
        let output = Command::new(tools.program(Toolset::Deploy, "python"))
            .args(["-c", DEPLOYED, STACK])
            .envs(emulator.environment(folder))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "the deployed stack cannot be read:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        serde_json::from_slice(&output.stdout).context("the deployed stack cannot be understood")
    }

    /// An output of the stack.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs
            .get(name)
            .map(String::as_str)
            .with_context(|| format!("the template has no output {name}"))
    }

    /// Whether something with this physical id was deployed.
    #[must_use]
    pub fn has(&self, physical: &str) -> bool {
        self.resources.values().any(|id| id == physical)
    }

    /// The physical id of a resource of the template: a queue's address, a secret's or a function's name.
    pub fn resource(&self, logical: &str) -> anyhow::Result<&str> {
        self.resources
            .get(logical)
            .map(String::as_str)
            .with_context(|| format!("the template has no resource {logical}"))
    }
}
