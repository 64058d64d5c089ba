//! Why a text cannot stand in a line of commands or replies.

use core::fmt;

/// The rule that a text breaks, so that it cannot be a [query](crate::command::QueryText), the text of a
/// [reply](crate::reply::Reply), or a [line of the reply to EHLO](crate::server::Keyword).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextError {
    /// There is nothing.
    Empty,
    /// A character is not allowed, at least not there.
    Character {
        /// Where, in bytes from the start, the first being 0.
        at: usize,
    },
    /// It has too many bytes.
    TooLong {
        /// How many it has.
        length: usize,
        /// How many it may have.
        limit: usize,
    },
}

impl TextError {
    /// The first of the rules that `text` breaks.
    pub(crate) fn check(
        text: &str,
        limit: usize,
        is_allowed: impl Fn(usize, char) -> bool,
    ) -> Result<(), Self> {
        if text.is_empty() {
            return Err(Self::Empty);
        }
        if text.len() > limit {
            return Err(Self::TooLong { length: text.len(), limit });
        }
        match text.char_indices().find(|&(at, c)| !is_allowed(at, c)) {
            Some((at, _)) => Err(Self::Character { at }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the text is empty"),
            Self::Character { at } => {
                write!(f, "the character at byte {at} of the text is not allowed there")
            }
            Self::TooLong { length, limit } => {
                write!(f, "the text has {length} bytes, of at most {limit}")
            }
        }
    }
}

impl core::error::Error for TextError {}
