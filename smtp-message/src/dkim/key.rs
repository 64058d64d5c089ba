//! Private keys: read, made, and used.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::crypto::{provider, sha256};
use super::der::{self, PrivateKind};
use super::{Algorithm, KeyRecord, PublicKey};
use provider::rand::{SecureRandom, SystemRandom};
use provider::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

/// Bits of an RSA key that may sign (RFC 8301 section 3.2 says at least 1024 and should; the providers insist).
const LEAST_RSA_BITS: usize = 2048;

/// A key that signs.  Cloning it copies no secret.
///
/// What is read is overwritten in memory when it is no longer needed.  aws-lc-rs does so with the key itself too; ring
/// does not.
#[derive(Clone)]
pub struct PrivateKey(Arc<Kind>);

enum Kind {
    /// And the octets of a signature.
    Rsa(RsaKeyPair, usize),
    Ed25519(Ed25519KeyPair),
}

/// Why there is no private key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyError {
    /// It is no PEM: there is no `-----BEGIN ...-----`, no end to it, or what is between them is not base64.
    NotPem,
    /// It is encrypted.
    Encrypted,
    /// It is a PEM of something else.
    NotPrivate {
        /// Of what.
        label: String,
    },
    /// It is DER of no key of RSA (PKCS#1, PKCS#8) or Ed25519 (PKCS#8).
    UnknownKind,
    /// It is an RSA key with fewer than 2048 bits, with which nothing is signed any more.
    TooShort {
        /// How many it has.
        bits: usize,
    },
    /// The provider does not take it, and why, in its words.
    Rejected(String),
    /// The provider makes no keys of this kind, or has no randomness.
    CannotGenerate,
}

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NewKey {
    /// RSA with 2048 bits, which every receiver verifies and whose record fits into DNS everywhere.
    Rsa2048,
    /// RSA with 4096 bits, the most that receivers have to take (RFC 8301 section 3.2).
    Rsa4096,
    /// Ed25519, which not every receiver knows: sign with RSA too.
    Ed25519,
}

impl PrivateKey {
    /// Reads a key in PEM: `PRIVATE KEY` (PKCS#8) or `RSA PRIVATE KEY` (PKCS#1), as OpenSSL writes them.
    ///
    /// # Errors
    /// Why it cannot sign.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let (label, der) = read_pem(pem)?;
        match label {
            "PRIVATE KEY" | "RSA PRIVATE KEY" => Self::from_der(&der),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            _ => Err(KeyError::NotPrivate { label: label.into() }),
        }
    }

    /// Reads a key in DER, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// Why it cannot sign.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let rsa = |read: fn(&[u8]) -> Result<RsaKeyPair, provider::error::KeyRejected>| {
            let pair = read(der).map_err(|error| match der::private_rsa_bits(der) {
                Some(bits) if bits < LEAST_RSA_BITS => KeyError::TooShort { bits },
                _ => KeyError::Rejected(error.to_string()),
            })?;
            let length = der::rsa_public_key(pair.public_key().as_ref()).map(|key| key.modulus.len());
            Ok(Kind::Rsa(pair, length.ok_or(KeyError::UnknownKind)?))
        };
        let kind = match der::private_kind(der).ok_or(KeyError::UnknownKind)? {
            PrivateKind::Pkcs1 => rsa(RsaKeyPair::from_der)?,
            PrivateKind::Pkcs8Rsa => rsa(RsaKeyPair::from_pkcs8)?,
            // OpenSSL writes no public key beside it.
            PrivateKind::Pkcs8Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .map(Kind::Ed25519)
                .map_err(|error| KeyError::Rejected(error.to_string()))?,
        };
        Ok(Self(Arc::new(kind)))
    }

    /// Makes a key with the provider's randomness; returns it and its PEM (PKCS#8), which is to be kept secret.
    ///
    /// ```
    /// use smtp_message::dkim::{NewKey, PrivateKey};
    ///
    /// let (key, pem) = PrivateKey::generate(NewKey::Ed25519)?;
    /// assert_eq!(PrivateKey::from_pem(pem.as_bytes())?.record(), key.record());
    /// # Ok::<(), smtp_message::dkim::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::CannotGenerate`]; ring makes no RSA keys.
    pub fn generate(kind: NewKey) -> Result<(Self, Zeroizing<String>), KeyError> {
        let der = match kind {
            NewKey::Rsa2048 => generate_rsa(2048)?,
            NewKey::Rsa4096 => generate_rsa(4096)?,
            NewKey::Ed25519 => {
                let mut der = Zeroizing::new([der::ED25519_PKCS8, [0; 16], [0; 16]].concat());
                let seed = &mut der[der::ED25519_PKCS8.len()..];
                SystemRandom::new().fill(seed).map_err(|_| KeyError::CannotGenerate)?;
                der
            }
        };
        let encoded = Zeroizing::new(encodify::base64::STANDARD.encode(&*der));
        let mut pem = Zeroizing::new(String::with_capacity(encoded.len() + encoded.len() / 64 + 64));
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        let mut rest = &**encoded;
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = behind;
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok((Self::from_der(&der)?, pem))
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        match &*self.0 {
            Kind::Rsa(..) => Algorithm::RsaSha256,
            Kind::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    /// The public key that goes with it.
    pub fn public_key(&self) -> PublicKey {
        match &*self.0 {
            Kind::Rsa(pair, _) => PublicKey::Rsa(der::rsa_public_key_info(pair.public_key().as_ref())),
            Kind::Ed25519(pair) => {
                let mut key = [0; 32];
                key.copy_from_slice(pair.public_key().as_ref());
                PublicKey::Ed25519(key)
            }
        }
    }

    /// The record that has to be in DNS before anything is signed.
    pub fn record(&self) -> KeyRecord {
        KeyRecord::new(self.public_key())
    }

    /// Signs canonical headers; `None` if the provider fails.
    pub(super) fn sign(&self, octets: &[u8]) -> Option<Vec<u8>> {
        match &*self.0 {
            Kind::Rsa(pair, length) => {
                let mut signature = vec![0; *length];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), octets, &mut signature).ok()?;
                Some(signature)
            }
            Kind::Ed25519(pair) => Some(pair.sign(&sha256(octets)).as_ref().to_vec()),
        }
    }
}

/// The kind of key, and not a bit of it.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm())
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str("not a PEM file"),
            Self::Encrypted => f.write_str("the key is encrypted: decrypt it first (openssl pkey)"),
            Self::NotPrivate { label } => write!(f, "not a private key, but {}", label.escape_debug()),
            Self::UnknownKind => {
                f.write_str("neither an RSA key (PKCS#1, PKCS#8) nor an Ed25519 key (PKCS#8)")
            }
            Self::TooShort { bits } => {
                write!(f, "an RSA key of {bits} bits, at least {LEAST_RSA_BITS} are needed")
            }
            Self::Rejected(why) => write!(f, "the key cannot be used: {}", why.escape_debug()),
            Self::CannotGenerate => f.write_str("this build makes no such keys"),
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(feature = "aws-lc-rs")]
fn generate_rsa(bits: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    let size = if bits == 4096 { KeySize::Rsa4096 } else { KeySize::Rsa2048 };
    let pair = RsaKeyPair::generate(size).map_err(|_| KeyError::CannotGenerate)?;
    let der = pair.as_der().map_err(|_| KeyError::CannotGenerate)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

#[cfg(not(feature = "aws-lc-rs"))]
fn generate_rsa(_: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    Err(KeyError::CannotGenerate)
}

/// The label of the first PEM in a text, and what it holds.
fn read_pem(pem: &[u8]) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    let text = std::str::from_utf8(pem).map_err(|_| KeyError::NotPem)?;
    let (_, rest) = text.split_once("-----BEGIN ").ok_or(KeyError::NotPem)?;
    let (label, rest) = rest.split_once("-----").ok_or(KeyError::NotPem)?;
    let (content, end) = rest.split_once("-----END ").ok_or(KeyError::NotPem)?;
    if !end.starts_with(label) {
        return Err(KeyError::NotPem);
    }
    // What is between has headers if it is encrypted the old way.
    if content.contains("ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    let mut base64 = Zeroizing::new(Vec::with_capacity(content.len()));
    base64.extend(content.bytes().filter(|octet| !octet.is_ascii_whitespace()));
    let der = encodify::base64::STANDARD.decode(&base64[..]).map_err(|_| KeyError::NotPem)?;
    Ok((label, Zeroizing::new(der)))
}
