//! Sends mail from plain threads.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_blocking::{Mailer, Message};
//!
//! let mailer = Mailer::from_url("smtps://me%40example.com:password@mail.example.com")?;
//! let message = Message::builder().from("Me <me@example.com>").to("you@example.org")
//!     .subject("Hello").text("How are you?\n").build(&mailer.stamp()?)?;
//! mailer.send(&message)?.all_delivered()?;
//! # Ok(()) }
//! ```
//!
//! TLS is required and verified, there is an outcome for every recipient, and connections are kept between messages; see
//! [`Mailer`] and [`MailerBuilder`].
//!
//! [`BlockingRuntime`] is smtp-driver's [`Runtime`] without an executor: its futures do their waiting inside the first
//! `poll` and are ready then; [`block_on`] runs them, and whatever is built of them, on the calling thread.  The sockets
//! are non-blocking all the same (mio), so a connection reads while it writes, and every wait has a deadline.

mod block_on;
mod clock;
mod mailer;
mod runtime;
mod transport;

pub use block_on::block_on;
pub use mailer::Mailer;
pub use runtime::BlockingRuntime;
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
