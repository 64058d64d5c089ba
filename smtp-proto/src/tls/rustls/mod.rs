//! rustls as a [`TlsEngine`]: [`RustlsConnector`] for clients, [`RustlsAcceptor`] for servers.
//!
//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over the buffered API, which has the exporter that channel bindings need.
//! Cryptography, trust and wall time are parameters: the process-wide default provider is neither read nor installed,
//! and no root is loaded here.  Policies become verifiers here, those of DANE (RFC 7672) among them.  ALPN is left to a
//! `ClientConfig` of the caller's.
//!
//! rustls is asked for no buffer limit: what it holds is bounded because a session gives it no more than it takes out
//! again, and incoming plain text is drained after each read.

mod connector;
mod digest;
mod engine;
mod error;
mod verifier;

use std::boxed::Box;
use std::fmt;
use std::sync::Arc;
use std::vec::Vec;

use ::rustls::crypto::CryptoProvider;
use ::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ::rustls::time_provider::TimeProvider;
use ::rustls::{Connection, ServerConfig, ServerConnection};

pub use connector::{RustlsConnector, RustlsContext};

use self::engine::{Audit, Engine};
use super::{TlsAcceptor, TlsEngine, TlsError, Verification};

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
        Ok(Engine::boxed(Connection::Server(connection), Audit::Fixed(Verification::None)))
    }
}

impl fmt::Debug for RustlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsAcceptor").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests;
