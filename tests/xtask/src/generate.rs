//! `cargo xtask codegen`, which needs a build of this program with the generator in it.

use ::tests::local::Progress;

/// Generates, or with `check` only compares.
#[cfg(feature = "codegen")]
pub(crate) async fn run(check: bool, progress: &Progress) -> anyhow::Result<()> {
    progress.step("generating shared/generated from shared/queries, and openapi.json from the API");
    tokio::task::spawn_blocking(move || crate::codegen::run(check)).await??;
    progress.step(if check { "it is up to date" } else { "done" });
    Ok(())
}

/// Builds this program with the generator, which takes a while once, and lets that do it.
#[cfg(not(feature = "codegen"))]
pub(crate) async fn run(check: bool, progress: &Progress) -> anyhow::Result<()> {
    use ::tests::{
        local::{Postgres, Program, Tools, local_folder, repository},
        postgres::BINARIES_VARIABLE,
    };

    let tools = Tools::new(&local_folder()).await?;
    let postgres = Postgres::programs(&tools, progress).await?;
    let mut command = Program::new("the generator", "cargo")
        .args([
            "run",
            "--quiet",
            "--package",
            "xtask",
            "--features",
            "codegen",
            "--",
            "codegen",
        ])
        .env(BINARIES_VARIABLE, postgres.folder())
        .directory(&repository());
    if check {
        command = command.arg("--check");
    }
    command.run(tools.python(), progress).await
}
