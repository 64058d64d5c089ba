//! Why a text is not an address: which part, which rule (RFC 5321 sections 4.1.2, 4.1.3 and 4.5.3.1, RFC 1123, UTS 46).

use core::fmt;

use crate::escape::Snippet;

/// Why a text is not an address, or not the part of one that it was given as.
///
/// ```
/// use smtp_proto::Address;
/// use smtp_proto::address::{AddressPart, AddressRule};
///
/// let error = "a..b@example.com".parse::<Address>().unwrap_err();
/// assert_eq!((error.part(), error.rule()), (AddressPart::LocalPart, AddressRule::Dot));
/// assert_eq!(
///     error.to_string(),
///     "local part \"a..b\": a dot stands first, last or beside another dot outside quotes",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AddressError {
    part: AddressPart,
    rule: AddressRule,
    input: Snippet,
}

/// The part of an address that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressPart {
    /// The address as a whole.
    Address,
    /// What stands before the `@`.
    LocalPart,
    /// The domain.
    Domain,
    /// The address literal, in square brackets.
    Literal,
}

/// The rule that is broken.  Positions are octets from the start of the part's text, the first being 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressRule {
    /// It is empty.
    Empty,
    /// It has more octets than the limit.
    TooLong {
        /// Octets, as on the wire.
        length: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// It has a control character or a line separator.
    Control {
        /// Where.
        at: usize,
    },
    /// It has a character that may not stand there, such as white space or an angle bracket.
    Character {
        /// Where.
        at: usize,
    },
    /// A dot stands first, last or beside another dot, outside quotes.
    Dot,
    /// The quoted string does not follow the grammar, or something other than `@` comes after it.
    Quoting,
    /// A local part has a character that other software turns into `@` (U+FF20, U+FE6B).
    LookalikeAt {
        /// Where.
        at: usize,
    },
    /// A local part has a character that is not seen: Unicode white space, or one that is ignored or changes the
    /// direction of text.
    Invisible {
        /// Where.
        at: usize,
    },
    /// It has the beginning of an encoded word (`=?`, RFC 2047), which some programs decode before they look for the
    /// `@`.
    EncodedWord {
        /// Where, quoting not counted.
        at: usize,
    },
    /// There is no `@` outside quotes.
    MissingAt,
    /// There is a second `@` outside quotes.
    SecondAt,
    /// It is a source route (`@relay:user@host`), obsolete since RFC 1123 and not taken.
    SourceRoute,
    /// A label of the domain is empty, or a dot ends the domain.
    EmptyLabel,
    /// A label of the domain has more than 63 octets.
    LongLabel {
        /// How many it has.
        length: usize,
    },
    /// A label of the domain begins or ends with a hyphen.
    Hyphen,
    /// The last label is a number, so that programs could take the domain for an IP address.
    Numeric,
    /// The domain is not ASCII, and the feature `idna` is off.
    NonAscii,
    /// The domain cannot be turned into valid A-labels (UTS 46), or has an A-label that is not valid.
    Idna,
    /// An address literal is not `[IPv4]`, `[IPv6:...]` or `[tag:content]`.
    LiteralSyntax,
}

impl AddressError {
    pub(super) fn new(part: AddressPart, rule: AddressRule, input: &str) -> Self {
        Self { part, rule, input: Snippet::new(input.as_bytes()) }
    }

    /// Which part is wrong.
    pub fn part(&self) -> AddressPart {
        self.part
    }

    /// Which rule it breaks.
    pub fn rule(&self) -> AddressRule {
        self.rule
    }

    /// The beginning of the part's text, safe to print.
    pub fn input(&self) -> &Snippet {
        &self.input
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.part, self.input, self.rule)
    }
}

impl core::error::Error for AddressError {}

impl fmt::Display for AddressPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "address",
            Self::LocalPart => "local part",
            Self::Domain => "domain",
            Self::Literal => "address literal",
        })
    }
}

impl fmt::Display for AddressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::TooLong { length, limit } => {
                return write!(f, "{length} octets, at most {limit} are allowed");
            }
            Self::Control { at } => return write!(f, "control character at octet {at}"),
            Self::Character { at } => return write!(f, "character that is not allowed, at octet {at}"),
            Self::Dot => "a dot stands first, last or beside another dot outside quotes",
            Self::Quoting => "the quoted string is not well-formed or not followed by @",
            Self::LookalikeAt { at } => return write!(f, "look-alike of @ at octet {at}"),
            Self::Invisible { at } => return write!(f, "character that is not seen at octet {at}"),
            Self::EncodedWord { at } => return write!(f, "beginning of an encoded word at octet {at}"),
            Self::MissingAt => "there is no @",
            Self::SecondAt => "there is a second @ outside quotes",
            Self::SourceRoute => "source routes are not supported",
            Self::EmptyLabel => "a label is empty",
            Self::LongLabel { length } => {
                return write!(f, "a label has {length} octets, at most 63 are allowed");
            }
            Self::Hyphen => "a label begins or ends with a hyphen",
            Self::Numeric => "the last label is a number (an IP address belongs in square brackets)",
            Self::NonAscii => "it is not ASCII, and support for international domains is not built in",
            Self::Idna => "it has no valid A-label form (UTS 46)",
            Self::LiteralSyntax => "not an IPv4 address, IPv6:address or tag:content in square brackets",
        })
    }
}
