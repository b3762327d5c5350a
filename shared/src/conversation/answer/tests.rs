//! How answers come out.

use proptest::prelude::*;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::{pager::length, *};

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
        ("~~~\n`````x\n~~~", "```\n``~``~`x\n```"),
        ("a ``` b", "a `~`~`~ b"),
    ] {
        assert_eq!(shown(markdown), expected, "{markdown}");
    }
}

#[test]
fn what_one_reader_takes_for_code_and_another_does_not_is_no_code_or_made_code_for_both() {
    for (markdown, expected) in [
        (
            "a ` b\nc ` [x](https://evil.example) ` d",
            "a ` b\nc ` x (https://evil.example) ` d",
        ),
        (
            r"\` [x](https://evil.example) `",
            r"\` x (https://evil.example) `",
        ),
        (
            "`` ` [x](https://evil.example) ` ``",
            "`` ` x (https://evil.example) ` ``",
        ),
        (
            "para\n    ```\n[x](https://evil.example)",
            "para\n\n```\n[x](https://evil.example)\n```",
        ),
        (
            "<a href=\"`\"> [x](https://evil.example) `",
            "<~a href=\"`\"> [x](https://evil.example) `",
        ),
        (
            "<!--\n```\n-->\n[x](https://evil.example)",
            "<~!--\n\n```\n-->\n[x](https://evil.example)\n```",
        ),
    ] {
        assert_eq!(shown(markdown), expected);
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
    let code: String = (0..3_000)
        .flat_map(|n| ["line ".to_owned(), n.to_string(), "\n".to_owned()])
        .collect();
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
fn hostile_repetition_takes_no_longer_than_text() {
    // Each of these is quadratic for a reader that looks ahead or back without a bound: minutes instead of a moment.
    for unit in [
        "`a",
        "[",
        "[[a](",
        "<",
        "<h",
        "&",
        "&#",
        "\\",
        "a](",
        "``` ",
        "> ",
        "[a]\n",
        "é\u{301}",
    ] {
        let pages = pages(&unit.repeat(1_000_000 / unit.len()));
        assert!(!pages.is_empty());
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
        "<#",
        "<1",
        "<-",
        "<=",
        "a@a.example>",
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

#[test]
fn a_mail_address_in_angle_brackets_is_no_link_whatever_it_begins_with() {
    for link in [
        "<#a@a>",
        "<1@a.example>",
        "<=a@b>",
        "<-a@b.example>",
        "<`a`@b>",
        "<#a`b`@c>",
    ] {
        let page = &pages(link)[0];
        let is_link = |event: Event<'_>| matches!(event, Event::Start(Tag::Link { .. }));
        assert!(Parser::new(link).any(is_link), "{link} is none at all");
        assert!(!Parser::new(&page.markdown).any(is_link), "{:?}", page.markdown);
    }
    for text in [
        "3 <4 and a@b.example",
        "x <- y",
        "a <= b",
        "<#C123|general>",
        "a <5",
    ] {
        assert_eq!(pages(text)[0].markdown.trim(), text);
    }
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
                    Event::Code(part) => text.extend(["\n", &part, "\n"]),
                    Event::Start(Tag::Emphasis | Tag::Strong) | Event::End(TagEnd::Emphasis | TagEnd::Strong) => {}
                    _ => text.push('\n'),
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
                markdown.extend(["\n```sh\n", word, "\n", word, "\n```\n"]);
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
