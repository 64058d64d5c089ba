//! Lines of a client out of input in any pieces (RFC 5321 sections 2.3.8 and 4.5.3.1.4).
//!
//! Memory is bounded by the limit, even for a line that never ends, and no byte is searched twice.

use bytes::{Buf, BytesMut};

use super::Limits;

/// Input that was not looked at yet.
#[derive(Default)]
pub(super) struct Input {
    bytes: BytesMut,
    /// How much of `bytes` has no LF.
    searched: usize,
    /// The line that begins `bytes` was too long already, and its beginning is gone.
    skipping: bool,
    /// That line is a BDAT.
    skipping_chunk: bool,
}

/// What is wrong with a line that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineError {
    TooLong,
    /// The same, and it is a BDAT: the bytes behind it are no lines, and nobody knows how many they are.
    TooLongChunk,
    /// A CR or LF stands alone in it.
    BareEnd,
}

impl Input {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// At most `max` bytes from the front.  Only between lines.
    pub(super) fn front(&self, max: usize) -> &[u8] {
        &self.bytes[..self.bytes.len().min(max)]
    }

    /// Drops bytes from the front.  Only between lines.
    pub(super) fn drop_front(&mut self, n: usize) {
        self.bytes.advance(n.min(self.bytes.len()));
    }

    /// Takes a line without its end off the front; `in_auth` says that it is not a command but a response of AUTH.
    pub(super) fn next_line(
        &mut self,
        limits: &Limits,
        in_auth: bool,
    ) -> Option<Result<BytesMut, LineError>> {
        let is_auth = self.bytes.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        let is_chunk = self.skipping_chunk
            || !in_auth
                && !self.skipping
                && self.bytes.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"));
        let limit = if in_auth || is_auth { limits.auth_line } else { limits.line };
        let Some(lf) = memchr::memchr(b'\n', &self.bytes[self.searched..]) else {
            if self.skipping || self.bytes.len() > limit {
                // What is there can go, but for a CR whose LF may come.
                self.skipping = true;
                self.skipping_chunk = is_chunk;
                self.bytes.advance(self.bytes.len().saturating_sub(1));
            }
            self.searched = self.bytes.len();
            return None;
        };
        let mut line = self.bytes.split_to(self.searched + lf + 1);
        self.searched = 0;
        let skipped = core::mem::take(&mut self.skipping);
        self.skipping_chunk = false;
        if !line.ends_with(b"\r\n") {
            return Some(Err(LineError::BareEnd));
        }
        if skipped || line.len() > limit {
            return Some(Err(if is_chunk { LineError::TooLongChunk } else { LineError::TooLong }));
        }
        line.truncate(line.len() - 2);
        if memchr::memchr(b'\r', &line).is_some() {
            return Some(Err(LineError::BareEnd));
        }
        Some(Ok(line))
    }
}
