//! Why nothing could be sent.

use std::fmt;
use std::io;

use smtp_message::ContentError;
use smtp_proto::Extensions;
use smtp_proto::client::{AuthError, AuthRefusal, Misuse, Phase};
use smtp_proto::envelope::EnvelopeError;
use smtp_proto::escape::Escaped;
use smtp_proto::sasl::SaslError;
use smtp_proto::tls::{CertificateError, TlsError};

/// Why a message could not be handed over at all.  What became of single recipients is in a
/// [`Report`](crate::Report) instead.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No connection could be made.
    Connect {
        /// The host, as it was given.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The connection was made and ended before the message was begun.
    Session(smtp_proto::client::Error),
    /// The server did not accept the credentials.
    Auth(AuthError),
    /// There are credentials, and the server offers no mechanism for them.
    NoMechanism {
        /// What it offers; empty if it has no AUTH at all.
        offered: String,
    },
    /// There are credentials, and the TLS connector does not vouch for the server's identity.
    InsecureAuth,
    /// The mechanism that was named must be bound to TLS 1.3, which the server does not do.
    NoChannelBinding,
    /// The credentials that were asked for could not be had, or cannot be used.
    Credentials(Box<dyn std::error::Error + Send + Sync>),
    /// The operating system gives no randomness.
    Randomness(io::Error),
    /// The envelope is not complete.
    Envelope(EnvelopeError),
    /// The content could not be read, or changed while it was sent.  The server did not accept it.
    Content(ContentError),
    /// The session was not used as it must be; a defect of this crate.
    Misuse(Misuse),
}

impl Error {
    pub(crate) fn no_mechanism(extensions: &Extensions) -> Self {
        Self::NoMechanism { offered: extensions.get("AUTH").unwrap_or_default().trim().into() }
    }

    pub(crate) fn closed() -> Self {
        Self::Session(smtp_proto::client::Error::Disconnected { phase: Phase::Idle })
    }

    /// What to do about it, in one sentence, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        use smtp_proto::client::Error as Session;
        Some(match self {
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the host name",
                io::ErrorKind::ConnectionRefused => "check host and port, and whether the server runs",
                io::ErrorKind::TimedOut => "check host and port, and whether a firewall is in the way",
                _ => return None,
            },
            Self::Session(Session::Tls(error)) => match error {
                TlsError::Certificate(CertificateError::IsAuthority) => {
                    "the server needs a certificate of its own, issued by an authority that is trusted here"
                }
                TlsError::Certificate(CertificateError::UnknownIssuer) => {
                    "if the server has a private authority, give that authority's certificate"
                }
                TlsError::Certificate(CertificateError::NameMismatch { .. }) => {
                    "connect by a name that the certificate is for"
                }
                TlsError::Certificate(CertificateError::Expired | CertificateError::NotYetValid) => {
                    "the server needs a new certificate; check this computer's clock too"
                }
                TlsError::Certificate(CertificateError::NoPinMatch) => {
                    "if the server has a new certificate, ask its operator for the new fingerprint"
                }
                TlsError::NotTls => "the port may be for STARTTLS: use smtp:// instead of smtps://",
                _ => return None,
            },
            Self::Session(Session::StartTlsUnavailable { .. }) => {
                "use a port with TLS; ?tls=none is for servers on this computer only"
            }
            Self::Session(Session::TimedOut { phase: Phase::Greeting }) => {
                "the port may be for implicit TLS: use smtps:// instead of smtp://"
            }
            Self::Auth(AuthError::TokenRefused { .. }) => {
                "get a new token, for this server and with the scope it wants"
            }
            Self::Auth(AuthError::Mechanism(error)) if error.is_of_the_server() => {
                "the server breaks the rules of the mechanism, or is not the one that knows the password"
            }
            Self::Auth(AuthError::Mechanism(SaslError::Prohibited { .. })) => {
                "SCRAM cannot be used with them; name another mechanism (auth=PLAIN)"
            }
            Self::Auth(error) => match error.refusal() {
                Some(AuthRefusal::Credentials) => "check user name and password",
                Some(AuthRefusal::Temporary) => "try again later",
                Some(AuthRefusal::TooWeak) => "do what the server says, or name another mechanism (auth=)",
                Some(AuthRefusal::NeedsTransition) => "log in with PLAIN once (auth=PLAIN)",
                _ => "name another mechanism (auth=)",
            },
            Self::InsecureAuth => "use a TLS connector that verifies the server",
            Self::NoChannelBinding => "name a mechanism without -PLUS",
            Self::NoMechanism { offered } if offered.is_empty() => {
                "leave the credentials out, or use the submission port of the server"
            }
            Self::NoMechanism { .. } => {
                "choose another mechanism (auth=), or give what those need: a password or a token"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { host, port, source } => {
                write!(f, "cannot connect to {} port {port}: {source}", Escaped(host.as_bytes()))
            }
            Self::Session(error) => error.fmt(f),
            Self::Auth(error) => error.fmt(f),
            Self::NoMechanism { offered } if offered.is_empty() => f.write_str("the server offers no AUTH"),
            Self::NoMechanism { offered } => {
                write!(
                    f,
                    "the server offers no AUTH mechanism that can be used here, but {}",
                    Escaped(offered.as_bytes())
                )
            }
            Self::InsecureAuth => Misuse::InsecureAuth.fmt(f),
            Self::NoChannelBinding => Misuse::NoChannelBinding.fmt(f),
            Self::Credentials(error) => write!(f, "there are no credentials to be had: {error}"),
            Self::Randomness(error) => write!(f, "the operating system gives no randomness: {error}"),
            Self::Envelope(error) => error.fmt(f),
            Self::Content(error) => error.fmt(f),
            Self::Misuse(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect { source, .. } => Some(source),
            Self::Session(error) => Some(error),
            Self::Auth(error) => Some(error),
            Self::NoMechanism { .. } | Self::InsecureAuth | Self::NoChannelBinding => None,
            Self::Credentials(error) => Some(&**error),
            Self::Randomness(error) => Some(error),
            Self::Envelope(error) => Some(error),
            Self::Content(error) => Some(error),
            Self::Misuse(error) => Some(error),
        }
    }
}

impl From<Misuse> for Error {
    fn from(error: Misuse) -> Self {
        match error {
            Misuse::InsecureAuth => Self::InsecureAuth,
            Misuse::NoChannelBinding => Self::NoChannelBinding,
            Misuse::Mechanism(error) => Self::Auth(AuthError::Mechanism(error)),
            error => Self::Misuse(error),
        }
    }
}

impl From<EnvelopeError> for Error {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error)
    }
}

impl From<ContentError> for Error {
    fn from(error: ContentError) -> Self {
        Self::Content(error)
    }
}
