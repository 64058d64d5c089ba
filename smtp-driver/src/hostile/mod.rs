//! Servers that do what real ones have done to mail software, to see whether a client falls for it.
//!
//! A [`Script`] says in what a server differs from an ordinary one, in the words of a transcript.  A [`Play`] runs it over
//! any [`Transport`](crate::Transport), TLS included, and notes what the client does wrong.  [`catalogue`] has the cases,
//! each with what a right client does; [`suite`] is what the [`Mailer`](crate::Mailer) must make of each of them, on every
//! runtime.  `cargo run -p smtp-tokio --example hostile` listens, for other clients to be pointed at.
//!
//! It is a tool for tests: it keeps connections for as long as clients do, and those that `!stall` until the process ends.
//! Half-closing and resetting are beyond what a `Transport` can do; a script resets by closing with input unread.

mod catalogue;
mod certificates;
mod link;
mod play;
mod script;
pub mod suite;

pub use catalogue::{Case, catalogue};
pub use certificates::Certificates;
pub use play::{Play, Seen};
pub use script::{Identity, Script, ScriptError};
