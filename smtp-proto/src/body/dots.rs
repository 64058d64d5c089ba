//! Transparency for DATA (RFC 5321 section 4.5.2).

use super::BareLineEnd;
use crate::Output;

/// Doubles the dots at line starts and ends the content with a line that is a single dot.
///
/// ```
/// use smtp_proto::{Output, body::DotStuffer};
///
/// let (mut framing, mut out) = (DotStuffer::new(), Output::new());
/// let chunk = b"a\r\n.b\r\n";
/// assert_eq!(framing.frame(chunk, &mut out), Ok(chunk.len()));
/// framing.finish(&mut out)?;
/// assert_eq!(out.slices(chunk).unwrap().collect::<Vec<_>>().concat(), b"a\r\n..b\r\n.\r\n");
/// # Ok::<(), smtp_proto::body::BareLineEnd>(())
/// ```
#[derive(Clone, Debug)]
pub struct DotStuffer {
    at: At,
    offset: u64,
}

/// What the byte before the next one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    Middle,
    AfterCr,
    /// There is none: the content has ended.
    Ended,
}

impl DotStuffer {
    /// So many doubled dots are framed in one call at most, which bounds the ranges of an [`Output`].
    const MAX_RANGES: usize = 256;

    /// So many bytes are looked over at a time for whether they need a closer look.
    const BLOCK: usize = 512;

    /// At the start of the content.
    #[allow(clippy::new_without_default)] // a framing that has begun is no sensible default
    pub fn new() -> Self {
        Self { at: At::LineStart, offset: 0 }
    }

    /// Bytes of content taken so far.
    pub fn taken(&self) -> u64 {
        self.offset
    }

    /// Appends ranges of `chunk` to `out`; returns how much of `chunk` was taken.  It is less than all if the chunk has
    /// very many lines that begin with a dot, and nothing if `out` still refers to another chunk, or after
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// A bare line end; nothing was appended.
    pub fn frame(&mut self, chunk: &[u8], out: &mut Output) -> Result<usize, BareLineEnd> {
        if out.range_count() > 0 || self.at == At::Ended {
            return Ok(0);
        }
        let bare = |at: usize| BareLineEnd { offset: self.offset + at as u64 };
        let Some(&first) = chunk.first() else { return Ok(0) };
        if (self.at == At::AfterCr) != (first == b'\n') {
            let before = usize::from(self.at == At::AfterCr);
            return Err(BareLineEnd { offset: self.offset - before as u64 });
        }
        let mut ranges = Ranges { out, start: 0, doubled: 0 };
        if self.at == At::LineStart && first == b'.' {
            ranges.double(0);
        }
        let mut taken = chunk.len();
        'chunk: for start in (0..chunk.len()).step_by(Self::BLOCK) {
            // With the first byte of the next one.
            let block = &chunk[start..chunk.len().min(start + Self::BLOCK + 1)];
            let seen = Seen::in_pairs(block);
            if seen.bare_line_end {
                ranges.undo();
                return Err(bare(start + first_bare_line_end(block).unwrap_or_default()));
            }
            if !seen.dot {
                continue;
            }
            for lf in memchr::memchr_iter(b'\n', block) {
                if block.get(lf + 1) == Some(&b'.') {
                    if ranges.doubled == Self::MAX_RANGES {
                        taken = start + lf + 1;
                        break 'chunk;
                    }
                    ranges.double(start + lf + 1);
                }
            }
        }
        ranges.push(taken);
        self.offset += taken as u64;
        self.at = match chunk[taken - 1] {
            b'\n' => At::LineStart,
            b'\r' => At::AfterCr,
            _ => At::Middle,
        };
        Ok(taken)
    }

    /// Appends what ends the content: a line end if the last line has none, and the line with the dot.
    ///
    /// # Errors
    /// The content ends in a bare CR; nothing was appended.
    pub fn finish(&mut self, out: &mut Output) -> Result<(), BareLineEnd> {
        let end: &[u8] = match self.at {
            At::LineStart => b".\r\n",
            At::Middle => b"\r\n.\r\n",
            At::AfterCr => return Err(BareLineEnd { offset: self.offset - 1 }),
            At::Ended => return Ok(()),
        };
        self.at = At::Ended;
        out.append_with(|bytes| bytes.extend_from_slice(end));
        Ok(())
    }
}

/// What there is somewhere in a block.
struct Seen {
    bare_line_end: bool,
    /// One at the start of a line.
    dot: bool,
}

impl Seen {
    /// Looks at all pairs of neighbours, without a branch, so that the compiler does many at a time.
    fn in_pairs(block: &[u8]) -> Self {
        let pairs = block.iter().zip(block.get(1..).unwrap_or_default());
        let (bare_line_end, dot) = pairs.fold((false, false), |(bare_line_end, dot), (&a, &b)| {
            (bare_line_end | ((a == b'\r') != (b == b'\n')), dot | ((a == b'\n') & (b == b'.')))
        });
        Self { bare_line_end, dot }
    }
}

pub(super) fn first_bare_line_end(block: &[u8]) -> Option<usize> {
    let pair = block.windows(2).position(|pair| (pair[0] == b'\r') != (pair[1] == b'\n'))?;
    Some(pair + usize::from(block[pair] != b'\r'))
}

/// Ranges being added to an output.
struct Ranges<'a> {
    out: &'a mut Output,
    start: usize,
    doubled: usize,
}

impl Ranges<'_> {
    /// Ends a range behind the dot at `dot` and begins the next one before it.
    fn double(&mut self, dot: usize) {
        self.out.push_range(self.start..dot + 1);
        self.start = dot;
        self.doubled += 1;
    }

    fn push(&mut self, end: usize) {
        self.out.push_range(self.start..end);
    }

    fn undo(&mut self) {
        self.out.clear_ranges();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    /// What goes on the wire for the chunks.
    fn frame<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BareLineEnd> {
        let (mut framing, mut out, mut wire) = (DotStuffer::new(), Output::new(), Vec::new());
        for mut chunk in chunks {
            while !chunk.is_empty() {
                let taken = framing.frame(chunk, &mut out)?;
                out.parts(chunk).for_each(|slice| wire.extend_from_slice(slice));
                out.clear();
                chunk = &chunk[taken..];
            }
        }
        framing.finish(&mut out)?;
        out.parts(&[]).for_each(|slice| wire.extend_from_slice(slice));
        Ok(wire)
    }

    /// The same by definition, byte for byte.
    fn oracle(content: &[u8]) -> Result<Vec<u8>, BareLineEnd> {
        let mut wire = Vec::new();
        for (i, &byte) in content.iter().enumerate() {
            let before = i.checked_sub(1).map(|i| content[i]);
            let lonely = match byte {
                b'\n' => before != Some(b'\r'),
                b'\r' => content.get(i + 1) != Some(&b'\n'),
                _ => false,
            };
            if lonely {
                return Err(BareLineEnd { offset: i as u64 });
            }
            if byte == b'.' && matches!(before, None | Some(b'\n')) {
                wire.push(b'.');
            }
            wire.push(byte);
        }
        if !content.is_empty() && !content.ends_with(b"\n") {
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b".\r\n");
        Ok(wire)
    }

    /// Checks a content at every split; returns the wire form.
    fn check(content: &[u8]) -> Result<Vec<u8>, BareLineEnd> {
        let wire = frame([content]);
        for cut in 0..=content.len() {
            let split = frame([&content[..cut], &content[cut..]]);
            match (&wire, &split) {
                // Which of two faults is found first may depend on the cut.
                (Err(_), Err(_)) => {}
                _ => assert_eq!(split, wire, "cut at {cut} of {:?}", crate::escape::Escaped(content)),
            }
        }
        match (&wire, oracle(content)) {
            (Err(_), Err(_)) => {}
            (wire, oracle) => assert_eq!(*wire, oracle, "{:?}", crate::escape::Escaped(content)),
        }
        wire
    }

    #[test]
    fn case_m3_dots_are_doubled_and_bare_line_ends_refused() {
        assert_eq!(check(b"a\r\n\r\n.\r\nRSET\r\n").unwrap(), b"a\r\n\r\n..\r\nRSET\r\n.\r\n");
        assert_eq!(check(b".").unwrap(), b"..\r\n.\r\n");
        assert_eq!(check(b"..\r\n.a.\r\n").unwrap(), b"...\r\n..a.\r\n.\r\n");
        assert_eq!(check(b"\r.\r"), Err(BareLineEnd { offset: 0 }));
        assert_eq!(check(b"\n.\n"), Err(BareLineEnd { offset: 0 }));
        assert_eq!(check(b"\r\n.\n"), Err(BareLineEnd { offset: 3 }));
        assert_eq!(check(b"a\rb\r\n"), Err(BareLineEnd { offset: 1 }));
        assert_eq!(check(b"a\r\n\r"), Err(BareLineEnd { offset: 3 }));
        assert_eq!(check(b"\r\r\n"), Err(BareLineEnd { offset: 0 }));
    }

    #[test]
    fn case_m4_no_line_is_added_that_is_there() {
        assert_eq!(check(b"hi\r\n").unwrap(), b"hi\r\n.\r\n");
        assert_eq!(check(b"hi").unwrap(), b"hi\r\n.\r\n");
        assert_eq!(check(b"").unwrap(), b".\r\n");
    }

    #[test]
    fn every_short_content_is_framed_as_defined() {
        const ALPHABET: [u8; 4] = *b"\r\n.a";
        for len in 0..=6 {
            for number in 0..ALPHABET.len().pow(len) {
                let digits = (0..len).map(|i| ALPHABET[number / ALPHABET.len().pow(i) % ALPHABET.len()]);
                let _ = check(&digits.collect::<Vec<u8>>());
            }
        }
    }

    #[test]
    fn blocks_hide_nothing_at_their_ends() {
        for piece in [&b"\r\n.\r\n..a"[..], b"\n", b"\r", b"\r\r\n", b"\n\r"] {
            for at in DotStuffer::BLOCK - piece.len() - 2..DotStuffer::BLOCK + 3 {
                let mut content = vec![b'a'; 2 * DotStuffer::BLOCK + 10];
                content[at..at + piece.len()].copy_from_slice(piece);
                assert_eq!(frame([&content[..]]), oracle(&content), "{piece:?} at {at}");
            }
        }
    }

    #[test]
    fn a_call_takes_a_bounded_number_of_dots() {
        let content = b".\r\n".repeat(1000);
        let mut out = Output::new();
        let taken = DotStuffer::new().frame(&content, &mut out).unwrap();
        assert!(taken < content.len());
        assert!(out.range_count() <= DotStuffer::MAX_RANGES + 1);
        assert_eq!(frame([&content[..]]).unwrap(), oracle(&content).unwrap());
    }
}
