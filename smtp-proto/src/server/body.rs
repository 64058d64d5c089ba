//! The content of DATA: dots taken away, the end found (RFC 5321 sections 4.1.1.4 and 4.5.2); and what is to be seen of
//! content that comes in chunks (RFC 3030).
//!
//! Only CRLF ends a line and only CRLF `.` CRLF ends the content.  Servers that took less for an end have let one
//! message carry another ("SMTP smuggling"), so a CR or LF that stands alone is content here, and is noted.

use alloc::vec::Vec;

use crate::envelope::BodyType;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Behind a CRLF, or at the very beginning.
    #[default]
    LineStart,
    /// Behind a dot that begins a line.
    Dot,
    /// Behind a dot that begins a line, and a CR.
    DotCr,
    Middle,
    /// Behind a CR that is not passed on yet.
    Cr,
}

/// Takes wire bytes in any pieces and gives content.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    bare: bool,
}

impl Decoder {
    /// Whether a CR or LF stood alone.
    pub(super) fn has_bare_line_ends(&self) -> bool {
        self.bare
    }

    /// Appends the content in `input` to `content`; if the end is in `input`, says how many bytes came up to and with
    /// it.
    pub(super) fn decode(&mut self, input: &[u8], content: &mut Vec<u8>) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match (self.state, byte) {
                (State::LineStart, b'.') => {
                    self.state = State::Dot;
                    at += 1;
                }
                (State::Dot, b'\r') => {
                    self.state = State::DotCr;
                    at += 1;
                }
                (State::DotCr, b'\n') => return Some(at + 1),
                (State::DotCr, _) => self.bare_cr(content),
                (State::Cr, b'\n') => {
                    content.extend_from_slice(b"\r\n");
                    self.state = State::LineStart;
                    at += 1;
                }
                (State::Cr, _) => self.bare_cr(content),
                (State::LineStart | State::Dot | State::Middle, _) => {
                    self.state = State::Middle;
                    let rest = &input[at..];
                    let len = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    content.extend_from_slice(&rest[..len]);
                    at += len;
                    match rest.get(len) {
                        Some(b'\r') => self.state = State::Cr,
                        Some(_) => {
                            content.push(b'\n');
                            self.bare = true;
                        }
                        None => break,
                    }
                    at += 1;
                }
            }
        }
        None
    }

    /// The CR before this byte stood alone.  The byte itself is looked at again.
    fn bare_cr(&mut self, content: &mut Vec<u8>) {
        content.push(b'\r');
        self.bare = true;
        self.state = State::Middle;
    }
}

/// Looks for a CR or LF that stands alone in content that comes in chunks.
#[derive(Debug, Default)]
pub(super) struct LineEnds {
    /// The last byte was a CR.
    cr: bool,
    bare: bool,
}

impl LineEnds {
    /// Looks at the next part of the content.
    pub(super) fn count(&mut self, mut content: &[u8]) {
        while !self.bare && !content.is_empty() {
            if core::mem::take(&mut self.cr) {
                self.bare = content[0] != b'\n';
                content = &content[1..];
                continue;
            }
            let Some(at) = memchr::memchr2(b'\r', b'\n', content) else { return };
            self.cr = content[at] == b'\r';
            self.bare = !self.cr;
            content = &content[at + 1..];
        }
    }

    /// Whether a CR or LF stood alone, if the content ends here.
    pub(super) fn are_bare(&self) -> bool {
        self.bare || self.cr
    }
}

/// What content turns out to have in it, whatever MAIL said.
#[derive(Debug, Default)]
pub(super) struct Census {
    nul: bool,
    eight_bit_head: bool,
    eight_bit_body: bool,
    /// How much of the end of the headers the last bytes are: a CRLF of the last line and an empty line.
    end_of_head: EndOfHead,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum EndOfHead {
    Middle,
    Cr,
    #[default]
    LineStart,
    EmptyCr,
    Passed,
}

impl Census {
    /// Looks at the next part of the content.
    pub(super) fn count(&mut self, mut content: &[u8]) {
        self.nul |= memchr::memchr(0, content).is_some();
        while self.end_of_head != EndOfHead::Passed
            && let Some((&byte, rest)) = content.split_first()
        {
            self.eight_bit_head |= !byte.is_ascii();
            self.end_of_head = match (self.end_of_head, byte) {
                (EndOfHead::LineStart, b'\r') => EndOfHead::EmptyCr,
                (EndOfHead::Cr, b'\n') => EndOfHead::LineStart,
                (EndOfHead::EmptyCr, b'\n') => EndOfHead::Passed,
                (_, b'\r') => EndOfHead::Cr,
                _ => EndOfHead::Middle,
            };
            content = rest;
        }
        self.eight_bit_body |= !content.is_ascii();
    }

    /// What of it was not declared, as an enhanced status code and text.
    pub(super) fn undeclared(&self, body: BodyType, smtputf8: bool) -> Option<(&'static str, &'static str)> {
        let eight_bit = body != BodyType::SevenBit;
        if self.nul && body != BodyType::BinaryMime {
            Some(("5.6.0", "NUL in the content"))
        } else if self.eight_bit_head && !smtputf8 {
            Some(("5.6.9", "UTF-8 in the headers without SMTPUTF8"))
        } else if self.eight_bit_body && !eight_bit {
            Some(("5.6.1", "8-bit content without BODY=8BITMIME"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content, whether something stood alone, and what was left behind the end, the same for every cut.
    fn decode(input: &[u8]) -> Option<(Vec<u8>, bool, usize)> {
        fn run<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<(Vec<u8>, bool, usize)> {
            let (mut decoder, mut content, mut before) = (Decoder::default(), Vec::new(), 0);
            for piece in pieces {
                if let Some(end) = decoder.decode(piece, &mut content) {
                    return Some((content, decoder.has_bare_line_ends(), before + end));
                }
                before += piece.len();
            }
            None
        }
        let whole = run([input]);
        for cut in 0..=input.len() {
            assert_eq!(run([&input[..cut], &input[cut..]]), whole, "cut at {cut}");
        }
        assert_eq!(run(input.chunks(1)), whole, "byte by byte");
        whole
    }

    #[track_caller]
    fn ends(input: &str, content: &str, bare: bool) {
        assert_eq!(decode(input.as_bytes()), Some((content.into(), bare, input.len())), "{input:?}");
        let more = alloc::format!("{input}QUIT\r\n");
        assert_eq!(decode(more.as_bytes()), Some((content.into(), bare, input.len())), "{more:?}");
    }

    #[test]
    fn line_ends_in_chunks() {
        for (content, bare) in [
            ("", false),
            ("a\r\n\r\nb", false),
            ("\r\n", false),
            ("a\r", true),
            ("a\n", true),
            ("a\r\r\n", true),
            ("a\rb\r\n", true),
            ("\r\n\n", true),
        ] {
            for cut in 0..=content.len() {
                let mut line_ends = LineEnds::default();
                line_ends.count(&content.as_bytes()[..cut]);
                line_ends.count(&content.as_bytes()[cut..]);
                assert_eq!(line_ends.are_bare(), bare, "{content:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn dots_are_taken_away() {
        ends(".\r\n", "", false);
        ends("a\r\n.\r\n", "a\r\n", false);
        ends("..\r\n.\r\n", ".\r\n", false);
        ends("..a\r\n...\r\n.b\r\nc.\r\n.\r\n", ".a\r\n..\r\nb\r\nc.\r\n", false);
        ends("\r\n\r\n.\r\n", "\r\n\r\n", false);
    }

    #[test]
    fn case_m3_nothing_else_is_an_end() {
        for (input, content) in [
            ("a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"),
            ("a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"),
            ("a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"),
            ("a\r.\rb\r\n.\r\n", "a\r.\rb\r\n"),
            ("a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"),
            ("a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"),
            ("a\r\r\n.\r\n", "a\r\r\n"),
            ("a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n"),
            ("\n.\n\r\n.\r\n", "\n.\n\r\n"),
        ] {
            ends(input, content, true);
        }
        for open in ["a\r\n", "a\r\n.", "a\r\n.\r", "a\n.\n", "a\n.\r\n", "a\r\n.\n", "a\r.\r", "a.\r\n"] {
            assert_eq!(decode(open.as_bytes()), None, "{open:?}");
        }
    }
}
