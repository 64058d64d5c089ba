//! Data in both passes: which encoding is chosen, and that it comes back.

use std::io::{self, Cursor, Read};

use encodify::{base64, qp};
use smtp_proto::Extensions;
use smtp_proto::envelope::BodyType;

use super::*;
use crate::Content;
use crate::content::CHUNK;
use crate::line_ends::find_bare;
use crate::line_ends::normalise;
use TransferEncoding::{Base64, Binary, EightBit, QuotedPrintable, SevenBit};

fn choose(data: &Data, text: bool, most: BodyType) -> Encoded {
    let leaf = Leaf::new(data.clone());
    let looked = leaf.look(true, |scan| TransferEncoding::choose(scan, || text, most)).unwrap();
    let (mut out, at_hand) = (Vec::new(), data.at_hand().is_some());
    assert_eq!(looked.append_to(usize::MAX, &mut out), at_hand);
    let encoded = looked.encoded().unwrap();
    if at_hand {
        let mut other = Vec::new();
        encoded.append_to(&mut other).unwrap();
        assert_eq!(out, other);
    }
    encoded
}

fn encode(encoded: &Encoded) -> Vec<u8> {
    let (mut out, mut chunks) = (Vec::new(), encoded.open().unwrap());
    loop {
        let before = out.len();
        let more = chunks.next(CHUNK, &mut out).unwrap();
        let size = out.len() - before;
        assert!(size <= CHUNK + CHUNK / 16, "{size}");
        assert!(size >= CHUNK / 4 || !more, "{size}");
        if !more {
            break;
        }
    }
    assert!(!chunks.next(CHUNK, &mut out).unwrap());
    assert_eq!(out.len() as u64, encoded.size);
    let mut whole = Vec::new();
    encoded.append_to(&mut whole).unwrap();
    assert_eq!(whole, out);
    if encoded.encoder.encoding != Binary {
        assert!(out.is_empty() || out.ends_with(b"\r\n"));
        assert_eq!(find_bare(&out), None);
        assert_eq!(find_long_line(&out), None);
    }
    out
}

fn decode(encoding: TransferEncoding, encoded: &[u8]) -> Vec<u8> {
    if !encoding.is_identity() {
        assert!(encoded.is_ascii());
        assert!(encoded.split(|&b| b == b'\n').all(|line| line.len() <= 77));
    }
    match encoding {
        SevenBit | EightBit | Binary => encoded.to_vec(),
        QuotedPrintable => qp::BODY.strict().decode(encoded).unwrap().into_owned(),
        Base64 => base64::MIME.decode(encoded).unwrap(),
    }
}

/// A reader that gives little at a time.
struct Slow(Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = out.len().min(self.1);
        self.0.read(&mut out[..most])
    }
}

/// Data at hand and from a reader must come out alike, and come back.
#[track_caller]
fn check(data: &[u8], text: bool, most: BodyType, encoding: TransferEncoding) {
    let encoded = choose(&data.into(), text, most);
    assert_eq!(encoded.encoder.encoding, encoding);
    let wire = encode(&encoded);
    assert_eq!(decode(encoding, &wire), data);
    for piece in [1, 7, 2000, 100_000] {
        if data.len() / piece > 10_000 {
            continue;
        }
        let data = data.to_vec();
        let read = Data::open(move || Ok(Slow(Cursor::new(data.clone()), piece)));
        let other = choose(&read, text, most);
        assert_eq!(other.encoder.encoding, encoding);
        assert_eq!(encode(&other), wire, "in pieces of {piece}");
    }
}

#[track_caller]
fn check_text(text: &str, encoding: TransferEncoding) {
    check(&normalise(text.into()), true, BodyType::SevenBit, encoding);
}

#[test]
fn case_m9_the_encoding_fits_the_text() {
    check_text("", SevenBit);
    check_text("Hello\n.\n-- \n\ttab \r\n", SevenBit);
    check_text(&"x".repeat(998), SevenBit);
    check_text(&"0123456789\n".repeat(10_000), SevenBit);
    check_text(&"x".repeat(999), QuotedPrintable);
    check_text(&"x".repeat(100_000), QuotedPrintable);
    check_text(&format!("{}\n{} \n.\n", "x".repeat(100_000), "y".repeat(20_000)), QuotedPrintable);
    check_text("Grüße und so weiter, alles Gute \n\n", QuotedPrintable);
    check_text(&"Grüße und so weiter, alles Gute \t\n=\r\n".repeat(2000), QuotedPrintable);
    check_text("nul \0 and escape \x1b, all of them", QuotedPrintable);
    check_text(&"日本語のテキスト\n".repeat(5000), Base64);
    check_text("日本語", Base64);
}

#[test]
fn case_m9_a_huge_line_comes_in_chunks_too() {
    let units = ["x", "=", " ", "\t", "x ", "= ", "xxxxxxxxx=", "hello world ", "xü and so on, ", "x=xx  x"];
    for unit in units {
        for more in [0, 1, 2047, 2049] {
            let text = format!("{}{}\nü\n", "x".repeat(more), unit.repeat(30_000 / unit.len()));
            let data = normalise(text.into_bytes());
            let encoding = choose(&data.clone().into(), true, BodyType::SevenBit).encoder.encoding;
            check(&data, true, BodyType::SevenBit, encoding);
        }
    }
    for length in 2030..2060 {
        check_text(&format!("{}\nü{}", "x".repeat(length), "y".repeat(length)), QuotedPrintable);
    }
    check_text(&"ü".repeat(500_000), Base64);
}

#[test]
fn case_m9_data_is_not_changed() {
    use BodyType::{BinaryMime, EightBitMime, SevenBit as Seven};
    let every: Vec<u8> = (0..=255).collect();
    for (data, text, most, encoding) in [
        (&b"a\r\n"[..], true, Seven, SevenBit),
        (b"a\n", true, Seven, Base64),
        (b"a", true, Seven, QuotedPrintable),
        (b"a", false, Seven, Base64),
        (b"a \t", true, Seven, QuotedPrintable),
        (b"l\xe4tin-1 t\xe9xt\r\n", true, Seven, QuotedPrintable),
        (b"l\xe4tin-1 t\xe9xt\r\n", true, EightBitMime, EightBit),
        (b"l\xe4tin-1 t\xe9xt\r\n", false, BinaryMime, EightBit),
        (&every, false, EightBitMime, Base64),
        (&every, false, BinaryMime, Binary),
        (b"--=_x\r\n", true, Seven, QuotedPrintable),
        (b"--=_x\0", false, BinaryMime, Base64),
        (&every.repeat(1000), false, Seven, Base64),
        (&every.repeat(1000), false, BinaryMime, Binary),
        (&b"line\r\n".repeat(20_000), false, Seven, SevenBit),
        (&b"line\n".repeat(60_000), false, Seven, Base64),
    ] {
        check(data, text, most, encoding);
    }
}

#[test]
fn an_encoding_that_is_asked_for_is_taken_or_refused() {
    let force = |data: &[u8], encoding| Leaf::new(data.into()).look(true, |_| encoding)?.encoded();
    for (data, encoding, decoded_by) in [
        (&b"a\n\0b\r"[..], QuotedPrintable, Some(qp::BINARY)),
        (b"a\r\nb \r\n", QuotedPrintable, Some(qp::BODY)),
        (b"", QuotedPrintable, Some(qp::BODY)),
        (b"\xff\r\n", EightBit, None),
        (b"\xff\n\0", Binary, None),
        (b"a\r\n", SevenBit, None),
        (b"control \x01\r\n", SevenBit, None),
    ] {
        let encoded = force(data, encoding).unwrap();
        let mut wire = Vec::new();
        encoded.append_to(&mut wire).unwrap();
        match decoded_by {
            Some(qp) => assert_eq!(qp.strict().decode(&wire).unwrap(), data),
            None => assert_eq!(wire, data),
        }
    }
    let long = b"x".repeat(1000);
    for (data, encoding) in [
        (&b"a"[..], SevenBit),
        (b"a\n", SevenBit),
        (b"\xff\r\n", SevenBit),
        (b"\0\r\n", EightBit),
        (b"\r", EightBit),
        (&long, EightBit),
    ] {
        assert!(matches!(force(data, encoding), Err(ContentError::Encoding)), "{}", data.escape_ascii());
    }
}

#[test]
fn data_that_changes_between_the_passes_is_noticed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    for (before, after) in [
        (&b"abc"[..], &b"abcd"[..]),
        (b"abc", b"ab"),
        (b"abc", b""),
        (b"", b"abc"),
        (b"a\r\n", b"\xff\r\n"),
        (b"a\r\n", b"ab\r"),
        // Of the same length, and encoded to the same length or not.
        (b"abc", b"abd"),
        (b"a\nb\nc", b"a\nb\nd"),
        ("gr\u{fc}n".as_bytes(), "gr\u{f6}n".as_bytes()),
        ("gr\u{fc}n".as_bytes(), b"green"),
    ] {
        let (before, after) = (before.to_vec(), after.to_vec());
        let (first, opened) = (before.clone(), AtomicUsize::new(0));
        let opened = std::sync::Arc::new(opened);
        for (text, again) in [(false, 1), (true, 1), (true, 2)] {
            // What is quoted-printable is read once more for its length.
            let (first, after, opened) = (first.clone(), after.clone(), opened.clone());
            opened.store(0, Ordering::Relaxed);
            let data = Data::open(move || {
                let before = opened.fetch_add(1, Ordering::Relaxed) < again;
                Ok(Cursor::new(if before { first.clone() } else { after.clone() }))
            });
            let leaf = Leaf::new(data);
            let sent = || {
                let choose = |scan: &Scan| TransferEncoding::choose(scan, || text, BodyType::SevenBit);
                let encoded = leaf.look(false, choose)?.encoded()?;
                if again == 2 && encoded.encoder.encoding != QuotedPrintable {
                    return Err(ContentError::Changed);
                }
                encoded.append_to(&mut Vec::new())
            };
            assert!(matches!(sent(), Err(ContentError::Changed)), "{}", before.escape_ascii());
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_does_not_know_its_length_is_read_to_its_end() {
    let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [7; 32] };
    let data = std::fs::read("/proc/version").unwrap();
    let encoded = base64::MIME.encode(&data);
    for part in [
        Part::new("text/x", Data::file("/proc/version")).transfer_encoding(Base64),
        Part::file("/proc/version"),
    ] {
        let bytes = part.to_bytes(&stamp).unwrap();
        assert!(!data.is_empty() && bytes.ends_with(encoded.as_bytes()), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_reader_that_fails_is_an_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let data = Data::open(|| Ok(Broken));
    let error = Leaf::new(data).look(true, |_| Base64).err().unwrap();
    assert!(error.to_string().contains("broken"));
    let refuses = Data::open(|| Err::<Broken, _>(io::Error::other("no")));
    assert!(Leaf::new(refuses).look(true, |_| Base64).is_err());
}

#[test]
fn text_gets_its_line_ends_and_is_known_by_them() {
    for text in ["", "a", "a\n", "a\r\nb\r\n", "a\rb\nc\r\r\nd", "ü\n\n", "\r"] {
        let leaf = Leaf::text(text.into());
        let data = leaf.data.at_hand().unwrap();
        assert_eq!(*data, normalise(text.into()));
        let (known, seen) = (leaf.scan(true).unwrap(), Scan::of(data));
        assert_eq!(known, seen);
    }
}

#[test]
fn text_without_a_character_set_gets_the_one_that_it_has() {
    let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [7; 32] };
    let content_type = |part: Part| {
        let bytes = part.to_bytes(&stamp).unwrap();
        let head =
            String::from_utf8(bytes[..bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap()].to_vec());
        let line = head.unwrap().lines().next().unwrap().to_owned();
        line.strip_prefix("Content-Type: ").unwrap().replace("; name=a.txt", "").replace("; name=a.pdf", "")
    };
    // A character is cut at the end of what is read at a time.
    let long = format!("x{}", "\u{1f980}\n".repeat(20_000));
    for (data, guessed, given) in [
        (&b"ascii\n"[..], "text/plain", "text/x"),
        ("gr\u{fc}n\n".as_bytes(), "text/plain; charset=utf-8", "text/x; charset=utf-8"),
        ("gr\u{fc}".as_bytes(), "text/plain; charset=utf-8", "text/x; charset=utf-8"),
        (long.as_bytes(), "text/plain; charset=utf-8", "text/x; charset=utf-8"),
        (b"gr\xfcn\n", "application/octet-stream", "text/x"),
        (b"\n\xc3", "application/octet-stream", "text/x"),
        (&long.as_bytes()[..long.len() - 2], "application/octet-stream", "text/x"),
        (b"\xed\xa0\x80\n", "application/octet-stream", "text/x"),
    ] {
        for piece in [0, 1, 3, 100_000] {
            if data.len() / piece.max(1) > 10_000 && piece > 0 {
                continue;
            }
            let source = || match piece {
                0 => Data::from(data),
                _ => {
                    let data = data.to_vec();
                    Data::open(move || Ok(Slow(Cursor::new(data.clone()), piece)))
                }
            };
            let shown = data[..data.len().min(20)].escape_ascii();
            assert_eq!(content_type(Part::attachment("a.txt", source())), guessed, "{shown}");
            assert_eq!(content_type(Part::new("text/x", source())), given, "{shown}");
            assert_eq!(content_type(Part::attachment("a.txt", source()).content_type("text/x")), given);
            let latin = "text/x; charset=iso-8859-1";
            assert_eq!(content_type(Part::new(latin, source())), latin);
            assert_eq!(content_type(Part::attachment("a.pdf", source())), "application/pdf");
        }
    }
    // What was given as text is UTF-8 whatever it is called, if nothing else is said.
    let text = || Part::text("gr\u{fc}n");
    assert_eq!(content_type(text().content_type("text/markdown")), "text/markdown; charset=utf-8");
    assert_eq!(content_type(Part::text("a").content_type("Text/x; a=b")), "Text/x; charset=utf-8; a=b");
    assert_eq!(content_type(text().content_type("text/x; charset=UTF-8")), "text/x; charset=UTF-8");
    let plain = Part::text("a").content_type("text/x; charset=US-ascii");
    assert_eq!(content_type(plain), "text/x; charset=US-ascii");
    assert_eq!(content_type(text().content_type("application/x")), "application/x");
}

#[test]
fn utf8_in_the_headers_of_an_entity_needs_smtputf8() {
    let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [7; 32] };
    let builder = || Message::builder().from("a@example.com").to("b@example.org");
    for (part, utf8, body) in [
        (Part::entity("A: \u{fc}\r\n\r\nx"), true, BodyType::EightBitMime),
        (Part::entity("A: b\r\n\r\n\u{fc}"), false, BodyType::EightBitMime),
        (Part::entity("A: b\r\n\r\nx"), false, BodyType::SevenBit),
        (Part::entity("\r\n\u{fc}: a\r\n\r\n"), false, BodyType::EightBitMime),
        (Part::entity("Content-Type:\r\n MESSAGE/global; a=b\r\n\r\nx"), true, BodyType::EightBitMime),
        (Part::entity("Content-Type: message/globalx\r\n\r\nx"), false, BodyType::SevenBit),
        (Part::new("message/Global", "From: \u{fc}@x\r\n\r\n"), true, BodyType::EightBitMime),
        (Part::new("message/global-headers", "From: a@x\r\n"), false, BodyType::SevenBit),
    ] {
        let shown = format!("{part:?}");
        for part in [part.clone(), Part::mixed([Part::text("t"), part])] {
            let form = builder().body(part).build(&stamp).unwrap().form(&Extensions::default()).unwrap();
            assert_eq!((form.smtputf8, form.body), (utf8, body), "{shown}");
        }
    }
    for (entity, at) in
        [(&b"A: \xfc\r\n\r\nx"[..], 3), ("\u{fc}".as_bytes(), 0), (b"A: \xc3\xbc\xc3\r\n\r\n", 5)]
    {
        let error = builder().body(Part::entity(entity)).build(&stamp).unwrap_err();
        let rule = if at == 0 { Rule::NoField { line: 1 } } else { Rule::NotUtf8 { at } };
        assert_eq!(error.problems()[0].rule(), &rule);
    }
}

#[test]
fn encodings_have_the_names_that_their_fields_say() {
    let all = [SevenBit, EightBit, Binary, QuotedPrintable, Base64];
    assert_eq!(all.map(TransferEncoding::name), ["7bit", "8bit", "binary", "quoted-printable", "base64"]);
    assert!(all.iter().all(|encoding| encoding.field().ends_with("\r\n")));
}
