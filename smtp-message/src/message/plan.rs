//! The way of a message onto the wire: its octets where they are at hand, and between them what is read and encoded when
//! it is sent.
//!
//! A plan is for one [`Mode`]: what a server can take decides about encodings and headers.

use std::ops::Deref;
use std::sync::Arc;

use memchr::memmem;
use smtp_proto::envelope::{BodyType, Form};

use crate::content::CHUNK;
use crate::header::{ContentType, FieldWriter};
use crate::part::{Encoded, GLOBAL, Leaf, LeafChunks, MARKER, Node, Part, TransferEncoding};
use crate::steps;
use crate::{ContentError, Message};

/// So many boundaries are tried; a part that has them all was made by somebody who knows the stamp.
const TRIES: usize = 16;

/// Data that is longer stays where it is until the message is sent.
const INLINE: usize = 32 << 10;

/// What a server can take, as far as the message makes use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) most: BodyType,
    pub(crate) utf8: bool,
}

/// How a message goes to a server.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What is at hand, one after the other.
    pub(crate) flat: Vec<u8>,
    leaves: Vec<Placed>,
    pub(crate) form: Form,
}

/// Data that stands in front of an octet of what is at hand.
#[derive(Clone, Debug)]
struct Placed {
    at: usize,
    leaf: Encoded,
}

/// Boundaries of a message: what they have in common, and how many there are.
pub(crate) struct Boundaries {
    random: [u8; 16],
    /// Empty until there is one.
    common: String,
    count: usize,
}

impl Boundaries {
    pub(crate) fn new(random: [u8; 16]) -> Self {
        Self { random, common: String::new(), count: 0 }
    }

    fn common(&mut self) -> &str {
        if self.common.is_empty() {
            // Neither quoted-printable nor base64 has `=_`, so that only data that goes as it is can have it.
            self.common.push_str("=_");
            encodify::base32::STANDARD_NO_PAD.encode_append(self.random, &mut self.common);
        }
        &self.common
    }

    /// Others, because these occur in a part.
    fn other(&mut self) {
        for byte in &mut self.random {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        *self = Self::new(self.random);
    }

    fn next(&mut self) -> String {
        self.count += 1;
        let count = self.count;
        // The end keeps one from being the beginning of another, which readers take for the one.
        format!("{}_{count}_", self.common())
    }

    fn occurs_in(&mut self, data: &[u8]) -> bool {
        memmem::find(data, self.common().as_bytes()).is_some()
    }
}

impl Plan {
    const EMPTY: Self = Self {
        flat: Vec::new(),
        leaves: Vec::new(),
        form: Form { size: Some(0), body: BodyType::SevenBit, smtputf8: false },
    };

    /// Plans a message with this header section, whose last field has its line end, and which has [`room`] behind it.
    ///
    /// # Errors
    /// Data that is not at hand cannot be read, or does not fit its encoding.
    pub(crate) fn new(
        mut flat: Vec<u8>,
        body: &Part,
        boundaries: &mut Boundaries,
        mode: Mode,
    ) -> Result<Self, ContentError> {
        let head = flat.len();
        for _ in 0..TRIES {
            steps::add(head);
            let leaves = Vec::new();
            let mut planner =
                Planner { flat, leaves, needed: BodyType::SevenBit, boundaries, mode, occurs: false };
            planner.part(body)?;
            if let Node::Entity(bytes) = &body.node
                && !bytes.ends_with(b"\n")
            {
                planner.flat.extend_from_slice(b"\r\n");
            }
            if mode.utf8 {
                planner.note(BodyType::EightBitMime);
            }
            // A part would have to know what nobody can guess, and also what comes next.
            if planner.occurs {
                flat = planner.flat;
                flat.truncate(head);
                boundaries.other();
                continue;
            }
            let Planner { flat, leaves, needed: body, .. } = planner;
            let size =
                leaves.iter().map(|placed| placed.leaf.size).fold(flat.len() as u64, u64::saturating_add);
            return Ok(Self { flat, leaves, form: Form { size: Some(size), body, smtputf8: mode.utf8 } });
        }
        Err(ContentError::Encoding)
    }

    /// Plans a part alone.
    pub(crate) fn of_part(body: &Part, boundaries: &mut Boundaries) -> Result<Self, ContentError> {
        let mode = Mode { most: BodyType::SevenBit, utf8: body.needs_utf8() };
        Self::new(Vec::with_capacity(room(body)), body, boundaries, mode)
    }

    /// Whether files are what they were, as far as that can be told without reading them.
    pub(crate) fn is_current(&self) -> bool {
        self.leaves.iter().all(|placed| placed.leaf.is_current())
    }

    /// All octets, without a copy if all are at hand; then they are no longer here.
    pub(crate) fn take_bytes(&mut self) -> Result<Vec<u8>, ContentError> {
        if self.leaves.is_empty() { Ok(std::mem::take(&mut self.flat)) } else { self.to_bytes() }
    }

    /// All octets in one buffer.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, ContentError> {
        if self.leaves.is_empty() {
            return Ok(self.flat.clone());
        }
        let size = self.form.size.and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
        let (mut out, mut from) = (Vec::with_capacity(size), 0);
        for Placed { at, leaf } in &self.leaves {
            out.extend_from_slice(&self.flat[from..*at]);
            leaf.append_to(&mut out)?;
            from = *at;
        }
        out.extend_from_slice(&self.flat[from..]);
        Ok(out)
    }
}

/// About how much memory fields and data at hand will take.
pub(super) fn room(part: &Part) -> usize {
    match &part.node {
        Node::Leaf(leaf) => {
            let len = leaf.data.at_hand().map_or(0, bytes::Bytes::len);
            // A long text may have to be encoded, and encoders want room for the worst.
            200 + match len {
                0..2048 => len,
                2048..=INLINE => len + len / 4 + 6000,
                _ => 0,
            }
        }
        Node::Multipart(parts) => parts.iter().map(|part| room(part) + 100).sum::<usize>() + 200,
        Node::Message(_) => 200,
        Node::Raw(message) => 200 + message.bytes().len().min(INLINE),
        Node::Entity(bytes) => bytes.len().min(INLINE),
    }
}

struct Planner<'a> {
    flat: Vec<u8>,
    leaves: Vec<Placed>,
    /// What a server must be able to take, by the parts so far.
    needed: BodyType,
    boundaries: &'a mut Boundaries,
    mode: Mode,
    /// A boundary occurs in a part.
    occurs: bool,
}

impl Planner<'_> {
    /// Adds fields and body of a part.  Returns the body type that it has, and whether it ends with a line end that is
    /// no part of it and can be that of a boundary.
    fn part(&mut self, part: &Part) -> Result<(BodyType, bool), ContentError> {
        match &part.node {
            Node::Leaf(leaf) => self.leaf(part, leaf),
            Node::Multipart(parts) => self.multipart(part, parts).map(|body| (body, true)),
            Node::Message(message) => self.message(part, message).map(|body| (body, false)),
            Node::Raw(message) => {
                let body =
                    if message.bytes().is_ascii() { BodyType::SevenBit } else { BodyType::EightBitMime };
                self.message_fields(part, message.needs_utf8(), body);
                self.ready(message.bytes())?;
                Ok((self.note(body), false))
            }
            Node::Entity(bytes) => {
                let body = if bytes.is_ascii() { BodyType::SevenBit } else { BodyType::EightBitMime };
                self.ready(bytes)?;
                Ok((self.note(body), false))
            }
        }
    }

    fn leaf(&mut self, part: &Part, leaf: &Leaf) -> Result<(BodyType, bool), ContentError> {
        let most = self.mode.most;
        let wanted = part.wanted_encoding();
        let whole = most == BodyType::BinaryMime
            || wanted.is_some_and(TransferEncoding::is_identity)
            || part.content_type.lacks_charset();
        let looked = leaf.look(whole, |scan| {
            let text = || ["text/", "message/"].iter().any(|kind| part.seen(scan).is_of(kind));
            wanted.unwrap_or_else(|| TransferEncoding::choose(scan, text, most))
        })?;
        if looked.scan.marker {
            self.occurs |= leaf.contains(self.boundaries.common().as_bytes())?;
        }
        let (encoding, len) = (looked.encoding, looked.scan.len);
        self.fields(part, &part.seen(&looked.scan), Some(encoding));
        if !looked.append_to(INLINE, &mut self.flat) {
            self.leaves.push(Placed { at: self.flat.len(), leaf: looked.encoded()? });
        }
        let ends = encoding == TransferEncoding::Base64 && len > 0;
        Ok((self.note(encoding.body_type()), ends))
    }

    fn multipart(&mut self, part: &Part, parts: &[Part]) -> Result<BodyType, ContentError> {
        let boundary = self.boundaries.next();
        let out = &mut self.flat;
        let mut field = FieldWriter::new(out, "Content-Type", self.mode.utf8);
        part.content_type.write(&mut field);
        field.param("boundary", &boundary);
        field.end();
        // Here stands the encoding if it is not 7-bit, which is known when all parts are.
        let (encoding, later) = (out.len(), self.leaves.len());
        part.write_other_fields(out, self.mode.utf8);
        out.extend_from_slice(b"\r\n");
        let (mut body, mut ended) = (BodyType::SevenBit, true);
        for part in parts {
            delimiter(&mut self.flat, ended, &boundary, "");
            let (inner, ends) = self.part(part)?;
            (body, ended) = (most(body, inner), ends);
        }
        delimiter(&mut self.flat, ended, &boundary, "--");
        let line = match body {
            BodyType::SevenBit => return Ok(body),
            BodyType::BinaryMime => TransferEncoding::Binary.field(),
            _ => TransferEncoding::EightBit.field(),
        };
        steps::add(self.flat.len() - encoding + self.leaves.len() - later);
        self.flat.splice(encoding..encoding, line.bytes());
        for placed in &mut self.leaves[later..] {
            placed.at += line.len();
        }
        Ok(body)
    }

    fn message(&mut self, part: &Part, message: &Message) -> Result<BodyType, ContentError> {
        let inner = message.plan_for(self.mode)?;
        self.message_fields(part, inner.form.smtputf8, inner.form.body);
        self.occurs |= self.boundaries.occurs_in(&inner.flat);
        for placed in &inner.leaves {
            self.occurs |= placed.leaf.contains(self.boundaries.common().as_bytes())?;
        }
        let start = self.flat.len();
        self.flat.extend_from_slice(&inner.flat);
        let moved = inner.leaves.iter().map(|placed| Placed { at: placed.at + start, ..placed.clone() });
        self.leaves.extend(moved);
        Ok(self.note(inner.form.body))
    }

    /// Something that goes as it is, whatever the server takes.
    fn ready(&mut self, bytes: &bytes::Bytes) -> Result<(), ContentError> {
        if memmem::find(bytes, MARKER).is_some() {
            self.occurs |= self.boundaries.occurs_in(bytes);
        }
        if bytes.len() <= INLINE {
            self.flat.extend_from_slice(bytes);
            return Ok(());
        }
        let leaf = Leaf::new(bytes.clone().into());
        let leaf = leaf.look(false, |_| TransferEncoding::Binary)?.encoded()?;
        self.leaves.push(Placed { at: self.flat.len(), leaf });
        Ok(())
    }

    fn message_fields(&mut self, part: &Part, utf8: bool, body: BodyType) {
        let encoding = match body {
            BodyType::SevenBit => TransferEncoding::SevenBit,
            BodyType::BinaryMime => TransferEncoding::Binary,
            _ => TransferEncoding::EightBit,
        };
        // RFC 6532 section 3.7.
        let global = ContentType::fixed(GLOBAL);
        self.fields(part, if utf8 { &global } else { &part.content_type }, Some(encoding));
    }

    /// The fields of a part and the empty line behind them.
    fn fields(&mut self, part: &Part, content_type: &ContentType, encoding: Option<TransferEncoding>) {
        let (out, utf8) = (&mut self.flat, self.mode.utf8);
        let name = part.fallback_name();
        let mut field = FieldWriter::new(out, "Content-Type", utf8);
        content_type.write(&mut field);
        if let Some(name) = name
            && content_type.param("name").is_none()
        {
            field.param("name", &name);
        }
        field.end();
        if let Some(encoding) = encoding {
            out.extend_from_slice(encoding.field().as_bytes());
        }
        part.write_other_fields(out, utf8);
        out.extend_from_slice(b"\r\n");
    }

    fn note(&mut self, body: BodyType) -> BodyType {
        self.needed = most(self.needed, body);
        body
    }
}

/// A delimiter: the line end in front of it is its own, unless the part ends with one that is not the part's.
fn delimiter(out: &mut Vec<u8>, ended: bool, boundary: &str, last: &str) {
    let before = if ended { "" } else { "\r\n" };
    for piece in [before, "--", boundary, last, "\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

fn most(a: BodyType, b: BodyType) -> BodyType {
    if rank(b) > rank(a) { b } else { a }
}

pub(crate) fn least(a: BodyType, b: BodyType) -> BodyType {
    if rank(b) < rank(a) { b } else { a }
}

fn rank(body: BodyType) -> u8 {
    match body {
        BodyType::SevenBit => 0,
        BodyType::EightBitMime => 1,
        _ => 2,
    }
}

/// A plan, by whoever has it.
pub(crate) enum Held {
    /// A message that has one only.
    Own(Message),
    Shared(Arc<Plan>),
}

impl Deref for Held {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        static EMPTY: Plan = Plan::EMPTY;
        match self {
            // The other kind of message is not kept here.
            Self::Own(message) => message.fixed_plan().unwrap_or(&EMPTY),
            Self::Shared(plan) => plan,
        }
    }
}

/// The octets of a plan, piece by piece.
pub(crate) struct PlanChunks {
    plan: Held,
    /// How much of what is at hand has been put out, and how many of the leaves.
    flat: usize,
    leaves: usize,
    open: Option<LeafChunks>,
}

impl PlanChunks {
    pub(crate) fn new(plan: Held) -> Self {
        Self { plan, flat: 0, leaves: 0, open: None }
    }

    /// Appends the next piece; returns whether there is more.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        let plan = &*self.plan;
        if let Some(open) = &mut self.open {
            if open.next(CHUNK, out)? {
                return Ok(true);
            }
            self.open = None;
            self.leaves += 1;
        } else {
            let next = plan.leaves.get(self.leaves).map_or(plan.flat.len(), |placed| placed.at);
            let end = next.min(self.flat + CHUNK);
            out.extend_from_slice(&plan.flat[self.flat..end]);
            self.flat = end;
            if let Some(placed) = plan.leaves.get(self.leaves)
                && placed.at == end
            {
                self.open = Some(placed.leaf.open()?);
                return Ok(true);
            }
        }
        Ok(self.leaves < plan.leaves.len() || self.flat < plan.flat.len())
    }
}
