//! Replies: the parser under its limits, one line of it, and what is shown of a reply.
//!
//! An input is a character that chooses the limits (`0` to `3`), a header of cuts, and the server's bytes.

use std::collections::HashSet;

use smtp_proto::TextError;
use smtp_proto::escape::Snippet;
use smtp_proto::reply::{Code, EnhancedCode, Reply, ReplyError, ReplyLimits, ReplyParser, Severity, line};

use crate::{assert_printable, cut};

const UNLIMITED: ReplyLimits = ReplyLimits { line: usize::MAX, lines: usize::MAX, bytes: usize::MAX };

/// Parses the bytes whole, in pieces and byte by byte, and compares with a plain reading of the grammar.
pub fn check(data: &[u8]) {
    let Some((&limits, rest)) = data.split_first() else { return };
    let limits = match limits & 3 {
        0 => ReplyLimits::default(),
        1 => ReplyLimits { line: 40, lines: 3, bytes: 90 },
        2 => ReplyLimits { line: 100, lines: 1000, bytes: 60 },
        _ => UNLIMITED,
    };
    let (lengths, wire) = cut::header(rest);
    let expected = read(limits, wire);
    let replies = parse(limits, [wire], &expected);
    assert_eq!(parse(limits, cut::pieces(&lengths, wire), &expected), replies, "in pieces");
    assert_eq!(parse(limits, wire.chunks(1), &expected), replies, "byte by byte");

    replies.iter().for_each(check_reply);
    let distinct: HashSet<_> = replies.iter().collect();
    assert!(replies.iter().all(|reply| distinct.contains(&reply.clone())));
    if let Some(error) = &expected.error {
        assert_printable(error);
    }
    check_lines(wire);
}

/// What is to come of some input.
struct Expected {
    replies: Vec<Parts>,
    error: Option<ReplyError>,
    /// Whether the input ends inside a reply.
    mid_reply: bool,
}

/// What a reply is made of.
struct Parts {
    code: u16,
    bare_lf: bool,
    lines: Vec<Vec<u8>>,
}

fn parse<'a>(
    limits: ReplyLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    expected: &Expected,
) -> Vec<Reply> {
    let mut parser = ReplyParser::new(limits);
    let mut replies = Vec::new();
    let mut error = None;
    'input: for mut piece in pieces {
        loop {
            let before = piece.len();
            match parser.parse(&mut piece) {
                Ok(Some(reply)) => {
                    assert!(piece.len() < before, "a reply out of nothing");
                    replies.push(reply);
                }
                Ok(None) => {
                    assert!(piece.is_empty(), "input left without a reply");
                    break;
                }
                Err(first) => {
                    error = Some(first);
                    break 'input;
                }
            }
        }
    }
    assert_eq!(error, expected.error);
    assert!(error.is_some() || parser.is_mid_reply() == expected.mid_reply);
    assert_eq!(replies.len(), expected.replies.len());
    for (reply, parts) in replies.iter().zip(&expected.replies) {
        assert_eq!((reply.code().get(), reply.has_bare_lf()), (parts.code, parts.bare_lf));
        assert!(reply.lines().eq(parts.lines.iter().map(Vec::as_slice)), "{reply}");
    }
    replies
}

/// What is to come of the bytes by definition: line by line, with every limit checked at the byte that goes beyond it.
fn read(limits: ReplyLimits, wire: &[u8]) -> Expected {
    let mut expected = Expected { replies: Vec::new(), error: None, mid_reply: false };
    let mut parts = Parts { code: 0, bare_lf: false, lines: Vec::new() };
    let mut bytes = 0;
    for line in wire.split_inclusive(|&b| b == b'\n') {
        match read_line(limits, line, bytes, &mut parts) {
            Err(error) => {
                expected.error = Some(error);
                return expected;
            }
            Ok(None) => expected.mid_reply = true,
            Ok(Some(last)) => {
                bytes = if last { 0 } else { bytes + line.len() };
                expected.mid_reply = !last;
                if last {
                    let next = Parts { code: 0, bare_lf: false, lines: Vec::new() };
                    expected.replies.push(std::mem::replace(&mut parts, next));
                }
            }
        }
    }
    expected
}

/// Adds a line; says whether it is the last of its reply, or nothing if the line is not over.
fn read_line(
    limits: ReplyLimits,
    line: &[u8],
    bytes: usize,
    parts: &mut Parts,
) -> Result<Option<bool>, ReplyError> {
    // Whatever is too long is too long before its end is seen, and only one limit is the first to be passed.
    let left = limits.bytes - bytes;
    if line.len() > limits.line.min(left) {
        return Err(if limits.line <= left {
            ReplyError::LineTooLong { limit: limits.line }
        } else {
            ReplyError::TooLong { limit: limits.bytes }
        });
    }
    let Some(text) = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")) else { return Ok(None) };
    let snippet = || Snippet::new(line.trim_ascii_end());
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', text @ ..] = text else {
        return Err(ReplyError::Malformed(snippet()));
    };
    let code = [a, b, c].into_iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let (last, text) = match text {
        [] => (true, text),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return Err(ReplyError::Malformed(snippet())),
    };
    if text.contains(&0) {
        return Err(ReplyError::Nul(snippet()));
    }
    if parts.lines.len() == limits.lines {
        return Err(ReplyError::TooManyLines { limit: limits.lines });
    }
    if !parts.lines.is_empty() && parts.code != code {
        let [from, to] = [parts.code, code].map(|code| Code::new(code).expect("from 200 to 599"));
        return Err(ReplyError::CodeChanged { from, to });
    }
    parts.code = code;
    parts.bare_lf |= !line.ends_with(b"\r\n");
    parts.lines.push(text.to_vec());
    Ok(Some(last))
}

/// What a reply says of itself, and that it survives being sent on.
fn check_reply(reply: &Reply) {
    assert_printable(reply);
    assert!(!format!("{reply:?}{:?}", reply.code()).contains(char::is_control));
    let text = reply.text();
    assert!(!text.contains(char::is_control), "{text:?}");

    let class = reply.code().get() / 100;
    let severity = match class {
        2 => Severity::Positive,
        3 => Severity::Intermediate,
        4 => Severity::Transient,
        _ => Severity::Permanent,
    };
    assert_eq!(reply.severity(), severity);
    assert_eq!(reply.is_positive(), class == 2);
    if let Some(enhanced) = reply.enhanced() {
        assert_eq!(u16::from(enhanced.class()), class);
        assert_eq!(
            EnhancedCode::new(enhanced.class(), enhanced.subject(), enhanced.detail()),
            Some(enhanced)
        );
        let first = reply.lines().next().unwrap_or_default().split(|&b| matches!(b, b' ' | b'\t')).next();
        let numbers = std::str::from_utf8(first.unwrap_or_default()).map(|code| {
            code.split('.').map(|number| number.parse::<u16>().expect("a number")).collect::<Vec<_>>()
        });
        assert_eq!(
            numbers.as_deref(),
            Ok(&[u16::from(enhanced.class()), enhanced.subject(), enhanced.detail()][..])
        );
        assert_printable(&enhanced);
        assert!(!format!("{enhanced:?}").contains(char::is_control));
    }

    // Sent on, it is a reply that says the same.
    let mut wire = Vec::new();
    reply.encode(&mut wire);
    let mut rest = &wire[..];
    let again = ReplyParser::new(UNLIMITED).parse(&mut rest).expect("a reply").expect("a whole reply");
    assert!(rest.is_empty() && !again.has_bare_lf(), "{}", wire.escape_ascii());
    let line_ends = wire.windows(2).filter(|pair| pair == b"\r\n").count();
    assert_eq!(line_ends, reply.lines().count());
    assert_eq!(wire.iter().filter(|&&b| b == b'\r').count(), line_ends);
    assert_eq!(again.code(), reply.code());
    // A CR that becomes a space can make a code of what was none.
    assert!(
        again.enhanced() == reply.enhanced()
            || reply.enhanced().is_none() && reply.lines().any(|line| line.contains(&b'\r'))
    );
    for (line, again) in reply.lines().zip(again.lines()) {
        let spaced: Vec<u8> = line.iter().map(|&b| if b == b'\r' { b' ' } else { b }).collect();
        assert!(again.ends_with(&spaced), "{}", wire.escape_ascii());
    }

    if let Ok(text) = String::from_utf8(reply.lines().collect::<Vec<_>>().join(&b'\n')) {
        match Reply::new(reply.code(), &text) {
            Ok(made) => assert!(made.lines().eq(reply.lines()) && made.code() == reply.code()),
            Err(TextError::Character { at }) => assert_eq!(text.as_bytes()[at], b'\r'),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The parser of single lines on every line: complete lines as the definition has them, and patience with all beginnings
/// of those that are right.
fn check_lines(wire: &[u8]) {
    let mut rest = wire;
    while let Some(end) = rest.iter().position(|&b| b == b'\n') {
        let (bytes, behind) = rest.split_at(end + 1);
        let mut parts = Parts { code: 0, bare_lf: false, lines: Vec::new() };
        match (line(rest), read_line(UNLIMITED, bytes, 0, &mut parts)) {
            (Ok((left, parsed)), expected) => {
                assert_eq!(left, behind);
                let nul = parsed.text.contains(&0);
                assert_eq!(expected.is_err(), nul, "only the parser of whole replies refuses NUL");
                if !nul {
                    assert_eq!(expected, Ok(Some(parsed.last)));
                    assert_eq!((parsed.code.get(), parsed.bare_lf), (parts.code, parts.bare_lf));
                    assert_eq!(parsed.text, parts.lines[0]);
                }
                for end in 0..bytes.len().min(8) {
                    assert!(line(&bytes[..end]).is_err_and(|error| error.is_incomplete()));
                }
            }
            (Err(error), expected) => {
                assert!(!error.is_incomplete(), "the line has its end");
                assert!(matches!(expected, Err(ReplyError::Malformed(_))));
            }
        }
        rest = behind;
    }
}
