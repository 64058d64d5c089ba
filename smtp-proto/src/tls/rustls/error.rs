//! What rustls reports, in this crate's words: who is to blame, and what is wrong with a certificate.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use ::rustls::{CertificateError as Theirs, Error};

use crate::tls::{CertificateError, TlsError};

/// An error while a configuration is made or used: this side's fault whatever it is called.
pub(super) fn configuration(error: Error) -> TlsError {
    match error {
        Error::InvalidCertificate(error) => {
            TlsError::Configuration { detail: certificate(error).to_string() }
        }
        other => TlsError::Configuration { detail: other.to_string() },
    }
}

/// An error on a connection whose peer began with the byte `first`.
pub(super) fn from_rustls(error: Error, first: Option<u8>) -> TlsError {
    match error {
        Error::InvalidCertificate(error) => TlsError::Certificate(certificate(error)),
        Error::NoCertificatesPresented => TlsError::Certificate(CertificateError::Missing),
        Error::InvalidCertRevocationList(error) => TlsError::Certificate(CertificateError::Invalid {
            detail: format!("the revocation list cannot be used: {error:?}"),
        }),
        // Records of TLS begin with a content type from 20 to 24 (RFC 8446 section 5.1).
        Error::InvalidMessage(_) if first.is_some_and(|byte| !(20..=24).contains(&byte)) => TlsError::NotTls,
        Error::AlertReceived(alert) => TlsError::PeerAlert {
            description: alert.as_str().map_or_else(|| format!("{alert:?}"), ToString::to_string),
        },
        Error::PeerIncompatible(why) => TlsError::Incompatible { detail: format!("{why:?}") },
        Error::NoApplicationProtocol => TlsError::Incompatible { detail: error.to_string() },
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::InvalidEncryptedClientHello(_)
        | Error::InvalidMessage(_)
        | Error::DecryptError
        | Error::PeerMisbehaved(_)
        | Error::PeerSentOversizedRecord => TlsError::PeerMisbehaved { detail: error.to_string() },
        other => TlsError::Configuration { detail: other.to_string() },
    }
}

fn certificate(error: Theirs) -> CertificateError {
    let invalid = |detail: String| CertificateError::Invalid { detail };
    // What a policy says comes through rustls in this crate's own words.
    if let Theirs::Other(other) = &error
        && let Some(ours) = other.0.downcast_ref::<CertificateError>()
    {
        return ours.clone();
    }
    match error {
        Theirs::Expired | Theirs::ExpiredContext { .. } => CertificateError::Expired,
        Theirs::NotValidYet | Theirs::NotValidYetContext { .. } => CertificateError::NotYetValid,
        Theirs::UnknownIssuer => CertificateError::UnknownIssuer,
        Theirs::Revoked => CertificateError::Revoked,
        Theirs::NotValidForName => {
            CertificateError::NameMismatch { expected: "this server".into(), presented: Vec::new() }
        }
        Theirs::NotValidForNameContext { expected, presented } => CertificateError::NameMismatch {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| plain_name(name).into()).collect(),
        },
        Theirs::InvalidPurpose | Theirs::InvalidPurposeContext { .. } => CertificateError::WrongPurpose,
        Theirs::BadEncoding => invalid("it cannot be read".into()),
        Theirs::BadSignature => invalid("a signature is not right".into()),
        Theirs::UnhandledCriticalExtension => {
            invalid("it has a critical extension that is not known here".into())
        }
        Theirs::UnsupportedSignatureAlgorithmContext { .. }
        | Theirs::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            invalid("it is signed with an algorithm that is not accepted".into())
        }
        Theirs::UnknownRevocationStatus
        | Theirs::ExpiredRevocationList
        | Theirs::ExpiredRevocationListContext { .. } => {
            invalid("whether it was revoked is not known".into())
        }
        Theirs::InvalidOcspResponse => invalid("the OCSP response with it is not valid".into()),
        Theirs::ApplicationVerificationFailure => invalid("the verifier does not accept it".into()),
        // The certificate verifier's own errors come as trait objects of a crate that is not named here.
        Theirs::Other(other) if format!("{:?}", other.0) == "CaUsedAsEndEntity" => {
            CertificateError::IsAuthority
        }
        Theirs::Other(other) => invalid(other.0.to_string()),
        other => invalid(other.to_string()),
    }
}

/// The name itself out of rustls's `DnsName("a.example")` or `IpAddress(192.0.2.1)`.
fn plain_name(name: &str) -> &str {
    let inner = |prefix: &str, suffix: &str| name.strip_prefix(prefix)?.strip_suffix(suffix);
    inner("DnsName(\"", "\")").or_else(|| inner("IpAddress(", ")")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::rustls::{AlertDescription, InvalidMessage, PeerIncompatible, PeerMisbehaved};

    #[test]
    fn errors_say_who_is_to_blame() {
        let map = |error| from_rustls(error, Some(22)).to_string();
        assert_eq!(
            map(Error::AlertReceived(AlertDescription::HandshakeFailure)),
            "the peer ended TLS with the alert HandshakeFailure"
        );
        assert_eq!(
            map(Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon)),
            "no TLS parameters in common: NoKxGroupsInCommon"
        );
        assert_eq!(
            map(Error::PeerMisbehaved(PeerMisbehaved::KeyUpdateReceivedInQuicConnection)),
            "the peer broke the TLS protocol: peer misbehaved: KeyUpdateReceivedInQuicConnection"
        );
        assert_eq!(
            map(Error::DecryptError),
            "the peer broke the TLS protocol: cannot decrypt peer's message"
        );
        assert_eq!(
            map(Error::FailedToGetCurrentTime),
            "the TLS configuration does not work: failed to get current time"
        );
        assert_eq!(
            map(Error::NoCertificatesPresented),
            "the peer's certificate is not acceptable: there is none"
        );
        let bad = || Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(from_rustls(bad(), Some(b'2')), TlsError::NotTls);
        assert!(matches!(from_rustls(bad(), Some(22)), TlsError::PeerMisbehaved { .. }));
    }

    #[test]
    fn certificate_errors_are_typed() {
        assert_eq!(certificate(Theirs::Revoked), CertificateError::Revoked);
        assert_eq!(certificate(Theirs::Expired), CertificateError::Expired);
        assert_eq!(certificate(Theirs::NotValidYet), CertificateError::NotYetValid);
        assert_eq!(certificate(Theirs::InvalidPurpose), CertificateError::WrongPurpose);
        assert_eq!(
            certificate(Theirs::BadSignature),
            CertificateError::Invalid { detail: "a signature is not right".into() }
        );
    }

    #[test]
    fn names_are_shown_plainly() {
        assert_eq!(plain_name("DnsName(\"*.example.com\")"), "*.example.com");
        assert_eq!(plain_name("IpAddress(192.0.2.1)"), "192.0.2.1");
        assert_eq!(plain_name("DirectoryName"), "DirectoryName");
    }
}
