//! `cargo xtask slack-manifest`: what to paste into Slack to create the app.

use ::tests::local::repository;
use anyhow::{Context as _, ensure};

use crate::output::say;

const PLACEHOLDER: &str = "${URL}";

pub(crate) fn print(url: &str) -> anyhow::Result<()> {
    let path = repository().join("functions/slack-events/manifest.yaml");
    let manifest =
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    say(fill(&manifest, url)?.trim_end());
    Ok(())
}

fn fill(manifest: &str, url: &str) -> anyhow::Result<String> {
    let url = url.trim_end_matches('/').trim_end_matches("/slack/events");
    let host = url.strip_prefix("https://").unwrap_or_default();
    ensure!(
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '"' || c == '#'),
        "Slack only calls https addresses, such as https://abc123.execute-api.eu-central-1.amazonaws.com; not {url}"
    );
    ensure!(
        manifest.contains(PLACEHOLDER),
        "the manifest has no place for the address"
    );
    Ok(manifest.replace(PLACEHOLDER, url))
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
            let filled = fill("request_url: ${URL}/slack/events\n", url).expect("an address");
            assert_eq!(filled, "request_url: https://x.example/slack/events\n");
        }
    }

    #[test]
    fn an_address_that_slack_would_refuse_is_refused() {
        for url in ["http://x.example", "x.example", "https://", "https://a b"] {
            assert!(fill("${URL}", url).is_err(), "{url}");
        }
    }
}
