//! What is wrong with a message that was to be built: all of it, field by field.

use std::fmt;

use smtp_proto::escape::Escaped;

use crate::header::NAME_LIMIT;
use crate::{ContentTypeError, DateError, MailboxError, MessageIdError, TransferEncoding};

/// Why a message was not built.
///
/// ```
/// use smtp_message::{Message, Rule, Stamp};
/// # use std::time::Duration;
/// # let stamp = Stamp { unix_time: Duration::ZERO, random: [0; 32] };
///
/// let error = Message::builder().to("nobody").subject("a\r\nBcc: x@example.com").build(&stamp).unwrap_err();
/// let fields: Vec<&str> = error.problems().iter().map(|problem| problem.field()).collect();
/// assert_eq!(fields, ["To", "Subject", "From"]);
/// assert_eq!(error.problems()[1].rule(), &Rule::Control { at: 1 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BuildError {
    pub(super) problems: Vec<Problem>,
}

impl BuildError {
    /// Notes what is wrong with a field of a part; the place of a part is how its parent counts, such as `2.1`.
    #[cold]
    pub(crate) fn add(&mut self, place: &str, field: &str, rule: Rule) {
        // Of a name that is far too long the beginning will do.
        let field = Escaped(&field.as_bytes()[..field.len().min(NAME_LIMIT)]);
        let field = match place {
            "" => field.to_string(),
            place => format!("part {place}: {field}"),
        };
        self.problems.push(Problem { field, rule });
    }

    /// Everything that is wrong: what was noticed as it was given first, what is missing last.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// One thing that is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) field: String,
    pub(super) rule: Rule,
}

impl Problem {
    /// The name of the field, with what is not printable escaped.  If it is one of a part, the part stands before it:
    /// `part 2.1: Content-Type` is about the first part of the second part of the body.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The rule that is broken.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }
}

/// A rule for messages (RFC 5322 section 3.6).  Positions are octets from the start of what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The field is needed.
    Missing,
    /// There must be a recipient in To, Cc or Bcc, or [`undisclosed_recipients`] called.
    ///
    /// [`undisclosed_recipients`]: crate::MessageBuilder::undisclosed_recipients
    NoRecipient,
    /// There are several authors in From, so that Sender is needed.
    SeveralAuthors,
    /// The field or the body was given more than once.
    Repeated,
    /// The field is written from what other methods of the builder are given.
    OwnMethod,
    /// The name of the field is empty.
    EmptyName,
    /// The name of the field has a character that is not printable ASCII, or a colon.
    Name {
        /// Where.
        at: usize,
    },
    /// The name of the field has more than 76 octets.
    LongName,
    /// The name of the field is not on the list of those that are allowed.
    NotAllowed,
    /// There is nothing in it where something has to be.
    Nothing,
    /// It is not a word of printable ASCII without special characters (RFC 2045 section 5.1).
    Token,
    /// It is not a URI of a scheme that the field takes, in printable ASCII without spaces and `<>",`.
    Uri,
    /// It is not a media type.
    ContentType(ContentTypeError),
    /// Parts are in each other more than 50 deep.
    TooDeep,
    /// The data of the part does not fit the transfer encoding that is asked for, or the only one that its type may have.
    Encoding(TransferEncoding),
    /// Whatever boundary is made of the stamp's randomness, it occurs in a part: that randomness was known before.
    Boundary,
    /// The part is sent as it was made elsewhere, with the fields that it has.
    ReadyMade,
    /// Text that was given as such is UTF-8, and goes under no other name.
    Utf8,
    /// It is to be sent as it is, and has a CR or LF that is not part of a CRLF.
    BareLineEnd {
        /// Where.
        at: usize,
    },
    /// It is to be sent as it is, and has a line of more than 998 octets.
    LongLine {
        /// Its number, the first being 1.
        line: usize,
        /// Octets of it.
        length: usize,
    },
    /// A line is neither a field nor the continuation of one.
    NoField {
        /// Its number, the first being 1.
        line: usize,
    },
    /// The value has a control character or a line separator.
    Control {
        /// Where.
        at: usize,
    },
    /// The value of the field is for programs: it is for [`header_raw`](crate::MessageBuilder::header_raw).
    Structured,
    /// The value is to be written as it is, and is not ASCII.
    NotAscii {
        /// Where.
        at: usize,
    },
    /// The headers of an entity that is to be sent as it is have octets above 127 that are not UTF-8.
    NotUtf8 {
        /// Where.
        at: usize,
    },
    /// The value is to be written as it is, and is empty or has white space at an end.
    OuterSpace,
    /// The value is to be written as it is, and has a word that no line of 998 octets holds.
    LongWord {
        /// Where, with the white space in front.
        at: usize,
    },
    /// An address has no domain (`postmaster`), which is for envelopes only.
    NoDomain,
    /// Below the fields of the passing on are others of the kind, from which they could not be told.
    AmbiguousResent,
    /// It is not a mailbox.
    Mailbox(MailboxError),
    /// It is not a message identifier.
    MessageId(MessageIdError),
    /// It is not a date that can be written.
    Date(DateError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message cannot be built: ")?;
        for (i, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if i > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::NoRecipient => "no recipient in To, Cc or Bcc",
            Self::SeveralAuthors => "missing although there are several authors in From",
            Self::Repeated => "given more than once",
            Self::OwnMethod => "cannot be set by its name, there are methods for what it says",
            Self::EmptyName => "the field's name is empty",
            Self::Name { at } => {
                return write!(f, "character that a field's name may not have, at octet {at}");
            }
            Self::LongName => "the field's name has more than 76 octets",
            Self::NotAllowed => "the field's name is not among those that are allowed",
            Self::Nothing => "empty",
            Self::Token => "not a word of printable ASCII without special characters",
            Self::Uri => "not a URI that the field takes",
            Self::ContentType(error) => return error.fmt(f),
            Self::TooDeep => "parts are in each other more than 50 deep",
            Self::Encoding(encoding) => {
                return write!(f, "the data does not fit the transfer encoding {}", encoding.name());
            }
            Self::Boundary => "every boundary that can be made occurs in a part",
            Self::ReadyMade => "the part is sent as it was made, with the fields that it has",
            Self::Utf8 => "another character set is said of text that is UTF-8",
            Self::BareLineEnd { at } => {
                return write!(f, "CR or LF that is not part of a CRLF, at octet {at}");
            }
            Self::LongLine { line, length } => return write!(f, "line {line} has {length} octets"),
            Self::NoField { line } => return write!(f, "line {line} is no field"),
            Self::Control { at } => return write!(f, "control character at octet {at}"),
            Self::Structured => "the value is for programs, and must be given as it is to be written",
            Self::NotAscii { at } => return write!(f, "not ASCII at octet {at}"),
            Self::NotUtf8 { at } => return write!(f, "not UTF-8 at octet {at}"),
            Self::OuterSpace => "empty, or white space at an end",
            Self::LongWord { at } => return write!(f, "a word at octet {at} is too long for a line"),
            Self::AmbiguousResent => "cannot be told from the Resent fields below",
            Self::NoDomain => "an address without a domain",
            Self::Mailbox(error) => return error.fmt(f),
            Self::MessageId(error) => return error.fmt(f),
            Self::Date(error) => return error.fmt(f),
        })
    }
}
