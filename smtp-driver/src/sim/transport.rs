//! One end of a simulated connection, with what scripts of servers need: lines, deadlines left out.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::task::Poll;

use smtp_proto::Instant;

use super::world::{Shared, Timer};
use crate::{Progress, Transport, adapter};

/// One end of a simulated connection.  Dropping it closes the connection.
///
/// As with a TCP socket, closing with bytes unread sends a reset, and so does the peer of a closed end that writes on.
///
/// The methods beside those of [`Transport`] are for scripts of servers; they wait without a deadline, for the
/// simulation notices when everybody waits for each other.
pub struct SimTransport {
    shared: Shared,
    id: usize,
    end: usize,
    /// Read by `read_until` beyond its delimiter.
    ahead: Vec<u8>,
}

impl SimTransport {
    pub(super) fn new(shared: &Shared, id: usize, end: usize) -> Self {
        Self { shared: shared.clone(), id, end, ahead: Vec::new() }
    }

    /// Which connection this is: its index in [`Sim::connections`](super::Sim::connections).
    pub fn id(&self) -> usize {
        self.id
    }

    /// Reads a line of any length and returns it without its CRLF or LF, and with what is not UTF-8 replaced.
    ///
    /// # Errors
    /// `UnexpectedEof` if the peer closes before its end, `ConnectionReset`.
    pub async fn read_line(&mut self) -> io::Result<String> {
        let mut line = self.read_until(b"\n").await?;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads up to and including `delimiter`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the peer closes before that, `ConnectionReset`.
    pub async fn read_until(&mut self, delimiter: &[u8]) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            let from = searched;
            let found = self.ahead[from..].windows(delimiter.len().max(1)).position(|part| part == delimiter);
            if let Some(at) = found {
                let rest = self.ahead.split_off(from + at + delimiter.len());
                return Ok(std::mem::replace(&mut self.ahead, rest));
            }
            searched = (self.ahead.len() + 1).saturating_sub(delimiter.len());
            if self.fill().await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads all that the peer sends until it closes.
    ///
    /// # Errors
    /// `ConnectionReset`.
    pub async fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        while self.fill().await? > 0 {}
        Ok(std::mem::take(&mut self.ahead))
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// `BrokenPipe` if the peer has reset the connection, or if this end closed its side.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.exchange(&mut [], &[IoSlice::new(bytes)], None).await? {
                Progress::Wrote(n) => bytes = &bytes[n..],
                _ => return Err(ErrorKind::BrokenPipe.into()),
            }
        }
        Ok(())
    }

    /// Half close: the peer reads what was written and then the end of file; this end reads on.
    pub fn close_write(&mut self) {
        self.shared.lock().close_write(self.id, self.end);
    }

    /// Abortive close: once it has read what is on its way, the peer gets `ConnectionReset`, and it can write no more.
    pub fn reset(self) {
        self.shared.lock().reset(self.id, self.end);
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        let Progress::Read(n) = self.transfer(&mut buffer, &[], None).await? else { return Ok(0) };
        self.ahead.extend_from_slice(&buffer[..n]);
        Ok(n)
    }

    async fn transfer(
        &mut self,
        rx: &mut [u8],
        tx: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> io::Result<Progress> {
        adapter::check_not_idle(rx, tx)?;
        let mut timer = Timer::new(&self.shared);
        poll_fn(|cx| {
            let mut world = self.shared.lock();
            if let Some(progress) = world.attempt(self.id, self.end, rx, tx)? {
                return Poll::Ready(Ok(progress));
            }
            if deadline.is_some_and(|at| at <= world.now) {
                return Poll::Ready(Ok(Progress::TimedOut));
            }
            let arrival = world.next_arrival(self.id, self.end);
            world.listen(self.id, self.end, cx.waker());
            timer.set(&mut world, arrival.into_iter().chain(deadline).min(), cx.waker());
            Poll::Pending
        })
        .await
    }
}

impl Transport for SimTransport {
    async fn exchange(
        &mut self,
        rx: &mut [u8],
        tx: &[IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> io::Result<Progress> {
        if !rx.is_empty() && !self.ahead.is_empty() {
            return self.try_read(rx).map(Progress::Read);
        }
        self.transfer(rx, tx, deadline).await
    }

    fn try_read(&mut self, rx: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            let n = rx.len().min(self.ahead.len());
            rx[..n].copy_from_slice(&self.ahead[..n]);
            self.ahead.drain(..n);
            return Ok(n);
        }
        let n = self.shared.lock().read(self.id, self.end, rx)?;
        n.ok_or_else(|| ErrorKind::WouldBlock.into())
    }
}

impl Drop for SimTransport {
    fn drop(&mut self) {
        self.shared.lock().close(self.id, self.end);
    }
}

impl fmt::Debug for SimTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimTransport").field("id", &self.id).field("end", &self.end).finish_non_exhaustive()
    }
}
