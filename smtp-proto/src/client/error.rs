//! Why a connection or a recipient failed, and whose fault it is.
//!
//! The rule for all errors of these crates: `Display` says all in one line, the cause included, and `source` is never what
//! that line has said already, but what is behind the cause if anything is.

use core::fmt;

use crate::body::BodyError;
use crate::extensions::Extension;
use crate::reply::{Reply, ReplyError};
use crate::sasl::SaslError;
use crate::tls::{ResultType, TlsError};

/// Where in the protocol something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The TLS handshake.
    Handshake,
    /// Waiting for the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before any content.
    Data,
    /// While content is sent.
    Content,
    /// Waiting for the reply to the end of the content.
    Verdict,
    /// RSET.
    Reset,
    /// A query, such as VRFY.
    Query,
    /// QUIT.
    Quit,
    /// Nothing was going on.
    Idle,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "during the TLS handshake",
            Self::Greeting => "before the greeting",
            Self::Hello => "at EHLO",
            Self::StartTls => "at STARTTLS",
            Self::Auth => "at AUTH",
            Self::Mail => "at MAIL",
            Self::Rcpt => "at RCPT",
            Self::Data => "at DATA",
            Self::Content => "while the message was sent",
            Self::Verdict => "after the end of the message",
            Self::Reset => "at RSET",
            Self::Query => "at a query",
            Self::Quit => "at QUIT",
            Self::Idle => "while nothing was going on",
        })
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server refused to go on, with this reply.
    Refused {
        /// Where.
        phase: Phase,
        /// What it said.
        reply: Reply,
    },
    /// TLS is required and the server does not do STARTTLS.
    StartTlsUnavailable {
        /// Whether the server refused EHLO or STARTTLS, and how; `None` if it did not offer STARTTLS.
        refusal: Option<(Phase, Reply)>,
    },
    /// TLS failed.
    Tls(TlsError),
    /// The server broke the protocol.
    PeerMisbehaved(PeerMisbehaved),
    /// The connection was lost.
    Disconnected {
        /// Where.
        phase: Phase,
    },
    /// Time ran out: the server, or the content that it was to get, took too long.
    TimedOut {
        /// Where.
        phase: Phase,
    },
    /// A transaction was cancelled that nothing but the end of the connection could stop.
    Cancelled,
    /// A message's content could not be sent, which nothing but the end of the connection can stop.
    Content(BodyError),
}

impl Error {
    /// The reply that belongs to it, if any.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refused { reply, .. }
            | Self::PeerMisbehaved(
                PeerMisbehaved::Unsolicited { reply, .. } | PeerMisbehaved::UnexpectedReply { reply, .. },
            ) => Some(reply),
            Self::StartTlsUnavailable { refusal } => refusal.as_ref().map(|(_, reply)| reply),
            _ => None,
        }
    }

    /// What a report to the receiving domain calls it (RFC 8460 section 4.3); `None` if it is not about TLS, or the
    /// fault is on this side.
    pub fn result_type(&self) -> Option<ResultType> {
        match self {
            Self::StartTlsUnavailable { .. } => Some(ResultType::StartTlsNotSupported),
            Self::Tls(error) => error.result_type(),
            Self::PeerMisbehaved(PeerMisbehaved::DataAfterStartTls)
            | Self::Disconnected { phase: Phase::Handshake }
            | Self::TimedOut { phase: Phase::Handshake } => Some(ResultType::ValidationFailure),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { phase, reply } => write!(f, "the server refused {phase}: {reply}"),
            Self::StartTlsUnavailable { refusal: None } => {
                f.write_str("TLS is required, and the server does not offer STARTTLS")
            }
            Self::StartTlsUnavailable { refusal: Some((phase, reply)) } => {
                write!(f, "TLS is required, and the server refused {phase}: {reply}")
            }
            Self::Tls(error) => error.fmt(f),
            Self::PeerMisbehaved(error) => write!(f, "the server broke the protocol: {error}"),
            Self::Disconnected { phase } => write!(f, "the connection was lost {phase}"),
            Self::TimedOut { phase } => write!(f, "time ran out {phase}"),
            Self::Cancelled => f.write_str("the connection was closed to cancel a message"),
            Self::Content(error) => write!(f, "the connection was closed to stop a message: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// How a server broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// What it sent is no reply.
    Reply(ReplyError),
    /// A reply came that answers nothing.
    Unsolicited {
        /// Where.
        phase: Phase,
        /// The reply.
        reply: Reply,
    },
    /// The first digit of a reply makes no sense there (RFC 5321 section 4.3.2).
    UnexpectedReply {
        /// Where.
        phase: Phase,
        /// The reply.
        reply: Reply,
    },
    /// Plain text came behind the reply to STARTTLS, as when somebody injects replies (CVE-2021-33515 and its kin).
    DataAfterStartTls,
    /// A challenge came after AUTH was cancelled.
    ChallengeAfterCancel,
    /// It said that AUTH succeeded, which it has not.
    Auth(SaslError),
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(error) => error.fmt(f),
            Self::Unsolicited { phase, reply } => {
                write!(f, "a reply that answers nothing came {phase}: {reply}")
            }
            Self::UnexpectedReply { phase, reply } => {
                write!(f, "a reply that makes no sense came {phase}: {reply}")
            }
            Self::DataAfterStartTls => f.write_str("plain text behind the reply to STARTTLS"),
            Self::Auth(error) => error.fmt(f),
            Self::ChallengeAfterCancel => f.write_str("a challenge came after AUTH was cancelled"),
        }
    }
}

impl core::error::Error for PeerMisbehaved {}

/// A call that the state of the machine does not allow.  It had no effect, but for [`Misuse::Content`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// Before [`Event::Ready`](super::Event::Ready), during AUTH, after `quit`, or after the end of the connection.
    NotReady,
    /// AUTH or a query while transactions are open (RFC 4954 section 4).
    TransactionOpen,
    /// AUTH after AUTH has succeeded (RFC 4954 section 4); only XCLIENT begins anew.
    Authenticated,
    /// The connection has no verified TLS, and `allow_insecure_auth` is not set.
    InsecureAuth,
    /// The server does not offer the mechanism.
    MechanismNotOffered,
    /// The mechanism must be bound to the TLS connection, and there is none that it could be bound to.
    NoChannelBinding,
    /// The mechanism cannot begin with this user name, or in this build.
    Mechanism(SaslError),
    /// [`Event::SecretWanted`](super::Event::SecretWanted) has not asked.
    NoSecretWanted,
    /// `body` was called when [`Next::Body`](super::Next::Body) had not asked for it.
    BodyNotWanted,
    /// `body` was called while `out` was not empty.
    OutputNotEmpty,
    /// The server takes no more messages on one connection (RFC 9422); another connection does.
    TooManyMails {
        /// How many it takes.
        limit: usize,
    },
    /// The server does not offer what the query needs.
    NotOffered(Extension),
    /// HELP has text that is not ASCII, which no extension allows.
    NotAscii,
    /// The content cannot be sent; the connection ends, because the content cannot.
    Content(BodyError),
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("the session is not ready for this"),
            Self::TransactionOpen => f.write_str("a transaction is open, and this must wait for its end"),
            Self::Authenticated => f.write_str("AUTH has succeeded before, and is not allowed twice"),
            Self::InsecureAuth => f.write_str("credentials are not sent without verified TLS"),
            Self::MechanismNotOffered => f.write_str("the server does not offer this AUTH mechanism"),
            Self::NoChannelBinding => {
                f.write_str("there is no TLS 1.3 connection that this AUTH mechanism could be bound to")
            }
            Self::Mechanism(error) => write!(f, "AUTH cannot begin: {error}"),
            Self::NoSecretWanted => f.write_str("no secret is wanted now"),
            Self::BodyNotWanted => f.write_str("no content is wanted now"),
            Self::OutputNotEmpty => f.write_str("earlier output is not written yet"),
            Self::TooManyMails { limit } => {
                write!(f, "the server takes no more than {limit} messages on one connection")
            }
            Self::NotOffered(extension) => write!(f, "the server does not offer {extension}"),
            Self::NotAscii => f.write_str("the text of HELP must be ASCII"),
            Self::Content(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Misuse {}

/// What a server lacks for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// The message is larger than the server takes (RFC 1870).
    Size {
        /// Bytes of the message.
        size: u64,
        /// Bytes the server takes.
        limit: u64,
    },
    /// The content has 8-bit bytes and the server has no 8BITMIME (RFC 6152).
    EightBitMime,
    /// A header or an address needs SMTPUTF8 and the server has none (RFC 6531).
    SmtpUtf8,
    /// The content is binary, and the server has no BINARYMIME with CHUNKING, or CHUNKING is switched off (RFC 3030).
    BinaryMime,
    /// The message may travel over verified TLS only, and the server has no REQUIRETLS, or the connection no verified TLS
    /// (RFC 8689).
    RequireTls,
    /// The message is to go back when it is late, and the server has no DELIVERBY, or asks for more time (RFC 2852).
    DeliverBy {
        /// The least seconds that it takes, if it has it.
        minimum: Option<u32>,
    },
    /// The message is to be held, and the server has no FUTURERELEASE, or not for so long (RFC 4865).
    FutureRelease,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { size, limit } => {
                write!(f, "the message has {size} bytes, and the server takes at most {limit}")
            }
            Self::EightBitMime => {
                f.write_str("the message has 8-bit content, and the server has no 8BITMIME")
            }
            Self::SmtpUtf8 => f.write_str("the message needs SMTPUTF8, and the server has none"),
            Self::BinaryMime => f.write_str(
                "the message has binary content, and the server has no BINARYMIME that can be used",
            ),
            Self::RequireTls => f.write_str(
                "the message needs REQUIRETLS over verified TLS, and the connection or the server has none",
            ),
            Self::DeliverBy { minimum: None } => {
                f.write_str("the message has a time to be delivered by, and the server has no DELIVERBY")
            }
            Self::DeliverBy { minimum: Some(minimum) } => {
                write!(f, "the message is to be delivered in less than the server's {minimum} seconds")
            }
            Self::FutureRelease => {
                f.write_str("the message is to be held, and the server does not, or not for so long")
            }
        }
    }
}

impl core::error::Error for Unsupported {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_about_tls_have_the_words_of_reports() {
        let word = |error: Error| error.result_type().map(ResultType::as_str);
        assert_eq!(word(Error::StartTlsUnavailable { refusal: None }), Some("starttls-not-supported"));
        assert_eq!(word(Error::Tls(TlsError::NotTls)), Some("validation-failure"));
        assert_eq!(word(Error::TimedOut { phase: Phase::Handshake }), Some("validation-failure"));
        assert_eq!(word(Error::TimedOut { phase: Phase::Greeting }), None);
        assert_eq!(word(Error::Cancelled), None);
    }
}
