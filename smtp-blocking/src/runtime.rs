//! The runtime: names looked up by a helper thread, connecting by RFC 8305 over mio, the standard library's clocks.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Poll, Token};
use smtp_driver::eyeballs::{Attempts, Step};
use smtp_driver::{Runtime, adapter};
use smtp_proto::Instant;

use crate::TcpTransport;
use crate::block_on::block_until;
use crate::clock;
use crate::transport::INTEREST;

/// Plain threads as a [`Runtime`]: each future blocks inside its first `poll`.
///
/// Run it with [`block_on`](crate::block_on).  It works under any executor, but blocks that executor's thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockingRuntime;

impl BlockingRuntime {
    /// Connects to one of `addresses` by RFC 8305, the most preferred first; blocks until it is connected.
    ///
    /// # Errors
    /// As [`Runtime::connect`].
    pub fn connect_any(&self, addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpTransport> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(16);
        let mut attempts = Attempts::new(addresses.iter().copied());
        let mut running: Vec<(SocketAddr, TcpStream)> = Vec::new();
        let mut token = 0;
        loop {
            let next = match attempts.step(clock::now()) {
                Step::Start(address) => {
                    token += 1;
                    match start(&poll, Token(token), address) {
                        Ok(stream) => running.push((address, stream)),
                        Err(error) => attempts.failed(address, error),
                    }
                    continue;
                }
                Step::Failed(error) => return Err(error),
                Step::Wait(next) => next,
            };
            // There are few attempts and events may be spurious, so all are asked, rather than those with an event.
            let before = running.len();
            let mut i = 0;
            while let Some((address, stream)) = running.get(i) {
                match is_connected(stream) {
                    Ok(false) => i += 1,
                    Ok(true) => {
                        let (_, stream) = running.swap_remove(i);
                        for (_, mut loser) in running {
                            // It is closed next, whatever this says.
                            let _ = poll.registry().deregister(&mut loser);
                        }
                        return Ok(TcpTransport::from_registered(stream, poll, events));
                    }
                    Err(error) => {
                        attempts.failed(*address, error);
                        let (_, mut loser) = running.swap_remove(i);
                        let _ = poll.registry().deregister(&mut loser);
                    }
                }
            }
            if running.len() < before {
                continue;
            }
            if clock::now() >= deadline {
                return Err(attempts.timed_out());
            }
            let wake = next.map_or(deadline, |next| next.min(deadline));
            clock::wait(&mut poll, &mut events, Some(wake))?;
        }
    }
}

impl Runtime for BlockingRuntime {
    type Transport = TcpTransport;

    /// Looks the name up on a thread of its own, because the system's resolver takes no deadline.  When the deadline
    /// passes first, that thread lives on until the resolver gives up.
    async fn connect(&self, host: &str, port: u16, deadline: Instant) -> io::Result<TcpTransport> {
        let addresses = match adapter::literal(host, port) {
            Some(address) => vec![address],
            None => look_up(host, port, deadline).map_err(|error| adapter::lookup_failed(host, error))?,
        };
        if addresses.is_empty() {
            return Err(adapter::no_address(host));
        }
        self.connect_any(&addresses, deadline)
    }

    /// Blocks this thread until then.
    async fn timeout_at<F: Future + Send>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        block_until(future, deadline)
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    fn unix_time(&self) -> Duration {
        adapter::unix_time()
    }

    fn fill_random(&self, out: &mut [u8]) -> io::Result<()> {
        Ok(getrandom::fill(out)?)
    }
}

fn look_up(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    let name = host.to_owned();
    let (answer, answered) = mpsc::sync_channel(1);
    thread::Builder::new().name("smtp-lookup".to_owned()).spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody listens any more if the deadline has passed.
        let _ = answer.send(found);
    })?;
    match answered.recv_timeout(clock::until(deadline)) {
        Ok(found) => found,
        Err(RecvTimeoutError::Timeout) => Err(ErrorKind::TimedOut.into()),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the lookup thread ended early")),
    }
}

fn start(poll: &Poll, token: Token, address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    poll.registry().register(&mut stream, token, INTEREST)?;
    Ok(stream)
}

/// Whether the connection is there; its error if it never will be.
fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_keeps_the_deadline() {
        // Either the resolver was as quick as that, or the deadline was kept; it never waits for the resolver.
        match look_up("localhost", 25, Instant::ZERO) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
    }

    #[test]
    fn a_name_that_no_resolver_takes() {
        let error = look_up("nul\0byte", 25, Instant::ZERO + Duration::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
