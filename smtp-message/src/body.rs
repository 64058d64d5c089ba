//! Bodies: what a part of a message consists of, how it is encoded, and its bytes chunk by chunk (RFC 2045).
//!
//! A message has one part of text for now.  Multiparts, files and readers join here: a part knows its own fields, its
//! exact size on the wire, and how to append any chunk of itself.

use std::fmt;
use std::sync::Arc;

use encodify::{base64, qp};
use memchr::{memchr_iter, memrchr};

use crate::content::CHUNK;
use crate::header::FieldWriter;
use crate::line_ends::normalise;

/// Octets of a line without its end (RFC 5321 section 4.5.3.1.6).
pub(crate) const LINE_LIMIT: usize = 998;
/// Octets that make one line of base64.
const BASE64_LINE: usize = 57;
/// Octets that a line of base64 is on the wire.
const BASE64_LINE_ENCODED: usize = 78;
/// Octets that are made quoted-printable at a time: encoded they are three times as many, and soft line ends.
const QP_PIECE: usize = CHUNK / 8;

/// How data is made fit for 7-bit transport (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferEncoding {
    SevenBit,
    QuotedPrintable,
    Base64,
}

impl TransferEncoding {
    fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }
}

/// A part that is plain text.
#[derive(Clone)]
pub(crate) struct Text {
    /// UTF-8 with CRLF line ends, the last line's too.
    data: Arc<Vec<u8>>,
    encoding: TransferEncoding,
    size: u64,
}

impl Text {
    /// Takes text with any line ends and chooses the encoding that fits it.
    ///
    /// Nothing on the way has to change the result, and so no signature over it breaks: it is 7-bit, in lines of at
    /// most 998 octets, without controls.
    pub(crate) fn new(text: String) -> Self {
        let data = Arc::new(normalise(text.into_bytes()));
        if is_seven_bit(&data) {
            let size = data.len() as u64;
            return Self { data, encoding: TransferEncoding::SevenBit, size };
        }
        let base64 = base64::MIME.encoded_len(data.len());
        if qp::BODY.encoded_len_within(&**data, base64).is_none() {
            return Self { data, encoding: TransferEncoding::Base64, size: base64 as u64 };
        }
        // Lines that are cut into pieces can have a soft line end more than the encoder would have made.
        let mut text = Self { data, encoding: TransferEncoding::QuotedPrintable, size: 0 };
        let (mut chunk, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next {
            next = text.append_chunk(from, &mut chunk);
            text.size += chunk.len() as u64;
            chunk.clear();
        }
        text
    }

    /// Appends the part's fields.
    pub(crate) fn write_fields(&self, out: &mut Vec<u8>) {
        for (name, value) in [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", self.encoding.name()),
        ] {
            let mut field = FieldWriter::new(out, name);
            field.token(value);
            field.end();
        }
    }

    /// Octets of the encoded data.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends the encoding of a piece that begins at `from`; returns where the next begins, `None` at the end.
    pub(crate) fn append_chunk(&self, from: usize, out: &mut Vec<u8>) -> Option<usize> {
        let rest = self.data.get(from..).unwrap_or_default();
        let taken = match self.encoding {
            TransferEncoding::SevenBit => {
                let piece = &rest[..rest.len().min(CHUNK)];
                out.extend_from_slice(piece);
                piece.len()
            }
            TransferEncoding::Base64 => {
                // Whole lines, so that only the last piece is padded.
                let piece = &rest[..rest.len().min(CHUNK / BASE64_LINE_ENCODED * BASE64_LINE)];
                base64::MIME.encode_append(piece, out);
                piece.len()
            }
            TransferEncoding::QuotedPrintable => {
                let (start, mut taken) = (out.len(), 0);
                while taken < rest.len() && out.len() - start <= CHUNK - 3 * QP_PIECE {
                    taken += append_quoted_printable(&rest[taken..], out);
                }
                taken
            }
        };
        (taken < rest.len()).then_some(from + taken)
    }
}

/// Appends the encoding of about [`QP_PIECE`] octets at the front of `data`, which has CRLF line ends; returns how many
/// they were.  The encoder begins anew each time, so pieces end where lines do, or where it ends one itself.
fn append_quoted_printable(data: &[u8], out: &mut Vec<u8>) -> usize {
    let end = match data.get(..QP_PIECE).map(|head| memrchr(b'\n', head)) {
        None => data.len(),
        Some(Some(at)) => at + 1,
        Some(None) if data[QP_PIECE - 1] == b'\r' => QP_PIECE + 1,
        Some(None) => {
            let start = out.len();
            qp::BODY.encode_append(&data[..QP_PIECE], out);
            // What the encoder has not ended with a soft line end is left for the next piece.
            let Some(last) = memrchr(b'\n', &out[start..]) else { return QP_PIECE };
            let tail = &out[start + last + 1..];
            let escapes = tail.iter().filter(|&&b| b == b'=').count();
            let left = tail.len() - 2 * escapes;
            out.truncate(start + last + 1);
            return QP_PIECE - left;
        }
    };
    qp::BODY.encode_append(&data[..end.min(data.len())], out);
    end.min(data.len())
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} octets, {})", self.data.len(), self.encoding.name())
    }
}

/// Whether data with CRLF line ends can go as it is: ASCII without controls but TAB, in lines that are not too long.
fn is_seven_bit(data: &[u8]) -> bool {
    let plain = |&b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    data.iter().all(plain) && !has_long_line(data)
}

/// Whether a line of data with CRLF line ends has more than [`LINE_LIMIT`] octets.
pub(crate) fn has_long_line(data: &[u8]) -> bool {
    find_long_line(data).is_some()
}

/// The first line, counted from 1, that has more than [`LINE_LIMIT`] octets, and how many it has.
pub(crate) fn find_long_line(data: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    let ends = memchr_iter(b'\n', data).map(|at| (at.saturating_sub(1), at + 1));
    for (number, (end, next)) in ends.chain([(data.len(), data.len())]).enumerate() {
        let length = end.saturating_sub(start);
        if length > LINE_LIMIT {
            return Some((number + 1, length));
        }
        start = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &Text) -> Vec<u8> {
        let (mut out, mut from) = (Vec::new(), Some(0));
        while let Some(start) = from {
            let before = out.len();
            from = text.append_chunk(start, &mut out);
            let size = out.len() - before;
            assert!(size <= CHUNK + CHUNK / 16, "{size}");
            assert!(size >= CHUNK / 2 || from.is_none(), "{size}");
        }
        assert_eq!(out.len() as u64, text.size());
        assert!(out.is_empty() || out.ends_with(b"\r\n"));
        assert!(is_seven_bit(&out));
        assert_eq!(crate::line_ends::find_bare(&out, 0), None);
        out
    }

    #[track_caller]
    fn check(text: &str, encoding: TransferEncoding) {
        let part = Text::new(text.into());
        assert_eq!(part.encoding, encoding);
        let encoded = encode(&part);
        let decoded = match encoding {
            TransferEncoding::SevenBit => encoded,
            TransferEncoding::QuotedPrintable => {
                assert!(encoded.split(|&b| b == b'\n').all(|line| line.len() <= 77));
                qp::BODY.strict().decode(&encoded).unwrap().into_owned()
            }
            TransferEncoding::Base64 => {
                assert!(encoded.split(|&b| b == b'\n').all(|line| line.len() <= 77));
                base64::MIME.decode(&encoded).unwrap()
            }
        };
        assert_eq!(decoded, normalise(text.into()));
    }

    #[test]
    fn case_m9_the_encoding_fits_the_text() {
        use TransferEncoding::{Base64, QuotedPrintable, SevenBit};
        check("", SevenBit);
        check("Hello\n.\n-- \n\ttab \r\n", SevenBit);
        check(&"x".repeat(998), SevenBit);
        check(&"0123456789\n".repeat(10_000), SevenBit);
        check(&"x".repeat(999), QuotedPrintable);
        check(&"x".repeat(100_000), QuotedPrintable);
        check(&format!("{}\n{} \n.\n", "x".repeat(100_000), "y".repeat(20_000)), QuotedPrintable);
        check("Grüße und so weiter, alles Gute \n\n", QuotedPrintable);
        check(&"Grüße und so weiter, alles Gute \t\n=\r\n".repeat(2000), QuotedPrintable);
        check("nul \0 and escape \x1b, all of them", QuotedPrintable);
        check(&"日本語のテキスト\n".repeat(5000), Base64);
        check("日本語", Base64);
    }

    #[test]
    fn case_m9_a_huge_line_comes_in_chunks_too() {
        use TransferEncoding::{Base64, QuotedPrintable};
        for unit in
            ["x", "=", " ", "\t", "x ", "= ", "xxxxxxxxx=", "hello world ", "xü and so on, ", "x=xx  x"]
        {
            for more in [0, 1, 2047, 2049] {
                let text = format!("{}{}\nü\n", "x".repeat(more), unit.repeat(30_000 / unit.len()));
                let part = Text::new(text.clone());
                if part.encoding == QuotedPrintable {
                    check(&text, QuotedPrintable);
                }
            }
        }
        for length in 2030..2060 {
            check(&format!("{}\nü{}", "x".repeat(length), "y".repeat(length)), QuotedPrintable);
        }
        check(&"ü".repeat(500_000), Base64);
    }

    #[test]
    fn case_m4_the_last_line_ends_once() {
        for text in ["hi", "hi\n", "hi\r\n"] {
            assert_eq!(encode(&Text::new(text.into())), b"hi\r\n");
        }
    }

    #[test]
    fn long_lines_are_found() {
        let long = "x".repeat(999);
        assert_eq!(find_long_line(long.as_bytes()), Some((1, 999)));
        assert_eq!(find_long_line(format!("a\r\n{long}\r\n").as_bytes()), Some((2, 999)));
        assert_eq!(find_long_line(format!("a\r\n{}\r\n", &long[1..]).as_bytes()), None);
        assert_eq!(find_long_line(b"\n"), None);
    }
}
