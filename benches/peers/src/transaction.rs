//! One message through a whole client in memory: MAIL, RCPT, DATA, content, verdict.
//!
//! stalwart's smtp-proto has no client.

use std::hint::black_box;

use async_smtp::{SendableEmail, SmtpClient, SmtpTransport};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use smtp_proto::client::{Client, Config, Event, Next, TlsMode};
use smtp_proto::{Envelope, Instant, Output};
use tokio::io::BufReader;

use crate::memory::{Connection, now};
use crate::replies::opening;
use crate::{Contestant, Workload};

const NOW: Instant = Instant::ZERO;
const SENDER: &str = "alice@example.org";
const MAIL: &[u8] = b"250 2.1.0 Ok\r\n";
const RCPT: &[u8] = b"250 2.1.5 Ok\r\n";
const DATA: &[u8] = b"354 End data with <CR><LF>.<CR><LF>\r\n";
const VERDICT: &[u8] = b"250 2.0.0 Ok: queued as 4XyZ1w2v3u\r\n";

/// What [`Ours::accept`] takes apart.
pub const STEPS: [&str; 3] = [
    "reply to MAIL to its event",
    "reply to RCPT to its event",
    "100 replies to RCPT in one read, to their events",
];

/// One message on a connection that is ready, to one recipient and to many.
pub fn workloads() -> Vec<Workload> {
    let workload = |name, recipients| {
        let message = b"Subject: a message of a kilobyte\r\n\r\n".to_vec();
        let message =
            [message, b"This line has as many characters as an author is likely to write.\r\n".repeat(14)]
                .concat();
        Workload {
            name,
            bytes: message.len(),
            contestants: vec![
                ours(recipients, message.clone()),
                lettre(recipients, message.clone()),
                async_smtp(recipients, message),
            ],
        }
    };
    vec![workload("1 KB message, 1 recipient", 1), workload("1 KB message, 100 recipients", 100)]
}

fn recipient(i: usize) -> String {
    format!("recipient{i}@example.com")
}

fn replies(recipients: usize) -> Vec<u8> {
    [MAIL, &RCPT.repeat(recipients), DATA, VERDICT].concat()
}

/// A client on its way from one reply to the next.
pub struct Ours {
    client: Client,
    out: Output,
}

impl Ours {
    /// A client that has read the reply to EHLO.
    pub fn ready() -> Self {
        let config = Config::new("client.example".parse().expect("a domain"));
        let mut this = Self { client: Client::new(config, TlsMode::None, NOW), out: Output::new() };
        let opening = opening();
        let greeting = opening.iter().position(|&b| b == b'\n').map_or(0, |lf| lf + 1);
        this.client.handle_input(NOW, &opening[..greeting]);
        this.write();
        this.client.handle_input(NOW, &opening[greeting..]);
        assert!(matches!(this.poll(), Next::Event(Event::Ready)));
        this
    }

    fn poll(&mut self) -> Next {
        self.client.poll(NOW, &mut self.out)
    }

    /// Lets the machine put out what it will, and writes it.
    fn write(&mut self) {
        assert!(matches!(self.poll(), Next::Wait));
        self.written();
    }

    fn written(&mut self) {
        black_box(self.out.len());
        self.client.handle_written(NOW, self.out.len());
        self.out.clear();
    }

    fn transact(&mut self, envelope: Envelope, message: &[u8], replies: &[u8]) -> usize {
        self.client.send(envelope).expect("ready");
        let (before_data, verdict) = replies.split_at(replies.len() - VERDICT.len());
        self.write();
        self.client.handle_input(NOW, &before_data[..before_data.len() - DATA.len()]);
        // With DATA in the same flight as RCPT its reply comes in the same read.
        self.client.handle_input(NOW, DATA);
        loop {
            match self.poll() {
                Next::Event(Event::Finished(_, outcomes)) => {
                    return outcomes.iter().filter(|outcome| outcome.is_delivered()).count();
                }
                Next::Event(_) => {}
                Next::Body(_) => {
                    let taken = self.client.body(NOW, message, true, &mut self.out).expect("wanted");
                    assert_eq!(taken, message.len());
                    black_box(self.out.slices(message).expect("the chunk").map(<[u8]>::len).sum::<usize>());
                    self.written();
                    self.client.handle_input(NOW, verdict);
                }
                Next::Wait | Next::Closed(_) => panic!("the script has everything"),
            }
        }
    }

    /// From the replies to MAIL and RCPT to their events: hands each step to `watch`, which must carry it out.
    pub fn accept(&mut self, mut watch: impl FnMut(&'static str, &mut dyn FnMut())) {
        self.client.send(envelope(101)).expect("ready");
        self.write();
        watch(STEPS[0], &mut || {
            self.client.handle_input(NOW, MAIL);
            assert!(matches!(self.poll(), Next::Event(Event::Mail(_, reply)) if reply.is_positive()));
        });
        watch(STEPS[1], &mut || {
            self.client.handle_input(NOW, RCPT);
            assert!(matches!(self.poll(), Next::Event(Event::Rcpt(_, 0, reply)) if reply.is_positive()));
        });
        let replies = RCPT.repeat(100);
        watch(STEPS[2], &mut || {
            self.client.handle_input(NOW, &replies);
            for _ in 0..100 {
                assert!(matches!(self.poll(), Next::Event(Event::Rcpt(_, _, reply)) if reply.is_positive()));
            }
        });
    }
}

fn envelope(recipients: usize) -> Envelope {
    let sender = SENDER.parse().expect("an address");
    let recipients = (0..recipients).map(|i| recipient(i).parse().expect("an address"));
    Envelope::new(Some(sender), recipients).expect("recipients")
}

fn ours(recipients: usize, message: Vec<u8>) -> Contestant {
    let mut client = Ours::ready();
    let (envelope, replies) = (envelope(recipients), replies(recipients));
    Contestant::ours(move || {
        let delivered = client.transact(envelope.clone(), black_box(&message), &replies);
        assert_eq!(delivered, recipients);
    })
}

fn lettre(recipients: usize, message: Vec<u8>) -> Contestant {
    let stream = Box::new(Connection::new(&opening(), &replies(recipients), usize::MAX));
    let name = ClientId::Domain("client.example".into());
    let mut connection = now(AsyncSmtpConnection::connect_with_transport(stream, &name)).expect("connected");
    let to = (0..recipients).map(|i| recipient(i).parse().expect("an address")).collect();
    let envelope =
        lettre::address::Envelope::new(Some(SENDER.parse().expect("an address")), to).expect("recipients");
    Contestant::peer("lettre", move || {
        now(connection.send(&envelope, black_box(&message))).expect("delivered")
    })
}

fn async_smtp(recipients: usize, message: Vec<u8>) -> Contestant {
    let stream = BufReader::new(Connection::new(&opening(), &replies(recipients), usize::MAX));
    let mut transport = now(SmtpTransport::new(SmtpClient::new(), stream)).expect("connected");
    let address = |text: String| async_smtp::EmailAddress::new(text).expect("an address");
    let to = (0..recipients).map(|i| address(recipient(i))).collect();
    let envelope = async_smtp::Envelope::new(Some(address(SENDER.into())), to).expect("recipients");
    Contestant::peer("async-smtp", move || {
        let email = SendableEmail::new(envelope.clone(), black_box(&message).clone());
        now(transport.send(email)).expect("delivered")
    })
}
