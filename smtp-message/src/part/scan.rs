//! What kind of data a part has: all that the choice of a transfer encoding depends on, in one pass over any pieces.

use memchr::memchr_iter;

use crate::line_ends::LINE_LIMIT;
use crate::steps;

/// What boundaries begin with; no line of quoted-printable or base64 does.
pub(crate) const MARKER: &[u8; 4] = b"--=_";

/// What data was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    /// Octets.
    pub(crate) len: u64,
    /// One of them is above 127.
    pub(crate) eight_bit: bool,
    /// There is a NUL.
    pub(crate) nul: bool,
    /// There is a control other than TAB, CR and LF.
    pub(crate) control: bool,
    /// A line has more than 998 octets.
    pub(crate) long: bool,
    /// A line begins with [`MARKER`].
    pub(crate) marker: bool,
    /// Octets that quoted-printable has to escape.
    pub(crate) escapes: u64,
    /// A LF without a CR before it.
    bare_lf: bool,
    crs: u64,
    crlfs: u64,
    /// Octets since the last LF.
    column: usize,
    last: u8,
    /// Octets of [`MARKER`] that the line began with so far; `None` when it did not.
    matched: Option<u8>,
    begun: bool,
}

impl Scan {
    #[cfg(test)]
    pub(crate) fn of(data: &[u8]) -> Self {
        let mut scan = Self::default();
        scan.feed(data);
        scan
    }

    /// Looks at the next piece.
    pub(crate) fn feed(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        steps::add(data.len());
        self.classify(data);
        if !self.begun {
            (self.begun, self.matched) = (true, Some(0));
        }
        self.match_marker(data);
        let mut start = 0;
        for at in memchr_iter(b'\n', data) {
            let before = if at > 0 { data[at - 1] } else { self.last };
            let crlf = before == b'\r';
            self.crlfs += u64::from(crlf);
            self.bare_lf |= !crlf;
            self.long |= self.column + (at - start) > LINE_LIMIT + usize::from(crlf);
            self.column = 0;
            start = at + 1;
            self.matched = Some(0);
            self.match_marker(&data[start..]);
        }
        self.column += data.len() - start;
        self.last = data[data.len() - 1];
        self.len += data.len() as u64;
    }

    /// Whether there is a CR or LF that is not part of a CRLF.
    pub(crate) fn has_bare_ends(&self) -> bool {
        self.bare_lf || self.crs != self.crlfs
    }

    /// Whether the data is lines, the last with its end, of at most 998 octets, and has no NUL: fit for 8-bit transport.
    pub(crate) fn is_lines(&self) -> bool {
        let long = self.long || self.column > LINE_LIMIT;
        !self.nul && !long && !self.has_bare_ends() && (self.len == 0 || self.last == b'\n')
    }

    /// Whether nothing that follows can make lines of it.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.bare_lf
    }

    /// The same in simple loops, which the compiler turns into wide ones.
    fn classify(&mut self, data: &[u8]) {
        for block in data.chunks(128) {
            let (mut all, mut nul, mut control, mut crs, mut escapes) = (0_u8, false, false, 0_u8, 0_u8);
            for &b in block {
                let is_control = (b < b' ' && b != b'\t' && b != b'\r' && b != b'\n') || b == 0x7f;
                all |= b;
                nul |= b == 0;
                control |= is_control;
                crs += u8::from(b == b'\r');
                escapes += u8::from(is_control || b > 0x7f || b == b'=');
            }
            self.eight_bit |= all > 0x7f;
            self.nul |= nul;
            self.control |= control;
            self.crs += u64::from(crs);
            self.escapes += u64::from(escapes);
        }
    }

    fn match_marker(&mut self, data: &[u8]) {
        let Some(matched) = self.matched else { return };
        let wanted = &MARKER[usize::from(matched)..];
        let same = wanted.iter().zip(data).take_while(|(a, b)| a == b).count();
        if same == wanted.len() {
            self.marker = true;
            self.matched = None;
        } else if same == data.len() {
            // At most four.
            self.matched = u8::try_from(usize::from(matched) + same).ok();
        } else {
            self.matched = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            &long,
            &fits,
        ] {
            let whole = Scan::of(text.as_bytes());
            for size in 1..8 {
                let mut pieces = Scan::default();
                text.as_bytes().chunks(size).for_each(|piece| pieces.feed(piece));
                assert_eq!(format!("{pieces:?}"), format!("{whole:?}"), "{text:?} in {size}");
            }
        }
        assert!(Scan::of(fits.as_bytes()).column == 1 && !Scan::of(fits.as_bytes()).long);
        assert!(Scan::of(long.as_bytes()).long);
        assert!(!Scan::of("x".repeat(999).as_bytes()).is_lines());
        assert!(Scan::of(b"a\r\n--=_x\r\n").marker && !Scan::of(b"a--=_x\r\n--=.\r\n").marker);
        assert!(Scan::of(b"a\r\n").is_lines() && Scan::of(b"").is_lines());
        for text in ["a", "a\n", "a\rb\r\n", "\0\r\n", "a\r\r\n"] {
            assert!(!Scan::of(text.as_bytes()).is_lines(), "{text:?}");
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
