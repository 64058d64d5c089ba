//! The replies that are to come, and by when.

use std::collections::VecDeque;
use std::time::Duration;

use smtp_proto::Instant;
use smtp_proto::client::{Phase, Timeouts, TransactionId};

/// What a reply is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Connecting,
    Hello,
    Helo,
    StartTls,
    Auth,
    Mail(TransactionId),
    Rcpt(TransactionId, usize),
    Data(TransactionId),
    Chunk(TransactionId),
    End(TransactionId),
    EndFor(TransactionId, usize),
    Query,
    Reset,
    Quit,
}

impl To {
    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Connecting => Phase::Greeting,
            Self::Hello | Self::Helo => Phase::Hello,
            Self::StartTls => Phase::StartTls,
            Self::Auth => Phase::Auth,
            Self::Mail(_) => Phase::Mail,
            Self::Rcpt(..) => Phase::Rcpt,
            Self::Data(_) => Phase::Data,
            Self::Chunk(_) => Phase::Content,
            Self::End(_) | Self::EndFor(..) => Phase::Verdict,
            Self::Query => Phase::Query,
            Self::Reset => Phase::Reset,
            Self::Quit => Phase::Quit,
        }
    }

    /// RFC 5321 section 4.5.3.2.
    fn patience(self, timeouts: &Timeouts) -> Duration {
        match self.phase() {
            Phase::Greeting => timeouts.greeting,
            Phase::Auth => timeouts.auth,
            Phase::Mail => timeouts.mail,
            Phase::Rcpt => timeouts.rcpt,
            Phase::Data => timeouts.data,
            Phase::Content | Phase::Verdict => timeouts.message,
            Phase::Quit => timeouts.quit,
            _ => timeouts.command,
        }
    }

    /// Whether more may follow in the same group (RFC 2920 section 3.1).
    fn may_be_followed(self) -> bool {
        matches!(
            self,
            Self::Mail(_) | Self::Rcpt(..) | Self::Chunk(_) | Self::End(_) | Self::EndFor(..) | Self::Reset
        )
    }
}

#[derive(Debug)]
struct Due {
    to: To,
    len: usize,
    end: u64,
    by: Option<Instant>,
}

/// So much written has earned the rest of a block its time again.
const BLOCK: u64 = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Fifo {
    due: VecDeque<Due>,
    pub(super) queued: u64,
    pub(super) written: u64,
    /// By when the rest must be written, and where the block began.
    block: Option<(Instant, u64)>,
}

impl Fifo {
    pub(super) fn queue(&mut self, len: usize, now: Instant, timeouts: &Timeouts) {
        self.queued += len as u64;
        if self.block.is_none() && self.written < self.queued {
            self.block = Some((now + timeouts.block, self.written));
        }
    }

    pub(super) fn expect(&mut self, to: To, len: usize) {
        self.due.push_back(Due { to, len, end: self.queued, by: None });
    }

    pub(super) fn write(&mut self, n: usize, now: Instant, timeouts: &Timeouts) {
        self.written += n as u64;
        self.block = match self.block {
            _ if self.written >= self.queued => None,
            Some((_, start)) if self.written - start >= BLOCK => Some((now + timeouts.block, self.written)),
            block => block,
        };
        let mut before = None;
        for due in &mut self.due {
            if due.by.is_none() {
                if due.end > self.written {
                    break;
                }
                // Behind another it may take its time and the other's.
                due.by = Some(before.unwrap_or(now).max(now) + due.to.patience(timeouts));
            }
            before = due.by;
        }
    }

    /// QUIT alone is not worth the time of a block.
    pub(super) fn hurry(&mut self, now: Instant, timeouts: &Timeouts) {
        if let (1, Some((by, _))) = (self.due.len(), &mut self.block) {
            *by = (*by).min(now + timeouts.quit);
        }
    }

    /// What a reply that comes now is to.
    pub(super) fn answer(&mut self) -> Option<To> {
        let is_written = self.due.front().is_some_and(|due| due.end <= self.written);
        self.due.pop_front().filter(|_| is_written).map(|due| due.to)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.due.is_empty() && self.queued == self.written
    }

    pub(super) fn unanswered(&self) -> usize {
        self.due.iter().map(|due| due.len).sum()
    }

    pub(super) fn has_room(&self, pipelining: bool, limit: usize) -> bool {
        match self.due.back() {
            None => true,
            Some(last) => pipelining && last.to.may_be_followed() && self.unanswered() < limit,
        }
    }

    /// What the next reply is to, and whether the server can have read it.
    pub(super) fn front(&self) -> Option<(To, bool)> {
        self.due.front().map(|due| (due.to, due.end <= self.written))
    }

    pub(super) fn by(&self) -> Option<Instant> {
        let block = self.block.map(|(by, _)| by);
        self.due.front().and_then(|due| due.by).into_iter().chain(block).min()
    }
}
