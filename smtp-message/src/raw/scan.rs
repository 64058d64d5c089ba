//! The header section of a ready-made message, field by field (RFC 5322 section 2.2).

use memchr::memchr;

use crate::steps;

/// One field.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    /// Without the white space that obsolete syntax allows before the colon.
    pub(crate) name: &'a [u8],
    /// What comes after the colon, still folded, without the last line end.
    pub(crate) value: &'a [u8],
    /// All of it with its last line end.
    pub(crate) whole: &'a [u8],
}

impl Field<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value on one line; the bytes are not UTF-8 in no case that gets here.
    pub(crate) fn unfolded(&self) -> String {
        String::from_utf8_lossy(self.value).replace("\r\n", "")
    }
}

/// Splits off the fields of a message with CRLF line ends.  Yields them and the rest, which begins with the empty
/// line, or is empty if that is missing.
///
/// A line that is no field is an error and its number (from 1) comes back: what one program takes for the end of the
/// headers another reads over, and would find a Bcc behind it.
pub(crate) fn fields(message: &[u8]) -> Result<(Vec<Field<'_>>, &[u8]), usize> {
    let mut fields = Vec::new();
    let mut rest = message;
    let mut line = 1;
    while !rest.is_empty() && !rest.starts_with(b"\r\n") {
        let mut end = 0;
        let first = line;
        loop {
            end += memchr(b'\n', &rest[end..]).map_or(rest.len() - end, |at| at + 1);
            line += 1;
            steps::add(1);
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (whole, after) = rest.split_at(end);
        steps::add(2 * whole.len());
        let colon = memchr(b':', whole).ok_or(first)?;
        let name = whole[..colon].trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return Err(first);
        }
        let value = whole[colon + 1..].strip_suffix(b"\r\n").unwrap_or(&whole[colon + 1..]);
        fields.push(Field { name, value, whole });
        rest = after;
    }
    Ok((fields, rest))
}
