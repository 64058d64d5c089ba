//! TLSA records, as DANE for SMTP uses them (RFC 6698, RFC 7671, RFC 7672).
//!
//! What a record says, whether it is of any use, and its presentation form (RFC 6698 section 2.2) with the mnemonics of
//! RFC 7218.  Whether the answer that held it was secure is the business of whoever asked.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// A TLSA record: what a server's certificate, or an authority above it, must be.
///
/// The first three fields are numbers as in DNS, for there may be others than those that are known here.
///
/// ```
/// use smtp_proto::tls::{Tlsa, Unusable};
///
/// let text = "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let record: Tlsa = text.parse()?;
/// assert_eq!((record.usage, record.selector, record.matching), (3, 1, 1));
/// assert_eq!((record.data.len(), record.unusable()), (32, None));
/// assert_eq!(record.to_string(), text);
///
/// // Public authorities protect nothing here: whoever can change the MX can have their certificates too.
/// let pkix = Tlsa { usage: 1, ..record };
/// assert_eq!(pkix.unusable(), Some(Unusable::Usage));
/// # Ok::<(), smtp_proto::tls::TlsaError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// What the record is about: 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE (RFC 6698 section 2.1.1).
    pub usage: u8,
    /// What of the certificate is compared: 0 all of it, 1 its `SubjectPublicKeyInfo` (section 2.1.2).
    pub selector: u8,
    /// How: 0 as it is, 1 by SHA-256, 2 by SHA-512 (section 2.1.3).
    pub matching: u8,
    /// What it is compared with.
    pub data: Vec<u8>,
}

pub(super) const DANE_TA: u8 = 2;
pub(super) const DANE_EE: u8 = 3;
pub(super) const CERTIFICATE: u8 = 0;
pub(super) const PUBLIC_KEY: u8 = 1;
pub(super) const EXACT: u8 = 0;
pub(super) const SHA_256: u8 = 1;
pub(super) const SHA_512: u8 = 2;

impl Tlsa {
    /// A record from the fields that DNS has.
    pub fn new(usage: u8, selector: u8, matching: u8, data: impl Into<Vec<u8>>) -> Self {
        Self { usage, selector, matching, data: data.into() }
    }

    /// Why SMTP cannot use the record (RFC 7672 section 3.1); `None` if it can.
    pub fn unusable(&self) -> Option<Unusable> {
        if !matches!(self.usage, DANE_TA | DANE_EE) {
            return Some(Unusable::Usage);
        }
        if !matches!(self.selector, CERTIFICATE | PUBLIC_KEY) {
            return Some(Unusable::Selector);
        }
        let well_formed = match self.matching {
            EXACT => is_der_sequence(&self.data),
            SHA_256 => self.data.len() == 32,
            SHA_512 => self.data.len() == 64,
            _ => return Some(Unusable::MatchingType),
        };
        if well_formed { None } else { Some(Unusable::Data) }
    }

    /// The records out of `records` that count: those that SMTP can use, and of digests of the same thing only the
    /// strongest kind that was published (RFC 7671 section 9).
    ///
    /// If there is none, TLS is required but authenticates nobody (RFC 7672 section 2.2).
    pub fn usable(records: &[Self]) -> impl Iterator<Item = &Self> {
        let kind = |record: &Self| (usize::from(record.usage == DANE_EE), usize::from(record.selector));
        let mut has_sha_512 = [[false; 2]; 2];
        for record in records.iter().filter(|record| record.unusable().is_none()) {
            let (usage, selector) = kind(record);
            has_sha_512[usage][selector] |= record.matching == SHA_512;
        }
        records.iter().filter(move |record| record.unusable().is_none()).filter(move |record| {
            let (usage, selector) = kind(record);
            record.matching != SHA_256 || !has_sha_512[usage][selector]
        })
    }
}

/// Whether it is one DER SEQUENCE and nothing else, as certificates and public keys are.
fn is_der_sequence(data: &[u8]) -> bool {
    let (len, rest) = match data {
        [0x30, len @ 0..=0x7f, rest @ ..] => (usize::from(*len), rest),
        [0x30, 0x81, len @ 0x80..=0xff, rest @ ..] => (usize::from(*len), rest),
        [0x30, 0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        _ => return false,
    };
    rest.len() == len
}

/// Why SMTP cannot use a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unusable {
    /// The usage is PKIX-TA, PKIX-EE (RFC 7672 section 3.1.3) or not known.
    Usage,
    /// The selector is not known.
    Selector,
    /// The matching type is not known.
    MatchingType,
    /// The data is not as long as the digest, or neither certificate nor public key.
    Data,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usage => "its usage is neither DANE-TA nor DANE-EE",
            Self::Selector => "its selector is not known",
            Self::MatchingType => "its matching type is not known",
            Self::Data => "its data is not what it should be",
        })
    }
}

/// In presentation form, with numbers.
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.usage,
            self.selector,
            self.matching,
            HEXLOWER.encode_display(&self.data)
        )
    }
}

/// In presentation form.
impl fmt::Debug for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tlsa({self})")
    }
}

/// From the presentation form: numbers or mnemonics (RFC 7218), then the data in hex, in which there may be spaces.
impl FromStr for Tlsa {
    type Err = TlsaError;

    fn from_str(text: &str) -> Result<Self, TlsaError> {
        let mut words = text.split_ascii_whitespace();
        let mut number = |field, mnemonics: &[(&str, u8)]| {
            let word = words.next().ok_or(TlsaError::Missing(field))?;
            let known = mnemonics.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            match known {
                Some((_, value)) => Ok(*value),
                None if word.bytes().all(|b| b.is_ascii_digit()) => {
                    word.parse().map_err(|_| TlsaError::Number(field))
                }
                None => Err(TlsaError::Number(field)),
            }
        };
        let usage = number(
            TlsaField::Usage,
            &[("PKIX-TA", 0), ("PKIX-EE", 1), ("DANE-TA", DANE_TA), ("DANE-EE", DANE_EE), ("PrivCert", 255)],
        )?;
        let selector =
            number(TlsaField::Selector, &[("Cert", CERTIFICATE), ("SPKI", PUBLIC_KEY), ("PrivSel", 255)])?;
        let matching = number(
            TlsaField::MatchingType,
            &[("Full", EXACT), ("SHA2-256", SHA_256), ("SHA2-512", SHA_512), ("PrivMatch", 255)],
        )?;
        let hex: String = words.collect();
        if hex.is_empty() {
            return Err(TlsaError::Missing(TlsaField::Data));
        }
        let data = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| TlsaError::Hex)?;
        Ok(Self { usage, selector, matching, data })
    }
}

/// A field of a TLSA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsaField {
    /// What the record is about.
    Usage,
    /// What of the certificate is compared.
    Selector,
    /// How it is compared.
    MatchingType,
    /// With what.
    Data,
}

impl fmt::Display for TlsaField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usage => "certificate usage",
            Self::Selector => "selector",
            Self::MatchingType => "matching type",
            Self::Data => "certificate association data",
        })
    }
}

/// Why a text is no TLSA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsaError {
    /// It ends before this field.
    Missing(TlsaField),
    /// This field is neither a number from 0 to 255 nor a mnemonic.
    Number(TlsaField),
    /// The data is not in hex, or ends in half an octet.
    Hex,
}

impl fmt::Display for TlsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => write!(f, "the TLSA record has no {field}"),
            Self::Number(field) => write!(f, "the {field} of the TLSA record is neither number nor mnemonic"),
            Self::Hex => f.write_str("the data of the TLSA record is not in hex"),
        }
    }
}

impl core::error::Error for TlsaError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn presentation_form() {
        let parsed = |text: &str| text.parse::<Tlsa>();
        let record = Tlsa::new(3, 1, 1, [0xab, 0xcd]);
        assert_eq!(parsed("3 1 1 abcd"), Ok(record.clone()));
        assert_eq!(parsed("\t3  1 1 aB\n C D "), Ok(record.clone()));
        assert_eq!(parsed("DANE-EE SPKI SHA2-256 ABCD"), Ok(record.clone()));
        assert_eq!(parsed("dane-ta cert sha2-512 00"), Ok(Tlsa::new(2, 0, 2, [0])));
        assert_eq!(parsed("255 privsel 0 00"), Ok(Tlsa::new(255, 255, 0, [0])));
        assert_eq!(format!("{record:?}"), "Tlsa(3 1 1 abcd)");

        use TlsaField::{Data, MatchingType, Selector, Usage};
        assert_eq!(parsed(""), Err(TlsaError::Missing(Usage)));
        assert_eq!(parsed("3"), Err(TlsaError::Missing(Selector)));
        assert_eq!(parsed("3 1"), Err(TlsaError::Missing(MatchingType)));
        assert_eq!(parsed("3 1 1 "), Err(TlsaError::Missing(Data)));
        assert_eq!(parsed("SPKI 1 1 ab"), Err(TlsaError::Number(Usage)));
        assert_eq!(parsed("3 256 1 ab"), Err(TlsaError::Number(Selector)));
        assert_eq!(parsed("3 1 +1 ab"), Err(TlsaError::Number(MatchingType)));
        for data in ["a", "abc", "ag", "0xab", "ab:cd", "äb"] {
            assert_eq!(parsed(&format!("3 1 1 {data}")), Err(TlsaError::Hex), "{data}");
        }
    }

    #[test]
    fn every_record_comes_back_from_its_text() {
        for (numbers, data) in [((0, 0, 0), vec![]), ((3, 1, 1), vec![0; 32]), ((255, 7, 9), vec![0xfe, 1])] {
            let record = Tlsa::new(numbers.0, numbers.1, numbers.2, data);
            let back = record.to_string().parse::<Tlsa>();
            match record.data.is_empty() {
                true => assert_eq!(back, Err(TlsaError::Missing(TlsaField::Data))),
                false => assert_eq!(back, Ok(record)),
            }
        }
    }

    #[test]
    fn case_d5_which_records_are_usable() {
        let why =
            |usage, selector, matching, len| Tlsa::new(usage, selector, matching, vec![0; len]).unusable();
        for usage in [2, 3] {
            for selector in [0, 1] {
                assert_eq!(why(usage, selector, 1, 32), None);
                assert_eq!(why(usage, selector, 2, 64), None);
            }
        }
        for usage in [0, 1, 4, 255] {
            assert_eq!(why(usage, 1, 1, 32), Some(Unusable::Usage));
        }
        assert_eq!(why(3, 2, 1, 32), Some(Unusable::Selector));
        assert_eq!(why(3, 1, 3, 32), Some(Unusable::MatchingType));
        for (matching, len) in [(1, 0), (1, 31), (1, 33), (1, 64), (2, 32), (2, 63), (0, 0), (0, 32)] {
            assert_eq!(why(3, 1, matching, len), Some(Unusable::Data), "{matching} {len}");
        }
    }

    #[test]
    fn whole_certificates_have_the_shape_of_der() {
        for ok in [&[0x30, 0][..], &[0x30, 1, 0], &[&[0x30, 0x81, 0x80][..], &[0; 128]].concat()] {
            assert_eq!(Tlsa::new(3, 0, 0, ok).unusable(), None);
        }
        assert_eq!(Tlsa::new(3, 0, 0, [&[0x30, 0x82, 1, 2][..], &[0; 258]].concat()).unusable(), None);
        let long_form_of_a_short_length = [&[0x30, 0x81, 0x7f][..], &[0; 127]].concat();
        for bad in [
            &[][..],
            &[0x30],
            &[0x31, 0],
            &[0x30, 1],
            &[0x30, 0, 0],
            &[0x30, 0x82, 1],
            &long_form_of_a_short_length,
        ] {
            assert_eq!(Tlsa::new(3, 0, 0, bad).unusable(), Some(Unusable::Data), "{bad:?}");
        }
    }

    #[test]
    fn the_strongest_digest_of_each_kind_counts() {
        let record = |usage, selector, matching: u8| {
            let data = match matching {
                0 => vec![0x30, 0],
                1 => vec![1; 32],
                _ => vec![2; 64],
            };
            Tlsa::new(usage, selector, matching, data)
        };
        let all = [
            record(3, 1, 1),
            record(3, 1, 2),
            record(3, 0, 1),
            record(2, 1, 1),
            record(3, 1, 0),
            record(1, 0, 2),
        ];
        let usable: Vec<_> = Tlsa::usable(&all).collect();
        assert_eq!(usable, [&all[1], &all[2], &all[3], &all[4]]);
        // A digest that cannot be one displaces nothing.
        let broken = [record(3, 1, 1), Tlsa::new(3, 1, 2, [2; 32])];
        assert_eq!(Tlsa::usable(&broken).collect::<Vec<_>>(), [&broken[0]]);
    }
}
