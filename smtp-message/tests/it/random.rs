//! Random messages, and what every parser must read from them: one field a line, in hexadecimal.
//!
//! Also the program `examples/random.rs`, whose output `cargo xtask interop messages` gives to several parsers.

use std::io::Cursor;
use std::time::Duration;

use smtp_message::{
    BodyType, Content, Data, Mailbox, MailboxList, Message, MessageBuilder, Part, Stamp, TransferEncoding,
};
use smtp_proto::address::AddressRule;
use smtp_proto::envelope::Form;
use smtp_proto::reply::{ReplyLimits, ReplyParser};
use smtp_proto::{Address, Extensions, Host, LocalPart};

/// Marsaglia's xorshift: the same numbers in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    pub(crate) fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most)).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

const NAME: &[&str] = &[
    "a",
    "Z",
    "word",
    " ",
    " ",
    "  ",
    ",",
    "\"",
    "\\",
    "(",
    ")",
    "<",
    ">",
    "@",
    ":",
    ";",
    ".",
    "=?",
    "?=",
    "_",
    "=?utf-8?q?x?=",
    "ü",
    "é",
    "日本",
    "\u{1f980}",
    "\u{760a}",
    "'",
    "=",
    "?",
    "=41",
    "a-rather-long-word",
];

const LOCAL: &[&str] = &[
    "a", "Z9", ".", " ", "@", ",", ";", ":", "<", ">", "(", ")", "[", "]", "\"", "\\", "=", "?", "_", "'",
    "+", "utf-8", "=41",
];

const HOST: &[&str] =
    &["example.org", "a.b-c.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "[x-tag:a=b?@c:_!]"];

/// An address with anything in it that is accepted.
fn address(random: &mut Random) -> Address {
    let host: Host = HOST[random.below(HOST.len())].parse().unwrap();
    loop {
        let content = random.text(LOCAL, 9);
        match LocalPart::from_content(content) {
            Ok(local) => return Address::new(local, host).unwrap(),
            Err(error) => assert!(matches!(error.rule(), AddressRule::EncodedWord { .. }), "{error}"),
        }
    }
}

const SUBJECT: &[&str] = &[
    "a",
    "Zz",
    "word",
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\t",
    ",",
    "\"",
    "\\",
    "(",
    "<",
    ":",
    ".",
    "=?",
    "?=",
    "_",
    "é",
    "=?utf-8?q?x?=",
    "=?utf-8?b?aGk=?=",
    "ü",
    "日本語",
    "\u{1f980}",
    "\u{760a}",
    "=",
    "?",
    "=41",
    "averylongwordindeed",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

const BODY: &[&str] = &[
    "line",
    " ",
    "  ",
    "\n",
    "\n",
    "\n.",
    "\n..\n",
    "\r\n",
    "\r",
    "\t\n",
    " \n",
    "=",
    "=41",
    "From ",
    "ü",
    "日本語",
    "\u{1f980}",
    "\u{1}",
    "--",
    "\n--=_",
    "--=_A4DQOBYHA4DQOBYHA4DQOBYHA4_1_\n",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234",
];

const FILE: &[&str] = &[
    "a",
    "Z",
    "file",
    ".pdf",
    ".txt",
    ".",
    " ",
    "\"",
    "\\",
    "(",
    ")",
    "/",
    "../",
    ";",
    "=",
    "'",
    "''",
    "%",
    "%41",
    "*",
    "ü",
    "日本",
    "\u{1f980}",
    "=?utf-8?q?x?=",
    "utf-8''",
    "&",
    ",",
    "a-name-that-is-not-short-at-all",
];

const TYPES: &[&str] = &[
    "application/octet-stream",
    "image/png",
    "text/csv; charset=utf-8",
    "text/plain; charset=iso-8859-1",
    "application/json",
    "text/plain",
];

/// A message, and what is read from it.
pub(crate) struct Sample {
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Vec<Vec<u8>>,
}

/// What text becomes.
pub(crate) fn lines(text: &str) -> String {
    let mut lines = text.to_owned();
    while lines.contains("\r\r\n") {
        lines = lines.replace("\r\r\n", "\r\n");
    }
    let mut lines = lines.replace("\r\n", "\n").replace('\r', "\n");
    if !lines.is_empty() && !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines.replace('\n', "\r\n")
}

/// A random message.
pub(crate) fn sample(random: &mut Random, number: u64) -> Sample {
    let stamp = Stamp { unix_time: Duration::from_secs(number * 3_000_000), random: [7; 32] };
    let most = [3, 12, 60][random.below(3)];
    let mut expected = Vec::new();
    let subject = random.text(SUBJECT, most);
    expected.push(subject.clone());
    let mut builder = Message::builder().subject(subject).sender("s@example.com");
    let mut mailbox = |random: &mut Random| {
        let mailbox = Mailbox::new(random.text(NAME, most), address(random)).unwrap();
        expected.push(mailbox.name().unwrap_or_default().to_owned());
        expected.push(mailbox.address().local_part().content().to_owned());
        expected.push(mailbox.address().host().unwrap().to_string());
        mailbox
    };
    builder = builder.from(mailbox(random));
    let to: MailboxList = (0..random.below(4) + 1).map(|_| mailbox(random)).collect();
    builder = builder.to_list(to);
    let cc: MailboxList = (0..random.below(3)).map(|_| mailbox(random)).collect();
    builder = builder.cc_list(cc);
    let other = random.text(SUBJECT, most);
    expected.push(other.clone());
    builder = builder.header("X-Other", other);
    let mut expected: Vec<Vec<u8>> = expected.into_iter().map(String::into_bytes).collect();
    builder = match random.below(4) {
        0 => builder.at_most(BodyType::EightBitMime),
        1 => builder.utf8_headers().at_most(BodyType::EightBitMime),
        2 if random.below(4) == 0 => builder.at_most(BodyType::BinaryMime),
        _ => builder,
    };
    let message = body(random, builder, &mut expected, &stamp, 0);
    let extensions = extensions(random.below(2) == 0);
    let form = message.form(&extensions).unwrap();
    Sample { bytes: open(&message, &form), expected }
}

fn open(message: &Message, form: &Form) -> Vec<u8> {
    let (mut chunks, mut bytes) = (message.open(form).unwrap(), Vec::new());
    while chunks.next(&mut bytes).unwrap() {}
    assert_eq!(form.size, Some(bytes.len() as u64));
    assert!(bytes.ends_with(b"\r\n"));
    let binary = form.body == BodyType::BinaryMime;
    for line in bytes.split(|&b| b == b'\n') {
        assert!(binary || (line.len() <= 999 && !line[..line.len().saturating_sub(1)].contains(&b'\r')));
        assert!(form.body != BodyType::SevenBit || line.is_ascii());
    }
    bytes
}

fn extensions(able: bool) -> Extensions {
    let reply: &[u8] = match able {
        true => b"250-x\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250 BINARYMIME\r\n",
        false => b"250 x\r\n",
    };
    let mut parser = ReplyParser::new(ReplyLimits::default());
    Extensions::parse(&parser.parse(&mut &reply[..]).unwrap().unwrap())
}

/// Adds a random body and what is read from it: the media type of each part, and if it is not a multipart or a message,
/// its name, its identifier and its data.
fn body(
    random: &mut Random,
    mut builder: MessageBuilder,
    expected: &mut Vec<Vec<u8>>,
    stamp: &Stamp,
    depth: usize,
) -> Message {
    let most = [2, 10, 100, 1000][random.below(4)];
    let (text, html) = (random.text(BODY, most), random.text(BODY, most));
    let kind = random.below(3);
    if kind != 1 {
        builder = builder.text(&*text);
    }
    if kind != 0 {
        builder = builder.html(&*html);
    }
    let embedded = if kind == 0 { 0 } else { random.below(3) };
    let attached = random.below(4);
    let mut say = |text: &str| expected.push(text.as_bytes().to_vec());
    if attached > 0 {
        say("multipart/mixed");
    }
    if embedded > 0 {
        say("multipart/related");
    }
    if kind == 2 {
        say("multipart/alternative");
    }
    for (media, text, there) in [("text/plain", &text, kind != 1), ("text/html", &html, kind != 0)] {
        if there {
            [media, "", "", &lines(text)].into_iter().for_each(&mut say);
        }
    }
    for i in 0..embedded {
        let (part, data) = data(random);
        let (id, name) = (format!("part{i}@x"), random.text(FILE, 5));
        builder = builder.embed(part.name(&*name).id(&*id).disposition(smtp_message::Disposition::Inline));
        expected.extend([data.0.into_bytes(), name.into_bytes(), id.into_bytes(), data.1]);
    }
    for _ in 0..attached {
        if depth < 3 && random.below(6) == 0 {
            expected.push(b"message/rfc822".to_vec());
            let inner = Message::builder().from("i@example.com").to("j@example.com");
            let inner = body(random, inner, expected, stamp, depth + 1);
            builder = builder.attach(Part::message(&inner));
            continue;
        }
        let (part, data) = data(random);
        let most = [2, 8, 40][random.below(3)];
        let name = random.text(FILE, most);
        builder = builder.attach(part.name(&*name));
        expected.extend([data.0.into_bytes(), name.into_bytes(), Vec::new(), data.1]);
    }
    builder.build(stamp).unwrap()
}

/// A part of random data, with its media type and the data.
fn data(random: &mut Random) -> (Part, (String, Vec<u8>)) {
    let most = [2, 30, 3000][random.below(3)];
    let media = TYPES[random.below(TYPES.len())];
    // Text that does not say its character set has to be text.
    let data: Vec<u8> = match random.below(4) {
        0 if media != "text/plain" => {
            (0..random.below(most * 20)).map(|_| random.below(256).to_le_bytes()[0]).collect()
        }
        0 | 1 => lines(&random.text(BODY, most)).into_bytes(),
        2 => random.text(BODY, most).into_bytes(),
        _ => random.text(&["ascii", " ", "\r\n", "-", "."], most).into_bytes(),
    };
    let source = match random.below(2) {
        0 => Data::from(data.clone()),
        _ => {
            let data = data.clone();
            Data::open(move || Ok(Cursor::new(data.clone())))
        }
    };
    let mut part = Part::new(media, source);
    part = match random.below(6) {
        0 => part.transfer_encoding(TransferEncoding::Base64),
        1 => part.transfer_encoding(TransferEncoding::QuotedPrintable),
        _ => part,
    };
    (part, (media.split(';').next().unwrap().to_owned(), data))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
