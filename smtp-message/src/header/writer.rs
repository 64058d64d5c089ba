//! Writes one field: folds at 76 columns, encodes what ASCII cannot say (RFC 2047), and never breaks what it is given.
//!
//! In a header section that is UTF-8 (RFC 6532) only that is encoded which would not come back otherwise: white space that
//! a fold would change, and what looks like an encoded word.
//!
//! Lines without an encoded word could have 78 columns (RFC 5322 section 2.1.1); those with one could not (RFC 2047
//! section 2), so that all lines keep to the smaller number, with the commas behind what they hold.

use encodify::Fold;
use encodify::rfc2047::{B, Q_PHRASE, Q_TEXT, WordEncoder};
use smtp_proto::Address;
use smtp_proto::address::syntax::{is_atext, write_quoted};

use super::find_forbidden;
use crate::Date;
use crate::line_ends::LINE_LIMIT;
use crate::steps;

/// Columns of a line.
pub(super) const WIDTH: usize = Fold::HEADER.width;
/// Columns that the shortest encoded word may need: `=?utf-8?Q?=F0=9F=A6=80?=`.
const WORD_MIN: usize = 24;
/// Columns for what is glued to an item of a list: the end of a group and a comma.
const GLUED: usize = 2;

/// Writes one field into a buffer.
pub(crate) struct FieldWriter<'a> {
    out: &'a mut Vec<u8>,
    column: usize,
    /// Nothing stands behind the colon.
    fresh: bool,
    /// The header section is UTF-8.
    utf8: bool,
}

impl<'a> FieldWriter<'a> {
    /// Begins a field; the name has been checked.
    pub(crate) fn new(out: &'a mut Vec<u8>, name: &str, utf8: bool) -> Self {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        Self { out, column: name.len() + 1, fresh: true, utf8 }
    }

    /// Ends the field.
    pub(crate) fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes something that cannot be broken, with a space or a fold before it.
    pub(crate) fn token(&mut self, token: &str) {
        self.space(token.len() + GLUED);
        self.glue(token);
    }

    /// Writes an address, which cannot be broken, in angle brackets or not; in UTF-8 its domain is for people to read.
    pub(crate) fn address(&mut self, address: &Address, brackets: bool) {
        // All else can be encoded.
        debug_assert!(self.utf8 || address.is_ascii(), "{address} needs UTF-8");
        let (start, utf8) = (self.out.len(), self.utf8);
        self.out.extend_from_slice(if brackets { b" <" } else { b" " });
        write_address(self.out, address, utf8);
        if brackets {
            self.out.push(b'>');
        }
        let len = self.out.len() - start - 1;
        steps::add(len);
        let width = if std::mem::take(&mut self.fresh) { LINE_LIMIT } else { WIDTH };
        if self.column + 1 + len + GLUED > width && self.column > 1 {
            steps::add(len);
            self.out.splice(start..start, *b"\r\n");
            self.column = 0;
        }
        self.column += 1 + len;
    }

    /// Writes a date.
    pub(crate) fn date(&mut self, date: Date) {
        self.space(Date::LENGTH + GLUED);
        date.write(self.out);
        self.column += Date::LENGTH;
    }

    /// Writes a value that is ASCII and ends in a word as it is, folded at white space only.
    pub(crate) fn raw(&mut self, value: &str) {
        if !value.starts_with([' ', '\t']) {
            self.glue(" ");
        }
        for (i, segment) in segments(value).enumerate() {
            if i > 0 && self.column + segment.len() > WIDTH {
                self.out.extend_from_slice(b"\r\n");
                self.column = 0;
            }
            self.glue(segment);
        }
    }

    /// Writes something with nothing before it.
    pub(crate) fn glue(&mut self, text: &str) {
        debug_assert_eq!(find_forbidden(text), None);
        steps::add(text.len() + 1);
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
    }

    /// Writes text so that it decodes to exactly itself.  Only words that need it are encoded; those that are long but
    /// ASCII only if `encode_long`, which does not suit values that programs read.
    pub(crate) fn unstructured(&mut self, text: &str, encode_long: bool) {
        if text.len() + self.column < WIDTH && is_plain(text) {
            self.fresh = false;
            self.glue(" ");
            return self.glue(text);
        }
        let utf8 = self.utf8;
        let longest = if encode_long && !utf8 { WIDTH } else { LINE_LIMIT };
        let words: Vec<&str> = text.split(' ').collect();
        // The first word stays behind the colon: some programs take a fold there for a space of the value.
        let before = std::iter::once(self.column + 1).chain(std::iter::repeat(1));
        let room = before.map(|before| longest.saturating_sub(before));
        let mut encode: Vec<bool> =
            words.iter().zip(room).map(|(word, room)| needs_encoding(word, room, utf8)).collect();
        // An empty word is one space more, or one at the end: it goes into the encoded word of its neighbour.
        for (i, _) in words.iter().enumerate().filter(|(_, word)| word.is_empty()) {
            encode[i] = true;
            if i + 1 < words.len() {
                encode[i + 1] = true;
            } else if i > 0 {
                encode[i - 1] = true;
            }
        }
        // Words that follow each other are encoded together, for the space between encoded words is not shown.
        let mut start = 0;
        let mut rest = text;
        while start < words.len() {
            let run = encode[start..].iter().take_while(|&&encode| encode).count();
            if run == 0 {
                self.space(words[start].len());
                self.glue(words[start]);
                rest = rest.get(words[start].len() + 1..).unwrap_or_default();
                start += 1;
                continue;
            }
            let len = words[start..start + run].iter().map(|word| word.len() + 1).sum::<usize>() - 1;
            self.encoded(&rest[..len], Q_TEXT);
            rest = rest.get(len + 1..).unwrap_or_default();
            start += run;
        }
    }

    /// Writes a display name: as atoms if it can be, else as a quoted string or encoded words.  Returns whether it
    /// ends in an encoded word, which nothing but white space may follow (RFC 2047 section 5).
    pub(crate) fn phrase(&mut self, name: &str) -> bool {
        if name.len() + self.column < WIDTH - 2 * GLUED && is_words(name) {
            self.fresh = false;
            self.glue(" ");
            self.glue(name);
            return false;
        }
        let utf8 = self.utf8;
        let atom = |word: &str| {
            let short = !word.is_empty() && word.len() < WIDTH - GLUED;
            short && (utf8 || word.is_ascii()) && word.chars().all(is_atext)
        };
        // Some programs decode encoded words inside quoted strings, too.
        let plain =
            !name.contains("=?") && name.bytes().all(|b| matches!(b, b' '..=b'~') || (utf8 && b >= 0x80));
        if plain && name.split(' ').all(atom) {
            name.split(' ').for_each(|word| self.token(word));
            return false;
        }
        match Some(name).filter(|_| plain).map(quoted).filter(|quoted| quoted.len() < WIDTH - GLUED) {
            Some(quoted) => {
                self.token(&quoted);
                false
            }
            None => {
                self.encoded(name, Q_PHRASE);
                true
            }
        }
    }

    /// Writes encoded words, in the shorter of the two encodings.
    fn encoded(&mut self, text: &str, q: WordEncoder) {
        if text.is_empty() {
            return;
        }
        // Even behind the colon, for the limit of lines with encoded words is strict.
        self.fresh = false;
        self.space(WORD_MIN);
        let encoder = if B.payload_len(text) < q.payload_len(text) { B } else { q };
        encoder.encode_words("utf-8", text, &mut self.column, Fold::HEADER, self.out);
    }

    /// A space, or a fold if something of `len` columns does not fit behind it.  There is none behind the colon as long
    /// as the line is legal: some programs take it for an empty value, or for a space of it.
    fn space(&mut self, len: usize) {
        let width = if std::mem::take(&mut self.fresh) { LINE_LIMIT } else { WIDTH };
        if self.column + 1 + len > width && self.column > 1 {
            self.out.extend_from_slice(b"\r\n ");
            self.column = 1;
        } else {
            self.out.push(b' ');
            self.column += 1;
        }
    }
}

/// A value cut behind each word: the white space in front of a word belongs to it.
fn segments(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let word = rest.find(|c| !matches!(c, ' ' | '\t')).unwrap_or(rest.len());
        let end = rest[word..].find([' ', '\t']).map_or(rest.len(), |len| word + len);
        let (segment, after) = rest.split_at(end);
        rest = after;
        Some(segment).filter(|segment| !segment.is_empty())
    })
}

/// Where a value that is to be written as it is, and ends in a word, has something that no line of 998 octets holds.
pub(crate) fn find_long_word(name: &str, value: &str) -> Option<usize> {
    let mut at = 0;
    for segment in segments(value) {
        let before = if at == 0 { name.len() + 2 } else { 0 };
        if before + segment.len() > LINE_LIMIT {
            return Some(at);
        }
        at += segment.len();
    }
    None
}

/// The text as a quoted string (RFC 5322 section 3.2.4).
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    // Writing to a string does not fail.
    let _ = write_quoted(&mut out, text);
    out
}

fn needs_encoding(word: &str, longest: usize, utf8: bool) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() || (utf8 && b >= 0x80);
    word.len() > longest || word.contains("=?") || !word.bytes().all(plain)
}

/// Appends an address as it stands in a header.
fn write_address(out: &mut Vec<u8>, address: &Address, utf8: bool) {
    let local = address.local_part();
    match (address.domain(), local.plain()) {
        (Some(domain), Some(local)) if !utf8 => {
            for piece in [local, "@", domain.as_str()] {
                out.extend_from_slice(piece.as_bytes());
            }
        }
        #[cfg(feature = "idna")]
        (Some(domain), _) if utf8 => {
            out.extend_from_slice(format!("{local}@{}", domain.to_unicode()).as_bytes());
        }
        _ => out.extend_from_slice(address.to_string().as_bytes()),
    }
}

/// Whether a short text can stand in any line as it is: words of ASCII with single spaces between them.
fn is_plain(text: &str) -> bool {
    has_only(text, 0)
}

/// Whether a name is words of letters and digits with single spaces between them: atoms, whatever the headers are in.
fn is_words(name: &str) -> bool {
    has_only(name, MARK)
}

/// Whether a text is ASCII with single spaces in it, nothing like an encoded word, and nothing of a class.
fn has_only(text: &str, without: u8) -> bool {
    let (mut before, mut wrong) = (ANY | SPACE, 0);
    for b in text.bytes() {
        let class = CLASSES[usize::from(b)];
        wrong |= (before & (class >> 4)) | (class & without);
        before = class;
    }
    wrong == 0 && before & SPACE == 0
}

const ANY: u8 = 1;
const SPACE: u8 = 2;
const EQUALS: u8 = 4;
/// Neither a letter nor a digit nor a space.
const MARK: u8 = 8;

/// What an octet of a plain text is, and in the upper half what may not stand before it.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = 0_u8;
    loop {
        classes[b as usize] = match b {
            b' ' => ANY | SPACE | SPACE << 4,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => ANY,
            b'=' => ANY | EQUALS | MARK,
            b'?' => ANY | MARK | EQUALS << 4,
            b'!'..=b'~' => ANY | MARK,
            _ => ANY << 4,
        };
        match b.checked_add(1) {
            Some(next) => b = next,
            None => break classes,
        }
    }
};

#[cfg(test)]
mod tests {
    use super::*;
    use encodify::rfc2047::{decode_text, utf8_charset};

    fn write(text: &str) -> String {
        let mut out = Vec::new();
        let mut writer = FieldWriter::new(&mut out, "Subject", false);
        writer.unstructured(text, true);
        writer.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn case_m5_subjects_fold_and_decode_to_exactly_the_input() {
        for text in [
            "",
            "Hello",
            "Grüße aus Köln",
            &"x".repeat(1200),
            &"x".repeat(67),
            &"x".repeat(76),
            &"\u{1f980}".repeat(300),
            &"word ".repeat(300),
            &"ä b ".repeat(300),
            "=?utf-8?b?aGk=?=",
            "a =?utf-8?q?b?= c",
            "a=?b",
            "trailing  ",
            " leading",
            "   ",
            "a  b   c",
            "ä  ö",
            "tab\there",
            "Ünal, \"x\" <y> (z)",
        ] {
            let field = write(text);
            let value = field.strip_prefix("Subject:").unwrap().strip_suffix("\r\n").unwrap();
            assert_eq!(value.is_empty(), text.is_empty());
            for line in field.split("\r\n") {
                assert!(line.len() <= 76 && line != " ", "{line:?}");
            }
            for word in value.split_ascii_whitespace() {
                assert!(
                    word.len() <= 75 && (!word.contains("=?") || word.starts_with("=?utf-8?")),
                    "{word:?}"
                );
            }
            assert!(!value.contains(" \r"), "{value:?}");
            assert_eq!(decode_text(value.as_bytes(), utf8_charset), text, "{value:?}");
        }
        assert_eq!(write("Grüße"), "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n");
        assert_eq!(
            write("Dampfschifffahrtsgesellschaftskapitän"),
            "Subject: =?utf-8?Q?Dampfschifffahrtsgesellschaftskapit=C3=A4n?=\r\n"
        );
        assert_eq!(write("日本語の件名"), "Subject: =?utf-8?B?5pel5pys6Kqe44Gu5Lu25ZCN?=\r\n");
    }

    #[test]
    fn case_m6_display_names_take_the_plainest_form() {
        let long = "\"".repeat(60);
        for (name, field) in [
            ("O'Neil", "To: O'Neil".to_owned()),
            ("Doe, John", "To: \"Doe, John\"".into()),
            ("a\\b\"c", "To: \"a\\\\b\\\"c\"".into()),
            ("(x)", "To: \"(x)\"".into()),
            ("a  b", "To: \"a  b\"".into()),
            ("=?x?=", "To: =?utf-8?B?PT94Pz0=?=".into()),
            (&long, format!("To: =?utf-8?B?{}?=\r\n =?utf-8?B?{}?=", "IiIi".repeat(15), "IiIi".repeat(5))),
        ] {
            let mut out = Vec::new();
            FieldWriter::new(&mut out, "To", false).phrase(name);
            assert_eq!(String::from_utf8(out).unwrap(), field);
        }
    }

    #[test]
    fn in_utf8_headers_only_what_a_fold_would_change_is_encoded() {
        for (text, field) in [
            ("Grüße aus Köln", "Subject: Grüße aus Köln\r\n".to_owned()),
            ("ü  ü", "Subject: ü =?utf-8?B?IMO8?=\r\n".into()),
            ("=?utf-8?q?x?= ü", "Subject: =?utf-8?B?PT91dGYtOD9xP3g/PQ==?= ü\r\n".into()),
            (&"ü".repeat(494), format!("Subject: {}\r\n", "ü".repeat(494))),
        ] {
            let mut out = Vec::new();
            let mut writer = FieldWriter::new(&mut out, "Subject", true);
            writer.unstructured(text, true);
            writer.end();
            assert_eq!(String::from_utf8(out).unwrap(), field);
        }
        let mut out = Vec::new();
        let mut writer = FieldWriter::new(&mut out, "Subject", true);
        writer.unstructured(&"ü".repeat(500), true);
        assert!(out.is_ascii());
        for (name, field) in [("Ünal", "To: Ünal"), ("Ü, x", "To: \"Ü, x\""), ("ü ü", "To: ü ü")] {
            let mut out = Vec::new();
            FieldWriter::new(&mut out, "To", true).phrase(name);
            assert_eq!(String::from_utf8(out).unwrap(), field);
        }
    }

    #[test]
    fn long_words_of_other_fields_stay_as_they_are() {
        let mut out = Vec::new();
        let url = format!("<https://example.com/{}>", "x".repeat(400));
        FieldWriter::new(&mut out, "X-Link", false).unstructured(&url, false);
        assert_eq!(out, format!("X-Link: {url}").into_bytes());
        for length in [990, 991, 2000] {
            out.clear();
            FieldWriter::new(&mut out, "X-Link", false).unstructured(&"x".repeat(length), false);
            let longest = if length == 990 { 998 } else { 77 };
            assert!(out.split(|&b| b == b'\n').all(|line| line.len() <= longest), "{length}");
        }
    }
}
