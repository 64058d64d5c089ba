//! Collects what a message says, and judges it at the end.

use std::fmt;
use std::mem::take;
use std::sync::{Arc, Mutex, OnceLock};

use compact_str::CompactString;
use smtp_proto::envelope::BodyType;

use super::parties::Parties;
use super::plan::room;
use super::problem::{BuildError, Rule};
use super::resent::Resent;
use super::{Boundaries, Draft, Inner, Message, Mode, Plan, Plans};
use crate::header::{ContentType, FieldWriter, Other, find_forbidden};
use crate::part::{Leaf, MAX_DEPTH, Node, Part};
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
pub struct MessageBuilder(pub(super) Box<Given>);

/// What a builder was given; every method hands it on, and so it stays where it is.
#[derive(Clone, Default)]
pub(super) struct Given {
    pub(super) parties: Parties,
    pub(super) reply_to: MailboxList,
    pub(super) undisclosed: bool,
    pub(super) subject: Option<CompactString>,
    pub(super) date: Option<Date>,
    pub(super) message_id: Option<MessageId>,
    pub(super) in_reply_to: Vec<MessageId>,
    pub(super) references: Vec<MessageId>,
    pub(super) resent: Vec<Resent>,
    pub(super) others: Vec<Other>,
    /// The names that callers may give, if not all.
    pub(super) allowed: Option<Vec<String>>,
    /// Most messages have one part, which needs no list.
    first: Option<(Role, Part)>,
    more: Vec<(Role, Part)>,
    most: BodyType,
    utf8: bool,
    problems: BuildError,
}

impl Given {
    /// Notes what the fields of originators and recipients lack, but for what was given and is wrong; whether the headers
    /// can be written in UTF-8 only.
    fn check(&self, problems: &mut BuildError) -> bool {
        let given_badly = |field: &str| problems.problems.iter().any(|problem| problem.field == field);
        let Parties { from, sender, to, cc, bcc } = &self.parties;
        let (authors, reply_to) = (from.kinds(), self.reply_to.kinds());
        let (to, cc, bcc) = (to.kinds(), cc.kinds(), bcc.kinds());
        let mut missing = Vec::new();
        if from.is_empty() && !given_badly("From") {
            missing.push(("From", Rule::Missing));
        }
        if authors.count > 1 && sender.is_none() && !given_badly("Sender") {
            missing.push(("Sender", Rule::SeveralAuthors));
        }
        // Groups need not have anybody in them.
        if authors.count == 0 && !from.is_empty() && sender.is_none() && !given_badly("Sender") {
            missing.push(("Sender", Rule::Missing));
        }
        let nobody = to.count + cc.count + bcc.count == 0 && !self.undisclosed;
        if nobody && !["To", "Cc", "Bcc"].into_iter().any(given_badly) {
            missing.push(("To", Rule::NoRecipient));
        }
        // Bcc is not in the message, and an envelope may have `postmaster`.
        for (field, list) in [("From", authors), ("Reply-To", reply_to), ("To", to), ("Cc", cc)] {
            if list.lacks_domain {
                missing.push((field, Rule::NoDomain));
            }
        }
        if sender.as_ref().is_some_and(|mailbox| mailbox.address().host().is_none()) {
            missing.push(("Sender", Rule::NoDomain));
        }
        for (field, rule) in missing {
            problems.add("", field, rule);
        }
        [authors, reply_to, to, cc].iter().any(|list| list.needs_utf8)
            || sender.as_ref().is_some_and(|mailbox| !mailbox.address().is_ascii())
            || self.others.iter().any(Other::needs_utf8)
            || self.resent.iter().any(|resent| resent.parties().needs_utf8())
    }

    /// Makes the first part the whole body, and returns it.
    fn assemble(&mut self, problems: &mut BuildError) -> &mut Part {
        let is_whole = |(role, _): &(Role, Part)| !matches!(role, Role::Embedded | Role::Attached);
        if !self.more.is_empty() || !self.first.as_ref().is_none_or(is_whole) {
            let parts = self.first.take().into_iter().chain(take(&mut self.more)).collect();
            self.first = Some((Role::Body, nest(parts, problems)));
        }
        let (_, body) = self.first.get_or_insert_with(|| (Role::Text, Part::text("")));
        body
    }
}

/// What a part is to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Text,
    Html,
    Alternative,
    Embedded,
    Attached,
    Body,
}

/// Puts the parts into each other: mixed(related(alternative(text, html), embedded), attached).
fn nest(mut parts: Vec<(Role, Part)>, problems: &mut BuildError) -> Part {
    if let Some(at) = parts.iter().position(|(role, _)| *role == Role::Body) {
        problems.add("", "body", Rule::Repeated);
        return parts.swap_remove(at).1;
    }
    // The text first, then the HTML, then other alternatives as they were given.
    parts.sort_by_key(|(role, _)| *role as u8);
    let mut behind = |role| {
        let at = parts.iter().position(|(other, _)| *other as u8 >= role as u8).unwrap_or(parts.len());
        parts.split_off(at).into_iter().map(|(_, part)| part).collect::<Vec<_>>()
    };
    let (attached, embedded, mut texts) =
        (behind(Role::Attached), behind(Role::Embedded), behind(Role::Text));
    let text = match texts.len() {
        0 if attached.is_empty() || !embedded.is_empty() => Some(Part::text("")),
        0 | 1 => texts.pop(),
        _ => Some(Part::alternative(texts)),
    };
    let shown = match text {
        Some(text) if !embedded.is_empty() => Some(Part::related(std::iter::once(text).chain(embedded))),
        text => text,
    };
    match shown {
        Some(shown) if attached.is_empty() => shown,
        shown => Part::mixed(shown.into_iter().chain(attached)),
    }
}

impl MessageBuilder {
    /// Adds an author.  Several need a [`sender`](Self::sender).
    pub fn from<M>(self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        self.add("From", mailbox, |given| &mut given.parties.from)
    }

    /// Sets who sends the message for its authors.
    pub fn sender<M>(mut self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        if let Some(mailbox) = self.mailbox("Sender", mailbox)
            && self.0.parties.sender.replace(mailbox.into()).is_some()
        {
            self.problem("Sender", Rule::Repeated);
        }
        self
    }

    /// Adds a mailbox that answers are to go to.
    pub fn reply_to<M>(self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        self.add("Reply-To", mailbox, |given| &mut given.reply_to)
    }

    /// Adds a recipient.
    pub fn to<M>(self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        self.add("To", mailbox, |given| &mut given.parties.to)
    }

    /// Adds a recipient of a copy.
    pub fn cc<M>(self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        self.add("Cc", mailbox, |given| &mut given.parties.cc)
    }

    /// Adds a recipient that no other recipient learns of: it is in the envelope and not in the message.
    pub fn bcc<M>(self, mailbox: M) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        self.add("Bcc", mailbox, |given| &mut given.parties.bcc)
    }

    /// Adds authors, in groups or not (RFC 6854).
    pub fn from_list<L>(mut self, list: L) -> Self
    where
        L: TryInto<MailboxList>,
        MailboxError: From<L::Error>,
    {
        if let Some(list) = self.list("From", list) {
            self.0.parties.from.append(list);
        }
        self
    }

    /// Adds recipients, in groups or not: a [`MailboxList`], or a text that is one.
    pub fn to_list<L>(mut self, list: L) -> Self
    where
        L: TryInto<MailboxList>,
        MailboxError: From<L::Error>,
    {
        if let Some(list) = self.list("To", list) {
            self.0.parties.to.append(list);
        }
        self
    }

    /// Adds recipients of a copy, in groups or not.
    pub fn cc_list<L>(mut self, list: L) -> Self
    where
        L: TryInto<MailboxList>,
        MailboxError: From<L::Error>,
    {
        if let Some(list) = self.list("Cc", list) {
            self.0.parties.cc.append(list);
        }
        self
    }

    /// Adds recipients that no other recipient learns of.
    pub fn bcc_list<L>(mut self, list: L) -> Self
    where
        L: TryInto<MailboxList>,
        MailboxError: From<L::Error>,
    {
        if let Some(list) = self.list("Bcc", list) {
            self.0.parties.bcc.append(list);
        }
        self
    }

    /// Adds mailboxes that answers are to go to, in groups or not.
    pub fn reply_to_list<L>(mut self, list: L) -> Self
    where
        L: TryInto<MailboxList>,
        MailboxError: From<L::Error>,
    {
        if let Some(list) = self.list("Reply-To", list) {
            self.0.reply_to.append(list);
        }
        self
    }

    /// Lets the message name no recipient: it says `To: undisclosed-recipients:;` if nobody is in To and Cc, and the
    /// recipients are those in Bcc or of an envelope that is given when it is sent.
    pub fn undisclosed_recipients(mut self) -> Self {
        self.0.undisclosed = true;
        self
    }

    /// Sets the subject.
    pub fn subject(mut self, subject: impl AsRef<str>) -> Self {
        let subject = subject.as_ref();
        if let Some(at) = find_forbidden(subject) {
            self.problem("Subject", Rule::Control { at });
        }
        if self.0.subject.replace(subject.into()).is_some() {
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
                if self.0.date.replace(date).is_some() {
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
            && self.0.message_id.replace(id).is_some()
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
            self.0.in_reply_to.push(id);
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
            self.0.references.push(id);
        }
        self
    }

    /// Sets the plain text of the body, with line ends of any kind.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.only_text(Role::Text, ContentType::PLAIN, text.into());
        self
    }

    /// Sets the HTML of the body; with a text it is an alternative to that.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.only_text(Role::Html, ContentType::HTML, html.into());
        self
    }

    /// Adds another alternative to the text, such as [`Part::calendar`]; the last is the richest.
    pub fn alternative(mut self, part: Part) -> Self {
        self.part(Role::Alternative, part);
        self
    }

    /// Adds what the HTML refers to, such as [`Part::inline`].
    pub fn embed(mut self, part: Part) -> Self {
        self.part(Role::Embedded, part);
        self
    }

    /// Adds an attachment, or any other part that stands behind the text.
    pub fn attach(mut self, part: Part) -> Self {
        self.part(Role::Attached, part);
        self
    }

    /// Sets the whole body, in place of text, HTML, what is embedded and what is attached.
    pub fn body(mut self, part: Part) -> Self {
        self.only(Role::Body, part);
        self
    }

    /// Lets data go as it is to servers that can take it: with 8BITMIME, or with BINARYMIME and CHUNKING.  If nothing is
    /// said the message is 7-bit for every server, so that nothing on the way has to change it, and a signature holds.
    pub fn at_most(mut self, body: BodyType) -> Self {
        self.0.most = body;
        self
    }

    /// Lets headers be UTF-8 for servers that have SMTPUTF8, in place of encoded words.  If nothing is said they are so
    /// only if an address in them cannot be written otherwise: a message that goes with SMTPUTF8 is refused by the first
    /// server on its way that lacks it.
    pub fn utf8_headers(mut self) -> Self {
        self.0.utf8 = true;
        self
    }

    /// Builds the message.
    ///
    /// Data that is at hand is looked at now; files and readers when the message is asked for its form, and again when it
    /// is sent.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn build(mut self, stamp: &Stamp) -> Result<Message, BuildError> {
        let mut problems = take(&mut self.0.problems);
        let needs_utf8 = self.0.check(&mut problems);
        if !self.0.others.is_empty() {
            self.check_others(&mut problems);
        }
        for resent in &self.0.resent {
            resent.check(&mut problems);
        }
        let body = self.0.assemble(&mut problems);
        body.take_problems("", &mut |place, field, rule| problems.add(place, field, rule));
        let needs_utf8 = needs_utf8 || body.needs_utf8();
        let date = self.0.date.map_or_else(|| stamp.unix_time.try_into(), Ok);
        let date = date.map_err(|error| problems.add("", "Date", Rule::Date(error))).ok();
        let host = self.0.parties.sender().and_then(|sender| sender.address().host());
        let id = self.0.message_id.take().or_else(|| host.map(|host| MessageId::generate(stamp, host)));
        let (Some(date), Some(id), []) = (date, id, problems.problems()) else { return Err(problems) };
        self.finish(id, date, stamp, needs_utf8).map_err(|rule| {
            problems.add("", "body", rule);
            problems
        })
    }

    fn only_text(&mut self, role: Role, content_type: ContentType, text: String) {
        let leaf = Node::Leaf(Leaf::text(text));
        // Most messages have one part, and what has just been written is slow to move: it goes where it stays.  Without a
        // first part there is no other.
        match &mut self.0.first {
            first @ None => {
                let (_, part) = first.insert((role, Part::with(Node::Multipart(Vec::new()), content_type)));
                part.node = leaf;
            }
            Some(_) => self.only(role, Part::with(leaf, content_type)),
        }
    }

    /// Adds a part of which there may be one.
    #[inline]
    fn only(&mut self, role: Role, part: Part) {
        if self.0.first.iter().chain(&self.0.more).any(|(other, _)| *other == role) {
            return self.problem("body", Rule::Repeated);
        }
        self.part(role, part);
    }

    #[inline]
    fn part(&mut self, role: Role, part: Part) {
        match &mut self.0.first {
            first @ None => *first = Some((role, part)),
            Some(_) => self.0.more.push((role, part)),
        }
    }

    fn finish(
        mut self,
        message_id: MessageId,
        date: Date,
        stamp: &Stamp,
        needs_utf8: bool,
    ) -> Result<Message, Rule> {
        if self.0.undisclosed && self.0.parties.to.is_empty() && self.0.parties.cc.is_empty() {
            self.0.parties.to = MailboxList::undisclosed();
        }
        let Some((_, body)) = &self.0.first else { return Err(Rule::Missing) };
        let depth = body.depth();
        if depth > MAX_DEPTH {
            return Err(Rule::TooDeep);
        }
        let parties = self.0.resent.last().map_or(&self.0.parties, Resent::parties);
        let Some(sender) = parties.sender() else { return Err(Rule::Missing) };
        let sender = sender.address().clone();
        let head = |utf8, room| self.head(&message_id, date, stamp, utf8, room);
        let plans = if body.is_at_hand() && self.0.most == BodyType::SevenBit && (needs_utf8 || !self.0.utf8)
        {
            let mode = Mode { most: BodyType::SevenBit, utf8: needs_utf8 };
            let mut boundaries = Boundaries::new(stamp.part_random());
            match Plan::new(head(needs_utf8, room(body)), body, &mut boundaries, mode) {
                Ok(plan) => Plans::Fixed(plan),
                // All else that can go wrong with data at hand has been looked for.
                Err(_) => return Err(Rule::Boundary),
            }
        } else {
            Plans::Open(Box::new(Draft {
                utf8: (needs_utf8 || self.0.utf8).then(|| head(true, 0)),
                ascii: (!needs_utf8).then(|| head(false, 0)),
                body: body.clone(),
                random: stamp.part_random(),
                most: self.0.most,
                plans: Mutex::default(),
            }))
        };
        self.0.first = None;
        if let Some(resent) = self.0.resent.pop() {
            self.0.parties = resent.into_parties();
        }
        let (given, recipients) = (self.0, OnceLock::new());
        Ok(Message(Arc::new(Inner { plans, sender, given, recipients, message_id, depth, needs_utf8 })))
    }

    /// The header section up to the fields of the body, with room for more behind it.
    fn head(&self, message_id: &MessageId, date: Date, stamp: &Stamp, utf8: bool, room: usize) -> Vec<u8> {
        let mut head = Vec::with_capacity(room + 600);
        let out = &mut head;
        for resent in self.0.resent.iter().rev() {
            resent.write(out, stamp, utf8);
        }
        out.extend_from_slice(b"Date: ");
        date.write(out);
        out.extend_from_slice(b"\r\n");
        mailboxes(out, "From", &self.0.parties.from, utf8);
        if let Some(sender) = &self.0.parties.sender {
            mailbox(out, "Sender", sender, utf8);
        }
        mailboxes(out, "Reply-To", &self.0.reply_to, utf8);
        mailboxes(out, "To", &self.0.parties.to, utf8);
        mailboxes(out, "Cc", &self.0.parties.cc, utf8);
        if let Some(subject) = &self.0.subject {
            let mut field = FieldWriter::new(out, "Subject", utf8);
            field.unstructured(subject, true);
            field.end();
        }
        token(out, "Message-ID", message_id.as_str());
        ids(out, "In-Reply-To", &self.0.in_reply_to);
        ids(out, "References", &self.0.references);
        self.0.others.iter().for_each(|other| other.write(out, utf8));
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        head
    }

    #[cold]
    pub(super) fn problem(&mut self, field: &str, rule: Rule) {
        self.0.problems.add("", field, rule);
    }

    pub(super) fn mailbox<M>(&mut self, field: &str, mailbox: M) -> Option<Mailbox>
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        mailbox.try_into().map_err(|error| self.problem(field, Rule::Mailbox(error.into()))).ok()
    }

    /// Puts a mailbox into its list, with as few moves as can be.
    #[inline]
    fn add<M>(mut self, field: &str, mailbox: M, list: impl FnOnce(&mut Given) -> &mut MailboxList) -> Self
    where
        M: TryInto<Mailbox>,
        MailboxError: From<M::Error>,
    {
        match mailbox.try_into() {
            Ok(mailbox) => list(&mut self.0).push(mailbox),
            Err(error) => self.problem(field, Rule::Mailbox(error.into())),
        }
        self
    }

    fn list<L>(&mut self, field: &str, list: L) -> Option<MailboxList>
    where
        L: TryInto<MailboxList>,
        MailboxError: From<L::Error>,
    {
        list.try_into().map_err(|error| self.problem(field, Rule::Mailbox(error.into()))).ok()
    }

    fn id<I>(&mut self, field: &str, id: I) -> Option<MessageId>
    where
        I: TryInto<MessageId>,
        MessageIdError: From<I::Error>,
    {
        id.try_into().map_err(|error| self.problem(field, Rule::MessageId(error.into()))).ok()
    }
}

pub(super) fn token(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut field = FieldWriter::new(out, name, false);
    field.token(value);
    field.end();
}

pub(super) fn mailbox(out: &mut Vec<u8>, name: &str, mailbox: &Mailbox, utf8: bool) {
    let mut field = FieldWriter::new(out, name, utf8);
    mailbox.write(&mut field);
    field.end();
}

pub(super) fn mailboxes(out: &mut Vec<u8>, name: &str, list: &MailboxList, utf8: bool) {
    if !list.is_empty() {
        let mut field = FieldWriter::new(out, name, utf8);
        list.write(&mut field);
        field.end();
    }
}

fn ids(out: &mut Vec<u8>, name: &str, ids: &[MessageId]) {
    if !ids.is_empty() {
        let mut field = FieldWriter::new(out, name, false);
        ids.iter().for_each(|id| field.token(id.as_str()));
        field.end();
    }
}

impl fmt::Debug for MessageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageBuilder")
            .field("from", &self.0.parties.from)
            .field("to", &self.0.parties.to)
            .field("cc", &self.0.parties.cc)
            .field("bcc", &self.0.parties.bcc)
            .field("parts", &self.0.first.iter().chain(&self.0.more).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
