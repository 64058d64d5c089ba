//! The cases of the wire, by number, and the ordinary ways of a session.

use super::script::{Setup, check, outcome, outcomes};
use smtp_proto::client::{Chunking, TlsMode};
use smtp_proto::envelope::{BodyType, Form};

pub(crate) const HELLO: &str = "
    S: 220 mx ESMTP
    C: EHLO client.example
";

/// Greeting and an EHLO reply with these extensions.
pub(crate) fn hello(extensions: &[&str]) -> String {
    let mut script = format!("{HELLO}S: 250-mx\n");
    for extension in extensions {
        script += &format!("S: 250-{extension}\n");
    }
    script + "S: 250 HELP\n"
}

#[track_caller]
pub(crate) fn after_hello(setup: &Setup, extensions: &[&str], script: &str, expected: &str) {
    check(setup, &(hello(extensions) + script), expected);
}

pub(crate) fn one() -> Setup {
    Setup::message(&["to@b.example"], "hi\r\n")
}

#[test]
fn a_message_command_by_command() {
    after_hello(
        &one(),
        &[],
        "C: MAIL FROM:<from@a.example>
         S: 250 ok
         C: RCPT TO:<to@b.example>
         S: 250 ok
         C: DATA
         S: 354 go
         C: hi
         C: .
         S: 250 2.0.0 queued
         C: QUIT
         S: 221 bye",
        "ready
         delivered: 250 2.0.0 queued
         closed",
    );
}

#[test]
fn a_pipelined_message_and_quit_in_the_last_flight() {
    let setup = Setup::message(&["x@b.example", "y@b.example"], ".dot");
    after_hello(
        &setup,
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<x@b.example>
         C: RCPT TO:<y@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 251 ok
         S: 354 go
         C: ..dot
         C: .
         C: QUIT
         S: 250 queued
         S: 221 bye",
        "ready
         delivered: 250 queued
         delivered: 250 queued
         closed",
    );
}

#[test]
fn two_messages_share_a_flight() {
    let setup = one().and_message(&["next@b.example"], "two\r\n", Form::default());
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
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<next@b.example>
         C: DATA
         S: 450 later
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: two
         C: .
         C: QUIT
         S: 250 queued
         S: 221 bye",
        "ready
         deferred: the server refused after the end of the message: 450 later
         delivered: 250 queued
         closed",
    );
}

#[test]
fn parameters_follow_the_extensions() {
    let form = Form { size: Some(4), body: BodyType::EightBitMime, smtputf8: true };
    let setup = Setup { messages: vec![], ..one() }.and_message(&["\u{fc}@b.example"], "hi\r\n", form);
    after_hello(
        &setup,
        &["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 100"],
        "C: MAIL FROM:<from@a.example> SIZE=4 BODY=8BITMIME SMTPUTF8
         C: RCPT TO:<\\xc3\\xbc@b.example>
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
         delivered: 250 queued
         closed",
    );
}

#[test]
fn a_form_the_server_cannot_take_ends_before_mail() {
    let form = |form| Setup { messages: vec![], ..one() }.stay().and_message(&["to@b.example"], "", form);
    let rejected = |why: &str| format!("ready\nrejected: {why}\nopen, reusable");
    after_hello(
        &form(Form { size: Some(101), ..Form::default() }),
        &["SIZE 100"],
        "",
        &rejected("the message has 101 bytes, and the server takes at most 100"),
    );
    after_hello(
        &form(Form { body: BodyType::EightBitMime, ..Form::default() }),
        &[],
        "",
        &rejected("the message has 8-bit content, and the server has no 8BITMIME"),
    );
    after_hello(
        &form(Form { smtputf8: true, ..Form::default() }),
        &[],
        "",
        &rejected("the message needs SMTPUTF8, and the server has none"),
    );
}

#[test]
#[cfg(feature = "idna")]
fn case_a5_only_the_recipient_that_needs_smtputf8_is_refused_for_it() {
    let setup = Setup::message(&["\u{fc}@m\u{fc}nchen.de", "to@b.example"], "hi\r\n");
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
         C: QUIT
         S: 250 queued
         S: 221 bye",
        "ready
         rejected: the message needs SMTPUTF8, and the server has none
         delivered: 250 queued
         closed",
    );
}

#[test]
fn case_w1_plain_text_behind_the_reply_to_starttls() {
    let setup = Setup { handshake: false, ..one().starttls() };
    let expected = "closed: the server broke the protocol: plain text behind the reply to STARTTLS";
    let script = hello(&["STARTTLS"]) + "C: STARTTLS\nS: 220 go\nS: 250-evil\nS: 250 AUTH PLAIN\n";
    // In one segment the machine does not even ask for TLS; with a cut right behind the 220 it does, and ends the same.
    let told = outcomes(&setup, &script);
    assert_eq!(told[0], [expected], "uncut");
    let asked = vec!["start TLS".to_string(), expected.into()];
    assert!(told.contains(&asked));
    assert!(told.iter().all(|told| *told == [expected] || *told == asked), "{told:#?}");
}

#[test]
fn case_w2_what_was_said_before_tls_is_forgotten() {
    let before = [
        "STARTTLS",
        "PIPELINING",
        "SIZE 1",
        "SMTPUTF8",
        "8BITMIME",
        "CHUNKING",
        "AUTH PLAIN",
        "LIMITS RCPTMAX=1 MAILMAX=1",
    ];
    let start = hello(&before) + "C: STARTTLS\nS: 220 go\nC: EHLO client.example\nS: 250 mx\n";
    // No parameters, a command at a time, no limits of size, recipients and messages.
    let message = "C: MAIL FROM:<from@a.example>
         S: 250 ok
         C: RCPT TO:<x@b.example>
         S: 250 ok
         C: RCPT TO:<y@b.example>
         S: 250 ok
         C: DATA
         S: 354 go
         C: hi
         C: .
         S: 250 queued\n";
    let to = ["x@b.example", "y@b.example"];
    let setup = Setup::message(&to, "hi\r\n").starttls().sized().chunked(Chunking::Safe).stay();
    check(
        &setup.and_message(&to, "hi\r\n", Form::default()),
        &(start.clone() + message + message),
        &("start TLS\nready\n".to_owned() + &"delivered: 250 queued\n".repeat(4) + "open, reusable"),
    );
    let rejected = |setup: Setup, why: &str| {
        check(&setup.starttls().stay(), &start, &format!("start TLS\nready\n{why}\nopen, reusable"));
    };
    let nobody = Setup { messages: vec![], ..one() };
    let eight_bit = Form { body: BodyType::EightBitMime, ..Form::default() };
    rejected(
        nobody.clone().and_message(&["to@b.example"], "\u{fc}\r\n", eight_bit),
        "rejected: the message has 8-bit content, and the server has no 8BITMIME",
    );
    rejected(
        nobody.clone().and_message(&["\u{fc}@b.example"], "hi\r\n", Form::default()),
        "rejected: the message needs SMTPUTF8, and the server has none",
    );
    rejected(nobody.login(), "no mechanism");
}

#[test]
fn case_w3_no_starttls_no_mail() {
    let setup = one().starttls();
    let refused = |what: &str| format!("closed: TLS is required, and the server refused at {what}");
    after_hello(
        &setup,
        &["PIPELINING"],
        "",
        "closed: TLS is required, and the server does not offer STARTTLS",
    );
    after_hello(&setup, &["STARTTLS"], "C: STARTTLS\nS: 454 later", &refused("STARTTLS: 454 later"));
    after_hello(&setup, &["STARTTLS"], "C: STARTTLS\nS: 502 what", &refused("STARTTLS: 502 what"));
    check(&setup, &format!("{HELLO}S: 502 what"), &refused("EHLO: 502 what"));
}

#[test]
fn helo_when_ehlo_is_unknown() {
    check(
        &one(),
        "S: 220 mx
         C: EHLO client.example
         S: 500 what
         C: HELO client.example
         S: 250 mx
         C: MAIL FROM:<from@a.example>
         S: 250 ok
         C: RCPT TO:<to@b.example>
         S: 550 no
         C: QUIT
         S: 221 bye",
        "ready
         rejected: the server refused at RCPT: 550 no
         closed",
    );
}

#[test]
fn opportunistic_tls_is_used_where_it_is_offered_and_accepted() {
    let mut setup = one().stay();
    setup.tls = TlsMode::Opportunistic;
    let mail = "C: MAIL FROM:<from@a.example>
         S: 550 no";
    let told = "ready
         rejected: the server refused at MAIL: 550 no
         open, reusable";
    after_hello(&setup, &["SIZE"], mail, told);
    for refusal in ["454 not now", "502 what"] {
        let script = format!("C: STARTTLS\nS: {refusal}\n{mail}");
        after_hello(&setup, &["STARTTLS"], &script, told);
    }
    after_hello(
        &setup,
        &["STARTTLS"],
        "C: STARTTLS\nS: 421 bye",
        "closed: the server refused at STARTTLS: 421 bye",
    );
    after_hello(
        &setup,
        &["STARTTLS", "AUTH PLAIN"],
        &format!("C: STARTTLS\nS: 220 go\nC: EHLO client.example\nS: 250-mx\nS: 250 STARTTLS\n{mail}"),
        &format!("start TLS\n{told}"),
    );
}

#[test]
fn case_w5_250_in_answer_to_data() {
    after_hello(
        &one(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 250 ok",
        "ready
         deferred: the server broke the protocol: a reply that makes no sense came at DATA: 250 ok
         closed: the server broke the protocol: a reply that makes no sense came at DATA: 250 ok",
    );
}

#[test]
fn case_w6_replies_without_text() {
    after_hello(
        &one(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250
         S: 250-
         S: 250 
         S: 354
         C: hi
         C: .
         C: QUIT
         S: 250
         S: 221",
        "ready
         delivered: 250 
         closed",
    );
}

#[test]
fn case_w7_any_second_digit() {
    after_hello(
        &Setup::message(&["x@b.example", "y@b.example", "z@b.example"], "hi\r\n").stay(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<x@b.example>
         C: RCPT TO:<y@b.example>
         C: RCPT TO:<z@b.example>
         C: DATA
         S: 299 ok
         S: 571 5.7.1 x
         S: 499 y
         S: 552 full
         S: 599 nobody",
        "ready
         rejected: the server refused at RCPT: 571 5.7.1 x
         deferred: the server refused at RCPT: 499 y
         deferred: the server refused at RCPT: 552 full
         open, reusable",
    );
}

#[test]
fn case_w8_w9_w10_w11_what_is_no_reply_ends_the_session() {
    for (reply, error) in [
        ("S: 000 x", "not a reply line: \"000 x\""),
        ("S: abc", "not a reply line: \"abc\""),
        ("S: ", "not a reply line: \"\""),
        ("S: 2500 x", "not a reply line: \"2500 x\""),
        ("S: 250-a\nS: 550 b", "the code changed from 250 to 550 inside one reply"),
        ("S: 250 a\\0", "NUL in a reply: \"250 a\\u{0}\""),
    ] {
        let error = format!("the server broke the protocol: {error}");
        after_hello(
            &one(),
            &[],
            &format!("C: MAIL FROM:<from@a.example>\n{reply}"),
            &format!("ready\ndeferred: {error}\nclosed: {error}"),
        );
    }
    let mut short = one();
    short.config.reply_limits.line = 16;
    check(
        &short,
        "S| 220 0123456789abcdef",
        "closed: the server broke the protocol: a reply line of more than 16 bytes",
    );
    short.config.reply_limits.lines = 2;
    check(
        &short,
        "S: 220-a\nS: 220-a\nS: 220-a",
        "closed: the server broke the protocol: a reply of more than 2 lines",
    );
}

#[test]
fn case_w10_bare_lf_is_noted_once() {
    check(
        &Setup::idle(),
        "S| 220 mx\\n
         C: EHLO client.example
         S| 250-a\\t\\xff\\n250 b\\n",
        "fault: BareLf
         ready
         open, reusable",
    );
}

#[test]
fn case_w13_greetings() {
    let setup = Setup::idle();
    check(&setup, "S: 554 go away", "closed: the server refused before the greeting: 554 go away");
    check(&setup, "S: 421 busy", "closed: the server refused before the greeting: 421 busy");
    check(&setup, "S: 220-a\nS: 220-b\nS: 220 c\nC: EHLO client.example\nS: 250 mx", "ready\nopen, reusable");
    check(&setup, "!timeout", "closed: time ran out before the greeting");
    check(&setup, "!eof", "closed: the connection was lost before the greeting");
}

#[test]
fn bytes_behind_the_greeting_are_unsolicited() {
    let error =
        "closed: the server broke the protocol: a reply that answers nothing came while nothing was going on";
    // With a cut between them EHLO goes out first, and the second reply answers it.
    assert_eq!(outcome(&Setup::idle(), "S: 220 mx\nS: 250 early"), [format!("{error}: 250 early")]);
}

#[test]
fn case_w14_421_ends_the_session() {
    let setup = Setup::message(&["x@b.example", "y@b.example"], "hi\r\n");
    after_hello(
        &setup,
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<x@b.example>
         C: RCPT TO:<y@b.example>
         C: DATA
         S: 250 ok
         S: 550 no
         S: 421 shutting down",
        "ready
         rejected: the server refused at RCPT: 550 no
         deferred: the server refused at RCPT: 421 shutting down
         closed: the server refused at RCPT: 421 shutting down",
    );
    after_hello(
        &Setup::idle(),
        &[],
        "S: 421 idle too long",
        "ready\nclosed: the server refused while nothing was going on: 421 idle too long",
    );
    after_hello(
        &one(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: hi
         C: .
         C: QUIT
         S: 421 no",
        "ready
         deferred: the server refused after the end of the message: 421 no
         closed: the server refused after the end of the message: 421 no",
    );
}

#[test]
fn case_w15_each_recipient_has_its_own_reply() {
    let to = ["a@b.example", "b@b.example", "c@b.example", "d@b.example", "e@b.example"];
    after_hello(
        &Setup::message(&to, "hi\r\n"),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<a@b.example>
         C: RCPT TO:<b@b.example>
         C: RCPT TO:<c@b.example>
         C: RCPT TO:<d@b.example>
         C: RCPT TO:<e@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 550 5.1.1 unknown
         S: 251 elsewhere
         S: 451 4.3.0 later
         S: 252 maybe
         S: 354 go
         C: hi
         C: .
         C: QUIT
         S: 250 queued
         S: 221 bye",
        "ready
         delivered: 250 queued
         rejected: the server refused at RCPT: 550 5.1.1 unknown
         delivered: 250 queued
         deferred: the server refused at RCPT: 451 4.3.0 later
         delivered: 250 queued
         closed",
    );
}

#[test]
fn case_w16_nobody_accepted_but_data_is() {
    after_hello(
        &one().stay(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 550 no
         S: 354 go
         C: .
         S: 250 queued nothing",
        "ready
         rejected: the server refused at RCPT: 550 no
         open, reusable",
    );
}

#[test]
fn case_w18_mail_refused_with_the_rest_in_flight() {
    let setup = one().stay().and_message(&["next@b.example"], "two\r\n", Form::default());
    let second = "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<next@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: two
         C: .
         S: 250 queued";
    let told = "ready
         rejected: the server refused at MAIL: 553 not you
         delivered: 250 queued
         open, reusable";
    let first = "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 553 not you
         S: 503 what
         S: 503 what\n";
    after_hello(&setup, &["PIPELINING"], &format!("{first}{second}"), told);
    let odd = first.replace("S: 503 what\n         S: 503 what", "S: 503 what\nS: 354 go")
        + "C: .
           C: MAIL FROM:<from@a.example>
           C: RCPT TO:<next@b.example>
           C: DATA
           S: 554 nobody\n";
    let rest = &second[second.find("S: ").unwrap()..];
    after_hello(&setup, &["PIPELINING"], &format!("{odd}{rest}"), told);
    // It has taken a recipient, and DATA not.
    let taken = first.replace("S: 503 what\n         S: 503 what", "S: 250 ok\nS: 503 what")
        + "C: RSET
           C: MAIL FROM:<from@a.example>
           C: RCPT TO:<next@b.example>
           C: DATA
           S: 250 reset\n";
    after_hello(&setup, &["PIPELINING"], &format!("{taken}{rest}"), told);
}

#[test]
fn a_transaction_that_ends_early_is_reset_before_the_next() {
    let setup = one().stay().and_message(&["next@b.example"], "two\r\n", Form::default());
    let first = "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 550 no
         S: 554 nobody
         C: RSET
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<next@b.example>
         C: DATA\n";
    let rest = "S: 250 ok
         S: 451 later
         S: 503 what";
    after_hello(
        &setup,
        &["PIPELINING"],
        &format!("{first}S: 250 reset\n{rest}"),
        "ready
         rejected: the server refused at RCPT: 550 no
         deferred: the server refused at RCPT: 451 later
         open, reusable",
    );
    after_hello(
        &setup,
        &["PIPELINING"],
        &format!("{first}S: 500 what"),
        "ready
         rejected: the server refused at RCPT: 550 no
         deferred: the server refused at RSET: 500 what
         closed: the server refused at RSET: 500 what",
    );
}

pub(crate) const SENT: &str = "C: MAIL FROM:<from@a.example>
    C: RCPT TO:<to@b.example>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: hi
    C: .\n";

#[test]
fn case_w19_garbage_and_extra_replies() {
    let setup = one().stay();
    // Before the end mark: nothing can be a verdict.
    after_hello(
        &setup,
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: garbage",
        "ready
         deferred: the server broke the protocol: not a reply line: \"garbage\"
         closed: the server broke the protocol: not a reply line: \"garbage\"",
    );
    after_hello(
        &setup,
        &["PIPELINING"],
        &format!("{SENT}S: garbage"),
        "ready
         ambiguous: the server broke the protocol: not a reply line: \"garbage\"
         closed: the server broke the protocol: not a reply line: \"garbage\"",
    );
    after_hello(
        &setup,
        &["PIPELINING"],
        &format!("{SENT}S: 250 queued\nS: 550 no"),
        "ready
         delivered: 250 queued
         closed: the server broke the protocol: a reply that answers nothing came while nothing was going on: 550 no",
    );
    after_hello(
        &setup,
        &["PIPELINING"],
        &format!("{SENT}S: 354 again"),
        "ready
         ambiguous: the server broke the protocol: a reply that makes no sense came after the end of the message: 354 again
         closed: the server broke the protocol: a reply that makes no sense came after the end of the message: 354 again",
    );
}

#[test]
fn case_w20_lost_after_the_end_mark() {
    for (loss, error) in [
        ("!eof", "the connection was lost after the end of the message"),
        ("S| 250 que\n!eof", "the connection was lost after the end of the message"),
        ("!timeout", "time ran out after the end of the message"),
    ] {
        after_hello(
            &one().stay(),
            &["PIPELINING"],
            &format!("{SENT}{loss}"),
            &format!("ready\nambiguous: {error}\nclosed: {error}"),
        );
    }
}

#[test]
fn lost_before_the_end_mark_is_deferred() {
    after_hello(
        &one(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         !eof",
        "ready
         deferred: the connection was lost at RCPT
         closed: the connection was lost at RCPT",
    );
}

#[test]
fn case_w21_commands_without_an_answer_are_capped() {
    let to: Vec<String> = (0..1000).map(|i| format!("{i}@b.example")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut setup = Setup::message(&to, "hi\r\n").stay();
    setup.config.pipeline_limit = 95;
    after_hello(
        &setup,
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<0@b.example>
         C: RCPT TO:<1@b.example>
         C: RCPT TO:<2@b.example>
         !eof",
        &("ready\n".to_string()
            + &"deferred: the connection was lost at MAIL\n".repeat(1000)
            + "closed: the connection was lost at MAIL"),
    );
}

#[test]
fn case_w28_the_server_may_close_at_quit() {
    let told = "ready\ndelivered: 250 queued\nclosed";
    after_hello(&one(), &["PIPELINING"], &format!("{SENT}C: QUIT\nS: 250 queued\n!eof"), told);
    after_hello(&one(), &["PIPELINING"], &format!("{SENT}C: QUIT\nS: 250 queued\n!timeout"), told);
}

#[test]
fn case_w32_cancel_with_data_in_flight() {
    after_hello(
        &one().stay(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         !cancel
         S: 250 ok
         S: 250 ok
         S: 354 go",
        "ready
         deferred: the transaction was cancelled
         closed: the connection was closed to cancel a message",
    );
    after_hello(
        &one().stay(),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         !cancel
         S: 250 ok
         S: 550 no
         S: 354 go
         C: .
         S: 554 nobody",
        "ready
         rejected: the server refused at RCPT: 550 no
         open, reusable",
    );
    after_hello(
        &one().stay(),
        &[],
        "C: MAIL FROM:<from@a.example>
         !cancel
         S: 250 ok",
        "ready
         deferred: the transaction was cancelled
         open, reusable",
    );
}

#[test]
fn case_m3_a_bare_line_end_in_the_content_ends_the_connection() {
    after_hello(
        &Setup::message(&["to@b.example"], "hi\n.\nRSET\n"),
        &["PIPELINING"],
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go",
        "ready
         rejected: the content has a bare CR or LF at byte 2
         closed: the connection was closed to stop a message: the content has a bare CR or LF at byte 2",
    );
}
