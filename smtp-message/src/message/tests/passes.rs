//! Data that is read twice: once for the form of a message, and once to be sent.

use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_file_is_read_when_it_is_sent_and_may_not_change_meanwhile() {
    let directory = std::env::temp_dir().join(format!("smtp-message-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("ünï.csv");
    std::fs::write(&path, "a,b\r\n".repeat(100_000)).unwrap();
    let message = minimal().text("t").attach(Part::file(&path)).build(&STAMP).unwrap();
    let first = message.to_bytes().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("filename*=utf-8''%C3%BCn%C3%AF.csv\r\n"));
    let form = message.form(&Extensions::default()).unwrap();
    // It has changed before it is looked at again: the new one is sent.
    std::fs::write(&path, "c,d\r\n".repeat(200_000)).unwrap();
    assert_eq!(form.size, Some(first.len() as u64));
    assert_eq!(message.size().unwrap(), first.len() as u64 + 500_000);
    // It has changed after its form was told.
    assert!(matches!(message.open(&form), Err(ContentError::Changed)));
    let form = message.form(&Extensions::default()).unwrap();
    let mut chunks = message.open(&form).unwrap();
    let mut out = Vec::new();
    assert!(chunks.next(&mut out).unwrap());
    std::fs::write(&path, "short").unwrap();
    let error = loop {
        match chunks.next(&mut out) {
            Ok(true) => {}
            Ok(false) => panic!("it was not noticed"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ContentError::Changed));
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(matches!(message.form(&Extensions::default()), Err(ContentError::Io(_))));
}

#[test]
fn a_reader_is_opened_once_for_the_form_and_once_to_be_sent() {
    // In base64 the other one would have the same form.
    let (first, other) = ("ab\r\n".repeat(3), "\u{fc}\r\n");
    for (most, able) in [
        (BodyType::SevenBit, "250 x\r\n"),
        (BodyType::EightBitMime, "250-x\r\n250 8BITMIME\r\n"),
        (BodyType::BinaryMime, "250-x\r\n250-CHUNKING\r\n250 BINARYMIME\r\n"),
    ] {
        let (opened, first) = (Arc::new(AtomicUsize::new(0)), first.clone());
        let counter = Arc::clone(&opened);
        let data = Data::open(move || {
            let text = if counter.fetch_add(1, Ordering::Relaxed) == 0 { &first } else { other };
            Ok(Cursor::new(text.to_owned()))
        });
        let message = minimal().body(Part::new("text/plain; charset=utf-8", data)).at_most(most);
        let message = message.build(&STAMP).unwrap();
        let form = message.form(&extensions(able)).unwrap();
        assert_eq!(form.body, BodyType::SevenBit);
        let mut chunks = message.open(&form).unwrap();
        let sent =
            std::iter::repeat_with(|| chunks.next(&mut Vec::new())).find(|more| !matches!(more, Ok(true)));
        assert!(matches!(sent, Some(Err(ContentError::Changed))), "{most:?}");
        assert_eq!(opened.load(Ordering::Relaxed), 2, "{most:?}");
    }
}
