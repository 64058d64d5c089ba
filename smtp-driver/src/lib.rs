//! Where the machines of smtp-proto meet a runtime: the driver loop, the [`Mailer`], trust roots, simulation.
//!
//! Everything here is written once, as async code generic over [`Runtime`]; an adapter crate such as smtp-tokio only
//! implements that trait.  The driver never races two I/O futures: everything that waits takes a deadline.

pub mod adapter;
#[cfg(feature = "sim")]
pub mod conformance;
mod connection;
mod content;
mod error;
pub mod eyeballs;
#[cfg(feature = "hostile")]
pub mod hostile;
mod login;
mod mailer;
mod observe;
mod pipe;
pub mod reexports;
mod report;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod roots;
pub mod runtime;
mod serve;
#[cfg(feature = "sim")]
pub mod sim;

use std::io;

pub use content::{AsyncChunks, spool};
pub use error::Error;
pub use login::Ask;
pub use mailer::{ConfigError, Mailer, MailerBuilder, UrlError};
pub use observe::{ConnectionId, Observed};
pub use report::{NotDelivered, Recipient, Report};
pub use runtime::{Progress, Runtime, Transport};
pub use serve::serve;
use smtp_message::Stamp;

/// The time and the randomness that building a message needs.
///
/// # Errors
/// The operating system gives no randomness.
pub fn stamp(runtime: &impl Runtime) -> io::Result<Stamp> {
    let mut random = [0; 32];
    runtime.fill_random(&mut random)?;
    Ok(Stamp { unix_time: runtime.unix_time(), random })
}
