//! Text in paragraphs that the reader's program wraps (format=flowed, RFC 3676).

use crate::line_ends::normalise;
use crate::steps;

/// Columns of a line, so that quotes of it have room.
const WIDTH: usize = 72;
/// Columns that are worth a line of their own: behind more quote marks a paragraph stays one line, or each of its words
/// would bring them all along.
const LEAST: usize = 24;

/// Wraps paragraphs, each a line of the text: a line that ends in a space goes on.  The result has CRLF line ends.
pub(super) fn wrap(text: &str) -> String {
    let text = normalise(text.into());
    // Nothing but its line ends is another.
    let text = String::from_utf8_lossy(&text);
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    steps::add(text.len());
    for line in text.strip_suffix("\r\n").unwrap_or(&text).split("\r\n") {
        if text.is_empty() {
            break;
        }
        // The line above a signature is the one that ends in a space and does not go on (section 4.3).
        if line == "-- " {
            out.push_str("-- \r\n");
            continue;
        }
        let quotes = line.len() - line.trim_start_matches('>').len();
        let (quotes, content) = line.split_at(quotes);
        let content = if quotes.is_empty() { content } else { content.strip_prefix(' ').unwrap_or(content) };
        let mut rest = content.trim_end_matches(' ');
        loop {
            let start = out.len();
            out.push_str(quotes);
            // Stuffed so that nothing is taken for a quote mark, and nothing is changed on the way (section 4.4).
            if !quotes.is_empty() || rest.starts_with([' ', '>']) || rest.starts_with("From ") {
                out.push(' ');
            }
            steps::add(quotes.len());
            let room = WIDTH.checked_sub(out.len() - start).filter(|&room| room >= LEAST);
            let Some(end) = room.and_then(|room| break_at(rest, room)) else {
                out.push_str(rest);
                out.push_str("\r\n");
                break;
            };
            out.push_str(&rest[..end]);
            out.push_str("\r\n");
            rest = &rest[end..];
        }
    }
    out
}

/// Where to break a line so that about `room` characters are in front, behind spaces; `None` if it need not be or cannot.
fn break_at(line: &str, room: usize) -> Option<usize> {
    let (mut best, mut column, mut after_space) = (None, 0, false);
    for (at, c) in line.char_indices() {
        // A line of that alone would begin a signature.
        if after_space && c != ' ' && &line[..at] != "-- " {
            best = Some(at);
        }
        if column >= room && best.is_some() {
            return best;
        }
        after_space = c == ' ' && !line[..at].is_empty();
        steps::add(1);
        column += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 4.1 by the letter: quote depth and text of each paragraph.
    fn unwrap(text: &str) -> Vec<(usize, String)> {
        let mut paragraphs: Vec<(usize, String)> = Vec::new();
        let mut open = false;
        for line in text.strip_suffix("\r\n").unwrap_or(text).split("\r\n") {
            let depth = line.len() - line.trim_start_matches('>').len();
            let content = line[depth..].strip_prefix(' ').unwrap_or(&line[depth..]);
            let signature = content == "-- ";
            match paragraphs.last_mut() {
                Some((last, paragraph)) if open && *last == depth && !signature => {
                    paragraph.push_str(content);
                }
                _ => paragraphs.push((depth, content.into())),
            }
            open = content.ends_with(' ') && !signature;
        }
        paragraphs
    }

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str)]) {
        let wrapped = wrap(text);
        let expected: Vec<_> = expected.iter().map(|(depth, text)| (*depth, (*text).to_owned())).collect();
        assert_eq!(unwrap(&wrapped), expected, "{wrapped:?}");
    }

    #[test]
    fn paragraphs_come_back() {
        let long = "word and another word ".repeat(50);
        let long = long.trim_end();
        check("a\n\nb", &[(0, "a"), (0, ""), (0, "b")]);
        check(long, &[(0, long)]);
        check(&format!("{long}\n{long}\n"), &[(0, long), (0, long)]);
        check(&format!("> {long}\n>> x"), &[(1, long), (2, "x")]);
        check("a\r\r\nb\rc\n", &[(0, "a"), (0, "b"), (0, "c")]);
        check("a  \r\nb", &[(0, "a"), (0, "b")]);
        check(" a\nFrom b\n  c", &[(0, " a"), (0, "From b"), (0, "  c")]);
        check("-- \nme", &[(0, "-- "), (0, "me")]);
        let spaces = format!("a{}b", " ".repeat(200));
        check(&spaces, &[(0, &spaces)]);
        let word = "x".repeat(2000);
        check(&word, &[(0, &word)]);
        // No line of it becomes the one above a signature.
        let dashes = format!("-- {word}");
        check(&dashes, &[(0, &dashes)]);
        check(&format!(">{dashes}"), &[(1, &dashes)]);
        let accents = "äöü ".repeat(100);
        check(&accents, &[(0, accents.trim_end())]);
        assert_eq!(wrap(""), "");
        assert_eq!(wrap("\n"), "\r\n");
        for line in wrap(long).lines() {
            assert!(line.len() <= 78, "{line}");
        }
    }

    #[test]
    fn case_m11_deep_quotes_take_linear_time() {
        for piece in [">", "> a ", "a ", " ", "x", "\n", ">\n", "-- "] {
            steps::assert_linear(piece, |text| drop(wrap(text)));
            // As many quote marks as words, which no line has room for.
            let quoted = |text: &str| format!("{}{text}", ">".repeat(text.len()));
            steps::assert_linear(piece, |text| drop(wrap(&quoted(text))));
        }
        for depth in 1..200 {
            let text = format!("{}{}", ">".repeat(depth), " a".repeat(2000));
            assert!(wrap(&text).len() < 6 * text.len(), "{depth}");
            check(&text, &[(depth, text.trim_start_matches('>').trim())]);
        }
    }

    #[test]
    fn all_short_texts_come_back() {
        // `x` many times, so that there is something to wrap.
        for number in 0..6_u32.pow(6) {
            let text: String = (0..6)
                .map(|i| {
                    ["a", " ", ">", "From ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ", "\n"]
                        [(number / 6_u32.pow(i) % 6) as usize]
                })
                .collect();
            let expected: Vec<_> = text
                .strip_suffix('\n')
                .unwrap_or(&text)
                .split('\n')
                .map(|line| {
                    let depth = line.len() - line.trim_start_matches('>').len();
                    let content = &line[depth..];
                    let content =
                        if depth > 0 { content.strip_prefix(' ').unwrap_or(content) } else { content };
                    (depth, content.trim_end_matches(' ').to_owned())
                })
                .collect();
            assert_eq!(unwrap(&wrap(&text)), expected, "{text:?}");
        }
    }
}
