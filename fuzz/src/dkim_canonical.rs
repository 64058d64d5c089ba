//! Canonical forms (RFC 6376 section 3.4), by definition and in any pieces.
//!
//! An input is a header of cuts, a character that says how often the content is repeated (`1` is once, `:` 300 times, for
//! what is longer than a block; a long content is not repeated), and the content, which is taken for a body and for a
//! field.

use smtp_message::dkim::{BodyCanonicalizer, Canon, canonical_field};

use crate::cut;

/// Makes the forms of the content whole, in pieces and octet by octet, and compares with the definition.
pub fn check(data: &[u8]) {
    let (lengths, rest) = cut::header(data);
    let Some((&times, content)) = rest.split_first() else { return };
    let content = content.repeat(match times {
        b'1'..=b'9' => usize::from(times - b'0'),
        b':' if content.len() < 32 => 300,
        _ => 1,
    });
    for canon in [Canon::Simple, Canon::Relaxed] {
        let expected = body(canon, &content);
        for made in [
            canonical(canon, [&content[..]]),
            canonical(canon, cut::pieces(&lengths, &content)),
            canonical(canon, content.chunks(1)),
        ] {
            assert!(made == expected, "{canon}: {}", made.escape_ascii());
        }
        // What is canonical stays as it is, but for the body that has nothing.
        if !expected.is_empty() {
            assert!(canonical(canon, [&expected[..]]) == expected, "{canon} twice");
        }
        // A field has no line end that folds nothing.
        let mut made = b"x".to_vec();
        canonical_field(canon, &content, &mut made);
        assert!(made[1..] == field(canon, &content), "{canon}: {}", made.escape_ascii());
    }
}

fn canonical<'a>(canon: Canon, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = BodyCanonicalizer::new(canon);
    for piece in pieces {
        body.update(piece, &mut |octets| out.extend_from_slice(octets));
    }
    body.finish(&mut |octets| out.extend_from_slice(octets));
    out
}

/// Line by line: sections 3.4.3 and 3.4.4.
fn body(canon: Canon, content: &[u8]) -> Vec<u8> {
    let mut lines = vec![Vec::new()];
    for (i, &octet) in content.iter().enumerate() {
        let last = lines.len() - 1;
        match octet {
            b'\n' if i > 0 && content[i - 1] == b'\r' => {
                lines[last].pop();
                lines.push(Vec::new());
            }
            _ => lines[last].push(octet),
        }
    }
    if canon == Canon::Relaxed {
        for line in &mut lines {
            *line = reduced(line);
            if line.ends_with(b" ") {
                line.pop();
            }
        }
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    if lines.is_empty() && canon == Canon::Simple {
        lines.push(Vec::new());
    }
    lines.iter().flat_map(|line| [&line[..], b"\r\n"].concat()).collect()
}

/// Step by step: section 3.4.2, without the last line end.
fn field(canon: Canon, content: &[u8]) -> Vec<u8> {
    if canon == Canon::Simple {
        return content.to_vec();
    }
    let colon = content.iter().position(|&octet| octet == b':');
    let (name, value) = content.split_at(colon.unwrap_or(content.len()));
    let mut out = name.to_ascii_lowercase();
    while out.ends_with(b" ") || out.ends_with(b"\t") {
        out.pop();
    }
    let Some((colon, value)) = value.split_first() else { return out };
    out.push(*colon);
    let mut unfolded = Vec::new();
    let mut rest = value;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = match rest.strip_prefix(b"\r\n") {
            Some(rest) => rest,
            None => {
                unfolded.push(octet);
                behind
            }
        };
    }
    let reduced = reduced(&unfolded);
    let trimmed = reduced.strip_prefix(b" ").unwrap_or(&reduced);
    out.extend_from_slice(trimmed.strip_suffix(b" ").unwrap_or(trimmed));
    out
}

/// Each run of white space as one space.
fn reduced(octets: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for &octet in octets {
        match octet {
            b' ' | b'\t' if out.ends_with(b" ") => {}
            b' ' | b'\t' => out.push(b' '),
            _ => out.push(octet),
        }
    }
    out
}
