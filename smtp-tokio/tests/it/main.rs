//! Tests of smtp-tokio on sockets of the loopback interface.
// Clippy's exception for tests does not reach helper functions.
#![allow(clippy::unwrap_used)]

mod hostile;
mod sharing;
mod transport;
