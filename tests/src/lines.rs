//! What is logged, caught by the logging that functions use.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, Once, PoisonError},
};

use serde_json::Value;
use shared::telemetry;
use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, Interest},
};

/// Log lines as they are before anything is blotted out: what is not logged needs no blotting.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Catches what this thread logs, from this level on, until the guard is dropped.
    #[must_use]
    pub fn listen(&self, level: &str) -> DefaultGuard {
        static BYSTANDER: Once = Once::new();
        BYSTANDER.call_once(|| {
            // Refused where a function logs to standard output in this process: that one is as good.
            drop(tracing::subscriber::set_global_default(Bystander));
        });
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

/// Threads on which nobody listens have this in place of nothing.
///
/// Whether anybody is interested in a line is asked once for the whole process, when the line is first come across, and
/// where there is but one who listens, only of who listens on that thread. With nothing there, the answer would be
/// `never`, also for the one who listens on another thread.
#[derive(Debug)]
struct Bystander;

impl Subscriber for Bystander {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn say() {
        tracing::info!("said");
    }

    #[test]
    fn who_listens_catches_what_another_thread_came_across_first() {
        let lines = Lines::default();
        let _guard = lines.listen("info");
        assert!(thread::spawn(say).join().is_ok());
        assert!(lines.read().is_empty(), "nobody listens on that thread");
        say();
        assert_eq!(lines.read().len(), 1);
    }
}
