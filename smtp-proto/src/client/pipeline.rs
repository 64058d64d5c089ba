//! The FIFO of replies that are still to come, with their deadlines (RFC 2920, RFC 5321 section 4.5.3.2).
//!
//! It does bookkeeping only; what a reply means is decided in [`machine`](super::machine).

use alloc::collections::VecDeque;
use core::time::Duration;

use super::config::Timeouts;
use super::error::Phase;
use super::event::TransactionId;
use crate::time::Instant;

/// What a reply will answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth,
    Mail(TransactionId),
    Rcpt(TransactionId, usize),
    Data(TransactionId),
    /// A chunk that is not the last.
    Chunk(TransactionId),
    /// The end of the content.
    Verdict(TransactionId),
    /// The same, for one recipient (RFC 2033 section 4.2).
    RecipientVerdict(TransactionId, usize),
    Query,
    Rset,
    Quit,
}

impl Awaited {
    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Greeting => Phase::Greeting,
            Self::Ehlo | Self::Helo => Phase::Hello,
            Self::StartTls => Phase::StartTls,
            Self::Auth => Phase::Auth,
            Self::Mail(_) => Phase::Mail,
            Self::Rcpt(..) => Phase::Rcpt,
            Self::Data(_) => Phase::Data,
            Self::Chunk(_) => Phase::Content,
            Self::Verdict(_) | Self::RecipientVerdict(..) => Phase::Verdict,
            Self::Query => Phase::Query,
            Self::Rset => Phase::Reset,
            Self::Quit => Phase::Quit,
        }
    }

    fn timeout(self, timeouts: &Timeouts) -> Duration {
        match self {
            Self::Greeting => timeouts.greeting,
            Self::Ehlo | Self::Helo | Self::StartTls | Self::Query | Self::Rset => timeouts.command,
            Self::Auth => timeouts.auth,
            Self::Mail(_) => timeouts.mail,
            Self::Rcpt(..) => timeouts.rcpt,
            Self::Data(_) => timeouts.data,
            Self::Chunk(_) | Self::Verdict(_) | Self::RecipientVerdict(..) => timeouts.message,
            Self::Quit => timeouts.quit,
        }
    }

    /// Whether nothing may be sent behind it before its reply has come (RFC 2920 section 3.1).
    fn ends_group(self) -> bool {
        match self {
            Self::Greeting
            | Self::Ehlo
            | Self::Helo
            | Self::StartTls
            | Self::Auth
            | Self::Data(_)
            | Self::Query
            | Self::Quit => true,
            Self::Mail(_)
            | Self::Rcpt(..)
            | Self::Chunk(_)
            | Self::Verdict(_)
            | Self::RecipientVerdict(..)
            | Self::Rset => false,
        }
    }
}

#[derive(Debug)]
struct Expected {
    awaited: Awaited,
    /// Bytes of the command, for the cap on what is unanswered.
    len: usize,
    /// Where the command ends in the stream of all bytes queued.
    end: u64,
    /// Set once the command is wholly written, and never moved.
    deadline: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Pipeline {
    expected: VecDeque<Expected>,
    /// So many at the front have a deadline.
    timed: usize,
    /// Bytes of commands that have no reply yet.
    unanswered: usize,
    queued: u64,
    written: u64,
    /// Until when what is queued must be written, or the next part of it.
    block_deadline: Option<Instant>,
    /// Where in the stream the part begins that the deadline is for.
    block_start: u64,
}

impl Pipeline {
    /// So much written earns the time of a block for the rest.
    pub(super) const BLOCK: u64 = 64 << 10;

    /// `len` more bytes were put out.
    pub(super) fn queue(&mut self, len: usize, now: Instant, timeouts: &Timeouts) {
        self.queued += len as u64;
        if self.block_deadline.is_none() && self.queued > self.written {
            self.block_deadline = Some(now + timeouts.block);
            self.block_start = self.written;
        }
    }

    /// The command that was queued last has a reply.
    pub(super) fn expect(&mut self, awaited: Awaited, len: usize) {
        self.unanswered += len;
        self.expected.push_back(Expected { awaited, len, end: self.queued, deadline: None });
    }

    /// Nothing but `QUIT` is on its way, which is not worth the time of a block.
    pub(super) fn hurry(&mut self, now: Instant, timeouts: &Timeouts) {
        if self.expected.len() == 1 {
            self.block_deadline = self.block_deadline.map(|block| block.min(now + timeouts.quit));
        }
    }

    /// The greeting, which answers nothing.
    pub(super) fn expect_greeting(&mut self, now: Instant, timeouts: &Timeouts) {
        self.expect(Awaited::Greeting, 0);
        self.start_timers(now, timeouts);
    }

    /// `n` more bytes were written.
    pub(super) fn written(&mut self, n: usize, now: Instant, timeouts: &Timeouts) {
        self.written = self.written.saturating_add(n as u64).min(self.queued);
        if self.written == self.queued {
            self.block_deadline = None;
        } else if self.written - self.block_start >= Self::BLOCK {
            self.block_deadline = self.block_deadline.map(|_| now + timeouts.block);
            self.block_start = self.written;
        }
        self.start_timers(now, timeouts);
    }

    fn start_timers(&mut self, now: Instant, timeouts: &Timeouts) {
        let mut earlier =
            self.timed.checked_sub(1).and_then(|last| self.expected[last].deadline).unwrap_or_default();
        for expected in self.expected.iter_mut().skip(self.timed) {
            if expected.end > self.written {
                break;
            }
            // A pipelined command has to wait for the ones before it, each of which may take all its time.
            earlier = earlier.max(now) + expected.awaited.timeout(timeouts);
            expected.deadline = Some(earlier);
            self.timed += 1;
        }
    }

    /// Takes what the next reply answers; `None` if no command is wholly written whose reply is missing.
    pub(super) fn answer(&mut self) -> Option<Awaited> {
        if self.expected.front()?.end > self.written {
            return None;
        }
        let expected = self.expected.pop_front()?;
        self.timed = self.timed.saturating_sub(1);
        self.unanswered -= expected.len;
        Some(expected.awaited)
    }

    /// Whether one more command may go out now.
    pub(super) fn has_room(&self, pipelining: bool, limit: usize) -> bool {
        match self.expected.back() {
            None => true,
            Some(last) => pipelining && !last.awaited.ends_group() && self.unanswered < limit,
        }
    }

    /// Whether no reply is awaited.
    pub(super) fn is_answered(&self) -> bool {
        self.expected.is_empty()
    }

    /// Whether no reply is awaited, and everything is written.
    pub(super) fn is_empty(&self) -> bool {
        self.expected.is_empty() && self.queued == self.written
    }

    /// Whether everything up to `end`, a value of [`queued`](Self::queued), is written.
    pub(super) fn is_written(&self, end: u64) -> bool {
        end <= self.written
    }

    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    /// What the next reply will answer, and whether its command is wholly written.
    pub(super) fn front(&self) -> Option<(Awaited, bool)> {
        self.expected.front().map(|front| (front.awaited, self.is_written(front.end)))
    }

    /// The earliest deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let reply = self.expected.front().and_then(|front| front.deadline);
        reply.into_iter().chain(self.block_deadline).min()
    }
}
