//! A policy as a certificate verifier of rustls: authorities, nobody, pins, and DANE (RFC 7672 section 3).
//!
//! Whatever is or is not asked of the certificate, the server must prove in the handshake that it has its key.
//!
//! A DANE-TA record may name an authority that the server sent, or hold a whole certificate that it need not send; a bare
//! key (`2 1 0`) is looked for in what was sent (RFC 7671 section 5.2.3).  The dates of a trust anchor itself do not
//! matter (RFC 5280 section 6.1).  Keys are read out of certificates of X.509 version 3 alone.

use std::fmt;
use std::sync::Arc;
use std::vec::Vec;

use ::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use ::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use ::rustls::crypto::hash::Hash;
use ::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use ::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use ::rustls::server::ParsedCertificate;
use ::rustls::time_provider::TimeProvider;
use ::rustls::{
    CertificateError as Theirs, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::digest;
use crate::tls::tlsa::{CERTIFICATE, DANE_EE, EXACT, PUBLIC_KEY, SHA_256, SHA_512};
use crate::tls::{CertificateError, Pin, TlsError, Tlsa, Verification};

/// So many trust anchors of one chain are tried: what a server sends must not cost without limit.
const MAX_ANCHORS: usize = 8;

/// Verifies what a policy says.
pub(super) struct PolicyVerifier {
    check: Check,
    /// The names beside the first one, which comes with each connection.
    names: Vec<ServerName<'static>>,
    provider: Arc<CryptoProvider>,
    time: Arc<dyn TimeProvider>,
}

enum Check {
    Authorities(Arc<dyn ServerCertVerifier>),
    Nothing,
    Pins(Vec<Pin>, &'static dyn Hash),
    Dane(Vec<Tlsa>, &'static dyn Hash),
}

impl PolicyVerifier {
    pub(super) fn authorities(
        verifier: Arc<dyn ServerCertVerifier>,
        names: Vec<ServerName<'static>>,
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
    ) -> Self {
        Self { check: Check::Authorities(verifier), names, provider, time }
    }

    pub(super) fn nothing(provider: Arc<CryptoProvider>, time: Arc<dyn TimeProvider>) -> Self {
        Self { check: Check::Nothing, names: Vec::new(), provider, time }
    }

    pub(super) fn pins(
        pins: Vec<Pin>,
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        if pins.is_empty() {
            return Err(TlsError::Configuration { detail: "there are no pins".into() });
        }
        let check = Check::Pins(pins, sha_256(&provider)?);
        Ok(Self { check, names: Vec::new(), provider, time })
    }

    /// `records` are all usable.
    pub(super) fn dane(
        records: Vec<Tlsa>,
        names: Vec<ServerName<'static>>,
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        // To take the record for unusable would be to trust anybody where there is no other.
        if records.iter().any(|record| record.matching == SHA_512) && digest::sha_512(&[]).is_none() {
            return Err(TlsError::Configuration {
                detail: "there is no SHA-512 for the TLSA records".into(),
            });
        }
        let check = Check::Dane(records, sha_256(&provider)?);
        Ok(Self { check, names, provider, time })
    }

    /// What is to be said of all servers that this accepts; `None` if that needs [`judge`](Self::judge).
    pub(super) fn verdict(&self) -> Option<Verification> {
        match self.check {
            Check::Authorities(_) => Some(Verification::Roots),
            Check::Nothing => Some(Verification::None),
            Check::Pins(..) | Check::Dane(..) => None,
        }
    }

    /// What the chain that a completed handshake has come to, also by resumption, is to be accepted for.
    pub(super) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
    ) -> Result<Verification, Error> {
        let (end_entity, intermediates) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        let now = self.time.current_time().ok_or(Error::FailedToGetCurrentTime)?;
        self.verify(end_entity, intermediates, name, &[], now)
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<Verification, Error> {
        match &self.check {
            Check::Nothing => Ok(Verification::None),
            Check::Authorities(authorities) => {
                self.any_name(name, |name| {
                    let verified =
                        authorities.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
                    verified.map(|_| ())
                })?;
                Ok(Verification::Roots)
            }
            Check::Pins(pins, sha_256) => {
                let of_certificate = associated(end_entity, CERTIFICATE, SHA_256, *sha_256);
                let of_key = associated(end_entity, PUBLIC_KEY, SHA_256, *sha_256);
                let pin = pins.iter().find(|pin| match pin {
                    Pin::Certificate(digest) => of_certificate.as_deref() == Some(&digest[..]),
                    Pin::PublicKey(digest) => of_key.as_deref() == Some(&digest[..]),
                });
                pin.map(|pin| Verification::Pin(*pin)).ok_or_else(|| refused(CertificateError::NoPinMatch))
            }
            Check::Dane(records, sha_256) => {
                let (ee, ta): (Vec<&Tlsa>, Vec<&Tlsa>) =
                    records.iter().partition(|record| record.usage == DANE_EE);
                let own = matches(&ee, core::slice::from_ref(end_entity), *sha_256);
                if let Some((_, record)) = own.first() {
                    return Ok(Verification::DaneEe(Tlsa::clone(record)));
                }
                let sent = matches(&ta, intermediates, *sha_256);
                let held =
                    ta.iter().filter(|record| (record.selector, record.matching) == (CERTIFICATE, EXACT));
                let held: Vec<_> =
                    held.map(|record| (CertificateDer::from_slice(&record.data), *record)).collect();
                let anchors = sent.iter().map(|(certificate, record)| (*certificate, *record));
                let anchors = anchors.chain(held.iter().map(|(certificate, record)| (certificate, *record)));
                let mut failure = refused(CertificateError::NoTlsaMatch);
                for (anchor, record) in anchors.take(MAX_ANCHORS) {
                    match self.verify_below(anchor, end_entity, intermediates, name, now) {
                        Ok(()) => return Ok(Verification::DaneTa(record.clone())),
                        // That another authority than the one of the record issued it says no more than before.
                        Err(Error::InvalidCertificate(Theirs::UnknownIssuer)) => {}
                        Err(error) => failure = error,
                    }
                }
                Err(failure)
            }
        }
    }

    /// Whether `anchor` leads to the certificate, which must be for one of the names.
    fn verify_below(
        &self,
        anchor: &CertificateDer<'_>,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        roots.add(anchor.clone()).map_err(|_| Theirs::UnknownIssuer)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&certificate, &roots, intermediates, now, algorithms)?;
        self.any_name(name, |name| verify_server_name(&certificate, name))
    }

    /// Whether `verify` accepts one of the names; if not, the error is that about the first.
    fn any_name(
        &self,
        first: &ServerName<'_>,
        verify: impl Fn(&ServerName<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let result = verify(first);
        let Err(Error::InvalidCertificate(Theirs::NotValidForName | Theirs::NotValidForNameContext { .. })) =
            result
        else {
            return result;
        };
        if self.names.iter().any(|name| verify(name).is_ok()) { Ok(()) } else { result }
    }
}

/// The certificates that one of `records` is for, each with the record.
fn matches<'c, 'r, 'd>(
    records: &[&'r Tlsa],
    certificates: &'c [CertificateDer<'d>],
    sha_256: &dyn Hash,
) -> Vec<(&'c CertificateDer<'d>, &'r Tlsa)> {
    let mut found = Vec::new();
    // Each certificate is hashed once for each kind of record, however many records there are.
    for (selector, matching) in [CERTIFICATE, PUBLIC_KEY]
        .into_iter()
        .flat_map(|selector| [EXACT, SHA_256, SHA_512].map(|matching| (selector, matching)))
    {
        let kind: Vec<_> = records
            .iter()
            .filter(|record| (record.selector, record.matching) == (selector, matching))
            .collect();
        if kind.is_empty() {
            continue;
        }
        for certificate in certificates {
            let value = associated(certificate, selector, matching, sha_256);
            if let Some(record) = kind.iter().find(|record| Some(&record.data) == value.as_ref()) {
                found.push((certificate, **record));
            }
        }
    }
    found
}

/// What a record of this kind would hold for the certificate (RFC 6698 sections 2.1.2 and 2.1.3); `None` if it cannot be
/// read.
fn associated(
    certificate: &CertificateDer<'_>,
    selector: u8,
    matching: u8,
    sha_256: &dyn Hash,
) -> Option<Vec<u8>> {
    let key;
    let selected: &[u8] = if selector == PUBLIC_KEY {
        key = ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info();
        &key
    } else {
        certificate
    };
    match matching {
        SHA_256 => Some(sha_256.hash(selected).as_ref().to_vec()),
        SHA_512 => digest::sha_512(selected),
        _ => Some(selected.to_vec()),
    }
}

fn sha_256(provider: &CryptoProvider) -> Result<&'static dyn Hash, TlsError> {
    digest::sha_256(provider)
        .ok_or_else(|| TlsError::Configuration { detail: "the provider has no SHA-256".into() })
}

/// This crate's own reason, on its way through rustls to `error::from_rustls`.
fn refused(why: CertificateError) -> Error {
    Error::InvalidCertificate(Theirs::Other(OtherError(Arc::new(why))))
}

impl ServerCertVerifier for PolicyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, server_name, ocsp_response, now)
            .map(|_| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.check {
            Check::Authorities(authorities) => authorities.verify_tls12_signature(message, cert, dss),
            _ => verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.check {
            Check::Authorities(authorities) => authorities.verify_tls13_signature(message, cert, dss),
            _ => verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match &self.check {
            Check::Authorities(authorities) => authorities.supported_verify_schemes(),
            _ => self.provider.signature_verification_algorithms.supported_schemes(),
        }
    }
}

impl fmt::Debug for PolicyVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check: &dyn fmt::Debug = match &self.check {
            Check::Authorities(authorities) => authorities,
            Check::Nothing => &"nothing",
            Check::Pins(pins, _) => pins,
            Check::Dane(records, _) => records,
        };
        f.debug_struct("PolicyVerifier")
            .field("check", check)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
