//! Transcripts of LMTP (RFC 2033).

use super::*;

const HELLO_LINES: &str = "
    S: 220 mx.test LMTP
    C: LHLO client.test
    S: 250-mx.test
    S: 250-ENHANCEDSTATUSCODES
    S: 250 CHUNKING
    E: Hello client.test true
    C: MAIL FROM:<>
    C: RCPT TO:<a@mx.test>
    C: RCPT TO:<b@mx.test>
    C: RCPT TO:<c@mx.test>
    S: 250 2.1.0 sender accepted
    S: 250 2.1.5 recipient accepted
    S: 550 5.1.1 no such recipient
    S: 250 2.1.5 recipient accepted
    E: Mail <>
    E: Rcpt <a@mx.test>
    E: Rcpt <b@mx.test> -> refuse
    E: Rcpt <c@mx.test>
";

fn lmtp() -> Config {
    let mut config = config();
    config.lmtp = true;
    config.extensions = vec![Extension::EnhancedStatusCodes, Extension::Chunking];
    config
}

#[test]
fn each_recipient_has_a_verdict() {
    check(
        lmtp(),
        &format!(
            "{HELLO_LINES}
        C: DATA
        S: 354 end with <CRLF>.<CRLF>
        C: hi
        C: .
        C: NOOP
        S: 250 2.0.0 message accepted
        S: 452 4.2.2 full
        S: 250 2.0.0 nothing done
        E: Body hi\\r\\n
        E: MessageFor <a@mx.test>
        E: MessageFor <c@mx.test> -> 452 4.2.2 full
        C: DATA
        S: 503 5.5.1 MAIL first
    "
        ),
    );
    check(
        lmtp(),
        &format!(
            "{HELLO_LINES}
        C: BDAT 4
        C: hi
        C: BDAT 0 LAST
        C: QUIT
        S: 250 2.0.0 4 bytes received
        S: 550 5.7.1 message refused
        S: 250 2.0.0 message accepted
        S: 221 2.0.0 bye
        E: Body hi\\r\\n
        E: MessageFor <a@mx.test> -> refuse
        E: MessageFor <c@mx.test>
        E: Quit
        Z: Ok
    "
        ),
    );
}

#[test]
fn the_end_may_come_between_verdicts() {
    check(
        lmtp(),
        &format!(
            "{HELLO_LINES}
        C: BDAT 0 LAST
        S: 421 4.3.2 going down
        E: MessageFor <a@mx.test> -> 421 4.3.2 going down
        Z: ShutDown
    "
        ),
    );
}

#[test]
fn what_is_refused_is_refused_for_each_recipient() {
    check(
        lmtp(),
        &format!(
            "{HELLO_LINES}
        C: BDAT 1 LAST
        C- \\n
        C: NOOP
        S: 550 5.6.0 lines end in CRLF, bare CR or LF found
        S: 550 5.6.0 lines end in CRLF, bare CR or LF found
        S: 250 2.0.0 nothing done
        E: Body \\n
        E: Reset
    "
        ),
    );
}

#[test]
fn there_is_no_smtp_and_no_content_for_nobody() {
    check(
        lmtp(),
        "
        S: 220 mx.test LMTP
        C: EHLO client.test
        C: HELO client.test
        C: MAIL FROM:<>
        C: LHLO client.test
        C: MAIL FROM:<>
        C: DATA
        S: 500 5.5.1 no such command
        S: 500 5.5.1 no such command
        S: 503 5.5.1 LHLO first
        S: 250-mx.test
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        S: 250 2.1.0 sender accepted
        S: 503 5.5.1 no valid recipients
        E: Hello client.test true
        E: Mail <>
    ",
    );
    check(
        config(),
        "
        S: 220 mx.test ESMTP
        C: LHLO client.test
        S: 500 5.5.1 no such command
    ",
    );
}
