//! A TCP connection on tokio, driven by readiness so that both directions are waited for at once.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use smtp_driver::{Progress, Transport, adapter};
use smtp_proto::Instant;
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::clock;

/// A TCP connection.
#[derive(Debug)]
pub struct TcpTransport {
    stream: TcpStream,
}

impl TcpTransport {
    /// The connection that `stream` is; sets `TCP_NODELAY`.
    pub fn from_stream(stream: TcpStream) -> Self {
        // It fails only for a connection that is gone already, and the first read says so better.
        let _ = stream.set_nodelay(true);
        Self { stream }
    }

    /// The socket, to ask it for addresses and options.
    pub fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    /// The socket back.
    pub fn into_inner(self) -> TcpStream {
        self.stream
    }

    /// Asks tokio's record of readiness first: that costs nothing, and it leaves our waker there.
    fn poll_read(&self, cx: &mut Context<'_>, rx: &mut [u8]) -> Poll<io::Result<Progress>> {
        if rx.is_empty() {
            return Poll::Pending;
        }
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            // `None` has cleared the readiness, so that the next round registers the waker.
            if let Some(progress) = adapter::read(rx, |rx| self.stream.try_read(rx))? {
                return Poll::Ready(Ok(progress));
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, tx: &[IoSlice<'_>]) -> Poll<io::Result<Progress>> {
        let tx = adapter::next_slices(tx);
        if tx.is_empty() {
            return Poll::Pending;
        }
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            if let Some(progress) = adapter::write(tx, |tx| self.stream.try_write_vectored(tx)) {
                return Poll::Ready(Ok(progress));
            }
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
        adapter::check_not_idle(rx, tx)?;
        // Costs nothing until it is polled for the first time.
        let mut timer = pin!(deadline.map(|at| tokio::time::sleep_until(clock::to_tokio(at))));
        poll_fn(|cx| {
            if let Poll::Ready(done) = self.poll_read(cx, rx) {
                return Poll::Ready(done);
            }
            if let Poll::Ready(done) = self.poll_write(cx, tx) {
                return Poll::Ready(done);
            }
            let Some(timer) = timer.as_mut().as_pin_mut() else { return Poll::Pending };
            ready!(timer.poll(cx));
            // The record of readiness is as old as the reactor's last turn, and a busy program reaches its deadlines
            // before that turn comes.  Whether the deadline was missed is for the socket itself to say.
            let last = adapter::attempt(&mut &*SockRef::from(&self.stream), rx, tx);
            Poll::Ready(last.map(|progress| progress.unwrap_or(Progress::TimedOut)))
        })
        .await
    }

    fn try_read(&mut self, rx: &mut [u8]) -> io::Result<usize> {
        // Not `TcpStream::try_read`: that answers `WouldBlock` from the record of readiness, without a system call, if
        // the reactor has had no turn since the bytes came.
        (&*SockRef::from(&self.stream)).read(rx)
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }
}
