//! Child processes that cannot be left behind.
//!
//! Every process is started by a small supervisor (`supervise.py`) that holds the read end of a pipe whose write end
//! is ours. Whatever ends us, an ordinary return, a panic, Ctrl-C or `SIGKILL`, closes the pipe, and the supervisor
//! then ends the process with everything it started. No `unsafe` code and no platform's own call is needed for that.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::process::{Child, ChildStdin, Command};

use super::{progress::Progress, tools::Python};

const SUPERVISOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/local/supervise.py");

/// The signal that asks a process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// Ends most programs.
    Terminate,
    /// Ends Postgres without waiting for its clients.
    Interrupt,
}

impl StopSignal {
    fn number(self) -> i32 {
        match self {
            Self::Terminate => nix::sys::signal::Signal::SIGTERM as i32,
            Self::Interrupt => nix::sys::signal::Signal::SIGINT as i32,
        }
    }
}

/// A command to be run under the supervisor.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    clean_environment: bool,
    directory: Option<PathBuf>,
    user: Option<String>,
    stop: StopSignal,
    grace: Duration,
    log: Option<PathBuf>,
}

impl Program {
    /// `path` is the program's file; `name` is what people know it by.
    pub fn new(name: &str, path: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.to_owned(),
            command: vec![path.as_ref().to_owned()],
            environment: Vec::new(),
            clean_environment: false,
            directory: None,
            user: None,
            stop: StopSignal::Terminate,
            grace: Duration::from_secs(5),
            log: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command
            .extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Hands over no variable but those of [`Program::env`].
    #[must_use]
    pub fn clean_environment(mut self) -> Self {
        self.clean_environment = true;
        self
    }

    /// The directory to run in.
    #[must_use]
    pub fn directory(mut self, path: &Path) -> Self {
        self.directory = Some(path.to_owned());
        self
    }

    /// The user to run as; only root may choose one.
    #[must_use]
    pub fn user(mut self, name: Option<&str>) -> Self {
        self.user = name.map(str::to_owned);
        self
    }

    /// The signal that asks it to end, and how long it may take before it is killed.
    #[must_use]
    pub fn stop_with(mut self, signal: StopSignal, grace: Duration) -> Self {
        self.stop = signal;
        self.grace = grace;
        self
    }

    /// Where its output goes; without this it goes where ours goes.
    #[must_use]
    pub fn log(mut self, path: &Path) -> Self {
        self.log = Some(path.to_owned());
        self
    }

    /// Starts it.
    pub fn spawn(&self, python: &Python) -> anyhow::Result<Process> {
        let mut command = Command::new(python.path());
        command
            .args(["-S", SUPERVISOR])
            .arg(self.stop.number().to_string())
            .arg(self.grace.as_secs_f32().to_string())
            .arg(self.user.as_deref().unwrap_or("-"))
            .args(&self.command)
            .stdin(Stdio::piped())
            // Ctrl-C in a terminal reaches its whole foreground group; what to stop, and in which order, is ours to say.
            .process_group(0);
        if self.clean_environment {
            command.env_clear();
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if let Some(path) = &self.log {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            command.stdout(file.try_clone()?).stderr(file);
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", self.name))?;
        // Taken out, because waiting for a child closes the pipe that it still holds.
        let lifeline = child.stdin.take();
        Ok(Process {
            name: self.name.clone(),
            child,
            lifeline,
            patience: self.grace + Duration::from_secs(7),
            log: self.log.clone(),
        })
    }

    /// Runs it to its end, with a sign of life every fifteen seconds, and reports the end of its log when it fails.
    pub async fn run(&self, python: &Python, progress: &Progress) -> anyhow::Result<()> {
        let mut process = self.spawn(python)?;
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_secs(15));
        ticks.tick().await;
        let status = loop {
            tokio::select! {
                status = process.child.wait() => break status?,
                // What people see on their terminal needs no sign of life.
                _ = ticks.tick(), if self.log.is_some() => progress.note(&format!("{} is still at work ({} s)", self.name, begun.elapsed().as_secs())),
            }
        };
        process.expect_success(status)
    }
}

/// A running process. Dropping it ends it, with everything that it started, and waits for that.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lifeline: Option<ChildStdin>,
    patience: Duration,
    log: Option<PathBuf>,
}

impl Process {
    /// Fails, with the last lines of its log, when the process has ended by itself.
    pub fn expect_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended unexpectedly ({status}){}", self.name, self.last_words()),
        }
    }

    fn expect_success(&self, status: ExitStatus) -> anyhow::Result<()> {
        if status.success() {
            return Ok(());
        }
        bail!("{} failed ({status}){}", self.name, self.last_words())
    }

    fn last_words(&self) -> String {
        let Some(path) = &self.log else {
            return String::new();
        };
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(25)..].join("\n");
        format!("; the end of {}:\n{tail}", path.display())
    }

    /// Ends the process and everything it started, and returns when all of it is gone.
    pub fn stop(&mut self) {
        drop(self.lifeline.take());
        let begun = Instant::now();
        while begun.elapsed() < self.patience {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use nix::{errno::Errno, sys::signal::kill, unistd::Pid};

    use super::*;

    /// Starts a shell that ignores the request to end and has a child in a session of its own, and waits until both
    /// have said who they are.
    async fn stubborn(folder: &Path) -> (Process, Vec<Pid>) {
        let python = Python::find().await.expect("a Python");
        let fifo = folder.join("pids");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let script = r#"trap "" TERM; exec 3>"$0"; echo $$ >&3; setsid sh -c 'echo $$ >&3; exec 3>&-; sleep 600' & exec 3>&-; wait"#;
        let process = Program::new("a stubborn shell", "/bin/sh")
            .args(["-c", script])
            .arg(&fifo)
            .stop_with(StopSignal::Terminate, Duration::from_millis(50))
            .spawn(&python)
            .expect("a shell");
        let said = tokio::fs::read_to_string(&fifo).await.expect("two process ids");
        let pids = said
            .lines()
            .map(|line| Pid::from_raw(line.parse().expect("a process id")))
            .collect();
        (process, pids)
    }

    #[tokio::test]
    async fn nothing_of_a_dropped_process_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let (process, pids) = stubborn(folder.path()).await;
        assert_eq!(pids.len(), 2);
        drop(process);
        for pid in pids {
            assert_eq!(kill(pid, None), Err(Errno::ESRCH), "{pid} is still there");
        }
    }

    #[tokio::test]
    async fn a_failure_comes_with_the_end_of_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let python = Python::find().await.expect("a Python");
        let error = Program::new("the build", "/bin/sh")
            .args(["-c", "echo first; echo the reason >&2; exit 3"])
            .log(&folder.path().join("log"))
            .run(&python, &Progress::silent())
            .await
            .expect_err("it failed");
        let text = error.to_string();
        assert!(
            text.starts_with("the build failed (exit status: 3)") && text.ends_with("the reason"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let python = Python::find().await.expect("a Python");
        let error = Program::new("initdb", "/nowhere/initdb")
            .log(&folder.path().join("log"))
            .run(&python, &Progress::silent())
            .await
            .expect_err("there is no such program");
        assert!(
            error.to_string().contains("/nowhere/initdb cannot be started"),
            "{error}"
        );
    }
}
