//! Messages on one connection by the core alone, in as few flights as can be: the `flights` example of smtp-proto.

use std::process::Command;

use super::Case;
use super::suite::Suite;
use crate::process::{build_dir, cargo, quietly};

/// What it sends.
pub(super) const CONTENT: &[u8] = b"Subject: one of many\r\n\r\n.\r\nHi\r\n";
/// From whom.
pub(super) const FROM: &str = "a@b.test";
/// How many, where there are many.
pub(super) const COUNT: usize = 100;
/// By DATA, and in chunks.
pub(super) const WAYS: [&str; 2] = ["100 messages, DATA", "100 messages, BDAT"];
/// The same, and no message begins before the verdict on the one before.
pub(super) const ONE_BY_ONE: [&str; 2] = ["100 messages, one by one, DATA", "100 messages, one by one, BDAT"];

/// How a server with STARTTLS is spoken to.
pub(super) const STARTTLS: &[&str] = &["--starttls", "localhost", "--login", "user@example.test:s3cret pass"];
/// And one with implicit TLS.
pub(super) const IMPLICIT: &[&str] = &["--tls", "localhost", "--login", "user@example.test:s3cret pass"];

/// What became of a session.
pub(super) struct Session {
    flights: u32,
    at_best: u32,
    /// The time that it took, by the round trip that was named.
    pub(super) round_trips: f64,
}

impl Session {
    /// How many flights it took, which must be no more than it can be.
    pub(super) fn flights(&self) -> Result<u32, String> {
        match self.flights == self.at_best {
            true => Ok(self.flights),
            false => Err(format!("{} flights instead of {}", self.flights, self.at_best)),
        }
    }
}

/// Runs the session of this name with the server at this port.
pub(super) fn session(
    suite: &Suite<'_>,
    port: u16,
    to: &str,
    name: &str,
    options: &[&str],
) -> Result<Session, String> {
    quietly(&mut cargo("build --quiet -p smtp-proto --example flights"))?;
    let mut flights = Command::new(build_dir().join("examples/flights"));
    flights.arg(format!("localhost:{port}")).args(["--only", name, "--from", FROM, "--to", to]);
    flights.arg("--ca").arg(suite.certificates.0.join("ca.pem")).args(options);
    let said = quietly(&mut flights)?;
    let line = said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let session = || match line.split_whitespace().collect::<Vec<_>>()[..] {
        [flights, at_best, time] => Some(Session {
            flights: flights.parse().ok()?,
            at_best: at_best.parse().ok()?,
            round_trips: time.parse().unwrap_or_default(),
        }),
        _ => None,
    };
    session().ok_or_else(|| format!("not understood: {said}"))
}

/// Sends a hundred messages to the server at this port in each of these ways; `arrived` takes them out.  The examples
/// have no part in it, so that one run is enough.
pub(super) fn cases(
    suite: &Suite<'_>,
    port: u16,
    to: &str,
    ways: &[&str],
    options: &[&str],
    arrived: &dyn Fn() -> Result<(), String>,
) -> Vec<Case> {
    let ways = if suite.is_first { ways } else { &[] };
    let case = |way: &&str| Case {
        name: format!("smtp-proto on one connection {way}"),
        result: session(suite, port, to, way, options)
            .and_then(|session| session.flights())
            .and_then(|_| arrived()),
    };
    ways.iter().map(case).collect()
}
