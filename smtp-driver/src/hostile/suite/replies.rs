//! Greetings, extensions, and replies to the envelope.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smtp_proto::client::{Event, PeerFault};

use super::stage::{
    DELIVERED, NO_TIME, Stage, TO, address, eight_bit, impatient, one, one_with, told, with_password,
};
use crate::conformance::Harness;
use crate::hostile::{Script, Seen};

const BROKEN: &str = "deferred: the server broke the protocol: ";

/// Nothing odd at all: a connection is kept and used for the next message.
pub async fn ordinary<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, "ordinary", Script::default(), |builder| builder);
    for to in ["a@b.example", "c@b.example", "d@b.example"] {
        stage.sends(&[to], &[&format!("delivered: 250 2.0.0 for {to}")]).await;
    }
    stage.ends(1).await;
}

/// Case W5: `250` in answer to DATA.
pub async fn w5<H: Harness>(harness: &H) {
    let expected = format!("{BROKEN}a reply that makes no sense came at DATA: 250 2.0.0 ok");
    one(harness, "data-250", TO, &[&expected]).await;
}

/// Case W6: replies with no text.
pub async fn w6<H: Harness>(harness: &H) {
    one(harness, "no-text", TO, &["delivered: 250 "]).await;
}

/// Case W7: any second digit.
pub async fn w7<H: Harness>(harness: &H) {
    let to = ["x@b.example", "y@b.example", "z@b.example"];
    let expected = [
        "delivered: 250 2.0.0 for x@b.example",
        "rejected: the server refused at RCPT: 571 5.7.1 x",
        "deferred: the server refused at RCPT: 499 y",
    ];
    one(harness, "odd-codes", &to, &expected).await;
}

/// Case W8: what is no reply.
pub async fn w8<H: Harness>(harness: &H) {
    for (name, line) in [
        ("code-000", "000 x"),
        ("code-999", "999 x"),
        ("two-digits", "25 x"),
        ("four-digits", "2500 x"),
        ("letters", "abc"),
        ("empty-line", ""),
    ] {
        one(harness, name, TO, &[&format!("{BROKEN}not a reply line: \"{line}\"")]).await;
    }
}

/// Case W9: codes that differ inside one reply.
pub async fn w9<H: Harness>(harness: &H) {
    let expected = format!("{BROKEN}the code changed from 250 to 550 inside one reply");
    one(harness, "codes-differ", TO, &[&expected]).await;
}

/// Case W10: odd bytes in replies.
pub async fn w10<H: Harness>(harness: &H) {
    one(harness, "octets", TO, &[DELIVERED]).await;
    let shown = "rejected: the server refused at MAIL: 550 5.1.8 \\u{1b}[2J\\xff";
    one(harness, "octets-shown", TO, &[shown]).await;
    one(harness, "nul", TO, &[&format!("{BROKEN}NUL in a reply: \"250 a\\u{{0}}b\"")]).await;
    let faults = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&faults);
    let stage = Stage::new(harness, "bare-lf", |builder| {
        builder.on_event(move |event| {
            if *event == Event::PeerFault(PeerFault::BareLf) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    stage.sends(TO, &[DELIVERED]).await;
    stage.ends(1).await;
    assert_eq!(faults.load(Ordering::Relaxed), 1, "bare LF was noted");
}

/// Case W11: replies without an end.
pub async fn w11<H: Harness>(harness: &H) {
    one(harness, "endless-line", TO, &[&format!("{BROKEN}a reply line of more than 4096 bytes")]).await;
    one(harness, "endless-lines", TO, &[&format!("{BROKEN}a reply of more than 512 lines")]).await;
    // Some bytes come, and they do not move the deadline.
    let settings = impatient(|timeouts| timeouts.mail = Duration::from_millis(350));
    let stage = Stage::new(harness, "dripping", settings);
    stage.sends(TO, &["deferred: time ran out at MAIL"]).await;
    stage.ends(1).await;
}

/// Case W12: keywords of EHLO.
pub async fn w12<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "odd-keywords", |builder| builder);
    let report = stage.mailer.send_to(None, vec![address(TO[0])], &eight_bit()).await;
    assert_eq!(told(report), [DELIVERED], "no limit of size, and 8BITMIME");
    stage.ends(1).await;
    one_with(harness, "odd-keywords", with_password, TO, &[DELIVERED]).await;
}

/// Case W13: greetings.
pub async fn w13<H: Harness>(harness: &H) {
    let refused = "error: the server refused before the greeting: ";
    one(harness, "greeting-554", TO, &[&format!("{refused}554 5.7.1 go away")]).await;
    one(harness, "greeting-421", TO, &[&format!("{refused}421 4.3.2 busy")]).await;
    one(harness, "greeting-lines", TO, &[DELIVERED]).await;
    let stage = Stage::new(harness, "no-greeting", impatient(|timeouts| timeouts.greeting = NO_TIME));
    stage.sends(TO, &["error: time ran out before the greeting"]).await;
    stage.ends(1).await;
    let stage = Stage::new(harness, "early-reply", |builder| builder);
    let early = "error: the server broke the protocol: a reply that answers nothing came ";
    match &stage.send(TO).await[..] {
        [told] if *told == format!("{early}while nothing was going on: 250 early") => stage.ends(1).await,
        // Where the network cuts between the two, the second may be taken for the reply to EHLO, and that to EHLO answers
        // nothing, or MAIL.
        [told] if harness.cuts() && told.starts_with(early) => stage.ends(1).await,
        [told] if harness.cuts() && *told == "deferred: the connection was lost at RCPT" => {
            stage.ends_with(1, &["went on after a reply that answers nothing"]).await;
        }
        told => panic!("{told:?}"),
    }
}

/// Case W14: 421 at any time.
pub async fn w14<H: Harness>(harness: &H) {
    one(harness, "ehlo-421", TO, &["error: the server refused at EHLO: 421 4.3.2 bye"]).await;
    let expected = "error: the server refused at STARTTLS: 421 4.3.2 bye";
    one_with(harness, "starttls-421", with_password, TO, &[expected]).await;
    one_with(
        harness,
        "auth-421",
        with_password,
        TO,
        &["error: the server refused AUTH for now: 421 4.3.2 bye"],
    )
    .await;
    one(harness, "data-421", TO, &["deferred: the server refused at DATA: 421 4.3.2 bye"]).await;
    one(harness, "mail-421", TO, &["deferred: the server refused at MAIL: 421 4.3.2 bye"]).await;
    let expected = [
        "rejected: the server refused at RCPT: 550 5.1.1 unknown",
        "deferred: the server refused at RCPT: 421 4.3.2 bye",
        "deferred: the server refused at RCPT: 421 4.3.2 bye",
    ];
    one(harness, "rcpt-421", &["x@b.example", "y@b.example", "z@b.example"], &expected).await;
    let expected = "deferred: the server refused after the end of the message: 421 4.3.2 bye";
    one(harness, "verdict-421", TO, &[expected]).await;
    // The 421 comes while nobody looks, if the network is quick, or when the next message has begun.
    let stage = Stage::new(harness, "idle-421", |builder| builder);
    stage.sends(TO, &[DELIVERED]).await;
    stage.record.over(1).await;
    stage.sends(TO, &[DELIVERED]).await;
    stage.ends(2).await;
    let stage = Stage::new(harness, "verdict-and-421", |builder| builder);
    for _ in 0..2 {
        stage.sends(TO, &["delivered: 250 2.0.0 queued"]).await;
    }
    stage.ends(2).await;
}

/// Case W15: each recipient has its own reply.
pub async fn w15<H: Harness>(harness: &H) {
    let to = ["a@b.example", "b@b.example", "c@b.example", "d@b.example", "e@b.example"];
    let delivered = "delivered: 250 2.0.0 for a@b.example";
    let expected = [
        delivered,
        "rejected: the server refused at RCPT: 550 5.1.1 unknown",
        delivered,
        "deferred: the server refused at RCPT: 451 4.3.0 later",
        delivered,
    ];
    one(harness, "five-recipients", &to, &expected).await;
}

/// Case W17: too many recipients for one transaction.
pub async fn w17<H: Harness>(harness: &H) {
    let to = ["a@b.example", "b@b.example", "c@b.example", "d@b.example", "e@b.example"];
    let firsts = ["a", "a", "c", "c", "e"].map(|first| format!("delivered: 250 2.0.0 for {first}@b.example"));
    for name in ["too-many-452", "too-many-552"] {
        one(harness, name, &to, &firsts.each_ref().map(String::as_str)).await;
    }
    let full = "deferred: the server refused at RCPT: 452 4.2.2 mailbox full";
    one(harness, "mailbox-full", &to[..3], &[&firsts[0], full, full]).await;
    let many = "deferred: the server refused at RCPT: 452 4.5.3 too many recipients";
    one(harness, "too-many-for-anybody", &to[..2], &[many, many]).await;
}

/// Case W18: MAIL refused with the rest in flight.
pub async fn w18<H: Harness>(harness: &H) {
    for name in ["mail-refused", "mail-refused-alone"] {
        let stage = Stage::new(harness, name, |builder| builder);
        stage.sends(TO, &["rejected: the server refused at MAIL: 553 5.1.8 not you"]).await;
        stage.sends(TO, &[DELIVERED]).await;
        let contents = stage.record.all(|seen| match seen {
            Seen::Content(bytes) => Some(*bytes),
            _ => None,
        });
        let whole = "Subject: hi\r\n\r\nhi\r\n".len() as u64;
        // A lone dot for the one that was refused, if DATA was accepted and no recipient.
        assert_eq!(contents, if name == "mail-refused" { vec![whole] } else { vec![0, whole] });
        stage.ends(1).await;
    }
    // Nor is the connection of any use where it is for somebody, or seems to be.
    let stage = Stage::new(harness, "mail-refused-taken", |builder| builder);
    for _ in 0..2 {
        stage.sends(TO, &["deferred: the server refused at MAIL: 503 5.5.1 nested"]).await;
    }
    stage.ends(2).await;
}

/// Case W34: an empty keyword, and AUTH with no mechanism.
pub async fn w34<H: Harness>(harness: &H) {
    one(harness, "empty-keyword", TO, &[DELIVERED]).await;
}
