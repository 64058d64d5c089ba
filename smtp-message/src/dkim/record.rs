//! Key records: what a domain publishes in DNS of a key that it signs with (RFC 6376 section 3.6, RFC 8463 section 4).

use std::fmt;
use std::str::FromStr;

use super::Algorithm;
use super::der;
use super::tags::{TagError, Tags, base64, is_white_space, list, unfolded};

/// Octets of a record that is read; the longest RSA keys there are take 1,400.
const LIMIT: usize = 16 << 10;
/// Octets of a string in a TXT record (RFC 1035 section 3.3.14).
const STRING_LIMIT: usize = 255;

/// A key record.
///
/// ```
/// use smtp_message::dkim::{KeyRecord, PublicKey};
///
/// let record: KeyRecord = "v=DKIM1; k=ed25519; t=s; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".parse()?;
/// assert!(matches!(record.key, PublicKey::Ed25519(_)) && record.strict && !record.testing);
/// assert_eq!("p=".parse::<KeyRecord>()?.key, PublicKey::Revoked);
/// # Ok::<(), smtp_message::dkim::RecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The key.
    pub key: PublicKey,
    /// Whether SHA-256 may be used with it: `h=`.
    pub sha256: bool,
    /// Whether it is for mail: `s=`.
    pub email: bool,
    /// The domain is testing: `t=y`.  By the RFC this changes nothing for the receiver.
    pub testing: bool,
    /// Identities must be of the domain itself and not of one below: `t=s`.
    pub strict: bool,
    /// What the domain has to say to people: `n=`, as it is.
    pub notes: Option<String>,
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey {
    /// It is not to be trusted any more: `p=` is empty.
    Revoked,
    /// An RSA key: DER of a `SubjectPublicKeyInfo` or an `RSAPublicKey`.
    Rsa(Vec<u8>),
    /// An Ed25519 key.
    Ed25519([u8; 32]),
    /// A key of another kind, `k=`, which no signature known here goes with.
    Other {
        /// The kind.
        kind: String,
        /// What `p=` holds, decoded.
        key: Vec<u8>,
    },
}

impl PublicKey {
    /// Bits of it; `None` for what is no key, or of a kind that is not known.
    pub fn bits(&self) -> Option<usize> {
        match self {
            Self::Rsa(der) => der::rsa_public_key(der).map(|key| key.bits()),
            Self::Ed25519(_) => Some(256),
            Self::Revoked | Self::Other { .. } => None,
        }
    }

    /// Which signatures it goes with.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Rsa(_) => Some(Algorithm::RsaSha256),
            Self::Ed25519(_) => Some(Algorithm::Ed25519Sha256),
            Self::Revoked | Self::Other { .. } => None,
        }
    }
}

/// Why a text is no key record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordError {
    /// It has more than 16 KiB.
    TooLong {
        /// Its octets.
        length: usize,
    },
    /// It is no list of tags.
    Tags(TagError),
    /// `v=` is there and is not the first tag, or not `DKIM1`.
    Version,
    /// What `k=` says cannot be a kind of keys.
    Kind,
    /// There is no `p=`.
    NoKey,
    /// What `p=` says is not base64, or not a key of the kind that `k=` says.
    BadKey,
}

impl KeyRecord {
    /// A record with this key and nothing else to say.
    pub fn new(key: PublicKey) -> Self {
        Self { key, sha256: true, email: true, testing: false, strict: false, notes: None }
    }

    /// Reads a record: the strings of a TXT record, put together.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        if text.len() > LIMIT {
            return Err(RecordError::TooLong { length: text.len() });
        }
        let tags = Tags::parse(text).map_err(RecordError::Tags)?;
        if tags.get("v").is_some_and(|version| version != "DKIM1" || tags.first() != Some("v")) {
            return Err(RecordError::Version);
        }
        let has =
            |tag: &str, word: &str| tags.get(tag).is_some_and(|value| list(value).any(|item| item == word));
        let kind = tags.get("k").unwrap_or("rsa");
        if kind.is_empty() || !kind.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') {
            return Err(RecordError::Kind);
        }
        let key = unfolded(tags.get("p").ok_or(RecordError::NoKey)?);
        let octets = base64(&key).ok_or(RecordError::BadKey)?;
        let key = match kind {
            _ if key.is_empty() => PublicKey::Revoked,
            "rsa" => match der::rsa_public_key(&octets) {
                Some(_) => PublicKey::Rsa(octets),
                None => return Err(RecordError::BadKey),
            },
            "ed25519" => PublicKey::Ed25519(octets.try_into().map_err(|_| RecordError::BadKey)?),
            kind => PublicKey::Other { kind: kind.into(), key: octets },
        };
        Ok(Self {
            key,
            sha256: tags.get("h").is_none() || has("h", "sha256"),
            email: tags.get("s").is_none() || has("s", "email") || has("s", "*"),
            testing: has("t", "y"),
            strict: has("t", "s"),
            notes: tags.get("n").map(|notes| notes.replace(['\r', '\n'], "")),
        })
    }

    /// The record as strings that DNS can hold, each at most 255 octets: a TXT record has them one behind the other.
    ///
    /// ```
    /// use smtp_message::dkim::{KeyRecord, PublicKey};
    ///
    /// let record = KeyRecord::new(PublicKey::Ed25519([7; 32]));
    /// assert_eq!(record.strings(), ["v=DKIM1; k=ed25519; p=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="]);
    /// ```
    pub fn strings(&self) -> Vec<String> {
        let text = self.to_string();
        let mut strings = vec![String::new()];
        for c in text.chars() {
            if strings.last().is_some_and(|last| last.len() + c.len_utf8() > STRING_LIMIT) {
                strings.push(String::new());
            }
            if let Some(last) = strings.last_mut() {
                last.push(c);
            }
        }
        strings
    }

    /// The record as a line of a zone file, for the name that [`KeyName`](super::KeyName) prints.
    pub fn zone_line(&self, name: &str) -> String {
        let quoted = |string: &String| {
            let mut out = String::from("\"");
            for octet in string.bytes() {
                match octet {
                    b'"' | b'\\' => out.extend(['\\', char::from(octet)]),
                    b' '..=b'~' => out.push(char::from(octet)),
                    _ => out += &format!("\\{octet:03}"),
                }
            }
            out + "\""
        };
        let strings: Vec<_> = self.strings().iter().map(quoted).collect();
        format!("{name}. IN TXT ( {} )", strings.join(" "))
    }
}

impl FromStr for KeyRecord {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        Self::parse(text.as_bytes())
    }
}

/// As it is published.
impl fmt::Display for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, key) = match &self.key {
            PublicKey::Revoked => ("rsa", &[][..]),
            PublicKey::Rsa(der) => ("rsa", &der[..]),
            PublicKey::Ed25519(key) => ("ed25519", &key[..]),
            PublicKey::Other { kind, key } => (&**kind, &key[..]),
        };
        f.write_str("v=DKIM1; ")?;
        if !self.sha256 {
            f.write_str("h=sha1; ")?; // all else there is
        }
        write!(f, "k={kind}; ")?;
        if !self.email {
            f.write_str("s=other; ")?;
        }
        match (self.testing, self.strict) {
            (true, true) => f.write_str("t=y:s; ")?,
            (true, false) => f.write_str("t=y; ")?,
            (false, true) => f.write_str("t=s; ")?,
            (false, false) => {}
        }
        if let Some(notes) = &self.notes {
            f.write_str("n=")?;
            for c in notes.trim_matches(is_white_space).chars() {
                match c {
                    ';' | '\0'..='\x1f' | '\x7f' if c != '\t' => write!(f, "={:02X}", u32::from(c))?,
                    _ => write!(f, "{c}")?,
                }
            }
            f.write_str("; ")?;
        }
        write!(f, "p={}", encodify::base64::STANDARD.encode(key))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked => f.write_str("Revoked"),
            Self::Rsa(_) => write!(f, "Rsa({} bits)", self.bits().unwrap_or_default()),
            Self::Ed25519(_) => f.write_str("Ed25519"),
            Self::Other { kind, .. } => write!(f, "Other({kind:?})"),
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => write!(f, "{length} octets, at most {LIMIT} are read"),
            Self::Tags(error) => error.fmt(f),
            Self::Version => f.write_str("v= is not the first tag or not DKIM1"),
            Self::Kind => f.write_str("k= is no kind of keys"),
            Self::NoKey => f.write_str("p= is missing"),
            Self::BadKey => f.write_str("p= is no key of the kind that k= says"),
        }
    }
}

impl std::error::Error for RecordError {}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[track_caller]
    fn there_and_back(record: &KeyRecord) {
        assert_eq!(record.to_string().parse().as_ref(), Ok(record), "{record}");
        assert_eq!(record.strings().concat(), record.to_string());
        assert!(record.strings().iter().all(|string| (1..=255).contains(&string.len())));
    }

    #[test]
    fn what_a_record_says() {
        let record: KeyRecord = format!("k=ed25519 ; p={ED25519}; x=y").parse().unwrap();
        assert_eq!(record, KeyRecord::new(record.key.clone()));
        assert_eq!(record.key.bits(), Some(256));
        there_and_back(&record);
        let record: KeyRecord =
            format!("v=DKIM1;h=sha1 : sha256;s=x:*;t=s:y:z;n=a =3B b;k=ed25519;p={ED25519};")
                .parse()
                .unwrap();
        assert!(record.sha256 && record.email && record.testing && record.strict);
        assert_eq!(record.notes.as_deref(), Some("a =3B b"));
        there_and_back(&record);
        let record: KeyRecord = "h=sha1;s=tlsrpt;n=;k=x;p=aGk=".parse().unwrap();
        assert!(!record.sha256 && !record.email && !record.testing && !record.strict);
        assert_eq!(record.key, PublicKey::Other { kind: "x".into(), key: b"hi".into() });
        there_and_back(&record);
        let mut record = KeyRecord::new(PublicKey::Revoked);
        there_and_back(&record);
        record.notes = Some("a;b\r\n".into());
        assert_eq!(record.to_string(), "v=DKIM1; k=rsa; n=a=3Bb; p=");
        assert_eq!(
            KeyRecord::new(PublicKey::Other { kind: "\u{fc}\"".into(), key: Vec::new() }).zone_line("a.b"),
            "a.b. IN TXT ( \"v=DKIM1; k=\\195\\188\\\"; p=\" )"
        );
    }

    #[test]
    fn what_is_no_record() {
        let parse = |text: &str| text.parse::<KeyRecord>().unwrap_err();
        assert_eq!(parse("v=DKIM2; p="), RecordError::Version);
        assert_eq!(parse("p=; v=DKIM1"), RecordError::Version);
        assert_eq!(parse("v=DKIM1"), RecordError::NoKey);
        assert_eq!(parse("k=a b; p="), RecordError::Kind);
        assert_eq!(parse("p=a"), RecordError::BadKey);
        assert_eq!(parse("p=aGk="), RecordError::BadKey);
        assert_eq!(parse("k=ed25519; p=aGk="), RecordError::BadKey);
        assert!(matches!(parse("v=spf1 -all"), RecordError::Version | RecordError::Tags(_)));
        assert!(matches!(parse("p=;p="), RecordError::Tags(TagError::Repeated(_))));
        assert_eq!(parse(&format!("p={}", " ".repeat(LIMIT))), RecordError::TooLong { length: LIMIT + 2 });
    }
}
