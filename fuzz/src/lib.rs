//! What must hold for any input: one module per fuzz target, each with a `check` that panics when a property is broken.
//!
//! The targets under `fuzz_targets/` hand libFuzzer's inputs to `check`; the test at the end of this file hands it the
//! inputs under `seeds/`, which needs neither libFuzzer nor a nightly compiler.  Inputs are laid out so that a person can
//! read and write them; each module says how.
//!
//! Left out: TLS engines.
#![forbid(unsafe_code)]

pub mod address;
pub mod bdat;
pub mod client_session;
pub mod command_roundtrip;
mod cut;
pub mod dot_stuffing;
pub mod extensions;
pub mod reply_parser;
pub mod sasl_challenge;
pub mod server_session;
pub mod tls_policy;
mod transparent;

use std::fmt::Display;

/// What is shown to people has no control character, so that it can stand in a log or on a terminal.
#[track_caller]
fn assert_printable(value: &(impl Display + ?Sized)) {
    let text = value.to_string();
    assert!(!text.contains(char::is_control), "control character in {text:?}");
}

#[cfg(test)]
mod tests {
    /// Runs a target on each of its seeds, by name, and on nothing at all.
    fn replay(target: &str, check: fn(&[u8])) {
        let folder = format!("{}/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
        let mut seeds: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        seeds.sort();
        assert!(!seeds.is_empty(), "no seed in {folder}");
        check(b"");
        for seed in seeds {
            println!("{}", seed.display());
            check(&std::fs::read(&seed).unwrap());
        }
    }

    #[test]
    fn address() {
        replay("address", crate::address::check);
    }

    #[test]
    fn bdat() {
        replay("bdat", crate::bdat::check);
    }

    #[test]
    fn client_session() {
        replay("client_session", crate::client_session::check);
    }

    #[test]
    fn command_roundtrip() {
        replay("command_roundtrip", crate::command_roundtrip::check);
    }

    #[test]
    fn dot_stuffing() {
        replay("dot_stuffing", crate::dot_stuffing::check);
    }

    #[test]
    fn extensions() {
        replay("extensions", crate::extensions::check);
    }

    #[test]
    fn reply_parser() {
        replay("reply_parser", crate::reply_parser::check);
    }

    #[test]
    fn sasl_challenge() {
        replay("sasl_challenge", crate::sasl_challenge::check);
    }

    #[test]
    fn server_session() {
        replay("server_session", crate::server_session::check);
    }

    #[test]
    fn tls_policy() {
        replay("tls_policy", crate::tls_policy::check);
    }
}
