//! TLS policy as data: how a server is authenticated and with what, apart from any engine.
//!
//! RFC 7435 (opportunistic security), RFC 7672 (DANE for SMTP), RFC 8461 (MTA-STS asks for what [`TlsPolicy::verified`]
//! does), RFC 9325 (versions).  Whether TLS is required at all is said by [`Security`](crate::Security); trust roots and
//! client certificates are secrets or large, and given to the connector.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::Tlsa;

/// How a server is authenticated, and the least TLS that it must do.
///
/// The default is [`verified`](Self::verified).  With rustls, a policy is put to use by
/// `RustlsContext::connector`.
///
/// ```
/// use smtp_proto::tls::{Pin, TlsPolicy, TlsVersion, Tlsa};
///
/// let submission = TlsPolicy::verified().minimum_version(TlsVersion::V1_3);
/// assert!(submission.authenticates());
///
/// let key = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let appliance = TlsPolicy::pinned([format!("spki:{key}").parse::<Pin>()?]);
/// assert!(appliance.authenticates());
///
/// // The secure TLSA records of _25._tcp.mx.example.net, for mail to example.org.
/// let records: [Tlsa; 1] = [format!("2 1 1 {key}").parse()?];
/// let relay = TlsPolicy::dane("mx.example.net", records).reference_name("example.org");
/// assert!(relay.authenticates());
/// assert_eq!(relay.reference_names(), ["mx.example.net", "example.org"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct TlsPolicy {
    authentication: Authentication,
    names: Vec<String>,
    minimum: TlsVersion,
    sni: bool,
}

/// How it is established who the server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// A trusted authority vouches for a reference name (RFC 5280, RFC 9525).
    Roots,
    /// Not at all.
    None,
    /// The server's own certificate is one of these; its names, dates and issuer do not matter.
    Pins(Vec<Pin>),
    /// As these records say (RFC 7672 section 3); all that came, also those that are of no use.
    Dane(Vec<Tlsa>),
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

impl TlsPolicy {
    /// Encrypts to a server for whose name a trusted authority vouches (RFC 5280, RFC 9525): submission, and relays
    /// under MTA-STS (RFC 8461 section 4.1).
    pub fn verified() -> Self {
        Self::new(Authentication::Roots)
    }

    /// Encrypts to whoever answers (RFC 7435), which keeps out those who only listen.  Nothing is verified, so that
    /// credentials are not sent.
    pub fn opportunistic() -> Self {
        Self::new(Authentication::None)
    }

    /// Encrypts to a server whose own certificate is one of `pins`.  Its names, dates and issuer do not matter.
    ///
    /// With no pin at all nobody could be accepted, which is an error of the connector.
    pub fn pinned(pins: impl IntoIterator<Item = Pin>) -> Self {
        Self::new(Authentication::Pins(pins.into_iter().collect()))
    }

    /// Encrypts to a server that the TLSA records of `base_domain` are for (RFC 7672 section 3).
    ///
    /// `base_domain` is the name at which the records were found, without port and protocol: it is sent as SNI and is
    /// the first reference name.  Add the others, as the next-hop domain, with
    /// [`reference_name`](Self::reference_name); only DANE-TA looks at them (sections 3.1.1 and 3.2.2).
    ///
    /// The records must come from a secure answer.  If none is usable, or there is none, TLS authenticates nobody
    /// (section 2.2), and [`authenticates`](Self::authenticates) says so.
    pub fn dane(base_domain: impl Into<String>, records: impl IntoIterator<Item = Tlsa>) -> Self {
        Self::new(Authentication::Dane(records.into_iter().collect())).reference_name(base_domain)
    }

    fn new(authentication: Authentication) -> Self {
        Self { authentication, names: Vec::new(), minimum: TlsVersion::V1_2, sni: true }
    }

    /// Adds a name that the certificate may be for: a host name in A-labels, or an IP address.
    ///
    /// The first one is also sent as SNI.  With none, it is the name that the connection is made for.
    pub fn reference_name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// The least version; TLS 1.2 if not given.
    pub fn minimum_version(mut self, version: TlsVersion) -> Self {
        self.minimum = version;
        self
    }

    /// Does not tell the server which name is wanted (RFC 6066 section 3), for those that choke on it.  It may then
    /// present a certificate for another.
    pub fn without_sni(mut self) -> Self {
        self.sni = false;
        self
    }

    /// Whether a server that this policy accepts is known to be who it should be.
    pub fn authenticates(&self) -> bool {
        match &self.authentication {
            Authentication::Roots | Authentication::Pins(_) => true,
            Authentication::None => false,
            Authentication::Dane(records) => Tlsa::usable(records).next().is_some(),
        }
    }

    /// How the server is authenticated.
    pub fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// The names that the certificate may be for; if empty, the one that the connection is made for.
    pub fn reference_names(&self) -> &[String] {
        &self.names
    }

    /// The least version.
    pub fn least_version(&self) -> TlsVersion {
        self.minimum
    }

    /// Whether SNI is sent.
    pub fn sends_sni(&self) -> bool {
        self.sni
    }
}

impl Default for TlsPolicy {
    fn default() -> Self {
        Self::verified()
    }
}

/// The SHA-256 fingerprint of a server's own certificate, or of the key in it, which outlives renewals.
///
/// As text `cert:` or `spki:` and 64 hexadecimal digits, between which there may be colons, as `openssl x509
/// -fingerprint -sha256` writes them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pin {
    /// Of the certificate (DER).
    Certificate([u8; 32]),
    /// Of its `SubjectPublicKeyInfo` (DER).
    PublicKey([u8; 32]),
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let (kind, hex) = text.split_once(':').ok_or(PinError::Kind)?;
        let pin = match kind {
            "cert" => Self::Certificate,
            "spki" => Self::PublicKey,
            _ => return Err(PinError::Kind),
        };
        let hex = if hex.contains(':') {
            if hex.split(':').any(|octet| octet.len() != 2) {
                return Err(PinError::Hex);
            }
            hex.replace(':', "")
        } else {
            hex.into()
        };
        let digest = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| PinError::Hex)?;
        digest.try_into().map(pin).map_err(|_| PinError::Length)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, digest) = match self {
            Self::Certificate(digest) => ("cert", digest),
            Self::PublicKey(digest) => ("spki", digest),
        };
        write!(f, "{kind}:{}", HEXLOWER.encode_display(digest))
    }
}

/// As text.
impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// Why a text is no [`Pin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinError {
    /// It begins with neither `cert:` nor `spki:`.
    Kind,
    /// What follows is not in hex.
    Hex,
    /// It is not as long as a SHA-256 digest.
    Length,
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "a pin begins with cert: or spki:",
            Self::Hex => "the fingerprint of the pin is not in hex",
            Self::Length => "the fingerprint of the pin is not a SHA-256 digest",
        })
    }
}

impl core::error::Error for PinError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn pins_as_text() {
        let hex = "0123456789abcdef".repeat(4);
        let parsed = |text: &str| text.parse::<Pin>();
        let pin = parsed(&format!("cert:{hex}")).unwrap();
        assert!(matches!(pin, Pin::Certificate([1, 0x23, .., 0xef])));
        assert_eq!(pin.to_string(), format!("cert:{hex}"));
        assert!(matches!(parsed(&format!("spki:{hex}")), Ok(Pin::PublicKey(_))));
        let octets: Vec<String> =
            hex.to_uppercase().as_bytes().chunks(2).map(|o| String::from_utf8_lossy(o).into()).collect();
        assert_eq!(parsed(&format!("cert:{}", octets.join(":"))), Ok(pin));
        assert_eq!(parsed(&hex), Err(PinError::Kind));
        assert_eq!(parsed(&format!("key:{hex}")), Err(PinError::Kind));
        assert_eq!(parsed("cert:"), Err(PinError::Length));
        assert_eq!(parsed(&format!("cert:{}", &hex[2..])), Err(PinError::Length));
        assert_eq!(parsed(&format!("cert:{}", &hex[1..])), Err(PinError::Hex));
        assert_eq!(parsed("cert:0:123"), Err(PinError::Hex));
        assert_eq!(parsed("cert:zz"), Err(PinError::Hex));
    }

    #[test]
    fn case_d5_what_authenticates() {
        assert!(TlsPolicy::default().authenticates());
        assert!(!TlsPolicy::opportunistic().authenticates());
        let dane = |records: &[Tlsa]| TlsPolicy::dane("mx.example.com", records.to_vec()).authenticates();
        let (pkix, ee) = (Tlsa::new(1, 1, 1, [0; 32]), Tlsa::new(3, 1, 1, [0; 32]));
        assert!(!dane(&[]));
        assert!(!dane(core::slice::from_ref(&pkix)));
        assert!(dane(&[pkix, ee]));
    }
}
