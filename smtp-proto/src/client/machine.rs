//! The client machine: every transition of its state is in this file; what only looks at it is in [`known`](super::known).

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::auth::{Auth, AuthProgress, Said};
use super::config::{Config, TlsMode};
use super::error::{Error, Misuse, PeerMisbehaved, Phase};
use super::event::{AuthError, Event, Failure, Next, Outcome, PeerFault, Trace, TransactionId};
use super::pipeline::{Awaited, Pipeline};
use super::queue::Queue;
use super::state::{Protection, Quit, State};
use super::transaction::{Framing, Step, Transaction};
use super::wire::Wire;
use crate::Output;
use crate::command::{Command, Query};
use crate::envelope::{Envelope, RcptOptions};
use crate::extensions::{Extension, Extensions};
use crate::reply::{Reply, ReplyParser, Severity};
use crate::sasl::Exchange;
use crate::secret::Secret;
use crate::time::Instant;
use crate::tls::TlsInfo;

/// So much content is taken in one call of `body`.
const MAX_CHUNK: usize = 256 << 10;

/// The client side of one SMTP connection, in plain text; see the [module](crate::client).
pub struct Client {
    pub(super) wire: Wire,
    tls: TlsMode,
    pub(super) state: State,
    pub(super) protection: Protection,
    /// Until a command behind AUTH is answered.
    said: Said,
    /// AUTH has succeeded, and cannot be used again.
    pub(super) authenticated: bool,
    pub(super) parser: ReplyParser,
    pub(super) extensions: Extensions,
    /// What counts if the server refuses STARTTLS, which need not be.
    before_tls: Option<Extensions>,
    pub(super) transactions: Queue,
    /// How many times MAIL was put out in this session, or is going to be.
    pub(super) mails: usize,
    /// To be asked, in order.
    pub(super) queries: VecDeque<Query>,
    /// The server is inside a transaction that we have given up.
    needs_reset: bool,
    pub(super) quit: Quit,
    told_bare_lf: bool,
    /// How the session ends when the verdicts on a message have come.
    goodbye: Option<Error>,
    pub(super) end: Option<Result<(), Error>>,
}

impl Client {
    /// A client on a connection that has just been made.
    pub fn new(config: Config, tls: TlsMode, now: Instant) -> Self {
        let mut client = Self {
            parser: ReplyParser::new(config.reply_limits),
            wire: Wire { config, now, pipeline: Pipeline::default(), events: VecDeque::new() },
            tls,
            state: State::Await,
            protection: Protection::None,
            said: Said::default(),
            authenticated: false,
            extensions: Extensions::default(),
            before_tls: None,
            transactions: Queue::default(),
            mails: 0,
            queries: VecDeque::new(),
            needs_reset: false,
            quit: Quit::No,
            told_bare_lf: false,
            goodbye: None,
            end: None,
        };
        if tls == TlsMode::Implicit {
            client.await_tls(true);
        } else {
            client.wire.expect_greeting();
        }
        client
    }

    // Requests.

    /// Queues a message.  Its recipients' fate comes as [`Event::Finished`], which may be the next event if the server
    /// cannot take the message's form.
    ///
    /// # Errors
    /// [`Misuse::NotReady`], [`Misuse::TooManyMails`].
    pub fn send(&mut self, envelope: Envelope) -> Result<TransactionId, Misuse> {
        self.check_send()?;
        let id = self.transactions.next_id();
        self.mails += 1;
        let verified = self.protection == Protection::Tls { verified: true };
        let transaction = Transaction::new(id, envelope, &self.extensions, &self.wire.config, verified);
        for &extension in transaction.dropped.iter().filter(|_| !transaction.is_over()) {
            self.wire.events.push_back(Event::NotOffered(id, extension));
        }
        self.transactions.push(transaction);
        self.finish_if_over(id);
        Ok(id)
    }

    /// Asks something that has no effect on mail; the reply comes as [`Event::Answer`].  Several are answered in order,
    /// and before any message that is queued later.
    ///
    /// After [`Query::XClient`] the session begins anew with EHLO and [`Event::Ready`].  VRFY and EXPN of what is not ASCII
    /// need SMTPUTF8 (RFC 6531 section 3.7.4.2).
    ///
    /// # Errors
    /// [`Misuse::NotReady`], [`Misuse::TransactionOpen`], [`Misuse::NotOffered`], [`Misuse::NotAscii`].
    pub fn query(&mut self, query: Query) -> Result<(), Misuse> {
        self.check_query(&query)?;
        if matches!(query, Query::XClient(_)) {
            self.state = State::XClient;
        }
        self.queries.push_back(query);
        Ok(())
    }

    /// Gives a transaction up.  It still ends with [`Event::Finished`]: if its end mark is already put out, with what
    /// the server says; if content is under way, by the end of the connection, because nothing else stops it.
    pub fn cancel(&mut self, id: TransactionId) {
        let Some(transaction) = self.transactions.get_mut(id) else { return };
        match transaction.step {
            _ if transaction.can_stop() => {
                transaction.decide_rest(|| Outcome::Deferred(Failure::Cancelled));
                transaction.step = Step::Abandoned;
                self.finish_if_over(id);
            }
            Step::AwaitGo => transaction.cancelled = true,
            Step::Content => self.fail_for(id, || Outcome::Deferred(Failure::Cancelled), Error::Cancelled),
            _ => {}
        }
    }

    /// Starts AUTH.  When the mechanism needs the secret, [`Event::SecretWanted`] asks for it.
    ///
    /// # Errors
    /// [`Misuse::NotReady`], [`Misuse::TransactionOpen`], [`Misuse::Authenticated`], [`Misuse::InsecureAuth`],
    /// [`Misuse::MechanismNotOffered`], [`Misuse::NoChannelBinding`], [`Misuse::Mechanism`].
    pub fn authenticate(&mut self, mut exchange: Exchange) -> Result<(), Misuse> {
        self.check_auth(&exchange)?;
        let mechanism = exchange.mechanism();
        exchange.server_offers_binding(self.extensions.offers_channel_binding());
        let (auth, asks) = Auth::begin(exchange).map_err(Misuse::Mechanism)?;
        self.state = State::Auth(Box::new(auth));
        if asks {
            self.wire.events.push_back(Event::SecretWanted(mechanism));
        }
        Ok(())
    }

    /// Answers [`Event::SecretWanted`]: a password, or a token.  It is not kept; what was said with it is until the next
    /// command is answered, so that it is not shown where the server repeats it.
    ///
    /// # Errors
    /// [`Misuse::NoSecretWanted`].
    pub fn respond(&mut self, secret: &Secret) -> Result<(), Misuse> {
        let responded = self.asking()?.respond(secret).map(|said| self.said = said);
        self.auth_over(responded);
        Ok(())
    }

    /// Ends the AUTH exchange instead of an answer to [`Event::SecretWanted`].
    ///
    /// # Errors
    /// [`Misuse::NoSecretWanted`].
    pub fn abort_auth(&mut self) -> Result<(), Misuse> {
        let aborted = self.asking()?.abort(AuthError::Aborted);
        self.auth_over(aborted);
        Ok(())
    }

    /// Ends the connection politely once all transactions are sent; no more can be queued.
    pub fn quit(&mut self) {
        if self.quit == Quit::No {
            self.quit = Quit::Requested;
        }
    }

    /// TLS is established as [`Event::StartTls`] asked; all bytes from now on are inside it.  `verified` says that the
    /// server is known to be who it should be.
    ///
    /// # Errors
    /// [`Misuse::NotReady`] if TLS was not asked for.
    pub fn tls_ready(&mut self, now: Instant, verified: bool) -> Result<(), Misuse> {
        self.wire.now = now;
        let State::Handshake { greeting, .. } = self.state else { return Err(Misuse::NotReady) };
        self.protection = Protection::Tls { verified };
        // Nothing that was said in plain text is kept (RFC 3207 section 4.2).
        self.extensions = Extensions::default();
        self.parser = ReplyParser::new(self.wire.config.reply_limits);
        if greeting {
            self.state = State::Await;
            self.wire.expect_greeting();
        } else {
            self.state = State::SendEhlo;
        }
        Ok(())
    }

    // Input.

    /// Bytes came from the server.
    pub fn handle_input(&mut self, now: Instant, mut bytes: &[u8]) {
        self.wire.now = now;
        while !bytes.is_empty() && self.end.is_none() {
            if matches!(self.state, State::Handshake { .. }) {
                return self.fail(Error::PeerMisbehaved(PeerMisbehaved::DataAfterStartTls));
            }
            match self.parser.parse(&mut bytes) {
                Ok(None) => {}
                Ok(Some(reply)) => self.on_reply(reply, !bytes.is_empty()),
                Err(error) => {
                    let masked = matches!(self.state, State::Auth(_)) || !self.said.is_empty();
                    let error = if masked { error.without_input() } else { error };
                    self.fail(Error::PeerMisbehaved(PeerMisbehaved::Reply(error)));
                }
            }
        }
    }

    /// The server will send no more.
    pub fn handle_eof(&mut self, now: Instant) {
        self.wire.now = now;
        let idle = matches!(self.state, State::Ready) && self.wire.pipeline.is_empty();
        let leaving = self.quit == Quit::Sent || (self.quit == Quit::Requested && idle);
        if leaving && self.transactions.is_empty() && !self.parser.is_mid_reply() {
            self.close(Ok(()));
        } else {
            let lost = Error::Disconnected { phase: self.phase() };
            let error = self.goodbye.take().unwrap_or(lost);
            self.fail(error);
        }
    }

    /// Time has passed; does something only at or after [`deadline`](Self::deadline).
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wire.now = now;
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.give_up(now);
        }
    }

    /// Ends the connection because the caller waits no longer, as if a deadline had passed: what has its end mark wholly
    /// written is [`Ambiguous`](Outcome::Ambiguous), all else that is open [`Deferred`](Outcome::Deferred).
    pub fn give_up(&mut self, now: Instant) {
        self.wire.now = now;
        if self.quit == Quit::Sent && self.transactions.is_empty() {
            self.close(Ok(()));
        } else {
            self.fail(Error::TimedOut { phase: self.phase() });
        }
    }

    /// `n` more bytes of the output were written.
    pub fn handle_written(&mut self, now: Instant, n: usize) {
        self.wire.now = now;
        self.wire.pipeline.written(n, now, &self.wire.config.timeouts);
    }

    // Output.

    /// What to do next.  Events come first; with output still to be written nothing is appended to it.
    pub fn poll(&mut self, now: Instant, out: &mut Output) -> Next {
        self.wire.now = now;
        if let Some(event) = self.next_event() {
            return Next::Event(event);
        }
        if self.end.is_none() && out.is_empty() {
            self.pump(out);
            if let Some(event) = self.next_event() {
                return Next::Event(event);
            }
            if out.is_empty()
                && let Some(transaction) = self.transactions.current()
                && transaction.step == Step::Content
                && self.may_go_on(transaction)
            {
                return Next::Body(transaction.id);
            }
        }
        match &self.end {
            Some(end) => Next::Closed(end.clone()),
            None => Next::Wait,
        }
    }

    /// Frames the front of `chunk` into `out`; returns how much of it was taken, which can be less than all.  With
    /// `last`, and all of it taken, the content ends.  `out` refers to `chunk` until it is written.  The deadline of a
    /// block begins at `now`: the caller may have taken minutes to get it.
    ///
    /// # Errors
    /// [`Misuse::BodyNotWanted`], [`Misuse::OutputNotEmpty`], and [`Misuse::Content`], which ends the connection.
    pub fn body(
        &mut self,
        now: Instant,
        chunk: &[u8],
        last: bool,
        out: &mut Output,
    ) -> Result<usize, Misuse> {
        self.wire.now = now;
        let wanted = self.transactions.current().filter(|transaction| transaction.step == Step::Content);
        let may_go_on = wanted.is_some_and(|transaction| self.may_go_on(transaction));
        if wanted.is_some() && !out.is_empty() {
            return Err(Misuse::OutputNotEmpty);
        }
        let Some(transaction) = self.transactions.current_mut().filter(|_| may_go_on) else {
            return Err(Misuse::BodyNotWanted);
        };
        let id = transaction.id;
        let piece = &chunk[..chunk.len().min(MAX_CHUNK)];
        match transaction.frame(piece, last && piece.len() == chunk.len(), &mut self.wire, out) {
            Ok((taken, ended)) => {
                if ended {
                    self.content_ended();
                    self.pump(out);
                }
                Ok(taken)
            }
            Err(error) => {
                out.clear();
                let outcome = || Outcome::Rejected(Failure::Content(error));
                self.fail_for(id, outcome, Error::Content(error));
                Err(Misuse::Content(error))
            }
        }
    }

    // Transitions.

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.wire.events.pop_front()
    }

    /// As [`tls_ready`](Self::tls_ready), and tells of it.
    pub(crate) fn tls_established(&mut self, now: Instant, info: TlsInfo) {
        if self.tls_ready(now, info.is_verified()).is_ok() {
            self.wire.events.push_back(Event::TlsEstablished(Box::new(info)));
        }
    }

    /// Ends the connection; whatever is undecided fails with it.
    pub(crate) fn fail(&mut self, error: Error) {
        if self.end.is_some() {
            return;
        }
        // By 421 the server ends the session (RFC 5321 section 3.8), so it has done nothing of what stands behind the command
        // that this answers, and says yes to nobody any more.  That is so for LMTP too, between the verdicts on one message:
        // the server is responsible for those alone to whom it has said yes (RFC 2033 section 4.2).
        let is_goodbye = matches!(&error, Error::Refused { reply, .. } if reply.code().get() == 421);
        for mut transaction in self.transactions.take_all() {
            let sent = transaction.end.is_some_and(|end| self.wire.pipeline.is_written(end)) && !is_goodbye;
            if sent {
                transaction.undecide();
            }
            let outcome = if sent { Outcome::Ambiguous } else { Outcome::Deferred };
            transaction.decide_rest(|| outcome(Failure::Connection(error.clone())));
            self.wire.events.push_back(Event::Finished(transaction.id, transaction.into_outcomes()));
        }
        self.close(Err(error));
    }

    /// The same because of one transaction, which has an outcome of its own.
    fn fail_for(&mut self, id: TransactionId, failure: impl Fn() -> Outcome, error: Error) {
        if let Some(transaction) = self.transactions.get_mut(id) {
            transaction.decide_rest(failure);
        }
        self.fail(error);
    }

    fn close(&mut self, end: Result<(), Error>) {
        self.said = Said::default();
        if self.end.is_none() {
            self.end = Some(end);
        }
    }

    fn await_tls(&mut self, greeting: bool) {
        self.state =
            State::Handshake { deadline: self.wire.now + self.wire.config.timeouts.handshake, greeting };
        self.wire.events.push_back(Event::StartTls);
    }

    fn on_reply(&mut self, reply: Reply, more_input: bool) {
        if reply.has_bare_lf() && !self.told_bare_lf {
            self.told_bare_lf = true;
            self.wire.events.push_back(Event::PeerFault(PeerFault::BareLf));
        }
        let phase = self.phase();
        let awaited = self.wire.pipeline.answer();
        let closing = reply.code().get() == 421;
        // A challenge is for the mechanism alone, and what a server repeats of a response is for nobody.
        let is_challenge = matches!(self.state, State::Auth(_)) && reply.severity() == Severity::Intermediate;
        let is_excess = awaited.is_none() && !closing && !self.said.is_empty();
        let is_echo = !is_challenge && (is_excess || self.said.is_in(&reply));
        let reply = if is_echo { reply.without_text() } else { reply };
        let shown = |reply: &Reply| if is_challenge { reply.without_text() } else { reply.clone() };
        if self.wire.config.trace {
            self.wire.events.push_back(Event::Trace(Trace::Received(shown(&reply))));
        }
        let Some(awaited) = awaited else {
            let reply = shown(&reply);
            return self.fail(match closing {
                true => Error::Refused { phase, reply },
                false => Error::PeerMisbehaved(PeerMisbehaved::Unsolicited { phase, reply }),
            });
        };
        if awaited != Awaited::Auth && !is_echo {
            self.said = Said::default();
        }
        if closing && awaited != Awaited::Quit {
            self.goodbye = Some(Error::Refused { phase, reply: reply.clone() });
        }
        match awaited {
            Awaited::Greeting => self.on_greeting(reply),
            Awaited::Ehlo => self.on_ehlo(reply),
            Awaited::Helo => match reply.severity() {
                Severity::Positive => self.ready(Extensions::default()),
                _ => self.refused(Phase::Hello, reply),
            },
            Awaited::StartTls => self.on_starttls(reply, more_input),
            Awaited::Auth => self.on_auth(reply),
            Awaited::Mail(id) => self.on_mail(id, reply),
            Awaited::Rcpt(id, recipient) => self.on_rcpt(id, recipient, reply),
            Awaited::Data(id) => self.on_data(id, reply),
            Awaited::Chunk(id) => self.on_chunk(id, reply),
            Awaited::Verdict(id) => self.on_verdict(id, None, reply),
            Awaited::RecipientVerdict(id, recipient) => self.on_verdict(id, Some(recipient), reply),
            Awaited::Query => self.on_answer(reply),
            Awaited::Rset if reply.is_positive() => {}
            Awaited::Rset => self.refused(Phase::Reset, reply),
            Awaited::Quit => self.close(Ok(())),
        }
        // What was said of one recipient of LMTP need not be the last word: by a proxy others have verdicts of their own.
        let is_last = !matches!(self.wire.pipeline.front(), Some((Awaited::RecipientVerdict(..), _)));
        if is_last && let Some(error) = self.goodbye.take() {
            self.fail(error);
        }
    }

    fn on_greeting(&mut self, reply: Reply) {
        match reply.severity() {
            Severity::Positive => self.state = State::SendEhlo,
            _ => self.refused(Phase::Greeting, reply),
        }
    }

    fn on_ehlo(&mut self, reply: Reply) {
        let needs_tls = self.tls == TlsMode::StartTls && self.protection == Protection::None;
        match reply.severity() {
            Severity::Positive => {
                let extensions = Extensions::parse(reply);
                let may_begin = self.tls == TlsMode::Opportunistic && self.protection == Protection::None;
                if (needs_tls || may_begin) && extensions.has(Extension::StartTls) {
                    self.before_tls = may_begin.then_some(extensions);
                    self.state = State::SendStartTls;
                } else if !needs_tls {
                    self.ready(extensions);
                } else {
                    self.fail(Error::StartTlsUnavailable { refusal: None });
                }
            }
            Severity::Permanent if needs_tls => {
                self.fail(Error::StartTlsUnavailable { refusal: Some((Phase::Hello, reply)) });
            }
            Severity::Permanent if self.wire.config.helo_fallback && !self.wire.config.lmtp => {
                self.state = State::SendHelo;
            }
            _ => self.refused(Phase::Hello, reply),
        }
    }

    fn on_starttls(&mut self, reply: Reply, more_input: bool) {
        match reply.severity() {
            Severity::Positive if more_input => {
                self.fail(Error::PeerMisbehaved(PeerMisbehaved::DataAfterStartTls));
            }
            Severity::Positive => {
                self.before_tls = None;
                self.await_tls(false);
            }
            Severity::Intermediate => self.refused(Phase::StartTls, reply),
            _ if reply.code().get() == 421 => self.refused(Phase::StartTls, reply),
            _ => match self.before_tls.take() {
                Some(extensions) => self.ready(extensions),
                None => self.fail(Error::StartTlsUnavailable { refusal: Some((Phase::StartTls, reply)) }),
            },
        }
    }

    fn ready(&mut self, extensions: Extensions) {
        self.extensions = extensions;
        self.state = State::Ready;
        self.wire.events.push_back(Event::Ready);
    }

    /// A refusal that ends the session, or a reply that makes no sense.
    fn refused(&mut self, phase: Phase, reply: Reply) {
        self.fail(match reply.severity() {
            Severity::Transient | Severity::Permanent => Error::Refused { phase, reply },
            _ => Error::PeerMisbehaved(PeerMisbehaved::UnexpectedReply { phase, reply }),
        });
    }

    fn on_auth(&mut self, reply: Reply) {
        let State::Auth(auth) = &mut self.state else { return };
        let mechanism = auth.mechanism();
        let event = match auth.on_reply(reply) {
            AuthProgress::Goes => return,
            AuthProgress::WantSecret => return self.wire.events.push_back(Event::SecretWanted(mechanism)),
            AuthProgress::Succeeded(reply) => {
                self.authenticated = true;
                Event::Authenticated(reply)
            }
            AuthProgress::Failed(error) => Event::AuthFailed(error),
            AuthProgress::Broken(told, error) => {
                self.wire.events.extend(told.map(Event::AuthFailed));
                return self.fail(error);
            }
        };
        self.state = State::Ready;
        self.wire.events.push_back(event);
    }

    /// Ends an exchange of which the server has not heard.
    fn auth_over(&mut self, ended: Result<(), AuthError>) {
        if let Err(error) = ended {
            self.state = State::Ready;
            self.wire.events.push_back(Event::AuthFailed(error));
        }
    }

    fn on_mail(&mut self, id: TransactionId, reply: Reply) {
        let Some(transaction) = self.answered(id) else { return };
        match reply.severity() {
            Severity::Positive => transaction.is_open = true,
            Severity::Intermediate => return self.refused(Phase::Mail, reply),
            _ => {
                transaction.decide_rest_by(Phase::Mail, &reply);
                transaction.abandon();
                // Something is left of a transaction before.
                self.needs_reset |= reply.code().get() == 503;
            }
        }
        self.wire.events.push_back(Event::Mail(id, reply));
        self.finish_if_over(id);
    }

    fn on_rcpt(&mut self, id: TransactionId, recipient: usize, reply: Reply) {
        let Some(transaction) = self.answered(id) else { return };
        if reply.severity() == Severity::Intermediate {
            return self.refused(Phase::Rcpt, reply);
        }
        transaction.decide(recipient, &reply);
        if transaction.step == Step::Content && transaction.is_decided() {
            transaction.abandon();
        }
        self.wire.events.push_back(Event::Rcpt(id, recipient, reply));
        self.finish_if_over(id);
    }

    fn on_data(&mut self, id: TransactionId, reply: Reply) {
        let Some(transaction) = self.answered(id) else { return };
        match reply.severity() {
            Severity::Positive => return self.refused(Phase::Data, reply),
            Severity::Intermediate if transaction.accepted == 0 => transaction.step = Step::LoneDot,
            // A lone dot would deliver an empty message to those whom the server has taken: here though it refused MAIL.
            Severity::Intermediate if transaction.is_decided() => return self.refused(Phase::Data, reply),
            Severity::Intermediate if transaction.cancelled => {
                return self.fail_for(id, || Outcome::Deferred(Failure::Cancelled), Error::Cancelled);
            }
            Severity::Intermediate => transaction.step = Step::Content,
            _ => {
                transaction.decide_rest_by(Phase::Data, &reply);
                transaction.step = Step::Abandoned;
            }
        }
        self.finish_if_over(id);
    }

    /// The reply to a chunk that is not the last.
    fn on_chunk(&mut self, id: TransactionId, reply: Reply) {
        let Some(transaction) = self.answered(id) else { return };
        match reply.severity() {
            Severity::Positive => {}
            Severity::Intermediate => return self.refused(Phase::Content, reply),
            _ if transaction.is_misunderstood(&reply) => {
                transaction.decide_misunderstood(Phase::Content, &reply);
                return self.fail(Error::Refused { phase: Phase::Content, reply });
            }
            _ => {
                transaction.decide_rest_by(Phase::Content, &reply);
                transaction.abandon();
            }
        }
        self.finish_if_over(id);
    }

    /// The reply to the end of the content, by LMTP to one recipient's.
    fn on_verdict(&mut self, id: TransactionId, recipient: Option<usize>, reply: Reply) {
        let Some(transaction) = self.answered(id) else { return };
        if reply.severity() == Severity::Intermediate {
            return self.refused(Phase::Verdict, reply);
        }
        if transaction.is_misunderstood(&reply) {
            transaction.decide_misunderstood(Phase::Verdict, &reply);
            return self.fail(Error::Refused { phase: Phase::Verdict, reply });
        }
        // It has the message for recipients of whom it said that it does not take the message for them.
        if reply.is_positive() && transaction.is_contradictory() {
            return self.refused(Phase::Verdict, reply);
        }
        match recipient {
            None => transaction.decide_rest_by(Phase::Verdict, &reply),
            Some(recipient) => transaction.decide_by_verdict(recipient, &reply),
        }
        transaction.is_taken |= reply.is_positive();
        // Whatever the server said, its transaction is over; but what a refused chunk leaves behind is not said anywhere.
        transaction.is_open &= transaction.is_chunked() && !reply.is_positive();
        self.finish_if_over(id);
    }

    fn on_answer(&mut self, reply: Reply) {
        if matches!(self.state, State::XClient) {
            match reply.severity() {
                Severity::Positive => {
                    self.extensions = Extensions::default();
                    self.authenticated = false;
                    self.mails = 0;
                    self.state = State::SendEhlo;
                }
                _ => self.state = State::Ready,
            }
        }
        self.wire.events.push_back(Event::Answer(reply));
    }

    fn answered(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        let transaction = self.transactions.get_mut(id)?;
        transaction.outstanding -= 1;
        Some(transaction)
    }

    fn finish_if_over(&mut self, id: TransactionId) {
        let Some(transaction) = self.transactions.take_if_over(id) else { return };
        if transaction.started.is_none() {
            self.mails -= 1;
        }
        self.needs_reset |= transaction.is_open && !transaction.reset_behind;
        self.wire.events.push_back(Event::Finished(transaction.id, transaction.into_outcomes()));
    }

    /// The content of the transaction being sent is wholly put out.
    fn content_ended(&mut self) {
        let Some(transaction) = self.transactions.current_mut() else { return };
        let id = transaction.id;
        transaction.step = Step::Sent;
        transaction.expect_verdicts(&mut self.wire);
        if self.wire.config.trace {
            self.wire.events.push_back(Event::Trace(Trace::SentContent(transaction.framing.taken())));
        }
        self.transactions.advance();
        self.finish_if_over(id);
    }

    /// Puts out all commands that may go now.
    fn pump(&mut self, out: &mut Output) {
        if !self.has_room() {
            return;
        }
        match &mut self.state {
            State::SendEhlo => {
                let hello = &self.wire.config.hello.clone();
                let command = if self.wire.config.lmtp { Command::Lhlo(hello) } else { Command::Ehlo(hello) };
                self.wire.put(command, Awaited::Ehlo, out);
                self.state = State::Await;
            }
            State::SendHelo => {
                self.wire.put(Command::Helo(&self.wire.config.hello.clone()), Awaited::Helo, out);
                self.state = State::Await;
            }
            State::SendStartTls => {
                self.wire.put(Command::StartTls, Awaited::StartTls, out);
                self.state = State::Await;
            }
            // An exchange begins outside of a transaction, and is on its own.
            State::Auth(_) if self.needs_reset => self.reset(out),
            State::Auth(auth) if self.wire.pipeline.is_answered() => self.wire.put_auth(auth, out),
            State::XClient if self.needs_reset => self.reset(out),
            State::XClient if self.wire.pipeline.is_answered() => _ = self.pump_query(out),
            State::Ready => {
                while self.has_room() && self.pump_query(out) {}
                while self.has_room() && self.pump_transaction(out) {}
                if self.quit == Quit::Requested && self.transactions.current().is_none() && self.has_room() {
                    self.quit = Quit::Sent;
                    self.wire.put(Command::Quit, Awaited::Quit, out);
                    self.wire.pipeline.hurry(self.wire.now, &self.wire.config.timeouts);
                }
            }
            State::Await | State::Handshake { .. } | State::Auth(_) | State::XClient => {}
        }
    }

    /// Puts out the next query; says whether there was one.
    fn pump_query(&mut self, out: &mut Output) -> bool {
        let Some(query) = self.queries.pop_front() else { return false };
        self.wire.put(Command::Query(&query), Awaited::Query, out);
        true
    }

    fn reset(&mut self, out: &mut Output) {
        self.needs_reset = false;
        for sent in self.transactions.sent_mut() {
            sent.reset_behind = true;
        }
        self.wire.put(Command::Rset, Awaited::Rset, out);
    }

    /// Puts out one command of the transaction being sent; says whether there may be more.
    fn pump_transaction(&mut self, out: &mut Output) -> bool {
        let before = self.transactions.sent().next_back();
        let needs_reset = self.needs_reset || before.is_some_and(Transaction::may_stay_open);
        let Some(transaction) = self.transactions.current_mut() else { return false };
        let id = transaction.id;
        let (command, awaited) = match transaction.step {
            Step::Mail if !self.wire.config.pipeline_messages && !self.wire.pipeline.is_answered() => {
                return false;
            }
            Step::Mail if needs_reset => {
                self.reset(out);
                return true;
            }
            Step::Mail => {
                transaction.started = Some(self.wire.now);
                transaction.step = transaction.next_recipient(0).map_or(Step::Data, Step::Rcpt);
                let (sender, parameters) = (transaction.envelope.sender(), &transaction.parameters);
                (Command::Mail { sender, parameters }, Awaited::Mail(id))
            }
            Step::Rcpt(recipient) => {
                transaction.step = transaction.next_recipient(recipient + 1).map_or(Step::Data, Step::Rcpt);
                let options = match self.extensions.has(Extension::Dsn) {
                    true => transaction.envelope.rcpt_options(recipient),
                    false => &RcptOptions::NONE,
                };
                let recipient_address = &transaction.envelope.recipients()[recipient];
                (Command::Rcpt { recipient: recipient_address, options }, Awaited::Rcpt(id, recipient))
            }
            Step::Data if transaction.outstanding == 0 && transaction.accepted == 0 => {
                transaction.step = Step::Abandoned;
                self.finish_if_over(id);
                return true;
            }
            Step::Data => match transaction.framing {
                Framing::Dots(_) => {
                    transaction.step = Step::AwaitGo;
                    (Command::Data, Awaited::Data(id))
                }
                Framing::Chunks { streamed, .. } => {
                    if streamed || transaction.outstanding == 0 {
                        transaction.step = Step::Content;
                    }
                    return false;
                }
            },
            Step::LoneDot => {
                // With nothing in it this cannot fail.
                let _ = transaction.frame(b"", true, &mut self.wire, out);
                self.content_ended();
                return true;
            }
            Step::AwaitGo | Step::Content | Step::Sent | Step::Abandoned => return false,
        };
        transaction.outstanding += 1;
        self.wire.put(command, awaited, out);
        true
    }

    fn asking(&mut self) -> Result<&mut Auth, Misuse> {
        match &mut self.state {
            State::Auth(auth) if self.end.is_none() && auth.is_asking() => Ok(auth),
            _ => Err(Misuse::NoSecretWanted),
        }
    }
}
