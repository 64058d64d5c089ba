//! Random bodies, and what is read from them: of each part the media type, some parameters, the description, and then its
//! parts, or its name, its identifier and its data.

use std::io::Cursor;

use smtp_message::{
    Bcc, Data, Disposition, LineEnds, Message, MessageBuilder, Part, RawMessage, Stamp, TransferEncoding,
};

use super::{Expected, Random, SUBJECT, lines};

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
    "-- ",
    "> ",
    ">>",
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

/// Adds a random body and what is read from it.
pub(super) fn body(
    random: &mut Random,
    builder: MessageBuilder,
    said: &mut Expected,
    stamp: &Stamp,
    number: u64,
) -> Message {
    let builder = if number % 100 == 13 {
        // More multiparts than have one digit.
        said.say("multipart/mixed");
        let parts: Vec<_> = (0..12).map(|_| multipart(random, said, stamp, 2)).collect();
        builder.body(Part::mixed(parts))
    } else if number.is_multiple_of(3) {
        builder.body(part(random, said, stamp, 0))
    } else {
        usual(random, builder, said, stamp, 0)
    };
    builder.build(stamp).unwrap()
}

/// Text, HTML, what is embedded and what is attached, which the builder puts into each other.
fn usual(
    random: &mut Random,
    mut builder: MessageBuilder,
    said: &mut Expected,
    stamp: &Stamp,
    depth: usize,
) -> MessageBuilder {
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
    if attached > 0 {
        said.say("multipart/mixed");
    }
    if embedded > 0 {
        said.say("multipart/related");
    }
    if kind == 2 {
        said.say("multipart/alternative");
    }
    for (media, text, there) in [("text/plain", &text, kind != 1), ("text/html", &html, kind != 0)] {
        if there {
            leaf(said, media, "", "", lines(text));
        }
    }
    for i in 0..embedded {
        let (part, media, data) = data(random);
        let (id, name) = (format!("part{i}@x"), random.text(FILE, 5));
        leaf(said, &media, &name, &id, data);
        builder = builder.embed(part.name(name).id(id).disposition(Disposition::Inline));
    }
    for _ in 0..attached {
        if depth < 3 && random.below(6) == 0 {
            builder = builder.attach(message(random, said, stamp, depth + 1));
            continue;
        }
        let (part, media, data) = data(random);
        let most = [2, 8, 40][random.below(3)];
        let name = random.text(FILE, most);
        if random.below(4) == 0 {
            let name = format!("{name}.txt");
            let text = lines(&random.text(BODY, 30));
            leaf(said, "text/plain", &name, "", &*text);
            builder = builder.attach(Part::attachment(name, text));
            continue;
        }
        leaf(said, &media, &name, "", data);
        builder = builder.attach(part.name(name));
    }
    builder
}

fn leaf(said: &mut Expected, media: &str, name: &str, id: &str, data: impl Into<Vec<u8>>) {
    [media, name, id].into_iter().for_each(|text| said.say(text));
    said.say(data);
}

/// Any part, up to a depth.
fn part(random: &mut Random, said: &mut Expected, stamp: &Stamp, depth: usize) -> Part {
    match random.below(if depth < 4 { 12 } else { 5 }) {
        0 => {
            let text = random.text(BODY, 30);
            said.say("text/plain");
            said.say("format=flowed");
            ["", ""].into_iter().for_each(|text| said.say(text));
            said.say(paragraphs(&text));
            Part::flowed(&text)
        }
        1 => {
            let text = random.text(BODY, 30);
            said.say("text/calendar");
            said.say("method=REQUEST");
            ["", ""].into_iter().for_each(|text| said.say(text));
            said.say(lines(&text));
            Part::calendar("request", text)
        }
        2 => {
            let (text, description) = (random.text(BODY, 60), random.text(SUBJECT, 20) + "x");
            said.say("text/html");
            said.say(format!("description={description}"));
            ["", ""].into_iter().for_each(|text| said.say(text));
            said.say(lines(&text));
            Part::html(text).description(description)
        }
        3 | 4 => {
            let (part, media, data) = data(random);
            let (name, id) = (random.text(FILE, 12), "x@y");
            leaf(said, &media, &name, id, data);
            part.name(name).id(id)
        }
        5 => message(random, said, stamp, depth + 1),
        6 => {
            // What is signed was made before, with other boundaries.
            said.say("multipart/signed");
            said.say("protocol=application/pgp-signature");
            said.say("micalg=pgp-sha256");
            let other = Stamp { random: [8; 32], ..stamp.clone() };
            let content = part(random, said, stamp, depth + 1).to_bytes(&other).unwrap();
            leaf(said, "application/pgp-signature", "signature.asc", "", "-----BEGIN\r\n");
            let signature = Part::new("application/pgp-signature", "-----BEGIN\r\n").name("signature.asc");
            Part::signed("pgp-sha256", content, signature)
        }
        7 => {
            said.say("multipart/encrypted");
            said.say("protocol=application/pgp-encrypted");
            leaf(said, "application/pgp-encrypted", "", "", "Version: 1\r\n");
            let (part, media, data) = data(random);
            leaf(said, &media, "", "", data);
            Part::encrypted(Part::new("application/pgp-encrypted", "Version: 1\r\n"), part)
        }
        8 => report(random, said, stamp, depth),
        _ => multipart(random, said, stamp, depth),
    }
}

fn multipart(random: &mut Random, said: &mut Expected, stamp: &Stamp, depth: usize) -> Part {
    let subtype = ["mixed", "alternative", "related", "digest", "x-any"][random.below(5)];
    said.say(format!("multipart/{subtype}"));
    let parts: Vec<_> = (0..random.below(3) + 1).map(|_| part(random, said, stamp, depth + 1)).collect();
    match subtype {
        "related" => Part::related(parts),
        _ => Part::multipart(subtype, parts),
    }
}

/// A message of ours, or the same as if it came from elsewhere.
fn message(random: &mut Random, said: &mut Expected, stamp: &Stamp, depth: usize) -> Part {
    said.say("message/rfc822");
    let inner = Message::builder().from("i@example.com").to("j@example.com");
    let inner = usual(random, inner, said, stamp, depth).build(stamp).unwrap();
    match random.below(2) {
        0 => Part::message(&inner),
        _ => {
            let bytes = inner.to_bytes().unwrap();
            Part::raw_message(&RawMessage::parse(bytes, LineEnds::Strict, Bcc::Keep).unwrap())
        }
    }
}

fn report(random: &mut Random, said: &mut Expected, stamp: &Stamp, depth: usize) -> Part {
    said.say("multipart/report");
    said.say("report-type=delivery-status");
    leaf(said, "text/plain", "", "", "It failed.\r\n");
    said.say("message/delivery-status");
    let mut status = Vec::new();
    for _ in 0..random.below(3) + 1 {
        let fields: Vec<_> = (0..random.below(3) + 1)
            .map(|i| {
                let most = [4, 40, 400][random.below(3)];
                let words =
                    random.text(&["a", ";", " ", "rfc822", ":", "<", "=41", " 5.1.1", "\t", "word "], most);
                format!("X-Field-{i}: x{words}x")
            })
            .collect();
        said.say(fields.join("\n"));
        status.push(fields.join("\n") + "\n");
    }
    let about = (random.below(2) == 0).then(|| message(random, said, stamp, depth + 1));
    Part::report(Part::text("It failed."), Part::delivery_status(status.join("\n")), about)
}

/// What the reader of flowed text has before it: a paragraph a line, behind how deep it is quoted.
pub(crate) fn paragraphs(text: &str) -> String {
    let lines = lines(text);
    let paragraphs = lines.strip_suffix("\r\n").unwrap_or(&lines).split("\r\n").map(|line| {
        let depth = line.len() - line.trim_start_matches('>').len();
        let content = &line[depth..];
        let content = if depth > 0 { content.strip_prefix(' ').unwrap_or(content) } else { content };
        let content = if line == "-- " { line } else { content.trim_end_matches(' ') };
        format!("{depth} {content}\n")
    });
    paragraphs.collect()
}

/// A part of random data, its media type and the data.
fn data(random: &mut Random) -> (Part, String, Vec<u8>) {
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
    (part, media.split(';').next().unwrap().to_owned(), data)
}
