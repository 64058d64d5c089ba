//! rustls as a [`TlsEngine`]: [`RustlsConnector`] for clients, [`RustlsAcceptor`] for servers.
//!
//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over the buffered API, which has the exporter that channel bindings need.
//! Cryptography, trust and wall time are parameters: the process-wide default provider is neither read nor installed,
//! and no root is loaded here.  Client certificates and ALPN are left to a `ClientConfig` of the caller's.
//!
//! rustls is asked for no buffer limit: what it holds is bounded because a session gives it no more than it takes out
//! again, and incoming plain text is drained after each read.

mod error;

use std::boxed::Box;
use std::fmt;
use std::format;
use std::io::BufRead;
use std::string::ToString;
use std::sync::Arc;
use std::vec::Vec;

use ::rustls::client::Resumption;
use ::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use ::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use ::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use ::rustls::time_provider::TimeProvider;
use ::rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, ProtocolVersion, RootCertStore,
    ServerConfig, ServerConnection, SignatureScheme,
};

use super::{TlsAcceptor, TlsConnector, TlsEngine, TlsError, TlsInfo};

/// The cryptography this crate was built with: aws-lc-rs, or ring when only that feature is on.
///
/// aws-lc-rs offers the hybrid post-quantum group X25519MLKEM768 first.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub fn default_provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = ::rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = ::rustls::crypto::ring::default_provider();
    Arc::new(provider)
}

/// Clients' connections through rustls.
///
/// A resumed TLS session skips the verification of certificates, so sessions are neither resumed nor shared unless
/// [`resuming`](Self::resuming) is called, and then only among the connections of one connector.
///
#[cfg_attr(any(feature = "aws-lc-rs", feature = "ring"), doc = "```")]
#[cfg_attr(not(any(feature = "aws-lc-rs", feature = "ring")), doc = "```ignore")]
/// use std::sync::Arc;
///
/// use rustls::{RootCertStore, time_provider::DefaultTimeProvider};
/// use smtp_proto::tls::rustls::{RustlsConnector, default_provider};
/// use smtp_proto::tls::{TlsConnector, TlsError};
///
/// fn connector(roots: RootCertStore) -> Result<RustlsConnector, TlsError> {
///     RustlsConnector::with_roots(default_provider(), roots, Arc::new(DefaultTimeProvider))
/// }
/// assert!(matches!(connector(RootCertStore::empty()), Err(TlsError::Configuration { .. })));
/// ```
#[derive(Clone)]
pub struct RustlsConnector {
    config: Arc<ClientConfig>,
    verified: bool,
}

impl RustlsConnector {
    /// Uses a configuration of the caller's, but for its session store: see the type.
    ///
    /// What its verifier is worth cannot be seen: [`TlsInfo::verified`] is false, and no credentials are sent, until
    /// [`assume_verified`](Self::assume_verified) vouches for it.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.resumption = Resumption::disabled();
        Self { config: Arc::new(config), verified: false }
    }

    /// Verifies the server against trusted roots, at the wall time that `time` tells (RFC 5280, RFC 9525).
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if there is no root, or the provider has nothing for TLS 1.2 and 1.3.
    pub fn with_roots(
        provider: Arc<CryptoProvider>,
        roots: RootCertStore,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        if roots.is_empty() {
            return Err(TlsError::Configuration { detail: "there are no trusted roots".into() });
        }
        let config = ClientConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .map_err(error::configuration)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::new(Arc::new(config)).assume_verified())
    }

    /// Verifies the server as `verifier` does, such as one for DANE or the operating system's.  Like
    /// [`new`](Self::new), it needs to be vouched for.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if the provider has nothing for TLS 1.2 and 1.3.
    pub fn with_verifier(
        provider: Arc<CryptoProvider>,
        verifier: Arc<dyn ServerCertVerifier>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .map_err(error::configuration)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Self::new(Arc::new(config)))
    }

    /// Accepts any certificate: the connection is encrypted, but the server may be anyone.
    ///
    /// This is the opportunistic TLS of relays (RFC 7435), and what DANE falls back to when no usable record was
    /// published.  It is never right for submission with credentials.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if the provider has nothing for TLS 1.2 and 1.3.
    pub fn without_verification(
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        let verifier = Arc::new(AnyCertificate(provider.clone()));
        Self::with_verifier(provider, verifier, time)
    }

    /// Vouches for the verifier: a server that it accepts is who it should be, so that [`TlsInfo::verified`] is true
    /// and credentials may be sent.
    #[must_use]
    pub fn assume_verified(mut self) -> Self {
        self.verified = true;
        self
    }

    /// Resumes up to `sessions` TLS sessions, which spares their certificates and signatures.
    ///
    /// Whoever was verified once is believed for as long as the server's ticket lasts, up to seven days, even if the
    /// certificate has expired since.
    #[must_use]
    pub fn resuming(mut self, sessions: usize) -> Self {
        let mut config = Arc::unwrap_or_clone(self.config);
        config.resumption = Resumption::in_memory_sessions(sessions);
        self.config = Arc::new(config);
        self
    }
}

impl TlsConnector for RustlsConnector {
    fn connect(&self, server: &str) -> Result<Box<dyn TlsEngine>, TlsError> {
        let name = ServerName::try_from(server.strip_suffix('.').unwrap_or(server))
            .map_err(|_| TlsError::InvalidServerName(server.into()))?
            .to_owned();
        let connection = ClientConnection::new(self.config.clone(), name).map_err(error::configuration)?;
        Ok(Engine::boxed(Connection::Client(connection), self.verified))
    }
}

impl fmt::Debug for RustlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsConnector").field("verified", &self.verified).finish_non_exhaustive()
    }
}

/// Servers' connections through rustls.
#[derive(Clone)]
pub struct RustlsAcceptor {
    config: Arc<ServerConfig>,
}

impl RustlsAcceptor {
    /// Uses a configuration of the caller's.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self { config }
    }

    /// Presents `chain` (DER, the server's own certificate first) and proves it with `key` (PKCS#8, PKCS#1 or SEC 1);
    /// clients stay anonymous.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if the key cannot be used, or is not the one of the first certificate.
    pub fn with_certificate(
        provider: Arc<CryptoProvider>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        let config = ServerConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .map_err(error::configuration)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(error::configuration)?;
        Ok(Self::new(Arc::new(config)))
    }
}

impl TlsAcceptor for RustlsAcceptor {
    fn accept(&self) -> Result<Box<dyn TlsEngine>, TlsError> {
        let connection = ServerConnection::new(self.config.clone()).map_err(error::configuration)?;
        Ok(Engine::boxed(Connection::Server(connection), false))
    }
}

impl fmt::Debug for RustlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsAcceptor").finish_non_exhaustive()
    }
}

/// One connection.
struct Engine {
    connection: Connection,
    verified: bool,
    /// The first byte that came: it tells other protocols from broken TLS.
    first: Option<u8>,
    peer_has_closed: bool,
}

impl Engine {
    fn boxed(mut connection: Connection, verified: bool) -> Box<dyn TlsEngine> {
        connection.set_buffer_limit(None);
        Box::new(Self { connection, verified, first: None, peer_has_closed: false })
    }

    /// Moves what was decrypted so far to `plain`; also after an error, for it came before that.
    fn drain(&mut self, plain: &mut Vec<u8>) {
        let mut reader = self.connection.reader();
        while let Ok(bytes) = reader.fill_buf()
            && !bytes.is_empty()
        {
            let len = bytes.len();
            plain.extend_from_slice(bytes);
            reader.consume(len);
        }
    }
}

impl TlsEngine for Engine {
    fn receive(&mut self, mut ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        self.first = self.first.or(ciphertext.first().copied());
        // rustls takes as much as its buffer has room for; each round makes room again.
        while !ciphertext.is_empty() && !self.peer_has_closed {
            let taken = self
                .connection
                .read_tls(&mut ciphertext)
                .map_err(|e| TlsError::PeerMisbehaved { detail: e.to_string() })?;
            let state = self.connection.process_new_packets();
            self.drain(plain);
            match state {
                Ok(state) => self.peer_has_closed |= state.peer_has_closed(),
                Err(e) => return Err(error::from_rustls(e, self.first)),
            }
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        std::io::Write::write_all(&mut self.connection.writer(), plain)
            .map_err(|e| TlsError::Configuration { detail: e.to_string() })
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        // Writing to a vector does not fail.
        while self.connection.wants_write() && self.connection.write_tls(out).is_ok_and(|n| n > 0) {}
    }

    fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    fn close(&mut self) {
        self.connection.send_close_notify();
    }

    fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }

    fn info(&self) -> Option<TlsInfo> {
        if self.is_handshaking() {
            return None;
        }
        let version = match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => "TLSv1.3".into(),
            ProtocolVersion::TLSv1_2 => "TLSv1.2".into(),
            other => format!("{other:?}"),
        };
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        let suite = suite.as_str().map_or_else(|| format!("{suite:?}"), ToString::to_string);
        let mut info = TlsInfo::new(version, suite, self.verified);
        info.key_exchange = self.connection.negotiated_key_exchange_group().map(|group| {
            let name = group.name();
            name.as_str().map_or_else(|| format!("{name:?}"), ToString::to_string)
        });
        let chain = self.connection.peer_certificates().unwrap_or_default();
        info.peer_certificates = chain.iter().map(|certificate| certificate.to_vec()).collect();
        Some(info)
    }

    fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), TlsError> {
        self.connection.export_keying_material(out, label, context).map(|_| ()).map_err(error::configuration)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("info", &self.info()).finish_non_exhaustive()
    }
}

/// Checks that the server has the key of its certificate, and nothing else.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, ::rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, ::rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, ::rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests;
