//! The streaming reply parser (RFC 5321 section 4.2): one line by nom without allocation, whole replies under limits.

use core::fmt;

use alloc::vec::Vec;
use nom::branch::alt;
use nom::bytes::streaming::{tag, take_till, take_while_m_n};
use nom::combinator::{map, map_opt, peek, value};
use nom::{IResult, Parser};

use super::{Code, Reply, Text};
use crate::escape::Snippet;

/// How much of a reply is accepted from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Bytes of one line, its end included.  RFC 5321 section 4.5.3.1.5 asks for 512; real servers send more.
    pub line: usize,
    /// Lines of one reply.
    pub lines: usize,
    /// Bytes of one reply, line ends included.
    pub bytes: usize,
}

impl Default for ReplyLimits {
    /// 4 KiB a line, 512 lines, 64 KiB in all.
    fn default() -> Self {
        Self { line: 4 << 10, lines: 512, bytes: 64 << 10 }
    }
}

/// Why bytes of a peer are not a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line does not begin with a code from 200 to 599 followed by a space, a hyphen or the line's end.
    Malformed(Snippet),
    /// A line has a NUL byte (RFC 5321 section 4.5.2 allows none in text).
    Nul(Snippet),
    /// The code changed between the lines of one reply (RFC 5321 section 4.2.1).
    CodeChanged {
        /// The code of the lines before.
        from: Code,
        /// The code of this line.
        to: Code,
    },
    /// A line is longer than [`ReplyLimits::line`].
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A reply has more lines than [`ReplyLimits::lines`].
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// A reply has more bytes than [`ReplyLimits::bytes`].
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(line) => write!(f, "not a reply line: {line}"),
            Self::Nul(line) => write!(f, "NUL in a reply: {line}"),
            Self::CodeChanged { from, to } => {
                write!(f, "the code changed from {from} to {to} inside one reply")
            }
            Self::LineTooLong { limit } => write!(f, "a reply line of more than {limit} bytes"),
            Self::TooManyLines { limit } => write!(f, "a reply of more than {limit} lines"),
            Self::TooLong { limit } => write!(f, "a reply of more than {limit} bytes"),
        }
    }
}

impl core::error::Error for ReplyError {}

impl ReplyError {
    /// The same without what the peer sent.
    pub(crate) fn without_input(self) -> Self {
        match self {
            Self::Malformed(_) => Self::Malformed(Snippet::new(b"****")),
            Self::Nul(_) => Self::Nul(Snippet::new(b"****")),
            other => other,
        }
    }
}

/// One line of a reply, borrowed from the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its code.
    pub code: Code,
    /// Whether a space (or nothing) came after the code, which ends the reply; a hyphen says that more lines follow.
    pub last: bool,
    /// What came after the separator, without the line end.
    pub text: &'a [u8],
    /// Whether the line ended in LF without CR.
    pub bare_lf: bool,
}

/// Parses one line with its end, in nom's streaming style.
///
/// ```
/// let (rest, line) = smtp_proto::reply::line(b"250-PIPELINING\r\n250 ").unwrap();
/// assert_eq!((line.code.get(), line.last, line.text), (250, false, &b"PIPELINING"[..]));
/// assert_eq!(rest, b"250 ");
/// assert!(smtp_proto::reply::line(rest).unwrap_err().is_incomplete());
/// ```
///
/// # Errors
/// nom's: `Incomplete` while the end is missing, else where the line breaks the grammar.
pub fn line(input: &[u8]) -> IResult<&[u8], Line<'_>> {
    let (input, code) = map_opt(take_while_m_n(3, 3, |b: u8| b.is_ascii_digit()), |digits: &[u8]| {
        Code::new(digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
    })
    .parse(input)?;
    let (input, last) = alt((
        value(true, tag(&b" "[..])),
        value(false, tag(&b"-"[..])),
        value(true, peek(alt((tag(&b"\r\n"[..]), tag(&b"\n"[..]))))),
    ))
    .parse(input)?;
    let (input, text) = take_till(|b| b == b'\n').parse(input)?;
    let (input, (text, bare_lf)) = map(tag(&b"\n"[..]), |_| match text.strip_suffix(b"\r") {
        Some(text) => (text, false),
        None => (text, true),
    })
    .parse(input)?;
    Ok((input, Line { code, last, text, bare_lf }))
}

/// Puts replies together from input that comes in any pieces.
///
/// Memory is bounded by [`ReplyLimits::bytes`], time is linear in the input.
#[derive(Debug)]
pub struct ReplyParser {
    limits: ReplyLimits,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    reply: Option<Reply>,
    lines: usize,
    bytes: usize,
}

impl ReplyParser {
    /// A parser at the start of a reply.
    pub fn new(limits: ReplyLimits) -> Self {
        Self { limits, partial: Vec::new(), reply: None, lines: 0, bytes: 0 }
    }

    /// Takes bytes off the front of `input` until a reply is complete or nothing is left.
    ///
    /// # Errors
    /// The first thing that is not a reply; the parser is of no use afterwards.
    pub fn parse(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, ReplyError> {
        loop {
            let Some(end) = memchr::memchr(b'\n', input) else {
                self.check_length(self.partial.len() + input.len())?;
                self.partial.extend_from_slice(input);
                *input = &[];
                return Ok(None);
            };
            let (bytes, rest) = input.split_at(end + 1);
            let len = self.partial.len() + bytes.len();
            self.check_length(len)?;
            let done = if self.partial.is_empty() {
                self.push_line(bytes)?
            } else {
                let mut whole = core::mem::take(&mut self.partial);
                whole.extend_from_slice(bytes);
                let done = self.push_line(&whole)?;
                whole.clear();
                self.partial = whole;
                done
            };
            *input = rest;
            self.bytes += len;
            if done {
                self.bytes = 0;
                self.lines = 0;
                return Ok(self.reply.take());
            }
        }
    }

    /// Whether a reply has begun and is not complete.
    pub fn is_mid_reply(&self) -> bool {
        !self.partial.is_empty() || self.reply.is_some()
    }

    /// Names the limit that a line passes first, which does not depend on how much of the line has come.
    fn check_length(&self, line: usize) -> Result<(), ReplyError> {
        let left = self.limits.bytes - self.bytes;
        if line <= self.limits.line.min(left) {
            Ok(())
        } else if self.limits.line <= left {
            Err(ReplyError::LineTooLong { limit: self.limits.line })
        } else {
            Err(ReplyError::TooLong { limit: self.limits.bytes })
        }
    }

    /// Adds a complete line; says whether it was the last of its reply.
    fn push_line(&mut self, bytes: &[u8]) -> Result<bool, ReplyError> {
        let Ok((_, line)) = line(bytes) else {
            return Err(ReplyError::Malformed(Snippet::new(bytes.trim_ascii_end())));
        };
        if memchr::memchr(0, line.text).is_some() {
            return Err(ReplyError::Nul(Snippet::new(bytes.trim_ascii_end())));
        }
        self.lines += 1;
        if self.lines > self.limits.lines {
            return Err(ReplyError::TooManyLines { limit: self.limits.lines });
        }
        match &mut self.reply {
            None => {
                let mut text = Text::default();
                text.push(line.text);
                self.reply = Some(Reply { code: line.code, bare_lf: line.bare_lf, text });
            }
            Some(reply) if reply.code != line.code => {
                return Err(ReplyError::CodeChanged { from: reply.code, to: line.code });
            }
            Some(reply) => {
                reply.text.push(b"\n");
                reply.text.push(line.text);
                reply.bare_lf |= line.bare_lf;
            }
        }
        Ok(line.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    /// Every reply in `input` as text, or the error; the same however the input is cut.
    fn replies(input: &[u8]) -> Result<Vec<String>, ReplyError> {
        fn run<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, ReplyError> {
            let mut parser = ReplyParser::new(ReplyLimits { line: 64, lines: 4, bytes: 128 });
            let mut replies = Vec::new();
            for mut piece in pieces {
                while let Some(reply) = parser.parse(&mut piece)? {
                    replies.push(alloc::format!("{reply}{}", if reply.has_bare_lf() { " (LF)" } else { "" }));
                }
            }
            assert!(!parser.is_mid_reply(), "input ends inside a reply");
            Ok(replies)
        }
        let whole = run([input]);
        for cut in 1..input.len() {
            assert_eq!(run([&input[..cut], &input[cut..]]), whole, "cut at {cut}");
        }
        assert_eq!(run(input.chunks(1)), whole, "byte by byte");
        whole
    }

    #[test]
    fn case_w6_replies_without_text() {
        assert_eq!(replies(b"354\r\n").unwrap(), ["354 "]);
        assert_eq!(replies(b"250\r\n").unwrap(), ["250 "]);
        assert_eq!(replies(b"250-\r\n250 \r\n").unwrap(), ["250  / "]);
    }

    #[test]
    fn case_w7_only_the_first_digit_decides() {
        assert_eq!(replies(b"571 5.7.1 x\r\n299 y\r\n").unwrap(), ["571 5.7.1 x", "299 y"]);
        let mut input = &b"571 5.7.1 x\r\n"[..];
        let reply = ReplyParser::new(ReplyLimits::default()).parse(&mut input).unwrap().unwrap();
        assert_eq!(reply.severity(), super::super::Severity::Permanent);
        assert_eq!(reply.enhanced().unwrap().to_string(), "5.7.1");
        assert_eq!(reply.text(), "x");
    }

    #[test]
    fn case_w8_what_is_no_reply_is_named() {
        for bad in [
            "000 x", "999 x", "199 x", "600 x", "25 x", "2500 x", "250x", "abc", "", " 250 x", "250\rx",
            "2\x1b0 x",
        ] {
            let error = replies(alloc::format!("{bad}\r\n").as_bytes()).unwrap_err();
            assert_eq!(error, ReplyError::Malformed(Snippet::new(bad.as_bytes())), "{bad}");
        }
        let text = replies(b"2\x1b0 x\r\n").unwrap_err().to_string();
        assert_eq!(text, "not a reply line: \"2\\u{1b}0 x\"");
    }

    #[test]
    fn case_w9_the_code_may_not_change() {
        let error = replies(b"250-a\r\n550 b\r\n").unwrap_err();
        assert_eq!(error.to_string(), "the code changed from 250 to 550 inside one reply");
    }

    #[test]
    fn case_w10_odd_bytes_are_kept_and_escaped() {
        assert_eq!(replies(b"250 a\tb\xff\r\n").unwrap(), ["250 a\\tb\\xff"]);
        assert_eq!(replies(b"250-a\n250 b\r\n").unwrap(), ["250 a / b (LF)"]);
        assert_eq!(replies(b"250 a\rb\r\n").unwrap(), ["250 a\\rb"]);
        assert_eq!(replies(b"250 a\0b\r\n").unwrap_err(), ReplyError::Nul(Snippet::new(b"250 a\0b")));
    }

    #[test]
    fn case_w11_every_length_has_a_cap() {
        assert_eq!(replies(&[b'2'; 65]).unwrap_err(), ReplyError::LineTooLong { limit: 64 });
        let mut line = b"250 ".to_vec();
        line.resize(62, b'x');
        line.extend_from_slice(b"\r\n");
        assert_eq!(replies(&line).unwrap().len(), 1);
        line.insert(10, b'x');
        assert_eq!(replies(&line).unwrap_err(), ReplyError::LineTooLong { limit: 64 });
        assert_eq!(
            replies(b"250-a\r\n250-a\r\n250-a\r\n250-a\r\n250 a\r\n").unwrap_err(),
            ReplyError::TooManyLines { limit: 4 }
        );
        assert_eq!(replies(b"250-a\r\n250-a\r\n250-a\r\n250 a\r\n250 b\r\n").unwrap().len(), 2);
        let long = [b'x'; 50];
        let line = [b"250-", &long[..], b"\r\n"].concat();
        assert_eq!(
            replies(&[&line[..], &line, &line].concat()).unwrap_err(),
            ReplyError::TooLong { limit: 128 }
        );
        // Too long for the reply before it is too long for a line.
        let longer = [&line[..], b"250-", &[b'x'; 80], b"\r\n"].concat();
        let start = b"250-a\r\n250-b\r\n";
        assert_eq!(replies(&[&start[..], &longer].concat()).unwrap_err(), ReplyError::TooLong { limit: 128 });
    }

    #[test]
    fn text_moves_to_the_heap_when_it_is_long() {
        let mut text = Text::default();
        text.push(&[b'a'; 78]);
        assert!(matches!(text, Text::Inline { len: 78, .. }));
        text.push(b"b");
        assert!(matches!(text, Text::Heap(_)));
        assert_eq!(text.as_bytes(), [&[b'a'; 78][..], b"b"].concat());
    }
}
