//! Bodies (RFC 6376 sections 3.4.3 and 3.4.4), in pieces cut anywhere, in linear time.
//!
//! Stretches in which nothing changes, which is nearly all of most bodies, go to the hash as they are; they are found
//! in blocks, for which compilers use vector instructions.  Only what is between them is looked at octet by octet.

use super::Canon;
use crate::steps;

/// Octets that are looked at together.
const BLOCK: usize = 64;
/// Octets of a word.
const WORD: usize = size_of::<u64>();
const EACH: u64 = u64::MAX / 0xff;
const TOP: u64 = EACH << 7;
/// Octets that are collected of small pieces.
const STAGE: usize = 4 << 10;
/// Stretches that are shorter are collected.
const LONG: usize = 512;

/// Makes the canonical form of a body that comes in pieces.
///
/// Only CRLF ends a line, as in mail on the wire; any other CR or LF is an octet like others.
///
/// ```
/// use smtp_message::dkim::{BodyCanonicalizer, Canon};
///
/// let mut body = BodyCanonicalizer::new(Canon::Relaxed);
/// let mut canonical = Vec::new();
/// for piece in ["  C \r", "\n D \t", " E\r\n\r\n", "\r\n"] {
///     body.update(piece.as_bytes(), &mut |octets| canonical.extend_from_slice(octets));
/// }
/// body.finish(&mut |octets| canonical.extend_from_slice(octets));
/// assert_eq!(canonical, b" C\r\n D E\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct BodyCanonicalizer {
    canon: Canon,
    /// Line ends that wait: at the end of the body all but one do not count.
    line_ends: u64,
    /// White space waits: at the end of a line it does not count.
    white_space: bool,
    /// A CR waits for an LF.
    carriage_return: bool,
    /// Nothing but line ends came yet.
    empty: bool,
    stage: Vec<u8>,
}

impl BodyCanonicalizer {
    /// A body of which nothing came yet.
    pub fn new(canon: Canon) -> Self {
        Self {
            canon,
            line_ends: 0,
            white_space: false,
            carriage_return: false,
            empty: true,
            stage: Vec::new(),
        }
    }

    /// Takes the next piece and gives what is certain of the canonical form to `sink`.
    pub fn update(&mut self, piece: &[u8], sink: &mut impl FnMut(&[u8])) {
        let mut rest = piece;
        while let Some((&octet, behind)) = rest.split_first() {
            if self.white_space || self.carriage_return {
                self.octet(octet, sink);
                rest = behind;
                continue;
            }
            let length = match self.canon {
                Canon::Simple => rest.len(),
                Canon::Relaxed => unchanged(rest),
            };
            let (mut stretch, behind) = rest.split_at(length);
            rest = behind;
            if behind.is_empty()
                && let Some(before) = stretch.strip_suffix(b"\r")
            {
                self.carriage_return = true;
                stretch = before;
            }
            self.stretch(stretch, sink);
            rest = self.white_space(rest, sink);
        }
        self.flush(sink);
    }

    /// Gives the end of the canonical form to `sink`.
    pub fn finish(mut self, sink: &mut impl FnMut(&[u8])) {
        if self.carriage_return {
            self.data(b'\r', sink);
        }
        if !self.empty || self.canon == Canon::Simple {
            self.stage.extend_from_slice(b"\r\n");
        }
        self.flush(sink);
    }

    /// Octets of which only line ends at their end may change.
    fn stretch(&mut self, mut stretch: &[u8], sink: &mut impl FnMut(&[u8])) {
        let mut line_ends = 0;
        while let Some(before) = stretch.strip_suffix(b"\r\n") {
            steps::add(2);
            line_ends += 1;
            stretch = before;
        }
        if !stretch.is_empty() {
            self.write_line_ends(sink);
            if stretch.len() < LONG {
                self.stage.extend_from_slice(stretch);
            } else {
                self.flush(sink);
                sink(stretch);
            }
            if self.stage.len() >= STAGE {
                self.flush(sink);
            }
            self.empty = false;
        }
        self.line_ends += line_ends;
    }

    /// The white space at the front, if there is any; what is behind it.
    fn white_space<'a>(&mut self, octets: &'a [u8], sink: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let mut rest = octets;
        while let [b' ' | b'\t', behind @ ..] = rest {
            rest = behind;
        }
        steps::add(octets.len() - rest.len());
        match rest {
            _ if rest.len() == octets.len() => {}
            [] | [b'\r'] => self.white_space = true,
            [b'\r', b'\n', behind @ ..] => {
                self.line_ends += 1;
                rest = behind;
            }
            _ => {
                self.write_line_ends(sink);
                self.stage.push(b' ');
                self.empty = false;
            }
        }
        rest
    }

    /// An octet where something waits or changes.
    fn octet(&mut self, octet: u8, sink: &mut impl FnMut(&[u8])) {
        steps::add(1);
        if std::mem::take(&mut self.carriage_return) {
            if octet == b'\n' {
                self.white_space = false;
                self.line_ends += 1;
                return;
            }
            self.data(b'\r', sink);
        }
        match octet {
            b'\r' => self.carriage_return = true,
            b' ' | b'\t' if self.canon == Canon::Relaxed => self.white_space = true,
            _ => self.data(octet, sink),
        }
    }

    /// An octet that counts, and with it all that waited.
    fn data(&mut self, octet: u8, sink: &mut impl FnMut(&[u8])) {
        self.write_line_ends(sink);
        if std::mem::take(&mut self.white_space) {
            self.stage.push(b' ');
        }
        self.stage.push(octet);
        self.empty = false;
        if self.stage.len() >= STAGE {
            self.flush(sink);
        }
    }

    fn write_line_ends(&mut self, sink: &mut impl FnMut(&[u8])) {
        for _ in 0..std::mem::take(&mut self.line_ends) {
            steps::add(1);
            self.stage.extend_from_slice(b"\r\n");
            if self.stage.len() >= STAGE {
                self.flush(sink);
            }
        }
    }

    fn flush(&mut self, sink: &mut impl FnMut(&[u8])) {
        if !self.stage.is_empty() {
            sink(&self.stage);
            self.stage.clear();
        }
    }
}

/// Octets at the front that relaxing does not change, whatever comes behind them: up to a TAB, or a space in front of
/// white space or a line end, or a space at the end.
fn unchanged(octets: &[u8]) -> usize {
    // Where much changes no block is worth looking at.
    let at = words(octets, 0, 1);
    if at < WORD {
        return if octets.len() > WORD { at } else { singly(octets, at) };
    }
    let at = blocks::<BLOCK>(octets, at);
    let at = blocks::<{ BLOCK / 4 }>(octets, at);
    let at = words(octets, at, usize::MAX);
    singly(octets, at)
}

/// From a place on, so many words that do not change, and up to what does in the next.
fn words(octets: &[u8], mut at: usize, most: usize) -> usize {
    for _ in 0..most {
        let word = |at: usize| octets.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word));
        let (Some(word), Some(next)) = (word(at), word(at + 1)) else { break };
        steps::add(WORD);
        let found = equal(word, b'\t') | (equal(word, b' ') & at_most(next, b' '));
        at += (found.trailing_zeros() / 8) as usize;
        if found != 0 {
            break;
        }
    }
    at
}

/// The top bit of each octet that is this one.
fn equal(word: u64, octet: u8) -> u64 {
    at_most(word ^ (EACH * u64::from(octet)), 0)
}

/// The top bit of each octet that is no more than this one, which is below 128.
fn at_most(word: u64, octet: u8) -> u64 {
    // No octet carries into the next.
    let beyond = (word & !TOP) + EACH * u64::from(0x7f - octet);
    !(beyond | word) & TOP
}

/// From a place on, past all blocks in which nothing changes.
fn blocks<const LENGTH: usize>(octets: &[u8], mut at: usize) -> usize {
    while let (Some(block), Some(behind)) = (octets.get(at..at + LENGTH), octets.get(at + 1..at + 1 + LENGTH))
    {
        steps::add(LENGTH);
        if block.iter().zip(behind).fold(0, |any, (&octet, &next)| any | changes(octet, next)) != 0 {
            break;
        }
        at += LENGTH;
    }
    at
}

/// From a place on, past all octets that do not change.
fn singly(octets: &[u8], mut at: usize) -> usize {
    while let Some(&octet) = octets.get(at) {
        steps::add(1);
        if changes(octet, octets.get(at + 1).copied().unwrap_or(b' ')) != 0 {
            break;
        }
        at += 1;
    }
    at
}

/// Not 0 if an octet may change in front of `next`.  Controls behind a space are looked at for being below it: they are rare.
fn changes(octet: u8, next: u8) -> u8 {
    u8::from(octet == b'\t') | (u8::from(octet == b' ') & u8::from(next <= b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(canon: Canon, pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut body = BodyCanonicalizer::new(canon);
        for piece in pieces {
            body.update(piece, &mut |octets| out.extend_from_slice(octets));
        }
        body.finish(&mut |octets| out.extend_from_slice(octets));
        out
    }

    /// Line by line, as the RFC has it.
    fn by_definition(canon: Canon, body: &[u8]) -> Vec<u8> {
        let mut lines = vec![Vec::new()];
        let mut rest = body;
        while let Some((&octet, behind)) = rest.split_first() {
            if let Some(next) = rest.strip_prefix(b"\r\n") {
                lines.push(Vec::new());
                rest = next;
                continue;
            }
            rest = behind;
            let Some(line) = lines.last_mut() else { continue };
            match (octet, canon) {
                (b' ' | b'\t', Canon::Relaxed) if line.last() == Some(&b' ') => {}
                (b'\t', Canon::Relaxed) => line.push(b' '),
                _ => line.push(octet),
            }
        }
        if canon == Canon::Relaxed {
            lines.iter_mut().for_each(|line| line.truncate(line.trim_ascii_end_of_spaces()));
        }
        while lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        if lines.is_empty() && canon == Canon::Simple {
            lines.push(Vec::new());
        }
        lines.iter().flat_map(|line| line.iter().chain(b"\r\n")).copied().collect()
    }

    trait Line {
        fn trim_ascii_end_of_spaces(&self) -> usize;
    }

    impl Line for Vec<u8> {
        fn trim_ascii_end_of_spaces(&self) -> usize {
            self.len() - self.iter().rev().take_while(|&&octet| octet == b' ').count()
        }
    }

    #[test]
    fn case_m12_examples_of_the_rfc() {
        // RFC 6376 section 3.4.5, and the empty bodies of sections 3.4.3 and 3.4.4.
        let body = b" C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(canonical(Canon::Relaxed, &[body]), b" C\r\nD E\r\n");
        assert_eq!(canonical(Canon::Simple, &[body]), b" C \r\nD \t E\r\n");
        for (body, simple, relaxed) in [
            ("", "\r\n", ""),
            ("\r\n", "\r\n", ""),
            ("\r\n\r\n\r\n", "\r\n", ""),
            (" \t\r\n\r\n", " \t\r\n", ""),
            ("a", "a\r\n", "a\r\n"),
            ("a\r\n", "a\r\n", "a\r\n"),
            ("a \r\n\t", "a \r\n\t\r\n", "a\r\n"),
            ("a\rb\nc \r", "a\rb\nc \r\r\n", "a\rb\nc \r\r\n"),
        ] {
            assert_eq!(canonical(Canon::Simple, &[body.as_bytes()]), simple.as_bytes(), "{body:?}");
            assert_eq!(canonical(Canon::Relaxed, &[body.as_bytes()]), relaxed.as_bytes(), "{body:?}");
        }
    }

    #[test]
    fn case_m12_all_short_bodies_cut_anywhere() {
        const LENGTH: u32 = 7;
        for number in 0..5_u32.pow(LENGTH) {
            let body: Vec<u8> =
                (0..LENGTH).map(|i| b"a \t\r\n"[(number / 5_u32.pow(i) % 5) as usize]).collect();
            for canon in [Canon::Simple, Canon::Relaxed] {
                let expected = by_definition(canon, &body);
                let (front, back) = body.split_at(number as usize % body.len());
                assert_eq!(canonical(canon, &[&body]), expected, "{:?}", body.escape_ascii().to_string());
                assert_eq!(
                    canonical(canon, &[front, back]),
                    expected,
                    "{:?}",
                    body.escape_ascii().to_string()
                );
            }
            if number % 16 == 0 {
                let octets: Vec<_> = body.chunks(1).collect();
                assert_eq!(canonical(Canon::Relaxed, &octets), by_definition(Canon::Relaxed, &body));
                assert_eq!(canonical(Canon::Simple, &octets), by_definition(Canon::Simple, &body));
            }
        }
    }

    #[test]
    fn blocks_and_stretches_of_every_length() {
        for length in (0..400).chain([1000, 5000]) {
            for middle in ["", " ", "  ", "\t", " \r\n", "\r\n\r\n", "\r", " x", "\r\n \r\n"] {
                let body =
                    format!("{}{middle}{} {}\r\n", "x".repeat(length), "y".repeat(70), "z ".repeat(length));
                for canon in [Canon::Simple, Canon::Relaxed] {
                    let expected = by_definition(canon, body.as_bytes());
                    assert_eq!(canonical(canon, &[body.as_bytes()]), expected, "{length} {middle:?}");
                    let pieces: Vec<_> = body.as_bytes().chunks(length.max(1)).collect();
                    assert_eq!(canonical(canon, &pieces), expected, "{length} {middle:?}");
                }
            }
        }
    }

    #[test]
    fn all_pairs_of_octets_anywhere_in_a_word() {
        for (first, next) in (0..=255).flat_map(|first| (0..=255).map(move |next| (first, next))) {
            let front = usize::from(first % 23);
            let body = [&b"xxxxxxxxxxxxxxxxxxxxxxx"[..front], &[first, next], b"yyyyyyyyy"].concat();
            let expected = by_definition(Canon::Relaxed, &body);
            assert_eq!(canonical(Canon::Relaxed, &[&body]), expected, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn case_m11_time_is_linear() {
        for piece in ["\r\n", " ", "\t", "a\t", "a  ", " \r\n", "\r", "\r\n ", "a \r\n", "a\r\n\r\n", "x"] {
            for canon in [Canon::Simple, Canon::Relaxed] {
                if canon == Canon::Relaxed || piece == "\r\n" || piece == "a\r\n\r\n" {
                    let prefixed = |text: &str| canonical(canon, &[text.as_bytes(), b"\r\nx"]);
                    steps::assert_linear(piece, |text| drop(prefixed(text)));
                }
            }
        }
    }
}
