//! Ready-made messages, such as an `.eml` file: checked, and changed no more than was asked for.
//!
//! RFC 5322 section 2.1 (lines), RFC 5321 section 2.3.8 (line ends), RFC 6152 (8-bit), RFC 6532 (UTF-8 in headers).
//! Sender and recipients are those of the headers, as `envelope.rs` reads them.
//! Left out: any change to the body, so that a message with long lines is refused and not encoded again, and
//! BINARYMIME.

mod envelope;
mod scan;

use std::fmt;

use bytes::Bytes;
use memchr::memchr;
use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::{Address, Extensions};

use crate::content::CHUNK;
use crate::line_ends::{LINE_LIMIT, find_bare, find_lone_cr, find_long_line, normalise};
use crate::{BuildError, Chunks, Content, ContentError, Resent, Rule, Stamp};
pub use envelope::RawEnvelopeError;
use envelope::envelope;
pub(crate) use scan::{Field, fields};

/// What to do about a CR or LF that is not part of a CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEnds {
    /// It becomes a CRLF, CRs in front of one are of that line end, and a byte order mark before all is dropped.
    ///
    /// Among the headers a CR that belongs to no line end is an error all the same, unless all line ends of the message are
    /// CRs: what others take for a part of a field must not become a field here.
    Normalise,
    /// It is an error, and so is a byte order mark.
    Strict,
}

/// What to do about `Bcc` and `Resent-Bcc` fields.  Either way those in them count as recipients, in `Bcc` or, if
/// the message is passed on, in the topmost `Resent-Bcc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bcc {
    /// They do not leave this program.
    Remove,
    /// They stay, for all recipients to see.
    Keep,
}

/// A message that was made elsewhere.  Cloning it copies nothing large.
///
/// ```
/// use smtp_message::{Bcc, LineEnds, RawMessage};
///
/// let eml = b"From: a@example.com\nTo: b@example.org\nBcc: c@example.net\n\nHello\n";
/// let message = RawMessage::parse(eml, LineEnds::Normalise, Bcc::Remove)?;
/// assert_eq!(message.as_bytes(), b"From: a@example.com\r\nTo: b@example.org\r\n\r\nHello\r\n");
/// assert_eq!(message.sender().unwrap().unwrap().to_string(), "a@example.com");
/// assert_eq!(message.recipients().unwrap().len(), 2);
/// # Ok::<(), smtp_message::RawError>(())
/// ```
#[derive(Clone)]
pub struct RawMessage {
    bytes: Bytes,
    form: Form,
    sender: Result<Option<Address>, RawEnvelopeError>,
    recipients: Result<Vec<Address>, RawEnvelopeError>,
}

/// Why a ready-made message cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RawError {
    /// It has a CR or LF that is not part of a CRLF, and [`LineEnds::Strict`] was asked for; or there is a CR among the
    /// headers that belongs to no line end.
    BareLineEnd {
        /// Octets before it.
        at: usize,
    },
    /// It has a NUL, which neither 7-bit nor 8-bit data may have (RFC 2045 section 2.8).
    Nul {
        /// Octets before it.
        at: usize,
    },
    /// A line has more than 998 octets, which no server has to take (RFC 5321 section 4.5.3.1.6).
    LongLine {
        /// Its number, the first being 1; every line end of any kind counts once.
        line: usize,
        /// Octets of it.
        length: usize,
    },
    /// It begins with a UTF-8 byte order mark, and [`LineEnds::Strict`] was asked for.
    ByteOrderMark,
    /// It is empty, or its first line is, so that it has no headers, or they would be taken for the body with any Bcc in them;
    /// or it has none but Bcc.
    NoHeaders,
    /// A line among the headers is neither a field nor the continuation of one.
    NoField {
        /// Its number, the first being 1.
        line: usize,
    },
    /// The headers have bytes from 128 up that are not UTF-8.
    HeaderNotUtf8 {
        /// Octets before them.
        at: usize,
    },
}

/// U+FEFF in UTF-8, with which some editors begin a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl RawMessage {
    /// Takes a message with headers.
    ///
    /// A CRLF is added if the end lacks it.
    ///
    /// # Errors
    /// What no server could be given.
    pub fn parse(message: impl Into<Vec<u8>>, line_ends: LineEnds, bcc: Bcc) -> Result<Self, RawError> {
        let mut message = message.into();
        if let Some(at) = memchr(0, &message) {
            return Err(RawError::Nul { at });
        }
        if line_ends == LineEnds::Strict
            && let Some(at) = find_bare(&message)
        {
            return Err(RawError::BareLineEnd { at });
        }
        // Normalising moves octets, and the caller is told of those that were given.
        let not_utf8 = std::str::from_utf8(&message).err().map(|error| error.valid_up_to());
        if message.starts_with(BYTE_ORDER_MARK) && line_ends == LineEnds::Strict {
            return Err(RawError::ByteOrderMark);
        }
        let mark = if message.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        if let Some(at) = find_lone_cr(&message[mark..], true) {
            return Err(RawError::BareLineEnd { at: mark + at });
        }
        message.drain(..mark);
        let mut message = normalise(message);
        if message.is_empty() || message.starts_with(b"\r\n") {
            return Err(RawError::NoHeaders);
        }
        if let Some((line, length)) = find_long_line(&message) {
            return Err(RawError::LongLine { line, length });
        }
        let (found, rest) = fields(&message).map_err(|line| RawError::NoField { line })?;
        let head = message.len() - rest.len();
        if let Some(at) = not_utf8
            && std::str::from_utf8(&message[..head]).is_err()
        {
            return Err(RawError::HeaderNotUtf8 { at });
        }
        let (sender, recipients) = envelope(&found);
        let hidden = |field: &Field<'_>| field.is("Bcc") || field.is("Resent-Bcc");
        let mut smtputf8 = !message[..head].is_ascii();
        if bcc == Bcc::Remove && found.iter().any(hidden) {
            let shown = || found.iter().filter(|field| !hidden(field)).map(|field| field.whole);
            smtputf8 = !shown().all(<[u8]>::is_ascii);
            message = shown().chain([rest]).collect::<Vec<_>>().concat();
        }
        if message.is_empty() || message.starts_with(b"\r\n") {
            return Err(RawError::NoHeaders);
        }
        let body = if message.is_ascii() { BodyType::SevenBit } else { BodyType::EightBitMime };
        let form = Form { size: Some(message.len() as u64), body, smtputf8 };
        Ok(Self { bytes: message.into(), form, sender, recipients })
    }

    /// The message as it goes on the wire but for dot-stuffing.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same with the fields of one who passes it on above all others (RFC 5322 section 3.6.6); sender and recipients
    /// are then those of the passing on.
    ///
    /// ```
    /// # use smtp_message::{Bcc, LineEnds, RawMessage, Resent, Stamp};
    /// # let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [0; 32] };
    /// let message = RawMessage::parse("From: a@example.com\n\nHello\n", LineEnds::Normalise, Bcc::Remove)?;
    /// let resent = message.resent(Resent::new().from("b@example.org").to("c@example.net"), &stamp)?;
    /// assert!(resent.as_bytes().starts_with(b"Resent-Date: "));
    /// assert_eq!(resent.recipients().unwrap()[0].to_string(), "c@example.net");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with the fields; [`Rule::AmbiguousResent`] if with those below it is not clear which are the last.
    pub fn resent(&self, resent: Resent, stamp: &Stamp) -> Result<Self, BuildError> {
        let mut bytes = resent.checked_fields(stamp, self.form.smtputf8)?;
        bytes.reserve(self.bytes.len());
        let ascii = bytes.is_ascii();
        bytes.extend_from_slice(&self.bytes);
        let parties = resent.into_parties();
        let sender = parties.sender().map(|sender| sender.address().clone());
        // Who reads the message must find the same, but for those who are hidden.
        let (found, _) = fields(&bytes).unwrap_or_default();
        if envelope(&found) != (Ok(sender.clone()), Ok(parties.shown_recipients())) {
            let mut problems = BuildError::default();
            problems.add("", "Resent-From", Rule::AmbiguousResent);
            return Err(problems);
        }
        let mut form = Form { size: Some(bytes.len() as u64), ..self.form };
        if !ascii {
            form = Form { smtputf8: true, body: BodyType::EightBitMime, ..form };
        }
        Ok(Self { bytes: bytes.into(), form, sender: Ok(sender), recipients: Ok(parties.recipients()) })
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether its headers are UTF-8.
    pub(crate) fn needs_utf8(&self) -> bool {
        self.form.smtputf8
    }

    /// Who sends it by its headers: Sender, else From if it names one author.  Of a message that was passed on it is who did
    /// so last: Resent-Sender or Resent-From of the topmost block of `Resent-` fields (RFC 5322 section 3.6.6).
    ///
    /// # Errors
    /// The field cannot be read, or it is not clear which `Resent-` fields are the last.
    pub fn sender(&self) -> Result<Option<&Address>, &RawEnvelopeError> {
        self.sender.as_ref().map(Option::as_ref)
    }

    /// Whom it is for by its headers: To, Cc and Bcc in this order, each once.  Of a message that was passed on they are
    /// those to whom that was done last: Resent-To, Resent-Cc and Resent-Bcc of the topmost block, and nobody else.
    ///
    /// # Errors
    /// One of the fields cannot be read, or it is not clear which `Resent-` fields are the last.
    pub fn recipients(&self) -> Result<&[Address], &RawEnvelopeError> {
        self.recipients.as_deref()
    }
}

impl Content for RawMessage {
    fn form(&self, _: &Extensions) -> Result<Form, ContentError> {
        Ok(self.form)
    }

    fn open(&self, _: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        Ok(Box::new(RawChunks { bytes: self.bytes.clone(), next: 0 }))
    }
}

struct RawChunks {
    bytes: Bytes,
    next: usize,
}

impl Chunks for RawChunks {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        let rest = self.bytes.get(self.next..).unwrap_or_default();
        let piece = &rest[..rest.len().min(CHUNK)];
        out.extend_from_slice(piece);
        self.next += piece.len();
        Ok(self.next < self.bytes.len())
    }
}

impl fmt::Debug for RawMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMessage")
            .field("form", &self.form)
            .field("sender", &self.sender)
            .field("recipients", &self.recipients)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareLineEnd { at } => write!(f, "CR or LF that is not part of a CRLF, at octet {at}"),
            Self::Nul { at } => write!(f, "NUL at octet {at}"),
            Self::LongLine { line, length } => {
                write!(f, "line {line} has {length} octets, at most {LINE_LIMIT} are allowed")
            }
            Self::ByteOrderMark => f.write_str("it begins with a byte order mark"),
            Self::NoHeaders => f.write_str("it has no headers (but Bcc): it is empty, or its first line is"),
            Self::NoField { line } => write!(f, "line {line} is among the headers and is no header field"),
            Self::HeaderNotUtf8 { at } => write!(f, "the headers are not UTF-8 at octet {at}"),
        }
    }
}

impl std::error::Error for RawError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(message: &str) -> Result<RawMessage, RawError> {
        RawMessage::parse(message, LineEnds::Normalise, Bcc::Remove)
    }

    #[test]
    fn case_m3_line_ends() {
        let message = parse("A: b\n\na\r\n\r\n.\r\nRSET\r.\n").unwrap();
        assert_eq!(message.as_bytes(), b"A: b\r\n\r\na\r\n\r\n.\r\nRSET\r\n.\r\n");
        let strict = |text: &str| RawMessage::parse(text, LineEnds::Strict, Bcc::Remove);
        assert_eq!(strict("A: b\r\n\r\na\n.\r\n").unwrap_err(), RawError::BareLineEnd { at: 9 });
        assert_eq!(strict("A: b\r\n\r\n\r.\r").unwrap_err(), RawError::BareLineEnd { at: 8 });
        assert_eq!(strict("A: b\r\n\r\n.a\r\nb").unwrap().as_bytes(), b"A: b\r\n\r\n.a\r\nb\r\n");
    }

    #[test]
    fn case_m7_bcc_is_removed_however_it_is_written() {
        let text = "bcc: x@x\nTo: a@x,\n\t\"b, c\" <d@x>\nBCC :\n y@x,\r\n z@x\nCc: A@X, a@x\n\nBcc: body\n";
        let message = parse(text).unwrap();
        assert_eq!(message.as_bytes(), b"To: a@x,\r\n\t\"b, c\" <d@x>\r\nCc: A@X, a@x\r\n\r\nBcc: body\r\n");
        let recipients: Vec<_> = message.recipients().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(recipients, ["a@x", "d@x", "A@X", "x@x", "y@x", "z@x"]);
        let kept = RawMessage::parse(text, LineEnds::Normalise, Bcc::Keep).unwrap();
        assert_eq!(kept.as_bytes(), normalise(text.into()));
        assert_eq!(kept.recipients(), message.recipients());
        let resent = parse("Resent-BCC: r@x\nResent-From: a@x\nBcc: s@x\nTo: b@x\n\n").unwrap();
        assert_eq!(resent.as_bytes(), b"Resent-From: a@x\r\nTo: b@x\r\n\r\n");
        assert_eq!(resent.recipients().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>(), ["r@x"]);
    }

    #[test]
    fn who_passes_it_on_stands_above_it() {
        let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [0; 32] };
        let message = parse("From: a@x\nTo: b@x\n\nHi\n").unwrap();
        let resent = Resent::new().from("Ü <c@x>").to("d@x").bcc("e@x");
        let again = message.resent(resent, &stamp).unwrap();
        let text = String::from_utf8(again.as_bytes().to_vec()).unwrap();
        let head = "Resent-Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nResent-From: =?utf-8?B?w5w=?= <c@x>\r\nResent-To: d@x\r\n";
        assert_eq!(text, format!("{head}From: a@x\r\nTo: b@x\r\n\r\nHi\r\n"));
        assert_eq!(again.sender().unwrap().unwrap().to_string(), "c@x");
        assert_eq!(again.recipients().unwrap().len(), 2);
        let form = again.form(&Extensions::default()).unwrap();
        assert_eq!(form, Form { size: Some(text.len() as u64), ..message.form });
        assert!(message.resent(Resent::new().from("c@x"), &stamp).is_err());
        // From its own octets it reads alike, but for who is hidden, and so does what is passed on once more.
        for (resent, sender, shown) in [
            (
                Resent::new().from("g@x").to("h@x").cc("i@x").message_id("m@x"),
                Some("g@x"),
                &["h@x", "i@x"][..],
            ),
            (Resent::new().from("g@x").from("h@x").sender("i@x").to("j@x"), Some("i@x"), &["j@x"]),
            (Resent::new().from("g@x").cc("i@x").bcc("h@x"), Some("g@x"), &["i@x"]),
            (Resent::new().from("g@x").bcc("i@x"), Some("g@x"), &[]),
        ] {
            let third = again.resent(resent, &stamp).unwrap();
            let parsed = RawMessage::parse(third.as_bytes(), LineEnds::Strict, Bcc::Keep).unwrap();
            assert_eq!(parsed.sender(), third.sender());
            assert_eq!(parsed.sender().unwrap().map(ToString::to_string).as_deref(), sender);
            let read: Vec<_> = parsed.recipients().unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(read, shown);
            assert!(third.recipients().unwrap().starts_with(parsed.recipients().unwrap()));
        }
        let below =
            parse("Resent-Sender: s@x\nResent-Date: x\nResent-From: c@x\nResent-To: d@x\n\n").unwrap();
        let error = below.resent(Resent::new().from("g@x").to("h@x"), &stamp).unwrap_err();
        assert_eq!(error.problems()[0].rule(), &Rule::AmbiguousResent);
        let utf8 = message.resent(Resent::new().from("ü@x").to("d@x"), &stamp).unwrap();
        assert!(utf8.form.smtputf8 && utf8.form.body == BodyType::EightBitMime);
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert_eq!(parse("A: b\n\nx\0").unwrap_err(), RawError::Nul { at: 7 });
        let long = format!("A: b\n\n{}\n", "x".repeat(999));
        assert_eq!(parse(&long).unwrap_err(), RawError::LongLine { line: 3, length: 999 });
        assert!(parse(&long.replacen('x', "", 1)).is_ok());
        for (text, line) in [
            ("From a@x Mon\nA: b\n\n", 1),
            ("A: b\nrubbish\nBcc: x@x\n\n", 2),
            (" A: b\n\n", 1),
            ("A: b\n c\n: d\n\n", 3),
            ("A b: c\n", 1),
            ("Ä: c\n", 1),
        ] {
            assert_eq!(parse(text).unwrap_err(), RawError::NoField { line }, "{text:?}");
        }
        let latin1 = RawMessage::parse(b"A: \xfc\n\n", LineEnds::Normalise, Bcc::Remove);
        assert_eq!(latin1.unwrap_err(), RawError::HeaderNotUtf8 { at: 3 });
        // Places are those of what was given.
        let moved =
            RawMessage::parse(b"\xef\xbb\xbfA: b\nC: d\r\r\nE: \xfc\n\n", LineEnds::Normalise, Bcc::Remove);
        assert_eq!(moved.unwrap_err(), RawError::HeaderNotUtf8 { at: 18 });
        assert_eq!(parse("\u{feff}A: b\n\nx\0").unwrap_err(), RawError::Nul { at: 10 });
    }

    #[test]
    fn case_m7_no_line_end_moves_bcc_into_the_body() {
        for end in ["\n", "\r", "\r\n", "\r\r\n", "\r\r\r\r\n"] {
            let text = ["From: a@x", "Bcc: s@x", "To: b@x", "", "Hi", ""].join(end);
            let message = parse(&text).unwrap();
            assert_eq!(message.as_bytes(), b"From: a@x\r\nTo: b@x\r\n\r\nHi\r\n", "{end:?}");
            assert_eq!(message.recipients().unwrap().len(), 2);
            for before in [end.to_owned(), end.repeat(2)] {
                assert_eq!(parse(&format!("{before}{text}")).unwrap_err(), RawError::NoHeaders);
            }
        }
        assert_eq!(parse("\nHello").unwrap_err(), RawError::NoHeaders);
        assert_eq!(parse("").unwrap_err(), RawError::NoHeaders);
        for text in ["Bcc: x@y\n", "Bcc: x@y\n\nFrom: z\n", "bcc: x@y\nResent-Bcc: x@y\n\nFrom: z\n"] {
            assert_eq!(parse(text).unwrap_err(), RawError::NoHeaders);
        }
        assert_eq!(parse("\u{feff}").unwrap_err(), RawError::NoHeaders);
    }

    #[test]
    fn case_m7_a_cr_within_the_headers_makes_no_field() {
        let bare = |at| RawError::BareLineEnd { at };
        for (text, error) in [
            ("Subject: hi\rBcc: victim@evil.example\nTo: b@x\n\nHi\n", bare(11)),
            ("Subject: hi\r\rBcc: victim@evil.example\r\nTo: b@x\r\n\r\nHi\r\n", bare(11)),
            ("\u{feff}A: b\n\r\rC: d\n\nHi\n", bare(8)),
            ("A: b\rC: d\r\rHi\n", bare(4)),
            ("A: b\nC: d\r", bare(9)),
            ("A: b\r\n c\r d\r\r\n\r\r\n", bare(8)),
        ] {
            assert_eq!(parse(text).unwrap_err(), error, "{text:?}");
        }
        // In the body it is a line end, and where all line ends are so, it is one in the headers, too.
        assert_eq!(parse("A: b\n\nc\rd\r\r").unwrap().as_bytes(), b"A: b\r\n\r\nc\r\nd\r\n\r\n");
        assert_eq!(parse("A: b\r\r\n\r\r\nc\rd").unwrap().as_bytes(), b"A: b\r\n\r\nc\r\nd\r\n");
        assert_eq!(parse("A: b\r\rc\rd").unwrap().as_bytes(), b"A: b\r\n\r\nc\r\nd\r\n");
        assert_eq!(parse("A: b\rC: d").unwrap().as_bytes(), b"A: b\r\nC: d\r\n");
    }

    #[test]
    fn case_m6_headers_of_other_programs() {
        let recipients = |text: &str| {
            let message = parse(text).unwrap();
            message.recipients().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(recipients("To: Undisclosed recipients:\nBcc: s@x\n\n"), ["s@x"]);
        assert_eq!(recipients("To: b@x <b@x>,\n Info @ Firm <@r:i@x>\n\n"), ["b@x", "i@x"]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_message() {
        let text = "\u{feff}Bcc: s@x\r\nTo: b@x\r\n\r\nHi\r\n";
        let message = parse(text).unwrap();
        assert_eq!(message.as_bytes(), b"To: b@x\r\n\r\nHi\r\n");
        assert_eq!(message.recipients().unwrap().len(), 2);
        assert!(!message.form(&Extensions::default()).unwrap().smtputf8);
        let strict = RawMessage::parse(text, LineEnds::Strict, Bcc::Remove);
        assert_eq!(strict.unwrap_err(), RawError::ByteOrderMark);
        assert_eq!(parse("\u{feff}\u{feff}A: b\n").unwrap_err(), RawError::NoField { line: 1 });
    }

    #[test]
    fn the_form_says_what_the_message_needs() {
        let form = |text: &str| parse(text).unwrap().form(&Extensions::default()).unwrap();
        let seven = Form { size: Some(9), body: BodyType::SevenBit, smtputf8: false };
        assert_eq!(form("A: b\n\nx"), Form { size: Some(11), ..seven });
        assert_eq!(form("A: b\n\nü"), Form { size: Some(12), body: BodyType::EightBitMime, smtputf8: false });
        assert_eq!(form("A: ü\n\n"), Form { size: Some(9), body: BodyType::EightBitMime, smtputf8: true });
        assert!(!form("Bcc: ü@x\nA: b\n\nxyz").smtputf8);
        assert_eq!(form("A: b"), Form { size: Some(6), ..seven });
    }

    #[test]
    fn the_sender_is_who_the_headers_say() {
        let sender = |text: &str| {
            parse(text).unwrap().sender().map(|a| a.map(ToString::to_string)).map_err(Clone::clone)
        };
        assert_eq!(sender("From: A <a@x>\nSender: s@x\n\n"), Ok(Some("s@x".into())));
        assert_eq!(sender("From: =?utf-8?q?=C3=BC?= <a@x>\n\n"), Ok(Some("a@x".into())));
        assert_eq!(sender("From: a@x, b@x\n\n"), Ok(None));
        assert_eq!(sender("A: b\n\n"), Ok(None));
        assert!(sender("From: not an address\n\n").is_err());
        assert!(parse("To: @\n\n").unwrap().recipients().is_err());
    }

    #[test]
    fn case_m11_long_messages_take_linear_time() {
        for piece in ["\n", "A: b\n", " c\n", "Bcc: a@x\n", "\r", "\r\r\n"] {
            crate::steps::assert_linear(piece, |text| drop(parse(&format!("A: b\n{text}"))));
        }
        let text = "\n".repeat(16 << 20);
        let message = parse(&format!("A: b\n{text}")).unwrap();
        assert_eq!(message.as_bytes().len(), (32 << 20) + 6);
        let fields = "A: b\n".repeat(100_000);
        assert_eq!(parse(&format!("{fields}Bcc: x@x\n\n")).unwrap().as_bytes().len(), 600_002);
        assert!(!format!("{message:?}").contains("\\n"));
    }
}
