//! Domains: letters, digits and hyphens (RFC 5321 section 4.1.2, RFC 1123 section 2.1), international ones as A-labels
//! (RFC 5890 through UTS 46).
//!
//! Left out: names that DNS allows and mail does not (underscores, a final dot).

use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use compact_str::CompactString;

use super::local::check_characters;
use super::{AddressError, AddressPart, AddressRule};

/// Octets of a domain: 255 in a DNS message are 253 when written without the root.
const LIMIT: usize = 253;
/// Octets of a label (RFC 1035 section 2.3.4).
const LABEL_LIMIT: usize = 63;

/// A domain name in ASCII, as it goes on the wire and into DNS.
///
/// Comparing, ordering and hashing ignore ASCII case; what was given in ASCII keeps its case.
///
/// ```
/// use smtp_proto::Domain;
///
/// let domain: Domain = "Example.COM".parse()?;
/// assert_eq!(domain.as_str(), "Example.COM");
/// assert_eq!(domain, "example.com".parse()?);
/// # #[cfg(feature = "idna")]
/// assert_eq!("München.de".parse::<Domain>()?.as_str(), "xn--mnchen-3ya.de");
/// # Ok::<(), smtp_proto::AddressError>(())
/// ```
#[derive(Clone)]
pub struct Domain(CompactString);

impl Domain {
    /// The name in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its labels, the leftmost first.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// Takes what [`is_simple`] has looked at.
    #[inline]
    pub(super) fn simple(name: &str) -> Self {
        Self(CompactString::new(name))
    }

    pub(super) fn from_ascii(name: &str) -> Result<Self, AddressRule> {
        if is_simple(name) {
            return Ok(Self::simple(name));
        }
        check_ldh(name)?;
        let domain = Self(name.into());
        #[cfg(feature = "idna")]
        if domain.labels().any(|label| label.get(..4).is_some_and(|tag| tag.eq_ignore_ascii_case("xn--"))) {
            to_a_labels(&domain.0)?;
            // There and back: a U-label may not look like an A-label itself, which the way there does not check.
            to_a_labels(&domain.to_unicode())?;
        }
        Ok(domain)
    }

    /// The name for people to read, with U-labels in place of A-labels.
    ///
    /// Names of different characters can look alike: decide nothing by what this returns.
    #[cfg(feature = "idna")]
    pub fn to_unicode(&self) -> String {
        use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
        match Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast) {
            (name, Ok(())) => name.into_owned(),
            // Cannot happen to a checked name; if it does, the ASCII form is right too.
            (_, Err(_)) => self.as_str().into(),
        }
    }
}

impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_characters(text, AddressPart::Domain)?;
        let domain = match text.is_ascii() {
            true => Self::from_ascii(text),
            false => to_a_labels(text).and_then(|name| Self::from_ascii(&name)),
        };
        domain.map_err(|rule| AddressError::new(AddressPart::Domain, rule, text))
    }
}

#[cfg(feature = "idna")]
fn to_a_labels(text: &str) -> Result<String, AddressRule> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
    // Longer names have no valid form, or are padded with characters that are mapped to nothing.
    const MAX_INPUT: usize = 4 * LIMIT;
    if text.len() > MAX_INPUT {
        return Err(AddressRule::TooLong { length: text.len(), limit: MAX_INPUT });
    }
    Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map(alloc::borrow::Cow::into_owned)
        .map_err(|_| AddressRule::Idna)
}

#[cfg(not(feature = "idna"))]
fn to_a_labels(_: &str) -> Result<String, AddressRule> {
    Err(AddressRule::NonAscii)
}

/// Whether it is a name of the kind that nearly all are, found out in one pass: not longer than a label may be, letters and
/// digits with single dots and hyphens between them, the last a letter.
pub(super) fn is_simple(name: &str) -> bool {
    if name.len() > LABEL_LIMIT {
        return false;
    }
    let (mut before, mut wrong) = (ANY | SEPARATOR, 0);
    for b in name.bytes() {
        let class = CLASSES[usize::from(b)];
        wrong |= before & (class >> 4);
        before = class;
    }
    wrong == 0 && before & LETTER != 0
}

const ANY: u8 = 1;
const SEPARATOR: u8 = 2;
const ZERO: u8 = 4;
const LETTER: u8 = 8;

/// What an octet of a simple name is, and in the upper half what may not stand before it.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = 0_u8;
    loop {
        classes[b as usize] = match b {
            // A-labels have two hyphens in a row.
            b'.' | b'-' => ANY | SEPARATOR | SEPARATOR << 4,
            b'0' => ANY | ZERO,
            b'1'..=b'9' => ANY,
            // It may be a number.
            b'x' | b'X' => ANY | LETTER | ZERO << 4,
            b'a'..=b'z' | b'A'..=b'Z' => ANY | LETTER,
            _ => ANY << 4,
        };
        match b.checked_add(1) {
            Some(next) => b = next,
            None => break classes,
        }
    }
};

fn check_ldh(name: &str) -> Result<(), AddressRule> {
    if name.is_empty() {
        return Err(AddressRule::Empty);
    }
    if let Some(at) = name.bytes().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'.')) {
        return Err(AddressRule::Character { at });
    }
    if name.len() > LIMIT {
        return Err(AddressRule::TooLong { length: name.len(), limit: LIMIT });
    }
    let mut last = "";
    for label in name.split('.') {
        if label.is_empty() {
            return Err(AddressRule::EmptyLabel);
        }
        if label.len() > LABEL_LIMIT {
            return Err(AddressRule::LongLabel { length: label.len() });
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(AddressRule::Hyphen);
        }
        last = label;
    }
    // Name lookups of operating systems take such names for IPv4 addresses, in decimal, octal or hexadecimal.
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    if last.bytes().all(|b| b.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Err(AddressRule::Numeric);
    }
    Ok(())
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({:?})", self.0)
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Domain {}

impl Hash for Domain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        // No name has this byte, so that one name's hash does not run into the next field's.
        state.write_u8(0xff);
    }
}

impl Ord for Domain {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.0.bytes(), other.0.bytes());
        a.map(|b| b.to_ascii_lowercase()).cmp(b.map(|b| b.to_ascii_lowercase()))
    }
}

impl PartialOrd for Domain {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_short_way_takes_no_more_than_the_long_one() {
        // All names of six of these, and some at the limits.
        const PIECES: [&str; 8] = ["a", "x", "n", "0", "-", ".", "_", "\u{e9}"];
        let mut names: Vec<String> = (0..8_usize.pow(6))
            .map(|number| (0..6).map(|i| PIECES[(number >> (3 * i)) % 8]).collect())
            .collect();
        names.extend([63, 64].map(|n| "a".repeat(n)));
        names.extend([63, 64].map(|n| alloc::format!("{}{}", "a.".repeat(95), "b".repeat(n))));
        names.extend(["0x1", "a.0X1", "xn--a", "1.2.3.4", "a.1", "1a"].map(String::from));
        for name in names.iter().filter(|name| is_simple(name)) {
            assert_eq!(check_ldh(name), Ok(()), "{name}");
            assert!(!name.split('.').any(|label| label.to_ascii_lowercase().starts_with("xn--")), "{name}");
        }
        let longest = "a".repeat(63);
        for name in ["example.com", "A.b-c.d1.Z", "x", "1and1.example", &longest] {
            assert!(is_simple(name), "{name}");
        }
    }
}
