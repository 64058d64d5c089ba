//! Transparency for DATA (RFC 5321 section 4.5.2), by definition and in any pieces.
//!
//! An input is a header of cuts, a character that says how often the content is repeated (`1` is once, `:` 300 times, for
//! more dots than one call takes; a long content is not repeated), and the content.

use smtp_proto::Output;
use smtp_proto::body::{BareLineEnd, DotStuffer};

use crate::cut;

/// Frames the content whole, in pieces and byte by byte, and compares with the definition and with what a server reads.
pub fn check(data: &[u8]) {
    let (lengths, rest) = cut::header(data);
    let Some((&times, content)) = rest.split_first() else { return };
    let content = content.repeat(match times {
        b'1'..=b'9' => usize::from(times - b'0'),
        b':' if content.len() < 16 => 300,
        _ => 1,
    });
    let expected = stuff(&content);
    for result in [
        frame([&content[..]], &lengths),
        frame(cut::pieces(&lengths, &content), &lengths),
        frame(content.chunks(1), &[]),
    ] {
        match (result, &expected) {
            (Ok(wire), Some(expected)) => {
                assert!(wire == *expected, "{}", wire.escape_ascii());
                let received = unstuff(&wire);
                assert_eq!(received.strip_prefix(&content[..]), Some(missing_end(&content)));
            }
            // Which of several faults is found first may depend on the cuts; it must be one.
            (Err((error, framed)), None) => {
                let at = usize::try_from(error.offset).expect("an offset in the content");
                assert!(is_bare(&content, at), "no bare line end at {at} of {}", content.escape_ascii());
                assert!(!error.to_string().contains(char::is_control));
                // What went out before is right, and nothing behind the fault went out.
                let sound = stuff_prefix(&content[..at + 1]);
                assert!(sound.starts_with(&framed), "{} went out", framed.escape_ascii());
            }
            (Ok(wire), None) => panic!("a bare line end was let through: {}", wire.escape_ascii()),
            (Err((error, _)), Some(_)) => panic!("refused: {error}"),
        }
    }
}

/// What goes on the wire, written a few bytes at a time; or the error and what went out before it.
fn frame<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    writes: &[usize],
) -> Result<Vec<u8>, (BareLineEnd, Vec<u8>)> {
    let (mut framing, mut out, mut wire) = (DotStuffer::new(), Output::new(), Vec::new());
    let mut taken_in_all = 0;
    for mut piece in pieces {
        while !piece.is_empty() {
            let taken = match framing.frame(piece, &mut out) {
                Ok(taken) => taken,
                Err(error) => {
                    assert!(out.is_empty(), "a refused piece left something to write");
                    return Err((error, wire));
                }
            };
            assert!(0 < taken && taken <= piece.len());
            taken_in_all += taken as u64;
            assert_eq!(framing.taken(), taken_in_all);
            write(&mut out, piece, writes, &mut wire);
            piece = &piece[taken..];
        }
    }
    if let Err(error) = framing.finish(&mut out) {
        assert!(out.is_empty(), "a refused end left something to write");
        return Err((error, wire));
    }
    write(&mut out, &[], writes, &mut wire);
    Ok(wire)
}

/// Writes `out` in steps; at each, what is left must be what was there without what was written.
fn write(out: &mut Output, chunk: &[u8], steps: &[usize], wire: &mut Vec<u8>) {
    let all = out.slices(chunk).unwrap().collect::<Vec<_>>().concat();
    assert_eq!(out.len(), all.len());
    let mut written = 0;
    for &step in steps.iter().take(3) {
        out.advance(step);
        written = all.len().min(written + step);
        assert_eq!(out.len(), all.len() - written);
        assert_eq!(out.is_empty(), written == all.len());
        assert!(out.slices(chunk).unwrap().collect::<Vec<_>>().concat() == all[written..]);
        if !out.needs_chunk() {
            let left = out.slices(&[]).unwrap().map(<[u8]>::len).sum::<usize>();
            assert_eq!(left, all.len() - written, "the chunk was needed");
        }
    }
    out.advance(usize::MAX);
    assert!(out.is_empty());
    wire.extend_from_slice(&all);
}

/// Whether the byte at `at` is a CR without LF behind it or an LF without CR before it.
pub(crate) fn is_bare(content: &[u8], at: usize) -> bool {
    match content.get(at) {
        Some(b'\r') => content.get(at + 1) != Some(&b'\n'),
        Some(b'\n') => at == 0 || content[at - 1] != b'\r',
        _ => false,
    }
}

/// The wire form by definition; `None` if the content has a bare line end.
fn stuff(content: &[u8]) -> Option<Vec<u8>> {
    if (0..content.len()).any(|at| is_bare(content, at)) {
        return None;
    }
    let mut wire = stuff_prefix(content);
    wire.extend_from_slice(missing_end(content));
    wire.extend_from_slice(b".\r\n");
    Some(wire)
}

/// The wire form of content that more content follows.
fn stuff_prefix(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (i, &byte) in content.iter().enumerate() {
        if byte == b'.' && (i == 0 || content[i - 1] == b'\n') {
            wire.push(b'.');
        }
        wire.push(byte);
    }
    wire
}

/// The line end that the content lacks.
fn missing_end(content: &[u8]) -> &'static [u8] {
    if content.is_empty() || content.ends_with(b"\n") { b"" } else { b"\r\n" }
}

/// What a server makes of the wire form: lines up to the one that is a single dot, which must be the last.
fn unstuff(wire: &[u8]) -> Vec<u8> {
    let (mut content, mut rest) = (Vec::new(), wire);
    for line in wire.split_inclusive(|&b| b == b'\n') {
        rest = &rest[line.len()..];
        if line == b".\r\n" {
            assert!(rest.is_empty(), "the content ends too early for a server");
            return content;
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    panic!("no end for a server")
}
