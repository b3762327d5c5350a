//! Inline Markdown without mentions, tags and links.

use super::ZERO_WIDTH_SPACE;

/// A code span that is longer is text: it might have to be split, and its rest would not be code any more.
const MAX_CODE_SPAN: usize = 500;

/// The longest character reference that is looked at: `CommonMark` knows ones of at most seven digits.
const MAX_REFERENCE: usize = 12;

/// The longest text of a link that is compared with its URL.
const MAX_SAME: usize = 500;

/// A piece of inline Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Char(char),
    /// A character behind a backslash, which takes its meaning away.
    Escaped(char),
    /// A code span with its backticks.
    Code(&'a str),
}

/// Rewrites text outside of fences so that it pings nobody and no link is disguised.
pub(super) fn neutralize(text: &str) -> String {
    let tokens = without_links(&without_angles(&tokens(text)));
    let mut out = String::with_capacity(text.len() + 16);
    let mut run = String::new();
    for token in tokens {
        match token {
            Token::Char(c) => run.push(c),
            Token::Escaped(c) => run.extend(['\\', c]),
            Token::Code(code) => {
                break_markup(&run, Behind::Code, &mut out);
                run.clear();
                out.push_str(&code_without_pings(code));
            }
        }
    }
    break_markup(&run, Behind::Nothing, &mut out);
    out
}

/// What stands behind a run of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Code,
    Nothing,
}

/// Takes text apart; the tokens together are the text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
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
                if is_certain
                    && run.len() <= 3
                    && let Some(end) = closing_run(after, run.len())
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

/// Where in the line a code span ends that is closed by its next backticks and not too far away.
fn closing_run(line: &str, length: usize) -> Option<usize> {
    let end = line.bytes().take(MAX_CODE_SPAN).position(|byte| byte == b'`')?;
    let run = line[end..].bytes().take_while(|byte| *byte == b'`').count();
    (run == length).then_some(end)
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
fn without_links<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut out: Vec<Option<Token<'a>>> = Vec::with_capacity(tokens.len());
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
    if text.len() > MAX_SAME {
        return None;
    }
    let text: Vec<_> = text.iter().copied().flatten().collect();
    let is_same = !text.is_empty() && following.starts_with(&text);
    (is_same && following.get(text.len()) == Some(&Token::Char(')'))).then_some(text.len())
}

/// The last pass over text: nothing in it is a mention, a tag, a link or a link's definition any more.
fn break_markup(text: &str, behind: Behind, out: &mut String) {
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
            '<' => is_markup_start(after, behind),
            '&' if written > 1 => is_markup_start(after, behind),
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

/// Whether `<` before this text could begin a mention, a tag, a comment or a link, be it behind emphasis (`<*@U…*>`).
/// Comparisons and arrows do not, and channel links (`<#C…>`) notify nobody and may stay; but each of them may go on as a
/// mail address (`<#a@b.example>`), which is a link.
fn is_markup_start(text: &str, behind: Behind) -> bool {
    match text.chars().next() {
        // What looks like code may be the beginning of a mail address.
        None => behind == Behind::Code,
        Some(c) if c.is_whitespace() || matches!(c, '<' | ZERO_WIDTH_SPACE) => false,
        Some(c) if c.is_ascii_digit() || matches!(c, '=' | '-' | '#') => {
            let end = text.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
            let word = &text[..end.unwrap_or(text.len())];
            word.contains('@') || (end.is_none() && behind == Behind::Code)
        }
        Some(_) => true,
    }
}

/// The length of a character reference for `<` that the text begins with.
fn less_than_reference(text: &str) -> Option<usize> {
    let name = text.strip_prefix('&')?;
    let end = name.bytes().take(MAX_REFERENCE).position(|byte| byte == b';')?;
    let reference = &name[..end];
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
pub(super) fn code_without_pings(code: &str) -> String {
    code.replace("<!", "<\u{200b}!").replace("<@", "<\u{200b}@")
}

/// Code in which no run of backticks could close the fence around it, whatever a reader takes for a fence.
pub(super) fn without_fences(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut run = 0;
    for c in code.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        if run == 3 {
            out.push(ZERO_WIDTH_SPACE);
            run = 1;
        }
        out.push(c);
    }
    out
}
