//! What a server said it can do in its reply to EHLO (RFC 5321 section 4.1.1.1).
//!
//! Keywords are matched without case; what is not known here is kept and found by [`Extensions::get`].  After STARTTLS
//! the client forgets the old value and reads a new one (RFC 3207 section 4.2).

use core::fmt;

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

    /// The one whose keyword is at the start of a line, and what is behind it.
    #[inline(always)]
    fn find(line: &[u8]) -> Option<(Self, &[u8])> {
        let first = word(line);
        // Two letters tell them apart.  No table of them, because then each line would have to wait for the one before.
        let keyword = match first.to_le_bytes() {
            [b'8', ..] => Self::EightBitMime.keyword(),
            [b'A' | b'a', ..] => Self::Auth.keyword(),
            [b'B' | b'b', ..] => Self::BinaryMime.keyword(),
            [b'C' | b'c', ..] => Self::Chunking.keyword(),
            [b'D' | b'd', b'E' | b'e', ..] => Self::DeliverBy.keyword(),
            [b'D' | b'd', ..] => Self::Dsn.keyword(),
            [b'E' | b'e', ..] => Self::EnhancedStatusCodes.keyword(),
            [b'F' | b'f', ..] => Self::FutureRelease.keyword(),
            [b'L' | b'l', ..] => Self::Limits.keyword(),
            [b'M' | b'm', ..] => Self::MtPriority.keyword(),
            [b'P' | b'p', ..] => Self::Pipelining.keyword(),
            [b'R' | b'r', ..] => Self::RequireTls.keyword(),
            [b'S' | b's', b'I' | b'i', ..] => Self::Size.keyword(),
            [b'S' | b's', b'M' | b'm', ..] => Self::SmtpUtf8.keyword(),
            [b'S' | b's', ..] => Self::StartTls.keyword(),
            [b'X' | b'x', ..] => Self::XClient.keyword(),
            _ => return None,
        };
        Some((keyword.value, keyword.strip(first, line)?))
    }

    /// Its keyword.
    #[inline(always)]
    const fn keyword(self) -> &'static Keyword<Self> {
        &Self::ALL[self as usize]
    }
}

impl fmt::Display for Extension {
    /// The keyword.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword().name)
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
    /// Reads the positive reply to EHLO, and keeps its text.
    ///
    /// Nothing in it is an error: a keyword that makes no sense is kept as an unknown one.
    pub fn parse(mut reply: Reply) -> Self {
        let (mut known, mut auth, mut size) = (0, 0, None);
        let mut next = split_line(reply.text.as_bytes()).1;
        while let Some(line) = next {
            let Some((extension, behind)) = Extension::find(line) else {
                next = match line {
                    [b' ' | b'\t', line @ ..] => Some(line),
                    _ => split_line(line).1,
                };
                continue;
            };
            // Behind most there is the end of the line, which then need not be looked for.
            next = after_crlf(behind);
            if extension == Extension::Size
                && let Some((limit, line)) = usual_number(behind)
            {
                size.get_or_insert(Some(limit));
                next = Some(line);
            } else if next.is_none() || extension == Extension::Size {
                let parameters;
                (parameters, next) = split_line(behind);
                match extension {
                    // `AUTH=PLAIN LOGIN` is an old spelling that some servers send beside the right one.
                    Extension::Auth if let [b' ' | b'\t' | b'=', names @ ..] = parameters => {
                        auth |= mechanisms(names);
                    }
                    _ if !ends_keyword(parameters) => continue,
                    // Of several the first counts, as in `get`.
                    Extension::Size if size.is_none() => size = Some(number(parameters)),
                    _ => {}
                }
            }
            known |= 1 << extension as u32;
        }
        reply.text.make_utf8();
        // No value and 0 mean that no limit is known (RFC 1870 section 4).
        Self { known, auth, size: size.flatten().filter(|&limit| limit > 0), text: reply.text }
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

/// The known ones among names with blanks between them.
#[inline(never)] // It would take the registers of what each line needs.
fn mechanisms(mut names: &[u8]) -> u16 {
    let mut set = 0;
    loop {
        // From the end, where those are that most servers have.
        let first = word(names);
        let known = MECHANISMS.iter().rev().find_map(|keyword| {
            let behind = keyword.strip(first, names)?;
            behind.first().is_none_or(u8::is_ascii_whitespace).then_some((keyword, behind))
        });
        let behind = match known {
            Some((keyword, behind)) => {
                set |= 1 << keyword.value as u16;
                behind
            }
            None => &names[names.iter().position(u8::is_ascii_whitespace).unwrap_or(names.len())..],
        };
        let [_, rest @ ..] = behind else { return set };
        names = rest;
    }
}

/// Whether a keyword may have this behind it; a CR too many at the end of the line does no harm.
fn ends_keyword(behind: &[u8]) -> bool {
    matches!(behind, [b' ' | b'\t', ..]) || behind.iter().all(is_blank)
}

/// The number that is all there is but blanks.
#[inline(never)] // As above.
fn number(text: &[u8]) -> Option<u64> {
    let start = text.iter().position(|b| !is_blank(b))?;
    let end = text.iter().rposition(|b| !is_blank(b))?;
    text[start..=end].iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The number behind one space and before the end of the line, with the next line, as nearly all servers write it.
#[inline(always)]
fn usual_number(text: &[u8]) -> Option<(u64, &[u8])> {
    /// So many fit whatever they are.
    const DIGITS: usize = 19;
    let [b' ', digits @ ..] = text else { return None };
    let (mut number, mut rest) = (0, digits);
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        number = number * 10 + u64::from(digit - b'0');
        rest = behind;
        if digits.len() - rest.len() == DIGITS {
            break;
        }
    }
    if rest.len() == digits.len() { None } else { Some((number, after_crlf(rest)?)) }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// The next line, if this one ends here as nearly all do.
#[inline(always)]
fn after_crlf(text: &[u8]) -> Option<&[u8]> {
    let (head, line) = text.split_first_chunk::<6>()?;
    if head.starts_with(b"\r\n") { Some(line) } else { None }
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

    /// What is behind the name, if `text`, whose first word is at hand, begins with it.
    #[inline(always)]
    fn strip<'a>(&self, first: u64, text: &'a [u8]) -> Option<&'a [u8]> {
        let is_it = self.agrees(0, first)
            && (self.name.len() <= 8 || self.agrees(1, word(text.get(8..)?)))
            && (self.name.len() <= 16 || self.agrees(2, word(text.get(16..)?)));
        if is_it { text.get(self.name.len()..) } else { None }
    }

    #[inline(always)]
    fn agrees(&self, i: usize, word: u64) -> bool {
        (word ^ self.words[i]) & self.masks[i] == 0
    }
}

/// The first eight bytes of a text.
#[inline(always)]
fn word(text: &[u8]) -> u64 {
    text.first_chunk().map_or_else(|| padded(text), |word| u64::from_le_bytes(*word))
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
    use alloc::string::String;
    use alloc::vec::Vec;

    fn ehlo(lines: impl AsRef<[u8]>) -> Extensions {
        let reply = ReplyParser::new(ReplyLimits::default()).parse(&mut lines.as_ref()).unwrap().unwrap();
        Extensions::parse(reply)
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
            let e = ehlo(alloc::format!("250-x\r\n250 {line}\r\n"));
            assert!(Extension::ALL.iter().all(|keyword| !e.has(keyword.value)), "{line:?}");
        }
        assert!(!ehlo("250-x\r\n250 \x18BITMIME\r\n").has(Extension::EightBitMime));
        let e = ehlo("250-x\r\n250-SIZE\r\n250 SIZE 5\r\n");
        assert_eq!((e.get("SIZE"), e.max_size()), (Some(""), None), "the first counts");
        for line in ["enhancedStatusCodes", " \tDSN", "DSN\r", "DSN \t", "DSN a", "AUTH=", "CHUNKING\tx"] {
            let e = ehlo(alloc::format!("250-x\r\n250-{line}\r\n250 x\r\n"));
            assert_eq!(Extension::ALL.iter().filter(|keyword| e.has(keyword.value)).count(), 1, "{line:?}");
        }
    }

    #[test]
    fn what_is_not_utf8_becomes_other_characters() {
        for odd in [&b"\xff"[..], &[0xff; 16], "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}".as_bytes()]
        {
            let e = ehlo([b"250-x\r\n250-DSN\r\n250-X ", odd, b"\r\n250 PIPELINING\r\n"].concat());
            assert_eq!(e.get("X"), Some(&*String::from_utf8_lossy(odd)));
            assert!(e.has(Extension::Dsn) && e.has(Extension::Pipelining));
        }
    }

    #[test]
    fn a_size_is_a_number_of_any_length() {
        let size =
            |digits: &str| ehlo(alloc::format!("250-x\r\n250-SIZE {digits}\r\n250 DSN\r\n")).max_size();
        for number in [7, 1_234_567, 12_345_678, 99_999_999, 100_000_001, 9_876_543_210_123_456_789, u64::MAX]
        {
            let digits = alloc::format!("{number}");
            assert_eq!(size(&digits), Some(number));
            assert_eq!(size(&alloc::format!(" \t{digits} \r")), Some(number));
            assert_eq!(size(&alloc::format!("0000000000000000000000{digits}")), Some(number));
            for at in 0..digits.len() {
                for other in ["/", ":", " ", "-", "\u{b}", "\u{7f}", "\u{b5}"] {
                    let mut digits = digits.clone();
                    digits.replace_range(at..=at, other);
                    let is_shorter = other == " " && (at == 0 || at + 1 == digits.len());
                    assert_eq!(size(&digits).is_some(), is_shorter && digits.len() > 1, "{digits:?}");
                }
            }
        }
        assert_eq!(size("18446744073709551616"), None);
        assert_eq!(size("100000000000000000000000"), None);
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
