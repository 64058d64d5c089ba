//! A part without parts in it: its data in both passes.

use std::io::{ErrorKind, Read};

use bytes::Bytes;
use memchr::memmem;

use super::data::{Data, Version};
use super::encoding::{AT_HAND, Encoder, TransferEncoding};
use super::scan::{Scan, Scanner};
use super::sum::Sum;
use crate::ContentError;
use crate::content::CHUNK;
use crate::line_ends::normalise_all;

/// What is read of a source at a time.
const WINDOW: usize = 32 << 10;

/// The data of a part, and what may be done with it.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) data: Data,
    /// What the data is, if that is known.
    scan: Option<Scan>,
}

/// A leaf that has been looked at, in the encoding that was chosen for it.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    leaf: Leaf,
    scan: Scan,
    /// The sum of data that is not at hand.
    sum: Option<u64>,
    version: Option<Version>,
    pub(super) encoder: Encoder,
    /// Octets on the wire.
    pub(crate) size: u64,
}

impl Leaf {
    pub(crate) fn new(data: Data) -> Self {
        Self { data, scan: None }
    }

    /// Text with line ends of any kind, which become CRLF.
    #[inline]
    pub(crate) fn text(text: String) -> Self {
        let mut scan = Scan::of_utf8(text.as_bytes());
        let mut bytes = text.into_bytes();
        if scan.bare_ends || !(bytes.is_empty() || bytes.ends_with(b"\n")) {
            bytes = normalise_all(&bytes);
            scan = Scan::of_utf8(&bytes);
        }
        Self { data: bytes.into(), scan: Some(scan) }
    }

    /// Pass one: looks at the data and chooses an encoding.  Unless it has to be known `to_the_end` it is looked at only
    /// until it is clear that it can go neither as lines nor as text; what is not at hand is read in any case.
    ///
    /// # Errors
    /// The data cannot be read, or does not fit the encoding that is asked for.
    #[inline]
    pub(crate) fn look(
        &self,
        to_the_end: bool,
        choose: impl FnOnce(&Scan) -> TransferEncoding,
    ) -> Result<Looked<'_>, ContentError> {
        let (version, scan, sum) = match self.scan {
            // It is at hand, then.
            Some(scan) => (None, scan, None),
            None => {
                let version = self.data.version()?;
                let (scan, sum) = self.read(to_the_end)?;
                (version, scan, sum)
            }
        };
        let encoding = choose(&scan);
        if !encoding.fits(&scan) {
            return Err(ContentError::Encoding);
        }
        Ok(Looked { leaf: self, scan, sum, version, encoding })
    }

    /// Whether the data has this in it.
    pub(crate) fn contains(&self, wanted: &[u8]) -> Result<bool, ContentError> {
        if let Some(data) = self.data.at_hand() {
            return Ok(memmem::find(data, wanted).is_some());
        }
        let mut input = Input::open(self)?;
        while input.fill(WINDOW)? {
            let data = input.at_hand();
            if memmem::find(data, wanted).is_some() {
                return Ok(true);
            }
            // Its beginning may stand at the end.
            let rest = if input.is_last() { 0 } else { wanted.len().min(data.len().saturating_sub(1)) };
            let done = data.len() - rest;
            input.skip(done);
        }
        Ok(false)
    }

    /// What the data is.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn scan(&self, to_the_end: bool) -> Result<Scan, ContentError> {
        self.read(to_the_end).map(|(scan, _)| scan)
    }

    /// The same, and the sum of what is not at hand.
    fn read(&self, to_the_end: bool) -> Result<(Scan, Option<u64>), ContentError> {
        if let Some(scan) = self.scan {
            return Ok((scan, None));
        }
        let mut scanner = Scanner::default();
        if let Some(bytes) = self.data.at_hand() {
            for piece in bytes.chunks(4 * WINDOW) {
                scanner.feed(piece);
                if scanner.is_hopeless() && !to_the_end {
                    scanner.len = bytes.len() as u64;
                    break;
                }
            }
            return Ok((scanner.finish(), None));
        }
        let mut input = Input::open(self)?;
        while input.fill(WINDOW)? {
            let data = input.at_hand();
            if scanner.is_hopeless() && !to_the_end {
                scanner.len += data.len() as u64;
            } else {
                scanner.feed(data);
            }
            let read = data.len();
            input.skip(read);
        }
        Ok((scanner.finish(), input.sum()))
    }
}

/// A leaf that has been looked at.
pub(crate) struct Looked<'a> {
    leaf: &'a Leaf,
    pub(crate) scan: Scan,
    sum: Option<u64>,
    version: Option<Version>,
    pub(crate) encoding: TransferEncoding,
}

impl Looked<'_> {
    /// Appends the encoded data if it is at hand and of at most so many octets; whether it is.
    pub(crate) fn append_to(&self, most: usize, out: &mut Vec<u8>) -> bool {
        let Some(data) = self.leaf.data.at_hand().filter(|data| data.len() <= most) else { return false };
        let encoder = Encoder::new(self.encoding, &self.scan);
        let mut from = 0;
        while from < data.len() {
            from += encoder.encode(&data[from..], true, usize::MAX, out);
        }
        encoder.finish(out, data.last().copied().unwrap_or_default(), data.is_empty());
        true
    }

    /// The same to be encoded when the message is sent; finds the exact size.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn encoded(self) -> Result<Encoded, ContentError> {
        let Self { leaf, scan, sum, version, encoding } = self;
        let encoder = Encoder::new(encoding, &scan);
        let mut encoded = Encoded { leaf: leaf.clone(), scan, sum, version, encoder, size: 0 };
        encoded.size = match encoder.length(scan.len) {
            Some(size) => size,
            None => encoded.measure()?,
        };
        Ok(encoded)
    }
}

impl Encoded {
    /// Whether the source is what it was when it was looked at, as far as that can be told without reading it.
    pub(crate) fn is_current(&self) -> bool {
        self.version.is_none() || self.leaf.data.version().is_ok_and(|version| version == self.version)
    }

    /// Whether what begins boundaries is in the encoded data.
    pub(crate) fn contains(&self, wanted: &[u8]) -> Result<bool, ContentError> {
        if !self.encoder.encoding.is_identity() || !self.scan.marker {
            return Ok(false);
        }
        self.leaf.contains(wanted)
    }

    /// Pass two.
    pub(crate) fn open(&self) -> Result<LeafChunks, ContentError> {
        Ok(LeafChunks {
            input: Input::open(&self.leaf)?,
            encoder: self.encoder,
            left: self.scan.len,
            sum: self.sum,
            last: None,
            done: false,
        })
    }

    /// Appends all of it, which is at hand.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) -> Result<(), ContentError> {
        let mut chunks = self.open()?;
        while chunks.next(usize::MAX, out)? {}
        Ok(())
    }

    fn measure(&self) -> Result<u64, ContentError> {
        let (mut chunks, mut chunk, mut size) = (self.open()?, Vec::new(), 0);
        loop {
            let more = chunks.next(CHUNK, &mut chunk)?;
            size += chunk.len() as u64;
            chunk.clear();
            if !more {
                return Ok(size);
            }
        }
    }
}

/// The encoded data of a leaf, piece by piece.
pub(crate) struct LeafChunks {
    input: Input,
    encoder: Encoder,
    /// Octets of data that are still to come.
    left: u64,
    /// The sum that data has which is not at hand.
    sum: Option<u64>,
    /// The last octet that there was.
    last: Option<u8>,
    done: bool,
}

impl LeafChunks {
    /// Appends the next piece, of about `limit` octets; returns whether there may be more.
    pub(crate) fn next(&mut self, limit: usize, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        let start = out.len();
        while out.len() - start < limit / 2 && !self.done {
            if self.input.fill(AT_HAND)? {
                let data = self.input.at_hand();
                let room = limit - (out.len() - start);
                let taken = self.encoder.encode(data, self.input.is_last(), room, out);
                if taken == 0 {
                    break;
                }
                self.last = Some(data[taken - 1]);
                self.left = self.left.checked_sub(taken as u64).ok_or(ContentError::Changed)?;
                self.input.skip(taken);
            }
            if self.input.is_at_end() {
                // The same data has the same encoding, and so the size that was told.
                if self.left > 0 || self.input.sum() != self.sum {
                    return Err(ContentError::Changed);
                }
                self.encoder.finish(out, self.last.unwrap_or_default(), self.last.is_none());
                self.done = true;
            }
        }
        Ok(!self.done)
    }
}

/// Data from any source, some of it at hand.
enum Input {
    Memory { bytes: Bytes, from: usize },
    Reader(Box<Window>),
}

struct Window {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    from: usize,
    ended: bool,
    /// Of all that was read.
    sum: Sum,
}

impl Input {
    fn open(leaf: &Leaf) -> Result<Self, ContentError> {
        if let Some(bytes) = leaf.data.at_hand() {
            return Ok(Self::Memory { bytes: bytes.clone(), from: 0 });
        }
        Ok(Self::Reader(Box::new(Window {
            reader: leaf.data.reader()?,
            bytes: Vec::new(),
            from: 0,
            ended: false,
            sum: Sum::new(),
        })))
    }

    fn at_hand(&self) -> &[u8] {
        match self {
            Self::Memory { bytes, from } => bytes.get(*from..).unwrap_or_default(),
            Self::Reader(window) => window.bytes.get(window.from..).unwrap_or_default(),
        }
    }

    /// Whether nothing comes behind what is at hand.
    fn is_last(&self) -> bool {
        match self {
            Self::Memory { .. } => true,
            Self::Reader(window) => window.ended,
        }
    }

    fn is_at_end(&self) -> bool {
        self.is_last() && self.at_hand().is_empty()
    }

    /// The sum of what was read, unless it was at hand.
    fn sum(&self) -> Option<u64> {
        match self {
            Self::Memory { .. } => None,
            Self::Reader(window) => Some(window.sum.finish()),
        }
    }

    fn skip(&mut self, n: usize) {
        match self {
            Self::Memory { from, .. } => *from += n,
            Self::Reader(window) => window.from += n,
        }
    }

    /// Reads until there is so much at hand, or no more; whether there is anything.
    fn fill(&mut self, least: usize) -> Result<bool, ContentError> {
        if let Self::Reader(window) = self
            && window.bytes.len() - window.from < least
        {
            window.bytes.drain(..window.from);
            window.from = 0;
            while !window.ended && window.bytes.len() < WINDOW {
                window.read()?;
            }
        }
        Ok(!self.at_hand().is_empty())
    }
}

impl Window {
    fn read(&mut self) -> Result<(), ContentError> {
        let start = self.bytes.len();
        self.bytes.resize(start + WINDOW, 0);
        let read = loop {
            match self.reader.read(&mut self.bytes[start..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(start + *read.as_ref().unwrap_or(&0).min(&WINDOW));
        self.ended = read? == 0;
        self.sum.feed(&self.bytes[start..]);
        Ok(())
    }
}
