//! What is printed, and the exit status.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use smtp_driver::{ConfigError, Error, Report};
use smtp_proto::client::{Event, Outcome, Trace};
use smtp_proto::reply::Reply;
use smtp_proto::tls::TlsInfo;

/// Why there is no report.
#[derive(Debug)]
pub enum Failure {
    /// The help was asked for.
    Help(&'static str),
    /// The command line, an address or the message.
    Usage(String),
    /// Connection, TLS or authentication.
    Send(Error),
}

impl Failure {
    pub(crate) fn usage(error: impl fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    pub(crate) fn file(file: &Path, error: &dyn fmt::Display) -> Self {
        Self::Usage(format!("{}: {error}", file.display()))
    }

    /// Prints it.
    #[must_use]
    pub fn exit(self) -> ExitCode {
        match self {
            Self::Help(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Self::Usage(error) => {
                eprintln!("send: {error}");
                ExitCode::from(2)
            }
            Self::Send(error) => {
                match error.hint() {
                    Some(hint) => eprintln!("send: {error}; {hint}"),
                    None => eprintln!("send: {error}"),
                }
                ExitCode::from(3)
            }
        }
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
            ConfigError::Tls(error) => Self::Send(Error::Session(smtp_proto::client::Error::Tls(error))),
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
    json!({ "accepted": report.is_complete(), "recipients": recipients.collect::<Vec<_>>() })
}

pub(crate) fn print(report: &Report) {
    match report.tls() {
        Some(tls) => println!("{}", describe(tls)),
        None => println!("no TLS"),
    }
    for recipient in report.recipients() {
        println!("{}: {}", recipient.address, recipient.outcome);
    }
}

pub(crate) fn status(report: &Report) -> ExitCode {
    ExitCode::from(u8::from(!report.is_complete()))
}

fn describe(tls: &TlsInfo) -> String {
    let verified = if tls.verified { "certificate verified" } else { "certificate NOT verified" };
    let group = tls.key_exchange.as_deref().unwrap_or("-");
    format!("{} with {} and {group}, {verified}", tls.version, tls.cipher_suite)
}

/// Prints a line of the transcript.
pub(crate) fn trace(event: &Event, to: &mut dyn Write) {
    let written = match event {
        Event::Trace(Trace::Sent(line)) => writeln!(to, "C: {line}"),
        Event::Trace(Trace::SentContent(bytes)) => writeln!(to, "C: ({bytes} bytes of message)"),
        Event::Trace(Trace::Received(reply)) => {
            let lines: Vec<_> = reply.lines().collect();
            lines.iter().enumerate().try_for_each(|(i, line)| {
                let separator = if i + 1 < lines.len() { '-' } else { ' ' };
                writeln!(to, "S: {}{separator}{}", reply.code(), smtp_proto::escape::Escaped(line))
            })
        }
        Event::TlsEstablished(tls) => writeln!(to, "-- {}", describe(tls)),
        Event::NotOffered(_, extension) => {
            writeln!(to, "-- the server does not offer {extension}: the message goes without")
        }
        _ => Ok(()),
    };
    // Whoever has closed the output does not want it.
    drop(written);
}
