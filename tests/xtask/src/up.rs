//! `cargo xtask up` and `down`: a stack that stays.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use ::tests::local::{Progress, local_folder};
use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::{output::say, world::World};

/// What a running stack says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    pid: i32,
    /// Where its parts are, once it is ready.
    ready: Option<Places>,
}

/// Where the parts of a running stack are, for other commands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Places {
    /// The address that stands for AWS.
    pub(crate) endpoint: String,
    /// The secret of the functions' database role.
    pub(crate) application_secret: String,
    /// The secret of the database's administrator.
    pub(crate) admin_secret: String,
}

/// Where a running stack says it. The file is locked for as long as the stack runs, so that a process id in it is
/// never taken for ours when it is a stranger's by now.
fn state_file(local: &Path) -> PathBuf {
    local.join("up.json")
}

/// Reads the address of an agent, as the template takes it.
pub(crate) fn agent_address(text: &str) -> Result<String, String> {
    let address = text.trim_end_matches('/');
    let usable = ["http://", "https://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme))
        .and_then(|place| place.split_once(':'))
        .is_some_and(|(host, port)| {
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
            !host.is_empty()
                && host.chars().all(plain)
                && port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port == 443 || port > 1023)
        });
    if !usable {
        return Err(
            "an agent's address is http or https, a host name and a port that is 443 or above 1023, such as \
             http://127.0.0.1:50051"
                .to_owned(),
        );
    }
    Ok(address.to_owned())
}

/// Runs a stack until it is interrupted.
pub(crate) async fn run(agent: Option<String>, progress: &Progress) -> anyhow::Result<()> {
    let mut running = Running::claim(&local_folder())?;
    let world = World::start("up", agent, progress).await?;
    progress.step("telling of those who are at Clerk");
    world.tell_all().await?;
    progress.step("ready");
    say(&world.description()?);
    running.write(Some(world.places()?))?;
    world.keep_logs().await
}

/// The claim to be the one stack that runs from this folder.
struct Running {
    file: File,
    path: PathBuf,
}

impl Running {
    fn claim(local: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(local)?;
        let path = state_file(local);
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        if file.try_lock().is_err() {
            bail!("a stack is already running from this folder; `cargo xtask down` ends it");
        }
        let mut running = Self { file, path };
        running.write(None)?;
        Ok(running)
    }

    fn write(&mut self, ready: Option<Places>) -> anyhow::Result<()> {
        let state = State {
            pid: Pid::this().as_raw(),
            ready,
        };
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&serde_json::to_vec(&state)?)?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The state of the stack that runs from this folder, if one does.
fn running(local: &Path) -> anyhow::Result<Option<(File, State)>> {
    let Ok(mut file) = File::open(state_file(local)) else {
        return Ok(None);
    };
    if file.try_lock_shared().is_ok() {
        return Ok(None);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).ok().map(|state| (file, state)))
}

/// Where the parts of the stack that runs from this folder are.
pub(crate) fn places(local: &Path) -> anyhow::Result<Places> {
    running(local)?
        .and_then(|(_, state)| state.ready)
        .context("no stack is running from this folder; `cargo xtask up` starts one")
}

/// Starts a stack that outlives this command, and returns when it is ready.
pub(crate) async fn detach(agent: Option<String>) -> anyhow::Result<()> {
    let local = local_folder();
    std::fs::create_dir_all(&local)?;
    if running(&local)?.is_some() {
        bail!("a stack is already running from this folder; `cargo xtask down` ends it");
    }
    let log = local.join("up.log");
    let output = File::create(&log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["up", "--foreground"]);
    if let Some(agent) = &agent {
        command.args(["--agent", agent]);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .context("the stack cannot be started")?;
    // An interrupt ends this command only; what it began goes with it unless it is ready.
    let unfinished = Unfinished(child.id());
    let mut told = 0;
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            status = child.wait() => {
                show(&log, &mut told)?;
                std::mem::forget(unfinished);
                bail!("the stack did not start ({}); see {}", status?, log.display());
            }
            _ = ticks.tick() => {
                show(&log, &mut told)?;
                if let Some((_, State { ready: Some(_), .. })) = running(&local)? {
                    show(&log, &mut told)?;
                    std::mem::forget(unfinished);
                    return Ok(());
                }
            }
        }
    }
}

/// A stack that is being started. Dropping it asks it to end.
struct Unfinished(Option<u32>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(pid) = self.0.and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

/// Shows what has been added to a log.
fn show(log: &Path, told: &mut u64) -> anyhow::Result<()> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(*told))?;
    let mut text = Vec::new();
    *told += u64::try_from(file.read_to_end(&mut text)?)?;
    let _ = std::io::stderr().write_all(&text);
    Ok(())
}

/// Ends the stack that runs from this folder, and returns when it is gone.
pub(crate) async fn down(local: &Path, progress: &Progress) -> anyhow::Result<()> {
    let Some((file, state)) = running(local)? else {
        progress.step("nothing is running");
        return Ok(());
    };
    progress.step("ending the stack");
    kill(Pid::from_raw(state.pid), Signal::SIGTERM).context("the stack cannot be asked to end")?;
    let begun = Instant::now();
    while file.try_lock_shared().is_err() {
        if begun.elapsed() > Duration::from_secs(30) {
            bail!("process {} does not end", state.pid);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    progress.step("ended");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_left_of_a_stack_that_crashed_is_not_taken_for_one_that_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        // The process id is that of somebody who must not be ended: this test.
        let state = State {
            pid: Pid::this().as_raw(),
            ready: None,
        };
        std::fs::write(
            state_file(folder.path()),
            serde_json::to_vec(&state).expect("JSON"),
        )
        .expect("a file");
        assert!(running(folder.path()).expect("a state").is_none());
        down(folder.path(), &Progress::silent())
            .await
            .expect("nothing to end");
    }

    #[test]
    fn an_agents_address_that_the_template_would_refuse_is_refused_before_anything_starts() {
        for address in [
            "http://127.0.0.1:50051",
            "https://agent.internal:443",
            "http://localhost:50051/",
        ] {
            assert_eq!(
                agent_address(address).as_deref(),
                Ok(address.trim_end_matches('/'))
            );
        }
        for address in [
            "",
            "banana",
            "127.0.0.1:50051",
            "http://127.0.0.1",
            "http://:50051",
            "http://agent:80",
            "http://agent:+5000",
            "http://agent:70000",
            "http://agent:50051/path",
            "grpc://agent:50051",
        ] {
            assert!(agent_address(address).is_err(), "{address}");
        }
    }

    #[test]
    fn there_is_one_stack_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Running::claim(folder.path()).expect("the first");
        assert!(Running::claim(folder.path()).is_err());
        let (_, state) = running(folder.path()).expect("a state").expect("it runs");
        assert_eq!(state.pid, Pid::this().as_raw());
        drop(first);
        assert!(Running::claim(folder.path()).is_ok());
    }
}
