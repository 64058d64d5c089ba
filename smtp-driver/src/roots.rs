//! Whom TLS trusts: the operating system, Mozilla's list, or a given authority.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::tls::rustls::{RustlsConnector, default_provider};
use smtp_proto::tls::{TlsConnector, TlsError};

use crate::mailer::ConfigError;

/// Where trust comes from.
#[derive(Default)]
pub(crate) enum Roots {
    /// The operating system's own verifier; without the feature, nobody is trusted and that is an error.
    #[default]
    Platform,
    /// These authorities.
    Store(RootCertStore),
}

impl Roots {
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| ConfigError::Certificate)?;
            store.add(certificate).map_err(|_| ConfigError::Certificate)?;
        }
        if store.is_empty() { Err(ConfigError::Certificate) } else { Ok(Self::Store(store)) }
    }

    #[cfg(feature = "webpki-roots")]
    pub(crate) fn webpki() -> Self {
        Self::Store(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// What makes TLS connections that trust these roots.
    pub(crate) fn connector(self) -> Result<Arc<dyn TlsConnector>, TlsError> {
        let provider = default_provider();
        let time = Arc::new(DefaultTimeProvider);
        Ok(Arc::new(match self {
            #[cfg(feature = "platform-roots")]
            Self::Platform => {
                let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider))
                    .map_err(|error| TlsError::Configuration { detail: error.to_string() })?;
                RustlsConnector::with_verifier(provider, Arc::new(verifier), time)?.assume_verified()
            }
            #[cfg(not(feature = "platform-roots"))]
            Self::Platform => RustlsConnector::with_roots(provider, RootCertStore::empty(), time)?,
            Self::Store(roots) => RustlsConnector::with_roots(provider, roots, time)?,
        }))
    }
}
