//! Lists in pages, and the fields by which they are asked for.
//!
//! A cursor is the place behind the last thing of a page, so nothing is left out or shown twice when things come and go
//! meanwhile. It holds a position and no right: whose list it is comes from the caller's session.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::error::ApiError;
use crate::{clock::Timestamp, json};

/// How many things a page has when nobody says.
const USUAL: u32 = 50;
/// How many it has at the most.
const MOST: u32 = 200;
/// No cursor of ours is longer.
const LONGEST_CURSOR: usize = 512;

/// How many things a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

/// Reads the field `limit`.
///
/// # Errors
/// [`ApiError::Invalid`] for none, or more than 200.
pub fn limit(asked: Option<u32>) -> Result<Limit, ApiError> {
    let limit = asked.unwrap_or(USUAL);
    if (1..=MOST).contains(&limit) {
        Ok(Limit(limit))
    } else {
        Err(ApiError::invalid("limit", format!("must be from 1 to {MOST}")))
    }
}

impl Limit {
    /// How many to read: one more, which tells whether there is a next page.
    #[must_use]
    pub fn and_one(self) -> i64 {
        i64::from(self.0) + 1
    }

    /// The page of what was read, and the cursor of the next page; `place` is where something stands.
    pub fn page<T, C: Serialize>(
        self,
        mut found: Vec<T>,
        place: impl Fn(&T) -> C,
    ) -> (Vec<T>, Option<String>) {
        let limit = usize::try_from(self.0).unwrap_or(usize::MAX);
        if found.len() <= limit {
            return (found, None);
        }
        found.truncate(limit);
        let cursor = found
            .last()
            .and_then(|last| serde_json::to_vec(&place(last)).ok())
            .map(|place| BASE64_URL_SAFE_NO_PAD.encode(place));
        (found, cursor)
    }
}

/// Reads the field `cursor`; blank is none.
///
/// # Errors
/// [`ApiError::Invalid`] for what is no cursor of this list.
pub fn cursor<C: DeserializeOwned>(text: Option<&str>) -> Result<Option<C>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let place = (text.len() <= LONGEST_CURSOR)
        .then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())
        .flatten()
        .and_then(|bytes| json::read(&bytes).ok());
    place
        .map(Some)
        .ok_or_else(|| ApiError::invalid("cursor", "is none of this list; send next_cursor as it came"))
}

/// A time in a cursor: one of this era, since whoever has a cursor can write another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Timestamp", into = "Timestamp")]
pub struct Moment(pub Timestamp);

impl TryFrom<Timestamp> for Moment {
    type Error = &'static str;

    fn try_from(time: Timestamp) -> Result<Self, &'static str> {
        if time >= Timestamp::UNIX_EPOCH {
            Ok(Self(time))
        } else {
            Err("a time before all that is kept")
        }
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

/// Reads a text to look for; blank is none.
///
/// # Errors
/// [`ApiError::Invalid`] for a text of more than `longest` characters, or with control characters in it.
pub fn text<'a>(
    field: &'static str,
    text: Option<&'a str>,
    longest: usize,
) -> Result<Option<&'a str>, ApiError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > longest {
        return Err(ApiError::invalid(
            field,
            format!("must have {longest} characters at the most"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::invalid(field, "must have no control characters"));
    }
    Ok(Some(text))
}

/// Reads a word of a list; blank is none.
///
/// # Errors
/// [`ApiError::Invalid`] for another word.
pub fn word<T: Copy>(
    field: &'static str,
    text: Option<&str>,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let found = all.iter().copied().find(|one| as_str(*one) == text);
    found.map(Some).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|one| as_str(*one)).collect();
        ApiError::invalid(field, format!("must be one of: {}", words.join(", ")))
    })
}

/// Reads a time; blank is none.
///
/// # Errors
/// [`ApiError::Invalid`] for what is no time in RFC 3339, or none of this era.
pub fn time(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.to_utc())
        .filter(|time| *time >= Timestamp::UNIX_EPOCH)
        .map(Some)
        .ok_or_else(|| ApiError::invalid(field, "must be a time such as 2026-01-31T09:30:00Z"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
        match result {
            Err(ApiError::Invalid(fields)) => fields[0].field.clone(),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_page_leads_to_the_next_one_and_the_last_to_none() {
        let limit = limit(Some(2)).expect("a limit");
        assert_eq!(limit.and_one(), 3);
        let (page, next) = limit.page(vec![1, 2, 3], |last| *last);
        assert_eq!(page, [1, 2]);
        assert_eq!(cursor::<i32>(next.as_deref()).ok(), Some(Some(2)));
        assert_eq!(limit.page(vec![3, 4], |last| *last), (vec![3, 4], None));
        assert_eq!(cursor::<i32>(None).ok(), Some(None));
        assert_eq!(cursor::<i32>(Some("")).ok(), Some(None));
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused_by_its_field() {
        assert_eq!(field(limit(Some(0))), "limit");
        assert_eq!(field(limit(Some(201))), "limit");
        assert_eq!(field(cursor::<i32>(Some("???"))), "cursor");
        assert_eq!(field(cursor::<i32>(Some("InRleHQi"))), "cursor");
        let ancient = BASE64_URL_SAFE_NO_PAD.encode(r#""-200000-01-01T00:00:00Z""#);
        assert_eq!(field(cursor::<Moment>(Some(&ancient))), "cursor");
        assert_eq!(field(text("query", Some("a\0b"), 9)), "query");
        assert_eq!(field(text("query", Some("aaaa"), 3)), "query");
        assert_eq!(text("query", Some("  é "), 1).ok(), Some(Some("é")));
        assert_eq!(field(word("role", Some("boss"), &["admin"], |word| word)), "role");
        assert_eq!(field(time("since", Some("yesterday"))), "since");
        assert_eq!(field(time("since", Some("0001-01-01T00:00:00Z"))), "since");
        let noon = time("since", Some("2026-01-31T13:00:00+01:00")).expect("a time");
        assert_eq!(
            noon.map(|time| time.to_rfc3339()),
            Some("2026-01-31T12:00:00+00:00".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_cursor_is_read_or_refused(text in "[ -~]{0,600}") {
            let _: Result<Option<(i64, String)>, _> = cursor(Some(&text));
        }
    }
}
