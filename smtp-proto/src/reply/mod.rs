//! Replies of a server: codes, enhanced status codes, text, and the parser with its limits.
//!
//! RFC 5321 section 4.2 (replies), RFC 3463 and RFC 2034 (enhanced status codes).  What the text of an EHLO reply
//! means is in [`Extensions`](crate::Extensions).

mod code;
mod parser;
mod text;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

pub use code::{Code, EnhancedCode, Severity};
pub use parser::{Line, ReplyError, ReplyLimits, ReplyParser, line};

use crate::escape::Escaped;
use crate::text::TextError;
pub(crate) use text::{Text, split_line};

/// A complete reply.
///
/// Short ones, as good as all replies to MAIL and RCPT, are held without a heap allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reply {
    code: Code,
    bare_lf: bool,
    /// All text, with what separates the lines.
    pub(crate) text: Text,
}

impl Reply {
    /// A reply with one line of text, or several separated by LF; for servers and tests.
    ///
    /// # Errors
    /// CR and NUL cannot be in a text.
    pub fn new(code: Code, text: &str) -> Result<Self, TextError> {
        match text.bytes().position(|b| b == b'\r' || b == 0) {
            Some(at) => Err(TextError::Character { at }),
            None => Ok(Self { code, bare_lf: false, text: Text::from_lines(code, text) }),
        }
    }

    /// The reply whose lines these are.
    #[inline]
    fn from_wire(code: Code, bare_lf: bool, lines: &[u8]) -> Self {
        let text = lines.get("250 ".len()..).unwrap_or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Self { code, bare_lf, text: Text::new(text) }
    }

    /// The three digits.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the first digit says.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Whether the first digit is 2.
    pub fn is_positive(&self) -> bool {
        self.severity() == Severity::Positive
    }

    /// The enhanced status code at the start of the text, if there is one and its class agrees with the code
    /// (RFC 2034 section 4).
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.enhanced_of_any_class().filter(|enhanced| u16::from(enhanced.class()) == self.code.get() / 100)
    }

    /// The same, whether its class agrees or not.
    pub(crate) fn enhanced_of_any_class(&self) -> Option<EnhancedCode> {
        let (enhanced, _) = EnhancedCode::parse_prefix(self.lines().next()?)?;
        Some(enhanced)
    }

    /// The bytes of each line as they came, without code, separator and line end.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.lines()
    }

    /// The text for people: enhanced status codes removed, lines joined by a space, control characters escaped.
    pub fn text(&self) -> String {
        let skip_enhanced = self.enhanced().is_some();
        let mut text = String::new();
        for line in self.lines() {
            let skip = EnhancedCode::parse_prefix(line).filter(|_| skip_enhanced).map_or(0, |(_, len)| len);
            let line = line[skip..].trim_ascii();
            if !text.is_empty() && !line.is_empty() {
                text.push(' ');
            }
            text.push_str(&Escaped(line).to_string());
        }
        text
    }

    /// Appends it as it goes on the wire: every line with the code, and with the enhanced status code if the first one
    /// has one (RFC 2034 section 4).
    ///
    /// A CR or NUL, which a reply that was parsed may hold, becomes a space.
    ///
    /// ```
    /// use smtp_proto::reply::{Code, Reply};
    ///
    /// let mut wire = Vec::new();
    /// Reply::new(Code::new(550).unwrap(), "5.7.1 no relaying\nask the postmaster").unwrap().encode(&mut wire);
    /// assert_eq!(wire, b"550-5.7.1 no relaying\r\n550 5.7.1 ask the postmaster\r\n");
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>) {
        let enhanced = self.enhanced();
        let mut lines = self.lines().peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { '-' } else { ' ' };
            out.extend_from_slice(alloc::format!("{}{separator}", self.code).as_bytes());
            if let Some(enhanced) = enhanced.filter(|_| EnhancedCode::parse_prefix(line).is_none()) {
                out.extend_from_slice(alloc::format!("{enhanced} ").as_bytes());
            }
            out.extend(line.iter().map(|&b| if matches!(b, b'\r' | 0) { b' ' } else { b }));
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Whether a line ended in a bare LF, which RFC 5321 section 2.3.8 forbids.
    pub fn has_bare_lf(&self) -> bool {
        self.bare_lf
    }

    /// The same code with the text masked.
    pub(crate) fn without_text(&self) -> Self {
        Self { text: Text::new(b"****"), ..*self }
    }
}

impl fmt::Display for Reply {
    /// `550 5.1.1 no such user`, lines joined by ` / `, control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        for (i, line) in self.lines().enumerate() {
            write!(f, "{}{}", if i == 0 { " " } else { " / " }, Escaped(line))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_parses_to_the_same() {
        for wire in ["250 ok\r\n", "354 \r\n", "250-a\r\n250-\r\n250 b\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n"]
        {
            let reply =
                ReplyParser::new(ReplyLimits::default()).parse(&mut wire.as_bytes()).unwrap().unwrap();
            let mut encoded = Vec::new();
            reply.encode(&mut encoded);
            assert_eq!(encoded, wire.as_bytes());
        }
    }

    #[test]
    fn no_stray_line_end_is_encoded() {
        let mut input = &b"250 a\rb\r\r\n"[..];
        let reply = ReplyParser::new(ReplyLimits::default()).parse(&mut input).unwrap().unwrap();
        let mut encoded = Vec::new();
        reply.encode(&mut encoded);
        assert_eq!(encoded, b"250 a b \r\n");
    }
}
