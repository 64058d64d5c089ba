//! Where the machines of smtp-proto meet a runtime.

pub mod adapter;
pub mod eyeballs;
pub mod runtime;

pub use runtime::{Progress, Runtime, Transport};
