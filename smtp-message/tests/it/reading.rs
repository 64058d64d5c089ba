//! Reads what a message says, as far as tests need it: fields, parameters, phrases, parts and their data.

use encodify::hex::PERCENT;
use smtp_message::{Fields, Mailbox, MailboxList};

/// A message or a part of one.
#[derive(Clone, Copy)]
pub(crate) struct Entity<'a>(pub(crate) &'a [u8]);

impl<'a> Entity<'a> {
    /// The value of a field that is there once, on one line and without the space behind the colon.
    #[track_caller]
    pub(crate) fn value(self, name: &str) -> String {
        let mut found = Fields::new(self.0).filter(|field| field.is(name));
        let value = found.next().unwrap_or_else(|| panic!("no {name}")).unfolded().into_owned();
        assert!(found.next().is_none(), "{name} is there twice");
        let value = String::from_utf8(value).unwrap();
        value.strip_prefix(' ').unwrap_or(&value).to_owned()
    }

    /// The same as people read it.
    #[track_caller]
    pub(crate) fn text(self, name: &str) -> String {
        let mut found = Fields::new(self.0).filter(|field| field.is(name));
        let text = found.next().unwrap_or_else(|| panic!("no {name}")).text();
        assert!(found.next().is_none(), "{name} is there twice");
        text
    }

    /// The last mailbox of a field.
    #[track_caller]
    pub(crate) fn last_mailbox(self, name: &str) -> Mailbox {
        let list: MailboxList = self.value(name).parse().unwrap();
        let last = list.mailboxes().last().unwrap();
        // What looks so was encoded, whatever it is.
        let name = last.name().unwrap_or_default();
        let name = if name.contains("=?") { decoded(name) } else { name.to_owned() };
        Mailbox::new(name, last.address().clone()).unwrap()
    }

    /// The media type.
    #[track_caller]
    pub(crate) fn media(self) -> String {
        self.value("Content-Type").split(';').next().unwrap().to_owned()
    }

    /// A parameter of a field (RFC 2045 section 5.1, RFC 2231).
    #[track_caller]
    pub(crate) fn param(self, field: &str, name: &str) -> Option<String> {
        let value = self.value(field);
        let (mut rest, mut joined, mut encoded) = (value.as_str(), None::<String>, false);
        while let Some(at) = rest.find(';') {
            rest = rest[at + 1..].trim_start();
            let Some((full, after)) = rest.split_once('=') else { break };
            let (piece, behind) = match after.strip_prefix('"') {
                Some(inner) => unquoted(inner),
                None => {
                    let end = after.find(';').unwrap_or(after.len());
                    (after[..end].trim_end().to_owned(), &after[end..])
                }
            };
            rest = behind;
            let (own, section) = full.split_once('*').unwrap_or((full, ""));
            if own.eq_ignore_ascii_case(name) {
                encoded |= full.ends_with('*');
                assert!(joined.is_none() || section.starts_with(|c: char| c.is_ascii_digit()), "{value}");
                joined.get_or_insert_default().push_str(&piece);
            }
        }
        let joined = joined?;
        if !encoded {
            return Some(joined);
        }
        let mut bytes = Vec::new();
        PERCENT.decode_append(joined.strip_prefix("utf-8''").unwrap(), &mut bytes).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    /// The parts of a multipart.
    #[track_caller]
    pub(crate) fn parts(self) -> Vec<Entity<'a>> {
        let boundary = self.param("Content-Type", "boundary").unwrap();
        let delimiter = format!("\r\n--{boundary}");
        let mut parts = Vec::new();
        let mut rest = self.0;
        while let Some(at) = find(rest, delimiter.as_bytes()) {
            parts.push(Entity(&rest[..at]));
            rest = &rest[at + delimiter.len()..];
            rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
        }
        assert_eq!(rest, b"--\r\n");
        // What is in front of the first, and it is the head.
        parts.remove(0);
        parts
    }

    /// The data of a part or message without parts.
    #[track_caller]
    pub(crate) fn data(self) -> Vec<u8> {
        let body = self.0.strip_prefix(b"\r\n").unwrap_or_else(|| Fields::new(self.0).body());
        match &*self.value("Content-Transfer-Encoding") {
            "7bit" | "8bit" => body.to_vec(),
            "quoted-printable" => encodify::qp::BODY.strict().decode(body).unwrap().into_owned(),
            "base64" => encodify::base64::MIME.decode(body).unwrap(),
            other => panic!("{other}"),
        }
    }

    /// The same as text.
    #[track_caller]
    pub(crate) fn data_text(self) -> String {
        String::from_utf8(self.data()).unwrap()
    }
}

/// A phrase, which is quoted, encoded, or words.
pub(crate) fn phrase(written: &str) -> String {
    match written.trim().strip_prefix('"') {
        Some(inner) => unquoted(inner).0,
        None => decoded(written.trim()),
    }
}

/// The text with its encoded words decoded.
fn decoded(text: &str) -> String {
    Fields::new(format!("A: {text}").as_bytes()).next().unwrap().text()
}

/// What is in a quoted string, without the quote that begins it, and what is behind it.
fn unquoted(text: &str) -> (String, &str) {
    let (mut out, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, &text[at + 1..]),
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            _ => out.push(c),
        }
    }
    panic!("a quoted string does not end: {text}");
}

/// The paragraphs of flowed text (RFC 3676 section 4.1), each behind its quote depth.
pub(crate) fn unwrapped(text: &str) -> String {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut open = None;
    for line in text.strip_suffix("\r\n").unwrap_or(text).split("\r\n") {
        let depth = line.len() - line.trim_start_matches('>').len();
        let content = line[depth..].strip_prefix(' ').unwrap_or(&line[depth..]);
        match paragraphs.last_mut() {
            Some((_, paragraph)) if open == Some(depth) && content != "-- " => paragraph.push_str(content),
            _ => paragraphs.push((depth, content.into())),
        }
        open = (content.ends_with(' ') && content != "-- ").then_some(depth);
    }
    paragraphs.iter().map(|(depth, text)| format!("{depth} {text}\n")).collect()
}

pub(crate) fn find(data: &[u8], wanted: &[u8]) -> Option<usize> {
    data.windows(wanted.len().max(1)).position(|window| window == wanted)
}
