//! What a `DKIM-Signature` field says (RFC 6376 section 3.5, RFC 8616 section 4).

use std::fmt;

use smtp_proto::Domain;
use smtp_proto::escape::Snippet;

use super::tags::{TagError, Tags, base64, is_white_space, list, unfolded};
use super::{Algorithm, Canon, Canonicalization};

/// The name of the field.
pub(super) const NAME: &str = "DKIM-Signature";
/// What is between a selector and a domain.
const UNDER: &str = "._domainkey.";
/// Octets of a name in DNS, written without the root.
const NAME_LIMIT: usize = 253;

/// Names of signed fields that are read; a message with more than a few dozen is unheard of.
pub(super) const HEADERS_LIMIT: usize = 1000;

/// A signature as its field has it; whether it is a good one is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// `a=`
    pub algorithm: Algorithm,
    /// `c=`
    pub canonicalization: Canonicalization,
    /// `d=`: who takes the responsibility; an international name as A-labels.
    pub domain: Domain,
    /// `s=`, and `d=` with it: where the key is.
    pub key_name: KeyName,
    /// `i=`: for whom, `@` and the domain if it is not said.
    pub identity: String,
    /// `h=`: the names of the fields that are signed, as they are written there.
    pub headers: Vec<String>,
    /// `bh=`
    pub body_hash: [u8; 32],
    /// `l=`: so many octets of the canonical body are signed, and others can be added behind them.
    pub body_length: Option<u64>,
    /// `t=`: when it was made, in seconds since 1970-01-01 00:00 UTC.
    pub time: Option<u64>,
    /// `x=`: when it ends, in the same way.
    pub expires: Option<u64>,
    /// `b=`
    pub signature: Vec<u8>,
}

/// The name at which the record of a key is: `SELECTOR._domainkey.DOMAIN`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName {
    name: String,
    selector: usize,
}

impl KeyName {
    /// The name for a selector, which may be international (RFC 8616 section 4) if the feature `idna` is on, and a domain;
    /// `None` if the selector is not letters, digits, hyphens and underscores with dots between, or all is too long for DNS.
    pub fn new(selector: &str, domain: &Domain) -> Option<Self> {
        let mut name = String::with_capacity(selector.len() + UNDER.len() + domain.as_str().len());
        for (i, label) in selector.split('.').enumerate() {
            if i > 0 {
                name.push('.');
            }
            if label.is_ascii() {
                name.push_str(label);
            } else {
                name.push_str(label.parse::<Domain>().ok()?.as_str());
            }
        }
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
        };
        if !name.split('.').all(label) {
            return None;
        }
        let selector = name.len();
        name.push_str(UNDER);
        name.push_str(domain.as_str());
        name.make_ascii_lowercase();
        (name.len() <= NAME_LIMIT).then_some(Self { name, selector })
    }

    /// The name, in lower case and without a dot at its end, of which a TXT record is wanted.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The selector, an international one as A-labels.
    pub fn selector(&self) -> &str {
        self.name.get(..self.selector).unwrap_or_default()
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Why a `DKIM-Signature` field is no signature that can be verified (RFC 6376 section 6.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureError {
    /// It is no list of tags.
    Tags(TagError),
    /// A tag that has to be there is not.
    Missing(&'static str),
    /// It is of another version than 1.
    Version,
    /// The algorithm is not known, or one that is not to be believed any more: `rsa-sha1` (RFC 8301 section 3.1).
    Algorithm(Snippet),
    /// The value of a tag is not what it has to be.
    Value(&'static str),
    /// The key is to be found in a way that is not known: `q=`.
    Query,
    /// The identity is of another domain than the one that signs.
    DomainMismatch,
    /// `From` is not among the fields that are signed.
    FromNotSigned,
    /// It ends before it begins.
    Expiry,
}

impl Signature {
    /// Reads the value of a field, which may be folded.
    ///
    /// ```
    /// use smtp_message::dkim::{Signature, SignatureError};
    ///
    /// let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    /// let field = format!("v=1; a=ed25519-sha256; d=example.com; s=a;\r\n h=From:To; bh={hash}; b=aGk=");
    /// let signature = Signature::parse(field.as_bytes())?;
    /// assert_eq!(signature.key_name.as_str(), "a._domainkey.example.com");
    /// assert_eq!(signature.identity, "@example.com");
    /// assert_eq!(Signature::parse(b"v=1").unwrap_err(), SignatureError::Missing("a"));
    /// # Ok::<(), SignatureError>(())
    /// ```
    ///
    /// # Errors
    /// Why it cannot be verified.
    pub fn parse(value: &[u8]) -> Result<Self, SignatureError> {
        let tags = Tags::parse(value).map_err(SignatureError::Tags)?;
        let need = |name| tags.get(name).ok_or(SignatureError::Missing(name));
        if need("v")? != "1" {
            return Err(SignatureError::Version);
        }
        let algorithm = match need("a")? {
            "rsa-sha256" => Algorithm::RsaSha256,
            "ed25519-sha256" => Algorithm::Ed25519Sha256,
            other => return Err(SignatureError::Algorithm(Snippet::new(other.as_bytes()))),
        };
        let wrong = SignatureError::Value;
        let signature = base64(need("b")?).filter(|octets| !octets.is_empty()).ok_or(wrong("b"))?;
        let body_hash = base64(need("bh")?).and_then(|hash| hash.try_into().ok()).ok_or(wrong("bh"))?;
        let domain: Domain = need("d")?.parse().map_err(|_| wrong("d"))?;
        let headers: Vec<_> = list(need("h")?).take(HEADERS_LIMIT + 1).map(str::to_owned).collect();
        let is_name = |name: &String| !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic());
        if headers.len() > HEADERS_LIMIT || !headers.iter().all(is_name) {
            return Err(wrong("h"));
        }
        let key_name = KeyName::new(need("s")?, &domain).ok_or(wrong("s"))?;
        if !headers.iter().any(|name| name.eq_ignore_ascii_case("From")) {
            return Err(SignatureError::FromNotSigned);
        }
        let identity = match tags.get("i") {
            None => format!("@{domain}"),
            Some(value) => {
                let identity = quoted_printable(value).ok_or(wrong("i"))?;
                let (_, host) = identity.rsplit_once('@').ok_or(wrong("i"))?;
                let host: Domain = host.parse().map_err(|_| wrong("i"))?;
                if !is_within(&host, &domain) {
                    return Err(SignatureError::DomainMismatch);
                }
                identity
            }
        };
        if tags.get("q").is_some_and(|value| list(value).all(|method| method != "dns/txt")) {
            return Err(SignatureError::Query);
        }
        let number = |name, digits| match tags.get(name) {
            None => Ok(None),
            Some(value)
                if (1..=digits).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit()) =>
            {
                // More than fits is longer than any body.
                Ok(Some(value.parse().unwrap_or(u64::MAX)))
            }
            Some(_) => Err(wrong(name)),
        };
        let (time, expires) = (number("t", 12)?, number("x", 12)?);
        if time.zip(expires).is_some_and(|(time, expires)| expires < time) {
            return Err(SignatureError::Expiry);
        }
        Ok(Self {
            algorithm,
            canonicalization: canonicalization(tags.get("c")).ok_or(wrong("c"))?,
            domain,
            key_name,
            identity,
            headers,
            body_hash,
            body_length: number("l", 76)?,
            time,
            expires,
            signature,
        })
    }

    /// Whether the identity is of the domain that signs, not of one below it.
    pub(super) fn is_exact(&self) -> bool {
        let host = self.identity.rsplit_once('@').map(|(_, host)| host.parse::<Domain>());
        matches!(host, Some(Ok(host)) if host == self.domain)
    }
}

fn canonicalization(value: Option<&str>) -> Option<Canonicalization> {
    let canon = |word: &str| match word {
        "simple" => Some(Canon::Simple),
        "relaxed" => Some(Canon::Relaxed),
        _ => None,
    };
    let Some(value) = value else { return Some(Canonicalization::SIMPLE) };
    let (header, body) = value.split_once('/').unwrap_or((value, "simple"));
    Some(Canonicalization { header: canon(header)?, body: canon(body)? })
}

/// Whether a domain is another one, or below it.
pub(super) fn is_within(domain: &Domain, other: &Domain) -> bool {
    let (below, above) = (domain.as_str().as_bytes(), other.as_str().as_bytes());
    let Some(rest) = below.len().checked_sub(above.len()) else { return false };
    below[rest..].eq_ignore_ascii_case(above) && (rest == 0 || below[rest - 1] == b'.')
}

/// Decodes what RFC 6376 section 2.11 makes of text.
fn quoted_printable(value: &str) -> Option<String> {
    let value = unfolded(value);
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        if octet != b'=' {
            out.push(octet);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind;
    }
    String::from_utf8(out).ok().filter(|text| !text.contains(char::is_control))
}

/// A `DKIM-Signature` field without what its tag `b=` says, as it is hashed (RFC 6376 section 3.7).
pub(super) fn without_signature(field: &[u8]) -> Vec<u8> {
    let colon = field.iter().position(|&octet| octet == b':').map_or(field.len(), |at| at + 1);
    let mut out = field[..colon].to_vec();
    for (i, spec) in field[colon..].split(|&octet| octet == b';').enumerate() {
        if i > 0 {
            out.push(b';');
        }
        let equals = spec.iter().position(|&octet| octet == b'=');
        match equals {
            Some(at) if trim(&spec[..at]) == b"b" => out.extend_from_slice(&spec[..=at]),
            _ => out.extend_from_slice(spec),
        }
    }
    out
}

fn trim(mut octets: &[u8]) -> &[u8] {
    let white = |octet: &u8| is_white_space(char::from(*octet));
    while let Some((first, rest)) = octets.split_first()
        && white(first)
    {
        octets = rest;
    }
    while let Some((last, rest)) = octets.split_last()
        && white(last)
    {
        octets = rest;
    }
    octets
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags(error) => error.fmt(f),
            Self::Missing(tag) => write!(f, "{tag}= is missing"),
            Self::Version => f.write_str("the version is not 1"),
            Self::Algorithm(name) => write!(f, "the algorithm is not to be verified: {name}"),
            Self::Value(tag) => write!(f, "{tag}= has a value that it cannot have"),
            Self::Query => f.write_str("q= has no way to the key that is known"),
            Self::DomainMismatch => f.write_str("the identity is of another domain"),
            Self::FromNotSigned => f.write_str("From is not signed"),
            Self::Expiry => f.write_str("it ends before it begins"),
        }
    }
}

impl std::error::Error for SignatureError {}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn parse(more: &str) -> Result<Signature, SignatureError> {
        let known = [
            ("v", "1"),
            ("a", "rsa-sha256"),
            ("d", "example.com"),
            ("s", "sel"),
            ("h", "From"),
            ("bh", HASH),
            ("b", "aGk="),
        ];
        let given = |name: &str| more.split(';').any(|spec| spec.trim().starts_with(&format!("{name}=")));
        let rest =
            known.iter().filter(|(name, _)| !given(name)).map(|(name, value)| format!("{name}={value}"));
        let text = rest.chain([more.to_owned()]).collect::<Vec<_>>().join(";");
        Signature::parse(text.as_bytes())
    }

    #[test]
    fn what_a_signature_says() {
        let signature =
            parse("c=relaxed;i=a=40b=3D@sub.EXAMPLE.com;q=x:dns/txt;l=12;t=1;x=2;h=to :\r\n from;z=y;")
                .unwrap();
        assert_eq!(signature.canonicalization.to_string(), "relaxed/simple");
        assert_eq!(signature.identity, "a@b=@sub.EXAMPLE.com");
        assert_eq!(signature.headers, ["to", "from"]);
        assert_eq!((signature.body_length, signature.time, signature.expires), (Some(12), Some(1), Some(2)));
        assert!(!signature.is_exact());
        let signature = parse("d=Example.COM;s=a.B_1").unwrap();
        assert_eq!(signature.canonicalization, Canonicalization::SIMPLE);
        assert_eq!(signature.key_name.as_str(), "a.b_1._domainkey.example.com");
        assert_eq!(signature.key_name.selector(), "a.b_1");
        assert!(signature.is_exact());
        let huge = "9".repeat(76);
        assert_eq!(parse(&format!("l={huge}")).unwrap().body_length, Some(u64::MAX));
        #[cfg(feature = "idna")]
        for (tags, name) in [
            ("d=münchen.de", "sel._domainkey.xn--mnchen-3ya.de"),
            ("s=münchen", "xn--mnchen-3ya._domainkey.example.com"),
            ("s=a_1.MÜNCHEN.b", "a_1.xn--mnchen-3ya.b._domainkey.example.com"),
        ] {
            assert_eq!(parse(tags).unwrap().key_name.as_str(), name);
        }
        #[cfg(feature = "idna")]
        assert_eq!(parse("s=a.münchen").unwrap().key_name.selector(), "a.xn--mnchen-3ya");
    }

    #[test]
    fn what_cannot_be_verified() {
        use SignatureError::{DomainMismatch, Expiry, FromNotSigned, Missing, Query, Value, Version};
        for name in ["v", "a", "b", "bh", "d", "h", "s"] {
            let text = format!("v=1; a=rsa-sha256; d=example.com; s=sel; h=From; bh={HASH}; b=aGk=");
            let without: Vec<_> =
                text.split("; ").filter(|spec| !spec.starts_with(&format!("{name}="))).collect();
            assert_eq!(Signature::parse(without.join(";").as_bytes()), Err(Missing(name)));
        }
        for (more, error) in [
            ("v=2", Version),
            ("a=rsa-sha1", SignatureError::Algorithm(Snippet::new(b"rsa-sha1"))),
            ("b=", Value("b")),
            ("b=a", Value("b")),
            ("bh=aGk=", Value("bh")),
            ("d=", Value("d")),
            ("d=a..b", Value("d")),
            ("h=From:", Value("h")),
            ("h=From:a b", Value("h")),
            ("h=To", FromNotSigned),
            (&format!("h=From{}", ":a".repeat(1000)), Value("h")),
            ("s=", Value("s")),
            ("s=a..b", Value("s")),
            ("s=a b", Value("s")),
            ("s=a.ü b", Value("s")),
            ("s=ü\u{2003}", Value("s")),
            (&format!("s={}", "a.".repeat(120) + "a"), Value("s")),
            ("i=@other.com", DomainMismatch),
            ("i=@badexample.com", DomainMismatch),
            ("i=a", Value("i")),
            ("i=a=4@example.com", Value("i")),
            ("q=dns", Query),
            ("c=nowsp", Value("c")),
            ("c=relaxed/", Value("c")),
            ("l=-1", Value("l")),
            ("l=", Value("l")),
            ("t=1234567890123", Value("t")),
            ("x=x", Value("x")),
            ("t=2;x=1", Expiry),
        ] {
            assert_eq!(parse(more), Err(error), "{more}");
        }
        assert!(matches!(parse("a"), Err(SignatureError::Tags(_))));
    }

    #[test]
    fn the_signature_is_taken_out_of_its_field() {
        for (field, without) in [
            ("DKIM-Signature: v=1; b=aGk=", "DKIM-Signature: v=1; b="),
            ("D:b=\r\n a\r\n b ; bh=c=; h=b", "D:b=; bh=c=; h=b"),
            ("D: bh=b=; \r\n\tb\t= \r\n x \r\n ;", "D: bh=b=; \r\n\tb\t=;"),
            ("D: b", "D: b"),
            ("D", "D"),
            ("", ""),
        ] {
            assert_eq!(without_signature(field.as_bytes()), without.as_bytes(), "{field:?}");
        }
    }
}
