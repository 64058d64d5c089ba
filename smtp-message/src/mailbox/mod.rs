//! Mailboxes, groups and lists of them as headers have them (RFC 5322 section 3.4, RFC 6532).
//!
//! Display names are plain Unicode text here: RFC 2047 is applied when a message is written, and what looks like an
//! encoded word in a name stays what it is.

mod parser;

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;

use smtp_proto::escape::Snippet;
use smtp_proto::{Address, AddressError};

use crate::header::{FieldWriter, find_forbidden, is_printable};
use parser::{Entry, Mode};

/// An address with a display name or without.
///
/// ```
/// use smtp_message::Mailbox;
///
/// let mailbox: Mailbox = "\"Doe, John\" <john@example.org>".parse()?;
/// assert_eq!(mailbox.name(), Some("Doe, John"));
/// assert_eq!(mailbox.address().to_string(), "john@example.org");
/// // Where the name comes from somebody else there is nothing to quote and nothing to inject:
/// let same = Mailbox::try_from(("Doe, John", "john@example.org"))?;
/// assert_eq!(same, mailbox);
/// # Ok::<(), smtp_message::MailboxError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mailbox {
    name: Option<CompactString>,
    address: Address,
}

/// Why a text is not a mailbox or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailboxError {
    /// There is no mailbox in it.
    Empty,
    /// It has a control character or a line separator.
    Control {
        /// Octets before it.
        at: usize,
        /// The beginning of the text.
        input: Snippet,
    },
    /// It does not follow the grammar, or something comes after a single mailbox.
    Syntax {
        /// Octets before the place.
        at: usize,
        /// The beginning of the text.
        input: Snippet,
    },
    /// A group has no name.
    NoGroupName,
    /// The address in it is not one.
    Address(AddressError),
}

impl Mailbox {
    /// A mailbox with a display name; an empty name is none.
    ///
    /// # Errors
    /// [`MailboxError::Control`] if the name has a control character, TAB included.
    pub fn new(name: impl Into<String>, address: Address) -> Result<Self, MailboxError> {
        Self::named(&name.into(), Ok(address))
    }

    /// What is wrong with the address is told first.  But it is moved last, for what has just been written is slow to move.
    #[inline]
    fn named(name: &str, address: Result<Address, AddressError>) -> Result<Self, MailboxError> {
        if let Err(error) = check_name(name) {
            return Err(address.err().map_or(error, MailboxError::from));
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.into()), address: address? })
    }

    /// The display name, as people read it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn write(&self, field: &mut FieldWriter<'_>) {
        if let Some(name) = &self.name {
            field.phrase(name);
        }
        field.address(&self.address, self.name.is_some());
    }
}

/// A display name, of a mailbox or a group, has no control character.
fn check_name(name: &str) -> Result<(), MailboxError> {
    if !is_printable(name)
        && let Some(at) = find_forbidden(name).or_else(|| name.find('\t'))
    {
        return Err(MailboxError::Control { at, input: Snippet::new(name.as_bytes()) });
    }
    Ok(())
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    /// Parses exactly one mailbox: `john@example.org`, `John <john@example.org>`, `john@example.org (John)`.
    ///
    /// Comments are skipped, except that one behind a bare address is its name, as it was before display names.
    fn from_str(text: &str) -> Result<Self, MailboxError> {
        match parser::parse(text, Mode::Single)?.pop() {
            Some(Entry::Mailbox(mailbox)) => Ok(mailbox),
            _ => Err(MailboxError::Empty),
        }
    }
}

impl TryFrom<&str> for Mailbox {
    type Error = MailboxError;

    fn try_from(text: &str) -> Result<Self, MailboxError> {
        text.parse()
    }
}

impl TryFrom<String> for Mailbox {
    type Error = MailboxError;

    fn try_from(text: String) -> Result<Self, MailboxError> {
        text.parse()
    }
}

impl TryFrom<&String> for Mailbox {
    type Error = MailboxError;

    fn try_from(text: &String) -> Result<Self, MailboxError> {
        text.parse()
    }
}

impl TryFrom<(&str, &str)> for Mailbox {
    type Error = MailboxError;

    /// A display name, taken as it is, and an address.
    fn try_from((name, address): (&str, &str)) -> Result<Self, MailboxError> {
        Self::named(name, address.parse())
    }
}

impl TryFrom<(String, String)> for Mailbox {
    type Error = MailboxError;

    /// A display name, taken as it is, and an address.
    fn try_from((name, address): (String, String)) -> Result<Self, MailboxError> {
        Self::named(&name, address.parse())
    }
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Self {
        Self { name: None, address }
    }
}

impl fmt::Display for Mailbox {
    /// Writes it for people and for [`FromStr`], in Unicode and without folding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} <{}>", parser::display_phrase(name), self.address),
            None => self.address.fmt(f),
        }
    }
}

/// Mailboxes and groups of them, in order.
///
/// ```
/// use smtp_message::MailboxList;
///
/// let list: MailboxList = "a@example.org, Team: \"B, C\" <bc@example.org>, d@example.org;".parse()?;
/// assert_eq!(list.mailboxes().count(), 3);
/// assert_eq!(list.to_string(), "a@example.org, Team: \"B, C\" <bc@example.org>, d@example.org;");
/// # Ok::<(), smtp_message::MailboxError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct MailboxList(Entries);

/// Most lists have one entry at most, which needs no memory of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
enum Entries {
    #[default]
    None,
    One(Entry),
    /// Two or more.
    Several(Vec<Entry>),
}

/// What stands between the commas of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxEntry<'a> {
    /// A mailbox by itself.
    Mailbox(&'a Mailbox),
    /// Mailboxes under a name, of which there need not be any.
    Group {
        /// The name, as people read it.
        name: &'a str,
        /// The mailboxes.
        members: &'a [Mailbox],
    },
}

/// What the mailboxes of a list are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kinds {
    pub(crate) count: usize,
    /// One of them is `postmaster` alone.
    pub(crate) lacks_domain: bool,
    /// One of them can be written in UTF-8 only.
    pub(crate) needs_utf8: bool,
}

impl MailboxList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a mailbox at the end.
    pub fn push(&mut self, mailbox: Mailbox) {
        self.add(Entry::Mailbox(mailbox));
    }

    #[inline]
    fn add(&mut self, entry: Entry) {
        match &mut self.0 {
            Entries::None => self.0 = Entries::One(entry),
            Entries::Several(entries) => entries.push(entry),
            Entries::One(_) => {
                if let Entries::One(first) = std::mem::take(&mut self.0) {
                    self.0 = Entries::Several(vec![first, entry]);
                }
            }
        }
    }

    fn all(&self) -> &[Entry] {
        match &self.0 {
            Entries::None => &[],
            Entries::One(entry) => std::slice::from_ref(entry),
            Entries::Several(entries) => entries,
        }
    }

    fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut list = Self::default();
        entries.into_iter().for_each(|entry| list.add(entry));
        list
    }

    /// Adds a group at the end, with these mailboxes or none (RFC 5322 section 3.4).
    ///
    /// ```
    /// use smtp_message::{MailboxEntry, MailboxList};
    ///
    /// let mut list: MailboxList = "a@example.org".parse()?;
    /// list.push_group("Team, all of it", ["b@example.org".parse()?])?;
    /// assert_eq!(list.to_string(), "a@example.org, \"Team, all of it\": b@example.org;");
    /// assert!(matches!(list.entries().last(), Some(MailboxEntry::Group { name: "Team, all of it", members: [_] })));
    /// # Ok::<(), smtp_message::MailboxError>(())
    /// ```
    ///
    /// # Errors
    /// [`MailboxError::NoGroupName`], or [`MailboxError::Control`] if the name has a control character, TAB included.
    pub fn push_group(
        &mut self,
        name: impl Into<String>,
        members: impl IntoIterator<Item = Mailbox>,
    ) -> Result<(), MailboxError> {
        let name = name.into();
        check_name(&name)?;
        if name.is_empty() {
            return Err(MailboxError::NoGroupName);
        }
        self.add(Entry::Group(name, members.into_iter().collect()));
        Ok(())
    }

    /// Mailboxes and groups, in order.
    pub fn entries(&self) -> impl Iterator<Item = MailboxEntry<'_>> {
        self.all().iter().map(|entry| match entry {
            Entry::Mailbox(mailbox) => MailboxEntry::Mailbox(mailbox),
            Entry::Group(name, members) => MailboxEntry::Group { name, members },
        })
    }

    /// Adds all of another list at the end.
    pub fn append(&mut self, other: Self) {
        match other.0 {
            Entries::None => {}
            Entries::One(entry) => self.add(entry),
            Entries::Several(entries) => entries.into_iter().for_each(|entry| self.add(entry)),
        }
    }

    /// All mailboxes, those in groups too.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.all().iter().flat_map(|entry| match entry {
            Entry::Mailbox(mailbox) => std::slice::from_ref(mailbox),
            Entry::Group(_, members) => members,
        })
    }

    /// What its mailboxes are.
    #[inline(never)] // one copy for all lists: what makes a message is to fit into the closest cache
    pub(crate) fn kinds(&self) -> Kinds {
        let mut kinds = Kinds::default();
        let mut look = |mailbox: &Mailbox| {
            kinds.count += 1;
            kinds.lacks_domain |= mailbox.address().host().is_none();
            kinds.needs_utf8 |= !mailbox.address().is_ascii();
        };
        for entry in self.all() {
            match entry {
                Entry::Mailbox(mailbox) => look(mailbox),
                Entry::Group(_, members) => members.iter().for_each(&mut look),
            }
        }
        kinds
    }

    /// Whether there is neither a mailbox nor a group.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Reads the value of a header that another program wrote: source routes are dropped, and an empty group may lack
    /// its semicolon.
    pub(crate) fn from_header(text: &str) -> Result<Self, MailboxError> {
        parser::parse(text, Mode::Header).map(Self::of)
    }

    /// A group that has a name and no members (RFC 5322 section 3.4).
    pub(crate) fn undisclosed() -> Self {
        Self::of([Entry::Group("undisclosed-recipients".into(), Vec::new())])
    }

    pub(crate) fn write(&self, field: &mut FieldWriter<'_>) {
        for (i, entry) in self.all().iter().enumerate() {
            if i > 0 {
                field.glue(",");
            }
            match entry {
                Entry::Mailbox(mailbox) => mailbox.write(field),
                Entry::Group(name, members) => {
                    let encoded = field.phrase(name);
                    if encoded {
                        field.token(":");
                    } else {
                        field.glue(":");
                    }
                    for (i, member) in members.iter().enumerate() {
                        if i > 0 {
                            field.glue(",");
                        }
                        member.write(field);
                    }
                    field.glue(";");
                }
            }
        }
    }
}

impl FromStr for MailboxList {
    type Err = MailboxError;

    /// Parses a list separated by commas, which may have groups and may be empty.
    fn from_str(text: &str) -> Result<Self, MailboxError> {
        parser::parse(text, Mode::List).map(Self::of)
    }
}

impl TryFrom<&str> for MailboxList {
    type Error = MailboxError;

    fn try_from(text: &str) -> Result<Self, MailboxError> {
        text.parse()
    }
}

impl TryFrom<String> for MailboxList {
    type Error = MailboxError;

    fn try_from(text: String) -> Result<Self, MailboxError> {
        text.parse()
    }
}

impl TryFrom<&String> for MailboxList {
    type Error = MailboxError;

    fn try_from(text: &String) -> Result<Self, MailboxError> {
        text.parse()
    }
}

impl FromIterator<Mailbox> for MailboxList {
    fn from_iter<I: IntoIterator<Item = Mailbox>>(mailboxes: I) -> Self {
        Self::of(mailboxes.into_iter().map(Entry::Mailbox))
    }
}

impl fmt::Display for MailboxList {
    /// Writes it for people and for [`FromStr`], in Unicode and without folding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, entry) in self.all().iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            match entry {
                Entry::Mailbox(mailbox) => mailbox.fmt(f)?,
                Entry::Group(name, members) => {
                    write!(f, "{}:", parser::display_phrase(name))?;
                    for (i, member) in members.iter().enumerate() {
                        write!(f, "{}{member}", if i > 0 { ", " } else { " " })?;
                    }
                    f.write_str(";")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no mailbox"),
            Self::Control { at, input } => write!(f, "mailbox {input}: control character at octet {at}"),
            Self::Syntax { at, input } => write!(f, "mailbox {input}: not well-formed at octet {at}"),
            Self::NoGroupName => f.write_str("a group without a name"),
            Self::Address(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MailboxError {}

impl From<AddressError> for MailboxError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl From<std::convert::Infallible> for MailboxError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
