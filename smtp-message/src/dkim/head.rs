//! The header section of a message that may be anything: where it ends, and its fields.
//!
//! Stricter than what others take for a message: a line that is no field, or a line end that is not CRLF, is where
//! programs differ on what is header and what is body, and so nothing is signed or believed over it.

use memchr::{memchr, memchr2, memmem};

use crate::steps;

/// Octets that are searched for the end of the headers at a time.
const PIECE: usize = 1 << 10;

/// Collects the headers of a message that comes in pieces, up to the empty line.
#[derive(Clone, Debug)]
pub(super) struct Head {
    octets: Vec<u8>,
    limit: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// More may come.
    Open,
    /// The empty line was there.
    Complete,
    /// There are more octets than were to be taken, and none is kept.
    TooLong,
}

impl Head {
    /// Takes headers of up to `limit` octets.
    pub(super) fn new(limit: usize) -> Self {
        Self { octets: Vec::new(), limit, state: State::Open }
    }

    /// Takes the next piece of the message and returns what of it belongs to the body.
    pub(super) fn take<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let mut at = 0;
        while self.state == State::Open && at < piece.len() {
            let part = &piece[at..piece.len().min(at + PIECE)];
            let before = self.octets.len();
            let searched = before.saturating_sub(3);
            self.octets.extend_from_slice(part);
            steps::add(part.len() + 3);
            // The end of the headers and the beginning of the body.
            let end = if self.octets.starts_with(b"\r\n") {
                Some((0, 2))
            } else {
                let found = memmem::find(&self.octets[searched..], b"\r\n\r\n").map(|at| searched + at);
                found.map(|at| (at + 2, at + 4))
            };
            match end {
                Some((head, body)) => {
                    self.octets.truncate(head);
                    self.state = State::Complete;
                    at += body - before;
                }
                None => at += part.len(),
            }
            if self.octets.len() > self.limit {
                self.octets = Vec::new();
                self.state = State::TooLong;
            }
        }
        if self.state == State::TooLong { &[] } else { &piece[at..] }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// The headers, each with its line end, without the empty line.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// A line among the headers that is no field, by its number from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoField {
    pub(super) line: usize,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// Without the white space that obsolete syntax allows before the colon.
    pub(super) name: &'a [u8],
    /// What is behind the colon, still folded.
    pub(super) value: &'a [u8],
    /// All of it without the last line end.
    pub(super) whole: &'a [u8],
}

/// Takes headers apart.
pub(super) fn fields(head: &[u8]) -> Result<Vec<Field<'_>>, NoField> {
    let mut fields = Vec::new();
    let mut rest = head;
    let mut line = 1;
    while !rest.is_empty() {
        let first = line;
        let mut end = 0;
        let whole = loop {
            let Some(at) = memchr2(b'\r', b'\n', &rest[end..]) else {
                // The message ends within a line.
                end = rest.len();
                break rest;
            };
            steps::add(at + 1);
            if !rest[end + at..].starts_with(b"\r\n") {
                return Err(NoField { line });
            }
            line += 1;
            end += at + 2;
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break &rest[..end - 2];
            }
        };
        rest = &rest[end..];
        let no_field = NoField { line: first };
        let colon = memchr(b':', whole).ok_or(no_field)?;
        steps::add(colon + 1);
        let mut name = &whole[..colon];
        while let [before @ .., b' ' | b'\t'] = name {
            name = before;
        }
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return Err(no_field);
        }
        fields.push(Field { name, value: &whole[colon + 1..], whole });
    }
    Ok(fields)
}

/// Fields by name without regard to case, those at the bottom first (RFC 6376 section 5.4.2).
pub(super) struct ByName<'a> {
    fields: &'a [Field<'a>],
    /// Their places, sorted by [`compare`], and among equal names from the bottom up.
    places: Vec<usize>,
}

impl<'a> ByName<'a> {
    pub(super) fn new(fields: &'a [Field<'a>]) -> Self {
        let mut places: Vec<usize> = (0..fields.len()).collect();
        places.sort_unstable_by(|&a, &b| compare(fields[a].name, fields[b].name).then(b.cmp(&a)));
        Self { fields, places }
    }

    /// Where among the places the fields of a name begin.
    fn start(&self, name: &[u8]) -> usize {
        self.places.partition_point(|&place| compare(self.fields[place].name, name).is_lt())
    }

    fn has(&self, at: usize, name: &[u8]) -> bool {
        self.places.get(at).is_some_and(|&place| self.fields[place].name.eq_ignore_ascii_case(name))
    }

    /// How many fields have this name.
    pub(super) fn count(&self, name: &[u8]) -> usize {
        let start = self.start(name);
        (start..self.places.len()).take_while(|&at| self.has(at, name)).count()
    }

    /// The fields that a list of names selects: each name the lowest field that is not selected yet, or none; never the one
    /// at the place `without`.
    pub(super) fn select<'n>(
        &self,
        names: impl Iterator<Item = &'n [u8]>,
        without: Option<usize>,
    ) -> impl Iterator<Item = &'a Field<'a>> {
        // How many were selected, at the place where those of the name begin.
        let mut taken = vec![0; self.places.len()];
        names.filter_map(move |name| {
            let start = self.start(name);
            // Where a name is missing those of another begin.
            let taken = taken.get_mut(start).filter(|_| self.has(start, name))?;
            if self.places.get(start + *taken).is_some_and(|&place| Some(place) == without) {
                *taken += 1;
            }
            let at = start + *taken;
            *taken += 1;
            self.has(at, name).then(|| self.fields.get(self.places[at]))?
        })
    }
}

/// Without regard to case; the shorter comes first, for most names differ in length.
fn compare(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let alphabetic = || a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase));
    a.len().cmp(&b.len()).then_with(alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_end_at_the_empty_line_however_the_message_is_cut() {
        let long = "x".repeat(3 * PIECE);
        for (message, head, body) in [
            ("A: b\r\n\r\nbody", "A: b\r\n", Some("body")),
            ("A: b\r\n\r\n", "A: b\r\n", Some("")),
            ("\r\nbody\r\n\r\n", "", Some("body\r\n\r\n")),
            ("\r\n", "", Some("")),
            ("A: b\r\n c\r\nD: e\r\n\r\n\r\n\r\n", "A: b\r\n c\r\nD: e\r\n", Some("\r\n\r\n")),
            ("A: b\n\nno body\r\n", "A: b\n\nno body\r\n", None),
            ("A: b", "A: b", None),
            ("", "", None),
            (&format!("A: {long}\r\n\r\n{long}"), &format!("A: {long}\r\n"), Some(&long)),
        ] {
            for cut in (0..message.len().min(40)).chain([PIECE, PIECE + 8]) {
                let cut = cut.min(message.len());
                let mut taken = Head::new(usize::MAX);
                let mut rest = Vec::new();
                for piece in [&message[..cut], "", &message[cut..]] {
                    rest.extend_from_slice(taken.take(piece.as_bytes()));
                }
                assert_eq!(taken.octets(), head.as_bytes(), "{cut}");
                assert_eq!(taken.state() == State::Complete, body.is_some());
                assert_eq!(rest, body.unwrap_or_default().as_bytes(), "{cut}");
            }
        }
    }

    #[test]
    fn headers_that_are_too_long_are_not_kept() {
        for (limit, state) in [(6, State::Complete), (5, State::TooLong)] {
            let mut head = Head::new(limit);
            let body = head.take(b"A: b\r\n\r\nbody");
            assert_eq!(head.state(), state);
            assert_eq!(body, if state == State::Complete { &b"body"[..] } else { b"" });
        }
        let mut head = Head::new(10);
        for _ in 0..1000 {
            assert!(head.take(b"A: b\r\n").is_empty());
        }
        assert!(head.octets().is_empty() && head.state() == State::TooLong);
    }

    #[test]
    fn fields_of_all_kinds() {
        let head = b"A: b\r\nC \t:d\r\n\te: f\r\nG:\r\nh:i";
        let names: Vec<_> = fields(head).unwrap().iter().map(|f| (f.name, f.value)).collect();
        let expected: [(&[u8], &[u8]); 4] =
            [(b"A", b" b"), (b"C", b"d\r\n\te: f"), (b"G", b""), (b"h", b"i")];
        assert_eq!(names, expected);
        for (head, line) in [
            ("A: b\r\nrubbish\r\nC: d\r\n", 2),
            (" A: b\r\n", 1),
            (": b\r\n", 1),
            ("A b: c\r\n", 1),
            ("A: b\nC: d\r\n", 1),
            ("A: b\r\n c\r\nC: d\re\r\n", 3),
            ("A: b\r\n \rc", 2),
            ("\u{e4}: b\r\n", 1),
        ] {
            assert_eq!(fields(head.as_bytes()).unwrap_err(), NoField { line }, "{head:?}");
        }
    }

    #[test]
    fn fields_are_selected_from_the_bottom() {
        let head = b"A: 1\r\nB: 2\r\na: 3\r\nA: 4\r\n";
        let fields = fields(head).unwrap();
        let by_name = ByName::new(&fields);
        let selected = |names: &[&str]| -> Vec<u8> {
            by_name.select(names.iter().map(|n| n.as_bytes()), None).map(|f| f.value[1]).collect()
        };
        assert_eq!(selected(&["A", "b", "a", "B", "A", "A", "c"]), b"4231");
        assert_eq!(selected(&["b"]), b"2");
        assert_eq!(selected(&["Aa", "a-", "b", "c", "\0", "a"]), b"24");
        let without =
            |place| by_name.select([&b"a"[..]; 3].into_iter(), place).map(|f| f.value[1]).collect::<Vec<_>>();
        assert_eq!(
            (without(Some(3)), without(Some(2)), without(Some(0))),
            (b"31".into(), b"41".into(), b"43".into())
        );
        assert_eq!(without(Some(1)), b"431");
        assert_eq!((by_name.count(b"a"), by_name.count(b"B"), by_name.count(b"c")), (3, 1, 0));
    }

    #[test]
    fn case_m11_time_is_linear() {
        for piece in ["A: b\r\n", "A:\r\n ", "\r\n ", "a", ":", "A: b"] {
            steps::assert_linear(piece, |text| drop(fields(format!("A:{text}").as_bytes())));
        }
        for piece in ["A: b\r\n", "\r", "x"] {
            steps::assert_linear(piece, |text| {
                let mut head = Head::new(usize::MAX);
                text.as_bytes().chunks(7).for_each(|chunk| drop(head.take(chunk).to_vec()));
            });
        }
    }
}
