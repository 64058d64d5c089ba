//! Parameters of structured fields (RFC 2045 section 5.1), with the encoding and the continuations of RFC 2231.
//!
//! A value that every program reads alike, short ASCII without quotes and backslashes, is written plainly; any other as
//! UTF-8 in RFC 2231's encoding, whose pieces never split a character.  So it is in headers that are UTF-8, too: there are
//! programs that read UTF-8 in other fields, but not in parameters.

use encodify::hex::PERCENT;

use super::writer::{FieldWriter, WIDTH};

/// Columns for `; ` and what follows the value.
const AROUND: usize = 3;

/// Whether a text is a token of RFC 2045 section 5.1.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b)
}

/// Whether a text can be the name of a parameter (RFC 2231 section 7: `attribute-char`).
pub(crate) fn is_attribute(text: &str) -> bool {
    is_token(text) && !text.contains(['*', '\'', '%'])
}

impl FieldWriter<'_> {
    /// Writes `; name=value`; the name is an attribute and the value has no control character.
    pub(crate) fn param(&mut self, name: &str, value: &str) {
        self.glue(";");
        let room = WIDTH - AROUND;
        // Some programs take a quote in a token for RFC 2231.
        if is_attribute(value) && name.len() + 1 + value.len() < room {
            return self.token(&format!("{name}={value}"));
        }
        let plain = value.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'));
        if plain && !value.contains("=?") && name.len() + 3 + value.len() < room {
            return self.token(&format!("{name}=\"{value}\""));
        }
        let encoded = PERCENT.encode(value);
        let whole = format!("{name}*=utf-8''{encoded}");
        if whole.len() < room {
            return self.token(&whole);
        }
        let mut rest = value;
        let mut number = 0_usize;
        while !rest.is_empty() || number == 0 {
            let mut piece = format!("{name}*{number}*={}", if number == 0 { "utf-8''" } else { "" });
            let first = piece.len();
            let mut end = 0;
            for (at, c) in rest.char_indices() {
                let mut bytes = [0; 4];
                let cost: usize =
                    c.encode_utf8(&mut bytes).bytes().map(|b| PERCENT.encoded_byte_len(b)).sum();
                if piece.len() + cost >= room && piece.len() > first {
                    break;
                }
                PERCENT.encode_append(&rest[at..at + c.len_utf8()], &mut piece);
                end = at + c.len_utf8();
            }
            rest = &rest[end..];
            if number > 0 {
                self.glue(";");
            }
            self.token(&piece);
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: &str) -> String {
        let mut out = Vec::new();
        let mut field = FieldWriter::new(&mut out, "Content-Disposition", false);
        field.token("attachment");
        field.param("filename", value);
        field.end();
        let text = String::from_utf8(out).unwrap();
        assert!(text.split("\r\n").all(|line| line.len() <= 76), "{text}");
        text.strip_prefix("Content-Disposition: attachment;").unwrap().strip_suffix("\r\n").unwrap().into()
    }

    #[test]
    fn case_m8_file_names_are_written_so_that_all_read_them_alike() {
        for (value, expected) in [
            ("a.pdf", " filename=a.pdf"),
            ("a b.pdf", " filename=\"a b.pdf\""),
            ("", " filename=\"\""),
            ("../../x", " filename=\"../../x\""),
            ("a\"b.pdf", " filename*=utf-8''a%22b.pdf"),
            ("a\\b", " filename*=utf-8''a%5Cb"),
            ("ünï.pdf", " filename*=utf-8''%C3%BCn%C3%AF.pdf"),
            ("=?x?=", " filename*=utf-8''%3D%3Fx%3F%3D"),
        ] {
            assert_eq!(write(value), expected);
        }
    }

    #[test]
    fn case_m8_pieces_of_long_names_never_split_a_character_and_join_to_the_value() {
        for unit in ["ü", "日本", "\u{1f980}", "a", "'", "x ü"] {
            for times in [1, 7, 8, 9, 60, 300] {
                let value = unit.repeat(times);
                let written = write(&value);
                let pieces = written.split(';').map(|piece| piece.trim().split_once('=').unwrap().1);
                let joined: String = pieces.collect();
                let joined = joined.trim_matches('"');
                let plain = joined.strip_prefix("utf-8''").unwrap_or(joined);
                let mut bytes = Vec::new();
                PERCENT.decode_append(plain, &mut bytes).unwrap();
                assert_eq!(String::from_utf8(bytes).unwrap(), value);
                for piece in written.split(';') {
                    let mut bytes = Vec::new();
                    let value = piece.trim().split_once('=').unwrap().1;
                    PERCENT.decode_append(value, &mut bytes).unwrap();
                    assert!(String::from_utf8(bytes).is_ok());
                }
            }
        }
    }
}
