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

use unicode_segmentation::UnicodeSegmentation as _;

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

/// Room on a page beside its end note.
const BODY_LIMIT: usize = MARKDOWN_LIMIT - CUT_NOTE.len() - 2;

/// A code span that is longer is text: it might have to be split, and its rest would not be code any more.
const MAX_CODE_SPAN: usize = 500;

/// A fence is begun on a page only if so much room is left.
const MIN_FENCE_ROOM: usize = 500;

/// Turns an answer into what is posted, one page after another; at least one page, at most [`MAX_PAGES`].
#[must_use]
pub fn pages(markdown: &str) -> Vec<Page> {
    let mut pager = Pager::default();
    for block in blocks(&clean(markdown)) {
        match block {
            Block::Text(text) => pager.text(&text),
            Block::Fence { info, lines } => pager.fence(&info, &lines),
        }
    }
    let mut bodies = pager.finish();
    if bodies.is_empty() {
        bodies.push(NO_TEXT.to_owned());
    }
    if bodies.len() > MAX_PAGES {
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
            code.push(code_without_pings(inner).replace("```", "``\u{200b}`"));
        }
        blocks.push(Block::Fence {
            info: opening.language(),
            lines: code,
        });
    }
    flush(&mut text, &mut blocks);
    blocks
}

/// A piece of inline Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Char(char),
    /// A character behind a backslash, which takes its meaning away.
    Escaped(char),
    /// A code span with its backticks.
    Code(&'a str),
}

/// Rewrites text outside of fences so that it pings nobody and no link is disguised.
fn neutralize(text: &str) -> String {
    let tokens = without_links(without_angles(&tokens(text)));
    let mut out = String::with_capacity(text.len() + 16);
    let mut run = String::new();
    for token in tokens {
        match token {
            Token::Char(c) => run.push(c),
            Token::Escaped(c) => run.extend(['\\', c]),
            Token::Code(code) => {
                break_markup(&run, &mut out);
                run.clear();
                out.push_str(&code_without_pings(code));
            }
        }
    }
    break_markup(&run, &mut out);
    out
}

/// Takes text apart; the tokens together are the text.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(text.len());
    // After a backtick that is escaped, left open or part of something unusual, what counts as code depends on the
    // reader until the paragraph ends.
    let mut is_certain = true;
    for line in text.split_inclusive('\n') {
        is_certain |= line.trim().is_empty();
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if c == '`' {
                let (run, after) = rest.split_at(rest.len() - rest.trim_start_matches('`').len());
                let end = closing_run(after, run.len());
                if is_certain
                    && let Some(end) = end
                    && run.len() <= 3
                    && end <= MAX_CODE_SPAN
                    && !after[..end].contains('`')
                {
                    let (code, after) = rest.split_at(run.len() + end + run.len());
                    tokens.push(Token::Code(code));
                    rest = after;
                    continue;
                }
                is_certain = false;
                tokens.extend(run.chars().map(Token::Char));
                rest = after;
                continue;
            }
            rest = &rest[c.len_utf8()..];
            if c == '\\'
                && let Some(escaped) = rest.chars().next().filter(char::is_ascii_punctuation)
            {
                is_certain &= escaped != '`';
                tokens.push(Token::Escaped(escaped));
                rest = &rest[1..];
            } else {
                tokens.push(Token::Char(c));
            }
        }
    }
    tokens
}

/// Where in the line the run of exactly `length` backticks begins that closes a code span.
fn closing_run(line: &str, length: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = line[at..].find('`') {
        at += found;
        let run = line[at..].len() - line[at..].trim_start_matches('`').len();
        if run == length {
            return Some(at);
        }
        at += run;
    }
    None
}

/// `<https://…>` and `<https://…|text>` become `https://…` and `text (https://…)`; `<@U…|name>` becomes `@name`.
fn without_angles<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(&token) = tokens.get(at) {
        at += 1;
        if token != Token::Char('<') {
            out.push(token);
            continue;
        }
        let inside: String = tokens[at..]
            .iter()
            .map_while(|token| match token {
                Token::Char(c) if !matches!(c, '<' | '>' | '\n') => Some(*c),
                _ => None,
            })
            .collect();
        let length = inside.chars().count();
        let in_clear = (tokens.get(at + length) == Some(&Token::Char('>')))
            .then(|| in_clear(&inside))
            .flatten();
        let Some(in_clear) = in_clear else {
            out.push(token);
            continue;
        };
        if out.last().is_some_and(extends_url) {
            out.push(Token::Char(' '));
        }
        out.extend(in_clear.chars().map(Token::Char));
        at += length + 1;
        if tokens.get(at).is_some_and(extends_url) {
            out.push(Token::Char(' '));
        }
    }
    out
}

/// Whether a URL beside this would seem to be another URL.
fn extends_url(token: &Token<'_>) -> bool {
    match token {
        Token::Char(c) => {
            c.is_alphanumeric() || matches!(c, '/' | '?' | '@' | '#' | '%' | '&' | '=' | '-' | '_')
        }
        Token::Escaped(_) | Token::Code(_) => true,
    }
}

/// What stands between angle brackets, for everybody to see; `None` when it is nothing that Slack knows.
fn in_clear(inside: &str) -> Option<String> {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, label.trim()),
        None => (inside, ""),
    };
    if let Some(user) = target.strip_prefix('@') {
        let is_user = user.starts_with(['U', 'W']) && user.chars().all(|c| c.is_ascii_alphanumeric());
        let name = if label.is_empty() { user } else { label };
        return is_user.then(|| format!("@{}", name.trim_start_matches('@')));
    }
    let is_link = ["http://", "https://", "mailto:"].iter().any(|scheme| {
        target
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if !is_link || target.contains(char::is_whitespace) {
        return None;
    }
    Some(match label {
        "" => target.to_owned(),
        _ if label == target => target.to_owned(),
        _ => format!("{label} ({target})"),
    })
}

/// `[text](url)` and `![text](url)` become `text (url)`, or the URL alone where the text is the URL.
fn without_links(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut out: Vec<Option<Token<'_>>> = Vec::with_capacity(tokens.len());
    let mut open = Vec::new();
    let mut is_blank_line = false;
    let mut at = 0;
    while let Some(&token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Char('[') => open.push(out.len()),
            Token::Char(']') => {
                let start = open.pop();
                if tokens.get(at) == Some(&Token::Char('(')) {
                    match start {
                        Some(start) => {
                            out[start] = None;
                            if let Some(mark) = start.checked_sub(1)
                                && out[mark] == Some(Token::Char('!'))
                            {
                                out[mark] = None;
                            }
                            let length = length_of_same(&out[start..], &tokens[at + 1..]);
                            at += length.map_or(0, |length| length + 2);
                            if length.is_none() || tokens.get(at).is_some_and(extends_url) {
                                out.push(Some(Token::Char(' ')));
                            }
                        }
                        None => out.extend([Some(token), Some(Token::Char(ZERO_WIDTH_SPACE))]),
                    }
                    continue;
                }
            }
            // No link goes on over an empty line.
            Token::Char('\n') if is_blank_line => open.clear(),
            _ => {}
        }
        is_blank_line = match token {
            Token::Char('\n') => true,
            Token::Char(c) if c.is_whitespace() => is_blank_line,
            _ => false,
        };
        out.push(Some(token));
    }
    out.into_iter().flatten().collect()
}

/// The length of `text` when what follows is that text and a closing parenthesis.
fn length_of_same(text: &[Option<Token<'_>>], following: &[Token<'_>]) -> Option<usize> {
    let text: Vec<_> = text.iter().copied().flatten().collect();
    let is_same = !text.is_empty() && following.starts_with(&text);
    (is_same && following.get(text.len()) == Some(&Token::Char(')'))).then_some(text.len())
}

/// The last pass over text: nothing in it is a mention, a tag, a link or a link's definition any more.
fn break_markup(text: &str, out: &mut String) {
    let mut before = None;
    let mut rest = text;
    let mut backticks = 0; // left of a run that could open a fence for somebody
    while let Some(c) = rest.chars().next() {
        if c == '`' && backticks == 0 {
            backticks = rest.len() - rest.trim_start_matches('`').len();
            backticks = if backticks < 3 { 0 } else { backticks };
        }
        let written = match c {
            '&' => less_than_reference(rest).unwrap_or(1),
            _ => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(written);
        out.push_str(piece);
        let next = after.chars().next();
        let is_markup = match c {
            '<' => is_markup_start(next),
            '&' if written > 1 => is_markup_start(next),
            ']' => matches!(next, Some('(' | ':')),
            '@' => !before.is_some_and(char::is_alphanumeric) && is_broadcast(after),
            '`' if backticks > 0 => {
                backticks -= 1;
                true
            }
            _ => false,
        };
        if is_markup {
            out.push(ZERO_WIDTH_SPACE);
        }
        before = Some(c);
        rest = after;
    }
}

/// Whether `<` before this character could begin a mention, a tag, a comment or a link, be it behind emphasis
/// (`<*@U…*>`). Comparisons and arrows do not, and channel links (`<#C…>`) notify nobody and may stay.
fn is_markup_start(next: Option<char>) -> bool {
    next.is_some_and(|c| {
        !(c.is_whitespace() || c.is_ascii_digit() || matches!(c, '=' | '-' | '<' | '#' | ZERO_WIDTH_SPACE))
    })
}

/// The length of a character reference for `<` that the text begins with.
fn less_than_reference(text: &str) -> Option<usize> {
    let (reference, _) = text.strip_prefix('&')?.split_once(';')?;
    let digits = reference.strip_prefix('#').map(|digits| {
        let hex = digits.strip_prefix(['x', 'X']);
        hex.map_or_else(|| digits.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
    });
    let is_less_than = match digits {
        Some(code) => code == Some(u32::from('<')),
        None => matches!(reference, "lt" | "LT"),
    };
    is_less_than.then_some(reference.len() + 2)
}

/// Whether the text begins with a word that, after `@`, calls many people.
fn is_broadcast(text: &str) -> bool {
    ["channel", "here", "everyone", "group"].iter().any(|word| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !text[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

/// Code as it is, except that mentions in Slack's own spelling are none.
fn code_without_pings(code: &str) -> String {
    code.replace("<!", "<\u{200b}!").replace("<@", "<\u{200b}@")
}

/// Puts pieces on pages.
#[derive(Default)]
struct Pager {
    pages: Vec<String>,
    page: String,
    used: usize,
}

/// Where a text may be split, best first.
#[derive(Clone, Copy)]
enum Cut {
    Paragraphs,
    Lines,
    Sentences,
    Words,
    Graphemes,
}

impl Cut {
    /// What stands between two pieces.
    const fn separator(self) -> &'static str {
        match self {
            Self::Paragraphs => "\n\n",
            Self::Lines => "\n",
            Self::Sentences | Self::Words | Self::Graphemes => "",
        }
    }

    const fn finer(self) -> Self {
        match self {
            Self::Paragraphs => Self::Lines,
            Self::Lines => Self::Sentences,
            Self::Sentences => Self::Words,
            Self::Words | Self::Graphemes => Self::Graphemes,
        }
    }

    fn pieces(self, text: &str) -> Vec<&str> {
        match self {
            Self::Paragraphs => paragraphs(text),
            Self::Lines => text.split('\n').collect(),
            Self::Sentences => split_after(text, |before, c| {
                c.is_whitespace() && before.is_some_and(|c| matches!(c, '.' | '!' | '?' | ':' | ';'))
                    || matches!(c, '。' | '！' | '？')
            }),
            Self::Words => split_after(text, |_, c| c.is_whitespace()),
            Self::Graphemes => unbreakable(text),
        }
    }
}

impl Pager {
    /// Text that ends up in as few pieces as possible.
    fn text(&mut self, text: &str) {
        self.cut(text, Cut::Paragraphs, "\n\n");
    }

    /// `first` separates the first piece from what is on the page.
    fn cut(&mut self, text: &str, at: Cut, first: &str) {
        let mut separator = first;
        for piece in at.pieces(text) {
            let length = length(piece);
            if length <= BODY_LIMIT || matches!(at, Cut::Graphemes) {
                self.put(piece, length, separator);
            } else {
                self.cut(piece, at.finer(), separator);
            }
            separator = at.separator();
        }
    }

    fn put(&mut self, piece: &str, length: usize, separator: &str) {
        if !self.page.is_empty() && self.used + separator.len() + length > BODY_LIMIT {
            self.turn();
        }
        if !self.page.is_empty() {
            self.page.push_str(separator);
            self.used += separator.len();
        }
        self.page.push_str(piece);
        self.used += length;
    }

    /// A code block; one that is split is closed on its page and opened again on the next.
    fn fence(&mut self, info: &str, lines: &[String]) {
        const CLOSE: &str = "\n```";
        let open = format!("```{info}");
        let whole: usize = lines.iter().map(|line| length(line) + 1).sum();
        if open.len() + whole + CLOSE.len() <= BODY_LIMIT {
            let block = format!("{open}\n{}{CLOSE}", lines.join("\n"));
            self.put(&block, length(&block), "\n\n");
            return;
        }
        if self.used + MIN_FENCE_ROOM > BODY_LIMIT {
            self.turn();
        }
        let room = BODY_LIMIT - CLOSE.len();
        self.put(&open, open.len(), "\n\n");
        for line in lines {
            let mut separator = "\n";
            let line_fits = open.len() + 1 + length(line) <= room;
            let pieces = if line_fits {
                vec![line.as_str()]
            } else {
                unbreakable(line)
            };
            for piece in pieces {
                let length = length(piece);
                if self.used + separator.len() + length > room {
                    self.page.push_str(CLOSE);
                    self.turn();
                    self.put(&open, open.len(), "");
                    separator = "\n";
                }
                self.put(piece, length, separator);
                separator = "";
            }
        }
        self.page.push_str(CLOSE);
        self.used += CLOSE.len();
    }

    fn turn(&mut self) {
        let page = std::mem::take(&mut self.page);
        self.used = 0;
        if !page.trim().is_empty() {
            self.pages.push(page.trim_end().to_owned());
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.turn();
        self.pages
    }
}

/// Length in UTF-16 units, the largest of what "characters" could mean to Slack.
fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The parts between empty lines.
fn paragraphs(text: &str) -> Vec<&str> {
    let mut paragraphs = Vec::new();
    let mut start = None;
    let mut end = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            paragraphs.extend(start.take().map(|start| &text[start..end]));
        } else {
            start.get_or_insert(at);
            end = at + line.trim_end_matches('\n').len();
        }
        at += line.len();
    }
    paragraphs.extend(start.map(|start| &text[start..end]));
    paragraphs
}

/// Splits after each character that `is_end` accepts (given the one before it), never inside a code span.
fn split_after(line: &str, is_end: impl Fn(Option<char>, char) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut before = None;
    for token in tokens(line) {
        match token {
            Token::Char(c) => {
                at += c.len_utf8();
                if is_end(before, c) {
                    pieces.push(&line[start..at]);
                    start = at;
                }
                before = Some(c);
            }
            Token::Escaped(c) => {
                at += 1 + c.len_utf8();
                before = Some(c);
            }
            Token::Code(code) => {
                at += code.len();
                before = None;
            }
        }
    }
    if start < line.len() {
        pieces.push(&line[start..]);
    }
    pieces
}

/// The smallest pieces of a text: what people see as one character, with a backslash before it, or a whole character
/// reference. What claims to be one character and is very long is taken apart nevertheless.
fn unbreakable(text: &str) -> Vec<&str> {
    const LONG: usize = 64;
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut is_escaped = false;
    let mut reference_end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let end = at + grapheme.len();
        if grapheme == "&" {
            // The longest references that matter are numeric ones; more would be text.
            let name = text[end..].bytes().take(10);
            let name = name
                .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#')
                .count();
            if text[end + name..].starts_with(';') {
                reference_end = end + name + 1;
            }
        }
        is_escaped = grapheme == "\\" && !is_escaped;
        if is_escaped || end < reference_end {
            continue;
        }
        let piece = &text[start..end];
        start = end;
        if piece.len() > LONG {
            pieces.extend(piece.split_inclusive(|_| true));
        } else {
            pieces.push(piece);
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
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
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser, Tag, TagEnd};

    use super::*;

    /// One page, with the zero-width space made visible as `~`.
    fn shown(markdown: &str) -> String {
        let pages = pages(markdown);
        assert_eq!(pages.len(), 1);
        pages[0].markdown.replace(ZERO_WIDTH_SPACE, "~")
    }

    #[test]
    fn plain_markdown_stays_as_it_is() {
        let markdown = "# Title\n\nSome **bold** and `code <T>`, 3 < 4 & 5 > 4.\n\n- one\n- two\n\n```rust\nlet v: Vec<u8> =                         a[0](b);\n```\n\nbye [1] :wave: <#C123|general> ops@here.example";
        assert_eq!(shown(markdown), markdown);
    }

    #[test]
    fn nobody_is_pinged() {
        for (markdown, expected) in [
            ("<!channel> hi", "<~!channel> hi"),
            ("<!here|here> <!everyone>", "<~!here|here> <~!everyone>"),
            ("<!subteam^S123|@oncall>", "<~!subteam^S123|@oncall>"),
            ("<@U123ABC> and <@W1|bob>", "@U123ABC and @bob"),
            ("<@U1|channel>", "@~channel"),
            ("@channel, @Here! (@everyone)", "@~channel, @~Here! (@~everyone)"),
            ("&lt;!channel&gt;", "&lt;~!channel&gt;"),
            ("&#60;!channel> &#x03C;@U1>", "&#60;~!channel> &#x03C;~@U1>"),
            (r"\<!channel\> <\!channel>", r"\<~!channel\> <~\!channel>"),
            ("<!chann&#101;l>", "<~!chann&#101;l>"),
            ("`<!channel> <@U1>`", "`<~!channel> <~@U1>`"),
            ("```\n<!channel>\n```", "```\n<~!channel>\n```"),
        ] {
            assert_eq!(shown(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn a_link_says_where_it_leads() {
        for (markdown, expected) in [
            (
                "[bank.com](https://evil.example)",
                "bank.com (https://evil.example)",
            ),
            (
                "see [the *docs*](https://d.example/a \"title\").",
                "see the *docs* (https://d.example/a \"title\").",
            ),
            ("[https://a.example](https://a.example)", "https://a.example"),
            ("[https://a.example](<https://a.example>)b", "https://a.example b"),
            ("[`code`](https://a.example)", "`code` (https://a.example)"),
            (
                "![logo](https://a.example/l.png)",
                "logo (https://a.example/l.png)",
            ),
            (
                "[![alt](https://i.example)](https://l.example)",
                "alt (https://i.example) (https://l.example)",
            ),
            ("[a\nb](https://evil.example)", "a\nb (https://evil.example)"),
            ("[a](<https://evil.example>)", "a (https://evil.example)"),
            (
                "<https://evil.example|bank.com>",
                "bank.com (https://evil.example)",
            ),
            ("<https://a.example>", "https://a.example"),
            ("see<https://a.example>now", "see https://a.example now"),
            (
                "[bank.com][1]\n\n[1]: https://evil.example",
                "[bank.com][1]\n\n[1]~: https://evil.example",
            ),
            ("x](https://evil.example)", "x]~(https://evil.example)"),
            (r"[x\](https://evil.example)", r"[x\]~(https://evil.example)"),
            ("[x](javascript:alert(1))", "x (javascript:alert(1))"),
            ("<javascript:alert(1)>", "<~javascript:alert(1)>"),
            (
                "<a href=\"https://evil.example\">bank.com</a>",
                "<~a href=\"https://evil.example\">bank.com<~/a>",
            ),
            (
                "[a]<https://e.example|(https://evil.example)>",
                "a (https://evil.example) (https://e.example)",
            ),
        ] {
            assert_eq!(shown(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn fences_are_written_anew_and_closed() {
        for (markdown, expected) in [
            ("~~~ yaml\na: [x](y)\n~~~", "```yaml\na: [x](y)\n```"),
            ("text\n```\nopen", "text\n\n```\nopen\n```"),
            (
                "1. do\n   ```sh\n   ls\n     -l\n   ```\n2. done",
                "1. do\n\n```sh\nls\n  -l\n```\n\n2. done",
            ),
            ("- ```sh\n  ls\n  ```", "-\n\n```sh\nls\n```"),
            ("> ```\n> quoted\n> ```\n> more", "```\nquoted\n```\n\n> more"),
            ("> ```\n> quoted\nafter [x](y)", "```\nquoted\n```\n\nafter x (y)"),
            ("````md\n```\n````", "```md\n``~`\n```"),
            ("a ``` b", "a `~`~`~ b"),
        ] {
            assert_eq!(shown(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn what_one_reader_takes_for_code_and_another_does_not_is_no_code() {
        for markdown in [
            "a ` b\nc ` [x](https://evil.example) ` d",
            r"\` [x](https://evil.example) `",
            "`` ` [x](https://evil.example) ` ``",
            "para\n    ```\n[x](https://evil.example)",
            "<a href=\"`\"> [x](https://evil.example) `",
            "<!--\n```\n-->\n[x](https://evil.example)\n```",
        ] {
            let markdown = shown(markdown);
            let in_fence = markdown.contains("```\n[x](") || markdown.contains("-->\n[x](");
            assert!(
                in_fence || markdown.contains("x (https://evil.example)"),
                "{markdown}"
            );
        }
    }

    #[test]
    fn nothing_invisible_comes_through() {
        assert_eq!(shown("a\r\nb\0c\u{202e}d\u{2066}"), "a\nbcd");
    }

    #[test]
    fn an_answer_without_text_says_so() {
        assert_eq!(shown(" \n\t\n"), NO_TEXT);
    }

    #[test]
    fn a_fallback_is_plain_escaped_and_short() {
        let page = &pages("## It **works**\n```sh\na && b\n```\n<!channel>")[0];
        assert_eq!(
            page.fallback,
            "It works\n\na &amp;&amp; b\n\n&lt;\u{200b}!channel&gt;"
        );
        let page = &pages(&"&".repeat(9_000))[0];
        assert!(page.fallback.chars().count() <= FALLBACK_LIMIT);
    }

    #[test]
    fn paragraphs_stay_whole_where_they_can() {
        let paragraph = "A sentence of some length. ".repeat(150);
        let markdown = [paragraph.trim_end(); 5].join("\n\n");
        let pages = pages(&markdown);
        assert_eq!(pages.len(), 3);
        for page in &pages {
            assert!(
                page.markdown
                    .split("\n\n")
                    .all(|part| part == paragraph.trim_end())
            );
        }
    }

    #[test]
    fn a_long_fence_is_closed_and_opened_again_with_its_language() {
        let code: String = (0..3_000).map(|n| format!("line {n}\n")).collect();
        let pages = pages(&format!("Look:\n```rust\n{code}```\nDone."));
        assert!(pages.len() > 2);
        for page in &pages[1..] {
            assert!(
                page.markdown.starts_with("```rust\nline "),
                "{}",
                &page.markdown[..40]
            );
        }
        let lines = pages
            .iter()
            .flat_map(|page| page.markdown.lines())
            .filter(|line| line.starts_with("line"));
        assert_eq!(lines.count(), 3_000);
    }

    #[test]
    fn an_endless_answer_is_cut_and_says_so() {
        for markdown in [
            "word ".repeat(60_000),
            "x".repeat(200_000),
            format!("```\n{}", "line\n".repeat(40_000)),
        ] {
            let pages = pages(&markdown);
            assert_eq!(pages.len(), MAX_PAGES);
            assert!(pages[MAX_PAGES - 1].markdown.ends_with(CUT_NOTE));
            assert!(pages.iter().all(|page| length(&page.markdown) <= MARKDOWN_LIMIT));
        }
    }

    #[test]
    fn no_character_is_torn_apart() {
        let family = "👨‍👩‍👧‍👦";
        for unit in [family, "é", "&amp;", "\\*", "🇩🇪"] {
            let pages = pages(&unit.repeat(12_000));
            assert!(pages.len() > 1);
            for page in &pages[..pages.len() - 1] {
                assert_eq!(page.markdown.replace(unit, ""), "", "{unit}");
            }
        }
        let zalgo = format!("a{}", "\u{301}".repeat(30_000));
        assert!(
            pages(&zalgo)
                .iter()
                .all(|page| length(&page.markdown) <= MARKDOWN_LIMIT)
        );
    }

    /// Pieces of everything that Markdown or Slack give a meaning to.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "[",
            "]",
            "(",
            ")",
            "](",
            "<",
            ">",
            "!",
            "@",
            "|",
            ":",
            "]:",
            "`",
            "``",
            "```",
            "````",
            "~~~",
            "\n",
            "\n\n",
            "> ",
            "- ",
            "1. ",
            " ",
            "    ",
            "\t",
            "\\",
            "&lt;",
            "&#60;",
            "&#x3c;",
            "&amp;",
            "\"",
            "#",
            "*",
            "**",
            "_",
            "a",
            "sh",
            "channel",
            "here",
            "U123",
            "<!channel>",
            "<@U123>",
            "<!--",
            "-->",
            "<div>",
            "<pre>",
            "</pre>",
            "<a href=\"",
            "https://evil.example",
            "<https://evil.example|",
            "[x](https://evil.example)",
            "[x]: https://evil.example",
            "javascript:x",
            "<?",
            "?>",
            "<![CDATA[",
            "]]>",
            "é",
            "\u{200b}",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// As a CommonMark reader sees it, which decodes entities and knows every way to write a link.
        #[test]
        fn a_hostile_answer_is_harmless(markdown in hostile()) {
            for page in pages(&markdown) {
                let mut text = String::new();
                for event in Parser::new(&page.markdown) {
                    match event {
                        Event::Start(Tag::Link { .. } | Tag::Image { .. }) => {
                            prop_assert!(false, "a link in {:?}", page.markdown);
                        }
                        Event::Html(_) | Event::InlineHtml(_) => {
                            prop_assert!(false, "a tag in {:?}", page.markdown);
                        }
                        Event::Text(part) => text.push_str(&part),
                        Event::Code(part) => text.push_str(&format!("\n{part}\n")),
                        Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::Paragraph) => text.push('\n'),
                        _ => {}
                    }
                }
                for ping in ["<!", "<@", "<http"] {
                    let is_in_code_only = ping == "<http" && page.markdown.contains('`');
                    prop_assert!(is_in_code_only || !text.contains(ping), "{ping} in {:?}", page.markdown);
                }
                prop_assert!(!page.fallback.contains(['<', '>']));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pages_fit_and_have_whole_fences(markdown in hostile(), times in 1_usize..300) {
            let pages = pages(&format!("{markdown}\n").repeat(times));
            prop_assert!((1..=MAX_PAGES).contains(&pages.len()));
            for page in pages {
                prop_assert!(length(&page.markdown) <= MARKDOWN_LIMIT);
                prop_assert!(page.fallback.chars().count() <= FALLBACK_LIMIT);
                prop_assert!(!page.markdown.trim().is_empty());
                let fences = page.markdown.lines().filter(|line| line.starts_with("```")).count();
                prop_assert!(fences % 2 == 0 || page.markdown.contains("```") && has_spans(&page.markdown));
            }
        }

        #[test]
        fn no_word_is_lost_doubled_or_moved(
            parts in prop::collection::vec((prop::sample::select(vec![" ", "\n", "\n\n", ". "]), "[a-zé日]{1,400}", any::<bool>()), 1..300),
        ) {
            let mut markdown = String::new();
            let mut words = Vec::new();
            for (separator, word, is_code) in &parts {
                if *is_code {
                    markdown.push_str(&format!("\n```sh\n{word}\n{word}\n```\n"));
                    words.extend([word.as_str(), word.as_str()]);
                } else {
                    markdown.push_str(separator);
                    markdown.push_str(word);
                    words.push(word.as_str());
                }
            }
            let pages = pages(&markdown);
            prop_assume!(!pages.iter().any(|page| page.markdown.ends_with(CUT_NOTE)));
            let posted: Vec<&str> = pages.iter().flat_map(|page| page.markdown.split([' ', '\n', '.'])).collect();
            let posted: Vec<&str> = posted.into_iter().filter(|word| !word.is_empty() && !word.starts_with("```")).collect();
            prop_assert_eq!(posted, words);
        }
    }

    /// Whether a line begins with a code span of three backticks, which is no fence.
    fn has_spans(markdown: &str) -> bool {
        markdown
            .lines()
            .any(|line| line.strip_prefix("```").is_some_and(|rest| rest.contains('`')))
    }
}
