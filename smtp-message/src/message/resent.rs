//! The fields of one who passes a message on (RFC 5322 section 3.6.6).

use super::builder::{mailbox, mailboxes, token};
use super::parties::Parties;
use super::problem::{BuildError, Rule};
use crate::header::FieldWriter;
use crate::{Date, DateError, Mailbox, MailboxError, MessageId, MessageIdError, Stamp};

/// Who passes a message on, to whom and when; the message keeps all its own fields.
///
/// Like a builder it takes whatever it is given; what is wrong comes out where it is used.
///
/// ```
/// use smtp_message::{Message, Resent, Stamp};
/// # let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [0; 32] };
///
/// let message = Message::builder().from("a@example.com").to("b@example.org").text("Hello\n")
///     .resent(Resent::new().from("b@example.org").to("c@example.net"))
///     .build(&stamp)?;
/// assert_eq!(message.sender().to_string(), "b@example.org");
/// assert_eq!(message.recipients()[0].to_string(), "c@example.net");
/// # Ok::<(), smtp_message::BuildError>(())
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Resent {
    parties: Parties,
    date: Option<Date>,
    message_id: Option<MessageId>,
    problems: Vec<(&'static str, Rule)>,
}

impl Resent {
    /// One with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds who passes it on.  Several need a [`sender`](Self::sender).
    pub fn from<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Resent-From", mailbox) {
            self.parties.from.push(mailbox);
        }
        self
    }

    /// Sets who does it for them.
    pub fn sender<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Resent-Sender", mailbox)
            && self.parties.sender.replace(mailbox.into()).is_some()
        {
            self.problems.push(("Resent-Sender", Rule::Repeated));
        }
        self
    }

    /// Adds a recipient.
    pub fn to<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Resent-To", mailbox) {
            self.parties.to.push(mailbox);
        }
        self
    }

    /// Adds a recipient of a copy.
    pub fn cc<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Resent-Cc", mailbox) {
            self.parties.cc.push(mailbox);
        }
        self
    }

    /// Adds a recipient that no other learns of.
    pub fn bcc<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Resent-Bcc", mailbox) {
            self.parties.bcc.push(mailbox);
        }
        self
    }

    /// Sets when; without it the stamp's time is taken.
    pub fn date<D>(mut self, date: D) -> Self
    where
        D: TryInto<Date>,
        DateError: From<D::Error>,
    {
        match date.try_into() {
            Ok(date) => {
                if self.date.replace(date).is_some() {
                    self.problems.push(("Resent-Date", Rule::Repeated));
                }
            }
            Err(error) => self.problems.push(("Resent-Date", Rule::Date(error.into()))),
        }
        self
    }

    /// Sets the identifier of this passing on; without it there is none.
    pub fn message_id<I>(mut self, id: I) -> Self
    where
        I: TryInto<MessageId>,
        MessageIdError: From<I::Error>,
    {
        match id.try_into() {
            Ok(id) => {
                if self.message_id.replace(id).is_some() {
                    self.problems.push(("Resent-Message-ID", Rule::Repeated));
                }
            }
            Err(error) => self.problems.push(("Resent-Message-ID", Rule::MessageId(error.into()))),
        }
        self
    }

    fn mailbox<M>(&mut self, field: &'static str, mailbox: M) -> Option<Mailbox>
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        let mailbox = match mailbox.try_into() {
            Ok(mailbox) => mailbox,
            Err(error) => {
                self.problems.push((field, Rule::Mailbox(error.into())));
                return None;
            }
        };
        // Bcc is not in the message, and an envelope may have `postmaster`.
        if mailbox.address().host().is_none() && field != "Resent-Bcc" {
            self.problems.push((field, Rule::NoDomain));
            return None;
        }
        Some(mailbox)
    }

    pub(super) fn check(&self, problems: &mut BuildError) {
        for (field, rule) in &self.problems {
            problems.add("", field, rule.clone());
        }
        let given_badly = |wanted: &str| self.problems.iter().any(|(field, _)| *field == wanted);
        if self.parties.from.is_empty() && !given_badly("Resent-From") {
            problems.add("", "Resent-From", Rule::Missing);
        }
        if self.parties.from.mailboxes().nth(1).is_some()
            && self.parties.sender.is_none()
            && !given_badly("Resent-Sender")
        {
            problems.add("", "Resent-Sender", Rule::SeveralAuthors);
        }
        let lists = [
            ("Resent-To", &self.parties.to),
            ("Resent-Cc", &self.parties.cc),
            ("Resent-Bcc", &self.parties.bcc),
        ];
        if lists.iter().all(|(field, list)| list.is_empty() && !given_badly(field)) {
            problems.add("", "Resent-To", Rule::NoRecipient);
        }
    }

    /// The fields, if nothing is wrong with them; in UTF-8 if an address cannot be written otherwise.
    pub(crate) fn checked_fields(&self, stamp: &Stamp, utf8: bool) -> Result<Vec<u8>, BuildError> {
        let mut problems = BuildError::default();
        self.check(&mut problems);
        if self.date.is_none()
            && let Err(error) = Date::try_from(stamp.unix_time)
        {
            problems.add("", "Resent-Date", Rule::Date(error));
        }
        if !problems.problems().is_empty() {
            return Err(problems);
        }
        let mut fields = Vec::new();
        self.write(&mut fields, stamp, utf8 || self.parties.needs_utf8());
        Ok(fields)
    }

    /// Who does it, and to whom.
    pub(super) fn parties(&self) -> &Parties {
        &self.parties
    }

    /// The same, for whom it is all there is to know.
    pub(crate) fn into_parties(self) -> Parties {
        self.parties
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, stamp: &Stamp, utf8: bool) {
        // A time that no date can be made of has been refused for the message itself.
        if let Some(date) = self.date.or_else(|| stamp.unix_time.try_into().ok()) {
            let mut field = FieldWriter::new(out, "Resent-Date", utf8);
            field.date(date);
            field.end();
        }
        mailboxes(out, "Resent-From", &self.parties.from, utf8);
        if let Some(sender) = &self.parties.sender {
            mailbox(out, "Resent-Sender", sender, utf8);
        }
        mailboxes(out, "Resent-To", &self.parties.to, utf8);
        mailboxes(out, "Resent-Cc", &self.parties.cc, utf8);
        if let Some(id) = &self.message_id {
            token(out, "Resent-Message-ID", id.as_str());
        }
    }
}
