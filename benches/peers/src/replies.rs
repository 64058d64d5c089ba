//! Replies: whole, and one byte at a time.
//!
//! lettre and async-smtp parse whole replies by their `FromStr`, which is the least they can do; with their own reading
//! loop they are measured where the input comes byte by byte, because only that loop can take it.

use std::hint::black_box;
use std::str::FromStr;

use async_smtp::extension::ServerInfo as AsyncSmtpInfo;
use async_smtp::response::Response as AsyncSmtpResponse;
use async_smtp::{SmtpClient, SmtpTransport};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::{ClientId, ServerInfo as LettreInfo};
use lettre::transport::smtp::response::Response as LettreResponse;
use smtp_proto::Extensions;
use smtp_proto::reply::{ReplyLimits, ReplyParser};
use stalwart_smtp_proto::EhloResponse;
use stalwart_smtp_proto::response::parser::ResponseReceiver;
use tokio::io::BufReader;

use crate::memory::{Connection, now};
use crate::{Contestant, Workload};

/// What most servers say to RCPT.
pub const ONE_LINE: &[u8] = b"250 2.1.5 Ok\r\n";

/// The keywords of a usual submission server.
pub const EHLO: &[u8] =
    b"250-mx.example.org at your service, [192.0.2.1]\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n\
    250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250-ENHANCEDSTATUSCODES\r\n\
    250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n";

const GREETING: &[u8] = b"220 mx.example.org ESMTP\r\n";

/// A reply of so many lines, such as one to HELP.
pub fn long(lines: usize) -> Vec<u8> {
    let line = |i| {
        let separator = if i + 1 == lines { ' ' } else { '-' };
        format!("250{separator}line {i:03} of the long reply\r\n")
    };
    (0..lines).map(line).collect::<String>().into_bytes()
}

/// What a client reads when it connects.
pub fn opening() -> Vec<u8> {
    [GREETING, EHLO].concat()
}

/// Reply parsing.
pub fn workloads() -> Vec<Workload> {
    vec![
        Workload { name: "reply of one line", bytes: ONE_LINE.len(), contestants: whole(ONE_LINE.to_vec()) },
        Workload {
            name: "EHLO of 12 lines into extensions",
            bytes: EHLO.len(),
            contestants: vec![
                Contestant::ours({
                    let mut parser = ReplyParser::new(ReplyLimits::default());
                    move || extensions(&mut parser, black_box(EHLO))
                }),
                Contestant::peer("stalwart", || assert!(stalwart_ehlo(black_box(EHLO)))),
                Contestant::peer("lettre", || lettre_ehlo(black_box(EHLO))),
                Contestant::peer("async-smtp", || async_smtp_ehlo(black_box(EHLO))),
            ],
        },
        Workload { name: "reply of 100 lines", bytes: long(100).len(), contestants: whole(long(100)) },
        Workload {
            name: "EHLO of 12 lines, byte by byte",
            bytes: EHLO.len(),
            contestants: vec![
                Contestant::ours({
                    let mut parser = ReplyParser::new(ReplyLimits::default());
                    move || {
                        let last = all_but_last(black_box(EHLO), |byte| ours_begin(&mut parser, byte));
                        extensions(&mut parser, last);
                    }
                }),
                // Its parser of EHLO begins anew when there is more.
                Contestant::peer("stalwart", || {
                    let input = black_box(EHLO);
                    assert!((1..=input.len()).any(|end| stalwart_ehlo(&input[..end])));
                }),
                lettre_by_byte(EHLO),
                async_smtp_by_byte(EHLO),
            ],
        },
        Workload { name: "100 lines, byte by byte", bytes: long(100).len(), contestants: by_byte(long(100)) },
        Workload {
            name: "400 lines, byte by byte",
            bytes: long(400).len(),
            // More than stalwart's limit.
            contestants: by_byte(long(400)).into_iter().filter(|c| c.name != "stalwart").collect(),
        },
    ]
}

fn whole(input: Vec<u8>) -> Vec<Contestant> {
    let (for_ours, for_stalwart, for_lettre) = (input.clone(), input.clone(), input.clone());
    let mut parser = ReplyParser::new(ReplyLimits::default());
    let mut receiver = ResponseReceiver::default();
    vec![
        Contestant::ours(move || ours(&mut parser, black_box(&for_ours))),
        Contestant::peer("stalwart", move || stalwart(&mut receiver, black_box(&for_stalwart))),
        Contestant::peer("lettre", move || lettre(black_box(&for_lettre))),
        Contestant::peer("async-smtp", move || async_smtp(black_box(&input))),
    ]
}

fn by_byte(input: Vec<u8>) -> Vec<Contestant> {
    let (lettre, async_smtp) = (lettre_by_byte(&input), async_smtp_by_byte(&input));
    let for_ours = input.clone();
    let mut parser = ReplyParser::new(ReplyLimits::default());
    let mut receiver = ResponseReceiver::default();
    vec![
        Contestant::ours(move || {
            let last = all_but_last(black_box(&for_ours), |byte| ours_begin(&mut parser, byte));
            ours(&mut parser, last);
        }),
        Contestant::peer("stalwart", move || {
            let last = all_but_last(black_box(&input), |byte| {
                assert!(receiver.parse(&mut byte.iter()).is_err(), "more is needed");
            });
            stalwart(&mut receiver, last);
        }),
        lettre,
        async_smtp,
    ]
}

// Results are looked at where they are: to move them is no part of the work.

fn ours(parser: &mut ReplyParser, mut input: &[u8]) {
    assert!(matches!(black_box(&parser.parse(&mut input)), Ok(Some(_))));
}

fn extensions(parser: &mut ReplyParser, mut input: &[u8]) {
    let Ok(Some(reply)) = parser.parse(&mut input) else { panic!("a reply") };
    black_box(&Extensions::parse(reply));
}

fn stalwart(receiver: &mut ResponseReceiver, input: &[u8]) {
    assert!(black_box(&receiver.parse(&mut input.iter())).is_ok());
    receiver.reset();
}

fn stalwart_ehlo(input: &[u8]) -> bool {
    black_box(&EhloResponse::parse(&mut input.iter())).is_ok()
}

fn lettre(input: &[u8]) {
    black_box(&LettreResponse::from_str(str::from_utf8(input).expect("text")).expect("valid"));
}

fn lettre_ehlo(input: &[u8]) {
    let response = LettreResponse::from_str(str::from_utf8(input).expect("text")).expect("valid");
    black_box(&LettreInfo::from_response(&response).expect("valid"));
}

fn async_smtp(input: &[u8]) {
    black_box(&AsyncSmtpResponse::from_str(str::from_utf8(input).expect("text")).expect("valid"));
}

fn async_smtp_ehlo(input: &[u8]) {
    let response = AsyncSmtpResponse::from_str(str::from_utf8(input).expect("text")).expect("valid");
    black_box(&AsyncSmtpInfo::from_response(&response).expect("valid"));
}

/// Gives all but the last byte one at a time to what wants more, and returns the last.
fn all_but_last(input: &[u8], mut take: impl FnMut(&[u8])) -> &[u8] {
    let (begin, last) = input.split_at(input.len() - 1);
    begin.chunks(1).for_each(&mut take);
    last
}

fn ours_begin(parser: &mut ReplyParser, mut byte: &[u8]) {
    assert!(matches!(parser.parse(&mut byte), Ok(None)));
}

fn lettre_by_byte(input: &[u8]) -> Contestant {
    let stream = Box::new(Connection::new(&opening(), input, 1));
    let name = ClientId::Domain("client.example".into());
    let mut connection = now(AsyncSmtpConnection::connect_with_transport(stream, &name)).expect("connected");
    Contestant::peer("lettre", move || now(connection.read_response()).expect("valid"))
}

fn async_smtp_by_byte(input: &[u8]) -> Contestant {
    let stream = BufReader::new(Connection::new(&opening(), input, 1));
    let mut transport = now(SmtpTransport::new(SmtpClient::new(), stream)).expect("connected");
    Contestant::peer("async-smtp", move || now(transport.get_mut().read_response()).expect("valid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_read_the_same() {
        for lines in [1, 100] {
            let input = long(lines);
            let text = str::from_utf8(&input).unwrap();
            let ours = ReplyParser::new(ReplyLimits::default()).parse(&mut &input[..]).unwrap().unwrap();
            let ours: Vec<_> = ours.lines().map(|line| str::from_utf8(line).unwrap()).collect();
            assert_eq!(ours.len(), lines);
            let stalwart = ResponseReceiver::default().parse(&mut input.iter()).unwrap().message;
            assert_eq!(stalwart.lines().map(str::trim_end).collect::<Vec<_>>(), ours);
            assert_eq!(LettreResponse::from_str(text).unwrap().message().collect::<Vec<_>>(), ours);
            assert_eq!(AsyncSmtpResponse::from_str(text).unwrap().message, ours);
        }
    }
}
