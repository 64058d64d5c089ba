//! The mechanisms by name, in the order of their strength.

use core::fmt;

/// A SASL mechanism as named in `AUTH` (RFC 4422 section 3.1) that this crate can speak.
///
/// The order is that in which one is chosen: what proves to both sides that they talk to each other and shows the
/// password to nobody comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AuthMechanism {
    /// `SCRAM-SHA-256-PLUS` (RFC 7677), bound to the TLS connection by tls-exporter (RFC 9266).
    ScramSha256Plus,
    /// `SCRAM-SHA-1-PLUS` (RFC 5802), bound in the same way.
    ScramSha1Plus,
    /// `SCRAM-SHA-256` (RFC 7677).
    ScramSha256,
    /// `SCRAM-SHA-1` (RFC 5802).
    ScramSha1,
    /// `OAUTHBEARER` (RFC 7628), with a token.
    OAuthBearer,
    /// `XOAUTH2`, with a token, as Google and Microsoft have it.
    XOAuth2,
    /// `EXTERNAL` (RFC 4422 appendix A): who the client is the server knows already, by its certificate for instance.
    External,
    /// `PLAIN` (RFC 4616).
    Plain,
    /// `LOGIN` (draft-murchison-sasl-login).
    Login,
    /// `CRAM-MD5` (RFC 2195): never chosen unless it is asked for.  What the server stores for it is as good as the
    /// password, and who records an exchange can guess offline.
    CramMd5,
}

impl AuthMechanism {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::External,
        Self::Plain,
        Self::Login,
        Self::CramMd5,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::External => "EXTERNAL",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
        }
    }

    /// The mechanism of this name, whatever its case.
    ///
    /// ```
    /// use smtp_proto::AuthMechanism;
    ///
    /// assert_eq!(AuthMechanism::from_name("scram-sha-256"), Some(AuthMechanism::ScramSha256));
    /// assert_eq!(AuthMechanism::from_name("DIGEST-MD5"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether it binds the exchange to the TLS connection (RFC 5802 section 6).
    pub const fn is_bound(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }

    /// Whether this build can speak it: SCRAM needs the feature `aws-lc-rs` or `ring`, CRAM-MD5 the feature `cram-md5`.
    pub const fn is_supported(self) -> bool {
        let (scram, md5) = (cfg!(any(feature = "aws-lc-rs", feature = "ring")), cfg!(feature = "cram-md5"));
        match self {
            Self::ScramSha256Plus | Self::ScramSha1Plus | Self::ScramSha256 | Self::ScramSha1 => scram,
            Self::CramMd5 => md5,
            _ => true,
        }
    }

    /// What proves who the client is.
    pub const fn proof(self) -> Proof {
        match self {
            Self::OAuthBearer | Self::XOAuth2 => Proof::Token,
            Self::External => Proof::Nothing,
            _ => Proof::Password,
        }
    }
}

/// What proves who the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    Password,
    /// A token that someone else issued (RFC 6750).
    Token,
    /// Something outside of SASL.
    Nothing,
}

impl fmt::Display for AuthMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
