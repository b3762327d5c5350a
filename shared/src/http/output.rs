//! What answers have in common.

use chrono::SecondsFormat;

use crate::clock::Timestamp;

/// A time as answers have it: RFC 3339 in whole seconds, with `Z`.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
