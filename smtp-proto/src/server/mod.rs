//! The other side of the protocol as a machine in the same style: [`Server`] takes what a client sends, plain text or
//! ciphertext, and asks its embedder what to decide.
//!
//! RFC 5321 or LMTP (RFC 2033), with PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531),
//! CHUNKING and BINARYMIME (RFC 3030), DSN (RFC 3461), DELIVERBY (RFC 2852), FUTURERELEASE (RFC 4865), MT-PRIORITY
//! (RFC 6710), REQUIRETLS (RFC 8689), LIMITS (RFC 9422), STARTTLS (RFC 3207), AUTH PLAIN and LOGIN (RFC 4954), enhanced
//! status codes (RFC 2034), and Postfix's XCLIENT.  It is made for tests: of the client in this
//! crate, and of programs that send mail.  It is strict where leniency has carried attacks: a bare LF ends no line, and
//! input behind STARTTLS or DATA that came before their reply ends the connection.
//!
//! Left out: trace headers, notifications, queues, and all decisions.
//!
//! ```
//! use std::sync::Arc;
//!
//! use smtp_proto::server::{Config, Event, Next, Response, Server};
//! use smtp_proto::{Domain, Instant, Output};
//!
//! let now = Instant::ZERO; // a driver passes its clock
//! let mut server = Server::new(Arc::new(Config::new("mx.example.com".parse::<Domain>()?)), now);
//! server.handle_input(now, b"HELO client.example\r\nMAIL FROM:<a@client.example>\r\n");
//! let mut out = Output::new();
//! let mut wire = Vec::new();
//! loop {
//!     match server.poll(now, &mut out) {
//!         Next::Event(Event::Mail { sender, .. }) => {
//!             assert_eq!(sender.unwrap().to_string(), "a@client.example");
//!             server.respond(Response::defer());
//!         }
//!         Next::Event(_) => {}
//!         Next::Wait if out.is_empty() => break, // for input, until `deadline`
//!         Next::Wait => {
//!             let written = out.len();
//!             out.slices(&[])?.for_each(|bytes| wire.extend_from_slice(bytes));
//!             out.advance(written);
//!             server.handle_written(now, written);
//!         }
//!         Next::Closed(_) => break,
//!     }
//! }
//! let replies = String::from_utf8(wire)?;
//! assert!(replies.starts_with("220 mx.example.com ESMTP\r\n250 mx.example.com\r\n451 4.7.1 "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod auth;
mod body;
mod command;
mod config;
mod decision;
mod lines;
mod machine;
mod order;
mod parameters;
mod replies;
mod state;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

pub use config::{Config, FutureRelease, Keyword, Limits, Tls};
pub use machine::Server;

use crate::address::Address;
use crate::command::{MailParameters, Query};
use crate::envelope::RcptOptions;
use crate::reply::Reply;
use crate::sasl::AuthMechanism;
use crate::secret::{Secret, SecretBytes};
use crate::tls::{TlsError, TlsInfo};

/// What comes next for a server's driver.
#[derive(Debug)]
#[must_use]
#[allow(clippy::large_enum_variant)] // it is taken apart where it comes from, and kept nowhere
pub enum Next {
    /// Something for the embedder.
    Event(Event),
    /// Write the output if there is some; else wait for input, for [`Server::respond`] or for the deadline.
    Wait,
    /// The connection is over; close it.
    Closed(Result<(), ServerError>),
}

/// What a client has done.  Those marked *question* stop the machine until [`Server::respond`] is called.
///
/// `Debug` shows neither passwords nor content.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event {
    /// EHLO, LHLO or HELO.
    Hello {
        /// What the client calls itself: printable, but otherwise anything.
        name: String,
        /// Whether it was not HELO.
        extended: bool,
    },
    /// TLS has begun; what the client said before is forgotten.
    TlsStarted(TlsInfo),
    /// *Question*: are these right?
    Auth(Credentials),
    /// *Question*: what the client says in a mechanism that is not implemented here.  The answer may be a
    /// [`challenge`](Response::challenge).
    AuthMessage(AuthMessage),
    /// *Question*: a message begins; `None` is the null reverse-path of bounces.
    Mail {
        /// The reverse-path.
        sender: Option<Address>,
        /// Its parameters.
        parameters: MailParameters,
    },
    /// *Question*: one more recipient.
    Rcpt {
        /// Who, and what is asked for them.
        recipient: Recipient,
    },
    /// A part of the content, dots taken away; parts are cut anywhere.
    Body(Bytes),
    /// *Question*: the content is complete.
    Message,
    /// *Question*, with [`Config::lmtp`]: the content is complete; is it accepted for this recipient?  It comes once for
    /// each one that was accepted, in order (RFC 2033 section 4.2), and there is no [`Message`](Self::Message).
    MessageFor {
        /// Who.
        recipient: Recipient,
    },
    /// *Question*: VRFY, EXPN, HELP, or XCLIENT if it is offered.  If the latter is accepted, all that was said before is
    /// forgotten but TLS, and the session begins anew with the greeting; no attribute has control characters.
    Query(Query),
    /// The message that had begun is no more: RSET, a new hello, or content that was refused here.
    Reset,
    /// QUIT.
    Quit,
}

/// What a client offers to prove who it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// How.
    pub mechanism: AuthMechanism,
    /// On whose behalf it wants to act, if it said so (RFC 4616's authzid).
    pub authorization: Option<String>,
    /// Who it is; not empty, no control characters.
    pub identity: String,
    /// The password.
    pub password: Secret,
}

/// What a client says in the course of a mechanism.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthMessage {
    /// The mechanism.
    pub mechanism: AuthMechanism,
    /// What it says, without base64; `None` at the start of a mechanism in which the server speaks first.
    pub response: Option<SecretBytes>,
    /// Which message it is, counted from 0.
    pub round: u32,
}

/// Who shall get a message.  `Display` is the address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recipient {
    /// The forward-path.
    pub address: Address,
    /// What is asked for this recipient: the parameters of RCPT.
    pub options: RcptOptions,
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// The answer to a question.  `Debug` does not show a challenge.
#[derive(Clone, Debug)]
pub struct Response(Answer);

#[derive(Clone, Debug)]
enum Answer {
    Accept,
    Refuse,
    Defer,
    Reply(Reply),
    Challenge(SecretBytes),
}

impl Response {
    /// Yes, with the usual reply; as there is none that lists members, for EXPN it is 502.
    pub fn accept() -> Self {
        Self(Answer::Accept)
    }

    /// No, and never (550, for AUTH 535, for EXPN 502).
    pub fn refuse() -> Self {
        Self(Answer::Refuse)
    }

    /// Not now (451, for AUTH 454).
    pub fn defer() -> Self {
        Self(Answer::Defer)
    }

    /// With a reply of the embedder's: its first digit is the decision.  421 ends the connection; 3 makes no sense and
    /// is sent as 451.
    ///
    /// ```
    /// use smtp_proto::reply::{Code, Reply};
    /// use smtp_proto::server::Response;
    ///
    /// let busy = Reply::new(Code::new(450).unwrap(), "4.2.1 mailbox busy").unwrap();
    /// let response = Response::reply(busy);
    /// ```
    pub fn reply(reply: Reply) -> Self {
        Self(Answer::Reply(reply))
    }

    /// To [`Event::AuthMessage`]: a challenge, which goes out as 334 in base64; the next message of the client answers it.
    /// To other questions it is no answer, and becomes 451.
    pub fn challenge(challenge: impl Into<Vec<u8>>) -> Self {
        Self(Answer::Challenge(SecretBytes(Zeroizing::new(challenge.into()))))
    }
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Self {
        Self::reply(reply)
    }
}

/// Why a connection ended without QUIT.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerError {
    /// The client left.
    Disconnected,
    /// The client took too long.
    Timeout,
    /// TLS failed.
    Tls(TlsError),
    /// Input came behind a command before its reply, where that is an attack or as good as one.
    EarlyInput {
        /// The command: `STARTTLS` or `DATA`.
        after: &'static str,
    },
    /// A command line had a CR or LF that stood alone.
    BareLineEnd,
    /// BDAT was malformed: nobody knows where commands go on.
    BadChunk,
    /// More content was refused than is read all the same ([`Limits::discard`]).
    TooMuchContent,
    /// Too many commands were none.
    TooManyErrors,
    /// Too many commands brought nothing on.
    TooManyIdleCommands,
    /// Too many recipients were refused.
    TooManyRefusedRecipients,
    /// Too many attempts to authenticate failed.
    TooManyAuthAttempts,
    /// The embedder ended it with 421.
    ShutDown,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("the client left without QUIT"),
            Self::Timeout => f.write_str("the client took too long"),
            Self::Tls(error) => write!(f, "TLS failed: {error}"),
            Self::EarlyInput { after } => write!(f, "input came behind {after} before its reply"),
            Self::BareLineEnd => f.write_str("a command line had a bare CR or LF"),
            Self::BadChunk => f.write_str("a chunk could not be told from commands"),
            Self::TooMuchContent => f.write_str("the client went on with content that was refused"),
            Self::TooManyErrors => f.write_str("too many bad commands"),
            Self::TooManyIdleCommands => f.write_str("too many commands that bring nothing on"),
            Self::TooManyRefusedRecipients => f.write_str("too many refused recipients"),
            Self::TooManyAuthAttempts => f.write_str("too many failed attempts to authenticate"),
            Self::ShutDown => f.write_str("the server ended the connection"),
        }
    }
}

impl core::error::Error for ServerError {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello { name, extended } => {
                f.debug_struct("Hello").field("name", name).field("extended", extended).finish()
            }
            Self::TlsStarted(info) => f.debug_tuple("TlsStarted").field(info).finish(),
            Self::Auth(credentials) => f.debug_tuple("Auth").field(credentials).finish(),
            Self::AuthMessage(message) => f.debug_tuple("AuthMessage").field(message).finish(),
            Self::Mail { sender, parameters } => {
                f.debug_struct("Mail").field("sender", sender).field("parameters", parameters).finish()
            }
            Self::Rcpt { recipient } => f.debug_struct("Rcpt").field("recipient", recipient).finish(),
            Self::Body(content) => write!(f, "Body({} bytes)", content.len()),
            Self::Message => f.write_str("Message"),
            Self::MessageFor { recipient } => {
                f.debug_struct("MessageFor").field("recipient", recipient).finish()
            }
            Self::Query(query) => f.debug_tuple("Query").field(query).finish(),
            Self::Reset => f.write_str("Reset"),
            Self::Quit => f.write_str("Quit"),
        }
    }
}
