//! What a message comes to where a server contradicts itself, or ends the session in the middle (cases W14, W17, W18).

use super::script::{Setup, check};
use super::wire::{after_hello, hello, one};
use smtp_proto::envelope::Form;

/// A message to three by LMTP, in one flight, up to its end.
const TO_THREE: &str = "C: MAIL FROM:<from@a.example>
    C: RCPT TO:<x@b.example>
    C: RCPT TO:<y@b.example>
    C: RCPT TO:<z@b.example>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: hi
    C: .
    ";

#[track_caller]
fn by_lmtp(setup: &Setup, verdicts: &str, expected: &str) {
    let hello = hello(&["PIPELINING"]).replace("EHLO", "LHLO");
    check(setup, &(hello + TO_THREE + verdicts), &format!("ready\n{expected}"));
}

fn to_three() -> Setup {
    let mut setup = Setup::message(&["x@b.example", "y@b.example", "z@b.example"], "hi\r\n").stay();
    setup.config.lmtp = true;
    setup
}

#[test]
fn case_w14_nothing_behind_a_421_was_done() {
    // By LMTP the server is responsible for those alone to whom it has said yes.
    let error = "the server refused after the end of the message: 421 4.3.2 shutting down";
    by_lmtp(
        &to_three(),
        "S: 250 for x\nS: 421 4.3.2 shutting down\n!eof",
        &format!("delivered: 250 for x\ndeferred: {error}\ndeferred: {error}\nclosed: {error}"),
    );
    // Lost without a word, or waited for in vain, it is not known.
    let lost = "the connection was lost after the end of the message";
    by_lmtp(
        &to_three(),
        "S: 250 for x\nS: 550 not z\n!eof",
        &format!(
            "delivered: 250 for x
             rejected: the server refused after the end of the message: 550 not z
             ambiguous: {lost}
             closed: {lost}"
        ),
    );
    let late = "time ran out after the end of the message";
    by_lmtp(
        &to_three(),
        "S: 250 for x\nS: 421 4.3.2 shutting down\n!timeout",
        &format!("delivered: 250 for x\ndeferred: {error}\nambiguous: {late}\nclosed: {late}"),
    );
}

#[test]
fn case_w14_verdicts_behind_a_421_are_heard() {
    // It was said by somebody else, of one recipient, and passed on.
    let error = "the server refused after the end of the message: 421 4.4.1 no backend";
    by_lmtp(
        &to_three(),
        "S: 421 4.4.1 no backend\nS: 250 for y\nS: 550 not z",
        &format!(
            "deferred: {error}
             delivered: 250 for y
             rejected: the server refused after the end of the message: 550 not z
             closed: {error}"
        ),
    );
    // The next message was not begun.
    let setup = to_three().and_message(&["next@b.example"], "two\r\n", Form::default());
    by_lmtp(
        &setup,
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<next@b.example>
         C: DATA
         S: 421 4.4.1 no backend
         S: 250 for y
         S: 250 for z",
        &format!(
            "deferred: {error}
             delivered: 250 for y
             delivered: 250 for z
             deferred: {error}
             closed: {error}"
        ),
    );
}

#[test]
fn case_w17_what_an_enhanced_code_is_about_counts_in_any_class() {
    let further = "the server takes no more recipients at once";
    let full = "the server refused at RCPT";
    for (refusal, told) in [
        ("452 4.5.3 many", further),
        ("452 5.5.3 many", further),
        ("552 5.5.3 many", further),
        ("552 4.5.3 many", further),
        ("552 many", further),
        ("452 4.2.2 full", full),
        ("452 5.2.2 full", full),
        ("552 4.2.2 full", full),
        ("552 5.2.2 full", full),
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
                 S: 250 ok
                 S: {refusal}
                 S: 354 go
                 C: hi
                 C: .
                 S: 250 queued"
            ),
            &format!("ready\ndelivered: 250 queued\ndeferred: {told}: {refusal}\nopen, reusable"),
        );
    }
}

#[test]
fn case_w18_no_lone_dot_for_a_recipient_who_was_taken() {
    // The server has a transaction open, refuses another, and takes the recipient into the first: a lone dot would deliver
    // an empty message.
    let mut setup = one().stay().and_message(&["next@b.example"], "two\r\n", Form::default());
    let script = "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: DATA
         S: 503 5.5.1 nested MAIL command
         S: 250 ok
         S: 354 go";
    let error = "the server broke the protocol: a reply that makes no sense came at DATA: 354 go";
    let told = format!(
        "ready
         deferred: the server refused at MAIL: 503 5.5.1 nested MAIL command
         deferred: {error}
         closed: {error}"
    );
    after_hello(&setup, &["PIPELINING"], script, &told);
    setup.config.lmtp = true;
    check(&setup, &(hello(&["PIPELINING"]).replace("EHLO", "LHLO") + script), &told);
}
