//! Transcripts with BDAT (RFC 3030).

use super::*;

/// As far as a recipient, with these parameters of MAIL.
fn rcpt(parameters: &str) -> String {
    format!(
        "
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250 BINARYMIME
        E: Hello client.test true
        C: MAIL FROM:<>{parameters}
        C: RCPT TO:<b@mx.test>
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        E: Mail <>{parameters}
        E: Rcpt <b@mx.test>
    "
    )
}

fn chunking() -> Config {
    let mut config = config();
    config.extensions = vec![
        Extension::EightBitMime,
        Extension::EnhancedStatusCodes,
        Extension::Chunking,
        Extension::BinaryMime,
    ];
    config
}

#[track_caller]
fn check_after_rcpt(config: Config, parameters: &str, script: &str) {
    check(config, &format!("{}{script}", rcpt(parameters)));
}

#[test]
fn chunks_make_a_message() {
    check_after_rcpt(
        chunking(),
        "",
        "
        C: BDAT 4
        C- a\\r\\n.
        C: BDAT 0
        C: BDAT 3 LAST
        C- \\r\\n.
        C: NOOP
        S: 250 2.0.0 4 bytes received
        S: 250 2.0.0 0 bytes received
        S: 250 2.0.0 message accepted
        S: 250 2.0.0 nothing done
        E: Body a\\r\\n.\\r\\n.
        E: Message
        C: BDAT 5 LAST
        C- QUIT\\n
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: BDAT 0 LAST
        S: 503 5.5.1 MAIL first
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 550 5.7.1 message refused
        E: Mail <>
        E: Rcpt <b@mx.test>
        E: Message -> refuse
    ",
    );
}

#[test]
fn chunks_out_of_order_are_read_and_mean_nothing() {
    check_after_rcpt(
        chunking(),
        "",
        "
        C: RSET
        C: BDAT 6
        C: RSET
        C: MAIL FROM:<>
        C: BDAT 6 LAST
        C: QUIT
        C: RCPT TO:<c@mx.test>
        C: BDAT 2
        C:
        C: RCPT TO:<c@mx.test>
        C: MAIL FROM:<>
        C: RSET
        C: NOOP
        S: 250 2.0.0 reset
        S: 503 5.5.1 MAIL first
        S: 250 2.1.0 sender accepted
        S: 503 5.5.1 no valid recipients
        S: 250 2.1.5 recipient accepted
        S: 250 2.0.0 2 bytes received
        S: 503 5.5.1 content has begun
        S: 503 5.5.1 a transaction is open
        S: 250 2.0.0 reset
        S: 250 2.0.0 nothing done
        E: Reset
        E: Mail <>
        E: Rcpt <c@mx.test>
        E: Body \\r\\n
        E: Reset
    ",
    );
}

#[test]
fn data_and_bdat_do_not_mix() {
    check_after_rcpt(
        chunking(),
        "",
        "
        C: BDAT 2
        C:
        C: DATA
        S: 250 2.0.0 2 bytes received
        S: 503 5.5.1 BDAT has begun
        E: Body \\r\\n
        C: BDAT 2 LAST
        C:
        S: 250 2.0.0 message accepted
        E: Body \\r\\n
        E: Message
    ",
    );
    check_after_rcpt(
        chunking(),
        " BODY=BINARYMIME",
        "
        C: DATA
        S: 503 5.5.1 BINARYMIME needs BDAT
    ",
    );
}

#[test]
fn chunks_without_the_extension_or_a_right_to_it_are_no_commands() {
    let mut without = config();
    without.extensions.clear();
    check(
        without,
        "
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250 mx.test
        E: Hello client.test true
        C: BDAT 6 LAST
        C: QUIT
        S: 502 not implemented
    ",
    );
    let mut no_auth = chunking();
    no_auth.require_auth = true;
    check(
        no_auth,
        "
        S: 220 mx.test ESMTP
        C: BDAT 6 LAST
        C: QUIT
        S: 530 5.7.0 AUTH first
    ",
    );
    check(
        chunking(),
        "
        S: 220 mx.test ESMTP
        C: HELO client.test
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: BDAT 6 LAST
        C: QUIT
        S: 250 mx.test
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 503 5.5.1 EHLO first
        E: Hello client.test false
        E: Mail <>
        E: Rcpt <b@mx.test>
    ",
    );
}

#[test]
fn the_size_is_limited_over_all_chunks() {
    let mut config = chunking();
    config.limits.size = Some(10);
    config.limits.discard = 20;
    check_after_rcpt(
        config.clone(),
        "",
        "
        C: BDAT 6
        C: 1234
        C: BDAT 6
        C: QUIT
        C: BDAT 6
        C: QUIT
        C: BDAT 6 LAST
        C: QUIT
        C: BDAT 0 LAST
        S: 250 2.0.0 6 bytes received
        S: 552 5.3.4 message too big
        S: 552 5.3.4 message too big
        S: 552 5.3.4 message too big
        S: 503 5.5.1 MAIL first
        E: Body 1234\\r\\n
        E: Reset
    ",
    );
    check_after_rcpt(
        config.clone(),
        "",
        "
        C: BDAT 10 LAST
        C: 12345678
        S: 250 2.0.0 message accepted
        E: Body 12345678\\r\\n
        E: Message
    ",
    );
    check_after_rcpt(
        config,
        "",
        "
        C: BDAT 21
        S: 552 5.3.4 message too big
        Z: TooMuchContent
    ",
    );
}

#[test]
fn refused_chunks_are_read_up_to_a_limit_over_all_of_them() {
    let mut config = chunking();
    config.limits.size = Some(10);
    config.limits.discard = 20;
    check_after_rcpt(
        config.clone(),
        "",
        "
        C: BDAT 11
        C: QUIT\\r\\nQUI
        C: BDAT 9
        C: QUIT\\r\\nQ
        C: BDAT 1
        S: 552 5.3.4 message too big
        S: 552 5.3.4 message too big
        S: 552 5.3.4 message too big
        Z: TooMuchContent
    ",
    );
    // The end of a message frees none that come behind it, and the next message all.
    check_after_rcpt(
        config.clone(),
        "",
        "
        C: BDAT 11 LAST
        C: QUIT\\r\\nQUI
        C: BDAT 9
        C: QUIT\\r\\nQ
        C: MAIL FROM:<>
        C: BDAT 20
        C: 123456789012345678
        C: RCPT TO:<b@mx.test>
        C: BDAT 2
        C:
        C: BDAT 9
        S: 552 5.3.4 message too big
        S: 503 5.5.1 MAIL first
        S: 250 2.1.0 sender accepted
        S: 503 5.5.1 no valid recipients
        S: 250 2.1.5 recipient accepted
        S: 250 2.0.0 2 bytes received
        S: 552 5.3.4 message too big
        E: Reset
        E: Mail <>
        E: Rcpt <b@mx.test>
        E: Body \\r\\n
        Z: TooMuchContent
    ",
    );
}

#[test]
fn what_cannot_be_told_from_commands_ends_the_connection() {
    for (line, reply) in [
        ("BDAT", "501 5.5.4 syntax: BDAT size [LAST], closing"),
        ("BDAT x", "501 5.5.4 syntax: BDAT size [LAST], closing"),
        ("BDAT 5 FIRST", "501 5.5.4 syntax: BDAT size [LAST], closing"),
        ("BDAT 5 \\xff", "501 5.5.4 syntax: BDAT size [LAST], closing"),
        ("BDAT 99999999999999999999", "501 5.5.4 syntax: BDAT size [LAST], closing"),
        ("bdat 1                           ", "500 5.5.2 line too long, closing"),
    ] {
        let mut config = chunking();
        config.limits.line = 30;
        check_after_rcpt(config, "", &format!("C- {line}\\r\\n\nS: {reply}\nZ: BadChunk"));
    }
    // It is not the middle of a long line that says so.
    let mut config = chunking();
    config.limits.line = 10;
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: NOOP 34567890BDAT BDAT BDAT 1
        C: NOOP
        S: 500 5.5.2 line too long
        S: 250 2.0.0 nothing done
    ",
    );
}

#[test]
fn content_in_chunks_is_what_mail_said_it_is() {
    for (parameters, chunks, reply) in [
        ("", ["a: b\\r", "\\n\\r\\nc\\r\\n"], ""),
        ("", ["a\\r", "b"], "550 5.6.0 lines end in CRLF, bare CR or LF found"),
        ("", ["a\\n", "b"], "550 5.6.0 lines end in CRLF, bare CR or LF found"),
        ("", ["a", "b\\r"], "550 5.6.0 lines end in CRLF, bare CR or LF found"),
        ("", ["a\\r\\n", "\\r\\n\\0"], "550 5.6.0 NUL in the content"),
        ("", ["a\\r\\n\\r\\n", "\\xff"], "550 5.6.1 8-bit content without BODY=8BITMIME"),
        (" BODY=8BITMIME", ["a\\r\\n\\r\\n", "\\xff"], ""),
        (" BODY=8BITMIME", ["a\\r\\n\\r\\n", "\\xff\\n"], "550 5.6.0 lines end in CRLF, bare CR or LF found"),
        (" BODY=BINARYMIME", ["a\\r\\n\\r\\n", "\\xff\\n\\0\\r"], ""),
        (" BODY=BINARYMIME", ["a\\xff", "b"], "550 5.6.9 UTF-8 in the headers without SMTPUTF8"),
    ] {
        let [first, last] = chunks;
        let (one, two) = (unescape(first), unescape(last));
        let body = [&one[..], &two].concat().escape_ascii().to_string();
        let (lenient, strict) = (("250 2.0.0 message accepted", "Message"), (reply, "Reset"));
        for allow in [false, true] {
            let mut config = chunking();
            config.allow_bare_line_ends = allow;
            config.allow_undeclared_content = allow;
            let (reply, event) = if allow || reply.is_empty() { lenient } else { strict };
            check_after_rcpt(
                config,
                parameters,
                &format!(
                    "
                C: BDAT {}
                C- {first}
                C: BDAT {} LAST
                C- {last}
                S: 250 2.0.0 {} bytes received
                S: {reply}
                E: Body {body}
                E: {event}
            ",
                    one.len(),
                    two.len(),
                    one.len(),
                ),
            );
        }
    }
}

#[test]
fn a_chunk_that_takes_too_long_is_left() {
    check_after_rcpt(
        chunking(),
        "",
        "
        C: BDAT 9
        T: 299
        C: slow
        E: Body slow\\r\\n
        T: 1
        S: 421 4.4.2 took too long, closing
        Z: Timeout
    ",
    );
    let mut server = Server::new(Arc::new(chunking()), Instant::ZERO);
    let mut out = Output::new();
    server.handle_input(Instant::ZERO, b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@mx.test>\r\nBDAT 1000000\r\n");
    let pump = |server: &mut Server, out: &mut Output, now| loop {
        match server.poll(now, out) {
            Next::Event(_) => server.respond(Response::accept()),
            Next::Wait if out.is_empty() => break,
            Next::Wait => {
                server.handle_written(now, out.len());
                out.clear();
            }
            Next::Closed(end) => panic!("{end:?}"),
        }
    };
    pump(&mut server, &mut out, Instant::ZERO);
    let first = server.deadline().unwrap();
    let now = Instant::from_duration(Duration::from_secs(100));
    server.handle_input(now, &[b'x'; 1000]);
    pump(&mut server, &mut out, now);
    assert_eq!(server.deadline(), Some(first), "not for a few bytes");
    server.handle_input(now, &[b'x'; 16 << 10]);
    pump(&mut server, &mut out, now);
    assert_eq!(server.deadline().unwrap() - first, Duration::from_secs(100));
}

#[test]
fn chunks_without_bytes_bring_nothing_on() {
    let mut config = chunking();
    config.limits.idle_commands = 4;
    check_after_rcpt(
        config,
        "",
        "
        C: BDAT 2
        C:
        C: BDAT 0
        C: BDAT 0
        C: BDAT 0
        S: 250 2.0.0 2 bytes received
        S: 250 2.0.0 0 bytes received
        S: 250 2.0.0 0 bytes received
        S: 421 4.7.0 too many commands without a message, closing
        E: Body \\r\\n
        Z: TooManyIdleCommands
    ",
    );
}
