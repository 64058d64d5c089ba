//! What became of messages, for programs (`message/delivery-status`, RFC 3464 section 2.1): groups of fields, which are sent
//! as they are, and so are folded where they would be no lines.

use memchr::{memchr, memchr2, memrchr2};

use crate::line_ends::{find_lone_cr, find_long_line, normalise};
use crate::message::Rule;
use crate::raw::fields;
use crate::steps;

/// Columns of a line that is folded.
const WIDTH: usize = 78;

/// The groups as lines with CRLF, of at most 998 octets.
///
/// # Errors
/// What keeps them from being that.
pub(super) fn lines(groups: String) -> Result<Vec<u8>, Rule> {
    let groups = groups.into_bytes();
    if groups.is_empty() {
        return Err(Rule::Nothing);
    }
    if let Some(at) = groups.iter().position(|b| !b.is_ascii()) {
        return Err(Rule::NotAscii { at });
    }
    if let Some(at) = memchr(0, &groups) {
        return Err(Rule::Control { at });
    }
    if let Some(at) = find_lone_cr(&groups, false) {
        return Err(Rule::BareLineEnd { at });
    }
    let text = normalise(groups);
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut line) = (&text[..], 1);
    while !rest.is_empty() {
        let (found, after) = fields(rest).map_err(|at| Rule::NoField { line: line + at - 1 })?;
        for field in found {
            let start = out.len();
            if find_long_line(field.whole).is_some() {
                fold(field.name, field.unfolded().trim_ascii().as_bytes(), &mut out);
            } else {
                out.extend_from_slice(field.whole);
            }
            if let Some((_, length)) = find_long_line(&out[start..]) {
                return Err(Rule::LongLine { line, length });
            }
            line += field.whole.iter().filter(|&&b| b == b'\n').count();
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(b"\r\n") {
            out.extend_from_slice(b"\r\n");
            rest = after;
            line += 1;
        }
    }
    Ok(out)
}

/// Appends a field, folded at its white space where it can be.  There may be any characters in it.
fn fold(name: &[u8], mut value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let mut room = WIDTH.saturating_sub(name.len() + 2);
    while value.len() > room {
        steps::add(room);
        // The white space in front of a word goes with it.
        let word = value.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or_default();
        let fits = memrchr2(b' ', b'\t', value.get(word..room).unwrap_or_default());
        let end = fits.or_else(|| memchr2(b' ', b'\t', &value[word..]));
        let Some(end) = end.map(|end| word + end) else { break };
        steps::add(end);
        out.extend_from_slice(&value[..end]);
        out.extend_from_slice(b"\r\n");
        value = &value[end..];
        room = WIDTH;
    }
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_fields_are_folded_and_say_the_same() {
        let line = |word: &str, times: usize| format!("A: {}\n", word.repeat(times));
        for text in [
            line("x ", 600),
            line("x\x01 ", 600),
            line(&format!("{} ", "x".repeat(70)), 20),
            line(&format!("{} ", "x".repeat(300)), 20),
            line(&format!("x{}", " ".repeat(300)), 20),
            line(&format!("{}\t{} ", "x".repeat(995), "y".repeat(10)), 3),
        ] {
            let lines = String::from_utf8(lines(text.clone()).unwrap()).unwrap();
            assert!(lines.lines().all(|line| line.len() <= 998 && !line.trim().is_empty()), "{lines}");
            assert_eq!(lines.replace("\r\n ", " ").replace("\r\n\t", "\t").trim_end(), text.trim_end());
        }
        assert_eq!(lines(line("x", 996)), Err(Rule::LongLine { line: 1, length: 999 }));
        assert_eq!(lines(format!("A: b\r{}", line("x", 996))), Err(Rule::BareLineEnd { at: 4 }));
    }

    #[test]
    fn case_m11_folding_is_linear() {
        for piece in ["x", " ", "x ", "\t", "A: b\n", "\n"] {
            steps::assert_linear(piece, |text| drop(lines(format!("A: x{text}\n"))));
        }
    }
}
