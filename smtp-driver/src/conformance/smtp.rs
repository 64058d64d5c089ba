//! Checks of the [`Mailer`] over a runtime's connections, against servers that do what real ones have done to mail
//! software.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use smtp_message::{Bcc, LineEnds, RawMessage};
use smtp_proto::Address;
use smtp_proto::client::{Event, Failure, Outcome, Timeouts, Trace};

use super::{Harness, Peer, read_some, write_all};
use crate::{Mailer, MailerBuilder, Report, Transport};

/// What kind of server a [`Peer::Smtp`] is.  Each is a plain one with PIPELINING but for what it says; the reply to a
/// message names its first recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smtp {
    /// Does nothing odd.
    Plain,
    /// Keeps the reply to a message for `hold@` back until the client says something more, or for good.
    HoldsVerdict,
    /// Answers each RCPT with several hundred bytes, and reads nothing while it writes.
    Talkative,
    /// Reads nothing after EHLO.
    StopsReading,
    /// Refuses content with 550 before it is complete, and closes the connection with most of it unread.
    RefusesContent,
    /// Closes the connection after the end of the content, with no reply.
    ClosesAfterDot,
    /// Says 421 and closes the connection once it has taken a message.
    ClosesAfterMessage,
}

impl Smtp {
    pub(super) async fn run<T: Transport>(self, transport: &mut T) {
        let mut peer = Lines { transport, buffer: Vec::new() };
        let mut first = None;
        peer.say("220 peer.example ESMTP\r\n").await;
        while let Some(line) = peer.line().await {
            let reply = match line.split(['<', '>']).collect::<Vec<_>>()[..] {
                ["QUIT"] => return peer.say("221 bye\r\n").await,
                ["DATA"] => {
                    peer.say("354 go\r\n").await;
                    if self == Self::RefusesContent {
                        peer.line().await;
                        return peer.say("550 5.7.1 not this\r\n").await;
                    }
                    while peer.line().await.is_some_and(|line| line != ".") {}
                    let first = first.take().unwrap_or_default();
                    if self == Self::ClosesAfterDot
                        || (first == "hold@b.example" && peer.more().await.is_none())
                    {
                        return;
                    }
                    peer.say(&format!("250 for {first}\r\n")).await;
                    if self == Self::ClosesAfterMessage {
                        return peer.say("421 4.3.2 enough\r\n").await;
                    }
                    continue;
                }
                ["RCPT TO:", to, ..] => {
                    first.get_or_insert(to.to_owned());
                    format!("250 {}\r\n", if self == Self::Talkative { "x".repeat(400) } else { "ok".into() })
                }
                _ if line.starts_with("EHLO") => "250-peer.example\r\n250 PIPELINING\r\n".to_owned(),
                _ => "250 ok\r\n".to_owned(),
            };
            peer.say(&reply).await;
            if self == Self::StopsReading {
                // The connection stays open for as long as the test runs.
                return std::future::pending().await;
            }
        }
    }
}

struct Lines<'a, T> {
    transport: &'a mut T,
    buffer: Vec<u8>,
}

impl<T: Transport> Lines<'_, T> {
    async fn say(&mut self, text: &str) {
        write_all(self.transport, text.as_bytes()).await;
    }

    /// Waits for more input; `None` at the end.
    async fn more(&mut self) -> Option<()> {
        if self.buffer.is_empty() {
            let mut rx = [0; 4096];
            let n = read_some(self.transport, &mut rx).await.filter(|&n| n > 0)?;
            self.buffer.extend_from_slice(&rx[..n]);
        }
        Some(())
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            self.more().await?;
            let end = self.buffer.iter().position(|&byte| byte == b'\n');
            line.extend(self.buffer.drain(..end.map_or(self.buffer.len(), |end| end + 1)));
            if end.is_some() {
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        }
    }
}

/// A connection is kept and used for the next message.
pub async fn messages_one_after_the_other<H: Harness>(harness: &H) {
    let mailer = mailer(harness, Smtp::Plain, |builder| builder);
    for to in ["a@b.example", "c@b.example", "d@b.example"] {
        assert_delivered(&send(&mailer, &[to]).await, to);
    }
    mailer.close().await;
}

/// Case W4: a send that is dropped after the end mark leaves no connection on which its reply could be taken for that of
/// the next.  Not for runtimes whose futures wait inside `poll`, which nobody can drop meanwhile.
pub async fn case_w4_dropped<H: Harness>(harness: &H) {
    let ended = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ended);
    let mailer = mailer(harness, Smtp::HoldsVerdict, |builder| {
        builder.on_event(move |event| {
            if matches!(event, Event::Trace(Trace::SentContent(_))) {
                told.store(true, Ordering::Relaxed);
            }
        })
    });
    {
        let mut dropped = pin!(send(&mailer, &["hold@b.example"]));
        poll_fn(|context| match dropped.as_mut().poll(context) {
            Poll::Ready(report) => panic!("ended: {report:?}"),
            Poll::Pending if ended.load(Ordering::Relaxed) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        })
        .await;
    }
    assert_delivered(&send(&mailer, &["next@b.example"]).await, "next@b.example");
}

/// Case W4 with a deadline instead of a dropped future.
pub async fn case_w4_timed_out<H: Harness>(harness: &H) {
    let mut timeouts = Timeouts::default();
    timeouts.message = super::SHORT;
    let impatient = mailer(harness, Smtp::HoldsVerdict, |builder| builder.timeouts(timeouts));
    let report = send(&impatient, &["hold@b.example"]).await;
    assert!(matches!(report.recipients()[0].outcome, Outcome::Ambiguous(_)), "{report:?}");
    // The next one has no reason to be late, but may be on a slow machine: what it must not get is the old reply.
    let report = send(&impatient, &["next@b.example"]).await;
    let reply = report.recipients()[0].outcome.reply().map(ToString::to_string);
    assert!(reply.is_none_or(|reply| reply == "250 for next@b.example"), "{report:?}");
}

/// Case W20: a connection that is lost after the end mark is ambiguous, and nothing is sent again.
pub async fn case_w20<H: Harness>(harness: &H) {
    let report = send(&mailer(harness, Smtp::ClosesAfterDot, |builder| builder), &["a@b.example"]).await;
    assert!(matches!(report.recipients()[0].outcome, Outcome::Ambiguous(_)), "{report:?}");
}

/// Case W21: ten thousand recipients for a server that talks much and does not read meanwhile.
pub async fn case_w21_talkative<H: Harness>(harness: &H) {
    let to: Vec<String> = (0..10_000).map(|i| format!("{i}@b.example")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let report = send(&mailer(harness, Smtp::Talkative, |builder| builder), &to).await;
    assert_eq!(report.recipients().len(), to.len());
    assert_delivered(&report, to[0]);
}

/// Case W21: a server that reads nothing at all costs a deadline, not a thread.
pub async fn case_w21_stops_reading<H: Harness>(harness: &H) {
    let to: Vec<String> = (0..10_000).map(|i| format!("{i}@b.example")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut timeouts = Timeouts::default();
    (timeouts.mail, timeouts.rcpt, timeouts.block) = (super::SHORT, super::SHORT, super::SHORT);
    let mailer = mailer(harness, Smtp::StopsReading, |builder| builder.timeouts(timeouts));
    let report = send(&mailer, &to).await;
    assert_eq!(report.recipients().len(), to.len());
    for recipient in report.recipients() {
        assert!(matches!(recipient.outcome, Outcome::Deferred(Failure::Connection(_))), "{recipient:?}");
    }
}

/// Case W33: what the server said before it closed the connection is reported, though writing failed.
pub async fn case_w33<H: Harness>(harness: &H) {
    let line = "x".repeat(998) + "\r\n";
    let content = "Subject: long\r\n\r\n".to_owned() + &line.repeat(8000);
    let content = RawMessage::parse(content, LineEnds::Strict, Bcc::Keep).expect("a message");
    let mailer = mailer(harness, Smtp::RefusesContent, |builder| builder);
    let report = mailer.send_to(None, vec![address("a@b.example")], &content).await.expect("a report");
    let outcome = &report.recipients()[0].outcome;
    let reply = outcome.reply().expect("the server's reply");
    assert_eq!(reply.to_string(), "550 5.7.1 not this");
    assert!(matches!(outcome, Outcome::Deferred(_)), "{outcome}");
}

/// Case W14: a server that says 421 after a message leaves a connection that is not used again.
pub async fn case_w14<H: Harness>(harness: &H) {
    let mailer = mailer(harness, Smtp::ClosesAfterMessage, |builder| builder);
    for to in ["a@b.example", "c@b.example"] {
        assert_delivered(&send(&mailer, &[to]).await, to);
    }
}

fn mailer<H: Harness>(
    harness: &H,
    peer: Smtp,
    settings: impl FnOnce(MailerBuilder) -> MailerBuilder,
) -> Mailer<H::Runtime> {
    let (host, port) = harness.serve(Peer::Smtp(peer));
    let builder = MailerBuilder::new(host).port(port).dangerous_plaintext().connect_timeout(super::LONG);
    settings(builder).build(harness.runtime()).expect("settings")
}

async fn send<R: crate::Runtime>(mailer: &Mailer<R>, to: &[&str]) -> Report {
    let content =
        RawMessage::parse("Subject: hi\n\nhi\n", LineEnds::Normalise, Bcc::Keep).expect("a message");
    let to = to.iter().map(|to| address(to)).collect();
    mailer.send_to(Some(address("from@a.example")), to, &content).await.expect("a report")
}

fn assert_delivered(report: &Report, first: &str) {
    for recipient in report.recipients() {
        let reply = recipient.outcome.reply().map(ToString::to_string);
        assert!(recipient.outcome.is_delivered(), "{recipient:?}");
        assert_eq!(reply, Some(format!("250 for {first}")));
    }
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}
