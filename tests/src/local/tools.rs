//! The tools of the local stack: Python environments in `.local/tools`, made when they are missing or out of date.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, bail};
use shared::config::Env;
use tokio::process::Command;

use super::{process::Program, progress::Progress};

/// The oldest Python that every tool runs on.
const OLDEST_PYTHON: (u32, u32) = (3, 10);

/// Prints where the interpreter is (what is on the `PATH` may be a slow script that chooses one), its version, and the
/// modules that an environment needs and this Python lacks.
const PROBE: &str = "
import sys, importlib.util as u
print(sys.executable)
print(sys.version_info[0], sys.version_info[1], *[m for m in ('venv', 'ensurepip') if u.find_spec(m) is None])";

/// A Python interpreter.
#[derive(Debug, Clone)]
pub struct Python(PathBuf);

impl Python {
    /// The first Python on the `PATH` that is new enough and can make environments.
    pub async fn find() -> anyhow::Result<Self> {
        let mut complaints = Vec::new();
        for name in [
            "python3",
            "python3.14",
            "python3.13",
            "python3.12",
            "python3.11",
            "python3.10",
            "python",
        ] {
            let Some(path) = on_path(name) else { continue };
            match Self::probe(&path).await {
                Ok(Ok(python)) => return Ok(python),
                Ok(Err(complaint)) => complaints.push(format!("{} {complaint}", path.display())),
                Err(error) => complaints.push(format!("{}: {error:#}", path.display())),
            }
        }
        let (major, minor) = OLDEST_PYTHON;
        if complaints.is_empty() {
            bail!("Python {major}.{minor} or newer is needed and there is no python3 on the PATH");
        }
        bail!(
            "Python {major}.{minor} or newer with its venv module is needed; {}",
            complaints.join("; ")
        )
    }

    /// The interpreter behind a file, or what is wrong with it.
    async fn probe(path: &Path) -> anyhow::Result<Result<Self, String>> {
        let output = Command::new(path)
            .args(["-I", "-c", PROBE])
            .stdin(Stdio::null())
            .output()
            .await?;
        let text = String::from_utf8(output.stdout)?;
        let (executable, rest) = text.split_once('\n').context("does not run")?;
        let mut words = rest.split_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
        let (Some(major), Some(minor)) = (number(), number()) else {
            bail!("does not run");
        };
        if (major, minor) < OLDEST_PYTHON {
            return Ok(Err(format!("is version {major}.{minor}")));
        }
        let missing: Vec<&str> = words.collect();
        if !missing.is_empty() {
            return Ok(Err(format!(
                "lacks the module {} (Debian and Ubuntu: apt-get install python3-venv)",
                missing.join(" and ")
            )));
        }
        Ok(Ok(Self(executable.into())))
    }

    /// The interpreter's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Tools whose pins can live together in one Python environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolset {
    /// The AWS emulator.
    Emulator,
    /// A Postgres, for machines that have none.
    Postgres,
    /// AWS SAM's command line and the template linter.
    Deploy,
    /// What builds functions.
    Build,
    /// The test runner and the licence check.
    Test,
}

impl Toolset {
    fn name(self) -> &'static str {
        match self {
            Self::Emulator => "emulator",
            Self::Postgres => "postgres",
            Self::Deploy => "deploy",
            Self::Build => "build",
            Self::Test => "test",
        }
    }

    fn requirements(self) -> &'static str {
        match self {
            Self::Emulator => include_str!("../../xtask/requirements-emulator.txt"),
            Self::Postgres => include_str!("../../xtask/requirements-postgres.txt"),
            Self::Deploy => include_str!("../../xtask/requirements-deploy.txt"),
            Self::Build => include_str!("../../xtask/requirements-build.txt"),
            Self::Test => include_str!("../../xtask/requirements-test.txt"),
        }
    }
}

/// The tools, and where they are.
#[derive(Debug, Clone)]
pub struct Tools {
    python: Python,
    directory: PathBuf,
}

impl Tools {
    /// Finds Python. Toolsets are made by [`Tools::prepare`].
    pub async fn new(local: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            python: Python::find().await?,
            directory: local.join("tools"),
        })
    }

    /// The Python that was found on the machine.
    #[must_use]
    pub fn python(&self) -> &Python {
        &self.python
    }

    /// A program of a toolset that has been prepared.
    #[must_use]
    pub fn program(&self, set: Toolset, name: &str) -> PathBuf {
        self.bin(set).join(name)
    }

    /// The folder of a toolset's programs, to be put on a `PATH`.
    #[must_use]
    pub fn bin(&self, set: Toolset) -> PathBuf {
        self.directory.join(set.name()).join("bin")
    }

    /// Installs a toolset, unless what is there was made from the same requirements by the same Python.
    pub async fn prepare(&self, set: Toolset, progress: &Progress) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let name = set.name();
        // Two commands at once must not install into the same folder.
        let lock = File::create(self.directory.join(format!("{name}.lock")))?;
        tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;

        let environment = self.directory.join(name);
        let stamp = environment.join("made-from.txt");
        let wanted = format!("{}\n{}", self.python.0.display(), set.requirements());
        if std::fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
            return Ok(());
        }

        progress.step(&format!(
            "installing the {name} tools into {} (once)",
            environment.display()
        ));
        if environment.exists() {
            std::fs::remove_dir_all(&environment)?;
        }
        let log = self.directory.join(format!("{name}.log"));
        let _ = std::fs::remove_file(&log);
        Program::new("python -m venv", self.python.path())
            .args(["-m", "venv"])
            .arg(&environment)
            .log(&log)
            .run(&self.python, progress)
            .await?;
        let requirements = self.directory.join(format!("{name}.txt"));
        std::fs::write(&requirements, set.requirements())?;
        Program::new("pip install", environment.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--no-input",
                "--disable-pip-version-check",
                "--progress-bar",
                "off",
            ])
            .arg("-r")
            .arg(&requirements)
            .log(&log)
            .run(&self.python, progress)
            .await
            .with_context(|| format!("the {name} tools cannot be installed from the Python package index"))?;
        std::fs::write(&stamp, wanted)?;
        Ok(())
    }
}

/// The first executable of that name on the `PATH`.
#[must_use]
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = Env::from_process().optional("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok() && file.is_file())
}
