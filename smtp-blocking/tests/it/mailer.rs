//! The mailer against a server on a thread.

use std::io::{self, Cursor, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;

use smtp_blocking::proto::server::{Config, Event, Response, Server};
use smtp_blocking::{
    Address, BlockingRuntime, BodyType, ContentError, Domain, Error, Form, Mailer, MailerBuilder, Report,
    Runtime, TcpTransport, block_on,
};

/// A mailer, and the messages that its server gets.
fn mailer_and_server() -> (Mailer, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (deliver, messages) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let config = Config::new("localhost".parse::<Domain>().unwrap());
            let server = Server::new(Arc::new(config), BlockingRuntime.now());
            let content = Mutex::new(Vec::new());
            let transport = TcpTransport::from_stream(stream.unwrap()).unwrap();
            let _ = block_on(smtp_blocking::driver::serve(&BlockingRuntime, transport, server, |event| {
                let mut content = content.lock().unwrap();
                match event {
                    Event::Body(bytes) => content.extend_from_slice(&bytes),
                    Event::Message => deliver.send(std::mem::take(&mut *content)).unwrap(),
                    _ => {}
                }
                Response::accept()
            }));
        }
    });
    (Mailer::new(MailerBuilder::new("127.0.0.1").port(port).dangerous_plaintext()).unwrap(), messages)
}

fn send(mailer: &Mailer, content: impl Read + Send) -> Result<Report, Error> {
    let (from, to): (Address, Address) = ("a@example.com".parse().unwrap(), "b@example.com".parse().unwrap());
    let form = Form { size: None, body: BodyType::EightBitMime, smtputf8: false };
    mailer.send_stream(Some(from), vec![to], form, content)
}

/// Gives a byte, then some, and may fail at the end.
struct Drip(Cursor<Vec<u8>>, bool);

impl Read for Drip {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = if self.0.position() == 0 { 1 } else { out.len().min(1000) };
        match self.0.read(&mut out[..most])? {
            0 if self.1 => Err(io::Error::other("the disk is on fire")),
            n => Ok(n),
        }
    }
}

#[test]
fn a_reader_is_sent_as_it_is_read() {
    let (mailer, messages) = mailer_and_server();
    let line = "Gr\u{fc}\u{df}e und noch eine Zeile\r\n.\r\n";
    // The last one is just as long as what is read at a time.
    for body in [String::new(), line.into(), line.repeat(5000), "x\r\n".repeat(5456) + "\r\n"] {
        let message = format!("Subject: x\r\n\r\n{body}").into_bytes();
        send(&mailer, Drip(Cursor::new(message.clone()), false)).unwrap().all_delivered().unwrap();
        assert!(messages.recv().unwrap() == message);
    }
}

#[test]
fn what_cannot_be_read_or_has_bare_line_ends_is_not_delivered() {
    let (mailer, messages) = mailer_and_server();
    let message = b"Subject: x\r\n\r\n".repeat(3000);
    let error = send(&mailer, Drip(Cursor::new(message), true)).unwrap_err();
    assert!(matches!(&error, Error::Content(ContentError::Io(error)) if error.to_string().contains("fire")));
    let bare = send(&mailer, Cursor::new(b"Subject: x\n\nHi\n"));
    assert!(!bare.is_ok_and(|report| report.is_complete()));
    assert!(messages.try_recv().is_err());
}
