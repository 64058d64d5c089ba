//! What the suites have in common.

use std::ffi::OsString;

use super::message::Parsed;
use super::send::{Said, Send, Trace};
use super::server::Server;
use super::{Case, Directory};

/// Who may send, in URLs; "s3cret pass" is the password.
pub(super) const LOGIN: &str = "user%40example.test:s3cret%20pass@";

/// What a text and a subject must survive.
const SUBJECT: &str =
    "Grüße aus Zürich, 漢字 and 😀, in a subject that is longer than a line of a header should be: =?x?= ";
const TEXT: &str = "Grüße!\n.\n..two dots\n.leading dot\nFrom mbox\n\ntrailing blanks  \n=3D =\n漢字 😀\n";

/// What a suite works with: one of the examples, a running server, and the certificates of the run.
pub(super) struct Suite<'a> {
    pub(super) send: &'a Send,
    pub(super) server: &'a Server,
    pub(super) certificates: &'a Directory,
    /// Whether the other example is still to come: what neither has a part in is tried once.
    pub(super) is_first: bool,
}

impl Suite<'_> {
    pub(super) fn case(&self, name: &str, result: Result<(), String>) -> Case {
        Case { name: format!("{} {name}", self.send.package()), result }
    }

    /// Runs the example with these arguments; the authority of the run is trusted.
    pub(super) fn run(&self, args: &[&str]) -> Result<Said, String> {
        self.run_trusting(Some("ca.pem"), args, b"")
    }

    pub(super) fn run_trusting(
        &self,
        authority: Option<&str>,
        args: &[&str],
        input: &[u8],
    ) -> Result<Said, String> {
        let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
        if let Some(name) = authority {
            args.extend(["--ca".into(), self.certificates.0.join(name).into()]);
        }
        self.send.run(&args, input)
    }

    /// Sends a text to one recipient.
    pub(super) fn text(&self, url: &str, to: &str) -> Result<Said, String> {
        self.run(&text(url, to))
    }

    /// The same with these options, and the transcript.
    pub(super) fn traced_text(&self, url: &str, to: &str, options: &[&str]) -> Result<(Said, Trace), String> {
        self.traced(&text(url, to), options, b"")
    }

    /// Sends a ready-made message to these recipients.
    pub(super) fn eml(&self, url: &str, to: &[&str], message: &[u8]) -> Result<Said, String> {
        self.run_trusting(Some("ca.pem"), &eml(url, to), message)
    }

    /// The same with these options, and the transcript.
    pub(super) fn traced_eml(
        &self,
        url: &str,
        to: &[&str],
        options: &[&str],
        message: &[u8],
    ) -> Result<(Said, Trace), String> {
        self.traced(&eml(url, to), options, message)
    }

    fn traced(&self, args: &[&str], options: &[&str], input: &[u8]) -> Result<(Said, Trace), String> {
        let args = [args, options, &["--trace"]].concat();
        let mut said = self.run_trusting(Some("ca.pem"), &args, input)?;
        let trace = said.take_trace();
        Ok((said, trace))
    }
}

fn text<'a>(url: &'a str, to: &'a str) -> Vec<&'a str> {
    let from = "Sönder <sender@example.test>";
    vec![url, "--from", from, "--to", to, "--subject", SUBJECT, "--text", TEXT, "--json"]
}

fn eml<'a>(url: &'a str, to: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![url, "--from", "a@b.test", "--eml", "-", "--json"];
    args.extend(to.iter().flat_map(|to| ["--to", to]));
    args
}

/// What is stored, with LF line ends, must be what [`Suite::text`] sends.
pub(super) fn arrived(stored: &[u8], to: &str) -> Result<Parsed, String> {
    let parsed = Parsed::new(stored)?;
    for (name, expected) in
        [("subject", SUBJECT), ("to", to), ("mime-version", "1.0"), ("from", "Sönder <sender@example.test>")]
    {
        let found = parsed.field(name)?;
        if found != expected {
            return Err(format!("{name} is {found:?}"));
        }
    }
    let text = parsed.text()?;
    if text != TEXT {
        return Err(format!("the text is {text:?}"));
    }
    match stored.split(|byte| *byte == b'\n').find(|line| line.len() > 998) {
        Some(line) => Err(format!("a line of {} octets", line.len())),
        None => Ok(parsed),
    }
}
