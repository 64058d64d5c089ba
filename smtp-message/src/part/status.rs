//! What became of messages, for programs (`message/delivery-status`, RFC 3464 section 2.1): groups of fields, which are sent
//! as they are, and so are folded where they would be no lines.

use memchr::memchr;

use crate::header::FieldWriter;
use crate::line_ends::{find_lone_cr, find_long_line, normalise};
use crate::message::Rule;
use crate::raw::fields;

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
                let name = String::from_utf8_lossy(field.name);
                let mut writer = FieldWriter::new(&mut out, &name, false);
                writer.raw(field.unfolded().trim_matches([' ', '\t']));
                writer.end();
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
