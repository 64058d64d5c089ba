//! Clients' connections through rustls: what many policies share, and one policy put to use.

use std::boxed::Box;
use std::fmt;
use std::string::ToString;
use std::sync::Arc;
use std::vec::Vec;

use ::rustls::client::danger::ServerCertVerifier;
use ::rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use ::rustls::crypto::CryptoProvider;
use ::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use ::rustls::sign::{CertifiedKey, SingleCertAndKey};
use ::rustls::time_provider::TimeProvider;
use ::rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, SupportedProtocolVersion, version,
};

use super::engine::{Audit, Engine};
use super::error;
use super::verifier::PolicyVerifier;
use crate::tls::{
    Authentication, TlsConnector, TlsEngine, TlsError, TlsPolicy, TlsVersion, Tlsa, Verification,
};

/// What connectors for many policies have in common: cryptography, wall time, trusted authorities and the client's own
/// certificate.
///
#[cfg_attr(any(feature = "aws-lc-rs", feature = "ring"), doc = "```")]
#[cfg_attr(not(any(feature = "aws-lc-rs", feature = "ring")), doc = "```ignore")]
/// use std::sync::Arc;
///
/// use rustls::time_provider::DefaultTimeProvider;
/// use smtp_proto::tls::rustls::{RustlsContext, default_provider};
/// use smtp_proto::tls::{TlsConnector, TlsError, TlsPolicy, Tlsa};
///
/// let context = RustlsContext::new(default_provider(), Arc::new(DefaultTimeProvider));
/// let record = "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse::<Tlsa>()?;
/// let connector = context.connector(&TlsPolicy::dane("mx.example.net", [record]))?;
/// let engine = connector.connect("mx.example.net")?;
/// assert!(engine.is_handshaking());
///
/// // Nobody is trusted unless given.
/// assert!(matches!(context.connector(&TlsPolicy::verified()), Err(TlsError::Configuration { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RustlsContext {
    provider: Arc<CryptoProvider>,
    time: Arc<dyn TimeProvider>,
    authorities: Option<Arc<dyn ServerCertVerifier>>,
    client: Option<Arc<dyn ResolvesClientCert>>,
}

impl RustlsContext {
    /// Trusts no authority and has no certificate of its own; certificates are dated by `time`.
    pub fn new(provider: Arc<CryptoProvider>, time: Arc<dyn TimeProvider>) -> Self {
        Self { provider, time, authorities: None, client: None }
    }

    /// Trusts these authorities (RFC 5280, RFC 9525), instead of any given before.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if there is none.
    pub fn roots(self, roots: RootCertStore) -> Result<Self, TlsError> {
        if roots.is_empty() {
            return Err(TlsError::Configuration { detail: "there are no trusted roots".into() });
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone()).build();
        match verifier {
            Ok(verifier) => Ok(self.authorities(verifier)),
            Err(error) => Err(TlsError::Configuration { detail: error.to_string() }),
        }
    }

    /// Trusts whom `verifier` does, such as the operating system's, instead of any given before.
    ///
    /// It must check chain, dates and name, and do no less than rustls' own: what it accepts is taken for verified.
    #[must_use]
    pub fn authorities(mut self, verifier: Arc<dyn ServerCertVerifier>) -> Self {
        self.authorities = Some(verifier);
        self
    }

    /// Presents `chain` (DER, this side's own certificate first) to servers that ask for a certificate, and proves it with
    /// `key` (PKCS#8, PKCS#1 or SEC 1).  All connectors that are made from now on do so.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if the key cannot be used, or is not the one of the first certificate.
    pub fn client_certificate(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let certified = CertifiedKey::from_der(chain, key, &self.provider).map_err(error::configuration)?;
        self.client = Some(Arc::new(SingleCertAndKey::from(certified)));
        Ok(self)
    }

    /// Puts a policy to use.  Sessions are not resumed unless the connector is told to.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if the policy needs what this context does not have (authorities, a TLS version, a
    /// digest), or has no pin; [`TlsError::InvalidServerName`] if a reference name is none.
    pub fn connector(&self, policy: &TlsPolicy) -> Result<RustlsConnector, TlsError> {
        let mut names = Vec::new();
        for name in policy.reference_names() {
            names.push(server_name(name)?);
        }
        let name = if names.is_empty() { None } else { Some(names.remove(0)) };
        let (provider, time) = (self.provider.clone(), self.time.clone());
        let verifier = match policy.authentication() {
            Authentication::Roots => {
                let authorities = self.authorities.clone().ok_or_else(|| TlsError::Configuration {
                    detail: "the policy needs trusted authorities".into(),
                })?;
                PolicyVerifier::authorities(authorities, names, provider, time)
            }
            Authentication::Pins(pins) => PolicyVerifier::pins(pins.clone(), provider, time)?,
            Authentication::Dane(records) if policy.authenticates() => {
                PolicyVerifier::dane(Tlsa::usable(records).cloned().collect(), names, provider, time)?
            }
            Authentication::Dane(_) | Authentication::None => PolicyVerifier::nothing(provider, time),
        };
        let verifier = Arc::new(verifier);
        let builder = ClientConfig::builder_with_details(self.provider.clone(), self.time.clone())
            .with_protocol_versions(versions(policy.least_version()))
            .map_err(error::configuration)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone());
        let mut config = match &self.client {
            Some(client) => builder.with_client_cert_resolver(client.clone()),
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = policy.sends_sni();
        let mut connector = RustlsConnector::new(Arc::new(config));
        connector.judged = verifier.verdict().map_or(Judged::ByPolicy(verifier), Judged::Always);
        connector.name = name;
        Ok(connector)
    }
}

impl fmt::Debug for RustlsContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsContext")
            .field("has_authorities", &self.authorities.is_some())
            .field("has_client_certificate", &self.client.is_some())
            .finish_non_exhaustive()
    }
}

fn versions(least: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static SINCE_1_2: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
    static SINCE_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];
    match least {
        TlsVersion::V1_2 => SINCE_1_2,
        TlsVersion::V1_3 => SINCE_1_3,
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.strip_suffix('.').unwrap_or(name))
        .map(|name| name.to_owned())
        .map_err(|_| TlsError::InvalidServerName(name.into()))
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
    judged: Judged,
    /// The policy's first reference name, which stands for the one that a connection is made for.
    name: Option<ServerName<'static>>,
}

/// Where it is known from how a server was verified.
#[derive(Clone, Debug)]
enum Judged {
    Always(Verification),
    ByPolicy(Arc<PolicyVerifier>),
}

impl RustlsConnector {
    /// Uses a configuration of the caller's, but for its session store: see the type.
    ///
    /// What its verifier is worth cannot be seen: [`TlsInfo::is_verified`](crate::tls::TlsInfo::is_verified) is false, and no
    /// credentials are sent, until [`assume_verified`](Self::assume_verified) vouches for it.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.resumption = Resumption::disabled();
        Self { config: Arc::new(config), judged: Judged::Always(Verification::None), name: None }
    }

    /// [`TlsPolicy::verified`] by trusted roots, at the wall time that `time` tells (RFC 5280, RFC 9525).
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if there is no root, or the provider has nothing for TLS 1.2 and 1.3.
    pub fn with_roots(
        provider: Arc<CryptoProvider>,
        roots: RootCertStore,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        RustlsContext::new(provider, time).roots(roots)?.connector(&TlsPolicy::verified())
    }

    /// Verifies the server as `verifier` does, a stranger's.  Like [`new`](Self::new), it needs to be vouched for; one
    /// that trusts authorities, such as the operating system's, is rather given to [`RustlsContext::authorities`].
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

    /// Accepts any certificate, as [`TlsPolicy::opportunistic`] does: the connection is encrypted, but the server may be
    /// anyone.  It is never right for submission with credentials.
    ///
    /// # Errors
    /// [`TlsError::Configuration`] if the provider has nothing for TLS 1.2 and 1.3.
    pub fn without_verification(
        provider: Arc<CryptoProvider>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, TlsError> {
        RustlsContext::new(provider, time).connector(&TlsPolicy::opportunistic())
    }

    /// Vouches for a verifier of the caller's: a server that it accepts is who it should be, so that
    /// [`TlsInfo::is_verified`](crate::tls::TlsInfo::is_verified) is true and credentials may be sent.
    #[must_use]
    pub fn assume_verified(mut self) -> Self {
        if matches!(self.judged, Judged::Always(Verification::None)) {
            self.judged = Judged::Always(Verification::Custom);
        }
        self
    }

    /// Resumes up to `sessions` TLS sessions, which spares their certificates and signatures.
    ///
    /// Whoever was verified once is believed for as long as the server's ticket lasts, up to seven days, even if the
    /// certificate has expired since.  For pins and DANE, the certificate of the earlier session is looked at again.
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
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(server)?,
        };
        let connection =
            ClientConnection::new(self.config.clone(), name.clone()).map_err(error::configuration)?;
        let audit = match &self.judged {
            Judged::Always(verification) => Audit::Fixed(verification.clone()),
            Judged::ByPolicy(verifier) => Audit::ByPolicy(verifier.clone(), name),
        };
        Ok(Engine::boxed(Connection::Client(connection), audit))
    }
}

impl fmt::Debug for RustlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsConnector").field("judged", &self.judged).finish_non_exhaustive()
    }
}
