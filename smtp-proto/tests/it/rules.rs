//! Deadlines, what may follow what, and what must not be shown.

use std::time::Duration;

use super::script::{Setup, check};
use super::wire::{HELLO, hello};
use smtp_proto::client::{Chunking, Client, Config, Error, Misuse, Next, Phase, Timeouts, TlsMode};
use smtp_proto::command::{Query, XClientName};
use smtp_proto::envelope::{Envelope, Form};
use smtp_proto::reply::{ReplyLimits, ReplyParser};
use smtp_proto::sasl::{Exchange, NONCE};
use smtp_proto::server::Response;
use smtp_proto::{AuthMechanism, Instant, Output};

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
    let open = "misuse: a transaction is open, and this must wait for its end";
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
    // QUIT waits for its turn.
    let asking = Setup { queries: vec![Query::Noop], ..Setup::idle() };
    let lost = "ready\nclosed: the connection was lost at a query";
    check(&asking, &format!("{idle}C: NOOP\n!quit\n!eof"), lost);
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

#[test]
fn replies_that_make_no_sense_end_the_session() {
    check(
        &Setup::message(&["to@b.example"], "hi\r\n").starttls(),
        &(hello(&["STARTTLS"]) + "C: STARTTLS\nS: 334 go"),
        "closed: the server broke the protocol: a reply that makes no sense came at STARTTLS: 334 go",
    );
    check(
        &Setup::message(&["to@b.example"], "hi\r\n"),
        &(hello(&[]) + "C: MAIL FROM:<from@a.example>\nS: 354 go"),
        "ready
         deferred: the server broke the protocol: a reply that makes no sense came at MAIL: 354 go
         closed: the server broke the protocol: a reply that makes no sense came at MAIL: 354 go",
    );
    // Whatever it says to QUIT, it has said goodbye.
    let mut idle = Setup::idle();
    idle.quit = true;
    check(&idle, &(hello(&[]) + "C: QUIT\nS: 421 bye"), "ready\nclosed");
    check(
        &Setup::idle(),
        &(hello(&[]) + "!eof"),
        "ready\nclosed: the connection was lost while nothing was going on",
    );
}

#[test]
fn auth_comes_behind_the_reply_to_a_reset() {
    let mut setup = Setup::message(&["to@b.example"], "hi\r\n").stay();
    setup.config.allow_insecure_auth = true;
    check(
        &setup,
        &(hello(&["PIPELINING", "AUTH PLAIN"])
            + "C: MAIL FROM:<from@a.example>
               C: RCPT TO:<to@b.example>
               C: DATA
               S: 250 ok
               S: 550 no
               S: 554 no
               !auth
               C: RSET
               S: 250 ok
               C: AUTH PLAIN AHVzZXIAc2VjcmV0
               S: 535 no"),
        "ready
         rejected: the server refused at RCPT: 550 no
         not authenticated: the server refused the credentials: 535 no
         open, reusable",
    );
}

/// A client that is ready, with these lines of keywords.
fn ready(keywords: &str) -> (Client, Output) {
    let mut config = Config::new("client.example".parse().unwrap());
    config.allow_insecure_auth = true;
    let mut client = Client::new(config, TlsMode::None, Instant::ZERO);
    let mut out = Output::new();
    let keywords: String = keywords.lines().map(|line| format!("250-{line}\r\n")).collect();
    for input in ["220 mx\r\n", &format!("250-mx\r\n{keywords}250 HELP\r\n")] {
        client.handle_input(Instant::ZERO, input.as_bytes());
        wire(&mut client, &mut out);
    }
    (client, out)
}

/// Everything the client has to write now.
fn wire(client: &mut Client, out: &mut Output) -> String {
    while let Next::Event(_) = client.poll(Instant::ZERO, out) {}
    let bytes: Vec<u8> = out.slices(&[]).unwrap().flatten().copied().collect();
    client.handle_written(Instant::ZERO, bytes.len());
    out.clear();
    String::from_utf8(bytes).unwrap()
}

fn envelope(to: &str) -> Envelope {
    Envelope::new(None, [to.parse().unwrap()]).unwrap()
}

#[test]
fn requests_at_the_wrong_time_are_refused() {
    let (mut client, mut out) = ready("AUTH PLAIN LOGIN");
    assert!(format!("{client:?}").starts_with("Client { state: Ready"));
    assert_eq!(client.respond(&"x".into()), Err(Misuse::NoSecretWanted));
    client.authenticate(Exchange::new(AuthMechanism::Login, "user", [0; NONCE]).unwrap()).unwrap();
    assert_eq!(client.send(envelope("a@b")), Err(Misuse::NotReady));
    wire(&mut client, &mut out);
    assert_eq!(client.abort_auth(), Err(Misuse::NoSecretWanted), "the server is to speak");
    client.handle_input(Instant::ZERO, b"334 VXNlcm5hbWU6\r\n");
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"334 UGFzc3dvcmQ6\r\n");
    client.handle_eof(Instant::ZERO);
    assert_eq!(client.respond(&"x".into()), Err(Misuse::NoSecretWanted), "it is over");
    assert_eq!(client.send(envelope("a@b")), Err(Misuse::NotReady));

    let (mut client, mut out) = ready("PIPELINING");
    client.quit();
    assert_eq!(client.send(envelope("a@b")), Err(Misuse::NotReady), "quit comes last");
    assert_eq!(wire(&mut client, &mut out), "QUIT\r\n");
    let (mut client, _) = ready("PIPELINING");
    client.handle_eof(Instant::ZERO);
    assert_eq!(client.send(envelope("a@b")), Err(Misuse::NotReady), "it is over");
}

/// The text as `Debug` shows bytes.
fn decimals(text: &str) -> String {
    let bytes = format!("{:?}", text.as_bytes());
    bytes.trim_matches(['[', ']']).to_owned()
}

#[test]
fn debug_shows_neither_credentials_nor_content() {
    let (mut client, mut out) = ready("AUTH PLAIN");
    client.authenticate(Exchange::new(AuthMechanism::Plain, "user", [0; NONCE]).unwrap()).unwrap();
    client.respond(&"secret".into()).unwrap();
    let hidden = |shown: &str, texts: &[&str]| {
        for text in texts {
            assert!(!shown.contains(text) && !shown.contains(&decimals(text)), "{text} in {shown}");
        }
    };
    let credentials = ["secret", "c2VjcmV0", "AHVzZXIAc2VjcmV0"];
    hidden(&format!("{client:?}"), &credentials);
    assert_eq!(wire(&mut client, &mut out), "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
    hidden(&format!("{client:?}"), &credentials);
    client.handle_input(Instant::ZERO, b"500 AHVzZXIAc2VjcmV0");
    hidden(&format!("{client:?}"), &credentials);

    let mut parser = ReplyParser::new(ReplyLimits::default());
    assert!(parser.parse(&mut &b"334 c2VjcmV0"[..]).unwrap().is_none());
    hidden(&format!("{parser:?}"), &credentials);
    hidden(&format!("{:?}", Response::challenge(*b"secret")), &credentials);

    // A chunk in the making, and the byte that is held back.
    let (mut client, mut out) = chunked();
    client.send(envelope("a@b.example")).unwrap();
    let form = Form { size: Some(8), ..Form::default() };
    client.send(envelope("b@b.example").with_form(form)).unwrap();
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"250 ok\r\n250 ok\r\n");
    assert_eq!(wire(&mut client, &mut out), "");
    client.body(Instant::ZERO, b"secret\r\n", false, &mut out).unwrap();
    hidden(&format!("{client:?}{out:?}"), &credentials[..1]);
}

#[test]
fn the_second_message_can_be_cancelled_alone() {
    let (mut client, mut out) = ready("PIPELINING");
    let first = client.send(envelope("one@b.example")).unwrap();
    let second = client.send(envelope("two@b.example")).unwrap();
    client.cancel(second);
    assert_eq!(wire(&mut client, &mut out), "MAIL FROM:<>\r\nRCPT TO:<one@b.example>\r\nDATA\r\n");
    client.handle_input(Instant::ZERO, b"250 ok\r\n250 ok\r\n354 go\r\n");
    let wanted = loop {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Body(id) => break id,
            Next::Event(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wanted, first);
    // Lost while content is wanted.
    client.handle_eof(Instant::ZERO);
    let end = loop {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Closed(end) => break end,
            Next::Event(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end, Err(Error::Disconnected { phase: Phase::Content }));
}

#[test]
fn what_was_said_in_auth_is_forgotten_behind_the_next_answer() {
    let (mut client, mut out) = ready("AUTH PLAIN");
    let exchange = || Exchange::new(AuthMechanism::Plain, "user", [0; NONCE]).unwrap();
    client.authenticate(exchange()).unwrap();
    client.respond(&"secret".into()).unwrap();
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"535 no\r\n");
    client.query(Query::Noop).unwrap();
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"250 ok\r\n250 early\r\n");
    let end = loop {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Closed(end) => break end.unwrap_err().to_string(),
            Next::Event(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(end.ends_with(": 250 early"), "{end}");
}

#[test]
fn after_xclient_a_client_is_another_one() {
    let (mut client, mut out) = ready("AUTH PLAIN\nXCLIENT LOGIN\nLIMITS MAILMAX=1");
    let exchange = || Exchange::new(AuthMechanism::Plain, "user", [0; NONCE]).unwrap();
    client.authenticate(exchange()).unwrap();
    client.respond(&"secret".into()).unwrap();
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"235 ok\r\n");
    client.send(envelope("a@b.example")).unwrap();
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"550 no\r\n");
    assert_eq!(client.authenticate(exchange()), Err(Misuse::Authenticated));
    assert_eq!(client.send(envelope("a@b.example")), Err(Misuse::TooManyMails { limit: 1 }));
    client.query(Query::XClient(vec![(XClientName::Login, "x".into())])).unwrap();
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"220 mx\r\n");
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"250-mx\r\n250-AUTH PLAIN\r\n250 LIMITS MAILMAX=1\r\n");
    assert!(client.is_reusable());
    client.authenticate(exchange()).unwrap();
    client.abort_auth().unwrap();
    client.send(envelope("a@b.example")).unwrap();
}

#[test]
fn only_mail_that_is_put_out_counts_for_its_limit() {
    let (mut client, mut out) = ready("SIZE 10\nLIMITS MAILMAX=2");
    let large = Form { size: Some(11), ..Form::default() };
    client.send(envelope("a@b.example").with_form(large)).unwrap();
    let cancelled = client.send(envelope("a@b.example")).unwrap();
    client.cancel(cancelled);
    client.send(envelope("a@b.example")).unwrap();
    // Queued is as good as put out.
    let second = client.send(envelope("b@b.example")).unwrap();
    assert_eq!(client.send(envelope("c@b.example")), Err(Misuse::TooManyMails { limit: 2 }));
    client.cancel(second);
    assert_eq!(wire(&mut client, &mut out), "MAIL FROM:<>\r\n");
    client.send(envelope("b@b.example")).unwrap();
    assert_eq!(client.send(envelope("c@b.example")), Err(Misuse::TooManyMails { limit: 2 }));
}

#[test]
fn xclient_is_asked_alone() {
    let (mut client, mut out) = ready("XCLIENT NAME");
    let xclient = || Query::XClient(vec![(XClientName::Name, "x".into())]);
    client.query(Query::Noop).unwrap();
    assert_eq!(client.query(xclient()), Err(Misuse::NotReady), "a query is queued");
    assert_eq!(wire(&mut client, &mut out), "NOOP\r\n");
    assert_eq!(client.query(xclient()), Err(Misuse::NotReady), "a query is not answered");
    client.handle_input(Instant::ZERO, b"250 ok\r\n");
    assert_eq!(wire(&mut client, &mut out), "");
    client.query(xclient()).unwrap();
    assert_eq!(wire(&mut client, &mut out), "XCLIENT NAME=x\r\n");
    assert!(!client.is_reusable());
}

#[test]
fn a_connection_is_reusable_until_its_last_message() {
    let (mut client, mut out) = ready("LIMITS MAILMAX=1");
    assert!(client.is_reusable());
    client.send(envelope("a@b.example")).unwrap();
    wire(&mut client, &mut out);
    client.handle_input(Instant::ZERO, b"550 no\r\n");
    wire(&mut client, &mut out);
    assert!(!client.is_reusable());
    assert_eq!(client.send(envelope("a@b.example")), Err(Misuse::TooManyMails { limit: 1 }));
    // Leaving is no failure, if it was meant.
    client.quit();
    client.handle_eof(Instant::ZERO);
    assert!(matches!(client.poll(Instant::ZERO, &mut out), Next::Closed(Ok(()))));
}

/// A client that is ready and sends in chunks.
fn chunked() -> (Client, Output) {
    let mut config = Config::new("client.example".parse().unwrap());
    config.chunking = Chunking::Safe;
    let mut client = Client::new(config, TlsMode::None, Instant::ZERO);
    let mut out = Output::new();
    for input in ["220 mx\r\n", "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"] {
        client.handle_input(Instant::ZERO, input.as_bytes());
        wire(&mut client, &mut out);
    }
    (client, out)
}
