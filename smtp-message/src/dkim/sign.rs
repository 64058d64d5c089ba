//! Signing: a first pass over the message, then a field for each signature (RFC 6376 section 5).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::body_hash::BodyHash;
use super::canonical::canonical_field;
use super::crypto::sha256;
use super::head::{self, ByName, Head, State};
use super::lines::{Lines, Wrong};
use super::signature::{HEADERS_LIMIT, NAME};
use super::template::{CallbackError, Kind};
use super::{Algorithm, Canon, Canonicalization, Oversign, Template};
use crate::ContentError;
use crate::line_ends::LINE_LIMIT;

/// Octets of headers that are signed.
const HEAD_LIMIT: usize = 16 << 20;
/// Columns of a line of the field, with the semicolon (RFC 5322 section 2.1.1).
const WIDTH: usize = 78;
/// Octets that are looked at while the caches closest to the processor have them.
const AT_A_TIME: usize = 8 << 10;

/// Signs messages: made once, cheap to clone, used from as many threads as you like.
///
/// What is signed must be what arrives: the message has to be as it goes on the wire but for dot-stuffing, and 7-bit, so
/// that no server on the way has a reason to encode it anew.
///
/// ```
/// use std::time::Duration;
/// use smtp_message::dkim::{NewKey, PrivateKey, Signer, Template};
/// use smtp_message::{Message, Stamp};
/// # let stamp = Stamp { unix_time: Duration::from_secs(1_781_522_645), random: [7; 32] };
///
/// let (key, _) = PrivateKey::generate(NewKey::Ed25519)?;
/// let signer = Signer::new([Template::new("example.com", "sel1", key)?]);
///
/// let message = Message::builder().from("a@example.com").to("b@example.org").text("Hello\n").build(&stamp)?;
/// let signed = signer.sign(message, stamp.unix_time)?;
/// assert!(signed.fields().starts_with(b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    pub(super) templates: Arc<[Template]>,
    pub(super) eight_bit: bool,
}

impl Signer {
    /// A signer that makes all these signatures: one for each algorithm, or for each domain that has a part in it.
    pub fn new(templates: impl IntoIterator<Item = Template>) -> Self {
        Self { templates: templates.into_iter().collect(), eight_bit: false }
    }

    /// Signs messages that are not 7-bit, too.  Their signatures break where a server encodes them for one that does not
    /// take 8-bit content.
    #[must_use]
    pub fn allow_8bit(mut self) -> Self {
        self.eight_bit = true;
        self
    }

    /// A pass over a message that comes in pieces.
    pub fn pass(&self) -> SigningPass {
        SigningPass {
            head: Head::new(HEAD_LIMIT),
            body: self.body(),
            first: None,
            octets: 0,
            signer: self.clone(),
        }
    }

    /// A pass over a body alone, for who has the headers at hand only later.
    pub fn body(&self) -> BodyPass {
        let wanted = |canon| self.templates.iter().any(|template| template.canonicalization.body == canon);
        let hash = |canon| wanted(canon).then(|| BodyHash::new(canon, None));
        BodyPass { simple: hash(Canon::Simple), relaxed: hash(Canon::Relaxed), lines: Some(Lines::default()) }
    }

    /// The `DKIM-Signature` fields for a message, to be put in front of it, at this time since 1970-01-01 00:00 UTC.
    ///
    /// # Errors
    /// Why it cannot be signed.
    pub fn fields(&self, message: &[u8], now: Duration) -> Result<Vec<u8>, SignError> {
        let mut pass = self.pass();
        pass.update(message);
        pass.finish(now)
    }

    /// The fields for a message of these headers and a body that was hashed before.  The headers end with the line end of
    /// the last; an empty line behind it does not count.
    ///
    /// # Errors
    /// Why it cannot be signed.
    pub fn fields_for(&self, head: &[u8], body: &BodyHashes, now: Duration) -> Result<Vec<u8>, SignError> {
        let mut fields = Vec::new();
        for (template, request) in self.templates.iter().zip(self.requests_for(head, body, now)?) {
            let signature = match &template.key.0 {
                Kind::Local(key) => key.sign(&request.octets).ok_or(SignError::Provider)?,
                Kind::Callback(_, sign) => sign(&request.digest()).map_err(SignError::Callback)?,
            };
            fields.append(&mut request.complete(&signature)?);
        }
        Ok(fields)
    }

    fn requests_for(
        &self,
        head: &[u8],
        body: &BodyHashes,
        now: Duration,
    ) -> Result<Vec<SignatureRequest>, SignError> {
        let head = match head {
            b"\r\n" => &[],
            _ => head.strip_suffix(b"\r\n\r\n").map_or(head, |_| &head[..head.len() - 2]),
        };
        if !self.eight_bit
            && let Some(at) = find_eight_bit(head)
        {
            return Err(SignError::EightBit { at });
        }
        let fields = head::fields(head).map_err(|error| SignError::NoField { line: error.line })?;
        let by_name = ByName::new(&fields);
        if by_name.count(b"From") == 0 {
            return Err(SignError::NoFrom);
        }
        let mut lines = Lines::default();
        lines.update(head);
        if let Some(wrong) = lines.finish().or(body.wrong) {
            return Err(wrong.into());
        }
        let request = |template: &Template| {
            let hash = match template.canonicalization.body {
                Canon::Simple => body.simple,
                Canon::Relaxed => body.relaxed,
            };
            template.request(&by_name, &hash.ok_or(SignError::NoBodyHash)?, now)
        };
        self.templates.iter().map(request).collect()
    }
}

impl Template {
    /// Everything but the signature itself.
    fn request(
        &self,
        fields: &ByName<'_>,
        hash: &[u8; 32],
        now: Duration,
    ) -> Result<SignatureRequest, SignError> {
        let names: Vec<&str> = self
            .headers
            .iter()
            .flat_map(|(name, oversign)| {
                let count = fields.count(name.as_bytes());
                let more = match oversign {
                    Oversign::Always => true,
                    Oversign::IfPresent => count > 0,
                    Oversign::Never => false,
                };
                std::iter::repeat_n(&**name, count + usize::from(more))
            })
            .collect();
        if names.len() > HEADERS_LIMIT {
            return Err(SignError::TooManyFields { count: names.len() });
        }
        let canon = self.canonicalization.header;
        let mut octets = Vec::with_capacity(2 << 10);
        for field in fields.select(names.iter().map(|name| name.as_bytes()), None) {
            canonical_field(canon, field.whole, &mut octets);
            octets.extend_from_slice(b"\r\n");
        }
        let field = self.field(&names, hash, now)?;
        canonical_field(canon, &field, &mut octets);
        Ok(SignatureRequest { field, octets, algorithm: self.key.algorithm() })
    }

    /// The field up to the signature.
    fn field(&self, names: &[&str], hash: &[u8; 32], now: Duration) -> Result<Vec<u8>, SignError> {
        let mut field = Writer { out: Vec::with_capacity(1 << 10), column: NAME.len() + 1 };
        field.out.extend_from_slice(NAME.as_bytes());
        field.out.push(b':');
        let Canonicalization { header, body } = self.canonicalization;
        field.pieces(&["v=1;"], true);
        field.pieces(&["a=", self.key.algorithm().name(), ";"], true);
        field.pieces(&["c=", header.name(), "/", body.name(), ";"], true);
        field.pieces(&["d=", self.domain.as_str(), ";"], true);
        field.pieces(&["s=", self.key_name.selector(), ";"], true);
        if let Some(identity) = &self.identity {
            field.pieces(&["i=", identity, ";"], true);
        }
        let seconds = |time: Option<Duration>| {
            // Twelve digits.
            let seconds = time.map(|time| time.as_secs()).filter(|&seconds| seconds < 1_000_000_000_000);
            seconds.ok_or(SignError::Time)
        };
        if self.time {
            field.pieces(&["t=", &seconds(Some(now))?.to_string(), ";"], true);
        }
        if let Some(lifetime) = self.lifetime {
            field.pieces(&["x=", &seconds(now.checked_add(lifetime))?.to_string(), ";"], true);
        }
        for (i, name) in names.iter().enumerate() {
            let before = if i == 0 { "h=" } else { "" };
            let behind = if i + 1 == names.len() { ";" } else { ":" };
            field.pieces(&[before, name, behind], i == 0);
        }
        field.pieces(&["bh=", &encodify::base64::STANDARD.encode(hash), ";"], true);
        field.pieces(&["b="], true);
        Ok(field.out)
    }
}

/// Writes a field of tags that keeps to the columns of a line where it can.
struct Writer {
    out: Vec<u8>,
    column: usize,
}

impl Writer {
    /// Writes pieces that are not broken, with a space in front if one is wanted or a line ends there.
    fn pieces(&mut self, pieces: &[&str], space: bool) {
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if self.column + usize::from(space) + length > WIDTH {
            self.out.extend_from_slice(b"\r\n ");
            self.column = 1;
        } else if space {
            self.out.push(b' ');
            self.column += 1;
        }
        pieces.iter().for_each(|piece| self.out.extend_from_slice(piece.as_bytes()));
        self.column += length;
    }
}

/// The first pass over a message: it takes the headers, and hashes the body.
#[derive(Clone)]
pub struct SigningPass {
    signer: Signer,
    head: Head,
    body: BodyPass,
    /// Where the first octet stands that is not 7-bit.
    first: Option<u64>,
    octets: u64,
}

impl SigningPass {
    /// Takes any lines there are, for nothing changes them where they go.
    pub(super) fn any_lines(mut self) -> Self {
        self.body.lines = None;
        self
    }

    /// Takes the next piece, cut anywhere.
    pub fn update(&mut self, piece: &[u8]) {
        for piece in piece.chunks(AT_A_TIME) {
            if self.first.is_none() {
                self.first = find_eight_bit(piece).map(|at| self.octets + at);
            }
            self.octets += piece.len() as u64;
            let body = self.head.take(piece);
            self.body.take(body);
        }
    }

    /// The fields to be put in front of the message, at this time since 1970-01-01 00:00 UTC.
    ///
    /// # Errors
    /// Why the message cannot be signed.
    pub fn finish(self, now: Duration) -> Result<Vec<u8>, SignError> {
        self.check()?;
        let body = self.body.finish().behind(self.octets);
        self.signer.fields_for(self.head.octets(), &body, now)
    }

    /// The same in two steps, for who gets signatures from elsewhere and cannot block: what is to be signed, in the order
    /// of the templates.  Callbacks are not called.
    ///
    /// # Errors
    /// Why the message cannot be signed.
    pub fn requests(self, now: Duration) -> Result<Vec<SignatureRequest>, SignError> {
        self.check()?;
        let body = self.body.finish().behind(self.octets);
        self.signer.requests_for(self.head.octets(), &body, now)
    }

    /// Octets of the message, its headers, and the hashes of its body.
    pub(super) fn parts(self) -> (u64, Vec<u8>, BodyHashes) {
        (self.octets, self.head.octets().to_vec(), self.body.finish())
    }

    fn check(&self) -> Result<(), SignError> {
        match self.first {
            Some(at) if !self.signer.eight_bit => Err(SignError::EightBit { at }),
            _ if self.head.state() == State::TooLong => Err(SignError::LongHead),
            _ => Ok(()),
        }
    }
}

/// Where the first octet stands that is not 7-bit.
fn find_eight_bit(octets: &[u8]) -> Option<u64> {
    if octets.is_ascii() {
        return None;
    }
    octets.iter().position(|octet| !octet.is_ascii()).map(|at| at as u64)
}

/// The first pass over a body.
#[derive(Clone)]
pub struct BodyPass {
    simple: Option<BodyHash>,
    relaxed: Option<BodyHash>,
    /// Unless it may be any lines.
    lines: Option<Lines>,
}

impl BodyPass {
    /// Takes the next piece, cut anywhere.
    pub fn update(&mut self, piece: &[u8]) {
        piece.chunks(AT_A_TIME).for_each(|piece| self.take(piece));
    }

    fn take(&mut self, piece: &[u8]) {
        for hash in [&mut self.simple, &mut self.relaxed].into_iter().flatten() {
            hash.update(piece);
        }
        if let Some(lines) = &mut self.lines {
            lines.update(piece);
        }
    }

    /// The hashes.
    pub fn finish(self) -> BodyHashes {
        let finish = |hash: Option<BodyHash>| hash.map(|hash| hash.finish().0);
        let octets = self.lines.as_ref().map_or(0, Lines::octets);
        let wrong = self.lines.and_then(|lines| lines.finish());
        BodyHashes { simple: finish(self.simple), relaxed: finish(self.relaxed), octets, wrong }
    }
}

/// The hashes of a body that a signer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyHashes {
    simple: Option<[u8; 32]>,
    relaxed: Option<[u8; 32]>,
    octets: u64,
    /// What is wrong with a line, so that it will not arrive as it was hashed.
    wrong: Option<Wrong>,
}

impl BodyHashes {
    /// The same at the end of a message of so many octets.
    fn behind(mut self, message: u64) -> Self {
        self.wrong = self.wrong.map(|wrong| wrong.behind(message.saturating_sub(self.octets)));
        self
    }
}

/// A signature that lacks nothing but itself.
#[derive(Clone)]
pub struct SignatureRequest {
    field: Vec<u8>,
    octets: Vec<u8>,
    algorithm: Algorithm,
}

impl SignatureRequest {
    /// What it is to be made with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What is to be signed, as [`SigningKey::callback`](super::SigningKey::callback) gets it.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.octets)
    }

    /// The field with its signature, and the line end.
    ///
    /// # Errors
    /// [`SignError::Length`] if it cannot be one.
    pub fn complete(self, signature: &[u8]) -> Result<Vec<u8>, SignError> {
        let fits = match self.algorithm {
            Algorithm::RsaSha256 => (256..=1024).contains(&signature.len()),
            Algorithm::Ed25519Sha256 => signature.len() == 64,
        };
        if !fits {
            return Err(SignError::Length { length: signature.len() });
        }
        let line = self.field.iter().rev().take_while(|&&octet| octet != b'\n').count();
        let mut out = Writer { out: self.field, column: line };
        let base64 = encodify::base64::STANDARD.encode(signature);
        let mut rest = &*base64;
        while !rest.is_empty() {
            let room = WIDTH.saturating_sub(out.column);
            // A line that is full makes room for what no line can hold more of.
            let (piece, behind) = rest.split_at(rest.len().min(if room == 0 { WIDTH - 1 } else { room }));
            out.pieces(&[piece], false);
            rest = behind;
        }
        out.out.extend_from_slice(b"\r\n");
        Ok(out.out)
    }
}

/// Why a message is not signed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignError {
    /// The content cannot be read.
    Content(ContentError),
    /// It is not 7-bit, and [`Signer::allow_8bit`] was not called.
    EightBit {
        /// Octets before the first that is not; of the message, or of the headers if they were given alone.
        at: u64,
    },
    /// A line among the headers is neither a field nor the continuation of one, or does not end in CRLF.
    NoField {
        /// Its number, the first being 1.
        line: usize,
    },
    /// A CR or LF is not part of a CRLF.  It becomes one on the way, and breaks the signature.
    BareLineEnd {
        /// Octets before it; of the message, or of the body if that was hashed alone.
        at: u64,
    },
    /// A line has more than 998 octets, which no server has to take as it is.
    LongLine {
        /// Octets before the line; of the message, or of the headers or the body if they were given alone.
        at: u64,
    },
    /// There is no `From`, which has to be signed.
    NoFrom,
    /// More fields are to be signed than verifiers look at: 1000.
    TooManyFields {
        /// How many.
        count: usize,
    },
    /// The headers have more than 16 MiB.
    LongHead,
    /// The time, or the end of the signature, has more than twelve digits.
    Time,
    /// The hashes are of another signer, and one is missing.
    NoBodyHash,
    /// The provider of cryptography failed.
    Provider,
    /// The callback failed.
    Callback(CallbackError),
    /// What came from elsewhere cannot be a signature: it has so many octets.
    Length {
        /// How many.
        length: usize,
    },
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(error) => error.fmt(f),
            Self::EightBit { at } => write!(f, "octet {at} of what is to be signed is not 7-bit"),
            Self::NoField { line } => {
                write!(f, "line {line} of what is to be signed is among the headers and is no header field")
            }
            Self::BareLineEnd { at } => {
                write!(f, "octet {at} of what is to be signed is a CR or LF that is not part of a CRLF")
            }
            Self::LongLine { at } => {
                write!(f, "the line at octet {at} of what is to be signed has more than {LINE_LIMIT} octets")
            }
            Self::NoFrom => f.write_str("From is missing in what is to be signed"),
            Self::TooManyFields { count } => {
                write!(f, "{count} fields are to be signed, and at most {HEADERS_LIMIT} are looked at")
            }
            Self::LongHead => write!(f, "more than {HEAD_LIMIT} octets of headers are to be signed"),
            Self::Time => f.write_str("the time of the signature has more than twelve digits"),
            Self::NoBodyHash => f.write_str("the body was hashed for another signer"),
            Self::Provider => f.write_str("the cryptography failed to sign"),
            Self::Callback(error) => write!(f, "signing failed: {error}"),
            Self::Length { length } => write!(f, "{length} octets are no signature"),
        }
    }
}

impl std::error::Error for SignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Content(error) => error.source(),
            Self::Callback(error) => error.source(),
            _ => None,
        }
    }
}

impl From<ContentError> for SignError {
    fn from(error: ContentError) -> Self {
        Self::Content(error)
    }
}

impl fmt::Debug for SignatureRequest {
    /// Shows none of the headers that are signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureRequest")
            .field("algorithm", &self.algorithm)
            .field("octets", &self.octets.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("templates", &self.templates)
            .field("eight_bit", &self.eight_bit)
            .finish()
    }
}
