//! What kind of data a part has: all that the choice of a transfer encoding depends on, in one pass over any pieces.

use memchr::{memchr, memchr_iter, memrchr};

use crate::line_ends::{LINE_LIMIT, is_half};
use crate::steps;

/// What boundaries begin with; no line of quoted-printable or base64 does.
pub(crate) const MARKER: &[u8; 4] = b"--=_";

/// Octets that are counted in one octet.
const BLOCK: usize = 240;

/// What kind of data was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Octets.
    pub(crate) len: u64,
    /// Octets that quoted-printable has to escape.
    pub(crate) escapes: u64,
    /// One of them is above 127.
    pub(crate) eight_bit: bool,
    /// There is a control other than TAB, CR and LF.
    pub(crate) control: bool,
    /// A line begins with [`MARKER`].
    pub(crate) marker: bool,
    /// There is a CR or LF that is not part of a CRLF.
    pub(crate) bare_ends: bool,
    /// The data is lines, the last with its end, of at most 998 octets, and has no NUL: fit for 8-bit transport.
    pub(crate) lines: bool,
    /// The data is UTF-8.
    pub(crate) utf8: bool,
}

/// Looks at data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner {
    pub(super) len: u64,
    eight_bit: bool,
    /// There is a NUL.
    nul: bool,
    control: bool,
    /// A line has more than 998 octets; where line ends are not all CRLF it may have one less.
    long: bool,
    marker: bool,
    escapes: u64,
    /// How many there are where not all line ends are CRLF.
    crs: u64,
    lfs: u64,
    crlfs: u64,
    /// Octets since the last LF.
    column: usize,
    /// What was seen last.
    tail: [u8; 4],
    utf8: Utf8,
}

/// Whether octets that come in pieces are UTF-8.
#[derive(Clone, Copy, Debug, Default)]
struct Utf8 {
    /// It is, as is known without looking.
    known: bool,
    /// A character that a piece did not end.
    cut: [u8; 4],
    cut_len: usize,
    broken: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            len: 0,
            eight_bit: false,
            nul: false,
            control: false,
            long: false,
            marker: false,
            escapes: 0,
            crs: 0,
            lfs: 0,
            crlfs: 0,
            column: 0,
            // The first line begins as all others do.
            tail: [b'\n'; 4],
            utf8: Utf8::default(),
        }
    }
}

impl Scan {
    #[cfg(test)]
    pub(crate) fn of(data: &[u8]) -> Self {
        let mut scanner = Scanner::default();
        scanner.feed(data);
        scanner.finish()
    }

    /// What a whole text is, whose octets are UTF-8.
    pub(crate) fn of_utf8(text: &[u8]) -> Self {
        let mut scanner = Scanner::default();
        scanner.utf8.known = true;
        scanner.feed(text);
        scanner.finish()
    }
}

impl Scanner {
    /// Looks at the next piece.
    pub(super) fn feed(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        steps::add(data.len());
        let plain = Some(data).filter(|_| self.tail[3] != b'\r').and_then(plain);
        match plain {
            // Its line ends are all alike, and need not be counted.
            Some(Plain { equals: false }) => {}
            Some(Plain { equals: true }) => self.escapes += memchr_iter(b'=', data).count() as u64,
            None => {
                self.crlfs += u64::from(self.tail[3] == b'\r' && data[0] == b'\n');
                self.classify(data);
            }
        }
        if self.eight_bit && !self.utf8.known {
            self.utf8.feed(data);
        }
        self.measure_lines(data);
        if plain.is_none_or(|plain| plain.equals) || self.tail[3] == MARKER[2] {
            for at in memchr_iter(MARKER[3], data) {
                self.marker |= self.begins_line(data, at);
            }
        }
        let kept = data.len().min(4);
        self.tail.rotate_left(kept);
        self.tail[4 - kept..].copy_from_slice(&data[data.len() - kept..]);
        self.len += data.len() as u64;
    }

    /// What has been seen.
    pub(super) fn finish(&self) -> Scan {
        let bare_ends = self.lfs != self.crlfs || self.crs != self.crlfs;
        Scan {
            len: self.len,
            escapes: self.escapes,
            eight_bit: self.eight_bit,
            control: self.control,
            marker: self.marker,
            bare_ends,
            lines: !self.nul && !self.long && !bare_ends && self.tail[3] == b'\n',
            utf8: !self.utf8.broken && self.utf8.cut_len == 0,
        }
    }

    /// Whether nothing that follows can make lines of it.
    pub(super) fn is_hopeless(&self) -> bool {
        self.lfs != self.crlfs
    }

    /// Looks at each octet, in simple loops, which the compiler turns into wide ones.
    fn classify(&mut self, data: &[u8]) {
        let (crs, eight_bit, escapes) = (self.crs, &mut self.eight_bit, &mut self.escapes);
        let mut controls = 0;
        for block in data.chunks(BLOCK) {
            let (mut all, mut low, mut tabs, mut crs, mut lfs, mut others) =
                (0_u8, 0_u8, 0_u8, 0_u8, 0_u8, 0_u8);
            for &b in block {
                all |= b;
                low += u8::from(b < b' ');
                tabs += u8::from(b == b'\t');
                crs += u8::from(b == b'\r');
                lfs += u8::from(b == b'\n');
                others += u8::from(b == b'=') + u8::from(b > 0x7f);
                low += u8::from(b == 0x7f);
            }
            let control = low - tabs - crs - lfs;
            *eight_bit |= all > 0x7f;
            *escapes += u64::from(others) + u64::from(control);
            controls += u64::from(control);
            self.crs += u64::from(crs);
            self.lfs += u64::from(lfs);
        }
        if self.crs > crs {
            for (these, next) in data.chunks(BLOCK).zip(data[1..].chunks(BLOCK)) {
                let pairs =
                    these.iter().zip(next).map(|(&a, &b)| u8::from(a == b'\r') & u8::from(b == b'\n'));
                self.crlfs += u64::from(pairs.sum::<u8>());
            }
        }
        if controls > 0 {
            self.control = true;
            self.nul |= memchr(0, data).is_some();
        }
    }

    /// Looks for long lines: as far as a line may go there must be a LF, of which the last will do.
    fn measure_lines(&mut self, data: &[u8]) {
        let mut rest = data;
        loop {
            let window = (LINE_LIMIT + 2).saturating_sub(self.column);
            match rest.get(..window) {
                None => break,
                Some(head) => match memrchr(b'\n', head) {
                    Some(at) => {
                        self.column = 0;
                        rest = &rest[at + 1..];
                    }
                    None => {
                        self.long = true;
                        let Some(at) = memchr(b'\n', rest) else { break };
                        self.column = 0;
                        rest = &rest[at + 1..];
                    }
                },
            }
        }
        self.column = match memrchr(b'\n', rest) {
            Some(at) => rest.len() - at - 1,
            None => self.column + rest.len(),
        };
    }

    /// Whether the marker that may end here stands at the beginning of a line.
    fn begins_line(&self, data: &[u8], at: usize) -> bool {
        let octet = |back: usize| match at.checked_sub(back) {
            Some(at) => data[at],
            None => self.tail[4 + at - back],
        };
        octet(1) == MARKER[2] && octet(2) == MARKER[1] && octet(3) == MARKER[0] && octet(4) == b'\n'
    }
}

impl Utf8 {
    fn feed(&mut self, mut data: &[u8]) {
        while self.cut_len > 0
            && !self.broken
            && let Some((&first, rest)) = data.split_first()
        {
            self.cut[self.cut_len] = first;
            self.cut_len += 1;
            data = rest;
            match std::str::from_utf8(&self.cut[..self.cut_len]) {
                Ok(_) => self.cut_len = 0,
                Err(error) => self.broken = error.error_len().is_some(),
            }
        }
        if self.broken {
            return;
        }
        if let Err(error) = std::str::from_utf8(data) {
            let rest = &data[error.valid_up_to()..];
            self.broken = error.error_len().is_some();
            if !self.broken {
                self.cut[..rest.len()].copy_from_slice(rest);
                self.cut_len = rest.len();
            }
        }
    }
}

/// Data that is ASCII without controls but TAB, and whose line ends are all CRLF; most texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plain {
    /// There is a `=` in it.
    equals: bool,
}

/// What data is if it is plain.
fn plain(data: &[u8]) -> Option<Plain> {
    /// Octets that are looked at together, in a simple loop, which the compiler turns into a wide one.
    const STEP: usize = 128;
    // DEL and all above it come before the controls here.
    let is_control = |b: u8| b.wrapping_add(1).cast_signed() <= 0x20;
    let is_odd = |b: u8| is_control(b) & !((b == b'\t') | (b == b'\r') | (b == b'\n'));
    let any_odd = |these: &[u8], next: &[u8]| {
        let pairs = these.iter().zip(next);
        pairs.fold(false, |any, (&a, &b)| any | is_odd(b) | is_half(a, b))
    };
    let (first, last) = (*data.first()?, *data.last()?);
    if first == b'\n' || is_odd(first) || last == b'\r' {
        return None;
    }
    let Some(last_step) = data.len().checked_sub(STEP + 1) else {
        return (!any_odd(data, &data[1..])).then(|| Plain { equals: data.contains(&b'=') });
    };
    let mut at = 0;
    while let (Some(these), Some(next)) = (data.get(at..at + STEP), data.get(at + 1..at + 1 + STEP)) {
        if any_odd(these, next) {
            return None;
        }
        // Some are looked at again, which makes a whole step of the rest.
        at = if at == last_step { data.len() } else { last_step.min(at + STEP) };
    }
    Some(Plain { equals: memchr(b'=', data).is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_sees_what_the_long_one_sees() {
        // All texts of six of these.
        for number in 0..9_usize.pow(6) {
            let octet = |i| b"a\r\n\t=\0\x7f\x80\x1f"[number / 9_usize.pow(i) % 9];
            let data: Vec<u8> = (0..6).map(octet).collect();
            let mut long = Scanner::default();
            long.classify(&data);
            long.len = 6;
            long.tail = [data[2], data[3], data[4], data[5]];
            let mut short = Scanner::default();
            short.feed(&data);
            short.long = false;
            short.marker = false;
            long.utf8.feed(&data);
            assert_eq!(short.is_hopeless(), long.is_hopeless(), "{}", data.escape_ascii());
            assert_eq!((short.nul, short.finish()), (long.nul, long.finish()), "{}", data.escape_ascii());
        }
    }

    #[test]
    fn plain_texts_of_every_length_are_told_from_others() {
        let lines = "abcdefg\tijk\r\n".repeat(32).into_bytes();
        for len in 1..lines.len() {
            let data = &lines[..len];
            assert_eq!(plain(data).is_some(), data.last() != Some(&b'\r'), "{len}");
            for at in [0, len / 3, len / 2, len - 1] {
                let mut data = data.to_vec();
                data[at] = b'\0';
                assert_eq!(plain(&data), None, "{len} {at}");
                data[at] = b'=';
                let broken = [at.checked_sub(1), Some(at + 1)].map(|at| at.and_then(|at| lines.get(at)));
                let broken = broken[0] == Some(&b'\r') || (broken[1] == Some(&b'\n') && at + 1 < len);
                let equals = (!broken && data.last() != Some(&b'\r')).then_some(Plain { equals: true });
                assert_eq!(plain(&data), equals, "{len} {at}");
            }
        }
    }

    #[test]
    fn what_is_seen_does_not_depend_on_the_pieces() {
        let long = format!("a\r\n{}\r\nb", "x".repeat(999));
        let fits = format!("a\r\n{}\r\nb", "x".repeat(998));
        for text in [
            "",
            "a",
            "a\r\n",
            "a\n",
            "a\r",
            "\r\n\r\n",
            "\n\r",
            "--=_x\r\n",
            "a\r\n--=_x",
            "a\r\n--=",
            "a--=_",
            "\r--=_",
            "nul\0",
            "esc\x1b del\x7f",
            "ü=",
            "a\u{1f980}ü日本\u{1f980}",
            &long,
            &fits,
        ] {
            let whole = Scan::of(text.as_bytes());
            for size in 1..8 {
                let mut pieces = Scanner::default();
                text.as_bytes().chunks(size).for_each(|piece| pieces.feed(piece));
                assert_eq!(pieces.finish(), whole, "{text:?} in {size}");
            }
        }
        for (data, is_utf8) in
            [(&b"a\xc3"[..], false), (b"\xc3\xbc", true), (b"\xf0\x9f\xa6", false), (b"\xfca", false)]
        {
            assert_eq!(Scan::of(data).utf8, is_utf8, "{}", data.escape_ascii());
        }
        let scanner = |text: &str| {
            let mut scanner = Scanner::default();
            scanner.feed(text.as_bytes());
            scanner
        };
        assert!(scanner(&fits).column == 1 && !scanner(&fits).long);
        assert!(Scan::of(&fits.as_bytes()[3..1003]).lines);
        assert!(scanner(&long).long);
        assert!(!Scan::of("x".repeat(999).as_bytes()).lines);
        assert!(!Scan::of(&long.as_bytes()[3..1004]).lines);
        assert!(Scan::of(b"a\r\n--=_x\r\n").marker && !Scan::of(b"a--=_x\r\n--=.\r\n").marker);
        assert!(Scan::of(b"a\r\n").lines && Scan::of(b"").lines);
        for text in ["a", "a\n", "a\rb\r\n", "\0\r\n", "a\r\r\n"] {
            assert!(!Scan::of(text.as_bytes()).lines, "{text:?}");
        }
        assert_eq!(Scan::of("ü=\x01".as_bytes()).escapes, 4);
    }

    #[test]
    fn case_m11_scanning_is_linear() {
        for piece in ["a", "\n", "\r\n", "--=_", "--=\n", "ü"] {
            steps::assert_linear(piece, |text| _ = Scan::of(text.as_bytes()));
        }
    }
}
