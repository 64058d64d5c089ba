//! Time and randomness that a message needs, as plain values: the crate reads no clock and no entropy.

use std::fmt;
use std::time::Duration;

/// When a message is built, and unguessable bytes for its names.
///
/// Drivers make one for each message; the same stamp and the same builder give the same message.
#[derive(Clone)]
pub struct Stamp {
    /// Time since 1970-01-01 00:00 UTC, for `Date`.
    pub unix_time: Duration,
    /// Bytes of a cryptographic generator, used for this message only: the first half makes the `Message-ID`, the
    /// second half the boundaries of its parts.
    pub random: [u8; 32],
}

impl Stamp {
    /// What boundaries are made of.
    pub(crate) fn part_random(&self) -> [u8; 16] {
        let mut random = [0; 16];
        random.copy_from_slice(&self.random[16..]);
        random
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamp").field("unix_time", &self.unix_time).finish_non_exhaustive()
    }
}
