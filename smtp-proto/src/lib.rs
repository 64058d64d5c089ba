//! SMTP as pure state machines: bytes and time go in, bytes and events come out.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod address;
pub mod envelope;
pub mod escape;
mod extensions;
mod output;
pub mod reply;
mod secret;
mod time;
pub mod tls;

pub use address::{Address, AddressError, AddressLiteral, Domain, Host, LocalPart};
pub use extensions::{AuthMechanism, Extension, Extensions};
pub use output::Output;
pub use secret::Secret;
pub use time::Instant;
