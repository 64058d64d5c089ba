//! Transcripts of content in chunks (RFC 3030).

use smtp_proto::client::{Chunking, Client, Event, Next, TlsMode};
use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::{Instant, Output};

use super::script::{Setup, check};
use super::wire::{after_hello, hello, one};

const CHUNKING: [&str; 2] = ["PIPELINING", "CHUNKING"];

#[test]
fn chunks_wait_for_a_recipient_and_share_the_flight_with_the_next_message() {
    let setup = one().and_message(&["b@b.example"], "two", Form::default()).chunked(Chunking::Safe);
    let told = "ready
         delivered: 250 first
         delivered: 250 second
         closed";
    for setup in [setup.clone().sized(), setup] {
        after_hello(
            &setup,
            &CHUNKING,
            "C: MAIL FROM:<from@a.example>
             C: RCPT TO:<to@b.example>
             S: 250 ok
             S: 250 ok
             C: BDAT 4 LAST
             C: hi
             C: RSET
             C: MAIL FROM:<from@a.example>
             C: RCPT TO:<b@b.example>
             S: 250 first
             S: 250 reset
             S: 250 ok
             S: 250 ok
             C: BDAT 3 LAST
             C: twoQUIT
             S: 250 second
             S: 221 bye",
            told,
        );
    }
}

#[test]
fn streamed_chunks_go_in_one_flight() {
    let setup = one().sized().chunked(Chunking::Streamed);
    let all = "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: BDAT 4 LAST
         C: hi
         C: QUIT\n";
    after_hello(
        &setup,
        &CHUNKING,
        &format!("{all}S: 250 ok\nS: 250 ok\nS: 250 queued\nS: 221 bye"),
        "ready
         delivered: 250 queued
         closed",
    );
    after_hello(
        &setup,
        &CHUNKING,
        &format!("{all}S: 250 ok\nS: 550 no\nS: 554 nobody\nS: 221 bye"),
        "ready
         rejected: the server refused at RCPT: 550 no
         closed",
    );
}

#[test]
fn chunks_without_pipelining_wait_for_every_reply() {
    after_hello(
        &one().chunked(Chunking::Streamed).sized(),
        &["CHUNKING"],
        "C: MAIL FROM:<from@a.example>
         S: 250 ok
         C: RCPT TO:<to@b.example>
         S: 250 ok
         C: BDAT 4 LAST
         C: hi
         S: 250 queued
         C: QUIT
         S: 221 bye",
        "ready
         delivered: 250 queued
         closed",
    );
}

#[test]
fn chunks_are_for_servers_that_take_them() {
    for (chunking, keywords) in
        [(Chunking::Safe, &CHUNKING[..1]), (Chunking::Never, &CHUNKING), (Chunking::IfNeeded, &CHUNKING)]
    {
        after_hello(
            &one().chunked(chunking),
            keywords,
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
             delivered: 250 queued
             closed",
        );
    }
}

#[test]
fn binary_content_needs_chunks() {
    let binary = |chunking| {
        let form = Form { body: BodyType::BinaryMime, size: Some(4), ..Form::default() };
        let mut setup = one().chunked(chunking);
        setup.messages.clear();
        setup.and_message(&["to@b.example"], "\n\r\0.", form)
    };
    after_hello(
        &binary(Chunking::IfNeeded),
        &["PIPELINING", "CHUNKING", "BINARYMIME"],
        "C: MAIL FROM:<from@a.example> BODY=BINARYMIME
         C: RCPT TO:<to@b.example>
         S: 250 ok
         S: 250 ok
         C: BDAT 4 LAST
         C| \\n\\r\\0.
         C: QUIT
         S: 250 queued
         S: 221 bye",
        "ready
         delivered: 250 queued
         closed",
    );
    for (chunking, keywords) in [
        (Chunking::Never, &["CHUNKING", "BINARYMIME"][..]),
        (Chunking::IfNeeded, &["BINARYMIME"]),
        (Chunking::IfNeeded, &["CHUNKING"]),
    ] {
        after_hello(
            &binary(chunking),
            keywords,
            "C: QUIT
             S: 221 bye",
            "ready
             rejected: the message has binary content, and the server has no BINARYMIME that can be used
             closed",
        );
    }
}

#[test]
fn case_w22_a_server_that_does_not_know_bdat_is_left() {
    for code in [500, 501, 502, 503, 504] {
        after_hello(
            &one().stay().chunked(Chunking::Safe),
            &CHUNKING,
            &format!(
                "C: MAIL FROM:<from@a.example>
                 C: RCPT TO:<to@b.example>
                 S: 250 ok
                 S: 250 ok
                 C: BDAT 4 LAST
                 C: hi
                 S: {code} what"
            ),
            &format!(
                "ready
                 deferred: the server refused after the end of the message: {code} what
                 closed: the server refused after the end of the message: {code} what"
            ),
        );
    }
}

#[test]
fn case_w22_by_lmtp_too_and_not_when_it_has_taken_the_content() {
    let mut setup = Setup::message(&["x@b.example", "y@b.example"], "hi\r\n").stay().chunked(Chunking::Safe);
    setup.config.lmtp = true;
    let script = hello(&CHUNKING).replace("EHLO", "LHLO")
        + "C: MAIL FROM:<from@a.example>
           C: RCPT TO:<x@b.example>
           C: RCPT TO:<y@b.example>
           S: 250 ok
           S: 250 ok
           S: 250 ok
           C: BDAT 4 LAST
           C: hi\n";
    let error = "the server refused after the end of the message: 500 what";
    check(
        &setup,
        &format!("{script}S: 500 what"),
        &format!("ready\ndeferred: {error}\ndeferred: {error}\nclosed: {error}"),
    );
    check(
        &setup,
        &format!("{script}S: 250 queued\nS: 500 what"),
        &format!("ready\ndelivered: 250 queued\nrejected: {error}\nopen, reusable"),
    );
}

#[test]
fn case_w22_no_content_before_a_recipient_is_accepted() {
    after_hello(
        &one().stay().sized().chunked(Chunking::Safe),
        &CHUNKING,
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         S: 250 ok
         S: 550 no",
        "ready
         rejected: the server refused at RCPT: 550 no
         open, reusable",
    );
}

/// Two megabytes and three bytes.
fn large() -> Setup {
    let mut setup = one().stay().chunked(Chunking::Safe);
    setup.messages[0].1 = ("x".repeat(1022) + "\r\n").repeat(1 << 11).into_bytes();
    setup.messages[0].1.extend_from_slice(b"end");
    setup.and_message(&["b@b.example"], "two", Form::default())
}

/// What the machine does with these replies, each to what it has written when it waits: the commands, and what it tells;
/// the same for every cut behind the reply to EHLO.
#[track_caller]
fn session(setup: &Setup, replies: &[&str]) -> (Vec<String>, Vec<String>) {
    let whole = session_cut(setup, replies);
    for (i, reply) in replies.iter().enumerate().skip(HELLO.len()) {
        for cut in 1..reply.len() {
            let (start, end) = reply.split_at(cut);
            let replies = [&replies[..i], &[start, end], &replies[i + 1..]].concat();
            assert_eq!(session_cut(setup, &replies), whole, "cut into {start:?} and {end:?}");
        }
    }
    whole
}

fn session_cut(setup: &Setup, replies: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut client = Client::new(setup.config.clone(), TlsMode::None, Instant::ZERO);
    let (mut commands, mut told, mut out) = (Vec::new(), Vec::new(), Output::new());
    let mut replies = replies.iter();
    let mut taken = vec![0; setup.messages.len()];
    let mut ids = Vec::new();
    loop {
        let mut chunk = &[][..];
        match client.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Ready) => {
                ids.extend(setup.messages.iter().map(|(envelope, _)| client.send(envelope.clone()).unwrap()));
                continue;
            }
            Next::Event(Event::Finished(_, outcomes)) => {
                told.extend(outcomes.iter().map(ToString::to_string));
                continue;
            }
            Next::Event(_) => continue,
            Next::Body(id) => {
                let message = ids.iter().position(|known| *known == id).unwrap();
                chunk = &setup.messages[message].1[taken[message]..];
                taken[message] += client.body(Instant::ZERO, chunk, true, &mut out).unwrap();
            }
            Next::Wait if out.is_empty() => match replies.next() {
                Some(reply) => client.handle_input(Instant::ZERO, reply.as_bytes()),
                None => break,
            },
            Next::Wait => {}
            Next::Closed(end) => {
                told.push(format!("closed: {end:?}"));
                break;
            }
        }
        let mut written = Vec::new();
        out.slices(chunk).unwrap().for_each(|slice| written.extend_from_slice(slice));
        let lines = str::from_utf8(&written).unwrap().split_terminator("\r\n");
        commands.extend(
            lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase())).map(str::to_owned),
        );
        client.handle_written(Instant::ZERO, out.len());
        out.clear();
    }
    if client.is_reusable() {
        told.push("reusable".into());
    }
    (commands, told)
}

#[test]
fn content_of_unknown_size_goes_in_large_chunks() {
    let replies = [
        "220 hi\r\n",
        "250-hi\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
        "250 ok\r\n250 ok\r\n",
        "250 one\r\n250 two\r\n250 queued\r\n250 reset\r\n250 ok\r\n250 ok\r\n",
        "250 queued\r\n",
    ];
    let (commands, told) = session(&large(), &replies);
    let mail = |to: &str| ["MAIL FROM:<from@a.example>".to_owned(), format!("RCPT TO:<{to}>")];
    let bdat = |line: &str| line.to_owned();
    let expected = [
        vec![bdat("EHLO client.example")],
        mail("to@b.example").to_vec(),
        vec![bdat("BDAT 1048576"), bdat("BDAT 1048576"), bdat("BDAT 3 LAST")],
    ]
    .concat();
    assert_eq!(commands[..expected.len()], expected);
    assert_eq!(told, ["delivered: 250 queued", "delivered: 250 queued", "reusable"]);
}

#[test]
fn case_w23_a_chunk_refused_in_the_middle_ends_the_message_and_not_the_session() {
    let reply = b"552 5.3.4 too much\r\n";
    for cut in 0..=reply.len() {
        refused_in_the_middle(&reply[..cut], &reply[cut..]);
    }
}

fn refused_in_the_middle(start: &[u8], end: &[u8]) {
    // The reply to the first chunk comes when the second is put out and the third is not.
    let setup = large();
    let mut client = Client::new(setup.config.clone(), TlsMode::None, Instant::ZERO);
    let mut out = Output::new();
    let write = |client: &mut Client, out: &mut Output| {
        client.handle_written(Instant::ZERO, out.len());
        out.clear();
    };
    let mut ids = Vec::new();
    let mut outcomes = Vec::new();
    let mut taken = 0;
    let mut input =
        ["220 hi\r\n", "250-hi\r\n250-PIPELINING\r\n250 CHUNKING\r\n", "250 ok\r\n250 ok\r\n"].into_iter();
    // Until one chunk is out.
    while taken < 1 << 20 {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Ready) => {
                ids.extend(setup.messages.iter().map(|(envelope, _)| client.send(envelope.clone()).unwrap()));
            }
            Next::Body(_) => {
                let content = &setup.messages[0].1[taken..];
                taken += client.body(Instant::ZERO, content, true, &mut out).unwrap();
                write(&mut client, &mut out);
            }
            Next::Wait if out.is_empty() => {
                client.handle_input(Instant::ZERO, input.next().unwrap().as_bytes());
            }
            Next::Wait => write(&mut client, &mut out),
            Next::Event(_) => {}
            Next::Closed(end) => panic!("{end:?}"),
        }
    }
    client.handle_input(Instant::ZERO, start);
    client.handle_input(Instant::ZERO, end);
    let mut wire = Vec::new();
    let mut replies = ["250 reset\r\n250 ok\r\n250 ok\r\n", "250 queued\r\n"].into_iter();
    loop {
        let mut chunk = &[][..];
        match client.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Finished(_, all)) => outcomes.extend(all.iter().map(ToString::to_string)),
            Next::Event(_) => {}
            Next::Body(id) => {
                assert_eq!(id, ids[1], "no more of the first");
                chunk = b"two";
                client.body(Instant::ZERO, chunk, true, &mut out).unwrap();
            }
            Next::Wait if out.is_empty() => match replies.next() {
                Some(reply) => client.handle_input(Instant::ZERO, reply.as_bytes()),
                None => break,
            },
            Next::Wait => {}
            Next::Closed(end) => panic!("{end:?}"),
        }
        out.slices(chunk).unwrap().for_each(|slice| wire.extend_from_slice(slice));
        write(&mut client, &mut out);
    }
    assert_eq!(
        String::from_utf8(wire).unwrap(),
        "RSET\r\nMAIL FROM:<from@a.example>\r\nRCPT TO:<b@b.example>\r\nBDAT 3 LAST\r\ntwo"
    );
    assert_eq!(
        outcomes,
        [
            "rejected: the server refused while the message was sent: 552 5.3.4 too much",
            "delivered: 250 queued"
        ]
    );
    assert!(client.is_reusable());
}

#[test]
fn content_of_another_size_than_declared_ends_the_connection() {
    for (size, told) in [(5, "ends after 4 of its 5 bytes"), (3, "is longer than its 3 bytes")] {
        let mut setup = one().stay().chunked(Chunking::Safe);
        let form = Form { size: Some(size), ..Form::default() };
        setup.messages[0].0 = setup.messages[0].0.clone().with_form(form);
        after_hello(
            &setup,
            &CHUNKING,
            "C: MAIL FROM:<from@a.example>
             C: RCPT TO:<to@b.example>
             S: 250 ok
             S: 250 ok",
            &format!(
                "ready
                 rejected: the content {told}
                 closed: the connection was closed to stop a message: the content {told}"
            ),
        );
    }
}

#[test]
fn cancelled_before_the_first_chunk_is_a_reset() {
    // Nobody wants the content before both replies: cancelling leaves the session in order.
    after_hello(
        &one().stay().chunked(Chunking::Safe).and_message(&["b@b.example"], "two", Form::default()),
        &CHUNKING,
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         !cancel
         S: 250 ok
         S: 250 ok
         C: RSET
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<b@b.example>
         S: 250 reset
         S: 250 ok
         S: 250 ok
         C: BDAT 3 LAST
         C| two
         S: 250 queued",
        "ready
         deferred: the transaction was cancelled
         delivered: 250 queued
         open, reusable",
    );
}

#[test]
fn cancelled_between_chunks_is_a_reset() {
    let setup = large();
    let mut client = Client::new(setup.config.clone(), TlsMode::None, Instant::ZERO);
    let (mut out, mut taken, mut ids) = (Output::new(), 0, Vec::new());
    let mut input = [HELLO[0], HELLO[1], "250 ok\r\n250 ok\r\n"].into_iter();
    // Until one chunk is put out.
    while taken < 1 << 20 {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Ready) => {
                ids.extend(setup.messages.iter().map(|(envelope, _)| client.send(envelope.clone()).unwrap()));
            }
            Next::Event(_) => {}
            Next::Body(_) => {
                taken += client.body(Instant::ZERO, &setup.messages[0].1[taken..], true, &mut out).unwrap();
            }
            Next::Wait if out.is_empty() => {
                client.handle_input(Instant::ZERO, input.next().unwrap().as_bytes());
            }
            Next::Wait => {
                client.handle_written(Instant::ZERO, out.len());
                out.clear();
            }
            Next::Closed(end) => panic!("{end:?}"),
        }
    }
    let chunk = "BDAT 1048576\r\n".len() + (1 << 20);
    assert_eq!(out.len(), chunk);
    // The middle of it is a place where nothing but its rest can follow; its end is not.
    client.handle_written(Instant::ZERO, chunk / 2);
    out.advance(chunk / 2);
    client.cancel(ids[0]);
    client.handle_written(Instant::ZERO, out.len());
    out.clear();
    let mut told = Vec::new();
    let mut poll = |client: &mut Client| loop {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Finished(_, outcomes)) => {
                told.extend(outcomes.iter().map(ToString::to_string));
            }
            Next::Event(_) => {}
            Next::Wait => {
                let bytes: Vec<u8> = out.slices(&[]).unwrap().flatten().copied().collect();
                client.handle_written(Instant::ZERO, bytes.len());
                out.clear();
                return String::from_utf8(bytes).unwrap();
            }
            other => panic!("{other:?}"),
        }
    };
    let rest = poll(&mut client);
    client.handle_input(Instant::ZERO, b"250 one\r\n");
    let rest = rest + &poll(&mut client);
    assert_eq!(rest, "RSET\r\nMAIL FROM:<from@a.example>\r\nRCPT TO:<b@b.example>\r\n");
    assert_eq!(told, ["deferred: the transaction was cancelled"]);
}

const HELLO: [&str; 2] = ["220 hi\r\n", "250-hi\r\n250-PIPELINING\r\n250 CHUNKING\r\n"];

fn two_streamed() -> Setup {
    one().stay().chunked(Chunking::Streamed).and_message(&["b@b.example"], "two", Form::default()).sized()
}

#[test]
fn a_server_that_knows_no_chunks_is_left_at_the_first() {
    // All chunks are put out by then, and only what it means to refuse one is known.
    let nonsense =
        "the server broke the protocol: a reply that makes no sense came while the message was sent";
    let refused = "the server refused while the message was sent";
    for (reply, outcome, error) in [("354 go", "ambiguous", nonsense), ("500 what", "deferred", refused)] {
        let accepted = "250 ok\r\n250 ok\r\n";
        let (_, told) = session(&large(), &[HELLO[0], HELLO[1], accepted, &format!("{reply}\r\n")]);
        assert_eq!(told[0], format!("{outcome}: {error}: {reply}"));
        assert_eq!(told[1], format!("deferred: {error}: {reply}"));
        assert!(told[2].starts_with("closed: Err"), "{told:?}");
    }
}

#[test]
fn a_refused_chunk_is_cleared_before_the_next_message() {
    let mut setup = two_streamed();
    setup.config.pipeline_messages = false;
    let replies = [
        HELLO[0],
        HELLO[1],
        "250 ok\r\n550 no\r\n554 nobody\r\n",
        "250 reset\r\n",
        "250 ok\r\n250 ok\r\n250 queued\r\n",
    ];
    let (commands, told) = session(&setup, &replies);
    assert_eq!(commands[4..6], ["RSET", "MAIL FROM:<from@a.example>"]);
    assert_eq!(told, ["rejected: the server refused at RCPT: 550 no", "delivered: 250 queued", "reusable"]);
    // Nothing of the next one may be taken for more of it.
    let refused = "250 ok\r\n550 no\r\n554 nobody\r\n";
    let (commands, told) = session(
        &two_streamed(),
        &[HELLO[0], HELLO[1], &format!("{refused}250 reset\r\n250 ok\r\n250 ok\r\n250 queued\r\n")],
    );
    assert_eq!(commands[3..6], ["BDAT 4 LAST", "RSET", "MAIL FROM:<from@a.example>"]);
    assert_eq!(told, ["rejected: the server refused at RCPT: 550 no", "delivered: 250 queued", "reusable"]);
    let (_, told) = session(
        &two_streamed(),
        &[HELLO[0], HELLO[1], &format!("{refused}250 reset\r\n503 nested\r\n503 no\r\n554 no\r\n")],
    );
    assert_eq!(
        told,
        [
            "rejected: the server refused at RCPT: 550 no",
            "deferred: the server refused at MAIL: 503 nested",
            "reusable"
        ]
    );
}

/// A server may keep a transaction open behind a chunk that it has refused.  In the same flight the next message would be
/// taken into it, for its recipients and under its sender, while its own MAIL is refused.
#[test]
fn messages_in_chunks_are_kept_apart() {
    let flight = "C: MAIL FROM:<from@a.example> SIZE=4
         C: RCPT TO:<to@b.example>
         C: BDAT 4 LAST
         C: hi
         C: RSET
         C: MAIL FROM:<from@a.example> SIZE=3
         C: RCPT TO:<b@b.example>
         C: BDAT 3 LAST
         C| two\n";
    after_hello(
        &two_streamed(),
        &["PIPELINING", "CHUNKING", "SIZE"],
        &format!(
            "{flight}S: 250 ok\nS: 451 later\nS: 503 nobody\nS: 250 reset\nS: 250 ok\nS: 250 ok\nS: 250 queued"
        ),
        "ready
         deferred: the server refused at RCPT: 451 later
         delivered: 250 queued
         open, reusable",
    );
}

#[test]
fn case_w18_a_chunk_behind_a_refused_mail_may_be_out_of_sequence() {
    let replies = [
        HELLO[0],
        HELLO[1],
        "550 no\r\n503 need MAIL\r\n503 need RCPT\r\n250 reset\r\n250 ok\r\n250 ok\r\n250 queued\r\n",
    ];
    let (_, told) = session(&two_streamed(), &replies);
    assert_eq!(told, ["rejected: the server refused at MAIL: 550 no", "delivered: 250 queued", "reusable"]);
    // The same behind a chunk that was refused.
    let replies = [
        HELLO[0],
        HELLO[1],
        "250 ok\r\n250 ok\r\n",
        "552 5.3.4 too big\r\n503 no\r\n503 no\r\n250 reset\r\n250 ok\r\n250 ok\r\n",
        "250 queued\r\n",
    ];
    let (_, told) = session(&large(), &replies);
    assert_eq!(
        told,
        [
            "rejected: the server refused while the message was sent: 552 5.3.4 too big",
            "delivered: 250 queued",
            "reusable"
        ]
    );
}

#[test]
fn case_w18_a_streamed_message_that_was_taken_though_mail_was_refused() {
    let setup = one().stay().sized().chunked(Chunking::Streamed);
    let script = "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: BDAT 4 LAST
         C: hi
         S: 503 nested
         S: 250 ok\n";
    // It has gone somewhere.
    let error = "the server broke the protocol: a reply that makes no sense came after the end of the message: 250 queued";
    let told = format!("ready\nambiguous: {error}\nclosed: {error}");
    after_hello(&setup, &CHUNKING, &format!("{script}S: 250 queued"), &told);
    let error = "the connection was lost after the end of the message";
    let told = format!("ready\nambiguous: {error}\nclosed: {error}");
    after_hello(&setup, &CHUNKING, &format!("{script}!eof"), &told);
    // It has not.
    let refused = "deferred: the server refused at MAIL: 503 nested";
    let told = format!("ready\n{refused}\nopen, reusable");
    after_hello(&setup, &CHUNKING, &format!("{script}S: 554 nobody"), &told);
    let closed = "closed: the server refused after the end of the message: 421 bye";
    let told = format!("ready\n{refused}\n{closed}");
    after_hello(&setup, &CHUNKING, &format!("{script}S: 421 bye"), &told);
}

#[test]
fn case_w14_streamed_chunks_behind_a_421_were_not_taken() {
    let recipients = ["x@b.example", "y@b.example"];
    let setup = Setup::message(&recipients, "hi\r\n").stay().sized().chunked(Chunking::Streamed);
    let error = "the server refused at RCPT: 421 4.3.2 shutting down";
    after_hello(
        &setup,
        &CHUNKING,
        "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<x@b.example>
         C: RCPT TO:<y@b.example>
         C: BDAT 4 LAST
         C: hi
         S: 250 ok
         S: 421 4.3.2 shutting down",
        &format!("ready\ndeferred: {error}\ndeferred: {error}\nclosed: {error}"),
    );
    let flight = "C: MAIL FROM:<from@a.example>
         C: RCPT TO:<to@b.example>
         C: BDAT 4 LAST
         C: hi
         C: RSET
         C: MAIL FROM:<from@a.example>
         C: RCPT TO:<b@b.example>
         C: BDAT 3 LAST
         C| two
         S: 250 ok
         S: 250 ok\n";
    let error = "the server refused after the end of the message: 421 bye";
    after_hello(
        &two_streamed(),
        &CHUNKING,
        &format!("{flight}S: 421 bye"),
        &format!("ready\ndeferred: {error}\ndeferred: {error}\nclosed: {error}"),
    );
    let error = "the server refused at RSET: 421 bye";
    after_hello(
        &two_streamed(),
        &CHUNKING,
        &format!("{flight}S: 250 queued\nS: 421 bye"),
        &format!("ready\ndelivered: 250 queued\ndeferred: {error}\nclosed: {error}"),
    );
}

#[test]
fn a_large_chunk_has_the_time_that_its_parts_take() {
    let setup = large();
    let mut client = Client::new(setup.config.clone(), TlsMode::None, Instant::ZERO);
    let (mut out, mut taken) = (Output::new(), 0);
    let mut input = [HELLO[0], HELLO[1], "250 ok\r\n250 ok\r\n"].into_iter();
    while taken < 1 << 20 {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Ready) => _ = client.send(setup.messages[0].0.clone()).unwrap(),
            Next::Event(_) => {}
            Next::Body(_) => {
                taken += client.body(Instant::ZERO, &setup.messages[0].1[taken..], true, &mut out).unwrap();
            }
            Next::Wait if out.is_empty() => {
                client.handle_input(Instant::ZERO, input.next().unwrap().as_bytes());
            }
            Next::Wait => {
                client.handle_written(Instant::ZERO, out.len());
                out.clear();
            }
            Next::Closed(end) => panic!("{end:?}"),
        }
    }
    // Five times the minimum rate, which a whole megabyte does not reach in the time of a block.
    let at = |second| Instant::from_duration(std::time::Duration::from_secs(second));
    for second in 1..=200 {
        client.handle_written(at(second), 5 << 10);
        client.handle_timeout(at(second));
        assert!(!client.is_over(), "after {second} seconds");
    }
    // A peer that takes no more is left.
    client.handle_timeout(at(200 + 180));
    assert!(client.is_over());
}
