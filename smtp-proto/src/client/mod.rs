//! The client side of SMTP as a machine without I/O (RFC 5321), in plain text; [`Session`](crate::Session) adds TLS.
//!
//! Implements greeting, EHLO with HELO as fallback, STARTTLS (RFC 3207), AUTH (RFC 4954), MAIL, RCPT, DATA, RSET and
//! QUIT, pipelined where the server allows (RFC 2920), with SIZE (RFC 1870), 8BITMIME (RFC 6152) and SMTPUTF8
//! (RFC 6531).  It leaves connecting, the TLS handshake and SASL mechanisms to others.

mod auth;
mod config;
mod error;
mod event;
mod machine;
mod pipeline;
mod transaction;

pub use config::{Config, Timeouts, TlsMode};
pub use error::{Error, Misuse, PeerMisbehaved, Phase, Unsupported};
pub use event::{AuthError, Challenge, Event, Failure, Next, Outcome, PeerFault, Trace, TransactionId};
pub use machine::Client;
