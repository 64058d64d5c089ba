//! Putting commands out: encoded, counted, timed, awaited and told.

use alloc::collections::VecDeque;
use alloc::string::ToString;

use super::config::Config;
use super::event::{Event, Trace};
use super::pipeline::{Awaited, Pipeline};
use crate::Output;
use crate::command::Command;
use crate::time::Instant;

/// What it takes to put a command out, apart from the transactions that commands borrow from.
pub(super) struct Wire {
    pub(super) config: Config,
    /// The latest time that is known.
    pub(super) now: Instant,
    pub(super) pipeline: Pipeline,
    pub(super) events: VecDeque<Event>,
}

impl Wire {
    pub(super) fn expect_greeting(&mut self) {
        self.pipeline.expect_greeting(self.now, &self.config.timeouts);
    }

    /// `len` more bytes were appended to the output.
    pub(super) fn queue(&mut self, len: usize) {
        self.pipeline.queue(len, self.now, &self.config.timeouts);
    }

    /// Appends a command, and notes its reply.
    pub(super) fn put(&mut self, command: Command<'_>, awaited: Awaited, out: &mut Output) {
        let before = out.len();
        self.announce(command, out);
        self.pipeline.expect(awaited, out.len() - before);
    }

    /// Appends a command whose reply belongs to what follows it.
    pub(super) fn announce(&mut self, command: Command<'_>, out: &mut Output) {
        let before = out.len();
        out.append_with(|bytes| command.encode(bytes));
        if command.is_secret() {
            out.mark_secret();
        }
        self.queue(out.len() - before);
        if self.config.trace {
            self.events.push_back(Event::Trace(Trace::Sent(command.to_string())));
        }
    }
}
