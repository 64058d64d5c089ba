//! Sessions of a client with a server over a random network, each from a seed, and what must hold of all of them.
//!
//! [`run`] makes one session of the choices that it is given: what the server can do and decides, how the network delays
//! and cuts, what the caller asks for and cancels, what goes wrong.  All that the client does is compared with a model of
//! what it must do, and what it tells with what really reached the server.  Time is virtual and nothing waits, so that a
//! session takes a fraction of a millisecond.  A session that breaks a rule is [shrunk](shrink()) to a simple one.

mod app;
mod auth;
mod choices;
mod engine;
mod machine;
mod mail;
mod memory;
mod model;
mod network;
mod oracle;
mod peer;
mod plan;
#[cfg(feature = "rustls")]
mod real_tls;
mod report;
mod saboteur;
mod scram;
mod shrink;
#[cfg(test)]
mod tests;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use choices::Choices;
pub use report::{ENDINGS, Report};
pub use shrink::shrink;
pub use world::Tamper;

/// A session that broke a rule.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which rule, and how.
    pub what: String,
    /// What makes the session again.
    pub choices: Vec<u32>,
    /// All that happened, a line each, if it was asked for.
    pub transcript: Vec<String>,
}

/// Runs one session.
///
/// # Errors
/// It broke a rule.
pub fn run(choices: Choices, transcript: bool) -> Result<Report, Violation> {
    run_with(choices, None, transcript)
}

/// The same with what the client says changed.
///
/// # Errors
/// It broke a rule.
pub fn run_with(mut choices: Choices, tamper: Option<Tamper>, transcript: bool) -> Result<Report, Violation> {
    // A panic is a violation like others.
    let ended = catch_unwind(AssertUnwindSafe(|| world::run(&mut choices, tamper, transcript)));
    let (what, transcript) = match ended {
        Ok(ended) => match ended.violation {
            None => return Ok(ended.report),
            Some(what) => (what, ended.transcript),
        },
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            (format!("a panic: {}", text.unwrap_or_default()), Vec::new())
        }
    };
    Err(Violation { what, choices: choices.into_list(), transcript })
}
