//! Tests of smtp-blocking on sockets of the loopback interface.
// Clippy's exception for tests does not reach helper functions.
#![allow(clippy::unwrap_used)]

mod hostile;
mod mailer;
mod sharing;
mod transport;
