//! Pieces of an answer, put on pages.

use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    BODY_LIMIT,
    neutral::{Token, tokens},
};

/// A fence is begun on a page only if so much room is left.
const MIN_FENCE_ROOM: usize = 500;

/// Puts pieces on pages.
#[derive(Default)]
pub(super) struct Pager {
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
    pub(super) fn text(&mut self, text: &str) {
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
    pub(super) fn fence(&mut self, info: &str, lines: &[String]) {
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

    pub(super) fn finish(mut self) -> Vec<String> {
        self.turn();
        self.pages
    }
}

/// Length in UTF-16 units, the largest of what "characters" could mean to Slack.
pub(super) fn length(text: &str) -> usize {
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
