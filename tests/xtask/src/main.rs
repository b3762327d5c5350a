//! What developers run: `cargo xtask demo`, `up`, `down`, `test`, `codegen`, `migrate`, `import-v1`, `reencrypt`, `github-app`,
//! `slack-manifest`.
//!
//! Each command says on standard error what it does while it does it, prints its result on standard output, and fails
//! with a sentence. To add one: a variant of [`Task`] and a module.

mod agent;
mod check;
#[cfg(feature = "codegen")]
mod codegen;
mod connect;
mod demo;
mod generate;
mod github_app;
mod import_v1;
mod manifest;
mod migrate;
mod output;
mod parties;
mod reencrypt;
mod signup;
mod up;
mod world;

use std::process::ExitCode;

use ::tests::local::{Progress, local_folder};
use anyhow::bail;
use clap::{Parser, Subcommand};
use shared::{
    integration::import::{Mode, Trust},
    secret::v1::PublicSalt,
};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs, tests and prepares InfraGPT", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Deploys the real template on this machine, asks a question in Slack, signs somebody up, and prints what happens.
    Demo,
    /// Deploys the real template on this machine and keeps it running until `down`.
    Up {
        /// An agent of your own, such as `http://127.0.0.1:50051`; without it, a small one answers.
        #[arg(long, value_name = "URL", value_parser = up::agent_address)]
        agent: Option<String>,
        /// Stays in this terminal until Ctrl-C.
        #[arg(long)]
        foreground: bool,
    },
    /// Ends what `up` started.
    Down,
    /// Runs everything that a change must pass.
    Test,
    /// Generates the typed Rust of the SQL statements, and the API's openapi.json.
    Codegen {
        /// Only says whether what is committed is up to date.
        #[arg(long)]
        check: bool,
    },
    /// Applies the migrations of this working tree to the database of the stack that `up` started.
    Migrate,
    /// Takes over connections of the existing InfraGPT; without `--write` it only says what it would do. Reads
    /// `ENVIRONMENT`, `DATABASE_SECRET_ARN`, `CREDENTIALS_KEY_ARN`, what the connectors read, and AWS's usual variables.
    ImportV1 {
        /// Where the existing system is and what opens its credentials, as JSON: a file, `-` for standard input, or the
        /// ARN of a secret.
        #[arg(long, value_name = "FILE|ARN")]
        from: String,
        /// Writes what it would otherwise only say.
        #[arg(long)]
        write: bool,
        /// Says that the existing system ran without an `ENCRYPTION_SALT` of its own, so with the one that everybody knows.
        #[arg(long)]
        public_default_salt: bool,
        /// Vouches that every GitHub installation there is its organization's own: the existing system did not prove it.
        /// Without, GitHub is to be connected here.
        #[arg(long)]
        vouch_for_installations: bool,
    },
    /// Moves the credentials of the stack that `up` started from one KMS key to another.
    Reencrypt {
        /// ARN of the key that they are moved from.
        #[arg(long, value_name = "ARN")]
        from: String,
        /// ARN of the key that they are moved to.
        #[arg(long, value_name = "ARN")]
        to: String,
    },
    /// Prints the manifest of the Slack app, filled in.
    SlackManifest {
        /// The address of the deployed API: the output `HttpApiUrl` of the stack.
        #[arg(long)]
        url: String,
        /// The address of your web client, where it takes people back from Slack.
        #[arg(long)]
        console: Option<String>,
    },
    /// Registers the GitHub App of a deployment, and keeps its secrets to be put where they belong.
    #[command(name = "github-app")]
    GitHubApp(github_app::Wanted),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ignore_hang_up = matches!(&arguments.task, Task::Up { foreground: true, .. });
    // Dropping the task's future ends every process that it started.
    let result = tokio::select! {
        result = run(arguments.task) => result,
        result = interrupted(ignore_hang_up) => result,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task) -> anyhow::Result<()> {
    let progress = Progress::shown();
    match task {
        Task::Demo => demo::run(&progress).await,
        Task::Up {
            agent,
            foreground: true,
        } => up::run(agent, &progress).await,
        Task::Up {
            agent,
            foreground: false,
        } => up::detach(agent).await,
        Task::Down => up::down(&local_folder(), &progress).await,
        Task::Test => check::run(&progress).await,
        Task::Codegen { check } => generate::run(check, &progress).await,
        Task::Migrate => migrate::run(&progress).await,
        Task::ImportV1 {
            from,
            write,
            public_default_salt,
            vouch_for_installations,
        } => {
            let asked = import_v1::Asked {
                mode: if write { Mode::Kept } else { Mode::Rehearsal },
                public_salt: if public_default_salt {
                    PublicSalt::Used
                } else {
                    PublicSalt::Refused
                },
                trust: if vouch_for_installations {
                    Trust::Installations
                } else {
                    Trust::Nobody
                },
            };
            import_v1::run(&from, asked, &progress).await
        }
        Task::Reencrypt { from, to } => reencrypt::run(&from, &to, &progress).await,
        Task::GitHubApp(wanted) => github_app::run(&wanted, &progress).await,
        Task::SlackManifest { url, console } => manifest::print(&url, console.as_deref()),
    }
}

/// Returns when somebody asks us to end.
async fn interrupted(ignore_hang_up: bool) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => bail!("interrupted; everything that was started has been ended"),
            _ = terminate.recv() => bail!("asked to end; everything that was started has been ended"),
            _ = hang_up.recv() => if !ignore_hang_up {
                bail!("the terminal went away; everything that was started has been ended")
            },
        }
    }
}
