//! Folders for what one run needs and nobody after it.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tempfile::TempDir;

const LOCK: &str = "in-use";

/// A folder that is removed when dropped. One that is left behind, because its process was killed, is removed by the
/// next run: its lock is gone with the process.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a folder whose name begins with `prefix`.
    pub(super) fn make(parent: &Path, prefix: &str) -> anyhow::Result<Self> {
        let fault = || format!("no folder can be made in {}", parent.display());
        std::fs::create_dir_all(parent).with_context(fault)?;
        for abandoned in abandoned(parent, prefix) {
            // Somebody else's, perhaps, and then not ours to remove.
            let _ = std::fs::remove_dir_all(abandoned);
        }
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(parent)
            .with_context(fault)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn abandoned(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(|path| File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().expect("a folder");
        let used = Scratch::make(parent.path(), "run-").expect("a folder");
        let left = parent.path().join("run-left");
        std::fs::create_dir(&left).expect("a folder");
        std::fs::write(left.join(LOCK), "").expect("a lock that nobody holds");
        let other = parent.path().join("other");
        std::fs::create_dir(&other).expect("a folder");

        let second = Scratch::make(parent.path(), "run-").expect("a folder");
        assert!(used.path().is_dir() && second.path().is_dir() && other.is_dir());
        assert!(!left.exists());
    }
}
