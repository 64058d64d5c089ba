//! A connection in memory for clients that do their own I/O: scripted replies come in, what goes out is dropped.

use std::future::Future;
use std::hint::black_box;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The server's side, which is always ready.
#[derive(Debug)]
pub struct Connection {
    opening: Vec<u8>,
    replies: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Connection {
    /// Says `opening` once and then `replies` again and again, at most `piece` bytes in one read.
    pub fn new(opening: &[u8], replies: &[u8], piece: usize) -> Self {
        Self { opening: opening.to_vec(), replies: replies.to_vec(), at: 0, piece }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.at == this.opening.len() + this.replies.len() {
            this.at = this.opening.len();
        }
        let left = match this.at.checked_sub(this.opening.len()) {
            None => &this.opening[this.at..],
            Some(at) => &this.replies[at..],
        };
        let n = left.len().min(this.piece).min(buf.remaining());
        buf.put_slice(&left[..n]);
        this.at += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(black_box(buf).len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl lettre::transport::smtp::client::AsyncTokioStream for Connection {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok((Ipv4Addr::LOCALHOST, 25).into())
    }
}

/// The result of a future that never has to wait.
///
/// # Panics
/// If it does.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a connection in memory is always ready"),
    }
}
