//! Sends mail on tokio.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_tokio::{Mailer, Message};
//!
//! let mailer = Mailer::from_url("smtps://me%40example.com:password@mail.example.com")?;
//! let message = Message::builder().from("Me <me@example.com>").to("you@example.org")
//!     .subject("Hello").text("How are you?\n").build(&mailer.stamp()?)?;
//! mailer.send(&message).await?.all_delivered()?;
//! # Ok(()) }
//! ```
//!
//! TLS is required and verified, there is an outcome for every recipient, and connections are kept between messages; see
//! [`Mailer`] and [`MailerBuilder`].
//!
//! [`TokioRuntime`] is smtp-driver's [`Runtime`] over tokio's sockets and timers.  Nothing is spawned, and no method
//! needs a runtime of a particular flavour; one with I/O and time enabled must be running (`enable_all`).

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

mod clock;
mod runtime;
mod transport;

pub use runtime::TokioRuntime;
pub use smtp_driver::{
    AsyncChunks, ConfigError, Error, MailerBuilder, NotDelivered, Recipient, Report, Runtime, UrlError, spool,
};
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub use smtp_message::dkim;
pub use smtp_message::{
    AutoSubmitted, Bcc, BodyType, BuildError, Chunks, Content, ContentError, ContentType, Data, Date,
    Disposition, HeaderValue, Importance, LineEnds, Mailbox, MailboxList, Message, MessageId, Part, RawError,
    RawMessage, Resent, Spool, Stamp, TransferEncoding,
};
pub use smtp_proto::client::{Event, Failure, Outcome, Timeouts};
pub use smtp_proto::envelope::Form;
pub use smtp_proto::tls::{Pin, TlsInfo, TlsPolicy, TlsVersion};
pub use smtp_proto::{Address, Domain, Host, Secret};
pub use transport::TcpTransport;

/// Hands messages to one server; see [`smtp_driver::Mailer`].
pub type Mailer = smtp_driver::Mailer<TokioRuntime>;
