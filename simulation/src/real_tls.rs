//! rustls for both sides, with an authority made at the first session that needs it.
//!
//! Its randomness is its own: a session with it is not the same byte for byte when it is run again.

use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ED25519};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::tls::rustls::{RustlsAcceptor, RustlsContext, default_provider};
use smtp_proto::tls::{TlsAcceptor, TlsConnector, TlsPolicy};

struct Engines {
    verifying: Arc<dyn TlsConnector>,
    trusting: Arc<dyn TlsConnector>,
    acceptor: Arc<dyn TlsAcceptor>,
}

static ENGINES: LazyLock<Engines> = LazyLock::new(|| make().expect("certificates and engines"));

pub(crate) fn engines(verified: bool) -> (Arc<dyn TlsConnector>, Arc<dyn TlsAcceptor>) {
    let engines = &*ENGINES;
    let connector = if verified { &engines.verifying } else { &engines.trusting };
    (connector.clone(), engines.acceptor.clone())
}

fn make() -> Result<Engines, Box<dyn std::error::Error>> {
    let (provider, time) = (default_provider(), Arc::new(DefaultTimeProvider));
    // Signatures that are always of the same length.
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate_for(&PKCS_ED25519)?;
    let root = authority.self_signed(&authority_key)?.der().clone();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate_for(&PKCS_ED25519)?;
    let certificate = CertificateParams::new(vec!["mx.example".into()])?.signed_by(&key, &issuer)?;
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let context = RustlsContext::new(provider.clone(), time.clone()).roots(roots)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    Ok(Engines {
        verifying: Arc::new(context.connector(&TlsPolicy::verified())?),
        trusting: Arc::new(context.connector(&TlsPolicy::opportunistic())?),
        acceptor: Arc::new(RustlsAcceptor::with_certificate(
            provider,
            vec![certificate.der().clone()],
            key,
            time,
        )?),
    })
}
