//! What happens while content is on its way, step by step rather than as a script.

use super::wire::one;
use smtp_proto::client::{Client, Error, Event, Failure, Next, Outcome, PeerMisbehaved, TlsMode};
use smtp_proto::{Instant, Output};

/// A client that has sent the first half of a message and is asked for the rest.
fn in_content() -> (Client, Output) {
    let setup = one();
    let mut client = Client::new(setup.config.clone(), TlsMode::None, Instant::ZERO);
    let mut out = Output::new();
    let mut input =
        ["220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"].into_iter();
    loop {
        match client.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Ready) => {
                client.send(setup.messages[0].0.clone()).unwrap();
            }
            Next::Event(_) => {}
            Next::Wait if !out.is_empty() => {
                client.handle_written(Instant::ZERO, out.len());
                out.clear();
            }
            Next::Wait => client.handle_input(Instant::ZERO, input.next().unwrap().as_bytes()),
            Next::Body(_) => return (client, out),
            Next::Closed(end) => panic!("{end:?}"),
        }
    }
}

/// What became of the only recipient, and how the connection ended, if it did.
fn fate(client: &mut Client, out: &mut Output) -> (Option<Outcome>, Option<Result<(), Error>>) {
    let mut outcome = None;
    loop {
        match client.poll(Instant::ZERO, out) {
            Next::Event(Event::Finished(_, outcomes)) => outcome = Some(outcomes[0].clone()),
            Next::Event(_) => {}
            Next::Closed(end) => return (outcome, Some(end)),
            Next::Wait | Next::Body(_) => return (outcome, None),
        }
    }
}

#[test]
fn case_w19_a_reply_before_the_end_mark_is_wholly_written_is_no_verdict() {
    let verdict = b"250 queued\r\n";
    let (mut client, mut out) = in_content();
    let content = b"hi\r\n";
    assert_eq!(client.body(Instant::ZERO, content, true, &mut out), Ok(content.len()));
    let len = out.len();
    for written in 0..len {
        let (mut client, mut out) = in_content();
        client.body(Instant::ZERO, content, true, &mut out).unwrap();
        client.handle_written(Instant::ZERO, written);
        out.advance(written);
        client.handle_input(Instant::ZERO, verdict);
        let (outcome, end) = fate(&mut client, &mut out);
        assert!(matches!(outcome, Some(Outcome::Deferred(_))), "{written} of {len} written: {outcome:?}");
        assert!(
            matches!(end, Some(Err(Error::PeerMisbehaved(PeerMisbehaved::Unsolicited { .. })))),
            "{end:?}"
        );
    }
    client.handle_written(Instant::ZERO, len);
    out.clear();
    client.handle_input(Instant::ZERO, verdict);
    assert!(matches!(fate(&mut client, &mut out), (Some(Outcome::Delivered(_)), None)));
}

#[test]
fn case_w33_a_refusal_in_the_middle_of_the_content_is_reported() {
    let reply = b"550 5.7.1 we do not want this\r\n";
    for cut in 0..reply.len() {
        let (mut client, mut out) = in_content();
        client.body(Instant::ZERO, b"half of ", false, &mut out).unwrap();
        client.handle_written(Instant::ZERO, 3);
        out.advance(3);
        // Writing fails from here on; what the server said is read until it closes.
        client.handle_input(Instant::ZERO, &reply[..cut]);
        client.handle_input(Instant::ZERO, &reply[cut..]);
        client.handle_eof(Instant::ZERO);
        let (outcome, end) = fate(&mut client, &mut out);
        let Some(Outcome::Deferred(failure)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.reply().unwrap().to_string(), "550 5.7.1 we do not want this");
        assert!(end.unwrap().is_err());
    }
}

#[test]
fn case_w32_cancel_in_the_middle_of_the_content_closes() {
    let (mut client, mut out) = in_content();
    client.body(Instant::ZERO, b"half of ", false, &mut out).unwrap();
    client.handle_written(Instant::ZERO, out.len());
    out.clear();
    let Next::Body(id) = client.poll(Instant::ZERO, &mut out) else { panic!() };
    client.cancel(id);
    let (outcome, end) = fate(&mut client, &mut out);
    assert_eq!(outcome, Some(Outcome::Deferred(Failure::Cancelled)));
    assert_eq!(end, Some(Err(Error::Cancelled)));
    assert!(out.is_empty() && !client.is_reusable());
}
