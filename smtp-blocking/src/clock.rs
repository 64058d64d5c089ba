//! The standard library's monotonic clock as our instants, and the one place where a thread waits for sockets.

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::{Events, Poll};
use smtp_driver::adapter;
use smtp_proto::Instant;

/// As long as one system call ever waits, for selectors count milliseconds in 32 bits.
const LONGEST: Duration = Duration::from_secs(60 * 60);

pub(crate) fn now() -> Instant {
    Instant::from_duration(adapter::epoch().elapsed())
}

/// How long until `at`; zero if it has passed.
pub(crate) fn until(at: Instant) -> Duration {
    at.saturating_since(now())
}

/// Waits for an event, or for `deadline`, or returns earlier: callers look again at what they wait for.
pub(crate) fn wait(poll: &mut Poll, events: &mut Events, deadline: Option<Instant>) -> io::Result<()> {
    match poll.poll(events, Some(deadline.map_or(LONGEST, |at| until(at).min(LONGEST)))) {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        result => result,
    }
}
