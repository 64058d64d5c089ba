//! Line ends of ready-made messages and of texts, by definition; what a message that was made elsewhere may be.
//!
//! An input is a message.

use smtp_message::{Bcc, Chunks, Content, Fields, LineEnds, Part, RawError, RawMessage, Resent};
use smtp_proto::Extensions;

use crate::{STAMP, assert_lines, assert_printable};

/// Parses it in all ways, and compares with what line ends are by definition.
pub fn check(data: &[u8]) {
    let meant = normalised(data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data));
    match RawMessage::parse(data, LineEnds::Normalise, Bcc::Keep) {
        Ok(message) => {
            assert_eq!(message.as_bytes(), meant, "{}", data.escape_ascii());
            check_message(&message);
            // No CR made a field that others do not see, unless all line ends are so.
            if data.contains(&b'\n') {
                let data = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
                let names = |bytes| {
                    Fields::new(bytes).map(|field| field.name().map(<[u8]>::to_vec)).collect::<Vec<_>>()
                };
                assert_eq!(names(data), names(&meant), "{}", data.escape_ascii());
            }
            // What has gone through once stays what it is.
            let again =
                RawMessage::parse(meant.clone(), LineEnds::Strict, Bcc::Keep).expect("it is strict now");
            assert_eq!(again.as_bytes(), meant);
            let bytes = Part::raw_message(&again).to_bytes(&STAMP).expect("a part");
            assert!(bytes.ends_with(&meant));
        }
        Err(error) => check_error(&error, data),
    }
    match RawMessage::parse(data, LineEnds::Strict, Bcc::Keep) {
        Ok(message) => {
            assert!(message.as_bytes().starts_with(data) && message.as_bytes().len() <= data.len() + 2)
        }
        Err(error) => check_error(&error, data),
    }
    if let Ok(message) = RawMessage::parse(data, LineEnds::Normalise, Bcc::Remove) {
        check_message(&message);
        assert!(!Fields::new(message.as_bytes()).any(|field| field.is("Bcc") || field.is("Resent-Bcc")));
        // Nothing else is gone.
        let kept = Fields::new(&meant).filter(|field| !field.is("Bcc") && !field.is("Resent-Bcc"));
        assert!(
            kept.map(|field| field.whole()).eq(Fields::new(message.as_bytes()).map(|field| field.whole()))
        );
        assert_eq!(Fields::new(message.as_bytes()).body(), Fields::new(&meant).body());
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let bytes = Part::text(text).to_bytes(&STAMP).expect("any text will do");
        assert_lines(&bytes);
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line") + 4;
        if bytes[..head].ends_with(b"7bit\r\n\r\n") {
            assert_eq!(bytes[head..], normalised(data));
        }
    }
    match Part::entity(data.to_vec()).to_bytes(&STAMP) {
        Ok(bytes) => assert!(bytes.starts_with(data) && bytes.len() <= data.len() + 2),
        Err(error) => assert_printable(&error),
    }
    if let Err(error) = Part::delivery_status(String::from_utf8_lossy(data)).to_bytes(&STAMP) {
        assert_printable(&error);
    }
}

fn check_message(message: &RawMessage) {
    let bytes = message.as_bytes();
    assert_lines(bytes);
    let form = message.form(&Extensions::default()).expect("all is at hand");
    assert_eq!(form.size, Some(bytes.len() as u64));
    let (mut chunks, mut sent): (Box<dyn Chunks>, _) = (message.open(&form).expect("its form"), Vec::new());
    while chunks.next(&mut sent).expect("all is at hand") {}
    assert_eq!(sent, bytes);
    assert!(!format!("{message:?}").contains(char::is_control));
    for error in [message.sender().err(), message.recipients().err()].into_iter().flatten() {
        assert_printable(error);
    }
    // What is passed on has the envelope of who does so, also when it is read back.
    let resent = Resent::new().from("resender@example.com").to("resent@example.com");
    match message.resent(resent, &STAMP) {
        Ok(resent) => {
            let again = RawMessage::parse(resent.as_bytes().to_vec(), LineEnds::Strict, Bcc::Keep);
            assert_eq!(again.expect("it is strict").recipients(), resent.recipients());
        }
        Err(error) => assert_printable(&error),
    }
}

fn check_error(error: &RawError, data: &[u8]) {
    assert_printable(error);
    match *error {
        RawError::BareLineEnd { at } => assert!(matches!(data[at], b'\r' | b'\n')),
        RawError::Nul { at } => assert_eq!(data[at], 0),
        RawError::LongLine { length, .. } => assert!(length > 998),
        RawError::HeaderNotUtf8 { at } => assert!(data[at] >= 0x80),
        RawError::ByteOrderMark => assert!(data.starts_with(b"\xef\xbb\xbf")),
        RawError::NoField { line } => assert!(line > 0),
        _ => {}
    }
}

/// A run of CRs with a LF behind it is a line end, and so is every other CR and every other LF.
fn normalised(data: &[u8]) -> Vec<u8> {
    let (mut lines, mut crs) = (Vec::new(), 0);
    for &byte in data {
        match byte {
            b'\r' => crs += 1,
            b'\n' => {
                lines.extend_from_slice(b"\r\n");
                crs = 0;
            }
            _ => {
                lines.extend(b"\r\n".repeat(crs));
                lines.push(byte);
                crs = 0;
            }
        }
    }
    lines.extend(b"\r\n".repeat(crs));
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        lines.extend_from_slice(b"\r\n");
    }
    lines
}
