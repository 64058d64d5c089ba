//! Line ends in one linear pass: CR LF stays, a bare CR or LF becomes CR LF (RFC 5321 section 2.3.8).
//!
//! CRs before a CR LF are of that line end, for they come of text whose line ends were converted twice: taken for lines
//! they would be empty ones, and the first of them the end of the headers.

use memchr::memchr2;

use crate::steps;

/// Where the first CR or LF at or after `from` stands that is not part of a CR LF; `from` is not inside of one.
pub(crate) fn find_bare(bytes: &[u8], mut from: usize) -> Option<usize> {
    while let Some(at) = memchr2(b'\r', b'\n', &bytes[from..]) {
        steps::add(at + 1);
        let at = from + at;
        if bytes[at..].starts_with(b"\r\n") {
            from = at + 2;
        } else {
            return Some(at);
        }
    }
    None
}

/// Turns every run of CRs with a LF behind it, and every other CR and LF, into one CR LF; adds one if the end lacks it; nothing stays nothing.
pub(crate) fn normalise(bytes: Vec<u8>) -> Vec<u8> {
    let mut from = 0;
    let mut out = Vec::new();
    while let Some(at) = find_bare(&bytes, from) {
        if from == 0 {
            out.reserve(bytes.len() + bytes.len() / 16 + 2);
        }
        out.extend_from_slice(&bytes[from..at]);
        let run = bytes[at..].iter().take_while(|&&b| b == b'\r').count();
        steps::add(run + 1);
        if bytes.get(at + run) == Some(&b'\n') {
            out.extend_from_slice(b"\r\n");
            from = at + run + 1;
        } else {
            (0..run).for_each(|_| out.extend_from_slice(b"\r\n"));
            from = at + run;
        }
    }
    if from == 0 {
        out = bytes;
    } else {
        out.extend_from_slice(&bytes[from..]);
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_m11_normalising_is_linear() {
        for piece in ["\n", "\r", "\r\n", "\r\r\n", "a\n", "a\r", "\r\ra", "ab\n\r"] {
            steps::assert_linear(piece, |text| drop(normalise(text.into())));
        }
    }

    #[test]
    fn case_m3_only_crlf_leaves() {
        for (input, output) in [
            ("", ""),
            ("a", "a\r\n"),
            ("a\n", "a\r\n"),
            ("a\r", "a\r\n"),
            ("a\r\n", "a\r\n"),
            ("\r.\r", "\r\n.\r\n"),
            ("\n.\n", "\r\n.\r\n"),
            ("\r\n.\n", "\r\n.\r\n"),
            ("\r\r\n\n\r", "\r\n\r\n\r\n"),
            ("a\r\r\r\nb\r\r", "a\r\nb\r\n\r\n"),
            ("a\r\n\r\n.\r\nRSET\r\n", "a\r\n\r\n.\r\nRSET\r\n"),
        ] {
            assert_eq!(normalise(input.into()), output.as_bytes(), "{input:?}");
        }
        // All texts of eight of these characters, against a definition that counts CRs.
        for number in 0..3_u32.pow(8) {
            let input: Vec<u8> = (0..8).map(|i| b"a\r\n"[(number / 3_u32.pow(i) % 3) as usize]).collect();
            let mut expected = Vec::new();
            let mut crs = 0;
            for &byte in &input {
                match byte {
                    b'\r' => crs += 1,
                    b'\n' => {
                        expected.extend_from_slice(b"\r\n");
                        crs = 0;
                    }
                    _ => {
                        expected.extend(b"\r\n".repeat(crs));
                        expected.push(byte);
                        crs = 0;
                    }
                }
            }
            expected.extend(b"\r\n".repeat(crs));
            if input.ends_with(b"a") {
                expected.extend_from_slice(b"\r\n");
            }
            assert_eq!(normalise(input.clone()), expected, "{input:?}");
            assert_eq!(find_bare(&expected, 0), None);
        }
    }
}
