//! What a message comes to where a server contradicts itself, or ends the session in the middle (cases W14, W17, W18).

use super::script::{Setup, check};
use super::wire::{after_hello, hello, one};
use smtp_proto::envelope::Form;

#[test]
fn case_w14_nothing_behind_a_421_was_done() {
    let mut setup = Setup::message(&["x@b.example", "y@b.example", "z@b.example"], "hi\r\n").stay();
    let error = "the server refused after the end of the message: 421 4.3.2 shutting down";
    // By LMTP the server is responsible for those alone to whom it has said yes.
    setup.config.lmtp = true;
    check(
        &setup,
        &(hello(&["PIPELINING"]).replace("EHLO", "LHLO")
            + "C: MAIL FROM:<from@a.example>
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
               S: 250 for x
               S: 421 4.3.2 shutting down"),
        &format!("ready\ndelivered: 250 for x\ndeferred: {error}\ndeferred: {error}\nclosed: {error}"),
    );
    // Lost without a word, it is not known.
    let lost = "the connection was lost after the end of the message";
    check(
        &setup,
        &(hello(&["PIPELINING"]).replace("EHLO", "LHLO")
            + "C: MAIL FROM:<from@a.example>
               C: RCPT TO:<x@b.example>
               C: RCPT TO:<y@b.example>
               C: RCPT TO:<z@b.example>
               C: DATA
               S: 250 ok
               S: 250 ok
               S: 550 no
               S: 250 ok
               S: 354 go
               C: hi
               C: .
               S: 250 for x
               !eof"),
        &format!(
            "ready
             delivered: 250 for x
             rejected: the server refused at RCPT: 550 no
             ambiguous: {lost}
             closed: {lost}"
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
