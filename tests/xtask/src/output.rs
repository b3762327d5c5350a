//! What commands print.

use std::io::Write as _;

use ::tests::client::Answer;
use serde_json::Value;

/// A line of a command's result.
pub(crate) fn say(text: &str) {
    // Nobody to read it is no reason to fail: `cargo xtask … | head`.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A line about a failure.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A request, its status, and the time until it was answered.
pub(crate) fn request(request: &str, answer: &Answer) {
    say(&format!(
        "  {request:<58}{:>4}{:>5} ms",
        answer.status.as_str(),
        answer.took.as_millis()
    ));
}

/// Some fields of an answer, each on its line.
pub(crate) fn show(answer: &Value, names: &[&str]) {
    say("    {");
    for (number, name) in names.iter().enumerate() {
        let comma = if number + 1 < names.len() { "," } else { "" };
        let text = pretty(&answer[*name], "      ");
        say(&format!("      \"{name}\": {text}{comma}"));
    }
    say("    }");
}

/// JSON with each field on its line and each list on one.
fn pretty(value: &Value, indent: &str) -> String {
    let Value::Object(fields) = value else {
        return value.to_string();
    };
    let lines: Vec<_> = fields
        .iter()
        .map(|(name, value)| {
            format!(
                "\n{indent}  \"{name}\": {}",
                pretty(value, &format!("{indent}  "))
            )
        })
        .collect();
    format!("{{{}\n{indent}}}", lines.join(","))
}

/// Some fields of something, on one line.
pub(crate) fn fields(of: &Value, names: &[&str]) -> String {
    let fields: Vec<_> = names
        .iter()
        .map(|name| format!("\"{name}\": {}", of[*name]))
        .collect();
    format!("{{{}}}", fields.join(", "))
}
