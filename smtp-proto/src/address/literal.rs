//! Address literals: `[192.0.2.1]`, `[IPv6:2001:db8::1]`, `[tag:content]` (RFC 5321 section 4.1.3).

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::combinator::{all_consuming, map_opt};
use nom::sequence::{delimited, separated_pair};
use nom::{IResult, Parser};

use super::local::{ENCODED_WORD, check_characters};
use super::{AddressError, AddressPart, AddressRule};

/// Octets with the brackets; no host of an address can be longer.
const LIMIT: usize = 253;

/// The address of a host in place of its name.
///
/// ```
/// use smtp_proto::AddressLiteral;
///
/// let literal: AddressLiteral = "[ipv6:2001:DB8::0:1]".parse()?;
/// assert_eq!(literal.ip(), Some("2001:db8::1".parse().unwrap()));
/// assert_eq!(literal.to_string(), "[IPv6:2001:db8::1]");
/// # Ok::<(), smtp_proto::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressLiteral(Repr);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Ip(IpAddr),
    /// Hardly any address has one, and none is larger for it.
    General(Box<General>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct General {
    tag: String,
    content: String,
}

impl AddressLiteral {
    /// The IP address; `None` for a general literal.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.0 {
            Repr::Ip(ip) => Some(ip),
            Repr::General(_) => None,
        }
    }

    /// Tag and content of a general literal (`[tag:content]`).
    pub fn general(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Repr::Ip(_) => None,
            Repr::General(general) => Some((&general.tag, &general.content)),
        }
    }
}

impl From<IpAddr> for AddressLiteral {
    fn from(ip: IpAddr) -> Self {
        Self(Repr::Ip(ip))
    }
}

impl FromStr for AddressLiteral {
    type Err = AddressError;

    /// Parses a literal with its brackets.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_characters(text, AddressPart::Literal)?;
        let error = |rule| Err(AddressError::new(AddressPart::Literal, rule, text));
        if text.len() > LIMIT {
            return error(AddressRule::TooLong { length: text.len(), limit: LIMIT });
        }
        if let Some(at) = text.find(ENCODED_WORD) {
            return error(AddressRule::EncodedWord { at });
        }
        // The grammar would read `[2001:db8::1]`, where the tag was forgotten, as something with the tag `2001`.
        let untagged =
            text.get(1..text.len().saturating_sub(1)).and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        match literal(text) {
            Ok((_, repr)) if untagged.is_none() => Ok(Self(repr)),
            _ => error(AddressRule::LiteralSyntax),
        }
    }
}

fn literal(input: &str) -> IResult<&str, Repr> {
    let v4 = map_opt(take_while1(|c: char| c.is_ascii_digit() || c == '.'), |text: &str| {
        text.parse::<Ipv4Addr>().ok().map(|ip| Repr::Ip(ip.into()))
    });
    let label = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '-');
    // Not what ends an address or begins something else in the headers of other programs.
    let content = take_while1(|c| matches!(c, '!'..='Z' | '^'..='~') && !"<>\"(),;".contains(c));
    let tagged = map_opt(separated_pair(label, char(':'), content), |(tag, content): (&str, &str)| {
        if tag.eq_ignore_ascii_case("IPv6") {
            return content.parse::<Ipv6Addr>().ok().map(|ip| Repr::Ip(ip.into()));
        }
        let general = || General { tag: tag.into(), content: content.into() };
        (!tag.ends_with('-')).then(|| Repr::General(Box::new(general())))
    });
    all_consuming(delimited(char('['), alt((v4, tagged)), char(']'))).parse(input)
}

impl fmt::Display for AddressLiteral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Ip(IpAddr::V4(ip)) => write!(f, "[{ip}]"),
            Repr::Ip(IpAddr::V6(ip)) => write!(f, "[IPv6:{ip}]"),
            Repr::General(general) => write!(f, "[{}:{}]", general.tag, general.content),
        }
    }
}
