//! Transfer encodings (RFC 2045 section 6): which one fits, and the encoding itself, piece by piece.

use encodify::qp::QuotedPrintable;
use encodify::{base64, qp};
use memchr::memrchr;
use smtp_proto::envelope::BodyType;

use super::scan::Scan;
use crate::content::CHUNK;

/// Octets that make one line of base64.
const BASE64_LINE: usize = 57;
/// Octets that a line of base64 is on the wire.
const BASE64_LINE_ENCODED: usize = 78;
/// Octets that are made quoted-printable at a time: encoded they are three times as many, and soft line ends.
const QP_PIECE: usize = CHUNK / 8;
/// What the encoder has to have at hand unless there is no more, so that it does the same in any pieces.
pub(super) const AT_HAND: usize = QP_PIECE + 2;

/// How the data of a part goes on the wire (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    /// As it is: ASCII in lines of at most 998 octets, each with its CRLF.
    SevenBit,
    /// As it is: lines of at most 998 octets, each with its CRLF, without NUL; the server must have 8BITMIME.
    EightBit,
    /// As it is, whatever it is; the server must have BINARYMIME and CHUNKING.
    Binary,
    /// Text that is mostly ASCII, readable as it is.
    QuotedPrintable,
    /// Anything, a third longer.
    Base64,
}

impl TransferEncoding {
    pub(crate) fn name(self) -> &'static str {
        self.field().strip_prefix("Content-Transfer-Encoding: ").unwrap_or_default().trim_end()
    }

    /// The field that says so.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::SevenBit => "Content-Transfer-Encoding: 7bit\r\n",
            Self::EightBit => "Content-Transfer-Encoding: 8bit\r\n",
            Self::Binary => "Content-Transfer-Encoding: binary\r\n",
            Self::QuotedPrintable => "Content-Transfer-Encoding: quoted-printable\r\n",
            Self::Base64 => "Content-Transfer-Encoding: base64\r\n",
        }
    }

    /// What a server must be able to take.
    pub(crate) fn body_type(self) -> BodyType {
        match self {
            Self::EightBit => BodyType::EightBitMime,
            Self::Binary => BodyType::BinaryMime,
            Self::SevenBit | Self::QuotedPrintable | Self::Base64 => BodyType::SevenBit,
        }
    }

    /// Whether data goes as it is.
    pub(crate) fn is_identity(self) -> bool {
        matches!(self, Self::SevenBit | Self::EightBit | Self::Binary)
    }

    /// Whether this data can be encoded so.
    pub(crate) fn fits(self, scan: &Scan) -> bool {
        match self {
            Self::SevenBit => scan.lines && !scan.eight_bit,
            Self::EightBit => scan.lines,
            Self::Binary | Self::QuotedPrintable | Self::Base64 => true,
        }
    }

    /// Chooses the encoding that fits data of which no boundary can be part.
    ///
    /// Nothing on the way has to change the result, and so no signature over it breaks: it is in lines of at most 998
    /// octets, without controls, and 7-bit unless `most` allows for more.
    pub(crate) fn choose(scan: &Scan, text: impl Fn() -> bool, most: BodyType) -> Self {
        let plain = scan.lines && !scan.control && !scan.marker;
        if plain && !scan.eight_bit {
            Self::SevenBit
        } else if plain && most != BodyType::SevenBit {
            Self::EightBit
        } else if most == BodyType::BinaryMime && !text() && !scan.marker {
            Self::Binary
        } else if text() && !scan.bare_ends && 3 * quoted_length(scan) <= 4 * scan.len + 6 {
            Self::QuotedPrintable
        } else {
            Self::Base64
        }
    }
}

/// About how long data gets as quoted-printable.
fn quoted_length(scan: &Scan) -> u64 {
    scan.len + 2 * scan.escapes
}

/// Encodes one part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoder {
    pub(super) encoding: TransferEncoding,
    /// Which octets quoted-printable leaves: line ends too, or not.
    qp: QuotedPrintable,
}

impl Encoder {
    pub(super) fn new(encoding: TransferEncoding, scan: &Scan) -> Self {
        Self { encoding, qp: if scan.bare_ends { qp::BINARY } else { qp::BODY } }
    }

    /// The length of so much data, if it does not depend on what it is.
    pub(super) fn length(&self, len: u64) -> Option<u64> {
        match self.encoding {
            TransferEncoding::Base64 => {
                let symbols = len.div_ceil(3).saturating_mul(4);
                Some(symbols.saturating_add(symbols.div_ceil(76).saturating_mul(2)))
            }
            TransferEncoding::QuotedPrintable => None,
            TransferEncoding::SevenBit | TransferEncoding::EightBit | TransferEncoding::Binary => Some(len),
        }
    }

    /// Appends the encoding of a piece at the front of `data`, about `limit` octets; returns how many octets of `data`
    /// it is for.  Unless this is the `last` of the data, there are [`AT_HAND`] octets at least.
    ///
    /// The pieces are the same however the data comes.
    pub(super) fn encode(&self, data: &[u8], last: bool, limit: usize, out: &mut Vec<u8>) -> usize {
        match self.encoding {
            TransferEncoding::SevenBit | TransferEncoding::EightBit | TransferEncoding::Binary => {
                let piece = &data[..data.len().min(limit)];
                out.extend_from_slice(piece);
                piece.len()
            }
            TransferEncoding::Base64 => {
                // Whole lines, so that only the last piece is padded.
                let most = (limit / BASE64_LINE_ENCODED).max(1).saturating_mul(BASE64_LINE);
                let end = match data.len() {
                    len if last && len <= most => len,
                    len => len.min(most) / BASE64_LINE * BASE64_LINE,
                };
                base64::MIME.encode_append(&data[..end], out);
                end
            }
            TransferEncoding::QuotedPrintable => {
                let (start, mut taken) = (out.len(), 0);
                while taken < data.len() && out.len() - start <= limit.saturating_sub(3 * QP_PIECE) {
                    if !last && data.len() - taken < AT_HAND {
                        break;
                    }
                    taken += self.append_quoted(&data[taken..], out);
                }
                taken
            }
        }
    }

    /// What comes behind all data that ends so: a line's end, where the encoding has none.
    pub(super) fn finish(&self, out: &mut Vec<u8>, last: u8, is_empty: bool) {
        let ended = last == b'\n' && self.qp == qp::BODY;
        if self.encoding == TransferEncoding::QuotedPrintable && !ended && !is_empty {
            out.extend_from_slice(b"=\r\n");
        }
    }

    /// Appends the encoding of about [`QP_PIECE`] octets at the front of `data`; returns how many they were.  The
    /// encoder begins anew each time, so pieces end where lines do, or where it ends one itself.
    fn append_quoted(&self, data: &[u8], out: &mut Vec<u8>) -> usize {
        let line_end = |head| if self.qp == qp::BODY { memrchr(b'\n', head) } else { None };
        let end = match data.get(..QP_PIECE).map(line_end) {
            None => data.len(),
            Some(Some(at)) => at + 1,
            Some(None) if self.qp == qp::BODY && data[QP_PIECE - 1] == b'\r' => QP_PIECE + 1,
            Some(None) => {
                let start = out.len();
                self.qp.encode_append(&data[..QP_PIECE], out);
                // What the encoder has not ended with a soft line end is left for the next piece.
                let Some(last) = memrchr(b'\n', &out[start..]) else { return QP_PIECE };
                let tail = &out[start + last + 1..];
                let escapes = tail.iter().filter(|&&b| b == b'=').count();
                let left = tail.len() - 2 * escapes;
                out.truncate(start + last + 1);
                return QP_PIECE - left;
            }
        };
        self.qp.encode_append(&data[..end.min(data.len())], out);
        end.min(data.len())
    }
}
