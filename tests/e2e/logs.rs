//! What the functions wrote.

use serde_json::Value;
use tests::local::Line;

/// A line of a function, read as the JSON object that it must be.
#[derive(Debug)]
pub(crate) struct Entry(pub(crate) Value);

impl Entry {
    /// `None` for what is no JSON object.
    pub(crate) fn read(line: &Line) -> Option<Self> {
        serde_json::from_str(&line.message)
            .ok()
            .filter(Value::is_object)
            .map(Self)
    }

    /// Whether it says this, in exactly these words.
    pub(crate) fn says(&self, message: &str) -> bool {
        self.0.get("message").and_then(Value::as_str) == Some(message)
    }

    /// A field of the line, or of one of the spans it was written in.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let spans = self.0.get("spans").and_then(Value::as_array);
        std::iter::once(&self.0)
            .chain(spans.into_iter().flatten())
            .find_map(|object| object.get(name))
            .and_then(Value::as_str)
    }
}

/// Lines in which the platform tells where an invocation begins and ends.
pub(crate) fn is_platforms(line: &Line) -> bool {
    ["START", "END", "REPORT"]
        .iter()
        .any(|word| line.message.starts_with(&format!("{word} RequestId: ")))
}
