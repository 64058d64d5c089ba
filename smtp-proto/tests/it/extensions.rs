//! Transcripts of the extensions: many messages in a row, limits, options of the envelope, queries, LMTP.

use smtp_proto::Extension;
use smtp_proto::client::{Chunking, Failure, Outcome};
use smtp_proto::command::{Query, QueryText, XClientName};
use smtp_proto::envelope::{
    ByMode, DeliverBy, Envelope, EnvelopeId, Form, Hold, MailOptions, Notify, Priority, RcptOptions, Ret,
    Submitter,
};
use smtp_proto::reply::{Code, Reply};

use super::script::{Setup, check};
use super::wire::{after_hello, hello, one};

#[test]
fn messages_wait_for_the_verdict_if_they_are_told_to() {
    let mut setup = one().and_message(&["b@b.example"], "two\r\n", Form::default());
    setup.config.pipeline_messages = false;
    after_hello(
        &setup,
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: hi
         C: .
         S: 250 first
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<b@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: two
         C: .
         C: QUIT
         S: 250 second
         S: 221 bye",
        "ready
         delivered: 250 first
         delivered: 250 second
         closed",
    );
}

#[test]
fn case_w27_lmtp_answers_for_each_recipient() {
    let mut setup = Setup::message(&["a@b.example", "b@b.example", "c@b.example", "d@b.example"], "hi\r\n")
        .and_message(&["e@b.example"], "two\r\n", Form::default());
    setup.config.lmtp = true;
    super::script::check(
        &setup,
        "S: 220 hi
         C: LHLO client.example
         S: 250-hi
         S: 250 PIPELINING
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<a@b.example>
         C: RCPT TO:<b@b.example>
         C: RCPT TO:<c@b.example>
         C: RCPT TO:<d@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 550 no
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: hi
         C: .
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<e@b.example>
         C: DATA
         S: 250 a
         S: 452 4.2.2 c is full
         S: 250 d
         S: 250 ok
         S: 550 no
         S: 354 go
         C: .
         C: QUIT
         S: 221 bye",
        "ready
         delivered: 250 a
         rejected: the server refused at RCPT: 550 no
         deferred: the server refused after the end of the message: 452 4.2.2 c is full
         delivered: 250 d
         rejected: the server refused at RCPT: 550 no
         closed",
    );
    let mut refused = one().stay();
    refused.config.lmtp = true;
    super::script::check(
        &refused,
        "S: 220 hi
         C: LHLO client.example
         S: 500 no LMTP here",
        "closed: the server refused at EHLO: 500 no LMTP here",
    );
}

#[test]
fn lmtp_lost_between_the_verdicts_is_ambiguous_for_the_rest() {
    let mut setup =
        Setup::message(&["a@b.example", "b@b.example"], "hi\r\n").stay().chunked(Chunking::Streamed);
    setup.config.lmtp = true;
    super::script::check(
        &setup,
        "S: 220 hi
         C: LHLO client.example
         S: 250-hi
         S: 250-PIPELINING
         S: 250 CHUNKING
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<a@b.example>
         C: RCPT TO:<b@b.example>
         S: 250 ok
         S: 250 ok
         S: 250 ok
         C: BDAT 4 LAST
         C: hi
         S: 250 a
         !eof",
        "ready
         delivered: 250 a
         ambiguous: the connection was lost after the end of the message
         closed: the connection was lost after the end of the message",
    );
}

#[test]
fn case_w17_recipients_beyond_the_servers_limit_are_left_for_a_further_transaction() {
    for refusal in
        ["452 4.5.3 too many", "452 too many", "552 too many", "552 5.5.3 too many", "451 4.5.3 too many"]
    {
        after_hello(
            &Setup::message(&["a@b.example", "b@b.example", "c@b.example"], "hi\r\n").stay(),
            &["PIPELINING"],
            &format!(
                "C: MAIL FROM:<from@a.example>
                 C: RCPT TO:<a@b.example>
                 C: RCPT TO:<b@b.example>
                 C: RCPT TO:<c@b.example>
                 C: DATA
                 S: 250 ok
                 S: 250 ok
                 S: {refusal}
                 S: 250 ok
                 S: 354 go
                 C: hi
                 C: .
                 S: 250 queued"
            ),
            &format!(
                "ready
                 delivered: 250 queued
                 deferred: the server takes no more recipients at once: {refusal}
                 delivered: 250 queued
                 open, reusable"
            ),
        );
    }
    // A full mailbox, or nobody accepted before: no further transaction would help.
    let sent = "S: 354 go\nC: hi\nC: .\nS: 250 queued";
    for (first, refusal, rest, told) in [
        ("250 ok", "452 4.2.2 full", sent, "delivered: 250 queued"),
        ("250 ok", "552 5.2.2 full", sent, "delivered: 250 queued"),
        ("550 no", "452 4.5.3 many", "S: 554 nobody", "rejected: the server refused at RCPT: 550 no"),
        ("550 no", "552 many", "S: 554 nobody", "rejected: the server refused at RCPT: 550 no"),
    ] {
        after_hello(
            &Setup::message(&["a@b.example", "b@b.example"], "hi\r\n").stay(),
            &["PIPELINING"],
            &format!(
                "C: MAIL FROM:<from@a.example>
                 C: RCPT TO:<a@b.example>
                 C: RCPT TO:<b@b.example>
                 C: DATA
                 S: 250 ok
                 S: {first}
                 S: {refusal}
                 {rest}"
            ),
            &format!("ready\n{told}\ndeferred: the server refused at RCPT: {refusal}\nopen, reusable"),
        );
    }
}

#[test]
fn further_envelopes_end() {
    let to = ["a@x", "b@x", "c@y"].map(|to| to.parse().unwrap());
    let mut options = MailOptions::default();
    options.ret = Some(Ret::Full);
    let envelope = Envelope::new(None, to).unwrap().with_options(options.clone()).with_rcpt_options(|to| {
        let mut options = RcptOptions::default();
        options.original = Some(Box::new(to.into()));
        options
    });
    let reply = Reply::new(Code::new(250).unwrap(), "ok").unwrap();
    let delivered = Outcome::Delivered(reply.clone());
    let many = || Outcome::Deferred(Failure::TooManyRecipients { reply: Some(reply.clone()) });
    let (further, positions) = envelope.further(&[many(), delivered.clone(), many()]).unwrap();
    assert_eq!(positions, [0, 2]);
    assert_eq!(further.recipients(), [envelope.recipients()[0].clone(), envelope.recipients()[2].clone()]);
    assert_eq!((further.options(), further.rcpt_options(1)), (&options, envelope.rcpt_options(2)));
    assert_eq!(further.further(&[many(), many()]), None, "no loop");
    assert_eq!(further.further(&[delivered.clone(), delivered]), None);
}

#[test]
fn case_w29_limits_are_kept() {
    let to: Vec<String> =
        (0..12).map(|i| format!("r{i}@{}.example", if i % 2 == 0 { "a" } else { "b" })).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let setup = Setup::message(&to, "hi\r\n")
        .and_message(&["x@b.example"], "two\r\n", Form::default())
        .and_message(&["y@b.example"], "three\r\n", Form::default());
    let rcpts = "C: RCPT TO:<r0@a.example>
        C: RCPT TO:<r2@a.example>
        C: RCPT TO:<r4@a.example>
        C: RCPT TO:<r6@a.example>
        C: RCPT TO:<r8@a.example>\n";
    let too_many = "deferred: the server takes fewer recipients at once\n";
    let told: String =
        (0..12).map(|i| if i % 2 == 0 && i < 10 { "delivered: 250 queued\n" } else { too_many }).collect();
    after_hello(
        &setup,
        &["PIPELINING", "LIMITS RCPTMAX=5 MAILMAX=2 RCPTDOMAINMAX=1"],
        &format!(
            "C: MAIL FROM:<from@a.example>
             {rcpts}C: DATA
             S: 250 ok
             S: 250 ok
             S: 250 ok
             S: 250 ok
             S: 250 ok
             S: 250 ok
             S: 354 go
             C: hi
             C: .
             C: MAIL FROM:<from@a.example>
             C: RCPT TO:<x@b.example>
             C: DATA
             S: 250 queued
             S: 250 ok
             S: 250 ok
             S: 354 go
             C: two
             C: .
             C: QUIT
             S: 250 queued
             S: 221 bye"
        ),
        &format!(
            "ready
             misuse: the server takes no more than 2 messages on one connection
             {told}delivered: 250 queued
             closed"
        ),
    );
    after_hello(
        &one().stay(),
        &["LIMITS MAILMAX=1"],
        "C: MAIL FROM:<from@a.example>
         S: 550 no",
        "ready
         rejected: the server refused at MAIL: 550 no
         open",
    );
}

fn asking(ask: impl FnOnce(&mut MailOptions), notify: Option<Notify>) -> Setup {
    let mut options = MailOptions::default();
    ask(&mut options);
    let mut setup = one().stay();
    setup.messages[0].0 = setup.messages[0].0.clone().with_options(options).with_rcpt_options(|to| {
        let mut options = RcptOptions::default();
        options.notify = notify;
        options.original = notify.map(|_| Box::new(to.into()));
        options
    });
    setup
}

#[test]
fn options_go_to_servers_that_offer_them() {
    let setup = asking(
        |options| {
            options.ret = Some(Ret::Headers);
            options.envelope_id = Some(EnvelopeId::new("a+b").unwrap());
            options.submitter = Some(Submitter::Mailbox("me@a.example".parse().unwrap()));
            options.priority = Some(Priority::new(4).unwrap());
            options.deliver_by = Some(DeliverBy::new(300, ByMode::Return).unwrap());
            options.hold = Some(Hold::until("2026-12-01T00:00:00Z").unwrap());
        },
        Some(Notify::SUCCESS.and(Notify::DELAY)),
    );
    let keywords = [
        "PIPELINING",
        "DSN",
        "AUTH PLAIN",
        "MT-PRIORITY",
        "DELIVERBY 240",
        "FUTURERELEASE 86400 2026-12-31T00:00:00Z",
    ];
    after_hello(
        &setup,
        &keywords,
        "C: MAIL FROM:<from@a.example> RET=HDRS ENVID=a+2Bb AUTH=me@a.example MT-PRIORITY=4 BY=300;R HOLDUNTIL=2026-12-01T00:00:00Z
         C: RCPT TO:<to@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;to@b.example
         C: DATA
         S: 550 no
         S: 503 no
         S: 503 no",
        "ready
         rejected: the server refused at MAIL: 550 no
         open, reusable",
    );
}

#[test]
fn what_the_server_does_not_offer_is_dropped_and_told() {
    let setup = asking(
        |options| {
            options.envelope_id = Some(EnvelopeId::new("x").unwrap());
            options.submitter = Some(Submitter::Unknown);
            options.priority = Some(Priority::new(4).unwrap());
            options.deliver_by = Some(DeliverBy::new(-1, ByMode::Notify).unwrap());
        },
        Some(Notify::NEVER),
    );
    after_hello(
        &setup,
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 550 no
         S: 503 no
         S: 503 no",
        "ready
         not offered: DSN
         not offered: AUTH
         not offered: MT-PRIORITY
         not offered: DELIVERBY
         rejected: the server refused at MAIL: 550 no
         open, reusable",
    );
}

#[test]
fn what_a_message_must_not_go_without_keeps_it_back() {
    let by =
        |options: &mut MailOptions| options.deliver_by = Some(DeliverBy::new(60, ByMode::Return).unwrap());
    let until = |time: &str| {
        let time = time.to_owned();
        move |options: &mut MailOptions| options.hold = Some(Hold::until(time).unwrap())
    };
    let held = "the message is to be held, and the server does not, or not for so long";
    let cases = [
        (
            asking(|options| options.require_tls = true, None),
            "REQUIRETLS",
            "the message needs REQUIRETLS over verified TLS, and the connection or the server has none",
        ),
        (
            asking(by, None),
            "DSN",
            "the message has a time to be delivered by, and the server has no DELIVERBY",
        ),
        (
            asking(by, None),
            "DELIVERBY 240",
            "the message is to be delivered in less than the server's 240 seconds",
        ),
        (asking(|options| options.hold = Some(Hold::seconds(60).unwrap()), None), "DSN", held),
        (
            asking(|options| options.hold = Some(Hold::seconds(60).unwrap()), None),
            "FUTURERELEASE 59 2026-12-31T00:00:00Z",
            held,
        ),
        (asking(until("2027-01-01T00:00:00Z"), None), "FUTURERELEASE 59 2026-12-31T00:00:00Z", held),
    ];
    for (setup, keyword, told) in cases {
        after_hello(&setup, &[keyword], "", &format!("ready\nrejected: {told}\nopen, reusable"));
    }
    // With verified TLS it goes.
    let mut setup = asking(|options| options.require_tls = true, None).starttls();
    setup.verified = true;
    let script = |end: &str| {
        format!(
            "S: 220 hi
             C: EHLO client.example
             S: 250-hi
             S: 250 STARTTLS
             C: STARTTLS
             S: 220 go
             C: EHLO client.example
             S: 250-hi
             S: 250 REQUIRETLS
             {end}"
        )
    };
    super::script::check(
        &setup,
        &script("C: MAIL FROM:<from@a.example> REQUIRETLS\nS: 550 no"),
        "start TLS
         ready
         rejected: the server refused at MAIL: 550 no
         open, reusable",
    );
    setup.verified = false;
    super::script::check(
        &setup,
        &script(""),
        "start TLS
         ready
         rejected: the message needs REQUIRETLS over verified TLS, and the connection or the server has none
         open, reusable",
    );
}

#[test]
fn queries_are_answered_in_order_before_mail() {
    let text = |text: &str| QueryText::new(text).unwrap();
    let mut setup = one().stay();
    setup.queries =
        vec![Query::Vrfy(text("someone")), Query::Expn(text("list")), Query::Help(None), Query::Noop];
    after_hello(
        &setup,
        &["PIPELINING"],
        "C: VRFY someone
         S: 252 perhaps
         C: EXPN list
         S: 250-a
         S: 250 b
         C: HELP
         S: 214 no
         C: NOOP
         S: 250 ok
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 550 no
         S: 503 no
         S: 503 no",
        "ready
         answer: 252 perhaps
         answer: 250 a / b
         answer: 214 no
         answer: 250 ok
         rejected: the server refused at MAIL: 550 no
         open, reusable",
    );
}

#[test]
fn xclient_begins_the_session_anew() {
    let mut setup = Setup::idle();
    setup.queries = vec![Query::XClient(vec![
        (XClientName::Addr, "192.0.2.1".into()),
        (XClientName::Helo, "a b".into()),
    ])];
    after_hello(
        &setup,
        &["XCLIENT NAME ADDR HELO"],
        "C: XCLIENT ADDR=192.0.2.1 HELO=a+20b
         S: 220 hi again
         C: EHLO client.example
         S: 250 hi",
        "ready
         answer: 220 hi again
         ready
         misuse: the server does not offer XCLIENT
         open, reusable",
    );
    after_hello(
        &setup,
        &["XCLIENT NAME"],
        "C: XCLIENT ADDR=192.0.2.1 HELO=a+20b
         S: 550 not you",
        "ready
         answer: 550 not you
         open, reusable",
    );
    assert_eq!(Extension::XClient.to_string(), "XCLIENT");
}

#[test]
fn queries_that_are_not_ascii_need_smtputf8() {
    let text = || QueryText::new("\u{fc}@b.example").unwrap();
    let mut setup = Setup { queries: vec![Query::Vrfy(text()), Query::Expn(text())], ..Setup::idle() };
    let misuse = "misuse: the server does not offer SMTPUTF8";
    check(&setup, &hello(&[]), &format!("ready\n{misuse}\n{misuse}\nopen, reusable"));
    let script = "C: VRFY \\xc3\\xbc@b.example SMTPUTF8
        S: 252 ok
        C: EXPN \\xc3\\xbc@b.example SMTPUTF8
        S: 502 no";
    check(&setup, &(hello(&["SMTPUTF8"]) + script), "ready\nanswer: 252 ok\nanswer: 502 no\nopen, reusable");
    setup.queries = vec![Query::Help(Some(text()))];
    check(&setup, &hello(&["SMTPUTF8"]), "ready\nmisuse: the text of HELP must be ASCII\nopen, reusable");
}
