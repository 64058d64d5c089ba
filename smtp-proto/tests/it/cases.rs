//! More cases of the wire, by number.

use smtp_proto::client::{Client, Error, Next, PeerMisbehaved, TlsMode};
use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::{Instant, Output};

use super::script::{Setup, check};
use super::wire::{HELLO, SENT, after_hello, one};

#[test]
fn case_w4_the_verdict_of_a_message_that_was_given_up_is_nobody_elses() {
    // What was ended cannot be taken back: until its verdict is there, the connection is not for others.
    after_hello(&one().stay(), &[], &(SENT_ALONE.to_owned() + "!cancel"), "ready\nopen");
    after_hello(
        &one().stay(),
        &[],
        &(SENT_ALONE.to_owned() + "!cancel\nS: 250 queued"),
        "ready\ndelivered: 250 queued\nopen, reusable",
    );
    // The next message in the same flight gets its own.
    let setup = one().stay().and_message(&["next@b.example"], "two\r\n", Form::default());
    after_hello(
        &setup,
        &["PIPELINING"],
        &format!(
            "{SENT}C: MAIL FROM:<from@a.example>
             C: RCPT TO:<next@b.example>
             C: DATA
             !cancel
             S: 250 old
             S: 250 ok
             S: 250 ok
             S: 354 go
             C: two
             C: .
             S: 554 new"
        ),
        "ready
         delivered: 250 old
         rejected: the server refused after the end of the message: 554 new
         open, reusable",
    );
    // Where it does not come in time, or something else comes, there is no next message on this connection.
    for (end, error) in [
        ("!timeout", "time ran out after the end of the message"),
        ("S: what", "the server broke the protocol: not a reply line: \"what\""),
    ] {
        after_hello(
            &one().stay(),
            &["PIPELINING"],
            &format!("{SENT}!cancel\n{end}\n!send\nS: 250 old\n!send"),
            &format!(
                "ready
                 ambiguous: {error}
                 closed: {error}
                 misuse: the session is not ready for this
                 misuse: the session is not ready for this"
            ),
        );
    }
}

#[test]
fn case_w12_keywords_as_servers_write_them() {
    let form = Form { size: Some(4), body: BodyType::EightBitMime, smtputf8: false };
    let setup = Setup { messages: vec![], ..one() }.login().and_message(&["to@b.example"], "hi\r\n", form);
    for size in ["Size", "size 0"] {
        after_hello(
            &setup,
            &[
                "pipelining",
                "8bitMime",
                size,
                "SIZE 1",
                "AUTH=PLAIN",
                "X-UNKNOWN a=b",
                "x-unknown",
                "pipelining",
            ],
            "C: AUTH PLAIN AHVzZXIAc2VjcmV0
             S: 235 ok
             C: MAIL FROM:<from@a.example> SIZE=4 BODY=8BITMIME
             C: RCPT TO:<to@b.example>
             C: DATA
             S: 250 ok
             S: 250 ok
             S: 354 go
             C: hi
             C: .
             C: QUIT
             S: 250 queued
             S: 221 bye",
            "ready
             authenticated: 235 ok
             delivered: 250 queued
             closed",
        );
    }
}

#[test]
fn case_w34_an_empty_keyword_and_auth_without_mechanisms() {
    check(
        &one().login().stay(),
        &format!("{HELLO}S: 250-mx\nS: 250-AUTH\nS: 250-PIPELINING\nS: 250 "),
        "ready\nno mechanism\nopen, reusable",
    );
    check(
        &one(),
        &format!(
            "{HELLO}S: 250-mx
             S: 250-AUTH
             S: 250-PIPELINING
             S| 250 \\r\\n
             C: MAIL FROM:<from@a.example>
             C: RCPT TO:<to@b.example>
             C: DATA
             S: 250 ok
             S: 550 no
             S: 554 nobody
             C: QUIT
             S: 221 bye"
        ),
        "ready
         rejected: the server refused at RCPT: 550 no
         closed",
    );
}

/// EHLO is said when the greeting is there and nothing else; where the network cuts right behind it, what comes then is
/// taken for the reply to EHLO, and the reply to EHLO for none.
#[test]
fn case_w13_bytes_before_we_spoke() {
    let greeting = "220-mx\r\n220 ESMTP\r\n";
    let input = greeting.to_owned() + "250 early\r\n";
    for cut in 0..=input.len() {
        let config = one().config;
        let mut client = Client::new(config, TlsMode::None, Instant::ZERO);
        let (mut out, mut said, mut end) = (Output::new(), String::new(), None);
        for piece in [&input[..cut], &input[cut..], "250 mx\r\n"] {
            client.handle_input(Instant::ZERO, piece.as_bytes());
            while end.is_none() {
                match client.poll(Instant::ZERO, &mut out) {
                    Next::Event(_) => {}
                    Next::Wait if out.is_empty() => break,
                    Next::Wait => {
                        let written: Vec<u8> = out.slices(&[]).unwrap().flatten().copied().collect();
                        said.push_str(str::from_utf8(&written).unwrap());
                        client.handle_written(Instant::ZERO, written.len());
                        out.clear();
                    }
                    Next::Body(_) => panic!("content"),
                    Next::Closed(error) => end = Some(error),
                }
            }
        }
        let behind = (greeting.len()..input.len()).contains(&cut);
        assert_eq!(said, if behind { "EHLO client.example\r\n" } else { "" }, "cut at {cut}");
        let Some(Err(Error::PeerMisbehaved(PeerMisbehaved::Unsolicited { reply, .. }))) = end else {
            panic!("{end:?}, cut at {cut}");
        };
        assert_eq!(reply.to_string(), if behind { "250 mx" } else { "250 early" }, "cut at {cut}");
    }
}

/// While content is on its way nothing can be its verdict.
#[test]
fn case_w19_an_early_verdict() {
    let early = "the server broke the protocol: a reply that answers nothing came while the message was sent: 250 early";
    after_hello(
        &Setup { keep_content: true, ..one() },
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         S: 250 early",
        &format!("ready\ndeferred: {early}\nclosed: {early}"),
    );
}

#[test]
#[cfg(feature = "idna")]
fn case_a4_a_name_in_unicode_is_an_a_label_where_there_is_no_smtputf8() {
    after_hello(
        &Setup::message(&["x@m\u{fc}nchen.de"], "To: x@xn--mnchen-3ya.de\r\n\r\nhi\r\n"),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<x@xn--mnchen-3ya.de>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: To: x@xn--mnchen-3ya.de
         C:
         C: hi
         C: .
         C: QUIT
         S: 250 queued
         S: 221 bye",
        "ready
         delivered: 250 queued
         closed",
    );
}

const SENT_ALONE: &str = "C: MAIL FROM:<from@a.example>
    S: 250 ok
    C: RCPT TO:<to@b.example>
    S: 250 ok
    C: DATA
    S: 354 go
    C: hi
    C: .\n";
