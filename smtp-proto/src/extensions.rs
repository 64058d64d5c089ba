//! What a server said it can do in its reply to EHLO (RFC 5321 section 4.1.1.1).
//!
//! Keywords are matched without case; what is not known here is kept and found by [`Extensions::get`].  After STARTTLS
//! the client forgets the old value and reads a new one (RFC 3207 section 4.2).

use core::fmt;

use alloc::string::String;

use crate::escape::Escaped;
use crate::reply::{Reply, Text, split_line};
use crate::sasl::AuthMechanism;

/// The service extensions of a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Extensions {
    known: u32,
    auth: u16,
    size: Option<u64>,
    /// The text of the reply in UTF-8, the greeting line first.
    text: Text,
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
    /// `DELIVERBY` (RFC 2852); the least time is in [`Extensions::deliver_by_minimum`].
    DeliverBy,
    /// `DSN` (RFC 3461).
    Dsn,
    /// `ENHANCEDSTATUSCODES` (RFC 2034).
    EnhancedStatusCodes,
    /// `FUTURERELEASE` (RFC 4865); its limits are in [`Extensions::future_release`].
    FutureRelease,
    /// `LIMITS` (RFC 9422); they are in [`Extensions::limits`].
    Limits,
    /// `MT-PRIORITY` (RFC 6710).
    MtPriority,
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
    /// Postfix's `XCLIENT`.
    XClient,
}

impl Extension {
    /// In the order of the enum.
    const ALL: [Keyword<Self>; 16] = [
        Keyword::new("8BITMIME", Self::EightBitMime),
        Keyword::new("AUTH", Self::Auth),
        Keyword::new("BINARYMIME", Self::BinaryMime),
        Keyword::new("CHUNKING", Self::Chunking),
        Keyword::new("DELIVERBY", Self::DeliverBy),
        Keyword::new("DSN", Self::Dsn),
        Keyword::new("ENHANCEDSTATUSCODES", Self::EnhancedStatusCodes),
        Keyword::new("FUTURERELEASE", Self::FutureRelease),
        Keyword::new("LIMITS", Self::Limits),
        Keyword::new("MT-PRIORITY", Self::MtPriority),
        Keyword::new("PIPELINING", Self::Pipelining),
        Keyword::new("REQUIRETLS", Self::RequireTls),
        Keyword::new("SIZE", Self::Size),
        Keyword::new("SMTPUTF8", Self::SmtpUtf8),
        Keyword::new("STARTTLS", Self::StartTls),
        Keyword::new("XCLIENT", Self::XClient),
    ];

    /// The one whose keyword `text` begins with.
    #[inline]
    fn find(text: &[u8]) -> Option<&'static Keyword<Self>> {
        // Three letters tell them apart, here without the bit between upper and lower case, which makes \x18 of 8 and \r of the hyphen.
        let extension = match &text.first_chunk()?.map(|b: u8| b & !0x20) {
            b"\x18BI" => Self::EightBitMime,
            b"AUT" => Self::Auth,
            b"BIN" => Self::BinaryMime,
            b"CHU" => Self::Chunking,
            b"DEL" => Self::DeliverBy,
            b"DSN" => Self::Dsn,
            b"ENH" => Self::EnhancedStatusCodes,
            b"FUT" => Self::FutureRelease,
            b"LIM" => Self::Limits,
            b"MT\r" => Self::MtPriority,
            b"PIP" => Self::Pipelining,
            b"REQ" => Self::RequireTls,
            b"SIZ" => Self::Size,
            b"SMT" => Self::SmtpUtf8,
            b"STA" => Self::StartTls,
            b"XCL" => Self::XClient,
            _ => return None,
        };
        Some(&Self::ALL[extension as usize]).filter(|keyword| keyword.begins(text))
    }
}

impl fmt::Display for Extension {
    /// The keyword.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL[*self as usize].name)
    }
}

/// How much a server takes (RFC 9422 section 4); `None` is what it did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Messages on one connection: `MAILMAX`.
    pub mails: Option<usize>,
    /// Recipients of one message: `RCPTMAX`.
    pub recipients: Option<usize>,
    /// Different domains among the recipients of one message: `RCPTDOMAINMAX`.
    pub domains: Option<usize>,
}

/// The mechanisms as keywords, in the order of the enum.
const MECHANISMS: [Keyword<AuthMechanism>; AuthMechanism::ALL.len()] = {
    let mut keywords = [const { Keyword::new("", AuthMechanism::Plain) }; AuthMechanism::ALL.len()];
    let mut i = 0;
    while i < keywords.len() {
        keywords[i] = Keyword::new(AuthMechanism::ALL[i].name(), AuthMechanism::ALL[i]);
        i += 1;
    }
    keywords
};

impl Extensions {
    /// Reads the positive reply to EHLO.
    ///
    /// Nothing in it is an error: a keyword that makes no sense is kept as an unknown one.
    pub fn parse(reply: &Reply) -> Self {
        let bytes = reply.text.as_bytes();
        let text = match bytes.is_ascii() || str::from_utf8(bytes).is_ok() {
            true => reply.text.clone(),
            false => Text::new(String::from_utf8_lossy(bytes).as_bytes()),
        };
        let (mut known, mut auth, mut size) = (0, 0, None);
        let mut rest = text.as_bytes();
        loop {
            rest = next_line(rest);
            if rest.is_empty() {
                break;
            }
            if matches!(rest[0], b' ' | b'\t') {
                rest = skip_blanks(rest);
            }
            let Some(keyword) = Extension::find(rest) else { continue };
            rest = &rest[keyword.name.len()..];
            match (keyword.value, rest) {
                // `AUTH=PLAIN LOGIN` is an old spelling that some servers send beside the right one.
                (Extension::Auth, [b' ' | b'\t' | b'=', ..]) => auth |= mechanisms(&mut rest),
                _ if !ends_keyword(rest) => continue,
                // Of several the first counts, as in `get`.
                (Extension::Size, _) if size.is_none() => size = Some(number(&mut rest)),
                _ => {}
            }
            known |= 1 << keyword.value as u32;
        }
        // No value and 0 mean that no limit is known (RFC 1870 section 4).
        Self { known, auth, size: size.flatten().filter(|&limit| limit > 0), text }
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
        AuthMechanism::ALL.into_iter().filter(move |&mechanism| offered & (1 << mechanism as u16) != 0)
    }

    /// Whether the server offers a SASL mechanism with channel binding, be it known here or not (RFC 5802 section 6).
    pub fn offers_channel_binding(&self) -> bool {
        let is_auth =
            |keyword: &str| keyword.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("AUTH"));
        let lines = self.iter().filter(|(keyword, _)| is_auth(keyword));
        let mut words = lines
            .flat_map(|(keyword, parameters)| keyword.split('=').chain(parameters.split_ascii_whitespace()));
        words.any(|word| word.len() > 5 && word.as_bytes()[word.len() - 5..].eq_ignore_ascii_case(b"-PLUS"))
    }

    /// The least seconds that [`DeliverBy`](crate::envelope::DeliverBy) may ask for with a return to the sender, if the
    /// server said so (RFC 2852 section 2).
    pub fn deliver_by_minimum(&self) -> Option<u32> {
        self.get("DELIVERBY")?.split(' ').next()?.parse().ok()
    }

    /// For how many seconds at most, and until when, the server holds messages, if it said so (RFC 4865 section 4).
    pub fn future_release(&self) -> Option<(u32, &str)> {
        let mut words = self.get("FUTURERELEASE")?.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?))
    }

    /// What the server said of its limits (RFC 9422).
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for word in self.get("LIMITS").unwrap_or_default().split_ascii_whitespace() {
            let Some((name, value)) = word.split_once('=') else { continue };
            // Up to six digits, and not 0: what is no limit says nothing.
            let is_limit = value.len() <= 6 && value.bytes().all(|b| b.is_ascii_digit());
            let value = value.parse().ok().filter(|&limit: &usize| is_limit && limit > 0);
            let limit = if name.eq_ignore_ascii_case("MAILMAX") {
                &mut limits.mails
            } else if name.eq_ignore_ascii_case("RCPTMAX") {
                &mut limits.recipients
            } else if name.eq_ignore_ascii_case("RCPTDOMAINMAX") {
                &mut limits.domains
            } else {
                continue;
            };
            *limit = (*limit).or(value);
        }
        limits
    }

    /// All keywords with their parameters, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.lines().skip(1).filter_map(|line| {
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

impl Default for Extensions {
    /// None at all, as after HELO.
    fn default() -> Self {
        Self { known: 0, auth: 0, size: None, text: Text::new(b"") }
    }
}

/// The known ones in what is behind `AUTH`, up to the end of the line.
fn mechanisms(text: &mut &[u8]) -> u16 {
    let mut set = 0;
    while let [b' ' | b'\t' | b'\r' | b'\x0c' | b'=', name @ ..] = *text {
        let known = MECHANISMS.iter().find_map(|keyword| match name.split_at_checked(keyword.name.len()) {
            Some((_, behind)) if keyword.begins(name) && is_blank_or_end(behind) => Some((keyword, behind)),
            _ => None,
        });
        *text = match known {
            Some((keyword, behind)) => {
                set |= 1 << keyword.value as u16;
                behind
            }
            None => &name[name.iter().position(u8::is_ascii_whitespace).unwrap_or(name.len())..],
        };
    }
    set
}

fn is_blank_or_end(text: &[u8]) -> bool {
    text.first().is_none_or(u8::is_ascii_whitespace)
}

/// Whether a keyword may have this behind it; a CR too many at the end of the line does no harm.
fn ends_keyword(behind: &[u8]) -> bool {
    match behind {
        [b'\r', b'\n', ..] | [b' ' | b'\t' | b'\n', ..] | [] => true,
        _ => split_line(behind).0.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r')),
    }
}

/// The number that is all there is before the end of the line but blanks.
fn number(text: &mut &[u8]) -> Option<u64> {
    let (mut number, mut rest) = (None::<u64>, skip(text));
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit - b'0'))?);
        rest = more;
    }
    *text = skip(rest);
    number.filter(|_| matches!(**text, [] | [b'\n', ..]))
}

/// What is behind blanks, and CRs too many among them.
fn skip(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] = text {
        text = rest;
    }
    text
}

/// What is behind the end of the line.
#[inline]
fn next_line(text: &[u8]) -> &[u8] {
    match text {
        [b'\r', b'\n', _, _, _, _, rest @ ..] => rest,
        _ => split_line(text).1.unwrap_or_default(),
    }
}

#[inline(never)]
fn skip_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// So long may a name be.
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

    /// Whether `text` begins with the name.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        self.agrees(text, 0) && (self.name.len() <= 8 || self.agrees(text, 1) && self.agrees(text, 2))
    }

    #[inline]
    fn agrees(&self, text: &[u8], i: usize) -> bool {
        let text = text.get(i * 8..).unwrap_or_default();
        let word = text.first_chunk().map_or_else(|| padded(text), |word| u64::from_le_bytes(*word));
        (word ^ self.words[i]) & self.masks[i] == 0
    }
}

/// A short text with zeros behind it.
#[cold]
fn padded(text: &[u8]) -> u64 {
    text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
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
        assert!(!ehlo("250-x\r\n250 \x18BITMIME\r\n").has(Extension::EightBitMime));
        let e = ehlo("250-x\r\n250-SIZE\r\n250 SIZE 5\r\n");
        assert_eq!((e.get("SIZE"), e.max_size()), (Some(""), None), "the first counts");
        for line in ["enhancedStatusCodes", " \tDSN", "DSN\r", "DSN \t", "DSN a", "AUTH=", "CHUNKING\tx"] {
            let e = ehlo(&alloc::format!("250-x\r\n250-{line}\r\n250 x\r\n"));
            assert_eq!(Extension::ALL.iter().filter(|keyword| e.has(keyword.value)).count(), 1, "{line:?}");
        }
    }

    #[test]
    fn numbers_behind_keywords() {
        let e = ehlo(
            "250-x\r\n250-DELIVERBY 240\r\n250-FUTURERELEASE 604800 2026-12-01T00:00:00Z\r\n\
             250-mt-priority MIXER\r\n250 LIMITS RCPTMAX=5 mailmax=2 RCPTDOMAINMAX=0 X=1 RCPTMAX=9 MAILMAX\r\n",
        );
        assert!(e.has(Extension::MtPriority) && e.has(Extension::DeliverBy) && e.has(Extension::Limits));
        assert_eq!(e.deliver_by_minimum(), Some(240));
        assert_eq!(e.future_release(), Some((604_800, "2026-12-01T00:00:00Z")));
        assert_eq!(e.limits(), Limits { mails: Some(2), recipients: Some(5), domains: None });
        let bare = ehlo("250-x\r\n250-DELIVERBY\r\n250-FUTURERELEASE x y\r\n250 LIMITS RCPTMAX=1234567\r\n");
        assert_eq!((bare.deliver_by_minimum(), bare.future_release()), (None, None));
        assert_eq!(bare.limits(), Limits::default());
    }

    #[test]
    fn keywords_are_listed_once_in_the_order_of_the_enum() {
        for (i, keyword) in Extension::ALL.into_iter().enumerate() {
            assert_eq!(keyword.value as usize, i, "{}", keyword.name);
        }
    }
}
