//! `cargo xtask slack-manifest`: what to paste into Slack to create the app.

use ::tests::local::repository;
use anyhow::{Context as _, ensure};

use crate::output::say;

const PLACEHOLDER: &str = "${URL}";
const CONSOLE: &str = "${CONSOLE}";

pub(crate) fn print(url: &str, console: Option<&str>) -> anyhow::Result<()> {
    let path = repository().join("functions/slack-events/manifest.yaml");
    let manifest =
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    say(fill(&manifest, url, console)?.trim_end());
    Ok(())
}

/// Fills the addresses in; leaves out what is about a web client where there is none.
fn fill(manifest: &str, url: &str, console: Option<&str>) -> anyhow::Result<String> {
    let url = url.trim_end_matches('/').trim_end_matches("/slack/events");
    check(url)?;
    ensure!(
        manifest.contains(PLACEHOLDER),
        "the manifest has no place for the address"
    );
    let manifest = manifest.replace(PLACEHOLDER, url);
    if let Some(console) = console {
        let console = console.trim_end_matches('/');
        check(console)?;
        return Ok(manifest.replace(CONSOLE, console));
    }
    let lines = manifest.lines().filter(|line| !line.contains(CONSOLE));
    Ok(lines.flat_map(|line| [line, "\n"]).collect())
}

fn check(url: &str) -> anyhow::Result<()> {
    let host = url.strip_prefix("https://").unwrap_or_default();
    ensure!(
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '"' || c == '#'),
        "Slack only calls https addresses, such as https://abc123.execute-api.eu-central-1.amazonaws.com; not {url}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_filled_in_however_it_was_copied() {
        for url in [
            "https://x.example",
            "https://x.example/",
            "https://x.example/slack/events",
        ] {
            let filled = fill("request_url: ${URL}/slack/events\n", url, None).expect("an address");
            assert_eq!(filled, "request_url: https://x.example/slack/events\n");
        }
    }

    #[test]
    fn without_a_web_client_nobody_is_sent_back_to_one() {
        let manifest = "- ${URL}/a\n- ${CONSOLE}/b\n";
        let fill = |console| fill(manifest, "https://x.example", console).expect("addresses");
        assert_eq!(fill(None), "- https://x.example/a\n");
        assert_eq!(
            fill(Some("https://app.example/")),
            "- https://x.example/a\n- https://app.example/b\n"
        );
    }

    #[test]
    fn an_address_that_slack_would_refuse_is_refused() {
        for url in ["http://x.example", "x.example", "https://", "https://a b"] {
            assert!(fill("${URL}", url, None).is_err(), "{url}");
            assert!(fill("${URL}", "https://x.example", Some(url)).is_err(), "{url}");
        }
    }
}
