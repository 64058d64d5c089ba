//! Framing of content in chunks that say how long they are (RFC 3030 section 2).

use alloc::vec::Vec;
use core::fmt;

use super::dots::first_bare_line_end;
use super::{BareLineEnd, BodyError};
use crate::Output;

/// A chunk of content whose whole size is not known has so many bytes, unless it is the last.
const CHUNK: usize = 1 << 20;
/// Blocks of this size are looked over for bare line ends.
const BLOCK: usize = 512;

/// Content on its way in chunks.
#[derive(Clone)]
pub(crate) struct Chunker {
    /// Bytes of the whole content, if that is known: then it is one chunk.
    size: Option<u64>,
    /// Whether bare CR and LF are content like all other bytes.
    binary: bool,
    after_cr: bool,
    taken: u64,
    /// A chunk in the making, of content whose size is not known; else the last byte, which is held back until it is
    /// sure that it is the last.
    staged: Vec<u8>,
    begun: bool,
    ended: bool,
}

/// What is to be put out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Nothing yet.
    None,
    /// Of the only chunk: the command if it begins, so much of the content that was just given, and what is staged if the
    /// content ends.
    Only { begins: Option<u64>, content: usize, ends: bool },
    /// The command, and what is staged.
    Staged { size: u64, last: bool },
}

impl Chunker {
    pub(crate) fn new(size: Option<u64>, binary: bool) -> Self {
        Self { size, binary, after_cr: false, taken: 0, staged: Vec::new(), begun: false, ended: false }
    }

    /// Bytes of content taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether a chunk has begun and is not complete: nothing but content can follow.
    pub(crate) fn is_mid_chunk(&self) -> bool {
        self.begun && !self.ended
    }

    /// Takes all of `content`, or the front of it; returns how much, and what is to be put out.
    pub(crate) fn frame(&mut self, content: &[u8], last: bool) -> Result<(usize, Chunk), BodyError> {
        let taken = match self.size {
            Some(_) => content.len(),
            None => content.len().min(CHUNK - self.staged.len()),
        };
        let ends = last && taken == content.len();
        if !self.binary {
            self.check(&content[..taken], ends).map_err(BodyError::BareLineEnd)?;
        }
        self.taken += taken as u64;
        if let Some(declared) = self.size {
            if self.taken > declared {
                return Err(BodyError::TooLong { declared });
            }
            if ends && self.taken < declared {
                return Err(BodyError::TooShort { declared, taken: self.taken });
            }
            // Of nothing no byte can be held back: it is put out when it is sure that there is no more.
            if declared == 0 && !ends {
                return Ok((taken, Chunk::None));
            }
            let begins = (!core::mem::replace(&mut self.begun, true)).then_some(declared);
            self.ended = ends;
            let (content, held) = match content.split_last() {
                Some((last, front)) if !ends && self.taken == declared => (front, Some(*last)),
                _ => (content, None),
            };
            self.staged.extend(held);
            return Ok((taken, Chunk::Only { begins, content: content.len(), ends }));
        }
        self.staged.extend_from_slice(&content[..taken]);
        self.ended = ends;
        let is_due = ends || self.staged.len() == CHUNK;
        let size = self.staged.len() as u64;
        Ok((taken, if is_due { Chunk::Staged { size, last: ends } } else { Chunk::None }))
    }

    /// Appends what is staged.  The verdict on the content may be long in coming, so that its memory goes at the end.
    pub(crate) fn take_staged(&mut self, out: &mut Output) {
        out.append_with(|bytes| bytes.extend_from_slice(&self.staged));
        match self.ended {
            true => self.staged = Vec::new(),
            false => self.staged.clear(),
        }
    }

    fn check(&mut self, content: &[u8], ends: bool) -> Result<(), BareLineEnd> {
        if let Some(&first) = content.first() {
            if self.after_cr != (first == b'\n') {
                return Err(BareLineEnd { offset: self.taken - u64::from(self.after_cr) });
            }
            for start in (0..content.len()).step_by(BLOCK) {
                // With the first byte of the next one.
                let block = &content[start..content.len().min(start + BLOCK + 1)];
                if has_bare_line_end(block) {
                    let at = start + first_bare_line_end(block).unwrap_or_default();
                    return Err(BareLineEnd { offset: self.taken + at as u64 });
                }
            }
            self.after_cr = content.ends_with(b"\r");
        }
        match ends && self.after_cr {
            true => Err(BareLineEnd { offset: self.taken + content.len() as u64 - 1 }),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Chunker {
    /// Shows nothing of the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunker")
            .field("size", &self.size)
            .field("taken", &self.taken)
            .field("staged", &self.staged.len())
            .finish_non_exhaustive()
    }
}

/// Whether there is a bare line end, a CR at the end apart.
fn has_bare_line_end(block: &[u8]) -> bool {
    let pairs = block.iter().zip(block.get(1..).unwrap_or_default());
    pairs.fold(false, |bare, (&a, &b)| bare | ((a == b'\r') != (b == b'\n')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn what_is_wholly_sent_holds_no_memory() {
        let (mut chunker, mut out) = (Chunker::new(None, true), Output::new());
        assert_eq!(
            chunker.frame(&vec![0; CHUNK], false),
            Ok((CHUNK, Chunk::Staged { size: 1 << 20, last: false }))
        );
        chunker.take_staged(&mut out);
        assert_eq!(chunker.frame(b"x", true), Ok((1, Chunk::Staged { size: 1, last: true })));
        chunker.take_staged(&mut out);
        assert_eq!((out.len(), chunker.staged.capacity()), (CHUNK + 1, 0));
    }

    #[test]
    fn a_known_size_is_kept_to() {
        let only = |begins, content, ends| Chunk::Only { begins, content, ends };
        let mut chunker = Chunker::new(Some(5), false);
        assert_eq!(chunker.frame(b"a\r", false), Ok((2, only(Some(5), 2, false))));
        assert!(chunker.is_mid_chunk());
        assert_eq!(chunker.frame(b"\nb", false), Ok((2, only(None, 2, false))));
        let (mut long, mut short, mut held) = (chunker.clone(), chunker.clone(), chunker.clone());
        assert_eq!(long.frame(b"cd", false), Err(BodyError::TooLong { declared: 5 }));
        assert_eq!(short.frame(b"", true), Err(BodyError::TooShort { declared: 5, taken: 4 }));
        assert_eq!(chunker.frame(b"c", true), Ok((1, only(None, 1, true))));
        assert!(!chunker.is_mid_chunk());
        // The last byte waits for the word that it is the last.
        assert_eq!(held.frame(b"c", false), Ok((1, only(None, 0, false))));
        assert!(held.is_mid_chunk());
        assert_eq!(held.clone().frame(b"d", true), Err(BodyError::TooLong { declared: 5 }));
        assert_eq!(held.frame(b"", true), Ok((0, only(None, 0, true))));
        let mut out = Output::new();
        held.take_staged(&mut out);
        assert_eq!((out.len(), held.is_mid_chunk()), (1, false));
        let mut empty = Chunker::new(Some(0), false);
        assert_eq!(empty.frame(b"", false), Ok((0, Chunk::None)));
        assert_eq!(empty.frame(b"", true), Ok((0, only(Some(0), 0, true))));
    }

    #[test]
    fn without_a_size_chunks_are_large() {
        let mut chunker = Chunker::new(None, false);
        assert_eq!(chunker.frame(b"a", false), Ok((1, Chunk::None)));
        let rest = vec![b'b'; CHUNK];
        let size = CHUNK as u64;
        assert_eq!(chunker.frame(&rest, true), Ok((CHUNK - 1, Chunk::Staged { size, last: false })));
        let mut out = Output::new();
        chunker.take_staged(&mut out);
        assert_eq!(out.len(), CHUNK);
        assert_eq!(chunker.frame(&rest[..1], true), Ok((1, Chunk::Staged { size: 1, last: true })));
        assert_eq!(chunker.taken(), size + 1);
    }

    #[test]
    fn bare_line_ends_are_refused_but_in_binary() {
        for (content, offset) in [("a\nb", 1), ("a\rb", 1), ("ab\r", 2), ("\n", 0), ("\r\r\n", 0)] {
            for cut in 0..=content.len() {
                let (start, end) = content.as_bytes().split_at(cut);
                let frame = |binary| {
                    let mut chunker = Chunker::new(None, binary);
                    chunker.frame(start, false).and_then(|_| chunker.frame(end, true))
                };
                let error = BodyError::BareLineEnd(BareLineEnd { offset });
                assert_eq!(frame(false), Err(error), "{content:?} cut at {cut}");
                assert!(frame(true).is_ok());
            }
        }
    }
}
