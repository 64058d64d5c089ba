//! What an EHLO reply says about the server.
//!
//! An input is the lines behind the first one, separated by LF, without code and line end.

use smtp_proto::reply::{ReplyLimits, ReplyParser};
use smtp_proto::{AuthMechanism, Extension, Extensions};

/// Every known extension with its keyword.
const KNOWN: [(&str, Extension); 16] = [
    ("8BITMIME", Extension::EightBitMime),
    ("AUTH", Extension::Auth),
    ("BINARYMIME", Extension::BinaryMime),
    ("CHUNKING", Extension::Chunking),
    ("DELIVERBY", Extension::DeliverBy),
    ("DSN", Extension::Dsn),
    ("ENHANCEDSTATUSCODES", Extension::EnhancedStatusCodes),
    ("FUTURERELEASE", Extension::FutureRelease),
    ("LIMITS", Extension::Limits),
    ("MT-PRIORITY", Extension::MtPriority),
    ("PIPELINING", Extension::Pipelining),
    ("REQUIRETLS", Extension::RequireTls),
    ("SIZE", Extension::Size),
    ("SMTPUTF8", Extension::SmtpUtf8),
    ("STARTTLS", Extension::StartTls),
    ("XCLIENT", Extension::XClient),
];

/// Reads the reply and compares every answer with one that is worked out from the keywords as they came.
pub fn check(data: &[u8]) {
    let mut wire = b"250-mx.example\r\n".to_vec();
    for line in data.split(|&b| b == b'\n') {
        wire.extend_from_slice(b"250-");
        wire.extend(line.iter().map(|&b| if b == 0 { b' ' } else { b }));
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"250 HELP\r\n");
    let limits = ReplyLimits { line: usize::MAX, lines: usize::MAX, bytes: usize::MAX };
    let reply = ReplyParser::new(limits).parse(&mut &wire[..]);
    let extensions = Extensions::parse(reply.expect("a reply").expect("a whole reply"));

    let listed: Vec<(&str, &str)> = extensions.iter().collect();
    let blank = |line: &&[u8]| line.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | 0));
    let blanks = data.split(|&b| b == b'\n').filter(blank).count();
    let lines = data.split(|&b| b == b'\n').count() + 1;
    assert_eq!(listed.len(), lines - blanks, "each line but the first and the empty ones");
    assert_eq!(listed.last(), Some(&("HELP", "")));
    for &(keyword, _) in &listed {
        assert!(!keyword.is_empty() && !keyword.contains([' ', '\t', '\n']), "{keyword:?}");
        // The first of several counts.
        let first = listed.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword));
        let parameters = first.map(|&(_, parameters)| parameters);
        for spelling in [keyword.to_owned(), keyword.to_ascii_lowercase(), keyword.to_ascii_uppercase()] {
            assert_eq!(extensions.get(&spelling), parameters, "{keyword:?}");
        }
    }
    assert_eq!(extensions.get(""), None);

    // `AUTH=` is an old spelling of `AUTH `, whose first mechanism is a part of the keyword.
    let is_old_auth =
        |keyword: &str| keyword.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("AUTH="));
    for (keyword, extension) in KNOWN {
        let old = extension == Extension::Auth && listed.iter().any(|(keyword, _)| is_old_auth(keyword));
        assert_eq!(extensions.has(extension), old || extensions.get(keyword).is_some(), "{keyword}");
        assert_eq!(extension.to_string(), keyword);
    }

    let digits = extensions.get("SIZE").map(|parameters| parameters.trim_matches([' ', '\t', '\r']));
    let is_number = |digits: &&str| digits.bytes().all(|b| b.is_ascii_digit());
    let size = digits.filter(is_number).and_then(|digits| digits.parse::<u64>().ok());
    assert_eq!(extensions.max_size(), size.filter(|&size| size != 0));

    let word = |keyword, i| extensions.get(keyword).and_then(|text| text.split_ascii_whitespace().nth(i));
    if let Some(minimum) = extensions.deliver_by_minimum() {
        assert_eq!(word("DELIVERBY", 0).map(str::parse), Some(Ok(minimum)));
    }
    if let Some((seconds, until)) = extensions.future_release() {
        assert_eq!(word("FUTURERELEASE", 0).map(str::parse), Some(Ok(seconds)));
        assert_eq!(word("FUTURERELEASE", 1), Some(until));
    }
    let limits = extensions.limits();
    for (name, limit) in
        [("MAILMAX", limits.mails), ("RCPTMAX", limits.recipients), ("RCPTDOMAINMAX", limits.domains)]
    {
        let words = extensions.get("LIMITS").unwrap_or_default().split_ascii_whitespace();
        let values =
            words.filter_map(|word| word.split_once('=')).filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let is_limit =
            |value: &&str| (1..=6).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
        let mut valid =
            values.map(|(_, value)| value).filter(is_limit).filter_map(|value| value.parse().ok());
        assert_eq!(limit, valid.find(|&limit: &usize| limit > 0), "{name}");
    }

    let is_plus = |word: &str| word.len() > 5 && word.to_ascii_uppercase().ends_with("-PLUS");
    let is_auth = |keyword: &str| keyword.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("AUTH"));
    let plus = listed.iter().filter(|(keyword, _)| is_auth(keyword)).any(|(keyword, parameters)| {
        keyword.split('=').any(is_plus) || parameters.split_ascii_whitespace().any(is_plus)
    });
    assert_eq!(extensions.offers_channel_binding(), plus);

    let offered: Vec<AuthMechanism> = extensions.auth().collect();
    for mechanism in AuthMechanism::ALL {
        let name = mechanism.to_string();
        let names = |text: &str| text.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(&name));
        let expected = listed.iter().any(|&(keyword, parameters)| {
            let old = is_old_auth(keyword);
            (old || keyword.eq_ignore_ascii_case("AUTH")) && names(parameters) || old && names(&keyword[5..])
        });
        assert_eq!(offered.contains(&mechanism), expected, "{mechanism}");
        assert_eq!(mechanism.name(), name);
    }
    assert!(offered.is_sorted(), "best first");

    let shown = format!("{extensions:?}");
    assert!(!shown.contains(char::is_control), "{shown:?}");
    assert_eq!(extensions.clone(), extensions);
}
