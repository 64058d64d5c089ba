//! Headers and bodies of whole messages.

mod fields;
mod passes;

use super::*;
use crate::{Data, Date, HeaderValue, MailboxList, Part, Resent, Stamp, TransferEncoding};
use std::time::Duration;

const STAMP: Stamp = Stamp { unix_time: Duration::from_secs(1_781_522_645), random: [7; 32] };

fn minimal() -> MessageBuilder {
    Message::builder().from("a@example.com").to("b@example.org")
}

fn head(message: &Message) -> String {
    let text = String::from_utf8(message.to_bytes().unwrap()).unwrap();
    text[..text.find("\r\n\r\n").unwrap() + 2].to_owned()
}

#[track_caller]
fn refused(builder: MessageBuilder, expected: &[(&str, Rule)]) {
    let error = builder.build(&STAMP).unwrap_err();
    let problems: Vec<_> = error.problems().iter().map(|p| (p.field(), p.rule().clone())).collect();
    assert_eq!(problems, expected);
    assert!(!error.to_string().contains(|c: char| c.is_control()), "{error}");
}

#[test]
fn case_m1_header_names() {
    let long = "x".repeat(77);
    for (name, field, rule) in [
        ("X\r\nBcc", "X\\r\\nBcc", Rule::Name { at: 1 }),
        ("X:", "X:", Rule::Name { at: 1 }),
        ("", "", Rule::EmptyName),
        ("X Y", "X Y", Rule::Name { at: 1 }),
        ("X\0", "X\\u{0}", Rule::Name { at: 1 }),
        ("Ü", "Ü", Rule::Name { at: 0 }),
        ("\u{760a}", "\u{760a}", Rule::Name { at: 0 }),
        (&long, &long[..76], Rule::LongName),
        ("bcc", "bcc", Rule::OwnMethod),
        ("Content-Type", "Content-Type", Rule::OwnMethod),
    ] {
        refused(minimal().header(name, "x"), &[(field, rule)]);
    }
}

#[test]
fn case_m2_header_values() {
    for c in ["\r", "\n", "\r\n", "\0", "\x7f", "\u{85}", "\u{2028}"] {
        let value = format!("a{c}b");
        let control = || Rule::Control { at: 1 };
        refused(minimal().header("X-A", &*value), &[("X-A", control())]);
        refused(minimal().subject(&*value), &[("Subject", control())]);
        let error = minimal().to((&*value, "a@example.com")).build(&STAMP).unwrap_err();
        assert!(matches!(error.problems()[0].rule(), Rule::Mailbox(crate::MailboxError::Control { .. })));
        assert!(minimal().cc(&*format!("{value} <a@x>")).build(&STAMP).is_err());
        assert!(minimal().message_id(&*value).build(&STAMP).is_err());
    }
    // Everything at once.
    let error = Message::builder()
        .from("x")
        .to("y")
        .subject("\n")
        .header("a:", "b")
        .date(Duration::MAX)
        .in_reply_to("")
        .build(&STAMP)
        .unwrap_err();
    assert_eq!(error.problems().len(), 6);
}

#[test]
fn case_m4_the_last_line_ends_once() {
    for text in ["hi", "hi\n", "hi\r\n", "hi\r"] {
        let text = bytes(minimal().text(text));
        assert!(text.ends_with("7bit\r\n\r\nhi\r\n"), "{text}");
    }
    assert!(bytes(minimal().text("")).ends_with("7bit\r\n\r\n"));
}

#[test]
fn case_m14_what_every_message_has_once() {
    let message = minimal().date(Duration::ZERO).message_id("<x@y>").text("a").build(&STAMP).unwrap();
    let head = head(&message);
    for (field, value) in [
        ("Date", "Thu, 1 Jan 1970 00:00:00 +0000"),
        ("From", "a@example.com"),
        ("To", "b@example.org"),
        ("Message-ID", "<x@y>"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(head.matches(&format!("{field}: ")).count(), 1, "{field}");
        assert!(head.contains(&format!("{field}: {value}\r\n")), "{field}");
    }
    assert!(!head.contains("Subject:"));
    refused(Message::builder().to("b@x"), &[("From", Rule::Missing)]);
    refused(Message::builder().from("b@x"), &[("To", Rule::NoRecipient)]);
    let nobody = || Message::builder().from_list("Team:;").to("b@x");
    refused(nobody(), &[("Sender", Rule::Missing)]);
    refused(nobody().message_id("a@b"), &[("Sender", Rule::Missing)]);
    let error = nobody().sender("@").build(&STAMP).unwrap_err();
    assert_eq!(error.problems().len(), 1);
    let sent = nobody().sender("s@example.net").build(&STAMP).unwrap();
    assert!(self::head(&sent).contains("From: Team:;\r\nSender: s@example.net\r\n"));
    refused(minimal().from("c@example.com"), &[("Sender", Rule::SeveralAuthors)]);
    refused(minimal().to("postmaster"), &[("To", Rule::NoDomain)]);
    refused(minimal().subject("a").subject("a"), &[("Subject", Rule::Repeated)]);
    refused(minimal().date(Duration::ZERO).date(Duration::ZERO), &[("Date", Rule::Repeated)]);
    refused(minimal().message_id("a").message_id("b"), &[("Message-ID", Rule::Repeated)]);
    refused(minimal().sender("a@x").sender("a@x"), &[("Sender", Rule::Repeated)]);
    refused(minimal().text("a").text("b"), &[("body", Rule::Repeated)]);
    let resent = Resent::new().from("c@x").to("d@x").date(Duration::ZERO).date(Duration::ZERO);
    let repeated = [("Resent-Date", Rule::Repeated), ("Resent-Message-ID", Rule::Repeated)];
    refused(minimal().resent(resent.message_id("a").message_id("b")), &repeated);
    refused(minimal().header("Date", "x"), &[("Date", Rule::OwnMethod)]);
    let several = minimal().from("N <c@example.com>").sender("s@example.net").build(&STAMP).unwrap();
    assert_eq!(several.sender().to_string(), "s@example.net");
    let text = super::tests::head(&several);
    assert!(text.contains("From: a@example.com, N <c@example.com>\r\nSender: s@example.net\r\n"), "{text}");
    assert!(several.message_id().as_str().ends_with("@example.net>"));
}

#[test]
fn case_m7_bcc_is_in_the_envelope_only() {
    let message =
        minimal().cc("c@x").cc("b@EXAMPLE.org").bcc("Secret <s@x>").text("t").build(&STAMP).unwrap();
    let recipients: Vec<_> = message.recipients().iter().map(ToString::to_string).collect();
    assert_eq!(recipients, ["b@example.org", "c@x", "s@x"]);
    let text = String::from_utf8(message.to_bytes().unwrap()).unwrap().to_lowercase();
    assert!(!text.contains("bcc") && !text.contains("s@x") && !text.contains("secret"));
    let hidden = Message::builder().from("a@x").bcc("s@x").undisclosed_recipients().build(&STAMP).unwrap();
    assert!(head(&hidden).contains("To: undisclosed-recipients:;\r\n"));
    assert_eq!(hidden.recipients().len(), 1);
    let nobody = Message::builder().from("a@x").undisclosed_recipients().build(&STAMP).unwrap();
    assert!(nobody.recipients().is_empty());
}

#[test]
fn case_a4_an_address_in_any_field_that_is_shown_needs_smtputf8() {
    let form = |message: Message| message.form(&Extensions::default()).unwrap();
    let resent = || Resent::new().from("c@x").to("d@x");
    let mailbox = || "ü@x".parse::<crate::Mailbox>().unwrap();
    let shown = [
        Message::builder().from("ü@x").to("b@x"),
        minimal().sender("ü@x"),
        minimal().reply_to("ü@x"),
        minimal().to("ü@x"),
        minimal().cc("ü@x"),
        minimal().cc_list("Team: ü@x;"),
        minimal().header("X-Author", mailbox()),
        minimal().resent(Resent::new().from("ü@x").to("d@x")),
        minimal().resent(resent().sender("ü@x")),
        minimal().resent(resent().to("ü@x")),
        minimal().resent(resent().cc("ü@x")),
        minimal().resent(resent().cc("ü@x")).resent(resent()),
        minimal().attach(Part::text("t").header("Content-Author", mailbox())),
    ];
    for (i, builder) in shown.into_iter().enumerate() {
        for builder in [builder.clone(), builder.utf8_headers()] {
            let message = builder.build(&STAMP).unwrap();
            assert!(head(&message).is_ascii() == (i == 12) && form(message).smtputf8, "{i}");
        }
    }
    for builder in [minimal().bcc("ü@x"), minimal().resent(resent().bcc("ü@x"))] {
        let message = builder.build(&STAMP).unwrap();
        assert!(head(&message).is_ascii() && !form(message).smtputf8);
    }
}

#[test]
#[cfg(feature = "idna")]
fn case_a4_only_a_local_part_needs_smtputf8() {
    let form = |message: &Message| message.form(&Extensions::default()).unwrap();
    let message = minimal().to("Ünal <x@münchen.de>").subject("ü").text("ü").build(&STAMP).unwrap();
    assert!(head(&message).contains("<x@xn--mnchen-3ya.de>"));
    assert!(message.to_bytes().unwrap().is_ascii() && !form(&message).smtputf8);
    assert_eq!(form(&message).body, BodyType::SevenBit);
    let message = minimal().to("Ünal <ü@münchen.de>").build(&STAMP).unwrap();
    assert!(head(&message).contains("To: b@example.org, Ünal <ü@münchen.de>\r\n"));
    assert!(form(&message).smtputf8);
    assert_eq!(form(&message).body, BodyType::EightBitMime);
    // In the envelope alone it is not the content that needs it.
    assert!(!form(&minimal().bcc("ü@x").build(&STAMP).unwrap()).smtputf8);
    // In a field of a part it is, wherever that part is.
    let author = || "ü@x".parse::<crate::Mailbox>().unwrap();
    let part = || Part::text("t").header("Content-Author", author());
    let inner = minimal().body(part()).build(&STAMP).unwrap();
    for part in [
        part(),
        Part::mixed([Part::text("front"), part()]),
        Part::mixed([Part::text("t")]).header("Content-Author", author()),
        Part::message(&inner),
    ] {
        let message = minimal().body(part).build(&STAMP).unwrap();
        assert_eq!((form(&message).smtputf8, form(&message).body), (true, BodyType::EightBitMime));
        assert!(String::from_utf8(message.to_bytes().unwrap()).unwrap().contains("Content-Author: ü@x\r\n"));
    }
}

#[test]
fn case_m6_groups_are_written_as_they_were_read() {
    let to = "Team: \"B, C\" <b@x>, d@x;, e@x, Ünal: f@x;";
    let message = Message::builder().from("a@x").to_list(to).build(&STAMP).unwrap();
    let to = "To: Team: \"B, C\" <b@x>, d@x;, e@x, =?utf-8?B?w5xuYWw=?= : f@x;\r\n";
    assert!(head(&message).contains(to), "{}", head(&message));
    assert_eq!(message.recipients().len(), 4);
    // What is wrong with a list comes out with all the rest.
    let list = |text: &str| text.parse::<MailboxList>().unwrap_err();
    let builder = Message::builder().from_list("a@x, @").to_list("T: a@x").cc_list("b".to_owned());
    refused(
        builder.bcc_list("\n").reply_to_list("x").subject("\n"),
        &[
            ("From", Rule::Mailbox(list("a@x, @"))),
            ("To", Rule::Mailbox(list("T: a@x"))),
            ("Cc", Rule::Mailbox(list("b"))),
            ("Bcc", Rule::Mailbox(list("\n"))),
            ("Reply-To", Rule::Mailbox(list("x"))),
            ("Subject", Rule::Control { at: 0 }),
        ],
    );
}

#[test]
fn case_m15_structured_values_are_written_as_they_are() {
    let long = format!("<https://example.com/{}>", "x".repeat(400));
    let mailto = "<mailto:u@example.com?subject=u>";
    let message = minimal()
        .header_raw("List-Unsubscribe", format!("{mailto},\t {long}"))
        .header_raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        .header_raw("X-Words", "=?utf-8?q?x?=  y")
        .header("Precedence", "bulk")
        .build(&STAMP)
        .unwrap();
    let head = head(&message);
    assert!(head.contains(&format!("\r\nList-Unsubscribe: {mailto},\r\n\t {long}\r\n")), "{head}");
    assert!(head.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    assert!(head.contains("\r\nX-Words: =?utf-8?q?x?=  y\r\nPrecedence: bulk\r\n"));
    for name in [
        "List-Unsubscribe",
        "list-id",
        "Received",
        "DKIM-Signature",
        "ARC-Seal",
        "Authentication-Results",
        "received-spf",
    ] {
        refused(minimal().header(name, "x"), &[(name, Rule::Structured)]);
        assert!(minimal().header_raw(name, "x").build(&STAMP).is_ok());
    }
    for name in ["Content-ID", "Return-Path", "Resent-Bcc", "bcc", "Subject"] {
        refused(minimal().header(name, "x"), &[(name, Rule::OwnMethod)]);
        refused(minimal().header_raw(name, "x"), &[(name, Rule::OwnMethod)]);
    }
    let (fits, too_long) = ("x".repeat(993), "x".repeat(994));
    for (value, rule) in [
        ("a\r\nBcc: x", Rule::Control { at: 1 }),
        ("a\0", Rule::Control { at: 1 }),
        ("aü", Rule::NotAscii { at: 1 }),
        ("", Rule::OuterSpace),
        (" ", Rule::OuterSpace),
        ("a ", Rule::OuterSpace),
        ("\ta", Rule::OuterSpace),
        (&too_long, Rule::LongWord { at: 0 }),
        (&format!("a {}", "x".repeat(998)), Rule::LongWord { at: 1 }),
    ] {
        refused(minimal().header_raw("X-A", value), &[("X-A", rule)]);
    }
    for value in [fits.clone(), format!("a {}", "x".repeat(997)), format!("{fits}{}b", " ".repeat(997))] {
        let bytes = minimal().header_raw("X-A", value).build(&STAMP).unwrap().to_bytes().unwrap();
        assert!(bytes.split(|&b| b == b'\n').all(|line| line.len() <= 999));
    }
}

#[test]
fn case_m6_lines_keep_to_their_columns_with_the_commas() {
    for length in 1..140 {
        let (one, name) = ("x".repeat(length.min(60)), "n".repeat(length));
        let to =
            format!("{name}: {one}@x, ü{name} <{one}@y>;, ü{name}: a@x;, \"{name}.\" <{one}@z>, {one}@w");
        let message = Message::builder().from("a@x").to_list(to).build(&STAMP).unwrap();
        for line in head(&message).lines() {
            assert!(line.len() <= if line.contains("=?") { 76 } else { 78 }, "{line}");
        }
    }
}

#[test]
fn nothing_is_folded_right_behind_the_colon() {
    let long = "x".repeat(890);
    let message = minimal().message_id(&*long).reference(&*long).in_reply_to(&*long).build(&STAMP).unwrap();
    assert!(!head(&message).contains(":\r\n"));
    let address = format!("{}@{}.{}.example", "x".repeat(60), "y".repeat(60), "z".repeat(60));
    let message = minimal().sender(&*address).reply_to(&*address).build(&STAMP).unwrap();
    assert!(!head(&message).contains(":\r\n"));
}

#[test]
fn case_m11_many_recipients_and_headers() {
    let recipient = |i: usize| format!("\"n, {i}\" <r{i}@example.org>");
    let message = |count: usize, add: &dyn Fn(MessageBuilder, usize) -> MessageBuilder| {
        let message = (0..count).fold(minimal(), add).build(&STAMP).unwrap();
        let bytes = message.to_bytes().unwrap();
        assert!(bytes.split(|&b| b == b'\n').all(|line| line.len() <= 77));
        assert_eq!(bytes.len() as u64, message.size().unwrap());
        message.recipients().len()
    };
    assert_eq!(message(10_000, &|builder, i| builder.to(recipient(i)).header("X-Many", "value")), 10_001);
    let adds: [fn(MessageBuilder, usize) -> MessageBuilder; 8] = [
        |builder, i| builder.to(format!("\"n, {i}\" <r{i}@example.org>")),
        |builder, i| builder.bcc(format!("r{i}@example.org")),
        |builder, i| builder.cc(format!("\u{fc}{i} <{}@example.org>", "x".repeat(60))),
        |builder, i| builder.header(format!("X-{i}"), "value \u{fc}"),
        |builder, i| builder.allow_headers([format!("Y-{i}*"), "X-*".into()]).header("X-A", "value"),
        |builder, i| builder.reference(format!("{i}@x")),
        |builder, i| builder.keywords([format!("{i}")]),
        |builder, i| builder.resent(Resent::new().from("a@x").to(format!("{i}@x"))),
    ];
    for add in adds {
        crate::steps::assert_linear("x", |text| _ = message(text.len(), &add));
    }
}

#[test]
fn chunks_are_the_message_and_debug_shows_no_body() {
    let text = "secret line\n".repeat(20_000);
    let builder = minimal().text(text);
    assert!(!format!("{builder:?}").contains("secret"));
    let message = builder.build(&STAMP).unwrap();
    assert!(!format!("{message:?}").contains("secret"));
    let form = message.form(&Extensions::default()).unwrap();
    for _ in 0..2 {
        let mut chunks = message.open(&form).unwrap();
        let (mut whole, mut chunk) = (Vec::new(), Vec::new());
        loop {
            let more = chunks.next(&mut chunk).unwrap();
            assert!(chunk.len() <= 17 << 10);
            whole.append(&mut chunk);
            if !more {
                break;
            }
        }
        assert!(!chunks.next(&mut chunk).unwrap() && chunk.is_empty());
        assert_eq!(whole, message.to_bytes().unwrap());
        assert_eq!(form.size, Some(whole.len() as u64));
    }
    let mut written = Vec::new();
    message.write_to(&mut written).unwrap();
    assert_eq!(written, message.to_bytes().unwrap());
}

/// The octets of a message, which every form of it that is asked for must have.
fn bytes(builder: MessageBuilder) -> String {
    let message = builder.build(&STAMP).unwrap();
    let form = message.form(&Extensions::default()).unwrap();
    let (mut chunks, mut out) = (message.open(&form).unwrap(), Vec::new());
    while chunks.next(&mut out).unwrap() {}
    assert_eq!(message.to_bytes().unwrap(), out);
    assert_eq!(message.size().unwrap(), out.len() as u64);
    let mut written = Vec::new();
    message.write_to(&mut written).unwrap();
    assert_eq!(written, out);
    assert_eq!(message.clone().into_bytes().unwrap(), out);
    assert_eq!(message.into_bytes().unwrap(), out);
    assert!(out.ends_with(b"\r\n"));
    String::from_utf8(out).unwrap()
}

/// The media types of all parts, those in a multipart in brackets.
fn shape(builder: MessageBuilder) -> String {
    let text = bytes(builder);
    let mut shape = String::new();
    for line in text.lines() {
        if let Some(media) = line.strip_prefix("Content-Type: ") {
            shape.push_str(media.split(';').next().unwrap());
            shape.push(if media.starts_with("multipart/") { '(' } else { ' ' });
        } else if line.starts_with("--=_") && line.ends_with("--") {
            shape.push(')');
        }
    }
    shape
}

#[test]
fn parts_are_nested_rightly_without_being_told() {
    let image = || Part::inline("logo", "logo.png", &b"\x89PNG\n"[..]);
    let pdf = || Part::attachment("a.pdf", &b"%PDF\n\xff"[..]);
    let invitation = || Part::calendar("request", "BEGIN:VCALENDAR\nEND:VCALENDAR\n");
    for (builder, expected) in [
        (minimal(), "text/plain "),
        (minimal().text("t"), "text/plain "),
        (minimal().html("h"), "text/html "),
        (minimal().html("h").text("t"), "multipart/alternative(text/plain text/html )"),
        (minimal().html("h").embed(image()), "multipart/related(text/html image/png )"),
        (minimal().attach(pdf()), "multipart/mixed(application/pdf )"),
        (
            minimal().text("t").attach(pdf()).attach(pdf()),
            "multipart/mixed(text/plain application/pdf application/pdf )",
        ),
        (
            minimal().attach(pdf()).embed(image()).html("h").text("t"),
            "multipart/mixed(multipart/related(multipart/alternative(text/plain text/html )image/png )application/pdf )",
        ),
        (
            minimal().text("t").html("h").alternative(invitation()),
            "multipart/alternative(text/plain text/html text/calendar )",
        ),
        (minimal().body(Part::multipart("digest", [Part::text("x")])), "multipart/digest(text/plain )"),
    ] {
        assert_eq!(shape(builder), expected);
    }
    let related = bytes(minimal().html("<img src=\"cid:logo\">").embed(image()));
    assert!(related.contains("\r\nContent-ID: <logo>\r\n"), "{related}");
    assert!(related.contains("; type=\"text/html\";"), "{related}");
    let calendar = bytes(minimal().body(invitation()));
    assert!(
        calendar.contains("Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n"),
        "{calendar}"
    );
    assert!(calendar.ends_with("\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), "{calendar}");
    refused(minimal().text("t").body(Part::text("x")), &[("body", Rule::Repeated)]);
    refused(minimal().body(Part::mixed([])), &[("Content-Type", Rule::Nothing)]);
}

#[test]
fn a_multipart_is_what_rfc_2046_says() {
    let text = bytes(
        minimal()
            .text("a")
            .attach(Part::attachment("x.bin", &b"\0"[..]))
            .attach(Part::attachment("x.bin", &b""[..])),
    );
    let body = &text[text.find("Content-Type").unwrap()..];
    let b = "=_A4DQOBYHA4DQOBYHA4DQOBYHA4_1_";
    let head = "Content-Type: application/octet-stream; name=x.bin\r\nContent-Transfer-Encoding: ";
    let disposition = "Content-Disposition: attachment; filename=x.bin\r\n\r\n";
    assert_eq!(
        body,
        format!(
            "Content-Type: multipart/mixed; boundary=\"{b}\"\r\n\r\n--{b}\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\na\r\n\r\n--{b}\r\n\
             {head}base64\r\n{disposition}AA==\r\n--{b}\r\n\
             {head}7bit\r\n{disposition}\r\n--{b}--\r\n"
        )
    );
}

#[test]
fn case_m10_a_boundary_that_occurs_in_a_part_is_another() {
    let boundary = |text: &str| {
        let at = text.find("boundary=\"").unwrap() + 10;
        text[at..at + text[at..].find('"').unwrap()].to_owned()
    };
    let attached = |text: &str| minimal().text(text).attach(Part::attachment("x", &b"\0"[..]));
    let first = boundary(&bytes(attached("a")));
    let second = boundary(&bytes(attached(&format!("--{first}\r\n"))));
    assert_ne!(first, second);
    let both = format!("a\n--{first}\n--{second}--\n");
    let third = bytes(attached(&both));
    assert!(boundary(&third) != first && boundary(&third) != second);
    // Where it cannot be encoded either.
    for encoding in [TransferEncoding::SevenBit, TransferEncoding::Binary] {
        let part = Part::new("text/plain", format!("--{first}\r\n")).transfer_encoding(encoding);
        assert_ne!(boundary(&bytes(minimal().attach(part))), first);
    }
    let entity = Part::entity(format!("A: b\r\n\r\n--{first}\r\n"));
    assert_ne!(boundary(&bytes(minimal().attach(entity))), first);
    let inner = attached("a").build(&STAMP).unwrap();
    let outer = bytes(minimal().attach(Part::message(&inner)));
    assert_ne!(boundary(&outer), first);
    let raw = crate::RawMessage::parse(inner.to_bytes().unwrap(), crate::LineEnds::Strict, crate::Bcc::Keep)
        .unwrap();
    assert_ne!(boundary(&bytes(minimal().attach(Part::raw_message(&raw)))), first);
    // However deep it is, and however long what it stands in.
    for length in [1, 100_000] {
        let inner = attached(&"x\n".repeat(length)).build(&STAMP).unwrap().to_bytes().unwrap();
        let raw = crate::RawMessage::parse(inner, crate::LineEnds::Strict, crate::Bcc::Keep).unwrap();
        let middle = minimal().attach(Part::raw_message(&raw)).build(&STAMP).unwrap();
        for body in [BodyType::SevenBit, BodyType::EightBitMime] {
            let outer = minimal().attach(Part::message(&middle)).at_most(body);
            assert_ne!(boundary(&bytes(outer)), first);
        }
    }
    let line = format!("--{first}\r\n");
    let data = Data::open(move || Ok(std::io::Cursor::new(line.clone())));
    let part = Part::new("text/plain", data).transfer_encoding(TransferEncoding::SevenBit);
    let middle = minimal().body(part).build(&STAMP).unwrap();
    assert_ne!(boundary(&bytes(minimal().attach(Part::message(&middle)))), first);
    // Who knows what comes next may not keep this program busy.
    let all: String = (7..24_u8)
        .map(|first| {
            let mut random = [7; 16];
            random[0] = first;
            format!("--=_{}_1_\n", encodify::base32::STANDARD_NO_PAD.encode(random))
        })
        .collect();
    refused(attached(&all), &[("body", Rule::Boundary)]);
    // In other places it is no boundary.
    assert_eq!(boundary(&bytes(attached(&format!(" --{first}\r\n")))), first);
}

#[test]
fn case_m10_no_boundary_begins_with_another() {
    let nested = (0..12).fold(Part::text("x"), |part, _| Part::mixed([part]));
    let beside = (0..110).map(|i| Part::alternative([Part::text(format!("{i}"))]));
    let inner = minimal().text("t").html("h").build(&STAMP).unwrap();
    let text =
        bytes(minimal().body(Part::mixed([nested].into_iter().chain(beside).chain([Part::message(&inner)]))));
    let boundaries: Vec<&str> =
        text.split("boundary=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(boundaries.len(), 124);
    for (i, boundary) in boundaries.iter().enumerate() {
        assert!(boundary.len() <= 70);
        for (j, other) in boundaries.iter().enumerate() {
            assert!(i == j || !other.starts_with(boundary), "{other}");
        }
        // Lines are delimiters of one multipart only.
        let delimiter = format!("\r\n--{boundary}");
        let ends = text.split(&delimiter).skip(1).filter(|rest| rest.starts_with("--\r\n")).count();
        assert_eq!(ends, 1);
    }
}

#[test]
fn case_m11_parts_are_not_too_deep() {
    let nest = |times: usize| (0..times).fold(Part::text("x"), |part, _| Part::mixed([part]));
    assert!(minimal().body(nest(49)).build(&STAMP).is_ok());
    for times in [50, 1000, 100_000] {
        let error = minimal().body(nest(times)).build(&STAMP).unwrap_err();
        assert_eq!(error.problems().last().unwrap().rule(), &Rule::TooDeep);
    }
    let mut message = minimal().text("x").build(&STAMP).unwrap();
    for depth in 1..1000 {
        match minimal().body(Part::message(&message)).build(&STAMP) {
            Ok(outer) => message = outer,
            Err(error) => {
                assert_eq!(error.problems()[0].rule(), &Rule::TooDeep);
                assert_eq!(depth, 50);
                return;
            }
        }
    }
    panic!("a thousand messages in each other");
}

#[test]
fn case_m11_many_parts_take_linear_time() {
    let message = |count: usize, part: &dyn Fn(usize) -> Part| {
        let parts = (0..count).map(part);
        let builder = parts.fold(minimal().text("x"), MessageBuilder::attach).at_most(BodyType::EightBitMime);
        let message = builder.build(&STAMP).unwrap();
        let able = extensions("250-x\r\n250 8BITMIME\r\n");
        let bytes = [&able, &Extensions::default()].map(|extensions| {
            let form = message.form(extensions).unwrap();
            let (mut chunks, mut out) = (message.open(&form).unwrap(), Vec::new());
            while chunks.next(&mut out).unwrap() {}
            String::from_utf8(out).unwrap()
        });
        bytes[1].matches("line\r\n").count()
    };
    let named = |i: usize| Part::attachment(format!("{i}.txt"), "line\r\n");
    assert_eq!(message(10_000, &named), 10_000);
    let inner = minimal().text("line").build(&STAMP).unwrap();
    let message_in = |_| Part::message(&inner);
    let read = |_| Part::new("text/plain", Data::open(|| Ok(std::io::Cursor::new("line\r\n"))));
    let nested = |_| Part::mixed([Part::alternative([Part::text("line \u{fc}"), Part::html("line")])]);
    let large = |i: usize| {
        if i.is_multiple_of(100) { Part::attachment("x", vec![0; 100 << 10]) } else { Part::text("line") }
    };
    let parts: [&dyn Fn(usize) -> Part; 5] = [&named, &message_in, &read, &nested, &large];
    for part in parts {
        crate::steps::assert_linear("x", |text| _ = message(text.len(), part));
    }
}

#[test]
fn problems_of_parts_say_which_part() {
    let bad = || Part::new("nonsense", "x").name("a\r\nb").header("Content-Type", "x").header("X-A", "y");
    let error =
        minimal().text("t").attach(Part::alternative([Part::text("a"), bad()])).build(&STAMP).unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(Problem::field).collect();
    assert_eq!(
        fields,
        [
            "part 2.2: Content-Type",
            "part 2.2: Content-Disposition",
            "part 2.2: Content-Type",
            "part 2.2: X-A"
        ]
    );
    let forced = Part::new("text/plain", "a\n").transfer_encoding(TransferEncoding::SevenBit);
    refused(
        minimal().body(forced),
        &[("Content-Transfer-Encoding", Rule::Encoding(TransferEncoding::SevenBit))],
    );
    for (entity, rule) in [
        ("A: b\n\n", Rule::BareLineEnd { at: 4 }),
        ("A: b\r\n\r\n\0", Rule::Control { at: 8 }),
        ("nonsense\r\n\r\n", Rule::NoField { line: 1 }),
        ("A: b\r\n", Rule::Missing),
    ] {
        refused(minimal().body(Part::entity(entity)), &[("entity", rule)]);
    }
    refused(minimal().body(Part::calendar("a b", "")), &[("method", Rule::Token)]);
    refused(minimal().body(Part::text("").param("boundary", "x")), &[("Content-Type", Rule::OwnMethod)]);
    refused(minimal().body(Part::new("multipart/mixed", "x")), &[("Content-Type", Rule::OwnMethod)]);
    refused(minimal().body(Part::new("Message/RFC822", "x")), &[("Content-Type", Rule::OwnMethod)]);
    for (text, charset) in [("ü", "iso-8859-1"), ("a", "iso-8859-1"), ("ü", "us-ascii")] {
        let part = Part::text(text).content_type(&*format!("text/x; charset={charset}"));
        refused(minimal().body(part), &[("Content-Type", Rule::Utf8)]);
    }
    let twice = Part::text("").description("a").header("content-DESCRIPTION", "b");
    refused(minimal().body(twice), &[("content-DESCRIPTION", Rule::Repeated)]);
    let alternatives = Part::text("").header("Content-Alternative", "a").header("Content-Alternative", "b");
    assert!(minimal().body(alternatives).build(&STAMP).is_ok());
    let ready = || Part::entity("A: b\r\n\r\n").description("x").id("a@b").name("y");
    let fields = ["Content-Disposition", "Content-ID", "Content-Description"];
    refused(minimal().body(ready()), &fields.map(|field| (field, Rule::ReadyMade)));
    let fields = fields.map(|field| format!("part 2: {field}"));
    let expected = [0, 1, 2].map(|i| (&*fields[i], Rule::ReadyMade));
    refused(minimal().body(Part::mixed([Part::text("a"), ready()])), &expected);
}

#[test]
fn case_m8_names_of_attachments() {
    let head = |name: &str| {
        let text = bytes(minimal().body(Part::attachment(name, "x")));
        text[text.find("Content-Type").unwrap()..text.find("\r\n\r\n").unwrap()].to_owned()
    };
    assert_eq!(
        head("ünï.pdf"),
        "Content-Type: application/pdf; name=_n_.pdf\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename*=utf-8''%C3%BCn%C3%AF.pdf"
    );
    assert!(head("a\"b.pdf").contains("name=a_b.pdf\r\n"));
    assert!(head("../../x").ends_with("filename=\"../../x\""));
    refused(
        minimal().body(Part::attachment("a\nb", "x")),
        &[("Content-Disposition", Rule::Control { at: 1 })],
    );
}

#[test]
fn a_message_makes_use_of_what_a_server_can_take_if_it_may() {
    let plain = Extensions::default();
    let able = extensions("250-x\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250 BINARYMIME\r\n");
    let text = "Grüße\n";
    let open = |message: &Message, extensions: &Extensions| {
        let form = message.form(extensions).unwrap();
        let (mut chunks, mut out) = (message.open(&form).unwrap(), Vec::new());
        while chunks.next(&mut out).unwrap() {}
        assert_eq!(form.size, Some(out.len() as u64));
        (form.body, form.smtputf8, out)
    };
    let message = minimal().subject("ü").text(text).build(&STAMP).unwrap();
    assert_eq!(open(&message, &plain), open(&message, &able));

    let message = minimal().subject("ü").text(text).at_most(BodyType::EightBitMime).build(&STAMP).unwrap();
    let (body, smtputf8, out) = open(&message, &able);
    assert_eq!((body, smtputf8), (BodyType::EightBitMime, false));
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"), "{out}");
    let (body, _, out) = open(&message, &plain);
    assert!(body == BodyType::SevenBit && out.is_ascii());

    let mixed =
        minimal().text(text).attach(Part::attachment("x", &b"\0\n"[..])).at_most(BodyType::BinaryMime);
    let (body, _, out) = open(&mixed.build(&STAMP).unwrap(), &able);
    assert_eq!(body, BodyType::BinaryMime);
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains("boundary=\"=_A4DQOBYHA4DQOBYHA4DQOBYHA4_1_\"\r\nContent-Transfer-Encoding: binary\r\n")
    );
    assert!(out.contains("Content-Disposition: attachment; filename=x\r\n\r\n\0\n\r\n--"), "{out}");

    let message = minimal().subject("Grüße").text(text).utf8_headers().build(&STAMP).unwrap();
    let (body, smtputf8, out) = open(&message, &able);
    assert_eq!((body, smtputf8), (BodyType::EightBitMime, true));
    assert!(String::from_utf8(out).unwrap().contains("Subject: Grüße\r\n"));
    let (_, smtputf8, out) = open(&message, &plain);
    assert!(!smtputf8 && out.is_ascii());
    // A message inside of another goes along.
    let outer = minimal().text("t").attach(Part::message(&message)).utf8_headers().build(&STAMP).unwrap();
    let (_, smtputf8, out) = open(&outer, &able);
    let out = String::from_utf8(out).unwrap();
    assert!(
        smtputf8 && out.contains("Content-Type: message/global\r\n") && out.contains("Subject: Grüße\r\n")
    );
    let (_, smtputf8, out) = open(&outer, &plain);
    assert!(!smtputf8 && String::from_utf8(out).unwrap().contains("Content-Type: message/rfc822\r\n"));
    let other = Form { size: Some(1), ..Form::default() };
    assert!(matches!(outer.open(&other), Err(ContentError::Changed)));
}

fn extensions(reply: &str) -> Extensions {
    let mut parser = smtp_proto::reply::ReplyParser::new(smtp_proto::reply::ReplyLimits::default());
    Extensions::parse(parser.parse(&mut reply.as_bytes()).unwrap().unwrap())
}

#[test]
fn ready_made_entities_are_sent_as_they_are() {
    let inner =
        Part::mixed([Part::text("signed ü"), Part::attachment("x", &b"\0"[..])]).to_bytes(&STAMP).unwrap();
    let other = Stamp { random: [8; 32], ..STAMP };
    let signature =
        Part::new("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\r\n").name("signature.asc");
    let signed = Part::signed("pgp-sha256", inner.clone(), signature);
    let message = minimal().body(signed).build(&other).unwrap();
    let text = String::from_utf8(message.to_bytes().unwrap()).unwrap();
    let inner = String::from_utf8(inner).unwrap();
    assert!(text.contains(&format!("_1_\r\n{inner}\r\n--=_")), "{text}");
    assert!(
        text.contains(
            "Content-Type: multipart/signed; protocol=\"application/pgp-signature\";\r\n micalg=pgp-sha256;"
        ),
        "{text}"
    );
    assert!(Part::text("x").name("\n").to_bytes(&STAMP).is_err());
    // The last line has its end wherever it stands.
    assert!(
        bytes(minimal().body(Part::entity("A: b\r\n\r\nno end"))).ends_with("\r\nA: b\r\n\r\nno end\r\n")
    );
}

#[test]
fn reports_and_what_they_consist_of() {
    let status = "Reporting-MTA: dns; example.com\n\nFinal-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1\n";
    let original = minimal().text("lost").build(&STAMP).unwrap();
    let report =
        Part::report(Part::text("It failed."), Part::delivery_status(status), Some(Part::message(&original)));
    let text = bytes(minimal().body(report).auto_submitted(AutoSubmitted::Replied));
    assert!(text.contains("Content-Type: multipart/report; report-type=delivery-status;"), "{text}");
    assert!(
        text.contains(
            "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n\r\nReporting-MTA"
        ),
        "{text}"
    );
    for (status, rule) in [
        ("", Rule::Nothing),
        ("A: b\n\nnonsense\n", Rule::NoField { line: 3 }),
        ("A: ü\n", Rule::NotAscii { at: 3 }),
    ] {
        refused(minimal().body(Part::delivery_status(status)), &[("delivery status", rule)]);
    }
    // RFC 3464 section 2.1: 7-bit as it is, and so its lines are folded where they are too long for that.
    let word = |length: usize| "x".repeat(length);
    let status = format!(
        "A: b\r\n\r\nDiagnostic-Code: smtp; {}\r\n {} end \r\nB: c",
        [word(60).as_str(); 20].join(" "),
        word(900)
    );
    let text = bytes(minimal().body(Part::delivery_status(&*status)));
    let body = text.split_once("7bit\r\n\r\n").unwrap().1;
    assert!(
        body.lines().all(|line| line.len() <= 901) && body.starts_with("A: b\r\n\r\nDiagnostic-Code: smtp;"),
        "{body}"
    );
    let unfold = |text: &str| text.replace("\r\n ", " ").replace("end \r\n", "end\r\n");
    assert_eq!(unfold(body), format!("{}\r\n", unfold(&status)));
    for (status, rule) in [
        (format!("A: b\n\nC: {}", word(996)), Rule::LongLine { line: 3, length: 999 }),
        ("A: b\0".into(), Rule::Control { at: 4 }),
        ("A: b\nC: d\re\n".into(), Rule::BareLineEnd { at: 9 }),
    ] {
        refused(minimal().body(Part::delivery_status(status)), &[("delivery status", rule)]);
    }
    // A boundary in it makes others be taken, and nothing is encoded.
    let text =
        bytes(minimal().text("t").attach(Part::delivery_status("--=_A4DQOBYHA4DQOBYHA4DQOBYHA4_1_: b\n")));
    assert!(text.contains("status\r\nContent-Transfer-Encoding: 7bit\r\n"), "{text}");
    for media in [
        "message/partial; id=a; number=1",
        "Message/External-Body; access-type=x",
        "message/disposition-notification",
        "message/feedback-report",
    ] {
        let part = |data: &'static str| Part::new(media, data);
        let text = bytes(minimal().body(part("A: b\r\n\r\n\x01\r\n")));
        assert!(text.contains("\r\nContent-Transfer-Encoding: 7bit\r\n"), "{text}");
        let seven = || ("Content-Transfer-Encoding", Rule::Encoding(TransferEncoding::SevenBit));
        refused(minimal().body(part("A: \u{fc}\r\n")), &[seven()]);
        refused(minimal().body(part("no end")), &[seven()]);
        refused(minimal().body(part("a\r\n").transfer_encoding(TransferEncoding::Base64)), &[seven()]);
        let read = Part::new(media, Data::open(|| Ok(std::io::Cursor::new("\u{fc}\r\n"))));
        let read = minimal().body(read).at_most(BodyType::EightBitMime).build(&STAMP).unwrap();
        assert!(matches!(read.form(&Extensions::default()), Err(ContentError::Encoding)));
    }
    let encrypted = Part::encrypted(
        Part::new("application/pgp-encrypted", "Version: 1\r\n"),
        Part::new("application/octet-stream", "x"),
    );
    assert!(
        bytes(minimal().body(encrypted))
            .contains("multipart/encrypted; protocol=\"application/pgp-encrypted\";")
    );
    let flowed = bytes(minimal().body(Part::flowed(&"word ".repeat(100))));
    assert!(flowed.contains("text/plain; charset=utf-8; format=flowed\r\n"), "{flowed}");
}
