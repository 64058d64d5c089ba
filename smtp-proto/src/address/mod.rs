//! Mail addresses as SMTP has them (RFC 5321 sections 4.1.2 and 4.1.3, RFC 6531 section 3.3).
//!
//! Whatever is a value of these types can go on the wire: no control character gets in, so no CR or LF comes out.
//! Domains are kept as A-labels, so only a local part can make an address need SMTPUTF8.
//!
//! Left out: display names, comments and groups, which are of the message's headers (RFC 5322); source routes.

mod domain;
mod error;
mod literal;
mod local;
pub mod syntax;

use alloc::string::String;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

pub use domain::Domain;
pub use error::{AddressError, AddressPart, AddressRule};
pub use literal::AddressLiteral;
pub use local::LocalPart;

use crate::escape::Escaped;

/// Octets of an address: a path has 256 with its angle brackets (RFC 5321 section 4.5.3.1.3).
const LIMIT: usize = 254;

/// What stands behind the `@`, or names a host elsewhere in SMTP.
///
/// ```
/// use smtp_proto::Host;
///
/// assert!(matches!("mail.example.com".parse()?, Host::Domain(_)));
/// assert!(matches!("[192.0.2.1]".parse()?, Host::Literal(_)));
/// assert!("192.0.2.1".parse::<Host>().is_err());
/// # Ok::<(), smtp_proto::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A domain name.
    Domain(Domain),
    /// An address in square brackets.
    Literal(AddressLiteral),
}

impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('[') { text.parse().map(Self::Literal) } else { text.parse().map(Self::Domain) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Literal(literal) => literal.fmt(f),
        }
    }
}

impl From<Domain> for Host {
    fn from(domain: Domain) -> Self {
        Self::Domain(domain)
    }
}

impl From<AddressLiteral> for Host {
    fn from(literal: AddressLiteral) -> Self {
        Self::Literal(literal)
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self::Literal(ip.into())
    }
}

/// A mail address: `local-part@domain`, `local-part@[literal]`, or `postmaster` alone.
///
/// Parsing is strict: no white space or angle brackets around it, no comments, no source routes.  `Display` writes it
/// as it goes on the wire, without angle brackets.
///
/// ```
/// use smtp_proto::Address;
///
/// let address: Address = "\"a@b\"@example.com".parse()?;
/// assert_eq!(address.local_part().content(), "a@b");
/// assert_eq!(address.domain().unwrap().as_str(), "example.com");
/// assert!(address.is_ascii());
/// assert!("a@b\r\nDATA@example.com".parse::<Address>().is_err());
/// # Ok::<(), smtp_proto::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: LocalPart,
    host: Option<Host>,
}

impl Address {
    /// Puts an address together.
    ///
    /// # Errors
    /// More than 254 octets.
    pub fn new(local: LocalPart, host: impl Into<Host>) -> Result<Self, AddressError> {
        let address = Self { local, host: Some(host.into()) };
        let length = written_length(&address);
        if length > LIMIT {
            let rule = AddressRule::TooLong { length, limit: LIMIT };
            return Err(AddressError::new(AddressPart::Address, rule, &alloc::format!("{address}")));
        }
        Ok(address)
    }

    /// `postmaster` without a domain, the one address that every server has (RFC 5321 section 4.5.1).
    pub fn postmaster() -> Self {
        Self { local: LocalPart::postmaster(), host: None }
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &LocalPart {
        &self.local
    }

    /// What stands behind the `@`; `None` for [`postmaster`](Self::postmaster) only.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The domain, unless it is a literal or there is none.
    pub fn domain(&self) -> Option<&Domain> {
        match &self.host {
            Some(Host::Domain(domain)) => Some(domain),
            Some(Host::Literal(_)) | None => None,
        }
    }

    /// Whether it is ASCII as it goes on the wire, so that it needs no SMTPUTF8 (RFC 6531).
    #[inline]
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    #[inline]
    fn from_str(text: &str) -> Result<Self, AddressError> {
        // Nearly all are of this kind.
        match split_simple(text) {
            Some((local, domain)) => {
                Ok(Self { local: LocalPart::simple(local), host: Some(Host::Domain(Domain::simple(domain))) })
            }
            None => Self::parse(text),
        }
    }
}

/// Local part and domain of an address of the simplest kind.
fn split_simple(text: &str) -> Option<(&str, &str)> {
    let at = local::starts_simple(text)?;
    let (local, domain) = (&text[..at], &text[at + 1..]);
    domain::is_simple(domain).then_some((local, domain))
}

impl Address {
    fn parse(text: &str) -> Result<Self, AddressError> {
        let error = |rule| Err(AddressError::new(AddressPart::Address, rule, text));
        local::check_characters(text, AddressPart::Address)?;
        if text.is_empty() {
            return error(AddressRule::Empty);
        }
        let at = if text.starts_with('"') {
            match local::quoted_string(text) {
                Some((_, "")) => return error(AddressRule::MissingAt),
                Some((_, rest)) if rest.starts_with('@') => text.len() - rest.len(),
                _ => return Err(AddressError::new(AddressPart::LocalPart, AddressRule::Quoting, text)),
            }
        } else if let Some(at) = text.find('@') {
            at
        } else if text.eq_ignore_ascii_case("postmaster") {
            return Ok(Self::postmaster());
        } else {
            return error(AddressRule::MissingAt);
        };
        let (local, host) = (&text[..at], &text[at + 1..]);
        if local.is_empty() && host.contains(':') && host.contains('@') {
            return error(AddressRule::SourceRoute);
        }
        if !host.starts_with('[') && host.contains('@') {
            return error(AddressRule::SecondAt);
        }
        Self::new(local.parse()?, host.parse::<Host>()?)
    }
}

impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local.fmt(f)?;
        match &self.host {
            Some(host) => write!(f, "@{host}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", Escaped(alloc::format!("{self}").as_bytes()))
    }
}

/// Octets that `Display` writes.
fn written_length(value: &impl fmt::Display) -> usize {
    struct Counter(usize);
    impl fmt::Write for Counter {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Counting cannot fail.
    let _ = fmt::Write::write_fmt(&mut counter, format_args!("{value}"));
    counter.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    fn parse(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    #[track_caller]
    fn refused(text: &str, part: AddressPart, rule: AddressRule) {
        let error = text.parse::<Address>().expect_err(text);
        assert_eq!((error.part(), error.rule()), (part, rule), "{text:?}: {error}");
        let line = error.to_string();
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }

    #[test]
    fn case_a1_controls_are_refused_everywhere() {
        for c in ['\r', '\n', '\0', '\t', '\x1b', '\x7f', '\u{85}', '\u{9f}', '\u{2028}', '\u{2029}'] {
            for before in ["", "a", "\"", "\"a", "\"\\", "a@", "a@b", "a@b.", "a@[", "a@[192.0.2.1", "\"a\"@"]
            {
                for after in ["", "a", "\"@x", "@x", "]", ".de", "RSET"] {
                    let text = format!("{before}{c}{after}");
                    refused(&text, AddressPart::Address, AddressRule::Control { at: before.len() });
                }
            }
            assert!(LocalPart::from_content(format!("a{c}b")).is_err());
            assert!(format!("a{c}b").parse::<LocalPart>().is_err());
            assert!(format!("a{c}b").parse::<Host>().is_err());
            assert!(format!("a{c}").parse::<Domain>().is_err());
            assert!(format!("[x:{c}]").parse::<AddressLiteral>().is_err());
        }
    }

    #[test]
    fn case_a2_what_is_legal_round_trips() {
        for text in [
            "a@[192.0.2.1]",
            "a@[IPv6:2001:db8::1]",
            "a@[x-tag:b@c!]",
            "\"a b\"@example.com",
            "\"a@b\"@example.com",
            "\"\\\"\"@example.com",
            "\"\\\\\"@example.com",
            "\"a..b\"@example.com",
            "\"\"@example.com",
            "postmaster",
            "a@localhost",
            "!#$%&'*+-/?=^_`{|}~@example.com",
            "-oQ/tmp@x",
            "ü.é@example.com",
            "a@r3---sn.example.com",
            "a@3com.com",
        ] {
            let address = parse(text);
            assert_eq!(address.to_string(), text);
            assert_eq!(parse(&address.to_string()), address);
        }
        assert_eq!(parse("\"a@b\"@example.com").local_part().content(), "a@b");
        assert_eq!(parse("POSTmaster"), Address::postmaster());
        assert_eq!(parse("\"j\\oe\"@X.org").to_string(), "joe@X.org");
        assert_eq!(parse("joe@X.org"), parse("\"joe\"@x.ORG"));
        assert_ne!(parse("joe@x.org"), parse("Joe@x.org"));
        assert_eq!(parse("a@[192.0.2.1]").host(), Some(&IpAddr::from([192, 0, 2, 1]).into()));
    }

    #[test]
    fn case_a3_errors_name_the_rule() {
        use AddressPart as P;
        use AddressRule as R;
        let (a63, a64) = ("a".repeat(63), "a".repeat(64));
        refused(&format!("{a64}a@x"), P::LocalPart, R::TooLong { length: 65, limit: 64 });
        parse(&format!("{a64}@x"));
        refused(&format!("\"{} \"@x", &a64[..62]), P::LocalPart, R::TooLong { length: 65, limit: 64 });
        // 64 + 1 + 3 * 63 = 254: the longest there is.
        let domain = format!("{a63}.{a63}.{}", &a63[..61]);
        parse(&format!("{a64}@{domain}"));
        refused(&format!("{a64}@{domain}a"), P::Address, R::TooLong { length: 255, limit: 254 });
        refused(&format!("a@{a63}.{a63}.{a63}.{a63}"), P::Domain, R::TooLong { length: 255, limit: 253 });
        refused(&format!("a@{a64}.org"), P::Domain, R::LongLabel { length: 64 });
        for text in ["a..b@x", ".a@x", "a.@x"] {
            refused(text, P::LocalPart, R::Dot);
        }
        for text in ["a@-x", "a@x-", "a@x-.org"] {
            refused(text, P::Domain, R::Hyphen);
        }
        for text in ["a@x..y", "a@x.", "a@.x", "a@."] {
            refused(text, P::Domain, R::EmptyLabel);
        }
        for text in ["a@192.0.2.1", "a@1", "a@x.0x7f", "a@0X"] {
            refused(text, P::Domain, R::Numeric);
        }
        refused("", P::Address, R::Empty);
        refused("a", P::Address, R::MissingAt);
        refused("\"a@b\"", P::Address, R::MissingAt);
        refused("\"postmaster\"", P::Address, R::MissingAt);
        refused("@x", P::LocalPart, R::Empty);
        refused("a@", P::Domain, R::Empty);
        refused("a@b@c", P::Address, R::SecondAt);
        refused("@a,@b:c@d", P::Address, R::SourceRoute);
        refused(" a@x", P::LocalPart, R::Character { at: 0 });
        refused("<a@x>", P::LocalPart, R::Character { at: 0 });
        refused("a@x ", P::Domain, R::Character { at: 1 });
        refused("a@x(y)", P::Domain, R::Character { at: 1 });
        refused("a@x_y.org", P::Domain, R::Character { at: 1 });
        for text in ["\"a@x", "\"a\\\"@x", "\"a\"b@x", "\"a\".b@x", "\"a\" @x", "\"\\ü\"@x", "\"a\"b"] {
            refused(text, P::LocalPart, R::Quoting);
        }
        refused("a.\"b\"@x", P::LocalPart, R::Character { at: 2 });
        for text in [
            "a@[",
            "a@[]",
            "a@[1.2.3]",
            "a@[1.2.3.04]",
            "a@[1.2.3.4",
            "a@[1.2.3.4].x",
            "a@[IPv6:1]",
            "a@[x-:y]",
            "a@[2001:db8::1]",
            "a@[IPv6:fe80::1%eth0]",
            "a@[x:]",
            "a@[:x]",
            "a@[x:[]",
            "a@[x:ü]",
            "a@[x:y z]",
            "a@[x:<y]",
            "a@[x:y>]",
            "a@[x:\"y]",
            "a@[x:(y)]",
            "a@[x:y,z]",
            "a@[x:y;z]",
        ] {
            refused(text, P::Literal, R::LiteralSyntax);
        }
        refused(&format!("a@[x:{}]", "y".repeat(300)), P::Literal, R::TooLong { length: 304, limit: 253 });
    }

    #[test]
    fn case_a3_what_looks_like_an_encoded_word_is_refused() {
        let word = "=?utf-8?q?a=40b.example=3E?=";
        for (text, at) in [(format!("{word}@x.org"), 0), (format!("x{word}@x.org"), 1)] {
            refused(&text, AddressPart::LocalPart, AddressRule::EncodedWord { at });
        }
        for text in [format!("\"{word}\"@x.org"), "\"=\\?a\"@x.org".into(), "\"\\=?a\"@x.org".into()] {
            refused(&text, AddressPart::LocalPart, AddressRule::EncodedWord { at: 0 });
        }
        refused(&format!("a@[x:{word}]"), AddressPart::Literal, AddressRule::EncodedWord { at: 3 });
        assert!(LocalPart::from_content(format!("a {word}")).is_err());
        for text in ["a=b@x.org", "a?=b@x.org", "\"= ?\"@x.org"] {
            parse(text);
        }
    }

    #[test]
    fn case_a7_what_is_not_seen_is_refused_in_local_parts() {
        for c in [
            '\u{a0}',
            '\u{ad}',
            '\u{61c}',
            '\u{1680}',
            '\u{180e}',
            '\u{2003}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{202f}',
            '\u{2060}',
            '\u{2066}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fffb}',
            '\u{1d173}',
            '\u{e0041}',
            '\u{e0fff}',
        ] {
            refused(&format!("a{c}b@x.org"), AddressPart::LocalPart, AddressRule::Invisible { at: 1 });
            refused(&format!("\"a{c}b\"@x.org"), AddressPart::LocalPart, AddressRule::Invisible { at: 2 });
            assert!(LocalPart::from_content(format!("a{c}b")).is_err());
        }
        let spaces =
            (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| !c.is_ascii() && c.is_whitespace());
        for c in spaces {
            assert!(LocalPart::from_content(format!("a{c}b")).is_err(), "{c:?}");
        }
    }

    #[test]
    #[cfg(feature = "idna")]
    fn case_a4_international_domains_become_a_labels() {
        let address = parse("x@münchen.de");
        assert_eq!(address.to_string(), "x@xn--mnchen-3ya.de");
        assert!(address.is_ascii() && !parse("ü@münchen.de").is_ascii());
        assert_eq!(address.domain().unwrap().to_unicode(), "münchen.de");
        assert_eq!(address, parse("x@XN--MNCHEN-3YA.de"));
        assert_eq!(parse("x@Straße.example").to_string(), "x@xn--strae-oqa.example");
    }

    #[test]
    #[cfg(feature = "idna")]
    fn case_a7_nothing_is_cut_to_a_byte_and_lookalikes_are_mapped_or_refused() {
        // The low byte of U+760A is LF, of U+010D CR, of U+0140 `@`.
        for c in ['\u{760a}', '\u{010d}', '\u{0140}', '\u{012e}'] {
            let address = parse(&format!("a{c}b@example.com"));
            assert_eq!(address.to_string(), format!("a{c}b@example.com"));
            let domain = parse(&format!("a@x{c}y.example")).to_string();
            assert!(domain.is_ascii() && domain.starts_with("a@xn--"), "{domain}");
        }
        assert_eq!(parse("a@example。com").to_string(), "a@example.com");
        assert_eq!(parse("a@ｅｘａｍｐｌｅ．com").to_string(), "a@example.com");
        refused("a＠b.com", AddressPart::Address, AddressRule::MissingAt);
        refused("a＠b@c.com", AddressPart::LocalPart, AddressRule::LookalikeAt { at: 1 });
        for text in [
            "a@b＠c.com",
            "a@b\u{2100}.com",
            "a@xn--a.com",
            // Its U-label would begin with `xn--` too.
            "a@xn--xn---n-mq3-n-mq3e",
            "a@Bücher.xn--xn---enn-mmq3n",
            "a@xn--0.com",
            "a@x\u{3000}y.com",
            "a@\u{ad}.com",
        ] {
            refused(text, AddressPart::Domain, AddressRule::Idna);
        }
        refused("a@①②⑦.⓪.⓪.①", AddressPart::Domain, AddressRule::Numeric);
        let long = format!("a@{}.com", "ü".repeat(100_000));
        refused(&long, AddressPart::Domain, AddressRule::TooLong { length: 200_004, limit: 1012 });
    }

    #[test]
    #[cfg(not(feature = "idna"))]
    fn international_domains_need_the_feature() {
        refused("a@münchen.de", AddressPart::Domain, AddressRule::NonAscii);
    }

    #[test]
    fn round_trips_over_all_short_texts() {
        // Every text of up to five of these characters: what parses is written so that it parses to the same.
        const ALPHABET: [char; 9] = ['a', '@', '"', '\\', '.', ' ', '-', '[', 'é'];
        for number in 0..9_u32.pow(5) {
            let mut rest = number;
            let mut text = String::new();
            for _ in 0..5 {
                text.push(ALPHABET[(rest % 9) as usize]);
                rest /= 9;
            }
            for text in [text.clone(), format!("\"{text}\"@x"), format!("{text}@x")] {
                if let Ok(address) = text.parse::<Address>() {
                    assert_eq!(parse(&address.to_string()), address, "{text:?}");
                }
            }
            if let Ok(local) = LocalPart::from_content(text) {
                assert_eq!(local.to_string().parse(), Ok(local));
            }
        }
    }
}
