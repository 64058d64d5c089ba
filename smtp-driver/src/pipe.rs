//! A transport, and what is known of its two directions: one exchange at a time for the loops of client and server.

use std::io::IoSlice;

use smtp_proto::{Instant, Output};

use crate::runtime::{Progress, Transport};

/// Pieces written in one call; the operating systems take at most 1024.
const MAX_SLICES: usize = 64;
/// How much is read at once.
const READ_BUFFER: usize = 16 << 10;

pub(crate) struct Pipe<T> {
    transport: T,
    rx: Vec<u8>,
    /// The peer has ended its side.
    eof: bool,
    /// Writing has failed.
    write_closed: bool,
}

/// What one exchange did.
pub(crate) enum Moved<'a> {
    /// These bytes came.
    Read(&'a [u8]),
    /// So many bytes went out.
    Wrote(usize),
    /// The peer will send no more.
    Eof,
    /// The deadline has passed.
    TimedOut,
    /// Writing has failed.  It is not the end: the reply that says why may be there to be read.
    WriteClosed,
    /// Neither direction works any more.
    Gone,
}

impl<T: Transport> Pipe<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self { transport, rx: vec![0; READ_BUFFER], eof: false, write_closed: false }
    }

    /// Moves bytes once, or lets time pass until the deadline.  Without `read`, input is left to the transport.
    pub(crate) async fn exchange(
        &mut self,
        out: &Output,
        chunk: &[u8],
        read: bool,
        deadline: Option<Instant>,
    ) -> Moved<'_> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        if !self.write_closed {
            // With another chunk than the one it refers to, nothing of it may leave.
            let Ok(parts) = out.slices(chunk) else { return Moved::Gone };
            for (slot, slice) in slices.iter_mut().zip(parts) {
                *slot = IoSlice::new(slice);
                count += 1;
            }
        }
        let rx = if self.eof || !(read || count == 0) { &mut [][..] } else { &mut self.rx[..] };
        if rx.is_empty() && count == 0 {
            return Moved::Gone;
        }
        match self.transport.exchange(rx, &slices[..count], deadline).await {
            Ok(Progress::Read(0)) => {
                self.eof = true;
                Moved::Eof
            }
            Ok(Progress::Read(n)) => Moved::Read(&self.rx[..n]),
            Ok(Progress::Wrote(n)) => Moved::Wrote(n),
            Ok(Progress::WriteClosed) => {
                self.write_closed = true;
                Moved::WriteClosed
            }
            Ok(Progress::TimedOut) => Moved::TimedOut,
            Err(_) => {
                self.eof = true;
                self.write_closed = true;
                Moved::Gone
            }
        }
    }

    /// Bytes that have arrived already; `None` if nothing has, `Some` of nothing at the end.
    pub(crate) fn arrived(&mut self) -> Option<&[u8]> {
        match self.transport.try_read(&mut self.rx) {
            Ok(n) => Some(&self.rx[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => Some(&[]),
        }
    }

    /// Whether both directions work, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        !self.eof && !self.write_closed
    }
}
