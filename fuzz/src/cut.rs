//! Inputs that say where they are to be cut.

/// Takes the header off an input: a character whose low four bits say how many more characters follow, and those, each
/// the length of a piece, counted from `0` = 0 bytes, `1` = 1 byte and so on in the order of ASCII (modulo 64).
///
/// `2:0` before a text cuts it behind 10 bytes, then at once again, and leaves the rest in one piece.
pub(crate) fn header(data: &[u8]) -> (Vec<usize>, &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return (Vec::new(), data) };
    let (lengths, rest) = rest.split_at(usize::from(count & 15).min(rest.len()));
    (lengths.iter().map(|&length| usize::from(length.wrapping_sub(b'0') & 63)).collect(), rest)
}

/// The pieces of `text`, some of which may be empty; the lengths are gone through once.
pub(crate) fn pieces<'a>(lengths: &[usize], text: &'a [u8]) -> Vec<&'a [u8]> {
    let mut rest = text;
    let mut pieces = Vec::with_capacity(lengths.len() + 1);
    for &length in lengths {
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}
