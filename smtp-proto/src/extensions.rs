//! What a server said it can do in its reply to EHLO (RFC 5321 section 4.1.1.1).
//!
//! Keywords are matched without case; what is not known here is kept and found by [`Extensions::get`].  After STARTTLS
//! the client forgets the old value and reads a new one (RFC 3207 section 4.2).

use core::fmt;

use alloc::boxed::Box;
use alloc::string::String;

use crate::escape::Escaped;
use crate::reply::{Reply, split_line};

/// The service extensions of a server.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    known: u32,
    auth: u16,
    size: Option<u64>,
    /// The text of the reply in UTF-8, the greeting line first.
    raw: Box<[u8]>,
}

/// An extension without parameters that concern the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Extension {
    /// `8BITMIME` (RFC 6152).
    EightBitMime,
    /// `AUTH` (RFC 4954); the mechanisms are in [`Extensions::auth`].
    Auth,
    /// `BINARYMIME` (RFC 3030).
    BinaryMime,
    /// `CHUNKING` (RFC 3030).
    Chunking,
    /// `DSN` (RFC 3461).
    Dsn,
    /// `ENHANCEDSTATUSCODES` (RFC 2034).
    EnhancedStatusCodes,
    /// `PIPELINING` (RFC 2920).
    Pipelining,
    /// `REQUIRETLS` (RFC 8689).
    RequireTls,
    /// `SIZE` (RFC 1870); the limit is in [`Extensions::max_size`].
    Size,
    /// `SMTPUTF8` (RFC 6531).
    SmtpUtf8,
    /// `STARTTLS` (RFC 3207).
    StartTls,
}

impl Extension {
    const ALL: [Keyword<Self>; 11] = [
        Keyword::new("8BITMIME", Self::EightBitMime),
        Keyword::new("AUTH", Self::Auth),
        Keyword::new("BINARYMIME", Self::BinaryMime),
        Keyword::new("CHUNKING", Self::Chunking),
        Keyword::new("DSN", Self::Dsn),
        Keyword::new("ENHANCEDSTATUSCODES", Self::EnhancedStatusCodes),
        Keyword::new("PIPELINING", Self::Pipelining),
        Keyword::new("REQUIRETLS", Self::RequireTls),
        Keyword::new("SIZE", Self::Size),
        Keyword::new("SMTPUTF8", Self::SmtpUtf8),
        Keyword::new("STARTTLS", Self::StartTls),
    ];
}

/// A SASL mechanism as named in `AUTH` (RFC 4422 section 3.1) that this crate can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMechanism {
    /// `PLAIN` (RFC 4616).
    Plain,
    /// `LOGIN` (draft-murchison-sasl-login).
    Login,
}

impl AuthMechanism {
    const ALL: [Keyword<Self>; 2] =
        [Keyword::new(Self::Plain.name(), Self::Plain), Keyword::new(Self::Login.name(), Self::Login)];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }
}

impl fmt::Display for AuthMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Extensions {
    /// Reads the positive reply to EHLO.
    ///
    /// Nothing in it is an error: a keyword that makes no sense is kept as an unknown one.
    pub fn parse(reply: &Reply) -> Self {
        let raw: Box<[u8]> = match str::from_utf8(reply.raw()) {
            Ok(raw) => raw.as_bytes().into(),
            Err(_) => String::from_utf8_lossy(reply.raw()).as_bytes().into(),
        };
        let (mut known, mut auth, mut size) = (0, 0, None);
        let (_, mut next) = split_line(&raw);
        while let Some(mut text) = next {
            while let [b' ' | b'\t', rest @ ..] = text {
                text = rest;
            }
            let Some(keyword) = Keyword::find(&Extension::ALL, text) else {
                (_, next) = split_line(text);
                continue;
            };
            let behind = &text[keyword.name.len()..];
            let (parameters, rest) = split_line(behind);
            next = rest;
            match (keyword.value, parameters) {
                // `AUTH=PLAIN LOGIN` is an old spelling that some servers send beside the right one.
                (Extension::Auth, [b' ' | b'\t' | b'=', ..]) => auth |= mechanisms(behind),
                // The name goes on.
                _ if !ends_keyword(parameters) => continue,
                // No value and 0 mean that no limit is known (RFC 1870 section 4); of several the first counts, as in `get`.
                (Extension::Size, _) => {
                    size = size.or_else(|| Some(number(parameters).filter(|&limit| limit > 0)));
                }
                _ => {}
            }
            known |= 1 << keyword.value as u32;
        }
        Self { known, auth, size: size.flatten(), raw }
    }

    /// Whether the server has the extension.
    pub fn has(&self, extension: Extension) -> bool {
        self.known & (1 << extension as u32) != 0
    }

    /// The largest message the server takes, in bytes, if it said so (RFC 1870).
    pub fn max_size(&self) -> Option<u64> {
        self.size
    }

    /// The offered SASL mechanisms that this crate can speak, best first.
    pub fn auth(&self) -> impl Iterator<Item = AuthMechanism> {
        let offered = self.auth;
        let all = AuthMechanism::ALL.into_iter().map(|keyword| keyword.value);
        all.filter(move |&mechanism| offered & (1 << mechanism as u16) != 0)
    }

    /// All keywords with their parameters, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let (_, mut next) = split_line(&self.raw);
        let lines = core::iter::from_fn(move || {
            let (line, rest) = split_line(next?);
            next = rest;
            Some(line)
        });
        lines.filter_map(|line| {
            let line = str::from_utf8(line).ok()?;
            let line = line.trim_start_matches([' ', '\t']).trim_end_matches([' ', '\t', '\r']);
            let (keyword, parameters) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            (!keyword.is_empty()).then_some((keyword, parameters))
        })
    }

    /// The parameters of a keyword, which may be one that is not known here.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|(_, parameters)| parameters)
    }
}

/// The known ones at the start of what is behind `AUTH`.
fn mechanisms(mut text: &[u8]) -> u16 {
    let mut set = 0;
    while let [b' ' | b'\t' | b'\r' | b'\x0c' | b'=', name @ ..] = text {
        let len = name.iter().position(u8::is_ascii_whitespace).unwrap_or(name.len());
        if let Some(keyword) = Keyword::find(&AuthMechanism::ALL, name).filter(|k| k.name.len() == len) {
            set |= 1 << keyword.value as u16;
        }
        text = &name[len..];
    }
    set
}

/// Whether a keyword may have this behind it; a CR too many at the end of the line does no harm.
fn ends_keyword(behind: &[u8]) -> bool {
    matches!(behind, [] | [b' ' | b'\t', ..]) || behind.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r'))
}

fn number(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.trim().parse().ok()
}

/// So long may a keyword be.
const LONGEST: usize = 24;

/// A name that is recognised whatever its case, eight letters at a time.
struct Keyword<T> {
    name: &'static str,
    value: T,
    words: [u64; LONGEST / 8],
    /// The bits that count: not the one between upper and lower case, and none behind the name.
    masks: [u64; LONGEST / 8],
}

impl<T> Keyword<T> {
    const fn new(name: &'static str, value: T) -> Self {
        let (mut words, mut masks) = ([0; LONGEST / 8], [0; LONGEST / 8]);
        let mut i = 0;
        while i < name.len() {
            let byte = name.as_bytes()[i];
            let mask: u8 = if byte.is_ascii_alphabetic() { !0x20 } else { !0 };
            words[i / 8] |= (byte as u64) << (i % 8 * 8);
            masks[i / 8] |= (mask as u64) << (i % 8 * 8);
            i += 1;
        }
        Self { name, value, words, masks }
    }

    /// The one that `text` begins with.
    #[inline]
    fn find<'a>(all: &'a [Self], text: &[u8]) -> Option<&'a Self> {
        let padded;
        let start: &[u8; LONGEST] = match text.first_chunk() {
            Some(start) => start,
            None => {
                padded = pad(text);
                &padded
            }
        };
        let differs = |keyword: &Self, i: usize| {
            (u64::from_le_bytes(start.as_chunks().0[i]) ^ keyword.words[i]) & keyword.masks[i]
        };
        all.iter().find(|keyword| {
            differs(keyword, 0) == 0
                && (keyword.name.len() <= 8 || differs(keyword, 1) | differs(keyword, 2) == 0)
        })
    }
}

#[cold]
fn pad<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded[..text.len()].copy_from_slice(text);
    padded
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self
            .iter()
            .map(|(keyword, parameters)| (Escaped(keyword.as_bytes()), Escaped(parameters.as_bytes())));
        f.debug_map().entries(lines).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{ReplyLimits, ReplyParser};
    use alloc::vec::Vec;

    fn ehlo(lines: &str) -> Extensions {
        let reply = ReplyParser::new(ReplyLimits::default()).parse(&mut lines.as_bytes()).unwrap().unwrap();
        Extensions::parse(&reply)
    }

    #[test]
    fn case_w12_keywords_as_servers_write_them() {
        let e = ehlo(
            "250-mx PIPELINING\r\n250-size\r\n250-8BitMime\r\n250-AUTH=PLAIN\r\n250-X-Odd  a b\r\n250-STARTTLS\r\n250 starttls\r\n",
        );
        assert!(e.has(Extension::EightBitMime) && e.has(Extension::StartTls) && e.has(Extension::Size));
        assert!(!e.has(Extension::Pipelining), "the first line is no keyword");
        assert_eq!(e.max_size(), None);
        assert_eq!(e.auth().collect::<Vec<_>>(), [AuthMechanism::Plain]);
        assert_eq!(e.get("x-odd"), Some(" a b"));
        assert_eq!(ehlo("250-x\r\n250 SIZE 0\r\n").max_size(), None);
        assert_eq!(ehlo("250-x\r\n250 SIZE 1000\r\n").max_size(), Some(1000));
        assert_eq!(ehlo("250-x\r\n250 SIZE 99999999999999999999\r\n").max_size(), None);
        let twice = ehlo("250-x\r\n250-SIZE 1000\r\n250 SIZE 5\r\n");
        assert_eq!((twice.get("SIZE"), twice.max_size()), (Some("1000"), Some(1000)), "the first counts");
        assert_eq!(ehlo("250-x\r\n250-AUTH LOGIN\r\n250-AUTH=LOGIN PLAIN\r\n250 SIZE\r\n").auth().count(), 2);
    }

    #[test]
    fn case_w34_empty_keyword_and_auth_without_mechanism() {
        let e = ehlo("250-x\r\n250-AUTH\r\n250-PIPELINING\r\n250 \r\n");
        assert!(e.has(Extension::Pipelining) && e.has(Extension::Auth));
        assert_eq!(e.auth().count(), 0);
        assert_eq!(e.iter().count(), 2);
    }

    #[test]
    fn a_keyword_is_known_as_a_whole_or_not_at_all() {
        for line in
            ["SIZER", "SIZE-1", "DSN.", "SMTPUTF", "PIPELININGS", "PIPELINES", "ENHANCEDSTATUSCODE", "\rDSN"]
        {
            let e = ehlo(&alloc::format!("250-x\r\n250 {line}\r\n"));
            assert!(Extension::ALL.iter().all(|keyword| !e.has(keyword.value)), "{line:?}");
        }
        for line in ["enhancedStatusCodes", " \tDSN", "DSN\r", "DSN \t", "DSN a", "AUTH=", "CHUNKING\tx"] {
            let e = ehlo(&alloc::format!("250-x\r\n250-{line}\r\n250 x\r\n"));
            assert_eq!(Extension::ALL.iter().filter(|keyword| e.has(keyword.value)).count(), 1, "{line:?}");
        }
    }

    #[test]
    fn keywords_are_listed_once_in_the_order_of_the_enum() {
        for (i, keyword) in Extension::ALL.into_iter().enumerate() {
            assert_eq!(keyword.value as usize, i, "{}", keyword.name);
        }
    }
}
