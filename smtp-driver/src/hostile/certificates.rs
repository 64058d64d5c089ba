//! An authority that was made a moment ago, and certificates of all kinds that a server can present.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::tls::rustls::{RustlsAcceptor, default_provider};
use smtp_proto::tls::{TlsAcceptor, TlsError};

use super::script::Identity;

/// An authority, and a certificate of each kind for this host; valid for all names that a test reaches it by.
///
/// ```
/// let certificates = smtp_driver::hostile::Certificates::new()?;
/// assert!(certificates.authority_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct Certificates {
    authority: String,
    acceptors: BTreeMap<Identity, Arc<dyn TlsAcceptor>>,
}

/// The names of good certificates.
const NAMES: [&str; 5] = ["localhost", "127.0.0.1", "::1", "peer.example", "mx.hostile.example"];

impl Certificates {
    /// Makes them, with fresh keys.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if the provider of cryptography gives no keys.
    pub fn new() -> Result<Self, TlsError> {
        Self::make().map_err(|error| TlsError::Configuration { detail: error.to_string() })
    }

    fn make() -> Result<Self, Box<dyn std::error::Error>> {
        let known = authority("Hostile server kit")?;
        let unknown = authority("Nobody's authority")?;
        let mut acceptors = BTreeMap::new();
        for identity in Identity::ALL {
            let names: &[&str] = match identity {
                Identity::WrongName => &["other.example"],
                Identity::CommonNameOnly => &[],
                Identity::Wildcard => &["*.localhost", "*.hostile.example"],
                _ => &NAMES,
            };
            let mut params =
                CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
            params.distinguished_name.push(DnType::CommonName, "localhost");
            if identity == Identity::Expired {
                params.not_before = date_time_ymd(2019, 1, 1);
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            let key = KeyPair::generate()?;
            let certificate = match identity {
                Identity::SelfSigned => params.self_signed(&key)?,
                Identity::UnknownAuthority => params.signed_by(&key, &unknown)?,
                _ => params.signed_by(&key, &known)?,
            };
            let acceptor = RustlsAcceptor::with_certificate(
                default_provider(),
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
                Arc::new(DefaultTimeProvider),
            )?;
            acceptors.insert(identity, Arc::new(acceptor) as Arc<dyn TlsAcceptor>);
        }
        Ok(Self { authority: known.pem(), acceptors })
    }

    /// The certificate of the authority, which a client is to trust and no other, in PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }

    pub(super) fn acceptor(&self, identity: Identity) -> Option<Arc<dyn TlsAcceptor>> {
        self.acceptors.get(&identity).cloned()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}
