//! People's display names, so that Slack is not asked for them at every message.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::clock::{self, Timestamp};

/// How long a name is remembered.
const LIFETIME: Duration = Duration::from_hours(1);
/// How many names are remembered.
const NAMES: usize = 1_000;

/// Display names by workspace and user id, for an hour. That somebody has none is remembered too.
#[derive(Debug, Default)]
pub struct Names(Mutex<HashMap<(String, String), Remembered>>);

/// What Slack said of somebody.
#[derive(Debug, Clone)]
struct Remembered {
    until: Timestamp,
    name: Option<String>,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// The name, or that there is none.
    Name(Option<String>),
    /// Slack must be asked.
    Nothing,
}

impl Names {
    pub(super) fn get(&self, now: Timestamp, team: &str, user: &str) -> Known {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names
            .get(&(team.to_owned(), user.to_owned()))
            .filter(|remembered| now < remembered.until)
            .map_or(Known::Nothing, |remembered| Known::Name(remembered.name.clone()))
    }

    pub(super) fn put(&self, now: Timestamp, team: &str, user: &str, name: Option<String>) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES {
            names.clear();
        }
        let until = clock::after(now, LIFETIME);
        names.insert((team.to_owned(), user.to_owned()), Remembered { until, name });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_for_an_hour_and_only_in_its_workspace() {
        let names = Names::default();
        let now = Timestamp::UNIX_EPOCH;
        names.put(now, "T1", "U1", Some("Ada".to_owned()));
        names.put(now, "T1", "U2", None);
        assert_eq!(names.get(now, "T1", "U1"), Known::Name(Some("Ada".to_owned())));
        assert_eq!(names.get(now, "T1", "U2"), Known::Name(None));
        assert_eq!(names.get(now, "T2", "U1"), Known::Nothing);
        assert_eq!(names.get(clock::after(now, LIFETIME), "T1", "U1"), Known::Nothing);
    }

    #[test]
    fn names_do_not_pile_up() {
        let names = Names::default();
        for user in 0..=NAMES {
            names.put(Timestamp::UNIX_EPOCH, "T1", &user.to_string(), None);
        }
        assert!(names.0.lock().unwrap().len() <= NAMES);
    }
}
