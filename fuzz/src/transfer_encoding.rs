//! Transfer encodings: data comes back whole, whatever it is, whichever encoding is chosen or asked for, and in whatever
//! pieces it is read.
//!
//! An input is a header of cuts, a character that says which encoding (`0` is chosen, `1` to `5` are those that there are;
//! four more are for a server that takes 8 bits, and eight more for one that takes anything), a character that says how
//! often the data is repeated (`1` is once, `:` until it is longer than what is read at once, if it is short), and the data.

use std::io::{Cursor, Read};

use memchr::memmem::find;
use smtp_message::{BodyType, Chunks, Content, ContentError, Data, Message, Part, TransferEncoding};
use smtp_proto::Extensions;
use smtp_proto::reply::{ReplyLimits, ReplyParser};

use crate::{STAMP, assert_lines, cut};

/// Octets that neither stay at hand nor are read at once.
const LONG: usize = 40_000;

/// A reader that gives pieces of these lengths.
struct Pieces(Cursor<Vec<u8>>, Vec<usize>);

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = self.1.pop().filter(|&n| n > 0).unwrap_or(out.len()).min(out.len());
        self.0.read(&mut out[..most])
    }
}

/// Sends the data at hand and from a reader, and reads it back.
pub fn check(data: &[u8]) {
    let (lengths, rest) = cut::header(data);
    let [how, times, data @ ..] = rest else { return };
    let data = data.repeat(match times {
        b'1'..=b'9' => usize::from(times - b'0'),
        b':' if data.len() < 40 => LONG.div_ceil(data.len().max(1)),
        _ => 1,
    });
    let how = how.wrapping_sub(b'0');
    let most = match how {
        0..8 => BodyType::SevenBit,
        8..16 => BodyType::EightBitMime,
        _ => BodyType::BinaryMime,
    };
    let encoding = match how % 8 {
        1 => Some(TransferEncoding::SevenBit),
        2 => Some(TransferEncoding::EightBit),
        3 => Some(TransferEncoding::Binary),
        4 => Some(TransferEncoding::QuotedPrintable),
        5 => Some(TransferEncoding::Base64),
        _ => None,
    };
    for media in ["text/plain", "application/octet-stream"] {
        let part = |source: Data| match encoding {
            Some(encoding) => Part::new(media, source).transfer_encoding(encoding),
            None => Part::new(media, source),
        };
        let at_hand = send(part(Data::from(data.clone())), most);
        let (bytes, pieces) = (data.clone(), lengths.clone());
        let read =
            send(part(Data::open(move || Ok(Pieces(Cursor::new(bytes.clone()), pieces.clone())))), most);
        match (at_hand, read) {
            (Ok(at_hand), Ok(read)) => {
                // Boundaries may differ, for how far data is looked at that is encoded anyway depends on the pieces.
                assert_eq!(at_hand.len(), read.len());
                for sent in [at_hand, read] {
                    assert!(decode(&sent, most) == data, "{}", sent.escape_ascii());
                }
            }
            (Err(_), Err(_)) => assert!(encoding.is_some()),
            (a, b) => panic!("{} and {}", a.is_ok(), b.is_ok()),
        }
    }
    // Another time the reader has more, less or something else.
    let once = std::sync::Mutex::new(vec![data.clone()]);
    let changed = Data::open(move || {
        let mut left = once.lock().expect("one thread");
        Ok(Cursor::new(left.pop().unwrap_or_else(|| b"\xffother".to_vec())))
    });
    if data != b"\xffother" {
        assert!(matches!(send(Part::new("text/plain", changed), most), Err(ContentError::Changed)));
    }
}

/// The message with the part between two others.
fn send(part: Part, most: BodyType) -> Result<Vec<u8>, ContentError> {
    let builder = Message::builder().from("a@example.com").to("b@example.org").at_most(most);
    let builder = builder.body(Part::mixed([Part::text("front"), part, Part::text("back")]));
    let Ok(message) = builder.build(&STAMP) else { return Err(ContentError::Encoding) };
    let form = message.form(&able())?;
    let (mut chunks, mut bytes): (Box<dyn Chunks>, _) = (message.open(&form)?, Vec::new());
    loop {
        let before = bytes.len();
        let more = chunks.next(&mut bytes)?;
        assert!(bytes.len() - before <= 17 << 10, "a large chunk");
        if !more {
            break;
        }
    }
    assert_eq!(form.size, Some(bytes.len() as u64));
    match form.body {
        BodyType::SevenBit => {
            assert_lines(&bytes);
            assert!(bytes.is_ascii());
        }
        BodyType::EightBitMime => assert_lines(&bytes),
        _ => {}
    }
    Ok(bytes)
}

fn able() -> Extensions {
    let mut parser = ReplyParser::new(ReplyLimits::default());
    let reply = parser.parse(&mut &b"250-x\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 BINARYMIME\r\n"[..]);
    Extensions::parse(reply.expect("a reply").expect("a whole reply"))
}

/// The data of the part in the middle.
fn decode(message: &[u8], most: BodyType) -> Vec<u8> {
    let at = find(message, b"boundary=\"").expect("a boundary") + 10;
    let boundary = &message[at..at + find(&message[at..], b"\"").expect("its end")];
    let delimiter = [b"\r\n--", boundary].concat();
    let mut parts = Vec::new();
    let mut rest = message;
    while let Some(at) = find(rest, &delimiter) {
        parts.push(&rest[..at]);
        rest = &rest[at + delimiter.len()..];
    }
    assert_eq!(rest, b"--\r\n");
    let [_, _, part, _] = parts[..] else { panic!("{} parts", parts.len()) };
    let head = find(part, b"\r\n\r\n").expect("an empty line") + 4;
    let (head, body) = part.split_at(head);
    let head = String::from_utf8_lossy(head);
    let encoding = head.split("Content-Transfer-Encoding: ").nth(1).expect("an encoding");
    match encoding.split("\r\n").next().expect("a line") {
        "base64" => {
            assert!(body.split(|&b| b == b'\n').all(|line| line.len() <= 77));
            let symbols: Vec<u8> = body.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
            data_encoding::BASE64.decode(&symbols).expect("base64")
        }
        "quoted-printable" => {
            for line in body.split(|&b| b == b'\n') {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                assert!(line.len() <= 76 && !line.ends_with(b" ") && !line.ends_with(b"\t"));
            }
            crate::quoted(body)
        }
        "8bit" => body.to_vec(),
        "binary" => body.to_vec(),
        "7bit" => {
            assert!(body.is_ascii());
            body.to_vec()
        }
        other => panic!("{other} with {most:?}"),
    }
}
