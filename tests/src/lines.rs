//! What is logged, caught by the logging that functions use.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use shared::telemetry;
use tracing::subscriber::DefaultGuard;

/// Log lines as they are before anything is blotted out: what is not logged needs no blotting.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Catches what this thread logs, from this level on, until the guard is dropped.
    #[must_use]
    pub fn listen(&self, level: &str) -> DefaultGuard {
        let lines = self.clone();
        tracing::subscriber::set_default(telemetry::subscriber(level, move || lines.clone()))
    }

    /// Everything, as it was written.
    #[must_use]
    pub fn whole(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The lines.
    ///
    /// # Panics
    /// When one is not a JSON object.
    #[must_use]
    pub fn read(&self) -> Vec<Value> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => Value::Object(fields),
            _ => panic!("a line that is no JSON object: {line}"),
        };
        self.whole().lines().map(parse).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
