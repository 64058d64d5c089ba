//! Messages in chunks (BDAT, RFC 3030), for every server that takes them.

use super::message::{nasty_7bit, nasty_8bit, ready_made};
use super::suite::{self, Suite};

const TO: &[&str] = &["one@example.test", "two@example.test"];

type Read<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;
type Compare<'a> = &'a dyn Fn(&[u8], &[&str]) -> Result<(), String>;

/// How to look at what a server has stored.
pub(super) struct Stored<'a> {
    /// What has arrived from `Suite::text`, with LF line ends, for this recipient.
    pub(super) text: Read<'a>,
    /// What has arrived from a@b.test must be this message, for each of these recipients and for nobody else.
    pub(super) is: Compare<'a>,
}

/// Sends text and ready-made messages to each of these named URLs; `tell` hears of every case.
pub(super) fn run(
    suite: &Suite<'_>,
    urls: &[(&str, &str)],
    stored: &Stored<'_>,
    tell: &mut dyn FnMut(&str, Result<(), String>),
) {
    let seven = ready_made("", "7bit", &nasty_7bit());
    let eight = ready_made("", "8bit", &nasty_8bit());
    let unended = &eight[..eight.len() - 2];
    let lf: Vec<u8> = eight.iter().filter(|byte| **byte != b'\r').copied().collect();
    let dots = ready_made("", "7bit", &b".\r\n..\r\n.x\r\n".repeat(100_000));
    let bare_dot = ready_made("", "7bit", b"a\r\n\r\n.\r\nRSET\r\n.");
    let ended_dot = [&bare_dot[..], b"\r\n"].concat();
    let empty = ready_made("", "7bit", b"");
    for (way, url) in urls {
        let text = || {
            let (said, trace) = suite.traced_text(url, TO[0], &["--chunked"])?;
            said.verdicts(&[(TO[0], "delivered", Some(250))])?;
            trace.is_chunked(None)?;
            suite::arrived(&(stored.text)(TO[0])?, TO[0]).map(drop)
        };
        tell(&format!("text in chunks by {way}"), text());
        for (name, written, meant) in [
            ("7-bit", &seven[..], &seven),
            ("8-bit", &eight, &eight),
            ("no line end at the end", unended, &eight),
            ("LF line ends", &lf, &eight),
            ("a megabyte of dots", &dots, &dots),
            ("a command behind a dot (case M3)", &bare_dot, &ended_dot),
            ("an empty body", &empty, &empty),
        ] {
            let same = || {
                let (said, trace) = suite.traced_eml(url, TO, &["--chunked"], written)?;
                said.verdicts(&TO.iter().map(|to| (*to, "delivered", Some(250))).collect::<Vec<_>>())?;
                trace.is_chunked(Some(meant.len()))?;
                (stored.is)(meant, TO)
            };
            tell(&format!("--eml in chunks with {name} by {way}"), same());
        }
    }
}
