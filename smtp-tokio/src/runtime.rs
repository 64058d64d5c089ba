//! The runtime: connecting by RFC 8305 over tokio's sockets, and tokio's clock.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use smtp_driver::eyeballs::{Attempts, Step};
use smtp_driver::{Runtime, adapter};
use smtp_proto::Instant;
use tokio::net::TcpStream;

use crate::{TcpTransport, clock};

/// Tokio as a [`Runtime`].
///
/// Its clock is [`tokio::time::Instant`], so that it stands still while tokio's clock is paused in tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioRuntime;

impl TokioRuntime {
    /// Connects to one of `addresses` by RFC 8305, the most preferred first.
    ///
    /// # Errors
    /// As [`Runtime::connect`].
    pub async fn connect_any(&self, addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpTransport> {
        type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;
        let mut attempts = Attempts::new(addresses.iter().copied());
        let mut running: Vec<(SocketAddr, Connecting)> = Vec::new();
        let mut timer = pin!(tokio::time::sleep_until(clock::to_tokio(deadline)));
        poll_fn(|cx| {
            loop {
                let next = match attempts.step(clock::now()) {
                    Step::Start(address) => {
                        running.push((address, Box::pin(TcpStream::connect(address))));
                        continue;
                    }
                    Step::Failed(error) => return Poll::Ready(Err(error)),
                    Step::Wait(next) => next,
                };
                let before = running.len();
                let mut i = 0;
                while let Some((address, connecting)) = running.get_mut(i) {
                    match connecting.as_mut().poll(cx) {
                        Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(TcpTransport::from_stream(stream))),
                        Poll::Ready(Err(error)) => {
                            attempts.failed(*address, error);
                            drop(running.swap_remove(i));
                        }
                        Poll::Pending => i += 1,
                    }
                }
                if running.len() < before {
                    continue;
                }
                let wake = clock::to_tokio(next.map_or(deadline, |next| next.min(deadline)));
                if timer.deadline() != wake {
                    timer.as_mut().reset(wake);
                }
                ready!(timer.as_mut().poll(cx));
                if clock::now() >= deadline {
                    return Poll::Ready(Err(attempts.timed_out()));
                }
            }
        })
        .await
    }
}

impl Runtime for TokioRuntime {
    type Transport = TcpTransport;

    async fn connect(&self, host: &str, port: u16, deadline: Instant) -> io::Result<TcpTransport> {
        if let Some(address) = adapter::literal(host, port) {
            return self.connect_any(&[address], deadline).await;
        }
        let lookup = tokio::net::lookup_host((host, port));
        let addresses: Vec<SocketAddr> =
            match tokio::time::timeout_at(clock::to_tokio(deadline), lookup).await {
                Ok(found) => found.map_err(|error| adapter::lookup_failed(host, error))?.collect(),
                Err(_) => return Err(adapter::lookup_failed(host, io::ErrorKind::TimedOut.into())),
            };
        if addresses.is_empty() {
            return Err(adapter::no_address(host));
        }
        self.connect_any(&addresses, deadline).await
    }

    async fn timeout_at<F: Future + Send>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        tokio::time::timeout_at(clock::to_tokio(deadline), future).await.ok()
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
