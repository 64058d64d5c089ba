//! Bytes of the peer, made safe to print.

use alloc::string::String;
use core::fmt;

/// Shows bytes with every control character, backslash and invalid UTF-8 sequence escaped, so that what a peer sent
/// can stand in a log or on a terminal.
#[derive(Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if is_unsafe(c) {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    fmt::Write::write_char(f, c)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Controls, line and paragraph separators, and the characters that reorder text on a terminal.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || c == '\\'
        || matches!(c, '\u{61c}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The beginning of what a peer or a caller gave, escaped and short, for error messages.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Snippet(String);

impl Snippet {
    /// Escapes `bytes`, of which at most 40 are kept.
    pub fn new(bytes: &[u8]) -> Self {
        const KEEP: usize = 40;
        // A character that the cut would go through is left out; of bytes that are no characters all are kept.
        let is_boundary = |&at: &usize| bytes.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
        let end = if bytes.len() > KEEP {
            (KEEP - 3..=KEEP).rev().find(is_boundary).unwrap_or(KEEP)
        } else {
            bytes.len()
        };
        let mut text = alloc::format!("{}", Escaped(&bytes[..end]));
        if bytes.len() > KEEP {
            text.push_str("...");
        }
        Self(text)
    }

    /// The escaped text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn snippets_are_cut_between_characters() {
        for before in 36..=41 {
            let text = alloc::format!("{}\u{1f980}\u{1f980}", "x".repeat(before));
            let snippet = Snippet::new(text.as_bytes());
            let kept = if before <= 36 { before + 4 } else { before.min(40) };
            assert_eq!(snippet.as_str(), alloc::format!("{}...", &text[..kept]));
        }
        assert_eq!(Snippet::new(&[0x80; 41]).as_str(), alloc::format!("{}...", "\\x80".repeat(40)));
        assert_eq!(Snippet::new("\u{e9}".repeat(20).as_bytes()).as_str(), "\u{e9}".repeat(20));
    }

    #[test]
    fn controls_and_bad_utf8_are_escaped() {
        assert_eq!(Escaped(b"a\r\n\x1b[2J\xff\xc3\xa9\0").to_string(), "a\\r\\n\\u{1b}[2J\\xff\u{e9}\\u{0}");
        assert_eq!(Escaped("\u{202e}x\\".as_bytes()).to_string(), "\\u{202e}x\\\\");
    }
}
