//! The values of fields that the caller names.

use std::borrow::Cow;

use super::{FieldWriter, NAME_LIMIT, find_bad_name, find_forbidden, find_long_word};
use crate::message::Rule;
use crate::{Date, Mailbox, MailboxList, MessageId};

/// The value of a header field: text for people, or one of the forms that programs read.
///
/// ```
/// use smtp_message::{HeaderValue, Mailbox, Message};
///
/// let builder = Message::builder()
///     .header("X-Campaign", "Grüße im Mai") // text: what ASCII cannot say is encoded
///     .header("Disposition-Notification-To", "me@example.com".parse::<Mailbox>()?)
///     .header("List-Archive", HeaderValue::Raw("<https://example.com/archive>".into()));
/// # Ok::<(), smtp_message::MailboxError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderValue {
    /// Text for people (RFC 5322 section 2.2.1): any characters but controls.
    Text(String),
    /// Printable ASCII in the form that programs expect of the field.  It is written exactly as it is given but for folds
    /// at white space; it has no white space at either end, and no word that a line of 998 octets would not hold.
    Raw(String),
    /// Mailboxes and groups.
    Mailboxes(MailboxList),
    /// Identifiers of messages.
    MessageIds(Vec<MessageId>),
    /// A date.
    Date(Date),
    /// Phrases with commas between them, as in `Keywords`.
    Phrases(Vec<String>),
}

impl From<String> for HeaderValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for HeaderValue {
    fn from(text: &String) -> Self {
        Self::Text(text.into())
    }
}

impl From<MailboxList> for HeaderValue {
    fn from(list: MailboxList) -> Self {
        Self::Mailboxes(list)
    }
}

impl From<Mailbox> for HeaderValue {
    fn from(mailbox: Mailbox) -> Self {
        Self::Mailboxes([mailbox].into_iter().collect())
    }
}

impl From<MessageId> for HeaderValue {
    fn from(id: MessageId) -> Self {
        Self::MessageIds(vec![id])
    }
}

impl From<Date> for HeaderValue {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

/// A field that the caller names, or that a method of the builder makes.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: Value,
    /// The caller has named it.
    pub(crate) named: bool,
}

/// A value in one of the forms that there are.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Given(HeaderValue),
    /// One word.
    Token(&'static str),
    /// What is called so, if it is called anything, and its identifier.
    Named(String, String),
    /// In angle brackets, with commas between them.
    Uris(Vec<String>),
}

impl Other {
    /// Whether it can be written in UTF-8 only: all but addresses can be encoded.
    pub(crate) fn needs_utf8(&self) -> bool {
        matches!(&self.value, Value::Given(HeaderValue::Mailboxes(list)) if list.kinds().needs_utf8)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>, utf8: bool) {
        let mut field = FieldWriter::new(out, &self.name, utf8);
        match &self.value {
            Value::Given(value) => value.write(&mut field),
            Value::Token(token) => field.token(token),
            Value::Named(name, id) => {
                if !name.is_empty() {
                    field.phrase(name);
                }
                field.token(&format!("<{id}>"));
            }
            Value::Uris(uris) => {
                for (i, uri) in uris.iter().enumerate() {
                    if i > 0 {
                        field.glue(",");
                    }
                    field.token(&format!("<{uri}>"));
                }
            }
        }
        field.end();
    }
}

impl HeaderValue {
    fn write(&self, field: &mut FieldWriter<'_>) {
        match self {
            Self::Text(text) => field.unstructured(text, false),
            Self::Raw(text) => field.raw(text),
            Self::Mailboxes(list) => list.write(field),
            Self::MessageIds(ids) => ids.iter().for_each(|id| field.token(id.as_str())),
            Self::Date(date) => field.date(*date),
            Self::Phrases(phrases) => {
                let mut encoded = false;
                for (i, phrase) in phrases.iter().enumerate() {
                    match (i, encoded) {
                        (0, _) => {}
                        (_, true) => field.token(","),
                        (_, false) => field.glue(","),
                    }
                    encoded = field.phrase(phrase);
                }
            }
        }
    }
}

/// What is wrong with the name of a field.
pub(crate) fn name_problem(name: &str) -> Option<Rule> {
    if name.is_empty() {
        Some(Rule::EmptyName)
    } else if let Some(at) = find_bad_name(name) {
        Some(Rule::Name { at })
    } else {
        (name.len() > NAME_LIMIT).then_some(Rule::LongName)
    }
}

/// What is wrong with the value of a field of this name.
pub(crate) fn value_problem(name: &str, value: &HeaderValue) -> Option<Rule> {
    let control = |text: &str| find_forbidden(text).map(|at| Rule::Control { at });
    let nothing = |is_empty: bool| is_empty.then_some(Rule::Nothing);
    match value {
        HeaderValue::Text(text) => control(text),
        HeaderValue::Raw(text) => control(text).or_else(|| {
            let bad_end = |c: char| matches!(c, ' ' | '\t');
            if let Some(at) = text.find(|c: char| !c.is_ascii()) {
                Some(Rule::NotAscii { at })
            } else if text.is_empty() || text.starts_with(bad_end) || text.ends_with(bad_end) {
                Some(Rule::OuterSpace)
            } else {
                find_long_word(name, text).map(|at| Rule::LongWord { at })
            }
        }),
        HeaderValue::Mailboxes(list) => {
            nothing(list.is_empty()).or(list.kinds().lacks_domain.then_some(Rule::NoDomain))
        }
        HeaderValue::MessageIds(ids) => nothing(ids.is_empty()),
        HeaderValue::Date(_) => None,
        HeaderValue::Phrases(phrases) => nothing(phrases.is_empty() || phrases.iter().any(String::is_empty))
            .or_else(|| phrases.iter().find_map(|phrase| control(phrase)))
            .or_else(|| phrases.iter().find_map(|p| p.find('\t')).map(|at| Rule::Control { at })),
    }
}
