//! Reading JSON that somebody else wrote: depth bounded, faults named by path, and nothing of the content repeated.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// How deep arrays and objects may be nested.
pub const MAX_DEPTH: usize = 128;

/// Why a text is not the JSON it should be. Says where, never what stood there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all, or not UTF-8.
    #[error("not JSON")]
    Syntax,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("JSON nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A field is missing or of another type.
    #[error("{path}: {problem}")]
    Shape {
        /// Where, as in `event.authorizations[0].team_id`.
        path: String,
        /// What is wrong there.
        problem: &'static str,
    },
}

impl JsonError {
    /// A fault at `path`.
    pub fn at(path: impl Into<String>, problem: &'static str) -> Self {
        Self::Shape {
            path: path.into(),
            problem,
        }
    }
}

/// Reads `text` as `T`, which may borrow from it.
///
/// The depth is counted before anything is parsed: serde's own limit does not hold for fields that are skipped or
/// kept raw, and those are read again further down the line.
///
/// # Errors
/// [`JsonError`], with a path for everything that is JSON.
pub fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, JsonError> {
    let text = std::str::from_utf8(text).map_err(|_| JsonError::Syntax)?;
    if depth_exceeds(text.as_bytes(), MAX_DEPTH) {
        return Err(JsonError::TooDeep);
    }
    read_part(text)
}

/// Reads a part of a text that [`read`] has already let pass.
///
/// # Errors
/// As [`read`].
pub fn read_part<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        match error.inner().classify() {
            // The parser's own words quote what they saw.
            serde_json::error::Category::Data => {
                JsonError::at(error.path().to_string(), "is missing or of another type")
            }
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => JsonError::Syntax,
        }
    })?;
    reader.end().map_err(|_| JsonError::Syntax)?;
    Ok(value)
}

/// Reads the member `name` of an object that [`read`] has already let pass; a path inside it is told from outside.
///
/// # Errors
/// As [`read`]; also when there is no such member.
pub fn read_member<'a, T: Deserialize<'a>>(name: &str, member: Option<&'a RawValue>) -> Result<T, JsonError> {
    let member = member.ok_or_else(|| JsonError::at(name, "is missing"))?;
    read_part(member.get()).map_err(|error| match error {
        JsonError::Shape { path, problem } if path == "." => JsonError::at(name, problem),
        // An index stands in brackets behind the name, a field behind a dot.
        JsonError::Shape { path, problem } if path.starts_with('[') => {
            JsonError::at(format!("{name}{path}"), problem)
        }
        JsonError::Shape { path, problem } => JsonError::at(format!("{name}.{path}"), problem),
        other => other,
    })
}

/// Whether arrays and objects are nested deeper than `limit`, counted without parsing. For a text that is not JSON
/// the answer means nothing, and the parser decides.
fn depth_exceeds(text: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Characters that SQS refuses in a message, beside control characters, which JSON escapes.
/// Source: `SendMessage` in the Amazon SQS API reference.
pub(crate) const NOT_FOR_QUEUES: [char; 2] = ['\u{FFFE}', '\u{FFFF}'];

/// A text that somebody else wrote. Half a surrogate pair, which cutting a text in the middle of an emoji leaves
/// behind, is not an error but a replacement character.
#[derive(Debug)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Text<'_> {
    /// The text without the few characters that a queue or Postgres refuses.
    pub(crate) fn clean(&self) -> String {
        let refused = |c: char| c == '\0' || NOT_FOR_QUEUES.contains(&c);
        if self.0.contains(refused) {
            self.0.replace(refused, "\u{FFFD}")
        } else {
            self.0.to_string()
        }
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> de::Visitor<'de> for Bytes {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(String::from_utf8_lossy(bytes))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
            }
        }

        deserializer.deserialize_bytes(Bytes).map(Text)
    }
}

/// Cuts `text` down to `limit` bytes, at a character.
pub(crate) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Outer<'a> {
        count: u8,
        #[serde(borrow)]
        rest: Option<&'a RawValue>,
    }

    fn nested(depth: usize) -> String {
        format!(
            r#"{{"count":1,"rest":{}{}}}"#,
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    }

    #[test]
    fn depth_128_passes_and_129_does_not_even_where_nobody_parses_it() {
        let text = nested(128);
        let outer: Outer<'_> = read(text.as_bytes()).expect("as deep as allowed");
        assert_eq!(outer.rest.map(|raw| raw.get().len()), Some(254));
        assert_eq!(
            read::<Outer<'_>>(nested(129).as_bytes()).err(),
            Some(JsonError::TooDeep)
        );
        let brackets_in_a_text = format!(r#"{{"count":1,"note":"\"{}"}}"#, "[".repeat(500));
        read::<Outer<'_>>(brackets_in_a_text.as_bytes()).expect("brackets inside a text are text");
    }

    #[test]
    fn a_fault_is_named_by_its_path_and_its_content_is_not_repeated() {
        let error = read::<Outer<'_>>(br#"{"count":"hunter2"}"#).expect_err("not a number");
        assert_eq!(error, JsonError::at("count", "is missing or of another type"));
        assert_eq!(
            read::<Outer<'_>>(b"hunter2").expect_err("not JSON"),
            JsonError::Syntax
        );
        assert_eq!(
            read::<Outer<'_>>(b"{\"count\":1}x").expect_err("more after it"),
            JsonError::Syntax
        );
        assert_eq!(
            read::<Outer<'_>>(b"{\"count\":1,\"a\":\"\xff\"}").expect_err("not UTF-8"),
            JsonError::Syntax
        );
    }

    #[test]
    fn the_raw_part_is_the_very_bytes_that_came() {
        let text = br#"{"count":1,"rest":{ "a" : "\u00e9\/" }}"#;
        let outer: Outer<'_> = read(text).expect("JSON");
        assert_eq!(outer.count, 1);
        assert_eq!(outer.rest.map(RawValue::get), Some(r#"{ "a" : "\u00e9\/" }"#));
    }

    #[test]
    fn half_an_emoji_is_read_and_what_postgres_or_sqs_refuses_is_replaced() {
        let read = |json: &str| {
            read_part::<Text<'_>>(json)
                .map(|text| text.clean())
                .expect("a text")
        };
        assert_eq!(read(r#""cut \ud83d""#), "cut \u{FFFD}\u{FFFD}\u{FFFD}");
        assert_eq!(read(r#""\ud83d\udc22""#), "🐢");
        assert_eq!(read(r#""a\u0000b\ufffe""#), "a\u{FFFD}b\u{FFFD}");
        assert_eq!(read("\"a\u{FFFF}\""), "a\u{FFFD}");
    }

    #[test]
    fn a_text_is_cut_at_a_character() {
        let mut turtles = format!("a{}", "🐢".repeat(3));
        cut(&mut turtles, 7);
        assert_eq!(turtles, "a🐢");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _: Result<serde_json::Value, _> = read(&bytes);
        }
    }
}
