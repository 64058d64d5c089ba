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
//! TLS is required and verified, there is an outcome for every recipient, and connections are kept between messages.
//!
//! | | |
//! |---|---|
//! | sending | [`Mailer`], set up by a URL or a [`MailerBuilder`] |
//! | messages | [`Message`], made of [`Part`]s; [`RawMessage`] if it was made elsewhere; signed by [`dkim`] |
//! | who gets it, and what is asked of the server | [`Envelope`] with [`MailOptions`] and [`RcptOptions`] |
//! | what became of it | [`Report`], an [`Outcome`] for each [`Recipient`]; [`Error`] if nothing was handed over |
//! | all the rest | [`driver`], [`message`] and [`proto`] are the crates below |
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
#[doc(inline)]
pub use smtp_driver::reexports::*;
pub use transport::TcpTransport;
#[doc(no_inline)]
pub use {smtp_driver as driver, smtp_message as message, smtp_proto as proto};
