//! How a signature is to be made: by whom, with which key, over which fields.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use smtp_proto::{AddressError, Domain};

use super::signature::{NAME, is_within};
use super::{Algorithm, Canonicalization, KeyName, PrivateKey};

/// Whether a signature also covers that there are no more fields of a name than there are, so that none can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Oversign {
    /// Also that there is none.
    Always,
    /// If there is one.
    IfPresent,
    /// Fields can be added.
    Never,
}
use Oversign::{Always, IfPresent, Never};

/// What is signed if nothing else is said: what people see of a message and what programs make of it (RFC 6376 section
/// 5.4.1, RFC 8058).  What servers add to a message that lacks it is oversigned only where it is.
const HEADERS: &[(&str, Oversign)] = &[
    ("From", Always),
    ("Sender", IfPresent),
    ("Reply-To", Always),
    ("To", Always),
    ("Cc", Always),
    ("Subject", Always),
    ("Date", IfPresent),
    ("Message-ID", IfPresent),
    ("In-Reply-To", IfPresent),
    ("References", IfPresent),
    ("MIME-Version", IfPresent),
    ("Content-Type", Always),
    ("Content-Transfer-Encoding", IfPresent),
    ("Content-ID", IfPresent),
    ("Content-Description", IfPresent),
    ("Content-Disposition", IfPresent),
    ("Content-Language", IfPresent),
    ("List-Unsubscribe", IfPresent),
    ("List-Unsubscribe-Post", IfPresent),
    ("List-Id", Never),
    ("List-Help", Never),
    ("List-Subscribe", Never),
    ("List-Post", Never),
    ("List-Owner", Never),
    ("List-Archive", Never),
    ("Feedback-ID", Never),
    ("Auto-Submitted", Never),
    ("Autocrypt", Never),
    ("OpenPGP", Never),
    ("Resent-From", Never),
    ("Resent-Sender", Never),
    ("Resent-Date", Never),
    ("Resent-To", Never),
    ("Resent-Cc", Never),
    ("Resent-Message-ID", Never),
];

/// What a callback may fail with.
pub type CallbackError = Box<dyn std::error::Error + Send + Sync>;

type Callback = dyn Fn(&[u8; 32]) -> Result<Vec<u8>, CallbackError> + Send + Sync;

/// A key that signs: one in memory, or one that is elsewhere.
#[derive(Clone)]
pub struct SigningKey(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Local(PrivateKey),
    Callback(Algorithm, Arc<Callback>),
}

impl SigningKey {
    /// A key that is in a hardware module or with a service, of which `sign` gets the SHA-256 digest of what is to be
    /// signed and returns the signature.
    ///
    /// For RSA that is the signature of RSASSA-PKCS1-v1_5 with the digest taken as already made; for Ed25519 the digest
    /// is the message (RFC 8463 section 3).  `sign` may block; who cannot, takes
    /// [`SigningPass::requests`](super::SigningPass::requests).
    pub fn callback(
        algorithm: Algorithm,
        sign: impl Fn(&[u8; 32]) -> Result<Vec<u8>, CallbackError> + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Callback(algorithm, Arc::new(sign)))
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Kind::Local(key) => key.algorithm(),
            Kind::Callback(algorithm, _) => *algorithm,
        }
    }
}

impl From<PrivateKey> for SigningKey {
    fn from(key: PrivateKey) -> Self {
        Self(Kind::Local(key))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Local(key) => key.fmt(f),
            Kind::Callback(algorithm, _) => write!(f, "Callback({algorithm})"),
        }
    }
}

/// How one signature is made.
///
/// Both canonicalisations are relaxed, `t=` is the time, there is no `x=`, and of each of the usual fields all are signed
/// that there are.  There is never an `l=`: it lets anybody add to the message.
#[derive(Clone, Debug)]
pub struct Template {
    pub(super) key: SigningKey,
    pub(super) domain: Domain,
    pub(super) key_name: KeyName,
    pub(super) identity: Option<String>,
    pub(super) canonicalization: Canonicalization,
    pub(super) headers: Vec<(String, Oversign)>,
    pub(super) time: bool,
    pub(super) lifetime: Option<Duration>,
}

/// Why no signature can be made so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateError {
    /// The domain is none.
    Domain(AddressError),
    /// The selector is not letters, digits, hyphens and underscores with dots between, or too long for DNS with the
    /// domain.
    Selector,
    /// The identity is not printable ASCII with an `@` and a domain behind it.
    Identity,
    /// The identity is neither of the domain nor of one below it.
    IdentityDomain,
    /// This cannot be the name of a field, or not in a signature.
    HeaderName,
    /// `DKIM-Signature` can be signed ([`Oversign::Never`]) and not oversigned: the field that is made would be one more.
    OversignedSignature,
    /// Fields that have to be signed are not: `From`.
    FromNotSigned,
    /// The signature ends when it begins.
    Lifetime,
}

impl Template {
    /// A signature of `domain` with the key that is published at `selector`.
    ///
    /// # Errors
    /// What is wrong with the domain or the selector.
    pub fn new(domain: &str, selector: &str, key: impl Into<SigningKey>) -> Result<Self, TemplateError> {
        let domain: Domain = domain.parse().map_err(TemplateError::Domain)?;
        Ok(Self {
            key: key.into(),
            key_name: KeyName::new(selector, &domain).ok_or(TemplateError::Selector)?,
            domain,
            identity: None,
            canonicalization: Canonicalization::RELAXED,
            headers: HEADERS.iter().map(|&(name, oversign)| (name.into(), oversign)).collect(),
            time: true,
            lifetime: None,
        })
    }

    /// For whom the domain signs, `i=`: an address, or `@` and a domain; of the domain, or of one below it.
    ///
    /// # Errors
    /// [`TemplateError::Identity`], [`TemplateError::IdentityDomain`].
    pub fn identity(mut self, identity: &str) -> Result<Self, TemplateError> {
        let (_, host) = identity.rsplit_once('@').ok_or(TemplateError::Identity)?;
        let host: Domain = host.parse().map_err(|_| TemplateError::Identity)?;
        if !identity.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ') || identity.len() > 320 {
            return Err(TemplateError::Identity);
        }
        if !is_within(&host, &self.domain) {
            return Err(TemplateError::IdentityDomain);
        }
        let safe = |c: char| !matches!(c, ' ' | ';' | '=');
        let encoded = |c| if safe(c) { c.to_string() } else { format!("={:02X}", u32::from(c)) };
        self.identity = Some(identity.chars().map(encoded).collect());
        Ok(self)
    }

    /// Where its key has to be published.
    pub fn key_name(&self) -> &KeyName {
        &self.key_name
    }

    /// What does not count.
    #[must_use]
    pub fn canonicalization(mut self, canonicalization: Canonicalization) -> Self {
        self.canonicalization = canonicalization;
        self
    }

    /// Signs the fields of this name, too, or otherwise than without this call.
    ///
    /// # Errors
    /// [`TemplateError::HeaderName`], [`TemplateError::OversignedSignature`].
    pub fn header(mut self, name: &str, oversign: Oversign) -> Result<Self, TemplateError> {
        let legal = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b':' | b';');
        if name.is_empty() || name.len() > crate::header::NAME_LIMIT || !name.bytes().all(legal) {
            return Err(TemplateError::HeaderName);
        }
        if name.eq_ignore_ascii_case(NAME) && oversign != Never {
            return Err(TemplateError::OversignedSignature);
        }
        match self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = oversign,
            None => self.headers.push((name.into(), oversign)),
        }
        Ok(self)
    }

    /// Signs just the fields of these names, which must have `From` among them.
    ///
    /// # Errors
    /// Those of [`header`](Self::header), [`TemplateError::FromNotSigned`].
    pub fn only_headers<'a>(
        mut self,
        names: impl IntoIterator<Item = (&'a str, Oversign)>,
    ) -> Result<Self, TemplateError> {
        self.headers.clear();
        for (name, oversign) in names {
            self = self.header(name, oversign)?;
        }
        match self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("From")) {
            true => Ok(self),
            false => Err(TemplateError::FromNotSigned),
        }
    }

    /// Leaves out when the signature was made.
    #[must_use]
    pub fn without_time(mut self) -> Self {
        self.time = false;
        self
    }

    /// The signature is not to be believed after this time, in whole seconds.
    ///
    /// # Errors
    /// [`TemplateError::Lifetime`] for less than a second.
    pub fn expires_after(mut self, lifetime: Duration) -> Result<Self, TemplateError> {
        if lifetime.as_secs() == 0 {
            return Err(TemplateError::Lifetime);
        }
        self.lifetime = Some(lifetime);
        Ok(self)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(error) => write!(f, "the domain that signs: {error}"),
            Self::Selector => f.write_str("the selector is none, or too long with the domain"),
            Self::Identity => f.write_str("the identity is neither an address in ASCII nor @ and a domain"),
            Self::IdentityDomain => f.write_str("the identity is of another domain than the one that signs"),
            Self::HeaderName => f.write_str("not the name of a field"),
            Self::OversignedSignature => f.write_str("a signature cannot say that it is not there"),
            Self::FromNotSigned => f.write_str("From has to be signed"),
            Self::Lifetime => f.write_str("a signature has to last for a second at least"),
        }
    }
}

impl std::error::Error for TemplateError {}
