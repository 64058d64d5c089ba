//! Deadlines, what may follow what, and what must not be shown.

use std::time::Duration;

use super::script::{Setup, check};
use super::wire::{HELLO, hello};
use smtp_proto::client::{Timeouts, TlsMode};
use smtp_proto::envelope::Form;

/// A different time for each wait.
fn timeouts() -> Timeouts {
    let seconds = Duration::from_secs;
    let mut timeouts = Timeouts::default();
    timeouts.handshake = seconds(2);
    timeouts.greeting = seconds(3);
    timeouts.command = seconds(5);
    timeouts.auth = seconds(7);
    timeouts.mail = seconds(11);
    timeouts.rcpt = seconds(13);
    timeouts.data = seconds(17);
    timeouts.block = seconds(19);
    timeouts.message = seconds(23);
    timeouts.quit = seconds(29);
    timeouts.transaction = seconds(1000);
    timeouts.minimum_rate = 10;
    timeouts
}

fn timed(mut setup: Setup) -> Setup {
    setup.config.timeouts = timeouts();
    setup
}

#[test]
fn each_wait_has_a_deadline_of_its_own() {
    let setup = timed(Setup::message(&["x@b.example", "y@b.example"], &"x".repeat(100)).login().starttls());
    check(
        &setup,
        "!deadline 3
         !at 1
         S: 220 mx
         C: EHLO client.example
         !deadline 6
         S: 250-mx
         S: 250 STARTTLS
         C: STARTTLS
         !deadline 6
         !at 2
         S: 220 go
         C: EHLO client.example
         !deadline 7
         S: 250-mx
         S: 250 AUTH LOGIN
         C: AUTH LOGIN
         !deadline 9
         !at 3
         S: 334 VXNlcm5hbWU6
         C: dXNlcg==
         !deadline 10
         S: 334 UGFzc3dvcmQ6
         C: c2VjcmV0
         !at 10
         S: 235 ok
         C: MAIL FROM:<from@a.example>
         !deadline 21
         !at 20
         S: 250 ok
         C: RCPT TO:<x@b.example>
         !deadline 33
         S: 250 ok
         C: RCPT TO:<y@b.example>
         S: 250 ok
         C: DATA
         !deadline 37
         !at 30
         S: 354 go
         C: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
         C: .
         !deadline 53
         S: 250 ok
         C: QUIT
         !deadline 59",
        "start TLS
         ready
         authenticated: 235 ok
         delivered: 250 ok
         delivered: 250 ok
         open",
    );
}

#[test]
fn case_w11_bytes_that_trickle_in_move_no_deadline() {
    check(
        &timed(Setup::idle()),
        "!deadline 3
         S| 220-a\\r
         !at 1
         S| \\n220-b
         !at 2.9
         S| \\r\\n22
         !deadline 3
         !timeout",
        "closed: time ran out before the greeting",
    );
}

#[test]
fn pipelined_replies_have_the_time_of_all_before_them() {
    let setup = timed(Setup::message(&["x@b.example", "y@b.example"], "hi\r\n").stay());
    let start = hello(&["PIPELINING"])
        + "C: MAIL FROM:<from@a.example>
           C: RCPT TO:<x@b.example>
           C: RCPT TO:<y@b.example>
           C: DATA
           !deadline 11
           !at 10
           S: 250 ok
           !deadline 24
           !at 20
           S: 250 ok
           !deadline 37
           S: 250 ok
           !deadline 54\n";
    let told = "ready\n";
    check(
        &setup,
        &format!("{start}!timeout"),
        &format!("{told}{0}\n{0}\nclosed: time ran out at DATA", "deferred: time ran out at DATA"),
    );
}

#[test]
fn a_transaction_has_a_deadline_as_a_whole() {
    let mut setup = timed(Setup::message(&["x@b.example"], "hi\r\n").stay());
    setup.config.timeouts.transaction = Duration::from_secs(8);
    let script = hello(&[]) + "C: MAIL FROM:<from@a.example>\n!deadline 8\n!timeout";
    let error = "time ran out at MAIL";
    check(&setup, &script, &format!("ready\ndeferred: {error}\nclosed: {error}"));
    // The content is given the time that it takes at the minimum rate.
    let mut setup = timed(Setup::message(&["x@b.example"], &("x".repeat(98) + "\r\n").repeat(2)).stay());
    setup.config.timeouts.transaction = Duration::from_secs(9);
    let line = "x".repeat(98);
    let script = hello(&["PIPELINING"])
        + &format!(
            "C: MAIL FROM:<from@a.example>\nC: RCPT TO:<x@b.example>\nC: DATA\n!deadline 9
             S: 250 ok\nS: 250 ok\nS: 354 go\nC: {line}\nC: {line}\nC: .\n!at 7\n!deadline 23"
        );
    check(&setup, &script, "ready\nopen");
    let mut patient = setup.clone();
    patient.config.timeouts.message = Duration::from_secs(60);
    check(&patient, &script.replace("!deadline 23", "!deadline 29"), "ready\nopen");
}

#[test]
fn the_handshake_has_a_deadline() {
    let mut setup = timed(Setup { handshake: false, ..Setup::idle().starttls() });
    let script = hello(&["STARTTLS"]) + "C: STARTTLS\n!at 1\nS: 220 go\n!deadline 3\n!timeout";
    check(&setup, &script, "start TLS\nclosed: time ran out during the TLS handshake");
    setup.tls = TlsMode::Implicit;
    check(&setup, "!deadline 2\n!timeout", "start TLS\nclosed: time ran out during the TLS handshake");
}

#[test]
fn credentials_need_verified_tls() {
    let script = hello(&["STARTTLS"])
        + "C: STARTTLS\nS: 220 go\nC: EHLO client.example\nS: 250-mx\nS: 250 AUTH PLAIN\n";
    let mut setup = Setup { messages: vec![], ..Setup::idle().login().starttls() };
    setup.config.allow_insecure_auth = false;
    let auth = "C: AUTH PLAIN AHVzZXIAc2VjcmV0\nS: 235 ok";
    check(&setup, &format!("{script}{auth}"), "start TLS\nready\nauthenticated: 235 ok\nopen, reusable");
    setup.verified = false;
    let misuse = "misuse: credentials are not sent without verified TLS";
    check(&setup, &script, &format!("start TLS\nready\n{misuse}\nopen, reusable"));
}

#[test]
fn auth_is_outside_of_any_transaction() {
    let mut setup = Setup::message(&["x@b.example"], "hi\r\n").stay();
    setup.config.allow_insecure_auth = true;
    let open = "misuse: AUTH is not allowed while a transaction is open";
    let script = hello(&["AUTH PLAIN"]) + "C: MAIL FROM:<from@a.example>\n";
    check(&setup, &format!("{script}!auth"), &format!("ready\n{open}\nopen"));
    // A transaction that was given up is reset first.
    let script = script
        + "!cancel
           S: 250 ok
           !auth
           C: RSET
           S: 250 ok
           C: AUTH PLAIN AHVzZXIAc2VjcmV0
           S: 235 ok";
    let told = "ready\ndeferred: the transaction was cancelled\nauthenticated: 235 ok\nopen";
    let script = script + "\nC: MAIL FROM:<from@a.example>";
    check(&setup, &script, told);
}

#[test]
fn challenges_are_shown_to_the_mechanism_alone() {
    let setup = Setup { messages: vec![], ..Setup::idle().login() };
    let auth = |script: &str, told: &str| {
        let script = hello(&["AUTH PLAIN"]) + "C: AUTH PLAIN AHVzZXIAc2VjcmV0\n" + script;
        check(&setup, &script, &format!("ready\n{told}"));
    };
    // The second of two challenges at once answers nothing.
    let error = "closed: the server broke the protocol: a reply that answers nothing came at AUTH: 334 ****";
    auth("S: 334 c2VjcmV0\nS: 334 c2VjcmV0", &format!("challenge: secret\n{error}"));
    let error = "closed: the server broke the protocol: not a reply line: \"****\"";
    auth("S: 33 c2VjcmV0", error);
}

#[test]
fn auth_does_not_go_on_for_ever() {
    // A mechanism that answers everything.
    let setup = Setup { messages: vec![], ..Setup::idle().login() };
    let mut script = hello(&["AUTH LOGIN"]) + "C: AUTH LOGIN\n";
    script += "S: 334 \nC: dXNlcg==\nS: 334 \nC: c2VjcmV0\n";
    let mut told = "ready\n".to_string();
    for _ in 2..16 {
        script += "S: 334 eA==\n!respond\nC: eQ==\n";
        told += "challenge: x\n";
    }
    script += "S: 334 eA==\nC: *\nS: 501 ok";
    told += "not authenticated: the server sent AUTH challenges without end: 501 ok\nopen, reusable";
    check(&setup, &script, &told);
}

#[test]
fn the_end_in_the_middle_of_something_is_an_error() {
    let setup = Setup { messages: vec![], ..Setup::idle().login() };
    let auth = hello(&["AUTH PLAIN"]) + "C: AUTH PLAIN AHVzZXIAc2VjcmV0\n";
    check(&setup, &format!("{auth}!quit\n!eof"), "ready\nclosed: the connection was lost at AUTH");
    check(&Setup::idle(), &format!("{HELLO}!quit\n!eof"), "closed: the connection was lost at EHLO");
    let idle = hello(&[]);
    check(&Setup::idle(), &format!("{idle}!quit\nC: QUIT\n!eof"), "ready\nclosed");
    check(
        &Setup::idle(),
        &format!("{idle}!eof"),
        "ready\nclosed: the connection was lost while nothing was going on",
    );
    let cut = "ready\nclosed: the connection was lost at QUIT";
    check(&Setup::idle(), &format!("{idle}!quit\nC: QUIT\nS| 221 by\n!eof"), cut);
    check(&Setup::idle(), &format!("{idle}S| 421 by"), "ready\nopen");
}

#[test]
fn helo_only_where_it_may_be() {
    let mut setup = Setup::idle();
    setup.config.helo_fallback = false;
    check(&setup, &format!("{HELLO}S: 500 what"), "closed: the server refused at EHLO: 500 what");
    check(&Setup::idle(), &format!("{HELLO}S: 451 later"), "closed: the server refused at EHLO: 451 later");
    let refused = "closed: the server refused at EHLO: 500 what";
    check(&Setup::idle(), &format!("{HELLO}S: 500 what\nC: HELO client.example\nS: 500 what"), refused);
}

#[test]
fn a_bystander_is_not_told_the_fault_of_another() {
    let setup =
        Setup::message(&["x@b.example"], "hi\n").stay().and_message(&["y@b.example"], "", Form::default());
    let script = hello(&["PIPELINING"])
        + "C: MAIL FROM:<from@a.example>
           C: RCPT TO:<x@b.example>
           C: DATA\n";
    let bare = "the content has a bare CR or LF at byte 2";
    let closed = format!("the connection was closed to stop a message: {bare}");
    check(
        &setup,
        &format!("{script}S: 250 ok\nS: 250 ok\nS: 354 go"),
        &format!("ready\nrejected: {bare}\ndeferred: {closed}\nclosed: {closed}"),
    );
    let closed = "the connection was closed to cancel a message";
    check(
        &setup,
        &format!("{script}!cancel\nS: 250 ok\nS: 250 ok\nS: 354 go"),
        &format!("ready\ndeferred: the transaction was cancelled\ndeferred: {closed}\nclosed: {closed}"),
    );
}

#[test]
fn no_reset_after_an_ordinary_message() {
    let setup =
        Setup::message(&["x@b.example"], "hi\r\n").stay().and_message(&["y@b.example"], "", Form::default());
    let message = |to: &str, content: &str| {
        format!(
            "C: MAIL FROM:<from@a.example>\nS: 250 ok\nC: RCPT TO:<{to}@b.example>\nS: 250 ok
             C: DATA\nS: 354 go\n{content}C: .\n"
        )
    };
    let first = message("x", "C: hi\n") + "S: 554 no\n";
    let script = hello(&[]) + &first + &message("y", "") + "S: 250 ok";
    let refused = "rejected: the server refused after the end of the message: 554 no";
    check(&setup, &script, &format!("ready\n{refused}\ndelivered: 250 ok\nopen, reusable"));
}
