//! The conformance suite on TCP sockets, each end on a thread of its own.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use smtp_blocking::{BlockingRuntime, TcpTransport, block_on};
use smtp_driver::conformance::{self, Harness, Peer};
use smtp_driver::{Progress, Runtime, Transport};
use smtp_proto::Instant;
use socket2::{Domain, Protocol, Socket, Type};

pub(crate) struct Loopback;

impl Harness for Loopback {
    type Runtime = BlockingRuntime;

    fn runtime(&self) -> BlockingRuntime {
        BlockingRuntime
    }

    fn serve(&self, peer: Peer) -> (String, u16) {
        let (socket, port) = bound();
        thread::spawn(move || {
            for stream in TcpListener::from(socket).incoming() {
                let transport = TcpTransport::from_stream(stream.unwrap()).unwrap();
                let peer = peer.clone();
                thread::spawn(move || block_on(peer.run(transport)));
            }
        });
        ("127.0.0.1".to_owned(), port)
    }

    fn futures_can_be_dropped(&self) -> bool {
        false
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
    BlockingRuntime.now() + Duration::from_secs(120)
}

#[test]
fn duplex() {
    block_on(conformance::duplex(&Loopback, 8 << 20));
}

#[test]
fn duplex_with_cancelled_waits() {
    block_on(conformance::duplex_with_cancelled_waits(&Loopback, 1 << 20));
}

#[test]
fn read_deadline() {
    block_on(conformance::read_deadline(&Loopback));
}

#[test]
fn write_deadline() {
    block_on(conformance::write_deadline(&Loopback));
}

#[test]
fn io_comes_before_the_deadline() {
    block_on(conformance::io_comes_before_the_deadline(&Loopback));
}

#[test]
fn end_of_file() {
    block_on(conformance::end_of_file(&Loopback));
}

/// Windows throws unread bytes away when a reset comes.
#[test]
#[cfg(unix)]
fn last_words_before_a_reset() {
    block_on(conformance::last_words_before_a_reset(&Loopback));
}

#[test]
fn dropped_waits() {
    block_on(conformance::dropped_waits(&Loopback));
}

#[test]
fn nothing_to_do() {
    block_on(conformance::nothing_to_do(&Loopback));
}

#[test]
fn connection_refused() {
    let (_socket, port) = reserved();
    block_on(conformance::connection_refused(&BlockingRuntime, "127.0.0.1", port));
}

/// Linux leaves connections unanswered while a listener's queue is full.
#[test]
#[cfg(target_os = "linux")]
fn connect_deadline() {
    let (listener, port) = reserved();
    listener.listen(0).unwrap();
    let _queued = std::net::TcpStream::connect(local(port)).unwrap();
    block_on(conformance::connect_deadline(&BlockingRuntime, "127.0.0.1", port));
}

/// The next address is tried at once after a refusal, and a little later when there is no answer.
#[test]
#[cfg(target_os = "linux")]
fn other_addresses_are_tried() {
    let (_refusing, refused) = reserved();
    let (silent_listener, silent) = reserved();
    silent_listener.listen(0).unwrap();
    let _queued = std::net::TcpStream::connect(local(silent)).unwrap();
    for first in [refused, silent] {
        let (_, port) = Loopback.serve(Peer::SayAndClose(b"hello"));
        let mut client = BlockingRuntime.connect_any(&[local(first), local(port)], soon()).unwrap();
        assert_eq!(client.get_ref().peer_addr().unwrap(), local(port));
        assert!(client.get_ref().nodelay().unwrap());
        let mut rx = [0; 5];
        let read = block_on(client.exchange(&mut rx, &[], Some(soon()))).unwrap();
        assert_eq!(read, Progress::Read(5));
    }
}

#[test]
fn names_are_looked_up() {
    let (_, port) = Loopback.serve(Peer::Echo);
    let client = block_on(BlockingRuntime.connect("localhost", port, soon())).unwrap();
    assert_eq!(client.peer_addr(), Some(local(port)));
    let error = block_on(BlockingRuntime.connect("", port, soon())).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::TimedOut, "{error}");
    let error = BlockingRuntime.connect_any(&[], soon()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// An edge that came while nobody waited is not missed.
#[test]
fn what_came_before_the_wait_is_read() {
    let (listener, port) = bound();
    let mut client = block_on(BlockingRuntime.connect("127.0.0.1", port, soon())).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let mut rx = [0; 64];
    for _ in 0..3 {
        peer.write_all(b"421 idle too long\r\n").unwrap();
        assert_eq!(client.try_read(&mut rx[..4]).unwrap(), 4);
        let rest = block_on(client.exchange(&mut rx, &[], Some(soon()))).unwrap();
        assert_eq!(rest, Progress::Read(15));
    }
}

#[test]
fn timeouts() {
    block_on(conformance::timeouts(&BlockingRuntime));
}

#[test]
fn clocks_and_randomness() {
    conformance::clocks_and_randomness(&BlockingRuntime);
}
