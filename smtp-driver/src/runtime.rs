//! What a runtime provides: connections, time, randomness.  Everything above is written once.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use smtp_proto::Instant;

/// What one [`Transport::exchange`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes were read; 0 means that the peer will send no more.
    Read(usize),
    /// So many bytes were written, at least one.
    Wrote(usize),
    /// Writing failed for good; reading may still yield what the peer said last.
    WriteClosed,
    /// The deadline passed with nothing to read or write.
    TimedOut,
}

/// One connection, reliable and ordered, such as a TCP socket.
pub trait Transport: Send {
    /// Moves bytes in at least one direction, or gives up at `deadline`.
    ///
    /// It tries both directions, reading first, before it looks at the deadline.  With an empty `tx` it only reads,
    /// with an empty `rx` it only writes.  Dropping the future before it is ready loses no byte.
    ///
    /// After [`Progress::Read`]`(0)` and [`Progress::WriteClosed`] that direction stays as it is: calling again with
    /// the same buffer says the same again.
    ///
    /// # Errors
    /// Reading failed; the connection is of no use any more.  `InvalidInput` if both `rx` and `tx` are empty.
    fn exchange(
        &mut self,
        rx: &mut [u8],
        tx: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<Progress>> + Send;

    /// Reads what has already arrived, by one non-blocking system call; `WouldBlock` if nothing has.
    ///
    /// # Errors
    /// As `Read::read`.
    fn try_read(&mut self, rx: &mut [u8]) -> io::Result<usize>;

    /// The address of the other end, if there is one.
    fn peer_addr(&self) -> Option<SocketAddr> {
        None
    }
}

/// What a program runs on.
pub trait Runtime: Send + Sync + 'static {
    /// Its connections.
    type Transport: Transport;

    /// Connects to `host`, a name or an IP address without brackets, trying its addresses by RFC 8305.
    /// The connection has `TCP_NODELAY` set.
    ///
    /// # Errors
    /// The last attempt's, `TimedOut` when `deadline` passed, `NotFound` when the name has no address.
    fn connect(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> impl Future<Output = io::Result<Self::Transport>> + Send;

    /// Waits for a future, but not after `deadline`; `None` if it is not ready then.
    ///
    /// The future is polled before the deadline is looked at.  It waits for other tasks or threads, and is woken by them:
    /// what waits for a connection takes a deadline itself.
    fn timeout_at<F: Future + Send>(
        &self,
        deadline: Instant,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + Send;

    /// Monotonic time, on the clock that all deadlines refer to.
    fn now(&self) -> Instant;

    /// Time since 1970-01-01 00:00 UTC.
    fn unix_time(&self) -> Duration;

    /// Fills `out` with unguessable bytes.
    ///
    /// # Errors
    /// The operating system has no randomness to give; then `out` must not be used.
    fn fill_random(&self, out: &mut [u8]) -> io::Result<()>;
}
