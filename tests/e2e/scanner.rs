//! Finds secrets in whatever clothes.

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD, prelude::BASE64_URL_SAFE_NO_PAD};

/// Shorter ones would be found where they are not.
const SHORTEST: usize = 8;

/// Looks for secrets as they are, and as JSON, `Debug`, URLs, hexadecimal and Base64 write them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scanner {
    hidden: Vec<(&'static str, Vec<String>)>,
}

impl Scanner {
    /// Looks for this from now on; `what` says what was found.
    pub(crate) fn hide(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= SHORTEST, "{what} is too short to look for");
        self.hidden.push((what, forms(secret)));
    }

    /// What of it is in a text.
    pub(crate) fn found_in(&self, text: &str) -> Vec<&'static str> {
        self.hidden
            .iter()
            .filter(|(_, forms)| forms.iter().any(|form| text.contains(form)))
            .map(|(what, _)| *what)
            .collect()
    }
}

fn forms(secret: &str) -> Vec<String> {
    let json = escaped(secret);
    let url: String = secret
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let debug = format!("{secret:?}");
    let mut forms = vec![
        secret.to_owned(),
        escaped(&json),
        json,
        debug.trim_matches('"').to_owned(),
        url,
        hex::encode(secret),
    ];
    // Three ways, by what stands before it. The first characters also hold what is before, the last what is behind.
    for (before, skip) in [(0, 0), (1, 2), (2, 3)] {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        for encoded in [
            BASE64_STANDARD_NO_PAD.encode(&bytes),
            BASE64_URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            let last = usize::from(!bytes.len().is_multiple_of(3));
            forms.push(encoded[skip..encoded.len() - last].to_owned());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// As it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
    use serde_json::json;

    use super::*;

    const SECRET: &str = r#"p"a\s/s+w?rd~9&é"#;

    fn scanner() -> Scanner {
        let mut scanner = Scanner::default();
        scanner.hide("a password", SECRET);
        scanner.hide("something else", "something else");
        scanner
    }

    #[test]
    fn a_secret_is_found_in_whatever_clothes() {
        let inner = json!({ "password": SECRET }).to_string();
        let mut seen = vec![
            format!("the password is {SECRET}."),
            json!({ "level": "INFO", "message": inner }).to_string(),
            format!("{:?}", Some(SECRET)),
            "host=x&password=p%22a%5Cs%2Fs%2Bw%3Frd~9%26%C3%A9&port=1".to_owned(),
            format!("bytes {}", hex::encode(format!("<{SECRET}>"))),
            inner,
        ];
        for before in ["", "a", "ab", "abc"] {
            let plain = format!("{before}{SECRET}:behind");
            seen.push(BASE64_STANDARD.encode(&plain));
            seen.push(BASE64_URL_SAFE.encode(&plain));
        }
        for text in seen {
            assert_eq!(scanner().found_in(&text), ["a password"], "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let near = &SECRET[1..];
        for text in ["", r#"{"level":"INFO","message":"a task was queued"}"#, near] {
            assert_eq!(scanner().found_in(text), [""; 0], "{text}");
        }
    }
}
