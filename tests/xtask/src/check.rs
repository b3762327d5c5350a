//! `cargo xtask test`: everything that a change must pass, with what runs it.

use ::tests::local::{Build, Postgres, Program, Progress, Tools, Toolset, local_folder, on_path, repository};
use ::tests::postgres::{BINARIES_VARIABLE, Binaries};
use anyhow::Context as _;

use crate::generate;

/// The tests come last, so that the runner's summary is what one sees.
pub(crate) async fn run(progress: &Progress) -> anyhow::Result<()> {
    let check = Check::prepare(progress).await?;
    let cargo =
        |arguments: &[&str]| Program::new(&format!("cargo {}", arguments[0]), "cargo").args(arguments);

    check
        .step("formatting", cargo(&["fmt", "--all", "--check"]))
        .await?;
    check
        .step(
            "lints",
            cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ]),
        )
        .await?;
    check
        .step(
            "licences and banned crates",
            Program::new("cargo-deny", check.program("cargo-deny"))
                // Advisories are left out: their database is not among what a build may depend on.
                .args([
                    "--all-features",
                    "check",
                    "--hide-inclusion-graph",
                    "licenses",
                    "bans",
                    "sources",
                ]),
        )
        .await?;
    check.step("the template", check.sam_validate()).await?;
    check
        .step(
            "documentation",
            cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"),
        )
        .await?;
    generate::run(true, progress).await?;
    // Here and not in the end-to-end tests, whose time is limited.
    Build::run(&check.tools, progress).await?;
    check
        .step(
            "tests",
            Program::new("cargo nextest", check.program("cargo-nextest")).args([
                "nextest",
                "run",
                "--workspace",
                "--no-fail-fast",
            ]),
        )
        .await
}

struct Check<'a> {
    tools: Tools,
    postgres: Binaries,
    progress: &'a Progress,
}

impl<'a> Check<'a> {
    async fn prepare(progress: &'a Progress) -> anyhow::Result<Self> {
        let tools = Tools::new(&local_folder()).await?;
        for set in [Toolset::Emulator, Toolset::Deploy, Toolset::Build] {
            tools.prepare(set, progress).await?;
        }
        if ["cargo-nextest", "cargo-deny"]
            .iter()
            .any(|name| on_path(name).is_none())
        {
            tools.prepare(Toolset::Test, progress).await?;
        }
        let postgres = Postgres::programs(&tools, progress).await?;
        Ok(Self {
            tools,
            postgres,
            progress,
        })
    }

    /// The machine's own, where it has one.
    fn program(&self, name: &str) -> std::path::PathBuf {
        on_path(name).unwrap_or_else(|| self.tools.program(Toolset::Test, name))
    }

    fn sam_validate(&self) -> Program {
        Program::new("sam validate", self.tools.program(Toolset::Deploy, "sam"))
            .args([
                "validate",
                "--lint",
                "--template-file",
                "template.yaml",
                "--config-file",
            ])
            .arg(repository().join("samconfig.toml"))
            .env("SAM_CLI_TELEMETRY", "0")
            .env("AWS_REGION", ::tests::local::REGION)
    }

    async fn step(&self, what: &str, program: Program) -> anyhow::Result<()> {
        self.progress.step(what);
        program
            .directory(&repository())
            .env(BINARIES_VARIABLE, self.postgres.folder())
            .run(self.tools.python(), self.progress)
            .await
            .with_context(|| format!("{what}: not as it must be"))
    }
}
