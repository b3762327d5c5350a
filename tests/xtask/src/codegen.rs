//! `cargo xtask codegen`: the typed Rust of `shared/generated` from the SQL of `shared/queries`, and the API's description
//! of itself from its code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ::tests::postgres::{Binaries, Lifetime, Server};
use anyhow::{Context as _, bail, ensure};
use cornucopia::config::Config;

/// Generates the crate's sources; with `check`, only compares them with what is committed.
///
/// # Errors
/// When a statement does not fit the schema, or (with `check`) when the committed sources are not what the
/// statements give.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let folder = std::env::temp_dir().join(format!("infragpt-codegen-{}", std::process::id()));
    let server = Server::start(
        &Binaries::find()?,
        &folder.join("postgres"),
        None,
        Lifetime::With(std::process::id()),
    )?;
    let destination = folder.join("generated");
    let outcome = generate(&root, &server, &destination)
        .and_then(|generated| settle(&generated, &root.join("shared/generated/src"), check));
    server.stop(&Binaries::find()?)?;
    fs::remove_dir_all(&folder).context("the throw-away folder cannot be removed")?;
    outcome?;
    describe(&root.join("functions/identity-api/openapi.json"), check)
}

/// Writes what the API says of itself; with `check`, only compares.
fn describe(committed: &Path, check: bool) -> anyhow::Result<()> {
    let document = tests::api::document();
    if !check {
        return Ok(fs::write(committed, document)?);
    }
    ensure!(
        fs::read_to_string(committed).is_ok_and(|text| text == document),
        "{} does not fit the code: run `cargo xtask codegen`",
        committed.display()
    );
    Ok(())
}

fn generate(root: &Path, server: &Server, destination: &Path) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let queries = root.join("shared/queries");
    let mut config = Config::from_file(queries.join("cornucopia.toml"))?;
    config.queries = queries;
    destination.clone_into(&mut config.destination);
    cornucopia::gen_fresh(&server.url(), "codegen", &migrations(root)?, None, false, config)?;

    // The generator's order of modules is not always the same; the formatter's is.
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .arg(destination.join("src/lib.rs"))
        .status()
        .context("rustfmt cannot be run")?;
    ensure!(status.success(), "rustfmt refuses the generated sources");
    read(&destination.join("src"))
}

/// The migrations in the order of their versions.
fn migrations(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root.join("migrations"))? {
        let path = entry?.path();
        let version = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".sql"))
            .and_then(|name| name.strip_prefix('V')?.split_once("__"))
            .and_then(|(version, _)| version.parse::<u32>().ok());
        if let Some(version) = version {
            found.insert(version, path);
        }
    }
    Ok(found.into_values().collect())
}

/// The files below a folder, by their path in it.
fn read(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("{} cannot be read", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder)?.to_owned(), fs::read_to_string(&path)?);
            }
        }
    }
    Ok(files)
}

fn settle(generated: &BTreeMap<PathBuf, String>, committed: &Path, check: bool) -> anyhow::Result<()> {
    if check {
        let current = read(committed)?;
        let stale: BTreeSet<String> = generated
            .keys()
            .chain(current.keys())
            .filter(|path| generated.get(*path) != current.get(*path))
            .map(|path| path.display().to_string())
            .collect();
        let stale = Vec::from_iter(stale);
        if !stale.is_empty() {
            bail!(
                "shared/generated does not fit shared/queries: run `cargo xtask codegen` ({})",
                stale.join(", ")
            );
        }
        return Ok(());
    }
    fs::remove_dir_all(committed)?;
    for (path, text) in generated {
        let path = committed.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
