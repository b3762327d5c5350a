//! Reading the environment: every missing or malformed variable is reported at once, by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// The variables of a process, read once at its start. Collects what is wrong with them until [`Env::finish`].
#[derive(Debug)]
pub struct Env {
    variables: BTreeMap<String, String>,
    asked: BTreeSet<&'static str>,
    missing: Vec<&'static str>,
    malformed: Vec<(&'static str, String)>,
}

/// What is wrong with the environment, with the name of every variable concerned and the value of none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub struct ConfigError {
    missing: Vec<&'static str>,
    malformed: Vec<(&'static str, String)>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment is not complete")?;
        if !self.missing.is_empty() {
            write!(f, "; missing: {}", self.missing.join(", "))?;
        }
        for (name, reason) in &self.malformed {
            write!(f, "; {name}: {reason}")?;
        }
        Ok(())
    }
}

impl Env {
    /// The variables of this process.
    #[must_use]
    pub fn from_process() -> Self {
        Self::from_pairs(std::env::vars())
    }

    /// Variables given as pairs, for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self {
            variables: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            asked: BTreeSet::new(),
            missing: Vec::new(),
            malformed: Vec::new(),
        }
    }

    /// The names that were asked for so far, found or not: what a deployment may set.
    #[must_use]
    pub const fn asked(&self) -> &BTreeSet<&'static str> {
        &self.asked
    }

    fn get(&mut self, name: &'static str) -> Option<&str> {
        self.asked.insert(name);
        self.variables
            .get(name)
            .map(|v| v.trim())
            .filter(|v| !v.is_empty())
    }

    /// A variable that must be there and not be blank. Answers a blank string when it is not; [`Env::finish`]
    /// then fails, so the blank is never used.
    pub fn required(&mut self, name: &'static str) -> String {
        if let Some(value) = self.get(name) {
            return value.to_owned();
        }
        self.missing.push(name);
        String::new()
    }

    /// A variable that may be absent; blank counts as absent.
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A variable that may be absent but, where it is there, must be readable as `T`.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &'static str, default: T) -> T {
        match self.get(name).map(str::parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.malformed.push((name, error.to_string()));
                default
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that was missing or malformed.
    pub fn finish(self) -> Result<(), ConfigError> {
        if self.missing.is_empty() && self.malformed.is_empty() {
            Ok(())
        } else {
            Err(ConfigError {
                missing: self.missing,
                malformed: self.malformed,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_and_malformed_variables_are_named_at_once_and_no_value_is_shown() {
        let mut env = Env::from_pairs([("QUEUE", "https://q"), ("BLANK", "  "), ("SECONDS", "hunter2")]);
        assert_eq!(env.required("QUEUE"), "https://q");
        env.required("BLANK");
        env.required("ABSENT");
        assert_eq!(env.parsed("SECONDS", 7_u64), 7);
        assert_eq!(env.parsed("OTHER_SECONDS", 9_u64), 9);
        let error = env.finish().expect_err("two are missing").to_string();
        assert_eq!(
            error,
            "the environment is not complete; missing: BLANK, ABSENT; SECONDS: invalid digit found in string"
        );
    }

    #[test]
    fn a_complete_environment_passes() {
        let mut env = Env::from_pairs([("A", "1")]);
        env.required("A");
        assert_eq!(env.optional("B"), None);
        assert_eq!(env.parsed("C", 3), 3);
        assert_eq!(env.asked().iter().copied().collect::<Vec<_>>(), ["A", "B", "C"]);
        assert_eq!(env.finish(), Ok(()));
    }
}
