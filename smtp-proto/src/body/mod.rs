//! Framing of message content on the wire: transparency for DATA (RFC 5321 section 4.5.2), chunks for BDAT (RFC 3030).
//!
//! Content is never copied: framing yields ranges of the caller's chunk.  A bare CR or LF is refused, because servers
//! that take it for a line end can be made to see commands in the content (SMTP smuggling).

mod chunks;
mod dots;

use core::fmt;

pub(crate) use chunks::{Chunk, Chunker};
pub use dots::DotStuffer;

/// A CR without LF behind it or an LF without CR before it, which RFC 5321 section 2.3.8 forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BareLineEnd {
    /// Where it stands, counted in bytes from the start of the content.
    pub offset: u64,
}

impl fmt::Display for BareLineEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the content has a bare CR or LF at byte {}", self.offset)
    }
}

impl core::error::Error for BareLineEnd {}

/// Why content cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// It has a bare CR or LF, and is not [`BinaryMime`](crate::envelope::BodyType::BinaryMime).
    BareLineEnd(BareLineEnd),
    /// There is more of it than [`Form::size`](crate::envelope::Form::size) said (in chunks only).
    TooLong {
        /// Bytes there should be.
        declared: u64,
    },
    /// There is less of it than [`Form::size`](crate::envelope::Form::size) said (in chunks only).
    TooShort {
        /// Bytes there should be.
        declared: u64,
        /// Bytes there are.
        taken: u64,
    },
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareLineEnd(error) => error.fmt(f),
            Self::TooLong { declared } => write!(f, "the content is longer than its {declared} bytes"),
            Self::TooShort { declared, taken } => {
                write!(f, "the content ends after {taken} of its {declared} bytes")
            }
        }
    }
}

impl core::error::Error for BodyError {}
