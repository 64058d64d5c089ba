//! What is known of a client, and which calls its state allows; nothing here changes it.

use core::fmt;

use super::error::{Misuse, Phase};
use super::machine::Client;
use super::pipeline::Awaited;
use super::state::{Protection, Quit, State};
use super::transaction::{Framing, Step, Transaction};
use crate::command::Query;
use crate::extensions::{Extension, Extensions};
use crate::sasl::Exchange;
use crate::time::Instant;

impl Client {
    /// What the server said in its last reply to EHLO; empty before, and after HELO.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether the session is ready, and nothing is open or unaccounted for: only then can the connection be kept for
    /// another message.
    pub fn is_reusable(&self) -> bool {
        matches!(self.state, State::Ready)
            && self.end.is_none()
            && self.quit == Quit::No
            && self.transactions.is_empty()
            && self.queries.is_empty()
            && self.mails_limit().is_none_or(|limit| self.mails < limit)
            && self.wire.pipeline.is_empty()
            && !self.parser.is_mid_reply()
    }

    /// Whether the connection has ended; `poll` still tells what became of what was open.
    pub fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called, if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        if self.end.is_some() {
            return None;
        }
        let handshake = match self.state {
            State::Handshake { deadline, .. } => Some(deadline),
            _ => None,
        };
        // Transactions begin one after the other: those behind the one being sent have not.
        let begun = self.transactions.sent().chain(self.transactions.current());
        let transactions = begun.filter_map(|transaction| transaction.deadline(&self.wire.config.timeouts));
        handshake.into_iter().chain(self.wire.pipeline.deadline()).chain(transactions).min()
    }

    /// What is going on.
    pub(crate) fn phase(&self) -> Phase {
        let content = self.transactions.current().is_some_and(|t| t.step == Step::Content);
        match (&self.state, self.wire.pipeline.front()) {
            (State::Handshake { .. }, _) => Phase::Handshake,
            (_, Some((Awaited::Verdict(_), false))) => Phase::Content,
            (_, Some((awaited, _))) => awaited.phase(),
            (_, None) if content => Phase::Content,
            (State::Auth(_), None) => Phase::Auth,
            (_, None) => Phase::Idle,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.wire
            .pipeline
            .has_room(self.extensions.has(Extension::Pipelining), self.wire.config.pipeline_limit)
    }

    /// Whether the content of the transaction being sent may go on now.
    pub(super) fn may_go_on(&self, transaction: &Transaction) -> bool {
        match &transaction.framing {
            Framing::Dots(_) => true,
            Framing::Chunks { chunker, .. } if chunker.is_mid_chunk() => true,
            // Nothing says how many replies come if a chunk before the last was refused.
            Framing::Chunks { .. } if self.wire.config.lmtp => self.wire.pipeline.is_answered(),
            // A chunk is a command like others.
            Framing::Chunks { .. } => self.has_room(),
        }
    }

    /// How many messages the server takes on this connection.
    fn mails_limit(&self) -> Option<usize> {
        if self.extensions.has(Extension::Limits) { self.extensions.limits().mails } else { None }
    }

    fn check_ready(&self) -> Result<(), Misuse> {
        match self.state {
            State::Ready if self.end.is_none() && self.quit == Quit::No => Ok(()),
            _ => Err(Misuse::NotReady),
        }
    }

    /// Whether [`send`](Self::send) is allowed.
    pub(super) fn check_send(&self) -> Result<(), Misuse> {
        self.check_ready()?;
        match self.mails_limit().filter(|&limit| self.mails >= limit) {
            Some(limit) => Err(Misuse::TooManyMails { limit }),
            None => Ok(()),
        }
    }

    /// Whether [`query`](Self::query) is allowed.
    pub(super) fn check_query(&self, query: &Query) -> Result<(), Misuse> {
        self.check_outside()?;
        let needs = match query {
            Query::XClient(_) => Some(Extension::XClient),
            Query::Vrfy(text) | Query::Expn(text) if !text.is_ascii() => Some(Extension::SmtpUtf8),
            Query::Help(Some(text)) if !text.is_ascii() => return Err(Misuse::NotAscii),
            _ => None,
        };
        if let Some(extension) = needs.filter(|&extension| !self.extensions.has(extension)) {
            return Err(Misuse::NotOffered(extension));
        }
        let is_alone = self.queries.is_empty() && self.wire.pipeline.is_answered();
        match query {
            Query::XClient(_) if !is_alone => Err(Misuse::NotReady),
            _ => Ok(()),
        }
    }

    /// Whether [`authenticate`](Self::authenticate) is allowed.
    pub(super) fn check_auth(&self, exchange: &Exchange) -> Result<(), Misuse> {
        self.check_outside()?;
        if self.authenticated {
            return Err(Misuse::Authenticated);
        }
        if self.protection != (Protection::Tls { verified: true }) && !self.wire.config.allow_insecure_auth {
            return Err(Misuse::InsecureAuth);
        }
        let mechanism = exchange.mechanism();
        if !self.extensions.auth().any(|offered| offered == mechanism) {
            return Err(Misuse::MechanismNotOffered);
        }
        if mechanism.is_bound() && !exchange.is_bound() {
            return Err(Misuse::NoChannelBinding);
        }
        Ok(())
    }

    /// Whether nothing is going on that has to do with mail.
    fn check_outside(&self) -> Result<(), Misuse> {
        self.check_ready()?;
        if self.transactions.is_empty() { Ok(()) } else { Err(Misuse::TransactionOpen) }
    }
}

impl fmt::Debug for Client {
    /// Shows no input, so that nothing of an AUTH exchange gets into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &self.state)
            .field("pipeline", &self.wire.pipeline)
            .field("transactions", &self.transactions)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
