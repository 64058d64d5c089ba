//! What each reply must bring about.

use smtp_proto::client::{
    Error, Event, Failure, Outcome, PeerFault, PeerMisbehaved, Phase, TlsMode, Trace, TransactionId,
};
use smtp_proto::escape::Snippet;
use smtp_proto::reply::{Reply, ReplyError, ReplyLimits, ReplyParser, Severity};
use smtp_proto::{Extension, Extensions};

use super::fifo::To;
use super::transaction::{self, Next};
use super::{Model, State};

impl Model {
    pub(super) fn on_reply(&mut self, reply: Reply, more: bool) {
        if reply.has_bare_lf() && !std::mem::replace(&mut self.told_bare_lf, true) {
            self.tell(Event::PeerFault(PeerFault::BareLf));
        }
        let phase = self.phase();
        let bye = reply.code().get() == 421;
        let to = self.fifo.answer();
        // Challenges are, and so is what may be the rest of a line with a secret, taken for a command.
        let secret = self.is_in_auth() && reply.severity() == Severity::Intermediate
            || self.hides && to.is_none() && !bye;
        let shown = if secret { without_text(&reply) } else { reply.clone() };
        if self.config.trace {
            self.tell(Event::Trace(Trace::Received(shown.clone())));
        }
        let Some(to) = to else {
            return self.fail(match bye {
                true => Error::Refused { phase, reply: shown },
                false => Error::PeerMisbehaved(PeerMisbehaved::Unsolicited { phase, reply: shown }),
            });
        };
        self.hides &= to == To::Auth;
        let copy = reply.clone();
        match to {
            To::Connecting if reply.is_positive() => self.state = State::Hello,
            To::Connecting => self.refused(phase, reply),
            To::Hello => self.on_hello(reply),
            To::Helo if reply.is_positive() => self.ready(Extensions::default()),
            To::Helo => self.refused(phase, reply),
            To::StartTls => self.on_starttls(reply, more),
            To::Auth => self.on_auth(reply),
            To::Mail(id) => self.on_mail(id, reply),
            To::Rcpt(id, recipient) => self.on_rcpt(id, recipient, reply),
            To::Data(id) => self.on_data(id, reply),
            To::Chunk(id) => self.on_end(id, None, Phase::Content, &reply),
            To::End(id) => self.on_end(id, None, Phase::Verdict, &reply),
            To::EndFor(id, recipient) => self.on_end(id, Some(recipient), Phase::Verdict, &reply),
            To::Query => self.on_answer(reply),
            To::Reset if reply.is_positive() => {}
            To::Reset => self.refused(phase, reply),
            To::Quit => self.close(Ok(())),
        }
        if bye && to != To::Quit {
            self.bye = Some(Error::Refused { phase, reply: copy });
        }
        if !matches!(self.fifo.front(), Some((To::EndFor(..), _))) {
            self.bye.take().into_iter().for_each(|error| self.fail(error));
        }
    }

    fn on_hello(&mut self, reply: Reply) {
        let plain = self.secure.is_none();
        let must = self.mode == TlsMode::StartTls && plain;
        let may = self.mode == TlsMode::Opportunistic && plain;
        match reply.severity() {
            Severity::Positive => {
                let extensions = Extensions::parse(reply);
                match extensions.has(Extension::StartTls) {
                    true if must || may => {
                        self.before_tls = may.then_some(extensions);
                        self.state = State::StartTls;
                    }
                    false if must => self.fail(Error::StartTlsUnavailable { refusal: None }),
                    _ => self.ready(extensions),
                }
            }
            Severity::Permanent if must => {
                self.fail(Error::StartTlsUnavailable { refusal: Some((Phase::Hello, reply)) });
            }
            Severity::Permanent if self.config.helo_fallback && !self.config.lmtp => self.state = State::Helo,
            _ => self.refused(Phase::Hello, reply),
        }
    }

    fn on_starttls(&mut self, reply: Reply, more: bool) {
        let phase = Phase::StartTls;
        match (reply.severity(), reply.code().get(), self.before_tls.take()) {
            (Severity::Positive, ..) if more => {
                self.fail(Error::PeerMisbehaved(PeerMisbehaved::DataAfterStartTls));
            }
            (Severity::Positive, ..) => self.await_tls(false),
            (Severity::Intermediate, ..) | (_, 421, _) => self.refused(phase, reply),
            (_, _, Some(extensions)) => self.ready(extensions),
            (_, _, None) => self.fail(Error::StartTlsUnavailable { refusal: Some((phase, reply)) }),
        }
    }

    fn on_mail(&mut self, id: TransactionId, reply: Reply) {
        let Some(transaction) = self.answer(id) else { return };
        match reply.severity() {
            Severity::Intermediate => return self.refused(Phase::Mail, reply),
            Severity::Positive => transaction.is_open_at_server = true,
            _ => {
                transaction.decide_all(|| transaction::verdict(Phase::Mail, &reply));
                transaction.give_up();
                // Something is left of a message before.
                self.needs_reset |= reply.code().get() == 503;
            }
        }
        self.tell(Event::Mail(id, reply));
        self.finish(id);
    }

    fn on_rcpt(&mut self, id: TransactionId, recipient: usize, reply: Reply) {
        let Some(transaction) = self.answer(id) else { return };
        if reply.severity() == Severity::Intermediate {
            return self.refused(Phase::Rcpt, reply);
        }
        transaction.on_rcpt(recipient, &reply);
        if transaction.next == Next::Content && transaction.is_decided() {
            transaction.give_up();
        }
        self.tell(Event::Rcpt(id, recipient, reply));
        self.finish(id);
    }

    fn on_data(&mut self, id: TransactionId, reply: Reply) {
        let Some(transaction) = self.answer(id) else { return };
        match reply.severity() {
            Severity::Positive => return self.refused(Phase::Data, reply),
            Severity::Intermediate if transaction.accepted == 0 => transaction.next = Next::Dot,
            // The dot would be a message for somebody.
            Severity::Intermediate if transaction.is_decided() => return self.refused(Phase::Data, reply),
            Severity::Intermediate if transaction.cancelled => {
                transaction.decide_all(|| Outcome::Deferred(Failure::Cancelled));
                return self.fail(Error::Cancelled);
            }
            Severity::Intermediate => transaction.next = Next::Content,
            _ => {
                transaction.decide_all(|| transaction::verdict(Phase::Data, &reply));
                transaction.next = Next::GivenUp;
            }
        }
        self.finish(id);
    }

    /// The reply to content: to a chunk, to all of it, or to all of it for one recipient.
    fn on_end(&mut self, id: TransactionId, recipient: Option<usize>, phase: Phase, reply: &Reply) {
        let Some(transaction) = self.answer(id) else { return };
        if reply.severity() == Severity::Intermediate {
            return self.refused(phase, reply.clone());
        }
        let is_chunk = phase == Phase::Content;
        if transaction.is_misunderstood(reply) {
            let refused = || Failure::Refused { phase, reply: reply.clone() };
            transaction.decide_all(|| Outcome::Deferred(refused()));
            return self.fail(Error::Refused { phase, reply: reply.clone() });
        }
        if !is_chunk && reply.is_positive() && !transaction.taken_anyway.is_empty() {
            return self.refused(phase, reply.clone());
        }
        transaction.is_taken |= !is_chunk && reply.is_positive();
        let is_in_vain = match recipient {
            Some(recipient) => transaction.fate[recipient].is_some(),
            None => transaction.is_decided(),
        };
        match recipient {
            Some(recipient) => {
                transaction.fate[recipient].get_or_insert_with(|| transaction::verdict(phase, reply));
            }
            None if is_chunk && reply.is_positive() => {}
            None => transaction.decide_all(|| transaction::verdict(phase, reply)),
        }
        match is_chunk {
            true if !reply.is_positive() => transaction.give_up(),
            true => {}
            // What a refused chunk leaves behind is said nowhere.
            false => transaction.is_open_at_server &= transaction.is_chunked() && !reply.is_positive(),
        }
        if is_in_vain && !is_chunk && reply.is_positive() {
            self.taken_in_vain = Some(reply.clone());
        }
        self.finish(id);
    }

    fn on_answer(&mut self, reply: Reply) {
        if matches!(self.state, State::XClient) {
            self.state = State::Ready;
            if reply.is_positive() {
                self.state = State::Hello;
                self.extensions = Extensions::default();
                (self.mails, self.logged_in) = (0, false);
            }
        }
        self.tell(Event::Answer(reply));
    }
}

/// A challenge is not shown.
fn without_text(reply: &Reply) -> Reply {
    let wire = format!("{} ****{}", reply.code(), if reply.has_bare_lf() { "\n" } else { "\r\n" });
    let parsed = ReplyParser::new(ReplyLimits::default()).parse(&mut wire.as_bytes());
    parsed.ok().flatten().unwrap_or_else(|| reply.clone())
}

/// Nor is what stands in the place of one.
pub(super) fn masked(error: ReplyError) -> ReplyError {
    match error {
        ReplyError::Malformed(_) => ReplyError::Malformed(Snippet::new(b"****")),
        ReplyError::Nul(_) => ReplyError::Nul(Snippet::new(b"****")),
        other => other,
    }
}
