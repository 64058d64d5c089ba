//! `xtext`, which carries any ASCII text in an ESMTP parameter (RFC 3461 section 4).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// Whether the byte stands for itself.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'+' | b'=')
}

/// How many bytes `text` takes.
pub(crate) fn len(text: &str) -> usize {
    text.bytes().map(|byte| if is_plain(byte) { 1 } else { 3 }).sum()
}

/// Writes `text` so.
pub(crate) fn encode(text: &str, f: &mut impl Write) -> fmt::Result {
    text.bytes().try_for_each(|byte| match is_plain(byte) {
        true => f.write_char(char::from(byte)),
        false => write!(f, "+{byte:02X}"),
    })
}

/// Reads it back; `None` if it is no xtext, or not of UTF-8.
pub(crate) fn decode(xtext: &str) -> Option<String> {
    let mut text = Vec::with_capacity(xtext.len());
    let mut rest = xtext.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = match (byte, behind) {
            (b'+', [high, low, behind @ ..]) => {
                text.push(hex(*high)? << 4 | hex(*low)?);
                behind
            }
            _ if is_plain(*byte) => {
                text.push(*byte);
                behind
            }
            _ => return None,
        };
    }
    String::from_utf8(text).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_a6_what_is_encoded_decodes_to_the_same() {
        let encoded = |text: &str| {
            let mut xtext = String::new();
            encode(text, &mut xtext).unwrap();
            assert_eq!(xtext.len(), len(text));
            assert_eq!(decode(&xtext).unwrap(), text);
            xtext
        };
        assert_eq!(encoded("a+b=c d"), "a+2Bb+3Dc+20d");
        assert_eq!(encoded("ü\r\n"), "+C3+BC+0D+0A");
        assert_eq!(encoded(""), "");
        for bad in ["+", "+2", "+2b", "a=b", "a b", "+GG", "é", "+FF"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
