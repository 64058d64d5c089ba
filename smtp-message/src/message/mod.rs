//! Messages built from typed parts (RFC 5322, RFC 2045).
//!
//! Left out for now: attachments, HTML, signatures.

mod builder;
mod problem;

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::{Address, Extensions};

pub use builder::MessageBuilder;
pub use problem::{BuildError, Problem, Rule};

use crate::body::Text;
use crate::header::FieldWriter;
use crate::{Chunks, Content, ContentError, Date, MailboxList, MessageId};
use builder::Other;

/// A message, ready to be sent any number of times.  Cloning it copies nothing large.
///
/// ```
/// use smtp_message::{Message, Stamp};
/// # use std::time::Duration;
/// # let stamp = Stamp { unix_time: Duration::from_secs(1_781_522_645), random: [7; 32] };
///
/// let message = Message::builder()
///     .from("Ünal Example <unal@example.com>")
///     .to("\"Doe, John\" <john@example.org>")
///     .bcc("archive@example.com")
///     .subject("Grüße")
///     .header("X-Campaign", "spring")
///     .text("Hello\n")
///     .build(&stamp)?;
/// assert_eq!(message.recipients().len(), 2);
/// assert_eq!(
///     String::from_utf8(message.to_bytes()?)?,
///     "Date: Mon, 15 Jun 2026 11:24:05 +0000\r\n\
///      From: =?utf-8?Q?=C3=9Cnal_Example?= <unal@example.com>\r\n\
///      To: \"Doe, John\" <john@example.org>\r\n\
///      Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\
///      Message-ID: <A4DQOBYHA4DQOBYHA4DQOBYHA4@example.com>\r\n\
///      X-Campaign: spring\r\n\
///      MIME-Version: 1.0\r\n\
///      Content-Type: text/plain; charset=utf-8\r\n\
///      Content-Transfer-Encoding: 7bit\r\n\
///      \r\n\
///      Hello\r\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Message(Arc<Inner>);

struct Inner {
    /// The header section with the empty line behind it.
    head: Vec<u8>,
    body: Text,
    sender: Address,
    recipients: Vec<Address>,
    message_id: MessageId,
    smtputf8: bool,
}

impl Message {
    /// A builder with nothing in it.
    pub fn builder() -> MessageBuilder {
        MessageBuilder::default()
    }

    /// Who sends it, for the reverse-path: Sender, or else the author.
    pub fn sender(&self) -> &Address {
        &self.0.sender
    }

    /// Whom it is for: To, Cc and Bcc in this order, each once.
    pub fn recipients(&self) -> &[Address] {
        &self.0.recipients
    }

    /// Its identifier.
    pub fn message_id(&self) -> &MessageId {
        &self.0.message_id
    }

    /// Its octets, headers and body.
    ///
    /// # Errors
    /// What keeps a part of it from being read; a message of text has none.
    pub fn size(&self) -> Result<u64, ContentError> {
        Ok(self.0.head.len() as u64 + self.0.body.size())
    }

    /// The message as one buffer, as it goes on the wire but for dot-stuffing.
    ///
    /// # Errors
    /// What keeps a part of it from being read; a message of text has none.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ContentError> {
        let mut out = Vec::with_capacity(usize::try_from(self.size()?).unwrap_or_default());
        let mut chunks = MessageChunks { message: self.clone(), next: Next::Head };
        while chunks.append(&mut out) {}
        Ok(out)
    }

    /// Writes the message as it goes on the wire but for dot-stuffing.
    ///
    /// # Errors
    /// Those of `writer`.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        let mut chunk = Vec::new();
        let mut chunks = MessageChunks { message: self.clone(), next: Next::Head };
        loop {
            let more = chunks.append(&mut chunk);
            writer.write_all(&chunk)?;
            chunk.clear();
            if !more {
                return writer.flush();
            }
        }
    }
}

impl Content for Message {
    fn form(&self, _: &Extensions) -> Result<Form, ContentError> {
        // What is built is 7-bit for every server, so that no server has to change it; but for addresses that cannot be.
        let body = if self.0.smtputf8 { BodyType::EightBitMime } else { BodyType::SevenBit };
        Ok(Form { size: Some(self.size()?), body, smtputf8: self.0.smtputf8 })
    }

    fn open(&self, _: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        Ok(Box::new(MessageChunks { message: self.clone(), next: Next::Head }))
    }
}

struct MessageChunks {
    message: Message,
    next: Next,
}

enum Next {
    Head,
    Body(usize),
    End,
}

impl MessageChunks {
    fn append(&mut self, out: &mut Vec<u8>) -> bool {
        // The head goes with the first piece of the body: a small message is one chunk.
        if let Next::Head = self.next {
            out.extend_from_slice(&self.message.0.head);
            self.next = Next::Body(0);
        }
        if let Next::Body(from) = self.next {
            self.next = self.message.0.body.append_chunk(from, out).map_or(Next::End, Next::Body);
        }
        !matches!(self.next, Next::End)
    }
}

impl Chunks for MessageChunks {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        Ok(self.append(out))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("sender", &self.0.sender)
            .field("recipients", &self.0.recipients)
            .field("message_id", &self.0.message_id.as_str())
            .field("body", &self.0.body)
            .finish_non_exhaustive()
    }
}

/// Writes a message whose parts have been checked.
fn write(mut parts: MessageBuilder, sender: Address, message_id: MessageId, date: &Date) -> Message {
    let body = parts.text.take().unwrap_or_else(|| Text::new(String::new()));
    if parts.undisclosed && parts.to.is_empty() && parts.cc.is_empty() {
        parts.to = MailboxList::undisclosed();
    }
    let mut head = Vec::with_capacity(1024);
    let out = &mut head;
    token(out, "Date", date.as_str());
    mailboxes(out, "From", &parts.from);
    mailboxes(out, "Sender", &parts.sender.iter().cloned().collect());
    mailboxes(out, "Reply-To", &parts.reply_to);
    mailboxes(out, "To", &parts.to);
    mailboxes(out, "Cc", &parts.cc);
    if let Some(subject) = &parts.subject {
        unstructured(out, "Subject", subject, true);
    }
    token(out, "Message-ID", message_id.as_str());
    ids(out, "In-Reply-To", &parts.in_reply_to);
    ids(out, "References", &parts.references);
    for Other { name, value, raw } in &parts.others {
        if *raw {
            let mut field = FieldWriter::new(out, name);
            field.raw(value);
            field.end();
        } else {
            unstructured(out, name, value, false);
        }
    }
    token(out, "MIME-Version", "1.0");
    body.write_fields(out);
    out.extend_from_slice(b"\r\n");
    // Everything but addresses has been encoded.
    let smtputf8 = !head.is_ascii();
    let recipients = unique([&parts.to, &parts.cc, &parts.bcc].into_iter().flat_map(MailboxList::mailboxes));
    Message(Arc::new(Inner { head, body, sender, recipients, message_id, smtputf8 }))
}

/// The addresses of mailboxes, each once, in order.
pub(crate) fn unique<'a>(mailboxes: impl Iterator<Item = &'a crate::Mailbox>) -> Vec<Address> {
    let mut seen = HashSet::new();
    mailboxes.map(crate::Mailbox::address).filter(|&address| seen.insert(address)).cloned().collect()
}

fn token(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut field = FieldWriter::new(out, name);
    field.token(value);
    field.end();
}

fn unstructured(out: &mut Vec<u8>, name: &str, value: &str, encode_long: bool) {
    let mut field = FieldWriter::new(out, name);
    field.unstructured(value, encode_long);
    field.end();
}

fn mailboxes(out: &mut Vec<u8>, name: &str, list: &MailboxList) {
    if !list.is_empty() {
        let mut field = FieldWriter::new(out, name);
        list.write(&mut field);
        field.end();
    }
}

fn ids(out: &mut Vec<u8>, name: &str, ids: &[MessageId]) {
    if !ids.is_empty() {
        let mut field = FieldWriter::new(out, name);
        ids.iter().for_each(|id| field.token(id.as_str()));
        field.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stamp;
    use std::time::Duration;

    const STAMP: Stamp = Stamp { unix_time: Duration::from_secs(1_781_522_645), random: [7; 32] };

    fn minimal() -> MessageBuilder {
        Message::builder().from("a@example.com").to("b@example.org")
    }

    fn head(message: &Message) -> String {
        String::from_utf8(message.0.head.clone()).unwrap()
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
        refused(minimal().from("c@example.com"), &[("Sender", Rule::SeveralAuthors)]);
        refused(minimal().to("postmaster"), &[("To", Rule::NoDomain)]);
        refused(minimal().subject("a").subject("a"), &[("Subject", Rule::Repeated)]);
        refused(minimal().date(Duration::ZERO).date(Duration::ZERO), &[("Date", Rule::Repeated)]);
        refused(minimal().message_id("a").message_id("b"), &[("Message-ID", Rule::Repeated)]);
        refused(minimal().sender("a@x").sender("a@x"), &[("Sender", Rule::Repeated)]);
        refused(minimal().text("a").text("b"), &[("body", Rule::Repeated)]);
        refused(minimal().header("Date", "x"), &[("Date", Rule::OwnMethod)]);
        let several = minimal().from("N <c@example.com>").sender("s@example.net").build(&STAMP).unwrap();
        assert_eq!(several.sender().to_string(), "s@example.net");
        let text = super::tests::head(&several);
        assert!(
            text.contains("From: a@example.com, N <c@example.com>\r\nSender: s@example.net\r\n"),
            "{text}"
        );
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
        let hidden =
            Message::builder().from("a@x").bcc("s@x").undisclosed_recipients().build(&STAMP).unwrap();
        assert!(head(&hidden).contains("To: undisclosed-recipients:;\r\n"));
        assert_eq!(hidden.recipients().len(), 1);
        let nobody = Message::builder().from("a@x").undisclosed_recipients().build(&STAMP).unwrap();
        assert!(nobody.recipients().is_empty());
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
        assert!(head(&message).contains("=?utf-8?B?w5xuYWw=?= <ü@xn--mnchen-3ya.de>"));
        assert!(form(&message).smtputf8);
        assert_eq!(form(&message).body, BodyType::EightBitMime);
        // In the envelope alone it is not the content that needs it.
        assert!(!form(&minimal().bcc("ü@x").build(&STAMP).unwrap()).smtputf8);
    }

    #[test]
    fn case_m6_groups_are_written_as_they_were_read() {
        let to = "Team: \"B, C\" <b@x>, d@x;, e@x, Ünal: f@x;".parse().unwrap();
        let message = Message::builder().from("a@x").to_list(to).build(&STAMP).unwrap();
        let to = "To: Team: \"B, C\" <b@x>, d@x;, e@x, =?utf-8?B?w5xuYWw=?= : f@x;\r\n";
        assert!(head(&message).contains(to), "{}", head(&message));
        assert_eq!(message.recipients().len(), 4);
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
            "Resent-From",
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
            let message = Message::builder().from("a@x").to_list(to.parse().unwrap()).build(&STAMP).unwrap();
            for line in head(&message).lines() {
                assert!(line.len() <= if line.contains("=?") { 76 } else { 78 }, "{line}");
            }
        }
    }

    #[test]
    fn nothing_is_folded_right_behind_the_colon() {
        let long = "x".repeat(890);
        let message =
            minimal().message_id(&*long).reference(&*long).in_reply_to(&*long).build(&STAMP).unwrap();
        assert!(!head(&message).contains(":\r\n"));
        let address = format!("{}@{}.{}.example", "x".repeat(60), "y".repeat(60), "z".repeat(60));
        let message = minimal().sender(&*address).reply_to(&*address).build(&STAMP).unwrap();
        assert!(!head(&message).contains(":\r\n"));
    }

    #[test]
    fn case_m11_many_recipients_and_headers() {
        let mut builder = minimal();
        for i in 0..10_000 {
            builder = builder.to(format!("\"n, {i}\" <r{i}@example.org>")).header("X-Many", "value");
        }
        let message = builder.build(&STAMP).unwrap();
        assert_eq!(message.recipients().len(), 10_001);
        let bytes = message.to_bytes().unwrap();
        assert!(bytes.split(|&b| b == b'\n').all(|line| line.len() <= 77));
        assert_eq!(bytes.len() as u64, message.size().unwrap());
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
}
