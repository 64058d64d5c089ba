//! Arbitrary strings at every public input: each is refused with an error, or comes back unchanged; none breaks a header
//! or a part.

use std::time::Duration;

use smtp_message::{
    Bcc, ContentType, Data, Fields, HeaderValue, LineEnds, Mailbox, MailboxList, Message, MessageBuilder,
    MessageId, Part, RawMessage, Resent, Stamp,
};

use crate::random::bodies::paragraphs;
use crate::random::{Random, lines};
use crate::reading::{Entity, find, phrase, unwrapped};

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

/// What is done with a string, and what must be so if it is taken.
type Input = (&'static str, fn(MessageBuilder, &str) -> MessageBuilder, fn(Sent<'_>, &str));

/// A message, and what of it leaves.
#[derive(Clone, Copy)]
struct Sent<'a> {
    message: &'a Message,
    entity: Entity<'a>,
}

impl<'a> Sent<'a> {
    /// The last part.
    fn last(self) -> Entity<'a> {
        *self.entity.parts().last().unwrap()
    }
}

/// The identifier that a text is.
fn id(text: &str) -> String {
    text.parse::<MessageId>().unwrap().to_string()
}

/// The mailbox that a text is.
fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

/// Data that is what it was, whatever it was.
fn same(entity: Entity<'_>, text: &str) {
    assert_eq!(entity.data_text(), text);
}

/// Data that is text, in lines.
fn same_lines(entity: Entity<'_>, text: &str) {
    assert_eq!(entity.data_text(), lines(text));
}

const INPUTS: &[Input] = &[
    ("subject", |b, s| b.subject(s), |sent, s| assert_eq!(sent.entity.text("Subject"), s)),
    ("comments", |b, s| b.comments(s), |sent, s| assert_eq!(sent.entity.text("Comments"), s)),
    ("header", |b, s| b.header("X-A", s), |sent, s| assert_eq!(sent.entity.text("X-A"), s)),
    ("header name", |b, s| b.header(s, "v"), |sent, s| assert_eq!(sent.entity.text(s), "v")),
    ("header_raw", |b, s| b.header_raw("X-A", s), |sent, s| assert_eq!(sent.entity.value("X-A"), s)),
    (
        "phrases",
        |b, s| b.header("X-A", HeaderValue::Phrases(vec![s.into()])),
        |sent, s| assert_eq!(phrase(&sent.entity.value("X-A")), s),
    ),
    (
        "keywords",
        |b, s| b.keywords([s, "b"]),
        |sent, s| {
            let value = sent.entity.value("Keywords");
            let (first, second) = value.rsplit_once(',').unwrap();
            assert_eq!((phrase(first).as_str(), second), (s, " b"));
        },
    ),
    ("to", |b, s| b.to(s), |sent, s| assert_eq!(sent.entity.last_mailbox("To"), mailbox(s))),
    (
        "cc",
        |b, s| b.cc(format!("{s} <x@example.com>")),
        |sent, s| assert_eq!(sent.entity.last_mailbox("Cc"), mailbox(&format!("{s} <x@example.com>"))),
    ),
    (
        "sender",
        |b, s| b.sender(s),
        |sent, s| {
            assert_eq!(sent.entity.last_mailbox("Sender"), mailbox(s));
            assert_eq!(sent.message.sender(), mailbox(s).address());
        },
    ),
    (
        "name",
        |b, s| b.to((s, "a@example.com")),
        |sent, s| assert_eq!(sent.entity.last_mailbox("To").name().unwrap_or_default(), s),
    ),
    (
        "address",
        |b, s| b.to(("N", s)),
        |sent, s| {
            let (read, given) = (sent.entity.last_mailbox("To"), s.parse().unwrap());
            assert_eq!((read.name(), read.address()), (Some("N"), &given));
            assert_eq!(sent.message.recipients(), [given]);
        },
    ),
    (
        "bcc",
        |b, s| b.bcc(s),
        |sent, s| {
            let mailbox = mailbox(s);
            assert_eq!(sent.message.recipients().last(), Some(mailbox.address()));
            let of_others =
                ["a@example.com", "b@example.org", "example.com"].contains(&&*mailbox.address().to_string());
            assert!(of_others || find(sent.entity.0, mailbox.address().to_string().as_bytes()).is_none());
        },
    ),
    (
        "list",
        |b, s| b.to_list(s),
        |sent, s| {
            let (read, given) =
                (sent.entity.value("To").parse::<MailboxList>().unwrap(), s.parse::<MailboxList>().unwrap());
            let addresses =
                |list: &MailboxList| list.mailboxes().map(|m| m.address().clone()).collect::<Vec<_>>();
            // Behind the one that is there.
            assert_eq!(addresses(&read)[1..], addresses(&given)[..]);
            assert_eq!(read.entries().count(), given.entries().count() + 1);
        },
    ),
    (
        "group",
        |b, s| {
            let mut list = MailboxList::new();
            let member = "m@example.com".parse().unwrap();
            match list.push_group(s, [member]) {
                Ok(()) => b.to_list(list),
                Err(_) => b.to("nobody"),
            }
        },
        |sent, s| {
            let value = sent.entity.value("To");
            let written =
                value.strip_prefix("b@example.org, ").unwrap().strip_suffix(": m@example.com;").unwrap();
            assert_eq!(phrase(written), s);
        },
    ),
    (
        "reply_to",
        |b, s| b.reply_to(s),
        |sent, s| {
            assert_eq!(sent.entity.last_mailbox("Reply-To"), mailbox(s));
        },
    ),
    (
        "message_id",
        |b, s| b.message_id(s),
        |sent, s| {
            assert_eq!(
                (sent.entity.value("Message-ID"), sent.message.message_id().to_string()),
                (id(s), id(s))
            );
        },
    ),
    ("in_reply_to", |b, s| b.in_reply_to(s), |sent, s| assert_eq!(sent.entity.value("In-Reply-To"), id(s))),
    (
        "reference",
        |b, s| b.reference("a@b").reference(s),
        |sent, s| {
            assert_eq!(sent.entity.value("References"), format!("<a@b> {}", id(s)));
        },
    ),
    (
        "list_id",
        |b, s| b.list_id(s, "a.example"),
        |sent, s| {
            let value = sent.entity.value("List-Id");
            assert_eq!(phrase(value.strip_suffix("<a.example>").unwrap()), s);
        },
    ),
    (
        "list_id id",
        |b, s| b.list_id("", s),
        |sent, s| {
            assert_eq!(sent.entity.value("List-Id"), format!("<{s}>"));
        },
    ),
    (
        "list_unsubscribe",
        |b, s| b.list_unsubscribe([s]),
        |sent, s| {
            assert_eq!(sent.entity.value("List-Unsubscribe"), format!("<{s}>"));
        },
    ),
    (
        "one click",
        |b, s| b.list_unsubscribe_one_click(s, None),
        |sent, s| {
            assert_eq!(sent.entity.value("List-Unsubscribe"), format!("<{s}>"));
            assert_eq!(sent.entity.value("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        },
    ),
    (
        "list_post",
        |b, s| b.list_post([s, s]),
        |sent, s| {
            assert_eq!(sent.entity.value("List-Post"), format!("<{s}>, <{s}>"));
        },
    ),
    (
        "resent",
        |b, s| b.resent(Resent::new().from((s, "a@b.example")).to(s)),
        |sent, s| {
            assert_eq!(sent.entity.last_mailbox("Resent-From").name().unwrap_or_default(), s);
            assert_eq!(sent.entity.last_mailbox("Resent-To"), mailbox(s));
            assert_eq!(sent.message.recipients(), [mailbox(s).address().clone()]);
        },
    ),
    (
        "resent id",
        |b, s| b.resent(Resent::new().from("a@b.example").to("c@d.example").message_id(s)),
        |sent, s| assert_eq!(sent.entity.value("Resent-Message-ID"), id(s)),
    ),
    ("text", |b, s| b.text(s), |sent, s| same_lines(sent.entity, s)),
    ("html", |b, s| b.html(s), |sent, s| same_lines(sent.entity, s)),
    (
        "alternatives",
        |b, s| b.text(s).html(s),
        |sent, s| {
            let parts = sent.entity.parts();
            assert_eq!(
                (parts.len(), parts[0].media(), parts[1].media()),
                (2, "text/plain".into(), "text/html".into())
            );
            parts.into_iter().for_each(|part| same_lines(part, s));
        },
    ),
    (
        "flowed",
        |b, s| b.body(Part::flowed(s)),
        |sent, s| {
            assert_eq!(unwrapped(&sent.entity.data_text()), paragraphs(s));
        },
    ),
    (
        "attachment",
        |b, s| b.attach(Part::attachment(s, s)),
        |sent, s| {
            assert_eq!(sent.last().param("Content-Disposition", "filename").as_deref(), Some(s));
            same(sent.last(), s);
        },
    ),
    ("exact", |b, s| b.body(Part::new("text/plain", s)), |sent, s| same(sent.entity, s)),
    (
        "reader",
        |b, s| {
            let data = s.as_bytes().to_vec();
            b.attach(Part::attachment("x", Data::open(move || Ok(std::io::Cursor::new(data.clone())))))
        },
        |sent, s| same(sent.last(), s),
    ),
    (
        "media type",
        |b, s| b.attach(Part::new(s, "x")),
        |sent, s| {
            assert_eq!(sent.last().media(), s.parse::<ContentType>().unwrap().media());
        },
    ),
    (
        "content type",
        |b, s| b.attach(Part::new(format!("text/plain; a=\"{s}\""), "x")),
        |sent, s| {
            let given: ContentType = format!("text/plain; a=\"{s}\"").parse().unwrap();
            assert_eq!(sent.last().param("Content-Type", "a").as_deref(), given.param("a"));
        },
    ),
    (
        "parameter",
        |b, s| b.attach(Part::text("x").param("a", s)),
        |sent, s| {
            assert_eq!(sent.last().param("Content-Type", "a").as_deref(), Some(s));
        },
    ),
    (
        "parameter name",
        |b, s| b.attach(Part::text("x").param(s, "a")),
        |sent, s| {
            assert_eq!(sent.last().param("Content-Type", s).as_deref(), Some("a"));
        },
    ),
    (
        "content id",
        |b, s| b.embed(Part::inline(s, s, "x")),
        |sent, s| {
            assert_eq!(sent.last().value("Content-ID"), id(s));
            assert_eq!(sent.last().param("Content-Disposition", "filename").as_deref(), Some(s));
        },
    ),
    (
        "description",
        |b, s| b.attach(Part::text("x").description(s)),
        |sent, s| {
            assert_eq!(sent.last().text("Content-Description"), s);
        },
    ),
    (
        "part header",
        |b, s| b.attach(Part::text("x").header(format!("Content-{s}"), s)),
        |sent, s| assert_eq!(sent.last().text(&format!("Content-{s}")), s),
    ),
    ("calendar", |b, s| b.alternative(Part::calendar("add", s)), |sent, s| same_lines(sent.entity, s)),
    (
        "method",
        |b, s| b.alternative(Part::calendar(s, "x\n")),
        |sent, s| {
            assert_eq!(sent.entity.param("Content-Type", "method"), Some(s.to_ascii_uppercase()));
        },
    ),
    (
        "delivery status",
        |b, s| b.attach(Part::delivery_status(s)),
        |sent, s| {
            let meant = lines(s);
            let fits = meant.split("\r\n").all(|line| line.len() <= 998);
            assert!(!fits || sent.last().data_text() == meant);
        },
    ),
    (
        "entity",
        |b, s| b.attach(Part::entity(s.to_owned())),
        |sent, s| {
            let whole = sent.last().0;
            assert_eq!(
                whole,
                s.strip_suffix("\r\n").filter(|_| whole.len() < s.len()).unwrap_or(s).as_bytes()
            );
        },
    ),
    (
        "signed",
        |b, s| b.body(Part::signed(s, "A: b\r\n\r\nx", Part::text("y"))),
        |sent, s| {
            assert_eq!(sent.entity.param("Content-Type", "micalg").as_deref(), Some(s));
            assert_eq!(sent.entity.parts()[0].0, b"A: b\r\n\r\nx");
            same_lines(sent.last(), "y");
        },
    ),
    (
        "multipart",
        |b, s| b.body(Part::multipart(s, [Part::text(s)])),
        |sent, s| {
            assert_eq!(sent.entity.media(), format!("multipart/{s}"));
            same_lines(sent.last(), s);
        },
    ),
    (
        "raw message",
        |b, s| {
            let raw = RawMessage::parse(format!("A: b\n\n{s}"), LineEnds::Normalise, Bcc::Keep);
            raw.map_or(Message::builder(), |raw| b.attach(Part::raw_message(&raw)))
        },
        |sent, s| {
            let body = Fields::new(sent.last().0).body();
            assert_eq!(body, lines(&format!("A: b\n\n{s}")).as_bytes());
        },
    ),
    (
        "allowed",
        |b, s| b.allow_headers([s]).header("X-A", s),
        |sent, s| {
            assert_eq!(sent.entity.text("X-A"), s);
        },
    ),
];

#[test]
fn no_string_breaks_a_message() {
    let mut random = Random(0x5eed_0000_0000_0003);
    let mut taken = vec![0_u32; INPUTS.len()];
    for round in 0..700 {
        let most = [2, 4, 12][round % 3];
        let text = random.text(PIECES, most);
        for (i, (input, give, check)) in INPUTS.iter().enumerate() {
            let builder = give(start(input), &text);
            let message = match builder.build(&STAMP) {
                Ok(message) => message,
                Err(error) => {
                    assert!(!error.problems().is_empty());
                    assert!(!error.to_string().contains(char::is_control), "{input}: {error}");
                    continue;
                }
            };
            taken[i] += 1;
            let bytes = message.to_bytes().unwrap();
            check_structure(&bytes, input, &text);
            // A failure shows the message.
            let shown = Shown(input, &text, &bytes);
            check(Sent { message: &message, entity: Entity(&bytes) }, &text);
            std::mem::forget(shown);
        }
    }
    for ((input, ..), taken) in INPUTS.iter().zip(taken) {
        assert!(taken > 0, "{input} takes nothing");
    }
}

/// Tells what was tried when a check fails.
struct Shown<'a>(&'a str, &'a str, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("{}, {:?}: {}", self.0, self.1, self.2.escape_ascii());
    }
}

#[test]
fn no_string_breaks_a_ready_made_message() {
    let mut random = Random(0x5eed_0000_0000_0004);
    let mut taken = 0;
    for round in 0..4000 {
        let text = random.text(PIECES, [2, 4, 12][round % 3]);
        let given = format!("From: a@example.com\nX-A: {text}\nTo: b@example.org\n\n{text}");
        let kept = match RawMessage::parse(&*given, LineEnds::Normalise, Bcc::Keep) {
            Ok(kept) => kept,
            Err(error) => {
                assert!(!error.to_string().contains(char::is_control), "{error}");
                continue;
            }
        };
        taken += 1;
        assert_eq!(kept.as_bytes(), lines(&given).as_bytes());
        // Each line is what it was before: none became a field, or ceased to be one.
        let names = |bytes: &[u8]| {
            Fields::new(bytes).map(|field| field.name().map(<[u8]>::to_vec)).collect::<Vec<_>>()
        };
        assert_eq!(names(kept.as_bytes()), names(given.as_bytes()), "{given:?}");
        let removed = RawMessage::parse(&*given, LineEnds::Normalise, Bcc::Remove).unwrap();
        assert!(!Fields::new(removed.as_bytes()).any(|field| field.is("Bcc")));
        assert_eq!(removed.recipients(), kept.recipients());
        let more = given.to_ascii_lowercase().contains("bcc");
        assert!(more || kept.recipients().unwrap().len() <= 1, "{given:?}");
    }
    assert!(taken > 1000, "{taken}");
}

#[test]
#[cfg(feature = "html")]
fn no_string_gets_through_a_policy_and_changes() {
    let mut random = Random(0x5eed_0000_0000_0005);
    let tags = [
        "<p>",
        "</p>",
        "<b ",
        "<script>",
        "</script>",
        "<img src=x onerror=y>",
        "<a href=",
        "style=",
        "javascript:x",
        "<!--",
        "-->",
        "&lt;",
        "&#60;script",
        "<svg",
        "<style>",
    ];
    let pieces = [PIECES, &tags].concat();
    for _ in 0..3000 {
        let html = random.text(&pieces, 12);
        let policy = smtp_message::HtmlPolicy::new();
        let clean = policy.clean(&html);
        assert!(
            policy.is_clean(&clean),
            "{html:?} has become {clean:?}, and that {:?}",
            policy.clean(&clean)
        );
        assert_eq!(policy.is_clean(&html), clean == html);
        let lower = clean.to_ascii_lowercase();
        for tag in ["<script", "<style", "<svg", "<!--", " onerror=", "=\"javascript:"] {
            assert!(!lower.contains(tag), "{html:?} has become {clean:?}");
        }
        let message = start("html").html(clean.clone()).build(&STAMP).unwrap();
        same_lines(Entity(&message.to_bytes().unwrap()), &clean);
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
    assert!(names.len() <= if input.starts_with("resent") { 11 } else { 9 }, "{}", shown());
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
