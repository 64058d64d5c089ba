//! SMTP as pure state machines: bytes and time go in, bytes and events come out.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod address;
pub mod body;
pub mod client;
pub mod command;
pub mod envelope;
pub mod escape;
mod extensions;
mod output;
pub mod reply;
pub mod sasl;
mod secret;
pub mod server;
mod session;
mod text;
mod time;
pub mod tls;

pub use address::{Address, AddressError, AddressLiteral, Domain, Host, LocalPart};
pub use client::{Client, Config, Error, Event, Failure, Next, Outcome, TransactionId};
pub use envelope::Envelope;
pub use extensions::{Extension, Extensions};
pub use output::{Output, WrongChunk};
pub use sasl::AuthMechanism;
pub use secret::{Secret, SecretBytes};
pub use session::{Security, Session, Tls};
pub use text::TextError;
pub use time::Instant;
