//! Rules about the tree that no compiler enforces.

use std::{
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
    ("http", &["crate::queue", "crate::agent", "crate::conversation"]),
    (
        "queue",
        &[
            "crate::db",
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
