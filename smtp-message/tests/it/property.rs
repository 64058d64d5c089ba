//! Arbitrary strings at every public input: each is refused with an error, or comes back unchanged; none breaks a header
//! or a part.

use std::time::Duration;

use smtp_message::{
    Bcc, ContentType, Data, Fields, HeaderValue, LineEnds, Mailbox, Message, MessageBuilder, Part,
    RawMessage, Resent, Stamp,
};

use crate::random::{Random, lines};

const STAMP: Stamp = Stamp { unix_time: Duration::from_secs(1_781_522_645), random: [7; 32] };

const PIECES: &[&str] = &[
    "a",
    "Z",
    "word",
    " ",
    "  ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "\r\nBcc: x@example.com",
    "\r\n ",
    "\0",
    "\x1b",
    "\x7f",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{202e}",
    "\u{760a}",
    ":",
    ";",
    ",",
    "\"",
    "\\",
    "(",
    ")",
    "<",
    ">",
    "@",
    "[",
    "]",
    ".",
    "=",
    "?",
    "=?",
    "?=",
    "=?utf-8?q?x?=",
    "=?utf-8?b?aGk=?=",
    "=0A",
    "%0A",
    "'",
    "*",
    "ü",
    "é",
    "日本",
    "\u{1f980}",
    "e\u{301}",
    "example.com",
    "a@example.com",
    "https://example.com/",
    "mailto:",
    "text/plain",
    "charset=utf-8",
    "--",
    "--=_A4DQOBYHA4DQOBYHA4DQOBYHA4_1_",
    "--=_A4DQOBYHA4DQOBYHA4DQOBYHA4_1_--\r\n",
    "/",
    "../",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

/// What is done with a string, and how it reads back; `None` if only the structure is looked at.
type Input = (&'static str, fn(MessageBuilder, &str) -> MessageBuilder, Option<fn(&[u8], &str) -> String>);

fn header(bytes: &[u8], name: &str) -> String {
    let mut found = Fields::new(bytes).filter(|field| field.is(name));
    let text = found.next().expect("the field").text();
    assert!(found.next().is_none(), "{name} is there twice");
    text
}

/// The name of the mailbox in To.
fn name(bytes: &[u8], _: &str) -> String {
    let mut to = Fields::new(bytes).filter(|field| field.is("To"));
    let value = String::from_utf8(to.next().unwrap().unfolded().into_owned()).unwrap();
    let (phrase, _) = value.rsplit_once('<').unwrap_or_default();
    let phrase = phrase.trim();
    // What is quoted is read as an address list would be, what is encoded is decoded.
    match phrase.starts_with('"') {
        true => format!("{phrase} <a@b>").parse::<Mailbox>().unwrap().name().unwrap().into(),
        false => Fields::new(format!("A: {phrase}").as_bytes()).next().unwrap().text(),
    }
}

/// The body of a message without parts, whose encoding is undone.
fn body(bytes: &[u8], _: &str) -> String {
    let body = Fields::new(bytes).body();
    let encoding = header(bytes, "Content-Transfer-Encoding");
    let bytes = match &*encoding {
        "7bit" => body.to_vec(),
        "quoted-printable" => encodify::qp::BODY.strict().decode(body).unwrap().into_owned(),
        "base64" => encodify::base64::MIME.decode(body).unwrap(),
        other => panic!("{other}"),
    };
    String::from_utf8(bytes).unwrap()
}

const INPUTS: &[Input] = &[
    ("subject", |b, s| b.subject(s), Some(|bytes, _| header(bytes, "Subject"))),
    ("comments", |b, s| b.comments(s), Some(|bytes, _| header(bytes, "Comments"))),
    ("header", |b, s| b.header("X-A", s), Some(|bytes, _| header(bytes, "X-A"))),
    (
        "header name",
        |b, s| b.header(s, "v"),
        Some(|bytes, s| {
            assert_eq!(header(bytes, s), "v");
            s.to_owned()
        }),
    ),
    ("header_raw", |b, s| b.header_raw("X-A", s), None),
    ("phrases", |b, s| b.header("X-A", HeaderValue::Phrases(vec![s.into()])), None),
    ("keywords", |b, s| b.keywords([s, "b"]), None),
    ("to", |b, s| b.to(s), None),
    ("cc", |b, s| b.cc(format!("{s} <x@example.com>")), None),
    ("from", |b, s| b.sender(s), None),
    ("name", |b, s| b.to((s, "a@example.com")), Some(name)),
    ("address", |b, s| b.to(("N", s)), None),
    ("bcc", |b, s| b.bcc(s), None),
    ("reply_to", |b, s| b.reply_to(s), None),
    ("message_id", |b, s| b.message_id(s), None),
    ("in_reply_to", |b, s| b.in_reply_to(s), None),
    ("reference", |b, s| b.reference(s), None),
    ("list_id", |b, s| b.list_id(s, "a.example"), None),
    ("list_id id", |b, s| b.list_id("", s), None),
    ("list_unsubscribe", |b, s| b.list_unsubscribe([s]), None),
    ("one click", |b, s| b.list_unsubscribe_one_click(s, None), None),
    ("list_post", |b, s| b.list_post([s]), None),
    ("resent", |b, s| b.resent(Resent::new().from((s, "a@b.example")).to(s).message_id(s)), None),
    ("text", |b, s| b.text(s), Some(body)),
    ("html", |b, s| b.html(s), Some(body)),
    ("alternatives", |b, s| b.text(s).html(s), None),
    ("flowed", |b, s| b.body(Part::flowed(s)), None),
    ("attachment", |b, s| b.attach(Part::attachment(s, s)), None),
    ("exact", |b, s| b.body(Part::new("text/plain", s)), None),
    (
        "reader",
        |b, s| {
            let data = s.as_bytes().to_vec();
            b.attach(Part::attachment("x", Data::open(move || Ok(std::io::Cursor::new(data.clone())))))
        },
        None,
    ),
    ("media type", |b, s| b.attach(Part::new(s, "x")), None),
    ("content type", |b, s| b.attach(Part::new(format!("text/plain; a=\"{s}\""), "x")), None),
    ("parameter", |b, s| b.attach(Part::text("x").param("a", s)), None),
    ("parameter name", |b, s| b.attach(Part::text("x").param(s, "a")), None),
    ("content id", |b, s| b.embed(Part::inline(s, s, "x")), None),
    ("description", |b, s| b.attach(Part::text("x").description(s)), None),
    ("part header", |b, s| b.attach(Part::text("x").header(format!("Content-{s}"), s)), None),
    ("calendar", |b, s| b.alternative(Part::calendar(s, s)), None),
    ("delivery status", |b, s| b.attach(Part::delivery_status(s)), None),
    ("entity", |b, s| b.attach(Part::entity(s.to_owned())), None),
    ("signed", |b, s| b.body(Part::signed(s, "A: b\r\n\r\nx", Part::text(s))), None),
    ("multipart", |b, s| b.body(Part::multipart(s, [Part::text(s)])), None),
    ("allowed", |b, s| b.allow_headers([s]).header("X-A", s), None),
];

#[test]
fn no_string_breaks_a_message() {
    let mut random = Random(0x5eed_0000_0000_0003);
    let mut taken = vec![0_u32; INPUTS.len()];
    for round in 0..700 {
        let most = [2, 4, 12][round % 3];
        let text = random.text(PIECES, most);
        for (i, (input, give, read)) in INPUTS.iter().enumerate() {
            let builder = give(start(input), &text);
            let message = match builder.build(&STAMP) {
                Ok(message) => message,
                Err(error) => {
                    assert!(!error.to_string().contains(char::is_control), "{input}: {error}");
                    continue;
                }
            };
            taken[i] += 1;
            let bytes = message.to_bytes().unwrap();
            check_structure(&bytes, input, &text);
            if let Some(read) = read {
                let expected = if matches!(*input, "text" | "html") { lines(&text) } else { text.clone() };
                assert_eq!(read(&bytes, &text), expected, "{input}");
            }
        }
    }
    for ((input, ..), taken) in INPUTS.iter().zip(taken) {
        assert!(taken > 0, "{input} takes nothing");
    }
}

fn start(input: &str) -> MessageBuilder {
    let builder = Message::builder().from("a@example.com");
    if matches!(input, "name" | "address") { builder } else { builder.to("b@example.org") }
}

/// Lines are lines, the header section has the fields that it must have, and parts are where boundaries say.
fn check_structure(bytes: &[u8], input: &str, text: &str) {
    let shown = || format!("{input}, {text:?}: {}", bytes.escape_ascii());
    assert!(bytes.ends_with(b"\r\n"), "{}", shown());
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("{}", shown()));
        assert!(line.len() <= 998 && !line.contains(&b'\r') && !line.contains(&0), "{}", shown());
    }
    RawMessage::parse(bytes, LineEnds::Strict, Bcc::Keep)
        .unwrap_or_else(|error| panic!("{error} {}", shown()));
    let names: Vec<_> =
        Fields::new(bytes).map(|field| field.name().unwrap_or_else(|| panic!("{}", shown()))).collect();
    let once =
        |name: &str| names.iter().filter(|other| other.eq_ignore_ascii_case(name.as_bytes())).count() == 1;
    for name in ["Date", "From", "To", "Message-ID", "MIME-Version", "Content-Type"] {
        assert!(once(name), "{name}, {}", shown());
    }
    assert!(!names.iter().any(|name| name.eq_ignore_ascii_case(b"Bcc")), "{}", shown());
    // At most one field more than those, two for one click, and those of one who resends.
    assert!(names.len() <= if input == "resent" { 11 } else { 9 }, "{}", shown());
    let content_type = String::from_utf8(
        Fields::new(bytes).find(|field| field.is("Content-Type")).unwrap().unfolded().into_owned(),
    )
    .unwrap();
    let Ok(content_type) = content_type.trim().parse::<ContentType>() else { return };
    if let Some(boundary) = content_type.param("boundary") {
        let delimiter = format!("\r\n--{boundary}");
        let count = bytes.windows(delimiter.len()).filter(|window| *window == delimiter.as_bytes()).count();
        // Around each part; entities and text can be one or two, and HTML with something embedded is two.
        assert!((2..=3).contains(&count), "{count} delimiters, {}", shown());
        assert!(bytes.ends_with(format!("{delimiter}--\r\n").as_bytes()), "{}", shown());
    }
}
