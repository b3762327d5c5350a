//! How much of a conversation an agent gets to see.

/// What stands where the middle of a message was left out.
const CUT_MARK: &str = "\n[… left out, the message was too long …]\n";

/// What a message costs beside its text: role, name, separators.
const MESSAGE_OVERHEAD: usize = 4;

/// About how many tokens a text has for a language model; rather too many than too few.
///
/// Byte-pair vocabularies put about four English characters into a token, and may spend a token or more on one
/// character of other scripts, so: a quarter of the ASCII characters plus all the others.
#[must_use]
pub fn estimate_tokens(text: &str) -> usize {
    let others = text.chars().filter(|c| !c.is_ascii()).count();
    let ascii = text.bytes().filter(u8::is_ascii).count();
    ascii.div_ceil(4) + others
}

/// Leaves as many of the last messages in `history` (oldest first) as `max_tokens` allow; `text` reaches a message's
/// text. The last message always stays; one that alone exceeds the budget loses its middle, for what is asked
/// stands mostly before or after what is pasted.
pub fn budget<T>(
    history: &mut Vec<T>,
    max_tokens: usize,
    text: impl for<'a> Fn(&'a mut T) -> &'a mut String,
) {
    let mut left = max_tokens;
    let mut kept = 0;
    for message in history.iter_mut().rev() {
        let cost = estimate_tokens(text(message)) + MESSAGE_OVERHEAD;
        if cost > left {
            break;
        }
        left -= cost;
        kept += 1;
    }
    let is_last_too_long = kept == 0;
    history.drain(..history.len() - kept.max(1).min(history.len()));
    if is_last_too_long && let Some(last) = history.last_mut() {
        cut_middle(text(last), max_tokens.saturating_sub(MESSAGE_OVERHEAD));
    }
}

/// Cuts the middle out of a text that is longer than `max_tokens`.
fn cut_middle(text: &mut String, max_tokens: usize) {
    let half = max_tokens.saturating_sub(estimate_tokens(CUT_MARK)) / 2;
    let head = prefix_of(text.char_indices().map(|(at, c)| (at + c.len_utf8(), c)), half).unwrap_or(0);
    let tail = prefix_of(text.char_indices().rev(), half).unwrap_or(text.len());
    if head < tail {
        text.replace_range(head..tail, CUT_MARK);
    }
}

/// The position after the last of the characters that fit into `max_tokens`.
fn prefix_of(chars: impl Iterator<Item = (usize, char)>, max_tokens: usize) -> Option<usize> {
    let mut quarters = max_tokens * 4;
    chars
        .map_while(|(at, c)| {
            quarters = quarters.checked_sub(if c.is_ascii() { 1 } else { 4 })?;
            Some(at)
        })
        .last()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budgeted(history: &[&str], max_tokens: usize) -> Vec<String> {
        let mut history: Vec<String> = history.iter().map(|&text| text.to_owned()).collect();
        budget(&mut history, max_tokens, |text| text);
        history
    }

    #[test]
    fn the_oldest_go_first() {
        let turns = ["one word", "two words", "three words"]; // 2 + 4, 3 + 4 and 3 + 4 tokens
        assert_eq!(budgeted(&turns, 20), turns);
        assert_eq!(budgeted(&turns, 19), &turns[1..]);
        assert_eq!(budgeted(&turns, 13), &turns[2..]);
    }

    #[test]
    fn a_gap_is_never_left_for_an_older_message_that_would_fit() {
        let long = "x".repeat(400);
        assert_eq!(budgeted(&["short", &long, "why?"], 20), ["why?"]);
    }

    #[test]
    fn the_last_message_stays_without_its_middle() {
        let log = format!("why is this? {} please help", "noise ".repeat(1_000));
        let kept = budgeted(&["before", &log], 60);
        assert_eq!(kept.len(), 1);
        assert!(kept[0].starts_with("why is this? noise"), "{}", kept[0]);
        assert!(kept[0].ends_with("noise  please help"), "{}", kept[0]);
        assert!(kept[0].contains("left out"));
    }

    #[test]
    fn no_history_stays_none() {
        assert!(budgeted(&[], 10).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_end_and_fits(texts in prop::collection::vec("[a-zé日 ]{0,60}", 1..8), max in 40_usize..120) {
            let turns: Vec<&str> = texts.iter().map(String::as_str).collect();
            let kept = budgeted(&turns, max);
            let cost: usize = kept.iter().map(|text| estimate_tokens(text) + MESSAGE_OVERHEAD).sum();
            prop_assert!(cost <= max, "{cost} > {max}");
            prop_assert!(!kept.is_empty());
            if kept.len() > 1 || !kept[0].contains("left out") {
                prop_assert_eq!(&kept[..], &texts[texts.len() - kept.len()..]);
            }
        }
    }
}
