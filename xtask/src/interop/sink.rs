//! smtp-sink of Postfix, which fails in every way that it is told to.

use super::message::{self, nasty_7bit, nasty_8bit, ready_made};
use super::server::{only_file, take_files};
use super::suite::Suite;
use super::{Case, Kind, Trial};

pub(super) const KIND: Kind = Kind {
    name: "sink",
    present: "type smtp-sink openssl",
    needs: "postfix openssl",
    install: "apt postfix openssl",
    root: false,
    ports: PERSONALITIES.len(),
    trial: Trial::Sends(suite),
};

/// What must become of a message: the outcome and the server's code, or the words of an error that exits with 3.
enum Owed {
    Outcome(&'static str, Option<u16>),
    Error(&'static [&'static str]),
}
use Owed::{Error, Outcome};

/// An answer before the end of the message is reported, but is no verdict on the message (cases W19, W33).
const EARLY: Owed = Outcome("deferred", Some(550));

const LMTP: &str = "LMTP";
const LMTP_REFUSES: &str = "LMTP, 500 to the message";

/// In the order of xtask/interop/sink.sh: what it does, what it makes of a small message, and of a large one, if that is tried.
const PERSONALITIES: &[(&str, Owed, Option<Owed>)] = &[
    (
        "an empty EHLO keyword (case W34)",
        Outcome("delivered", Some(250)),
        Some(Outcome("delivered", Some(250))),
    ),
    ("no ESMTP", Outcome("delivered", Some(250)), None),
    ("EHLO refused, HELO not", Outcome("delivered", Some(250)), None),
    ("no PIPELINING", Outcome("delivered", Some(250)), Some(Outcome("delivered", Some(250)))),
    ("a greeting of asterisks", Outcome("delivered", Some(250)), None),
    ("none of 8BITMIME, AUTH, ENHANCEDSTATUSCODES, DSN; a slow 354", Outcome("delivered", Some(250)), None),
    ("3 s before the verdict", Outcome("delivered", Some(250)), None),
    ("500 to MAIL", Outcome("rejected", Some(500)), None),
    ("450 to MAIL", Outcome("deferred", Some(450)), None),
    ("500 to RCPT", Outcome("rejected", Some(500)), None),
    ("450 to RCPT", Outcome("deferred", Some(450)), None),
    // Who is too many where nobody was taken is not tried again.
    ("452 4.5.3 to every RCPT", Outcome("deferred", Some(452)), None),
    ("500 to DATA", Outcome("rejected", Some(500)), Some(Outcome("rejected", Some(500)))),
    ("450 to DATA", Outcome("deferred", Some(450)), None),
    ("500 to the message", Outcome("rejected", Some(500)), Some(Outcome("rejected", Some(500)))),
    ("450 to the message", Outcome("deferred", Some(450)), None),
    ("550 a second after 354, and no more read (case W33)", Outcome("rejected", Some(550)), Some(EARLY)),
    ("421 to MAIL (case W14)", Outcome("deferred", Some(421)), None),
    ("421 to RCPT (case W14)", Outcome("deferred", Some(421)), None),
    ("421 to DATA (case W14)", Outcome("deferred", Some(421)), None),
    ("421 to the message (case W14)", Outcome("deferred", Some(421)), None),
    ("closed at MAIL", Outcome("deferred", None), None),
    ("closed at RCPT", Outcome("deferred", None), None),
    ("closed at DATA", Outcome("deferred", None), Some(Outcome("deferred", None))),
    ("closed after the message (case W20)", Outcome("ambiguous", None), Some(Outcome("ambiguous", None))),
    ("closed at QUIT (case W28)", Outcome("delivered", Some(250)), None),
    ("421 to QUIT (case W28)", Outcome("delivered", Some(250)), None),
    ("closed at once", Error(&["connection was lost"]), None),
    ("421 as greeting (case W13)", Error(&["421"]), None),
    ("500 as greeting (case W13)", Error(&["500"]), None),
    ("closed at EHLO", Error(&["connection was lost"]), None),
    ("EHLO and HELO refused", Error(&["500"]), None),
    (LMTP, Error(&["500"]), None),
    (LMTP_REFUSES, Error(&["500"]), None),
];

/// The fields that it adds, and those of a relay in front of it.
const ITS_FIELDS: &[&str] =
    &["X-Client-Addr", "X-Client-Proto", "X-Helo-Args", "X-Mail-Args", "X-Rcpt-Args", "Received"];

const TO: &[&str] = &["one@example.test", "two@example.test"];

fn suite(suite: &Suite<'_>) -> Vec<Case> {
    let small = ready_made("", "7bit", &nasty_7bit());
    let large = ready_made("", "7bit", &b".\r\n..\r\n.x\r\n".repeat(1_000_000));
    let mut cases = Vec::new();
    for ((name, owed, owed_large), &port) in PERSONALITIES.iter().zip(suite.server.ports()) {
        cases.push(suite.case(name, owes(suite, port, &small, owed)));
        if let Some(owed) = owed_large {
            let name = format!("{name}, a large message");
            cases.push(suite.case(&name, owes(suite, port, &large, owed)));
        }
    }
    let eight = ready_made("", "8bit", &nasty_8bit());
    let first = suite.server.ports()[0];
    cases.push(suite.case("8-bit", stores(suite, first, &url(first), &eight)));
    for (name, port) in [("8-bit without ESMTP", 1), ("8-bit without 8BITMIME", 5)] {
        let result = owes(suite, suite.server.ports()[port], &eight, &Outcome("rejected", None));
        cases.push(suite.case(name, result));
    }
    for ((name, ..), &port) in PERSONALITIES.iter().zip(suite.server.ports()) {
        let url = url(port).replace("smtp:", "lmtp:");
        for (size, message) in [("", &small), (", a large message", &large)] {
            let result = match *name {
                LMTP => stores(suite, port, &url, message),
                LMTP_REFUSES => said(suite, &url, message, "rejected", Some(500)),
                _ => continue,
            };
            cases.push(suite.case(&format!("lmtp:// where {name} is{size}"), result));
        }
    }
    let lmtp = url(first).replace("smtp:", "lmtp:");
    let result = suite.eml(&lmtp, TO, &small).and_then(|said| said.error(3, &["500"]));
    cases.push(suite.case("lmtp:// where SMTP is", result));
    cases
}

/// Sends to two recipients; if they should get the message, it must be what is stored.
fn owes(suite: &Suite<'_>, port: u16, message: &[u8], owed: &Owed) -> Result<(), String> {
    match owed {
        Outcome("delivered", _) => stores(suite, port, &url(port), message),
        Outcome(outcome, code) => said(suite, &url(port), message, outcome, *code),
        Error(words) => suite.eml(&url(port), TO, message)?.error(3, words),
    }
}

/// Sends to two recipients, with this outcome for both.
fn said(
    suite: &Suite<'_>,
    url: &str,
    message: &[u8],
    outcome: &str,
    code: Option<u16>,
) -> Result<(), String> {
    let verdicts: Vec<_> = TO.iter().map(|to| (*to, outcome, code)).collect();
    suite.eml(url, TO, message)?.verdicts(&verdicts)
}

fn stores(suite: &Suite<'_>, port: u16, url: &str, message: &[u8]) -> Result<(), String> {
    let directory = suite.server.path().join(format!("mail/{port}"));
    take_files(&directory)?;
    said(suite, url, message, "delivered", Some(250))?;
    envelope(&same(message, &only_file(&directory)?)?, "a@b.test", TO)
}

/// What was meant must be what it has stored; returns the fields on top.
pub(super) fn same(meant: &[u8], stored: &[u8]) -> Result<String, String> {
    // It ends each message with an empty line.
    let stored = stored.strip_suffix(b"\n").ok_or("no empty line at the end")?;
    message::same(meant, stored, ITS_FIELDS)
}

/// The fields on top must have this sender and just these recipients.
pub(super) fn envelope(top: &str, from: &str, to: &[&str]) -> Result<(), String> {
    let paths = |name: &str| -> Vec<_> {
        let values = top.lines().filter_map(|line| line.strip_prefix(name));
        values.filter_map(|value| value.split_whitespace().next()).map(str::to_string).collect()
    };
    let meant: Vec<_> = to.iter().map(|to| format!("<{to}>")).collect();
    if paths("X-Mail-Args:") == [format!("<{from}>")] && paths("X-Rcpt-Args:") == meant {
        Ok(())
    } else {
        Err(format!("another envelope: {top}"))
    }
}

fn url(port: u16) -> String {
    format!("smtp://localhost:{port}?tls=none")
}
