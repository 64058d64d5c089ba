//! Whether what is signed goes on as it is: lines that end in CRLF, of at most 998 octets (RFC 5321 sections 2.3.8 and
//! 4.5.3.1.6).  Other line ends are changed on the way, and long lines cut, so that no signature over them holds.

use memchr::memchr_iter;

use super::SignError;
use crate::line_ends::{LINE_LIMIT, find_bare};
use crate::steps;

/// What is wrong with a line, by the octets before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    BareLineEnd(u64),
    LongLine(u64),
}

impl Wrong {
    /// The same with so many octets more in front.
    pub(super) fn behind(self, octets: u64) -> Self {
        match self {
            Self::BareLineEnd(at) => Self::BareLineEnd(at + octets),
            Self::LongLine(at) => Self::LongLine(at + octets),
        }
    }
}

impl From<Wrong> for SignError {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::BareLineEnd(at) => Self::BareLineEnd { at },
            Wrong::LongLine(at) => Self::LongLine { at },
        }
    }
}

/// Lines that come in pieces, cut anywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    octets: u64,
    /// Octets before the line that has no end yet, and whether the last of it is a CR.
    start: u64,
    cr: bool,
    wrong: Option<Wrong>,
}

impl Lines {
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        if let (None, Some(&first), Some(&last)) = (self.wrong, piece.first(), piece.last()) {
            steps::add(piece.len());
            self.look(piece, first, last == b'\r');
        }
        self.octets += piece.len() as u64;
    }

    fn look(&mut self, piece: &[u8], first: u8, ends_in_cr: bool) {
        // A line end may be cut.
        let joined = self.cr && first == b'\n';
        if self.cr && !joined {
            self.wrong = Some(Wrong::BareLineEnd(self.octets - 1));
            return;
        }
        let mut ends = 0;
        for at in memchr_iter(b'\n', piece) {
            let end = self.octets + at as u64;
            if !(if at == 0 { self.cr } else { piece[at - 1] == b'\r' }) {
                self.wrong = self.wrong.or(Some(Wrong::BareLineEnd(end)));
                return;
            }
            self.check_length(end - 1);
            self.start = end + 1;
            ends += 1;
        }
        let crs = memchr_iter(b'\r', piece).count();
        if crs + usize::from(joined) != ends + usize::from(ends_in_cr) {
            let at = find_bare(piece, usize::from(joined)).unwrap_or_default();
            self.wrong = self.wrong.or(Some(Wrong::BareLineEnd(self.octets + at as u64)));
        }
        self.check_length(self.octets + piece.len() as u64 - u64::from(ends_in_cr));
        self.cr = ends_in_cr;
    }

    /// Looks at the line up to an octet.
    fn check_length(&mut self, end: u64) {
        if end.saturating_sub(self.start) > LINE_LIMIT as u64 {
            self.wrong = self.wrong.or(Some(Wrong::LongLine(self.start)));
        }
    }

    /// What is wrong with the lines that were there, the last of which need not have an end.
    pub(super) fn finish(&self) -> Option<Wrong> {
        self.wrong.or(self.cr.then(|| Wrong::BareLineEnd(self.octets - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wrong: Option<Wrong>) {
        for piece in [1, 2, 3, 7, 998, 1000, text.len().max(1)] {
            let mut lines = Lines::default();
            text.as_bytes().chunks(piece).for_each(|piece| lines.update(piece));
            assert_eq!(lines.finish(), wrong, "{text:?} in pieces of {piece}");
            assert_eq!(lines.octets(), text.len() as u64);
        }
    }

    #[test]
    fn line_ends_and_long_lines_are_found_however_they_are_cut() {
        use Wrong::{BareLineEnd, LongLine};
        let (fits, long) = ("x".repeat(998), "x".repeat(999));
        for text in ["", "a", "a\r\n", "\r\n\r\n", &fits, &format!("a\r\n{fits}\r\n{fits}\r\n\r\n")] {
            check(text, None);
        }
        for (text, at) in [
            ("\n", 0),
            ("\r", 0),
            ("a\nb", 1),
            ("a\rb", 1),
            ("a\r\r\n", 1),
            ("a\r\n\n", 3),
            ("a\r\nb\r", 4),
            ("\r\n\r", 2),
        ] {
            check(text, Some(BareLineEnd(at)));
        }
        check(&long, Some(LongLine(0)));
        check(&format!("a\r\n{long}\r\n"), Some(LongLine(3)));
        check(&format!("a\r\n{long}\r\nb"), Some(LongLine(3)));
        check(&format!("{fits}\r\n{long}"), Some(LongLine(1000)));
        assert_eq!(BareLineEnd(1).behind(2), BareLineEnd(3));
    }

    #[test]
    fn case_m11_time_is_linear() {
        for piece in ["a", "\r\n", "\r", "\n", "a\r\n"] {
            steps::assert_linear(piece, |text| {
                let mut lines = Lines::default();
                text.as_bytes().chunks(7).for_each(|piece| lines.update(piece));
            });
        }
    }
}
