//! Whom TLS trusts: the operating system, Mozilla's list, or a given authority.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::tls::rustls::{RustlsContext, default_provider};
use smtp_proto::tls::{Authentication, TlsConnector, TlsError, TlsPolicy};

use crate::mailer::ConfigError;

/// Where trust comes from.
#[derive(Clone, Default)]
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

    /// What makes TLS connections by a policy, which trust these roots if it asks for any.
    pub(crate) fn connector(self, policy: &TlsPolicy) -> Result<Arc<dyn TlsConnector>, TlsError> {
        let mut context = RustlsContext::new(default_provider(), Arc::new(DefaultTimeProvider));
        // Pins work on computers that have no roots.
        if *policy.authentication() == Authentication::Roots {
            context = match self {
                #[cfg(feature = "platform-roots")]
                Self::Platform => {
                    let verifier = rustls_platform_verifier::Verifier::new(default_provider())
                        .map_err(|error| TlsError::Configuration { detail: error.to_string() })?;
                    context.authorities(Arc::new(verifier))
                }
                #[cfg(not(feature = "platform-roots"))]
                Self::Platform => context.roots(RootCertStore::empty())?,
                Self::Store(roots) => context.roots(roots)?,
            };
        }
        Ok(Arc::new(context.connector(policy)?))
    }
}
