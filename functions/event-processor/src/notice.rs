//! An alert as people in Slack see it.

use shared::{
    connector::slack::{Page, escape},
    conversation::answer,
    task::{Alert, AlertState},
};

/// The most characters of a service's name.
const MAX_SERVICE: usize = 200;
/// A longer address is not shown: it could be cut only to another one.
const MAX_URL: usize = 2_048;

/// What is posted for an alert as it stands. What a third party wrote is plain text in it: nothing of that pings, looks
/// like something else or leads elsewhere.
pub(crate) fn page(alert: &Alert) -> Option<Page> {
    let (emoji, state) = match alert.state {
        AlertState::Triggered => ("\u{1f534}", "Triggered"),
        AlertState::Acknowledged => ("\u{1f7e1}", "Acknowledged"),
        AlertState::Resolved => ("\u{2705}", "Resolved"),
    };
    let head = format!("{emoji} **{state}**, {}: ", alert.severity.as_str());
    let title = one_line(&alert.title, Alert::MAX_TITLE);
    let service = alert.service.as_deref().map(|name| one_line(name, MAX_SERVICE));
    let url = alert.url.as_deref().filter(|url| is_shown(url));
    let text = |written: fn(&str) -> String| {
        // Behind a word of ours: what begins a line may be a heading or a list.
        let service = service
            .as_deref()
            .filter(|name| !name.is_empty())
            .map(|name| format!("Service: {}", written(name)));
        let rest: Vec<_> = service.into_iter().chain(url.map(str::to_owned)).collect();
        let end = if rest.is_empty() { "" } else { "\n\n" };
        format!("{}{end}{}", written(&title), rest.join(" \u{b7} "))
    };
    // Rid of mentions and disguised links, as all that we post.
    let page = answer::pages(&format!("{head}{}", text(in_markdown)))
        .into_iter()
        .next()?;
    // For notifications, which know no Markdown and show the beginning.
    let fallback = escape(
        &format!("{}{}", head.replace("**", ""), text(calling_nobody)),
        answer::FALLBACK_LIMIT,
    );
    Some(Page { fallback, ..page })
}

/// A text on one line.
fn one_line(text: &str, most: usize) -> String {
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(most).collect()
}

/// A text on one line as Markdown that means that text.
fn in_markdown(text: &str) -> String {
    let mut markdown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '<') {
            markdown.push('\\');
        }
        markdown.push(c);
    }
    markdown
}

/// A text in which no `@channel` stands.
fn calling_nobody(text: &str) -> String {
    text.replace('@', "@\u{200b}")
}

fn is_shown(url: &str) -> bool {
    url.starts_with("https://")
        && url.len() <= MAX_URL
        && !url.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '|'))
}

#[cfg(test)]
mod tests {
    use shared::{clock::Timestamp, task::AlertSeverity};

    use super::*;

    fn alert(title: &str) -> Alert {
        Alert {
            dedupe_key: "Q1".to_owned(),
            severity: AlertSeverity::Critical,
            state: AlertState::Triggered,
            title: title.to_owned(),
            service: Some("checkout".to_owned()),
            url: Some("https://acme.pagerduty.com/incidents/Q1".to_owned()),
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn shown(alert: &Alert) -> Page {
        page(alert).expect("a page")
    }

    #[test]
    fn an_alert_is_one_short_message() {
        let page = shown(&alert("Checkout is down"));
        assert_eq!(
            page.markdown,
            "\u{1f534} **Triggered**, critical: Checkout is down\n\n\
             Service: checkout \u{b7} https://acme.pagerduty.com/incidents/Q1"
        );
        assert_eq!(
            page.fallback,
            "\u{1f534} Triggered, critical: Checkout is down\n\n\
             Service: checkout \u{b7} https://acme.pagerduty.com/incidents/Q1"
        );
        assert_eq!(
            shown(&alert("db_1 [prod] `x`")).markdown.lines().next(),
            Some("\u{1f534} **Triggered**, critical: db\\_1 \\[prod\\] \\`x\\`")
        );
        let bare = Alert {
            service: None,
            url: None,
            state: AlertState::Resolved,
            ..alert("Checkout is down")
        };
        assert_eq!(
            shown(&bare).markdown,
            "\u{2705} **Resolved**, critical: Checkout is down"
        );
    }

    #[test]
    fn what_a_third_party_wrote_pings_nobody_and_leads_nowhere() {
        for hostile in [
            "<!channel> <!here> <@U1> <!subteam^S1>",
            "@channel @here @everyone",
            "&lt;!channel&gt;",
            "`x` <!channel>",
            "``` \n<!channel>\n```",
            "[your bank](https://evil.example)",
            "<https://evil.example|your bank>",
            "\n\n# Resolved\n> quote\n<!channel>",
            "\u{202e}<!channel>",
        ] {
            let alert = Alert {
                service: Some(hostile.to_owned()),
                url: Some(format!("https://a.example/{hostile}")),
                ..alert(hostile)
            };
            let page = shown(&alert);
            for markup in [
                "<!",
                "<@",
                "<h",
                "](",
                "@channel",
                "@here",
                "@everyone",
                "\n#",
                "\n>",
                "```",
            ] {
                let markdown = &page.markdown;
                assert!(!markdown.contains(markup), "{hostile}: {markup}: {markdown}");
            }
            for markup in ["@channel", "@here", "@everyone"] {
                assert!(!page.fallback.contains(markup), "{}", page.fallback);
            }
            assert!(!page.fallback.contains(['<', '>']), "{}", page.fallback);
        }
    }

    #[test]
    fn a_text_of_any_length_is_one_page_that_slack_takes() {
        let alert = Alert {
            service: Some("*".repeat(100_000)),
            url: Some(format!("https://a.example/{}", "x".repeat(100_000))),
            ..alert(&"<".repeat(100_000))
        };
        let markdown = shown(&alert).markdown;
        assert!(markdown.chars().count() < 3_000, "{}", markdown.chars().count());
        assert!(
            !markdown.contains("a.example"),
            "an address that is cut is another one"
        );
    }
}
