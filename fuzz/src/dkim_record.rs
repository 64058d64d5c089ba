//! Key records (RFC 6376 section 3.6.1), there and back.
//!
//! An input is a record.

use smtp_message::dkim::{KeyRecord, PublicKey, RecordError};

use crate::assert_printable;

/// Octets of a record that is read.
const LIMIT: usize = 16 << 10;

/// Reads the record, writes it, as strings and as a line of a zone, and reads it again.
pub fn check(data: &[u8]) {
    let record = match KeyRecord::parse(data) {
        Ok(record) => record,
        Err(error) => return assert_printable(&error),
    };
    let text = record.to_string();
    if text.len() > LIMIT {
        // It was short enough without what is always written.
        assert!(data.len() + 100 > LIMIT);
        assert_eq!(KeyRecord::parse(text.as_bytes()), Err(RecordError::TooLong { length: text.len() }));
        return;
    }
    assert_eq!(KeyRecord::parse(text.as_bytes()).as_ref(), Ok(&record), "{text:?}");
    assert_eq!(text.parse().as_ref(), Ok(&record));
    let strings = record.strings();
    assert_eq!(strings.concat(), text);
    assert!(strings.iter().all(|string| (1..=255).contains(&string.len())));
    let line = record.zone_line("a._domainkey.example.com");
    assert_printable(&line);
    assert!(line.is_ascii() && line.matches("\" \"").count() >= strings.len() - 1);
    match &record.key {
        PublicKey::Rsa(der) => assert!(record.key.bits().is_some_and(|bits| bits <= 8 * der.len())),
        PublicKey::Ed25519(_) => assert_eq!(record.key.bits(), Some(256)),
        _ => assert_eq!(record.key.bits(), None),
    }
    assert!(format!("{:?}", record.key).len() < 40 + 2 * data.len());
}
