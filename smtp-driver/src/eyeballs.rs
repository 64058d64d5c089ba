//! Happy eyeballs (RFC 8305 sections 4 and 5) as a machine: which address to try next, when, and what the end is.
//!
//! Addresses are taken in the order of the system's resolver, which has sorted them (RFC 6724), with the families
//! interleaved.  Left out: separate A and AAAA queries (section 3), for the system's resolver answers both at once.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use smtp_proto::Instant;

/// How long an attempt goes on alone before the next one starts: the recommended value of RFC 8305 section 5.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How many addresses of one host are tried: whoever publishes more cannot make us open more sockets.
pub const MAX_ADDRESSES: usize = 32;

/// The attempts to reach one host.
///
/// ```
/// use smtp_driver::eyeballs::{Attempts, Step};
/// use smtp_proto::Instant;
///
/// let v6 = "[2001:db8::1]:25".parse().unwrap();
/// let v4 = "192.0.2.1:25".parse().unwrap();
/// let mut attempts = Attempts::new([v6, v4]);
/// assert!(matches!(attempts.step(Instant::ZERO), Step::Start(address) if address == v6));
/// let Step::Wait(Some(next)) = attempts.step(Instant::ZERO) else { panic!() };
/// assert!(matches!(attempts.step(next), Step::Start(address) if address == v4));
/// assert!(matches!(attempts.step(next), Step::Wait(None)));
/// ```
#[derive(Debug)]
pub struct Attempts {
    waiting: VecDeque<SocketAddr>,
    running: usize,
    next: Instant,
    last_error: Option<io::Error>,
}

/// What to do next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Start connecting to this address; then ask again.
    Start(SocketAddr),
    /// Wait until an attempt ends or, if there is one, for this moment, at which another attempt is due.
    Wait(Option<Instant>),
    /// All attempts have failed; this is the error of the last one, with its address in the message.
    Failed(io::Error),
}

impl Attempts {
    /// Attempts at `addresses`, the most preferred first; at most [`MAX_ADDRESSES`] of them, each once.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { waiting: interleave(addresses), running: 0, next: Instant::ZERO, last_error: None }
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: Instant) -> Step {
        if (self.running == 0 || now >= self.next)
            && let Some(address) = self.waiting.pop_front()
        {
            self.running += 1;
            self.next = now + ATTEMPT_DELAY;
            return Step::Start(address);
        }
        if self.running == 0 {
            return Step::Failed(
                self.last_error
                    .take()
                    .unwrap_or_else(|| io::Error::new(ErrorKind::NotFound, "no address to connect to")),
            );
        }
        Step::Wait(if self.waiting.is_empty() { None } else { Some(self.next) })
    }

    /// Takes note that connecting to `address` failed; the next attempt may start at once.
    pub fn failed(&mut self, address: SocketAddr, error: io::Error) {
        self.running = self.running.saturating_sub(1);
        self.next = Instant::ZERO;
        self.last_error = Some(io::Error::new(error.kind(), ConnectError { address, source: error }));
    }

    /// The error for a deadline that passed: `TimedOut`, with the last failure in its message if there was one.
    pub fn timed_out(&mut self) -> io::Error {
        io::Error::new(ErrorKind::TimedOut, NoConnection { last: self.last_error.take() })
    }
}

/// The addresses with their families in turn, beginning with that of the first, and otherwise in order.
pub fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    // Both families are cut, so that a flood of one does not hide the other.
    let (mut first, mut other) = (VecDeque::new(), VecDeque::new());
    let mut first_is_ipv6 = None;
    for address in addresses {
        let family = if *first_is_ipv6.get_or_insert(address.is_ipv6()) == address.is_ipv6() {
            &mut first
        } else {
            &mut other
        };
        if family.len() < MAX_ADDRESSES && !family.contains(&address) {
            family.push_back(address);
        }
    }
    let mut all = VecDeque::with_capacity(MAX_ADDRESSES);
    while all.len() < MAX_ADDRESSES {
        let before = all.len();
        all.extend(first.pop_front());
        all.extend(other.pop_front());
        if all.len() == before {
            break;
        }
    }
    all.truncate(MAX_ADDRESSES);
    all
}

#[derive(Debug)]
struct ConnectError {
    address: SocketAddr,
    source: io::Error,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connecting to {}: {}", self.address, self.source)
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Its text is in this one's.
        self.source.source()
    }
}

#[derive(Debug)]
struct NoConnection {
    last: Option<io::Error>,
}

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.last {
            Some(last) => write!(f, "no connection before the deadline; before that, {last}"),
            None => f.write_str("no connection before the deadline"),
        }
    }
}

impl std::error::Error for NoConnection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.last.as_ref().and_then(std::error::Error::source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(n: u16) -> SocketAddr {
        format!("[2001:db8::{n:x}]:25").parse().unwrap()
    }

    fn v4(n: u8) -> SocketAddr {
        format!("192.0.2.{n}:25").parse().unwrap()
    }

    fn at(ms: u64) -> Instant {
        Instant::from_duration(Duration::from_millis(ms))
    }

    fn started(attempts: &mut Attempts, now: Instant) -> Option<SocketAddr> {
        match attempts.step(now) {
            Step::Start(address) => Some(address),
            _ => None,
        }
    }

    #[test]
    fn families_alternate_from_the_preferred_one() {
        assert_eq!(interleave([v6(1), v6(2), v6(3), v4(1)]), [v6(1), v4(1), v6(2), v6(3)]);
        assert_eq!(interleave([v4(1), v6(1), v6(2)]), [v4(1), v6(1), v6(2)]);
        assert_eq!(interleave([v4(1), v4(1), v4(2)]), [v4(1), v4(2)]);
        assert_eq!(interleave([]), []);
    }

    #[test]
    fn a_flood_of_one_family_does_not_hide_the_other() {
        let flood = interleave((0..10_000).map(v6).chain([v4(1)]));
        assert_eq!(flood.len(), MAX_ADDRESSES);
        assert_eq!(flood[1], v4(1));
    }

    #[test]
    fn attempts_start_a_quarter_of_a_second_apart() {
        let mut attempts = Attempts::new([v6(1), v4(1), v4(2)]);
        assert_eq!(started(&mut attempts, at(0)), Some(v6(1)));
        assert!(matches!(attempts.step(at(0)), Step::Wait(Some(next)) if next == at(250)));
        assert!(matches!(attempts.step(at(249)), Step::Wait(Some(_))));
        assert_eq!(started(&mut attempts, at(250)), Some(v4(1)));
        // A failure brings the next one forward.
        attempts.failed(v4(1), ErrorKind::ConnectionRefused.into());
        assert_eq!(started(&mut attempts, at(260)), Some(v4(2)));
        assert!(matches!(attempts.step(at(260)), Step::Wait(None)));
    }

    #[test]
    fn the_last_error_is_reported_with_its_address() {
        let mut attempts = Attempts::new([v6(1), v4(1)]);
        assert_eq!(started(&mut attempts, at(0)), Some(v6(1)));
        attempts.failed(v6(1), ErrorKind::NetworkUnreachable.into());
        assert_eq!(started(&mut attempts, at(0)), Some(v4(1)));
        attempts.failed(v4(1), ErrorKind::ConnectionRefused.into());
        let Step::Failed(error) = attempts.step(at(0)) else { panic!("not failed") };
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), "connecting to 192.0.2.1:25: connection refused");
    }

    #[test]
    fn no_address_is_not_found() {
        let Step::Failed(error) = Attempts::new([]).step(at(0)) else { panic!("not failed") };
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_deadline_tells_what_failed_before_it() {
        let mut attempts = Attempts::new([v6(1), v4(1)]);
        assert_eq!(started(&mut attempts, at(0)), Some(v6(1)));
        attempts.failed(v6(1), ErrorKind::NetworkUnreachable.into());
        assert_eq!(started(&mut attempts, at(0)), Some(v4(1)));
        let error = attempts.timed_out();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(
            error.to_string(),
            "no connection before the deadline; before that, connecting to [2001:db8::1]:25: network unreachable"
        );
    }
}
