//! Reading header sections, whatever is in them (RFC 5322 section 2.2, RFC 2047).
//!
//! Nothing is refused: lines may end in CRLF or LF, names may be anything, bytes need not be UTF-8.  What decides about
//! a message that is to be sent is stricter, and part of [`RawMessage`](crate::RawMessage).
//!
//! Left out: character sets other than UTF-8, ASCII and ISO 8859-1.

use std::borrow::Cow;
use std::fmt;

use encodify::rfc2047::{decode_text, utf8_charset};
use memchr::{memchr, memchr2};
use smtp_proto::escape::Escaped;

use crate::steps;

/// The fields of a header section, in order: an iterator that goes on to its end whatever the bytes are.
///
/// ```
/// use smtp_message::Fields;
///
/// let message = b"From: a@example.com\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n aus K\xc3\xb6ln\n\nHello";
/// let mut fields = Fields::new(message);
/// let subject = fields.find(|field| field.is("subject")).unwrap();
/// assert_eq!(subject.text(), "Grüße aus Köln");
/// assert_eq!(fields.body(), b"Hello");
/// ```
#[derive(Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// A field, or a line that stands where a field should.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    name: Option<&'a [u8]>,
    value: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields at the front of a message, or of a header section alone.
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What stands behind the empty line that ends the header section; empty if there is no such line.
    pub fn body(mut self) -> &'a [u8] {
        while self.next().is_some() {}
        self.rest.get(line_end(self.rest)..).unwrap_or_default()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() || is_empty_line(&self.rest[..line_end(self.rest)]) {
            return None;
        }
        let mut end = line_end(self.rest);
        // An empty line goes on nothing, though it may have white space in it: then it is the continuation of the field.
        while matches!(self.rest.get(end), Some(b' ' | b'\t')) {
            end += line_end(&self.rest[end..]);
        }
        let (whole, rest) = self.rest.split_at(end);
        steps::add(2 * whole.len());
        self.rest = rest;
        // There are programs that take a name for one though a fold stands before its colon.
        let colon = memchr(b':', whole);
        let name = colon.map(|at| whole[..at].trim_ascii_end());
        let name = name.filter(|name| !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace));
        let value = match (name, colon) {
            (Some(_), Some(at)) => &whole[at + 1..],
            _ => whole,
        };
        Some(Field { name, value: without_end(value), whole })
    }
}

impl<'a> Field<'a> {
    /// The name, without white space that obsolete syntax allows before the colon; `None` if the line is no field.
    pub fn name(&self) -> Option<&'a [u8]> {
        self.name
    }

    /// Whether this is its name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// All of it, from the name to the last line end.
    pub fn whole(&self) -> &'a [u8] {
        self.whole
    }

    /// What comes behind the colon, still folded, without the last line end.
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The value on one line: line ends are dropped, white space stays (RFC 5322 section 2.2.3).
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        if memchr2(b'\r', b'\n', self.value).is_none() {
            return Cow::Borrowed(self.value);
        }
        Cow::Owned(self.value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect())
    }

    /// The value as people read it: unfolded, encoded words decoded, without white space at its ends.  What is in no
    /// character set that is known here is taken for UTF-8, and for U+FFFD where it is not; so are line ends and NULs that
    /// an encoded word has in it, for they would be no text but another field to whoever writes it on.
    pub fn text(&self) -> String {
        let line = self.unfolded();
        let text = decode_text(&line, |charset, bytes, out| {
            if charset.eq_ignore_ascii_case(b"iso-8859-1") {
                out.extend(bytes.iter().copied().map(char::from));
            } else {
                utf8_charset(charset, bytes, out);
            }
        });
        text.replace(['\r', '\n', '\0'], "\u{fffd}")
    }
}

/// Octets of the first line with its end.
fn line_end(text: &[u8]) -> usize {
    let end = memchr(b'\n', text).map_or(text.len(), |at| at + 1);
    steps::add(end + 1);
    end
}

fn is_empty_line(line: &[u8]) -> bool {
    line.iter().all(|b| matches!(b, b'\r' | b'\n'))
}

fn without_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

impl fmt::Debug for Fields<'_> {
    /// Shows nothing of the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fields({} octets)", self.rest.len())
    }
}

impl fmt::Debug for Field<'_> {
    /// Shows the name alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("name", &self.name.map(Escaped))
            .field("value", &format_args!("{} octets", self.value.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_values() {
        let mut fields = Fields::new(b"Subject: confidential\r\n");
        assert_eq!(format!("{fields:?}"), "Fields(23 octets)");
        let field = fields.next().unwrap();
        assert_eq!(format!("{field:?}"), "Field { name: Some(\"Subject\"), value: 13 octets }");
    }

    #[track_caller]
    fn check(message: &[u8], expected: &[(&str, &str)], body: &[u8]) {
        let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let fields: Vec<_> = Fields::new(message)
            .map(|field| (field.name().map_or("-".into(), shown), shown(&field.unfolded())))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(fields, expected);
        assert_eq!(Fields::new(message).body(), body);
        let wholes: Vec<u8> = Fields::new(message).flat_map(|field| field.whole().to_vec()).collect();
        assert!(message.starts_with(&wholes));
    }

    #[test]
    fn whatever_it_is_it_is_read() {
        check(b"", &[], b"");
        check(b"\r\nbody", &[], b"body");
        check(b"\nbody", &[], b"body");
        check(b"A: b", &[("A", " b")], b"");
        check(b"A: b\r\n c\r\n\td\r\n\r\nbody", &[("A", " b c\\td")], b"body");
        check(b"A: b\nB:c\n\nbody", &[("A", " b"), ("B", "c")], b"body");
        check(b"A : b\n \nB:\n\n", &[("A", " b "), ("B", "")], b"");
        check(b"From x Mon: y\nA: b\n", &[("-", "From x Mon: y"), ("A", " b")], b"");
        check(b" leading\nA: b\n", &[("-", " leading"), ("A", " b")], b"");
        check(b"Bcc\n : b\nA\n b: c\n", &[("Bcc", " b"), ("-", "A b: c")], b"");
        check(b":\n: x\nA\n", &[("-", ":"), ("-", ": x"), ("-", "A")], b"");
        check(b"\xff\0: \xfe\r\r\nB: c\r\n\r\r\nbody", &[("\\xff\\x00", " \\xfe"), ("B", " c")], b"body");
    }

    #[test]
    fn text_is_decoded() {
        let text = |value: &str| Fields::new(format!("A: {value}").as_bytes()).next().unwrap().text();
        assert_eq!(text("=?utf-8?q?a?=\n =?UTF-8?B?Yg==?= c"), "ab c");
        assert_eq!(text("=?iso-8859-1?q?=FC?= ü"), "ü ü");
        assert_eq!(text("=?x-unknown?q?=FC?="), "\u{fffd}");
        assert_eq!(text("=?utf-8?q?a=0D=0ABcc:_b=00?="), "a\u{fffd}\u{fffd}Bcc: b\u{fffd}");
        assert_eq!(text("=?utf-8?q?broken"), "=?utf-8?q?broken");
    }

    #[test]
    fn case_m11_reading_is_linear() {
        for piece in ["a", ":", "\n ", "a:\n", "\n", " ", "a:b\n c\n", "\r"] {
            steps::assert_linear(piece, |text| {
                for field in Fields::new(text.as_bytes()) {
                    steps::add(field.unfolded().len());
                }
                Fields::new(text.as_bytes()).body();
            });
        }
    }
}
