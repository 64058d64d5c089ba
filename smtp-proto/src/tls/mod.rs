//! TLS without a socket: what a [`Session`](crate::Session) needs of an engine, policies, and rustls behind it.
//!
//! RFC 3207 (STARTTLS), RFC 8314 (implicit TLS for submission), RFC 9325 (recommendations).  Which roots to trust is
//! the caller's business: the crate reads no files.

mod channel;
mod policy;
mod result_type;
#[cfg(feature = "rustls")]
pub mod rustls;
mod tlsa;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub(crate) use channel::Channel;
pub use policy::{Authentication, Pin, PinError, TlsPolicy, TlsVersion};
pub use result_type::ResultType;
pub use tlsa::{Tlsa, TlsaError, TlsaField, Unusable};

use crate::escape::Escaped;

/// Makes engines for connections; one value serves many connections.
pub trait TlsConnector: Send + Sync + fmt::Debug {
    /// Begins a handshake with `server`, whose name the certificate must carry unless a policy says otherwise.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    fn connect(&self, server: &str) -> Result<Box<dyn TlsEngine>, TlsError>;
}

/// Makes engines for the connections of a server.
pub trait TlsAcceptor: Send + Sync + fmt::Debug {
    /// Waits for a handshake.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    fn accept(&self) -> Result<Box<dyn TlsEngine>, TlsError>;
}

/// One TLS connection, either side, as a machine: ciphertext and plain text go in, ciphertext and plain text come out.
pub trait TlsEngine: Send + fmt::Debug {
    /// Takes ciphertext from the peer and appends the plain text that it held to `plain`.
    ///
    /// # Errors
    /// What broke.  [`take_ciphertext`](Self::take_ciphertext) may still have an alert for the peer.
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError>;

    /// Takes plain text to send.  Only called after the handshake.
    ///
    /// # Errors
    /// What broke.
    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError>;

    /// Appends all ciphertext that has to go to the peer.
    fn take_ciphertext(&mut self, out: &mut Vec<u8>);

    /// Whether the handshake is not complete.
    fn is_handshaking(&self) -> bool;

    /// Queues a `close_notify` alert.
    fn close(&mut self);

    /// Whether the peer has sent `close_notify`.
    fn peer_has_closed(&self) -> bool;

    /// What was negotiated; `None` until the handshake is complete.
    fn info(&self) -> Option<TlsInfo>;

    /// Fills `out` with keying material (RFC 5705, RFC 8446 section 7.5), for channel bindings.
    ///
    /// # Errors
    /// If the engine cannot or the handshake is not complete.
    fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), TlsError>;
}

/// What a handshake has come to, for audit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The protocol version, such as `TLSv1.3`.
    pub version: String,
    /// The cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The key exchange group, such as `X25519MLKEM768`.
    pub key_exchange: Option<String>,
    /// Whether an earlier session was resumed, which spares the handshake its certificates.
    pub resumed: bool,
    /// The certificates the peer presented, DER, its own first; those of the earlier session if that was resumed.
    pub peer_certificates: Vec<Vec<u8>>,
    /// How the peer's identity was verified, if it was.
    pub verification: Verification,
}

impl TlsInfo {
    /// A value for engines outside this crate, whose verification is [`Custom`](Verification::Custom) or none; the rest
    /// is public.
    pub fn new(version: impl Into<String>, cipher_suite: impl Into<String>, verified: bool) -> Self {
        Self {
            version: version.into(),
            cipher_suite: cipher_suite.into(),
            key_exchange: None,
            resumed: false,
            peer_certificates: Vec::new(),
            verification: if verified { Verification::Custom } else { Verification::None },
        }
    }

    /// Whether the peer's identity was verified, so that credentials may be sent.
    pub fn is_verified(&self) -> bool {
        self.verification.is_verified()
    }
}

/// How a peer's identity was verified, for audit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verification {
    /// Not at all: it may be anyone.
    None,
    /// A trusted authority vouches for its name (RFC 5280, RFC 9525).
    Roots,
    /// Its certificate is the one with this pin.
    Pin(Pin),
    /// The trust anchor of this TLSA record vouches for its name (RFC 7672 section 3.1.2).
    DaneTa(Tlsa),
    /// Its certificate is the one of this TLSA record (RFC 7672 section 3.1.1).
    DaneEe(Tlsa),
    /// By an engine or a verifier of the caller's, which was vouched for.
    Custom,
}

impl Verification {
    /// Whether the peer is known to be who it should be.
    pub fn is_verified(&self) -> bool {
        !matches!(self, Self::None)
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("not verified"),
            Self::Roots => f.write_str("verified by a trusted authority"),
            Self::Pin(pin) => write!(f, "verified by the pin {pin}"),
            Self::DaneTa(record) | Self::DaneEe(record) => write!(f, "verified by the TLSA record {record}"),
            Self::Custom => f.write_str("verified by other means"),
        }
    }
}

/// Why TLS failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// The peer's certificate was not accepted.
    Certificate(CertificateError),
    /// The name to verify is neither a host name nor an IP address.
    InvalidServerName(String),
    /// What came is not TLS at all, such as plain SMTP on a port that was taken for implicit TLS.
    NotTls,
    /// The peer ended the connection with a fatal alert.
    PeerAlert {
        /// The alert's name, such as `HandshakeFailure` (RFC 8446 section 6).
        description: String,
    },
    /// Both sides have no version, cipher suite or group in common.
    Incompatible {
        /// What was missing.
        detail: String,
    },
    /// The peer broke the protocol.
    PeerMisbehaved {
        /// In which way.
        detail: String,
    },
    /// This side's configuration does not work.
    Configuration {
        /// What is wrong with it.
        detail: String,
    },
}

/// Why a certificate was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// Its validity has ended.
    Expired,
    /// Its validity has not begun.
    NotYetValid,
    /// No trusted root leads to it, as with self-signed certificates and private authorities.
    UnknownIssuer,
    /// It is a certificate authority's own, as many self-signed certificates are, and not a server's.
    IsAuthority,
    /// It is for other names.
    NameMismatch {
        /// The name that was wanted.
        expected: String,
        /// The names that it has.
        presented: Vec<String>,
    },
    /// None of the pins is its own.
    NoPinMatch,
    /// None of the TLSA records is for it or for an authority that came with it (RFC 7672 section 3).
    NoTlsaMatch,
    /// It was revoked.
    Revoked,
    /// It is not for servers.
    WrongPurpose,
    /// The peer has none.
    Missing,
    /// It cannot be read, or a signature or an algorithm is not accepted.
    Invalid {
        /// What is wrong.
        detail: String,
    },
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => write!(f, "the peer's certificate is not acceptable: {error}"),
            Self::InvalidServerName(name) => {
                write!(f, "\"{}\" cannot be verified as a server name", Escaped(name.as_bytes()))
            }
            Self::NotTls => f.write_str("what the peer sent is not TLS"),
            Self::PeerAlert { description } => write!(f, "the peer ended TLS with the alert {description}"),
            Self::Incompatible { detail } => write!(f, "no TLS parameters in common: {detail}"),
            Self::PeerMisbehaved { detail } => write!(f, "the peer broke the TLS protocol: {detail}"),
            Self::Configuration { detail } => write!(f, "the TLS configuration does not work: {detail}"),
        }
    }
}

impl core::error::Error for TlsError {}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::UnknownIssuer => f.write_str("no trusted authority issued it"),
            Self::IsAuthority => f.write_str(
                "it is an authority's own (self-signed), and no trusted authority issued one for the server",
            ),
            Self::NameMismatch { expected, presented } => {
                write!(f, "it is not for {}", Escaped(expected.as_bytes()))?;
                if presented.is_empty() {
                    return f.write_str(", and names no host at all");
                }
                for (i, name) in presented.iter().take(NAMES_SHOWN).enumerate() {
                    let separator = if i == 0 { " but for " } else { ", " };
                    write!(f, "{separator}{}", Escaped(name.as_bytes()))?;
                }
                match presented.len().saturating_sub(NAMES_SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::NoPinMatch => f.write_str("it has none of the fingerprints that are accepted"),
            Self::NoTlsaMatch => f.write_str("none of the TLSA records of the server is for it"),
            Self::Revoked => f.write_str("it was revoked"),
            Self::WrongPurpose => f.write_str("it is not for servers"),
            Self::Missing => f.write_str("there is none"),
            Self::Invalid { detail } => f.write_str(detail),
        }
    }
}

impl core::error::Error for CertificateError {}

/// Some certificates name hundreds of hosts.
const NAMES_SHOWN: usize = 8;
