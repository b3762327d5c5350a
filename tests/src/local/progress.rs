//! What a person sees while the stack is being prepared.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

/// Writes what is being done to the terminal (standard error), each line with the time since the start.
#[derive(Debug, Clone)]
pub struct Progress {
    begun: Instant,
    silent: bool,
}

impl Progress {
    /// Shown on the terminal.
    #[must_use]
    pub fn shown() -> Self {
        Self {
            begun: Instant::now(),
            silent: false,
        }
    }

    /// Shown nowhere.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            begun: Instant::now(),
            silent: true,
        }
    }

    /// Something begins or has been done.
    pub fn step(&self, text: &str) {
        self.line(text);
    }

    /// Something goes on, or is worth knowing.
    pub fn note(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn line(&self, text: &str) {
        if !self.silent {
            let seconds = self.begun.elapsed().as_secs_f32();
            // A terminal that has gone away is no reason to stop.
            let _ = writeln!(std::io::stderr(), "[{seconds:6.1} s] {text}");
        }
    }
}
