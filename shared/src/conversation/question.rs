//! What a person asked, as the agent should read it: Slack's markup undone, our own mention left out.

use crate::task::{SlackFile, SlackMessage};

/// The question in plain words: the text without our own mention, then what is known of each file.
#[must_use]
pub fn question(message: &SlackMessage, bot_user_id: Option<&str>) -> String {
    let mut question = plain(&message.text, bot_user_id.or(message.bot_user_id.as_deref()));
    for file in &message.files {
        if !question.is_empty() {
            question.push('\n');
        }
        question.push_str(&describe(file));
    }
    question
}

fn describe(file: &SlackFile) -> String {
    let mimetype = file
        .mimetype
        .as_deref()
        .map_or_else(String::new, |mimetype| format!(" ({mimetype})"));
    let preview = file
        .preview
        .as_deref()
        .map_or_else(String::new, |preview| format!("\n{preview}"));
    format!("[file: {}{mimetype}]{preview}", file.name)
}

/// Slack's `mrkdwn` source as plain text: `<https://x|label>` becomes `label (https://x)`, `<#C1|general>` `#general`,
/// `<!here>` `@here`, escaped characters themselves; a mention of `bot_user_id` vanishes, other people stay `<@U…>`.
/// Source: "Formatting text for app surfaces" in Slack's documentation.
#[must_use]
pub fn plain(mrkdwn: &str, bot_user_id: Option<&str>) -> String {
    let mut text = String::with_capacity(mrkdwn.len());
    let mut rest = mrkdwn;
    while let Some(start) = rest.find('<') {
        let (before, tail) = rest.split_at(start);
        unescape_into(&mut text, before);
        let Some(end) = tail.find('>') else {
            rest = tail;
            break;
        };
        let inside = &tail[1..end];
        let (target, label) = inside
            .split_once('|')
            .map_or((inside, None), |(target, label)| (target, Some(label)));
        match target.as_bytes().first() {
            Some(b'@') if bot_user_id.is_some_and(|bot| bot == &target[1..]) => {}
            Some(b'@') => text.extend(["<", target, ">"]),
            Some(b'#') => unescape_into(&mut text, &format!("#{}", label.unwrap_or(&target[1..]))),
            Some(b'!') => unescape_into(
                &mut text,
                &label.map_or_else(
                    || format!("@{}", target[1..].split('^').next().unwrap_or_default()),
                    str::to_owned,
                ),
            ),
            _ => match label {
                Some(label) if label != target => unescape_into(&mut text, &format!("{label} ({target})")),
                _ => unescape_into(&mut text, target),
            },
        }
        rest = &tail[end + 1..];
    }
    unescape_into(&mut text, rest);
    text.trim().to_owned()
}

/// Slack escapes three characters and no others.
fn unescape_into(text: &mut String, escaped: &str) {
    let mut rest = escaped;
    while let Some(start) = rest.find('&') {
        text.push_str(&rest[..start]);
        let tail = &rest[start..];
        let (character, length) = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
            .into_iter()
            .find(|(entity, _)| tail.starts_with(entity))
            .map_or(('&', 1), |(entity, character)| (character, entity.len()));
        text.push(character);
        rest = &tail[length..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_plain_text_and_our_own_mention_vanishes() {
        for (mrkdwn, expected) in [
            ("<@U0BOT> why is checkout slow?", "why is checkout slow?"),
            ("hey <@U0BOT|infragpt> and <@U7ANNA>", "hey  and <@U7ANNA>"),
            (
                "see <https://x.example/a?b=1&amp;c=2>",
                "see https://x.example/a?b=1&c=2",
            ),
            (
                "see <https://x.example|the page>",
                "see the page (https://x.example)",
            ),
            ("in <#C1|general> and <#C2>", "in #general and #C2"),
            (
                "<!here> <!subteam^S1|@oncall> <!date^1^{date}|today>",
                "@here @oncall today",
            ),
            ("a &lt;b&gt; &amp;amp; c && d", "a <b> &amp; c && d"),
            ("an open < bracket", "an open < bracket"),
            ("<", "<"),
            ("", ""),
        ] {
            assert_eq!(plain(mrkdwn, Some("U0BOT")), expected, "{mrkdwn}");
        }
    }
}
