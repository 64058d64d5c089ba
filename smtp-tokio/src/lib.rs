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
//! [`TokioRuntime`] is smtp-driver's [`Runtime`] over tokio's sockets and timers.  Nothing is spawned, and no method
//! needs a runtime of a particular flavour; one with I/O and time enabled must be running (`enable_all`).

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

mod clock;
mod mailer;
mod runtime;
mod transport;

pub use mailer::Mailer;
pub use runtime::TokioRuntime;
#[doc(inline)]
pub use smtp_driver::reexports::*;
pub use transport::TcpTransport;
#[doc(no_inline)]
pub use {smtp_driver as driver, smtp_message as message, smtp_proto as proto};
