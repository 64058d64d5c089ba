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
pub mod dkim_canonical;
pub mod dkim_record;
pub mod dkim_verify;
pub mod dot_stuffing;
pub mod extensions;
pub mod header_scanner;
pub mod line_ends;
pub mod mailbox;
pub mod message_fields;
pub mod parameters;
pub mod reply_parser;
pub mod sasl_challenge;
pub mod server_session;
pub mod tls_policy;
pub mod transfer_encoding;
mod transparent;

use std::fmt::Display;
use std::time::Duration;

use smtp_message::Stamp;

/// When messages are built, and the randomness in them.
const STAMP: Stamp = Stamp { unix_time: Duration::from_secs(1_781_522_645), random: [7; 32] };

/// What leaves is lines: each ends in CRLF and has at most 998 octets, without CR, LF and NUL.
#[track_caller]
fn assert_lines(bytes: &[u8]) {
    assert!(bytes.is_empty() || bytes.ends_with(b"\r\n"), "the last line has no end");
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("a bare LF");
        assert!(line.len() <= 998, "a line of {} octets", line.len());
        assert!(!line.contains(&b'\r') && !line.contains(&0), "{}", line.escape_ascii());
    }
}

/// Decodes quoted-printable by RFC 2045, strictly.
#[track_caller]
fn quoted(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'=', [b'\r', b'\n', after @ ..]) => rest = after,
            (b'=', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("hexadecimal digits");
                out.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                rest = after;
            }
            (b'=', _) => panic!("an escape is cut"),
            _ => out.push(first),
        }
    }
    out
}

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
    fn dkim_canonical() {
        replay("dkim_canonical", crate::dkim_canonical::check);
    }

    #[test]
    fn dkim_record() {
        replay("dkim_record", crate::dkim_record::check);
    }

    #[test]
    fn dkim_verify() {
        replay("dkim_verify", crate::dkim_verify::check);
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

    #[test]
    fn header_scanner() {
        replay("header_scanner", crate::header_scanner::check);
    }

    #[test]
    fn line_ends() {
        replay("line_ends", crate::line_ends::check);
    }

    #[test]
    fn mailbox() {
        replay("mailbox", crate::mailbox::check);
    }

    #[test]
    fn message_fields() {
        replay("message_fields", crate::message_fields::check);
    }

    #[test]
    fn parameters() {
        replay("parameters", crate::parameters::check);
    }

    #[test]
    fn transfer_encoding() {
        replay("transfer_encoding", crate::transfer_encoding::check);
    }
}
