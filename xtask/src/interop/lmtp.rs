//! LMTP to Dovecot: every recipient has a mailbox, and a verdict, of its own.

use super::message::{self, nasty_7bit, nasty_8bit, ready_made};
use super::server::{only_file, take_files};
use super::suite::{self, Suite};
use super::{Case, chunks, stream};

/// The fields that it adds on the way to a mailbox.
const ITS_FIELDS: &[&str] = &["Return-Path", "Delivered-To", "Received"];

/// Who has a mailbox; the last one's is too small for any message.
const USERS: [&str; 3] = [ONE, TWO, FULL];
const ONE: &str = "one@example.test";
const TWO: &str = "two@example.test";
const FULL: &str = "full@example.test";
const UNKNOWN: &str = "unknown@example.test";

pub(super) fn cases(suite: &Suite<'_>) -> Vec<Case> {
    let port = suite.server.ports()[3];
    let (plain, tls) = (format!("lmtp://localhost:{port}?tls=none"), format!("lmtp://localhost:{port}"));
    let mut cases = Vec::new();
    let mut case = |name: &str, result: Result<(), String>| {
        cases.push(suite.case(&format!("LMTP: {name}"), result));
        for user in USERS {
            let _ = take_files(&mailbox(suite, user)); // what a failed case has left
        }
    };
    let text = || {
        suite.text(&plain, ONE)?.verdicts(&[(ONE, "delivered", Some(250))])?;
        suite::arrived(&only_file(&mailbox(suite, ONE))?, ONE).map(drop)
    };
    case("text", text());
    let seven = ready_made("", "7bit", &nasty_7bit());
    let eight = ready_made("", "8bit", &nasty_8bit());
    let dots = ready_made("", "7bit", &b".\r\n..\r\n.x\r\n".repeat(100_000));
    let empty = ready_made("", "7bit", b"");
    let unended = &eight[..eight.len() - 2];
    for (name, url, written, meant) in [
        ("7-bit", &plain, &seven[..], &seven),
        ("8-bit", &plain, &eight, &eight),
        ("8-bit, STARTTLS", &tls, &eight, &eight),
        ("no line end at the end", &plain, unended, &eight),
        ("a megabyte of dots", &plain, &dots, &dots),
        ("an empty body", &plain, &empty, &empty),
    ] {
        let same = || {
            suite
                .eml(url, &[ONE, TWO], written)?
                .verdicts(&[ONE, TWO].map(|to| (to, "delivered", Some(250))))?;
            is(suite, meant, &[ONE, TWO])
        };
        case(&format!("--eml with {name}"), same());
    }
    let stored =
        chunks::Stored { text: &|to| only_file(&mailbox(suite, to)), is: &|meant, to| is(suite, meant, to) };
    chunks::run(suite, &[("no TLS", &plain), ("STARTTLS", &tls)], &stored, &mut case);

    let one = ("one recipient", &[(ONE, "delivered", 250)][..]);
    let unknown = (
        "one of three unknown",
        &[(ONE, "delivered", 250), (UNKNOWN, "rejected", 550), (TWO, "delivered", 250)][..],
    );
    // Only after the message does it tell who is over quota.
    let full = (
        "one of three refused after the message (case W27)",
        &[(ONE, "delivered", 250), (FULL, "rejected", 552), (TWO, "delivered", 250)][..],
    );
    let both = (
        "one unknown, one refused after the message",
        &[(UNKNOWN, "rejected", 550), (FULL, "rejected", 552), (ONE, "delivered", 250)][..],
    );
    let nobody = ("all unknown", &[(UNKNOWN, "rejected", 550)][..]);
    for (name, verdicts) in [one, unknown, full, both, nobody] {
        for options in [&[][..], &["--chunked"]] {
            let own = || {
                let to: Vec<_> = verdicts.iter().map(|(to, ..)| *to).collect();
                let (said, trace) = suite.traced_eml(&plain, &to, options, &dots)?;
                let expected = verdicts.iter().map(|&(to, outcome, code)| (to, outcome, Some(code)));
                said.verdicts(&expected.collect::<Vec<_>>())?;
                let delivered: Vec<_> = verdicts
                    .iter()
                    .filter(|(_, outcome, _)| *outcome == "delivered")
                    .map(|(to, ..)| *to)
                    .collect();
                match options {
                    _ if delivered.is_empty() => trace.has(0, "C: BDAT")?,
                    [] => trace.has(1, "C: DATA").and_then(|()| trace.has(0, "C: BDAT"))?,
                    _ => trace.is_chunked(Some(dots.len()))?,
                }
                is(suite, &dots, &delivered)
            };
            let way = if options.is_empty() { "" } else { ", in chunks" };
            case(&format!("{name}{way}"), own());
        }
    }
    let as_smtp = || {
        let url = plain.replace("lmtp:", "smtp:");
        suite.eml(&url, &[ONE], &seven)?.error(3, &["500"])?;
        is(suite, &seven, &[])
    };
    case("smtp:// where LMTP is", as_smtp());
    let arrived = || {
        let stored = take_files(&mailbox(suite, ONE))?;
        if stored.len() != stream::COUNT {
            return Err(format!("{} messages arrived", stored.len()));
        }
        stored.iter().try_for_each(|stored| message::same(stream::CONTENT, stored, ITS_FIELDS).map(drop))
    };
    cases.extend(stream::cases(suite, port, ONE, &stream::WAYS, &["--lmtp"], &arrived));
    cases
}

fn mailbox(suite: &Suite<'_>, user: &str) -> std::path::PathBuf {
    suite.server.path().join("home").join(user).join("new")
}

/// Each of these users must have got this message from a@b.test, and the others nothing.
fn is(suite: &Suite<'_>, meant: &[u8], to: &[&str]) -> Result<(), String> {
    for user in USERS {
        if !to.contains(&user) {
            match take_files(&mailbox(suite, user))?.len() {
                0 => continue,
                count => return Err(format!("{user} got {count} messages")),
            }
        }
        let stored = only_file(&mailbox(suite, user)).map_err(|error| format!("{user}: {error}"))?;
        let top = message::same(meant, &stored, ITS_FIELDS)?;
        // Only if a message has one recipient does it say which.
        let delivered_to = top.lines().filter_map(|line| line.strip_prefix("Delivered-To: "));
        if !top.starts_with("Return-Path: <a@b.test>\r\n") || delivered_to.into_iter().any(|to| to != user) {
            return Err(format!("another envelope: {top}"));
        }
    }
    Ok(())
}
