//! Header fields (RFC 6376 sections 3.4.1 and 3.4.2).

use memchr::memchr3;

use super::Canon;

/// Appends the canonical form of a field: `field` is all of it, still folded, without its last line end, and the form is
/// without one too.
///
/// What is not a field, for it has no colon, is taken for a name.
///
/// ```
/// use smtp_message::dkim::{Canon, canonical_field};
///
/// let mut out = Vec::new();
/// canonical_field(Canon::Relaxed, b"SUBJect \t:  a \r\n\t b ", &mut out);
/// assert_eq!(out, b"subject:a b");
/// ```
pub fn canonical_field(canon: Canon, field: &[u8], out: &mut Vec<u8>) {
    if canon == Canon::Simple {
        out.extend_from_slice(field);
        return;
    }
    let colon = memchr::memchr(b':', field).unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(trim_end(name).iter().map(u8::to_ascii_lowercase));
    let Some(value) = value.strip_prefix(b":") else { return };
    out.push(b':');
    let (start, mut rest) = (out.len(), value);
    loop {
        let word = skip_white_space(rest);
        if word.is_empty() {
            return;
        }
        if out.len() > start && word.len() < rest.len() && white_space_in(&rest[..rest.len() - word.len()]) {
            out.push(b' ');
        }
        // The first octet may be a CR that folds nothing.
        let end = memchr3(b' ', b'\t', b'\r', &word[1..]).map_or(word.len(), |at| at + 1);
        out.extend_from_slice(&word[..end]);
        rest = &word[end..];
    }
}

/// What is behind white space and the line ends that fold.
fn skip_white_space(mut octets: &[u8]) -> &[u8] {
    loop {
        octets = match octets {
            [b' ' | b'\t', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
            _ => return octets,
        };
    }
}

fn white_space_in(octets: &[u8]) -> bool {
    octets.iter().any(|octet| matches!(octet, b' ' | b'\t'))
}

fn trim_end(mut octets: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = octets {
        octets = rest;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, relaxed: &str) {
        let mut out = b"before\r\n".to_vec();
        canonical_field(Canon::Relaxed, field.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("before\r\n{relaxed}"), "{field:?}");
        let mut out = Vec::new();
        canonical_field(Canon::Simple, field.as_bytes(), &mut out);
        assert_eq!(out, field.as_bytes());
    }

    #[test]
    fn case_m12_examples_of_the_rfc() {
        // RFC 6376 section 3.4.5.
        check("A: X", "a:X");
        check("B : Y\t\r\n\tZ  ", "b:Y Z");
    }

    #[test]
    fn case_m12_odd_fields() {
        check("A:", "a:");
        check("A: \t ", "a:");
        check("A:\r\n ", "a:");
        check("A:\r\n \r\n\t", "a:");
        check("A:b\r\n c\r\n \r\n\td", "a:b c d");
        check("Aß \t:c:d", "aß:c:d");
        check("a:\rb\r", "a:\rb\r");
        check("a: b \r c\n d", "a:b \r c\n d");
        check("no colon ", "no colon");
        check("", "");
        check(":", ":");
        check("A: x \r\n\r\ny", "a:x y");
        check("A:x\r\ny", "a:xy");
    }
}
