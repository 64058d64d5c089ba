//! Why nothing could be sent.
//!
//! An error's text is complete in one line: it has that of its cause, so that `source` is the cause's own.

use std::io;
use std::sync::Arc;
use std::{error, fmt};

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use smtp_message::dkim::SignError;
use smtp_message::{ContentError, NoEnvelope};
use smtp_proto::Extensions;
use smtp_proto::client::{AuthError, AuthRefusal, Error as SessionError, Misuse, Phase};
use smtp_proto::envelope::EnvelopeError;
use smtp_proto::escape::Escaped;
use smtp_proto::reply::{Reply, Severity};
use smtp_proto::sasl::{CredentialsError, SaslError};
use smtp_proto::tls::{CertificateError, TlsError};

/// Why a message could not be handed over at all.  What became of single recipients is in a
/// [`Report`](crate::Report) instead.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No connection could be made.
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// All connections that there may be were in use for too long
    /// ([`max_connections`](crate::MailerBuilder::max_connections)).
    Busy {
        /// How many there may be.
        connections: usize,
    },
    /// The connection was made and ended before the message was begun.
    Session {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        source: Box<SessionError>,
    },
    /// The server did not accept the credentials.
    Auth {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        source: Box<AuthError>,
    },
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
    Credentials(Box<dyn error::Error + Send + Sync>),
    /// The operating system gives no randomness.
    Randomness(io::Error),
    /// There is no envelope, or it is not complete.
    Envelope(NoEnvelope),
    /// The content could not be read, or changed while it was sent.  The server did not accept it.
    Content(ContentError),
    /// The message could not be signed ([`MailerBuilder::sign_with`](crate::MailerBuilder::sign_with)).
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    Sign(SignError),
    /// The mailer signs what it sends, which has to be read twice, and this content can be read once.
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    UnsignedStream,
    /// The session was not used as it must be; a defect of this crate.
    Misuse(Misuse),
}

impl Error {
    pub(crate) fn no_mechanism(extensions: &Extensions) -> Self {
        Self::NoMechanism { offered: extensions.get("AUTH").unwrap_or_default().trim().into() }
    }

    /// Whether trying the same again later may help, though nobody here changes anything.
    ///
    /// A server that cannot be reached counts as temporary, one that cannot be trusted does not.  Whoever sends a message
    /// again after an error does not send it twice: nothing was handed over.
    pub fn is_temporary(&self) -> bool {
        match self {
            // Many resolvers do not tell a name that does not exist from a DNS that does not answer.
            Self::Connect { source, .. } => source.kind() != io::ErrorKind::InvalidInput,
            Self::Session { source, .. } => match &**source {
                SessionError::Refused { reply, .. }
                | SessionError::StartTlsUnavailable { refusal: Some((_, reply)) } => {
                    reply.severity() == Severity::Transient
                }
                SessionError::Tls(error) => {
                    matches!(error, TlsError::PeerAlert { .. } | TlsError::PeerMisbehaved { .. })
                }
                SessionError::PeerMisbehaved(_)
                | SessionError::Disconnected { .. }
                | SessionError::TimedOut { .. } => true,
                _ => false,
            },
            Self::Auth { source, .. } => source.is_temporary(),
            Self::Credentials(error) => !error.is::<CredentialsError>(),
            Self::Busy { .. } | Self::Randomness(_) | Self::Content(ContentError::Changed) => true,
            // Of keys that are elsewhere, and perhaps out of reach.
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            Self::Sign(error) => matches!(error, SignError::Callback(_)),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            Self::UnsignedStream => false,
            Self::NoMechanism { .. }
            | Self::InsecureAuth
            | Self::NoChannelBinding
            | Self::Envelope(_)
            | Self::Content(_)
            | Self::Misuse(_) => false,
        }
    }

    /// The server's reply, if one is the reason.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Session { source, .. } => source.reply(),
            Self::Auth { source, .. } => source.reply(),
            _ => None,
        }
    }

    /// What to do about it, in one sentence, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the host name",
                io::ErrorKind::ConnectionRefused => "check host and port, and whether the server runs",
                io::ErrorKind::TimedOut => "check host and port, and whether a firewall is in the way",
                _ => return None,
            },
            Self::Session { source, .. } => return session_hint(source),
            Self::Auth { source, .. } => match &**source {
                AuthError::TokenRefused { .. } => {
                    "get a new token, for this server and with the scope it wants"
                }
                AuthError::Mechanism(error) if error.is_of_the_server() => {
                    "the server breaks the rules of the mechanism, or is not the one that knows the password"
                }
                AuthError::Mechanism(SaslError::Prohibited { .. }) => {
                    "SCRAM cannot be used with them; name another mechanism (auth=PLAIN)"
                }
                error => match error.refusal() {
                    Some(AuthRefusal::Credentials) => "check user name and password",
                    Some(AuthRefusal::Temporary) => "try again later",
                    Some(AuthRefusal::TooWeak) => {
                        "do what the server says, or name another mechanism (auth=)"
                    }
                    Some(AuthRefusal::NeedsTransition) => "log in with PLAIN once (auth=PLAIN)",
                    _ => "name another mechanism (auth=)",
                },
            },
            Self::Busy { .. } => "send less at once, or allow more connections if the server does",
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

fn session_hint(error: &SessionError) -> Option<&'static str> {
    Some(match error {
        SessionError::Tls(TlsError::Certificate(error)) => match error {
            CertificateError::IsAuthority => {
                "the server needs a certificate of its own, issued by an authority that is trusted here"
            }
            CertificateError::UnknownIssuer => {
                "if the server has a private authority, give that authority's certificate"
            }
            CertificateError::NameMismatch { .. } => "connect by a name that the certificate is for",
            CertificateError::Expired | CertificateError::NotYetValid => {
                "the server needs a new certificate; check this computer's clock too"
            }
            CertificateError::NoPinMatch => {
                "if the server has a new certificate, ask its operator for the new fingerprint"
            }
            _ => return None,
        },
        SessionError::Tls(TlsError::NotTls) => "if the port is for STARTTLS, use smtp:// and not smtps://",
        SessionError::StartTlsUnavailable { .. } => {
            "use a port with TLS; ?tls=none is for servers on this computer only"
        }
        SessionError::TimedOut { phase: Phase::Greeting } => {
            "if the port is for implicit TLS, use smtps:// and not smtp://"
        }
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { host, port, source } => {
                write!(f, "cannot connect to {} port {port}: {source}", Escaped(host.as_bytes()))
            }
            Self::Busy { connections } => {
                write!(f, "all {connections} connections that there may be were in use for too long")
            }
            Self::Session { host, port, source } => {
                write!(f, "{} port {port}: {source}", Escaped(host.as_bytes()))
            }
            Self::Auth { host, port, source } => {
                write!(f, "{} port {port}: {source}", Escaped(host.as_bytes()))
            }
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
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            Self::Sign(error) => error.fmt(f),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            Self::UnsignedStream => f.write_str("a content that can be read once cannot be signed"),
            Self::Misuse(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Connect { source, .. } => source.source(),
            Self::Session { source, .. } => source.source(),
            Self::Auth { source, .. } => source.source(),
            Self::Busy { .. } | Self::NoMechanism { .. } | Self::InsecureAuth | Self::NoChannelBinding => {
                None
            }
            Self::Credentials(error) => error.source(),
            Self::Randomness(error) => error.source(),
            Self::Envelope(error) => error.source(),
            Self::Content(error) => error.source(),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            Self::Sign(error) => error.source(),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            Self::UnsignedStream => None,
            Self::Misuse(error) => error.source(),
        }
    }
}

/// A server, for errors that have to do with one.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn connect(&self, source: io::Error) -> Error {
        Error::Connect { host: self.host.to_string(), port: self.port, source }
    }

    pub(crate) fn session(&self, source: SessionError) -> Error {
        Error::Session { host: self.host.to_string(), port: self.port, source: Box::new(source) }
    }

    pub(crate) fn auth(&self, source: AuthError) -> Error {
        Error::Auth { host: self.host.to_string(), port: self.port, source: Box::new(source) }
    }

    pub(crate) fn misuse(&self, error: Misuse) -> Error {
        match error {
            Misuse::InsecureAuth => Error::InsecureAuth,
            Misuse::NoChannelBinding => Error::NoChannelBinding,
            Misuse::Mechanism(error) => self.auth(AuthError::Mechanism(error)),
            error => Error::Misuse(error),
        }
    }

    pub(crate) fn closed(&self) -> Error {
        self.session(SessionError::Disconnected { phase: Phase::Idle })
    }
}

impl From<NoEnvelope> for Error {
    fn from(error: NoEnvelope) -> Self {
        Self::Envelope(error)
    }
}

impl From<EnvelopeError> for Error {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error.into())
    }
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Content(error) => Self::Content(error),
            error => Self::Sign(error),
        }
    }
}

impl From<ContentError> for Error {
    fn from(error: ContentError) -> Self {
        Self::Content(error)
    }
}
