//! Collects what a message says, and judges it at the end.

use std::fmt;

use smtp_proto::Address;
use smtp_proto::escape::Escaped;

use super::problem::{BuildError, Problem, Rule};
use super::{Message, write};
use crate::body::Text;
use crate::header::{NAME_LIMIT, find_bad_name, find_forbidden, find_long_word};
use crate::{Date, DateError, Mailbox, MailboxError, MailboxList, MessageId, MessageIdError, Stamp};

/// Builds a [`Message`].
///
/// Every method takes whatever it is given; [`build`](Self::build) reports all that is wrong at once.  Nothing is
/// removed or repaired in silence.
///
/// Each of [`from`](Self::from), [`to`](Self::to), [`cc`](Self::cc), [`bcc`](Self::bcc) and
/// [`reply_to`](Self::reply_to) takes exactly one mailbox, so that text from a stranger cannot name a second one; call
/// them again for more, or use the methods for lists.
#[must_use]
#[derive(Clone, Default)]
pub struct MessageBuilder {
    pub(super) from: MailboxList,
    pub(super) sender: Option<Mailbox>,
    pub(super) reply_to: MailboxList,
    pub(super) to: MailboxList,
    pub(super) cc: MailboxList,
    pub(super) bcc: MailboxList,
    pub(super) undisclosed: bool,
    pub(super) subject: Option<String>,
    pub(super) date: Option<Date>,
    pub(super) message_id: Option<MessageId>,
    pub(super) in_reply_to: Vec<MessageId>,
    pub(super) references: Vec<MessageId>,
    pub(super) others: Vec<Other>,
    pub(super) text: Option<Text>,
    problems: Vec<Problem>,
}

/// A field that the caller names.
#[derive(Clone)]
pub(super) struct Other {
    pub(super) name: String,
    pub(super) value: String,
    /// The value is written as it is.
    pub(super) raw: bool,
}

/// Fields that no caller can set by name: the builder writes them, or they are of the envelope.
const OWN: [&str; 14] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Return-Path",
];

/// Fields whose values programs read, and so have a form that encoding would break; with `-` at the end, all that
/// begin so.
const STRUCTURED: [&str; 10] = [
    "Resent-",
    "List-",
    "Received",
    "Received-",
    "DKIM-",
    "ARC-",
    "DomainKey-",
    "Authentication-Results",
    "Disposition-Notification-To",
    "Auto-Submitted",
];

impl MessageBuilder {
    /// Adds an author.  Several need a [`sender`](Self::sender).
    pub fn from<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("From", mailbox) {
            self.from.push(mailbox);
        }
        self
    }

    /// Sets who sends the message for its authors.
    pub fn sender<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Sender", mailbox)
            && self.sender.replace(mailbox).is_some()
        {
            self.problem("Sender", Rule::Repeated);
        }
        self
    }

    /// Adds a mailbox that answers are to go to.
    pub fn reply_to<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Reply-To", mailbox) {
            self.reply_to.push(mailbox);
        }
        self
    }

    /// Adds a recipient.
    pub fn to<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("To", mailbox) {
            self.to.push(mailbox);
        }
        self
    }

    /// Adds a recipient of a copy.
    pub fn cc<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Cc", mailbox) {
            self.cc.push(mailbox);
        }
        self
    }

    /// Adds a recipient that no other recipient learns of: it is in the envelope and not in the message.
    pub fn bcc<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Bcc", mailbox) {
            self.bcc.push(mailbox);
        }
        self
    }

    /// Adds recipients, in groups or not.
    pub fn to_list(mut self, list: MailboxList) -> Self {
        self.to.append(list);
        self
    }

    /// Adds recipients of a copy, in groups or not.
    pub fn cc_list(mut self, list: MailboxList) -> Self {
        self.cc.append(list);
        self
    }

    /// Adds recipients that no other recipient learns of.
    pub fn bcc_list(mut self, list: MailboxList) -> Self {
        self.bcc.append(list);
        self
    }

    /// Adds mailboxes that answers are to go to, in groups or not.
    pub fn reply_to_list(mut self, list: MailboxList) -> Self {
        self.reply_to.append(list);
        self
    }

    /// Lets the message name no recipient: it says `To: undisclosed-recipients:;` if nobody is in To and Cc, and the
    /// recipients are those in Bcc or of an envelope that is given when it is sent.
    pub fn undisclosed_recipients(mut self) -> Self {
        self.undisclosed = true;
        self
    }

    /// Sets the subject.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        let subject = subject.into();
        if let Some(at) = find_forbidden(&subject) {
            self.problem("Subject", Rule::Control { at });
        }
        if self.subject.replace(subject).is_some() {
            self.problem("Subject", Rule::Repeated);
        }
        self
    }

    /// Sets the date, as a [`Date`] or as the time since 1970-01-01 00:00 UTC; without it the stamp's is taken.
    pub fn date<D>(mut self, date: D) -> Self
    where
        D: TryInto<Date>,
        DateError: From<D::Error>,
    {
        match date.try_into() {
            Ok(date) => {
                if self.date.replace(date).is_some() {
                    self.problem("Date", Rule::Repeated);
                }
            }
            Err(error) => self.problem("Date", Rule::Date(error.into())),
        }
        self
    }

    /// Sets the identifier of the message; without it one is made that nobody can guess, at the sender's domain.
    pub fn message_id<I>(mut self, id: I) -> Self
    where
        I: TryInto<MessageId>,
        MessageIdError: From<I::Error>,
    {
        if let Some(id) = self.id("Message-ID", id)
            && self.message_id.replace(id).is_some()
        {
            self.problem("Message-ID", Rule::Repeated);
        }
        self
    }

    /// Adds a message that this one answers.
    pub fn in_reply_to<I>(mut self, id: I) -> Self
    where
        I: TryInto<MessageId>,
        MessageIdError: From<I::Error>,
    {
        if let Some(id) = self.id("In-Reply-To", id) {
            self.in_reply_to.push(id);
        }
        self
    }

    /// Adds a message of the thread, the oldest first.
    pub fn reference<I>(mut self, id: I) -> Self
    where
        I: TryInto<MessageId>,
        MessageIdError: From<I::Error>,
    {
        if let Some(id) = self.id("References", id) {
            self.references.push(id);
        }
        self
    }

    /// Adds any other field, with a value that is text for people: what ASCII cannot say is encoded.
    ///
    /// Fields whose values are for programs (such as `List-Unsubscribe`) are for [`header_raw`](Self::header_raw).
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        let structured = STRUCTURED.iter().any(|structured| {
            let start = if structured.ends_with('-') { name.get(..structured.len()) } else { Some(&*name) };
            start.is_some_and(|start| start.eq_ignore_ascii_case(structured))
        });
        let rule = name_problem(&name)
            .or(structured.then_some(Rule::Structured))
            .or_else(|| find_forbidden(&value).map(|at| Rule::Control { at }));
        match rule {
            Some(rule) => self.problem(&name, rule),
            None => self.others.push(Other { name, value, raw: false }),
        }
        self
    }

    /// Adds any other field, with a value that has the form which programs expect of it.  It is written exactly as it
    /// is given but for folds at white space, never encoded.
    ///
    /// The value has printable ASCII, spaces and TABs, no white space at either end, and no word so long that a line of
    /// 998 octets would not hold it.
    ///
    /// ```
    /// # use smtp_message::Message;
    /// let builder = Message::builder()
    ///     .header_raw("List-Unsubscribe", "<https://example.com/u?id=1>")
    ///     .header_raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    /// ```
    pub fn header_raw(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        let bad_end = |c: char| matches!(c, ' ' | '\t');
        let rule = name_problem(&name).or_else(|| {
            if let Some(at) = find_forbidden(&value) {
                Some(Rule::Control { at })
            } else if let Some(at) = value.find(|c: char| !c.is_ascii()) {
                Some(Rule::NotAscii { at })
            } else if value.is_empty() || value.starts_with(bad_end) || value.ends_with(bad_end) {
                Some(Rule::OuterSpace)
            } else {
                find_long_word(&name, &value).map(|at| Rule::LongWord { at })
            }
        });
        match rule {
            Some(rule) => self.problem(&name, rule),
            None => self.others.push(Other { name, value, raw: true }),
        }
        self
    }

    /// Sets the body: plain text with line ends of any kind.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        if self.text.replace(Text::new(text.into())).is_some() {
            self.problem("body", Rule::Repeated);
        }
        self
    }

    /// Builds the message; its form is the same whenever it is sent.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn build(mut self, stamp: &Stamp) -> Result<Message, BuildError> {
        let mut problems = std::mem::take(&mut self.problems);
        let given_badly = |field: &str| problems.iter().any(|problem| problem.field == field);
        let mut missing = Vec::new();
        if self.from.is_empty() && !given_badly("From") {
            missing.push(("From", Rule::Missing));
        }
        if self.from.mailboxes().nth(1).is_some() && self.sender.is_none() && !given_badly("Sender") {
            missing.push(("Sender", Rule::SeveralAuthors));
        }
        let to = [("To", &self.to), ("Cc", &self.cc), ("Bcc", &self.bcc)];
        let nobody = to.iter().all(|(_, list)| list.mailboxes().next().is_none());
        if nobody && !self.undisclosed && !to.iter().any(|(field, _)| given_badly(field)) {
            missing.push(("To", Rule::NoRecipient));
        }
        // Bcc is not in the message, and an envelope may have `postmaster`.
        let lists = [("From", &self.from), ("Reply-To", &self.reply_to), to[0], to[1]];
        for (field, list) in lists {
            if list.mailboxes().any(|mailbox| mailbox.address().host().is_none()) {
                missing.push((field, Rule::NoDomain));
            }
        }
        if self.sender.as_ref().is_some_and(|mailbox| mailbox.address().host().is_none()) {
            missing.push(("Sender", Rule::NoDomain));
        }
        let date = match &self.date {
            Some(date) => Ok(date.clone()),
            None => stamp.unix_time.try_into(),
        };
        problems.extend(missing.into_iter().map(|(field, rule)| Problem { field: field.into(), rule }));
        let sender = self.sender.as_ref().or(self.from.mailboxes().next()).map(|m| m.address().clone());
        let host = sender.as_ref().and_then(Address::host);
        let id = self.message_id.take().or_else(|| host.map(|host| MessageId::generate(stamp, host)));
        match (date, sender, id) {
            (Ok(date), Some(sender), Some(id)) if problems.is_empty() => Ok(write(self, sender, id, &date)),
            (date, ..) => {
                if let Err(error) = date {
                    problems.push(Problem { field: "Date".into(), rule: Rule::Date(error) });
                }
                Err(BuildError { problems })
            }
        }
    }

    fn problem(&mut self, field: &str, rule: Rule) {
        // Of a name that is far too long the beginning will do.
        let field = &field.as_bytes()[..field.len().min(NAME_LIMIT)];
        self.problems.push(Problem { field: Escaped(field).to_string(), rule });
    }

    fn mailbox<M>(&mut self, field: &str, mailbox: M) -> Option<Mailbox>
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        mailbox.try_into().map_err(|error| self.problem(field, Rule::Mailbox(error.into()))).ok()
    }

    fn id<I>(&mut self, field: &str, id: I) -> Option<MessageId>
    where
        I: TryInto<MessageId>,
        MessageIdError: From<I::Error>,
    {
        id.try_into().map_err(|error| self.problem(field, Rule::MessageId(error.into()))).ok()
    }
}

/// What is wrong with the name of a field that a caller names.
fn name_problem(name: &str) -> Option<Rule> {
    let own = OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
        || name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"));
    if name.is_empty() {
        Some(Rule::EmptyName)
    } else if let Some(at) = find_bad_name(name) {
        Some(Rule::Name { at })
    } else if name.len() > NAME_LIMIT {
        Some(Rule::LongName)
    } else {
        own.then_some(Rule::OwnMethod)
    }
}

impl fmt::Debug for MessageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageBuilder")
            .field("from", &self.from)
            .field("to", &self.to)
            .field("cc", &self.cc)
            .field("bcc", &self.bcc)
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}
