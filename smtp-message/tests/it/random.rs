//! Random messages, and what every parser must read from them: one field a line, in hexadecimal.
//!
//! Also the program `examples/random.rs`, whose output `cargo xtask interop messages` gives to several parsers.
//! What is read of the headers is here, in the order of [`sample`]; of the body it is in `bodies.rs`.

#[path = "bodies.rs"]
pub(crate) mod bodies;

use std::time::Duration;

use smtp_message::{
    AutoSubmitted, BodyType, Content, HeaderValue, Importance, Mailbox, MailboxList, Message, MessageBuilder,
    MessageId, Resent, Stamp,
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

/// What identifiers are made of; programs may look for encoded words in them.
const ID: &[&str] = &["a", "Z9", ".", "-", "_", "+", "$", "!", "/", "~", "a-part-that-is-not-short-at-all"];

const URIS: &[&str] = &[
    "https://example.com/u?id=1&x=ab%20c",
    "mailto:list@example.com?subject=leave%2Cplease",
    "http://example.com/",
    "https://example.com/0123456789012345678901234567890123456789012345678901234567890123456789",
];

/// A message, and what is read from it.
pub(crate) struct Sample {
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Vec<Vec<u8>>,
}

/// What is read, in order.
#[derive(Default)]
struct Expected(Vec<Vec<u8>>);

impl Expected {
    fn say(&mut self, text: impl Into<Vec<u8>>) {
        self.0.push(text.into());
    }

    fn mailbox(&mut self, mailbox: &Mailbox) {
        self.say(mailbox.name().unwrap_or_default());
        self.say(mailbox.address().local_part().content());
        self.say(mailbox.address().host().unwrap().to_string());
    }
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

/// How much there is of everything.
struct Sizes {
    most: usize,
    /// Of recipients.
    many: bool,
}

fn mailbox(random: &mut Random, most: usize) -> Mailbox {
    Mailbox::new(random.text(NAME, most), address(random)).unwrap()
}

/// So many mailboxes, some of them in groups, and what is read of a field that has them: its name, and of each mailbox its
/// display name, its local part and its domain; a group is between its name and `end`.
fn mailboxes(
    random: &mut Random,
    field: &str,
    count: usize,
    most: usize,
    said: &mut Expected,
) -> MailboxList {
    let mut list = MailboxList::new();
    if count > 0 {
        said.say(field);
    }
    for _ in 0..count {
        if random.below(5) > 0 {
            let mailbox = mailbox(random, most);
            said.mailbox(&mailbox);
            list.push(mailbox);
            continue;
        }
        let name = random.text(NAME, most) + "x";
        let members: Vec<_> = (0..random.below(4)).map(|_| mailbox(random, most)).collect();
        said.say("group");
        said.say(&*name);
        members.iter().for_each(|member| said.mailbox(member));
        said.say("end");
        list.push_group(name, members).unwrap();
    }
    list
}

fn ids(random: &mut Random, count: usize) -> Vec<MessageId> {
    (0..count).map(|_| format!("x{}@example.com", random.text(ID, 12)).parse().unwrap()).collect()
}

/// A random message.
pub(crate) fn sample(random: &mut Random, number: u64) -> Sample {
    let stamp = Stamp { unix_time: Duration::from_secs(number * 3_000_000), random: [7; 32] };
    let sizes = Sizes { most: [3, 12, 60][random.below(3)], many: number % 300 == 17 };
    let mut said = Expected::default();
    let mut builder = headers(random, Message::builder(), &sizes, &mut said);
    builder = more_headers(random, builder, &sizes, &mut said);
    builder = match random.below(4) {
        0 => builder.at_most(BodyType::EightBitMime),
        1 => builder.utf8_headers().at_most(BodyType::EightBitMime),
        2 if random.below(4) == 0 => builder.at_most(BodyType::BinaryMime),
        _ => builder,
    };
    let message = bodies::body(random, builder, &mut said, &stamp, number);
    let extensions = extensions(random.below(2) == 0);
    let form = message.form(&extensions).unwrap();
    Sample { bytes: open(&message, &form), expected: said.0 }
}

/// The fields that have people in them.
fn headers(
    random: &mut Random,
    mut builder: MessageBuilder,
    sizes: &Sizes,
    said: &mut Expected,
) -> MessageBuilder {
    let most = sizes.most;
    let subject = random.text(SUBJECT, most);
    said.say(&*subject);
    builder = builder.subject(subject);
    let authors = [1, 1, 1, 3][random.below(4)];
    let from = mailboxes(random, "From", authors, most, said);
    let plain = from.mailboxes().count() == 1;
    builder = builder.from_list(from);
    if !plain || random.below(3) == 0 {
        let sender = mailbox(random, most);
        said.say("Sender");
        said.mailbox(&sender);
        builder = builder.sender(sender);
    }
    let count = random.below(3);
    builder = builder.reply_to_list(mailboxes(random, "Reply-To", count, most, said));
    let (count, most_of_to) = if sizes.many { (1000, 3) } else { (random.below(4) + 1, most) };
    builder = builder.to_list(mailboxes(random, "To", count, most_of_to, said));
    let count = random.below(3);
    builder = builder.cc_list(mailboxes(random, "Cc", count, most, said));
    // Somebody has to get it.
    builder = builder.bcc("hidden@example.com");
    // What was passed on last stands on top.
    let resents: Vec<_> = (0..random.below(12).saturating_sub(9)).map(|_| resent(random, most)).collect();
    for (field, at) in [("Resent-From", 0), ("Resent-Sender", 1), ("Resent-To", 2), ("Resent-Cc", 3)] {
        for (lists, ..) in resents.iter().rev() {
            if !lists[at].is_empty() {
                said.say(field);
            }
            lists[at].iter().for_each(|mailbox| said.mailbox(mailbox));
        }
    }
    for (_, id) in resents.iter().rev() {
        said.say("Resent-Message-ID");
        said.say(id.as_str());
    }
    for (lists, id) in resents {
        let [from, sender, to, cc] = lists;
        let mut resent = Resent::new().bcc("hidden@example.com").message_id(id);
        resent = from.into_iter().fold(resent, Resent::from);
        resent = sender.into_iter().fold(resent, Resent::sender);
        resent = to.into_iter().fold(resent, Resent::to);
        builder = builder.resent(cc.into_iter().fold(resent, Resent::cc));
    }
    builder
}

/// Who passes a message on, who sends for them, and to whom; and the identifier of that.
fn resent(random: &mut Random, most: usize) -> ([Vec<Mailbox>; 4], MessageId) {
    let count = random.below(2) + 1;
    let lists = [count, count - 1, random.below(3), random.below(3)]
        .map(|count| (0..count).map(|_| mailbox(random, most)).collect());
    (lists, ids(random, 1).remove(0))
}

/// All other fields.
fn more_headers(
    random: &mut Random,
    mut builder: MessageBuilder,
    sizes: &Sizes,
    said: &mut Expected,
) -> MessageBuilder {
    type Add = fn(MessageBuilder, Vec<&'static str>) -> MessageBuilder;
    let most = sizes.most;
    for field in ["In-Reply-To", "References"] {
        let count = random.below(4) * random.below(8);
        let ids = ids(random, count);
        if !ids.is_empty() {
            said.say(field);
        }
        ids.iter().for_each(|id| said.say(id.as_str()));
        let add = if field == "References" { MessageBuilder::reference } else { MessageBuilder::in_reply_to };
        builder = ids.into_iter().fold(builder, add);
    }
    for _ in 0..random.below(3) {
        let text = random.text(SUBJECT, most);
        said.say(&*text);
        builder = builder.comments(text);
    }
    let other = random.text(SUBJECT, most);
    said.say(&*other);
    builder = builder.header("X-Other", other);
    if random.below(3) == 0 {
        let phrases: Vec<_> = (0..random.below(4) + 1).map(|_| random.text(NAME, 8) + "x").collect();
        said.say("Keywords");
        phrases.iter().for_each(|phrase| said.say(&**phrase));
        builder = match random.below(2) {
            0 => builder.keywords(phrases),
            _ => builder.header("Keywords", HeaderValue::Phrases(phrases)),
        };
    }
    if random.below(3) == 0 {
        let description = random.text(NAME, most);
        said.say("List-Id");
        said.say(&*description);
        said.say("list.example.com");
        builder = builder.list_id(description, "list.example.com");
    }
    let fields: [(&str, Add); 6] = [
        ("List-Unsubscribe", |b, uris| match uris[..] {
            ["https://example.com/u?id=1&x=ab%20c"] => b.list_unsubscribe_one_click(uris[0], None),
            _ => b.list_unsubscribe(uris),
        }),
        ("List-Help", MessageBuilder::list_help),
        ("List-Subscribe", MessageBuilder::list_subscribe),
        ("List-Post", MessageBuilder::list_post),
        ("List-Owner", MessageBuilder::list_owner),
        ("List-Archive", MessageBuilder::list_archive),
    ];
    let mut one_click = false;
    for (field, add) in fields {
        let count = random.below(6).saturating_sub(2);
        let uris: Vec<_> = (0..count).map(|_| URIS[random.below(URIS.len())]).collect();
        if !uris.is_empty() {
            one_click |= field == "List-Unsubscribe" && uris[..] == URIS[..1];
            said.say(field);
            uris.iter().for_each(|uri| said.say(*uri));
            builder = add(builder, uris);
        }
    }
    if one_click {
        said.say("List-Unsubscribe=One-Click");
    }
    if random.below(4) == 0 {
        said.say("auto-generated");
        builder = builder.auto_submitted(AutoSubmitted::Generated);
    }
    if random.below(4) == 0 {
        said.say("low");
        builder = builder.importance(Importance::Low);
    }
    builder
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
    Extensions::parse(parser.parse(&mut &reply[..]).unwrap().unwrap())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
