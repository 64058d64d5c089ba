//! Fields beside those that every message has.

use super::*;

#[test]
fn what_may_be_there_once_is_there_once_in_whichever_order_it_is_given() {
    let https = "https://example.com/u";
    let raw = |name: &'static str| move |b: MessageBuilder| b.header_raw(name, "<https://example.com/>");
    type Set = Box<dyn Fn(MessageBuilder) -> MessageBuilder>;
    let unsubscribe: Set = Box::new(move |b| b.list_unsubscribe([https]));
    let click: Set = Box::new(move |b| b.list_unsubscribe_one_click(https, None));
    let cases: [(&str, Set, Set); 11] = [
        ("List-Unsubscribe", unsubscribe, Box::new(raw("list-unsubscribe"))),
        ("List-Unsubscribe-Post", click, Box::new(raw("List-Unsubscribe-post"))),
        ("List-Id", Box::new(|b| b.list_id("", "a.b")), Box::new(raw("LIST-ID"))),
        ("List-Help", Box::new(move |b| b.list_help([https])), Box::new(raw("List-Help"))),
        ("List-Post", Box::new(move |b| b.list_post([""; 0])), Box::new(raw("List-Post"))),
        ("List-Owner", Box::new(move |b| b.list_owner([https])), Box::new(move |b| b.list_owner([https]))),
        ("List-Archive", Box::new(move |b| b.list_archive([https])), Box::new(raw("List-Archive"))),
        ("List-Subscribe", Box::new(move |b| b.list_subscribe([https])), Box::new(raw("List-Subscribe"))),
        (
            "Auto-Submitted",
            Box::new(|b| b.auto_submitted(AutoSubmitted::No)),
            Box::new(raw("Auto-Submitted")),
        ),
        ("Importance", Box::new(|b| b.importance(Importance::Low)), Box::new(raw("importance"))),
        (
            "Disposition-Notification-To",
            Box::new(raw("Disposition-Notification-To")),
            Box::new(raw("disposition-notification-to")),
        ),
    ];
    for (name, a, b) in &cases {
        assert!(a(minimal()).build(&STAMP).is_ok() && b(minimal()).build(&STAMP).is_ok(), "{name}");
        refused(b(a(minimal())), &[(name, Rule::Repeated)]);
        refused(a(b(minimal())), &[(name, Rule::Repeated)]);
        refused(b(a(b(minimal()))), &[(name, Rule::Repeated)]);
    }
    assert!(
        minimal().comments("a").header("Comments", "b").keywords(["a"]).keywords(["b"]).build(&STAMP).is_ok()
    );
    // Who passes a message on has methods of his own.
    for name in ["Resent-To", "resent-from", "Resent-Date", "Resent-Message-ID", "Resent-Bcc", "Resent-X"] {
        refused(
            minimal().header(name, "b@example.org".parse::<crate::Mailbox>().unwrap()),
            &[(name, Rule::OwnMethod)],
        );
    }
}

#[test]
fn case_m15_one_click_is_one_call() {
    let https = "https://example.com/u?id=1&x=ab%20c";
    let head = head(
        &minimal().list_unsubscribe_one_click(https, Some("mailto:u@example.com")).build(&STAMP).unwrap(),
    );
    assert!(head.contains(&format!("\r\nList-Unsubscribe: <mailto:u@example.com>,\r\n <{https}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")), "{head}");
    for bad in [
        "http://example.com/u",
        "mailto:u@example.com",
        "https:",
        "https:///x",
        "https://a b",
        "https://a\r\nBcc: x",
        "https://a>",
        "https://a,b",
        "https://ü",
        "",
    ] {
        refused(minimal().list_unsubscribe_one_click(bad, None), &[("List-Unsubscribe", Rule::Uri)]);
    }
    refused(minimal().list_unsubscribe_one_click(https, Some(https)), &[("List-Unsubscribe", Rule::Uri)]);
    let long = format!("https://a/{}", "x".repeat(900));
    refused(minimal().list_help([long]), &[("List-Help", Rule::Uri)]);
    refused(minimal().list_help([""; 0]), &[("List-Help", Rule::Nothing)]);
    refused(
        minimal().list_unsubscribe([https]).list_unsubscribe_one_click(https, None),
        &[("List-Unsubscribe", Rule::Repeated)],
    );
}

#[test]
fn fields_of_lists_and_programs() {
    let message = minimal()
        .list_id("Grüße, alle", "announce.example.com")
        .list_subscribe(["https://example.com/s", "mailto:s@example.com"])
        .list_post([""; 0])
        .list_owner(["mailto:o@example.com"])
        .list_archive(["http://example.com/a"])
        .comments("One")
        .comments("Two ü")
        .keywords(["plain", "with, comma", "grün", "last"])
        .importance(Importance::High)
        .auto_submitted(AutoSubmitted::Generated)
        .header("Disposition-Notification-To", "N <n@x.org>".parse::<crate::Mailbox>().unwrap())
        .header("X-Date", Date::from_unix(Duration::ZERO, 0).unwrap())
        .header("X-Ids", HeaderValue::MessageIds(vec!["a@b".parse().unwrap(), "c@d".parse().unwrap()]))
        .build(&STAMP)
        .unwrap();
    let head = head(&message);
    for field in [
        "List-Id: =?utf-8?B?R3LDvMOfZSwgYWxsZQ==?= <announce.example.com>",
        "List-Subscribe: <https://example.com/s>, <mailto:s@example.com>",
        "List-Post: NO",
        "List-Owner: <mailto:o@example.com>",
        "List-Archive: <http://example.com/a>",
        "Comments: One\r\nComments: Two =?utf-8?B?w7w=?=",
        "Keywords: plain, \"with, comma\", =?utf-8?B?Z3LDvG4=?= , last",
        "Importance: high",
        "Auto-Submitted: auto-generated",
        "Disposition-Notification-To: N <n@x.org>",
        "X-Date: Thu, 1 Jan 1970 00:00:00 +0000",
        "X-Ids: <a@b> <c@d>",
    ] {
        assert!(head.contains(&format!("\r\n{field}\r\n")), "{field}\n{head}");
    }
    refused(
        minimal().importance(Importance::Low).importance(Importance::Low),
        &[("Importance", Rule::Repeated)],
    );
    refused(minimal().keywords([""]), &[("Keywords", Rule::Nothing)]);
    refused(minimal().keywords(["a\tb"]), &[("Keywords", Rule::Control { at: 1 })]);
    refused(minimal().comments("\n"), &[("Comments", Rule::Control { at: 0 })]);
    for id in ["", "a b", "a..b", "<a>", "ü.example"] {
        refused(minimal().list_id("", id), &[("List-Id", Rule::Token)]);
    }
    refused(minimal().list_id("\r", "a.b"), &[("List-Id", Rule::Control { at: 0 })]);
    refused(minimal().header("X", MailboxList::new()), &[("X", Rule::Nothing)]);
    let postmaster: crate::Mailbox = "postmaster".parse().unwrap();
    refused(minimal().header("X", postmaster), &[("X", Rule::NoDomain)]);
}

#[test]
fn only_allowed_names_can_be_set() {
    let allowed = || minimal().allow_headers(["X-*", "Precedence"]).allow_headers(["organization"]);
    let fine = allowed().header("x-a", "1").header("PRECEDENCE", "bulk").header_raw("Organization", "o");
    assert!(fine.comments("ours").list_help(["https://a"]).build(&STAMP).is_ok());
    refused(allowed().header("Received", HeaderValue::Raw("x".into())), &[("Received", Rule::NotAllowed)]);
    refused(
        allowed().header("Xy", "x").header("Precedenc", "x"),
        &[("Xy", Rule::NotAllowed), ("Precedenc", Rule::NotAllowed)],
    );
    refused(minimal().header("X", "1").allow_headers([""; 0]), &[("X", Rule::NotAllowed)]);
}

#[test]
fn who_passes_a_message_on_stands_above_it() {
    let message = minimal()
        .resent(Resent::new().from("r@example.com").to("s@example.org").bcc("hidden@example.org"))
        .resent(
            Resent::new()
                .from("a@x")
                .from("b@x")
                .sender("t@x")
                .to("u@x")
                .cc("v@x")
                .message_id("i@x")
                .date(Duration::ZERO),
        )
        .build(&STAMP)
        .unwrap();
    assert!(head(&message).starts_with(
        "Resent-Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nResent-From: a@x, b@x\r\nResent-Sender: t@x\r\nResent-To: u@x\r\n\
         Resent-Cc: v@x\r\nResent-Message-ID: <i@x>\r\nResent-Date: Mon, 15 Jun 2026 11:24:05 +0000\r\n\
         Resent-From: r@example.com\r\nResent-To: s@example.org\r\nDate: "
    ));
    assert!(!head(&message).contains("hidden"));
    assert_eq!(message.sender().to_string(), "t@x");
    assert_eq!(message.recipients().len(), 2);
    refused(
        minimal().resent(Resent::new()),
        &[("Resent-From", Rule::Missing), ("Resent-To", Rule::NoRecipient)],
    );
    refused(
        minimal().resent(Resent::new().from("a@x").from("b@x").to("postmaster").date(Duration::MAX)),
        &[
            ("Resent-To", Rule::NoDomain),
            ("Resent-Date", Rule::Date(crate::DateError::OutOfRange)),
            ("Resent-Sender", Rule::SeveralAuthors),
        ],
    );
}
