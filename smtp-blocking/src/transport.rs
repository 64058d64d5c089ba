//! A TCP connection for threads: non-blocking inside, so that it reads while it writes.

use std::fmt;
use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use smtp_driver::{Progress, Transport, adapter};
use smtp_proto::Instant;

use crate::clock;

/// What every stream is registered for, always: with edge-triggered events a change of interest would only cost a call.
pub(crate) const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// A TCP connection with a selector of its own to wait on (two file descriptors).
///
/// The futures of [`exchange`](Transport::exchange) block the thread inside their first `poll` and are always ready
/// then, so that there is never one to be dropped half-way.
pub struct TcpTransport {
    stream: TcpStream,
    poll: Poll,
    events: Events,
}

impl TcpTransport {
    /// The connection that `stream` is; makes it non-blocking and sets `TCP_NODELAY`.
    ///
    /// # Errors
    /// The operating system has no selector left, or does not take the socket.
    pub fn from_stream(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let poll = Poll::new()?;
        poll.registry().register(&mut stream, Token(0), INTEREST)?;
        Ok(Self::from_registered(stream, poll, Events::with_capacity(4)))
    }

    /// A connected `stream`, the only one that is registered with `poll`.
    pub(crate) fn from_registered(stream: TcpStream, poll: Poll, events: Events) -> Self {
        // It fails only for a connection that is gone already, and the first read says so better.
        let _ = stream.set_nodelay(true);
        Self { stream, poll, events }
    }

    /// The socket, to ask it for addresses and options.
    pub fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    fn exchange_now(
        &mut self,
        rx: &mut [u8],
        tx: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> io::Result<Progress> {
        loop {
            // Events are edges, which say only that something changed since a call would have blocked.  So what they
            // say is not looked at: each round makes the calls, and waits only when both have just said no.
            if let Some(progress) = adapter::attempt(&mut self.stream, rx, tx)? {
                return Ok(progress);
            }
            if deadline.is_some_and(|at| clock::now() >= at) {
                return Ok(Progress::TimedOut);
            }
            clock::wait(&mut self.poll, &mut self.events, deadline)?;
        }
    }
}

impl Transport for TcpTransport {
    async fn exchange(
        &mut self,
        rx: &mut [u8],
        tx: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> io::Result<Progress> {
        self.exchange_now(rx, tx, deadline)
    }

    fn try_read(&mut self, rx: &mut [u8]) -> io::Result<usize> {
        self.stream.read(rx)
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpTransport").field("stream", &self.stream).finish_non_exhaustive()
    }
}
