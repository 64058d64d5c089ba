//! Messages to send, and a reader for those that arrive, which owes nothing to the library under test.

/// A header that holds no surprise.
const HEADER: &str = "From: S <sender@example.test>\r\nTo: rcpt@example.test\r\nSubject: nasty\r\n\
    Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <nasty@example.test>\r\nX-Fold: a\r\n b\r\n\tc\r\n";

/// A ready-made message with this header field more, transfer encoding and body.
pub(super) fn ready_made(field: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    let mime = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ";
    [HEADER.as_bytes(), field.as_bytes(), mime.as_bytes(), encoding.as_bytes(), b"\r\n\r\n", body].concat()
}

/// Lines that something on the way may trip over, all 7-bit: dots, trailing blanks, 998 octets, control characters.
pub(super) fn nasty_7bit() -> Vec<u8> {
    let mut body =
        b".leading dot\r\n..two dots\r\n.\r\n\r\ntrailing blanks   \t\r\nFrom mbox\r\n>From quoted\r\n"
            .to_vec();
    body.extend_from_slice(&[b'x'; 998]);
    body.extend_from_slice(b"\r\n\ttab\x0b\x0c control\x01\x7f\r\n.\r\n\r\n\r\nlast\r\n");
    body
}

/// The same, and every octet above 127, which is no UTF-8.
pub(super) fn nasty_8bit() -> Vec<u8> {
    let mut body = nasty_7bit();
    body.extend_from_slice("é漢😀\r\n".as_bytes());
    body.extend(128..=255);
    body.extend_from_slice(b"\r\n");
    body
}

/// What was meant must be what is stored, below the fields that the server put on top; `stored` has LF line ends.
/// Returns the server's fields.
pub(super) fn same(meant: &[u8], stored: &[u8], servers: &[&str]) -> Result<String, String> {
    let stored = crlf(stored);
    let Some(top) = stored.strip_suffix(meant) else {
        return Err(first_difference(meant, &stored));
    };
    let top = String::from_utf8_lossy(top).into_owned();
    let foreign = top.lines().find(|line| {
        !line.starts_with([' ', '\t']) && servers.iter().all(|name| !line.starts_with(&format!("{name}: ")))
    });
    match foreign {
        Some(line) => Err(format!("the message has one field more: {line}")),
        None => Ok(top),
    }
}

pub(super) fn first_difference(meant: &[u8], stored: &[u8]) -> String {
    let first_line = meant.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some(start) = stored.windows(first_line.len().max(1)).position(|window| window == first_line) else {
        return format!("the start of the message is not in: {}", stored.escape_ascii());
    };
    let stored = &stored[start..];
    let at = meant.iter().zip(stored).take_while(|(a, b)| a == b).count();
    let from = at.saturating_sub(30);
    let around = |bytes: &[u8]| bytes[from..bytes.len().min(at + 30)].escape_ascii().to_string();
    format!(
        "differs at octet {at} of {} meant and {} stored: \"{}\" has become \"{}\"",
        meant.len(),
        stored.len(),
        around(meant),
        around(stored)
    )
}

pub(super) fn crlf(stored: &[u8]) -> Vec<u8> {
    stored
        .iter()
        .flat_map(|byte| if *byte == b'\n' { &b"\r\n"[..] } else { std::slice::from_ref(byte) })
        .copied()
        .collect()
}

/// A message taken apart.
pub(super) struct Parsed {
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Parsed {
    /// Reads a stored message, with LF line ends.
    pub(super) fn new(stored: &[u8]) -> Result<Self, String> {
        let end = stored.windows(2).position(|window| window == b"\n\n").ok_or("no end of the header")?;
        let header = std::str::from_utf8(&stored[..end]).map_err(|_| "the header is not UTF-8")?;
        let unfolded = header.replace("\n ", " ").replace("\n\t", "\t");
        let fields = unfolded.lines().map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("not a header field: {line}"))?;
            Ok((name.to_ascii_lowercase(), value.trim().to_string()))
        });
        Ok(Self { fields: fields.collect::<Result<_, String>>()?, body: stored[end + 2..].to_vec() })
    }

    /// The value of a field that must be there once, with its encoded words decoded.
    pub(super) fn field(&self, name: &str) -> Result<String, String> {
        let mut values = self.fields.iter().filter(|(found, _)| found == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => {
                decode_words(value).ok_or_else(|| format!("wrongly encoded: {value}"))
            }
            _ => Err(format!("{name} is not there once in {:?}", self.fields)),
        }
    }

    /// The body without its transfer encoding.
    pub(super) fn text(&self) -> Result<String, String> {
        let encoding = self.field("content-transfer-encoding").unwrap_or("7bit".into()).to_ascii_lowercase();
        let bytes = match encoding.as_str() {
            "base64" => decode_base64(&self.body),
            "quoted-printable" => decode_quoted_printable(&self.body),
            "7bit" if !self.body.is_ascii() => None,
            "7bit" | "8bit" => Some(self.body.clone()),
            _ => None,
        };
        let bytes = bytes.ok_or_else(|| format!("the body is not {encoding}"))?;
        Ok(String::from_utf8(bytes).map_err(|_| "the body is not UTF-8")?.replace("\r\n", "\n"))
    }
}

/// RFC 2047, UTF-8 only.
fn decode_words(value: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut end_of_word = None; // in `decoded`, when only white space has followed
    for part in value.split_inclusive([' ', '\t']) {
        let word = part.trim_end();
        let inner = word.strip_prefix("=?").and_then(|word| word.strip_suffix("?="));
        let Some(inner) = inner else {
            decoded.push_str(part);
            end_of_word = end_of_word.filter(|_| word.is_empty());
            continue;
        };
        let (charset, rest) = inner.split_once('?')?;
        let (encoding, text) = rest.split_once('?')?;
        let bytes = match encoding {
            "B" | "b" => decode_base64(text.as_bytes())?,
            "Q" | "q" => decode_quoted_printable(text.replace('_', " ").as_bytes())?,
            _ => return None,
        };
        if !charset.eq_ignore_ascii_case("utf-8") || word.len() > 75 {
            return None;
        }
        decoded.truncate(end_of_word.unwrap_or(decoded.len()));
        decoded.push_str(std::str::from_utf8(&bytes).ok()?);
        end_of_word = Some(decoded.len());
        decoded.push_str(&part[word.len()..]);
    }
    Some(decoded)
}

fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let (mut decoded, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=') {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count & 0xff) as u8);
        }
    }
    Some(decoded)
}

fn decode_quoted_printable(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'=' if rest.first() == Some(&b'\n') => rest = &rest[1..],
            b'=' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                decoded.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            _ => decoded.push(byte),
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words() {
        assert_eq!(
            decode_words("=?utf-8?Q?a_=C3=A9_?= =?UTF-8?B?w6k=?= plain  =?utf-8?q?x?=").unwrap(),
            "a é é plain  x"
        );
    }

    #[test]
    fn bodies() {
        let parsed = Parsed::new(b"A: b\nContent-Transfer-Encoding: quoted-printable\n c\n\nx=\n=2Ey\n");
        assert!(parsed.unwrap().text().is_err());
        let parsed = Parsed::new(b"Content-Transfer-Encoding: quoted-printable\n\nx=\n=2Ey\n").unwrap();
        assert_eq!(parsed.text().unwrap(), "x.y\n");
    }

    #[test]
    fn differences() {
        assert_eq!(
            same(b"A: b\r\n\r\nc\r\n", b"Received: x\n\ty\nA: b\n\nc\n", &["Received"]).unwrap(),
            "Received: x\r\n\ty\r\n"
        );
        assert!(same(b"A: b\r\n\r\nc\r\n", b"Other: x\nA: b\n\nc\n", &["Received"]).is_err());
        let error = same(b"A: b\r\n\r\nc\r\n", b"Received: x\nA: b\n\ncd\n", &["Received"]).unwrap_err();
        assert!(error.starts_with("differs at octet 9"), "{error}");
    }
}
