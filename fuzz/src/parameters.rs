//! Media types and parameters: there and back, and through RFC 2231.
//!
//! An input is three texts with U+001E between them: a media type, the name of a parameter, its value, which is also the
//! name of a file.  Bytes that are not UTF-8 become U+FFFD.

use smtp_message::{ContentType, Fields, Part};

use crate::{STAMP, assert_lines, assert_printable};

/// Parses and writes the type, and writes and reads the parameter.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut texts = text.split('\u{1e}');
    let mut next = || texts.next().unwrap_or_default();
    let (media, name, value) = (next(), next(), next());
    match media.parse::<ContentType>() {
        Ok(parsed) => {
            assert_eq!(parsed.to_string().parse().as_ref(), Ok(&parsed));
            assert_printable(&parsed);
            assert_eq!(ContentType::try_from(media.to_owned()), Ok(parsed.clone()));
            if let Ok(bytes) = Part::new(parsed, "x").to_bytes(&STAMP) {
                assert_lines(&bytes);
            }
        }
        Err(error) => assert_printable(&error),
    }
    match ContentType::new(media).and_then(|media| media.with_param(name, value)) {
        Ok(with) => {
            assert_eq!(with.param(name), Some(value));
            assert_eq!(with.to_string().parse().as_ref(), Ok(&with));
        }
        Err(error) => assert_printable(&error),
    }
    match Part::text("").param(name, value).to_bytes(&STAMP) {
        Ok(bytes) => assert_eq!(read(&bytes, "Content-Type", name), value),
        Err(error) => assert_printable(&error),
    }
    match Part::attachment(value, "x").to_bytes(&STAMP) {
        Ok(bytes) => {
            assert_eq!(read(&bytes, "Content-Disposition", "filename"), value);
            assert!(read(&bytes, "Content-Type", "name").is_ascii());
        }
        Err(error) => assert_printable(&error),
    }
    if let Ok(bytes) = Part::calendar(value, "").to_bytes(&STAMP) {
        assert_eq!(read(&bytes, "Content-Type", "method"), value.to_ascii_uppercase());
    }
}

/// Reads a parameter by RFC 2231.
fn read(bytes: &[u8], field: &str, name: &str) -> String {
    assert_lines(bytes);
    let mut fields = Fields::new(bytes).filter(|found| found.is(field));
    let value =
        String::from_utf8(fields.next().expect("it is there").unfolded().into_owned()).expect("ASCII");
    assert!(fields.next().is_none());
    assert!(value.is_ascii());
    let mut found = Vec::new();
    let mut count = 0;
    for parameter in split(&value).into_iter().skip(1) {
        let (attribute, content) = parameter.split_once('=').expect("a parameter");
        let Some(rest) = attribute.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)) else {
            continue;
        };
        let rest = &attribute[rest.len()..];
        if let Some(quoted) = content.strip_prefix('"') {
            assert_eq!(rest, "");
            found.extend_from_slice(quoted.strip_suffix('"').expect("quotes end").as_bytes());
        } else if rest.is_empty() {
            found.extend_from_slice(content.as_bytes());
        } else if rest.starts_with('*') {
            assert!(rest == "*" || rest == format!("*{count}*"), "{rest}");
            let content =
                if count == 0 { content.strip_prefix("utf-8''").expect("a charset") } else { content };
            let bytes = percent(content);
            assert!(std::str::from_utf8(&bytes).is_ok(), "a character is split");
            found.extend(bytes);
        } else {
            continue;
        }
        count += 1;
    }
    assert!(count > 0, "{value}");
    String::from_utf8(found).expect("UTF-8")
}

/// Splits at semicolons that are not in quotes.
fn split(value: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in value.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '\\' => panic!("nothing is escaped: {value}"),
            ';' if !quoted => {
                parts.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    assert!(!quoted);
    parts.push(value[start..].trim());
    parts
}

fn percent(text: &str) -> Vec<u8> {
    crate::quoted(text.replace('=', "=3D").replace('%', "=").as_bytes())
}
