//! The text of a reply as it came, with room for a usual one in place (RFC 5321 section 4.2.1).

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::hash::{Hash, Hasher};

use super::Code;
use super::parser::AtMostLf;

/// What came between the separator of the first line and the end of the last.
///
/// What separates lines, their ends and codes, stays inside, so that a reply of any length is stored by one copy.
///
/// It is no enum, because a value whose first byte is looked at takes several times as long to move.
#[derive(Clone)]
pub(crate) struct Text {
    /// A long text.  It is shared by clones, because one reply may decide for ten thousand recipients.
    heap: Option<Arc<[u8]>>,
    inline: [u8; Text::INLINE],
    len: u8,
}

impl Text {
    const INLINE: usize = 71;

    #[inline(always)]
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut new = Self { heap: None, inline: [0; Self::INLINE], len: 0 };
        match (new.inline.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(text);
                new.len = len;
            }
            _ => new.heap = Some(text.into()),
        }
        new
    }

    /// From lines separated by LF.
    pub(crate) fn from_lines(code: Code, lines: &str) -> Self {
        match lines.rsplit_once('\n') {
            None => Self::new(lines.as_bytes()),
            Some((before, last)) => {
                let before = before.replace('\n', &format!("\r\n{code}-"));
                Self::new(format!("{before}\r\n{code} {last}").as_bytes())
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.heap.as_deref().unwrap_or(&self.inline[..usize::from(self.len)])
    }

    /// Puts other characters where it is not UTF-8.
    #[inline(always)]
    pub(crate) fn make_utf8(&mut self) {
        let bytes = self.as_bytes();
        if !is_ascii(bytes) && str::from_utf8(bytes).is_err() {
            *self = Self::new(String::from_utf8_lossy(bytes).as_bytes());
        }
    }

    /// The text of each line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut next = Some(self.as_bytes());
        core::iter::from_fn(move || {
            let (line, rest) = split_line(next?);
            next = rest;
            Some(line)
        })
    }
}

/// The same as the method, which for a text of this size takes several times as long.
#[inline(always)]
fn is_ascii(text: &[u8]) -> bool {
    const TOP: u64 = 0x8080_8080_8080_8080;
    let Some(last) = text.last_chunk() else { return text.is_ascii() };
    let words = text.as_chunks().0.iter().chain([last]);
    words.fold(0, |seen, word| seen | u64::from_ne_bytes(*word)) & TOP == 0
}

/// The first line of a text, and the text from the next one on.
#[inline(always)]
pub(crate) fn split_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(lf) = AtMostLf::new(text).find(|&at| text[at] == b'\n') else { return (text, None) };
    let line = &text[..lf];
    // Without text there may be no separator either.
    let rest = text.get(lf + "\n250-".len()..).unwrap_or_default();
    (line.strip_suffix(b"\r").unwrap_or(line), Some(rest))
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.lines().eq(other.lines())
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lines().for_each(|line| line.hash(state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    #[test]
    fn text_is_on_the_heap_when_it_is_long() {
        assert!(Text::new(&[b'a'; 71]).heap.is_none());
        assert!(Text::new(&[b'a'; 72]).inline == [0; 71]);
        for len in [0, 71, 72, 300] {
            let text = vec![b'a'; len];
            assert_eq!(Text::new(&text).as_bytes(), text);
        }
    }

    #[test]
    fn lines_are_the_same_whatever_separates_them() {
        let lines = |text: &[u8]| -> Vec<Vec<u8>> { Text::new(text).lines().map(<[u8]>::to_vec).collect() };
        assert_eq!(lines(b""), [b""]);
        assert_eq!(lines(b"a\r\n250-b\r\n250 c"), [b"a", b"b", b"c"]);
        assert_eq!(lines(b"a\n250 b"), [b"a", b"b"]);
        assert_eq!(lines(b"\r\r\n250-\r\n250"), [&b"\r"[..], b"", b""]);
        let code = Code::new(250).unwrap();
        assert_eq!(Text::from_lines(code, "a\nb\n").as_bytes(), b"a\r\n250-b\r\n250 ");
        assert!(Text::new(b"a\n250") == Text::from_lines(code, "a\n"));
    }
}
