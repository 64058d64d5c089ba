//! What a sender may ask of a server besides delivery, as parameters of MAIL and RCPT: DSN (RFC 3461), REQUIRETLS
//! (RFC 8689), MT-PRIORITY (RFC 6710), DELIVERBY (RFC 2852), FUTURERELEASE (RFC 4865), AUTH (RFC 4954 section 5).
//!
//! Every value is validated when it is made, so that nothing in it can break a line or begin another parameter.  What
//! becomes of an option that the server does not offer is in [`client`](crate::client).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use super::xtext;
use crate::address::Address;
use crate::escape::Escaped;

/// What is asked for a message as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailOptions {
    /// How much of the message a notification of failure brings back: `RET` (RFC 3461 section 4.3).
    pub ret: Option<Ret>,
    /// What notifications name the message by: `ENVID` (RFC 3461 section 4.4).
    pub envelope_id: Option<EnvelopeId>,
    /// Who submitted the message: `AUTH` (RFC 4954 section 5), for relays that trust each other.
    pub submitter: Option<Submitter>,
    /// Whether the message may travel over verified TLS only, all the way: `REQUIRETLS` (RFC 8689).
    pub require_tls: bool,
    /// How urgent it is: `MT-PRIORITY` (RFC 6710).
    pub priority: Option<Priority>,
    /// By when it must be delivered: `BY` (RFC 2852).
    pub deliver_by: Option<DeliverBy>,
    /// Not before when it may be delivered: `HOLDFOR` and `HOLDUNTIL` (RFC 4865).
    pub hold: Option<Hold>,
}

/// What is asked for one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RcptOptions {
    /// Of what the sender is to be notified: `NOTIFY` (RFC 3461 section 4.1).
    pub notify: Option<Notify>,
    /// The recipient that the sender had named: `ORCPT` (RFC 3461 section 4.2).
    pub original: Option<Box<OriginalRecipient>>,
}

impl RcptOptions {
    /// Nothing is asked.
    pub(crate) const NONE: Self = Self { notify: None, original: None };

    pub(crate) fn is_empty(&self) -> bool {
        self.notify.is_none() && self.original.is_none()
    }
}

/// How much of a message a notification of failure brings back (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header section.
    Headers,
}

/// Of what the sender of a message is to be notified (RFC 3461 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Notify(u8);

impl Notify {
    /// Of nothing.
    pub const NEVER: Self = Self(0);
    /// Of delivery.
    pub const SUCCESS: Self = Self(1);
    /// Of failure.
    pub const FAILURE: Self = Self(2);
    /// Of delay.
    pub const DELAY: Self = Self(4);

    const NAMES: [(Self, &str); 3] =
        [(Self::SUCCESS, "SUCCESS"), (Self::FAILURE, "FAILURE"), (Self::DELAY, "DELAY")];

    /// Of this and that.
    ///
    /// ```
    /// use smtp_proto::envelope::Notify;
    ///
    /// let notify = Notify::FAILURE.and(Notify::DELAY);
    /// assert_eq!(notify.to_string(), "FAILURE,DELAY");
    /// assert_eq!(Notify::NEVER.to_string(), "NEVER");
    /// ```
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn read(value: &str) -> Option<Self> {
        if value.eq_ignore_ascii_case("NEVER") {
            return Some(Self::NEVER);
        }
        value.split(',').try_fold(Self(0), |all, word| {
            let (one, _) = Self::NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(word))?;
            Some(all.and(*one))
        })
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, name) in Self::NAMES.iter().filter(|(one, _)| self.contains(*one)) {
            write!(f, "{separator}{name}")?;
            separator = ",";
        }
        if separator.is_empty() { f.write_str("NEVER") } else { Ok(()) }
    }
}

/// A name for a message that notifications bring back (RFC 3461 section 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnvelopeId(String);

impl EnvelopeId {
    const LIMIT: usize = 100;

    /// A name of printable ASCII, blanks included, that takes at most 100 bytes on the wire, where `+`, `=` and blanks
    /// take three.
    ///
    /// ```
    /// use smtp_proto::envelope::EnvelopeId;
    ///
    /// assert_eq!(EnvelopeId::new("order 17")?.as_str(), "order 17");
    /// assert_eq!(EnvelopeId::new("a\r\nb").unwrap_err().to_string(), "ENVID: character 1 is not allowed");
    /// # Ok::<(), smtp_proto::envelope::OptionError>(())
    /// ```
    ///
    /// # Errors
    /// What it breaks.
    pub fn new(name: impl Into<String>) -> Result<Self, OptionError> {
        let name = name.into();
        let error = |rule| OptionError { option: "ENVID", rule };
        if name.is_empty() {
            return Err(error(OptionRule::Empty));
        }
        check_characters(&name, |c| matches!(c, ' '..='~')).map_err(error)?;
        check_length(xtext::len(&name), Self::LIMIT).map_err(error)?;
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(value: &str) -> Option<Self> {
        Self::new(xtext::decode(value)?).ok()
    }
}

impl fmt::Display for EnvelopeId {
    /// As on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        xtext::encode(&self.0, f)
    }
}

/// The recipient that the sender of a message had named (RFC 3461 section 4.2, RFC 6533 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginalRecipient {
    kind: String,
    address: String,
}

impl OriginalRecipient {
    const LIMIT: usize = 500;

    /// An address of another kind, such as `x400`, in printable ASCII.
    ///
    /// # Errors
    /// What it breaks: a kind is an atom, and all takes at most 500 bytes on the wire.
    pub fn new(kind: impl Into<String>, address: impl Into<String>) -> Result<Self, OptionError> {
        let (kind, address) = (kind.into(), address.into());
        let error = |rule| OptionError { option: "ORCPT", rule };
        if kind.is_empty() || address.is_empty() {
            return Err(error(OptionRule::Empty));
        }
        check_characters(&kind, |c| c.is_ascii_alphanumeric() || c == '-').map_err(error)?;
        let is_utf8 = kind.eq_ignore_ascii_case("utf-8");
        check_characters(&address, |c| match is_utf8 {
            // A space may be in a quoted local part.
            true => c == ' ' || !(c.is_control() || c.is_whitespace()),
            false => matches!(c, ' '..='~'),
        })
        .map_err(error)?;
        let original = Self { kind, address };
        check_length(original.to_string().len(), Self::LIMIT).map_err(error)?;
        Ok(original)
    }

    /// The kind of address, such as `rfc822`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The address.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn read(value: &str) -> Option<Self> {
        let (kind, address) = value.split_once(';')?;
        let address = match kind.eq_ignore_ascii_case("utf-8") {
            true => decode_unicode(address)?,
            false => xtext::decode(address)?,
        };
        Self::new(kind, address).ok()
    }
}

impl From<&Address> for OriginalRecipient {
    /// `rfc822`, or `utf-8` if the address is not ASCII.
    fn from(address: &Address) -> Self {
        let kind = if address.is_ascii() { "rfc822" } else { "utf-8" };
        Self { kind: kind.into(), address: address.to_string() }
    }
}

impl fmt::Display for OriginalRecipient {
    /// As on the wire, in ASCII.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};", self.kind)?;
        if !self.kind.eq_ignore_ascii_case("utf-8") {
            return xtext::encode(&self.address, f);
        }
        self.address.chars().try_for_each(|c| match c {
            '!'..='~' if !matches!(c, '+' | '=' | '\\') => write!(f, "{c}"),
            _ => write!(f, "\\x{{{:X}}}", u32::from(c)),
        })
    }
}

/// Reads `utf-8-addr-xtext` and `utf-8-addr-unitext` (RFC 6533 section 3).
fn decode_unicode(text: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match rest.strip_prefix("\\x{") {
            Some(escape) => {
                let (digits, behind) = escape.split_once('}')?;
                let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
                decoded.push(char::from_u32(code)?);
                behind
            }
            None if matches!(c, '+' | '=' | '\\') || c <= ' ' => return None,
            None => {
                decoded.push(c);
                &rest[c.len_utf8()..]
            }
        };
    }
    Some(decoded)
}

/// Who submitted a message (RFC 4954 section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitter {
    /// Nobody knows, or the one who says so is not trusted: `<>`.
    Unknown,
    /// This mailbox.
    Mailbox(Address),
}

impl Submitter {
    pub(crate) fn read(value: &str) -> Option<Self> {
        match &*xtext::decode(value)? {
            "<>" => Some(Self::Unknown),
            mailbox => mailbox.parse().ok().map(Self::Mailbox),
        }
    }
}

impl fmt::Display for Submitter {
    /// As on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("<>"),
            Self::Mailbox(mailbox) => xtext::encode(&mailbox.to_string(), f),
        }
    }
}

/// How urgent a message is, from -9 to 9 (RFC 6710); 0 is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(i8);

impl Priority {
    /// A priority.
    ///
    /// # Errors
    /// It is below -9 or above 9.
    pub fn new(value: i8) -> Result<Self, OptionError> {
        check_range("MT-PRIORITY", value.into(), -9, 9).map(|()| Self(value))
    }

    /// From -9 to 9.
    pub fn get(self) -> i8 {
        self.0
    }

    pub(crate) fn read(value: &str) -> Option<Self> {
        let digits = value.strip_prefix('-').unwrap_or(value);
        let is_number = digits.len() == 1 && value != "-0" && digits.bytes().all(|b| b.is_ascii_digit());
        Self::new(value.parse().ok().filter(|_| is_number)?).ok()
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// By when a message must be delivered, and what if it is not (RFC 2852).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliverBy {
    seconds: i64,
    mode: ByMode,
    trace: bool,
}

/// What becomes of a message that is late (RFC 2852 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByMode {
    /// It goes back to the sender.
    Return,
    /// It is delivered all the same, and the sender is notified.
    Notify,
}

impl DeliverBy {
    const LIMIT: i64 = 999_999_999;

    /// So many seconds from now; with [`Notify`](ByMode::Notify) they may be over already, and negative.
    ///
    /// # Errors
    /// More than nine digits, or nothing left with [`Return`](ByMode::Return).
    pub fn new(seconds: i64, mode: ByMode) -> Result<Self, OptionError> {
        let minimum = if mode == ByMode::Return { 1 } else { -Self::LIMIT };
        check_range("BY", seconds, minimum, Self::LIMIT).map(|()| Self { seconds, mode, trace: false })
    }

    /// The same, with a notification by each relay on the way.
    #[must_use]
    pub fn with_trace(self) -> Self {
        Self { trace: true, ..self }
    }

    /// Seconds from now.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// What becomes of it when it is late.
    pub fn mode(self) -> ByMode {
        self.mode
    }

    /// Whether each relay notifies.
    pub fn has_trace(self) -> bool {
        self.trace
    }

    pub(crate) fn read(value: &str) -> Option<Self> {
        let (seconds, mode) = value.split_once(';')?;
        let digits = seconds.strip_prefix('-').unwrap_or(seconds);
        let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let (mode, trace) = match mode.as_bytes() {
            [mode] => (mode, false),
            [mode, b'T' | b't'] => (mode, true),
            _ => return None,
        };
        let mode = match mode {
            b'R' | b'r' => ByMode::Return,
            b'N' | b'n' => ByMode::Notify,
            _ => return None,
        };
        let by = Self::new(seconds.parse().ok().filter(|_| is_number)?, mode).ok()?;
        Some(Self { trace, ..by })
    }
}

impl fmt::Display for DeliverBy {
    /// As on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.mode == ByMode::Return { 'R' } else { 'N' };
        write!(f, "{};{mode}{}", self.seconds, if self.trace { "T" } else { "" })
    }
}

/// Not before when a message may be delivered (RFC 4865).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hold {
    /// So many seconds from now.
    For(HoldSeconds),
    /// At this time.
    Until(HoldTime),
}

/// Seconds to hold a message: 1 to 999,999,999 (RFC 4865 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldSeconds(u32);

/// A time in UTC as RFC 3339 writes it, such as `2026-11-23T17:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldTime(String);

impl Hold {
    /// Holds a message for so many seconds.
    ///
    /// # Errors
    /// None, or more than nine digits.
    pub fn seconds(seconds: u32) -> Result<Self, OptionError> {
        check_range("HOLDFOR", seconds.into(), 1, 999_999_999).map(|()| Self::For(HoldSeconds(seconds)))
    }

    /// Holds a message until a time in UTC with whole seconds, such as `2026-11-23T17:00:00Z`.
    ///
    /// # Errors
    /// It is no such time.
    pub fn until(time: impl Into<String>) -> Result<Self, OptionError> {
        let time = time.into();
        match is_utc_time(&time) {
            true => Ok(Self::Until(HoldTime(time))),
            false => Err(OptionError {
                option: "HOLDUNTIL",
                rule: OptionRule::NoTime(Escaped(time.as_bytes()).to_string()),
            }),
        }
    }

    pub(crate) fn read_seconds(value: &str) -> Option<Self> {
        let is_number = (1..=9).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
        Self::seconds(value.parse().ok().filter(|_| is_number)?).ok()
    }

    pub(crate) fn read_time(value: &str) -> Option<Self> {
        Self::until(value.to_ascii_uppercase()).ok()
    }
}

impl HoldSeconds {
    /// The seconds.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl HoldTime {
    /// The text; of two, the later time is the greater text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Hold {
    /// As on the wire, with the parameter's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(seconds) => write!(f, "HOLDFOR={}", seconds.0),
            Self::Until(time) => write!(f, "HOLDUNTIL={}", time.0),
        }
    }
}

/// Whether it is `YYYY-MM-DDThh:mm:ssZ`, and a date that there is.
fn is_utc_time(text: &str) -> bool {
    const SHAPE: &[u8; 20] = b"0000-00-00T00:00:00Z";
    let has_shape = text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *like,
        });
    let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<u32>().ok());
    let (true, Some(year), Some(month), Some(day)) = (has_shape, number(0, 4), number(5, 7), number(8, 10))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
        && number(11, 13) < Some(24)
        && number(14, 16) < Some(60)
        // 60 is a leap second.
        && number(17, 19) <= Some(60)
}

/// What is wrong with an option: its name on the wire, and the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    option: &'static str,
    rule: OptionRule,
}

impl OptionError {
    /// The parameter's name on the wire, such as `ENVID`.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// The rule that it breaks.
    pub fn rule(&self) -> &OptionRule {
        &self.rule
    }
}

/// A rule that an option breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionRule {
    /// There is nothing.
    Empty,
    /// A character is not allowed.
    Character {
        /// Which one, counted in bytes from 0.
        at: usize,
    },
    /// It takes too many bytes on the wire.
    TooLong {
        /// How many it takes.
        length: usize,
        /// How many it may.
        limit: usize,
    },
    /// A number is too small or too large.
    OutOfRange {
        /// The number.
        value: i64,
        /// The least one.
        minimum: i64,
        /// The greatest one.
        maximum: i64,
    },
    /// It is no time in UTC, here with control characters escaped.
    NoTime(String),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.option)?;
        match &self.rule {
            OptionRule::Empty => f.write_str("it is empty"),
            OptionRule::Character { at } => write!(f, "character {at} is not allowed"),
            OptionRule::TooLong { length, limit } => {
                write!(f, "it takes {length} bytes on the wire, of at most {limit}")
            }
            OptionRule::OutOfRange { value, minimum, maximum } => {
                write!(f, "{value} is not from {minimum} to {maximum}")
            }
            OptionRule::NoTime(text) => write!(f, "\"{text}\" is no time like 2026-11-23T17:00:00Z"),
        }
    }
}

impl core::error::Error for OptionError {}

fn check_characters(text: &str, is_allowed: impl Fn(char) -> bool) -> Result<(), OptionRule> {
    match text.char_indices().find(|&(_, c)| !is_allowed(c)) {
        Some((at, _)) => Err(OptionRule::Character { at }),
        None => Ok(()),
    }
}

fn check_length(length: usize, limit: usize) -> Result<(), OptionRule> {
    if length > limit { Err(OptionRule::TooLong { length, limit }) } else { Ok(()) }
}

fn check_range(option: &'static str, value: i64, minimum: i64, maximum: i64) -> Result<(), OptionError> {
    match (minimum..=maximum).contains(&value) {
        true => Ok(()),
        false => Err(OptionError { option, rule: OptionRule::OutOfRange { value, minimum, maximum } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn case_a1_a6_nothing_breaks_a_line_and_limits_hold() {
        let rule = |result: Result<EnvelopeId, OptionError>| result.unwrap_err().rule;
        assert_eq!(EnvelopeId::new("a+b=c").unwrap().to_string(), "a+2Bb+3Dc");
        assert_eq!(rule(EnvelopeId::new("")), OptionRule::Empty);
        assert_eq!(rule(EnvelopeId::new("ab\n")), OptionRule::Character { at: 2 });
        assert_eq!(rule(EnvelopeId::new("é")), OptionRule::Character { at: 0 });
        assert!(EnvelopeId::new("x".repeat(100)).is_ok());
        assert_eq!(rule(EnvelopeId::new("x".repeat(101))), OptionRule::TooLong { length: 101, limit: 100 });
        assert_eq!(rule(EnvelopeId::new("=".repeat(34))), OptionRule::TooLong { length: 102, limit: 100 });

        let rule = |kind: &str, address: &str| OriginalRecipient::new(kind, address).unwrap_err().rule;
        assert_eq!(rule("a;b", "x"), OptionRule::Character { at: 1 });
        assert_eq!(rule("rfc822", "a\r\nb"), OptionRule::Character { at: 1 });
        assert_eq!(rule("rfc822", "ü@x"), OptionRule::Character { at: 0 });
        assert_eq!(rule("utf-8", "a\u{85}b"), OptionRule::Character { at: 1 });
        assert_eq!(rule("utf-8", "a\u{a0}b"), OptionRule::Character { at: 1 });
        assert_eq!(rule("utf-8", "a\tb"), OptionRule::Character { at: 1 });
        assert_eq!(rule("x", ""), OptionRule::Empty);
        assert_eq!(rule("x", &"y".repeat(499)), OptionRule::TooLong { length: 501, limit: 500 });
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for kind_and_address in
            [("rfc822", "a+b@x.org"), ("x400", "/c=us /a=x"), ("utf-8", "ü\\+=@x.org"), ("UTF-8", "a@b")]
        {
            let original = OriginalRecipient::new(kind_and_address.0, kind_and_address.1).unwrap();
            assert_eq!(OriginalRecipient::read(&original.to_string()), Some(original));
        }
        assert_eq!(OriginalRecipient::new("utf-8", "ü+@x").unwrap().to_string(), "utf-8;\\x{FC}\\x{2B}@x");
        assert_eq!(OriginalRecipient::read("utf-8;ü@x").unwrap().address(), "ü@x");
        // Spaces may be in addresses, and never stand there as they are.
        for (address, written) in [
            ("\"a ü\"@x", "utf-8;\"a\\x{20}\\x{FC}\"@x"),
            ("\"a  b\u{fffd} \"@[192.0.2.1]", "utf-8;\"a\\x{20}\\x{20}b\\x{FFFD}\\x{20}\"@[192.0.2.1]"),
            ("\"a b\"@x", "rfc822;\"a+20b\"@x"),
        ] {
            let original = OriginalRecipient::from(&address.parse::<Address>().unwrap());
            assert_eq!(original.to_string(), written);
            assert_eq!(OriginalRecipient::new(original.kind(), original.address()), Ok(original.clone()));
            assert_eq!(OriginalRecipient::read(written), Some(original));
        }
        assert_eq!(OriginalRecipient::read("utf-8;a b@x"), None);
        for bad in [
            "rfc822",
            "rfc822;",
            ";x",
            "utf-8;\\x{D800}",
            "utf-8;\\x{+41}",
            "utf-8;\\x{41",
            "utf-8;a+b",
            "rfc822;a=b",
        ] {
            assert_eq!(OriginalRecipient::read(bad), None, "{bad}");
        }
        for bits in 0..8 {
            let notify = Notify(bits);
            assert_eq!(Notify::read(&notify.to_string()), Some(notify));
        }
        assert_eq!(Notify::read("delay,Success"), Some(Notify::DELAY.and(Notify::SUCCESS)));
        assert!(["", "NEVER,DELAY", "SUCCESS,", "X"].iter().all(|bad| Notify::read(bad).is_none()));
        for by in [
            DeliverBy::new(120, ByMode::Return).unwrap().with_trace(),
            DeliverBy::new(-999_999_999, ByMode::Notify).unwrap(),
        ] {
            assert_eq!(DeliverBy::read(&by.to_string()), Some(by));
        }
        assert!(
            DeliverBy::new(0, ByMode::Return).is_err()
                && DeliverBy::new(1_000_000_000, ByMode::Notify).is_err()
        );
        for bad in ["1", "1;", ";R", "1;X", "1;RTT", "+1;R", "1234567890;N", "-;N", "0;R"] {
            assert_eq!(DeliverBy::read(bad), None, "{bad}");
        }
        for value in -9..=9 {
            let priority = Priority::new(value).unwrap();
            assert_eq!(Priority::read(&priority.to_string()), Some(priority));
        }
        assert!(Priority::new(10).is_err() && Priority::new(-10).is_err());
        assert!(["", "-", "-0", "+1", "01", "10"].iter().all(|bad| Priority::read(bad).is_none()));
        assert_eq!(Submitter::read("<>"), Some(Submitter::Unknown));
        let mailbox = Submitter::Mailbox("\"a b\"@x.org".parse().unwrap());
        assert_eq!(mailbox.to_string(), "\"a+20b\"@x.org");
        assert_eq!(Submitter::read(&mailbox.to_string()), Some(mailbox));
    }

    #[test]
    fn times_are_real_and_in_utc() {
        for good in ["2026-11-23T17:00:00Z", "2024-02-29T00:00:00Z", "2000-02-29T23:59:60Z"] {
            assert_eq!(Hold::until(good).unwrap().to_string(), format!("HOLDUNTIL={good}"));
            assert_eq!(Hold::read_time(&good.to_ascii_lowercase()), Hold::until(good).ok());
        }
        for bad in [
            "2026-11-23T17:00:00+00:00",
            "2026-11-23 17:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "",
            "2026-11-23T17:00:00Z\r\n",
        ] {
            assert!(Hold::until(bad).is_err(), "{bad}");
        }
        assert_eq!(Hold::read_seconds("60"), Hold::seconds(60).ok());
        assert!(["", "0", "+1", "-1", "1234567890"].iter().all(|bad| Hold::read_seconds(bad).is_none()));
    }
}
