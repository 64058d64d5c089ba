//! What the client must do: a second reading of its documentation, as plain as can be, to compare it with.
//!
//! The model is told all that the client is told, and says what the client has to put out, to tell, and to wait for, so
//! that any difference is a violation.  It is slower than the client, keeps more copies, and takes the parser of replies
//! and the reading of EHLO for granted, which have tests of their own.

mod auth;
mod fifo;
mod replies;
mod transaction;

use std::collections::VecDeque;
use std::time::Duration;

use smtp_proto::client::{
    Config, Error, Event, Failure, Misuse, Outcome, PeerMisbehaved, Phase, TlsMode, Trace, TransactionId,
};
use smtp_proto::command::Query;
use smtp_proto::reply::{Reply, ReplyParser, Severity};
use smtp_proto::{Envelope, Extension, Extensions, Instant};

use auth::Auth;
use fifo::{Fifo, To};
use transaction::{Form, Framed, Next, Transaction};

/// Something that the client must tell.
#[derive(Debug)]
pub(crate) enum Told {
    Event(Event),
    /// TLS is there, and the server is who it should be or not.
    Tls(bool),
}

/// What the client must answer to `poll`.
#[derive(Debug)]
pub(crate) enum Step {
    Told(Told),
    Body(TransactionId),
    Wait,
    Closed(Result<(), Error>),
}

#[derive(Debug)]
enum State {
    Handshake { by: Instant, greeting: bool },
    Wait,
    Hello,
    Helo,
    StartTls,
    Auth(Box<Auth>),
    XClient,
    Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quit {
    No,
    Asked,
    Said,
}

pub(crate) struct Model {
    config: Config,
    mode: TlsMode,
    now: Instant,
    state: State,
    /// Whether there is TLS, and with the right server.
    secure: Option<bool>,
    parser: ReplyParser,
    extensions: Extensions,
    before_tls: Option<Extensions>,
    fifo: Fifo,
    told: VecDeque<Told>,
    transactions: Vec<Transaction>,
    /// Messages for which MAIL was put out, since the session began.
    mails: usize,
    /// A secret was said, and no command behind it is answered.
    pub(super) hides: bool,
    pub(super) logged_in: bool,
    queries: VecDeque<Query>,
    needs_reset: bool,
    quit: Quit,
    told_bare_lf: bool,
    /// A 421, until the other recipients of LMTP have their replies.
    bye: Option<Error>,
    end: Option<Result<(), Error>>,
    /// A message was taken, and nobody's outcome says so.
    pub(crate) taken_in_vain: Option<Reply>,
}

impl Model {
    pub(crate) fn new(config: Config, mode: TlsMode, now: Instant) -> Self {
        let mut model = Self {
            parser: ReplyParser::new(config.reply_limits),
            config,
            mode,
            now,
            state: State::Wait,
            secure: None,
            extensions: Extensions::default(),
            before_tls: None,
            fifo: Fifo::default(),
            told: VecDeque::new(),
            transactions: Vec::new(),
            mails: 0,
            hides: false,
            logged_in: false,
            queries: VecDeque::new(),
            needs_reset: false,
            quit: Quit::No,
            told_bare_lf: false,
            bye: None,
            end: None,
            taken_in_vain: None,
        };
        match mode {
            TlsMode::Implicit => model.await_tls(true),
            _ => model.await_greeting(),
        }
        model
    }

    // What is known.

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn end(&self) -> Option<&Result<(), Error>> {
        self.end.as_ref()
    }

    pub(crate) fn is_in_auth(&self) -> bool {
        matches!(self.state, State::Auth(_))
    }

    pub(crate) fn is_in_handshake(&self) -> bool {
        matches!(self.state, State::Handshake { .. })
    }

    pub(crate) fn is_content_wanted(&self) -> bool {
        self.current().is_some_and(|i| self.may_go_on(&self.transactions[i]))
    }

    pub(crate) fn is_content_next(&self) -> bool {
        self.current().is_some_and(|i| self.transactions[i].next == Next::Content)
    }

    pub(crate) fn pop_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    pub(crate) fn is_reusable(&self) -> bool {
        matches!(self.state, State::Ready)
            && !self.is_over()
            && self.quit == Quit::No
            && self.transactions.is_empty()
            && self.queries.is_empty()
            && self.fifo.is_idle()
            && !self.parser.is_mid_reply()
            && self.takes_more().is_ok()
    }

    pub(crate) fn by(&self) -> Option<Instant> {
        if self.is_over() {
            return None;
        }
        let handshake = match self.state {
            State::Handshake { by, .. } => Some(by),
            _ => None,
        };
        let timeouts = &self.config.timeouts;
        let whole = self.transactions.iter().filter_map(|transaction| {
            let content = transaction.taken.checked_div(timeouts.minimum_rate).unwrap_or(0);
            Some(transaction.began? + timeouts.transaction + Duration::from_secs(content))
        });
        whole.chain(handshake).chain(self.fifo.by()).min()
    }

    /// Bytes of commands without an answer, apart from the last.
    pub(crate) fn unanswered(&self) -> usize {
        self.fifo.unanswered()
    }

    pub(crate) fn phase(&self) -> Phase {
        match (&self.state, self.fifo.front()) {
            (State::Handshake { .. }, _) => Phase::Handshake,
            (_, Some((To::End(_), false))) => Phase::Content,
            (_, Some((to, _))) => to.phase(),
            (_, None) if self.is_content_next() => Phase::Content,
            (State::Auth(_), None) => Phase::Auth,
            (_, None) => Phase::Idle,
        }
    }

    // Requests, with what the client said to them.

    pub(crate) fn send(
        &mut self,
        envelope: &Envelope,
        said: &Result<TransactionId, Misuse>,
    ) -> Result<(), Misuse> {
        self.check_ready()?;
        self.takes_more()?;
        let Ok(id) = *said else { return Ok(()) };
        let verified = self.secure == Some(true);
        let transaction = Transaction::new(id, envelope, &self.extensions, &self.config, verified);
        if !transaction.is_over() {
            for &missing in &transaction.missing {
                self.told.push_back(Told::Event(Event::NotOffered(id, missing)));
            }
        }
        self.transactions.push(transaction);
        self.finish(id);
        Ok(())
    }

    pub(crate) fn query(&mut self, query: Query) -> Result<(), Misuse> {
        self.check_ready()?;
        if !self.transactions.is_empty() {
            return Err(Misuse::TransactionOpen);
        }
        let needed = match &query {
            Query::Help(Some(text)) if !text.as_str().is_ascii() => return Err(Misuse::NotAscii),
            Query::Vrfy(text) | Query::Expn(text) if !text.as_str().is_ascii() => Extension::SmtpUtf8,
            Query::XClient(_) => Extension::XClient,
            _ => Extension::Pipelining,
        };
        if needed != Extension::Pipelining && !self.extensions.has(needed) {
            return Err(Misuse::NotOffered(needed));
        }
        if let Query::XClient(_) = query {
            if !self.queries.is_empty() || !self.fifo.is_empty() {
                return Err(Misuse::NotReady);
            }
            self.state = State::XClient;
        }
        self.queries.push_back(query);
        Ok(())
    }

    pub(crate) fn cancel(&mut self, id: TransactionId) {
        let Some(transaction) = self.find(id) else { return };
        let cancelled = || Outcome::Deferred(Failure::Cancelled);
        match transaction.next {
            Next::Go => transaction.cancelled = true,
            Next::Content if !transaction.is_chunked() || transaction.is_mid_chunk() => {
                transaction.decide_all(cancelled);
                self.fail(Error::Cancelled);
            }
            Next::Mail | Next::Rcpt(_) | Next::Data | Next::Content => {
                transaction.decide_all(cancelled);
                transaction.next = Next::GivenUp;
                self.finish(id);
            }
            Next::Dot | Next::Sent | Next::GivenUp => {}
        }
    }

    pub(crate) fn quit(&mut self) {
        if self.quit == Quit::No {
            self.quit = Quit::Asked;
        }
    }

    // Input.

    /// TLS is there; whether it was asked for.
    pub(crate) fn tls_ready(&mut self, now: Instant, verified: bool) -> bool {
        self.now = now;
        let State::Handshake { greeting, .. } = self.state else { return false };
        self.secure = Some(verified);
        self.extensions = Extensions::default();
        self.parser = ReplyParser::new(self.config.reply_limits);
        self.state = State::Hello;
        if greeting {
            self.await_greeting();
        }
        true
    }

    /// The same by an engine that the session has.
    pub(crate) fn tls_established(&mut self, now: Instant, verified: bool) {
        if self.tls_ready(now, verified) {
            self.told.push_back(Told::Tls(verified));
        }
    }

    pub(crate) fn input(&mut self, now: Instant, mut bytes: &[u8]) {
        self.now = now;
        while !bytes.is_empty() && !self.is_over() {
            if self.is_in_handshake() {
                return self.fail(Error::PeerMisbehaved(PeerMisbehaved::DataAfterStartTls));
            }
            match self.parser.parse(&mut bytes) {
                Ok(None) => {}
                Ok(Some(reply)) => self.on_reply(reply, !bytes.is_empty()),
                Err(error) => {
                    let error = if self.is_in_auth() || self.hides { replies::masked(error) } else { error };
                    self.fail(Error::PeerMisbehaved(PeerMisbehaved::Reply(error)));
                }
            }
        }
    }

    pub(crate) fn eof(&mut self, now: Instant) {
        self.now = now;
        let is_idle = matches!(self.state, State::Ready) && self.fifo.is_idle();
        let leaves = match self.quit {
            Quit::No => false,
            Quit::Asked => is_idle,
            Quit::Said => true,
        };
        if leaves && self.transactions.is_empty() && !self.parser.is_mid_reply() {
            self.close(Ok(()));
        } else {
            let lost = Error::Disconnected { phase: self.phase() };
            match self.bye.take() {
                Some(bye) => self.fail(bye),
                None => self.fail(lost),
            }
        }
    }

    pub(crate) fn timeout(&mut self, now: Instant) {
        self.now = now;
        if self.by().is_none_or(|by| now < by) {
        } else if self.quit == Quit::Said && self.transactions.is_empty() {
            self.close(Ok(()));
        } else {
            self.fail(Error::TimedOut { phase: self.phase() });
        }
    }

    pub(crate) fn written(&mut self, now: Instant, n: usize) {
        self.now = now;
        self.fifo.write(n, now, &self.config.timeouts);
    }

    // Output.

    /// What `poll` must answer, and append if it may.
    pub(crate) fn poll(&mut self, now: Instant, may_append: bool) -> (Step, Vec<u8>) {
        self.now = now;
        let mut out = Vec::new();
        if let Some(told) = self.told.pop_front() {
            return (Step::Told(told), out);
        }
        if let Some(end) = &self.end {
            return (Step::Closed(end.clone()), out);
        }
        if !may_append {
            return (Step::Wait, out);
        }
        self.pump(&mut out);
        let step = match (self.told.pop_front(), self.current(), &self.end) {
            (Some(told), ..) => Step::Told(told),
            (_, Some(i), None) if out.is_empty() && self.may_go_on(&self.transactions[i]) => {
                Step::Body(self.transactions[i].id)
            }
            (_, _, Some(end)) => Step::Closed(end.clone()),
            _ => Step::Wait,
        };
        (step, out)
    }

    /// What `body` must do with the chunk, given what the client said to it: the bytes that must be there, or what is
    /// wrong.
    pub(crate) fn body(
        &mut self,
        now: Instant,
        chunk: &[u8],
        last: bool,
        limit: usize,
        said: Result<usize, Misuse>,
    ) -> Result<Vec<u8>, String> {
        self.now = now;
        let i = self.current().ok_or("no content is wanted")?;
        let piece = &chunk[..chunk.len().min(limit)];
        let transaction = &mut self.transactions[i];
        let most = transaction.takes(piece.len());
        let taken = match said {
            Ok(taken) => taken,
            Err(Misuse::Content(_)) => most,
            Err(misuse) => return Err(format!("content was wanted, and is refused: {misuse}")),
        };
        // Dots may make it take less, but not nothing.
        let dots = piece.windows(2).any(|pair| pair == b"\n.") || piece.starts_with(b".");
        if taken != most && (!dots || transaction.is_chunked() || taken == 0 || taken > most) {
            return Err(format!("{taken} bytes of content taken instead of {most}"));
        }
        let ends = last && taken == chunk.len();
        let (framed, id) = (transaction.frame(&piece[..taken], ends), transaction.id);
        match (framed, said) {
            (Ok(framed), Ok(_)) => {
                let mut out = Vec::new();
                self.put_content(i, framed, &mut out);
                if ends {
                    self.content_ended(id);
                    self.pump(&mut out);
                }
                Ok(out)
            }
            (Err(error), Err(Misuse::Content(said))) if error == said => {
                let transaction = &mut self.transactions[i];
                transaction.decide_all(|| Outcome::Rejected(Failure::Content(said)));
                self.fail(Error::Content(said));
                Ok(Vec::new())
            }
            (framed, said) => {
                let should = framed.err().map_or("taken".into(), |error| error.to_string());
                Err(format!("content should be: {should}, and is: {said:?}"))
            }
        }
    }

    fn put_content(&mut self, i: usize, framed: Framed, out: &mut Vec<u8>) {
        let Framed::Bytes { bytes, bdat, staged } = framed else { return };
        let id = self.transactions[i].id;
        if let Some((size, last)) = bdat {
            let line = format!("BDAT {size}{}", if last { " LAST" } else { "" });
            self.say(&line, line.clone(), out);
        }
        self.fifo.queue(bytes.len(), self.now, &self.config.timeouts);
        out.extend_from_slice(&bytes);
        if staged && bdat.is_some_and(|(_, last)| !last) {
            self.transactions[i].unanswered += 1;
            self.fifo.expect(To::Chunk(id), 0);
        }
    }

    fn content_ended(&mut self, id: TransactionId) {
        let lmtp = self.config.lmtp;
        let queued = self.fifo.queued;
        let Some(transaction) = self.find(id) else { return };
        transaction.next = Next::Sent;
        transaction.end = Some(queued);
        let awaited: Vec<To> = match lmtp {
            false => vec![To::End(id)],
            true => {
                let undecided = (0..transaction.fate.len()).filter(|&i| transaction.fate[i].is_none());
                undecided.map(|i| To::EndFor(id, i)).collect()
            }
        };
        transaction.unanswered += awaited.len();
        let taken = transaction.taken;
        awaited.into_iter().for_each(|to| self.fifo.expect(to, 0));
        if self.config.trace {
            self.tell(Event::Trace(Trace::SentContent(taken)));
        }
        self.finish(id);
    }

    fn pump(&mut self, out: &mut Vec<u8>) {
        let hello = self.config.hello.to_string();
        match self.state {
            State::Handshake { .. } | State::Wait => {}
            State::Hello => {
                let verb = if self.config.lmtp { "LHLO" } else { "EHLO" };
                self.put(&format!("{verb} {hello}"), format!("{verb} {hello}"), To::Hello, out);
                self.state = State::Wait;
            }
            State::Helo => {
                self.put(&format!("HELO {hello}"), format!("HELO {hello}"), To::Helo, out);
                self.state = State::Wait;
            }
            State::StartTls => {
                self.put("STARTTLS", "STARTTLS".into(), To::StartTls, out);
                self.state = State::Wait;
            }
            // Outside of a transaction, and behind all answers.
            State::Auth(_) | State::XClient if self.needs_reset && self.has_room() => self.put_reset(out),
            State::Auth(_) if self.fifo.is_empty() => self.put_auth(out),
            State::XClient if self.fifo.is_empty() => _ = self.put_query(out),
            State::Auth(_) | State::XClient => {}
            State::Ready => {
                while self.has_room() && (self.put_query(out) || self.put_next(out)) {}
                let all_sent = self.transactions.iter().all(|transaction| transaction.next == Next::Sent);
                if self.quit == Quit::Asked && all_sent && self.has_room() {
                    self.quit = Quit::Said;
                    self.put("QUIT", "QUIT".into(), To::Quit, out);
                    self.fifo.hurry(self.now, &self.config.timeouts);
                }
            }
        }
    }

    fn put_query(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(query) = self.queries.pop_front() else { return false };
        let line = query.to_string();
        self.put(&line, line.clone(), To::Query, out);
        true
    }

    fn put_reset(&mut self, out: &mut Vec<u8>) {
        self.needs_reset = false;
        let sent = self.transactions.iter_mut().take_while(|it| it.next == Next::Sent);
        sent.for_each(|it| it.is_reset = true);
        self.put("RSET", "RSET".into(), To::Reset, out);
    }

    /// The next command of the message that is being sent.
    fn put_next(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(i) = self.current() else { return false };
        let answered = self.fifo.is_empty();
        // Behind a chunk that is refused the message before may still be open.
        let may_be_open =
            i > 0 && self.transactions[i - 1].is_chunked() && !self.transactions[i - 1].is_reset;
        let needs_reset = self.needs_reset || may_be_open;
        let transaction = &mut self.transactions[i];
        let id = transaction.id;
        let after =
            |transaction: &Transaction, from| transaction.undecided(from).map_or(Next::Data, Next::Rcpt);
        let (line, to) = match transaction.next {
            Next::Go | Next::Content | Next::Sent | Next::GivenUp => return false,
            Next::Mail if !self.config.pipeline_messages && !answered => return false,
            Next::Mail if needs_reset => {
                self.put_reset(out);
                return true;
            }
            Next::Mail => {
                self.mails += 1;
                transaction.began = Some(self.now);
                transaction.next = after(transaction, 0);
                (transaction.mail.clone(), To::Mail(id))
            }
            Next::Rcpt(recipient) => {
                transaction.next = after(transaction, recipient + 1);
                (transaction.rcpts[recipient].clone(), To::Rcpt(id, recipient))
            }
            // Nobody is left to send it to.
            Next::Data if transaction.unanswered == 0 && transaction.accepted == 0 => {
                transaction.next = Next::GivenUp;
                self.finish(id);
                return true;
            }
            Next::Data => match transaction.form {
                Form::Dots { .. } => {
                    transaction.next = Next::Go;
                    ("DATA".into(), To::Data(id))
                }
                Form::Chunks { streamed, .. } => {
                    if streamed || transaction.unanswered == 0 {
                        transaction.next = Next::Content;
                    }
                    return false;
                }
            },
            Next::Dot => {
                out.extend_from_slice(b".\r\n");
                self.fifo.queue(3, self.now, &self.config.timeouts);
                self.content_ended(id);
                return true;
            }
        };
        transaction.unanswered += 1;
        self.put(&line, line.clone(), to, out);
        true
    }

    fn put(&mut self, line: &str, shown: String, to: To, out: &mut Vec<u8>) {
        self.say(line, shown, out);
        self.fifo.expect(to, line.len() + 2);
    }

    fn say(&mut self, line: &str, shown: String, out: &mut Vec<u8>) {
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.fifo.queue(line.len() + 2, self.now, &self.config.timeouts);
        if self.config.trace {
            self.tell(Event::Trace(Trace::Sent(shown)));
        }
    }

    // Helpers.

    fn answer(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        let transaction = self.find(id)?;
        transaction.unanswered -= 1;
        Some(transaction)
    }

    fn find(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        self.transactions.iter_mut().find(|transaction| transaction.id == id)
    }

    /// The message being sent: the first that is not wholly sent.
    fn current(&self) -> Option<usize> {
        self.transactions.iter().position(|transaction| transaction.next != Next::Sent)
    }

    fn finish(&mut self, id: TransactionId) {
        let Some(i) = self.transactions.iter().position(|it| it.id == id && it.is_over()) else { return };
        let transaction = self.transactions.remove(i);
        self.needs_reset |= transaction.is_open_at_server && !transaction.is_reset;
        // Whoever ends a message decides about all first, so there is a difference if anything is missing here.
        let fate = transaction.fate.into_iter().flatten().collect();
        self.tell(Event::Finished(id, fate));
    }

    fn may_go_on(&self, transaction: &Transaction) -> bool {
        transaction.next == Next::Content
            && (!transaction.is_chunked()
                || transaction.is_mid_chunk()
                || if self.config.lmtp { self.fifo.is_empty() } else { self.has_room() })
    }

    fn has_room(&self) -> bool {
        self.fifo.has_room(self.extensions.has(Extension::Pipelining), self.config.pipeline_limit)
    }

    fn check_ready(&self) -> Result<(), Misuse> {
        match self.state {
            State::Ready if !self.is_over() && self.quit == Quit::No => Ok(()),
            _ => Err(Misuse::NotReady),
        }
    }

    fn takes_more(&self) -> Result<(), Misuse> {
        let queued = self.transactions.iter().filter(|transaction| transaction.began.is_none()).count();
        match self.extensions.limits().mails.filter(|_| self.extensions.has(Extension::Limits)) {
            Some(limit) if self.mails + queued >= limit => Err(Misuse::TooManyMails { limit }),
            _ => Ok(()),
        }
    }

    fn ready(&mut self, extensions: Extensions) {
        self.extensions = extensions;
        self.state = State::Ready;
        self.tell(Event::Ready);
    }

    fn await_tls(&mut self, greeting: bool) {
        self.state = State::Handshake { by: self.now + self.config.timeouts.handshake, greeting };
        self.tell(Event::StartTls);
    }

    fn await_greeting(&mut self) {
        self.state = State::Wait;
        self.fifo.expect(To::Connecting, 0);
        self.fifo.write(0, self.now, &self.config.timeouts);
    }

    fn refused(&mut self, phase: Phase, reply: Reply) {
        self.fail(match reply.severity() {
            Severity::Transient | Severity::Permanent => Error::Refused { phase, reply },
            _ => Error::PeerMisbehaved(PeerMisbehaved::UnexpectedReply { phase, reply }),
        });
    }

    /// The end of the connection, and of all that is open.
    pub(crate) fn fail(&mut self, error: Error) {
        if self.is_over() {
            return;
        }
        // What stands behind a 421 was not done.
        let is_bye = matches!(&error, Error::Refused { reply, .. } if reply.code().get() == 421);
        for mut transaction in std::mem::take(&mut self.transactions) {
            let is_sent = transaction.end.is_some_and(|end| end <= self.fifo.written) && !is_bye;
            if is_sent {
                transaction.doubt();
            }
            let outcome = if is_sent { Outcome::Ambiguous } else { Outcome::Deferred };
            transaction.decide_all(|| outcome(Failure::Connection(error.clone())));
            let fate = transaction.fate.into_iter().flatten().collect();
            self.tell(Event::Finished(transaction.id, fate));
        }
        self.close(Err(error));
    }

    fn close(&mut self, end: Result<(), Error>) {
        self.end.get_or_insert(end);
    }

    fn tell(&mut self, event: Event) {
        self.told.push_back(Told::Event(event));
    }
}
