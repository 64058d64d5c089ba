//! Whether what is signed goes on as it is: lines that end in CRLF, of at most 998 octets (RFC 5321 sections 2.3.8 and
//! 4.5.3.1.6).  Other line ends are changed on the way, and long lines cut, so that no signature over them holds.

use memchr::memrchr;

use super::SignError;
use crate::line_ends::{LINE_LIMIT, find_bare_within};
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
    /// Octets of the line that has no end yet, and whether the last of it is a CR.
    line: usize,
    cr: bool,
    wrong: Option<Wrong>,
}

impl Lines {
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        if self.wrong.is_none() && !piece.is_empty() {
            steps::add(piece.len());
            self.wrong = self.look(piece);
        }
        self.octets += piece.len() as u64;
    }

    /// What is wrong first.
    fn look(&mut self, piece: &[u8]) -> Option<Wrong> {
        // A line end may be cut.
        if self.cr != (piece[0] == b'\n') {
            return Some(Wrong::BareLineEnd(self.octets - u64::from(self.cr)));
        }
        self.cr = piece.last() == Some(&b'\r');
        let bare = find_bare_within(piece);
        let long = self.long_line(&piece[..bare.unwrap_or(piece.len() - usize::from(self.cr))]);
        self.line += usize::from(self.cr);
        long.or(bare.map(|at| Wrong::BareLineEnd(self.octets + at as u64)))
    }

    /// Looks for a line that is too long, where each LF is part of a line end.  Of lines that end close to each other only
    /// the last end is looked for.
    fn long_line(&mut self, piece: &[u8]) -> Option<Wrong> {
        let mut rest = piece;
        loop {
            // The longest line there may be, and its end.
            let longest = LINE_LIMIT + 2 - self.line;
            if let Some(at) = memrchr(b'\n', &rest[..longest.min(rest.len())]) {
                rest = &rest[at + 1..];
                self.line = 0;
                continue;
            }
            let start = self.octets + (piece.len() - rest.len()) as u64 - self.line as u64;
            self.line += rest.len();
            return (self.line > LINE_LIMIT).then_some(Wrong::LongLine(start));
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
    use crate::line_ends::first_bare;

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
    fn all_short_texts_behind_others_of_many_lengths() {
        for number in 0..3_u32.pow(8) {
            let text = (0..8).map(|i| char::from(b"a\r\n"[(number / 3_u32.pow(i) % 3) as usize]));
            let text = "x".repeat(number as usize % 200) + &text.collect::<String>();
            let bare = first_bare(text.as_bytes()).map(|at| Wrong::BareLineEnd(at as u64));
            for piece in [number as usize % text.len() + 1, text.len()] {
                let mut lines = Lines::default();
                text.as_bytes().chunks(piece).for_each(|piece| lines.update(piece));
                assert_eq!(lines.finish(), bare, "{text:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_wrong_first_is_told() {
        let (fits, long) = ("x".repeat(998), "x".repeat(999));
        for piece in [1, 64, 5000] {
            for (text, wrong) in [
                (format!("{long}\r\na\n"), Wrong::LongLine(0)),
                (format!("{fits}\r{long}\r\n"), Wrong::BareLineEnd(998)),
                (format!("{long}\rx"), Wrong::LongLine(0)),
                (format!("a\r\n{fits}\r\n\r\n\n{long}"), Wrong::BareLineEnd(1005)),
            ] {
                let mut lines = Lines::default();
                text.as_bytes().chunks(piece).for_each(|piece| lines.update(piece));
                assert_eq!(lines.finish(), Some(wrong), "{text:?} in pieces of {piece}");
            }
        }
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
