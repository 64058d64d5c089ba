//! Fields from any texts: each is refused, or stands in the message as one field that reads back unchanged.
//!
//! An input is texts with U+001E between them: the name of a field, a text, another, and so on; missing ones are empty.
//! Bytes that are not UTF-8 become U+FFFD.

use smtp_message::{
    AutoSubmitted, BodyType, Content, Fields, HeaderValue, Importance, MailboxList, Message, MessageBuilder,
    MessageId, Part, Resent,
};
use smtp_proto::Extensions;

use crate::{STAMP, assert_lines, assert_printable};

/// Gives the texts to every method that takes one, alone and all together.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut texts = text.split('\u{1e}');
    let mut next = || texts.next().unwrap_or_default();
    let (name, value, other) = (next(), next(), next());
    let start = || Message::builder().from("a@example.com").to("b@example.org");

    single(start().subject(value), "Subject", Some(value));
    single(start().comments(value), "Comments", Some(value));
    single(start().header(name, value), name, Some(value));
    single(start().header_raw(name, value), name, None);
    single(start().utf8_headers().subject(value), "Subject", Some(value));
    single(start().message_id(value), "Message-ID", None);
    single(start().in_reply_to(value).in_reply_to(other), "In-Reply-To", None);
    single(start().reference(value), "References", None);
    single(start().keywords([value, other]), "Keywords", None);
    single(start().list_id(value, other), "List-Id", None);
    single(start().list_help([value, other]), "List-Help", None);
    single(start().list_subscribe([value]), "List-Subscribe", None);
    single(start().list_owner([value]), "List-Owner", None);
    single(start().list_archive([value]), "List-Archive", None);
    single(start().list_post([value]), "List-Post", None);
    single(start().list_unsubscribe([value, other]), "List-Unsubscribe", None);
    single(start().list_unsubscribe_one_click(value, None), "List-Unsubscribe", None);
    single(start().list_unsubscribe_one_click(value, Some(other)), "List-Unsubscribe-Post", None);
    single(start().allow_headers([other]).header(name, value), name, Some(value));
    single(
        start().resent(Resent::new().from((value, "r@example.com")).to("s@example.com")),
        "Resent-From",
        None,
    );
    single(
        start().resent(Resent::new().from("r@example.com").to("s@example.com").message_id(value)),
        "Resent-Message-ID",
        None,
    );
    single(start().body(Part::text("").description(value)), "Content-Description", Some(value));
    single(start().body(Part::text("").id(value)), "Content-ID", None);
    single(start().body(Part::text("").header(name, value)), name, None);
    if let Ok(list) = value.parse::<MailboxList>() {
        single(start().body(Part::text("").header(name, list.clone())), name, None);
        single(start().header(name, list), name, None);
    }
    for value in [
        HeaderValue::Raw(value.into()),
        HeaderValue::Phrases(vec![value.into(), other.into()]),
        HeaderValue::MessageIds(value.parse::<MessageId>().into_iter().collect()),
    ] {
        single(start().header(name, value), name, None);
    }
    if let Ok(date) = value.parse::<smtp_message::Date>() {
        assert_eq!(date.to_string().parse().as_ref(), Ok(&date));
        single(start().header(name, date), name, None);
    }
    if let Ok(id) = value.parse::<MessageId>() {
        assert_eq!(id.to_string().parse().as_ref(), Ok(&id));
    }
    // Together, with what takes no text.
    let all = start()
        .subject(value)
        .header(name, other)
        .comments(other)
        .list_post([""; 0])
        .importance(if value.len() > 3 { Importance::High } else { Importance::Low })
        .auto_submitted(AutoSubmitted::Generated)
        .at_most(BodyType::EightBitMime)
        .text(value);
    single(all, "Subject", Some(value));
}

/// The builder refuses what it was given, or writes exactly one field of that name, which says `text`.
#[track_caller]
fn single(builder: MessageBuilder, name: &str, text: Option<&str>) {
    let message = match builder.build(&STAMP) {
        Ok(message) => message,
        Err(error) => {
            assert_printable(&error);
            assert!(!error.problems().is_empty());
            for problem in error.problems() {
                assert_printable(problem);
            }
            return;
        }
    };
    let form = message.form(&Extensions::default()).expect("all is at hand");
    let (mut chunks, mut bytes) = (message.open(&form).expect("its form"), Vec::new());
    while chunks.next(&mut bytes).expect("all is at hand") {}
    assert_eq!(form.size, Some(bytes.len() as u64));
    assert_lines(&bytes);
    assert!(form.body != BodyType::SevenBit || bytes.is_ascii());
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("an empty line");
    assert!(form.smtputf8 || bytes[..head].is_ascii());
    let found: Vec<_> = Fields::new(&bytes).filter(|field| field.is(name)).collect();
    assert_eq!(found.len(), 1, "{name:?} in {}", bytes.escape_ascii());
    // No other field is there but those that every message has, and the one.
    for field in Fields::new(&bytes) {
        const ALWAYS: [&str; 20] = [
            "Date",
            "From",
            "To",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
            "Subject",
            "Comments",
            "In-Reply-To",
            "References",
            "List-Post",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "Importance",
            "Auto-Submitted",
            "Resent-Date",
            "Resent-From",
            "Resent-To",
            "Resent-Message-ID",
        ];
        let known = ALWAYS.iter().any(|always| field.is(always)) || field.is(name);
        assert!(known || field.name().is_some_and(|other| !other.is_empty()), "{}", bytes.escape_ascii());
        assert!(!field.is("Bcc"));
    }
    if let Some(text) = text {
        let line = found[0].unfolded();
        let line = line.strip_prefix(b" ").unwrap_or(&line);
        let plain = line == text.as_bytes();
        // An encoded word that stands between plain words keeps one space on each side.
        assert!(plain || decode(&String::from_utf8_lossy(line)) == text, "{text:?}: {}", line.escape_ascii());
    }
}

/// Decodes encoded words by RFC 2047: the white space between two of them is dropped, and nothing else.
fn decode(line: &str) -> String {
    let (mut out, mut after_word, mut space) = (Vec::new(), false, "");
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let decoded = decode_word(word);
        if !(after_word && decoded.is_some()) {
            out.extend_from_slice(space.as_bytes());
        }
        after_word = decoded.is_some();
        out.extend(decoded.unwrap_or_else(|| word.as_bytes().to_vec()));
        let next = after.find(|c| !matches!(c, ' ' | '\t')).unwrap_or(after.len());
        (space, rest) = after.split_at(next);
        if next == 0 {
            break;
        }
    }
    out.extend_from_slice(space.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

fn decode_word(word: &str) -> Option<Vec<u8>> {
    let word = word.strip_prefix("=?utf-8?")?.strip_suffix("?=")?;
    assert!(word.len() <= 65, "an encoded word of more than 75 octets");
    let bytes = match word.split_at(2) {
        ("B?", base64) => data_encoding::BASE64.decode(base64.as_bytes()).expect("base64"),
        ("Q?", q) => crate::quoted(q.replace('_', " ").as_bytes()),
        _ => panic!("{word}"),
    };
    // No character is split.
    assert!(std::str::from_utf8(&bytes).is_ok(), "{word}");
    Some(bytes)
}
