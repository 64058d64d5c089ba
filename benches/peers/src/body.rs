//! Dot-stuffing of 64 MiB, the price of finding the dots with and without a copy.
//!
//! Peers are measured through their clients, into a connection that drops what it gets.

use std::hint::black_box;
use std::rc::Rc;

use async_smtp::{SendableEmail, SmtpClient, SmtpTransport};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use memchr::memmem::Finder;
use smtp_proto::Output;
use smtp_proto::body::DotStuffer;
use tokio::io::BufReader;

use crate::memory::{Connection, now};
use crate::replies::opening;
use crate::{Contestant, Role, Workload};

const SIZE: usize = 64 << 20;
/// What the client machine takes in one call.
const CHUNK: usize = 256 << 10;

/// Lines as base64 has them, and now and then one that begins with a dot.
pub fn content(size: usize) -> Vec<u8> {
    let mut block =
        b"VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gVGhlIHF1aWNrIGJy\r\n".repeat(100);
    block[0] = b'.';
    block.repeat(size / block.len())
}

/// Dot-stuffing.
pub fn workloads() -> Vec<Workload> {
    let content = Rc::new(content(SIZE));
    let bytes = content.len();
    let with = |content: &Rc<Vec<u8>>| content.clone();
    let contestants = vec![
        Contestant::ours({
            let (content, mut out) = (with(&content), Output::new());
            move || frame(&content, &mut out, |slice| _ = black_box(slice))
        }),
        Contestant::new(Role::Ours, "ours, and copy", {
            let (content, mut out) = (with(&content), Output::new());
            let mut copy = Vec::with_capacity(bytes * 2);
            move || {
                copy.clear();
                frame(&content, &mut out, |slice| copy.extend_from_slice(slice));
                copy.len()
            }
        }),
        Contestant::new(Role::Floor, "memcpy", {
            let content = with(&content);
            let mut copy = Vec::with_capacity(bytes * 2);
            move || {
                copy.clear();
                copy.extend_from_slice(black_box(&content));
                copy.len()
            }
        }),
        Contestant::new(Role::Floor, "memmem", {
            let content = with(&content);
            let finder = Finder::new(b"\r\n.");
            move || finder.find_iter(black_box(&content[..])).count()
        }),
        Contestant::new(Role::Floor, "memmem, and copy", {
            let content = with(&content);
            let finder = Finder::new(b"\r\n.");
            let mut copy = Vec::with_capacity(bytes * 2);
            move || {
                copy.clear();
                let mut start = 0;
                for at in finder.find_iter(black_box(&content[..])) {
                    copy.extend_from_slice(&content[start..at + 3]);
                    start = at + 2;
                }
                copy.extend_from_slice(&content[start..]);
                copy.len()
            }
        }),
        Contestant::peer("lettre", {
            let content = with(&content);
            let stream = Box::new(Connection::new(&opening(), b"250 2.0.0 Ok\r\n", usize::MAX));
            let name = ClientId::Domain("client.example".into());
            let mut connection =
                now(AsyncSmtpConnection::connect_with_transport(stream, &name)).expect("connected");
            move || now(connection.message(black_box(&content))).expect("delivered")
        }),
        Contestant::peer("async-smtp", {
            let content = with(&content);
            let replies = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n250 2.0.0 Ok\r\n";
            let stream = BufReader::new(Connection::new(&opening(), replies, usize::MAX));
            let mut transport = now(SmtpTransport::new(SmtpClient::new(), stream)).expect("connected");
            let address = |text: &str| async_smtp::EmailAddress::new(text.to_string()).expect("an address");
            let envelope =
                async_smtp::Envelope::new(Some(address("a@example.org")), vec![address("b@example.org")])
                    .expect("recipients");
            move || {
                let email = SendableEmail::new(envelope.clone(), black_box(&content[..]));
                now(transport.send(email)).expect("delivered")
            }
        }),
    ];
    vec![Workload { name: "dot-stuffing of 64 MiB", bytes, contestants }]
}

fn frame<'a>(content: &'a [u8], out: &mut Output, mut write: impl FnMut(&[u8])) {
    let mut framing = DotStuffer::new();
    let mut left: &'a [u8] = black_box(content);
    while !left.is_empty() {
        let chunk = &left[..left.len().min(CHUNK)];
        let taken = framing.frame(chunk, out).expect("no bare line end");
        out.slices(chunk).expect("the chunk").for_each(&mut write);
        out.clear();
        left = &left[taken..];
    }
    framing.finish(out).expect("no bare line end");
    out.slices(&[]).expect("no chunk").for_each(&mut write);
    out.clear();
}
