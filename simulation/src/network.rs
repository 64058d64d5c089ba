//! A direction of a connection: bytes on their way, with what may happen to them.

use std::collections::VecDeque;

use smtp_proto::Instant;

/// What one side has written and the other has not read.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    in_flight: usize,
    capacity: usize,
    /// Nothing overtakes what was written before.
    last: Instant,
    /// The writer is done, or was cut off.
    end: Option<Instant>,
    /// Writes fail from now on.
    pub(crate) broken: bool,
    /// What is written is lost, and no end comes either.
    pub(crate) silent: bool,
    /// The reader does not read before.
    pub(crate) stalled_until: Instant,
    /// The reader knows that it is over.
    pub(crate) end_told: bool,
}

impl Pipe {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// How many bytes can be written now.
    pub(crate) fn room(&self) -> usize {
        if self.broken || self.end.is_some() { 0 } else { self.capacity.saturating_sub(self.in_flight) }
    }

    /// Bytes that are written and not read.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn write(&mut self, arrival: Instant, bytes: &[u8]) {
        if self.silent {
            return;
        }
        self.last = self.last.max(arrival);
        self.in_flight += bytes.len();
        self.pieces.push_back((self.last, bytes.to_vec()));
    }

    /// No more bytes come behind those on their way.
    pub(crate) fn finish(&mut self, arrival: Instant) {
        if !self.silent && self.end.is_none() {
            self.last = self.last.max(arrival);
            self.end = Some(self.last);
        }
    }

    /// Whether the writer is done or cut off.
    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some()
    }

    /// What is on its way is lost.
    pub(crate) fn lose(&mut self) {
        self.pieces.clear();
        self.in_flight = 0;
    }

    /// When there is something to read, the end included.
    pub(crate) fn next(&self) -> Option<Instant> {
        let end = self.end.filter(|_| !self.end_told);
        let next = self.pieces.front().map(|(at, _)| *at).or(end)?;
        Some(next.max(self.stalled_until))
    }

    /// At most so many bytes of what has arrived by now; of several pieces at once if they are there.  Nothing means that
    /// it is over.
    pub(crate) fn read(&mut self, now: Instant, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < most
            && let Some((at, piece)) = self.pieces.front_mut()
            && *at <= now
        {
            let taken = piece.len().min(most - bytes.len());
            bytes.extend(piece.drain(..taken));
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        self.in_flight -= bytes.len();
        bytes
    }
}
