//! Transcripts of the client machine, and sessions with the server machine, every one at every split of the input.

#![allow(clippy::unwrap_used)] // in tests a panic is the report

mod auth;
mod cases;
mod chunks;
mod content;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod exporter;
mod extensions;
mod outcomes;
mod rules;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod scram;
mod script;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod session;
mod values;
mod wire;
