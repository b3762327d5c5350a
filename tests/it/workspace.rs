//! Rules about the tree that no compiler enforces.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace is above")
        .to_owned()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// What a module of `shared` may not name. Tests inside the files count too: there is no reason for them to.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "task.rs",
        &[
            "crate::db",
            "crate::queue",
            "crate::secret",
            "crate::connector",
            "crate::conversation",
            "crate::agent",
        ],
    ),
    ("id.rs", &["crate::"]),
    ("config.rs", &["crate::"]),
    ("clock.rs", &["crate::"]),
    (
        "connector",
        &[
            "crate::db",
            "crate::queue",
            "crate::secret::vault",
            "crate::agent",
            "sql::",
            "tokio_postgres",
        ],
    ),
    (
        "webhook",
        &[
            "crate::db",
            "crate::queue",
            "crate::connector",
            "crate::agent",
            "crate::conversation",
        ],
    ),
    (
        "auth",
        &[
            "crate::queue",
            "crate::connector",
            "crate::agent",
            "crate::conversation",
        ],
    ),
    ("http", &["crate::queue", "crate::agent", "crate::conversation"]),
    // Connectors use it.
    (
        "http/client.rs",
        &[
            "crate::db",
            "crate::queue",
            "crate::connector",
            "crate::secret",
            "crate::webhook",
            "crate::auth",
        ],
    ),
    (
        "queue",
        &[
            "crate::connector",
            "crate::conversation",
            "crate::agent",
            "crate::secret",
        ],
    ),
    (
        "secret",
        &[
            "crate::db",
            "crate::queue",
            "crate::conversation",
            "crate::agent",
            "crate::webhook",
        ],
    ),
    (
        "agent",
        &[
            "crate::db",
            "crate::queue",
            "crate::conversation",
            "crate::secret",
            "crate::connector",
        ],
    ),
    (
        "auth",
        &[
            "crate::queue",
            "crate::conversation",
            "crate::agent",
            "crate::connector",
            "sql::",
        ],
    ),
    (
        "identity",
        &[
            "crate::http::error",
            "crate::auth",
            "crate::queue",
            "crate::conversation",
            "crate::agent",
            "sql::",
            "tokio_postgres",
        ],
    ),
    (
        "conversation",
        &["sql::", "tokio_postgres", "deadpool_postgres", "aws_sdk"],
    ),
    (
        "db",
        &[
            "crate::queue",
            "crate::conversation",
            "crate::agent",
            "crate::webhook",
            "crate::http",
        ],
    ),
];

#[test]
fn modules_depend_downwards_only() {
    let shared = root().join("shared/src");
    let mut broken = Vec::new();
    for (module, forbidden) in FORBIDDEN {
        let path = shared.join(module);
        let files = if path.is_dir() { sources(&path) } else { vec![path] };
        assert!(
            !files.is_empty(),
            "{module} has no sources; is the rule out of date?"
        );
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            for name in *forbidden {
                if text.contains(name) {
                    broken.push(format!("{} names {name}", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_the_database_layer_knows_the_generated_statements() {
    let root = root();
    let db = root.join("shared/src/db");
    let mut broken = Vec::new();
    for folder in ["shared/src", "functions"] {
        for file in sources(&root.join(folder)) {
            let text = fs::read_to_string(&file).expect("a source file");
            let names_it = text.contains("use sql::") || text.contains(" sql::queries");
            if names_it && !file.starts_with(&db) {
                broken.push(file);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Without the flag the first TLS handshake of a process costs some 50 ms of CPU, on a small function most of a second.
#[test]
fn aws_lc_is_built_without_jitter_entropy() {
    let config = fs::read_to_string(root().join(".cargo/config.toml")).expect("cargo's configuration");
    assert!(
        config
            .lines()
            .any(|line| line.trim() == r#"AWS_LC_SYS_NO_JITTER_ENTROPY = "1""#),
        "{config}"
    );
}

#[test]
fn there_is_one_crypto_provider_and_one_http_stack() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
    let packages: Vec<_> = lock
        .split("[[package]]")
        .filter_map(|package| {
            let value = |key: &str| {
                package
                    .lines()
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
            };
            Some((value("name")?, value("version")?))
        })
        .collect();
    assert!(packages.len() > 100, "the lock file was not understood");
    for name in ["openssl", "openssl-sys", "native-tls"] {
        assert!(
            packages.iter().all(|(package, _)| *package != name),
            "{name} is linked"
        );
    }
    let hyper: Vec<_> = packages.iter().filter(|(name, _)| *name == "hyper").collect();
    assert_eq!(hyper.len(), 1, "{hyper:?}");
    let rustls: Vec<_> = packages.iter().filter(|(name, _)| *name == "rustls").collect();
    assert_eq!(rustls.len(), 1, "{rustls:?}");
}

#[test]
fn entry_points_only_enter() {
    for function in fs::read_dir(root().join("functions")).expect("the functions") {
        let main = function.expect("a function").path().join("src/main.rs");
        let lines = fs::read_to_string(&main).expect("an entry point").lines().count();
        assert!(lines <= 20, "{} has {lines} lines", main.display());
    }
}

/// What follows `opening` up to the next quotation mark, everywhere in `text`.
fn quoted<'a>(text: &'a str, opening: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(opening)
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

#[test]
fn every_metric_is_explained_to_the_operator_and_none_that_is_not_there() {
    let root = root();
    let mut counted = BTreeSet::new();
    for folder in ["shared/src", "functions"] {
        for file in sources(&root.join(folder)) {
            let text = fs::read_to_string(&file).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            for opening in [".count(", ".put(", ".took("] {
                counted.extend(quoted(code, opening).map(ToOwned::to_owned));
            }
        }
    }
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    let (_, table) = readme.split_once("| metric | counts | by |").expect("the table");
    let (table, _) = table.split_once("\n\n").expect("its end");
    let explained: BTreeSet<_> = table
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned()))
        .collect();
    assert!(counted.len() > 5, "the sources were not understood: {counted:?}");
    assert_eq!(explained, counted);
}

/// What the pages lead to is there.
#[test]
fn links_between_pages_lead_somewhere() {
    let root = root();
    let mut broken = Vec::new();
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "migrations/README.md",
    ] {
        let text = fs::read_to_string(root.join(page)).expect("a page");
        let folder = root.join(page).parent().map(Path::to_owned).unwrap_or_default();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_ours = !link.starts_with("http") && !link.starts_with('#');
            if is_ours && !folder.join(link).exists() {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
