//! What commands print.

use std::io::Write as _;

/// A line of a command's result.
pub(crate) fn say(text: &str) {
    // Nobody to read it is no reason to fail: `cargo xtask … | head`.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A line about a failure.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
