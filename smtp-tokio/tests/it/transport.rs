//! The conformance suite on TCP sockets, in both kinds of tokio runtime.

use std::future::Future;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use smtp_driver::conformance::{self, Harness, Peer};
use smtp_driver::{Progress, Runtime, Transport};
use smtp_proto::Instant;
use smtp_tokio::{TcpTransport, TokioRuntime};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

pub(crate) struct Loopback;

impl Harness for Loopback {
    type Runtime = TokioRuntime;

    fn runtime(&self) -> TokioRuntime {
        TokioRuntime
    }

    fn serve(&self, peer: Peer) -> (String, u16) {
        let (socket, port) = bound();
        socket.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(socket.into()).unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(peer.clone().run(TcpTransport::from_stream(stream)));
            }
        });
        ("127.0.0.1".to_owned(), port)
    }
}

/// A listening socket with small buffers, which those that it accepts inherit.
fn bound() -> (Socket, u16) {
    let (socket, port) = reserved();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.listen(1).unwrap();
    (socket, port)
}

/// A port that nobody else gets while the socket lives, and that nobody listens on.
fn reserved() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn soon() -> Instant {
    TokioRuntime.now() + Duration::from_secs(120)
}

/// Runs the check on one thread and on two.
pub(crate) fn everywhere<F: Future<Output = ()>>(check: impl Fn() -> F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(check());
    let mut two = tokio::runtime::Builder::new_multi_thread();
    two.worker_threads(2).enable_all().build().unwrap().block_on(check());
}

#[test]
fn duplex() {
    everywhere(|| conformance::duplex(&Loopback, 8 << 20));
}

#[test]
fn duplex_with_cancelled_waits() {
    everywhere(|| conformance::duplex_with_cancelled_waits(&Loopback, 1 << 20));
}

#[test]
fn read_deadline() {
    everywhere(|| conformance::read_deadline(&Loopback));
}

#[test]
fn write_deadline() {
    everywhere(|| conformance::write_deadline(&Loopback));
}

#[test]
fn io_comes_before_the_deadline() {
    everywhere(|| conformance::io_comes_before_the_deadline(&Loopback));
}

#[test]
fn end_of_file() {
    everywhere(|| conformance::end_of_file(&Loopback));
}

/// Windows throws unread bytes away when a reset comes.
#[test]
#[cfg(unix)]
fn last_words_before_a_reset() {
    everywhere(|| conformance::last_words_before_a_reset(&Loopback));
}

#[test]
fn dropped_waits() {
    everywhere(|| conformance::dropped_waits(&Loopback));
}

#[test]
fn nothing_to_do() {
    everywhere(|| conformance::nothing_to_do(&Loopback));
}

#[test]
fn connection_refused() {
    let (_socket, port) = reserved();
    everywhere(|| conformance::connection_refused(&TokioRuntime, "127.0.0.1", port));
}

/// Linux leaves connections unanswered while a listener's queue is full.
#[test]
#[cfg(target_os = "linux")]
fn connect_deadline() {
    let (listener, port) = reserved();
    listener.listen(0).unwrap();
    let _queued = std::net::TcpStream::connect(local(port)).unwrap();
    everywhere(|| conformance::connect_deadline(&TokioRuntime, "127.0.0.1", port));
}

/// The next address is tried at once after a refusal, and a little later when there is no answer.
#[test]
#[cfg(target_os = "linux")]
fn other_addresses_are_tried() {
    let (_refusing, refused) = reserved();
    let (silent_listener, silent) = reserved();
    silent_listener.listen(0).unwrap();
    let _queued = std::net::TcpStream::connect(local(silent)).unwrap();
    everywhere(|| async move {
        for first in [refused, silent] {
            let (_, port) = Loopback.serve(Peer::SayAndClose(b"hello"));
            let addresses = [local(first), local(port)];
            let mut client = TokioRuntime.connect_any(&addresses, soon()).await.unwrap();
            assert_eq!(client.get_ref().peer_addr().unwrap(), local(port));
            assert!(client.get_ref().nodelay().unwrap());
            let mut rx = [0; 5];
            assert_eq!(client.exchange(&mut rx, &[], Some(soon())).await.unwrap(), Progress::Read(5));
        }
    });
}

#[test]
fn names_are_looked_up() {
    everywhere(|| async {
        let (_, port) = Loopback.serve(Peer::Echo);
        let client = TokioRuntime.connect("localhost", port, soon()).await.unwrap();
        assert_eq!(client.peer_addr(), Some(local(port)));
        let error = TokioRuntime.connect("", port, soon()).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::TimedOut, "{error}");
        let error = TokioRuntime.connect_any(&[], soon()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

/// The check before a connection is used again must see what came since the reactor's last turn.
#[test]
fn try_read_asks_the_socket() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (listener, port) = bound();
        let mut client = TokioRuntime.connect("127.0.0.1", port, soon()).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut rx = [0; 64];
        assert_eq!(client.try_read(&mut rx).unwrap_err().kind(), ErrorKind::WouldBlock);
        peer.write_all(b"421 idle too long\r\n").unwrap();
        // No await in between, so the reactor has had no turn.
        assert_eq!(client.try_read(&mut rx).unwrap(), 19);
        peer.write_all(b"and").unwrap();
        let past = Some(Instant::ZERO);
        assert_eq!(client.exchange(&mut rx, &[], past).await.unwrap(), Progress::Read(3));
        // Reading behind the reactor's back has not confused it.
        peer.write_all(b"then").unwrap();
        assert_eq!(client.exchange(&mut rx, &[], Some(soon())).await.unwrap(), Progress::Read(4));
        drop(peer);
        assert_eq!(client.exchange(&mut rx, &[], Some(soon())).await.unwrap(), Progress::Read(0));
    });
}

#[test]
fn timeouts() {
    everywhere(|| conformance::timeouts(&TokioRuntime));
}

#[test]
fn the_clock_is_tokios() {
    everywhere(|| async { conformance::clocks_and_randomness(&TokioRuntime) });
    let paused = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    paused.unwrap().block_on(async {
        let before = TokioRuntime.now();
        assert_eq!(TokioRuntime.now(), before);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(TokioRuntime.now(), before + Duration::from_secs(3600));
    });
}

#[test]
fn sending_can_be_spawned() {
    fn spawnable<F: Future + Send + 'static>(_: F) {}
    let mailer =
        smtp_tokio::MailerBuilder::new("localhost").dangerous_plaintext().build(TokioRuntime).unwrap();
    let message = smtp_tokio::Message::builder().from("a@a.example").to("b@b.example").text("hi\n");
    let message = message.build(&mailer.stamp().unwrap()).unwrap();
    spawnable(async move {
        let to = message.recipients().to_vec();
        let _ = mailer.send(&message).await;
        let _ = mailer.send_to(None, to, &message).await;
        mailer.close().await;
    });
}
