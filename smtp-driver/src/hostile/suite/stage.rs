//! A mailer, a hostile server for it, and what that has seen.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use smtp_message::{Bcc, ContentError, LineEnds, RawMessage};
use smtp_proto::Address;
use smtp_proto::client::Timeouts;

use crate::conformance::{Harness, LONG, Peer, SHORT};
use crate::hostile::{Case, Certificates, Play, Script, Seen};
use crate::{AsyncChunks, Error, Mailer, MailerBuilder, Report, Runtime};

/// The recipient of most messages.
pub(super) const TO: &[&str] = &["to@b.example"];
pub(super) const DELIVERED: &str = "delivered: 250 2.0.0 for to@b.example";

/// One authority is enough for a process.
pub(super) fn certificates() -> &'static Certificates {
    static ALL: OnceLock<Certificates> = OnceLock::new();
    ALL.get_or_init(|| Certificates::new().expect("certificates"))
}

/// What the server has seen.
#[derive(Default)]
struct State {
    connected: u64,
    ended: u64,
    seen: Vec<Seen>,
    wakers: Vec<Waker>,
}

#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<State>>);

impl Record {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, seen: Seen) {
        let mut state = self.lock();
        state.connected += u64::from(seen == Seen::Connected);
        state.ended += u64::from(seen == Seen::Ended);
        state.seen.push(seen);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether something was seen; if not, wakes when there is more.
    fn has(&self, context: &Context<'_>, is_it: impl Fn(&Seen) -> bool) -> bool {
        let mut state = self.lock();
        let has = state.seen.iter().any(is_it);
        if !has {
            state.wakers.push(context.waker().clone());
        }
        has
    }

    /// Waits until so many connections have been made and all have ended.
    pub(super) async fn over(&self, connections: u64) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.ended >= connections && state.ended == state.connected {
                return Poll::Ready(());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// What satisfies `pick` of what was seen.
    pub(super) fn all<T>(&self, pick: impl Fn(&Seen) -> Option<T>) -> Vec<T> {
        self.lock().seen.iter().filter_map(pick).collect()
    }
}

pub(super) struct Stage<R: Runtime> {
    name: String,
    pub(super) mailer: Mailer<R>,
    pub(super) record: Record,
}

impl<R: Runtime> Stage<R> {
    /// A server that does what the case of this name says, and a mailer for it: with implicit TLS if the script says so,
    /// else without TLS if `settings` do not say so.
    pub(super) fn new<H: Harness<Runtime = R>>(
        harness: &H,
        name: &str,
        settings: impl FnOnce(MailerBuilder) -> MailerBuilder,
    ) -> Self {
        let case = Case::named(name).expect("a case of this name");
        Self::with(harness, name, case.script(), settings)
    }

    pub(super) fn with<H: Harness<Runtime = R>>(
        harness: &H,
        name: &str,
        script: Script,
        settings: impl FnOnce(MailerBuilder) -> MailerBuilder,
    ) -> Self {
        let implicit = script.implicit;
        let record = Record::default();
        let notes = record.clone();
        let play = Play::new(script, certificates(), harness.runtime());
        let play = play.on_seen(move |_, seen| notes.note(seen));
        let (host, port) = harness.serve(Peer::Hostile(Arc::new(play)));
        let builder = impatient(|_| {})(MailerBuilder::new(host).port(port).connect_timeout(LONG));
        let builder = if implicit { trusting(builder) } else { builder.dangerous_plaintext() };
        let mailer = settings(builder).build(harness.runtime()).expect("settings");
        Self { name: name.to_owned(), mailer, record }
    }

    pub(super) async fn try_send(&self, to: &[&str]) -> Result<Report, Error> {
        self.mailer
            .send_to(Some(address("from@a.example")), to.iter().map(|to| address(to)).collect(), &small())
            .await
    }

    /// What is told of a message to these recipients: their outcomes, or the error.
    pub(super) async fn send(&self, to: &[&str]) -> Vec<String> {
        told(self.try_send(to).await)
    }

    /// The same, and what is told is this.
    pub(super) async fn sends(&self, to: &[&str], expected: &[&str]) {
        assert_eq!(self.send(to).await, expected, "{}", self.name);
    }

    /// Begins to send a message, and gives it up when the server has seen this.
    pub(super) async fn drop_at(&self, to: &[&str], is_it: impl Fn(&Seen) -> bool) {
        let mut sending = pin!(self.try_send(to));
        poll_fn(|context| {
            if self.record.has(context, &is_it) {
                return Poll::Ready(());
            }
            match sending.as_mut().poll(context) {
                Poll::Ready(report) => panic!("{}: ended: {report:?}", self.name),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
    }

    /// Ends the connections, and sees that the client has done nothing wrong and made so many of them.
    pub(super) async fn ends(self, connections: u64) {
        self.ends_with(connections, &[]).await;
    }

    /// The same where a client could not know better: this is all that it has done wrong.
    pub(super) async fn ends_with(self, connections: u64, expected: &[&str]) {
        self.mailer.close().await;
        drop(self.mailer);
        self.record.over(connections).await;
        let wrong = self.record.all(|seen| match seen {
            Seen::Wrong(what) => Some(what.clone()),
            _ => None,
        });
        assert_eq!(wrong, expected, "{}", self.name);
        assert_eq!(self.record.lock().connected, connections, "connections of {}", self.name);
    }
}

/// One message, what is told of it, and one connection for it.
pub(super) async fn one<H: Harness>(harness: &H, name: &str, to: &[&str], expected: &[&str]) {
    one_with(harness, name, |builder| builder, to, expected).await;
}

/// The same with other settings.
pub(super) async fn one_with<H: Harness>(
    harness: &H,
    name: &str,
    settings: impl FnOnce(MailerBuilder) -> MailerBuilder,
    to: &[&str],
    expected: &[&str],
) {
    let stage = Stage::new(harness, name, settings);
    stage.sends(to, expected).await;
    stage.ends(1).await;
}

pub(super) fn told(result: Result<Report, Error>) -> Vec<String> {
    match result {
        Ok(report) => report.recipients().iter().map(|recipient| recipient.outcome.to_string()).collect(),
        // Without the name of the server, which is another everywhere.
        Err(Error::Session { source, .. }) => vec![format!("error: {source}")],
        Err(Error::Auth { source, .. }) => vec![format!("error: {source}")],
        Err(error) => vec![format!("error: {error}")],
    }
}

pub(super) fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

pub(super) fn small() -> RawMessage {
    RawMessage::parse("Subject: hi\n\nhi\n", LineEnds::Normalise, Bcc::Keep).expect("a message")
}

pub(super) fn eight_bit() -> RawMessage {
    let content = "Subject: hi\n\nGr\u{fc}\u{df}e\n";
    RawMessage::parse(content, LineEnds::Normalise, Bcc::Keep).expect("a message")
}

/// More than any buffers on the way take.
pub(super) fn large() -> RawMessage {
    let line = "x".repeat(998) + "\r\n";
    let content = "Subject: long\r\n\r\n".to_owned() + &line.repeat(8000);
    RawMessage::parse(content, LineEnds::Strict, Bcc::Keep).expect("a message")
}

/// STARTTLS, which the server must offer, and trust in the kit's authority alone.
pub(super) fn starttls(builder: MailerBuilder) -> MailerBuilder {
    trusting(builder).starttls()
}

fn trusting(builder: MailerBuilder) -> MailerBuilder {
    builder.trust_only_pem(certificates().authority_pem().as_bytes()).expect("an authority")
}

pub(super) fn with_password(builder: MailerBuilder) -> MailerBuilder {
    starttls(builder).credentials("user", "secret")
}

/// Timeouts that only a failure takes, but for what `set` changes.
pub(super) fn impatient(set: impl FnOnce(&mut Timeouts)) -> impl FnOnce(MailerBuilder) -> MailerBuilder {
    let mut timeouts = Timeouts::default();
    for timeout in [
        &mut timeouts.greeting,
        &mut timeouts.command,
        &mut timeouts.auth,
        &mut timeouts.mail,
        &mut timeouts.rcpt,
        &mut timeouts.data,
        &mut timeouts.message,
    ] {
        *timeout = LONG;
    }
    set(&mut timeouts);
    move |builder| builder.timeouts(timeouts)
}

pub(super) const NO_TIME: std::time::Duration = SHORT;

/// Content of unknown size: so many pieces of 64 KiB.
pub(super) struct Pieces(pub(super) usize);

impl AsyncChunks for Pieces {
    async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        let line = "x".repeat(62) + "\r\n";
        out.extend_from_slice(line.repeat(1024).as_bytes());
        self.0 = self.0.saturating_sub(1);
        Ok(self.0 > 0)
    }
}
