//! What a client tells: events, and what became of each recipient.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::error::{Error, Phase, Unsupported};
use crate::body::BodyError;
use crate::envelope::Envelope;
use crate::extensions::Extension;
use crate::reply::Reply;
use crate::sasl::{AuthMechanism, SaslError, TokenRefusal};
use crate::tls::TlsInfo;

/// What to do next.
#[derive(Debug)]
#[must_use]
pub enum Next {
    /// Something happened; call `poll` again.
    Event(Event),
    /// The content of this transaction is wanted: call `body`.
    Body(TransactionId),
    /// Write the output, wait for input or the deadline.
    Wait,
    /// The connection is over; close the transport.  `Ok` only after `quit`.
    Closed(Result<(), Error>),
}

/// One message on its way through a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub(super) u64);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server accepted STARTTLS, or TLS comes first: do the handshake, then call `tls_ready`.
    /// A [`Session`](crate::Session) does it by itself and does not show this event.
    StartTls,
    /// TLS is established ([`Session`](crate::Session) only).
    TlsEstablished(Box<TlsInfo>),
    /// The server has said what it can do; see `extensions`.
    Ready,
    /// The exchange that `authenticate` began needs the password or token: call `respond` or `abort_auth`.
    SecretWanted(AuthMechanism),
    /// AUTH succeeded.
    Authenticated(Reply),
    /// AUTH failed; the connection can be used further.
    AuthFailed(AuthError),
    /// The server's reply to a query.
    Answer(Reply),
    /// The server does not offer what the envelope asks for, and the message goes without it: if the sender was promised
    /// a notification (RFC 3461 section 5.2.2), nobody else will send it.
    NotOffered(TransactionId, Extension),
    /// The server's reply to MAIL.
    Mail(TransactionId, Reply),
    /// The server's reply to the RCPT of the recipient at this position in the envelope.
    Rcpt(TransactionId, usize, Reply),
    /// A transaction is over: one outcome for each recipient of the envelope, in order.
    Finished(TransactionId, Vec<Outcome>),
    /// The server did something wrong that does no harm.
    PeerFault(PeerFault),
    /// A line was sent or received; only with [`Config::trace`](super::Config::trace).
    Trace(Trace),
}

/// Something that a server did wrong and that does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerFault {
    /// It ended a line in LF without CR; told once per connection.
    BareLf,
}

/// A line of the transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trace {
    /// A command, credentials masked.
    Sent(String),
    /// The content of a message: how many bytes, before dots were doubled.
    SentContent(u64),
    /// A reply, challenges of AUTH masked.
    Received(Reply),
}

/// Why AUTH failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The server said no; see [`refusal`](Self::refusal) for what that means.
    Refused(Reply),
    /// The server does not take the token (RFC 7628 section 3.2.2).
    TokenRefused {
        /// Why.
        refusal: TokenRefusal,
        /// Its final reply.
        reply: Reply,
    },
    /// The exchange went wrong in the mechanism, and was cancelled.
    Mechanism(SaslError),
    /// A challenge was not base64 in one line, or not the one that was due; the exchange was cancelled.
    BadChallenge,
    /// The exchange was cancelled by `abort_auth`.
    Aborted,
}

/// What the refusal of AUTH means (RFC 4954 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthRefusal {
    /// User name, password or token are wrong (535).
    Credentials,
    /// Not in this way (534): with a stronger mechanism, or after something that the server's text says.
    TooWeak,
    /// The mechanism needs encryption (538).
    NeedsEncryption,
    /// The user must log in with PLAIN once, so that the server can store what the mechanism needs (432).
    NeedsTransition,
    /// It may succeed later (454, and all others that begin with 4).
    Temporary,
    /// All others.
    Permanent,
}

impl AuthError {
    /// What the server's refusal means, if it was the server that refused.
    pub fn refusal(&self) -> Option<AuthRefusal> {
        let code = self.reply()?.code().get();
        if matches!(self, Self::TokenRefused { .. }) && code >= 500 {
            return Some(AuthRefusal::Credentials);
        }
        Some(match code {
            432 => AuthRefusal::NeedsTransition,
            400..500 => AuthRefusal::Temporary,
            534 => AuthRefusal::TooWeak,
            535 => AuthRefusal::Credentials,
            538 => AuthRefusal::NeedsEncryption,
            _ => AuthRefusal::Permanent,
        })
    }

    /// Whether trying the same again later may help.
    pub fn is_temporary(&self) -> bool {
        self.refusal() == Some(AuthRefusal::Temporary)
    }

    /// The server's refusal.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refused(reply) | Self::TokenRefused { reply, .. } => Some(reply),
            _ => None,
        }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenRefused { refusal, reply } => {
                write!(f, "the server refused the token ({refusal}): {reply}")
            }
            Self::Refused(reply) => match self.refusal() {
                Some(AuthRefusal::Credentials) => write!(f, "the server refused the credentials: {reply}"),
                Some(AuthRefusal::TooWeak) => {
                    write!(f, "the server does not take this way of logging in: {reply}")
                }
                Some(AuthRefusal::NeedsEncryption) => {
                    write!(f, "the server wants encryption for this AUTH mechanism: {reply}")
                }
                Some(AuthRefusal::NeedsTransition) => {
                    write!(f, "the server wants one login with PLAIN first: {reply}")
                }
                Some(AuthRefusal::Temporary) => write!(f, "the server refused AUTH for now: {reply}"),
                _ => write!(f, "the server refused AUTH: {reply}"),
            },
            Self::Mechanism(error) => write!(f, "AUTH failed: {error}"),
            Self::BadChallenge => f.write_str("AUTH failed: the server sent a broken challenge"),
            Self::Aborted => f.write_str("AUTH was given up"),
        }
    }
}

impl core::error::Error for AuthError {}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took responsibility for the message: its final reply.
    Delivered(Reply),
    /// It will not be delivered by this server; trying the same again is of no use.
    Rejected(Failure),
    /// It was not delivered; trying again later may help.
    Deferred(Failure),
    /// The connection was lost between the end of the content and the final reply, or that contradicts what the server said
    /// before: it may have been delivered.
    Ambiguous(Failure),
}

impl Outcome {
    /// Whether the server took responsibility.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered(_))
    }

    /// The reply that decided, if there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Delivered(reply) => Some(reply),
            Self::Rejected(failure) | Self::Deferred(failure) | Self::Ambiguous(failure) => failure.reply(),
        }
    }

    /// Why it was not delivered.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Delivered(_) => None,
            Self::Rejected(failure) | Self::Deferred(failure) | Self::Ambiguous(failure) => Some(failure),
        }
    }
}

impl Envelope {
    /// The envelope of a further transaction, for the recipients that were only too many for this one
    /// ([`Failure::TooManyRecipients`]), with their positions in this envelope; `None` if there are none.
    ///
    /// There are fewer of them every time, because a server that takes nobody at all does not make them too many.
    pub fn further(&self, outcomes: &[Outcome]) -> Option<(Self, Vec<usize>)> {
        let is_left =
            |outcome: &Outcome| matches!(outcome.failure(), Some(Failure::TooManyRecipients { .. }));
        let left: Vec<usize> = (0..outcomes.len()).filter(|&i| is_left(&outcomes[i])).collect();
        let envelope = self.with_recipients_at(&left)?;
        (left.len() < outcomes.len()).then_some((envelope, left))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(reply) => write!(f, "delivered: {reply}"),
            Self::Rejected(failure) => write!(f, "rejected: {failure}"),
            Self::Deferred(failure) => write!(f, "deferred: {failure}"),
            Self::Ambiguous(failure) => write!(f, "ambiguous: {failure}"),
        }
    }
}

/// Why a recipient was not served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The server refused.
    Refused {
        /// Where: MAIL, RCPT, DATA or the verdict.
        phase: Phase,
        /// What it said.
        reply: Reply,
    },
    /// The server lacks what the message needs; nothing was sent.
    Unsupported(Unsupported),
    /// The server took others, and this one is too many for one transaction; see [`Envelope::further`].
    ///
    /// [`Envelope::further`]: crate::envelope::Envelope::further
    TooManyRecipients {
        /// What it said to RCPT; `None` if it had said in advance how many it takes (RFC 9422).
        reply: Option<Reply>,
    },
    /// The transaction was cancelled.
    Cancelled,
    /// The content cannot be sent; nothing of the message counts for the server.
    Content(BodyError),
    /// The connection ended.
    Connection(Error),
}

impl Failure {
    /// The reply that belongs to it, if any.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refused { reply, .. } => Some(reply),
            Self::TooManyRecipients { reply } => reply.as_ref(),
            Self::Connection(error) => error.reply(),
            Self::Unsupported(_) | Self::Cancelled | Self::Content(_) => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { phase, reply } => write!(f, "the server refused {phase}: {reply}"),
            Self::Unsupported(unsupported) => unsupported.fmt(f),
            Self::TooManyRecipients { reply: Some(reply) } => {
                write!(f, "the server takes no more recipients at once: {reply}")
            }
            Self::TooManyRecipients { reply: None } => {
                f.write_str("the server takes fewer recipients at once")
            }
            Self::Cancelled => f.write_str("the transaction was cancelled"),
            Self::Content(error) => error.fmt(f),
            Self::Connection(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Failure {}
