//! Transcripts without TLS and AUTH.

use super::*;

const HELLO_LINES: &str = "
    S: 220 mx.test ESMTP
    C: EHLO client.test
    S: 250-mx.test
    S: 250-PIPELINING
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250-CHUNKING
    S: 250 SIZE 67108864
    E: Hello client.test true
";

/// A script that goes on after the usual greeting.
#[track_caller]
fn check_after_ehlo(config: Config, script: &str) {
    check(config, &format!("{HELLO_LINES}{script}"));
}

#[test]
fn a_message_in_lock_step() {
    check_after_ehlo(
        config(),
        "
        C: MAIL FROM:<a@client.test> SIZE=20 BODY=8BITMIME
        S: 250 2.1.0 sender accepted
        E: Mail <a@client.test> SIZE=20 BODY=8BITMIME
        C: RCPT TO:<b@mx.test>
        S: 250 2.1.5 recipient accepted
        E: Rcpt <b@mx.test>
        C: DATA
        S: 354 end with <CRLF>.<CRLF>
        C: Subject: x
        C:
        C: ..dot
        C: .
        S: 250 2.0.0 message accepted
        E: Body Subject: x\\r\\n\\r\\n.dot\\r\\n
        E: Message
        C: QUIT
        S: 221 2.0.0 bye
        E: Quit
        Z: Ok
    ",
    );
}

#[test]
fn a_pipelined_group_and_the_next_behind_the_content() {
    check_after_ehlo(
        config(),
        "
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: RCPT TO:<c@mx.test>
        C: RCPT TO:<d@mx.test>
        C: DATA
        S: 250 2.1.0 sender accepted
        S: 550 5.1.1 no such recipient
        S: 251 2.1.5 will forward
        S: 451 4.2.1 recipient not accepted now
        S: 354 end with <CRLF>.<CRLF>
        E: Mail <>
        E: Rcpt <b@mx.test> -> refuse
        E: Rcpt <c@mx.test> -> 251 2.1.5 will forward
        E: Rcpt <d@mx.test> -> defer
        C: hi
        C: .
        C: MAIL FROM:<a@client.test>
        C: RCPT TO:<b@mx.test>
        C: DATA
        S: 550 5.7.1 message refused
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 354 end with <CRLF>.<CRLF>
        E: Body hi\\r\\n
        E: Message -> refuse
        E: Mail <a@client.test>
        E: Rcpt <b@mx.test>
        C: .
        C: QUIT
        S: 451 4.3.0 message not accepted now
        S: 221 2.0.0 bye
        E: Message -> defer
        E: Quit
        Z: Ok
    ",
    );
}

#[test]
fn commands_out_of_order() {
    check(
        config(),
        "
        S: 220 mx.test ESMTP
        C: MAIL FROM:<a@client.test>
        S: 503 5.5.1 EHLO first
        C: HELO client.test
        S: 250 mx.test
        E: Hello client.test false
        C: MAIL FROM:<a@client.test> SIZE=1
        S: 555 5.5.4 no such parameter
        C: RCPT TO:<b@mx.test>
        S: 503 5.5.1 MAIL first
        C: DATA
        S: 503 5.5.1 MAIL first
        C: MAIL FROM:<a@client.test>
        S: 250 2.1.0 sender accepted
        E: Mail <a@client.test>
        C: MAIL FROM:<a@client.test>
        S: 503 5.5.1 a transaction is open
        C: DATA
        S: 554 5.5.1 no valid recipients
        C: RSET
        C: RSET
        S: 250 2.0.0 reset
        S: 250 2.0.0 reset
        E: Reset
        C: NOOP x
        C: VRFY b
        C: HELP
        C: EXPN list
        C: STARTTLS
        C: AUTH PLAIN AGEAYg==
        S: 250 2.0.0 nothing done
        S: 252 2.5.0 not verified, but mail would be tried
        S: 214 2.0.0 see RFC 5321
        S: 502 5.5.1 not implemented
        S: 502 5.5.1 not implemented
        S: 503 5.5.1 EHLO first
        E: Query VRFY b
        E: Query HELP
        E: Query EXPN list
        EOF
        Z: Disconnected
    ",
    );
}

#[test]
fn a_new_hello_ends_the_transaction() {
    check(
        config(),
        "
        S: 220 mx.test ESMTP
        C: HELO a
        C: MAIL FROM:<>
        C: HELO b
        C: RCPT TO:<b@mx.test>
        S: 250 mx.test
        S: 250 2.1.0 sender accepted
        S: 250 mx.test
        S: 503 5.5.1 MAIL first
        E: Hello a false
        E: Mail <>
        E: Reset
        E: Hello b false
    ",
    );
}

#[test]
fn what_is_wrong_with_a_command_is_told() {
    check_after_ehlo(
        config(),
        "
        C: MAIL FROM:<a..b@client.test>
        S: 501 5.1.7 bad address: a dot stands first, last or beside another dot outside quotes
        C: MAIL FROM:a@client.test
        S: 501 5.5.4 syntax: MAIL FROM:<address> [parameters]
        C: MAIL FROM:<> SIZE=x
        S: 501 5.5.4 bad parameter
        C: MAIL FROM:<> RET=HDRS
        S: 555 5.5.4 no such parameter
        C: MAIL FROM:<\\xc3\\xbc@client.test>
        S: 553 5.6.7 non-ASCII address without SMTPUTF8
        C: MAIL FROM:<\\xc3\\xbc@client.test> SMTPUTF8
        S: 250 2.1.0 sender accepted
        E: Mail <\u{fc}@client.test> SMTPUTF8
        C: RCPT TO:<\\xc3\\xbc@mx.test>
        S: 250 2.1.5 recipient accepted
        E: Rcpt <\u{fc}@mx.test>
        C: RCPT TO:<b@mx.test> NOTIFY=NEVER
        S: 555 5.5.4 no such parameter
        C: RCPT TO:<>
        S: 501 5.1.3 bad address: it is empty
        C: GET / HTTP/1.1
        S: 500 5.5.1 no such command
    ",
    );
}

#[test]
fn too_many_errors_end_the_connection() {
    let mut config = config();
    config.limits.errors = 3;
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: GET / HTTP/1.1
        C: Host: mx.test
        C:
        C: MAIL FROM:<a@client.test>
        S: 500 5.5.1 no such command
        S: 500 5.5.1 no such command
        S: 500 5.5.1 no such command
        S: 421 4.7.0 too many errors, closing
        Z: TooManyErrors
    ",
    );
}

#[test]
fn commands_that_bring_nothing_on_end_the_connection() {
    let mut config = config();
    config.limits.idle_commands = 4;
    check_after_ehlo(
        config,
        "
        C: NOOP
        C: MAIL FROM:<>
        C: RCPT TO:<a@mx.test>
        C: RCPT TO:<b@mx.test>
        C: DATA
        S: 250 2.0.0 nothing done
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 250 2.1.5 recipient accepted
        S: 354 end with <CRLF>.<CRLF>
        E: Mail <>
        E: Rcpt <a@mx.test>
        E: Rcpt <b@mx.test>
        C: .
        C: RSET
        C: VRFY a
        C: MAIL FROM:<>
        C: RCPT TO:<a@mx.test>
        C: RSET
        C: MAIL FROM:<>
        S: 250 2.0.0 message accepted
        S: 250 2.0.0 reset
        S: 252 2.5.0 not verified, but mail would be tried
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 250 2.0.0 reset
        S: 421 4.7.0 too many commands without a message, closing
        E: Message
        E: Query VRFY a
        E: Mail <>
        E: Rcpt <a@mx.test>
        E: Reset
        Z: TooManyIdleCommands
    ",
    );
}

#[test]
fn refused_recipients_end_the_connection() {
    let mut config = config();
    config.limits.refused_recipients = 2;
    check_after_ehlo(
        config,
        "
        C: MAIL FROM:<>
        C: RCPT TO:<a@mx.test>
        C: RCPT TO:<b@mx.test>
        C: RCPT TO:<c@mx.test>
        S: 250 2.1.0 sender accepted
        S: 550 5.1.1 no such recipient
        S: 250 2.1.5 recipient accepted
        S: 451 4.2.1 recipient not accepted now
        S: 421 4.7.0 too many refused recipients, closing
        E: Mail <>
        E: Rcpt <a@mx.test> -> refuse
        E: Rcpt <b@mx.test>
        E: Rcpt <c@mx.test> -> defer
        Z: TooManyRefusedRecipients
    ",
    );
}

#[test]
fn content_is_what_mail_said_it_is() {
    for (parameters, content, reply) in [
        ("", "a: b\\r\\n\\r\\n\\0", "550 5.6.0 NUL in the content"),
        (" BODY=8BITMIME SMTPUTF8", "a\\0: b", "550 5.6.0 NUL in the content"),
        ("", "a: b\\r\\n\\r\\n\\xc3\\xbc", "550 5.6.1 8-bit content without BODY=8BITMIME"),
        (" SMTPUTF8", "a: b\\r\\n\\r\\n\\xc3\\xbc", "550 5.6.1 8-bit content without BODY=8BITMIME"),
        ("", "\\r\\n\\xc3\\xbc", "550 5.6.1 8-bit content without BODY=8BITMIME"),
        (" BODY=8BITMIME", "a: \\xc3\\xbc", "550 5.6.9 UTF-8 in the headers without SMTPUTF8"),
        (" BODY=8BITMIME", "a: b\\r\\n\\r\\n\\xc3\\xbc", ""),
        (" SMTPUTF8", "a: \\xc3\\xbc", ""),
        (" BODY=8BITMIME SMTPUTF8", "a: \\xc3\\xbc\\r\\n\\r\\n\\xc3\\xbc", ""),
    ] {
        for allow in [false, true] {
            let mut config = config();
            config.allow_undeclared_content = allow;
            let (reply, event) = match reply {
                "" => ("250 2.0.0 message accepted", "Message"),
                _ if allow => ("250 2.0.0 message accepted", "Message"),
                refusal => (refusal, "Reset"),
            };
            let decoded = unescape(content).escape_ascii().to_string();
            check_after_ehlo(
                config,
                &format!(
                    "
                C: MAIL FROM:<>{parameters}
                C: RCPT TO:<b@mx.test>
                C: DATA
                S: 250 2.1.0 sender accepted
                S: 250 2.1.5 recipient accepted
                S: 354 end with <CRLF>.<CRLF>
                E: Mail <>{parameters}
                E: Rcpt <b@mx.test>
                C: {content}
                C: .
                S: {reply}
                E: Body {decoded}\\r\\n
                E: {event}
            "
                ),
            );
        }
    }
}

#[test]
fn sizes_are_limited_as_declared_and_as_real() {
    let mut config = config();
    config.limits.size = Some(10);
    config.extensions = vec![Extension::Size];
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test
        S: 250 SIZE 10
        E: Hello client.test true
        C: MAIL FROM:<> SIZE=11
        S: 552 message too big
        C: MAIL FROM:<> SIZE=10
        C: RCPT TO:<b@mx.test>
        C: DATA
        S: 250 sender accepted
        S: 250 recipient accepted
        S: 354 end with <CRLF>.<CRLF>
        E: Mail <> SIZE=10
        E: Rcpt <b@mx.test>
        C: 12345678
        C: .
        S: 250 message accepted
        E: Body 12345678\\r\\n
        E: Message
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: DATA
        S: 250 sender accepted
        S: 250 recipient accepted
        S: 354 end with <CRLF>.<CRLF>
        E: Mail <>
        E: Rcpt <b@mx.test>
        EOF
        Z: Disconnected
    ",
    );
}

/// A server that takes ten bytes, reads five more, and has said 354.
#[track_caller]
fn check_small(lmtp: bool, script: &str) {
    let mut config = config();
    config.extensions.clear();
    config.lmtp = lmtp;
    config.limits.size = Some(10);
    config.limits.discard = 5;
    let (hello, name) = if lmtp { ("LHLO", "LMTP") } else { ("EHLO", "ESMTP") };
    let script = format!(
        "
        S: 220 mx.test {name}
        C: {hello} a
        S: 250 mx.test
        E: Hello a true
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: RCPT TO:<c@mx.test>
        C: DATA
        S: 250 sender accepted
        S: 250 recipient accepted
        S: 250 recipient accepted
        S: 354 end with <CRLF>.<CRLF>
        E: Mail <>
        E: Rcpt <b@mx.test>
        E: Rcpt <c@mx.test>
        {script}"
    );
    check(config, &script);
}

#[test]
fn content_that_is_too_big_is_refused_at_its_end() {
    for lmtp in [false, true] {
        let too_big = "S: 552 message too big\n".repeat(if lmtp { 2 } else { 1 });
        check_small(
            lmtp,
            &format!(
                "
            C: 123456789
            C: ..2
            C: .
            C: NOOP
            {too_big}
            S: 250 nothing done
            E: Body 123456789\\r
            E: Reset
            C: RCPT TO:<b@mx.test>
            S: 503 MAIL first
        "
            ),
        );
    }
}

#[test]
fn content_that_is_too_big_is_not_read_for_ever() {
    for lmtp in [false, true] {
        let too_big = "S: 552 message too big\n".repeat(if lmtp { 2 } else { 1 });
        for behind in ["C: .\nC: NOOP", "C- x", "C: 0123456789\nC: 0123456789"] {
            check_small(
                lmtp,
                &format!(
                    "
                C: 123456789
                C: ..234
                {behind}
                {too_big}
                E: Body 123456789\\r
                E: Reset
                Z: TooMuchContent
            "
                ),
            );
        }
    }
}

#[test]
fn too_many_recipients_go_elsewhere() {
    let mut config = config();
    config.limits.recipients = 1;
    check_after_ehlo(
        config,
        "
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: RCPT TO:<c@mx.test>
        C: RCPT TO:<d@mx.test>
        S: 250 2.1.0 sender accepted
        S: 550 5.1.1 no such recipient
        S: 250 2.1.5 recipient accepted
        S: 452 4.5.3 too many recipients
        E: Mail <>
        E: Rcpt <b@mx.test> -> refuse
        E: Rcpt <c@mx.test>
    ",
    );
}

#[test]
fn case_m3_smuggled_commands_stay_content() {
    let script = "
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: DATA
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 354 end with <CRLF>.<CRLF>
        E: Mail <>
        E: Rcpt <b@mx.test>
        C- a\\n.\\r\\nMAIL FROM:<evil@x.test>\\r\\n\\n.\\n\\r.\\r\\r\\n.\\nRSET\\r\\n
        C: .
        E: Body a\\n.\\r\\nMAIL FROM:<evil@x.test>\\r\\n\\n.\\n\\r.\\r\\r\\n\\nRSET\\r\\n
    ";
    check_after_ehlo(
        config(),
        &format!(
            "{script}
        S: 550 5.6.0 lines end in CRLF, bare CR or LF found
        E: Reset
        C: QUIT
        S: 221 2.0.0 bye
        E: Quit
        Z: Ok
    "
        ),
    );
    let mut lenient = config();
    lenient.allow_bare_line_ends = true;
    check_after_ehlo(
        lenient,
        &format!(
            "{script}
        S: 250 2.0.0 message accepted
        E: Message
    "
        ),
    );
}

#[test]
fn bare_line_ends_in_commands_end_the_connection() {
    for line in ["NOOP\\nMAIL FROM:<>\\r\\n", "NOOP\\rQUIT\\r\\n", "\\n", "NOOP\\r\\r\\n"] {
        check(
            config(),
            &format!(
                "
            S: 220 mx.test ESMTP
            C: NOOP
            S: 250 2.0.0 nothing done
            C- {line}
            S: 500 5.5.2 lines end in CRLF, bare CR or LF found, closing
            Z: BareLineEnd
        "
            ),
        );
    }
}

#[test]
fn long_lines_are_refused_when_they_end() {
    let mut config = config();
    config.limits.line = 20;
    let (fits, long) = ("x".repeat(13), "x".repeat(14));
    check(
        config,
        &format!(
            "
        S: 220 mx.test ESMTP
        C: NOOP {fits}
        C: NOOP {long}
        C: NOOP {long}{long}{long}
        C: NOOP
        S: 250 2.0.0 nothing done
        S: 500 5.5.2 line too long
        S: 500 5.5.2 line too long
        S: 250 2.0.0 nothing done
    "
        ),
    );
}

#[test]
fn case_w11_a_line_without_an_end_takes_no_memory_and_no_more_time() {
    let mut server = Server::new(Arc::new(config()), Instant::ZERO);
    let mut out = Output::new();
    let mut written = 0;
    let mut deadline = None;
    for round in 0..2000_u64 {
        let now = Instant::from_duration(Duration::from_millis(round));
        server.handle_input(now, &[b'x'; 1000]);
        while let Next::Wait = server.poll(now, &mut out) {
            if out.is_empty() {
                break;
            }
            written += out.len();
            server.handle_written(now, out.len());
            out.clear();
        }
        assert!(server.wants_input());
        if round == 0 {
            deadline = server.deadline();
        }
        assert_eq!(server.deadline(), deadline, "the deadline does not move");
    }
    assert_eq!(written, "220 mx.test ESMTP\r\n".len());
}

#[test]
fn input_behind_data_ends_the_connection() {
    let mut server = Server::new(Arc::new(config()), Instant::ZERO);
    let mut run = Run {
        now: Instant::ZERO,
        said: String::new(),
        events: Vec::new(),
        answers: VecDeque::new(),
        end: None,
        server: {
            server.handle_input(
                Instant::ZERO,
                b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@mx.test>\r\nDATA\r\nMAIL FROM:<evil@x.test>\r\n",
            );
            server
        },
    };
    run.answers.extend([Response::accept(), Response::refuse()]);
    run.pump();
    assert!(run.said.ends_with("421 4.7.0 nothing may follow DATA before its reply, closing\r\n"));
    assert_eq!(run.end, Some(Err(ServerError::EarlyInput { after: "DATA" })));
    assert_eq!(run.events, ["Hello a false", "Mail <>", "Rcpt <b@mx.test>"]);
}

#[test]
fn clients_that_take_too_long_are_told_and_left() {
    check_after_ehlo(
        config(),
        "
        C- NOO
        T: 299
        C- P
        T: 1
        S: 421 4.4.2 took too long, closing
        Z: Timeout
    ",
    );
    check_after_ehlo(
        config(),
        "
        C: MAIL FROM:<>
        C: RCPT TO:<b@mx.test>
        C: DATA
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 354 end with <CRLF>.<CRLF>
        E: Mail <>
        E: Rcpt <b@mx.test>
        T: 299
        C: slow
        E: Body slow\\r\\n
        T: 1
        S: 421 4.4.2 took too long, closing
        Z: Timeout
    ",
    );
}

#[test]
fn a_client_that_never_reads_is_left_in_the_end() {
    let mut server = Server::new(Arc::new(config()), Instant::ZERO);
    let mut out = Output::new();
    let _ = server.poll(Instant::ZERO, &mut out);
    assert!(!out.is_empty());
    server.handle_input(Instant::ZERO, &b"NOOP\r\n".repeat(20_000));
    assert!(!server.wants_input());
    for _ in 0..3 {
        assert!(matches!(server.poll(Instant::ZERO, &mut out), Next::Wait));
        assert_eq!(out.len(), "220 mx.test ESMTP\r\n".len(), "nothing is appended");
    }
    let first = server.deadline().unwrap();
    server.handle_timeout(first);
    assert!(matches!(server.poll(first, &mut out), Next::Wait));
    let second = server.deadline().unwrap();
    assert_eq!(second - first, Duration::from_secs(10));
    server.handle_timeout(second);
    assert!(matches!(server.poll(second, &mut out), Next::Closed(Err(ServerError::Timeout))));
    assert_eq!(server.deadline(), None);
}

#[test]
fn replies_to_a_flood_go_out_in_portions() {
    let mut config = config();
    config.limits.idle_commands = usize::MAX;
    let mut server = Server::new(Arc::new(config), Instant::ZERO);
    server.handle_input(Instant::ZERO, &b"NOOP\r\n".repeat(20_000));
    let (mut out, mut written) = (Output::new(), 0);
    loop {
        assert!(matches!(server.poll(Instant::ZERO, &mut out), Next::Wait));
        if out.is_empty() {
            break;
        }
        assert!(out.len() < 9000);
        written += out.len();
        server.handle_written(Instant::ZERO, out.len());
        out.clear();
    }
    assert_eq!(written, "220 mx.test ESMTP\r\n".len() + 20_000 * "250 2.0.0 nothing done\r\n".len());
}

#[test]
fn the_embedder_has_the_last_word() {
    check_after_ehlo(
        config(),
        "
        C: MAIL FROM:<>
        S: 451 4.3.0 local error
        E: Mail <> -> 354 go ahead
        C: MAIL FROM:<>
        S: 550-5.7.1 no
        S: 550 5.7.1 and no again
        E: Mail <> -> 550 5.7.1 no | and no again
        C: MAIL FROM:<>
        C: NOOP
        S: 421 4.3.2 going down
        E: Mail <> -> 421 4.3.2 going down
        Z: ShutDown
    ",
    );
}

#[test]
fn shutting_down_says_so() {
    let mut server = Server::new(Arc::new(config()), Instant::ZERO);
    let mut out = Output::new();
    let _ = server.poll(Instant::ZERO, &mut out);
    server.shut_down();
    out.clear();
    let _ = server.poll(Instant::ZERO, &mut out);
    assert_eq!(out.parts(&[]).flatten().copied().collect::<Vec<_>>(), b"421 4.3.2 shutting down\r\n");
    out.clear();
    assert!(matches!(server.poll(Instant::ZERO, &mut out), Next::Closed(Err(ServerError::ShutDown))));
    server.handle_input(Instant::ZERO, b"NOOP\r\n");
    assert!(matches!(server.poll(Instant::ZERO, &mut out), Next::Closed(Err(ServerError::ShutDown))));
}

#[test]
fn what_came_before_the_end_of_input_is_answered() {
    let mut server = Server::new(Arc::new(config()), Instant::ZERO);
    server.handle_input(Instant::ZERO, b"HELO a\r\nMAIL FROM:<>\r\nNOOP\r\nQUI");
    server.handle_eof(Instant::ZERO);
    let mut run = Run {
        server,
        now: Instant::ZERO,
        said: String::new(),
        events: Vec::new(),
        answers: VecDeque::new(),
        end: None,
    };
    run.pump();
    assert!(run.said.ends_with("250 2.1.0 sender accepted\r\n250 2.0.0 nothing done\r\n"), "{}", run.said);
    assert_eq!(run.end, Some(Err(ServerError::Disconnected)));
}
