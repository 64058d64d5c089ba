//! What every [`Transport`] and [`Runtime`] must do, as checks that the tests of each adapter run.
//!
//! An adapter's tests implement [`Harness`], which says how to listen, and call each check; one that fails panics.
//! No check takes a time that another machine would not: they wait for events, and deadlines are only known to pass.
//!
//! ```
//! use smtp_driver::conformance::{self, Harness, Peer};
//! use smtp_driver::sim::{Sim, SimRuntime};
//!
//! struct Simulated<'a>(&'a Sim);
//!
//! impl Harness for Simulated<'_> {
//!     type Runtime = SimRuntime;
//!     fn runtime(&self) -> SimRuntime {
//!         self.0.runtime()
//!     }
//!     fn serve(&self, peer: Peer) -> (String, u16) {
//!         self.0.listen("peer.example", 25, move |transport| peer.clone().run(transport));
//!         ("peer.example".to_owned(), 25)
//!     }
//! }
//!
//! let sim = Sim::new(1);
//! sim.block_on(conformance::end_of_file(&Simulated(&sim)));
//! ```

use std::future::{Future, poll_fn};
use std::io::{ErrorKind, IoSlice};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use smtp_proto::Instant;

use crate::{Progress, Runtime, Transport};

/// How a test of an adapter listens.
pub trait Harness {
    /// The runtime under test.
    type Runtime: Runtime;

    /// It.
    fn runtime(&self) -> Self::Runtime;

    /// Listens, and runs `peer` on each connection that comes; returns the host and port to connect to.
    ///
    /// Where sockets have buffers that can be set, small ones make the checks sharper.
    fn serve(&self, peer: Peer) -> (String, u16);

    /// Whether a future of the runtime can be dropped while it waits; not where they wait inside `poll`.
    fn futures_can_be_dropped(&self) -> bool {
        true
    }

    /// Whether what was written at once may be read in pieces; sockets of one computer do not do that to a few bytes.
    fn cuts(&self) -> bool {
        false
    }
}

/// What the other end of a check does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Peer {
    /// Writes so many bytes of the pattern and reads nothing until that is done; then reads as many; then closes.
    WriteThenRead(usize),
    /// Writes these bytes at once, then reads until the end.
    Say(&'static [u8]),
    /// Reads nothing until it has one byte, then says these bytes and closes with the rest unread.
    SayAndReset(&'static [u8]),
    /// Says these bytes and closes.
    SayAndClose(&'static [u8]),
    /// Reads nothing, and keeps the connection until it is reset or the test ends.
    Stall,
    /// Sends back what it reads.
    Echo,
    /// Speaks SMTP, and not as it should.
    #[cfg(feature = "hostile")]
    Hostile(std::sync::Arc<crate::hostile::Play>),
}

impl Peer {
    /// Plays the part on `transport`.
    pub async fn run<T: Transport>(self, mut transport: T) {
        match self {
            Self::WriteThenRead(size) => {
                let mut sent = 0;
                while sent < size {
                    let chunk = pattern(sent, (size - sent).min(CHUNK));
                    sent += write_some(&mut transport, &chunk).await;
                }
                let mut received = 0;
                while received < size {
                    received += read_pattern(&mut transport, received).await;
                }
            }
            Self::Say(bytes) => {
                write_all(&mut transport, bytes).await;
                while read_some(&mut transport, &mut [0; 256]).await != Some(0) {}
            }
            Self::SayAndReset(bytes) => {
                read_some(&mut transport, &mut [0; 1]).await;
                write_all(&mut transport, bytes).await;
            }
            Self::SayAndClose(bytes) => write_all(&mut transport, bytes).await,
            Self::Stall => {
                // Larger than anything that fits into buffers, so that it ends only with the connection.
                let chunk = vec![0; CHUNK];
                while let Ok(Progress::Wrote(_)) =
                    transport.exchange(&mut [], &[IoSlice::new(&chunk)], None).await
                {}
            }
            #[cfg(feature = "hostile")]
            Self::Hostile(play) => play.run(transport).await,
            Self::Echo => {
                let mut buffer = [0; 256];
                while let Some(n) = read_some(&mut transport, &mut buffer).await.filter(|&n| n > 0) {
                    write_all(&mut transport, &buffer[..n]).await;
                }
            }
        }
    }
}

const CHUNK: usize = 64 * 1024;

/// A wait that no check needs in full: only a failure takes that long.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A wait that is had in full where the check is that it ends.
pub(crate) const SHORT: Duration = Duration::from_millis(20);

/// Both ends write `size` bytes, and the peer reads only then: whoever does not read while writing waits forever.
pub async fn duplex<H: Harness>(harness: &H, size: usize) {
    transfer(harness, size, false).await;
}

/// As [`duplex`], with each wait dropped and begun again: no byte is lost with a dropped future.
pub async fn duplex_with_cancelled_waits<H: Harness>(harness: &H, size: usize) {
    transfer(harness, size, true).await;
}

async fn transfer<H: Harness>(harness: &H, size: usize, cancel: bool) {
    let (mut client, deadline) = connect(harness, Peer::WriteThenRead(size)).await;
    let mut rx = vec![0; CHUNK];
    let (mut sent, mut received) = (0, 0);
    let mut chunk = Vec::new();
    loop {
        if chunk.is_empty() {
            chunk = pattern(sent, (size - sent).min(CHUNK));
        }
        // In three slices, one of them empty, as a body between its frame's head and tail would be.
        let (head, tail) = chunk.split_at(chunk.len() / 3);
        let tx = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
        let at_once = if cancel {
            let mut waiting = pin!(client.exchange(&mut rx, &tx, Some(deadline)));
            poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await
        } else {
            Poll::Pending
        };
        let progress = match at_once {
            Poll::Ready(progress) => progress,
            Poll::Pending => client.exchange(&mut rx, &tx, Some(deadline)).await,
        };
        match progress.expect("exchange") {
            Progress::Read(0) => break,
            Progress::Read(n) => {
                assert!(rx[..n] == pattern(received, n)[..], "bytes changed after {received}");
                received += n;
            }
            Progress::Wrote(n) => {
                chunk.drain(..n);
                sent += n;
            }
            other => panic!("{other:?} after {sent} bytes sent and {received} received"),
        }
    }
    assert_eq!((sent, received), (size, size), "sent and received before the end of file");
}

/// A deadline ends a wait for bytes that do not come, and one that has passed ends it at once.
pub async fn read_deadline<H: Harness>(harness: &H) {
    let (mut client, _) = connect(harness, Peer::Echo).await;
    let runtime = harness.runtime();
    let mut rx = [0; 16];
    let past = client.exchange(&mut rx, &[], Some(Instant::ZERO)).await;
    assert_eq!(past.expect("exchange"), Progress::TimedOut);
    let deadline = runtime.now() + SHORT;
    assert_eq!(client.exchange(&mut rx, &[], Some(deadline)).await.expect("exchange"), Progress::TimedOut);
    assert!(runtime.now() >= deadline, "gave up before the deadline");
}

/// A deadline ends a wait for room when the peer does not read.
pub async fn write_deadline<H: Harness>(harness: &H) {
    let (mut client, _) = connect(harness, Peer::Stall).await;
    let runtime = harness.runtime();
    let chunk = vec![0; CHUNK];
    loop {
        let deadline = runtime.now() + SHORT;
        match client.exchange(&mut [], &[IoSlice::new(&chunk)], Some(deadline)).await.expect("exchange") {
            Progress::Wrote(_) => {}
            Progress::TimedOut => break assert!(runtime.now() >= deadline, "gave up before the deadline"),
            other => panic!("{other:?} to a peer that is there"),
        }
    }
}

/// What can be moved is moved, even if the deadline has passed; and `try_read` needs no wait before it.
pub async fn io_comes_before_the_deadline<H: Harness>(harness: &H) {
    let (mut client, deadline) = connect(harness, Peer::Say(b"abc")).await;
    let mut rx = [0; 1];
    assert_eq!(client.exchange(&mut rx, &[], Some(deadline)).await.expect("a"), Progress::Read(1));
    assert_eq!(&rx, b"a");
    // All three came together, so they are there now.
    let past = Some(Instant::ZERO);
    assert_eq!(client.exchange(&mut rx, &[], past).await.expect("b"), Progress::Read(1));
    assert_eq!(&rx, b"b");
    assert_eq!(client.try_read(&mut rx).expect("c"), 1);
    assert_eq!(&rx, b"c");
    assert_eq!(client.try_read(&mut rx).expect_err("nothing is left").kind(), ErrorKind::WouldBlock);
    let wrote = client.exchange(&mut rx, &[IoSlice::new(b"x")], past).await.expect("write");
    assert_eq!(wrote, Progress::Wrote(1));
}

/// The end of the peer's bytes is `Read(0)`, as often as it is asked for, and `try_read` says the same.
pub async fn end_of_file<H: Harness>(harness: &H) {
    let (mut client, deadline) = connect(harness, Peer::SayAndClose(b"221 bye\r\n")).await;
    assert_eq!(read_to_end(&mut client, deadline).await, b"221 bye\r\n");
    for _ in 0..2 {
        let again = client.exchange(&mut [0; 8], &[], Some(deadline)).await.expect("again");
        assert_eq!(again, Progress::Read(0));
    }
    assert_eq!(client.try_read(&mut [0; 8]).expect("try_read"), 0);
}

/// A peer that stops reading and resets ends writing, not reading: what it said last is still there.
pub async fn last_words_before_a_reset<H: Harness>(harness: &H) {
    const LAST_WORDS: &[u8] = b"421 too many errors\r\n";
    let (mut client, deadline) = connect(harness, Peer::SayAndReset(LAST_WORDS)).await;
    let chunk = [0; 1024];
    for n in 0.. {
        match client.exchange(&mut [], &[IoSlice::new(&chunk)], Some(deadline)).await.expect("no write error")
        {
            Progress::Wrote(_) => {}
            Progress::WriteClosed => break,
            other => panic!("{other:?} after {n} writes"),
        }
    }
    let again = client.exchange(&mut [], &[IoSlice::new(&chunk)], Some(deadline)).await.expect("again");
    assert_eq!(again, Progress::WriteClosed);
    let mut heard = Vec::new();
    let mut rx = [0; 7];
    while heard.len() < LAST_WORDS.len() {
        match client.exchange(&mut rx, &[], Some(deadline)).await.expect("last words") {
            Progress::Read(n @ 1..) => heard.extend_from_slice(&rx[..n]),
            other => panic!("{other:?} after {heard:?}"),
        }
    }
    assert_eq!(heard, LAST_WORDS);
    // Systems differ in whether the end that follows is an error.
    match client.exchange(&mut rx, &[], Some(deadline)).await {
        Ok(end) => assert_eq!(end, Progress::Read(0)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// A dropped wait takes nothing with it: neither bytes nor the connection.
pub async fn dropped_waits<H: Harness>(harness: &H) {
    let (mut client, deadline) = connect(harness, Peer::Echo).await;
    let mut rx = [0; 64];
    for n in 0..20_u8 {
        {
            // A blocking transport is ready in any case; for it the deadline is short.
            let soon = harness.runtime().now() + Duration::from_millis(1);
            let mut waiting = pin!(client.exchange(&mut rx, &[], Some(soon)));
            match poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await {
                Poll::Pending => {}
                Poll::Ready(done) => assert_eq!(done.expect("exchange"), Progress::TimedOut),
            }
        }
        let word = [n; 5];
        let mut sent = 0;
        let mut heard = Vec::new();
        while heard.len() < word.len() {
            let tx = [IoSlice::new(&word[sent..])];
            match client.exchange(&mut rx, &tx, Some(deadline)).await.expect("exchange") {
                Progress::Wrote(n) => sent += n,
                Progress::Read(n @ 1..) => heard.extend_from_slice(&rx[..n]),
                other => panic!("{other:?} from an echo"),
            }
        }
        assert_eq!(heard, word);
    }
}

/// An exchange that could do nothing is refused rather than left waiting.
pub async fn nothing_to_do<H: Harness>(harness: &H) {
    let (mut client, deadline) = connect(harness, Peer::Echo).await;
    let idle = client.exchange(&mut [], &[IoSlice::new(&[])], Some(deadline)).await;
    assert_eq!(idle.expect_err("no bytes in either direction").kind(), ErrorKind::InvalidInput);
}

/// Nobody listens at `host` and `port`.
pub async fn connection_refused<R: Runtime>(runtime: &R, host: &str, port: u16) {
    match runtime.connect(host, port, runtime.now() + LONG).await {
        Ok(_) => panic!("connected to a port that nobody listens on"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
            assert!(error.to_string().contains(&port.to_string()), "{error} does not say where");
        }
    }
}

/// Nothing ever answers from `host` and `port`.
pub async fn connect_deadline<R: Runtime>(runtime: &R, host: &str, port: u16) {
    let deadline = runtime.now() + SHORT;
    match runtime.connect(host, port, deadline).await {
        Ok(_) => panic!("connected to what does not answer"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}"),
    }
    assert!(runtime.now() >= deadline, "gave up before the deadline");
}

/// The clock does not go back, the date is not that of an unset clock, and randomness is not all zeros.
pub fn clocks_and_randomness<R: Runtime>(runtime: &R) {
    let before = runtime.now();
    assert!(runtime.now() >= before);
    assert!(runtime.unix_time() > Duration::from_secs(1_700_000_000));
    let (mut one, mut other) = ([0; 33], [0; 33]);
    runtime.fill_random(&mut one).expect("randomness");
    runtime.fill_random(&mut other).expect("randomness");
    assert_ne!(one, other);
}

/// A future is waited for until it is ready or the deadline has passed, and is polled whatever the time is.
pub async fn timeouts(runtime: &impl Runtime) {
    assert_eq!(runtime.timeout_at(Instant::ZERO, std::future::ready(1)).await, Some(1));
    let mut polls = 0;
    let woken = poll_fn(|context| {
        polls += 1;
        context.waker().wake_by_ref();
        if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
    });
    assert_eq!(runtime.timeout_at(runtime.now() + LONG, woken).await, Some(3));
    let deadline = runtime.now() + SHORT;
    assert_eq!(runtime.timeout_at(deadline, std::future::pending::<()>()).await, None);
    assert!(runtime.now() >= deadline, "gave up before the deadline");
}

async fn connect<H: Harness>(harness: &H, peer: Peer) -> (<H::Runtime as Runtime>::Transport, Instant) {
    let runtime = harness.runtime();
    let (host, port) = harness.serve(peer);
    let deadline = runtime.now() + LONG;
    (runtime.connect(&host, port, deadline).await.expect("connect"), deadline)
}

async fn read_to_end<T: Transport>(transport: &mut T, deadline: Instant) -> Vec<u8> {
    let mut all = Vec::new();
    let mut rx = [0; 64];
    loop {
        match transport.exchange(&mut rx, &[], Some(deadline)).await.expect("read") {
            Progress::Read(0) => return all,
            Progress::Read(n) => all.extend_from_slice(&rx[..n]),
            other => panic!("{other:?} after {all:?}"),
        }
    }
}

/// `None` on an error: a peer's connection may well be reset when a check has ended.
async fn read_some<T: Transport>(transport: &mut T, rx: &mut [u8]) -> Option<usize> {
    match transport.exchange(rx, &[], None).await {
        Ok(Progress::Read(n)) => Some(n),
        _ => None,
    }
}

async fn read_pattern<T: Transport>(transport: &mut T, received: usize) -> usize {
    let mut rx = vec![0; CHUNK];
    let n = read_some(transport, &mut rx).await.expect("peer reads");
    assert!(n > 0, "peer: end of file after {received}");
    assert!(rx[..n] == pattern(received, n)[..], "peer: bytes changed after {received}");
    n
}

async fn write_some<T: Transport>(transport: &mut T, bytes: &[u8]) -> usize {
    match transport.exchange(&mut [], &[IoSlice::new(bytes)], None).await.expect("peer writes") {
        Progress::Wrote(n) => n,
        other => panic!("peer: {other:?} while writing"),
    }
}

async fn write_all<T: Transport>(transport: &mut T, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match transport.exchange(&mut [], &[IoSlice::new(bytes)], None).await {
            Ok(Progress::Wrote(n)) => bytes = &bytes[n..],
            // The check has ended.
            _ => return,
        }
    }
}

/// Bytes that differ from each other at distances at which a mistake would move them.
fn pattern(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|i| (i ^ (i >> 8) ^ (i >> 16)).to_le_bytes()[0]).collect()
}
