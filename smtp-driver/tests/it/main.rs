//! Tests of smtp-driver on the simulated runtime.
// Clippy's exception for tests does not reach helper functions.
#![allow(clippy::unwrap_used)]

mod errors;
mod hostile;
mod login;
mod mailer;
mod objects;
mod observe;
mod parts;
mod pool;
mod sim;
mod time;
mod transport;
