//! The local stack: a private Postgres and an AWS emulator, with the real template deployed on it.
//!
//! `cargo xtask demo` and `up` show it to people, the end-to-end tests drive it. Nothing in a function knows of it.
//! To add a tool: a line in one of the requirements files beside `cargo xtask`, and a [`Toolset`] if its pins collide.

mod deploy;
mod emulator;
mod functions;
mod logs;
pub mod port;
mod postgres;
mod process;
mod progress;
mod scratch;
mod seed;
mod stack;
pub mod template;
mod tools;

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;

pub use self::{
    deploy::{Build, Deployment},
    emulator::{Emulator, REGION, sdk},
    functions::Taking,
    logs::{Line, LogReader},
    postgres::{ADMINISTRATOR, DATABASE, Postgres},
    process::{Process, Program, StopSignal},
    progress::Progress,
    seed::{Installed, Seeded},
    stack::{ENVIRONMENT, Stack, ThirdParties},
    tools::{Python, Tools, Toolset, on_path},
};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map_or(tests.clone(), PathBuf::from)
}

/// The folder, ignored by git, where tools, logs and what was built for the local stack lie.
#[must_use]
pub fn local_folder() -> PathBuf {
    repository().join(".local")
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("the system gives no random bytes")?;
    Ok(bytes)
}

/// A password nobody knows: 32 hexadecimal digits.
///
/// # Errors
/// When the system gives no random bytes.
pub fn secret() -> anyhow::Result<String> {
    Ok(hex::encode(random::<16>()?))
}
