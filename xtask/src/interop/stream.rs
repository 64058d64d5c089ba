//! A hundred messages on one connection, by the core alone: the `flights` example of smtp-proto.

use std::process::Command;

use super::suite::Suite;
use crate::process::{build_dir, cargo, quietly};

/// What it sends.
pub(super) const CONTENT: &[u8] = b"Subject: one of many\r\n\r\n.\r\nHi\r\n";
/// From whom.
pub(super) const FROM: &str = "a@b.test";
/// How many.
pub(super) const COUNT: usize = 100;
/// By DATA, and in chunks.
pub(super) const WAYS: [&str; 2] = ["100 messages, DATA", "100 messages, BDAT"];
/// The same, and no message begins before the verdict on the one before.
pub(super) const ONE_BY_ONE: [&str; 2] = ["100 messages, one by one, DATA", "100 messages, one by one, BDAT"];

/// Sends them to the server at this port; they must take no more flights than they can.
pub(super) fn send(suite: &Suite<'_>, port: u16, to: &str, way: &str) -> Result<(), String> {
    quietly(&mut cargo("build --quiet -p smtp-proto --example flights"))?;
    let mut flights = Command::new(build_dir().join("examples/flights"));
    flights.arg(format!("localhost:{port}")).args(["--starttls", "localhost", "--only", way]);
    flights.arg("--ca").arg(suite.certificates.0.join("ca.pem"));
    flights.args(["--login", "user@example.test:s3cret pass", "--from", FROM, "--to", to]);
    let said = quietly(&mut flights)?;
    let line = said.lines().find_map(|line| line.strip_prefix(way)).unwrap_or_default();
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        [taken, at_best, _] if taken == at_best => Ok(()),
        _ => Err(format!("too many flights: {said}")),
    }
}
