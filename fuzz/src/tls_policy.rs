//! TLSA records and pins as text, and what a policy makes of them.
//!
//! An input is lines separated by LF: each a TLSA record in presentation form, or a pin.

use smtp_proto::tls::{Authentication, Pin, TlsPolicy, TlsVersion, Tlsa};

use crate::assert_printable;

/// Reads each line as both, writes it again, and compares which records count with what the RFCs say of each.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mut records, mut pins) = (Vec::new(), Vec::new());
    for line in text.split('\n') {
        match line.parse::<Tlsa>() {
            Ok(record) => {
                assert_eq!(record.to_string().parse(), Ok(record.clone()), "there and back");
                assert_printable(&record);
                assert!(format!("{record:?}").contains(&record.to_string()));
                records.push(record);
            }
            Err(error) => assert_printable(&error),
        }
        match line.parse::<Pin>() {
            Ok(pin) => {
                assert_eq!(pin.to_string().parse(), Ok(pin), "there and back");
                assert!(format!("{pin:?}").contains(&pin.to_string()));
                pins.push(pin);
            }
            Err(error) => assert_printable(&error),
        }
    }

    for record in &records {
        let known = matches!(record.usage, 2 | 3) && record.selector <= 1 && record.matching <= 2;
        match record.unusable() {
            Some(why) => assert_printable(&why),
            None => assert!(known, "{record}"),
        }
        let len = record.data.len();
        if known && record.matching != 0 {
            let digest = if record.matching == 1 { 32 } else { 64 };
            assert_eq!(record.unusable().is_none(), len == digest, "{record}");
        }
    }
    let kind = |record: &Tlsa| (record.usage, record.selector);
    let stronger = |record: &Tlsa| {
        let mut others = records.iter().filter(|other| other.unusable().is_none());
        record.matching == 1 && others.any(|other| kind(other) == kind(record) && other.matching == 2)
    };
    let expected: Vec<_> =
        records.iter().filter(|record| record.unusable().is_none() && !stronger(record)).collect();
    assert_eq!(Tlsa::usable(&records).collect::<Vec<_>>(), expected);

    let dane = TlsPolicy::dane("mx.example", records.clone()).reference_name("example").without_sni();
    assert_eq!(dane.authenticates(), records.iter().any(|record| record.unusable().is_none()));
    assert_eq!(dane.authentication(), &Authentication::Dane(records));
    assert_eq!((dane.reference_names().len(), dane.sends_sni()), (2, false));
    let pinned = TlsPolicy::pinned(pins.clone()).minimum_version(TlsVersion::V1_3);
    assert!(pinned.authenticates() && pinned.sends_sni());
    assert_eq!(pinned.least_version(), TlsVersion::V1_3);
    assert_eq!(pinned.authentication(), &Authentication::Pins(pins));
    assert!(TlsPolicy::default().authenticates() && !TlsPolicy::opportunistic().authenticates());
}
