//! Values through their public interface: what is compared, shown and limited.

use std::collections::HashSet;

use smtp_proto::body::BodyError;
use smtp_proto::client::{Error, Failure, Misuse, PeerMisbehaved};
use smtp_proto::command::QueryText;
use smtp_proto::reply::{Code, EnhancedCode, Reply, ReplyError, ReplyLimits, ReplyParser};
use smtp_proto::sasl::SaslError;
use smtp_proto::server::{Keyword, ServerError};
use smtp_proto::tls::{CertificateError, TlsError};
use smtp_proto::{Address, AddressLiteral, Domain, Host, LocalPart, TextError};

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

#[test]
fn domains_compare_without_case_and_nothing_else() {
    let (lower, upper, other) = (domain("x.example"), domain("X.Example"), domain("y.example"));
    assert!(lower == upper && lower != other);
    assert!(lower < other && lower.partial_cmp(&upper) == Some(std::cmp::Ordering::Equal));
    assert_eq!(HashSet::from([lower.clone(), upper.clone(), other.clone()]).len(), 2);
    // A hash of nothing would do for the set: these must differ.
    use std::hash::BuildHasher;
    let state = std::hash::RandomState::new();
    assert_ne!(state.hash_one(&lower), state.hash_one(&other));
    assert_eq!((upper.as_str(), AsRef::<str>::as_ref(&upper)), ("X.Example", "X.Example"));
    assert_eq!(format!("{upper:?}"), "Domain(\"X.Example\")");
}

#[test]
fn an_error_says_its_cause_once() {
    let reply = Error::PeerMisbehaved(PeerMisbehaved::Reply(ReplyError::LineTooLong { limit: 9 }));
    let tls = Error::Tls(TlsError::Certificate(CertificateError::Expired));
    let body = BodyError::TooLong { declared: 3 };
    let errors: [(&dyn std::error::Error, &str); 8] = [
        (&reply, "a reply line of more than 9 bytes"),
        (
            &Error::PeerMisbehaved(PeerMisbehaved::Auth(SaslError::Premature)),
            "before it had heard the secret",
        ),
        (&tls, "it has expired"),
        (&TlsError::Certificate(CertificateError::Expired), "it has expired"),
        (&ServerError::Tls(TlsError::NotTls), "is not TLS"),
        (&Error::Content(body), "longer than its 3 bytes"),
        (&Misuse::Content(body), "longer than its 3 bytes"),
        (&Failure::Connection(tls.clone()), "it has expired"),
    ];
    for (error, cause) in errors {
        assert!(error.to_string().contains(cause), "{error}");
        assert!(error.source().is_none(), "{error}");
    }
}

#[test]
fn limits_are_reached_and_not_passed() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(domain(&longest).as_str().len(), 253);
    assert!(format!("{longest}a").parse::<Domain>().is_err());
    let literal = |length: usize| format!("[x:{}]", "a".repeat(length - 4)).parse::<AddressLiteral>();
    assert!(literal(253).is_ok() && literal(254).is_err());
    // Both characters take a backslash each.
    let quoted = |backslashes: usize, quotes: usize| {
        LocalPart::from_content("\\".repeat(backslashes) + &"\"".repeat(quotes)).is_ok()
    };
    assert!(quoted(16, 15) && !quoted(16, 16) && quoted(0, 31) && !quoted(0, 32) && !quoted(32, 0));
}

#[test]
fn a_local_part_is_plain_if_it_needs_no_quotes() {
    for (content, plain) in [("a.b", Some("a.b")), ("a b", None), ("a..b", None), ("a\"b", None)] {
        let local = LocalPart::from_content(content).unwrap();
        assert_eq!((local.content(), local.plain()), (content, plain));
        assert_eq!(local.to_string() == content, plain.is_some());
    }
}

#[test]
#[cfg(feature = "idna")]
fn international_domains_have_a_limit_of_their_own() {
    // Characters that are mapped to nothing count in what is given, up to four times the limit.
    let padded = |length: usize| format!("ü{}.example", "\u{ad}".repeat((length - 10) / 2)).parse::<Domain>();
    assert_eq!(padded(1012).unwrap(), domain("ü.example"));
    assert!(padded(1014).unwrap_err().to_string().contains("1014 octets, at most 1012"));
}

#[test]
fn literals_and_what_errors_say() {
    let literal: AddressLiteral = "[192.0.2.1]".parse().unwrap();
    assert_eq!((literal.ip(), literal.general()), (Some([192, 0, 2, 1].into()), None));
    let general: AddressLiteral = "[tag:content]".parse().unwrap();
    assert_eq!((general.ip(), general.general()), (None, Some(("tag", "content"))));
    let error = |text: &str| text.parse::<Address>().unwrap_err().to_string();
    assert_eq!(error("a@-x"), "domain \"-x\": a label begins or ends with a hyphen");
    assert_eq!(
        error("a..b@x"),
        "local part \"a..b\": a dot stands first, last or beside another dot outside quotes"
    );
    assert_eq!(error("ab"), "address \"ab\": there is no @");
    assert!(error("a@[x]").starts_with("address literal \"[x]\": "));
    let address: Address = "a@x.example".parse().unwrap();
    assert_eq!(
        format!("{address:?} {:?}", Host::from(domain("x"))),
        "Address(a@x.example) Domain(Domain(\"x\"))"
    );
}

fn parse(mut wire: &[u8]) -> Result<Option<Reply>, ReplyError> {
    ReplyParser::new(ReplyLimits { line: 40, lines: 3, bytes: 100 }).parse(&mut wire)
}

#[test]
fn replies_for_people() {
    let reply = parse(b"250-2.1.0 one\r\n250-\r\n250 2.1.0 two\r\n").unwrap().unwrap();
    assert_eq!(reply.text(), "one two");
    assert_eq!(parse(b"250-a\r\n250 b\r\n").unwrap().unwrap().text(), "a b");
    assert_eq!(format!("{reply:?} {:?}", reply.code()), "Reply(250 2.1.0 one /  / 2.1.0 two) 250");
    let enhanced = reply.enhanced().unwrap();
    assert_eq!((enhanced.class(), enhanced.subject(), enhanced.detail()), (2, 1, 0));
    assert_eq!(format!("{:?}", EnhancedCode::new(5, 23, 456).unwrap()), "5.23.456");
    assert_eq!(EnhancedCode::new(5, 23, 456).unwrap().detail(), 456);
    assert_eq!(Code::new(250), Some(reply.code()));
}

#[test]
fn limits_of_replies_count_every_byte() {
    let line = |length: usize| format!("250 {}\r\n", "x".repeat(length - 6)).into_bytes();
    assert!(parse(&line(40)).unwrap().is_some());
    for length in [41, 42, 90] {
        assert_eq!(parse(&line(length)).unwrap_err(), ReplyError::LineTooLong { limit: 40 });
    }
    let limited = |line, lines| {
        ReplyParser::new(ReplyLimits { line, lines, bytes: 100 }).parse(&mut &b"250 \r\n"[..]).unwrap_err()
    };
    assert_eq!(limited(5, 1), ReplyError::LineTooLong { limit: 5 });
    assert_eq!(limited(6, 0), ReplyError::TooManyLines { limit: 0 });
    // Without an end, as soon as it cannot be in time.
    assert_eq!(parse(&line(41)[..40]), Ok(None));
    assert_eq!(
        parse(&[b"250 ", &[b'x'; 37][..]].concat()).unwrap_err(),
        ReplyError::LineTooLong { limit: 40 }
    );
    let lines = |count: usize| "250-a\r\n".repeat(count - 1) + "250 a\r\n";
    assert!(parse(lines(3).as_bytes()).unwrap().is_some());
    assert_eq!(parse(lines(4).as_bytes()).unwrap_err(), ReplyError::TooManyLines { limit: 3 });
    let long = [&b"250-"[..], &[b'x'; 34], b"\r\n"].concat();
    let bytes = |last: usize| [&long[..], &long, &line(last)].concat();
    assert!(parse(&bytes(20)).unwrap().is_some());
    assert_eq!(parse(&bytes(21)).unwrap_err(), ReplyError::TooLong { limit: 100 });
    // The first byte behind a line that is no reply is not looked at.
    assert_eq!(parse(b"x\n250 ok\r\n").unwrap_err().to_string(), "not a reply line: \"x\"");
    let nul = parse(b"250 abcdefgh\0ijklmnop\r\n250 next\r\n").unwrap_err().to_string();
    assert!(nul.contains("ijklmnop") && !nul.contains("next"), "{nul}");
}

#[test]
fn case_a1_texts_that_would_break_a_line_name_the_rule() {
    for bad in ["x\ry", "x\ny", "x\0y", "x\u{1b}y", "x\u{85}y"] {
        let character = TextError::Character { at: 1 };
        assert_eq!(QueryText::new(bad), Err(character), "{bad:?}");
        assert_eq!(Keyword::new(bad), Err(character), "{bad:?}");
        // Between the lines of a reply stands LF, and what is odd is shown escaped.
        let is_text = !bad.contains(['\r', '\0']);
        let reply = Reply::new(Code::new(250).unwrap(), bad);
        assert_eq!(reply.err(), (!is_text).then_some(character), "{bad:?}");
    }
    assert_eq!(Keyword::new("-"), Err(TextError::Character { at: 0 }));
    assert_eq!(Keyword::new(""), Err(TextError::Empty));
    let error = Keyword::new("x".repeat(501)).unwrap_err();
    assert_eq!(error.to_string(), "the text has 501 bytes, of at most 500");
}
