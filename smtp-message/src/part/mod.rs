//! Parts: what the body of a message consists of (RFC 2045, RFC 2046, RFC 2183, RFC 2387).
//!
//! A part is data with a media type, a multipart of other parts, a message, or an entity that was made elsewhere.  Nothing
//! is read and no encoding is chosen before the message is looked at.

mod data;
mod encoding;
mod flowed;
mod guess;
mod leaf;
mod scan;
mod status;
mod sum;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use memchr::memchr;

pub use data::{Data, Spool};
pub use encoding::TransferEncoding;
pub(crate) use leaf::{Encoded, Leaf, LeafChunks};
pub(crate) use scan::{MARKER, Scan};

use crate::header::{
    ContentType, ContentTypeError, FieldWriter, HeaderValue, Other, Value, find_forbidden, is_attribute,
    is_token, name_problem, value_problem,
};
use crate::line_ends::{find_bare, find_long_line};
use crate::message::{Boundaries, BuildError, Plan, Rule};
use crate::raw::{Field, fields};
use crate::{ContentError, Message, MessageId, MessageIdError, RawMessage, Stamp};

/// A message whose headers are UTF-8.
pub(crate) const GLOBAL: &str = "message/global";

/// Messages for programs that are 7-bit as they are: no encoding may hide anything of them (RFC 2046 section 5.2, RFC 3464
/// section 2.1, RFC 3886 section 3, RFC 5965 section 7.1, RFC 8098 section 3.1).
const SEVEN_BIT: [&str; 6] = [
    "message/partial",
    "message/external-body",
    "message/delivery-status",
    "message/tracking-status",
    "message/feedback-report",
    "message/disposition-notification",
];

/// So deep may parts be in each other.
pub(crate) const MAX_DEPTH: u8 = 50;

/// A part of a message's body.
///
/// Like a builder it takes whatever it is given; what is wrong comes out of [`MessageBuilder::build`].
///
/// ```
/// use smtp_message::{Data, Message, Part};
///
/// let builder = Message::builder()
///     .text("See the picture.\n")
///     .html("<p>See <img src=\"cid:logo\"></p>")
///     .embed(Part::inline("logo", "logo.png", &b"\x89PNG..."[..]))
///     .attach(Part::attachment("Prüfung.pdf", Data::file("/srv/report.pdf")))
///     .attach(Part::new("text/csv; charset=utf-8", "a,b\r\n").name("table.csv"));
/// ```
///
/// [`MessageBuilder::build`]: crate::MessageBuilder::build
#[must_use]
#[derive(Clone)]
pub struct Part {
    pub(crate) node: Node,
    pub(crate) content_type: ContentType,
    encoding: Option<TransferEncoding>,
    /// The type is guessed from the name.
    guessed: bool,
    depth: u8,
    /// What most parts have nothing of.
    more: Option<Box<More>>,
}

#[derive(Clone, Default)]
struct More {
    disposition: Option<Disposition>,
    name: Option<String>,
    id: Option<MessageId>,
    others: Vec<Other>,
    problems: Vec<(String, Rule)>,
}

/// What a part is.
#[derive(Clone)]
pub(crate) enum Node {
    Leaf(Leaf),
    Multipart(Vec<Part>),
    Message(Message),
    Raw(Box<RawMessage>),
    /// Fields and body of an entity that was made elsewhere.
    Entity(Bytes),
}

/// What a part is for (RFC 2183 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// It is shown with the message.
    Inline,
    /// It is opened or saved by the reader.
    Attachment,
}

impl Part {
    #[inline]
    pub(crate) fn with(node: Node, content_type: ContentType) -> Self {
        Self { node, content_type, encoding: None, guessed: false, depth: 1, more: None }
    }

    fn leaf(data: impl Into<Data>, content_type: ContentType) -> Self {
        Self::with(Node::Leaf(Leaf::new(data.into())), content_type)
    }

    /// Plain text with line ends of any kind.
    pub fn text(text: impl Into<String>) -> Self {
        Self::with(Node::Leaf(Leaf::text(text.into())), ContentType::PLAIN)
    }

    /// HTML with line ends of any kind.
    pub fn html(html: impl Into<String>) -> Self {
        Self::with(Node::Leaf(Leaf::text(html.into())), ContentType::HTML)
    }

    /// Plain text whose paragraphs, each a line however long, are wrapped so that the reader's program can unwrap them
    /// (format=flowed, RFC 3676).
    ///
    /// Spaces at the ends of lines are dropped, for they would say that the line goes on; `>` at the start of a line is a
    /// quote mark, and is repeated in each line that the quoted paragraph becomes.  Behind more than 47 of them nothing is
    /// wrapped.
    pub fn flowed(text: &str) -> Self {
        let mut content_type = ContentType::PLAIN;
        content_type.push("format", "flowed".into());
        Self::leaf(flowed::wrap(text), content_type)
    }

    /// Data of any type, which is neither text to be shown nor attached until [`disposition`](Self::disposition) or
    /// [`name`](Self::name) says so.  The data is never changed.  If it is text, the type says its `charset`; if it does not,
    /// and the data is UTF-8, that is said.
    pub fn new<T>(content_type: T, data: impl Into<Data>) -> Self
    where
        T: TryInto<ContentType>,
        ContentTypeError: From<T::Error>,
    {
        let part = Self::leaf(data, ContentType::fixed("application/octet-stream"));
        part.content_type(content_type)
    }

    /// An attachment, whose type is guessed from its name; text in another character set than UTF-8 is just data
    /// (`application/octet-stream`), for it could not be shown rightly.
    pub fn attachment(name: impl Into<String>, data: impl Into<Data>) -> Self {
        let name = name.into();
        let mut part = Self::leaf(data, guess::guess(&name));
        part.guessed = true;
        part.name(name)
    }

    /// A file as attachment, by the last part of its path.
    pub fn file(path: impl Into<std::path::PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::attachment(name, Data::file(path))
    }

    /// What an HTML part shows by `cid:id`, such as an image; its type is guessed from its name.
    pub fn inline(id: &str, name: impl Into<String>, data: impl Into<Data>) -> Self {
        Self::attachment(name, data).disposition(Disposition::Inline).id(id)
    }

    /// A calendar object, such as an invitation with the method `REQUEST` (RFC 6047 section 2.4): an
    /// [`alternative`](crate::MessageBuilder::alternative) to the text.
    pub fn calendar(method: &str, text: impl Into<String>) -> Self {
        let mut content_type = ContentType::text("text/calendar");
        content_type.push("method", method.to_ascii_uppercase());
        let mut part = Self::with(Node::Leaf(Leaf::text(text.into())), content_type);
        if !is_token(method) {
            part.problem("method", Rule::Token);
        }
        part
    }

    /// A message of ours inside of another (`message/rfc822`, RFC 2046 section 5.2.1), such as one that is forwarded.
    pub fn message(message: &Message) -> Self {
        let mut part = Self::with(Node::Message(message.clone()), ContentType::fixed("message/rfc822"));
        part.deepen(message.depth());
        part
    }

    /// A ready-made message inside of another (`message/rfc822`).
    pub fn raw_message(message: &RawMessage) -> Self {
        Self::with(Node::Raw(Box::new(message.clone())), ContentType::fixed("message/rfc822"))
    }

    /// An entity that was made elsewhere, fields and body, such as a part that has been signed.  It is sent exactly as
    /// it is, and so has to be lines with CRLF, of at most 998 octets and without NUL.  If its fields are not ASCII they have
    /// to be UTF-8, and the message needs a server with SMTPUTF8.
    pub fn entity(entity: impl Into<Bytes>) -> Self {
        let entity = entity.into();
        let rule = if let Some(at) = find_bare(&entity) {
            Some(Rule::BareLineEnd { at })
        } else if let Some(at) = memchr(0, &entity) {
            Some(Rule::Control { at })
        } else if let Some((line, length)) = find_long_line(&entity) {
            Some(Rule::LongLine { line, length })
        } else {
            match fields(&entity) {
                Err(line) => Some(Rule::NoField { line }),
                // Without an empty line the boundary behind it would stand among the fields.
                Ok((_, [])) => Some(Rule::Missing),
                Ok((_, rest)) => {
                    let head = &entity[..entity.len() - rest.len()];
                    std::str::from_utf8(head).err().map(|error| Rule::NotUtf8 { at: error.valid_up_to() })
                }
            }
        };
        let mut part = Self::with(Node::Entity(entity), ContentType::fixed("application/octet-stream"));
        if let Some(rule) = rule {
            part.node = Node::Entity(Bytes::from_static(b"\r\n"));
            part.problem("entity", rule);
        }
        part
    }

    /// What became of a message, for programs (`message/delivery-status`, RFC 3464 section 2.1): groups of fields with
    /// empty lines between them, the first group about the message and each other about a recipient.  They are ASCII, and
    /// sent as they are but for fields that are too long for a line, which are folded.
    pub fn delivery_status(groups: impl Into<String>) -> Self {
        let (text, rule) = match status::lines(groups.into()) {
            Ok(text) => (text, None),
            Err(rule) => (Vec::new(), Some(rule)),
        };
        let mut part = Self::leaf(text, ContentType::fixed("message/delivery-status"));
        if let Some(rule) = rule {
            part.problem("delivery status", rule);
        }
        part
    }

    /// Parts in one after the other.
    pub fn mixed(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::multipart("mixed", parts)
    }

    /// Parts that say the same, the plainest first.
    pub fn alternative(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::multipart("alternative", parts)
    }

    /// A part and what it refers to (RFC 2387).
    pub fn related(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut part = Self::multipart("related", parts);
        if let Node::Multipart(parts) = &part.node
            && let Some(first) = parts.first()
            && !matches!(first.node, Node::Entity(_))
        {
            let first = first.content_type.media().to_owned();
            part.content_type.push("type", first);
        }
        part
    }

    /// Something that is signed, and its signature (`multipart/signed`, RFC 1847 section 2.1).  The signature is of the
    /// exact bytes of the first part, and so that is an [`entity`](Self::entity); [`to_bytes`](Self::to_bytes) makes one.
    ///
    /// The protocol is the media type of the signature, the algorithm is named as the protocol says, such as
    /// `pgp-sha256` or `sha-256`.
    pub fn signed(algorithm: &str, content: impl Into<Bytes>, signature: Part) -> Self {
        let protocol = signature.content_type.media().to_owned();
        let mut part = Self::multipart("signed", [Self::entity(content), signature]);
        part.content_type.push("protocol", protocol);
        part.content_type.push("micalg", algorithm.to_owned());
        if !is_token(algorithm) {
            part.problem("micalg", Rule::Token);
        }
        part
    }

    /// Something that is encrypted (`multipart/encrypted`, RFC 1847 section 2.2): what the recipient has to know to
    /// decrypt it, whose media type is the protocol, and the data.
    ///
    /// ```
    /// use smtp_message::Part;
    ///
    /// let part = Part::encrypted(
    ///     Part::new("application/pgp-encrypted", "Version: 1\r\n"),
    ///     Part::new("application/octet-stream", "-----BEGIN PGP MESSAGE-----\r\n..."),
    /// );
    /// ```
    pub fn encrypted(control: Part, data: Part) -> Self {
        let protocol = control.content_type.media().to_owned();
        let mut part = Self::multipart("encrypted", [control, data]);
        part.content_type.push("protocol", protocol);
        part
    }

    /// A report (RFC 6522): a text for people, one for programs, whose media type without `message/` is the type of the
    /// report, and the message that it is about or its headers.
    pub fn report(text: Part, status: Part, about: Option<Part>) -> Self {
        let media = status.content_type.media();
        let kind = media.split_once('/').map_or(media, |(_, subtype)| subtype).to_owned();
        let mut part = Self::multipart("report", [text, status].into_iter().chain(about));
        part.content_type.push("report-type", kind);
        part
    }

    /// A multipart of any subtype, such as `digest`.
    pub fn multipart(subtype: &str, parts: impl IntoIterator<Item = Part>) -> Self {
        let mut parts: Vec<Part> = parts.into_iter().collect();
        let depth = parts.iter().map(|part| part.depth).max().unwrap_or(0);
        if depth >= MAX_DEPTH {
            // They are not kept, so that nothing gets deeper than can be gone through.
            parts.clear();
        }
        let too_few = parts.is_empty() && depth < MAX_DEPTH;
        let content_type = ContentType::new(&format!("multipart/{subtype}"));
        let mut part = Self::with(Node::Multipart(parts), ContentType::fixed("multipart/mixed"));
        part.deepen(depth);
        match content_type {
            Ok(content_type) => part.content_type = content_type,
            Err(error) => part.problem("Content-Type", Rule::ContentType(error)),
        }
        if too_few {
            part.problem("Content-Type", Rule::Nothing);
        }
        part
    }

    /// Sets the media type instead of the one that it has.  Parameters are all of this type, except that text of
    /// [`text`](Self::text) and its like stays UTF-8: no other `charset` can be said, but `us-ascii` if it is.
    pub fn content_type<T>(mut self, content_type: T) -> Self
    where
        T: TryInto<ContentType>,
        ContentTypeError: From<T::Error>,
    {
        match content_type.try_into() {
            // These are made of parts, and cannot be encoded.
            Ok(content_type)
                if !matches!(self.node, Node::Leaf(_))
                    || content_type.is_of("multipart/")
                    || content_type.is("message/rfc822") =>
            {
                self.problem("Content-Type", Rule::OwnMethod);
            }
            Ok(content_type) if self.content_type.is_utf8() && !self.is_in(&content_type) => {
                self.problem("Content-Type", Rule::Utf8);
            }
            Ok(content_type) => {
                let utf8 = self.content_type.is_utf8() && content_type.lacks_charset();
                self.content_type = if utf8 { content_type.in_utf8() } else { content_type };
                self.guessed = false;
            }
            Err(error) => self.problem("Content-Type", Rule::ContentType(error.into())),
        }
        self
    }

    /// Adds a parameter to the media type.
    pub fn param(mut self, name: &str, value: impl Into<String>) -> Self {
        if name.eq_ignore_ascii_case("boundary") || name.eq_ignore_ascii_case("name") || !is_attribute(name) {
            let rule = if is_attribute(name) { Rule::OwnMethod } else { Rule::Token };
            self.problem("Content-Type", rule);
            return self;
        }
        match self.content_type.clone().with_param(name, value) {
            Ok(content_type) => self.content_type = content_type,
            Err(error) => self.problem("Content-Type", Rule::ContentType(error)),
        }
        self
    }

    /// Sets the name under which the reader's program offers to save it, and that it is an attachment if nothing else
    /// was said.  Any characters but controls will do; paths are the reader's business.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if let Some(at) = find_forbidden(&name).or_else(|| name.find('\t')) {
            self.problem("Content-Disposition", Rule::Control { at });
            return self;
        }
        let more = self.more();
        more.disposition.get_or_insert(Disposition::Attachment);
        more.name = Some(name);
        self
    }

    /// Sets what it is for.
    pub fn disposition(mut self, disposition: Disposition) -> Self {
        self.more().disposition = Some(disposition);
        self
    }

    /// Sets the identifier that `cid:` URLs refer to (RFC 2392), with or without angle brackets.
    pub fn id<I>(mut self, id: I) -> Self
    where
        I: TryInto<MessageId>,
        MessageIdError: From<I::Error>,
    {
        match id.try_into() {
            Ok(id) => self.more().id = Some(id),
            Err(error) => self.problem("Content-ID", Rule::MessageId(error.into())),
        }
        self
    }

    /// Sets a description for people.
    pub fn description(self, text: impl Into<String>) -> Self {
        self.header("Content-Description", text.into())
    }

    /// Adds any other field of the part; its name begins with `Content-`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        const OWN: [&str; 4] =
            ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"];
        // RFC 2045 section 8, RFC 3282 section 2, RFC 2557 section 4, RFC 1864 section 2, RFC 3803 section 2.
        const ONCE: [&str; 5] = [
            "Content-Description",
            "Content-Language",
            "Content-Location",
            "Content-MD5",
            "Content-Duration",
        ];
        let (name, value) = (name.into(), value.into());
        let is_among = |names: &[&str]| names.iter().any(|other| other.eq_ignore_ascii_case(&name));
        let (own, once) = (is_among(&OWN), is_among(&ONCE));
        let content = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"));
        let rule = name_problem(&name)
            .or((own || !content).then_some(Rule::OwnMethod))
            .or_else(|| value_problem(&name, &value))
            .or_else(|| (once && self.has(&name)).then_some(Rule::Repeated));
        match rule {
            Some(rule) => self.problem(&name, rule),
            None => {
                let (name, value) = (name.into(), Value::Given(value));
                self.more().others.push(Other { name, value, named: false });
            }
        }
        self
    }

    /// Sets the transfer encoding; the data has to fit it.  Without it the one is taken that fits the data best, but for
    /// messages to programs, such as `message/delivery-status`, which are always 7-bit.
    pub fn transfer_encoding(mut self, encoding: TransferEncoding) -> Self {
        if let Node::Leaf(_) = self.node {
            self.encoding = Some(encoding);
        } else {
            self.problem("Content-Transfer-Encoding", Rule::OwnMethod);
        }
        self
    }

    /// The octets of the part alone, fields and body, as they would stand in a message: 7-bit, unless an encoding was
    /// asked for that is not.  A signature is made over them, and they are sent as [`entity`](Self::entity).
    ///
    /// # Errors
    /// What is wrong with the part, and what keeps its data from being read.
    pub fn to_bytes(mut self, stamp: &Stamp) -> Result<Vec<u8>, PartError> {
        let mut problems = BuildError::default();
        self.take_problems("", &mut |place, field, rule| problems.add(place, field, rule));
        if !problems.problems().is_empty() {
            return Err(PartError::Build(problems));
        }
        let mut boundaries = Boundaries::new(stamp.part_random());
        let plan = Plan::of_part(&self, &mut boundaries).map_err(PartError::Content)?;
        plan.to_bytes().map_err(PartError::Content)
    }

    /// The only encoding that data of its type may have.
    fn content_type_encoding(&self) -> Option<TransferEncoding> {
        let of_messages = self.content_type.is_of("message/");
        let plain = of_messages && SEVEN_BIT.iter().any(|media| self.content_type.is(media));
        plain.then_some(TransferEncoding::SevenBit)
    }

    /// The encoding that must be taken.
    pub(crate) fn wanted_encoding(&self) -> Option<TransferEncoding> {
        self.content_type_encoding().or(self.encoding)
    }

    fn deepen(&mut self, inner: u8) {
        self.depth = inner.saturating_add(1);
        if self.depth > MAX_DEPTH {
            self.problem("Content-Type", Rule::TooDeep);
        }
    }

    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    /// Whether text that is UTF-8 is in the character set that a type says, if it says any.
    fn is_in(&self, content_type: &ContentType) -> bool {
        let is_ascii = |leaf: &Leaf| leaf.data.at_hand().is_some_and(|data| data.is_ascii());
        content_type.param("charset").is_none_or(|charset| {
            charset.eq_ignore_ascii_case("utf-8")
                || charset.eq_ignore_ascii_case("us-ascii")
                    && matches!(&self.node, Node::Leaf(leaf) if is_ascii(leaf))
        })
    }

    /// Whether a field of this name was added.
    fn has(&self, name: &str) -> bool {
        let others = self.more.as_ref().map_or(&[][..], |more| &more.others);
        others.iter().any(|other| other.name.eq_ignore_ascii_case(name))
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    #[cold]
    fn problem(&mut self, field: &str, rule: Rule) {
        self.more().problems.push((field.to_owned(), rule));
    }

    /// Notes all that is wrong, with where it is: `""` is the part itself, `1.2` the second part of its first part.
    pub(crate) fn take_problems(&mut self, place: &str, tell: &mut impl FnMut(&str, &str, Rule)) {
        let problems = self.more.as_mut().map(|more| std::mem::take(&mut more.problems));
        for (field, rule) in problems.unwrap_or_default() {
            tell(place, &field, rule);
        }
        let (asked, only) = (self.encoding, self.content_type_encoding());
        match &mut self.node {
            Node::Multipart(parts) => {
                for (i, part) in parts.iter_mut().enumerate() {
                    let dot = if place.is_empty() { "" } else { "." };
                    part.take_problems(&format!("{place}{dot}{}", i + 1), tell);
                }
            }
            Node::Leaf(leaf) => {
                if let (Some(encoding), Some(asked)) = (only, asked)
                    && encoding != asked
                {
                    return tell(place, "Content-Transfer-Encoding", Rule::Encoding(encoding));
                }
                // What is not at hand is looked at when its form is asked for.
                if let Some(encoding) = only.or(asked)
                    && leaf.data.at_hand().is_some()
                    && leaf.scan(true).is_ok_and(|scan| !encoding.fits(&scan))
                {
                    tell(place, "Content-Transfer-Encoding", Rule::Encoding(encoding));
                }
            }
            Node::Entity(_) => {
                let Some(more) = &self.more else { return };
                let disposition = more.disposition.map(|_| "Content-Disposition");
                let id = more.id.as_ref().map(|_| "Content-ID");
                for field in
                    disposition.into_iter().chain(id).chain(more.others.iter().map(|other| &*other.name))
                {
                    tell(place, field, Rule::ReadyMade);
                }
            }
            Node::Message(_) | Node::Raw(_) => {}
        }
    }

    /// Whether all data is at hand, so that nothing about it can change.
    pub(crate) fn is_at_hand(&self) -> bool {
        match &self.node {
            Node::Leaf(leaf) => leaf.data.at_hand().is_some(),
            Node::Multipart(parts) => parts.iter().all(Self::is_at_hand),
            Node::Message(message) => message.is_fixed(),
            Node::Raw(_) | Node::Entity(_) => true,
        }
    }

    /// Whether its headers, or those of a message or an entity in it, are UTF-8 in every form.
    pub(crate) fn needs_utf8(&self) -> bool {
        if self.more.as_ref().is_some_and(|more| more.others.iter().any(Other::needs_utf8)) {
            return true;
        }
        match &self.node {
            Node::Multipart(parts) => parts.iter().any(Self::needs_utf8),
            Node::Message(message) => message.needs_utf8(),
            Node::Raw(message) => message.needs_utf8(),
            Node::Entity(bytes) => fields(bytes).is_ok_and(|(found, _)| found.iter().any(is_utf8)),
            // What it has in it are such headers (RFC 6532 section 3.7).
            Node::Leaf(_) => self.content_type.is(GLOBAL),
        }
    }

    /// The type of data that was seen: text says its character set.
    pub(crate) fn seen(&self, scan: &Scan) -> Cow<'_, ContentType> {
        if !scan.eight_bit || !self.content_type.lacks_charset() {
            Cow::Borrowed(&self.content_type)
        } else if scan.utf8 {
            Cow::Owned(self.content_type.clone().in_utf8())
        } else if self.guessed {
            Cow::Owned(ContentType::fixed("application/octet-stream"))
        } else {
            Cow::Borrowed(&self.content_type)
        }
    }

    /// Appends `Content-Disposition`, `Content-ID` and all other fields but type and encoding.
    pub(crate) fn write_other_fields(&self, out: &mut Vec<u8>, utf8: bool) {
        let Some(more) = &self.more else { return };
        if let Some(disposition) = more.disposition {
            let mut field = FieldWriter::new(out, "Content-Disposition", utf8);
            field.token(match disposition {
                Disposition::Inline => "inline",
                Disposition::Attachment => "attachment",
            });
            if let Some(name) = &more.name {
                field.param("filename", name);
            }
            field.end();
        }
        if let Some(id) = &more.id {
            let mut field = FieldWriter::new(out, "Content-ID", utf8);
            field.token(id.as_str());
            field.end();
        }
        more.others.iter().for_each(|other| other.write(out, utf8));
    }

    /// The name for programs that do not know RFC 2231: what is not plain ASCII is an underscore.
    pub(crate) fn fallback_name(&self) -> Option<String> {
        let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '=' | '?');
        let name = self.more.as_ref()?.name.as_ref()?;
        Some(name.chars().take(60).map(|c| if plain(c) { c } else { '_' }).collect())
    }
}

/// Whether a field of an entity is UTF-8, or says that others in the entity are.
fn is_utf8(field: &Field<'_>) -> bool {
    let value = || field.unfolded();
    let global = || value().split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(GLOBAL));
    !field.whole.is_ascii() || (field.is("Content-Type") && global())
}

/// Why a part has no octets.
#[derive(Debug)]
#[non_exhaustive]
pub enum PartError {
    /// What is wrong with it.
    Build(BuildError),
    /// What keeps its data from being read.
    Content(ContentError),
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Content(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Build(error) => error.source(),
            Self::Content(error) => error.source(),
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Part");
        shown.field("content_type", &self.content_type.media());
        match &self.node {
            Node::Leaf(leaf) => shown.field("data", &leaf.data),
            Node::Multipart(parts) => shown.field("parts", parts),
            Node::Message(message) => shown.field("message", message),
            Node::Raw(message) => shown.field("message", message),
            Node::Entity(bytes) => shown.field("octets", &bytes.len()),
        };
        shown.finish_non_exhaustive()
    }
}
