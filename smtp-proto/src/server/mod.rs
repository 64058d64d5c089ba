//! The other side of the protocol as a machine in the same style: [`Server`] takes what a client sends, plain text or
//! ciphertext, and asks its embedder what to decide.
//!
//! RFC 5321 with PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), STARTTLS (RFC 3207),
//! AUTH PLAIN and LOGIN (RFC 4954), and enhanced status codes (RFC 2034).  It is made for tests: of the client in this
//! crate, and of programs that send mail.  It is strict where leniency has carried attacks: a bare LF ends no line, and
//! input behind STARTTLS or DATA that came before their reply ends the connection.
//!
//! Left out: CHUNKING, DSN, LMTP, trace headers, queues, and all decisions.
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

mod body;
mod command;
mod decision;
mod lines;
mod machine;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

pub use machine::Server;

use crate::address::{Address, Host};
use crate::envelope::BodyType;
use crate::extensions::{AuthMechanism, Extension};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::tls::{TlsAcceptor, TlsError, TlsInfo};

/// How a server behaves; one value serves many connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the server calls itself.
    pub host: Host,
    /// What EHLO tells.  Only [`Pipelining`](Extension::Pipelining), [`Size`](Extension::Size),
    /// [`EightBitMime`](Extension::EightBitMime), [`SmtpUtf8`](Extension::SmtpUtf8) and
    /// [`EnhancedStatusCodes`](Extension::EnhancedStatusCodes) count: STARTTLS and AUTH follow from `tls` and `auth`.
    pub extensions: Vec<Extension>,
    /// The mechanisms of AUTH; none means that there is no AUTH.  PLAIN and LOGIN are implemented.
    pub auth: Vec<AuthMechanism>,
    /// Whether and when there is TLS.
    pub tls: Tls,
    /// Refuse mail without TLS (530).
    pub require_tls: bool,
    /// Refuse mail without AUTH (530).
    pub require_auth: bool,
    /// Take passwords without TLS.
    pub allow_auth_without_tls: bool,
    /// Take content with a CR or LF that stands alone, instead of refusing it after its end (550 5.6.0).  It ends no
    /// line in any case.
    pub allow_bare_line_ends: bool,
    /// Take content that is not what MAIL said: with a NUL, with octets from 128 up without `BODY=8BITMIME`, with UTF-8
    /// in its headers without `SMTPUTF8`; instead of refusing it after its end (550 5.6.x).
    pub allow_undeclared_content: bool,
    /// What is too much or takes too long.
    pub limits: Limits,
}

impl Config {
    /// All extensions, PLAIN and LOGIN under TLS only, but no TLS yet.
    pub fn new(host: impl Into<Host>) -> Self {
        Self {
            host: host.into(),
            extensions: alloc::vec![
                Extension::Pipelining,
                Extension::Size,
                Extension::EightBitMime,
                Extension::SmtpUtf8,
                Extension::EnhancedStatusCodes,
            ],
            auth: alloc::vec![AuthMechanism::Plain, AuthMechanism::Login],
            tls: Tls::None,
            require_tls: false,
            require_auth: false,
            allow_auth_without_tls: false,
            allow_bare_line_ends: false,
            allow_undeclared_content: false,
            limits: Limits::default(),
        }
    }

    /// Whether AUTH may be used now.
    fn may_authenticate(&self, secure: bool) -> bool {
        (secure || self.allow_auth_without_tls) && !self.auth.is_empty()
    }

    /// What the reply to EHLO lists.
    fn keywords(&self, secure: bool) -> Vec<String> {
        let plain = [
            (Extension::Pipelining, "PIPELINING"),
            (Extension::EightBitMime, "8BITMIME"),
            (Extension::SmtpUtf8, "SMTPUTF8"),
            (Extension::EnhancedStatusCodes, "ENHANCEDSTATUSCODES"),
        ];
        let listed = plain.into_iter().filter(|(extension, _)| self.extensions.contains(extension));
        let mut keywords: Vec<String> = listed.map(|(_, keyword)| keyword.into()).collect();
        if self.extensions.contains(&Extension::Size) {
            keywords.push(alloc::format!("SIZE {}", self.limits.size.unwrap_or(0)));
        }
        if !secure && matches!(self.tls, Tls::StartTls(_)) {
            keywords.push("STARTTLS".into());
        }
        if self.may_authenticate(secure) {
            let names: Vec<&str> = self.auth.iter().map(|mechanism| mechanism.name()).collect();
            keywords.push(alloc::format!("AUTH {}", names.join(" ")));
        }
        keywords
    }
}

/// Whether and when a server speaks TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Tls {
    /// Never.
    None,
    /// When the client asks for it (RFC 3207).
    StartTls(Arc<dyn TlsAcceptor>),
    /// From the first byte (RFC 8314).
    Implicit(Arc<dyn TlsAcceptor>),
}

/// What is too much or takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a command line with its end.
    pub line: usize,
    /// Bytes of a line of AUTH with its end (RFC 4954 section 4.3 asks for 12288).
    pub auth_line: usize,
    /// Bytes of a message; `None` for no limit.
    pub size: Option<u64>,
    /// Recipients of a message.
    pub recipients: usize,
    /// Commands that are none, before the connection ends.
    pub errors: usize,
    /// Commands that bring nothing on before the connection ends.  They are counted from the last content, login or
    /// start of TLS; those that name a recipient are not among them.
    pub idle_commands: usize,
    /// Recipients that were refused, before the connection ends.
    pub refused_recipients: usize,
    /// Failed attempts to authenticate, before the connection ends.
    pub auth_attempts: usize,
    /// For the TLS handshake.
    pub handshake_timeout: Duration,
    /// For each command line, from the reply before it.
    pub command_timeout: Duration,
    /// For each 16 KiB of content.
    pub data_timeout: Duration,
    /// For the last reply to be written.
    pub close_timeout: Duration,
}

impl Default for Limits {
    /// 2 KiB and 12 KiB a line, 64 MiB, 1000 recipients, 20 errors, 100 idle commands, 1000 refused
    /// recipients, 3 attempts; a minute for the handshake, the five
    /// minutes of RFC 5321 section 4.5.3.2 for commands and for content, ten seconds to close.
    fn default() -> Self {
        Self {
            line: 2 << 10,
            auth_line: 12 << 10,
            size: Some(64 << 20),
            recipients: 1000,
            errors: 20,
            idle_commands: 100,
            refused_recipients: 1000,
            auth_attempts: 3,
            handshake_timeout: Duration::from_secs(60),
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(300),
            close_timeout: Duration::from_secs(10),
        }
    }
}

/// What comes next for a server's driver.
#[derive(Debug)]
#[must_use]
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
    /// EHLO, or HELO.
    Hello {
        /// What the client calls itself: printable, but otherwise anything.
        name: String,
        /// Whether it was EHLO.
        extended: bool,
    },
    /// TLS has begun; what the client said before is forgotten.
    TlsStarted(TlsInfo),
    /// *Question*: are these right?
    Auth(Credentials),
    /// *Question*: a message begins; `None` is the null reverse-path of bounces.
    Mail {
        /// The reverse-path.
        sender: Option<Address>,
        /// Its parameters.
        parameters: MailParameters,
    },
    /// *Question*: one more recipient.
    Rcpt {
        /// The forward-path.
        recipient: Address,
    },
    /// A part of the content, dots taken away; parts are cut anywhere.
    Body(Bytes),
    /// *Question*: the content is complete.
    Message,
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

/// The parameters of MAIL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailParameters {
    /// `SIZE` (RFC 1870), in bytes.
    pub size: Option<u64>,
    /// `BODY` (RFC 6152).
    pub body: BodyType,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
    /// `AUTH` (RFC 4954 section 5), xtext decoded; `<>` says that the submitter is not known.
    pub auth: Option<String>,
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct Response(Answer);

#[derive(Clone, Debug)]
enum Answer {
    Accept,
    Refuse,
    Defer,
    Reply(Reply),
}

impl Response {
    /// Yes, with the usual reply.
    pub fn accept() -> Self {
        Self(Answer::Accept)
    }

    /// No, and never (550, for AUTH 535).
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
            Self::TooManyErrors => f.write_str("too many bad commands"),
            Self::TooManyIdleCommands => f.write_str("too many commands that bring nothing on"),
            Self::TooManyRefusedRecipients => f.write_str("too many refused recipients"),
            Self::TooManyAuthAttempts => f.write_str("too many failed attempts to authenticate"),
            Self::ShutDown => f.write_str("the server ended the connection"),
        }
    }
}

impl core::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello { name, extended } => {
                f.debug_struct("Hello").field("name", name).field("extended", extended).finish()
            }
            Self::TlsStarted(info) => f.debug_tuple("TlsStarted").field(info).finish(),
            Self::Auth(credentials) => f.debug_tuple("Auth").field(credentials).finish(),
            Self::Mail { sender, parameters } => {
                f.debug_struct("Mail").field("sender", sender).field("parameters", parameters).finish()
            }
            Self::Rcpt { recipient } => f.debug_struct("Rcpt").field("recipient", recipient).finish(),
            Self::Body(content) => write!(f, "Body({} bytes)", content.len()),
            Self::Message => f.write_str("Message"),
            Self::Reset => f.write_str("Reset"),
            Self::Quit => f.write_str("Quit"),
        }
    }
}
