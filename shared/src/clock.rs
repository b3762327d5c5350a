//! Time as a dependency: what the clock says is what a test says it says.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

/// A point in time, in UTC.
pub type Timestamp = DateTime<Utc>;

/// Where the present time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// A clock that can be shared by everything in a process.
pub type SharedClock = Arc<dyn Clock>;

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    fn now(&self) -> Timestamp {
        Utc::now()
    }
}

/// `time` plus a [`Duration`]; stays at the end of time instead of overflowing.
#[must_use]
pub fn after(time: Timestamp, duration: Duration) -> Timestamp {
    chrono::TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| time.checked_add_signed(delta))
        .unwrap_or(Timestamp::MAX_UTC)
}

/// `time` minus a [`Duration`]; stays at the beginning of time instead of overflowing.
#[must_use]
pub fn before(time: Timestamp, duration: Duration) -> Timestamp {
    chrono::TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| time.checked_sub_signed(delta))
        .unwrap_or(Timestamp::MIN_UTC)
}

/// How long `until` is away from `now`; zero when it has passed.
#[must_use]
pub fn until(now: Timestamp, until: Timestamp) -> Duration {
    (until - now).to_std().unwrap_or(Duration::ZERO)
}

/// A clock that stands still until a test moves it.
#[cfg(feature = "test-support")]
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<std::sync::Mutex<Timestamp>>);

#[cfg(feature = "test-support")]
impl FixedClock {
    /// A clock that says `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(std::sync::Mutex::new(now)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = after(*now, by);
    }
}

#[cfg(feature = "test-support")]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
