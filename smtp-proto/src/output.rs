//! What a machine wants written, in a buffer that belongs to the caller.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use zeroize::Zeroize;

/// What to write next, in order: bytes, then ranges of the caller's body chunk, then more bytes.
///
/// The machine appends to it (`poll`, `body`), the caller writes what [`slices`](Self::slices) yields and says with
/// [`advance`](Self::advance) how much went out; the machine itself is told by `handle_written`.  Body bytes are not
/// copied: the ranges point into the chunk that was given to `body`, and consecutive ranges may overlap by the one dot
/// that transparency doubles (RFC 5321 section 4.5.2).  Under TLS everything is ciphertext in the first part and the
/// chunk is not needed any more.
///
/// Commands can carry credentials, so `Debug` shows lengths only and the memory is overwritten once written.
#[derive(Default)]
pub struct Output {
    head: Vec<u8>,
    ranges: Vec<Range<usize>>,
    tail: Vec<u8>,
    /// Bytes in all three parts.
    len: usize,
    written: usize,
    secret: bool,
}

impl Output {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether everything was written.
    pub fn is_empty(&self) -> bool {
        self.len == self.written
    }

    /// How many bytes are left to write.
    pub fn len(&self) -> usize {
        self.len - self.written
    }

    /// What is left to write, in order.  `chunk` is the one that was last given to `body`, or `&[]` if there was none.
    ///
    /// ```
    /// # use smtp_proto::Output;
    /// let mut out = Output::new();
    /// assert_eq!(out.slices(&[])?.count(), 0);
    /// # Ok::<(), smtp_proto::WrongChunk>(())
    /// ```
    ///
    /// # Errors
    /// `chunk` is [needed](Self::needs_chunk) and shorter than the one that was given to `body`: nothing of it may be
    /// written.
    pub fn slices<'a>(&'a self, chunk: &'a [u8]) -> Result<impl Iterator<Item = &'a [u8]>, WrongChunk> {
        let needed = self.ranges.last().map_or(0, |last| last.end);
        if self.needs_chunk() && needed > chunk.len() {
            return Err(WrongChunk { needed, given: chunk.len() });
        }
        Ok(self.parts(chunk))
    }

    /// The same for callers inside, who know the chunk.
    pub(crate) fn parts<'a>(&'a self, chunk: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let ranges = self.ranges.iter().map(move |r| chunk.get(r.clone()).unwrap_or_default());
        let mut skip = self.written;
        let parts = core::iter::once(&*self.head).chain(ranges).chain(core::iter::once(&*self.tail));
        parts.filter_map(move |part| {
            let skipped = skip.min(part.len());
            skip -= skipped;
            (skipped < part.len()).then(|| &part[skipped..])
        })
    }

    /// Whether a part of the caller's chunk is still to be written, so that the chunk must be kept.
    pub fn needs_chunk(&self) -> bool {
        !self.ranges.is_empty() && self.written + self.tail.len() < self.len
    }

    /// `n` more bytes were written.
    ///
    /// # Panics
    /// Never; more than [`len`](Self::len) counts as all.
    pub fn advance(&mut self, n: usize) {
        self.written = self.written.saturating_add(n).min(self.len);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        if self.secret {
            self.head.zeroize();
            self.tail.zeroize();
        }
        self.head.clear();
        self.ranges.clear();
        self.tail.clear();
        self.len = 0;
        self.written = 0;
        self.secret = false;
    }

    /// Lets `append` write at the end: behind the ranges if there are any.
    pub(crate) fn append_with(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        let end = if self.ranges.is_empty() { &mut self.head } else { &mut self.tail };
        let before = end.len();
        append(end);
        self.len += end.len() - before;
    }

    /// Appends a range of the caller's chunk.  The tail must still be empty.
    pub(crate) fn push_range(&mut self, range: Range<usize>) {
        debug_assert!(self.tail.is_empty());
        self.len += range.len();
        self.ranges.push(range);
    }

    /// Takes the ranges back.
    pub(crate) fn clear_ranges(&mut self) {
        self.len -= self.ranges.iter().map(Range::len).sum::<usize>();
        self.ranges.clear();
    }

    /// The bytes hold a credential: overwrite them when they have been written.
    pub(crate) fn mark_secret(&mut self) {
        self.secret = true;
    }

    /// Whether [`mark_secret`](Self::mark_secret) was called since the last byte was written.
    pub(crate) fn is_secret(&self) -> bool {
        self.secret
    }

    /// How many ranges of the chunk there are.
    pub(crate) fn range_count(&self) -> usize {
        self.ranges.len()
    }
}

/// Output was to be written with another chunk than the one it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongChunk {
    /// Bytes that the chunk must have.
    pub needed: usize,
    /// Bytes that it has.
    pub given: usize,
}

impl fmt::Display for WrongChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, given } = self;
        write!(f, "the output refers to a chunk of at least {needed} bytes, and this one has {given}")
    }
}

impl core::error::Error for WrongChunk {}

impl Drop for Output {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("len", &self.len())
            .field("ranges", &self.ranges.len())
            .finish_non_exhaustive()
    }
}
