//! What a third party wrote, made fit to be kept and shown: plain, short, and on one line.

use url::Url;

use crate::json::NOT_FOR_QUEUES;

/// The most characters of the address of a page.
const MAX_URL: usize = 2048;

/// A text on one line, of at most so many characters; none where nothing is left of it.
pub(super) fn line(text: &str, most: usize) -> Option<String> {
    let mut line = String::new();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control() || is_unseen(c));
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let line: String = line.chars().take(most).collect();
    let line = line.trim_end();
    (!line.is_empty()).then(|| line.to_owned())
}

/// What nobody sees, and what turns the direction of what stands beside it; also what a queue refuses.
fn is_unseen(c: char) -> bool {
    NOT_FOR_QUEUES.contains(&c)
        || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// The address of a page that somebody may be sent to: `https://…`, and no user in it.
pub(super) fn page(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    (is_plain && url.as_str().len() <= MAX_URL).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_out_on_one_line_and_short() {
        assert_eq!(
            line(" a\r\n\tb\0c\u{202E}d\u{FFFF} ", 9).as_deref(),
            Some("a b c d")
        );
        assert_eq!(line("äöü", 2).as_deref(), Some("äö"));
        assert_eq!(line("ab cd", 3).as_deref(), Some("ab"));
        for nothing in ["", " \n", "\u{200B}\u{FEFF}"] {
            assert_eq!(line(nothing, 9), None, "{nothing:?}");
        }
    }

    #[test]
    fn nobody_is_sent_to_what_is_no_page() {
        let good = "https://acme.pagerduty.com/incidents/PGR0VU2";
        assert_eq!(page(good).as_deref(), Some(good));
        for wrong in [
            "",
            "/incidents/1",
            "http://acme.pagerduty.com/",
            "javascript:alert(1)",
            "https://acme.pagerduty.com@evil.example/",
            "https://:x@evil.example/",
        ] {
            assert_eq!(page(wrong), None, "{wrong}");
        }
        assert_eq!(page(&format!("{good}{}", "a".repeat(2048))), None);
    }
}
