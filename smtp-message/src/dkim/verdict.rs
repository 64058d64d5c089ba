//! What becomes of a signature, in the words of RFC 8601 section 2.7.1 with the reasons of RFC 6376 section 6.1.

use std::fmt;

use super::{RecordError, SignatureError};

/// The result of a signature.  A message with no signature at all has none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The domain has signed the message.
    Pass,
    /// The signature is not of this message, or not of this key.
    Fail(Fail),
    /// It may be good, and is not to be believed all the same.
    Policy(Policy),
    /// The key was not to be had now: it may be worth trying again.
    TempError,
    /// It cannot be verified, now or later.
    PermError(PermError),
}

/// Why a signature fails (RFC 6376 section 6.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fail {
    /// The body is not the one that was signed.
    BodyHash,
    /// The headers are not those that were signed, or it was another key.
    Signature,
}

/// Why a signature is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Its time is over (`x=`).
    Expired,
    /// It was made later than now (`t=`).
    Future,
    /// The RSA key is too short.
    WeakKey {
        /// Bits that it has.
        bits: usize,
    },
    /// The RSA key is too long.
    LongKey {
        /// Bits that it has.
        bits: usize,
    },
    /// It is good, and covers only the front of the body (`l=`).
    PartialBody {
        /// Canonical octets behind.
        beyond: u64,
    },
    /// There are more signatures than are looked at.
    TooMany,
}

/// Why a signature cannot be verified (RFC 6376 sections 6.1.1 and 6.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermError {
    /// A line among the headers is neither a field nor the continuation of one, or does not end in CRLF; programs differ
    /// on where the body of such a message begins.
    NoField {
        /// Its number, the first being 1.
        line: usize,
    },
    /// The field is no signature that can be verified.
    Signature(SignatureError),
    /// There are more `From` fields than are signed, and people may be shown another than the signed one (RFC 6376 section
    /// 8.15).
    UnsignedFrom,
    /// There is no key.
    NoKey,
    /// What is published is no key.
    Record(RecordError),
    /// The key is revoked.
    KeyRevoked,
    /// The key is of another kind than the signature.
    KeyAlgorithm,
    /// The key is not to be used with SHA-256.
    KeyHash,
    /// The key is not for mail.
    KeyService,
    /// The key is not for identities of domains below (`t=s`).
    KeyStrict,
}

impl Verdict {
    /// The word for an `Authentication-Results` field.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Policy(_) => "policy",
            Self::TempError => "temperror",
            Self::PermError(_) => "permerror",
        }
    }

    /// Whether the domain has signed the message.
    pub fn is_pass(&self) -> bool {
        *self == Self::Pass
    }
}

/// The word, and the reason behind it.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Pass => Ok(()),
            Self::Fail(why) => write!(f, ": {why}"),
            Self::Policy(why) => write!(f, ": {why}"),
            Self::TempError => f.write_str(": the key was not to be had"),
            Self::PermError(why) => write!(f, ": {why}"),
        }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BodyHash => "the body is not the one that was signed",
            Self::Signature => "the headers are not those that were signed, or by another key",
        })
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("it has expired"),
            Self::Future => f.write_str("it was made later than now"),
            Self::WeakKey { bits } => write!(f, "the key has only {bits} bits"),
            Self::LongKey { bits } => write!(f, "the key has {bits} bits"),
            Self::PartialBody { beyond } => write!(f, "{beyond} octets of the body are not signed"),
            Self::TooMany => f.write_str("too many signatures"),
        }
    }
}

impl fmt::Display for PermError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoField { line } => write!(f, "line {line} is among the headers and is no header field"),
            Self::Signature(error) => write!(f, "the signature: {error}"),
            Self::UnsignedFrom => f.write_str("there is a From that is not signed"),
            Self::NoKey => f.write_str("there is no key"),
            Self::Record(error) => write!(f, "the key record: {error}"),
            Self::KeyRevoked => f.write_str("the key is revoked"),
            Self::KeyAlgorithm => f.write_str("the key is of another kind"),
            Self::KeyHash => f.write_str("the key is not for SHA-256"),
            Self::KeyService => f.write_str("the key is not for mail"),
            Self::KeyStrict => f.write_str("the key is not for domains below"),
        }
    }
}
