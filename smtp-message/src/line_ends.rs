//! Line ends in one linear pass: CR LF stays, a bare CR or LF becomes CR LF (RFC 5321 section 2.3.8).
//!
//! CRs before a CR LF are of that line end, for they come of text whose line ends were converted twice: taken for lines
//! they would be empty ones, and the first of them the end of the headers.

use memchr::{memchr, memchr_iter, memchr2};

use crate::steps;

/// Octets of a line without its end (RFC 5321 section 4.5.3.1.6).
pub(crate) const LINE_LIMIT: usize = 998;

/// Octets that are looked at together.
const BLOCK: usize = 64;

/// Where the first CR or LF stands that is not part of a CR LF.
pub(crate) fn find_bare(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(0),
        [.., last] => find_bare_within(bytes).or((*last == b'\r').then(|| bytes.len() - 1)),
        [] => None,
    }
}

/// The same, but for an LF at the front and a CR at the end, whose other halves may be elsewhere.
pub(crate) fn find_bare_within(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    // Blocks are looked at without a branch, for which compilers use vector instructions.
    while let (Some(these), Some(next)) = (bytes.get(at..at + BLOCK), bytes.get(at + 1..at + 1 + BLOCK)) {
        steps::add(BLOCK);
        if these.iter().zip(next).fold(false, |any, (&octet, &next)| any | is_half(octet, next)) {
            break;
        }
        at += BLOCK;
    }
    let half = bytes[at..].windows(2).position(|pair| is_half(pair[0], pair[1]))?;
    steps::add(half);
    // It is the second of the two unless that is no LF.
    Some(at + half + usize::from(bytes[at + half] != b'\r'))
}

/// Whether just one of two octets is what a CR LF has in its place.
#[inline]
pub(crate) fn is_half(octet: u8, next: u8) -> bool {
    (octet == b'\r') != (next == b'\n')
}

/// Where the first CR stands that belongs to no line end, in the header section alone or in all there is.  There is none
/// where all line ends are CRs, as they once were on some computers: then there is no LF.
pub(crate) fn find_lone_cr(bytes: &[u8], head: bool) -> Option<usize> {
    memchr(b'\n', bytes)?;
    let mut from = 0;
    while from < bytes.len() {
        let rest = &bytes[from..];
        let end = memchr(b'\n', rest);
        let mut line = end.map_or(rest, |end| &rest[..end]);
        steps::add(line.len() + 1);
        while end.is_some()
            && let Some(before) = line.strip_suffix(b"\r")
        {
            line = before;
        }
        if let Some(at) = memchr(b'\r', line) {
            return Some(from + at);
        }
        if line.is_empty() && head {
            return None;
        }
        from += end.map_or(rest.len(), |end| end + 1);
    }
    None
}

/// Turns every run of CRs with a LF behind it, and every other CR and LF, into one CR LF; adds one if the end lacks it;
/// nothing stays nothing.
pub(crate) fn normalise(bytes: Vec<u8>) -> Vec<u8> {
    if find_bare(&bytes).is_none() && (bytes.is_empty() || bytes.ends_with(b"\n")) {
        return bytes;
    }
    normalise_all(&bytes)
}

/// The same for data that is known to need it.
pub(crate) fn normalise_all(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16 + 2);
    let mut normaliser = Normaliser::default();
    normaliser.feed(bytes, &mut out);
    normaliser.finish(&mut out);
    out
}

/// The same for data that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Normaliser {
    /// CRs at the end of what came, which may be of a line end.
    crs: usize,
    /// What was put out last is not a line end.
    in_line: bool,
}

impl Normaliser {
    /// Appends the lines of the next piece.
    pub(crate) fn feed(&mut self, mut data: &[u8], out: &mut Vec<u8>) {
        while let Some(&first) = data.first() {
            match first {
                b'\r' => {
                    self.crs += 1;
                    data = &data[1..];
                    steps::add(1);
                    continue;
                }
                b'\n' => {
                    self.crs = 0;
                    self.in_line = false;
                    out.extend_from_slice(b"\r\n");
                    data = &data[1..];
                    steps::add(1);
                    continue;
                }
                _ => self.flush(out),
            }
            let end = memchr2(b'\r', b'\n', data).unwrap_or(data.len());
            steps::add(end);
            out.extend_from_slice(&data[..end]);
            self.in_line = true;
            data = &data[end..];
        }
    }

    /// Ends the last line, if there is one.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        if std::mem::take(&mut self.in_line) {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// CRs without a LF behind them are a line end each.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.crs > 0 {
            (0..self.crs).for_each(|_| out.extend_from_slice(b"\r\n"));
            self.crs = 0;
            self.in_line = false;
        }
    }
}

/// The first line, counted from 1, that has more than [`LINE_LIMIT`] octets, and how many it has.
pub(crate) fn find_long_line(data: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    let ends = memchr_iter(b'\n', data).map(|at| (at.saturating_sub(1), at + 1));
    for (number, (end, next)) in ends.chain([(data.len(), data.len())]).enumerate() {
        let length = end.saturating_sub(start);
        if length > LINE_LIMIT {
            return Some((number + 1, length));
        }
        start = next;
    }
    None
}

/// What [`find_bare`] finds, octet by octet.
#[cfg(test)]
pub(crate) fn first_bare(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match &text[at..] {
            [b'\r', b'\n', ..] => at += 2,
            [b'\r' | b'\n', ..] => return Some(at),
            [_, ..] => at += 1,
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_line_ends_are_found_wherever_they_stand() {
        // All texts of eight of these characters, behind others of many lengths.
        for number in 0..3_u32.pow(8) {
            let mut text = vec![b'x'; number as usize % 200];
            text.extend((0..8).map(|i| b"a\r\n"[(number / 3_u32.pow(i) % 3) as usize]));
            assert_eq!(find_bare(&text), first_bare(&text), "{}", text.escape_ascii());
        }
        assert_eq!((find_bare(b""), find_bare(b"\r"), find_bare(b"\n")), (None, Some(0), Some(0)));
        for piece in ["a", "\r\n", "a\r\n"] {
            steps::assert_linear(piece, |text| _ = find_bare(text.as_bytes()));
        }
    }

    #[test]
    fn long_lines_are_found() {
        let long = "x".repeat(999);
        assert_eq!(find_long_line(long.as_bytes()), Some((1, 999)));
        assert_eq!(find_long_line(format!("a\r\n{long}\r\n").as_bytes()), Some((2, 999)));
        assert_eq!(find_long_line(format!("a\r\n{}\r\n", &long[1..]).as_bytes()), None);
        assert_eq!(find_long_line(b"\n"), None);
    }

    #[test]
    fn case_m11_normalising_is_linear() {
        for piece in ["\n", "\r", "\r\n", "\r\r\n", "a\n", "a\r", "\r\ra", "ab\n\r"] {
            steps::assert_linear(piece, |text| drop(normalise(text.into())));
            steps::assert_linear(piece, |text| _ = find_lone_cr(format!("{text}x\n").as_bytes(), false));
        }
    }

    #[test]
    fn case_m3_only_crlf_leaves() {
        for (input, output) in [
            ("", ""),
            ("a", "a\r\n"),
            ("a\n", "a\r\n"),
            ("a\r", "a\r\n"),
            ("a\r\n", "a\r\n"),
            ("\r.\r", "\r\n.\r\n"),
            ("\n.\n", "\r\n.\r\n"),
            ("\r\n.\n", "\r\n.\r\n"),
            ("\r\r\n\n\r", "\r\n\r\n\r\n"),
            ("a\r\r\r\nb\r\r", "a\r\nb\r\n\r\n"),
            ("a\r\n\r\n.\r\nRSET\r\n", "a\r\n\r\n.\r\nRSET\r\n"),
        ] {
            assert_eq!(normalise(input.into()), output.as_bytes(), "{input:?}");
        }
        // All texts of eight of these characters, against a definition that counts CRs.
        for number in 0..3_u32.pow(8) {
            let input: Vec<u8> = (0..8).map(|i| b"a\r\n"[(number / 3_u32.pow(i) % 3) as usize]).collect();
            let mut expected = Vec::new();
            let mut crs = 0;
            for &byte in &input {
                match byte {
                    b'\r' => crs += 1,
                    b'\n' => {
                        expected.extend_from_slice(b"\r\n");
                        crs = 0;
                    }
                    _ => {
                        expected.extend(b"\r\n".repeat(crs));
                        expected.push(byte);
                        crs = 0;
                    }
                }
            }
            expected.extend(b"\r\n".repeat(crs));
            if input.ends_with(b"a") {
                expected.extend_from_slice(b"\r\n");
            }
            assert_eq!(normalise(input.clone()), expected, "{input:?}");
            let (mut pieces, mut normaliser) = (Vec::new(), Normaliser::default());
            input.chunks(3).for_each(|piece| normaliser.feed(piece, &mut pieces));
            normaliser.finish(&mut pieces);
            assert_eq!(pieces, expected, "{input:?} in pieces");
            assert_eq!(find_bare(&expected), None);
        }
    }
}
