//! The streaming reply parser (RFC 5321 section 4.2): one line by nom without allocation, whole replies under limits.

use core::fmt;

use alloc::vec::Vec;
use nom::branch::alt;
use nom::bytes::streaming::{tag, take_while_m_n};
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
    map(line_or_nul, |(line, _)| line).parse(input)
}

/// The same, and whether there is a NUL in the text.
#[inline(always)]
fn line_or_nul(input: &[u8]) -> IResult<&[u8], (Line<'_>, bool)> {
    let (input, (code, last)) = head(input)?;
    let (input, (text, nul, bare_lf)) = text(input)?;
    Ok((input, (Line { code, last, text, bare_lf }, nul)))
}

/// The code, and the separator, which says whether the line is the last.
#[inline(always)]
fn head(input: &[u8]) -> IResult<&[u8], (Code, bool)> {
    match input {
        // What nearly all lines begin with, without a detour.
        &[a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', separator @ (b' ' | b'-'), ref rest @ ..] => {
            let code = Code::from_digits([a, b, c]);
            Ok((rest, (code, separator == b' ')))
        }
        _ => any_head(input),
    }
}

#[cold]
fn any_head(input: &[u8]) -> IResult<&[u8], (Code, bool)> {
    (code, last).parse(input)
}

fn code(input: &[u8]) -> IResult<&[u8], Code> {
    map_opt(take_while_m_n(3, 3, |b: u8| b.is_ascii_digit()), |digits: &[u8]| {
        Code::new(digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
    })
    .parse(input)
}

/// The separator, which says whether the line is the last; a last line without text may have none.
fn last(input: &[u8]) -> IResult<&[u8], bool> {
    alt((
        value(true, tag(&b" "[..])),
        value(false, tag(&b"-"[..])),
        value(true, peek(alt((tag(&b"\r\n"[..]), tag(&b"\n"[..]))))),
    ))
    .parse(input)
}

/// The text, taken with the line end; whether it has a NUL; whether it ended in LF without CR.
#[inline(always)]
fn text(input: &[u8]) -> IResult<&[u8], (&[u8], bool, bool)> {
    let incomplete = || nom::Err::Incomplete(nom::Needed::Unknown);
    let mut end = lf_or_nul(input).ok_or_else(incomplete)?;
    let nul = input[end] == 0;
    if nul {
        end += memchr::memchr(b'\n', &input[end..]).ok_or_else(incomplete)?;
    }
    let (text, rest) = (&input[..end], &input[end + 1..]);
    Ok((rest, text.strip_suffix(b"\r").map_or((text, nul, true), |text| (text, nul, false))))
}

/// Where the first LF or NUL is.
#[inline(always)]
fn lf_or_nul(text: &[u8]) -> Option<usize> {
    AtMostLf::new(text).find(|&at| matches!(text[at], b'\n' | 0))
}

/// Where the bytes up to LF are: eight at a time, which for usual lines takes less than a call of memchr.
///
/// Where it looks does not depend on what it finds, so a processor can work at several lines at once.
pub(super) struct AtMostLf<'a> {
    text: &'a [u8],
    words: core::slice::Iter<'a, [u8; 8]>,
    /// Where the next word begins.
    next: usize,
    /// The top bits of the bytes that were found in the word before it.
    found: u64,
}

impl<'a> AtMostLf<'a> {
    #[inline(always)]
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, words: text.as_chunks().0.iter(), next: 0, found: 0 }
    }

    /// The top bit of each byte up to LF, and no other.
    #[inline(always)]
    fn find_in(word: u64) -> u64 {
        const EACH: u64 = u64::MAX / 0xff;
        const TOP: u64 = EACH << 7;
        // With its top bit set no byte borrows from the next, and keeps that bit if the others are beyond LF.
        let beyond = (word | TOP) - EACH * (b'\n' as u64 + 1);
        !(beyond | word) & TOP
    }
}

impl Iterator for AtMostLf<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            let word = match self.words.next() {
                Some(word) => u64::from_le_bytes(*word),
                None if self.next < self.text.len() => last_word(self.text),
                None => return None,
            };
            self.found = Self::find_in(word);
            self.next += 8;
        }
        let at = self.next - 8 + self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(at)
    }
}

/// What is behind the last whole word of a text, of which there is something, with other bytes than LF behind it.
#[inline(never)] // Who looks for a line in the middle of a text has no need of it.
fn last_word(text: &[u8]) -> u64 {
    match text.last_chunk() {
        Some(last) => !(!u64::from_le_bytes(*last) >> (64 - text.len() % 8 * 8)),
        None => text.iter().rev().fold(u64::MAX, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// Puts replies together from input that comes in any pieces.
///
/// Memory is bounded by [`ReplyLimits::bytes`], time is linear in the input.
pub struct ReplyParser {
    limits: ReplyLimits,
    /// The beginning of a reply whose end has not come yet.
    held: Vec<u8>,
    seen: Seen,
}

impl ReplyParser {
    /// So much memory is kept from one reply in pieces to the next.
    const KEPT: usize = 512;

    /// A parser at the start of a reply.
    pub fn new(limits: ReplyLimits) -> Self {
        Self { limits, held: Vec::new(), seen: Seen::default() }
    }

    /// Takes bytes off the front of `input` until a reply is complete or nothing is left.
    ///
    /// # Errors
    /// The first thing that is not a reply; the parser is of no use afterwards.
    pub fn parse(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, ReplyError> {
        if self.is_mid_reply() {
            return self.parse_on(input);
        }
        if let Some((code, text, rest)) = usual(&self.limits, input) {
            *input = rest;
            return Ok(Some(Reply { code, bare_lf: false, text: Text::new(text) }));
        }
        self.parse_lines(input)
    }

    /// The same at the start of a reply, line by line.
    #[inline(never)] // It would take the registers of what nearly all replies need.
    fn parse_lines(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, ReplyError> {
        let (mut seen, mut rest) = (Seen::default(), *input);
        while let Some((line, after)) = seen.line(&self.limits, rest)? {
            rest = after;
            if line.last {
                let (whole, rest) = input.split_at(seen.bytes);
                *input = rest;
                return Ok(Some(Reply::from_wire(line.code, seen.bare_lf, whole)));
            }
        }
        self.hold(seen, input);
        *input = &[];
        Ok(None)
    }

    #[cold]
    fn hold(&mut self, seen: Seen, beginning: &[u8]) {
        self.held.extend_from_slice(beginning);
        self.seen = seen;
    }

    /// The same behind the beginning of a reply: line by line, so that no byte is looked at twice.
    #[inline(never)]
    fn parse_on(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, ReplyError> {
        while !input.is_empty() {
            let lf = memchr::memchr(b'\n', input);
            let (bytes, rest) = input.split_at(lf.map_or(input.len(), |lf| lf + 1));
            let start = self.seen.bytes;
            self.seen.check_length(&self.limits, self.held.len() - start + bytes.len())?;
            self.held.extend_from_slice(bytes);
            *input = rest;
            if lf.is_some()
                && let Some((line, _)) = self.seen.line(&self.limits, &self.held[start..])?
                && line.last
            {
                let reply = Reply::from_wire(line.code, self.seen.bare_lf, &self.held);
                self.seen = Seen::default();
                self.held.clear();
                self.held.shrink_to(Self::KEPT);
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// Whether a reply has begun and is not complete.
    pub fn is_mid_reply(&self) -> bool {
        !self.held.is_empty()
    }
}

impl fmt::Debug for ReplyParser {
    /// Shows no input, which may be a challenge of AUTH.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyParser")
            .field("limits", &self.limits)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

/// What the complete lines of a reply have said.
#[derive(Debug, Default)]
struct Seen {
    code: Option<Code>,
    bare_lf: bool,
    lines: usize,
    /// In all these lines.
    bytes: usize,
}

impl Seen {
    /// Takes the next line off `input`; `None` if its end is missing.
    #[inline(always)]
    fn line<'a>(
        &mut self,
        limits: &ReplyLimits,
        input: &'a [u8],
    ) -> Result<Option<(Line<'a>, &'a [u8])>, ReplyError> {
        let Ok((rest, (line, nul))) = line_or_nul(input) else {
            return self.no_line(limits, input).map_or(Ok(None), Err);
        };
        let bytes = &input[..input.len() - rest.len()];
        self.check_length(limits, bytes.len())?;
        if nul {
            return Err(ReplyError::Nul(Snippet::new(bytes.trim_ascii_end())));
        }
        if self.lines == limits.lines {
            return Err(ReplyError::TooManyLines { limit: limits.lines });
        }
        match self.code.replace(line.code) {
            Some(from) if from != line.code => return Err(ReplyError::CodeChanged { from, to: line.code }),
            _ => {}
        }
        self.bare_lf |= line.bare_lf;
        self.lines += 1;
        self.bytes += bytes.len();
        Ok(Some((line, rest)))
    }

    /// What is wrong with `input`, at whose front there is no line, if it is not that more has to come.
    #[cold]
    fn no_line(&self, limits: &ReplyLimits, input: &[u8]) -> Option<ReplyError> {
        let lf = memchr::memchr(b'\n', input);
        let bytes = &input[..lf.map_or(input.len(), |lf| lf + 1)];
        let malformed = || ReplyError::Malformed(Snippet::new(bytes.trim_ascii_end()));
        self.check_length(limits, bytes.len()).err().or_else(|| lf.map(|_| malformed()))
    }

    /// Names the limit that a line passes first, which does not depend on how much of the line has come.
    #[inline]
    fn check_length(&self, limits: &ReplyLimits, line: usize) -> Result<(), ReplyError> {
        let left = limits.bytes - self.bytes;
        if line <= limits.line.min(left) {
            Ok(())
        } else if limits.line <= left {
            Err(ReplyError::LineTooLong { limit: limits.line })
        } else {
            Err(ReplyError::TooLong { limit: limits.bytes })
        }
    }
}

/// The code and the text of a reply at the start of `input` that is all there and as replies should be, and what is
/// behind it.
///
/// Nearly all are, so this is what parsing costs; what `Seen` says of them is the same.
#[inline]
fn usual<'a>(limits: &ReplyLimits, input: &'a [u8]) -> Option<(Code, &'a [u8], &'a [u8])> {
    let window = &input[..input.len().min(limits.bytes)];
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = *window.first_chunk()? else { return None };
    let code = Code::from_digits([a, b, c]);
    let mut start = 0;
    for end in AtMostLf::new(window).take(limits.lines) {
        let line = window.get(start..=end)?;
        start = end + 1;
        let is_usual = (b"250 \r\n".len()..=limits.line).contains(&line.len()) && line.ends_with(b"\r\n");
        let head = line.first_chunk().filter(|_| is_usual)?;
        if *head == [a, b, c, b' '] {
            return Some((code, &window["250 ".len()..end - 1], &input[start..]));
        }
        if *head != [a, b, c, b'-'] {
            return None;
        }
    }
    None
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
    fn what_ends_a_line_is_found_wherever_it_is() {
        let check = |text: &[u8]| {
            let expected = (0..text.len()).filter(|&at| text[at] <= b'\n');
            assert!(AtMostLf::new(text).eq(expected), "{text:?}");
        };
        for a in 0..=u8::MAX {
            for b in 0..=u8::MAX {
                check(&[a, b]);
                check(&[b'x', a, b, b'\n', b, a, b'x', a, b, b, b'\n']);
            }
        }
        for length in 0..40 {
            let mut text = [b'x'; 40];
            check(&text[..length]);
            for at in 0..length {
                text[at] = b'\n';
                check(&text[..length]);
                text[at] = b'y';
            }
        }
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
    fn what_is_held_is_not_shown() {
        let mut parser = ReplyParser::new(ReplyLimits::default());
        assert!(parser.parse(&mut &b"334 c2Vj"[..]).unwrap().is_none());
        let shown = alloc::format!("{parser:?}");
        assert!(
            shown.starts_with("ReplyParser") && !shown.contains("c2Vj") && !shown.contains("99, 50"),
            "{shown}"
        );
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
        // A line that is none is first of all too long, its end included.
        let none = [&[b'x'; 63][..], b"\r\n"].concat();
        assert_eq!(replies(&none).unwrap_err(), ReplyError::LineTooLong { limit: 64 });
        assert_eq!(replies(&none[1..]).unwrap_err(), ReplyError::Malformed(Snippet::new(&[b'x'; 62])));
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
}
