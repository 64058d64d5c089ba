//! What is printed, and the exit status, which does not depend on whether anybody reads what is printed.

use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Once;

use serde_json::{Value, json};
use smtp_driver::{ConfigError, Error, Report, UrlError};
use smtp_proto::client::{Event, Outcome, Trace};
use smtp_proto::reply::Reply;
use smtp_proto::tls::{TlsError, TlsInfo};

/// Prints a line on standard output.  Whoever closes it wants no more; any other error is told once.
///
/// `println!` would panic, and that after a message was delivered.
pub fn say(line: impl Display) {
    static TOLD: Once = Once::new();
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            TOLD.call_once(|| complain(format_args!("standard output: {error}")));
        }
        _ => {}
    }
}

/// Prints a line on standard error.
pub fn complain(line: impl Display) {
    // There is nowhere left to tell of an error.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Why there is no report.
#[derive(Debug)]
pub enum Failure {
    /// The help was asked for.
    Help(&'static str),
    /// The command line, an address or the message.
    Usage(String),
    /// Connection, TLS or authentication.
    Send(Error),
    /// TLS cannot be set up.
    Tls(TlsError),
}

impl Failure {
    pub(crate) fn usage(error: impl Display) -> Self {
        Self::Usage(error.to_string())
    }

    pub(crate) fn file(file: &Path, error: &dyn Display) -> Self {
        Self::usage(format_args!("{}: {error}", file.display()))
    }

    /// Prints it.
    #[must_use]
    pub fn exit(self) -> ExitCode {
        self.exit_with(false)
    }

    /// Prints it, as JSON too if that is wanted.
    pub(crate) fn exit_with(self, json: bool) -> ExitCode {
        let (error, hint, status) = match &self {
            Self::Help(text) => {
                say(text);
                return ExitCode::SUCCESS;
            }
            Self::Usage(error) => (error.clone(), None, 2),
            Self::Tls(error) => (error.to_string(), None, 3),
            Self::Send(error) => (error.to_string(), error.hint(), 3),
        };
        if json {
            say(json!({ "accepted": false, "error": error, "hint": hint, "recipients": [] }));
        }
        match hint {
            Some(hint) => complain(format_args!("send: {error}; {hint}")),
            None => complain(format_args!("send: {error}")),
        }
        ExitCode::from(status)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Envelope(error) => Self::usage(error),
            Error::Content(error) => Self::usage(error),
            error => Self::Send(error),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Tls(error) => Self::Tls(error),
            ConfigError::Url(error) => error.into(),
            error => Self::usage(error),
        }
    }
}

impl From<UrlError> for Failure {
    fn from(error: UrlError) -> Self {
        match error {
            // It says what a program can do about it.
            UrlError::PlaintextBeyondLoopback => Self::usage(
                "tls=none is for servers on this computer only; for others use smtps:// or smtp:// without it",
            ),
            error => Self::usage(error),
        }
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(format!("{error}; see --help"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::usage(error)
    }
}

pub(crate) fn json(report: &Report) -> Value {
    let recipients = report.recipients().iter().map(|recipient| {
        let outcome = &recipient.outcome;
        let reply = outcome.reply();
        json!({
            "address": recipient.address.to_string(),
            "outcome": match outcome {
                Outcome::Delivered(_) => "delivered",
                Outcome::Rejected(_) => "rejected",
                Outcome::Deferred(_) => "deferred",
                Outcome::Ambiguous(_) => "ambiguous",
            },
            "code": reply.map(|reply| reply.code().get()),
            "enhanced": reply.and_then(Reply::enhanced).map(|enhanced| enhanced.to_string()),
            "text": match (reply, outcome.failure()) {
                (Some(reply), _) => reply.text(),
                (None, Some(failure)) => failure.to_string(),
                (None, None) => String::new(),
            },
        })
    });
    let tls = report.tls().map(|tls| json!({ "version": tls.version, "cipher": tls.cipher_suite }));
    json!({ "accepted": report.is_complete(), "tls": tls, "recipients": recipients.collect::<Vec<_>>() })
}

pub(crate) fn print(report: &Report) {
    match report.tls() {
        Some(tls) => say(describe(tls)),
        None => say("no TLS"),
    }
    for recipient in report.recipients() {
        say(format_args!("{}: {}", recipient.address, recipient.outcome));
    }
}

pub(crate) fn status(report: &Report) -> ExitCode {
    ExitCode::from(u8::from(!report.is_complete()))
}

fn describe(tls: &TlsInfo) -> String {
    let verified = if tls.is_verified() { "certificate verified" } else { "certificate NOT verified" };
    let group = tls.key_exchange.as_deref().unwrap_or("-");
    format!("{} with {} and {group}, {verified}", tls.version, tls.cipher_suite)
}

/// Gives a piece of the transcript to `say`, line by line.
pub(crate) fn trace(event: &Event, say: fn(fmt::Arguments<'_>)) {
    match event {
        Event::Trace(Trace::Sent(line)) => say(format_args!("C: {line}")),
        Event::Trace(Trace::SentContent(bytes)) => say(format_args!("C: ({bytes} bytes of message)")),
        Event::Trace(Trace::Received(reply)) => {
            let lines: Vec<_> = reply.lines().collect();
            for (i, line) in lines.iter().enumerate() {
                let separator = if i + 1 < lines.len() { '-' } else { ' ' };
                say(format_args!("S: {}{separator}{}", reply.code(), smtp_proto::escape::Escaped(line)));
            }
        }
        Event::TlsEstablished(tls) => say(format_args!("-- {}", describe(tls))),
        Event::NotOffered(_, extension) => {
            say(format_args!("-- the server does not offer {extension}: the message goes without"));
        }
        _ => {}
    }
}
