//! An agent's answer as Slack gets it: harmless, and in pages that Slack takes.
//!
//! An answer is text that a language model wrote, maybe led by what somebody planted in a log or a ticket. It must not
//! ping people, and a link must not say that it leads elsewhere than it does. How exactly Slack reads Markdown is not
//! documented, so nothing here rests on a subtle reading: what two readers could take differently is rewritten so
//! that they cannot.
//!
//! * Code fences are all written anew, at the left margin and with three backticks; a run of three backticks
//!   survives nowhere else. What is in them stays as it is, except mentions.
//! * Inline code counts as code only where it is closed on its line, short, and free of further backticks, and
//!   where nothing before it in its paragraph leaves that open.
//! * Elsewhere no link syntax is left: `[text](url)` and `<url|text>` become `text (url)`, which Slack links by the
//!   URL that everybody sees; reference definitions become text.
//! * `<` is followed by a zero-width space where it could begin a mention or a tag, and so is the `@` of `@channel`.

mod neutral;
mod pager;

use self::{
    neutral::{code_without_pings, neutralize, without_fences},
    pager::Pager,
};
use crate::connector::slack::{Page, escape};

/// The most UTF-16 units in the Markdown of a page. Slack documents 12 000 characters, but measures what its
/// translation into blocks grows to.
pub const MARKDOWN_LIMIT: usize = 10_000;

/// The most characters in the fallback of a page; it is for notifications, which show the beginning.
pub const FALLBACK_LIMIT: usize = 3_000;

/// The most pages of an answer. Slack takes about one message a second per channel.
pub const MAX_PAGES: usize = 10;

/// What the last page says when there would be more.
const CUT_NOTE: &str = "_The answer is cut here: it is longer than what fits into a thread._";

/// What is posted for an answer without text, for silence looks like a fault.
const NO_TEXT: &str = "_The answer has no text._";

/// Separates without being seen.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// How many characters of an answer are looked at: more than the pages take.
const READ_LIMIT: usize = 2 * MAX_PAGES * MARKDOWN_LIMIT;

/// Room on a page beside its end note.
const BODY_LIMIT: usize = MARKDOWN_LIMIT - CUT_NOTE.len() - 2;

/// Turns an answer into what is posted, one page after another; at least one page, at most [`MAX_PAGES`].
#[must_use]
pub fn pages(markdown: &str) -> Vec<Page> {
    let end = markdown.char_indices().nth(READ_LIMIT).map(|(at, _)| at);
    let mut pager = Pager::default();
    for block in blocks(&clean(&markdown[..end.unwrap_or(markdown.len())])) {
        match block {
            Block::Text(text) => pager.text(&text),
            Block::Fence { info, lines } => pager.fence(&info, &lines),
        }
    }
    let mut bodies = pager.finish();
    if bodies.is_empty() {
        bodies.push(NO_TEXT.to_owned());
    }
    if bodies.len() > MAX_PAGES || end.is_some() {
        bodies.truncate(MAX_PAGES);
        if let Some(last) = bodies.last_mut() {
            last.push_str("\n\n");
            last.push_str(CUT_NOTE);
        }
    }
    bodies
        .into_iter()
        .map(|markdown| Page {
            fallback: escape(&plain(&markdown), FALLBACK_LIMIT),
            markdown,
        })
        .collect()
}

/// Leaves out what is not seen and can mislead: control characters, and those that turn the reading direction.
fn clean(markdown: &str) -> String {
    markdown
        .chars()
        .filter(|&c| {
            matches!(c, '\n' | '\t')
                || !(c.is_control()
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        })
        .collect()
}

/// A piece of an answer that is treated in one way.
enum Block {
    /// Markdown without fences, neutralized.
    Text(String),
    /// A fenced code block.
    Fence { info: String, lines: Vec<String> },
}

/// The beginning of a fenced code block.
struct Opening<'a> {
    /// What stands before the fence: indentation, quote marks, list markers.
    prefix: &'a str,
    mark: char,
    length: usize,
    info: &'a str,
}

impl<'a> Opening<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let rest = without_containers(line);
        let mark = rest.chars().next().filter(|&c| c == '`' || c == '~')?;
        let info = rest.trim_start_matches(mark);
        let length = rest.len() - info.len();
        if length < 3 || info.contains('`') {
            return None;
        }
        Some(Self {
            prefix: &line[..line.len() - rest.len()],
            mark,
            length,
            info: info.trim(),
        })
    }

    /// The language, where the info string begins with a plain word.
    fn language(&self) -> String {
        let word = self.info.split_whitespace().next().unwrap_or_default();
        let is_plain = word.len() <= 30
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.' | '#'));
        if is_plain { word.to_owned() } else { String::new() }
    }

    /// A line of the block without what belongs to the containers around it; `None` when those have ended.
    fn inner<'l>(&self, line: &'l str) -> Option<&'l str> {
        let mut rest = line;
        for _ in 0..self.prefix.matches('>').count() {
            let quoted = rest.trim_start().strip_prefix('>')?;
            rest = quoted.strip_prefix(' ').unwrap_or(quoted);
        }
        if rest.len() == line.len() {
            let indent = self.prefix.chars().count();
            let blank = rest.chars().take(indent).take_while(|c| c.is_whitespace());
            rest = &rest[blank.map(char::len_utf8).sum()..];
        }
        Some(rest)
    }

    fn is_closed_by(&self, inner: &str) -> bool {
        let fence = inner.trim();
        fence.len() >= self.length && fence.chars().all(|c| c == self.mark)
    }
}

/// A line after its indentation, quote marks and list markers.
fn without_containers(line: &str) -> &str {
    let mut rest = line.trim_start();
    loop {
        let numberless = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let inner = if let Some(quoted) = rest.strip_prefix('>') {
            quoted
        } else if let Some(item) = rest.strip_prefix(['-', '*', '+'])
            && item.starts_with([' ', '\t'])
        {
            item
        } else if numberless.len() < rest.len()
            && let Some(item) = numberless.strip_prefix(['.', ')'])
            && item.starts_with([' ', '\t'])
        {
            item
        } else {
            return rest;
        };
        rest = inner.trim_start();
    }
}

/// Takes an answer apart into code and text.
fn blocks(markdown: &str) -> Vec<Block> {
    fn flush(text: &mut String, blocks: &mut Vec<Block>) {
        if !text.trim().is_empty() {
            blocks.push(Block::Text(neutralize(text)));
        }
        text.clear();
    }

    let mut blocks = Vec::new();
    let mut text = String::new();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(opening) = Opening::read(line) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        if opening.prefix.contains(|c: char| !c.is_whitespace() && c != '>') {
            text.push_str(opening.prefix.trim_end());
        }
        flush(&mut text, &mut blocks);
        let mut code = Vec::new();
        while let Some(inner) = lines.peek().and_then(|line| opening.inner(line)) {
            lines.next();
            if opening.is_closed_by(inner) {
                break;
            }
            code.push(without_fences(&code_without_pings(inner)));
        }
        blocks.push(Block::Fence {
            info: opening.language(),
            lines: code,
        });
    }
    flush(&mut text, &mut blocks);
    blocks
}

/// Markdown without the marks that would only disturb in a notification.
fn plain(markdown: &str) -> String {
    let mut is_code = false;
    let mut plain = String::with_capacity(markdown.len());
    for line in markdown.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
            continue;
        }
        if !plain.is_empty() {
            plain.push('\n');
        }
        if is_code {
            plain.push_str(line);
        } else {
            let text = line.trim_start_matches('#');
            let is_heading = text.len() < line.len() && text.starts_with(' ');
            let text = if is_heading { text.trim_start() } else { line };
            plain.push_str(&text.replace("**", ""));
        }
    }
    plain
}

#[cfg(test)]
mod tests;
